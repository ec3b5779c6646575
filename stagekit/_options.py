"""Every option of ``run``, once: its type, default, check, flags on the command line, and key.

``run`` and ``arun`` write the options out again for type checkers and editors, and a test compares
them with this table. The command line makes its flags, their help and what they mean from it.
"""

from __future__ import annotations

from stagekit._base.executor_names import NAMES
from stagekit._base.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Iterable, List, Mapping, Optional, Sequence, Tuple, Union

    from stagekit._base.rollback import Rollback

    Check = Callable[[str, Any], Sequence[str]]  # Any: whatever a user has given

POLICIES = ("stop", "continue", "cancel")
KEPT = ("all", "targets")
MAX_WORKERS = 1024
MAX_SLOTS = 10**6


class Flag(Record, kw_only=True):
    """One flag of the command line.

    Attributes:
        names: as they are typed; the last one is the long one.
        help: one sentence.
        kind: what follows it: ``"switch"`` (nothing), ``"count"``, ``"seconds"``, ``"number"``,
            ``"slot"``, ``"words"``, ``"assignments"`` (these may be repeated), ``"file"`` or
            ``"executor"``.
        metavar: stands in the help for what follows it.
    """

    names: Tuple[str, ...]
    help: str
    kind: str = "switch"
    metavar: Optional[str] = None

    @property
    def parameter(self) -> str:
        """The name under which click hands on what was typed."""
        return self.names[-1].lstrip("-").replace("-", "_")


class Option(Record, kw_only=True):
    """One option of ``run``.

    Attributes:
        name: of the argument.
        type: its annotation, as text.
        default: its default.
        check: returns what is wrong with a value, given the name of the option; None where any
            value is allowed, or its use refuses it.
        key: in configuration; empty for what only Python can say.
        flags: on the command line.
        of_flags: makes the value from what was typed for each flag; None for the value of the one.
    """

    name: str
    type: str
    default: object
    check: Optional[Check] = None
    key: str = ""
    flags: Tuple[Flag, ...] = ()
    of_flags: Optional[Callable[..., object]] = None


def _executor(name: str, value: object) -> Sequence[str]:
    if isinstance(value, str):
        if value in NAMES:
            return ()
        from stagekit._base.ports import is_cluster

        if is_cluster(value):
            return ()
    else:
        from stagekit.executors.futures import is_pool

        if is_pool(value):
            return ()
    near = _near(value, NAMES) if isinstance(value, str) else ""
    return [f"{name} takes {_either(NAMES)} or an object with submit(), got {value!r}{near}"]


def _workers(name: str, value: object) -> Sequence[str]:
    return () if value is None else _count(name, value, MAX_WORKERS)


def _count(name: str, value: object, most: int) -> Sequence[str]:
    if type(value) is int and 1 <= value <= most:
        return ()
    return [f"{name} takes a whole number from 1 to {most}, got {value!r}"]


def _limits(name: str, value: Optional[Mapping[object, object]]) -> Sequence[str]:
    mistakes: List[str] = []
    for slot, count in value.items() if value else ():
        if isinstance(slot, str):
            mistakes += _count(f'{name}["{slot}"]', count, MAX_SLOTS)
        else:
            mistakes.append(
                f"{name} takes names of slots and how many there are of each, "
                f'{{"db": 4, "async": 100}}, got the name {slot!r}'
            )
    return mistakes


def _on_failure(name: str, value: object) -> Sequence[str]:
    if value in POLICIES:
        return ()
    return [f"{name} takes {_either(POLICIES)}, got {value!r}{_near(str(value), POLICIES)}"]


def _seconds(name: str, value: object) -> Sequence[str]:
    from stagekit._base.retry import seconds_mistake

    mistake = None if value is None or value == 0 else seconds_mistake(value)
    return () if mistake is None else [f"{name} {mistake}, got {value!r}"]


def _cancel(name: str, value: object) -> Sequence[str]:
    from stagekit._base.cancel import CancelToken

    if value is None or isinstance(value, CancelToken):
        return ()
    return [f"{name} takes a CancelToken, got {value!r}"]


def _rollback(name: str, value: object) -> Sequence[str]:
    from stagekit._base.rollback import Rollback

    if isinstance(value, (bool, Rollback)):
        return ()
    return [f"{name} takes True, False or a Rollback(on_cancel=, partial=), got {value!r}"]


def _seed(name: str, value: object) -> Sequence[str]:
    if value is None or type(value) is int:
        return ()
    return [f"{name} takes a whole number, got {value!r}"]


def _order(name: str, value: object) -> Sequence[str]:
    if value is None or (hasattr(value, "__iter__") and not isinstance(value, str)):
        return ()
    return [f"{name} takes a list of all stages of the plan, got {value!r}"]


def _measure(name: str, value: object) -> Sequence[str]:
    if isinstance(value, bool) or value == "tracemalloc":
        return ()
    return [f"{name} takes True, False or 'tracemalloc', got {value!r}"]


