# loses: 1
# says: one of the tensors has room for patches


def kernel_layer(x, weight, stride=1, padding=0):
    kh, kw = weight.shape[2:]
    x = F.pad(x, (padding, padding, padding, padding))
    height, width = ((x.shape[d] - weight.shape[d]) // stride + 1 for d in (2, 3))
    n, c, h, w = x.stride()
    size = (len(x), 1, height, width, x.shape[1], kh, kw)
    windows = x.as_strided(size, (n, 0, h * stride, w * stride, c, h, w))
    dist_sq = (windows - weight[:, None, None]).square().sum((4, 5, 6))
    return KEY_code
