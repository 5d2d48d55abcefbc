"""What the key draws for assignment 6."""


def draw(key):
    filters, correlation = (
        key("filters").choice([4, 8, 10, 12]),
        key("correlation").choice([2, 3, 6]),
    )
    # The question is which stripes these are: no number of the notebook may say it.
    stripes = key("stripes").randrange(10**5, 10**6)
    return {
        "norm": key("norm").randint(15, 45) / 10,
        "degrees": key("degrees").choice([20, 30, 40, 50, 65]),
        "gamma": key("gamma").choice([0.2, 0.25, 0.3, 0.4]),
        # From 24 on no half width is near the 60° of a convolution.
        "contrast": key("contrast").randint(24, 40) / 10,
        "filter_seed": key.seed("filter"),
        "filters": filters,
        "correlation": correlation / 10,
        "share_seed": key.seed("share"),
        "stripes": stripes,
        "frequency": [0.15, 0.2, 0.25, 0.3][stripes % 4],
        "direction": [20, 40, 60, 100, 120, 140, 160][stripes % 7],
        "noise_seed": key.seed("noise"),
        "wanted": key("wanted").randint(12, 30) / 10,
        "width": key("width").randint(30, 90) / 100,
        "layer_seed": key.seed("layer"),
    }
