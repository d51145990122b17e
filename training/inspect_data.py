"""Look at data before training on it.

gesture-train data DIR [MORE ...] --sheet sheet.png
gesture-train data DIR --verify
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tyro

from gesture_app.errors import InputError
from gesture_app.vision.atomic import write_file, write_table
from training.collection import Collection, Picture, in_threads, picture_size
from training.contact_sheet import check_name, write_sheet
from training.leakage import Leakage, find_leakage
from training.sets import count_hands, open_set, read
from training.splits import SPLIT_NAMES, read_splits, write_splits

PERCENTILES = (5, 25, 50, 75, 95)
SIZES = ("longer side, px", "shorter side, px", "longer side, % of the picture's")
SHOWN = 20
LARGE_PX = 400
"""A hand crop whose short side is longer than this is rare; a whole picture's seldom is not."""


@dataclass(frozen=True)
class DataConfig:
    """Look at data before training on it: classes, sizes, people, splits, faults.

    Folders are read as training reads them: HaGRID in any layout, COCO, YOLO, or folders named by gestures.
    """

    data: tyro.conf.Positional[tuple[Path, ...]]
    """Folders, one or more."""
    labels: tuple[str, ...] = ()
    """The class names; every name that occurs by default."""
    boxes: Path | None = None
    """JSON of boxes for frames of a HaGRID layout that have none, as for training."""
    splits: Path | None = None
    """A splits.csv of a run: look at exactly these pictures."""
    write_splits: Path | None = None
    """Write which picture is in which split, for --splits."""
    sheet: Path | None = None
    """Draw some pictures of every class with their boxes into this .png or .jpg file."""
    leakage: bool = True
    """Look for people, files and nearly equal pictures that training shares with the rest."""
    verify: bool = False
    """Decode every picture; more than 0.1 % bad ones are an error."""
    bad: Path | None = None
    """With --verify: write all bad and unusual pictures and why into this .csv file."""
    find_hands: bool = False
    """For class folders of whole pictures: find the hands with the detector in use and write DIR/boxes.json first."""
    json: Path | None = None
    """Write all figures here."""
    workers: int = 2
    """Threads that read the pictures."""


def inspect(config: DataConfig) -> dict[str, Any]:
    """Print a report of the data.

    Returns:
        Its figures.

    Raises:
        InputError: a folder or the name of the sheet cannot be used, or with `verify` too many pictures are bad.
        EnvironmentFault: a file cannot be written.
    """
    if not config.data:
        raise InputError("no data: name one or more folders")
    if config.bad is not None and not config.verify:
        raise InputError(f"--bad {config.bad}: it needs --verify, which decodes the pictures")
    if config.sheet is not None:
        check_name(config.sheet)
    if config.find_hands:
        from training.find_hands import write_boxes

        for root in config.data:
            write_boxes(root)
    labels, listed = config.labels or None, read_splits(config.splits) if config.splits else None
    everything = Collection()
    for root in config.data:
        folder, layout = open_set(root, labels, config.boxes)
        found = read(root, labels, config.boxes, listed)
        print(f"{folder}: {layout.name}: {found.describe()}")
        everything += found
    figures = report(everything, config.workers)
    if config.leakage:
        figures["leakage"] = report_leakage(find_leakage(everything.pictures, config.workers))
    if config.write_splits is not None:
        write_splits(config.write_splits, everything.pictures)
        print(f"splits: {config.write_splits}")
    if config.sheet is not None:
        write_sheet(everything.pictures, config.sheet)
        print(f"sheet: {config.sheet}")
    if config.json is not None:
        write_file(config.json, (json.dumps(figures, indent=2) + "\n").encode(), "the figures")
    if config.verify:
        report_findings(everything, config)
    return figures


def report(found: Collection, workers: int) -> dict[str, Any]:
    """Print and return counts by class and split, people, and sizes of boxes and pictures."""
    pictures = found.pictures
    parts = {split: [p for p in pictures if p.split == split] for split in dict.fromkeys(SPLIT_NAMES.values())}
    parts = {split: part for split, part in parts.items() if part}
    hands = {split: count_hands(part) for split, part in parts.items()}
    people = {split: {p.person for p in part if p.person} for split, part in parts.items()}
    unknown = {split: sum(not p.person for p in part) for split, part in parts.items()}
    print_row("\nhands", parts)
    for name in sorted(set().union(*hands.values()), key=lambda name: (not name, name)):
        print_row(name or "(no label)", [counts[name] for counts in hands.values()])
    print_row("pictures", map(len, parts.values()))
    print_row("people", map(len, people.values()))
    print_row("pictures of unknown people", unknown.values())
    sizes = report_sizes(pictures, workers)
    if found.outside:
        print(f"{len(found.outside)} pictures have a box that reaches beyond the picture; it is cut at the edge")
    return {
        "hands": {split: dict(counts) for split, counts in hands.items()},
        "pictures": {split: len(part) for split, part in parts.items()},
        "people": {split: len(names) for split, names in people.items()},
        "pictures_of_unknown_people": unknown,
        "skipped": dict(found.skipped),
        "unknown_labels": dict(found.unknown),
        "boxes_cut": len(found.outside),
        **sizes,
    }


