def weighted_distance(x, weight, importance, stride=1):
    filters = torch.cat([importance, importance * weight])
    of_patch, cross = (
        F.conv2d(power, part, stride=stride)
        for power, part in zip((x * x, x), filters.chunk(2), strict=True)
    )
    return of_patch - 2 * cross + (importance * weight**2).sum((1, 2, 3))[:, None, None]


# A try of one's own must not change the grade of question 4.
patches, filters = torch.randn(1, 2, 5, 5), torch.rand(3, 2, 2, 2)
answers = weighted_distance(patches, filters, filters)
