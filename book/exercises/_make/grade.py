"""`make grade ASSIGNMENT=… SUBMISSIONS=folder`: a folder of notebooks in, a table of points out.

    python book/exercises/_make/grade.py _build/assignments/02_kernel_trick/autograder.zip folder

Canvas hands out what students uploaded as such a folder. Each notebook is graded by `otter run` in
a process of its own. The table is `scores.csv` in the folder; a submission that cannot be graded at
all has its reason there instead of points.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path

# Every cell has its own limit; this one is for a submission made of nothing but endless cells.
MINUTES = 20


def grade(archive: Path, submission: Path) -> dict[str, float | str]:
    """Points per question and in all, or the reason why there are none."""
    with tempfile.TemporaryDirectory() as folder:
        command = [Path(sys.executable).parent / "otter", "run", "-a", archive, "-o", folder]
        try:
            done = subprocess.run(
                [*map(str, command), str(submission)],
                capture_output=True,
                text=True,
                timeout=60 * MINUTES,
            )
        except subprocess.TimeoutExpired:
            return {"problem": f"took more than {MINUTES} minutes"}
        results = Path(folder, "results.json")
        if done.returncode or not results.exists():
            return {"problem": (done.stderr.strip().splitlines() or ["no results"])[-1]}
        tests = json.loads(results.read_text("utf-8"))["tests"]
    points = {test["name"]: test["score"] for test in tests if "score" in test}
    return {**points, "total": sum(points.values())}


def main(archive: Path, folder: Path) -> int:
    if not archive.is_file():
        print(f"no archive {archive}: make assignments KEY=… writes them", file=sys.stderr)
        return 2
    submissions = sorted(folder.glob("*.ipynb"))
    if not submissions:
        print(f"no notebook (*.ipynb) in {folder}", file=sys.stderr)
        return 2
    rows = []
    for submission in submissions:
        rows.append({"submission": submission.name, **grade(archive, submission)})
        print(*rows[-1].values(), flush=True)
    names = sorted({name for row in rows for name in row} - {"submission", "total", "problem"})
    with (folder / "scores.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["submission", *names, "total", "problem"])
        writer.writeheader()
        writer.writerows(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]).expanduser()))
