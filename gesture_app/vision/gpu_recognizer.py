"""Frame in, hands out, on CUDA: the frame goes up once, a few numbers come down, and nothing waits in between."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from gesture_app.vision.cuda_program import Program
from gesture_app.vision.gpu_layers import fuse
from gesture_app.vision.gpu_steps import (
    crop_hands,
    find_hands,
    letterbox,
    to_pictures,
    to_probabilities,
)
from gesture_app.vision.hands import FloatArray, Hand, Image, RecognizerOptions
from gesture_app.vision.model_info import ModelInfo, PrecisionName
from gesture_app.vision.postprocess import Detections
from gesture_app.vision.preprocess import check_image, fitted_hw
from gesture_app.vision.recognizer import Recognizer, to_hands, until_error
from gesture_app.vision.runtimes import TorchNetwork
from gesture_app.vision.yolox import cell_grid

MAX_PROGRAMS = 8
"""Shapes whose buffers and graphs are kept; folders of pictures have many."""
STILL_RUNS = 8
"""A picture by itself is looked at in at most so many parts and views; each of a folder may have a shape of its own."""
BATCH = 8
"""Most frames of a file that are recognized together."""
BATCH_PIXELS = BATCH * 1920 * 1080
"""Most pixels of them, a dozen bytes each in the GPU's memory."""

Task = Literal["detect", "classify", "recognize"]


