"""Sources of assignments: drawing their numbers from a key, and filling them in.

A source is a folder beside this one. It holds

* `assignment.py`, the assignment in the form of Otter-Assign, as a percent-format script, with
  names such as KEY_n for what the key draws;
* `draw.py`, whose function `draw(key)` returns a value for each of these names;
* `wrong/`, one file per common wrong answer, which replaces the answer cell of its question;
* `right/`, if there is one: other right answers in the same form, which must lose nothing.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1]
PLACE = re.compile(r"KEY_([a-z_]+)")


@dataclass(frozen=True)
class Key:
    """The instructor's secret, for one assignment: a source of chance for each name.

    The name is part of the seed, so another number in a source leaves the others as they are.
    """

    secret: str
    assignment: str

    def __call__(self, name: str) -> random.Random:
        text = f"{self.secret}/{self.assignment}/{name}"
        return random.Random(hashlib.sha256(text.encode()).digest())

    def seed(self, name: str) -> int:
        """A seed for data or for a hidden test."""
        return self(name).randrange(10**6, 10**7)


@dataclass(frozen=True)
class Wrong:
    """A common wrong answer: the code of its cell, and what it should lead to."""

    name: str
    question: str
    loses: float
    says: str
    code: str


def names() -> list[str]:
    """The assignments there are."""
    return sorted(path.parent.name for path in FOLDER.glob("[0-9]*/assignment.py"))


def values(name: str, secret: str) -> dict[str, Any]:
    """What `secret` draws for the assignment `name`."""
    space: dict[str, Any] = {}
    exec(
        compile((FOLDER / name / "draw.py").read_text("utf-8"), f"{name}/draw.py", "exec"),
        space,
    )
    draw: Callable[[Key], dict[str, Any]] = space["draw"]
    return draw(Key(secret, name))


def fill(text: str, drawn: dict[str, Any]) -> str:
    """The text with every KEY_name replaced.

    Raises:
        ValueError: it has a name that nothing was drawn for.
    """
    missing = sorted({name for name in PLACE.findall(text) if name not in drawn})
    if missing:
        raise ValueError(f"no value is drawn for {missing}; there are {sorted(drawn)}")
    return PLACE.sub(lambda match: str(drawn[match[1]]), text)


def assignment(name: str, secret: str) -> str:
    """The whole source, solutions and hidden tests included, with the numbers of `secret`."""
    return fill((FOLDER / name / "assignment.py").read_text("utf-8"), values(name, secret))


HEADER = re.compile(
    r"# loses: (?P<loses>[\d.]+)\n# says: (?P<says>[^\n]+)\n\n?(?P<code>.*)", re.DOTALL
)


def wrong(name: str, secret: str) -> list[Wrong]:
    """The recorded wrong answers, with the numbers of `secret`."""
    drawn = values(name, secret)
    found = []
    for path in sorted((FOLDER / name / "wrong").glob("q*.py")):
        match = HEADER.fullmatch(fill(path.read_text("utf-8"), drawn))
        if match is None:
            raise ValueError(f"{path} does not begin with '# loses: …' and '# says: …'")
        question = path.stem.split("_")[0]
        code = match["code"].strip()
        found.append(Wrong(path.stem, question, float(match["loses"]), match["says"], code))
    return found


def right(name: str, secret: str) -> dict[str, tuple[str, str]]:
    """Other right answers by their names: the question and its code, with the key's numbers."""
    drawn = values(name, secret)
    paths = sorted((FOLDER / name / "right").glob("q*.py"))
    return {p.stem: (p.stem.split("_")[0], fill(p.read_text("utf-8"), drawn)) for p in paths}
