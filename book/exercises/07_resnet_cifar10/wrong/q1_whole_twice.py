# loses: 1
# says: the stem's old time is part of the 1

blocks, width = KEY_blocks, KEY_width
stem_share = 3 / (3 + width * (6 * blocks - 1))
slowest_kernel = (KEY_longer - 1) / stem_share
