# loses: 2
# says: That is the square of the

gamma = 1 / KEY_denominator
steepest_distance = KEY_denominator / 2
longest_gradient = 2 / (KEY_denominator * math.e)
