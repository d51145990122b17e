"""Which gestures new weights for own pictures know, and what becomes of those that their base knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gesture_app.vision.labels import BACKGROUND, NO_GESTURE
from gesture_app.vision.model_info import RIGHT_HAND
from training.collection import Picture, known_sides, mirror_images

NO_GESTURES = (NO_GESTURE, BACKGROUND)


@dataclass(frozen=True)
class OwnNames:
    """Names of gestures.

    Attributes:
        labels: what the new weights know, in the order of their outputs.
        base: what the base knows.
        alike: own name -> one of the base that it looks like, and replaces; see `look_alikes`.
        shown: what the own pictures show.
    """

    labels: tuple[str, ...]
    base: tuple[str, ...]
    alike: Mapping[str, str]
    shown: frozenset[str]

    @classmethod
    def choose(
        cls, own: tuple[str, ...], base: tuple[str, ...], keep: bool, alike: Mapping[str, str], shown: frozenset[str]
    ) -> OwnNames:
        """All of the base if no own one is new; else the own ones, and with `keep` those of it that none replaces."""
        new = tuple(name for name in own if name not in base)
        if not new:
            return cls(base, base, alike, shown)
        kept = tuple(name for name in base if name not in (*NO_GESTURES, *alike.values()))
        gestures = (*kept, *new) if keep else own
        labels = (*gestures, NO_GESTURE, *(name for name in base if name == BACKGROUND))
        return cls(labels, base, alike, shown)

    def of_known(self, hands: Sequence[Picture]) -> list[Picture]:
        """Hands with names of the base by the new ones: gestures that are not learnt are none.

        What an own name replaces tells nothing, and is left out.
        """
        left = [picture for picture in hands if picture.labels[0] not in self.alike.values()]
        return [p if p.labels[0] in self.labels else replace(p, labels=(NO_GESTURE,)) for p in left]

    def notes_on_look_alikes(self) -> list[str]:
        """What to think of names that are only other ones of known gestures."""
        return [
            f"{name} looks like “{known}”, which the app knows: name the folder so to improve that, or go on to "
            "replace it."
            for name, known in self.alike.items()
        ]

    def notes_on_mirroring(self, before: bool) -> list[str]:
        """Why mirror images of the pictures would show other gestures; nothing if they show the same.

        Args:
            before: whether the base has learnt from mirror images.
        """
        if pairs := ", ".join(map(" and ".join, mirror_images(self.labels))):
            return [f"By their names {pairs} are mirror images of each other: no picture is mirrored (--no-mirror)."]
        return [] if before else ["The model before learnt from no mirror image (--no-mirror), nor does the new one."]

    def notes(self) -> list[str]:
        """What the new weights will and will not know."""
        notes = self.notes_on_look_alikes()
        gone = [name for name in self.base if name not in (*self.labels, *self.alike.values())]
        if gone:
            notes.append(f"The new weights no longer know {', '.join(gone)}; with --keep they do.")
        absent = [name for name in self.labels if name not in (*self.shown, *NO_GESTURES)]
        if absent:
            notes.append(
                f"Without pictures of {', '.join(absent)}, what the model before says of them is kept as far as "
                "possible."
            )
        if NO_GESTURE not in self.shown:
            notes.append(
                "Without pictures of no_gesture, what the model before calls so is kept. A folder no_gesture with 20 "
                "pictures of hands that show nothing makes the new weights surer."
            )
        return notes


def absent_outputs(outputs: Sequence[str], pictures: Sequence[Picture]) -> tuple[str, ...]:
    """The outputs of which no picture tells anything."""
    present = {name for picture in pictures for name in picture.labels}
    if known_sides(pictures):
        present.add(RIGHT_HAND)
    return tuple(name for name in outputs if name not in present)
