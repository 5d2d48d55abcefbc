"""Train a network with kernel layers. In a shell:

python -m kerv.train --data cifar10 --model resnet20 --kernel gaussian --where first --epochs 10
python -m kerv.train --data mnist --model lenet5 --kernel polynomial:degree=2 --epochs 3
python -m kerv.train --data textures --model resnet8 --epochs 2          # needs no files
python -m kerv.train --resume runs/cifar10-resnet20-linear-first-seed0/last.pt
torchrun --nproc-per-node 2 -m kerv.train --data cifar10 --model resnet20    # several processes

`--kernel linear` is plain convolution. Each epoch leaves a checkpoint, `last.pt`; a run that was
stopped at any moment goes on from there with `--resume` and ends with the same weights (on a CPU to
the last bit). At the end the test set is read once, and `record.json`, `model.safetensors` and
`filters.safetensors` (the first layer's filters through the epochs) are written.
"""

from __future__ import annotations

import dataclasses
import math
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from . import checkpoint, data, distributed, light, models, optim, scaling
from .config import TrainConfig as TrainConfig
from .convert import convert_model
from .distributed import World
from .evaluation import autocast, computes_bf16, evaluate_shared
from .fastnet import FastNet
from .init import init_from_data
from .records import Record, hardware, tensors_of, versions
from .records import load as load_record


class NotFinite(RuntimeError):
    """The loss or a weight became infinite or NaN."""


def train(config: TrainConfig, *, log: Callable[[str], None] | None = None) -> Record:
    """Train from a config, or go on from its checkpoint, and return the record.

    Args:
        config: what to train. With `resume`, everything that makes a run different must be as it
            was in the checkpoint.
        log: takes each line of progress; by default they are printed, and on a terminal one more
            that is rewritten.

    Raises:
        kerv.data.DataError: the dataset is missing or damaged.
        kerv.checkpoint.CheckpointError: the checkpoint is, or belongs to another run.
        FileExistsError: the folder holds a run already.
        ImportError: safetensors is not there.
        NotFinite: the loss or a weight became infinite or NaN; the last checkpoint is kept.
        ValueError: the device is not there, or no picture is left to train on.
    """
    with distributed.join(device_type(config.device)) as world:
        return _train(config, log, world)


