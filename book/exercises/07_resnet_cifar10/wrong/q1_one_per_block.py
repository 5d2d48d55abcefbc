# loses: 2
# says: A block has two convolutions

blocks, width = KEY_blocks, KEY_width
stem_share = 3 / (3 + width * (3 * blocks - 1))
share_with_kernel = KEY_ratio * stem_share / (1 + stem_share * (KEY_ratio - 1))
