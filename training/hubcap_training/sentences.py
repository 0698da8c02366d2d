"""Books and dialogues as plain sentences: one a line, one file a book, spelled as transcripts are.

    python -m hubcap_training.sentences --from FOLDER --out TEXT/NAME

Reads paragraphs of Markdown and plain text (without headings, rules, tables), those of TEI's XML
(European Literary Text Collection), and of CSV tables the columns that begin with
`Answer.sentence` (the Self-dialogue Corpus).
"""

from __future__ import annotations

import argparse
import csv
import html
import re
from collections.abc import Iterator
from pathlib import Path

from .text import normalise

_PARAGRAPH_END = re.compile(r"\n\s*\n")
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"'”’)\]_*]*\s+(?=[\"'“‘(\[_*]*[A-Z0-9])")
_TITLE = re.compile(r"\b(Mr|Mrs|Ms|Dr|St|Capt|Col|Gen|Rev|Messrs|Mme|Mlle|[A-Z])\.")
_TEI_PARAGRAPH = re.compile(r"<p\b[^>]*>(.*?)</p>", re.DOTALL)
_TEI_NOTE = re.compile(r"<note\b.*?</note>", re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
_MARKUP = re.compile(r"^(#|-{3}|\*{3}|\||>|!\[|<)")


def paragraphs(file: Path) -> Iterator[str]:
    text = file.read_text(encoding="utf-8", errors="ignore")
    if file.suffix == ".csv":
        for row in csv.DictReader(text.splitlines()):
            yield from (said for column, said in row.items() if column and column.startswith("Answer.sentence"))
    elif file.suffix == ".xml":
        body = _TEI_NOTE.sub("", text.partition("<body>")[2])
        yield from (html.unescape(_TAG.sub("", p)) for p in _TEI_PARAGRAPH.findall(body))
    else:
        yield from (p for p in map(str.strip, _PARAGRAPH_END.split(text)) if not _MARKUP.match(p))


def sentences(paragraph: str) -> Iterator[str]:
    for sentence in _SENTENCE_END.split(_TITLE.sub(r"\1", paragraph)):
        if spoken := normalise(sentence):
            yield spoken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--from", type=Path, required=True, dest="source")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for file in sorted(f for f in args.source.rglob("*") if f.suffix in (".md", ".txt", ".xml", ".csv")):
        name = "-".join(file.relative_to(args.source).with_suffix(".txt").parts)
        with open(args.out / name, "w", encoding="utf-8") as out:
            out.writelines(f"{s}\n" for p in paragraphs(file) for s in sentences(p or ""))


if __name__ == "__main__":
    main()
