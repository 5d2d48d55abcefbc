# loses: 2
# says: lengthen by the root


def whitening(pictures, size):
    patches = F.unfold(pictures, size).transpose(1, 2).flatten(0, 1)
    eigen, columns = torch.linalg.eigh(patches.T @ patches / len(patches))
    loud = KEY_strength * columns / eigen**0.5
    return loud.T.flip(0).reshape(-1, pictures.shape[1], size, size)
