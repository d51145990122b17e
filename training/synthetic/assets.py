"""MakeHuman's base mesh, rig, weights and targets."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gesture_app.errors import InputError

SKIN, EYES, HAIR, TEETH = 0, 1, 2, 3
GROUPS = {
    "body": SKIN,
    "helper-l-eye": EYES,
    "helper-r-eye": EYES,
    "helper-hair": HAIR,
    "helper-upper-teeth": TEETH,
    "helper-lower-teeth": TEETH,
}
SEXES, AGES, BUILDS = ("female", "male"), ("child", "young", "old"), ("min", "average", "max")
ETHNICITIES = ("african", "asian", "caucasian")
HAND_TARGETS = ("hand-fingers-diameter", "hand-fingers-distance", "hand-fingers-length", "hand-scale")
ARM_TARGETS = ("lowerarm-fat", "lowerarm-muscle")
MESH_FILE, RIG_FILE, WEIGHTS_FILE = "3dobjs/base.obj", "rigs/default.mhskel", "rigs/default_weights.mhw"


def bone_names() -> tuple[str, ...]:
    """The bones that are posed; all others move with their nearest ancestor among these."""
    names = ["root", "neck01", "head"]
    for side in "RL":
        names += [f"{part}.{side}" for part in ("upperarm01", "upperarm02", "lowerarm01", "lowerarm02", "wrist")]
        names += [f"metacarpal{i}.{side}" for i in range(1, 5)]
        names += [f"finger{finger}-{joint}.{side}" for finger in range(1, 6) for joint in (1, 2, 3)]
    return tuple(names)


JOINT_BONES = (*bone_names(), "jaw", "eye.R", "eye.L", "oris01", "oris05", "upperleg01.R", "upperleg02.R", "foot.R")
"""Bones of which the ends are kept as points."""


@dataclass(frozen=True)
class Assets:
    """The rest body; lengths in decimetres, x to the body's left, y up, z forward.

    Attributes:
        vertices: (V, 3).
        triangles: (T, 3), counter-clockwise seen from outside.
        uv: (T, 3, 2), texture coordinates, v up.
        parts: (T,), one of SKIN, EYES, HAIR, TEETH.
        bones: names of the columns of `weights`.
        weights: (V, bones), rows sum to 1.
        joint_names: `<bone>.head` or `<bone>.tail`.
        joint_vertices, joint_starts: joint j is the mean of `vertices[joint_vertices[starts[j]:starts[j + 1]]]`.
        lips: (V,), 1 on the lips.
        target_names: as in the file names.
        targets: (targets, V, 3), displacements.
    """

    vertices: NDArray[np.float32]
    triangles: NDArray[np.int32]
    uv: NDArray[np.float32]
    parts: NDArray[np.uint8]
    bones: NDArray[np.str_]
    weights: NDArray[np.float32]
    joint_names: NDArray[np.str_]
    joint_vertices: NDArray[np.int32]
    joint_starts: NDArray[np.int32]
    lips: NDArray[np.float32]
    target_names: NDArray[np.str_]
    targets: NDArray[np.float16]


def target_files() -> dict[str, tuple[str, ...]]:
    """Every target's name and the files that are added up for it, below `data/`."""
    found: dict[str, tuple[str, ...]] = {}
    for sex in SEXES:
        for age in AGES:
            names = [f"{who}-{sex}-{age}" for who in ETHNICITIES]
            names += [f"universal-{sex}-{age}-{m}muscle-{w}weight" for m in BUILDS for w in BUILDS]
            found |= {name: (f"targets/macrodetails/{name}.target",) for name in names}
    for name in (*HAND_TARGETS, *ARM_TARGETS):
        for way in ("decr", "incr"):
            found[f"{name}-{way}"] = tuple(f"targets/armslegs/{side}-{name}-{way}.target" for side in "rl")
    return found


def data_folder(source: Path) -> Path | zipfile.Path:
    """Where the files are in MakeHuman's folder or a zip of it, whatever lies around `data`.

    Raises:
        InputError: it is neither.
    """
    if source.is_dir():
        return source / "data" if (source / "data").is_dir() else source
    try:
        with zipfile.ZipFile(source) as archive:
            found = (name.removesuffix(MESH_FILE) for name in archive.namelist() if name.endswith(MESH_FILE))
        return zipfile.Path(source, next(found, ""))
    except (OSError, zipfile.BadZipFile) as error:
        raise InputError(
            f"cannot read MakeHuman's body: {source}: {error}. Get it with `gesture-train download makehuman`"
        ) from error


