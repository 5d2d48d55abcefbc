"""Which precision a run computes in, by what the hardware can, and what it says of it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from kerv.evaluation import computes_bf16
from kerv.train import TrainConfig, train

SMALL = {"data": "textures", "model": "resnet8", "device": "cpu"}


@pytest.mark.parametrize("able", ["_is_avx512_bf16_supported", "_is_amx_tile_supported", None])
def test_bf16_is_what_the_cpu_has_instructions_for(
    able: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda yes=(name == able): yes)
    assert computes_bf16(torch.device("cpu")) is (able is not None)


@pytest.mark.parametrize(("able", "used"), [(True, "bf16"), (False, "fp32")])
def test_automatic_precision_is_recorded_as_what_it_was(
    able: bool, used: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kerv.train.computes_bf16", lambda device: able)
    settings = {**SMALL, "epochs": 1, "limit": 40, "out": str(tmp_path / "run")}
    lines: list[str] = []
    record = train(TrainConfig(**settings, precision="auto"), log=lines.append)
    assert record.config["precision"] == used
    assert f", {used}, into" in lines[0]
    # A finished run is found again.
    again = TrainConfig(**settings, precision="auto", resume=str(tmp_path / "run" / "last.pt"))
    assert train(again, log=lambda line: None).test_accuracy == record.test_accuracy


def test_emulated_bfloat16_is_said_to_be_slow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kerv.train.computes_bf16", lambda device: False)
    settings = {**SMALL, "epochs": 1, "limit": 40, "out": str(tmp_path / "run")}
    lines: list[str] = []
    train(TrainConfig(**settings, precision="bf16"), log=lines.append)
    assert "only emulates bf16, which takes many times as long as" in lines[1]
