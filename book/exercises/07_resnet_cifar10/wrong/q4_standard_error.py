# loses: 4
# says: That is the standard error of one score


def luck(contestants, pictures, accuracy):
    return 100 * (accuracy * (1 - accuracy) / pictures) ** 0.5


enough_pictures = 1000
