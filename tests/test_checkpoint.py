"""Checkpoints that must not be believed: damaged ones, foreign ones, ones of other networks."""

from __future__ import annotations

import dataclasses
import random
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from test_data import write_fake_cifar10

from kerv import checkpoint
from kerv.train import NotFinite, TrainConfig, train

STATE = {
    "config": {"data": "textures"},
    "epoch": 1,
    "model": {"w": torch.arange(300.0)},
    "optimizer": {"state": {0: {"momentum_buffer": torch.ones(20)}}},
    "history": [{"epoch": 1}],
    "filters": [torch.ones(2)],
}


def quiet(line: str) -> None:
    pass


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> TrainConfig:
    """A run whose record is gone, as if it had been killed before its last step."""
    out = tmp_path_factory.mktemp("run")
    config = TrainConfig(
        data="textures", model="resnet8", epochs=1, limit=20, device="cpu", out=str(out / "a")
    )
    train(config, log=quiet)
    (out / "a" / "record.json").unlink()
    return config


def test_no_damaged_byte_is_taken_for_a_weight(tmp_path: Path) -> None:
    path = tmp_path / "last.pt"
    checkpoint.save(STATE, path)
    whole = path.read_bytes()
    draw = random.Random(0)
    refused = 0
    for _ in range(200):
        damaged = bytearray(whole)
        damaged[draw.randrange(len(whole))] ^= draw.randrange(1, 256)
        path.write_bytes(damaged)
        try:
            state = checkpoint.load(path)
        except checkpoint.CheckpointError:
            refused += 1
        else:  # the byte was one of the padding
            assert torch.equal(state["model"]["w"], STATE["model"]["w"])
    assert refused > 100


def test_a_flipped_bit_in_a_tensor_is_named_as_damage(tmp_path: Path) -> None:
    path = tmp_path / "last.pt"
    checkpoint.save(STATE, path)
    content = path.read_bytes()
    place = content.index(torch.arange(100.0, 110.0).numpy().tobytes())
    path.write_bytes(content[:place] + b"\x01" + content[place + 1 :])
    assert torch.load(path, weights_only=True)["model"]["w"][100] != 100, "torch does not notice"
    with pytest.raises(checkpoint.CheckpointError, match=r"last.pt is damaged or not a checkpoint"):
        checkpoint.load(path)


@pytest.mark.parametrize("change", [{"config": 7}, {"history": None}, {"epoch": "one"}])
def test_a_foreign_dictionary_is_refused(change: dict, tmp_path: Path) -> None:
    path = tmp_path / "last.pt"
    checkpoint.save({**STATE, **change}, path)
    with pytest.raises(
        checkpoint.CheckpointError, match=r"not a checkpoint of kerv.train; --resume takes the"
    ):
        checkpoint.load(path)


def test_a_folder_is_not_called_damaged(tmp_path: Path) -> None:
    with pytest.raises(checkpoint.CheckpointError, match=r"no checkpoint at .*Is a directory"):
        checkpoint.load(tmp_path)


def test_settings_of_a_later_version_are_named(run: TrainConfig, tmp_path: Path) -> None:
    state = checkpoint.load(Path(run.out or "", "last.pt"))
    state["config"]["mystery"] = 7
    checkpoint.save(state, tmp_path / "last.pt")
    config = dataclasses.replace(run, out=None, resume=str(tmp_path / "last.pt"))
    with pytest.raises(ValueError, match=r"last.pt has settings .* does not know: mystery"):
        train(config, log=quiet)


def test_another_number_of_processes_is_another_training(run: TrainConfig, tmp_path: Path) -> None:
    state = checkpoint.load(Path(run.out or "", "last.pt"))
    assert state["processes"] == 1
    checkpoint.save({**state, "processes": 2}, tmp_path / "last.pt")
    config = dataclasses.replace(run, out=None, resume=str(tmp_path / "last.pt"))
    with pytest.raises(checkpoint.CheckpointError, match="of 2 processes, and now there are 1"):
        train(config, log=quiet)


def test_weights_that_do_not_fit_are_refused(run: TrainConfig, tmp_path: Path) -> None:
    state = checkpoint.load(Path(run.out or "", "last.pt"))
    del state["model"]["stem.0.weight"]
    checkpoint.save(state, tmp_path / "last.pt")
    config = dataclasses.replace(run, out=None, resume=str(tmp_path / "last.pt"))
    with pytest.raises(checkpoint.CheckpointError, match=r"last.pt does not fit resnet8") as caught:
        train(config, log=quiet)
    assert "\n" not in str(caught.value)


