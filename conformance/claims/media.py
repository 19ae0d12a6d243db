"""media.md: objects of bytes on 8802, up in pieces and down in ranges."""
import hashlib
import os
import uuid

from claims.hubs import ask, found, join, make
from peer.login import port_proof
from peer.packets import b64
from suite import claim, expect, expect_code, not_here

BLOCK = 65536


class Files:
    """A person's 8802."""

    def __init__(self, scene, person=None):
        self.person = person or scene.person(text=False)
        self.lane = scene.connect(8802)
        proof = port_proof(self.person.token, self.lane.binding, 8802)
        expect_code(self.lane.ask("CONNECT", fields=self.person.lane_fields(self.lane, proof=proof)), 200, "8802", "connect.md 4")

    def open(self, guid, size, data=None):
        fields = {"type": "media", "guid": guid, "size": str(size)}
        if data is not None:
            fields["digest"] = "sha256-" + b64(hashlib.sha256(data).digest())
        return self.lane.ask("CREATE", fields=fields)

    def piece(self, guid, data, first, range_=None):
        fields = {"type": "media", "target": guid, "range": range_ or f"{first}-{first + len(data) - 1}"}
        return self.lane.ask("CREATE", data, fields)

    def get(self, guid, range_=None):
        return self.lane.ask("GET", fields={"type": "media", "target": guid, **({"range": range_} if range_ else {})})

    def drop(self, guid, operation="DELETE"):
        return self.lane.ask(operation, fields={"type": "media", "target": guid})

    def upload(self, data):
        guid = uuid.uuid4().hex
        expect_code(self.open(guid, len(data)), 202, "an upload is opened")
        for first in range(0, len(data), BLOCK):
            expect_code(self.piece(guid, data[first:first + BLOCK], first), 202, "a piece")
        expect_code(self.open(guid, len(data), data), 201, "the digest is right")
        return guid


@claim("D01", "media.md 1", "what was uploaded in pieces comes back in ranges, for whoever knows the GUID")
def d01(scene):
    alice, bob = Files(scene), Files(scene)
    data = os.urandom(3 * BLOCK + 100)
    guid = uuid.uuid4().hex
    opened = expect_code(alice.open(guid, len(data)), 202)
    expect(opened.get("missing") == f"[0-{len(data) - 1}]", f"missing is {opened.get('missing')}")
    expect_code(bob.get(guid, "0-9"), 404, "an object that is not complete")
    for first in (0, 2 * BLOCK, BLOCK, 3 * BLOCK):
        taken = expect_code(alice.piece(guid, data[first:first + BLOCK], first), 202)
        expect(taken.get("guid") == guid and taken.get("range", "").startswith(f"{first}-"), f"the answer is {taken}")
    expect_code(alice.open(guid, len(data)), 205, "without the digest it is never complete")
    expect_code(alice.open(guid, len(data), data), 201)
    for first, last in ((0, 0), (65530, 65549), (BLOCK, 2 * BLOCK - 1), (len(data) - 1, len(data) - 1)):
        with scene.case(f"{first}-{last}"):
            answer = expect_code(bob.get(guid, f"{first}-{last}"), 206)
            expect(answer.content == data[first:last + 1], "other bytes came")
            expect(answer.get("range") == f"{first}-{last}" and answer.get("size") == str(len(data)), f"the answer is {answer}")
    whole = expect_code(bob.get(guid), 200, "GET without a range")
    expect(whole.content == data, "other bytes came")
    answer = expect_code(bob.get(guid, f"{len(data) - 5}-{len(data) + 1000}"), 206, "a range that reaches beyond the end")
    expect(answer.content == data[-5:], "other bytes came")


