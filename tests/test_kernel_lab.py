"""The kernel lab in Chromium: what it shows is what `kerv` computes, and every way in works."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path

import page_checks
import pytest
import torch
from conftest import ROOT, SITE
from lab_page import NAMES, PLACES, Lab, assert_close, compare_with_kerv, gram
from page_checks import Visit
from playwright.sync_api import Browser, BrowserContext
from torch import Tensor

import kerv
from kerv.plots import COLOURS

pytestmark = pytest.mark.pages

OPENING = "book/intro.html"
SCRIPT = ROOT / "book" / "assets" / "kernel-lab.js"
WAYS = ["contrast", "brightness", "rotation", "drift", "noise"]
UPRIGHT = {(3, 4), (16, 8), (4, 13), (15, 18)}


@pytest.fixture
def lab(context: BrowserContext, site: str) -> Iterator[Lab]:
    visit = Visit(context, site, OPENING)
    yield Lab(visit.page)
    visit.close()
    assert visit.complaints == []


@pytest.fixture(autouse=True)
def _double() -> Iterator[None]:
    """Hyper-parameters are tensors too: in float32 they would spoil the sixth digit."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


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


# Ways in


def test_painting_by_mouse(lab: Lab) -> None:
    lab.move("brush", 13)
    before = lab.grid("Filter")
    lab.cells("Filter").nth(5).hover()
    lab.page.mouse.down()
    for i in (6, 7, 8):
        lab.cells("Filter").nth(i).hover()
    lab.page.mouse.up()
    lab.cells("Filter").nth(9).hover()
    before[1, :4] = 0.3
    torch.testing.assert_close(lab.grid("Filter"), before)
    compare_with_kerv(lab)


def test_painting_by_keys(lab: Lab) -> None:
    lab.move("brush", 0)
    lab.cells("Patch").nth(0).focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowDown", "ArrowLeft", "ArrowLeft", "Enter"):
        lab.page.keyboard.press(key)
    assert lab.grid("Patch")[2, 0] == -1
    label = lab.cells("Patch").nth(10).get_attribute("aria-label")
    assert label == "row 2, column 0: −1"
    for key in ("ArrowUp", "+", "+", "-", "Space"):
        before = lab.grid("Patch")[1, 0].item()
        lab.page.keyboard.press(key)
        step = {"+": 0.1, "-": -0.1}.get(key, 0)
        if key != "Space":
            assert lab.grid("Patch")[1, 0].item() == pytest.approx(before + step, abs=0.0051)
    assert lab.grid("Patch")[1, 0] == -1
    lab.says("The patch is painted: convolution answers")
    compare_with_kerv(lab)


def test_place_in_the_picture(lab: Lab) -> None:
    canvas = lab.root.locator("canvas[data-map=picture]")
    box = canvas.bounding_box()
    assert box is not None
    canvas.click(position={"x": 6.5 / 32 * box["width"], "y": 5.5 / 24 * box["height"]})
    torch.testing.assert_close(lab.grid("Patch"), lab.map("picture")[3:8, 4:9])
    assert canvas.get_attribute("aria-valuetext") == "row 3, column 4"
    canvas.focus()
    for key in ("ArrowUp", "ArrowUp", "ArrowUp", "ArrowUp", "ArrowRight"):
        lab.page.keyboard.press(key)
    torch.testing.assert_close(lab.grid("Patch"), lab.map("picture")[:5, 5:10])
    assert canvas.get_attribute("aria-valuetext") == "row 0, column 5"
    compare_with_kerv(lab)


def test_everything_works_from_the_keyboard(lab: Lab) -> None:
    """Tab reaches each control once, and each does something then."""
    lab.root.locator("canvas[data-map=picture]").focus()
    lab.page.keyboard.press("Shift+Tab")
    describe = """() => {
        const e = document.activeElement;
        if (!e.closest('.kernel-lab')) return null;
        return [e.tagName, e.type ?? '', e.ariaLabel ?? '', e.closest('label')?.textContent ?? '',
            e.tagName === 'BUTTON' ? e.textContent : ''].join('|');
    }"""
    # All that could change: what is shown, marked and drawn.
    state = """() => document.querySelector('.kernel-lab').innerHTML
        + [...document.querySelectorAll('canvas')].map(c => c.toDataURL()).join()
        + [...document.querySelectorAll('.kernel-lab :is(input, select)')]
            .map(input => input.value + input.checked)"""
    keys = {"CANVAS": "ArrowLeft", "SELECT": "ArrowDown", "range": "ArrowLeft", "radio": "ArrowUp"}
    reached = []
    while len(reached) < 60:
        lab.page.keyboard.press("Tab")
        found = lab.page.evaluate(describe)
        if found is None:
            break
        reached.append(found)
        tag, kind = found.split("|")[:2]
        before = lab.page.evaluate(state)
        lab.page.keyboard.press(keys.get(kind, keys.get(tag, "Space")))
        assert lab.page.evaluate(state) != before, f"{found}: the key changes nothing"
    kinds = [found.split("|")[0] + "." + found.split("|")[1] for found in reached]
    assert len(set(reached)) == len(reached)
    # The kernel above correlation in the list is the cosine, which has no slider.
    count = {kind: kinds.count(kind) for kind in set(kinds)}
    assert count == {
        "CANVAS.": 1,
        "SELECT.select-one": 1,
        # Two cells, four filters, two more ways to one, five ways to a patch, start again.
        "BUTTON.button": 2 + 4 + 2 + 5 + 1,
        "INPUT.range": 2,
        "INPUT.radio": 1,
    }


def test_hyper_parameters_by_keys(lab: Lab) -> None:
    for name in NAMES:
        lab.choose(name)
        sliders = lab.root.locator(".kl-about input").all()
        for slider in sliders:
            before = lab.rows()[name]["spec"]
            slider.press("ArrowLeft")
            assert lab.rows()[name]["spec"] != before
        spec = lab.rows()[name]["spec"]
        assert len(sliders) == spec.count("=")
        assert lab.root.locator(".kl-about code").inner_text() == f'kerv.get_kernel("{spec}")'
    compare_with_kerv(lab)


def test_touch(browser: Browser, site: str) -> None:
    context = browser.new_context(has_touch=True, is_mobile=True)
    visit = Visit(context, site, OPENING, width=390)
    lab = Lab(visit.page)
    lab.cells("Patch").nth(12).scroll_into_view_if_needed()
    lab.cells("Patch").nth(12).tap()
    assert lab.grid("Patch")[2, 2] == 1
    lab.root.locator("canvas[data-map=chosen]").tap(position={"x": 20, "y": 20})
    assert lab.grid("Patch")[2, 2] != 1
    context.close()
    assert visit.complaints == []


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
