"""The book to take along: the zip works from a folder, and paper shows what moves on a screen."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import matplotlib.pyplot as plt
import offline
import pytest
import torch
from page_checks import Visit
from playwright.sync_api import BrowserContext

from kerv import widgets

pytestmark = pytest.mark.pages

SITE = Path(__file__).parents[1] / "_build" / "html"


@pytest.fixture(scope="module")
def unpacked(site: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of the zip in a folder, without a server."""
    folder = tmp_path_factory.mktemp("offline")
    offline.pack_site(SITE, folder / "kerv-site.zip")
    with zipfile.ZipFile(folder / "kerv-site.zip") as archive:
        archive.extractall(folder)
    return folder / "kerv-site"


def test_the_zip_holds_the_whole_site(unpacked: Path) -> None:
    def files(folder: Path) -> set[str]:
        return {f.relative_to(folder).as_posix() for f in folder.rglob("*") if f.is_file()}

    assert files(unpacked) == files(SITE)


@pytest.mark.parametrize("path", ["book/intro.html", "book/03_kernel_conv.html"])
def test_pages_work_from_a_folder(unpacked: Path, context: BrowserContext, path: str) -> None:
    visit = Visit(context, f"{unpacked.as_uri()}/", path)
    assert visit.page.locator("article h1").first.is_visible()
    assert visit.complaints == []
    visit.close()


def test_the_first_page_leads_into_the_book(unpacked: Path, context: BrowserContext) -> None:
    page = context.new_page()
    page.goto((unpacked / "index.html").as_uri())
    page.wait_for_url("**/book/intro.html")
    page.close()


def test_search_works_from_a_folder(unpacked: Path, context: BrowserContext) -> None:
    page = context.new_page()
    page.goto(f"{(unpacked / 'search.html').as_uri()}?q=gaussian")
    page.wait_for_selector("#search-results li a")
    page.close()


@pytest.fixture
def moving(tmp_path: Path) -> Path:
    """A page with one slider over four frames, and one folded answer."""
    frames = widgets.explore_patches(torch.eye(3), torch.ones(2, 2), kernels=["linear"])
    plt.close("all")
    folded = "<details><summary>Solution</summary><p>Four.</p></details>"
    page = tmp_path / "page.html"
    page.write_text(
        f"<!doctype html><html><body><h1>Moving</h1>{frames._repr_html_()}{folded}</body></html>"
    )
    return page


def test_a_slider_becomes_its_first_and_its_last_frame(
    moving: Path, context: BrowserContext
) -> None:
    page = context.new_page()
    page.goto(moving.as_uri())
    first = page.get_attribute("img", "src")
    names = [label.inner_text().strip() for label in page.query_selector_all("label")]
    offline.lay_out_for_paper(page)
    assert page.query_selector("input") is None
    captions = [caption.inner_text() for caption in page.query_selector_all("figcaption")]
    assert len(captions) == len(set(captions)) == 2
    assert all(f"{name}: " in caption for name in names for caption in captions)
    images = page.query_selector_all("figure img")
    assert [i.get_attribute("src") == first for i in images] == [True, False]
    assert images[0].get_attribute("alt") != images[1].get_attribute("alt")
    assert page.locator("details p").is_visible()
    page.close()


def test_every_slider_of_a_page_is_at_both_ends(tmp_path: Path, context: BrowserContext) -> None:
    explorers = [
        widgets.explore_patches(torch.eye(3), torch.ones(2, 2), kernels=["linear"]),
        widgets.explore_surface("polynomial", degree=(1, 2, 3), c=(-1.0, 1.0)),
    ]
    (tmp_path / "page.html").write_text("".join(e._repr_html_() for e in explorers))
    page = context.new_page()
    page.goto((tmp_path / "page.html").as_uri())
    offline.lay_out_for_paper(page)
    said = page.locator("figure img").evaluate_all("images => images.map(image => image.alt)")
    assert said == [e.frames[place][1] for e in explorers for place in (0, -1)]
    captions = page.locator("figcaption").all_inner_texts()
    assert captions[2:] == ["degree: 1, c: -1", "degree: 3, c: 1"]
    page.close()
    plt.close("all")


def test_a_page_becomes_a_pdf(moving: Path, tmp_path: Path, site: str) -> None:
    # A process of its own: one process runs one Playwright.
    code = "import sys, pathlib, offline; offline.write_pdf(*map(pathlib.Path, sys.argv[1:]))"
    command = [sys.executable, "-c", code, moving, tmp_path / "page.pdf"]
    subprocess.run(command, cwd=Path(offline.__file__).parent, check=True)
    raw = (tmp_path / "page.pdf").read_bytes()
    assert raw.startswith(b"%PDF-")
    assert len(re.findall(rb"/Subtype ?/Image", raw)) >= 2


def test_without_chromium_the_error_says_what_is_missing(
    moving: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(FileNotFoundError, match="a PDF needs Chromium: none of chromium,"):
        offline.write_pdf(moving, tmp_path / "page.pdf")
