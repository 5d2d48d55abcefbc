"""Datasets, augmentation and batches."""

from __future__ import annotations

import hashlib
import pickle
import struct
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import torchvision
from conftest import real_data

from kerv import data, download, light, textures


def write_fake_cifar10(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CIFAR-10's files as torchvision reads them, with 20 random pictures each."""
    folder = root / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name in [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]:
        batch = {
            "data": rng.integers(0, 256, (20, 3072), dtype=np.uint8),
            "labels": list(map(int, rng.integers(0, 10, 20))),
        }
        (folder / name).write_bytes(pickle.dumps(batch))
    names = ["airplane", "automobile", "bird", "cat", "deer"]
    names += ["dog", "frog", "horse", "ship", "truck"]
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": names}))
    # Torchvision compares checksums; these are of its files, not of ours.
    monkeypatch.setattr(torchvision.datasets.CIFAR10, "_check_integrity", lambda self: True)
    monkeypatch.setattr(torchvision.datasets.cifar, "check_integrity", lambda path, md5: True)


def write_fake_mnist(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = root / "MNIST" / "raw"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for part in ("train", "t10k"):
        pictures = rng.integers(0, 256, (30, 28, 28), dtype=np.uint8)
        header = struct.pack(">IIII", 0x803, 30, 28, 28)
        (folder / f"{part}-images-idx3-ubyte").write_bytes(header + pictures.tobytes())
        labels = rng.integers(0, 10, 30, dtype=np.uint8)
        header = struct.pack(">II", 0x801, 30)
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(header + labels.tobytes())
    written = {path.name: hashlib.md5(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    assert written.keys() == data.MNIST_MD5.keys()
    monkeypatch.setattr(data, "MNIST_MD5", written)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with both datasets: the real ones if this machine has them."""
    real = real_data()
    if real:
        return real
    write_fake_cifar10(tmp_path, monkeypatch)
    write_fake_mnist(tmp_path, monkeypatch)
    return tmp_path


@pytest.mark.parametrize(("name", "shape"), [("cifar10", (3, 32, 32)), ("mnist", (1, 28, 28))])
def test_real_formats(name: str, shape: tuple, root: Path, device: torch.device) -> None:
    dataset = data.load(name, root, device)
    for x, y in ((dataset.train_x, dataset.train_y), (dataset.test_x, dataset.test_y)):
        assert x.dtype == torch.uint8
        assert y.dtype == torch.int64
        assert x.shape == (len(y), *shape)
        assert {x.device.type, y.device.type} == {device.type}
    assert dataset.shape == shape
    assert len(dataset.classes) == 10
    if len(dataset.train_x) >= 50_000:
        assert len(dataset.train_x) == data.TRAINING_PICTURES[name]
        x, channels = dataset.normalize(dataset.train_x), shape[0]
        zeros, ones = torch.zeros(channels), torch.ones(channels)
        torch.testing.assert_close(x.mean((0, 2, 3)).cpu(), zeros, atol=2e-3, rtol=0)
        torch.testing.assert_close(x.std((0, 2, 3)).cpu(), ones, atol=2e-3, rtol=0)


def test_pixels_and_labels_are_those_of_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_fake_cifar10(tmp_path, monkeypatch)
    write_fake_mnist(tmp_path, monkeypatch)
    rng = np.random.default_rng(0)  # as the files were drawn
    found = data.load("cifar10", tmp_path)
    parts = [*zip(found.train_x.split(20), found.train_y.split(20), strict=True)]
    for x, y in [*parts, (found.test_x, found.test_y)]:
        pixels = rng.integers(0, 256, (20, 3072), dtype=np.uint8).reshape(20, 3, 32, 32)
        assert np.array_equal(x.numpy(), pixels)
        assert np.array_equal(y.numpy(), rng.integers(0, 10, 20))
    rng, found = np.random.default_rng(0), data.load("mnist", tmp_path)
    for x, y in ((found.train_x, found.train_y), (found.test_x, found.test_y)):
        assert np.array_equal(x[:, 0].numpy(), rng.integers(0, 256, (30, 28, 28), dtype=np.uint8))
        assert np.array_equal(y.numpy(), rng.integers(0, 10, 30, dtype=np.uint8))


def test_the_environment_names_the_folder(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERV_DATA", str(root))
    assert data.load("mnist").shape == (1, 28, 28)
    monkeypatch.setenv("KERV_DATA", "~/nowhere")
    monkeypatch.setattr(data, "_from_torchvision", lambda name, folder: pytest.fail(str(folder)))
    with pytest.raises(pytest.fail.Exception, match=r"^/"):
        data.load("mnist")


def test_computed_pictures_do_not_depend_on_the_default_type() -> None:
    pictures, labels = textures.make(2, seed=0)
    drawn = light.noise(torch.zeros(1, 1, 4, 4), 0.1)
    torch.set_default_dtype(torch.float64)
    try:
        again, same = textures.make(2, seed=0)
        redrawn = light.noise(torch.zeros(1, 1, 4, 4, dtype=torch.float32), 0.1)
    finally:
        torch.set_default_dtype(torch.float32)
    assert (again.int() - pictures.int()).abs().max() <= 1, "rounding alone may differ"
    assert torch.equal(same, labels)
    assert torch.equal(redrawn, drawn)


def test_normalize_by_hand() -> None:
    dataset = data.load("textures")
    x = torch.tensor([0, 255], dtype=torch.uint8).reshape(2, 1, 1, 1)
    expected = torch.tensor([-0.5, 0.5]) * 255 / 32
    torch.testing.assert_close(dataset.normalize(x).flatten(), expected)


def no_network(*_: object, **__: object) -> None:
    raise OSError("no network")


@pytest.mark.parametrize("name", ["cifar10", "mnist"])
def test_nothing_there_and_no_network(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "urlopen", no_network)
    with pytest.raises(data.DataError) as caught:
        data.load(name, tmp_path)
    for part in (repr(name), "is not there and did not download", str(tmp_path)):
        assert part in str(caught.value)
    for way_out in ("set KERV_DATA", "network connection", "'textures' needs no files"):
        assert way_out in str(caught.value)


def test_a_damaged_file_is_neither_used_nor_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    (folder / "data_batch_1").write_bytes(b"half a file")
    with pytest.raises(data.DataError, match="'cifar10' is damaged or incomplete"):
        data.load("cifar10", tmp_path)
    assert (folder / "data_batch_1").read_bytes() == b"half a file"


def test_another_dataset_in_the_files_of_mnist(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        write_fake_mnist(tmp_path, patch)
    with pytest.raises(data.DataError, match="train-images-idx3-ubyte is not that of MNIST"):
        data.load("mnist", tmp_path)


def test_a_truncated_or_emptied_mnist_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_fake_mnist(tmp_path, monkeypatch)
    path = tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte"
    whole = path.read_bytes()
    for damaged in (whole[:-100], bytes(len(whole))):
        path.write_bytes(damaged)
        with pytest.raises(data.DataError, match="'mnist' is damaged or incomplete"):
            data.load("mnist", tmp_path)


def test_unknown_dataset() -> None:
    with pytest.raises(ValueError, match=r"unknown dataset 'cifar'; .* cifar10, mnist, textures"):
        data.load("cifar")


def test_alternating_flips_show_both_sides_in_two_epochs() -> None:
    x = torch.arange(24).reshape(6, 1, 2, 2)
    coins = torch.tensor([True, False] * 3)
    a, b, c = (data.alternate_flip(x, epoch, coins) for epoch in (1, 2, 3))
    assert torch.equal(a, c)
    for picture, first, second in zip(x, a, b, strict=True):
        assert {first[0, 0, 0].item(), second[0, 0, 0].item()} == set(picture[0, 0].tolist())


def test_augmentation_and_views_run_on_a_fake_gpu() -> None:
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode():
        x = torch.empty(4, 3, 8, 8, device="cuda")
        assert data.augment(x, border="reflect").device.type == "cuda"
        assert all(view.device.type == "cuda" for view in data.views(x, 6))


def test_six_views() -> None:
    x = torch.arange(9.0).reshape(1, 1, 3, 3)
    assert [len(list(data.views(x, n))) for n in (1, 2, 6)] == [1, 2, 6]
    views = list(data.views(x, 6))
    assert torch.equal(views[0], x)
    # Down and right by one pixel, mirrored at the edge, and up and left.
    assert views[2][0, 0].tolist() == [[4, 3, 4], [1, 0, 1], [4, 3, 4]]
    assert views[4][0, 0].tolist() == [[4, 5, 4], [7, 8, 7], [4, 5, 4]]
    for plain, mirrored in zip(views[::2], views[1::2], strict=True):
        assert torch.equal(plain.flip(3), mirrored)


# ------------------------------------------------------------------------------- textures


def test_textures_and_noise_are_the_same_on_any_default_device() -> None:
    pictures, labels = textures.make(2, 0)
    noisy = light.noise(pictures.float(), 0.1)
    with torch.device("meta"):
        again, same = textures.make(2, 0)
        assert torch.equal(again, pictures)
        assert torch.equal(same, labels)
        assert torch.equal(light.noise(again.float(), 0.1), noisy)


def test_textures_are_made_fast_and_the_same_each_time() -> None:
    state = torch.random.get_rng_state()
    start = time.process_time()
    first = data.load("textures")
    assert time.process_time() - start < 20
    assert first.train_x.shape == (data.TRAINING_PICTURES["textures"], 1, 32, 32)
    assert first.test_x.shape == (2_000, 1, 32, 32)
    assert (first.train_y.bincount() == 1000).all()
    assert (first.test_y.bincount() == 200).all()
    torch.manual_seed(99)
    assert torch.equal(data.load("textures").test_x, first.test_x)
    assert not torch.equal(first.train_x[0], first.test_x[0])
    torch.random.set_rng_state(state)


def test_textures_have_no_mean_and_one_variance() -> None:
    x, _ = textures.make(20, seed=3)
    z = (x.float() - 127.5) / textures.LEVELS
    # Rounding to grey levels is all that is left of the mean.
    assert z.mean((1, 2, 3)).abs().max() < 1e-3
    torch.testing.assert_close(z.var((1, 2, 3)), torch.ones(len(z)), atol=0.02, rtol=0)
    assert ((x == 0) | (x == 255)).float().mean() < 1e-3


def nearest_mean_accuracy(features: torch.Tensor, y: torch.Tensor) -> float:
    """Class means from the first half, nearest of them for the second."""
    half = len(y) // 2
    spread = features[:half].std(0) + 1e-12
    means = torch.stack([features[:half][y[:half] == c].mean(0) for c in range(10)])
    guesses = torch.cdist(features[half:] / spread, means / spread).argmin(1)
    return (guesses == y[half:]).float().mean().item()


def test_the_mean_of_a_linear_response_is_blind_and_its_square_is_not() -> None:
    x, y = textures.make(200, seed=4)
    z = (x.float() - 127.5) / textures.LEVELS
    filters = torch.randn(24, 1, 5, 5, generator=torch.Generator().manual_seed(5))
    responses = F.conv2d(F.pad(z, (2, 2, 2, 2), mode="circular"), filters)
    # Chance is 0.1, with a standard deviation of 0.0095 over 1000 guesses.
    assert nearest_mean_accuracy(responses.mean((2, 3)), y) < 0.14
    assert nearest_mean_accuracy(responses.square().mean((2, 3)), y) > 0.8


# --------------------------------------------------------------- augmentation and batches


@pytest.mark.parametrize(("border", "mode"), [("zeros", "constant"), ("reflect", "reflect")])
def test_augment_equals_cutting_one_picture_at_a_time(
    border: str, mode: str, device: torch.device
) -> None:
    x = torch.randn(50, 3, 8, 6, device=device)
    generator = torch.Generator(device).manual_seed(0)
    out = data.augment(x, pad=2, border=border, generator=generator)
    assert out.shape == x.shape
    padded = F.pad(x, (2, 2, 2, 2), mode=mode)
    seen = set()
    for n in range(len(x)):
        cuts = {
            (top, left, flipped): (cut.flip(2) if flipped else cut)
            for top in range(5)
            for left in range(5)
            for flipped in (False, True)
            for cut in [padded[n, :, top : top + 8, left : left + 6]]
        }
        (found,) = [key for key, cut in cuts.items() if torch.equal(cut, out[n])]
        seen.add(found)
    assert {top for top, _, _ in seen} == {left for _, left, _ in seen} == set(range(5))
    assert {flipped for _, _, flipped in seen} == {False, True}


def test_augment_repeats_with_its_generator_and_can_do_nothing(device: torch.device) -> None:
    x = torch.randn(4, 1, 8, 8, device=device)
    once, again = (
        data.augment(x, generator=torch.Generator(device).manual_seed(1)) for _ in range(2)
    )
    assert torch.equal(once, again)
    assert torch.equal(data.augment(x, pad=0, flip=False), x)
    with pytest.raises(ValueError, match="border must be one of zeros, reflect, got 'wrap'"):
        data.augment(x, border="wrap")


def test_batches_give_each_picture_once() -> None:
    x = torch.arange(10)
    assert [b.tolist() for b, _ in data.batches(x, x, 4)] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    shuffled = [
        torch.cat([b for b, _ in data.batches(x, x, 4, generator=torch.Generator().manual_seed(s))])
        for s in (0, 0, 1)
    ]
    assert torch.equal(shuffled[0], shuffled[1])
    assert not torch.equal(shuffled[0], shuffled[2])
    assert torch.equal(shuffled[0].sort().values, x)


@pytest.mark.parametrize(
    ("degrees", "along"), [(0, (1, 0)), (45, (-1, 1)), (90, (0, 1)), (135, (1, 1))]
)
def test_the_waves_of_a_class_go_in_its_direction(degrees: int, along: tuple[int, int]) -> None:
    """From 0 degrees, to the right, clockwise: crests are at right angles to it."""
    x, y = textures.make(20, seed=5)
    z = (x[:, 0].float() - 127.5) / textures.LEVELS
    steps = [(1, 0), (-1, 1), (0, 1), (1, 1)]
    for size in ("coarse", "fine"):
        of = z[y == textures.CLASSES.index(f"{size} {degrees}°")]
        alike = {step: (of * of.roll(step, (1, 2))).mean().item() for step in steps}
        assert max(alike, key=alike.__getitem__) == along
