"""What stations of the reference accept wrongly, sent over real sockets to a running gateway and its SQLite store: nothing
of it is answered, delivered or stored, the log says why, and the station goes on serving. The ids are those of the plan of
attacks and bad inputs; server/gateway_refusals_test.cc has the same without sockets, gateway_dim_test.py what reaches dim."""
import base64
import json
import os
import re
import secrets
import time

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

import harness
from gateway_world import MESSAGE_KEY, ROOT, GatewayWorld, bound
from peer import dimchat, identity
from peer.connection import Closed, Late
from peer.dimchat import command, content_of, frame, plain, private
from peer.identity import (ORDER, MkmAccount, btc_address, ecc_key_json, public_pem, rsa_key_json, sign,
                           verifies)
from peer.letters import decrypted
from peer.packets import b64

BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
MIB = 1 << 20


def long_form(signature):
    """An ECDSA signature in DER, its length written in two bytes: BER."""
    r, s = decode_dss_signature(signature)
    assert 0 < r < ORDER and 0 < s < ORDER
    return signature[:1] + b"\x81" + signature[1:]


def high_form(signature):
    """The same signature with the other of its two values of s, which is the higher one."""
    r, s = decode_dss_signature(signature)
    assert s <= ORDER // 2
    return encode_dss_signature(r, ORDER - s)


def with_trailing_bits(text):
    """Base64 that ends within its last character, with a bit set where only zeros may be."""
    whole = text.rstrip("=")
    assert whole != text
    return whole[:-1] + BASE64[BASE64.index(whole[-1]) | 1] + text[len(whole):]


def constant(file, name):
    """A text of testing/, where it stands for the other tests."""
    with open(os.path.join(ROOT, "testing", file), encoding="utf-8") as header:
        value = re.search(r"\b" + name + r"\b[^=]*=((?:\s*\"[^\"]*\")+);", header.read())
    return "".join(re.findall('"([^"]*)"', value.group(1)))


def twin(name):
    """Of the two accounts whose metas make one ID, that of the key `name`."""
    key = ec.derive_private_key(int(constant("twin_metas.h", name), 16), ec.SECP256K1())
    account = MkmAccount(MESSAGE_KEY, key, ecc_key_json(public_pem(key.public_key())), constant("twin_metas.h", "kTwinSeed"),
                         base64.b64decode(constant("twin_metas.h", "kTwinFingerprint")))
    account.visa = account.document(features=None)
    return account


def forger():
    """Whoever made a key for the fingerprint in rosa's meta, and its private exponent with it: p-1 has small factors only."""
    public = serialization.load_der_public_key(base64.b64decode(constant("forged_meta.h", "kForgedSpki"))).public_numbers()
    p = int("e388e8e4759a381e540b2867d2c1be0d2e5e51bb75b538394fa07d38975a2f38"
            "0f5643a9c72b3519bb79ff06f55c4feaaeaf7ad61b6a3d4bdac67ba4e7dbbb5b", 16)
    q = public.n // p
    d = pow(public.e, -1, (p - 1) * (q - 1))
    key = rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), rsa.rsa_crt_iqmp(p, q), public).private_key()
    account = MkmAccount(MESSAGE_KEY, key, rsa_key_json(public_pem(key.public_key()), 128), constant("forged_meta.h", "kForgedSeed"),
                         base64.b64decode(constant("forged_meta.h", "kForgedFingerprint")))
    account.visa = account.document(features=None)
    return account


