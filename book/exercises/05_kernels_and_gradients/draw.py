"""What the key draws for assignment 5."""


def draw(key):
    power = key("power").choice([1, 2])
    return {
        "denominator": key("denominator").randint(7, 60),
        "power": power,
        "product": r"\langle x, w \rangle" + ("^2" if power == 2 else ""),
        "gamma": key("gamma").choice([0.1, 0.2, 0.3]),
        "gradient_seed": key.seed("gradient"),
        "median_seed": key.seed("median"),
        "filters": key("filters").choice([7, 9, 11]),
        "channels": key("channels").choice([3, 6, 8, 12, 24]),
        # Powers of two: then no factor of the question is a close one.
        "spread": key("spread").choice([0.5, 2]),
        "noise_seed": key.seed("noise"),
        "hidden_factor": key("hidden_factor").choice([3, 5, 6, 11]),
        "light_gamma": key("light_gamma").randint(20, 80) / 100,
        "light_seed": key.seed("light"),
    }
