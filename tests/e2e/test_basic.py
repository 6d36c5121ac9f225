"""What an application sees: plain commands, split commands, commands to all servers, commands the
proxy answers, commands it refuses."""

import re
import time

import pytest
import redis

import wire

HASH_TAG_ERROR = re.compile(r"^ERR ringfold: .*hash tag", re.IGNORECASE)


def spread(cluster):
    """How many keys each server holds."""
    return [server.client().dbsize() for server in cluster.servers]


@pytest.fixture(params=["one", "four"])
def pool(request):
    return request.getfixturevalue(request.param)


def test_data_types_work_through_redis_py(pool):
    client = pool.proxy.client()
    assert client.set("text", "value")
    assert client.get("text") == b"value"
    assert client.incrby("number", 41) == 41
    assert client.incr("number") == 42
    assert client.rpush("list", 1, 2, 3) == 3
    assert client.lrange("list", 0, -1) == [b"1", b"2", b"3"]
    assert client.sadd("set", "a", "b") == 2
    assert client.smembers("set") == {b"a", b"b"}
    assert client.hset("hash", mapping={"field": "value"}) == 1
    assert client.hgetall("hash") == {b"field": b"value"}
    assert client.zadd("sorted", {"low": 1, "high": 2.5}) == 2
    assert client.zrange("sorted", 0, -1, withscores=True) == [(b"low", 1.0), (b"high", 2.5)]
    assert client.xadd("stream", {"field": "value"}, id="1-1") == b"1-1"
    assert client.xrange("stream") == [(b"1-1", {b"field": b"value"})]
    assert client.pfadd("counter", "a", "b") == 1
    assert client.pfcount("counter") == 2
    assert client.geoadd("places", (13.361389, 38.115556, "Palermo")) == 1
    assert client.getbit("text", 1) == 1
    assert client.expire("text", 1000)
    assert 990 <= client.ttl("text") <= 1000
    assert client.type("stream") == b"stream"


def test_values_are_binary_safe(pool):
    client = pool.proxy.client()
    for name in (b"", b"\0", b"\r\n", b"*1\r\n$4\r\nQUIT\r\n", bytes(range(256)), b"{}", b"}{"):
        client.set(name, b"value of " + name)
    for name in (b"", b"\0", b"\r\n", b"*1\r\n$4\r\nQUIT\r\n", bytes(range(256)), b"{}", b"}{"):
        assert client.get(name) == b"value of " + name


def test_pipeline_replies_come_in_order(pool):
    pipeline = pool.proxy.client().pipeline(transaction=False)
    for index in range(5000):
        pipeline.set(f"key-{index}", index)
    for index in range(5000):
        pipeline.get(f"key-{index}")
    replies = pipeline.execute()
    assert replies[:5000] == [True] * 5000
    assert replies[5000:] == [b"%d" % index for index in range(5000)]


def test_local_replies_wait_for_their_turn(four):
    with four.proxy.raw() as client:
        commands = []
        for index in range(100):
            commands += [("SET", f"key-{index}", index), ("PING",), ("GET", f"key-{index}"),
                         ("ECHO", index)]
        expected = []
        for index in range(100):
            bulk = b"$%d\r\n%d\r\n" % (len(str(index)), index)
            expected += [b"+OK\r\n", b"+PONG\r\n", bulk, bulk]
        assert client.pipeline(commands) == expected


def test_keys_spread_over_all_servers(four):
    client = four.proxy.client()
    for index in range(1000):
        client.set(f"{index}-in-front", index)
    assert sum(spread(four)) == 1000
    assert min(spread(four)) > 100


# Split commands


def test_mset_and_mget_answer_in_the_order_of_the_keys(pool):
    client = pool.proxy.client()
    names = [f"key-{index}" for index in range(2000)]
    assert client.mset({name: name.upper() for name in names})
    order = names[::-1] + ["missing"] + names[::7] + names[:1] * 3
    expected = [None if name == "missing" else name.upper().encode() for name in order]
    assert client.mget(order) == expected
    assert sum(spread(pool)) == 2000


def test_mget_answers_null_for_other_types(four):
    client = four.proxy.client()
    client.set("text", "value")
    client.lpush("list", "value")
    assert client.mget("list", "text", "list", "missing") == [None, b"value", None, None]


