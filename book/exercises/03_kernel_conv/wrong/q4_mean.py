# loses: 2
# says: You compare with the mean


def found(spec, scene, crosses, away, cross):
    out = kerv.functional.kernel_conv2d(
        scene[None, None], cross[None, None], padding=4, kernel=spec
    )[0, 0]
    return sum(int(out[place] > out[away].mean()) for place in crosses)


best = "KEY_blind"
