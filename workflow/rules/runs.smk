from hashlib import sha256

from phantomloom.segmentation.training.kept import check_kept
from phantomloom.segmentation.training.overlap import PEOPLE_WATCHED
from phantomloom.structures import MODELS as SHIPPED, structures
from phantomloom.training_settings import knows_people

TRAIN = config["train"]
RECIPES, TAUGHT, REFERENCES = TRAIN["recipes"], TRAIN["cases"], TRAIN["references"]
PEOPLE_IN_A_FILE = 20
FILE_OF_PEOPLE = "results/people/{family}-{file}.safetensors"
PARTS_OF_A_BUNDLE = [
    "models/model.safetensors",
    "configs/metadata.json",
    "configs/inference.json",
]


def files_of_people(first, count, family="standard"):
    """The files that hold so many stylised people."""
    start = first // PEOPLE_IN_A_FILE
    files = range(start, start + count // PEOPLE_IN_A_FILE)
    return expand(FILE_OF_PEOPLE, family=family, file=files)


WATCHED = files_of_people(
    TRAIN["people"]["first"] + TRAIN["people"]["count"], PEOPLE_WATCHED
)

ON_DEVICE = {  # named for their `input`, so not compared: they decide where a job runs
    "device": lambda w, input: config["segment"]["device"],
    "gpu_memory_mb": lambda w, input: config["segment"]["gpu_memory_mb"],
}


FOLDS = 5  # cross-validation: at most so many networks are trained to be scored on cases unseen
GROUPS = {}  # the cases that learn together, by the name that paths have


def group(cases):
    """The name of cases in paths: theirs, or a digest, as a path has no room for many."""
    name = "+".join(cases)
    if len(name) > 100:
        name = f"{len(cases)}_cases_{sha256(name.encode()).hexdigest()[:12]}"
    GROUPS[name] = list(cases)
    return name


def learns_from_scans(recipe):
    """Whether a recipe is not for people only."""
    return bool(set(RECIPES[recipe]["shares"]) - {"stylised"})


def scans_of(recipe, seen):
    """The cases in ``seen`` that a recipe learns from."""
    return GROUPS.get(seen, seen.split("+")) if learns_from_scans(recipe) else []


def lessons(cases):
    """What cases teach: checked, on the networks' grid."""
    return expand("results/lesson/{case}.safetensors", case=cases)


def run_of(recipe, cases):
    """The name of a run: the recipe, and the cases that it learns from."""
    return f"{recipe}/{group(cases) if learns_from_scans(recipe) else 'nobody'}"


KEPT = [name for name, its in RECIPES.items() if "kept" in its]


def settings_of_recipe(recipe):
    """What decides the weights of a recipe, besides the scans and the weights it begins with."""
    its = {k: v for k, v in RECIPES[recipe].items() if k not in ("after", "kept")}
    people = {"people": TRAIN["people"]} if knows_people(recipe, RECIPES) else {}
    return TRAIN["network"] | its | people


def kept_weights(recipe):
    """The weights of a recipe that are kept, checked."""
    path = RECIPES[recipe]["kept"]
    check_kept(Path(path), settings_of_recipe(recipe), f"train.recipes.{recipe}.kept")
    return path


def before(w):
    """Weights of what comes before, if anything does; those kept need no training."""
    its = RECIPES[w.recipe].get("after")
    if its is None:
        return []
    if its in KEPT:
        return [kept_weights(its)]
    run = run_of(its, scans_of(w.recipe, w.seen))
    return [f"results/fit/{run}/weights.safetensors"]


def case_of(name):
    """The case that labels belong to which teach or judge."""
    return (TAUGHT.get(name) or REFERENCES[name]).get("case", name)


def patient_of(name):
    """Whose scan a case is, if any of its rows says; else another patient's than all others."""
    case = case_of(name)
    rows = [
        TAUGHT.get(case, {}),
        *(r for r in REFERENCES.values() if r["case"] == case),
    ]
    return next((row["patient"] for row in rows if "patient" in row), case)


PATIENTS = [*dict.fromkeys(patient_of(case) for case in TAUGHT)]
FOLD = {patient: number % FOLDS for number, patient in enumerate(PATIENTS)}


JUDGED_OR_TAUGHT = [*dict.fromkeys(case_of(name) for name in (*TAUGHT, *REFERENCES))]


def reference(name):
    """The case, path, naming scheme and digest of labels that teach or judge.

    As an ``input:`` a folder of masks is not enough: a mask that is written again goes unseen.
    """
    kind = "cases" if name in TAUGHT else "references"
    given, case = TRAIN[kind][name], case_of(name)
    if given["labels"] == "person":
        (path,) = labels_of_person(case, f"train.{kind}.{name}.labels")
        # no digest: as input Snakemake watches it itself
        return {"case": case, "labels": path, "scheme": "phantomloom", "digest": None}
    there = Path(given["labels"]).exists()  # else Snakemake tells
    digest = content(given["labels"]) if there else None
    return {"scheme": "phantomloom"} | given | {"case": case, "digest": digest}


def shows(name):
    """The structures that labels show wherever the scan does, where config or person tell."""
    its = TAUGHT.get(name) or REFERENCES[name]
    all_there = list(structures()) if its["labels"] == "person" else None
    return its.get("structures", all_there)


def unseen_by(recipe, names=(*TAUGHT, *REFERENCES)):
    """Where a recipe is scored on labels of cases that it has not seen: by cross-validation."""
    fold = {n: FOLD.get(patient_of(n)) for n in (*TAUGHT, *names)}
    others = {n: [c for c in TAUGHT if fold[c] != fold[n]] for n in names}
    runs = {n: run_of(recipe, cases) for n, cases in others.items() if cases}
    return [f"results/score/{run}/{n}.json" for n, run in runs.items()]


def registered():
    """Scores of the labels of one other case, the next of another fold, carried to each case."""
    names, fold = [*TAUGHT, *TAUGHT], {c: FOLD[patient_of(c)] for c in TAUGHT}
    pairs = {
        case: next((c for c in names[place:] if fold[c] != fold[case]), None)
        for place, case in enumerate(TAUGHT)
    }
    return [
        f"results/score/registration/{c}/{case}.json" for case, c in pairs.items() if c
    ]


def of_unseen_people(recipe, cases):
    """Scores of a recipe on stylised people of the family that never teaches."""
    files = files_of_people(0, TRAIN["unseen_people"], "held_out")
    return [
        f"results/score/{run_of(recipe, cases)}/people_{Path(file).stem}.json"
        for file in files
    ]


RUNS = [recipe for recipe in ("people", "shipped") if recipe not in KEPT]
LOGS = [f"results/fit/{run_of(recipe, TAUGHT)}/log.jsonl" for recipe in RUNS]
# every tenth is there as a whole
SHOWN = [100170, 100090, 100190, 100140, 100200, 100150]
SHOWN_FILES = [
    FILE_OF_PEOPLE.format(family="standard", file=number // PEOPLE_IN_A_FILE)
    for number in SHOWN
]
