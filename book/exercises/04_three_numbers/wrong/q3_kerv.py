# loses: 4
# says: with torch alone, without kerv


def kernel_layer(x, weight, stride=1, padding=0):
    kernel, side = kerv.get_kernel("KEY_spec"), weight.shape[2:]
    layer = kerv.KernelConv2d(
        *weight.shape[1::-1], side, stride, padding, bias=False, kernel=kernel
    )
    layer.weight.data = weight
    return layer(x).detach()
