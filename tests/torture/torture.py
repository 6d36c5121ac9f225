#!/usr/bin/python3
"""Torture: hundreds of clients, and servers to which everything happens.

    tests/torture/torture.py                       two minutes: both protocols, 1 and 2 threads
    tests/torture/torture.py --protocol redis --threads 2 --secs 1800 --seed 7
    tests/torture/torture.py --binary build-asan/ringfold --io epoll
    tests/torture/torture.py --pool-option 'auto_eject_hosts = true' --secs 300
    tests/torture/torture.py --self-test           each way to be wrong is noticed
    tests/torture/torture.py --sabotage swap       one of them

What it does to the servers: faults.py. What it holds against the replies: model.h. At the end all
faults stop, everything must work, and the proxy's memory and descriptors must be back where they
were. Exits with 1 after any violation, and says what it saw. As root, or where users may make
namespaces, packets are dropped and refused as well.
"""

import argparse
import ctypes
import json
import os
import pathlib
import random
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]

RSS_GROWTH_MAX = 10 << 20
IDLE_DEADLINE = 30.0  # seconds for memory and descriptors to come home
WARM_UP = 6.0  # seconds, before what is idle is measured
WARM_UP_FROZEN = 3.0  # longer than a stalled connection is kept
SLACK_MS = 10_000  # for a busy machine, before a command that is not answered is called a hang
SELF_TEST_SLACK_MS = 3_000
RETRY_MS = 1000  # server_retry_timeout_ms, when nothing else is said


def options_of(arguments):
    parser = argparse.ArgumentParser(description="Torture ringfold; see the top of the file.")
    parser.add_argument("--protocol", default="redis,memcached", help="default: %(default)s")
    parser.add_argument("--threads", default="1,2", help="worker threads (default: %(default)s)")
    parser.add_argument("--secs", type=float, default=120,
                        help="in all, spread over protocols and threads (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--io", default="auto", choices=("auto", "uring", "epoll"))
    parser.add_argument("--binary", default=None, help="default: build/ringfold")
    parser.add_argument("--driver", default=ROOT / "build/tests/torture/torture_driver")
    parser.add_argument("--pool-option", action="append", default=[], metavar="'KEY = VALUE'",
                        help="a line for the pool's configuration; may be repeated")
    parser.add_argument("--connections", type=int, default=400)
    parser.add_argument("--rate", type=int, default=40_000, help="commands a second at most")
    parser.add_argument("--no-network", action="store_true", help="no faults in the network")
    parser.add_argument("--sabotage", default=None, help="break one reply; a kind of sabotage.py")
    parser.add_argument("--self-test", action="store_true", help="every kind of --sabotage")
    return parser.parse_args(arguments)


OPTIONS = options_of(sys.argv[1:])
if OPTIONS.binary:
    os.environ["RINGFOLD_BINARY"] = str(OPTIONS.binary)  # harness reads it when it is imported

import faults  # noqa: E402  pylint: disable=wrong-import-position
import harness  # noqa: E402  pylint: disable=wrong-import-position
import network  # noqa: E402  pylint: disable=wrong-import-position
import relay  # noqa: E402  pylint: disable=wrong-import-position
import sabotage  # noqa: E402  pylint: disable=wrong-import-position


class Failure(Exception):
    """What the run has found."""


