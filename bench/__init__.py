"""Measurements of speed, memory and disk: `python -m bench`. Never part of the tests."""
