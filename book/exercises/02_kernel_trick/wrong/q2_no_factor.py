# loses: 4
# says: The factor of the mixed products is missing


def features(x):
    rows, columns = torch.triu_indices(len(x), len(x), offset=1)
    mixed = x[rows] * x[columns]
    single = math.sqrt(KEY_linear) * x
    return torch.cat([x.new_tensor([math.sqrt(KEY_constant)]), single, x**2, mixed])
