"""The workflows run what a person runs, with pinned actions and no right too many."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
# The only steps that are no make target: room on the machine, and an issue about a failure.
OTHER_STEPS = {"sudo rm -rf /usr/share/dotnet /usr/local/lib/android /opt/ghc", "title="}
WRITES = {
    ("pages", "site"): {"pages": "write", "id-token": "write"},
    ("pages", "notebooks"): {"contents": "write"},
    ("weekly", "report"): {"issues": "write"},
}


def read(path: Path) -> dict[str, Any]:
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    workflow["on"] = workflow.pop(True)  # YAML 1.1 takes `on` for a truth value
    return workflow


def jobs() -> list[Any]:
    return [
        pytest.param(path.stem, name, job, id=f"{path.stem}-{name}")
        for path in WORKFLOWS
        for name, job in read(path)["jobs"].items()
    ]


def commands(job: dict[str, Any]) -> list[str]:
    return [step["run"] for step in job["steps"] if "run" in step]


def schema(name: str, *files: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("check-jsonschema")
    command = [program, "--builtin-schema", name, *files]
    return subprocess.run(command, capture_output=True, text=True)


def test_the_three_workflows_are_there() -> None:
    assert [path.stem for path in WORKFLOWS] == ["ci", "pages", "weekly"]
    assert set(read(GITHUB / "workflows/ci.yml")["on"]) == {"push", "pull_request"}
    assert set(read(GITHUB / "workflows/pages.yml")["on"]) == {"push", "workflow_dispatch"}
    assert set(read(GITHUB / "workflows/weekly.yml")["on"]) == {"schedule", "workflow_dispatch"}


def test_files_keep_githubs_schemas(tmp_path: Path) -> None:
    forms = sorted((GITHUB / "ISSUE_TEMPLATE").glob("*.yml"))
    for name, files in (
        ("vendor.github-workflows", WORKFLOWS),
        ("vendor.github-issue-forms", forms),
    ):
        assert files
        result = schema(name, *files)
        assert result.returncode == 0, result.stdout + result.stderr
    bad = tmp_path / "bad.yml"
    bad.write_text(WORKFLOWS[0].read_text(encoding="utf-8").replace("runs-on:", "run-on:"))
    assert schema("vendor.github-workflows", bad).returncode == 1


@pytest.mark.parametrize(("workflow", "name", "job"), jobs())
def test_steps_are_make_targets(workflow: str, name: str, job: dict[str, Any]) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for command in commands(job):
        if match := re.fullmatch(r"make ([\w-]+)", command):
            assert re.search(rf"^{match[1]}:", makefile, re.M), command
        else:
            assert command.startswith(tuple(OTHER_STEPS)), command


@pytest.mark.parametrize(("workflow", "name", "job"), jobs())
def test_actions_are_pinned_and_rights_are_few(
    workflow: str, name: str, job: dict[str, Any]
) -> None:
    assert 0 < job["timeout-minutes"] <= 120
    general = read(GITHUB / "workflows" / f"{workflow}.yml")["permissions"]
    rights = job.get("permissions", general)
    assert rights == WRITES.get((workflow, name), {"contents": "read"})
    for step in job["steps"]:
        if "uses" in step:
            assert re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", step["uses"]), step["uses"]
        if step.get("uses", "").startswith("actions/checkout@"):
            keeps = step.get("with", {}).get("persist-credentials", True)
            assert keeps == (rights.get("contents") == "write")


def test_each_pin_names_its_version_and_each_action_has_one_pin() -> None:
    pins: dict[str, set[str]] = {}
    for path in WORKFLOWS:
        for line in path.read_text(encoding="utf-8").splitlines():
            if "uses:" in line:
                match = re.search(r"uses: (\S+)@(\S+ # v\d+\.\d+\.\d+)$", line)
                assert match, line
                pins.setdefault(match[1], set()).add(match[2])
    assert {action: found for action, found in pins.items() if len(found) > 1} == {}


def test_no_secret_and_no_code_of_a_stranger_in_a_command() -> None:
    for path in WORKFLOWS:
        text = path.read_text(encoding="utf-8")
        assert "secrets." not in text
        assert "pull_request_target" not in text
        for job in read(path)["jobs"].values():
            # An expression inside a command would be pasted into it before the shell reads it.
            assert not any("${{" in command for command in commands(job))


def test_ci_covers_what_it_should() -> None:
    ci = read(GITHUB / "workflows/ci.yml")["jobs"]
    done = {command for job in ci.values() for command in commands(job)}
    assert done >= {f"make {x}" for x in ("lint", "test-code", "test-notebooks", "test-pages")}
    versions = ci["tests"]["strategy"]["matrix"]["python-version"]
    assert versions == ["3.10", "3.11", "3.12", "3.13"]
    # Every part of `make test` is a job.
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    parts = re.search(r"\$\(MAKE\) -k --no-print-directory (.*)", makefile)
    assert parts
    assert done == {f"make {part}" for part in parts[1].split()}


def test_what_colab_opens_is_what_the_site_shows() -> None:
    jobs = read(GITHUB / "workflows/pages.yml")["jobs"]
    assert jobs["build"]["if"] == "github.ref == 'refs/heads/main'"
    assert (jobs["site"]["needs"], jobs["notebooks"]["needs"]) == ("build", ["build", "site"])


def test_weekly_reports_every_failure() -> None:
    weekly = read(GITHUB / "workflows/weekly.yml")["jobs"]
    assert set(weekly["report"]["needs"]) == weekly.keys() - {"report"}
    assert weekly["report"]["if"] == "failure()"
    done = {command for job in weekly.values() for command in commands(job)}
    wanted = ("links", "newest", "oldest", "test", "audit", "colab-check", "colab-image")
    assert done >= {f"make {target}" for target in wanted}


def test_the_oldest_versions_that_are_tried_are_those_that_are_allowed() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    needed = re.findall(r"^(?:dependencies|book) = \[(.*)\]$", text, re.M)
    allowed = re.findall(r'"(\w+)>=([\d.]+)', ", ".join(needed))
    assert len(allowed) == 5
    tried = re.search(r"^OLDEST_PACKAGES = (.*)$", makefile, re.M)
    assert tried
    assert sorted(tried[1].split()) == sorted(f"{name}=={least}.*" for name, least in allowed)
    oldest = " ".join(re.findall(r"^OLDEST \+?= (.*)$", makefile, re.M)).split()
    assert oldest
    assert all((ROOT / f"tests/test_{name}.py").exists() for name in oldest)
    python = re.search(r'requires-python = ">=([\d.]+)"', text)
    setup = read(GITHUB / "workflows/weekly.yml")["jobs"]["oldest"]["steps"][1]
    assert python
    assert setup["with"]["python-version"] == python[1]


@pytest.mark.parametrize("open_issue", ["", "17"])
def test_the_report_opens_one_issue_and_then_adds_to_it(tmp_path: Path, open_issue: str) -> None:
    """The step's own script, with a `gh` that writes down how it was called."""
    gh = tmp_path / "gh"
    gh.write_text(f'#!/bin/sh\n[ "$2" = list ] && echo "{open_issue}"\necho "$@" >> "$CALLS"\n')
    gh.chmod(0o755)
    calls = tmp_path / "calls"
    [script] = commands(read(GITHUB / "workflows/weekly.yml")["jobs"]["report"])
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "CALLS": str(calls), "RUN": "https://run"}
    subprocess.run(["bash", "-e", "-c", script], env=environment, check=True)
    last = calls.read_text().splitlines()[-1]
    start = (
        f"issue comment {open_issue}" if open_issue else "issue create --title The weekly checks"
    )
    assert last.startswith(start)
    assert "See https://run for what failed" in last


