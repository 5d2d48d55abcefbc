"""Changes of light do what their names say, and what undoes them is known."""

from __future__ import annotations

import pytest
import torch

import kerv
from kerv import data, light, scaling

PICTURES = torch.randint(0, 256, (4, 3, 32, 32), generator=torch.Generator().manual_seed(0)).to(
    torch.uint8
)


@pytest.mark.parametrize("condition", light.CONDITIONS | light.MORE)
def test_conditions_give_pictures_again(condition: str) -> None:
    changed = light.change(PICTURES, condition)
    assert changed.dtype == torch.uint8
    assert changed.shape == PICTURES.shape
    assert torch.equal(changed, light.change(PICTURES, condition)), "the same each time"
    assert torch.equal(changed, PICTURES) == (condition == "unchanged")


def test_values_by_hand() -> None:
    grey = torch.full((1, 1, 4, 4), 100, dtype=torch.uint8)
    assert light.change(grey, "three tenths of the light").unique().tolist() == [30]
    assert light.change(grey + 100, "twice the light").unique().tolist() == [255]
    assert light.change(grey, "haze").unique().tolist() == [178]  # 50 + 127.5, rounded to even
    assert light.change(grey, "gamma 0.5").unique().tolist() == [160]  # 255·√(100/255)
    assert light.change(grey, "gamma 2").unique().tolist() == [39]
    half = light.change(grey, "half in shadow")[0, 0]
    assert half[:, :2].unique().tolist() == [15]
    assert half[:, 2:].unique().tolist() == [100]
    four = light.change(grey, "four lights")[0, 0]
    assert four[::2, ::2].tolist() == [[100, 50], [25, 12]]
    ramp = light.change(grey, "smooth ramp")[0, 0]
    assert ramp[0].tolist() == [10, 40, 70, 100]
    assert light.change(grey, "offset +0.2").unique().tolist() == [151]
    assert light.change(grey, "offset −0.2").unique().tolist() == [49]
    assert light.change(grey + 120, "offset +0.2").unique().tolist() == [255]
    assert light.change(grey - 80, "offset −0.2").unique().tolist() == [0]
    assert light.change(grey, "4 levels").unique().tolist() == [85]
    gentle = light.change(grey, "gentle ramp")[0, 0]
    assert gentle[0].tolist() == [50, 67, 83, 100]
    assert torch.equal(light.change(grey, "ramp from the top")[0, 0], ramp.T)
    # Of 16 columns the four in the middle are its border: light from 0.15 to 1 in equal steps.
    wide = torch.full((1, 1, 1, 16), 200, dtype=torch.uint8)
    border = [(0.15 + 0.85 * share) * 200 for share in (0.125, 0.375, 0.625, 0.875)]
    soft = light.change(wide, "soft shadow")[0, 0, 0].tolist()
    assert soft == [30] * 6 + [round(value) for value in border] + [200] * 6
    # The line through the corners leaves its own side dark, up to the diagonal.
    diagonal = light.change(grey, "diagonal shadow")[0, 0]
    assert diagonal[0, 0] == 20
    assert diagonal[3, 3] == 100
    assert torch.equal(diagonal, diagonal.T)


def test_noise_has_its_deviation_and_blur_keeps_the_mean() -> None:
    flat = torch.full((8, 3, 32, 32), 0.5)
    assert light.noise(flat, 0.06).std().item() == pytest.approx(0.06, rel=0.05)
    grey = torch.full((8, 3, 32, 32), 128, dtype=torch.uint8)
    for sigma in (0.03, 0.06):
        spread = light.change(grey, f"noise {sigma}").float().std().item() / 255
        assert spread == pytest.approx(sigma, rel=0.05)
    x = PICTURES.float() / 255
    blurred = light.blur(x, 1.0)
    assert blurred.mean().item() == pytest.approx(x.mean().item(), abs=0.01)
    assert blurred.std() < 0.5 * x.std()


def test_unknown_names() -> None:
    with pytest.raises(ValueError, match="unknown condition 'fog'; they are unchanged, half"):
        light.change(PICTURES, "fog")
    with pytest.raises(ValueError, match="one of gain, shadow, noise, got 'fog'"):
        light.vary(torch.zeros(1, 1, 2, 2), "fog")
    with pytest.raises(ValueError, match=r"normalize must be one of channel, scalar, .* got 'fog'"):
        scaling.scaler("fog", data.load("textures"))


