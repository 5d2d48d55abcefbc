# loses: 2
# says: counts one degree alone

channels, degree = KEY_channels, KEY_degree
features_with_c = math.comb(9 * channels + degree - 1, degree)
features_without_c = math.comb(9 * channels + degree, degree)
