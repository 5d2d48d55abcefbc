# loses: 1
# says: mean of each channel


def shared_share(maps):
    r = maps.transpose(0, 1).flatten(1)
    return (len(r) * r.mean(0).square().sum() / r.square().sum()).item()


share_of_equals = (1 + (KEY_filters - 1) * KEY_correlation) / KEY_filters
