"""hubs.md: who writes, sees and hears what in the channels of a hub, and who comes and goes."""
import datetime
import json
import time
import uuid

from claims.hubs import ask, found, join, make, member, post, read
from peer.connection import Late
from suite import claim, expect, expect_code

OF_MESSAGES = ("message", "reaction", "pin")


def push_of(person, kinds, what):
    """The next push of one of these types; the others are passed over."""
    while True:
        try:
            push = person.text.next_push(5)
        except Late:
            expect(False, f"{what}: nothing came")
        if push.get("type") in kinds:
            return push


@claim("B07", "hubs.md 3", "in an announcement channel only who manages channels writes; others read and react")
def b07(scene):
    alice, bob = scene.person(after=None), scene.person(after=None)
    hub = found(alice)
    news = make(alice, "channel", hub, {"name": "news", "kind": "announcement"})
    join(alice, bob, hub)
    text = post(alice, news, "hear")
    expect_code(ask(bob, "CREATE", "message", news, b"x", guid=uuid.uuid4().hex), 403, "a member in an announcement channel")
    expect_code(ask(bob, "CREATE", "reaction", text, symbol="ok"), 201, "a member reacts")
    expect(read(bob, news)[0] == ["hear"], "a member reads something else")
    role = make(alice, "role", hub, {"name": "press", "permissions": ["manage-channels"], "rank": 1})
    expect_code(member(alice, hub, bob, {"roles": [role]}), 200, "giving a role")
    post(bob, news, "and me")


@claim("B08", "hubs.md 7", "what a moderator hides only moderators and the author see; what the author takes back nobody; what is deleted is gone")
def b08(scene):
    alice, bob, carol = (scene.person(after=None) for _ in range(3))
    hub = found(alice)
    channel = make(alice, "channel", hub, {"name": "general"})
    join(alice, bob, hub)
    join(alice, carol, hub)
    text = post(bob, channel, "first")
    expect_code(ask(bob, "EDIT", "message", text, b"spam"), 200)
    expect_code(ask(carol, "EDIT", "message", text, state="shown"), 403, "showing without a right")
    expect_code(ask(alice, "REMOVE", "message", text), 200, "hiding")
    for who, name, due in ((alice, "the moderator", "spam"), (bob, "the author", "spam"), (carol, "another", "")):
        with scene.case(f"hidden, {name}"):
            got, _ = read(who, channel)
            state = who.text.pushes[-1].get("state")
            expect((got, state) == ([due], "hidden"), f"a hidden message is {got}, {state}")
            answer = expect_code(ask(who, "GET", "message", text, history="yes"), 200)
            expect(bool(answer.content) == bool(due), f"the earlier texts of a hidden message are {answer.content}")
    expect(read(carol, channel, search="spam")[0] == [], "a hidden message is found")
    expect_code(ask(alice, "EDIT", "message", text, state="shown"), 200, "showing again")
    expect(read(carol, channel)[0] == ["spam"], "what is shown again is not there")
    expect_code(ask(bob, "REMOVE", "message", text), 200, "taking back")
    for who in (alice, bob, carol):
        got, _ = read(who, channel)
        state = who.text.pushes[-1].get("state")
        expect((got, state) == ([""], "removed"), f"what was taken back is {got}, {state}")
    expect_code(ask(bob, "DELETE", "message", text), 204)
    expect_code(ask(carol, "GET", "message", text), 410, "a deleted message")
    read(carol, channel)
    expect(carol.text.pushes[-1].get("state") == "deleted", "a deleted message has not left its place")


@claim("B09", "hubs.md 5", "who comes with an invite that asks for approval waits, and again, until somebody with the right says yes")
def b09(scene):
    alice, bob, carol = (scene.person(after=None) for _ in range(3))
    hub = found(alice)
    join(alice, bob, hub)
    invite = make(alice, "invite", hub, {"approval": True, "uses": 1})
    for what in ("waiting", "asking again"):
        expect_code(ask(carol, "CREATE", "member", hub, {"invite": invite}), 202, what)
    expect_code(ask(carol, "GET", "hub", hub), 404, "a hub that one waits for")
    listed = json.loads(expect_code(ask(alice, "GET", "request", hub), 200).content)["list"]
    expect([one["member"] for one in listed] == [carol.account.id], f"who waits is {listed}")
    expect(invite not in json.dumps(listed), "a request shows the key of its invite")
    expect_code(ask(bob, "EDIT", "request", hub, member=carol.account.id), 403, "approving without a right", "hubs.md 4")
    expect_code(ask(alice, "EDIT", "request", hub, member=carol.account.id), 200, "approving", "hubs.md 6")
    expect_code(ask(carol, "GET", "hub", hub), 200, "a hub that one is in")


