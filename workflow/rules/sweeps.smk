from phantomloom.cases import tree_digest
from phantomloom.privacy.fitting import check_methods, check_public
from phantomloom.privacy.levels import named
from phantomloom.privacy.sources import folder

PRIVACY = config["privacy"]
DATASETS, NETWORKS = PRIVACY["datasets"], PRIVACY["models"]
WORDS = (
    "bag_of_words"  # the baseline that counts words; it has private levels of its own
)
BUDGETS = [*map(named, PRIVACY["budgets"])]
RUN = "results/privacy/runs/{dataset}/{model}/{level}/seed-{seed}"
PARTS_OF_A_MODEL = [
    "encoder.safetensors",
    "head.safetensors",
    "directions.safetensors",
    "head.json",
]


def table_of(dataset):
    """The file that a data set is read from, in a list, so that it is missed; no folder."""
    path = DATASETS[dataset]["arguments"].get("path")
    return [path] if path and not Path(path).is_dir() else []


def folder_digest(dataset):
    """What a rule takes as a param of the file or folder that a data set lies in."""
    path = DATASETS[dataset]["arguments"].get("path")
    return tree_digest(Path(path)) if path else ""


def study_of(dataset):
    """What is asked of a data set: the study of all, less what its own row says otherwise."""
    return PRIVACY["study"] | DATASETS[dataset].get("study", {})


def weights_of(network):
    """The folder with the published weights of a language model."""
    its = NETWORKS[network]
    return folder(network, {network: its["folder"]} if "folder" in its else {})


def public_settings(network):
    """How a language model is taught by public reports."""
    settings = PRIVACY["public"] | NETWORKS[network].get("public", {})
    check_public(weights_of(network), network, settings)
    return settings


def public_of(w):
    """The public model for the labels of a data set, and for what uncertain ones count as."""
    return expand(
        "results/privacy/public/{label_set}/{uncertain}/{network}/{part}",
        label_set=DATASETS[w.dataset]["label_set"],
        uncertain=study_of(w.dataset)["uncertain"],
        network=w.network,
        part=PARTS_OF_A_MODEL,
    )


def methods(model, level):
    """How a level of a model may be trained; a budget by the first row made for so many units."""
    key = level if level not in BUDGETS else "private"
    its = PRIVACY["methods"][key]
    its = PRIVACY["methods"][WORDS] if model == WORDS and level in BUDGETS else its
    adapter = PRIVACY["lora"] | NETWORKS.get(model, {}).get("lora", {})
    rows = [
        row | ({"adapter": adapter} if row["trains"] == "lora" else {})
        for row in (its if isinstance(its, list) else [its])
    ]
    if model in NETWORKS:
        check_methods(weights_of(model), model, key, rows)
    return rows


def epsilon(level):
    """What a level may spend; nothing is said where it is not private."""
    return float(level) if level in BUDGETS else None


def runs(sweep):
    """The runs of a sweep: data set, model, level and seed of each."""
    its = PRIVACY["sweeps"][sweep]
    levels = {"rules": ["public"], WORDS: ["public", *BUDGETS, "full"]}
    levels |= {model: ["public", *BUDGETS, *its["ends"]] for model in its["models"]}
    return [
        {"dataset": dataset, "model": model, "level": level, "seed": seed}
        for dataset in its["datasets"]
        for model in levels
        for level in levels[model]
        for seed in range(1, its["seeds"] + 1)
    ]


def of_runs(sweep, file):
    """A file of each run of a sweep."""
    return [f"{RUN}/{file}".format(**run) for run in runs(sweep)]
