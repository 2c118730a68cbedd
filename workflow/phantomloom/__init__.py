"""From clinical CT to simulation-ready phantoms: functions on values, no paths of a library."""

__version__ = "0.1.0"
