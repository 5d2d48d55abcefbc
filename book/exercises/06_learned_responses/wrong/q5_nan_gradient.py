# loses: 1
# says: gradient at a patch of zeros is nan


def prefers(p):
    norms = (p.x_sq * p.w_sq).clamp(min=1e-12).sqrt()
    off = p.x_sq.sqrt() - KEY_wanted
    return p.dot / norms * torch.exp(-KEY_width * off**2)
