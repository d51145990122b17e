from __future__ import annotations

from pathlib import Path

import pytest

from training.collection import Picture
from training.own_names import OwnNames, absent_outputs

SHIPPED = ("like", "fist", "no_gesture")


def chosen(*own: str, keep: bool = False, alike: dict[str, str] | None = None, shipped=SHIPPED) -> OwnNames:
    return OwnNames.choose(own, shipped, keep, alike or {}, frozenset(own))


@pytest.mark.parametrize(
    ("own", "keep", "alike", "expected"),
    [
        (("like",), False, {}, SHIPPED),
        (("like", "vulcan"), False, {}, ("like", "vulcan", "no_gesture")),
        (("like", "vulcan"), True, {}, ("like", "fist", "vulcan", "no_gesture")),
        (("a", "b"), False, {}, ("a", "b", "no_gesture")),
        (("a", "thumb"), True, {"thumb": "like"}, ("fist", "a", "thumb", "no_gesture")),
        (("thumb",), False, {"thumb": "like"}, ("thumb", "no_gesture")),
    ],
)
def test_labels(own, keep, alike, expected) -> None:
    assert chosen(*own, keep=keep, alike=alike).labels == expected


def test_background_stays_known() -> None:
    shipped = (*SHIPPED, "background")
    assert chosen("like", shipped=shipped).labels == shipped
    assert chosen("a", shipped=shipped).labels == ("a", "no_gesture", "background")
    assert chosen("a", keep=True, shipped=shipped).labels == ("like", "fist", "a", "no_gesture", "background")
    assert "background" not in " ".join(chosen("like", shipped=shipped).notes())


def test_notes_say_what_is_lost_and_kept() -> None:
    notes = " ".join(OwnNames(("like", "vulcan", "no_gesture"), SHIPPED, {}, frozenset({"vulcan"})).notes())
    assert "no longer know fist" in notes and "Without pictures of like" in notes and "folder no_gesture" in notes
    assert chosen(*SHIPPED).notes() == []


def test_names_that_are_kept_and_replaced_are_told() -> None:
    told = " ".join(chosen("thumb", keep=True, alike={"thumb": "like"}).notes())
    assert "thumb looks like “like”, which the app knows" in told and "no longer know" not in told


def test_known_gestures_are_none_to_weights_that_do_not_know_them() -> None:
    hands = [Picture(Path(f"{name}.png"), ((0, 0, 1, 1),), (name,), "train") for name in SHIPPED]
    shown = chosen("thumbs", keep=True, alike={"thumbs": "like"}).of_known(hands)
    assert [picture.labels[0] for picture in shown] == ["fist", "no_gesture"]
    assert [picture.labels[0] for picture in chosen("wave").of_known(hands)] == ["no_gesture"] * 3
    assert chosen("wave").of_known([]) == []


PAIR = "By their names {} are mirror images of each other"


@pytest.mark.parametrize(
    ("own", "before", "told"),
    [
        (("like", "wave"), True, ""),
        (("like", "wave"), False, "The model before learnt from no mirror image"),
        (("point_left", "point_right"), True, PAIR.format("point_left and point_right")),
        (("point_left", "point_right"), False, PAIR.format("point_left and point_right")),
        (("point_left", "swipe_right"), True, ""),
    ],
)
def test_gestures_that_are_others_in_the_mirror_are_told(own, before, told) -> None:
    notes = chosen(*own).notes_on_mirroring(before)
    assert len(notes) == bool(told) and told in "".join(notes)


@pytest.mark.parametrize(
    ("labels", "sides", "absent"),
    [
        ((), (), ("like", "fist", "(right hand)")),
        (("like", ""), (), ("fist", "(right hand)")),
        (("like", "fist"), ("left", ""), ()),
        (("like", "fist"), ("", ""), ("(right hand)",)),
    ],
)
def test_outputs_of_which_no_picture_tells(labels, sides, absent) -> None:
    picture = Picture(Path("a.jpg"), ((0, 0, 1, 1),) * len(labels), labels, "train", sides=sides)
    assert absent_outputs(("like", "fist", "(right hand)"), [picture]) == absent
    assert absent_outputs(("like",), []) == ("like",)
