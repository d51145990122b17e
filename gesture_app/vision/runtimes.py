"""What runs a network: PyTorch, which is the reference, or OpenVINO, which is faster on a CPU. One call for both."""

from __future__ import annotations

import logging
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import torch
from platformdirs import user_cache_path
from torch import Tensor, nn

from gesture_app.errors import EnvironmentFault, InputError
from gesture_app.vision.hands import FloatArray
from gesture_app.vision.model_info import ModelInfo

RuntimeName = Literal["auto", "torch", "openvino"]

log = logging.getLogger(__name__)


class Network(Protocol):
    """A network that is ready to run.

    Attributes:
        name: the runtime and what it runs on, to show.
    """

    name: str

    def __call__(self, batch: Tensor) -> FloatArray:
        """(N, 3, H, W) uint8, BGR, on the CPU -> the raw outputs of the N pictures, float32."""


class TorchNetwork:
    """PyTorch on a CPU or on CUDA."""

    def __init__(self, network: nn.Module, device: torch.device) -> None:
        self.name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU, PyTorch"
        self.device = device
        self.network = network.eval().to(device).to(memory_format=torch.channels_last)

    @torch.inference_mode()
    def __call__(self, batch: Tensor) -> FloatArray:
        """See `Network`."""
        return np.asarray(self.network(batch.to(self.device)).float().cpu().numpy())


class OpenVinoNetwork:
    """OpenVINO on the CPU, in float32. A shape is compiled when it first occurs.

    Args:
        network: what to export, if it is not in the user's cache yet.
        info: of the network; weights without a checksum are not cached.

    Raises:
        ImportError: OpenVINO is not installed.
    """

    def __init__(self, network: nn.Module, info: ModelInfo) -> None:
        openvino = import_openvino()
        self.name = "CPU, OpenVINO"
        self._core = openvino.Core()
        self._model = self._read_cached(network, info)
        # The number of crops changes from frame to frame; the shape of frames hardly ever does.
        self._batch = -1 if info.kind == "classifier" else None
        self._compiled: dict[tuple[int, ...], Any] = {}

    def __call__(self, batch: Tensor) -> FloatArray:
        """See `Network`."""
        shape = (self._batch or batch.shape[0], *batch.shape[1:])
        if shape not in self._compiled:
            self._model.reshape(list(shape))
            settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
            self._compiled[shape] = self._core.compile_model(self._model, "CPU", settings)
        result = self._compiled[shape](np.ascontiguousarray(batch.numpy()))[0]
        return np.asarray(result, np.float32)

    def _read_cached(self, network: nn.Module, info: ModelInfo) -> Any:
        """The exported network from the cache, or exported now and, where the cache can be written, kept there."""
        if not info.sha256:
            return export_openvino(network, info)
        path = user_cache_path("gesture-app") / f"{info.sha256[:16]}-{import_openvino().__version__.split('-')[0]}.xml"
        if path.is_file():
            try:
                return self._core.read_model(path)
            except RuntimeError as error:
                log.warning("the cached %s is damaged and made anew: %s", path, error)
        model = export_openvino(network, info)
        try:
            store_openvino(model, path)
        except OSError as error:
            log.warning("the exported network is not kept: %s: %s", path, error)
        return model


def import_openvino() -> Any:
    """The module `openvino`, without its telemetry.

    Importing it and converting a model are otherwise reported to its maker over the network. OpenVINO does without the
    package that does so where that cannot be imported.

    Raises:
        ImportError: OpenVINO is not installed.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


def export_openvino(network: nn.Module, info: ModelInfo) -> Any:
    """The network as an OpenVINO model for pictures of any number and size."""
    openvino = import_openvino()
    example = torch.zeros((1, 3, *info.input_hw), dtype=torch.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tracing is deprecated, but what OpenVINO's converter uses
        return openvino.convert_model(
            network.eval(), example_input=example, input=[([-1, 3, -1, -1], openvino.Type.u8)], share_weights=False
        )


def store_openvino(model: Any, path: Path) -> None:
    """Write `path` (.xml) and its .bin so that another process sees both whole or no .xml.

    Raises:
        OSError: the folder cannot be written.
    """
    openvino = import_openvino()
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        try:
            openvino.save_model(model, Path(folder) / "model.xml", compress_to_fp16=False)
        except RuntimeError as error:
            raise OSError(str(error)) from error
        (Path(folder) / "model.bin").replace(path.with_suffix(".bin"))
        (Path(folder) / "model.xml").replace(path)


def choose_device(name: str) -> torch.device:
    """`auto` is CUDA where there is one, else the CPU.

    Raises:
        InputError: no such device exists.
        EnvironmentFault: CUDA is asked for and cannot be used.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise InputError(f"no device {name!r}: choose auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise EnvironmentFault("no CUDA device: PyTorch sees none. Check the driver, or use --device cpu")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def build_runtime(network: nn.Module, info: ModelInfo, device: torch.device, runtime: RuntimeName = "auto") -> Network:
    """Make a network ready to run: by default with OpenVINO on a CPU, with PyTorch on CUDA.

    Raises:
        InputError: OpenVINO is asked for together with CUDA.
        EnvironmentFault: OpenVINO is asked for and not installed.
    """
    if runtime == "openvino" and device.type != "cpu":
        raise InputError("--runtime openvino runs on the CPU: add --device cpu")
    if runtime == "torch" or device.type != "cpu":
        return TorchNetwork(network, device)
    try:
        return OpenVinoNetwork(network, info)
    except ImportError as error:
        if runtime == "openvino":
            raise EnvironmentFault("OpenVINO cannot be loaded: pip install openvino, or use --runtime torch") from error
        return TorchNetwork(network, device)
