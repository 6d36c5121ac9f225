"""Another configuration for a proxy that runs: SIGHUP."""

import contextlib
import http.client
import json
import os
import random
import signal
import subprocess
import time

import pytest

import bench_load
import harness
import wire

# How many reloads a proxy gets while it serves load.
RELOADS = int(os.environ.get("RINGFOLD_RELOADS", "40"))
RATE = 20_000
KEYS = 2000


def with_servers(pool, servers, weights=None, **options):
    return {**pool, "servers": harness.server_lines(servers, weights), **options}


def listen_free():
    return f"127.0.0.1:{harness.free_port()}"


def keys_per_server(servers):
    return [server.client().dbsize() for server in servers]


def test_a_server_comes_and_goes(cluster):
    servers = cluster.add_servers(3)
    proxy = cluster.start_proxy_with([{"name": "x", "servers": harness.server_lines(servers[:2])}])
    with proxy.raw() as client:
        for number in range(300):
            assert client.call("SET", f"a{number}", "v") == b"+OK\r\n"
        assert servers[2].client().dbsize() == 0
        log = proxy.reload([with_servers(proxy.written[0], servers)])
        third = f'pool "x": server "{servers[2].name}" {servers[2].address}'
        assert f"+ {third}\n" in log, log
        assert 'pool "x": ' in log and "% of the keys move" in log
        assert "reloaded: 2 changes" in log
        for number in range(300):  # the same connection as before
            assert client.call("SET", f"b{number}", "v") == b"+OK\r\n"
        assert servers[2].client().dbsize() > 50
        log = proxy.reload([with_servers(proxy.written[0], servers[:2])])
        assert f"- {third}\n" in log, log
        servers[2].client().flushall()
        for number in range(300):
            assert client.call("SET", f"c{number}", "v") == b"+OK\r\n"
        assert servers[2].client().dbsize() == 0
        # Nobody talks to it any more, but this client and its predecessors.
        harness.wait_until(lambda: len(servers[2].client().client_list()) == 1,
                           "the proxy to leave the server")


def test_it_routes_like_a_start_with_that_file(cluster):
    servers = cluster.add_servers(4)
    proxy = cluster.start_proxy_with([{"name": "x", "servers": harness.server_lines(servers)}])
    proxy.reload([with_servers(proxy.written[0], list(reversed(servers))[:3], [3, 1, 2],
                               distribution="modula", hash="crc32")])
    keys = [f"key{number}" for number in range(500)]
    with proxy.raw() as client:
        client.pipeline([("SET", key, "v") for key in keys])
    routed = harness.ringfold("route", "-c", proxy.config, "--pool", "x", *keys).stdout
    places = dict(line.split("\t")[:2] for line in routed.splitlines())
    for server in servers:
        own = {key.decode() for key in server.client().keys()}
        assert own == {key for key in keys if places[key] == server.name}


def test_errors_change_nothing(cluster):
    servers = cluster.add_servers(2)
    proxy = cluster.start_proxy_with([{"name": "x", "servers": harness.server_lines(servers[:1])}])
    pool = proxy.written[0]
    with proxy.raw() as client:
        log = proxy.reload([with_servers(pool, servers, timout_ms=3)])
        assert f"{proxy.config}:" in log and "timout_ms" in log and "timeout_ms" in log
        assert "nothing has changed" in log
        with harness.socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            other = f"127.0.0.1:{taken.getsockname()[1]}"
            log = proxy.reload([with_servers(pool, servers, listen=[pool["listen"], other])])
            assert "cannot listen on" in log and "nothing has changed" in log
        for number in range(100):
            assert client.call("SET", f"k{number}", "v") == b"+OK\r\n"
    assert keys_per_server(servers) == [100, 0]
    assert "reloaded: nothing has changed" in proxy.reload([pool])


