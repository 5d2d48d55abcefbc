# loses: 2
# says: The sign slipped

patch, weight = KEY_patch, KEY_filter
difference = torch.tensor(patch) - torch.tensor(weight)
response = torch.exp(KEY_patch_gamma * (difference**2).sum()).item()
