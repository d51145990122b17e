"""The data sets that `gesture-train download` knows: names, addresses, sizes and checksums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from gesture_app.errors import InputError
from gesture_app.vision.labels import HAGRID_GESTURES, NO_GESTURE

SetName = Literal[
    "makehuman",
    "hagrid-sample-30k-384p",
    "hagrid-sample-120k-384p",
    "hagrid-sample-250k-384p",
    "hagrid-sample-500k-384p",
    "hagrid-classification-512p-no-gesture-150k",
    "hagrid-v1-subsample",
    "hagrid-v1",
    "hagrid-v1-test",
    "hagrid-v2",
    "hagrid-v2-512",
]

HAGRID_V1 = "https://n-usr-2uzac.s3pd12.sbercloud.ru/b-usr-2uzac-mv4/hagrid"
HAGRID_V2 = "https://rndml-team-cv.obs.ru-moscow-1.hc.sbercloud.ru/datasets"
MAKEHUMAN_COMMIT = "a8bc2d54ff0ac92e78ff71431b1023eda42bf482"
MAKEHUMAN = f"https://raw.githubusercontent.com/makehumancommunity/makehuman/{MAKEHUMAN_COMMIT}/makehuman"
MAKEHUMAN_FILES = Path(__file__).with_name("makehuman.txt")
"""Lines of sha256, size and path, as in the commit above; these graphical assets are CC0."""

HAGRID_V2_GESTURES = (
    *HAGRID_GESTURES,
    "grabbing",
    "grip",
    "hand_heart",
    "hand_heart2",
    "holy",
    "little_finger",
    "middle_finger",
    "point",
    "take_picture",
    "three3",
    "three_gun",
    "thumb_index",
    "thumb_index2",
    "timeout",
    "xsign",
)
"""The 33 gestures of HaGRIDv2; its pictures of `no_gesture` are one more archive."""

HUB_SETS = {
    **{f"hagrid-sample-{size}-384p": f"cj-mills/hagrid-sample-{size}-384p" for size in ("30k", "120k", "250k", "500k")},
    "hagrid-classification-512p-no-gesture-150k": "cj-mills/hagrid-classification-512p-no-gesture-150k-zip",
}
"""Sets on the Hugging Face hub by name: the repository, which holds `<name>.zip`."""


@dataclass(frozen=True)
class RemoteFile:
    """One file to download.

    Attributes:
        url: its address.
        path: where it belongs, below the folder of all downloads.
        size: in bytes, where it is known.
        sha256: where it is known.
        unpack_to: an archive's folder, below the folder of all downloads; None for a plain file.
    """

    url: str
    path: PurePosixPath
    size: int | None = None
    sha256: str | None = None
    unpack_to: PurePosixPath | None = None


def makehuman_files(base: str = MAKEHUMAN) -> list[RemoteFile]:
    """What rendering hands needs of MakeHuman, with pinned checksums."""
    rows = [line.split(" ", 2) for line in MAKEHUMAN_FILES.read_text(encoding="utf-8").splitlines()]
    return [RemoteFile(f"{base}/{path}", PurePosixPath(path), int(size), digest) for digest, size, path in rows]


def hagrid_files(name: str, gestures: Sequence[str] = (), base: str | None = None) -> list[RemoteFile]:
    """The archives of one of HaGRID's own sets, annotations first, as the addresses in its repository.

    Args:
        name: one of the names that start with `hagrid-v`.
        gestures: only these, for the sets that have an archive a gesture; all by default.
        base: another address of the same files.

    Raises:
        InputError: a gesture that the set does not have, or a set without an archive a gesture.
    """
    root = PurePosixPath(name)

    def archive(url: str, folder: PurePosixPath = root) -> RemoteFile:
        return RemoteFile(url, root / PurePosixPath(url).name, unpack_to=folder)

    if name in ("hagrid-v1", "hagrid-v2"):
        known = HAGRID_GESTURES if name == "hagrid-v1" else (*HAGRID_V2_GESTURES, NO_GESTURE)
        unknown = sorted(set(gestures) - set(known))
        if unknown:
            raise InputError(f"{name} has no gesture {', '.join(unknown)}: it has {', '.join(known)}")
        chosen = [gesture for gesture in known if not gestures or gesture in gestures]
    elif gestures:
        raise InputError(f"{name} has no archive a gesture: leave --gestures out")
    if name == "hagrid-v1":
        base = base or HAGRID_V1
        return [archive(f"{base}/{stem}.zip") for stem in ("ann_train_val", *(f"train_val_{g}" for g in chosen))]
    if name in ("hagrid-v1-test", "hagrid-v1-subsample"):
        part = name.removeprefix("hagrid-v1-")
        return [archive(f"{base or HAGRID_V1}/{stem}.zip") for stem in (f"ann_{part}", part)]
    base = base or HAGRID_V2
    annotations = archive(f"{base}/hagrid_v2/annotations_with_landmarks/annotations.zip", root / "hagrid_annotations")
    if name == "hagrid-v2-512":
        return [annotations, archive(f"{base}/hagrid_v2/hagridv2_512.zip")]
    return [annotations, *(archive(f"{base}/{v2_archive(g)}", root / "hagrid_dataset") for g in chosen)]


def v2_archive(gesture: str) -> str:
    """Where HaGRIDv2 keeps a gesture's pictures: most of v1's gestures still lie with HaGRID 2.0."""
    if gesture in HAGRID_GESTURES and gesture not in ("one", "rock"):
        return f"hagrid/hagrid_dataset_new_554800/hagrid_dataset/{gesture}.zip"
    return f"hagrid_v2/hagrid_v2_zip/{gesture}.zip"
