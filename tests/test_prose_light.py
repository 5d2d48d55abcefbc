"""The numbers that chapter 9 states in prose, recomputed from the records of changing light."""

from __future__ import annotations

import nbformat
import pytest
import torch
from conftest import ROOT

import kerv
from kerv import audit, light, scaling


def test_what_chapter_9_says_of_larger_rates() -> None:
    shadows, ramp = ("half in shadow", "diagonal shadow", "four lights"), "smooth ramp"
    both, taught = "correlation-shadow-augmented", "light/convolution-shadow-augmented"
    remedies = ("per-picture", "instance-norm", "local-contrast")
    names = [f"convolution-{name}-shadow-augmented" for name in remedies]
    best = [taught, *(f"light-rates/{name}" for name in names)]
    # "In eleven of the twelve places the mean grows, by up to three points, or stays"
    before = [taught, *(f"light/{name}" for name in names)]
    grown = [
        100 * (now[c].mean - then[c].mean)
        for now, then in zip(
            audit.leads(f"light-rates/{both}", best, shadows).values(),
            audit.leads(f"light/{both}", before, shadows).values(),
            strict=True,
        )
        for c in shadows
    ]
    assert sorted(round(g, 1) >= 0 for g in grown) == [False] + [True] * 11
    assert min(grown) > -0.5
    assert 2.5 < max(grown) < 3
    # "from four points to less than one"
    for study, low, high in (("light", 4, 4.2), ("light-rates", 0, 1)):
        lead = audit.leads(f"{study}/correlation", [taught], [ramp])[taught][ramp]
        assert low < -100 * lead.mean < high
    # at 0.3, half in shadow: "five points ahead", "nearly four", "both intervals just miss 0"
    for rival, low, high in ((before[2], 4.5, 5), (before[3], 3.5, 4)):
        lead = audit.leads(f"light/{both}", [rival], shadows[:1])[rival][shadows[0]]
        assert low < 100 * lead.mean < high
        assert 0 < lead.mean - lead.margin < 0.005
    # "three to six behind under shadows", "nine points ahead" under the ramp
    contrast = best[3]
    found = audit.leads(f"light-rates/{both}", [contrast], (*shadows, ramp))[contrast]
    assert all(3 <= round(100 * found[c].mean) <= 6 for c in shadows)
    assert round(-100 * found[ramp].mean) == 9
    # "28 points wide to either side"
    alone = "light-rates/convolution-local-contrast"
    lead = audit.leads("light-rates/correlation", [alone], shadows)[alone]["diagonal shadow"]
    assert round(100 * lead.margin) == 28


def test_what_chapter_9_says_of_its_light() -> None:
    pictures = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    meant = {
        "half in shadow": light.shadow(pictures, left=0.15),
        "diagonal shadow": light.shadow(pictures, left=0.2, degrees=45),
        "four lights": light.four_lights(pictures, (1, 0.5, 0.25, 0.12)),
        "noise 0.03": light.noise(pictures, 0.03),
        "noise 0.06": light.noise(pictures, 0.06),
        "blur": light.blur(pictures, 1.0),
    }
    for condition, changed in meant.items():
        assert torch.equal(light.CONDITIONS[condition](pictures), changed)
    assert scaling.SIGMA == 2
    # "their deviation, about a quarter", so that a squared length is a sixteenth
    deviations = torch.tensor(kerv.data.STATISTICS["cifar10"][1])
    assert (deviations - 0.25).abs().max() < 0.012
    # "Under blur ... six points ahead of the convolution, by the whole interval"
    plain = "light/convolution"
    lead = audit.leads("light/correlation", [plain], ["blur"])[plain]["blur"]
    assert (lead.verdict, round(100 * lead.mean)) == ("reproduced", 6)
    # "four points ahead" of the standardised one, "seven points behind the taught convolution"
    both, taught = "light/correlation-shadow-augmented", "light/convolution-shadow-augmented"
    rival = "light/convolution-per-picture-shadow-augmented"
    ahead = audit.leads(both, [rival], ["half in shadow"])[rival]["half in shadow"]
    behind = audit.leads(both, [taught], ["smooth ramp"])[taught]["smooth ramp"]
    assert (round(100 * ahead.mean), round(100 * behind.mean)) == (4, -7)


@pytest.mark.slow
def test_a_correlation_in_the_middle_of_the_texture_network() -> None:
    """Chapter 9, solution 5: what three seeds gave, with the chapter's own network and training."""
    book = nbformat.read(ROOT / "book/09_robustness.ipynb", as_version=4)
    chapter = {"kerv": kerv, "torch": torch, "nn": torch.nn, "F": torch.nn.functional}
    chapter |= {"light": light}
    for name in ("live-setup", "live-train"):
        exec(next(cell.source for cell in book.cells if cell.id == name), chapter)
    weak, shadow = {}, {}
    for name in ("linear", "middle", "correlation:eps=1e-4"):
        weak[name], shadow[name] = [], []
        for seed in range(3):
            torch.manual_seed(seed)
            model = chapter["network"]("linear" if name == "middle" else name)
            if name == "middle":
                settings = {"stride": 2, "bias": False, "kernel": "correlation:eps=1e-4"}
                model[3] = kerv.KernelConv2d(16, 32, 3, **settings)
            trained = chapter["train"](model, chapter["scalar"])
            chapter["networks"] = {"it": (trained, chapter["scalar"])}
            for found, condition in ((weak, "a tenth of the light"), (shadow, "half in shadow")):
                pictures = light.change(chapter["data"].test_x, condition).float() / 255
                found[name].append(chapter["accuracy"]("it", pictures, chapter["data"].test_y))
    # "it guessed at a tenth of the light each time, as the convolution does"
    assert max(weak["linear"] + weak["middle"]) < 0.15
    # "it kept more than the convolution in the mean, and less than the correlation network"
    assert sum(shadow["linear"]) < sum(shadow["middle"]) < sum(shadow["correlation:eps=1e-4"])
