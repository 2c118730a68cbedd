"""What the shipped networks see of a CT: three HU windows as channels."""

import torch
from torch import Tensor, nn

WINDOWS_HU = ((-160.0, 240.0), (-1000.0, -200.0), (100.0, 1500.0))  # soft tissue, lung, bone
AIR_HU = -1024.0


def windows(hu: Tensor) -> Tensor:
    """Return [B, 3, Z, Y, X] in [-1, 1] for HU [B, 1, Z, Y, X]."""
    return torch.cat(
        [(2 * (hu - low) / (high - low) - 1).clamp(-1, 1) for low, high in WINDOWS_HU], 1
    )


class SeesHU(nn.Module):
    """``network`` for HU [B, 1, Z, Y, X]: only the window at hand needs all channels."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, hu: Tensor) -> Tensor:
        """Return the scores of ``network``."""
        return self.network(windows(hu))
