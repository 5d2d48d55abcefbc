# loses: 2
# says: It falls to 0


def schedule(step, steps):
    rising = KEY_warm * steps // 100
    if step < rising:
        return (step + 1) / rising
    return 0.5 + 0.5 * math.cos(math.pi * (step - rising) / (steps - rising))
