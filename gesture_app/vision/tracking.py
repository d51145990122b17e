"""Identities over time and calmer labels."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from gesture_app.vision.boxes import iou_matrix
from gesture_app.vision.hands import LONGEST_STEP_S, SMOOTHING_S, Box, Hand, RecognizerOptions
from gesture_app.vision.labels import NO_GESTURE, name_gesture, name_side
from gesture_app.vision.postprocess import Detections

MIN_IOU = 0.15
MIN_FAINT_IOU = 0.3
"""A hand that is too faint for a new one has to overlap more, so that nothing beside a hand takes its place."""
REACH = 0.5
"""A hand that overlaps none may have moved since it was seen: its box and one of those, so much of their size larger on
every side, then have to overlap. That is a step of about one and a half widths, as in a wave at 15 frames a
second."""
SIDE_SMOOTHING = 5.0
"""The side is averaged over so many times as long: a hand keeps it, whatever gesture it shows."""
LOST_AFTER_S = 0.5
MISSED_S = 0.1
"""A hand is missing for so long, or for one frame; then it has probably left."""
SURE_AT_ONCE = 0.25
WAITS_S = 0.1
"""A new hand of which the detector is less sure than that is shown once it was seen in every frame for so long: lamps,
faces and prints on shirts are taken for a hand in a frame or two of a moving picture."""
SURE_OF_HAND = 0.35
"""The further the average of a hand's scores is below that, the surer its gesture has to be in order to be named: what
goes on being taken for a hand, such as a plant or a face, resembles some gesture in one frame and none in the next."""
NEIGHBOURS_S = 0.15
"""Hands wait, are asked for a surer gesture, and are shown in a frame that misses them, where the frame before is no
further away: from seven frames a second on."""
STAYS = 2.0
"""Where there are more hands than may be shown, those that are shown already count as so much surer."""


@dataclass
class Track:
    """A hand that was seen before.

    Attributes:
        hand: as it was last given, with the moving averages of its probabilities and the last side that was sure.
        detector_score: the moving average of its scores.
        first_s, seen_s: when it was first and last seen.
        waits: whether it is not shown yet, and has no id.
        velocity_xy: of its middle in its last step, in pixels a second.
    """

    hand: Hand
    detector_score: float
    first_s: float
    seen_s: float
    waits: bool
    velocity_xy: tuple[float, float] = (0.0, 0.0)

    def move(self, box_xyxy: Box, time_s: float) -> None:
        """Its hand was seen there."""
        if time_s > self.seen_s:
            (left, top, right, bottom), (left0, top0, right0, bottom0) = box_xyxy, self.hand.box_xyxy
            double_s = 2 * (time_s - self.seen_s)
            self.velocity_xy = (left + right - left0 - right0) / double_s, (top + bottom - top0 - bottom0) / double_s
        self.seen_s = time_s

    def next_box(self, time_s: float) -> Box:
        """The box of its hand if that goes on as in its last step."""
        x, y = (speed * (time_s - self.seen_s) for speed in self.velocity_xy)
        left, top, right, bottom = self.hand.box_xyxy
        return left + x, top + y, right + x, bottom + y


class Tracker:
    """Follows the hands of one video.

    A hand keeps its identity while its box overlaps the one it had before, there or moved on as in its last step, so
    that it is known again after another hand has covered it (Bewley et al., "Simple Online and Realtime Tracking", ICIP
    2016); pairs are chosen so that their summed overlap is greatest (Hungarian method). What is too faint for a new
    hand goes on where a hand was that nothing surer has taken, and is dropped elsewhere (Zhang et al., "ByteTrack",
    ECCV 2022): hands do not flicker whose scores are about the threshold. A sure one that overlaps none goes on from a
    free place nearby (Yang et al., "Hard to Track Objects with Irregular Motions and Similar Appearances? Make It
    Easier by Buffering the Matching Space", WACV 2023), after a gap only with the gesture it had. A new hand that is
    not sure waits before it is shown, and one that a single frame misses is shown in that as it was. The label comes
    from probabilities averaged over about `SMOOTHING_S` seconds, whatever the frame rate, which have to be the surer
    the fainter the hand is; the side stays until the other one is sure.

    Args:
        labels: names in the order of the probabilities.
        options: what makes a new hand; `RecognizerOptions.followed` is what `update` and `expected` should be given.

    Attributes:
        options: may be replaced at any time.
        smoothing_s: time constant of the moving average; 0 shows every frame's own probabilities. May be changed too.
    """

    def __init__(self, labels: tuple[str, ...], options: RecognizerOptions) -> None:
        self.labels = labels
        self.options = options
        self.smoothing_s = SMOOTHING_S
        self.tracks: list[Track] = []
        self.next_id = 1
        self._updated_s = -math.inf
        self._shown: set[int] = set()

    def update(self, hands: list[Hand], time_s: float, goes_on: bool = True) -> list[Hand]:
        """Give the hands of the next frame, at most `options.max_hands`, their ids and smoothed probabilities.

        Order and boxes stay; hands that this frame alone misses come last. Of more hands than that the surest are
        given, which changes only for a much surer one.

        Args:
            time_s: of the frame, in seconds. A step back in time, as after a loop or a seek, starts afresh.
            goes_on: whether it is of the same size as the frame before, and no picture by itself.
        """
        self._forget(time_s)
        goes_on &= 0 < time_s - self._updated_s <= NEIGHBOURS_S
        before = [t for t in self.tracks if goes_on and t.seen_s == self._updated_s and t.hand.id in self._shown]
        sure, known = self._matched(hands, time_s)
        self._updated_s = time_s
        tracks = []
        for number, hand in enumerate(hands):
            track = known.get(number)
            if track is None and not sure[number]:
                continue
            if track is None:
                track = Track(replace(hand, id=0), hand.detector_score, time_s, time_s, waits=goes_on)
                self.tracks.append(track)
            self._see(track, hand, time_s, goes_on)
            tracks.append(track)
        self.tracks = [track for track in self.tracks if track.seen_s == time_s or not track.waits]
        gone = [track for track in before if track.seen_s < time_s]
        if gone and not any(track.first_s == time_s for track in tracks):  # else a hand has probably jumped there
            tracks += _elsewhere(gone, hands)
        shown = [track.hand for track in tracks if not track.waits]
        best = sorted(shown, key=lambda hand: -hand.detector_score * (STAYS if hand.id in self._shown else 1))
        self._shown = {hand.id for hand in best[: self.options.max_hands]}
        return [hand for hand in shown if hand.id in self._shown]

    def expected(self, found: Detections, time_s: float) -> Detections:
        """Without what is too faint for a new hand and lies where none was: nobody need look at it any closer."""
        self._forget(time_s)
        kept = found.scores >= self.options.detector_threshold
        if self.tracks and len(kept):
            # Any hand's place will do: a surer box there may turn out to be none.
            overlaps = iou_matrix(found.boxes_xyxy, self._places(time_s).reshape(-1, 4))
            kept |= overlaps.max(axis=1) >= MIN_FAINT_IOU
        return found.take(kept)

    def kept(self, hands: list[Hand], time_s: float) -> list[Hand]:
        """Those of the hands of the frame of this time that `update` would give or let wait, as they are."""
        self._forget(time_s)
        sure, known = self._matched(hands, time_s)
        return [hand for number, hand in enumerate(hands) if sure[number] or number in known]

    def missing(self, hands: list[Hand], time_s: float) -> list[Box]:
        """Where hands were a moment ago at which none of the hands of the frame of this time is."""
        self._forget(time_s)
        since_s = min(self._updated_s, time_s - MISSED_S)
        lately = [track for track in self.tracks if track.seen_s >= since_s]
        return [track.hand.box_xyxy for track in _elsewhere(lately, hands)]

    def _see(self, track: Track, hand: Hand, time_s: float, goes_on: bool) -> None:
        """The hand of a track is this one in the frame of this time."""
        keep = math.exp(-(time_s - track.seen_s) / self.smoothing_s) if self.smoothing_s > 0 else 0.0
        probabilities = keep * track.hand.probabilities + (1 - keep) * hand.probabilities
        track.detector_score = keep * track.detector_score + (1 - keep) * hand.detector_score
        keep **= 1 / SIDE_SMOOTHING
        right = keep * track.hand.right + (1 - keep) * hand.right
        track.move(hand.box_xyxy, time_s)
        track.waits &= hand.detector_score < SURE_AT_ONCE and time_s - track.first_s < WAITS_S - 1e-6
        number = track.hand.id
        if not number and not track.waits:
            number, self.next_id = self.next_id, self.next_id + 1
        sure = min(1.0, track.detector_score / SURE_OF_HAND) if goes_on else 1.0
        name = name_gesture(probabilities, self.labels, 1 - sure * (1 - self.options.label_threshold))
        track.hand = replace(
            hand,
            id=number,
            label=name.label,
            score=name.score,
            top=name.top,
            probabilities=probabilities,
            right=right,
            side=name_side(right) or track.hand.side,
        )

    def _matched(self, hands: list[Hand], time_s: float) -> tuple[NDArray[np.bool_], dict[int, Track]]:
        """Whether each hand is sure enough for a new one; the tracks of those that have one, by the hand's number.

        The sure ones choose first.
        """
        scores = np.array([hand.detector_score for hand in hands])
        real = np.array([hand.probabilities.sum() for hand in hands]) >= self.options.least_hand
        sure = (scores >= self.options.detector_threshold) & real
        if not hands or not self.tracks:
            return sure, {}
        boxes = np.array([hand.box_xyxy for hand in hands])
        places = self._places(time_s)
        alone, free = np.ones(len(hands), bool), np.ones(len(self.tracks), bool)
        known: dict[int, int] = {}
        for rows, reach, least in (
            (sure, 0.0, MIN_IOU),
            (~sure, 0.0, MIN_FAINT_IOU),
            (sure & (scores >= SURE_AT_ONCE), REACH, MIN_IOU),
        ):
            some, others = np.flatnonzero(rows & alone), np.flatnonzero(free)
            if not len(some) or not len(others):
                continue
            near = iou_matrix(_widened(boxes[some], reach), _widened(places[others].reshape(-1, 4), reach))
            overlaps = near.reshape(len(some), -1, 2).max(axis=2)
            if reach:
                overlaps *= [[self._may_be(self.tracks[column], hands[row]) for column in others] for row in some]
            overlaps = np.where(overlaps >= least, overlaps, 0)  # what is no pair must not part others that are
            for row, column in zip(*linear_sum_assignment(-overlaps), strict=True):
                if overlaps[row, column] > 0:
                    known[int(some[row])] = int(others[column])
                    alone[some[row]] = free[others[column]] = False
        return sure, {number: self.tracks[column] for number, column in known.items()}

    def _places(self, time_s: float) -> NDArray[np.float64]:
        """Where each hand was, and where it is if it goes on as in its last step: boxes_xyxy (M, 2, 4)."""
        return np.array([(track.hand.box_xyxy, track.next_box(time_s)) for track in self.tracks])

    def _may_be(self, track: Track, hand: Hand) -> bool:
        """Whether a hand nearby may be that of a track: not a person's other one, nor, after a gap, another gesture."""
        if track.hand.side and name_side(hand.right) not in ("", track.hand.side):
            return False
        return track.seen_s == self._updated_s or hand.label == track.hand.label != NO_GESTURE

    def _forget(self, time_s: float) -> None:
        """Drop the hands that were last seen too long ago, or later than that."""
        if any(track.seen_s > time_s for track in self.tracks):
            self.tracks = []
        self.tracks = [
            track
            for track in self.tracks
            if time_s - track.seen_s <= (LONGEST_STEP_S if track.seen_s == self._updated_s else LOST_AFTER_S)
        ]


def _elsewhere(tracks: list[Track], hands: list[Hand]) -> list[Track]:
    """The tracks at whose place none of the hands is."""
    places = np.array([track.hand.box_xyxy for track in tracks]).reshape(-1, 4)
    overlaps = iou_matrix(places, np.array([hand.box_xyxy for hand in hands]))
    return [track for track, row in zip(tracks, overlaps, strict=True) if not (row >= MIN_IOU).any()]


def _widened(boxes_xyxy: NDArray[np.float64], by: float) -> NDArray[np.float64]:
    if not by:
        return boxes_xyxy
    margins = by * (boxes_xyxy[:, 2:] - boxes_xyxy[:, :2])
    return np.hstack((boxes_xyxy[:, :2] - margins, boxes_xyxy[:, 2:] + margins))
