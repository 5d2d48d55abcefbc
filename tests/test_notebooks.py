"""Every chapter keeps the rules of notebook_rules.py, and every rule can fail."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nbformat
import notebook_rules as rules
import pytest
import run_notebooks
from nbformat import NotebookNode, v4

BOOK = Path(__file__).parents[1] / "book"
NOTEBOOKS = sorted(BOOK.glob("*.ipynb"))
PAGES = sorted(BOOK.glob("*.md"))


def name(value: object) -> str:
    return value.name if isinstance(value, Path) else getattr(value, "__name__", str(value))


@pytest.mark.parametrize("rule", rules.RULES, ids=name)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_notebook(path: Path, rule: Callable[[NotebookNode], list[str]]) -> None:
    found = rule(nbformat.read(path, as_version=4))
    assert not found, "\n".join(found)


@pytest.mark.parametrize("rule", rules.TEXT_RULES, ids=name)
@pytest.mark.parametrize("path", [*NOTEBOOKS, *PAGES], ids=name)
def test_text(path: Path, rule: Callable[[str], list[str]]) -> None:
    if path.suffix == ".md":
        found = rule(path.read_text(encoding="utf-8"))
    else:
        notebook = nbformat.read(path, as_version=4)
        found = [f"{cell}: {f}" for cell, text in rules.texts(notebook) for f in rule(text)]
    assert not found, "\n".join(found)


# Below: a chapter that keeps every rule, and for each rule the changes that break it.


def good_chapter() -> NotebookNode:
    picture = v4.new_output("display_data", {"image/png": "iVBORw0KGgo="})
    printed = v4.new_output("stream", name="stdout", text="tensor([1, 2])\n")
    setup = "import sys\nif 'google.colab' in sys.modules:\n    %pip install --no-deps kerv"
    cells = [
        v4.new_markdown_cell(
            "# How does it work?\n\nWhy read this: afterwards you can build it yourself.\n\n"
            "**You will be able to**\n\n- build\n- test\n- explain\n\n"
            "**You need** chapter 1; one minute on two CPU cores.",
            id="title",
        ),
        v4.new_code_cell(setup, id="setup"),
        v4.new_markdown_cell("## Body\n\nA sum, $x + w$:\n\n$$ a = b \\tag{3.1} $$", id="body"),
        v4.new_code_cell(
            "plt.plot(x)",
            id="plot",
            outputs=[picture],
            metadata={"mystnb": {"image": {"alt": "A line that rises from left to right."}}},
        ),
        v4.new_markdown_cell("## Check yourself\n\nHow many places are there?", id="check"),
        v4.new_code_cell("kerv.check.chapter03.places(4)", id="check-places", outputs=[printed]),
        v4.new_markdown_cell(
            "## Summary\n\nIt works.\n\n## Exercises\n\n1. Count.\n\n<details><summary>Solution"
            "</summary>\n\nFour.\n\n</details>\n\n## References\n\n- [A paper](https://doi.org/1).",
            id="end",
        ),
    ]
    for count, cell in enumerate([c for c in cells if c.cell_type == "code"], start=1):
        cell.execution_count = count
    notebook = v4.new_notebook(cells=cells)
    notebook.metadata.kerv = {"executed": run_notebooks.source_hashes(notebook)}
    return notebook


def edit(cell: str, old: str, new: str) -> Callable[[NotebookNode], None]:
    """A change of one cell's source."""

    def change(notebook: NotebookNode) -> None:
        found = next(c for c in notebook.cells if c.id == cell)
        assert old in found.source
        found.source = found.source.replace(old, new)

    return change


def print_out(text: str) -> Callable[[NotebookNode], None]:
    def change(notebook: NotebookNode) -> None:
        notebook.cells[5].outputs[0].text = text

    return change


def show(data: dict[str, str]) -> Callable[[NotebookNode], None]:
    def change(notebook: NotebookNode) -> None:
        notebook.cells[5].outputs = [v4.new_output("display_data", data)]

    return change


