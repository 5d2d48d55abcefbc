# loses: 2
# says: That is right as a fraction


def luck(contestants, pictures, accuracy):
    chance = torch.distributions.Binomial(pictures, torch.tensor(accuracy))
    best = chance.sample((4000, contestants)).max(1).values
    return (best / pictures - accuracy).mean().item()


ladder = (1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000)
enough_pictures = next(
    n for n in ladder if 100 * luck(KEY_contestants, n, KEY_accuracy) < 0.5
)
