"""``--adopt``: a file runs as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.declare.test_adopt import SHOP

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Write


def test_a_file_runs_with_adopt_alone(cli: Cli, write: Write) -> None:
    """Zero changed lines; what is left out is a warning."""
    write("shop.py", SHOP)
    done = cli("run", "shop.py", "--adopt")
    assert 0 == done.code, done.both
    assert "4 ran" in done.both
    assert "`shout` was not adopted" in done.both
    done = cli("plan", "--adopt", "shop.py:total")
    assert 0 == done.code, done.both
    assert "Frame of orders, products" in done.both
    assert 4 == cli("run", "shop.py").code


def test_what_lacks_an_annotation_says_so(cli: Cli, write: Write) -> None:
    """Not that nothing fills ``None``, a type which nobody has written."""
    write("bare.py", "def load(): return [1]\ndef clean(load): ...\ndef fit(load, n: set): ...\n")
    done = cli("run", "bare.py", "--adopt")
    assert 0 == done.code, done.both
    assert "`clean` was not adopted: `load` has no annotation, and no stage needs it" in done.both
    assert "help: say what it takes: load: ..., and what each function returns" in done.both
    assert "nothing fills `load`, `n: set`; some have no annotation, and no stage" in done.both
