from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from gesture_app.errors import EnvironmentFault, InputError
from gesture_app.vision.hands import RecognizerOptions
from gesture_app.vision.postprocess import Detections
from training import pseudo_label
from training.pseudo_label import PseudoLabelConfig, agreed_boxes, agreed_label, agreed_side, are_new
from training.sets import read

ASSETS = Path(__file__).parents[1] / "assets"
LABELS = ("fist", "palm", "no_gesture")


class Painter:
    """Calls red hands fist and green ones palm, blue ones either by view; finds bright spots, red ones with doubt."""

    labels = LABELS
    options = RecognizerOptions()
    classifier_info = SimpleNamespace(input_hw=(32, 32), mirror=True)
    sees_mirrored = True

    def __init__(self) -> None:
        self.calls = 0

    def classify(self, crops: list[np.ndarray]) -> np.ndarray:
        rows = []
        for number, crop in enumerate(crops):
            blue, green, red = crop[12:20, 12:20].reshape(-1, 3).mean(axis=0)
            name = number % 2 if blue > max(green, red) else int(green > red)
            rows.append(np.eye(3)[name] * 0.8 + 0.2 / 3)
        return np.array(rows, np.float32)

    def detect(self, image: np.ndarray, options: RecognizerOptions) -> Detections:
        self.calls += 1
        if self.calls % 2 == 0 and not self.sees_mirrored:
            return Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))
        count, _, stats, _ = cv2.connectedComponentsWithStats((image.max(axis=2) > 150).astype(np.uint8))
        boxes = [(x, y, x + w, y + h) for x, y, w, h, _ in stats[1:count]]
        scores = [0.9 if image[y, x, 1] > 150 else 0.3 for x, y, _, _ in boxes]
        assert min(scores, default=1) >= options.detector_threshold
        found = np.array(boxes, np.float32).reshape(-1, 4)
        return Detections(found, np.array(scores, np.float32), np.zeros(len(found), np.int64))


@pytest.fixture
def painter(monkeypatch) -> None:
    """The weights are a painter's."""
    monkeypatch.setattr(pseudo_label.Recognizer, "load", lambda *args: Painter())


def room(colour: tuple[int, int, int]) -> np.ndarray:
    """A hand in the dark."""
    image = np.zeros((60, 80, 3), np.uint8)
    image[10:30, 20:40] = colour
    return image


def hand(colour: tuple[int, int, int]) -> np.ndarray:
    return np.full((40, 30, 3), colour, np.uint8)


@pytest.mark.parametrize(
    ("colour", "min_score", "labels", "expected"),
    [
        ((0, 0, 250), 0.8, LABELS, "fist"),
        ((0, 250, 0), 0.8, LABELS, "palm"),
        ((250, 0, 0), 0.8, LABELS, None),  # the views disagree
        ((0, 0, 250), 0.9, LABELS, None),  # not sure enough
        ((0, 0, 250), 0.9, ("fist", "palm"), "fist"),  # sure among the classes that occur
    ],
)
def test_a_label_needs_agreement_and_certainty(colour, min_score, labels, expected) -> None:
    assert agreed_label(Painter(), hand(colour), labels, min_score) == expected


def test_mirror_images_of_other_gestures_are_not_asked() -> None:
    painter = Painter()  # it calls blue hands fist, and their mirror images palm
    painter.classifier_info = SimpleNamespace(input_hw=(32, 32), mirror=False)
    assert agreed_label(painter, hand((250, 0, 0)), LABELS, 0.8) == "fist"


class Sided:
    """Hands with the brighter half on the left are right ones; the views whose numbers are `wrong` are misread."""

    labels = ("fist", "palm")
    classifier_info = SimpleNamespace(input_hw=(32, 32), handedness=True)

    def __init__(self, sure: float = 0.9, wrong: tuple[int, ...] = ()) -> None:
        self.sure, self.wrong = sure, wrong

    def classify(self, crops: list[np.ndarray]) -> np.ndarray:
        right = [crop[:, :16].mean() > crop[:, 16:].mean() for crop in crops]
        told = [self.sure if (r != (i in self.wrong)) else 1 - self.sure for i, r in enumerate(right)]
        return np.array([(0.9, 0.1, p) for p in told], np.float32)


