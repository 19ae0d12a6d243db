"""docs/protocol/dimchat-gateway.md: a client of the old protocol, over MTP. It packs as such clients do: no `bind`, no
padding, broadcasts in the plain."""
import json
import secrets
import select
import socket
import time

from .connection import PATIENCE, Closed, Late
from . import identity
from .identity import sign
from .letters import decrypted, encrypted
from .packets import b64

COMMAND, COMMAND_RESPONSE, MESSAGE, MESSAGE_RESPONSE = range(4)


class Account(identity.Account):
    """A user whose visa promises nothing."""

    def document(self, kind="visa", at=None, **members):
        return super().document(kind, at, **{"features": None, **members})


def frame(kind, number, body):
    """An MTP frame of 16 bytes and the body."""
    return b"DIM" + bytes([0x40 | kind]) + number.to_bytes(8, "big") + len(body).to_bytes(4, "big") + body


def content_of(kind, **members):
    return {"type": kind, "sn": secrets.randbelow(2**31 - 1) + 1, "time": round(time.time(), 3), **members}


def command(name, **members):
    return content_of(136, command=name, cmd=name, **members)


def plain(account, receiver, content, **envelope):
    """A signed message that anybody can read."""
    data = json.dumps(content)
    return {"sender": account.id, "receiver": receiver, "time": content.get("time", time.time()),
            "type": str(content.get("type", 0)), "data": data, "signature": b64(sign(account.key, data.encode())),
            **envelope}


def private(account, receiver, visa_key, content, key=None, **envelope):
    """A signed message encrypted for `visa_key`, PEM, under the AES key `key` (None: a new one)."""
    iv = secrets.token_bytes(16)
    data, wrapped = encrypted(json.dumps(content).encode(), key or secrets.token_bytes(32), iv, visa_key)
    return {"sender": account.id, "receiver": receiver, "time": content.get("time", time.time()),
            "type": str(content.get("type", 0)), "IV": b64(iv), "data": b64(data), "key": b64(wrapped),
            "signature": b64(sign(account.key, data)), **envelope}


def text(words):
    return content_of(1, text=words)


class Client:
    """A connection of `account` to the gateway at `address`, or one that somebody else has opened."""

    def __init__(self, address, account, opened=None):
        self.account, self.buffer, self.number = account, b"", secrets.randbelow(2**31) + 1
        self.acked = set()
        self.acknowledges = True  # what comes from the station
        self.socket = opened or socket.create_connection(address, timeout=PATIENCE)

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send_bytes(self, data):
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise Closed(str(error)) from None

    def send(self, message):
        """A message (an object, or text as it is) in a frame; gives the frame's number."""
        body = message if isinstance(message, bytes) else (
            message if isinstance(message, str) else json.dumps(message)).encode()
        self.number += 1
        self.send_bytes(frame(MESSAGE, self.number, body))
        return self.number

    def next(self, patience=PATIENCE):
        """The next message that comes, which is acknowledged unless `acknowledges` is off. What the station acknowledges goes to `acked`."""
        deadline = time.monotonic() + patience
        while True:
            taken = self._frame()
            if taken is None:
                ready, _, _ = select.select([self.socket], [], [], max(0.0, deadline - time.monotonic()))
                if not ready:
                    raise Late("nothing came")
                try:
                    data = self.socket.recv(65536)
                except ConnectionResetError:
                    data = b""
                if not data:
                    raise Closed("the station has ended the connection")
                self.buffer += data
                continue
            kind, number, body = taken
            if kind == MESSAGE_RESPONSE:
                self.acked.add(number)
            if kind == MESSAGE:
                if not self.acknowledges:
                    return json.loads(body)
                self.send_bytes(frame(MESSAGE_RESPONSE, number, b"OK"))
                return json.loads(body)

    def _frame(self):
        if len(self.buffer) < 16:
            return None
        assert self.buffer[:3] == b"DIM" and self.buffer[3] >> 4 == 4, self.buffer[:16]
        size = int.from_bytes(self.buffer[12:16], "big")
        if len(self.buffer) < 16 + size:
            return None
        taken = self.buffer[3] & 15, int.from_bytes(self.buffer[4:12], "big"), self.buffer[16:16 + size]
        self.buffer = self.buffer[16 + size:]
        return taken

    def content(self, patience=PATIENCE):
        """The next message's sender and content."""
        message = self.next(patience)
        return message["sender"], json.loads(message["data"]) if "IV" not in message else decrypted(self.account, message)

    def log_in(self):
        """The four handshakes."""
        hello = command("handshake", title="Hello world!", message="Hello world!", group="stations@everywhere")
        self.send(plain(self.account, "station@anywhere", hello, group="stations@everywhere", meta=self.account.meta,
                        visa=self.account.visa))
        asked = self.next()
        self.station, self.station_key = asked["sender"], json.loads(asked["visa"]["data"])["key"]["data"]
        self.session = decrypted(self.account, asked)["session"]
        again = command("handshake", title="Hello world!", message="Hello world!", session=self.session)
        self.send(private(self.account, self.station, self.station_key, again))
        sender, answer = self.content()
        assert (sender, answer["title"]) == (self.station, "DIM!"), answer
        return self
