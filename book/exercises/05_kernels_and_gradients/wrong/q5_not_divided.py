# loses: 3
# says: Divide by n


def without_light(p):
    light = (p.x_sum - p.w_sum) ** 2
    return torch.exp(-KEY_light_gamma * (p.dist_sq - light).clamp_min(0))