class Driver:
    """The clients: one process, told what happens to the servers."""

    def __init__(self, cluster, endpoint, options, settings, seed):
        self.words = [str(settings.driver), "--protocol", options["protocol"], "--seed", str(seed)]
        self.directory = cluster.directory
        self.result = None
        homes = self._homes(cluster)
        self.words += ["--address", f"{endpoint[0]}:{endpoint[1]}", "--homes", str(homes),
                       "--servers", ",".join(server.name for server in cluster.servers),
                       "--rate", str(options["rate"]), "--connections", str(options["connections"]),
                       "--deadline-ms", str(options["deadline_ms"]),
                       "--aftermath-ms", str(options["aftermath_ms"])]
        if options["rehash"]:
            self.words.append("--rehash")
        if settings.sabotage:
            self.words.append("--polite")  # or the one reply might fall on deaf ears
        self.process = subprocess.Popen(self.words, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, bufsize=1)

    def _homes(self, cluster):
        """Which server has which key, as the program itself says."""
        keys = subprocess.run([*self.words, "--list-keys"], capture_output=True, text=True,
                              check=True).stdout
        routed = subprocess.run([harness.BINARY, "route", "-c", cluster.proxy.config, "--pool",
                                 "main", "-"], input=keys, capture_output=True, text=True,
                                check=True).stdout
        path = self.directory / "homes"
        path.write_text(routed)
        return path

    def tell(self, word):
        """Says it and waits until it has been heard. Failure when the driver has ended."""
        try:
            self.process.stdin.write(word + "\n")
        except BrokenPipeError:
            self._ended(self.process.stdout.readline())
        line = self.process.stdout.readline()
        if line != "ok\n":
            self._ended(line)

    def check(self):
        if self.process.poll() is not None:
            self._ended(self.process.stdout.readline())

    def finish(self):
        """Waits for the end that "calm" leads to; what was counted."""
        line = self.process.stdout.readline()
        if self.process.wait() != 0:
            self._ended(line)
        self.result = json.loads(line)
        return self.result

    def _ended(self, line):
        code = self.process.wait()
        try:
            self.result = json.loads(line)
        except ValueError:
            raise Failure(f"the driver ended with {code} and said: {line}") from None
        raise Failure(self.result["violation"])

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class Run:
    """One protocol, one number of threads."""

    def __init__(self, settings, protocol, threads, seed, secs):
        self.settings = settings
        self.seed = seed
        self.secs = secs
        self.threads = threads
        self.pool = {"timeout_ms": 500, "connect_timeout_ms": 200, "protocol": protocol}
        for line in settings.pool_option:
            self.pool.update(tomllib.loads(line))
        ejects = self.pool.get("auto_eject_hosts", False)
        if ejects:
            self.pool.setdefault("server_retry_timeout_ms", RETRY_MS)
        timeout_ms = self.pool["timeout_ms"]
        stall_ms = self.pool.get("stall_timeout_ms", max(4 * timeout_ms, 1000))
        slack_ms = SELF_TEST_SLACK_MS if settings.sabotage else SLACK_MS
        self.options = {
            "protocol": protocol,
            "rate": settings.rate,
            "connections": settings.connections,
            "deadline_ms": timeout_ms + stall_ms + self.pool["connect_timeout_ms"] + slack_ms,
            # Errors may name a server so long after its fault.
            "aftermath_ms": 10_000 + (2 * self.pool["server_retry_timeout_ms"] if ejects else 0),
            # Keys move, or look missing, while a server is out.
            "rehash": bool(ejects and self.pool.get("on_failure", "rehash") != "error"
                           or self.pool.get("miss_on_error")),
        }
        self.cluster = harness.Cluster()
        self.net = None
        self.relays = {}
        self.driver = None
        self.dice = None
        self.reloads = None
        self.figures = {}
        self.level = ""  # where its memory was when all was quiet

    def start(self, inside):
        """Four servers: two behind a network that can be broken, one behind a relay."""
        if inside:
            self.net = network.Network()
        for index, name in enumerate(harness.SERVER_NAMES):
            options = {"name": name, "options": self._server_options()}
            if self.net and index < 2:
                options |= {"host": network.FAR, "port": 7001 + index, "prefix": self.net.prefix()}
            add = (self.cluster.add_server if self.pool["protocol"] == "redis"
                   else self.cluster.add_memcached)
            add(**options)
        last = self.cluster.servers[-1]
        self.relays[last.name] = relay.LatencyRelay(last.endpoint, self.seed).start()
        places = [f"127.0.0.1:{self.relays[server.name].port}" if server.name in self.relays
                  else server.address for server in self.cluster.servers]
        self.cluster.start_proxy_with(
            [{"name": "main", **self.pool,
              "servers": [f"{place}:1 {server.name}"
                          for place, server in zip(places, self.cluster.servers)]}],
            threads=self.threads, io=self.settings.io)

    def _server_options(self):
        if self.pool["protocol"] == "redis":
            return ["--protected-mode", "no"]
        return ["-I", "64m", "-m", "4096", "-c", "4096"]

    def warm_up(self):
        """The same traffic, and once no server answers, so that all queues are as long as they get;
        what the proxy holds when that is over is its level."""
        self.driver = Driver(self.cluster, self.cluster.proxy.endpoint, self.options, self.settings,
                             self.seed + 1)
        self._pass(WARM_UP)
        for index, server in enumerate(self.cluster.servers):
            self.driver.tell(f"fault {index}")
            server.pause()
        self._pass(WARM_UP_FROZEN)
        for index, server in enumerate(self.cluster.servers):
            server.resume()
            self.driver.tell(f"mended {index}")
        self._pass(WARM_UP / 2)
        self.driver.tell("calm")
        self.driver.finish()
        self.driver.stop()
        self.driver = None
        self.cluster.flush()
        fds, rss = self._settled()
        self.figures |= {"fds_before": fds, "rss_before": rss}
        self.level = mappings(self.cluster.proxy.pid)

    def _pass(self, secs):
        end = time.monotonic() + secs
        while time.monotonic() < end:
            self.driver.check()
            self.cluster.proxy.check_alive()
            if self.dice:
                self.dice.turn()
                self.reloads.turn()
            time.sleep(0.01)

    def torture(self):
        self.driver = Driver(self.cluster, self.cluster.proxy.endpoint, self.options, self.settings,
                             self.seed)
        targets = faults.targets_for(self.cluster.servers, self.net, self.relays)
        self.dice = faults.Dice(targets, random.Random(self.seed), self.driver.tell)
        self.reloads = faults.Reloads(self.cluster.proxy, random.Random(self.seed + 1),
                                      self.dice.counts)
        self.figures["faults"] = self.dice.counts
        self._pass(self.secs)
        self.reloads.stop()
        self.dice.stop()
        self.driver.tell("calm")
        self.figures |= self.driver.finish()

    def sabotage(self, kind):
        """Without faults, but for the one that is the relay's."""
        saboteur = sabotage.Sabotage(self.cluster.proxy.endpoint, self.pool["protocol"],
                                     kind).start()
        try:
            self.driver = Driver(self.cluster, ("127.0.0.1", saboteur.port), self.options,
                                 self.settings, self.seed)
            self._pass(self.secs)
            self.driver.tell("calm")
            self.figures |= self.driver.finish()
        finally:
            saboteur.stop()
        if kind != "none" and not saboteur.done:
            raise AssertionError(f"no opportunity came for: {kind}")

    def _settled(self, fds_most=None, rss_most=None):
        """Descriptors and memory, once they are within the limits or else have stayed the same."""
        proxy = self.cluster.proxy
        end = time.monotonic() + IDLE_DEADLINE
        last, same = None, 0
        while time.monotonic() < end:
            now = (len(os.listdir(f"/proc/{proxy.pid}/fd")), proxy.rss())
            same = same + 1 if now == last else 0
            last = now
            if fds_most is None and same >= 20:
                break
            if fds_most is not None and now[0] <= fds_most and now[1] <= rss_most:
                break
            time.sleep(0.05)
        return last

    def check_idle(self):
        before_fds, before_rss = self.figures["fds_before"], self.figures["rss_before"]
        limit = before_rss + RSS_GROWTH_MAX
        if is_sanitized():
            limit = sys.maxsize  # its memory is the sanitizer's quarantine
        fds, rss = self._settled(before_fds, limit)
        self.figures |= {"fds_after": fds, "rss_after": rss}
        self.cluster.proxy.check_alive()
        if fds > before_fds:
            raise Failure(f"{fds} descriptors, {before_fds} before:\n"
                          + descriptors(self.cluster.proxy.pid))
        if rss > limit:
            raise Failure(f"{rss >> 10} KiB of memory, {before_rss >> 10} KiB before\nbefore:\n"
                          f"{self.level}\nnow:\n{mappings(self.cluster.proxy.pid)}")

    def close(self):
        if self.driver:
            self.driver.stop()
        try:
            for server in self.cluster.servers:
                if server.process and server.process.poll() is None:
                    server.resume()
            self.cluster.close()
        finally:
            for one in self.relays.values():
                one.stop()
            if self.net:
                self.net.close()


