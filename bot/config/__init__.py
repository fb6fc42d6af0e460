"""Settings: `models` defines them, `loading` reads them from a file and the environment."""

from bot.config.loading import load, parse
from bot.config.models import Config, FeedSettings, FolderSettings, GitSettings

__all__ = ["Config", "FeedSettings", "FolderSettings", "GitSettings", "load", "parse"]