def half(side: str) -> np.ndarray:
    image = np.zeros((32, 32, 3), np.uint8)
    image[:, :16] = 255
    return image if side == "right" else np.ascontiguousarray(image[:, ::-1])


@pytest.mark.parametrize(
    ("recognizer", "expected"), [(Sided(), "right"), (Sided(0.7), ""), (Sided(1.0, (3,)), ""), (Sided(0.1), "left")]
)
def test_a_side_needs_agreement_of_mirror_images(recognizer: Sided, expected: str) -> None:
    assert agreed_side(recognizer, half("right"), 0.8) == expected
    other = {"right": "left", "left": "right", "": ""}
    assert agreed_side(recognizer, half("left"), 0.8) == other[expected]


def test_sides_become_a_list_of_the_set(tmp_path: Path, monkeypatch) -> None:
    root = tmp_path / "crops"
    for name, side in (("fist/a", "right"), ("fist/b", "left"), ("palm/c", "right"), ("palm/d", "right")):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(root / f"{name}.png"), half(side))
    rows = [
        "fist/a.png,train,",
        "fist/b.png,train,right",
        "palm/c.png,val,",
        "palm/d.png,train,",
        "palm/broken.png,train,",
    ]
    (root / "index.csv").write_text("\n".join(["path,split,side", *rows]))
    (root / "palm" / "broken.png").write_bytes(b"x")
    recognizer = Sided()
    monkeypatch.setattr(pseudo_label.Recognizer, "load", lambda *args: recognizer)
    config = PseudoLabelConfig(tmp_path / "out", sides=root)
    assert pseudo_label.pseudo_label(config) == {"right": 3, "no side": 2, "unreadable": 1}
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["index.csv"]
    (tmp_path / "out" / "index.csv").replace(root / "index.csv")
    sides = {p.path.stem: (p.split, p.sides) for p in read(root, recognizer.labels).pictures}
    known = ("train", ("right",))
    assert sides == {"a": known, "b": known, "c": ("val", ()), "d": known, "broken": ("train", ())}
    recognizer.classifier_info = SimpleNamespace(input_hw=(32, 32), handedness=False)
    with pytest.raises(InputError, match="does not tell sides"):
        pseudo_label.pseudo_label(PseudoLabelConfig(tmp_path / "other", sides=root))


def test_boxes_need_both_views() -> None:
    image = room((255, 255, 255))
    boxes, scores = agreed_boxes(Painter(), image, 0.5)
    assert boxes.tolist() == [[20, 10, 40, 30]] and scores.shape == (1,)
    blind = Painter()
    blind.sees_mirrored = False
    for painter, picture in ((blind, image), (Painter(), np.zeros_like(image))):
        boxes, scores = agreed_boxes(painter, picture, 0.5)
        assert boxes.shape == (0, 4) and scores.shape == (0,)


class NearSighted(Painter):
    """Finds what fills a seventh of a picture's width at least."""

    def detect(self, image: np.ndarray, options: RecognizerOptions) -> Detections:
        found = super().detect(image, options)
        large = np.ptp(found.boxes_xyxy[:, ::2], axis=1) * 7 >= image.shape[1]
        return Detections(found.boxes_xyxy[large], found.scores[large], found.classes[large])


@pytest.mark.parametrize("size_wh", [(161, 121), (120, 160)])
@pytest.mark.parametrize("place", [(0, 0), (27, 31), (70, 50), (100, 101)])
def test_small_hands_are_found_in_parts_once_and_whole(size_wh, place) -> None:
    image = np.zeros((size_wh[1], size_wh[0], 3), np.uint8)
    x, y = place
    image[y : y + 16, x : x + 15] = 255
    boxes, scores = agreed_boxes(NearSighted(), image, 0.5)
    assert boxes.tolist() == [[x, y, x + 15, y + 16]] and scores.tolist() == [pytest.approx(0.9)]