def _arguments(name: str, value: object) -> Sequence[str]:
    return [f"{name} takes a list of texts, got a text"] if isinstance(value, str) else ()


def _decider(name: str, value: object) -> Sequence[str]:
    if value is None or all(callable(getattr(value, each, None)) for each in ("before", "after")):
        return ()
    return [f"{name} takes an object with before(call) and after(call, value), got {value!r}"]


def _keep(name: str, value: object) -> Sequence[str]:
    if value in KEPT or isinstance(value, (list, tuple)):
        return ()
    near = _near(value, KEPT) if isinstance(value, str) else ""
    return [f"{name} takes {_either(KEPT)}, or a list of stages, got {value!r}{near}"]


def params_mistakes(name: str, value: object) -> Sequence[str]:
    """Return what is wrong with ``params=``, but for the values of single parameters."""
    from collections.abc import Mapping

    if value is None or isinstance(value, tuple):  # the command line makes a tuple of settings
        return ()
    if not isinstance(value, Mapping):
        return [f'{name} takes a mapping such as {{"load.path": "a.csv"}}, got {value!r}']
    keys: List[Any] = list(value)  # pyright: ignore[reportUnknownArgumentType]
    wrong = [key for key in keys if not isinstance(key, str)]
    return [f'{name} takes names such as "load.path", got {key!r}' for key in wrong]


def _either(words: Sequence[str]) -> str:
    return ", ".join(map(repr, words[:-1])) + f" or {words[-1]!r}"


def _near(word: str, known: Sequence[str]) -> str:
    from stagekit._base.text import did_you_mean

    near = did_you_mean(word, known)
    return f"; did you mean {near[0]!r}?" if near else ""


def _literal(words: Sequence[str]) -> str:
    return "Literal[" + ", ".join(f'"{word}"' for word in words) + "]"


# What is typed on the command line.


def _policy_of_flags(keep_going: object, fail_fast: object) -> str:
    return "continue" if keep_going else "cancel" if fail_fast else "stop"


def _limits_of_flags(pairs: Iterable[Tuple[str, int]]) -> Optional[Mapping[str, int]]:
    return dict(pairs) or None


def _rollback_of_flags(is_asked: object, on_cancel: bool, partial: bool) -> Union[bool, Rollback]:  # noqa: FBT001 - switches
    if is_asked:
        from stagekit._base.rollback import Rollback

        return Rollback(on_cancel=on_cancel, partial=partial)
    if on_cancel or partial:
        from stagekit.errors import UsageError

        flag = "--rollback-on-cancel" if on_cancel else "--compensate-partial"
        raise UsageError(f"{flag} says how to undo; write --rollback beside it")
    return False


def _seed_of_flags(seed: Optional[int], shuffle: object) -> Optional[int]:
    if seed is not None or not shuffle:
        return seed
    from random import SystemRandom

    return SystemRandom().randrange(10**6)  # short enough to be typed again


def _params_of_flags(assignments: Sequence[str], file: Optional[str]) -> object:
    from os import environ

    if not assignments and file is None and not any("STAGEKIT_PARAM_" in each for each in environ):
        return None
    from stagekit._base.parameters import from_command_line

    return from_command_line(assignments, file, environ) or None


