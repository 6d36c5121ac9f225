#!/usr/bin/env python3
"""Checks the rules of the house that no compiler knows: which layer may include which, how long a
file, a function and a line may be, and what must not be used where.

    tools/tidy.py               checks the tree; prints FILE:LINE: message; exit code 1 on findings
    tools/tidy.py --self-test   checks that each rule finds what it should

A line may break a rule if its comment, or the line above, says why: "tidy: <reason>".
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 70
COLUMNS_MAX = 100

# What each layer may include besides itself. config.h is a layer of its own: the values that app
# fills in and core reads.
LAYERS = {
    "base": set(),
    "mem": {"base"},
    "hash": {"base", "mem"},
    "proto": {"base", "mem"},
    "io": {"base", "mem"},
    "config": {"base", "hash", "io", "proto"},
    "core": {"base", "mem", "hash", "proto", "io", "config"},
    "app": {"base", "mem", "hash", "proto", "io", "config", "core"},
}
BELOW_APP = set(LAYERS) - {"app"}
HOT = {"core", "mem", "proto"}

# Pattern, layers where it is banned, message. Applied to code without comments and strings.
BANS = [
    (re.compile(r"#\s*include\s*<(mutex|shared_mutex|thread|condition_variable|future)>"),
     BELOW_APP, "locks and threads belong to app/"),
    (re.compile(r"\b(virtual|override)\b"), HOT, "no virtual calls here"),
    (re.compile(r"\bstd::(shared_ptr|weak_ptr|make_shared)\b"), HOT, "no shared ownership here"),
    (re.compile(r"\bstd::(function|move_only_function|any)\b"), HOT, "no type erasure here"),
    (re.compile(r"\b(throw|catch|try)\b"), HOT, "operating errors are values, programmer errors "
                                                "abort"),
    (re.compile(r"\bnew\b(?!\s*[(>])|\bnew\s*\(\s*std::nothrow"), HOT,
     "memory is taken through mem/ or at start-up (placement new is fine)"),
    (re.compile(r"\b(clock_gettime|gettimeofday|timespec_get)\s*\(|_clock::now\s*\(|"
                r"(?<![\w.>])time\s*\(\s*(nullptr|NULL|0|&)"),
     BELOW_APP - {"io"}, "time comes from Ring::now()"),
    (re.compile(r"(?<![\w.>:])(s?rand|drand48|getrandom|getentropy)\s*\(|::s?random\s*\(|"
                r"\bstd::(random_device|mt19937\w*|rand|default_random_engine)\b"),
     BELOW_APP - {"io"}, "randomness comes from base/prng.h and a seed"),
    (re.compile(r"(?<![\w.>)])::(socket|bind|listen|accept4?|connect|send(msg|to|mmsg)?|"
                r"recv(msg|from|mmsg)?|read|write|readv|writev|open|close|shutdown|poll|epoll_\w+|"
                r"eventfd|setsockopt|getsockopt|fcntl|ioctl|syscall|sleep|usleep|nanosleep)\s*\("),
     BELOW_APP - {"io"}, "the kernel is reached through io/ only"),
    (re.compile(r"#\s*include\s*<(sys/(socket|epoll|eventfd|syscall|ioctl)|netinet/\w+|"
                r"arpa/inet|poll|unistd|fcntl|liburing|time|sys/time)\.h>"),
     BELOW_APP - {"io"}, "the kernel is reached through io/ only"),
    (re.compile(r"#\s*include\s*<liburing\.h>"), {"app"}, "only src/io knows io_uring"),
]
# Files that may do what the layer may not.
EXCEPTIONS = {
    "src/core/mailbox.cc": "the kernel is reached",  # wakes the supervisor by its eventfd
}
VIEW_MEMBER = re.compile(r"^\s*(const\s+)?std::(string_view|span\s*<.*>)\s+\w+\s*(;|=|\{)")
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"')
EXEMPT = re.compile(r"tidy:\s*\S+")
SCOPE_OF_WORD = re.compile(r"\b(namespace|class|struct|union|enum|extern)\b")


def layer_of(path):
    """The layer a file of the program belongs to; None for tests, benches and tools."""
    parts = pathlib.PurePosixPath(path).parts
    if parts[:1] == ("src",) and len(parts) > 2 and parts[1] in LAYERS:
        return parts[1]
    if parts[:2] == ("include", "ringfold"):
        if len(parts) > 3 and parts[2] in LAYERS:
            return parts[2]
        return "config"
    return None


def layer_of_include(name):
    """The layer of what an include directive names; None when it is not ours."""
    if name.startswith("ringfold/"):
        return layer_of("include/" + name)
    return layer_of("src/" + name)


def without_comments_and_strings(text):
    """The same text, line for line and column for column, with comments and strings blanked."""
    pattern = re.compile(
        r'R"(?P<tag>[^()\s\\]{0,16})\(.*?\)(?P=tag)"'
        r'|"(?:\\.|[^"\\\n])*"'
        r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'"
        r"|//[^\n]*|/\*.*?\*/", re.DOTALL)
    return pattern.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)


def scope_kind(header):
    """What the brace behind header opens: a named scope, a function, or something else."""
    header = header.strip()
    word = SCOPE_OF_WORD.search(re.sub(r"template\s*<.*?>\s*(?=class|struct|\w)", "", header))
    if word and not re.search(r"\)\s*(const|noexcept|->.*)?$", header):
        return "class" if word.group() in ("class", "struct", "union") else "namespace"
    if header.endswith("=") or header.endswith("return") or header.endswith(","):
        return "other"
    if ")" in header and not re.search(r"=\s*\[", header):
        return "function"
    return "other"


def scopes(code):
    """Walks the braces. Yields (kind, first_line, last_line) of each scope, lines from 1, and
    writes the kind of the innermost scope at each line's start into the returned list."""
    found, stack = [], []
    kinds_at_line = ["file"]
    header, header_line, line = "", 1, 1
    for text in code.splitlines():
        stripped = text.strip()
        if stripped.startswith("#") or text.endswith("\\"):
            line += 1
            kinds_at_line.append(stack[-1][0] if stack else "file")
            continue
        for character in text:
            if character == "{":
                stack.append((scope_kind(header), header_line))
                header = ""
            elif character == "}":
                if stack:
                    kind, first = stack.pop()
                    found.append((kind, first, line, len(stack), [s[0] for s in stack]))
                header = ""
            elif character == ";":
                header = ""
            else:
                if not header.strip() and not character.isspace():
                    header, header_line = "", line
                header += character
        header += "\n"
        line += 1
        kinds_at_line.append(stack[-1][0] if stack else "file")
    return found, kinds_at_line


