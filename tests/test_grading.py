"""The archives and notebooks that `make assignments` writes, graded by `otter run` itself.

`make test-grading` makes Otter's environment and runs these tests. They build each assignment for
two classes, hand in right, blank, wrong, endless and crashing submissions, and look for leaks.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import assignments
import nbformat
import pytest
import source
import yaml
from nbformat import NotebookNode

ROOT = Path(__file__).parents[1]
OTTER = ROOT / ".venv-otter" / "bin"
KEY, OTHER_KEY = "the grading tests", "another class"
# What an endless cell may take in these tests: the archives say 60. The first cells of a right
# answer load torch, which takes some seconds.
SECONDS = 20
NAMES = [pytest.param(n, marks=pytest.mark.xdist_group(n)) for n in source.names()]

pytestmark = [
    pytest.mark.grading,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not OTTER.exists(), reason="no .venv-otter: make test-grading"),
]


def run(*command: str | Path, **environment: str) -> str:
    result = subprocess.run(
        [str(part) for part in command],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@dataclass
class Built:
    """What was made of an assignment for one key."""

    name: str
    key: str
    folder: Path

    def read(self, kind: str) -> NotebookNode:
        return nbformat.read(self.folder / f"{kind}.ipynb", as_version=4)

    def solved(self, replaced: dict[str, str] | None = None) -> NotebookNode:
        """The student's notebook with the solutions, or other answers, in its answer cells."""
        asked = assignments.questions(source.assignment(self.name, self.key))
        notebook = self.read("student")
        for cell in notebook.cells:
            for tag in cell.metadata.get("tags", []):
                cell.source = (replaced or {}).get(tag, asked[tag].answer)
        return notebook


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    folder = tmp_path_factory.mktemp("assignments")

    @cache
    def build(name: str, key: str = KEY) -> Built:
        out = folder / key.replace(" ", "-")
        script = ROOT / "book" / "exercises" / "_make" / "build.py"
        run(OTTER / "python", script, out, name, KEY=key)
        return Built(name, key, out / name)

    yield build
    shutil.rmtree(folder)


def hand_in(
    built: Built, notebook: NotebookNode, folder: Path, seconds: int = 60
) -> dict[str, float]:
    """The points per question that `otter run` gives."""
    archive = folder / "autograder.zip"
    with (
        zipfile.ZipFile(built.folder / "autograder.zip") as given,
        zipfile.ZipFile(archive, "w") as changed,
    ):
        for item in given.namelist():
            text = given.read(item)
            if item == "otter_config.json":
                assert b'"seconds": 60' in text
                text = text.replace(b'"seconds": 60', b'"seconds": %d' % seconds)
            changed.writestr(item, text)
    nbformat.write(notebook, folder / "submission.ipynb")
    run(OTTER / "otter", "run", "-a", archive, "-o", folder, folder / "submission.ipynb")
    results = json.loads((folder / "results.json").read_text())["tests"]
    return {test["name"]: test["score"] for test in results if "score" in test}


@pytest.mark.parametrize("name", NAMES)
def test_reference_solution_gets_full_marks(name: str, built, tmp_path: Path) -> None:
    made = built(name)
    full = assignments.full_marks(source.assignment(name, KEY))
    assert hand_in(made, made.solved(), tmp_path) == full


@pytest.mark.parametrize("name", NAMES)
def test_untouched_notebook_gets_zero(name: str, built, tmp_path: Path) -> None:
    made = built(name)
    scores = hand_in(made, made.read("student"), tmp_path)
    assert scores == dict.fromkeys(assignments.questions(source.assignment(name, KEY)), 0)


@pytest.mark.parametrize("name", NAMES)
def test_stripped_metadata_change_nothing(name: str, built, tmp_path: Path) -> None:
    made = built(name)
    notebook = made.solved()
    notebook.metadata = {}
    for cell in notebook.cells:
        cell.metadata = {}
    full = assignments.full_marks(source.assignment(name, KEY))
    assert hand_in(made, notebook, tmp_path) == full