@claim("M01", "media.md 1", "pieces in any order are taken; other bytes over them get 407, beyond the size 411, a gap at the end 205")
def m01(scene):
    alice = Files(scene)
    data = os.urandom(4 * BLOCK)
    guid = uuid.uuid4().hex
    expect_code(alice.open(guid, len(data)), 202)
    expect_code(alice.piece(guid, data[2 * BLOCK:3 * BLOCK], 2 * BLOCK), 202, "out of order")
    expect_code(alice.piece(guid, data[:BLOCK], 0), 202)
    expect_code(alice.piece(guid, data[:BLOCK], 0), 202, "the same piece again")
    expect_code(alice.piece(guid, os.urandom(BLOCK), 0), 407, "other bytes")
    expect_code(alice.piece(guid, os.urandom(2 * BLOCK), 3 * BLOCK), 411, "beyond the size")
    expect_code(alice.piece(guid, data[1:BLOCK + 1], 1), 401, "not at a multiple of 65536", "media.md 2")
    expect_code(alice.piece(guid, b"short", 0, f"0-{BLOCK - 1}"), 401, "shorter than its range", "media.md 2")
    gap = expect_code(alice.open(guid, len(data), data), 205, "a gap at the end")
    expect(gap.get("missing") == f"[{BLOCK}-{2 * BLOCK - 1}, {3 * BLOCK}-{4 * BLOCK - 1}]", f"missing is {gap.get('missing')}")
    for first in (BLOCK, 3 * BLOCK):
        expect_code(alice.piece(guid, data[first:first + BLOCK], first), 202)
    expect_code(alice.open(guid, len(data), data), 201)


@claim("M02", "media.md 1", "another digest than that of the bytes gets 401, and the upload is discarded")
def m02(scene):
    alice = Files(scene)
    guid, data = uuid.uuid4().hex, os.urandom(1000)
    expect_code(alice.open(guid, 1000), 202)
    expect_code(alice.piece(guid, data, 0), 202)
    expect_code(alice.open(guid, 1000, b"another"), 401)
    expect_code(alice.piece(guid, data, 0), 404, "the upload is discarded")
    expect_code(alice.open(guid, 1000), 202, "the GUID is free again")


@claim("M03", "media.md 2", "an object of no bytes is taken; one over 2 GiB gets 411 before a byte is sent")
def m03(scene):
    alice = Files(scene)
    guid = uuid.uuid4().hex
    expect_code(alice.open(guid, 0), 202)
    expect_code(alice.open(guid, 0, b""), 201)
    answer = expect_code(alice.get(guid), 200)
    expect(answer.get("size") == "0", f"size is {answer.get('size')}")
    expect_code(alice.open(uuid.uuid4().hex, 2 ** 31 + 1), 411)


@claim("M04", "media.md 2", "a user has sixteen uploads open; the next gets 416 with retry-after")
def m04(scene):
    alice = Files(scene)
    for number in range(20):
        answer = alice.open(uuid.uuid4().hex, 10)
        if number < 16:
            expect_code(answer, 202, f"upload {number + 1}")
        else:
            expect(expect_code(answer, 416, f"upload {number + 1}").get("retry-after", "").isdigit(), "no retry-after")


@claim("M10", "media.md 2", "ranges that are none get 401")
def m10(scene):
    alice = Files(scene)
    guid = alice.upload(os.urandom(100))
    for range_ in ("5-2", "-1", "3-", "0-1, 4-5", "[0-1, 4-5]", "bytes=0-1", "100-100", "0x0-1", "0-99999999999999999999"):
        with scene.case(range_):
            expect_code(alice.get(guid, range_), 401)
    expect_code(alice.get(guid, "99-99"), 206, "the last byte")


