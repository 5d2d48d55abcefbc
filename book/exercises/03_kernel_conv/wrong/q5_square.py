# loses: 1
# says: swaps height and width passes


def is_right(layer):
    x, weight = torch.randn(2, 3, 9, 9), torch.randn(5, 3, 3, 3)
    for stride, padding, dilation in ((1, 0, 1), (2, 1, 2), (3, 1, 1), (1, 2, 3)):
        out = layer(x, weight, stride, padding, dilation)
        expected = F.conv2d(x, weight, None, stride, padding, dilation)
        if out.shape != expected.shape or not torch.allclose(out, expected, atol=1e-4):
            return False
    return True
