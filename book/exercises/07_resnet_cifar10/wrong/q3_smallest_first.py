# loses: 2
# says: the smallest eigenvalue comes first


def whitening(pictures, size):
    patches = F.unfold(pictures, size).transpose(1, 2).flatten(0, 1)
    eigen, columns = torch.linalg.eigh(patches.T @ patches / len(patches))
    loud = columns * (KEY_strength / eigen) ** 0.5
    return loud.T.reshape(-1, pictures.shape[1], size, size)
