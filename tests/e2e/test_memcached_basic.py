"""What an application of memcached sees: each classic and meta command, gets over several servers,
commands to all servers, what the proxy answers or refuses itself."""

import base64
import re
import socket

import pytest

import harness
import wire
from memcached_wire import blocks, line, meta_set, store, values

pytestmark = pytest.mark.skipif(harness.MEMCACHED is None, reason="memcached is not installed "
                                                                  "(Debian: apt install memcached)")

MIB = 1 << 20
BAD_LINE = b"CLIENT_ERROR bad command line format\r\n"


@pytest.fixture(params=["one", "four"])
def pool(request):
    return request.getfixturevalue(f"memcached_{request.param}")


@pytest.fixture
def client(pool):
    with pool.proxy.memcached() as own:
        yield own


def in_front(count):
    """Keys that all servers get a share of: fnv1a_64 keeps neighbours together that differ in
    their last characters only. No "-": memcached 1.6.18 takes a number from 2^63 on for none when
    one is left in the memory behind it."""
    return [b"%d:in_front" % index for index in range(count)]


def holder(cluster, key):
    """The one server that holds the key."""
    found = []
    for server in cluster.servers:
        with server.raw() as direct:
            if direct.get(key):
                found.append(server.name)
    assert len(found) == 1, found
    return found[0]


def unique(client, key):
    found, _ = blocks(client.call("gets", key))
    return int(found[0][0][4])


# Classic commands


def test_storage_commands(client):
    assert client.ask(store("add", "a", "one", flags=4294967295)) == b"STORED\r\n"
    assert client.ask(store("add", "a", "two")) == b"NOT_STORED\r\n"
    assert client.ask(store("replace", "a", "two", flags=7)) == b"STORED\r\n"
    assert client.ask(store("replace", "none", "x")) == b"NOT_STORED\r\n"
    assert client.ask(store("append", "a", "-behind")) == b"STORED\r\n"
    assert client.ask(store("prepend", "a", "before-")) == b"STORED\r\n"
    assert client.ask(store("append", "none", "x")) == b"NOT_STORED\r\n"
    assert client.call("get", "a") == b"VALUE a 7 17\r\nbefore-two-behind\r\nEND\r\n"
    assert client.set("a", "") == b"STORED\r\n"
    assert client.call("get", "a") == b"VALUE a 0 0\r\n\r\nEND\r\n"
    assert client.set("a", "gone", exptime=-1) == b"STORED\r\n"
    assert client.call("get", "a") == b"END\r\n"


def test_cas(client):
    assert client.ask(store("cas", "a", "x", 1)) == b"NOT_FOUND\r\n"
    client.set("a", "first")
    before = unique(client, "a")
    assert client.ask(store("cas", "a", "second", before)) == b"STORED\r\n"
    assert client.ask(store("cas", "a", "third", before)) == b"EXISTS\r\n"
    assert client.ask(store("cas", "a", "third", (1 << 64) - 1)) == b"EXISTS\r\n"
    assert unique(client, "a") > before
    assert client.get("a") == [(b"a", b"second")]
    found, last = blocks(client.call("gats", 0, "a", "none"))
    assert found == [([b"VALUE", b"a", b"0", b"6", b"%d" % unique(client, "a")], b"second")]
    assert last == b"END\r\n"


def test_numbers_delete_and_touch(client):
    assert client.call("incr", "n", 1) == b"NOT_FOUND\r\n"
    client.set("n", "18446744073709551615")
    assert client.call("incr", "n", 1) == b"0\r\n"
    assert client.call("incr", "n", 41) == b"41\r\n"
    assert client.call("decr", "n", 50) == b"0\r\n"
    assert client.call("incr", "n", "x") == b"CLIENT_ERROR invalid numeric delta argument\r\n"
    assert client.call("touch", "n", 1000) == b"TOUCHED\r\n"
    assert client.call("touch", "none", 1000) == b"NOT_FOUND\r\n"
    assert client.call("mg", "n", "t") in (b"HD t1000\r\n", b"HD t999\r\n")
    assert client.call("gat", 2000, "n", "none")[-5:] == b"END\r\n"
    assert client.call("mg", "n", "t") in (b"HD t2000\r\n", b"HD t1999\r\n")
    assert client.call("delete", "n") == b"DELETED\r\n"
    assert client.call("delete", "n", 0) == b"NOT_FOUND\r\n"
    client.set("n", "1")
    assert client.call("touch", "n", -1) == b"TOUCHED\r\n"
    assert client.call("get", "n") == b"END\r\n"
    client.set("text", "x")
    assert client.call("incr", "text", 1) == (
        b"CLIENT_ERROR cannot increment or decrement non-numeric value\r\n")


