"""Fetch a file from the first address that serves it well; keep it only if its checksum is right.

A server that is slow, breaks off or sends something else is left for the next one. A file has its
name only once it is whole and verified; until then it is called `….part`.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Sequence
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

SLOW = 200_000  # bytes per second
PATIENCE = 10.0  # seconds
_CHUNK = 1 << 16


class DownloadError(OSError):
    """No address served the file; the message says what was wrong with each."""


class _TooSlow(Exception):
    def __init__(self, rate: float) -> None:
        super().__init__(f"slow ({_rate(rate)})")
        self.rate = rate


def fetch(
    addresses: Sequence[str],
    path: Path,
    md5: str,
    *,
    slow: float = SLOW,
    patience: float = PATIENCE,
) -> None:
    """Leave the file with the checksum `md5` at `path`, and print where it came from.

    The addresses are tried in order. One that serves fewer than `slow` bytes per second, for
    `patience` seconds, is left for the next. When all that work are slow, the reason is this
    machine's connection, so the fastest of them is taken after all.

    Args:
        addresses: URLs of the same bytes.
        path: the file. One that is there and right is kept, one that is wrong is replaced once the
            right one is complete.
        md5: the checksum in hexadecimal.
        slow: bytes per second below which a server counts as slow.
        patience: seconds, also how long a server may say nothing at all.

    Raises:
        DownloadError: no address served the right bytes. Nothing is left behind.
    """
    if path.exists():
        if _md5(path) == md5:
            print(f"{path.name} is there, its checksum is right", flush=True)
            return
        print(f"{path.name} is there, but its checksum is wrong: fetching it anew", flush=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    problems: dict[str, str] = {}
    rates: dict[str, float] = {}
    for address in addresses:
        try:
            return _fetch(address, path, md5, slow, patience)
        except _TooSlow as error:
            rates[address] = error.rate
            problems[address] = str(error)
        except (OSError, HTTPException, ValueError) as error:
            problems[address] = f"{type(error).__name__}: {error}"
        print(f"{_host(address)} does not serve {path.name}: {problems[address]}", flush=True)
    for address in sorted(rates, key=lambda a: rates[a], reverse=True):
        print(f"Every server is slow: going on with {_host(address)}", flush=True)
        try:
            return _fetch(address, path, md5, 0.0, 6 * patience)
        except _TooSlow:
            problems[address] += ", then nothing"
        except (OSError, HTTPException, ValueError) as error:
            problems[address] += f", then {type(error).__name__}: {error}"
    tried = "; ".join(f"{_host(address)}: {problem}" for address, problem in problems.items())
    raise DownloadError(f"{path.name} from none of {len(problems)} addresses: {tried}")


def _fetch(address: str, path: Path, md5: str, slow: float, patience: float) -> None:
    # Its own name for each process: two that download at once do not write into one file.
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    start = time.monotonic()
    try:
        request = Request(address, headers={"User-Agent": "kerv"})
        try:
            with urlopen(request, timeout=patience) as response, part.open("wb") as file:
                size = int(response.headers.get("Content-Length") or 0)
                print(f"{_host(address)}: fetching {path.name}{_of(size)}", flush=True)
                count = _copy(response, file, slow, patience)
        except TimeoutError:
            raise _TooSlow(0.0) from None
        if count < size:
            raise OSError(f"it broke off after {count:,} of {size:,} bytes")
        if (found := _md5(part)) != md5:
            raise OSError(f"wrong bytes: checksum {found}, not {md5}")
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    seconds = time.monotonic() - start
    print(
        f"{_host(address)} served {path.name}: {count / 1e6:.1f} MB in {seconds:.0f} s, "
        "checksum right",
        flush=True,
    )


def _copy(response: HTTPResponse, file: BinaryIO, slow: float, patience: float) -> int:
    """Copy until the end, window by window of `patience` seconds; the number of bytes."""
    count = seen = 0
    opened = time.monotonic()
    while chunk := response.read1(_CHUNK):
        file.write(chunk)
        count += len(chunk)
        passed = time.monotonic() - opened
        if passed >= patience:
            rate = (count - seen) / passed
            if rate < slow:
                raise _TooSlow(rate)
            print(f"… {count / 1e6:.0f} MB, {_rate(rate)}", flush=True)
            seen, opened = count, time.monotonic()
    return count


def _md5(path: Path) -> str:
    # Against damage and mistakes; these checksums are published with the datasets.
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _host(address: str) -> str:
    return urlsplit(address).netloc


def _of(size: int) -> str:
    return f", {size / 1e6:.1f} MB" if size else ""


def _rate(rate: float) -> str:
    return f"{rate / 1000:.0f} kB/s"
