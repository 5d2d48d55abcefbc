# loses: 3
# says: No eigenvalue is below −0.1

points = torch.tensor([[1.0, 2.0]])
