"""Train the gesture classifier.

    gesture-train classifier --data CROPS_OR_FRAMES [MORE ...] --output weights/classifier.safetensors
    torchrun --nproc-per-node 4 -m training classifier --data ... (the same options)

Folders are read in any layout that `gesture-train data` knows; `evaluate` reads the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import Subset

from gesture_app.errors import InputError
from gesture_app.vision.classifier import ARCHITECTURE, GestureClassifier, build_classifier
from gesture_app.vision.labels import BACKGROUND, HAGRID_LABELS
from gesture_app.vision.model_info import RIGHT_HAND, ModelInfo, load_model, output_names
from gesture_app.vision.preprocess import GREY
from training import distributed
from training.augment import AugmentationName, GentleTrivialAugment
from training.batch_augment import POOR_CAMERA, BatchAugmentation, RandomChanges
from training.checkpoint import provenance
from training.collection import Picture, known_sides
from training.datasets import CropVariation, HandCrops, collate_crops
from training.draws import balanced_order, class_shares, in_batches, in_order, whole_batches
from training.evaluate import SCORES, evaluate_classifier
from training.options import TrainingConfig, refuse_contradictions
from training.picture_store import PictureStore
from training.run import Epoch, Task, placed
from training.sets import read_parts, require_classes
from training.splits import hold_out

SIDE_WEIGHT = 0.3
"""Of the loss that tells left from right."""
KEPT_BY = {
    BACKGROUND: f"{BACKGROUND} (--background keeps it)",
    RIGHT_HAND: "left and right (--handedness keeps them)",
}
"""Outputs that options add, not names, and what to say where initial weights lose them."""
STORED_SIDES = 8
"""Pictures are shrunk to so many sides of the input: hands in frames must stay large enough."""


@dataclass(frozen=True, kw_only=True)
class ClassifierConfig(TrainingConfig):
    """Train the gesture classifier."""

    data: tuple[Path, ...]
    """Folders in any layout: class folders of hand crops, HaGRID, COCO or YOLO."""
    boxes: Path | None = None
    """JSON of boxes for the frames of a HaGRID layout that have none: uuid -> [{"bbox": [x, y, w, h]}]."""
    splits: Path | None = None
    """Exactly these pictures in these splits: a list that an earlier run wrote as `splits.csv`."""
    fold: int | None = None
    """Validate on one fifth of the people in train, 0 to 4, instead of val: to choose what val must not choose."""
    cache: Path | None = None
    """Folder for the pictures, decoded and shrunk once: faster epochs, about 0.3 MB a picture."""
    labels: tuple[str, ...] = HAGRID_LABELS
    """Class names; folders with other names are skipped, a name without pictures is an error."""
    background: bool = False
    """Learn `background` as well, from folders of that name: boxes without a hand, which the app then leaves out."""
    handedness: bool = False
    """Learn to tell left hands from right ones as well, from the hands whose side is known."""
    output: Path = Path("runs/classifier.safetensors")
    """The best weights by macro-F1 on the validation split; the info file and the run's folder go beside it."""
    init: Path | None = None
    """Start from these weights; classes that they know by name keep their part of the last layer."""
    pretrained: bool = True
    """Start from timm's ImageNet weights if they can be had."""
    size: int = 96
    """Side of the input in pixels."""
    start_size: int = 64
    """Side in the first epoch, `size` at most; it grows to that after half of the epochs."""
    samples: int = 0
    """Crops an epoch; 0 is as many as there are."""
    balance: float = 0.7
    """0 draws crops as they are, 1 draws every class equally often."""
    label_smoothing: float = 0.05
    """Share of every target that is spread over all classes."""
    mixup: float = 0.0
    """Mix pairs of pictures and labels by shares drawn from Beta(mixup, mixup); 0 does not, 0.2 is usual."""
    augmentation: AugmentationName = "standard"
    """How crops are varied: flips, turns, colours (standard), one operation at a time (trivial), or not at all."""

    def task(self, device: torch.device) -> Task:
        """The training that these options describe, see `build`."""
        return build(self, device)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the network's outputs."""
        return output_names(self.labels, self.handedness)


