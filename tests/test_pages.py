"""The built site as a reader sees it, page by page, in Chromium."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import page_checks
import pytest
from conftest import SITE
from page_checks import Visit
from playwright.sync_api import BrowserContext, Page

pytestmark = pytest.mark.pages

PAGES = sorted(
    path.relative_to(SITE).as_posix()
    for path in SITE.rglob("*.html")
    if not path.relative_to(SITE).parts[0].startswith("_")
)


def test_site_is_built(site: str) -> None:
    assert "index.html" in PAGES
    assert len(PAGES) > 3


def test_first_page_leads_into_the_book(context: BrowserContext, site: str) -> None:
    page = context.new_page()
    page.goto(site)
    page.wait_for_url("**/book/intro.html")


@pytest.mark.parametrize(("width", "is_centred"), [(1280, True), (390, False)])
def test_formulas_use_the_width_of_a_phone(
    context: BrowserContext, site: str, width: int, is_centred: bool
) -> None:
    with closing(Visit(context, site, "book/01_linear_limits.html", "light", width)) as visit:
        formula = visit.page.locator("mjx-container", has_text="(1.2)")
        left = formula.evaluate(
            """formula => formula.querySelector('[data-table]').getBoundingClientRect().left
                - formula.getBoundingClientRect().left"""
        )
        assert (left > 50) == is_centred
        assert formula.evaluate("f => f.scrollWidth <= f.clientWidth")


def test_an_interval_stays_on_one_line(context: BrowserContext, site: str) -> None:
    with closing(Visit(context, site, "book/10_audit.html", "light", 390)) as visit:
        cells = visit.page.locator("td", has_text="±").all_text_contents()
    assert "95.02\u00a0±\u00a00.14" in cells
    assert not [cell for cell in cells if " ± " in cell]


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 390)])
@pytest.mark.parametrize("path", [p for p in PAGES if p != "index.html"])
def test_page(context: BrowserContext, site: str, path: str, theme: str, width: int) -> None:
    visit = Visit(context, site, path, theme, width)
    assert visit.page.locator("html").get_attribute("data-theme") == theme
    found = {
        check.__name__: check(visit.page)
        for check in (
            page_checks.formulas,
            page_checks.pictures,
            page_checks.overflow,
            page_checks.contrast,
            page_checks.accessibility,
            page_checks.sliders,
        )
    }
    visit.close()
    # Last, because moving a slider may raise an error too.
    found["complaints"] = visit.complaints
    lines = [f"{check}: {problem}" for check, problems in found.items() for problem in problems]
    assert not lines, "\n".join(lines)


# Below: small pages that are bad in one way each. The checks must find them, and a good one good.

GOOD = """<!doctype html><html lang="en"><head><title>Good</title>
<link rel="icon" href="data:,"></head><body><article>
<p>Dark on light, with a <a href="#" style="color: #0645ad">link</a> and <code>$x$</code>.</p>
<p class="math"><mjx-container>x</mjx-container></p>
<div style="overflow-x: auto"><div style="width: 3000px">wide, but it scrolls</div></div>
<img alt="One black pixel."
  src="data:image/gif;base64,R0lGODlhAQABAIAAAAUEBAAAACwAAAAAAQABAAACAkQBADs=">
<label for="s">gamma</label><input id="s" type="range" min="0" max="3" value="3"
  oninput="document.getElementById('o').textContent = this.value"><output id="o">3</output>
</article></body></html>"""

SLIDER = '<input type="range" id="t" min="0" max="3" value="0" {}>'
BAD = [
    (page_checks.formulas, '<span class="math">\\(y\\)</span>', "not drawn: \\(y\\)"),
    (page_checks.formulas, "<mjx-merror>Undefined</mjx-merror>", "error in a formula: Undefined"),
    (page_checks.formulas, '<g data-mjx-error="Missing brace"></g>', "Missing brace"),
    (page_checks.formulas, '<g data-mml-node="mtext" fill="red"></g>', "unknown command"),
    (page_checks.formulas, "<p>the norm $x$ of</p>", "a raw formula in the text"),
    (page_checks.pictures, '<img src="data:,">', "no alternative text"),
    (page_checks.pictures, '<img alt="_images/a.png" src="data:,">', "is a file name"),
    (page_checks.pictures, '<img alt="A line." src="missing.png">', "does not load"),
    (page_checks.overflow, '<div style="width: 3000px">w</div>', "the page is"),
    (
        page_checks.overflow,
        '<div style="overflow: hidden"><p style="width: 3000px">w</p></div>',
        "P from",
    ),
    (page_checks.overflow, '<p style="margin-left: -90px">cut</p>', "P from -"),
    (page_checks.contrast, '<p style="color: #999">pale</p>', "2.85: rgb(153, 153, 153)"),
    (page_checks.contrast, '<b style="background: #000c; color: black">x</b>', "on 51,51,51"),
    (page_checks.contrast, '<code style="color: rgba(0, 0, 0, 0.3)">faint</code>', "faint"),
    (page_checks.sliders, SLIDER.format('oninput="document.title = value"'), "no label"),
    (page_checks.sliders, SLIDER.format('aria-label="a"'), "changes nothing"),
    (page_checks.sliders, SLIDER.format('aria-label="a" disabled'), "does not take the focus"),
    (page_checks.sliders, SLIDER.format('aria-label="a" step="9"'), "does not move it"),
    (page_checks.accessibility, '<p style="color: #999">pale</p>', "color-contrast (serious)"),
    (page_checks.accessibility, "<button></button>", "button-name (critical): <button>"),
    (page_checks.accessibility, '<input type="range">', "label (critical): <input"),
    (page_checks.accessibility, "<dl><p>no term</p></dl>", "definition-list (serious)"),
]


@pytest.fixture
def open_page(context: BrowserContext, tmp_path: Path) -> Iterator[Callable[[str], Visit]]:
    with page_checks.serve(tmp_path) as base:

        def open_with(body: str) -> Visit:
            html = GOOD.replace("</article>", body + "</article>")
            (tmp_path / "page.html").write_text(html, encoding="utf-8")
            return Visit(context, base, "page.html", width=390)

        yield open_with


def test_good_page_passes(open_page: Callable[[str], Visit]) -> None:
    visit = open_page("")
    checks = {check for check, *_ in BAD}
    assert {c.__name__: c(visit.page) for c in checks} == {c.__name__: [] for c in checks}
    assert visit.complaints == []


@pytest.mark.parametrize(("check", "body", "message"), BAD)
def test_bad_page_is_found_out(
    open_page: Callable[[str], Visit],
    check: Callable[[Page], list[str]],
    body: str,
    message: str,
) -> None:
    found = check(open_page(body).page)
    assert any(message in problem for problem in found), found


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("<script>console.error('broken')</script>", "console: broken"),
        ("<script>throw new Error('thrown')</script>", "error: thrown"),
        ("<script>const a = 1</script><script>const a = 1</script>", "already been declared"),
        ('<script src="missing.js"></script>', "404"),
        ('<script src="https://cdn.example/x.js"></script>', "request outside: https://cdn.exa"),
        ("<script>fetch('https://cdn.example/y')</script>", "request outside: https://cdn.exa"),
    ],
)
def test_complaint_is_heard(open_page: Callable[[str], Visit], body: str, message: str) -> None:
    visit = open_page(body)
    visit.page.wait_for_load_state("networkidle")
    assert any(message in complaint for complaint in visit.complaints), visit.complaints
