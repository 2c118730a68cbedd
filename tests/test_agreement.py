"""Agreement on balls whose overlap and surfaces are known."""

import numpy as np
import pytest
from scipy import ndimage

from phantomloom.segmentation import Confidence, Segmentation
from phantomloom.segmentation.agreement import (
    agreements,
    as_wholes,
    dice,
    mean,
    surface_dice,
)
from phantomloom.structures import label
from phantomloom.volume import Volume

SPACING_MM = (3.0, 3.0, 3.0)
KNOWN = {"abdomen": ("liver", "spleen"), "torso": ("myocardium", "heart_atrium_left")}
TOLD = {"liver", "spleen"}


def box(shift=0, size=10):
    mask = np.zeros((30, 30, 30), bool)
    mask[10:20, 10:20, 10 + shift : 10 + shift + size] = True
    return mask


def test_dice_of_shifted_boxes_is_their_overlap():
    assert dice(box(), box(shift=2)) == pytest.approx(0.8)
    assert dice(box() & False, box() & False) == 1


def by_distance_maps(a, b):
    """Surface voxels within 3 mm of the other's, by scipy's distance transform."""
    edges = [mask & ~ndimage.binary_erosion(mask) for mask in (a, b)]
    away_mm = [ndimage.distance_transform_edt(~edge, SPACING_MM) for edge in edges]
    near = (away_mm[1][edges[0]] <= 3).sum() + (away_mm[0][edges[1]] <= 3).sum()
    return near / sum(edge.sum() for edge in edges)


@pytest.mark.parametrize("shift", [1, 2, 4, 9])
def test_surfaces_agree_where_they_lie_within_a_voxel_of_each_other(shift):
    moved = surface_dice(box(), box(shift), SPACING_MM)
    assert moved == pytest.approx(by_distance_maps(box(), box(shift)), abs=1e-6)
    assert (moved == 1) == (shift == 1)


@pytest.mark.parametrize("shift", [0, 2, 4])
def test_where_the_scan_cuts_a_structure_it_has_no_surface(shift):
    """A prism that leaves the grid at both ends is as alike as its cross-section is."""
    plane, moved = box()[15], box(shift)[15]
    edges = [mask & ~ndimage.binary_erosion(mask) for mask in (plane, moved)]
    away_mm = [ndimage.distance_transform_edt(~edge, SPACING_MM[1:]) for edge in edges]
    near = (away_mm[1][edges[0]] <= 3).sum() + (away_mm[0][edges[1]] <= 3).sum()
    prisms = (np.repeat(mask[None], 6, 0) for mask in (plane, moved))
    assert surface_dice(*prisms, SPACING_MM) == pytest.approx(near / sum(e.sum() for e in edges))


def test_a_surface_that_is_not_there_agrees_with_none_but_its_like():
    assert surface_dice(box(), box() & False, SPACING_MM) == 0
    assert surface_dice(box() & False, box() & False, SPACING_MM) == 1


def found(**masks):
    """A segmentation by each model, of masks by structure."""
    maps = {model: np.zeros((30, 30, 30), np.uint8) for model in KNOWN}
    for name, mask in masks.items():
        model = next(m for m, names in KNOWN.items() if name in names)
        maps[model][mask] = label(name)
    sure = {"liver": Confidence(0.9, 0.5)}
    return {m: Segmentation(Volume(array, SPACING_MM), sure) for m, array in maps.items()}


def truth(**masks):
    labels = np.zeros((30, 30, 30), np.uint8)
    for name, mask in masks.items():
        labels[mask] = label(name)
    return Volume(labels, SPACING_MM)


def test_each_structure_is_looked_for_in_the_map_of_its_model():
    rows = agreements(found(liver=box(shift=2)), truth(liver=box()), TOLD, KNOWN)
    assert rows["liver"].dice == pytest.approx(0.8)
    assert rows["liver"].true_ml == rows["liver"].found_ml == 27
    assert (rows["liver"].probability, rows["liver"].boundary_entropy_bits) == (0.9, 0.5)


def test_where_nothing_is_labelled_there_is_nothing_to_agree_on():
    assert agreements(found(liver=box()), truth(), TOLD, KNOWN) == {}


