# loses: 1
# says: That is the response there

gamma = 1 / KEY_denominator
steepest_distance = math.sqrt(KEY_denominator / 2)
longest_gradient = math.exp(-0.5)
