# loses: 1
# says: a loop over the places?


def kernel_layer(x, weight, stride=1, padding=0):
    kh, kw = weight.shape[2:]
    x = F.pad(x, (padding, padding, padding, padding))
    rows = []
    for r in range(0, x.shape[2] - kh + 1, stride):
        row = []
        for c in range(0, x.shape[3] - kw + 1, stride):
            patch = x[:, :, r : r + kh, c : c + kw].clone()
            row.append((patch[:, None] - weight).square().sum((2, 3, 4)))
        rows.append(torch.stack(row, dim=-1))
    dist_sq = torch.stack(rows, dim=2)
    return KEY_code
