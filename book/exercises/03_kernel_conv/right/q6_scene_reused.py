def turning_layer(x, weight, kernel):
    turned = torch.cat([torch.rot90(weight, k, (2, 3)) for k in range(4)])
    answers = kerv.functional.kernel_conv2d(x, turned, kernel=kernel)
    return answers.unflatten(1, (4, len(weight))).amax(1)


# A try of one's own must not change the grade of question 4.
scene, cross = torch.randn(1, 1, 6, 7), torch.randn(1, 1, 3, 3)
crosses = away = turning_layer(scene, cross, "cosine")