def test_mset_takes_the_last_value_of_a_repeated_key(pool):
    with pool.proxy.raw() as client:
        assert client.call("MSET", "a", 1, "b", 2, "a", 3) == b"+OK\r\n"
        assert client.value("MGET", "a", "b") == [b"3", b"2"]


@pytest.mark.parametrize("command", ["DEL", "UNLINK", "TOUCH", "EXISTS"])
def test_counting_commands_are_summed(pool, command):
    client = pool.proxy.client()
    names = [f"key-{index}" for index in range(1000)]
    client.mset({name: 1 for name in names})
    with pool.proxy.raw() as raw:
        assert raw.value(command, *names, "missing") == 1000
        left = 0 if command in ("DEL", "UNLINK") else 1000
        assert raw.value("EXISTS", *names) == left


def test_exists_counts_a_repeated_key_each_time(pool):
    with pool.proxy.raw() as client:
        client.call("SET", "a", 1)
        assert client.value("EXISTS", "a", "a", "b", "a") == 3
        assert client.value("DEL", "a", "a", "b") == 1


def test_split_commands_work_in_any_case_and_pipelined(four):
    with four.proxy.raw() as client:
        commands = [("mSeT", *sum(((f"k{j}", f"{i}-{j}") for j in range(20)), ())) if i % 2 == 0
                    else ("MgEt", *(f"k{j}" for j in range(20))) for i in range(200)]
        replies = [wire.parse(raw) for raw in client.pipeline(commands)]
    for i, reply in enumerate(replies):
        expected = b"OK" if i % 2 == 0 else [b"%d-%d" % (i - 1, j) for j in range(20)]
        assert reply == expected


@pytest.mark.parametrize("command", [
    ("MSET", "a"), ("MSET", "a", "1", "b"), ("MSET",), ("MGET",), ("DEL",), ("UNLINK",),
    ("TOUCH",), ("EXISTS",)])
def test_wrong_arity_of_split_commands_reads_as_from_redis(pool, command):
    with pool.proxy.raw() as client, pool.servers[0].raw() as direct:
        assert client.call(*command) == direct.call(*command)
        assert client.call("PING") == b"+PONG\r\n"


# Commands to all servers


def test_dbsize_is_the_sum(pool):
    client = pool.proxy.client()
    client.mset({f"key-{index}": 1 for index in range(500)})
    assert client.dbsize() == 500


def test_flushall_and_flushdb_reach_every_server(pool):
    client = pool.proxy.client()
    for flush in (client.flushall, client.flushdb, lambda: client.flushall(asynchronous=True)):
        client.mset({f"key-{index}": 1 for index in range(200)})
        assert flush()
        assert spread(pool) == [0] * len(pool.servers)


def test_keys_are_joined(pool):
    client = pool.proxy.client()
    client.mset({f"key-{index}": 1 for index in range(500)})
    assert sorted(client.keys("*")) == sorted(b"key-%d" % index for index in range(500))
    assert sorted(client.keys("key-1?")) == [b"key-%d" % index for index in range(10, 20)]
    assert client.keys("nothing*") == []


def test_randomkey_finds_a_key_wherever_it_is(pool):
    client = pool.proxy.client()
    assert client.randomkey() is None
    for index in range(20):
        client.flushall()
        client.set(f"key-{index}", 1)
        assert client.randomkey() == b"key-%d" % index


def test_scan_returns_every_key_exactly_once(pool):
    client = pool.proxy.client()
    names = {b"key-%d" % index for index in range(5000)}
    client.mset({name: 1 for name in names})
    for options in ({}, {"count": 37}, {"count": 1000}, {"count": 100000}):
        found = list(client.scan_iter(**options))
        assert len(found) == len(names)
        assert set(found) == names


def test_scan_keeps_match_and_type(pool):
    client = pool.proxy.client()
    client.mset({f"key-{index}": 1 for index in range(300)})
    for index in range(50):
        client.lpush(f"list-{index}", 1)
    assert sorted(client.scan_iter(match="key-2?")) == [b"key-%d" % i for i in range(20, 30)]
    assert len(set(client.scan_iter(_type="list"))) == 50


