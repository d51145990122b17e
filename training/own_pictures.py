"""A person's own few pictures made ready for training: hands found, some held out, patches without a hand."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import count
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from gesture_app.errors import InputError
from gesture_app.vision.assets import demo_clip
from gesture_app.vision.atomic import write_file
from gesture_app.vision.boxes import box_areas, iou_matrix
from gesture_app.vision.hands import FloatArray, Image, RecognizerOptions
from gesture_app.vision.images import read_image
from gesture_app.vision.labels import BACKGROUND, NO_GESTURE
from gesture_app.vision.postprocess import Detections
from gesture_app.vision.recognizer import Recognizer
from training.checkpoint import fingerprint, found_once
from training.collection import UNREAD, VIDEOS, Picture, in_threads, label_finder
from training.datasets import fraction_boxes
from training.layouts import BOXES_FILE
from training.picture_store import NAMED
from training.sets import open_set, read
from training.splits import Split, Splits, as_split, read_index
from training.verify import fault_and_oddity

OnLook = Callable[[int, int], None]

SAMPLED = 1000
"""So many pictures, and less than twice as many, are looked at to tell whole pictures from hand crops."""
WHOLE_SHARE = 0.35
"""In a whole picture, a hand covers less of it than this."""
FAR_SHARE, FAR_SCORE, FAR_PX = 0.1, 0.7, 24
"""A hand that covers less, though it is so sure and large (a side in pixels), is in a whole picture even among crops:
of 1,000 crops of HaGRID, half of them turned, two had one, of 80 whole frames 74."""
LOOKED_SIDE = 1536
"""Longer side of the pictures in which hands are looked for, at most: four times that of the detector's input."""
FEWEST = 5
"""Pictures of a gesture, at least."""
HELD_OUT = 0.2
EASY, FAINT = 0.3, 0.1
"""Scores from which a box is taken for the hand, and from which it is surely not background."""
ANY_HAND = RecognizerOptions(FAINT, 0.0, 20)
"""What the detector is asked for: all that may be a hand."""
BESIDE = 0.6
"""A second hand is at least so sure as a share of the surest."""
PATCHES = 2
"""Patches without a hand that are cut from a whole picture."""
EVERY = 5
"""Of the demo clip every fifth frame is looked at."""
SURE = 0.9
"""Hands that the recognizer names with less tell nothing."""


@dataclass(frozen=True)
class OwnPictures:
    """What can be trained with.

    Attributes:
        training, validation: of them, labelled hands.
        labels: the gestures, the known ones first and in their order, without `no_gesture`.
        frames: pictures whose boxes people drew, for the detector.
        notes: what was done to the pictures, a sentence each.
        bad: of these the ones on pictures that cannot be read.
    """

    training: list[Picture]
    validation: list[Picture]
    labels: tuple[str, ...]
    frames: list[Picture]
    notes: list[str]
    bad: list[str]


