import numpy as np
import pytest

from phantomloom.merge import merge
from phantomloom.structures import label
from phantomloom.volume import Volume

SHAPE = (20, 40, 50)
RULES = {
    "precedence": ["spinal_cord", "skeleton", "abdomen", "torso", "body"],
    "stray_levels": 5.0,
    "island_ml": 0.1,
    "island_fraction": 0.05,
    "hole_ml": 1.0,
    "gas_hu": -400,
    "gas_ml": 0.5,
    "spine": {"largest_change": 0.4},
}
BODY = (slice(None), slice(5, 35), slice(5, 45))


@pytest.fixture
def ct():
    hu = np.full(SHAPE, -1000, np.int16)
    hu[BODY] = 40
    return Volume(hu, (3.0, 3.0, 3.0))


def labelled(name, *boxes):
    array = np.zeros(SHAPE, np.uint8)
    for box in boxes:
        array[box] = label(name)
    return array


def block(z, y, x):
    return tuple(slice(*ends) for ends in (z, y, x))


LIVER = block((5, 15), (10, 20), (10, 20))


def test_every_voxel_inside_has_a_structure_and_none_outside(ct):
    merged = merge(ct, {"abdomen": labelled("liver", LIVER)}, **RULES)
    inside = np.zeros(SHAPE, bool)
    inside[BODY] = True
    assert ((merged.labels > 0) == inside).all()
    assert merged.unassigned_ml == 0
    assert (merged.labels[LIVER] == label("liver")).all()


def test_the_stronger_model_wins_and_the_conflict_is_told_in_ml(ct):
    overlap = block((5, 15), (10, 20), (15, 25))
    models = {"abdomen": labelled("liver", LIVER), "torso": labelled("aorta", overlap)}
    merged = merge(ct, models, **RULES)
    assert (merged.labels == label("liver")).sum() == 1000
    assert (merged.labels == label("aorta")).sum() == 500
    assert merged.conflicts == [{"a": "liver", "b": "aorta", "ml": pytest.approx(500 * 0.027)}]


def test_the_order_of_models_does_not_matter_only_the_precedence(ct):
    overlap = block((5, 15), (10, 20), (15, 25))
    models = {"abdomen": labelled("liver", LIVER), "torso": labelled("aorta", overlap)}
    backwards = dict(reversed(models.items()))
    assert (merge(ct, models, **RULES).labels == merge(ct, backwards, **RULES).labels).all()
    other = RULES | {"precedence": ["torso", "abdomen", "body"]}
    assert (merge(ct, models, **other).labels == label("aorta")).sum() == 1000


@pytest.mark.parametrize("first", ["abdomen", "torso"])
def test_in_a_tie_the_smaller_structure_wins_whatever_the_order(ct, first):
    small, large = block((6, 12), (12, 18), (15, 25)), LIVER
    other = {"abdomen": "torso", "torso": "abdomen"}[first]
    models = {first: labelled("aorta", small), other: labelled("liver", large)}
    for tie in (["abdomen", "torso"], ["torso", "abdomen"]):
        merged = merge(ct, models, **RULES | {"precedence": ["skeleton", tie, "body"]})
        assert (merged.labels[small] == label("aorta")).all()


def test_small_over_large_counts_what_is_left_after_islands(ct):
    """The aorta claims 460 voxels; its largest part has 100, the others are islands."""
    specks = [block((z, z + 1), (30, 34), (y, y + 5)) for z in range(0, 18, 2) for y in (8, 26)]
    main, vein = block((5, 10), (10, 15), (10, 14)), block((5, 10), (10, 15), (12, 18))
    models = {"torso": labelled("aorta", main, *specks), "abdomen": labelled("liver", vein)}
    rules = RULES | {"precedence": [["abdomen", "torso"]], "island_ml": 0.6}
    merged = merge(ct, models, **rules)
    assert (models["torso"] > 0).sum() > (models["abdomen"] > 0).sum()
    assert (merged.labels[main] == label("aorta")).all()


@pytest.mark.parametrize(
    ("precedence", "winner"),
    [
        (["torso", "abdomen", "body"], "kidney_cyst_left"),
        (["kidney_left", "abdomen", "torso", "body"], "kidney_cyst_left"),
        ([["abdomen", "torso"], "body"], "kidney_cyst_left"),
        (["torso", "abdomen", "kidney_cyst_left", "body"], "kidney_left"),
    ],
    ids=["weaker model", "named kidney", "tie", "named cyst"],
)
def test_a_structure_never_gives_way_to_one_that_contains_it_unless_it_is_named(
    ct, precedence, winner
):
    """Here the torso model finds the kidney; the cyst in it is larger than what is left of it."""
    kidney, cyst = LIVER, block((5, 15), (11, 20), (10, 25))
    models = {
        "torso": labelled("kidney_left", kidney),
        "abdomen": labelled("kidney_cyst_left", cyst),
    }
    merged = merge(ct, models, **RULES | {"precedence": precedence})
    both = block((5, 15), (11, 20), (10, 20))
    assert (merged.labels[both] == label(winner)).all()


