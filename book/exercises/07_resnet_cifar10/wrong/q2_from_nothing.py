# loses: 2
# says: Your first step is at rate 0


def schedule(step, steps):
    rising = KEY_warm * steps // 100
    if step < rising:
        return step / rising
    falls = 0.5 + 0.5 * math.cos(math.pi * (step - rising) / (steps - rising))
    return KEY_floor + (1 - KEY_floor) * falls
