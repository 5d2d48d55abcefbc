# loses: 1
# says: A patch of zeros gives nan


def prefers(p):
    off = p.x_sq.sqrt() - KEY_wanted
    return p.dot / (p.x_sq * p.w_sq).sqrt() * torch.exp(-KEY_width * off**2)