def set_alt(text: str) -> Callable[[NotebookNode], None]:
    def change(notebook: NotebookNode) -> None:
        notebook.cells[3].metadata.mystnb = {"image": {"alt": text}}

    return change


def rename(cell: int, new: str) -> Callable[[NotebookNode], None]:
    return lambda notebook: notebook.cells[cell].update(id=new)


def delete(cell: int) -> Callable[[NotebookNode], None]:
    return lambda notebook: notebook.cells.pop(cell)


def store_error(notebook: NotebookNode) -> None:
    notebook.cells[5].outputs = [v4.new_output("error", ename="ValueError", evalue="no")]


def store_stderr(notebook: NotebookNode) -> None:
    notebook.cells[5].outputs[0].name = "stderr"


def store_times(notebook: NotebookNode) -> None:
    notebook.cells[5].metadata.execution = {"iopub.status.busy": "2030-01-01T00:00:00"}


def store_widgets(notebook: NotebookNode) -> None:
    notebook.metadata.widgets = {"application/vnd.jupyter.widget-state+json": {}}


def skip_a_count(notebook: NotebookNode) -> None:
    notebook.cells[5].execution_count = 7


BROKEN = [
    (rules.opens_with_a_title, edit("title", "# How", "How"), "does not open with a title"),
    (rules.opens_with_a_title, edit("title", "it work", "$x$ work"), "title holds mathematics"),
    (
        rules.opens_with_a_title,
        edit("title", "Why read this: afterwards you can build it", "See"),
        "no line",
    ),
    (rules.opens_with_a_title, edit("title", "Why read this", "- Why read this"), "no line under"),
    (rules.opens_with_a_title, edit("body", "## Body", "# Body"), "a second title"),
    (rules.has_its_parts_in_order, edit("end", "## Summary", "## Sum"), "the parts are"),
    (rules.has_its_parts_in_order, edit("body", "## Body", "## References"), "the parts are"),
    (rules.promises_three_to_five_abilities, edit("title", "- test\n", ""), "2 items"),
    (rules.promises_three_to_five_abilities, edit("title", "You will", "You may"), "no part"),
    (rules.sets_itself_up, edit("setup", "--no-deps", ""), "--no-deps"),
    (rules.sets_itself_up, edit("setup", "import", "load"), "imports nothing"),
    (rules.asks_and_answers, edit("check-places", "check", "x"), "uses kerv.check"),
    (rules.asks_and_answers, edit("end", "<details>", ""), "<details> solution"),
    (rules.code_is_short, edit("plot", "x", "x\n" * 20 + "x"), "21 lines"),
    (rules.code_is_short, edit("plot", "x", "x" * 90), "100 columns"),
    (rules.code_is_short, edit("plot", "plt.plot(x)", " "), "empty"),
    (rules.cells_have_names, rename(2, "plot"), "plot is used 2 times"),
    (rules.cells_have_names, rename(2, "0a1b2c3d"), "generated"),
    (rules.cells_have_names, rename(2, "0a1b2c3d-1111-2222-3333-444455556666"), "generated"),
    (rules.was_run_in_order, skip_a_count, r"\[1, 2, 7\]"),
    (rules.outputs_are_fresh, edit("plot", "x", "y"), r"\['plot'\] changed"),
    (rules.outputs_are_fresh, delete(3), "added or removed"),
    (rules.nothing_failed, store_error, "a stored error"),
    (rules.nothing_failed, store_stderr, "stored stderr"),
    (rules.outputs_name_no_machine, print_out("saved to /home/ada/x.pt"), "a path: /home/ada"),
    (rules.outputs_name_no_machine, print_out("see C:\\Users\\ada"), "a path: C:"),
    (rules.outputs_name_no_machine, show({"text/html": "<b>/tmp/x</b>"}), "a path: /tmp/x"),
    (rules.outputs_name_no_machine, print_out("ada@laptop"), "user or machine"),
    (rules.outputs_name_no_machine, print_out("made 2030-01-01 12:30:00"), "date and time"),
    (rules.outputs_name_no_machine, print_out("<object at 0x7f00aa00>"), "object's address"),
    (rules.metadata_is_lean, store_widgets, "widget state"),
    (rules.metadata_is_lean, store_times, "times in the metadata"),
    (rules.metadata_is_lean, show({"application/vnd.jupyter.widget-view+json": "{}"}), "without H"),
    (rules.pictures_have_alternatives, set_alt(""), "alternative text ''"),
    (rules.pictures_have_alternatives, set_alt("a_long_file_name.png"), "file_name.png"),
    (rules.pictures_have_alternatives, show({"text/html": "<img src=x>"}), "lacks alt"),
    (rules.tables_are_read_as_tables, show({"text/markdown": "| a |\n|---|"}), "a table without"),
]


