# SPDX-License-Identifier: Apache-2.0
"""What a section of the set is: how it is run, and what its lines say about the budgets."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from judge import Row
from lines import Line
from runner import Bench


@dataclass(frozen=True)
class Section:
    """`run` measures, step by step, and raises runner.Broken; `rows` reads the section's lines, all
    or some of them, and answers the same rows in the same order whatever is missing."""

    name: str
    help: str
    run: Callable[[Bench], None]
    rows: Callable[[Sequence[Line]], list[Row]]
    full_only: bool = False


def is_judged(lines: Sequence[Line]) -> bool:
    """Figures of a smoke run say nothing about a budget."""
    return not any(line.get("smoke") for line in lines)
