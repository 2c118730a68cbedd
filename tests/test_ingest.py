import json
import struct
import subprocess
import sys
from itertools import permutations, product
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from phantomloom.ingest import describe, of_stylised, regrid
from phantomloom.io import artefact, nifti
from phantomloom.io.scan import digests, read
from phantomloom.scan import AIR_HU, OUTSIDE_HU, Scan, UnusableScanError, to_hu

ROOT = Path(__file__).parents[1]
ARMS = {300: (0, 0, 3), 600: (0, 5, 0), 900: (7, 0, 0)}  # HU: left, back, up (z, y, x voxels)
CENTRE = np.array([6, 9, 20])
SPACING = np.array([2.0, 1.5, 1.0])
ORIGIN = np.array([-30.0, 12.0, -7.0])


def tripod() -> np.ndarray:
    """A block of tissue in air with three arms from an off-centre point, [Z, Y, X] LPS."""
    hu = np.full((18, 20, 26), -1000, np.int16)
    hu[2:16, 3:18, 4:25] = 40
    for value, arm in ARMS.items():
        for step in range(1, sum(arm) + 1):
            hu[tuple(CENTRE + np.sign(arm) * step)] = value
    return hu


def assert_arms(ct, centre_mm):
    """Check where each arm's far end lies, in mm of the patient."""
    for value, arm in ARMS.items():
        voxels = np.argwhere(ct.array == value)
        ends_mm = voxels * ct.spacing_mm + ct.origin_mm - centre_mm
        far = ends_mm[np.argmax(np.linalg.norm(ends_mm, axis=1))]
        assert len(voxels) == sum(arm)
        np.testing.assert_allclose(far, np.array(arm) * SPACING, atol=1e-3)


