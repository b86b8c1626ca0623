# SPDX-License-Identifier: Apache-2.0
"""What the sections make of their lines: every budget has its row, and can be met and missed."""
import tempfile
import unittest
from pathlib import Path
from typing import Any

import holding
import judge
import latency
import main
import pairs
import peers
import scale
import table
from lines import Line
from sections import SECTIONS


def line(section: str, step: str, **figures: Any) -> Line:
    return {"section": section, "step": step, "run": "1", "time": "2026-01-02T03:04:05+00:00",
            "commit": "abc", "preset": "release", "cores": 2, "kernel": "6.1", **figures}


def pair(scenario: str, ratio: float, encoding: str = "json", **more: Any) -> Line:
    return line("pairs", scenario, scenario=f"pair-{scenario}", io="uring", encoding=encoding,
                **{"server/floor": [ratio]}, **more)


def idle(step: str, bytes_each: float, **more: Any) -> Line:
    return line("memory", step, scenario="idle", io="uring", client="auto",
                server_rss_bytes_per_connection_10000_to_50000=bytes_each, **more)


# One line or more for each budget; `cost` 1 is what the budget allows, and 1.1 is too much.
def lines_at(cost: float) -> list[Line]:
    peer = {"server/peer": [0.6 * cost]}
    each = {"server_rss_bytes_per_connection_5000_to_15000": 500 * (1.2 if cost == 1 else 1.3),
            "server_rss_bytes_per_connection_1000_to_5000": 500,
            "server_rss_bytes_per_connection_0_to_1000": 5000}
    beyond = {"server_rss_bytes_per_connection_50000_to_100000": 500 * (0.8 if cost == 1 else 0.7),
              "server_rss_bytes_per_connection_10000_to_50000": 500,
              "server_rss_bytes_per_connection_0_to_10000": 900}
    wrong = 0 if cost == 1 else 1
    held = 50_000 if cost == 1 else 49_999
    return [
        pair("fanout-1", 1.3 * cost, **peer),
        pair("fanout-16", 1.0, **{"server/peer": [0.7 * cost]}), pair("echo", 1.3 * cost),
        pair("publish", 1.6 * cost), pair("publish", 1.6 * cost, "protobuf"),
        pair("rpc", 1.6 * cost), pair("rpc", 1.6 * cost, "protobuf"),
        idle("shared-json-uring", 1024 * cost, channels="shared", encoding="json",
             connections=held, server_cpu_us_per_connection_second=cost),
        idle("own-json-uring", 1792 * cost, channels="own", encoding="json"),
        idle("shared-protobuf-uring", 1024 * cost, channels="shared", encoding="protobuf"),
        idle("own-protobuf-uring", 1792 * cost, channels="own", encoding="protobuf"),
        *(line("memory", f"shared-json-{io}-kernel", io=io, client="epoll", channels="shared",
               encoding="json", kernel_unreclaimable_bytes_per_connection_10000_to_50000=size)
          for io, size in (("uring", 8100 + (cost - 1) * 1000), ("epoll", 8000))),
        line("connect", "token", server_cpu_ns_per_connection=100_000 * cost, connect_p99_us=9),
        line("latency", "half", saturation_rate=8000, saturation_by="server",
             latency_p50_us=300 * cost, latency_p99_us=1000 * cost),
        line("growth", "fanout-1000-uring", **{"server/floor": [1.0]}),
        line("growth", "fanout-5000-uring", **{"server/floor": [1.2 * cost]}),
        line("growth", "fanout-15000-uring", **{"server/floor": [0.8 / cost]}),
        line("growth", "memory", **each), line("growth", "memory-beyond", **beyond),
        line("order", "rate", lost=0, expected_deliveries=10, deliveries=10 - wrong),
        line("order", "verify", lost=0, duplicate=0, misordered=wrong),
        line("overload", "rate", silent_losses=wrong),
        line("storm", "storm", established_closed=wrong),
        line("million", "held", connections=1_000_000 if cost == 1 else 999_999,
             server_rss_bytes_per_connection=1024 * cost,
             server_cpu_us_per_connection_second=cost)]


def verdicts(cost: float) -> dict[str, str]:
    return {f"{row.budget} {row.figure}": row.verdict() for row in table.rows_of(lines_at(cost))
            if row.limit.exists() and row.budget not in ("P9", "P10")}


class Budgets(unittest.TestCase):
    def test_every_budget_can_be_met(self) -> None:
        self.assertEqual({key: value for key, value in verdicts(1).items() if value != judge.MET},
                         {})

    def test_every_budget_can_be_missed(self) -> None:
        missed = verdicts(1.1)
        self.assertEqual({key: value for key, value in missed.items() if value != judge.NOT_MET},
                         {})
        self.assertGreater(len(missed), 25)

    def test_without_lines_everything_is_not_measured(self) -> None:
        rows = table.rows_of([])
        self.assertEqual({row.verdict() for row in rows}, {judge.NOT_MEASURED})
        self.assertLessEqual({f"P{n}" for n in (1, 2, 4, 5, 6, 7, 8, 9, 10, 11)},
                             {row.budget for row in rows})

    def test_a_smoke_run_meets_and_misses_nothing(self) -> None:
        smoke = [one | {"smoke": True} for one in lines_at(1.1)]
        found = {row.verdict() for row in table.rows_of(smoke) if row.limit.exists()}
        self.assertEqual(found, {judge.NOT_JUDGED, judge.NOT_MEASURED})

    def test_broken_steps_count_for_nothing(self) -> None:
        broken = [one | {"broken": "crashed"} for one in lines_at(1)]
        self.assertEqual({row.verdict() for row in table.rows_of(broken)}, {judge.NOT_MEASURED})


