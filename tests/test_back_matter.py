"""The pages to look things up in: the package's names, what ran, the common questions."""

from __future__ import annotations

import inspect
import io
import re
import statistics
from pathlib import Path

import api_page
import docutils.core
import nbformat
import pytest
import status_page
import torch
from notebook_rules import without_code
from sphinx.ext.napoleon import Config, GoogleDocstring
from torch import nn

import kerv
from kerv import audit, bench, claims, findings, light, records

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
        for path in status_page.chapters()
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
    first, *_ = status_page.chapters()
    times = [90, 30]
    for minutes in ("0.5", "1.5"):
        assert status_page.main([str(first)]) == 0
        text = (tmp_path / "status.md").read_text(encoding="utf-8")
        assert f"Together: {minutes} minutes." in text
        assert set(status_page.rows(text)) == {path.name for path in status_page.chapters()}


# The references

PAPERS = re.compile(r"https://(?:arxiv\.org|doi\.org|papers\.nips\.cc)/[^\s)\"]+")
LINK = re.compile(r"\[([^\]]+)\]\((https?://[^)\s]+)\)")


def plain(text: str) -> str:
    return " ".join(LINK.sub(r"\1", text).split())


def not_listed(chapter: str, page: str) -> list[str]:
    """Works that the text of a chapter cites and the page of references lacks."""
    linked = set(PAPERS.findall(chapter)) - set(PAPERS.findall(page))
    _, _, cited = chapter.partition("\n## References\n")
    for item in re.findall(r"^\* (.*)$", cited, re.M):
        # Several works may share a line. Each ends with its year.
        for work in re.split(r"(?<=\d{4}), and ", item):
            links = [link for _, link in LINK.findall(work)]
            linked |= {link for link in links if f"]({link})" not in page}
            if not links:
                # The title is the longest part between commas before the year.
                title = max(re.split(r"\d{4}", work)[0].split(", "), key=len)
                linked |= set() if title in plain(page) else {title}
    return sorted(linked)


