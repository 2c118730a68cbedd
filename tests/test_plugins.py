"""Every plug-in is found by its file and keeps its contract; a new file needs no new test."""

import inspect
import re
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import trimesh
import yaml

from phantomloom import qc
from phantomloom.phantom.export import mesh as mesh_formats
from phantomloom.phantom.export import voxel as voxel_formats
from phantomloom.phantom.inventory import names_and_materials
from phantomloom.phantom.mesh import volume_ml
from phantomloom.phantom.surface import surfaces
from phantomloom.structures import by_id, label
from phantomloom.volume import Volume


def plugins(package):
    """The modules of a package, as parameters named after their files."""
    files = sorted(Path(package.__path__[0]).glob("[a-z]*.py"))
    return [pytest.param(f"{package.__name__}.{file.stem}", id=file.stem) for file in files]


ROOT = Path(__file__).parents[1]
CHECKS = [  # other files in qc/ are what the checks share
    f"{qc.__name__}.{file.stem}"
    for file in sorted(Path(qc.__path__[0]).glob("[a-z]*.py"))
    if re.search(r"^def check\(", file.read_text(), re.MULTILINE)
]


@pytest.fixture(scope="module")
def tripod():
    """Bars from one corner off the middle: 3 voxels to the left, 5 to the back, 7 to the head."""
    labels = np.zeros((20, 24, 28), np.uint8)
    z, y, x = 9, 6, 15
    labels[z, y, x : x + 4] = label("liver")
    labels[z, y + 1 : y + 6, x] = label("spleen")
    labels[z + 1 : z + 8, y, x] = label("femur_left")
    labels[2:4, 3:5, 4:6] = label("gas")
    return Volume(labels, (3.0, 2.0, 2.0), (-70.0, 15.0, 40.0))


@pytest.fixture(scope="module")
def meshes(tripod):
    found = surfaces(tripod, smoothing_voxels=0.7, simplification_voxels=0.1)
    return {by_id()[index].name: mesh for index, mesh in found}


@pytest.mark.parametrize("module", plugins(voxel_formats))
def test_a_voxel_format_returns_the_material_of_every_voxel(module, tripod, tmp_path):
    format = import_module(module)
    format.write(tripod, tmp_path)
    indices, materials = format.read(tmp_path)
    assert indices.same_grid(tripod)
    expected = {index: material for index, (_, material) in names_and_materials().items()}
    for index, material in expected.items():
        ours = np.isin(tripod.array, [i for i, name in expected.items() if name == material])
        theirs = np.isin(indices.array, [i for i, name in materials.items() if name == material])
        if index and ours.any() and material != "air":
            assert np.array_equal(ours, theirs), material
    inside = np.isin(indices.array, [i for i, name in materials.items() if name != "air"])
    assert np.array_equal(inside, (tripod.array > 0) & (tripod.array != label("gas")))


@pytest.mark.parametrize("module", plugins(mesh_formats))
def test_a_mesh_format_returns_every_mesh(module, meshes, tmp_path):
    format = import_module(module)
    format.write(meshes, tmp_path)
    found = format.read(tmp_path)
    assert found.keys() == meshes.keys()
    for name, mesh in meshes.items():
        ours, theirs = (m.vertices_mm[m.faces] for m in (mesh, found[name]))
        assert theirs == pytest.approx(ours, abs=1e-4)  # face by face, corner by corner


@pytest.mark.parametrize("module", plugins(mesh_formats))
def test_a_mesh_format_keeps_left_left_and_the_head_up(module, tripod, meshes, tmp_path):
    format = import_module(module)
    format.write(meshes, tmp_path)
    z, y, x = tripod.origin_mm
    corner = np.array([x + 15 * 2, y + 6 * 2, z + 9 * 3])
    found = format.read(tmp_path).items()
    tips = {name: mesh.vertices_mm.max(axis=0) - corner for name, mesh in found}
    assert tips["liver"][0] == pytest.approx(3 * 2 + 1, abs=1)  # left, to the voxel's far face
    assert tips["spleen"][1] == pytest.approx(5 * 2 + 1, abs=1)  # back
    assert tips["femur_left"][2] == pytest.approx(7 * 3 + 1.5, abs=1.5)  # head


@pytest.mark.parametrize("module", [*plugins(mesh_formats), *plugins(voxel_formats)])
def test_equal_phantoms_give_equal_files(module, tripod, meshes, tmp_path):
    format = import_module(module)
    phantom = meshes if "export.mesh" in module else tripod
    for folder in ("one", "two"):
        format.write(phantom, tmp_path / folder)
    files = [path for path in (tmp_path / "one").rglob("*") if path.is_file()]
    assert files
    for file in files:
        twin = tmp_path / "two" / file.relative_to(tmp_path / "one")
        assert file.read_bytes() == twin.read_bytes()


@pytest.mark.parametrize("module", CHECKS)
def test_a_check_takes_measurements_and_returns_a_list_of_findings(module):
    signature = inspect.signature(import_module(module).check)
    assert next(iter(signature.parameters)) == "measurements"
    assert signature.return_annotation == list[qc.Finding]


def test_the_config_names_checks_that_exist():
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    there = {name.removeprefix("phantomloom.qc.") for name in CHECKS}
    assert set(config["qc"]["checks"]) <= there


def test_trimesh_reads_the_same_scene_in_metres_with_y_up(tripod, meshes, tmp_path):
    import_module(f"{mesh_formats.__name__}.glb").write(meshes, tmp_path)
    scene = trimesh.load_scene(tmp_path / "phantom.glb")
    tip_m = scene.geometry["femur_left"].bounds[1]
    z, y, x = tripod.origin_mm
    expected_mm = [x + 15 * 2 + 1, z + 16 * 3 + 1.5, -(y + 6 * 2 - 1)]  # left, head, front
    assert tip_m == pytest.approx(np.array(expected_mm) / 1000, abs=1.5e-3)
    for name, geometry in scene.geometry.items():
        assert geometry.is_watertight
        assert 1e6 * geometry.volume == pytest.approx(volume_ml(meshes[name]), rel=1e-4)


def test_colours_in_glb_are_linear(meshes, tmp_path):
    import_module(f"{mesh_formats.__name__}.glb").write(meshes, tmp_path)
    geometry = trimesh.load_scene(tmp_path / "phantom.glb").geometry["liver"]
    linear = np.array(geometry.visual.material.baseColorFactor[:3]) / 255
    srgb = np.array([0x9C, 0x4A, 0x3A]) / 255  # the table's colour of the liver
    assert linear == pytest.approx(((srgb + 0.055) / 1.055) ** 2.4, abs=0.005)


@pytest.mark.parametrize("missing", [1, 50])
def test_an_stl_that_is_cut_off_is_told_with_its_name(meshes, tmp_path, missing):
    stl = import_module(f"{mesh_formats.__name__}.stl")
    stl.write(meshes, tmp_path)
    path = min(tmp_path.glob("*.stl"))
    path.write_bytes(path.read_bytes()[:-missing])
    with pytest.raises(ValueError, match=f"{path.name}: .* triangles announced"):
        stl.read(tmp_path)


def test_trimesh_reads_the_same_stl_in_mm(meshes, tmp_path):
    import_module(f"{mesh_formats.__name__}.stl").write(meshes, tmp_path)
    for name, mesh in meshes.items():
        found = trimesh.load_mesh(tmp_path / f"{name}.stl")
        assert found.is_watertight
        assert found.volume / 1000 == pytest.approx(volume_ml(mesh), rel=1e-4)
        assert b"SPACE=LPS" in (tmp_path / f"{name}.stl").read_bytes()[:80]
