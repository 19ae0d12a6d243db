"""What clients of the dimchat world send through a running gateway to `dim`, forged or malformed: the station passes on
what its sender has signed, and `dim` shows, believes and changes nothing of it. The control stands beside each."""
import base64
import json
import socket
import time

import harness
from gateway_world import MESSAGE_KEY, GatewayWorld
from peer import dimchat, identity
from peer.connection import Closed
from peer.dimchat import command, content_of, plain, private, text
from peer.identity import btc_address, ecc_key_json, public_pem, sign
from peer.letters import decrypted, seal
from peer.packets import b64

ANYONE = "anyone@anywhere"
OTHER = "gsp@x77uVYBT1G48CLzW9iwe2dr5jhUNEM772G"  # another station


class Group:
    """A group that an account of the dimchat world has founded; what is told of it goes in forwards."""

    def __init__(self, founder, administrators=()):
        self.founder, self.seed = founder, "Group-4711"
        mark = sign(founder.key, self.seed.encode())
        self.id = self.seed + "@" + btc_address(mark, 1)
        self.meta = {"type": "1", "key": ecc_key_json(public_pem(founder.key.public_key())), "seed": self.seed,
                     "fingerprint": b64(mark)}
        now = round(time.time() - 60, 3)
        inside = {"did": self.id, "type": "bulletin", "time": now, "founder": founder.id, "name": "friends",
                  "administrators": list(administrators)}
        data = json.dumps(inside)
        self.bulletin = {"did": self.id, "type": "bulletin", "data": data, "signature": b64(sign(founder.key, data.encode()))}

    def about(self, by):
        """Its meta and bulletin, as anybody may bring them."""
        return plain(by, ANYONE, command("documents", did=self.id, meta=self.meta, documents=[self.bulletin]))

    def says(self, by, name, at=None, **members):
        """A command of its history, signed by `by`. `at`: its time in seconds; None: without one."""
        content = content_of(137, command=name, group=self.id, **members)
        content["time"] = round(time.time(), 3) if at == "now" else at
        return plain(by, ANYONE, {key: value for key, value in content.items() if value is not None})

    def reset(self, by, people, at="now"):
        return self.says(by, "reset", at, members=[one if isinstance(one, str) else one.id for one in people])


