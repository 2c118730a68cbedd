"""Whether a stylised person whom the config names is one of those that training draws itself."""

from collections.abc import Mapping

PEOPLE_WATCHED = 20  # after those who teach: they choose between settings


def overlap(
    family: str, number: int, taught: bool, people: Mapping[str, int], unseen_people: int
) -> str:
    """Return why a person (``family``, ``number``) cannot be a case of training; "" if it can.

    ``people`` are those who teach (first, count); the first ``unseen_people`` of the family
    held_out judge, so none of them may be ``taught``.
    """
    first, end = people["first"], people["first"] + people["count"] + PEOPLE_WATCHED
    if family == "standard" and first <= number < end:
        return (
            f"stylised person {number} is one of train.people, {first} to {end - 1}, who teach or "
            "choose between settings; ask for another number"
        )
    if family == "held_out" and taught and number < unseen_people:
        return (
            f"stylised person held_out/{number} is one of train.unseen_people, on whom networks "
            f"are scored; ask for a number from {unseen_people} on"
        )
    return ""
