"""The process that others are forked from imports this last: it does here what each of them would do anew when it starts."""

from __future__ import annotations

import gc

from bot.domain.text.language import detect
from bot.i18n import LANGUAGES, load_catalogues
from bot.messages.languages import language_name

load_catalogues()
detect("Loads the model that tells languages apart")
for language in LANGUAGES:
    language_name(language, language)
# To look through it all for garbage would copy the memory that the processes share.
gc.collect()
gc.freeze()
