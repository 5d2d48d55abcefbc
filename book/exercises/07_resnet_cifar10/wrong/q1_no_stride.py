# loses: 2
# says: the first convolution of the second and third stage has a quarter of the places

blocks, width = KEY_blocks, KEY_width
stem_share = 3 / (3 + width * 6 * blocks)
slowest_kernel = 1 + (KEY_longer - 1) * (3 + width * 6 * blocks) / 3
