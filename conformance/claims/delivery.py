"""operations.md section 3: pushes, cursors, pages; the order of things."""
import time
import uuid

from claims.messages import push_is
from peer import packets
from suite import claim, expect, expect_code, expect_silence


def burst(scene, sender, receiver, count):
    """Sends so many at once, as receipts, of which a session may send more than of messages; the GUIDs in order."""
    content, guids = scene.letter(sender, receiver), [uuid.uuid4().hex for _ in range(count)]
    sender.text.send_raw(b"".join(
        packets.write("CREATE", content, {"id": str(10000 + index), "type": "receipt", "target": receiver.account.id, "guid": guid})
        for index, guid in enumerate(guids)))
    return guids


def answers(sender, count, codes):
    for _ in range(count):
        expect_code(sender.text.receive(), codes)


@claim("O01", "operations.md 3", "pushes come in cursor order, each once, under load, and in the order of their sender")
def o01(scene):
    senders, bob = [scene.person(after=None) for _ in range(3)], scene.person()
    sent = [burst(scene, sender, bob, 120) for sender in senders]
    pushes = [bob.text.next_push() for _ in range(360)]
    for sender in senders:
        answers(sender, 120, 201)
    cursors = [int(push["cursor"]) for push in pushes]
    expect(cursors == list(range(1, 361)), "the cursors are not 1, 2, 3 …: "
           f"{next((one for one in enumerate(cursors, 1) if one[0] != one[1]), None)}")
    for sender, guids in zip(senders, sent):
        got = [push["guid"] for push in pushes if push["author"] == sender.account.id]
        expect(got == guids, "what one sender wrote came in another order", "operations.md 2")
    expect_silence(bob.text, "something came twice")


@claim("O02", "operations.md 3", "what waited comes first, in order, then what is new")
def o02(scene):
    alice, away = scene.person(after=None), scene.account()
    scene.person(away).close()
    first = burst(scene, alice, _At(away), 250)
    answers(alice, 250, 202)
    bob = scene.person(away)
    second = burst(scene, alice, bob, 50)
    pushes = [bob.text.next_push() for _ in range(300)]
    answers(alice, 50, (201, 202))
    expect([push["guid"] for push in pushes] == first + second, "they came in another order")
    expect([int(push["cursor"]) for push in pushes] == list(range(1, 301)), "the cursors are not 1 to 300")


class _At:
    """A receiver that is away."""

    def __init__(self, account):
        self.account = account


@claim("O03", "connect.md 4", "after says from which cursor on pushes come: those behind it, not itself")
def o03(scene):
    alice, away = scene.person(after=None), scene.account()
    scene.person(away).close()
    guids = burst(scene, alice, _At(away), 5)
    answers(alice, 5, 202)
    for after in (0, 2, 4):
        with scene.case(f"after {after}"):
            bob = scene.person(away, after=after)
            pushes = [bob.text.next_push() for _ in range(5 - after)]
            expect([push["guid"] for push in pushes] == guids[after:], "other messages came")
            expect(int(pushes[0]["cursor"]) == after + 1, f"the first cursor is {pushes[0]['cursor']}")
            expect_silence(bob.text, "more came")
            expect(bob.welcome.get("cursor") == "5", f"the log-in told cursor {bob.welcome.get('cursor')}", "connect.md 2")
            bob.close()


@claim("O04", "operations.md 1", "GET of messages: those behind after and before before, limit of them, and whether there are more")
def o04(scene):
    alice, bob = scene.person(after=None), scene.person(after=None)
    burst(scene, alice, bob, 6)
    answers(alice, 6, 202)
    for fields, cursors, code, following in (
            ({}, [1, 2, 3, 4, 5, 6], 200, None), ({"after": "0", "limit": "1"}, [1], 206, "1"),
            ({"after": "1", "limit": "2"}, [2, 3], 206, "3"), ({"after": "4", "limit": "2"}, [5, 6], 200, None),
            ({"after": "5"}, [6], 200, None), ({"after": "6"}, [], 200, None), ({"after": "100"}, [], 200, None),
            ({"after": "1", "before": "4"}, [2, 3], 200, None), ({"before": "1"}, [], 200, None),
            ({"before": "4", "limit": "2"}, [1, 2], 206, "2"), ({"after": "3", "before": "4"}, [], 200, None)):
        with scene.case(str(fields)):
            pushes, answer = scene.inbox(bob, **fields)
            expect([int(push["cursor"]) for push in pushes] == cursors, f"cursors {[push['cursor'] for push in pushes]} came")
            expect_code(answer, code)
            expect(answer.get("count") == str(len(cursors)), f"count is {answer.get('count')}")
            expect(answer.get("next") == following, f"next is {answer.get('next')}")


