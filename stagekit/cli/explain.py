"""The page of each code: cause, wrong code, cures. One Markdown file each, in ``explanations``."""

from __future__ import annotations

import os
from typing import Iterator, NamedTuple

from stagekit.errors import Code

_FOLDER = os.path.join(os.path.dirname(__file__), "explanations")
_NOT_RUN = "<!-- not run: tests/cli/test_explanations.py runs it -->"
_PREFACE = """\
# Errors

Every error of stagekit has a code; `stagekit explain SK201` prints the part of this page that
tells its cause and its cures. What begins with SK0 keeps a target from being imported, with SK1 is
wrong with one declaration, with SK2 with a plan, and what begins with SK3 happens in a run. The
code below runs in the tests of stagekit, and its errors read as shown.
"""


class Page(NamedTuple):
    """What is told of one code.

    Attributes:
        code: which one.
        title: what has happened, on one line.
        text: the whole page, Markdown.
    """

    code: Code
    title: str
    text: str


def page(code: Code) -> Page:
    """Return the page of a code."""
    path = os.path.join(_FOLDER, f"{code.value}.md")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    return Page(code, text.partition("\n")[0].partition(": ")[2], text)


def handbook() -> str:
    """Return all pages as one document: ``docs/errors.md``."""
    return "\n".join([_PREFACE, *("\n".join(_as_chapter(page(code).text)) for code in Code)])


def _as_chapter(text: str) -> Iterator[str]:
    """Yield the lines of a page with its headings one level down."""
    in_code = False
    for line in text.split("\n"):
        if line.startswith("```"):
            in_code = not in_code
            if line in {"```python", "```console"}:
                yield _NOT_RUN
        yield f"#{line}" if line.startswith("#") and not in_code else line


if __name__ == "__main__":  # python -m stagekit.cli.explain > docs/errors.md
    import sys

    sys.stdout.write(handbook())