def test_each_claim_that_lost_is_a_conflict_with_the_winner_whatever_the_order(ct):
    claims = [
        ("skeleton", labelled("sternum", LIVER)),
        ("abdomen", labelled("liver", LIVER)),
        ("torso", labelled("aorta", LIVER)),
    ]
    for models in (dict(claims), dict(reversed(claims))):
        conflicts = merge(ct, models, **RULES).conflicts
        assert {(pair["a"], pair["b"]) for pair in conflicts} == {
            ("sternum", "liver"),
            ("sternum", "aorta"),
        }


def test_a_structure_of_its_own_in_the_precedence_beats_a_stronger_model(ct):
    canal = block((5, 15), (14, 16), (14, 16))
    models = {"skeleton": labelled("vertebrae_L1", LIVER), "torso": labelled("spinal_cord", canal)}
    assert (merge(ct, models, **RULES).labels[canal] == label("spinal_cord")).all()


def test_islands_fall_to_the_weaker_model_that_claims_their_place(ct):
    island = block((8, 10), (30, 32), (30, 32))
    spleen = block((5, 15), (26, 34), (26, 36))
    models = {
        "abdomen": labelled("liver", LIVER, island),
        "torso": labelled("aorta", spleen),
    }
    merged = merge(ct, models, **RULES)
    assert (merged.labels[island] == label("aorta")).all()
    assert merged.islands_ml == pytest.approx(8 * 0.027)
    assert merged.conflicts == []


def test_large_parts_of_one_structure_all_stay(ct):
    second = block((5, 15), (26, 34), (26, 36))
    merged = merge(ct, {"abdomen": labelled("colon", LIVER, second)}, **RULES)
    assert (merged.labels[second] == label("colon")).all()


def test_a_small_hole_is_filled_and_a_large_one_is_not(ct):
    small, large = block((9, 10), (12, 13), (12, 13)), block((7, 13), (24, 30), (26, 32))
    array = labelled("liver", LIVER) + labelled("spleen", block((5, 15), (22, 32), (24, 34)))
    array[small] = array[large] = 0
    merged = merge(ct, {"abdomen": array}, **RULES)
    assert (merged.labels[small] == label("liver")).all()
    assert not (merged.labels[large] == label("spleen")).any()


def test_claims_outside_the_body_are_dropped_and_told(ct):
    outside = block((5, 15), (0, 5), (10, 20))
    merged = merge(ct, {"abdomen": labelled("liver", LIVER, outside)}, **RULES)
    assert not merged.labels[outside].any()
    assert merged.outside_ml == pytest.approx(500 * 0.027)


def test_a_pocket_of_gas_in_the_colon_is_gas_and_a_bubble_in_stool_is_not(ct):
    pocket, bubble = block((7, 11), (12, 16), (12, 16)), block((13, 14), (18, 19), (18, 19))
    ct.array[pocket] = ct.array[bubble] = -1000
    merged = merge(ct, {"abdomen": labelled("colon", LIVER)}, **RULES)
    assert (merged.labels[9, 13:15, 13:15] == label("gas")).all()
    assert (merged.labels[bubble] == label("colon")).all()


def test_a_layer_of_gas_two_voxels_thick_is_gas_also_at_the_end_of_the_scan(ct):
    layer, at_end = block((7, 15), (12, 14), (11, 19)), block((18, 20), (10, 20), (24, 34))
    organ = block((14, 20), (8, 24), (22, 38))
    ct.array[layer] = ct.array[at_end] = -1000
    merged = merge(ct, {"abdomen": labelled("colon", LIVER, organ)}, **RULES)
    for gas in (layer, at_end):
        assert (merged.labels[gas] == label("gas")).all()


def test_the_body_model_fills_what_no_organ_claims(ct):
    everywhere = labelled("visceral_fat", BODY)
    models = {"abdomen": labelled("liver", LIVER), "body": everywhere}
    merged = merge(ct, models, **RULES)
    assert merged.labels[10, 25, 30] == label("visceral_fat")
    assert (merged.labels[LIVER] == label("liver")).all()
    assert merged.labels[10, 5, 25] == label("skin")
    assert merged.conflicts == []


