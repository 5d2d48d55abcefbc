# loses: 2
# says: The question asks for degrees

norm, gamma = KEY_norm, KEY_gamma
best_contrast = norm * math.cos(math.radians(KEY_degrees))
half_width = math.acos(1 - math.log(2) / (2 * gamma * KEY_contrast * norm))