def _train(config: TrainConfig, log: Callable[[str], None] | None, world: World) -> Record:
    rewrites = log is None and sys.stdout.isatty() and world.is_first
    log = (log or _print_line) if world.is_first else _print_nothing
    checkpoint.require_safetensors()
    device = _device(config.device, world)
    fast = computes_bf16(device)
    if config.precision == "auto":  # a record must say which it was
        config = dataclasses.replace(config, precision="bf16" if fast else "fp32")
    out = Path(config.resume).parent if config.resume and not config.out else config.folder()
    last, finished = out / "last.pt", out / "record.json"
    # A checkpoint may go on in a folder of its own, but not in that of a third run.
    goes_on = config.resume is not None and last.resolve() == Path(config.resume).resolve()
    if goes_on and finished.exists():
        record = load_record(finished)
        before = TrainConfig.of(finished, record.config).run()
        checkpoint.refuse_other_run(finished, before, config.run())
        log(f"{out} is finished: test {record.test_accuracy:.2%}")
        return record
    if not goes_on and (last.exists() or finished.exists()):
        go_on = f"go on with --resume {last}, or " if last.exists() else ""
        raise FileExistsError(f"{out} holds a run already: {go_on}name another --out")
    state: dict[str, Any] | None = None
    if config.resume:
        state = checkpoint.load(config.resume)
        before = TrainConfig.of(config.resume, state["config"]).run()
        checkpoint.refuse_other_run(config.resume, before, config.run())
    with world.first_alone():  # it may have to download
        dataset = data.load(config.data, config.root, device)
    train_x, train_y, held_x, held_y = _split(dataset, config)
    scale = scaling.scaler(config.normalize, dataset)

    torch.manual_seed(config.seed)
    model = network(config).to(device)
    if isinstance(model, FastNet) and not config.resume:
        model.whiten(scale(train_x[:5000].float() / 255))
    if config.init == "data" and not config.resume:
        batch = scale(train_x[: config.batch_size].float() / 255)
        init_from_data(model, batch, scale=config.init_scale, seed=config.seed)
    optimizer = optim.sgd(model, config)
    steps = math.ceil(len(train_x) / config.batch_size)
    rest = len(train_x) - (steps - 1) * config.batch_size
    if rest < world.size:
        raise ValueError(
            f"batch_size={config.batch_size} leaves a last batch of {rest} pictures, "
            f"too few for {world.size} processes"
        )

    def score(x: Tensor, y: Tensor, views: int) -> float:
        return evaluate_shared(model, x, y, scale, config.precision, views, world)

    history: list[dict[str, Any]] = []
    # Before the first epoch and after each, for figures that show how filters came about.
    filters = [models.first_filters(model).cpu()]
    if config.resume and state:
        processes = state.get("processes", world.size)
        if processes != world.size and device.type == "cpu":
            raise checkpoint.CheckpointError(
                f"{config.resume} is of {processes} processes, and now there are {world.size}: on "
                "a CPU each normalises its own share, so that would be another training"
            )
        checkpoint.restore(config.resume, state, model, optimizer)
        history, filters = state["history"], state["filters"]

    # A folder that cannot be written to: say so before an epoch.
    out.mkdir(parents=True, exist_ok=True)
    if not os.access(out, os.W_OK):
        raise PermissionError(f"cannot write into {out}")
    name = f"{config.model} with {config.kernel} on {config.data}, {len(train_x)} pictures"
    where = f"{device}" if world.size == 1 else f"{world.size} processes on {device.type}"
    log(f"{name}, {where}, {config.precision}, into {out}")
    if config.precision == "bf16" and not fast:
        log(f"{device} only emulates bf16, which takes many times as long as --precision fp32")
    # What steps through the batches. `model` keeps the parameters under their plain names.
    net: Any = world.wrap(model, device)
    if config.compile:
        net = torch.compile(net)
    loss_of = nn.CrossEntropyLoss(reduction="sum", label_smoothing=config.label_smoothing)
    mirrors = config.augment and config.data == "cifar10"
    alternates, flips = (mirrors and config.flip == kind for kind in ("alternating", "random"))
    shifts: dict[str, Any] = {"pad": config.shift, "border": config.border, "flip": flips}
    toss = torch.Generator().manual_seed(config.seed)
    coins = torch.randint(2, (len(train_x),), generator=toss, device="cpu").bool().to(device)
    for epoch in range(len(history) + 1, config.epochs + 1):
        begun = time.perf_counter()
        # An epoch draws from generators of its own. So a resumed run sees what it would have seen.
        on_device = torch.Generator(device).manual_seed(config.seed * 100_003 + epoch)
        loss_sum = torch.zeros((), device=device)
        correct = torch.zeros((), device=device, dtype=torch.long)
        seen = 0
        # Anew each epoch, at whose end slow and fast weights agree: a checkpoint needs one of them.
        lookahead = optim.Lookahead(model, config.lookahead) if config.lookahead else None
        net.train()
        order = torch.Generator().manual_seed(config.seed * 100_003 + epoch)
        pictures = data.alternate_flip(train_x, epoch, coins) if alternates else train_x
        for step, (x, y) in enumerate(
            data.batches(pictures, train_y, config.batch_size, generator=order)
        ):
            x = x.float() / 255
            if config.light != "fixed":
                x = light.vary(x, config.light, on_device)
            x = scale(x)
            if config.augment:
                x = data.augment(x, **shifts, generator=on_device)
            # The processes' gradients are averaged, so this makes the loss the mean over the joint
            # batch, even where it cannot be shared equally.
            weight = world.size / len(y)
            seen += len(y)
            x, y = world.share(x, y)
            done = (epoch - 1) * steps + step
            rate = config.lr * optim.rate(done, steps * config.epochs, config.schedule)
            for group in optimizer.param_groups:
                group["lr"] = rate * group["factor"]
            with autocast(device, config.precision):
                logits = net(x.contiguous(memory_format=torch.channels_last))
                loss = loss_of(logits, y) * weight
            optimizer.zero_grad()
            loss.backward()
            if config.clip:
                nn.utils.clip_grad_norm_(model.parameters(), config.clip)
            optimizer.step()
            last_step = step == steps - 1
            if lookahead and ((step + 1) % config.lookahead == 0 or last_step):
                lookahead.update((done + 1) / (steps * config.epochs))

            loss_sum += loss.detach() / weight
            correct += (logits.detach().argmax(1) == y).sum()
            if step % 20 == 0 or last_step:
                total, right = world.sum(loss_sum).item(), world.sum(correct).item()
                if not math.isfinite(total):
                    raise _not_finite(f"the loss is {total}", epoch, step + 1, rate, last)
                speed = seen / (time.perf_counter() - begun)
                left = (config.epochs * steps - done - 1) * config.batch_size / speed
                if rewrites:
                    _rewrite_line(
                        f"epoch {epoch}/{config.epochs} {(step + 1) / steps:4.0%}  "
                        f"loss {total / seen:.4f}  train {right / seen:.2%}  "
                        f"{speed:.0f} pictures/s  {_duration(left)} left"
                    )
        # The last step's loss may be finite and its update not: no checkpoint may keep that.
        for key, value in model.state_dict().items():
            if not value.isfinite().all():
                raise _not_finite(f"{key} is infinite or NaN", epoch, steps, rate, last)
        world.agree(model)
        held = None
        if len(held_x):
            held = score(held_x, held_y, 1)  # more views take longer, and change no choice
        train_loss, train_accuracy = total / seen, right / seen
        seconds = time.perf_counter() - begun
        history.append(
            {
                "epoch": epoch,
                "train_loss": train_loss,
                "train_accuracy": train_accuracy,
                "validation_accuracy": held,
                "seconds": seconds,
            }
        )
        filters.append(models.first_filters(model).cpu())
        if config.score_test:
            history[-1]["test_accuracy"] = score(dataset.test_x, dataset.test_y, config.views)
        if world.is_first:
            checkpoint.save(
                {
                    "config": config.run(),
                    "epoch": epoch,
                    "model": model.state_dict(),
                    "optimizer": optimizer.state_dict(),
                    "history": history,
                    "filters": filters,
                    "processes": world.size,
                },
                last,
            )
        log(
            f"epoch {epoch}/{config.epochs}  loss {train_loss:.4f}  train {train_accuracy:.2%}  "
            + (f"validation {held:.2%}  " if held is not None else "")
            + f"{len(train_x) / seconds:.0f} pictures/s  {_duration(seconds)}"
        )

    record = Record(
        config=config.run(),
        test_accuracy=score(dataset.test_x, dataset.test_y, config.views),
        validation_accuracy=history[-1]["validation_accuracy"],
        epochs=history,
        seconds=sum(entry["seconds"] for entry in history),
        parameters=sum(p.numel() for p in model.parameters()),
        versions=versions(),
        hardware=hardware(device) | ({"processes": world.size} if world.size > 1 else {}),
        weights="model.safetensors",
        filters="filters.safetensors",
        best_test_accuracy=(
            max(entry["test_accuracy"] for entry in history) if config.score_test else None
        ),
    )
    if world.is_first:
        checkpoint.save_tensors(model.state_dict(), out / "model.safetensors")
        checkpoint.save_tensors({"filters": torch.stack(filters)}, out / "filters.safetensors")
        record.save(finished)
    log(f"test {record.test_accuracy:.2%}, {record.parameters:,} parameters, {finished}")
    return record


