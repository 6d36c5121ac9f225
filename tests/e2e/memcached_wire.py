"""memcached's text protocol on a bare socket, replies kept as the bytes that came.

A reply says itself where it ends, so no reader needs to know the request: VALUE blocks up to END
or an error line, STAT lines up to END, a VA line with its data, or one line.
"""

import itertools

import wire

STATS = (b"STAT ", b"ITEM ", b"PREFIX ")


def reply_end(buffer, start):
    """Index behind the reply that begins at start, or -1 while it is incomplete."""
    position = start
    while True:
        line_end = buffer.find(b"\r\n", position)
        if line_end < 0:
            return -1
        behind = line_end + 2
        if buffer.startswith(b"VALUE ", position):
            position = behind + int(bytes(buffer[position:line_end]).split(b" ")[3]) + 2
        elif buffer.startswith(STATS, position):
            position = behind
        elif buffer.startswith(b"VA ", position):
            position = behind + int(bytes(buffer[position:line_end]).split(b" ")[1]) + 2
            return position if position <= len(buffer) else -1
        else:
            return behind
        if position > len(buffer):
            return -1


def blocks(reply):
    """The VALUE blocks of a reply to get: (header line's words, data), and its last line."""
    found = []
    position = 0
    while reply.startswith(b"VALUE ", position):
        line_end = reply.index(b"\r\n", position)
        words = reply[position:line_end].split(b" ")
        behind = line_end + 2 + int(words[3])
        found.append((words, reply[line_end + 2 : behind]))
        position = behind + 2
    return found, reply[position:]


def values(reply):
    """The (key, data) pairs of a whole reply to get."""
    found, last = blocks(reply)
    assert last == b"END\r\n", reply[:500]
    return [(words[1], data) for words, data in found]


def line(*words):
    return b" ".join(wire.to_bytes(word) for word in words) + b"\r\n"


def store(name, key, data, *words, flags=0, exptime=0):
    """A classic storage command with its data block; words: cas unique, noreply."""
    data = wire.to_bytes(data)
    return line(name, key, flags, exptime, len(data), *words) + data + b"\r\n"


def meta_set(key, data, *flags):
    data = wire.to_bytes(data)
    return line("ms", key, len(data), *flags) + data + b"\r\n"


class ReplyReader(wire.ReplyReader):
    """Cuts a stream of bytes into raw replies."""

    find_end = staticmethod(reply_end)


class Client(wire.RawClient):
    """A blocking client whose every wait has a deadline."""

    def __init__(self, endpoint, timeout=wire.REPLY_DEADLINE):
        super().__init__(endpoint, timeout)
        self.reader = ReplyReader()
        self.marks = itertools.count()

    def call(self, *words):
        """Sends one line; the raw reply."""
        return self.ask(line(*words))

    def ask(self, data):
        """Sends the bytes; the one raw reply."""
        self.send(data)
        return self.reply()

    def set(self, key, data, **options):
        return self.ask(store("set", key, data, **options))

    def get(self, *keys):
        """The (key, data) pairs that a get finds."""
        return values(self.call("get", *keys))

    def pipeline(self, requests):
        """Sends all requests, each with one reply, at once; the raw replies."""
        return self.exchange([b"".join(requests)], len(requests))

    def all_replies(self, chunks):
        """Writes the chunks one send each and reads until all is answered, however many replies
        that makes: behind them goes a request whose answer nothing else can give."""
        mark = b"O~%d" % next(self.marks)
        last = b"HD " + mark + b"\r\n"
        return self.exchange([*chunks, meta_set("~mark", "", mark)], 1 << 40, last)[:-1]

    def silence(self, data):
        """Sends what must not be answered."""
        replies = self.all_replies([data])
        assert not replies, replies
