# SPDX-License-Identifier: Apache-2.0
"""How a step ends: with its lines, or as broken while the rest goes on. Programs are scripts."""
import os
import tempfile
import unittest
from pathlib import Path

import lines
from runner import Bench, Broken, NotPossible, clean_environment

SERVER = """#!/usr/bin/env python3
import signal, socket, sys
listener = socket.socket()
listener.bind(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])))
listener.listen()
signal.pause()
"""
FAILING_SERVER = "#!/bin/sh\necho no descriptors left >&2\nexit 3\n"
# The last argument is the file of --json; the first the command of the generator.
GENERATOR = """#!/bin/sh
case "$1" in
  --help) printf 'Subcommands:\\n  latency  how late\\n' ;;
  latency) [ "$2" = --help ] && echo "  --idle N" ;;
  idle) for file; do :; done; printf '{"scenario":"idle","bytes":5}\\n' >"$file" ;;
  fanout) echo "lost 3"; exit 1 ;;
  kill) kill -9 "$2"; while kill -0 "$2" 2>/dev/null && ! grep -q Z "/proc/$2/stat"; do :; done
        exit 1 ;;
esac
"""


class Steps(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.build = Path(folder.name)
        self.results = self.build / "out" / "results.jsonl"
        self.program("sanjay", SERVER)
        self.program("sanjay-bench", GENERATOR)
        self.bench = Bench(self.build, self.build, self.results, marks={"commit": "abc"},
                           section="memory")

    def program(self, name: str, text: str) -> None:
        path = self.build / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)

    def kept(self) -> list[lines.Line]:
        return lines.read(self.results)

    def test_the_lines_of_a_step_are_marked_and_kept(self) -> None:
        found = self.bench.measure("small", "a step", ["idle"], io="uring")
        self.assertEqual(found, self.kept())
        self.assertEqual({key: found[0][key] for key in found[0] if key != "time"},
                         {"scenario": "idle", "bytes": 5, "step": "small", "io": "uring",
                          "commit": "abc", "section": "memory"})

    def test_a_failing_generator_breaks_its_step_with_what_it_said(self) -> None:
        with self.assertRaisesRegex(Broken, "a step: the load generator failed: lost 3"):
            self.bench.measure("lossy", "a step", ["fanout"])
        self.assertEqual(self.bench.measure("lossy", "a step", ["fanout"], may_fail=True), [])
        self.assertFalse(self.results.exists())

    def test_what_breaks_is_recorded_and_the_rest_goes_on(self) -> None:
        with self.bench.guarded("first"):
            self.bench.measure("first", "a step", ["fanout"])
        with self.bench.guarded("second"):
            raise NotPossible("no peer")
        self.bench.measure("third", "a step", ["idle"])
        self.assertRegex(lines.reasons(self.kept(), "broken")[0], "memory, first: .*lost 3")
        self.assertEqual(lines.reasons(self.kept(), "skipped"), ["memory, second: no peer"])
        self.assertEqual(len(lines.of(self.kept(), "memory")), 1)

    def test_a_server_runs_for_its_block_only(self) -> None:
        with self.bench.serve() as server:
            self.assertGreater(server.peak_bytes(), 1 << 20)
        with self.assertRaises(ProcessLookupError):
            os.kill(server.pid, 0)

    def test_a_server_that_does_not_start_is_broken(self) -> None:
        self.program("sanjay", FAILING_SERVER)
        with self.assertRaisesRegex(Broken, "did not start: no descriptors left"):
            with self.bench.serve():
                self.fail("it is not up")

    def test_a_server_that_dies_is_named_as_the_cause(self) -> None:
        with self.assertRaisesRegex(Broken, r"the server ended by itself \(-9\)"):
            with self.bench.serve() as server:
                self.bench.measure("dying", "a step", ["kill", str(server.pid)])

    def test_commands_and_flags_are_known_by_the_generators_help(self) -> None:
        self.assertTrue(self.bench.has("latency"))
        self.assertTrue(self.bench.has("latency", "--idle "))
        self.assertFalse(self.bench.has("latency", "--overload"))
        self.assertFalse(self.bench.has("storm"))

    def test_settings_of_the_caller_do_not_reach_the_server(self) -> None:
        os.environ["SANJAY_COMMIT"] = "x"
        self.addCleanup(os.environ.pop, "SANJAY_COMMIT")
        self.assertNotIn("SANJAY_COMMIT", clean_environment())
        command = self.bench.serve_command(80, "--shards", "1", RPC_PING_ENABLED="true")
        self.assertRegex(command, "^env SANJAY_RPC_PING_ENABLED=true .*/sanjay serve .*--port 80 ")


if __name__ == "__main__":
    unittest.main()