def test_noreply_is_silent_and_done(client):
    client.set("n", "5")
    client.set("gone", "x")
    client.silence(store("set", "a", "a", "noreply") + store("add", "b", "b", "noreply")
                   + store("add", "b", "no", "noreply") + store("replace", "a", "A", "noreply")
                   + store("append", "a", ">", "noreply") + store("prepend", "a", "<", "noreply")
                   + store("cas", "a", "no", 1, "noreply") + line("incr", "n", 3, "noreply")
                   + line("decr", "n", 1, "noreply") + line("incr", "a", "x", "noreply")
                   + line("delete", "gone", "noreply") + line("delete", "gone", 0, "noreply")
                   + line("touch", "b", 100, "noreply") + line("verbosity", 0, "noreply"))
    assert client.get("a", "b", "n", "gone") == [(b"a", b"<A>"), (b"b", b"b"), (b"n", b"7")]
    client.silence(line("flush_all", "noreply"))
    assert client.get("a", "b", "n") == []


def test_flush_all_reaches_all_servers(pool, client):
    keys = in_front(100)
    fill = [store("set", key, key) for key in keys]
    assert set(client.pipeline(fill)) == {b"STORED\r\n"}
    assert client.call("flush_all", "x") == b"CLIENT_ERROR invalid exptime argument\r\n"
    assert client.call("flush_all", 100) == b"OK\r\n"
    client.silence(line("flush_all", 100, "noreply"))
    assert len(client.get(*keys)) == 100  # not yet
    assert client.call("flush_all", 0) == b"OK\r\n"
    for server in pool.servers:
        with server.raw() as direct:
            assert direct.get(*keys) == []


def test_delayed_flush_all_comes(pool, client):
    keys = in_front(40)
    client.pipeline([store("set", key, key) for key in keys])
    assert client.call("flush_all", 2) == b"OK\r\n"
    harness.wait_until(lambda: client.get(*keys) == [], "the delayed flush")
    assert client.set(keys[0], "new") == b"STORED\r\n"


def test_stats_names_the_server(pool, client):
    alone = len(pool.servers) == 1
    for kind in ([], ["items"], ["slabs"], ["settings"]):
        client.pipeline([store("set", key, key) for key in in_front(100)])
        lines = client.call("stats", *kind).split(b"\r\n")
        assert lines[-2:] == [b"END", b""]
        for server in pool.servers:
            prefix = b"STAT " if alone else b"STAT " + server.name.encode() + b":"
            with server.raw() as direct:
                expected = [item[5:].split(b" ")[0] for item in
                            direct.call("stats", *kind).split(b"\r\n") if item.startswith(b"STAT")]
            names = [item[len(prefix):].split(b" ")[0] for item in lines if item.startswith(prefix)]
            assert names == expected
            assert expected
    assert client.call("stats", "reset") == b"RESET\r\n"
    for server in pool.servers:
        with server.raw() as direct:
            assert b"STAT cmd_set 0\r\n" in direct.call("stats")


def test_version_verbosity_and_quit(client):
    assert re.fullmatch(rb"VERSION [0-9.]+\r\n", client.call("version"))
    assert client.call("verbosity", 0) == b"OK\r\n"
    assert client.call("verbosity") == b"ERROR\r\n"
    client.send(line("set", "a", 0, 0, 1) + b"x\r\n" + line("get", "a") + line("quit")
                + line("get", "a"))
    assert client.read_to_end() == b"STORED\r\nVALUE a 0 1\r\nx\r\nEND\r\n"


def test_quit_behind_silence_closes(client):
    """The last answers before the end are ones that nobody sees."""
    client.send(b"".join(store("set", key, key, "noreply") for key in in_front(1000))
                + line("mg", "none", "q") + line("quit"))
    assert client.read_to_end() == b""


# Gets of many keys


def test_gets_answer_in_the_order_of_the_keys(client):
    keys = in_front(500)
    client.pipeline([store("set", key, b"value of " + key) for key in keys])
    order = keys[::-1] + [b"missing-1"] + keys[::7] + keys[:1] * 3 + [b"missing-2", keys[9]]
    expected = [(key, b"value of " + key) for key in order if not key.startswith(b"missing")]
    assert client.get(*order) == expected
    for name in (["gets"], ["gat", 0], ["gats", 0], ["bget"]):
        found, last = blocks(client.call(*name, *order))
        assert [(words[1], data) for words, data in found] == expected
        assert {len(words) for words, _ in found} == {5 if name[0].endswith("s") else 4}
        assert last == b"END\r\n"
    assert client.get(*[b"missing-%d" % index for index in range(100)]) == []