def rounds(name: str) -> list[dict[str, source.Wrong]]:
    """The wrong answers in as few submissions as can be, one per question in each."""
    per_question: dict[str, list[source.Wrong]] = {}
    for wrong in source.wrong(name, KEY):
        per_question.setdefault(wrong.question, []).append(wrong)
    count = max(map(len, per_question.values()))
    return [{q: w[i] for q, w in per_question.items() if i < len(w)} for i in range(count)]


ROUNDS = [
    pytest.param(name, index, marks=pytest.mark.xdist_group(name), id=f"{name}-{index}")
    for name in source.names()
    for index in range(len(rounds(name)))
]


@pytest.mark.parametrize(("name", "index"), ROUNDS)
def test_wrong_answers_lose_exactly_their_points(
    name: str, index: int, built, tmp_path: Path
) -> None:
    made, wrong = built(name), rounds(name)[index]
    scores = hand_in(made, made.solved({q: w.code for q, w in wrong.items()}), tmp_path)
    full = assignments.full_marks(source.assignment(name, KEY))
    assert scores == {q: full[q] - (wrong[q].loses if q in wrong else 0) for q in full}


@pytest.mark.parametrize("name", NAMES)
def test_endless_and_crashing_cells_lose_their_own_points_alone(
    name: str, built, tmp_path: Path
) -> None:
    made = built(name)
    full = assignments.full_marks(source.assignment(name, KEY))
    first, second, *_, last = full
    notebook = made.solved(
        {
            # It survives an interrupt.
            first: "while 1:\n    try:\n        while 1: pass\n    except BaseException: pass",
            second: "raise RuntimeError('a plain error')",
            last: "import os\nos._exit(1)",
        }
    )
    scores = hand_in(made, notebook, tmp_path, SECONDS)
    assert scores == {**full, first: 0, second: 0, last: 0}


@pytest.mark.xdist_group("02_kernel_trick")
def test_a_function_that_never_ends_a_late_failure_and_an_exit(built, tmp_path: Path) -> None:
    """The cell of such a function ends; its tests do not, nor does the feedback."""
    made, text = built("02_kernel_trick"), source.assignment("02_kernel_trick", KEY)
    loop = "def features(x):\n    while True:\n        pass"
    late = assignments.questions(text)["q3"].answer.replace("enough[0]", "1 / 0")
    notebook = made.solved({"q2": loop, "q3": late, "q4": "exit()"})
    full = assignments.full_marks(text)
    scores = hand_in(made, notebook, tmp_path, SECONDS)
    assert scores == {**full, "q2": 0, "q3": full["q3"] - 1, "q4": 0}


@pytest.mark.xdist_group("03_kernel_conv")
def test_archive_grades_in_the_layout_of_gradescope(built, tmp_path: Path) -> None:
    """/autograder as Gradescope lays it out, in another folder, with the archive's own plugin."""
    made = built("03_kernel_conv")
    for part in ("source", "submission", "results"):
        (tmp_path / part).mkdir()
    with zipfile.ZipFile(made.folder / "autograder.zip") as archive:
        archive.extractall(tmp_path / "source")
        environment = yaml.safe_load(archive.read("environment.yml"))
    assert any("pytorch" in str(package) for package in environment["dependencies"])
    (tmp_path / "submission_metadata.json").write_text("{}")
    nbformat.write(made.solved(), tmp_path / "submission" / "mine.ipynb")
    for script in ("run_autograder", "run_otter.py"):
        assert "/autograder" in (tmp_path / "source" / script).read_text()
    runner = tmp_path / "source" / "run_otter.py"
    runner.write_text(runner.read_text().replace('"/autograder"', repr(str(tmp_path))))
    # Otter reads the folder once more from its configuration.
    configuration = tmp_path / "source" / "otter_config.json"
    settings = json.loads(configuration.read_text()) | {"autograder_dir": str(tmp_path)}
    configuration.write_text(json.dumps(settings))
    run(OTTER / "python", runner)
    tests = json.loads((tmp_path / "results" / "results.json").read_text())["tests"]
    total = sum(test.get("score", 0) for test in tests)
    assert total == sum(assignments.full_marks(source.assignment(made.name, KEY)).values())
    # Students see no hidden test before the grades are out.
    assert {test["visibility"] for test in tests if "score" in test} == {"hidden"}


