"""Several processes that train one model, as torchrun starts them.

    torchrun --nproc-per-node 2 -m kerv.train --data cifar10 --model resnet20

What torchrun says stands in the environment: RANK, LOCAL_RANK and WORLD_SIZE. Every process draws
the same joint batch and takes its share of it. So N processes take the steps that one would; on
CPUs, where each process normalises by its own share, only without batch norm. On GPUs each process
has one of its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor, nn


@dataclass(frozen=True)
class World:
    """How many processes there are, and which of them this one is."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    @property
    def is_first(self) -> bool:
        """Whether this process prints and writes."""
        return self.rank == 0

    def wrap(self, model: nn.Module, device: torch.device) -> nn.Module:
        """The model with its gradients averaged over the processes.

        Batch norms see the joint batch on GPUs alone; torch has nothing for it on CPUs, where each
        process normalises by its own share.
        """
        if self.size == 1:
            return model
        if device.type == "cuda":
            model = nn.SyncBatchNorm.convert_sync_batchnorm(model)
        return nn.parallel.DistributedDataParallel(model)

    def share(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """This process's part of something joint."""
        return tuple(tensor[self.rank :: self.size] for tensor in tensors)

    def sum(self, value: Tensor) -> Tensor:
        """The sum over the processes."""
        if self.size > 1:
            value = value.clone()
            dist.all_reduce(value)
        return value

    @contextmanager
    def first_alone(self) -> Iterator[None]:
        """The first process goes ahead, the others follow when it is through."""
        if self.size > 1 and not self.is_first:
            dist.barrier()
        yield
        if self.size > 1 and self.is_first:
            dist.barrier()

    def agree(self, model: nn.Module) -> None:
        """Give every process the running statistics of the first."""
        if self.size > 1:
            for buffer in model.buffers():
                dist.broadcast(buffer, 0)


@contextmanager
def join(device_type: str) -> Iterator[World]:
    """The world that torchrun has set up, or a world of one."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield World()
        return
    local_rank = int(os.environ.get("LOCAL_RANK", "0"))
    if device_type == "cuda" and local_rank < torch.cuda.device_count():
        # Otherwise the first barrier would have to guess each process's GPU.
        torch.cuda.set_device(local_rank)
    # The others wait while the first downloads, which may take longer than torch's ten minutes.
    backend = "nccl" if device_type == "cuda" else "gloo"
    dist.init_process_group(backend, timeout=timedelta(hours=2))
    yield World(dist.get_rank(), size, local_rank)
    # Not after an error: NCCL would wait here for processes that wait for this one.
    dist.destroy_process_group()


def device_type(name: str) -> str:
    """The kind of device that `TrainConfig.device` names: "cuda" or "cpu".

    >>> device_type("cuda:1")
    'cuda'
    """
    cuda = name.startswith("cuda") or (name == "auto" and torch.cuda.is_available())
    return "cuda" if cuda else "cpu"


def device_of(name: str, world: World) -> torch.device:
    """The device that this process computes on.

    Raises:
        ValueError: the name is none of `TrainConfig.device`, or the device is not there.
    """
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
