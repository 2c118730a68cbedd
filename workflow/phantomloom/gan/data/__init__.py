"""Readers of image and mask pairs, one source a module."""
