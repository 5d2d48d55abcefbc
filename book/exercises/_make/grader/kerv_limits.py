"""An Otter plugin: a submission that never ends, or kills Python, is still graded for the rest.

A cell that runs longer than the limit, or takes Python down with it, is replaced by an error, and
the notebook runs again from the top without it. The tests of each question run in a cell of their
own, after all others. Where those end badly, because a student's function loops, the question is
graded as if it had not been answered.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbconvert.preprocessors as preprocessors
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode, v4
from otter.plugins import AbstractOtterPlugin

# `exit()` would end Python after the cell, and the next cell would get the blame.
NO_EXIT = """
def exit(*_):
    raise RuntimeError("exit() and quit() do nothing here")

quit = exit
"""
CHECK = """
from otter.execute import Checker
try:
    Checker.check_if_not_already_checked({path!r})
except BaseException:
    Checker.check_if_not_already_checked({path!r}, global_env={{}})
"""
CHECK_NOTHING = """
from otter.execute import Checker
Checker.check_if_not_already_checked({path!r}, global_env={{}})
"""
TAKEN_OUT = "raise TimeoutError('this cell took more than {seconds} seconds, or ended Python')"


class BoundedExecutor(preprocessors.ExecutePreprocessor):
    """Runs a notebook, and runs it again without the cell that did not come back."""

    def __init__(self, seconds: int, **settings: Any) -> None:
        super().__init__(timeout=seconds, shutdown_kernel="immediate", **settings)

    def start_new_kernel_client(self) -> Any:
        try:
            return super().start_new_kernel_client()
        except RuntimeError:
            # Python did not start: another program was quicker to take one of its ports. No cell
            # has run yet, so nothing is lost by a second try with other ports.
            self.km = self.create_kernel_manager()
            self.start_new_kernel()
            return super().start_new_kernel_client()

    def preprocess_cell(
        self, cell: NotebookNode, resources: Any, index: int
    ) -> tuple[NotebookNode, Any]:
        self.current = cell
        return super().preprocess_cell(cell, resources, index)

    def preprocess(
        self, nb: NotebookNode, resources: Any = None, km: Any = None
    ) -> tuple[NotebookNode, Any]:
        while True:
            try:
                return super().preprocess(nb, resources, km)
            except (CellTimeoutError, DeadKernelError):
                if self.current.metadata.get("kerv_limits") == "replaced":
                    raise
                path = self.current.metadata.get("kerv_limits")
                self.current.source = (
                    CHECK_NOTHING.format(path=path)
                    if path
                    else TAKEN_OUT.format(seconds=self.timeout)
                )
                self.current.metadata["kerv_limits"] = "replaced"


class Limits(AbstractOtterPlugin):
    """Its configuration holds one number, the `seconds` that a cell may take."""

    def before_grading(self, config: Any) -> None:
        """Put the bounded executor in the place of the one that Otter is about to import."""
        seconds = self.plugin_config["seconds"]
        preprocessors.ExecutePreprocessor = lambda **settings: BoundedExecutor(seconds, **settings)

    def before_execution(self, submission: NotebookNode) -> NotebookNode:
        """Test each question in a cell of its own at the end, whatever the metadata say."""
        for cell in submission.cells:
            cell.metadata.pop("otter", None)
        checks = []
        for path in sorted(Path("tests").glob("*.py")):
            cell = v4.new_code_cell(CHECK.format(path=f"./{path.as_posix()}"))
            cell.metadata["kerv_limits"] = f"./{path.as_posix()}"
            checks.append(cell)
        submission.cells = [v4.new_code_cell(NO_EXIT), *submission.cells, *checks]
        return submission
