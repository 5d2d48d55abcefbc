"""A reader's way on Colab, as far as it can be walked elsewhere: `make colab-check`.

    .venv-colab/bin/python book/_ext/colab_check.py book/03_kernel_conv.ipynb

Each notebook as it is published, alone in a folder. The environment has Colab's
packages and no kerv: the notebook's own set-up cell installs it, with the line that
readers run. Only git is told to take the repository from a copy on this machine. Then
the notebook runs to its end, and pip says whether anything but kerv has changed.

The Python that runs this script runs the notebooks too, so inside Colab's own image
the same command does the same with the real packages.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError
from publish import ROOT, Repository, publish

# Without a fork of one's own to name, any will do: its address is written in first.
ANY_FORK = "ada/a-fork-of-kerv"


def serve(repository: Repository, folder: Path) -> dict[str, str]:
    """A copy of this working tree as a git repository in `folder`.

    Returns the environment in which git takes it for the one at GitHub.
    """
    listing = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    # In a container the files may belong to somebody else, which git minds.
    git = ["git", "-c", "safe.directory=*", "-C", str(ROOT), *listing]
    names = subprocess.run(git, capture_output=True, check=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    commit = ["-c", "user.name=kerv", "-c", "user.email=kerv", "commit", "-qm", "copy"]
    for arguments in (["init", "-q"], ["add", "-A"], commit):
        subprocess.run(["git", "-C", str(folder), *arguments], check=True)
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{folder.as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": repository.code,
    }


def pretend(folder: Path) -> dict[str, str]:
    """An environment whose kernels have imported google.colab, as Colab's have."""
    startup = folder / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00-colab.py").write_text("import google.colab\n")
    environment = {"IPYTHONDIR": str(folder / "ipython"), "CUDA_VISIBLE_DEVICES": ""}
    try:
        real = importlib.util.find_spec("google.colab")
    except ModuleNotFoundError:
        real = None
    if real is None:
        package = folder / "stub" / "google" / "colab"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("")
        environment["PYTHONPATH"] = str(folder / "stub")
    return environment


def installed() -> dict[str, str]:
    """Name and version, or source, of each package here."""
    command = [sys.executable, "-m", "pip", "freeze", "--all"]
    lines = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    pairs = (re.split(r"==| @ ", line, maxsplit=1) for line in lines.splitlines())
    return {pair[0].lower(): pair[-1] for pair in pairs}


def changes(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """What is not as it was, kerv aside."""
    return [
        f"{name}: {before.get(name, 'not there')} → {after.get(name, 'gone')}"
        for name in sorted({*before, *after} - {"kerv"})
        if before.get(name) != after.get(name)
    ]


def run(path: Path) -> None:
    """Run a notebook in its folder, from top to bottom.

    Raises:
        CellExecutionError: a cell failed.
        CellTimeoutError: a cell took more than twenty minutes.
    """
    NotebookClient(
        nbformat.read(path, as_version=4),
        timeout=1200,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
    ).execute()


def check(path: Path, repository: Repository) -> list[str]:
    """What is wrong when a reader opens this one notebook; kerv is gone again after."""
    uninstall = [sys.executable, "-m", "pip", "uninstall", "-q", "-y", "kerv"]
    subprocess.run(uninstall, check=True, capture_output=True)
    before, start = installed(), time.perf_counter()
    try:
        run(path)
    except (CellExecutionError, CellTimeoutError) as error:
        return [str(error)]
    finally:
        after = installed()
        subprocess.run(uninstall, check=True, capture_output=True)
    found = changes(before, after)
    source = after.get("kerv", "nothing")
    if not source.startswith(f"git+{repository.code}@"):
        found.append(f"the set-up cell installed kerv from {source}")
    if not found:
        seconds = time.perf_counter() - start
        print(f"{path.name}: {seconds:.0f} s, installed {source}", flush=True)
    return found


def main(names: list[str]) -> int:
    repository = Repository.parse(os.environ.get("GITHUB_REPOSITORY") or ANY_FORK)
    wrong = 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        publish(repository, folder / "published")
        os.environ.pop("KERV_DATA", None)
        os.environ |= serve(repository, folder / "repository") | pretend(folder)
        for name in names:
            alone = folder / Path(name).stem
            alone.mkdir()
            published = folder / "published" / "notebooks" / "book" / Path(name).name
            shutil.move(published, alone)
            for problem in check(alone / Path(name).name, repository):
                print(f"{name}: {problem}", file=sys.stderr)
                wrong += 1
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
