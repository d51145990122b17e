from __future__ import annotations

import hashlib
import re
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
import zipfile
from collections import namedtuple
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import get_args

import pytest
from conftest import SHARED_DATA
from media import QuietHandler, serving

from gesture_app.errors import EnvironmentFault, InputError
from training import transfer
from training.archives import unpack
from training.download import DownloadConfig, download, makehuman_folder
from training.published import HUB_SETS, RemoteFile, SetName, hagrid_files, makehuman_files
from training.transfer import fetch

BODY = bytes(range(256)) * 2000
Usage = namedtuple("Usage", "total used free")


@dataclass
class Server:
    """Files by path over http, with ranges; `cut` ends the first answers after so many bytes."""

    files: dict[str, bytes] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    cut: list[int] = field(default_factory=list)
    ranges: bool = True
    slow_s: float = 0.0
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    url: str = ""


class Handler(QuietHandler):
    def __init__(self, server: Server, *args: object) -> None:
        self.content = server
        super().__init__(*args)

    def do_HEAD(self) -> None:
        self.do_GET(body=False)

    def do_GET(self, body: bool = True) -> None:
        content, wanted = self.content, self.headers.get("Range")
        content.asked.append((self.path, wanted))
        data = content.files.get(self.path)
        if data is None:
            return self.send_error(404)
        etag = f'"{hashlib.sha256(data).hexdigest()}"'
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and content.ranges else 0
        if self.headers.get("If-Range", etag) != etag:
            start = 0
        if start >= len(data):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(data)}")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        headers = {"ETag": etag, **content.headers}
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        if body:
            self.send(data[start:][: content.cut.pop(0) if content.cut else None])
        return None

    def send(self, data: bytes) -> None:
        step = 20000 if self.content.slow_s else len(data) or 1
        for i in range(0, len(data), step):
            try:
                self.wfile.write(data[i : i + step])
            except ConnectionError:
                return  # the client was interrupted
            threading.Event().wait(self.content.slow_s)


@pytest.fixture
def server(monkeypatch) -> Iterator[Server]:
    content = Server()
    monkeypatch.setattr(transfer.time, "sleep", lambda seconds: None)
    with serving(partial(Handler, content)) as content.url:
        yield content


def remote(server: Server, sha256: str | None = None, size: int | None = None) -> RemoteFile:
    server.files["/a.bin"] = BODY
    return RemoteFile(f"{server.url}/a.bin", PurePosixPath("a.bin"), size, sha256)


SHA256 = hashlib.sha256(BODY).hexdigest()


