"""Starts and ends what the end-to-end tests need: redis-servers, memcacheds, ringfold, nutcracker.

Everything listens on the loopback address or on unix sockets in a temporary folder, on ports that
were free a moment ago; a port that got taken in between is retried with another. Processes are
ended by their own id. Ending ringfold is itself a test: it must exit with 0 after SIGTERM and must
not have written a sanitizer's report.
"""

import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import redis

import memcached_wire
import wire

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("RINGFOLD_BINARY", ROOT / "build" / "ringfold")).resolve()
REDIS_SERVER = shutil.which("redis-server")
MEMCACHED = shutil.which("memcached")
NUTCRACKER = shutil.which("nutcracker", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
IO = None  # pytest's --io: the value of that key in every configuration that does not set it
SERVER_NAMES = ["alpha", "beta", "gamma", "delta"]

START_DEADLINE = 30.0  # seconds
STOP_DEADLINE = 30.0
SANITIZER_WORDS = ("Sanitizer", "runtime error:")
EXIT_COULD_NOT_START = 3


def wait_until(condition, what, deadline=START_DEADLINE):
    """Polls condition() until it is true; fails the test when the deadline passes."""
    end = time.monotonic() + deadline
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"waited {deadline} s for {what}")
        time.sleep(0.005)


def free_port(host="127.0.0.1"):
    """A port nothing listens on.

    It is drawn from below the range of which the kernel takes the local ports of outgoing
    connections: a server that a test kills must find its port free when it comes back, and a proxy
    that tries to reconnect in the meantime must not meet itself (TCP's simultaneous open).
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for _ in range(1000):
        port = random.SystemRandom().randrange(10000, 32768)
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return port
    raise AssertionError("no free port found")


def accepts(endpoint):
    try:
        wire.connect(endpoint, timeout=5).close()
    except OSError:
        return False
    return True


def end_process(process, sig=signal.SIGTERM):
    """Sends sig and waits; the exit code."""
    if process.poll() is None:
        process.send_signal(sig)
    try:
        return process.wait(STOP_DEADLINE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise AssertionError(f"{process.args[0]} did not end within {STOP_DEADLINE} s") from None


class Server:
    """One real server: its place, its process, and the ways in which it ends."""

    program = ""
    farewell = signal.SIGTERM

    def __init__(self, directory, name, unix=False, host="127.0.0.1", port=None, options=(),
                 prefix=()):
        """port: given where host is not an address of this machine's. prefix: words in front of the
        command, of a program that makes way for it (exec), so that its process is the server's."""
        self.name = name
        self.host = host
        self.unix_path = str(directory / f"{name}.sock") if unix else None
        self.port = port
        self.prefix = [str(word) for word in prefix]
        self.log = directory / f"{name}.log"
        self.directory = directory
        self.options = [str(option) for option in options]
        self.process = None

    @property
    def endpoint(self):
        return self.unix_path or (self.host, self.port)

    @property
    def address(self):
        """As it stands in ringfold's configuration."""
        if self.unix_path:
            return f"unix:{self.unix_path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def start(self):
        """Starts the server; after a kill, on the port it had."""
        for _ in range(10):
            if not self.unix_path and self.port is None:
                self.port = free_port(self.host)
            if self._try_start():
                return self
            self.port = None
        raise AssertionError(f"{self.program} {self.name} does not start:\n{self.log.read_text()}")

    def _try_start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([*self.prefix, *self._command_line()], stdout=log,
                                            stderr=log)
        wait_until(lambda: self.process.poll() is not None or self.answers(),
                   f"{self.program} {self.name} to answer")
        return self.process.poll() is None

    def answers(self):
        """True when the server that answers is the one that was started here."""
        try:
            return self._is_own_reply()
        except (OSError, wire.ConnectionClosed):
            return False

    def stop(self):
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
        end_process(self.process, self.farewell)
        self.process = None

    def kill(self):
        """As a machine that loses power: no farewell."""
        self.process.kill()
        self.process.wait()

    def pause(self):
        """Returns when no thread of it runs any more: the signal alone takes a moment, in which a
        memcached would still answer."""
        self.process.send_signal(signal.SIGSTOP)
        tasks = pathlib.Path(f"/proc/{self.process.pid}/task")
        wait_until(lambda: all(task.joinpath("stat").read_text().rpartition(") ")[2][0] == "T"
                               for task in tasks.iterdir()), f"{self.name} to stop")

    def resume(self):
        self.process.send_signal(signal.SIGCONT)


