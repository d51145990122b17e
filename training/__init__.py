"""Training, fine-tuning and evaluation of the hand detector and the gesture classifier."""