@pytest.mark.parametrize("kind", light.KINDS)
def test_training_meets_another_light_in_each_picture(kind: str, device: torch.device) -> None:
    x = torch.full((64, 3, 8, 8), 0.5, device=device)

    def drawn(seed: int) -> torch.Tensor:
        return light.vary(x, kind, torch.Generator(device).manual_seed(seed))

    varied = drawn(0)
    assert torch.equal(varied, drawn(0))
    assert not torch.equal(varied, drawn(1))
    assert varied.min() >= 0
    assert varied.max() <= 1
    assert len(varied.flatten(1).mean(1).unique()) > 50, "another light in each"
    levels = {len(picture.unique()) for picture in varied}
    # A gain is one number for the picture; a shadow leaves a lit and a dark part.
    if kind == "gain":
        assert levels == {1}
    if kind == "shadow":
        assert levels == {2}
        assert varied.min() >= 0.05
    if kind == "noise":
        strengths = varied.flatten(1).std(1)
        assert 0 < strengths.min() < 0.02
        assert 0.08 < strengths.max() < 0.12
        assert varied.mean().item() == pytest.approx(0.5, abs=0.005)


def test_training_reaches_the_whole_range_of_light() -> None:
    def drawn(value: float, kind: str) -> torch.Tensor:
        flat = torch.full((2000, 1, 8, 8), value)
        return light.vary(flat, kind, torch.Generator().manual_seed(0))

    assert drawn(0.0, "gain").max().item() == pytest.approx(0.3, abs=0.01)  # the offset
    assert drawn(0.25, "gain").max().item() == pytest.approx(0.25 * 1.9 + 0.3, abs=0.03)
    shadows = drawn(1.0, "shadow")[:, 0]
    assert shadows.min().item() == pytest.approx(0.1, abs=0.01)
    corners = (shadows[:, [0, 0, -1, -1], [0, -1, 0, -1]] < 1).float().mean(0)
    assert corners.min() > 0.25, "no side is preferred"
    assert corners.max() < 0.75


def dataset(device: torch.device | str = "cpu") -> data.Dataset:
    return data.Dataset(
        name="made",
        train_x=PICTURES.to(device),
        train_y=torch.zeros(4, dtype=torch.long, device=device),
        test_x=PICTURES.to(device),
        test_y=torch.zeros(4, dtype=torch.long, device=device),
        classes=("a",),
        mean=(PICTURES.float() / 255).mean((0, 2, 3)).to(device),
        std=(PICTURES.float() / 255).std((0, 2, 3), correction=0).to(device),
    )


def test_scalings_against_their_definitions(device: torch.device) -> None:
    made = dataset(device)
    x = made.train_x.float() / 255

    def scaled(name: str, pictures: torch.Tensor = x) -> torch.Tensor:
        return scaling.scaler(name, made)(pictures)

    assert torch.equal(scaled("none"), x)
    assert torch.equal(scaled("channel"), made.normalize(made.train_x))
    torch.testing.assert_close(scaled("scalar"), (x - x.mean()) / x.std(correction=0))
    for picture in scaled("picture"):
        assert picture.mean().item() == pytest.approx(0, abs=1e-5)
        assert picture.std(correction=0).item() == pytest.approx(1, abs=1e-5)
    # What is computed from a picture alone does not see a factor and an offset.
    for name in ("picture", "local"):
        torch.testing.assert_close(scaled(name, 0.3 * x + 0.2), scaled(name), atol=1e-4, rtol=1e-4)
    # Local contrast at one pixel, by hand: weights of a Gaussian window, all channels alike.
    steps = torch.arange(-4.0, 5.0, device=device)
    one = torch.softmax(-steps.square() / 8, 0)
    window = one[:, None] * one

    def mean_around(values: torch.Tensor, row: int, column: int) -> torch.Tensor:
        part = values[0, :, row - 4 : row + 5, column - 4 : column + 5].mean(0)
        return (part * window).sum()

    centred = torch.zeros_like(x)
    for row in range(8, 17):
        for column in range(8, 17):
            centred[0, :, row, column] = x[0, :, row, column] - mean_around(x, row, column)
    spread = mean_around(centred.square(), 12, 12).sqrt()
    torch.testing.assert_close(scaled("local")[0, :, 12, 12], centred[0, :, 12, 12] / spread)


