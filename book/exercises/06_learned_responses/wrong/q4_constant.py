# loses: 3
# says: Your swing is the same for two gratings


def swing(w, nu, beta):
    """What one pixel of 2 asks for."""
    return 2.0


pairs = [
    (nu / 100, degrees) for nu in range(10, 36, 5) for degrees in range(0, 161, 20)
]
best_frequency, best_degrees = max(pairs, key=lambda pair: swing(w, *pair))
