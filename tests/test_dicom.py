import json

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.dicom_files import write_series
from tests.test_ingest import CENTRE, ORIGIN, SPACING, assert_arms, run_script, tripod

from phantomloom.ingest import describe, regrid
from phantomloom.io import artefact, dicom
from phantomloom.io.dicom_checks import check_stack
from phantomloom.io.scan import digests, read
from phantomloom.scan import OUTSIDE_HU, UnusableScanError

HU = tripod()
STACK = [(ORIGIN[2], ORIGIN[1], ORIGIN[0] + SPACING[0] * i) for i in range(len(HU))]
PIXELS = (SPACING[1], SPACING[2])


def write_tripod(folder, **attributes):
    return write_series(folder, HU, STACK, spacing_mm=PIXELS, **attributes)


@pytest.mark.parametrize("reverse", [False, True])
def test_arms_point_left_back_and_up_whatever_the_order_of_the_files(tmp_path, reverse):
    numbers = list(range(len(HU)))[:: -1 if reverse else 1]
    write_series(tmp_path, HU, STACK, spacing_mm=PIXELS, numbers=numbers)
    assert_arms(regrid(read(tmp_path), "native"), ORIGIN + CENTRE * SPACING)


def test_rows_that_run_to_the_right_and_columns_that_run_to_the_front_are_turned(tmp_path):
    far = ORIGIN + (np.array(HU.shape) - 1) * SPACING
    positions = [(far[2], far[1], position[2]) for position in STACK]
    orientation = (-1, 0, 0, 0, -1, 0)
    write_series(tmp_path, HU[:, ::-1, ::-1], positions, orientation, spacing_mm=PIXELS)
    assert_arms(regrid(read(tmp_path), "native"), ORIGIN + CENTRE * SPACING)


def test_coronal_slices_are_turned(tmp_path):
    positions = [(ORIGIN[2], ORIGIN[1] + SPACING[1] * i, ORIGIN[0]) for i in range(HU.shape[1])]
    pictures = HU.transpose(1, 0, 2)  # rows along x, columns up z
    write_series(tmp_path, pictures, positions, (1, 0, 0, 0, 0, 1), spacing_mm=(2.0, 1.0))
    assert_arms(regrid(read(tmp_path), "native"), ORIGIN + CENTRE * SPACING)


