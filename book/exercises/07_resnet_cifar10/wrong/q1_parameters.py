# loses: 2
# says: That is the stem's share of the parameters

blocks, width = KEY_blocks, KEY_width
weights = 2 * blocks + 4 * (2 * blocks - 0.5) + 16 * (2 * blocks - 0.5)
stem_share = 3 / (3 + width * weights)
share_with_kernel = KEY_ratio * stem_share / (1 + stem_share * (KEY_ratio - 1))
