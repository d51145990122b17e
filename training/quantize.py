"""Calibrate eight-bit networks on training pictures, and keep them only where they are as good as the original."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn
from tqdm import tqdm

from gesture_app.errors import EnvironmentFault, InputError
from gesture_app.vision.assets import shipped_folder
from gesture_app.vision.boxes import iou_matrix
from gesture_app.vision.hands import Hand, Image
from gesture_app.vision.images import read_image
from gesture_app.vision.model_folders import quantization_path, weights_path
from gesture_app.vision.model_info import KINDS, Kind, ModelInfo, load_info
from gesture_app.vision.openvino_runtime import OpenVinoNetwork, import_openvino, load_openvino
from gesture_app.vision.preprocess import fitted_hw, letterbox
from gesture_app.vision.quantization import Input, Quantization, Rounding, graph_sha256, nodes_of, save_quantization
from gesture_app.vision.recognizer import Recognizer
from gesture_app.vision.runtimes import Network
from training.collection import Picture
from training.datasets import HandCrops, HandFrames
from training.draws import in_order
from training.evaluate import SCORES, evaluate_classifier, evaluate_detector
from training.sets import read_parts

MOST_LOST = 0.003
"""The most that macro-F1 or AP50 may lose."""
SAME_HAND_IOU = 0.5
LAST_LAYERS = ".*_preds.*"
"""The detector's last layers stay in float: they are small, and boxes are placed by them."""


@dataclass(frozen=True)
class QuantizeConfig:
    """Make eight-bit networks, which are about twice as fast on a CPU; they are used from then on.

    The detector is calibrated if `--frames` are given, the classifier if `--crops` are. A network that loses more than
    0.3 points of AP50 or macro-F1 is refused. Needs NNCF: `pip install nncf`.
    """

    frames: tuple[Path, ...] = ()
    """Boxed frames: the detector is calibrated on the split `train`, and compared on `val` and on what is left."""
    crops: tuple[Path, ...] = ()
    """Hand crops or boxed hands: the classifier is calibrated on the split `train`, and compared on `val`."""
    weights: Path | None = None
    """Folder of both networks; the shipped weights by default."""
    output: Path | None = None
    """Folder for `detector.int8.safetensors` and `classifier.int8.safetensors`; that of the weights by default."""
    calibration_frames: int = 200
    """Calibrate the detector on so many frames at most."""
    calibration_crops: int = 300
    """Calibrate the classifier on so many crops at most."""
    compared_frames: int = 400
    """Compare on so many frames at most."""
    compared_crops: int = 6000
    """Compare on so many crops at most."""
    seed: int = 0
    """Of the choice among them."""


@dataclass(frozen=True)
class Candidate:
    """A network in eight bits beside the original, with the metric that decides.

    Attributes:
        plain, rounded: both of them, ready to run.
        quantization: what is measured with it is `METRIC_f32` and `METRIC_int8`.
        lost: how much smaller the metric is in eight bits.
    """

    info: ModelInfo
    plain: Network
    rounded: Network
    quantization: Quantization
    lost: float

    @property
    def kind(self) -> Kind:
        """Which network it is."""
        return self.info.kind


def quantize(config: QuantizeConfig) -> dict[str, Any]:
    """Calibrate, compare, and write what is good enough.

    Returns:
        `detector`, `classifier`: what was measured; `agreement`, see `label_agreement`, where there are frames.

    Raises:
        InputError: the pictures or the weights cannot be used, or a network loses too much.
        EnvironmentFault: NNCF is not installed, or the results cannot be written.
    """
    if not config.frames and not config.crops:
        raise InputError("nothing to calibrate on: give --frames for the detector, --crops for the classifier, or both")
    import_nncf()
    folder = config.weights or shipped_folder()
    rng = np.random.default_rng(config.seed)
    candidates: list[Candidate] = []
    compared: list[Picture] = []
    if config.frames:
        detector, compared = calibrate_detector(weights_path(folder, "detector"), config, rng)
        candidates.append(detector)
    if config.crops:
        candidates.append(calibrate_classifier(weights_path(folder, "classifier"), config, rng))
    results: dict[str, Any] = {candidate.kind: candidate.quantization.measured for candidate in candidates}
    if compared:
        results["agreement"] = label_agreement(*both_recognizers(folder, candidates), compared)
    for candidate in candidates:
        measured = candidate.quantization.measured.items()
        print(candidate.kind, *(f"{name} {value:.4f}" for name, value in measured), sep=", ")
    if "agreement" in results:
        print(f"the same hands and names end to end: {results['agreement']:.2%}")
    together = {"agreement": results["agreement"]} if "agreement" in results else {}
    for candidate in candidates:
        if candidate.lost <= MOST_LOST:
            path = quantization_path(weights_path(config.output or folder, candidate.kind))
            quantization = candidate.quantization
            save_quantization(path, replace(quantization, measured={**quantization.measured, **together}))
            print(f"eight bits: {path}")
    refused = [f"the {c.kind} loses {c.lost * 100:.2f} points" for c in candidates if c.lost > MOST_LOST]
    if refused:
        raise InputError(f"{folder}: {', '.join(refused)} in eight bits, at most 0.3 are allowed: it stays as it is")
    return results


