# loses: 2
# says: You took the root

patch, weight = KEY_patch, KEY_filter
difference = torch.tensor(patch) - torch.tensor(weight)
response = torch.exp(-KEY_patch_gamma * (difference**2).sum().sqrt()).item()
