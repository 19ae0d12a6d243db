"""People of conformance/peer who write into one channel as fast as the station takes it, and a ban in the midst of that.
bench/ban.py measures it; ban_test.py looks at what must be so however fast it is."""
import json
import os
import sys
import threading
import time
import uuid

from cryptography.hazmat.primitives.asymmetric import rsa
from OpenSSL import SSL

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../conformance"))
from claims.hubs import ask, found, join, make  # noqa: E402
from peer import packets  # noqa: E402
from peer.connection import Broken, Closed, Connection, TlsRefused  # noqa: E402
from peer.identity import Account  # noqa: E402
from peer.login import Session, Station, port_proof  # noqa: E402

ENDED = (Closed, Broken, TlsRefused, OSError)
WITHOUT_QUOTAS = """[quotas]
messages_per_second = 0
history_per_second = 0
documents_per_hour = 0
logins_per_second = 0
[network]
connections_per_second = 0
"""


class TwoWay(Connection):
    """One thread writes while another one reads."""

    def __init__(self, *arguments, **options):
        self.guard = threading.Lock()  # the state of TLS belongs to both
        super().__init__(*arguments, **options)

    def send_raw(self, data):
        sent = 0
        while sent < len(data):
            with self.guard:
                sent += self.tls.send(data[sent:sent + 16384])
                out = self.tls.bio_read(65536)
            self._send_all(out)

    def receive_raw(self, deadline):
        while True:
            try:
                with self.guard:
                    return self.tls.recv(65536)
            except SSL.WantReadError:
                data = self._raw(deadline)
                if not data:
                    return b""
                with self.guard:
                    self.tls.bio_write(data)
            except (SSL.ZeroReturnError, SSL.SysCallError):
                return b""


class Remote(Station):
    def connect(self, port=8800, **options):
        return TwoWay(self.address(port), port, watch=self.watch, **options)


class Reading(threading.Thread):
    """Takes what comes on a connection until it is closed; nobody else reads there then."""

    def __init__(self, lane):
        super().__init__(daemon=True)
        self.lane, self.codes, self.pushes, self.closed = lane, [], [], None
        self.lock = threading.Condition()
        self.start()

    def run(self):
        try:
            while True:
                packet = self.lane.receive(600)
                with self.lock:
                    (self.pushes if packet.code is None else self.codes).append(packet)
                    self.lock.notify_all()
        except ENDED:
            with self.lock:
                self.closed = time.monotonic()
                self.lock.notify_all()

    def until(self, true, seconds=120):
        """Waits until `true` holds of it."""
        with self.lock:
            if not self.lock.wait_for(lambda: true(self), seconds):
                raise AssertionError(f"waited in vain: {len(self.codes)} answers, {len(self.pushes)} pushes, closed {self.closed}")


class Writer:
    """Posts `count` texts without waiting for an answer; the station holds as many as it takes from a connection."""

    def __init__(self, lane, channel, count, size=1024):
        self.guids = [uuid.uuid4().hex for _ in range(count)]
        text = b"x" * size
        self.bytes = b"".join(packets.write("CREATE", text, {"id": str(1000 + number), "type": "message", "target": channel, "guid": guid})
                              for number, guid in enumerate(self.guids))
        self.reading = Reading(lane)
        threading.Thread(target=self.write, args=(lane,), daemon=True).start()

    def write(self, lane):
        try:
            lane.socket.settimeout(600)
            lane.send_raw(self.bytes)
        except ENDED:
            pass

    def taken(self):
        return sum(packet.code == 201 for packet in self.reading.codes)

    def done(self):
        return len(self.reading.codes) == len(self.guids) or self.reading.closed


class Crowd:
    """A hub of alice, a channel in it, and who comes in."""

    def __init__(self, at):
        self.remote = Remote(json.loads(at.dimd("id", "--json"))["id"], "::1", at.base)
        self.message_key = rsa.generate_private_key(65537, 2048)
        self.sessions = []
        self.alice = self.person()
        self.hub = found(self.alice)
        self.channel = make(self.alice, "channel", self.hub, {"name": "general"})
        self.invite = make(self.alice, "invite", self.hub, {"uses": 1000})

    def person(self, account=None, after=None):
        session = Session(self.remote, account or Account(self.message_key), after=after)
        self.sessions.append(session)
        return session

    def member(self, after=None):
        session = self.person(after=after)
        self.let_in(session)
        return session

    def let_in(self, session):
        answer = ask(session, "CREATE", "member", self.hub, {"invite": self.invite})
        assert answer.code == 201, answer

    def lane(self, session, port=8802):
        lane = self.remote.connect(port)
        proof = port_proof(session.token, lane.binding, port)
        assert lane.ask("CONNECT", fields=session.lane_fields(lane, proof=proof)).code == 200
        self.sessions.append(lane)
        return lane

    def ban(self, session):
        """The answer, when it was asked for, and when it came."""
        begun = time.monotonic()
        answer = self.alice.control.ask("CREATE", b"{}", {"type": "ban", "target": self.hub, "member": session.account.id})
        return answer, begun, time.monotonic()

    def lift(self, session):
        answer = self.alice.control.ask("DELETE", None, {"type": "ban", "target": self.hub, "member": session.account.id})
        assert answer.code == 204, answer

    def close(self):
        for one in self.sessions:
            one.close()


__all__ = ["Crowd", "Reading", "WITHOUT_QUOTAS", "Writer", "ask", "join"]
