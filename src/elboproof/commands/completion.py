"""``elboproof completion``: a script that lets a shell complete commands, options and labels.

The script holds the options, made from the parser, and asks ``elboproof completion labels`` for the labels, which are
read from the texts of the claim modules without importing them.
"""

import argparse
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

LABELLED = ("verify", "show")
"""Commands whose arguments are labels of claims."""

_STATEMENT = re.compile(r"""statement\s*=\s*["'](S[0-9]+[a-z]?)["']""")

_SHARED = """\
_elboproof_words() {
  local command="$1"
  case "$command" in
CASES
    *) echo "COMMANDS" ;;
  esac
}
"""

_BASH = """\
# bash completion of elboproof: put  eval "$(elboproof completion bash)"  into ~/.bashrc
SHARED
_elboproof() {
  local word="${COMP_WORDS[COMP_CWORD]}" words
  if [ "$COMP_CWORD" -eq 1 ]; then
    words="$(_elboproof_words)"
  else
    words="$(_elboproof_words "${COMP_WORDS[1]}")"
  fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _elboproof elboproof
"""

_ZSH = """\
#compdef elboproof
# zsh completion of elboproof: put  eval "$(elboproof completion zsh)"  into ~/.zshrc, after compinit
SHARED
_elboproof() {
  local words_of_command
  if (( CURRENT == 2 )); then
    words_of_command="$(_elboproof_words)"
  else
    words_of_command="$(_elboproof_words "${words[2]}")"
  fi
  compadd -- ${=words_of_command} || _files
}
compdef _elboproof elboproof
"""

SCRIPTS = {"bash": _BASH, "zsh": _ZSH}


def main(shell: str, options: Mapping[str, list[str]], path: Path) -> int:
    """Print the script of a shell, or the labels.

    Parameters
    ----------
    shell
        "bash", "zsh" or "labels".
    options
        The options of each command.
    path
        The claim modules.
    """
    print("\n".join(labels(path)) if shell == "labels" else script(shell, options))
    return 0


def script(shell: str, options: Mapping[str, list[str]]) -> str:
    """Return the script of a shell."""
    cases = []
    for command, names in options.items():
        asked = " $(elboproof completion labels 2>/dev/null)" if command in LABELLED else ""
        cases.append(f'    {command}) echo "{" ".join(names)}{asked}" ;;')
    shared = _SHARED.replace("CASES", "\n".join(cases)).replace("COMMANDS", " ".join(options))
    return SCRIPTS[shell].replace("SHARED", shared).rstrip()


def options_of(parser: argparse.ArgumentParser) -> dict[str, list[str]]:
    """Return the options of each command of a parser, and the choices of its arguments."""
    [commands] = (one.choices for one in parser._actions if isinstance(one, argparse._SubParsersAction))
    return {name: list(_words(command)) for name, command in commands.items()}


def _words(command: argparse.ArgumentParser) -> Iterator[str]:
    for action in command._actions:
        yield from action.option_strings
        if not action.option_strings and action.choices is not None:
            yield from map(str, action.choices)


def labels(directory: Path) -> list[str]:
    """Return the labels of claims and statements of a folder, from the texts of its modules."""
    found: dict[str, None] = {}
    places = [*directory.glob("*.py"), *(one.parent for one in directory.glob("*/__init__.py"))]
    for place in sorted(places):
        if place.name.startswith("_"):
            continue
        label = place.stem.replace("_", "-")
        found[label] = None
        files = [place] if place.is_file() else sorted(place.rglob("*.py"))
        statements = {one for file in files for one in _STATEMENT.findall(file.read_text("utf-8", "replace"))}
        for statement in sorted(statements, key=lambda one: (int(re.sub(r"\D", "", one)), one)):
            found[f"{label}/{statement}"] = None
    return list(found)
