"""Weights on disk: a safetensors file and, beside it, a JSON file that says what the weights are."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from gesture_app.errors import InputError, one_line
from gesture_app.vision.assets import shipped_folder
from gesture_app.vision.atomic import write_file
from gesture_app.vision.labels import BACKGROUND, NO_GESTURE

if TYPE_CHECKING:  # PyTorch takes seconds to import and is not needed where an exported network runs
    from torch import Tensor, nn

    from gesture_app.vision.classifier import GestureClassifier
    from gesture_app.vision.yolox import YOLOX

MAX_WEIGHTS_BYTES = 1 << 30
Kind = Literal["detector", "classifier"]
KINDS: tuple[Kind, ...] = get_args(Kind)
DeviceName = Literal["auto", "cpu", "cuda"]
RuntimeName = Literal["auto", "torch", "openvino", "onnx", "tensorrt"]
PrecisionName = Literal["auto", "f32", "bf16", "int8"]
RIGHT_HAND = "(right hand)"
"""Name of the output that tells right hands from left ones; no label, which are names of folders."""


@dataclass(frozen=True)
class ModelInfo:
    """What travels with weights.

    Attributes:
        kind: which network.
        architecture: `yolox-<size>` or timm's name.
        labels: names of the classes in the order of the model's outputs.
        handedness: one more output after those of the classes is the logit of a right hand: the person's right one in
            a picture that is no mirror image.
        input_hw: the input shape it was trained at.
        metrics: name -> value on the validation split.
        trained: how: data, command, epochs, versions; for people and model cards.
        sha256: of the safetensors file.
        shares: of a classifier, how much of its training every class was; empty where that is unknown.
        mirror: the mirror image of a gesture is the same gesture, and was trained on.
    """

    kind: Kind
    architecture: str
    labels: tuple[str, ...]
    input_hw: tuple[int, int]
    metrics: dict[str, Any] = field(default_factory=dict)
    trained: dict[str, Any] = field(default_factory=dict)
    sha256: str = ""
    handedness: bool = False
    shares: tuple[float, ...] = ()
    mirror: bool = True

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of a classifier's outputs in their order."""
        return output_names(self.labels, self.handedness)

    @property
    def shifts(self) -> tuple[float, ...]:
        """What is added to the classes' logits so that no gesture is favoured for having been shown more often.

        Post-hoc logit adjustment (Menon et al., "Long-tail learning via logit adjustment", ICLR 2021): a gesture that
        was shown half as often as the most frequent one gets log 2. Hands that show none, and what is no hand, stay.
        """
        shares = self.shares or (1.0,) * len(self.labels)
        shown = [
            share > 0 and name not in (NO_GESTURE, BACKGROUND) for name, share in zip(self.labels, shares, strict=True)
        ]
        most = max((share for share, counts in zip(shares, shown, strict=True) if counts), default=1.0)
        return tuple(math.log(most / share) if counts else 0.0 for share, counts in zip(shares, shown, strict=True))


def output_names(labels: tuple[str, ...], handedness: bool) -> tuple[str, ...]:
    """Names of a classifier's outputs in their order: the classes, and perhaps `RIGHT_HAND`."""
    return (*labels, RIGHT_HAND) if handedness else labels


def build_network(info: ModelInfo) -> YOLOX | GestureClassifier:
    """The network that `info` describes, with random weights.

    Raises:
        ValueError: the architecture is not one of ours.
    """
    from gesture_app.vision.classifier import ARCHITECTURE, GestureClassifier
    from gesture_app.vision.yolox import build_yolox

    if info.kind == "detector" and info.architecture.startswith("yolox-"):
        return build_yolox(info.architecture.removeprefix("yolox-"), len(info.labels))
    if info.kind == "classifier" and info.architecture == ARCHITECTURE:
        return GestureClassifier(len(info.outputs))
    raise ValueError(f"unknown {info.kind} {info.architecture!r}")


