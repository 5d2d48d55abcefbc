# loses: 2
# says: one phase alone


def swing(w, nu, beta):
    rows, columns = places()
    turns = 2 * math.pi * nu * (columns * math.cos(beta) + rows * math.sin(beta))
    return abs((w * turns.cos()).sum().item())


def length(pair):
    rows, columns = places()
    turn = math.radians(pair[1])
    turns = 2 * math.pi * pair[0] * (columns * math.cos(turn) + rows * math.sin(turn))
    return (w * torch.exp(1j * turns)).sum().abs()


pairs = [
    (nu / 100, degrees) for nu in range(10, 36, 5) for degrees in range(0, 161, 20)
]
best_frequency, best_degrees = max(pairs, key=length)
