#!/usr/bin/env python3
"""Compares what ringfold's memcached parsers do with a live memcached 1.6.18.

  memcached_check.py --relay build/tests/unit/proto/memcached_relay [--commands 20000] [--seed 1]
  memcached_check.py --record          writes the server's answers into the table of words anew

--relay takes the program that is a proxy of nothing but the parsers (tests/unit/proto). Compared
are the table of words (tests/vectors/memcached_words.txt: requests, the server's answers, and
ringfold's where they differ on purpose), and random pipelines, byte for byte, each through the
relay and directly. Servers are started on free ports and stopped again.

Exit codes: 0 equal, 1 different, 2 bad usage, 77 there is no memcached 1.6.18 to start (which Meson
takes for a skipped test). Python's standard library only.
"""

import argparse
import pathlib
import random
import re
import shutil
import socket
import subprocess
import sys
import time

TABLE = pathlib.Path(__file__).resolve().parent.parent / "tests/vectors/memcached_words.txt"
VERSION = "1.6.18"
SKIPPED = 77
TIMEOUT_SECONDS = 20
# Ends every conversation, so that nobody has to wait for an answer that does not come.
LAST = b"mn\r\nquit\r\n"


class Server:
    """A memcached of one's own."""

    def __enter__(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process = subprocess.Popen(
            ["memcached", "-l", "127.0.0.1", "-p", str(self.port), "-U", "0", "-t", "1",
             # Its own threads hold items as well, see check_random().
             "-o", "no_lru_maintainer,no_lru_crawler", "-u", "nobody"], stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return self
            except OSError:
                if time.monotonic() > deadline:
                    raise SystemExit("memcached does not start")

    def __exit__(self, *ignored):
        self.process.kill()  # it takes a second to end in another way
        self.process.wait()

    def ask(self, request):
        with socket.create_connection(("127.0.0.1", self.port), timeout=TIMEOUT_SECONDS) as sock:
            sock.sendall(request)
            sock.shutdown(socket.SHUT_WR)
            answer = b""
            while chunk := sock.recv(65536):
                answer += chunk
            return answer


    def ask_in_steps(self, requests):
        """Each request when the one before is answered; each ends with a marker()."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=TIMEOUT_SECONDS) as sock:
            answer = b""
            for number, request in enumerate(requests):
                sock.sendall(request)
                while not answer.endswith(b"EN kmark%d\r\n" % number):
                    chunk = sock.recv(65536)
                    if not chunk:
                        return answer
                    answer += chunk
            return answer


def marker(number):
    """Is answered, wherever the request before it ended."""
    return b"\r\nmg mark%d k\r\n" % number


def ask_relay(relay, port, request):
    run = subprocess.run([relay, str(port)], input=request, capture_output=True,
                         timeout=TIMEOUT_SECONDS, check=False)
    if run.returncode != 0:
        return run.stdout + b"<relay: " + run.stderr.strip() + b">"
    return run.stdout


def unescape(text):
    text = re.sub(r"<(.+?)\*(\d+)>", lambda m: m[1] * int(m[2]), text)
    return text.encode("latin-1").decode("unicode_escape").encode("latin-1")


def escape(data):
    out = ""
    for byte in data:
        plain = 0x20 <= byte < 0x7f and byte not in b"\\<>"
        out += {13: "\\r", 10: "\\n"}.get(byte) or (chr(byte) if plain else "\\x%02x" % byte)
    return out


def read_table():
    """Rows: line number, request, answer, ringfold's answer; comments as they are."""
    for number, line in enumerate(TABLE.read_text().splitlines(), 1):
        if not line or line.startswith("#"):
            yield number, line, None, None
            continue
        fields = line.split("\t")
        yield number, fields[0], (fields + [""])[1], fields[2] if len(fields) > 2 else None


def answer_of(ask, request):
    """What is answered in front of MN. A conversation that ends earlier has no MN."""
    answer = ask(unescape(request) + LAST)
    return answer.removesuffix(b"MN\r\n") if answer.endswith(b"MN\r\n") else answer + b"<closed>"


def record():
    lines = []
    for _, request, answer, ours in read_table():
        if answer is not None:
            with Server() as server:
                heard = answer_of(server.ask, request)
            request += "\t" + escape(heard)
            request += "\t" + ours if ours is not None else ""
        lines.append(request)
    TABLE.write_text("\n".join(lines) + "\n")


def check_table(relay):
    wrong = 0
    for number, request, answer, ours in read_table():
        if answer is None:
            continue
        with Server() as server:
            direct = answer_of(server.ask, request)
        with Server() as server:
            relayed = answer_of(lambda data: ask_relay(relay, server.port, data), request)
        for name, heard, wanted in (("memcached", direct, answer),
                                    ("ringfold", relayed, answer if ours is None else ours)):
            if heard != unescape(wanted):
                wrong += 1
                print(f"{TABLE.name}:{number}: {name} says {heard!r}, should be {wanted}")
    return wrong


KEYS = ["a", "b", "key", "noreply", "YWJj", "YQ==", "k" * 250, "k" * 251, "7", "Y===", "q"]
NUMBERS = ["0", "1", "5", "-1", "+3", "00", "x", "1x", "-0", "18446744073709551615",
           "18446744073709551616", "99999999999999999999", ""]
FLAGS = ["q", "k", "v", "t", "c", "s", "f", "b", "Oabc", "q2", "T0", "F5", "C7", "MA", "ME", "MX",
         "I", "D2", "J5", "X", "u", "T", "O" + "a" * 33, "P1", "MS", "MR", "MP", "M"]


def random_storage(dice, name, key):
    """The words behind the name, and the data block."""
    length = 1 + dice.randrange(12)
    number = str(length) if dice.random() < .9 else dice.choice(["-1", "x", f"+{length}", ""])
    words = [key, number]
    if name != "ms":
        flags = ["0", "5", "4294967295", "x", "-1"] if dice.random() < .1 else ["0", "5"]
        times = ["0", "-1", "100", "x"] if dice.random() < .1 else ["0"]
        words = [key, dice.choice(flags), dice.choice(times), number]
    if name == "cas":
        words.append(dice.choice(NUMBERS))
    # To count what is nothing but blanks, memcached reads on behind the value, so none is.
    letters = b"0123456789" if dice.random() < .5 else b"ab \r\n\0v"
    data = dice.choice(b"1v").to_bytes(1, "big") + bytes(dice.choices(letters, k=length - 1))
    # With wrong flags and wrong data, memcached names the flags and ringfold the data.
    bad_ends = [b"x\r\n", b"\n"] if name != "ms" else []
    return words, data + dice.choice([b"\r\n"] * 30 + bad_ends)


def random_words(dice, name, key):
    """What stands behind the name of a command without data."""
    if name in ("get", "gets", "bget"):
        # Short of 2048 bytes: a longer line is closed upon, or not, as it happens to be cut.
        many = dice.choices(KEYS[:6], k=40) if dice.random() < .1 else []
        return dice.choices(KEYS[:7], k=dice.choice([0, 1, 1, 2, 3])) + many
    if name in ("gat", "gats"):
        return [dice.choice(["0", "-1", "100", "x"])] + dice.choices(KEYS[:7], k=dice.randrange(4))
    if name == "incr":
        return [key, dice.choice(["1", "5", "+3", "00", "x", "1x", "-0", "-1", ""])]
    if name == "decr":  # no number gets shorter, see check_random()
        return [key, dice.choice(["0", "00", "x", "-1", "99999999999999999999"])]
    choices = {
        "touch": [[key, "0"], [key, "-1"], [key, "x"], [key, "900"]],
        "delete": [[key], [key], [key, "0"], [key, "1"]],
        "me": [[], [key], [key, "b"]],
        "stats": [["reset"], ["nope"]],
        "flush_all": [[], ["0"], ["-1"], ["x"], ["0", "junk"]],
        "verbosity": [["0"], ["x"], []],
    }
    if name in ("mg", "md", "ma"):
        return [key] if dice.random() < .98 else []
    return dice.choice(choices.get(name, [[]]))


def random_request(dice):
    name = dice.choice("get gets gat gats set add replace append prepend cas incr decr delete "
                       "touch mg ms md ma me mn set mg ms get flush_all version verbosity stats "
                       "nope m GET bget".split())
    key = dice.choice(KEYS)
    block = b""
    if name in ("set", "add", "replace", "append", "prepend", "cas", "ms"):
        words, block = random_storage(dice, name, key)
    else:
        words = random_words(dice, name, key)
    if name in ("mg", "ms", "md", "ma"):
        words = words + dice.choices(FLAGS, k=dice.choice([0, 1, 2, 3, 4, 21]))
    if dice.random() < .15:
        words = words + [dice.choice(["noreply", "noreply", "junk", "0"])]
    line = dice.choice([" ", " ", " ", " ", "  "]).join([name] + words)
    return (line + dice.choice(["\r\n"] * 9 + ["\n"])).encode("latin-1") + block


def same_times(answer):
    """Seconds that pass between two servers' answers are no difference."""
    return re.sub(rb"(?<= t)\d+|(?<= la=)\d+|(?<= exp=)-\d+|(?<= size=)\d+", b"N", answer)


def check_random(relay, commands, seed):
    dice = random.Random(seed)
    sent = 0
    with Server() as direct, Server() as behind:
        while sent < commands:
            count = min(dice.choice([1, 5, 200]), commands - sent)
            # memcached does not count in place while somebody else holds the item (an answer that
            # is not sent yet, a thread of its own), and whether a shorter number is padded depends
            # on that. So it gets the requests one by one, as the relay's server does.
            requests = [random_request(dice) + marker(i) for i in range(count)]
            pipeline = b"".join(requests)
            sent += count
            heard = same_times(direct.ask_in_steps(requests))
            relayed = same_times(ask_relay(relay, behind.port, pipeline))
            if heard != relayed:
                print(f"seed {seed}, behind {sent} commands: a pipeline of {count} differs")
                pairs = enumerate(zip(heard, relayed))
                shorter = min(len(heard), len(relayed))
                at = next((i for i, (x, y) in pairs if x != y), shorter)
                print(f"  memcached {heard[max(0, at - 120):at + 120]!r}")
                print(f"  ringfold  {relayed[max(0, at - 120):at + 120]!r}")
                if len(pipeline) < 2000:
                    print(f"  request   {pipeline!r}")
                return 1
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--relay")
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--commands", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if not arguments.relay and not arguments.record:
        parser.error("--relay or --record is needed")
    program = shutil.which("memcached")
    if not program or VERSION not in subprocess.run([program, "-V"], capture_output=True, text=True,
                                                    check=False).stdout:
        print(f"there is no memcached {VERSION}")
        return SKIPPED
    if arguments.record:
        record()
        return 0
    wrong = check_table(arguments.relay)
    wrong += check_random(arguments.relay, arguments.commands, arguments.seed)
    print(f"{wrong} differences")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
