GAN = config["gan"]
CONTESTS = GAN["contests"]
GENERATOR = "results/gan/{contest}/{variant}/seed-{seed}"
PARTS_OF_PAIRS = ["about.json", "rows.parquet", "masks.npy", "images.npy"]


def arguments_of(dataset):
    """What a data set's reader is given."""
    return GAN["datasets"][dataset].get("arguments", {})


def folder_of(dataset):
    """What a rule takes as a param of the folder that a data set lies in, if it lies in one."""
    path = arguments_of(dataset).get("folder") or arguments_of(dataset).get("root")
    return tree_digest(Path(path)) if path else ""


def variant_module(w):
    """The module of a variant."""
    return f"phantomloom.gan.variants.{w.variant}"


@cache
def patients_of(dataset):
    """The parts of CT slices, by part: files of stylised people, and whose cases of the sheet.

    How they are cut, and that nobody is in two parts, is checked here: before anybody is drawn or
    segmented.
    """
    found, part_of = [], {}
    if "patients" in GAN["datasets"][dataset]:
        from phantomloom.gan.data import ct_slices  # takes a second, so here alone

        try:
            ct_slices.check(ct_slices.Cut(**arguments_of(dataset)))
        except (KeyError, TypeError, ValueError) as fault:
            raise ValueError(f"gan.datasets.{dataset}.arguments: {fault}") from fault
    for part, asked in GAN["datasets"][dataset].get("patients", {}).items():
        people, cases, told = (
            asked.get("people"),
            asked.get("cases", []),
            asked.get("whose", {}),
        )
        if strange := sorted(set(told) - set(cases)):
            raise ValueError(
                f"gan.datasets.{dataset}.patients.{part}.whose: {strange[0]} is none of its cases"
            )
        files = files_of_people(**people) if people else []
        drawn = names_of_people(**people) if people else []
        persons = {case: whose(case, told.get(case)) for case in cases}
        for person in [*drawn, *persons.values()]:
            if (other := part_of.setdefault(person, part)) != part:
                raise ValueError(
                    f"gan.datasets.{dataset}.patients: {person} is in {other} and in {part}"
                )
        found.append({"part": part, "people": files, "cases": persons})
    return found


def names_of_people(first, count, family="standard"):
    """What data sets call stylised people."""
    return [f"{family}-{number}" for number in range(first, first + count)]


def whose(case, told):
    """Whose scan a case is: by its number, by what is told here or under train, else its own."""
    if person := stylised(case):
        return names_of_people(person.number, 1, person.family)[0]
    return told or (patient_of(case) if case in TAUGHT else case)


def of_patients(dataset, pattern):
    """The files of a pattern with {case}, of all cases of the sheet that a data set takes."""
    cases = [case for part in patients_of(dataset) for case in part["cases"]]
    return expand(pattern, case=cases)


def people_of(dataset):
    """All files of stylised people that a data set takes."""
    return [file for part in patients_of(dataset) for file in part["people"]]


def judges_of(contest):
    """The data sets that judge a contest; a test part without a share stops it before any is read."""
    for dataset in CONTESTS[contest]["judged_on"]:
        if arguments_of(dataset).get("shares", [1])[-1] == 0:
            raise ValueError(
                f"gan.contests.{contest}.judged_on: {dataset} has no test part; give it a share, "
                f"the last of gan.datasets.{dataset}.arguments.shares"
            )
    return CONTESTS[contest]["judged_on"]


def labels_to_render(w):
    """The label map of a case, for contests whose data set has classes of structures."""
    dataset = CONTESTS[w.contest]["dataset"]
    if (reader := GAN["datasets"][dataset]["reader"]) != "ct_slices":
        raise ValueError(
            f"gan.contests.{w.contest}.dataset: {dataset} has the reader {reader}; cases are "
            "rendered by generators that learnt from ct_slices, "
            "scripts/draw_masks.py draws any folder of masks"
        )
    return f"results/merge/{w.case}/labels.nii.gz"


def pairs_of(dataset):
    """The files of a data set of images with masks."""
    return expand(
        "results/gan/pairs/{dataset}/{part}", dataset=dataset, part=PARTS_OF_PAIRS
    )


def settings_of(w):
    """What differs from a variant's DEFAULTS."""
    its = CONTESTS[w.contest]
    if w.variant not in its["variants"]:
        raise ValueError(
            f"gan.contests.{w.contest}.variants lacks {w.variant}, of which a file is wanted; "
            f"it has {', '.join(its['variants'])}"
        )
    return its["variants"][w.variant] | {"images": its["images"], "seed": int(w.seed)}


def of_contest(contest, file, variants=None, **wildcards):
    """A file of each run of a contest, or of its runs of some variants."""
    its = CONTESTS[contest]
    return expand(
        f"{GENERATOR}/{file}",
        contest=contest,
        variant=variants or list(its["variants"]),
        seed=range(1, its["seeds"] + 1),
        **wildcards,
    )
