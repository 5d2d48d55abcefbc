"""What the recorded comparisons of the book compare: every contestant, in the order it joined.

`kerv.studies` has their protocol and runs them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import light
from .config import RECIPES

SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class Study:
    """A comparison of contestants that share all but a few settings.

    `common` and the values of `contestants` are fields of `TrainConfig`. `rates` are the learning
    rates that each contestant may choose from, by runs of `search_epochs`; where there is one rate,
    there is no search. The trained networks are also tested under the `conditions`, which are names
    of `kerv.light.CONDITIONS` and `kerv.light.MORE`. Of the contestants that are `displayed`, the
    network of the first seed is kept too, and its first filters through the epochs, in half
    precision. Of a study that is `attacked`, all final networks are, for `kerv.robustness`.
    A study that `extends` another goes on with its search: its final runs have the best of the
    rates that it adds.
    """

    question: str
    common: Mapping[str, Any]
    contestants: Mapping[str, Mapping[str, Any]]
    rates: Sequence[float]
    search_epochs: int = field(default=0)
    conditions: Sequence[str] = field(default=())
    displayed: Sequence[str] = field(default=())
    attacked: bool = field(default=False)
    extends: str | None = field(default=None)

    def settings(self, contestant: str) -> dict[str, Any]:
        """What a contestant trains with, its learning rate aside.

        >>> STUDIES["few-digits"].settings("cosine")["kernel"]
        'cosine'
        """
        return {**self.common, **self.contestants[contestant]}


_LIGHT = {
    "data": "cifar10",
    "model": "resnet8",
    "epochs": 6,
    "normalize": "scalar",
    "stem_padding": "reflect",
}
_MNIST = {
    "data": "mnist",
    "model": "lenet5",
    "epochs": 20,
    "batch_size": 50,
    "schedule": "steps",
    "nesterov": False,
    "weight_decay": 0.0,
    "normalize": "none",
    "augment": False,
    "score_test": True,
}
# The last two joined when three contestants had chosen 0.05, the largest until then.
_MNIST_RATES = (0.0004, 0.0008, 0.0016, 0.003, 0.00625, 0.0125, 0.025, 0.05, 0.1, 0.2)
# What joined the recipe when the first runs of it were there.
_LOOKAHEAD = {k: RECIPES["fast"][k] for k in ("bias_decay", "lookahead")}
# The rate is searched; "auto" would leave the precision to the machine.
_FAST = {k: v for k, v in RECIPES["fast"].items() if k not in ("lr", *_LOOKAHEAD)}
_FAST["precision"] = "bf16"
_CUBIC = {"kernel": "polynomial:degree=3,learnable=true"}
_CORRELATION = {"kernel": "correlation:eps=1e-4"}
# With a γ for each filter, which learns.
_NORMALIZED = {"kernel": "gaussian:normalized=true,learnable=true,per_channel=true"}
_INSTANCE_NORM = {"stem_norm": "instance"}

# Kernels for the first layer. What can be learned of them is.
_FIRST: dict[str, dict[str, Any]] = {
    "convolution": {},
    "polynomial-2": {"kernel": "polynomial:degree=2,learnable=true"},
    "polynomial-3": _CUBIC,
    "gaussian": {"kernel": "gaussian:learnable=true"},
    "sigmoid": {"kernel": "sigmoid:learnable=true"},
    "cosine": {"kernel": "cosine"},
    "correlation": _CORRELATION,
    "l2": {"kernel": "l2"},
}

# Contestants of the studies of light, in the order in which they joined.
_UNDER_LIGHT: dict[str, dict[str, Any]] = {
    "convolution": {},
    "correlation": _CORRELATION,
    "convolution-per-picture": {"normalize": "picture"},
    "convolution-shadow-augmented": {"light": "shadow"},
    "convolution-local-contrast": {"normalize": "local"},
    "convolution-instance-norm": _INSTANCE_NORM,
    "convolution-gain-augmented": {"light": "gain"},
    "correlation-per-channel": {**_CORRELATION, "normalize": "channel"},
    # Added when the runs of the convolution under shadows were there: do the two add up?
    "correlation-shadow-augmented": {**_CORRELATION, "light": "shadow"},
    # Added when those were there too: its fair rival, which has no kernel.
    "convolution-per-picture-shadow-augmented": {"normalize": "picture", "light": "shadow"},
    # Added when instance norm was ahead of standardisation in the mean: fairer still.
    "convolution-instance-norm-shadow-augmented": {**_INSTANCE_NORM, "light": "shadow"},
    # Added later: the paper's own kernel, and half of the correlation. On pixels without a
    # mean taken away, a cosine forgives every gain and no offset.
    "polynomial-3": _CUBIC,
    "cosine-unscaled": {"kernel": "cosine", "normalize": "none"},
    # Added for the paper's guess that L2 resists small perturbations.
    "l2": _FIRST["l2"],
    # Added when L2 had resisted: what does a convolution lose that has seen noise in training?
    "convolution-noise-augmented": {"light": "noise"},
    # Added when the rivals with two remedies had been called the fairest: alone, local contrast
    # had been nearest to the correlation under shadows, and the best under a ramp.
    "convolution-local-contrast-shadow-augmented": {"normalize": "local", "light": "shadow"},
}

STUDIES = {
    "light": Study(
        question="What survives a change of light?",
        common=_LIGHT,
        contestants=_UNDER_LIGHT,
        rates=(0.03, 0.1, 0.3),
        search_epochs=2,
        conditions=tuple(light.CONDITIONS),
        displayed=("convolution", "correlation"),
    ),
    # Planned when all contestants of "light" had chosen the largest of their rates.
    "light-rates": Study(
        question="What changes under a change of light at larger learning rates?",
        common=_LIGHT,
        contestants={
            name: _UNDER_LIGHT[name]
            for name in (
                *("convolution", "correlation", "convolution-per-picture"),
                "convolution-shadow-augmented",
                # Added when the correlation had gained a point in full light.
                *("convolution-instance-norm", "polynomial-3"),
                # Added after a seed at 0.3, the end of its list, had lost little to noise.
                *("l2", "convolution-noise-augmented"),
                # Added when what chapter 9 says of two remedies stood on 0.3, the end of the list.
                "correlation-shadow-augmented",
                "convolution-per-picture-shadow-augmented",
                "convolution-instance-norm-shadow-augmented",
                "convolution-local-contrast-shadow-augmented",
                "convolution-local-contrast",
                # Added last: those whose differences still stood on it.
                *("convolution-gain-augmented", "correlation-per-channel", "cosine-unscaled"),
            )
        },
        rates=(1.0, 3.0),
        search_epochs=2,
        conditions=tuple(light.CONDITIONS),
        extends="light",
    ),
    # Planned when haze had been the only offset that was tested, and never without a gain, and one
    # ramp the only soft change. The rates are those that its contestants had chosen above.
    "light-more": Study(
        question="What do an offset, few levels, other ramps and a soft shadow change?",
        common=_LIGHT,
        contestants={
            **{
                name: _UNDER_LIGHT[name]
                for name in (
                    *("convolution", "correlation", "convolution-per-picture", "cosine-unscaled"),
                    *("convolution-instance-norm", "convolution-local-contrast"),
                )
            },
            # Added when a cosine in every layer had been seen under a change of light, and once.
            "cosine-all-unscaled": {**_UNDER_LIGHT["cosine-unscaled"], "where": "spatial"},
            # Added when the cosine had been ahead of a convolution whose pixels are scaled.
            "convolution-unscaled": {"normalize": "none"},
        },
        rates=(0.3, 1.0),
        search_epochs=2,
        conditions=(
            *("unchanged", "a tenth of the light", "smooth ramp", "half in shadow"),
            *light.MORE,
        ),
    ),
    # Planned for the paper's own test of L2. Of "light" and "light-rates" no network of L2
    # was kept. The rates are the two that the convolution and L2 had chosen of five.
    "attacked": Study(
        question="Does L2 in the first layer resist an attack, as the paper says?",
        common=_LIGHT,
        contestants={
            "convolution": {},
            "l2": _FIRST["l2"],
            # Added when L2 had lost less to one step: the rival that was ahead of it under noise.
            "convolution-noise-augmented": _UNDER_LIGHT["convolution-noise-augmented"],
            # Added when chapter 9 had attacked one network of it, and of the convolution.
            "correlation": _CORRELATION,
        },
        rates=(0.3, 1.0),
        search_epochs=2,
        attacked=True,
    ),
    # Planned when chapter 9 had attacked one network each that reads digits. The rates are those
    # that the four had chosen of ten.
    "attacked-digits": Study(
        question="Does a kernel in the first layer of LeNet-5 resist an attack on digits?",
        common={**_MNIST, "score_test": False},
        contestants={
            name: _FIRST[name] for name in ("convolution", "polynomial-3", "gaussian", "cosine")
        },
        rates=(0.0125, 0.05),
        search_epochs=4,
        attacked=True,
    ),
    "mnist": Study(
        question="Does a kernel in the first layer of LeNet-5 help on MNIST, as the paper says?",
        common=_MNIST,
        contestants={
            **{name: _FIRST[name] for name in ("convolution", "polynomial-3", "gaussian")},
            **{name: _FIRST[name] for name in ("cosine", "polynomial-2", "sigmoid", "l2")},
            "l1": {"kernel": "l1"},
        },
        rates=_MNIST_RATES,
        search_epochs=4,
        displayed=("convolution", "polynomial-3", "gaussian", "cosine"),
    ),
    "mnist-paper-rate": Study(
        question="What does a cubic kernel do at the learning rate of the paper's script?",
        common=_MNIST,
        contestants={"convolution": {}, "polynomial-3": _CUBIC},
        rates=(0.003,),
    ),
    "mnist-places": Study(
        question="In which layers of LeNet-5 does a cubic kernel work, and without ReLU?",
        common=_MNIST,
        contestants={
            "last": {**_CUBIC, "where": "last"},
            "both": {**_CUBIC, "where": "all"},
            "convolution-no-relu": {"activation": "none"},
            "first-no-relu": {**_CUBIC, "activation": "none"},
            "both-no-relu": {**_CUBIC, "where": "all", "activation": "none"},
            # Added when a reader had seen that "none" leaves the linear layers without ReLU too.
            "convolution-head-relu": {"activation": "head"},
            "first-head-relu": {**_CUBIC, "activation": "head"},
            "both-head-relu": {**_CUBIC, "where": "all", "activation": "head"},
        },
        rates=_MNIST_RATES,
        search_epochs=4,
    ),
    # Planned when only the cubic kernel had been in the second layer, and without ReLUs.
    "mnist-places-more": Study(
        question="Does a Gaussian work in other layers of LeNet-5, and without ReLU?",
        common=_MNIST,
        contestants={
            "gaussian-last": {**_FIRST["gaussian"], "where": "last"},
            "gaussian-both": {**_FIRST["gaussian"], "where": "all"},
            "gaussian-no-relu": {**_FIRST["gaussian"], "activation": "none"},
        },
        rates=_MNIST_RATES,
        search_epochs=4,
    ),
    "mnist-fixed": Study(
        question="What do kernels on MNIST lose whose own numbers stay where they start?",
        common=_MNIST,
        contestants={
            "polynomial-3": {"kernel": "polynomial:degree=3"},
            "gaussian": {"kernel": "gaussian"},
        },
        rates=_MNIST_RATES,
        search_epochs=4,
    ),
    "mnist-hyper": Study(
        question="How much do results on MNIST depend on a kernel's own numbers?",
        common=_MNIST,
        contestants={
            "polynomial-3-c0.5": {"kernel": "polynomial:degree=3,c=0.5"},
            "polynomial-3-c2": {"kernel": "polynomial:degree=3,c=2"},
            # A fifth of the default, which is one over the 25 numbers of a patch, and five of it.
            "gaussian-gamma0.008": {"kernel": "gaussian:gamma=0.008"},
            "gaussian-gamma0.2": {"kernel": "gaussian:gamma=0.2"},
        },
        rates=_MNIST_RATES,
        search_epochs=4,
    ),
    # Planned to look for a win where data is scarce: half of the pictures are for choices. Without
    # the two distances, which are at chance in this network with all digits.
    "few-digits": Study(
        question="Does a kernel in the first layer help when there are 1,000 digits to learn from?",
        common={**_MNIST, "epochs": 60, "limit": 2000, "validation": 0.5, "score_test": False},
        contestants={
            name: _FIRST[name]
            for name in (
                *("convolution", "polynomial-2", "polynomial-3"),
                *("gaussian", "sigmoid", "cosine"),
            )
        },
        rates=_MNIST_RATES,
        search_epochs=20,
    ),
    "fast": Study(
        question="Does a kernel in the first trained layer help a fast network on CIFAR-10?",
        # Half the recipe's epochs, to be run at all.
        common={**_FAST, "epochs": 8},
        contestants={
            **_FIRST,
            # Added when the Gaussian had failed, and its channels answered as one.
            "gaussian-normalized": {"kernel": "gaussian:normalized=true,learnable=true"},
        },
        rates=(0.75, 1.5, 3.0),
        search_epochs=3,
    ),
    # Planned when all choices were made: nothing is left for which to hold pictures out.
    "fast-full": Study(
        question="How far does the fast recipe come with all training pictures?",
        common={**_FAST, "validation": 0.0},
        contestants={
            "convolution": {},
            # Added when the first had stopped a tenth of a point short of 94 %.
            "convolution-lookahead": _LOOKAHEAD,
        },
        rates=(1.5,),
    ),
    "resnet20": Study(
        question="Does a kernel help a ResNet-20 on CIFAR-10, in the first layer or in all?",
        common={"data": "cifar10", "model": "resnet20", "epochs": 20, "precision": "bf16"},
        contestants={
            **_FIRST,
            "cosine-all": {"kernel": "cosine", "where": "spatial"},
            "sigmoid-all": {"kernel": "sigmoid:learnable=true", "where": "spatial"},
            "gaussian-all": {**_NORMALIZED, "where": "spatial"},
        },
        # Before its first run: without 0.03, which nobody chose in "light", and with 1.0, which
        # most preferred in "light-rates".
        rates=(0.1, 0.3, 1.0),
        search_epochs=2,
    ),
    # Planned for chapters 5 and 7, which had a first look at these networks, at one rate and with
    # one seed. There filters from data took away what the normalised kernel had gained.
    "every-layer": Study(
        question="What makes a ResNet-8 train that has a Gaussian in every 3×3 layer?",
        common={"data": "cifar10", "model": "resnet8", "epochs": 4, "where": "spatial"},
        contestants={
            "convolution": {},
            "default": {"kernel": "gaussian"},
            "data": {"kernel": "gaussian", "init": "data"},
            "normalized": {"kernel": "gaussian:normalized=true"},
            "normalized-learnable": _NORMALIZED,
            "normalized-learnable-data": {**_NORMALIZED, "init": "data"},
            "data-learnable": {
                "kernel": "gaussian:learnable=true,per_channel=true",
                "init": "data",
            },
        },
        rates=(0.1, 0.3),
        search_epochs=1,
    ),
}
