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

from . import checkpoint, data, distributed, models, optim, scaling
from .config import TrainConfig as TrainConfig
from .convert import convert_model
from .distributed import World
from .evaluation import autocast, computes_bf16, evaluate_shared
from .fastnet import FastNet
from .init import init_from_data
from .loader import Loader, split
from .records import Record, hardware, tensors_of, versions
from .records import load as load_record

# Of the files in the folder of a run, those that others look for.
LAST, RECORD = "last.pt", "record.json"


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
        PermissionError: the folder cannot be written to.
        ImportError: safetensors is not there.
        NotFinite: the loss or a weight became infinite or NaN; the last checkpoint is kept.
        ValueError: the device is not there, no picture is left to train on, `limit` is more than
            there are, the last batch is too small for the processes, or `init_from_data` or
            `convert_model` refuses the network.

    A run that has ended is not run again: with `resume` its record comes back.
    """
    with distributed.join(distributed.device_type(config.device)) as world:
        return _train(config, log, world)


def _train(config: TrainConfig, log: Callable[[str], None] | None, world: World) -> Record:
    on_terminal = log is None and sys.stdout.isatty() and world.is_first
    rewrite = _rewrite_line if on_terminal else None
    log = (log or _print_line) if world.is_first else _print_nothing
    checkpoint.require_safetensors()
    device = distributed.device_of(config.device, world)
    fast = computes_bf16(device)
    if config.precision == "auto":  # a record must say which it was
        config = dataclasses.replace(config, precision="bf16" if fast else "fp32")
    out = Path(config.resume).parent if config.resume and not config.out else config.folder()
    finished = _finished(config, out)
    if finished is not None:
        log(f"{out} is finished: test {finished.test_accuracy:.2%}")
        return finished
    state = _state(config, device, world)
    with world.first_alone():  # it may have to download
        dataset = data.load(config.data, config.root, device)
    run = Run(config, dataset, world, out, state)
    # A folder that cannot be written to: say so before an epoch.
    out.mkdir(parents=True, exist_ok=True)
    if not os.access(out, os.W_OK):
        raise PermissionError(f"cannot write into {out}")
    name = f"{config.model} with {config.kernel} on {config.data}, {len(run.loader.x)} pictures"
    where = f"{device}" if world.size == 1 else f"{world.size} processes on {device.type}"
    log(f"{name}, {where}, {config.precision}, into {out}")
    if config.precision == "bf16" and not fast:
        log(f"{device} only emulates bf16, which takes many times as long as --precision fp32")
    while len(run.history) < config.epochs:
        log(run.epoch(len(run.history) + 1, rewrite))
    record = run.finish()
    log(f"test {record.test_accuracy:.2%}, {record.parameters:,} parameters, {out / RECORD}")
    return record


def _finished(config: TrainConfig, out: Path) -> Record | None:
    """The record of the run, if it has ended; an error, if its folder is that of another run."""
    last, finished = out / LAST, out / RECORD
    # A checkpoint may go on in a folder of its own, but not in that of a third run.
    goes_on = config.resume is not None and last.resolve() == Path(config.resume).resolve()
    if goes_on and finished.exists():
        record = load_record(finished)
        before = TrainConfig.of(finished, record.config).run()
        checkpoint.refuse_other_run(finished, before, config.run())
        return record
    if not goes_on and (last.exists() or finished.exists()):
        go_on = f"go on with --resume {last}, or " if last.exists() else ""
        raise FileExistsError(f"{out} holds a run already: {go_on}name another --out")
    return None


def _state(config: TrainConfig, device: torch.device, world: World) -> dict[str, Any] | None:
    """What the checkpoint holds that the run is to go on from, if there is one."""
    if config.resume is None:
        return None
    state = checkpoint.load(config.resume)
    before = TrainConfig.of(config.resume, state["config"]).run()
    checkpoint.refuse_other_run(config.resume, before, config.run())
    processes = state.get("processes", world.size)
    if processes != world.size and device.type == "cpu":
        raise checkpoint.CheckpointError(
            f"{config.resume} is of {processes} processes, and now there are {world.size}: on "
            "a CPU each normalises its own share, so that would be another training"
        )
    return state


class Run:
    """A run between two epochs: the network, what moves it, and how it has gone so far."""

    def __init__(
        self,
        config: TrainConfig,
        dataset: data.Dataset,
        world: World,
        out: Path | None = None,
        state: dict[str, Any] | None = None,
    ) -> None:
        self.config, self.dataset, self.world = config, dataset, world
        self.out = config.folder() if out is None else out
        self.device = dataset.train_x.device
        self.scale = scaling.scaler(config.normalize, dataset)
        x, y, self.held_x, self.held_y = split(dataset, config)
        self.loader = Loader(x, y, self.scale, config)
        rest = len(x) - (self.loader.steps - 1) * config.batch_size
        if rest < world.size:
            raise ValueError(
                f"batch_size={config.batch_size} leaves a last batch of {rest} pictures, "
                f"too few for {world.size} processes"
            )
        torch.manual_seed(config.seed)
        self.model = model = network(config).to(self.device)
        if state is None and isinstance(model, FastNet):
            model.whiten(self.loader.first(5000))
        if state is None and config.init == "data":
            batch = self.loader.first(config.batch_size)
            init_from_data(model, batch, scale=config.init_scale, seed=config.seed)
        self.optimizer = optim.sgd(model, config)
        self.history: list[dict[str, Any]] = []
        # Before the first epoch and after each, for figures that show how filters came about.
        self.filters = [models.first_filters(model).cpu()]
        if state is not None:
            checkpoint.restore(str(config.resume), state, model, self.optimizer)
            self.history, self.filters = state["history"], state["filters"]
        # What steps through the batches. `model` keeps the parameters under their plain names.
        self.net: Any = world.wrap(model, self.device)
        if config.compile:
            self.net = torch.compile(self.net)

    def epoch(self, number: int, rewrite: Callable[[str], None] | None) -> str:
        """Train for one epoch, score, leave a checkpoint, and return a line about it.

        Raises:
            NotFinite: the loss or a weight became infinite or NaN.
        """
        config, begun = self.config, time.perf_counter()
        loss, accuracy = self.steps(number, begun, rewrite)
        self.world.agree(self.model)
        held = None
        if len(self.held_x):
            held = self._score(self.held_x, self.held_y, 1)  # more views change no choice
        seconds = time.perf_counter() - begun
        entry = {
            "epoch": number,
            "train_loss": loss,
            "train_accuracy": accuracy,
            "validation_accuracy": held,
            "seconds": seconds,
        }
        self.history.append(entry)
        self.filters.append(models.first_filters(self.model).cpu())
        if config.score_test:
            entry["test_accuracy"] = self._test()
        if self.world.is_first:
            state = {
                "config": config.run(),
                "epoch": number,
                "model": self.model.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "history": self.history,
                "filters": self.filters,
                "processes": self.world.size,
            }
            checkpoint.save(state, self.out / LAST)
        return (
            f"epoch {number}/{config.epochs}  loss {loss:.4f}  train {accuracy:.2%}  "
            + (f"validation {held:.2%}  " if held is not None else "")
            + f"{len(self.loader.x) / seconds:.0f} pictures/s  {_duration(seconds)}"
        )

    def steps(
        self, number: int, begun: float, rewrite: Callable[[str], None] | None = None
    ) -> tuple[float, float]:
        """Step through the batches of an epoch; its mean loss, and its training accuracy.

        Args:
            number: of the epoch; the first is 1.
            begun: when it began, by `time.perf_counter`.
            rewrite: takes a line on how far it is.

        Raises:
            NotFinite: the loss or a weight became infinite or NaN.
        """
        config, model, world, steps = self.config, self.model, self.world, self.loader.steps
        all_steps = steps * config.epochs
        loss_of = nn.CrossEntropyLoss(reduction="sum", label_smoothing=config.label_smoothing)
        loss_sum = torch.zeros((), device=self.device)
        correct = torch.zeros((), device=self.device, dtype=torch.long)
        seen = 0
        # Anew each epoch, at whose end slow and fast weights agree: a checkpoint needs one of them.
        lookahead = optim.Lookahead(model, config.lookahead) if config.lookahead else None
        self.net.train()
        for step, (x, y) in enumerate(self.loader.epoch(number)):
            # The processes' gradients are averaged, so this makes the loss the mean over the joint
            # batch, even where it cannot be shared equally.
            weight = world.size / len(y)
            seen += len(y)
            x, y = world.share(x, y)
            done = (number - 1) * steps + step
            rate = config.lr * optim.rate(done, all_steps, config.schedule)
            for group in self.optimizer.param_groups:
                group["lr"] = rate * group["factor"]
            with autocast(self.device, config.precision):
                logits = self.net(x.contiguous(memory_format=torch.channels_last))
                loss = loss_of(logits, y) * weight
            self.optimizer.zero_grad()
            loss.backward()
            if config.clip:
                nn.utils.clip_grad_norm_(model.parameters(), config.clip)
            self.optimizer.step()
            last_step = step == steps - 1
            if lookahead and ((step + 1) % config.lookahead == 0 or last_step):
                lookahead.update((done + 1) / all_steps)

            loss_sum += loss.detach() / weight
            correct += (logits.detach().argmax(1) == y).sum()
            if step % 20 == 0 or last_step:
                total, right = world.sum(loss_sum).item(), world.sum(correct).item()
                if not math.isfinite(total):
                    raise self._not_finite(f"the loss is {total}", number, step + 1, rate)
                speed = seen / (time.perf_counter() - begun)
                left = (all_steps - done - 1) * config.batch_size / speed
                if rewrite:
                    rewrite(
                        f"epoch {number}/{config.epochs} {(step + 1) / steps:4.0%}  "
                        f"loss {total / seen:.4f}  train {right / seen:.2%}  "
                        f"{speed:.0f} pictures/s  {_duration(left)} left"
                    )
        # The last step's loss may be finite and its update not: no checkpoint may keep that.
        for key, value in model.state_dict().items():
            if not value.isfinite().all():
                raise self._not_finite(f"{key} is infinite or NaN", number, steps, rate)
        return total / seen, right / seen

    def finish(self) -> Record:
        """Read the test set, and write the record, the weights and the filters."""
        config, history = self.config, self.history
        several = {"processes": self.world.size} if self.world.size > 1 else {}
        record = Record(
            config=config.run(),
            test_accuracy=self._test(),
            validation_accuracy=history[-1]["validation_accuracy"],
            epochs=history,
            seconds=sum(entry["seconds"] for entry in history),
            parameters=sum(p.numel() for p in self.model.parameters()),
            versions=versions(),
            hardware=hardware(self.device) | several,
            weights="model.safetensors",
            filters="filters.safetensors",
            best_test_accuracy=(
                max(entry["test_accuracy"] for entry in history) if config.score_test else None
            ),
        )
        if self.world.is_first:
            checkpoint.save_tensors(self.model.state_dict(), self.out / "model.safetensors")
            filters = {"filters": torch.stack(self.filters)}
            checkpoint.save_tensors(filters, self.out / "filters.safetensors")
            record.save(self.out / RECORD)
        return record

    def _test(self) -> float:
        return self._score(self.dataset.test_x, self.dataset.test_y, self.config.views)

    def _score(self, x: Tensor, y: Tensor, views: int) -> float:
        precision = self.config.precision
        return evaluate_shared(self.model, x, y, self.scale, precision, views, self.world)

    def _not_finite(self, what: str, epoch: int, step: int, lr: float) -> NotFinite:
        last = self.out / LAST
        kept = f"; the last good checkpoint is {last}" if last.exists() else ""
        return NotFinite(
            f"{what} by epoch {epoch}, step {step}, at learning rate {lr:.4g}: "
            f"try a lower --lr, a model with batch norm, or another kernel{kept}"
        )


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

    Weights that come with the package were stored in float16, so its answers differ a little from
    those of the run, and its accuracy may.

    Raises:
        ValueError: there is no such run, or its weights do not come with the package.
        FileNotFoundError: there is no such file.

    >>> recorded_network("mnist/convolution-seed0")[0]
    Conv2d(1, 6, kernel_size=(5, 5), stride=(1, 1), padding=(2, 2))
    """
    model = network(TrainConfig.of(name, load_record(name).config))
    model.load_state_dict(tensors_of(name))
    return model.eval()


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
