# loses: 3
# says: That is the plain Gaussian


def without_light(p):
    return torch.exp(-KEY_light_gamma * p.dist_sq)
