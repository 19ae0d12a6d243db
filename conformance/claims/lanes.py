"""connect.md sections 4 to 6: the other lanes, resuming, and all lanes in one connection."""
from peer import packets
from peer.identity import random_32
from peer.login import port_proof
from suite import claim, expect, expect_closed, expect_code


def notices(lane):
    """The states of the notices of a session that come before the connection ends."""
    return [packet.get("state") for packet in lane.until_closed() if packet.get("type") == "session"]


@claim("S12", "connect.md 4", "a proof that is not of this session and connection gets 419, the third one the end")
def s12(scene):
    alice, bob = scene.person(text=False), scene.person(text=False)
    for name, proof in (
            ("of another connection", lambda lane: port_proof(alice.token, alice.control.binding)),
            ("of another session", lambda lane: port_proof(bob.token, lane.binding)),
            ("the bare token", lambda lane: alice.token), ("zeros", lambda lane: bytes(32)),
            ("without the connection", lambda lane: port_proof(alice.token, b"")), ("empty", lambda lane: b"x")):
        with scene.case(name):
            lane = scene.connect(8801)
            expect_code(lane.ask("CONNECT", fields=alice.lane_fields(lane, 0, proof(lane))), 419)
            expect_code(lane.ask("CONNECT", fields=alice.lane_fields(lane, 0)), 200, "the right one behind it")
        bob.close()
        alice.close()
        alice, bob = scene.person(text=False), scene.person(text=False)
    with scene.case("the third one"):
        lane = scene.connect(8801)
        for number in range(3):
            lane.send("CONNECT", fields=alice.lane_fields(lane, 0, random_32()))
            expect_code(lane.receive(), 419, f"wrong proof {number + 1}")
        expect_closed(lane)


@claim("S13", "connect.md 4", "a proof made for another port gets 419")
def s13(scene):
    alice = scene.person(text=False)
    for port in (8800, 8802, scene.station.address(8801)[1]):
        if port == 8801:
            continue
        with scene.case(str(port)):
            lane = scene.connect(8801)
            expect_code(lane.ask("CONNECT", fields=alice.lane_fields(lane, 0, port_proof(alice.token, lane.binding, port))), 419)


@claim("H11", "connect.md 4", "fields of a lane's CONNECT that are wrong get 401, a log-in 417 with port 8800")
def h11(scene):
    alice, lane = scene.person(text=False), scene.connect(8801)
    right = alice.lane_fields(lane, 0)
    for name, changed, code in (("session no GUID", {"session": "42"}, 401), ("session missing", {"session": None}, 401),
                                ("after no number", {"after": "-1"}, 401), ("after a word", {"after": "all"}, 401)):
        with scene.case(name):
            fields = {key: value for key, value in {**right, **changed}.items() if value is not None}
            expect_code(lane.ask("CONNECT", fields=fields), code)
    with scene.case("a log-in"):
        answer = lane.ask("CONNECT", fields={"author": alice.account.id, "target": scene.id, "nonce": packets.b64(bytes(32))})
        expect(expect_code(answer, 417).get("port") == "8800", f"port is {answer.get('port')}")
    with scene.case("then the right one"):
        expect_code(lane.ask("CONNECT", fields=right), 200)


@claim("H12", "connect.md 7", "closing 8800 ends the session's other lanes")
def h12(scene):
    alice = scene.person()
    alice.control.close()
    alice.text.until_closed()
    lane, answer = alice.prove_lane()
    expect_code(answer, 419, "a proof of a session that has ended")
    lane.close()


@claim("S14", "connect.md 5", "resuming needs the session's GUID, its author and its newest secret; a used one is theft")
def s14(scene):
    def resume(fields):
        lane = scene.connect()
        return lane, lane.ask("CONNECT", fields=fields)
    alice, bob = scene.person(text=False), scene.person(text=False)
    for name, fields, code in (
            ("unknown session", alice.resume_fields(guid="018f6f0e7b8c7cc2a1f3b0d5f3a1c9e4"), 419),
            ("no GUID", alice.resume_fields(guid="42"), 401),
            ("wrong secret", alice.resume_fields(packets.b64(random_32())), 419),
            ("short secret", alice.resume_fields(packets.b64(bytes(31))), 401),
            ("another author", alice.resume_fields(author=bob.account.id), 419),
            ("another session's secret", alice.resume_fields(secret=bob.secret), 419)):
        with scene.case(name):
            expect_code(resume(fields)[1], code)
    first = alice.secret
    alice.control.close()
    lane, welcome = resume(alice.resume_fields())
    expect_code(welcome, 200, "the right secret")
    expect(welcome["session"] == alice.guid, "another session came back")
    expect(welcome["resume"] != first and packets.unb64(welcome["token"]) != alice.token, "the secrets are the old ones")
    with scene.case("once more, as when the answer was lost"):
        lane, welcome = resume(alice.resume_fields(first))
        expect_code(welcome, 200)
    alice.take(welcome)
    alice.control = lane
    expect(lane.ping(), "the resumed session does not work")
    other = scene.person(alice.account, text=False)
    with scene.case("used, and shown again"):
        thief, answer = resume(alice.resume_fields(first))
        expect_code(answer, 419)
        expect("theft" in notices(lane), "the session was not told of the theft")
        told = other.control.next_push()
        expect((told.get("type"), told.get("state"), told.get("author")) == ("session", "theft", scene.id),
               f"{told} came to the other session")
        expect_code(resume(alice.resume_fields())[1], 419, "the newest secret of a session that has ended")
        thief.close()


