"""A person who shows a gesture, in front of a camera."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gesture_app.vision.labels import NO_GESTURE
from training.synthetic.arm import (
    Placing,
    find_arm,
    identity_bones,
    landmarks,
    put_arm,
    put_head,
    skin,
)
from training.synthetic.body import MIRROR, BodyModel, Joints
from training.synthetic.gestures import GESTURES, draw_hand, draw_idle_view, draw_view, idle_hand
from training.synthetic.hand import HandPose, RestHand, rest_hand
from training.synthetic.look import Look, draw_look
from training.synthetic.rotations import Floats, yaw_pitch_roll

ARM_LENGTH = 4.55
"""Of the base mesh, decimetres; wrist places below are for it, relative to the shoulder, and scaled to the person."""
PLACES = {
    "up": ((-2.6, -1.25, 1.05), (1.1, 2.05, 3.65)),
    "thumb": ((-2.5, -2.05, 1.25), (2.1, 1.55, 3.65)),
    "ear": ((-0.9, 0.15, 0.85), (0.8, 1.65, 2.45)),
    "hanging": ((-1.3, -4.4, -0.3), (0.1, -3.4, 1.1)),
    "resting": ((-1.3, -3.7, 1.05), (2.5, 0.25, 2.9)),
    "raised": ((-2.6, -1.25, 1.05), (1.1, 2.05, 3.65)),
    "any": ((-2.6, -3.5, 0.5), (2.1, 2.05, 3.65)),
    "face": ((0.3, 0.5, 0.7), (2.2, 2.2, 2.2)),
}
"""Corners of the boxes that wrists of right hands are drawn from: x to the body's left, y up, z forward."""
HOLDING = 0.2
"""Share of the idle hands shown that hold something."""
IDLE_PLACES, IDLE_SHARES = ("hanging", "resting", "raised", "any", "face"), (0.3, 0.28, 0.24, 0.1, 0.08)


@dataclass(frozen=True)
class Person:
    """One person: `vertices` (V, 3) at rest, the ends of the bones, both hands, and the surface."""

    vertices: Floats
    joints: Joints
    hands: dict[str, RestHand]
    look: Look


@dataclass(frozen=True)
class ShownHand:
    """A posed hand.

    Attributes:
        side: R or L.
        label: its class.
        landmarks: (21, 3), body coordinates.
        palm: (3, 3), the palm frame in body coordinates; of a left hand a mirror image.
        holding: it grips something.
    """

    side: str
    label: str
    landmarks: Floats
    palm: Floats
    holding: bool


@dataclass(frozen=True)
class Posed:
    """A posed person: `vertices` (V, 3), both hands, the one that shows the gesture first."""

    vertices: Floats
    hands: tuple[ShownHand, ...]
    head: Floats


@dataclass(frozen=True)
class Camera:
    """A pinhole camera.

    Attributes:
        rotation: (3, 3), body coordinates to the camera's axes: x right, y up, z backwards.
        position: (3,), body coordinates.
        focal_px: focal length.
        center_px: column and row of the optical axis.
        size_hw: of the picture.
    """

    rotation: Floats
    position: Floats
    focal_px: float
    center_px: tuple[float, float]
    size_hw: tuple[int, int]

    def view(self, points: Floats) -> Floats:
        """Points (N, 3) in the camera's axes."""
        result: Floats = (points - self.position) @ self.rotation.T
        return result

    def project(self, points: Floats) -> Floats:
        """Points (N, 3) as columns: column and row in pixels, distance from the camera's plane."""
        x, y, z = self.view(points).T
        distance = np.maximum(-z, 0.05)
        column = self.center_px[0] + self.focal_px * x / distance
        return np.stack((column, self.center_px[1] - self.focal_px * y / distance, -z), 1)

    def cut(self, left: float, top: float, side_px: float, size: int) -> Camera:
        """The same camera, of which a square part of the picture fills size x size pixels."""
        center = self.center_px[0] - left, self.center_px[1] - top
        return replace(self, center_px=center).zoomed(size / side_px, (size, size))

    def scaled(self, factor: int) -> Camera:
        """The same camera with more pixels."""
        return self.zoomed(factor, (self.size_hw[0] * factor, self.size_hw[1] * factor))

    def zoomed(self, zoom: float, size_hw: tuple[int, int]) -> Camera:
        """The same camera with so many times as many pixels a side, of which a part is the picture."""
        center = self.center_px[0] * zoom, self.center_px[1] * zoom
        return replace(self, focal_px=self.focal_px * zoom, center_px=center, size_hw=size_hw)