@pytest.mark.parametrize("degrees", [-20, 12, 27])
def test_a_tilted_gantry_leaves_things_where_they_are(tmp_path, degrees):
    """Balls at known places of the patient, sampled slice by slice on the tilted planes."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    balls = {700: (-14, 6, 30), 1400: (12, -10, 52), 2100: (4, 13, 66)}  # HU: (x, y, z) mm
    row, column = np.meshgrid(np.arange(60) - 30, np.arange(60) - 30, indexing="ij")
    pictures, positions = [], [(-30.0, -30 * c, 2.0 * i - 30 * s) for i in range(50)]
    for _, _, z in positions:
        places = np.stack([column, row * c, z + (row + 30) * s], axis=-1)
        picture = np.where(np.hypot(places[..., 0], places[..., 1]) < 28, 0, -1000)
        for value, centre in balls.items():
            picture[np.linalg.norm(places - np.array(centre), axis=-1) < 6] = value
        pictures.append(picture)
    write_series(tmp_path, np.array(pictures), positions, (1, 0, 0, 0, c, s))
    scan = read(tmp_path)
    assert f"{abs(degrees):.1f} degrees" in describe(scan, regrid(scan, 2.0), {})["warnings"][0]
    for spacing in ("native", 1.0):
        ct = regrid(scan, spacing)
        places = np.moveaxis(np.indices(ct.array.shape), 0, -1) * ct.spacing_mm + ct.origin_mm
        for value, (x, y, z) in balls.items():
            near = np.linalg.norm(places - (z, y, x), axis=-1) < 9
            weight = np.clip(ct.array, 0, None) * near
            centroid = (places * weight[..., None]).sum(axis=(0, 1, 2)) / weight.sum()
            np.testing.assert_allclose(centroid, (z, y, x), atol=0.4)
            assert ct.array[np.linalg.norm(places - (z, y, x), axis=-1) < 3].min() > value - 60


@pytest.mark.parametrize(
    ("signed", "bits", "display"),
    [
        (0, 12, "MONOCHROME1"),
        (0, 12, "MONOCHROME2"),
        (0, 16, "MONOCHROME1"),
        (1, 12, "MONOCHROME2"),  # MONOCHROME1 is refused, see below
        (1, 16, "MONOCHROME1"),
        (1, 16, "MONOCHROME2"),
    ],
)
def test_stored_values_of_any_sign_width_and_display_are_the_same_hu(
    tmp_path, signed, bits, display
):
    write_tripod(
        tmp_path,
        PixelRepresentation=signed,
        PhotometricInterpretation=display,
        BitsStored=bits,
        HighBit=bits - 1,
        RescaleIntercept=0 if signed else -1024,
    )
    assert np.array_equal(read(tmp_path).array, HU)


def test_pixels_that_gdcm_cannot_decode_are_refused_and_not_only_called_damaged(tmp_path):
    signed = {"PixelRepresentation": 1, "RescaleIntercept": 0}
    inverted = {"PhotometricInterpretation": "MONOCHROME1", "BitsStored": 12, "HighBit": 11}
    write_tripod(tmp_path, **signed, **inverted)
    with pytest.raises(UnusableScanError, match="stored in a way that GDCM cannot read"):
        read(tmp_path)


def test_each_slice_is_rescaled_by_its_own_slope_and_intercept(tmp_path):
    count = len(HU)
    slopes, intercepts = [1 + i % 3 for i in range(count)], [-1024 - 10 * i for i in range(count)]
    write_tripod(tmp_path, RescaleSlope=slopes, RescaleIntercept=intercepts)
    assert np.abs(read(tmp_path).array - HU).max() <= 1  # half of the largest slope


@pytest.mark.parametrize(("signed", "padding"), [(1, -2000), (0, 63536)])
def test_padding_was_not_scanned(tmp_path, signed, padding):
    padded = HU.astype(int)
    padded[:, :2] = padding + (0 if signed else -1024)
    intercept = 0 if signed else -1024
    attributes = {"PixelRepresentation": signed, "PixelPaddingValue": padding}
    write_series(
        tmp_path, padded, STACK, spacing_mm=PIXELS, RescaleIntercept=intercept, **attributes
    )
    array = read(tmp_path).array
    assert (array[:, :2] == OUTSIDE_HU).all() and np.array_equal(array[:, 2:], HU[:, 2:])


def test_compressed_slices_are_read(tmp_path):
    for file in write_tripod(tmp_path):
        header = pydicom.dcmread(file)
        header.compress(pydicom.uid.RLELossless)
        header.save_as(file)
    assert np.array_equal(read(tmp_path).array, HU)


def drop(files, *numbers):
    for number in numbers:
        files[number].unlink()


def test_missing_slices_are_refused_with_their_place(tmp_path):
    drop(write_tripod(tmp_path), 7, 8)
    with pytest.raises(UnusableScanError, match=r"missing between z = -18\.0 mm and z = -12\.0 mm"):
        read(tmp_path)


def test_another_slice_spacing_from_some_place_on_is_not_told_as_missing_slices(tmp_path):
    """As in heads scanned finely at the base: exported again it would be the same."""
    positions = [
        (x, y, z if i < 12 else STACK[12][2] + 2 * (z - STACK[12][2]))
        for i, (x, y, z) in enumerate(STACK)
    ]
    write_series(tmp_path, HU, positions, spacing_mm=PIXELS)
    with pytest.raises(UnusableScanError, match=r"irregular around .* with one slice spacing"):
        read(tmp_path)


def test_doubled_slices_are_refused_with_their_place(tmp_path):
    positions = [*STACK[:9], STACK[8], *STACK[9:-1]]
    write_series(tmp_path, HU, positions, spacing_mm=PIXELS)
    with pytest.raises(UnusableScanError, match=r"doubled slices at z = -14\.0 mm;"):
        read(tmp_path)


def test_two_reconstructions_in_one_series_are_refused(tmp_path):
    write_series(tmp_path, HU, [STACK[i // 2] for i in range(len(HU))], spacing_mm=PIXELS)
    with pytest.raises(UnusableScanError, match=r"doubled slices at .* and 4 more places"):
        read(tmp_path)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_slice_out_of_line_is_refused(tmp_path, axis):
    positions = np.array(STACK)
    positions[8, axis] += 0.6
    write_series(tmp_path, HU, positions, spacing_mm=PIXELS)
    with pytest.raises(UnusableScanError, match=r"irregular around z = -1[34]\.[04] mm"):
        read(tmp_path)


@given(st.integers(2, 200), st.floats(0.4, 8), st.floats(-1500, 1500))
@settings(deadline=None)
def test_regular_stacks_pass_even_when_the_scanner_rounds_positions(count, step, start):
    z = np.round(start + step * np.arange(count), 1)
    check_stack(np.stack([z * 0, z * 0, z], axis=1), np.array([0, 0, 1.0]))


def test_mixed_series_are_refused_and_named_without_their_uids(tmp_path):
    write_tripod(tmp_path, ConvolutionKernel="Br38f")
    write_series(
        tmp_path, HU[:3], STACK[:3], numbers=[90, 91, 92], SeriesInstanceUID="9.8.7", SeriesNumber=5
    )
    reason = r"series 2: 18 CT, kernel Br38f; series 5: 3 CT\)"
    with pytest.raises(UnusableScanError, match=reason) as refusal:
        read(tmp_path)
    assert "9.8.7" not in str(refusal.value)


def test_a_localizer_among_the_slices_is_refused(tmp_path):
    write_tripod(tmp_path)
    scout = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    write_series(tmp_path, HU[:1], STACK[:1], numbers=[90], ImageType=scout)
    with pytest.raises(UnusableScanError, match="series 2: 1 CT localizer"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"Modality": "MR"}, "modality MR"),
        ({"Modality": None}, "modality unknown"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, "scout"),
        ({"NumberOfFrames": 1, "RescaleType": "MGML"}, "values in MGML, not HU"),
        ({"NumberOfFrames": 4}, "multi-frame"),
        ({"SamplesPerPixel": 3}, "colour"),
        (
            {"ImagePositionPatient": None},
            "ImagePositionPatient in every slice; came a slice without",
        ),
        ({"PixelSpacing": None}, "PixelSpacing in every slice; came a slice without"),
        ({"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]}, "rows and columns at right angles"),
        ({"PixelSpacing": [[1.0, 1.0]] * 17 + [[1.0, 2.0]]}, "differ in PixelSpacing"),
        ({"RescaleIntercept": None, "RescaleSlope": None}, "expected HU"),
    ],
)
def test_series_that_are_no_ct_volume_are_refused(tmp_path, attributes, reason):
    write_tripod(tmp_path, **attributes)
    with pytest.raises(UnusableScanError, match=reason):
        regrid(read(tmp_path), "native")


def test_one_slice_is_refused(tmp_path):
    write_series(tmp_path, HU[:1], STACK[:1])
    with pytest.raises(UnusableScanError, match="came one slice"):
        read(tmp_path)


def test_an_empty_folder_and_one_of_documents_are_refused(tmp_path):
    for _ in range(2):
        with pytest.raises(UnusableScanError, match="a folder without DICOM files"):
            read(tmp_path)
        (tmp_path / "readme.txt").write_text("hello")
    (tmp_path / "SE0").mkdir()
    with pytest.raises(UnusableScanError, match="with other folders; name the one that holds"):
        read(tmp_path)


def test_documents_beside_the_slices_are_left_out_with_a_warning(tmp_path):
    write_tripod(tmp_path)
    (tmp_path / "readme.txt").write_text("hello")
    (tmp_path / ".DS_Store").write_text("hello")
    assert "1 files beside the slices" in read(tmp_path).warnings[0]


@pytest.mark.parametrize("kept", [0, 50, 140, 300, 0.3, 0.9, -1])
def test_a_slice_cut_short_anywhere_is_refused(tmp_path, kept, recwarn):
    file = write_tripod(tmp_path)[5]
    whole = file.read_bytes()
    file.write_bytes(whole[: int(kept * len(whole)) if isinstance(kept, float) else kept])
    with pytest.raises(UnusableScanError):
        read(tmp_path)


@pytest.mark.filterwarnings("ignore")  # what pydicom says of the damage goes to the log
def test_damaged_headers_are_read_or_refused_but_never_crash(tmp_path):
    file = write_series(tmp_path, HU[:2, :4, :4], STACK[:2])[0]
    whole, random = file.read_bytes(), np.random.default_rng(1)
    outcomes = set()
    for place in range(132, len(whole), 5):
        content = bytearray(whole)
        content[place : place + 3] = random.bytes(3)
        file.write_bytes(content)
        try:
            read(tmp_path)
            outcomes.add("read")
        except UnusableScanError:
            outcomes.add("refused")
    assert outcomes == {"read", "refused"}


SECRET = {
    "PatientName": "SECRET^NAME",
    "PatientID": "SECRET",
    "PatientBirthDate": "19310203",
    "StudyDate": "20240506",
    "StudyTime": "070809",
    "AccessionNumber": "SECRET",
    "InstitutionName": "SECRET",
    "StationName": "SECRET",
    "ReferringPhysicianName": "SECRET",
    "StudyDescription": "SECRET",
    "SeriesDescription": "SECRET",
    "ProtocolName": "SECRET",
    "ImageComments": "SECRET",
    "ContrastBolusAgent": "SECRET",
    "DeviceSerialNumber": "SECRET",
    "StudyInstanceUID": "1.9.8.7.6",
    "SeriesInstanceUID": "1.9.8.7.6",
    "SOPInstanceUID": "1.9.8.7.6",
    "FrameOfReferenceUID": "1.9.8.7.6",
}


@pytest.mark.parametrize("modality", ["CT", "MR"])
def test_nothing_identifying_passes_into_any_artefact(tmp_path, modality):
    folder = tmp_path / "SECRET"
    files = write_tripod(folder, Modality=modality, Manufacturer="ACME", KVP=120, **SECRET)
    for i, file in enumerate(files):
        file.rename(folder / f"CT.1.9.8.7.6.{i}")
    made = run_script(tmp_path / "out", folder)
    for path in vars(made).values():
        content = sitk.ReadImage(str(path)) if path.name == "ct.nii.gz" and modality == "CT" else ""
        text = path.read_bytes() + "".join(
            content.GetMetaData(key) for key in (content.GetMetaDataKeys() if content else ())
        ).encode(errors="replace")
        for secret in (b"SECRET", b"1.9.8.7.6", b"1931", b"0506", b"0708", str(tmp_path).encode()):
            assert secret not in text
    if modality == "CT":
        content = json.loads(made.ct_json.read_text())
        assert content["demographics"] == {"age_years": 90, "sex": "F"}  # 93 in truth
        assert content["acquisition"] == {
            "contrast_agent": True,
            "manufacturer": "ACME",
            "tube_voltage_kv": 120,
        }
    else:
        assert "modality MR" in artefact.reason_to_withhold(made.ct_json)


@pytest.mark.parametrize(
    ("attributes", "years"),
    [
        ({"PatientAge": "045Y"}, 45),
        ({"PatientAge": "030M"}, 2),
        ({"PatientAge": "010W"}, 0),
        ({"PatientAge": "2Y"}, 2),
        ({"PatientAge": "02Y"}, 2),
        ({"PatientBirthDate": "19800507", "StudyDate": "20240506"}, 43),
        ({"PatientBirthDate": "19800506", "StudyDate": "20240506"}, 44),
        ({"PatientBirthDate": "19800506"}, None),
        ({"PatientAge": "000Y"}, None),
        ({"PatientAge": "000Y", "PatientBirthDate": "19800506", "StudyDate": "20240506"}, 44),
        ({"PatientBirthDate": "19000101", "StudyDate": "19000101"}, None),
    ],
)
@pytest.mark.filterwarnings("ignore:Invalid value for VR AS")
def test_the_age_is_in_full_years(tmp_path, attributes, years):
    write_tripod(tmp_path, **attributes)
    assert read(tmp_path).demographics.get("age_years") == years


@pytest.mark.parametrize(("agent", "given"), [("Iohexol", True), ("NONE", False), ("no", False)])
def test_an_agent_of_none_is_no_contrast(tmp_path, agent, given):
    write_tripod(tmp_path, ContrastBolusAgent=agent)
    assert read(tmp_path).acquisition["contrast_agent"] is given


def test_digests_do_not_depend_on_file_names(tmp_path):
    files = write_tripod(tmp_path)
    before = digests(tmp_path)
    (tmp_path / ".DS_Store").write_text("left by a file browser, and not read")
    for i, file in enumerate(files):
        file.rename(tmp_path / f"{999 - i}.dcm")
    assert digests(tmp_path) == before and len(before) == len(HU)


def test_only_refusals_are_caught_a_fault_of_the_code_still_crashes(tmp_path, monkeypatch):
    write_tripod(tmp_path)
    monkeypatch.setattr(dicom, "to_hu", lambda values: values.no_such_attribute)
    with pytest.raises(AttributeError, match="no_such_attribute"):
        read(tmp_path)