@claim("B10", "hubs.md 8", "whoever is put out hears it, their streams end, and the hub is not there for them; another invite lets them in")
def b10(scene):
    alice, bob = scene.person(after=None), scene.person()
    hub = found(alice)
    channel = make(alice, "channel", hub, {"name": "general"})
    join(alice, bob, hub)
    expect_code(ask(bob, "DELETE", "member", hub, member=alice.account.id), 403, "putting out the owner", "hubs.md 4")
    expect_code(ask(alice, "DELETE", "member", hub), 403, "the owner leaves", "hubs.md 5")
    expect_code(ask(alice, "DELETE", "member", hub, member=bob.account.id), 204, "putting out")
    try:
        expect_code(bob.text.until_closed(5)[-1], 403, "the end of the stream of who is put out")
    except Late:
        expect(False, "the stream of who is put out goes on")
    notice = bob.control.next_push(5)
    told = tuple(notice.get(key) for key in ("type", "change", "target", "member"))
    expect(told == ("member", "DELETE", hub, bob.account.id), f"told was {notice}")
    bob.open_text(None)
    expect_code(ask(bob, "GET", "hub", hub), 404, "the hub")
    expect_code(ask(bob, "CREATE", "message", channel, b"x", guid=uuid.uuid4().hex), 404, "writing")
    join(alice, bob, hub)
    expect_code(ask(bob, "DELETE", "member", hub), 204, "leaving", "hubs.md 5")
    expect_code(ask(bob, "GET", "message", channel), 404, "a channel of a hub that one has left")


@claim("B11", "hubs.md 7", "what happens in a channel is pushed in the order of cursors, once, to who can read it, and to nobody else")
def b11(scene):
    alice, bob = scene.person(), scene.person()
    hub = found(alice)
    channel = make(alice, "channel", hub, {"name": "general"})
    secret = make(alice, "channel", hub, {"name": "secret", "kind": "private"})
    join(alice, bob, hub)
    guid = post(alice, channel, "one")
    first = push_of(bob, OF_MESSAGES, "a message")
    expect((first.get("guid"), first.get("cursor"), first.content) == (guid, "1", b"one"), f"pushed was {first}")
    expect(first.get("author") == alice.account.id and first.get("target") == channel, f"pushed was {first}")
    answer = expect_code(ask(alice, "CREATE", "message", channel, b"one", guid=guid), 201, "the same again", "hubs.md 1")
    expect(answer.get("cursor") == "1", f"a repetition has cursor {answer.get('cursor')}")
    post(alice, secret, "not for bob")
    expect_code(ask(alice, "EDIT", "message", guid, b"two"), 200)
    expect_code(ask(bob, "CREATE", "reaction", guid, symbol="ok"), 201)
    expect_code(ask(alice, "CREATE", "pin", guid), 201)
    expect_code(ask(alice, "DELETE", "message", guid), 204)
    steps = (("EDIT", "message", b"two"), ("CREATE", "reaction", None), ("CREATE", "pin", None), ("DELETE", "message", None))
    for cursor, (operation, kind, content) in enumerate(steps, 2):
        push = push_of(bob, OF_MESSAGES, f"{operation} {kind}")
        expect(push.get("target") != secret, "what somebody cannot read is pushed to them")
        expect(push.get("cursor") != "1", "a repetition is pushed again")
        got = (push["operation"], push.get("type"), push.get("cursor"), push.get("guid"), push.content)
        due = (operation, kind, str(cursor), guid, content)
        expect(got == due, f"pushed was {got}, not {due}")
    # Her own devices hear of it, too.
    mine = push_of(alice, OF_MESSAGES, "one's own message")
    expect(mine.get("guid") == guid and mine.get("cursor") == "1", f"pushed to its author was {mine}")


@claim("B12", "hubs.md 7", "when one device has read, the others of that person are told")
def b12(scene):
    alice, bob = scene.person(after=None), scene.person(after=None)
    device = scene.person(bob.account)
    hub = found(alice)
    channel = make(alice, "channel", hub, {"name": "general"})
    join(alice, bob, hub)
    for text in ("one", "two"):
        post(alice, channel, text)
    expect_code(ask(bob, "NOTIFY", "mark", channel, cursor="1"), 200)
    push = push_of(device, ("mark",), "to another device")
    expect((push.get("target"), push.get("cursor")) == (channel, "1"), f"another device was told {push}")
    answer = expect_code(ask(device, "GET", "mark", channel), 200)
    expect(answer.get("unread") == "1", f"another device counts {answer.get('unread')}")


