"""New weights beside the base, from which they were trained, on the same held-out pictures of the names that both know.

Of names that the base does not know, the new ones must name clearly more hands right than chance would.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gesture_app.vision.labels import BACKGROUND, NO_GESTURE
from gesture_app.vision.model_info import Kind, load_info, load_model
from training.collection import Picture
from training.datasets import HandCrops
from training.draws import in_order
from training.evaluate import SCORES, evaluate_classifier, f1_scores
from training.report import Example

EXAMPLES = 40
LITTLE = 0.05
"""What new names may cost in macro-F1 of the others: of few pictures one is more."""
ALIKE = 0.8
"""A new name looks like a gesture that the base sees in so many of its hands."""
LOOKED_AT = 400
"""Hands are enough to tell that."""
KEPT = 0.9
"""So many of the demo clip's hands must be named as before: own pictures show no others, so they cannot tell."""


@dataclass(frozen=True)
class Outcome:
    """One network after training.

    Attributes:
        kind: which network.
        score: the deciding metric, of the new weights and of the base on the names that both know; None of the latter
            where there are none.
        metrics: all of the new weights.
        new: the held-out names that the base does not know.
        kept: share of the demo clip's hands that are named as by the base, see `kept_names`; None where that is not
            known.
    """

    kind: Kind
    score: tuple[float, float | None]
    metrics: dict[str, Any]
    new: tuple[str, ...] = ()
    kept: float | None = None

    @property
    def better(self) -> bool:
        """Whether the new weights are better than the base on what both know.

        With new names they may be a little worse there (`LITTLE`), and these must be named right at least half of the
        way from chance to always, each by itself at least a quarter of it. Other hands must be named as before.
        """
        ours, base = self.score
        if self.forgets:
            return False
        if not self.new:
            return base is not None and ours > base
        learnt = self.named >= self.needed and min(self.recalls.values()) >= self.needed_each
        return learnt and (base is None or ours >= base - LITTLE)

    @property
    def as_good(self) -> bool:
        """Whether there is no difference to the base, which knows all names."""
        return not self.new and not self.forgets and self.score[0] == self.score[1]

    @property
    def forgets(self) -> bool:
        """Whether hands that the own pictures do not show are no longer named as before."""
        return self.kept is not None and self.kept < KEPT

    @property
    def recalls(self) -> dict[str, float]:
        """Of every new name the share of its hands that are named right."""
        return {name: self.metrics["per_class"][name]["recall"] for name in self.new}

    @property
    def named(self) -> float:
        """The mean of them."""
        return float(np.mean([*self.recalls.values()]))

    @property
    def weak(self) -> dict[str, float]:
        """Those below what is needed of the mean: that it is reached must not hide them."""
        return {name: recall for name, recall in self.recalls.items() if recall < self.needed}

    @property
    def chance(self) -> float:
        """The share of them that would be right by chance, among the names that are held out."""
        return 1 / max(2, len(self.metrics["per_class"]))

    @property
    def needed(self) -> float:
        """The share of them from which it is no chance."""
        return (1 + self.chance) / 2

    @property
    def needed_each(self) -> float:
        """The same of a single name, whose held-out hands may be three."""
        return (1 + 3 * self.chance) / 4

    @property
    def figures(self) -> dict[str, Any]:
        """What other programs are told of it, see `retrain`."""
        name, (ours, base) = SCORES[self.kind][0], self.score
        named = {"named": self.named, "needed": self.needed, "weak": self.weak} if self.new else {}
        kept = {} if self.kept is None else {"kept": self.kept, "forgets": self.forgets}
        return {name: ours, **named, **kept, **({} if base is None else {f"before_{name}": base})}

    def __str__(self) -> str:
        ours, base = self.score
        beside = "the model before knows none of these gestures" if base is None else f"before {base:.3f}"
        told = f"{self.kind} {SCORES[self.kind][1]} {ours:.3f} ({beside})"
        if self.new:
            told += (
                f", {', '.join(self.new)} named right {self.named:.3f} (by chance {self.chance:.3f}, "
                f"needed {self.needed:.3f})"
            )
        if self.weak and len(self.new) > 1:
            weak = ", ".join(f"{name} {recall:.3f}" for name, recall in self.weak.items())
            told += f", of these {weak} (each needed {self.needed_each:.3f})"
        if self.kept is not None:
            told += f", hands of the demo clip named as before {self.kept:.3f} (needed {KEPT:.3f})"
        return told