def draw_person(model: BodyModel, rng: np.random.Generator) -> Person:
    """A person drawn at random."""
    vertices = model.shape(rng)
    joints = model.joints(vertices)
    return Person(vertices, joints, {side: rest_hand(joints, side) for side in "RL"}, draw_look(rng))


def wrist_drawer(person: Person, side: str, place: str, rng: np.random.Generator) -> Floats:
    """A wrist (3,) in the mirrored body's coordinates somewhere in one of PLACES."""
    mirror = MIRROR[side]
    ends = [person.joints.head(f"{bone}.{side}") for bone in ("upperarm01", "lowerarm01", "wrist")]
    length = sum(np.linalg.norm(b - a) for a, b in itertools.pairwise(ends))
    return ends[0] * mirror + rng.uniform(*PLACES[place]) * (length / ARM_LENGTH)


def mouth_of(person: Person) -> Floats:
    """The middle of the lips (3,)."""
    return (person.joints.tail("oris01") + person.joints.tail("oris05")) / 2


def is_open(pose: HandPose) -> bool:
    """Whether all four fingers are straight."""
    lengths = np.linalg.norm(np.diff(pose.joints[1:], axis=1), axis=-1).sum(1)
    reach = np.linalg.norm(pose.joints[1:, 3] - pose.joints[1:, 0], axis=-1)
    return bool((reach > 0.93 * lengths).all())


def placing(
    label: str, person: Person, side: str, pose: HandPose, camera_turn: Floats, rng: np.random.Generator
) -> Placing:
    """A function that draws where a wrist is and how the palm is turned, both in the mirrored body's coordinates.

    Args:
        label: the hand's class; an empty name hangs down.
        camera_turn: (3, 3), the camera's rotation.
    """
    mirror = MIRROR[side]
    to_body = (camera_turn * mirror[:, None] * mirror).T
    if label in ("", NO_GESTURE):
        place = str(rng.choice(IDLE_PLACES, p=IDLE_SHARES)) if label else "hanging"
        if is_open(pose) and place not in ("hanging", "resting"):
            place = "resting"  # raised it would be a palm or a stop
        return lambda: (wrist_drawer(person, side, place, rng), draw_idle_view(place, rng))
    view = GESTURES[label].view
    if view == "mute":

        def before_mouth() -> tuple[Floats, Floats]:
            palm = to_body @ draw_view(view, rng)
            before = to_body @ np.array((rng.normal(0, 0.1), rng.uniform(-0.05, 0.5), rng.uniform(0.15, 0.45)))
            return mouth_of(person) + before - palm @ pose.joints[1, 3], palm

        return before_mouth
    place = "up"
    if view in ("like", "dislike", "call"):
        place = "ear" if view == "call" and rng.random() < 0.65 else "thumb"
    return lambda: (wrist_drawer(person, side, place, rng), to_body @ draw_view(view, rng))


