"""Downloads from servers that are slow, break off, lie or are not there: all on this machine."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import http.server
import io
import pickle
import re
import struct
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torchvision
from torchvision.datasets.utils import calculate_md5

from kerv import data, download

BYTES = np.random.default_rng(0).integers(0, 256, 60_000, dtype=np.uint8).tobytes()
MD5 = hashlib.md5(BYTES).hexdigest()
# The slow servers below send 40 and 20 kB/s; a good one on a busy machine sends far more than 100.
FAST = {"slow": 100_000.0, "patience": 1.0}


class Server:
    """Serves `files`; the first part of a path says how: good, slow, silent, short, wrong, page."""

    def __init__(self) -> None:
        self.files = {"file.bin": BYTES}
        self.asked: list[str] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: object) -> None:
                pass

            def do_GET(self) -> None:
                how, _, name = self.path.strip("/").partition("/")
                outer.asked.append(how)
                if name not in outer.files or how == "missing":
                    self.send_error(404)
                    return
                # A client may leave before the end.
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    outer.answer(self, how, outer.files[name])

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def answer(self, handler: http.server.BaseHTTPRequestHandler, how: str, body: bytes) -> None:
        if how == "silent":
            time.sleep(4)
        if how == "wrong":
            body = bytes([body[0] ^ 1]) + body[1:]
        if how == "page":
            body = b"<html>Please log in.</html>"
        handler.send_response(200)
        if how != "unsized":
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if how == "short":
            body = body[: len(body) // 2]
        if how in ("slow", "slower"):
            piece = 4_000 if how == "slow" else 2_000
            for start in range(0, len(body), piece):
                handler.wfile.write(body[start : start + piece])
                time.sleep(0.1)
            return
        handler.wfile.write(body)

    def address(self, how: str, name: str = "file.bin") -> str:
        return f"http://127.0.0.1:{self.server.server_port}/{how}/{name}"


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.server.shutdown()
    server.thread.join()
    server.server.server_close()


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("slow", r"slow \(\d+ kB/s\)"),
        ("silent", r"slow \(0 kB/s\)"),
        ("short", "broke off after 30,000 of 60,000 bytes"),
        ("wrong", f"wrong bytes: checksum .*, not {MD5}"),
        ("page", "wrong bytes"),
        ("missing", "404"),
    ],
)
def test_a_bad_server_is_left_for_the_next(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str], bad: str, reason: str
) -> None:
    path = tmp_path / "new" / "file.bin"
    download.fetch([server.address(bad), server.address("good")], path, MD5, **FAST)
    assert path.read_bytes() == BYTES
    assert server.asked == [bad, "good"]
    assert list(path.parent.iterdir()) == [path]
    printed = capsys.readouterr().out
    host = server.address("x").split("/")[2]
    lines = printed.splitlines()
    assert any(re.search(f"{host} does not serve file.bin: .*{reason}", line) for line in lines)
    assert re.search(rf"{host} served file.bin: 0.1 MB in \d+ s, checksum right", lines[-1])


def test_a_server_that_is_not_there(server: Server, tmp_path: Path) -> None:
    closed = Server()
    nobody = closed.address("good")
    closed.server.shutdown()
    closed.thread.join()
    closed.server.server_close()
    download.fetch([nobody, server.address("unsized")], tmp_path / "file.bin", MD5, **FAST)
    assert (tmp_path / "file.bin").read_bytes() == BYTES


def test_where_every_server_is_slow_the_fastest_is_taken(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    addresses = [server.address(how) for how in ("slower", "wrong", "slow")]
    download.fetch(addresses, tmp_path / "file.bin", MD5, **FAST)
    assert server.asked == ["slower", "wrong", "slow", "slow"]
    assert (tmp_path / "file.bin").read_bytes() == BYTES
    assert "Every server is slow" in capsys.readouterr().out


def test_when_nothing_works_every_reason_is_given_and_nothing_is_left(
    server: Server, tmp_path: Path
) -> None:
    addresses = [server.address(how) for how in ("short", "wrong", "missing")]
    with pytest.raises(download.DownloadError) as caught:
        download.fetch(addresses, tmp_path / "file.bin", MD5, **FAST)
    for part in ("file.bin from none of 3 addresses", "broke off", "wrong bytes", "404"):
        assert part in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_then_says_nothing_is_left_for_the_next(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = download._fetch
    fastest = server.address("slow")

    def silent(address: str, path: Path, md5: str, slow: float, patience: float) -> None:
        if address == fastest and slow == 0:
            raise download._TooSlow(0.0)
        first(address, path, md5, slow, patience)

    monkeypatch.setattr(download, "_fetch", silent)
    addresses = [fastest, server.address("slower")]
    download.fetch(addresses, tmp_path / "file.bin", MD5, **FAST)
    assert (tmp_path / "file.bin").read_bytes() == BYTES
    with pytest.raises(download.DownloadError, match=r"slow \(\d+ kB/s\), then nothing"):
        download.fetch([fastest], tmp_path / "other.bin", MD5, **FAST)


def test_an_interrupted_download_leaves_nothing(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> int:
        assert [path.suffix for path in tmp_path.iterdir()] == [".part"]
        raise KeyboardInterrupt

    monkeypatch.setattr(download, "_copy", interrupt)
    with pytest.raises(KeyboardInterrupt):
        download.fetch([server.address("good")], tmp_path / "file.bin", MD5)
    assert list(tmp_path.iterdir()) == []


def test_what_is_verified_is_kept_and_what_is_damaged_is_replaced(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "file.bin"
    path.write_bytes(BYTES)
    download.fetch([server.address("good")], path, MD5)
    assert server.asked == []
    path.write_bytes(BYTES[:-1])
    with pytest.raises(download.DownloadError):
        download.fetch([server.address("wrong")], path, MD5)
    assert path.read_bytes() == BYTES[:-1], "still the reader's own file"
    download.fetch([server.address("good")], path, MD5)
    assert path.read_bytes() == BYTES
    assert "its checksum is wrong: fetching it anew" in capsys.readouterr().out


# ------------------------------------------------------------------------------- kerv.data


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


@pytest.fixture
def cifar10(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """Serves CIFAR-10's archive with 20 pictures a batch; its checksums count as the real ones."""
    rng = np.random.default_rng(0)
    own = torchvision.datasets.CIFAR10
    contents = {"batches.meta": pickle.dumps({"label_names": list("abcdefghij")})}
    for name, _ in own.train_list + own.test_list:
        pixels = rng.integers(0, 256, (20, 3072), dtype=np.uint8)
        batch = {"data": pixels, "labels": rng.integers(0, 10, 20).tolist()}
        contents[name] = pickle.dumps(batch)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in contents.items():
            info = tarfile.TarInfo(f"{own.base_folder}/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    server.files[own.filename] = packed.getvalue()
    for listed in ("train_list", "test_list"):
        sums = [[name, md5(contents[name])] for name, _ in getattr(own, listed)]
        monkeypatch.setattr(own, listed, sums)
    monkeypatch.setattr(own, "meta", own.meta | {"md5": md5(contents["batches.meta"])})
    monkeypatch.setattr(own, "tgz_md5", md5(packed.getvalue()))
    monkeypatch.setattr(download.fetch, "__kwdefaults__", FAST)
    return server


def use(server: Server, monkeypatch: pytest.MonkeyPatch, before: str, own: str, after: str) -> None:
    before, own, after = (
        server.address(how, "cifar-10-python.tar.gz") for how in (before, own, after)
    )
    monkeypatch.setattr(data, "CIFAR10_BEFORE", (before,))
    monkeypatch.setattr(torchvision.datasets.CIFAR10, "url", own)
    monkeypatch.setattr(data, "CIFAR10_AFTER", (after,))


def test_cifar10_survives_a_mirror_and_its_own_server(
    cifar10: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    use(cifar10, monkeypatch, before="wrong", own="slow", after="good")
    root = tmp_path / "data"
    dataset = data.load("cifar10", root)
    assert dataset.train_x.shape == (100, 3, 32, 32)
    assert cifar10.asked == ["wrong", "slow", "good"]
    assert "served cifar-10-python.tar.gz" in capsys.readouterr().out
    assert sorted(path.name for path in root.iterdir()) == [
        "cifar-10-batches-py",
        "cifar-10-python.tar.gz",
    ]
    # Once there, no server is asked again.
    data.load("cifar10", root)
    assert cifar10.asked == ["wrong", "slow", "good"]


def test_cifar10_tries_the_mirror_first(
    cifar10: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(cifar10, monkeypatch, before="good", own="slow", after="good")
    data.load("cifar10", tmp_path / "data")
    assert cifar10.asked == ["good"]


def test_cifar10_from_nowhere(
    cifar10: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(cifar10, monkeypatch, before="short", own="wrong", after="missing")
    with pytest.raises(data.DataError) as caught:
        data.load("cifar10", tmp_path / "data")
    for part in ("is not there and did not download", "broke off", "wrong bytes", "404"):
        assert part in str(caught.value)
    assert list((tmp_path / "data").iterdir()) == []


def test_mnist_goes_on_where_it_stopped(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    resources = []
    for part in ("train", "t10k"):
        pictures = struct.pack(">IIII", 0x803, 30, 28, 28) + rng.bytes(30 * 28 * 28)
        labels = struct.pack(">II", 0x801, 30) + bytes(rng.integers(0, 10, 30).tolist())
        for name, content in (("images-idx3", pictures), ("labels-idx1", labels)):
            packed = gzip.compress(content)
            server.files[f"{part}-{name}-ubyte.gz"] = packed
            monkeypatch.setitem(data.MNIST_MD5, f"{part}-{name}-ubyte", md5(content))
            resources.append((f"{part}-{name}-ubyte.gz", md5(packed)))
    own = torchvision.datasets.MNIST
    monkeypatch.setattr(own, "resources", resources)
    monkeypatch.setattr(own, "mirrors", [server.address("short", ""), server.address("good", "")])
    last = server.files.pop(resources[-1][0])
    with pytest.raises(data.DataError, match="did not download"):
        data.load("mnist", tmp_path)
    server.files[resources[-1][0]] = last
    server.asked.clear()
    # What a process leaves that is killed.
    (tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte.gz.123.part").touch()
    assert data.load("mnist", tmp_path).train_x.shape == (30, 1, 28, 28)
    assert server.asked == ["short", "good"], "only the file that was missing"


def test_the_mirrors_hold_the_archive_that_torchvision_expects() -> None:
    assert torchvision.datasets.CIFAR10.tgz_md5 == "c58f30108f718f92721af3b95e74349a"
    for address in (*data.CIFAR10_BEFORE, *data.CIFAR10_AFTER):
        assert address.startswith("https://")
        assert address.endswith("/" + torchvision.datasets.CIFAR10.filename)


def test_checksums_are_torchvisions(tmp_path: Path) -> None:
    (tmp_path / "file.bin").write_bytes(BYTES)
    assert download._md5(tmp_path / "file.bin") == calculate_md5(tmp_path / "file.bin") == MD5
