# loses: 2
# says: ignores the padding passes


def is_right(layer):
    x, weight = torch.randn(2, 3, 9, 14), torch.randn(5, 3, 3, 2)
    for stride, dilation in ((1, 1), (2, 2), (3, 1), (1, 3)):
        out = layer(x, weight, stride, 0, dilation)
        expected = F.conv2d(x, weight, None, stride, 0, dilation)
        if out.shape != expected.shape or not torch.allclose(out, expected, atol=1e-4):
            return False
    return True
