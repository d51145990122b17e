"""A picture by itself, for which there is more time than for a frame of a video."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
from scipy.optimize import linear_sum_assignment

from gesture_app.vision.boxes import iou_matrix, mirror_boxes
from gesture_app.vision.closer import corner_windows, look_at_all
from gesture_app.vision.hands import MOST_HANDS, FloatArray, Hand, Image, RecognizerOptions
from gesture_app.vision.labels import NO_GESTURE
from gesture_app.vision.postprocess import NMS_IOU, Detections, join
from gesture_app.vision.preprocess import mirror
from gesture_app.vision.recognizer import Recognizer, to_hands

FAINT = 0.25
"""What is as sure as this share of the threshold in one view may be a hand by the other one."""


def recognize_still(networks: Recognizer, image: Image) -> list[Hand]:
    """The hands of a picture that is no frame of a video.

    Both networks see the picture and its mirror image, and their scores and probabilities are averaged (test-time
    augmentation, as in Krizhevsky et al., "ImageNet Classification with Deep Convolutional Neural Networks", 2012);
    of a classifier of gestures whose mirror images are others, only the boxes.
    Where no hand shows a gesture, the detector looks at parts of the picture as well, see `closer`.

    Args:
        image: HWC uint8 BGR, any size.

    Returns:
        As a Recognizer does.

    Raises:
        ValueError: the image is empty or not HWC uint8 with 3 channels.
    """
    options = networks.options
    find = partial(find_in_both_views, networks)
    found = find(image, options)
    hands = to_hands(found, classify_both_views(networks, image, found.boxes_xyxy), networks.labels, options)
    if any(hand.label != NO_GESTURE for hand in hands):
        return hands
    windows = corner_windows((image.shape[0], image.shape[1]))
    more = look_at_all(find, image, windows, options)
    if not len(more.scores):
        return hands
    found = join([found, more], options.max_boxes)
    return to_hands(found, classify_both_views(networks, image, found.boxes_xyxy), networks.labels, options)


def find_in_both_views(networks: Recognizer, image: Image, options: RecognizerOptions) -> Detections:
    """The boxes of a BGR picture, by the picture and its mirror image."""
    # Twice as many hands and more: what one view ranks last the other may rank first.
    most = min(MOST_HANDS, 2 * options.max_hands + 8)
    faint = replace(options, detector_threshold=FAINT * options.detector_threshold, max_hands=most)
    here, there = networks.detect(image, faint), detect_mirrored(networks, mirror(image), faint)
    return merge_views(here, there, options.detector_threshold, options.max_boxes)


def detect_mirrored(networks: Recognizer, mirrored: Image, options: RecognizerOptions) -> Detections:
    """What is found in the mirror image of a picture, with boxes in pixels of the picture itself."""
    found = networks.detect(mirrored, options)
    return replace(found, boxes_xyxy=mirror_boxes(found.boxes_xyxy, mirrored.shape[1]))


def classify_both_views(networks: Recognizer, image: Image, boxes_xyxy: FloatArray) -> FloatArray:
    """Probabilities of the boxes (N, 4) of a BGR picture, see `Recognizer.classify`, by both views.

    By the picture alone where the mirror image of a gesture may be another one.
    """
    probabilities = networks.classify_boxes(image, boxes_xyxy)
    if not networks.classifier_info.mirror:
        return probabilities
    others = networks.classify_boxes(mirror(image), mirror_boxes(boxes_xyxy, image.shape[1]))
    classes = len(networks.labels)
    others[:, classes:] = 1 - others[:, classes:]  # a right hand is a left one in the mirror
    return np.asarray((probabilities + others) / 2, np.float32)


def merge_views(first: Detections, second: Detections, threshold: float, limit: int) -> Detections:
    """The detections of two views of a picture as one: pairs of boxes are averaged, one that is alone counts half.

    Args:
        first, second: boxes in the same pixels.
        threshold: least score to keep.
        limit: most detections to keep.
    """
    overlaps = iou_matrix(first.boxes_xyxy, second.boxes_xyxy)
    overlaps = np.where(overlaps > NMS_IOU, overlaps, 0)  # what is no pair must not part others that are
    rows, columns = linear_sum_assignment(-overlaps)
    same = overlaps[rows, columns] > 0
    rows, columns = rows[same], columns[same]
    boxes, scores = first.boxes_xyxy.copy(), np.asarray(first.scores / 2, np.float32)
    share = (first.scores[rows] / (first.scores[rows] + second.scores[columns]).clip(1e-12))[:, None]
    boxes[rows] = share * boxes[rows] + (1 - share) * second.boxes_xyxy[columns]
    scores[rows] += second.scores[columns] / 2
    alone = np.setdiff1d(np.arange(len(second.scores)), columns)
    others = replace(second, scores=np.asarray(second.scores / 2, np.float32)).take(alone)
    found = join([Detections(boxes, scores, first.classes), others], limit)
    return found.take(found.scores >= threshold)
