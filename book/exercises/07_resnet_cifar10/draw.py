"""What the key draws for assignment 7."""

import math

# The mean of the largest of so many standard normal numbers.
LARGEST = {5: 1.163, 6: 1.267, 8: 1.424, 10: 1.539, 12: 1.629}
LADDER = (1000, 2000, 5000, 10_000, 20_000, 50_000)


def clear(accuracy, contestants):
    """Whether the number of pictures is not a close one, and another than for a single score."""
    variance = accuracy * (100 - accuracy)
    single, needed = (variance * (z / 0.5) ** 2 for z in (1, LARGEST[contestants]))
    between = any(single < rung < needed for rung in LADDER)
    return between and all(abs(math.log(needed / rung)) > 0.2 for rung in LADDER)


def draw(key):
    contestants = key("contestants").choice(sorted(LARGEST))
    accuracies = [a for a in range(62, 95) if clear(a, contestants)]
    return {
        # So small that the stem over the rest differs from its share by more than rounding.
        "blocks": key("blocks").choice([2, 3, 4]),
        "width": key("width").choice([4, 6, 8, 10]),
        # Slow enough that the new whole differs from the old one by more than rounding.
        "ratio": key("ratio").randint(80, 150) / 10,
        "warm": key("warm").choice([5, 8, 12, 16, 20, 25]),
        "floor": key("floor").randint(3, 20) / 100,
        "steps": key("steps").randint(70, 400),
        "strength": key("strength").choice([2, 3, 4, 5]),
        "size": key("size").choice([2, 3]),
        "whitening_seed": key.seed("whitening"),
        "contestants": contestants,
        "accuracy": key("accuracy").choice(accuracies) / 100,
        "hidden_accuracy": key("hidden_accuracy").randint(55, 90) / 100,
        "network_seed": key.seed("network"),
    }
