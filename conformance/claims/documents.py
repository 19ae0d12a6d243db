"""operations.md section 5, identity.md sections 4 and 5, uris.md section 3: documents and names."""
import json
import secrets
import time

from cryptography.hazmat.primitives import serialization

from claims.bad_keys import odd, rsa_pem
from peer.identity import lp, rsa_key_json, verifies
from peer.letters import login_record
from peer.packets import unb64
from suite import Skipped, claim, expect, expect_code


def put(person, document, **others):
    return person.control.ask("CREATE", json.dumps({"document": document, **others}).encode(),
                              {"type": "document", "target": person.account.id})


def stored(asker, target):
    answer = expect_code(asker.control.ask("GET", fields={"type": "document", "target": target}), 200, "GET of a document")
    expect(answer.content is not None, "the answer has no content")
    return answer, json.loads(answer.content)


@claim("T07", "operations.md 5", "a document: 201, the same again 201, an older one 407, and GET returns the newest")
def t07(scene):
    alice, bob = scene.person(text=False), scene.person(text=False)
    now = round(time.time(), 3)
    newer, older = alice.account.document(at=now + 2, name="Newer"), alice.account.document(at=now - 100, name="Older")
    expect_code(put(alice, newer), 201, "a newer one")
    expect_code(put(alice, newer, meta=alice.account.meta), 201, "the same again")
    expect_code(put(alice, older), 407, "an older one")
    answer, content = stored(bob, alice.account.id)
    expect(answer.get("target") == alice.account.id, f"target is {answer.get('target')}")
    expect(content["documents"][0]["data"] == newer["data"], "the first document is not the newest")
    expect(content["meta"]["key"]["data"] == alice.account.meta["key"]["data"], "the meta is another one")
    expect(verifies(content["meta"]["key"]["data"], newer["data"].encode(), unb64(content["documents"][0]["signature"])),
           "the document does not verify")
    with scene.case("an ID in small letters"):
        expect(stored(bob, alice.account.id.lower())[0].get("target") == alice.account.id, "the target is not canonical")
    with scene.case("nobody"):
        expect_code(bob.control.ask("GET", fields={"type": "document", "target": scene.account().id}), 404)
    with scene.case("the station"):
        expect(stored(bob, scene.id)[1]["meta"]["seed"] == scene.id.partition("@")[0], "it is another's meta")


@claim("T08", "operations.md 5", "documents of others get 403, another meta 407, no document 401")
def t08(scene):
    alice, bob = scene.person(text=False), scene.person(text=False)
    newer = alice.account.document(at=round(time.time(), 3) + 1)
    target = {"type": "document", "target": alice.account.id}
    with scene.case("of another"):
        expect_code(bob.control.ask("CREATE", json.dumps({"document": newer}).encode(), target), 403)
    with scene.case("another meta"):
        expect_code(put(alice, newer, meta=bob.account.meta), (402, 407))
    for name, content in (("no content", None), ("no JSON", b"{"), ("an array", b"[]"), ("no document", b"{}"),
                          ("document a text", b'{"document":"x"}')):
        with scene.case(name):
            expect_code(alice.control.ask("CREATE", content, target), 401)


@claim("T17", "operations.md 5", "a login record gets 201; an older one 407; of others, elsewhere, or of another time 401 to 403")
def t17(scene):
    alice, bob = scene.person(text=False), scene.person(text=False)
    now = round(time.time(), 3)

    def say(record, target=alice.account.id):
        return alice.control.ask("CREATE", None if record is None else json.dumps(record).encode(),
                                 {"type": "login", "target": target})

    expect_code(say(login_record(alice.account, scene.id, now)), 201)
    elsewhere = "gsp-s001@2ACLy3krqTAvf5G6FTtPYvAaR4gLAMhVVQ"
    good = login_record(alice.account, scene.id, now + 1)
    for name, record, code in (
            ("older", login_record(alice.account, scene.id, now - 1), 407), ("nothing", None, 401),
            ("six minutes old", login_record(alice.account, scene.id, now - 360), 401),
            ("six minutes ahead", login_record(alice.account, scene.id, now + 360), 401),
            ("another station", login_record(alice.account, elsewhere, now + 1), 403),
            ("another user", login_record(bob.account, scene.id, now + 1), 402),
            ("other bytes", {**good, "data": good["data"].replace("conformance", "conformity")}, 402),
            ("for one person", {**good, "receiver": bob.account.id}, 401), ("newer", good, 201)):
        with scene.case(name):
            expect_code(say(record), code)
    with scene.case("another target"):
        expect_code(say(login_record(bob.account, scene.id, now + 2), bob.account.id), 403)
    answer, content = stored(bob, alice.account.id)
    expect(all("command" not in one["data"] for one in content["documents"]), "a login record is handed out as a document")


