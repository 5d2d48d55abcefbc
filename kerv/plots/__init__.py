"""Figures that the book uses more than once. Each function returns the figure."""

from __future__ import annotations

from .curves import walk_curves as walk_curves
from .explored import filter_maps as filter_maps
from .explored import filters_and_accuracy as filters_and_accuracy
from .explored import response_pairs as response_pairs
from .explored import response_surface as response_surface
from .maps import number_grids as number_grids
from .maps import response_maps as response_maps
from .numbers import Numbers as Numbers
from .studies import differences as differences
from .studies import last_and_best as last_and_best
from .studies import rate_sweep as rate_sweep
from .style import COLOURS as COLOURS
from .style import MARKERS as MARKERS
