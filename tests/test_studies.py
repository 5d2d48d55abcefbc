"""The plan of the comparisons: fair, resumable, and nothing runs twice."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from kerv import attacks, data, light, records, robustness, studies, train
from kerv.config import TrainConfig
from kerv.evaluation import evaluate
from kerv.studies import SEEDS, STUDIES, Study

TINY = Study(
    question="Does it run?",
    common={"data": "textures", "model": "lenet5", "epochs": 1, "limit": 60, "device": "cpu"}
    | {"normalize": "picture"},
    contestants={"convolution": {}, "gaussian": {"kernel": "gaussian"}},
    rates=(0.05, 0.2),
    search_epochs=1,
    conditions=("unchanged", "half in shadow"),
    displayed=("gaussian",),
)


@pytest.mark.parametrize("name", STUDIES)
def test_contestants_differ_in_what_is_written_and_nothing_else(name: str) -> None:
    study = STUDIES[name]
    for contestant, settings in study.contestants.items():
        runs = [c for n, c in studies.planned(name) if n.startswith(f"{name}/{contestant}-lr")]
        wanted_rates = list(study.rates) if len(study.rates) > 1 else []
        assert [config.lr for config in runs] == wanted_rates, "each searches all rates"
        for config in runs:
            assert config.seed == 0
            assert config.epochs == study.search_epochs
            assert config.validation == study.common.get("validation", 0.1)
            wanted = {**study.common, **settings, "epochs": config.epochs, "lr": config.lr}
            wanted["score_test"] = False
            assert config == train.TrainConfig(**wanted)


def test_records_are_of_the_plan() -> None:
    """A record of a study that the plan does not know, or with other settings, is stale."""
    for name in STUDIES:
        plan = dict(studies.planned(name))
        for run in (n for n in records.names() if n.startswith(f"{name}/")):
            config = records.load(run).config
            # A record from before a setting existed had its default value.
            config = train.TrainConfig(**config).run()
            assert {**plan[run].run(), "device": config["device"]} == config, run


def test_a_study_runs_goes_on_and_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "records"
    monkeypatch.setattr(studies, "STUDIES", {"tiny": TINY})
    monkeypatch.setattr(
        records,
        "names",
        lambda: sorted(p.relative_to(target).as_posix()[:-5] for p in target.rglob("*.json")),
    )
    load = records.load
    monkeypatch.setattr(
        records,
        "load",
        lambda name: load(name if str(name).endswith(".json") else target / f"{name}.json"),
    )
    # The second contestant is stopped within its search, and then goes on.
    real, calls = train.train, []

    def stopped(config: train.TrainConfig) -> records.Record:
        calls.append(config)
        if len(calls) == 7:
            raise KeyboardInterrupt
        return real(config, log=lambda line: None)

    monkeypatch.setattr(train, "train", stopped)
    with pytest.raises(KeyboardInterrupt):
        studies.run_missing(["tiny"], tmp_path / "runs", target)
    before = {path: path.stat().st_mtime_ns for path in target.rglob("*.json")}
    assert len(before) == 6
    assert studies.run_missing(["tiny"], tmp_path / "runs", target) == 4
    assert studies.run_missing(["tiny"], tmp_path / "runs", target) == 0
    assert before.items() <= {p: p.stat().st_mtime_ns for p in target.rglob("*.json")}.items()

    differences = set()
    for contestant in TINY.contestants:
        search = {
            rate: records.load(f"tiny/{contestant}-lr{rate:g}").validation_accuracy
            for rate in TINY.rates
        }
        runs = studies.finals("tiny", contestant)
        assert [run.config["seed"] for run in runs] == list(SEEDS)
        for run in runs:
            assert search[run.config["lr"]] == max(search.values())
            assert run.conditions is not None
            assert list(run.conditions) == list(TINY.conditions)
            assert run.conditions["unchanged"] == run.test_accuracy
            config = TrainConfig(**run.config)
            network, pictures = train.network(config), data.load("textures")
            seed = f"{contestant}-seed{config.seed}"
            network.load_state_dict(load_file(tmp_path / "runs/tiny" / seed / "model.safetensors"))
            shadowed = light.change(pictures.test_x, "half in shadow")
            score = evaluate(network, shadowed, pictures.test_y, pictures, normalize="picture")
            assert run.conditions["half in shadow"] == score
            differences.add(score - run.test_accuracy)
        shown = contestant in TINY.displayed
        weights = [f"{contestant}-seed0.safetensors" if shown else None, None, None]
        assert [run.weights for run in runs] == weights

    assert differences != {0.0}, "else nothing was tested under a shadow"

    # The network that is kept is the trained one, rounded, and so is the last of its filters.
    monkeypatch.setattr(records.resources, "files", lambda name: target)
    monkeypatch.setattr(train, "load_record", records.load)
    filters = records.tensors_of("tiny/gaussian-seed0", "filters")["filters"]
    assert filters.shape == (TINY.common["epochs"] + 1, 6, 1, 5, 5)
    network = train.recorded_network("tiny/gaussian-seed0")
    whole = load_file(tmp_path / "runs" / "tiny" / "gaussian-seed0" / "model.safetensors")
    for key, value in network.state_dict().items():
        torch.testing.assert_close(value, whole[key], rtol=1e-3, atol=1e-6)
    torch.testing.assert_close(filters[-1], network.state_dict()["0.weight"])
    with pytest.raises(ValueError, match="weights of 'tiny/gaussian-seed1' do not come with"):
        train.recorded_network("tiny/gaussian-seed1")

    assert studies.main([]) == 0
    assert "tiny: 10 of 10 runs recorded. Does it run?" in capsys.readouterr().out


def test_of_an_attacked_study_the_networks_of_all_seeds_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = {"convolution": TINY.contestants["convolution"]}
    study = dataclasses.replace(
        TINY, contestants=plain, rates=(0.05,), conditions=(), displayed=(), attacked=True
    )
    monkeypatch.setitem(STUDIES, "tiny", study)
    monkeypatch.setattr(records.resources, "files", lambda name: tmp_path)
    assert studies.run_missing(["tiny"], tmp_path / "runs", tmp_path) == 3
    for seed, run in enumerate(studies.finals("tiny", "convolution")):
        assert run.weights == f"convolution-seed{seed}.safetensors"
        assert run.filters is None
        assert [path.name for path in tmp_path.glob(f"tiny/*seed{seed}*.safetensors")] == [
            run.weights
        ]


def test_a_run_that_diverges_is_recorded_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def diverges(config: train.TrainConfig) -> records.Record:
        raise train.NotFinite("the loss is nan by epoch 1, step 3, at learning rate 9: try less")

    monkeypatch.setattr(train, "train", diverges)
    config = train.TrainConfig(data="textures", model="resnet8", lr=9.0)
    record = studies._run(config, tmp_path, conditions=())
    assert record.failed == "the loss is nan by epoch 1, step 3, at learning rate 9"
    assert record.validation_accuracy == 0
    record.save(tmp_path / "x.json")
    assert records.load(tmp_path / "x.json") == record
    assert "failed" in json.loads((tmp_path / "x.json").read_text())
    assert dataclasses.replace(record, failed=None) != record


def test_what_is_missing_is_listed_whole(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The final runs too, whose rate is not known before the search is there."""
    monkeypatch.setitem(STUDIES, "tiny", TINY)
    assert studies.main(["tiny"]) == 0
    head, missing = capsys.readouterr().out.splitlines()
    assert head == "tiny: 0 of 10 runs recorded. Does it run?"
    ends = ("lr0.05", "lr0.2", "seed0", "seed1", "seed2")
    names = [f"tiny/{name}-{end}" for name in ("convolution", "gaussian") for end in ends]
    assert missing == f"  missing: {', '.join(names)}"


def test_where_all_is_recorded_nothing_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both commands of `make records`."""

    def runs(*_: object, **__: object) -> None:
        raise AssertionError("there is nothing to run")

    monkeypatch.setattr(train, "train", runs)
    monkeypatch.setattr(attacks, "pgd", runs)
    whole = [name for name in STUDIES if not studies.missing(name)]
    assert "mnist" in whole
    assert studies.main([*whole, "--run"]) == 0
    assert robustness.main(["--run"]) == 0
    assert "0 networks attacked" in capsys.readouterr().out


def test_unknown_study(capsys: pytest.CaptureFixture[str]) -> None:
    assert studies.main(["lihgt"]) == 1
    assert (
        "unknown study 'lihgt'; they are light, light-rates, light-more, attacked"
        in capsys.readouterr().err
    )


@pytest.mark.parametrize("name", studies.STUDIES)
def test_recorded_final_runs_have_the_rate_of_their_search(name: str) -> None:
    # Also when rates joined the list after the final runs.
    planned = dict(studies.planned(name))
    for contestant in studies.STUDIES[name].contestants:
        for run in studies.finals(name, contestant):
            config = planned[f"{name}/{contestant}-seed{run.config['seed']}"]
            assert run.config["lr"] == config.lr, contestant