def read_own(
    root: Path,
    known: tuple[str, ...],
    recognizer: Recognizer,
    kept: Path | None = None,
    on_look: OnLook = lambda looked_at, pictures: None,
) -> OwnPictures:
    """Read a folder of class folders, or of any other layout with labels, in whatever state it is.

    Args:
        known: labels of the base; a folder that means one of them gets its name.
        recognizer: finds the hands in whole pictures.
        kept: folder for what was found, so that the next call need not look for it.
        on_look: receives how many of how many pictures were looked at for hands; all of them, once no more need be.

    Raises:
        InputError: the folder cannot be used, or a gesture has too few pictures.
        EnvironmentFault: the file cannot be written.
    """
    found = read(root, None)
    print(f"{root}: {found.describe()}")
    find_label = label_finder((NO_GESTURE, BACKGROUND, *known))
    pictures = [replace(p, labels=tuple(find_label(n) or n for n in p.labels)) for p in found.pictures]
    notes = [f"Left out: {found.describe().partition('skipped: ')[2]}."] if found.skipped else []
    unread = notes if found.skipped[UNREAD] or found.skipped[VIDEOS] else []
    pictures, bad = without_bad(pictures)
    notes, bad = notes + bad, unread + bad
    own = enough_of(pictures, root)  # at once, not after minutes of looking for hands
    if all(p.is_crop for p in pictures):
        find = partial(with_hands, pictures, recognizer, on_look)
        if kept is not None:
            changed = str(sum(p.path.stat().st_mtime_ns for p in pictures))  # a bitmap keeps its size
            source = (str(root), str(root.absolute()), fingerprint(pictures), changed, *weights_of(recognizer))
            find = partial(found_once, kept, source, find)
        number = len(pictures)
        pictures, said = find()
        on_look(number, number)
        notes += said
        own = enough_of(pictures, root)
    if unnamed := sum(bool(p.labels) and not any(p.labels) for p in pictures):
        notes.append(f"In {unnamed} pictures no hand is named, as of several in {BOXES_FILE}: they teach no gesture.")
    labels = tuple([n for n in known if n in own] + [n for n in own if n not in known])
    if not is_split(pictures, read_index(open_set(root, None)[0])):
        pictures = held_out(pictures)
        notes.append("The last fifth of every gesture's pictures, by name, is held out: neighbours often look alike.")
    frames = [p for p in pictures if p.true_boxes and not p.is_crop]
    training = [p for p in pictures if p.split == "train"]
    validation = [without_patches(p) for p in pictures if p.split != "train"]
    return OwnPictures(training, validation, labels, frames, notes, bad)


def enough_of(pictures: Sequence[Picture], root: Path) -> list[str]:
    """The gestures that the pictures show, sorted.

    Raises:
        InputError: there is none, or of one there are too few pictures.
    """
    counts = Counter(name for picture in pictures for name in set(picture.labels) - {"", NO_GESTURE, BACKGROUND})
    few = [f"{name} ({count})" for name, count in sorted(counts.items()) if count < FEWEST]
    if few:
        raise InputError(f"too few pictures: {root}: {', '.join(few)}: every gesture needs {FEWEST}, better 20 or more")
    if not counts:
        raise InputError(f"no gesture in {root}: make a folder of pictures for each, named like the gesture")
    return sorted(counts)


def without_bad(pictures: list[Picture]) -> tuple[list[Picture], list[str]]:
    """The pictures that can be decoded, and a sentence on the others: of so few a training could not replace one."""
    paths = list(dict.fromkeys(picture.path for picture in pictures))
    results = in_threads(fault_and_oddity, paths, 2, "reading the pictures")
    faults = {path: fault for path, (fault, _) in zip(paths, results, strict=True) if fault}
    if not faults:
        return pictures, []
    named = "; ".join(f"{path}: {fault}" for path, fault in list(faults.items())[:NAMED])
    more = f"; and {len(faults) - NAMED} more" if len(faults) > NAMED else ""
    return [p for p in pictures if p.path not in faults], [f"Left out, since they cannot be read: {named}{more}."]


def is_split(pictures: Sequence[Picture], index: Splits) -> bool:
    """Whether somebody said, by a list, by folders or by naming several people, what is to be held out."""
    listed = any("split" in row for row in index.rows.values())
    by_folder = any(as_split(folder) for p in pictures for folder in Path(p.key).parts[1:-1][:2])
    both = len({p.split == "train" for p in pictures}) == 2
    return both and (listed or by_folder or any(p.person for p in pictures))


def held_out(pictures: Sequence[Picture]) -> list[Picture]:
    """The pictures with the last fifth of every gesture's, in the order of their names, for validation."""
    groups: dict[str, list[Picture]] = defaultdict(list)
    for picture in pictures:
        shown = [name for name in picture.labels if name not in ("", NO_GESTURE, BACKGROUND)] or [*picture.labels, ""]
        groups[shown[0]].append(picture)  # not by a hand that rests and happens to be annotated first
    result: list[Picture] = []
    for group in groups.values():
        group.sort(key=lambda p: natural(p.path.name))
        first = len(group) - max(1, round(len(group) * HELD_OUT))
        result += [replace(p, split="train" if i < first else "val") for i, p in enumerate(group)]
    return result


