"""The mutation run draws the same mutants each time, of every room, and each is Python that differs."""

import ast

import pytest

from tests import mutation


@pytest.mark.parametrize("room", mutation.ROOMS)
def test_mutants_are_drawn_by_seed(room: str) -> None:
    chosen = mutation.drawn(room)
    assert len(chosen) == mutation.EACH
    assert [mutant.label for mutant in chosen] == [mutant.label for mutant in mutation.drawn(room)]
    assert chosen != mutation.drawn(room, seed=mutation.SEED + 1)
    for mutant in chosen:
        source = (mutation.SOURCE / mutant.file).read_text(encoding="utf-8")
        assert ast.dump(ast.parse(mutant.text)) != ast.dump(ast.parse(source)), mutant.label


def test_steering_files_exist() -> None:
    assert all((mutation.SOURCE / name).exists() for name in mutation.STEERING)
