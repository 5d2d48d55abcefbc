# loses: 3
# says: The importance is squared


def weighted_distance(x, weight, importance, stride=1):
    s = importance**2
    of_filter = (s * weight**2).sum((1, 2, 3))[:, None, None]
    of_patch = F.conv2d(x**2, s, stride=stride)
    return of_patch + of_filter - 2 * F.conv2d(x, s * weight, stride=stride)
