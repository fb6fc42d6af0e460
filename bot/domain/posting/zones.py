"""Time zones as people write them: a city, an abbreviation, an offset. Pure; the names of all zones are given."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice

from bot.i18n import mark, tr

Zones = Mapping[str, str]  # the name as it is compared -> the proper name

# Read as the zone of a city that keeps summer time: the standard abbreviation is used all year in speech, while
# the IANA zone of that name (where there is one) has no summer time. The offset and other zones may be meant.
_ABBREVIATIONS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "est": ("America/New_York", ("UTC-5", "Australia/Sydney")),
    "cst": ("America/Chicago", ("UTC-6", "Asia/Shanghai")),
    "mst": ("America/Denver", ("UTC-7",)),
    "pst": ("America/Los_Angeles", ("UTC-8", "Asia/Manila")),
    "akst": ("America/Anchorage", ("UTC-9",)),
    "ast": ("America/Halifax", ("UTC-4", "Asia/Riyadh")),
    "nst": ("America/St_Johns", ()),
    "bst": ("Europe/London", ("UTC+1", "Asia/Dhaka")),
    "ist": ("Asia/Kolkata", ("Europe/Dublin", "Asia/Jerusalem")),
    "aest": ("Australia/Sydney", ("UTC+10",)),
    "acst": ("Australia/Adelaide", ("Australia/Darwin",)),
    "nzst": ("Pacific/Auckland", ("UTC+12",)),
    "clt": ("America/Santiago", ("UTC-4",)),
    "gst": ("Asia/Dubai", ()),
}
# These mean one zone, with its summer time where it has one.
_PLAIN: Mapping[str, str] = {
    "et": "America/New_York", "edt": "America/New_York", "eastern": "America/New_York",
    "ct": "America/Chicago", "cdt": "America/Chicago", "central": "America/Chicago",
    "mt": "America/Denver", "mdt": "America/Denver", "mountain": "America/Denver",
    "pt": "America/Los_Angeles", "pdt": "America/Los_Angeles", "pacific": "America/Los_Angeles",
    "akdt": "America/Anchorage", "adt": "America/Halifax", "ndt": "America/St_Johns",
    "hst": "Pacific/Honolulu", "hdt": "Pacific/Honolulu", "hawaii": "Pacific/Honolulu",
    "brt": "America/Sao_Paulo", "art": "America/Argentina/Buenos_Aires", "pet": "America/Lima",
    "cet": "Europe/Berlin", "cest": "Europe/Berlin", "met": "Europe/Berlin", "mez": "Europe/Berlin",
    "mesz": "Europe/Berlin", "wet": "Europe/Lisbon", "west": "Europe/Lisbon", "eet": "Europe/Athens",
    "eest": "Europe/Athens", "central_european": "Europe/Berlin", "eastern_european": "Europe/Athens", "msk": "Europe/Moscow", "trt": "Europe/Istanbul",
    "sast": "Africa/Johannesburg", "cat": "Africa/Maputo", "eat": "Africa/Nairobi", "wat": "Africa/Lagos",
    "pkt": "Asia/Karachi", "ict": "Asia/Bangkok", "wib": "Asia/Jakarta", "sgt": "Asia/Singapore",
    "hkt": "Asia/Hong_Kong", "pht": "Asia/Manila", "jst": "Asia/Tokyo", "kst": "Asia/Seoul",
    "awst": "Australia/Perth", "aedt": "Australia/Sydney", "acdt": "Australia/Adelaide",
    "nzdt": "Pacific/Auckland", "z": "UTC",
    # Cities and countries that name no zone of their own.
    "beijing": "Asia/Shanghai", "china": "Asia/Shanghai", "mumbai": "Asia/Kolkata", "delhi": "Asia/Kolkata",
    "new_delhi": "Asia/Kolkata", "bangalore": "Asia/Kolkata", "india": "Asia/Kolkata", "osaka": "Asia/Tokyo",
    "munich": "Europe/Berlin", "hamburg": "Europe/Berlin", "frankfurt": "Europe/Berlin",
    "cologne": "Europe/Berlin", "germany": "Europe/Berlin", "france": "Europe/Paris", "italy": "Europe/Rome",
    "milan": "Europe/Rome", "spain": "Europe/Madrid", "barcelona": "Europe/Madrid", "uk": "Europe/London",
    "england": "Europe/London", "scotland": "Europe/London", "edinburgh": "Europe/London",
    "manchester": "Europe/London", "ireland": "Europe/Dublin", "netherlands": "Europe/Amsterdam",
    "the_hague": "Europe/Amsterdam", "belgium": "Europe/Brussels", "austria": "Europe/Vienna",
    "switzerland": "Europe/Zurich", "geneva": "Europe/Zurich", "sweden": "Europe/Stockholm",
    "norway": "Europe/Oslo", "denmark": "Europe/Copenhagen", "finland": "Europe/Helsinki",
    "greece": "Europe/Athens", "ukraine": "Europe/Kyiv", "czechia": "Europe/Prague",
    "hungary": "Europe/Budapest", "romania": "Europe/Bucharest", "south_korea": "Asia/Seoul",
    "korea": "Asia/Seoul", "vietnam": "Asia/Ho_Chi_Minh", "hanoi": "Asia/Ho_Chi_Minh",
    "thailand": "Asia/Bangkok", "philippines": "Asia/Manila", "pakistan": "Asia/Karachi",
    "south_africa": "Africa/Johannesburg", "cape_town": "Africa/Johannesburg", "nigeria": "Africa/Lagos",
    "kenya": "Africa/Nairobi", "argentina": "America/Argentina/Buenos_Aires", "canberra": "Australia/Sydney",
    "new_zealand": "Pacific/Auckland", "wellington": "Pacific/Auckland", "nyc": "America/New_York",
    "washington": "America/New_York", "boston": "America/New_York", "miami": "America/New_York",
    "atlanta": "America/New_York", "philadelphia": "America/New_York", "houston": "America/Chicago",
    "dallas": "America/Chicago", "austin": "America/Chicago", "la": "America/Los_Angeles",
    "san_francisco": "America/Los_Angeles", "seattle": "America/Los_Angeles", "las_vegas": "America/Los_Angeles",
    "montreal": "America/Toronto", "ottawa": "America/Toronto", "rio_de_janeiro": "America/Sao_Paulo",
}  # fmt: skip
# Zones of a broken number of hours that have no summer time.
_BROKEN: Mapping[int, str] = {
    -570: "Pacific/Marquesas", 210: "Asia/Tehran", 270: "Asia/Kabul", 330: "Asia/Kolkata",
    345: "Asia/Kathmandu", 390: "Asia/Yangon", 525: "Australia/Eucla", 570: "Australia/Darwin",
}  # fmt: skip
_MOST_EAST, _MOST_WEST = 14, 12  # hours: how far Etc/GMT goes
_OFFSET = re.compile(r"(?:utc|gmt|z)?_?([+-])_?(\d{1,2})(?::?(\d{2}))?(?:_?h(?:ours?)?)?")
_PHRASE = re.compile(r"_(?:standard_|daylight_|summer_)?time$")
_STEADY = frozenset({"Asia/Kolkata", "Asia/Dubai"})  # of those above: they keep no summer time
_STAYS = mark(
    "This time zone has no summer time (daylight saving). "
    "If your clocks change in summer, choose a city such as Europe/London."
)
_MINUS = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2212", "-"))
_ETC = re.compile(r"Etc/GMT([+-])(\d{1,2})")


@dataclass(frozen=True, slots=True)
class Reading:
    """The zone that was meant; a note where that is a guess or has a catch, and what may be meant instead."""

    zone: str
    note: str = ""
    others: tuple[str, ...] = ()


def folded(text: str) -> str:
    """A name as it is compared: without accents, in lower case, words joined by `_`."""
    apart = unicodedata.normalize("NFKD", text.translate(_MINUS))
    plain = "".join(c for c in apart if not unicodedata.combining(c))
    return re.sub(r"_*/_*", "/", "_".join(plain.casefold().split()))


def index(names: Iterable[str]) -> Zones:
    """All zones by their compared names, those of cities first."""
    ordered = sorted(names, key=lambda name: ("/" not in name, name))
    return {folded(name): name for name in ordered}


def read(text: str, zones: Zones) -> Reading | None:
    """What somebody means by a zone; None where it is none."""
    typed = folded(text)
    typed = _PHRASE.sub("", typed) or typed
    if ambiguous := _ABBREVIATIONS.get(typed):
        zone, others = ambiguous
        message = (
            mark("{name} is read as {zone}.")
            if zone in _STEADY
            else mark("{name} is read as {zone}, which has summer time (daylight saving).")
        )
        return Reading(zone, tr(message, name=text.strip().upper(), zone=zone), others)
    if zone_name := _PLAIN.get(typed):
        return Reading(zone_name)
    if (offset := _OFFSET.fullmatch(typed)) is not None:
        return _fixed(offset)
    if typed in zones:
        name = zones[typed]
        stays = typed.startswith(("gmt", "greenwich")) or _ETC.fullmatch(name)
        return Reading(name, tr(_STAYS) if stays else "")
    city = [name for key, name in zones.items() if key.rpartition("/")[2] == typed and "/" in key]
    return Reading(city[0]) if city else None


def _fixed(offset: re.Match[str]) -> Reading | None:
    hours, minutes = int(offset[2]), int(offset[3] or 0)
    total = (hours * 60 + minutes) * (-1 if offset[1] == "-" else 1)
    if minutes:
        zone = _BROKEN.get(total)
        return Reading(zone, tr("Read as {zone}.", zone=zone)) if zone is not None else None
    if not -_MOST_WEST <= total // 60 <= _MOST_EAST:
        return None
    if not hours:
        return Reading("UTC", tr(_STAYS))
    # In these names the signs are the other way round: https://data.iana.org/time-zones/tzdb/etcetera
    return Reading(f"Etc/GMT{'-' if total > 0 else '+'}{hours}", tr(_STAYS))


def shown(zone: str) -> str:
    """A zone as people read it: `UTC+2` for `Etc/GMT-2`."""
    match = _ETC.fullmatch(zone)
    return f"UTC{'-' if match[1] == '+' else '+'}{match[2]}" if match else zone


def suggest(text: str, zones: Zones, limit: int = 25) -> list[str]:
    """Zones for what somebody has typed so far: what it means, then those with it in their names, cities first."""
    typed = folded(text)
    reading = read(text, zones) if typed else None
    first = [shown(reading.zone), *reading.others] if reading else []
    inside = (name for key, name in zones.items() if typed in key and not name.startswith("Etc/"))
    return list(islice(dict.fromkeys([*first, *inside]), limit))
