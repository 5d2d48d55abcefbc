"""The kernel lab of an open page: read and worked by what a reader finds there, and compared.

The reference is `kerv` in float64, asked by the specs that stand on the page. Numbers are read from
the page in full, from the data beside what is shown.
"""

from __future__ import annotations

import pytest
import torch
from playwright.sync_api import Locator, Page, expect
from torch import Tensor

import kerv

NAMES = kerv.kernel_names()
PICTURE = (24, 32)
PLACES = (20, 28)


class Lab:
    def __init__(self, page: Page) -> None:
        self.page = page
        self.root = page.locator(".kernel-lab")

    def press(self, name: str) -> None:
        self.root.get_by_role("button", name=name, exact=True).click()

    def choose(self, kernel: str) -> None:
        self.root.locator(f"input[value={kernel}]").check()

    def scene(self, name: str) -> None:
        self.root.locator("select").select_option(name)

    def slider(self, name: str) -> Locator:
        return self.root.get_by_role("slider", name=name, exact=True)

    def move(self, name: str, index: int) -> None:
        self.slider(name).fill(str(index))

    def cells(self, grid: str) -> Locator:
        return self.root.get_by_role("grid", name=grid, exact=True).get_by_role("gridcell")

    def paint(self, grid: str, places: list[int]) -> None:
        """Click on cells with the mouse; faster than `click`, which waits for frames."""
        self.cells(grid).nth(24).scroll_into_view_if_needed()
        box = self.root.get_by_role("grid", name=grid, exact=True).bounding_box()
        assert box is not None
        for row, column in (divmod(place, 5) for place in places):
            x, y = (column + 0.5) * box["width"] / 5, (row + 0.5) * box["height"] / 5
            self.page.mouse.click(box["x"] + x, box["y"] + y)

    def grid(self, name: str) -> Tensor:
        values = self.cells(name).evaluate_all("cells => cells.map(cell => cell.dataset.value)")
        return torch.tensor([float(value) for value in values], dtype=torch.float64).view(5, 5)

    def rows(self) -> dict[str, dict[str, str]]:
        found = self.root.locator("tr[data-kernel]").evaluate_all(
            "rows => rows.map(row => ({...row.dataset, patch: row.cells[2].textContent,"
            " filter: row.cells[3].textContent}))"
        )
        return {row["kernel"]: row for row in found}

    def map(self, name: str) -> Tensor:
        return self._values(f"canvas[data-map={name}]").view(
            PICTURE if name == "picture" else PLACES
        )

    def curve(self, name: str) -> Tensor:
        return self._values(f"[data-curve={name}]")

    def _values(self, selector: str) -> Tensor:
        values = self.root.locator(selector).evaluate("element => element.values")
        return torch.tensor(values, dtype=torch.float64)

    def strongest(self, name: str) -> tuple[int, int]:
        return divmod(int(self.map(name).argmax()), PLACES[1])

    def says(self, words: str) -> None:
        """The words come when the hand has rested for a quarter of a second."""
        expect(self.root.get_by_role("status")).to_contain_text(words, timeout=20_000)


def gram(spec: str, x: Tensor, w: Tensor) -> float:
    return kerv.get_kernel(spec).gram(x.reshape(1, -1), w.reshape(1, -1)).item()


def assert_close(found: Tensor | list[float], expected: Tensor | list[float]) -> None:
    found, expected = torch.as_tensor(found), torch.as_tensor(expected)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)


def compare_with_kerv(lab: Lab) -> None:
    """Every answer, to the patch and to the filter itself, and the map of the chosen kernel."""
    x, w = lab.grid("Patch"), lab.grid("Filter")
    rows = lab.rows()
    assert list(rows) == NAMES
    for name, row in rows.items():
        assert row["spec"].split(":")[0] == name
        found = [float(row["here"]), float(row["own"])]
        assert_close(found, [gram(row["spec"], x, w), gram(row["spec"], w, w)])
        for shown, value in zip((row["patch"], row["filter"]), found, strict=True):
            # A number is cut to what can be read: at most half of its last digit is lost.
            assert float(shown.replace("−", "-")) == pytest.approx(value, rel=0.051, abs=0.00051)
    chosen = lab.root.locator("input[type=radio]:checked").input_value()
    for shown, spec in (("linear", "linear"), ("chosen", rows[chosen]["spec"])):
        picture = lab.map("picture")[None, None]
        expected = kerv.functional.kernel_conv2d(picture, w[None, None], kernel=spec)
        assert_close(lab.map(shown), expected[0, 0])
