# loses: 4
# says: It rejects a right layer


def is_right(layer):
    x, weight = torch.randn(2, 3, 9, 14), torch.randn(5, 3, 3, 2)
    for stride, padding, dilation in ((1, 0, 1), (2, 1, 2), (3, 1, 1), (1, 2, 3)):
        out = layer(x, weight, stride, padding, dilation)
        if not torch.equal(out, F.conv2d(x, weight, None, stride, padding, dilation)):
            return False
    return True
