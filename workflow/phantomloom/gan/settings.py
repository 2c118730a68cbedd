"""What a run is given: the shape of its images and the settings of its training."""

from dataclasses import dataclass
from typing import NamedTuple

SIZES = (8, 16, 32, 64, 128, 256, 512)


@dataclass(frozen=True)
class Shape:
    """Images of ``channels`` x ``size`` x ``size`` pixels; masks have ``classes`` + background.

    Raises:
        ValueError: if the size is not a power of two from 8 to 512, or a number is below 1.
    """

    size: int
    channels: int
    classes: int

    def __post_init__(self) -> None:
        if self.size not in SIZES:
            raise ValueError(
                f"gan: images of {self.size} pixels; the side is a power of two from 8 to 512"
            )
        if self.channels < 1 or self.classes < 1:
            raise ValueError(f"gan: images and masks need a channel and a class at least: {self}")


class Settings(NamedTuple):
    """Settings of a run; each variant has ``DEFAULTS`` that state its own.

    images: budget, training images shown, repeats counted. features: most features of a layer.
    batch: images in a batch; where sizes grow the first one's, later ones have fewer. at_once: most
    images of full size that the memory of a process holds; of smaller ones up to four times as
    many. progressive: sizes grow from 8; else full size from the start. learning_rate: of the first
    phase. penalty: weight of the penalty on the critic's gradient. penalty_share: part of the rows
    on which it is taken. average_images: half-life of the running mean of the generator's weights,
    0 for none. augmentation: kinds, see ``augmentation``. flips: left and right of image and mask
    are swapped at random, and with them classes that are named l_X and r_X, or X_left and X_right.
    mixed_precision: bfloat16 where the device multiplies it.
    """

    images: int
    features: int
    batch: int
    progressive: bool
    learning_rate: float
    penalty: float
    penalty_share: float = 1.0
    at_once: int = 128
    average_images: int = 0
    augmentation: tuple[str, ...] = ()
    augmentation_strength: float = 1.0
    flips: bool = False
    mixed_precision: bool = False
    save_every_images: int = 50_000
    log_every_images: int = 1_000
    seed: int = 0