def test_flat_pictures_stay_finite() -> None:
    flat = torch.full((1, 3, 16, 16), 0.4)
    for name in scaling.NAMES:
        assert scaling.scaler(name, dataset())(flat).isfinite().all()


@pytest.mark.parametrize("name", [*light.CONDITIONS, *light.MORE, *light.KINDS])
def test_changes_of_light_run_on_a_fake_gpu(name: str) -> None:
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode():
        x = torch.empty(2, 3, 32, 32, device="cuda")
        change = (light.CONDITIONS | light.MORE).get(name) or (lambda x: light.vary(x, name, None))
        assert change(x).device.type == "cuda"


def test_a_correlation_layer_sees_no_gain_and_no_offset_behind_one_scalar() -> None:
    layer = kerv.KernelConv2d(
        3, 8, 3, padding=1, padding_mode="reflect", bias=False, kernel="correlation:eps=1e-6"
    )
    x = PICTURES.double() / 255
    layer.double()
    one = scaling.scaler("scalar", dataset())
    changed = 0.3 * x + 0.2
    torch.testing.assert_close(layer(one(changed)), layer(one(x)), atol=1e-4, rtol=0)
    # Another mean taken off each colour, and the factor is no longer one number for the patch.
    colours = torch.tensor([0.2, 0.5, 0.8]).view(3, 1, 1)
    made = dataset()
    each = lambda pictures: (pictures - colours) / made.std.view(3, 1, 1)  # noqa: E731
    assert (layer(each(0.3 * x)) - layer(each(x))).abs().max() > 0.05


@pytest.mark.parametrize("name", scaling.NAMES)
def test_gradients_are_finite_where_a_picture_is_flat(name: str) -> None:
    x = torch.zeros(1, 3, 28, 28)
    x[..., 10:18, 10:18] = 0.7
    x.requires_grad_()
    weights = torch.randn(1, 3, 28, 28, generator=torch.Generator().manual_seed(0))
    (scaling.scaler(name, dataset())(x) * weights).sum().backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()


def test_a_gain_may_also_darken() -> None:
    flat = torch.full((2000, 1, 2, 2), 0.6)
    varied = light.vary(flat, "gain", torch.Generator().manual_seed(0))
    # A tenth of the contrast alone leaves 0.06, and 0.3 less alone leaves 0.3.
    assert varied.min() < 0.01


def test_conditions_have_the_strength_of_their_names() -> None:
    x = PICTURES.float() / 255
    assert torch.equal(light.CONDITIONS["half the light"](x), 0.5 * x)
    assert torch.equal(light.CONDITIONS["blur"](x), light.blur(x, 1.0))
    for count in (27, 8, 4):
        stored = light.change(PICTURES, f"{count} levels").unique()
        assert torch.equal(stored, (torch.arange(count) * 255 / (count - 1)).round().to(stored))
    # "At a tenth of the light a picture has 27 values left"
    dark = light.change(PICTURES, "a tenth of the light")
    assert dark.unique().tolist() == list(range(27))


def test_a_shadow_falls_from_every_side() -> None:
    flat = torch.ones(2000, 1, 8, 8)
    shadows = light.vary(flat, "shadow", torch.Generator().manual_seed(0))[:, 0] < 1
    edges = {"top": shadows[:, 0], "bottom": shadows[:, -1]}
    edges |= {"left": shadows[:, :, 0], "right": shadows[:, :, -1]}
    shares = [edge.all(1).float().mean().item() for edge in edges.values()]
    assert max(shares) - min(shares) < 0.05


def test_local_contrast_sees_the_picture_mirrored_at_its_border() -> None:
    x, scale = PICTURES.float() / 255, scaling.scaler("local", dataset())
    larger = torch.nn.functional.pad(x, (8,) * 4, mode="reflect")
    torch.testing.assert_close(scale(larger)[..., 8:-8, 8:-8], scale(x))
