"""docs/protocol/connect.md section 1: one connection, in the plain or inside TLS 1.3."""
import base64
import hashlib
import select
import socket
import time

from OpenSSL import SSL, crypto

from . import packets
from .packets import Broken, Packet, Reader

PATIENCE = 20.0  # seconds that an answer may take


class Closed(Exception):
    """The other side has ended the connection."""


class Late(Exception):
    """Nothing came within the time."""


class TlsRefused(Exception):
    """The handshake ended with an alert; the text is OpenSSL's name of it."""


def resolve(host, port):
    """The first IPv6 address of a name (uris.md section 2: names are resolved to IPv6 addresses only)."""
    return socket.getaddrinfo(host, port, socket.AF_INET6, socket.SOCK_STREAM)[0][4]


class Connection:
    """`port` is the lane as the draft numbers it, 8800 or 8801; `address` is what socket.connect takes.
    Every packet that comes is told to `watch`."""

    def __init__(self, address, port=8800, tls=True, watch=None, **tls_options):
        self.port, self.watch = port, watch or (lambda packet: None)
        self.tls, self.reader, self.number = None, Reader(), 0
        self.pushes = []  # what came while an answer was awaited
        self.asked = {}   # (lane, id) -> operation and type of what has no answer yet
        self.socket = socket.create_connection(address[:2], timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.start_tls(**tls_options)

    # --- TLS, on buffers of its own, so that a claim decides which bytes go into which segment

    def start_tls(self, alpn=(b"dim/2023",), newest=SSL.TLS1_3_VERSION, oldest=SSL.TLS1_2_VERSION):
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_min_proto_version(oldest)
        context.set_max_proto_version(newest)
        if alpn:
            context.set_alpn_protos(list(alpn))
        self.tls = SSL.Connection(context, None)
        self.tls.set_connect_state()
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self.tls.do_handshake()
                self._flush()
                break
            except SSL.WantReadError:
                self._flush()
                data = self._raw(deadline)
                if not data:
                    raise TlsRefused("closed during the handshake") from None
                self.tls.bio_write(data)
            except SSL.Error as error:
                raise TlsRefused(str(error)) from None
        self.binding = self.tls.export_keying_material(b"EXPORTER-Channel-Binding", 32, b"")
        certificate = self.tls.get_peer_certificate()
        spki = crypto.dump_publickey(crypto.FILETYPE_ASN1, certificate.get_pubkey())
        self.pin = "sha256-" + base64.urlsafe_b64encode(hashlib.sha256(spki).digest()).decode().rstrip("=")

    def _flush(self):
        while True:
            try:
                data = self.tls.bio_read(65536)
            except SSL.WantReadError:
                return
            self._send_all(data)

    def _send_all(self, data):
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise Closed(str(error)) from None
        except TimeoutError:
            raise Late("the station reads no more") from None

    def _raw(self, deadline):
        ready, _, _ = select.select([self.socket], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            raise Late("nothing came")
        try:
            return self.socket.recv(65536)
        except ConnectionResetError:
            return b""

    # --- bytes

    def send_raw(self, data):
        """Sends bytes as they are: one TLS record for each 16 KiB."""
        if self.tls is None:
            return self._send_all(data)
        sent = 0
        while sent < len(data):
            sent += self.tls.send(data[sent:sent + 16384])
            self._flush()

    def receive_raw(self, deadline):
        """Some bytes; none when the other side has ended the connection."""
        if self.tls is None:
            return self._raw(deadline)
        while True:
            try:
                return self.tls.recv(65536)
            except SSL.WantReadError:
                data = self._raw(deadline)
                if not data:
                    return b""
                self.tls.bio_write(data)
            except (SSL.ZeroReturnError, SSL.SysCallError):
                return b""
            except SSL.Error as error:
                raise TlsRefused(str(error)) from None

    # --- packets

    def numbered(self, fields):
        """The fields, with the next id in front unless they have one."""
        if fields and "id" in fields:
            return dict(fields)
        self.number += 1
        return {"id": str(self.number), **(fields or {})}

    def send(self, operation, content=None, fields=None, **options):
        """Sends a request; returns its id."""
        fields = self.numbered(fields)
        self.asked[fields.get("lane"), fields["id"]] = operation, fields.get("type")
        self.send_raw(packets.write(operation, content, fields, **options))
        return fields["id"]

    def receive(self, patience=PATIENCE):
        """The next packet. Raises Closed, Late, Broken."""
        deadline = time.monotonic() + patience
        while True:
            packet = self.reader.next()
            if packet is not None:
                packet.asked = self.asked.pop((packet.get("lane"), packet.get("reply")), None)
                self.watch(packet)
                return packet
            data = self.receive_raw(deadline)
            if not data:
                if self.reader.buffer:
                    raise Broken("the connection ended within a packet")
                raise Closed("the station has ended the connection")
            self.reader.feed(data)

    def answer_to(self, number, patience=PATIENCE):
        """The response whose reply is `number` (None: one without reply). Pushes are kept in `pushes`."""
        while True:
            packet = self.receive(patience)
            if packet.code is None:
                self.pushes.append(packet)
            elif packet.get("reply") == number:
                return packet
            else:
                raise Broken(f"an answer to {packet.get('reply')}, where {number} was asked: {packet}",
                             "packets.md#6-a-packet-and-its-answer")

    def ask(self, operation, content=None, fields=None, **options):
        """Sends a request; its answer. What the station said before it ended the connection is told first."""
        fields = self.numbered(fields)
        try:
            self.send(operation, content, fields, **options)
        except Closed:
            pass  # reading tells
        return self.answer_to(fields["id"])

    def next_push(self, patience=PATIENCE):
        if self.pushes:
            return self.pushes.pop(0)
        packet = self.receive(patience)
        if packet.code is not None:
            raise Broken(f"a response that nothing asked for: {packet}", "packets.md#6-a-packet-and-its-answer")
        return packet

    def until_closed(self, patience=PATIENCE):
        """What comes until the station ends the connection."""
        got = []
        while True:
            try:
                got.append(self.receive(patience))
            except Closed:
                return got

    def ping(self):
        """True when the connection works."""
        return self.ask("NOTIFY", fields={"type": "ping"}).code == 200

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


__all__ = ["Broken", "Closed", "Connection", "Late", "Packet", "TlsRefused", "resolve"]
