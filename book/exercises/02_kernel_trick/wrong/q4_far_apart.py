# loses: 3
# says: No eigenvalue is below −0.1

points = torch.tensor([[10.0, 0.0], [0.0, 10.0]])