def natural(name: str) -> list[tuple[int, str]]:
    """A key that sorts picture 2 before picture 10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]


def without_patches(picture: Picture) -> Picture:
    """The picture with its true hands only: patches without a hand are too easy to be measured on."""
    kept = [i for i, name in enumerate(picture.labels) if name not in (NO_GESTURE, BACKGROUND) or i == 0]
    return replace(
        picture,
        boxes_xywh=tuple(picture.boxes_xywh[i] for i in kept),
        labels=tuple(picture.labels[i] for i in kept),
        sides=tuple(picture.sides[i] for i in kept if picture.sides),
    )


def with_hands(crops: list[Picture], recognizer: Recognizer, on_look: OnLook) -> tuple[list[Picture], list[str]]:
    """Tell hand crops from whole pictures, and box the hands of the latter.

    The choice is made once for all pictures, but for whole ones with a far hand among crops. In a whole picture the
    uppermost of the sure hands shows the gesture, since the other one mostly hangs down; where no hand is found, the
    picture is left out. Patches without a hand become `background` where the recognizer knows that, else
    `no_gesture`.

    Returns:
        The pictures, and what was done.
    """
    nothing = BACKGROUND if BACKGROUND in recognizer.classifier_info.labels else NO_GESTURE
    looked_at = count(1)

    @cache
    def look(number: int) -> tuple[Picture | None, float, bool]:
        image = read_image(crops[number].path, LOOKED_SIDE)
        found = recognizer.detect(image, ANY_HAND)
        whole = boxed(crops[number], image, found, nothing, np.random.default_rng(number))
        hands = sure_hands(found)
        on_look(next(looked_at), len(crops))
        return whole, share_of_hand(image, hands), is_far(image, hands)

    def look_at(numbers: Sequence[int]) -> Iterator[tuple[Picture | None, float, bool]]:
        return map(look, tqdm(numbers, desc="finding hands", leave=False, disable=None))

    found = [*look_at(range(0, len(crops), max(1, len(crops) // SAMPLED)))]
    mostly_whole = sum(0 < share < WHOLE_SHARE for _, share, _ in found) > len(found) / 2
    taken_for_crops = "The pictures are taken for hand crops: each is trained on as a whole."
    if not mostly_whole and not any(far for _, _, far in found):
        return crops, [taken_for_crops]
    pictures: list[Picture] = []
    with_more: list[str] = []
    lost = 0
    for picture, (whole, _, far) in zip(crops, look_at(range(len(crops))), strict=True):
        if not mostly_whole and not far:
            pictures.append(picture)
        elif whole is not None:
            with_more.append(str(picture.path))
            pictures.append(whole)
        else:
            lost += 1
    if not mostly_whole:
        named = ", ".join(with_more[:NAMED]) + (f" and {len(with_more) - NAMED} more" if with_more[NAMED:] else "")
        return pictures, [taken_for_crops, f"But not {named}: these show more than a hand, which was found in them."]
    notes = ["The pictures show more than a hand: the detector found the hands in them."]
    if lost:
        notes.append(f"In {lost} of {len(crops)} pictures no hand was found: they are left out.")
    return pictures, notes


def boxed(crop: Picture, image: Image, found: Detections, nothing: str, rng: np.random.Generator) -> Picture | None:
    """The picture as a whole one: the uppermost of the sure hands found in it, and patches without any.

    Args:
        nothing: the name of the patches.
    """
    hands = sure_hands(found).boxes_xyxy
    if not len(hands):
        return None
    hand = hands[hands[:, 1].argmin()]
    patches = free_patches(image, hand, found.boxes_xyxy, rng)
    boxes = fraction_boxes(np.stack((hand, *patches)), image)
    labels = (crop.labels[0], *(nothing,) * len(patches))
    sides = (*crop.sides, *("",) * len(patches)) if crop.sides else ()
    return replace(crop, boxes_xywh=tuple(boxes), labels=labels, sides=sides, is_crop=False, true_boxes=False)


def sure_hands(found: Detections) -> Detections:
    """Of all that may be a hand what surely is one; those much less sure than the surest are left out."""
    return found.take(found.scores >= max(EASY, BESIDE * found.scores.max(initial=0)))


def share_of_hand(image: Image, hands: Detections) -> float:
    """The share of the picture that the largest of its hands covers; 0 without one."""
    return float(box_areas(hands.boxes_xyxy).max(initial=0) / (image.shape[0] * image.shape[1]))


def is_far(image: Image, hands: Detections) -> bool:
    """Whether a picture surely shows a hand that is small in it, as no hand crop does."""
    large_enough = box_areas(hands.boxes_xyxy).max(initial=0) >= FAR_PX**2
    return bool(large_enough and hands.scores.max() >= FAR_SCORE and share_of_hand(image, hands) < FAR_SHARE)


def free_patches(image: Image, hand: FloatArray, taken: FloatArray, rng: np.random.Generator) -> list[FloatArray]:
    """Some boxes_xyxy of about the hand's size where none of the boxes (N, 4) is in which there may be a hand."""
    height, width = image.shape[:2]
    free: list[FloatArray] = []
    for _ in range(8):
        side_wh = np.minimum((hand[2:] - hand[:2]) * rng.uniform(0.7, 1.4), (width, height))
        corner = rng.uniform((0, 0), (width, height) - side_wh)
        box = np.concatenate((corner, corner + side_wh)).astype(np.float32)
        if not len(taken) or iou_matrix(box[None], taken).max() == 0:
            free.append(box)
        if len(free) == PATCHES:
            break
    return free


