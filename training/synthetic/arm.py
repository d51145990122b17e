"""Where the arms go: analytic inverse kinematics of shoulder and elbow, and the skinning of the whole body."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.synthetic.body import MIRROR, BodyModel, Joints
from training.synthetic.hand import HandPose, RestHand
from training.synthetic.rotations import Floats, X, Z, cross, frame, turn, twist, unit

ELBOWS = 24
"""Places on the elbow's circle that are tried."""
MAX_BEND_DEG, MAX_TWIST_DEG, MAX_DEVIATION_DEG = 55.0, 80.0, 28.0
GOOD_COST = 6.0
Placing = Callable[[], tuple[Floats, Floats]]


@dataclass(frozen=True)
class ArmPose:
    """An arm and its hand in the mirrored body's coordinates, decimetres.

    Attributes:
        upper, lower: (3, 3) rotations from the rest pose.
        elbow, wrist: (3,).
        twist: of the hand against the elbow about the forearm, radians.
        turn: (3, 3), rotation of the hand from the rest pose.
        palm: (3, 3), the palm frame.
        cost: how far the joints are beyond what is comfortable, in degrees.
    """

    upper: Floats
    lower: Floats
    elbow: Floats
    wrist: Floats
    twist: float
    turn: Floats
    palm: Floats
    cost: float


def reach(joints: Joints, hand: RestHand, wrist: Floats, palm: Floats, phase: float) -> ArmPose | None:
    """Put the wrist at a point with the palm turned that way; None where the arm is too short or has no room.

    The elbow lies on a circle; of the places tried the one is taken at which the wrist's bend and deviation and the
    forearm's twist are most comfortable.

    Args:
        wrist: (3,), mirrored body's coordinates.
        palm: (3, 3), the palm frame, the same.
        phase: 0..1, shifts the places tried.
    """
    mirror = MIRROR[hand.side]
    shoulder = joints.head(f"upperarm01.{hand.side}") * mirror
    rest_elbow = joints.head(f"lowerarm01.{hand.side}") * mirror
    upper_length = float(np.linalg.norm(rest_elbow - shoulder))
    lower_length = float(np.linalg.norm(hand.wrist - rest_elbow))
    distance = float(np.linalg.norm(wrist - shoulder))
    if not 1.2 < distance < 0.985 * (upper_length + lower_length):
        return None
    line = (wrist - shoulder) / distance
    to_circle = (upper_length**2 - lower_length**2 + distance**2) / (2 * distance)
    radius = np.sqrt(max(upper_length**2 - to_circle**2, 0.0))
    first = unit(cross(line, Z if abs(line[2]) < 0.9 else X))
    angles = 2 * np.pi * (np.arange(ELBOWS) + phase) / ELBOWS
    around = np.cos(angles)[:, None] * first + np.sin(angles)[:, None] * cross(line, first)
    elbows = shoulder + to_circle * line + radius * around  # (ELBOWS, 3)
    upper, lower = unit(elbows - shoulder), unit(wrist - elbows)
    hinge = cross(upper, lower)
    rest_upper, rest_lower = unit(rest_elbow - shoulder), unit(hand.wrist - rest_elbow)
    rest_hinge = cross(rest_upper, rest_lower)
    lower_turn = frame(lower, hinge) @ frame(rest_lower, rest_hinge).T
    hand_turn = palm @ hand.axes.T
    twists = twist(hand_turn @ np.swapaxes(lower_turn, -1, -2), lower)
    bend = np.degrees(np.arccos(np.clip(lower @ palm[:, 1], -1, 1)))
    deviation = np.degrees(np.abs(np.arcsin(np.clip(lower @ palm[:, 0], -1, 1))))
    cost = np.maximum(0, bend - MAX_BEND_DEG) + 0.7 * np.maximum(0, np.degrees(np.abs(twists)) - MAX_TWIST_DEG)
    cost += 0.8 * np.maximum(0, deviation - MAX_DEVIATION_DEG) + 0.02 * bend
    cost += 8 * np.maximum(0, elbows[:, 1] - shoulder[1] - 0.3)
    inside_body = (elbows[:, 2] < -1.6) | (elbows[:, 0] > -0.9) | (np.linalg.norm(hinge, axis=1) < 0.05)
    cost[inside_body] = np.inf
    best = int(np.argmin(cost))
    if not np.isfinite(cost[best]):
        return None
    upper_turn = frame(upper[best], hinge[best]) @ frame(rest_upper, rest_hinge).T
    return ArmPose(
        upper_turn, lower_turn[best], elbows[best], wrist, float(twists[best]), hand_turn, palm, float(cost[best])
    )


