"""What runs a network: PyTorch, which is the reference, or OpenVINO, which is faster on a CPU, or ONNX Runtime."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from gesture_app.errors import EnvironmentFault, InputError
from gesture_app.vision.assets import cache_folder
from gesture_app.vision.hands import FloatArray, Image
from gesture_app.vision.model_info import Kind, ModelInfo, PrecisionName, RuntimeName, load_model

if TYPE_CHECKING:  # not needed where an exported network runs, and it takes seconds to import
    import torch
    from torch import nn

EXPORT_VERSION = 2
"""Counts up when networks are exported in another way, so that no older export in the cache is used."""


class Network(Protocol):
    """A network that is ready to run.

    Attributes:
        name: the runtime and what it runs on, to show.
    """

    name: str

    def __call__(self, batch: Image) -> FloatArray:
        """(N, H, W, 3) uint8, BGR -> the raw outputs of the N pictures, float32."""


@runtime_checkable
class ThreadedNetwork(Network, Protocol):
    """A network that several threads can share."""

    def for_threads(self, threads: int) -> Network:
        """The same network for so many threads that call it at once."""


class TorchNetwork:
    """PyTorch on a CPU or on CUDA.

    Args:
        precision: `auto` is float32; int8 is not to be had.
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
        InputError: the weights are missing, damaged or of the wrong kind; no such device; what is asked for does not
            go together.
        EnvironmentFault: CUDA, OpenVINO, ONNX Runtime or TensorRT is asked for and cannot be used.
    """
    if runtime in ("openvino", "onnx") and device == "cuda":
        raise InputError(f"--runtime {runtime} runs on the CPU: add --device cpu")
    if runtime == "tensorrt" and device == "cpu":
        raise InputError("--runtime tensorrt runs on CUDA: leave --device cpu out")
    if device == "auto" and (runtime in ("openvino", "onnx") or not sees_gpu()):
        device = "cpu"
    if runtime == "tensorrt":
        if precision != "auto":
            raise InputError(f"--runtime tensorrt computes in float16: leave --precision {precision} out")
        from gesture_app.vision.onnx_runtime import load_onnx_network

        return load_onnx_network(path, kind, tensorrt=True)
    if device != "cpu":
        device = choose_device(device).type
    if runtime == "onnx":
        if precision not in ("auto", "f32"):
            raise InputError(f"--runtime onnx computes in float32: leave --precision {precision} out")
        from gesture_app.vision.onnx_runtime import load_onnx_network

        return load_onnx_network(path, kind)
    if runtime != "torch" and device == "cpu":
        from gesture_app.vision.openvino_runtime import import_openvino, load_openvino_network

        try:
            import_openvino()
        except ImportError as error:
            if runtime == "openvino":
                message = "OpenVINO cannot be loaded: pip install openvino, or use --runtime torch"
                raise EnvironmentFault(message) from error
        else:
            return load_openvino_network(path, kind, precision)
    if precision == "int8":
        raise InputError("--precision int8 runs on the CPU with OpenVINO: add --device cpu --runtime openvino")
    network, info = load_model(path, kind)
    return TorchNetwork(network, choose_device(device), precision), info


def cached_export(info: ModelInfo, suffix: str) -> Path:
    """Where the export of some weights is kept; other outputs than theirs have another place, where none is found."""
    name = f"{info.sha256[:16]}-{len(info.outputs)}-{EXPORT_VERSION}{suffix}"
    return cache_folder() / name


def usable_cores() -> int:
    """How many cores of the CPU this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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
