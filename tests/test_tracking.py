from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from gesture_app.vision.hands import Hand, RecognizerOptions
from gesture_app.vision.postprocess import Detections
from gesture_app.vision.tracking import LOST_AFTER_S, Tracker

LABELS = ("like", "peace", "no_gesture")
LIKE, PEACE, NOTHING = (0.9, 0.05, 0.05), (0.05, 0.9, 0.05), (0.05, 0.05, 0.9)


def hand(x: float, probabilities=LIKE, size: float = 40, y: float = 10) -> Hand:
    row = np.array(probabilities, np.float32)
    best = int(row.argmax())
    return Hand((x, y, x + size, y + size), 0.9, LABELS[best], float(row[best]), (), row)


@pytest.fixture
def tracker() -> Tracker:
    return Tracker(LABELS, RecognizerOptions())


def test_no_hands(tracker: Tracker) -> None:
    assert tracker.update([], 0.0) == []
    assert tracker.update([], 1.0) == []


def test_ids_follow_hands_whatever_their_order(tracker: Tracker) -> None:
    assert [h.id for h in tracker.update([hand(0), hand(100)], 0.0)] == [1, 2]
    assert [h.id for h in tracker.update([hand(108), hand(7)], 0.03)] == [2, 1]
    assert [h.id for h in tracker.update([hand(14), hand(300), hand(116)], 0.06)] == [1, 3, 2]


def test_a_hand_comes_back_within_the_time_and_not_after(tracker: Tracker) -> None:
    tracker.update([hand(0)], 0.0)
    assert tracker.update([], 0.2) == []
    assert tracker.update([hand(5)], 0.4)[0].id == 1
    tracker.update([], 0.5)
    assert tracker.update([hand(5)], 0.4 + LOST_AFTER_S + 0.1)[0].id == 2


def test_a_frame_a_second_whatever_rounding_leaves_of_it(tracker: Tracker) -> None:
    assert [tracker.update([hand(0)], number / 90000 - 0.07)[0].id for number in range(6300, 963000, 90000)] == [1] * 11


@pytest.mark.parametrize(("step_s", "ids"), [(0.3, [1, 1, 1]), (0.9, [1, 1, 1]), (1.2, [1, 2, 3])])
def test_hands_of_slow_sources_stay_from_frame_to_frame(tracker: Tracker, step_s: float, ids: list[int]) -> None:
    assert [tracker.update([hand(0)], number * step_s)[0].id for number in range(3)] == ids


def test_no_more_hands_than_wanted() -> None:
    tracker = Tracker(LABELS, RecognizerOptions(max_hands=1))
    unsure = replace(hand(0), probabilities=np.array((0.3, 0.2, 0.1), np.float32))
    assert [h.box_xyxy[0] for h in tracker.update([unsure, hand(100), hand(200)], 0.0)] == [100]


def test_of_more_hands_than_wanted_the_shown_one_stays_until_another_is_much_surer() -> None:
    tracker, shown = Tracker(LABELS, RecognizerOptions(max_hands=1)), []
    for number, scores in enumerate([(0.5, 0.4), (0.4, 0.5), (0.3, 0.5), (0.2, 0.5), (0.5, 0.6)]):
        hands = [replace(hand(100 * place), detector_score=score) for place, score in enumerate(scores)]
        shown += [h.id for h in tracker.update(hands, number / 30)]
    assert shown == [1, 1, 1, 2, 2]


def test_crossing_pairs_are_matched_as_a_whole(tracker: Tracker) -> None:
    tracker.update([hand(0), hand(20)], 0.0)
    # Greedy matching would give the left hand to track 2 and leave the other one a stranger.
    assert [h.id for h in tracker.update([hand(15), hand(38)], 0.03)] == [1, 2]


def test_overlaps_too_small_for_a_pair_part_no_other(tracker: Tracker) -> None:
    tracker.update([hand(0), hand(61)], 0.0)
    # Overlaps of 0.167 and 0.104 with the tracks, and of 0.131 and 0: the second and third together are more.
    assert [h.id for h in tracker.update([hand(28.5), hand(-30.7)], 0.03)] == [1, 3]


@pytest.mark.parametrize(
    ("x", "score", "size", "shows", "number"),
    [
        (58, 0.9, 40, LIKE, 1),
        (58, 0.9, 40, PEACE, 1),
        (-58, 0.3, 40, LIKE, 1),
        (62, 0.9, 40, LIKE, 2),  # more than a step
        (58, 0.2, 40, LIKE, None),  # not sure: it waits
        (45, 0.9, 14, LIKE, 2),  # another size
    ],
)
def test_a_fast_hand_goes_on(tracker: Tracker, x: float, score: float, size: float, shows, number: int | None) -> None:
    tracker.update([hand(0)], 0.0)
    moved = tracker.update([replace(hand(x, shows, size), detector_score=score)], 0.06)
    assert [h.id for h in moved if h.box_xyxy[0] == x] == ([number] if number else [])


