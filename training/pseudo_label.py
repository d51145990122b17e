"""Label pictures that nobody labelled, with our own models, where several views of them agree."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from gesture_app.errors import EnvironmentFault, InputError
from gesture_app.vision.atomic import first_free, write_file, write_table
from gesture_app.vision.boxes import box_areas, iou_matrix
from gesture_app.vision.hands import Box, FloatArray, Image
from gesture_app.vision.images import read_image
from gesture_app.vision.labels import BACKGROUND, HAGRID_LABELS, NO_GESTURE
from gesture_app.vision.preprocess import crop_hand, mirror
from gesture_app.vision.recognizer import Recognizer
from gesture_app.vision.stills import detect_mirrored
from training.augment import covers
from training.collection import picture_files
from training.datasets import fraction_boxes, pixel_boxes
from training.frame_views import visible_share
from training.layouts import PREFIXES, read_boxes
from training.sets import read, read_gesture_frames

SHRINK, GROW = -0.08, 0.08
FAINT = 0.15
"""The least score of a hand that shows what its folder says: the classifier bears witness for it."""
SAME_HAND = 0.4
"""Two boxes show the same hand, or one a part of it, from this share of the smaller one in the other on."""
LEAST_FALSE, MOST_FALSE, SMALLEST_PX = 0.05, 6, 16
"""The least score of a false hand that is worth learning from, how many a picture, and their shortest side."""


@dataclass(frozen=True)
class PseudoLabelConfig:
    """Label pictures with our own models, where several views of them agree.

    Hand crops become `crops/`, class folders with an `index.csv` that puts all of them into training; whole frames, of
    which the gesture is known by their folder, become a file of boxes for `--boxes`. What the detector takes for a hand
    where there is none becomes `crops/background`. The sides of hand crops that have labels become a list of them.
    """

    output: Path
    """Gets `crops/`, class folders for `--data`, `boxes.json`, and `index.csv` of the crops of `--sides`."""
    crops: Path | None = None
    """Folder of hand crops without labels, in it or in folders below."""
    labels: tuple[str, ...] = ()
    """The classes that occur among the crops; all by default."""
    frames: Path | None = None
    """Frames in a HaGRID layout, boxed or not; those of the split `train` and of gestures that the weights know are
    looked at."""
    boxes: Path | None = None
    """Boxes of the frames that are known already; only hands that these lack are added."""
    rooms: Path | None = None
    """Folder of pictures without people, in it or in folders below, for `crops/background`."""
    sides: Path | None = None
    """Folder of labelled hand crops: a new `index.csv` for it, with a column `side`, by weights that tell sides."""
    weights: Path | None = None
    """Folder of both networks; the shipped weights by default."""
    min_score: float = 0.8
    """The least probability of a crop's label, or side, averaged over the views."""
    min_detection: float = 0.8
    """The least score of a hand in a frame and in its mirror image; less for one that shows its folder's gesture."""


def pseudo_label(config: PseudoLabelConfig) -> dict[str, int]:
    """Label, write, and count what was labelled.

    Raises:
        InputError: there is nothing to label, a class is unknown, the classifier tells no sides, or the output exists.
        EnvironmentFault: the output cannot be written.
    """
    if all(given is None for given in (config.crops, config.frames, config.rooms, config.sides)):
        raise InputError("nothing to label: give --crops, --frames, --rooms or --sides")
    if config.output.exists() and not (config.output.is_dir() and next(config.output.iterdir(), None) is None):
        raise InputError(f"output: {config.output}: is there and not an empty folder. Name another one")
    for folder in (config.crops, config.frames, config.rooms, config.sides):
        if folder is not None and not folder.is_dir():
            raise InputError(f"no such folder: {folder}")
    for folder in (config.crops, config.rooms):
        if folder is not None and next(picture_files([folder], below=True), None) is None:
            raise InputError(f"no picture: {folder}: neither in it nor in folders below. Name one of pictures")
    recognizer = Recognizer.load(config.weights, "cpu")
    unknown = set(config.labels) - set(recognizer.labels)
    if unknown:
        known = ", ".join(recognizer.labels)
        raise InputError(f"--labels {', '.join(sorted(unknown))}: no names that the classifier knows. It knows {known}")
    if config.sides is not None and not recognizer.classifier_info.handedness:
        raise InputError("the classifier does not tell sides: name another one with --weights")
    try:
        config.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EnvironmentFault(f"output: {config.output}: {error.strerror}. Choose another place") from error
    counts = Counter[str]()
    if config.sides is not None:
        label_sides(config, config.sides, recognizer, counts)
    if all(given is None for given in (config.crops, config.frames, config.rooms)):
        return dict(counts)
    crops = config.output / "crops"
    crops.mkdir()
    boxes: dict[str, list[dict[str, Any]]] = {}
    try:
        if config.crops is not None:
            label_crops(config, config.crops, recognizer, counts)
        if config.frames is not None:
            box_frames(config, config.frames, recognizer, boxes, counts)
        if config.frames is not None or config.rooms is not None:
            cut_background(config, recognizer, counts)
    finally:  # also when it is stopped after hours; without the list some crops would be validated on
        if config.frames is not None:
            write_file(config.output / "boxes.json", (json.dumps(boxes) + "\n").encode(), "boxes")
        rows = ((file.stem, "train") for file in sorted(crops.glob("*/*")))
        write_table(crops / "index.csv", ("uuid", "split"), rows, "the list of crops")
    return dict(counts)


