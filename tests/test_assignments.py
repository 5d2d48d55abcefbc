"""The sources of the assignments: solutions, wrong answers, feedback and keys, without Otter."""

from __future__ import annotations

import re
from pathlib import Path

import assignments
import pytest
import source

from kerv import check

ROOT = Path(__file__).parents[1]
NAMES = source.names()
KEYS = ["first class", "second class", "spring", "autumn"]
WRONG = [
    pytest.param(name, index, id=f"{name}-{wrong.name}")
    for name in NAMES
    for index, wrong in enumerate(source.wrong(name, KEYS[0]))
]
RIGHT = [(name, answer) for name in NAMES for answer in source.right(name, KEYS[0])]


def test_there_are_assignments() -> None:
    assert [name[:2] for name in NAMES] == ["02", "03", "04", "05", "06", "07"]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("name", NAMES)
def test_solutions_get_full_marks_and_praise(name: str, key: str) -> None:
    text = source.assignment(name, key)
    graded = assignments.grade(text, {})
    assert graded.points == assignments.full_marks(text)
    assert graded.said
    for exercise, said in graded.said.items():
        assert said == f"Right. {check.exercises()[exercise].praise}", exercise


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(("name", "answer"), RIGHT)
def test_other_right_answers_lose_nothing(name: str, answer: str, key: str) -> None:
    text = source.assignment(name, key)
    question, code = source.right(name, key)[answer]
    graded = assignments.grade(text, {question: code})
    assert graded.points == assignments.full_marks(text)
    assert {e for e, said in graded.said.items() if not said.startswith("Right. ")} == set()


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(("name", "index"), WRONG)
def test_wrong_answer_loses_its_points_and_is_named(name: str, index: int, key: str) -> None:
    text, wrong = source.assignment(name, key), source.wrong(name, key)[index]
    graded = assignments.grade(text, {wrong.question: wrong.code})
    expected = assignments.full_marks(text)
    expected[wrong.question] -= wrong.loses
    assert wrong.loses > 0
    assert graded.points == expected
    complaints = {e: said for e, said in graded.said.items() if not said.startswith("Right")}
    assert any(wrong.says in said for said in complaints.values()), complaints
    # The hint is for answers that nobody foresaw; these were foreseen.
    for exercise, said in complaints.items():
        assert said.startswith("Not yet. ")
        assert said != f"Not yet. {check.exercises()[exercise].hint}", exercise


@pytest.mark.parametrize("name", NAMES)
def test_every_question_has_wrong_answers_and_one_has_a_hard_coded_one(name: str) -> None:
    text, wrong = source.assignment(name, KEYS[0]), source.wrong(name, KEYS[0])
    asked = assignments.questions(text)
    assert 3 <= len(asked) <= 6
    assert {w.question for w in wrong} == asked.keys()
    hard_coded = [w for w in wrong if w.name.endswith("hard_coded")]
    assert hard_coded
    # It passes the public tests, and no hidden one.
    for w in hard_coded:
        question = asked[w.question]
        hidden = [test.startswith("# HIDDEN") for test in question.tests]
        points = sum(p for p, h in zip(question.points, hidden, strict=True) if h)
        assert w.loses == points


@pytest.mark.parametrize("name", NAMES)
def test_two_keys_give_different_assignments(name: str) -> None:
    first, second = (source.values(name, key) for key in KEYS[:2])
    assert first == source.values(name, KEYS[0])
    differ = [n for n in first if first[n] != second[n]]
    assert len(differ) > len(first) / 2
    seeds = [n for n in first if n.endswith("seed")]
    assert seeds
    assert set(seeds) <= set(differ)


