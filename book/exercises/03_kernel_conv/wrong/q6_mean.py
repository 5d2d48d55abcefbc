# loses: 3
# says: That is the mean


def turning_layer(x, weight, kernel):
    answers = [
        kerv.functional.kernel_conv2d(x, torch.rot90(weight, k, (2, 3)), kernel=kernel)
        for k in range(4)
    ]
    return torch.stack(answers).mean(0)
