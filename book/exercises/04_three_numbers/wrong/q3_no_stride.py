# loses: 2
# says: The stride has no effect


def kernel_layer(x, weight, stride=1, padding=0):
    norms = F.conv2d(x**2, torch.ones_like(weight[:1]), padding=padding)
    w_sq = (weight**2).sum((1, 2, 3))[:, None, None]
    dist_sq = (norms + w_sq - 2 * F.conv2d(x, weight, padding=padding)).clamp_min(0)
    return KEY_code
