"""What holds the chapters together: equations and their tests, terms, symbols.

Each rule is a function that returns what is wrong, an empty list when it is kept. Below them every
chapter is held to the rules, and every rule is shown to fail.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
import yaml
from notebook_rules import PARTS, without_code

ROOT = Path(__file__).parents[1]
BOOK = ROOT / "book"
CHAPTERS = {path.name[:2]: path for path in sorted(BOOK.glob("[0-9][0-9]_*.ipynb"))}

GREEK = re.compile(
    r"\\(?:ell|(?:var)?(?:alpha|beta|gamma|delta|epsilon|zeta|eta|theta|iota|kappa|lambda|mu|nu|xi"
    r"|pi|rho|sigma|tau|upsilon|phi|chi|psi|omega))(?![a-z])",
    re.IGNORECASE,
)


def prose(chapter: str) -> str:
    """The Markdown cells of a chapter, one after the other."""
    cells = nbformat.read(CHAPTERS[chapter], as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def equation_tests(chapter: str) -> str:
    path = ROOT / "tests" / "equations" / f"test_chapter{chapter}.py"
    return path.read_text(encoding="utf-8") if path.exists() else ""


def page(name: str) -> str:
    return (BOOK / name).read_text(encoding="utf-8")


def rows(text: str) -> list[list[str]]:
    """The cells of each row of all tables of a page, without the head."""
    tables = re.findall(r"^\|.*\n\|[-|: ]+\n((?:\|.*\n?)*)", text, re.MULTILINE)
    lines = "".join(table if table.endswith("\n") else table + "\n" for table in tables)
    return [[cell.strip() for cell in line[1:-1].split("|")] for line in lines.splitlines()]


# Equations


def tags(text: str) -> list[str]:
    return re.findall(r"\\tag\{([^}]*)\}", without_code(text))


def mark(chapter: str) -> str:
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    file = f"tests/equations/test_chapter{chapter}.py"
    return f'[✓]({config["repository"]["url"]}/blob/main/{file} "checked by a test")'


def tags_are_in_order(chapter: str, text: str) -> list[str]:
    """N.1, N.2, …, or N.3a, N.3b, … in the place of N.3."""
    found, last = [], 0
    for tag in tags(text):
        match = re.fullmatch(rf"{int(chapter)}\.(\d+)[a-z]?", tag)
        number = int(match[1]) if match else -1
        if number not in (last, last + 1) or (number == last and tag[-1].isdigit()):
            found.append(f"({tag}) is out of order in chapter {chapter}")
        last = number
    return found


def equations_are_marked(chapter: str, text: str) -> list[str]:
    """A link to the test opens or ends the line after each formula with a number."""
    found = []
    for formula, after in re.findall(r"\$\$(.*?)\$\$(\s*[^\n]*)", without_code(text), re.DOTALL):
        line = after.removeprefix("\n\n")
        marked = line.startswith(mark(chapter)) or line.endswith(mark(chapter))
        if tags(formula) and (line == after or not marked):
            found.append(f"no {mark(chapter)} in the line after {tags(formula)}")
    return found


def asserts(function: ast.FunctionDef) -> bool:
    return any(
        isinstance(node, ast.Assert)
        or (isinstance(node, ast.Call) and ast.unparse(node.func).endswith("assert_close"))
        for node in ast.walk(function)
    )


def equations_are_tested(chapter: str, text: str, tests: str) -> list[str]:
    """One test function for each number and none without, and none that asserts nothing."""
    functions = [node for node in ast.parse(tests).body if isinstance(node, ast.FunctionDef)]
    there = {f.name for f in functions if f.name.startswith("test_")}
    wanted = {"test_equation_" + tag.replace(".", "_") for tag in tags(text)}
    missing = [f"no {name} in test_chapter{chapter}.py" for name in sorted(wanted - there)]
    # By itself, or by a function that it calls.
    sure = {f.name for f in functions if asserts(f)}
    calls = lambda f: {ast.unparse(n.func) for n in ast.walk(f) if isinstance(n, ast.Call)}  # noqa: E731
    idle = [f.name for f in functions if f.name in there and sure.isdisjoint({f.name, *calls(f)})]
    return (
        missing
        + [f"{name} tests no equation" for name in sorted(there - wanted)]
        + [f"{name} asserts nothing" for name in idle]
    )


# Terms


def bold_terms(text: str) -> set[str]:
    """What is bold in running text, in lower case: no lead-ins, parts of the skeleton, tables."""
    lines = [line for line in without_code(text).split("\n") if not line.startswith("|")]
    bold = re.findall(r"\*\*(.+?)\*\*", "\n".join(lines))
    return {b.lower() for b in bold if not re.search(r"[.?!:]$", b) and b not in PARTS}


def terms_are_explained(text: str, glossary: str) -> list[str]:
    explained = {row[0].lower() for row in rows(glossary)}
    found = []
    for term in sorted(bold_terms(text)):
        if explained.isdisjoint({term, term.removesuffix("s")}):
            found.append(f"**{term}** is not in glossary.md")
    return found


def glossary_is_used(chapters: dict[str, str], glossary: str) -> list[str]:
    """Every row's term occurs in the chapter that the row names; the rows are in order."""
    found = []
    terms = [row[0] for row in rows(glossary)]
    if terms != sorted(set(terms), key=str.lower):
        found.append("the terms are not in alphabetical order, each once")
    for term, _, number in rows(glossary):
        words = " ".join(chapters.get(number.zfill(2), "").lower().split())
        if term.lower() not in words:
            found.append(f"{term!r} does not occur in chapter {number}")
    return found


