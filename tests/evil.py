"""A pickle that does more than hold weights."""

from pathlib import Path


class Evil:
    """Touches ``victim`` when unpickled."""

    def __init__(self, victim: Path):
        self.victim = victim

    def __reduce__(self):
        return Path.touch, (self.victim,)
