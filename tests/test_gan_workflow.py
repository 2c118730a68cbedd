"""The real contest on a few drawn pictures: what it writes, what a change remakes."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import yaml
from house import ROOT, run
from PIL import Image

from phantomloom.gan import trained


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Twelve people with three pictures each: a bright disc on dark ground."""
    folder = tmp_path_factory.mktemp("contest")
    random = np.random.default_rng(0)
    y, x = np.mgrid[:16, :16]
    for kind in ("images", "masks"):
        (folder / "discs" / kind).mkdir(parents=True)
    for number in range(36):
        cy, cx = random.uniform(5, 10, 2)
        disc = np.hypot(y - cy, x - cx) < 4
        grey = 60 + 120 * disc + random.normal(0, 8, disc.shape)
        name = f"p{number // 3}_{number}.png"
        Image.fromarray(grey.astype(np.uint8)).save(folder / "discs/images" / name)
        Image.fromarray(disc.astype(np.uint8)).save(folder / "discs/masks" / name)
    configure(folder, ["mask_embedding", "modern"])
    return folder


def configure(folder, variants):
    arguments = {"folder": "discs", "size": 16, "classes": {"disc": 1}, "grey": True}
    arguments |= {"group": "(?P<group>.+)_"}
    parts = {"discs": [0.7, 0.1, 0.2], "tried": [0.7, 0.1, 0.2]}  # the same people in each part
    contest = {"dataset": "discs", "judged_on": ["tried"], "seeds": 1}
    few = {"features": 8, "batch": 16}
    lacking = {"mask_embedding", "no_embedding", "modern"} - set(variants)
    its = dict.fromkeys(variants, few) | dict.fromkeys(lacking)  # null removes one
    contest |= {"images": 96, "variants": its}
    ours = {
        "datasets": {
            name: {"reader": "folder", "arguments": arguments | {"shares": shares}}
            for name, shares in parts.items()
        }
        | {"ct_patients": None},
        "contests": {"default": contest, "benchmark": contest},
        "segmenter": {"steps": 3},
        "teaching": {"steps": 3},
        "judging": {"draws": 2, "masks": 3},
        "samples": {"masks": 2, "per_mask": 2},
    }
    (folder / "my.yaml").write_text(yaml.safe_dump({"gan": ours}))


def contest(folder, *targets, options=()):
    arguments = ["--snakefile", ROOT / "Snakefile", "--workflow-profile", ROOT / "profiles/default"]
    arguments += ["--configfile", "my.yaml", *options]
    return run(folder, *arguments, "--", *(targets or ["gan"]))


def test_a_contest_trains_judges_samples_and_tells(folder):
    jobs = contest(folder)
    assert jobs["pairs"] == 2 and jobs["generator"] == 2 and jobs["judge"] == 2
    found = folder / "results/gan/default"
    (judged,) = json.loads((found / "verdicts.json").read_text())
    assert {v["reason"] for v in judged["verdicts"]} >= {"1 and 1 values: no standard error"}
    scores = pd.read_csv(found / "scores.csv")
    assert set(scores.variant) == {"mask_embedding", "modern"}
    lacking = scores[scores.metric == "FID"]
    assert lacking.value.isna().all() and lacking.reason.str.startswith("weights not").all()
    page = (found / "index.html").read_text()
    for variant in ("mask_embedding", "modern"):
        run = found / variant / "seed-1"
        assert f'src="{variant}/seed-1/grid.png"' in page and (run / "grid.png").is_file()
        assert trained.read(run / "generator.safetensors").settings.images == 96
        listed = pd.read_csv(run / "samples/samples.tsv", sep="\t")
        assert all((run / "samples" / file).is_file() for file in listed.file)
        assert (listed.seed >= 0).all()


def test_a_second_run_finds_nothing_to_do_and_a_new_variant_adds_its_own_jobs_only(folder):
    assert contest(folder) == {}
    configure(folder, ["mask_embedding", "modern", "no_embedding"])
    tables = {"contest": 1, "picture_losses": 1, "page_gan": 1, "gan": 1}
    assert contest(folder) == tables | {"generator": 1, "judge": 1, "samples": 1}


