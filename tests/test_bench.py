"""The benchmark measures what it says. How fast layers are, no test can say on a shared machine."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from kerv import bench


def test_every_layer_is_beside_the_convolution() -> None:
    case = bench.Case("tiny", 2, 4, (5, 4), 1)
    costs = bench.measure(case, ["linear", "gaussian"], rounds=2)
    assert [cost.layer for cost in costs] == ["linear", "gaussian", "gaussian by unfold"]
    assert all(cost.forward > 0 and cost.both > 0 for cost in costs)
    linear, gaussian, unfold = (cost.kept for cost in costs)
    assert linear == 0
    # The output, and for 4 channels a norm is a fourth of it.
    assert 1 <= gaussian <= 1.6
    # Nine copies of two channels beside four, the distances, their squares and the output.
    assert unfold > 4.5


@pytest.mark.parametrize("size", [(6,), (3, 4, 5)])
def test_other_dimensions_have_no_layer_by_unfold(size: tuple[int, ...]) -> None:
    [cost] = bench.measure(bench.Case("tiny", 4, 4, size, 1), ["l2"], rounds=1)
    assert cost.layer == "l2"


def test_table() -> None:
    lines = bench.table([bench.Cost("gaussian", 1.234, 1.1, 1.04)]).splitlines()
    assert lines[2] == "| gaussian | 1.23× | 1.10× | +1.04 outputs |"
    assert lines[0].count("|") == lines[1].count("|") == lines[2].count("|")


def test_a_cost_is_ours_over_the_convolutions() -> None:
    # Two rounds to warm up, then the median: 4, 4 and 6 times as long in both passes, 3 in one.
    plain = [(9.0, 9.0), (9.0, 9.0), (1.0, 1.0), (1.0, 2.0), (1.0, 1.0)]
    ours = [(1.0, 1.0), (1.0, 1.0), (3.0, 4.0), (3.0, 8.0), (3.0, 6.0)]
    times = {"": plain, "gaussian": ours}
    assert bench._ratio(times, "gaussian", 0) == 3
    assert bench._ratio(times, "gaussian", 1) == 4


def test_passes_are_fractions_of_the_convolution(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count()
    monkeypatch.setattr(bench.time, "perf_counter", lambda: float(next(clock)))
    monkeypatch.setattr(bench, "_time", lambda *_: (1.0, 8.0))
    found = bench.passes(bench.Case("tiny", 1, 1, (4, 4), 1), rounds=1)
    assert set(found.values()) == {1 / 8}, "a tick of the clock, over the eight of the convolution"


def test_report() -> None:
    cost = {"layer": "gaussian", "forward": 1.0, "both": 1.234, "kept": 1.0}
    unfold = {**cost, "layer": "gaussian by unfold", "both": 8.0}
    lines = bench.report(
        {"cases": [{"name": "a", "costs": [cost, unfold]}, {"name": "b", "costs": [cost]}]}
    ).splitlines()
    assert lines[0] == "| kernel | target | a | b |"
    assert lines[2] == "| gaussian | 1.20 | 1.23 | 1.23 |"
    assert lines[3] == "| gaussian by unfold | — | 8.00 | — |"


def test_recorded_results_are_of_all_cases() -> None:
    for machine in bench.MACHINES:
        names = [case["name"] for case in bench.recorded(machine)["cases"]]
        assert set(bench.CASES) <= set(names)
        assert {name.removesuffix(", compiled") for name in names} == set(bench.CASES)
    with pytest.raises(ValueError, match="one of avx512, avx2, got 'abacus'"):
        bench.recorded("abacus")


def test_command_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(bench.CASES, "tiny", bench.Case("tiny", 2, 2, (4, 4), 1))
    assert bench.main(["--case", "tiny", "--kernels", "cosine", "--rounds", "1"]) == 0
    out = capsys.readouterr().out
    assert "tiny, 1 pictures of (4, 4), float32, cpu" in out
    assert "| cosine | " in out
    assert bench.main(["--kernels", "gausian"]) == 1
    assert "unknown kernel 'gausian'" in capsys.readouterr().err
    assert bench.main(["--kernels", "polynomial:degree=2.5"]) == 1
    assert "degree must be an int" in capsys.readouterr().err
    assert bench.main(["--device", "abacus"]) == 1
    assert "abacus" in capsys.readouterr().err
    (tmp_path / "list.json").write_text("[]")
    for file, message in ((tmp_path, "Is a directory"), (tmp_path / "list.json", "holds no res")):
        assert bench.main(["--out", str(file)]) == 1
        assert message in capsys.readouterr().err
    assert bench.main(["--rounds", "0"]) == 1
    assert "rounds must be at least 1, got 0" in capsys.readouterr().err
    out_file = tmp_path / "results.json"
    arguments = ["--case", "tiny", "--kernels", "l1", "--rounds", "1", "--out", str(out_file)]
    assert bench.main(arguments) == 0
    results = json.loads(out_file.read_text())
    assert [cost["layer"] for cost in results["cases"][0]["costs"]] == ["l1", "l1 by unfold"]
    assert "| l1 by unfold | — |" in bench.report(results)

    # A second run adds to the first, and takes the place of what it measured again.
    arguments[3] = "gaussian"
    for _ in range(2):
        assert bench.main(arguments) == 0
    [case] = json.loads(out_file.read_text())["cases"]
    assert [cost["layer"] for cost in case["costs"]] == [
        *("l1", "l1 by unfold"),
        *("gaussian", "gaussian by unfold"),
    ]
    other = {**results, "hardware": {"device": "abacus"}}
    out_file.write_text(json.dumps(other))
    capsys.readouterr()
    assert bench.main(arguments) == 1
    said = capsys.readouterr()
    assert "holds results of" in said.err
    assert said.out == "", "and nothing is measured first"
    assert json.loads(out_file.read_text()) == other
