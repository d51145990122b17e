"""Networks in ONNX Runtime: on the CPU, for machines without OpenVINO and to compare, or in TensorRT on CUDA."""

from __future__ import annotations

import logging
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gesture_app.errors import EnvironmentFault
from gesture_app.vision.assets import cache_folder
from gesture_app.vision.atomic import write_atomically
from gesture_app.vision.hands import FloatArray, Image
from gesture_app.vision.model_info import Kind, ModelInfo, load_model, read_weights
from gesture_app.vision.runtimes import cached_export

if TYPE_CHECKING:
    from torch import nn

OPSET = 17
TENSORRT = "TensorrtExecutionProvider"

log = logging.getLogger(__name__)


class OnnxNetwork:
    """A network in ONNX Runtime, in float32 on the CPU, in float16 in TensorRT; see `runtimes.Network`.

    Args:
        model: an ONNX file's contents, from `export_onnx` or its cache.
        tensorrt: run in TensorRT, which builds an engine for every new shape, in minutes, and keeps it.

    Raises:
        EnvironmentFault: ONNX Runtime is not installed, or has no TensorRT.
        Exception: whatever ONNX Runtime raises for a file that is damaged.
    """

    def __init__(self, model: bytes, tensorrt: bool = False) -> None:
        self.name = "CUDA, TensorRT" if tensorrt else "CPU, ONNX Runtime"
        providers: list[Any] = ["CPUExecutionProvider"]
        if tensorrt:
            options = {
                "trt_fp16_enable": True,
                "trt_engine_cache_enable": True,
                "trt_engine_cache_path": str(cache_folder() / "tensorrt"),
            }
            providers = [(TENSORRT, options), "CUDAExecutionProvider"]
        self._session = import_onnxruntime(tensorrt).InferenceSession(model, providers=providers)
        if tensorrt and TENSORRT not in self._session.get_providers():  # without its libraries it is passed over
            raise missing(tensorrt)

    def __call__(self, batch: Image) -> FloatArray:
        """(N, H, W, 3) uint8, BGR -> the raw outputs of the N pictures, float32."""
        return np.asarray(self._session.run(None, {"images": np.ascontiguousarray(batch)})[0], np.float32)


def load_onnx_network(path: Path, kind: Kind, tensorrt: bool = False) -> tuple[OnnxNetwork, ModelInfo]:
    """The network of a weights file, from the user's cache, or exported now and, where it can be, kept there.

    Raises:
        InputError: see `read_weights` and `load_model`.
        EnvironmentFault: ONNX Runtime is not installed, or has no TensorRT, or ONNX, which the first export needs.
    """
    import_onnxruntime(tensorrt)
    _, info = read_weights(path, kind)
    cached = cached_export(info, ".onnx")
    if cached.is_file():
        try:
            return OnnxNetwork(cached.read_bytes(), tensorrt), info
        except EnvironmentFault:
            raise
        except Exception as error:  # ONNX Runtime has a dozen kinds, without a common one of its own
            log.warning("the cached %s is damaged and made anew: %s", cached, error)
    network, info = load_model(path, kind)
    model = export_onnx(network, info, tensorrt)
    try:
        cached.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(cached, model)
    except OSError as error:
        log.warning("the exported network is not kept: %s: %s", cached, error)
    return OnnxNetwork(model, tensorrt), info


def import_onnxruntime(tensorrt: bool = False) -> Any:
    """The module `onnxruntime`, without its telemetry.

    Raises:
        EnvironmentFault: it is not installed, or it is the one for CPUs and TensorRT is wanted.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise missing(tensorrt) from error
    onnxruntime.disable_telemetry_events()
    if tensorrt and TENSORRT not in onnxruntime.get_available_providers():
        raise missing(tensorrt)
    return onnxruntime


def export_onnx(network: nn.Module, info: ModelInfo, tensorrt: bool = False) -> bytes:
    """The network as an ONNX file for (N, H, W, 3) uint8 pictures, BGR, of any number and size.

    Raises:
        EnvironmentFault: ONNX is not installed.
    """
    import torch
    from torch import Tensor, nn

    class ForPictures(nn.Module):
        """Channels come last."""

        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, pictures: Tensor) -> Tensor:
            out: Tensor = self.network(pictures.permute(0, 3, 1, 2))
            return out

    try:
        import onnx  # noqa: F401  # PyTorch's exporter needs it, and says so less clearly
    except ImportError as error:
        raise missing(tensorrt) from error
    batch = torch.zeros((1, *info.input_hw, 3), dtype=torch.uint8)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tracing is deprecated, but the other exporter needs a further package
        torch.onnx.export(
            ForPictures().eval(),
            (batch,),
            Path(folder) / "model.onnx",
            dynamo=False,
            input_names=["images"],
            output_names=["raw"],
            dynamic_axes={"images": {0: "count", 1: "height", 2: "width"}},
            opset_version=OPSET,
        )
        return (Path(folder) / "model.onnx").read_bytes()


def missing(tensorrt: bool) -> EnvironmentFault:
    """What is to be installed."""
    if tensorrt:
        return EnvironmentFault(
            "--runtime tensorrt needs NVIDIA's TensorRT libraries and ONNX Runtime for GPUs: run `pip uninstall "
            "onnxruntime`, then `pip install onnx onnxruntime-gpu`"
        )
    return EnvironmentFault("--runtime onnx needs ONNX Runtime: run `pip install onnx onnxruntime`")
