# SPDX-License-Identifier: Apache-2.0
"""The results: one JSON object a line, what the load generator wrote and where it belongs.

Added to each: `run` (when the set was started), `set`, `section`, `step`, `time`, `commit`,
`preset`, `cores`, `kernel`, `smoke`. A step that broke has the key `broken` with the reason and no
figures, one that could not be done has `skipped`.
All judging and drawing reads these lines, so that it can be repeated from the file.
"""
from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

Line = dict[str, Any]


class BadFile(Exception):
    """The file cannot be read, or holds something else than results."""


def read(path: Path) -> list[Line]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadFile(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    found: list[Line] = []
    for count, row in enumerate(text.splitlines(), 1):
        try:
            line = json.loads(row)
        except json.JSONDecodeError as error:
            raise BadFile(f"{path}:{count}: no JSON: {error}") from error
        if not isinstance(line, dict):
            raise BadFile(f"{path}:{count}: expected an object")
        found.append(line)
    return found


def append(path: Path, line: Line) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")


def latest(lines: Iterable[Line]) -> list[Line]:
    """Of each section, the lines of the run that came to it last; others' lines are left out, and
    those of smoke runs wherever there are others."""
    lines = [line for line in lines if "section" in line and "run" in line]
    lines = [line for line in lines if not line.get("smoke")] or lines
    last = {line["section"]: line["run"] for line in lines}
    return [line for line in lines if line["run"] == last[line["section"]]]


def of(lines: Iterable[Line], section: str, step: str | None = None) -> list[Line]:
    """The sound lines of a section, or of one of its steps."""
    return [line for line in lines if line.get("section") == section
            and not {"broken", "skipped"} & line.keys()
            and (step is None or line.get("step") == step)]


def values(lines: Iterable[Line], key: str, factor: float = 1) -> list[float]:
    """What stands under `key`, a number or a list of them, times `factor`; null is absent."""
    found: list[float] = []
    for line in lines:
        value = line.get(key)
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, (int, float)):
                found.append(one * factor)
    return found


def reasons(lines: Iterable[Line], key: str) -> list[str]:
    """What was `broken` or `skipped`, and why."""
    return [f"{line.get('section')}, {line.get('step')}: {line[key]}" for line in lines
            if key in line]


def slopes(line: Line, key: str) -> dict[tuple[int, int], float]:
    """What a connection more cost between two points of `idle`: KEY_per_connection_A_to_B."""
    found: dict[tuple[int, int], float] = {}
    for name, value in line.items():
        match = re.fullmatch(re.escape(key) + r"_per_connection_(\d+)_to_(\d+)", name)
        if match and isinstance(value, (int, float)):
            found[int(match[1]), int(match[2])] = value
    return found


def last_slopes(lines: Iterable[Line], key: str) -> list[float]:
    """Of each line the slope up to its last point, unless that begins with no connections."""
    found: list[float] = []
    for line in lines:
        of_line = slopes(line, key)
        if of_line and max(of_line)[0] > 0:
            found.append(of_line[max(of_line)])
    return found
