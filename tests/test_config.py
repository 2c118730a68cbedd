import copy
import subprocess
import sys
from pathlib import Path

import house
import pytest
import yaml
from snakemake.utils import update_config

from phantomloom.config import portable, resolve
from phantomloom.structures import MODELS
from phantomloom.validation import schema

ROOT = Path(__file__).parents[1]
RULES = {
    "type": "object",
    "additionalProperties": False,
    "required": ["cohort"],
    "properties": {
        "cohort": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"cases": {"type": "string", "format": "path"}},
        },
        "ingest": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"spacing_mm": {"anyOf": [{"type": "number"}, {"const": "native"}]}},
        },
        "models": {
            "additionalProperties": {"properties": {"weights": {"format": "path"}}},
        },
    },
}


@pytest.fixture
def files(tmp_path, monkeypatch):
    """The checkout's config and a user's, in two folders, seen from a library in a third."""
    checkout, mine, library = (tmp_path / name for name in ("checkout", "mine", "library"))
    for folder in (checkout, mine, library):
        folder.mkdir()
    monkeypatch.chdir(library)
    defaults = {"cohort": {"cases": "example.tsv"}, "models": {"a": {"weights": "models/a"}}}
    (checkout / "config.yaml").write_text(yaml.safe_dump(defaults))
    (mine / "my.yaml").write_text(yaml.safe_dump({"cohort": {"cases": "sheets/mine.tsv"}}))
    return checkout / "config.yaml", mine / "my.yaml"


def test_a_path_is_relative_to_the_last_file_that_names_it(files, tmp_path):
    config = {"cohort": {"cases": "sheets/mine.tsv"}, "models": {"a": {"weights": "models/a"}}}
    resolved = resolve(config, files, RULES)
    assert resolved["cohort"]["cases"] == str(tmp_path / "mine/sheets/mine.tsv")
    assert resolved["models"]["a"]["weights"] == str(tmp_path / "checkout/models/a")


def test_a_path_of_the_command_line_is_relative_to_the_working_directory(files):
    assert resolve({"cohort": {"cases": "new.tsv"}}, files, RULES)["cohort"]["cases"] == "new.tsv"


def test_the_given_config_is_left_as_it_is(files):
    config = {"cohort": {"cases": "sheets/mine.tsv"}}
    before = copy.deepcopy(config)
    assert resolve(config, files, RULES) != before and config == before


def test_paths_inside_the_working_directory_are_relative_so_that_it_can_move(files, monkeypatch):
    monkeypatch.chdir(files[0].parents[1])
    resolved = resolve({"cohort": {"cases": "sheets/mine.tsv"}}, files, RULES)
    assert resolved["cohort"]["cases"] == "mine/sheets/mine.tsv"


def test_a_link_to_the_working_directory_is_seen_through(tmp_path, monkeypatch):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    monkeypatch.chdir(tmp_path / "real")
    assert portable(tmp_path / "link", "sub/../a.tsv") == "a.tsv"
    assert portable(tmp_path / "link", "../a.tsv") == str(tmp_path / "a.tsv")


def test_a_tilde_is_a_home_folder_and_that_of_nobody_a_name(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    assert portable(tmp_path, "~/a.tsv") == "home/a.tsv"
    assert portable(tmp_path, "~no-such-user/a.tsv") == "~no-such-user/a.tsv"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"cohort": {"case": "a"}}, "cohort.case: unknown; did you mean cases?"),
        ({"cohort": {}, "zebra": 1}, "zebra: unknown; known: cohort, ingest, models"),
        (
            {"cohort": {}, "ingest": {"spacing_mm": "three"}},
            "ingest.spacing_mm: 'three'; allowed: a number or native",
        ),
        ({}, "cohort: missing; needed: a section of keys"),
    ],
)
def test_each_fault_is_told_with_its_key_its_value_and_what_is_allowed(files, config, message):
    with pytest.raises(ValueError) as fault:
        resolve(config, files, RULES)
    assert message in str(fault.value)


def test_a_fault_names_the_file_that_holds_it(files):
    files[1].write_text("ingest: {spacing_mm: three}")
    with pytest.raises(ValueError, match=r"my\.yaml: ingest\.spacing_mm: 'three'"):
        resolve({"cohort": {}, "ingest": {"spacing_mm": "three"}}, files, RULES)


def test_a_fault_that_equals_nothing_names_its_file_too(files):
    files[1].write_text("ingest: {spacing_mm: .nan}")
    config = {"cohort": {}, "ingest": {"spacing_mm": float("nan")}}
    with pytest.raises(ValueError, match=r"my\.yaml: ingest\.spacing_mm: nan; allowed: a number"):
        resolve(config, files, RULES)


