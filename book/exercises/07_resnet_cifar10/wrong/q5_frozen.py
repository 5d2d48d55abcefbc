# loses: 2
# says: can still change


def begin_with_nothing(model):
    for module in model.modules():
        if hasattr(module, "shortcut"):
            torch.nn.init.zeros_(module.residual[-1].weight)
            module.residual[-1].weight.requires_grad_(False)
