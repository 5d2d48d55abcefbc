# loses: 1
# says: this layer is to do without torch.cdist and any unfold


def kernel_layer(x, weight, stride=1, padding=0):
    kh, kw = weight.shape[2:]
    padded = F.pad(x, (padding, padding, padding, padding))
    # Every patch again, as a view of the picture that the difference then copies out.
    windows = padded.unfold(2, kh, stride).unfold(3, kw, stride)[:, None]
    dist_sq = (windows - weight[:, :, None, None]).square().sum((2, 5, 6))
    return KEY_code
