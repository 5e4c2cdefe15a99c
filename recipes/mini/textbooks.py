"""Sections of textbooks, and the questions that their exercises and glossaries ask, in the form of the other corpora.

    python textbooks.py BOOKS OUT

BOOKS holds one checkout of an OpenStax book's repository per folder, with `modules/*/index.cnxml`. OUT receives
`passages.jsonl.gz` and `pairs.jsonl.gz`.
"""

import argparse
import gzip
import json
import logging
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element

_NAMESPACE = "{http://cnx.rice.edu/cnxml}"
# What is no running text: formulas have no words, and the others are read apart or belong to no section.
_LEFT_OUT = frozenset({"exercise", "equation", "table", "figure", "media", "title", "label", "glossary"})
# Words of a section at least, and of an exercise that can be asked by itself.
_SECTION_WORDS = 30
_QUESTION_WORDS = (4, 30)

_log = logging.getLogger("textbooks")


def text_of(element: Element) -> str:
    """The running text of an element, its spaces made one."""
    if _name(element) in _LEFT_OUT:
        return ""
    parts = [element.text or ""]
    for child in element:
        parts += [text_of(child), child.tail or ""]
    return " ".join("".join(parts).split())


def sections(module: Element) -> Iterator[tuple[str, str, set[str]]]:
    """The title, the text and the terms that each section explains, those outside any section together first."""
    content = module.find(f"{_NAMESPACE}content")
    if content is None:
        return
    title = " ".join("".join(_title(module)).split())
    outside = [child for child in content if _name(child) != "section"]
    yield title, " ".join(filter(None, map(text_of, outside))), _terms(outside)
    for section in content.findall(f"{_NAMESPACE}section"):
        heading = " ".join("".join(_title(section)).split())
        yield (f"{title} - {heading}" if heading else title), text_of(section), _terms([section])


def questions(module: Element) -> Iterator[str]:
    """What exercises ask, of those that say it in one paragraph."""
    for problem in module.iter(f"{_NAMESPACE}problem"):
        paragraphs = [text_of(child) for child in problem if _name(child) == "para"]
        words = len(paragraphs[0].split()) if len(paragraphs) == 1 else 0
        if _QUESTION_WORDS[0] <= words <= _QUESTION_WORDS[1] and not re.search(r"_{2,}|following", paragraphs[0]):
            yield paragraphs[0]


def glossary(module: Element) -> Iterator[str]:
    """The terms that a module's glossary has."""
    for definition in module.iter(f"{_NAMESPACE}definition"):
        term = definition.find(f"{_NAMESPACE}term")
        if term is not None and (text := text_of(term)):
            yield text


def _name(element: Element) -> str:
    return element.tag.removeprefix(_NAMESPACE)


def _title(element: Element) -> Iterable[str]:
    title = element.find(f"{_NAMESPACE}title")
    return () if title is None else title.itertext()


def _terms(elements: list[Element]) -> set[str]:
    return {text_of(term).lower() for each in elements for term in each.iter(f"{_NAMESPACE}term")}


def read(books: Path) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """All passages, and all pairs: of a term the section that explains it, of an exercise's question none."""
    passages: list[dict[str, object]] = []
    pairs: list[dict[str, object]] = []
    for path in sorted(books.glob("*/modules/*/index.cnxml")):
        module = ET.parse(path).getroot()  # noqa: S314 - files that were chosen to be read
        of = f"{path.parts[-4]}/{path.parts[-2]}"
        explained: dict[str, str] = {}
        for number, (title, text, terms) in enumerate(sections(module)):
            if len(text.split()) < _SECTION_WORDS:
                continue
            name = f"{of}/{number}"
            passages.append({"_id": name, "title": title, "text": text})
            explained |= {term: name for term in terms if term not in explained}
        pairs += [
            {
                "_id": f"{of}/{number}",
                "query": term,
                "pid": explained.get(term.lower()),
                "answers": [term],
                "kind": "term",
            }
            for number, term in enumerate(glossary(module))
        ]
        pairs += [
            {"_id": f"{of}/{number}", "query": text, "pid": None, "answers": [], "kind": "exercise"}
            for number, text in enumerate(questions(module))
        ]
    return passages, pairs


def main() -> None:
    """Read the arguments, read the books, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("books", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name, lines in zip(("passages", "pairs"), read(arguments.books), strict=True):
        with gzip.open(arguments.out / f"{name}.jsonl.gz", "wt", encoding="utf-8") as file:
            file.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        _log.info("%d %s", len(lines), name)


if __name__ == "__main__":
    main()
