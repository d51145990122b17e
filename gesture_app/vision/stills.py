"""A picture by itself, for which there is more time than for a frame of a video."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from scipy.optimize import linear_sum_assignment

from gesture_app.vision.boxes import iou_matrix, mirror_boxes
from gesture_app.vision.hands import MOST_HANDS, Hand, HandNetworks, Image, RecognizerOptions
from gesture_app.vision.postprocess import NMS_IOU, Detections, suppress_overlaps
from gesture_app.vision.recognizer import to_hands

FAINT = 0.25
"""What is as sure as this share of the threshold in one view may be a hand by the other one."""


def recognize_still(networks: HandNetworks, image: Image) -> list[Hand]:
    """The hands of a picture that is no frame of a video.

    Both networks see the picture and its mirror image, and their scores and probabilities are averaged (test-time
    augmentation, as in Krizhevsky et al., "ImageNet Classification with Deep Convolutional Neural Networks", 2012).

    Args:
        networks: a Recognizer.
        image: HWC uint8 BGR, any size.

    Returns:
        As a Recognizer does.

    Raises:
        ValueError: the image is empty or not HWC uint8 with 3 channels.
    """
    options = networks.options
    # Twice as many hands and more: what one view ranks last the other may rank first.
    most = min(MOST_HANDS, 2 * options.max_hands + 8)
    faint = replace(options, detector_threshold=FAINT * options.detector_threshold, max_hands=most)
    here = networks.detect(image, faint)
    mirrored = np.asarray(cv2.flip(image, 1))
    there = detect_mirrored(networks, mirrored, faint)
    found = merge_views(here, there, options.detector_threshold, options.max_boxes)
    probabilities = networks.classify_boxes(image, found.boxes_xyxy)
    others = networks.classify_boxes(mirrored, mirror_boxes(found.boxes_xyxy, image.shape[1]))
    classes = len(networks.labels)
    others[:, classes:] = 1 - others[:, classes:]  # a right hand is a left one in the mirror
    both = np.asarray((probabilities + others) / 2, np.float32)
    return to_hands(found, both, networks.labels, options)


def detect_mirrored(networks: HandNetworks, mirrored: Image, options: RecognizerOptions) -> Detections:
    """What is found in the mirror image of a picture, with boxes in pixels of the picture itself."""
    found = networks.detect(mirrored, options)
    return replace(found, boxes_xyxy=mirror_boxes(found.boxes_xyxy, mirrored.shape[1]))


def merge_views(first: Detections, second: Detections, threshold: float, limit: int) -> Detections:
    """The detections of two views of a picture as one: pairs of boxes are averaged, one that is alone counts half.

    Args:
        first, second: boxes in the same pixels.
        threshold: least score to keep.
        limit: most detections to keep.
    """
    overlaps = iou_matrix(first.boxes_xyxy, second.boxes_xyxy)
    rows, columns = linear_sum_assignment(-overlaps)
    same = overlaps[rows, columns] > NMS_IOU
    rows, columns = rows[same], columns[same]
    boxes, scores = first.boxes_xyxy.copy(), np.asarray(first.scores / 2, np.float32)
    share = (first.scores[rows] / (first.scores[rows] + second.scores[columns]).clip(1e-12))[:, None]
    boxes[rows] = share * boxes[rows] + (1 - share) * second.boxes_xyxy[columns]
    scores[rows] += second.scores[columns] / 2
    alone = np.setdiff1d(np.arange(len(second.scores)), columns)
    boxes = np.concatenate((boxes, second.boxes_xyxy[alone]))
    scores = np.concatenate((scores, second.scores[alone] / 2), dtype=np.float32)
    classes = np.concatenate((first.classes, second.classes[alone]))
    best = np.argsort(-scores, kind="stable")
    best = best[scores[best] >= threshold]
    best = best[suppress_overlaps(boxes[best], limit)]
    return Detections(boxes[best], scores[best], classes[best])
