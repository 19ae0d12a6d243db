"""operations.md section 2: CREATE of messages, and messages.md section 2: what a message is."""
import json
import uuid

from peer import packets
from peer.identity import sign
from peer.packets import b64
from suite import Skipped, claim, expect, expect_code, expect_silence

GROUP = "Group-777@fxunrFpSwDEzEWC2wrm6JTjkuUtd6Ro1H"


def push_is(packet, sender, receiver, content, guid, cursor=None):
    """A push is as operations.md section 3 says, with these bytes."""
    where = "operations.md 3"
    for key, value in (("operation", "CREATE"), ("author", sender.account.id), ("target", receiver.account.id), ("guid", guid)):
        expect(packet.get(key) == value, f"{key} of a push is {packet.get(key)}, not {value}", where)
    expect("time" in packet.header and packet.get("cursor", "").isdigit(), f"a push without time or cursor: {packet}", where)
    expect(packet.content == content, "a push has other bytes than were sent", where)
    expect(cursor is None or int(packet["cursor"]) == cursor, f"cursor {packet['cursor']} where {cursor} was due", where)


@claim("T01", "operations.md 2", "a message to somebody online is answered by 201 and pushed with the same bytes")
def t01(scene):
    alice, bob = scene.person(), scene.person()
    content, guid = b" " + scene.letter(alice, bob).replace(b": ", b" :\n  ") + b"\n", uuid.uuid4().hex
    answer = expect_code(scene.write(alice, bob, content, guid), 201)
    expect(answer.get("guid") == guid and answer.get("time", "").endswith("Z"), f"guid and time are not in {answer}")
    push_is(bob.text.next_push(), alice, bob, content, guid, 1)
    expect_silence(alice.text, "the sender was pushed the own message")


@claim("T02", "operations.md 2", "a message to somebody offline is answered by 202 and comes at the next log-in")
def t02(scene):
    alice, bob = scene.person(), scene.person()
    away = scene.account()
    scene.person(away).close()
    content, guid = scene.letter(alice, away), uuid.uuid4().hex
    expect_code(scene.write(alice, away, content, guid), 202, "to somebody who has gone")
    again = scene.person(away)
    push_is(again.text.next_push(), alice, again, content, guid, 1)
    without = scene.person(after=None)
    expect_code(scene.write(bob, without), 202, "to somebody who asked for no pushes")
    expect_silence(without.text, "8801 was opened without after")


@claim("T03", "operations.md 1", "a receipt goes the way of a message, as type receipt")
def t03(scene):
    alice, bob = scene.person(), scene.person()
    expect_code(scene.write(alice, bob, kind="receipt"), 201)
    push = bob.text.next_push()
    expect(push.get("type") == "receipt", f"it was pushed as {push.get('type')}")


@claim("T04", "operations.md 2", "a receiver whom nobody knows gets 404, as does a group")
def t04(scene):
    alice = scene.person()
    expect_code(scene.write(alice, scene.account()), 404, "who never logged in")
    expect_code(scene.write(alice, GROUP), 404, "a group")


@claim("T05", "operations.md 2", "the message's sender is the user of the session, else 402")
def t05(scene):
    alice, bob = scene.person(), scene.person()
    content = scene.letter(alice, alice)
    expect_code(scene.write(bob, alice, content), 402, "what Alice wrote, sent by Bob")
    expect_silence(alice.text, "a message of another sender")


@claim("P29", "operations.md 2", "target is the message's receiver, alone or in a list of up to 256; else 401")
def p29(scene):
    alice, bob, carol = scene.person(after=None), scene.person(after=None), scene.person(after=None)
    content = scene.letter(alice, bob)
    one = bob.account.id
    for name, value, code in (
            ("missing", None, 401), ("another", carol.account.id, 401),
            ("another in the list", f"[{one}, {carol.account.id}]", 401),
            ("empty list", "[]", 401), ("nested list", f"[[{one}]]", 401), ("empty item", f"[{one}, ]", 401),
            ("257 items", "[" + ", ".join(["bob"] * 257) + "]", 401), ("no ID", "bob", 401),
            ("a list of one", f"[{one}]", 202), ("twice the same", f"[ {one} ,{one} ]", 202),
            ("in small letters", one.lower(), 202)):
        with scene.case(name):
            fields = {"type": "message", "guid": uuid.uuid4().hex, **({"target": value} if value else {})}
            expect_code(alice.text.ask("CREATE", content, fields), code)
    expect(not scene.inbox(carol)[0], "somebody else got it")


