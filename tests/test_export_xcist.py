"""The files as gecatsim 1.6.6 takes them: a tripod was projected there to learn its axes."""

import json

import numpy as np
import pytest

from phantomloom.materials import material
from phantomloom.phantom.export.voxel import xcist
from phantomloom.structures import label
from phantomloom.volume import Volume


@pytest.fixture
def labels():
    """Arms from one corner: 3 voxels to the left, 5 to the back, 7 to the head."""
    array = np.zeros((20, 24, 28), np.uint8)
    z, y, x = 9, 6, 15
    array[z, y, x : x + 4] = label("liver")
    array[z, y + 1 : y + 6, x] = label("spleen")
    array[z + 1 : z + 8, y, x] = label("femur_left")
    array[1:3, 1:5, 1:4] = label("muscles")
    return Volume(array, (3.0, 2.0, 2.0), (-70.0, 15.0, 40.0))


def positions_mm(folder, name):
    """Where gecatsim puts the voxels of a material, (x, y, z) from the isocentre.

    Its offsets count from 1 along the axes; rows lie in the file from +Y to -Y.
    """
    phantom = json.loads((folder / "phantom.json").read_text())
    i = phantom["mat_name"].index(name)
    cols, rows, slices = (phantom[key][i] for key in ("cols", "rows", "slices"))
    content = np.fromfile(folder / phantom["volumefractionmap_filename"][i], "i1")
    z, row, x = np.nonzero(content.reshape(slices, rows, cols))
    places = zip("xyz", (x + 1, rows - row, z + 1), strict=True)
    return np.stack(
        [(at - phantom[f"{axis}_offset"][i]) * phantom[f"{axis}_size"][i] for axis, at in places], 1
    )


def expected_mm(labels, name):
    """The same from the label map: RAS about the middle of its grid."""
    zyx = np.argwhere(labels.array == label(name))
    middle = (np.array(labels.array.shape) - 1) / 2
    z, y, x = ((zyx - middle) * labels.spacing_mm).T
    return np.stack([-x, -y, z], 1)


@pytest.mark.parametrize(
    ("structure", "substance"),
    [
        ("liver", "liver"),
        ("spleen", "spleen"),
        ("femur_left", "femur"),
        ("muscles", "skeletal_muscle"),
    ],
)
def test_every_voxel_lies_where_the_patient_has_it(labels, tmp_path, structure, substance):
    xcist.write(labels, tmp_path)
    found, expected = positions_mm(tmp_path, substance), expected_mm(labels, structure)
    assert np.array_equal(np.unique(found, axis=0), np.unique(expected, axis=0))


def test_maps_cover_only_the_box_of_their_material(labels, tmp_path):
    xcist.write(labels, tmp_path)
    assert (tmp_path / "skeletal_muscle.raw").stat().st_size == 2 * 4 * 3


def test_material_files_hold_count_density_and_fractions(labels, tmp_path):
    xcist.write(labels, tmp_path)
    text = (tmp_path / "material" / "liver").read_text()
    numbers = [line.split() for line in text.splitlines() if not line.startswith("#")]
    (count,), (density,), *fractions = numbers
    assert (int(count), float(density)) == (len(fractions), 1.06)
    found = {int(z): float(part) for z, part in fractions}
    assert found == pytest.approx(material("liver").mass_fractions, abs=1e-6)


def test_pixels_that_are_not_square_become_so_and_keep_place_and_volume(tmp_path):
    array = np.zeros((6, 20, 30), np.uint8)
    array[2:4, 5:15, 6:12] = label("liver")
    labels = Volume(array, (5.0, 3.0, 1.0), (10.0, -20.0, 30.0))
    xcist.write(labels, tmp_path)
    indices, _ = xcist.read(tmp_path)
    assert indices.spacing_mm == (5.0, 1.0, 1.0)
    found = np.argwhere(indices.array > 0)
    low = found.min(axis=0) * indices.spacing_mm + indices.origin_mm - np.array([2.5, 0.5, 0.5])
    assert low == pytest.approx([10 + 7.5, -20 + 13.5, 30 + 5.5])
    assert len(found) * indices.voxel_ml == pytest.approx((array > 0).sum() * labels.voxel_ml)


def test_a_map_with_parts_of_voxels_is_refused(labels, tmp_path):
    xcist.write(labels, tmp_path)
    (tmp_path / "skeletal_muscle.raw").write_bytes(bytes([2] * 24))
    with pytest.raises(ValueError, match="parts of voxels"):
        xcist.read(tmp_path)


def test_a_map_that_is_cut_off_is_told_with_its_name(labels, tmp_path):
    xcist.write(labels, tmp_path)
    path = max(tmp_path.rglob("*.raw"), key=lambda path: path.stat().st_size)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match=f"{path.name}: expected .* voxels"):
        xcist.read(tmp_path)