@pytest.mark.parametrize("name", NAMES)
def test_points_and_minutes_are_stated(name: str) -> None:
    text = source.assignment(name, KEYS[0])
    points = [sum(question.points) for question in assignments.questions(text).values()]
    heads = re.findall(r"## Question \d: .* \((\d+) points, (\d+) minutes\)$", text, re.MULTILINE)
    assert [int(p) for p, _ in heads] == points
    [(count, total)] = re.findall(r"There are (\w+) questions, (\d+) points", text)
    assert ["three", "four", "five", "six"].index(count) + 3 == len(points)
    assert int(total) == sum(points)
    assert "This one goes beyond the chapter." in text


def test_instructors_page_has_the_points_and_minutes() -> None:
    page = (ROOT / "book" / "instructors.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d) \| \[.*?\]\((\w+)\.ipynb\) \|(.*?)\|(.*?)\|(.*?)\|", page, re.M)
    assert [chapter for _, chapter, *_ in rows] == NAMES
    for number, name, *cells in rows:
        text = source.assignment(name, KEYS[0])
        heads = re.findall(r"## Question \d: .* \((\d+) points, (\d+) minutes\)$", text, re.M)
        assert name.startswith(f"0{number}_")
        points, minutes = (sum(map(int, column)) for column in zip(*heads, strict=True))
        assert list(map(int, cells)) == [len(heads), points, minutes]


def test_seconds_of_a_cell_are_stated() -> None:
    build = (source.FOLDER / "_make" / "build.py").read_text(encoding="utf-8")
    [seconds] = re.findall(r'"kerv_limits.Limits": {"seconds": (\d+)}', build)
    page = (ROOT / "book" / "instructors.md").read_text(encoding="utf-8")
    assert f"a cell runs for more than {seconds} seconds" in page
    for name in NAMES:
        assert f"each cell has {seconds} seconds on two" in source.assignment(name, KEYS[0]), name


def test_instructors_page_names_commands_and_folders_that_are_there() -> None:
    page = (ROOT / "book" / "instructors.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"make ([\w-]+)", page.replace("`make check`", "make check")))
    assert {"address", "assignments", "grade", "test-grading", "check"} <= targets
    for target in ("address", "assignments", "grade", "test-grading", "check"):
        assert re.search(rf"^{target}:", makefile, re.M), target
    assert (source.FOLDER / "02_kernel_trick" / "wrong" / "q2_no_factor.py").exists()
    assert (source.FOLDER / "02_kernel_trick" / "right" / "q5_x_reused.py").exists()


def test_a_name_without_a_value_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"no value is drawn for \['m'\]; there are \['n'\]"):
        source.fill("KEY_n and KEY_m", {"n": 1})


def test_a_wrong_answer_without_its_header_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "02_x"
    (folder / "wrong").mkdir(parents=True)
    (folder / "draw.py").write_text("def draw(key):\n    return {}\n")
    (folder / "wrong" / "q1_bad.py").write_text("answer = 1\n")
    monkeypatch.setattr(source, "FOLDER", tmp_path)
    with pytest.raises(ValueError, match="does not begin with '# loses: …' and '# says: …'"):
        source.wrong("02_x", "key")


def test_unanswered_and_unknown_exercises(capsys: pytest.CaptureFixture[str]) -> None:
    for name in check.exercises():
        check.exercise(name, ..., anything=1)
        assert (
            capsys.readouterr().out
            == f"{name}: {check.feedback(check.exercises()[name], ..., {})}\n"
        )
    with pytest.raises(ValueError, match=r"no exercise 'A9'; the exercises are A02\.1a, "):
        check.exercise("A9", 1)


@pytest.mark.parametrize("name", NAMES)
def test_unanswered_stubs_say_what_to_do(name: str) -> None:
    """An answer that is dots, or a function that returns nothing."""
    text = source.assignment(name, KEYS[0])
    blank = {q: assignments.stub(asked.answer) for q, asked in assignments.questions(text).items()}
    graded = assignments.grade(text, blank)
    assert set(graded.points.values()) == {0}
    assert set(graded.said.values()) == {
        "Put your answer in the place of the dots, and run both cells again. "
        "A function has to return it."
    }
