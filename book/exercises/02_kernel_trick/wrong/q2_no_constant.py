# loses: 4
# says: The constant is missing


def features(x):
    rows, columns = torch.triu_indices(len(x), len(x), offset=1)
    mixed = math.sqrt(2) * x[rows] * x[columns]
    return torch.cat([math.sqrt(KEY_linear) * x, x**2, mixed])
