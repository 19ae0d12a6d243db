"""What stations of the reference accept wrongly, sent over real sockets to a running gateway and its SQLite store: nothing
of it is answered, delivered or stored, the log says why, and the station goes on serving. The ids are those of the plan of
attacks and bad inputs; server/gateway_refusals_test.cc has the same without sockets."""
import base64
import json
import os
import re
import sys
import time

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

import harness

ROOT = os.path.join(os.path.dirname(__file__), "../..")
sys.path.insert(0, os.path.join(ROOT, "conformance"))
from peer import dimchat  # noqa: E402
from peer.connection import Closed, Late  # noqa: E402
from peer.dimchat import command, plain, private  # noqa: E402
from peer.identity import ORDER, btc_address, ecc_key_json, public_pem, sign  # noqa: E402
from peer.packets import b64  # noqa: E402

MESSAGE_KEY = rsa.generate_private_key(65537, 2048)  # of everybody here


def long_form(signature):
    """An ECDSA signature in DER, its length written in two bytes: BER."""
    r, s = decode_dss_signature(signature)
    assert 0 < r < ORDER and 0 < s < ORDER
    return signature[:1] + b"\x81" + signature[1:]


class Refusals(harness.EndToEnd):
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

    def right(self, words="right", receiver=None, account=None):
        account = account or self.alice_account
        return private(account, receiver or self.bob, public_pem(MESSAGE_KEY.public_key()), dimchat.text(words))

    def to_station(self, content, **envelope):
        return private(self.alice_account, self.alice.station, self.alice.station_key, content, **envelope)

    # --- what must come of it

    def log_since(self, size):
        return self.at.log_text()[size:]

    def refused(self, message, what, why, client=None):
        """`message`, an object or text, is acknowledged as bytes and not answered, and the log names the event `why`."""
        client = client or self.alice
        text = message if isinstance(message, str) else json.dumps(message)
        self.tried += [one.encode() for one in re.findall(r'"signature": "([^"]{40,})"', text)]
        before = len(self.at.log_text())
        number = client.send(text)
        deadline = time.monotonic() + 60
        while number not in client.acked and time.monotonic() < deadline:
            try:
                self.fail(f"{what}: answered with {str(client.content(0.05))[:300]}")
            except Late:
                continue
        self.assertIn(number, client.acked, what)
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

    # --- JSON

    def with_first(self, members):
        return "{" + members + ", " + json.dumps(self.right())[1:]

    def test_J01_depth(self):
        self.refused(self.with_first('"x": ' + "[" * 32 + "]" * 32), "depth 33", "gateway-bad-message")
        self.refused('{"a":' + "[" * 100_000, "100,000 brackets", "gateway-bad-message")
        self.still_serves()

    def test_J02_duplicate_and_ambiguous_keys(self):
        self.refused(self.with_first(f'"sender": "{self.alice_account.id}"'), "sender twice", "gateway-bad-message")
        right = self.right()
        self.refused({**right, "D": right["data"]}, "data twice", "gateway-bad-message")
        self.refused_with(S=self.alice_account.id)
        self.still_serves()

    def test_J03_numbers(self):
        for number in ("NaN", "Infinity", "1e999", "01", ".5", "7" * 5_000):
            self.refused(self.with_first(f'"x": {number}'), number[:20], "gateway-bad-message")
        self.still_serves()

    def test_J04_surrogates_and_nul_in_keys(self):
        self.refused(self.with_first('"x": "\\ud800"'), "a lone surrogate", "gateway-bad-message")
        self.refused(self.with_first('"a\\u0000b": 1'), "NUL in a key", "gateway-bad-message")
        self.still_serves()

    def test_J05_what_is_no_json(self):
        text = json.dumps(self.right())
        for bad in ("{ /* x */ " + text[1:], text[:-1] + ",}", "\ufeff" + text, "{'sender': 'x'}"):
            self.refused(bad, bad[:30], "gateway-bad-message")
        self.still_serves()

    def test_J06_too_many_members(self):
        self.refused(self.with_first(",".join(f'"k{i}":1' for i in range(20_000))), "20,000 members", "gateway-bad-message")
        self.still_serves()

    def test_J07_other_top_levels(self):
        for bad in ("[]", '"text"', "null", "17", "true"):
            self.refused(bad, bad, "gateway-bad-message")
        self.refused_with(data="!!!!")
        self.still_serves()

    # --- envelope

    def test_J08_senders(self):
        right = self.right()
        del right["sender"]
        self.refused(right, "no sender", "gateway-bad-message")
        for sender in (17, [self.alice_account.id], "everyone@everywhere", ""):
            self.refused_with(sender=sender, why="gateway-(bad-message|sender)")
        self.still_serves()

    def test_J09_groups_that_are_none(self):
        self.refused_with(group=self.bob)
        self.still_serves()

    def test_A09_J10_a_plain_text_is_no_private_message(self):
        content = {**dimchat.text("everybody may read this"), "group": "everyone@everywhere"}
        self.refused(plain(self.alice_account, self.bob, content, group="everyone@everywhere"), "plain", "gateway-plain")
        self.still_serves()

    def test_J11_data(self):
        for data in ("", "!!!!", *(b64(bytes(size)) for size in (15, 17, 32)), {}, 7):
            self.refused_with(data=data, why="gateway-(bad-message|signature)")
        self.still_serves()

    def test_J12_base64_and_keys(self):
        data = self.right()["data"]
        for bad in (data[:8] + " " + data[8:], data[:8] + "-_" + data[10:], data + "===="):
            self.refused_with(data=bad)
        self.refused_with(signature="====")
        for keys in ([], "none", {f"k{i}": "AAAA" for i in range(1_001)}):
            self.refused_with(keys=keys)
        self.still_serves()

    def test_I01_I04_I05_receivers(self):
        for receiver in ("", "@", "a@", "a@b@c", "0xZZ", "\r\nFAKE@anywhere", 5, self.bob[:-1], self.bob + "0",
                         "a@x77uVYBT1G48CLzW9iwe2dr5jhUNEM7720"):
            self.refused_with(receiver=receiver)
        self.still_serves()

    # --- signatures

    def test_A01_J13_J14_no_signature_but_the_right_one_passes(self):
        right = self.right()
        good = base64.b64decode(right["signature"])
        flipped = bytearray(good)
        flipped[len(good) // 2] ^= 1
        for bad in (bytes(8), bytes(70), b"\1" * 128, bytes(256), bytes(flipped), good + b"\0", long_form(good),
                    base64.b64decode(self.right("other")["signature"])):
            self.refused({**right, "signature": b64(bad)}, bad.hex()[:40], "gateway-(signature|bad-message)")
        del right["signature"]
        self.refused(right, "no signature", "gateway-bad-message")
        self.still_serves()

    def test_A01_A19_an_rsa_visa_makes_no_signature_right(self):
        for size in (2, 128, 256):
            self.refused_with(signature=b64(bytes(size)), why="gateway-(signature|bad-message)")
        self.still_serves()

    def test_A19_ones_own_connection_is_not_trusted(self):
        self.refused_with(data=b64(b"\7" * 64), why="gateway-signature")
        report = plain(self.alice_account, "station@anywhere", {**command("report", title="offline"), "group": "stations@everywhere"},
                       group="stations@everywhere")
        self.refused({**report, "signature": b64(b"\3" * 70)}, "report", "gateway-refused")
        self.still_serves()

    def test_A21_nobody_speaks_for_somebody_else(self):
        carol = self.come(self.carol_account)
        self.refused(self.right("well signed, by another"), "another's", "gateway-sender", carol)
        self.refused_with(sender=self.carol_account.id, why="gateway-sender")
        self.still_serves()

    def test_A14_a_message_cannot_take_anothers_place(self):
        carol = self.come(self.carol_account)
        mine = self.right_one("mine")
        hers = self.right("hers", account=self.carol_account)
        self.refused({**hers, "signature": mine["signature"]}, "the same signature", "gateway-signature", carol)
        self.tried = [hers["data"].encode()]
        bob = self.come(self.bob_account)
        self.got(bob, "mine")
        bob.close()
        self.still_serves()

    def test_A20_a_stations_id_gives_no_rights(self):
        mallory = dimchat.Account(MESSAGE_KEY, "mallory")
        mark = sign(mallory.key, b"mallory")
        mallory.id = "mallory@" + btc_address(mark, 2)
        mallory.meta = {"type": "1", "key": ecc_key_json(public_pem(mallory.key.public_key())), "seed": "mallory",
                        "fingerprint": b64(mark)}
        mallory.visa = mallory.document()
        before = len(self.at.log_text())
        with self.assertRaises(Closed):
            self.come(mallory)
        self.assertRegex(self.log_since(before), "event=login-refused")
        self.tried.append(mallory.visa["signature"].encode())
        self.still_serves()

    def hello(self, account, **envelope):
        content = command("handshake", title="Hello world!", message="Hello world!", group="stations@everywhere")
        return plain(account, "station@anywhere", content, group="stations@everywhere", meta=account.meta, visa=account.visa,
                     **envelope)

    def test_A02_J16_a_second_meta_of_a_known_id_logs_nobody_in(self):
        mallory = dimchat.Account(MESSAGE_KEY, "mallory")
        forged = {**self.hello(mallory), "sender": self.bob}
        self.refused(forged, "another's meta", "gateway-refused", self.dial(mallory))
        self.tried.append(mallory.visa["signature"].encode())
        self.still_serves()

    def test_A05_attachments_of_a_forged_message_are_not_kept(self):
        dora = dimchat.Account(MESSAGE_KEY, "dora")
        self.refused({**self.hello(dora), "signature": b64(b"\1" * 70)}, "forged", "gateway-refused", self.dial(dora))
        self.tried.append(dora.visa["signature"].encode())
        self.refused(self.to_station(command("tea"), documents=[self.alice_account.visa] * 5), "five documents",
                     "gateway-(refused|bad-message)")
        self.tried = [one for one in self.tried if one != self.alice_account.visa["signature"].encode()]
        self.still_serves()

    # --- commands to the station

    def test_J17_J18_J19_J20_what_the_station_cannot_decrypt_is_not_answered(self):
        def tea(**members):
            return {**self.to_station(command("tea")), **members}

        for key, data in (("PLAIN", ""), ("DES", "AAAAAAAAAAA="), ("AES", b64(bytes(16))), ("AES", "")):
            wrapped = self.wrapped(json.dumps({"algorithm": key, "data": data}).encode())
            self.refused(tea(key=wrapped), f"key {key}", "gateway-refused")
        for plain_key in (b"[]", b"no JSON"):
            self.refused(tea(key=self.wrapped(plain_key)), "no key", "gateway-refused")
        none = tea()
        del none["key"]
        self.refused(none, "no key", "gateway-refused")
        self.refused(tea(key=b64(b"\t" * 256)), "padding", "gateway-refused")
        for iv in (b64(bytes(15)), b64(bytes(17)), "???", b64(bytes(16))):
            self.refused(tea(IV=iv), "IV", "gateway-(refused|bad-message)")
        both = tea()
        self.refused({**both, "iv": both["IV"]}, "iv and IV", "gateway-(refused|bad-message)")
        self.still_serves()

    def wrapped(self, key):
        """Bytes in the place of a key, encrypted for the station."""
        return b64(serialization.load_pem_public_key(self.alice.station_key.encode()).encrypt(key, padding.PKCS1v15()))

    def test_J21_contents_without_type_or_number_or_at_another_time(self):
        now = time.time()
        for name in ("type", "sn", "time"):
            content = command("tea")
            del content[name]
            self.refused(self.to_station(content, time=now), name, "gateway-refused")
        self.refused(self.to_station(command("tea"), time=now - 60), "time of the envelope", "gateway-refused")
        self.refused(self.to_station(command("tea"), type="1"), "type of the envelope", "gateway-refused")
        self.still_serves()

    def test_J22_A08_a_bound_command_for_another_station_is_not_done(self):
        content = command("tea")
        content["bind"] = {"v": 1, "from": self.alice_account.id, "to": "gsp@x77uVYBT1G48CLzW9iwe2dr5jhUNEM772G",
                           "time": content["time"]}
        self.refused(self.to_station(content), "bind", "gateway-refused")
        self.still_serves()

    def test_J23_A12_a_replay_is_not_delivered_again(self):
        message = self.right_one("once")
        bob = self.come(self.bob_account)
        self.got(bob, "once")
        bob.close()
        report = self.to_station(command("tea"))
        self.alice.send(report)
        self.assertEqual(self.alice.content()[1]["text"], "Command not support.")
        number = self.alice.send(report)
        while number not in self.alice.acked:
            with self.assertRaises(Late):
                self.alice.content(0.05)
        self.alice.send(message)
        self.alice.content()  # a receipt, which keeps the sender calm
        self.tried.append(report["data"][:100].encode())
        self.still_serves()

    def test_A37_contents_of_the_future_and_of_long_ago(self):
        for at in (time.time() + 400, 1_400_000_000.0):
            self.refused(self.to_station({**command("tea"), "time": at}), "time", "gateway-refused")
        self.still_serves()

    # --- the connection

    def test_who_sends_nothing_but_wrong_messages_is_cut_off(self):
        other = self.come(self.carol_account)
        with self.assertRaises(Closed):
            for number in range(20):
                self.alice.send(json.dumps({"wrong": number}))
            self.alice.next(60)
        self.alice = other
        self.alice_account = self.carol_account
        self.refused_with(data="!!!!")
        self.still_serves()

    def test_P45_bytes_that_are_no_frames_harm_nobody(self):
        for noise in (os.urandom(1 << 20), b"DIM\x42" + bytes(8) + b"\xff\xff\xff\xff",
                      b"GET / HTTP/1.1\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\x81\xff" + b"\xff" * 12):
            stranger = self.dial(self.carol_account)
            try:
                stranger.send_bytes(noise)
            except Closed:
                pass
        self.refused_with(data="!!!!")
        self.still_serves()


if __name__ == "__main__":
    harness.main()
