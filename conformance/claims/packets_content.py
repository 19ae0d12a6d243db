"""packets.md sections 3 to 6: contents, checksums, and how bytes become packets."""
import json
import socket
import struct
import time
import uuid

from claims.packets_header import lines, table
from peer import packets
from peer.connection import Closed
from suite import claim, expect, expect_closed, expect_code, expect_silence


def document(content, **options):
    """CREATE of a document; its content is no JSON, so that one that is taken as a packet gets 401 later on."""
    return packets.write("CREATE", content, {"id": "5", "type": "document", "target": "anyone@anywhere"}, **options)


@claim("P17", "packets.md 2", "a length that is no number of bytes ends the connection with 401")
def p17(scene):
    table(scene, [(repr(value), document(b"12345", length=value), 401, True) for value in (
        "-1", "+5", "0x10", "5.0", " 5", "05", "18446744073709551616", "5 bytes", "1e1")] +
          [("without a content", lines("id: 1", "type: ping", "length: 5"), 401, True)])


@claim("P18", "packets.md 3", "a length that disagrees with the closing fence ends the connection with 401")
def p18(scene):
    table(scene, [("3 too small", document(b"12345678", length="5"), 401, True),
                  ("1 too small", document(b"12345678", length="7"), 401, True),
                  ("1 too large", document(b"12345678", length="9") + b"\n\n", 401, True),
                  ("no empty line", document(b"12345678")[:-1] + lines("type: ping"), 401, True)])


@claim("P19", "limits.md 3", "a content that stops coming is waited for 10 seconds: 511 and the end")
def p19(scene):
    person = scene.person(text=False)
    person.control.send_raw(document(b"12345678", length="20"))
    expect_closed(person.control, 511)


