"""The live thread and its parts, with a recognizer that is a function and sources that follow a script."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pytest
from fakes import LABELS, LEFT_BGR, RIGHT_BGR, FakeRecognizer, a_hand, two_colours
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QColor

import gesture_app.vision.video_recognizer  # noqa: F401  # its import takes more time than a test may wait
from gesture_app.errors import EnvironmentFault, InputError
from gesture_app.settings import Settings
from gesture_app.ui.live import LiveSettings, ModelChoice, Phase, Result, Status
from gesture_app.ui.meters import Meter
from gesture_app.ui.pictures import to_qimage
from gesture_app.ui.pipeline import Pipeline
from gesture_app.ui.workers import LiveWorker
from gesture_app.video.clips import Clip
from gesture_app.video.reader import FrameReader
from gesture_app.vision.hands import Frame, RecognizerOptions
from gesture_app.vision.postprocess import Detections
from gesture_app.vision.preprocess import mirror
from gesture_app.vision.style import OverlayStyle


class ScriptedSource:
    """Gives a frame for every True, nothing for every False, at 100 a second; then nothing, or its end as a clip."""

    name = "script"

    def __init__(self, script: Iterable[bool], ends: bool) -> None:
        self.notes: list[str] = []
        self._script = iter(script)
        self.clip = Clip(None, 0.01) if ends else None
        self._index = 0

    def read(self) -> Frame | None:
        time.sleep(0.01)
        if not next(self._script, None):
            return None
        self._index += 1
        return self.read_at(self._index / 100)

    def read_at(self, time_s: float, wanted: object = None) -> Frame | None:
        return Frame(two_colours(), round(time_s * 100), time_s)

    def release(self) -> None:
        pass


class News:
    """What a worker has told, taken in its own thread: no event loop is needed."""

    def __init__(self, worker: LiveWorker) -> None:
        self.statuses: list[Status] = []
        self.results: list[Result] = []
        self.run = 0
        worker.status_changed.connect(self.statuses.append, Qt.ConnectionType.DirectConnection)
        worker.result_ready.connect(partial(self._take, worker), Qt.ConnectionType.DirectConnection)

    def _take(self, worker: LiveWorker) -> None:
        result = worker.take_result()
        assert result is not None
        self.results.append(result)

    @property
    def phases(self) -> list[Phase]:
        return [status.phase for status in self.statuses]


def playing(worker: LiveWorker) -> tuple[LiveWorker, News]:
    """The worker once it was told to play its script, and what it tells."""
    news = News(worker)
    worker.start()
    news.run = worker.play("script")
    return worker, news


def wait_for(condition: Callable[[], object], timeout_s: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "timed out"
        time.sleep(0.01)


@pytest.fixture
def make_worker(qapp):
    workers = []

    def make(recognizer=None, script=(), ends=True, load=None, tap=None, source=ScriptedSource):
        def open_reader(name, mailbox, on_state, options):
            return FrameReader(name, mailbox, on_state, options, opener=lambda *_: source(script, ends))

        recognizer = recognizer or FakeRecognizer()
        worker = LiveWorker(load or (lambda choice: recognizer), open_reader, LiveSettings(RecognizerOptions()), tap)
        workers.append(worker)
        return worker

    yield make
    for worker in workers:
        assert worker.shutdown(5.0)


def test_rate_counts_intervals_not_times():
    meter = Meter()
    assert meter.rate(0.0) is None
    meter.add(0.0, 1.0)
    assert meter.rate(0.0) is None
    for i in range(1, 31):
        meter.add(i / 30, 1.0)
    assert meter.rate(1.0) == pytest.approx(30.0)


def test_rate_forgets_what_is_older_than_the_window():
    meter = Meter()
    for i in range(10):
        meter.add(i / 10, 1.0)
    assert meter.rate(5.0) is None
    meter.add(6.0, 1.0)
    meter.add(6.0, 1.0)
    assert meter.rate(6.0) is None, "two events at one moment have no rate"


def test_percentiles():
    values = Meter()
    assert values.at(0.0, 0.5) is None
    for i in range(1, 101):
        values.add(0.0, float(i))
    assert values.at(1.0, 0.0, 0.5, 0.95, 1.0) == (1.0, 50.0, 95.0, 100.0)
    values.add(9.0, 7.0)
    assert values.at(9.0, 0.5, 0.95) == (7.0, 7.0)


@pytest.mark.parametrize("size_wh", [(1, 1), (17, 13), (64, 48)])
def test_qimage_is_a_copy_with_the_right_colours(size_wh):
    image = np.full((size_wh[1], size_wh[0], 3), (10, 20, 30), np.uint8)
    picture = to_qimage(image)
    image[:] = 255
    assert (picture.width(), picture.height()) == size_wh
    assert picture.pixelColor(size_wh[0] - 1, size_wh[1] - 1) == QColor(30, 20, 10)


def test_qimage_of_a_view():
    assert to_qimage(two_colours()[:, ::-1]).pixelColor(0, 0) == QColor(*reversed(RIGHT_BGR))


def test_mirror():
    image = two_colours()
    assert np.array_equal(mirror(image), image[:, ::-1])
    assert a_hand((4, 10, 20, 30)).mirrored(64) == a_hand((44, 10, 60, 30))


@pytest.mark.parametrize(("mirror", "hand_left"), [(False, 4), (True, 48)])
def test_pipeline_mirrors_the_picture_and_the_boxes(mirror, hand_left):
    frame = Frame(two_colours(), 0, 0.0)
    rendered, inference_s = Pipeline(FakeRecognizer())(frame, LiveSettings(RecognizerOptions(), mirror=mirror))
    assert inference_s >= 0 and rendered.hands[0].box_xyxy[0] == hand_left
    assert tuple(rendered.image[47, 0]) == (RIGHT_BGR if mirror else LEFT_BGR)
    assert np.array_equal(frame.image, two_colours()), "the source's picture stays as it is"


def test_pipeline_applies_new_options():
    recognizer = FakeRecognizer()
    pipeline = Pipeline(recognizer)
    options = [RecognizerOptions(), RecognizerOptions(detector_threshold=0.9), RecognizerOptions(max_hands=1)]
    for i, wanted in enumerate(options):
        pipeline(Frame(two_colours(), i, i / 30), LiveSettings(wanted))
    assert recognizer.seen == [wanted.followed() for wanted in options]


def test_a_source_from_opening_to_its_end(make_worker):
    worker, news = playing(make_worker(script=[True] * 5))
    wait_for(lambda: Phase.ENDED in news.phases)
    phases = [phase for phase in dict.fromkeys(news.phases) if phase is not Phase.PAUSED]
    assert phases == [Phase.LOADING, Phase.OPENING, Phase.LIVE, Phase.ENDED]
    assert {status.run for status in news.statuses} == {news.run}
    assert news.results[0].hands and news.results[0].inference_s is not None
    time.sleep(0.2)
    assert news.results[-1].hands and news.results[-1].time_s == 0.05, "the last picture keeps its boxes"
    worker.settings = LiveSettings(RecognizerOptions(), hidden_labels=("like",))
    wait_for(lambda: not news.results[-1].hands), "and follows the settings"


class Slow(FakeRecognizer):
    """Is busy with one picture while the last one comes, and then the end."""

    def detect(self, image, options):
        time.sleep(0.1)
        return super().detect(image, options)


def test_the_end_is_told_after_the_last_picture(make_worker):
    worker = make_worker(Slow(), script=[True] * 5)
    news, told = News(worker), []
    worker.status_changed.connect(lambda status: told.append(status.phase), Qt.ConnectionType.DirectConnection)
    worker.result_ready.connect(lambda: told.append(news.results[-1].time_s), Qt.ConnectionType.DirectConnection)
    worker.start()
    worker.play("script")
    wait_for(lambda: 0.05 in told and told[-1] is Phase.ENDED)
    time.sleep(0.3)
    assert told[-1] is Phase.ENDED


class Compiling(FakeRecognizer):
    """Takes its time for the first picture."""

    def detect(self, image, options):
        if not self.seen:
            time.sleep(0.5)
        return super().detect(image, options)


def test_a_clip_waits_until_its_first_frame_is_shown(make_worker):
    _, news = playing(make_worker(Compiling(), script=[True] * 30))
    wait_for(lambda: len(news.results) > 1)
    assert [result.time_s for result in news.results[:1]] == [0.01] and news.results[0].dropped == 0
    assert news.results[1].time_s < 0.2, "not half a second later"
    wait_for(lambda: Phase.ENDED in news.phases)
    assert Phase.PAUSED not in news.phases, "nobody has asked for it"


class Empty(FakeRecognizer):
    """Finds no hand; notes what is classified."""

    def __init__(self):
        super().__init__()
        self.classified = []

    def detect(self, image, options):
        found = super().detect(image, options)
        return Detections(found.boxes_xyxy[:0], found.scores[:0], found.classes[:0])

    def classify_boxes(self, image, boxes_xyxy):
        self.classified.append(len(boxes_xyxy))
        return super().classify_boxes(image, boxes_xyxy)


def test_the_classifier_is_ready_before_the_first_hand(make_worker):
    empty = Empty()
    _, news = playing(make_worker(empty, script=[True] * 40, ends=False))
    wait_for(lambda: len(news.results) > 5)
    assert [count for count in empty.classified if count] == [1]
    assert news.results[0].dropped == 0, "what came while networks got ready does not count"


@pytest.mark.parametrize("opens", [False, True])
def test_a_clip_that_is_paused_while_it_waits_stays_at_its_first_frame(make_worker, opens):
    worker = make_worker(Compiling(), script=[True] * 30)
    news = News(worker)
    worker.play("script")
    if opens:
        worker.start()
        wait_for(lambda: Phase.OPENING in news.phases)
    worker.set_paused(True)
    worker.start()
    wait_for(lambda: Phase.PAUSED in news.phases and news.results)
    time.sleep(0.3)
    assert [result.time_s for result in news.results] == [0.01] and Phase.LIVE not in news.phases
    worker.set_paused(False)
    wait_for(lambda: Phase.ENDED in news.phases)


def test_a_clip_plays_on_after_a_first_frame_that_fails(make_worker):
    _, news = playing(make_worker(FakeRecognizer(fails=lambda call: call == 1), script=[True] * 30))
    wait_for(lambda: Phase.ENDED in news.phases)
    assert Phase.FRAME_FAULT in news.phases and any(result.hands for result in news.results)


def test_models_are_loaded_once_and_the_device_is_told(make_worker):
    loads, devices = [], []

    def load(choice):
        loads.append(1)
        return FakeRecognizer()

    worker = make_worker(script=[True], load=load)
    worker.models_loaded.connect(
        lambda device, labels: devices.append((device, labels)), Qt.ConnectionType.DirectConnection
    )
    news = News(worker)
    worker.start()
    for _ in range(3):
        ended = news.phases.count(Phase.ENDED)
        worker.play("script")
        wait_for(lambda before=ended: news.phases.count(Phase.ENDED) > before)
    assert len(loads) == 1
    assert devices[0] == ("fake device", LABELS)


def test_while_nothing_is_played_networks_are_loaded_and_compiled_for_the_next_source(make_worker):
    loads, recognizer = [], FakeRecognizer()
    worker = make_worker(script=[True], load=lambda choice: loads.append(choice) or recognizer)
    news = News(worker)
    worker.start()
    worker.halt()
    wait_for(lambda: recognizer.seen and not worker._loading.goes_on)
    assert not news.statuses, "nothing is told of it"
    worker.play("script")
    wait_for(lambda: Phase.ENDED in news.phases)
    assert len(loads) == 1 and Phase.LOADING not in news.phases
    other = ModelChoice(device="cpu")
    worker.choice = other
    worker.play("script")
    wait_for(lambda: news.phases.count(Phase.ENDED) == 2)
    assert loads == [ModelChoice(), other]


@pytest.mark.parametrize("device", ["auto", "cpu"])
def test_a_source_opens_beside_networks_that_are_still_loaded_ahead(make_worker, device):
    loads, opened, go_on, busy = [], threading.Event(), threading.Event(), threading.Lock()

    class Opened(ScriptedSource):
        def __init__(self, *script):
            super().__init__(*script)
            opened.set()

    def load(choice):
        with_no_other = busy.acquire(blocking=False)
        assert with_no_other and go_on.wait(10)
        loads.append(choice.device)
        busy.release()
        return FakeRecognizer()

    worker = make_worker(script=[True], load=load, source=Opened)
    news = News(worker)
    worker.start()
    worker.halt()
    wait_for(busy.locked)
    worker.choice = ModelChoice(device=device)
    worker.play("script")
    assert opened.wait(5)
    wait_for(lambda: Phase.LOADING in news.phases)
    assert not loads
    go_on.set()
    wait_for(lambda: Phase.ENDED in news.phases)
    assert loads == list(dict.fromkeys(["auto", device])) and Phase.FAILED not in news.phases


@pytest.mark.parametrize("source", [None, "script"])
def test_closing_does_not_wait_for_networks_that_load(make_worker, source):
    begun, go_on = threading.Event(), threading.Event()
    worker = make_worker(script=[True], load=lambda choice: begun.set() or go_on.wait(10))
    worker.start()
    worker.play(source) if source else worker.halt()
    assert begun.wait(5)
    started = time.monotonic()
    assert not worker.shutdown(9.0) and time.monotonic() - started < 5
    go_on.set()


def test_another_source_opens_while_networks_load_which_are_loaded_once(make_worker):
    loads, opened, go_on = [], [], threading.Event()

    class Opened(ScriptedSource):
        def __init__(self, *script):
            super().__init__(*script)
            opened.append(self)

    def load(choice):
        loads.append(choice)
        assert go_on.wait(10)
        return FakeRecognizer()

    worker, news = playing(make_worker(script=[True], load=load, source=Opened))
    wait_for(lambda: loads and opened)
    run = worker.play("script")
    wait_for(lambda: len(opened) == 2)
    go_on.set()
    wait_for(lambda: Phase.ENDED in news.phases)
    assert len(loads) == 1 and {result.run for result in news.results} == {run}


@pytest.mark.parametrize("ahead", [False, True])
def test_a_source_that_is_none_is_told_while_networks_load_which_are_loaded_once(make_worker, ahead):
    loads, go_on = [], threading.Event()

    def load(choice):
        loads.append(choice)
        assert go_on.wait(10)
        return FakeRecognizer()

    def no_source(*_):
        raise InputError("video: x.mp4: no such file. Check the name")

    worker = make_worker(load=load, source=no_source)
    if ahead:
        worker.start()
        worker.halt()
        wait_for(lambda: loads)
    _, news = playing(worker)
    wait_for(lambda: Phase.NO_SOURCE in news.phases)
    assert not go_on.is_set() and news.phases[0] is Phase.LOADING
    go_on.set()
    wait_for(lambda: not worker._loading.goes_on)
    assert news.phases[-1] is Phase.NO_SOURCE and len(loads) == 1


def test_networks_that_cannot_be_loaded_ahead_are_told_at_the_start(make_worker):
    loads = []

    def load(choice):
        loads.append(choice)
        raise InputError("weights: x: no such file. Check the name")

    worker = make_worker(script=[True], load=load)
    news = News(worker)
    worker.start()
    worker.halt()
    wait_for(lambda: loads)
    time.sleep(0.1)
    assert not news.statuses and len(loads) == 1
    run = worker.play("script")
    wait_for(lambda: Phase.FAILED in news.phases)
    assert news.statuses[-1] == Status(run, Phase.FAILED, "weights: x: no such file. Check the name")


def test_a_source_that_is_wanted_at_once_waits_for_nothing(make_worker):
    worker = make_worker(script=[True] * 5)
    news = News(worker)
    worker.start()
    worker.halt()
    worker.play("script")
    wait_for(lambda: news.results)
    assert news.phases[0] is Phase.LOADING, "in parallel with the opening of the source"


def test_a_failed_load_is_told_and_tried_again(make_worker):
    answers = [InputError("weights: x.safetensors: no such file. Check the name"), RuntimeError("broken"), None]

    def load(choice):
        answer = answers.pop(0)
        if answer is not None:
            raise answer
        return FakeRecognizer()

    worker = make_worker(script=[True], load=load)
    news = News(worker)
    worker.start()
    for expected in ("weights: x.safetensors: no such file. Check the name", "RuntimeError: broken"):
        run = worker.play("script")
        wait_for(lambda run=run: news.statuses and news.statuses[-1].run == run and not news.phases[-1].running)
        assert news.statuses[-1] == Status(run, Phase.FAILED, expected)
    worker.play("script")
    wait_for(lambda: Phase.ENDED in news.phases)


def test_a_bad_frame_is_told_and_the_next_good_one_goes_on(make_worker):
    _, news = playing(make_worker(FakeRecognizer(fails=lambda call: 3 <= call <= 5), script=[True] * 30))
    wait_for(lambda: Phase.ENDED in news.phases)
    faults = [status for status in news.statuses if status.phase is Phase.FRAME_FAULT]
    assert [fault.message for fault in faults] == ["ValueError: a bad frame"], "told once, not for every frame"
    assert news.phases.index(Phase.FRAME_FAULT) < len(news.phases) - 1 - news.phases[::-1].index(Phase.LIVE)


def test_a_paused_picture_follows_the_settings(make_worker):
    worker, news = playing(make_worker(recognizer := FakeRecognizer(), script=[True] * 1000))
    wait_for(lambda: Phase.LIVE in news.phases and len(news.results) > 3)
    worker.set_paused(True)
    wait_for(lambda: news.phases[-1] is Phase.PAUSED)
    time.sleep(0.3)
    seen, shown = len(recognizer.seen), len(news.results)
    time.sleep(0.3)
    assert len(recognizer.seen) == seen and len(news.results) == shown, "nothing is done for a picture that stands"
    assert news.results[-1].hands, "a paused picture keeps its boxes"
    worker.settings = LiveSettings(RecognizerOptions(), mirror=True)
    wait_for(lambda: len(news.results) > shown)
    redrawn = news.results[-1]
    assert redrawn.inference_s is None and redrawn.run == news.run and redrawn.hands
    assert redrawn.picture.pixelColor(0, 47) == QColor(*reversed(RIGHT_BGR))
    assert len(recognizer.seen) == seen, "what is only drawn otherwise is not recognized again"
    worker.settings = LiveSettings(RecognizerOptions(), hidden_labels=("like",))
    wait_for(lambda: not news.results[-1].hands)
    worker.ask(lambda transport: transport.step(3))
    wait_for(lambda: news.results[-1].time_s > redrawn.time_s)
    worker.ask(lambda transport: transport.seek(0.02))
    wait_for(lambda: news.results[-1].time_s == 0.02)
    worker.set_paused(False)
    wait_for(lambda: news.phases[-1] is Phase.LIVE)


@dataclass
class Unsteady(FakeRecognizer):
    """Surer with every call, so that two looks at one picture can be told apart."""

    def classify_boxes(self, image: np.ndarray, boxes_xyxy: np.ndarray) -> np.ndarray:
        sure = 1 - 1 / (2 + len(self.seen))
        return np.tile(np.array([sure, 1 - sure, 0], np.float32), (len(boxes_xyxy), 1))


def test_what_is_drawn_changes_nothing_of_what_was_recognized_in_a_paused_picture(make_worker):
    worker, news = playing(make_worker(Unsteady(), script=[True] * 1000))
    wait_for(lambda: len(news.results) > 3)
    worker.set_paused(True)
    wait_for(lambda: news.phases[-1] is Phase.PAUSED)
    time.sleep(0.2)
    usual = RecognizerOptions().label_threshold
    scores = {usual: {news.results[-1].hands[0].score}}
    for threshold in (usual, 0.1):
        for ids in (True, False, True):
            shown = len(news.results)
            options = RecognizerOptions(label_threshold=threshold)
            worker.settings = LiveSettings(options, overlay=OverlayStyle(ids=ids))
            wait_for(lambda shown=shown: len(news.results) > shown)
            scores.setdefault(threshold, set()).add(news.results[-1].hands[0].score)
    assert [len(found) for found in scores.values()] == [1, 1]
    worker.settings = LiveSettings(RecognizerOptions())
    wait_for(lambda: {news.results[-1].hands[0].score} == scores[usual])


def test_other_networks_while_it_plays(make_worker):
    loads = []

    def load(choice):
        loads.append(choice)
        if choice.device == "cuda":
            raise EnvironmentFault("device: cuda: there is none. Use cpu")
        return FakeRecognizer(device_name=f"on {choice.device}")

    worker, news = playing(make_worker(script=[True] * 3000, load=load))
    wait_for(lambda: len(news.results) > 3)
    worker.choice = ModelChoice(device="cpu")
    wait_for(lambda: len(loads) == 2)
    before = len(news.results)
    wait_for(lambda: len(news.results) > before + 3)
    assert news.phases.count(Phase.OPENING) == 2 and news.phases[-1] is Phase.LIVE, "the source was not opened again"
    worker.choice = ModelChoice(device="cuda")
    wait_for(lambda: news.phases[-1] is Phase.FAILED)
    assert news.statuses[-1] == Status(news.run, Phase.FAILED, "device: cuda: there is none. Use cpu")
    worker.choice = ModelChoice(device="cpu")
    worker.play("script")
    wait_for(lambda: news.phases[-1] is Phase.LIVE)


class Pictures:
    """A tap that keeps everything."""

    def __init__(self):
        self.drawn, self.clean, self.times_s = [], [], []

    def add(self, drawn, clean, captured_s):
        self.drawn.append(drawn)
        self.clean.append(clean)
        self.times_s.append(captured_s)


@pytest.mark.parametrize("mirror", [False, True])
def test_a_tap_gets_every_picture_with_boxes_as_shown_and_without_as_filmed(make_worker, mirror):
    tap = Pictures()
    worker = make_worker(script=[True] * 10, tap=tap)
    worker.settings = LiveSettings(RecognizerOptions(), mirror=mirror)
    _, news = playing(worker)
    wait_for(lambda: Phase.ENDED in news.phases)
    assert len(tap.times_s) == sum(result.inference_s is not None for result in news.results)
    assert np.array_equal(tap.clean[0], two_colours())
    assert not np.array_equal(tap.drawn[0], two_colours())
    left_is_left = np.array_equal(tap.drawn[0][-1, 0], two_colours()[-1, 0])
    assert left_is_left is not mirror
    assert tap.times_s == sorted(tap.times_s)


@pytest.mark.parametrize("wanted", [False, True])
@pytest.mark.parametrize("screen", [False, True])
def test_all_but_the_screen_is_brightened(wanted, screen):
    assert LiveSettings.of(Settings(brighten=wanted), False, screen).brighten is (wanted and not screen)


@pytest.mark.parametrize("brighten", [False, True])
def test_a_dark_picture_is_brightened_and_recorded_as_it_is(make_worker, brighten):
    tap, dark = Pictures(), np.full((40, 62, 3), 30, np.uint8)

    class DarkSource(ScriptedSource):
        def read_at(self, time_s, wanted=None):
            return Frame(dark, round(time_s * 100), time_s)

    worker = make_worker(script=[True] * 5, tap=tap, source=DarkSource)
    worker.settings = LiveSettings(RecognizerOptions(), brighten=brighten)
    _, news = playing(worker)
    wait_for(lambda: Phase.ENDED in news.phases)
    assert tap.clean and all(np.array_equal(image, dark) for image in tap.clean)
    corner = {int(image[-1, 0, 0]) for image in tap.drawn}
    assert corner == {87 if brighten else 30}
    assert {result.dark for result in news.results if result.inference_s is not None} == {brighten}


@pytest.mark.parametrize("mirror", [False, True])
def test_a_blurred_picture_shows_nothing_when_its_boxes_leave(make_worker, mirror):
    worker = make_worker(script=[True] * 5, ends=False)
    worker.settings = LiveSettings(RecognizerOptions(), blur=True, mirror=mirror)
    _, news = playing(worker)
    wait_for(lambda: Phase.RECONNECTING in news.phases and not news.results[-1].hands)
    last = news.results[-1].picture
    middle = last.pixelColor(31, 20)
    assert middle.green() > LEFT_BGR[1] + 20 and middle.blue() > RIGHT_BGR[0] + 20, "the edge between both is blurred"


def test_a_slow_network_does_not_hold_up_the_next_source(qapp):
    opened, go_on = [], threading.Event()

    class Stuck:
        name, clip = "stuck", None

        def read(self):
            go_on.wait(30)

        def release(self):
            pass

    def open_reader(source, mailbox, on_state, options):
        opened.append(source)
        made = Stuck if source.startswith("http") else lambda: ScriptedSource([True] * 500, False)
        return FrameReader(source, mailbox, on_state, options, opener=lambda *_: made())

    worker = LiveWorker(lambda choice: FakeRecognizer(), open_reader, LiveSettings(RecognizerOptions()))
    news = News(worker)
    worker.start()
    worker.play("http://stuck/")
    wait_for(lambda: opened == ["http://stuck/"])
    time.sleep(0.2)
    started = time.monotonic()
    run = worker.play("script")
    wait_for(lambda: news.results and news.results[-1].run == run)
    assert time.monotonic() - started < 10
    threading.Timer(0.2, go_on.set).start()
    assert worker.shutdown(10.0), "it waits for the one that is stuck"
    assert go_on.is_set()


def test_boxes_leave_the_picture_of_a_lost_source(make_worker):
    _, news = playing(make_worker(script=[True] * 5, ends=False))
    wait_for(lambda: Phase.RECONNECTING in news.phases)
    assert news.results[-1].hands == ()
    assert news.results[-1].picture.pixelColor(4, 18) == QColor(*reversed(LEFT_BGR))


class StillSource(ScriptedSource):
    """Pictures by themselves, each for a third of a second."""

    def __init__(self, script: Iterable[bool], ends: bool) -> None:
        super().__init__(script, ends)
        self.clip = Clip(None, 0.3, 3)

    def read_at(self, time_s: float, wanted: object = None) -> Frame | None:
        return Frame(two_colours(), round(time_s * 100), time_s, still=True)


def test_pictures_keep_their_boxes_however_long_they_stand(make_worker, monkeypatch):
    monkeypatch.setattr("gesture_app.ui.run.STALE_AFTER_S", 0.01)
    worker, news = playing(make_worker(script=[True] * 3, source=StillSource))
    wait_for(lambda: Phase.ENDED in news.phases)
    time.sleep(0.2)
    assert news.results and all(result.hands for result in news.results)
    worker.settings = LiveSettings(RecognizerOptions(), mirror=True)
    wait_for(lambda: news.results[-1].picture.pixelColor(4, 18) != QColor(*reversed(LEFT_BGR)))
    assert news.results[-1].hands


class FaultySource(ScriptedSource):
    """Has something to tell of its third frame."""

    def read(self) -> Frame | None:
        frame = super().read()
        if frame is not None and frame.index == 3:
            self.notes.append("a fault")
        return frame


def test_a_fault_of_a_source_is_told_and_it_goes_on(make_worker):
    worker = make_worker(script=[True] * 10, source=FaultySource)
    news, notes = News(worker), []
    worker.noted.connect(lambda run, text: notes.append((run, text)), Qt.ConnectionType.DirectConnection)
    worker.start()
    run = worker.play("script")
    wait_for(lambda: Phase.ENDED in news.phases)
    assert notes == [(run, "a fault")] and news.results[-1].time_s > 0.03


class SlowSource(ScriptedSource):
    def read(self) -> Frame | None:
        time.sleep(0.1)
        return super().read()


def test_a_slow_clip_keeps_its_boxes(make_worker, monkeypatch):
    monkeypatch.setattr("gesture_app.ui.run.STALE_AFTER_S", 0.01)
    _, news = playing(make_worker(script=[True] * 6, source=SlowSource))
    wait_for(lambda: len(news.results) > 4)
    assert all(result.hands for result in news.results[:4])


def test_a_paused_hand_keeps_its_number_when_only_the_look_changes(make_worker):
    class Jumping(FakeRecognizer):
        def detect(self, image, options):
            found = super().detect(image, options)
            return replace(found, boxes_xyxy=found.boxes_xyxy + 30) if len(self.seen) > 2 else found

    worker, news = playing(make_worker(Jumping(), script=[True] * 1000))
    wait_for(lambda: news.results and news.results[-1].hands[0].id == 2)
    worker.set_paused(True)
    wait_for(lambda: news.phases[-1] is Phase.PAUSED)
    time.sleep(0.3)
    shown = len(news.results)
    worker.settings = LiveSettings(RecognizerOptions(), mirror=True)
    wait_for(lambda: len(news.results) > shown)
    assert [hand.id for hand in news.results[-1].hands] == [2]


def test_at_most_one_notice_is_in_flight(make_worker):
    worker = make_worker(recognizer := FakeRecognizer(), script=[True] * 60)
    notices = []
    worker.result_ready.connect(lambda: notices.append(1), Qt.ConnectionType.DirectConnection)
    worker.start()
    worker.play("script")
    wait_for(lambda: len(recognizer.seen) > 20)
    assert len(notices) == 1, "nobody took the first result, so there is nothing new to tell"
    assert worker.take_result() is not None


def test_settings_act_while_it_plays(make_worker):
    worker = make_worker(recognizer := FakeRecognizer(), script=[True] * 1000)
    worker.start()
    worker.play("script")
    wait_for(lambda: recognizer.seen)
    worker.settings = LiveSettings(RecognizerOptions(label_threshold=0.11))
    wait_for(lambda: recognizer.seen[-1].label_threshold == 0.11)


def test_many_starts_and_stops(make_worker):
    worker = make_worker(recognizer := FakeRecognizer(), script=[True] * 1000)
    worker.start()
    for i in range(40):
        worker.play("script") if i % 2 else worker.halt()
        time.sleep(i % 7 * 0.005)
    before = len(recognizer.seen)
    worker.play("script")
    wait_for(lambda: len(recognizer.seen) > before)
    started = time.monotonic()
    assert worker.shutdown(10.0)
    assert time.monotonic() - started < 5


def test_close_before_start_and_twice(make_worker):
    worker = make_worker()
    assert worker.shutdown(1.0)
    worker.start()
    assert worker.shutdown(1.0)
    assert worker.shutdown(1.0)