def test_what_was_not_found_scores_nothing_and_what_no_model_knows_is_left_out():
    true = truth(spleen=box(), aorta=box(shift=15, size=3))
    rows = agreements(found(), true, {*TOLD, "aorta"}, KNOWN)
    assert set(rows) == {"spleen"}
    assert (rows["spleen"].dice, rows["spleen"].surface_dice) == (0, 0)


def test_a_heart_is_found_where_its_chambers_are_unless_they_are_told_apart():
    left, right = box(size=5), box(shift=5, size=5)
    chambers = found(myocardium=left, heart_atrium_left=right)
    assert agreements(chambers, truth(heart=box()), {"heart"}, KNOWN)["heart"].dice == 1
    apart = {"heart", "heart_atrium_left"}
    rows = agreements(chambers, truth(heart=left, heart_atrium_left=right), apart, KNOWN)
    assert rows["heart"].dice == rows["heart_atrium_left"].dice == 1


def test_a_part_that_the_truth_could_show_and_does_not_is_no_part_of_the_whole():
    """A cyst where the reference, which tells cysts apart, has none."""
    known = {"abdomen": ("kidney_left", "kidney_cyst_left")}
    array = truth(kidney_cyst_left=box())
    cyst, true = {"abdomen": Segmentation(array, {})}, truth(kidney_left=box())
    apart = {"kidney_left", "kidney_cyst_left"}
    assert agreements(cyst, true, apart, known)["kidney_left"].dice == 0
    assert agreements(cyst, true, {"kidney_left"}, known)["kidney_left"].dice == 1


def test_a_part_that_the_truth_has_but_does_not_tell_is_the_whole():
    """Said to show the heart, it shows chambers too."""
    left, right = box(size=5), box(shift=5, size=5)
    chambers = found(myocardium=left, heart_atrium_left=right)
    true = truth(heart=left, heart_atrium_left=right)
    assert agreements(chambers, true, {"heart"}, KNOWN)["heart"].dice == 1
    assert agreements(chambers, truth(myocardium=box()), {"heart"}, KNOWN)["heart"].dice == 1


def test_what_the_truth_shows_but_a_part_of_does_not_count():
    assert agreements(found(liver=box()), truth(liver=box(size=3)), {"spleen"}, KNOWN) == {}


def test_a_whole_of_another_model_is_found_where_its_parts_are():
    known = {"body": ("muscles",), "torso": ("lung_upper_lobe_left", "lung_lower_lobe_left")}
    lobes = truth(lung_upper_lobe_left=box(size=5), lung_lower_lobe_left=box(shift=5, size=5))
    maps = {"body": Segmentation(truth(), {}), "torso": Segmentation(lobes, {})}
    assert agreements(maps, truth(lung=box()), {"lung"}, known)["lung"].dice == 1


def test_planes_beyond_those_that_the_reference_labels_do_not_count():
    slab = box().copy()
    slab[14:] = False
    assert agreements(found(liver=box()), truth(liver=slab), TOLD, KNOWN)["liver"].dice == 1


def test_the_mean_is_over_the_cases_that_hold_a_structure():
    cases = {
        "a": {"liver": {"dice": 0.8, "surface_dice": 0.6}},
        "b": {
            "liver": {"dice": 0.4, "surface_dice": 0.2},
            "spleen": {"dice": 1, "surface_dice": 1},
        },
    }
    assert mean(cases)["liver"] == pytest.approx({"dice": 0.6, "surface_dice": 0.4})
    assert mean(cases)["spleen"]["dice"] == 1


def test_parts_are_shown_as_the_whole_that_a_reference_names_but_what_it_names_stays():
    names = ["heart_atrium_left", "heart_ventricle_right", "aorta"]
    found = np.array([0, *map(label, names)], np.uint8)
    whole, aorta = label("heart"), label("aorta")
    assert as_wholes(found, {"heart"}).tolist() == [0, whole, whole, aorta]
    atrium = label("heart_atrium_left")
    assert as_wholes(found, {"heart", "heart_atrium_left"}).tolist() == [0, atrium, whole, aorta]
    assert as_wholes(found, {"aorta"}).tolist() == found.tolist()