def test_a_fault_of_the_command_line_is_not_laid_on_a_file(files):
    files[0].write_text("ingest: {spacing_mm: 3}")
    with pytest.raises(ValueError, match=r"--config: ingest\.spacing_mm: 'three'"):
        resolve({"cohort": {}, "ingest": {"spacing_mm": "three"}}, files, RULES)


def test_the_shipped_config_obeys_the_shipped_schema(monkeypatch):
    monkeypatch.chdir(ROOT)
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    resolved = resolve(config, [ROOT / "config.yaml"])
    assert resolved["cohort"]["cases"] == "workflow/cohorts/example.tsv"
    assert set(config) == set(schema("config")["properties"])


PRIVATE = {"up_to": 1000, "trains": "head", "steps": 3, "clip": 0.1}


def changed(**sections):
    """The shipped config after Snakemake has merged a user's sections into it."""
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    update_config(config, sections)
    return config


def test_null_removes_a_row_that_a_file_can_otherwise_only_add_to(monkeypatch):
    monkeypatch.chdir(ROOT)
    tube = {"filtration_mm": {"Al": None, "Ti": None, "Cu": 0.2}}
    config = changed(
        qc={"checks": {"clustering": None}, "failing_checks": ["volume"]},
        simulate={"protocols": {"body_120kv": {"tube": tube}}},
    )
    resolved = resolve(config, [ROOT / "config.yaml"])
    protocol = resolved["simulate"]["protocols"]["body_120kv"]
    assert protocol["tube"]["filtration_mm"] == {"Cu": 0.2}
    assert list(resolved["qc"]["checks"]) == ["volume", "symmetry"]


def test_the_null_of_the_command_line_is_null(files):
    config = {"cohort": {"cases": "a.tsv"}, "models": {"a": "null", "b": {"weights": "b"}}}
    assert list(resolve(config, files, RULES)["models"]) == ["b"]


def test_null_does_not_remove_what_is_needed_and_the_fault_names_its_file(files):
    files[1].write_text("cohort: null")
    with pytest.raises(ValueError, match=r"my\.yaml: cohort: missing"):
        resolve({"cohort": None}, files, RULES)


