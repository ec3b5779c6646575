"""``stagekit bench``: run a pipeline again and again, and say how long it takes."""

from __future__ import annotations

import contextlib
import json
import os
import re
import warnings
from dataclasses import asdict
from typing import (
    Any,
    Callable,
    Dict,
    Generator,
    Iterator,
    List,
    Mapping,
    Optional,
    Tuple,
    Union,
)

from stagekit._api import Plan
from stagekit._base.record import Record
from stagekit._base.text import escape_control, fine_seconds, plural, short_names
from stagekit._bench.api import MEMORY, measured, mistakes_of
from stagekit._bench.benchmark import Benchmark, heading, mistakes_of_base
from stagekit._bench.measures import Difference
from stagekit._bench.samples import ENOUGH
from stagekit._bench.table import indented, lines
from stagekit._run.result import Result
from stagekit.cli import ExitCode
from stagekit.cli.interruption import Interruption, Phases
from stagekit.cli.output import Output, Style
from stagekit.cli.planning import Selection, check_arguments, plan_of
from stagekit.cli.streams import NotWrittenError, muted_stdout
from stagekit.errors import (
    RunCancelledError,
    RunFailedError,
    StagekitError,
    StagekitWarning,
    UsageError,
)
from stagekit.hooks.terminal import QuietStream, can_animate

_PERCENT = re.compile(r"(\d+(?:\.\d+)?) ?%")


class BenchRequest(Record, kw_only=True):
    """What the command line says of a benchmark: what follows each flag, as it was typed."""

    target: str
    selection: Selection
    running: Mapping[str, Any]  # options of a run
    typed: Mapping[str, Any]
    is_json: bool
    is_full: bool


class _Asked(Record, kw_only=True):
    """What was typed, read."""

    repeat: int
    warmup: int
    executors: Tuple[str, ...]
    memory: Optional[str]
    base: Optional[Benchmark]
    fail_over: Optional[float]
    workers: Tuple[int, ...]


def bench_target(request: BenchRequest, interruption: Interruption, output: Output) -> ExitCode:
    """Measure what a request says; print what came of it, and compare it."""
    mistakes: List[str] = []
    asked = _read(request, mistakes)
    try:
        limits = request.running.get("limits")
        made = plan_of(request.target, request.selection, output, limits=limits)
        check_arguments(made, request.running["arguments"])
    except StagekitError:
        if mistakes:
            raise UsageError("; ".join(mistakes)) from None
        raise
    if asked.base is not None:
        wrong = mistakes_of_base(asked.base, made.order, asked.executors)
        again = "write --save to measure this one" if wrong else ""
        mistakes += [f"--compare {request.typed['compare']} {each}; {again}" for each in wrong]
    if mistakes:
        raise UsageError("; ".join(mistakes))
    found = _measured(made, asked, request, interruption, output)
    if isinstance(found, ExitCode):
        return found
    found = found.named(escape_control(request.target))
    differences: Dict[str, Difference] = {}
    if asked.base is not None:
        differences = found.compare(asked.base)
    over = asked.fail_over
    exceeded = [n for n, each in differences.items() if over is not None and each.is_over(over)]
    if request.is_json:
        output.print_result(json.dumps(_document(found, made, asked, differences), indent=2))
    else:
        shown = _shown(found, made, asked, differences, output.style)
        output.print_result("\n".join(shown))
    if request.typed["save"] is not None:
        _save(request.typed["save"], found)
    if exceeded:
        output.print_error(
            f"slower than {request.typed['compare']} by more than {over:.1%} and the noise: "
            + ", ".join(f"{each} {differences[each].ratio:.2f}×" for each in exceeded)
        )
        return ExitCode.SLOWER
    return ExitCode.OK


# What was typed.