def test_a_waved_hand_is_one_hand(tracker: Tracker) -> None:
    wave = [tracker.update([hand(100 + 52 * np.sin(4 * np.pi * n / 15))], n / 15) for n in range(75)]
    assert [[h.id for h in hands] for hands in wave] == [[1]] * 75


def test_a_fast_hand_takes_no_place_of_another(tracker: Tracker) -> None:
    tracker.update([hand(0)], 0.0)
    assert [h.id for h in tracker.update([hand(0), hand(55)], 0.05)] == [1, 2]
    assert [h.id for h in tracker.update([hand(0)], 0.1) if h.box_xyxy[0] == 0] == [1]
    assert [h.id for h in tracker.update([hand(0), hand(110, PEACE)], 0.15)] == [1, 3]


@pytest.mark.parametrize(
    ("x", "shows", "number"),
    [
        (155, LIKE, 1),  # near where it was
        (250, LIKE, 1),  # where it was going to
        (400, LIKE, 2),
        (250, PEACE, 1),  # it lies at its place, whatever it shows
        (205, PEACE, 2),
        (205, NOTHING, 2),
    ],
)
@pytest.mark.parametrize("downwards", [False, True])
def test_a_hand_that_was_covered_goes_on(tracker: Tracker, downwards: bool, x: float, shows, number: int) -> None:
    def at(place: float, shows=LIKE) -> Hand:
        return hand(0, shows, y=place) if downwards else hand(place, shows)

    for frame in range(6):
        tracker.update([at(20 * frame)], frame / 20)  # 400 pixels a second
    for frame in range(6, 13):
        tracker.update([], frame / 20)
    assert [h.id for h in tracker.update([at(x, shows)], 0.65)] == [number]


@pytest.mark.parametrize("fps", [10, 15, 30])
@pytest.mark.parametrize("front", [0, 1])
def test_hands_that_cross_keep_their_numbers(fps: int, front: int) -> None:
    tracker, ids = Tracker(LABELS, RecognizerOptions()), []
    for frame in range(fps + 1):
        hands = [hand(200 * frame / fps), hand(220 - 200 * frame / fps)]
        one_box = abs(hands[0].box_xyxy[0] - hands[1].box_xyxy[0]) < 15
        ids.append([h.id for h in tracker.update([hands[front]] if one_box else hands, frame / fps)])
    assert ids[0] == ids[-1] == [1, 2]


@pytest.mark.parametrize(
    ("before", "right", "number"), [(0.99, 0.99, 1), (0.99, 0.5, 1), (0.99, 0.01, 2), (0.5, 0.99, 1)]
)
def test_the_other_hand_of_a_person_is_another_hand(tracker: Tracker, before: float, right: float, number: int) -> None:
    tracker.update([sided(0, before)], 0.0)
    assert tracker.update([sided(55, right)], 0.05)[0].id == number


@pytest.mark.parametrize("fps", [10, 30, 60])
def test_smoothing_is_in_seconds(tracker: Tracker, fps: int) -> None:
    tracker.update([hand(0)], 0.0)
    changed = next(
        frame / fps for frame in range(1, 200) if tracker.update([hand(0, PEACE)], frame / fps)[0].label == "peace"
    )
    assert 0.1 <= changed <= 0.3


def test_one_wrong_frame_does_not_change_the_label(tracker: Tracker) -> None:
    for frame in range(10):
        tracker.update([hand(0)], frame / 30)
    flicker = tracker.update([hand(0, PEACE)], 10 / 30)[0]
    assert flicker.label == "like"
    assert float(flicker.probabilities.sum()) == pytest.approx(1)


def test_without_smoothing_every_frame_counts_alone(tracker: Tracker) -> None:
    tracker.smoothing_s = 0.0
    tracker.update([hand(0)], 0.0)
    assert tracker.update([hand(0, PEACE)], 0.03)[0].label == "peace"


def sided(x: float, right: float) -> Hand:
    return replace(hand(x), right=right)


@pytest.mark.parametrize(
    ("right", "sides"),
    [
        ([0.5, 0.5], ["", ""]),
        ([0.9, 0.9, 0.1, 0.9], ["right"] * 4),
        ([0.5, 0.9], ["", ""]),
        ([0.1, 0.5, 0.5, 0.6], ["left"] * 4),
        ([0.1] * 2 + [0.95] * 60, ["left"] * 2 + ["right"] * 60),
    ],
)
def test_a_hand_keeps_its_side_until_the_other_is_sure(tracker: Tracker, right: list[float], sides: list[str]) -> None:
    told = [tracker.update([sided(0, p)], number / 30)[0].side for number, p in enumerate(right)]
    assert (told[0], told[-1]) == (sides[0], sides[-1])
    assert len(right) > 4 or told == sides
    turns = sum(first != second for first, second in pairwise(told))
    assert turns <= 1