def stored(order, flips) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the tripod as a file may hold it: its array, its axes and its origin in mm."""
    array, axes, origin = tripod().transpose(order), np.diag(SPACING)[list(order)], ORIGIN.copy()
    for axis, flip in enumerate(flips):
        if flip:
            origin = origin + axes[axis] * (array.shape[axis] - 1)
            axes[axis] *= -1
            array = np.flip(array, axis)
    return np.ascontiguousarray(array), axes, origin


TURNS = list(product(permutations(range(3)), product([False, True], repeat=3)))


@pytest.mark.parametrize(("order", "flips"), TURNS)
def test_a_turned_or_mirrored_grid_keeps_its_voxels_and_their_place(order, flips):
    array, axes, origin = stored(order, flips)
    ct = regrid(Scan(array, axes, origin, "MHA"), "native")
    assert np.array_equal(ct.array, tripod())
    np.testing.assert_allclose((ct.spacing_mm, ct.origin_mm), (SPACING, ORIGIN))


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha"])
@pytest.mark.parametrize(
    ("order", "flips"),
    [
        ((0, 1, 2), (0, 0, 0)),
        ((0, 1, 2), (1, 1, 0)),
        ((2, 0, 1), (0, 1, 1)),
        ((1, 2, 0), (1, 0, 1)),
    ],
)
def test_arms_point_left_back_and_up_from_every_format(tmp_path, suffix, order, flips):
    array, axes, origin = stored(order, flips)
    image = sitk.GetImageFromArray(array)
    steps = np.linalg.norm(axes, axis=1)
    image.SetSpacing(steps[::-1].tolist())
    image.SetDirection((axes / steps[:, None])[::-1, ::-1].T.ravel().tolist())
    image.SetOrigin(origin[::-1].tolist())
    sitk.WriteImage(image, str(tmp_path / f"scan{suffix}"))
    ct = regrid(read(tmp_path / f"scan{suffix}"), "native")
    assert_arms(ct, ORIGIN + CENTRE * SPACING)
    nifti.write(ct, tmp_path / "ct.nii.gz")
    assert_arms(nifti.read(tmp_path / "ct.nii.gz"), ORIGIN + CENTRE * SPACING)


DIRECTION = np.array([5.0, -4.0, 3.0])


def ramp(shape, axes_mm):
    """A scan whose HU are linear in the patient's mm, and the function that says them.

    Linear interpolation and symmetric smoothing keep such values exactly.
    """
    axes_mm = np.asarray(axes_mm, float)
    origin_mm = -(np.array(shape) - 1) / 2 @ axes_mm  # the middle of the scan at 0
    steepness = 1600 / np.abs(DIRECTION @ (axes_mm.T * shape / 2)).max()
    places = np.moveaxis(np.indices(shape), 0, -1) @ axes_mm + origin_mm

    def expected_hu(places_mm):
        return places_mm @ DIRECTION * steepness

    return Scan(to_hu(expected_hu(places)), axes_mm, origin_mm, "MHA"), expected_hu


def assert_ramp(scan, expected_hu, ct, margin_mm):
    """Check HU at each voxel at least ``margin_mm`` within the scan, and that outside is known."""
    places = np.moveaxis(np.indices(ct.array.shape), 0, -1) * ct.spacing_mm + ct.origin_mm
    index = (places - scan.origin_mm) @ np.linalg.inv(scan.axes_mm)
    size = np.array(scan.array.shape)
    margin = margin_mm / np.linalg.norm(scan.axes_mm, axis=1)
    inside = ((index >= margin) & (index <= size - 1 - margin)).all(axis=-1)
    bent = np.abs(expected_hu(np.eye(3))).sum() * (margin_mm + 3)  # the ramp is clipped at air
    inside &= expected_hu(places) > AIR_HU + bent
    assert inside.any()
    np.testing.assert_allclose(ct.array[inside], expected_hu(places)[inside], atol=1.5)
    outside = ((index < -0.51) | (index > size - 0.49)).any(axis=-1)
    assert (ct.array[outside] == OUTSIDE_HU).all() and (ct.array[inside] >= AIR_HU).all()


def rotation(degrees, axis) -> np.ndarray:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turn = np.eye(3)
    a, b = [i for i in range(3) if i != axis]
    turn[a, a], turn[a, b], turn[b, a], turn[b, b] = c, -s, s, c
    return turn


@settings(max_examples=15, deadline=None)
@given(
    st.tuples(*[st.floats(1.2, 2.5)] * 3),
    # none, or more than what is too little to be worth an interpolation
    st.tuples(*[st.floats(-40, 40).filter(lambda d: d == 0 or abs(d) > 0.2)] * 3),
    st.permutations(range(3)),
    st.tuples(*[st.sampled_from([-1, 1])] * 3),
    st.sampled_from(["native", 1.0, 2.0, 3.0]),
)
def test_values_stay_where_they_are_in_the_patient(steps, degrees, order, signs, spacing):
    turn = rotation(degrees[0], 0) @ rotation(degrees[1], 1) @ rotation(degrees[2], 2)
    axes_mm = (np.diag(np.multiply(steps, signs)) @ turn)[list(order)]
    scan, expected_hu = ramp((34, 32, 30), axes_mm)
    margin_mm = 0 if spacing == "native" else 4 * spacing / 2.35 + 1
    assert_ramp(scan, expected_hu, regrid(scan, spacing), margin_mm)


@pytest.mark.parametrize("spacing", ["native", 1.5, 3.0])
def test_the_shear_of_a_tilted_gantry_is_undone(spacing):
    c, s = np.cos(0.3), np.sin(0.3)
    axes_mm = [(2.0, 0, 0), (s, c, 0), (0, 0, 1.0)]  # slices pile up along z, not their normal
    scan, expected_hu = ramp((30, 28, 26), axes_mm)
    margin_mm = 0 if spacing == "native" else 4 * spacing / 2.35 + 1
    assert_ramp(scan, expected_hu, regrid(scan, spacing), margin_mm)


def test_a_coarse_voxel_holds_the_mean_of_the_fine_ones_not_an_alias():
    stripes = np.where(np.arange(60) % 2, 200, -100)  # finer than the coarse grid can carry
    hu = np.full((60, 60, 60), -1000, np.int16)
    hu[10:50, 10:50] = stripes
    ct = regrid(Scan(hu, np.eye(3), np.zeros(3), "MHA"), 3.0)
    inner = ct.array[7:13, 7:13, 3:17]
    assert abs(inner.mean() - 50) < 2 and np.ptp(inner) < 20


def test_the_isotropic_grid_covers_the_scan_and_adds_no_layer_of_air():
    scan, _ = ramp((20, 31, 43), np.diag([2.0, 0.9, 0.9]))
    ct = regrid(scan, 3.0)
    assert ct.spacing_mm == (3.0, 3.0, 3.0)
    np.testing.assert_allclose(ct.extent_mm, (40, 27.9, 38.7), atol=1.5)
    far = np.array(ct.origin_mm) + (np.array(ct.array.shape) - 1) * 3.0
    assert (far <= scan.origin_mm + (np.array(scan.array.shape) - 0.5) @ scan.axes_mm).all()


@pytest.mark.parametrize("slices", [26, 27, 28, 29])
@pytest.mark.parametrize("slice_mm", [0.75, 1.5, 2.5])
def test_the_first_and_the_last_plane_show_the_scan(slices, slice_mm):
    """Also where the centre of one more plane would lie on the scan's border."""
    scan = Scan(np.full((slices, 40, 40), 50, np.int16), np.diag([slice_mm, 1, 1]), ORIGIN, "MHA")
    scan.array[:, :, :8] = -1000
    ct = regrid(scan, 3.0)
    assert (ct.array[[0, -1]][:, 4:-4, 6:] == 50).all()