@pytest.mark.parametrize("path", status_page.chapters(), ids=lambda path: path.name)
def test_every_work_that_a_chapter_cites_is_on_the_page(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    chapter = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    assert "## References" in chapter
    assert not_listed(chapter, (BOOK / "references.md").read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("cited", "missing"),
    [
        ("* A. Bee, [On bees](https://arxiv.org/abs/1), 2020: buzz.", []),
        ("* A. Bee, [On bees](references.md), and [more](https://arxiv.org/abs/3).", ["abs/3"]),
        ("* A. Bee, On bees, 2020, and C. Dee, A long title, 1999: words.", ["A long title"]),
        ("* C. Dee, A title on two lines, Journal, 1999: a rather long description.", []),
        ("* Program, [manual](https://example.org/manual): says so.", ["example.org/manual"]),
    ],
)
def test_a_work_that_is_not_listed_is_found(cited: str, missing: list[str]) -> None:
    page = "- A. Bee, [On bees](https://arxiv.org/abs/1), 2020.\n- C. Dee, A title\n  on two lines"
    found = not_listed(f"# Chapter\n## References\n{cited}", page)
    assert len(found) == len(missing)
    assert all(part in work for part, work in zip(missing, found, strict=True))


# The common questions


def answers() -> dict[str, str]:
    """The answers of faq.md by their questions."""
    _, *parts = re.split(r"^## (.+)\n", (BOOK / "faq.md").read_text(encoding="utf-8"), flags=re.M)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def cost(case: str, layer: str) -> float:
    """Forward and backward of a layer, as a multiple of the convolution's."""
    [costs] = [c["costs"] for c in bench.recorded()["cases"] if c["name"] == case]
    return next(cost["both"] for cost in costs if cost["layer"] == layer)


STANDARDISED, INSTANCE = "convolution-per-picture", "convolution-instance-norm"
AT_ONE = "correlation", "polynomial-3", "cosine-unscaled"
TAUGHT, BOTH = "convolution-shadow-augmented", "correlation-shadow-augmented"
LOCAL, LOCAL_BOTH = "convolution-local-contrast", "convolution-local-contrast-shadow-augmented"


def under_light(contestant: str, condition: str = "unchanged", study: str = "light") -> float:
    """Mean accuracy of the three seeds of a study of light, in per cent."""
    return 100 * statistics.mean(audit.scores(f"{study}/{contestant}", condition))


def digits(contestant: str, study: str = "mnist") -> float:
    """Mean accuracy of three seeds on MNIST, in per cent."""
    return 100 * statistics.mean(audit.scores(f"{study}/{contestant}"))


def measured() -> dict[str, list[float]]:
    """The numbers with a decimal point in each answer."""
    gaussian, data, normalized, convolution = (
        100 * statistics.mean(audit.scores(f"every-layer/{run}"))
        for run in ("default", "data", "normalized", "convolution")
    )
    stem, wide = "stem 3→64", "64→64"
    dark, shadow, soft = "a tenth of the light", "half in shadow", "soft shadow"
    return {
        "Does it help?": [
            *(digits(name) for name in ("polynomial-3", "convolution")),
            under_light("convolution"),
            *(under_light(k, study="light-rates") for k in AT_ONE),
        ],
        "Does it help under another light?": [
            *(under_light(layer, shadow) for layer in ("correlation", "convolution")),
            *(under_light(layer, dark) for layer in ("convolution", "correlation", STANDARDISED)),
            under_light(INSTANCE, dark),
            *(under_light(name, shadow) for name in (STANDARDISED, INSTANCE)),
            *(under_light(TAUGHT, c) for c in (shadow, "unchanged", "haze")),
            under_light("correlation", "haze"),
            *(under_light(BOTH, c) for c in (shadow, "haze", "unchanged")),
            *(under_light(LOCAL_BOTH, c) for c in (shadow, "haze", "smooth ramp")),
            under_light(BOTH, "smooth ramp"),
            *(under_light(n, soft, "light-more") for n in ("correlation", "convolution", LOCAL)),
        ],
        "Which kernel should I try first?": [
            under_light(layer, shadow)
            for layer in ("correlation", "convolution", "cosine-unscaled")
        ],
        "Should I replace all layers?": [
            *(gaussian, convolution, normalized),
            *(digits(name, "resnet20") for name in ("cosine-all", "convolution", "sigmoid-all")),
            findings.epoch_cost("resnet20/sigmoid-all"),
            digits("gaussian-all", "resnet20"),
            findings.epoch_cost("resnet20/gaussian-all"),
        ],
        "Why is it slower than a convolution?": [
            *(cost(wide, layer) for layer in ("polynomial", "gaussian", "rational_quadratic")),
            *(cost(stem, layer) for layer in ("polynomial", "rational_quadratic")),
            *(cost(wide, layer) for layer in ("gaussian by unfold", "l1")),
        ],
        "Can I leave the ReLU out?": [
            *(digits(f"{kernel}-head-relu", "mnist-places") for kernel in ("first", "convolution")),
            digits("convolution"),
            digits("first-no-relu", "mnist-places"),
            digits("both-no-relu", "mnist-places"),
        ],
        "Is there a 3-D layer?": [cost("3-D 64→64", "gaussian")],
        "Why does my Gaussian layer not learn?": [gaussian, data, normalized],
    }


def prose_numbers(answer: str) -> list[str]:
    return re.findall(r"\d+\.\d+", without_code(answer))


def test_numbers_in_the_answers_are_the_recorded_ones() -> None:
    expected = measured()
    for question, answer in answers().items():
        numbers = [f"{number:.1f}" for number in expected.pop(question, [])]
        assert prose_numbers(answer) == numbers, question
    assert not expected


def test_a_number_that_is_not_recorded_is_found_out() -> None:
    assert prose_numbers("It takes 1.5 times, and `1.7` is code.") == ["1.5"]


def test_what_the_answers_say_of_the_numbers() -> None:
    # "level, as far as three seeds can tell", at the best rates and at the script's
    for study in ("mnist", "mnist-paper-rate"):
        cubic, plain = f"{study}/polynomial-3", f"{study}/convolution"
        assert claims.more_accurate(cubic, plain).verdict == "unclear"
    # "the first to get to 98 %, but the convolution at its best rate takes no longer"
    at_rate = [audit.counted_epochs(run) for run in audit.complete("mnist-paper-rate/polynomial-3")]
    plain, best = (
        [audit.counted_epochs(run) for run in audit.complete(f"{study}/convolution")]
        for study in ("mnist-paper-rate", "mnist")
    )
    assert max(at_rate) < min(plain)
    assert all(a <= b for a, b in zip(best, at_rate, strict=True))
    # "level with both, within half a point"
    for kernel in ("first", "convolution"):
        pair = f"mnist-places/{kernel}-head-relu", "mnist/convolution"
        assert claims.level(*pair, within=0.005).verdict == "reproduced"
    # "the whole interval lies below", "end level with the convolution, and get to 98 % sooner"
    bare, plain_bare = "mnist-places/first-no-relu", "mnist-places/convolution-no-relu"
    assert claims.more_accurate(bare, "mnist/convolution").verdict == "not reproduced"
    # "but there the interval holds 0"
    both = claims.more_accurate("mnist-places/both-no-relu", "mnist/convolution")
    assert both.verdict == "unclear"
    for cubic in (bare, "mnist-places/both-no-relu"):
        assert claims.more_accurate(cubic, plain_bare).verdict == "unclear"
        assert claims.sooner(cubic, plain_bare).verdict == "reproduced"
    # "unclear", and "the cubic one was behind"
    for kernel, before in (("polynomial-3", "not reproduced"), ("correlation", "unclear")):
        for study, verdict in (("light-rates", "unclear"), ("light", before)):
            found = claims.more_accurate(f"{study}/{kernel}", "light/convolution")
            assert found.verdict == verdict
    # "some in which the correlation does not help"
    no_help = [
        condition
        for condition in light.CONDITIONS
        if under_light("correlation", condition) < under_light("convolution", condition) + 0.5
    ]
    assert {"smooth ramp", "noise 0.03", "noise 0.06"} <= set(no_help)
    # "Training under shadows helps more."
    shadow = "half in shadow"
    assert under_light(TAUGHT, shadow) > under_light("correlation", shadow)
    # "and both together most"
    others = ("correlation", TAUGHT, LOCAL_BOTH)
    assert all(under_light(BOTH, shadow) > under_light(other, shadow) for other in others)
    assert len(light.CONDITIONS) == 15
    # "a convolution beside itself was a quarter off"
    [stem] = [c["costs"] for c in bench.recorded()["cases"] if c["name"].startswith("stem")]
    assert round(next(c["both"] for c in stem if c["layer"] == "linear"), 2) == 0.76
    # "All recorded runs so far are from a CPU", and so is the benchmark, on two threads.
    assert {records.load(name).hardware["device"] for name in records.names()} == {"cpu"}
    assert bench.recorded()["hardware"]["threads"] == 2


@pytest.mark.parametrize("question", [q for q, answer in answers().items() if "```" in answer])
def test_code_in_the_answers_runs(question: str) -> None:
    for code in re.findall(r"^```python\n(.*?)^```", answers()[question], re.M | re.S):
        exec(code, {"kerv": kerv, "torch": torch, "nn": nn})