class RedisServer(Server):
    """One redis-server, kept in memory only."""

    program = "redis-server"

    def _command_line(self):
        place = ["--unixsocket", self.unix_path, "--port", "0"]
        if not self.unix_path:
            place = ["--bind", self.host, "--port", str(self.port)]
        return [REDIS_SERVER, *place, "--save", "", "--appendonly", "no", "--dir", self.directory,
                "--enable-debug-command", "local", "--tcp-backlog", "128", *self.options]

    def _is_own_reply(self):
        with wire.RawClient(self.endpoint, timeout=5) as client:
            reply = client.value("INFO", "server")
        return (isinstance(reply, wire.ErrorReply) and reply.startswith("NOAUTH")
                or b"process_id:%d\r\n" % self.process.pid in reply)

    def flush(self):
        self.client().flushall()

    def client(self, **options):
        return redis_client(self.endpoint, **options)

    def raw(self):
        return wire.RawClient(self.endpoint)


class MemcachedServer(Server):
    """One memcached."""

    program = "memcached"
    farewell = signal.SIGKILL  # it has nothing to save, and thinks about SIGTERM for a second

    def _command_line(self):
        place = ["-s", self.unix_path]
        if not self.unix_path:
            place = ["-l", self.host, "-p", str(self.port), "-U", "0"]
        # Without -u, memcached refuses to run for root; for others -u means nothing.
        return [MEMCACHED, "-u", "root", "-t", "1", *place, *self.options]

    def _is_own_reply(self):
        with memcached_wire.Client(self.endpoint, timeout=5) as client:
            return b"STAT pid %d\r\n" % self.process.pid in client.call("stats")

    def flush(self):
        with self.raw() as client:
            assert client.call("flush_all") == b"OK\r\n"

    def raw(self):
        return memcached_wire.Client(self.endpoint)


def redis_client(endpoint, **options):
    """A redis-py client with a deadline on each of its waits."""
    options = {"socket_timeout": wire.REPLY_DEADLINE, **options}
    if isinstance(endpoint, str):
        return redis.Redis(unix_socket_path=endpoint, **options)
    return redis.Redis(host=endpoint[0], port=endpoint[1], **options)


def toml_value(value):
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml_value(item)}" for key, item in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    return json.dumps(value)  # strings, numbers and booleans look the same in TOML


def toml(proxy, pools, admin=None):
    """The text of a configuration file. Without admin there is no admin endpoint: its default
    address can be had by one process at a time."""
    lines = ["[proxy]"] + [f"{key} = {toml_value(value)}" for key, value in proxy.items()]
    lines += ["", "[admin]"]
    lines += [f"{key} = {toml_value(value)}" for key, value in (admin or {"listen": ""}).items()]
    for pool in pools:
        lines += ["", "[[pool]]"] + [f"{key} = {toml_value(item)}" for key, item in pool.items()]
    return "\n".join(lines) + "\n"


def server_lines(servers, weights=None):
    """twemproxy's line format, in which a unix socket is its bare path."""
    weights = weights or [1] * len(servers)
    return [f"{server.unix_path or server.address}:{weight} {server.name}"
            for server, weight in zip(servers, weights)]