def spoilt(ct):
    """A colon with gas, a hole, an island and a part outside the body, on top of a larger liver."""
    ct.array[block((7, 11), (12, 16), (12, 16))] = -1000
    colon = labelled(
        "colon", LIVER, block((5, 8), (2, 10), (12, 15)), block((2, 3), (30, 31), (8, 9))
    )
    colon[9, 18, 18] = 0
    vertebrae = labelled("vertebrae_L1", block((0, 10), (24, 32), (20, 30)))
    vertebrae[block((4, 5), (25, 26), (21, 22))] = label("vertebrae_T3")
    return colon + vertebrae


def test_what_people_labelled_comes_out_as_it_was_and_what_they_left_is_filled(ct):
    by_people = spoilt(ct)
    around = labelled("liver", block((4, 16), (9, 21), (9, 21)))
    models = {"organs": by_people, "abdomen": around}
    rules = RULES | {"precedence": ["organs", "abdomen"]}
    merged = merge(ct, models, **rules, given={"organs"})
    assert (merged.labels[by_people > 0] == by_people[by_people > 0]).all()
    assert merged.unassigned_ml == merged.organ_gas_ml == merged.outside_ml == 0
    assert merged.spine == []
    found = merge(ct, models, **rules)
    assert (found.labels[by_people > 0] != by_people[by_people > 0]).sum() > 20


def test_a_hole_in_what_people_labelled_is_not_theirs(ct):
    by_people = labelled("colon", LIVER)
    by_people[9:11, 14:16, 14:16] = 0
    rules = RULES | {"precedence": ["organs"]}
    assert (
        merge(ct, {"organs": by_people}, **rules).labels[9:11, 14:16, 14:16] == label("colon")
    ).all()
    kept = merge(ct, {"organs": by_people}, **rules, given={"organs"})
    assert not (kept.labels[9:11, 14:16, 14:16] == label("colon")).any()


def test_a_gap_beside_what_people_labelled_is_filled_by_what_is_around_both(ct):
    vein, gap = block((7, 13), (12, 18), (12, 18)), block((10, 11), (12, 13), (18, 19))
    liver = labelled("liver", LIVER)
    liver[vein] = liver[gap] = 0
    models = {"veins": labelled("portal_vein_and_splenic_vein", vein), "abdomen": liver}
    rules = RULES | {"precedence": ["veins", "abdomen"]}
    merged = merge(ct, models, **rules, given={"veins"})
    assert (merged.labels[gap] == label("liver")).all()
    assert (merged.labels[vein] == label("portal_vein_and_splenic_vein")).all()


def test_people_take_part_in_the_precedence_and_lose_only_there(ct):
    models = {"skeleton": labelled("sternum", LIVER), "organs": labelled("liver", LIVER)}
    merged = merge(ct, models, **RULES | {"precedence": ["skeleton", "organs"]}, given={"organs"})
    assert (merged.labels[LIVER] == label("sternum")).all()
    assert merged.conflicts == [{"a": "sternum", "b": "liver", "ml": pytest.approx(27.0)}]


def test_tissues_that_people_labelled_stay_too(ct):
    array = labelled("muscles", block((0, 20), (5, 20), (5, 45)))
    merged = merge(ct, {"body": array}, **RULES, given={"body"})
    assert (merged.labels[array > 0] == label("muscles")).all()
    assert merged.unassigned_ml == 0


def test_a_speck_in_a_vertebra_takes_its_name_before_islands_are_dropped(ct):
    bone, speck = block((4, 14), (20, 30), (20, 30)), block((8, 9), (24, 25), (24, 25))
    array = labelled("vertebrae_L1", bone)
    array[speck] = label("vertebrae_T3")
    merged = merge(ct, {"skeleton": array}, **RULES)
    assert (merged.labels[bone] == label("vertebrae_L1")).all()
    assert merged.islands_ml == 0
    (report,) = merged.spine
    assert (report["model"], report["bones"], report["applied"]) == ("skeleton", "vertebrae", True)
    assert report["changes"] == [{"from": "vertebrae_T3", "to": "vertebrae_L1", "ml": 0.027}]


def test_what_no_structure_is_called_is_refused(ct):
    with pytest.raises(ValueError, match=r"no structures: \[255\]"):
        merge(
            ct, {"skeleton": np.where(labelled("liver", LIVER), 255, 0).astype(np.uint8)}, **RULES
        )


