"""`ringfold migrate`: the translation of twemproxy's files, and that no key moves with it. What
twemproxy does is asked of the nutcracker package, in front of real servers."""

import re
import subprocess
import tomllib

import pytest

import harness
import memcached_wire
from harness import free_port
from test_memcached_servers import random_keys as memcached_keys
from test_route import random_keys

SAMPLES = sorted((harness.ROOT / "tests" / "vectors" / "migrate").glob("*.yml"))
PLACE = re.compile(r"127\.0\.0\.1:\d+|/run/[\w/.]+")
WARNING = re.compile(r"(?P<file>[^:]+):(?P<line>\d+):(?P<column>\d+): warning: "
                     r"pool \"(?P<pool>[^\"]+)\": (?P<key>[^:]+): .+")


def migrate(path):
    """The TOML of a file that must be translated."""
    done = harness.ringfold("migrate", path)
    assert done.returncode == 0, done.stderr
    return done.stdout


def warnings_of(path):
    """(line, pool, key) of each warning; checks their form."""
    found = []
    for line in harness.ringfold("migrate", path).stderr.splitlines():
        match = WARNING.fullmatch(line)
        assert match and match["file"] == str(path), line
        found.append((int(match["line"]), match["pool"], match["key"]))
    return found


@pytest.fixture
def yaml(tmp_path):
    """Writes a file of twemproxy's; its path."""
    def write(text):
        path = tmp_path / "nutcracker.yml"
        path.write_text(text)
        return path
    return write


def test_there_are_samples():
    assert len(SAMPLES) >= 5


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_no_key_of_a_sample_moves(sample, tmp_path):
    config = tmp_path / "ringfold.toml"
    config.write_text(migrate(sample))
    assert harness.ringfold("-t", "-c", config).returncode == 0
    proof = harness.ringfold("migrate", "--prove", sample)
    assert proof.returncode == 0, proof.stdout
    assert proof.stderr == ""
    lines = proof.stdout.splitlines()
    pools = tomllib.loads(config.read_text())["pool"]
    assert len(lines) == len(pools)
    for line, pool in zip(lines, pools):
        moves = "its keys have no fixed server; the servers are the same"
        if pool.get("distribution") != "random":
            moves = "0 of 100000 keys move"
        assert line.startswith(f"pool \"{pool['name']}\": {moves} (")


# The nutcracker package itself


