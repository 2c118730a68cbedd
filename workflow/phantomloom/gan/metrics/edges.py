"""How sharp the edge of the body is: the width of its rise."""

from typing import NamedTuple

import numpy as np
from scipy.ndimage import (
    binary_fill_holes,
    distance_transform_edt,
    gaussian_filter,
    map_coordinates,
)

REACH_PX = 4.0  # that a profile goes to either side of the edge
STEP_PX = 0.125
NORMAL_PX = 1.5  # blur of the outline whose normals are taken
LEAST_HU = 200.0  # of a rise that counts: a body on a table has none there
AIR_HU = -1000.0
CUT_HU = 1.0  # from the end of a window: values there are cut off
LOW, MIDDLE, HIGH = 0.1, 0.5, 0.9


class Edges(NamedTuple):
    """The edge of the body over all slices; None where no profile rises."""

    width_px: float | None  # median over profiles of the distance from 10 % to 90 %
    profiles: int  # that rise


def edges(
    images: np.ndarray,
    bodies: np.ndarray,
    window_hu: tuple[float, float],
    reach_px: float = REACH_PX,
) -> Edges:
    """Return the sharpness of ``images`` [N, H, W] in HU across the outlines of ``bodies``.

    Images are cut off at the ends of ``window_hu``. If it begins above air no edge is seen whole:
    beside air that shows as less dense fat, a width tells how thick the fat is.

    ``bodies`` [N, H, W] is true inside; holes are filled. A Gaussian blur of sigma gives a step
    the width 2.563 sigma, within 1 % from 1 pixel on; a width over ``reach_px`` is told too small.
    """
    if window_hu[0] > AIR_HU:
        return Edges(None, 0)
    widths = [np.empty(0)]
    for image, body in zip(images.astype(np.float64), bodies, strict=True):
        points, normals = outline(body, reach_px)
        profiles = _profiles(image, points, normals, reach_px)
        widths.append(rise_widths(profiles, reach_px, window_hu[1]))
    width = np.concatenate(widths)
    return Edges(float(np.median(width)) if len(width) else None, len(width))


def outline(body: np.ndarray, margin_px: float) -> tuple[np.ndarray, np.ndarray]:
    """Return pixels [P, 2] just inside the outline and normals [P, 2] that point inwards.

    Pixels within ``margin_px`` of the frame are left out: the body is cut off there.
    """
    filled = binary_fill_holes(body)
    depth = distance_transform_edt(filled) - distance_transform_edt(~filled)
    points = np.argwhere(depth == 1)
    near = np.minimum(points, np.array(body.shape) - 1 - points).min(1) <= margin_px
    points = points[~near]
    slopes = np.stack(np.gradient(gaussian_filter(depth, NORMAL_PX)), -1)[tuple(points.T)]
    return points, slopes / np.maximum(np.linalg.norm(slopes, axis=1, keepdims=True), 1e-9)


def rise_widths(profiles: np.ndarray, reach_px: float, highest_hu: float = np.inf) -> np.ndarray:
    """Return the 10-90 % widths in px of those ``profiles`` [P, T] that rise by LEAST_HU.

    They end below ``highest_hu``. Levels are the means over the pixel at either end. From the first
    crossing of 50 % it goes back to 10 % and on to 90 %.
    """
    end = round(1 / STEP_PX) + 1
    low, high = profiles[:, :end].mean(1), profiles[:, -end:].mean(1)
    rises = (high - low >= LEAST_HU) & (high < highest_hu - CUT_HU)
    share = (profiles[rises] - low[rises, None]) / (high - low)[rises, None]
    middle = (share >= MIDDLE).argmax(1)[:, None]
    place = np.arange(share.shape[1])
    start = np.where((place < middle) & (share < LOW), place, -1).max(1)
    stop = ((place >= middle) & (share >= HIGH)).argmax(1)
    known = (start >= 0) & (stop > 0)  # not if the outside itself passes 50 %
    share, start, stop = share[known], start[known], stop[known]
    return (_crossing(share, stop - 1, HIGH) - _crossing(share, start, LOW)) * STEP_PX


def _crossing(share: np.ndarray, before: np.ndarray, level: float) -> np.ndarray:
    """Return where each row passes ``level`` between the columns ``before`` and the next."""
    row = np.arange(len(share))
    one, other = share[row, before], share[row, before + 1]
    return before + (level - one) / (other - one)


def _profiles(
    image: np.ndarray, points: np.ndarray, normals: np.ndarray, reach_px: float
) -> np.ndarray:
    """Return values [P, T] along the normals from outside to inside, by cubic splines."""
    along = np.arange(-reach_px, reach_px + STEP_PX / 2, STEP_PX)
    places = points[:, :, None] + normals[:, :, None] * along  # [P, 2, T]
    return map_coordinates(image, places.transpose(1, 0, 2), order=3, mode="nearest")