@pytest.mark.parametrize(
    ("precedence", "winner"),
    [
        (["vessels", "skeleton", "abdomen", "torso", "body"], "aorta"),
        (["skeleton", "abdomen", "torso", "vessels", "body"], "liver"),
        (["aorta", "skeleton", "abdomen", "torso", "vessels", "body"], "aorta"),
    ],
)
def test_a_fifth_model_ranks_by_its_own_place_unless_its_structure_has_one(ct, precedence, winner):
    """It finds the aorta, which the table gives to the torso model, and the inferior vena cava."""
    overlap, cava = block((5, 15), (10, 20), (15, 25)), block((5, 15), (24, 28), (24, 28))
    fifth = labelled("aorta", overlap) + labelled("inferior_vena_cava", cava)
    models = {"abdomen": labelled("liver", LIVER), "torso": labelled("aorta", LIVER)}
    merged = merge(ct, models | {"vessels": fifth}, **RULES | {"precedence": precedence})
    both = block((5, 15), (10, 20), (15, 20))
    assert (merged.labels[both] == label(winner)).all()
    assert (merged.labels[cava] == label("inferior_vena_cava")).all()


def test_two_models_that_agree_are_no_conflict(ct):
    models = {"torso": labelled("aorta", LIVER), "vessels": labelled("aorta", LIVER)}
    merged = merge(ct, models, **RULES | {"precedence": ["torso", "vessels"]})
    assert (merged.labels[LIVER] == label("aorta")).all()
    assert merged.conflicts == []


def test_a_model_in_the_precedence_that_is_nowhere_is_refused(ct):
    with pytest.raises(ValueError, match="'vessels' is neither"):
        merge(
            ct, {"torso": labelled("aorta", LIVER)}, **RULES | {"precedence": ["torso", "vessels"]}
        )


def test_a_precedence_that_forgets_a_model_is_refused(ct):
    with pytest.raises(ValueError, match=r"merge\.precedence"):
        merge(ct, {"torso": labelled("aorta", LIVER)}, **RULES | {"precedence": ["abdomen"]})


def test_without_any_model_the_tissues_fill_the_body(ct):
    merged = merge(ct, {}, **RULES)
    assert merged.unassigned_ml == 0
    assert merged.derived_ml == pytest.approx((merged.labels > 0).sum() * 0.027)


TRUNK = (60, 40, 50)
STRAY = block((40, 46), (8, 18), (28, 40))  # beside T12
BONES = {"T12": 42, "L1": 32, "L2": 22}  # lowest plane of nine


@pytest.fixture
def trunk():
    hu = np.full(TRUNK, -1000, np.int16)
    hu[BODY] = 40
    return Volume(hu, (3.0, 3.0, 3.0))


def in_trunk(boxes, bones=()):
    array = np.zeros(TRUNK, np.uint8)
    for name, low in dict(bones).items():
        array[low : low + 9, 24:31, 20:27] = label(f"vertebrae_{name}")
    for name, box in boxes:
        array[box] = label(name)
    return array


def test_what_lies_many_vertebrae_from_its_place_is_dropped_and_told(trunk):
    thyroid = in_trunk([("thyroid_gland", STRAY)])
    models = {"skeleton": in_trunk([], BONES), "torso": thyroid}
    merged = merge(trunk, models, **RULES)
    ml = pytest.approx(720 * 0.027)
    assert merged.strays == [{"model": "torso", "structure": "thyroid_gland", "ml": ml}]
    assert not (merged.labels == label("thyroid_gland")).any()
    assert merge(trunk, models, **RULES | {"stray_levels": 100}).strays == []
    without_bones = merge(trunk, {"torso": thyroid}, **RULES)
    assert without_bones.strays == [] and (without_bones.labels == label("thyroid_gland")).any()


def test_a_stray_larger_than_the_true_organ_does_not_make_an_island_of_that(trunk):
    bladder = block((2, 6), (10, 14), (20, 24))
    wrong = block((40, 58), (8, 22), (10, 40))  # more than a hundred times as large
    claims = in_trunk([("urinary_bladder", bladder), ("urinary_bladder", wrong)])
    merged = merge(trunk, {"skeleton": in_trunk([], BONES), "abdomen": claims}, **RULES)
    assert (merged.labels[bladder] == label("urinary_bladder")).all()
    assert (merged.labels == label("urinary_bladder")).sum() == 64


def test_people_may_put_a_structure_anywhere_and_their_vertebrae_count_most(trunk):
    thyroid = in_trunk([("thyroid_gland", STRAY)])
    bones = {"skeleton": in_trunk([], BONES)}
    kept = merge(trunk, bones | {"torso": thyroid}, **RULES, given={"torso"})
    assert kept.strays == [] and (kept.labels[STRAY] == label("thyroid_gland")).all()
    neck = {"C7": 42, "T1": 32, "T2": 22}
    rules = RULES | {"precedence": ["truth", *RULES["precedence"]]}
    by_people = bones | {"torso": thyroid, "truth": in_trunk([], neck)}
    merged = merge(trunk, by_people, **rules, given={"truth"})
    assert (merged.labels[STRAY] == label("thyroid_gland")).all()
    assert "thyroid_gland" not in {stray["structure"] for stray in merged.strays}
