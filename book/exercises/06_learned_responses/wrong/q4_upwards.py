# loses: 1
# says: Rows count downwards


def swing(w, nu, beta):
    rows, columns = places()
    turns = 2 * math.pi * nu * (columns * math.cos(beta) + rows * math.sin(beta))
    return (w * torch.exp(1j * turns)).sum().abs().item()


pairs = [
    (nu / 100, degrees) for nu in range(10, 36, 5) for degrees in range(0, 161, 20)
]
best = max(pairs, key=lambda pair: swing(w, pair[0], math.radians(pair[1])))
best_frequency, best_degrees = best[0], 180 - best[1]
