"""Time zones by their names in dates."""

from __future__ import annotations

import re
from datetime import timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

# Hours east of Greenwich by what an abbreviation most often means. One that means different hours in different
# countries, and none of them mostly, is left out (AMT, ACT ...): a reader is told that it is unknown.
_HOURS: dict[str, float] = {
    **dict.fromkeys(["GMT", "UT", "UTC", "UCT", "Z", "WET", "AZOST", "EGST"], 0),
    **dict.fromkeys(["BST", "CET", "MEZ", "MET", "WEST", "WAT"], 1),
    **dict.fromkeys(["CEST", "MESZ", "MEST", "EET", "OEZ", "SAST", "CAT"], 2),
    **dict.fromkeys(["EEST", "OESZ", "MSK", "IDT", "EAT", "TRT"], 3),
    **dict.fromkeys(["IRST"], 3.5),
    **dict.fromkeys(["MSD", "GST", "SAMT", "AZT", "GET", "MUT", "RET"], 4),
    **dict.fromkeys(["AFT", "IRDT"], 4.5),
    **dict.fromkeys(["PKT", "UZT", "TMT", "TJT", "YEKT", "MVT"], 5),
    **dict.fromkeys(["IST", "SLST"], 5.5),
    **dict.fromkeys(["NPT"], 5.75),
    **dict.fromkeys(["BTT", "OMST", "KGT"], 6),
    **dict.fromkeys(["MMT"], 6.5),
    **dict.fromkeys(["WIB", "ICT", "KRAT", "NOVT", "HOVT"], 7),
    **dict.fromkeys(["WITA", "SGT", "MYT", "HKT", "PHT", "AWST", "IRKT", "ULAT"], 8),
    **dict.fromkeys(["WIT", "JST", "KST", "YAKT"], 9),
    **dict.fromkeys(["ACST"], 9.5),
    **dict.fromkeys(["AEST", "CHST", "VLAT", "PGT"], 10),
    **dict.fromkeys(["ACDT", "LHST"], 10.5),
    **dict.fromkeys(["AEDT", "LHDT", "MAGT", "SAKT", "SBT", "NCT"], 11),
    **dict.fromkeys(["NZST", "FJT", "PETT", "ANAT"], 12),
    **dict.fromkeys(["CHAST"], 12.75),
    **dict.fromkeys(["NZDT", "TOT"], 13),
    **dict.fromkeys(["CHADT"], 13.75),
    **dict.fromkeys(["LINT"], 14),
    **dict.fromkeys(["AZOT", "CVT"], -1),
    **dict.fromkeys(["UYST", "BRST", "FNT"], -2),
    **dict.fromkeys(["NDT"], -2.5),
    **dict.fromkeys(["BRT", "ART", "UYT", "ADT", "HAA", "CLST", "GFT", "SRT"], -3),
    **dict.fromkeys(["NST"], -3.5),
    **dict.fromkeys(["AST", "HNA", "EDT", "HAE", "CLT", "BOT", "VET", "GYT"], -4),
    **dict.fromkeys(["EST", "HNE", "CDT", "HAC", "COT", "PET", "ECT"], -5),
    **dict.fromkeys(["CST", "HNC", "MDT", "HAR", "GALT"], -6),
    **dict.fromkeys(["MST", "HNR", "PDT", "HAP"], -7),
    **dict.fromkeys(["PST", "HNP", "AKDT"], -8),
    **dict.fromkeys(["AKST", "HDT"], -9),
    **dict.fromkeys(["HST", "CKT", "TAHT"], -10),
    **dict.fromkeys(["SST", "NUT"], -11),
}
# Names without a fixed offset: the place decides about daylight saving time.
_PLACES = {
    "ET": "America/New_York",
    "EST5EDT": "America/New_York",
    "CT": "America/Chicago",
    "CST6CDT": "America/Chicago",
    "MT": "America/Denver",
    "MST7MDT": "America/Denver",
    "PT": "America/Los_Angeles",
    "PST8PDT": "America/Los_Angeles",
    "AKT": "America/Anchorage",
    "AET": "Australia/Sydney",
    "NZT": "Pacific/Auckland",
    "UKT": "Europe/London",
}
_PLACE = re.compile(r"[A-Za-z]{2,20}(?:/[A-Za-z_+-]{1,30}[0-9]{0,2}){1,2}")


def zone_of(name: str) -> tzinfo | None:
    """The zone of an abbreviation, or of a name such as `Europe/Berlin`; None if it is unknown."""
    hours = _HOURS.get(name.upper())
    if hours is not None:
        return timezone(timedelta(hours=hours))
    place = _PLACES.get(name.upper(), name)
    if not _PLACE.fullmatch(place):
        return None
    try:
        return ZoneInfo(place)
    except (OSError, ValueError, LookupError):  # a directory, a path that leads out, no such file
        return None