@claim("I11", "identity.md 5", "a document whose signature, owner, form or time is wrong gets 401, 402 or 411")
def i11(scene):
    alice, bob = scene.person(text=False), scene.person(text=False)
    account, now = alice.account, round(time.time(), 3)
    good = account.document(at=now)
    rows = [("another owner inside", account.document(at=now, did=bob.account.id), 402),
            ("another owner outside", {**good, "did": bob.account.id}, 402),
            ("another type inside", {**good, "type": "profile"}, 402),
            ("did and ID disagree", {**good, "ID": bob.account.id}, 402),
            ("one letter changed", {**good, "data": good["data"].replace("conf", "cons", 1)}, 402),
            ("signed by another", {**good, "signature": bob.account.document(at=now)["signature"]}, 402),
            ("data no JSON", account.signed("{"), 401), ("data an array", account.signed("[]"), 401),
            ("no time", account.document(at=None, time=None), 401), ("before 2018", account.document(at=1500000000), 401),
            ("an hour ahead", account.document(at=now + 3600), 401),
            ("16 KiB and a byte", sized(account, 16385), 411), ("16 KiB", sized(account, 16384), 201)]
    for index, (name, document, code) in enumerate(rows):
        with scene.case(name):
            expect_code(put(alice, document), code)
    expect(len(stored(bob, account.id)[1]["documents"]) <= 2, "something that was refused is stored")


def sized(account, size):
    """A document whose data has so many bytes."""
    data = json.dumps({"did": account.id, "type": "profile", "time": round(time.time(), 3), "about": ""})
    return account.signed(data.replace('"about": ""', '"about": "' + "a" * (size - len(data)) + '"'), "profile")


@claim("I12", "identity.md 3", "a visa with a private key, or with a weak one, gets 402")
def i12(scene):
    alice = scene.person(text=False)
    now = round(time.time(), 3) + 1
    private = alice.account.message_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()).decode()
    for name, key in (("a private key", rsa_key_json(private)), ("512 bits", rsa_key_json(rsa_pem(odd(512), 65537), 64)),
                      ("e = 3", rsa_key_json(rsa_pem(odd(2048), 3)))):
        with scene.case(name):
            expect_code(put(alice, alice.account.document(at=now, key=key)), 402)


@claim("I05", "identity.md 1", "targets that are no ID get 401")
def i05(scene):
    alice = scene.person(text=False)
    good = alice.account.id
    for value in ("@", "a@", "@" + good, "a@b@" + good, good[:-1], good + "0", "0X" + good[2:], good[:-1] + "Z", "alice",
                  "hulk@1LuN3ytXgY5s66CKsH3muKdu7eU1KzaU4d", "x@0OIl", good + "/", good + "/../x", good + "/" + "x" * 33,
                  "a\u00a0b@" + good, "a\u202eb@" + good, "x" * 65 + "@" + good):
        with scene.case(repr(value)):
            expect_code(alice.control.ask("GET", fields={"type": "document", "target": value}), 401)


@claim("L01", "limits.md 6", "a user has 16 documents; the 17th gets 506")
def l01(scene):
    alice = scene.person(text=False)
    for number in range(2, 17):  # the visa of the log-in is the first
        expect_code(put(alice, alice.account.document(f"kind-{number}")), 201, f"document {number}")
    expect_code(put(alice, alice.account.document("kind-17")), 506, "the 17th")


def new_name():
    return "conf_" + secrets.token_hex(6)


def ask_name(person, operation, name):
    return person.control.ask(operation, fields={"type": "name", "target": name})


@claim("T09", "operations.md 5", "a name: the first owner keeps it, whoever asks learns the owner under the station's signature")
def t09(scene):
    alice, bob = scene.person(text=False), scene.person(text=False)
    name = new_name()
    expect_code(ask_name(bob, "GET", name), 404, "before anybody has it")
    taken = expect_code(ask_name(alice, "CREATE", name.upper()), 201)
    expect(taken.get("target") == name, f"target is {taken.get('target')}")
    expect_code(ask_name(alice, "CREATE", name), 201, "by its owner again")
    expect_code(ask_name(bob, "CREATE", name), 407, "by another")
    for spelling in (name, name.upper()):
        with scene.case("GET of " + spelling):
            answer = expect_code(ask_name(bob, "GET", spelling), 200)
            expect((answer.get("owner"), answer.get("target")) == (alice.account.id, name), f"{answer}")
            signed = b"dim/2023 name 1\0" + b"".join(lp(answer[key].encode()) for key in ("target", "owner", "time"))
            expect(verifies(bob.station_key, signed, unb64(answer["signature"])), "the station's signature does not verify",
                   "operations.md 1")


@claim("I15", "uris.md 3", "names that are none get 401, those that speak for the station 403")
def i15(scene):
    rows = [(name, 401) for name in ("bob", "x" * 33, "al..ice", "al-ice", "Ａlice", "_____", "alice@x")] + [
        (name, 403) for name in ("admin", "a.d.m.i.n", "Support", "_system_", "root_", "dimchat")]
    for index, (name, code) in enumerate(rows):
        if index % 3 == 0:  # a session may ask for three names at once
            alice = scene.person(text=False)
        with scene.case(name):
            expect_code(ask_name(alice, "CREATE", name), code)


@claim("L02", "limits.md 5", "beyond a quota 416 with retry-after, and nothing is done")
def l02(scene):
    alice, bob = scene.person(text=False), scene.person(text=False)
    for number in range(40):
        name = new_name()
        answer = ask_name(alice, "CREATE", name)
        if answer.code == 416:
            expect(int(answer["retry-after"]) >= 1, f"retry-after is {answer['retry-after']}")
            expect_code(ask_name(bob, "GET", name), 404, "the name that was refused")
            expect(alice.control.ping(), "the connection does not go on")
            return
        expect_code(answer, 201, f"name {number + 1}")
    raise Skipped("this station let 40 names a session pass: its operator has lifted the quota")
