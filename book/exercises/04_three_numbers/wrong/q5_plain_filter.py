# loses: 3
# says: missing in the part of the filter


def weighted_distance(x, weight, importance, stride=1):
    of_patch = F.conv2d(x**2, importance, stride=stride)
    of_filter = (weight**2).sum((1, 2, 3))[:, None, None]
    return of_patch + of_filter - 2 * F.conv2d(x, importance * weight, stride=stride)