@claim("D02", "media.md 1", "only the owner takes an object away; GET and what the owner does with it get 410 then; an upload that was given up leaves nothing")
def d02(scene):
    alice, bob = Files(scene), Files(scene)
    for operation, code in (("DELETE", 204), ("REMOVE", 200)):
        with scene.case(operation):
            guid = alice.upload(os.urandom(100))
            expect_code(bob.drop(guid, operation), 403, "somebody else")
            expect_code(bob.piece(guid, b"x" * 100, 0), 403, "somebody else's piece")
            expect_code(bob.open(guid, 100), 407, "somebody else's GUID")
            expect_code(alice.drop(guid, operation), code)
            for what, answer in (("GET", bob.get(guid)), (operation, alice.drop(guid, operation)), ("CREATE", alice.open(guid, 100))):
                expect_code(answer, 410, what)
    with scene.case("given up"):
        guid = uuid.uuid4().hex
        expect_code(alice.open(guid, 100), 202)
        expect_code(alice.drop(guid), 204)
        expect_code(alice.piece(guid, b"x" * 100, 0), 404)
        expect_code(bob.open(guid, 100), 202, "its GUID is free")
    with scene.case("unknown"):
        expect_code(alice.drop(uuid.uuid4().hex), 404)
    with scene.case("EDIT"):
        expect_code(alice.drop(alice.upload(b"x"), "EDIT"), 501)


@claim("D06", "media.md 1", "DESTROY of the last object with some bytes gets 204, of one that others have too 200 with how many; then 410")
def d06(scene):
    alice, bob = Files(scene), Files(scene)
    data = os.urandom(100_000)
    guid, other = alice.upload(data), uuid.uuid4().hex
    expect_code(bob.open(other, len(data), data), 201, "known bytes")
    expect_code(bob.drop(guid, "DESTROY"), 403, "somebody else")
    answer = expect_code(alice.drop(guid, "DESTROY"), 200, "others have the same")
    expect(answer.get("shared") == "1", f"shared is {answer.get('shared')}")
    expect(expect_code(bob.get(other), 200).content == data, "bob's bytes are others now")
    for what, answer in (("GET", alice.get(guid)), ("DELETE", alice.drop(guid)), ("CREATE", alice.open(guid, 100))):
        expect_code(answer, 410, what)
    expect_code(bob.drop(other, "DESTROY"), 204, "the last one")
    expect_code(bob.drop(other, "DESTROY"), 204, "twice")
    expect_code(bob.get(other), 410)
    expect_code(bob.drop(uuid.uuid4().hex, "DESTROY"), 404, "unknown")
    gone = alice.upload(b"x")
    expect_code(alice.drop(gone), 204)
    expect_code(alice.drop(gone, "DESTROY"), 410, "deleted before")


@claim("D03", "media.md 1", "bytes that are there already need not be sent again, and stay until the last reference goes")
def d03(scene):
    alice, bob = Files(scene), Files(scene)
    data = os.urandom(1000)
    guid, other = alice.upload(data), uuid.uuid4().hex
    expect_code(bob.open(other, 1000, data), 201, "known bytes")
    expect_code(alice.drop(guid), 204)
    answer = expect_code(bob.get(other), 200)
    expect(answer.content == data, "other bytes came")


@claim("D04", "media.md 1", "an upload goes on over another connection, and in another session of its user")
def d04(scene):
    alice = Files(scene)
    data = os.urandom(2 * BLOCK)
    guid = uuid.uuid4().hex
    expect_code(alice.open(guid, len(data)), 202)
    expect_code(alice.piece(guid, data[:BLOCK], 0), 202)
    account = alice.person.account
    alice.person.close()
    again = Files.__new__(Files)
    again.person = scene.person(account, text=False)
    again.lane = scene.connect(8802)
    proof = port_proof(again.person.token, again.lane.binding, 8802)
    expect_code(again.lane.ask("CONNECT", fields=again.person.lane_fields(again.lane, proof=proof)), 200)
    state = expect_code(again.open(guid, len(data)), 205)
    expect(state.get("missing") == f"[{BLOCK}-{2 * BLOCK - 1}]", f"missing is {state.get('missing')}")
    expect_code(again.piece(guid, data[BLOCK:], BLOCK), 202)
    expect_code(again.open(guid, len(data), data), 201)


