#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The measuring set: one command, no questions, a table of budgets at the end."""
from __future__ import annotations

import argparse
import ctypes
import errno
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

import lines
import table
from lines import Line
from runner import Bench
from section import Section, is_judged
from sections import SECTIONS

ROOT = Path(__file__).resolve().parent.parent.parent
DOCUMENT = ROOT / "docs/performance.md"
USAGE = """\
  scripts/bench                     the quick set, about 5 minutes
  scripts/bench full                the full set, up to an hour: also all peers, a million clients
  scripts/bench only NAME...        some sections of the quick set; with --full, of the full one
  scripts/bench list                the names of the sections
  scripts/bench plots FILE          draw plots and table again from a file of results
  scripts/bench COMMAND ...         a command of the load generator; scripts/bench COMMAND --help

Results are appended to build/bench/results.jsonl, plots go to build/bench/plots. The exit code is 0
when budgets are missed, 1 when a run broke, 2 when the command is wrong."""


EXIT_NO_URING = 77  # what test runners take for skipped
IO_URING_SETUP = 425


class BadUsage(Exception):
    """What was asked for does not exist; the text names what does."""


class NoUring(Exception):
    """The kernel refuses io_uring; floors and budgets are about it."""


def require_uring() -> None:
    """Asks for a ring with no parameters, which a kernel that knows it finds at fault (EFAULT)."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall(IO_URING_SETUP, 1, None)
    if ctypes.get_errno() in (errno.ENOSYS, errno.EPERM):
        raise NoUring("io_uring is not available here, and the set is about it")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench", usage="\n" + USAGE)
    parser.add_argument("what", nargs="?", default="quick",
                        choices=["quick", "full", "only", "list", "plots"])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--full", action="store_true", help="the sizes of the full set, for `only`")
    parser.add_argument("--smoke", action="store_true",
                        help="sizes divided by 50 and one pair: shows that it runs, judges nothing")
    parser.add_argument("--write-docs", action="store_true",
                        help="put table and plots into docs/performance.md and docs/plots")
    parser.add_argument("--build", type=Path, default=ROOT / "build/release", metavar="FOLDER",
                        help="where the programs are (build/release)")
    parser.add_argument("--out", type=Path, default=ROOT / "build/bench", metavar="FOLDER",
                        help="where results, logs and plots go (build/bench)")
    parser.add_argument("--check", action="store_true",
                        help="only see whether what was asked for can be done")
    parser.add_argument("--no-plots", action="store_true", help="draw nothing")
    return parser.parse_intermixed_args(arguments)


def choose(options: argparse.Namespace) -> list[Section]:
    """The sections asked for, in the order of the set."""
    if options.what != "only":
        if options.names:
            raise BadUsage(f"{options.what} takes no names; sections go with `only`")
        return [s for s in SECTIONS if options.what == "full" or not s.full_only]
    known = [section.name for section in SECTIONS]
    unknown = [name for name in options.names if name not in known]
    if unknown or not options.names:
        what = f"no section {', '.join(unknown)}" if unknown else "only: which sections?"
        raise BadUsage(f"{what}; there are: {', '.join(known)}")
    return [section for section in SECTIONS if section.name in options.names]


def marks(options: argparse.Namespace, full: bool) -> Line:
    """Which run this is, of what, on what."""
    git = subprocess.run(["git", "describe", "--always", "--dirty", "--exclude=*"], cwd=ROOT,
                         capture_output=True, text=True, check=False)
    return {"run": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
            "set": "full" if full else "quick", "smoke": options.smoke,
            "commit": git.stdout.strip(), "preset": options.build.name,
            "cores": len(os.sched_getaffinity(0)), "kernel": platform.release()}


def check(options: argparse.Namespace) -> None:
    """What would come out only after an hour."""
    if options.write_docs and options.smoke:
        raise BadUsage("--write-docs: figures of a smoke run do not belong into the documents")
    if options.write_docs:
        table.replace_between(DOCUMENT, "")


def run(options: argparse.Namespace) -> int:
    chosen = choose(options)
    check(options)
    require_uring()
    if options.check:
        return 0
    full = options.what == "full" or options.full
    for program in ("sanjay", "sanjay-bench"):
        if not (options.build / program).exists():
            raise BadUsage(f"{options.build / program} is not there: scripts/build release")
    results = options.out / "results.jsonl"
    bench = Bench(ROOT, options.build.resolve(), results.resolve(), full, options.smoke,
                  marks(options, full))
    began = time.monotonic()
    for count, section in enumerate(chosen, 1):
        bench.section = section.name
        minutes = (time.monotonic() - began) / 60
        print(f"\n=== {count} of {len(chosen)}, {section.name}: {section.help} "
              f"({minutes:.0f} min since the start)", flush=True)
        with bench.guarded("section"):
            section.run(bench)
    print(f"\n{len(chosen)} sections in {(time.monotonic() - began) / 60:.1f} min")
    found = [line for line in lines.read(results) if line.get("run") == bench.marks["run"]]
    # A set also shows what it did not come to.
    sections = chosen if options.what == "only" else SECTIONS
    present(options, found, sections, lines.latest(lines.read(results)))
    print(f"results: {results}, logs: {bench.logs}")
    return 1 if lines.reasons(found, "broken") else 0


def draw(options: argparse.Namespace, found: Sequence[Line]) -> list[tuple[str, str]]:
    """Titles and files of the plots, none of them without matplotlib."""
    if options.no_plots:
        return []
    try:
        import plots
    except ImportError as error:
        print(f"no plots: {error}: scripts/deps bench")
        return []
    folder = ROOT / "docs/plots" if options.write_docs else options.out / "plots"
    drawn = plots.draw_all(found, folder)
    print(f"plots: {folder}: {', '.join(file for _, file in drawn) or 'nothing to draw'}")
    return drawn


def present(options: argparse.Namespace, found: Sequence[Line], sections: Sequence[Section],
            every: Sequence[Line]) -> None:
    """Prints and draws what was `found` of some sections; into the documents goes `every` line of
    the latest runs."""
    rows = table.rows_of(found, sections)
    print(f"\n{table.text(rows)}\n\nbudgets: {table.summary(rows)}")
    if trouble := table.troubles(found):
        print(f"\n{trouble}")
    images = draw(options, every if options.write_docs else found)
    if options.write_docs:
        DOCUMENT.write_text(table.replace_between(DOCUMENT, table.document(every, images)),
                            encoding="utf-8")
        print(f"written: {DOCUMENT}")


def again(options: argparse.Namespace) -> int:
    if len(options.names) != 1:
        raise BadUsage("plots takes one file of results, such as build/bench/results.jsonl")
    path = Path(options.names[0])
    found = lines.latest(lines.read(path))
    if not found:
        raise BadUsage(f"{path}: holds no results of the set")
    if options.write_docs and not is_judged(found):
        raise BadUsage("--write-docs: figures of a smoke run do not belong into the documents")
    check(options)
    present(options, found, SECTIONS, found)
    return 0


def main(arguments: Sequence[str]) -> int:
    options = parse(arguments)
    try:
        if options.what == "list":
            for section in SECTIONS:
                where = "full" if section.full_only else "quick, full"
                print(f"{section.name:<10} {where:<12} {section.help}")
            return 0
        return again(options) if options.what == "plots" else run(options)
    except (BadUsage, lines.BadFile, table.BadDocument) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except NoUring as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_NO_URING
    except KeyboardInterrupt:
        print("\ninterrupted; what was measured is in the results", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
