"""Instant feedback on the questions and exercises of the book, one module per chapter.

`answer` takes the questions at the end of a chapter, `exercise` those of the assignments.

>>> answer("03.1", 9)
Not yet. That is the dot product ⟨x, w⟩; the question asks for the squared distance.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from typing import Any

from .exercise import UNANSWERED, Exercise, feedback, same


@dataclass(frozen=True)
class Question:
    """A right answer, and what the likely wrong ones come from. Answers are numbers or tuples."""

    right: Any
    praise: str
    hint: str
    mistakes: tuple[tuple[Any, str], ...] = ()


def questions() -> dict[str, Question]:
    """Every question of the book by its name, such as "03.1"."""
    return _collected("chapter", "QUESTIONS")


def exercises() -> dict[str, Exercise]:
    """Every exercise of the assignments by its name, such as "A02.1"."""
    return _collected("assignment", "EXERCISES")


def _collected(start: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for module in sorted(module.name for module in pkgutil.iter_modules(__path__)):
        if module.startswith(start):
            found |= getattr(importlib.import_module(f".{module}", __name__), name)
    return found


def answer(question: str, value: Any) -> None:
    """Say whether `value` answers the question, and if not, what went wrong.

    Args:
        question: its name, chapter and number, as the book prints it.
        value: a number, or a tuple of numbers; the dots of the open question are taken too.

    Raises:
        ValueError: there is no such question; the message lists those there are.

    >>> answer("01.1", 11)
    Not yet. The filter was turned by half a turn, or one grid was read by columns.
    """
    known = questions()
    if question not in known:
        raise ValueError(f"no question {question!r}; the questions are {', '.join(known)}")
    print(_feedback(known[question], value))


def exercise(name: str, value: Any, **inputs: Any) -> None:
    """Say whether `value` solves an exercise of an assignment, and if not, what went wrong.

    Args:
        name: the exercise, as the assignment's notebook prints it.
        value: a number, a tensor or a function; the dots of the open exercise are taken too.
        **inputs: the numbers of this class, as the notebook passes them.

    Raises:
        ValueError: there is no such exercise; the message lists those there are.

    >>> exercise("A02.1a", 378, channels=3, degree=2)
    A02.1a: Not yet. That counts one degree alone. With c = 1 all lower degrees take part.
    """
    known = exercises()
    if name not in known:
        raise ValueError(f"no exercise {name!r}; the exercises are {', '.join(known)}")
    print(f"{name}: {feedback(known[name], value, inputs)}")


def _feedback(question: Question, value: Any) -> str:
    if value is ...:
        return UNANSWERED
    given = _plain(value)
    if given is None or type(given) is not type(_plain(question.right)):
        form = "a tuple of numbers" if isinstance(question.right, tuple) else "a number"
        return f"This question takes {form}, and got {value!r}."
    if same(given, question.right):
        return f"Right. {question.praise}"
    for wrong, message in question.mistakes:
        if same(given, wrong):
            return f"Not yet. {message}"
    return f"Not yet. {question.hint}"


def _plain(value: Any) -> float | tuple[float, ...] | None:
    """The answer as a float or a tuple of floats; None if it is neither."""
    try:
        if isinstance(value, tuple | list):
            return tuple(float(v) for v in value)
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None
