"""Checkpoints, records and their table."""

from __future__ import annotations

import dataclasses
import json
import platform
from pathlib import Path

import pytest
import torch

from kerv import checkpoint, records
from kerv.studies import STUDIES

STATE = {"config": {}, "epoch": 1, "model": {"w": torch.ones(2)}, "optimizer": {}}
STATE |= {"history": [], "filters": []}


def record(**changes: object) -> records.Record:
    config = {"data": "cifar10", "model": "resnet20", "kernel": "gaussian", "where": "first"}
    config |= {"epochs": 10, "seed": changes.pop("seed", 0)}
    values = {
        "config": config,
        "test_accuracy": 0.8,
        "validation_accuracy": 0.81,
        "epochs": [],
        "seconds": 1.0,
        "parameters": 269_722,
        "versions": {},
        "hardware": {},
    }
    return records.Record(**{**values, **changes})


def test_a_checkpoint_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "last.pt"
    checkpoint.save(STATE, path)
    assert torch.equal(checkpoint.load(path)["model"]["w"], torch.ones(2))
    assert [p.name for p in path.parent.iterdir()] == ["last.pt"]


def test_a_crash_while_writing_leaves_the_old_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "last.pt"
    checkpoint.save(STATE, path)

    def crash(state: object, file: object) -> None:
        file.write(b"half")  # type: ignore[attr-defined]
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", crash)
    with pytest.raises(OSError, match="disk full"):
        checkpoint.save({**STATE, "epoch": 2}, path)
    assert checkpoint.load(path)["epoch"] == 1
    assert list(tmp_path.iterdir()) == [path]


class Malicious:
    def __reduce__(self) -> tuple:
        return (Path("/should-never-exist").touch, ())


