"""The clients people use: pymemcache, pylibmc (libmemcached), and memccapable's tests."""

import re
import shutil
import subprocess

import pytest

import harness

MEMCCAPABLE = shutil.which("memccapable")

pytestmark = pytest.mark.skipif(harness.MEMCACHED is None, reason="memcached is not installed "
                                                                  "(Debian: apt install memcached)")


@pytest.fixture(params=["one", "four"])
def pool(request):
    return request.getfixturevalue(f"memcached_{request.param}")


def test_pymemcache(pool):
    base = pytest.importorskip("pymemcache.client.base", reason="pymemcache is not installed "
                               "(Debian: apt install python3-pymemcache)")
    client = base.Client(pool.proxy.endpoint, timeout=30, connect_timeout=30, default_noreply=False)
    names = [f"{index}-in-front" for index in range(500)]
    assert client.set_many({name: name.upper() for name in names}) == []
    assert client.get_many(names) == {name: name.upper().encode() for name in names}
    assert client.get("none", default="absent") == "absent"
    value, unique = client.gets(names[0])
    assert client.cas(names[0], "new", unique) is True
    assert client.cas(names[0], "newer", unique) is False
    assert client.cas("none", "x", b"1") is None
    assert value == names[0].upper().encode()
    assert client.add("n", "10") and not client.add("n", "11")
    assert client.incr("n", 5) == 15 and client.decr("n", 6) == 9
    assert client.incr("none", 1) is None
    assert client.append("n", "9") and client.prepend("n", "9")
    assert client.get("n") in (b"999", b"99 9")  # memcached may pad a number that shrank
    assert client.touch("n", 100)
    assert client.delete("n") and not client.delete("n")
    assert client.delete_many(names)
    assert client.get_many(names) == {}
    client.set("quiet", "x", noreply=True)
    assert client.get("quiet") == b"x"
    assert re.fullmatch(rb"[0-9.]+", client.version())
    assert len(client.stats()) > 10
    assert client.flush_all()
    assert client.get("quiet") is None
    client.close()


def test_pylibmc(pool):
    pylibmc = pytest.importorskip("pylibmc", reason="pylibmc is not installed (Debian: apt install "
                                                    "python3-pylibmc)")
    host, port = pool.proxy.endpoint
    client = pylibmc.Client([f"{host}:{port}"], behaviors={"cas": True, "tcp_nodelay": True})
    names = [f"{index}-in-front" for index in range(500)]
    assert client.set_multi({name: {"name": name} for name in names}) == []
    assert client.get_multi(names) == {name: {"name": name} for name in names}
    value, unique = client.gets(names[0])
    assert value == {"name": names[0]}
    assert client.cas(names[0], [1, 2.5, "three"], unique)
    assert client.get(names[0]) == [1, 2.5, "three"]
    assert client.add("n", 10) and not client.add("n", 11)
    assert client.incr("n", 5) == 15 and client.decr("n", 6) == 9
    with pytest.raises(pylibmc.NotFound):
        client.incr("none")
    assert client.replace("n", 1) and client.get("n") == 1
    assert client.set("text", b"b") and client.append("text", b"c") and client.prepend("text", b"a")
    assert client.get("text") == b"abc"
    assert client.delete("text") and not client.delete("text")
    assert client.get("none") is None
    assert client.set("large", b"x" * 900000) and client.get("large") == b"x" * 900000
    assert client.delete_multi(names)
    assert client.flush_all()
    assert client.get("n") is None
    client.disconnect_all()


def capable(endpoint):
    """The results of memccapable's ascii tests by name."""
    host, port = endpoint
    done = subprocess.run([MEMCCAPABLE, "-h", host, "-p", str(port), "-a", "-t", "30"],
                          capture_output=True, text=True, timeout=120, check=False)
    results = dict(re.findall(r"^(ascii [\w ]+?)\s+\[(\w+)\]", done.stdout + done.stderr,
                              re.MULTILINE))
    assert len(results) > 20, done.stdout + done.stderr
    return results


@pytest.mark.skipif(MEMCCAPABLE is None, reason="memccapable is not installed (Debian: apt install "
                                                "libmemcached-tools)")
def test_memccapable(memcached_one):
    direct = capable(memcached_one.servers[0].endpoint)
    assert "pass" in direct.values()
    assert capable(memcached_one.proxy.endpoint) == direct
