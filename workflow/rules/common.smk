from functools import cache

from phantomloom.cases import read_corrections


@cache
def cases():
    """The rows of the case sheet; read when a target needs them, other targets need no sheet."""
    return read_cases(config["cohort"]["cases"])


def stylised(case):
    """What the sheet asks of a stylised person; None where a case is a scan of people."""
    if case not in cases():
        raise ValueError(
            f"{case} is no case of {config['cohort']['cases']}; add it there, or take it out of "
            "what names it: the target, train or gan.datasets"
        )
    return cases()[case].stylised


def of_person(case, file):
    """The file of rule person for a stylised case, in a list; none for a scan of people."""
    return [f"results/person/{case}/{file}"] if stylised(case) else []


def scan_of(case):
    """Where the scan of a case lies or will lie."""
    return Path(*of_person(case, "ct.nii.gz") or [cases()[case].path])


def truth(w):
    """The labels of a stylised person, if a model shall take them; in a list, else none."""
    if config["segment"]["models"][w.model].get("labels") != "person":
        return []
    return labels_of_person(w.case, f"segment.models.{w.model}.labels")


def labels_of_person(case, key):
    """The labels of a stylised person, for which a key of the config asks, in a list."""
    if not stylised(case):
        raise ValueError(
            f"{key} is person, but case {case} of the sheet is a scan; ask for "
            "stylised:NUMBER there, or name the labels by their path"
        )
    return of_person(case, "labels.nii.gz")


@cache
def reviews():
    """What people answered to the verdicts."""
    return read_reviews(config["cohort"]["cases"])


@cache
def corrections():
    """The label maps that people put beside the sheet."""
    return read_corrections(config["cohort"]["cases"])


def say_what_became_of_the_cases(crashed):
    """Print the last word of a run that made the library, or of one about cases that crashed."""
    due = {file for job in workflow.dag.jobs for file in job.output}
    if cases.cache_info().currsize and (crashed or "results/library/index.html" in due):
        models, protocols = config["segment"]["models"], config["simulate"]["protocols"]
        print(terminal_table(Path("results"), cases(), models, protocols, due))


def of_library(pattern):
    """The files of all cases if the reference population shall come from them, else none."""
    return lambda w: (
        expand(pattern, case=cases())
        if config["qc"]["population"]["source"] == "cases"
        else []
    )
