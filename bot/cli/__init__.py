"""The command line: a module for each family of commands."""

from pathlib import Path

CONFIG = Path("config.yaml")  # the configuration that is used if none is named; it may be missing
