# loses: 2
# says: That is the prediction once more


def likeness(factor, noise):
    gain = 27 * KEY_channels * KEY_spread**2
    return gain / (gain + 2 * factor**2)


smallest_factor = next(f for f in (1, 2, 4, 8, 16, 32, 64) if likeness(f, noise) < 0.5)
