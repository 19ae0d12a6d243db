"""What a running gateway holds to, over real sockets: what it keeps until it is acknowledged, what it answers and to whom,
what it tells of names and in its log, and how much memory strangers get."""
import socket
import time

import harness
from gateway_world import MESSAGE_KEY, GatewayWorld
from peer.dimchat import command, content_of, plain, private, text
from peer.identity import public_pem

MIB = 1 << 20


class Running(GatewayWorld):
    def answers(self, content, client=None):
        """The contents that come to `client` before the answer to a question that is asked behind `content`."""
        client = client or self.alice
        client.send(private(client.account, client.station, client.station_key, content))
        client.send(private(client.account, client.station, client.station_key, command("last question")))
        out = []
        while True:
            content = client.content()[1]
            if (content.get("replacements") or {}).get("command") == "last question":
                return out
            out.append(content)

    def test_A15_a_message_leaves_the_inbox_with_its_acknowledgement_only(self):
        self.right_one("kept")
        for _ in range(3):
            bob = self.come(self.bob_account)
            bob.acknowledges = False
            self.got(bob, "kept")
            bob.close()
        bob = self.come(self.bob_account)
        self.got(bob, "kept")
        self.assertEqual(self.answers(command("tea"), bob)[0]["text"], "Command not support.")  # behind the acknowledgement
        bob.close()
        bob = self.come(self.bob_account)
        self.right_one("and the next")
        self.got(bob, "and the next")
        bob.close()
        # The station is killed between the two: what was not acknowledged is there after it.
        self.right_one("kept again")
        bob = self.come(self.bob_account)
        bob.acknowledges = False
        self.got(bob, "kept again")
        self.at.kill()
        self.at.start()
        bob = self.come(self.bob_account)
        # It may have forgotten acknowledgements of its last seconds; it forgets no message.
        while bob.content()[1]["text"] != "kept again":
            pass

    def test_J30_what_is_unknown_gets_one_receipt_and_a_receipt_none(self):
        for content, said in ((command("make-coffee"), "Command not support."), (content_of(99, x=1), "Content not support."),
                              (text("hello station"), "Content not support.")):
            self.assertEqual([one["text"] for one in self.answers(content)], [said])
        receipt = command("receipt", text="Message received.")
        self.assertEqual(self.answers(receipt), [])
        # Between people it goes as it came.
        bob = self.come(self.bob_account)
        for content in (content_of(99, x=1), command("make-coffee", milk=True)):
            self.alice.send(private(self.alice_account, self.bob, public_pem(MESSAGE_KEY.public_key()), content))
            self.assertEqual(bob.content(), (self.alice_account.id, content))

    def test_A24_A38_session_keys_are_new_each_time_and_the_log_holds_no_secret_and_no_line_of_a_stranger(self):
        sessions = [self.come(account).session for account in (self.alice_account, self.bob_account, self.carol_account) * 2]
        self.assertEqual(len(set(sessions)), len(sessions))
        for session in sessions:
            self.assertRegex(session, "^[0-9a-f]{64}$")
        evil = 'x\x1b[31m\r\ntime=2026 level=info event=forged who="canary"\u202e'
        self.right_one("canary-text")
        self.answers(command(evil))
        self.answers(content_of(136, command="login", did=evil, station={"did": evil, "host": evil, "port": 1}))
        self.answers(command("documents", did=evil))
        self.answers(command("ans", names=evil))
        for bad in ({**self.right("canary-data"), "sender": evil}, {**self.right(), "receiver": evil}, evil,
                    {**self.right(), "signature": evil}, {**self.right(), evil: evil}):
            self.alice.send(bad)
        stranger = self.dial(self.carol_account)
        stranger.send(plain(self.carol_account, "station@anywhere", command("handshake", title="Hello world!", station=evil)))
        self.answers(command("tea"))
        self.assertEqual(self.at.stop(), 0)
        log = self.at.log_text()
        self.assertIn("event=login", log)
        self.assertIn("event=gateway-bad-message", log)
        for line in log.splitlines():
            self.assertRegex(line, "^(time=|dimd: )")
            self.assertTrue(line.isprintable() and line.isascii(), repr(line))
            self.assertLess(len(line), 1_000)
        self.assertNotRegex(log, "(?m)^[^\"]*event=forged")
        for secret in (*sessions, "canary-text", "canary-data"):
            self.assertNotIn(secret, log)

    def test_A26_only_names_that_are_registered_are_told_and_nobody_registers_one_by_saying_so(self):
        doris = self.person("doris", self.at.link())
        names = ["doris", "station", "nobody", "Doris", "d\u00f6rte", "\u0501oris", "a b", "../etc", "", "doris@anywhere"]

        def told():
            return self.answers(command("ans", names=" ".join(name for name in names if " " not in name)))[-1]

        expected = {"doris": doris.id(), "Doris": doris.id(), "station": self.alice.station}
        records = told()["records"]
        self.assertEqual({name: records[name] for name in expected}, expected)
        self.assertEqual(set(records) - set(expected), set())
        for name in names:
            self.alice.send(private(self.alice_account, self.alice.station, self.alice.station_key,
                                    command("ans", names=[name], records={name: self.alice_account.id})))
        self.assertEqual(told()["records"], records)
        # Nor is a name in the place of an ID somebody's place.
        self.assertEqual(doris.run("verify", "doris")[0]["id"], doris.id())

    def dialled(self):
        one = socket.create_connection(self.address, timeout=60)
        self.addCleanup(one.close)
        return one

    def ended(self, one):
        """What comes until the station ends the connection."""
        got = b""
        try:
            while data := one.recv(65536):
                got += data
        except ConnectionResetError:
            pass
        return got

    def test_A33_a_length_over_the_limit_ends_the_connection_before_its_bytes_come(self):
        upgrade = (b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                   b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        for size in (MIB + 1, 1 << 30):
            wide = size.to_bytes(4, "big")
            for name, head in (("MTP", b"DIM\x42" + bytes(8) + wide),
                               ("Mars", b"".join(word.to_bytes(4, "big") for word in (20, 200, 3, 1)) + wide),
                               ("WebSocket", upgrade + b"\x81\xff" + bytes(4) + wide + b"\1\2\3\4")):
                with self.subTest(framing=name, size=size):
                    before = len(self.at.log_text())
                    one = self.dialled()
                    one.sendall(head)
                    got = self.ended(one)
                    self.assertRegex(self.log_since(before), "event=gateway-frame")
                    if name == "WebSocket":
                        self.assertTrue(got.endswith(b"\x88\x02\x03\xf1"), got[-40:])  # 1009
        self.right_one("it goes on")

    def test_A33_strangers_together_hold_64_MiB(self):
        part = (b"DIM\x42" + bytes(8) + MIB.to_bytes(4, "big")).ljust(MIB + 15, b"{")  # all but the last byte
        strangers = []
        for _ in range(70):
            strangers.append(self.dialled())
            try:
                strangers[-1].sendall(part)
            except (BrokenPipeError, ConnectionResetError):
                pass
        cut, deadline = 0, time.monotonic() + 60
        while cut < 5 and time.monotonic() < deadline:  # until the station has read enough of it
            self.assertEqual([one["text"] for one in self.answers(command("tea"))], ["Command not support."])
            cut = self.at.log_text().count("event=gateway-memory")
        self.assertTrue(5 <= cut <= 8, cut)
        bob = self.come(self.bob_account)
        self.right_one("there is room for people")
        self.got(bob, "there is room for people")


if __name__ == "__main__":
    harness.main()
