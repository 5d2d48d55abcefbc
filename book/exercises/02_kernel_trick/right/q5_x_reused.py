def feature_distance(kernel, x, w):
    both = torch.cat([x, w])
    K = kernel.gram(both, both)
    own = K.diagonal()
    return (own[:, None] + own - 2 * K)[: len(x), len(x) :]


# A try of one's own must not change the grade of question 3.
x, y = torch.randn(4, 9), torch.randn(3, 9)
new_x = new_y = feature_distance(kerv.LinearKernel(), x, y)