def test_without_smoothing_every_frame_tells_its_own_side(tracker: Tracker) -> None:
    tracker.smoothing_s = 0.0
    told = [tracker.update([sided(0, p)], number / 30)[0].side for number, p in enumerate([0.9, 0.1, 0.5])]
    assert told == ["right", "left", "left"]


def test_threshold_acts_at_once_and_boxes_stay(tracker: Tracker) -> None:
    tracker.update([hand(0, (0.6, 0.3, 0.1))], 0.0)
    tracker.options = RecognizerOptions(label_threshold=0.8)
    found = tracker.update([hand(3, (0.6, 0.3, 0.1))], 0.03)[0]
    assert (found.label, found.box_xyxy, found.top[0][0]) == ("no_gesture", (3, 10, 43, 50), "like")


def test_a_step_back_in_time_starts_afresh(tracker: Tracker) -> None:
    tracker.update([hand(0)], 5.0)
    assert tracker.update([hand(0)], 0.0)[0].id == 2


@pytest.mark.parametrize(
    ("x", "score", "least", "kept"),
    [
        (0, 0.07, 1.0, True),
        (0, 0.9, 0.4, True),  # the classifier is less sure that it is a hand
        (15, 0.07, 1.0, True),
        (25, 0.07, 1.0, False),  # beside it
        (200, 0.07, 1.0, False),
        (200, 0.3, 0.94, False),
        (200, 0.3, 0.96, True),
    ],
)
def test_what_is_faint_goes_on_where_a_hand_was(x: float, score: float, least: float, kept: bool) -> None:
    tracker = Tracker(LABELS, RecognizerOptions(detector_threshold=0.15, least_hand=0.95))
    tracker.update([hand(0)], 0.0)
    faint = replace(hand(x, (least, 0.0, 0.0)), detector_score=score)
    found = Detections(np.array([faint.box_xyxy], np.float32), np.array([score], np.float32), np.zeros(1, np.int64))
    assert len(tracker.expected(found, 0.03).scores) == (kept or score >= 0.15)
    assert [h.id for h in tracker.update([faint], 0.03, goes_on=False)] == ([1 if x < 25 else 2] if kept else [])


@pytest.mark.parametrize(
    ("score", "probability", "goes_on", "label"),
    [
        (0.1, 0.95, True, "like"),
        (0.1, 0.8, True, "no_gesture"),
        (0.1, 0.8, False, "like"),
        (0.25, 0.8, True, "like"),
        (0.25, 0.6, True, "no_gesture"),
        (0.4, 0.6, True, "like"),
    ],
)
def test_the_fainter_a_hand_the_surer_its_gesture(
    tracker: Tracker, score: float, probability: float, goes_on: bool, label: str
) -> None:
    tracker.update([hand(0)], 0.0)
    faint = replace(hand(0, (probability, 1 - probability, 0.0)), detector_score=score)
    assert tracker.update([faint], 1 / 30, goes_on)[0].label == "like"  # the average is not that faint yet
    shown = [tracker.update([faint], frame / 30, goes_on)[0] for frame in range(2, 60)]
    assert (shown[-1].id, shown[-1].label, shown[-1].top[0][0]) == (1, label, "like")


def test_a_new_hand_that_is_not_sure_waits_until_it_was_seen_in_every_frame_of_a_moment(tracker: Tracker) -> None:
    faint = replace(hand(0), detector_score=0.15)
    tracker.update([], 0.0)
    seen = [[faint], [faint], [], [faint], [faint], [faint], [faint], [faint]]
    shown = [[h.id for h in tracker.update(hands, 0.04 * number)] for number, hands in enumerate(seen, 1)]
    assert shown == [[], [], [], [], [], [], [1], [1]]
    surer = replace(hand(200), detector_score=0.3)
    assert [h.id for h in tracker.update([faint, surer], 0.36)] == [1, 2]
    waiting = replace(hand(400), detector_score=0.15)
    assert [h.id for h in tracker.update([faint, surer, waiting], 0.4)] == [1, 2]
    assert [h.id for h in tracker.update([faint, surer, replace(waiting, detector_score=0.3)], 0.44)] == [1, 2, 3]


@pytest.mark.parametrize(("time_s", "goes_on"), [(0.03, False), (5.0, True)])
def test_no_hand_waits_in_a_picture_by_itself_nor_after_a_jump(tracker: Tracker, time_s: float, goes_on: bool) -> None:
    tracker.update([], 0.0)
    assert tracker.update([replace(hand(0), detector_score=0.15)], time_s, goes_on)