def pose_person(
    model: BodyModel,
    person: Person,
    labels: Sequence[str],
    sides: Sequence[str],
    camera_turn: Floats,
    rng: np.random.Generator,
) -> Posed | None:
    """Pose both arms; None where an arm reaches none of the places drawn.

    Args:
        labels: the classes of two hands; an empty name hangs down.
        sides: R and L in the order of `labels`.
        camera_turn: (3, 3), the camera's rotation.
    """
    matrices = identity_bones(model)
    shown = []
    for label, side in zip(labels, sides, strict=True):
        hand = person.hands[side]
        holding = label == NO_GESTURE and rng.random() < HOLDING
        pose = idle_hand(hand, rng, holding) if holding else draw_hand(label or NO_GESTURE, hand, rng)
        arm = find_arm(person.joints, hand, placing(label, person, side, pose, camera_turn, rng), rng)
        if arm is None:
            return None
        put_arm(matrices, model, person.joints, hand, arm, pose)
        palm = arm.palm * MIRROR[side][:, None]
        shown.append(ShownHand(side, label or NO_GESTURE, landmarks(arm, pose, side), palm, holding))
    if "mute" not in labels:
        put_head(matrices, model, person.joints, yaw_pitch_roll(*rng.normal(0, (9, 5, 4))))
    vertices = skin(person.vertices, model.influence_bones, model.influence_weights, matrices)
    return Posed(vertices, tuple(shown), (person.joints.head("head") + person.joints.tail("head")) / 2)


def draw_turn(rng: np.random.Generator) -> Floats:
    """How a camera looks at a person (3, 3): roughly from the front, often from a little below."""
    result: Floats = yaw_pitch_roll(rng.normal(0, 13), rng.normal(-3, 8), rng.normal(0, 3)).T
    return result


def draw_size(rng: np.random.Generator) -> tuple[int, int]:
    """Height and width in pixels: seven of ten upright, as phones take them."""
    return ((512, 384), (384, 512), (384, 682), (682, 384))[rng.choice(4, p=(0.7, 0.17, 0.08, 0.05))]


def draw_camera(posed: Posed, camera_turn: Floats, size_hw: tuple[int, int], rng: np.random.Generator) -> Camera:
    """Put the camera so that the first hand has the size and the head the place that people choose.

    Hand sizes follow the boxes of HaGRID's frames: 35 to 160 of 512 pixels high (5th and 95th percentile).
    """
    height, width = size_hw
    focal = (0.5 * max(size_hw)) / np.tan(np.radians(rng.uniform(52, 74)) / 2)
    hand = posed.hands[0].landmarks.mean(0)
    hand_px = np.exp(rng.normal(np.log(88), 0.45))
    distance = float(np.clip(focal * 1.55 / hand_px, 3.6, 45))
    seen_hand, seen_head = camera_turn @ hand, camera_turn @ posed.head
    if rng.random() < 0.88:
        target, anchor = np.array((rng.normal(0.5, 0.1) * width, rng.normal(0.27, 0.08) * height)), seen_head
    else:
        target, anchor = rng.uniform((0.25, 0.3), (0.75, 0.65)) * (width, height), seen_hand
    behind = max(distance + seen_hand[2] - anchor[2], 2.5)
    right = anchor[0] - (target[0] - width / 2) * behind / focal
    up = anchor[1] + (target[1] - height / 2) * behind / focal
    offset = np.array((right, up, seen_hand[2] + distance))
    return Camera(camera_turn, camera_turn.T @ offset, focal, (width / 2, height / 2), size_hw)


def aim_at_hand(camera: Camera, posed: Posed, rng: np.random.Generator) -> Camera:
    """Move the camera sideways by as little as brings the first hand into the picture."""
    height, width = camera.size_hw
    points = camera.project(posed.hands[0].landmarks)
    low, high = points[:, :2].min(0), points[:, :2].max(0)
    border = 0.12 * (high - low).max() + rng.uniform(0, 0.06) * min(camera.size_hw)
    room = np.array((width, height)) - border
    shift = np.minimum(room - high, 0) + np.maximum(border - low, 0) * (low < border)
    depth = float(np.median(points[:, 2]))
    moved = np.array((-shift[0], shift[1], 0)) * depth / camera.focal_px
    return replace(camera, position=camera.position + camera.rotation.T @ moved)
