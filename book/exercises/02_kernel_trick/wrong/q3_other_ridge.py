# loses: 2
# says: the identity takes the factor 0.1


def accuracy(spec, x, y, new_x, new_y):
    kernel = kerv.get_kernel(spec)
    a = torch.linalg.solve(kernel.gram(x, x) + torch.eye(len(x), dtype=x.dtype), y)
    return ((kernel.gram(new_x, x) @ a).sign() == new_y).double().mean().item()


smallest_degree = KEY_petals
