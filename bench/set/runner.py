# SPDX-License-Identifier: Apache-2.0
"""Starts servers and the load generator, one step at a time, and keeps what they report.

A step that breaks raises Broken: the generator failed, lost messages, stopped moving, or the server
ended. Everything that was started has ended when its `with` block or call is left.
"""
from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import lines
from lines import Line

SMOKE_DIVISOR = 50
START_TIMEOUT_S, END_TIMEOUT_S = 20.0, 30.0
STEP_TIMEOUT_S = 900.0  # beside the time a step holds its load: no step takes half of it
TAIL_LINES = 6  # of a log, when something broke


class Broken(Exception):
    """A step has no figures because something failed; the text says what."""


class NotPossible(Exception):
    """A step cannot be done here, such as without a package; the text says why. Nothing failed."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def clean_environment() -> dict[str, str]:
    """Without SANJAY_ variables: the server takes them for settings, the generator for labels."""
    return {name: value for name, value in os.environ.items() if not name.startswith("SANJAY_")}


def tail_of(path: Path) -> str:
    """Its last lines without the command, which is its first, and where it is."""
    text = path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return "\n  ".join([*text[1:][-TAIL_LINES:], f"({path})"])


def end(process: subprocess.Popen[bytes]) -> int:
    """Asks it to end, insists after a while; what it ended with."""
    process.terminate()
    try:
        return process.wait(END_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


@dataclass(frozen=True)
class Server:
    """One that runs: where, and which process."""

    pid: int
    port: int

    def url(self, path: str = "/connection/websocket") -> str:
        return f"ws://127.0.0.1:{self.port}{path}"

    def peak_bytes(self) -> int:
        """The most memory it had resident so far."""
        for row in Path(f"/proc/{self.pid}/status").read_text(encoding="ascii").splitlines():
            if row.startswith("VmHWM:"):
                return int(row.split()[1]) * 1024
        raise Broken("no VmHWM in the server's status")


@dataclass
class Bench:
    """What the sections run with. `full`: the sizes of the full set; `smoke`: tiny ones."""

    root: Path
    build: Path
    results: Path
    full: bool = False
    smoke: bool = False
    marks: Line = field(default_factory=dict)  # of every line: commit, machine, ...
    section: str = ""

    def __post_init__(self) -> None:
        cpus = sorted(os.sched_getaffinity(0))
        self.server_cpu, self.client_cpu = cpus[0], cpus[min(1, len(cpus) - 1)]
        self.logs = self.results.parent / "logs"
        self.logs.mkdir(parents=True, exist_ok=True)
        self.sanjay = str(self.build / "sanjay")
        self.generator = str(self.build / "sanjay-bench")

    def size(self, count: int, at_least: int = 20) -> int:
        """A number of connections, publications or rounds; fewer when it is a smoke run."""
        return max(count // SMOKE_DIVISOR, at_least) if self.smoke else count

    def seconds(self, quick: float, full: float | None = None) -> float:
        wanted = quick if full is None or not self.full else full
        return max(wanted / SMOKE_DIVISOR, 0.3) if self.smoke else wanted

    def repeats(self, quick: int, full: int) -> int:
        return 1 if self.smoke else full if self.full else quick

    def has(self, command: str, flag: str = "") -> bool:
        """Whether this generator knows a command, and a flag of it."""
        def help_of(*words: str) -> str:
            return subprocess.run([self.generator, *words, "--help"], capture_output=True,
                                  text=True, check=False, timeout=START_TIMEOUT_S).stdout

        # With an unknown command it shows the help of the whole, as if there were none.
        known = re.search(rf"^\s+{re.escape(command)}\s", help_of(), re.MULTILINE)
        return bool(known) and flag in help_of(command)

    def serve_command(self, port: int, *flags: str, **settings: str) -> str:
        """The shell command of a sanjay; settings are named as its variables without SANJAY_."""
        variables = [f"SANJAY_{name}={value}" for name, value in settings.items()]
        front = ["env", *variables] if variables else []
        return shlex.join([*front, self.sanjay, "serve", "--dev", "--log-level", "warn",
                           "--port", str(port), *flags])

    @contextmanager
    def serve(self, *flags: str, pinned: bool = False, **settings: str) -> Iterator[Server]:
        port = free_port()
        command = self.serve_command(port, *flags, **settings)
        with self.started(command, port, pinned=pinned, ends_well=True) as server:
            yield server

    @contextmanager
    def started(self, command: str, port: int, *, pinned: bool = False,
                ends_well: bool = False) -> Iterator[Server]:
        """A server of whatever kind, up; `pinned` to the servers' CPU. With `ends_well` it is
        broken, too, when it answers the signal to end with a failure."""
        words = shlex.split(command)
        if pinned:
            words = ["taskset", "-c", str(self.server_cpu), *words]
        log = self.logs / f"{self.section}-server.log"
        with log.open("wb") as out:
            out.write((shlex.join(words) + "\n").encode())
            out.flush()
            process = subprocess.Popen(words, stdout=out, stderr=out, env=clean_environment(),
                                       cwd=self.root)
        try:
            self.wait_until_up(process, port, log)
            try:
                yield Server(process.pid, port)
            except Broken as broken:
                if process.poll() is None:
                    raise
                raise Broken(f"the server ended by itself ({process.returncode}): "
                             f"{tail_of(log)}\n{broken}") from broken
            if process.poll() is not None:
                raise Broken(f"the server ended by itself ({process.returncode}): {tail_of(log)}")
        finally:
            code = end(process)
        if ends_well and code not in (0, -signal.SIGTERM):
            raise Broken(f"the server did not end well ({code}): {tail_of(log)}")

    @staticmethod
    def wait_until_up(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise Broken(f"the server did not start: {tail_of(log)}")
            with socket.socket() as probe:
                probe.settimeout(1)
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.05)
        raise Broken(f"the server does not listen: {tail_of(log)}")

    def measure(self, step: str, title: str, command: Sequence[str], *, pinned: bool = False,
                holds_s: float = 0, may_fail: bool = False, **more: Any) -> list[Line]:
        """Runs one command of the generator and keeps its lines, with `more` added to each.

        `holds_s` is how long the command holds its load on purpose. With `may_fail` a run that
        failed answers no lines, and nothing is kept of it.
        """
        began = time.monotonic()
        print(f"[{self.section}] {title} … ", end="", flush=True)
        words = [self.generator, *command, "--quiet"]
        if pinned:
            words = ["taskset", "-c", str(self.client_cpu), *words]
        log = self.logs / f"{self.section}-{step}.log"
        with tempfile.TemporaryDirectory(prefix="sanjay-bench-") as folder:
            report = Path(folder) / "report.jsonl"
            with log.open("wb") as out:
                out.write((shlex.join(words) + "\n").encode())
                out.flush()
                try:
                    code = subprocess.run([*words, "--json", str(report)], stdout=out, stderr=out,
                                          env=clean_environment(), cwd=self.root, check=False,
                                          timeout=STEP_TIMEOUT_S + holds_s).returncode
                except subprocess.TimeoutExpired:
                    code = None
            found = lines.read(report) if report.exists() else []
        print(f"{time.monotonic() - began:.0f} s", flush=True)
        if code != 0:
            if may_fail and code is not None:
                return []
            why = "came to no end" if code is None else "failed"
            raise Broken(f"{title}: the load generator {why}: {tail_of(log)}")
        return [self.keep(line | {"step": step} | more) for line in found]

    @contextmanager
    def guarded(self, step: str) -> Iterator[None]:
        """What breaks inside is kept as broken and the rest goes on."""
        try:
            yield
        except Broken as broken:
            print(f"[{self.section}] BROKEN: {broken}", flush=True)
            self.keep({"step": step, "broken": str(broken)})
        except NotPossible as reason:
            print(f"[{self.section}] not measured: {reason}", flush=True)
            self.keep({"step": step, "skipped": str(reason)})

    def keep(self, line: Line) -> Line:
        """Adds the marks and appends it to the results."""
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        marked = line | self.marks | {"section": self.section, "time": now}
        lines.append(self.results, marked)
        return marked
