"""A relay between driver and proxy that does, once, what a broken proxy would do. The driver
must notice each of these; `torture.py --self-test` shows that it does.

What may be right by chance (a key may just have been deleted, or be written anew before anybody
reads it; a long reply may break off) is done again and again instead, until it is noticed.
"""

import re

import memcached_wire
import relay
import wire

# Nothing is done before so much has passed: the driver is in full swing by then.
REPLIES_BEFORE = 3000

KEY = rb"[0-9a-f]{16}-[0-9]+"
WRITES = {
    "redis": re.compile(rb"\*3\r\n\$3\r\nSET\r\n\$[0-9]+\r\n(" + KEY + rb")\r\n\$[0-9]{2,3}\r\n"),
    "memcached": re.compile(rb"\r\nset (" + KEY + rb") [0-9]+ 0 [0-9]{2,3}\r\n"),
}
AGAIN = ("miss instead of the value", "write lost", "connection closed")
MISS = {"redis": b"$-1\r\n", "memcached": b"END\r\n"}
ERROR = {
    "redis": b'-ERR ringfold: server "alpha" refused the connection\r\n',
    "memcached": b'SERVER_ERROR ringfold: server "alpha" refused the connection\r\n',
}
FOREIGN_ERROR = {"redis": b"-ERR unknown command\r\n", "memcached": b"ERROR\r\n"}
# What the driver says to each kind. None: nothing is done, and nothing must be said.
KINDS = {
    "none": None,
    "swap": "",  # whatever: it depends on the two
    "another client's reply": "another key|not asked for",
    "one bit changed": "damaged|another key|none that any write",
    "a byte less": "",
    "reply lost": "",
    "reply twice": "",
    "reply withheld": "nothing has moved",
    "miss instead of the value": "missing",
    "write lost": "stale|missing|written",
    "error of a healthy server": "to which nothing had happened|none of the keys",
    "error not the proxy's": "not ",
    "connection closed": "closed the connection",
}


def key_in(reply):
    """The key that the reply's first value says it belongs to, if it has one."""
    found = re.search(rb"v:(" + KEY + rb"):", reply)
    return found and found.group(1)


def is_value(reply):
    """The reply to a get of one small value."""
    return reply.startswith((b"$", b"VALUE ")) and 80 < len(reply) < 5000


class Sabotage(relay.Relay):
    """kind: one of KINDS."""

    def __init__(self, far, protocol, kind):
        super().__init__(far)
        self.protocol = protocol
        self.kind = kind
        self.replies = 0
        self.done = False  # at least once
        self.other = None  # the last value, and the link that it was for
        self.muted = None  # the link whose replies are withheld
        self.leaving = None  # the link that is to be broken

    def reader(self, link):
        if not hasattr(link, "reader"):
            link.reader = (wire.ReplyReader() if self.protocol == "redis"
                           else memcached_wire.ReplyReader())
        return link.reader

    def take(self, direction, data):
        link = direction.link
        if direction is link.requests:
            direction.push(self.request_bytes(data), 0.0)
            return
        reader = self.reader(link)
        reader.feed(data)
        replies = []
        while (reply := reader.next()) is not None:
            replies.append(reply)
        self.replies += len(replies)
        if self.replies > REPLIES_BEFORE and (not self.done or self.kind in AGAIN):
            self.spoil(link, replies)
        for reply in replies:
            if is_value(reply):
                self.other = (link, reply)
        if self.muted is not link and replies:
            direction.push(b"".join(replies), 0.0)
        if self.leaving is link:
            raise ConnectionResetError

    def request_bytes(self, data):
        if self.kind != "write lost" or self.replies < REPLIES_BEFORE:
            return data
        write = WRITES[self.protocol].search(data)
        if not write:
            return data
        self.done = True
        return data[:write.start(1)] + b"x" + data[write.start(1) + 1:]

    def spoil(self, link, replies):
        """Does it to what is about to be passed on, if it can be done to that."""
        values = [index for index, reply in enumerate(replies) if is_value(reply)]
        at = values[0] if values else None
        kind, last = self.kind, len(replies) - 1
        if kind == "swap" and at is not None and at < last and (
                key_in(replies[at]) != key_in(replies[at + 1])):
            replies[at], replies[at + 1] = replies[at + 1], replies[at]
        elif kind == "another client's reply" and at is not None and self.other and (
                self.other[0] is not link and key_in(self.other[1]) != key_in(replies[at])):
            replies[at] = self.other[1]
        elif kind == "one bit changed" and at is not None:
            middle = len(replies[at]) * 3 // 4
            changed = bytes([replies[at][middle] ^ 4])
            replies[at] = replies[at][:middle] + changed + replies[at][middle + 1:]
        elif kind == "a byte less" and at is not None and at < last:
            replies[at] = replies[at][:-10] + replies[at][-9:]
        elif kind == "reply lost" and at is not None:
            del replies[at]
        elif kind == "reply twice" and at is not None:
            replies.insert(at, replies[at])
        elif kind == "reply withheld" and replies:
            self.muted = link
        elif kind == "miss instead of the value" and at is not None:
            replies[at] = MISS[self.protocol]
        elif kind == "error of a healthy server" and at is not None:
            replies[at] = ERROR[self.protocol]
        elif kind == "error not the proxy's" and at is not None:
            replies[at] = FOREIGN_ERROR[self.protocol]
        elif kind == "connection closed" and len(replies) > 1:
            del replies[1:]
            self.leaving = link
        else:
            return
        self.done = True
