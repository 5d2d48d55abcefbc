# loses: 1
# says: The whole has grown as well

blocks, width = KEY_blocks, KEY_width
stem_share = 3 / (3 + width * (6 * blocks - 1))
share_with_kernel = KEY_ratio * stem_share
