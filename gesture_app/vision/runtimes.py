"""What runs a network: PyTorch, which is the reference, or OpenVINO, which is faster on a CPU. One call for both."""

from __future__ import annotations

import ctypes
import logging
import sys
import tempfile
import warnings
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from platformdirs import user_cache_path

from gesture_app.errors import EnvironmentFault, InputError
from gesture_app.vision.hands import FloatArray, Image
from gesture_app.vision.model_info import Kind, ModelInfo, load_model, read_weights

if TYPE_CHECKING:  # not needed where an exported network runs, and it takes seconds to import
    import torch
    from torch import nn

RuntimeName = Literal["auto", "torch", "openvino"]
PrecisionName = Literal["auto", "f32", "bf16"]

EXPORT_VERSION = 2
"""Counts up when networks are exported in another way, so that no older export in the cache is used."""

MAX_SHAPES = 6
"""Compiled shapes that are kept, some 40 MB each; folders of pictures have many."""

log = logging.getLogger(__name__)


class Network(Protocol):
    """A network that is ready to run.

    Attributes:
        name: the runtime and what it runs on, to show.
    """

    name: str

    def __call__(self, batch: Image) -> FloatArray:
        """(N, H, W, 3) uint8, BGR -> the raw outputs of the N pictures, float32."""


class TorchNetwork:
    """PyTorch on a CPU or on CUDA.

    Args:
        precision: `auto` is float32.
    """

    def __init__(self, network: nn.Module, device: torch.device, precision: PrecisionName = "auto") -> None:
        import torch

        self.name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU, PyTorch"
        self.device = device
        self.network = network.eval().to(device).to(memory_format=torch.channels_last)
        self._autocast = torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")

    def __call__(self, batch: Image) -> FloatArray:
        """See `Network`."""
        import torch

        pictures = torch.from_numpy(batch).to(self.device).permute(0, 3, 1, 2)
        with torch.inference_mode(), self._autocast:
            return np.asarray(self.network(pictures).float().cpu().numpy())


class OpenVinoNetwork:
    """OpenVINO on the CPU. A shape is compiled when it first occurs.

    Attributes:
        requests: of the compiled shapes (N, H, W, 3), the one of last use at the end.

    Args:
        model: from `export_openvino` or its cache.
        kind: tells what changes from call to call.
        precision: `auto` is bfloat16 where the CPU computes in it, else float32.
    """

    def __init__(self, model: Any, kind: Kind, precision: PrecisionName = "auto") -> None:
        self._core = import_openvino().Core()
        if precision == "auto":
            precision = "bf16" if "BF16" in self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES") else "f32"
        self.name = f"CPU, OpenVINO {precision}"
        self._model = model
        self._precision = precision
        # The number of crops changes from frame to frame; the shape of frames hardly ever does.
        self._any_count = kind == "classifier"
        self.requests: OrderedDict[tuple[int, ...], Any] = OrderedDict()

    def __call__(self, batch: Image) -> FloatArray:
        """See `Network`."""
        shape = (-1 if self._any_count else len(batch), *batch.shape[1:])
        if shape not in self.requests:
            self._model.reshape(list(shape))
            settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": self._precision}
            self.requests[shape] = self._core.compile_model(self._model, "CPU", settings).create_infer_request()
            if len(self.requests) > MAX_SHAPES:
                self.requests.popitem(last=False)
        self.requests.move_to_end(shape)
        results = self.requests[shape].infer([np.ascontiguousarray(batch)], share_inputs=True)
        return np.asarray(results[0], np.float32)


def load_network(
    path: Path,
    kind: Kind,
    device: str = "auto",
    runtime: RuntimeName = "auto",
    precision: PrecisionName = "auto",
) -> tuple[Network, ModelInfo]:
    """Make the network of a weights file ready to run: with PyTorch on CUDA, else with OpenVINO unless told.

    Where OpenVINO's export of the same weights is in the user's cache, PyTorch is not even imported.

    Raises:
        InputError: the weights are missing, damaged or of the wrong kind; no such device; OpenVINO is asked for
            together with CUDA.
        EnvironmentFault: CUDA or OpenVINO is asked for and cannot be used.
    """
    if runtime == "openvino" and device == "cuda":
        raise InputError("--runtime openvino runs on the CPU: add --device cpu")
    if device == "auto" and (runtime == "openvino" or not sees_gpu()):
        device = "cpu"
    if device != "cpu":
        device = choose_device(device).type
    if runtime != "torch" and device == "cpu":
        try:
            import_openvino()
        except ImportError as error:
            if runtime == "openvino":
                message = "OpenVINO cannot be loaded: pip install openvino, or use --runtime torch"
                raise EnvironmentFault(message) from error
        else:
            model, info = load_openvino(path, kind)
            return OpenVinoNetwork(model, kind, precision), info
    network, info = load_model(path, kind)
    return TorchNetwork(network, choose_device(device), precision), info


def load_openvino(path: Path, kind: Kind) -> tuple[Any, ModelInfo]:
    """The exported network of a weights file from the user's cache, or exported now and, where it can be, kept there.

    Raises:
        InputError: see `read_weights` and `load_model`.
    """
    _, info = read_weights(path, kind)
    openvino = import_openvino()
    version = openvino.__version__.split("-")[0]
    cached = user_cache_path("gesture-app") / f"{info.sha256[:16]}-{EXPORT_VERSION}-{version}.xml"
    if cached.is_file():
        try:
            return openvino.Core().read_model(cached), info
        except RuntimeError as error:
            log.warning("the cached %s is damaged and made anew: %s", cached, error)
    network, info = load_model(path, kind)
    model = export_openvino(network, info)
    try:
        store_openvino(model, cached)
    except OSError as error:
        log.warning("the exported network is not kept: %s: %s", cached, error)
    return model, info


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
    """The network as an OpenVINO model for (N, H, W, 3) uint8 pictures, BGR, of any number and size."""
    import torch

    openvino = import_openvino()
    example = torch.zeros((1, 3, *info.input_hw), dtype=torch.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tracing is deprecated, but what OpenVINO's converter uses
        model = openvino.convert_model(
            network.eval(), example_input=example, input=[([-1, 3, -1, -1], openvino.Type.u8)], share_weights=False
        )
    from openvino.preprocess import PrePostProcessor

    # Pictures come as OpenCV has them, so that no copy with other strides is made in between.
    steps = PrePostProcessor(model)
    steps.input().tensor().set_layout(openvino.Layout("NHWC"))
    steps.input().model().set_layout(openvino.Layout("NCHW"))
    return steps.build()


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


def sees_gpu() -> bool:
    """Whether the machine may have a GPU for PyTorch. False is sure, and quick: PyTorch is not asked."""
    if Path("/dev/kfd").exists():  # AMD's, which PyTorch calls CUDA too
        return True
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True


def choose_device(name: str) -> torch.device:
    """`auto` is CUDA where there is one, else the CPU.

    Raises:
        InputError: no such device exists.
        EnvironmentFault: CUDA is asked for and cannot be used.
    """
    import torch

    if name not in ("auto", "cpu", "cuda"):
        raise InputError(f"no device {name!r}: choose auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise EnvironmentFault("no CUDA device: PyTorch sees none. Check the driver, or use --device cpu")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")
