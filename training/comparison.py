"""New weights beside the shipped ones, on the same held-out pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gesture_app.vision.model_info import Kind, ModelInfo, load_model, shipped_weights
from training.collection import Picture
from training.datasets import HandCrops
from training.draws import in_order
from training.evaluate import SCORES, evaluate_classifier
from training.report import Example

EXAMPLES = 40


@dataclass(frozen=True)
class Outcome:
    """One network after training.

    Attributes:
        kind: which network.
        score: the deciding metric, of the new and of the shipped weights.
        metrics: all of the new weights.
    """

    kind: Kind
    score: tuple[float, float]
    metrics: dict[str, Any]

    @property
    def better(self) -> bool:
        """Whether the new weights are better than the shipped ones."""
        return self.score[0] > self.score[1]


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


def shipped_metrics(
    validation: list[Picture], labels: tuple[str, ...], shipped: ModelInfo, device: torch.device
) -> dict[str, Any]:
    """What the shipped classifier reaches on the same hands; names it alone knows count as wrong answers."""
    every = (*labels, *(name for name in shipped.labels if name not in labels))
    columns = [shipped.labels.index(name) if name in shipped.labels else None for name in every]
    model = Reordered(load_model(shipped_weights("classifier"), "classifier")[0], columns).to(device)
    crops = HandCrops(validation, every, shipped.input_hw[0], augment=False)
    return evaluate_classifier(model, in_order(crops, 64), every)


def verdict(outcomes: Sequence[Outcome]) -> str:
    """One sentence."""
    told = [f"{o.kind} {SCORES[o.kind][1]} {o.score[0]:.3f} (shipped {o.score[1]:.3f})" for o in outcomes]
    better = any(outcome.better for outcome in outcomes)
    return f"{'Better' if better else 'Not better'} than the shipped weights: {', '.join(told)}."


@torch.inference_mode()
def examples(weights: Path, validation: list[Picture], device: torch.device) -> list[Example]:
    """Held-out hands with what the new weights say, the wrong ones first, then evenly over the rest."""
    model, info = load_model(weights, "classifier")
    crops = HandCrops(validation, info.labels, info.input_hw[0], augment=False)
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
