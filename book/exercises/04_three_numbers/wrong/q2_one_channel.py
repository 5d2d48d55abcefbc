# loses: 2
# says: A patch covers all channels

size = {"height": KEY_height, "width": KEY_width, "side": KEY_side}
layer = {"channels": KEY_channels, "filters": KEY_filters}
numbers_unfolded = KEY_side**2 * KEY_height * KEY_width
multiply_adds = KEY_filters * numbers_unfolded