class Moved:
    """A sample with its servers alive at other places, and nutcracker in front of them."""

    def __init__(self, cluster, sample):
        self.cluster = cluster
        self.text = sample.read_text()
        self.config = cluster.directory / "nutcracker.yml"
        self.servers = {}  # by their address as ringfold prints it
        self.places = {}   # of the sample's places, where they are now
        self.listens = {}  # of the other places; in comments there may be places of nothing
        self.process = None
        for pool in tomllib.loads(migrate(sample))["pool"]:
            for line in pool["servers"]:
                self._start_server(pool, PLACE.match(line).group())

    def _start_server(self, pool, place):
        if place in self.places:
            return
        name = f"server-{len(self.servers)}"
        unix = place.startswith("/")
        if pool["protocol"] == "redis":
            options = ["--requirepass", pool["password"]] if "password" in pool else []
            server = self.cluster.add_server(name, unix=unix, options=options)
        else:
            server = self.cluster.add_memcached(name, unix=unix)
        self.servers[server.address] = server
        self.places[place] = server.unix_path or server.address

    def _place(self, match):
        place = match.group()
        if place in self.places:
            return self.places[place]
        is_unix = place.startswith("/")
        new = f"{self.cluster.directory}/proxy.sock" if is_unix else f"127.0.0.1:{free_port()}"
        return self.listens.setdefault(place, new)

    def start_nutcracker(self):
        log = self.cluster.directory / "nutcracker.log"
        for _ in range(10):
            self.listens = {}
            self.config.write_text(PLACE.sub(self._place, self.text))
            endpoints = [endpoint_of(pool)
                         for pool in tomllib.loads(migrate(self.config))["pool"]]
            self.process = subprocess.Popen(
                [harness.NUTCRACKER, "-c", self.config, "-o", log, "-a", "127.0.0.1",
                 "-s", str(free_port())],
                stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            self.cluster.others.append(self)
            harness.wait_until(lambda: self.process.poll() is not None
                               or all(map(harness.accepts, endpoints)), "nutcracker")
            if self.process.poll() is None:
                return
        raise AssertionError(f"nutcracker does not start:\n{log.read_text()}")

    def stop(self):
        if self.process is not None:
            harness.end_process(self.process)
            self.process = None


def to_address(line):
    """As `ringfold route` prints the place of a server line."""
    place = re.match(r"(/[^:]+|.+:\d+):\d+( |$)", line).group(1)
    return f"unix:{place}" if place.startswith("/") else place


def endpoint_of(pool):
    return harness.parse_listen(pool["listen"])


def write_keys(pool, keys):
    """Through the proxy that listens for the pool."""
    if pool["protocol"] == "memcached":
        with memcached_wire.Client(endpoint_of(pool)) as client:
            for part in range(0, len(keys), 50):
                requests = [memcached_wire.store("set", key, key) for key in keys[part : part + 50]]
                assert set(client.pipeline(requests)) == {b"STORED\r\n"}
        return
    client = harness.redis_client(endpoint_of(pool), password=pool.get("client_password"))
    for key in keys:
        assert client.set(key, key)


def check_reads(pool, keys):
    if pool["protocol"] == "memcached":
        with memcached_wire.Client(endpoint_of(pool)) as client:
            assert client.get(*keys) == [(key, key) for key in keys]
        return
    client = harness.redis_client(endpoint_of(pool), password=pool.get("client_password"))
    assert client.mget(keys) == keys


def keys_at(pool, server, keys):
    """Those of the keys that the server has, in the database of the translation."""
    if pool["protocol"] == "memcached":
        with server.raw() as client:
            return {key for key, _ in client.get(*keys)}
    client = server.client(password=pool.get("password"), db=pool.get("database", 0))
    return {key for key, value in zip(keys, client.mget(keys)) if value is not None}


def ask_addresses(config, pool, keys):
    text = "".join(key.hex() + "\n" for key in keys)
    done = harness.ringfold("route", "-c", config, "--pool", pool["name"], "--hex", "-", input=text)
    assert done.returncode == 0
    addresses = [line.split("\t")[2] for line in done.stdout.splitlines()]
    assert len(addresses) == len(keys)
    return addresses


@pytest.mark.skipif(harness.NUTCRACKER is None, reason="nutcracker is not installed (Debian: apt "
                                                       "install nutcracker)")
@pytest.mark.skipif(harness.MEMCACHED is None, reason="memcached is not installed (Debian: apt "
                                                      "install memcached)")
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_keys_written_by_twemproxy_are_found(cluster, seed, sample, tmp_path):
    """1,000 keys a pool, written through nutcracker: each is on the server that `ringfold route`
    names for the translation, on no other, and is read through ringfold in nutcracker's place."""
    moved = Moved(cluster, sample)
    moved.start_nutcracker()
    config = tmp_path / "ringfold.toml"
    config.write_text(migrate(moved.config))
    assert harness.ringfold("migrate", "--prove", moved.config).returncode == 0
    pools = tomllib.loads(config.read_text())["pool"]
    written = []
    for number, pool in enumerate(pools):
        if pool.get("distribution") == "random":
            continue  # its keys have no place
        style = memcached_keys if pool["protocol"] == "memcached" else random_keys
        keys = [key for key in style(seed + number, 1001) if key]
        write_keys(pool, keys)
        addresses = ask_addresses(config, pool, keys)
        for address in {to_address(line) for line in pool["servers"]}:
            expected = {key for key, home in zip(keys, addresses) if home == address}
            server = moved.servers[address]
            assert keys_at(pool, server, keys) == expected
        written.append((pool, keys))
    moved.stop()
    cluster.start_proxy_with(pools)
    for pool, keys in written:
        check_reads(pool, keys)


# What is translated, and how


def test_comments_stay_where_they_were(yaml):
    path = yaml("""\
# head

# about alpha
alpha:  # the name
  # about listen
  listen: 127.0.0.1:22121  # where
  redis: true
  timeout: 5
  servers:  # all of them
   # first
   - 127.0.0.1:1:1 a#b  # behind it
   - '127.0.0.1:2:1 c#d'
""")
    text = migrate(path)
    expected = """\
# head

# about alpha
[[pool]]  # the name
name = "alpha"
# about listen
listen = "127.0.0.1:22121"  # where
protocol = "redis"
timeout_ms = 5
connect_timeout_ms = 5
servers = [  # all of them
  # first
  "127.0.0.1:1:1 a#b",  # behind it
  "127.0.0.1:2:1 c#d",
]
"""
    assert text.startswith(expected), text


def test_every_key_is_translated(yaml):
    path = yaml("""\
pool:
  listen: 0.0.0.0:1234
  hash: crc32a
  hash_tag: "()"
  distribution: modula
  timeout: 100
  backlog: 0
  client_connections: 7
  redis: true
  redis_auth: pass
  redis_db: 4
  tcpkeepalive: true
  preconnect: true
  auto_eject_hosts: true
  server_connections: 3
  server_retry_timeout: 9
  server_failure_limit: 8
  servers:
    - ::1:6379:2
    - h:11211:1
    - /a/b.sock:3
""")
    (pool,) = tomllib.loads(migrate(path))["pool"]
    assert pool == {
        "name": "pool", "listen": "0.0.0.0:1234", "hash": "crc32a", "hash_tag": "()",
        "distribution": "modula", "timeout_ms": 100, "connect_timeout_ms": 100, "backlog": 1,
        "client_connections": 7, "protocol": "redis", "password": "pass",
        "client_password": "pass", "database": 0, "tcp_keepalive": True, "preconnect": True,
        "auto_eject_hosts": True, "server_connections": 3, "server_retry_timeout_ms": 9,
        "server_failure_limit": 8, "servers": ["::1:6379:2", "h:11211:1", "/a/b.sock:3"]}
    assert warnings_of(path) == [
        (6, "pool", "timeout"), (7, "pool", "backlog"), (8, "pool", "client_connections"),
        (11, "pool", "redis_db"), (12, "pool", "tcpkeepalive"), (14, "pool", "auto_eject_hosts")]
    assert harness.ringfold("migrate", "--prove", path).returncode == 0


def test_defaults_that_differ_are_written_out(yaml):
    path = yaml("p:\n  listen: 127.0.0.1:1\n  servers:\n  - h:1:1\n")
    (pool,) = tomllib.loads(migrate(path))["pool"]
    assert pool == {
        "name": "p", "listen": "127.0.0.1:1", "servers": ["h:1:1"], "protocol": "memcached",
        "timeout_ms": 0, "connect_timeout_ms": 127000, "backlog": 512, "tcp_keepalive": False,
        "preconnect": False}
    assert warnings_of(path) == [(1, "p", "timeout"), (1, "p", "redis")]


GOOD = """\
alpha:
  listen: 127.0.0.1:22121
  redis: true
  servers:
   - 127.0.0.1:6379:1 a
   - 127.0.0.1:6380:1 b
"""

# Text to replace in GOOD, its replacement, line and column of the error, what it must name.
ERRORS = [
    ("redis: true", "redis: yes", 3, 10, ["redis", "true, false", "yes"]),
    ("redis: true", "rediss: true", 3, 3, ["rediss", "\"redis\""]),
    ("redis: true", "timeout: 4s", 3, 12, ["timeout", "4s"]),
    ("redis: true", "timeout: -1", 3, 12, ["timeout", "-1"]),
    ("redis: true", "timeout: 2147483648", 3, 12, ["timeout", "2147483647"]),
    ("redis: true", "server_connections: 0", 3, 23, ["server_connections"]),
    ("redis: true", "server_connections: 5000", 3, 3, ["server_connections", "1024"]),
    ("redis: true", "hash: xxh3", 3, 9, ["hash", "xxh3"]),
    ("redis: true", "hash: Murmur", 3, 9, ["hash", "murmur"]),
    ("redis: true", "distribution: jump", 3, 17, ["distribution", "ketama"]),
    ("redis: true", "hash_tag: \"{\"", 3, 13, ["hash_tag", "two bytes"]),
    ("redis: true", "hash_tag: {}", 3, 13, ["quote"]),
    ("redis: true", "timeout:", 3, 3, ["timeout", "no value"]),
    ("redis: true", "redis_auth: geheim", 3, 3, ["redis_auth", "redis: true"]),
    ("redis: true", "listen: 127.0.0.1:3", 3, 3, ["listen", "twice"]),
    ("redis: true", "redis: &x true", 3, 10, ["anchor"]),
    ("redis: true", "redis: [", 5, 4, ["YAML"]),
    ("redis: true", "\tredis: true", 3, 3, ["YAML"]),
    ("redis: true", "sentinels:\n   - 127.0.0.1:1:1", 3, 3, ["sentinels"]),
    ("127.0.0.1:22121", "127.0.0.1", 2, 11, ["port"]),
    ("127.0.0.1:22121", "127.0.0.1:65536", 2, 11, ["65536"]),
    ("127.0.0.1:22121", "/s 8888", 2, 11, ["8888", "octal"]),
    ("6380:1 b", "6380:0 b", 6, 6, ["weight"]),
    ("6380:1 b", "6380:1 b c", 6, 6, ["one word"]),
    ("6380:1 b", "6380:1 a", 6, 6, ["\"a\"", "line 5"]),
    ("6380:1 b", "6380:1 " + "n" * 129, 6, 6, ["128"]),
    ("6380:1 b", "6380:1 b\nalpha:\n  listen: h:1\n  servers:\n  - h:1:1", 7, 1, ["line 1"]),
    ("6380:1 b", "6380:1 b\nbeta:\n  listen: 127.0.0.1:22121\n  servers:\n  - h:1:1", 8, 3,
     ["line 2"]),
    ("6380:1 b", "6380:1 b\n---\nbeta:\n  listen: h:1", 7, 1, ["second document"]),
    ("  servers:", "  servers: none\n  x:", 4, 3, ["servers", "list"]),
]


@pytest.mark.parametrize("old, new, line, column, words", ERRORS,
                         ids=[error[1].splitlines()[0].strip()[:40] for error in ERRORS])
def test_errors_say_where_and_what(yaml, old, new, line, column, words):
    assert old in GOOD
    path = yaml(GOOD.replace(old, new))
    for options in ([], ["--prove"]):
        done = harness.ringfold("migrate", *options, path)
        assert done.returncode == 1
        assert done.stdout == ""
        messages = [text for text in done.stderr.splitlines()
                    if text.startswith(f"{path}:{line}:{column}: ")]
        assert len(messages) == 1, done.stderr
        for word in words:
            assert word in messages[0]
        assert "geheim" not in done.stderr


def test_files_that_are_none(yaml, tmp_path):
    for path in (tmp_path / "absent.yml", tmp_path, yaml(""), yaml("# nothing\n"), yaml("- a\n")):
        done = harness.ringfold("migrate", path)
        assert done.returncode == 1
        assert str(path) in done.stderr
    assert harness.ringfold("migrate").returncode == 2
