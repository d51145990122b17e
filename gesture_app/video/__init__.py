"""Frames in and out: cameras, streams, video files and the encoder."""
