# loses: 2
# says: have the mean square 1


def whitening(pictures, size):
    patches = F.unfold(pictures, size).transpose(1, 2).flatten(0, 1)
    eigen, columns = torch.linalg.eigh(patches.T @ patches / len(patches))
    return (columns / eigen**0.5).T.flip(0).reshape(-1, pictures.shape[1], size, size)