@claim("P20", "limits.md 2", "a content over the lane's limit gets 411, is skipped exactly, and the next packet works")
def p20(scene):
    for port, limit in packets.LIMIT.items():
        with scene.case(f"{limit + 1} bytes on {port}"):
            person = scene.person(after=None)
            lane = person.control if port == 8800 else person.text
            inside = (b"\n" + b'"""\n\n' + lines("id: 99", "type: ping")) * ((limit + 1) // 60 + 1)
            lane.send_raw(document(inside[:limit + 1]))
            expect_code(lane.receive(), 411)
            expect_silence(lane, "what stood in the content was taken as packets")
        with scene.case(f"{limit} bytes on {port}"):
            person = scene.person(after=None)
            lane = person.control if port == 8800 else person.text
            lane.send_raw(document(b"x" * limit))
            expect(lane.receive().code != 411, "411 at the limit already")
            expect(lane.ping(), "the next request was not answered")
    with scene.case("without length"):
        person = scene.person(text=False)
        person.control.send_raw(document(b"x" * 65600, length=False))
        expect_closed(person.control, 411)


@claim("P21", "packets.md 3", "without length the content ends at the first line that is a fence")
def p21(scene):
    table(scene, [("a fence within", document(b'ab\n"""\ncd', length=False), 401, True),
                  ("a fence within a line", document(b'ab """ cd', length=False), 403, False),
                  ("no empty line behind it", document(b"ab", length=False)[:-1] + lines("type: ping"), 401, True)])
    person = scene.person(text=False)
    with scene.case("typed, it is read"):
        own = f'{{"document":{json.dumps(person.account.visa)}}}'.encode()
        answer = person.control.ask("CREATE", own, {"type": "document", "target": person.account.id}, length=False)
        expect_code(answer, 201)


@claim("P22", "packets.md 3", "packets inside a counted content are bytes: nothing of them is done")
def p22(scene):
    person = scene.person(after=None)
    inside = b'{}\n"""\n\n' + lines("id: 99", "type: ping") + lines("id: 98", f"target: {person.account.id}", "type: message",
                                                               second="operation: DESTROY")
    person.text.send_raw(packets.write("CREATE", inside, {"id": "7", "type": "message", "target": person.account.id,
                                                          "guid": uuid.uuid4().hex}))
    expect_code(person.text.answer_to("7"), 401, "a content that is no message")
    expect_silence(person.text, "what stood in the content was taken as packets")


def refused_sums(content):
    good = packets.checksum(content)
    raw = good.partition("-")[2]
    return {"wrong": packets.checksum(content + b"x"), "unknown algorithm": "md5-" + raw, "no algorithm": raw,
            "not base64": "sha256-" + "!" * 44, "too short": good[:-8] + "=",
            "twice the same": f"[{good}, {good}]", "the second wrong": f"[{good}, {packets.checksum(b'')}]", "empty list": "[]",
            "hexadecimal": "sha256-" + "00" * 32, "capitals": "SHA256-" + raw}


@claim("P23", "packets.md 4", "a checksum that is wrong in any way gets 401, and nothing is stored")
def p23(scene):
    alice, bob = scene.person(after=None), scene.person(after=None)
    content = scene.letter(alice, bob)
    for name, value in refused_sums(content).items():
        with scene.case(name):
            expect_code(scene.write(alice, bob, content, checksums=value), 401)
    with scene.case("without a content"):
        expect_code(alice.control.ask("GET", fields={"type": "document", "target": bob.account.id,
                                                     "checksum": packets.checksum(b"")}), 401)
    expect(not scene.inbox(bob)[0], "a message whose checksum was wrong is in the inbox")


@claim("P24", "packets.md 4", "behind the log-in a content without a checksum gets 401")
def p24(scene):
    alice, bob = scene.person(after=None), scene.person(after=None)
    expect_code(scene.write(alice, bob, checksums=()), 401)
    expect(not scene.inbox(bob)[0], "a message without a checksum is in the inbox")
    expect_code(alice.control.ask("CREATE", b"{}", {"type": "document", "target": alice.account.id}, checksums=()), 401)


@claim("P25", "packets.md 4", "crc32c works where the log-in chose it, and only there")
def p25(scene):
    alice, bob = scene.person(after=None), scene.person(after=None)
    with scene.case("not agreed"):
        expect_code(scene.write(alice, bob, checksums=("crc32c",)), 401)
        expect_code(scene.write(alice, bob, checksums=("sha256", "crc32c")), 401)
    carol = scene.person(offered="[sha256, crc32c]", after=None)
    if carol.welcome["chosen"] != "crc32c":
        return  # the station does not choose it, which it may
    with scene.case("agreed"):
        expect_code(scene.write(carol, bob, checksums=("crc32c",)), 202)
        expect_code(scene.write(carol, bob, checksums=("crc32c", "sha256")), 202)
        expect_code(scene.write(carol, bob, checksums=("sha256",)), 202)
    with scene.case("agreed and wrong"):
        content = scene.letter(carol, bob)
        expect_code(scene.write(carol, bob, content, checksums=packets.checksum(b"other", "crc32c")), 401)
        expect_code(scene.write(carol, bob, content, checksums=f"[{packets.checksum(content)}, crc32c-AAAAAA==]"), 401)


@claim("P41", "packets.md 6", "responses of a client are ignored, and the hundredth ends the connection with 401")
def p41(scene):
    person = scene.person(text=False)
    stray = b"version: dim/2023\ncode: 200\nstatus: Okay\nreply: 4711\n\n"
    person.control.send_raw(stray * 99)
    expect_silence(person.control, "99 responses")
    person.control.send_raw(stray)
    expect_closed(person.control, 401, "the hundredth")


@claim("P42", "packets.md 5", "half a packet and the end of the connection: nothing is stored, and the station goes on")
def p42(scene):
    bob = scene.person(after=None)
    for name, linger in (("end", None), ("reset", struct.pack("ii", 1, 0))):
        with scene.case(name):
            alice = scene.person(after=None)
            data = packets.write("CREATE", scene.letter(alice, bob), {"id": "1", "type": "message", "target": bob.account.id,
                                                                   "guid": uuid.uuid4().hex})
            alice.text.send_raw(data[:-5])
            if linger:
                alice.text.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            alice.text.close()
            expect(alice.control.ping(), "8800 of the same session does not work any more")
    expect(not scene.inbox(bob)[0], "half a message is in the inbox")


@claim("P43", "packets.md 1", "how bytes are cut means nothing: one byte a segment")
def p43(scene):
    person = scene.person(text=False)
    for byte in packets.write("GET", None, {"id": "7", "type": "document", "target": person.account.id}):
        person.control.send_raw(bytes([byte]))
    expect_code(person.control.answer_to("7"), 200)


@claim("P44", "packets.md 6", "a thousand packets at once are all answered")
def p44(scene):
    person = scene.person(text=False)
    person.control.send_raw(b"".join(lines(f"id: {number}", "type: ping") for number in range(1000)))
    answers = {person.control.receive()["reply"] for _ in range(1000)}
    expect(answers == {str(number) for number in range(1000)}, f"{len(answers)} of 1,000 were answered")


@claim("P45", "packets.md 5", "noise ends the connection with 401 within its first bytes")
def p45(scene):
    noise = bytes((17 * n * n + 91) % 256 for n in range(1024))
    lane = scene.connect()
    lane.send_raw(noise)
    expect_closed(lane, 401)
    lane = scene.connect()
    try:
        for _ in range(1024):
            lane.send_raw(noise)
        lane.until_closed()
    except Closed:
        pass


@claim("L04", "limits.md 3", "a packet that comes at less than 64 bytes a second is given up: 511 and the end")
def l04(scene):
    person = scene.person(text=False)
    person.control.send_raw(b"version: dim/2023\noperation: NOTIFY\nx-a: ")
    deadline = time.monotonic() + 40
    try:
        while time.monotonic() < deadline:
            person.control.send_raw(b"a")
            time.sleep(0.5)  # two bytes a second
    except Closed:
        pass
    expect_closed(person.control, 511)
