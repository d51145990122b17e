"""The command `synthesize`: rendered pictures on disk in HaGRID's layout."""

from __future__ import annotations

import json
import multiprocessing
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm

from gesture_app.errors import EnvironmentFault, InputError
from gesture_app.vision.atomic import write_file, write_table
from gesture_app.vision.labels import HAGRID_GESTURES, HAGRID_LABELS, NO_GESTURE
from training.collection import picture_files
from training.contact_sheet import check_name, write_sheet
from training.datasets import fraction_boxes
from training.download import makehuman_folder
from training.sets import read
from training.signals import ignore_interrupts
from training.synthetic.assets import load_assets
from training.synthetic.body import BodyModel
from training.synthetic.config import SynthesizeConfig
from training.synthetic.render import Labelled, Renderer
from training.synthetic.scene import draw_person

PICTURES_OF_ONE = 4
"""Consecutive pictures that show the same person."""
NAMESPACE = uuid.UUID("6b0f9a56-6d6c-4d0e-9d07-2a9f1c7b6f10")
COLLECTION = "synthetic"


@dataclass(frozen=True)
class Job:
    """Pictures `first` to `last` (not included) of a kind, all of one person."""

    kind: str
    first: int
    last: int


@dataclass(frozen=True)
class Written:
    """A picture on disk: its folder's gesture, name, person, and entry of the annotations."""

    kind: str
    gesture: str
    name: str
    person: str
    entry: dict[str, Any]


def folder_of(out: Path, kind: str, gesture: str) -> Path:
    """Where the pictures of a gesture are."""
    return out / kind / COLLECTION / f"train_val_{gesture}"


def annotation(picture: Labelled, person: str) -> dict[str, Any]:
    """HaGRID's entry of a picture: boxes and landmarks as fractions of it, rounded as in HaGRID; and sides."""
    size_wh = picture.image.shape[1::-1]
    fractions = fraction_boxes([hand.box_xyxy for hand in picture.hands], picture.image)
    boxes = [[round(value, 6) for value in box] for box in fractions]
    points = [(hand.landmarks_px / size_wh).round(5).tolist() for hand in picture.hands]
    labels = [hand.label for hand in picture.hands]
    sides = ["right" if hand.side == "R" else "left" for hand in picture.hands]
    return {"bboxes": boxes, "labels": labels, "sides": sides, "landmarks": points, "user_id": person}