def calibrate_detector(
    weights: Path, config: QuantizeConfig, rng: np.random.Generator
) -> tuple[Candidate, list[Picture]]:
    """The detector in eight bits, and the pictures that it was compared on.

    Raises:
        InputError: see `quantize`.
    """
    info = load_info(weights)
    train, held = read_parts(config.frames, None, ("train", "val"))
    train = shuffled([p for p in train if not p.is_crop], rng)
    rest = held + train[config.calibration_frames :]
    compared = [p for p in rest if p.true_boxes and not p.is_crop][: config.compared_frames]
    frames = HandFrames(train[: config.calibration_frames], info.labels, info.input_hw)

    def network_input(item: int) -> Image:
        image = frames.read(item)[0]
        return letterbox(image, fitted_hw((image.shape[0], image.shape[1]), info.input_hw))[0][None]

    held_out = HandFrames(compared, info.labels, info.input_hw)

    def measure(network: Network) -> dict[str, Any]:
        return evaluate_detector(AsModule(network), held_out, batch_size=1)  # every other size is compiled anew

    return make_candidate(weights, "detector", [network_input(i) for i in range(len(frames))], measure), compared


def calibrate_classifier(weights: Path, config: QuantizeConfig, rng: np.random.Generator) -> Candidate:
    """The classifier in eight bits.

    Raises:
        InputError: see `quantize`.
    """
    info = load_info(weights)
    train, held = read_parts(config.crops, info.labels, ("train", "val"))
    train = shuffled([p for p in train if any(p.labels)], rng)
    compared = shuffled(held, rng)[: config.compared_crops]
    crops = HandCrops(train[: config.calibration_crops], info.labels, info.input_hw[0])
    batches = [crops[item][0].permute(1, 2, 0)[None].numpy() for item in range(min(len(crops), len(train)))]
    held_out = HandCrops(compared, info.labels, info.input_hw[0])

    def measure(network: Network) -> dict[str, Any]:
        return evaluate_classifier(AsModule(network), in_order(held_out, 8), info.labels)

    return make_candidate(weights, "classifier", batches, measure)


def make_candidate(
    weights: Path, kind: Kind, batches: Sequence[Image], measure: Callable[[Network], dict[str, Any]]
) -> Candidate:
    """Calibrate a network and compare both forms of it, as the app runs them here."""
    if not batches:
        raise InputError(f"nothing to calibrate the {kind} on: the split train has no usable picture")
    plain, info = load_openvino(weights, kind)
    quantization = calibrate(plain, info, batches)
    rounded = load_openvino(weights, kind)[0]
    quantization.apply(rounded)
    networks = OpenVinoNetwork(plain, kind, "f32"), OpenVinoNetwork(rounded, kind, "int8")
    metric = SCORES[kind][0]
    before, after = (float(measure(network)[metric]) for network in networks)
    measured = {f"{metric}_f32": before, f"{metric}_int8": after}
    return Candidate(info, *networks, replace(quantization, measured=measured), before - after)


def import_nncf() -> Any:
    """The module `nncf`, without its telemetry.

    Raises:
        EnvironmentFault: it is not installed.
    """
    import_openvino()
    try:
        import nncf
    except ImportError as error:
        raise EnvironmentFault("quantizing needs NNCF: run `pip install nncf`") from error
    return nncf


