"""Networks in OpenVINO on the CPU, where it is the fastest; exported once and kept in the user's cache."""

from __future__ import annotations

import logging
import os
import platform
import subprocess
import sys
import tempfile
import threading
import warnings
from collections import OrderedDict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gesture_app.errors import InputError
from gesture_app.python_process import python_arguments
from gesture_app.vision.hands import FloatArray, Image
from gesture_app.vision.model_folders import quantization_path, weights_path
from gesture_app.vision.model_info import KINDS, Kind, ModelInfo, PrecisionName, load_model, read_weights
from gesture_app.vision.quantization import fitting_quantization
from gesture_app.vision.runtimes import cached_export

if TYPE_CHECKING:  # not needed where an exported network runs, and it takes seconds to import
    from torch import nn

MAX_SHAPES = 6
"""Compiled shapes that are kept, some 40 MB each; folders of pictures have many."""

log = logging.getLogger(__name__)
_core_lock = threading.Lock()  # without it two threads may make a Core each, in spite of the cache
storing = threading.Lock()
"""Held while an exported network is written, after which nothing of its parts is left."""


class OpenVinoNetwork:
    """OpenVINO on the CPU. A shape is compiled when it first occurs.

    Attributes:
        compiled: for the shapes (N, H, W, 3), the one of last use at the end, the network and its idle requests.

    Args:
        model: from `export_openvino` or its cache.
        kind: tells what changes from call to call.
        precision: what to compute in; for int8 the model is already quantized. `auto` is what the CPU is fast at.
        threads: how many call it at once, each of which gets its part of the CPU.
    """

    def __init__(self, model: Any, kind: Kind, precision: PrecisionName = "auto", threads: int = 1) -> None:
        if precision == "auto":
            precision = fastest_precision(quantized=False)
        self.name = f"CPU, OpenVINO {precision}"
        self._model = model
        self._kind, self._precision, self._threads = kind, precision, threads
        # What is left of an eight-bit network, such as its activations, is computed as ever.
        self._rest = fastest_precision(quantized=False) if precision == "int8" else precision
        # The number of crops changes from frame to frame; the shape of frames hardly ever does.
        self._any_count = kind == "classifier"
        self.compiled: OrderedDict[tuple[int, ...], tuple[Any, list[Any]]] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, batch: Image) -> FloatArray:
        """See `runtimes.Network`."""
        with self._lock:
            compiled, idle = self._compile((-1 if self._any_count else len(batch), *batch.shape[1:]))
            request = idle.pop() if idle else compiled.create_infer_request()
        results = request.infer([np.ascontiguousarray(batch)], share_inputs=True)
        output = np.asarray(results[0], np.float32)
        idle.append(request)
        return output

    def for_threads(self, threads: int) -> OpenVinoNetwork:
        """The same network for so many threads that call it at once: together they do more in a second than one."""
        return OpenVinoNetwork(self._model.clone(), self._kind, self._precision, threads)

    def _compile(self, shape: tuple[int, ...]) -> tuple[Any, list[Any]]:
        if shape not in self.compiled:
            self._model.reshape(list(shape))
            pace = {"PERFORMANCE_HINT": "LATENCY"} if self._threads == 1 else {"NUM_STREAMS": self._threads}
            settings = {**pace, "INFERENCE_PRECISION_HINT": self._rest}
            self.compiled[shape] = openvino_core().compile_model(self._model, "CPU", settings), []
            if len(self.compiled) > MAX_SHAPES:
                self.compiled.popitem(last=False)
        self.compiled.move_to_end(shape)
        return self.compiled[shape]


def load_openvino_network(path: Path, kind: Kind, precision: PrecisionName) -> tuple[OpenVinoNetwork, ModelInfo]:
    """The network of a weights file in OpenVINO, in eight bits if that is asked for, or faster and to be had.

    Raises:
        InputError: the weights are missing or damaged; int8 is asked for and there is no quantization that fits them.
    """
    model, info = load_openvino(path, kind)
    quantization = fitting_quantization(path, info, model) if precision in ("auto", "int8") else None
    if precision == "int8" and quantization is None:
        raise InputError(
            f"--precision int8: there is no {quantization_path(path)} for these weights. Make it with `gesture-train "
            "quantize`, or use --precision auto"
        )
    if precision == "auto":
        precision = fastest_precision(quantization is not None)
    if precision == "int8" and quantization is not None:
        quantization.apply(model)
    return OpenVinoNetwork(model, kind, precision), info


