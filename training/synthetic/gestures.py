"""Joint angles of HaGRID's gestures, drawn with the variety people show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from gesture_app.vision.labels import HAGRID_LABELS, NO_GESTURE
from training.synthetic.hand import HandPose, RestHand, bend_finger, bend_thumb, reach_with_thumb
from training.synthetic.rotations import Floats, X, Z, any_rotation, turn, yaw_pitch_roll

Angles = tuple[float, float, float]
STRAIGHT: Angles = (6, 5, 3)
CURLED: Angles = (82, 100, 55)
LOOSE: Angles = (66, 90, 42)

Thumb = Literal["out", "up", "side", "call", "over middle", "over ring", "over little", "fist", "palm", "ring of index"]
View = Literal["palm", "back", "ok", "mute", "like", "dislike", "call"]

THUMBS: Mapping[str, Angles | tuple[float, ...]] = {
    "out": (58, 12, 0, 4, 2),
    "up": (66, 8, 0, 0, -6),
    "side": (24, 14, 0, 6, 8),
    "call": (62, 10, 0, 0, -14),
}
"""Azimuth, elevation, roll, MCP and IP flexion in degrees, see `hand.THUMB_HIGH`; others are solved for a target."""


@dataclass(frozen=True)
class Gesture:
    """One gesture, degrees.

    Attributes:
        fingers: index to little: flexion of the knuckle, middle and end joint.
        spread: index to little, towards the thumb's side.
        thumb: where it is.
        view: how the hand is shown.
        parallel: the straight fingers are held together.
        index_tilt: how much more than at rest the index finger bends towards the thumb.
    """

    fingers: tuple[Angles, Angles, Angles, Angles]
    spread: tuple[float, float, float, float]
    thumb: Thumb
    view: View
    parallel: bool = False
    index_tilt: float = 0.0


S, C = STRAIGHT, CURLED
TOGETHER = (0.0, 0.0, 0.0, 0.0)
GESTURES: Mapping[str, Gesture] = {
    "call": Gesture((C, C, C, (14, 8, 5)), (0, 0, 0, -24), "call", "call"),
    "dislike": Gesture((C, C, C, C), TOGETHER, "up", "dislike"),
    "fist": Gesture((C, C, C, C), TOGETHER, "fist", "palm"),
    "four": Gesture((S, S, S, S), (10, 2, -7, -18), "palm", "palm"),
    "like": Gesture((C, C, C, C), TOGETHER, "up", "like"),
    "mute": Gesture((S, LOOSE, LOOSE, LOOSE), TOGETHER, "over middle", "mute"),
    "ok": Gesture(
        ((48, 56, 28), (17, 12, 8), (10, 8, 5), (4, 6, 4)), (24, 2, -11, -26), "ring of index", "ok", index_tilt=62
    ),
    "one": Gesture((S, C, C, C), (2, 0, 0, 0), "over middle", "palm"),
    "palm": Gesture((S, S, S, S), (13, 2, -9, -21), "out", "palm"),
    "peace": Gesture((S, S, C, C), (15, -12, 0, 0), "over ring", "palm"),
    "peace_inverted": Gesture((S, S, C, C), (15, -12, 0, 0), "over ring", "back"),
    "rock": Gesture((S, C, C, S), (9, 0, 0, -19), "over middle", "palm"),
    "stop": Gesture((S, S, S, S), (-1, 0, 1, 2), "side", "palm", parallel=True),
    "stop_inverted": Gesture((S, S, S, S), (-1, 0, 1, 2), "side", "back", parallel=True),
    "three": Gesture((S, S, S, C), (15, 1, -13, 0), "over little", "palm"),
    "three2": Gesture((S, S, C, C), (12, -9, 0, 0), "out", "palm"),
    "two_up": Gesture((S, S, C, C), (-1, 1, 0, 0), "over ring", "palm", parallel=True),
    "two_up_inverted": Gesture((S, S, C, C), (-1, 1, 0, 0), "over ring", "back", parallel=True),
}
"""Every gesture of HaGRID; `no_gesture` is a family of its own, see `idle_hand`."""

FINGER_WIDTH = 0.62
"""Of a finger, as a share of the index finger's last phalanx."""