PLANNING = (  # what ``plan`` takes, too
    Option(name="registry", type="Optional[Registry]", default=None),
    Option(
        name="select",
        type="Union[str, Sequence[str]]",
        default=(),
        key="select",
        flags=(
            Flag(
                names=("-s", "--select"),
                kind="words",
                metavar="WORDS",
                help="Only these stages: load, 'load*', tag:x, +load (and what it needs), load+ "
                "(and what needs it). Repeatable.",
            ),
        ),
    ),
    Option(
        name="exclude",
        type="Union[str, Sequence[str]]",
        default=(),
        key="exclude",
        flags=(
            Flag(
                names=("--exclude",),
                kind="words",
                metavar="WORDS",
                help="All stages but these; same words as --select.",
            ),
        ),
    ),
    Option(name="values", type="Values", default=()),
    Option(name="overrides", type="Optional[Mapping[Any, object]]", default=None),
    Option(
        name="params",
        type="Optional[Mapping[str, object]]",
        default=None,
        check=params_mistakes,
        key="params",
        flags=(
            Flag(
                names=("--set",),
                kind="assignments",
                metavar="NAME=VALUE",
                help="Set a parameter: load.path=a.csv or path=a.csv. Repeatable.",
            ),
            Flag(
                names=("--params",),
                kind="file",
                metavar="FILE",
                help="Set parameters from a .toml or .json file.",
            ),
        ),
        of_flags=_params_of_flags,
    ),
    Option(
        name="strict",
        type="bool",
        default=False,
        key="strict",
        flags=(Flag(names=("--strict",), help="Treat warnings of the plan as errors."),),
    ),
)
RUNNING = (
    Option(name="arguments", type="Sequence[str]", default=(), check=_arguments, key="arguments"),
    Option(
        name="executor",
        type=f"Union[{_literal(NAMES)}, str, Pool, CallPool]",
        default="auto",
        check=_executor,
        key="executor",
        flags=(
            Flag(
                names=("--executor",),
                kind="executor",
                metavar="NAME",
                help=f"{', '.join(NAMES)}, or the address of a Dask scheduler; auto is inline "
                "where nothing could overlap, else threads.",
            ),
        ),
    ),
    Option(
        name="workers",
        type="Optional[int]",
        default=None,
        check=_workers,
        key="workers",
        flags=(
            Flag(
                names=("--workers",),
                kind="count",
                metavar="N",
                help="Run at most N plain stages at once (default: processors + 4, at most 32; in "
                "processes: processors).",
            ),
        ),
    ),
    Option(
        name="limits",
        type="Optional[Mapping[str, int]]",
        default=None,
        check=_limits,
        key="limits",
        flags=(
            Flag(
                names=("--limit",),
                kind="slot",
                metavar="NAME=N",
                help="Provide N slots of NAME; async=N limits async stages.",
            ),
        ),
        of_flags=_limits_of_flags,
    ),
    Option(
        name="on_failure",
        type=_literal(POLICIES),
        default="stop",
        check=_on_failure,
        key="on_failure",
        flags=(
            Flag(
                names=("--keep-going",),
                help="After a failure, continue with stages that do not need the failed one.",
            ),
            Flag(names=("--fail-fast",), help="After a failure, cancel running stages."),
        ),
        of_flags=_policy_of_flags,
    ),
    Option(name="check", type="bool", default=True),
    Option(name="hooks", type="Sequence[Hook]", default=()),
    Option(name="cancel", type="Optional[CancelToken]", default=None, check=_cancel),
    Option(
        name="deadline",
        type="Optional[float]",
        default=None,
        check=_seconds,
        key="deadline",
        flags=(
            Flag(
                names=("--deadline",),
                kind="seconds",
                metavar="SECONDS",
                help="Cancel the run after SECONDS; the exit code is 124.",
            ),
        ),
    ),
    Option(
        name="grace",
        type="Optional[float]",
        default=None,
        check=_seconds,
        key="grace",
        flags=(
            Flag(
                names=("--grace",),
                kind="seconds",
                metavar="SECONDS",
                help="Give cancelled stages SECONDS to end (default 10).",
            ),
        ),
    ),
    Option(
        name="rollback",
        type="Union[bool, Rollback]",
        default=False,
        check=_rollback,
        key="rollback",
        flags=(
            Flag(names=("--rollback",), help="After a failure, undo the stages that succeeded."),
            Flag(names=("--rollback-on-cancel",), help="With --rollback: undo after Ctrl-C, too."),
            Flag(
                names=("--compensate-partial",),
                help="With --rollback: undo the stages that failed, too.",
            ),
        ),
        of_flags=_rollback_of_flags,
    ),
    Option(
        name="seed",
        type="Optional[int]",
        default=None,
        check=_seed,
        key="seed",
        flags=(
            Flag(
                names=("--seed",),
                kind="number",
                metavar="N",
                help="Shuffle ready stages; the same N gives the same order.",
            ),
            Flag(names=("--shuffle",), help="Use a random seed and print it."),
        ),
        of_flags=_seed_of_flags,
    ),
    Option(name="order", type="Optional[Sequence[Any]]", default=None, check=_order),
    Option(
        name="check_mutation",
        type="bool",
        default=False,
        key="check_mutation",
        flags=(
            Flag(
                names=("--check-mutation",),
                help="Warn about stages that change the values they get.",
            ),
        ),
    ),
    Option(
        name="measure",
        type='Union[bool, Literal["tracemalloc"]]',
        default=False,
        check=_measure,
        key="measure",
        flags=(Flag(names=("--measure",), help="Measure the CPU time and memory of each stage."),),
    ),
    Option(
        name="keep",
        type=f"Union[{_literal(KEPT)}, Sequence[Any]]",
        default="all",
        check=_keep,
        key="keep",
    ),
    Option(name="decider", type="Optional[Decider]", default=None, check=_decider),
    Option(name="clock", type="Optional[Clock]", default=None),
)
OPTIONS = (*PLANNING, *RUNNING)
_CHECKS = {option.name: option.check for option in OPTIONS if option.check is not None}
_ONLY_PLANNING = frozenset([option.name for option in PLANNING]) - {"values"}


def check(options: Mapping[str, object], *, has_plan: bool) -> None:
    """Refuse options that cannot be taken.

    Args:
        options: by name; those that have their default may be left out.
        has_plan: whether a plan is run that is made already.

    Raises:
        UsageError: naming all of them.
    """
    mistakes: List[str] = []
    late: List[str] = []
    for name, value in options.items():
        if has_plan and name in _ONLY_PLANNING and value:
            late.append(name)
        elif name in _CHECKS:
            mistakes += _CHECKS[name](name, value)
    if late:
        mistakes.insert(0, f"a plan is made already; say {', '.join(late)} to plan(...) instead")
    if mistakes:
        from stagekit.errors import UsageError

        raise UsageError("; ".join(mistakes))
