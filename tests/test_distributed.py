"""Two processes of torchrun against one, and what happens when one of them dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from safetensors.torch import load_file
from torch import nn

from kerv import checkpoint, distributed, records
from kerv.distributed import World, join

pytestmark = pytest.mark.slow

SETTINGS = ["--data", "textures", "--model", "lenet5", "--kernel", "gaussian", "--device", "cpu"]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}


def command(program: list[str], out: Path, *more: str) -> list[str]:
    return [*program, "-m", "kerv.train", *SETTINGS, "--out", str(out), *more]


def test_two_processes_equal_one(tmp_path: Path) -> None:
    # 233 pictures: the last batch of 41 cannot be shared equally.
    more = ["--limit", "259", "--batch-size", "64", "--epochs", "2", "--clip", "1"]
    runs = {"one": [sys.executable], "two": TORCHRUN}
    said = {}
    for name, program in runs.items():
        done = subprocess.run(
            command(program, tmp_path / name, *more),
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        said[name] = done.stdout
    one, two = (records.load(tmp_path / name / "record.json") for name in runs)
    assert two.hardware["processes"] == 2
    assert "2 processes on cpu" in said["two"]
    assert said["two"].count("epoch 1/2") == 1
    assert two.test_accuracy == pytest.approx(one.test_accuracy, abs=0.002)
    for a, b in zip(one.epochs, two.epochs, strict=True):
        assert b["train_loss"] == pytest.approx(a["train_loss"], rel=1e-4)
    weights = [load_file(tmp_path / name / "model.safetensors") for name in runs]
    for key, value in weights[0].items():
        torch.testing.assert_close(weights[1][key], value, rtol=1e-3, atol=1e-4)


def test_a_process_takes_a_gpu_of_its_own_node(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 8)
    assert distributed.device_of("cuda", World(rank=9, size=16, local_rank=1)).index == 1


def test_one_gpu_by_number_is_refused_for_several_processes() -> None:
    with pytest.raises(ValueError, match="for 2 processes, got 'cuda:0'"):
        distributed.device_of("cuda:0", World(rank=1, size=2, local_rank=1))


def test_after_an_error_nobody_waits_for_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[str] = []
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(dist, "init_process_group", lambda *_, **__: None)
    monkeypatch.setattr(dist, "get_rank", lambda: 0)
    monkeypatch.setattr(dist, "destroy_process_group", lambda: left.append("left"))
    with pytest.raises(MemoryError), join("cpu"):
        raise MemoryError
    assert not left
    with join("cpu") as world:
        assert world == World(0, 2)
    assert left == ["left"]


def test_on_gpus_batch_norms_see_the_joint_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nn.parallel, "DistributedDataParallel", lambda model: model)
    for device, norm in (("cuda", nn.SyncBatchNorm), ("cpu", nn.BatchNorm2d)):
        model = nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1))
        assert type(World(size=2).wrap(model, torch.device(device))[1]) is norm


def test_too_few_pictures_to_share(tmp_path: Path) -> None:
    more = ["--limit", "130", "--batch-size", "58", "--epochs", "1"]
    done = subprocess.run(
        command(TORCHRUN, tmp_path / "run", *more),
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "leaves a last batch of 1 pictures, too few for 2 processes" in done.stderr


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds the workers in /proc")
def test_a_dead_worker_stops_the_run_and_leaves_a_checkpoint(tmp_path: Path) -> None:
    more = ["--limit", "2000", "--epochs", "1000"]
    running = subprocess.Popen(
        command(TORCHRUN, tmp_path / "run", *more),
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        last, begun = tmp_path / "run" / "last.pt", time.monotonic()
        while not last.exists():
            assert running.poll() is None
            assert time.monotonic() - begun < 120
            time.sleep(0.1)
        children = Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGKILL)
        assert running.wait(timeout=120) != 0
    finally:
        running.kill()
    assert checkpoint.load(last)["epoch"] >= 1
    for pid in children:
        assert not Path(f"/proc/{pid}").exists(), "a worker was left behind"


def test_statistics_become_those_of_the_first(tmp_path: Path) -> None:
    script = tmp_path / "agree.py"
    script.write_text("""if True:
        import sys
        from pathlib import Path
        import torch
        from kerv import distributed
        with distributed.join("cpu") as world:
            norm = torch.nn.BatchNorm2d(1)
            norm.running_mean.fill_(world.rank + 1.0)
            world.agree(norm)
            total = world.sum(torch.tensor(world.rank + 1.0))
            said = f"mean {norm.running_mean.item()} sum {total.item()}"
            # One file each: two processes printing to one pipe cut into each other's lines.
            Path(sys.argv[1], f"{world.rank}.txt").write_text(said)
        """)
    subprocess.run([*TORCHRUN, str(script), str(tmp_path)], env=ENVIRONMENT, check=True)
    for rank in (0, 1):
        assert (tmp_path / f"{rank}.txt").read_text() == "mean 1.0 sum 3.0"