def network(config: TrainConfig) -> nn.Module:
    """The network of a config before training, on the CPU.

    >>> network(TrainConfig(data="textures", model="resnet8")).head
    Linear(in_features=64, out_features=10, bias=True)
    """
    (channels, height, _), classes = data.SHAPES[config.data]
    model = models.build(
        config.model,
        num_classes=classes,
        in_channels=channels,
        image_size=height,
        activation=config.activation,
        stem_padding=config.stem_padding,
        stem_norm=config.stem_norm,
    )
    if config.kernel != "linear":
        # Of those that are trained: the stem of FastNet is not.
        convolutions = {n: m for n, m in model.named_modules() if isinstance(m, nn.Conv2d)}
        trained = [n for n, m in convolutions.items() if m.weight.requires_grad]
        chosen = {
            "first": trained[:1],
            "last": trained[-1:],
            "spatial": [n for n in trained if max(convolutions[n].kernel_size) > 1],
            "all": trained,
        }[config.where]
        convert_model(model, config.kernel, where=lambda name, conv: name in chosen, inplace=True)
    return model.to(memory_format=torch.channels_last)


def recorded_network(name: str | Path) -> nn.Module:
    """The trained network of a run, by name or `.json` path, in evaluation mode, on the CPU.

    Raises:
        ValueError: there is no such run, or its weights do not come with the package.
    """
    model = network(TrainConfig.of(name, load_record(name).config))
    model.load_state_dict(tensors_of(name))
    return model.eval()


