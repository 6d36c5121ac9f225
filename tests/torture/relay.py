"""Relays between two ends of TCP connections, each run by a thread of its own.

LatencyRelay stands in front of a server and makes the network worse than it is: bytes come late,
in small pieces, or not at all, and connections break. Sabotage (sabotage.py) stands in front of the
proxy.
"""

import collections
import random
import selectors
import socket
import struct
import threading
import time

READ_SIZE = 1 << 18
HELD_MAX = 4 << 20  # bytes that wait in one direction before the relay stops reading
TURN = 0.02  # seconds; the longest that a change of mood waits


class Direction:
    """The bytes that flow one way."""

    def __init__(self, link, source, target):
        self.link = link
        self.source = source
        self.target = target
        self.waiting = collections.deque()  # [due, bytes]
        self.size = 0
        self.last_due = 0.0
        self.ended = False  # the source has no more
        self.done = False  # and the target knows

    def push(self, data, due):
        """due never lies before that of what was pushed earlier: TCP keeps the order."""
        self.last_due = max(self.last_due, due)
        self.waiting.append([self.last_due, memoryview(data)])
        self.size += len(data)


class Link:
    """One connection and its continuation."""

    def __init__(self, near, far):
        self.near = near
        self.far = far
        self.requests = Direction(self, near, far)
        self.replies = Direction(self, far, near)
        self.events = {}  # what is watched of near and far


class Relay:
    """Passes everything on. `far` is where to: (host, port)."""

    def __init__(self, far):
        self.far = far
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.listener.setblocking(False)
        self.port = self.listener.getsockname()[1]
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.links = set()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.stopping = False
        self.failure = None

    def start(self):
        self.thread.start()
        return self

    def stop(self):
        self.stopping = True
        self.thread.join()
        for link in list(self.links):
            self.close(link)
        self.listener.close()
        self.selector.close()
        if self.failure:
            raise self.failure

    # What a relay may do otherwise.

    def due(self, direction):
        """When bytes that come now are to be passed on."""
        return 0.0

    def piece(self, direction):
        """How many bytes of what is due may be sent at once; 0: none for now."""
        return READ_SIZE

    def take(self, direction, data):
        direction.push(data, self.due(direction))

    def turn(self):
        """Called again and again by the relay's thread."""

    def _run(self):
        try:
            while not self.stopping:
                self._turn()
        except Exception as error:  # pylint: disable=broad-except  # stop() raises it
            self.failure = error

    def _turn(self):
        now = time.monotonic()
        self.turn()
        next_due = now + TURN
        for link in list(self.links):
            next_due = min(next_due, self._watch(link, now))
        for key, events in self.selector.select(max(0.0, next_due - time.monotonic())):
            if key.fileobj is self.listener:
                self._accept()
            elif key.data in self.links:
                self._serve(key.data, key.fileobj, events)

    def _accept(self):
        try:
            near, _ = self.listener.accept()
        except OSError:
            return
        far = socket.socket()
        far.setblocking(False)
        for end in (near, far):
            end.setblocking(False)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        far.connect_ex(self.far)  # a failure shows when it is first used
        self.links.add(Link(near, far))

    def _watch(self, link, now):
        """Brings what the selector watches up to date. When to look again."""
        wanted = {link.near: 0, link.far: 0}
        next_due = now + TURN
        for way in (link.requests, link.replies):
            if not way.ended and way.size < HELD_MAX:
                wanted[way.source] |= selectors.EVENT_READ
            if way.waiting and way.waiting[0][0] > now:
                next_due = min(next_due, way.waiting[0][0])
            elif (way.waiting and self.piece(way)) or (way.ended and not way.done
                                                       and not way.waiting):
                wanted[way.target] |= selectors.EVENT_WRITE
        for end, events in wanted.items():
            if events == link.events.get(end, 0):
                continue
            if not events:
                self.selector.unregister(end)
            elif link.events.get(end, 0):
                self.selector.modify(end, events, link)
            else:
                self.selector.register(end, events, link)
            link.events[end] = events
        return next_due

    def _serve(self, link, end, events):
        try:
            for way in (link.requests, link.replies):
                if events & selectors.EVENT_READ and way.source is end:
                    self._read(way)
                if events & selectors.EVENT_WRITE and way.target is end:
                    self._write(way)
        except BlockingIOError:
            return
        except OSError:
            self.close(link, reset=True)
            return
        if link.requests.done and link.replies.done:
            self.close(link)

    def _read(self, way):
        if way.ended:
            return
        data = way.source.recv(READ_SIZE)
        if data:
            self.take(way, data)
        else:
            way.ended = True

    def _write(self, way):
        now = time.monotonic()
        while way.waiting and way.waiting[0][0] <= now:
            size = self.piece(way)
            if not size:
                return
            data = way.waiting[0][1]
            sent = way.target.send(data[:size])
            way.size -= sent
            if sent < len(data):
                way.waiting[0][1] = data[sent:]
                return
            way.waiting.popleft()
        if way.ended and not way.waiting and not way.done:
            way.target.shutdown(socket.SHUT_WR)
            way.done = True

    def close(self, link, reset=False):
        self.links.discard(link)
        for end in (link.near, link.far):
            if link.events.get(end, 0):
                self.selector.unregister(end)
            if reset:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            end.close()


class LatencyRelay(Relay):
    """mood: what happens to bytes and connections now; set by any thread, read by the relay's."""

    def __init__(self, far, seed):
        super().__init__(far)
        self.dice = random.Random(seed)
        self.delay = (0.0, 0.0)  # seconds, from and to
        self.drip = 0  # bytes in one send at most; 0: no limit
        self.stalled = False  # nothing passes
        self.break_every = 0  # one of so many chunks breaks its connection; 0: none
        self.breaks = 0

    def calm(self):
        self.delay, self.drip, self.stalled, self.break_every = (0.0, 0.0), 0, False, 0

    def due(self, direction):
        if self.delay[1] == 0:
            return 0.0
        return time.monotonic() + self.dice.uniform(*self.delay)

    def piece(self, direction):
        if self.stalled:
            return 0
        return self.dice.randint(1, self.drip) if self.drip else READ_SIZE

    def take(self, direction, data):
        if self.break_every and self.dice.randrange(self.break_every) == 0:
            self.breaks += 1
            # Some of it still arrives, cut anywhere; but never before what came earlier.
            if not direction.waiting:
                try:
                    direction.target.send(data[:self.dice.randrange(len(data))])
                except OSError:
                    pass
            raise ConnectionResetError("broken by a die")
        super().take(direction, data)
