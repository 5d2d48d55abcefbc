# loses: 2
# says: A factor of 2 is lost

norm, gamma = KEY_norm, KEY_gamma
best_contrast = norm * math.cos(math.radians(KEY_degrees))
half = 1 - math.log(2) / (gamma * KEY_contrast * norm)
half_width = math.degrees(math.acos(half))
