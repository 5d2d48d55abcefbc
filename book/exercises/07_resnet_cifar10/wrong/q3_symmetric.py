# loses: 2
# says: not at right angles


def whitening(pictures, size):
    patches = F.unfold(pictures, size).transpose(1, 2).flatten(0, 1)
    eigen, columns = torch.linalg.eigh(patches.T @ patches / len(patches))
    rows = columns * (KEY_strength / eigen) ** 0.5 @ columns.T
    rows = rows[rows.norm(dim=1).argsort()]
    return rows.reshape(-1, pictures.shape[1], size, size)
