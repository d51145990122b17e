"""A function of tensors with its buffers on both sides: one upload, one CUDA graph, one download, one wait."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gesture_app.vision.hands import FloatArray


class Program:
    """Runs a function of tensors of fixed shapes for NumPy arrays, in a stream.

    The first runs are eager, which also warms up what is captured later. On a CPU the function is just called.

    Args:
        function: of as many tensors as there are `inputs`; it neither copies from the CPU nor waits for the GPU.
        inputs: shape and type of every input.
        stream: of the GPU that runs it, for one thread at a time; None is the CPU, to test.
        eager_runs: a graph is captured in the run after so many, at least one; what comes seldom is not worth it.
    """

    def __init__(
        self,
        function: Callable[..., Tensor],
        inputs: Sequence[tuple[tuple[int, ...], torch.dtype]],
        stream: torch.cuda.Stream | None,
        eager_runs: int = 1,
    ) -> None:
        self._function = function
        self._stream = stream
        self._eager_runs = eager_runs
        self._sources = [torch.zeros(shape, dtype=dtype, pin_memory=stream is not None) for shape, dtype in inputs]
        self._inputs = [source.to(stream.device) for source in self._sources] if stream is not None else self._sources
        self._result: Tensor | None = None
        self._graph: torch.cuda.CUDAGraph | None = None
        self._output: Tensor | None = None
        self._runs = 0
        if stream is not None:
            # Weights and buffers were made in another stream, which this one does not wait for.
            torch.cuda.synchronize(stream.device)

    def start(self, *batches: Sequence[NDArray[np.generic]]) -> None:
        """Copy the items of every input into its first rows, and run. The run before must have ended.

        Args:
            batches: for every input at most as many arrays as its length, none longer than a row of it.

        Raises:
            RuntimeError: what PyTorch raises, such as for want of GPU memory.
        """
        for source, batch in zip(self._sources, batches, strict=True):
            # In NumPy, which is one thread: PyTorch's, one for every core, would wait in turns with the decoder's.
            for place, item in zip(source.numpy(), batch, strict=False):
                place[: len(item)] = item
        with torch.inference_mode(), torch.cuda.stream(self._stream):
            if self._stream is None:
                self._result = self._function(*self._inputs)
                return
            for device_input, source in zip(self._inputs, self._sources, strict=True):
                device_input.copy_(source, non_blocking=True)
            output = self._run(self._stream)
            if self._result is None:
                self._result = torch.empty(output.shape, dtype=output.dtype, pin_memory=True)
            self._result.copy_(output, non_blocking=True)

    def result(self) -> FloatArray:
        """Wait for the run that was started; its output, not to be written to, until the next start."""
        assert self._result is not None
        if self._stream is not None:
            self._stream.synchronize()
        return self._result.numpy()

    def __call__(self, *batches: Sequence[NDArray[np.generic]]) -> FloatArray:
        """Start, and wait for the result."""
        self.start(*batches)
        return self.result()

    def _run(self, stream: torch.cuda.Stream) -> Tensor:
        if self._graph is not None:
            assert self._output is not None
            self._graph.replay()
            return self._output
        self._runs += 1
        # cuDNN tries its algorithms for every convolution at first, and keeps to the fastest.
        tuned_before, torch.backends.cudnn.benchmark = torch.backends.cudnn.benchmark, True
        try:
            output = self._function(*self._inputs)
            if self._runs <= self._eager_runs:
                return output
            # Captured right after an eager run: what cuDNN has tried out is known to this thread alone.
            graph = torch.cuda.CUDAGraph()
            # Another thread, with a recognizer of its own, may allocate meanwhile.
            with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
                self._output = self._function(*self._inputs)
        finally:
            torch.backends.cudnn.benchmark = tuned_before
        self._graph = graph
        graph.replay()
        return self._output