@pytest.mark.parametrize("kind", [np.float32, np.int32, np.int16])
def test_padding_is_told_from_air_and_metal_fits(kind):
    values = np.array([[-3024, -2000, -1400, 40, 32767]], kind)
    assert to_hu(values).tolist() == [[OUTSIDE_HU, OUTSIDE_HU, AIR_HU, 40, 32767]]
    assert to_hu(np.array([[40.4, 90000]])).tolist() == [[40, 32767]]


@pytest.mark.parametrize("spacing", ["native", 2.0, 3.0])
def test_no_voxel_is_a_mean_of_tissue_and_of_padding(spacing):
    y, x = np.indices((60, 60))
    hu = np.broadcast_to(np.where(np.hypot(y - 30, x - 30) > 22, -3024, 50), (20, 60, 60)).copy()
    hu[:, :12] = np.maximum(hu[:, :12], -1000)  # air, so that it passes for HU
    ct = regrid(Scan(to_hu(hu), np.diag([1.0, 1.0, 1.0]), np.zeros(3), "MHA"), spacing)
    below = ct.array[:, round(16 / ct.spacing_mm[1]) :]
    scanned = below[below != OUTSIDE_HU]
    assert scanned.min() > -30  # else muscle would be fat
    assert scanned.size * np.prod(ct.spacing_mm) == pytest.approx(
        (hu[:, 16:] == 50).sum(), rel=0.15
    )


BODY = tripod().astype(float)
NOT_HU = {
    "bytes": np.clip((BODY + 1000) / 8, 0, 255),
    "normalised": (BODY + 1000) / 2000,
    "stored values": BODY + 1024,
    "magnetic resonance": np.abs(BODY + 1000) * 0.7,
    "windowed": np.clip(BODY, -160, 240),
    "air only": np.full_like(BODY, -1000),
}


@pytest.mark.parametrize("name", NOT_HU)
def test_what_cannot_be_hu_is_refused(name):
    with pytest.raises(UnusableScanError, match="expected HU: air below -800"):
        regrid(Scan(to_hu(NOT_HU[name]), np.diag(SPACING), ORIGIN, "MHA"), "native")


def test_a_spacing_in_metres_is_refused():
    with pytest.raises(UnusableScanError, match=r"0\.001 x 0\.0015 x 0\.002 mm"):
        regrid(Scan(tripod(), np.diag(SPACING / 1000), ORIGIN, "MHA"), 3.0)