def check_shape(path, lines, report):
    if len(lines) > FILE_LINES_MAX:
        report(path, FILE_LINES_MAX + 1, f"file has {len(lines)} lines, at most {FILE_LINES_MAX}")
    for number, line in enumerate(lines, 1):
        if len(line) > COLUMNS_MAX:
            report(path, number, f"line has {len(line)} columns, at most {COLUMNS_MAX}")


def check_code(path, text, report):
    """All rules for C++ files."""
    layer = layer_of(path)
    code = without_comments_and_strings(text)
    code_lines = code.splitlines()
    found, kinds_at_line = scopes(code)
    for kind, first, last, _, outer in found:
        if kind == "function" and "function" not in outer and last - first + 1 > FUNCTION_LINES_MAX:
            report(path, first, f"function has {last - first + 1} lines, at most "
                                f"{FUNCTION_LINES_MAX}")
    for number, line in enumerate(text.splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            check_include(path, layer, match.group(1), number, report)
    if layer is None:
        return
    for number, line in enumerate(code_lines, 1):
        for pattern, layers, message in BANS:
            excepted = path in EXCEPTIONS and message.startswith(EXCEPTIONS[path])
            if layer in layers and pattern.search(line) and not excepted:
                report(path, number, f"{message}: {pattern.search(line).group().strip()}")
        # Only in headers: what a .cc file keeps to itself are helpers that live for one call.
        if (layer == "core" and path.endswith(".h") and kinds_at_line[number - 1] == "class"
                and VIEW_MEMBER.match(line)):
            report(path, number, "a view must not be a member: what is kept across ticks is a "
                                 "handle")


def check_include(path, layer, name, number, report):
    target = layer_of_include(name)
    if layer and target and target != layer and target not in LAYERS[layer]:
        report(path, number, f"{layer} must not include {target}: {name}")
    if name == "core/worker.h" and layer == "core" and "/worker" not in path:
        report(path, number, "only worker*.cc, app/ and tests may include core/worker.h")


def check_text(path, text):
    """All findings in one file, as (path, line, message)."""
    findings = []
    lines = text.splitlines()

    def report(where, number, message):
        nearby = lines[max(number - 2, 0):number]
        if not any(EXEMPT.search(line) for line in nearby):
            findings.append((where, number, message))

    check_shape(path, lines, report)
    if path.endswith((".h", ".cc")):
        check_code(path, text, report)
    return findings


def tree_files():
    names = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"],
                           cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    for name in sorted(set(names)):
        path = ROOT / name
        if name.startswith("tests/corpus/") or not path.is_file():
            continue
        if name.endswith((".h", ".cc", ".py", ".sh")) or (
                name.startswith(("tools/", ".ci/")) and path.stat().st_mode & 0o100):
            yield name


def self_test():
    """Each row: a path, a text, and the number of findings it must give."""
    long_body = "void f(int a) {\n" + "  g();\n" * 69 + "}\n"
    rows = [
        ("src/base/a.cc", '#include "mem/batch.h"\n', 1),
        ("src/mem/a.cc", '#include "ringfold/base/ints.h"\n', 0),
        ("src/hash/a.cc", '#include "ringfold/proto/resp.h"\n', 1),
        ("src/proto/a.cc", '#include "ringfold/io/ring.h"\n', 1),
        ("src/io/a.cc", '#include "core/worker.h"\n', 1),
        ("src/core/client.cc", '#include "core/worker.h"\n', 1),
        ("src/core/worker_ops.cc", '#include "core/worker.h"\n#include "ringfold/config.h"\n', 0),
        ("src/core/a.cc", '#include "app/supervisor.h"\n', 1),
        ("src/app/a.cc", '#include "core/worker.h"\n#include <mutex>\n#include <thread>\n', 0),
        ("include/ringfold/config.h", '#include "ringfold/hash/shard_map.h"\n', 0),
        ("include/ringfold/io/ring.h", '#include "ringfold/config.h"\n', 1),
        ("src/core/a.cc", "#include <mutex>\n", 1),
        ("src/core/a.cc", "int a = 1;  // a new virtual throw\n", 0),
        ("src/core/a.cc", 'const char* a = "new virtual";\n', 0),
        ("src/core/a.cc", "auto a = new int;\n", 1),
        ("src/core/a.cc", "auto a = ::new (place) Slot;\n", 0),
        ("src/core/a.cc", "auto a = new (std::nothrow) int;\n", 1),
        ("src/core/a.cc", "auto a = new int;  // tidy: once, at start-up\n", 0),
        ("src/core/a.cc", "#include <new>\n", 0),
        ("src/core/mailbox.cc", "::write(wake_fd_, &one, sizeof one);\nauto a = new int;\n", 1),
        ("src/mem/a.h", "struct A { virtual ~A(); };\n", 1),
        ("src/proto/a.cc", "std::shared_ptr<int> a;\nstd::function<void()> b;\n", 2),
        ("src/core/a.cc", "auto now = std::chrono::steady_clock::now();\n", 1),
        ("src/io/a.cc", "clock_gettime(CLOCK_MONOTONIC, &now);\n::close(fd);\n", 0),
        ("src/core/a.cc", "::close(fd);\nring.close(fd);\nRing::close(fd);\n", 1),
        ("src/core/a.cc", "int a = rand();\nint b = prng.random();\nint random(int a);\n", 1),
        ("src/core/a.h", "struct A {\n  std::string_view name;\n};\n", 1),
        ("src/core/a.h", "struct A {\n  std::span<const u8> bytes_{};\n};\n", 1),
        ("src/core/a.h", "struct A {\n  std::string_view view() const { return {}; }\n};\n", 0),
        ("src/core/a.h", "void f() {\n  std::string_view name = g();\n}\n", 0),
        ("src/core/a.cc", "struct Call {\n  std::string_view name;\n};\n", 0),
        ("src/proto/a.h", "struct A {\n  std::string_view name;\n};\n", 0),
        ("src/io/a.cc", long_body, 1),
        ("src/io/a.cc", long_body.replace("  g();\n", "", 1), 0),
        ("src/io/a.cc", "namespace a {\n" + "int b;\n" * 100 + "}\n", 0),
        ("src/io/a.cc", "class A : public B {\n" + "int b();\n" * 100 + "};\n", 0),
        ("src/io/a.cc", "const Row kRows[] = {\n" + "  {1, 2},\n" * 100 + "};\n", 0),
        ("src/io/a.cc", "class A {\n" + long_body + "};\n", 1),
        ("src/io/a.cc", "A::A(int a) : a_(a) {\n" + "  g();\n" * 80 + "}\n", 1),
        ("src/io/a.cc", "auto f() -> int {\n  auto g = [](int a) {\n" + "h();\n" * 70 + "};\n}\n",
         1),
        ("src/io/a.cc", "const char* a = R\"(\n" + "{\n" * 80 + ")\";\n", 0),
        ("src/io/a.cc", "int a = 1'000'000;  // {\nchar b = '{';\n", 0),
        ("src/io/a.cc", "//\n" * 601, 1),
        ("tests/a.py", "x" * 101 + "\n", 1),
        ("tests/sim/a.cc", '#include "core/worker.h"\n#include <thread>\n', 0),
    ]
    failures = 0
    for path, text, expected in rows:
        findings = check_text(path, text)
        if len(findings) != expected:
            failures += 1
            print(f"self-test: {path} {text[:60]!r}: {len(findings)} findings, not {expected}: "
                  f"{findings}")
    print(f"self-test: {len(rows) - failures} of {len(rows)} rows right")
    return failures


def main():
    if sys.argv[1:] == ["--self-test"]:
        return 1 if self_test() else 0
    if sys.argv[1:]:
        print(__doc__, file=sys.stderr)
        return 2
    count = 0
    files = list(tree_files())
    for name in files:
        for path, number, message in check_text(name, (ROOT / name).read_text("utf-8")):
            print(f"{path}:{number}: {message}")
            count += 1
    print(f"tidy: {len(files)} files, {count} findings")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