@pytest.mark.parametrize("rule", rules.RULES, ids=name)
def test_good_chapter_keeps_every_rule(rule: Callable[[NotebookNode], list[str]]) -> None:
    assert rule(good_chapter()) == []


@pytest.mark.parametrize(("rule", "change", "message"), BROKEN, ids=name)
def test_broken_chapter_is_found_out(
    rule: Callable[[NotebookNode], list[str]],
    change: Callable[[NotebookNode], None],
    message: str,
) -> None:
    notebook = good_chapter()
    change(notebook)
    with pytest.raises(AssertionError, match=message):
        assert rule(notebook) == []


GOOD_TEXT = """\
## Body heading

Inline $a_i$ and a [link](x.md) beside $b$. In code, `{math}` and `$$` mean nothing.

$$ \\begin{align} a &= b \\tag{1.1} \\\\ c &= d \\end{align} $$

| norm | $\\lVert x \\rVert$ |
|---|---|

```python
# a comment, not a heading with $x$
```

![A patch of three by three pixels.](patch.png)

<details><summary>Solution</summary>

Four.

</details>
"""
BAD_TEXTS = [
    (rules.no_directives, "```{note}\nHello\n```", "{note}"),
    (rules.no_directives, ":::{tip}\nHello\n:::", "{tip}"),
    (rules.no_directives, "See {ref}`there`.", "{ref}"),
    (rules.no_directives, "(label)=\n", "label"),
    (rules.no_directives, "% a comment", "a comment"),
    (rules.headings_hold_no_mathematics, "## The norm $x$", "in a heading"),
    (rules.formulas_are_portable, "[link](x.md)$x$", "touches a formula"),
    (rules.formulas_are_portable, "$$\na = b\n$$", "several lines"),
    (rules.formulas_are_portable, "$$ \\begin{cases} a \\\\ b \\end{cases} \\tag{1} $$", "rows"),
    (rules.formulas_are_portable, "$$ \\newcommand{\\x}{y} $$", "a macro"),
    (rules.formulas_are_portable, "$$ a = b", "partner"),
    (rules.formulas_are_portable, "| $\\|x\\|$ |", "lVert"),
    (rules.details_have_air, "<details><summary>S</summary>\nFour.\n\n</details>", "empty line"),
    (rules.details_have_air, "<details><summary>S</summary>\n\nFour.\n</details>", "empty line"),
    (rules.linked_pictures_have_alternatives, "![](patch.png)", "''"),
    (rules.linked_pictures_have_alternatives, "![assets/a/patch.png](patch.png)", "patch.png"),
    (rules.linked_pictures_have_alternatives, '<img src="x.png">', "''"),
]


@pytest.mark.parametrize("rule", rules.TEXT_RULES, ids=name)
def test_good_text_keeps_every_rule(rule: Callable[[str], list[str]]) -> None:
    assert rule(GOOD_TEXT) == []


@pytest.mark.parametrize(("rule", "text", "message"), BAD_TEXTS, ids=name)
def test_bad_text_is_found_out(rule: Callable[[str], list[str]], text: str, message: str) -> None:
    assert any(message in problem for problem in rule(text))


def test_every_rule_is_shown_to_fail() -> None:
    assert {rule for rule, *_ in BROKEN} == set(rules.RULES)
    assert {rule for rule, *_ in BAD_TEXTS} == set(rules.TEXT_RULES)
