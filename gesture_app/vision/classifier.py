"""The gesture classifier: timm's ResNet18-D with the normalisation inside."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import timm
import torch
from torch import Tensor, nn

ARCHITECTURE = "resnet18d"
HUB_TIMEOUT_S = 5.0


class GestureClassifier(nn.Module):
    """ResNet18-D (He et al., "Bag of Tricks", arXiv:1812.01187) over square hand crops.

    Args:
        outputs: how many: the classes, and perhaps the side, see `ModelInfo`.
        pretrained: start from timm's ImageNet weights, which timm finds in its cache or downloads.

    Raises:
        Exception: whatever timm raises when `pretrained` weights cannot be had.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, outputs: int, pretrained: bool = False) -> None:
        super().__init__()
        self.network = timm.create_model(ARCHITECTURE, pretrained=pretrained, num_classes=outputs)
        config = self.network.pretrained_cfg
        for name in ("mean", "std"):
            values = torch.tensor(config[name]).view(1, 3, 1, 1) * 255
            self.register_buffer(name, values, persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Classify crops.

        Args:
            images: (N, 3, H, W), BGR, 0..255, uint8 or float.

        Returns:
            Logits, (N, outputs).
        """
        rgb = images.to(self.mean.dtype).flip(1)
        logits: Tensor = self.network((rgb - self.mean) / self.std)
        return logits


@contextmanager
def cached_alone_where_the_hub_is_silent() -> Iterator[None]:
    """Let the hub's client, which asks for minutes, look into its cache only if the hub does not answer at once."""
    from huggingface_hub import constants, get_session

    before = constants.HF_HUB_OFFLINE
    try:
        get_session().head(constants.ENDPOINT, timeout=HUB_TIMEOUT_S)
    except Exception:  # of whatever library the client is built on
        constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def build_classifier(outputs: int, pretrained: bool) -> tuple[GestureClassifier, str]:
    """A classifier to train, and one sentence on where its weights come from."""
    if not pretrained:
        return GestureClassifier(outputs), "from scratch"
    try:
        with cached_alone_where_the_hub_is_silent():
            return GestureClassifier(outputs, pretrained=True), "from timm's ImageNet weights"
    except Exception as error:  # timm passes on whatever its hub client raises
        reason = str(error).partition("\n")[0].partition(". ")[0] or type(error).__name__
        why = f"timm's ImageNet weights could not be had ({reason})"
        return GestureClassifier(outputs), f"from scratch: {why}. --init names other weights, --no-pretrained none"
