#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Feeds tidy.py small trees, one broken rule each, and sees that rule and no other fire."""
import tempfile
import unittest
from pathlib import Path

from tidy import Tidy

LICENCE = "// SPDX-License-Identifier: Apache-2.0\n"
MODULES = {
    "core": "# Words.\nsanjay_module(core)\n",
    "hub": "# Channels.\nsanjay_module(hub DEPS core LIBS fmt::fmt)\n",
    "runtime": "# Syscalls.\nsanjay_module(runtime DEPS core)\n",
    "session": "# A client.\nsanjay_module(session\n  DEPS hub core\n  LIBS simdjson::simdjson)\n",
    "server": "# Wiring.\nsanjay_module(server DEPS session hub runtime core)\n",
}
# What good code may look like; a rule that fires on any of this is too eager.
GOOD = LICENCE + '''
#include <string>
#include <vector>

#include "core/result.h"
#include "hub/hub.h"

namespace sanjay::hub {
namespace {

constexpr int kLimit = 1'000'000;
const std::vector<int> kTable = {1, 2, 3};
inline constexpr std::string_view kRaw = R"x(static int n; } { thread_local)x";
const char kQuote = '"';
using Callback = std::function<void()>;
enum class State { Open, Closed };
struct Point {
  int x = 0;
  static Point origin();
  static constexpr int kDimensions = 2;
};

template <class T>
class Box final : public Base<T> {
 public:
  static Box make(T value) { return Box(std::move(value)); }

 private:
  std::vector<T> items_{};
};

}  // namespace

static int square(int x) { return x * x; }
Hub::Hub(Options options) : options_{options}, count_(0) {}
core::Result<int> Hub::find(std::string_view name) const;
bool operator==(const Point& a, const Point& b) = default;

/* thread_local, rand() and steady_clock::now() in a comment harm nobody; don't mind them. */
int Hub::sum() const {
  static const int kOffset = 3;
  static_assert(kLimit > 0);
  int total = 0;
  for (const int item : items_) total += item;
  return total + kOffset;
}

}  // namespace sanjay::hub
'''


def inside(body):
    return LICENCE + "namespace sanjay::hub {\n" + body + "\n}\n"


class TidyTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = Path(self.folder.name)
        for name, text in MODULES.items():
            self.write(f"src/{name}/CMakeLists.txt", text)

    def write(self, path, text):
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def rules(self):
        tidy = Tidy(self.root)
        tidy.run()
        self.warnings = tidy.warnings
        return [finding.split(": ")[1] for finding in tidy.findings]

    def expect(self, rule, path, text):
        self.write(path, text)
        self.assertEqual(self.rules(), [rule] if rule else [], text)

    def test_good_code_passes(self):
        self.expect(None, "src/hub/hub.cpp", GOOD)

    def test_dependency_on_a_sibling(self):
        self.expect("level", "src/hub/CMakeLists.txt", "sanjay_module(hub DEPS core runtime)\n")

    def test_dependency_on_a_higher_level(self):
        self.expect("level", "src/core/CMakeLists.txt", "sanjay_module(core DEPS hub)\n")

    def test_module_that_the_levels_do_not_know(self):
        self.expect("module", "src/stuff/CMakeLists.txt", "sanjay_module(stuff DEPS core)\n")

    def test_include_outside_deps(self):
        self.expect("include", "src/hub/a.cpp", LICENCE + '#include "runtime/loop.h"\n')

    def test_include_allowed_by_deps_over_several_lines(self):
        self.expect(None, "src/session/a.cpp", LICENCE + '#include "hub/hub.h"\n')

    def test_library_names_are_not_dependencies(self):
        self.expect("include", "src/hub/a.cpp", LICENCE + '#include "telemetry/log.h"\n')

    def test_configuration_stays_in_the_server(self):
        self.expect("config", "src/session/a.h", LICENCE + '#include "server/config.h"\n')
        self.expect("config", "src/session/a.h", LICENCE + '#  include "server/config.h"\n')

    def test_system_headers_belong_to_the_runtime(self):
        for header in ("sys/socket.h", "unistd.h", "fcntl.h", "netinet/in.h", "arpa/inet.h",
                       "poll.h", "signal.h", "thread", "mutex", "condition_variable",
                       "liburing.h", "pthread.h"):
            self.expect("system header", "src/hub/a.cpp", LICENCE + f"#include <{header}>\n")
        self.expect(None, "src/hub/a.cpp", LICENCE + "#include <system_error>\n")
        self.write("src/runtime/a.cpp", LICENCE + "#include <sys/socket.h>\n#include <thread>\n")
        self.expect(None, "src/hub/a_test.cpp", LICENCE + "#include <thread>\n")

    def test_limits_may_lock_but_nothing_more(self):
        self.write("src/limits/CMakeLists.txt", "sanjay_module(limits DEPS core)\n")
        self.expect(None, "src/limits/a.h", LICENCE + "#include <mutex>\n")
        self.expect("system header", "src/limits/a.h", LICENCE + "#include <thread>\n")

    def test_ambient_time_and_chance(self):
        for call in ("std::chrono::steady_clock::now()", "rand()", "std::random_device{}()",
                     "std::time(nullptr)", "clock_gettime(CLOCK_REALTIME, &t)"):
            self.expect("ambient", "src/hub/a.cpp", inside(f"long f() {{ return {call}; }}"))
        (self.root / "src/hub/a.cpp").unlink()
        self.expect("ambient", "src/hub/a_test.cpp", inside("int f() { return rand(); }"))
        self.expect(None, "src/hub/a_test.cpp", inside("auto f() { return Clock::now(); }"))
        self.write("src/runtime/a.cpp", inside("auto f() { return Clock::now(); }"))
        self.expect(None, "src/hub/a.cpp", inside("long f() { return brand(3) + now(); }"))

    def test_mutable_state(self):
        for body in ("int counter = 0;", "std::atomic<int> counter;", "inline int counter{0};",
                     "namespace {\nstd::map<int, int> registry;\n}", "static int counter;",
                     "int table[3] = {1, 2, 3};", "int f() {\n  static int n = 0;\n  return n;\n}",
                     "Foo& f() {\n  static Foo foo(1);\n  return foo;\n}",
                     "class A {\n  static int count_;\n};"):
            self.expect("global", "src/hub/a.cpp", inside(body))
        self.expect("global", "src/hub/a.cpp", inside("extern thread_local int n;"))
        self.expect(None, "src/hub/a.cpp", inside("struct A {\n  int count = 0;\n};"))
        self.write("src/runtime/a.cpp", inside("std::atomic<int> counter{0};"))
        self.expect(None, "src/hub/a_test.cpp", inside("int calls = 0;"))

    def test_drawers(self):
        self.expect("name", "src/hub/string_util.h", LICENCE)
        (self.root / "src/hub/string_util.h").unlink()
        self.expect("name", "src/hub/helpers/a.h", LICENCE)

    def test_drawer_words_inside_other_words_are_fine(self):
        self.expect(None, "src/hub/utility_bill.h", LICENCE)

    def test_columns(self):
        self.expect("columns", "src/hub/a.h", LICENCE + "// " + "x" * 98 + "\n")
        self.expect(None, "src/hub/a.h", LICENCE + "// " + "é" * 97 + "\n")

    def test_file_size(self):
        self.expect("file size", "src/hub/a.h", LICENCE + "\n" * 800)
        self.expect(None, "src/hub/a.h", LICENCE + "\n" * 799)
        self.assertEqual(len(self.warnings), 1)
        self.expect(None, "src/hub/a.h", LICENCE + "\n" * 399)
        self.assertEqual(self.warnings, [])
        self.expect(None, "src/hub/a_test.cpp", LICENCE + "\n" * 1199)
        self.expect("file size", "src/hub/a_test.cpp", LICENCE + "\n" * 1200)

    def test_function_size(self):
        def function(lines, head="int f(int x)"):
            return inside(f"{head} {{\n" + "  x += 1;\n" * (lines - 2) + "}")
        self.expect(None, "src/hub/a.cpp", function(70))
        self.expect("function size", "src/hub/a.cpp", function(71))
        self.expect("function size", "src/hub/a.cpp",
                    function(71, "template <class T>\nA::A(T x) : x_(x), y_{x}"))
        self.expect(None, "src/hub/a.cpp", function(300, "class A"))
        self.expect(None, "src/hub/a.cpp", function(300, "template <class T>\nclass A : B<T>"))
        self.expect("function size", "bench/a.cpp", function(71))

    def test_markers(self):
        for word in ("TODO", "FIXME", "XXX", "HACK"):
            self.expect("marker", "src/hub/a.h", LICENCE + f"// {word}: later\n")
        self.expect(None, "src/hub/a.h", LICENCE + '// mkstemp wants "XXXXXX"\n')

    def test_licence(self):
        self.expect("licence", "src/hub/a.h", "#pragma once\n")
        (self.root / "src/hub/a.h").unlink()
        self.expect("licence", "scripts/run", "#!/usr/bin/env bash\nset -e\n")

    def test_macros(self):
        self.expect("macro", "src/hub/a.h", LICENCE + "#define MAX(a, b) ((a) > (b))\n")
        self.expect("macro", "src/hub/a.h", LICENCE + "#define ASSERTION 1\n")
        self.expect(None, "src/hub/a.h", LICENCE + "#define TOML_EXCEPTIONS 0\n")
        self.expect(None, "src/hub/a.h", LICENCE + "#define SANJAY_TRY_JOIN(a, b) a##b\n"
                    "#define ASSERT(x) do { } while (false)\n")

    def test_bench_may_use_any_module(self):
        self.expect(None, "bench/load.cpp", LICENCE + '#include <thread>\n#include "hub/hub.h"\n'
                    "int counter = 0;\n")

    def test_foreign_folders_are_skipped(self):
        self.expect(None, "web/node_modules/common/a.ts", "x" * 200)

    def test_findings_name_the_line(self):
        self.write("src/hub/a.cpp", inside("int a();\n\nint counter = 0;"))
        tidy = Tidy(self.root)
        tidy.run()
        self.assertEqual(tidy.findings,
                         ["src/hub/a.cpp:5: global: mutable global state: int counter = 0"])


if __name__ == "__main__":
    unittest.main()
