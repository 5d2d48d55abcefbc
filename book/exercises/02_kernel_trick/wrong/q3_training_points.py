# loses: 2
# says: the share of the training points


def accuracy(spec, x, y, new_x, new_y):
    kernel = kerv.get_kernel(spec)
    ridge = 0.1 * torch.eye(len(x), dtype=x.dtype)
    a = torch.linalg.solve(kernel.gram(x, x) + ridge, y)
    return ((kernel.gram(x, x) @ a).sign() == y).double().mean().item()


smallest_degree = KEY_petals
