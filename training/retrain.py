"""Train weights further, by default the shipped ones, on a person's own pictures, and install what is better.

    gesture-train retrain --data MY_GESTURES

MY_GESTURES holds a folder of pictures for each gesture, named like it: hand crops, or whole pictures of a person. Any
other layout with labels will do too; if its boxes were drawn by people, the detector is trained as well.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gesture_app.errors import InputError
from gesture_app.vision.assets import models_folder, shipped_folder
from gesture_app.vision.atomic import require_place
from gesture_app.vision.labels import BACKGROUND, NO_GESTURE
from gesture_app.vision.model_folders import RETRAINED, copy_networks, weights_path
from gesture_app.vision.model_info import KINDS, RIGHT_HAND, DeviceName, Kind, load_info, load_model, output_names
from gesture_app.vision.recognizer import Recognizer
from gesture_app.vision.runtimes import choose_device
from training import train_classifier, train_detector
from training.checkpoint import RunFolder
from training.collection import Picture, known_sides
from training.comparison import Outcome, compare_classifiers, examples, kept_names, look_alikes, verdict
from training.datasets import HandFrames
from training.evaluate import SCORES, evaluate_detector
from training.fit import fit
from training.own_names import OwnNames, absent_outputs
from training.own_pictures import OwnPictures, demo_hands, read_own
from training.plots import confusion_matrix
from training.report import Comparison, Report, write_report
from training.resume import OtherRun
from training.run import Task
from training.signals import StopSignal
from training.train_classifier import ClassifierConfig
from training.train_detector import DetectorConfig

Tell = Callable[[dict[str, Any]], None]
OnEpoch = Callable[[dict[str, float]], None]

SMALL = 3000
"""Hands; with fewer the recipe is that for few pictures."""
ASKED_FOR = {"data", "epochs", "labels", "mirror", "seed"}
"""Options of a training that the command decides; the rest is the recipe, which another version has another one of."""
FEWEST_FRAMES, FEWEST_HELD = 30, 5
"""Frames with boxes, and held-out ones among them, that it takes to train the detector."""


@dataclass(frozen=True, kw_only=True)
class RetrainConfig:
    """Train weights further on your own pictures: a folder for each gesture."""

    data: Path
    """Folder of folders of pictures, named like the gestures; hand crops or whole pictures, 20 or more of each."""
    output: Path = Path("runs/retrained")
    """Folder for the new weights, the report and the run, which the same command goes on with after an interruption."""
    base: Path | None = None
    """Folder of the two networks that are trained further, compared with and perhaps kept; the shipped ones by
    default."""
    keep: bool = False
    """Keep the gestures of the base beside new ones; if no name is new they are kept anyway."""
    mirror: bool = True
    """Learn from mirror images too; not where that of a gesture is another one, as of point_left and point_right, which
    is seen by such names."""
    install: bool = True
    """Make the new weights the app's own if they are better on the gestures that the base knows too, and name new
    ones right at least half of the way from chance to always."""
    force: bool = False
    """Install them even if they are not better."""
    progress_json: bool = False
    """Tell how it goes as JSON lines on the standard output, everything else on the standard error."""
    epochs: int = 0
    """0 chooses by the number of pictures."""
    device: DeviceName = "auto"
    """auto, cpu or cuda; auto is a GPU where there is one."""
    workers: int = 2
    """Processes that read pictures; 0 reads them in this one."""
    seed: int = 0
    """Of everything that is drawn by chance."""

    def base_weights(self, kind: Kind) -> Path:
        """The weights of the base."""
        return weights_path(self.base or shipped_folder(), kind)


def retrain(config: RetrainConfig) -> dict[str, Any]:
    """Train, compare, report, install.

    Returns:
        `better`, `as_good` (whether there is no difference), `improved` (the networks that are better), `installed`
        (whether any is), `report`, and on the gestures that the base knows too `macro_f1` and `before_macro_f1`;
        without any the former alone, on all. Of new gestures `named`, the share that is named right, `needed`, and
        `weak`, each that is named right less often, with its share. `kept`, the share of the demo clip's hands that are
        named as before, and `forgets`, whether that is too few. For the detector `ap50` and `before_ap50`.

    Raises:
        InputError: the data cannot be used.
        EnvironmentFault: the results cannot be written.
    """
    with ExitStack() as stack:
        stop = stack.enter_context(StopSignal())
        if not config.progress_json:
            return run(config, lambda line: None, stop)
        stream = sys.stdout
        stack.enter_context(redirect_stdout(sys.stderr))
        return run(config, lambda line: print(json.dumps(line), file=stream, flush=True), stop)


def run(config: RetrainConfig, tell: Tell, stop: StopSignal) -> dict[str, Any]:
    """The whole of it; `tell` receives the progress."""
    if config.base is not None and config.base.resolve() == config.output.resolve():
        raise InputError(f"--output {config.output}: is --base, with which the new weights are compared. Name another")
    if config.output.resolve().is_relative_to(config.data.resolve()):
        why = "lies in --data, where the next run would take its pictures for those of a gesture"
        raise InputError(f"--output {config.output}: {why}. Name a folder elsewhere")
    report = config.output / "report.html"
    require_place(report, "--output")
    device = choose_device(config.device)
    # In PyTorch, which trains afterwards in any case: an export would take longer than it saves.
    recognizer = Recognizer.load(config.base, config.device, runtime="torch")
    base = recognizer.classifier_info
    if (classes := recognizer.detector_info.labels) != train_detector.HAND:
        raise InputError(f"--base {config.base}: its detector tells {', '.join(classes)}. One of hands alone is needed")

    def on_look(looked_at: int, pictures: int) -> None:
        tell({"looked_at": looked_at, "pictures": pictures})

    own = read_own(config.data, base.labels, recognizer, config.output, on_look)
    alike = look_alikes(own.training, own.labels, config.base_weights("classifier"), device)
    shown = frozenset(name for picture in own.training for name in picture.labels)
    names = OwnNames.choose(own.labels, base.labels, config.keep, alike, shown)
    unmirrored = names.notes_on_mirroring(base.mirror) if config.mirror else []
    config = replace(config, mirror=config.mirror and not unmirrored)
    notes = [*own.notes, *names.notes(), *unmirrored]
    for note in notes:
        print(note)
    if said := [*own.bad, *names.notes_on_look_alikes(), *unmirrored]:
        tell({"notes": said})
    demo = names.of_known(demo_hands(config.output / "demo", recognizer))
    outcomes = [train_hands(config, own, demo, names, tell, stop)]
    training = [p for p in own.frames if p.split == "train"]
    held = [p for p in own.frames if p.split != "train"]
    if len(own.frames) >= FEWEST_FRAMES and len(held) >= FEWEST_HELD:
        outcomes.append(train_frames(config, (training, held), device, tell, stop))
    improved = [outcome.kind for outcome in outcomes if outcome.better]
    write_report(report, build_report(config, own, names.labels, notes, outcomes, device))
    wanted = config.install and (bool(improved) or config.force)
    installed = install(config, outcomes) if wanted else None
    as_good = all(outcome.as_good for outcome in outcomes)
    result: dict[str, Any] = {"done": True, "better": bool(improved), "as_good": as_good, "improved": improved}
    result |= {"report": str(report), "installed": installed is not None}
    for outcome in outcomes:
        result |= outcome.figures
    tell(result)
    print(verdict(outcomes))
    print(f"report: {report}")
    why = "--force installs anyway" if config.install else "--no-install was given"
    used = f"{installed}: annotate and benchmark use it until the folder is deleted, the window offers it as a model"
    print(f"installed: {used if installed is not None else f'nothing; {why}'}")
    return result


def recipe(hands: int, epochs: int, kept: Sequence[str] = ()) -> dict[str, Any]:
    """Options of the classifier for so many hands: the last layer first, then all, the early ones slowly.

    Args:
        kept: gestures that are to be kept without pictures. Then the last layer alone learns: what the others make of
            hands that no picture shows would change unseen.
    """
    usual = {
        "learning_rate": 1e-3,
        "early_rate": 0.1,
        "freeze_norm": True,
        "balance": 0.9,
        "batch_size": 32,
        "label_smoothing": 0.0,  # among few classes it gives `background` more than `least_hand` leaves
    }
    head = {"freeze": "backbone", "freeze_epochs": 0, "early_rate": 1.0, "learning_rate": 3e-3} if kept else {}
    if hands < SMALL:
        samples = int(np.clip(3 * hands, 256, SMALL))
        return {**usual, "epochs": epochs or 14, "freeze_epochs": 4, "samples": samples, "ema_decay": 0.98, **head}
    return {**usual, "epochs": epochs or 8, "freeze_epochs": 1, "batch_size": 64, "learning_rate": 5e-4, **head}


def shared(config: RetrainConfig) -> dict[str, Any]:
    """Options that both networks get."""
    names = ("device", "workers", "seed")
    return {"data": (config.data,), "resume": True, **{name: getattr(config, name) for name in names}}


def reporter(tell: Tell, stage: Kind, epochs: int) -> OnEpoch:
    """Tells the figures of every epoch."""

    def on_epoch(row: dict[str, float]) -> None:
        shown: dict[str, Any] = {name: row[name] for name in ("loss", SCORES[stage][0]) if name in row}
        tell({"epoch": int(row["epoch"]), "epochs": epochs, "stage": stage, **shown})

    return on_epoch


def train_anew(task: Task, on_epoch: OnEpoch, stop: StopSignal) -> dict[str, Any]:
    """Go on with an interrupted training; one that is finished, of other pictures, or of a recipe that this version no
    longer has, makes room for another one.

    Raises:
        InputError: the command asks for something else than the one that was interrupted.
    """
    try:
        return fit(task, on_epoch, stop)
    except OtherRun as error:
        if not (error.finished or "pictures" in error.changed) and error.changed & ASKED_FOR:
            raise
        print("The pictures or the options have changed: training begins anew.")
        RunFolder(task.config.output).forget()
        return fit(task, on_epoch, stop)


def train_hands(
    config: RetrainConfig,
    own: OwnPictures,
    demo: Sequence[Picture],
    names: OwnNames,
    tell: Tell,
    stop: StopSignal,
) -> Outcome:
    """Train the classifier and measure it beside the base.

    Args:
        demo: hands of which those of names without own pictures are trained on as well, by the names to learn.
    """
    weights, device = config.base_weights("classifier"), choose_device(config.device)
    base = load_info(weights)
    size = base.input_hw[0]
    pictures = own.training
    if not config.mirror and len(known_sides(pictures)) == 1:  # of one side alone none can be learnt: the base's stays
        pictures = [replace(picture, sides=()) for picture in pictures]
    absent = absent_outputs(output_names(names.labels, base.handedness), pictures)
    lacking = {*absent, NO_GESTURE}
    training = [*pictures, *(p for p in demo if p.split == "train" and p.labels[0] in lacking)]
    hands = sum(len(p.labels) for p in training)
    options = ClassifierConfig(
        **shared(config),
        **recipe(hands, config.epochs, [name for name in absent if name not in (NO_GESTURE, BACKGROUND, RIGHT_HAND)]),
        labels=names.labels,
        handedness=base.handedness,
        mirror=config.mirror,
        output=weights_path(config.output, "classifier"),
        init=weights,
        size=size,
        start_size=size,
    )
    task = train_classifier.build(options, device, (training, own.validation), absent, names.alike)
    metrics = train_anew(task, reporter(tell, "classifier", options.epochs), stop)
    kept = kept_names([p for p in demo if p.split != "train"], options.output, device)
    return compare_classifiers(own.validation, names.labels, metrics, weights, device, kept)


def train_frames(
    config: RetrainConfig,
    frames: tuple[list[Picture], list[Picture]],
    device: torch.device,
    tell: Tell,
    stop: StopSignal,
) -> Outcome:
    """Train the detector and measure it beside the base."""
    weights = config.base_weights("detector")
    base = load_info(weights)
    options = DetectorConfig(
        **shared(config),
        output=weights_path(config.output, "detector"),
        init=weights,
        yolox=base.architecture.removeprefix("yolox-"),
        input_hw=base.input_hw,
        epochs=config.epochs or int(np.clip(2000 // len(frames[0]), 4, 20)),
        whole_epochs=1,
        learning_rate=2e-4,
        early_rate=0.3,
        freeze_norm=True,
    )
    task = train_detector.build(options, device, frames)
    metrics = train_anew(task, reporter(tell, "detector", options.epochs), stop)
    model = load_model(weights, "detector")[0].to(device)
    before = evaluate_detector(model, HandFrames(frames[1], ("hand",), base.input_hw))
    return Outcome("detector", (metrics[task.score], before[task.score]), metrics)


def build_report(
    config: RetrainConfig,
    own: OwnPictures,
    labels: tuple[str, ...],
    notes: Sequence[str],
    outcomes: Sequence[Outcome],
    device: torch.device,
) -> Report:
    """What the page tells."""
    train, val = (Counter(n for p in part for n in p.labels) for part in (own.training, own.validation))
    right = {name: figures["recall"] for name, figures in outcomes[0].metrics["per_class"].items()}
    comparisons, pictures = [], {}
    for outcome in outcomes:
        what = "gestures" if outcome.kind == "classifier" else "hands"
        if outcome.new and outcome.score[1] is not None:
            what = "gestures that both know"
        comparisons.append(Comparison(f"{what}: {SCORES[outcome.kind][1]}", *outcome.score))
        pictures[f"Curves of the {outcome.kind}"] = (config.output / outcome.kind / "curves.png").read_bytes()
    if new := outcomes[0].new:
        comparisons.append(Comparison(f"{', '.join(new)}: named right", outcomes[0].named, None))
    comparisons.append(Comparison("all gestures: right at first", outcomes[0].metrics["top1"], None))
    if outcomes[0].kept is not None:
        comparisons.append(Comparison("hands of the demo clip: named as before", outcomes[0].kept, None))
    pictures["Which gesture is taken for which"] = confusion_matrix(outcomes[0].metrics["confusion"], labels)
    own_measure = "The epoch was chosen on these same pictures, and they are few: expect somewhat less in use."
    return Report(
        f"Trained on {config.data.absolute().name}",
        verdict(outcomes),
        comparisons,
        {name: (train[name], val[name], right.get(name)) for name in labels if train[name] or val[name]},
        [own_measure, *notes],
        pictures,
        examples(weights_path(config.output, "classifier"), own.validation, device),
        load_info(weights_path(config.output, "classifier")).trained["versions"],
    )


def install(config: RetrainConfig, outcomes: Sequence[Outcome]) -> Path:
    """Put the networks that are better, all of them with `force`, and the base's others where the app looks first.

    Returns:
        The folder.

    Raises:
        EnvironmentFault: it cannot be written.
    """
    new = {outcome.kind for outcome in outcomes if outcome.better or config.force}
    target = models_folder() / RETRAINED
    sources = [weights_path(config.output, kind) if kind in new else config.base_weights(kind) for kind in KINDS]
    copy_networks(sources, target)
    return target
