"""Conditional generators: pictures made from label masks, and how good they are."""