def _read(request: BenchRequest, mistakes: List[str]) -> _Asked:
    """Return what was typed; all that is wrong with it goes into *mistakes*."""
    typed, running = request.typed, request.running
    repeat = _number("--repeat", typed["repeat"], 1, "20", mistakes)
    warmup = _number("--warmup", typed["warmup"], 0, "3", mistakes)
    executors = _words(typed["executors"])
    memory, save, compare = typed["memory"], typed["save"], typed["compare"]
    if memory is not None and memory not in MEMORY:
        mistakes.append(
            f"--memory {memory!r}: there are {' and '.join(MEMORY)}; write --memory tracemalloc"
        )
    if not executors:
        mistakes.append("--executors '': names none; write --executors inline,threads")
    else:
        found = mistakes_of(1, 0, executors, None, running)
        mistakes += [f"--executors {typed['executors']}: {each}" for each in found]
    if save is not None and not os.path.isdir(os.path.dirname(save) or "."):
        mistakes.append(f"--save {save}: there is no folder {os.path.dirname(save)!r}; make it")
    base = None if compare is None else _base(compare, mistakes)
    fail_over = _share(typed["fail_over"], mistakes)
    if typed["fail_over"] is not None:
        if compare is None:
            mistakes.append(
                "--fail-over compares with nothing; write --compare base.json beside it"
            )
        few = [
            ("--repeat", repeat),
            *([] if base is None else [("--compare: repeat", base.repeat)]),
        ]
        for name, count in few:
            if 0 < count < ENOUGH:
                text = f"of fewer than {ENOUGH} runs the noise is unknown"
                mistakes.append(
                    f"{name} {count}: {text}, and --fail-over needs it; write --repeat 20"
                )
    counts = [
        _number("--what-if", each, 1, "1,2,4,8", mistakes) for each in _words(typed["what_if"])
    ]
    return _Asked(
        repeat=repeat,
        warmup=warmup,
        executors=tuple(executors),
        memory=memory,
        base=base,
        fail_over=fail_over,
        workers=tuple(counts),
    )


def _words(text: Optional[str]) -> List[str]:
    return [each.strip() for each in (text or "").split(",") if each.strip()]


def _number(flag: str, text: str, least: int, example: str, mistakes: List[str]) -> int:
    if text.isdecimal() and least <= int(text) <= 1_000_000:  # noqa: PLR2004 - of runs, or workers
        return int(text)
    mistakes.append(
        f"{flag} {escape_control(text)!r}: takes a whole number from {least} on; "
        f"write {flag} {example}"
    )
    return 0


def _share(text: Optional[str], mistakes: List[str]) -> Optional[float]:
    if text is None:
        return None
    found = _PERCENT.fullmatch(text)
    if found is None:
        shown = escape_control(text)
        example = f"{text}%" if re.fullmatch(r"\d+(\.\d+)?", text) else "10%"
        mistakes.append(f"--fail-over {shown!r}: is no percentage; write --fail-over {example}")
        return None
    return float(found.group(1)) / 100


def _base(path: str, mistakes: List[str]) -> Optional[Benchmark]:
    again = f"write `stagekit bench TARGET --save {escape_control(path)}` to make it"
    try:
        with open(path, encoding="utf-8") as file:
            return Benchmark.from_json(file.read())
    except (OSError, UnicodeDecodeError) as error:
        why = f"cannot be read: {getattr(error, 'strerror', None) or error}"
    except UsageError as error:
        why = str(error)
    mistakes.append(f"--compare {escape_control(path)} {escape_control(why)}; {again}")
    return None


# Measuring.


def _measured(
    made: Plan, asked: _Asked, request: BenchRequest, interruption: Interruption, output: Output
) -> Union[Benchmark, ExitCode]:
    """Return what was measured, or how the command ends as a run did not succeed."""
    output.note(
        f"{plural(asked.warmup + asked.repeat, 'round')} of two runs each on "
        + ", ".join(asked.executors)
    )
    phases = Phases(lambda: output.print_message("waiting for stages to end; Ctrl-C ends at once"))
    try:
        with contextlib.ExitStack() as printed, _in_run(interruption, phases):
            return measured(
                made,
                asked.repeat,
                asked.warmup,
                asked.executors,
                asked.memory,
                request.running,
                notify=_rounds(asked.warmup + asked.repeat, printed),
            )
    except KeyboardInterrupt:
        output.print_message("interrupted; nothing was measured")
        code, text = interruption.exit_code, "interrupted; nothing was measured"
        return _not_measured(request, output, "cancelled", code, text)
    except (RunFailedError, RunCancelledError) as error:
        result: Result = error.result
        return _failed(result, request, output)


