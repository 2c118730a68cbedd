"""A closed surface around each structure, of the volume that its voxels have.

The mask is blurred a little against staircases and the surface is the level of the blurred mask
that encloses the mask's volume. Moving vertices instead (Laplacian smoothing) halves small
structures, and the level 0.5 loses what is thinner than the blur. Marching cubes after Lewiner et
al. 2003 leaves no ambiguous case, so the level is a manifold; manifold3d simplifies manifolds to
manifolds.
"""

from collections.abc import Iterator

import manifold3d
import numpy as np
from scipy import ndimage
from skimage.measure import marching_cubes

from phantomloom.phantom.mesh import Mesh, inflate, is_watertight, join, volume_ml
from phantomloom.structures import BACKGROUND
from phantomloom.volume import Triple, Volume

TRUE_ENOUGH = 0.03  # of the volume: what simplified triangles may lose before they stay fine
NEAR_ENOUGH = 0.02  # of the volume: inflating by the rest moves vertices by hundredths of a voxel
KEPT = 0.52  # at least, in a voxel of the mask: else thin branches of thick structures fade away
MOST_LEVELS = 12  # tried in search of a volume; large structures need one or two
TOUCHING = np.ones((3, 3, 3))  # voxels that share a corner belong together


def surfaces(
    labels: Volume, smoothing_voxels: float, simplification_voxels: float
) -> Iterator[tuple[int, Mesh]]:
    """Yield id and mesh of each structure present; :func:`surface` explains the settings."""
    for label, box in enumerate(ndimage.find_objects(labels.array), start=BACKGROUND + 1):
        if box:
            mask = _crop(labels, box, labels.array[box] == label)
            yield label, surface(mask, smoothing_voxels, simplification_voxels)


def surface(mask: Volume, smoothing_voxels: float, simplification_voxels: float) -> Mesh:
    """Return the surface of ``mask`` (bool), each of its connected parts with its own volume.

    Args:
        mask: may touch the border of its grid.
        smoothing_voxels: standard deviation of the blur, along each axis in its own voxels.
        simplification_voxels: how far the surface may move to save triangles, in voxels of the
            finest axis.

    Raises:
        ValueError: if the mask is empty.
        RuntimeError: if the surface is not closed.
    """
    parts, count = ndimage.label(mask.array, TOUCHING)
    if not count:
        raise ValueError("an empty mask has no surface")
    tolerance_mm = simplification_voxels * min(mask.spacing_mm)
    boxes = enumerate(ndimage.find_objects(parts), start=1)
    pieces = (_crop(mask, box, parts[box] == part) for part, box in boxes)
    mesh = join([_around(piece, smoothing_voxels, tolerance_mm) for piece in pieces])
    if not is_watertight(mesh):
        raise RuntimeError("a surface is not closed: this is a fault of phantom/surface.py")
    return mesh


def _around(mask: Volume, smoothing_voxels: float, tolerance_mm: float) -> Mesh:
    """Return the surface of one connected part."""
    margin = int(4 * smoothing_voxels + 0.5) + 1  # the blur's reach and a shell of zeros
    inside = np.pad(mask.array, margin)
    field = inside.astype(np.float32)
    ndimage.gaussian_filter(field, smoothing_voxels, output=field, mode="constant")
    np.maximum(field, KEPT, out=field, where=inside)
    voxels = int(np.count_nonzero(mask.array))
    level = _enclosing(field, voxels)
    fine = level._replace(vertices_mm=level.vertices_mm * np.array(mask.spacing_mm[::-1]))
    corner_mm = np.array(_position(mask, (-margin,) * 3)[::-1])
    wanted_ml = voxels * mask.voxel_ml
    for mesh in (_simplified(fine, tolerance_mm), fine):
        if not len(mesh.faces):
            continue  # a part thinner than the tolerance collapsed
        for _ in range(2):
            mesh = inflate(mesh, wanted_ml)
        placed = mesh._replace(vertices_mm=(mesh.vertices_mm + corner_mm).astype(np.float32))
        if is_watertight(placed) and abs(volume_ml(placed) / wanted_ml - 1) < TRUE_ENOUGH:
            break  # else close vertices of a needle have merged, or it lost volume: keep it fine
    return placed


def _enclosing(field: np.ndarray, voxels: int) -> Mesh:
    """Return the level of ``field`` that encloses ``voxels``; its vertices are (x, y, z) in voxels.

    Volume falls as the level rises, so bisection finds it, or at the end the last level beside a
    jump: voxels that touch at a corner part all at once.
    """
    low, high = 0.0, float(field.max())
    level = min(0.5, high / 2)
    for _ in range(MOST_LEVELS):
        vertices, faces, _, _ = marching_cubes(field, level)
        mesh = Mesh(vertices[:, ::-1], faces)  # outward once in (x, y, z)
        excess = 1000 * volume_ml(mesh) / voxels - 1  # mm are voxels here
        if abs(excess) < NEAR_ENOUGH:
            break
        low, high = (level, high) if excess > 0 else (low, level)
        level = (low + high) / 2
    return mesh


def _simplified(mesh: Mesh, tolerance_mm: float) -> Mesh:
    solid = manifold3d.Manifold(
        manifold3d.Mesh(
            np.ascontiguousarray(mesh.vertices_mm, np.float32),
            np.ascontiguousarray(mesh.faces, np.uint32),
        )
    )
    if solid.status() != manifold3d.Error.NoError:
        raise RuntimeError(f"marching cubes gave no manifold: {solid.status()}")
    simple = solid.simplify(tolerance_mm).to_mesh()
    return Mesh(simple.vert_properties[:, :3], simple.tri_verts)


def _crop(volume: Volume, box: tuple[slice, ...], array: np.ndarray) -> Volume:
    """Return ``array``, which fills ``box`` of ``volume``, at its place."""
    return Volume(array, volume.spacing_mm, _position(volume, tuple(side.start for side in box)))


def _position(volume: Volume, voxel: tuple[int, ...]) -> Triple:
    """Return the centre of ``voxel`` in mm; all (z, y, x)."""
    z, y, x = (
        origin + index * mm
        for origin, index, mm in zip(volume.origin_mm, voxel, volume.spacing_mm, strict=True)
    )
    return z, y, x
