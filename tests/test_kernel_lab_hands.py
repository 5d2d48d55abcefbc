"""Every way into the kernel lab: mouse, keys and fingers, in Chromium."""

from __future__ import annotations

import pytest
import torch
from conftest import OPENING
from lab_page import NAMES, Lab, compare_with_kerv
from page_checks import Visit
from playwright.sync_api import Browser

pytestmark = pytest.mark.pages


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
    # Who scrolls with a finger on a picture keeps what was painted.
    lab.cells("Patch").nth(12).tap()
    canvas = lab.root.locator("canvas[data-map=chosen]")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    before = visit.page.evaluate("scrollY")
    session = context.new_cdp_session(visit.page)
    for kind, moved in (("touchStart", 0), *(("touchMove", 10 * k) for k in range(1, 13))):
        finger = {"x": box["x"] + 30, "y": box["y"] + 30 + moved}
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [finger]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    visit.page.wait_for_function("before => scrollY < before - 50", arg=before)
    assert lab.grid("Patch")[2, 2] == 1
    context.close()
    assert visit.complaints == []


def test_the_right_button_paints_nothing(lab: Lab) -> None:
    before = lab.grid("Patch")
    lab.cells("Patch").nth(12).click(button="right")
    torch.testing.assert_close(lab.grid("Patch"), before)


def test_keys_of_the_browser_stay_its_own(lab: Lab) -> None:
    """Zoom and "back" change nothing here, and reach the browser."""
    lab.page.evaluate(
        """() => {
        window.stopped = [];
        addEventListener('keydown', event => stopped.push(event.defaultPrevented));
    }"""
    )
    picture = lab.root.locator("canvas[data-map=picture]")
    for place, key in ((lab.cells("Patch").nth(12), "-"), (picture, "ArrowLeft")):
        for modifier in ("Control", "Alt", "Meta"):
            before = lab.grid("Patch")
            place.evaluate(
                """(element, [key, modifier]) => element.dispatchEvent(new KeyboardEvent('keydown',
                {key, [modifier]: true, bubbles: true, cancelable: true}))""",
                [key, {"Control": "ctrlKey", "Alt": "altKey", "Meta": "metaKey"}[modifier]],
            )
            torch.testing.assert_close(lab.grid("Patch"), before)
    assert lab.page.evaluate("stopped") == [False] * 6
