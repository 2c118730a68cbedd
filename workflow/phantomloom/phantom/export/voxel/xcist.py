"""XCIST / gecatsim: phantom.json, a raw volume fraction map per material, material files.

A map covers only the box in which its material occurs; where no map is, is nothing. The isocentre
is the middle of the grid that the keys under "grid" tell, which are ours and lead back to the
patient's frame: the label map's, or with square pixels one up to a pixel wider. XCIST's frame about
it is RAS: +X the patient's right, +Y the front (where the tube stands at angle 0), +Z the head.
Measured on gecatsim 1.6.6 with a tripod: columns run to +X and slices to +Z, but rows from +Y down,
while y_offset counts up like the others. So our arrays are turned about z: columns reversed, rows
as they are.

XCIST finds the material files after ``gecatsim.my_path.add_search_path(folder)``.
"""

import json
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from phantomloom.io import complete
from phantomloom.materials import Material, material
from phantomloom.phantom.export.voxel import Substances
from phantomloom.phantom.inventory import inventory, names_and_materials
from phantomloom.resample import Grid, nearest
from phantomloom.volume import Volume

FILE = "phantom.json"
KINDS = {"int8": "i1", "float": "<f4"}  # int8: ours are zeros and ones

Box = tuple[slice, ...]  # in the label map, (z, y, x)


def write(labels: Volume, folder: Path) -> None:
    """Write phantom.json, ``<material>.raw`` and ``material/<material>``.

    XCIST projects square pixels only: others take the finer spacing, by the nearest label.
    """
    labels = _with_square_pixels(labels)
    names, indices = _by_material(labels)
    boxes = ndimage.find_objects(indices)
    for index, (name, box) in enumerate(zip(names, boxes, strict=True), start=1):
        fractions = (indices[box] == index)[:, :, ::-1].astype("i1")
        _write_bytes(fractions.tobytes(), folder / f"{name}.raw")
        _write_bytes(_material_file(material(name)).encode(), folder / "material" / name)
    text = json.dumps(_description(labels, names, boxes), indent=1) + "\n"
    _write_bytes(text.encode(), folder / FILE)


def read(folder: Path) -> Substances:
    """Return the materials on the grid of the label map; index 0 is where no map has any.

    Raises:
        ValueError: if a map does not lie on that grid or has parts of voxels, which labels cannot.
    """
    description = json.loads((folder / FILE).read_text())
    grid = description["grid"]
    indices = np.zeros(grid["voxels_zyx"], np.uint8)
    for index in range(description["n_materials"]):
        box, there = _map(description, index, folder, indices.shape)
        indices[box][there] = index + 1
    volume = Volume(indices, tuple(grid["spacing_mm_zyx"]), tuple(grid["origin_mm_zyx"]))
    return Substances(volume, dict(enumerate(description["mat_name"], start=1)))


def _with_square_pixels(labels: Volume) -> Volume:
    z_mm, y_mm, x_mm = labels.spacing_mm
    if abs(y_mm - x_mm) < 1e-3:
        return labels
    fine_mm = min(y_mm, x_mm)
    _, rows, columns = Grid.of(labels).at(fine_mm).shape
    _, y0_mm, x0_mm = Grid.of(labels).at(fine_mm).origin_mm
    z0_mm, depth = labels.origin_mm[0], len(labels.array)
    grid = Grid((depth, rows, columns), (z_mm, fine_mm, fine_mm), (z0_mm, y0_mm, x0_mm))
    return nearest(labels, grid)


def _by_material(labels: Volume) -> tuple[list[str], np.ndarray]:
    """Return the materials inside the body and, per voxel, 1 + the place in that list, or 0."""
    inside = {item.id: item.material for item in inventory(labels)}
    names = sorted(set(inside.values()))
    lookup = np.zeros(max(names_and_materials()) + 1, np.uint8)
    for label, name in inside.items():
        lookup[label] = names.index(name) + 1
    return names, lookup[labels.array]


def _description(
    labels: Volume, names: list[str], boxes: list[tuple[slice, ...]]
) -> dict[str, Any]:
    """Return the content of phantom.json: parallel lists, an entry per material."""
    z_mm, y_mm, x_mm = ([mm] * len(names) for mm in labels.spacing_mm)
    slices, rows, cols = ([box[axis].stop - box[axis].start for box in boxes] for axis in range(3))
    middle = [(length + 1) / 2 for length in labels.array.shape]
    below = [_below(box, labels.array.shape) for box in boxes]
    z, y, x = ([middle[axis] - start[axis] for start in below] for axis in range(3))
    return {
        "n_materials": len(names),
        "mat_name": names,
        "volumefractionmap_filename": [f"{name}.raw" for name in names],
        "volumefractionmap_datatype": ["int8"] * len(names),
        **{"cols": cols, "rows": rows, "slices": slices},
        **{"x_size": x_mm, "y_size": y_mm, "z_size": z_mm},
        **{"x_offset": x, "y_offset": y, "z_offset": z},
        "grid": {
            "frame": "LPS, mm; triples are (z, y, x); the isocentre is the middle of the grid",
            "voxels_zyx": list(labels.array.shape),
            "spacing_mm_zyx": [float(mm) for mm in labels.spacing_mm],
            "origin_mm_zyx": [float(mm) for mm in labels.origin_mm],
        },
    }


def _below(box: Box, shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Return how many voxels of the grid lie below ``box`` along +Z, +Y, +X of XCIST."""
    z, y, x = box
    return z.start, shape[1] - y.stop, shape[2] - x.stop


def _material_file(substance: Material) -> str:
    fractions = [f"{z} {part:.6f}" for z, part in sorted(substance.mass_fractions.items())]
    return "\n".join(
        [
            f"# {substance.name}: {substance.source}",
            "# number of elements, density in g/cm3, then atomic numbers and mass fractions",
            str(len(fractions)),
            f"{substance.density_g_cm3:g}",
            *fractions,
            "",
        ]
    )


def _map(
    description: dict[str, Any], index: int, folder: Path, shape: tuple[int, ...]
) -> tuple[Box, np.ndarray]:
    """Return where in the grid the map of material ``index`` lies, and where it is 1."""
    size = tuple(description[key][index] for key in ("slices", "rows", "cols"))
    offsets = [description[key][index] for key in ("z_offset", "y_offset", "x_offset")]
    z, y, x = ((n + 1) / 2 - offset for n, offset in zip(shape, offsets, strict=True))
    starts = (z, shape[1] - size[1] - y, shape[2] - size[2] - x)
    kind = KINDS[description["volumefractionmap_datatype"][index]]
    path = folder / description["volumefractionmap_filename"][index]
    flat = np.fromfile(path, np.dtype(kind))
    if len(flat) != prod(size):
        raise ValueError(f"{path}: expected {size} voxels (z, y, x), came {len(flat)}")
    fractions = flat.reshape(size)[:, :, ::-1]
    if any(start % 1 for start in starts) or not np.isin(fractions, (0, 1)).all():
        raise ValueError(f"{path}: not a label map's: between voxels, or holds parts of voxels")
    corners = zip(map(int, starts), size, strict=True)
    return tuple(slice(start, start + n) for start, n in corners), fractions == 1


def _write_bytes(content: bytes, path: Path) -> None:
    with complete(path) as partial:
        partial.write_bytes(content)
