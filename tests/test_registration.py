"""A phantom deformed in a known way, seen through another window, is found again."""

from dataclasses import replace

import numpy as np
import pytest

from phantomloom.resample import Grid, nearest
from phantomloom.segmentation.agreement import dice
from phantomloom.segmentation.registration import carried
from phantomloom.volume import Volume

SPACING_MM = 6.0
SLAB_MM, TALL_MM = (-24.0, 48.0), (-102.0, 66.0)  # along z
SHIFT_MM = np.array([0.0, 24.0, -18.0])  # (z, y, x)
LIVER, SPLEEN, SPINE, BOWEL = 1, 2, 3, 4
HU = {LIVER: 120, SPLEEN: 60, SPINE: 400, BOWEL: -100}


def anatomy(z, y, x):
    """Labels at points in mm; 255 is the rest of the trunk, an elliptic cylinder."""
    labels = np.where(np.hypot(x / 84, y / 60) < 1, 255, 0).astype(np.uint8)
    labels[((z - 12) / 36) ** 2 + ((y + 8) / 33) ** 2 + ((x + 33) / 35) ** 2 < 1] = LIVER
    labels[((z - 24) / 32) ** 2 + ((y - 4) / 26) ** 2 + ((x - 48) / 22) ** 2 < 1] = SPLEEN
    labels[((z + 50) / 22) ** 2 + ((y + 12) / 25) ** 2 + ((x - 25) / 33) ** 2 < 1] = BOWEL
    labels[(abs(y - 39) < 12) & (abs(x) < 14)] = SPINE
    return labels


def patient(window_mm, deformed):
    """CT and labels between two heights; ``deformed`` bends by up to 12 mm, widens and shifts."""
    low_mm, high_mm = window_mm
    shape = [round((high_mm - low_mm) / SPACING_MM), 30, 40]
    origin = np.array([low_mm, *(-SPACING_MM * (np.array(shape[1:]) - 1) / 2)])
    axes = [o + SPACING_MM * np.arange(n) for n, o in zip(shape, origin, strict=True)]
    z, y, x = np.meshgrid(*axes, indexing="ij")
    if deformed:
        z, y, x = z, y * 0.93 + 9 * np.sin(x / 45), x * 0.9 + 12 * np.sin(y / 40 + z / 60)
    labels = anatomy(z, y, x)
    hu = np.full(labels.shape, -1000.0)
    hu[labels == 255] = 20
    for label, value in HU.items():
        hu[labels == label] = value
    hu += np.random.default_rng(int(deformed)).normal(0, 8, hu.shape)
    labels[labels == 255] = 0
    origin += SHIFT_MM * deformed
    spacing = (SPACING_MM,) * 3
    return Volume(hu, spacing, tuple(origin)), Volume(labels, spacing, tuple(origin))


@pytest.fixture(scope="module")
def slab():
    """CT and labels of 72 mm of a patient."""
    return patient(SLAB_MM, deformed=False)


@pytest.fixture(scope="module")
def tall():
    """CT and labels of more of the same anatomy, deformed and shifted."""
    return patient(TALL_MM, deformed=True)


def agreement(found, truth):
    """Dice of each structure that lies in the slab whole or in large part."""
    return [dice(found.array == n, truth.array == n) for n in (LIVER, SPLEEN, SPINE)]


def translated(ct, labels):
    """Labels moved back by the very shift that was made, which no registration was needed for."""
    moved = replace(labels, origin_mm=tuple(np.array(labels.origin_mm) - SHIFT_MM))
    return nearest(moved, Grid.of(ct))


def test_labels_of_a_taller_deformed_patient_find_their_place_in_a_slab(slab, tall):
    found = carried(slab[0], *tall)
    assert found.same_grid(slab[0]) and found.array.dtype == np.uint8
    ours, shifted = agreement(found, slab[1]), agreement(translated(slab[0], tall[1]), slab[1])
    assert min(ours) > 0.85 > max(shifted)  # measured: .94, .89, .91 and .79, .73, .46


def test_a_scan_that_goes_on_beyond_the_trunk_is_registered_by_its_trunk(slab, tall):
    """A head-to-foot scan ends in legs, which are no trunk."""
    long = [
        Volume(
            np.pad(part.array, ((25, 0), (0, 0), (0, 0)), constant_values=empty),
            part.spacing_mm,
            (part.origin_mm[0] - 25 * SPACING_MM, *part.origin_mm[1:]),
        )
        for part, empty in zip(tall, (-1000, 0), strict=True)
    ]
    assert min(agreement(carried(slab[0], *long), slab[1])) > 0.8


def test_labels_on_another_grid_than_their_scan_are_refused(slab, tall):
    with pytest.raises(ValueError, match="different grids"):
        carried(slab[0], tall[0], slab[1])
