# loses: 2
# says: The order does not matter

channels, degree = KEY_channels, KEY_degree
features_with_c = (9 * channels) ** degree
features_without_c = (9 * channels) ** degree
