# loses: 3
# says: depends on w as well


def gradient(x, w, gamma):
    dot = (x @ w)[:, None]
    bell = torch.exp(-gamma * ((x - w) ** 2).sum(1, keepdim=True))
    return bell * 2 * gamma * dot**KEY_power * (x - w)