def half(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Matrices and kernels as float16; vectors stay float32, since variances of raw pixels exceed float16's range."""
    return {
        name: (value.half() if value.is_floating_point() and value.ndim > 1 else value).detach().cpu().contiguous()
        for name, value in state.items()
    }


def require_suffix(path: Path) -> None:
    """Refuse a name for weights that another one's info file could belong to.

    Raises:
        InputError: it does not end in .safetensors.
    """
    if path.suffix != ".safetensors":
        raise InputError(f"cannot write weights: {path}: let the name end in .safetensors")


def save_model(path: Path, model: nn.Module, info: ModelInfo) -> ModelInfo:
    """Write `path` (.safetensors) and its info file (.json); returns the info with the checksum filled in.

    Raises:
        InputError: the name does not end so.
        EnvironmentFault: they cannot be written.
    """
    from safetensors.torch import save as save_safetensors

    require_suffix(path)
    data = save_safetensors(half(model.state_dict()))
    info = replace(info, sha256=hashlib.sha256(data).hexdigest())
    write_file(path, data, "weights")
    write_file(path.with_suffix(".json"), (json.dumps(asdict(info), indent=2) + "\n").encode(), "weights")
    return info


def load_info(path: Path) -> ModelInfo:
    """Read the info file of the weights `path`.

    Raises:
        InputError: it is missing, not JSON, or does not describe a model.
    """
    json_path = path.with_suffix(".json")
    try:
        fields = json.loads(json_path.read_text(encoding="utf-8"))
        info = ModelInfo(
            kind=fields["kind"],
            architecture=str(fields["architecture"]),
            labels=tuple(str(name) for name in fields["labels"]),
            input_hw=(int(fields["input_hw"][0]), int(fields["input_hw"][1])),
            metrics=dict(fields["metrics"]),
            trained=dict(fields["trained"]),
            sha256=str(fields["sha256"]),
            handedness=bool(fields.get("handedness", False)),
            shares=tuple(float(share) for share in fields.get("shares", ())),
            mirror=fields.get("mirror", True),
        )
    except OSError as error:
        if isinstance(error, FileNotFoundError) and path.is_dir():
            raise InputError(f"weights: {path}: a folder. Name the .safetensors file in it") from error
        if isinstance(error, FileNotFoundError) and not path.exists():
            raise InputError(
                f"weights: {path}: no such file. A folder of weights holds a detector and a classifier: "
                f"copy what it lacks from {shipped_folder()}"
            ) from error
        raise InputError(
            f"weights: {json_path}: {error.strerror}. Every .safetensors file needs its .json beside it"
        ) from error
    except (ValueError, KeyError, TypeError, IndexError, OverflowError, RecursionError) as error:
        raise _refusal(json_path, f"not the info file of a model ({error!r:.80})") from error
    duplicated = len(set(info.labels)) != len(info.labels)
    if info.kind not in KINDS or not info.labels or duplicated or min(info.input_hw) < 32:
        raise _refusal(json_path, "kind, labels or input shape make no sense")
    if info.shares and (len(info.shares) != len(info.labels) or not all(0 <= share <= 1 for share in info.shares)):
        raise _refusal(json_path, "the shares of the classes make no sense")
    if not isinstance(info.mirror, bool):
        raise _refusal(json_path, "`mirror` is neither true nor false")
    if info.kind == "detector" and any(side % 32 for side in info.input_hw):
        raise _refusal(json_path, "a detector's input shape is a multiple of 32")
    return info


def read_weights(path: Path, kind: Kind) -> tuple[bytes, ModelInfo]:
    """Read weights and check what can be told without building the network: kind, size and checksum.

    Raises:
        InputError: any check fails; the message names the file and the reason.
    """
    info = load_info(path)
    if info.kind != kind:
        raise InputError(f"weights: {path}: these are a {info.kind}'s, a {kind}'s are needed. Give others")
    try:
        if not path.is_file():
            raise _refusal(path, "no such file")
        if path.stat().st_size > MAX_WEIGHTS_BYTES:
            raise _refusal(path, "larger than 1 GiB")
        data = path.read_bytes()
    except OSError as error:
        raise _refusal(path, str(error.strerror)) from error
    if hashlib.sha256(data).hexdigest() != info.sha256:
        raise _refusal(path, "the sha256 differs from the info file's")
    return data, info


def load_model(path: Path, kind: Kind) -> tuple[YOLOX | GestureClassifier, ModelInfo]:
    """Load weights and check them: size, checksum, names and shapes, finite values.

    Returns:
        The network in evaluation mode, float32, on the CPU, and its info.

    Raises:
        InputError: any check fails; the message names the file and the reason.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load as load_safetensors

    data, info = read_weights(path, kind)
    try:
        state = load_safetensors(data)
        model = build_network(info)
        model.load_state_dict(
            {name: value.float() if value.is_floating_point() else value for name, value in state.items()}
        )
    except SafetensorError as error:
        raise _refusal(path, f"not a safetensors file ({error})") from error
    except (RuntimeError, ValueError) as error:
        raise _refusal(path, one_line(error)[:200]) from error
    if not all(torch.isfinite(value).all() for value in model.state_dict().values()):
        raise _refusal(path, "it holds NaN or infinite values")
    return model.eval(), info


def _refusal(path: Path, reason: str) -> InputError:
    return InputError(f"weights: {path}: {reason}. Copy or train them again")
