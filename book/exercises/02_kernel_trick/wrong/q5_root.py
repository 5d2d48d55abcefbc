# loses: 3
# says: That is the distance. The question asks for its square


def feature_distance(kernel, x, w):
    x_length = kernel.gram(x, x).diagonal()[:, None]
    return (x_length + kernel.gram(w, w).diagonal() - 2 * kernel.gram(x, w)).sqrt()