def weights_of(recognizer: Recognizer) -> tuple[str, str]:
    """What tells a recognizer's networks from others."""
    return recognizer.detector_info.sha256, recognizer.classifier_info.sha256


def demo_hands(folder: Path, recognizer: Recognizer) -> list[Picture]:
    """Hands of the clip that comes with the program, as the recognizer names them: every other second is held out.

    Own pictures show only what is to be learnt. These show other hands, of which a network must not think the same.

    Args:
        folder: for pictures of the hands and what is around them, which the next call finds there.

    Returns:
        None of them where the clip cannot be read.

    Raises:
        EnvironmentFault: the pictures cannot be written.
    """
    source = (str(folder), str(folder.absolute()), str(demo_clip()), *weights_of(recognizer))
    return found_once(folder, source, lambda: (look_at_demo(folder, recognizer), []))[0]


def look_at_demo(folder: Path, recognizer: Recognizer) -> list[Picture]:
    """See `demo_hands`."""
    clip, found = cv2.VideoCapture(str(demo_clip())), []
    rate = clip.get(cv2.CAP_PROP_FPS) or 30.0
    for number in count():
        if not clip.grab():
            break
        if number % EVERY:
            continue
        image = clip.retrieve()[1]
        for hand in recognizer(image):
            if hand.score < SURE:
                continue
            box = np.array(hand.box_xyxy)
            around = np.concatenate((1.5 * box[:2] - 0.5 * box[2:], 1.5 * box[2:] - 0.5 * box[:2]))
            left, top, right, bottom = around.clip(0, image.shape[1::-1] * 2).astype(int)
            part = np.ascontiguousarray(image[top:bottom, left:right])
            path = folder / f"{number}-{hand.id}.png"
            write_file(path, cv2.imencode(".png", part)[1].tobytes(), "a hand of the demo clip")
            boxes = fraction_boxes(box[None] - (left, top, left, top), part)
            split: Split = "val" if int(number / rate) % 2 else "train"
            key = f"demo/{path.name}"
            found.append(Picture(path, tuple(boxes), (hand.label,), split, true_boxes=False, key=key))
    clip.release()
    return found
