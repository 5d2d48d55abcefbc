"""Feedback on answers: right ones, every known mistake, and what is no answer at all."""

from __future__ import annotations

import math
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch

from kerv import check
from kerv.check.exercise import same

QUESTIONS = check.questions()
BOOK = Path(__file__).parents[1] / "book"


def said(capsys: pytest.CaptureFixture[str], question: str, value: object) -> str:
    check.answer(question, value)
    return capsys.readouterr().out.strip()


@pytest.mark.parametrize("name", QUESTIONS)
def test_right_answer(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    question = QUESTIONS[name]
    assert said(capsys, name, question.right) == f"Right. {question.praise}"


@pytest.mark.parametrize(
    ("name", "wrong", "message"),
    [(name, *mistake) for name, question in QUESTIONS.items() for mistake in question.mistakes],
)
def test_known_mistake(
    name: str, wrong: object, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(capsys, name, wrong) == f"Not yet. {message}"


@pytest.mark.parametrize("name", QUESTIONS)
def test_other_answers(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    question = QUESTIONS[name]
    many = isinstance(question.right, tuple)
    other: object = (123.0,) * len(question.right) if many else 123.0
    assert said(capsys, name, other) == f"Not yet. {question.hint}"
    assert said(capsys, name, ...).startswith("Put your answer in the place of the dots")
    form = "a tuple of numbers" if many else "a number"
    for nonsense in ("five", None, 5 if many else (5, 5)):
        assert said(capsys, name, nonsense) == (
            f"This question takes {form}, and got {nonsense!r}."
        )


@pytest.mark.parametrize("name", QUESTIONS)
def test_no_hint_gives_the_answer_away(name: str) -> None:
    question = QUESTIONS[name]
    for text in (question.hint, *(message for _, message in question.mistakes)):
        numbers = re.findall(r"(?<![\d.])\d+(?:\.\d+)?(?![\d.])", text)
        if isinstance(question.right, tuple):
            assert ", ".join(map(str, question.right)) not in text
        else:
            assert str(question.right) not in numbers, text


def test_answers_that_torch_computes_are_taken(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "03.1", torch.tensor(18.0)).startswith("Right")
    assert said(capsys, "03.2", torch.Size([16, 4, 7])).startswith("Right")
    assert said(capsys, "03.2", [16, 4, 7]).startswith("Right")


def test_whole_numbers_are_counted_and_not_rounded(capsys: pytest.CaptureFixture[str]) -> None:
    for answer in (24, 26):
        assert said(capsys, "02.2", answer).startswith("Not yet")
    assert said(capsys, "05.2", 3.0000000000000004).startswith("Right")
    # However large: half a per mille of a million is 500.
    size = {"channels": 40, "degree": 4}
    exact = math.comb(9 * size["channels"] + size["degree"], size["degree"])
    for off, start in ((0, "Right."), (-1, "Not yet"), (-500, "Not yet")):
        check.exercise("A02.1a", exact + off, **size)
        assert f"A02.1a: {start}" in capsys.readouterr().out, off


def test_numbers_beyond_all_floats_are_wrong_and_no_crash(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert "got 1000" in said(capsys, "01.1", 10**400)
    check.exercise("A02.1a", 10**400, channels=40, degree=4)
    assert "A02.1a: Not yet" in capsys.readouterr().out


def test_a_tensor_is_asked_for_by_its_kind() -> None:
    exercise = check.Exercise(lambda: torch.ones(2), "Good.", "Think.")
    assert check.feedback(exercise, torch.ones(2), {}) == "Right. Good."
    assert "a tensor of torch, and this is ndarray" in check.feedback(exercise, np.ones(2), {})
    assert check.feedback(exercise, torch.complex(torch.ones(2), torch.ones(2)), {}).endswith(
        "Think."
    )


def test_a_default_device_does_not_reach_the_checks_own_tensors() -> None:
    def probe(answer: object) -> torch.Tensor:
        return torch.ones(2)

    exercise = check.Exercise(lambda: torch.ones(2), "Good.", "Think.", probe=probe)
    with torch.device("meta"):
        assert check.feedback(exercise, 1, {}) == "Right. Good."


def test_unknown_question_names_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"no question '3\.1'; the questions are 01\.1, 01\.2"):
        check.answer("3.1", 5)


def test_every_question_is_asked_in_its_chapter() -> None:
    asked = set()
    for path in BOOK.glob("*.ipynb"):
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "code":
                found = set(re.findall(r'check\.answer\(\s*"([\d.]+)"', cell.source))
                assert all(name.startswith(path.name[:2]) for name in found)
                asked |= found
    assert asked == QUESTIONS.keys()


def test_answers_of_chapter_3_by_torch() -> None:
    """The right answers, computed once more from the definitions."""
    patch, weight = torch.tensor([[3.0, 1], [2, 4]]), torch.tensor([[1.0, 2], [0, 1]])
    assert (patch - weight).square().sum() == QUESTIONS["03.1"].right

    import kerv

    layer = kerv.KernelConv2d(3, 16, 3, stride=2, padding=1, dilation=2)
    assert layer(torch.zeros(1, 3, 9, 15)).shape[1:] == QUESTIONS["03.2"].right

    picture = torch.zeros(1, 64, 9, 9)
    picture[0, 0, 4, 4] = 1
    copies = torch.nn.functional.unfold(picture, 3, padding=1).sum()
    assert copies == QUESTIONS["03.3"].right

    def trainable(kernel: str) -> int:
        layer = kerv.KernelConv2d(3, 16, 3, kernel=kernel)
        return sum(p.numel() for p in layer.parameters())

    assert trainable("gaussian") - trainable("linear") == QUESTIONS["03.4"].right


# The right answers from what the questions give; chapter 3's are computed below.
AGAIN = {
    **{"01.1": 3 * 1 + 1 * 2 + 2 * 0 + 4 * 1, "01.2": 5 * 3, "01.3": 5 * 5 - 1, "01.4": 5 + 4},
    **{"02.1": math.comb(5, 2), "02.2": (2 + 3) ** 2, "02.3": math.exp(-3 / 2)},
    **{"02.4": 50 * 51 // 2, "04.1": 9 + 16 - 20, "04.2": 128, "04.3": 0.18 * 27 / 243},
    **{"04.4": 1e-7 * 20_000, "05.1": 0.6, "05.2": 1 / math.sqrt(2 / 18), "05.3": 2**3**3},
    **{"05.4": 1 / (1 + 2 * 2), "06.1": 3 * math.cos(math.pi / 3), "06.2": 5 / 13},
    **{"06.3": math.degrees(math.acos(math.sqrt(0.5))), "06.4": (1 + 5 * 0.4) / 6},
    **{"07.1": 3 * 5 * 2 + 2, "07.2": 1 + 0.04 * 1.5, "07.3": 100 * math.sqrt(0.8 * 0.2 / 400)},
    **{"08.1": 1 + 12, "08.2": 64, "08.3": 2 / (2 * 20), "08.4": 97 - 98},
    **{"09.1": 2 * 4 + 5 * 3, "09.2": 0.6, "09.3": 4 / 28, "09.4": 24**-0.5},
    **{"10.1": 100 * math.sqrt(0.98 * 0.02 / 2_500), "10.2": 0.4 - 4.3027 * 0.3 / math.sqrt(3)},
    **{"10.3": math.ceil(7.85 * (0.3 / 0.1) ** 2), "10.4": 0.01 * 4**2, "11.1": (8, 4, 8, 16)},
    **{"11.2": (1 + 3) ** -1, "11.3": 10 * 11 // 2, "11.4": 3 * 4},
}


@pytest.mark.parametrize("name", [name for name in QUESTIONS if not name.startswith("03")])
def test_right_answers_computed_once_more(name: str) -> None:
    assert QUESTIONS[name].right == pytest.approx(AGAIN[name], rel=1e-4)


@pytest.mark.parametrize(("given", "right"), [(1.004, True), (0.996, True), (1.01, False)])
def test_numbers_may_be_rounded_to_half_a_per_cent(given: float, right: bool) -> None:
    assert same(given, 1.0) is right
