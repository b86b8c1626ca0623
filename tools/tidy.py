#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the rules of CONTRIBUTING.md that a compiler does not check.

    tidy.py [ROOT]

Prints `path:line: rule: what is wrong`, one line per finding, and exits 1 if there was any.
It reads text, not an AST: it expects code formatted by clang-format and favours precision.
"""
import re
import sys
from pathlib import Path

LEVELS = {"core": 0, "telemetry": 1, "limits": 1, "http": 1, "websocket": 1, "protocol": 1,
          "auth": 1, "channels": 2, "runtime": 2, "hub": 2, "inbox": 2, "session": 3,
          "transport": 4, "backends": 4, "api": 4, "server": 5}
IMPURE = {"runtime", "server"}  # where syscalls, threads, clocks and process-wide state may live
LOCKING = {"limits"}  # what the shards share beside mail; never a lock on the message path
FOLDERS = ["src", "bench", "sim", "tests", "tools", "web", "scripts"]
SKIPPED = {"node_modules", "dist", "build", "corpus", "__pycache__"}
DRAWERS = {"util", "utils", "helper", "helpers", "common", "misc", "manager", "managers"}
COLUMNS_MAX, FUNCTION_MAX, FILE_WARN, FILE_MAX, TEST_FILE_MAX = 100, 70, 400, 800, 1200

SYSTEM_HEADER = re.compile(
    r"(sys|netinet|arpa|linux)/|(unistd|fcntl|poll|signal|pthread|liburing|sched)\.h$"
    r"|(thread|mutex|shared_mutex|condition_variable|future|csignal)$")
CHANCE = re.compile(r"\brand\(|\brandom_device\b|\bgetrandom\(")
CLOCK = re.compile(r"::now\(\)|\btime\((nullptr|NULL|0)\)|\b(clock_gettime|gettimeofday)\(")
# Ours, toml++'s settings, and kernel constants that the installed headers lack.
MACROS = re.compile(r"(ASSERT|FAILPOINT|SANJAY_TRY\w*|TOML_\w+|IORING_\w+)$")
MARKERS = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
NOT_CODE = re.compile(r'R"(?P<tag>[^ ()\\]{0,16})\(.*?\)(?P=tag)"|"(?:\\.|[^"\\\n])*"'
                      r"|(?<!\w)'(?:\\.|[^'\\\n])+'|//[^\n]*|/\*.*?\*/", re.S)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.M)
SCOPE = re.compile(r"(inline )?(namespace|class|struct|union|enum|extern)\b")
NO_VARIABLE = re.compile(r"(using|typedef|extern|static_assert|class|struct|enum|union|template"
                         r"|friend|namespace|concept|return|asm|public|private|protected)\b")
GLOBAL = re.compile(r"(?:(?:inline|static|constinit) )*[\w:]+(?:<.*>)?(?: ?[*&])* ?\b\w+"
                    r"(?: ?\[.*\])*(?: ?=.*)?$")


def blank(match):
    """Same number of lines, nothing on them."""
    return re.sub(r"[^\n]", " ", match.group())


class Tidy:
    def __init__(self, root):
        self.root = Path(root)
        self.findings = []
        self.warnings = []
        self.deps = {}

    def fail(self, path, line, rule, text):
        self.findings.append(f"{path.relative_to(self.root)}:{line}: {rule}: {text}")

    def run(self):
        self.read_modules()
        for folder in FOLDERS:
            for path in sorted((self.root / folder).rglob("*")):
                inside = path.relative_to(self.root)
                if SKIPPED & set(inside.parts):
                    continue
                if DRAWERS & set(re.split(r"[_.-]", path.name.lower())):
                    self.fail(path, 1, "name", "say what it is; a drawer collects everything")
                if path.is_file() and self.is_source(inside):
                    self.check_file(path, inside)
        return not self.findings

    @staticmethod
    def is_source(inside):
        return inside.suffix in {".h", ".cpp", ".py", ".ts", ".css"} or inside.parts[0] == "scripts"

    def read_modules(self):
        for path in sorted((self.root / "src").glob("*/CMakeLists.txt")):
            call = re.search(r"^sanjay_module\((\w+)([^)]*)\)", path.read_text(), re.M)
            folder = path.parent.name
            if not call or call[1] != folder or folder not in LEVELS:
                self.fail(path, 1, "module", f"expected sanjay_module({folder} ...), in LEVELS")
                continue
            found = re.search(r"\bDEPS\b(.*?)(?:\b(?:LIBS|TEST_LIBS)\b|$)", call[2], re.S)
            self.deps[folder] = set(found[1].split()) if found else set()
            for dep in sorted(self.deps[folder]):
                if LEVELS.get(dep, 99) >= LEVELS[folder]:
                    self.fail(path, 1, "level", f"{folder} may not depend on {dep}: not below it")

    def check_file(self, path, inside):
        text = path.read_text()
        lines = text.split("\n")
        is_test = "tests" in inside.parts or inside.stem.endswith(("_test", "_fuzz", "_bench"))
        if not any("SPDX-License-Identifier: Apache-2.0" in line for line in lines[:2]):
            self.fail(path, 1, "licence", "begin with SPDX-License-Identifier: Apache-2.0")
        for number, line in enumerate(lines, 1):
            if len(line) > COLUMNS_MAX:
                self.fail(path, number, "columns", f"{len(line)} columns, at most {COLUMNS_MAX}")
            if inside.parts[0] != "tools" and MARKERS.search(line):
                self.fail(path, number, "marker", "finish it, or file an issue")
        limit = TEST_FILE_MAX if is_test else FILE_MAX
        if len(lines) - 1 > limit:
            self.fail(path, 1, "file size", f"{len(lines) - 1} lines, at most {limit}")
        elif len(lines) - 1 > FILE_WARN and not is_test:
            self.warnings.append(f"{inside}: {len(lines) - 1} lines, better below {FILE_WARN}")
        if inside.suffix in {".h", ".cpp"}:
            module = inside.parts[1] if inside.parts[0] == "src" else None
            self.check_includes(path, lines, module, is_test)
            for match in re.finditer(r"^[ \t]*#\s*define\s+(\w+)", text, re.M):
                if not MACROS.match(match[1]):
                    self.fail(path, text.count("\n", 0, match.start(1)) + 1, "macro",
                              f"{match[1]}: write a function or a constant")
            code = DIRECTIVE.sub(blank, NOT_CODE.sub(blank, text))
            pure = module is not None and module not in IMPURE
            self.check_scopes(path, code, pure and not is_test)
            for number, line in enumerate(code.split("\n") if pure else [], 1):
                if CHANCE.search(line) or (not is_test and CLOCK.search(line)):
                    self.fail(path, number, "ambient", "time and chance are arguments")
                if not is_test and re.search(r"\bthread_local\b", line):
                    self.fail(path, number, "global", "thread_local state outside runtime/")

    def check_includes(self, path, lines, module, is_test):
        for number, line in enumerate(lines, 1):
            include = re.match(r'\s*#\s*include\s+([<"])([^>"]+)', line)
            if not include or module is None:
                continue
            target, first = include[2], include[2].split("/")[0]
            if include[1] == "<":
                allowed = module in IMPURE or (module in LOCKING and target == "mutex")
                if not allowed and not is_test and SYSTEM_HEADER.match(target):
                    self.fail(path, number, "system header", f"<{target}> belongs to runtime/")
            elif target == "server/config.h" and module != "server":
                self.fail(path, number, "config", "modules get Options, never the configuration")
            elif first in LEVELS and first != module and first not in self.deps.get(module, set()):
                self.fail(path, number, "include", f"{module} does not name {first} in its DEPS")

    def check_scopes(self, path, code, pure):
        """Walks braces and statements: functions too long, mutable globals, local statics."""
        scopes, start = [], 0  # scopes: (kind, first line, where its statement begins)
        for token in re.finditer(r"[{};]", code):
            raw = code[start:token.start()]
            line = code.count("\n", 0, start + len(raw) - len(raw.lstrip())) + 1
            head = " ".join(raw.split())
            begin, start = start, token.end()
            if token.group() == "}":
                if not scopes:
                    continue
                kind, first, begin = scopes.pop()
                if re.match(r"\s*[,{]", code[start:]):  # `a_{x}, b_{y} {`: still the initialisers
                    start = begin
                length = code.count("\n", 0, token.start()) + 2 - first
                if kind == "function" and length > FUNCTION_MAX:
                    self.fail(path, first, "function size",
                              f"{length} lines, at most {FUNCTION_MAX}")
                continue
            if pure:
                self.check_state(path, line, head, scopes)
            if token.group() == "{":
                bare = re.sub(r"^(public|private|protected):\s*", "", head)
                bare = re.sub(r"^template ?<.*?> (?=\w)", "", bare)
                scope = SCOPE.match(bare)
                if any(kind in {"function", "block"} for kind, _, _ in scopes):
                    kind = "block"
                elif scope:
                    kind = "namespace" if scope[2] in {"namespace", "extern"} else "class"
                else:
                    kind = "function" if ")" in bare else "block"
                scopes.append((kind, line, begin))

    def check_state(self, path, line, head, scopes):
        if re.search(r"\bconst(expr|eval)?\b", head) or NO_VARIABLE.match(head):
            return
        in_function = any(kind == "function" for kind, _, _ in scopes)
        if re.match(r"(inline )?static\b", head) and (in_function or "(" not in head.split("=")[0]):
            self.fail(path, line, "global", f"mutable static state: {head}")
        elif all(kind == "namespace" for kind, _, _ in scopes) and GLOBAL.match(head):
            self.fail(path, line, "global", f"mutable global state: {head}")


def main():
    tidy = Tidy(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent)
    clean = tidy.run()
    print("\n".join([f"warning: {text}" for text in tidy.warnings] + tidy.findings
                    + [f"tidy: {len(tidy.findings)} findings, {len(tidy.warnings)} warnings"]))
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())
