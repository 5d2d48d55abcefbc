# loses: 2
# says: You took the root

numbers = {"x_sq": KEY_x_sq, "w_sq": KEY_w_sq, "dot": KEY_dot, "gamma": KEY_exponent}
three = torch.tensor(KEY_x_sq + KEY_w_sq - 2.0 * KEY_dot)
response = torch.exp(-KEY_exponent * three.sqrt()).item()
