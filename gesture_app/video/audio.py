"""The sound of a video, carried over into its annotated copy."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from itertools import chain
from typing import Any

import av
from av.audio.resampler import AudioResampler
from av.container import OutputContainer

from gesture_app.errors import InputError
from gesture_app.video.files import VideoFile, container_start_s, open_container
from gesture_app.video.packets import RESTART_S, packets_of

COPIED_CODECS = frozenset({"aac", "ac3", "alac", "eac3", "flac", "mp3", "mp3float", "opus", "libopus"})

AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
USUAL_RATE = 48000
LEAST_MP3_RATE = 16000
AC3_START = b"\x0b\x77"

Packet = Any  # generic in some versions of PyAV only

log = logging.getLogger(__name__)


class AudioTrack:
    """The best audio stream of a file, of the pictures' programme, written into an MP4 in step with them.

    Packets are copied where MP4 can hold their codec, else they are encoded again as AAC. Damaged sound ends early;
    that never stops the pictures.
    """

    def __init__(self, video: VideoFile, output: OutputContainer) -> None:
        self._output = output
        self._input = open_container(video.path)
        self._stream: Any = self._input.streams.best("audio", related=self._input.streams[video.stream_index])
        self._waiting: Packet | None = None
        self._last_dts: int | None = None
        if self._stream is None or self._stream.codec_context is None:
            self._stream = None
            return
        packets = self._demuxed()
        first = next(packets, None)
        if first is None:  # a track without sound, which MP4 refuses
            self._stream = None
            return
        self._source = chain((first,), packets)
        self._start_s = container_start_s(self._input)
        codec = self._stream.codec_context.name
        headless = codec == "aac" and not self._stream.codec_context.extradata  # broadcast AAC, which MP4 refuses
        low = codec.startswith("mp3") and self._stream.codec_context.sample_rate < LEAST_MP3_RATE
        if codec in COPIED_CODECS and not headless and not low:
            self._target: Any = output.add_stream_from_template(self._stream)
            self._packets = self._copied()
        else:
            context = self._stream.codec_context
            rate = context.sample_rate if context.sample_rate in AAC_RATES else USUAL_RATE
            layout = context.layout.name
            if layout.endswith("channels"):  # raw sound in AVI and Matroska does not tell their order
                layout = "mono" if context.layout.nb_channels == 1 else "stereo"
            self._target = output.add_stream("aac", rate=rate, layout=layout)
            self._target.codec_context.open(strict=False)
            self._packets = self._encoded()

    @classmethod
    def of(cls, video: VideoFile, output: OutputContainer) -> AudioTrack | None:
        """The sound of a video; None when there is none that can be read."""
        try:
            track = cls(video, output)
        except (InputError, av.FFmpegError, ValueError) as error:
            log.warning("the sound is left out: %s", error)
            return None
        return track if track._stream is not None else None

    def write_until(self, time_s: float | None) -> None:
        """Write the sound that starts before `time_s` (of `Frame.time_s`), or all that is left when it is None."""
        while True:
            if self._waiting is None:
                try:
                    self._waiting = next(self._packets, None)
                except (av.FFmpegError, OSError, ValueError) as error:
                    self._end_early(error)
            packet = self._waiting
            if packet is None:
                return
            if time_s is not None and packet.pts is not None and float(packet.pts * packet.time_base) >= time_s:
                return
            self._waiting = None
            if self._last_dts is not None and packet.dts <= self._last_dts:
                continue  # MP4 takes growing times only
            self._last_dts = packet.dts
            try:
                self._output.mux(packet)
            except OSError:  # the disk: as fatal for the pictures
                raise
            except av.FFmpegError as error:
                self._end_early(error)
                return

    def _end_early(self, error: Exception) -> None:
        log.warning("the sound ends early: %s", error)
        self._packets = iter(())

    def close(self) -> None:
        """Close the source of the sound."""
        self._input.close()

    def _copied(self) -> Iterator[Packet]:
        is_ac3 = self._stream.codec_context.name in ("ac3", "eac3")
        for packet in self._source:
            if is_ac3 and not bytes(packet).startswith(AC3_START):
                continue  # damaged, or another codec's since a new programme, at which FFmpeg stops the pictures, too
            if packet.dts is None:
                continue
            shift = round(Fraction(self._start_s).limit_denominator(1_000_000) / packet.time_base)
            packet.dts -= shift
            packet.pts = packet.dts if packet.pts is None else packet.pts - shift
            packet.stream = self._target
            yield packet

    def _encoded(self) -> Iterator[Packet]:
        context: Any = self._target.codec_context
        target = (context.format, context.layout, context.sample_rate, context.frame_size or 1024)
        resampler, kind = AudioResampler(*target), None
        shift_s = Fraction(self._start_s).limit_denominator(1_000_000)
        for packet in self._source:
            try:
                frames = packet.decode()
            except (av.FFmpegError, OSError):
                continue
            for frame in frames:
                before, kind = kind, (frame.format.name, frame.layout.name, frame.sample_rate)
                if before not in (None, kind):  # another programme of a broadcast; its first sounds find their own time
                    resampler = AudioResampler(*target)
                if frame.pts is not None:
                    frame.pts -= round(shift_s / frame.time_base)
                for piece in resampler.resample(frame):
                    yield from self._target.encode(piece)
        for piece in resampler.resample(None):
            yield from self._target.encode(piece)
        yield from self._target.encode(None)

    def _demuxed(self) -> Iterator[Packet]:
        """The packets; where another file was joined on, its times go on after those before, as `VideoFile`'s do."""
        end: int | None = None
        shift = 0
        with suppress(av.FFmpegError, OSError):
            for packet in packets_of(self._input, self._stream):
                if not packet.size:
                    continue
                if packet.dts is not None:
                    if end is not None and not -1 <= (packet.dts + shift - end) * packet.time_base <= RESTART_S:
                        shift = end - packet.dts
                    packet.dts += shift
                    packet.pts = None if packet.pts is None else packet.pts + shift
                    end = packet.dts + (packet.duration or 0)
                yield packet
