"""A chapter in JupyterLab, as a reader works with it: open it, run it, move a slider.

JupyterLab is not part of the book's environment. `make test-jupyterlab` makes one that has it.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ROOT
from playwright.sync_api import Browser, expect

pytestmark = [
    pytest.mark.jupyterlab,
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        importlib.util.find_spec("jupyterlab") is None,
        reason="no JupyterLab: make test-jupyterlab",
    ),
]

CHAPTER = "03_kernel_conv.ipynb"
# All cells are in the page, also those that do not show.
SETTINGS = {"@jupyterlab/notebook-extension/tracker.jupyterlab-settings": {"windowingMode": "none"}}


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[str]:
    """JupyterLab over a folder with the chapter alone; gives the chapter's address."""
    (tmp_path / "book").mkdir()
    shutil.copy(ROOT / "book" / CHAPTER, tmp_path / "book")
    for name, values in SETTINGS.items():
        path = tmp_path / "settings" / name
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(values))
    folders = {
        "JUPYTER_CONFIG_DIR": tmp_path / "config",
        "JUPYTER_RUNTIME_DIR": tmp_path / "runtime",
        "JUPYTERLAB_SETTINGS_DIR": tmp_path / "settings",
        "JUPYTERLAB_WORKSPACES_DIR": tmp_path / "workspaces",
    }
    environment = os.environ | {name: str(folder) for name, folder in folders.items()}
    options = ["--no-browser", "--allow-root", "--ServerApp.port=0", "--LabApp.news_url=None"]
    command = [sys.executable, "-m", "jupyterlab", *options, tmp_path / "book"]
    with (
        (tmp_path / "log").open("w") as log,
        subprocess.Popen(command, env=environment, stdout=log, stderr=log) as server,
    ):
        try:
            deadline = time.monotonic() + 120
            while not (found := list(tmp_path.glob("runtime/jpserver-*.json"))):
                if server.poll() is not None or time.monotonic() > deadline:
                    pytest.fail((tmp_path / "log").read_text())
                time.sleep(0.5)
            running = json.loads(found[0].read_text())
            yield f"{running['url']}lab/tree/{CHAPTER}?token={running['token']}"
        finally:
            server.terminate()


def test_a_slider_of_a_chapter_moves_the_picture(lab: str, browser: Browser) -> None:
    assert importlib.metadata.version("ipywidgets").startswith("8.")
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(120_000)
    page.goto(lab)
    # Before the kernel is there, "Run All Cells" takes the outputs away and runs nothing.
    page.get_by_text("| Idle").wait_for()
    assert page.locator(".jupyter-widgets").count() == 0
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()
    figure = page.locator(".jp-OutputArea .jupyter-widgets img")
    figure.wait_for()
    said, shown = figure.get_attribute("alt"), figure.get_attribute("src")
    assert "The patch at row 0, column 0" in str(said)
    page.locator(".jupyter-widgets [role=slider]").focus()
    page.keyboard.press("ArrowRight")
    expect(figure).not_to_have_attribute("alt", str(said), timeout=60_000)
    assert "The patch at row 0, column 1" in str(figure.get_attribute("alt"))
    assert figure.get_attribute("src") != shown
    # A number stands for the star when a cell has run.
    expect(page.locator(".jp-InputPrompt", has_text="*")).to_have_count(0, timeout=300_000)
    assert page.get_by_text("Traceback").count() == 0
    page.close()
