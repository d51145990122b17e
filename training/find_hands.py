"""Boxes for a folder of whole pictures that has none, by our own detector."""

from __future__ import annotations

import json
from pathlib import Path

from tqdm import tqdm

from gesture_app.errors import InputError
from gesture_app.vision.atomic import write_file
from gesture_app.vision.images import read_image
from gesture_app.vision.model_folders import default_weights
from gesture_app.vision.recognizer import Recognizer
from training.collection import picture_files
from training.datasets import fraction_boxes
from training.layouts import BOXES_FILE, class_folders
from training.own_pictures import ANY_HAND, sure_hands
from training.sets import open_set


def write_boxes(root: Path, recognizer: Recognizer | None = None) -> Path:
    """Find the hands in the pictures of class folders and write `boxes.json` beside the folders.

    The detector alone tells: to a classifier a gesture that is yet to be learnt may be background. A picture without a
    hand gets no box and is no part of the set. Look at a contact sheet before training.

    Args:
        recognizer: finds the hands; by default one with the weights in use.

    Returns:
        The file.

    Raises:
        InputError: the folder is in another layout, or has such a file already.
        EnvironmentFault: the file cannot be written.
    """
    folder, layout = open_set(root, None)
    file = folder / BOXES_FILE
    if not layout.class_folders:
        raise InputError(f"cannot find hands in {folder}: it is in {layout.name}'s layout, which has boxes of its own")
    if file.exists():
        raise InputError(f"will not replace {file}: delete it to find the hands again")
    recognizer = recognizer or Recognizer.load(default_weights(), "auto")
    paths = list(picture_files((path for path, _ in class_folders(folder, None)), below=True))
    boxes = {}
    for path in tqdm(paths, desc="finding hands", unit="picture"):
        try:
            image = read_image(path)
        except InputError as error:
            print(error)
            continue
        hands = fraction_boxes(sure_hands(recognizer.detect(image, ANY_HAND)).boxes_xyxy, image)
        if hands:
            rounded = [{"bbox": [round(value, 5) for value in box]} for box in hands]
            boxes[path.relative_to(folder).as_posix()] = rounded
    write_file(file, (json.dumps(boxes, indent=1) + "\n").encode(), "boxes")
    print(f"{file}: hands in {len(boxes)} of {len(paths)} pictures")
    return file
