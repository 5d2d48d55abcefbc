# loses: 3
# says: It does not rise first


def schedule(step, steps):
    return KEY_floor + (1 - KEY_floor) * (0.5 + 0.5 * math.cos(math.pi * step / steps))
