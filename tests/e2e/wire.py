"""RESP2 on a bare socket: what redis-py hides, these tests must see.

A reply is kept as the bytes that came over the wire ("raw"), because the tests compare bytes.
parse() turns raw bytes into Python values where a test wants to look inside.
"""

import collections
import fcntl
import selectors
import socket
import struct
import termios
import time

REPLY_DEADLINE = 30.0  # seconds; generous, because sanitizer builds on a busy machine are slow


class ProtocolError(Exception):
    """Bytes came that are no RESP2 reply."""


class ConnectionClosed(Exception):
    """The peer closed the connection where a reply was due."""


class ErrorReply(str):
    """An error reply, without its '-'."""


def to_bytes(argument):
    if isinstance(argument, bytes):
        return argument
    return str(argument).encode()


def encode(*arguments):
    """One request in array form."""
    parts = [b"*%d\r\n" % len(arguments)]
    for argument in arguments:
        argument = to_bytes(argument)
        parts.append(b"$%d\r\n%s\r\n" % (len(argument), argument))
    return b"".join(parts)


def reply_end(buffer, start):
    """Index behind the reply that begins at start, or -1 while it is incomplete."""
    pending = 1
    position = start
    size = len(buffer)
    while pending:
        line_end = buffer.find(b"\r\n", position)
        if line_end < 0:
            return -1
        kind = buffer[position]
        behind = line_end + 2
        pending -= 1
        if kind == 36:  # $
            length = int(buffer[position + 1 : line_end])
            if length >= 0:
                behind += length + 2
        elif kind == 42:  # *
            pending += max(int(buffer[position + 1 : line_end]), 0)
        elif kind not in (43, 45, 58):  # + - :
            raise ProtocolError(bytes(buffer[position : position + 80]))
        position = behind
        if position > size:
            return -1
    return position


def _parse_at(raw, position):
    line_end = raw.index(b"\r\n", position)
    kind, line = raw[position : position + 1], raw[position + 1 : line_end]
    position = line_end + 2
    if kind == b"+":
        return line, position
    if kind == b"-":
        return ErrorReply(line.decode("utf-8", "backslashreplace")), position
    if kind == b":":
        return int(line), position
    if kind == b"$":
        length = int(line)
        if length < 0:
            return None, position
        return raw[position : position + length], position + length + 2
    count = int(line)
    if count < 0:
        return None, position
    elements = []
    for _ in range(count):
        element, position = _parse_at(raw, position)
        elements.append(element)
    return elements, position


def parse(raw):
    """The value of one whole raw reply; errors become ErrorReply values."""
    value, end = _parse_at(raw, 0)
    if end != len(raw):
        raise ProtocolError(raw[:80])
    return value


class ReplyReader:
    """Cuts a stream of bytes into raw replies."""

    find_end = staticmethod(reply_end)

    def __init__(self):
        self._buffer = bytearray()
        self._start = 0

    def feed(self, data):
        self._buffer += data

    def next(self):
        """The next raw reply, or None while it is incomplete."""
        end = self.find_end(self._buffer, self._start)
        if end < 0:
            return None
        with memoryview(self._buffer) as view:
            raw = bytes(view[self._start : end])
        self._start = end
        if self._start == len(self._buffer) or self._start > 1 << 20:
            del self._buffer[: self._start]
            self._start = 0
        return raw

    def rest(self):
        return bytes(self._buffer[self._start :])


def connect(endpoint, timeout=REPLY_DEADLINE):
    """endpoint: (host, port), or the path of a unix socket."""
    if isinstance(endpoint, str):
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(timeout)
        connection.connect(endpoint)
        return connection
    connection = socket.create_connection(endpoint, timeout=timeout)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def unread_by_peer(connection):
    """Bytes sent on a unix socket that the peer has not read yet."""
    return struct.unpack("i", fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, b"\0" * 4))[0]


class RawClient:
    """A blocking client whose every wait has a deadline."""

    def __init__(self, endpoint, timeout=REPLY_DEADLINE):
        self.socket = connect(endpoint, timeout)
        self.reader = ReplyReader()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def reply(self):
        """The next raw reply; ConnectionClosed when there is none to come."""
        while True:
            raw = self.reader.next()
            if raw is not None:
                return raw
            try:
                data = self.socket.recv(1 << 18)
            except ConnectionResetError:
                data = b""
            if not data:
                raise ConnectionClosed(self.reader.rest()[:200])
            self.reader.feed(data)

    def replies(self, count):
        return [self.reply() for _ in range(count)]

    def call(self, *arguments):
        """Sends one command; the raw reply."""
        self.send(encode(*arguments))
        return self.reply()

    def value(self, *arguments):
        """Sends one command; the parsed reply."""
        return parse(self.call(*arguments))

    def pipeline(self, commands):
        """Sends all commands at once, reading meanwhile; the raw replies."""
        return self.exchange([b"".join(encode(*command) for command in commands)], len(commands))

    def exchange(self, chunks, reply_count, last=None):
        """Writes the chunks one send each while reading reply_count raw replies; with last, until
        that reply came.

        Reading goes on while writing, so no pipeline is too long for the socket buffers.
        """
        replies = []
        chunks = collections.deque(memoryview(chunk) for chunk in chunks if len(chunk))
        timeout = self.socket.gettimeout()
        deadline = time.monotonic() + timeout
        self.socket.setblocking(False)
        try:
            with selectors.DefaultSelector() as selector:
                key = selector.register(self.socket, selectors.EVENT_READ | selectors.EVENT_WRITE)
                while len(replies) < reply_count and (last is None or replies[-1:] != [last]):
                    if not chunks and key.events != selectors.EVENT_READ:
                        key = selector.modify(self.socket, selectors.EVENT_READ)
                    events = selector.select(max(0.0, deadline - time.monotonic()))
                    if not events:
                        raise TimeoutError(
                            f"{len(replies)} of {reply_count} replies in {timeout} s")
                    if events[0][1] & selectors.EVENT_WRITE and chunks:
                        self._write_some(chunks)
                    if events[0][1] & selectors.EVENT_READ and self._read_some(replies):
                        deadline = time.monotonic() + timeout
        finally:
            self.socket.settimeout(timeout)
        if len(replies) > reply_count:
            raise ProtocolError(f"{len(replies)} replies to {reply_count} commands")
        return replies

    def _write_some(self, chunks):
        try:
            sent = self.socket.send(chunks[0])
        except BlockingIOError:
            return
        if sent == len(chunks[0]):
            chunks.popleft()
        else:
            chunks[0] = chunks[0][sent:]

    def _read_some(self, replies):
        try:
            data = self.socket.recv(1 << 18)
        except BlockingIOError:
            return False
        except ConnectionResetError:
            data = b""
        if not data:
            raise ConnectionClosed(f"after {len(replies)} replies, then {self.reader.rest()[:200]}")
        self.reader.feed(data)
        while (raw := self.reader.next()) is not None:
            replies.append(raw)
        return True

    def read_to_end(self):
        """All bytes until the peer closes."""
        rest = [self.reader.rest()]
        while True:
            try:
                data = self.socket.recv(1 << 18)
            except ConnectionResetError:
                data = b""
            if not data:
                return b"".join(rest)
            rest.append(data)
