# loses: 2
# says: Take their logarithms


def likeness(factor, noise):
    layer = kerv.KernelConv2d(
        KEY_channels, 16, 3, bias=False, kernel="gaussian:gamma=0.001"
    )
    with torch.no_grad():
        layer.weight *= factor
    return alike(layer(noise))


smallest_factor = next(
    f for f in (1, 2, 4, 8, 16, 32, 64) if 2 * f**2 > 27 * KEY_channels * KEY_spread**2
)
