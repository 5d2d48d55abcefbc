# loses: 2
# says: number of channels is missing


def shared_share(maps):
    r = maps.transpose(0, 1).flatten(1)
    moves = r - r.mean(1, keepdim=True)
    return (moves.mean(0).square().sum() / moves.square().sum()).item()


share_of_equals = (1 + (KEY_filters - 1) * KEY_correlation) / KEY_filters
