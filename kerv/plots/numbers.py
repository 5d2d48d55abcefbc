"""The numbers behind a chart, for who cannot see it or wants to reckon with them."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence


class Numbers:
    """A table behind the words "Show the numbers".

    Put it under a chart: `plt.show()`, then `kerv.plots.Numbers(...)` as the cell's last line.

    Args:
        columns: what each column holds, by its heading; all of one length. The first one names the
            rows.

    Raises:
        ValueError: the columns differ in length.

    >>> Numbers({"kernel": ["linear", "gaussian"], "response": [5.0, 0.2865]})
    kernel    response
    linear    5
    gaussian  0.2865
    """

    def __init__(self, columns: Mapping[str, Sequence[object]]) -> None:
        lengths = {heading: len(cells) for heading, cells in columns.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"the columns must be of one length, got {lengths}")
        texts = [list(map(_text, cells)) for cells in columns.values()]
        self.headings, self.rows = list(columns), list(zip(*texts, strict=True))

    def __repr__(self) -> str:
        lines = [self.headings, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        padded = [map(str.ljust, line, widths) for line in lines]
        return "\n".join("  ".join(line).rstrip() for line in padded)

    def _repr_html_(self) -> str:
        if not self.headings:  # no run yet
            return ""
        head = "".join(f'<th scope="col">{html.escape(text)}</th>' for text in self.headings)
        body = "".join(
            f'<tr><th scope="row">{html.escape(first)}</th>'
            + "".join(f"<td>{html.escape(text)}</td>" for text in rest)
            + "</tr>"
            for first, *rest in self.rows
        )
        return (
            "<details><summary>Show the numbers</summary><table>"
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></details>"
        )


def _text(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