def label_crops(config: PseudoLabelConfig, root: Path, recognizer: Recognizer, counts: Counter[str]) -> None:
    """Copy every crop whose views agree into the folder of its class."""
    for path in tqdm(list(picture_files([root], below=True)), desc="crops"):
        image = read_or_tell(path, counts)
        if image is None:
            continue
        label = agreed_label(recognizer, image, config.labels or recognizer.labels, config.min_score)
        counts[label or "left out"] += 1
        if label is not None:
            folder = config.output / "crops" / label
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, first_free(folder, path.stem, path.suffix))  # other folders may have equal names


def read_or_tell(path: Path, counts: Counter[str]) -> Image | None:
    """Read a picture; one that cannot be read is told and counted: among thousands it must not lose what took hours."""
    try:
        return read_image(path)
    except InputError as error:
        tqdm.write(str(error))
        counts["unreadable"] += 1
        return None


def agreed_label(recognizer: Recognizer, crop: Image, labels: tuple[str, ...], min_score: float) -> str | None:
    """The label of a hand crop on which all views agree with enough certainty.

    The views are the crop, its mirror image if that shows the same gesture, and both a little tighter and wider.
    Probabilities are those among `labels` only.
    """
    columns = [recognizer.labels.index(name) for name in labels]
    probabilities = gesture_views(recognizer, crop, whole(crop))[:, columns]
    probabilities /= probabilities.sum(axis=1, keepdims=True).clip(1e-6)
    best = probabilities.argmax(axis=1)
    sure = (best == best[0]).all() and probabilities[:, best[0]].mean() >= min_score
    return labels[int(best[0])] if sure else None


def label_sides(config: PseudoLabelConfig, root: Path, recognizer: Recognizer, counts: Counter[str]) -> None:
    """Write a set's `index.csv` anew, with the known sides and those on which all views agree with enough certainty.

    Those of the splits other than `train` stay unknown where they are: nothing is measured on what a model says.
    """
    rows = []
    crops = [picture for picture in read(root, recognizer.labels).pictures if picture.is_crop]
    for picture in tqdm(crops, desc="sides"):
        side = picture.sides[0] if picture.sides else ""
        image = read_or_tell(picture.path, counts) if picture.split == "train" and not side else None
        if image is not None:
            side = agreed_side(recognizer, image, config.min_score)
        counts[side or "no side"] += 1
        rows.append((picture.key.partition("/")[2], picture.split, side))
    write_table(config.output / "index.csv", ("path", "split", "side"), rows, "the sides")


def agreed_side(recognizer: Recognizer, crop: Image, min_score: float) -> str:
    """The side of a hand crop on which all views agree with enough certainty, mirror images on the other; or none."""
    right = classify_views(recognizer, crop, whole(crop))[:, -1]
    right[1::2] = 1 - right[1::2]
    if (right > 0.5).all() and right.mean() >= min_score:
        return "right"
    return "left" if (right < 0.5).all() and right.mean() <= 1 - min_score else ""


