"""registry.md section 1, operations.md sections 4 and 6: the table of operations, priority, notices, and in which order a
request is refused."""
import uuid

import registry
from peer import packets
from suite import claim, expect, expect_code, expect_silence

OPERATIONS = ("CREATE", "NOTIFY", "EDIT", "REMOVE", "DELETE", "DESTROY", "GET")
ROWS = registry.operations()
TYPES = sorted({kind for _, kind in ROWS})
GUID = "018f6f0e7b8c7cc2a1f3b0d5f3a1c9e4"  # of nothing


@claim("T10", "registry.md 1", "what the table of operations does not have gets 501 and the type")
def t10(scene):
    alice = scene.person(after=None)
    for lane in (alice.control, alice.text):
        for operation in OPERATIONS:
            for kind in (*TYPES, "nonsense"):
                if (operation, kind) in ROWS:
                    continue
                with scene.case(f"{operation} {kind} on {lane.port}"):
                    answer = lane.ask(operation, fields={"type": kind, "target": GUID})
                    expect(expect_code(answer, 501).get("type") == kind, f"type is {answer.get('type')}")
    for operation in ("EDIT", "REMOVE", "DELETE", "DESTROY"):
        with scene.case(f"{operation} of a message between people"):
            expect_code(alice.text.ask(operation, fields={"type": "message", "target": alice.account.id}), 501,
                        section="operations.md 6")


@claim("P32", "registry.md 1", "an operation on the wrong lane gets 417 and the right port")
def p32(scene):
    alice, bob = scene.person(after=None), scene.person(after=None)
    for (operation, kind), ports in ROWS.items():
        for lane in (alice.control, alice.text):
            if lane.port in ports:
                continue
            with scene.case(f"{operation} {kind} on {lane.port}"):
                content = scene.letter(alice, bob) if (operation, kind) == ("CREATE", "message") else None
                target = bob.account.id if kind in ("message", "receipt") and operation in ("CREATE", "GET") else GUID
                answer = lane.ask(operation, content, {"type": kind, "target": target, "guid": uuid.uuid4().hex})
                expect(expect_code(answer, 417).get("port") == str(ports[0]), f"port is {answer.get('port')}")
    expect(not scene.inbox(bob)[0], "a message on the wrong lane is in the inbox")


@claim("T18", "registry.md 1", "with priority: high 8800 takes what 8801 writes, and neither what it reads nor files")
def t18(scene):
    alice, bob = scene.person(after=None), scene.person()
    for priority, code in ((None, 417), ("normal", 417), ("low", 417), ("high", 201)):
        with scene.case(f"a message, priority {priority}"):
            guid = uuid.uuid4().hex
            fields = {"type": "message", "target": bob.account.id, "guid": guid, **({"priority": priority} if priority else {})}
            expect_code(alice.control.ask("CREATE", scene.letter(alice, bob), fields), code)
            if code == 201:
                push = bob.text.next_push()
                expect((push.get("guid"), push.get("author")) == (guid, alice.account.id), f"{push} came")
                expect_code(alice.control.ask("CREATE", scene.letter(bob, bob), {**fields, "guid": uuid.uuid4().hex}), 402,
                            "somebody else's words")
    for (operation, kind), ports in ROWS.items():
        if ports[0] == 8800 or 8800 in ports:
            continue
        overtakes = ports[0] == 8801 and operation not in ("GET", "NOTIFY")
        with scene.case(f"{operation} {kind}"):
            answer = alice.control.ask(operation, None, {"type": kind, "target": GUID, "priority": "high"})
            expect((answer.code not in (417, 501)) if overtakes else answer.code == 417, f"{answer} came")
    expect_silence(bob.text, "more than one message was delivered")


@claim("T11", "operations.md 1", "a ping is answered by 200 on every lane; a type that is missing gets 401")
def t11(scene):
    alice = scene.person(after=None)
    for lane in (alice.control, alice.text):
        with scene.case(str(lane.port)):
            expect(lane.ping(), "no 200")
            for operation in ("GET", "CREATE", "EDIT"):
                expect_code(lane.ask(operation), 401, f"{operation} without type")


