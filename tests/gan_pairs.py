"""A small data set whose pixels are bright where the mask is."""

from hashlib import sha256

import numpy as np
import torch

from phantomloom.gan.pair import About


class Squares:
    """``count`` pairs of a square on a dark ground, with a little noise."""

    def __init__(self, count: int = 24, size: int = 16, seed: int = 0):
        draw = np.random.default_rng(seed)
        masks = np.zeros((count, 1, size, size), np.float32)
        for mask in masks:
            side = draw.integers(size // 4, size // 2)
            y, x = draw.integers(0, size - side, 2)
            mask[0, y : y + side, x : x + side] = 1
        noise = 0.1 * draw.normal(size=masks.shape)
        self.masks = torch.from_numpy(masks)
        self.images = (1.2 * self.masks - 0.6 + torch.from_numpy(noise)).float()
        self.names = tuple(f"square {n}" for n in range(count))
        self.about = About(0.0, 255.0, "grey", ("square",), None)

    def digest(self):
        return sha256(self.images.numpy().tobytes() + self.masks.numpy().tobytes()).hexdigest()

    def scaled(self, rows):
        return self.images[torch.as_tensor(rows)]

    def one_hot(self, rows):
        return self.masks[torch.as_tensor(rows)]