@contextlib.contextmanager
def _in_run(interruption: Interruption, phases: Phases) -> Generator[None, None, None]:
    with interruption.phases(phases), warnings.catch_warnings():
        warnings.simplefilter("ignore", StagekitWarning)
        interruption.has_run = True
        yield


def _rounds(count: int, printed: contextlib.ExitStack) -> Callable[[int], object]:
    """Return what is called before each round.

    What stages print is shown in the first one only. A terminal shows which one it is, in a line
    that is written over.
    """
    stream = QuietStream()
    is_animated = can_animate(stream, os.environ)

    def begin(number: int) -> None:
        if number == 1:
            printed.enter_context(muted_stdout())
        if is_animated:
            stream.write(f"\r  round {number + 1:,} of {count:,} \r")
            stream.flush()

    return begin


def _failed(result: Result, request: BenchRequest, output: Output) -> ExitCode:
    from stagekit.cli.failures import show_failures
    from stagekit.cli.summary import summary

    failures = show_failures(result, output.error_style, is_full=request.is_full)
    if failures:
        output.print_message(f"{failures}\n")
    output.print_message(summary(result, output.error_style))
    output.print_message("\nnothing was measured: a run did not succeed")
    is_late = result.cancel_reason == "deadline"
    code = ExitCode.DEADLINE if is_late else ExitCode.STAGE_FAILED
    text = "nothing was measured: a run did not succeed"
    return _not_measured(request, output, "error", code, text)


def _not_measured(
    request: BenchRequest, output: Output, status: str, code: ExitCode, text: str
) -> ExitCode:
    """Print the document of a benchmark that has no figures, where one was asked for."""
    if request.is_json:
        from stagekit.cli.documents import as_text, error_document

        output.print_result(as_text(error_document(status, code, text)))
    return code


def _save(path: str, found: Benchmark) -> None:
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(found.to_json() + "\n")
    except OSError as error:
        raise NotWrittenError(f"--save {path}", error) from None


# What came of it.


def _document(
    found: Benchmark, made: Plan, asked: _Asked, differences: Mapping[str, Difference]
) -> Dict[str, Any]:
    document = found.document()
    if asked.base is not None:
        document["comparison"] = {
            "fail_over": asked.fail_over,
            "executors": {
                name: {
                    **asdict(each),
                    "is_over": asked.fail_over is not None and each.is_over(asked.fail_over),
                }
                for name, each in differences.items()
            },
            "stages": {
                stage: asdict(each) for stage, each in found.compare_stages(asked.base).items()
            },
        }
    if asked.workers:
        document["what_if"] = [
            {"workers": each.workers, "seconds": each.seconds, "speed_up": each.speed_up}
            for each in found.what_if(made, asked.workers)
        ]
    return document


def _shown(
    found: Benchmark,
    made: Plan,
    asked: _Asked,
    differences: Mapping[str, Difference],
    style: Style,
) -> Iterator[str]:
    """Yield what came of it, as lines for people."""
    base = asked.base
    yield from lines(
        heading(found),
        found.executors,
        found.memory,
        differences=differences,
        stage_differences={} if base is None else found.compare_stages(base),
        has_unicode=style.has_unicode,
        all_of_it="--json",
    )
    if base is not None and (base.python, base.platform, base.processors) != (
        found.python,
        found.platform,
        found.processors,
    ):
        where = f"{base.python}, {base.platform}, {plural(base.processors, 'core')}"
        yield f"  note           the base was measured elsewhere: {escape_control(where)}"
    if asked.workers:
        yield ""
        rows = [("what if", "wall", "speed-up")]
        rows += [
            (plural(each.workers, "worker"), fine_seconds(each.seconds), f"{each.speed_up:.2f}×")
            for each in found.what_if(made, asked.workers)
        ]
        yield from indented(rows)
        yield "  estimated: each stage takes as long as it did in the benchmark"
        names = short_names(made.order)
        mapped = [names[made.order[step]] for step, policy in made.policies.items() if policy.each]
        if mapped:
            who = ", ".join(map(escape_control, mapped))
            yield f"  {who}: counted as one call, whatever its items could do side by side"