def draw_flexion(gesture: Gesture, rng: np.random.Generator) -> Floats:
    """Flexion (4, 3) of index to little finger: one person's way of curling, lazily straightened fingers."""
    curl = (rng.uniform(78, 95), rng.uniform(98, 112), rng.uniform(42, 75))
    slack = 18 * rng.random() ** 2
    rows = []
    for angles in gesture.fingers:
        if angles is CURLED:
            rows.append(rng.normal(curl, 3))
        elif angles is STRAIGHT:
            lazy = np.array((0.4, 1.0, 0.5)) * slack
            row = rng.normal(angles, (7, 4, 4)) + lazy
            rows.append(np.array((row[0], max(row[1], 0.0), max(row[2], 0.0))))
        else:
            rows.append(rng.normal(angles, 5))
    flexion = np.array(rows)
    straight = [i for i, angles in enumerate(gesture.fingers) if angles is STRAIGHT]
    if gesture.parallel:
        flexion[straight] = 0.75 * flexion[straight].mean(0) + 0.25 * flexion[straight]
    if gesture.thumb == "ring of index":
        wide = rng.uniform(-1, 1)
        flexion[0] = rng.normal((50 + 9 * wide, 56 - 9 * wide, 28), (3, 4, 7))
    return flexion


def draw_spread(gesture: Gesture, rng: np.random.Generator) -> Floats:
    """Spread (4,) of index to little finger."""
    table = np.array(gesture.spread)
    spread = table * rng.uniform(0.75, 1.5) + rng.normal(0, 1.8, 4)
    if gesture.parallel:
        straight = np.array([angles is STRAIGHT for angles in gesture.fingers])
        together = rng.normal(0, 3) + table * rng.uniform(0.3, 1.3) + rng.normal(0, 0.8, 4)
        spread = np.where(straight, together, spread)
    return spread


def bend_fingers(
    hand: RestHand, flexion_deg: Floats, spread_deg: Floats, index_tilt_deg: float = 0.0
) -> tuple[Floats, Floats]:
    """Frames (4, 3, 3, 3) and joints (4, 4, 3) of index to little finger."""
    tilts = (index_tilt_deg, 0.0, 0.0, 0.0)
    bent = [bend_finger(hand, f + 1, flexion_deg[f], float(spread_deg[f]), tilts[f]) for f in range(4)]
    return np.array([frames for frames, _ in bent]), np.array([joints for _, joints in bent])


def thumb_target(hand: RestHand, thumb: Thumb, frames: Floats, joints: Floats, rng: np.random.Generator) -> Floats:
    """The point of the palm frame (3,) where the thumb's tip rests, given the other four fingers."""
    width = hand.lengths[1, 2] * FINGER_WIDTH
    if thumb == "palm":
        middle = (hand.joints[2, 0] + hand.joints[3, 0]) / 2
        target: Floats = middle * rng.uniform(0.72, 0.98) + Z * width * rng.uniform(1.5, 2.1) + X * rng.normal(0, 0.06)
    elif thumb == "ring of index":
        last = frames[0, 2]
        target = joints[0, 3] - 0.06 * last[:, 0] - width * rng.uniform(0.7, 0.95) * last[:, 2]
    else:
        finger, share = {
            "over middle": (int(rng.choice((1, 2))), rng.uniform(0.2, 0.9)),
            "over ring": (2, rng.uniform(0.1, 0.8)),
            "over little": (3, rng.uniform(0.1, 0.9)),
            "fist": (int(rng.choice((1, 2))), rng.uniform(0.3, 0.9)),
        }[thumb]
        normal = frames[finger, 1, :, 2]
        outward = normal if normal @ Z > 0 else -normal
        target = joints[finger, 1] * (1 - share) + joints[finger, 2] * share + 1.25 * width * outward + 0.03 * X
    return target


def gesture_hand(gesture: Gesture, hand: RestHand, rng: np.random.Generator) -> HandPose:
    """One person's way of making a gesture."""
    thumb = gesture.thumb
    if thumb == "over middle" and rng.random() < 0.07:
        thumb = "out" if gesture.fingers[3] is STRAIGHT else "side"
    for _ in range(12):
        tilt = gesture.index_tilt * rng.uniform(0.5, 1.25)
        frames, joints = bend_fingers(hand, draw_flexion(gesture, rng), draw_spread(gesture, rng), tilt)
        if thumb in THUMBS:
            angles = np.array(THUMBS[thumb]) + rng.normal(0, (8, 7, 6, 6, 8))
            break
        closing = thumb == "ring of index"
        target = thumb_target(hand, thumb, frames, joints, rng)
        angles, miss = reach_with_thumb(hand, target, rng, bend_cost=0.0005 if closing else 0.0)
        if not closing or miss < 0.05:
            break
    return with_thumb(hand, angles, frames, joints)


def with_thumb(hand: RestHand, angles_deg: Floats, frames: Floats, joints: Floats) -> HandPose:
    """The pose of four fingers, see `bend_fingers`, and of a thumb with these angles, see `bend_thumb`."""
    thumb_frames, thumb_joints = bend_thumb(hand, angles_deg)
    return HandPose(np.concatenate((thumb_frames[None], frames)), np.concatenate((thumb_joints[None], joints)))


