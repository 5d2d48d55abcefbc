"""What several test files need."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import page_checks
import pytest
import torch
from lab_page import Lab
from playwright.sync_api import Browser, BrowserContext, sync_playwright

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "_build" / "html"
OPENING = "book/intro.html"


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


# On a GPU that has TF32, a float32 convolution keeps 10 bits unless it is told otherwise.
torch.backends.cudnn.allow_tf32 = False


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


# The built site in a browser. `make test` builds the site and installs nothing: without Chromium
# the tests of the pages are skipped, and the reason says so. On a CI machine a skipped test would
# hide a fault, so there they fail instead.


def give_up(reason: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = page_checks.find_chromium()
    if path is None:
        give_up("Chromium is not installed, so the built pages were not tested")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=page_checks.FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context()
    yield context
    context.close()


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    if not (SITE / "index.html").is_file():
        give_up("the site is not built: make book")
    with page_checks.serve(SITE) as base:
        yield base


@pytest.fixture
def lab(context: BrowserContext, site: str) -> Iterator[Lab]:
    """The kernel lab of the opening page. Its numbers are compared in float64: hyper-parameters are
    tensors too, and in float32 they would spoil the sixth digit."""
    visit = page_checks.Visit(context, site, OPENING)
    torch.set_default_dtype(torch.float64)
    yield Lab(visit.page)
    visit.close()
    torch.set_default_dtype(torch.float32)
    assert visit.complaints == []
