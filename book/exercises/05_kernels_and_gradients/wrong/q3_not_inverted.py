# loses: 3
# says: That is the median. Its inverse


def median_gamma(x, weight):
    patches = F.unfold(x, weight.shape[2:]).transpose(1, 2).flatten(0, 1)
    distances = torch.cdist(patches, weight.flatten(1))
    return (distances**2).median().item()
