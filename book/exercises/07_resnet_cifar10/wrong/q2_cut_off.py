# loses: 2
# says: A floor that cuts the cosine off


def schedule(step, steps):
    rising = KEY_warm * steps // 100
    if step < rising:
        return (step + 1) / rising
    falls = 0.5 + 0.5 * math.cos(math.pi * (step - rising) / (steps - rising))
    return max(KEY_floor, falls)