# Symbols


def symbols(text: str) -> set[str]:
    """The letters of all formulas: `x`, `\\gamma`. Upright words and units are none."""
    found = set()
    for display, inline in re.findall(
        r"\$\$(.+?)\$\$|\$([^$\n]+)\$", without_code(text), re.DOTALL
    ):
        upright = r"\\(?:text\w*|math(?:rm|sf|tt)|operatorname\*?|tag|begin|end)\s*\{[^}]*\}"
        formula = re.sub(upright, " ", display + inline)
        found |= set(GREEK.findall(formula))
        found |= set(re.findall(r"[A-Za-z]", re.sub(r"\\[A-Za-z]+", " ", formula)))
    return found


def symbols_are_explained(text: str, notation: str) -> list[str]:
    explained = set().union(*(symbols(row[0]) for row in rows(notation)))
    return [f"${s}$ has no row in notation.md" for s in sorted(symbols(text) - explained)]


# The chapters


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_equations(chapter: str) -> None:
    text, tests = prose(chapter), equation_tests(chapter)
    found = tags_are_in_order(chapter, text) + equations_are_marked(chapter, text)
    found += equations_are_tested(chapter, text, tests)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_terms(chapter: str) -> None:
    found = terms_are_explained(prose(chapter), page("glossary.md"))
    assert not found, "\n".join(found)


def test_glossary() -> None:
    found = glossary_is_used({chapter: prose(chapter) for chapter in CHAPTERS}, page("glossary.md"))
    assert not found, "\n".join(found)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_symbols(chapter: str) -> None:
    found = symbols_are_explained(prose(chapter), page("notation.md"))
    assert not found, "\n".join(found)


# The small example: one picture and one filter, done by hand, through four chapters


def numbers(chapter: str) -> dict[str, list[list[float]]]:
    """The first value of each name that a chapter sets to a tensor written out in digits."""
    found: dict[str, list[list[float]]] = {}
    for cell in nbformat.read(CHAPTERS[chapter], as_version=4).cells:
        if cell.cell_type == "code":
            for name, value in re.findall(
                r"^(\w+) = torch\.tensor\(([-\d., \[\]]+)\)$", cell.source, re.M
            ):
                found.setdefault(name, ast.literal_eval(value))
    return found


@pytest.mark.parametrize("chapter", ["03", "04"])
def test_small_example_comes_back(chapter: str) -> None:
    first, again = numbers("01"), numbers(chapter)
    assert (again["picture"], again["weight"]) == (first["picture"], first["weight"])


def test_one_patch_of_the_small_example_comes_back() -> None:
    """Row 0, column 1 is the patch whose dot product and squared distance are both 5."""
    small, flat = numbers("01"), numbers("02")
    (_, *top, _), (_, *bottom, _), _ = small["picture"]
    assert flat["x"] == top + bottom
    assert flat["w"] == [*small["weight"][0], *small["weight"][1]]


# Below: a text that keeps every rule, and for each rule the changes that break it.