TCP_STATES = {1: "established", 2: "SYN sent", 3: "SYN received", 4: "FIN wait 1", 5: "FIN wait 2",
              6: "time wait", 7: "closed", 8: "close wait", 9: "last ACK", 10: "listening",
              11: "closing"}


PIDFD_GETFD = 438  # the system call's number, on every machine


def borrowed_socket(pid, fd):
    """Another process's socket; the kernel lists none that is closed or was never connected."""
    process = os.pidfd_open(pid)
    try:
        copy = ctypes.CDLL(None, use_errno=True).syscall(PIDFD_GETFD, process, fd, 0)
    finally:
        os.close(process)
    if copy < 0:
        return f"descriptor {fd}: {os.strerror(ctypes.get_errno())}"
    with socket.socket(fileno=copy) as own:
        info = own.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
        return (f"descriptor {fd}: {own.family.name}, at {own.getsockname()}, "
                f"{TCP_STATES.get(info[0], info[0])}")


def mappings(pid):
    """Where a process's memory is: the mappings that hold most, in KiB of memory and of space."""
    found, name, space = [], "", 0
    for line in pathlib.Path(f"/proc/{pid}/smaps").read_text().splitlines():
        words = line.split()
        if not words[0].endswith(":"):
            begin, end = (int(place, 16) for place in words[0].split("-"))
            name, space = " ".join(words[5:]) or f"anonymous at {begin:x}", (end - begin) >> 10
        elif words[0] == "Rss:":
            found.append((int(words[1]), space, name))
    return "\n".join(f"{rss:8d} {space:8d}  {name}"
                     for rss, space, name in sorted(found, reverse=True)[:12])


