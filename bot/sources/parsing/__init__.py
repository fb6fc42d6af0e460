"""Parsers of what anybody may have sent, run in processes that can be ended."""