@claim("P39", "operations.md 1", "limit is 1 to 200, more is read as 200; what is no cursor gets 401")
def p39(scene):
    alice, bob = scene.person(after=None), scene.person(after=None)
    burst(scene, alice, bob, 203)
    answers(alice, 203, 202)
    for limit in ("1000000", "201", "200"):
        with scene.case(f"limit {limit}"):
            pushes, answer = scene.inbox(bob, limit=limit)
            expect(len(pushes) == 200, f"{len(pushes)} messages came")
            expect(expect_code(answer, 206).get("next") == "200", f"next is {answer.get('next')}")
    for fields in ({"limit": "0"}, {"limit": "-1"}, {"limit": "all"}, {"after": "-1"}, {"after": "x"}, {"before": "x"},
                   {"before": "1.5"}, {"limit": "0x10"}):
        with scene.case(str(fields)):
            pushes, answer = scene.inbox(bob, **fields)
            expect_code(answer, 401)
            expect(not pushes, "messages came before the refusal")


@claim("O05", "operations.md 3", "what GET asks for comes in addition, and does not move the place of the pushes")
def o05(scene):
    alice, bob = scene.person(after=None), scene.person()
    guids = burst(scene, alice, bob, 2)
    answers(alice, 2, 201)
    expect([bob.text.next_push()["guid"] for _ in range(2)] == guids, "the pushes are others")
    pushes, _ = scene.inbox(bob, after="0")
    expect([push["guid"] for push in pushes] == guids, "GET returned others")
    expect_code(scene.write(alice, bob), 201)
    expect(bob.text.next_push()["cursor"] == "3", "the next push is another one")


@claim("T06", "operations.md 3", "NOTIFY cursor removes the inbox up to it; a cursor that no message had gets 401")
def t06(scene):
    alice, bob = scene.person(after=None), scene.person()
    burst(scene, alice, bob, 3)
    answers(alice, 3, 201)
    for _ in range(3):
        bob.text.next_push()
    for value, code in (("4", 401), ("-1", 401), ("two", 401), (None, 401), ("2", 200), ("1", 200)):
        with scene.case(str(value)):
            fields = {"type": "cursor", **({"cursor": value} if value else {})}
            expect_code(bob.text.ask("NOTIFY", fields=fields), code)
    left = wait_for(scene, bob, lambda pushes: len(pushes) < 3)
    expect([push["cursor"] for push in left] == ["3"], f"cursors {[push['cursor'] for push in left]} are left")
    again = scene.person(bob.account)
    expect(again.text.next_push()["cursor"] == "3", "the next log-in begins elsewhere")
    expect_code(scene.write(alice, bob), 201)
    expect(again.text.next_push()["cursor"] == "4", "a cursor was used again")


def wait_for(scene, session, condition):
    """What is in the inbox when the condition holds, or after 20 seconds (removal is lazy: 5 s)."""
    deadline = time.monotonic() + 20
    while True:
        pushes, _ = scene.inbox(session, after="0")
        if condition(pushes) or time.monotonic() > deadline:
            return pushes
        time.sleep(0.5)


@claim("O06", "operations.md 3", "the inbox is kept until every connected device that asked for pushes has stored it")
def o06(scene):
    alice, phone = scene.person(after=None), scene.person()
    desk = scene.person(phone.account)
    content, guid = scene.letter(alice, phone), uuid.uuid4().hex
    expect_code(scene.write(alice, phone, content, guid), 201)
    for device in (phone, desk):
        push_is(device.text.next_push(), alice, phone, content, guid, 1)
    expect_code(phone.text.ask("NOTIFY", fields={"type": "cursor", "cursor": "1"}), 200)
    time.sleep(7)  # longer than removal takes: what must not happen has had its time
    expect(len(scene.inbox(phone, after="0")[0]) == 1, "it was removed though one device has not stored it")
    expect_code(desk.text.ask("NOTIFY", fields={"type": "cursor", "cursor": "1"}), 200)
    expect(not wait_for(scene, desk, lambda pushes: not pushes), "it is still there though both have it")


@claim("O07", "operations.md 2", "the answer to a CREATE comes after the message can be read")
def o07(scene):
    alice, bob = scene.person(after=None), scene.person(after=None)
    for number in range(1, 21):
        expect_code(scene.write(alice, bob, kind="receipt"), 202)
        found = scene.inbox(bob, after=str(number - 1))[0]
        expect(len(found) == 1, f"message {number} was acknowledged and is not there")


@claim("L03", "limits.md 4", "who reads slowly loses nothing: what does not fit into 4 MiB stays in the store")
def l03(scene):
    alice, bob = scene.person(after=None), scene.person()
    sent = [(scene.letter(alice, bob, size=640 * 1024), uuid.uuid4().hex) for _ in range(10)]  # 8.5 MB
    for content, guid in sent:
        expect_code(scene.write(alice, bob, content, guid), (201, 202))
    for number, (content, guid) in enumerate(sent, 1):
        push_is(bob.text.next_push(), alice, bob, content, guid, number)
    expect_silence(bob.text, "something came twice")
