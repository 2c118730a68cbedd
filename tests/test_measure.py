import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phantomloom.ingest import regrid
from phantomloom.measure import measure, outline
from phantomloom.scan import Scan, to_hu
from phantomloom.structures import label
from phantomloom.volume import Volume

GRID = {"spacing_mm": (2.0, 3.0, 4.0), "origin_mm": (100.0, -50.0, 7.0)}


def phantom():
    labels = np.zeros((6, 8, 10), np.uint8)
    labels[1:3, 2:5, 3:7] = label("liver")
    labels[5, 7, 9] = label("spleen")
    labels[3, 1, 1] = labels[5, 3, 3] = label("colon")
    hu = np.random.default_rng(0).integers(-900, 1500, labels.shape).astype(np.int16)
    return Volume(labels, **GRID), Volume(hu, **GRID)


def test_volume_place_and_extent_of_a_box_are_those_worked_out_by_hand():
    row = measure(*phantom()).set_index("name").loc["liver"]
    assert row.voxels == 2 * 3 * 4
    assert row.volume_ml == pytest.approx(24 * 24 / 1000)
    assert [row.centroid_z_mm, row.centroid_y_mm, row.centroid_x_mm] == [103.0, -41.0, 25.0]
    assert [row.extent_z_mm, row.extent_y_mm, row.extent_x_mm] == [4.0, 9.0, 16.0]


def test_hu_are_those_of_the_voxels():
    labels, ct = phantom()
    hu = ct.array[labels.array == label("liver")]
    row = measure(labels, ct).set_index("name").loc["liver"]
    assert row.hu_mean == pytest.approx(hu.mean())
    assert row.hu_sd == pytest.approx(hu.std())
    assert row.hu_median == pytest.approx(np.quantile(hu, 0.5, method="inverted_cdf"))


def test_the_faces_that_cut_a_structure_are_named_as_the_patient_s_sides():
    rows = measure(*phantom()).set_index("name")
    assert rows.touches_border["liver"] == ""
    assert rows.touches_border["spleen"] == "superior posterior left"


def placed(ct, tube, ball):
    """Label a tube along z around ``tube`` and a ball at ``ball`` (z, y, x in mm), 8 mm wide."""
    z, y, x = (
        np.moveaxis(np.indices(ct.array.shape), 0, -1) * ct.spacing_mm + ct.origin_mm
    ).transpose(3, 0, 1, 2)
    labels = np.zeros(ct.array.shape, np.uint8)
    labels[np.hypot(y - tube[0], x - tube[1]) < 8] = label("aorta")
    labels[np.linalg.norm([z - ball[0], y - ball[1], x - ball[2]], axis=0) < 8] = label("spleen")
    return labels, (z, y, x)


@pytest.mark.parametrize("spacing", ["native", 2.0])
@pytest.mark.parametrize("degrees", [0, 20])
def test_the_ends_of_a_tilted_scan_cut_like_those_of_an_upright_one(degrees, spacing):
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    axes_mm = np.array([[3 * c, 3 * s, 0], [-2 * s, 2 * c, 0], [0, 0, 2]])
    hu, middle = np.full((30, 60, 60), -1000, np.int16), [14.5, 29.5, 29.5]
    hu[:, 20:40, 20:40] = 40
    ct = regrid(Scan(hu, axes_mm, -(middle @ axes_mm), "MHA"), spacing)
    labels, places = placed(ct, tube=(0, 0), ball=(0, 0, 30))
    index = np.moveaxis(places, 0, -1) @ np.linalg.inv(axes_mm) + middle
    labels[((index < -0.5) | (index > np.array(hu.shape) - 0.5)).any(axis=-1)] = 0
    rows = measure(ct.with_array(labels), ct).set_index("name")
    assert {"inferior", "superior"} <= set(rows.touches_border["aorta"].split())
    assert rows.touches_border["spleen"] == ""
    told = {name: (row.volume_ml, row.touches_border) for name, row in rows.iterrows()}
    assert outline(ct.with_array(labels), ct) == told


@pytest.mark.parametrize("spacing", ["native", 3.0])
def test_the_circle_of_a_round_field_cuts(spacing):
    y, x = np.indices((60, 60)) - 29.5
    hu = np.where(np.hypot(y, x) > 27, -3024, np.where(x < -10, -1000, 40))
    scan = Scan(to_hu(np.repeat(hu[None], 30, 0)), np.eye(3) * 2, -np.ones(3) * 59, "MHA")
    ct = regrid(scan, spacing)
    labels, (z, y, x) = placed(ct, tube=(0, 50), ball=(-29, 0, 10))
    labels[(np.hypot(y, x) > 54) | (np.abs(z + 29) > 20)] = 0
    rows = measure(ct.with_array(labels), ct).set_index("name")
    assert "left" in rows.touches_border["aorta"] and rows.touches_border["spleen"] == ""


def test_parts_are_counted():
    rows = measure(*phantom()).set_index("name")
    assert rows.components.to_dict() == {"liver": 1, "spleen": 1, "colon": 2}


def test_nothing_labelled_gives_an_empty_table_with_the_same_columns():
    labels, ct = phantom()
    empty = measure(labels.with_array(np.zeros_like(labels.array)), ct)
    assert len(empty) == 0
    assert list(empty.columns) == list(measure(labels, ct).columns)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 4), st.integers(0, 3))
def test_moving_a_structure_moves_its_centroid_alone(by_y, by_x):
    labels, ct = phantom()
    liver = np.where(labels.array == label("liver"), labels.array, 0)
    liver[:, 6:] = 0
    still = measure(labels.with_array(liver), ct).iloc[0]
    room = min(by_y, 8 - 5), by_x
    moved = measure(labels.with_array(np.roll(liver, room, axis=(1, 2))), ct).iloc[0]
    assert moved.centroid_y_mm - still.centroid_y_mm == pytest.approx(3 * room[0])
    assert moved.centroid_x_mm - still.centroid_x_mm == pytest.approx(4 * room[1])
    assert moved.volume_ml == still.volume_ml


def test_grids_that_differ_are_refused():
    labels, ct = phantom()
    with pytest.raises(ValueError, match="different grids"):
        measure(labels, Volume(ct.array, (1.0, 1.0, 1.0)))
