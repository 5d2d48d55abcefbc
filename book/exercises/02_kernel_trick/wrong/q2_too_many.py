# loses: 1
# says: x₁x₂ and x₂x₁ are there twice


def features(x):
    products = torch.outer(x, x).flatten()
    single = math.sqrt(KEY_linear) * x
    return torch.cat([x.new_tensor([math.sqrt(KEY_constant)]), single, products])
