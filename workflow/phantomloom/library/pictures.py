"""Pictures of volumes as a radiologist expects them: patient's right on the viewer's left."""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import map_coordinates

from phantomloom.scan import AIR_HU
from phantomloom.structures import Structure, by_id
from phantomloom.volume import Volume

GROUND, INK, MUTED = (9, 12, 16), (236, 240, 244), (138, 148, 160)
GAP_PIXELS = 6

Box = tuple[tuple[float, float], tuple[float, float], tuple[float, float]]  # (z, y, x), mm


class Plane(NamedTuple):
    """How a plane lies in the picture; axes are those of the array, (z, y, x)."""

    normal: int
    rows: int
    columns: int
    head_first: bool  # whether rows run against their axis, so that the head is up
    letters: str  # what the viewer sees left, right, above and below


PLANES = {
    "coronal": Plane(1, 0, 2, True, "RLHF"),
    "axial": Plane(0, 1, 2, False, "RLAP"),
    "sagittal": Plane(2, 0, 1, True, "APHF"),
}


class Frame(NamedTuple):
    """The pixels of a picture in patient space; the same frame shows every volume alike."""

    plane: Plane
    at_mm: float
    rows_mm: np.ndarray  # centre of each row of pixels, from the top
    columns_mm: np.ndarray  # centre of each column, from the left

    @property
    def pixel_mm(self) -> float:
        """The edge of a pixel."""
        return float(self.columns_mm[1] - self.columns_mm[0])


def bounds(volume: Volume, margin_mm: float = 8.0) -> Box:
    """Return the box around what is not 0, or around all when nothing is, and a margin."""
    inside = volume.array != 0
    spans = [np.flatnonzero(inside.any(axis=other)) for other in ((1, 2), (0, 2), (0, 1))]
    if not spans[0].size:
        spans = [np.arange(n) for n in volume.array.shape]
    z, y, x = (
        (
            origin + (span[0] - 0.5) * step - margin_mm,
            origin + (span[-1] + 0.5) * step + margin_mm,
        )
        for span, step, origin in zip(spans, volume.spacing_mm, volume.origin_mm, strict=True)
    )
    return z, y, x


def best_position_mm(labels: Volume, plane: Plane, covered: Volume | None = None) -> float:
    """Return where along its normal ``plane`` shows the most organs, vessels and bones.

    The score of a slice is the sum of sqrt(area) over structures: many count, and large ones.
    Slices that ``covered`` does not reach are not chosen. Without any structure: the middle.
    """
    shown = np.zeros(256, bool)
    shown[[s.id for s in by_id().values() if s.model != "body" and s.tissue != "muscle"]] = True
    slices = np.moveaxis(labels.array, plane.normal, 0)
    areas = np.stack([np.bincount(s.ravel(), minlength=256) for s in slices])
    score = np.sqrt(areas[:, shown]).sum(axis=1)
    origin, step = labels.origin_mm[plane.normal], labels.spacing_mm[plane.normal]
    if covered:
        low = covered.origin_mm[plane.normal] - origin
        high = low + (covered.array.shape[plane.normal] - 1) * covered.spacing_mm[plane.normal]
        at_mm = step * np.arange(len(score))
        score[(at_mm < low) | (at_mm > high)] = 0
    if not score.any():
        return sum(bounds(labels)[plane.normal]) / 2
    return origin + int(score.argmax()) * step


def frame(box: Box, plane: Plane, at_mm: float, pixels: int) -> Frame:
    """Return a frame of square pixels over ``box``, ``pixels`` along its longest edge."""
    pixel_mm = max(high - low for low, high in box) / pixels
    top, bottom = box[plane.rows][:: -1 if plane.head_first else 1]
    left, right = box[plane.columns]
    return Frame(plane, at_mm, _centres(top, bottom, pixel_mm), _centres(left, right, pixel_mm))


def section(volume: Volume, frame: Frame, outside: float = AIR_HU) -> np.ndarray:
    """Return [rows, columns] of ``volume`` in ``frame``: linear, or nearest for integers of a map.

    ``outside`` fills what the volume does not cover; a voxel reaches half a step from its centre.
    """
    positions = [np.array(frame.at_mm)] * 3
    positions[frame.plane.rows] = frame.rows_mm[:, None]
    positions[frame.plane.columns] = frame.columns_mm[None, :]
    indices = np.stack(
        np.broadcast_arrays(
            *(
                (mm - origin) / step
                for mm, origin, step in zip(
                    positions, volume.origin_mm, volume.spacing_mm, strict=True
                )
            )
        )
    )
    last = np.array(volume.array.shape)[:, None, None] - 1
    covered = ((indices >= -0.5) & (indices <= last + 0.5)).all(axis=0)
    is_map = volume.array.dtype == np.uint8
    found = map_coordinates(
        volume.array,
        indices.clip(0, last),
        output=np.uint8 if is_map else np.float32,
        order=0 if is_map else 1,
    )
    return np.where(covered, found, 0 if is_map else outside)