def test_resuming_does_not_write_into_a_third_run(run: TrainConfig, tmp_path: Path) -> None:
    other = dataclasses.replace(run, seed=1, out=str(tmp_path / "b"))
    train(other, log=quiet)
    files = {p.name: p.read_bytes() for p in (tmp_path / "b").iterdir()}
    last = str(Path(run.out or "", "last.pt"))
    with pytest.raises(FileExistsError, match=r"b holds a run already: go on with --resume"):
        train(dataclasses.replace(run, out=other.out, resume=last), log=quiet)
    assert files == {p.name: p.read_bytes() for p in (tmp_path / "b").iterdir()}
    # Nor does a copy that lies in the folder of that run.
    copy = tmp_path / "b" / "copy.pt"
    copy.write_bytes(Path(last).read_bytes())
    with pytest.raises(FileExistsError, match=r"b holds a run already: go on with --resume"):
        train(dataclasses.replace(run, out=None, resume=str(copy)), log=quiet)
    copy.unlink()
    assert files == {p.name: p.read_bytes() for p in (tmp_path / "b").iterdir()}
    (tmp_path / "b" / "last.pt").unlink()
    with pytest.raises(FileExistsError, match=r"b holds a run already: name another --out"):
        train(other, log=quiet)
    # A new folder is fine: the run is completed there.
    train(dataclasses.replace(run, out=str(tmp_path / "c"), resume=last), log=quiet)
    assert (tmp_path / "c" / "record.json").exists()


def test_a_full_disk_is_named_and_the_old_checkpoint_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "last.pt"
    checkpoint.save(STATE, path)
    whole = path.read_bytes()

    def full(state: object, file: object) -> None:
        # As torch does it: its writer fails, and then its end finds a file that is too short.
        try:
            raise OSError(28, "No space left on device")
        finally:
            raise RuntimeError("unexpected pos 704 vs 598")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="No space left on device"):
        checkpoint.save(STATE, path)
    assert [path.read_bytes()] == [p.read_bytes() for p in tmp_path.iterdir()] == [whole]


def test_another_run_is_refused_before_its_data_is_asked_for(
    run: TrainConfig, tmp_path: Path
) -> None:
    last = str(Path(run.out or "", "last.pt"))
    config = dataclasses.replace(run, data="mnist", root=str(tmp_path), resume=last)
    with pytest.raises(checkpoint.CheckpointError, match="data was 'textures' and is 'mnist'"):
        train(config, log=quiet)
    assert not list(tmp_path.iterdir())


def test_weights_that_are_not_finite_are_never_kept(tmp_path: Path) -> None:
    # One step: its loss is finite, its update is not.
    config = TrainConfig(
        data="textures",
        model="resnet8",
        epochs=1,
        limit=20,
        validation=0,
        lr=100,
        weight_decay=1e38,
        device="cpu",
        out=str(tmp_path / "run"),
    )
    with pytest.raises(NotFinite, match=r"stem.0.weight is infinite or NaN by epoch 1, step 1,"):
        train(config, log=quiet)
    assert list((tmp_path / "run").iterdir()) == []


def test_missing_safetensors_is_said_before_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "safetensors.torch", None)
    config = TrainConfig(data="textures", model="resnet8", limit=20, out=str(tmp_path / "run"))
    with pytest.raises(ImportError, match="pip install safetensors"):
        train(config, log=quiet)
    assert not (tmp_path / "run").exists()


class Stop(Exception):
    pass


@pytest.mark.parametrize(
    "more",
    [
        {"light": "shadow"},
        {"light": "noise", "init": "data", "clip": 1.0},
        {"data": "cifar10", "flip": "alternating"},
        {"data": "cifar10", "model": "fastnet", "kernel": "linear"},
    ],
)
def test_stopped_and_resumed_gives_the_same_bits(
    more: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_fake_cifar10(tmp_path, monkeypatch)
    settings = {"data": "textures", "model": "resnet8", "kernel": "gaussian:learnable=true"}
    settings |= {"epochs": 2, "limit": 60, "batch_size": 20, "device": "cpu"}
    settings |= {"root": str(tmp_path), **more}
    whole, part = (tmp_path / name for name in ("whole", "part"))

    def stop(line: str) -> None:
        if line.startswith("epoch 1/"):
            raise Stop

    train(TrainConfig(**settings, out=str(whole)), log=quiet)
    with pytest.raises(Stop):
        train(TrainConfig(**settings, out=str(part)), log=stop)
    torch.manual_seed(99)
    train(TrainConfig(**settings, resume=str(part / "last.pt")), log=quiet)
    expected, found = (load_file(run / "model.safetensors") for run in (whole, part))
    assert all(torch.equal(expected[key], found[key]) for key in expected)


def test_a_run_may_go_on_on_another_device() -> None:
    before = {"lr": 0.1, "device": "cuda"}
    checkpoint.refuse_other_run("last.pt", before, {**before, "device": "cpu"})