def whole(crop: Image) -> Box:
    """The box of a hand that fills its picture."""
    return 0.0, 0.0, float(crop.shape[1]), float(crop.shape[0])


def classify_views(recognizer: Recognizer, image: Image, box: Box) -> FloatArray:
    """Probabilities (6, classes) of a hand as it is, tighter and wider, each before its mirror image.

    There is a column more where the classifier tells sides, see `Recognizer.classify`.
    """
    left, top, right, bottom = box
    size = recognizer.classifier_info.input_hw[0]
    views = []
    for share in (0.0, SHRINK, GROW):
        dx, dy = share * (right - left), share * (bottom - top)
        view = crop_hand(image, (left - dx, top - dy, right + dx, bottom + dy), size)
        views += [view, mirror(view)]
    return recognizer.classify(views)


def gesture_views(recognizer: Recognizer, image: Image, box: Box) -> FloatArray:
    """The rows of `classify_views` that tell the gesture: of mirror images only where these show the same one."""
    return classify_views(recognizer, image, box)[:: 1 if recognizer.classifier_info.mirror else 2]


def box_frames(
    config: PseudoLabelConfig,
    root: Path,
    recognizer: Recognizer,
    boxes: dict[str, list[dict[str, Any]]],
    counts: Counter[str],
) -> None:
    """Put into `boxes`, for every training frame without annotation, the known hands and those that were found.

    A found hand counts when the detector sees it in the frame or a part of it and in the mirror image, and either the
    detector or the classifier, which must name it as its folder does, is sure. A frame counts when one of its hands is
    named so, or when its boxes were known before.
    """
    known: dict[str, list[dict[str, Any]]] = read_boxes(config.boxes) if config.boxes else {}
    gestures = tuple(name for name in recognizer.labels if name != NO_GESTURE)
    frames = [f for f in read_gesture_frames(root, gestures) if f.split == "train"]
    for frame in tqdm(frames, desc="frames"):
        if frame.annotated or frame.path.parent.name.startswith(PREFIXES):
            continue  # the boxes of a file do not change a frame with an annotation
        image = read_or_tell(frame.path, counts)
        if image is None:
            continue
        uuid = frame.path.stem
        hands = known.get(uuid, [])
        found, scores = agreed_boxes(recognizer, image, FAINT)
        gesture = recognizer.labels.index(frame.gesture)
        shown = [gesture_views(recognizer, image, tuple(box))[:, gesture].mean() for box in found.tolist()]
        named = np.array(shown) >= config.min_score
        sure = named | (scores >= config.min_detection)
        new = sure & are_new(found, pixel_boxes([hand["bbox"] for hand in hands], image))
        if not hands and not named.any():
            counts["frames left out"] += 1
            continue
        counts["frames"] += 1
        counts["known hands"] += len(hands)
        counts["found hands"] += int(new.sum())
        boxes[uuid] = list(hands)
        for bbox, shows_it in zip(fraction_boxes(found[new], image), named[new].tolist(), strict=True):
            boxes[uuid].append({"bbox": bbox, **({"label": frame.gesture} if shows_it else {})})


def cut_background(config: PseudoLabelConfig, recognizer: Recognizer, counts: Counter[str]) -> None:
    """Cut out what the detector takes for a hand where none is, and some of what it does not.

    All hands are known in rooms and in frames with true boxes; in other frames only a place at random is cut out.
    """
    rng = np.random.default_rng(0)
    folder = config.output / "crops" / BACKGROUND
    folder.mkdir(parents=True)
    frames = read(config.frames, HAGRID_LABELS, config.boxes).pictures if config.frames is not None else []
    sources = [(p.path, p.boxes_xywh, p.true_boxes) for p in frames if p.split == "train" and not p.is_crop]
    if config.rooms is not None:
        sources += [(path, (), True) for path in picture_files([config.rooms], below=True)]
    cut = 0
    for path, boxes_xywh, all_known in tqdm(sources, desc="background"):
        image = read_or_tell(path, counts)
        if image is None:
            continue
        hands = pixel_boxes(boxes_xywh, image)
        places = [random_place(image, rng)]
        if all_known:
            options = replace(recognizer.options, detector_threshold=LEAST_FALSE, max_hands=MOST_FALSE)
            places += [*recognizer.detect(image, options).boxes_xyxy]
        for place in places:
            left, top, right, bottom = (round(float(side)) for side in place)
            if min(right - left, bottom - top) < SMALLEST_PX or covers(hands, (left, top, right, bottom)):
                continue
            patch = image[max(top, 0) : bottom, max(left, 0) : right]
            write_file(folder / f"{path.stem}_{cut}.png", cv2.imencode(".png", patch)[1].tobytes(), "a crop")
            cut += 1
    counts[BACKGROUND] += cut


