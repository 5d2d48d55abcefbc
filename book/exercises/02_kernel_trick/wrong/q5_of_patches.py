# loses: 2
# says: That is the distance of the patches


def feature_distance(kernel, x, w):
    return torch.cdist(x, w) ** 2
