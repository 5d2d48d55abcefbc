# loses: 1
# says: That is for one filter

size = {"height": KEY_height, "width": KEY_width, "side": KEY_side}
layer = {"channels": KEY_channels, "filters": KEY_filters}
numbers_unfolded = KEY_side**2 * KEY_channels * KEY_height * KEY_width
multiply_adds = numbers_unfolded