def test_get_of_five_thousand_keys(client):
    keys = in_front(5000)
    client.pipeline([store("set", key, key) for key in keys])
    assert client.get(*keys) == [(key, key) for key in keys]
    replies = client.pipeline([line("get", *keys[::-1]), line("get", keys[0]),
                               line("gets", *keys), line("gats", 0, *keys)])
    assert values(replies[0]) == [(key, key) for key in keys[::-1]]
    assert values(replies[1]) == [(keys[0], keys[0])]
    assert len(values(replies[2])) == 5000
    assert values(replies[3]) == values(replies[2])


def stat(direct, name):
    return int(re.search(rb"STAT %s (\d+)\r\n" % name, direct.call("stats"))[1])


def test_a_long_gat_touches_each_key_once(pool, client):
    """A memcached alone would close the connection at such a line when it comes in pieces."""
    keys = in_front(1000)
    client.pipeline([store("set", key, key, exptime=100) for key in keys])
    counters = [(server.raw(), []) for server in pool.servers]
    for direct, before in counters:
        before += [stat(direct, b"cmd_touch"), stat(direct, b"total_connections")]
    request = line("gat", 2000, *keys)
    chunks = [request[at : at + 1000] for at in range(0, len(request), 1000)]
    reply, behind = client.all_replies([*chunks, line("mn")])
    assert values(reply) == [(key, key) for key in keys]
    assert behind == b"MN\r\n"
    touched = 0
    for direct, (touches, connections) in counters:
        touched += stat(direct, b"cmd_touch") - touches
        assert stat(direct, b"total_connections") == connections
        direct.close()
    assert touched == len(keys)
    left = client.pipeline([line("mg", key, "t") for key in keys])
    assert all(1900 < int(words[4:-2]) <= 2000 for words in left)
    # The first of the two takes the item away from the second.
    twice = keys[:1] + [b"%d:none" % index for index in range(500)] + keys[:1]
    assert values(client.call("gat", -1, *twice)) == [(keys[0], keys[0])]


