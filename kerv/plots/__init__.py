"""Figures that the book uses more than once. Each function returns the figure."""

from __future__ import annotations

from .curves import walk_curves as walk_curves
from .maps import number_grids as number_grids
from .maps import response_maps as response_maps
from .style import COLOURS as COLOURS
from .style import MARKERS as MARKERS
