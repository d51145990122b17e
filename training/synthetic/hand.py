"""Kinematics of a hand in its palm frame: x towards the thumb, y wrist to middle knuckle, z out of the palm.

Everything is a right hand; a left hand is computed from mirrored joints and mirrored back when it is skinned.
Fingers are numbered 0 thumb to 4 little.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.synthetic.body import MIRROR, Joints, palm_axes
from training.synthetic.rotations import Floats, X, Y, Z, cross, frame, shortest, turn, unit

TILT_DEG = (-7.0, -1.0, 6.0, 14.0)
"""The planes in which index to little finger bend converge on the thumb's base: their turn about the finger."""


@dataclass(frozen=True)
class RestHand:
    """The hand as the rig has it.

    Attributes:
        side: R or L.
        axes: (3, 3), columns: the palm frame in the mirrored body's coordinates.
        wrist: (3,), the same.
        joints: (5, 4, 3), of every finger its three joints and the tip, palm frame.
        frames: (5, 3, 3, 3), of every phalanx: along it, its hinge, their normal, as columns.
        lengths: (5, 3).
    """

    side: str
    axes: Floats
    wrist: Floats
    joints: Floats
    frames: Floats
    lengths: Floats


@dataclass(frozen=True)
class HandPose:
    """Where the phalanges are: `frames` (5, 3, 3, 3) and `joints` (5, 4, 3) as in RestHand."""

    frames: Floats
    joints: Floats


THUMB_LOW = np.array((0.0, 0.0, -10.0, -5.0, -10.0))
THUMB_HIGH = np.array((70.0, 68.0, 55.0, 60.0, 85.0))
"""Least and greatest angles (5,) of a thumb in degrees: the metacarpal's azimuth from the palm's y towards x, its
elevation out of the palm and the roll about it, and the flexion of MCP and IP joint."""


def rest_hand(joints: Joints, side: str) -> RestHand:
    """Measure one hand of a body."""
    mirror = MIRROR[side]
    axes = palm_axes(joints, side)
    wrist = joints.head(f"wrist.{side}") * mirror
    points = np.array(
        [
            [*(joints.head(f"finger{f}-{j}.{side}") for j in (1, 2, 3)), joints.tail(f"finger{f}-3.{side}")]
            for f in range(1, 6)
        ]
    )
    points = (points * mirror - wrist) @ axes
    along = np.diff(points, axis=1)
    frames = np.empty((5, 3, 3, 3))
    for finger, directions in enumerate(unit(along)):
        bend = cross(directions[0], directions[2])
        hinge = unit(bend)
        if finger:
            expected = turn(Y, np.radians(TILT_DEG[finger - 1])) @ X
            clear = np.linalg.norm(bend) > 0.2 and hinge @ expected > 0.7
            hinge = (hinge + expected) / 2 if clear else expected
        frames[finger] = frame(directions, np.broadcast_to(hinge, (3, 3)))
    return RestHand(side, axes, wrist, points, frames, np.linalg.norm(along, axis=-1))


def chain(base: Floats, first: Floats, flexion_deg: Floats, lengths: Floats) -> tuple[Floats, Floats]:
    """Frames (..., 3, 3, 3) and joints (..., 4, 3) of phalanges bent one after another about the hinge of `first`."""
    angles = np.cumsum(np.radians(flexion_deg), -1)
    hinge = first[..., None, :, 1]
    frames = turn(np.broadcast_to(hinge, (*angles.shape, 3)), angles) @ first[..., None, :, :]
    steps = frames[..., :, 0] * lengths[..., None]
    return frames, np.concatenate((np.broadcast_to(base, (*angles.shape[:-1], 1, 3)), base + np.cumsum(steps, -2)), -2)


def bend_finger(
    hand: RestHand, finger: int, flexion_deg: Floats, spread_deg: float, tilt_deg: float = 0.0
) -> tuple[Floats, Floats]:
    """Pose a finger 1..4.

    Args:
        flexion_deg: (3,), knuckle, middle and end joint.
        spread_deg: towards the thumb's side; a bent knuckle allows less.
        tilt_deg: how much more than at rest the finger bends towards the thumb.

    Returns:
        Frames (3, 3, 3) and joints (4, 3).
    """
    allowed = np.radians(spread_deg) * max(0.15, np.cos(np.radians(max(flexion_deg[0], 0.0))))
    straight = frame(Y, turn(Y, np.radians(TILT_DEG[finger - 1] + tilt_deg)) @ X)
    return chain(hand.joints[finger, 0], turn(Z, -allowed) @ straight, flexion_deg, hand.lengths[finger])


def bend_thumb(hand: RestHand, angles_deg: Floats) -> tuple[Floats, Floats]:
    """Pose thumbs.

    Args:
        angles_deg: (..., 5), see THUMB_HIGH.

    Returns:
        Frames (..., 3, 3, 3) and joints (..., 4, 3).
    """
    azimuth, elevation, roll = np.radians(np.moveaxis(angles_deg[..., :3], -1, 0))
    out = np.cos(elevation)
    metacarpal = np.stack((out * np.sin(azimuth), out * np.cos(azimuth), np.sin(elevation)), -1)
    rest = hand.frames[0, 0]
    first = turn(metacarpal, roll) @ shortest(np.broadcast_to(rest[:, 0], metacarpal.shape), metacarpal) @ rest
    flexion = np.concatenate((np.zeros_like(angles_deg[..., :1]), angles_deg[..., 3:]), -1)
    return chain(hand.joints[0, 0], first, flexion, hand.lengths[0])


def reach_with_thumb(
    hand: RestHand, target: Floats, rng: np.random.Generator, bend_cost: float = 0.0
) -> tuple[Floats, float]:
    """Find a natural thumb whose tip is at a point of the palm frame: random search, then around the best.

    Args:
        bend_cost: decimetres of distance that a degree of flexion is worth.

    Returns:
        The thumb's angles (5,), and how far its tip is from the target in decimetres.
    """

    def costs(angles: Floats) -> tuple[Floats, Floats]:
        miss = np.linalg.norm(bend_thumb(hand, angles)[1][:, 3] - target, axis=-1)
        _, _, roll, mcp, ip = angles.T
        unnatural = 0.0008 * np.abs(mcp - 0.8 * ip) + 0.001 * np.abs(roll - 18)
        return miss + unnatural + bend_cost * (np.abs(mcp) + np.abs(ip)), miss

    tried = rng.uniform(THUMB_LOW, THUMB_HIGH, (160, 5))
    spread = (THUMB_HIGH - THUMB_LOW) * 0.12
    for _ in range(5):
        cost, _ = costs(tried)
        best = tried[np.argmin(cost)]
        tried = np.clip(np.concatenate((best[None], best + rng.normal(size=(48, 5)) * spread)), THUMB_LOW, THUMB_HIGH)
        spread = spread * 0.5
    cost, miss = costs(tried)
    winner = int(np.argmin(cost))
    return tried[winner], float(miss[winner])
