"""Eight-bit networks: where an exported network rounds and in which ranges, kept in a small file beside its weights."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gesture_app.vision.atomic import write_file
from gesture_app.vision.hands import FloatArray
from gesture_app.vision.model_folders import quantization_path
from gesture_app.vision.model_info import ModelInfo

MAX_FILE_BYTES = 16 << 20
LAYOUT = ("Convert", "Transpose")
"""What only says how pictures lie in memory; its order differs between versions of OpenVINO."""
Input = tuple[int, int]
"""An input of a node: the node's number in `nodes_of`, and which of its inputs."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Rounding:
    """Rounds a tensor before the nodes that read it.

    Attributes:
        readers: the inputs that get the rounded tensor.
        levels: how many values are left, 2 to 256.
        low, high: the range, of a shape that broadcasts to the tensor: of activations one, of weights one a channel.
    """

    readers: tuple[Input, ...]
    levels: int
    low: FloatArray
    high: FloatArray


@dataclass(frozen=True, eq=False)
class Quantization:
    """What makes an exported network an eight-bit one; the weights stay where they are.

    Attributes:
        weights_sha256: of the weights that it was calibrated for.
        graph: `graph_sha256` of the exported network.
        roundings: of activations and weights.
        constants: biases that make up for the rounding, in place of the network's.
        measured: name -> value, what eight bits gain and lose; for people.
    """

    weights_sha256: str
    graph: str
    roundings: Sequence[Rounding]
    constants: Mapping[Input, FloatArray]
    measured: dict[str, Any] = field(default_factory=dict)

    def apply(self, model: Any) -> None:
        """Put the roundings into an OpenVINO model, which compiles them to eight-bit kernels.

        Raises:
            ValueError: the model is not the one that it was made for; nothing is changed.
        """
        from openvino import opset8 as nodes_by_name

        nodes = nodes_of(model)
        if graph_sha256(model) != self.graph:
            raise ValueError("the network is exported in another way than when it was calibrated")
        for rounding in self.roundings:
            first, port = rounding.readers[0]
            source = nodes[first].input(port).get_source_output()
            low, high = nodes_by_name.constant(rounding.low), nodes_by_name.constant(rounding.high)
            rounded = nodes_by_name.fake_quantize(source, low, high, low, high, rounding.levels)
            for number, port in rounding.readers:
                nodes[number].input(port).replace_source_output(rounded.output(0))
        for (number, port), value in self.constants.items():
            nodes[number].input(port).replace_source_output(nodes_by_name.constant(value).output(0))
        model.validate_nodes_and_infer_types()


def nodes_of(model: Any) -> list[Any]:
    """The nodes that compute something in an OpenVINO model, in their order: neither constants nor `LAYOUT`."""
    return [node for node in model.get_ordered_ops() if node.get_type_name() not in ("Constant", *LAYOUT)]


def graph_sha256(model: Any) -> str:
    """A checksum of the nodes and their connections, whatever the values of the constants and the names."""
    nodes = nodes_of(model)
    numbers = {node.get_friendly_name(): number for number, node in enumerate(nodes)}

    def describe(source: Any) -> list[int]:
        node = source.get_node()
        while node.get_type_name() in LAYOUT:
            source = node.input_value(0)
            node = source.get_node()
        if node.get_type_name() == "Constant":
            return [-1, *source.get_shape()]
        return [numbers[node.get_friendly_name()], source.get_index()]

    graph = [(node.get_type_name(), *(describe(i.get_source_output()) for i in node.inputs())) for node in nodes]
    return hashlib.sha256(json.dumps(graph).encode()).hexdigest()


def save_quantization(path: Path, quantization: Quantization) -> None:
    """Write the file.

    Raises:
        EnvironmentFault: it cannot be written.
    """
    from safetensors.numpy import save

    arrays = {f"low.{i}": rounding.low for i, rounding in enumerate(quantization.roundings)}
    arrays |= {f"high.{i}": rounding.high for i, rounding in enumerate(quantization.roundings)}
    arrays |= {f"constant.{i}": value for i, value in enumerate(quantization.constants.values())}
    metadata = {
        "weights_sha256": quantization.weights_sha256,
        "graph": quantization.graph,
        "roundings": json.dumps([(rounding.levels, rounding.readers) for rounding in quantization.roundings]),
        "constants": json.dumps(list(quantization.constants)),
        "measured": json.dumps(quantization.measured),
    }
    contiguous = {name: np.ascontiguousarray(value, np.float32) for name, value in arrays.items()}
    write_file(path, save(contiguous, metadata), "eight bits")


def load_quantization(path: Path) -> Quantization:
    """Read a file that `save_quantization` wrote.

    Raises:
        OSError: it cannot be read.
        ValueError: it is damaged.
    """
    from safetensors import SafetensorError, safe_open

    if path.stat().st_size > MAX_FILE_BYTES:
        raise ValueError("it is too large")
    try:
        with safe_open(path, "numpy") as file:
            metadata = file.metadata() or {}
            roundings = [
                Rounding(_inputs(readers), int(levels), file.get_tensor(f"low.{i}"), file.get_tensor(f"high.{i}"))
                for i, (levels, readers) in enumerate(json.loads(metadata["roundings"]))
            ]
            places = _inputs(json.loads(metadata["constants"]))
            constants = {place: file.get_tensor(f"constant.{i}") for i, place in enumerate(places)}
            measured = dict(json.loads(metadata["measured"]))
            found = Quantization(metadata["weights_sha256"], metadata["graph"], roundings, constants, measured)
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"it is damaged ({error!r:.80})") from error
    if not all(_makes_sense(rounding) for rounding in roundings):
        raise ValueError("it is damaged (ranges make no sense)")
    return found


def fitting_quantization(weights: Path, info: ModelInfo, model: Any) -> Quantization | None:
    """The quantization beside a weights file; None where there is none that fits, of which the log tells.

    Args:
        weights: the weights file.
        info: of these weights.
        model: their export.
    """
    path = quantization_path(weights)
    try:
        found = load_quantization(path)
        if found.weights_sha256 != info.sha256:
            raise ValueError("it was made for other weights; `gesture-train quantize` makes it anew")
        if found.graph != graph_sha256(model):
            raise ValueError("this version of OpenVINO or PyTorch exports the network in another way")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        log.warning("%s is not used: %s", path, error)
        return None
    return found


def _inputs(pairs: Sequence[Sequence[int]]) -> tuple[Input, ...]:
    return tuple((int(number), int(port)) for number, port in pairs)


def _makes_sense(rounding: Rounding) -> bool:
    low, high = rounding.low, rounding.high
    return (
        bool(rounding.readers) and 2 <= rounding.levels <= 256 and bool(np.isfinite(low).all() and (low < high).all())
    )
