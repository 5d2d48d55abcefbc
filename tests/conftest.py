"""What several test files need."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
ROOT = Path(__file__).resolve().parent.parent


def real_data() -> Path | None:
    """The folder of the real CIFAR-10 and MNIST, if this machine has one."""
    for folder in (os.environ.get("KERV_DATA"), ROOT.parent / "shared" / "datasets"):
        if folder and (Path(folder) / "cifar-10-batches-py").is_dir():
            return Path(folder).resolve()
    return None


def pytest_report_header() -> list[str]:
    data = "real CIFAR-10 and MNIST" if real_data() else "generated files in torchvision's formats"
    return [f"kerv: devices {', '.join(DEVICES)}; datasets: {data}"]


@pytest.fixture(params=DEVICES)
def device(request: pytest.FixtureRequest) -> torch.device:
    return torch.device(request.param)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)
