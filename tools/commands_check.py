#!/usr/bin/env python3
"""Compares ringfold's Redis command table with a live redis-server.

  commands_check.py --table build/tests/unit/proto/command_table_print
  commands_check.py --proxy 22121

--table takes the program that prints the table and finds keys (tests/unit/proto), --proxy the port
of a running proxy on this machine; both may be given. The server is the one at --port, or one that
is started on a free port and stopped again. Compared are:

  rows    names, arity, flags, first, last, step and subcommands, with what COMMAND says
  keys    the keys of generated requests of every keyed command, with COMMAND GETKEYS
  errors  of damaged requests whose keys cannot be found: the error, with the server's own (--table)

Exit codes: 0 equal, 1 different, 2 bad usage, 77 there is no redis-server 7.0 to start (which Meson
takes for a skipped test). Python's standard library only.
"""

import argparse
import json
import random
import shutil
import socket
import subprocess
import sys
import tempfile

# Sent by newer client libraries when they connect; Redis has them from 7.2 on.
KNOWN_EXTRAS = {"client|setinfo", "client|no-touch"}
TABLE_IS_OF = "7.0."
SKIPPED = 77
TIMEOUT_SECONDS = 20


class RedisError(Exception):
    """An error reply."""


class Connection:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rwb")

    def close(self):
        self.file.close()
        self.socket.close()

    def send(self, *arguments):
        self.file.write(b"*%d\r\n" % len(arguments))
        for argument in arguments:
            self.file.write(b"$%d\r\n%s\r\n" % (len(argument), argument))

    def read(self):
        """One reply; an error is returned, not raised, as it is an answer like any other."""
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise SystemExit("the connection was closed in the middle of a reply")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest
        if kind == b"-":
            return RedisError(rest.decode("latin-1"))
        if kind == b":":
            return int(rest)
        length = int(rest)
        if length < 0:
            return None
        if kind == b"$":
            return self.file.read(length + 2)[:-2]
        if kind in (b"*", b"~"):
            return [self.read() for _ in range(length)]
        raise SystemExit(f"not a reply: {line!r}")

    def call(self, *arguments):
        self.send(*arguments)
        self.file.flush()
        return self.read()

    def call_all(self, requests):
        """Pipelined in portions that no socket buffer has to hold at once."""
        replies = []
        for start in range(0, len(requests), 100):
            portion = requests[start:start + 100]
            for request in portion:
                self.send(*request)
            self.file.flush()
            replies += [self.read() for _ in portion]
        return replies


class Server:
    """A redis-server of our own on a free loopback port, gone when the block ends."""

    def __enter__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="commands_check.")
        for _ in range(10):
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self.port = probe.getsockname()[1]
            self.process = subprocess.Popen(
                ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
                 "--appendonly", "no", "--dir", self.directory.name],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            # Somebody may take the port between the probe and the start: then the next is tried.
            for line in self.process.stdout:
                if b"Ready to accept connections" in line:
                    return self
            self.process.wait()
        raise SystemExit("redis-server does not start")

    def __exit__(self, *unused):
        self.process.terminate()
        self.process.communicate()
        self.directory.cleanup()


def text(value):
    return value.decode() if isinstance(value, bytes) else value


def rows_of_command_reply(reply):
    """COMMAND's reply as {name: row}, subcommands included, and the names that have real keys."""
    rows, keyed = {}, set()
    for row in reply:
        name = text(row[0])
        rows[name] = {
            "arity": row[1],
            "flags": [text(flag) for flag in row[2]],
            "first": row[3],
            "last": row[4],
            "step": row[5],
        }
        for spec in row[8] if len(row) > 8 else []:
            flags = spec[spec.index(b"flags") + 1]
            if b"not_key" not in flags:
                keyed.add(name)
        more_rows, more_keyed = rows_of_command_reply(row[9] if len(row) > 9 else [])
        rows.update(more_rows)
        keyed |= more_keyed
    return rows, keyed


def compare_rows(ours, theirs, report):
    for name in sorted(theirs.keys() - ours.keys()):
        report(f"{name}: the server has it, ringfold has not")
    for name in sorted(ours.keys() - theirs.keys() - KNOWN_EXTRAS):
        report(f"{name}: ringfold has it, the server has not")
    for name in sorted(ours.keys() & theirs.keys()):
        for field, value in theirs[name].items():
            if ours[name][field] != value:
                report(f"{name}: {field} is {ours[name][field]}, the server says {value}")


# Requests. Keys of generated requests are random bytes; words that could be taken for options are
# only put where the server must take them for a key.

def some_key(dice):
    return bytes(dice.randrange(256) for _ in range(dice.choice((1, 2, 5, 9, 10, 40, 300))))


def some_keys(dice, most=12):
    return [some_key(dice) for _ in range(dice.randint(1, most))]


def counted(before, behind):
    def make(dice):
        keys = some_keys(dice)
        return before + [b"%d" % len(keys)] + keys + behind
    return make


