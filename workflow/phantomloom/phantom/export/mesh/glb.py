"""Binary glTF 2.0: one scene, a node per structure, in metres and with +Y up.

In glTF the front of things faces +Z and their left +X, so that (x, y, z) in LPS becomes
(x, z, -y), a rotation. Colours are linear RGB there; the structure table's are sRGB.
"""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

from phantomloom.io import complete
from phantomloom.phantom.mesh import Mesh
from phantomloom.structures import structures

LPS_TO_GLTF = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])
FILE = "phantom.glb"
FLOAT, UINT32 = 5126, 5125  # component types
VERTICES, INDICES = 34962, 34963  # buffer targets


def write(meshes: dict[str, Mesh], folder: Path) -> None:
    """Write phantom.glb with every mesh, named and coloured as in the structure table.

    Raises:
        ValueError: if there is none, which glTF cannot say.
    """
    if not meshes:
        raise ValueError("a glTF scene needs at least one mesh")
    arrays = [array for mesh in meshes.values() for array in _arrays(mesh)]
    with complete(folder / FILE) as partial:
        partial.write_bytes(_container(_scene(list(meshes), arrays), arrays))


def read(folder: Path) -> dict[str, Mesh]:
    """Return the meshes of the phantom.glb in ``folder`` by name."""
    content = (folder / FILE).read_bytes()
    (json_bytes,) = struct.unpack_from("<I", content, 12)
    scene = json.loads(content[20 : 20 + json_bytes])
    binary = content[28 + json_bytes :]
    return {node["name"]: _mesh(scene, binary, node["mesh"]) for node in scene["nodes"]}


def _arrays(mesh: Mesh) -> tuple[np.ndarray, np.ndarray]:
    metres = mesh.vertices_mm.astype(float) @ LPS_TO_GLTF.T / 1000
    return metres.astype("<f4"), mesh.faces.astype("<u4").reshape(-1, 1)


def _scene(names: list[str], arrays: list[np.ndarray]) -> dict[str, Any]:
    """Return the JSON part; mesh i has the arrays 2 i (positions) and 2 i + 1 (corners)."""
    starts = np.cumsum([0, *(array.nbytes for array in arrays)]).tolist()
    indices = range(len(names))
    return {
        "asset": {
            "version": "2.0",
            "generator": "PhantomLoom",
            "extras": {"unit": "metre", "axes": "+X left, +Y head, +Z front of the patient"},
        },
        "scene": 0,
        "scenes": [{"nodes": list(indices)}],
        "nodes": [{"name": name, "mesh": i} for i, name in enumerate(names)],
        "meshes": [_primitive(i, name) for i, name in enumerate(names)],
        "materials": [_material(name) for name in names],
        "accessors": [_accessor(i, array) for i, array in enumerate(arrays)],
        "bufferViews": [
            {
                "buffer": 0,
                "byteOffset": start,
                "byteLength": array.nbytes,
                "target": (VERTICES, INDICES)[i % 2],
            }
            for i, (start, array) in enumerate(zip(starts[:-1], arrays, strict=True))
        ],
        "buffers": [{"byteLength": starts[-1]}],
    }


def _primitive(index: int, name: str) -> dict[str, Any]:
    positions, corners = 2 * index, 2 * index + 1
    primitive = {
        "attributes": {"POSITION": positions},
        "indices": corners,
        "material": index,
    }
    return {"name": name, "primitives": [primitive]}


def _accessor(index: int, array: np.ndarray) -> dict[str, Any]:
    if index % 2:
        return {"bufferView": index, "componentType": UINT32, "count": len(array), "type": "SCALAR"}
    return {
        "bufferView": index,
        "componentType": FLOAT,
        "count": len(array),
        "type": "VEC3",
        "min": array.min(axis=0).tolist(),  # the standard demands both for positions
        "max": array.max(axis=0).tolist(),
    }


def _material(name: str) -> dict[str, Any]:
    """Return a dull material of the structure's colour, sRGB made linear (IEC 61966-2-1)."""
    srgb = np.frombuffer(bytes.fromhex(structures()[name].colour[1:]), np.uint8) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    colour = [*linear.round(6).tolist(), 1.0]
    surface = {"baseColorFactor": colour, "metallicFactor": 0.0, "roughnessFactor": 0.7}
    return {"name": name, "pbrMetallicRoughness": surface}


def _container(scene: dict[str, Any], arrays: list[np.ndarray]) -> bytes:
    """Return the file: header, JSON chunk padded with blanks, binary chunk; little-endian."""
    text = json.dumps(scene, separators=(",", ":")).encode()
    text = text.ljust(-(-len(text) // 4) * 4)
    binary = b"".join(array.tobytes() for array in arrays)  # of 4-byte numbers: already padded
    header = struct.pack("<4sII", b"glTF", 2, 28 + len(text) + len(binary))
    chunks = struct.pack("<I4s", len(text), b"JSON") + text
    return header + chunks + struct.pack("<I4s", len(binary), b"BIN\0") + binary


def _mesh(scene: dict[str, Any], binary: bytes, index: int) -> Mesh:
    (primitive,) = scene["meshes"][index]["primitives"]
    metres = _array(scene, binary, primitive["attributes"]["POSITION"], "<f4").reshape(-1, 3)
    vertices_mm = metres.astype(float) @ LPS_TO_GLTF * 1000
    faces = _array(scene, binary, primitive["indices"], "<u4").reshape(-1, 3)
    return Mesh(vertices_mm.astype(np.float32), faces)


def _array(scene: dict[str, Any], binary: bytes, index: int, kind: str) -> np.ndarray:
    view = scene["bufferViews"][scene["accessors"][index]["bufferView"]]
    return np.frombuffer(binary, kind, view["byteLength"] // 4, view["byteOffset"])
