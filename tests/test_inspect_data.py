from __future__ import annotations

import csv
import json
import signal
import struct
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import SHARED_DATA
from PIL import Image

from gesture_app.errors import EnvironmentFault, InputError
from gesture_app.vision.hands import RecognizerOptions
from gesture_app.vision.postprocess import Detections
from gesture_app.vision.recognizer import Recognizer
from training import find_hands, verify
from training.collection import Picture
from training.contact_sheet import COLUMNS, TILE_PX, draw_sheet
from training.find_hands import write_boxes
from training.inspect_data import DataConfig, inspect
from training.sets import read

LABELS = ("fist", "palm")


def huge_png() -> bytes:
    """The header of 9000x9000 pixels."""
    data = b"IHDR" + struct.pack(">IIBBBBB", 9000, 9000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + data + struct.pack(">I", zlib.crc32(data)) + b"\0\0\0\0IEND"


def draw_bad_and_unusual(folder: Path) -> None:
    whole = next(folder.glob("*.png")).read_bytes()
    grey = np.full((40, 30), 30000, np.uint16)
    exif = Image.Exif()
    exif[0x0112] = 6
    (folder / "truncated.png").write_bytes(whole[:80])
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "html.jpg").write_bytes(b"<html>404</html>")
    (folder / "huge.png").write_bytes(huge_png())
    (folder / "folder.jpg").mkdir()
    Image.new("RGB", (1, 30)).save(folder / "thin.png")
    Image.new("CMYK", (30, 40)).save(folder / "cmyk.jpg")
    Image.fromarray(grey).save(folder / "deep.png")
    Image.new("RGB", (30, 40)).save(folder / "turned.jpg", exif=exif)


def test_the_report_of_drawn_frames(hagrid_root: Path, tmp_path: Path, capsys) -> None:
    (hagrid_root / "index.csv").unlink()
    file, splits = tmp_path / "out" / "data.json", tmp_path / "splits.csv"
    config = DataConfig((hagrid_root,), json=file, write_splits=splits, sheet=tmp_path / "sheet.png", verify=True)
    figures = inspect(config)
    out = capsys.readouterr().out
    assert "HaGRID: 8 pictures, 8 hands" in out and "shared by training and held-out" in out
    assert sum(sum(counts.values()) for counts in figures["hands"].values()) == 8
    assert sum(figures["people"].values()) == 4 and not figures["leakage"]["people"]
    assert json.loads(file.read_text())["pictures"] == figures["pictures"]
    assert len(splits.read_text().splitlines()) == 9
    boxes = figures["boxes"]
    assert 28 <= boxes["shorter side, px"][0] <= boxes["longer side, px"][-1] <= 48
    assert cv2.imread(str(tmp_path / "sheet.png")).shape == (2 * (TILE_PX + 22), COLUMNS * TILE_PX, 3)
    assert inspect(DataConfig((hagrid_root,), splits=splits, leakage=False))["pictures"] == figures["pictures"]


def test_verify_lists_everything(crops_root: Path, tmp_path: Path, capsys) -> None:
    draw_bad_and_unusual(crops_root / "fist")
    file = tmp_path / "bad.csv"
    with pytest.raises(InputError, match=r"6 of 29 entries are bad, more than 0.1 %"):
        inspect(DataConfig((crops_root,), labels=LABELS, verify=True, bad=file, leakage=False))
    with file.open() as stream:
        rows = {(row["kind"], Path(row["picture"]).name): row["reason"] for row in csv.DictReader(stream)}
    assert {name for kind, name in rows if kind == "bad"} == {
        "truncated.png",
        "empty.jpg",
        "html.jpg",
        "huge.png",
        "folder.jpg",
        "thin.png",
    }
    assert rows["unusual", "cmyk.jpg"] == "CMYK colours"
    assert rows["unusual", "deep.png"] == "more than eight bits a pixel"
    assert rows["unusual", "turned.jpg"] == "turned by its EXIF orientation 6"
    assert "81 Mpx" in rows["bad", "huge.png"] or "9000x9000" in rows["bad", "huge.png"]
    out = capsys.readouterr().out
    assert "bad: " in out and "1 more than eight bits a pixel, 1 turned by its EXIF orientation N." in out


def test_verify_counts_faults_of_the_annotations(hagrid_root: Path) -> None:
    file = hagrid_root / "ann_train_val" / "fist.json"
    entries = json.loads(file.read_text())
    entries["fist-0"]["bboxes"] = [[0.5, 0.5, 0, 0]]
    entries["fist-1"]["bboxes"] = [[1.5, 0.5, 0.1, 0.1]]
    entries["fist-2"]["bboxes"] = [[0.7, 0.5, 0.9, 0.1]]
    entries["fist-2"]["labels"] = ["palm"]
    entries["gone"] = {"bboxes": [[0, 0, 1, 1]], "labels": ["fist"]}
    file.write_text(json.dumps(entries))
    found = verify.verify(read(hagrid_root, LABELS))
    assert sorted(found.bad) == [
        ("frames/train_val_fist/fist-0.jpg", "with a box without area"),
        ("frames/train_val_fist/fist-1.jpg", "with a box outside the picture"),
        ("gone", "without a picture"),
    ]
    assert [(path.stem, reason) for path, reason in found.unusual] == [
        ("fist-2", "a box reaches beyond the picture and was cut"),
        ("fist-2", "no hand is labelled with its folder's gesture"),
    ]
    assert found.entries == 9 and found.too_many


def test_up_to_a_thousandth_may_be_bad() -> None:
    assert not verify.Findings((("a", "x"),), (), 1000).too_many
    assert not verify.Findings((("a", "without a picture"),), (), 2).too_many
    assert verify.Findings((("a", "x"),), (), 999).too_many
    assert not verify.Findings((), (), 0).too_many


