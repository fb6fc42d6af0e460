"""Measurements; `python -m benchmarks` prints them. Nothing here is asserted: times depend on the machine."""
