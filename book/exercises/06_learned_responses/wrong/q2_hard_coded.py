# loses: 2
# says: Black and white is for a convolution


def preferred(kernel, w):
    """What the public test asks for."""
    return (w > 0).to(w.dtype)
