# loses: 2
# says: The dilation is missing

size = {"height": KEY_height, "width": KEY_width, "channels": KEY_channels}
geometry = {"filters": KEY_filters, "padding": KEY_padding, "dilation": KEY_dilation}
height = (KEY_height + 2 * KEY_padding - 3) // 2 + 1
width = (KEY_width + 2 * KEY_padding - 2) // 2 + 1
shape = (KEY_filters, height, width)
