def is_right(layer):
    x, weight = torch.randn(2, 3, 11, 15), torch.randn(4, 3, 2, 3)
    for stride, padding, dilation in ((1, 0, 1), (2, 0, 1), (1, 1, 1), (1, 0, 2)):
        settings = {"stride": stride, "padding": padding, "dilation": dilation}
        out = layer(x=x, weight=weight, **settings)
        expected = F.conv2d(x, weight, **settings)
        if out.shape != expected.shape or (out - expected).abs().max() > 1e-3:
            return False
    return True