def test_a_picture_without_parts() -> None:
    assert agreed_boxes(Painter(), np.zeros((1, 1, 3), np.uint8), 0.5)[0].shape == (0, 4)


def test_only_new_hands_are_added() -> None:
    found = np.array([[0, 0, 10, 10], [20, 20, 30, 30]], np.float32)
    assert are_new(found, np.array([[1, 1, 11, 11]], np.float32)).tolist() == [False, True]
    assert are_new(found, np.zeros((0, 4), np.float32)).all() and len(are_new(found[:0], found)) == 0
    assert are_new(found, np.array([[-40, -40, 40, 9], [24, 24, 26, 26]], np.float32)).tolist() == [False, False]


def test_crops_and_frames_become_training_data(tmp_path: Path, painter) -> None:
    crops = tmp_path / "unlabelled"
    crops.mkdir()
    for name, colour in {"a": (0, 0, 250), "b": (0, 250, 0), "c": (250, 0, 0)}.items():
        cv2.imwrite(str(crops / f"{name}.png"), hand(colour))
    (crops / "broken.png").write_bytes(b"x")
    root = tmp_path / "frames"
    (root / "ann_train_val").mkdir(parents=True)
    (root / "ann_train_val" / "fist.json").write_text("{}")
    folder = root / "unboxed" / "fist"
    folder.mkdir(parents=True)
    (root / "unboxed" / "like").mkdir()  # a gesture that the weights do not know
    cv2.imwrite(str(root / "unboxed" / "like" / "other.png"), hand((0, 0, 250)))
    for name, colour in {"red": (0, 0, 250), "green": (0, 250, 0), "known": (0, 250, 0), "held": (0, 0, 250)}.items():
        cv2.imwrite(str(folder / f"{name}.png"), room(colour))
    (folder / "broken.png").write_bytes(b"x")
    (root / "index.csv").write_text(
        "uuid,gesture,split\nbroken,fist,train\nred,fist,train\ngreen,fist,train\nknown,fist,train\nheld,fist,val\n"
        "other,like,train\n"
    )
    boxes = tmp_path / "boxes.json"
    boxes.write_text(json.dumps({"known": [{"bbox": [0.6, 0.6, 0.2, 0.2], "label": "fist", "side": "left"}]}))
    rooms = tmp_path / "rooms" / "kitchen"
    rooms.mkdir(parents=True)
    kitchen = np.zeros((120, 160, 3), np.uint8)
    kitchen[40:70, 50:90] = (20, 200, 30)
    cv2.imwrite(str(rooms / "room.png"), kitchen)
    (rooms / "broken.png").write_bytes(b"x")
    (crops / "more").mkdir()
    cv2.imwrite(str(crops / "more" / "a.png"), hand((0, 0, 250)))
    output = tmp_path / "out"
    counts = pseudo_label.pseudo_label(PseudoLabelConfig(output, crops, frames=root, boxes=boxes, rooms=rooms.parent))
    background = counts.pop("background")
    assert counts == {
        "fist": 2, "palm": 1, "left out": 1, "unreadable": 3,
        "frames": 2, "frames left out": 1, "known hands": 1, "found hands": 2,
    }  # fmt: skip
    written = read(output / "crops", LABELS)
    assert sorted((p.path.name, p.labels[0], p.split) for p in written.pictures) == [
        ("a 2.png", "fist", "train"),
        ("a.png", "fist", "train"),
        ("b.png", "palm", "train"),
    ]
    false = [cv2.imread(str(path)) for path in (output / "crops" / "background").glob("*.png")]
    assert len(false) == background and any(i.shape == (30, 40, 3) and i[0, 0].tolist() == [20, 200, 30] for i in false)
    boxed = json.loads((output / "boxes.json").read_text())
    assert boxed["red"] == [{"bbox": pytest.approx([0.25, 1 / 6, 0.25, 1 / 3]), "label": "fist"}]
    assert boxed["known"][0] == {"bbox": [0.6, 0.6, 0.2, 0.2], "label": "fist", "side": "left"}
    assert boxed["known"][1]["bbox"][0] == 0.25
    assert set(boxed) == {"red", "known"}


