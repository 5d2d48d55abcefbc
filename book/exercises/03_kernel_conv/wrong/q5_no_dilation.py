# loses: 2
# says: ignores the dilation passes


def is_right(layer):
    x, weight = torch.randn(2, 3, 9, 14), torch.randn(5, 3, 3, 2)
    for stride, padding in ((1, 0), (2, 1), (3, 1), (1, 2)):
        out = layer(x, weight, stride, padding, 1)
        expected = F.conv2d(x, weight, None, stride, padding)
        if out.shape != expected.shape or not torch.allclose(out, expected, atol=1e-4):
            return False
    return True
