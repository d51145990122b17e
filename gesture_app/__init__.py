"""Real-time hand-gesture recognition: HaGRID's 18 gestures from a webcam, a stream, a video or a picture."""

import os

__version__ = "0.1.0"

# OpenCV reads these when it is imported, by whichever module that is. It and FFmpeg print dozens of lines for one
# broken frame; what matters is told by errors.
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "2")  # seconds; 10 unless told
os.environ.setdefault("OPENCV_VIDEOIO_MSMF_ENABLE_HW_TRANSFORMS", "0")  # or Windows opens some cameras in 20 s
