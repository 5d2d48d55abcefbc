# loses: 3
# says: the norm, not its square


def prefers(p):
    norms = (p.x_sq * p.w_sq).clamp(min=1e-12).sqrt()
    return p.dot / norms * torch.exp(-KEY_width * (p.x_sq - KEY_wanted) ** 2)
