"""Put a folder on a branch of this repository, as its only commit.

    python book/_ext/push_notebooks.py _build/publish/notebooks colab

The branch is made of the folder alone. Nothing is pushed when it holds just that
already. Needs git and Python, and nothing that has to be installed: the job that may
write to the repository runs no code but this.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

AUTHOR = "kerv publishing"
MAIL = "noreply@users.noreply.github.com"


def push(folder: Path, branch: str, repository: Path, remote: str = "origin") -> bool:
    """Push, and say whether there was anything to push."""
    identity = {
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", AUTHOR), ("EMAIL", MAIL))
    }

    def git(*arguments: str) -> str:
        environment = os.environ | identity | {"GIT_INDEX_FILE": index}
        command = ["git", "-C", str(repository), *arguments]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"git {arguments[0]} failed: {done.stderr.strip()}")
        return done.stdout.strip()

    with tempfile.TemporaryDirectory() as scratch:
        # An index of its own: what the reader has staged is not touched.
        index = str(Path(scratch, "index"))
        git(f"--work-tree={folder.resolve()}", "add", "--all", "--force", ".")
        tree = git("write-tree")
        ref = f"refs/heads/{branch}"
        if git("ls-remote", remote, ref):
            git("fetch", "--depth=1", remote, ref)
            if git("rev-parse", "FETCH_HEAD^{tree}") == tree:
                return False
        commit = git("commit-tree", tree, "-m", "The chapters, as Colab opens them")
        git("push", "--force", remote, f"{commit}:{ref}")
    return True


if __name__ == "__main__":
    FOLDER, BRANCH = Path(sys.argv[1]), sys.argv[2]
    if not FOLDER.is_dir():
        sys.exit(f"{FOLDER} is not there: make publish-preview REPO=owner/name")
    PUSHED = push(FOLDER, BRANCH, Path(__file__).resolve().parents[2])
    print(f"branch {BRANCH}: {'pushed' if PUSHED else 'holds these notebooks already'}")
