# loses: 3
# says: The mixed term comes twice


def feature_distance(kernel, x, w):
    x_length = kernel.gram(x, x).diagonal()[:, None]
    return x_length + kernel.gram(w, w).diagonal() - kernel.gram(x, w)