def test_scan_of_empty_servers_ends(pool):
    assert list(pool.proxy.client().scan_iter()) == []


@pytest.mark.parametrize("cursor", ["x", "1x", "1.5", " 1", "18446744073709551616"])
def test_scan_refuses_what_is_no_cursor(pool, cursor):
    with pool.proxy.raw() as client:
        assert client.call("SCAN", cursor) == b"-ERR invalid cursor\r\n"


def test_scan_with_a_cursor_of_nobody_is_answered(four):
    """A cursor an application made up: an error or an end, not a crash and not silence."""
    with four.proxy.raw() as client:
        for cursor in ("18446744073709551615", str(1 << 53), str((1 << 54) + 3), "1023"):
            reply = client.value("SCAN", cursor)
            assert isinstance(reply, (list, wire.ErrorReply))
            assert client.call("PING") == b"+PONG\r\n"


def test_scripts_are_loaded_everywhere(pool):
    client = pool.proxy.client()
    digest = client.script_load("return redis.call('GET', KEYS[1])")
    for server in pool.servers:
        assert server.client().script_exists(digest) == [True]
    for index in range(50):
        client.set(f"key-{index}", index)
        assert client.evalsha(digest, 1, f"key-{index}") == b"%d" % index
    assert client.script_exists(digest, "0" * 40) == [True, False]
    pool.servers[-1].client().script_flush()
    assert client.script_exists(digest) == [False]  # on every server or not at all
    assert client.script_flush()
    for server in pool.servers:
        assert server.client().script_exists(digest) == [False]


# Several keys on one server


CROSS_SERVER = [
    ("SINTER", 2), ("SUNION", 2), ("SDIFF", 2), ("PFCOUNT", 2), ("PFMERGE", 3), ("RENAME", 2),
    ("RENAMENX", 2), ("COPY", 2), ("RPOPLPUSH", 2), ("SINTERSTORE", 3), ("LCS", 2)]


def keys_on_different_servers(cluster):
    """Two keys that live apart, found by looking."""
    client = cluster.proxy.client()
    places = {}
    for index in range(100):
        client.set(f"{index}-apart", 1)
        for number, size in enumerate(spread(cluster)):
            if size:
                places.setdefault(number, f"{index}-apart")
        cluster.flush()
        if len(places) == 2:
            return list(places.values())
    raise AssertionError("100 keys on one server")


@pytest.mark.parametrize("command, key_count", CROSS_SERVER)
def test_keys_on_different_servers_are_refused_naming_hash_tags(four, command, key_count):
    near, far = keys_on_different_servers(four)
    with four.proxy.raw() as client:
        keys = ([near, far] * 2)[:key_count]
        assert HASH_TAG_ERROR.match(client.value(command, *keys))
        assert client.call("PING") == b"+PONG\r\n"
    assert spread(four) == [0, 0, 0, 0]


@pytest.mark.parametrize("command", [
    ("ZUNION", 2, "{near}", "{far}"),
    ("ZUNIONSTORE", "{near}", 2, "{near}", "{far}"),
    ("SINTERCARD", 2, "{near}", "{far}"),
    ("LMPOP", 2, "{near}", "{far}", "LEFT"),
    ("EVAL", "return 1", 2, "{near}", "{far}"),
    ("XREAD", "COUNT", 1, "STREAMS", "{near}", "{far}", 0, 0),
    ("MSETNX", "{near}", 1, "{far}", 2),
    ("BITOP", "AND", "{near}", "{far}"),
    ("SMOVE", "{near}", "{far}", "member"),
    ("LMOVE", "{near}", "{far}", "LEFT", "RIGHT"),
    ("GEORADIUS", "{near}", 1, 1, 1, "km", "STORE", "{far}"),
    ("SORT", "{near}", "STORE", "{far}"),
    ("GEOSEARCHSTORE", "{near}", "{far}", "FROMLONLAT", 1, 1, "BYRADIUS", 1, "km"),
    ("ZRANGESTORE", "{near}", "{far}", 0, -1),
])
def test_keys_in_any_place_are_found(four, command):
    near, far = keys_on_different_servers(four)
    command = [{"{near}": near, "{far}": far}.get(word, word) for word in command]
    with four.proxy.raw() as client:
        assert HASH_TAG_ERROR.match(client.value(*command))
        assert client.call("PING") == b"+PONG\r\n"
    assert spread(four) == [0, 0, 0, 0]