def fastest_precision(quantized: bool) -> PrecisionName:
    """What OpenVINO is fastest at on this CPU.

    Args:
        quantized: whether the network can run in eight bits.
    """
    abilities = openvino_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    # Eight bits are twice as fast as float32 with AVX2, and with VNNI 1.4 to 1.9 times as fast as AVX-512's bfloat16.
    # With AMX the detector would gain a sixth in bfloat16. Arm CPUs were not measured.
    if quantized and "INT8" in abilities and platform.machine().lower() in ("x86_64", "amd64"):
        return "int8"
    return "bf16" if "BF16" in abilities else "f32"


def load_openvino(path: Path, kind: Kind) -> tuple[Any, ModelInfo]:
    """The exported network of a weights file from the user's cache, or exported now and, where it can be, kept there.

    Where this process has no PyTorch yet, another one exports: 700 MB of what that needs would stay here for good.

    Raises:
        InputError: see `read_weights` and `load_model`.
    """
    _, info = read_weights(path, kind)
    version = import_openvino().__version__.split("-")[0]
    cached = cached_export(info, f"-{version}.xml")
    if not cached.is_file() and "torch" not in sys.modules and _can_be_kept(cached):
        _export_apart(path, kind)
    if cached.is_file():
        try:
            return openvino_core().read_model(cached), info
        except RuntimeError as error:
            log.warning("the cached %s is damaged and made anew: %s", cached, error)
    network, info = load_model(path, kind)
    model = export_openvino(network, info)
    try:
        store_openvino(model, cached)
    except OSError as error:
        log.warning("the exported network is not kept: %s: %s", cached, error)
    return model, info


_EXPORT = """
import os, sys, threading
from pathlib import Path
from gesture_app.vision.openvino_runtime import load_openvino, storing

def end_with_parent():
    os.read(0, 1)
    with storing:
        os._exit(1)

threading.Thread(target=end_with_parent, daemon=True).start()
import torch
for kind, path in zip(sys.argv[1::2], sys.argv[2::2]):
    load_openvino(Path(path), kind)
"""


def _export_apart(path: Path, kind: Kind) -> None:
    """Export weights into the cache in a process of its own, and with them the network beside them.

    That one is wanted next, and importing PyTorch takes longer than exporting it. What fails, fails again here, and is
    told then. Once its standard input ends, as it does with this process, it ends too, and leaves nothing half-written.
    """
    networks = {path: kind} | {weights_path(path.parent, other): other for other in KINDS}
    words = [word for file, its in networks.items() if file.is_file() for word in (its, str(file))]
    command = [sys.executable, *python_arguments(_EXPORT), *words]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=subprocess.DEVNULL, stderr=pipe, text=True) as process:
        assert process.stderr is not None
        told = process.stderr.read()
    if process.returncode:
        log.info("the process that exports networks ended with %d: %s", process.returncode, told)


def _can_be_kept(cached: Path) -> bool:
    try:
        cached.parent.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(cached.parent, os.W_OK)


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


def openvino_core() -> Any:
    """OpenVINO's `Core`: one for the process, until its end.

    A Core's CPU plugin lends the thread that loads it a stack for signal handlers (openvinotoolkit/openvino pull
    request 11894). When two Cores go in the order in which they came, the thread is left with the stack of the first,
    which is gone, and the next signal with a handler, Ctrl-C or the end of a child, kills the process without a word.

    Raises:
        ImportError: OpenVINO is not installed.
    """
    with _core_lock:
        return _make_core()


@cache
def _make_core() -> Any:
    openvino = import_openvino()
    # The bindings make their tables of types at the first use. Two threads that do so at once wait for each other
    # without end, one for the table, one for the interpreter: so they are made here.
    openvino.Tensor(np.zeros(1, np.uint8)).element_type.to_dtype()
    return openvino.Core()


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
    with storing, tempfile.TemporaryDirectory(dir=path.parent) as folder:
        try:
            openvino.save_model(model, Path(folder) / "model.xml", compress_to_fp16=False)
        except RuntimeError as error:
            raise OSError(str(error)) from error
        for name in ("model.bin", "model.xml"):
            with (Path(folder) / name).open("rb+") as file:
                os.fsync(file.fileno())
        (Path(folder) / "model.bin").replace(path.with_suffix(".bin"))
        (Path(folder) / "model.xml").replace(path)
