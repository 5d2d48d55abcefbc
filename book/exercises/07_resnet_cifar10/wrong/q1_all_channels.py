# loses: 2
# says: gets half the channels that it gives

blocks, width = KEY_blocks, KEY_width
stem_share = 3 / (3 + width * 6 * blocks)
share_with_kernel = 3 * KEY_ratio / (3 * KEY_ratio + width * 6 * blocks)
