"""Keys of others that change: told, sending stops, and a decision lets it go on; each step is a program of its own."""
import hashlib
import json
import os
import sys
import time
import uuid

import harness
from harness import of

ROOT = os.path.join(os.path.dirname(__file__), "../..")
sys.path.insert(0, os.path.join(ROOT, "conformance"))
from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: E402
from peer import letters  # noqa: E402
from peer.identity import Account, public_pem, rsa_key_json  # noqa: E402
from peer.login import Session, Station  # noqa: E402
from peer.packets import b64  # noqa: E402


def message_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Keys(harness.EndToEnd):
    def setUp(self):
        super().setUp()
        self.dimd = self.station()
        self.bobby = self.person("bobby", self.dimd.link())
        self.alice = Account(message_key())
        self.alice.visa = self.alice.document(at=round(time.time() - 60, 3), rev=1)
        self.session = Session(Station(json.loads(self.dimd.dimd("id", "--json"))["id"], "::1", self.dimd.base), self.alice)
        self.addCleanup(self.session.close)
        bobby = json.loads(self.session.control.ask("GET", fields={"type": "document", "target": self.bobby.id()}).content)
        self.bobby_identity = bobby["meta"]["key"]["data"]
        self.bobby_key = json.loads(bobby["documents"][0]["data"])["key"]["data"]
        self.written, self.last = 0, ""  # the chain of Alice's messages

    def visa(self, rev, prev, key):
        return self.alice.document(rev=rev, prev="sha256-" + b64(hashlib.sha256(prev.encode()).digest()),
                                   key=rsa_key_json(public_pem(key.public_key())))

    def write(self, text, visa):
        """A message of Alice that brings a visa along."""
        self.written += 1
        message = letters.seal(self.alice, self.bobby.id(), self.bobby_key, text, self.written, self.last)
        self.last = b64(letters.message_hash(message))
        message["visa"] = visa
        taken = self.session.text.ask("CREATE", json.dumps(message).encode(),
                                      {"type": "message", "target": self.bobby.id(), "guid": uuid.uuid4().hex})
        self.assertEqual(taken.code, 202)

    def listen(self):
        """What comes until a message of Alice is there."""
        return self.bobby.run("listen", "--once", "--timeout", "60")

    def texts_until(self, last):
        """What Alice can read with the key that she has now, until `last` has come."""
        texts = []
        while last not in texts:
            push = self.session.text.next_push()
            if "cursor" not in push.header:
                continue
            try:
                content = letters.open_letter(self.alice, json.loads(push.content), self.bobby.id(), self.bobby_identity)
                texts.append(content.get("text"))
            except ValueError:
                texts.append(None)  # for the key before
        return texts

    def contact(self):
        return next(one for one in of(self.bobby.run("contacts"), "contact") if one["id"] == self.alice.id)

    def test_I13_a_forked_visa_stops_sending_until_the_person_here_has_decided(self):
        who = self.alice.id
        self.assertEqual(of(self.bobby.run("send", who, "hello"), "message")[0]["state"], "sent")
        self.assertFalse(of(self.bobby.run("verify", who, "--confirm"), "verify")[0]["blocked"])
        stolen = message_key()
        self.write("who has made this key?", self.visa(2, "not the one before", stolen))
        got = self.listen()
        self.assertEqual(of(got, "message")[0]["text"], "who has made this key?")
        self.assertNotIn("missing", of(got, "message")[0])
        if not of(got, "alarm"):  # it stands behind the message
            got = self.bobby.run("listen", "--timeout", "1", code=3)
        alarm = of(got, "alarm")[0]
        self.assertEqual((alarm["peer"], alarm["blocked"]), (who, True))

        refused = of(self.bobby.run("send", who, "a secret", code=5), "error")[0]
        self.assertEqual(refused["code"], "SECURITY_ERROR")
        self.assertIn("dim verify", refused["message"])
        self.assertTrue(self.contact()["blocked"])
        self.assertEqual(of(self.bobby.run("status"), "status")[0]["blocked"], 1)
        self.assertIn("KEYS", self.bobby.run("status", as_json=False))
        self.assertIn("KEYS CHANGED", self.bobby.run("contacts", as_json=False))
        self.assertIn("KEYS CHANGED", self.bobby.run("history", who, as_json=False))
        self.assertTrue(of(self.bobby.run("verify", who), "verify")[0]["blocked"])
        self.assertEqual(of(self.bobby.run("status"), "status")[0]["waiting"], 0, "nothing was left for later either")

        decided = of(self.bobby.run("verify", who, "--confirm"), "verify")[0]
        self.assertEqual((decided["blocked"], decided["verified"]), (False, True))
        self.assertEqual(of(self.bobby.run("send", who, "after all"), "message")[0]["state"], "sent")
        self.assertFalse(self.contact()["blocked"])
        self.assertEqual(of(self.bobby.run("status"), "status")[0]["blocked"], 0)
        # What was sent last is for the key that was decided for.
        self.alice.message_key = stolen
        self.assertNotIn("a secret", self.texts_until("after all"))

    def test_A04_verify_asks_for_the_newest_keys_and_the_next_message_is_for_them(self):
        who = self.alice.id
        self.assertEqual(of(self.bobby.run("send", who, "hello"), "message")[0]["state"], "sent")
        self.alice.message_key = message_key()
        visa = self.visa(2, self.alice.visa["data"], self.alice.message_key)
        self.assertEqual(self.session.control.ask("CREATE", json.dumps({"document": visa}).encode(),
                                                  {"type": "document", "target": who}).code, 201)
        self.assertFalse(of(self.bobby.run("verify", who), "verify")[0]["blocked"], "it continues the chain")
        self.bobby.run("send", who, "for the new key")
        self.assertIn("for the new key", self.texts_until("for the new key"))

    def test_I13_of_somebody_who_is_not_verified_it_is_said_and_taken(self):
        who = self.alice.id
        self.bobby.run("send", who, "hello")
        self.write("a new phone", self.visa(2, "not the one before", message_key()))
        got = self.listen() + self.bobby.run("listen", "--timeout", "1", code=3)
        self.assertEqual([alarm["blocked"] for alarm in of(got, "alarm")], [False])
        self.assertEqual(of(self.bobby.run("send", who, "fine"), "message")[0]["state"], "sent")
        self.assertFalse(self.contact()["blocked"])


if __name__ == "__main__":
    harness.main()