@claim("I14", "README.md 2", "a GUID is 32 hex digits; zeros, all f, version 8 and anything else get 401")
def i14(scene):
    alice, bob = scene.person(), scene.person()
    content = scene.letter(alice, bob)
    for value in (None, "42", "018f6f0e7b8c7cc2a1f3b0d5f3a1c9e", "{018f6f0e-7b8c-7cc2-a1f3-b0d5f3a1c9e4}", "0" * 32,
                  "f" * 32, "018f6f0e7b8c7cc2a1f3b0d5f3a1c9eg", "018f6f0e-7b8c7cc2a1f3b0d5f3a1c9e4", "018f6f0e7b8c8cc2a1f3b0d5f3a1c9e4"):
        with scene.case(str(value)):
            fields = {"type": "message", "target": bob.account.id, **({"guid": value} if value else {})}
            expect_code(alice.text.ask("CREATE", content, fields), 401)
    with scene.case("capitals and dashes"):
        guid = str(uuid.uuid4())
        answer = expect_code(scene.write(alice, bob, content, guid.upper()), 201)
        expect(answer.get("guid") == guid.replace("-", ""), f"the answer has {answer.get('guid')}")
        push_is(bob.text.next_push(), alice, bob, content, guid.replace("-", ""))


@claim("P36", "operations.md 2", "a GUID again: answered as the first time and delivered once; with other content 407")
def p36(scene):
    alice, bob = scene.person(), scene.person()
    content, guid = scene.letter(alice, bob), uuid.uuid4().hex
    first = expect_code(scene.write(alice, bob, content, guid), 201)
    push_is(bob.text.next_push(), alice, bob, content, guid)
    again = scene.write(alice, bob, content, guid)
    expect_silence(bob.text, "a repetition was pushed")
    for key in ("guid", "time"):
        expect(again.get(key) == first.get(key), f"{again} repeats {first}")
    expect(again.code == 201, f"{again} repeats {first}")
    expect_code(scene.write(alice, bob, scene.letter(alice, bob, "other"), guid), 407, "other content")
    expect_silence(bob.text, "a message that was refused was pushed")
    later = scene.person(alice.account, after=None)
    expect_code(scene.write(later, bob, content, guid), 201, "from the sender's next session")
    expect_silence(bob.text, "a repetition was pushed")
    expect(len(scene.inbox(bob, after="0")[0]) == 1, "the inbox holds it more than once")
    with scene.case("to somebody who is away"):
        away = scene.person(after=None)
        content, guid = scene.letter(alice, away), uuid.uuid4().hex
        for _ in range(3):
            expect_code(scene.write(alice, away, content, guid), 202)
        expect(len(scene.inbox(away)[0]) == 1, "the inbox holds it more than once")


@claim("P27", "packets.md 2", "an id that is still open gets 407")
def p27(scene):
    alice, bob = scene.person(), scene.person(after=None)
    overlapped = False
    for _ in range(5):
        parts = [packets.write("CREATE", scene.letter(alice, bob), {"id": "5", "type": "receipt", "target": bob.account.id,
                                                                   "guid": uuid.uuid4().hex}) for _ in range(2)]
        ping = packets.write("NOTIFY", None, {"id": "6", "type": "ping"})
        alice.text.send_raw(parts[0] + ping + parts[1])
        answers = [alice.text.receive() for _ in range(3)]
        if any(answer.code == 407 and answer.get("reply") == "5" for answer in answers):
            return
        overlapped |= answers[0].get("reply") == "6"
    if not overlapped:
        raise Skipped("this station answers each request before it reads the next")
    expect(False, "two requests with one id were open at once, and none got 407")


@claim("P28", "limits.md 4", "more than 64 open requests are read when there is room, and all are answered")
def p28(scene):
    alice, bob = scene.person(), scene.person(after=None)
    content = scene.letter(alice, bob)
    fields = {"type": "receipt", "target": bob.account.id}
    alice.text.send_raw(b"".join(packets.write("CREATE", content, {"id": str(number), **fields, "guid": uuid.uuid4().hex})
                                 for number in range(150)))
    answers = [alice.text.receive() for _ in range(150)]
    wrong = [answer for answer in answers if answer.code != 202]
    expect(not wrong, f"{len(wrong)} of 150 were refused: {wrong[:1]}")
    expect(len({answer["reply"] for answer in answers}) == 150, "some were answered twice")


