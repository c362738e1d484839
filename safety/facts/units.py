"""Units by name, each with what it is in the base unit of its kind."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

WORK_DAYS = 7 / 5  # days to a working day, on the whole
_LAPSES = {
    "second": 1, "sec": 1, "minute": 60, "min": 60, "hour": 3600, "hr": 3600, "day": 86400, "night": 86400,
    "week": 604800, "fortnight": 1209600, "month": 2629800, "year": 31557600,
}  # fmt: skip
SECONDS: Mapping[str, float] = MappingProxyType(
    {name + plural: float(seconds) for name, seconds in _LAPSES.items() for plural in ("", "s")}
)
# The code of ISO 4217, and how much of it one is.
CURRENCIES: Mapping[str, tuple[str, float]] = MappingProxyType(
    {
        "€": ("EUR", 1.0), "eur": ("EUR", 1.0), "euro": ("EUR", 1.0), "euros": ("EUR", 1.0),
        "$": ("USD", 1.0), "usd": ("USD", 1.0), "dollar": ("USD", 1.0), "dollars": ("USD", 1.0),
        "£": ("GBP", 1.0), "gbp": ("GBP", 1.0), "pound": ("GBP", 1.0), "pounds": ("GBP", 1.0),
        "pence": ("GBP", 0.01), "chf": ("CHF", 1.0), "francs": ("CHF", 1.0),
        "cent": ("", 0.01), "cents": ("", 0.01),
    }
)  # fmt: skip
MEASURES: Mapping[str, tuple[str, float]] = MappingProxyType(
    {
        "g": ("g", 1.0), "gram": ("g", 1.0), "grams": ("g", 1.0), "kg": ("g", 1000.0), "kilo": ("g", 1000.0),
        "kilos": ("g", 1000.0), "kilogram": ("g", 1000.0), "kilograms": ("g", 1000.0), "tonnes": ("g", 1e6),
        "mm": ("m", 0.001), "cm": ("m", 0.01), "m": ("m", 1.0), "metre": ("m", 1.0), "metres": ("m", 1.0),
        "meter": ("m", 1.0), "meters": ("m", 1.0), "km": ("m", 1000.0), "centimetres": ("m", 0.01),
        "ml": ("l", 0.001), "l": ("l", 1.0), "litre": ("l", 1.0), "litres": ("l", 1.0), "liters": ("l", 1.0),
        "kb": ("byte", 1e3), "mb": ("byte", 1e6), "gb": ("byte", 1e9), "tb": ("byte", 1e12),
        "w": ("watt", 1.0), "watt": ("watt", 1.0), "watts": ("watt", 1.0), "kw": ("watt", 1000.0),
        "v": ("volt", 1.0), "volt": ("volt", 1.0), "volts": ("volt", 1.0),
        "°c": ("degree", 1.0), "c": ("degree", 1.0), "°": ("degree", 1.0), "degree": ("degree", 1.0),
        "degrees": ("degree", 1.0),
    }
)  # fmt: skip
