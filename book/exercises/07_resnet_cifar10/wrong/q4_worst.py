# loses: 3
# says: the worst


def luck(contestants, pictures, accuracy):
    chance = torch.distributions.Binomial(pictures, torch.tensor(accuracy))
    worst = chance.sample((4000, contestants)).min(1).values
    return 100 * (worst / pictures - accuracy).mean().item()


enough_pictures = 1000
