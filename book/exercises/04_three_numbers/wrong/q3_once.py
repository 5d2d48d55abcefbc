# loses: 4
# says: The dot product counts twice


def kernel_layer(x, weight, stride=1, padding=0):
    settings = {"stride": stride, "padding": padding}
    norms = F.conv2d(x**2, torch.ones_like(weight[:1]), **settings)
    w_sq = (weight**2).sum((1, 2, 3))[:, None, None]
    dist_sq = (norms + w_sq - F.conv2d(x, weight, **settings)).clamp_min(0)
    return KEY_code
