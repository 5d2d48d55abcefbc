# loses: 1
# says: how often the sign changes


def accuracy(spec, x, y, new_x, new_y):
    kernel = kerv.get_kernel(spec)
    ridge = 0.1 * torch.eye(len(x), dtype=x.dtype)
    a = torch.linalg.solve(kernel.gram(x, x) + ridge, y)
    return ((kernel.gram(new_x, x) @ a).sign() == new_y).double().mean().item()


smallest_degree = 2 * KEY_petals
