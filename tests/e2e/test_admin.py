"""The admin endpoint: what it shows, what it does, for whom, and that nobody can keep it busy."""

import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time
import tomllib

import pytest

import harness
import wire
from admin_http import ask, bearer

TOKEN = "0123456789abcdef"
ROOT = pathlib.Path(__file__).resolve().parents[2]
READING = ["/", "/metrics", "/stats", "/stats?format=nutcracker", "/config", "/healthz", "/readyz",
           "/hotkeys", "/slowlog"]
PATHS = ["/", "/metrics", "/stats", "/config", "/healthz", "/readyz", "/route", "/hotkeys",
         "/slowlog", "/reload", "/log"]
CONNECTIONS_MAX = 64  # of the endpoint


def other_address():
    """An address of this machine that is not loopback, or None."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("198.51.100.1", 9))  # sends nothing
        except OSError:
            return None
        address = probe.getsockname()[0]
    return None if address.startswith("127.") else address


def start(cluster, admin=None, **options):
    cluster.add_servers(2)
    return cluster.start_proxy_with(cluster.one_pool(), admin=admin or {}, **options)


@pytest.fixture(name="admin", scope="module")
def admin_fixture():
    cluster = harness.Cluster()
    proxy = start(cluster, threads=2)
    yield proxy
    cluster.close()


def test_every_page_answers(admin):
    for path in READING:
        reply = ask(admin.admin_endpoint, path)
        assert reply.status == 200, (path, reply)
        assert reply.body, path
        assert reply.headers["Cache-Control"] == "no-store"
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
        assert reply.headers["Connection"] == "close"
        head = ask(admin.admin_endpoint, path, method="HEAD")
        assert (head.status, head.body) == (200, ""), path


def test_stats_count_what_was_asked(admin):
    with admin.raw() as client:
        for i in range(50):
            client.value("SET", f"key{i}", "value")
    stats = ask(admin.admin_endpoint, "/stats").json()
    assert stats["pid"] == admin.pid
    assert stats["threads"] == 2
    pool = stats["pools"][0]
    assert pool["name"] == "main"
    assert pool["requests"]["write"] >= 50
    assert {server["name"] for server in pool["servers"]} == {"alpha", "beta"}
    assert all(server["state"] == "up" for server in pool["servers"])
    text = ask(admin.admin_endpoint, "/metrics").body
    assert re.search(r'^ringfold_\w+\{.*server="alpha".*\} \d', text, re.MULTILINE)
    nutcracker = ask(admin.admin_endpoint, "/stats?format=nutcracker").json()
    assert sum(nutcracker["main"][name]["requests"] for name in ("alpha", "beta")) >= 50
    assert ask(admin.admin_endpoint, "/stats?format=xml").status == 400


def test_config_is_a_file_with_every_key(admin, tmp_path):
    text = ask(admin.admin_endpoint, "/config").body
    config = tomllib.loads(text)
    annotated = tomllib.loads((ROOT / "configs" / "annotated.toml").read_text())
    assert set(config["proxy"]) == set(annotated["proxy"])
    assert set(config["admin"]) == set(annotated["admin"])
    known = set().union(*(pool.keys() for pool in annotated["pool"]))
    assert set(config["pool"][0]) == known
    path = tmp_path / "again.toml"
    path.write_text(text)
    run = subprocess.run([harness.BINARY, "-t", "-c", path], capture_output=True, text=True,
                         timeout=30, check=False)
    assert run.returncode == 0, run.stderr


def test_no_secret_is_shown(cluster):
    server = cluster.add_server(options=["--requirepass", "hush-server"])
    pool = {"name": "main", "servers": harness.server_lines([server]), "password": "hush-server",
            "client_password": "hush-client"}
    proxy = cluster.start_proxy_with([pool], admin={"token": TOKEN})
    for path in READING:
        body = ask(proxy.admin_endpoint, path).body
        assert "hush" not in body and TOKEN not in body, path
    assert tomllib.loads(ask(proxy.admin_endpoint, "/config").body)["pool"][0]["password"] == "***"


def test_route_says_what_the_command_line_says(admin):
    for key in ["foo", "user:1", "a b", "ä"]:
        run = subprocess.run([harness.BINARY, "route", "-c", admin.config, "--pool", "main", key],
                             capture_output=True, text=True, timeout=30, check=True)
        _, server, address = run.stdout.rstrip("\n").split("\t")
        hexed = key.encode().hex()
        for query in (f"key={wire_escape(key)}", f"hex={hexed}"):
            reply = ask(admin.admin_endpoint, f"/route?pool=main&{query}")
            assert reply.status == 200, reply
            assert (reply.json()["server"], reply.json()["address"]) == (server, address)
    for query in ["", "?pool=main", "?key=a", "?pool=main&hex=abc", "?pool=main&hex=00&key=a"]:
        assert ask(admin.admin_endpoint, f"/route{query}").status == 400
    reply = ask(admin.admin_endpoint, "/route?pool=nix&key=a")
    assert reply.status == 400 and '"main"' in reply.body


def wire_escape(key):
    return "".join(f"%{byte:02x}" for byte in key.encode())


def test_unknown_pages_and_methods(admin):
    reply = ask(admin.admin_endpoint, "/nix")
    assert reply.status == 404
    assert all(f" {path}" in reply.body for path in PATHS)
    for path in ("/stats", "/", "/healthz"):
        for method in ("POST", "PUT", "DELETE"):
            reply = ask(admin.admin_endpoint, path, method=method)
            assert (reply.status, reply.headers["Allow"]) == (405, "GET, HEAD")
    for path in ("/reload", "/log"):
        reply = ask(admin.admin_endpoint, path)
        assert (reply.status, reply.headers["Allow"]) == (405, "POST")


def test_the_log_level_changes_while_it_runs(admin):
    for level in ("debug", "info", "error", "info"):
        reply = ask(admin.admin_endpoint, f"/log?level={level}", method="POST")
        assert (reply.status, reply.json()) == (200, {"level": level})
        assert f'log_level = "{level}"' in ask(admin.admin_endpoint, "/config").body
        assert f"sets the log level to {level}" in admin.stderr()
    for query in ("", "?level=", "?level=loud"):
        assert ask(admin.admin_endpoint, f"/log{query}", method="POST").status == 400


def test_a_page_of_another_site_can_do_nothing(admin):
    host, port = admin.admin_endpoint
    path = "/log?level=info"
    good = {"Host": f"{host}:{port}", "Origin": f"http://{host}:{port}"}
    assert ask(admin.admin_endpoint, path, "POST", good).status == 200
    for bad in ({"Origin": "http://evil.example"}, {"Origin": "null"},
                {"Sec-Fetch-Site": "cross-site"}, {"Host": "evil.example"},
                {"Host": f"evil.example:{port}", "Origin": f"http://evil.example:{port}"}):
        assert ask(admin.admin_endpoint, path, "POST", {**good, **bad}).status == 403, bad
    # A name of somebody else's that leads here (DNS rebinding) reads nothing either.
    reply = ask(admin.admin_endpoint, "/stats", headers={"Host": "evil.example"})
    assert reply.status == 403 and "evil.example" in reply.body
    assert "Access-Control-Allow-Origin" not in ask(admin.admin_endpoint, "/stats").headers


def test_changes_need_the_token_where_there_is_one(cluster):
    proxy = start(cluster, {"token": TOKEN})
    path = "/log?level=info"
    for headers in ({}, bearer(TOKEN[:-1]), bearer(TOKEN + "0"), {"Authorization": TOKEN}):
        reply = ask(proxy.admin_endpoint, path, "POST", headers)
        assert (reply.status, reply.headers["WWW-Authenticate"][:6]) == (401, "Bearer"), headers
    assert ask(proxy.admin_endpoint, path, "POST", bearer(TOKEN)).status == 200
    assert ask(proxy.admin_endpoint, "/hotkeys").status == 200


@pytest.mark.skipif(other_address() is None, reason="this machine has no address but loopback")
@pytest.mark.parametrize("token", ["", TOKEN])
def test_other_machines(cluster, token):
    """They read numbers; keys with the token, where there is one; they change with it only."""
    proxy = start(cluster, {"listen": f"0.0.0.0:{harness.free_port()}", "token": token,
                            "slow_ms": 1})
    with proxy.raw() as client:
        cluster.servers[0].pause()
        resume = threading.Timer(0.05, cluster.servers[0].resume)
        resume.start()
        for i in range(200):
            client.value("SET", f"key{i}", "value")
        resume.join()
    outside = (other_address(), proxy.admin_endpoint[1])
    inside = ("127.0.0.1", proxy.admin_endpoint[1])
    harness.wait_until(lambda: ask(inside, "/stats").json()["slow"], "a slow request")
    for path in ("/", "/metrics", "/healthz", "/readyz", "/route?pool=main&key=a"):
        assert ask(outside, path).status == 200, path
    for path in ("/config", "/hotkeys", "/slowlog"):
        assert ask(outside, path).status == (401 if token else 200), path
    for path in ("/log?level=info", "/reload"):
        reply = ask(outside, path, "POST")
        assert reply.status == (401 if token else 403), reply
        assert "token" in reply.body
    stats = ask(outside, "/stats")
    assert bool(stats.json()["slow"]) == (not token)
    assert ("X-Ringfold-Withheld" in stats.headers) == bool(token)
    if token:
        assert ask(outside, "/slowlog", headers=bearer(TOKEN)).json()
        assert ask(outside, "/stats", headers=bearer(TOKEN)).json()["slow"]
        assert ask(outside, "/log?level=info", "POST", bearer(TOKEN)).status == 200


def test_a_unix_socket(cluster, tmp_path):
    path = tmp_path / "admin.sock"
    proxy = start(cluster, {"listen": f"unix:{path}"})
    # The endpoint answers before the workers listen, and says so.
    harness.wait_until(lambda: ask(str(path), "/readyz").body == "ready\n", "ready")
    assert ask(str(path), "/log?level=info", "POST", {"Host": "whoever"}).status == 200
    proxy.stop()
    assert not path.exists()


def test_no_endpoint(cluster):
    proxy = start(cluster, {"listen": ""})
    assert "admin endpoint" not in proxy.stderr()
    tasks = [pathlib.Path(f"/proc/{proxy.pid}/task/{task}/comm").read_text()
             for task in os.listdir(f"/proc/{proxy.pid}/task")]
    assert not any("admin" in task or "answer" in task for task in tasks)


def run_config(path, text):
    path.write_text(text)
    return subprocess.Popen([harness.BINARY, "-c", path], stderr=subprocess.PIPE, text=True)


def pool_text():
    return ('[[pool]]\nname = "a"\nlisten = "127.0.0.1:%d"\nservers = ["127.0.0.1:1:1 x"]\n'
            % harness.free_port())


def test_an_address_that_is_taken(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = run_config(tmp_path / "a.toml",
                             f'[admin]\nlisten = "127.0.0.1:{port}"\n' + pool_text())
        error = process.communicate(timeout=30)[1]
    assert process.returncode == 3
    assert error.splitlines()[-1].startswith("ringfold: admin.listen: ") and f":{port}" in error


def test_a_default_address_that_is_taken_costs_a_warning(tmp_path):
    try:
        taken = socket.create_server(("127.0.0.1", 22222))
    except OSError:
        taken = None  # somebody else has it: as good
    try:
        process = run_config(tmp_path / "a.toml", pool_text())
        lines = []
        for line in process.stderr:
            lines.append(line)
            if " ready, " in line:
                break
        process.send_signal(signal.SIGTERM)
        lines.append(process.communicate(timeout=30)[1])
    finally:
        if taken is not None:
            taken.close()
    assert process.returncode == 0
    warning = [line for line in lines if "no admin endpoint" in line]
    assert len(warning) == 1 and " warn " in warning[0] and "127.0.0.1:22222" in warning[0]


def test_bad_tokens_are_errors_that_do_not_show_them(tmp_path):
    for token in ("short-secret", "with a space in it", "ümlautümlautümlaut"):
        path = tmp_path / "a.toml"
        path.write_text(f'[admin]\ntoken = "{token}"\n' + pool_text())
        run = subprocess.run([harness.BINARY, "-t", "-c", path], capture_output=True, text=True,
                             timeout=30, check=False)
        assert run.returncode == 1
        assert "a.toml:2:9: key \"token\"" in run.stderr and token not in run.stderr


def test_readyz_turns_when_the_drain_begins_and_the_endpoint_ends_last(cluster):
    proxy = start(cluster, drain_timeout_ms=20000)
    with proxy.raw() as client:
        cluster.servers[0].pause()
        cluster.servers[1].pause()
        client.send(wire.encode("SET", "a", "b"))
        pool = lambda: ask(proxy.admin_endpoint, "/stats").json()["pools"][0]
        harness.wait_until(lambda: sum(server["pending"] for server in pool()["servers"]) == 1,
                           "the request to be pending")
        proxy.process.send_signal(signal.SIGTERM)
        harness.wait_until(lambda: ask(proxy.admin_endpoint, "/readyz").status == 503, "503")
        assert "draining" in ask(proxy.admin_endpoint, "/readyz").body
        assert ask(proxy.admin_endpoint, "/stats").json()["draining"] is True
        assert ask(proxy.admin_endpoint, "/healthz").status == 200
        cluster.servers[0].resume()
        cluster.servers[1].resume()
        assert client.reply() == b"+OK\r\n"
    assert proxy.process.wait(harness.STOP_DEADLINE) == 0
    proxy.process = None


def test_healthz_notices_a_worker_that_is_stuck(cluster):
    """SIGSTOP would stop the whole process, the endpoint as well, so a tracer holds the worker."""
    proxy = start(cluster, threads=2)
    worker = next(int(task) for task in os.listdir(f"/proc/{proxy.pid}/task")
                  if pathlib.Path(f"/proc/{proxy.pid}/task/{task}/comm").read_text()
                  == "ringfold-w1\n")
    tracer = Tracer(worker)
    if not tracer.attached:
        pytest.skip("tracing another process is not allowed here")
    try:
        reply = ask(proxy.admin_endpoint, "/healthz")
        assert (reply.status, "worker 1" in reply.body) == (503, True)
    finally:
        tracer.detach()
    assert ask(proxy.admin_endpoint, "/healthz").status == 200


class Tracer:
    """Holds one thread by ptrace, from a thread of its own: the kernel binds a tracee to one."""

    def __init__(self, thread_id):
        self.thread_id = thread_id
        self.attached = False
        self.is_held = threading.Event()
        self.may_go = threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()
        self.is_held.wait()

    def _run(self):
        import ctypes
        libc = ctypes.CDLL(None, use_errno=True)
        attach, detach, every_thread = 16, 17, 0x40000000  # sys/ptrace.h, __WALL
        self.attached = libc.ptrace(attach, self.thread_id, None, None) == 0
        if self.attached:
            os.waitpid(self.thread_id, every_thread)
        self.is_held.set()
        self.may_go.wait()
        if self.attached:
            libc.ptrace(detach, self.thread_id, None, None)

    def detach(self):
        self.may_go.set()
        self.thread.join()


def test_what_is_no_http_is_answered_or_closed(admin):
    for garbage in (b"\x16\x03\x01\x02\x00\x01\x00", b"*1\r\n$4\r\nPING\r\n", b"\r\n\r\n",
                    b"GET /\r\n\r\n", b"GARBAGE\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
                    b"GET /" + b"a" * 10000 + b" HTTP/1.1\r\n\r\n",
                    b"GET / HTTP/1.1\r\nX: " + b"a" * 20000 + b"\r\n\r\n", b"A" * 40000):
        with socket.create_connection(admin.admin_endpoint, timeout=20) as client:
            try:
                client.sendall(garbage)
                reply = client.recv(4096)
            except ConnectionResetError:
                continue
            assert reply.startswith(b"HTTP/1.1 4"), (garbage[:40], reply[:80])
    assert ask(admin.admin_endpoint, "/readyz").status == 200


def test_slow_and_silent_clients_keep_nobody_out(admin):
    begin = time.monotonic()
    silent = [socket.create_connection(admin.admin_endpoint, timeout=20)
              for _ in range(3 * CONNECTIONS_MAX)]
    for client in silent[::2]:
        try:
            client.sendall(b"GET /stats HT")
        except OSError:
            pass  # made room already
    for _ in range(20):
        assert ask(admin.admin_endpoint, "/readyz").status == 200
    assert time.monotonic() - begin < 4, "they were waited for"
    harness.wait_until(lambda: all(is_closed(client) for client in silent), "all to be closed")
    for client in silent:
        client.close()


def is_closed(client):
    client.setblocking(False)
    try:
        return client.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def test_who_does_not_read_is_closed(admin):
    """A response fits the sockets' buffers or is given up after a while; others do not wait."""
    lazy = []
    for _ in range(8):
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        client.settimeout(20)
        client.connect(admin.admin_endpoint)
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        lazy.append(client)
    assert ask(admin.admin_endpoint, "/").status == 200
    for client in lazy:
        client.close()


def test_many_ask_while_the_proxy_works(cluster):
    """The workers neither stop nor err while every page is asked for as often as possible."""
    proxy = start(cluster, threads=2)
    stop = threading.Event()
    failures = []

    def poll():
        while not stop.is_set():
            for path in READING:
                try:
                    reply = ask(proxy.admin_endpoint, path)
                    if reply.status != 200:
                        failures.append((path, reply))
                except OSError as error:
                    failures.append((path, error))

    pollers = [threading.Thread(target=poll) for _ in range(4)]
    for poller in pollers:
        poller.start()
    try:
        with proxy.raw() as client:
            for i in range(5000):
                assert client.value("SET", f"key{i % 100}", f"{i}") == b"OK"
                assert client.value("GET", f"key{i % 100}") == b"%d" % i
    finally:
        stop.set()
        for poller in pollers:
            poller.join()
    assert not failures, failures[:3]
    stats = ask(proxy.admin_endpoint, "/stats").json()["pools"][0]
    assert stats["requests"]["write"] == 5000
    assert sum(stats["errors"].values()) == 0
