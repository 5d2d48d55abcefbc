# loses: 1
# says: That would do for one score


def luck(contestants, pictures, accuracy):
    chance = torch.distributions.Binomial(pictures, torch.tensor(accuracy))
    best = chance.sample((4000, contestants)).max(1).values
    return 100 * (best / pictures - accuracy).mean().item()


ladder = (1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000)
enough_pictures = next(
    n for n in ladder if 100 * math.sqrt(KEY_accuracy * (1 - KEY_accuracy) / n) < 0.5
)
