# loses: 2
# says: take no mean off


def whitening(pictures, size):
    patches = F.unfold(pictures, size).transpose(1, 2).flatten(0, 1)
    eigen, columns = torch.linalg.eigh(torch.cov(patches.T))
    loud = columns * (KEY_strength / eigen) ** 0.5
    return loud.T.flip(0).reshape(-1, pictures.shape[1], size, size)