class GpuRecognizer(Recognizer):
    """A `Recognizer` that does everything on the GPU; a CPU can run the same, to test it.

    The number of hands of every picture is that of the options, rounded up to a power of two: their shapes are then the
    same from picture to picture, so that one CUDA graph holds both networks and what lies between them. That costs less
    than asking the GPU in the middle how many hands there are.

    Args:
        detector, classifier: of one device; their networks are changed in place.
        precision: f32 or bf16; `auto` is float16 on CUDA, float32 on a CPU.
    """

    one_step = True

    def __init__(
        self,
        detector: tuple[TorchNetwork, ModelInfo],
        classifier: tuple[TorchNetwork, ModelInfo],
        options: RecognizerOptions | None = None,
        precision: PrecisionName = "auto",
    ) -> None:
        super().__init__(detector, classifier, options)
        self.device = detector[0].device
        self._dtype = {"f32": torch.float32, "bf16": torch.bfloat16}.get(
            precision, torch.float16 if self.device.type == "cuda" else torch.float32
        )
        self._detect = detector[0].network
        self._classify = classifier[0].network
        for network in (self._detect, self._classify):
            fuse(network)
            network.to(self._dtype).to(memory_format=torch.channels_last)
        self._logit_shifts = torch.tensor(self.classifier_info.shifts, dtype=torch.float32, device=self.device)
        # PyTorch has few streams and gives them out again, so programs, which come and go, share these.
        on_gpu = self.device.type == "cuda"
        self._streams = [torch.cuda.Stream(self.device) if on_gpu else None for _ in range(2)]  # type: ignore[no-untyped-call]
        self._programs: OrderedDict[tuple[object, ...], Program] = OrderedDict()

    def __call__(self, image: Image, options: RecognizerOptions | None = None) -> list[Hand]:
        """See `Recognizer`."""
        check_image(image)
        options = options or self.options
        return self._hands(self._program("recognize", image.shape, options.max_boxes)([image])[0], options)

    def detect(self, image: Image, options: RecognizerOptions) -> Detections:
        """See `Recognizer`."""
        check_image(image)
        return _detections(self._program("detect", image.shape, options.max_boxes)([image])[0].copy(), options)

    def classify_boxes(self, image: Image, boxes_xyxy: FloatArray) -> FloatArray:
        """See `Recognizer`."""
        check_image(image)
        if not len(boxes_xyxy):
            return np.zeros((0, len(self._columns)), np.float32)
        probabilities = self._program("classify", image.shape, len(boxes_xyxy))([image], [boxes_xyxy])
        return probabilities[0, : len(boxes_xyxy)][:, self._columns]

    def stream(self, images: Iterable[Image], options: RecognizerOptions | None = None) -> Iterator[list[Hand]]:
        """The hands of many pictures, in order, in batches: the next one is uploaded while one is computed.

        At most `2 * BATCH` pictures are taken before their hands are given. An error of `images` is raised after the
        hands of all pictures before it.

        Raises:
            ValueError: an image is empty or not HWC uint8 with 3 channels.
        """
        errors: list[Exception] = []
        running: deque[tuple[Program, int, RecognizerOptions]] = deque()
        try:
            for number, batch in enumerate(batches(until_error(images, errors))):
                wanted, shape = options or self.options, batch[0].shape
                # Two programs take turns, each with buffers of its own, in two streams.
                program = self._program("recognize", shape, wanted.max_boxes, batch_size(shape), number % 2)
                program.start(batch)
                running.append((program, len(batch), wanted))
                if len(running) > 1:
                    yield from self._finish(*running.popleft())
            while running:
                yield from self._finish(*running.popleft())
        finally:  # whoever takes them has stopped
            for program, _, _ in running:
                program.result()
        if errors:
            raise errors[0]

    def _finish(self, program: Program, count: int, options: RecognizerOptions) -> Iterator[list[Hand]]:
        rows = program.result()[:count].copy()  # the program may be started again before the last of them is taken
        return (self._hands(row, options) for row in rows)

    def _hands(self, rows: FloatArray, options: RecognizerOptions) -> list[Hand]:
        """The hands of one picture's rows (hands, 6 + outputs of the classifier)."""
        found = _detections(rows, options)
        probabilities = rows[: len(found.scores), 6:].take(self._columns, axis=1)
        return to_hands(found, probabilities, self.labels, options)

    def _program(self, task: Task, shape: Sequence[int], hands: int, pictures: int = 1, turn: int = 0) -> Program:
        """What does a task for pictures of a shape (H, W, 3); see `_build` for the inputs and the output."""
        padded = 1 << (hands - 1).bit_length()
        key = task, shape[0], shape[1], padded, pictures, turn
        if key not in self._programs:
            self._programs[key] = self._build(task, (shape[0], shape[1]), padded, pictures, self._streams[turn])
            if len(self._programs) > MAX_PROGRAMS:
                self._programs.popitem(last=False)
        self._programs.move_to_end(key)
        return self._programs[key]

    def _build(
        self, task: Task, frame_hw: tuple[int, int], hands: int, pictures: int, stream: torch.cuda.Stream | None
    ) -> Program:
        """A program whose inputs are frames (B, H, W, 3), and boxes (B, hands, 4) of `classify`.

        Its output is (B, hands, 6) of `detect`, see `find_hands`; (B, hands, outputs) of `classify`; both side by side
        of `recognize`.
        """
        input_hw = fitted_hw(frame_hw, self.detector_info.input_hw)
        grid = cell_grid(input_hw, self.device)

        def detect(frames: Tensor) -> Tensor:
            return find(to_pictures(frames))

        def find(frames: Tensor) -> Tensor:
            raw = self._detect(self._network_input(letterbox(frames, input_hw)))
            return find_hands(raw, grid, input_hw, frame_hw, hands)

        def classify(frames: Tensor, boxes_xyxy: Tensor) -> Tensor:
            return self._name(to_pictures(frames), boxes_xyxy)

        def recognize(frames: Tensor) -> Tensor:
            shown = to_pictures(frames)
            found = find(shown)
            return torch.cat((found, self._name(shown, found[..., :4])), -1)

        frames = ((pictures, *frame_hw, 3), torch.uint8)
        if task == "classify":
            return Program(classify, [frames, ((pictures, hands, 4), torch.float32)], stream, STILL_RUNS)
        if task == "detect":
            return Program(detect, [frames], stream, STILL_RUNS)
        return Program(recognize, [frames], stream)

    def _name(self, shown: Tensor, boxes_xyxy: Tensor) -> Tensor:
        """Probabilities (B, N, outputs), `background` included, of boxes (B, N, 4) of pictures (B, 3, H, W)."""
        crops = crop_hands(shown, boxes_xyxy, self.classifier_info.input_hw[0])
        logits = self._classify(self._network_input(crops))
        probabilities = to_probabilities(logits, self._logit_shifts)
        return probabilities.view(*boxes_xyxy.shape[:2], -1)

    def _network_input(self, pictures: Tensor) -> Tensor:
        return pictures.to(self._dtype, memory_format=torch.channels_last)


def _detections(rows: FloatArray, options: RecognizerOptions) -> Detections:
    """Of the rows (hands, 6 or more) of one picture those that are sure enough."""
    rows = rows[: np.count_nonzero(rows[: options.max_boxes, 4] >= options.detector_threshold)]
    return Detections(rows[:, :4], rows[:, 4], rows[:, 5].astype(np.int64))


def batch_size(shape: Sequence[int]) -> int:
    """How many pictures of a shape (H, W, 3) are recognized together."""
    return max(1, min(BATCH, BATCH_PIXELS // (shape[0] * shape[1])))


def batches(images: Iterable[Image]) -> Iterator[list[Image]]:
    """Neighbours of one shape, at most `batch_size` of them, in order."""
    batch: list[Image] = []
    for image in images:
        if batch and (image.shape != batch[0].shape or len(batch) == batch_size(image.shape)):
            yield batch
            batch = []
        batch.append(image)
    if batch:
        yield batch