MARK = mark("03")
TEXT = f"""\
A **patch** $x_i$ of $C_\\text{{in}}$ channels, `**code**`, **Predict.** and **You need** time.

$$ \\kappa(x, w) = \\operatorname{{mean}} \\exp(x) \\tag{{3.1}} $$

{MARK} Both are numbers.

$$
\\begin{{align}}
x &= w \\tag{{3.2a}} \\\\
w &= x \\tag{{3.2b}}
\\end{{align}}
$$

They are equal. {MARK}
"""
TESTS = """\
def close(x): assert x
def test_equation_3_1(): assert True
def test_equation_3_2a(): torch.testing.assert_close(1, 1)
def test_equation_3_2b(): close(1)
"""
GLOSSARY = "| term | meaning | chapter |\n|---|---|---|\n| channel | a | 3 |\n| patch | a | 3 |\n"
NOTATION = "| symbol |\n|---|\n| $x$, $x_i$ |\n| $C$ |\n| $w$ |\n| $\\kappa(x, w)$ |\n"

RULES: dict[Callable[..., list[str]], Callable[[str, str, str, str], list[str]]] = {
    tags_are_in_order: lambda text, *_: tags_are_in_order("03", text),
    equations_are_marked: lambda text, *_: equations_are_marked("03", text),
    equations_are_tested: lambda text, tests, *_: equations_are_tested("03", text, tests),
    terms_are_explained: lambda text, tests, glossary, _: terms_are_explained(text, glossary),
    glossary_is_used: lambda text, tests, glossary, _: glossary_is_used({"03": text}, glossary),
    symbols_are_explained: lambda *given: symbols_are_explained(given[0], given[3]),
}
BROKEN = [
    (tags_are_in_order, "{3.1}", "{3.2}", "(3.2) is out of order"),
    (tags_are_in_order, "{3.1}", "{2.1}", "(2.1) is out of order"),
    (tags_are_in_order, "{3.2b}", "{3.2}", "(3.2) is out of order"),
    (equations_are_marked, f"{MARK} Both", "Both", "after ['3.1']"),
    (equations_are_marked, f"\n\n{MARK} Both", f"\n{MARK} Both", "after ['3.1']"),
    (equations_are_marked, f"equal. {MARK}", "equal.", "after ['3.2a', '3.2b']"),
    (equations_are_marked, "test_chapter03", "test_chapter02", "after ['3.1']"),
    (equations_are_tested, "test_equation_3_1()", "other()", "no test_equation_3_1 in"),
    (equations_are_tested, "assert True", "...", "test_equation_3_1 asserts nothing"),
    (equations_are_tested, "close(1)", "other(1)", "test_equation_3_2b asserts nothing"),
    (equations_are_tested, "\\tag{3.2b}", "", "test_equation_3_2b tests no equation"),
    (terms_are_explained, "| patch |", "| place |", "**patch** is not in"),
    (terms_are_explained, "Both are", "**Both** are", "**both** is not in"),
    (glossary_is_used, "| channel |", "| canal |", "'canal' does not occur in chapter 3"),
    (glossary_is_used, "| patch | a | 3", "| patch | a | 4", "does not occur in chapter 4"),
    (glossary_is_used, "| channel |", "| real number |", "alphabetical order"),
    (symbols_are_explained, "x_i$ of", "x_{ij}$ of", "$j$ has no row"),
    (symbols_are_explained, "\\exp(x)", "\\gamma x", "$\\gamma$ has no row"),
    (symbols_are_explained, "| $w$ |\n| $\\kappa(x, w)$ |", "| a |", "$w$ has no row"),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_good_text_keeps_every_rule(rule: Callable[..., list[str]]) -> None:
    assert RULES[rule](TEXT, TESTS, GLOSSARY, NOTATION) == []


@pytest.mark.parametrize(("rule", "old", "new", "message"), BROKEN)
def test_bad_text_is_found_out(
    rule: Callable[..., list[str]], old: str, new: str, message: str
) -> None:
    given = (TEXT, TESTS, GLOSSARY, NOTATION)
    assert any(old in part for part in given)
    found = RULES[rule](*(part.replace(old, new) for part in given))
    assert any(message in problem for problem in found), found


def test_every_rule_is_shown_to_fail() -> None:
    assert {rule for rule, *_ in BROKEN} == set(RULES)
