"""Networks and image processing shared by the app and the training programs; knows nothing of Qt or video files."""
