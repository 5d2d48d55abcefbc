# loses: 3
# says: leave the range


def preferred(kernel, w):
    x = torch.full_like(w, 0.5)
    for _ in range(100):
        x.requires_grad_()
        response = kernel.gram(x[None], w[None]).sum()
        [gradient] = torch.autograd.grad(response, x)
        x = x.detach() + 0.1 * gradient / gradient.norm().clamp(min=1e-12)
    return x
