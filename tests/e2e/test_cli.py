"""The program as a program: options, configuration errors, exit codes, signals."""

import re
import signal
import socket
import subprocess
import threading

import pytest

import harness
import wire

GOOD = """\
[proxy]
threads = 1

[[pool]]
name = "main"
listen = "127.0.0.1:22121"
servers = ["127.0.0.1:6379:1 alpha"]
"""


@pytest.fixture
def config(tmp_path):
    """Writes a configuration file; its path."""
    def write(text):
        path = tmp_path / "test.toml"
        path.write_text(text)
        return path
    return write


def check_config(path):
    return harness.ringfold("-t", "-c", path)


def test_a_good_configuration(config):
    path = config(GOOD)
    for option in ("-t", "--test-conf"):
        done = harness.ringfold(option, "-c", path)
        assert done.returncode == 0
        assert f"{path}: configuration ok" in done.stdout + done.stderr


def test_every_documented_key_is_known(config):
    path = config("""\
[proxy]
threads = 2
io = "auto"
log_level = "debug"
log_format = "text"
log_file = ""
dns_refresh_ms = 30000
drain_timeout_ms = 20000
takeover_socket = ""

[admin]
listen = "127.0.0.1:22222"

[[pool]]
name = "sessions"
protocol = "redis"
listen = ["127.0.0.1:22121", "unix:/run/ringfold/sessions.sock", "[::1]:22121"]
distribution = "maglev"
hash = "xxh3"
hash_tag = "{}"
servers = ["127.0.0.1:6379:1 alpha",
           { address = "127.0.0.1:6380", weight = 2, name = "beta" },
           { address = "unix:/run/redis.sock" }]
timeout_ms = 400
connect_timeout_ms = 200
server_connections = 1
preconnect = true
auto_eject_hosts = false
server_failure_limit = 2
server_retry_timeout_ms = 30000
client_connections = 0
max_request_size = "1GiB"
client_output_limit = "16MiB"
backlog = 1024
tcp_keepalive = true
password = ""
client_password = ""
database = 0
""")
    done = check_config(path)
    assert done.returncode == 0, done.stderr


# Text to replace in GOOD, its replacement, line and column of the message, what it must name.
ERRORS = [
    ("threads = 1", "thraeds = 1", 2, 1, ["thraeds", "threads"]),
    ("threads = 1", "threads = \"two\"", 2, 11, ["threads"]),
    ("threads = 1", "threads = -1", 2, 11, ["threads"]),
    ("threads = 1", "io = \"fast\"", 2, 6, ["io", "uring"]),
    ("threads = 1", "log_level = \"loud\"", 2, 13, ["log_level", "debug"]),
    ("threads = 1", "dns_refresh_ms = 30", 2, 18, ["dns_refresh_ms", "100", "not 30"]),
    ("threads = 1", "dns_refresh = 30", 2, 1, ["dns_refresh", "dns_refresh_ms"]),
    ("threads = 1", "drain_timeout_ms = -1", 2, 20, ["drain_timeout_ms"]),
    ("name = \"main\"", "name = \"main\"\ndns_refresh_ms = 500", 6, 1, ["belongs in [proxy]"]),
    ("name = \"main\"", "name = \"main\"\nhash = \"fnv1a_65\"", 6, 8, ["fnv1a_65", "fnv1a_64"]),
    ("name = \"main\"", "name = \"main\"\ndistribution = \"ketma\"", 6, 16, ["ketma", "ketama"]),
    ("name = \"main\"", "name = \"main\"\nhash_tag = \"{\"", 6, 12, ["hash_tag"]),
    ("name = \"main\"", "name = \"main\"\ntimeout = 400", 6, 1, ["timeout", "timeout_ms"]),
    ("name = \"main\"", "name = \"main\"\nmax_request_size = \"1 Gig\"", 6, 20, ["GiB"]),
    ("name = \"main\"", "name = \"main\"\npreconnect = 1", 6, 14, ["preconnect"]),
    ("127.0.0.1:22121", "127.0.0.1:99999", 6, 10, ["99999"]),
    ("127.0.0.1:22121", "127.0.0.1", 6, 10, ["port"]),
    ("127.0.0.1:6379:1 alpha", "127.0.0.1:6379:0 alpha", 7, 12, ["weight"]),
    ("127.0.0.1:6379:1 alpha", "127.0.0.1", 7, 12, ["127.0.0.1"]),
    ("[\"127.0.0.1:6379:1 alpha\"]", "[]", 7, 11, ["servers"]),
    ("[\"127.0.0.1:6379:1 alpha\"]",
     "[\"127.0.0.1:1:1 a\",\n  \"127.0.0.1:2:1 a\"]", 8, 3, ["\"a\""]),
    ("servers = ", "servers: ", 7, 8, []),
]