@claim("B13", "hubs.md 6", "a reply names a message of the same channel; what is in none, or in another channel, gets 404")
def b13(scene):
    alice = scene.person(after=None)
    hub = found(alice)
    channel, other = (make(alice, "channel", hub, {"name": name}) for name in ("general", "other"))
    question, elsewhere = post(alice, channel, "where?"), post(alice, other, "somewhere else")

    def reply(to):
        return ask(alice, "CREATE", "message", channel, b"here", guid=uuid.uuid4().hex, **{"reply-to": to})
    expect_code(reply(uuid.uuid4().hex), 404, "a reply to nothing")
    expect_code(reply(elsewhere), 404, "a reply to a message of another channel")
    expect_code(reply("nothing"), 401, "a reply to what is no GUID")
    expect_code(reply(question), 201, "a reply")
    alice.text.pushes = []
    expect_code(ask(alice, "GET", "message", channel, after="1"), 200)
    expect(alice.text.pushes[0].get("reply-to") == question, f"a reply is shown as {alice.text.pushes[0]}")


@claim("B24", "hubs.md 7", "a thread is about a message of the same channel that stands in none, has pages of its own, and its root says how many there are")
def b24(scene):
    alice = scene.person(after=None)
    hub = found(alice)
    channel, other = (make(alice, "channel", hub, {"name": name}) for name in ("general", "other"))
    root, elsewhere = post(alice, channel, "which soil?"), post(alice, other, "somewhere else")

    def answer(text, of):
        guid = uuid.uuid4().hex
        return guid, ask(alice, "CREATE", "message", channel, text, guid=guid, thread=of)

    def page(**keys):
        alice.text.pushes = []
        answer = ask(alice, "GET", "message", channel, thread=root, **keys)
        expect(answer["code"] in ("200", "206"), f"a thread gets {answer}")
        return [push.content for push in alice.text.pushes], answer
    expect_code(answer(b"x", elsewhere)[1], 404, "a thread about a message of another channel")
    expect_code(answer(b"x", uuid.uuid4().hex)[1], 404, "a thread about nothing")
    clay, created = answer(b"clay", root)
    expect_code(created, 201, "a thread")
    expect_code(answer(b"x", clay)[1], 401, "a thread about what stands in one")
    post(alice, channel, "not in the thread")
    expect_code(answer(b"sand", root)[1], 201)
    expect(page()[0] == [b"sand", b"clay"], f"the newest of the thread are {page()[0]}")
    got, last = page(after="0", limit="1")
    expect(got == [b"clay"] and last.get("next") == "2", f"the first page is {got}, {last}")
    expect(page(after="2")[0] == [b"sand"], f"the second page is {page(after='2')[0]}")
    alice.text.pushes = []
    expect_code(ask(alice, "GET", "message", root), 200)
    push = alice.text.pushes[0]
    expect((push.get("answers"), push.get("answered")) == ("2", "4"), f"its root is shown as {push}")
    expect_code(ask(alice, "DELETE", "message", root), 204)
    expect_code(answer(b"x", root)[1], 410, "a thread about what is deleted")


@claim("B25", "hubs.md 7", "mentions are of readers, everyone is for moderators; unread tells them; what one wants to be told of is one's own, on all devices")
def b25(scene):
    alice, bob, carol = scene.person(after=None), scene.person(after=None), scene.person(after=None)
    device = scene.person(bob.account)
    hub = found(alice)
    channel = make(alice, "channel", hub, {"name": "general"})
    join(alice, bob, hub)

    def mention(person, whom):
        return ask(person, "CREATE", "message", channel, b"hello", guid=uuid.uuid4().hex, mentions=whom)
    expect_code(mention(bob, "everyone"), 403, "everyone, by whoever does not moderate")
    expect_code(mention(alice, carol.account.id), 404, "a mention of somebody who does not read it")
    expect_code(mention(alice, "[nobody at all]"), 401, "a mention of what is no ID")
    expect_code(mention(alice, f"[everyone, {bob.account.id}]"), 201)
    expect_code(mention(alice, alice.account.id), 201)
    answer = expect_code(ask(bob, "GET", "mark", channel), 200)
    got = (answer.get("unread"), answer.get("mentions"), answer.get("level"))
    expect(got == ("2", "1", "all"), f"unread, mentions and level are {got}")
    device.text.pushes = []
    expect_code(ask(bob, "EDIT", "mark", channel, level="mentions"), 200)
    push = push_of(device, ("mark",), "to another device")
    expect((push.get("target"), push.get("level")) == (channel, "mentions"), f"another device was told {push}")
    expect_code(ask(bob, "EDIT", "mark", channel, level="loud"), 401, "a level that there is not")
    answer = expect_code(ask(device, "GET", "mark", channel), 200)
    expect(answer.get("level") == "mentions", f"another device has level {answer.get('level')}")
    answer = expect_code(ask(alice, "GET", "mark", channel), 200)
    expect(answer.get("level") == "all", f"somebody else has level {answer.get('level')}")