def script(before):
    def make(dice):
        keys = some_keys(dice) if dice.random() < 0.8 else []
        return before + [b"%d" % len(keys)] + keys + [b"x"] * dice.randint(0, 3)
    return make


def streams(before, options):
    def make(dice):
        keys = some_keys(dice)
        chosen = dice.sample(options, dice.randint(0, len(options)))
        words = [word for option in chosen for word in option]
        return before + words + [b"STREAMS"] + keys + [b"0"] * len(keys)
    return make


def stored(before, options, store_words):
    def make(dice):
        chosen = dice.sample(options, dice.randint(0, len(options)))
        if dice.random() < 0.7:
            chosen.append([dice.choice(store_words), some_key(dice)])
            dice.shuffle(chosen)
        return [some_key(dice)] + before + [word for option in chosen for word in option]
    return make


def pairs(dice):
    return [word for key in some_keys(dice) for word in (key, some_key(dice))]


def migrate(dice):
    start = [b"host", b"1"]
    options = dice.choice(([], [b"COPY"], [b"REPLACE", b"AUTH", b"keys"], [b"AUTH2", b"u", b"p"]))
    if dice.random() < 0.5:
        return start + [some_key(dice), b"0", b"5"] + options
    return start + [b"", b"0", b"5"] + options + [b"KEYS"] + some_keys(dice)


RADIUS = [[b"COUNT", b"3"], [b"ASC"], [b"WITHDIST"]]
SORT = [[b"BY", b"nosort"], [b"LIMIT", b"0", b"5"], [b"GET", b"#"], [b"ALPHA"], [b"DESC"]]
GENERATORS = {
    "blmpop": counted([b"0"], [b"LEFT"]),
    "bzmpop": counted([b"0"], [b"MIN"]),
    "eval": script([b"return 1"]),
    "eval_ro": script([b"return 1"]),
    "evalsha": script([b"0" * 40]),
    "evalsha_ro": script([b"0" * 39]),
    "fcall": script([b"f"]),
    "fcall_ro": script([b"f"]),
    "georadius": stored([b"1", b"2", b"3", b"km"], RADIUS, [b"STORE", b"storedist"]),
    "georadiusbymember": stored([b"m", b"3", b"km"], RADIUS, [b"store", b"STOREDIST"]),
    "lmpop": counted([], [b"LEFT", b"COUNT", b"2"]),
    "migrate": migrate,
    "mset": pairs,
    "msetnx": pairs,
    # COMMAND GETKEYS does not know that PFMERGE may have no source.
    "pfmerge": lambda dice: [some_key(dice)] + some_keys(dice),
    "sintercard": counted([], [b"LIMIT", b"2"]),
    "sort": stored([], SORT, [b"STORE", b"store"]),
    "sort_ro": lambda dice: [some_key(dice)] + dice.choice(SORT),
    "xread": streams([], [[b"COUNT", b"2"], [b"BLOCK", b"1"]]),
    "xreadgroup": streams([b"GROUP", b"g", b"c"], [[b"NOACK"], [b"COUNT", b"2"], [b"BLOCK", b"1"]]),
    "zdiff": counted([], []),
    "zdiffstore": counted([b"dest"], []),
    "zinter": counted([], [b"WITHSCORES"]),
    "zintercard": counted([], [b"LIMIT", b"2"]),
    "zinterstore": counted([b"dest"], [b"AGGREGATE", b"MIN"]),
    "zmpop": counted([], [b"MIN"]),
    "zunion": counted([], []),
    "zunionstore": counted([b"dest"], []),
}
# The proxy refuses these before it looks for keys, so it has no words of theirs.
NO_ERRORS = {"migrate", "blmpop", "bzmpop"}
HOSTILE = [b"0", b"-1", b"00", b"-0", b"+1", b"x", b"", b"7", b"1 ", b"9223372036854775808",
           b"2147483648", b"4294967297", b"-9223372036854775808", b"STREAMS", b"COUNT", b"BLOCK",
           b"GROUP", b"NOACK", b"NOACK\0", b"streams\0x", b"STORE"]


def any_case(name, dice):
    return "".join(dice.choice((c.lower(), c.upper())) for c in name).encode()


def make_request(name, arity, dice):
    words = [any_case(word, dice) for word in name.split("|")]
    if name in GENERATORS:
        return words + GENERATORS[name](dice)
    count = abs(arity) + (dice.randint(0, 9) if arity < 0 else 0)
    return words + [some_key(dice) for _ in range(count - len(words))]


def fits(request, arity):
    return len(request) == arity if arity >= 0 else len(request) >= -arity


def damage(request, dice):
    request = list(request)
    for _ in range(dice.randint(1, 3)):
        at = dice.randrange(1, len(request))
        kind = dice.randrange(4)
        if kind == 0:
            request[at] = dice.choice(HOSTILE)
        elif kind == 1 and len(request) > 2:
            del request[at]
        elif kind == 2:
            request.insert(at, dice.choice(HOSTILE))
        else:
            # Where the number or the first option stands.
            request[min(dice.choice((1, 2)), len(request) - 1)] = dice.choice(HOSTILE)
    return request