def random_place(image: Image, rng: np.random.Generator) -> FloatArray:
    """A box (4,) anywhere in a picture, as large as hands often are."""
    height, width = image.shape[:2]
    size = min(height, width) * rng.uniform(0.08, 0.35, 2)
    corner = rng.uniform(0, 1, 2) * (np.array((width, height)) - size)
    return np.concatenate((corner, corner + size)).astype(np.float32)


def agreed_boxes(recognizer: Recognizer, image: Image, min_score: float) -> tuple[FloatArray, FloatArray]:
    """boxes_xyxy (N, 4) of the hands on which views of a picture and of its mirror image agree, and the scores (N,).

    Small hands are found in nine overlapping parts of the picture, which are shown to the detector twice as large.
    """
    height, width = image.shape[:2]
    boxes: list[FloatArray] = [np.zeros((0, 4), np.float32)]
    scores: list[FloatArray] = [np.zeros(0, np.float32)]
    for left, top, right, bottom in ((0, 0, width, height), *parts_of(width, height)):
        found, sure = boxes_of_both(recognizer, image[top:bottom, left:right], min_score)
        found = found + np.array((left, top, left, top), np.float32)
        cut = (found[:, :2] < (left + 1, top + 1)) & (found[:, :2] > 1)
        cut |= (found[:, 2:] > (right - 1, bottom - 1)) & (found[:, 2:] < (width - 1, height - 1))
        whole = ~cut.any(axis=1)
        boxes.append(found[whole])
        scores.append(sure[whole])
    all_boxes, all_scores = np.concatenate(boxes), np.concatenate(scores)
    kept: list[int] = []
    for number in np.argsort(-all_scores, kind="stable").tolist():
        if are_new(all_boxes[number : number + 1], all_boxes[kept])[0]:
            kept.append(number)
    return all_boxes[kept], all_scores[kept]


def parts_of(width: int, height: int) -> list[tuple[int, int, int, int]]:
    """Nine parts of half the sides of a picture, each half covered by the next one: left, top, right, bottom."""
    if min(width, height) < 2:
        return []
    corners = [(x * width // 4, y * height // 4) for y in range(3) for x in range(3)]
    return [(left, top, left + width // 2, top + height // 2) for left, top in corners]


def boxes_of_both(recognizer: Recognizer, image: Image, min_score: float) -> tuple[FloatArray, FloatArray]:
    """boxes_xyxy (N, 4) found in a picture and in its mirror image, the mean of both, and the lower scores (N,)."""
    options = replace(recognizer.options, detector_threshold=min_score)
    here = recognizer.detect(image, options)
    there = detect_mirrored(recognizer, mirror(image), options)
    if not len(here.boxes_xyxy) or not len(there.boxes_xyxy):
        return np.zeros((0, 4), np.float32), np.zeros(0, np.float32)
    overlaps = iou_matrix(here.boxes_xyxy, there.boxes_xyxy)
    both, partner = overlaps.max(axis=1) >= 0.5, overlaps.argmax(axis=1)
    boxes = (here.boxes_xyxy + there.boxes_xyxy[partner])[both] / 2
    return np.asarray(boxes, np.float32), np.asarray(np.minimum(here.scores, there.scores[partner])[both], np.float32)


def are_new(found: FloatArray, known: FloatArray) -> NDArray[np.bool_]:
    """Which of the boxes (N, 4) show none of the known hands: (N,)."""
    new = np.ones(len(found), bool)
    for box in known:
        overlap = visible_share(found, box) * box_areas(found)
        new &= overlap < SAME_HAND * np.minimum(box_areas(found), box_areas(box[None]))
    return new
