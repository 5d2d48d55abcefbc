# loses: 2
# says: Padding is put on both sides: it counts twice

size = {"height": KEY_height, "width": KEY_width, "channels": KEY_channels}
geometry = {"filters": KEY_filters, "padding": KEY_padding, "dilation": KEY_dilation}
height = (KEY_height + KEY_padding - 2 * KEY_dilation - 1) // 2 + 1
width = (KEY_width + KEY_padding - KEY_dilation - 1) // 2 + 1
shape = (KEY_filters, height, width)