@dataclass(frozen=True)
class ClassifierLoss:
    """The loss of a batch (images (N, 3, H, W), classes (N,), sides (N,)), see `HandCrops`.

    Attributes:
        label_smoothing: share of every target that is spread over all classes.
        mixup: see `ClassifierConfig` (arXiv:1710.09412).
        augmentation: of a whole batch on the device, or nothing.
        teacher: network whose `taught` logits are to be kept, see `keep_loss`; or nothing.
        taught: pairs of an output's number here and in the teacher.
        handedness: the last output is the logit of a right hand.
    """

    label_smoothing: float = 0.0
    mixup: float = 0.0
    augmentation: nn.Module | None = None
    teacher: nn.Module | None = None
    taught: tuple[tuple[int, int], ...] = ()
    handedness: bool = False

    def __call__(self, model: nn.Module, batch: Any) -> dict[str, Tensor]:
        """`loss`, and its parts where there are more than one."""
        device = next(model.parameters()).device
        images, targets, sides = (part.to(device, non_blocking=True) for part in batch)
        if self.augmentation is not None:
            images = self.augmentation(images)
        share = 1.0
        if self.mixup > 0:
            share = float(torch.distributions.Beta(self.mixup, self.mixup).sample())
            images = images.float().mul(share).add(images.flip(0).float(), alpha=1 - share)
        outputs = model(images)
        with torch.autocast(device.type, enabled=False):
            outputs = outputs.float()
            losses = self.parts(outputs, targets, sides)
            if self.mixup > 0:
                others = self.parts(outputs, targets.flip(0), sides.flip(0))
                losses = {name: share * value + (1 - share) * others[name] for name, value in losses.items()}
            if self.teacher is not None and self.taught:
                losses["keep_loss"] = keep_loss(outputs, self.teacher, images, self.taught)
            return {"loss": torch.stack([*losses.values()]).sum(), **(losses if len(losses) > 1 else {})}

    def parts(self, outputs: Tensor, targets: Tensor, sides: Tensor) -> dict[str, Tensor]:
        """The losses of outputs (N, outputs) against classes (N,) and sides (N,)."""
        classes = outputs[:, :-1] if self.handedness else outputs
        found = {"class_loss": F.cross_entropy(classes, targets, label_smoothing=self.label_smoothing)}
        if self.handedness:
            found["side_loss"] = side_loss(outputs[:, -1], sides)
        return found


def side_loss(logits: Tensor, sides: Tensor) -> Tensor:
    """Binary cross-entropy of right hands (N,), weighed, averaged over the known sides: 1 right, -1 left, 0 unknown."""
    known = sides.abs()
    return SIDE_WEIGHT * (F.softplus(-sides * logits) * known).sum() / known.sum().clamp(min=1)


def keep_loss(logits: Tensor, teacher: nn.Module, images: Tensor, taught: tuple[tuple[int, int], ...]) -> Tensor:
    """How far the logits of what has no pictures have moved from what the teacher says of the same pictures.

    Learning without forgetting (arXiv:1606.09282) with logits instead of probabilities, so that a single class such
    as `no_gesture` is kept too.
    """
    own, theirs = (list(numbers) for numbers in zip(*taught, strict=True))
    with torch.no_grad():
        wanted = teacher(images).float()[:, theirs]
    return 0.1 * F.mse_loss(logits[:, own], wanted)


def stages(model: nn.Module) -> list[nn.Module]:
    """The classifier's parts from its input to its output, for rates and freezing."""
    network: Any = model.network
    body = [network.layer1, network.layer2, network.layer3, network.layer4]
    return [nn.ModuleList([network.conv1, network.bn1]), *body, network.fc]


def with_outputs(
    model: GestureClassifier, old: tuple[str, ...], new: tuple[str, ...], alike: Mapping[str, str]
) -> GestureClassifier:
    """The same network with other outputs; those of the same name keep their part of the last layer.

    Args:
        alike: new output -> the old one whose part it begins with.
    """
    changed = GestureClassifier(len(new))
    state, fresh = model.state_dict(), changed.state_dict()
    for name in ("network.fc.weight", "network.fc.bias"):
        rows = fresh[name].clone()
        for number, label in enumerate(new):
            if (like := alike.get(label, label)) in old:
                rows[number] = state[name][old.index(like)]
        state[name] = rows
    changed.load_state_dict(state)
    return changed


