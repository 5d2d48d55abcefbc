"""Training: it learns, resumes to the same bits, counts each picture once, fails in one line."""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import kerv
from kerv import checkpoint, cli, data, optim, records
from kerv.evaluation import evaluate
from kerv.train import NotFinite, TrainConfig, train

# Small enough for a second an epoch, and with all that a run has: kernel, split, augmentation.
SMALL = {
    "data": "textures",
    "model": "resnet8",
    "kernel": "gaussian:learnable=true",
    "epochs": 2,
    "limit": 300,
    "device": "cpu",
}


def quiet(line: str) -> None:
    pass


def flags(settings: dict) -> list[str]:
    return [word for key, value in settings.items() for word in (f"--{key}", str(value))]


@pytest.mark.slow
def test_a_short_run_learns_and_leaves_a_record(tmp_path: Path, device: torch.device) -> None:
    lines: list[str] = []
    config = TrainConfig(
        data="textures",
        model="resnet8",
        kernel="gaussian",
        epochs=3,
        limit=2000,
        device=str(device),
        out=str(tmp_path / "run"),
    )
    record = train(config, log=lines.append)
    assert record.test_accuracy > 0.5, "chance is 0.1"
    assert len(lines) == 1 + 3 + 1
    assert "1800 pictures" in lines[0]
    assert "validation" in lines[1]
    assert "pictures/s" in lines[1]
    assert records.load(tmp_path / "run" / "record.json") == record
    assert str(tmp_path) not in (tmp_path / "run" / "record.json").read_text()
    assert {"root", "out", "resume"}.isdisjoint(record.config)
    assert [e["epoch"] for e in record.epochs] == [1, 2, 3]
    assert record.epochs[-1]["validation_accuracy"] == record.validation_accuracy
    assert record.config["kernel"] == "gaussian"

    # The saved weights are those that were scored.
    dataset = data.load("textures", device=device)
    model = kerv.models.build("resnet8", in_channels=1, kernel="gaussian", where="first")
    model.load_state_dict(load_file(tmp_path / "run" / record.weights))
    model.to(device)
    assert evaluate(model, dataset.test_x, dataset.test_y, dataset) == record.test_accuracy


