"""Read folding: gets that wait for the same server travel as one, and nobody notices.

What goes over the wire is seen by a socket of the test's own in the server's place: a real
memcached neither tells how it was asked, nor dies in the middle of a reply when it should. What
comes back is compared with the real one's by the other tests, with folding on as it is by default.
"""

import random
import socket

import pytest

import harness
from memcached_wire import line

TIMEOUT = 20


class FakeServer:
    """The server's side of the proxy's one connection."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(TIMEOUT)
        self.connection = None
        self.unread = b""
        self.lines = 0

    @property
    def line(self):
        return f"127.0.0.1:{self.listener.getsockname()[1]}:1 fake"

    def accept(self):
        self.connection, _ = self.listener.accept()
        self.connection.settimeout(TIMEOUT)
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def hears(self, expected):
        while len(self.unread) < len(expected):
            piece = self.connection.recv(65536)
            assert piece, f"the proxy closed the connection behind {self.unread!r}"
            self.unread += piece
        heard, self.unread = self.unread[:len(expected)], self.unread[len(expected):]
        assert heard == expected

    def hears_line(self):
        while b"\r\n" not in self.unread:
            self.unread += self.connection.recv(65536)
        words, _, self.unread = self.unread.partition(b"\r\n")
        self.lines += 1
        return words + b"\r\n"

    def says(self, data):
        self.connection.sendall(data)

    def close(self):
        if self.connection is not None:
            self.connection.close()
        self.listener.close()


class Stage:
    """A proxy in front of a fake server, the connection between them made."""

    def __init__(self, cluster, **options):
        self.server = FakeServer()
        self.proxy = cluster.start_proxy_with([{
            "name": "pool", "protocol": "memcached", "servers": [self.server.line], **options}])
        self.server.accept()
        self.client = self.proxy.memcached()

    def close(self):
        self.client.close()
        self.server.close()


@pytest.fixture
def stage(cluster):
    own = Stage(cluster)
    yield own
    own.close()


def value(key, data):
    return b"VALUE %s 0 %d\r\n%s\r\n" % (key, len(data), data)


END = b"END\r\n"
GETS = b"get a\r\nget bb\r\nget c\r\nget dd\r\n"
FOLDED = b"get a bb c dd\r\n"


def ask(stage, requests=GETS, heard=FOLDED):
    stage.client.send(requests)
    stage.server.hears(heard)


def expect(stage, *replies):
    assert [stage.client.reply() for _ in replies] == list(replies)


def test_values_are_given_to_those_who_asked(stage):
    ask(stage)
    stage.server.says(value(b"a", b"1") + value(b"bb", b"") + value(b"c", b"3\r\nEND\r\n")
                      + value(b"dd", b"4") + END)
    expect(stage, value(b"a", b"1") + END, value(b"bb", b"") + END,
           value(b"c", b"3\r\nEND\r\n") + END, value(b"dd", b"4") + END)


@pytest.mark.parametrize("found", range(16))
def test_a_miss_is_known_by_the_next_line(stage, found):
    keys = [b"a", b"bb", b"c", b"dd"]
    has = [found >> i & 1 for i in range(4)]
    ask(stage)
    stage.server.says(b"".join(value(k, b"v-" + k) for k, h in zip(keys, has) if h) + END)
    expect(stage, *[(value(k, b"v-" + k) if h else b"") + END for k, h in zip(keys, has)])


def test_a_reply_cut_at_every_byte(stage):
    reply = value(b"bb", b"2") + value(b"dd", b"4444") + END
    for cut in range(1, len(reply)):
        ask(stage)
        stage.server.says(reply[:cut])
        # A round trip of the test's own through the proxy, so that the first part has been taken.
        with stage.proxy.memcached() as other:
            assert other.call("version").startswith(b"VERSION")
        stage.server.says(reply[cut:])
        expect(stage, END, value(b"bb", b"2") + END, END, value(b"dd", b"4444") + END)


def test_an_error_answers_all_that_are_left(stage):
    error = b"SERVER_ERROR out of memory writing get response\r\n"
    ask(stage)
    stage.server.says(value(b"a", b"1") + error)
    expect(stage, value(b"a", b"1") + END, error, error, error)
    ask(stage)
    stage.server.says(error)
    expect(stage, error, error, error, error)


def test_a_server_that_dies_in_the_reply(stage):
    ask(stage)
    stage.server.says(value(b"a", b"1") + b"VALUE bb 0 10\r\n123")
    expect(stage, value(b"a", b"1") + END)
    stage.server.connection.close()
    for reply in [stage.client.reply() for _ in range(3)]:
        assert reply.startswith(b'SERVER_ERROR ringfold: server "fake"'), reply


def test_a_value_of_a_key_not_asked_for_ends_the_connection(stage):
    ask(stage)
    stage.server.says(value(b"a", b"1") + value(b"stranger", b"2") + END)
    assert stage.client.reply() == value(b"a", b"1") + END
    for reply in [stage.client.reply() for _ in range(3)]:
        assert reply.startswith(b"SERVER_ERROR ringfold: ") or reply == END, reply
    assert stage.server.connection.recv(1) == b""


def test_values_in_the_wrong_order_end_the_connection(stage):
    ask(stage)
    stage.server.says(value(b"bb", b"2") + value(b"a", b"1") + END)
    replies = [stage.client.reply() for _ in range(4)]
    assert not any(b"VALUE a" in reply for reply in replies), replies
    assert stage.server.connection.recv(1) == b""


def test_a_line_without_end_ends_the_connection(stage):
    ask(stage)
    stage.server.says(b"VALUE " + b"x" * 10000)
    for reply in [stage.client.reply() for _ in range(4)]:
        assert reply.startswith(b"SERVER_ERROR ringfold: "), reply


def test_a_large_value_passes_as_it_comes(stage):
    data = bytes(range(256)) * 4096
    ask(stage)
    block = value(b"bb", data)
    stage.server.says(block[:200000])
    # More than half of what has come of it is with the client before the rest is said.
    received = b""
    while len(received) < 100000:
        received += stage.client.socket.recv(1 << 16)
    stage.server.says(block[200000:] + value(b"c", b"3") + END)
    expected = END + block + END + value(b"c", b"3") + END + END
    while len(received) < len(expected):
        received += stage.client.socket.recv(1 << 20)
    assert received == expected


def test_what_stands_between_gets_stays_between(stage):
    ask(stage, b"get a\r\nget bb\r\nset a 0 0 1\r\nx\r\nget a\r\nget c\r\ngets c\r\nget dd\r\n",
        b"get a bb\r\nset a 0 0 1\r\nx\r\nget a c\r\ngets c\r\nget dd\r\n")
    stage.server.says(END + b"STORED\r\n" + value(b"a", b"x") + END + END + value(b"dd", b"4")
                      + END)
    expect(stage, END, END, b"STORED\r\n", value(b"a", b"x") + END, END, END,
           value(b"dd", b"4") + END)


def test_no_line_holds_a_key_twice(stage):
    ask(stage, b"get a\r\nget a\r\nget b\r\nget a\r\nget c\r\nget b\r\n",
        b"get a\r\nget a b\r\nget a c b\r\n")
    stage.server.says(value(b"a", b"1") + END + value(b"b", b"2") + END + value(b"c", b"3") + END)
    expect(stage, value(b"a", b"1") + END, END, value(b"b", b"2") + END, END,
           value(b"c", b"3") + END, END)


def test_a_line_has_at_most_2048_bytes(stage):
    keys = [b"%04d" % i + b"k" * 26 for i in range(1000)]
    stage.client.send(b"".join(line("get", key) for key in keys))
    heard = []
    while len(heard) < len(keys):
        words = stage.server.hears_line()
        assert words.startswith(b"get ") and len(words) <= 2048
        asked = words[4:-2].split(b" ")
        heard += asked
        stage.server.says(b"".join(value(key, key) for key in asked) + END)
    assert heard == keys
    assert stage.server.lines < len(keys) / 30
    expect(stage, *[value(key, key) + END for key in keys])


def test_clients_that_leave_take_nothing_with_them(stage):
    with stage.proxy.memcached() as leaver:
        leaver.send(GETS)
        stage.server.hears(FOLDED)
    ask(stage, b"get a\r\nget x\r\n", b"get a x\r\n")
    stage.server.says(value(b"bb", b"2") + value(b"dd", b"4") + END + value(b"x", b"9") + END)
    expect(stage, END, value(b"x", b"9") + END)


def test_fold_gets_can_be_switched_off(cluster):
    stage = Stage(cluster, fold_gets=False)
    try:
        ask(stage, GETS, GETS)
        stage.server.says(END * 4)
        expect(stage, END, END, END, END)
    finally:
        stage.close()


@pytest.mark.skipif(harness.MEMCACHED is None, reason="memcached is not installed (Debian: apt "
                                                      "install memcached)")
@pytest.mark.parametrize("threads", [1, 2])
def test_many_clients_get_their_own(cluster, seed, threads):
    """Every value is its key's, every miss a miss, however the gets of many were put together."""
    dice = random.Random(seed)
    cluster.add_memcacheds(2)
    cluster.start_proxy(protocol="memcached", threads=threads)
    keys = [b"key-%d" % i + b"x" * dice.randrange(60) for i in range(400)]
    stored = set(keys[::2])
    large = set(dice.sample(sorted(stored), 5))
    data = {key: key * (4000 if key in large else 1) for key in stored}
    with cluster.proxy.memcached() as client:
        for key in sorted(stored):
            assert client.set(key, data[key]) == b"STORED\r\n"
    clients = [cluster.proxy.memcached() for _ in range(60)]
    try:
        for _ in range(20):
            asked = [[dice.choice(keys) for _ in range(dice.randrange(1, 20))] for _ in clients]
            for client, wanted in zip(clients, asked):
                client.send(b"".join(line("get", key) for key in wanted))
            for client, wanted in zip(clients, asked):
                for key in wanted:
                    expected = (value(key, data[key]) if key in stored else b"") + END
                    assert client.reply() == expected
    finally:
        for client in clients:
            client.close()
