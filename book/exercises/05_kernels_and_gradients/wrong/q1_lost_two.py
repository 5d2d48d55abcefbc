# loses: 2
# says: A factor of 2 is lost

gamma = 1 / KEY_denominator
steepest_distance = math.sqrt(KEY_denominator)
longest_gradient = math.sqrt(gamma / 2 / math.e)