class Reordered(nn.Module):
    """A classifier whose outputs are put in another order; what it does not know is never named."""

    def __init__(self, model: nn.Module, columns: Sequence[int | None]) -> None:
        super().__init__()
        self.model, self.columns = model, columns

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, columns)."""
        logits: Tensor = self.model(images)
        unknown = torch.full_like(logits[:, :1], -1e4)
        return torch.cat([unknown if c is None else logits[:, c : c + 1] for c in self.columns], dim=1)


def compare_classifiers(
    validation: list[Picture],
    labels: tuple[str, ...],
    metrics: dict[str, Any],
    base: Path,
    device: torch.device,
    kept: float | None = None,
) -> Outcome:
    """The new classifier of these labels beside the base, on the hands whose names both know.

    Args:
        metrics: of the new one, see `evaluate_classifier`, on the same pictures.
        base: weights of a classifier.
        kept: see `Outcome`.
    """
    known = load_info(base).labels
    common = [name for name in metrics["per_class"] if name in known]
    new = tuple(name for name in metrics["per_class"] if name not in known)
    if not common:
        return Outcome("classifier", (metrics["macro_f1"], None), metrics, new, kept)
    every, confusion = confusion_of(base, validation, labels, device)
    score = macro_f1(metrics["confusion"], labels, common), macro_f1(confusion, every, common)
    return Outcome("classifier", score, metrics, new, kept)


def look_alikes(pictures: Sequence[Picture], labels: Sequence[str], base: Path, device: torch.device) -> dict[str, str]:
    """Labels that are only other names of gestures which the base knows: label -> that gesture.

    A gesture of which there are pictures as well is none: then both are meant.
    """
    known_before = load_info(base).labels
    new = tuple(name for name in labels if name not in known_before)
    theirs = [picture for picture in pictures if not set(new).isdisjoint(picture.labels)]
    if not theirs:
        return {}
    present = {name for picture in pictures for name in picture.labels}
    every, confusion = confusion_of(base, theirs[:: 1 + len(theirs) // LOOKED_AT], new, device)
    found = {}
    for name, counts in zip(new, confusion[: len(new)], strict=True):
        known = every[int(np.argmax(counts))]
        if max(counts) >= ALIKE * max(1, sum(counts)) and known not in {NO_GESTURE, BACKGROUND, *present}:
            found[name] = known
    return found


def kept_names(pictures: Sequence[Picture], weights: Path, device: torch.device) -> float | None:
    """How many hands a classifier names as labelled: the share of all, or the mean over the names; None without any.

    The lesser of the two: a lost name weighs much in the one where it is frequent, in the other where it is rare.
    """
    model, info = load_model(weights, "classifier")
    crops = HandCrops(pictures, info.labels, info.input_hw[0])
    if not len(crops):
        return None
    found = evaluate_classifier(model.to(device), in_order(crops, 64), info.labels)
    return float(min(found["top1"], np.mean([figures["recall"] for figures in found["per_class"].values()])))


def macro_f1(confusion: list[list[int]], labels: Sequence[str], names: Sequence[str]) -> float:
    """The mean F1 over some names, on their hands alone."""
    counts = torch.tensor(confusion)
    counts[[name not in names for name in labels]] = 0
    return float(f1_scores(counts)[counts.sum(dim=1) > 0].mean())


def confusion_of(
    weights: Path, pictures: list[Picture], labels: tuple[str, ...], device: torch.device
) -> tuple[tuple[str, ...], list[list[int]]]:
    """What a classifier says of hands with other labels than its own: the names, and its confusion; names that it alone
    knows come last, and are wrong answers."""
    model, info = load_model(weights, "classifier")
    every = (*labels, *(name for name in info.labels if name not in labels))
    columns = [info.labels.index(name) if name in info.labels else None for name in every]
    crops = HandCrops(pictures, every, info.input_hw[0])
    return every, evaluate_classifier(Reordered(model, columns).to(device), in_order(crops, 64), every)["confusion"]


def verdict(outcomes: Sequence[Outcome]) -> str:
    """One sentence."""
    compared = any(outcome.score[1] is not None for outcome in outcomes)
    better = "Better" if any(outcome.better for outcome in outcomes) else "Not better"
    told = f"{better} than {'the model before' if compared else 'chance'}"
    if all(outcome.as_good for outcome in outcomes):
        told = "As good as the model before"
        if any(outcome.kind == "classifier" and outcome.score[0] == 1 for outcome in outcomes):
            told += ", which names all held-out pictures right"
    return f"{told}: {'; '.join(map(str, outcomes))}."


@torch.inference_mode()
def examples(weights: Path, validation: list[Picture], device: torch.device) -> list[Example]:
    """Held-out hands with what the new weights say, the wrong ones first, then evenly over the rest."""
    model, info = load_model(weights, "classifier")
    crops = HandCrops(validation, info.labels, info.input_hw[0])
    step = max(1, len(crops) // 400)
    found = []
    for number in range(0, len(crops), step):
        image, target, _ = crops[number]
        odds = model.to(device)(image[None].to(device))[0, : len(info.labels)].softmax(dim=0).cpu()
        named = int(odds.argmax())
        pixels = np.ascontiguousarray(image.permute(1, 2, 0).numpy())
        found.append(Example(pixels, info.labels[target], info.labels[named], float(odds[named])))
    wrong = [e for e in found if e.named != e.truth][: EXAMPLES // 2]
    right = [e for e in found if e.named == e.truth]
    return [*wrong, *right[:: max(1, len(right) // (EXAMPLES - len(wrong)))]][:EXAMPLES]
