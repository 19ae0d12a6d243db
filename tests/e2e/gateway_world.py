"""People of the dimchat world at a running gateway, over sockets, and what must come of what they send: shared by the
tests of what it refuses and of what it passes on."""
import json
import os
import re
import sys
import time

from cryptography.hazmat.primitives.asymmetric import rsa

import harness

ROOT = os.path.join(os.path.dirname(__file__), "../..")
sys.path.insert(0, os.path.join(ROOT, "conformance"))
from peer import dimchat  # noqa: E402
from peer.connection import Late  # noqa: E402
from peer.dimchat import command, plain, private  # noqa: E402
from peer.identity import public_pem  # noqa: E402
from peer.letters import decrypted  # noqa: E402

MESSAGE_KEY = rsa.generate_private_key(65537, 2048)  # of everybody here


def bound(account, receiver, content):
    """The content, and for whom it was written."""
    return {**content, "bind": {"v": 1, "from": account.id, "to": receiver, "time": content["time"]}}


class GatewayWorld(harness.EndToEnd):
    """A station with its gateway; alice has logged in there, bob is known and away."""

    def setUp(self):
        super().setUp()
        data = os.path.join(self.folder, "station")
        os.makedirs(data, mode=0o700)
        with open(os.path.join(data, "dimd.toml"), "w", encoding="utf-8") as config:
            config.write('[log]\nlevel = "debug"\n')
        port = harness.free_port_base()
        self.address = ("127.0.0.1", port)
        self.at = self.station("--dimchat", f"127.0.0.1:{port}")
        self.alice_account, self.bob_account, self.carol_account = (
            dimchat.Account(MESSAGE_KEY, name) for name in ("alice", "bob", "carol"))
        self.bob = self.bob_account.id
        self.come(self.bob_account).close()  # known, and away
        self.alice = self.come(self.alice_account)
        self.tried = []  # signatures of what must not be on the disk
        self.wrong = 0

    def dial(self, account):
        client = dimchat.Client(self.address, account)
        self.addCleanup(client.close)
        return client

    def come(self, account):
        return self.dial(account).log_in()

    @staticmethod
    def hello(account, binds=False):
        """The first step of a log-in: in the plain, with meta and visa."""
        content = command("handshake", title="Hello world!", message="Hello world!", group="stations@everywhere")
        return plain(account, "station@anywhere", bound(account, "station@anywhere", content) if binds else content,
                     group="stations@everywhere", meta=account.meta, visa=account.visa)

    def greet_bound(self, account):
        """A connection of somebody whose visa promises to bind every content, and who does; and its session."""
        client = self.dial(account)
        client.send(self.hello(account, binds=True))
        asked = client.next()
        client.station, client.station_key = asked["sender"], json.loads(asked["visa"]["data"])["key"]["data"]
        return client, decrypted(account, asked)["session"]

    def come_bound(self, account):
        client, session = self.greet_bound(account)
        again = command("handshake", title="Hello world!", session=session)
        client.send(private(account, client.station, client.station_key, bound(account, client.station, again)))
        self.assertEqual(client.content()[1]["title"], "DIM!")
        return client

    def right(self, words="right", receiver=None, account=None):
        account = account or self.alice_account
        return private(account, receiver or self.bob, public_pem(MESSAGE_KEY.public_key()), dimchat.text(words))

    def to_station(self, content, **envelope):
        return private(self.alice_account, self.alice.station, self.alice.station_key, content, **envelope)

    # --- what must come of it

    def log_since(self, size):
        return self.at.log_text()[size:]

    def unanswered(self, message, what, client):
        """`message` is acknowledged as bytes, and nothing comes before that."""
        number = client.send(message)
        deadline = time.monotonic() + 60
        while number not in client.acked and time.monotonic() < deadline:
            try:
                self.fail(f"{what}: answered with {str(client.content(0.05))[:300]}")
            except Late:
                continue
        self.assertIn(number, client.acked, what)

    def answer(self, content, client=None, keep=True):
        """What the station's receipt says to `content`; without `keep` it must not be on the disk."""
        client = client or self.alice
        message = private(client.account, client.station, client.station_key, content)
        if not keep:
            self.tried.append(message["signature"].encode())
        client.send(message)
        sender, receipt = client.content()
        self.assertEqual((sender, receipt["command"]), (client.station, "receipt"))
        return receipt["text"]

    def refused(self, message, what, why, client=None):
        """`message`, an object or text, is acknowledged as bytes and not answered, and the log names the event `why`."""
        client = client or self.alice
        text = message if isinstance(message, str) else json.dumps(message)
        self.tried += [one.encode() for one in re.findall(r'"signature": "([^"]{40,})"', text)]
        before = len(self.at.log_text())
        self.unanswered(text, what, client)
        self.assertRegex(self.log_since(before), f"event={why}\\b", what)
        # Twenty wrong ones end a connection; this is about each of them.
        self.wrong += 1
        if client is self.alice and self.wrong % 15 == 0:
            self.alice.close()
            self.alice = self.come(self.alice_account)

    def refused_with(self, why="gateway-bad-message", **members):
        self.refused({**self.right(), **members}, str(members)[:80], why)

    def got(self, client, words):
        sender, content = client.content()
        self.assertEqual((sender, content.get("text")), (self.alice_account.id, words))

    def right_one(self, words):
        """Alice writes to Bob as she should, and is told so; the message."""
        message = self.right(words)
        self.alice.send(message)
        sender, receipt = self.alice.content()
        self.assertEqual((sender, receipt["command"]), (self.alice.station, "receipt"))
        self.assertIn(receipt["text"], ("Message cached.", "Message delivered."))
        return message

    def still_serves(self):
        """What is right arrives, first what waited and then what is new, and nothing that was refused before or between
        them; and nothing of that is on the disk, on which what is right is."""
        self.right_one("waited")
        bob = self.come(self.bob_account)
        self.got(bob, "waited")
        self.right_one("new")
        self.got(bob, "new")
        bob.close()
        stays = self.right_one("stays")["signature"].encode()
        self.assertEqual(self.at.stop(), 0)
        stored = b""
        for folder, _, names in os.walk(self.at.data):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    stored += file.read() + b"|"
        self.assertTrue(stays in stored, "the station's folder was not really read")
        self.assertGreater(len(self.tried), 0)
        for signature in self.tried:
            self.assertFalse(signature in stored, f"stored: {signature}")
