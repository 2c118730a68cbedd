"""Labels of one patient carried over to another by deformable registration: a baseline.

A search over z by normalised mutual information (Studholme et al., Pattern Recognition 1999), then
a free-form deformation by B-splines (Rueckert et al., IEEE TMI 1999) by correlation. No affine step
stands between: nothing in a slab of a few cm holds the scale along z, and the overlap collapsed
into one slice; the scales across come from the trunks instead.
"""

from math import ceil
from typing import NamedTuple

import numpy as np
import SimpleITK as sitk
from scipy import ndimage
from skimage.metrics import normalized_mutual_information

from phantomloom.resample import Grid, resample
from phantomloom.tissues import body_surface
from phantomloom.volume import Volume

SPACING_MM = 3.0  # of the registration, whatever the scans have
WINDOW_HU = (-160, 240)  # soft tissue; what lies beyond counts as its ends
SEARCH_HU = (-100, 200)  # narrower for the search: fat, ribs and gas repeat along z, organs do not
SEARCH_BLUR_MM = 6.0  # organs of two patients lie about so far apart at best
SEARCH_MM = 6.0  # between the voxels compared, across the body
LEAST_OVERLAP = 0.9  # of the shorter scan: what is not covered gets no labels
ARM_MM = 27.0  # a part of the body thinner than twice this is no trunk
KNOT_MM = 36.0  # between knots of the free-form deformation
REACH_MM = 12.0  # a knot moves no further along an axis; unbounded, thin slabs fold and Dice falls
RIM_MM = 9.0  # of air around the trunk
LEVELS_MM = (6.0, 3.0)  # blur, coarse to fine
ITERATIONS = 10  # at each level
SAMPLES = 15_000  # random voxels that the correlation is estimated from
BINS = 32  # of the joint histogram, along each axis


class Trunk(NamedTuple):
    """What is compared of a scan, at SPACING_MM."""

    hu: sitk.Image  # float32; WINDOW_HU[0] outside the trunk
    mask: sitk.Image  # uint8


class Place(NamedTuple):
    """A shift of the moving scan along z, and how alike the scans are there."""

    similarity: float
    transform: sitk.AffineTransform  # from the fixed to the moving scan
    rows: slice  # of the fixed scan, that the moving one covers


def carried(ct: Volume, other: Volume, labels: Volume, seed: int = 0) -> Volume:
    """Return ``labels`` of the patient ``other`` (a CT) on the patient ``ct``, by registration.

    Both scans are in HU on any grid. The labels (uint8 ids) are those nearest; those of the
    ends of ``other`` go on for REACH_MM along z, and beyond they are 0.

    Raises:
        ValueError: if ``labels`` do not lie on the grid of ``other``, or a scan shows no trunk.
    """
    if not labels.same_grid(other):
        raise ValueError("labels and the CT they belong to lie on different grids")
    warp = registered(ct, other, seed)
    longer = _image(_prolonged(labels))
    found = sitk.Resample(longer, _image(ct), warp, sitk.sitkNearestNeighbor, 0)
    return ct.with_array(sitk.GetArrayFromImage(found))


def registered(ct: Volume, other: Volume, seed: int = 0) -> sitk.Transform:
    """Return the transform from points (x, y, z) in mm of ``ct`` to those of ``other``.

    Raises:
        ValueError: if a scan shows no trunk.
    """
    fixed, moving = _trunk(ct), _trunk(other)
    place = max(_places(fixed, moving), key=lambda place: place.similarity)
    return _deformed(fixed, moving, place, seed)


def _prolonged(labels: Volume) -> Volume:
    """Return ``labels`` with their end slices repeated as far as the deformation may reach out."""
    z, y, x = labels.origin_mm
    more = ceil(REACH_MM / labels.spacing_mm[0])
    array = np.pad(labels.array, ((more, more), (0, 0), (0, 0)), mode="edge")
    return Volume(array, labels.spacing_mm, (z - more * labels.spacing_mm[0], y, x))


def _image(volume: Volume) -> sitk.Image:
    image = sitk.GetImageFromArray(volume.array)
    image.SetSpacing([float(mm) for mm in volume.spacing_mm[::-1]])
    image.SetOrigin([float(mm) for mm in volume.origin_mm[::-1]])
    return image


def _trunk(ct: Volume) -> Trunk:
    """Return ``ct`` without couch and arms: two patients seldom hold their arms alike."""
    ct = resample(ct, Grid.of(ct).at(SPACING_MM))
    inside = _thick(body_surface(ct))
    if not inside.any():
        raise ValueError(f"nothing to register: no part of the body is {2 * ARM_MM:g} mm thick")
    hu = np.where(inside, ct.array.clip(*WINDOW_HU), WINDOW_HU[0]).astype(np.float32)
    return Trunk(_image(ct.with_array(hu)), _image(ct.with_array(inside.astype(np.uint8))))


def _thick(body: np.ndarray) -> np.ndarray:
    """Return the largest part of what an opening leaves; at the ends in z the body goes on."""
    border = round(ARM_MM / SPACING_MM) + 1
    longer = np.pad(body, ((border, border), (0, 0), (0, 0)), mode="edge")
    depth_mm = ndimage.distance_transform_edt(longer, sampling=SPACING_MM)
    parts, _ = ndimage.label(depth_mm[border:-border] > ARM_MM)
    sizes = np.bincount(parts.ravel())[1:]
    if not sizes.size:
        return np.zeros_like(body)
    core = parts == 1 + sizes.argmax()
    distance_mm = ndimage.distance_transform_edt(~core, sampling=SPACING_MM)
    return body & (distance_mm <= ARM_MM + 1)


