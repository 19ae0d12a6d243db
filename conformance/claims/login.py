"""connect.md sections 2 and 3: who is speaking, and what proves it."""
import copy
import json
import time

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from claims.bad_keys import bad_ec_keys, bad_rsa_keys
from peer import packets
from peer.identity import Account, MkmAccount, ecc_key_json, public_pem, random_32, rsa_key_json, sign
from peer.login import Challenge, LoginFailed
from suite import Skipped, claim, expect, expect_closed, expect_code, not_here

OTHER_STATION = "hulk@29aa2CV76u1cixUVv7iQsaBUNeytjhhL7q"  # an account of identity.md
GROUP = "Group-777@fxunrFpSwDEzEWC2wrm6JTjkuUtd6Ro1H"


def first(account, station_id, **changed):
    return {"author": account.id, "target": station_id, "nonce": packets.b64(random_32()), **changed}


@claim("H01", "connect.md 2", "the station proves its identity, its certificate and this connection")
def h01(scene):
    challenge = Challenge(scene.connect(), scene.account().id, scene.id, offered="[sha256, crc32c]")
    challenge.check_station()
    expect(challenge.packet.get("known") == "no", "somebody new is known")
    expect(packets.is_base64(challenge.packet.get("challenge"), 32), "challenge is no base64 of 32 bytes")
    again = Challenge(challenge.lane, scene.account().id, scene.id)
    again.check_station()
    expect(again.challenge != challenge.challenge, "the same challenge came twice")
    by_address = Challenge(scene.connect(), scene.account().id, scene.id, target="2001:db8::7")
    by_address.check_station()
    without = Challenge(scene.connect(), scene.account().id, scene.id, offered="")
    without.check_station()


@claim("H02", "connect.md 2", "the answer to the log-in has everything that a session needs")
def h02(scene):
    person = scene.person()
    welcome = person.welcome
    for key in ("token", "resume"):
        expect(packets.is_base64(welcome.get(key), 32), f"{key} is no base64 of 32 bytes")
    for key, least in (("limit-messages", 0), ("cursor", 0)):
        expect(welcome.get(key, "").isdigit() and int(welcome[key]) >= least, f"{key} is {welcome.get(key)}")
    for key, port in (("limit-control", 8800), ("limit-text", 8801)):
        expect(welcome.get(key) == str(packets.LIMIT[port]), f"{key} is {welcome.get(key)}", "limits.md 2")
    expect(welcome.get("chosen") == "sha256", f"chosen is {welcome.get('chosen')} where only sha256 was offered")
    for key in ("expires", "time"):
        expect(welcome.get(key, "").endswith("Z"), f"{key} is {welcome.get(key)}")
    again = Challenge(scene.connect(), person.account.id, scene.id)
    expect(again.packet.get("known") == "yes", "who has logged in is not known")
    expect_code(again.answer(person.account.key), 200, "a log-in that shows nothing")


@claim("H03", "connect.md 2", "fields of step 1 that are wrong get 401, another station's ID 417")
def h03(scene):
    account, lane = scene.account(), scene.connect()
    for name, fields, code in (
            ("author missing", {"author": None}, 401), ("author no ID", {"author": "alice"}, 401),
            ("nonce missing", {"nonce": None}, 401), ("nonce of 31 bytes", {"nonce": packets.b64(bytes(31))}, 401),
            ("nonce no base64", {"nonce": "!" * 44}, 401), ("target missing", {"target": None}, 401),
            ("checksums a nested list", {"checksums": "[[sha256]]"}, 401),
            ("another station", {"target": OTHER_STATION}, 417)):
        with scene.case(name):
            values = {key: value for key, value in first(account, scene.id, **fields).items() if value is not None}
            expect_code(lane.ask("CONNECT", fields=values), code)
    with scene.case("and then the log-in goes on"):
        challenge = Challenge(lane, account.id, scene.id)
        expect_code(challenge.answer(account.key, account.shown()), 200)


@claim("H04", "connect.md 7", "before the log-in every request but CONNECT gets 418, and the eleventh the end")
def h04(scene):
    lane = scene.connect()
    for number in range(10):
        expect_code(lane.ask("NOTIFY", fields={"type": "ping"}), 418, f"request {number + 1}")
    lane.send("NOTIFY", fields={"type": "ping"})
    expect_closed(lane, 418, "the eleventh")
    text = scene.connect(8801)
    expect_code(text.ask("GET", fields={"type": "message"}), 418, "on 8801")


@claim("H05", "limits.md 4", "the 21st bad packet before the log-in ends the connection")
def h05(scene):
    lane = scene.connect()
    bad = b"version: dim/2023\noperation: get\n\n"
    for number in range(20):
        lane.send_raw(bad)
        expect_code(lane.receive(), 401, f"bad packet {number + 1}")
    lane.send_raw(bad)
    expect_closed(lane, 401, "the 21st")


def refuses_signature(scene, role=b"client", **changed):
    """A log-in of somebody known whose proof is over something else gets 402."""
    account = scene.person(text=False).account
    challenge = Challenge(scene.connect(), account.id, scene.id)
    answer = challenge.answer(account.key, account.shown(), sign(account.key, challenge.input(role, **changed)))
    expect_code(answer, 402)
    expect_code(challenge.lane.ask("NOTIFY", fields={"type": "ping"}), 418, "the connection behind it")


