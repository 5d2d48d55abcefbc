"""Feedback on the exercises of assignments, whose numbers differ from class to class."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

UNANSWERED = "Put your answer in the place of the dots, and run the cell again."
# In an assignment the check is a cell of its own.
NOTHING = (
    "Put your answer in the place of the dots, and run both cells again. "
    "A function has to return it."
)


@dataclass(frozen=True)
class Exercise:
    """How to tell a right answer from a wrong one, given what the student's notebook shows.

    `right` and each of the `mistakes` compute a value from the notebook's inputs. It is compared
    with the answer, or with `probe(answer, **inputs)`: what a function returns on inputs of the
    check's own, for example. Two mistakes that give the same value share a message.
    """

    right: Callable[..., Any]
    praise: str
    hint: str
    mistakes: tuple[tuple[Callable[..., Any], str], ...] = ()
    probe: Callable[..., Any] | None = None


def feedback(exercise: Exercise, answer: Any, inputs: dict[str, Any]) -> str:
    """One line on `answer`: right, the likely mistake, or a hint."""
    if answer is ... or answer is None:
        return NOTHING
    # The check's own tensors are on the CPU, whatever the notebook's default is.
    with torch.device("cpu"):
        return _judged(exercise, answer, inputs)


def _judged(exercise: Exercise, answer: Any, inputs: dict[str, Any]) -> str:
    try:
        given = exercise.probe(answer, **inputs) if exercise.probe else answer
    except Exception as error:  # whatever a student's own code raises
        return f"Not yet. Your code raised {type(error).__name__}: {error}"
    if given is None or given is ...:
        return NOTHING
    expected = exercise.right(**inputs)
    if same(given, expected):
        return f"Right. {exercise.praise}"
    for mistake, message in exercise.mistakes:
        if same(given, mistake(**inputs)):
            return f"Not yet. {message}"
    both = isinstance(expected, torch.Tensor) and isinstance(given, torch.Tensor)
    if both and given.shape != expected.shape:
        shapes = f"{tuple(given.shape)}, and should have {tuple(expected.shape)}"
        return f"Not yet. On a trial input the result has the shape {shapes}."
    # (A float may be a probe's word for what is wrong.)
    if isinstance(expected, torch.Tensor) and not isinstance(given, torch.Tensor | float):
        return f"Not yet. The answer is a tensor of torch, and this is {type(given).__name__}."
    return f"Not yet. {exercise.hint}"


def same(given: Any, expected: Any) -> bool:
    """Whether two values agree: whole numbers but for rounding, other numbers to half a per cent.

    Tensors must have the same shape, and agree to a tenth of a per cent in every element.
    """
    if isinstance(expected, torch.Tensor):
        return (
            isinstance(given, torch.Tensor)
            and given.shape == expected.shape
            and not given.is_complex()
            and torch.allclose(given.cpu().double(), expected.double(), rtol=1e-3, atol=1e-5)
        )
    if isinstance(expected, tuple):
        return (
            isinstance(given, tuple | list)
            and len(given) == len(expected)
            and all(map(same, given, expected))
        )
    try:
        number = float(given)
    except (TypeError, ValueError, OverflowError):
        return False
    if isinstance(expected, int):
        # 3.0000000000000004 may stand for 3. A count that is one off is wrong, however large.
        return abs(number - expected) <= min(0.25, 1e-6 * max(1, abs(expected)))
    # Near nothing only if nothing is expected: e^−14 and e^−40 are different answers.
    return math.isclose(number, expected, rel_tol=5e-3, abs_tol=0 if expected else 1e-6)
