# SPDX-License-Identifier: Apache-2.0
"""What is read from files of results, and what is taken from their lines."""
import tempfile
import unittest
from pathlib import Path

import lines


class Files(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "new" / "results.jsonl"

    def test_what_was_appended_is_read(self) -> None:
        written = [{"section": "pairs", "figure": "µs"}, {"list": [1, None]}]
        for line in written:
            lines.append(self.path, line)
        self.assertEqual(lines.read(self.path), written)

    def test_a_bad_file_is_named_with_its_line(self) -> None:
        with self.assertRaisesRegex(lines.BadFile, "results.jsonl: No such file"):
            lines.read(self.path)
        self.path.parent.mkdir()
        for text, found in (("{}\n{", "jsonl:2: no JSON"), ("[1]", "jsonl:1: expected an object")):
            self.path.write_text(text, encoding="utf-8")
            with self.assertRaisesRegex(lines.BadFile, found):
                lines.read(self.path)
        self.path.write_bytes(b"\xff")
        with self.assertRaises(lines.BadFile):
            lines.read(self.path)


class Selection(unittest.TestCase):
    def test_each_section_is_of_the_run_that_had_it_last(self) -> None:
        found = [{"section": section, "run": run, "n": n} for n, (section, run) in enumerate(
            [("a", "1"), ("b", "1"), ("a", "2"), ("a", "2")])]
        self.assertEqual([line["n"] for line in lines.latest([*found, {"scenario": "old"}])],
                         [1, 2, 3])

    def test_smoke_takes_the_place_of_nothing_real(self) -> None:
        real = {"section": "a", "run": "1", "smoke": False}
        smoke = {"section": "a", "run": "2", "smoke": True}
        self.assertEqual(lines.latest([real, smoke]), [real])
        self.assertEqual(lines.latest([smoke]), [smoke])

    def test_what_broke_or_was_skipped_has_no_figures(self) -> None:
        sound = {"section": "a", "step": "x"}
        found = [sound, sound | {"broken": "lost 3"}, sound | {"skipped": "none"}, {"section": "b"}]
        self.assertEqual(lines.of(found, "a"), [sound])
        self.assertEqual(lines.of(found, "a", "y"), [])
        self.assertEqual(lines.reasons(found, "broken"), ["a, x: lost 3"])


class Values(unittest.TestCase):
    def test_numbers_and_lists_of_them_count_and_null_does_not(self) -> None:
        found = [{"k": 1}, {"k": [2, None, 3]}, {"k": None}, {}, {"k": "text"}]
        self.assertEqual(lines.values(found, "k", 2), [2, 4, 6])

    def test_a_slope_is_known_by_its_ends(self) -> None:
        line = {"rss_per_connection_0_to_10": 9, "rss_per_connection_10_to_50": 5.5,
                "other_rss_per_connection_50_to_90": 1, "rss_at_50": 7}
        self.assertEqual(lines.slopes(line, "rss"), {(0, 10): 9, (10, 50): 5.5})
        self.assertEqual(lines.last_slopes([line, {}], "rss"), [5.5])

    def test_a_slope_from_no_connections_has_fixed_costs_in_it(self) -> None:
        self.assertEqual(lines.last_slopes([{"rss_per_connection_0_to_10": 9}], "rss"), [])


if __name__ == "__main__":
    unittest.main()
