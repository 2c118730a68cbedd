from contextlib import suppress
from functools import cache

from snakemake.exceptions import InputFunctionException
from snakemake.iocontainers import Wildcards
from snakemake.output_index import OutputIndex

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


def person_of(case):
    """The stylised person that the sheet asks for as a case."""
    if not stylised(case):
        raise ValueError(
            f"case {case} of {config['cohort']['cases']} is a scan, and a target asks for its "
            "stylised person; ask for stylised:NUMBER there, or leave that target out"
        )
    return stylised(case)


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


def and_what_they_lack(*targets):
    """The targets of a target rule, and what is missing that they were made of.

    A job that crashed or was killed leaves its output missing. Snakemake makes it again only for
    a job that is due itself: with what was made of the older output it would be content.
    """
    makers, seen, lacking = OutputIndex(list(workflow.rules)), set(), [*targets]
    ahead = [(target, False) for target in targets]
    while ahead:
        file, was_used = ahead.pop()
        for maker in makers.match_producers(file):
            is_there = Path(file).exists()
            if was_used and not is_there:
                lacking.append(file)
            if file not in seen:
                seen.add(file)
                wildcards = Wildcards(fromdict=maker.get_wildcards(file))
                # what an input function has to complain of, it does when it is asked for real
                with suppress(InputFunctionException):
                    inputs, *_ = maker.expand_input(wildcards)
                    ahead += [(given, is_there) for given in inputs]
    return lacking