@claim("D05", "media.md 2", "media on another port get 417 and 8802; messages on 8802 get 417 and 8801")
def d05(scene):
    alice = Files(scene)
    for operation in ("CREATE", "GET", "DELETE"):
        answer = alice.person.control.ask(operation, fields={"type": "media", "target": uuid.uuid4().hex})
        expect(expect_code(answer, 417).get("port") == "8802", f"port is {answer.get('port')}")
    answer = alice.lane.ask("GET", fields={"type": "message"})
    expect(expect_code(answer, 417).get("port") == "8801", f"port is {answer.get('port')}")


def uses(person, channel, *media, operation="CREATE", guid=None, text=b"look"):
    """The GUID of a message that uses these, and the answer."""
    guid = guid or uuid.uuid4().hex
    fields = {"media": f"[{', '.join(media)}]"} if media else {}
    if operation == "EDIT":
        return guid, ask(person, "EDIT", "message", guid, text, **fields)
    return guid, ask(person, "CREATE", "message", channel, text, guid=guid, **fields)


@claim("D07", "media.md 8", "a file goes with the last message of a channel that uses it, and no sooner; earlier texts use it too")
def d07(scene):
    alice = scene.person(after=None)
    files = Files(scene, alice)
    hub = found(alice)
    channel, other = (make(alice, "channel", hub, {"name": name}) for name in ("general", "other"))
    for operation, code in (("DELETE", 204), ("REMOVE", 200), ("DESTROY", 204)):
        with scene.case(operation):
            file = files.upload(os.urandom(1000))
            one, answer = uses(alice, channel, file)
            expect_code(answer, 201)
            two, answer = uses(alice, other, file)
            expect_code(answer, 201)
            answer = expect_code(ask(alice, operation, "message", one), code)
            expect(answer.get("held") == "1" and not answer.get("freed"), f"another message uses it: {answer}")
            expect_code(files.get(file), 200, "another message uses it")
            answer = expect_code(ask(alice, operation, "message", two), code)
            expect(answer.get("freed") == "1" and not answer.get("held"), f"it was the last: {answer}")
            expect_code(files.get(file), 410, "nothing uses it")
    with scene.case("a channel"):
        file = files.upload(os.urandom(1000))
        gone = make(alice, "channel", hub, {"name": "brief"})
        expect_code(uses(alice, gone, file)[1], 201)
        expect_code(ask(alice, "DESTROY", "channel", gone), 204)
        expect_code(files.get(file), 410, "its channel was destroyed")
    with scene.case("EDIT"):
        file = files.upload(os.urandom(1000))
        message, answer = uses(alice, channel)
        expect_code(answer, 201)
        expect_code(uses(alice, channel, file, operation="EDIT", guid=message, text=b"one")[1], 200)
        expect_code(ask(alice, "EDIT", "message", message, b"two", media="none"), 200)
        expect_code(files.get(file), 200, "an earlier text uses it")
        answer = expect_code(ask(alice, "DELETE", "message", message), 204)
        expect(answer.get("freed") == "1", f"the answer is {answer}")
    with scene.case("nothing said"):
        file = files.upload(os.urandom(1000))
        message, _ = uses(alice, channel)
        answer = expect_code(ask(alice, "DELETE", "message", message), 204)
        expect(not answer.get("freed") and not answer.get("held"), f"the answer is {answer}")
        expect_code(files.get(file), 200)


