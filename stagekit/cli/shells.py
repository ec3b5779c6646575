"""Completion for bash, zsh and fish: the script of each shell, and what it is answered.

The scripts hand over the command line as it is typed, up to the cursor. click's own are handed the
words of the shell: bash takes ``shop.py:load`` and ``--set path=a.csv`` apart. What is answered is
one line for each word: the word, a tab, and what it is.
"""

from __future__ import annotations

import re
from typing import Iterator, List, Mapping, Tuple

import click
from click.shell_completion import ShellComplete, split_arg_string

VARIABLE = "_STAGEKIT_COMPLETE"
_END = "\x01"  # what marks the cursor
_PLAIN = re.compile(r"[\w@%+=:,./-]*")

BASH = """\
_stagekit_completion() {
    local line value
    COMPREPLY=()
    while IFS= read -r line; do
        value=${line%%$'\\t'*}
        COMPREPLY+=("$value")
        [[ $value == *[/=:.] ]] && compopt -o nospace 2>/dev/null
    done < <(COMP_LINE="${COMP_LINE:0:$COMP_POINT}" COMP_WORDBREAKS="$COMP_WORDBREAKS" \\
        _STAGEKIT_COMPLETE=bash_complete "${1/#\\~/$HOME}" 2>/dev/null)
}
complete -o nosort -F _stagekit_completion stagekit 2>/dev/null ||
    complete -F _stagekit_completion stagekit
"""
ZSH = """\
#compdef stagekit

_stagekit_completion() {
    local line value help
    local -a open open_shown closed closed_shown
    local program="${${(Q)words[1]}/#\\~/$HOME}"
    for line in "${(@f)$(COMP_LINE="${(j: :)words[1,CURRENT-1]} $PREFIX" \\
        _STAGEKIT_COMPLETE=zsh_complete "$program" 2>/dev/null)}"; do
        [[ -z $line ]] && continue
        value=${line%%$'\\t'*}
        help=${line#*$'\\t'}
        if [[ $value == *[/=:.] ]]; then
            open+=("$value")
            open_shown+=("$value${help:+  -- $help}")
        else
            closed+=("$value")
            closed_shown+=("$value${help:+  -- $help}")
        fi
    done
    (( $#open )) && compadd -l -S '' -d open_shown -a open
    (( $#closed )) && compadd -l -d closed_shown -a closed
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _stagekit_completion "$@"
else
    compdef _stagekit_completion stagekit
fi
"""
FISH = """\
function __stagekit_completion
    set -l program (commandline -opc)[1]
    set -lx COMP_LINE (commandline -cp | string collect)
    set -lx _STAGEKIT_COMPLETE fish_complete
    $program 2>/dev/null
end

complete --no-files --command stagekit --arguments "(__stagekit_completion)"
"""
SCRIPTS: Mapping[str, str] = {"bash": BASH, "zsh": ZSH, "fish": FISH}


def answer(command: click.Command, instruction: str, environ: Mapping[str, str]) -> str:
    """Return what a shell is answered: a script, or the words that the last one may become.

    Whatever goes wrong, nothing is offered: nobody wants an error in the middle of a line.

    Args:
        command: the command above all others.
        instruction: ``"bash_source"``, ``"bash_complete"`` and their like.
        environ: has the line up to the cursor.
    """
    shell, _, what = instruction.partition("_")
    if what == "source" and shell in SCRIPTS:
        return SCRIPTS[shell].rstrip("\n")
    try:
        line = environ.get("COMP_LINE", "")
        breaks = environ.get("COMP_WORDBREAKS", "") if shell == "bash" else ""
        return "\n".join(_lines(command, line, breaks, quotes=shell == "bash"))
    except Exception:  # noqa: BLE001 - see above
        return ""


def _lines(command: click.Command, line: str, breaks: str, *, quotes: bool) -> Iterator[str]:
    words, word, is_quoted = _taken_apart(line)
    completer = ShellComplete(command, {}, "stagekit", VARIABLE)
    is_assigned = word.startswith("--") and "=" in word  # --set=load.path
    before = f"{word.partition('=')[0]}=" if is_assigned else ""
    begun = _begun(word, breaks)
    for item in completer.get_completions(words, word):
        text = f"{before}{item.value}"
        if not text.startswith(word) or not text.isprintable():
            continue
        rest = text[begun:]
        if quotes and not is_quoted and not _PLAIN.fullmatch(rest):
            rest = re.sub(r"([^\w@%+=:,./-])", r"\\\1", rest)
        shown = " ".join((item.help or "").split())
        yield f"{rest}\t{shown if shown.isprintable() else ''}"


def _taken_apart(line: str) -> Tuple[List[str], str, bool]:
    """Return the words of a line behind the command, the last one, and whether it is quoted."""
    words = split_arg_string(line + _END)
    while words and re.match(r"\w+=", words[0]):  # VARIABLE=value before the command
        del words[0]
    *others, last = words[1:] or [_END]
    is_quoted = line.count('"') % 2 == 1 or line.count("'") % 2 == 1
    return others, last.replace(_END, ""), is_quoted


def _begun(word: str, breaks: str) -> int:
    """Return where the part of a word begins that bash replaces: behind its last break."""
    return max([word.rfind(each) + 1 for each in breaks if each in ":="], default=0)
