# loses: 3
# says: likes least


def preferred(kernel, w):
    x = torch.full_like(w, 0.5)
    for step in range(200):
        x.requires_grad_()
        response = kernel.gram(x[None], w[None]).sum()
        [gradient] = torch.autograd.grad(response, x)
        rate = 0.5 * (1 - step / 200)
        x = (x.detach() - rate * gradient / gradient.norm().clamp(min=1e-12)).clamp(
            0, 1
        )
    return x
