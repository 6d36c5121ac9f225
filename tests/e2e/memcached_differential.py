#!/usr/bin/env python3
"""Sends the same random commands to a memcached and through the proxy, and compares the replies
byte for byte. test_memcached_differential.py runs it in small; by hand:

    tests/e2e/memcached_differential.py --pool four --commands 100000 --seed 7

A difference ends the run with the seed and both replies.

What may differ, and nothing else may:

  cas uniques   Each server numbers its changes for itself. With one server behind the proxy they
                are equal. With four, those of one server must be in the order of the direct
                server's: bigger for bigger, equal for equal. A command that sends a unique sends
                each side its own.
  t, l, exp, la Seconds left and seconds since the last use, counted by clocks that tick at
                different moments: by one second, or by more when a batch took so long that
                one server may have seen its commands seconds before the other.
"""

import base64
import bisect
import random
import re
import sys
import time

import differential
import memcached_commands
import wire
from memcached_wire import blocks

CLOCK_TICK = 1  # seconds
DEBUG_ITEM = re.compile(rb"(exp|la|cas)=(-?\d+)")
OPAQUE = re.compile(rb" (O\d+)")
# Goes to the direct memcached between the lines of one command; its answer says so.
JOINT = b"mg ~joint k O~joint\r\n"
JOINT_REPLY = b"EN k~joint O~joint\r\n"


def joined(replies):
    """The replies, those between which a JOINT was answered as one."""
    whole = []
    is_joint = False
    for reply in replies:
        if reply == JOINT_REPLY:
            whole[-1][-1] = whole[-1][-1].removesuffix(b"END\r\n")
            is_joint = True
        elif is_joint:
            whole[-1].append(reply)
            is_joint = False
        else:
            whole.append([reply])
    return [b"".join(parts) for parts in whole]


class Uniques:
    """The cas uniques of one server behind the proxy, in the order of the direct server's."""

    def __init__(self, identical):
        self.identical = identical
        self.direct = []
        self.pool = []

    def agree(self, direct, pool):
        """Takes a pair that was seen at the same place; False when it breaks the order."""
        if self.identical and direct != pool:
            return False
        place = bisect.bisect_left(self.direct, direct)
        if place < len(self.direct) and self.direct[place] == direct:
            return self.pool[place] == pool
        if place > 0 and self.pool[place - 1] >= pool:
            return False
        if place < len(self.pool) and self.pool[place] <= pool:
            return False
        self.direct.insert(place, direct)
        self.pool.insert(place, pool)
        return True