@pytest.mark.parametrize("name", NAMES)
def test_two_classes_get_different_assignments(name: str, built) -> None:
    first, second = built(name), built(name, OTHER_KEY)
    for kind in ("student", "instructor"):
        a, b = ([cell.source for cell in made.read(kind).cells] for made in (first, second))
        assert len(a) == len(b)
        assert sum(x != y for x, y in zip(a, b, strict=True)) > 3


@pytest.mark.parametrize("name", NAMES)
def test_student_notebook_calls_no_grader(name: str, built) -> None:
    notebook = built(name).read("student")
    text = "\n".join(cell.source for cell in notebook.cells)
    assert "otter" not in (text + json.dumps(notebook.metadata)).lower()
    assert not re.search(r"KEY_\w|# ?SOLUTION|HIDDEN|# BEGIN", text)
    # Nothing to install but kerv, and nothing to import beside it but torch.
    modules = {
        m[1] or m[2] for m in re.finditer(r"^(?:import (\w+)|from (\w+))", text, re.MULTILINE)
    }
    assert modules <= {"sys", "math", "torch", "kerv"}
    address = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))["repository"]["url"]
    assert f"--no-deps git+{address}" in text


@pytest.mark.parametrize("name", NAMES)
def test_blank_student_notebook_runs_from_top_to_bottom(name: str, built, tmp_path: Path) -> None:
    """In Python alone, as a cell that fails would stop Colab's "run all"."""
    code = [
        re.sub(r"^(\s*)%.*", r"\1pass", cell.source, flags=re.MULTILINE)
        for cell in built(name).read("student").cells
        if cell.cell_type == "code"
    ]
    script = tmp_path / "student.py"
    script.write_text("\n".join(code), encoding="utf-8")
    said = run(OTTER / "python", script)
    checks = len(re.findall(r"kerv\.check\.exercise\(", script.read_text("utf-8")))
    assert said.count("Put your answer in the place of the dots") == checks > 0


@pytest.mark.parametrize("name", NAMES)
def test_instructor_notebook_has_solutions_and_grading_notes(name: str, built) -> None:
    text = "\n".join(cell.source for cell in built(name).read("instructor").cells)
    for question, asked in assignments.questions(source.assignment(name, KEY)).items():
        assert asked.answer in text
        assert f"**Grading of {question}.**" in text
    for wrong in source.wrong(name, KEY):
        assert f"| {wrong.name.partition('_')[2]} | {wrong.loses:g} | {wrong.says} |" in text


# Leaks


def secret_lines(name: str, key: str) -> set[str]:
    """Lines of solutions and hidden tests that stand nowhere in what students are given."""
    text = source.assignment(name, key)
    asked = assignments.questions(text).values()
    secret: list[str] = []
    for question in asked:
        secret += question.answer.splitlines()
        for test in question.tests:
            secret += test.splitlines()[1:] if test.startswith("# HIDDEN") else []
    lines = {squeezed(line.split("#")[0]) for line in secret}
    shown = {squeezed(line) for line in shown_lines(name, key)}
    # An opened bracket says nothing yet.
    return {line for line in lines - shown if len(line) > 24 and not line.endswith("(")}


def shown_lines(name: str, key: str) -> Iterator[str]:
    """What is no answer and no test: the text, and the cells that students are given."""
    text = source.assignment(name, key)
    for cell in assignments.without_tests(text):
        if cell.tag is None:
            yield from cell.text.splitlines()
        else:
            yield from assignments.stub(cell.text).splitlines()


def squeezed(line: str) -> str:
    return re.sub(r"\s+", "", line)


def published() -> Iterator[tuple[str, str]]:
    """Every text of the installed package and of the site, the site's sources included."""
    for folder in (ROOT / "kerv", ROOT / "book", ROOT / "_build" / "html"):
        for path in folder.rglob("*"):
            inside = path.relative_to(ROOT).as_posix()
            if inside.startswith("book/exercises/") or not path.is_file():
                continue
            if path.suffix in {".py", ".json", ".html", ".js", ".ipynb", ".md", ".txt"}:
                yield inside, squeezed(path.read_text(encoding="utf-8").replace('\\"', '"'))


