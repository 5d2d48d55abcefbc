def median_gamma(x, weight):
    patches = F.unfold(x, weight.shape[2:]).mT.reshape(-1, 1, weight[0].numel())
    distances = (patches - weight.flatten(1)).square().sum(2)
    return 1 / distances.quantile(0.5)
