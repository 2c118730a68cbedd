"""`snakemake train` from people and labelled scans to bundles, cards, figures and curves.

Everything is real but small: scans and people of 8 mm voxels, networks of eight features, two
steps.
"""

import json

import numpy as np
import pytest
import yaml
from house import SPACING_MM, build, run, write_sheet
from PIL import Image
from safetensors.numpy import load_file, save_file

from phantomloom.cohort import labels, reference
from phantomloom.io import nifti
from phantomloom.segmentation import bundle
from phantomloom.segmentation.training import loop
from phantomloom.structures import MODELS, by_id, label
from phantomloom.volume import Volume

FIRST, UNSEEN = 100000, 20
FIGURES, CURVES = "results/benchmark/segmentation.json", "results/benchmark/curves.png"
HU = {"bone": 400, "cartilage": 90, "muscle": 50, "fat": -100, "lung": -850, "gas": -990}


def abdomen(sex: str) -> tuple[Volume, Volume]:
    """CT and labels of a reference person between the liver's ends, each tissue in its HU."""
    whole = labels(reference(sex), SPACING_MM)
    low, high = (
        end(np.argwhere(np.isin(whole.array, [label("liver"), label("spleen")])), axis=0)
        for end in (np.min, np.max)
    )
    box = tuple(slice(max(0, a - 3), b + 4) for a, b in zip(low, high, strict=True))
    its = Volume(np.ascontiguousarray(whole.array[box]), whole.spacing_mm)
    hu_of_id = np.full(256, -1000, np.int16)
    for number, structure in by_id().items():
        hu_of_id[number] = HU.get(structure.tissue, 40)
    return its.with_array(hu_of_id[its.array]), its


@pytest.fixture(scope="module")
def truth():
    return {"mia": abdomen("F"), "max": abdomen("M")}