@claim("B26", "hubs.md 7", "a message with expires disappears then, and a time that is over or too far away is refused")
def b26(scene):
    alice = scene.person(after=None)
    hub = found(alice)
    channel = make(alice, "channel", hub, {"name": "general"})

    def lasting(seconds, text=b"short"):
        due = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
        return ask(alice, "CREATE", "message", channel, text, guid=uuid.uuid4().hex,
                   expires=due.strftime("%Y-%m-%dT%H:%M:%S.000Z"))
    expect_code(lasting(-60), 410, "a time that is over")
    expect_code(lasting(400 * 86_400), 401, "a time that is too far away")
    expect_code(lasting(3_600, b"long"), 201)
    alice.text.pushes = []
    expect_code(ask(alice, "GET", "message", channel), 200)
    expect((alice.text.pushes[0].get("expires") or "").endswith("Z"), f"shown is {alice.text.pushes[0]}")
    expect_code(lasting(3), 201)
    until = time.monotonic() + 60
    while len(read(alice, channel)[0]) > 1:
        expect(time.monotonic() < until, "a message is there a minute after its time")
        time.sleep(0.5)
    got, _ = read(alice, channel)
    expect(got == ["long"], f"left is {got}")
    expect_code(ask(alice, "EDIT", "channel", channel, {"retention": 4_000}), 401, "a retention of more than ten years")
    expect_code(ask(alice, "EDIT", "channel", channel, {"retention": 30}), 200)


@claim("B27", "hubs.md 7", "a report keeps what a message said for those who moderate, whatever its author does but DESTROY; others do not see it")
def b27(scene):
    alice, bob, carol = scene.person(after=None), scene.person(after=None), scene.person(after=None)
    hub = found(alice)
    channel = make(alice, "channel", hub, {"name": "general"})
    for person in (bob, carol):
        join(alice, person, hub)
    guid = post(bob, channel, "buy my pills")
    expect_code(ask(bob, "CREATE", "report", guid, b"my own"), 401, "a report of one's own message")
    expect_code(ask(carol, "CREATE", "report", guid, b"spam"), 201, "a report")
    expect_code(ask(carol, "CREATE", "report", guid, b"again"), 201, "a second report")
    expect_code(ask(carol, "GET", "report", channel), 403, "reports, for whoever does not moderate")
    expect_code(ask(bob, "EDIT", "message", guid, b"nothing"), 200)
    expect_code(ask(bob, "DELETE", "message", guid), 204)

    def listed(target):
        answer = expect_code(ask(alice, "GET", "report", target), 200, "reports")
        return json.loads(answer.content)["list"]
    for target in (channel, hub):
        got = [(one["guid"], one["content"], one["text"], one["member"], one["author"]) for one in listed(target)]
        expect(got == [(guid, "buy my pills", "spam", carol.account.id, bob.account.id)], f"listed is {got}")
    expect_code(ask(carol, "DELETE", "report", guid), 403, "closing, by whoever does not moderate")
    expect_code(ask(bob, "DESTROY", "message", guid), 204)
    expect(listed(channel) == [], f"after DESTROY there is {listed(channel)}")
    expect_code(ask(carol, "CREATE", "report", guid, b"late"), 410, "a report of what is destroyed")
    second = post(bob, channel, "more pills")
    expect_code(ask(carol, "CREATE", "report", second, b"spam"), 201)
    expect_code(ask(alice, "DELETE", "report", second), 204)
    expect(listed(hub) == [], f"after it was closed there is {listed(hub)}")


@claim("B14", "hubs.md 6", "members hear of each change of what they may see in their hub, numbered, with the object as it is then")
def b14(scene):
    alice, bob = scene.person(after=None), scene.person()
    hub = found(alice)
    join(alice, bob, hub)
    channel = make(alice, "channel", hub, {"name": "general"})
    make(alice, "channel", hub, {"name": "secret", "kind": "private"})
    expect_code(ask(alice, "EDIT", "channel", channel, {"topic": "roses"}), 200)
    expect_code(ask(alice, "DELETE", "channel", channel), 204)
    number = 0
    for change, shown in (("CREATE", ("general", "")), ("EDIT", ("general", "roses")), ("DELETE", None)):
        push = push_of(bob, ("channel",), f"{change} of a channel")
        got = tuple(push.get(key) for key in ("change", "author", "target", "guid"))
        expect(got == (change, alice.account.id, hub, channel), f"told was {push}")
        expect(int(push.get("number", "0")) > number, f"{push.get('number')} comes behind {number}")
        number = int(push["number"])
        body = json.loads(push.content) if push.content else {}
        seen = (body.get("name"), body.get("topic") or "") if push.content else None
        expect(seen == shown, f"{change} shows {body}")
