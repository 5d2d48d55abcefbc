"""The pages to look things up in: the package's names, what ran, the common questions."""

from __future__ import annotations

import inspect
import io
import re
from pathlib import Path

import api_page
import docutils.core
import nbformat
import pytest
import status_page
from sphinx.ext.napoleon import Config, GoogleDocstring

import kerv

BOOK = Path(__file__).parents[1] / "book"
NAMES = " ".join(api_page.SECTIONS.values()).split()


# The package, name by name


def test_list_of_names_is_made_from_the_docstrings() -> None:
    assert (BOOK / "api.md").read_text(encoding="utf-8") == api_page.page(), "make api"


def test_every_public_name_is_on_the_page() -> None:
    things = [value for value in vars(kerv).values() if callable(value)]
    ours = {f"kerv.{t.__name__}" for t in things if t.__module__.startswith("kerv.")}
    assert ours <= set(NAMES)


def test_the_site_shows_whole_docstrings() -> None:
    shown = api_page.with_docstrings(api_page.page())
    assert "- `kerv" not in shown
    for name in NAMES:
        kind = "autoclass" if inspect.isclass(api_page.find(name)) else "autofunction"
        assert f"```{{eval-rst}}\n.. {kind}:: {name}\n```" in shown, name


def complaints(docstring: str) -> str:
    """What Sphinx would say of a docstring on the page."""
    heard = io.StringIO()
    text = str(GoogleDocstring(docstring, Config(napoleon_custom_sections=["Shape"])))
    docutils.core.publish_doctree(
        text, settings_overrides={"report_level": 2, "warning_stream": heard}
    )
    return heard.getvalue()


@pytest.mark.parametrize("name", NAMES)
def test_docstrings_read_right_on_the_page(name: str) -> None:
    thing = api_page.find(name)
    members = vars(thing).values() if inspect.isclass(thing) else []
    own = [thing, *(m for m in members if inspect.isfunction(m) or isinstance(m, property))]
    for docstring in [inspect.cleandoc(member.__doc__) for member in own if member.__doc__]:
        assert not complaints(docstring)


@pytest.mark.parametrize(
    "bad", ["a * b *c", "(N, *out)", "| a | b |\n|---|", "Args:\n    a, b,\n        c: d\n\nend"]
)
def test_a_docstring_that_does_not_is_found_out(bad: str) -> None:
    assert complaints(bad)


# What ran, where, and how long

NUMBERS = {"half a": 0.5, "a": 1, "one": 1, "one and a half": 1.5}
NUMBERS |= {word: n for n, word in enumerate(("two", "three", "four", "five"), start=2)}
WORDS = "|".join(sorted(NUMBERS, key=len, reverse=True))
TIME = re.compile(rf"\b({WORDS}|\d+) (second|minute)s?\b")


def stated_seconds(opening: str) -> float | None:
    """The first time that "You need" states, such as "about half a minute"."""
    _, _, need = opening.partition("**You need**")
    match = TIME.search(need)
    if match is None:
        return None
    amount = float(NUMBERS.get(match[1]) or match[1])
    return amount * (60 if match[2] == "minute" else 1)


def wrong_times(openings: dict[str, str], page: str) -> list[str]:
    """Every chapter is on the page of what ran, and promises no less time than it took."""
    listed, took = status_page.rows(page), status_page.seconds(page)
    found = [f"{name} is not on status.md: make status" for name in openings if name not in listed]
    found += [f"{name} is on status.md alone: make status" for name in listed.keys() - openings]
    for name, opening in openings.items():
        stated = stated_seconds(opening)
        if stated is None:
            found.append(f"{name} states no time under 'You need'")
        elif stated < took.get(name, 0):
            found.append(f"{name} took {took[name]} s, and promises {stated:g} s")
    return found


def test_every_chapter_takes_no_longer_than_it_says() -> None:
    openings = {
        path.name: nbformat.read(path, as_version=4).cells[0].source
        for path in sorted(BOOK.glob("*.ipynb"))
    }
    found = wrong_times(openings, (BOOK / "status.md").read_text(encoding="utf-8"))
    assert not found, "\n".join(found)


OPENING = "# A\n\n**You need** chapter 1. The chapter runs in about {} on two CPU cores."
STATUS = "| [1. A](01_a.ipynb) | 29 | x | \n| [2. B](02_b.ipynb) | — | — |\n"


@pytest.mark.parametrize(
    ("time", "seconds"),
    [
        ("half a minute", 30),
        ("a minute", 60),
        ("two minutes", 120),
        ("40 seconds", 40),
        ("one and a half minutes", 90),
        ("a while", None),
    ],
)
def test_stated_time_is_understood(time: str, seconds: float | None) -> None:
    assert stated_seconds(OPENING.format(time)) == seconds


def test_right_times_are_accepted() -> None:
    opening = OPENING.format("half a minute")
    assert wrong_times({"01_a.ipynb": opening, "02_b.ipynb": opening}, STATUS) == []


@pytest.mark.parametrize(
    ("chapters", "message"),
    [
        ({"01_a.ipynb": "20 seconds"}, "01_a.ipynb took 29 s, and promises 20 s"),
        ({"01_a.ipynb": "a while"}, "01_a.ipynb states no time"),
        ({"03_c.ipynb": "a minute"}, "03_c.ipynb is not on status.md"),
        ({"01_a.ipynb": "a minute"}, "02_b.ipynb is on status.md alone"),
    ],
)
def test_wrong_times_are_found_out(chapters: dict[str, str], message: str) -> None:
    openings = {name: OPENING.format(time) for name, time in chapters.items()}
    assert message in "\n".join(wrong_times(openings, STATUS))


@pytest.mark.slow
def test_a_chapter_is_run_and_timed(tmp_path: Path) -> None:
    path = tmp_path / "07_short.ipynb"
    cells = [
        nbformat.v4.new_markdown_cell("# Why?", id="title"),
        nbformat.v4.new_code_cell("import time\ntime.sleep(1.1)", id="sleep"),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    before = path.read_bytes()
    row = status_page.row(path)
    assert row.startswith("| [7. Why?](07_short.ipynb) | ")
    assert status_page.seconds(row)["07_short.ipynb"] >= 2
    assert path.read_bytes() == before


def test_new_times_take_the_place_of_old_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status_page, "PAGE", tmp_path / "status.md")
    monkeypatch.setattr(status_page, "row", lambda path: f"| [1. A]({path.name}) | {times.pop()} |")
    first = sorted(BOOK.glob("*.ipynb"))[0]
    times = [90, 30]
    for minutes in ("0.5", "1.5"):
        assert status_page.main([str(first)]) == 0
        text = (tmp_path / "status.md").read_text(encoding="utf-8")
        assert f"Together: {minutes} minutes." in text
        assert set(status_page.rows(text)) == {path.name for path in BOOK.glob("*.ipynb")}