@claim("T12", "operations.md 6", "a request that is wrong in two ways gets the answer of what is checked first")
def t12(scene):
    alice = scene.person(after=None)
    lane = scene.connect()
    for name, where, fields, code in (
            ("id, then log-in", lane, {"id": "x", "type": "ping"}, 401), ("log-in, then type", lane, {}, 418),
            ("log-in, then 501", lane, {"type": "nonsense"}, 418),
            ("priority, then type", alice.control, {"priority": "urgent"}, 401),
            ("type known, then lane", alice.control, {"type": "nonsense"}, 501),
            ("lane, then fields", alice.control, {"type": "cursor", "cursor": "x"}, 417)):
        with scene.case(name):
            where.send("NOTIFY", fields=fields)
            expect_code(where.receive(), code)
    with scene.case("an unknown key is ignored"):
        expect_code(alice.control.ask("NOTIFY", fields={"type": "ping", "x-mine": "a", "flavour": "b"}), 200, section="README.md 3")


@claim("T13", "operations.md 4", "typing goes to the sessions of its target, and to nobody else")
def t13(scene):
    alice, bob, carol = scene.person(), scene.person(), scene.person()
    second = scene.person(bob.account)
    for state in ("on", "off"):
        expect_code(alice.text.ask("NOTIFY", fields={"type": "typing", "target": bob.account.id, "state": state}), 200)
        for session in (bob, second):
            push = session.text.next_push()
            expect((push.get("operation"), push.get("type"), push.get("author"), push.get("state")) ==
                   ("NOTIFY", "typing", alice.account.id, state), f"{push} came")
    expect_silence(alice.text, "the sender got the own notice")
    expect_silence(carol.text, "somebody else got it")
    for fields, code in (({"state": "maybe"}, 401), ({}, 401), ({"state": "on", "target": "nobody"}, 401),
                         ({"state": "on", "target": scene.account().id}, 200)):
        with scene.case(str(fields)):
            expect_code(alice.text.ask("NOTIFY", fields={"type": "typing", "target": bob.account.id, **fields}), code)
    expect_silence(bob.text, "a notice that was refused was pushed")


@claim("T14", "operations.md 4", "presence goes to those who are named, and to nobody else")
def t14(scene):
    alice, bob, carol, dave = (scene.person(after=None) for _ in range(4))
    named = f"[{bob.account.id}, {scene.account().id}, {carol.account.id}]"
    for state in ("online", "away", "offline"):
        expect_code(alice.control.ask("NOTIFY", fields={"type": "presence", "target": named, "state": state}), 200)
        for session in (bob, carol):
            push = session.control.next_push()
            expect((push.get("operation"), push.get("type"), push.get("author"), push.get("state")) ==
                   ("NOTIFY", "presence", alice.account.id, state), f"{push} came")
    expect_silence(alice.control, "the sender got the own notice")
    expect_silence(dave.control, "somebody else got it")
    for fields in ({"state": "invisible", "target": named}, {"state": "away"}, {"target": named},
                   {"state": "away", "target": "[]"}):
        with scene.case(str(fields)):
            expect_code(alice.control.ask("NOTIFY", fields={"type": "presence", **fields}), 401)
    expect_silence(bob.control, "a notice that was refused was pushed")


@claim("T15", "operations.md 4", "notices are never stored")
def t15(scene):
    alice, away = scene.person(after=None), scene.account()
    scene.person(away).close()
    expect_code(alice.text.ask("NOTIFY", fields={"type": "typing", "target": away.id, "state": "on"}), 200)
    expect_code(alice.control.ask("NOTIFY", fields={"type": "presence", "target": away.id, "state": "away"}), 200)
    back = scene.person(away)
    expect_silence(back.text, "typing came later")
    expect_silence(back.control, "presence came later")


@claim("T16", "packets.md 6", "requests without an id are answered without reply")
def t16(scene):
    alice = scene.person(after=None)
    alice.text.send_raw(packets.write("GET", None, {"type": "message"}))
    answer = expect_code(alice.text.answer_to(None), 200)
    expect("reply" not in answer.header, "a reply to nothing")
