"""Feeds: their parsers, and what belongs to finding and listing them."""