def _split(dataset: data.Dataset, config: TrainConfig) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Training and held-out pictures, from a permutation that the seed fixes."""
    n = len(dataset.train_x)
    if config.limit > n:
        raise ValueError(
            f"limit must be at most {n}, the pictures of {config.data}, got {config.limit}"
        )
    order = torch.randperm(n, generator=torch.Generator().manual_seed(config.seed), device="cpu")
    order = order[: config.limit or None].to(dataset.train_x.device)
    held = round(config.validation * len(order))
    if held == len(order):
        raise ValueError(
            f"validation={config.validation} leaves none of {held} pictures to train on"
        )
    chosen, rest = order[held:], order[:held]
    x, y = dataset.train_x, dataset.train_y
    return x[chosen], y[chosen], x[rest], y[rest]


def device_type(name: str) -> str:
    """The kind of device that `TrainConfig.device` names: "cuda" or "cpu".

    >>> device_type("cuda:1")
    'cuda'
    """
    cuda = name.startswith("cuda") or (name == "auto" and torch.cuda.is_available())
    return "cuda" if cuda else "cpu"


def _device(name: str, world: World) -> torch.device:
    if name == "auto":
        name = device_type(name)
    if device_type(name) == "cuda" and world.size > 1:
        if name != "cuda":
            raise ValueError(
                f"device must be auto, cpu or cuda for {world.size} processes, got {name!r}: "
                "each takes a GPU of its own"
            )
        name = f"cuda:{world.local_rank}"
    wrong = f"device must be auto, cpu, cuda or cuda:N, got {name!r}"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ValueError(wrong) from error
    if device.type not in ("cpu", "cuda"):
        raise ValueError(wrong)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ValueError(f"device {name!r} is not there: {torch.cuda.device_count()} GPUs found")
    return device


def _not_finite(what: str, epoch: int, step: int, lr: float, last: Path) -> NotFinite:
    kept = f"; the last good checkpoint is {last}" if last.exists() else ""
    return NotFinite(
        f"{what} by epoch {epoch}, step {step}, at learning rate {lr:.4g}: "
        f"try a lower --lr, a model with batch norm, or another kernel{kept}"
    )


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def _print_line(line: str) -> None:
    print(f"\r\x1b[K{line}" if sys.stdout.isatty() else line, flush=True)


def _print_nothing(line: str) -> None:
    """One process speaks for all."""


def _rewrite_line(line: str) -> None:
    """Progress within an epoch, on a terminal only: a log file would fill up with it."""
    print(f"\r\x1b[K{line[: shutil.get_terminal_size().columns - 1]}", end="", flush=True)


if __name__ == "__main__":
    from .cli import main

    sys.exit(main())
