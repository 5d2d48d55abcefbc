# loses: 2
# says: The norms were squared already

numbers = {"x_sq": KEY_x_sq, "w_sq": KEY_w_sq, "dot": KEY_dot, "gamma": KEY_exponent}
response = torch.exp(
    -KEY_exponent * torch.tensor(KEY_x_sq**2 + KEY_w_sq**2 - 2.0 * KEY_dot).double()
).item()