def descriptors(pid):
    """What each of a process's descriptors is, for a report."""
    sockets = {}
    for line in pathlib.Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        ports = "-".join(str(int(word.split(":")[1], 16)) for word in words[1:3])
        sockets[f"socket:[{words[9]}]"] = (f"TCP {ports} {TCP_STATES.get(int(words[3], 16))}, "
                                           f"queues {words[4]}")
    lines = []
    for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        name = os.readlink(entry)
        if name.startswith("socket:") and name not in sockets:
            lines.append(borrowed_socket(pid, int(entry.name)))
        else:
            lines.append(sockets.get(name, name))
    return "\n".join(sorted(lines))


def is_sanitized():
    return any(word in harness.BINARY.read_bytes() for word in (b"__asan_init", b"__tsan_init"))


def lives(server):
    """For a report: whether a server runs and answers, asked directly."""
    code = server.process.poll() if server.process else None
    if server.process is None or code is not None:
        return f"{server.name} does not run ({code})"
    return f"{server.name} at {server.address} {'answers' if server.answers() else 'is silent'}"


def mib(size):
    return f"{size / (1 << 20):.1f} MiB"


def listed(counts):
    return ", ".join(f"{what} {count}" for what, count in
                     sorted(counts.items(), key=lambda item: -item[1])) or "none"


def print_summary(figures, secs):
    print(f"  commands {figures.get('commands', 0)} ({figures.get('commands', 0) / secs:.0f} a "
          f"second), connections {figures.get('connections', 0)}, "
          f"{mib(figures.get('bytes_out', 0))} out, {mib(figures.get('bytes_in', 0))} in")
    for name in ("commands_by_kind", "replies", "faults", "disconnects"):
        print(f"  {name.replace('_', ' ')}: {listed(figures.get(name, {}))}")
    print(f"  errors: {sum(figures.get('errors', {}).values())}, of these timeouts at servers "
          f"without a fault (a busy machine): {figures.get('unexplained_timeouts', 0)}")
    print(f"  the machine stood still for {figures.get('stood_still_ms', 0)} ms")
    for text, count in sorted(figures.get("errors", {}).items(), key=lambda item: -item[1]):
        print(f"    {count:8d}  {text}")
    if "fds_after" in figures:
        print(f"  idle before: {figures['fds_before']} descriptors, {mib(figures['rss_before'])}; "
              f"after: {figures['fds_after']} descriptors, {mib(figures['rss_after'])}"
              + (" (a sanitizer's, not judged)" if is_sanitized() else ""))


