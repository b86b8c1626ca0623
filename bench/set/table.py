# SPDX-License-Identifier: Apache-2.0
"""The table of budgets: for the terminal, and between the markers of docs/performance.md."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import lines
import peers
from judge import NO_BUDGET, NOT_MEASURED, Limit, Row, median, number
from lines import Line
from section import Section
from sections import SECTIONS

BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"
HEADER = ("budget", "figure", "limit", "median (range)", "verdict")
# Budgets of what is not built, so that the table says so.
UNBUILT = (Row("P9", "durable appends / SQLite", Limit(at_least=0.8), reason="not part of the set"),
           Row("P10", "Redis engine / redis-benchmark", Limit(at_least=0.8),
               reason="not part of the set"))


class BadDocument(Exception):
    """The document has no place for the table."""


def budget_order(row: Row) -> tuple[int, str]:
    """P1 to P11 by their numbers, then the rest as the sections come."""
    digits = "".join(c for c in row.budget if c.isdigit())
    return (int(digits), row.budget) if row.budget.startswith("P") and digits else (99, "")


def rows_of(found: Sequence[Line], sections: Sequence[Section] = SECTIONS) -> list[Row]:
    """Those of some sections; with all of them also those that no section has."""
    rows = [row for section in sections for row in section.rows(found)]
    if len(sections) == len(SECTIONS):
        rows += UNBUILT
    return sorted(rows, key=budget_order)


def shown(rows: Sequence[Row]) -> list[Row]:
    """Without the figures that have no budget and were not measured."""
    return [row for row in rows if row.values or row.limit.exists()]


def cells(row: Row) -> tuple[str, ...]:
    limit = str(row.limit) + (f" {row.unit}" if row.limit.exists() and row.unit else "")
    return row.budget, row.figure, limit, row.measured(), row.verdict()


def notes(rows: Sequence[Row]) -> list[str]:
    return [f"{row.budget}, {row.figure}: {row.reason}" for row in rows if row.reason]


def text(rows: Sequence[Row]) -> str:
    body = [HEADER, *(cells(row) for row in shown(rows))]
    widths = [max(len(row[i]) for row in body) for i in range(len(HEADER))]
    out = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
           for row in body]
    out.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join([*out, *(f"  {note}" for note in notes(shown(rows)))])


def summary(rows: Sequence[Row]) -> str:
    verdicts = [row.verdict() for row in rows if row.limit.exists()]
    counts = {verdict: verdicts.count(verdict) for verdict in sorted(set(verdicts))}
    return ", ".join(f"{count} {verdict}" for verdict, count in counts.items())


def markdown_table(header: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    rule = ["---"] * len(header)
    return "\n".join("| " + " | ".join(row) + " |" for row in [header, rule, *body])


def provenance(found: Sequence[Line]) -> str:
    """Which commits, when and on what: sections may come from several runs."""
    def all_of(key: str) -> str:
        return ", ".join(sorted({str(line[key]) for line in found if line.get(key)}))
    days = sorted(str(line["time"])[:10] for line in found if line.get("time"))
    day = days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"
    return (f"Commit {all_of('commit')}, preset {all_of('preset')}, {all_of('cores')} cores, Linux "
            f"{all_of('kernel')}, {day}.")


def peer_table(found: Sequence[Line]) -> str:
    """Side by side: CPU in multiples of sanjay's, memory in bytes."""
    def cell(values: Sequence[float]) -> str:
        return number(median(values)) if values else NO_BUDGET

    scenarios = ("fanout-1", "fanout-16", "echo")
    ours = ["sanjay", "1", "1", "1", cell(peers.idle_bytes(found, peers.OURS))]
    body = [[name, *(cell(peers.times_ours(found, name, scenario)) for scenario in scenarios),
             cell(peers.idle_bytes(found, name))] for name in peers.names_in(found)]
    if not body:
        return ""
    return markdown_table(("server", "CPU of single messages", "16 in flight", "echo",
                           "bytes of an idle connection"), [ours, *body])


def document(found: Sequence[Line], images: Sequence[tuple[str, str]]) -> str:
    """What stands between the markers; `images` are titles and files."""
    rows = [row for row in shown(rows_of(found)) if row.budget != peers.NAME]
    parts = [provenance(found), markdown_table(HEADER, [cells(row) for row in rows])]
    if explained := notes([row for row in rows if row.verdict() != NOT_MEASURED]):
        parts.append("\n".join(f"- {note}" for note in explained))
    if side_by_side := peer_table(found):
        parts += ["Beside other servers, in the same runs; CPU in multiples of sanjay's:",
                  side_by_side]
    parts += [f"![{title}](plots/{file})" for title, file in images]
    return "\n\n".join(parts)


def replace_between(path: Path, content: str) -> str:
    """The text of a document with `content` between its markers."""
    try:
        before = path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadDocument(f"{path}: {error.strerror}") from error
    head, begin, rest = before.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise BadDocument(f"{path}: no {BEGIN} followed by {END}")
    return f"{head}{BEGIN}\n{content}\n{END}{tail}"


def troubles(found: Sequence[Line]) -> str:
    """What was broken and what could not be done, a line each."""
    return "\n".join([*(f"BROKEN: {why}" for why in lines.reasons(found, "broken")),
                      *(f"skipped: {why}" for why in lines.reasons(found, "skipped"))])
