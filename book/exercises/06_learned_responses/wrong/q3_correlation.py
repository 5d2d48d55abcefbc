# loses: 1
# says: A channel also goes with itself


def shared_share(maps):
    r = maps.transpose(0, 1).flatten(1)
    moves = r - r.mean(1, keepdim=True)
    return (len(r) * moves.mean(0).square().sum() / moves.square().sum()).item()


share_of_equals = KEY_correlation