def print_row(name: str, values: Iterable[object]) -> None:
    """A line of the table."""
    print(f"{name:36}" + "".join(f"{value:>8}" for value in map(str, values)))


def report_sizes(pictures: Sequence[Picture], workers: int) -> dict[str, Any]:
    """Print and return percentiles of the sizes of boxes and pictures, from the headers alone."""
    paths = list(dict.fromkeys(p.path for p in pictures))
    size_of = dict(zip(paths, in_threads(picture_size, paths, workers, "sizes"), strict=True))
    rows: dict[str, list[float]] = {name: [] for name in SIZES}
    for picture in pictures:
        width, height = size_of[picture.path]
        for box in picture.boxes_xywh:
            shorter, longer = sorted((box[2] * width, box[3] * height))
            if shorter > 0:
                rows[SIZES[0]].append(longer)
                rows[SIZES[1]].append(shorter)
                if not picture.is_crop:
                    rows[SIZES[2]].append(100 * longer / max(width, height))
    print_row("\nboxes, percentile", PERCENTILES)
    result = {}
    for name, values in rows.items():
        if values:
            result[name] = [round(float(v), 1) for v in np.percentile(values, PERCENTILES)]
            print_row(name, map(round, result[name]))
    print("pictures, width x height: " + most_common_sizes(size_of.values()))
    crops = [min(size_of[p.path]) for p in pictures if p.is_crop]
    if crops and np.median(crops) > LARGE_PX:
        print(
            f"Half of the hand crops are larger than {LARGE_PX} pixels. Are these whole pictures? Then run this again "
            "with --find-hands: training would see a person instead of a hand."
        )
    return {"boxes": result, "percentiles": list(PERCENTILES)}


def most_common_sizes(sizes: Iterable[tuple[int, int]]) -> str:
    """The most common sizes and how many pictures have others."""
    counts = Counter(sizes)
    top = counts.most_common(3)
    rest = sum(counts.values()) - sum(count for _, count in top)
    texts = [f"{w}x{h} ({count})" if w else f"unreadable ({count})" for (w, h), count in top]
    return ", ".join(texts) + (f", others ({rest})" if rest else "")


def report_leakage(leakage: Leakage) -> dict[str, Any]:
    """Print and return what training shares with the rest."""
    print("\nshared by training and held-out pictures:")
    print_row("people", [len(leakage.people)])
    print_row("equal files", [len(leakage.files)])
    print_row("nearly equal pictures", [len(leakage.near)])
    for first, second in (leakage.files + leakage.near)[:SHOWN]:
        print(f"  {first}  =  {second}")
    more = len(leakage.files) + len(leakage.near) - SHOWN
    if more > 0:
        print(f"  and {more} more pairs, with --json all")
    return {
        "people": list(leakage.people),
        "files": [[str(a), str(b)] for a, b in leakage.files],
        "near": [[str(a), str(b)] for a, b in leakage.near],
    }


def report_findings(found: Collection, config: DataConfig) -> None:
    """Decode everything, print what is bad and what is unusual.

    Raises:
        InputError: more than 0.1 % are bad.
    """
    from training.verify import summary, verify

    findings = verify(found, config.workers)
    print(f"\n{findings.entries} entries decoded. Bad: {summary(findings.bad)}. Unusual: {summary(findings.unusual)}.")
    for kind, rows in (("bad", findings.bad), ("unusual", findings.unusual)):
        shown = len(rows) if kind == "bad" and config.bad is None else SHOWN
        for name, reason in rows[:shown]:
            print(f"{kind}: {name}: {reason}")
        if len(rows) > shown:
            print(f"{kind}: and {len(rows) - shown} more" + ("" if config.bad else ", all with --bad FILE"))
    if config.bad is not None:
        told = [*(("bad", *row) for row in findings.bad), *(("unusual", *row) for row in findings.unusual)]
        write_table(config.bad, ("kind", "picture", "reason"), told, "the list of bad pictures")
    if findings.too_many:
        raise InputError(
            f"{len(findings.bad)} of {findings.entries} entries are bad, more than 0.1 %: training would stop. Repair "
            "or remove what is listed"
        )