@pytest.mark.parametrize("old, new, line, column, words", ERRORS,
                         ids=[error[1].splitlines()[-1] for error in ERRORS])
def test_errors_say_where_and_what(config, old, new, line, column, words):
    assert old in GOOD
    path = config(GOOD.replace(old, new))
    done = check_config(path)
    assert done.returncode == 1
    output = done.stderr + done.stdout
    place = f"{path}:{line}:{column}: "
    messages = [text for text in output.splitlines() if text.startswith(place)]
    assert len(messages) == 1, output
    for word in words:
        assert word in messages[0], messages[0]
    running = harness.ringfold("-c", path)
    assert running.returncode == 1
    assert place in running.stderr


def test_all_errors_are_told_at_once(config):
    path = config(GOOD.replace("threads = 1", "thraeds = 1\nio = \"fast\"")
                  .replace("name = \"main\"", "name = \"main\"\nhash = \"nosuch\""))
    done = check_config(path)
    assert done.returncode == 1
    output = done.stderr + done.stdout
    for place in ("2:1", "3:6", "7:8"):
        assert f"{path}:{place}: " in output


def test_missing_things_are_named(config):
    for missing in ("name = \"main\"\n", "listen = \"127.0.0.1:22121\"\n",
                    "servers = [\"127.0.0.1:6379:1 alpha\"]\n"):
        path = config(GOOD.replace(missing, ""))
        done = check_config(path)
        assert done.returncode == 1
        assert missing.split()[0] in done.stderr + done.stdout
    done = check_config("/nonexistent/ringfold.toml")
    assert done.returncode == 1
    assert "/nonexistent/ringfold.toml" in done.stderr + done.stdout


def test_two_pools_may_not_share_a_name_or_a_listener(config):
    pool = GOOD[GOOD.index("[[pool]]"):]
    for second in (pool.replace("22121", "22122"), pool.replace("main", "other")):
        assert check_config(config(GOOD + second)).returncode == 1
    good = pool.replace("22121", "22122").replace("main", "other")
    assert check_config(config(GOOD + good)).returncode == 0


def test_version_and_help():
    for option in ("-V", "--version"):
        done = harness.ringfold(option)
        assert done.returncode == 0
        assert re.search(r"ringfold \d+\.\d+\.\d+", done.stdout)
        assert "liburing" in done.stdout
        assert "io_uring" in done.stdout
    for option in ("-h", "--help"):
        done = harness.ringfold(option)
        assert done.returncode == 0
        for word in ("--config", "--test-conf", "--version", "route"):
            assert word in done.stdout


@pytest.mark.parametrize("arguments", [["--nosuch"], ["-c"], ["nosuch"], ["-t", "extra"],
                                       ["-c", "a.toml", "extra"]])
def test_bad_usage_exits_with_2(arguments):
    done = harness.ringfold(*arguments)
    assert done.returncode == 2
    assert done.stderr.strip()


def wait_for_exit(process):
    return process.wait(harness.STOP_DEADLINE)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_taken_port_exits_with_3(config, threads):
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        text = GOOD.replace("22121", str(port)).replace("threads = 1", f"threads = {threads}")
        path = config(text)
        done = harness.ringfold("-c", path)
    assert done.returncode == 3
    assert str(port) in done.stderr
    assert "in use" in done.stderr


def test_a_second_ringfold_on_the_same_port_exits_with_3(cluster):
    """SO_REUSEPORT would let two of them share the port, and half of the clients go astray."""
    cluster.add_server()
    proxy = cluster.start_proxy()
    done = harness.ringfold("-c", proxy.config)
    assert done.returncode == 3
    assert str(proxy.endpoint[1]) in done.stderr
    with proxy.raw() as client:
        assert client.call("PING") == b"+PONG\r\n"