def _places(fixed: Trunk, moving: Trunk) -> list[Place]:
    """Return every place in which the scans overlap enough."""
    ends = fixed.hu.GetDepth(), moving.hu.GetDepth()
    least = LEAST_OVERLAP * min(ends)
    here, there = _blurred(fixed), _blurred(moving)
    places = []
    for shift in range(-ends[1] + 1, ends[0]):
        rows = slice(max(0, shift), min(ends[0], ends[1] + shift))
        if rows.stop - rows.start >= least and _shown(fixed, moving, rows, shift):
            transform = _aligned(fixed.mask, moving.mask, rows, shift)
            places.append(Place(_similarity(here, there, transform, rows), transform, rows))
    return places


def _shown(fixed: Trunk, moving: Trunk, rows: slice, shift: int) -> bool:
    """Whether both scans show a trunk in the slices they share: legs are none."""
    parts = fixed.mask[:, :, rows], moving.mask[:, :, rows.start - shift : rows.stop - shift]
    return all(sitk.GetArrayViewFromImage(part).any() for part in parts)


def _blurred(trunk: Trunk) -> Trunk:
    clipped = sitk.Clamp(trunk.hu, sitk.sitkFloat32, *SEARCH_HU)
    return Trunk(sitk.SmoothingRecursiveGaussian(clipped, SEARCH_BLUR_MM), trunk.mask)


def _aligned(
    fixed: sitk.Image, moving: sitk.Image, rows: slice, shift: int
) -> sitk.AffineTransform:
    """Return what brings the boxes of both trunks, in the slices they share, over each other."""
    here = _box(fixed[:, :, rows])
    there = _box(moving[:, :, rows.start - shift : rows.stop - shift])
    transform = sitk.AffineTransform(3)
    transform.SetMatrix(np.diag([*(there[1] / here[1])[:2], 1.0]).ravel())
    transform.SetCenter(here[0])
    transform.SetTranslation(there[0] - here[0])
    return transform


def _box(mask: sitk.Image) -> tuple[np.ndarray, np.ndarray]:
    """Return the centre (x, y, z) in mm of the box that holds ``mask``, and its size in voxels.

    Along z it is the whole image.
    """
    inside = sitk.GetArrayViewFromImage(mask) > 0
    y, x = (np.flatnonzero(inside.any(axis)) for axis in ((0, 2), (0, 1)))
    ends = np.array([(x[0], x[-1]), (y[0], y[-1]), (0, len(inside) - 1)], float)
    centre = mask.TransformContinuousIndexToPhysicalPoint(ends.mean(1).tolist())
    return np.array(centre), ends[:, 1] - ends[:, 0] + 1


def _similarity(fixed: Trunk, moving: Trunk, transform: sitk.Transform, rows: slice) -> float:
    """Return the normalised mutual information of what both trunks share of ``rows``."""
    step = round(SEARCH_MM / SPACING_MM)
    here, inside = (image[::step, ::step, rows] for image in fixed)
    there = sitk.Resample(moving.hu, here, transform, sitk.sitkLinear, SEARCH_HU[0])
    covered = sitk.Resample(moving.mask, here, transform, sitk.sitkNearestNeighbor, 0)
    both = sitk.GetArrayFromImage(inside & covered) > 0
    values = [sitk.GetArrayFromImage(image)[both] for image in (here, there)]
    return float(normalized_mutual_information(*values, bins=BINS))


def _deformed(fixed: Trunk, moving: Trunk, place: Place, seed: int) -> sitk.Transform:
    """Return ``place`` followed by the free-form deformation that makes the scans most alike."""
    hu, mask = _around_trunk(fixed, place.rows)
    cells = [max(1, round(n * SPACING_MM / KNOT_MM)) for n in hu.GetSize()]
    free = sitk.BSplineTransformInitializer(hu, cells, order=3)
    method = sitk.ImageRegistrationMethod()
    method.SetNumberOfThreads(1)  # sums of several threads differ from run to run
    method.SetMetricAsCorrelation()
    method.SetMetricFixedMask(mask)
    method.SetMetricSamplingStrategy(method.RANDOM)
    share = min(1.0, SAMPLES / hu.GetNumberOfPixels())
    method.SetMetricSamplingPercentage(share, seed + 1)  # 0 would be the time of day
    method.SetInterpolator(sitk.sitkLinear)
    method.SetShrinkFactorsPerLevel([1] * len(LEVELS_MM))
    method.SetSmoothingSigmasPerLevel(LEVELS_MM)
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    method.SetOptimizerAsLBFGSB(
        numberOfIterations=ITERATIONS, lowerBound=-REACH_MM, upperBound=REACH_MM
    )
    method.SetMovingInitialTransform(place.transform)
    method.SetInitialTransform(free, inPlace=True)
    method.Execute(hu, moving.hu)
    return sitk.CompositeTransform([place.transform, free])


def _around_trunk(trunk: Trunk, rows: slice) -> tuple[sitk.Image, sitk.Image]:
    """Return HU and mask of the trunk with a rim of air, whose border is to be matched as well."""
    rim = round(RIM_MM / SPACING_MM)
    mask = sitk.BinaryDilate(trunk.mask[:, :, rows], [rim, rim, 0])
    shape = sitk.LabelShapeStatisticsImageFilter()
    shape.Execute(mask)
    x, y, _, width, depth, _ = shape.GetBoundingBox(1)
    box = slice(x, x + width), slice(y, y + depth)
    return trunk.hu[:, :, rows][*box, :], mask[*box, :]
