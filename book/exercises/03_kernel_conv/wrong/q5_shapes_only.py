# loses: 4
# says: forgets the transpose passes


def is_right(layer):
    x, weight = torch.randn(2, 3, 9, 14), torch.randn(5, 3, 3, 2)
    out = layer(x, weight, 2, 1, 2)
    return out.shape == F.conv2d(x, weight, None, 2, 1, 2).shape
