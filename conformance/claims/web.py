"""connect.md section 7: the web gateway. It is off unless an operator turns it on: --web says where it is."""
import base64
import os
import time

from peer.connection import PATIENCE, Closed, Late
from peer.login import Challenge, port_proof
from peer.web import CLOSE, CONTINUATION, PING, TEXT, WebConnection, frame, request
from suite import Skipped, claim, expect, expect_code

LONG = 128 * 1024  # more than a packet of 8800 with the longest header


def web(scene, upgrade=True):
    if scene.plan.web is None:
        raise Skipped("needs --web")
    scene.plan.before_connection()
    address = (scene.station.host, scene.plan.web)
    return scene.open.enter_context(WebConnection(address, scene.saw, upgrade))


def http(scene, data=None, **changed):
    """The status that a request gets, and the whole head of the answer."""
    lane = web(scene, upgrade=False)
    key = base64.b64encode(os.urandom(16)).decode()
    said = lane.http(request(key, lane.host, **changed) if data is None else data)
    return said.split(" ")[1] if said.startswith("HTTP/1.1 ") else said[:40], said


def close_of(lane, frames):
    """With which code the gateway ends the connection behind these frames; None when it does not."""
    try:
        lane.send_frames(frames)
    except Closed:
        pass  # reading tells
    deadline = time.monotonic() + PATIENCE
    try:
        while lane.receive_raw(deadline):
            pass
    except (Closed, Late):
        pass
    return lane.close_code


@claim("S22", "connect.md 7", "the web gateway refuses foreign pages with 403, and closes at frames that are wrong with RFC 6455's codes")
def s22(scene):
    for origin in ("https://evil.example", "null"):
        with scene.case(f"Origin: {origin}"):
            status, _ = http(scene, Origin=origin)
            expect(status == "403", f"{status} came")
    rows = (("2^63 bytes", frame(b"", length=1 << 63), 1009), ("no mask", frame(b"x", masked=False), 1002),
            ("reserved bits", frame(b"x", reserved=4), 1002), ("an unknown kind", frame(b"x", opcode=3), 1002),
            ("a continuation of nothing", frame(b"x", CONTINUATION), 1002),
            ("a ping in fragments", frame(b"x", PING, last=False), 1002), ("a ping of 126 bytes", frame(b"x" * 126, PING), 1002),
            ("text that is no UTF-8", frame(b"\xff\xfe", TEXT), 1007),
            ("1,025 frames in a message", frame(b"", last=False) + frame(b"", CONTINUATION, last=False) * 1024, 1008),
            ("more than a packet of 8800 before the log-in", frame(b"x" * LONG), 1009))
    for name, frames, code in rows:
        with scene.case(name):
            got = close_of(web(scene), frames)
            expect(got == code, f"close {code} was due, and {got} came")


@claim("H21", "connect.md 7", "a log-in in WebSocket, with all lanes in it, is one as on 8800")
def h21(scene):
    lane = web(scene)
    expect(lane.pin == scene.connect().pin, "8810 has another certificate than 8800")
    account = scene.account()
    challenge = Challenge(lane, account.id, scene.id)
    challenge.check_station()
    welcome = expect_code(challenge.answer(account.key, account.shown()), 200)
    proof = port_proof(base64.b64decode(welcome["token"]), lane.binding, 8801)
    opened = lane.ask("CONNECT", fields={"lane": "text", "session": welcome["session"], "after": "0",
                                         "proof": base64.b64encode(proof).decode()})
    expect(expect_code(opened, 200).get("lane") == "text", "the answer does not say its lane")
    bob = scene.person()
    content = scene.letter(bob, account)
    expect_code(scene.write(bob, account, content), (201, 202))
    push = lane.next_push()
    expect(push.content == content and push.get("lane") == "text", f"{push} came in place of the message")
    with scene.case("a packet in two text frames"):
        packet = b"version: dim/2023\noperation: NOTIFY\nid: 900\ntype: ping\n\n"
        lane.send_frames(frame(packet[:20], TEXT, last=False) + frame(packet[20:], CONTINUATION))
        expect_code(lane.answer_to("900"), 200)


@claim("H22", "connect.md 7", "requests that are no upgrade get the answers of HTTP, as plain text")
def h22(scene):
    rows = (("another path", {"path": "/index.html"}, "404"), ("another method", {"method": "POST"}, "405"),
            ("no upgrade", {"Upgrade": None}, "426"), ("version 8", {"Sec_WebSocket_Version": "8"}, "426"),
            ("no key", {"Sec_WebSocket_Key": None}, "400"), ("a short key", {"Sec_WebSocket_Key": "c2hvcnQ="}, "400"),
            ("no dim.2023", {"Sec_WebSocket_Protocol": "dim.1999"}, "400"), ("no host", {"Host": None}, "400"),
            ("a body", {"Content_Length": "5"}, "400"), ("more than 8 KiB", {"X": "x" * 9000}, "431"))
    for name, changed, due in rows:
        with scene.case(name):
            status, head = http(scene, **changed)
            expect(status == due, f"{due} was due, and {status} came")
            lines = head.lower()
            expect("content-type: text/plain" in lines and "x-content-type-options: nosniff" in lines,
                   "the answer can be taken for a page")
    with scene.case("a packet in place of HTTP"):
        status, _ = http(scene, b"version: dim/2023\noperation: CONNECT\r\n\r\n")
        expect(status == "400", f"400 was due, and {status} came")


@claim("H23", "connect.md 7", "pings are answered, and a close is answered by a close")
def h23(scene):
    lane = web(scene)
    lane.send_frames(frame(b"beat", PING))
    lane.send("NOTIFY", fields={"type": "ping", "id": "1"})
    expect_code(lane.answer_to("1"), 418)
    expect(lane.pongs == [b"beat"], f"the ping was answered by {lane.pongs}")
    expect(close_of(lane, frame(b"\x03\xe9", CLOSE)) is not None, "the close was not answered")
    with scene.case("a close of one byte"):
        expect(close_of(web(scene), frame(b"\x03", CLOSE)) == 1002, "it was taken")