@pytest.mark.parametrize("name", NAMES)
def test_no_solution_or_hidden_test_leaks(name: str, built) -> None:
    lines = secret_lines(name, KEY)
    assert len(lines) > 10
    student = built(name).folder / "student.ipynb"
    places = [*published(), ("student", squeezed(student.read_text().replace('\\"', '"')))]
    assert any(place.startswith("kerv/check/") for place, _ in places)
    leaks = [(place, line) for place, text in places for line in lines if line in text]
    assert leaks == []


@pytest.mark.parametrize("name", NAMES)
def test_the_search_for_leaks_finds_one(name: str, built) -> None:
    text = squeezed((built(name).folder / "instructor.ipynb").read_text().replace('\\"', '"'))
    found = [line for line in secret_lines(name, KEY) if line in text]
    assert len(found) > 10


def test_site_and_package_leave_the_exercises_out() -> None:
    contents = (ROOT / "_toc.yml").read_text(encoding="utf-8")
    assert "exercises" not in contents
    assert yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))["only_build_toc_files"] is True
    assert not list((ROOT / "_build" / "html").rglob("*exercises*assignment*"))


# The commands


@pytest.mark.xdist_group("02_kernel_trick")
def test_a_folder_of_submissions_becomes_a_table(built, tmp_path: Path) -> None:
    made = built("02_kernel_trick")
    nbformat.write(made.solved({"q4": "points = ..."}), tmp_path / "ada lovelace_2.ipynb")
    (tmp_path / "sub").mkdir()
    # The last two get no line.
    for file in ("broken.ipynb", "notes.txt", "sub/late.ipynb"):
        (tmp_path / file).write_text("not a notebook")
    script = ROOT / "book" / "exercises" / "_make" / "grade.py"
    run(OTTER / "python", script, made.folder / "autograder.zip", tmp_path)
    head, ada, broken = (tmp_path / "scores.csv").read_text("utf-8").splitlines()
    assert head == "submission,q1,q2,q3,q4,q5,total,problem"
    full = assignments.full_marks(source.assignment(made.name, KEY))
    expected = [float(points) for points in ({**full, "q4": 0}).values()]
    name, *points, problem = ada.split(",")
    assert name == "ada lovelace_2.ipynb"
    assert list(map(float, points)) == [*expected, sum(expected)]
    assert problem == ""
    assert broken.startswith("broken.ipynb,,,,,,,")
    assert "JSON" in broken


def test_nothing_to_grade_is_an_error(tmp_path: Path) -> None:
    script = ROOT / "book" / "exercises" / "_make" / "grade.py"
    (tmp_path / "autograder.zip").touch()
    for archive, message in (("none.zip", "no archive"), ("autograder.zip", "no notebook")):
        result = subprocess.run(
            [str(OTTER / "python"), str(script), str(tmp_path / archive), str(tmp_path)],
            capture_output=True,
            text=True,
        )
        assert result.returncode == 2
        assert message in result.stderr


def test_no_key_is_an_error_that_says_what_it_is_for() -> None:
    script = ROOT / "book" / "exercises" / "_make" / "build.py"
    for key in ("", None):
        environment = {k: v for k, v in os.environ.items() if k != "KEY"}
        result = subprocess.run(
            [str(OTTER / "python"), str(script), "out"],
            env=environment if key is None else {**environment, "KEY": key},
            capture_output=True,
            text=True,
        )
        assert result.returncode == 2
        assert "needs a key: any secret text, another one for each class" in result.stderr
    assert not (ROOT / "out").exists()


def test_unknown_assignment_names_those_there_are(tmp_path: Path) -> None:
    script = ROOT / "book" / "exercises" / "_make" / "build.py"
    result = subprocess.run(
        [str(OTTER / "python"), str(script), str(tmp_path), "99_x"],
        env={**os.environ, "KEY": "k"},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 2
    assert "no assignment ['99_x']; there are ['02_kernel_trick'" in result.stderr
