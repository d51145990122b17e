"""Things that an idle hand holds: cups, bottles and telephones, as stretched prisms."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.synthetic.rotations import Floats

SIDES = 14
SIZES = {"cup": ((0.45, 0.38, 0.38), 0.35), "bottle": ((1.0, 0.3, 0.3), 0.3), "telephone": ((0.7, 0.36, 0.06), 0.12)}
"""Half length along the palm's x, half widths along y and z, and the distance from the palm, decimetres."""


def prism() -> tuple[Floats, NDArray[np.int32]]:
    """A closed prism along x of half length and radius 1: points (2 SIDES + 2, 3), triangles seen from outside."""
    angles = 2 * np.pi * np.arange(SIDES) / SIDES
    ring = np.stack((np.zeros(SIDES), np.cos(angles), np.sin(angles)), 1)
    end = np.array(((1.0, 0.0, 0.0),))
    points = np.concatenate((ring - end, ring + end, -end, end))
    here = np.arange(SIDES)
    following = (here + 1) % SIDES
    triangles = np.concatenate(
        [
            np.stack((here, following, following + SIDES), 1),
            np.stack((here, following + SIDES, here + SIDES), 1),
            np.stack((np.full(SIDES, 2 * SIDES), following, here), 1),
            np.stack((np.full(SIDES, 2 * SIDES + 1), here + SIDES, following + SIDES), 1),
        ]
    )
    return points, triangles.astype(np.int32)


def held_thing(wrist: Floats, palm: Floats, rng: np.random.Generator) -> Floats:
    """Points of a prism (2 SIDES + 2, 3) in the grip of a hand, in body coordinates.

    Args:
        wrist: (3,), body coordinates.
        palm: (3, 3), the palm frame there; of a left hand a mirror image.
    """
    half, away = SIZES[str(rng.choice(list(SIZES)))]
    points, _ = prism()
    size = np.array(half) * rng.uniform(0.75, 1.25, 3)
    center = np.array((rng.normal(0, 0.25), rng.normal(0.95, 0.06), away + 0.12))
    local = points * size + center
    if np.linalg.det(palm) < 0:
        local = local * (-1, 1, 1)  # mirrored twice, its triangles still look outwards
    placed: NDArray[Any] = wrist + local @ palm.T
    return placed