@pytest.mark.parametrize("kind", ["cut", "text", "empty", "code", "foreign"])
def test_a_bad_checkpoint_is_one_clear_line(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "last.pt"
    checkpoint.save(STATE, path)
    if kind == "cut":
        path.write_bytes(path.read_bytes()[:-200])
    elif kind == "text":
        path.write_text("hello")
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "code":
        torch.save({**STATE, "model": Malicious()}, path)
    else:
        torch.save({"weights": torch.ones(1)}, path)
    expected = "is not a checkpoint of kerv.train" if kind == "foreign" else "is damaged or not"
    with pytest.raises(checkpoint.CheckpointError, match=expected) as caught:
        checkpoint.load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not Path("/should-never-exist").exists()


def test_a_record_comes_back_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    record().save(path)
    assert records.load(path) == record()
    with pytest.raises(ValueError, match=r"the weights of .*record\.json' do not come"):
        records.tensors_of(str(path))
    checkpoint.save_tensors({"w": torch.ones(2)}, tmp_path / "model.safetensors")
    record(weights="model.safetensors").save(path)
    assert records.tensors_of(str(path))["w"].tolist() == [1, 1]
    assert set(json.loads(path.read_text())) == {f.name for f in dataclasses.fields(records.Record)}


def test_bad_records(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no recorded run 'nothing'; of the"):
        records.load("nothing")
    with pytest.raises(ValueError, match="come nearest: light/correlation-seed"):
        records.load("light/correlatoin-seed0")
    path = tmp_path / "record.json"
    for text in (b"{}", b"not json", b"\xff\xfe\xfd"):
        path.write_bytes(text)
        with pytest.raises(ValueError, match="is not a record of a run"):
            records.load(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"test_accuracy": 81.2}, "test_accuracy must be a fraction from 0 to 1, got 81.2"),
        ({"test_accuracy": float("nan")}, "test_accuracy must be a fraction from 0 to 1, got nan"),
        ({"validation_accuracy": -1}, "validation_accuracy must be a fraction from 0 to 1, got -1"),
        ({"config": {"data": "mnist", "seed": 0}}, "config lacks model, kernel, where, epochs"),
        ({"epochs": [{"epoch": 1, "train_loss": 1.0}]}, "an epoch lacks train_accuracy, "),
    ],
)
def test_a_record_checks_what_it_says(changes: dict, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        record(**changes)
    path = tmp_path / "record.json"
    path.write_text(json.dumps({**dataclasses.asdict(record()), **changes}))
    with pytest.raises(ValueError, match=f"record.json is not a record of a run: {message}"):
        records.load(path)


def test_a_crash_while_writing_leaves_the_old_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "record.json"
    record().save(path)

    def crash(*_: object) -> None:
        raise OSError("power cut")

    monkeypatch.setattr("os.replace", crash)
    with pytest.raises(OSError, match="power cut"):
        record(test_accuracy=0.1).save(path)
    assert records.load(path) == record()


def test_a_record_names_the_software_and_not_the_machine() -> None:
    assert records.versions().keys() == {"python", "torch", "torchvision", "kerv"}
    assert records.hardware(torch.device("cpu")).keys() == {"device", "name", "vectors", "threads"}
    assert platform.node() not in json.dumps(records.hardware(torch.device("cpu")))


@pytest.mark.parametrize(("capability", "tf32"), [((7, 5), False), ((8, 0), True), ((9, 0), True)])
def test_tf32_is_recorded_where_the_gpu_has_it(
    capability: tuple[int, int], tf32: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "GPU")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    for switch in (True, False):
        monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", switch)
        assert records.hardware(torch.device("cuda"))["tf32"] is (tf32 and switch)


def test_every_recorded_run_is_whole() -> None:
    for name in records.names():
        run = records.load(name)
        if run.failed:
            assert (run.test_accuracy, run.validation_accuracy) == (0, 0)
            continue
        assert len(run.epochs) == run.config["epochs"]
        if run.conditions:
            assert run.conditions["unchanged"] == run.test_accuracy, "seen as it was trained"
        study = STUDIES.get(name.split("/")[0])
        assert run.config["limit"] == (study.common.get("limit", 0) if study else 0)
        assert 0 < run.test_accuracy < 1
        assert run.seconds == pytest.approx(sum(e["seconds"] for e in run.epochs))


def test_table_by_hand() -> None:
    runs = [
        record(test_accuracy=0.80, seed=0),
        record(test_accuracy=0.82, seed=1),
        record(test_accuracy=0.84, seed=2),
        record(test_accuracy=0.5, validation_accuracy=None, parameters=7),
    ]
    runs[3].config["kernel"] = "linear"
    lines = records.table(runs).splitlines()
    assert len(lines) == 4
    assert lines[2] == "| resnet20, cifar10, 10 epochs | linear | — | 7 | — | 50.00 | 1 |"
    assert lines[3] == (
        "| resnet20, cifar10, 10 epochs | gaussian | first | 269,722 | 81.00 ± 0.00 "
        "| 82.00 ± 2.00 | 3 |"
    )
    assert all(line.count("|") == lines[0].count("|") for line in lines)


def test_runs_on_other_devices_are_of_one_row() -> None:
    runs = [record(seed=0), record(seed=1)]
    runs[1].config["device"] = "cuda"
    assert records.table(runs).splitlines()[2].endswith("| 2 |")


def test_a_bar_in_a_cell_does_not_end_it() -> None:
    assert records.markdown(["a|b"], [["|x|"]]).splitlines()[2] == r"| \|x\| |"


def test_table_says_what_is_unusual() -> None:
    run = record()
    run.config.update(init="data", init_scale=3.0, hyper_lr=10.0)
    run.config["kernel"] = "gaussian:learnable=true,per_channel=true"
    assert (
        "| gaussian:learnable=true, per_channel=true; filters from data; gamma × 3; "
        "its learning rate × 10 |" in records.table([run])
    )
    run.config.update(init="default", hyper_lr=1.0)
    assert "| gaussian:learnable=true, per_channel=true |" in records.table([run])


def test_runs_at_other_rates_are_of_other_rows() -> None:
    runs = [record(seed=0), record(seed=1)]
    runs[1].config["lr"] = 0.3
    assert len(records.table(runs).splitlines()) == 2 + 2