def broken_letters(scene, alice, bob):
    """(row, what is wrong, bytes, code) of messages.md section 2, in the numbers of the list of bad inputs."""
    good = json.loads(scene.letter(alice, bob))

    def but(**changed):
        return json.dumps({key: value for key, value in {**good, **changed}.items() if value is not None}).encode()

    def text(old, new):
        return json.dumps(good).replace(old, new, 1).encode()
    deep = but(extra=json.loads("[" * 31 + "]" * 31))
    yield "J01", "32 deep", deep, 202
    yield "J01", "33 deep", but(extra=json.loads("[" * 32 + "]" * 32)), 401
    yield "J01", "100,000 brackets", b"[" * 100000, 401
    yield "J02", "a name twice", text('"type"', '"type": "1", "type"'), 401
    yield "J02", "D beside data", but(D=good["data"]), 401
    yield "J02", "S", but(S="x"), 401
    for value in ("NaN", "Infinity", "01", ".5", "+1", "1e999", "0x10", "9" * 5000):
        yield "J03", value[:20], text('"type": "1"', f'"type": "1", "extra": {value}'), 401
    yield "J04", "a lone surrogate", text('"type": "1"', '"type": "1", "extra": "\\ud800"'), 401
    yield "J04", "a pair of surrogates", text('"type": "1"', '"type": "1", "extra": "\\ud83d\\udc4b"'), 202
    for name, data in (("comment", text('"type"', '/* */ "type"')), ("trailing comma", text('"}', '",}')),
                       ("single quotes", b"{'a': 1}"), ("byte order mark", b"\xef\xbb\xbf" + json.dumps(good).encode()),
                       ("not UTF-8", text('"type": "1"', '"type": "1", "extra": "?"').replace(b'"?"', b'"\xff"')),
                       ("half", json.dumps(good).encode()[:-20]), ("two", json.dumps(good).encode() * 2)):
        yield "J05", name, data, 401
    yield "J06", "20,000 values", but(extra=[0] * 20000), 401
    yield "J06", "1,001 keys", but(keys={f"{bob.account.id}/{number}": "AAAA" for number in range(1001)}), 401
    for data in (b"[]", b'"text"', b"null", b"", b"5"):
        yield "J07", repr(data), data, 401
    for value in (None, 5, [], GROUP, "everyone@everywhere", "alice", "0x21E27549d780db2a32058bD960A6245b01Ad85FF"):
        yield "J08", str(value), but(sender=value), 401
    yield "J09", "group is a user", but(group=bob.account.id), 401
    yield "J09", "another group than the receiver", but(receiver=GROUP, group=GROUP.replace("777", "778")), 401
    for name, value in (("missing", None), ("empty", ""), ("a number", 5), ("no base64", "!" * 64), ("15 bytes", b64(bytes(15))),
                        ("32 bytes", b64(bytes(32))), ("65 bytes", b64(bytes(65)))):
        yield "J11", name, but(data=value), 401
    for name, value in (("white space", good["data"][:8] + "\n" + good["data"][8:]), ("URL alphabet", "-_" + good["data"][2:]),
                        ("trailing bits", b64(bytes(64))[:-3] + "B=="), ("padding alone", "====")):
        yield "J12", name, but(data=value), 401
    yield "J13", "signature missing", but(signature=None), 401
    yield "J13", "signature no base64", but(signature="!"), 401


@claim("J01", "messages.md 2", "a message that is not as messages.md says gets 401, and nothing is stored")
def j01(scene):
    alice, bob = scene.person(), scene.person(after=None)
    taken = 0
    for index, (row, name, data, code) in enumerate(broken_letters(scene, alice, bob)):
        if index and index % 40 == 0:
            alice = scene.person(alice.account)  # a session may send so many at once
        with scene.case(f"{row} {name}"):
            answer = scene.write(alice, bob, data)
            taken += answer.code == 202
            expect_code(answer, code)
    expect(len(scene.inbox(bob)[0]) == taken, "something that was refused is in the inbox")


@claim("J14", "operations.md 7", "members that nobody knows, other signatures than ECDSA's: the bytes are the receiver's")
def j14(scene):
    alice, bob = scene.person(), scene.person()
    letter = json.loads(scene.letter(alice, bob))
    content = json.dumps({"x-mine": {"b": 1, "a": [1.50, "ü"]}, **letter, "signature": b64(sign(alice.account.key, b64(
        b"other").encode()))}, ensure_ascii=False).encode()
    answer = scene.write(alice, bob, content)
    expect_code(answer, (201, 402), "a signature over something else, which a station MAY leave to the receiver")
    if answer.code == 201:
        expect(bob.text.next_push().content == content, "the bytes were written anew", "operations.md 7")
    content = json.dumps({"x-mine": {"b": 1, "a": [1.50, "ü"]}, **letter}, ensure_ascii=False).encode()
    expect_code(scene.write(alice, bob, content), 201)
    expect(bob.text.next_push().content == content, "the bytes were written anew", "operations.md 7")
