# loses: 2
# says: the first of the two norms


def begin_with_nothing(model):
    for module in model.modules():
        if hasattr(module, "shortcut"):
            torch.nn.init.zeros_(module.residual[1].weight)
