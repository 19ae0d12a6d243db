"""docs/protocol/connect.md section 7: the web gateway, a WebSocket (RFC 6455) inside TLS."""
import base64
import hashlib
import os
import struct
import time

from .connection import PATIENCE, Connection
from .packets import Broken

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


def request(key, host, path="/", method="GET", **changed):
    """The HTTP request of section 7. `changed`: header lines with another value, or None for without; _ stands for -."""
    lines = {"Host": host, "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": key,
             "Sec-WebSocket-Version": "13", "Sec-WebSocket-Protocol": "dim.2023"}
    lines.update({name.replace("_", "-"): value for name, value in changed.items()})
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value is not None)
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode()


def frame(payload, opcode=BINARY, last=True, masked=True, reserved=0, length=None):
    """`length`: what the frame says it has."""
    size = len(payload) if length is None else length
    mask = os.urandom(4) if masked else b""
    if size < 126:
        head = struct.pack(">BB", opcode | reserved << 4 | (0x80 if last else 0), size | (0x80 if masked else 0))
    elif size < 65536:
        head = struct.pack(">BBH", opcode | reserved << 4 | (0x80 if last else 0), 126 | (0x80 if masked else 0), size)
    else:
        head = struct.pack(">BBQ", opcode | reserved << 4 | (0x80 if last else 0), 127 | (0x80 if masked else 0), size)
    if masked:
        payload = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
    return head + mask + payload


class WebConnection(Connection):
    """A connection of 8800 in a WebSocket. Packets go and come as on any other; `answer` is what HTTP said."""

    def __init__(self, address, watch=None, upgrade=True):
        self.open, self.buffer, self.close_code, self.pongs = False, b"", None, []
        super().__init__(address, 8800, watch=watch, alpn=(b"http/1.1",))
        self.host = f"[{address[0]}]:{address[1]}"
        if upgrade:
            key = base64.b64encode(os.urandom(16)).decode()
            self.answer = self.http(request(key, self.host))
            accept = base64.b64encode(hashlib.sha1(key.encode() + GUID).digest()).decode()
            lines = [line.lower() for line in self.answer.split("\r\n")]
            if not self.answer.startswith("HTTP/1.1 101 ") or f"sec-websocket-accept: {accept}".lower() not in lines or \
                    "sec-websocket-protocol: dim.2023" not in lines:
                raise Broken(f"no WebSocket: {self.answer!r}", "connect.md 7")
            self.open = True

    def http(self, data):
        """Sends it as it is; the head of the answer."""
        super().send_raw(data)
        deadline = time.monotonic() + PATIENCE
        while b"\r\n\r\n" not in self.buffer:
            data = super().receive_raw(deadline)
            if not data:
                break
            self.buffer += data
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        return head.decode("latin-1")

    def send_frames(self, data):
        super().send_raw(data)

    def send_raw(self, data):
        super().send_raw(frame(data) if self.open else data)

    def take_frame(self):
        """(opcode, payload) of the next whole frame; None when more is needed."""
        if len(self.buffer) < 2:
            return None
        first, size = self.buffer[0], self.buffer[1]
        at, wide = 2, {126: 2, 127: 8}.get(size & 0x7F, 0)
        if size & 0x80 or first & 0x70 or not first & 0x80:
            raise Broken(f"a frame of the station that begins with {self.buffer[:2].hex()}", "connect.md 7")
        if len(self.buffer) < at + wide:
            return None
        if wide:
            size = int.from_bytes(self.buffer[at:at + wide], "big")
            at += wide
        if len(self.buffer) < at + size:
            return None
        payload, self.buffer = self.buffer[at:at + size], self.buffer[at + size:]
        return first & 0x0F, payload

    def receive_raw(self, deadline):
        """Payloads; what belongs to WebSocket itself is kept. A close ends it as a closed connection does."""
        while True:
            got = self.take_frame()
            if got is None:
                data = super().receive_raw(deadline)
                if not data:
                    return b""
                self.buffer += data
                continue
            opcode, payload = got
            if opcode == CLOSE:
                self.close_code = int.from_bytes(payload[:2], "big") if payload else 1005
                return b""
            if opcode == PONG:
                self.pongs.append(payload)
                continue
            if opcode != BINARY:
                raise Broken(f"a frame of kind {opcode}", "connect.md 7")
            return payload
