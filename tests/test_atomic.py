from __future__ import annotations

import os
import stat
from contextlib import nullcontext
from pathlib import Path

import pytest

from gesture_app.errors import EnvironmentFault, InputError
from gesture_app.vision import atomic
from gesture_app.vision.atomic import first_free, require_place, shortened, write_atomically, write_file


@pytest.mark.parametrize("data", [b"", b"one\r\ntwo\n\x00\xff"])
def test_writes_and_replaces(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "file"
    for content in (b"old", data):
        write_atomically(path, content)
    assert path.read_bytes() == data and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["n" * 255, "ü" * 127, "手" * 85, "n"])
def test_the_longest_names(tmp_path: Path, name: str) -> None:
    write_atomically(path := tmp_path / name, b"data")
    assert path.read_bytes() == b"data" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("start", "rest", "expected"), [
    ("", "", ""), ("abc", "." * 252, "abc"), ("abc", "." * 253, "ab"), ("aü", "." * 253, "a"), ("abc", "." * 300, ""),
    ("手手", "." * 251, "手"), ("\udcff" * 2, "." * 254, "\udcff"),
])  # fmt: skip
def test_names_are_cut_between_their_characters(start: str, rest: str, expected: str) -> None:
    assert shortened(start, rest) == expected


@pytest.mark.skipif(os.name != "posix", reason="file modes")
def test_mode(tmp_path: Path) -> None:
    write_atomically(path := tmp_path / "file", b"", mode=0o600)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failure_leaves_the_old_file_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    write_atomically(path := tmp_path / "file", b"old")

    def fail(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(*((os, "fsync") if step == "fsync" else (Path, "replace")), fail)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "none" / "file", b"")


def test_a_file_with_its_folder_or_a_line_that_tells_why_not(tmp_path: Path) -> None:
    write_file(path := tmp_path / "new" / "file", b"data", "the report")
    assert path.read_bytes() == b"data"
    with pytest.raises(EnvironmentFault, match=r"cannot write the report: .*/file/below: "):
        write_file(path / "below", b"", "the report")


@pytest.mark.parametrize(
    ("name", "error", "why"),
    [
        ("new", None, ""),
        ("new/folder/file", None, ""),
        ("file", None, ""),
        ("", InputError, "is a folder. Give the name of a file"),
        ("file/below", EnvironmentFault, "cannot be written .* Choose another place"),
        ("n" * 300, EnvironmentFault, "cannot be written"),
        ("n" * 300 + "/below", EnvironmentFault, "cannot be written"),
    ],
)
def test_what_is_in_the_way_of_results_is_told_before_there_are_any(tmp_path: Path, name, error, why: str) -> None:
    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises(error, match=f"^--json .*: {why}") if error else nullcontext():
        require_place(tmp_path / name, "--json")
    assert [path.name for path in tmp_path.iterdir()] == ["file"] and (tmp_path / "file").read_bytes() == b"old"


def test_a_folder_that_cannot_be_written_is_told_before_there_are_results(tmp_path: Path, monkeypatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(atomic, "TemporaryFile", refuse)  # root may write everywhere
    with pytest.raises(EnvironmentFault, match="Permission denied"):
        require_place(tmp_path / "new", "--json")


@pytest.mark.skipif(os.name != "posix", reason="POSIX")
def test_names_that_no_file_has(tmp_path: Path) -> None:
    (tmp_path / "a.txt").touch()
    (tmp_path / "a 2.txt").symlink_to(tmp_path / "nowhere")
    assert first_free(tmp_path, "a", ".txt") == tmp_path / "a 3.txt"
    for folder in (tmp_path / "a.txt" / "below", tmp_path / ("n" * 300)):
        assert first_free(folder, "a") == folder / "a", "its writer tells why it cannot be written"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="POSIX")
def test_a_link_stays_and_a_pipe_too(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "file")
    for data in (b"old", b"new"):
        write_atomically(tmp_path / "link", data)
        assert (tmp_path / "link").is_symlink() and (tmp_path / "file").read_bytes() == data
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="is no file"):
        write_atomically(tmp_path / "pipe", b"")
    assert (tmp_path / "pipe").is_fifo()


@pytest.mark.skipif(os.name != "posix", reason="POSIX")
def test_a_link_to_itself(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    write_file(tmp_path / "loop", b"new", "this")
    assert (tmp_path / "loop").read_bytes() == b"new"
