"""File formats: ``voxel/<format>.py`` for label maps, ``mesh/<format>.py`` for surfaces."""
