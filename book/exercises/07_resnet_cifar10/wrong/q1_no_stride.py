# loses: 2
# says: has a quarter of the places

blocks, width = KEY_blocks, KEY_width
stem_share = 3 / (3 + width * (6 * blocks + 2))
share_with_kernel = 3 * KEY_ratio / (3 * KEY_ratio + width * (6 * blocks + 2))