def test_whoever_judges_is_checked_before_anything_is_trained_and_never_trains_again(folder):
    before = (folder / "my.yaml").read_text()
    settings = yaml.safe_load(before)
    tried, contests = settings["gan"]["datasets"]["tried"], settings["gan"]["contests"]
    rings = tried | {"arguments": tried["arguments"] | {"classes": {"ring": 1}}}
    settings["gan"]["datasets"] |= {"rings": rings, "again": tried}
    contests["default"]["judged_on"] = ["tried", "again"]
    contests["other"] = contests["default"] | {"judged_on": ["rings"]}
    (folder / "my.yaml").write_text(yaml.safe_dump(settings))
    jobs = contest(folder, options=["--dry-run"])
    assert jobs["sides"] == 1 and jobs["judge"] == 3 and "generator" not in jobs
    with pytest.raises(AssertionError, match="judged_on: rings has the class_names"):
        contest(folder, "results/gan/other/index.html")
    assert not list(folder.glob("results/gan/other/*/*/run"))
    (folder / "my.yaml").write_text(before)


def test_what_a_contest_of_pictures_cannot_do_is_told_before_anything_is_read(folder):
    rendered = "results/gan/default/modern/seed-1/rendered/ann.nii.gz"
    words = "gan.contests.default.dataset: discs has the reader folder; cases are rendered by"
    with pytest.raises(AssertionError, match=words):
        contest(folder, rendered, options=["--dry-run"])
    before = (folder / "my.yaml").read_text()
    settings = yaml.safe_load(before)
    settings["gan"]["datasets"]["tried"]["arguments"]["shares"] = [0.9, 0.1, 0]
    (folder / "my.yaml").write_text(yaml.safe_dump(settings))
    words = "gan.contests.benchmark.judged_on: tried has no test part; give it a share, the last"
    with pytest.raises(AssertionError, match=words):  # of the default contest all is made already
        contest(folder, "gan_benchmark", options=["--dry-run"])
    (folder / "my.yaml").write_text(before)


def test_each_contest_has_a_target_of_its_own(folder):
    jobs = contest(folder, "gan_benchmark", options=["--dry-run"])
    assert jobs["gan_benchmark"] == 1 and jobs["page_gan"] == 1 and jobs["sides"] == 1


def test_a_run_says_what_its_images_teach_and_the_benchmark_would_gather_it(folder):
    wanted = "results/gan/default/modern/seed-1/tried.teaching.json"
    assert contest(folder, wanted) == {"teach": 1}
    found = json.loads((folder / wanted).read_text())
    assert found["gain"]["value"] == pytest.approx(found["both"]["value"] - found["real"]["value"])
    jobs = contest(folder, "results/benchmark/gan.json", options=["--dry-run"])
    assert jobs["benchmark_gan"] == 1 and jobs["teach"] == 1 and jobs["generator"] == 3


def test_a_run_with_former_settings_ends_with_its_own_training_log(folder):
    """Snakemake removes a job's outputs first; what a run goes on from must not be among them."""
    wanted = "results/gan/default/modern/seed-1/generator.safetensors"
    log = (folder / wanted).with_name("log.jsonl")
    settings, before = (folder / "my.yaml").read_text(), log.read_text()
    (folder / "my.yaml").write_text(settings.replace("images: 96", "images: 64"))
    assert contest(folder, wanted) == {"generator": 1}
    assert '"images": 64' in log.read_text() and '"images": 96' not in log.read_text()
    (folder / "my.yaml").write_text(settings)
    assert contest(folder, wanted) == {"generator": 1}
    assert log.read_text() == before and before.count("\n") >= 2
    grids = [[file.name for file in run.iterdir()] for run in log.parent.glob("run/*/progress")]
    assert sorted(grids) == [["000000064.png"], ["000000096.png"]]


def drawn(folder, out, *options):
    """The pictures of one mask, by draw_masks.py, and what it said."""
    generator = folder / "results/gan/default/modern/seed-1/generator.safetensors"
    command = [sys.executable, ROOT / "scripts/draw_masks.py", generator, folder / "shown", out]
    ended = subprocess.run([*command, "--per-mask", "2", *options], capture_output=True, text=True)
    pictures = [np.asarray(Image.open(file)) for file in sorted(out.rglob("*.png"))]
    return pictures, ended.stderr


