"""The kernel lab in Chromium: what it shows is what `kerv` computes."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path

import page_checks
import pytest
import torch
from conftest import OPENING, ROOT, SITE
from lab_page import NAMES, PLACES, Lab, assert_close, compare_with_kerv, gram
from page_checks import Visit
from playwright.sync_api import Browser, BrowserContext
from torch import Tensor

import kerv
from kerv.plots import COLOURS

pytestmark = pytest.mark.pages

SCRIPT = ROOT / "book" / "assets" / "kernel-lab.js"
WAYS = ["contrast", "brightness", "rotation", "drift", "noise"]
UPRIGHT = {(3, 4), (16, 8), (4, 13), (15, 18)}


# Numbers


def test_the_lab_offers_the_kernels_of_the_package(lab: Lab) -> None:
    assert list(lab.rows()) == NAMES
    defaults = {name: kerv.get_kernel(row["spec"]) for name, row in lab.rows().items()}
    x, w = torch.randn(1, 25), torch.randn(1, 25)
    for name, kernel in defaults.items():
        torch.testing.assert_close(kernel.gram(x, w), kerv.get_kernel(name).gram(x, w))
    bars = lab.root.locator("tr[data-kernel] i").evaluate_all(
        "bars => bars.map(bar => getComputedStyle(bar).backgroundColor)"
    )
    channels = [tuple(bytes.fromhex(COLOURS[name][1:])) for name in NAMES]
    assert bars == [f"rgb({r}, {g}, {b})" for r, g, b in channels]
    markers = lab.root.locator("th path").evaluate_all(
        "paths => paths.map(p => p.attributes.d.value)"
    )
    assert len(set(markers)) == len(NAMES)


@pytest.mark.parametrize("seed", range(3))
def test_painted_at_random(lab: Lab, seed: int) -> None:
    rng = random.Random(seed)
    lab.press(("edge", "spot", "texture")[seed])
    lab.scene(("cast shadow", "even light, noise", "growing light")[seed])
    for grid in ("Filter", "Patch"):
        lab.move("brush", rng.randrange(21))
        lab.paint(grid, rng.sample(range(25), 5))
    for name in NAMES:
        lab.choose(name)
        for slider in lab.root.locator(".kl-about input").all():
            slider.fill(str(rng.randint(0, int(slider.get_attribute("max") or 0))))
    lab.choose(NAMES[3 * seed + 1])
    compare_with_kerv(lab)


def test_kernels_at_their_defaults(lab: Lab) -> None:
    for name in NAMES:
        lab.choose(name)
        compare_with_kerv(lab)


def test_hook_answers_as_the_page_does(lab: Lab) -> None:
    x, w = torch.randn(25), torch.randn(25)
    hyper = {
        "polynomial": {"degree": 2, "c": 0.5},
        "gaussian": {"gamma": 0.3},
        "sigmoid": {"gamma": 0.1, "c": -1},
        "laplacian": {"gamma": 0.2},
        "rational_quadratic": {"alpha": 2, "gamma": 0.1},
        "correlation": {"eps": 0.01},
        "arc_cosine": {"order": 0},
    }
    found = lab.page.evaluate(
        "([x, w, hyper]) => kernelLab.responses(x, w, hyper)", [x.tolist(), w.tolist(), hyper]
    )
    assert list(found) == NAMES
    for name, answer in found.items():
        values = ",".join(f"{key}={value}" for key, value in hyper.get(name, {}).items())
        assert_close([answer], [gram(f"{name}:{values}".rstrip(":"), x, w)])


def test_patch_and_filter_of_zeros(lab: Lab) -> None:
    lab.press("contrast")
    lab.move("contrast", 0)
    assert not lab.grid("Patch").any()
    lab.choose("arc_cosine")
    lab.move("order", 0)
    compare_with_kerv(lab)
    lab.press("the patch")
    assert not lab.grid("Filter").any()
    compare_with_kerv(lab)
    lab.move("order", 1)
    lab.choose("correlation")
    compare_with_kerv(lab)


@pytest.mark.parametrize(("way", "kernel"), list(zip(WAYS, NAMES[1::2], strict=True)))
def test_curve_along_a_way(lab: Lab, way: str, kernel: str) -> None:
    lab.choose(kernel)
    lab.press(way)
    last = int(lab.slider(way).get_attribute("max") or 0)
    for index in (0, last // 3, last):
        lab.move(way, index)
        x, w = lab.grid("Patch"), lab.grid("Filter")
        spec = lab.rows()[kernel]["spec"]
        assert len(lab.curve("chosen")) == last + 1
        assert_close([lab.curve("linear")[index].item()], [gram("linear", x, w)])
        assert_close([lab.curve("chosen")[index].item()], [gram(spec, x, w)])
        assert_close(lab.curve("chosen")[index : index + 1], [float(lab.rows()[kernel]["here"])])


def amounts(lab: Lab, way: str) -> Iterator[tuple[float, Tensor]]:
    lab.press(way)
    for index in range(0, int(lab.slider(way).get_attribute("max") or 0) + 1, 5):
        lab.move(way, index)
        shown = lab.root.locator(".kl-slider > span").first.inner_text()
        assert shown == lab.slider(way).get_attribute("aria-valuetext")
        yield float(re.sub("[×° px]", "", shown).replace("−", "-")), lab.grid("Patch")


def test_ways_change_what_they_say(lab: Lab) -> None:
    lab.press("edge")
    w = lab.grid("Filter")
    for amount, x in amounts(lab, "contrast"):
        assert_close(x, amount * w)
    for amount, x in amounts(lab, "brightness"):
        assert_close(x, w + amount)
    for amount, x in amounts(lab, "drift"):
        if amount == int(amount):
            columns = [max(0, column - int(amount)) for column in range(5)]
            assert_close(x, w[:, columns])
    noise = [(amount, x - w) for amount, x in amounts(lab, "noise")]
    unit = noise[-1][1] / noise[-1][0]
    assert 0.5 < unit.std() < 1.5
    for amount, difference in noise:
        assert_close(difference, amount * unit)
    lab.press("rotation")
    for quarters in range(3):
        lab.move("rotation", 18 * quarters)
        assert_close(lab.grid("Patch"), torch.rot90(w, quarters))


def test_filter_minus_its_mean(lab: Lab) -> None:
    before = lab.grid("Filter")
    lab.press("minus its mean")
    assert_close(lab.grid("Filter"), before - before.mean())
    compare_with_kerv(lab)
    # Nothing stays of a flat one, not even rounding.
    lab.press("contrast")
    lab.move("contrast", 0)
    lab.press("the patch")
    lab.press("brightness")
    lab.press("the patch")
    assert lab.grid("Filter").unique().tolist() == [0.4]
    lab.press("minus its mean")
    assert not lab.grid("Filter").any()
    compare_with_kerv(lab)


def test_large_pixels_are_written_whole(lab: Lab) -> None:
    lab.press("edge")
    for _ in range(4):
        lab.press("contrast")
        lab.move("contrast", 30)
        lab.press("the patch")
    texts = lab.cells("Filter").all_inner_texts()
    shown = [float(text.replace("−", "-")) for text in texts]
    assert max(shown) > 10
    assert shown == pytest.approx(lab.grid("Filter").flatten().tolist(), abs=0.0051)


# What the opening page says of it


def test_first_sight(lab: Lab) -> None:
    """The convolution answers light, the correlation answers shape."""
    picture = lab.map("picture")
    row, column = lab.strongest("linear")
    patch = picture[row : row + 5, column : column + 5]
    torch.testing.assert_close(patch, lab.grid("Patch"))
    assert patch.std() < 0.1 * patch.mean(), "a flat, bright place"
    assert column == PLACES[1] - 1
    linear, correlation = lab.rows()["linear"], lab.rows()["correlation"]
    assert float(linear["here"]) > 1.5 * float(linear["own"])
    assert abs(float(correlation["here"])) < 0.2
    found = lab.map("chosen")
    peaks = min(found[place].item() for place in UPRIGHT)
    assert peaks > 0.8
    for place in UPRIGHT:
        found[max(0, place[0] - 1) : place[0] + 2, place[1] - 1 : place[1] + 2] = 0
    assert found.max() < peaks - 0.2, "the upright crosses stand out, and nothing else"
    lab.says(f"The patch lies at row {row}, column {column}: convolution answers")
    lab.says(f" {linear['patch']}, more than the {linear['filter']} to the filter itself; ")
    lab.says(f" correlation answers {correlation['patch']}, and {correlation['filter']} to")


def test_things_to_try(lab: Lab) -> None:
    lab.choose("gaussian")
    assert lab.strongest("chosen") == (3, 4), "the dimmest upright cross"
    lab.choose("correlation")
    lab.press("rotation")
    lab.move("rotation", 9)
    linear, correlation = lab.rows()["linear"], lab.rows()["correlation"]
    assert float(linear["here"]) == pytest.approx(float(linear["own"]), rel=0.05)
    assert float(correlation["here"]) < 0
    lab.press("start again")
    lab.press("minus its mean")
    found = lab.map("linear")
    by_light = sorted(UPRIGHT, key=lambda place: place[1])
    answers = [found[place].item() for place in by_light]
    assert answers == sorted(answers)
    assert lab.strongest("linear") == by_light[-1]


# The page around it


@pytest.mark.parametrize(("theme", "width"), [("light", 390), ("dark", 1280), ("dark", 390)])
def test_readable_with_every_kernel(
    context: BrowserContext, site: str, theme: str, width: int
) -> None:
    visit = Visit(context, site, OPENING, theme, width)
    lab = Lab(visit.page)
    lab.press("noise")
    wide = """lab => [...lab.querySelectorAll('figure, table, div:not(.kl-bar)')]
        .filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.className + e.textContent)"""
    found = []
    for name in NAMES:
        lab.choose(name)
        found += page_checks.overflow(visit.page) + page_checks.contrast(visit.page)
        found += lab.root.evaluate(wide)
    visit.close()
    assert found + visit.complaints == []


def test_no_motion_for_who_wants_none(browser: Browser, site: str) -> None:
    seconds = {}
    for motion in ("reduce", "no-preference"):
        context = browser.new_context(reduced_motion=motion)
        visit = Visit(context, site, OPENING)
        bar = visit.page.locator(".kl-bar i").first
        seconds[motion] = bar.evaluate("bar => getComputedStyle(bar).transitionDuration")
        context.close()
    assert seconds["reduce"] == "0s" != seconds["no-preference"]


def test_a_picture_stands_there_without_scripts(browser: Browser, site: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(site + OPENING)
    picture = page.locator(".kernel-lab img")
    assert picture.is_visible()
    assert len(picture.get_attribute("alt") or "") > 100
    assert page.locator("canvas").count() == 0
    context.close()


def test_only_pages_with_a_lab_load_it(site: str) -> None:
    pages = [path for path in Path(SITE).rglob("*.html") if "_static" not in path.parts]
    texts = {path.name: path.read_text(encoding="utf-8") for path in pages}
    with_lab = {name for name, text in texts.items() if 'class="kernel-lab"' in text}
    assert "intro.html" in with_lab
    for file in ("kernel-lab.js", "kernel-lab.css"):
        assert {name for name, text in texts.items() if f"_static/{file}" in text} == with_lab


def test_the_script_is_small_and_alone() -> None:
    source = SCRIPT.read_text(encoding="utf-8")
    assert SCRIPT.stat().st_size < 25_000
    assert re.findall(r"\bimport\b|\brequire\(|https?://|\bfetch\(", source) == []
    assert max(map(len, source.splitlines())) <= 120
