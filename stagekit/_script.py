"""``stagekit.main()``: a script is a program of its own."""

from __future__ import annotations

import sys

from stagekit._declare.context import importing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing_extensions import NoReturn


def main() -> NoReturn:
    """Run the stages of the calling script as ``stagekit run`` would, and end the program.

    It takes the options of ``stagekit run`` from the command line, shows the same progress and the
    same messages, and ends with the same exit codes. Call it at the end of a script::

        if __name__ == "__main__":
            stagekit.main()

    Then ``python shop.py --workers 8`` is ``stagekit run shop.py --workers 8``, and both work.

    Raises:
        SystemExit: always; its code is 0 if all went well.
        RunAtImportError: the script is imported, and the call is not below the ``if``.
        UsageError: it is called in a notebook, which has no command line; call ``run()`` there.
    """
    frame = sys._getframe(1)  # noqa: SLF001 - whose stages they are
    if "IPython" in sys.modules and "__file__" not in frame.f_globals:
        _refuse_in_notebook()
    name = frame.f_globals.get("__name__", "__main__")
    is_imported = frame.f_code.co_name == "<module>" and name != "__main__"
    if importing.get() or is_imported:
        from stagekit.errors import RunAtImportError

        raise RunAtImportError("main")
    from stagekit.__main__ import main as run_script

    sys.exit(run_script(sys.modules[name]))


def _refuse_in_notebook() -> None:
    from stagekit._base.notebook import shell

    if shell() is not None:
        from stagekit.errors import UsageError

        raise UsageError(
            "main() is for scripts: it reads the command line, and ends the program; in a notebook "
            "call run(): from stagekit import run; run()"
        )
