#!/usr/bin/env python3
"""Sends the same random commands to a redis-server and through the proxy, and compares the replies
byte for byte. test_differential.py runs it in small; by hand:

    tests/e2e/differential.py --pool four --commands 100000 --seed 7

A difference ends the run with the seed, the number of the command, and both replies.
"""

import argparse
import random
import subprocess
import sys

import harness
import random_commands
import wire

# What may differ between two servers that were sent the same commands, and so is compared in the
# form these functions make of it. Everything else must be equal to the last byte.


def unordered(value):
    """Members of a hash table come in an order that each server draws for itself."""
    return sorted(value, key=repr) if isinstance(value, list) else value


def unordered_pairs(value):
    if not isinstance(value, list):
        return value
    return sorted(zip(value[::2], value[1::2]), key=repr)


def unordered_scan(value):
    return [value[0], unordered(value[1])] if isinstance(value, list) else value


def number_of_items(value):
    """DUMP: the members of a hash table again. The bytes differ, their number does not."""
    return len(value) if isinstance(value, bytes) else value


def kind(value):
    """Random members, ages, sizes in memory: only whether there is one."""
    return type(value)


def without_idle_time(value):
    """XPENDING and XINFO CONSUMERS tell how long ago something happened."""
    if not isinstance(value, list):
        return value
    return [[item for item in entry if not isinstance(item, int)] if isinstance(entry, list)
            else entry for entry in value]


def rough_time(value):
    """Two servers read their clocks at different moments, however far apart."""
    return "some time" if isinstance(value, int) and value > 0 else value


PERMITTED = {
    "SMEMBERS": unordered, "SUNION": unordered, "SINTER": unordered, "SDIFF": unordered,
    "HKEYS": unordered, "HVALS": unordered, "KEYS": unordered, "HGETALL": unordered_pairs,
    "SPOP": unordered, "SRANDMEMBER count": unordered, "HRANDFIELD count": unordered,
    "ZRANDMEMBER count": unordered, "HRANDFIELD values": unordered_pairs,
    "ZRANDMEMBER values": unordered_pairs, "HSCAN": unordered_scan, "SSCAN": unordered_scan,
    "ZSCAN": unordered_scan, "DUMP": number_of_items, "SRANDMEMBER": kind, "HRANDFIELD": kind,
    "ZRANDMEMBER": kind, "RANDOMKEY": kind, "OBJECT IDLETIME": kind, "MEMORY USAGE": kind,
    "XPENDING": without_idle_time, "XINFO CONSUMERS": without_idle_time,
    "TTL": rough_time, "PTTL": rough_time, "EXPIRETIME": rough_time, "PEXPIRETIME": rough_time,
}
CROSS_SERVER_WORDS = "hash tag"
# What a command of several servers may be told instead, when it has such a mistake as well.
MISTAKES_BEFORE_KEYS = {"ERR value is not an integer or out of range", "ERR syntax error"}


def permitted_form(command):
    """The function for this command's replies, or None when they must be equal."""
    name = command.name
    if name in ("OBJECT", "MEMORY", "XINFO") and len(command.arguments) > 1:
        name += " " + command.arguments[1].decode("latin-1").upper()
    if name in ("SRANDMEMBER", "HRANDFIELD", "ZRANDMEMBER") and len(command.arguments) > 2:
        name += " count" if len(command.arguments) == 3 else " values"
    return PERMITTED.get(name)


def same(command, expected, actual):
    if expected == actual:
        return True
    form = permitted_form(command)
    return form is not None and form(wire.parse(expected)) == form(wire.parse(actual))


def cut(data, dice):
    """data in the pieces in which it will be written."""
    style = dice.randrange(10)
    if style < 5:
        return [data]
    if style < 6 and len(data) < 4000:
        return [data[index:index + 1] for index in range(len(data))]
    places = sorted(dice.randrange(len(data) + 1) for _ in range(dice.randrange(1, 40)))
    return [data[a:b] for a, b in zip([0, *places], [*places, len(data)])]


def dump_payloads(client):
    """Replies of DUMP that RESTORE may be given."""
    client.call("SET", "payload-string", "some text")
    client.call("SET", "payload-number", 12345)
    client.call("RPUSH", "payload-list", *range(20))
    payloads = [client.value("DUMP", f"payload-{kind}") for kind in ("string", "number", "list")]
    client.call("FLUSHALL")
    return payloads


class Difference(AssertionError):
    """Proxy and server answered differently."""


