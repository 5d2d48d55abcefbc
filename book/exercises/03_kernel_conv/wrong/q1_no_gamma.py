# loses: 2
# says: Gamma is missing

patch, weight = KEY_patch, KEY_filter
difference = torch.tensor(patch) - torch.tensor(weight)
response = torch.exp(-(difference**2).sum().float()).item()