@claim("D08", "media.md 8", "a message uses what its author has uploaded or can read in a channel; of anything else 404, whether it is there or not")
def d08(scene):
    alice, bob, carol = (scene.person(after=None) for _ in range(3))
    files, theirs = Files(scene, alice), Files(scene, bob)
    hub, cellar = found(alice), found(carol)
    channel = make(alice, "channel", hub, {"name": "general"})
    secret = make(alice, "channel", hub, {"name": "press", "kind": "private"})
    below = make(carol, "channel", cellar, {"name": "below"})
    join(alice, bob, hub)
    join(carol, bob, cellar)
    file, other = files.upload(os.urandom(1000)), theirs.upload(os.urandom(1000))
    expect_code(uses(bob, channel, file)[1], 404, "a stranger's file, which no message uses")
    expect_code(uses(bob, channel, uuid.uuid4().hex)[1], 404, "what is not there")
    expect_code(uses(alice, secret, file)[1], 201)
    expect_code(uses(bob, channel, file)[1], 404, "a file of a channel that one cannot read")
    shown, answer = uses(alice, channel, file)
    expect_code(answer, 201)
    passed, answer = uses(bob, below, file, other)
    expect_code(answer, 201, "a file of a channel that one reads, and an own one")
    expect_code(uses(bob, below, file, operation="EDIT", guid=passed, text=b"again")[1], 200)
    for message in (shown, passed):
        expect_code(ask(alice if message == shown else bob, "DELETE", "message", message), 204)
    expect_code(files.get(file), 200, "a message in another channel uses it")
    expect_code(theirs.get(other), 410, "the last one has gone")
    expect_code(uses(bob, channel, other)[1], 410, "an own one that is gone")
    for bad in ("x", "[]", "nothing", f"{file}, {file}"):
        with scene.case(bad):
            expect_code(ask(alice, "CREATE", "message", channel, b"x", guid=uuid.uuid4().hex, media=bad), 401)
    expect_code(uses(alice, channel, *(uuid.uuid4().hex for _ in range(101)))[1], 401, "more than a hundred")
    expect_code(ask(alice, "EDIT", "hub", hub, {"everyone": ["read", "write"]}), 200)
    third = theirs.upload(os.urandom(1000))
    expect_code(uses(bob, channel, third)[1], 403, "without the right to attach")
    expect_code(uses(bob, channel)[1], 201, "and without a file")


@claim("D09", "media.md 8", "what only messages of channels use is fetched by its owner and by who reads one of them, not by its digest either")
def d09(scene):
    alice, bob, carol = (scene.person(after=None) for _ in range(3))
    files, theirs, hers = Files(scene, alice), Files(scene, bob), Files(scene, carol)
    hub = found(alice)
    channel = make(alice, "channel", hub, {"name": "general"})
    secret = make(alice, "channel", hub, {"name": "press", "kind": "private"})
    join(alice, bob, hub)
    data = os.urandom(1000)
    file = files.upload(data)
    expect_code(hers.get(file), 200, "no message uses it: whoever knows the GUID")
    expect_code(uses(alice, secret, file)[1], 201)
    expect_code(theirs.get(file), 404, "a channel that one cannot read")
    shown, answer = uses(alice, channel, file)
    expect_code(answer, 201)
    expect_code(theirs.get(file), 200, "a channel that one reads")
    expect_code(hers.get(file), 404, "no member")
    unknown = hers.get(uuid.uuid4().hex)
    expect(hers.get(file).get("message") == unknown.get("message"), "it is told apart from what is not there")
    expect_code(hers.open(uuid.uuid4().hex, len(data), data), 202, "by its digest")
    expect_code(theirs.open(uuid.uuid4().hex, len(data), data), 201, "by its digest, whoever may fetch it")
    answer = alice.control.ask("CREATE", b"{}", {"type": "ban", "target": hub, "member": bob.account.id})
    expect_code(answer, 201, "a ban")
    again = Files(scene, bob)
    expect_code(again.get(file), 404, "a member no more")
    expect_code(files.get(file), 200, "its owner")
    expect_code(ask(alice, "DELETE", "message", shown), 204)
    expect_code(hers.get(file), 404, "a message of another channel uses it")


CLIENTS = "a promise of clients"
not_here("M05", "media.md 7", "names of files are made safe before they are used", CLIENTS)
not_here("M06", "media.md 7", "bytes are not shown by what they claim to be", CLIENTS)
not_here("M07", "media.md 7", "pictures that are bombs are not decoded", CLIENTS)
not_here("M08", "contents.md 3", "URLs that lead inside are not fetched", CLIENTS)
not_here("M09", "media.md 5", "what has another digest than the message says is not shown", CLIENTS)
