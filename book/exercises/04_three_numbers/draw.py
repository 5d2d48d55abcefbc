"""What the key draws for assignment 4."""


def draw(key):
    # No Gaussian: the chapters print its layer.
    kernels = [
        (
            r"\frac{1}{1 + GAMMA \, \|x - w\|^2}",
            "1 / (1 + GAMMA * dist_sq)",
            "rational_quadratic:alpha=1,gamma=GAMMA",
        ),
        (
            r"\frac{1}{(1 + GAMMA \, \|x - w\|^2 / 2)^2}",
            "(1 + GAMMA * dist_sq / 2) ** -2",
            "rational_quadratic:alpha=2,gamma=GAMMA",
        ),
    ]
    gamma = str(key("gamma").choice([0.02, 0.03, 0.04, 0.05]))
    formula, code, spec = (
        text.replace("GAMMA", gamma) for text in key("kernel").choice(kernels)
    )
    squares = key("squares")
    x_sq, w_sq = squares.randint(10, 20), squares.randint(21, 30)
    return {
        "x_sq": x_sq,
        "w_sq": w_sq,
        "dot": squares.randint(5, 9),
        "exponent": key("exponent").choice([0.02, 0.03, 0.05, 0.06]),
        "channels": key("channels").choice([3, 12, 24, 48]),
        "filters": key("filters").choice([16, 40, 56]),
        "side": key("side").choice([3, 5]),
        "height": key("height").randint(20, 40),
        "width": key("width").randint(41, 60),
        "formula": formula,
        "code": code,
        "spec": spec,
        "layer_seed": key.seed("layer"),
        "noise_seed": key.seed("noise"),
        "brightness": key("brightness").choice([3, 5, 8]),
        "importance_seed": key.seed("importance"),
        "stride": key("stride").choice([2, 3]),
    }