def grey(hu: np.ndarray, window_hu: Sequence[float]) -> np.ndarray:
    """Return [rows, columns, 3] uint8 of ``hu`` between the ends of the window."""
    low, high = window_hu
    level = np.clip((hu - low) / (high - low), 0, 1) * 255
    return np.repeat(level.round().astype(np.uint8)[..., None], 3, axis=2)


def overlay(picture: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return ``picture`` with structures in their colours and outlined, tissues only tinted."""
    named, colours = _palette()
    outline = np.zeros(labels.shape, bool)
    outline[1:] |= (labels[1:] != labels[:-1]) & (named[labels[1:]] | named[labels[:-1]])
    outline[:, 1:] |= (labels[:, 1:] != labels[:, :-1]) & (
        named[labels[:, 1:]] | named[labels[:, :-1]]
    )
    weight = np.where(named[labels], 0.58, 0.26) * (labels > 0)
    weight[outline & named[labels]] = 0.9
    mixed = picture + weight[..., None] * (colours[labels] - picture.astype(float))
    return mixed.round().astype(np.uint8)


def fit(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return ``picture`` scaled to fit ``size`` (width, height), its proportions kept."""
    image = Image.fromarray(picture)
    scale = min(size[0] / image.width, size[1] / image.height)
    fitted = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    return np.asarray(image.resize(fitted, Image.Resampling.LANCZOS))


def panel(
    picture: np.ndarray, letters: str, font_pixels: int, pixel_mm: float | None = None
) -> Image.Image:
    """Return ``picture`` with its direction letters and, given a scale, a bar of 5 cm."""
    image = Image.fromarray(picture)
    width, height = image.size
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(font_pixels)
    pad = max(3.0, font_pixels / 3)
    places = [(pad, height / 2), (width - pad, height / 2)]
    if height > 4 * font_pixels:  # in a thin slab they would hide the picture
        places += [(width / 2, pad), (width / 2, height - pad)]
    for letter, place, anchor in zip(letters, places, ("lm", "rm", "ma", "md"), strict=False):
        draw.text(place, letter, INK, font, anchor, stroke_width=2, stroke_fill=GROUND)
    if pixel_mm:
        bar = (width - pad - 50 / pixel_mm, height - pad - 1, width - pad, height - pad - 1)
        draw.line(bar, INK, 2)
    return image


def titled(image: Image.Image, title: str, font_pixels: int = 18) -> Image.Image:
    """Return ``image`` below a band with its title."""
    band = round(font_pixels * 1.7)
    whole = Image.new("RGB", (image.width, image.height + band), GROUND)
    whole.paste(image, (0, band))
    font = ImageFont.load_default(font_pixels)
    ImageDraw.Draw(whole).text((image.width / 2, band / 2), title, INK, font, "mm")
    return whole


def sheet(panels: Sequence[Image.Image], size: tuple[int, int] | None = None) -> Image.Image:
    """Return ``panels`` side by side, each in the middle of a ``size`` (default: the largest)."""
    width, height = size or (max(p.width for p in panels), max(p.height for p in panels))
    whole = Image.new("RGB", (len(panels) * (width + GAP_PIXELS) - GAP_PIXELS, height), GROUND)
    for place, image in enumerate(panels):
        left = place * (width + GAP_PIXELS) + (width - image.width) // 2
        whole.paste(image, (left, (height - image.height) // 2))
    return whole


def blank(words: str, size: tuple[int, int]) -> Image.Image:
    """Return a panel that says why there is no picture."""
    image = Image.new("RGB", size, GROUND)
    font = ImageFont.load_default(max(11, min(size) // 14))
    centre = (size[0] / 2, size[1] / 2)
    ImageDraw.Draw(image).multiline_text(centre, words, MUTED, font, "mm", align="center")
    return image


def rgb(structure: Structure) -> tuple[int, int, int]:
    """Return the sRGB colour of ``structure``, 0 to 255."""
    red, green, blue = bytes.fromhex(structure.colour.removeprefix("#"))
    return red, green, blue


def _centres(start: float, end: float, step: float) -> np.ndarray:
    count = max(1, round(abs(end - start) / step))
    return (start + end) / 2 + np.sign(end - start) * step * (np.arange(count) - (count - 1) / 2)


@cache
def _palette() -> tuple[np.ndarray, np.ndarray]:
    """Return by label whether it is a structure, not a mere tissue, and its sRGB colour."""
    named, colours = np.zeros(256, bool), np.zeros((256, 3))
    for label, structure in by_id().items():
        named[label] = structure.model != "body"
        colours[label] = rgb(structure)
    return named, colours