def test_the_form_asks_for_chapter_cell_and_environment() -> None:
    form = yaml.safe_load((GITHUB / "ISSUE_TEMPLATE/chapter.yml").read_text(encoding="utf-8"))
    fields = {field["id"]: field for field in form["body"]}
    for name in ("chapter", "cell", "environment"):
        assert fields[name]["validations"]["required"]
    rows = re.findall(
        r"^\| (\d+) \| \[?([^|\]]*?)\]?(?:\([^)]*\))? \|",
        (ROOT / "book/intro.md").read_text(encoding="utf-8"),
        re.M,
    )
    named = [f"{number} {title}" for number, title in rows]
    assert len(named) == 11
    assert fields["chapter"]["attributes"]["options"] == [*named, "another page"]


def test_pre_commit_runs_what_ci_runs() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    entries = {hook["entry"] for repo in config["repos"] for hook in repo["hooks"]}
    assert entries == {"make lint", "make check"}


@pytest.mark.parametrize(
    "name", ["SECURITY.md", "PULL_REQUEST_TEMPLATE.md", "RELEASE_CHECKLIST.md"]
)
def test_what_the_guides_name_is_there(name: str) -> None:
    text = (GITHUB / name).read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"`make\s+([\w-]+)", text):
        assert re.search(rf"^{target}:", makefile, re.M), target
    paths = re.findall(r"`((?:book|kerv|tests|\.github)/[\w./-]*)`", text)
    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("given", ["../my sets", "~/my sets"])
def test_a_folder_of_datasets_reaches_the_notebooks_whole(given: str) -> None:
    for before, behind in (({"KERV_DATA": given}, []), ({}, [f"KERV_DATA={given}"])):
        said = subprocess.run(
            ["make", "-n", "test", *behind],
            cwd=ROOT,
            env={**os.environ, **before},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        whole = Path(ROOT, Path(given).expanduser()).resolve()
        assert f"Datasets: {whole} and textures" in said