def test_a_second_ringfold_on_the_same_unix_socket_exits_with_3(cluster):
    cluster.add_server()
    proxy = cluster.start_proxy(listen=f"unix:{cluster.directory}/proxy.sock")
    done = harness.ringfold("-c", proxy.config)
    assert done.returncode == 3
    assert "proxy.sock" in done.stderr
    with proxy.raw() as client:
        assert client.call("PING") == b"+PONG\r\n"


def port_is_free(port):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@pytest.mark.skipif(not port_is_free(22121), reason="port 22121 of the embedded default is taken")
def test_the_embedded_default():
    """Without -c: 127.0.0.1:22121 in front of 127.0.0.1:6379."""
    with subprocess.Popen([harness.BINARY], stderr=subprocess.PIPE, text=True) as process:
        try:
            harness.wait_until(lambda: harness.accepts(("127.0.0.1", 22121)), "the default port")
            with wire.RawClient(("127.0.0.1", 22121)) as client:
                assert client.call("PING") == b"+PONG\r\n"
        finally:
            process.send_signal(signal.SIGTERM)
            code = wait_for_exit(process)
        assert code == 0


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("threads", [1, 2])
def test_signals_drain_and_exit_with_0(cluster, sig, threads):
    """Requests in flight are answered, then the connections are closed."""
    cluster.add_servers(2)
    proxy = cluster.start_proxy(threads=threads, timeout_ms=20000,
                                listen=f"unix:{cluster.directory}/proxy.sock")
    process = proxy.process
    clients = [proxy.raw() for _ in range(8)]
    for client in clients:
        client.call("MSET", "a", 1, "b", 2, "c", 3, "d", 4)
    for server in cluster.servers:
        server.pause()
    for client in clients:
        client.send(wire.encode("MGET", "a", "b", "c", "d") + wire.encode("GET", "a"))
    harness.wait_until(lambda: not any(wire.unread_by_peer(client.socket) for client in clients),
                       "the proxy to read the requests")
    process.send_signal(sig)
    harness.wait_until(lambda: not harness.accepts(proxy.endpoint), "the listener to close")
    for server in cluster.servers:
        server.resume()
    for client in clients:
        answer = client.read_to_end()
        assert answer == b"*4\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n$1\r\n4\r\n$1\r\n1\r\n"
        client.close()
    assert wait_for_exit(process) == 0


def test_idle_clients_do_not_hold_up_the_end(cluster):
    cluster.add_server()
    proxy = cluster.start_proxy()
    with proxy.raw() as idle:
        assert idle.call("PING") == b"+PONG\r\n"
        proxy.process.send_signal(signal.SIGTERM)
        assert wait_for_exit(proxy.process) == 0
        assert idle.read_to_end() == b""


def test_signals_while_busy(cluster):
    """SIGTERM in the middle of traffic: every client sees whole replies only, and exit code 0."""
    cluster.add_servers(4)
    proxy = cluster.start_proxy(threads=2)
    started = threading.Barrier(5)
    broken = []

    def traffic(number):
        client = proxy.raw()
        rounds = 0
        try:
            while True:
                replies = client.pipeline([("SET", f"key-{number}", rounds),
                                           ("GET", f"key-{number}")] * 20)
                if replies != [b"+OK\r\n", b"$%d\r\n%d\r\n" % (len(str(rounds)), rounds)] * 20:
                    broken.append(replies)
                rounds += 1
                if rounds == 20:
                    started.wait(harness.START_DEADLINE)
        except (wire.ConnectionClosed, ConnectionError) as closed:
            if not isinstance(closed, wire.ConnectionClosed):
                return
            if not str(closed).endswith("b''"):  # half a reply
                broken.append(closed)
        finally:
            client.close()

    threads = [threading.Thread(target=traffic, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    started.wait(harness.START_DEADLINE)
    proxy.process.send_signal(signal.SIGTERM)
    assert wait_for_exit(proxy.process) == 0
    for thread in threads:
        thread.join()
    assert not broken, broken[:3]
