"""Runs parsers of untrusted documents in processes that can be killed."""
