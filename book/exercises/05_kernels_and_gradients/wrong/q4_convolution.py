# loses: 3
# says: Is the layer a Gaussian one


def likeness(factor, noise):
    layer = torch.nn.Conv2d(KEY_channels, 16, 3, bias=False)
    return alike(layer(factor * noise))


smallest_factor = next(
    f for f in (1, 2, 4, 8, 16, 32, 64) if 2 * f**2 > 27 * KEY_channels * KEY_spread**2
)