def test_gets_of_every_length_around_the_longest_line(client):
    client.set("a", "x")
    for name in (["get"], ["gets"], ["bget"], ["gat", 0], ["gats", "0" * 250]):
        for end in (b"\n", b"\r\n"):
            for length in range(2044, 2056):
                head = line(*name, "a")[:-2]
                middle = b" none" * ((length - len(head) - len(end) - 60) // 5)
                rest = length - len(head) - len(middle) - len(end) - len(b"  a")
                request = head + middle + b" " + b"n" * rest + b" a" + end
                assert len(request) == length
                reply, behind = client.all_replies([request + line("get", "none")])
                assert values(reply) == [(b"a", b"x")] * 2
                assert behind == b"END\r\n"
    assert client.call("gat", "0" * 251, "a") == BAD_LINE


def test_the_lines_of_a_long_gat(cluster):
    """What a server hears: lines that it takes, each as long as it can be."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(wire.REPLY_DEADLINE)
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        proxy = cluster.start_proxy(protocol="memcached", servers=[f"{address}:1 alpha"])
        server, _ = listener.accept()
        with server, proxy.memcached() as client:
            server.settimeout(wire.REPLY_DEADLINE)
            keys = [b"%d:" % index + b"k" * (index * 7 % 240) for index in range(300)]
            client.send(b"gats   +100  " + b"  ".join(keys) + b"\n")
            heard = b""
            while not heard.endswith(b" " + keys[-1] + b"\r\n"):
                data = server.recv(1 << 16)
                assert data
                heard += data
            lines = heard.splitlines(keepends=True)
            asked = [text.split()[2:] for text in lines]
            assert all(text.startswith(b"gats +100 ") and len(text) <= 2048 for text in lines)
            assert [key for part in asked for key in part] == keys
            for text, following in zip(lines, asked[1:]):
                assert len(text) + 1 + len(following[0]) > 2048
            hits = [b"VALUE %s 0 1 7\r\nx\r\n" % key for part in asked for key in part[1:3]]
            server.sendall(b"".join(b"".join(hits[2 * index : 2 * index + 2]) + b"END\r\n"
                                    for index in range(len(lines))))
            assert client.reply() == b"".join(hits) + b"END\r\n"


@pytest.mark.heavy
def test_a_gat_of_too_many_keys(memcached_one):
    """65,536 lines of eight keys are the most."""
    keys = [b"%0250d" % index for index in range(8 * 65536 + 1)]
    with memcached_one.proxy.memcached() as client:
        client.set(keys[-2], "x")
        assert client.call("gat", 0, *keys[:-1]) == (
            b"VALUE %s 0 1\r\nx\r\nEND\r\n" % keys[-2])
        assert client.call("gat", 0, *keys) == (
            b"CLIENT_ERROR ringfold: too many keys in one command\r\n")
        assert client.get(keys[-2]) == [(keys[-2], b"x")]


def test_large_values_in_a_get_of_many(client):
    keys = in_front(12)
    for key in keys:
        client.set(key, key * 40000)
    assert client.get(*keys) == [(key, key * 40000) for key in keys]


# Meta commands


def test_meta_commands(client):
    assert client.ask(meta_set("a", "hello", "k", "O1", "F5", "T100")) == b"HD ka O1\r\n"
    assert client.call("mg", "a", "s", "v", "f", "k", "Oxyz") == b"VA 5 s5 f5 ka Oxyz\r\nhello\r\n"
    assert client.call("mg", "a") == b"HD\r\n"
    assert client.call("mg", "none", "v", "k", "O2") == b"EN knone O2\r\n"
    assert client.ask(meta_set("a", "x", "ME")) == b"NS\r\n"
    assert client.ask(meta_set("a", "!", "MA")) == b"HD\r\n"
    assert client.ask(meta_set("none", "x", "MR", "O3")) == b"NS O3\r\n"
    assert client.call("mg", "a", "v") == b"VA 6\r\nhello!\r\n"
    assert client.ask(meta_set("a", "x", "C1")) == b"EX\r\n"
    assert client.call("ma", "n", "N0", "J41", "v") == b"VA 2\r\n41\r\n"
    assert client.call("ma", "n", "v", "O4") == b"VA 2 O4\r\n42\r\n"
    assert client.call("ma", "n", "MD", "D2", "v") == b"VA 2\r\n40\r\n"
    assert client.call("ma", base64.b64encode(b"n"), "b", "v") == b"VA 2\r\n41\r\n"
    assert client.call("ma", "none", "O5") == b"NF O5\r\n"
    assert client.call("md", "n", "k", "O6") == b"HD kn O6\r\n"
    assert client.call("md", "n", "O6") == b"NF O6\r\n"
    assert client.call("me", "none") == b"EN\r\n"
    assert re.fullmatch(rb"ME a exp=-\d+ la=\d+ cas=\d+ fetch=yes cls=\d+ size=\d+\r\n",
                        client.call("me", "a"))
    assert client.call("mg", "vivid", "N100", "v") == b"VA 0 W\r\n\r\n"
    assert client.call("mg", "vivid", "N100", "v") == b"VA 0 Z\r\n\r\n"
    assert client.call("md", "a", "I", "T100") == b"HD\r\n"
    assert client.call("mg", "a", "v") == b"VA 6 X W\r\nhello!\r\n"
    assert client.call("mn") == b"MN\r\n"


def test_quiet_meta_commands_are_silent(client):
    client.set("n", 5)
    client.silence(line("mg", "none", "v", "q") + meta_set("a", "x", "q", "O1")
                   + line("md", "a", "q") + line("ma", "n", "q") + line("ma", "n", "v", "q"))
    assert client.get("a", "n") == [(b"n", b"7")]
    replies = client.all_replies([
        line("mg", "n", "v", "q", "O1") + meta_set("n", "no", "ME", "q", "O2")
        + line("md", "none", "q", "O3") + line("ma", "none", "q", "O4")
        + meta_set("n", "no", "C1", "q", "k")])
    assert replies[:2] == [b"VA 1 O1\r\n7\r\n", b"NS O2\r\n"]
    assert replies[-1] == b"EX kn\r\n"


def test_mn_comes_behind_everything_before_it(client):
    keys = in_front(300)
    client.pipeline([store("set", key, key) for key in keys[::3]])
    requests = b"".join(line("mg", key, "v", "q", "k") for key in keys)
    client.send(requests + line("mn") + line("mn") + requests + line("mn"))
    hits = [b"VA %d k%s\r\n%s\r\n" % (len(key), key, key) for key in keys[::3]]
    assert client.replies(len(hits) * 2 + 3) == hits + [b"MN\r\n"] * 2 + hits + [b"MN\r\n"]


def test_base64_keys_are_the_plain_ones(pool, client):
    for key in in_front(50):
        coded = base64.b64encode(key)
        assert client.ask(meta_set(coded, b"by base64", "b")) == b"HD\r\n"
        assert client.get(key) == [(key, b"by base64")]
        client.set(key, "plain")
        assert client.call("mg", coded, "v", "b") == b"VA 5\r\nplain\r\n"
        assert holder(pool, key)
    binary = base64.b64encode(b"\x01\x02 \xff")
    assert client.ask(meta_set(binary, "any bytes", "b", "k")) == b"HD k" + binary + b" b\r\n"
    assert client.call("mg", binary, "b", "k", "v") == (
        b"VA 9 k" + binary + b" b\r\nany bytes\r\n")
    assert client.call("mg", "abc", "b") == b"CLIENT_ERROR error decoding key\r\n"


# What is refused, and strictness


@pytest.mark.parametrize("words", [
    ["lru_crawler", "enable"], ["slabs", "reassign", 1, 2], ["shutdown"], ["watch", "mutations"],
    ["lru", "mode", "flat"], ["cache_memlimit", 100], ["refresh_certs"],
    ["stats", "cachedump", 1, 1]])
def test_commands_for_one_server_are_refused(pool, client, words):
    reply = client.call(*words)
    assert re.fullmatch(rb"CLIENT_ERROR ringfold: [^\r]+\r\n", reply)
    assert client.set("a", "x") == b"STORED\r\n"
    for server in pool.servers:
        assert server.process.poll() is None


def test_binary_protocol_is_refused_and_closed(pool):
    with pool.proxy.memcached() as client:
        client.send(b"\x80\x0b" + b"\0" * 22)
        reply = client.read_to_end()
    assert reply.startswith(b"CLIENT_ERROR ringfold: ") and reply.endswith(b"\r\n")
    assert b"binary" in reply
    with pool.proxy.memcached() as client:
        client.send(store("set", "a", "x") + b"\x80\0\0\0get a\r\n")
        reply = client.read_to_end()
    assert reply.startswith(b"STORED\r\nCLIENT_ERROR ringfold: ")


def test_long_keys_and_lines(pool, client):
    for key in (b"k" * 250,):
        assert client.set(key, "x") == b"STORED\r\n"
        assert client.get(key) == [(key, b"x")]
    key = b"k" * 251
    assert client.call("get", key) == BAD_LINE
    assert client.call("get", "a", key, "b") == BAD_LINE
    assert client.call("mg", key, "v") == BAD_LINE
    assert client.call("touch", key, 0) == BAD_LINE
    assert client.call("delete", key) == BAD_LINE
    # The data of a set that is refused so is not swallowed, as in memcached.
    client.send(store("set", key, "version"))
    assert client.reply() == BAD_LINE
    assert client.reply().startswith(b"VERSION ")
    client.send(b"x" * 5000)
    assert client.read_to_end().startswith(b"CLIENT_ERROR ringfold: ")


def test_control_bytes_stay_out_of_keys(pool, client):
    client.set("a", "x")
    for byte in (b"\0", b"\x01", b"\t", b"\r", b"\x0b", b"\x1f", b"\x7f"):
        replies = client.all_replies([b"get a" + byte + b"b\r\n" + line("get", "a")])
        assert replies == [BAD_LINE, b"VALUE a 0 1\r\nx\r\nEND\r\n"]
        replies = client.all_replies([b"set a" + byte + b"b 0 0 1\r\nx\r\n"])
        assert replies[0] == BAD_LINE


def test_no_command_of_the_client_hides_in_a_key(pool, client):
    """A lone LF ends a line, as in memcached: what follows is a command of the client's own, not
    one hidden from the proxy."""
    client.set("a", "x")
    assert client.all_replies([b"get a\nget none\n"]) == [b"VALUE a 0 1\r\nx\r\nEND\r\n",
                                                         b"END\r\n"]
    for hidden in (b"get a\rflush_all\r\n", b"mg a v\rflush_all\r\n", b"incr a 1\rflush_all\r\n",
                   b"get a\0\rflush_all\r\n", b"touch a 0\rflush_all\r\n"):
        client.all_replies([hidden])
        assert client.get("a") == [(b"a", b"x")]
    injected = base64.b64encode(b"a\r\nflush_all\r\n")
    client.all_replies([line("mg", injected, "b", "v", "k")
                        + meta_set(injected, "data", "b", "k") + line("me", injected, "b")])
    assert client.get("a") == [(b"a", b"x")]


@pytest.mark.parametrize("request_bytes, expected", [
    (b"set a 0 0 3\r\nabcdef\r\n", [b"CLIENT_ERROR bad data chunk\r\n", b"ERROR\r\n"]),
    (b"set a 0 0 6\r\nabc\r\n\r\n\r\n", [b"CLIENT_ERROR bad data chunk\r\n"]),
    (b"set a 0 0 -1\r\n", [BAD_LINE]), (b"set a 0 0 x\r\n", [BAD_LINE]),
    (b"set a x 0 1\r\n", [BAD_LINE]), (b"set a 0 x 1\r\n", [BAD_LINE]),
    (b"set a 0 0\r\n", [b"ERROR\r\n"]),
    (b"get\r\n", [b"ERROR\r\n"]), (b"\r\n", [b"ERROR\r\n"]), (b"GET a\r\n", [b"ERROR\r\n"]),
    (b"nonsense a b\r\n", [b"ERROR\r\n"]), (b"incr a\r\n", [b"ERROR\r\n"]),
    (b"touch a x\r\n", [b"CLIENT_ERROR invalid exptime argument\r\n"]),
    (b"gat x a\r\n", [b"CLIENT_ERROR invalid exptime argument\r\n"]),
    (b"mg a v v\r\n", [b"CLIENT_ERROR duplicate flag\r\n"]),
    (b"delete a 5\r\n",
     [b"CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]\r\n"]),
], ids=repr)
def test_mistakes_are_told_as_memcached_tells_them(pool, client, request_bytes, expected):
    with pool.servers[0].raw() as direct:
        assert direct.all_replies([request_bytes])[:len(expected)] == expected
        assert client.all_replies([request_bytes]) == direct.all_replies([request_bytes])
    assert client.set("a", "x") == b"STORED\r\n"


@pytest.mark.parametrize("size", [0, 1, 2047, 16383, 16384, 65536, 262144, 1000000, MIB - 200])
def test_values_of_any_size(client, size):
    data = bytes(range(256)) * (size // 256 + 1)
    data = data[:size]
    assert client.set("a", data) == b"STORED\r\n"
    assert client.get("a", "none") == [(b"a", data)]
    assert client.ask(meta_set("b", data)) == b"HD\r\n"
    assert client.call("mg", "b", "v") == b"VA %d\r\n%s\r\n" % (size, data)
    client.silence(store("set", "c", data, "noreply"))
    assert client.get("c", "a", "b") == [(key, data) for key in (b"c", b"a", b"b")]


def test_values_too_large_for_the_server(client):
    client.set("a", "x")
    too_large = b"SERVER_ERROR object too large for cache\r\n"
    assert client.set("a", b"x" * (MIB + 1)) == too_large
    assert client.all_replies([meta_set("b", b"x" * (2 * MIB)) + line("mn")]) == [
        too_large, b"MN\r\n"]
    assert client.get("a", "b") == []  # memcached drops the old value, too


def test_values_of_four_mebibytes(cluster):
    cluster.add_memcacheds(2, options=["-I", "8m"])
    proxy = cluster.start_proxy(protocol="memcached")
    keys = in_front(6)
    with proxy.memcached() as client:
        for key in keys:
            data = key * (4 * MIB // len(key))
            assert client.set(key, data) == b"STORED\r\n"
            assert client.get(key) == [(key, data)]
        assert client.get(*keys[:3]) == [(key, key * (4 * MIB // len(key))) for key in keys[:3]]


def flood(client, count):
    """count sets without an answer, then one get that must see all of them."""
    for start in range(0, count, 10000):
        client.send(b"".join(store("set", b"%d" % (index % 1000), index, "noreply")
                             for index in range(start, start + 10000)))
    keys = [b"%d" % key for key in range(1000)]
    assert client.get(*keys) == [(key, b"%d" % (count - 1000 + index))
                                 for index, key in enumerate(keys)]


def test_noreply_flood(pool, client):
    before = pool.proxy.rss()
    flood(client, 200000)
    assert pool.proxy.rss() - before < 64 * MIB


@pytest.mark.heavy
def test_noreply_flood_of_a_million(memcached_four):
    before = memcached_four.proxy.rss()
    with memcached_four.proxy.memcached() as client:
        flood(client, 1000000)
    assert memcached_four.proxy.rss() - before < 64 * MIB
