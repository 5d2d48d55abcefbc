"""What the key draws for assignment 3."""


def draw(key):
    # No Gaussian: the chapters print its layer.
    kernels = [
        (
            r"\frac{1}{(1 + GAMMA \, \|x - w\|^2 / 2)^2}",
            "(1 + GAMMA * dist_sq / 2) ** -2",
            "rational_quadratic:alpha=2,gamma=GAMMA",
        ),
        (
            r"\frac{1}{1 + GAMMA \, \|x - w\|^2}",
            "1 / (1 + GAMMA * dist_sq)",
            "rational_quadratic:alpha=1,gamma=GAMMA",
        ),
    ]
    gamma = str(key("gamma").choice([0.02, 0.03, 0.04, 0.06, 0.07]))
    formula, code, spec = (
        text.replace("GAMMA", gamma) for text in key("kernel").choice(kernels)
    )
    numbers = key("patch")
    patch = [numbers.randint(0, 3) for _ in range(4)]
    filter_ = [numbers.randint(0, 3) for _ in range(4)]
    # Not a whole distance, whose square root would look right, nor differences of 0 and 1 alone,
    # whose squares are their sizes.
    while True:
        apart = [abs(x - w) for x, w in zip(patch, filter_, strict=True)]
        if sum(d**2 for d in apart) not in (0, 1, 4, 9) and max(apart) > 1:
            break
        filter_ = [numbers.randint(0, 3) for _ in range(4)]
    # Usual slips must give neither the right shape nor one another's: padding counted once or
    # never, rounding up, and a reach of r·k.
    geometry = key("geometry")
    while True:
        height, width = geometry.randint(14, 20), geometry.randint(30, 40)
        padding, dilation = geometry.choice([2, 3]), geometry.choice([2, 3])
        rows = height + 2 * padding - 2 * dilation - 1
        columns = width + 2 * padding - dilation - 1
        slips = (0, -padding, -2 * padding, 1, 1 - dilation)
        shapes = {((rows + s) // 2, (columns + s) // 2) for s in slips}
        # Without the dilation the rows gain twice what the columns do.
        shapes.add(((rows + 2 * dilation - 2) // 2, (columns + dilation - 1) // 2))
        if len(shapes) == len(slips) + 1:
            break
    return {
        "patch": patch,
        "filter": filter_,
        "patch_gamma": key("patch_gamma").choice([0.1, 0.2, 0.3]),
        "channels": key("channels").randint(4, 16),
        "filters": key("filters").randint(20, 60),
        "height": height,
        "width": width,
        "padding": padding,
        "dilation": dilation,
        "formula": formula,
        "code": code,
        "spec": spec,
        "layer_seed": key.seed("layer"),
        "scene_seed": key.seed("scene"),
        "cut": key("cut").randint(0, 5),
        "blind": key("blind").choice(["cosine", "correlation"]),
        "hidden_spec": key("hidden_spec").choice(
            ["gaussian:gamma=1", "sigmoid:gamma=0.1", "polynomial:degree=3,c=0.5"]
        ),
        "turn_seed": key.seed("turn"),
        "turn_spec": key("turn").choice(
            ["l2", "polynomial:degree=2,c=0.5", "arc_cosine"]
        ),
    }
