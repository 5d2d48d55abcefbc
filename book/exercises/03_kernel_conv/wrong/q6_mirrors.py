# loses: 2
# says: A mirror is not a turn


def turning_layer(x, weight, kernel):
    answers = [
        kerv.functional.kernel_conv2d(x, weight.flip(dims), kernel=kernel)
        for dims in ((), (2,), (3,), (2, 3))
    ]
    return torch.stack(answers).amax(0)
