"""The command line: every failure is one line on stderr, on a terminal too."""

from __future__ import annotations

import os
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import ROOT

from kerv import cli
from kerv import train as train_module
from kerv.config import RECIPES
from kerv.train import TrainConfig, train

TINY = ["--data", "textures", "--model", "resnet8", "--device", "cpu", "--limit", "20"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--lr", "inf"], "lr must be a finite float32 number, got inf"),
        (["--lr", "1e39"], "lr must be a finite float32 number, got 1e+39"),
        (["--weight-decay", "nan"], "weight_decay must be a finite float32 number, got nan"),
        (["--seed", "4294967296"], "seed must be less than 2**32, got 4294967296"),
        (["--shift", "32"], "shift must be less than the 32 pixels of a picture, got 32"),
        (["--limit", "10001"], "limit must be at most 10000, the pictures of textures, got 10001"),
        (["--limit", "1", "--validation", "0.9"], "validation=0.9 leaves none of 1 pictures"),
    ],
)
def test_values_out_of_range(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert cli.main([*TINY, "--out", str(tmp_path / "run"), *arguments]) == 1
    printed = capsys.readouterr()
    assert printed.err.startswith(f"kerv-train: {message}")
    assert printed.err.count("\n") == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("field", "value", "kind"),
    [
        ("epochs", "3", "int"),
        ("epochs", 2.5, "int"),
        ("lr", True, "float"),
        ("kernel", 3, "str"),
        ("augment", "no", "bool"),
        ("out", Path("run"), r"str \| None"),
    ],
)
def test_values_of_another_type(field: str, value: object, kind: str) -> None:
    with pytest.raises(TypeError, match=rf"^{field} must be {kind}, got "):
        TrainConfig(**{field: value})


def test_a_folder_that_cannot_be_is_said_before_the_first_epoch(
    tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    assert cli.main([*TINY, "--out", str(tmp_path / "file")]) == 1
    printed = capsys.readouterr()
    assert "File exists" in printed.err
    assert printed.err.count("\n") == 1
    assert "epoch" not in printed.out
    monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path / "closed")
    assert cli.main([*TINY, "--out", str(tmp_path / "closed")]) == 1
    printed = capsys.readouterr()
    assert printed.err == f"kerv-train: cannot write into {tmp_path / 'closed'}\n"
    assert "epoch" not in printed.out


def test_a_home_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert cli.main([*TINY, "--out=~/run"]) == 0
    (tmp_path / "run" / "record.json").unlink()
    assert cli.main(["--resume=~/run/last.pt"]) == 0
    assert (tmp_path / "run" / "record.json").exists()


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (torch.OutOfMemoryError("CUDA\nout of memory"), "the device is out of memory: try a lower"),
        (OSError(28, "No space left\non device"), "[Errno 28] No space left on device"),
    ],
)
def test_errors_of_the_machine_are_one_line_too(
    error: Exception,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    def fail(config: TrainConfig) -> None:
        raise error

    monkeypatch.setattr("kerv.train.train", fail)
    assert cli.main(TINY) == 1
    printed = capsys.readouterr().err
    assert printed.startswith(f"kerv-train: {message}")
    assert printed.count("\n") == 1


def test_commands_of_the_pages_are_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    pages = (ROOT / "README.md").read_text(encoding="utf-8") + (train_module.__doc__ or "")
    commands = re.findall(r"^\S.*?-m kerv\.train (--.*)$", pages, re.MULTILINE)
    commands = [line for line in commands if "--resume" not in line]
    assert len(commands) >= 6
    seen: list[TrainConfig] = []
    monkeypatch.setattr("kerv.train.train", seen.append)
    assert [cli.main(shlex.split(line, comments=True)) for line in commands] == [0] * len(commands)
    assert len(seen) == len(commands)


def test_only_where_there_are_others_another_process_is_blamed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def fail(config: TrainConfig) -> None:
        raise RuntimeError("Connection closed by peer")

    monkeypatch.setattr("kerv.train.train", fail)
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert cli.main(TINY) == 1
    assert "another process stopped" in capsys.readouterr().err
    monkeypatch.setenv("WORLD_SIZE", "1")
    with pytest.raises(RuntimeError, match="closed by peer"):
        cli.main(TINY)


def test_version(capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith("kerv 0.")


class Terminal:
    """A stdout that says it is a terminal and keeps what was written."""

    def __init__(self) -> None:
        self.text = ""

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None:
        pass


def test_progress_on_a_terminal_is_one_line_that_is_rewritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr(sys, "stdout", terminal := Terminal())
    arguments = [*TINY, "--epochs", "1", "--batch-size", "9", "--out", str(tmp_path / "run")]
    assert cli.main(arguments) == 0
    shown = terminal.text.split("\r\x1b[K")
    progress = [line for line in shown if line.startswith("epoch") and not line.endswith("\n")]
    assert [line[:14] for line in progress] == ["epoch 1/1  50%", "epoch 1/1 100%"]
    for part in ("loss ", "train ", " pictures/s", "0 s left"):
        assert part in progress[1]
    # An error takes the place of a half-written line.
    terminal.text = ""
    assert cli.main(arguments) == 1
    assert terminal.text == "\r\x1b[K"
    assert "holds a run already" in capsys.readouterr().err


def test_a_log_of_ones_own_keeps_the_terminal_quiet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", terminal := Terminal())
    lines: list[str] = []
    settings: dict[str, Any] = {"data": "textures", "model": "resnet8", "limit": 20, "epochs": 1}
    train(TrainConfig(**settings, out=os.fspath(tmp_path / "run")), log=lines.append)
    assert terminal.text == ""
    assert len(lines) == 3


def test_a_recipe_sets_what_no_flag_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr("kerv.train.train", seen.append)
    assert cli.main(["--recipe", "fast", "--epochs", "3"]) == 0
    assert seen == [TrainConfig(**{**RECIPES["fast"], "epochs": 3})]
    assert seen[0].model == "fastnet"


def test_a_recipe_that_is_not_the_runs_own_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    last = str(tmp_path / "last.pt")
    assert cli.main([*TINY, "--epochs", "1", "--out", str(tmp_path)]) == 0
    (tmp_path / "record.json").unlink()
    assert cli.main([*TINY, "--resume", last, "--recipe", "fast", "--views", "1"]) == 1
    assert f"{last} belongs to another run: epochs was 1 and is 16" in capsys.readouterr().err


@pytest.mark.parametrize(
    "name",
    [
        *("hyper_lr", "bias_lr", "bias_decay", "lookahead", "clip"),
        *("weight_decay", "shift", "limit", "seed"),
    ],
)
def test_no_setting_is_less_than_nothing(name: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} must be at least 0, got -1"):
        TrainConfig(**{name: -1})


def test_a_tilde_is_the_home_folder_from_python_too() -> None:
    config = TrainConfig(root="~/data", out="~/run", resume="~/run/last.pt")
    places = config.root, config.out, config.resume
    assert places == tuple(str(Path.home() / p) for p in ("data", "run", "run/last.pt"))


def test_runs_that_differ_in_their_names_have_folders_of_their_own() -> None:
    plain = {"data": "cifar10", "model": "resnet20", "kernel": "gaussian", "where": "first"}
    changes = {"data": "mnist", "model": "resnet8", "kernel": "cosine", "where": "last", "seed": 1}
    runs = [plain, *({**plain, name: value} for name, value in changes.items())]
    assert len({TrainConfig(**run).folder() for run in runs}) == len(runs)
