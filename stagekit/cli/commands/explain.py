"""``stagekit explain``: the page of a code, or all codes with their titles."""

from __future__ import annotations

import re
from typing import List, Optional

from stagekit._base.text import did_you_mean, escape_control
from stagekit.cli.exitcode import ExitCode
from stagekit.cli.explain import page
from stagekit.cli.output import Output
from stagekit.cli.style import Style
from stagekit.errors import Code, UsageError


def explain_code(word: Optional[str], output: Output) -> ExitCode:
    """Print what is told of a code."""
    if word is None:
        output.answer("\n".join(f"{code.value}  {page(code).title}" for code in Code))
    else:
        output.answer("\n".join(_styled(page(_code(word)).text, output.style)))
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
    near = did_you_mean(number, [code.value for code in Code])
    hint = f"did you mean {' or '.join(near)}?" if near else "stagekit explain lists them"
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