def test_pools_and_listeners_come_and_go(cluster, tmp_path):
    servers = cluster.add_servers(2)
    proxy = cluster.start_proxy_with([{"name": "x", "servers": harness.server_lines(servers[:1])}],
                                     threads=2)
    first = proxy.written[0]
    path = tmp_path / "second.sock"
    second = {"name": "y", "protocol": "redis", "listen": [f"unix:{path}", listen_free()],
              "servers": harness.server_lines(servers[1:])}
    with proxy.raw() as client:
        log = proxy.reload([second, first])
        assert '+ pool "y"' in log
        others = [proxy.raw(harness.parse_listen(listen)) for listen in second["listen"] * 4]
        for other in others:
            assert other.call("SET", "y", "1") == b"+OK\r\n"
        assert client.call("SET", "x", "1") == b"+OK\r\n"
        assert keys_per_server(servers) == [1, 1]
        # A pool that goes answers what it was asked and closes.
        servers[1].pause()
        for other in others:
            other.send(wire.encode("GET", "y"))
        proxy.reload([first])
        assert not path.exists()
        assert not harness.accepts(harness.parse_listen(second["listen"][1]))
        servers[1].resume()
        for other in others:
            assert other.read_to_end() == b"$1\r\n1\r\n"
            other.close()
        assert client.call("GET", "x") == b"$1\r\n1\r\n"
        # And it may come back.
        proxy.reload([first, second])
        with proxy.raw(str(path)) as other:
            assert other.call("GET", "y") == b"$1\r\n1\r\n"
    servers[1].client()
    # One that has another name but listens where it did is the same for its clients.
    with proxy.raw() as client:
        proxy.reload([{**first, "name": "z"}, second])
        assert client.call("GET", "x") == b"$1\r\n1\r\n"


@pytest.mark.parametrize("threads", [1, 2], ids=["1-thread", "2-threads"])
def test_listeners_change_their_pools(cluster, threads):
    """Who is connected stays with the pool that it came to."""
    servers = cluster.add_servers(2)
    for number, server in enumerate(servers):
        server.client().set("who", number)
    pools = [{"name": name, "servers": harness.server_lines([server])}
             for name, server in zip("xy", servers)]
    proxy = cluster.start_proxy_with(pools, threads=threads)
    x, y = proxy.written
    with proxy.raw(proxy.endpoints[0]) as first, proxy.raw(proxy.endpoints[1]) as second:
        proxy.reload([{**x, "listen": y["listen"]}, {**y, "listen": x["listen"]}])
        assert first.call("GET", "who") == b"$1\r\n0\r\n"
        assert second.call("GET", "who") == b"$1\r\n1\r\n"
        for _ in range(10):
            with proxy.raw(proxy.endpoints[0]) as client:
                assert client.call("GET", "who") == b"$1\r\n1\r\n"
            with proxy.raw(proxy.endpoints[1]) as client:
                assert client.call("GET", "who") == b"$1\r\n0\r\n"


def test_limits_and_timeouts(cluster):
    server = cluster.add_server()
    proxy = cluster.start_proxy_with([{"name": "x", "servers": harness.server_lines([server])}])
    pool = proxy.written[0]
    with proxy.raw() as client:
        assert client.call("SET", "k", "v") == b"+OK\r\n"
        proxy.reload([{**pool, "client_connections": 1, "max_request_size": 1024}])
        with proxy.raw() as turned_away:
            assert turned_away.read_to_end() == b""
        assert b"larger than max_request_size" in client.call("SET", "k", "x" * 2000)
    proxy.reload([{**pool, "timeout_ms": 50, "client_connections": 2}])
    with proxy.raw() as client:
        server.pause()
        try:
            assert b"timed out" in client.call("GET", "k")
        finally:
            server.resume()
        with proxy.raw() as second:
            harness.wait_until(lambda: second.call("GET", "k") == b"$1\r\nv\r\n", "the value")
        # What waits already for a server without a limit gets the new one.
        proxy.reload([pool])
        server.pause()
        try:
            client.send(wire.encode("GET", "k"))
            with proxy.raw() as other:
                assert other.call("PING") == b"+PONG\r\n"
            proxy.reload([{**pool, "timeout_ms": 50}])
            assert b"timed out" in client.reply()
        finally:
            server.resume()


