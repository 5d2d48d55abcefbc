# loses: 1
# says: The Gaussian finds crosses under the filter


def found(spec, scene, crosses, away, cross):
    out = kerv.functional.kernel_conv2d(
        scene[None, None], cross[None, None], padding=4, kernel=spec
    )[0, 0]
    return sum(int(out[place] > out[away].max()) for place in crosses)


best = "gaussian:gamma=3"