def initial_classifier(config: ClassifierConfig, alike: Mapping[str, str] | None = None) -> tuple[nn.Module, str]:
    """The network to train, and one sentence on where its weights come from; `alike` as in `with_outputs`.

    Raises:
        InputError: the initial weights cannot be read.
    """
    if config.init is None:
        return build_classifier(len(config.outputs), config.pretrained)
    network, info = load_model(config.init, "classifier")
    assert isinstance(network, GestureClassifier)
    new = sorted(set(config.outputs) - set(info.outputs))
    gone = [KEPT_BY.get(name, name) for name in info.outputs if name not in config.outputs]
    told = [f"{what} {', '.join(names)}" for what, names in (("new to it are", new), ("it forgets", gone)) if names]
    if config.mirror and not info.mirror:
        told.append("it learnt from no mirror images (--no-mirror keeps to that)")
    start = f"from {config.init.name}{': ' if told else ''}{'; '.join(told)}"
    if info.outputs == config.outputs:
        return network, start
    return with_outputs(network, info.outputs, config.outputs, alike or {}), start


def progressive_side(start: int, end: int, epoch: int, epochs: int) -> int:
    """The input side of an epoch: small, cheap pictures for the first half, the full size for the last fifth.

    Progressive resizing as in fast.ai's recipes and EfficientNetV2 (arXiv:2104.00298, section 4).
    """
    share = min(1.0, max(0.0, epoch / max(1, epochs - 1) - 0.5) / 0.3)
    if share >= 1 or start == end or epoch >= epochs - 1:
        return end
    return min(end, max(16, round((start + (end - start) * share) / 16) * 16))


def read_pictures(config: ClassifierConfig) -> tuple[list[Picture], list[Picture]]:
    """Training and validation pictures.

    Raises:
        InputError: a class has no picture, no side is known though it is to be learnt, or there is nothing to validate
            on.
    """
    training, validation = read_parts(config.data, config.labels, ("train", "val"), config.boxes, config.splits)
    require_classes(training, config.labels)
    unknown = any("" in picture.labels for picture in training)
    if unknown and set(config.labels) - {BACKGROUND} == set(HAGRID_LABELS) and distributed.is_main():
        print("Hands without a known label are not learnt from: name theirs, and all others, with --labels to do so.")
    sides = known_sides(training)
    if config.handedness and not sides:
        raise InputError("no training picture says which side its hand is: add some, or leave --handedness out")
    if config.handedness and not config.mirror and len(sides) == 1:
        why = f"the training pictures say so of {''.join(sides)} hands alone, and --no-mirror makes no others of them"
        raise InputError(f"--handedness: {why}. Add some of the other side, or leave --handedness out")
    if config.fold is not None:
        training, validation = hold_out(training, config.fold)
    if not validation:
        why = "no validation pictures: the best weights could not be told"
        raise InputError(f"{why}. Add some, or hold some out with --fold 0")
    return training, validation


def build_crops(
    config: ClassifierConfig, training: list[Picture], validation: list[Picture]
) -> tuple[HandCrops, HandCrops]:
    """Training and validation crops; most of what varies the former is done with whole batches."""
    store = PictureStore(
        [p.path for p in (*training, *validation)], config.cache, STORED_SIDES * config.size, config.workers
    )
    transform = GentleTrivialAugment(fill=GREY) if config.augmentation == "trivial" else None
    variation = CropVariation(transform, config.mirror) if config.augmentation != "none" else None
    crops = HandCrops(training, config.labels, config.size, variation, store)
    return crops, HandCrops(validation, config.labels, config.size, store=store)