def test_masks_of_a_folder_are_drawn_and_edited_with_the_same_noise(folder, tmp_path):
    disc = np.zeros((32, 32), np.uint8)
    disc[8:16, 8:16] = 1
    (folder / "shown").mkdir()
    Image.fromarray(disc).save(folder / "shown/a.png")
    plain, _ = drawn(folder, tmp_path / "plain")
    back, _ = drawn(folder, tmp_path / "back", "--move", "disc", "0", "4", "--scale", "disc", "1")
    Image.fromarray(np.roll(disc, 8, 1)).save(folder / "shown/a.png")  # 4 of the generator's pixels
    moved, _ = drawn(folder, tmp_path / "moved")
    assert len(plain) == 2 and not np.array_equal(plain[0], plain[1])
    np.testing.assert_array_equal(moved, back)
    assert not np.array_equal(plain, moved)
    Image.fromarray(255 * np.roll(disc, 8, 1)).save(folder / "shown/a.png")
    other, _ = drawn(folder, tmp_path / "other", "--class", "disc=255")
    np.testing.assert_array_equal(other, moved)
    wrong = drawn(folder, tmp_path / "none", "--class", "disc:255")[1]
    assert "argument --class: invalid class_value value: 'disc:255'" in wrong
    assert "the mask has [255], which stand for no class" in drawn(folder, tmp_path / "none")[1]
    Image.fromarray(np.roll(disc, 8, 1)).save(folder / "shown/a.png")
    Image.fromarray(np.zeros_like(disc)).save(folder / "shown/b.png")  # has no disc to be edited
    both, _ = drawn(folder, tmp_path / "both", "--scale", "disc", "1")
    np.testing.assert_array_equal(both[:2], moved)
    for edit, words in (
        (("--remove", "liver"), "--remove: 'liver' is none of disc"),
        (("--move", "disc", "0", "90"), "a: --move: class 1 would leave the picture"),
    ):
        assert words in drawn(folder, tmp_path / "none", *edit)[1]
    Image.fromarray(np.zeros_like(disc)).save(folder / "shown/a.png")
    assert "no mask shows 'disc'" in drawn(folder, tmp_path / "none", "--remove", "disc")[1]
    Image.fromarray(np.zeros((32, 16), np.uint8)).save(folder / "shown/a.png")
    assert "a.png: 16 x 32 pixels; pictures are squares" in drawn(folder, tmp_path / "none")[1]


def test_a_class_of_no_structure_stops_it_before_anybody_is_drawn(folder):
    before = (folder / "my.yaml").read_text()
    settings = yaml.safe_load(before)
    for arguments, words in (
        ({"classes": {"liver": ["livr"]}}, "'livr' is no structure of structures.tsv"),
        ({"size": 1024}, "size: one of .*, 512\\), not 1024"),
        ({"pixel_mm": None}, "missing 1 required positional argument: 'pixel_mm'"),
    ):
        settings["gan"]["datasets"]["ct_slices"] = {"arguments": arguments}
        (folder / "my.yaml").write_text(yaml.safe_dump(settings))
        with pytest.raises(AssertionError, match=f"gan.datasets.ct_slices.arguments: .*{words}"):
            contest(folder, "results/gan/pairs/ct_slices/about.json", options=["--dry-run"])
    (folder / "my.yaml").write_text(before)


def test_a_person_of_two_parts_stops_it_before_anybody_is_drawn(folder):
    """Whether drawn by the data set or asked for in the sheet, or two scans of one patient."""
    before = (folder / "my.yaml").read_text()
    settings = yaml.safe_load(before)
    settings["cohort"] = {"cases": "people.tsv"}
    rows = "case\tpath\nann\tstylised:100001/chest\nben\tscan.nii.gz\neve\tscan.nii.gz\n"
    (folder / "people.tsv").write_text(rows)
    (folder / "scan.nii.gz").touch()
    target = "results/gan/pairs/ct_slices/about.json"
    for train, test, who in (
        ({}, {"cases": ["ann"]}, "standard-100001"),
        ({"cases": ["ben"]}, {"cases": ["eve"], "whose": {"eve": "ben"}}, "ben"),
    ):
        patients = {"train": train, "test": {"people": None, **test}}
        settings["gan"]["datasets"]["ct_slices"] = {"patients": patients}
        (folder / "my.yaml").write_text(yaml.safe_dump(settings))
        words = f"gan.datasets.ct_slices.patients: {who} is in test and in train"
        with pytest.raises(AssertionError, match=words):
            contest(folder, target, options=["--dry-run"])
    patients["train"]["cases"] = ["ann"]
    (folder / "my.yaml").write_text(yaml.safe_dump(settings))
    jobs = contest(folder, target, options=["--dry-run"])
    assert jobs["people"] == 2 and jobs["ingest"] == 2 and jobs["pairs"] == 1
    (folder / "my.yaml").write_text(before)


def test_a_variant_that_nobody_knows_stops_it_before_anything_is_trained(folder):
    settings = yaml.safe_load((folder / "my.yaml").read_text())
    settings["gan"]["contests"]["default"]["variants"]["stylegan"] = {}
    (folder / "my.yaml").write_text(yaml.safe_dump(settings))
    with pytest.raises(AssertionError, match="'stylegan'; allowed: mask_embedding or modern or no"):
        contest(folder)
