# loses: 2
# says: A sign slipped


def gradient(x, w, gamma):
    dot = (x @ w)[:, None]
    bell = torch.exp(-gamma * ((x - w) ** 2).sum(1, keepdim=True))
    outer = KEY_power * dot ** (KEY_power - 1) * x
    return bell * (outer - 2 * gamma * dot**KEY_power * (x - w))
