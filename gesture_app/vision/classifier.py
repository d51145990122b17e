"""The gesture classifier: timm's ResNet18-D with the normalisation inside."""

from __future__ import annotations

import timm
import torch
from torch import Tensor, nn

ARCHITECTURE = "resnet18d"


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


def build_classifier(outputs: int, pretrained: bool) -> tuple[GestureClassifier, str]:
    """A classifier to train, and one sentence on where its weights come from."""
    if pretrained:
        try:
            model = GestureClassifier(outputs, pretrained=True)
        except Exception as error:  # timm passes on whatever its hub client raises
            reason = str(error).splitlines()[0][:160] if str(error) else type(error).__name__
            return GestureClassifier(outputs), f"from scratch: timm's ImageNet weights could not be had ({reason})"
        return model, "from timm's ImageNet weights"
    return GestureClassifier(outputs), "from scratch"