@pytest.mark.slow
def test_killed_and_resumed_is_bit_identical(tmp_path: Path) -> None:
    settings = {**SMALL, "epochs": 4, "lookahead": 3}
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}

    def command(out: str, *more: str) -> list[str]:
        return [sys.executable, "-m", "kerv.train", *flags({**settings, "out": out}), *more]

    whole, broken = tmp_path / "whole", tmp_path / "broken"
    subprocess.run(command(str(whole)), env=environment, check=True, capture_output=True)
    process = subprocess.Popen(
        command(str(broken)), env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("epoch 1/"):
            break
    time.sleep(0.2)  # into the second epoch
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert not (broken / "record.json").exists()

    last = broken / "last.pt"
    done = checkpoint.load(last)["epoch"]
    assert 1 <= done < 4
    command_line = [sys.executable, "-m", "kerv.train", "--resume", str(last)]
    again = subprocess.run(
        command_line, env=environment, check=True, capture_output=True, text=True
    )
    assert f"epoch {done + 1}/4" in again.stdout
    assert f"epoch {done}/4" not in again.stdout
    a, b = (load_file(folder / "model.safetensors") for folder in (whole, broken))
    assert a.keys() == b.keys()
    for key in a:
        assert torch.equal(a[key], b[key]), key
    a, b = (load_file(folder / "filters.safetensors")["filters"] for folder in (whole, broken))
    assert torch.equal(a, b)
    assert len(a) == 5, "before the first epoch and after each"
    scores = [records.load(folder / "record.json") for folder in (whole, broken)]
    assert scores[0].test_accuracy == scores[1].test_accuracy


def test_a_finished_run_says_so_and_a_folder_is_not_overwritten(tmp_path: Path) -> None:
    config = TrainConfig(**{**SMALL, "epochs": 1}, out=str(tmp_path / "run"))
    record = train(config, log=quiet)
    with pytest.raises(
        FileExistsError, match=r"holds a run already: go on with --resume .*last.pt"
    ):
        train(config, log=quiet)
    last = str(tmp_path / "run" / "last.pt")
    lines: list[str] = []
    assert train(dataclasses.replace(config, resume=last), log=lines.append) == record
    assert "is finished: test" in lines[0]
    # A record from before a setting was there
    path = tmp_path / "run" / "record.json"
    older = json.loads(path.read_text())
    del older["config"]["bias_lr"]
    path.write_text(json.dumps(older))
    train(dataclasses.replace(config, resume=last), log=lines.append)
    assert "is finished: test" in lines[1]
    other = dataclasses.replace(config, resume=last, lr=0.05)
    with pytest.raises(checkpoint.CheckpointError, match=r"another run: lr was 0.1 and is 0.05"):
        train(other, log=quiet)


def test_norms_of_any_dimension_are_norms() -> None:
    model = torch.nn.Sequential(torch.nn.BatchNorm1d(3), torch.nn.BatchNorm2d(3, affine=False))
    *_, shifts, _ = optim.parameter_groups(model, 0.1, 5.0, 64.0, 0.2)
    assert shifts["params"] == [model[0].bias]


def test_learnable_hyper_parameters_train_without_decay(tmp_path: Path) -> None:
    model = kerv.models.build("resnet8", kernel="gaussian:learnable=true,per_channel=true")
    decayed, others, shifts, hyper = optim.parameter_groups(model, 0.1, 5.0, 64.0, 0.2)
    assert [g["weight_decay"] for g in (decayed, others, shifts, hyper)] == [0.1, 0.0, 0.2, 0.0]
    assert [g["factor"] for g in (decayed, others, shifts, hyper)] == [1.0, 1.0, 64.0, 5.0]
    norms = [m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert {id(p) for p in shifts["params"]} == {id(m.bias) for m in norms}
    assert sum(len(g["params"]) for g in (decayed, others, shifts, hyper)) == len(
        list(model.parameters())
    )
    weights = {n for n, p in model.named_parameters() if any(p is q for q in decayed["params"])}
    assert weights == {n for n, p in model.named_parameters() if p.ndim > 1}
    gammas = {id(p) for n, p in model.named_parameters() if n.endswith("kernel.gamma.raw")}
    assert {id(p) for p in hyper["params"]} == gammas != set()
    train(TrainConfig(**{**SMALL, "epochs": 1}, out=str(tmp_path / "run")), log=quiet)
    trained = load_file(tmp_path / "run" / "model.safetensors")["stem.0.kernel.gamma.raw"]
    assert trained.exp().item() != pytest.approx(1 / 9, abs=1e-6)


def test_evaluation_counts_each_picture_once() -> None:
    dataset = data.load("textures")
    seen = []

    class Guess(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append(len(x))
            return torch.nn.functional.one_hot(torch.full((len(x),), 3), 10).float()

    labels = torch.tensor([3] * 5 + [1] * 18)
    model = Guess().train()
    assert evaluate(model, dataset.test_x[:23], labels, dataset, batch_size=10) == 5 / 23
    assert seen == [10, 10, 3]
    assert model.training


def test_the_learning_rate_rises_then_falls_to_zero() -> None:
    rates = [optim.rate(step, 100) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[9] == 1
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] < 0.001


def test_the_learning_rate_falls_in_steps() -> None:
    rates = [optim.rate(step, 20, "steps") for step in range(20)]
    assert rates == pytest.approx([1] * 10 + [0.1] * 5 + [0.01] * 5)


def test_the_triangular_learning_rate() -> None:
    rates = [optim.rate(step, 100, "triangular") for step in range(101)]
    assert (rates[0], rates[23], rates[100]) == pytest.approx((0.2, 1, 0.07))
    up, down = ([b - a for a, b in itertools.pairwise(r)] for r in (rates[:24], rates[23:]))
    assert up == pytest.approx([0.8 / 23] * 23)
    assert down == pytest.approx([-0.93 / 77] * 77)


def test_lookahead_averages_the_norms_too_and_counts_no_weights() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    lookahead = optim.Lookahead(model, every=5)
    for value in model.state_dict().values():
        value += 1
    fast = {name: value.clone() for name, value in model.state_dict().items()}
    lookahead.update(1.0)
    back = 0.95**5  # of the step of 1
    for name, value in model.state_dict().items():
        expected = fast[name] - (0 if name.endswith("num_batches_tracked") else back)
        torch.testing.assert_close(value, expected)


def test_label_smoothing_raises_the_loss_of_the_sure(tmp_path: Path) -> None:
    losses = []
    for smoothing in (0.0, 0.2):
        out = str(tmp_path / str(smoothing))
        config = TrainConfig(**{**SMALL, "epochs": 1}, label_smoothing=smoothing, out=out)
        losses.append(train(config, log=quiet).epochs[0]["train_loss"])
    assert losses[0] != losses[1]


def test_bfloat16_and_no_validation(tmp_path: Path) -> None:
    config = TrainConfig(
        **{**SMALL, "epochs": 1, "limit": 40},
        precision="bf16",
        validation=0,
        augment=False,
        out=str(tmp_path / "run"),
    )
    record = train(config, log=quiet)
    assert record.validation_accuracy is None
    weights = load_file(tmp_path / "run" / "model.safetensors")
    assert weights["stem.0.weight"].dtype == torch.float32


def test_a_loss_that_is_not_finite_stops_the_run(tmp_path: Path) -> None:
    config = TrainConfig(**{**SMALL, "kernel": "linear"}, lr=1e30, out=str(tmp_path / "run"))
    with pytest.raises(NotFinite, match=r"the loss is nan by epoch 1, step \d+, at learning rate"):
        train(config, log=quiet)


def test_filters_from_data_and_clipped_gradients(tmp_path: Path) -> None:
    settings = {**SMALL, "epochs": 1, "limit": 100}
    weights = {}
    for name, more in {
        "plain": {},
        "data": {"init": "data"},
        "scaled": {"init": "data", "init_scale": 4.0},
        "clipped": {"clip": 1e-3},
        "hyper": {"hyper_lr": 50.0},
    }.items():
        train(TrainConfig(**settings, **more, out=str(tmp_path / name)), log=quiet)
        weights[name] = load_file(tmp_path / name / "model.safetensors")
    filters = {name: state["stem.0.weight"] for name, state in weights.items()}
    gamma = {name: state["stem.0.kernel.gamma.raw"].exp() for name, state in weights.items()}
    assert filters["data"].std() > 2 * filters["plain"].std()
    assert gamma["scaled"] / gamma["data"] == pytest.approx(4, rel=0.2)
    assert (gamma["hyper"] - 1 / 9).abs() > 5 * (gamma["plain"] - 1 / 9).abs()
    torch.manual_seed(0)
    start = kerv.models.build("resnet8", in_channels=1, kernel=SMALL["kernel"], where="first")
    moved = (filters["clipped"] - start.stem[0].weight).norm()
    assert moved < 0.1 * (filters["plain"] - start.stem[0].weight).norm()


@pytest.mark.slow
def test_compiled_training_takes_the_same_steps(tmp_path: Path) -> None:
    settings = {**SMALL, "model": "lenet5", "epochs": 1, "limit": 100}
    for name, more in {"eager": {}, "compiled": {"compile": True}}.items():
        train(TrainConfig(**settings, **more, out=str(tmp_path / name)), log=quiet)
    eager, compiled = (
        load_file(tmp_path / name / "model.safetensors") for name in ("eager", "compiled")
    )
    assert eager.keys() == compiled.keys()
    for key, value in eager.items():
        torch.testing.assert_close(compiled[key], value, rtol=1e-3, atol=1e-4)


# ---------------------------------------------------------------------- the command line


def test_a_flag_for_every_field_and_its_default() -> None:
    actions = {a.dest: a for a in cli.parser()._actions}
    fields = [f.name for f in dataclasses.fields(TrainConfig)]
    assert [name for name in actions if name not in ("help", "version", "recipe")] == fields
    text = cli.parser().format_help()
    for part in ("--no-augment", "--batch-size", "(default: 128)", "kernels: linear, polynomial"):
        assert part in text


def test_the_command_trains_and_prints_no_warning(tmp_path: Path) -> None:
    settings = {**SMALL, "epochs": 1, "limit": 100, "out": str(tmp_path / "run")}
    command = [sys.executable, "-W", "error", "-m", "kerv.train", *flags(settings)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "test " in done.stdout
    assert json.loads((tmp_path / "run" / "record.json").read_text())["config"]["limit"] == 100


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--kernel", "gausian"], "unknown kernel 'gausian'; the kernels are linear,"),
        (["--kernel", "gaussian:gamma=-1"], "gamma must be a finite number greater than 0"),
        (["--data", "cifar"], "data must be one of cifar10, mnist, textures, got 'cifar'"),
        (["--model", "vgg"], "model must be one of lenet5, fastnet, resnet8"),
        (["--epochs", "0"], "epochs must be at least 1, got 0"),
        (["--lr", "-1"], "lr must be greater than 0, got -1.0"),
        (["--validation", "1"], "validation must be at least 0 and less than 1, got 1.0"),
        (["--seed", "-1"], "seed must be at least 0, got -1"),
        (["--device", "tpu9"], "device must be auto, cpu, cuda or cuda:N, got 'tpu9'"),
        (["--views", "2", "--data", "textures"], "views must be 1 for textures, whose classes"),
        (["--device", "meta"], "device must be auto, cpu, cuda or cuda:N, got 'meta'"),
        (["--device", "cuda:99"], "device 'cuda:99' is not there"),
        (["--resume", "nowhere/last.pt"], "no checkpoint at nowhere/last.pt"),
        (["--data", "mnist", "--root", "HERE"], "dataset 'mnist' is not there"),
    ],
)
def test_one_clear_line_and_an_exit_code(
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_network(*_: object, **__: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr("kerv.download.urlopen", no_network)
    settings = {**SMALL, "out": str(tmp_path / "run")}
    arguments = [str(tmp_path) if word == "HERE" else word for word in arguments]
    assert cli.main([*flags(settings), *arguments]) == 1
    error = capsys.readouterr().err
    assert error.startswith("kerv-train: ")
    assert message in error
    assert error.count("\n") == 1


def test_wrong_flags_exit_with_2(capsys: pytest.CaptureFixture) -> None:
    for arguments in (["--kernels", "gaussian"], ["--epochs", "two"], ["--where", "middle"]):
        with pytest.raises(SystemExit) as caught:
            cli.main(arguments)
        assert caught.value.code == 2
        assert arguments[0] in capsys.readouterr().err


def test_stopping_by_hand(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    def interrupt(config: TrainConfig) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("kerv.train.train", interrupt)
    assert cli.main(flags(SMALL)) == 130
    assert "--resume with last.pt goes on" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("kernel", ["gaussian", "polynomial", "sigmoid", "linear"])
def test_resnet50_trains_with_any_kernel(
    kernel: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from conftest import real_data
    from test_data import write_fake_cifar10

    root = real_data()
    if root is None:
        write_fake_cifar10(tmp_path, monkeypatch)
        root = tmp_path
    settings = {
        "data": "cifar10",
        "model": "resnet50",
        "kernel": kernel,
        "epochs": 1,
        "batch-size": 16,
        "limit": 20,
        "root": root,
        "lr": 0.01,
        "out": tmp_path / "run",
    }
    # 10 000 test pictures would take minutes.
    monkeypatch.setattr("kerv.evaluation.count_right", lambda *_: torch.tensor(1))
    assert cli.main(flags(settings)) == 0
    assert records.load(tmp_path / "run" / "record.json").config["kernel"] == kernel
