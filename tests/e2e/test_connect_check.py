"""`ringfold -t --connect` asks each server, and warns of those that would not serve their pool."""

import contextlib
import socket
import threading

import pytest

import harness

PASSWORD = "correct horse"


def check(cluster, lines, *arguments, **pool):
    """Runs it on a pool of these servers, one a line of the file from the sixth on. Its warnings,
    by line, without their beginning; the file is still good, and no secret is shown."""
    path = cluster.directory / "checked.toml"
    keys = [f"{key} = {harness.toml_value(value)}" for key, value in pool.items()]
    text = ["[[pool]]", 'name = "main"', 'listen = "127.0.0.1:22121"', *keys]
    text += [""] * (4 - len(text)) + ["servers = ["]
    first_line = len(text) + 1
    text += [f"  {harness.toml_value(line)}," for line in lines] + ["]"]
    path.write_text("\n".join(text) + "\n")
    done = harness.ringfold("-t", "--connect", "-c", path, *arguments)
    assert done.returncode == 0
    assert done.stdout == f"{path}: configuration ok\n"
    assert PASSWORD not in done.stderr
    warnings = {}
    for warning in done.stderr.splitlines():
        place, _, words = warning.partition(": warning: ")
        line = int(place.removeprefix(f"{path}:").partition(":")[0])
        assert place == f"{path}:{line}:3"
        assert line - first_line not in warnings
        start = 'pool "main": server '
        assert words.startswith(start)
        warnings[line - first_line] = words.removeprefix(start)
    return warnings


@contextlib.contextmanager
def answering(reply, backlog=8):
    """A server that says this to each that connects; None: nothing, and it does not accept."""
    with socket.create_server(("127.0.0.1", 0), backlog=backlog) as listener:
        def serve():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    request = connection.recv(1000)
                    connection.sendall(request if reply == b"echo" else reply)

        server = threading.Thread(target=serve)
        if reply is not None:
            server.start()
        try:
            yield "127.0.0.1:%d" % listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            if reply is not None:
                server.join()


def test_servers_that_answer_are_not_named(cluster):
    servers = [cluster.add_server(), cluster.add_server(unix=True)]
    assert check(cluster, harness.server_lines(servers), database=3) == {}
    caches = [cluster.add_memcached(), cluster.add_memcached(unix=True)]
    assert check(cluster, harness.server_lines(caches), protocol="memcached") == {}


def test_each_that_does_not_is_named_with_its_place_and_reason(cluster):
    alive = cluster.add_server()
    refused = f"127.0.0.1:{harness.free_port()}"
    missing = cluster.directory / "missing.sock"
    with answering(None) as silent, answering(b"") as closing:
        warnings = check(cluster, [f"{refused}:1 away", f"{alive.address}:1 alive",
                                   f"{missing}:1 gone", f"{silent}:1 silent",
                                   f"{closing}:1 closing", "no-such.host.invalid:6379:1 unnamed"],
                         connect_timeout_ms=300)
    assert warnings.pop(0) == f'"away" at {refused}: cannot connect: Connection refused'
    assert warnings.pop(2) == (f'"gone" at unix:{missing}: cannot connect: No such file or '
                               'directory')
    assert warnings.pop(3) == (f'"silent" at {silent}: connected, but no answer to PING within '
                               '300 ms (connect_timeout_ms)')
    assert warnings.pop(4) == f'"closing" at {closing}: it closed the connection after PING'
    assert warnings.pop(5).startswith('"unnamed" at no-such.host.invalid:6379: ')
    assert not warnings


def test_an_address_that_drops_everything(cluster):
    with answering(None, backlog=0) as full, contextlib.ExitStack() as stack:
        host, _, port = full.rpartition(":")
        for _ in range(8):  # what fills the queue stays in it
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex((host, int(port)))
        warnings = check(cluster, [f"{full}:1 hole"], connect_timeout_ms=300)
    assert warnings == {0: f'"hole" at {full}: no connection within 300 ms (connect_timeout_ms)'}


def test_passwords_and_databases(cluster):
    locked = cluster.add_server(options=["--requirepass", PASSWORD, "--databases", 4])
    lines = harness.server_lines([locked])
    start = f'"alpha" at {locked.address}: '
    assert check(cluster, lines, password=PASSWORD) == {}
    assert check(cluster, lines) == {
        0: start + "it wants a password, and the pool has none (password)"}
    wrong = check(cluster, lines, password="not it")
    assert wrong.pop(0).startswith(start + 'it refuses the password: "-WRONGPASS')
    beyond = check(cluster, lines, password=PASSWORD, database=4)
    assert beyond.pop(0).startswith(start + 'it refuses database 4: "-ERR DB index is out of range')


@pytest.mark.parametrize("reply", [b"-ERR bad: %s\r\n", b"%s\r\n", b"echo"])
def test_a_server_that_repeats_the_password_does_not_make_it_seen(cluster, reply):
    with answering(reply.replace(b"%s", PASSWORD.encode())) as mirror:
        warnings = check(cluster, [f"{mirror}:1 mirror"], password=PASSWORD)
    assert len(warnings) == 1


def test_the_wrong_protocol(cluster):
    cache = cluster.add_memcached()
    server = cluster.add_server()
    lines = harness.server_lines([cache])
    assert check(cluster, lines) == {
        0: f'"alpha" at {cache.address}: it does not speak Redis\' protocol, but says "ERROR"; a '
           "memcached? (protocol)"}
    warnings = check(cluster, harness.server_lines([server]), protocol="memcached")
    assert warnings[0].startswith(
        f'"beta" at {server.address}: it does not speak memcached\'s text protocol, but says "-ERR')
    assert warnings[0].endswith("; a Redis? (protocol)")
    with answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as web:
        assert check(cluster, [f"{web}:1 web"]) == {
            0: f'"web" at {web}: it does not speak Redis\' protocol, but says "HTTP/1.1 400 Bad '
               'Request"'}


def test_many_at_once(cluster):
    """One after the other, the silent ones would take five minutes."""
    with answering(None, backlog=512) as silent:
        lines = [f"{silent}:1 s{index}" for index in range(300)]
        path = cluster.directory / "many.toml"
        path.write_text(harness.toml({}, [{"name": "main", "listen": "127.0.0.1:22121",
                                           "connect_timeout_ms": 1000, "servers": lines}]))
        done = harness.ringfold("-t", "--connect", "-c", path)
    assert done.returncode == 0
    assert done.stderr.count("connected, but no answer to PING") == 300


def test_it_goes_with_t_only(cluster):
    done = harness.ringfold("--connect", "-c", cluster.directory / "x.toml")
    assert done.returncode == 2
    assert "--connect goes with -t" in done.stderr