def write(path, array, spacing=(1.0, 1.0, 1.0)):
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(spacing[: image.GetDimension()] + (1.0,) * (image.GetDimension() - 3))
    sitk.WriteImage(image, str(path))


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha"])
@pytest.mark.parametrize(
    ("reason", "array"),
    [
        ("NaN", np.where(BODY == 40, np.nan, BODY)),
        ("NaN or infinity", np.where(BODY == 40, np.inf, BODY)),
        ("one slice", BODY[:1]),
        ("three-dimensional", BODY[0]),
    ],
)
def test_unusable_arrays_are_refused_in_every_format(tmp_path, suffix, reason, array):
    write(tmp_path / f"scan{suffix}", array.astype(np.float32))
    with pytest.raises(UnusableScanError, match=reason):
        regrid(read(tmp_path / f"scan{suffix}"), "native")


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha"])
def test_a_file_cut_short_anywhere_is_refused(tmp_path, suffix, capfd):
    path = tmp_path / f"scan{suffix}"
    write(path, tripod())
    whole = path.read_bytes()
    for kept in (0, 3, 100, 352, len(whole) // 2, len(whole) - 20):
        path.write_bytes(whole[: min(kept, len(whole) - 9)])
        with pytest.raises(UnusableScanError):
            read(path)


@pytest.mark.parametrize(("suffix", "count"), [(".nii", 2), (".nrrd", 2), (".mha", 2)])
def test_several_volumes_or_colours_are_refused(tmp_path, suffix, count):
    image = sitk.GetImageFromArray(np.stack([tripod()] * count, axis=-1), isVector=True)
    sitk.WriteImage(image, str(tmp_path / f"scan{suffix}"))
    with pytest.raises(UnusableScanError, match="three-dimensional"):
        read(tmp_path / f"scan{suffix}")


def edited_nifti(path, offset, content):
    write(path, tripod())
    header = bytearray(path.read_bytes())
    header[offset : offset + len(content)] = content
    path.write_bytes(header)


@pytest.mark.parametrize("byte", [np.nan, np.inf, -np.inf, -1, 1e30])
def test_a_nifti_whose_voxels_start_nowhere_is_refused(tmp_path, byte):
    edited_nifti(tmp_path / "scan.nii", 108, np.array(byte, "<f4").tobytes())
    with pytest.raises(UnusableScanError, match="expected a whole NIfTI-1 file"):
        read(tmp_path / "scan.nii")


@pytest.fixture(scope="module")
def small_nifti(tmp_path_factory):
    path = tmp_path_factory.mktemp("fuzz") / "scan.nii"
    write(path, tripod()[::6, ::6, ::6])
    return path, path.read_bytes()


FIELDS = (0, 40, 42, 44, 46, 48, 70, 76, 80, 108, 112, 116, 123, 252, 254, 256, 268, 280, 292)
SPECIAL = [struct.pack("<f", value) for value in (np.nan, np.inf, -np.inf, 3e38, -1e-40)]


@pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")  # goes to the log
@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(FIELDS) | st.integers(0, 343),
        st.sampled_from(SPECIAL) | st.binary(min_size=1, max_size=4),
        min_size=1,
        max_size=3,
    )
)
def test_any_nifti_header_is_read_or_refused_but_never_crashes(small_nifti, edits):
    path, whole = small_nifti
    header = bytearray(whole)
    for offset, content in edits.items():
        header[offset : offset + len(content)] = content
    path.write_bytes(header)
    try:
        assert regrid(read(path), "native").array.dtype == np.int16
    except UnusableScanError as refusal:
        assert "expected " in str(refusal)


def test_a_nifti_without_orientation_is_refused_for_nobody_knows_left_from_right(tmp_path):
    edited_nifti(tmp_path / "scan.nii", 252, bytes(4))
    with pytest.raises(UnusableScanError, match="neither sform nor qform"):
        read(tmp_path / "scan.nii")


def test_a_nrrd_without_space_is_refused(tmp_path):
    write(tmp_path / "scan.nrrd", tripod())
    text = (tmp_path / "scan.nrrd").read_bytes()
    text = text.replace(b"space: left-posterior-superior\n", b"space dimension: 3\n")
    (tmp_path / "scan.nrrd").write_bytes(text)
    with pytest.raises(UnusableScanError, match="no space field"):
        read(tmp_path / "scan.nrrd")
    (tmp_path / "scan.nrrd").write_bytes(text.replace(b"space dimension: 3", b"space: scanner-xyz"))
    with pytest.raises(UnusableScanError, match="came the space scanner-xyz"):
        read(tmp_path / "scan.nrrd")


