# loses: 2
# says: γ is missing


def without_light(p):
    light = (p.x_sum - p.w_sum) ** 2 / p.n
    return torch.exp(-(p.dist_sq - light).clamp_min(0))