ROW = {"engine": "monai", "weights": "w"}
LABELS = {"engine": "labels", "weights": None}


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"qc": {"failing_checks": ["volum"]}}, "qc.failing_checks.0: 'volum'; allowed: names"),
        ({"qc": {"checks": {"clustering": None}}}, "qc.failing_checks.2: 'clustering'"),
        ({"qc": {"checks": {"verdict": {}}}}, "'verdict'; allowed: clustering or symmetry or"),
        ({"segment": {"models": {"vessels": ROW}}}, "merge.precedence: lacks the model 'vessels'"),
        (
            {"segment": {"models": {"torso": {"engine": "onnx"}}}},
            "segment.models.torso.engine: 'onnx'; allowed: labels or monai or nnunet or total",
        ),
        ({"segment": {"models": {"torso": {"folds": [0]}}}}, "torso.folds: unknown; known: engine"),
        (
            {"segment": {"models": {"torso": {"engine": "nnunet", "dataset": "bones"}}}},
            "torso.dataset: 'bones'; allowed: skeleton or others or abdomen or body_composition",
        ),
        (
            {"segment": {"models": {"torso": {"engine": "labels", "weights": None}}}},
            "segment.models.torso.labels: missing; needed: a text",
        ),
        (
            {"segment": {"models": {"torso": {**LABELS, "labels": "a.nii.gz"}}}},
            r"torso.labels: 'a.nii.gz'; allowed: a text of the form \{case\} or person",
        ),
        (
            {"segment": {"models": {"torso": {**LABELS, "labels": "person", "scheme": "total"}}}},
            "torso.scheme: 'total'; allowed: phantomloom",
        ),
        (
            {"cohort": {"stylised": {"scanner": "mine"}}},
            "cohort.stylised.scanner: 'mine'; allowed: own or a whole number from 0",
        ),
        (
            {"train": {"cases": {"patient1": {"scheme": "totl"}}}},
            "train.cases.patient1.scheme: 'totl'; allowed: a naming scheme: phantomloom, total",
        ),
        (
            {"train": {"cases": {"patient1": {"structures": ["livr"]}}}},
            "train.cases.patient1.structures.0: 'livr'; allowed: structures of structures.tsv",
        ),
        (  # labels of that scheme never show it, and would teach that it is nowhere
            {"train": {"cases": {"patient1": {"structures": ["liver", "pulmonary_artery"]}}}},
            "train.cases.patient1.structures.1: 'pulmonary_artery'; allowed: structures of",
        ),
        (
            {"train": {"references": {"patient3": {"structures": ["livr"]}}}},
            "train.references.patient3.structures.0: 'livr'; allowed: structures of",
        ),
        (
            {"train": {"references": {"patient1": {"case": "patient1", "labels": "mine"}}}},
            "train.references.patient1: is the name of a case under train.cases too",
        ),
        (
            {"train": {"references": {"a/b": {"case": "patient1", "labels": "mine"}}}},
            "train.references: 'a/b'; allowed: any value of the form",
        ),
        ({"train": {"recipes": {"scans": None}}}, "train.recipes.scans: missing; needed: "),
        (
            {"train": {"network": {"features": [8, 8, 8, 8, 8]}}},
            "train.network.features: ",
        ),
        (  # or a network would be scored on whom its first weights have seen
            {"train": {"recipes": {"scans": {"kept": "mine.safetensors"}}}},
            "train.recipes.scans.kept: is for recipes that begin anew and learn from stylised",
        ),
        (
            {"train": {"recipes": {"shipped": {"after": "peeple"}}}},
            "train.recipes.shipped.after: 'peeple'; allowed: names under train.recipes",
        ),
        (
            {"train": {"recipes": {"scans": {"after": "scans"}}}},
            "train.recipes.scans.after: 'scans'; allowed: a recipe that does not come after this",
        ),
        (  # which scans, its name could not say
            {"train": {"recipes": {"people": {"after": "scans", "kept": None}}}},
            "train.recipes.people.after: 'scans'; allowed: one of stylised people only",
        ),
        (
            {"train": {"recipes": {"scans": {"levels": "people"}}}},
            "train.recipes.scans.levels: people; allowed: scans, as neither this recipe nor what",
        ),
        (
            {"train": {"recipes": {"scans": {"levels": "nobody"}}}},
            "train.recipes.scans.levels: 'nobody'; allowed: people or scans",
        ),
        (
            {"privacy": {"datasets": {"synthetic_chest_ct": {"reader": "open_i"}}}},
            "privacy.datasets.synthetic_chest_ct.reader: 'open_i'; allowed: csv_table or ct_rate",
        ),
        (
            {"privacy": {"datasets": {"synthetic_chest_ct": {"arguments": {"report": 9}}}}},
            "privacy.datasets.synthetic_chest_ct.arguments.report: 'report'; allowed: reports or",
        ),
        (  # or each report would count as a patient
            {
                "privacy": {
                    "study": {"unit": "patient"},
                    "datasets": {
                        "mine": {
                            "reader": "csv_table",
                            "label_set": "ct_rate",
                            "arguments": {"path": "mine.csv"},
                        }
                    },
                }
            },
            "privacy.datasets.mine.arguments: lack patient_column, and the unit of privacy is",
        ),
        (
            {"privacy": {"sweeps": {"grid": {"models": ["bert"]}}}},
            "privacy.sweeps.grid.models.0: 'bert'; allowed: names under privacy.models",
        ),
        (
            {"privacy": {"budgets": [0]}},
            "privacy.budgets.0: 0; allowed: ",
        ),
        *[
            ({"privacy": {"budgets": [odd]}}, f"privacy.budgets.0: {odd}; allowed: a number from")
            for odd in (1e-5, 1_000_000, float("inf"))
        ],
        (  # or a model trained on private data without noise would count as epsilon 0
            {"privacy": {"methods": {"public": {"trains": "head", "steps": 5}}}},
            "privacy.methods.public.trains: 'head'; allowed: nothing",
        ),
        (
            {"privacy": {"methods": {"lora": {"trains": "full"}}}},
            "privacy.methods.lora.trains: 'full'; allowed: lora",
        ),
        (
            {"privacy": {"methods": {"full": {"trains": "lora"}}}},
            "privacy.methods.full.trains: 'lora'; allowed: full",
        ),
        (
            {"privacy": {"methods": {"bag_of_words": {"trains": "lora"}}}},
            "privacy.methods.bag_of_words.trains: 'lora'; allowed: head",
        ),
        *[
            (
                {"privacy": {"methods": {"private": [PRIVATE | {"trains": trains}]}}},
                f"privacy.methods.private.0.trains: '{trains}'; allowed: head or lora",
            )
            for trains in ("nothing", "full")
        ],
        (
            {"privacy": {"methods": {"private": [PRIVATE | {"first": {"trains": "head"}}]}}},
            "privacy.methods.private.0.first: unknown; known: up_to, trains,",
        ),
        (
            {"privacy": {"methods": {"full": {"first": {"trains": "lora"}}}}},
            "privacy.methods.full.first.trains: 'lora'; allowed: head",
        ),
        (
            {"privacy": {"methods": {"lora": {"directions": 256}}}},
            "privacy.methods.lora.first.directions: 384; allowed: 256, as of the method that goes",
        ),
        (
            {"privacy": {"methods": {"full": {"gain": 0.5}}}},
            "privacy.methods.full.first.gain: 1.0; allowed: 0.5, as of the method that goes",
        ),
        *[
            (
                {"privacy": {"methods": {"private": [PRIVATE, PRIVATE | {"up_to": up_to}]}}},
                f"privacy.methods.private.1.up_to: {up_to}; allowed: over 1000, that of the row",
            )
            for up_to in (600, 1000)
        ],
        *[
            (
                {"privacy": {"study": {"shares": shares}}},
                f"privacy.study.shares: {shares}; allowed: three that add up to 1, training and",
            )
            for shares in ([0.8, 0.1, 0.2], [0, 0.5, 0.5], [0.9, 0.1, 0])
        ],
        (
            {"privacy": {"datasets": {"shuffled_chest_xray": {"study": {"shares": [1, 0, 0]}}}}},
            "privacy.datasets.shuffled_chest_xray.study.shares: [1, 0, 0]; allowed: three that",
        ),
        (
            {"train": {"people": {"first": 7}}},
            "train.people.first: 7; allowed: ",
        ),
        (
            {"merge": {"precedence": [*MODELS, "vesels"]}},
            "merge.precedence.4: 'vesels'; allowed: names under segment.models, structures of",
        ),
        (
            {"merge": {"precedence": ["skeleton", ["abdomen", "torso", "livr"], "body"]}},
            "merge.precedence.1.2: 'livr'; allowed: names under segment.models, structures of",
        ),
        (
            {"merge": {"precedence": ["skeleton", ["abdomen", "torso"], "body", "torso"]}},
            "merge.precedence: 'torso' is there more than once",
        ),
        ({"merge": {"precedence": [["abdomen", "body"], "torso"]}}, "lacks the model 'skeleton'"),
        ({"library": {"volumes": {"liver": ["livr"]}}}, "library.volumes.liver.0: 'livr'"),
        (
            {"gan": {"judging": {"flat": ["livr"]}}},
            "gan.judging.flat.0: 'livr'; allowed: a class of",
        ),
        (
            {"gan": {"contests": {"default": {"dataset": "ct_patients"}}}},
            "gan.contests.default.dataset: 'ct_patients'; allowed: names under gan.datasets that "
            "have a part train",
        ),
        (
            {"gan": {"datasets": {"ct_patients": {"patients": {"test": None}}}}},
            "gan.contests.benchmark.judged_on.2: 'ct_patients'; allowed: names under gan.datasets "
            "that have a part test",
        ),
        (  # um given as mm leave no quanta
            {"simulate": {"protocols": {"body_120kv": {"tube": {"filtration_mm": {"Cu": 200}}}}}},
            "body_120kv.tube.filtration_mm.Cu: 200; allowed: ",
        ),
        (  # lp/mm given as lp/cm
            {
                "simulate": {
                    "protocols": {
                        "body_120kv": {
                            "reconstruction": {"kernels": {"soft": {"cutoff_lp_per_cm": 0.33}}}
                        }
                    }
                }
            },
            "kernels.soft.cutoff_lp_per_cm: 0.33; allowed: ",
        ),
        (
            {"simulate": {"protocols": {"body_120kv": {"scanner": {"column_mm": 1.25}}}}},
            "body_120kv.reconstruction.kernels.sharp.cutoff_lp_per_cm: 5; allowed: up to 4",
        ),
        (
            {"ingest": {"spacing_mm": 12}},
            "body_120kv.reconstruction.slice_mm: phantom, and ingest.spacing_mm is 12; allowed: up",
        ),
        (
            {"library": {"pictures": {"window_hu": [240, -160]}}},
            "library.pictures.window_hu: [240, -160]; allowed: black, then",
        ),
        (
            {"train": {"cases": {1001: {"labels": "a.nii.gz"}}}},
            "train.cases.1001: a key is a text; put it in quotes",
        ),
        (
            {"privacy": {"methods": {"private": [{"trains": "lora", "steps": 10, "clip": 0.1}]}}},
            "privacy.methods.private.0.up_to: missing; needed",
        ),
        (
            {"qc": {"checks": {"volume": {"warn_spreads": 6}}}},
            "qc.checks.volume.fail_spreads: 4.5; allowed: from warn_spreads on, 6",
        ),
        (
            {"qc": {"checks": {"clustering": {"fail_tail": 0.05}}}},
            "qc.checks.clustering.warn_tail: 0.01; allowed: from fail_tail on, 0.05",
        ),
        ({"phantom": {"voxel_formats": ["dicom"]}}, "'dicom'; allowed: nifti or xcist"),
        ({"phantom": {"mesh_formats": ["obj"]}}, "phantom.mesh_formats.0: 'obj'"),
        ({"phantom": {"voxel_formats": []}}, "phantom.voxel_formats: []"),
        ({"phantom": {"mesh_formats": []}}, "phantom.mesh_formats: []"),
    ],
)
def test_a_name_that_means_nothing_is_told_before_anything_runs(sections, message, monkeypatch):
    monkeypatch.chdir(ROOT)
    with pytest.raises(ValueError) as fault:
        resolve(changed(**sections), [ROOT / "config.yaml"])
    assert message in str(fault.value)
    assert str(fault.value).count("\n") == 1


