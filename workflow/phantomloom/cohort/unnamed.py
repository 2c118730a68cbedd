"""What the table of structures calls "body" and a CT tells apart: ids of their own while painting.

Labels that are handed out have no such ids.
"""

import numpy as np

from phantomloom.structures import label

UNNAMED = {"cerebrospinal_fluid": 250, "limb_artery": 251, "leg_vein": 252, "neck_vein": 253}


def painted_id(name: str) -> int:
    """Return the id that a structure, or one of UNNAMED, is painted with."""
    return UNNAMED.get(name) or label(name)


def named(painted: np.ndarray) -> np.ndarray:
    """Return ids of the table for those of a painting, uint8 of any shape."""
    ids = np.arange(256, dtype=np.uint8)
    ids[list(UNNAMED.values())] = label("body")
    return ids[painted]
