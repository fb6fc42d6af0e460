"""The starter catalogue: topics and the feeds of well-known outlets, as data."""