def test_passwords_and_databases(cluster):
    server = cluster.add_server()
    proxy = cluster.start_proxy_with([{"name": "x", "servers": harness.server_lines([server])}])
    pool = proxy.written[0]
    with proxy.raw() as client:
        proxy.reload([{**pool, "database": 3}])
        assert client.call("SET", "k", "v") == b"+OK\r\n"
        assert server.client(db=3).get("k") == b"v"
        server.client().config_set("requirepass", "secret")
        proxy.reload([{**pool, "database": 3, "password": "secret", "client_password": "door"}])
        assert "secret" not in proxy.stderr() and "door" not in proxy.stderr()
        assert client.call("GET", "k") == b"$1\r\nv\r\n"
        with proxy.raw() as stranger:
            assert stranger.call("GET", "k").startswith(b"-NOAUTH")
            proxy.reload([{**pool, "database": 3, "password": "secret"}])
            assert stranger.call("GET", "k") == b"$1\r\nv\r\n"
        server.client(password="secret").config_set("requirepass", "")


def post_reload(proxy):
    connection = http.client.HTTPConnection(*proxy.admin_endpoint, timeout=harness.START_DEADLINE)
    with contextlib.closing(connection):
        connection.request("POST", "/reload")
        response = connection.getresponse()
        return response.status, json.loads(response.read())


def test_a_stop_right_behind_a_reload(cluster):
    """The listening sockets are closed while workers may not have the next configuration yet."""
    cluster.add_servers(2)
    proxy = cluster.start_proxy()
    for _ in range(20):
        if proxy.process is None:
            proxy.start()
        proxy.process.send_signal(signal.SIGHUP)
        end = time.monotonic() + harness.START_DEADLINE
        while "SIGHUP: reloading" not in proxy.stderr():  # no pause: it takes a millisecond
            assert time.monotonic() < end, proxy.stderr()
        proxy.stop()


def test_by_http(cluster):
    servers = cluster.add_servers(2)
    pools = [{"name": "x", "servers": harness.server_lines(servers[:1])}]
    proxy = harness.Proxy(cluster.directory, pools, admin={}, threads=2)
    proxy.start()
    try:
        harness.wait_until(lambda: " ready, " in proxy.stderr(), "ringfold to be ready")
        assert post_reload(proxy) == (200, {"applied": True, "lines": [], "warnings": []})
        pool = with_servers(proxy.written[0], servers)
        proxy.config.write_text(harness.toml(proxy.options, [pool], proxy.written_admin))
        status, report = post_reload(proxy)
        assert status == 200 and report["applied"], report
        added = f'+ pool "x": server "{servers[1].name}" {servers[1].address}'
        assert report["lines"][0] == added and "of the keys move" in report["lines"][1]
        with proxy.raw() as client:
            for number in range(100):
                assert client.call("SET", f"{number}-key", "v") == b"+OK\r\n"
        assert min(keys_per_server(servers)) > 10
        proxy.config.write_text("nonsense")
        status, report = post_reload(proxy)
        assert status == 422 and not report["applied"] and report["lines"], report
    finally:
        proxy.stop()


def test_what_takes_a_restart_is_said(cluster):
    cluster.add_server()
    proxy = cluster.start_proxy_with(cluster.one_pool())
    log = proxy.reload(proxy.written, threads=2)
    assert "proxy.threads is another one: that takes a restart" in log


def test_the_log_moves(cluster, tmp_path):
    cluster.add_server()
    proxy = cluster.start_proxy_with(cluster.one_pool())
    path = tmp_path / "proxy.log"
    config = harness.toml({**proxy.options, "log_file": str(path), "log_format": "json"},
                          proxy.written)
    proxy.config.write_text(config)
    proxy.process.send_signal(signal.SIGHUP)
    harness.wait_until(lambda: path.exists() and "reloaded: 2 changes" in path.read_text(),
                       "the log to move")
    assert all(json.loads(line) for line in path.read_text().splitlines())