def test_hash_tags_make_multi_key_commands_work(four):
    client = four.proxy.client()
    for tag in ("{user:1}", "{user:2}", "{user:3}", "{user:4}", "{user:5}"):
        client.sadd(f"{tag}a", 1, 2, 3)
        client.sadd(f"x{tag}b", 2, 3, 4)
        assert client.sinter(f"{tag}a", f"x{tag}b") == {b"2", b"3"}
        assert client.sunionstore(f"{tag}c", f"{tag}a", f"x{tag}b") == 4
        assert client.rename(f"{tag}c", f"y{tag}d")
        assert client.scard(f"y{tag}d") == 4
        assert client.msetnx({f"{tag}e": 1, f"{tag}f": 2})
        assert client.eval("return redis.call('MGET', KEYS[1], KEYS[2])", 2, f"{tag}e",
                           f"{tag}f") == [b"1", b"2"]


def test_scripts_without_keys_are_answered(four):
    with four.proxy.raw() as client:
        assert client.value("EVAL", "return 7", 0) == 7


# Answered by the proxy


def test_ping_echo_and_time(pool):
    with pool.proxy.raw() as client:
        assert client.call("PING") == b"+PONG\r\n"
        assert client.call("ping", "hello") == b"$5\r\nhello\r\n"
        assert client.call("ECHO", "a\r\nb") == b"$4\r\na\r\nb\r\n"
        seconds, microseconds = client.value("TIME")
        assert abs(int(seconds) - time.time()) < 60
        assert 0 <= int(microseconds) < 1000000


def test_quit_answers_and_closes(pool):
    with pool.proxy.raw() as client:
        client.send(wire.encode("SET", "a", 1) + wire.encode("QUIT") + wire.encode("SET", "a", 2))
        assert client.read_to_end() == b"+OK\r\n+OK\r\n"
    assert pool.proxy.client().get("a") == b"1"


def test_hello(pool):
    with pool.proxy.raw() as client:
        for arguments in ((), ("2",), ("2", "SETNAME", "me")):
            reply = client.value("HELLO", *arguments)
            fields = dict(zip(reply[::2], reply[1::2]))
            assert fields[b"proto"] == 2
            assert {b"server", b"version", b"id", b"mode", b"role", b"modules"} <= fields.keys()
        assert client.value("CLIENT", "GETNAME") == b"me"
        assert client.value("HELLO", "3").startswith("NOPROTO")
        assert client.value("HELLO", "4").startswith("NOPROTO")
        assert isinstance(client.value("HELLO", "x"), wire.ErrorReply)
        assert client.call("PING") == b"+PONG\r\n"


def test_client_subcommands(pool):
    with pool.proxy.raw() as client, pool.proxy.raw() as other:
        assert client.value("CLIENT", "ID") > 0
        assert client.value("CLIENT", "ID") == client.value("CLIENT", "ID")
        assert client.value("CLIENT", "ID") != other.value("CLIENT", "ID")
        assert client.call("CLIENT", "GETNAME") == b"$-1\r\n"
        assert client.call("CLIENT", "SETNAME", "worker-1") == b"+OK\r\n"
        assert client.call("CLIENT", "GETNAME") == b"$8\r\nworker-1\r\n"
        assert other.call("CLIENT", "GETNAME") == b"$-1\r\n"
        assert client.value("CLIENT", "SETNAME", "two words").startswith("ERR")
        assert client.call("CLIENT", "SETINFO", "LIB-NAME", "test") == b"+OK\r\n"
        assert client.call("CLIENT", "NO-EVICT", "on") == b"+OK\r\n"
        assert b"name=worker-1" in client.value("CLIENT", "INFO")
        assert isinstance(client.value("CLIENT", "NOSUCH"), wire.ErrorReply)
        assert client.call("PING") == b"+PONG\r\n"


