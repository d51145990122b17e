"""Which picture trains, which validates: listed, or by person, and written down to travel with a run."""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, cast, get_args

from gesture_app.errors import InputError
from gesture_app.vision.atomic import write_table

if TYPE_CHECKING:
    from training.collection import Entry, Picture

Split = Literal["train", "val", "test"]
SPLIT_NAMES = {
    **{name: name for name in get_args(Split)},
    **{"training": "train", "valid": "val", "validation": "val", "testing": "test"},
}
"""Names of splits as files and folders use them."""
VAL_PERCENT = 10
FOLDS = 5
COLUMNS = ("path", "person", "split")


def as_split(name: str) -> Split | None:
    """The split of that name; None for any other text."""
    return cast("Split | None", SPLIT_NAMES.get(name.strip().lower()))


def split_folders(root: Path) -> list[tuple[Path, Split]]:
    """The folders in a folder that are named by a split, however they are spelt, and that split; training first."""
    items = root.iterdir() if root.is_dir() else ()
    found = [(item, split) for item in items if (split := as_split(item.name)) and item.is_dir()]
    return sorted(found, key=lambda item: (get_args(Split).index(item[1]), item[0]))


def percentile(text: str) -> int:
    """A number from 0 to 99 that depends on nothing but the text."""
    return int.from_bytes(hashlib.sha256(os.fsencode(text)).digest()[:4], "big") % 100


def split_by_hash(text: str) -> Split:
    """`VAL_PERCENT` of all people, or pictures, are val, always the same ones."""
    return "val" if percentile(text) < VAL_PERCENT else "train"


def hold_out(pictures: Iterable[Picture], fold: int) -> tuple[list[Picture], list[Picture]]:
    """Of training pictures all but those of one of `FOLDS` folds, and those, as val, each once.

    People stay together, and so do the hands of one photograph, whose files have its name.

    Raises:
        InputError: there is no such fold.
    """
    if not 0 <= fold < FOLDS:
        raise InputError(f"--fold {fold}: the folds are 0 to {FOLDS - 1}")
    pictures = list(pictures)
    person_of = {p.path.stem: p.person for p in pictures if p.person}
    kept: list[Picture] = []
    held: list[Picture] = []
    for picture in pictures:
        stem = picture.path.stem
        chosen = percentile(f"fold {picture.person or person_of.get(stem) or stem}") % FOLDS == fold
        (held if chosen else kept).append(picture)
    return kept, [replace(picture, split="val") for picture in dict.fromkeys(held)]


@dataclass(frozen=True)
class Splits:
    """Rows of a list of pictures.

    Attributes:
        rows: by uuid (the file name without its suffix), by path in the set, or by `<set>/<path>`.
    """

    rows: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def row(self, key: str) -> Mapping[str, str]:
        """The row of a picture with the key `<set>/<path>`; empty where it has none."""
        path = key.partition("/")[2]
        return self.rows.get(key) or self.rows.get(path) or self.rows.get(Path(path).stem) or {}


def read_index(root: Path) -> Splits:
    """A set's own `index.csv` with the columns `uuid` or `path`; an absent file is an empty list.

    It may have the columns `split`; `boxes`: `true` where people drew them all, whatever the layout; `side`: of the
    single hand, left or right.

    Raises:
        InputError: it cannot be read.
    """
    path = root / "index.csv"
    return Splits(read_rows(path, "uuid", "path")) if path.is_file() else Splits()


def read_splits(path: Path) -> Splits:
    """A list that `write_splits` wrote: exactly these pictures are used, each in its split.

    Raises:
        InputError: it cannot be read, lacks a column, or names an unknown split.
    """
    rows = read_rows(path, "path")
    wrong = next((row for row in rows.values() if as_split(row.get("split") or "") is None), None)
    if wrong is not None or not rows:
        what = f"unknown split {wrong.get('split')!r} of {wrong['path']}" if wrong else "it has no row"
        raise InputError(f"cannot read splits: {path}: {what}. Its columns are {', '.join(COLUMNS)}")
    # A set may lie in a folder of another name now; its paths alone tell where no other set has them too.
    inner: dict[str, Mapping[str, str] | None] = {}
    for key, row in rows.items():
        short = key.partition("/")[2]
        inner[short] = None if short in inner else row
    return Splits({**{key: row for key, row in inner.items() if row is not None}, **rows})


def read_rows(path: Path, *keys: str) -> dict[str, dict[str, str]]:
    """The rows of a CSV file by the first of the columns `keys` that it has.

    Raises:
        InputError: it cannot be read, or has none of the columns.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            semicolons = ";" in stream.readline()  # spreadsheets of countries with decimal commas write them
            stream.seek(0)
            reader = csv.DictReader(stream, delimiter=";" if semicolons else ",")
            key = next((k for k in keys if k in (reader.fieldnames or ())), None)
            if key is None:
                raise InputError(f"cannot read {path}: it has no column {' or '.join(keys)}")
            return {row[key]: row for row in reader if row.get(key)}
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(f"cannot read {path}: {error}") from error


def write_splits(path: Path, pictures: Iterable[Picture]) -> None:
    """Write which picture was in which split, as a file for `--splits`.

    Raises:
        InputError: pictures of two sets have one name there, and are in different splits.
        EnvironmentFault: it cannot be written.
    """
    rows = sorted({(p.key or p.path.name, p.person, p.split) for p in pictures})
    for (key, _, split), (other, _, other_split) in pairwise(rows):
        if key == other and split != other_split:
            why = f"two folders are named {key.partition('/')[0]}, and {key} is for {split} and for {other_split}"
            raise InputError(f"splits: {path}: {why}. Rename one of the folders")
    write_table(path, COLUMNS, rows, "the list of splits")


class SplitChoice(NamedTuple):
    """The split of an entry.

    Attributes:
        split: None where it has none.
        lacking: why it has none then.
        by_picture: the picture itself decided, since nothing else is known.
    """

    split: Split | None
    lacking: str = "without a split"
    by_picture: bool = False


def choose_split(entry: Entry, key: str, told: Mapping[str, str], splits: Splits | None) -> SplitChoice:
    """The split of an entry, of which the set's index has told this row; see `collection.collect`."""
    if splits is not None:
        return SplitChoice(as_split(splits.row(key).get("split", "")), "not in the list of splits")
    if "split" in told:  # a list may be of sides alone
        return SplitChoice(as_split(told["split"] or ""))
    if entry.split:
        return SplitChoice(as_split(entry.split))
    if entry.person:
        return SplitChoice(split_by_hash(entry.person))
    return SplitChoice(split_by_hash(Path(entry.name).stem), by_picture=True)