@claim("S04", "connect.md 2", "a proof over another connection's exporter gets 402")
def s04(scene):
    other = scene.connect()
    with scene.case("another connection's"):
        refuses_signature(scene, binding=other.binding)
    with scene.case("none"):
        refuses_signature(scene, binding=b"")


@claim("S05", "connect.md 2", "a proof for another station, role, port, author, nonce, offer or choice gets 402")
def s05(scene):
    for name, role, changed in (
            ("station", b"client", {"station_id": OTHER_STATION}), ("role", b"station", {}),
            ("port", b"client", {"port": 8801}), ("author", b"client", {"author": scene.account().id}),
            ("nonce", b"client", {"nonce": random_32()}), ("challenge", b"client", {"challenge": random_32()}),
            ("offered", b"client", {"offered": "[sha256, crc32c]"}), ("chosen", b"client", {"chosen": "crc32c"})):
        with scene.case(name):
            refuses_signature(scene, role, **changed)


@claim("S06", "connect.md 2", "a challenge works once, for its author, and not after its time")
def s06(scene):
    account = scene.person(text=False).account
    lane = scene.connect()
    with scene.case("used already"):
        used = Challenge(lane, account.id, scene.id)
        expect_code(used.answer(account.key, signature=b"no signature"), 402)
        expect_code(used.answer(account.key), 402, "the right proof of a challenge that was used")
    with scene.case("of an older step 1"):
        older = Challenge(scene.connect(), account.id, scene.id)
        Challenge(older.lane, account.id, scene.id)
        expect_code(older.answer(account.key), 402)
    with scene.case("of another connection"):
        here, there = (Challenge(scene.connect(), account.id, scene.id) for _ in range(2))
        answer = here.lane.ask("CONNECT", fields={
            "author": account.id, "target": scene.id, "challenge": packets.b64(there.challenge),
            "signature": packets.b64(sign(account.key, there.input(b"client")))})
        expect_code(answer, 402)
    with scene.case("never answered"):
        lane = scene.connect()
        Challenge(lane, account.id, scene.id)
        expect_closed_late(lane)


def expect_closed_late(lane):
    got = lane.until_closed(40)
    expect(got and got[-1].code == 511, f"511 and the end were due, and {', '.join(map(str, got)) or 'nothing'} came",
           "limits.md 3")


@claim("S07", "connect.md 2", "who shows another's meta or key is refused; who shows none is asked for it")
def s07(scene):
    known, other, new = scene.person(text=False).account, scene.account(), scene.account()
    with scene.case("another key signs"):
        expect_code(Challenge(scene.connect(), known.id, scene.id).answer(other.key), 402)
    with scene.case("another's meta"):
        expect_code(Challenge(scene.connect(), new.id, scene.id).answer(other.key, other.shown()), 402)
    with scene.case("another's visa"):
        shown = json.dumps({"meta": new.meta, "visa": other.visa}).encode()
        expect_code(Challenge(scene.connect(), new.id, scene.id).answer(new.key, shown), 402)
    with scene.case("another author in step 3"):
        challenge = Challenge(scene.connect(), known.id, scene.id)
        expect_code(challenge.answer(other.key, other.shown(), author=other.id), 402)
    with scene.case("no meta"):
        challenge = Challenge(scene.connect(), new.id, scene.id)
        again = expect_code(challenge.answer(new.key), 418)
        expect(again.get("known") == "no" and again.get("challenge") != packets.b64(challenge.challenge),
               "418 again has a new challenge and known: no")
        challenge.take(again)
        challenge.check_station()
        expect_code(challenge.answer(new.key, new.shown()), 200)
    with scene.case("content that is no JSON"):
        expect_code(Challenge(scene.connect(), scene.account().id, scene.id).answer(new.key, b"{"), 401)


def refuses_meta(scene, account, codes=402):
    challenge = Challenge(scene.connect(), account.id, scene.id)
    expect_code(challenge.answer(account.key, account.shown()), codes)


@claim("S08", "identity.md 3", "RSA keys with another exponent than 65537, or of a wrong size, get 402")
def s08(scene):
    weak = rsa.generate_private_key(3, 2048)
    with scene.case("e = 3"):
        refuses_meta(scene, MkmAccount(scene.plan.message_key, weak, rsa_key_json(public_pem(weak.public_key()))))
    good = rsa.generate_private_key(65537, 2048)
    with scene.case("e = 65537 works"):
        refuses_meta(scene, MkmAccount(scene.plan.message_key, good, rsa_key_json(public_pem(good.public_key()))), 200)
    for name, pem in bad_rsa_keys():
        with scene.case(name):
            refuses_meta(scene, MkmAccount(scene.plan.message_key, good, rsa_key_json(pem)))