def test_a_metaimage_that_names_directions_but_tells_no_axes_is_refused(tmp_path):
    write(tmp_path / "scan.mha", tripod())
    text = (tmp_path / "scan.mha").read_bytes()
    start = text.index(b"TransformMatrix")
    line = text[start : text.index(b"\n", start) + 1]
    (tmp_path / "scan.mha").write_bytes(text.replace(line, b"AnatomicalOrientation = ???\n"))
    with pytest.raises(UnusableScanError, match="no TransformMatrix"):
        read(tmp_path / "scan.mha")


def test_the_sheared_sform_of_a_tilted_gantry_is_honoured(tmp_path):
    # (x, y, z) RAS of NIfTI: the slice step has a part to the front, which is -y in LPS
    sform = np.array([[-1, 0, 0, 7], [0, -1.5, 0.6, -12], [0, 0, 2, -30]], "<f4")
    edited_nifti(tmp_path / "scan.nii", 280, sform.tobytes())
    scan = read(tmp_path / "scan.nii")
    np.testing.assert_allclose(scan.axes_mm, [(2, -0.6, 0), (0, 1.5, 0), (0, 0, 1)], atol=1e-6)
    np.testing.assert_allclose(scan.origin_mm, (-30, 12, -7))


def test_a_nifti_in_micrometres_big_endian_and_scaled_is_read(tmp_path):
    write(tmp_path / "scan.nii", tripod())
    raw = bytearray((tmp_path / "scan.nii").read_bytes())
    voxels = np.frombuffer(raw, "<i2", offset=352).astype(">i2").tobytes()
    swapped = bytearray(raw[:352])
    for code, offset, count in (("i4", 0, 1), ("i2", 40, 8), ("i2", 68, 4), ("f4", 76, 11)):
        part = np.frombuffer(raw, "<" + code, count, offset).astype(">" + code).tobytes()
        swapped[offset : offset + len(part)] = part
    swapped[112:120] = np.array([2, -24], ">f4").tobytes()
    swapped[123] = 3
    swapped[252:256] = np.array([0, 1], ">i2").tobytes()
    sform = np.array([[-1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 1, 0]], float) * 1000
    swapped[280:328] = sform.astype(">f4").tobytes()
    (tmp_path / "scan.nii").write_bytes(swapped + voxels)
    scan = read(tmp_path / "scan.nii")
    assert np.array_equal(scan.array, to_hu(tripod() * 2 - 24))
    np.testing.assert_allclose(scan.axes_mm, np.eye(3))


@pytest.mark.parametrize("name", ["scan.txt", "scan", "scan.dcm"])
def test_other_files_and_missing_ones_are_refused(tmp_path, name):
    (tmp_path / name).write_text("no scan")
    with pytest.raises(UnusableScanError, match="DICOM folder or a file ending in"):
        read(tmp_path / name)
    for use in (read, digests):
        with pytest.raises(UnusableScanError, match="nothing there"):
            use(tmp_path / "gone.nii")


def described(sheet, header):
    scan = Scan(tripod(), np.diag(SPACING), ORIGIN, "MHA", demographics=header)
    return describe(scan, regrid(scan, "native"), sheet)


def test_the_sheet_goes_before_the_header_and_a_contradiction_is_told():
    content = described({"sex": "M", "age_years": None}, {"sex": "F", "age_years": 40})
    assert content["demographics"] == {"sex": "M", "age_years": 40}
    assert content["warnings"] == ["sex is M in the case sheet, F in the scan; the sheet counts"]


@pytest.mark.parametrize(
    ("told", "written", "contradict"),
    [(45.5, 45, False), (45, 45, False), (44.9, 45, True), (0.5, 0.5, False), (0.25, 0.5, True)],
)
def test_an_age_that_a_header_tells_in_full_years_is_no_contradiction(told, written, contradict):
    content = described({"age_years": told}, {"age_years": written})
    assert content["demographics"]["age_years"] == told
    assert bool(content["warnings"]) == contradict


@pytest.mark.parametrize(("sheet", "header"), [(97, None), (None, 97), (97, 93)])
def test_ages_over_89_become_90_and_leave_no_trace(sheet, header):
    content = described({"age_years": sheet}, {} if header is None else {"age_years": header})
    assert content["demographics"] == {"age_years": 90}
    assert content["warnings"] == []