class Proxy:
    """One running ringfold. pools: dictionaries as in the configuration file; a pool without
    "listen" gets a free port. preexec: called in the new process before the program starts. admin:
    the keys of [admin]; "listen" gets a free port as well; None: no admin endpoint."""

    def __init__(self, directory, pools, preexec=None, admin=None, **proxy_options):
        self.directory = directory
        self.pools = pools
        self.admin = admin
        self.admin_endpoint = None
        self.preexec = preexec
        self.options = {"io": IO, **proxy_options} if IO else proxy_options
        self.config = directory / "ringfold.toml"
        self.log = directory / "ringfold.log"
        self.launcher = []  # a command that runs ringfold in its own place (exec)
        self.pass_fds = ()  # descriptors that stay open in it
        self.process = None
        self.endpoints = []
        self.written = []  # the pools as they stand in the file
        self.written_admin = None
        self.reloads = 0

    def start(self):
        for _ in range(10):
            self._write_config()
            with open(self.log, "wb") as log:
                self.process = subprocess.Popen([*self.launcher, BINARY, "-c", self.config],
                                                stderr=log, preexec_fn=self.preexec,
                                                pass_fds=self.pass_fds)
            wait_until(lambda: self.process.poll() is not None
                       or all(accepts(endpoint) for endpoint in self.endpoints)
                       and self._says_ready(), "ringfold to accept connections")
            if self.process.poll() is None:
                return self
            if self.process.returncode != EXIT_COULD_NOT_START or "use" not in self.stderr():
                break
        raise AssertionError(
            f"ringfold ended with {self.process.returncode} at its start:\n{self.stderr()}")

    def _says_ready(self):
        """Its sockets accept before its workers do. True as well where the log is elsewhere."""
        is_told = not self.options.get("log_file") and self.options.get(
            "log_level", "info") in ("info", "debug")
        return not is_told or "ready, " in self.stderr()

    def _write_config(self):
        pools = []
        self.endpoints = []
        for pool in self.pools:
            pool = {"protocol": "redis", **pool}
            if "listen" not in pool:
                pool["listen"] = f"127.0.0.1:{free_port()}"
            listens = pool["listen"] if isinstance(pool["listen"], list) else [pool["listen"]]
            self.endpoints += [parse_listen(listen) for listen in listens]
            pools.append(pool)
        admin = None
        if self.admin is not None:
            admin = {"listen": f"127.0.0.1:{free_port()}", **self.admin}
            self.admin_endpoint = parse_listen(admin["listen"]) if admin["listen"] else None
        self.written = pools
        self.written_admin = admin
        self.config.write_text(toml(self.options, pools, admin))

    def reload(self, pools, **options):
        """Writes another configuration and has it reloaded. What the log says of it."""
        self.written = pools
        self.options.update(options)
        before = len(self.stderr())
        self.config.write_text(toml(self.options, pools, self.written_admin))
        self.reloads += 1
        self.process.send_signal(signal.SIGHUP)
        wait_until(lambda: self._reloads_ended() == self.reloads, "the reload")
        return self.stderr()[before:]

    def _reloads_ended(self):
        return sum(" reloaded: " in line or "was not reloaded" in line
                   for line in self.stderr().splitlines())

    @property
    def endpoint(self):
        return self.endpoints[0]

    @property
    def pid(self):
        return self.process.pid

    def client(self, **options):
        return redis_client(self.endpoint, **options)

    def raw(self, endpoint=None, **options):
        return wire.RawClient(endpoint or self.endpoint, **options)

    def memcached(self, endpoint=None, **options):
        return memcached_wire.Client(endpoint or self.endpoint, **options)

    def stderr(self):
        return self.log.read_text(errors="backslashreplace")

    def rss(self):
        """Resident memory in bytes."""
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("no VmRSS")

    def descriptors(self):
        """How many it has open."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def cpu_seconds(self):
        """Processor time used so far, of all threads, in the program and in the kernel."""
        stat = pathlib.Path(f"/proc/{self.pid}/stat").read_text()
        user, system = stat[stat.rindex(")") + 2:].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def check_alive(self):
        assert self.process.poll() is None, (
            f"ringfold ended with {self.process.returncode}:\n{self.stderr()}")

    def stop(self):
        """Ends ringfold as an operator does and checks that it ended well."""
        if self.process is None:
            return
        process, self.process = self.process, None
        code = end_process(process)
        log = self.stderr()
        assert code == 0, f"ringfold ended with {code} after SIGTERM:\n{log[-20000:]}"
        assert not any(word in log for word in SANITIZER_WORDS), log[-20000:]
        if self.options.get("io") == "epoll":
            assert " epoll: " in log, log[-20000:]


def parse_listen(listen):
    if listen.startswith("unix:"):
        return listen[len("unix:"):]
    host, _, port = listen.rpartition(":")
    return host.strip("[]"), int(port)


class Nutcracker:
    """The real twemproxy, to compare with."""

    def __init__(self, directory, servers, **pool_options):
        self.directory = directory
        self.servers = servers
        self.options = pool_options
        self.process = None
        self.endpoint = None

    def start(self):
        config = self.directory / "nutcracker.yml"
        for _ in range(10):
            self.endpoint = ("127.0.0.1", free_port())
            lines = ["pool:", f"  listen: 127.0.0.1:{self.endpoint[1]}"]
            options = {"redis": True, **self.options}
            lines += [f"  {key}: {json.dumps(value)}" for key, value in options.items()]
            lines += ["  servers:"] + [f"   - {line}" for line in server_lines(self.servers)]
            config.write_text("\n".join(lines) + "\n")
            log = self.directory / "nutcracker.log"
            self.process = subprocess.Popen(
                [NUTCRACKER, "-c", config, "-o", log, "-a", "127.0.0.1", "-s", str(free_port())],
                stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            wait_until(lambda: self.process.poll() is not None or accepts(self.endpoint),
                       "nutcracker to accept connections")
            if self.process.poll() is None:
                return self
        raise AssertionError(f"nutcracker does not start:\n{log.read_text()}")

    def raw(self):
        return wire.RawClient(self.endpoint)

    def memcached(self):
        return memcached_wire.Client(self.endpoint)

    def stop(self):
        if self.process is not None:
            end_process(self.process)  # it has no clean exit on SIGTERM; its code says nothing
            self.process = None


class Cluster:
    """Some servers, a proxy in front of them, and the temporary folder they live in."""

    def __init__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="ringfold-e2e-"))
        self.servers = []
        self.proxy = None
        self.others = []

    def add_server(self, name=None, **options):
        server = RedisServer(self.directory, name or SERVER_NAMES[len(self.servers)], **options)
        self.servers.append(server)
        return server.start()

    def add_servers(self, count, **options):
        return [self.add_server(**options) for _ in range(count)]

    def add_memcached(self, name=None, **options):
        server = MemcachedServer(self.directory, name or SERVER_NAMES[len(self.servers)], **options)
        self.servers.append(server)
        return server.start()

    def add_memcacheds(self, count, **options):
        return [self.add_memcached(**options) for _ in range(count)]

    def start_proxy(self, threads=1, **pool_options):
        """One pool in front of all servers. pool_options overwrite what is chosen here."""
        return self.start_proxy_with(self.one_pool(**pool_options), threads=threads)

    def one_pool(self, **pool_options):
        """A pool in front of all servers, for a configuration."""
        return [{"name": "main", "servers": server_lines(self.servers), **pool_options}]

    def start_proxy_with(self, pools, launcher=(), **proxy_options):
        assert self.proxy is None
        self.proxy = Proxy(self.directory, pools, **proxy_options)
        self.proxy.launcher = list(launcher)
        return self.proxy.start()

    def add_nutcracker(self, **pool_options):
        self.others.append(Nutcracker(self.directory, self.servers, **pool_options))
        return self.others[-1].start()

    def flush(self):
        for server in self.servers:
            server.flush()

    def close(self):
        """Ends everything, whatever fails on the way; then reports the first failure."""
        failure = None
        for part in [self.proxy, *self.others, *self.servers]:
            try:
                if part is not None:
                    part.stop()
            except AssertionError as error:
                failure = failure or error
        shutil.rmtree(self.directory)
        if failure:
            raise failure


def ringfold(*arguments, **options):
    """Runs the program to its end; stdout and stderr as text."""
    return subprocess.run([BINARY, *arguments], capture_output=True, text=True,
                          timeout=STOP_DEADLINE, check=False, **options)
