# loses: 2
# says: a kernel without a recipe


def preferred(kernel, w):
    positive = w.clamp(min=0)
    if isinstance(kernel, kerv.GaussianKernel):
        return positive.clamp(max=1)
    if isinstance(kernel, kerv.CosineKernel):
        return positive / positive.max()
    if isinstance(kernel, kerv.CorrelationKernel):
        return (w - w.min()) / (w.max() - w.min())
    return (w > 0).to(w.dtype)
