from __future__ import annotations

import shlex
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pytest
import torch
from networks import Malicious

from training.checkpoint import (
    RunFolder,
    fingerprint,
    found_once,
    plain,
    provenance,
    random_state,
    set_random_state,
)
from training.collection import Picture


def test_random_numbers_go_on_where_they_were(tmp_path: Path) -> None:
    torch.save(random_state(), tmp_path / "random.pt")
    expected = torch.rand(3)
    torch.rand(3)
    set_random_state(torch.load(tmp_path / "random.pt", weights_only=True))
    assert torch.equal(torch.rand(3), expected)


def test_nothing_to_load_is_no_fault(tmp_path: Path, capsys) -> None:
    assert RunFolder(tmp_path / "none.safetensors").load() is None
    assert capsys.readouterr().err == ""


def test_the_last_two_are_kept_and_a_damaged_one_is_passed_over(tmp_path: Path, capsys) -> None:
    folder = RunFolder(tmp_path / "run.safetensors")
    for number in range(3):
        folder.save({"number": number, "tensor": torch.full((2,), float(number)), "none": None, "list": [1, "a"]})
    assert sorted(p.name for p in folder.path.iterdir()) == ["last.pt", "previous.pt"]
    state = folder.load()
    assert (
        state is not None and state["number"] == 2 and state["tensor"].tolist() == [2, 2] and state["list"] == [1, "a"]
    )
    (folder.path / "last.pt").write_bytes((folder.path / "last.pt").read_bytes()[:-200])
    (folder.path / ".last.pt.123.tmp").write_text("left behind")
    state = folder.load()
    assert state is not None and state["number"] == 1
    assert "last.pt: damaged" in capsys.readouterr().err
    with folder.locked():
        assert not list(folder.path.glob(".*"))
    (folder.path / "previous.pt").write_text("")
    assert folder.load() is None


@pytest.mark.parametrize(
    "content", [{"format": 1, "x": Malicious()}, {"format": 99}, [1]], ids=["code", "format", "list"]
)
def test_a_foreign_file_is_not_run(tmp_path: Path, content: object, capsys) -> None:
    folder = RunFolder(tmp_path / "run.safetensors")
    folder.path.mkdir()
    torch.save(content, folder.path / "last.pt")
    assert folder.load() is None and "warning" in capsys.readouterr().err


def test_a_fingerprint_tells_other_pictures_wherever_they_lie(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"content")
    one = Picture(tmp_path / "a.png", ((0, 0, 1, 1),), ("fist",), "train", sides=("left",))
    before = fingerprint([one])
    others = [
        replace(one, labels=("palm",)), replace(one, boxes_xywh=((0, 0, 0.5, 1),)), replace(one, sides=()),
        replace(one, split="val"), replace(one, key="set/a.png"), replace(one, path=Path("elsewhere/a.png")),
    ]  # fmt: skip
    assert len({fingerprint([p]) for p in (one, *others)} | {fingerprint([]), fingerprint([one, one])}) == 9
    (tmp_path / "moved").mkdir()
    moved = replace(one, path=(tmp_path / "a.png").rename(tmp_path / "moved" / "a.png"))
    assert fingerprint([moved]) == before


def test_what_was_found_in_files_that_have_gone_is_found_anew(tmp_path: Path) -> None:
    picture = Picture(
        tmp_path / "1.png", ((0, 0.1, 1 / 3, 1),), ("like", ""), "val", False, True, "ann", "k", ("left",)
    )

    def find() -> tuple[list[Picture], list[str]]:
        picture.path.touch()
        return [picture], ["one"]

    assert found_once(tmp_path / "out", ("a",), find) == find()
    assert found_once(tmp_path / "out", ("a",), lambda: ([], [])) == find()
    picture.path.unlink()
    assert found_once(tmp_path / "out", ("a",), lambda: ([], [])) == ([], [])


@dataclass(frozen=True)
class Options:
    data: tuple[Path, ...] = (Path("a"), Path("b"))
    size: int = 3
    nothing: None = None


def test_options_as_plain_data() -> None:
    assert plain(asdict(Options())) == {"data": ["a", "b"], "size": 3, "nothing": None}
    assert plain({1: (Path("x"), {"y": (2.5, True)})}) == {"1": ["x", {"y": [2.5, True]}]}


def test_the_command_can_be_typed_again(monkeypatch) -> None:
    monkeypatch.setattr(sys, "argv", ["gesture-train", "classifier", "--data", "my hands", "--labels", "it's"])
    assert shlex.split(provenance("", 1, [], [])["command"]) == sys.argv


def test_provenance_counts_pictures_a_folder(tmp_path: Path) -> None:
    crops, others = tmp_path / "a" / "crops", tmp_path / "b" / "crops"
    pictures = [Picture(crops / f"{i}.jpg", (), (), "train") for i in range(3)]
    told = provenance("from scratch: no weights", 4, [crops, others, Path("here")], pictures)
    assert (
        told["data"] == {"a/crops": 3, "b/crops": 0, "here": 0}
        and told["started"] == "from scratch"
        and told["epoch"] == 4
    )
    assert provenance("", 1, [crops, tmp_path / "c" / "a" / "crops", crops], pictures)["data"] == {
        f"{tmp_path.name}/a/crops": 3, "c/a/crops": 0,
    }  # fmt: skip
    assert set(told["versions"]) == {"gesture-app", "python", "torch", "torchvision", "timm"}
