"""Figures that move: the face for a running kernel, and the one that is stored."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import page_checks
import pytest
import run_notebooks
import torch
from conftest import ROOT
from matplotlib.figure import Figure
from playwright.sync_api import BrowserContext

from kerv import data, records, widgets
from kerv.widgets import Explorer

PICTURE = torch.tensor([[1.0, 0, 2, 1], [0, 2, 1, 0], [1, 1, 0, 2]])
WEIGHT = torch.tensor([[1.0, 2], [0, 1]])
EDGE = torch.tensor([[1.0, 0, -1], [2, 0, -2], [1, 0, -1]])


@pytest.fixture(autouse=True)
def _no_window() -> Iterator[None]:
    plt.switch_backend("agg")
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def textures() -> torch.Tensor:
    return data.load("textures").test_x[:4].float() / 255


def surface() -> Explorer:
    return widgets.explore_surface("polynomial", degree=(1, 2, 3, 4), c=(-1.0, 0.0, 1.0))


def line(height: float, word: str) -> tuple[Figure, str]:
    figure, axis = plt.subplots(figsize=(1, 1))
    axis.plot([0, height])
    return figure, f'{word} "at" {height:.4g}</script>'


def test_frames_hold_the_answers_of_the_kernels() -> None:
    explorer = widgets.explore_patches(PICTURE, WEIGHT)
    assert explorer.sliders["Place of the patch"][3] == "row 1, column 0"
    pngs, said = zip(*explorer.frames, strict=True)
    # The worked example of chapter 3: both dot products are 5, the distances 5 and 2.
    assert "linear 5, polynomial 36, gaussian 0.2865" in said[1]
    assert "linear 5, polynomial 36, gaussian 0.6065" in said[3]
    assert all(png.startswith(b"\x89PNG") for png in pngs)
    assert len(set(pngs)) == 6


def test_two_of_one_kernel_are_two_panels(textures: torch.Tensor) -> None:
    gammas = ("rbf:gamma=0.1", "gaussian:gamma=1")
    [(_, said), *_] = widgets.explore_patches(PICTURE, WEIGHT, gammas).frames
    assert "is framed: rbf:gamma=0.1 0.6065, gaussian:gamma=1 0.006738." in said
    explorer = widgets.explore_light(textures[3, 0], EDGE, gammas, light=(1.0,), left=(1.0,))
    assert "the rbf:gamma=0.1 response by 0%, the gaussian:gamma=1 resp" in explorer.frames[0][1]
    with pytest.raises(ValueError, match="a kernel stands twice in gaussian:gamma=1, linear, gau"):
        widgets.explore_patches(PICTURE, WEIGHT, ["gaussian:gamma=1", "linear", "gaussian:gamma=1"])


def test_numbers_of_numpy_and_torch_are_numbers() -> None:
    for gammas in (np.linspace(0.5, 1, 2), torch.tensor([0.5, 1.0])):
        explorer = widgets.explore_surface("gaussian", gamma=gammas)
        assert explorer.sliders == {"gamma": [0.5, 1.0]}
        assert "with gamma 0.5: from" in explorer.frames[0][1]


def test_surface_names_its_largest_answer() -> None:
    [said] = [text for _, text in widgets.explore_surface("gaussian", gamma=(1.0,)).frames]
    assert "with gamma 1: from 2.38e-07 to 0.999, largest at the patch (1, 0.467)" in said


def test_surface_refuses_what_the_kernel_does_not_have() -> None:
    with pytest.raises(ValueError, match=r"name a hyper-parameter of 'gaussian'"):
        widgets.explore_surface("gaussian")
    with pytest.raises(ValueError, match="gama"):
        widgets.explore_surface("gaussian", gama=(1.0,))
    with pytest.raises(ValueError, match=r"not \{'gamma': \[\]\}"):
        widgets.explore_surface("gaussian", gamma=())
    with pytest.raises(ValueError, match="-1"):
        widgets.explore_surface("gaussian", gamma=(1.0, -1.0))


def test_words_of_a_figure_do_not_end_the_script() -> None:
    said = "LABELS </script> <!--<script>"
    face = widgets.Explorer({"a": [1, 2]}, lambda a: (Figure(), said))._repr_html_()
    assert face.count("</script>") == 1
    script = face.partition("<script>")[2]
    assert "<!--" not in script
    assert script.count('"LABELS ') == 2


def test_light_moves_the_convolution_and_hardly_the_correlation(textures: torch.Tensor) -> None:
    explorer = widgets.explore_light(textures[3, 0], EDGE, light=(1.0, 0.5), left=(1.0,))
    (_, before), (_, after) = explorer.frames
    assert "the linear response by 0%, the correlation response by 0%" in before
    assert "the linear response by 50%, the correlation response by 0%" in after


def test_filters_show_the_range_of_their_responses() -> None:
    layer = torch.nn.Conv2d(1, 2, 1, bias=False)
    layer.weight.data = torch.tensor([3.0, -1.0]).view(2, 1, 1, 1)
    explorer = widgets.explore_filters(layer, torch.linspace(0, 1, 16).view(1, 1, 4, 4))
    assert [said.partition("from ")[2] for _, said in explorer.frames] == ["0 to 3.", "-1 to -0."]


def test_tensors_that_train_in_half_precision_are_drawn() -> None:
    layer = torch.nn.Conv2d(1, 2, 3).bfloat16()
    pictures = torch.rand(1, 1, 5, 5).bfloat16().requires_grad_()
    assert len(widgets.explore_filters(layer, pictures).frames) == 2
    weight = layer.weight[0, 0]
    assert len(widgets.explore_patches(pictures[0, 0], weight, ["linear"]).frames) == 9
    assert widgets.explore_light(pictures[0, 0], weight, light=(0.5,), left=(1.0,)).frames


def test_training_tells_how_far_it_came() -> None:
    name = "mnist/convolution-seed0"
    record, filters = records.load(name), records.tensors_of(name, "filters")["filters"]
    explorer = widgets.explore_training(name)
    pngs, said = zip(*explorer.frames, strict=True)
    assert said[0] == "The 6 filters before training."
    for epoch, values in enumerate(record.epochs, start=1):
        moved = (filters[epoch] - filters[0]).square().sum() / filters[0].square().sum()
        assert f"epoch {epoch} " in said[epoch]
        assert f"train {values['train_accuracy']:.1%}, " in said[epoch]
        assert f"validation {values['validation_accuracy']:.1%}. " in said[epoch]
        assert f"by {moved.sqrt():.0%} of" in said[epoch]
    assert len(set(pngs)) == len(record.epochs) + 1


def test_training_needs_a_run_that_left_its_filters() -> None:
    with pytest.raises(ValueError, match="the filters of 'light/convolution-seed0' do not come"):
        widgets.explore_training("light/convolution-seed0")


def test_training_without_held_out_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "mnist/convolution-seed0"
    record, path = records.load(name), Path(records.__file__).parent / f"{name}.json"
    for epoch in record.epochs:
        epoch["validation_accuracy"] = None
    filters = records.tensors_of(path, "filters")
    monkeypatch.setattr(records, "load", lambda name: record)
    monkeypatch.setattr(records, "tensors_of", lambda name, what: filters)
    said = widgets.explore_training(name).frames[1][1]
    assert "train " in said
    assert "validation" not in said


# The stored face


def explorers(textures: torch.Tensor) -> list[Explorer]:
    torch.manual_seed(0)
    return [
        widgets.explore_patches(PICTURE, WEIGHT),
        surface(),
        widgets.explore_light(textures[3, 0], EDGE),
        widgets.explore_filters(torch.nn.Conv2d(1, 16, 5), textures[:2]),
        widgets.explore_training("mnist/convolution-seed0"),
    ]


def test_stored_face_is_small_and_asks_no_one(textures: torch.Tensor) -> None:
    for explorer in explorers(textures):
        page = explorer._repr_html_()
        assert len(page) < 150_000, (explorer, len(page))
        assert page == explorer._repr_html_()
        assert "http" not in page
        assert page.count("<label>") == page.count("<input") == len(explorer.sliders)


def test_chapters_explorers_are_small() -> None:
    sizes = {}
    for path in (ROOT / "book").glob("*.ipynb"):
        for cell in nbformat.read(path, as_version=4).cells:
            for output in cell.get("outputs", []):
                page = output.get("data", {}).get("text/html", "")
                if "kerv-frames" in page:
                    sizes[path.stem, cell.id] = len(page)
    assert len({stem for stem, _ in sizes}) >= 4
    assert max(sizes.values()) < 150_000, sizes


def test_stored_face_survives_awkward_words() -> None:
    page = Explorer({'a "<b>': [0.0]}, lambda height: line(height, "<i>&"))._repr_html_()
    assert page.count("</script>") == 1
    assert "<b>" not in page
    assert 'alt="&lt;i&gt;&amp; &quot;at&quot; 0&lt;/script&gt;"' in page


def test_without_a_kernel_there_is_no_live_view() -> None:
    assert surface()._repr_mimebundle_() == {}


def test_stored_face_needs_no_ipywidgets() -> None:
    code = (
        "import sys; sys.modules['ipywidgets'] = None\n"
        "from kerv import widgets\n"
        "e = widgets.explore_surface('gaussian', gamma=(1.0,))\n"
        "assert e._repr_mimebundle_() == {} and '<img' in e._repr_html_()"
    )
    environment = {**os.environ, "MPLBACKEND": "agg"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


@pytest.mark.pages
def test_two_sliders_of_the_stored_face_reach_every_frame(
    context: BrowserContext, tmp_path: Path
) -> None:
    values = {"one": [0.0, 1.0], "two": [2.0, 3.0, 4.0]}
    explorer = Explorer(values, lambda a, b: line(a + b, f"{a} {b}"))
    (tmp_path / "page.html").write_text(f"<!doctype html><body>{explorer._repr_html_()}")
    with page_checks.serve(tmp_path) as base:
        page = context.new_page()
        page.goto(base + "page.html")
        for one in range(2):
            for two in range(3):
                page.get_by_label("one").fill(str(one))
                page.get_by_label("two").fill(str(two))
                said = page.locator("img").get_attribute("alt")
                assert said == explorer.frames[3 * one + two][1]
        page.close()


# The face for a running kernel


def test_live_epochs_show_their_filters() -> None:
    picture, epoch = widgets.explore_training("mnist/convolution-seed0").live().children
    assert "before training" in picture.value
    epoch.value = 20
    assert "After epoch 20 the accuracy is" in picture.value


def test_live_sliders_stop_between_floats_and_draw() -> None:
    explorer = surface()
    picture, degree, c = explorer.live().children
    assert [value for _, value in degree.options] == [1, 2, 3, 4]
    assert [value for _, value in c.options] == [-1, -0.75, -0.5, -0.25, 0, 0.25, 0.5, 0.75, 1]
    before = picture.value
    c.value = 0.25
    assert picture.value != before
    assert "with degree 1, c 0.25" in picture.value
    degree.value = 3
    assert "with degree 3, c 0.25" in picture.value


def run(tmp_path: Path, source: str) -> nbformat.NotebookNode:
    path = tmp_path / "figure.ipynb"
    cell = nbformat.v4.new_code_cell(source, id="figure")
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    return nbformat.read(path, as_version=4)


@pytest.mark.slow
def test_notebook_keeps_html_alone_and_the_same_twice(tmp_path: Path) -> None:
    notebook = run(tmp_path, SOURCE)
    kept = []
    for _ in range(2):
        run_notebooks.run(notebook, tmp_path)
        kept.append(json.dumps(notebook))
    assert kept[0] == kept[1]
    [output] = notebook.cells[0].outputs
    assert set(output.data) == {"text/plain", "text/html"}
    assert not any("widget" in key for key in notebook.metadata)


SOURCE = """
%matplotlib inline
from kerv import widgets
widgets.explore_surface("gaussian", gamma=(0.1, 1.0))
"""


def test_the_shadow_of_a_slider_falls_on_the_left(
    textures: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = spy(monkeypatch, "response_pairs")
    _ = widgets.explore_light(textures[3, 0], EDGE, light=(0.5,), left=(0.2,)).frames
    [(shown, *_)] = drawn
    torch.testing.assert_close(shown[:, :16], 0.1 * textures[3, 0, :, :16])
    torch.testing.assert_close(shown[:, 16:], 0.5 * textures[3, 0, :, 16:])


def test_what_is_framed_is_the_patch_of_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = spy(monkeypatch, "number_grids")
    _ = widgets.explore_patches(PICTURE, WEIGHT, ["linear"]).frames
    framed = [(boxes["picture"], boxes["linear"]) for _, boxes, _ in drawn]
    places = [(row, column) for row in range(2) for column in range(3)]
    assert framed == [((*place, 2, 2), (*place, 1, 1)) for place in places]


def test_the_filters_drawn_are_those_of_the_slider(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = spy(monkeypatch, "filter_maps")
    layer = torch.nn.Conv2d(1, 3, 3)
    _ = widgets.explore_filters(layer, torch.rand(1, 1, 5, 5)).frames
    assert torch.equal(torch.stack([weight for weight, *_ in drawn]), layer.weight)
    drawn = spy(monkeypatch, "filters_and_accuracy")
    name = "mnist/convolution-seed0"
    _ = widgets.explore_training(name).frames
    filters = records.tensors_of(name, "filters")["filters"]
    assert torch.equal(torch.stack([shown for shown, *_ in drawn]), filters)
    assert [epoch for _, _, epoch, _ in drawn] == list(range(21))


def spy(monkeypatch: pytest.MonkeyPatch, name: str) -> list[tuple]:
    """What the figures of this name are drawn from, figure by figure."""
    drawn: list[tuple] = []
    monkeypatch.setattr(widgets, name, lambda *given: (drawn.append(given), Figure())[1])
    return drawn
