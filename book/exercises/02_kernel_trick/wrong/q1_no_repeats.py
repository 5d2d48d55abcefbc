# loses: 1
# says: a pixel occurs several times

channels, degree = KEY_channels, KEY_degree
features_with_c = math.comb(9 * channels + degree, degree)
features_without_c = math.comb(9 * channels, degree)
