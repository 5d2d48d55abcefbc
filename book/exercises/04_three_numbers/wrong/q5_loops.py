# loses: 2
# says: a loop over the places?


def weighted_distance(x, weight, importance, stride=1):
    kh, kw = weight.shape[2:]
    rows = []
    for r in range(0, x.shape[2] - kh + 1, stride):
        row = []
        for c in range(0, x.shape[3] - kw + 1, stride):
            patch = x[:, :, r : r + kh, c : c + kw].clone()
            row.append((importance * (patch[:, None] - weight) ** 2).sum((2, 3, 4)))
        rows.append(torch.stack(row, dim=-1))
    return torch.stack(rows, dim=2)
