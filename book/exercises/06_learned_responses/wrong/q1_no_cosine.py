# loses: 1
# says: That is right for a patch along the filter

norm, gamma = KEY_norm, KEY_gamma
best_contrast = norm
half = 1 - math.log(2) / (2 * gamma * KEY_contrast * norm)
half_width = math.degrees(math.acos(half))
