# SPDX-License-Identifier: Apache-2.0
"""From figures to verdicts: medians, ranges, and whether a budget is met.

Pure: values in, rows of the table out. The verdict is about the median alone; the range says how
far it can be trusted.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

MET, NOT_MET, NOT_MEASURED, NO_BUDGET = "met", "NOT MET", "not measured", "–"
NOT_JUDGED = "not judged"  # sizes were not those of the budget


def median(values: Sequence[float]) -> float:
    """The middle one, or the mean of the two in the middle; there must be one value at least."""
    if not values:
        raise ValueError("no median of nothing")
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2 == 1:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2


def ratios(numerators: Sequence[float], denominators: Sequence[float]) -> list[float]:
    """Pair by pair, as far as there are pairs; pairs without a denominator are left out."""
    return [a / b for a, b in zip(numerators, denominators) if b > 0]


def exactly(value: float) -> str:
    """A limit as it was set: 1.3, 0.8, 1,024."""
    return f"{value:,.10g}"


def number(value: float) -> str:
    """Three significant digits, or all there are before the point: 0.981, 4.12, 41.2, 4,122."""
    if value == int(value):
        return f"{int(value):,}"
    for digits, bound in ((3, 1), (2, 10), (1, 100)):
        if abs(value) < bound:
            return f"{value:.{digits}f}"
    return f"{value:,.0f}"


@dataclass(frozen=True)
class Limit:
    """What a budget allows: at most, at least, or both; neither is a figure without a budget."""

    at_most: float | None = None
    at_least: float | None = None

    def allows(self, value: float) -> bool:
        return ((self.at_most is None or value <= self.at_most)
                and (self.at_least is None or value >= self.at_least))

    def exists(self) -> bool:
        return self.at_most is not None or self.at_least is not None

    def __str__(self) -> str:
        if self.at_most is not None and self.at_least is not None:
            if self.at_most == self.at_least:
                return exactly(self.at_most)
            return f"{exactly(self.at_least)} to {exactly(self.at_most)}"
        if self.at_most is not None:
            return f"≤ {exactly(self.at_most)}"
        if self.at_least is not None:
            return f"≥ {exactly(self.at_least)}"
        return NO_BUDGET


NONE = Limit()


@dataclass
class Row:
    """A line of the table. `values` are what was measured in each pair or run, in `unit`."""

    budget: str  # "P1", or the name of its section where there is no number
    figure: str
    limit: Limit = NONE
    unit: str = ""
    values: Sequence[float] = field(default_factory=list)
    reason: str = ""  # why there is nothing, or what has to be known about it
    judged: bool = True  # no: the sizes were not those of the budget

    def verdict(self) -> str:
        if not self.values:
            return NOT_MEASURED
        if not self.limit.exists():
            return NO_BUDGET
        if not self.judged:
            return NOT_JUDGED
        return MET if self.limit.allows(median(self.values)) else NOT_MET

    def measured(self) -> str:
        """Median, and the range where there is one."""
        if not self.values:
            return NO_BUDGET
        text = number(median(self.values)) + (f" {self.unit}" if self.unit else "")
        if len(self.values) == 1:
            return text
        return f"{text} ({number(min(self.values))}–{number(max(self.values))})"
