"""Typed access to the fields of an untrusted mapping.

Every error is one line: the field, what was expected, what was found. Values are shortened or left out. A field that
is absent or null has its default; other types are never converted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time

from bot.domain.text.cleaning import repair
from bot.sources.feeds.dates import DateReading, read_date

_SHOWN = 40  # characters of a text within an error
_LARGEST = 1_000_000_000  # fits every database's integer
_YEARS = range(1990, 2101)


class FieldError(ValueError):
    """An invalid field. The message begins with its name."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")


class Fields:
    """The fields of a mapping. For errors, `place` is its position (`related[3].`) and `what` names it at the top level."""

    def __init__(self, value: object, place: str = "", what: str = "record") -> None:
        if not isinstance(value, Mapping):
            raise FieldError(
                place.rstrip(".") or what, f"expected a mapping of fields, got {describe_value(value)}"
            )
        self._mapping = value
        self._place = place

    def name(self, field: str) -> str:
        """The field's full name."""
        return f"{self._place}{field}"

    def error(self, field: str, problem: str) -> FieldError:
        """An error about the field."""
        return FieldError(self.name(field), problem)

    def raw(self, field: str) -> object:
        """The raw value, or None if it is absent."""
        return self._mapping.get(field)

    def text(self, field: str, limit: int) -> str:
        """A repaired text of at most `limit` UTF-16 code units; empty if it is absent."""
        return repair(self.raw_text(field), limit)

    def raw_text(self, field: str) -> str:
        """A text as it is; empty if it is absent."""
        value = self._mapping.get(field)
        return "" if value is None else require_text(value, self.name(field))

    def whole_number(self, field: str, default: int = 0) -> int:
        """A whole number of at most a billion."""
        value = self._mapping.get(field)
        if value is None:
            return default
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.error(field, f"expected a whole number, got {describe_value(value)}")
        if abs(value) > _LARGEST:
            raise self.error(field, "expected a smaller whole number")
        return value

    def flag(self, field: str) -> bool:
        """True or false; False if it is absent."""
        value = self._mapping.get(field)
        if value is None:
            return False
        if not isinstance(value, bool):
            raise self.error(field, f"expected true or false, got {describe_value(value)}")
        return value

    def date(self, field: str) -> DateReading | None:
        """A date with or without a time, in the forms of YAML, ISO 8601 or feeds. The default zone is UTC."""
        value = self._mapping.get(field)
        if value is None or value == "":
            return None
        reading = _reading(value)
        if reading is None:
            raise self.error(
                field, f"expected a date and time like 2024-01-31T09:30:00Z, got {describe_value(value)}"
            )
        year = reading.moment.year
        if year not in _YEARS:
            raise self.error(field, f"expected a year from {_YEARS[0]} to {_YEARS[-1]}, got {year}")
        return reading

    def inner(self, field: str) -> Fields:
        """The mapping in a field; an empty one if it is absent."""
        value = self._mapping.get(field)
        return Fields({} if value is None else value, f"{self.name(field)}.")

    def names(self) -> Iterator[str]:
        """The names of the fields. Raises FieldError for a name that is not text (YAML reads `no` as false)."""
        for name in self._mapping:
            if not isinstance(name, str):
                raise FieldError(
                    self._place.rstrip("."),
                    f"{name!r} is not a name: put it in quotes, as YAML reads no and on as words of its own",
                )
            yield name

    def entries(self, field: str) -> Iterator[tuple[str, object]]:
        """The entries of a list that are not null, each with its name (`topics[2]`, from 0)."""
        value = self._mapping.get(field)
        if value is None:
            return
        if not isinstance(value, list):
            raise self.error(field, f"expected a list, got {describe_value(value)}")
        for index, entry in enumerate(value):
            if entry is not None:
                yield f"{self.name(field)}[{index}]", entry


def require_text(value: object, name: str) -> str:
    """The value, which must be text. Raises FieldError."""
    if isinstance(value, str):
        return value
    quotes = "; put it in quotes" if isinstance(value, bool | int | float | date) else ""
    raise FieldError(name, f"expected text, got {describe_value(value)}{quotes}")


def describe_value(value: object) -> str:
    """A short description of a value of any size."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case int() if abs(value) > 10**15:  # Python refuses to format huge numbers
            return "a huge number"
        case int() | float():
            return f"number {value}"
        case str():
            return f"text {repair(value, _SHOWN)!r}"
        case date():
            return "a date"
        case list():
            return "a list"
        case Mapping():
            return "a mapping"
    return "binary data" if isinstance(value, bytes) else f"a value of type {type(value).__name__}"


def _reading(value: object) -> DateReading | None:
    """The moment in UTC, or None if the value is not a date."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            return read_date(str(value))
    if isinstance(value, datetime):
        try:
            return DateReading((value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC))
        except OverflowError:  # in the first or last hours of the calendar
            return None
    return DateReading(datetime.combine(value, time(), UTC)) if isinstance(value, date) else None