@claim("H13", "connect.md 5", "a resumed session closes what it still had, and opens its lanes anew")
def h13(scene):
    alice, bob = scene.person(), scene.person()
    lane = scene.connect()
    welcome = expect_code(lane.ask("CONNECT", fields=alice.resume_fields()), 200)
    alice.control.until_closed()
    alice.text.until_closed()
    stale, answer = alice.prove_lane()
    expect_code(answer, 419, "a proof with the token of before")
    stale.close()
    alice.control = lane
    alice.take(welcome)
    alice.open_text(0)
    expect_code(scene.write(bob, alice), 201, "a message to the resumed session")


@claim("H16", "connect.md 6", "every lane works inside the connection of 8800, with a proof of that lane and connection")
def h16(scene):
    alice, bob = scene.person(text=False), scene.person()
    lane = alice.control

    def prove(name, port, token=None, guid=None):
        proof = port_proof(token or alice.token, lane.binding, port)
        return lane.ask("CONNECT", fields={"lane": name, **alice.lane_fields(lane, 0 if name == "text" else None, proof, guid)})
    with scene.case("nothing proven"):
        expect_code(lane.ask("NOTIFY", fields={"lane": "media", "type": "ping"}), 418)
    with scene.case("a proof of another lane"):
        expect_code(prove("text", 8802), 419)
    with scene.case("another session"):
        expect_code(prove("text", 8801, bob.token, bob.guid), 419)
    for name, port in (("text", 8801), ("media", 8802), ("audio", 8803), ("video", 8804)):
        with scene.case(name):
            expect(expect_code(prove(name, port), 200).get("lane") == name, "the answer does not say its lane")
            expect_code(prove(name, port), 407, "a second time")
    with scene.case("a push"):
        expect_code(scene.write(bob, alice), 201)
        push = lane.next_push()
        expect((push.get("type"), push.get("lane")) == ("message", "text"), f"{push} came")
    with scene.case("what is not of the lane"):
        answer = lane.ask("CREATE", fields={"lane": "text", "type": "media", "guid": "018f6f0e7b8c7cc2a1f3b0d5f3a1c9e4", "size": "1"})
        expect(expect_code(answer, 417).get("port") == "8802", f"port is {answer.get('port')}")
    for name, code in (("smell", 401), ("Text", 401)):
        with scene.case(name):
            expect_code(lane.ask("NOTIFY", fields={"lane": name, "type": "ping"}), code)
    with scene.case("on another port"):
        answer = bob.text.ask("NOTIFY", fields={"lane": "media", "type": "ping"})
        expect(expect_code(answer, 417).get("port") == "8800", f"port is {answer.get('port')}")


@claim("H17", "connect.md 6", "inside the connection of 8800 a text may have 1 MiB, a piece of media 64 KiB")
def h17(scene):
    alice = scene.person(text=False)
    lane = alice.control
    for name, port in (("text", 8801), ("media", 8802)):
        proof = port_proof(alice.token, lane.binding, port)
        expect_code(lane.ask("CONNECT", fields={"lane": name, **alice.lane_fields(lane, None, proof)}), 200)
    for name, size, code in (("text", 1024 * 1024, 401), ("text", 1024 * 1024 + 1, 411), ("media", 64 * 1024 + 1, 411),
                             ("control", 64 * 1024 + 1, 411)):
        with scene.case(f"{name} {size}"):
            fields = {"lane": name, "type": "message" if name == "text" else "media", "target": alice.account.id}
            answer = lane.ask("CREATE", b"x" * size, fields)
            expect_code(answer, code)
            expect(answer.get("lane", "control") == name, f"the answer is of the lane {answer.get('lane')}")
            expect(lane.ping(), "the next packet does not work")


@claim("S15", "connect.md 2", "a ninth session ends the one silent longest; a second connection on a lane gets 407")
def s15(scene):
    account = scene.account()
    sessions = [scene.person(account) for _ in range(8)]
    with scene.case("a second connection"):
        _, answer = sessions[0].prove_lane()
        expect_code(answer, 407)
    with scene.case("a ninth session"):
        for session in [*sessions[:3], *sessions[4:]]:
            expect(session.control.ping(), "one of eight sessions does not work")
        scene.person(account)
        expect("replaced" in notices(sessions[3].control), "the one silent longest was not told")
        sessions[3].text.until_closed()
        expect(sessions[0].control.ping(), "another session has ended too")