class ThroughTheGateway(GatewayWorld):
    def setUp(self):
        super().setUp()
        self.dora = self.person("doris", self.at.link())
        self.id = self.dora.id()
        self.alice.send(private(self.alice_account, self.alice.station, self.alice.station_key, command("documents", did=self.id)))
        told = self.alice.content()[1]
        self.key = json.loads((told.get("documents") or [told["document"]])[0]["data"])["key"]["data"]
        self.bob_client, self.carol = self.come(self.bob_account), self.come(self.carol_account)

    def to_dora(self, account, content, **envelope):
        return private(account, self.id, self.key, content, **envelope)

    def passed_on(self, client, message):
        """The station takes it, so it is up to dim."""
        client.send(message)
        while True:  # dim answers too, and the station others' questions
            sender, content = client.content()
            origin = content.get("origin") or {}
            if sender == client.station and origin.get("signature") == message["signature"]:
                return self.assertIn(content["text"], ("Message cached.", "Message delivered."))

    def heard(self):
        """What dora is told of everything that was sent so far. What needs somebody's keys comes behind what does not, so it is
        asked twice, each time until words that were sent behind all the rest have come."""
        said = []
        for words in ("that was all", "and that was really all"):
            self.passed_on(self.alice, self.to_dora(self.alice_account, text(words)))
            said += self.listens_until(words)
        return said

    def listens_until(self, words):
        """Everything that she is told up to these words, and without them."""
        said, deadline = [], time.monotonic() + 60
        while not any(one.get("text") == words for one in said):
            self.assertLess(time.monotonic(), deadline, said)
            said += self.dora.run("listen", "--once", "--timeout", "10", code=None)
        return [one for one in said if one.get("text") != words]

    def texts(self, said):
        return [one["text"] for one in said if one["event"] == "message" and one["text"]]

    def test_A10_a_flipped_IV_changes_no_word(self):
        erin = identity.Account(MESSAGE_KEY, "erin")  # she writes as our programs do: 16 spaces, bound
        client = self.come_bound(erin)
        self.passed_on(client, seal(erin, self.id, self.key, "as she wrote it"))
        for at in range(16):
            message = seal(erin, self.id, self.key, f"flipped {at}")
            iv = bytearray(base64.b64decode(message["IV"]))
            iv[at] ^= 1 << at % 8
            self.passed_on(client, {**message, "IV": b64(bytes(iv))})
        said = self.heard()
        self.assertEqual(self.texts(said), ["as she wrote it"])
        # Nor of what programs of the reference write, whose first block is the beginning of the content.
        for at in (0, 2, 9, 13):
            message = self.to_dora(self.alice_account, text(f"flipped {at}"))
            iv = bytearray(base64.b64decode(message["IV"]))
            iv[at] ^= 8
            self.passed_on(self.alice, {**message, "IV": b64(bytes(iv))})
        self.assertEqual(self.texts(self.heard()), [])

    # --- receipts, handshakes

    def test_A16_J29_a_receipt_counts_of_the_receiver_only(self):
        self.dora.run("send", self.bob, "did you get this?")
        message = self.bob_client.next()
        self.assertEqual(decrypted(self.bob_account, message)["text"], "did you get this?")
        origin = {**{key: message[key] for key in ("sender", "receiver", "time", "signature")},
                  "sn": decrypted(self.bob_account, message)["sn"]}

        def receipt(**members):
            return command("receipt", text="Message received.", origin={**origin, **members})

        def state():
            self.heard()
            return [one["state"] for one in self.dora.run("history", self.bob) if one.get("text") == "did you get this?"]

        self.passed_on(self.carol, self.to_dora(self.carol_account, receipt()))
        self.passed_on(self.alice, self.to_dora(self.alice_account, receipt(receiver=self.alice_account.id)))
        self.passed_on(self.bob_client, self.to_dora(self.bob_account, receipt(signature=b64(b"another"))))
        self.assertEqual(state(), ["sent"])
        self.passed_on(self.bob_client, self.to_dora(self.bob_account, receipt()))
        self.assertEqual(state(), ["delivered"])

    def test_A18_J31_a_question_of_who_was_not_dialled_gets_no_answer(self):
        for content in (command("handshake", title="DIM?", session="0" * 64), command("handshake", title="DIM!", session="0" * 64)):
            self.passed_on(self.carol, self.to_dora(self.carol_account, content))
        self.assertEqual(self.texts(self.heard()), [])
        self.carol.send(private(self.carol_account, self.carol.station, self.carol.station_key, command("tea")))
        self.assertEqual(self.carol.content()[1]["text"], "Command not support.", "nothing came before that")
        # A home that dials here and means another station signs for that one, and is not answered.
        host, port = self.address
        fred = self.person("fred")
        before = len(self.at.log_text())
        fred.run("join", f"dimchat://{host}:{port}?station={OTHER}", "--name", "fred", code=4)
        self.assertIn("event=handshake-relayed", self.log_since(before))
        self.assertNotIn("event=login ", self.log_since(before))
        self.person("freda").run("join", f"dimchat://{host}:{port}?station={self.alice.station}", "--name", "freda")
        self.assertIn("event=login ", self.log_since(before))

    def test_A18_J31_a_question_of_another_station_at_the_address_gets_no_signature(self):
        rogue = dimchat.Account(MESSAGE_KEY, "rogue")
        mark = sign(rogue.key, b"rogue")
        rogue.id = "rogue@" + btc_address(mark, 2)
        rogue.meta = {"type": "1", "key": ecc_key_json(public_pem(rogue.key.public_key())), "seed": "rogue", "fingerprint": b64(mark)}
        rogue.visa = rogue.document()
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        fred = self.person("fred")
        joins = fred.start("join", f"dimchat://127.0.0.1:{listener.getsockname()[1]}?station={self.alice.station}", "--name", "fred")
        with dimchat.Client(None, rogue, listener.accept()[0]) as victim:
            hello = victim.next()
            key = json.loads(hello["visa"]["data"])["key"]["data"]
            # The session of the real station, passed on.
            question = command("handshake", title="DIM?", session=self.alice.session)
            victim.send({**private(rogue, hello["sender"], key, question), "meta": rogue.meta, "visa": rogue.visa})
            with self.assertRaises(Closed):
                self.fail(f"it has signed {victim.next()}")
        out, _ = joins.communicate(timeout=60)
        self.assertEqual(joins.returncode, 5, out)

    # --- groups

    def test_A27_A28_J28_nobody_but_its_leaders_changes_a_group_and_only_members_speak_in_it(self):
        alice, bob, carol = self.alice_account, self.bob_account, self.carol_account
        friends = Group(bob, administrators=[alice.id])
        people = [bob.id, alice.id, self.id]

        def tell(client, *commands):
            self.passed_on(client, self.to_dora(client.account, content_of(255, secrets=[friends.about(client.account), *commands])))

        def say(client, words):
            self.passed_on(client, self.to_dora(client.account, {**text(words), "group": friends.id}))

        def members():
            return [one["id"] for one in self.dora.run("group", "members", friends.id)]

        first = round(time.time(), 3)
        tell(self.bob_client, friends.reset(bob, people, first))
        say(self.bob_client, "hello friends")
        self.listens_until("hello friends")
        shown = [one for one in self.dora.run("history", friends.id) if one.get("text") == "hello friends"]
        self.assertEqual([(one["peer"], one["sender"]) for one in shown], [(friends.id, bob.id)])
        self.assertEqual(members(), people)

        # Of somebody who is not in it, of an administrator against the owner, and what is malformed or outdated.
        many = [btc_address(number.to_bytes(4, "big")) for number in range(10_000)]
        for client, commands in (
                (self.carol, [friends.reset(carol, [bob, alice, carol, self.id])]),
                (self.carol, [friends.says(carol, "invite", "now", members=[carol.id])]),
                (self.carol, [friends.says(carol, "expel", "now", members=[alice.id])]),
                (self.carol, [friends.says(carol, "hire", "now", administrators=[carol.id]), friends.reset(carol, [bob, carol, self.id])]),
                (self.carol, [Group(carol).about(carol), Group(carol).reset(carol, [carol])]),
                (self.alice, [friends.reset(alice, [alice, carol, self.id])]),
                (self.alice, [friends.says(alice, "expel", "now", members=[bob.id])]),
                (self.alice, [friends.says(alice, "fire", "now", administrators=[alice.id])]),
                (self.bob_client, [friends.reset(bob, [bob, self.id], first - 30)]),
                (self.bob_client, [friends.reset(bob, [bob, self.id], time.time() + 400)]),
                (self.bob_client, [friends.reset(bob, [bob, self.id], None)]),
                (self.bob_client, [friends.reset(bob, [bob.id, alice.id, *many])])):
            tell(client, *commands)
        # A command that is no part of a history, and a forged one: carol's words under bob's name.
        self.passed_on(self.carol, self.to_dora(carol, content_of(137, command="reset", group=friends.id, members=[carol.id])))
        forged = {**friends.reset(carol, [bob, carol, self.id]), "sender": bob.id}
        tell(self.carol, forged)
        say(self.carol, "I am one of you")
        self.assertEqual(self.texts(self.heard()), [])
        self.assertEqual(members(), people)

        # What its leaders say counts, each member once.
        tell(self.alice, friends.reset(alice, [*people, carol, carol]))
        say(self.carol, "now I am")
        self.listens_until("now I am")
        self.assertEqual(members(), [*people, carol.id])


if __name__ == "__main__":
    harness.main()
