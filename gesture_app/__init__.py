"""Real-time hand-gesture recognition: HaGRID's 18 gestures from a webcam, a stream, a video or a picture."""

__version__ = "0.1.0"