@pytest.mark.parametrize(
    ("then", "step_s", "goes_on", "held"),
    [
        ([], 1 / 30, True, [1]),
        ([], 0.2, True, []),
        ([], 1 / 30, False, []),
        ([hand(300)], 1 / 30, True, [2]),  # it has jumped
        ([replace(hand(300), detector_score=0.15)], 1 / 30, True, []),
        ([replace(hand(25), detector_score=0.05)], 1 / 30, True, []),  # it is there, but nothing like a hand any more
    ],
)
def test_a_hand_that_one_frame_misses_stays_in_that(
    tracker: Tracker, then, step_s: float, goes_on: bool, held: list[int]
) -> None:
    tracker.update([hand(0)], 0.0)
    assert [h.id for h in tracker.update(then, step_s, goes_on)] == held
    assert [h.id for h in tracker.update(then, 2 * step_s, goes_on)] == [id for id in held if then]


@pytest.mark.parametrize(("fps", "held"), [(30, True), (10, True), (7, True), (5, False)])
def test_hands_are_held_in_slower_videos_too_whatever_rounding_leaves_of_their_times(
    tracker: Tracker, fps: int, held: bool
) -> None:
    faint = replace(hand(0), detector_score=0.15)
    shown = [len(tracker.update([] if n % 5 == 4 else [hand(0)], 0.1 + n / fps)) for n in range(100)]
    assert shown == [int(held or n % 5 != 4) for n in range(100)]
    tracker.update([], 60.0)
    waits = [not tracker.update([faint], 60.0 + n / fps) for n in range(1, 20)]
    assert any(waits) == held and sum(waits) / fps < 0.2


def test_held_hands_are_among_those_that_may_be_shown() -> None:
    tracker = Tracker(LABELS, RecognizerOptions(max_hands=1))
    second = replace(hand(100), detector_score=0.4)
    assert [h.id for h in tracker.update([hand(0), second], 0.0)] == [1]
    assert [h.id for h in tracker.update([second], 0.03)] == [1]
    assert [h.id for h in tracker.update([second], 0.06)] == [2]


def test_a_faint_hand_is_looked_at_though_a_surer_box_lies_on_its_place(tracker: Tracker) -> None:
    tracker.update([hand(0)], 0.0)
    boxes = np.array([hand(10).box_xyxy, hand(0).box_xyxy], np.float32)
    found = Detections(boxes, np.array([0.4, 0.07], np.float32), np.zeros(2, np.int64))
    assert len(tracker.expected(found, 0.03).scores) == 2


def test_a_faint_box_does_not_take_the_place_of_a_sure_one(tracker: Tracker) -> None:
    tracker.update([hand(0)], 0.0)
    faint = replace(hand(1), detector_score=0.05)
    found = tracker.update([faint, hand(20)], 0.03)
    assert [(h.id, h.box_xyxy[0]) for h in found] == [(1, 20)]


def test_a_hand_may_stay_faint_and_is_forgotten_like_others(tracker: Tracker) -> None:
    faint = replace(hand(0), detector_score=0.05)
    assert tracker.update([faint], 0.0) == []
    tracker.update([hand(0)], 0.1)
    assert all(tracker.update([faint], 0.1 + frame / 10)[0].id == 1 for frame in range(1, 20))
    tracker.update([], 2.1)
    assert tracker.update([faint], 2.0 + LOST_AFTER_S + 0.1) == []


@pytest.mark.parametrize(
    ("step_s", "missing"),
    [
        (1 / 30, [True, True, True, False, False]),  # for `MISSED_S`
        (0.2, [True, False, False, False, False]),  # for one frame
        (2.0, [False] * 5),
    ],
)
def test_a_hand_is_missing_for_a_moment(tracker: Tracker, step_s: float, missing: list[bool]) -> None:
    assert tracker.missing([], 0.0) == []
    tracker.update([hand(0), hand(100)], 0.0)
    for frame, expected in enumerate(missing, 1):
        assert tracker.missing([hand(108)], frame * step_s) == [(0, 10, 40, 50)] * expected
        tracker.update([hand(108)], frame * step_s)
    assert len(tracker.missing([], 5 * step_s)) == 1


def test_hands_that_are_kept(tracker: Tracker) -> None:
    faint = replace(hand(2), detector_score=0.05)
    assert tracker.kept([hand(0), faint], 0.0) == [hand(0)]
    tracker.update([hand(0)], 0.0)
    assert tracker.kept([faint, replace(faint, box_xyxy=(100, 10, 140, 50))], 0.1) == [faint]
    assert tracker.kept([], 0.1) == []
    assert tracker.kept([faint], LOST_AFTER_S + 1) == []
