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
        check: returns what is wrong with a value, given the name of the option.
        key: in configuration; empty for what only Python can say.
        flags: on the command line.
        of_flags: makes the value from what was typed for each flag; None for the value of the one.
    """

    name: str
    type: str
    default: object
    check: Check
    key: str = ""
    flags: Tuple[Flag, ...] = ()
    of_flags: Optional[Callable[..., object]] = None


# Checks. A value may be any object: what it raises when it is looked at is a mistake like others.


def _got(value: object) -> str:
    from stagekit._base.value_text import short_text

    return f"got {short_text(value)}"


def _has(value: object, *methods: str) -> bool:
    """Return whether an object has methods."""
    try:
        return all(callable(getattr(value, each, None)) for each in methods)
    except Exception:  # noqa: BLE001 - of a property, or of a proxy
        return False


def _is_said(value: object) -> bool:
    try:
        return bool(value)
    except Exception:  # noqa: BLE001 - of a user's class; an array has no truth
        return True


def _known(value: object) -> Tuple[Any, ...]:
    """Return the items of a collection; none of what could be read only once."""
    return tuple(value) if isinstance(value, (list, tuple, set, frozenset)) else ()  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]


def _is_list(value: object) -> bool:
    """Return whether there can be items in it; a text is one thing."""
    return _has(value, "__iter__") and not isinstance(value, (str, bytes, type))


def _target_mistakes(value: object) -> Sequence[str]:
    if isinstance(value, (bool, int, float, bytes, dict)):
        return [f"target takes a stage, its id, a list of these, a module or a plan, {_got(value)}"]  # pyright: ignore[reportUnknownArgumentType]
    return ()


def _registry(name: str, value: object) -> Sequence[str]:
    from stagekit._declare.registry import Registry

    if value is None or isinstance(value, Registry):
        return ()
    return [f"{name} takes a Registry, {_got(value)}"]


def _words(name: str, value: object) -> Sequence[str]:
    if isinstance(value, str):
        return ()
    if not _is_list(value):
        return [f"{name} takes texts such as '+report', {_got(value)}"]
    wrong = [each for each in _known(value) if not isinstance(each, str)]
    return [f"{name} takes texts such as '+report', {_got(each)}" for each in wrong]


def _overrides(name: str, value: object) -> Sequence[str]:
    from collections.abc import Mapping

    if value is None or isinstance(value, Mapping):
        return ()
    return [f"{name} takes a mapping of stages such as {{load: value}}, {_got(value)}"]


def _bool(name: str, value: object) -> Sequence[str]:
    return () if isinstance(value, bool) else [f"{name} takes True or False, {_got(value)}"]


def _executor(name: str, value: object) -> Sequence[str]:
    if isinstance(value, str):
        if value in NAMES:
            return ()
        from stagekit._base.ports import is_cluster

        if is_cluster(value):
            return ()
    else:
        from stagekit.executors.futures import is_pool

        try:
            if is_pool(value):
                return ()
        except Exception:  # noqa: BLE001, S110 - of a property, or of a proxy
            pass
    near = _near(value, NAMES) if isinstance(value, str) else ""
    return [f"{name} takes {_either(NAMES)} or an object with submit(), {_got(value)}{near}"]


def _workers(name: str, value: object) -> Sequence[str]:
    return () if value is None else _count(name, value, MAX_WORKERS)


def _count(name: str, value: object, most: int) -> Sequence[str]:
    if type(value) is int and 1 <= value <= most:
        return ()
    return [f"{name} takes a whole number from 1 to {most}, {_got(value)}"]


def _limits(name: str, value: object) -> Sequence[str]:
    from collections.abc import Mapping

    from stagekit._base.text import escape_control

    if value is None:
        return ()
    takes = f'{name} takes names of slots and how many there are of each, {{"db": 4, "async": 100}}'
    if not isinstance(value, Mapping):
        return [f"{takes}, {_got(value)}"]
    mistakes: List[str] = []
    slots: List[Any] = list(value)  # pyright: ignore[reportUnknownArgumentType]
    for slot in slots:
        if isinstance(slot, str):
            mistakes += _count(f'{name}["{escape_control(slot)}"]', value[slot], MAX_SLOTS)  # pyright: ignore[reportUnknownArgumentType]
        else:
            mistakes.append(f"{takes}, got the name {_got(slot)[4:]}")
    return mistakes


def _on_failure(name: str, value: object) -> Sequence[str]:
    if isinstance(value, str) and value in POLICIES:
        return ()
    near = _near(value, POLICIES) if isinstance(value, str) else ""
    return [f"{name} takes {_either(POLICIES)}, {_got(value)}{near}"]


def _hooks(name: str, value: object) -> Sequence[str]:
    takes = f"{name} takes a list of objects with on_event(event), or of functions"
    if _is_list(value):
        wrong = [each for each in _known(value) if not (callable(each) or _has(each, "on_event"))]
        return [f"{takes}, {_got(each)} in it" for each in wrong]
    is_one = callable(value) or _has(value, "on_event")
    return [f"{takes}, got one; write {name}=[...]" if is_one else f"{takes}, {_got(value)}"]


def _seconds(name: str, value: object) -> Sequence[str]:
    from stagekit._base.retry import seconds_mistake

    if value is None or (type(value) in (int, float) and value == 0):
        return ()
    mistake = seconds_mistake(value)
    return () if mistake is None else [f"{name} {mistake}, {_got(value)}"]


def _cancel(name: str, value: object) -> Sequence[str]:
    from stagekit._base.cancel import CancelToken

    if value is None or isinstance(value, CancelToken):
        return ()
    return [f"{name} takes a CancelToken, {_got(value)}"]


def _rollback(name: str, value: object) -> Sequence[str]:
    from stagekit._base.rollback import Rollback

    if isinstance(value, (bool, Rollback)):
        return ()
    return [f"{name} takes True, False or a Rollback(on_cancel=, partial=), {_got(value)}"]


def _seed(name: str, value: object) -> Sequence[str]:
    if value is None or type(value) is int:
        return ()
    return [f"{name} takes a whole number, {_got(value)}"]


def _order(name: str, value: object) -> Sequence[str]:
    if value is None or _is_list(value):
        return ()
    return [f"{name} takes a list of all stages of the plan, {_got(value)}"]


def _measure(name: str, value: object) -> Sequence[str]:
    if isinstance(value, bool) or (isinstance(value, str) and value == "tracemalloc"):
        return ()
    return [f"{name} takes True, False or 'tracemalloc', {_got(value)}"]


def _arguments(name: str, value: object) -> Sequence[str]:
    if isinstance(value, str):
        return [f"{name} takes a list of texts, got a text; write [{_got(value)[4:]}]"]
    if not _is_list(value):
        return [f"{name} takes a list of texts, {_got(value)}"]
    wrong = [each for each in _known(value) if not isinstance(each, str)]
    return [f"{name} takes a list of texts, {_got(each)} in it" for each in wrong]


def _decider(name: str, value: object) -> Sequence[str]:
    if value is None or _has(value, "before", "after"):
        return ()
    return [f"{name} takes an object with before(call) and after(call, value), {_got(value)}"]


def _clock(name: str, value: object) -> Sequence[str]:
    if value is None or _has(value, "now", "skip_to", "watch"):
        return ()
    return [f"{name} takes a stagekit.testing.VirtualClock, or an object like it, {_got(value)}"]


def _keep(name: str, value: object) -> Sequence[str]:
    if isinstance(value, (list, tuple)) or (isinstance(value, str) and value in KEPT):
        return ()
    near = _near(value, KEPT) if isinstance(value, str) else ""
    return [f"{name} takes {_either(KEPT)}, or a list of stages, {_got(value)}{near}"]


def values_mistakes(name: str, value: object) -> Sequence[str]:
    """Return what is wrong with ``values=``, but for its single values."""
    from collections.abc import Mapping

    if isinstance(value, Mapping) or _is_list(value):
        return ()
    return [f"{name} takes a list of objects, {_got(value)}; write values=[...]"]


def params_mistakes(name: str, value: object) -> Sequence[str]:
    """Return what is wrong with ``params=``, but for the values of single parameters."""
    from collections.abc import Mapping

    from stagekit._base.parameters import Setting

    if value is None or (
        isinstance(value, tuple) and all(isinstance(each, Setting) for each in _known(value))  # pyright: ignore[reportUnknownArgumentType]
    ):  # the command line makes a tuple of settings
        return ()
    if not isinstance(value, Mapping):
        return [f'{name} takes a mapping such as {{"load.path": "a.csv"}}, {_got(value)}']  # pyright: ignore[reportUnknownArgumentType]
    keys: List[Any] = list(value)  # pyright: ignore[reportUnknownArgumentType]
    wrong = [key for key in keys if not isinstance(key, str)]
    return [f'{name} takes names such as "load.path", {_got(key)}' for key in wrong]


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
    if not (is_asked or on_cancel or partial):
        return False
    from stagekit._base.rollback import Rollback

    return Rollback(on_cancel=on_cancel, partial=partial)


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
    Option(name="registry", type="Optional[Registry]", default=None, check=_registry),
    Option(
        name="select",
        type="Union[str, Sequence[str]]",
        default=(),
        check=_words,
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
        check=_words,
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
    Option(name="values", type="Values", default=(), check=values_mistakes),
    Option(name="overrides", type="Optional[Mapping[Any, object]]", default=None, check=_overrides),
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
        check=_bool,
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
    Option(name="check", type="bool", default=True, check=_bool),
    Option(name="hooks", type="Sequence[Hook]", default=(), check=_hooks),
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
            Flag(names=("--rollback-on-cancel",), help="As --rollback, and after Ctrl-C, too."),
            Flag(
                names=("--compensate-partial",),
                help="As --rollback, and undo the stages that failed, too.",
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
        check=_bool,
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
    Option(name="clock", type="Optional[Clock]", default=None, check=_clock),
)
OPTIONS = (*PLANNING, *RUNNING)
_CHECKS = {option.name: option.check for option in OPTIONS}
_ONLY_PLANNING = frozenset([option.name for option in PLANNING]) - {"values"}


def check(
    options: Mapping[str, object],
    *,
    has_plan: bool,
    target: object = None,
    more: Sequence[str] = (),
) -> None:
    """Refuse options that cannot be taken.

    Args:
        options: by name; those that have their default may be left out.
        has_plan: whether a plan is run that is made already.
        target: what is to be planned.
        more: what else is known to be wrong.

    Raises:
        UsageError: naming all of them.
    """
    mistakes: List[str] = []
    late: List[str] = []
    for name, value in options.items():
        if has_plan and name in _ONLY_PLANNING and _is_said(value):
            late.append(name)
        elif name in _CHECKS:
            mistakes += _CHECKS[name](name, value)
    if late:
        mistakes.insert(0, f"the plan is already made; pass {', '.join(late)} to plan(...) instead")
    mistakes += more
    if mistakes:
        from stagekit.errors import UsageError

        # Where only the target is wrong, planning says so, with what there is.
        raise UsageError("; ".join([*_target_mistakes(target), *mistakes]))
