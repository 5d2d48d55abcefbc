# loses: 2
# says: convert to float32 before


def relative_error(brightness, patches, filters):
    exact = torch.cdist(patches, filters) ** 2
    x, w = patches + brightness, filters + brightness
    three = (x**2).sum(1)[:, None] + (w**2).sum(1) - 2 * x @ w.T
    return ((three - exact).abs() / exact).median().item()


growth = 100