def idle_hand(hand: RestHand, rng: np.random.Generator, holding: bool = False) -> HandPose:
    """A hand that makes no gesture: 45 % relaxed, 25 % gripping, 10 % flat, 20 % anything half-formed.

    Args:
        holding: it grips something.
    """
    kind = "gripping" if holding else rng.choice(("relaxed", "gripping", "flat", "anything"), p=(0.45, 0.25, 0.1, 0.2))
    order = np.arange(4)[:, None]
    if kind == "relaxed":
        knuckle, middle = rng.uniform(5, 45), rng.uniform(10, 65)
        flexion = np.array((knuckle, middle, middle / 2)) + 4 * order * (1, 1, 0) + rng.normal(0, (7, 9, 8), (4, 3))
        thumb = rng.uniform((20, 10, 0, 0, 0), (50, 45, 20, 30, 35))
    elif kind == "gripping":
        knuckle, middle = rng.uniform(40, 75), rng.uniform(45, 95)
        flexion = np.array((knuckle, middle, middle / 2)) + 3 * order * (1, 0, 0) + rng.normal(0, (6, 9, 8), (4, 3))
        thumb = rng.uniform((15, 20, 5, 5, 0), (50, 60, 35, 40, 50))
    elif kind == "flat":
        flexion = np.array((rng.uniform(-5, 12), 0, 0)) + rng.normal(0, (4, 7, 4), (4, 3))
        thumb = rng.uniform((20, 5, -6, 0, 0), (50, 25, 6, 15, 15))
    else:
        flexion = rng.random((4, 1)) * rng.uniform((30, 60, 20), (90, 105, 65), (4, 3))
        thumb = rng.uniform((10, 5, -5, 0, 0), (62, 55, 40, 45, 60))
    flexion[:, 1:] = np.maximum(flexion[:, 1:], 0)
    spread = rng.uniform(-1, 12) * np.array((0.9, 0, -0.6, -1.4)) + rng.normal(0, 2, 4)
    return with_thumb(hand, thumb, *bend_fingers(hand, flexion, spread))


def draw_hand(label: str, hand: RestHand, rng: np.random.Generator) -> HandPose:
    """A hand of a class of HAGRID_LABELS."""
    return idle_hand(hand, rng) if label == NO_GESTURE else gesture_hand(GESTURES[label], hand, rng)


def draw_view(view: View, rng: np.random.Generator) -> Floats:
    """How a gesture is turned: a right hand's palm frame in the camera's axes (3, 3)."""
    if view == "palm":
        return yaw_pitch_roll(rng.normal(3, 16), rng.normal(3, 13), rng.normal(-2, 12))
    if view == "back":
        return yaw_pitch_roll(rng.normal(180, 18), rng.normal(0, 13), rng.normal(0, 13))
    if view == "ok":
        return yaw_pitch_roll(rng.normal(-16, 17), rng.normal(3, 12), rng.normal(4, 14))
    if view == "mute":
        yaw = rng.uniform(112, 195) if rng.random() < 0.85 else rng.normal(0, 25)
        return yaw_pitch_roll(yaw, rng.normal(-6, 10), rng.normal(0, 9))
    about = {
        "like": np.clip(rng.normal(38, 38), -65, 115),
        "dislike": np.clip(rng.normal(45, 36), -20, 115),
        "call": np.clip(rng.normal(80, 25), 10, 125),
    }[view]
    thumb = np.array((0.0, -1.0 if view == "dislike" else 1.0, 0.0))
    fingers = turn(np.array((0.0, 1.0, 0.0)), np.radians(about)) @ Z
    axes = np.stack((thumb, fingers, np.cross(thumb, fingers)), 1)
    result: Floats = (
        yaw_pitch_roll(rng.normal(0, 6), rng.normal(0, 12), rng.normal(0, 24 if view == "call" else 16)) @ axes
    )
    return result


def draw_idle_view(place: str, rng: np.random.Generator) -> Floats:
    """How an idle hand is turned: its palm frame in the body's axes (3, 3).

    Args:
        place: hanging, resting (on the body or a table), raised or any.
    """
    if place == "hanging":
        return turn(Z, np.radians(rng.normal(180, 22))) @ yaw_pitch_roll(rng.normal(-80, 45), rng.normal(0, 18), 0)
    if place == "resting":
        across = turn(Z, np.radians(rng.uniform(-140, -30)))
        return across @ yaw_pitch_roll(rng.uniform(-180, 180), rng.normal(0, 30), 0)
    if place == "raised":
        return yaw_pitch_roll(rng.uniform(60, 300), rng.normal(0, 25), rng.normal(0, 35))
    return any_rotation(rng)


assert set(GESTURES) | {NO_GESTURE} == set(HAGRID_LABELS)
