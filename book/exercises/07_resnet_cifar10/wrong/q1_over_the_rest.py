# loses: 1
# says: A share is of the whole

blocks, width = KEY_blocks, KEY_width
stem_share = 3 / (width * (6 * blocks - 1))
share_with_kernel = 3 * KEY_ratio / (3 * KEY_ratio + width * (6 * blocks - 1))
