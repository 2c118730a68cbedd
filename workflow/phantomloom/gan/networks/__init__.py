"""Generators and critics, and the layers that they are made of."""