def test_the_embedded_configuration_cannot_be_reloaded(cluster):
    """It listens on a port of its own, so this needs it to be free."""
    if harness.accepts(("127.0.0.1", 22121)):
        pytest.skip("port 22121 is taken")
    process = subprocess.Popen([harness.BINARY], stderr=subprocess.PIPE, text=True)
    lines = []
    try:
        for line in process.stderr:
            lines.append(line)
            if " ready, " in line:
                process.send_signal(signal.SIGHUP)
            if "nothing has changed" in line:
                break
    finally:
        harness.end_process(process)
    assert any("started without -c" in line for line in lines), lines


def test_in_flight_keeps_its_order(cluster):
    """One client writes a key again and again, many deep, while the connections to its server are
    replaced: the last word has to be the last one."""
    server = cluster.add_server()
    proxy = cluster.start_proxy_with([{"name": "x", "servers": harness.server_lines([server])}])
    pool = proxy.written[0]
    with proxy.raw() as client:
        for turn in range(20):
            commands = [("SET", "k", f"{turn}-{number}") for number in range(2000)]
            client.send(b"".join(wire.encode(*command) for command in commands))
            proxy.reload([{**pool, "server_connections": 1 + turn % 3}])
            assert client.replies(2000) == [b"+OK\r\n"] * 2000
            assert client.call("GET", "k") == wire.encode(f"{turn}-1999")[4:]


def variants(proxy, servers):
    """Random configurations of the pool."""
    dice = random.Random(6)
    base = proxy.written[0]
    while True:
        count = dice.randint(1, len(servers))
        chosen = dice.sample(servers, count)
        weights = [dice.randint(1, 4) for _ in chosen]
        options = {
            "timeout_ms": dice.choice([0, 2000, 5000]),
            "server_connections": dice.randint(1, 3),
            "client_connections": dice.choice([0, 500]),
            "server_pending_limit": dice.choice([100_000, 262_144]),
            "distribution": dice.choice(["ketama", "modula", "maglev"]),
            "auto_eject_hosts": dice.choice([True, False]),
        }
        pools = [with_servers(base, chosen, weights, **options)]
        if dice.random() < 0.5:
            pools.append({"name": "other", "protocol": "redis", "listen": listen_free(),
                          "servers": harness.server_lines(servers[:1])})
        yield pools


@pytest.mark.heavy
@pytest.mark.skipif(not bench_load.BENCH.exists(), reason=f"{bench_load.BENCH} is not built")
@pytest.mark.parametrize("threads", [1, 2], ids=["1-thread", "2-threads"])
def test_reloads_under_load(cluster, tmp_path, threads):
    servers = cluster.add_servers(4)
    for server in servers:
        bench_load.load(server, "--fill", "-r", KEYS, "-n", 100)
    proxy = cluster.start_proxy_with([{"name": "x", "servers": harness.server_lines(servers)}],
                                     threads=threads)
    load = bench_load.Load(tmp_path, proxy.endpoint, "-r", KEYS, "--rate", RATE, "-c", 50, "--mix",
                           "get:6,set:2,mget10:1", "--seconds", 600)
    try:
        served = servers[0].client().info("stats")["total_commands_processed"]
        harness.wait_until(
            lambda: servers[0].client().info("stats")["total_commands_processed"] > served + RATE,
            "load", deadline=60)
        pools = variants(proxy, servers)
        for _ in range(RELOADS):
            began = time.monotonic()
            log = proxy.reload(next(pools))
            assert "reloaded: " in log and "nothing has changed" not in log, log
            harness.wait_until(lambda started=began: time.monotonic() - started > 0.05, "a while")
    finally:
        load.interrupt()
    counts = load.finish()["counts"]
    bad = {name: counts[name] for name in ("errors", "mismatches", "lost", "misses",
                                           "connections_lost")}
    assert not any(bad.values()), f"{bad}\n{load.out}\n{proxy.stderr()[-3000:]}"
