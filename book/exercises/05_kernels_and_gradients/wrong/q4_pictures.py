# loses: 2
# says: Is it the filters that grow


def likeness(factor, noise):
    layer = kerv.KernelConv2d(
        KEY_channels, 16, 3, bias=False, kernel="gaussian:gamma=0.001"
    )
    return alike(layer(factor * noise).log())


smallest_factor = next(
    f for f in (1, 2, 4, 8, 16, 32, 64) if 2 * f**2 > 27 * KEY_channels * KEY_spread**2
)