def batch_augmentation(name: AugmentationName) -> nn.Sequential | None:
    """What whole batches of crops go through, on the device: that costs a CPU a third of one crop at a time.

    A turn by much, or a vertical flip, would not keep every HaGRID label. A horizontal flip keeps it but makes a right
    hand of a left one: it is made where the side is known, in `HandCrops`.
    """
    if name == "none":
        return None
    camera = RandomChanges(POOR_CAMERA)
    return nn.Sequential(BatchAugmentation(), camera) if name == "standard" else nn.Sequential(camera)


def build_loss(config: ClassifierConfig, device: torch.device, absent: tuple[str, ...]) -> ClassifierLoss:
    """The loss of a batch, which it varies before; the initial weights teach the outputs that are absent."""
    teacher: nn.Module | None = None
    taught: tuple[tuple[int, int], ...] = ()
    if config.init is not None and absent:
        teacher, info = load_model(config.init, "classifier")
        teacher.requires_grad_(False).to(device)
        taught = tuple((config.outputs.index(n), info.outputs.index(n)) for n in absent if n in info.outputs)
    augmentation = batch_augmentation(config.augmentation)
    if config.compile and device.type == "cuda" and augmentation is not None:
        for part in augmentation.children():
            part.compile(dynamic=False)
    return ClassifierLoss(
        config.label_smoothing,
        config.mixup,
        augmentation,
        teacher,
        taught,
        config.handedness,
    )


def build(
    config: ClassifierConfig,
    device: torch.device,
    pictures: tuple[list[Picture], list[Picture]] | None = None,
    absent: tuple[str, ...] = (),
    alike: Mapping[str, str] | None = None,
) -> Task:
    """The training as a task.

    Args:
        pictures: for training and validation; by default what `config.data` holds.
        absent: outputs without pictures, of which `config.init` is not to be forgotten.
        alike: new outputs that begin like one of `config.init`, see `with_outputs`.

    Raises:
        InputError: the data or the initial weights cannot be used.
    """
    if config.background and BACKGROUND not in config.labels:
        config = replace(config, labels=(*config.labels, BACKGROUND))
    if len(config.labels) == 1:
        raise InputError(f"--labels {config.labels[0]}: a single name tells nothing. Name two gestures or more")
    if config.start_size > config.size and config.start_size != ClassifierConfig.start_size:
        raise InputError(f"--start-size {config.start_size}: it grows to --size {config.size}. Give a smaller one")
    first_side = progressive_side(config.start_size, config.size, 0, config.epochs)
    refuse_contradictions(config, config.labels, first_side)
    torch.manual_seed(config.seed)
    training, validation = pictures or read_pictures(config)
    model, start = initial_classifier(config, alike)
    model = placed(model, device, config, start)
    loss = build_loss(config, device, absent)
    crops, held_out = build_crops(config, training, validation)
    collate = partial(collate_crops, channels_last=config.channels_last)
    batch_size = config.batch_size * distributed.world_size()
    samples = whole_batches(config.samples or len(crops), batch_size)

    def epoch(number: int) -> Epoch:
        crops.size = progressive_side(config.start_size, config.size, number, config.epochs)
        order = balanced_order(crops.targets, config.balance, samples, (config.seed, number))
        return Epoch(crops, in_batches(order, batch_size), loss, f"at {crops.size}", collate)

    def evaluate(averaged: nn.Module, number: int, most: int | None) -> dict[str, Any]:
        held_out.size = progressive_side(config.start_size, config.size, number, config.epochs)
        mine = Subset(held_out, distributed.share(range(len(held_out))[:most]))
        workers = config.workers if most is None else 0
        return evaluate_classifier(averaged, in_order(mine, config.batch_size, workers), config.labels)

    def info(number: int, metrics: dict[str, Any]) -> ModelInfo:
        size = progressive_side(config.start_size, config.size, number - 1, config.epochs)
        trained = provenance(start, number, config.data, training)
        shares = tuple(round(s, 5) for s in class_shares(crops.targets, config.balance, len(config.labels)))
        described = ModelInfo("classifier", ARCHITECTURE, config.labels, (size, size), metrics, trained)
        return replace(described, handedness=config.handedness, shares=shares, mirror=config.mirror)

    score = SCORES["classifier"][0]
    return Task(config, model, stages(model), epoch, evaluate, score, info, (*training, *validation))
