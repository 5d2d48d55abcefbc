# loses: 2
# says: A block has two convolutions

blocks, width = KEY_blocks, KEY_width
stem_share = 3 / (3 + width * (3 * blocks - 1))
slowest_kernel = 1 + (KEY_longer - 1) / stem_share
