"""What a media file is made of: its packets, and the key frames among them from which it can be decoded."""

from __future__ import annotations

from bisect import bisect, bisect_left
from collections.abc import Callable, Iterator
from itertools import dropwhile
from math import inf
from typing import Any

from av.container import InputContainer
from av.stream import Stream

RESTART_S = 6 * 3600
"""A longer pause is none: FFmpeg takes a clock that began anew for one that ran over, after 26 hours and a half."""
UNINDEXED = ("mpegts", "mpeg")
"""The formats in which FFmpeg positions between key frames, by a clock that may begin anew on the way."""
CHUNK_HEAD = 8
"""Bytes before each packet of an AVI, by which its index tells where it is."""


def packets_of(container: InputContainer, *streams: Stream) -> Iterator[Any]:
    """The packets of some streams, or of all of them, as the container's `demux` gives them."""
    try:
        yield from container.demux(*streams)
    except IndexError:  # of PyAV at the end, where streams had begun on the way, as those of broadcasts do
        return


def packets_by_index(container: InputContainer, stream: Stream) -> Iterator[Any]:
    """The packets of a positioned AVI; none where the index has another one at the time that the first is given.

    FFmpeg counts dropped frames, which are empty chunks, twice where they lie just before such a place.
    """
    packets, entries = packets_of(container, stream), stream.index_entries
    first = next(packets, None)
    if first is None or first.dts is None or (number := entries.search_timestamp(first.dts, any_frame=True)) < 0:
        return
    if (entries[number].timestamp, entries[number].pos + CHUNK_HEAD) == (first.dts, first.pos):
        yield first
        yield from packets


class KeyFrames:
    """The key frames of a stream in one of the formats `UNINDEXED`, found by reading its packets, each once.

    Args:
        start_pts: when the file starts, in the stream's time base, as all times here are.
    """

    def __init__(self, container: InputContainer, stream: Stream, start_pts: int) -> None:
        self._container = container
        self._stream = stream
        # When they are shown, and their bytes; before them the start of the file.
        self._found = [(start_pts - 1, 0)]

    def last_before(self, pts: int, wanted: Callable[[], bool]) -> int | None:
        """When the last one that is there by this time is shown; the first one, for an earlier time.

        Returns:
            None where there is none, or the clock jumps before the next one, and once `wanted` gives False.

        Raises:
            av.FFmpegError, OSError: the file cannot be read.
        """
        latest = self._found[-1][0]
        for packet in self.packets_from(latest) if latest <= pts else ():
            if not wanted():
                return None
            if packet.pts is None and (not packet.size or self._container.format.name == "mpegts"):
                continue  # the end, or a second field; in the other format more times are guessed then
            if packet.pts is None or not -1 <= (packet.pts - latest) * packet.time_base <= RESTART_S:
                return None
            if packet.is_keyframe and packet.pos is not None and packet.pts > latest:  # its time is no guess
                self._found.append((packet.pts, packet.pos))
                if packet.pts > pts:
                    break
            latest = max(latest, packet.pts)
        return self._found[max(1, bisect(self._found, (pts, inf)) - 1)][0] if len(self._found) > 1 else None

    def packets_from(self, pts: int) -> Iterator[Any]:
        """The packets from the key frame on that is shown at this time.

        They are read from the one before on, as the first packet after a place among the bytes may lack its beginning.

        Raises:
            av.FFmpegError, OSError: the file cannot be positioned or read, when the first one is taken.
        """
        before = max(0, bisect_left(self._found, (pts, 0)) - 1)
        self._container.seek(self._found[before][1], unsupported_byte_offset=True)
        packets = packets_of(self._container, self._stream)
        yield from dropwhile(lambda p: p.pts is None or p.pts < pts or not p.is_keyframe, packets)
