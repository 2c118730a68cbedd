import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phantomloom.measure import measure
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
