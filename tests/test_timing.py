"""What an epoch costs: measured for every contestant, in turns, on pictures of the right kind."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from test_studies import TINY

from kerv import data, robustness, timing, train
from kerv.loader import split
from kerv.studies import STUDIES

PLAN = dataclasses.replace(
    TINY, common={key: value for key, value in TINY.common.items() if key != "limit"}
)


@pytest.mark.parametrize("study", timing.TIMED)
def test_every_contestant_was_timed(study: str) -> None:
    found = timing.recorded()["seconds"][study]
    assert list(found) == list(STUDIES[study].contestants)
    assert min(found.values()) > 0
    for contestant in found:
        run = timing.epoch(study, contestant) / found[contestant]
        assert run == round(0.9 * data.TRAINING_PICTURES[STUDIES[study].common["data"]])


def test_the_table_has_the_contestants_that_are_asked_for() -> None:
    rows = timing.table("light", ["correlation", "convolution"]).splitlines()[2:]
    assert rows == [r for n in (1, 0) for r in timing.table("light").splitlines()[2 + n : 3 + n]]
    with pytest.raises(ValueError, match="'cubic' of study 'light' was not timed; of it there are"):
        timing.table("light", ["cubic"])


@pytest.mark.parametrize("study", timing.TIMED)
def test_a_round_trains_on_as_many_pictures_as_it_says(study: str) -> None:
    pictures = timing._random_pictures(study, timing.PICTURES)
    config = timing._config(study, "convolution")
    assert pictures.shape == data.SHAPES[config.data][0]
    assert len(split(pictures, config)[0]) == timing.PICTURES


def test_contestants_take_turns_and_the_first_round_does_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(STUDIES, "tiny", PLAN)
    clock, kernels = [0.0], []

    def steps(self: train.Run, number: int, begun: float) -> None:
        kernels.append(self.config.kernel)
        # The round that warms up takes long, the others two seconds and three.
        clock[0] += 60 if len(kernels) <= 2 else {"linear": 2, "gaussian": 3}[kernels[-1]]

    monkeypatch.setattr(train.Run, "steps", steps)
    monkeypatch.setattr(timing.time, "perf_counter", lambda: clock[0])
    said: list[str] = []
    found = timing.measure("tiny", pictures=40, rounds=3, log=said.append)
    assert kernels == ["linear", "gaussian"] * 3
    assert found == {"convolution": pytest.approx(2 / 40), "gaussian": pytest.approx(3 / 40)}
    assert said[0] == "tiny: round 1 of 3, 120 s"
    with pytest.raises(ValueError, match="rounds must be at least 2, got 1"):
        timing.measure("tiny", rounds=1)


def test_a_study_is_measured_and_kept_beside_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(STUDIES, "tiny", PLAN)
    monkeypatch.setattr(timing, "__file__", str(tmp_path / "timing.py"))
    monkeypatch.setattr(timing.resources, "files", lambda name: tmp_path)
    measured = {"convolution": 0.001, "gaussian": 0.003}
    monkeypatch.setattr(timing, "measure", lambda study: measured)
    assert timing.main(["--run", "tiny"]) == 0
    table = capsys.readouterr().out.splitlines()
    assert table[0] == "tiny:"
    # An epoch has nine tenths of the 10,000 pictures.
    assert table[3].startswith("| convolution | 82,826 | 9.0 | 1.00 |")
    assert table[4].startswith("| gaussian | 82,826 | 27.0 | 3.00 |")
    kept = json.loads((tmp_path / "timing.json").read_text())
    assert kept["hardware"]["threads"] == torch.get_num_threads()
    monkeypatch.setitem(STUDIES, "more", PLAN)
    assert timing.main(["--run", "more"]) == 0
    assert list(timing.recorded()["seconds"]) == ["tiny", "more"]
    # Times of another machine are neither mixed with new ones nor lost.
    monkeypatch.setattr(timing.records, "versions", lambda: {"torch": "9.9"})
    before = (tmp_path / "timing.json").read_bytes()
    assert timing.main(["--run", "more"]) == 1
    assert "holds times of another machine or other versions" in capsys.readouterr().err
    assert (tmp_path / "timing.json").read_bytes() == before


def test_what_the_prose_says_of_time_and_of_attacks() -> None:
    beside = {
        study: {n: timing.epoch(study, n) / timing.epoch(study, "convolution") for n in plan}
        for study, plan in ((study, STUDIES[study].contestants) for study in timing.TIMED)
    }
    # chapter 9: the correlation "1.04 times", and instance norm "1.15 times"
    light = beside["light"]
    assert round(light["correlation"], 2) == 1.04
    assert round(light["convolution-instance-norm"], 2) == 1.15
    assert max(light.values()) < 1.16
    # chapters 9 and 10: "1, 2 and 4 of 255 grey levels", "on 1,000 test pictures"
    photos = robustness.GROUPS["attacked"]
    assert [255 * radius for radius in photos.radii] == pytest.approx([1, 2, 4])
    assert photos.pictures == 1000
    # chapter 7: "in LeNet-5 up to half as much again", all layers "1.6 to 2.5 times"
    assert round(max(v for k, v in beside["mnist"].items() if k != "l1"), 1) == 1.5
    spread = [v for k, v in beside["resnet20"].items() if k.endswith("-all")]
    assert (round(min(spread), 1), round(max(spread), 1)) == (1.6, 2.5)


def test_what_was_not_timed_is_named() -> None:
    with pytest.raises(ValueError, match="'quadratic' of study 'mnist' was not timed; of it there"):
        timing.epoch("mnist", "quadratic")