class Run(differential.Differential):
    """One run: a direct memcached, a pool of server_count memcacheds, one seed."""

    script = "memcached_differential.py"

    def _start(self, server_count, threads):
        self.cluster.add_memcacheds(server_count)
        self.proxy = self.cluster.start_proxy(threads=threads, protocol="memcached")
        self.servers = list(self.cluster.servers)
        self.direct_server = self.cluster.add_memcached("direct")
        self.direct = self.direct_server.raw()
        self.proxied = self.proxy.memcached()
        self.dice = random.Random(self.seed ^ 0x5EED)
        self.generator = memcached_commands.Generator(self.seed)
        self.keys = [key for name, keys in vars(memcached_commands).items()
                     if name.endswith("_KEYS") for key in keys]
        self.homes = self._ask_route(self.keys)
        self.uniques = {server.name: Uniques(server_count == 1) for server in self.servers}
        self.seen = {}  # key: its cas uniques, (direct, pool), the last one at the end
        self.opaques = {}
        self.replies = 0
        self.tolerance = CLOCK_TICK
        self.long_lines = 0  # that a memcached is sent in pieces

    def _fill(self, command, side):
        """The bytes of a command for one side: 0 direct, 1 the pool."""
        if command.lines and side == 0:
            return JOINT.join(command.lines)
        words = []
        for part in command.parts:
            if isinstance(part, memcached_commands.CasOf):
                pairs = self.seen.get(part.key, [])
                part = b"%d" % (pairs[-1 - part.age][side] if len(pairs) > part.age else 1 << 60)
            words.append(part)
        return b"".join(words)

    def run_batch(self, commands, cutter):
        self.opaques = {command.opaque: command.key for command in commands if command.opaque}
        direct_data, pool_data = (b"".join(self._fill(command, side) for command in commands)
                                  for side in (0, 1))
        self.batch = [self._fill(command, 0)[:70] for command in commands]
        begin = time.monotonic()
        expected = joined(self.direct.all_replies([direct_data]))
        try:
            actual = self.proxied.all_replies(cutter(pool_data))
        except (wire.ConnectionClosed, wire.ProtocolError, TimeoutError) as error:
            raise differential.Difference(f"{self._where()}: {error!r}\n{self.proxy.stderr()}")
        # A busy machine: the one server saw this batch, or will see the next, so much earlier.
        self.tolerance = max(self.tolerance, CLOCK_TICK + int(2 * (time.monotonic() - begin)))
        for place, (left, right) in enumerate(zip(expected, actual)):
            if not self._same(left, right):
                self._fail(place, expected, actual)
        if len(expected) != len(actual):
            self._fail(min(len(expected), len(actual)), expected, actual)
        self.done += len(commands)
        self.replies += len(actual)
        self.long_lines += sum(bool(command.lines) for command in commands)

    def _fail(self, place, expected, actual):
        lines = [f"{self._where()}: reply {place} of the batch"]
        for name, replies in (("memcached", expected), ("ringfold", actual)):
            shown = [reply[:150] for reply in replies[max(place - 2, 0) : place + 3]]
            lines.append(f"  {name + ':':<11} (from 2 before) {shown}")
        lines.append(f"  the batch begins: {self.batch[:40]}")
        raise differential.Difference("\n".join(lines))

    def _where(self):
        return f"behind command {self.done}\n{self._replay()}"

    def summary(self):
        return f"no difference in {self.replies} replies to {self.done} commands, " \
               f"{self.long_lines} of them long gats, clocks up to {self.tolerance} s apart"

    def _same(self, expected, actual):
        if expected.startswith(b"VALUE "):
            return self._same_values(expected, actual)
        if expected.startswith((b"HD ", b"VA ")):
            return self._same_meta(expected, actual)
        if expected.startswith(b"ME "):
            return self._same_debug(expected, actual)
        return expected == actual

    def _same_cas(self, key, direct, pool):
        direct, pool = int(direct), int(pool)
        if not self.uniques[self.homes[key]].agree(direct, pool):
            return False
        pairs = self.seen.setdefault(key, [])
        if not pairs or pairs[-1] != (direct, pool):
            pairs.append((direct, pool))
        return True

    def _same_values(self, expected, actual):
        left, left_end = blocks(expected)
        right, right_end = blocks(actual)
        if left_end != right_end or len(left) != len(right):
            return False
        for (words, data), (own_words, own_data) in zip(left, right):
            if words[:4] != own_words[:4] or len(words) != len(own_words) or data != own_data:
                return False
            if len(words) == 5 and not self._same_cas(words[1], words[4], own_words[4]):
                return False
        return True

    def _same_meta(self, expected, actual):
        header, _, data = expected.partition(b"\r\n")
        own_header, _, own_data = actual.partition(b"\r\n")
        words, own_words = header.split(b" "), own_header.split(b" ")
        if data != own_data or len(words) != len(own_words):
            return False
        opaque = OPAQUE.search(header)
        key = self.opaques.get(opaque[1]) if opaque else None
        for index, (word, own) in enumerate(zip(words, own_words)):
            flag = word[:1]
            # A key with a blank, written as it is, makes words that look like flags.
            is_number = index > 0 and word[1:].isdigit() and own[1:].isdigit() and own[:1] == flag
            if is_number and flag == b"c" and key is not None:
                if int(word[1:]) == 0 or int(own[1:]) == 0:
                    if word != own:
                        return False
                elif not self._same_cas(key, word[1:], own[1:]):
                    return False
            elif word != own and not (is_number and flag in (b"t", b"l")
                                      and abs(int(word[1:]) - int(own[1:])) <= self.tolerance):
                return False
        return True

    def _same_debug(self, expected, actual):
        if DEBUG_ITEM.sub(rb"\1", expected) != DEBUG_ITEM.sub(rb"\1", actual):
            return False
        key = expected.split(b" ")[1]
        if key not in self.homes:
            key = base64.b64decode(key)
        numbers, own = dict(DEBUG_ITEM.findall(expected)), dict(DEBUG_ITEM.findall(actual))
        return (all(abs(int(numbers[name]) - int(own[name])) <= self.tolerance
                    for name in (b"exp", b"la"))
                and self._same_cas(key, numbers[b"cas"], own[b"cas"]))

    def compare_contents(self):
        """Every key must now be on its server, and only there, with the same contents."""
        holders = {server.name: server.raw() for server in self.servers}
        try:
            for key in self.keys:
                words = ["mg", key, "v", "f"]
                if key in memcached_commands.CODE_KEYS:
                    words = ["mg", memcached_commands.coded(key), "v", "f", "b"]
                expected = self.direct.call(*words)
                for name, holder in holders.items():
                    found = holder.call(*words)
                    if key in memcached_commands.WILD_KEYS and name == self.homes[key]:
                        same = self._number(found) == self._number(expected)
                    else:
                        same = found == (expected if name == self.homes[key] else b"EN\r\n")
                    if not same:
                        raise differential.Difference(
                            f"key {key!r} differs at server {name}: seed {self.seed}, "
                            f"{self.done} commands\n  {expected[:300]!r}\n  {found[:300]!r}")
        finally:
            for holder in holders.values():
                holder.close()

    @staticmethod
    def _number(reply):
        """A counter without the spaces behind it."""
        return [line.rstrip() for line in reply.split(b"\r\n")[1:]]


if __name__ == "__main__":
    sys.exit(differential.main(__doc__, Run))