@claim("S09", "identity.md 3", "EC keys that are no point of secp256k1 get 402")
def s09(scene):
    for name, identity, pem in bad_ec_keys():
        with scene.case(name):
            account = Account(scene.plan.message_key)
            account.id, account.meta = identity, {"type": "4", "key": ecc_key_json(pem)}
            account.visa = account.document()
            refuses_meta(scene, account)
    with scene.case("P-256"):
        key = ec.generate_private_key(ec.SECP256R1())
        account = MkmAccount(scene.plan.message_key, key, ecc_key_json(public_pem(key.public_key())))
        refuses_meta(scene, account)


@claim("S10", "connect.md 2", "an author that is neither user nor bot gets 403 and the end")
def s10(scene):
    for name, author in (("a station", OTHER_STATION), ("this station", scene.id), ("a group", GROUP),
                         ("everybody", "anyone@anywhere")):
        with scene.case(name):
            lane = scene.connect()
            lane.send("CONNECT", fields={"author": author, "target": scene.id, "nonce": packets.b64(random_32())})
            expect_closed(lane, 403)


@claim("H06", "connect.md 2", "the third wrong proof ends the connection")
def h06(scene):
    account = scene.person(text=False).account
    lane = scene.connect()
    for number in range(3):
        challenge = Challenge(lane, account.id, scene.id)
        lane.send("CONNECT", fields={"author": account.id, "target": scene.id, "signature": "AAAA",
                                     "challenge": packets.b64(challenge.challenge)})
        expect_code(lane.receive(), 402, f"wrong proof {number + 1}")
    expect_closed(lane)


@claim("H07", "connect.md 2", "a newer visa that is shown at the log-in is stored, another meta is no way in")
def h07(scene):
    person = scene.person(text=False)
    account = person.account
    account.visa = account.document(at=float(json.loads(account.visa["data"])["time"]) + 1, name="newer")
    again = scene.person(account, text=False)
    answer = expect_code(again.control.ask("GET", fields={"type": "document", "target": account.id}), 200)
    stored = json.loads(answer.content)["documents"]
    expect(stored and stored[0]["data"] == account.visa["data"], "the newest visa is not the first that GET returns")


@claim("P35", "connect.md 7", "CONNECT on a connection that is logged in gets 407")
def p35(scene):
    person = scene.person()
    for name, lane in (("8800", person.control), ("8801", person.text)):
        with scene.case(name):
            fields = first(person.account, scene.id)
            expect_code(lane.ask("CONNECT", fields=fields), 407)
            expect(lane.ping(), "the session has ended")


@claim("H08", "connect.md 7", "300 seconds without a byte end a session's connection with 511")
def h08(scene):
    if not scene.plan.slow:
        raise Skipped("takes five minutes; --slow checks it")
    person = scene.person(text=False)
    got = person.control.until_closed(340)
    expect(got and got[-1].code == 511, f"{', '.join(map(str, got)) or 'nothing'} came before the end")


@claim("H09", "identity.md 1", "an ID in capitals or small letters is the same user; wrong capitals are none")
def h09(scene):
    account = scene.person(text=False).account
    for spelling in ("0x" + account.id[2:].lower(), "0x" + account.id[2:].upper()):
        with scene.case(spelling):
            challenge = Challenge(scene.connect(), spelling, scene.id)
            expect(challenge.packet.get("known") == "yes", "somebody known is not known")
    wrong = "0x" + account.id[2:].swapcase()
    with scene.case(wrong):
        try:
            Challenge(scene.connect(), wrong, scene.id)
        except LoginFailed as error:
            expect_code(error.packet, 401)
        else:
            expect(False, "capitals that EIP-55 does not write were taken")


not_here("H10", "connect.md 2", "a challenge answered after 30 seconds gets 511",
         "the connection ends after 20 seconds without a log-in (S06)")


@claim("H15", "identity.md 5", "a device logs in with the key of its visa; once removed, its session ends and nothing lets it in")
def h15(scene):
    person = scene.person(text=False)
    owner, device_id = person.account, person.account.id + "/conformance"
    now = round(time.time(), 3)

    def put(**members):
        document = {**owner.document(did=device_id, **members), "did": device_id}
        content = json.dumps({"document": document}).encode()
        expect_code(person.control.ask("CREATE", content, {"type": "document", "target": owner.id}), 201, "a visa")
        return document

    device = copy.copy(owner)
    device.key = rsa.generate_private_key(65537, 2048)
    public = rsa_key_json(public_pem(device.key.public_key()))

    def refused():
        challenge = Challenge(scene.connect(), device_id, scene.id)
        expect_code(challenge.answer(device.key), 402, "the device's proof")

    with scene.case("nobody has said that it is a device"):
        refused()
    device.visa = put(at=now, key=public)
    session = scene.person(device, text=False, terminal="conformance")
    put(at=now + 1, key=None, removed=True)
    got = expect_closed(session.control)
    expect(got and got[-1].get("type") == "session" and got[-1].get("state") == "removed", "it was not told why")
    expect(person.control.ping(), "the session of another device has ended")
    with scene.case("its proof"):
        refused()
    with scene.case("its session"):
        fields = session.resume_fields(author=device_id)
        expect_code(scene.connect().ask("CONNECT", fields=fields), 419)
