# loses: 2
# says: The dot product counts twice

numbers = {"x_sq": KEY_x_sq, "w_sq": KEY_w_sq, "dot": KEY_dot, "gamma": KEY_exponent}
response = torch.exp(
    torch.tensor(-KEY_exponent * (KEY_x_sq + KEY_w_sq - KEY_dot))
).item()
