"""A shaded frontal picture of surface meshes: a z-buffer, soft light, and skin like glass."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from phantomloom.compiled import compiled
from phantomloom.library.pictures import GROUND, rgb
from phantomloom.structures import structures

LIGHT = np.array([-0.42, 0.55, 0.72]) / np.linalg.norm([-0.42, 0.55, 0.72])  # above left, in front
GLASS = np.array([178.0, 205.0, 230.0])
COVERING = ("skin", "fat", "muscle", "soft", "gas")  # tissues that would hide what one wants to see
SUPERSAMPLING = 2


class Mesh(Protocol):
    """Triangles: vertices_mm [V, 3] in LPS (x, y, z), faces [F, 3]."""

    @property
    def vertices_mm(self) -> np.ndarray: ...  # noqa: D102

    @property
    def faces(self) -> np.ndarray: ...  # noqa: D102


class Hits(NamedTuple):
    """What each pixel sees first: depth in pixels (-inf: nothing), normal to the viewer, colour."""

    depth: np.ndarray  # [H, W]
    normal: np.ndarray  # [H, W, 3] (right, up, to the viewer)
    colour: np.ndarray  # [H, W, 3]

    @property
    def seen(self) -> np.ndarray:
        """Where there is a surface, [H, W]."""
        return np.isfinite(self.depth)


def frontal(meshes: Mapping[str, Mesh], pixels: int = 480) -> np.ndarray:
    """Return [H, W, 3] uint8, patient's right on the left; ``pixels`` along the longest edge.

    Orthographic. Skin, fat and muscles are drawn as glass in front of organs and bones.

    Args:
        meshes: by structure.
        pixels: of the longest edge.

    Raises:
        ValueError: if there is no mesh.
    """
    if not meshes:
        raise ValueError("no mesh to draw")
    every = np.concatenate([mesh.vertices_mm for mesh in meshes.values()])
    low, high = every.min(axis=0) - 8, every.max(axis=0) + 8  # the margin of pictures.bounds
    scale = SUPERSAMPLING * pixels / max(high[0] - low[0], high[2] - low[2])
    shape = round((high[2] - low[2]) * scale), round((high[0] - low[0]) * scale)
    origin = np.array([low[0], high[1], high[2]])
    covering = {n: mesh for n, mesh in meshes.items() if structures()[n].tissue in COVERING}
    inner = {n: mesh for n, mesh in meshes.items() if n not in covering}
    picture = _shade(_cast(inner, origin, scale, shape), scale)
    picture = _glaze(picture, _cast(covering, origin, scale, shape), scale)
    image = Image.fromarray(picture.clip(0, 255).round().astype(np.uint8))
    return np.asarray(image.reduce(SUPERSAMPLING))


def _cast(meshes: Mapping[str, Mesh], origin: np.ndarray, scale: float, shape) -> Hits:
    hits = Hits(np.full(shape, -np.inf), np.zeros((*shape, 3)), np.zeros((*shape, 3)))
    for name, mesh in meshes.items():
        x, y, z = ((mesh.vertices_mm - origin) * scale).T
        corners = np.ascontiguousarray(np.stack([x, -z, -y], axis=1))  # column, row, to the viewer
        normals = _vertex_normals(corners * (1, -1, 1), mesh.faces)
        colour = np.array(rgb(structures()[name]), float)
        _rasterise(corners, normals, np.ascontiguousarray(mesh.faces, np.int64), colour, *hits)
    return hits


def _vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Return the area-weighted mean of the face normals at each vertex, [V, 3], unit length."""
    a, b, c = (vertices[faces[:, i]] for i in range(3))
    face = np.cross(b - a, c - a)
    total = np.stack(
        [np.bincount(faces.ravel(), np.repeat(face[:, i], 3), len(vertices)) for i in range(3)], 1
    )
    return total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)


@compiled(nogil=True)
def _rasterise(corners, normals, faces, paint, depth, normal, colour):  # pragma: no cover (numba)
    height, width = depth.shape
    for f in range(faces.shape[0]):
        i, j, k = faces[f]
        ax, ay, bx, by, cx, cy = (
            corners[i, 0], corners[i, 1], corners[j, 0], corners[j, 1], corners[k, 0], corners[k, 1]
        )  # fmt: skip
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if abs(area) < 1e-9:
            continue
        for row in range(max(0, int(min(ay, by, cy))), min(height, int(max(ay, by, cy)) + 1)):
            for column in range(max(0, int(min(ax, bx, cx))), min(width, int(max(ax, bx, cx)) + 1)):
                px, py = column + 0.5, row + 0.5
                u = ((bx - px) * (cy - py) - (by - py) * (cx - px)) / area
                v = ((cx - px) * (ay - py) - (cy - py) * (ax - px)) / area
                w = 1 - u - v
                if u < 0 or v < 0 or w < 0:
                    continue
                near = u * corners[i, 2] + v * corners[j, 2] + w * corners[k, 2]
                if near > depth[row, column]:
                    depth[row, column] = near
                    for n in range(3):
                        normal[row, column, n] = (
                            u * normals[i, n] + v * normals[j, n] + w * normals[k, n]
                        )
                        colour[row, column, n] = paint[n]


def _shade(hits: Hits, scale: float) -> np.ndarray:
    """Return [H, W, 3]: half-Lambert light, a small highlight, and darkness in crevices."""
    picture = np.broadcast_to(np.array(GROUND, float), hits.normal.shape).copy()
    light = (hits.normal @ LIGHT).clip(-1, 1) * 0.5 + 0.5
    halfway = LIGHT + np.array([0.0, 0.0, 1.0])
    gloss = (hits.normal @ (halfway / np.linalg.norm(halfway))).clip(0, 1) ** 28
    open_sky = 1 - 0.65 * _occlusion(hits, scale)
    lit = hits.colour * ((0.16 + 0.98 * light**1.6) * open_sky)[..., None]
    lit += 42 * (gloss * open_sky)[..., None]
    picture[hits.seen] = lit[hits.seen]
    return picture


def _occlusion(hits: Hits, scale: float) -> np.ndarray:
    """Return from 0 to 1 how deep a pixel lies below its surroundings of about 6 mm."""
    floor = hits.depth[hits.seen].min() if hits.seen.any() else 0.0
    depth = np.where(hits.seen, hits.depth, floor)
    total = np.zeros_like(depth)
    for reach_mm in (3, 9):
        share = gaussian_filter(hits.seen.astype(float), reach_mm * scale)
        around = gaussian_filter(depth * hits.seen, reach_mm * scale) / np.maximum(share, 1e-6)
        total += ((around - depth) / (3 * reach_mm * scale)).clip(0, 1)
    return (total / 1.2).clip(0, 1)


def _glaze(picture: np.ndarray, glass: Hits, scale: float) -> np.ndarray:
    """Return ``picture`` behind ``glass``, which is seen best where it turns away from us."""
    normal = gaussian_filter(glass.normal, (2 * scale, 2 * scale, 0))  # voxel steps would glitter
    normal /= np.maximum(np.linalg.norm(normal, axis=2, keepdims=True), 1e-6)
    weight = np.where(glass.seen, 0.04 + 0.75 * (1 - normal[..., 2].clip(0, 1)) ** 1.8, 0.0)
    light = (normal @ LIGHT).clip(0, 1) * 0.6 + 0.4
    return picture + weight[..., None] * (GLASS * light[..., None] - picture)
