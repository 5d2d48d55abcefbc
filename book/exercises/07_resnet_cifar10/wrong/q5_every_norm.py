# loses: 2
# says: a gradient of 0


def begin_with_nothing(model):
    for module in model.modules():
        if hasattr(module, "shortcut"):
            for layer in module.residual:
                if isinstance(layer, torch.nn.BatchNorm2d):
                    torch.nn.init.zeros_(layer.weight)
