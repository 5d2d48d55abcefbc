# loses: 1
# says: The patches are the same for all filters

size = {"height": KEY_height, "width": KEY_width, "side": KEY_side}
layer = {"channels": KEY_channels, "filters": KEY_filters}
multiply_adds = KEY_filters * KEY_side**2 * KEY_channels * KEY_height * KEY_width
numbers_unfolded = multiply_adds