def torture(settings, protocol, threads, seed, secs, inside):
    """True: no violation."""
    print(f"{protocol}, {threads} thread{'s' if threads > 1 else ''}, {secs:.0f} s, io "
          f"{settings.io}, seed {seed}", flush=True)
    run = Run(settings, protocol, threads, seed, secs)
    log = ""
    try:
        try:
            run.start(inside)
            run.warm_up()
            run.torture()
            run.check_idle()
        except Failure:
            log = "\n".join(lives(server) for server in run.cluster.servers) + "\n"
            raise
        finally:
            if run.cluster.proxy:
                log += "\n".join(run.cluster.proxy.stderr().splitlines()[-60:])
            if run.driver and run.driver.result:
                run.figures |= run.driver.result
            run.close()
    except (Failure, AssertionError) as failure:
        print_summary(run.figures, secs)
        print(f"VIOLATION: {failure}\nthe servers, and the end of the proxy's log:\n{log}")
        more = [word for line in settings.pool_option for word in ("--pool-option", line)]
        print(f"again, with the same faults at other times: tests/torture/torture.py --protocol "
              f"{protocol} --threads {threads} --seed {seed} --secs {secs:.0f} --io {settings.io} "
              + shlex.join(more), flush=True)
        return False
    print_summary(run.figures, secs)
    print("  no violation", flush=True)
    return True


def sabotaged(settings, protocol, kind, seed):
    """True: the driver said what it should."""
    settings.sabotage = kind
    run = Run(settings, protocol, 1, seed, 12.0 if kind != "none" else 2.0)
    said = ""
    try:
        run.start(False)
        run.sabotage(kind)
    except Failure as failure:
        said = str(failure)
    finally:
        run.close()
    expected = sabotage.KINDS[kind]
    good = not said if expected is None else bool(said and re.search(expected, said))
    first = said.partition("\n")[0][:150] or "nothing was noticed"
    print(f"{'ok' if good else 'FAILED':6s} {protocol:9s} {kind:26s} {first}", flush=True)
    return good


def main():
    settings = OPTIONS
    if not harness.BINARY.exists() or not pathlib.Path(settings.driver).exists():
        print(f"{harness.BINARY} or {settings.driver} does not exist: build first (meson setup "
              "build && ninja -C build)")
        return 2
    protocols = settings.protocol.split(",")
    for protocol, program in (("redis", harness.REDIS_SERVER), ("memcached", harness.MEMCACHED)):
        if protocol in protocols and program is None:
            print(f"{protocol} is left out: its server is not installed")
            protocols.remove(protocol)
    seed = settings.seed if settings.seed is not None else random.SystemRandom().randrange(1 << 32)
    if settings.self_test or settings.sabotage:
        settings.rate, settings.connections = 6000, 30
        kinds = list(sabotage.KINDS) if settings.self_test else [settings.sabotage]
        results = [sabotaged(settings, protocol, kind, seed)
                   for protocol in protocols for kind in kinds]
        return 0 if all(results) else 1
    inside = not settings.no_network and network.enter()
    threads = [int(count) for count in settings.threads.split(",")]
    secs = settings.secs / (len(protocols) * len(threads))
    results = [torture(settings, protocol, count, seed + index, secs, inside)
               for index, (protocol, count) in enumerate(
                   (protocol, count) for protocol in protocols for count in threads)]
    print(f"{sum(results)} runs without a violation, {len(results) - sum(results)} with one")
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    # Also who is told to end must end what was started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    sys.exit(main())
