# loses: 1
# says: What the formula gives is its square


def relative_error(brightness, patches, filters):
    exact = torch.cdist(patches, filters) ** 2
    x, w = (patches + brightness).float(), (filters + brightness).float()
    three = (x**2).sum(1)[:, None] + (w**2).sum(1) - 2 * x @ w.T
    return ((three - exact).abs() / exact).median().item()


growth = 10
