"""The real workflow on a small cohort in a folder of its own: what runs again after which edit.

The tests of this file share one library and go on from each other's state, in this order.
"""

import json
import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
import SimpleITK as sitk
import trimesh
import yaml
from dicom_files import write_series
from house import (
    ROOT,
    SPACING_MM,
    TIPS,
    TRIPOD,
    build,
    command,
    digests,
    edit,
    person,
    phases,
    run,
    write_ct,
    write_sheet,
)

from phantomloom.io import nifti
from phantomloom.phantom.export.voxel import xcist
from phantomloom.provenance import content as digest_of
from phantomloom.structures import label, structures
from phantomloom.volume import Volume

STAGES = ("ingest", "segment", "merge", "measure", "qc", "voxel", "mesh", "simulate", "page")
TABLES = {"findings": 1, "library": 1}
SCORES = "results/score/shipped/patient2/{}.json"
ANN, BEN = "ann\tann.nii.gz\tF\t50", "ben\tben\tM\t60"
OLDER_ANN = "ann\tann.nii.gz\tF\t51"


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A built library of two people."""
    house = build(tmp_path_factory.mktemp("house"))
    assert run(house) == {**dict.fromkeys(STAGES, 2), **TABLES, "all": 1}
    return house


def verdict(house, case):
    return json.loads((house / f"results/qc/{case}.json").read_text())["verdict"]


def status(house, path):
    return json.loads((house / "results" / path).read_text())["status"]


def test_every_case_goes_through_every_stage(house):
    for case in ("ann", "ben"):
        assert verdict(house, case) == "pass"
        assert status(house, f"phantom/{case}/voxel.json") == "done"
        assert status(house, f"phantom/{case}/mesh.json") == "done"
        (quality,) = (house / f"results/simulate/{case}").glob("*/quality.json")
        assert json.loads(quality.read_text())["status"] == "done"
    table = pd.read_csv(house / "results/library/phantoms.csv")
    assert table.case.tolist() == ["ann", "ben"]


def test_a_case_has_at_most_12_jobs_with_the_four_shipped_models():
    models = yaml.safe_load((ROOT / "config.yaml").read_text())["segment"]["models"]
    assert len(STAGES) - 1 + len(models) <= 12


def mirrored(point):
    """The same voxel seen from the other end of each axis, one axis at a time."""
    shape = person(112).shape
    return [
        tuple(shape[a] - 1 - v if a == axis else v for a, v in enumerate(point))
        for axis in range(3)
    ]


@pytest.mark.parametrize("case", ["ann", "ben"])
@pytest.mark.parametrize(
    ("file", "gas"),
    [
        ("ingest/{case}/ct.nii.gz", -800),
        ("merge/{case}/labels.nii.gz", label("gas")),
        ("phantom/{case}/voxel/nifti/labels.nii.gz", label("gas")),
        ("simulate/{case}/body_120kv/ct_soft.nii.gz", -200),
        ("simulate/{case}/body_120kv/ct_sharp.nii.gz", -200),
    ],
)
def test_left_is_left_and_head_is_up_in_every_image(house, case, file, gas):
    """In LPS mm, as SimpleITK reads them: the tips are gas, their mirror images are not."""
    image = sitk.ReadImage(house / "results" / file.format(case=case))
    is_gas = (lambda v: v == gas) if "label" in file else (lambda v: v < gas)
    for tip in TIPS:
        assert is_gas(image[at(image, tip, case)]), tip
        others = [at(image, point, case) for point in mirrored(tip)]
        assert not any(is_gas(image[index]) for index in others), tip


def at(image, voxel, case):
    z, y, x = (SPACING_MM * v for v in voxel)
    return image.TransformPhysicalPointToIndex((x, y, z))


@pytest.mark.parametrize("case", ["ann", "ben"])
def test_left_is_left_and_head_is_up_in_every_mesh(house, case):
    """The tripod reaches as far as its arms, in mm of LPS and in metres of glTF."""
    folder = house / f"results/phantom/{case}/mesh"
    parts = trimesh.load(folder / "stl/gas.stl").split()
    scene = trimesh.load(folder / "glb/phantom.glb")
    in_metres = scene.geometry["gas"].vertices @ np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]]).T
    z, y, x = np.array(TRIPOD) * SPACING_MM
    low, high = np.array([x, y, z]), np.array([x + 3 * 8, y + 5 * 8, z + 7 * 8])
    tripod = min(parts, key=lambda part: np.abs(part.bounds[0] - low).sum())
    assert tripod.is_watertight and tripod.volume > 0
    assert np.abs(tripod.bounds - [low - 4, high + 4]).max() < 3
    inside = ((in_metres * 1000 > low - 8) & (in_metres * 1000 < high + 8)).all(axis=1)
    found = in_metres[inside] * 1000
    assert np.abs(found.max(axis=0) - (high + 4)).max() < 3


def test_left_is_left_and_head_is_up_for_xcist(house):
    """The reader is held to gecatsim's conventions elsewhere; the folder is the run's."""
    indices, materials = xcist.read(house / "results/phantom/ann/voxel/xcist")
    for tip in TIPS:
        assert materials[indices.array[tip]] == structures()["gas"].material
        assert all(indices.array[point] != indices.array[tip] for point in mirrored(tip))


def test_nothing_runs_twice(house):
    assert run(house) == {}


def test_a_comment_a_docstring_or_a_touch_reruns_nothing(house):
    edit(house / "workflow/phantomloom/measure.py", '"""', '"""Now: ')
    edit(house / "workflow/phantomloom/qc/symmetry.py", "\n\n\n", "\n\n\n# why\n")
    edit(house / "scripts/merge.py", "\n", "\n# why\n")
    for file in ("cohort/ann.nii.gz", "Snakefile", "scripts/mesh.py", "config.yaml"):
        (house / file).touch()
    assert run(house) == {}


def test_the_page_is_drawn_again_when_the_reader_of_its_meshes_changes(house):
    """The meshes themselves left out of account, as these are made anew with their format."""
    page = ("--dry-run", "--allowed-rules", "page", "--", "results/library/ann/index.html")
    for format, jobs in (("stl", {}), ("glb", {"page": 1})):
        module = house / f"workflow/phantomloom/phantom/export/mesh/{format}.py"
        before = module.read_text()
        module.write_text(f"{before}\n\nNOTHING = 0\n")
        assert run(house, *page) == jobs
        module.write_text(before)


def test_an_upstream_edit_with_equal_results_stops_at_the_phase(house):
    with (house / "scripts/measure.py").open("a") as script:
        script.write("done = True\n")
    assert phases(house) == {"measure": 2, "qc": 2}


def test_logic_of_one_check_reruns_qc_and_no_phantom_whose_verdict_stands(house):
    edit(house / "workflow/phantomloom/qc/symmetry.py", "def check(", "NOTHING = 0\n\n\ndef check(")
    assert phases(house) == {"qc": 2}


def test_a_threshold_reruns_its_stage_and_phantoms_only_where_the_verdict_changed(house):
    """ben's liver is small for a man, ann's not for a woman; the limit is put between the two."""
    before = digests(house)
    edit(house / "config.yaml", "fail_spreads: 4.5", "fail_spreads: 1.0")
    edit(house / "config.yaml", "warn_spreads: 3.0", "warn_spreads: 0.9")
    jobs = phases(house)
    assert jobs == {"qc": 2, "voxel": 1, "mesh": 1, "simulate": 1, "page": jobs["page"], **TABLES}
    assert verdict(house, "ann") == "pass"
    assert verdict(house, "ben") == "fail"
    assert status(house, "phantom/ben/voxel.json") == "withheld"
    assert status(house, "phantom/ann/voxel.json") == "done"
    table = pd.read_csv(house / "results/library/phantoms.csv").set_index("case")
    assert table.status["ben"] == "withheld"
    after = digests(house)
    assert all(after[path] == before[path] for path in before if "/phantom/ann/" in path)


def test_a_reviewer_overrules_the_verdict_and_the_next_run_obeys(house):
    reviews = house / "cohort/review.tsv"
    reviews.write_text("case\tverdict\tnote\nann\tfail\tmoved\nben\tpass\tlooked at it\n")
    assert phases(house)["qc"] == 2
    assert status(house, "phantom/ann/voxel.json") == "withheld"
    assert status(house, "phantom/ben/voxel.json") == "done"
    assert "looked at it" in (house / "results/qc/ben.json").read_text()
    reviews.unlink()
    edit(house / "config.yaml", "fail_spreads: 1.0", "fail_spreads: 4.5")
    edit(house / "config.yaml", "warn_spreads: 0.9", "warn_spreads: 3.0")
    phases(house)


def test_a_persons_label_map_replaces_the_merge_of_its_case_until_it_is_removed(house):
    """Saved along other axes and in another type, as an editor may; part of it left to the fill."""
    before = digests(house)
    image = sitk.ReadImage(house / "results/merge/ann/labels.nii.gz")
    given = sitk.GetArrayFromImage(image)
    edited = given.astype(np.int16)
    edited[:2] = 0
    edited[np.nonzero(given == label("liver"))[0].min()][given[0] > 0] = label("muscles")
    saved = sitk.GetImageFromArray(edited)
    saved.CopyInformation(image)
    correction = house / "cohort/review/ann/labels.nii.gz"
    correction.parent.mkdir(parents=True)
    sitk.WriteImage(sitk.DICOMOrient(saved, "RAS"), correction)
    assert phases(house)["merge"] == 1
    merged = sitk.GetArrayFromImage(sitk.ReadImage(house / "results/merge/ann/labels.nii.gz"))
    assert (merged[edited > 0] == edited[edited > 0]).all()
    assert ((merged > 0) == (given > 0)).all()
    told = json.loads((house / "results/merge/ann/merge.json").read_text())
    assert told["edited"] and told["unassigned_ml"] == 0
    assert told["edited_ml"] == pytest.approx(
        (merged != given).sum() * SPACING_MM**3 / 1000, abs=2e-3
    )
    assert "edited by hand" in (house / "results/library/ann/index.html").read_text()
    assert "edited by hand" not in (house / "results/library/ben/index.html").read_text()
    assert run(house) == {}
    sitk.WriteImage(saved[1:], correction)
    assert phases(house)["merge"] == 1
    told = json.loads((house / "results/merge/ann/merge.json").read_text())
    assert told["status"] == "refused"
    assert told["reason"].startswith(f"{correction.relative_to(house)}: expected")
    assert "refused" in (house / "results/library/ann/index.html").read_text()
    assert status(house, "phantom/ben/voxel.json") == "done"
    correction.unlink()
    assert phases(house)["merge"] == 1
    assert digests(house) == before


def test_a_new_case_runs_alone(house):
    write_ct(house, "cat", person(liver_mm=108))
    write_sheet(house, ANN, BEN, "cat\tcat.nii.gz\tF\t40")
    assert run(house) == {**dict.fromkeys(STAGES, 1), **TABLES, "all": 1}


def test_an_age_that_the_sheet_learns_reruns_no_network(house):
    write_sheet(house, OLDER_ANN, BEN, "cat\tcat.nii.gz\tF\t40")
    jobs = phases(house)
    assert jobs["ingest"] == jobs["qc"] == 1
    assert not {"segment", "merge", "measure", "voxel", "mesh", "simulate"} & set(jobs)


def test_a_dicom_slice_replaced_in_place_reruns_that_case(house):
    changed = person(liver_mm=104)
    changed[12, 20, 10] += 30
    positions = [(0, 0, SPACING_MM * z) for z in range(len(changed))]
    keep = {f.name: f.read_bytes() for f in (house / "cohort/ben").iterdir()}
    write_series(house / "cohort/ben", changed, positions, spacing_mm=(SPACING_MM, SPACING_MM))
    for name, content in keep.items():  # all but one slice are as they were
        if name != "0012.dcm":
            (house / "cohort/ben" / name).write_bytes(content)
    jobs = run(house)
    assert jobs["ingest"] == jobs["segment"] == jobs["merge"] == 1


def test_what_a_crashed_job_was_to_make_is_made_by_the_next_run_with_all_that_follows(house):
    """Though what was made of the older segmentation is still there, and the job is on record."""
    segmented = set((house / "results/segment").glob("*/abdomen.json"))
    with (house / "scripts/segment.py").open("a") as script:
        script.write("done = True\n")
    crash_a_job_of("segment.py", house)
    (lost,) = segmented - set((house / "results/segment").glob("*/abdomen.json"))
    jobs = run(house)
    assert jobs["segment"] == jobs["merge"] == jobs["page"] == 1
    assert lost.exists()
    assert run(house) == {}


def crash_a_job_of(script: str, house: Path) -> None:
    """Start a run and kill its first job of ``script``, as the kernel does when memory is out."""
    started = subprocess.Popen(command("--quiet"), cwd=house, stderr=subprocess.DEVNULL)
    victim = None
    while not victim and started.poll() is None:
        time.sleep(0.1)
        for process in psutil.Process(started.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):  # it has just ended
                if process.cmdline()[-1:] and process.cmdline()[-1].endswith(f".{script}"):
                    victim = process
    assert victim, f"no job of {script} was seen"
    victim.kill()
    assert started.wait() == 1


def test_a_scan_that_cannot_be_used_is_data_and_stops_nobody(house):
    mr = np.random.default_rng(0).integers(0, 900, (24, 32, 46)).astype(np.int16)
    write_ct(house, "dan", mr)
    write_sheet(house, OLDER_ANN, BEN, "cat\tcat.nii.gz\tF\t40", "dan\tdan.nii.gz\t\t")
    assert run(house)["page"] == 1
    assert status(house, "ingest/dan/ct.json") == "refused"
    assert status(house, "phantom/dan/voxel.json") == "withheld"
    table = pd.read_csv(house / "results/library/phantoms.csv").set_index("case")
    assert table.status["dan"] == "refused"
    assert "HU" in table.reason["dan"]
    assert "dan" in (house / "results/library/index.html").read_text()


def test_a_clone_with_restored_results_reruns_nothing(house, tmp_path):
    clone = tmp_path / "elsewhere"
    shutil.copytree(house, clone)
    for script in (clone / "scripts").iterdir():
        script.touch()  # a checkout gives every file the time of the clone
    assert run(clone) == {}


def test_all_these_edits_left_what_a_build_from_scratch_makes(house, tmp_path):
    """Byte for byte; and so does a build that is killed with all its children and started again."""
    fresh = tmp_path / "fresh"
    shutil.copytree(house, fresh, ignore=shutil.ignore_patterns("results", ".snakemake", "logs"))
    for made in ("segment/ben/abdomen.json", "qc/ann.json"):
        kill_once_there_is(fresh / "results" / made)
        run(fresh, "--unlock")
    run(fresh)
    assert digests(fresh) == digests(house)


def kill_once_there_is(made: Path) -> None:
    """Start a run and kill it, with every process it started, as a power cut would."""
    house = next(folder.parent for folder in made.parents if folder.name == "results")
    started = subprocess.Popen(
        command("--quiet"), cwd=house, stderr=subprocess.DEVNULL, start_new_session=True
    )
    while not made.exists() and started.poll() is None:
        time.sleep(0.2)
    assert started.poll() is None, "the run was over before it could be killed"
    os.killpg(started.pid, signal.SIGKILL)
    started.wait()


def test_a_library_is_built_anywhere_from_a_config_of_its_own(house, tmp_path):
    """No file of the checkout changes, and paths follow the files that name them."""
    library, data = tmp_path / "library", tmp_path / "data"
    library.mkdir()
    data.mkdir()
    shutil.copy(house / "cohort/ann.nii.gz", data)
    (data / "people.tsv").write_text(f"case\tpath\n{'eve'}\tann.nii.gz\n")
    (data / "my.yaml").write_text("cohort: {cases: people.tsv}\n")
    arguments = ["--snakefile", house / "Snakefile", "--directory", library]
    before = {f: f.stat().st_mtime_ns for f in house.rglob("*.json")}
    jobs = run(tmp_path, *arguments, "--configfile", data / "my.yaml", "--", "judged")
    assert jobs["qc"] == 1
    assert (library / "results/qc/eve.json").exists()
    assert before == {f: f.stat().st_mtime_ns for f in house.rglob("*.json")}


def test_labels_that_people_bring_come_through_merge_and_fill_unchanged(house, tmp_path):
    """Even a lone voxel in the air, which from a network would be an island outside the body."""
    ct = nifti.read(house / "cohort/ann.nii.gz")
    given = np.where(ct.array == 60, 5, 0).astype(np.uint8)  # the liver's id in `total`
    given[20, 16, 23], given[2, 1, 1] = 2, 1  # a kidney and a spleen of one voxel
    nifti.write(ct.with_array(given), tmp_path / "given/eve.nii.gz")
    shutil.copy(house / "cohort/ann.nii.gz", tmp_path)
    (tmp_path / "people.tsv").write_text("case\tpath\neve\tann.nii.gz\n")
    truth = {"engine": "labels", "labels": "given/{case}.nii.gz", "scheme": "total"}
    mine = {
        "cohort": {"cases": "people.tsv"},
        "segment": {"models": {"abdomen": None, "truth": truth}},
        "merge": {"precedence": ["truth"]},
    }
    (tmp_path / "my.yaml").write_text(yaml.safe_dump(mine))
    arguments = ["--snakefile", house / "Snakefile", "--configfile", "my.yaml", "--", "judged"]
    assert run(tmp_path, *arguments)["merge"] == 1
    found = nifti.read(tmp_path / "results/merge/eve/labels.nii.gz").array
    for number, name in ((5, "liver"), (2, "kidney_right"), (1, "spleen")):
        assert (found[given == number] == label(name)).all()
    told = json.loads((tmp_path / "results/segment/eve/truth.json").read_text())
    assert told["engine"] == "labels"
    assert told["seen_in_training"] is None
    assert told["structures"]["spleen"] == {
        "volume_ml": 0.512,
        "touches_border": "",
        "confidence": None,
    }


def test_labels_or_slices_that_cannot_be_used_cost_their_case_alone(house, tmp_path):
    """What is no fault of the configuration, as other cases show, stands on the page."""
    hu = nifti.read(house / "cohort/ann.nii.gz").array
    drawn = np.where(hu == 60, 5, 0).astype(np.uint8)  # the liver's id in `total`
    for case, labels in (("eve", drawn), ("dan", 0 * drawn), ("tom", drawn), ("mia", None)):
        spacing_mm = (12 if case == "tom" else SPACING_MM, SPACING_MM, SPACING_MM)
        nifti.write(Volume(hu, spacing_mm), tmp_path / f"{case}.nii.gz")
        if labels is not None:
            nifti.write(Volume(labels, spacing_mm), tmp_path / f"given/{case}.nii.gz")
    rows = [f"{case}\t{case}.nii.gz" for case in ("eve", "dan", "tom", "mia")]
    (tmp_path / "people.tsv").write_text("\n".join(["case\tpath", *rows, ""]))
    truth = {"engine": "labels", "labels": "given/{case}.nii.gz", "scheme": "total"}
    mine = {
        "cohort": {"cases": "people.tsv"},
        "ingest": {"spacing_mm": "native"},
        "segment": {"models": {"abdomen": None, "truth": truth}},
        "merge": {"precedence": ["truth"]},
        "qc": {"withhold_failed": False},
    }
    (tmp_path / "my.yaml").write_text(yaml.safe_dump(mine))
    arguments = ["--snakefile", house / "Snakefile", "--configfile", "my.yaml"]
    assert run(tmp_path, *arguments)["page"] == 4
    table = pd.read_csv(tmp_path / "results/library/phantoms.csv").set_index("case")
    fates = {"eve": "done", "dan": "refused", "tom": "withheld", "mia": "refused"}
    assert table.status.to_dict() == fates
    assert table.stage["dan"] == table.stage["mia"] == "segment/truth"
    labels = "segment.models.truth.labels"  # the page tells no path
    assert f"{labels}: no structure in it" in table.reason["dan"]
    assert f"{labels}: no labels that can be read" in table.reason["mia"]
    assert table.reason["tom"].startswith("slices of 12 mm; this protocol makes up to 10")
    assert table.meshes["tom"] > 0
    for case in ("dan", "tom", "mia"):
        assert table.reason[case] in (tmp_path / f"results/library/{case}/index.html").read_text()
    assert run(tmp_path, *arguments) == {}
    shutil.rmtree(tmp_path / "given")
    told = subprocess.run(command(*arguments), cwd=tmp_path, capture_output=True, text=True)
    assert told.returncode == 1
    assert "segment.models.truth.labels names it" in told.stderr


def test_people_from_numbers_come_with_their_truth_and_are_never_taken_for_patients(
    house, tmp_path
):
    """On the grid they are drawn on, so that what is claimed can be compared voxel by voxel."""
    (tmp_path / "people.tsv").write_text(
        "case\tpath\tsex\theight_cm\nseven\tstylised:7/abdomen\t\t150\n"
    )
    mine = {
        "cohort": {"cases": "people.tsv", "stylised": {"spacing_mm": 6, "slice_mm": 6}},
        "ingest": {"spacing_mm": "native"},
        "segment": {"models": {"abdomen": None, "truth": {"engine": "labels", "labels": "person"}}},
        "merge": {"precedence": ["truth"]},
    }
    (tmp_path / "my.yaml").write_text(yaml.safe_dump(mine))
    arguments = ["--snakefile", house / "Snakefile", "--configfile", "my.yaml"]
    jobs = run(tmp_path, *arguments, "--", "judged")
    assert {jobs[rule] for rule in ("person", "ingest", "segment", "merge", "qc")} == {1}
    results = tmp_path / "results"
    truth, merged, ct = (
        sitk.ReadImage(results / name)
        for name in (
            "person/seven/labels.nii.gz",
            "merge/seven/labels.nii.gz",
            "ingest/seven/ct.nii.gz",
        )
    )
    given, found = sitk.GetArrayFromImage(truth), sitk.GetArrayFromImage(merged)
    claimed = given > 0
    assert (found[claimed] == given[claimed]).all()
    assert centre(merged, "liver") < 0 < centre(merged, "spleen")
    hu = sitk.GetArrayFromImage(ct)
    assert (
        hu[given == label("vertebrae_L2")].mean()
        > 100
        > 30
        > hu[given == label("subcutaneous_fat")].mean()
    )
    who = json.loads((results / "person/seven/person.json").read_text())
    told = json.loads((results / "ingest/seven/ct.json").read_text())
    assert told["source"] == "stylised" and "no patient was scanned" in told["warnings"][0]
    assert told["demographics"] == {
        "sex": who["sex"],
        "age_years": who["age_years"],
        "height_cm": 150,
        "weight_kg": who["weight_kg"],
    }
    model = json.loads((results / "segment/seven/truth.json").read_text())
    assert model["weights"] == digest_of(str(results / "person/seven/labels.nii.gz"))
    assert run(tmp_path, *arguments, "--", "judged") == {}
    before = digests(tmp_path)
    edit(tmp_path / "people.tsv", "stylised:7/", "stylised:9/")
    assert run(tmp_path, *arguments, "--", "results/segment/seven/truth.json")["segment"] == 1
    after = digests(tmp_path)
    for path in ("person/seven/ct.nii.gz", "person/seven/person.json", "segment/seven/truth.json"):
        assert after[f"results/{path}"] != before[f"results/{path}"]


def centre(labels: sitk.Image, name: str) -> float:
    """How far the centre of a structure lies from the middle of the spine to the left, in mm."""
    shape = sitk.LabelShapeStatisticsImageFilter()
    shape.Execute(labels)
    spine = shape.GetCentroid(label("vertebrae_L1"))[0]
    return shape.GetCentroid(label(name))[0] - spine


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("judged", "segment.models.truth.labels is person, but case eve of the sheet is a scan"),
        (SCORES.format("eve"), "train.cases.eve.labels is person, but case eve of the sheet is"),
        (SCORES.format("ann"), "ann is no case of people.tsv; add it there, or take it out of"),
    ],
)
def test_truth_is_only_known_of_people_from_numbers(house, tmp_path, target, message):
    shutil.copy(house / "cohort/ann.nii.gz", tmp_path)
    (tmp_path / "people.tsv").write_text("case\tpath\neve\tann.nii.gz\n")
    mine = {
        "cohort": {"cases": "people.tsv"},
        "segment": {"models": {"abdomen": None, "truth": {"engine": "labels", "labels": "person"}}},
        "merge": {"precedence": ["truth"]},
        "train": {"cases": {name: {"labels": "person"} for name in ("eve", "ann")}},
    }
    (tmp_path / "my.yaml").write_text(yaml.safe_dump(mine))
    snakefile = ("--snakefile", house / "Snakefile", "--configfile", "my.yaml")
    listed = subprocess.run(command(*snakefile, "--list-rules"), cwd=tmp_path, capture_output=True)
    assert listed.returncode == 0  # what makes no library reads no sheet
    done = subprocess.run(
        command(*snakefile, "--", target), cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert message in done.stderr


@pytest.mark.parametrize(
    ("sheet", "message"),
    [
        ("case\tpath\tsex\nann\tann.nii.gz\tX\n", "row 2, column sex"),
        ("case\tpath\nann\tnowhere.nii.gz\n", "row 2, column path"),
    ],
)
def test_a_wrong_sheet_is_told_before_anything_runs(house, tmp_path, sheet, message):
    (tmp_path / "cases.tsv").write_text(sheet)
    shutil.copy(house / "cohort/ann.nii.gz", tmp_path)
    (tmp_path / "my.yaml").write_text("cohort: {cases: cases.tsv}\n")
    wrong = command("--snakefile", house / "Snakefile", "--configfile", "my.yaml")
    done = subprocess.run(wrong, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert message in done.stderr
    assert not (tmp_path / "results").exists()