class Sections(unittest.TestCase):
    def test_each_encoding_is_judged_by_its_own_lines(self) -> None:
        found = [pair("publish", 1), pair("rpc", 2), pair("publish", 3, "protobuf"),
                 pair("rpc", 4, "protobuf"), pair("rpc", 9) | {"io": "epoll"}]
        shown = {row.figure: list(row.values) for row in pairs.rows(found) if row.values}
        self.assertEqual(shown, {"publish, JSON, CPU / floor": [1],
                                 "publish, Protobuf, CPU / floor": [3],
                                 "remote call, JSON, CPU / floor": [2],
                                 "remote call, Protobuf, CPU / floor": [4],
                                 "remote call, JSON, CPU / floor, epoll": [9]})

    def test_saturation_is_told_by_cpu_lateness_or_failure(self) -> None:
        calm = {"server_cpu_cores": 0.9, "publisher_lateness_p50_us": 5, "latency_p50_us": 90}
        self.assertEqual(latency.saturation(calm), "")
        self.assertEqual(latency.saturation(calm | {"server_cpu_cores": 0.96}), "server")
        self.assertEqual(latency.saturation(calm | {"publisher_lateness_p50_us": 2000}),
                         "generator")
        self.assertEqual(latency.saturation(calm | {"latency_p50_us": 20_000}), "server")
        self.assertEqual(latency.saturation(None), "run")

    def test_a_million_with_messages_is_not_judged_as_idle(self) -> None:
        busy = line("million", "held", connections=1_000_000, latency_p99_us=9,
                    server_cpu_us_per_connection_second=5)
        row = next(row for row in holding.million_rows([busy]) if row.budget == "P6")
        self.assertEqual(row.verdict(), judge.NO_BUDGET)

    def test_faults_are_counted_even_where_only_totals_are_known(self) -> None:
        self.assertEqual(scale.faults([{"expected_deliveries": 9, "deliveries": 7}]), [2])
        self.assertEqual(scale.faults([{"lost": 0, "duplicate": 2, "misordered": 1}]), [3])

    def test_peers_are_shown_in_multiples_of_sanjay(self) -> None:
        found = [line("peers", "fanout-1-ws", peer="ws", **{"server/peer": [0.25, 0.5]})]
        self.assertEqual(peers.times_ours(found, "ws", "fanout-1"), [4, 2])
        self.assertEqual(peers.names_in(found), ["ws"])
        self.assertIn("| ws | 3 | – | – | – |", table.peer_table(found))


class Documents(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "performance.md"

    def test_only_what_stands_between_the_markers_changes(self) -> None:
        self.path.write_text(f"a\n{table.BEGIN}\nold\n{table.END}\nz\n", encoding="utf-8")
        self.assertEqual(table.replace_between(self.path, "new"),
                         f"a\n{table.BEGIN}\nnew\n{table.END}\nz\n")

    def test_a_document_without_its_markers_is_refused(self) -> None:
        for text in ("", table.BEGIN, table.END + table.BEGIN):
            self.path.write_text(text, encoding="utf-8")
            with self.assertRaises(table.BadDocument):
                table.replace_between(self.path, "new")

    def test_the_document_says_of_what_and_on_what(self) -> None:
        text = table.document(lines_at(1), [("Latency", "latency.svg")])
        self.assertIn("Commit abc, preset release, 2 cores, Linux 6.1, 2026-01-02.", text)
        self.assertIn("| P1 | fan-out of single messages, CPU / floor | ≤ 1.3 | 1.30 | met |", text)
        self.assertIn("![Latency](plots/latency.svg)", text)

    def test_peers_stand_side_by_side_and_not_among_the_budgets(self) -> None:
        memory = {"server_rss_bytes_per_connection_1000_to_10000": 5000}
        text = table.document([line("peers", "memory-ws", peer="ws", **memory)], [])
        self.assertIn("| ws | – | – | – | 5,000 |", text)
        self.assertNotIn("| peers |", text)

    def test_some_sections_have_rows_of_their_own_only(self) -> None:
        connect = [section for section in SECTIONS if section.name == "connect"]
        self.assertEqual({row.budget for row in table.rows_of(lines_at(1), connect)}, {"P7"})

    def test_the_real_document_has_its_markers(self) -> None:
        self.assertIn("kept", table.replace_between(main.DOCUMENT, "kept"))


class Commands(unittest.TestCase):
    def chosen(self, *words: str) -> list[str]:
        return [section.name for section in main.choose(main.parse(words))]

    def test_quick_leaves_out_what_is_for_the_full_set(self) -> None:
        self.assertEqual(self.chosen(), self.chosen("quick"))
        self.assertEqual(self.chosen("full"), [section.name for section in SECTIONS])
        self.assertEqual(set(self.chosen("full")) - set(self.chosen()),
                         {"overload", "storm", "million"})

    def test_only_takes_names_and_names_them_when_it_gets_others(self) -> None:
        self.assertEqual(self.chosen("only", "million", "pairs"), ["pairs", "million"])
        with self.assertRaisesRegex(main.BadUsage, "no section nonsense; there are: pairs, "):
            self.chosen("only", "nonsense")
        with self.assertRaisesRegex(main.BadUsage, "there are: pairs, "):
            self.chosen("only")
        with self.assertRaises(main.BadUsage):
            self.chosen("quick", "pairs")

    def test_a_smoke_run_never_enters_the_documents(self) -> None:
        with self.assertRaises(main.BadUsage):
            main.check(main.parse(["--smoke", "--write-docs"]))


if __name__ == "__main__":
    unittest.main()
