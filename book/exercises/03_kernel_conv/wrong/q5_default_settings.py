# loses: 2
# says: ignores the dilation passes


def is_right(layer):
    x, weight = torch.randn(2, 3, 9, 14), torch.randn(5, 3, 3, 2)
    out = layer(x, weight, 1, 0, 1)
    expected = F.conv2d(x, weight)
    return out.shape == expected.shape and torch.allclose(out, expected, atol=1e-4)
