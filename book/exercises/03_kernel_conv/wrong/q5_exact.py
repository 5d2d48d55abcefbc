# loses: 4
# says: It rejects a right layer


def is_right(layer):
    x, weight = torch.randn(2, 3, 9, 14), torch.randn(5, 3, 3, 2)
    return torch.equal(layer(x, weight, 2, 1, 2), F.conv2d(x, weight))
