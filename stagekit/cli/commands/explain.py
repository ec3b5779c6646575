"""``stagekit explain``: the page of a code, or all codes with their titles."""

from __future__ import annotations

import os
import re
from typing import Iterator, List, NamedTuple, Optional

from stagekit._base.text import did_you_mean, escape_control
from stagekit.cli import ExitCode
from stagekit.cli.output import Output, Style
from stagekit.errors import Code, UsageError

_FOLDER = os.path.join(os.path.dirname(os.path.dirname(__file__)), "explanations")
SCHEMA = "stagekit.explain/1"
_NOT_RUN = "<!-- not run: tests/cli/test_explanations.py runs it -->"
_PREFACE = """\
# Errors

Every error of stagekit has a code. `stagekit explain SK201` prints the part of this page on that
code: the cause, an example and the fix. The first digit says where the error comes from:

| codes | where |
|---|---|
| SK0 | the target cannot be imported, or an extra is missing |
| SK1 | one declaration |
| SK2 | the plan: errors and warnings |
| SK3 | a stage that failed in a run |
| SK5 | a defect of stagekit |

stagekit's tests run the code below and check the messages.
"""


class Page(NamedTuple):
    """The page of one code.

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


def explain_code(word: Optional[str], output: Output, *, is_json: bool) -> ExitCode:
    """Print the page of a code; all codes where there is no word."""
    if is_json:
        from stagekit.cli.documents import as_text

        pages = [page(code) for code in (Code if word is None else [_code(word)])]
        codes = [{"code": p.code.value, "title": p.title, "text": p.text} for p in pages]
        output.print_result(as_text({"schema": SCHEMA, "codes": codes}))
    elif word is None:
        output.print_result("\n".join(f"{code.value}  {page(code).title}" for code in Code))
    else:
        output.print_result("\n".join(_styled(page(_code(word)).text, output.style)))
    return ExitCode.OK


def _code(word: str) -> Code:
    """Return the code that a word means: ``SK201``, ``sk201`` or ``201``.

    Raises:
        UsageError: there is none.
    """
    number = word.strip().upper()
    number = number if number.startswith("SK") else f"SK{number}"
    for code in Code:
        if number == code.value:
            return code
    near = did_you_mean(number[2:], [code.value[2:] for code in Code])
    hint = (
        f"did you mean {' or '.join(f'SK{each}' for each in near)}?"
        if near
        else "stagekit explain lists them"
    )
    raise UsageError(f"there is no code {escape_control(word)!r}; {hint}")


def _styled(text: str, style: Style) -> List[str]:
    """Return a page as it is read on a terminal: headings in bold, code indented, no fences."""
    lines: List[str] = []
    in_code = False
    for line in text.rstrip("\n").split("\n"):
        if line.startswith("```"):
            in_code = not in_code
            continue
        heading = None if in_code else re.fullmatch(r"#+ (.+)", line)
        if heading:
            lines.append(style.paint("strong", heading[1]))
        else:
            lines.append(f"    {line}".rstrip() if in_code else line)
    return lines


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


if __name__ == "__main__":  # python -m stagekit.cli.commands.explain > docs/errors.md
    import sys

    sys.stdout.write(handbook())
