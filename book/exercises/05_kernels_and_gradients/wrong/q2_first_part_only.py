# loses: 2
# says: the exponential depends on w as well


def gradient(x, w, gamma):
    dot = (x @ w)[:, None]
    bell = torch.exp(-gamma * ((x - w) ** 2).sum(1, keepdim=True))
    return bell * KEY_power * dot ** (KEY_power - 1) * x
