"""Mesh formats. Each module has ``write(meshes, folder)`` and ``read(folder)``, both by name.

Meshes given and returned are in mm, LPS, by structure name; what a file holds is its format's.
"""
