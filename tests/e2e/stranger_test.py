"""A client that shares no code with this tree: conformance/peer, which was written after docs/protocol. It logs in at a
real station, writes to a person who uses `dim`, is read, and reads the answer."""
import json
import os
import sys
import uuid

import harness
from harness import of

ROOT = os.path.join(os.path.dirname(__file__), "../..")
sys.path.insert(0, os.path.join(ROOT, "conformance"))
from cryptography.hazmat.primitives.asymmetric import ec  # noqa: E402
from peer import letters  # noqa: E402
from peer.identity import Account, verifies  # noqa: E402
from peer.login import LoginFailed, Session, Station  # noqa: E402
from peer.packets import b64, unb64  # noqa: E402

with open(os.path.join(ROOT, "vectors/accounts.json"), encoding="utf-8") as accounts:
    ALICE = Account.from_vector(json.load(accounts)["alice"])


class Stranger(harness.EndToEnd):
    def enter(self, station):
        return Session(Station(json.loads(station.dimd("id", "--json"))["id"], "::1", station.base), ALICE)

    def test_a_client_written_after_the_documents_talks_with_ours(self):
        station = self.station()
        bobby = self.person("bobby", station.link())
        alice = self.enter(station)
        self.addCleanup(alice.close)

        # operations.md: names and documents
        name = alice.control.ask("GET", fields={"type": "name", "target": "bobby"})
        self.assertEqual((name.code, name["owner"]), (200, bobby.id()))
        answer = alice.control.ask("GET", fields={"type": "document", "target": name["owner"]})
        self.assertEqual(answer.code, 200)
        known = json.loads(answer.content)
        visa = known["documents"][0]
        bobby_key = known["meta"]["key"]["data"]
        self.assertTrue(verifies(bobby_key, visa["data"].encode(), unb64(visa["signature"])))
        visa_key = json.loads(visa["data"])["key"]["data"]

        message = letters.seal(ALICE, bobby.id(), visa_key, "From a stranger: grüße 你好")
        guid = uuid.uuid4().hex
        taken = alice.text.ask("CREATE", json.dumps(message).encode(),
                               {"type": "message", "target": bobby.id(), "guid": guid})
        self.assertEqual((taken.code, taken["guid"]), (202, guid))
        got = of(bobby.run("listen", "--once", "--timeout", "10"), "message")[0]
        self.assertEqual((got["text"], got["peer"], got["label"]),
                         ("From a stranger: grüße 你好", ALICE.id, "secure, old protocol"))

        # Both receipts, then the answer, in order; what is stored is acknowledged.
        bobby.run("send", ALICE.id, "Welcome.")
        opened = []
        while len(opened) < 3:
            push = alice.text.next_push()
            if "cursor" not in push.header:
                continue
            self.assertEqual((push["operation"], push["author"]), ("CREATE", bobby.id()))
            opened.append(letters.open_letter(ALICE, json.loads(push.content), bobby.id(), bobby_key))
        self.assertEqual([receipt.get("state") for receipt in opened], ["delivered", "read", None])
        for receipt in opened[:2]:
            self.assertEqual((receipt["guid"], receipt["hash"]), (guid, b64(letters.message_hash(message))))
        self.assertEqual(opened[2]["text"], "Welcome.")
        self.assertEqual([content["seq"] for content in opened], [1, 2, 3])
        self.assertEqual(alice.text.ask("NOTIFY", fields={"type": "cursor", "cursor": "3"}).code, 200)

    def test_a_stranger_with_the_wrong_key_stays_outside(self):
        station = self.station()
        key, ALICE.key = ALICE.key, ec.generate_private_key(ec.SECP256K1())
        try:
            with self.assertRaisesRegex(LoginFailed, "402 Unauthorised"):
                self.enter(station)
        finally:
            ALICE.key = key


if __name__ == "__main__":
    harness.main()
