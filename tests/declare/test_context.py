"""What a stage can be told about its run."""

from __future__ import annotations

import argparse
import time
from datetime import timezone
from typing import List, NewType

import pytest

from stagekit import Arguments, Context, Registry, RunInfo, given, run

Rate = NewType("Rate", float)


class Settings:
    """What a caller gives."""


def context_of(**options: object) -> Context:
    """Return the context that a stage of a run is given."""
    registry = Registry()

    @registry.stage
    def look(context: Context) -> float:
        seen.append(context)
        return 1.0

    seen: List[Context] = []
    run(registry=registry, executor="inline", **options)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    return seen[0]


def test_a_context_holds_what_the_caller_gave_and_nothing_else() -> None:
    """Values by type and by name; what stages return is not in it."""
    settings = Settings()
    values = [settings, given(0.5, as_=Rate), given([1], as_=List[int], name="sizes")]
    context = context_of(values=values, arguments=["--fast"])
    assert settings is context[Settings]
    assert settings is context.get(Settings)
    assert (0.5, [1]) == (context[Rate], context.get(List[int], name="sizes"))
    assert Settings in context
    assert float not in context
    assert (3, 3) == (len(context), len(list(context)))
    assert ("--fast",) == context.arguments


def test_what_was_not_given_is_the_default_or_an_error_that_says_what_was() -> None:
    """``get`` has a default; ``[]`` raises ``KeyError`` with what there is."""
    context = Context({int: 3}, Arguments())
    assert context.get(str) is None
    assert "none" == context.get(str, "none")
    assert context.get(int, name="other") is None
    with pytest.raises(KeyError, match="no str was given to this run; it was given int"):
        context[str]
    with pytest.raises(KeyError, match="it was given nothing"):
        Context({}, Arguments())[int]


def test_a_value_with_a_name_is_asked_for_by_it() -> None:
    """Without the name it is not found, and the error tells the name."""
    context = context_of(values=[given(1, name="left"), given(2, name="right")])
    assert (1, 2) == (context.get(int, name="left"), context.get(int, name="right"))
    with pytest.raises(KeyError, match="only with a name: 'left', 'right'"):
        context[int]


def test_a_context_is_read_only_and_can_be_printed() -> None:
    """It has no way to set anything, and is no window on the caller's mapping."""
    values = {int: 3}
    context = Context(values, Arguments())
    values[int] = 4
    assert 3 == context[int]
    assert not hasattr(context, "__setitem__")
    assert "<Context of int>" == repr(context)
    assert "<Context of nothing>" == repr(Context({}, Arguments()))


def test_arguments_are_what_argparse_takes() -> None:
    """They are a tuple of texts, so that any parser reads them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--year", type=int)
    registry = Registry()

    @registry.stage
    def year(arguments: Arguments) -> int:
        found: int = parser.parse_args(arguments).year
        return found

    assert 2013 == run(registry=registry, arguments=["--year", "2013"])[year]
    assert () == Arguments()


def test_run_info_says_which_run_it_is() -> None:
    """Id, start and executor; each run has another id."""
    registry = Registry()

    @registry.stage
    def info(info: RunInfo) -> RunInfo:
        return info

    before = time.time()
    infos = [run(registry=registry, executor="inline")[info] for _ in range(2)]
    first = infos[0]
    assert before - 1 <= first.started_at <= time.time() + 1
    assert timezone.utc is first.started.tzinfo
    assert abs(first.started.timestamp() - first.started_at) < 0.001
    assert ("inline", None) == (first.executor, first.parent)
    assert first.id == first.id
    assert 8 == len(first.id)
    assert first.id.isalnum()
    assert first.id != infos[1].id
    assert repr(first).startswith(f"<run {first.id}: inline, ")


def test_ids_of_runs_do_not_repeat() -> None:
    """A thousand runs have a thousand ids, easily read aloud: no i, l, o or u."""
    ids = {RunInfo("inline", 1).id for _ in range(1000)}
    assert 1000 == len(ids)
    assert set() == set("".join(ids)) & set("ilou")


def test_threads_that_ask_for_the_id_at_once_get_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first id that is made stays."""
    info = RunInfo("inline", 1)

    class Overtaken:
        """A lock that another thread held meanwhile, and made the id."""

        def __enter__(self) -> None:
            info._id = "thefirst"

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr("stagekit._declare.context._id_lock", Overtaken())
    assert "thefirst" == info.id
