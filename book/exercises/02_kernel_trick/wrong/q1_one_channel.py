# loses: 2
# says: That is for one channel

channels, degree = KEY_channels, KEY_degree
features_with_c = math.comb(9 + degree, degree)
features_without_c = math.comb(9 + degree - 1, degree)
