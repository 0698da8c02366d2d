"""One spelling for every transcript: lower-case letters, apostrophe, single spaces."""

from __future__ import annotations

import re
import unicodedata

from num2words import num2words

ALPHABET = "abcdefghijklmnopqrstuvwxyz'"

ABBREVIATIONS = {
    "mr": "mister",
    "mrs": "missus",
    "dr": "doctor",
    "st": "saint",
    "etc": "et cetera",
    "&": "and",
    "%": "percent",
}

_PUNCTUATION = str.maketrans("’‘—–“”", "''    ")
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?(?:st|nd|rd|th)?")
_WORD = re.compile(r"[a-z']+|[&%]")


def _spell_number(match: re.Match[str]) -> str:
    text = match.group().replace(",", "")
    if text[-2:] in ("st", "nd", "rd", "th"):
        return f" {num2words(int(float(text[:-2])), to='ordinal')} "
    if "." not in text and len(text) == 4 and 1100 <= int(text) <= 1999:
        return f" {num2words(int(text), to='year')} "
    return f" {num2words(float(text) if '.' in text else int(text))} "


def normalise(text: str) -> str | None:
    """The spoken form of `text`, or None where letters remain that English does not have."""
    text = text.translate(_PUNCTUATION).lower()
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text)
        text = "".join(c for c in text if not unicodedata.combining(c))
        if any(c.isalpha() and c not in ALPHABET for c in text):
            return None
    text = _NUMBER.sub(_spell_number, text)
    words = (w.strip("'") if w.startswith("'") and w.endswith("'") else w for w in _WORD.findall(text))
    spoken = " ".join(ABBREVIATIONS.get(w, w) for w in words if w.strip("'"))
    return spoken or None
