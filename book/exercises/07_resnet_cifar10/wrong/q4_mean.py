# loses: 3
# says: That is the luck of the average


def luck(contestants, pictures, accuracy):
    chance = torch.distributions.Binomial(pictures, torch.tensor(accuracy))
    tables = chance.sample((4000, contestants))
    return 100 * (tables / pictures - accuracy).mean().item()


enough_pictures = 1000