def test_command_and_its_subcommands(pool):
    with pool.proxy.raw() as client:
        count = client.value("COMMAND", "COUNT")
        assert count >= 240
        everything = client.value("COMMAND")
        assert len(everything) == count
        info = client.value("COMMAND", "INFO", "get", "nosuch")
        assert info[0][:2] == [b"get", 2]
        assert info[1] is None
        assert client.value("COMMAND", "GETKEYS", "MSET", "a", 1, "b", 2) == [b"a", b"b"]
        assert b"get" in client.value("COMMAND", "LIST")
        assert isinstance(client.value("COMMAND", "DOCS"), list)


def test_select_of_the_pools_database_only(pool):
    with pool.proxy.raw() as client:
        assert client.call("SELECT", "0") == b"+OK\r\n"
        assert client.value("SELECT", "1").startswith("ERR")
        assert isinstance(client.value("SELECT", "x"), wire.ErrorReply)
        assert client.call("SET", "a", 1) == b"+OK\r\n"
    assert pool.proxy.client().dbsize() == 1


def test_readonly_readwrite_and_reset(pool):
    with pool.proxy.raw() as client:
        assert client.call("READONLY") == b"+OK\r\n"
        assert client.call("READWRITE") == b"+OK\r\n"
        client.call("CLIENT", "SETNAME", "me")
        assert client.call("RESET") == b"+RESET\r\n"
        assert client.call("CLIENT", "GETNAME") == b"$-1\r\n"


def test_auth_without_a_client_password_is_an_error(pool):
    with pool.proxy.raw() as client:
        assert client.value("AUTH", "secret").startswith("ERR")
        assert client.call("PING") == b"+PONG\r\n"


def test_client_password(cluster):
    cluster.add_server()
    proxy = cluster.start_proxy(client_password="secret")
    with proxy.raw() as client:
        for command in (("GET", "a"), ("PING",), ("MGET", "a", "b"), ("DBSIZE",), ("SELECT", 0)):
            assert client.value(*command).startswith("NOAUTH")
        assert client.value("AUTH", "wrong").startswith("WRONGPASS")
        assert client.value("AUTH", "default", "wrong").startswith("WRONGPASS")
        assert client.value("AUTH", "someone", "secret").startswith("WRONGPASS")
        assert client.value("GET", "a").startswith("NOAUTH")
        assert client.call("AUTH", "secret") == b"+OK\r\n"
        assert client.call("GET", "a") == b"$-1\r\n"
        assert client.value("AUTH", "wrong").startswith("WRONGPASS")
    with proxy.raw() as client:
        assert client.call("AUTH", "default", "secret") == b"+OK\r\n"
        assert client.call("SET", "a", 1) == b"+OK\r\n"
    with proxy.raw() as client:
        assert client.value("HELLO", "2").startswith("NOAUTH")
        assert client.value("HELLO", "2", "AUTH", "default", "wrong").startswith("WRONGPASS")
        assert isinstance(client.value("HELLO", "2", "AUTH", "default", "secret"), list)
        assert client.call("GET", "a") == b"$1\r\n1\r\n"
    assert proxy.client(password="secret").get("a") == b"1"
    with pytest.raises(redis.exceptions.AuthenticationError):
        proxy.client().get("a")


# Refused


REFUSED = [
    "MULTI", "EXEC", "DISCARD", "WATCH a", "UNWATCH", "SUBSCRIBE a", "PSUBSCRIBE a", "PUBLISH a b",
    "PUBSUB CHANNELS", "SSUBSCRIBE a", "BLPOP a 0", "BRPOP a 0", "BRPOPLPUSH a b 0",
    "BLMOVE a b LEFT LEFT 0", "BZPOPMIN a 0", "BLMPOP 0 1 a LEFT", "XREAD BLOCK 0 STREAMS a $",
    "MONITOR", "CONFIG GET *", "CONFIG SET a b", "SHUTDOWN", "DEBUG SLEEP 0", "SAVE", "BGSAVE",
    "BGREWRITEAOF", "REPLICAOF NO ONE", "SLAVEOF NO ONE", "PSYNC ? -1", "SYNC", "CLUSTER INFO",
    "ASKING", "FAILOVER", "SWAPDB 0 1", "MOVE a 1", "ACL LIST", "MODULE LIST", "LATENCY RESET",
    "SLOWLOG GET", "MIGRATE h 1 k 0 1", "WAIT 0 0", "CLIENT KILL ID 1", "CLIENT PAUSE 1"]


