"""What a plan error is made of: codes, places in source files, problems."""

from __future__ import annotations

import enum

from stagekit._base.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional, Tuple


class Code(enum.Enum):
    """The stable codes of problems. ``stagekit explain CODE`` shows cause, example and fix."""

    MODULE_NOT_FOUND = "SK010"
    MODULE_RAISED = "SK011"
    MISSING_EXTRA = "SK030"
    INVALID_OPTION = "SK101"
    DUPLICATE_STAGE = "SK102"
    IMPORTED_TWICE = "SK103"
    CANNOT_MARK = "SK104"
    MISSING_PROVIDER = "SK201"
    AMBIGUOUS_PROVIDER = "SK202"
    CYCLE = "SK203"
    UNKNOWN_STAGE = "SK204"
    BAD_ANNOTATION = "SK205"
    NO_KEY = "SK206"
    TYPE_MISMATCH = "SK207"
    LEFT_OUT = "SK208"
    VALUE_CONFLICT = "SK209"
    AMBIGUOUS_NAME = "SK210"
    UNSUPPORTED_FUNCTION = "SK211"
    BAD_MARKER = "SK212"
    BAD_SELECTION = "SK213"
    VALUE_NOT_GIVEN = "SK214"
    RESOURCE_BEYOND = "SK215"
    CANNOT_BE_SENT = "SK216"
    SAME_VALUE = "SK217"
    NO_PARAMETER = "SK218"
    UNFIT_PARAMETER = "SK219"
    UNUSED_VALUE = "SK220"
    SEVERAL_MODULES = "SK221"
    BUILTIN_KEY = "SK222"
    EMPTY_COLLECTION = "SK223"
    SOFT_TIMEOUT = "SK224"
    GUESSED_LIMIT = "SK225"
    UNKNOWN_TAG = "SK226"
    NOT_ADOPTED = "SK227"
    GONE_STAGE = "SK228"
    NAME_PASSED_OVER = "SK229"
    STAGE_FAILED = "SK301"
    BAD_VALUE = "SK302"
    INTERNAL = "SK500"


class Location(Record):
    """A place in a source file.

    ``str()`` gives ``path:line``, short where it is below the cwd; in a notebook the cell.
    """

    file: str
    line: int

    def __str__(self) -> str:
        import os

        from stagekit._base.notebook import cell_of

        cell = cell_of(self.file)
        if cell:
            return f"{cell}, line {self.line}"
        try:
            relative = os.path.relpath(self.file)
            short = self.file if relative.startswith("..") else relative
        except (OSError, ValueError):  # no current folder, or another drive
            short = self.file
        return f"{short}:{self.line}"


class Cause(Record):
    """What several problems have in common, so that they are shown as one.

    Attributes:
        title: what is wrong with all of them, to stand behind their number.
        row: the line of a problem in their table.
        notes: facts that help with all of them.
        fixes: what to write instead, for all of them.
    """

    title: str
    row: Tuple[str, ...]
    notes: Tuple[str, ...]
    fixes: Tuple[str, ...]


class Problem(Record):
    """One thing that is wrong with a plan.

    Attributes:
        code: what kind of problem; stable, and known to ``stagekit explain``.
        stage_id: the stage at fault, or None where the request as a whole is.
        location: where that stage is declared.
        message: one sentence: what is wrong.
        parameter: the parameter at fault, where there is one.
        notes: facts that help, one a line: near misses, what was available.
        fixes: what to write instead, each ready to copy.
        path: for a cycle, its stage ids, the first repeated at the end; else empty.
        subject: the slot, or the executor, that a warning is about, where there is one.
        cause: what it has in common with others, where there may be several of its kind.
    """

    code: Code
    message: str
    stage_id: Optional[str] = None
    location: Optional[Location] = None
    parameter: Optional[str] = None
    notes: Tuple[str, ...] = ()
    fixes: Tuple[str, ...] = ()
    path: Tuple[str, ...] = ()
    subject: Optional[str] = None
    cause: Optional[Cause] = None

    def __str__(self) -> str:
        from stagekit._base.text import escape_control

        place = f" ({self.location})" if self.location is not None else ""
        lines = [f"{self.code.value}: {self.message}{place}"]
        lines += [f"    {note}" for note in self.notes]
        lines += [f"    fix: {fix}" for fix in self.fixes]
        return "\n".join(map(escape_control, lines))  # what a user has named stays in its line

    def __repr__(self) -> str:
        return f"<Problem {self.code.value} {self.stage_id or ''}: {self.message}>"
