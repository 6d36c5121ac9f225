"""Asks an admin endpoint, as curl would."""

import http.client
import json
import socket
from dataclasses import dataclass, field


@dataclass
class Reply:
    status: int
    headers: dict = field(default_factory=dict)
    body: str = ""

    def json(self):
        return json.loads(self.body)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def ask(endpoint, path, method="GET", headers=None, body=None, timeout=20):
    """One request; endpoint: (host, port) or the path of a unix socket."""
    if isinstance(endpoint, str):
        connection = UnixConnection(endpoint, timeout)
    else:
        connection = http.client.HTTPConnection(*endpoint, timeout=timeout)
    try:
        connection.request(method, path, headers=headers or {}, body=body)
        response = connection.getresponse()
        return Reply(response.status, dict(response.getheaders()),
                     response.read().decode("utf-8"))
    finally:
        connection.close()


def bearer(token):
    return {"Authorization": f"Bearer {token}"}
