# loses: 2
# says: The eigenvectors are the columns


def whitening(pictures, size):
    patches = F.unfold(pictures, size).transpose(1, 2).flatten(0, 1)
    eigen, vectors = torch.linalg.eigh(patches.T @ patches / len(patches))
    loud = vectors * (KEY_strength / eigen[:, None]) ** 0.5
    return loud.flip(0).reshape(-1, pictures.shape[1], size, size)
