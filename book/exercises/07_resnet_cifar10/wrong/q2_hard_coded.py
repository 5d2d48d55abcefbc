# loses: 2
# says: The rate is the same at every step


def schedule(step, steps):
    return 1.0
