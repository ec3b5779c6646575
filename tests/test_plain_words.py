"""What users read has plain words: no riddles, no poetry of our own."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path
from typing import Iterator, List, Optional, Tuple

import click
import pytest

from stagekit.cli.app import stagekit as commands

ROOT = Path(__file__).resolve().parent.parent
NOT_PLAIN = re.compile(
    r"\b(told|tells?|carr(?:y|ies|ied) out|by chance|have no say|under its feet|stands? behind"
    r"|meant for)\b",
    re.IGNORECASE,
)
FOR_DEVELOPERS = {"architecture.md", "dependencies.md"}
PAGES = [
    ROOT / "README.md",
    *[page for page in sorted((ROOT / "docs").glob("*.md")) if page.name not in FOR_DEVELOPERS],
    *sorted((ROOT / "stagekit" / "cli" / "explanations").glob("*.md")),
]
PARTS = ("errors", "events", "executors", "hooks", "testing")
MODULES = ["stagekit", *(f"stagekit.{name}" for name in PARTS)]


def found(text: str) -> List[str]:
    """Return the lines of a text that have one of the words."""
    return [line.strip() for line in text.splitlines() if NOT_PLAIN.search(line)]


def docstrings() -> Iterator[Tuple[str, str]]:
    """Yield every public docstring, after the name of what has it."""
    for module_name in MODULES:
        module = importlib.import_module(module_name)
        yield module_name, module.__doc__ or ""
        for name in module.__all__:
            public = getattr(module, name)
            if not callable(public):
                continue
            yield f"{module_name}.{name}", public.__doc__ or ""
            for member, value in vars(public).items() if inspect.isclass(public) else ():
                if not member.startswith("_"):
                    yield f"{module_name}.{name}.{member}", getattr(value, "__doc__", "") or ""


def helps(
    command: click.Command, path: str, parent: Optional[click.Context] = None
) -> Iterator[Tuple[str, str]]:
    """Yield the help of a command and of all commands below it."""
    context = click.Context(command, info_name=path, parent=parent)
    yield path, command.get_help(context)
    for name, each in getattr(command, "commands", {}).items():
        yield from helps(each, name, context)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_has_plain_words(page: Path) -> None:
    """README, manual, errors and explanations have none of the words."""
    assert found(page.read_text(encoding="utf-8")) == []


def test_public_docstrings_have_plain_words() -> None:
    """What help() and editors show has none of the words."""
    all_of_them = list(docstrings())
    assert len(all_of_them) > 200
    assert {name: found(text) for name, text in all_of_them if found(text)} == {}


def test_the_help_of_every_command_has_plain_words() -> None:
    """What -h prints has none of the words."""
    texts = list(helps(commands, "stagekit"))
    assert len(texts) > 5
    assert {name: found(text) for name, text in texts if found(text)} == {}


def test_the_words_are_found() -> None:
    """The search sees each word, and none in another word or in a name."""
    assert found("It tells\nso.\nretold, untold, _tell, foretell") == ["It tells"]