def test_what_was_labelled_until_it_is_stopped_is_kept(tmp_path: Path, monkeypatch, painter) -> None:
    root = tmp_path / "frames"
    (root / "ann_train_val").mkdir(parents=True)
    (root / "ann_train_val" / "fist.json").write_text("{}")
    (root / "unboxed" / "fist").mkdir(parents=True)
    for name in "ab":
        cv2.imwrite(str(root / "unboxed" / "fist" / f"{name}.png"), room((0, 0, 250)))
    (root / "index.csv").write_text("uuid,gesture,split\na,fist,train\nb,fist,train\n")
    read_one, read = pseudo_label.read_or_tell, []

    def interrupted(path: Path, counts):
        read.append(path)
        if len(read) == 2:
            raise KeyboardInterrupt
        return read_one(path, counts)

    monkeypatch.setattr(pseudo_label, "read_or_tell", interrupted)
    with pytest.raises(KeyboardInterrupt):
        pseudo_label.pseudo_label(PseudoLabelConfig(tmp_path / "out", frames=root))
    assert len(json.loads((tmp_path / "out" / "boxes.json").read_text())) == 1
    assert (tmp_path / "out" / "crops" / "index.csv").read_text() == "uuid,split\n"


def test_frames_with_annotations_of_v2_are_not_boxed_again(tmp_path: Path, painter) -> None:
    (tmp_path / "annotations" / "train").mkdir(parents=True)
    annotation = {"bboxes": [[0.25, 1 / 6, 0.25, 1 / 3]], "labels": ["fist"], "user_id": "p"}
    (tmp_path / "annotations" / "train" / "fist.json").write_text(json.dumps({"boxed": annotation}))
    (tmp_path / "fist").mkdir()
    for name in ("boxed", "unboxed"):
        cv2.imwrite(str(tmp_path / "fist" / f"{name}.jpg"), room((0, 0, 250)))
    (tmp_path / "index.csv").write_text("uuid,split\nunboxed,train\nboxed,train\n")
    pseudo_label.pseudo_label(PseudoLabelConfig(tmp_path / "out", frames=tmp_path))
    assert json.loads((tmp_path / "out" / "boxes.json").read_text()).keys() == {"unboxed"}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({}, "nothing to label"),
        ({"crops": ASSETS, "labels": ("wave",)}, "--labels wave: no names that the classifier knows. It knows "),
        ({"crops": ASSETS, "rooms": Path(__file__).parent}, "no picture: .*tests: "),
        ({"crops": Path("nowhere")}, "no such folder: nowhere"),
    ],
)
def test_bad_requests(changes, problem, tmp_path: Path, painter) -> None:
    with pytest.raises(InputError, match=problem):
        pseudo_label.pseudo_label(PseudoLabelConfig(tmp_path / "out", **changes))


@pytest.mark.parametrize(("output", "error", "problem"), [
    (".", InputError, "not an empty folder"),
    ("kept.txt", InputError, "not an empty folder"),
    ("kept.txt/out", EnvironmentFault, "Not a directory"),
])  # fmt: skip
def test_an_output_that_cannot_be_written_to_is_refused(tmp_path: Path, painter, output, error, problem) -> None:
    (tmp_path / "kept.txt").write_text("x")
    with pytest.raises(error, match=problem):
        pseudo_label.pseudo_label(PseudoLabelConfig(tmp_path / output, crops=ASSETS))
