# loses: 4
# says: with torch alone, without kerv


def kernel_layer(x, weight, stride=1, padding=0):
    settings = {"stride": stride, "padding": padding}
    return kerv.functional.kernel_conv2d(x, weight, **settings, kernel="KEY_spec")