class Refusals(GatewayWorld):
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
        # As long as a frame may be, with a string of nearly that, it is a message like any other.
        self.fits(self.padded(MIB))
        self.cut_off(frame(2, 7, self.with_first('"x": "' + "y" * (2 * MIB) + '"').encode()), "a string of 2 MiB")
        self.alice = self.come(self.alice_account)
        self.still_serves()

    def padded(self, size):
        """Alice's message to bob, as long as that: a long text, and something that nobody reads."""
        message = {**self.right("fits" + "s" * (size * 3 // 4 - 1_500)), "x": ""}
        left = size - len(json.dumps(message))
        self.assertTrue(0 <= left < 2_000, left)
        return json.dumps({**message, "x": "y" * left})

    def fits(self, message):
        """Bob gets it."""
        self.alice.send(message)
        self.assertEqual(self.alice.content()[1]["text"], "Message cached.")
        bob = self.come(self.bob_account)
        sender, content = bob.content()
        self.assertEqual((sender, content["text"].strip("s")), (self.alice_account.id, "fit"))
        bob.close()

    def cut_off(self, data, what, client=None):
        """The connection ends after `data`, for what the frames say."""
        client = client or self.alice
        before = len(self.at.log_text())
        with self.assertRaises(Closed, msg=what):
            client.send_bytes(data)
            client.next()
        self.assertRegex(self.log_since(before), "event=gateway-frame\\b", what)

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
        group = "friends@" + btc_address(b"friends", 1)
        self.assertEqual(self.answer(command("meta", did=group)), "Meta not found.", "that is the ID of a group")
        for sender in (17, [self.alice_account.id], group, "everyone@everywhere", ""):
            self.refused_with(sender=sender, why="gateway-(bad-message|sender)")
        self.still_serves()

    def test_J09_groups_that_are_none(self):
        self.refused_with(group=self.bob)
        one, other = ("friends@" + btc_address(name, 1) for name in (b"one", b"other"))
        self.refused_with(receiver=one, group=other)
        self.refused_with(receiver="everyone@" + one.partition("@")[2], group="everyone@everywhere")
        self.still_serves()

    def test_A09_J10_a_plain_text_is_no_private_message(self):
        content = {**dimchat.text("everybody may read this"), "group": "everyone@everywhere"}
        self.refused(plain(self.alice_account, self.bob, content, group="everyone@everywhere"), "plain", "gateway-plain")
        self.still_serves()

    def test_A09_a_readable_text_to_a_registered_name_is_heard_as_not_encrypted(self):
        dora = self.person("doris", self.at.link())  # from five letters on a name is registered
        self.alice.send(plain(self.alice_account, "doris@anywhere", dimchat.text("anybody may read this")))
        self.assertIn(self.alice.content()[1]["text"], ("Message cached.", "Message delivered."))
        heard = dora.run("listen", "--once", "--timeout", "60", timeout=90)
        self.assertEqual([(one["text"], one["label"]) for one in heard if one["event"] == "message"],
                         [("anybody may read this", "not encrypted")])

    def test_J11_data(self):
        for data in ("", "!!!!", *(b64(bytes(size)) for size in (15, 17, 32)), {}, 7):
            self.refused_with(data=data, why="gateway-(bad-message|signature)")
        # All of it together in one frame is as long as a frame may be, and then one byte longer.
        self.fits(self.padded(MIB))
        over = self.padded(MIB + 1)
        self.tried.append(json.loads(over)["signature"].encode())
        self.cut_off(frame(2, 7, over.encode()), "one byte over the limit")
        self.alice = self.come(self.alice_account)
        self.still_serves()

    def test_J12_base64_and_keys(self):
        data = self.right()["data"]
        for bad in (data[:8] + " " + data[8:], data[:8] + "-_" + data[10:], data + "===="):
            self.refused_with(data=bad)
        self.refused_with(signature="====")
        # Bits that are not zero behind the last byte: the same bytes by another text.
        right = next(one for one in iter(lambda: self.right("x" * secrets.randbelow(64)), None) if one["data"].endswith("="))
        self.refused({**right, "data": with_trailing_bits(right["data"])}, "trailing bits of data", "gateway-bad-message")
        right = next(one for one in iter(self.right, None) if one["signature"].endswith("="))
        bad = {**right, "signature": with_trailing_bits(right["signature"])}
        self.refused(bad, "trailing bits of the signature", "gateway-bad-message")
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

    def test_A07_J14_a_high_s_is_accepted_and_makes_no_second_message(self):
        low = self.right("high")
        high = {**low, "signature": b64(high_form(base64.b64decode(low["signature"])))}
        self.alice.send(high)
        self.assertEqual(self.alice.content()[1]["text"], "Message cached.")
        bob = self.come(self.bob_account)
        message = bob.next()
        self.assertEqual((message["signature"], decrypted(self.bob_account, message)["text"]), (high["signature"], "high"))
        bob.close()
        # Both are signatures of the same message, and so is a further one of its sender.
        self.alice.send(low)
        self.alice.content()
        self.alice.send({**low, "signature": b64(sign(self.alice_account.key, base64.b64decode(low["data"])))})
        self.alice.content()
        self.tried.append(low["signature"].encode())
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

    def test_A02_J15_metas_that_are_not_the_ids_log_nobody_in(self):
        mallory = dimchat.Account(MESSAGE_KEY, "mallory")
        forged = {**self.hello(mallory), "sender": self.bob}
        self.refused(forged, "another's meta", "gateway-refused", self.dial(mallory))
        # A key that makes the ID and signs all right: its exponent says that it was made for the fingerprint.
        forged_key = forger()
        hello, pem = self.hello(forged_key), forged_key.meta["key"]["data"]
        self.assertTrue(verifies(pem, b"rosa", base64.b64decode(forged_key.meta["fingerprint"])))
        self.assertTrue(verifies(pem, hello["data"].encode(), base64.b64decode(hello["signature"])))
        self.refused(hello, "a key made for the fingerprint", "gateway-refused", self.dial(forged_key))
        self.tried += [one.encode() for one in (mallory.visa["signature"], forged_key.visa["signature"], forged_key.id)]
        self.still_serves()

    def test_A02_J16_a_second_meta_of_a_known_id_logs_nobody_in(self):
        first, second = twin("kFirstTwin"), twin("kSecondTwin")
        self.assertEqual(first.id, second.id)
        self.assertNotEqual(first.meta, second.meta)
        one = self.come(first)
        self.assertNotRegex(self.at.log_text(), "event=meta-suspect")
        before = len(self.at.log_text())
        self.refused(self.hello(second), "the second meta", "gateway-refused", self.dial(second))
        self.assertRegex(self.log_since(before), "event=meta-suspect")
        self.tried.append(second.visa["signature"].encode())
        self.assertEqual(self.answer(command("tea"), one), "Command not support.", "the first goes on")
        one.close()
        self.come(first).close()
        self.still_serves()

    # --- documents

    def test_A04_visas_that_are_older_moved_or_of_the_future_change_nothing(self):
        def published(visa, account=None):
            did = account or self.alice_account.id
            return self.answer(command("documents", did=did, documents=[visa]))

        now = round(time.time(), 3)
        newest = self.alice_account.document(at=now)
        self.assertEqual(published(newest), "Document received.")
        wrong = [self.alice_account.document(at=now - 30)]
        self.assertEqual(published(wrong[0]), "Document not changed.")
        for visa in (self.alice_account.document(at=now + 86_400), self.alice_account.document(at=1_400_000_000),
                     self.alice_account.document(time=None), self.bob_account.document(at=now + 1, did=self.alice_account.id)):
            wrong.append(visa)
            self.assertEqual(published(visa), "Document not accepted.", visa)
        # Hers is nobody else's, and theirs not hers, whatever stands around what is signed.
        for visa, did in (({**newest, "did": self.bob}, self.bob),
                          ({**self.bob_account.visa, "did": self.alice_account.id}, self.alice_account.id)):
            self.assertEqual(published(visa, did), "Document not accepted.", visa)
        # Nor does a log-in bring an older one back.
        self.alice.close()
        self.alice_account.visa = wrong[0]
        self.alice = self.come(self.alice_account)
        self.tried = [visa["signature"].encode() for visa in wrong]
        carol = self.come(self.carol_account)
        carol.send(private(self.carol_account, carol.station, carol.station_key, command("documents", did=self.alice_account.id)))
        told = carol.content()[1]  # one alone is called `document`
        self.assertEqual([one["signature"] for one in told.get("documents") or [told["document"]]], [newest["signature"]])
        carol.close()
        self.still_serves()

    def test_A05_attachments_of_a_forged_message_are_not_kept(self):
        dora = dimchat.Account(MESSAGE_KEY, "dora")
        self.refused({**self.hello(dora), "signature": b64(b"\1" * 70)}, "forged", "gateway-refused", self.dial(dora))
        self.tried.append(dora.visa["signature"].encode())
        self.refused(self.to_station(command("tea"), documents=[self.alice_account.visa] * 5), "five documents",
                     "gateway-(refused|bad-message)")
        self.tried = [one for one in self.tried if one != self.alice_account.visa["signature"].encode()]
        self.still_serves()

    # --- hints, handshakes

    def test_A17_A25_hints_and_traces_are_taken_off_and_not_obeyed(self):
        bob, carol = self.come(self.bob_account), self.come(self.carol_account)
        hints = {"rcpt": carol.account.id, "from": "/elsewhere", "recipients": [carol.account.id], "neighbor": self.alice.station,
                 "traces": [self.alice.station, {"did": self.alice.station, "time": 4e9}], "muted": True, "error": "x"}
        sent = self.right("clean")
        self.alice.send({**sent, **hints})
        got = bob.next()
        self.assertEqual((got["signature"], [hint for hint in hints if hint in got]), (sent["signature"], []))
        self.assertIn(self.alice.content()[1]["text"], ("Message cached.", "Message delivered."))
        self.alice.send(self.right("a mark", carol.account.id))
        self.got(carol, "a mark")
        self.alice.content()  # the receipt
        carol.close()
        bob.close()
        self.refused_with(data="!!!!")
        self.still_serves()

    def test_A18_a_handshake_for_another_station_logs_nobody_in(self):
        victim = self.dial(self.carol_account)
        victim.send(self.hello(self.carol_account))
        asked = victim.next()
        self.assertEqual(asked["sender"], self.alice.station)
        session = decrypted(self.carol_account, asked)["session"]
        # What a rogue station gets to see, passed on under the session of the real one.
        signed = command("handshake", title="Hello world!", session=session, station="gsp@x77uVYBT1G48CLzW9iwe2dr5jhUNEM772G")
        before = len(self.at.log_text())
        self.refused(private(self.carol_account, self.alice.station, self.alice.station_key, signed), "a relayed handshake",
                     "gateway-handshake", victim)
        self.assertRegex(self.log_since(before), "event=handshake-relayed")
        # It is logged in nowhere: what it sends to others has to wait for the log-in.
        waits = self.right("nobody's", account=self.carol_account)
        self.tried.append(waits["signature"].encode())
        victim.send(waits)
        self.assertEqual(victim.content()[1]["title"], "DIM?")
        self.still_serves()

    # --- commands to the station

    def test_A23_J24_J25_login_records_that_are_not_ones_own_of_now_move_nobody(self):
        def login(did=None, station=None, **members):
            place = {"did": station or self.alice.station, "host": "127.0.0.1", "port": 9394}
            return command("login", did=did or self.alice_account.id, agent="DIMP/1.0", station=place, **members)

        now = time.time()
        self.assertEqual(self.answer(login()), "Login received.")
        before = len(self.at.log_text())
        for record in (login(time=round(now - 60, 3)), login(did=self.bob), login(time=round(now - 400, 3)),
                       login(station="gsp@x77uVYBT1G48CLzW9iwe2dr5jhUNEM772G")):
            self.assertEqual(self.answer(record, keep=False), "Login not accepted.", record)
        # One that is only older is nothing to tell an operator of.
        self.assertEqual(self.log_since(before).count("event=login-record-refused"), 3)
        self.refused(self.to_station(login(time=round(now + 86_400, 3))), "tomorrow", "gateway-refused")
        # Who has not logged in gives no commands.
        stranger = self.dial(self.carol_account)
        for content in (login(did=self.carol_account.id), command("report", title="offline"), command("block", list=[self.bob]),
                        command("mute", list=[self.bob])):
            sent = plain(self.carol_account, "station@anywhere", {**content, "group": "stations@everywhere"},
                         group="stations@everywhere", meta=self.carol_account.meta, visa=self.carol_account.visa)
            self.tried.append(sent["signature"].encode())
            self.unanswered(sent, content["command"], stranger)
        self.still_serves()

    def test_A32_J26_J27_arrays_and_forwards_have_limits_and_are_ones_own(self):
        def nested(depth, content):
            return nested(depth - 1, content_of(202, contents=[content])) if depth else content

        self.refused(self.to_station(content_of(202, contents=[0] * 100_000)), "100,000 items", "gateway-(refused|bad-message)")
        for content in (content_of(202, contents=[command("tea")] * 65), nested(4, command("tea"))):
            self.assertEqual(self.answer(content), "Content not support.", str(content)[:80])
        self.assertEqual(self.answer(nested(3, command("tea"))), "Command not support.", "three are right")
        carol = self.come(self.carol_account)
        others = self.right("not hers", account=self.carol_account)
        readable = plain(self.alice_account, self.bob, {**dimchat.text("readable"), "group": "everyone@everywhere"},
                         group="everyone@everywhere")
        many = [self.right("one too many") for _ in range(65)]
        self.assertEqual(self.answer(content_of(255, secrets=many)), "Content not support.")
        self.unanswered(self.to_station(content_of(255, secrets=[others, readable])), "others' and readable", self.alice)
        self.assertEqual(self.answer(command("tea"), carol), "Command not support.", "nothing came to her before")
        self.tried += [one["signature"].encode() for one in (others, readable, *many)]
        carol.close()
        self.still_serves()

    def test_J17_J18_J19_what_the_station_cannot_decrypt_is_not_answered(self):
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
        self.refused(tea(key=b64(bytes(10_240))), "a key of 10 KiB", "gateway-(refused|bad-message)")
        both = tea()
        self.refused({**both, "iv": both["IV"]}, "iv and IV", "gateway-(refused|bad-message)")
        self.still_serves()

    def test_A22_J20_padding_that_is_wrong_is_not_answered_and_is_like_any_other_failure(self):
        key, iv = secrets.token_bytes(32), secrets.token_bytes(16)

        def tea(*end):
            """The command in whole blocks, with these as its last bytes."""
            text = json.dumps(command("tea")).encode()
            blocks = text.ljust((len(text) // 16 + 2) * 16)
            blocks = blocks[:len(blocks) - len(end)] + bytes(end)
            cipher = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
            message, data = self.to_station(command("tea")), cipher.update(blocks) + cipher.finalize()
            return {**message, "IV": b64(iv), "data": b64(data), "signature": b64(sign(self.alice_account.key, data)),
                    "key": self.wrapped(json.dumps({"algorithm": "AES", "data": b64(key)}).encode())}

        before = len(self.at.log_text())
        for end in ((0,), (17,), (255,), (3, 2, 3), (1, 2), (15,) * 16):
            self.refused(tea(*end), f"the end {end}", "gateway-refused")
        self.refused({**tea(1), "key": b64(b"\t" * 256)}, "another key", "gateway-refused")
        said = {line.partition("event=")[2] for line in self.log_since(before).splitlines() if "event=gateway-refused" in line}
        self.assertEqual(len(said), 1, said)
        # The control: the same with an end that is right.
        for end in ((1,), (16,) * 16):
            self.alice.send(tea(*end))
            self.assertEqual(self.alice.content()[1]["text"], "Command not support.")
        self.still_serves()

    def test_A22_after_twenty_failures_nothing_of_the_sender_is_decrypted(self):
        carol = self.come(self.carol_account)

        def to_station(content, **members):
            return {**private(self.carol_account, carol.station, carol.station_key, content), **members}

        for _ in range(2):  # twenty wrong messages in a row end a connection
            carol = self.come(self.carol_account)
            self.assertEqual(self.answer(command("tea"), carol), "Command not support.", "fewer than twenty")
            for _ in range(10):
                self.refused(to_station(command("tea"), key=b64(b"\t" * 256)), "garbled", "gateway-refused", carol)
        self.refused(to_station(command("tea")), "a good one", "gateway-refused", carol)
        again = self.dial(self.carol_account)
        again.send(self.hello(self.carol_account))
        proof = command("handshake", title="Hello world!", session=decrypted(self.carol_account, again.next())["session"])
        self.refused(to_station(proof), "nor a log-in", "gateway-refused", again)
        # What is not for the station is not decrypted here, and nobody else has failed.
        carol.send(self.right("of carol", account=self.carol_account))
        self.assertEqual(self.answer(command("tea")), "Command not support.")
        bob = self.come(self.bob_account)
        sender, content = bob.content()
        self.assertEqual((sender, content["text"]), (self.carol_account.id, "of carol"))
        bob.close()
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

    def test_J22_A08_who_promises_to_bind_is_held_to_it(self):
        erin = identity.Account(MESSAGE_KEY, "erin")  # her visa says so

        def to_station(content):
            return private(erin, self.alice.station, self.alice.station_key, content)

        self.refused(self.hello(erin), "a first step that is not bound", "gateway-refused", self.dial(erin))
        client, session = self.greet_bound(erin)
        again = command("handshake", title="Hello world!", session=session)
        self.refused(to_station(again), "a second one that is not", "gateway-refused", client)
        client = self.come_bound(erin)
        self.refused(to_station(command("tea")), "a command that is not", "gateway-refused", client)
        client.send(to_station(bound(erin, client.station, command("tea"))))
        self.assertEqual(client.content()[1]["text"], "Command not support.")
        client.close()
        self.tried.remove(erin.visa["signature"].encode())  # which is kept since she has logged in
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
        # Nor with what stands around the signed part written in another way.
        name, iv = ("IV", "iv") if "IV" in message else ("iv", "IV")
        renamed = {iv if key == name else key: value for key, value in message.items()}
        listed = {**{key: value for key, value in message.items() if key != "key"}, "keys": {self.bob: message["key"]}}
        for same in (message, {**message, "time": message["time"] - 1}, {**message, "time": message["time"] + 3_600}, renamed, listed):
            self.alice.send(same)
            self.alice.content()  # a receipt, which keeps the sender calm
        other_text = {**message, "data": message["data"] + "\n"}
        self.refused(other_text, "other base64", "gateway-bad-message")
        self.tried.remove(message["signature"].encode())
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
