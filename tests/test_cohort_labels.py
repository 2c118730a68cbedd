"""The label maps of stylised people: complete, well ordered, and as heavy as ICRP 89 says."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy import ndimage

from phantomloom.cohort import girdles, labels, person, reference, vessels
from phantomloom.cohort.build import body
from phantomloom.cohort.painting import paint, whole_grid
from phantomloom.cohort.people import Person
from phantomloom.cohort.shapes import union
from phantomloom.cohort.spine import vertebrae
from phantomloom.structures import by_id, label, structures
from phantomloom.volume import Volume

TOUCHING = np.ones((3, 3, 3))
CHILD, STRANGER = person(22), person(1, "held_out")
PEOPLE = {"man": reference("M"), "woman": reference("F"), "child": CHILD, "stranger": STRANGER}
SKELETON = [s for s in structures().values() if s.model == "skeleton" and s.tissue == "bone"]
LEVELS = [
    f"{part}{n}" for part, count in (("L", 5), ("T", 12), ("C", 7)) for n in range(1, count + 1)
]
# ICRP 89, table 2.8, in g; contents of hollow organs included; densities in g/ml.
ICRP = {
    "liver": (1800, 1400, 1.05, ["liver"]),
    "spleen": (150, 130, 1.04, ["spleen"]),
    "pancreas": (140, 120, 1.04, ["pancreas"]),
    "kidneys": (310, 275, 1.05, ["kidney_left", "kidney_right"]),
    "stomach": (400, 370, 1.04, ["stomach"]),
    "small intestine": (1000, 880, 1.04, ["small_bowel", "duodenum"]),
    "large intestine": (670, 680, 1.04, ["colon", "rectum"]),
    "brain": (1450, 1300, 1.04, ["brain", "brainstem", "optic_chiasm"]),
    "muscle": (29000, 17500, 1.05, [s.name for s in structures().values() if s.tissue == "muscle"]),
    "heart": (
        *(840, 620, 1.055),
        [n for n in structures() if n.startswith("heart_") or n == "myocardium"],
    ),
}


@cache
def whole(who: str) -> tuple[Volume, dict[str, float]]:
    return paint(PEOPLE[who], whole_grid(PEOPLE[who], 4.0))


def painted(who: str) -> Volume:
    return whole(who)[0]


def found(who: str) -> dict[str, float]:
    return whole(who)[1]


@cache
def volumes_ml(who: str) -> dict[str, float]:
    counts = np.bincount(painted(who).array.ravel(), minlength=256) * painted(who).voxel_ml
    return {structure.name: counts[number] for number, structure in by_id().items()}


@cache
def centroids(who: str) -> dict[str, np.ndarray]:
    image = painted(who)
    present = np.unique(image.array)[1:]
    middles = ndimage.center_of_mass(image.array > 0, image.array, present)
    return {
        by_id()[number].name: np.array(middle) * image.spacing_mm + image.origin_mm
        for number, middle in zip(present, middles, strict=True)
    }


def closeup(who: str, names: list[str], spacing_mm: tuple[float, float, float]) -> Volume:
    """The box of some structures, painted finely with the levels of the coarse whole."""
    coarse = painted(who)
    where = np.argwhere(np.isin(coarse.array, [label(name) for name in names]))
    low, high = (end * coarse.spacing_mm + coarse.origin_mm for end in (where.min(0), where.max(0)))
    size = np.ceil((high - low + 8) / spacing_mm).astype(int)
    grid = Volume(np.zeros(size, np.uint8), spacing_mm, tuple(map(float, low - 4)))
    return paint(PEOPLE[who], grid, found(who))[0]


@cache
def boxes(who: str) -> list[tuple[slice, ...] | None]:
    return ndimage.find_objects(painted(who).array, max_label=255)


def boxed(who: str, name: str) -> np.ndarray:
    """The labels of the box of a structure with a margin of two voxels."""
    box = boxes(who)[label(name) - 1]
    return painted(who).array[tuple(slice(side.start - 2, side.stop + 2) for side in box)]


def parts(who: str, name: str) -> int:
    return ndimage.label(boxed(who, name) == label(name), TOUCHING)[1]


def expected(someone: Person) -> set[str]:
    """The 140 + 5 structures that this person should have."""
    wanted = {s.name for s in structures().values() if s.id <= 145 and s.sex in ("", someone.sex)}
    young = someone.volumes_ml["breast"] < 5
    return wanted - {"breast_left", "breast_right"} if young else wanted


@pytest.mark.parametrize("who", PEOPLE)
def test_every_structure_of_the_four_models_is_there(who):
    present = {name for name, volume in volumes_ml(who).items() if volume > 0}
    assert not expected(PEOPLE[who]) - present
    other = "F" if PEOPLE[who].sex == "M" else "M"
    assert not [s.name for s in structures().values() if s.sex == other and s.name in present]


@pytest.mark.parametrize("who", PEOPLE)
def test_left_is_at_larger_x_for_every_pair(who):
    middles = centroids(who)
    pairs = [s for s in structures().values() if s.side == "left" and s.partner in middles]
    assert len(pairs) >= 37
    assert not [s.name for s in pairs if middles[s.name][2] <= middles[s.partner][2]]
    assert middles["spleen"][2] > middles["liver"][2]
    assert middles["heart_ventricle_left"][2] > middles["heart_atrium_right"][2]


@pytest.mark.parametrize("who", PEOPLE)
def test_the_head_is_up_the_back_behind_and_the_spine_in_order(who):
    middles = centroids(who)
    names = [s.name for s in SKELETON if s.name.startswith("vertebrae")]
    assert all(np.diff([middles[name][0] for name in names]) > 0)
    assert middles["skull"][0] > middles["heart_ventricle_left"][0] > middles["femur_left"][0]
    assert middles["sternum"][1] < middles["vertebrae_T6"][1] < middles["autochthon_left"][1]
    assert middles["kidney_right"][0] < middles["kidney_left"][0]


@pytest.mark.parametrize("who", PEOPLE)
def test_every_bone_is_in_one_piece(who):
    assert not [bone.name for bone in SKELETON if parts(who, bone.name) != 1]


@pytest.mark.parametrize("who", PEOPLE)
def test_every_large_organ_is_in_one_piece(who):
    names = ["liver", "spleen", "kidney_left", "kidney_right", "stomach", "colon", "brain", "aorta"]
    assert not [name for name in names if parts(who, name) != 1]


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("side", ["left", "right"])
def test_each_rib_meets_the_vertebra_of_its_number(who, side):
    for number in range(1, 13):
        image = boxed(who, f"rib_{side}_{number}")
        rib = ndimage.binary_dilation(image == label(f"rib_{side}_{number}"), TOUCHING)
        near = np.bincount(image[rib], minlength=256)
        met = {n: near[label(f"vertebrae_T{n}")] for n in range(1, 13)}
        assert max(met, key=met.get) == number


@pytest.mark.parametrize("who", ["man", "child"])
def test_the_cord_lies_within_the_canal_of_each_vertebra(who):
    """Some axial slice of each level shows a closed ring of bone, and the cord is in its hole."""
    spine = closeup(who, [f"vertebrae_{level}" for level in LEVELS], (2.0, 1.2, 1.2))
    for level in LEVELS:
        bone = spine.array == label(f"vertebrae_{level}")
        holes = np.stack([ndimage.binary_fill_holes(plane) & ~plane for plane in bone])
        cord = spine.array == label("spinal_cord")
        shares = [(h & c).sum() / c.sum() for h, c in zip(holes, cord, strict=True) if c.any()]
        assert max(shares) == 1, level


@pytest.mark.parametrize("who", ["man", "child"])
def test_a_disc_lies_between_all_vertebrae_but_the_first_two_and_above_the_sacrum(who):
    names = ["sacrum", *[v.name for v in vertebrae()[:-1]]]
    spine, frame = closeup(who, names, (1.2, 1.2, 1.2)), body(PEOPLE[who]).frame
    middles = [(1000.0, 45.0), *[(v.z, v.y) for v in vertebrae()[:-1]]]
    points = [frame.forward(np.array([z, y, 0.0])) for z, y in middles]
    for lower, upper, start, end in zip(
        names[:-1], names[1:], points[:-1], points[1:], strict=True
    ):
        line = (np.linspace(start, end, 60) - spine.origin_mm) / spine.spacing_mm
        met = [int(i) for i in spine.array[tuple(np.rint(line).astype(int).T)]]
        order = [i for i, before in zip(met, [-1, *met[:-1]], strict=True) if i != before]
        assert order == [label(lower), label("body"), label(upper)], (lower, upper)


@pytest.mark.parametrize("who", PEOPLE)
def test_the_lungs_lie_inside_the_rib_cage(who):
    image = painted(who).array
    lung = np.isin(image, [s.id for s in structures().values() if s.tissue == "lung"])
    bony = ("rib", "vertebrae_T", "sternum")
    walls = [s.id for s in SKELETON if s.name.startswith(bony)]
    cage = np.isin(image, [*walls, label("costal_cartilages")])
    for axis in (1, 2):
        low, high = (np.nonzero(mask.any(axis=(0, 3 - axis)))[0][[0, -1]] for mask in (lung, cage))
        assert high[0] <= low[0] < low[1] <= high[1]
    assert centroids(who)["lung_upper_lobe_left"][0] > centroids(who)["lung_lower_lobe_left"][0]


@pytest.mark.parametrize("who", PEOPLE)
def test_nothing_but_skin_eyes_and_the_nose_meets_the_room(who):
    image = painted(who).array
    rim = (image > 0) & ndimage.binary_dilation(image == 0)
    inside = rim & ~np.isin(image, [label(name) for name in ("skin", "gas")])
    assert inside.sum() < 0.01 * rim.sum()


@pytest.mark.parametrize("who", PEOPLE)
def test_the_body_is_one_piece_that_does_not_touch_the_grid_s_sides(who):
    image = painted(who).array > 0
    assert ndimage.label(image, TOUCHING)[1] == 1
    faces = [image[0], image[-1], image[:, 0], image[:, -1], image[:, :, 0], image[:, :, -1]]
    assert not any(face.any() for face in faces)


@pytest.mark.parametrize("organ", ICRP)
@pytest.mark.parametrize(("who", "column"), [("man", 0), ("woman", 1)])
def test_the_reference_persons_have_the_masses_of_icrp_89(organ, who, column):
    *masses, density, names = ICRP[organ]
    found = sum(volumes_ml(who)[name] for name in names)
    assert found == pytest.approx(masses[column] / density, rel=0.05)


@pytest.mark.parametrize(("who", "total"), [("man", (3300 + 6980) / 2), ("woman", 3825)])
def test_the_lungs_hold_the_air_of_mid_breath(who, total):
    found = sum(v for name, v in volumes_ml(who).items() if name.startswith("lung_"))
    assert found == pytest.approx(total, rel=0.05)


@pytest.mark.parametrize("who", PEOPLE)
def test_the_body_weighs_what_the_person_does(who):
    densities = {"lung": 0.26, "airway": 0, "gas": 0, "fat": 0.95, "bone": 1.4, "skin": 1.09}
    tissues = {name: structure.tissue for name, structure in structures().items()}
    mass = sum(ml * densities.get(tissues[name], 1.05) for name, ml in volumes_ml(who).items())
    assert mass / 1000 == pytest.approx(PEOPLE[who].weight_kg, rel=0.05)


def test_the_same_person_has_the_same_bytes():
    again = labels(person(22), 4.0)
    assert again.array.tobytes() == painted("child").array.tobytes()


def test_a_part_of_the_person_is_that_part_of_the_whole():
    image, first, last = painted("man"), 250, 290
    z = image.origin_mm[0] + first * image.spacing_mm[0]
    empty = np.zeros_like(image.array[first:last])
    grid = Volume(empty, image.spacing_mm, (z, *image.origin_mm[1:]))
    part, _ = paint(PEOPLE["man"], grid, found("man"))
    assert (part.array == image.array[first:last])[3:-3].mean() > 0.995


def test_variants_have_the_ribs_and_kidneys_that_they_declare():
    eleven = Person(**{**vars(CHILD), "rib_pairs": 11, "kidneys": ("right",), "cysts": ("right",)})
    present = set(np.unique(labels(eleven, 5.0).array))
    assert not {label("rib_left_12"), label("rib_right_12"), label("kidney_left")} & present
    assert {label("rib_left_11"), label("kidney_right"), label("kidney_cyst_right")} <= present


def test_a_thirteenth_pair_of_ribs_is_bone_beside_the_first_lumbar_vertebra():
    twelve, thirteen = (labels(replace(CHILD, rib_pairs=pairs), 4.0).array for pairs in (12, 13))
    more = (thirteen == label("bones")) & (twelve != label("bones"))
    z, _, x = np.nonzero(more)
    level, _, middle = (part.mean() for part in np.nonzero(twelve == label("vertebrae_L1")))
    for side in (x > middle, x < middle):
        assert side.sum() * 0.064 > 0.3 and abs(z[side].mean() - level) * 4 < 40


def places(who: str, name: str) -> dict[str, np.ndarray]:
    """Where the voxels of a structure are, in mm."""
    image = painted(who)
    return dict(zip("zyx", np.argwhere(image.array == label(name)).T * 4.0, strict=True))


@pytest.mark.parametrize("who", ["man", "woman"])
@pytest.mark.parametrize(
    ("name", "first", "second", "sign"),
    [  # y grows to the back, x to the left
        *[("heart_ventricle_left", "x", "y", -1), ("heart_ventricle_left", "x", "z", -1)],
        *[("heart_ventricle_right", "x", "y", -1), ("gallbladder", "z", "y", 1)],
        # a kidney's outer border is behind its hilum; its upper pole is nearer to the spine
        *[("kidney_left", "x", "y", 1), ("kidney_left", "x", "z", -1)],
        *[("kidney_right", "x", "y", -1), ("kidney_right", "x", "z", 1)],
    ],
)
def test_organs_lean_as_they_do(who, name, first, second, sign):
    its = places(who, name)
    assert sign * np.cov(its[first], its[second])[0, 1] > 0


@pytest.mark.parametrize("who", ["man", "woman"])
def test_the_patella_is_a_bone(who):
    image, tool = painted(who), body(PEOPLE[who]).bones
    for side in (1, -1):
        box, gauge = union([tool.blob(girdles.PATELLA, (21, 10, 21), side=side)], image, 1.0)
        assert (image.array[box][gauge <= 1] == label("bones")).mean() > 0.5


@pytest.mark.parametrize("who", ["man", "woman"])
def test_the_arch_passes_the_airways_whole(who):
    image = closeup(who, ["trachea", "aorta"], (2.5, 2.5, 2.5))
    tube = body(PEOPLE[who]).bones.tube(vessels.AORTA[:6], vessels.AORTA_RADII[:6])
    box, gauge = union(tube, image, 1.0)
    inside = image.array[box][gauge <= 1]
    assert (inside == label("aorta")).mean() > 0.97
    assert np.isin(inside, [label("trachea"), label("gas")]).mean() < 0.003


@pytest.mark.parametrize("who", ["man", "woman"])
@pytest.mark.parametrize("level", ["T2", "T6", "T10", "T12", "L1", "L3", "L5"])
def test_the_erector_spinae_lie_behind_the_canal(who, level):
    image = painted(who)
    plane = image.array[int(np.nonzero(image.array == label(f"vertebrae_{level}"))[0].mean())]
    canal = np.nonzero(plane == label("spinal_cord"))[0].mean()
    for side in ("left", "right"):
        assert np.nonzero(plane == label(f"autochthon_{side}"))[0].min() > canal


@pytest.mark.parametrize("who", ["man", "woman"])
def test_no_muscle_goes_through_a_kidney(who):
    image = painted(who)
    for side in ("left", "right"):
        kidney = image.array == label(f"kidney_{side}")
        for plane in np.flatnonzero(kidney.any(axis=(1, 2)))[2:-2]:
            rows, columns = np.nonzero(kidney[plane])
            hull = np.zeros(kidney.shape[1:], bool)
            for row in range(rows.min(), rows.max() + 1):
                mine = columns[rows == row]
                hull[row, mine.min() : mine.max() + 1] = True
            inner = ndimage.binary_erosion(hull)
            assert not (image.array[plane][inner] == label("muscles")).any()


def test_volumes_hold_on_finer_grids_than_that_of_the_levels():
    man = PEOPLE["man"]
    fine = paint(man, whole_grid(man, 3.0), found("man"))[0]
    counts = np.bincount(fine.array.ravel(), minlength=256) * fine.voxel_ml
    for organ, (grams, _, density, names) in ICRP.items():
        ml = sum(counts[label(name)] for name in names)
        assert ml == pytest.approx(grams / density, rel=0.05), organ