class Maker:
    """What a worker keeps: the renderer, and what to draw.

    Args:
        config: the command.

    Raises:
        InputError: the body is missing or damaged, or there is no background.
    """

    def __init__(self, config: SynthesizeConfig) -> None:
        self.config = config
        self.renderer = Renderer(BodyModel(load_assets(body_source(config))), list_backgrounds(config))

    def label(self, rng: np.random.Generator) -> str:
        """A class: `no_gesture` by its share, every gesture alike."""
        if rng.random() < self.config.no_gesture:
            return NO_GESTURE
        return str(rng.choice(self.config.labels))

    def make(self, job: Job) -> list[Written]:
        """Draw and write the pictures of a job; what they show depends on the seed and their numbers alone."""
        seed, kind = self.config.seed, job.kind
        kind_number = ("frames", "crops").index(kind)
        draw = self.renderer.frame if kind == "frames" else self.renderer.crop
        person_number = job.first // PICTURES_OF_ONE
        person = draw_person(self.renderer.model, np.random.default_rng((seed, kind_number, 1, person_number)))
        name = f"synthetic-{seed}-{kind}-{person_number}"
        written = []
        for number in range(job.first, job.last):
            rng = np.random.default_rng((seed, kind_number, 0, number))
            gesture = self.label(rng)
            picture = draw(gesture, person, rng)
            if kind == "crops" and not picture.hands:
                continue
            quality = int(rng.integers(72, 97))
            encoded = cv2.imencode(".jpg", picture.image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
            file = f"{uuid.uuid5(NAMESPACE, f'{seed}-{kind}-{number}')}"
            path = folder_of(self.config.out, kind, gesture) / f"{file}.jpg"
            path.write_bytes(encoded.tobytes())
            written.append(Written(kind, gesture, file, name, annotation(picture, name)))
        return written


MAKERS: list[Maker] = []
"""Of a worker process: its one maker."""


def start_worker(maker: Maker) -> None:
    """Keep the maker in a worker process: Linux's inherit it, elsewhere it is sent to each."""
    ignore_interrupts()
    cv2.setNumThreads(0)  # with 1 it would wait for OpenCV's threads, of which a forked process has none
    MAKERS[:] = [maker]


def work(job: Job) -> list[Written]:
    """Carry out a job in a worker process."""
    return MAKERS[0].make(job)


def body_source(config: SynthesizeConfig) -> Path:
    """MakeHuman's files: the named ones, else the downloaded ones."""
    return config.makehuman or makehuman_folder() / "data"


def list_backgrounds(config: SynthesizeConfig) -> tuple[Path, ...]:
    """The photographs, sorted.

    Raises:
        InputError: the folder is missing or holds no picture.
    """
    if config.backgrounds is None:
        return ()
    found = tuple(sorted(picture_files([config.backgrounds], below=True)))
    if not found:
        raise InputError(f"no backgrounds: {config.backgrounds}: there is no picture in it")
    return found


def jobs_of(kind: str, count: int) -> list[Job]:
    """The pictures of a kind, a person at a time."""
    return [Job(kind, i, min(i + PICTURES_OF_ONE, count)) for i in range(0, count, PICTURES_OF_ONE)]


def make_all(maker: Maker, jobs: list[Job]) -> Iterator[list[Written]]:
    """The jobs' results in order, by this process or by workers."""
    if maker.config.workers < 2:
        yield from map(maker.make, jobs)
        return
    method = "fork" if sys.platform == "linux" else "spawn"
    with multiprocessing.get_context(method).Pool(maker.config.workers, start_worker, (maker,)) as pool:
        yield from pool.imap(work, jobs)


def write_annotations(out: Path, written: list[Written]) -> None:
    """Write what was drawn so far: per kind and gesture a JSON file, and the index."""
    for kind in sorted({w.kind for w in written}):
        of_kind = [w for w in written if w.kind == kind]
        for gesture in sorted({w.gesture for w in of_kind}):
            entries = {w.name: w.entry for w in of_kind if w.gesture == gesture}
            file = out / kind / "ann_train_val" / f"{gesture}.json"
            write_file(file, json.dumps(entries).encode(), "annotations")
        rows = ((w.name, w.gesture, w.person, "true", "train") for w in of_kind)
        write_table(out / kind / "index.csv", ("uuid", "gesture", "user_id", "boxes", "split"), rows, "annotations")


def kinds_of(config: SynthesizeConfig) -> list[str]:
    """The kinds of pictures that are asked for."""
    return [kind for kind, count in (("frames", config.frames), ("crops", config.crops)) if count]


def check(config: SynthesizeConfig) -> None:
    """Refuse a command that cannot be carried out.

    Raises:
        InputError: numbers below 0 or nothing to do, unknown labels, a folder that holds pictures already, or a sheet
            that is no picture.
    """
    if min(config.frames, config.crops) < 0 or not config.frames + config.crops:
        raise InputError("nothing to render: give --frames or --crops a number above 0")
    unknown = sorted(set(config.labels) - set(HAGRID_LABELS))
    if unknown or not config.labels:
        raise InputError(f"unknown gestures: {', '.join(unknown) or 'none'}: they are {', '.join(HAGRID_GESTURES)}")
    if not 0 <= config.no_gesture <= 1:
        raise InputError(f"no_gesture is a share from 0 to 1, not {config.no_gesture}")
    for kind in kinds_of(config):
        if (config.out / kind).exists():
            raise InputError(f"will not overwrite {config.out / kind}: name another folder with --out, or remove it")
    if config.sheet is not None:
        check_name(config.sheet)
    list_backgrounds(config)


def make_folders(config: SynthesizeConfig) -> None:
    """Make the folders of all gestures.

    Raises:
        EnvironmentFault: the disk cannot be written.
    """
    try:
        for kind in kinds_of(config):
            for gesture in {*config.labels, NO_GESTURE}:
                folder_of(config.out, kind, gesture).mkdir(parents=True)
    except OSError as error:
        raise EnvironmentFault(f"cannot write pictures: {config.out}: {error.strerror}") from error


def synthesize(config: SynthesizeConfig) -> dict[str, float]:
    """Render what the command asks for.

    Returns:
        How many pictures were written, and how many a second.

    Raises:
        InputError: a path or an option cannot be used.
        EnvironmentFault: the disk is full or cannot be written.
    """
    check(config)
    maker = Maker(config)
    make_folders(config)
    jobs = jobs_of("frames", config.frames) + jobs_of("crops", config.crops)
    written: list[Written] = []
    start = time.perf_counter()
    try:
        with tqdm(total=config.frames + config.crops, unit="picture") as bar:
            for done in make_all(maker, jobs):
                written += done
                bar.update(len(done))
    except OSError as error:
        raise EnvironmentFault(f"cannot write pictures: {config.out}: {error.strerror or error}") from error
    finally:
        write_annotations(config.out, written)
    seconds = time.perf_counter() - start
    if config.sheet is not None:
        kinds = sorted({w.kind for w in written})
        pictures = [p for kind in kinds for p in read(config.out / kind, HAGRID_LABELS).pictures]
        write_sheet(pictures, config.sheet)
    return {"pictures": len(written), "pictures/s": len(written) / seconds}