def calibrate(model: Any, info: ModelInfo, batches: Sequence[Image]) -> Quantization:
    """Find the ranges by NNCF's post-training quantization, with its fast bias correction.

    Weights are rounded symmetrically by channel, activations asymmetrically, since SiLU's are hardly negative.

    Args:
        model: from `load_openvino`; it stays as it is.
        info: of its weights.
        batches: inputs of the network, each (1, H, W, 3) uint8, BGR.
    """
    nncf = import_nncf()
    # Raw pixels come here: rounding its kernels changes names.
    first = next(node.get_friendly_name() for node in nodes_of(model) if node.get_type_name() == "Convolution")
    in_float = nncf.AdvancedQuantizationParameters(backend_params={"compress_weights": False})
    quantized = nncf.quantize(
        model,
        nncf.Dataset(batches),
        preset=nncf.QuantizationPreset.MIXED,
        target_device=nncf.TargetDevice.CPU,
        subset_size=len(batches),
        ignored_scope=nncf.IgnoredScope(names=[first], patterns=[LAST_LAYERS], validate=False),
        advanced_parameters=in_float,
    )
    roundings, constants = difference(model, quantized)
    return Quantization(info.sha256, graph_sha256(model), roundings, constants)


def difference(model: Any, quantized: Any) -> tuple[list[Rounding], dict[Input, Any]]:
    """What NNCF did to a model: the tensors that it rounds, and the constants that it changed."""
    plain = nodes_of(model)
    numbers = {node.get_friendly_name(): number for number, node in enumerate(plain)}
    constants: dict[Input, Any] = {}
    readers: dict[str, list[Input]] = {}
    rounders: dict[str, Any] = {}
    for node in nodes_of(quantized):
        if node.get_type_name() == "FakeQuantize":
            continue
        number = numbers[node.get_friendly_name()]
        for port, node_input in enumerate(node.inputs()):
            source = node_input.get_source_output().get_node()
            if source.get_type_name() == "FakeQuantize":
                rounders[source.get_friendly_name()] = source
                readers.setdefault(source.get_friendly_name(), []).append((number, port))
            elif source.get_type_name() == "Constant":
                before = plain[number].input(port).get_source_output().get_node()
                if not np.array_equal(before.data, source.data):
                    constants[number, port] = np.array(source.data, np.float32)
    roundings = []
    for name, rounder in rounders.items():
        low, high, low_out, high_out = (rounder.input_value(i).get_node().data for i in range(1, 5))
        assert np.array_equal(low, low_out) and np.array_equal(high, high_out)
        levels = rounder.get_attributes()["levels"]
        roundings.append(Rounding(tuple(readers[name]), levels, np.array(low), np.array(high)))
    return roundings, constants


class AsModule(nn.Module):
    """A network behind the interface of those that are trained: (N, 3, H, W) uint8 in, raw outputs out."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network
        self.place = nn.Parameter(torch.zeros(1))  # tells the evaluation that inputs belong on the CPU

    def forward(self, images: Tensor) -> Tensor:
        """See above."""
        return torch.from_numpy(self.network(images.permute(0, 2, 3, 1).contiguous().numpy()))


def both_recognizers(folder: Path, candidates: Sequence[Candidate]) -> tuple[Recognizer, Recognizer]:
    """The original, and what it is with the candidates in eight bits."""
    plain: dict[Kind, tuple[Network, ModelInfo]] = {c.kind: (c.plain, c.info) for c in candidates}
    for kind in KINDS:
        if kind not in plain:
            model, info = load_openvino(weights_path(folder, kind), kind)
            plain[kind] = OpenVinoNetwork(model, kind, "f32"), info
    rounded = plain | {c.kind: (c.rounded, c.info) for c in candidates}
    return tuple(Recognizer(nets["detector"], nets["classifier"]) for nets in (plain, rounded))  # type: ignore[return-value]


def label_agreement(first: Recognizer, second: Recognizer, pictures: Sequence[Picture]) -> float:
    """Of all hands that two recognizers show in some pictures, the share that both show by the same name."""
    same = shown = 0
    for picture in tqdm(pictures, desc="compare", leave=False, disable=None):
        image = read_image(picture.path)
        one, other = first(image), second(image)
        same += 2 * same_hands(one, other)
        shown += len(one) + len(other)
    return same / shown if shown else 1.0


def same_hands(one: Sequence[Hand], other: Sequence[Hand]) -> int:
    """How many hands of two lists are at one place and have one name."""
    boxes = [np.array([hand.box_xyxy for hand in hands], np.float32).reshape(-1, 4) for hands in (one, other)]
    same = iou_matrix(*boxes) >= SAME_HAND_IOU
    same &= np.array([[hand.label == another.label for another in other] for hand in one], bool).reshape(same.shape)
    return int(same[linear_sum_assignment(same, maximize=True)].sum())


def shuffled(pictures: list[Picture], rng: np.random.Generator) -> list[Picture]:
    """The pictures in another order."""
    return [pictures[i] for i in rng.permutation(len(pictures))]
