"""Get one file over the network: resumed, checked, whole or not at all."""

from __future__ import annotations

import hashlib
import shutil
import socket
import time
import urllib.error
import urllib.request
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from tqdm import tqdm

from gesture_app.errors import EnvironmentFault, InputError
from training.published import RemoteFile

TIMEOUT_S = 30.0
ATTEMPTS = 5
"""In a row, without a byte more than before."""
CHUNK_BYTES = 1 << 20
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def require_space(folder: Path, size: int, what: str) -> None:
    """Refuse to begin what cannot be finished.

    Raises:
        EnvironmentFault: less than `size` bytes are free where `folder` is, or will be.
    """
    existing = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
    free = shutil.disk_usage(existing).free
    if free < size:
        raise EnvironmentFault(
            f"too little disk space: {folder}: {what} need {size / 1e9:.1f} GB, {free / 1e9:.1f} GB are free. "
            "Free some, or choose another folder with --to"
        )


def digest_of(path: Path) -> str:
    """The sha256 of a file, with a progress bar for a large one."""
    sha256, size = hashlib.sha256(), path.stat().st_size
    with (
        path.open("rb") as stream,
        tqdm(
            total=size, desc=f"checking {path.name}", unit="B", unit_scale=True, disable=size < 1 << 28 or None
        ) as bar,
    ):
        while chunk := stream.read(CHUNK_BYTES):
            sha256.update(chunk)
            bar.update(len(chunk))
    return sha256.hexdigest()


def check(path: Path, size: int | None, sha256: str | None) -> None:
    """Set a file aside that is not the published one.

    Raises:
        InputError: size or checksum differ; the file is `<name>.bad` then.
    """
    reason = ""
    if size is not None and path.stat().st_size != size:
        reason = f"it has {path.stat().st_size} bytes instead of {size}"
    elif sha256 is not None and digest_of(path) != sha256:
        reason = "its sha256 is not the published one"
    if reason:
        bad = path.with_name(f"{path.name}.bad")
        path.replace(bad)
        raise InputError(f"not the published file: {path}: {reason}. It is kept as {bad.name}; download it again")


class HttpsOnly(urllib.request.HTTPRedirectHandler):
    """Follows no redirection from https to anything else."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):  # type: ignore[no-untyped-def]  # noqa: D102
        require_https(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def require_https(url: str) -> None:
    """Refuse an address whose answer others on the way could change.

    Raises:
        InputError: it is neither https nor http on this machine.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise InputError(f"cannot download {url}: only https addresses are used")


def request(url: str, headers: dict[str, str]) -> HTTPResponse:
    """Open an address."""
    require_https(url)
    message = urllib.request.Request(url, headers={"User-Agent": "gesture-train", **headers})  # noqa: S310 - checked above
    answer = urllib.request.build_opener(HttpsOnly).open(message, timeout=TIMEOUT_S)
    assert isinstance(answer, HTTPResponse)
    return answer


def fetch(file: RemoteFile, target: Path) -> None:
    """Download one file; an interrupted download leaves `<name>.part`, which the next one continues.

    Raises:
        InputError: what came is not what was published; it is set aside.
        EnvironmentFault: no network, no such file there, or too little disk space.
    """
    if target.exists():
        try:
            return check(target, file.size, file.sha256)
        except InputError as error:
            print(f"{error}: now")
    part = target.with_name(f"{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        attempt, most = 0, size_of(part)
        while not (file.sha256 and size_of(part) == file.size):  # all may have come, and was not checked
            try:
                receive(file, part)
                break
            except (HTTPException, TimeoutError, ConnectionError, urllib.error.URLError) as error:
                refused = isinstance(error, urllib.error.HTTPError) and error.code < 500
                no_network = isinstance(getattr(error, "reason", None), socket.gaierror)
                came = size_of(part)
                attempt, most = (0 if came > most else attempt + 1), max(most, came)
                if refused or no_network or attempt == ATTEMPTS:
                    advice = "Check the address" if refused else "Check the network"
                    if came and not refused:
                        advice = "What has come is kept; the same command continues"
                    raise EnvironmentFault(f"cannot download {file.url}: {error}. {advice}") from error
                time.sleep(min(2.0**attempt, 10.0))
        check(part, file.size, file.sha256)
        validator_of(part).unlink(missing_ok=True)
        part.replace(target)
    except OSError as error:
        raise EnvironmentFault(f"cannot write {target}: {error.strerror or error}") from error


def size_of(path: Path) -> int:
    """The bytes of a file; 0 of none."""
    return path.stat().st_size if path.exists() else 0


def validator_of(part: Path) -> Path:
    """The small file with the server's ETag or date of a partial download."""
    return part.with_name(f"{part.name}.etag")


def receive(file: RemoteFile, part: Path) -> None:
    """Receive a file from where the partial one ends; from the start where the server has another one by now."""
    validator = validator_of(part)
    start = size_of(part) if file.sha256 or validator.exists() else 0
    if file.size is not None and start >= file.size:
        start = 0
    headers = {"Range": f"bytes={start}-"} if start else {}
    if start and validator.exists():
        headers["If-Range"] = validator.read_text(encoding="utf-8")
    try:
        answer = request(file.url, headers)
    except urllib.error.HTTPError as error:
        if error.code != 416 or not start:
            raise
        if error.headers.get("Content-Range") == f"bytes */{start}":  # all of it has come
            return None
        part.unlink()  # longer than what the server has: not a part of it
        return receive(file, part)
    with answer:
        if answer.status != 206 or not answer.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            start = 0
        length = answer.headers.get("Content-Length")
        total = start + int(length) if length else None
        if file.size is not None and total not in (None, file.size):
            raise InputError(f"not the published file: {file.url}: it has {total} bytes instead of {file.size}")
        times = 1 if file.unpack_to is None else 2  # pictures in an archive hardly shrink
        if total is not None:
            require_space(part.parent, total * times - start, f"{part.name.removesuffix('.part')} and what is in it")
        mark = answer.headers.get("ETag") or answer.headers.get("Last-Modified")
        if mark and not mark.startswith("W/"):
            validator.write_text(mark, encoding="utf-8")
        else:
            validator.unlink(missing_ok=True)
        with part.open("ab" if start else "wb") as stream:
            copy_stream(answer, stream, start, total, part.name.removesuffix(".part"))
    return None


def copy_stream(answer: HTTPResponse, stream: BinaryIO, start: int, total: int | None, name: str) -> None:
    """Copy an answer's body, with a progress bar for a large one.

    Raises:
        ConnectionError: the connection ended before the body.
    """
    small = total is not None and total < 1 << 24
    with tqdm(total=total, initial=start, desc=name, unit="B", unit_scale=True, disable=small or None) as bar:
        while chunk := answer.read1(CHUNK_BYTES):
            stream.write(chunk)
            bar.update(len(chunk))
    if total is not None and stream.tell() != total:
        raise ConnectionError(f"the connection ended after {stream.tell()} of {total} bytes")