def find_arm(
    joints: Joints, hand: RestHand, draw: Placing, rng: np.random.Generator, tries: int = 60
) -> ArmPose | None:
    """The first comfortable arm for a drawn wrist and palm frame, else the best of the tries; None if none reaches."""
    best: ArmPose | None = None
    for _ in range(tries):
        wrist, palm = draw()
        pose = reach(joints, hand, wrist, palm, float(rng.random()))
        if pose is not None and (best is None or pose.cost < best.cost):
            best = pose
            if best.cost < GOOD_COST:
                break
    return best


def landmarks(arm: ArmPose, pose: HandPose, side: str) -> Floats:
    """The 21 points (21, 3) in body coordinates: wrist, then four of each finger from the thumb."""
    points = np.concatenate((arm.wrist[None], arm.wrist + pose.joints.reshape(20, 3) @ arm.palm.T))
    result: Floats = points * MIRROR[side]
    return result


def identity_bones(model: BodyModel) -> Floats:
    """Skinning matrices (bones, 3, 4) of the rest pose."""
    return np.tile(np.eye(3, 4), (len(model.bones), 1, 1))


def put_bone(matrices: Floats, row: int, rotation: Floats, start: Floats, end: Floats) -> None:
    """Turn a bone about `start` and move that point to `end`."""
    matrices[row, :, :3] = rotation
    matrices[row, :, 3] = end - rotation @ start


def put_arm(matrices: Floats, model: BodyModel, joints: Joints, hand: RestHand, arm: ArmPose, pose: HandPose) -> None:
    """Write an arm's and its fingers' matrices."""
    side = hand.side
    mirror = MIRROR[side]

    def put(bone: str, rotation: Floats, start: Floats, end: Floats) -> None:
        flipped = rotation * mirror[:, None] * mirror
        put_bone(matrices, model.bone_index[f"{bone}.{side}"], flipped, start * mirror, end * mirror)

    shoulder = joints.head(f"upperarm01.{side}") * mirror
    elbow = joints.head(f"lowerarm01.{side}") * mirror
    forearm = unit(arm.wrist - arm.elbow)
    for bone in ("upperarm01", "upperarm02"):
        put(bone, arm.upper, shoulder, shoulder)
    for bone, share in (("lowerarm01", 0.3), ("lowerarm02", 0.78)):
        put(bone, turn(forearm, arm.twist * share) @ arm.lower, elbow, arm.elbow)
    for bone in ("wrist", *(f"metacarpal{i}" for i in range(1, 5))):
        put(bone, arm.turn, hand.wrist, arm.wrist)
    for finger in range(5):
        for joint in range(3):
            rest = hand.axes @ hand.frames[finger, joint]
            now = arm.palm @ pose.frames[finger, joint]
            start = hand.wrist + hand.axes @ hand.joints[finger, joint]
            end = arm.wrist + arm.palm @ pose.joints[finger, joint]
            put(f"finger{finger + 1}-{joint + 1}", now @ rest.T, start, end)


def put_head(matrices: Floats, model: BodyModel, joints: Joints, rotation: Floats) -> None:
    """Turn the head by `rotation`, the neck by half of it."""
    neck, head = joints.head("neck01"), joints.head("head")
    half = np.linalg.svd(np.eye(3) + rotation)
    bent = np.asarray(half.U @ half.Vh)
    put_bone(matrices, model.bone_index["neck01"], bent, neck, neck)
    put_bone(matrices, model.bone_index["head"], rotation, head, neck + bent @ (head - neck))


def skin(vertices: Floats, influence_bones: NDArray[np.int32], influence_weights: Floats, matrices: Floats) -> Floats:
    """Linear blend skinning: vertices (V, 3) moved by their bones' matrices (bones, 3, 4), see `BodyModel`."""
    blended = np.einsum("vk,vkij->vij", influence_weights, matrices[influence_bones])
    moved: Floats = np.einsum("vij,vj->vi", blended[..., :3], vertices) + blended[..., 3]
    return moved