def test_refused_commands_say_so_and_keep_the_connection(pool):
    with pool.proxy.raw() as client:
        for line in REFUSED:
            reply = client.value(*line.split())
            assert isinstance(reply, wire.ErrorReply), line
            assert reply.startswith("ERR "), (line, reply)
            assert client.call("PING") == b"+PONG\r\n", line
    for server in pool.servers:
        assert server.process.poll() is None


def test_unknown_commands_and_wrong_arity_keep_the_connection(pool):
    with pool.proxy.raw() as client:
        for command in (("NOSUCH",), ("NOSUCH", "a"), ("",), ("GET",), ("GET", "a", "b"),
                        ("SET", "a"), ("OBJECT",), ("OBJECT", "NOSUCH", "a"), ("\r\n",)):
            reply = client.value(*command)
            assert isinstance(reply, wire.ErrorReply), command
            assert reply.startswith("ERR "), (command, reply)
            assert client.call("PING") == b"+PONG\r\n", command


def every_command(direct):
    """Each command and subcommand of the server, with as few arguments as it takes, and more."""
    for entry in direct.value("COMMAND"):
        for row in [entry, *entry[9]]:
            words = row[0].split(b"|")
            for extra in range(3):
                yield words + [b"1"] * (abs(row[1]) - len(words) + extra)


def test_every_command_of_the_server_gets_an_answer(pool):
    """Whatever it is; none ends the proxy, and only QUIT ends the connection."""
    with pool.servers[0].raw() as direct:
        commands = list(every_command(direct))
    assert len(commands) > 1000
    client = pool.proxy.raw()
    for command in commands:
        client.call(*command)
        if command[0] == b"quit":
            assert client.read_to_end() == b""
            client = pool.proxy.raw()
        assert client.call("PING") == b"+PONG\r\n", command
    client.close()


@pytest.mark.parametrize("data", [b"POST / HTTP/1.1\r\nHost: a\r\n\r\n", b"Host: a\r\n"])
def test_what_a_browser_was_made_to_send_is_refused(pool, data):
    """As Redis does: a web page must not reach the servers through somebody's browser."""
    with pool.proxy.raw() as client:
        client.send(data + wire.encode("SET", "key", 1))
        assert client.read_to_end() == b""
    assert pool.proxy.client().dbsize() == 0


# Inline commands


def test_inline_commands(pool):
    with pool.proxy.raw() as client:
        client.send(b"PING\r\n")
        assert client.reply() == b"+PONG\r\n"
        client.send(b"SET key \"a b\\x41\\n\"\n")
        assert client.reply() == b"+OK\r\n"
        client.send(b"  get   key  \r\n")
        assert client.reply() == b"$5\r\na bA\n\r\n"
        client.send(b"\r\n\r\nMGET key 'no such'\r\n")
        assert client.reply() == b"*2\r\n$5\r\na bA\n\r\n$-1\r\n"
        client.send(b"*0\r\n*-1\r\nPING\r\n" + wire.encode("PING") + b"EXISTS key key\r\n")
        assert client.replies(3) == [b"+PONG\r\n", b"+PONG\r\n", b":2\r\n"]


@pytest.mark.parametrize("data", [
    b"SET key \"unbalanced\r\n", b"GET 'a'b\r\n", b"*1\r\n+PING\r\n", b"*1\r\n$-1\r\n",
    b"*1\r\n$x\r\n", b"*x\r\n", b"*2147483648\r\n", b"*1\r\n$9999999999999\r\n", b"*1\r\n$ 4\r\n",
    b"*99999999999999999999\r\n", b"x" * 70000], ids=lambda data: repr(data[:20]))
def test_broken_framing_is_answered_as_redis_does(pool, data):
    """The error line of Redis, then the end of the connection, which cannot go on."""
    with pool.proxy.raw() as client, pool.servers[0].raw() as direct:
        direct.send(wire.encode("PING") + data)
        client.send(wire.encode("PING") + data)
        assert client.read_to_end() == direct.read_to_end()
    with pool.proxy.raw() as client:
        assert client.call("PING") == b"+PONG\r\n"
