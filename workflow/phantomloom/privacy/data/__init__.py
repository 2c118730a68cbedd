"""Where reports come from: a module a source, each with ``read(...) -> Dataset``."""