@pytest.mark.parametrize(("sha256", "size"), [(None, None), (SHA256, len(BODY))])
def test_a_file_arrives_whole_and_is_not_fetched_twice(server: Server, tmp_path: Path, sha256, size) -> None:
    file, target = remote(server, sha256, size), tmp_path / "deep" / "a.bin"
    for _ in range(2):
        fetch(file, target)
    assert target.read_bytes() == BODY
    assert len(server.asked) == 1
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("ranges", [True, False])
def test_a_cut_connection_is_resumed(server: Server, tmp_path: Path, ranges: bool) -> None:
    server.cut, server.ranges = [300000, 1000], ranges
    fetch(remote(server), tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == BODY
    assert server.asked[1] == ("/a.bin", "bytes=300000-")


def test_attempts_count_only_without_progress(server: Server, tmp_path: Path) -> None:
    server.cut = [1000 * (n + 1) for n in range(3 * transfer.ATTEMPTS)]
    fetch(remote(server), tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == BODY


@pytest.mark.parametrize("size", [None, len(BODY)])
def test_what_has_come_whole_is_not_fetched_again(server: Server, tmp_path: Path, size) -> None:
    (tmp_path / "a.bin.part").write_bytes(BODY)
    fetch(remote(server, SHA256, size), tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == BODY and not any(span is None for _, span in server.asked)


def test_an_interrupted_download_continues_where_it_was(server: Server, tmp_path: Path) -> None:
    server.cut = [70000] * (transfer.ATTEMPTS + 1)
    server.ranges = False
    with pytest.raises(EnvironmentFault, match="the same command continues"):
        fetch(remote(server), tmp_path / "a.bin")
    assert (tmp_path / "a.bin.part").stat().st_size == 70000
    server.ranges = True
    fetch(remote(server), tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == BODY
    assert server.asked[-1] == ("/a.bin", "bytes=70000-")


@pytest.mark.parametrize("part", [b"of an older edition", BODY + b"longer"])
def test_a_part_of_another_edition_is_dropped(server: Server, tmp_path: Path, part: bytes) -> None:
    (tmp_path / "a.bin.part").write_bytes(part)
    (tmp_path / "a.bin.part.etag").write_text('"old"')
    fetch(remote(server), tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == BODY


def test_a_wrong_checksum_sets_the_file_aside(server: Server, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"sha256 is not the published one.*kept as a.bin.part.bad"):
        fetch(remote(server, "0" * 64), tmp_path / "a.bin")
    assert not (tmp_path / "a.bin").exists()
    fetch(remote(server, SHA256), tmp_path / "a.bin")


def test_a_damaged_file_that_is_there_is_replaced(server: Server, tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(BODY[:-1] + b"x")
    fetch(remote(server, SHA256, len(BODY)), tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == BODY


def test_another_size_than_published_is_refused_before_it_is_loaded(server: Server, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="512000 bytes instead of 5"):
        fetch(remote(server, size=5), tmp_path / "a.bin")


def test_a_missing_file_is_one_line(server: Server, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match=r"cannot download .*/b.bin: HTTP Error 404"):
        fetch(RemoteFile(f"{server.url}/b.bin", PurePosixPath("b.bin")), tmp_path / "b.bin")
    assert len(server.asked) == 1


def test_no_server_is_one_line(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(transfer.time, "sleep", lambda seconds: None)
    with pytest.raises(EnvironmentFault, match="cannot download"):
        fetch(RemoteFile("http://127.0.0.1:9/a", PurePosixPath("a")), tmp_path / "a")


@pytest.mark.parametrize("url", ["http://example.org/a", "ftp://127.0.0.1/a", "file:///etc/passwd"])
def test_only_https(tmp_path: Path, url: str) -> None:
    with pytest.raises(InputError, match="only https"):
        fetch(RemoteFile(url, PurePosixPath("a")), tmp_path / "a")


def test_too_little_disk_space_is_told_first(server: Server, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**9, 10**9, 1000))
    with pytest.raises(EnvironmentFault, match=r"too little disk space: .*0\.0 GB are free"):
        fetch(remote(server), tmp_path / "a.bin")
    assert not list(tmp_path.iterdir())


def test_ctrl_c_keeps_the_part(server: Server, tmp_path: Path) -> None:
    server.files["/a.bin"], server.slow_s = BODY, 0.1
    code = (
        "import sys; from pathlib import Path; from gesture_app.errors import run_and_exit\n"
        "from training.transfer import *; from training.published import RemoteFile\n"
        "run_and_exit(lambda: fetch(RemoteFile(sys.argv[1], Path('a.bin')), Path(sys.argv[2])), 'x')"
    )
    target = tmp_path / "a.bin"
    process = subprocess.Popen([sys.executable, "-c", code, f"{server.url}/a.bin", str(target)])
    part = tmp_path / "a.bin.part"
    deadline = time.monotonic() + 30
    while not (part.exists() and part.stat().st_size) and time.monotonic() < deadline:
        threading.Event().wait(0.02)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    assert 0 < part.stat().st_size < len(BODY)
    server.slow_s = 0
    fetch(remote(server), target)
    assert target.read_bytes() == BODY and server.asked[-1][1] is not None


def zipped(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def test_unpacking_again_writes_only_what_is_missing(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", {"set/fist/1.jpg": b"one", "set/fist/2.jpg": b"two"})
    out = tmp_path / "out"
    (out / "set" / "fist").mkdir(parents=True)
    (out / "set" / "fist" / "1.jpg").write_bytes(b"own")
    unpack(archive, out)
    assert (out / "set" / "fist" / "1.jpg").read_bytes() == b"own"
    assert (out / "set" / "fist" / "2.jpg").read_bytes() == b"two"


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/evil", "C:/evil", "a\\..\\..\\evil"])
def test_archives_that_leave_their_folder_are_refused(tmp_path: Path, name: str) -> None:
    archive = zipped(tmp_path / "a.zip", {"good": b"", name: b"evil"})
    with pytest.raises(InputError, match="outside the folder"):
        unpack(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists() and not (tmp_path / "evil").exists()


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_are_refused(tmp_path: Path, kind: int) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        member = zipfile.ZipInfo("link")
        member.external_attr = (kind | 0o777) << 16
        archive.writestr(member, "/etc")
    with pytest.raises(InputError, match="a link or a device"):
        unpack(tmp_path / "a.zip", tmp_path / "out")


def test_bombs_are_refused(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", {"zeros": bytes(20_000_000)}, zipfile.ZIP_DEFLATED)
    with pytest.raises(InputError, match="grows more than 100 times"):
        unpack(archive, tmp_path / "out")


def test_damaged_archives_are_one_line(tmp_path: Path) -> None:
    whole = zipped(tmp_path / "a.zip", {"a": BODY}).read_bytes()
    for number, data in enumerate([b"", b"<html>404</html>", whole[:-30], whole[:50] + b"x" + whole[51:]]):
        path = tmp_path / f"{number}.zip"
        path.write_bytes(data)
        with pytest.raises(InputError, match="damaged"):
            unpack(path, tmp_path / "out")


def test_an_archive_needs_room_for_its_contents(tmp_path: Path, monkeypatch) -> None:
    archive = zipped(tmp_path / "a.zip", {"a": BODY})
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**9, 10**9, 1000))
    with pytest.raises(EnvironmentFault, match="the contents of"):
        unpack(archive, tmp_path / "out")


def test_hagrid_set_from_a_mirror(server: Server, tmp_path: Path) -> None:
    for name, member in (("ann_train_val", "ann_train_val/fist.json"), ("train_val_fist", "train_val_fist/a.jpg")):
        server.files[f"/{name}.zip"] = zipped(tmp_path / "x.zip", {member: b"{}"}).read_bytes()
    config = DownloadConfig("hagrid-v1", tmp_path / "data", gestures=("fist",), mirror=server.url)
    for _ in range(2):
        root = download(config)
        assert (root / "train_val_fist" / "a.jpg").is_file() and (root / "ann_train_val" / "fist.json").is_file()
        assert not list(root.glob("*.zip"))
    assert len(server.asked) == 2


def test_hub_set_from_a_mirror(server: Server, tmp_path: Path, monkeypatch) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    name = "hagrid-sample-30k-384p"
    data = zipped(tmp_path / "x.zip", {f"{name}/ann_train_val/fist.json": b"{}"}).read_bytes()
    path = f"/datasets/{HUB_SETS[name]}/resolve/main/{name}.zip"
    server.files[path] = data
    server.headers = {"X-Repo-Commit": "0" * 40, "X-Linked-Etag": f'"{"0" * 64}"', "X-Linked-Size": str(len(data))}
    config = DownloadConfig(name, tmp_path / "data", mirror=server.url)
    with pytest.raises(InputError, match="sha256"):
        download(config)
    server.headers["X-Linked-Etag"] = f'"{hashlib.sha256(data).hexdigest()}"'
    server.cut = [50]
    root = download(config)
    assert server.asked[-1] == (path, "bytes=50-")
    assert (root / "ann_train_val" / "fist.json").read_bytes() == b"{}"
    assert {p.name for p in (tmp_path / "data").iterdir()} == {
        name,
        f"{name}.zip.part.bad",
        f".{name}.zip.done",
    }
    asked = len(server.asked)
    assert download(config) == root and len(server.asked) == asked
    shutil.rmtree(root)  # to have it anew
    download(config)
    assert (root / "ann_train_val" / "fist.json").read_bytes() == b"{}"
    with pytest.raises(EnvironmentFault, match=r"cannot download .*120k"):
        download(DownloadConfig("hagrid-sample-120k-384p", tmp_path / "data", mirror=server.url))
    with pytest.raises(EnvironmentFault, match="cannot write"):
        download(DownloadConfig(name, tmp_path / "x.zip", mirror=server.url))


def test_makehuman_files_are_pinned(server: Server, tmp_path: Path) -> None:
    files = makehuman_files()
    assert len(files) == 99 and len({f.path for f in files}) == 99
    for file in files:
        assert re.fullmatch("[0-9a-f]{64}", file.sha256 or "") and file.size and file.path.parts[0] == "data"
        assert "a8bc2d54ff0ac92e78ff71431b1023eda42bf482/makehuman/data/" in file.url
        server.files[f"/{file.path}"] = bytes(file.size)
    with pytest.raises(InputError, match="sha256 is not the published one"):
        download(DownloadConfig("makehuman", tmp_path, mirror=server.url))
    local = zipped(tmp_path / "local.zip", {path[1:]: data for path, data in server.files.items()})
    with pytest.raises(InputError, match="it is not the published file"):
        download(DownloadConfig("makehuman", tmp_path / "b", mirror=str(local)))
    assert makehuman_folder().name == "makehuman"


@pytest.mark.skipif(not (SHARED_DATA / "makehuman").is_dir(), reason="needs MakeHuman's files")
def test_the_real_makehuman(server: Server, tmp_path: Path) -> None:
    source = SHARED_DATA / "makehuman" / "makehuman-hands.zip"
    download(DownloadConfig("makehuman", tmp_path / "copied", mirror=str(source)))
    with zipfile.ZipFile(source) as archive:
        server.files = {f"/{name}": archive.read(name) for name in archive.namelist()}
    root = download(DownloadConfig("makehuman", tmp_path / "fetched", mirror=server.url))
    for file in makehuman_files():
        assert (root / file.path).read_bytes() == (tmp_path / "copied" / file.path).read_bytes()


def test_every_name_has_its_files() -> None:
    for name in get_args(SetName):
        if name not in HUB_SETS and name != "makehuman":
            files = hagrid_files(name)
            assert files and all(f.url.startswith("https://") and f.unpack_to for f in files)
            assert len({f.path for f in files}) == len(files)
        assert name in (DownloadConfig.__doc__ or "") or re.fullmatch(r"hagrid-sample-\d+k-384p", name)


@pytest.mark.parametrize(
    ("name", "gestures", "reason"),
    [
        ("hagrid-v1", ("holy",), "has no gesture holy"),
        ("hagrid-v1-test", ("fist",), "no archive a gesture"),
        ("makehuman", ("fist",), "no archive a gesture"),
    ],
)
def test_gestures_that_do_not_fit(tmp_path: Path, name, gestures, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        download(DownloadConfig(name, tmp_path, gestures))
