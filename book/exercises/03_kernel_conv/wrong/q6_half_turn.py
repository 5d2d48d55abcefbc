# loses: 3
# says: Two orientations are missing


def turning_layer(x, weight, kernel):
    answers = [
        kerv.functional.kernel_conv2d(x, torch.rot90(weight, k, (2, 3)), kernel=kernel)
        for k in (0, 2)
    ]
    return torch.stack(answers).amax(0)