@pytest.fixture(scope="module")
def house(tmp_path_factory, truth):
    """A cohort of two labelled scans, and files of people who are one of them over and over."""
    house = build(tmp_path_factory.mktemp("training"))
    for name, (ct, its) in truth.items():
        nifti.write(ct, house / f"cohort/{name}.nii.gz")
        nifti.write(its, house / f"cohort/{name}_labels.nii.gz")
    write_sheet(house, *(f"{name}\t{name}.nii.gz\t\t" for name in truth))
    (house / "results/people").mkdir(parents=True)
    for family, file, first in (
        ("standard", 5000, FIRST),
        ("standard", 5001, FIRST + 20),
        ("held_out", 0, 0),
    ):
        people = {}
        for number in range(first, first + 20):
            ct, its = truth[("mia", "max")[number % 2]]
            people |= {f"{number}/hu": ct.array, f"{number}/labels": its.array}
        save_file(people, house / f"results/people/{family}-{file}.safetensors")
    settings = yaml.safe_load((house / "config.yaml").read_text())
    train = settings["train"]
    train["cases"] = {n: {"labels": f"cohort/{n}_labels.nii.gz"} for n in truth}
    train["references"] = {}
    train |= {"people": {"first": FIRST, "count": 20}, "unseen_people": UNSEEN}
    train["network"] |= {"spacing_mm": SPACING_MM, "patch": [16, 32, 32], "features": [8, 8, 8]}
    for recipe in train["recipes"].values():
        recipe["steps"] = 2
    del train["recipes"]["people"]["kept"]
    (house / "config.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
    return house


@pytest.fixture(scope="module")
def jobs(house):
    return run(house, "train", FIGURES, CURVES)


def test_each_fold_and_rival_is_fitted_and_scored_once(jobs):
    fits = {"people": 1, "shipped": 3, "scans": 2}
    assert jobs["fit"] == sum(fits.values()) and "unpack" not in jobs and "people" not in jobs
    assert jobs["score"] == 2 * len(fits) and jobs["score_people"] == 2
    assert jobs["lesson"] == jobs["register"] == 2 and jobs["bundle"] == len(MODELS)


@pytest.mark.usefixtures("jobs")
def test_what_ships_is_what_was_fitted_on_all_scans(house):
    for model in MODELS:
        shipped, fitted = (
            house / "workflow/models" / model,
            house / "results/fit/shipped/mia+max" / model,
        )
        for part in (bundle.WEIGHTS, bundle.METADATA, bundle.INFERENCE):
            assert (shipped / part).read_bytes() == (fitted / part).read_bytes()
        about, card = bundle.about(shipped), (shipped / bundle.CARD).read_text()
        assert len(about.training_scans) == 2 and about.spacing_mm == SPACING_MM
        assert "mia and max" in card and "2 steps of people, then 2 steps of shipped" in card


@pytest.mark.usefixtures("jobs")
def test_the_levels_of_vertebrae_are_what_people_taught_and_organs_are_of_scans_too(house, truth):
    """By the mean voxels of those who show a class: ten people are mia as well, ten max."""
    known = {
        run: loop.Fitted.read(house / f"results/fit/{run}/weights.safetensors").voxels
        for run in ("people/nobody", "shipped/mia", "scans/mia")
    }
    for model, name, weight in (("skeleton", "vertebrae_L1", 0), ("abdomen", "spleen", 1)):
        mia, max_ = ((truth[who][1].array == label(name)).sum() for who in ("mia", "max"))
        people, shipped, scans = (its[model][name] for its in known.values())
        assert people == pytest.approx((mia + max_) / 2) and mia != max_
        assert shipped == pytest.approx((20 * people + weight * mia) / (20 + weight))
        assert scans == pytest.approx(mia)


@pytest.mark.usefixtures("jobs")
@pytest.mark.parametrize("how", ["people/nobody", "shipped/mia", "scans/mia", "registration/mia"])
def test_scores_are_of_the_labels_of_the_scan_that_nobody_saw(house, truth, how):
    (rows,) = json.loads((house / f"results/score/{how}/max.json").read_text())["cases"].values()
    its = truth["max"][1]
    for name in ("liver", "spleen", "vertebrae_L1", "pancreas"):
        volume_ml = (its.array == label(name)).sum() * its.voxel_ml
        assert rows[name]["true_ml"] == pytest.approx(volume_ml, rel=1e-3)
        assert 0 <= rows[name]["dice"] <= 1


@pytest.mark.usefixtures("jobs")
def test_registration_carries_the_liver_where_two_steps_of_training_find_none(house):
    told = {row["figure"]: row for row in json.loads((house / FIGURES).read_text())}
    (scores,) = json.loads((house / "results/score/registration/mia/max.json").read_text())[
        "cases"
    ].values()
    row = told["shipped, mia -> max, liver: Dice"]
    assert f"registration {scores['liver']['dice']:.2f}" in row["against"]
    assert scores["liver"]["dice"] > 0.5 > row["value"]
    assert "training people/nobody" in " ".join(told)


@pytest.mark.usefixtures("jobs")
def test_curves_are_drawn(house):
    assert np.ptp(np.asarray(Image.open(house / CURVES))) > 100


@pytest.mark.usefixtures("jobs")
def test_a_benchmark_makes_again_what_is_missing_of_what_it_gathers(house):
    """By its path Snakemake would be content with what was made of it before."""
    lesson, aside = house / "results/lesson/mia.safetensors", house / "aside"
    lesson.rename(aside)
    assert run(house, FIGURES, "--dry-run") == {}
    jobs = run(house, "bench_segmentation", "--dry-run")
    assert jobs["lesson"] == jobs["benchmark_segmentation"] == 1 and jobs["fit"] == 5
    aside.rename(lesson)
    assert run(house, "bench_segmentation", "--dry-run") == {}


@pytest.mark.usefixtures("jobs")
def test_kept_weights_stand_in_for_their_training(house):
    fit = house / "results/fit/people/nobody"
    kept = house / "cohort/kept.safetensors"
    kept.write_bytes((fit / "weights.safetensors").read_bytes())
    before = load_file(fit / "torso" / bundle.WEIGHTS)
    settings = yaml.safe_load((house / "config.yaml").read_text())
    settings["train"]["recipes"]["people"]["kept"] = "cohort/kept.safetensors"
    (house / "config.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
    target = f"results/fit/people/nobody/torso/{bundle.WEIGHTS}"
    (house / target).unlink()
    jobs = run(house, target)
    assert jobs["unpack"] == 1 and "fit" not in jobs
    after = load_file(house / target)
    assert after.keys() == before.keys()
    for name, value in before.items():  # float16, of which the head's bias is rounded twice
        np.testing.assert_allclose(after[name], value, rtol=2e-3)