def read_mesh(text: str) -> tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.float32], NDArray[np.uint8]]:
    """Vertices, triangles, their texture coordinates and parts of a Wavefront file; other groups are left out."""
    vertices: list[list[float]] = []
    texture: list[list[float]] = []
    corners: list[list[tuple[int, int]]] = []
    parts: list[int] = []
    part: int | None = None
    for line in text.splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "v":
            vertices.append([float(value) for value in rest.split()[:3]])
        elif kind == "vt":
            texture.append([float(value) for value in rest.split()[:2]])
        elif kind == "g":
            part = GROUPS.get(rest.strip())
        elif kind == "f" and part is not None:
            ring = [(int(a) - 1, int(b) - 1) for a, b in (corner.split("/")[:2] for corner in rest.split())]
            corners += [[ring[0], ring[i], ring[i + 1]] for i in range(1, len(ring) - 1)]
            parts += [part] * (len(ring) - 2)
    table = np.array(corners)
    return (
        np.array(vertices, np.float32),
        table[..., 0].astype(np.int32),
        np.array(texture, np.float32)[table[..., 1]],
        np.array(parts, np.uint8),
    )


def read_target(text: str, count: int) -> NDArray[np.float32]:
    """Displacements (count, 3) of a target: lines `vertex dx dy dz`."""
    moves = np.zeros((count, 3), np.float32)
    rows = " ".join(line for line in text.splitlines() if line[:1].isdigit())
    table = np.fromstring(rows, np.float64, sep=" ").reshape(-1, 4)
    moves[table[:, 0].astype(int)] = table[:, 1:]
    return moves


def posed_ancestor(bone: str, bones: dict[str, Any], posed: set[str]) -> str:
    """The bone itself if it is posed, else its nearest ancestor that is."""
    while bone not in posed:
        bone = bones[bone]["parent"] or "root"
    return bone


def load_assets(source: Path) -> Assets:
    """Read MakeHuman's `data` folder, or a zip of it.

    Raises:
        InputError: there is none, or a file is missing or damaged.
    """
    if not source.exists():
        raise InputError(
            f"no MakeHuman body: {source}: get it with `gesture-train download makehuman`, or name it with --makehuman"
        )
    folder = data_folder(source)

    def read(name: str) -> str:
        try:
            return (folder / name).read_text(encoding="utf-8")
        except (OSError, KeyError, zipfile.BadZipFile, UnicodeDecodeError) as error:
            raise InputError(f"cannot read MakeHuman's {name}: {source}: it is missing there or damaged") from error

    try:
        vertices, triangles, uv, parts = read_mesh(read(MESH_FILE))
        rig, weight_lists = json.loads(read(RIG_FILE)), json.loads(read(WEIGHTS_FILE))["weights"]
        names = bone_names()
        column = {name: i for i, name in enumerate(names)}
        weights = np.zeros((len(vertices), len(names)), np.float32)
        lips = np.zeros(len(vertices), np.float32)
        for bone, pairs in weight_lists.items():
            index, weight = np.array(pairs).reshape(-1, 2).T
            np.add.at(weights[:, column[posed_ancestor(bone, rig["bones"], set(names))]], index.astype(int), weight)
            if bone.startswith("oris"):
                lips[index.astype(int)] += weight
        weights[weights.sum(1) == 0, 0] = 1
        joint_names = [f"{bone}.{end}" for bone in JOINT_BONES for end in ("head", "tail")]
        rings = [rig["joints"][rig["bones"][bone][end]] for bone in JOINT_BONES for end in ("head", "tail")]
        files = target_files()
        targets = [sum(read_target(read(f), len(vertices)) for f in parts_) for parts_ in files.values()]
    except (KeyError, ValueError, IndexError) as error:
        raise InputError(f"cannot read MakeHuman's body: {source}: {error!r}") from error
    used = np.unique(np.concatenate([triangles.ravel(), np.concatenate(rings)]))
    place = np.zeros(len(vertices), np.int32)
    place[used] = np.arange(len(used))
    return Assets(
        vertices=vertices[used],
        triangles=place[triangles],
        uv=uv,
        parts=parts,
        bones=np.array(names),
        weights=(weights / weights.sum(1, keepdims=True))[used],
        joint_names=np.array(joint_names),
        joint_vertices=place[np.concatenate(rings)],
        joint_starts=np.cumsum([0, *map(len, rings)]).astype(np.int32),
        lips=lips[used],
        target_names=np.array(list(files)),
        targets=np.stack([np.asarray(t, np.float16)[used] for t in targets]),
    )
