# loses: 2
# says: Your filters do not depend on the pictures


def whitening(pictures, size):
    n = pictures.shape[1] * size**2
    filters = torch.eye(n, dtype=pictures.dtype)
    return filters.reshape(n, pictures.shape[1], size, size)
