"""Changes of light, and of sharpness and noise, that a picture may meet after training.

Pictures are (N, C, H, W) with values from 0 to 1, as they are stored: twice the value is a brighter
picture, though not exactly twice the light (screens bend the scale by about a power of 2.2; "gamma"
below bends it on purpose). What comes out may lie outside 0…1, as with noise or twice the light;
`vary` clips it, and so does `change`, which takes and returns uint8 pictures.

>>> x = torch.full((1, 1, 2, 2), 0.5)
>>> CONDITIONS["a tenth of the light"](x)[0, 0, 0, 0].item()
0.05000000074505806
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

Change = Callable[[Tensor], Tensor]

# The kinds of `vary`.
KINDS = ("gain", "shadow", "noise")


def half_plane(height: int, width: int, degrees: float) -> Tensor:
    """1 on one side of a line through the picture and 0 on the other, (height, width).

    The line goes through the middle. At 0 degrees the left half is 1, and it turns clockwise.

    >>> half_plane(2, 4, 0)
    tensor([[1., 1., 0., 0.],
            [1., 1., 0., 0.]])
    """
    rows, columns = _places(height, width)
    angle = math.radians(degrees)
    along = math.cos(angle) * columns + math.sin(angle) * rows
    return (along < 0).float()


def _places(height: int, width: int, device: torch.device | None = None) -> tuple[Tensor, Tensor]:
    """The middles of the pixels from −½ to ½: a column of rows, and a row of columns."""
    rows = (torch.arange(height, device=device) + 0.5) / height - 0.5
    columns = (torch.arange(width, device=device) + 0.5) / width - 0.5
    return rows[:, None], columns


def shadow(x: Tensor, left: float, degrees: float = 0.0) -> Tensor:
    """The light on one side of a sharp line through the middle, times `left`.

    Args:
        x: pictures (N, C, H, W).
        left: the share of the light that is left there, from 0 to 1.
        degrees: which side, as in `half_plane`: 0 is the left, 90 the top, and so on clockwise.

    >>> shadow(torch.ones(1, 1, 1, 4), left=0.25)
    tensor([[[[0.2500, 0.2500, 1.0000, 1.0000]]]])
    """
    mask = half_plane(x.shape[2], x.shape[3], degrees).to(x)
    return x * (1 - (1 - left) * mask)


def ramp(x: Tensor, darkest: float) -> Tensor:
    """Light that rises evenly from `darkest` at the left to 1 at the right.

    >>> ramp(torch.ones(1, 1, 1, 3), darkest=0.5)
    tensor([[[[0.5000, 0.7500, 1.0000]]]])
    """
    return x * torch.linspace(darkest, 1, x.shape[3], device=x.device)


def soft_shadow(x: Tensor, left: float, width: float) -> Tensor:
    """A shadow on the left half whose border is a ramp.

    Args:
        x: pictures (N, C, H, W).
        left: the share of the light that is left in the shadow, from 0 to 1.
        width: of the border, as a share of the picture's; it lies around the middle.

    >>> soft_shadow(torch.ones(1, 1, 1, 4), left=0.2, width=0.5)
    tensor([[[[0.2000, 0.4000, 0.8000, 1.0000]]]])
    """
    _, columns = _places(x.shape[2], x.shape[3], x.device)
    return x * (left + (1 - left) * (columns / width + 0.5).clamp(0, 1))


def four_lights(x: Tensor, strengths: tuple[float, float, float, float]) -> Tensor:
    """Another strength of light in each quarter: top left and right, bottom left and right.

    >>> four_lights(torch.ones(1, 1, 2, 2), (1, 0.5, 0.25, 0.125))[0, 0]
    tensor([[1.0000, 0.5000],
            [0.2500, 0.1250]])
    """
    quarters = torch.tensor(strengths, device=x.device).view(2, 2)
    rows = torch.arange(x.shape[2], device=x.device) * 2 // x.shape[2]
    columns = torch.arange(x.shape[3], device=x.device) * 2 // x.shape[3]
    return x * quarters[rows[:, None], columns]


def noise(x: Tensor, sigma: float) -> Tensor:
    """`x` and Gaussian noise of standard deviation `sigma`, the same each time, not clipped.

    Args:
        x: pictures in 0…1; the noise depends on their shape alone.
        sigma: in units of the range 0…1.

    >>> torch.equal(noise(torch.zeros(1, 1, 2, 2), 0.1), noise(torch.zeros(1, 1, 2, 2), 0.1))
    True
    """
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randn(x.shape, generator=generator, device="cpu", dtype=torch.float32)
    return x + sigma * drawn.to(x)


def levels(x: Tensor, count: int) -> Tensor:
    """`x` rounded to the nearest of `count` values, evenly spaced from 0 to 1.

    >>> levels(torch.tensor([0.1, 0.3, 0.9]), count=3)
    tensor([0.0000, 0.5000, 1.0000])
    """
    return (x * (count - 1)).round() / (count - 1)


def blur(x: Tensor, sigma: float) -> Tensor:
    """A Gaussian blur; `sigma` in pixels."""
    from torchvision.transforms.v2.functional import gaussian_blur

    size = 2 * math.ceil(3 * sigma) + 1
    return gaussian_blur(x, [size, size], [sigma, sigma])


# What the book's networks are tested under. Each is applied to the whole test set.
CONDITIONS: dict[str, Change] = {
    "unchanged": lambda x: x,
    "half the light": lambda x: 0.5 * x,
    "three tenths of the light": lambda x: 0.3 * x,
    "a tenth of the light": lambda x: 0.1 * x,
    "twice the light": lambda x: 2 * x,
    "haze": lambda x: 0.5 * x + 0.5,
    "gamma 0.5": lambda x: x.sqrt(),
    "gamma 2": lambda x: x.square(),
    "smooth ramp": lambda x: ramp(x, 0.1),
    "half in shadow": lambda x: shadow(x, 0.15),
    "diagonal shadow": lambda x: shadow(x, 0.2, degrees=45),
    "four lights": lambda x: four_lights(x, (1, 0.5, 0.25, 0.12)),
    "noise 0.03": lambda x: noise(x, 0.03),
    "noise 0.06": lambda x: noise(x, 0.06),
    "blur": lambda x: blur(x, 1.0),
}

# What later studies add. An offset alone: haze has a gain beside it. Few levels alone: at a tenth
# of the light 27 values are left, from 0 to 26. And what lies around the ramp and the shadow above.
MORE: dict[str, Change] = {
    "offset +0.2": lambda x: x + 0.2,
    "offset −0.2": lambda x: x - 0.2,
    "27 levels": lambda x: levels(x, 27),
    "8 levels": lambda x: levels(x, 8),
    "4 levels": lambda x: levels(x, 4),
    "gentle ramp": lambda x: ramp(x, 0.5),
    "ramp from the top": lambda x: ramp(x.mT, 0.1).mT,
    "soft shadow": lambda x: soft_shadow(x, 0.15, width=0.25),
}


def change(pictures: Tensor, condition: str) -> Tensor:
    """uint8 pictures under a change of light, as a camera would store them: clipped and rounded.

    Args:
        pictures: uint8, (N, C, H, W).
        condition: a name of `CONDITIONS` or of `MORE`.

    Raises:
        ValueError: the condition is unknown.

    >>> change(torch.tensor([[[[200]]]], dtype=torch.uint8), "twice the light").item()
    255
    """
    known = CONDITIONS | MORE
    if condition not in known:
        raise ValueError(f"unknown condition {condition!r}; they are {', '.join(known)}")
    changed = known[condition](pictures.float() / 255)
    return (changed.clamp(0, 1) * 255).round().to(torch.uint8)


def vary(x: Tensor, kind: str, generator: torch.Generator | None = None) -> Tensor:
    """Another light, or another noise, for each picture of a training batch.

    Args:
        x: pictures (N, C, H, W) in 0…1.
        kind: "gain" draws contrast from 0.1 to 1.9 (a factor) and brightness from −0.3 to 0.3 (an
            offset); "shadow" puts what lies to one side of a line of random direction and place
            into 0.1 to 1 of the light; "noise" draws the standard deviation of Gaussian noise, from
            0 to 0.1.
        generator: on the device of `x`.

    Raises:
        ValueError: the kind is unknown.

    >>> vary(torch.full((2, 1, 4, 4), 0.5), "gain").shape
    torch.Size([2, 1, 4, 4])
    """
    n, _, height, width = x.shape

    def draw(low: float, high: float) -> Tensor:
        drawn = torch.rand((n, 1, 1, 1), generator=generator, device=x.device)
        return low + (high - low) * drawn

    if kind == "gain":
        return (x * draw(0.1, 1.9) + draw(-0.3, 0.3)).clamp(0, 1)
    if kind == "shadow":
        rows, columns = _places(height, width, x.device)
        angle = draw(0, 2 * math.pi)
        dark = angle.cos() * columns + angle.sin() * rows < draw(-0.5, 0.5)
        return torch.where(dark, x * draw(0.1, 1), x)
    if kind == "noise":
        drawn = torch.randn(x.shape, generator=generator, device=x.device)
        return (x + draw(0, 0.1) * drawn).clamp(0, 1)
    raise ValueError(f"kind of light must be one of {', '.join(KINDS)}, got {kind!r}")