class Differential:
    """One run: a direct server, a pool of server_count servers behind the proxy, one seed."""

    script = "differential.py"

    def __init__(self, server_count, seed, threads=1):
        self.seed = seed
        self.pool = {1: "one", 4: "four"}[server_count]
        self.done = 0
        self.cross_server = 0
        self.cluster = harness.Cluster()
        try:
            self._start(server_count, threads)
        except BaseException:
            self.cluster.close()
            raise

    def _start(self, server_count, threads):
        self.cluster.add_servers(server_count)
        self.proxy = self.cluster.start_proxy(threads=threads, hash_tag="{}")
        self.servers = list(self.cluster.servers)
        self.direct_server = self.cluster.add_server("direct")
        self.direct = self.direct_server.raw()
        self.proxied = self.proxy.raw()
        self.dice = random.Random(self.seed ^ 0x5EED)
        self.generator = random_commands.Generator(self.seed, dump_payloads(self.direct))
        self.homes = self._ask_route(random_commands.all_keys())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.direct.close()
        self.proxied.close()
        self.cluster.close()

    def _ask_route(self, keys):
        """Which server holds which key, as `ringfold route` says."""
        text = "".join(key.hex() + "\n" for key in keys)
        answer = subprocess.run([harness.BINARY, "route", "-c", self.proxy.config, "--pool", "main",
                                 "--hex", "-"], input=text, text=True, capture_output=True,
                                timeout=harness.STOP_DEADLINE, check=True)
        names = [line.rsplit("\t", 2)[1] for line in answer.stdout.splitlines()]
        if len(names) != len(keys):
            raise AssertionError(f"route gave {len(names)} lines for {len(keys)} keys")
        return dict(zip(keys, names))

    def crosses_servers(self, command):
        return command.mixed and len({self.homes[key] for key in command.keys}) > 1

    def run(self, count):
        """Sends count commands in pipelines of random depth, cut at random places."""
        while self.done < count:
            depth = self.dice.choice([1, 1, 2, 5, 20, 50, 200, 1000])
            self.run_batch(self.generator.commands(min(depth, count - self.done)),
                           lambda data: cut(data, self.dice))
        self.compare_contents()

    def run_batch(self, commands, cutter):
        encoded = [wire.encode(*command.arguments) for command in commands]
        crossing = [self.crosses_servers(command) for command in commands]
        direct_data = b"".join(data for data, cross in zip(encoded, crossing) if not cross)
        expected = iter(self.direct.exchange([direct_data], crossing.count(False)))
        try:
            replies = self.proxied.exchange(cutter(b"".join(encoded)), len(commands))
        except (wire.ConnectionClosed, wire.ProtocolError, TimeoutError) as error:
            raise Difference(f"{self._place(commands[0])}: {error!r}\n{self.proxy.stderr()}")
        for command, cross, reply in zip(commands, crossing, replies):
            self._compare(command, None if cross else next(expected), reply)
            self.done += 1

    def _compare(self, command, expected, actual):
        if expected is None:
            self.cross_server += 1
            error = wire.parse(actual)
            if isinstance(error, wire.ErrorReply) and (
                    error.startswith("ERR ringfold: ") and CROSS_SERVER_WORDS in error
                    or error in MISTAKES_BEFORE_KEYS):
                return
            expected = b"-ERR ringfold: ... hash tag ... (its keys are on several servers)"
        elif same(command, expected, actual):
            return
        raise Difference(f"{self._place(command)}\n  redis-server: {expected[:500]!r}\n"
                         f"  ringfold:     {actual[:500]!r}")

    def _place(self, command):
        words = [argument[:60] for argument in command.arguments[:20]]
        return f"command {self.done + 1}: {words}\n{self._replay()}"

    def _replay(self):
        return (f"  replay: tests/e2e/{self.script} --pool {self.pool} --seed {self.seed} "
                f"--commands {self.done + 1000}")

    def summary(self):
        return f"no difference ({self.cross_server} refused across servers)"

    def compare_contents(self):
        """Every key must now be on its server, and only there, with the same contents."""
        holders = {server.name: server.raw() for server in self.servers}
        try:
            for key, home in self.homes.items():
                digest = self.direct.call("DEBUG", "DIGEST-VALUE", key)
                for name, holder in holders.items():
                    found = holder.call("DEBUG", "DIGEST-VALUE", key)
                    nothing = b"*1\r\n+" + b"0" * 40 + b"\r\n"
                    if found != (digest if name == home else nothing):
                        raise Difference(f"key {key!r} differs at server {name} after "
                                         f"{self.done} commands of seed {self.seed}")
            total = sum(holder.value("DBSIZE") for holder in holders.values())
            if total != self.direct.value("DBSIZE"):
                raise Difference(f"number of keys differs: seed {self.seed}")
        finally:
            for holder in holders.values():
                holder.close()


def main(description, make_run):
    """The command line of a differential test; make_run: its class. Returns the exit code."""
    parser = argparse.ArgumentParser(description=description,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pool", choices=["one", "four", "both"], default="both")
    parser.add_argument("--commands", type=int, default=100000, help="of each pool")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    for pool, server_count in (("one", 1), ("four", 4)):
        if arguments.pool not in (pool, "both"):
            continue
        print(f"{pool}: {arguments.commands} commands, seed {arguments.seed}", flush=True)
        with make_run(server_count, arguments.seed, arguments.threads) as run:
            try:
                run.run(arguments.commands)
            except Difference as difference:
                print(difference)
                return 1
            print(f"{pool}: {run.summary()}")
    return 0


if __name__ == "__main__":
    sys.exit(main(__doc__, Differential))
