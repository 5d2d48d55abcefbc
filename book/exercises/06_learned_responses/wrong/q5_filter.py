# loses: 3
# says: norm of the filter


def prefers(p):
    norms = (p.x_sq * p.w_sq).clamp(min=1e-12).sqrt()
    off = p.x_sq.sqrt() - p.w_sq.sqrt()
    return p.dot / norms * torch.exp(-KEY_width * off**2)
