"""Closed triangle meshes in patient space."""

from typing import Any, NamedTuple

import numpy as np


class Mesh(NamedTuple):
    """Triangles around a solid; seen from outside their vertices run counter-clockwise.

    Vertices are (x, y, z) as in every mesh format, LPS, float32 because the formats keep no more.
    """

    vertices_mm: np.ndarray  # [V, 3] float32
    faces: np.ndarray  # [F, 3] int, rows of vertices_mm


def volume_ml(mesh: Mesh) -> float:
    """Return the enclosed volume, negative if the mesh is inside-out (divergence theorem)."""
    a, b, c = _corners(mesh)
    return float(np.einsum("if,if->", a, _cross(b, c)) / 6000)


def area_mm2(mesh: Mesh) -> float:
    """Return the area of all triangles."""
    return float(np.linalg.norm(_normals(mesh), axis=0).sum() / 2)


def is_watertight(mesh: Mesh) -> bool:
    """Return whether every edge joins exactly two faces, in opposite directions.

    Vertices at the same place count as one, as for a reader of STL.
    """
    place = _places(mesh.vertices_mm)
    start, end = place[mesh.faces], place[np.roll(mesh.faces, -1, axis=1)]
    forth = np.sort((start << 32 | end).ravel())
    back = np.sort((end << 32 | start).ravel())
    return bool(len(forth) and np.array_equal(forth, back) and (np.diff(forth) > 0).all())


def describe(mesh: Mesh) -> dict[str, Any]:
    """Return what people want to know of a mesh, for a JSON artefact."""
    return {
        "triangles": len(mesh.faces),
        "watertight": is_watertight(mesh),
        "mesh_volume_ml": round(volume_ml(mesh), 6),
    }


def inflate(mesh: Mesh, to_ml: float) -> Mesh:
    """Return ``mesh`` with every vertex moved along its normal until it encloses ``to_ml``.

    One step of the first order, for differences of a few percent: every vertex moves as far.
    """
    across = _normals(mesh)
    count, corners = len(mesh.vertices_mm), mesh.faces.T.ravel()
    sums = [np.bincount(corners, np.tile(axis, 3), count) for axis in across]
    sum_mm2 = np.stack(sums, axis=1)
    normals = sum_mm2 / np.maximum(np.linalg.norm(sum_mm2, axis=1, keepdims=True), 1e-12)
    distance_mm = 1000 * (to_ml - volume_ml(mesh)) / area_mm2(mesh)
    moved = mesh.vertices_mm + distance_mm * normals
    return mesh._replace(vertices_mm=moved.astype(np.float32))


def join(meshes: list[Mesh]) -> Mesh:
    """Return all triangles as one mesh."""
    starts = np.cumsum([0, *(len(mesh.vertices_mm) for mesh in meshes)])
    faces = [mesh.faces + start for mesh, start in zip(meshes, starts[:-1], strict=True)]
    return Mesh(np.concatenate([mesh.vertices_mm for mesh in meshes]), np.concatenate(faces))


def _places(vertices_mm: np.ndarray) -> np.ndarray:
    """Return a number for every vertex, the same for vertices at the same place."""
    order = np.lexsort(vertices_mm.T)
    differs = (np.diff(vertices_mm[order], axis=0) != 0).any(axis=1)
    places = np.zeros(len(order), np.int64)
    places[order[1:]] = np.cumsum(differs)
    return places


def _normals(mesh: Mesh) -> np.ndarray:
    """Return the outward normals [3, F], twice as long as the triangles are large."""
    a, b, c = _corners(mesh)
    return _cross(b - a, c - a)


def _corners(mesh: Mesh) -> np.ndarray:
    """Return the corners [3, 3 (x, y, z), F] from one of them: far from home digits are lost."""
    vertices = (mesh.vertices_mm - mesh.vertices_mm[:1]).astype(float)
    return vertices.T[:, mesh.faces.T].swapaxes(0, 1)


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the cross products [3, F]; numpy's own is four times as slow."""
    return np.stack([a[i - 2] * b[i - 1] - a[i - 1] * b[i - 2] for i in range(3)])
