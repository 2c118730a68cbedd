"""Slices of CT: classes, windows, where things lie, and who is in which part."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phantomloom.gan.data.ct_slices import Cut, Patient, class_of_id, read, slices, stack
from phantomloom.gan.pairs import read as read_pairs
from phantomloom.gan.pairs import write_each
from phantomloom.structures import by_id, label
from phantomloom.volume import Volume

CLASSES = {"body": ["any"], "liver": ["liver"], "bone": ["tissue=bone"]}
CUT = Cut(CLASSES, (-160, 240), 16, 4.0, 3.0, least_body=0.01)
LIVER, RIB, BODY = label("liver"), label("rib_left_7"), label("body")


def person(shift=(0, 0), shape=(6, 48, 56), origin_mm=(10.0, -7.0, 3.0)):
    """A box of body on a couch, a liver on the right and a rib on the left, 2 mm a pixel."""
    labels = np.zeros(shape, np.uint8)
    hu = np.full(shape, -1000, np.int16)
    dy, dx = shift
    hu[:, 34 + dy : 37 + dy, 2:50] = 150  # the couch
    labels[:, 12 + dy : 34 + dy, 14 + dx : 40 + dx] = BODY
    labels[:, 16 + dy : 24 + dy, 16 + dx : 24 + dx] = LIVER
    labels[:, 20 + dy : 24 + dy, 34 + dx : 38 + dx] = RIB
    for number, value in ((BODY, 20), (LIVER, 100), (RIB, 700)):
        hu[labels == number] = value
    return Volume(hu, (3.0, 2.0, 2.0), origin_mm), Volume(labels, (3.0, 2.0, 2.0), origin_mm)


def cut_of(ct, labels, cut=CUT):
    return list(slices(Patient("ann", "train", lambda: (ct, labels)), cut))


def test_liver_is_left_and_rib_right_of_the_middle_and_the_couch_is_gone():
    pair = cut_of(*person())[0]
    assert pair.image.shape == (1, 16, 16) and pair.image.dtype == np.int16
    assert pair.mask.dtype == np.uint8
    liver, rib = (np.argwhere(pair.mask == number).mean(axis=0) for number in (2, 3))
    assert liver[1] < 7 and rib[1] > 9  # the patient's right is the left of the picture
    assert liver[0] < 7.5  # to the front, which is up
    values = pair.image[0]
    assert values[round(liver[0]), round(liver[1])] == 100
    assert values[round(rib[0]), round(rib[1])] == 240  # cut off at the window
    assert (values[-3:] == -160).all() and (values[:, :2] == -160).all()
    assert values.min() == -160 and values.max() == 240


@settings(max_examples=25, deadline=None)
@given(
    st.tuples(st.integers(-8, 8), st.integers(-10, 10)),
    st.tuples(*[st.floats(-500, 500)] * 3),
)
def test_a_translated_body_gives_the_same_slices(shift, origin_mm):
    expected = cut_of(*person())
    for found, pair in zip(cut_of(*person(shift, origin_mm=origin_mm)), expected, strict=True):
        np.testing.assert_array_equal(found.mask, pair.mask)
        assert np.abs(found.image.astype(int) - pair.image).max() <= 1  # rounding


def test_each_pixel_takes_the_class_that_covers_most_of_it():
    """By counting; a pixel covers 2 x 2 voxels exactly, and half of it where the body ends."""
    random = np.random.default_rng(0)
    labels = np.zeros((2, 40, 40), np.uint8)
    labels[:, 9:31, 9:31] = random.choice([LIVER, RIB, BODY, 200], (2, 22, 22))
    found = stack(Volume(labels, (3.0, 2.0, 2.0)), CUT).array
    class_of = {0: 0, BODY: 1, 200: 1, LIVER: 2, RIB: 3}
    for z in range(2):
        for y in range(16):
            for x in range(16):
                ids = labels[z, 4 + 2 * y : 6 + 2 * y, 4 + 2 * x : 6 + 2 * x].ravel()
                counts = np.bincount([class_of[i] for i in ids.tolist()], minlength=4)
                assert found[z, y, x] == (0 if counts[0] > 2 else 1 + counts[1:].argmax())


def test_hu_that_rise_evenly_are_sampled_at_the_middle_of_each_pixel():
    labels = Volume(np.full((1, 60, 60), BODY, np.uint8), (3.0, 1.0, 1.0), (0.0, -29.5, -29.5))
    ramp = 2.0 * labels.array[0].astype(float).cumsum(axis=1) / BODY - 61  # 2 HU a mm, 0 at 0
    cut = CUT._replace(size=8)
    (pair,) = cut_of(labels.with_array(ramp[None]), labels, cut)
    expected = 2 * 4.0 * (np.arange(8) - 3.5)
    np.testing.assert_allclose(pair.image[0], np.tile(expected, (8, 1)), atol=0.51)


def test_fine_texture_is_averaged_and_not_picked_out():
    labels = Volume(np.full((1, 64, 64), BODY, np.uint8), (3.0, 1.0, 1.0))
    y, x = np.indices((64, 64))
    stripes = np.where((x + y) % 2, 200, -100)
    (pair,) = cut_of(labels.with_array(stripes[None]), labels, CUT._replace(size=8))
    assert np.abs(pair.image - 50.0).max() < 5


def test_what_lies_beyond_the_scan_is_air():
    labels = Volume(np.full((1, 10, 10), BODY, np.uint8), (3.0, 4.0, 4.0))
    (pair,) = cut_of(labels.with_array(np.full((1, 10, 10), 40)), labels)
    np.testing.assert_array_equal(
        np.pad(np.full((10, 10), 40), 3, constant_values=-160)[None], pair.image
    )
    np.testing.assert_array_equal(np.pad(np.ones((10, 10)), 3), pair.mask)


@pytest.mark.parametrize(("step_mm", "expected"), [(1, [0, 1, 2, 3, 4, 5]), (6, [0, 2, 4])])
def test_slices_come_in_whole_steps_of_the_scan(step_mm, expected):
    ct, labels = person()
    ct.array[:] += np.arange(6, dtype=np.int16)[:, None, None]
    pairs = cut_of(ct, labels, CUT._replace(step_mm=step_mm))
    assert [pair.name for pair in pairs] == [f"ann/z{z:04}" for z in expected]
    for pair, z in zip(pairs, expected, strict=True):
        assert (pair.image[0][pair.mask == 2]).max() == 100 + z
    masks = stack(labels, CUT._replace(step_mm=step_mm))
    assert masks.spacing_mm == (3.0 * (expected[1] - expected[0]), 4.0, 4.0)
    assert len(masks.array) == len(expected)


def test_a_stack_lies_where_the_patient_does():
    """The centre of mass of the liver, in mm, is that of the labels."""
    _, labels = person()
    masks = stack(labels, CUT)

    def centre_mm(volume, number):
        index = np.argwhere(volume.array == number).mean(axis=0)
        return index * volume.spacing_mm + volume.origin_mm

    np.testing.assert_allclose(centre_mm(masks, 2), centre_mm(labels, LIVER), atol=1e-6)


def test_slices_that_show_little_of_the_body_are_left_out():
    ct, labels = person()
    labels.array[3:] = 0
    labels.array[4, 20:22, 20:22] = BODY  # 16 of 4096 mm2
    names = [p.name for p in cut_of(ct, labels)]
    assert names == ["ann/z0000", "ann/z0001", "ann/z0002"]
    names = [p.name for p in cut_of(ct, labels, CUT._replace(least_body=0.003))]
    assert names == ["ann/z0000", "ann/z0001", "ann/z0002", "ann/z0004"]


def test_a_group_of_structures_is_what_the_table_says():
    classes = {
        "body": ["any"],
        "bone": ["tissue=bone"],
        "heart": ["heart", "parent=heart"],
        "left": ["side=left"],
        "abdomen": ["model=abdomen"],
    }
    table = class_of_id(classes)
    assert table.dtype == np.uint8 and table.shape == (256,) and table[0] == 0
    for number in range(1, 256):
        row = by_id().get(number)
        expected = 1
        if row:
            expected = 2 if row.tissue == "bone" else expected
            expected = 3 if "heart" in (row.name, row.parent) else expected
            expected = 4 if row.side == "left" else expected
            expected = 5 if row.model == "abdomen" else expected
        assert table[number] == expected


@pytest.mark.parametrize("term", ["lever", "tissue=bonne", "colour=red", "tissue=", "side="])
def test_a_term_that_is_nothing_is_named_before_anything_is_loaded(term):
    def load():
        raise AssertionError("loaded")

    with pytest.raises(KeyError, match=f"class 'liver': '{term}' is no structure"):
        read([Patient("ann", "train", load)], **CUT._replace(classes={"liver": [term]})._asdict())


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"window_hu": (240, -160)}, r"window_hu: two numbers, the lower first, not \(240, -160\)"),
        ({"window_hu": [-160]}, r"window_hu: two numbers, the lower first, not \[-160\]"),
        ({"window_hu": 240}, "window_hu: two numbers, the lower first, not 240"),
        ({"window_hu": ["a", "b"]}, "window_hu: two numbers"),
        ({"size": 48}, r"size: one of \(16, 32, 64, 128, 256, 512\), not 48"),
        ({"size": 8}, "size: one of"),
        ({"size": 1024}, "size: one of .* not 1024"),
        ({"pixel_mm": 0}, "pixel_mm: more than 0"),
        ({"step_mm": -1}, "step_mm: more than 0"),
        ({"least_body": 1}, "least_body: a share of the picture"),
        ({"classes": {}}, "classes: 1 to 255, not 0"),
        (
            {"classes": {"liver": "liver"}},
            "classes: liver: a list of names in brackets, not 'liver'",
        ),
        ({"classes": {"liver": [5]}}, r"classes: liver: a list of names in brackets, not \[5\]"),
        ({"classes": ["liver"]}, r"classes: a list for each name, not \['liver'\]"),
    ],
)
def test_settings_that_cannot_be_are_named(changed, words):
    with pytest.raises(ValueError, match=words):
        read([], **CUT._replace(**changed)._asdict())


def test_patients_come_part_by_part_and_never_in_two(tmp_path):
    loaded = []

    def scan(name):
        loaded.append(name)
        ct, labels = person()
        return ct.with_array(ct.array + len(loaded)), labels

    def patient(name, part):
        return Patient(name, part, lambda: scan(name))

    patients = [patient("ann", "test"), patient("ben", "train"), patient("cid", "validation")]
    about, pairs = read(patients, **CUT._asdict())
    assert loaded == []
    write_each(about, pairs, tmp_path / "set")
    found = read_pairs(tmp_path / "set")
    assert loaded == ["ben", "cid", "ann"]
    assert found.of("train").groups == ("ben",) * 6 and found.of("test").groups == ("ann",) * 6
    assert found.unit == "HU" and (found.low, found.high) == (-160, 240)
    assert found.class_names == ("body", "liver", "bone") and found.pixel_mm == 4
    with pytest.raises(ValueError, match="ann: two patients have this name"):
        read([*patients, patient("ann", "train")], **CUT._asdict())
    with pytest.raises(ValueError, match="ann: parts are train, validation, test, not 'all'"):
        read([patient("ann", "all")], **CUT._asdict())


def test_one_scan_under_two_names_is_in_one_part_only(tmp_path):
    patients = [Patient(name, part, person) for name, part in (("ann", "train"), ("b", "test"))]
    about, pairs = read(patients, **CUT._asdict())
    words = r"b/z0000 of test is the same image as ann/z0000 of train; nobody is in two parts"
    with pytest.raises(ValueError, match=words):
        write_each(about, pairs, tmp_path / "set")
    about, pairs = read([p._replace(part="test") for p in patients], **CUT._asdict())
    write_each(about, pairs, tmp_path / "set")
    assert len(read_pairs(tmp_path / "set").of("test").names) == 12


def test_two_scans_of_one_person_are_in_one_part_only(tmp_path):
    def later():
        ct, labels = person()
        return ct.with_array(ct.array + 1), labels

    patients = [Patient("ann", "train", person), Patient("ann_later", "test", later, "ann")]
    about, pairs = read(patients, **CUT._asdict())
    with pytest.raises(ValueError, match="ann_later/z0000: 'ann' is in train and in test"):
        write_each(about, pairs, tmp_path / "set")
    patients[0] = patients[0]._replace(part="test")
    about, pairs = read(patients, **CUT._asdict())
    write_each(about, pairs, tmp_path / "set")
    found = read_pairs(tmp_path / "set")
    assert set(found.groups) == {"ann"} and found.names[6] == "ann_later/z0000"


def test_volumes_that_do_not_belong_together_are_refused():
    ct, labels = person()
    moved = Volume(labels.array, labels.spacing_mm, (0.0, 0.0, 0.0))
    with pytest.raises(ValueError, match="ann: CT and labels are not on one grid"):
        cut_of(ct, moved)
    empty = labels.with_array(np.zeros_like(labels.array))
    with pytest.raises(ValueError, match="ann: the labels show no body"):
        cut_of(ct, empty)
    with pytest.raises(ValueError, match="the labels show no body"):
        stack(empty, CUT)
