# loses: 4
# says: it takes the root of its factor


def features(x):
    rows, columns = torch.triu_indices(len(x), len(x), offset=1)
    mixed = math.sqrt(2) * x[rows] * x[columns]
    return torch.cat([x.new_tensor([KEY_constant]), KEY_linear * x, x**2, mixed])
