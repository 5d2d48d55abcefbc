# loses: 2
# says: those are differences


def gradient(x, w, gamma):
    def value(w):
        distances = (x - w).double().square().sum(1)
        return (x.double() @ w) ** KEY_power * torch.exp(-gamma * distances)

    steps = 1e-6 * torch.eye(len(w), dtype=torch.float64)
    slopes = [(value(w + step) - value(w - step)) / 2e-6 for step in steps]
    return torch.stack(slopes, dim=1).to(x.dtype)