SHIM = """
import runpy, sys, types
sys.path.insert(0, sys.argv[1] + "/workflow")
spec = eval(sys.argv[3])
class Named(list):
    def __init__(self, named):
        super().__init__(named.values())
        self.__dict__ = named
named = {key: Named(spec[key]) for key in ("input", "params", "output")}
snakemake = types.SimpleNamespace(log=[spec["log"]], threads=1, **named)
runpy.run_path(sys.argv[2], init_globals={"snakemake": snakemake})
"""


def run_job(script, folder, names, inputs, params) -> SimpleNamespace:
    """Run a script in a process of its own, as Snakemake would; return its outputs' paths."""
    output = {key: str(folder / name) for key, name in names.items()}
    log = folder / "log"
    spec = {"log": str(log), "input": inputs, "params": params, "output": output}
    command = [sys.executable, "-c", SHIM, str(ROOT), str(ROOT / "scripts" / script), repr(spec)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr + (log.read_text() if log.exists() else "")
    return SimpleNamespace(**{key: Path(name) for key, name in output.items()})


def run_script(folder, path, spacing_mm=3.0) -> SimpleNamespace:
    names = {"ct": "ct.nii.gz", "ct_json": "ct.json", "source_json": "source.json"}
    params = {"path": str(path), "spacing_mm": spacing_mm, "person": {"sex": "F"}}
    return run_job("ingest.py", folder, names, {"stylised": []}, params)


def test_the_script_writes_a_done_scan_whose_bytes_repeat(tmp_path):
    write(tmp_path / "scan.mha", tripod(), (1.0, 1.5, 2.0))
    first = run_script(tmp_path / "one", tmp_path / "scan.mha", "native")
    again = run_script(tmp_path / "two", tmp_path / "scan.mha", "native")
    for told in (first.ct_json, first.source_json):
        assert artefact.reason_to_withhold(told) is None
    assert np.array_equal(nifti.read(first.ct).array, tripod())
    assert json.loads(first.ct_json.read_text())["demographics"] == {"sex": "F"}
    for name in vars(first):
        assert getattr(first, name).read_bytes() == getattr(again, name).read_bytes()


def test_the_script_refuses_without_crashing_and_still_records_the_source(tmp_path):
    write(tmp_path / "scan.mha", (tripod() + 1000).astype(np.uint8))
    made = run_script(tmp_path / "out", tmp_path / "scan.mha")
    assert "expected HU" in artefact.reason_to_withhold(made.ct_json)
    assert made.ct.read_bytes() == b""
    assert "expected HU" in artefact.reason_to_withhold(made.source_json)
    (file,) = json.loads(made.source_json.read_text())["files"]
    assert file["bytes"] == (tmp_path / "scan.mha").stat().st_size


def test_a_scan_of_no_body_is_refused(tmp_path):
    """A board of 8 mm has the HU of tissue, and nothing that a skin could be found around."""
    board = np.full((20, 40, 40), -1000, np.int16)
    board[:, 18:22] = 40
    write(tmp_path / "scan.mha", board, (2.0, 2.0, 2.0))
    made = run_script(tmp_path / "out", tmp_path / "scan.mha")
    assert "expected a body in air; came no body" in artefact.reason_to_withhold(made.ct_json)
    assert made.ct.read_bytes() == b""


def test_a_generated_scan_says_so_and_tells_who_it_shows():
    person = {
        **{"number": 7, "family": "standard", "phase": "none", "sex": "F", "age_years": 31.5},
        **{"height_cm": 165.0, "weight_kg": 60.0, "arms": "up"},
    }
    array, axes, origin = stored((0, 1, 2), (False,) * 3)
    found = of_stylised(Scan(array, axes, origin, "NIfTI"), person)
    assert found.source == "stylised" and found.acquisition == {"contrast_agent": False}
    assert found.demographics == {
        **{"sex": "F", "age_years": 31.5, "height_cm": 165.0, "weight_kg": 60.0},
    }
    assert "number 7" in found.warnings[0] and "no patient was scanned" in found.warnings[0]