def test_recipes_that_come_after_each_other_are_told_wherever_the_circle_can_be_cut(monkeypatch):
    monkeypatch.chdir(ROOT)
    circle = {"scans": {"after": "shipped"}, "shipped": {"after": "scans"}}
    with pytest.raises(
        ValueError, match=r"recipes\.shipped\.after: 'scans'; allowed: a recipe"
    ) as f:
        resolve(changed(train={"recipes": circle}), [ROOT / "config.yaml"])
    assert "recipes.scans.after: 'shipped'; allowed: a recipe that does not" in str(f.value)


def test_a_fifth_model_is_a_row_and_a_rank(monkeypatch):
    monkeypatch.chdir(ROOT)
    ranks = {"precedence": ["vessels", "spinal_cord", *MODELS]}
    resolve(changed(segment={"models": {"vessels": ROW}}, merge=ranks), [ROOT / "config.yaml"])


def test_a_checkout_that_moves_reruns_nothing_in_a_library_outside(tmp_path):
    """Weights and reference population lie in it, scans do not; the scripts only leave files."""
    (tmp_path / "old").mkdir()
    checkout = house.build(tmp_path / "old")
    for script in (checkout / "scripts").glob("*.py"):
        script.write_text("for name in snakemake.output:\n    open(name, 'w').close()\n")
    (checkout / "cohort").rename(tmp_path / "data")
    (tmp_path / "data/cases.tsv").write_text("case\tpath\nann\tann.nii.gz\n")
    (tmp_path / "my.yaml").write_text("cohort: {cases: data/cases.tsv}\n")
    (tmp_path / "library").mkdir()

    def judge():
        arguments = ["--snakefile", checkout / "Snakefile", "--directory", "library"]
        return house.run(tmp_path, *arguments, "--configfile", "my.yaml", "--", "judged")

    assert judge().keys() >= {"segment", "qc"}
    checkout = checkout.rename(tmp_path / "new")
    assert judge() == {}