def shown(request):
    return " ".join(repr(word)[1:] for word in request)[:300]


def keys_from_program(program, requests):
    """[list of keys or error text] from command_table_print --keys."""
    lines = [" ".join(word.hex() or "-" for word in request) for request in requests]
    output = subprocess.run([program, "--keys"], input="\n".join(lines) + "\n", check=True,
                            capture_output=True, text=True, timeout=TIMEOUT_SECONDS).stdout
    answers = []
    for line in output.splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "error":
            answers.append(rest)
        else:
            answers.append([b"" if key == "-" else bytes.fromhex(key) for key in rest.split()])
    if len(answers) != len(requests):
        raise SystemExit(f"{len(requests)} requests, {len(answers)} answers")
    return answers


def compare_keys(options, rows, keyed, server, proxy, report):
    dice = random.Random(options.seed)
    requests = [make_request(name, rows[name]["arity"], dice)
                for name in sorted(keyed) for _ in range(options.requests)]
    questions = [[b"COMMAND", b"GETKEYS"] + request for request in requests]
    expected = server.call_all(questions)
    for request, keys in zip(requests, expected):
        if not isinstance(keys, list):
            report(f"the generator made a request whose keys the server cannot find ({keys}): "
                   f"{shown(request)}")
    answers = []
    if options.table:
        answers.append(("the table", keys_from_program(options.table, requests)))
    if proxy:
        answers.append(("the proxy", proxy.call_all(questions)))
    for name, answer in answers:
        for request, ours, theirs in zip(requests, answer, expected):
            if ours != theirs:
                report(f"keys of {shown(request)}: {name} says {ours}, the server {theirs}")
    return len(requests)


def compare_errors(options, rows, server, proxy, report):
    dice = random.Random(options.seed + 1)
    names = sorted(GENERATORS.keys() - NO_ERRORS)
    requests = []
    while len(requests) < options.requests * 200:
        name = dice.choice(names)
        request = damage(make_request(name, rows[name]["arity"], dice), dice)
        if fits(request, rows[name]["arity"]):
            requests.append(request)
    answers = keys_from_program(options.table, requests)
    refused = [(request, answer) for request, answer in zip(requests, answers)
               if isinstance(answer, str)]
    # Only what ringfold refuses is sent: the rest could change or block the server.
    for name, connection in (("the server", server), ("the proxy", proxy)):
        if connection is None:
            continue
        replies = connection.call_all([request for request, _ in refused])
        for (request, ours), theirs in zip(refused, replies):
            if not isinstance(theirs, RedisError) or str(theirs) != ours:
                report(f"{shown(request)}: the table says {ours!r}, {name} {theirs!r}")
    texts = {answer for _, answer in refused}
    if len(texts) < 15:
        report(f"only {len(texts)} different errors were met: {sorted(texts)}")
    return len(refused), len(texts)


def check(options, port):
    differences = []

    def report(line):
        differences.append(line)
        if len(differences) <= 50:
            print(line)

    server = Connection(port)
    proxy = Connection(options.proxy) if options.proxy else None
    rows, keyed = rows_of_command_reply(server.call(b"COMMAND"))
    if options.table:
        table = json.loads(subprocess.run([options.table], check=True, capture_output=True,
                                          timeout=TIMEOUT_SECONDS).stdout)
        compare_rows({row["name"]: row for row in table}, rows, report)
        for row in table:
            if row["name"] in rows and row["keyed"] != (row["name"] in keyed):
                report(f"{row['name']}: keyed is {row['keyed']}, the server says otherwise")
    if proxy:
        compare_rows(rows_of_command_reply(proxy.call(b"COMMAND"))[0], rows, report)
    print(f"{len(rows)} commands and subcommands compared")
    if differences:
        print(f"{len(differences)} differences; keys and errors are compared when there are none")
        return 1
    count = compare_keys(options, rows, keyed, server, proxy, report)
    print(f"{count} requests of {len(keyed)} keyed commands compared")
    if options.table:
        count, texts = compare_errors(options, rows, server, proxy, report)
        print(f"{count} refused requests with {texts} different errors compared")
    for connection in (server, proxy):
        if connection:
            connection.close()
    print(f"{len(differences)} differences")
    return 1 if differences else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", help="the program that prints the table")
    parser.add_argument("--proxy", type=int, help="the port of a running proxy")
    parser.add_argument("--port", type=int, help="the port of a running redis-server")
    parser.add_argument("--requests", type=int, default=20, help="requests for each command")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if not options.table and not options.proxy:
        parser.error("give --table or --proxy")
    if options.port:
        return check(options, options.port)
    if shutil.which("redis-server") is None:
        print("redis-server is not installed")
        return SKIPPED
    version = subprocess.run(["redis-server", "--version"], check=True, capture_output=True,
                             text=True).stdout
    if f"v={TABLE_IS_OF}" not in version:
        print(f"the table is of Redis {TABLE_IS_OF}x, this is {version.strip()}")
        return SKIPPED
    with Server() as server:
        return check(options, server.port)


if __name__ == "__main__":
    sys.exit(main())
