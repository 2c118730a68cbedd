"""What cannot be in a scan, on towers of structures whose heights are known."""

import numpy as np
import torch

from phantomloom.segmentation.training.absence import FEWEST, absent, distances
from phantomloom.segmentation.training.targets import of_person
from phantomloom.structures import by_id, label

BONES = ("femur_left", "hip_left", "sacrum", "vertebrae_L3", "vertebrae_T9")
TOWER = (*BONES, "heart", "trachea", "skull")  # from below
GAP, SIZE = 10, 10  # planes


def tower(names=TOWER, stretch=1, planes=slice(None)):
    """A person whose structures stand above each other, 10 planes each, 10 or more between."""
    labels = torch.zeros((len(names) * (SIZE + GAP * stretch), 4, 4), dtype=torch.uint8)
    for place, name in enumerate(names):
        low = place * (SIZE + GAP * stretch)
        labels[low : low + SIZE] = label(name)
    labels = labels[planes].contiguous()
    return of_person("7", torch.zeros(labels.shape, dtype=torch.int16), labels)


def found(case):
    return {by_id()[i].name for i in case.boxes}


def test_distances_are_the_smallest_that_enough_people_show():
    apart = distances([tower(stretch=s) for s in (2, 1, 3) for _ in range(FEWEST)])
    assert apart[label("hip_left"), label("femur_left")] == GAP
    assert apart[label("sacrum"), label("femur_left")] == 2 * GAP + SIZE
    assert not apart[label("femur_left")].any()  # nothing lies below it
    few = distances([tower()] * (FEWEST - 1) + [tower(TOWER[1:])])
    assert (
        few[label("hip_left"), label("femur_left")] == 0 < few[label("sacrum"), label("hip_left")]
    )


def test_what_overlaps_in_anyone_has_no_distance():
    mixed = [tower()] * FEWEST + [tower(("hip_left", "femur_left", *TOWER[2:]))]
    apart = distances(mixed)
    assert (
        apart[label("hip_left"), label("femur_left")]
        == apart[label("femur_left"), label("hip_left")]
        == 0
    )


def test_nobody_who_tells_makes_nothing_absent():
    assert absent(tower(), distances([])) == frozenset()


def test_what_lies_beyond_the_ends_of_a_scan_is_absent_and_what_may_reach_in_is_not():
    """Hip to ninth thoracic vertebra: femur and trachea may be nearer to these than in people."""
    apart = distances([tower()] * FEWEST)
    part = tower(planes=slice(15, 95))
    assert found(part) == set(TOWER[1:5])
    assert absent(part, apart) == {"skull"}


def test_a_label_astray_makes_nothing_absent():
    apart = distances([tower()] * FEWEST)
    part = tower(planes=slice(35, 95))  # sacrum to ninth thoracic vertebra
    assert "skull" in absent(part, apart) and not absent(part, apart) & found(part)
    part.labels[2, 0, 0] = label("skull")
    astray = of_person("7", part.hu, part.labels)
    assert not absent(astray, apart) & {"sacrum", "vertebrae_L3", "vertebrae_T9"}


def test_people_and_scans_agree_that_what_is_seen_is_never_absent():
    rng = np.random.default_rng(4)
    apart = distances([tower(stretch=s) for s in (1, 2) for _ in range(FEWEST)])
    for _ in range(40):
        low = int(rng.integers(0, 100))
        part = tower(
            stretch=int(rng.integers(1, 3)), planes=slice(low, low + int(rng.integers(9, 99)))
        )
        assert not absent(part, apart) & found(part)
