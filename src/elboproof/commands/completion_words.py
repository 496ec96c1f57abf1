"""The words of ``elboproof completion``."""

import argparse
from typing import Any

from elboproof.commands.words import AddPath


def add(commands: "argparse._SubParsersAction[Any]", add_path: AddPath) -> None:
    """Add the command to a parser's commands."""
    completion = commands.add_parser(
        "completion",
        help="print a script that lets the shell complete commands, options and labels",
        description='For bash, put  eval "$(elboproof completion bash)"  into ~/.bashrc; for zsh use ~/.zshrc.',
    )
    completion.add_argument(
        "shell", choices=("bash", "zsh", "labels"), help="bash or zsh; labels are what both ask for"
    )
    add_path(completion)
