# loses: 2
# says: Filters of zeros


def begin_with_nothing(model):
    for module in model.modules():
        if hasattr(module, "shortcut"):
            torch.nn.init.zeros_(module.residual[-2].weight)
