"""Binary STL, a file per structure.

STL knows neither unit nor frame; ours are in mm, LPS, and the header says so in the words that
3D Slicer reads (SPACE=LPS).
"""

from pathlib import Path

import numpy as np

from phantomloom.io import complete
from phantomloom.phantom.mesh import Mesh

HEADER_BYTES = 80
TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])


def write(meshes: dict[str, Mesh], folder: Path) -> None:
    """Write ``<name>.stl`` for each mesh."""
    for name, mesh in meshes.items():
        header = f"PhantomLoom {name} SPACE=LPS UNIT=mm".encode().ljust(HEADER_BYTES)
        count = np.array([len(mesh.faces)], "<u4")
        with complete(folder / f"{name}.stl") as partial:
            partial.write_bytes(header + count.tobytes() + _triangles(mesh).tobytes())


def read(folder: Path) -> dict[str, Mesh]:
    """Return the meshes by name.

    Raises:
        ValueError: if a file is not in our frame, or not as long as its count of triangles says.
    """
    return {path.stem: _read(path) for path in sorted(folder.glob("*.stl"))}


def _triangles(mesh: Mesh) -> np.ndarray:
    triangles = np.zeros(len(mesh.faces), TRIANGLE)
    triangles["corners"] = mesh.vertices_mm[mesh.faces]
    a, b, c = triangles["corners"].astype(float).transpose(1, 0, 2)
    normals = np.cross(b - a, c - a)
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    triangles["normal"] = np.divide(normals, length, where=length > 0, out=normals)
    return triangles


def _read(path: Path) -> Mesh:
    content = path.read_bytes()
    if b"SPACE=LPS" not in content[:HEADER_BYTES]:
        raise ValueError(f"{path}: the header does not say SPACE=LPS; the frame is unknown")
    start = HEADER_BYTES + 4
    count = int.from_bytes(content[HEADER_BYTES:start], "little")
    if len(content) != (expected := start + count * TRIANGLE.itemsize):
        told = f"{count} triangles announced, which take {expected} bytes; {len(content)} there"
        raise ValueError(f"{path}: {told}")
    triangles = np.frombuffer(content, TRIANGLE, count, start)
    vertices, corners = np.unique(triangles["corners"].reshape(-1, 3), axis=0, return_inverse=True)
    return Mesh(vertices, corners.reshape(-1, 3))
