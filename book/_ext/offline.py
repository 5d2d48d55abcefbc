"""The book to take along: one PDF, the site and the notebooks as zips.

    python book/_ext/offline.py pdf . _build/kerv-book.pdf
    python book/_ext/offline.py site _build/html _build/kerv-site.zip
    python book/_ext/offline.py notebooks . _build/kerv-notebooks.zip

The PDF is one long page of the book, printed by Chromium. Nothing moves on paper, so a
slider becomes its first and its last frame, and what is folded is unfolded.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
# Zips keep times; one fixed time makes two zips of the same files the same file.
LONG_AGO = (1980, 1, 1, 0, 0, 0)

FOR_PAPER = """() => {
    document.documentElement.dataset.theme = "light";
    document.querySelectorAll("details").forEach(details => { details.open = true; });
    for (const box of document.querySelectorAll(".kerv-frames")) {
        const sliders = [...box.querySelectorAll("input[type=range]")];
        const outputs = [...box.querySelectorAll("output")];
        const paper = document.createElement("div");
        for (const end of ["min", "max"]) {
            for (const slider of sliders) {
                slider.value = slider[end];
                slider.dispatchEvent(new Event("input"));
            }
            const figure = document.createElement("figure");
            const caption = document.createElement("figcaption");
            caption.textContent = sliders.map((slider, i) =>
                `${slider.labels[0].textContent.trim()}: ${outputs[i].textContent}`
            ).join(", ");
            figure.append(box.querySelector("img").cloneNode(), caption);
            paper.append(figure);
        }
        paper.className = "kerv-frames-on-paper";
        box.replaceWith(paper);
    }
}"""
STYLE = """
    .bd-header, .bd-header-article, .bd-sidebar-primary, .bd-sidebar-secondary,
    .prev-next-footer, .copybtn, .headerlink, #pst-skip-link
        { display: none !important }
    pre { white-space: pre-wrap !important }
    [id^="document-"] + section { break-before: page }
    .cell_input, .cell_output, .highlight, figure, img, tr { break-inside: avoid }
    figcaption { color: inherit !important }
    .pst-scrollable-table-container { overflow: visible !important }
"""


def lay_out_for_paper(page: Page) -> None:
    """Replace what moves by what stands still, in an open page."""
    page.evaluate("window.MathJax?.startup?.promise")
    page.evaluate(FOR_PAPER)
    page.add_style_tag(content=STYLE)
    page.wait_for_function("[...document.images].every(image => image.complete)")


def write_pdf(html: Path, pdf: Path) -> None:
    """Print one page of HTML, formulas and all."""
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if found is None:
        raise FileNotFoundError(
            f"a PDF needs Chromium: none of {', '.join(CHROMIUM)} is installed"
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page()
        page.set_default_timeout(300_000)  # some hundred formulas, on any machine
        page.goto(html.resolve().as_uri())
        lay_out_for_paper(page)
        page.pdf(
            path=pdf,
            format="A4",
            scale=0.8,
            margin=dict.fromkeys(("top", "bottom", "left", "right"), "18mm"),
            print_background=True,
            outline=True,
            tagged=True,
        )
        browser.close()


def book_as_pdf(source: Path, pdf: Path) -> None:
    """Build the book of the folder `source` as one page, and print it."""
    program = Path(sys.executable).with_name("jupyter-book")
    with tempfile.TemporaryDirectory() as scratch:
        options = ["--builder", "singlehtml", "--all", "-q", "--path-output", scratch]
        subprocess.run([program, "build", source, *options], check=True)
        # Its links to styles and pictures start from the folder above.
        site = Path(scratch, "_build", "singlehtml")
        whole = (site / "book" / "intro.html").rename(site / "whole.html")
        # Its links into itself name the file that it was.
        text = whole.read_text(encoding="utf-8").replace(
            'href="book/intro.html#', 'href="#'
        )
        whole.write_text(text, encoding="utf-8")
        write_pdf(whole, pdf)


def pack(files: Iterable[Path], folder: Path, target: Path) -> None:
    """Zip files under their names within `folder`, in one folder named as the zip."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(files):
            name = f"{target.stem}/{file.relative_to(folder).as_posix()}"
            info = zipfile.ZipInfo(name, LONG_AGO)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, file.read_bytes())


def pack_site(site: Path, target: Path) -> None:
    """The built site; index.html leads in, without a server."""
    pack((f for f in site.rglob("*") if f.is_file() and f != target), site, target)


def pack_notebooks(source: Path, target: Path) -> None:
    """The chapters, the pages they link to, and the pictures: no exercises, no code."""
    book = source / "book"
    pack(
        [*book.glob("*.ipynb"), *book.glob("*.md"), *book.glob("assets/*.png")],
        book,
        target,
    )


MAKERS = {"pdf": book_as_pdf, "site": pack_site, "notebooks": pack_notebooks}

if __name__ == "__main__":
    WHAT, FROM, TO = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    TO.parent.mkdir(parents=True, exist_ok=True)
    MAKERS[WHAT](FROM, TO)
    print(f"{TO}: {TO.stat().st_size / 1e6:.1f} MB")
