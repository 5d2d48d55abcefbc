"""What the key draws for assignment 2."""


def draw(key):
    petals = key("petals").choice([2, 3, 4])
    return {
        "channels": key("channels").randint(4, 40),
        "degree": key("degree").choice([2, 3, 4]),
        "constant": key("constant").choice([2, 3, 5, 6, 7]),
        "linear": key("linear").choice([2, 3, 5, 6, 7]),
        "features_seed": key.seed("features"),
        "pixels": key("pixels").randint(4, 7),
        "petals": petals,
        # The question is how many petals there are: no number of the notebook may say it.
        "flower": 3 * key("flower").randint(100, 999) + petals - 2,
        "data_seed": key.seed("data"),
        "hidden_seed": key.seed("hidden"),
        "spec": f"gaussian:gamma={key('spec').choice([30, 60, 100])}",
        "low": key("low").choice(["linear", "polynomial:degree=1,c=2"]),
        "shift": key("shift").choice([2, 3, 4, 5]),
        "distance_kernel": key("kernel").choice(
            [
                "polynomial:degree=2",
                "polynomial:degree=3,c=0.5",
                "gaussian:gamma=0.3",
                "arc_cosine",
            ]
        ),
        "distance_seed": key.seed("distance"),
    }
