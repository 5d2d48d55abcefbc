"""The benchmark measures what it says. How fast layers are, no test can say on a shared machine."""

from __future__ import annotations

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


def test_command_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(bench.CASES, "tiny", bench.Case("tiny", 2, 2, (4, 4), 1))
    assert bench.main(["--case", "tiny", "--kernels", "cosine", "--rounds", "1"]) == 0
    out = capsys.readouterr().out
    assert "tiny, 1 pictures of (4, 4), float32, cpu" in out
    assert "| cosine | " in out
    assert bench.main(["--kernels", "gausian"]) == 1
    assert "unknown kernel 'gausian'" in capsys.readouterr().err
    assert bench.main(["--rounds", "0"]) == 1
    assert "rounds must be at least 1, got 0" in capsys.readouterr().err