def test_large_crops_raise_the_question(tmp_path: Path, capsys) -> None:
    (tmp_path / "fist").mkdir()
    for number in range(6):
        Image.new("RGB", (640, 480), (number, 9, 9)).save(tmp_path / "fist" / f"{number}.jpg")
    inspect(DataConfig((tmp_path,), leakage=False))
    assert "Are these whole pictures?" in capsys.readouterr().out


def test_no_folder_and_unwritable_files(hagrid_root: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no data"):
        inspect(DataConfig(()))
    with pytest.raises(InputError, match="needs --verify"):
        inspect(DataConfig((hagrid_root,), bad=tmp_path / "bad.csv"))
    (tmp_path / "file").write_text("")
    for changes in ({"json": tmp_path / "file" / "a.json"}, {"sheet": tmp_path / "file" / "a.png"}):
        with pytest.raises(EnvironmentFault, match="cannot write"):
            inspect(DataConfig((hagrid_root,), leakage=False, **changes))
    with pytest.raises(InputError, match=r"a \.png or \.jpg file"):
        inspect(DataConfig((Path("nowhere"),), sheet=tmp_path / "sheet.gif"))  # before anything is read


def test_a_sheet_shows_unreadable_and_unlabelled_pictures(tmp_path: Path) -> None:
    assert draw_sheet([]).shape == (TILE_PX, TILE_PX, 3)
    pictures = [
        Picture(tmp_path / "gone.jpg", ((0.1, 0.1, 0.5, 0.5),), ("fist",), "train"),
        Picture(tmp_path / "gone.jpg", ((0.1, 0.1, 0.5, 0.5),), ("",), "val"),
        Picture(tmp_path / "gone.jpg", (), (), "val"),
    ]
    assert draw_sheet(pictures).shape == (2 * (TILE_PX + 22), COLUMNS * TILE_PX, 3)


class OneHand:
    """A recognizer that finds one hand in every picture that is not dark, whatever its classifier would think of it."""

    def detect(self, image: np.ndarray, options: RecognizerOptions) -> Detections:
        count = int(image.mean() > 45)
        boxes = np.array([[10, 12, 20, 24]] * count, np.float32).reshape(-1, 4)
        return Detections(boxes, np.full(count, 0.9, np.float32), np.zeros(count, np.int64))


def test_boxes_for_whole_pictures(crops_root: Path, monkeypatch, capsys) -> None:
    (crops_root / "fist" / "bad.jpg").write_bytes(b"x")
    monkeypatch.setattr(find_hands.Recognizer, "load", lambda *args: OneHand())
    figures = inspect(DataConfig((crops_root,), find_hands=True, leakage=False))
    assert json.loads((crops_root / "boxes.json").read_text())["fist/fist3.png"] == [{"bbox": [0.25, 0.25, 0.25, 0.25]}]
    assert "whole pictures" in capsys.readouterr().out
    assert sum(figures["pictures"].values()) == len(json.loads((crops_root / "boxes.json").read_text()))
    with pytest.raises(InputError, match="will not replace"):
        write_boxes(crops_root)


def test_boxes_are_not_sought_where_there_are_some(hagrid_root: Path) -> None:
    with pytest.raises(InputError, match="boxes of its own"):
        write_boxes(hagrid_root)


@pytest.mark.skipif(not (SHARED_DATA / "hagrid-mini-384p.zip").is_file(), reason="needs the real HaGRID pictures")
def test_hands_are_found_in_real_pictures(tmp_path: Path) -> None:
    import zipfile

    root, gestures = tmp_path / "own", ("palm", "peace", "stop")
    with zipfile.ZipFile(SHARED_DATA / "hagrid-mini-384p.zip") as archive:
        for gesture in gestures:
            (root / gesture).mkdir(parents=True)
            found = [n for n in archive.namelist() if f"/train_val_{gesture}/" in n and n.endswith(".jpg")]
            for name in found[:4]:
                (root / gesture / Path(name).name).write_bytes(archive.read(name))
    names = {path.relative_to(root).as_posix() for path in root.rglob("*.jpg")}
    boxes = json.loads(write_boxes(root, Recognizer.load(runtime="torch", device="cpu")).read_text())
    assert boxes.keys() <= names and len(boxes) >= len(names) / 2, "any good weights find most open hands"
    for hands in boxes.values():
        assert hands and all(hand.keys() == {"bbox"} for hand in hands)
        for left, top, width, height in (hand["bbox"] for hand in hands):
            assert min(left, top) >= 0 and min(width, height) > 0
            assert max(left + width, top + height) <= 1 + 1e-4, "within the picture, as rounded"
    pictures = read(root, gestures).pictures
    assert {picture.path.relative_to(root).as_posix() for picture in pictures} == boxes.keys()
    for picture in pictures:
        alone = len(picture.boxes_xywh) == 1
        assert picture.labels == ((picture.path.parent.name,) if alone else ("",) * len(picture.boxes_xywh))


def test_the_command_line(hagrid_root: Path, tmp_path: Path, capsys, monkeypatch) -> None:
    from training.cli import main

    next(hagrid_root.glob("*/train_val_fist/fist-0.jpg")).write_bytes(b"")
    handler = signal.getsignal(signal.SIGTERM)
    for arguments, code in (([], 0), (["--verify"], 2), (["--sheet", str(tmp_path / "s.gif")], 2)):
        monkeypatch.setattr(sys, "argv", ["gesture-train", "data", str(hagrid_root), "--no-leakage", *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
        assert caught.value.code == code
        lines = [line for line in capsys.readouterr().err.splitlines() if line]
        assert len(lines) == (code > 0) and all(line.startswith("gesture-train: error: ") for line in lines)
    signal.signal(signal.SIGTERM, handler)
