"""Sphinx extension of this book: what no option of jupyter-book gives."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import api_page
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

# Of the 24 MB of MathJax that sphinx-mathjax-offline copies, what a page can ask for:
# one script that holds the SVG fonts, rarer TeX commands, the menu, speech in English.
MATHJAX_SCRIPT = "mathjax/tex-svg.js"
MATHJAX_KEPT = (
    "tex-svg.js",
    "input/tex/",
    "a11y/",
    "ui/",
    "sre/mathmaps/base.",
    "sre/mathmaps/en.",
)

# Centred, a formula needs the room of its number on both sides: too much for a phone.
ALIGN_ON_PHONES = """
if (window.MathJax && innerWidth < 600)
    MathJax.svg = {displayAlign: "left", displayIndent: "0"};
"""


def setup(app: Sphinx) -> dict[str, Any]:
    # After the settings of MathJax, and before it starts.
    app.add_js_file(None, body=ALIGN_ON_PHONES, priority=900)
    app.connect("config-inited", _draw_formulas_as_svg)
    app.connect("source-read", _show_docstrings)
    app.connect("doctree-resolved", _keep_intervals_whole)
    app.connect("html-page-context", _load_lab_where_it_is)
    app.connect("html-page-context", _load_each_script_once, priority=900)
    app.connect("build-finished", _drop_unused_mathjax, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _draw_formulas_as_svg(app: Sphinx, config: Config) -> None:
    """Firefox loads no font for a page opened as a file; SVG formulas need none."""
    config.mathjax_path = MATHJAX_SCRIPT


def _show_docstrings(app: Sphinx, page: str, source: list[str]) -> None:
    """Other viewers show api.md as a plain list, which has no directive in it."""
    if page == "book/api":
        source[0] = api_page.with_docstrings(source[0])


def _keep_intervals_whole(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """In a narrow table 95.02 ± 0.14 would take three lines."""
    for cell in doctree.findall(nodes.entry):
        for text in list(cell.findall(nodes.Text)):
            whole = text.replace(" ± ", "\u00a0±\u00a0")
            text.parent.replace(text, nodes.Text(whole))


def _load_lab_where_it_is(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    """Added while a page is made, files belong to this page alone."""
    if 'class="kernel-lab"' in context.get("body", ""):
        app.add_js_file("kernel-lab.js", loading_method="defer")
        app.add_css_file("kernel-lab.css")


def _load_each_script_once(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    """An inline script that comes twice declares its constants twice: an error."""
    scripts = {}
    for script in context.get("script_files", []):
        # An inline script has no file name: sometimes None, sometimes "".
        key = (script.filename or "", *sorted(script.attributes.items()))
        scripts.setdefault(key, script)
    context["script_files"] = list(scripts.values())


def _drop_unused_mathjax(app: Sphinx, error: Exception | None) -> None:
    folder = Path(app.outdir) / "_static" / "mathjax"
    if error is not None or not folder.is_dir():
        return
    for file in [f for f in folder.rglob("*") if f.is_file()]:
        if not file.relative_to(folder).as_posix().startswith(MATHJAX_KEPT):
            file.unlink()
    for empty in ("output", "adaptors", "input/mml"):
        shutil.rmtree(folder / empty, ignore_errors=True)