SNAKEFILE = """
import sys
sys.path.insert(0, "{root}/workflow")
from phantomloom.config import resolve
configfile: f"{{workflow.basedir}}/config.yaml"
files = [f"{{workflow.basedir}}/config.yaml", *workflow.overwrite_configfiles]
config = resolve(config, files, {rules})
print(config["cohort"]["cases"], config["ingest"]["spacing_mm"])
rule all:
    output: "unused"
"""


@pytest.mark.parametrize(
    ("arguments", "cases", "spacing"),
    [
        ([], "checkout/sheets/example.tsv", "3.0"),
        (["--configfile", "mine/my.yaml"], "mine/sheets/mine.tsv", "3.0"),
        (["--config", "cohort={cases: a.tsv}", "ingest={spacing_mm: 2}"], "library/a.tsv", "2"),
    ],
)
def test_snakemake_hands_over_what_each_way_of_naming_it_means(files, arguments, cases, spacing):
    top = files[0].parents[1]
    (top / "checkout/Snakefile").write_text(SNAKEFILE.format(root=ROOT, rules=RULES))
    shipped = {"cohort": {"cases": "sheets/example.tsv"}, "ingest": {"spacing_mm": 3.0}}
    (top / "checkout/config.yaml").write_text(yaml.safe_dump(shipped))
    command = [sys.executable, "-m", "snakemake", "--snakefile", "checkout/Snakefile"]
    command += ["--directory", "library", "--list", *arguments]
    done = subprocess.run(command, cwd=top, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    path, found = done.stdout.splitlines()[0].split()
    assert (top / "library" / path).resolve() == (top / cases).resolve()
    assert found == spacing
