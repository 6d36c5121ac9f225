"""The proxy that capacity measures: one that runs already, or one that it starts from a
configuration in front of servers of its own."""

import os
import pathlib
import re
import tomllib

from planner.errors import StartError, UsageError
from planner.processes import check_alive
from planner.programs import Program, accepts, bench_binary, find, free_port

ATTEMPTS = 5  # a port that was free may be taken a moment later
# What would have to be right for the real servers, and is not asked of those started here.
LEFT_OUT = ("listen", "servers", "password", "client_password", "database")


def toml_value(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def toml_lines(table):
    return [f"{key} = {toml_value(value)}" for key, value in table.items()]


def server_weight_and_name(server):
    """Of a line "host:port:weight name" or a table."""
    if isinstance(server, dict):
        return int(server.get("weight", 1)), server.get("name") or str(server.get("address"))
    place, _, name = str(server).partition(" ")
    address, _, weight = place.rpartition(":")
    if not address or not weight.isdigit():
        raise UsageError(f"a server of the configuration is not understood: {server}")
    return int(weight), name.strip() or address


class Config:
    """What a configuration file says of one pool."""

    def __init__(self, path, pool, protocol):
        try:
            parsed = tomllib.loads(pathlib.Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise StartError(f"--config {path}: {error.strerror}") from None
        except tomllib.TOMLDecodeError as error:
            raise UsageError(f"{path}: {error}") from None
        pools = [each for each in parsed.get("pool", [])
                 if each.get("protocol", "redis") == protocol]
        if pool:
            pools = [each for each in pools if each.get("name") == pool]
        if not pools:
            raise UsageError(f"{path}: there is no {protocol} pool"
                             f"{f' called {pool}' if pool else ''}")
        self.pool = pools[0]
        self.proxy = parsed.get("proxy", {})
        self.servers = [server_weight_and_name(each) for each in self.pool.get("servers", [])]
        if not self.servers:
            raise UsageError(f"{path}: the pool has no servers")
        self.threads = self.proxy.get("threads", 1) or len(os.sched_getaffinity(0))
        self.server_connections = self.pool.get("server_connections", 1)

    def text(self, threads, port, addresses):
        proxy = {key: value for key, value in self.proxy.items() if key != "log_file"}
        proxy["threads"] = threads
        pool = {key: value for key, value in self.pool.items() if key not in LEFT_OUT}
        pool["listen"] = f"127.0.0.1:{port}"
        lines = ["[proxy]", *toml_lines(proxy), "", "[[pool]]", *toml_lines(pool), "servers = ["]
        for (weight, name), address in zip(self.servers, addresses):
            lines.append(f"  {{ address = {toml_value(address)}, weight = {weight}, "
                         f"name = {toml_value(name)} }},")
        return "\n".join([*lines, "]", ""])


class Running:
    """A proxy that somebody else runs; only its numbers are known."""

    can_change_threads = False
    has_null_servers = False

    def __init__(self, options, config):
        self.address = options.proxy
        self.direct = options.direct
        self.threads = options.threads or (config.threads if config else 1)
        self.config = config
        self.proxy_pids = [options.pid] if options.pid else []
        self.server_pids = list(options.server_pid)
        for pid in (*self.proxy_pids, *self.server_pids):
            check_alive(pid, "--pid or --server-pid")

    def start(self, threads):
        for address in filter(None, (self.address, self.direct)):
            if not accepts(address):
                raise StartError(f"nothing accepts connections at {address}")

    def check(self):
        pass

    def stop(self):
        pass


class Started:
    """A proxy with a configuration's pool, and servers in place of the configuration's."""

    can_change_threads = True

    def __init__(self, options, config, traffic, folder, pins):
        self.config = config
        self.traffic = traffic
        self.folder = pathlib.Path(folder)
        self.pins = pins
        self.binary = options.ringfold
        self.has_null_servers = options.servers == "null"
        self.server_threads = options.server_threads
        self.threads = options.threads or config.threads
        self.address = self.direct = None
        self.proxy = None
        self.servers = []
        self.addresses = []

    @property
    def proxy_pids(self):
        return [self.proxy.pid]

    @property
    def server_pids(self):
        return [server.pid for server in self.servers]

    def start(self, threads):
        """Starts the servers, if they do not run yet, and the proxy with so many threads."""
        self.threads = threads
        if not self.servers:
            self._start_servers()
        if self.proxy:
            self.proxy.stop()
            self.proxy = None
        for attempt in range(ATTEMPTS):
            port = free_port()
            path = self.folder / "capacity.toml"
            path.write_text(self.config.text(threads, port, self.addresses))
            self.proxy = Program([self.binary, "-c", path], self.folder / "ringfold.log",
                                 self.pins.get("proxy"))
            self.address = f"127.0.0.1:{port}"
            try:
                self.proxy.wait_until_accepts(self.address)
                return
            except StartError as failure:
                if attempt + 1 == ATTEMPTS or "in use" not in str(failure):
                    raise

    def _start_servers(self):
        if self.has_null_servers:
            self._start_null_servers()
        else:
            for index in range(len(self.config.servers)):
                self._start_real_server(index)
        self.direct = self.addresses[0]

    def _start_null_servers(self):
        """One process for all of them: the less they cost, the more the proxy gets."""
        words = [bench_binary(), "backend", *self.traffic.null_server_words(),
                 "--threads", self.server_threads]
        for _ in self.config.servers:
            words += ["--listen", "127.0.0.1:0"]
        log = self.folder / "backend.log"
        program = Program(words, log, self.pins.get("servers"))
        self.servers.append(program)

        def addresses():
            return re.findall(r"^listening on (\S+)$", log.read_text(), re.MULTILINE)
        program.wait_for(lambda: len(addresses()) == len(self.config.servers), "its addresses")
        self.addresses = addresses()

    def _start_real_server(self, index):
        is_redis = self.traffic.protocol == "redis"
        for attempt in range(ATTEMPTS):
            port = free_port()
            if is_redis:
                words = [find("redis-server", "redis-server"), "--bind", "127.0.0.1", "--port",
                         port, "--save", "", "--appendonly", "no", "--dir", self.folder]
            else:
                user = ["-u", "nobody"] if os.geteuid() == 0 else []
                words = [find("memcached", "memcached"), *user, "-l", "127.0.0.1", "-U", "0", "-p",
                         port, "-t", self.server_threads, "-m", "1024"]
            program = Program(words, self.folder / f"server{index}.log", self.pins.get("servers"))
            self.servers.append(program)
            try:
                program.wait_until_accepts(f"127.0.0.1:{port}")
                self.addresses.append(f"127.0.0.1:{port}")
                return
            except StartError:
                self.servers.pop().stop()
                if attempt + 1 == ATTEMPTS:
                    raise

    def check(self):
        """Fails when one of the programs has ended."""
        for program in (self.proxy, *self.servers):
            if program.has_ended():
                raise StartError(f"{program.words[0]} ended with exit code "
                                 f"{program.process.returncode}: {program.last_words()}")

    def stop(self):
        for program in (self.proxy, *self.servers):
            if program:
                program.stop()
        self.proxy, self.servers = None, []
