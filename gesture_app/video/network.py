"""Network streams through PyAV: every picture in its own size, and not faster than it is to be shown."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import replace

import av
from av.container import InputContainer
from av.stream import Discard
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from gesture_app.errors import EnvironmentFault
from gesture_app.video.addresses import masked
from gesture_app.video.files import ANY_TEXT
from gesture_app.video.packets import packets_of
from gesture_app.video.upright import Upright
from gesture_app.vision.hands import Frame

ANSWER_S = 2.0
"""To connect, and for each piece of the stream."""
PICTURE_S = 1.0
"""Sound that goes on alone is waited with for so long."""
JUMP_S = 1.0
"""Times that are further away from the clock than this begin anew: the stream was late, or jumped."""
STILL_S = 0.5
"""A picture that stays for longer is given again so often."""
HTTP_OPTIONS = {"protocol_whitelist": "http,https,httpproxy,tcp,tls,crypto,data"}
"""A playlist must not name files of this machine."""
RTSP_OPTIONS = {"rtsp_flags": "prefer_tcp"}


class NetworkSource:
    """An rtsp or http stream; its reader numbers and times the frames.

    HLS, which comes in segments, and files, which come as fast as the network is, are played at their own pace; files
    again and again.

    Raises:
        EnvironmentFault: it cannot be opened now, with the reason where the server tells it.
    """

    clip = None

    def __init__(self, address: str) -> None:
        self.name = masked(address)
        self._container = _connect(address)
        best = self._container.streams.best("video")
        self._stream = best if isinstance(best, VideoStream) else self._container.streams.video[0]
        for stream in self._container.streams:
            if stream.index != self._stream.index:
                stream.discard = Discard.all  # other sizes of the same pictures would be fetched, too
        self._is_file = bool(self._container.duration)
        self._has_pace = self._is_file or self._container.format.name == "hls"
        if self._has_pace:
            self._stream.thread_type = "AUTO"  # else pictures would come late by as many as there are threads
        self._upright = Upright(self._stream)
        self._packets = packets_of(self._container)
        self._pictures: deque[VideoFrame] = deque()
        self._shown: Frame | None = None
        self._zero_s: float | None = None

    def read(self) -> Frame | None:
        """The next frame; None for one that is broken or late."""
        deadline_s = time.monotonic() + PICTURE_S
        while not self._pictures:
            if time.monotonic() > deadline_s or not self._decode_next():
                return None
        time_s = self._pictures[0].time
        if self._has_pace and time_s is not None and not self._is_due(time_s):
            return self._shown and replace(self._shown, image=self._shown.image.copy())
        try:
            self._shown = Frame(self._upright(self._pictures.popleft()), 0, 0.0)
        except (av.FFmpegError, ValueError):
            return None
        return self._shown

    def release(self) -> None:
        """Close the connection."""
        self._container.close()

    def _decode_next(self) -> bool:
        """Take a packet of any stream; False where there is none now."""
        try:
            packet = next(self._packets, None)
            if packet is None and self._is_file and self._zero_s is not None:
                self._container.seek(0)
                self._packets, self._zero_s = packets_of(self._container), None
                return True
            if packet is not None and packet.stream.index == self._stream.index:
                self._pictures.extend(self._stream.decode(packet))
        except (av.FFmpegError, OSError):
            return False
        return packet is not None

    def _is_due(self, time_s: float) -> bool:
        """Wait for the time of a picture, or for `STILL_S` if that is still to come then."""
        now_s = time.monotonic()
        ahead_s = 0.0 if self._zero_s is None else self._zero_s + time_s - now_s
        jumped = ahead_s > JUMP_S and not self._is_file  # in a file, one picture may stay for long
        if self._zero_s is None or jumped or ahead_s < -JUMP_S:
            self._zero_s, ahead_s = now_s - time_s, 0.0
        time.sleep(min(max(0.0, ahead_s), STILL_S))
        return ahead_s <= STILL_S


def _connect(address: str) -> InputContainer:
    options = HTTP_OPTIONS if address.lower().startswith("http") else RTSP_OPTIONS
    try:
        container: InputContainer = av.open(address, options=options, timeout=ANSWER_S, **ANY_TEXT)
        if container.streams.video:
            return container
        container.close()
        why = "sends no video. Check that the address is the stream's and not that of a web page"
    except (av.HTTPUnauthorizedError, av.HTTPForbiddenError):
        why = "refuses the name or the password. Check both, as in rtsp://NAME:PASSWORD@HOST/PATH"
    except av.HTTPNotFoundError:
        why = "has nothing at this path. Check the address"
    except av.HTTPServerError:
        why = "answers with a fault of its own. Look at the camera or the server, or try again later"
    except av.InvalidDataError:
        why = "sends no video. Check that the address is the stream's and not that of a web page"
    except (av.FFmpegError, OSError):
        why = "does not answer. Check the address and the network"
    raise EnvironmentFault(f"stream: {masked(address)}: {why}")
