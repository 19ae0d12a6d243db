"""connect.md section 1: TLS, and the draft's plain CONNECT before it."""
import os
import signal
import subprocess
import tempfile
import threading

from OpenSSL import SSL

from peer import packets
from peer.connection import PATIENCE, TlsRefused
from suite import Skipped, claim, expect, expect_closed, expect_code, not_here

PLAIN = {"target": "2001:db8::7", "encryption": "AES"}


def plain(scene):
    return scene.connect(tls=False)


@claim("P06", "connect.md 1", "TLS may start with the first byte, with AES-GCM and ALPN dim/2023")
def p06(scene):
    lane = scene.connect()
    expect(lane.tls.get_protocol_version_name() == "TLSv1.3", lane.tls.get_protocol_version_name())
    expect("GCM" in lane.tls.get_cipher_name(), lane.tls.get_cipher_name())
    expect(lane.tls.get_alpn_proto_negotiated() == b"dim/2023", "another ALPN than dim/2023 was chosen")


@claim("P07", "connect.md 1", "older TLS is refused by TLS")
def p07(scene):
    for name, version in (("TLS 1.2", SSL.TLS1_2_VERSION), ("TLS 1.1", SSL.TLS1_1_VERSION)):
        with scene.case(name):
            try:
                scene.connect(newest=version, oldest=version)
            except TlsRefused as error:
                if version == SSL.TLS1_2_VERSION:
                    expect("protocol version" in str(error), f"the alert is {error}")
            else:
                expect(False, "the handshake succeeded")


@claim("P33", "connect.md 1", "anything but CONNECT before TLS gets 413 and the end")
def p33(scene):
    for operation in ("GET", "NOTIFY", "CREATE"):
        with scene.case(operation):
            lane = plain(scene)
            lane.send_raw(packets.write(operation, None, {"id": "1", "type": "ping"}))
            got = expect_closed(lane, 413)
            expect(got[-1].get("reply") == "1", "the answer has no reply")
    with scene.case("a key that the plain CONNECT does not have"):
        lane = plain(scene)
        lane.send_raw(packets.write("CONNECT", None, {**PLAIN, "author": "anyone@anywhere"}))
        expect_closed(lane, 413)


@claim("P34", "connect.md 1", "bytes behind the plain CONNECT that are no TLS get 300 and the end")
def p34(scene):
    lane = plain(scene)
    lane.send_raw(packets.write("CONNECT", None, PLAIN) + packets.write("NOTIFY", None, {"type": "ping"}))
    got = expect_closed(lane, 300)
    expect([packet.code for packet in got[:-1]] in ([], [101]), "something of it was answered")


@claim("H14", "connect.md 1", "the draft's plain CONNECT gets 101, and TLS follows on the same connection")
def h14(scene):
    lane = plain(scene)
    answer = expect_code(lane.ask("CONNECT", fields=PLAIN), 101)
    expect(answer.get("encryption") == "AES", f"encryption is {answer.get('encryption')}")
    lane.start_tls()
    expect_code(lane.ask("NOTIFY", fields={"type": "ping"}), 418)


@claim("L05", "limits.md 2", "a plain packet over 4 KiB gets 411 and the end")
def l05(scene):
    lane = plain(scene)
    lane.send_raw(b"version: dim/2023\noperation: CONNECT\n" + b"x" * 4200)
    expect_closed(lane, 411)


NO_TARGETS = {
    "S01": ("1.2.3.4", "::ffff:1.2.3.4", "::ffff:102:304", "::1.2.3.4", "64:ff9b::102:304", "64:ff9b:1::1",
            "2002:102:304::1", "2001::1", "016.1.1.1", "0x7f000001", "127.0.0.1", "2130706433"),
    "S02": ("::", "ff02::1", "fe80::1", "fe80::1%eth0", "[2001:db8::7]", "localhost", "2001:db8::7%1", "2001:db8:::7"),
}


def refuses_targets(scene, targets):
    account, nonce = scene.account(), packets.b64(bytes(32))
    lane = None
    for index, target in enumerate(targets):
        with scene.case(target):
            if lane is None or index % 8 == 0:
                lane = scene.connect()
            expect_code(lane.ask("CONNECT", fields={"author": account.id, "target": target, "nonce": nonce}), 401)
        with scene.case(target + " before TLS"):
            bare = plain(scene)
            bare.send_raw(packets.write("CONNECT", None, {"target": target, "encryption": "AES"}))
            expect_closed(bare, 401)


@claim("S01", "uris.md 4", "a target that is IPv4 in any dress gets 401")
def s01(scene):
    refuses_targets(scene, NO_TARGETS["S01"])


@claim("S02", "uris.md 4", "a target that is no address of one other machine gets 401")
def s02(scene):
    refuses_targets(scene, NO_TARGETS["S02"])


@claim("S03", "connect.md 1", "encryption without AES gets 303 and what is accepted; a list with AES works")
def s03(scene):
    account = scene.account()
    fields = {"author": account.id, "target": scene.id, "nonce": packets.b64(bytes(32))}
    lane = scene.connect()
    for value, code in (("ROT13", 303), ("[ROT13, RC4]", 303), ("aes", 303), ("[RC4, AES]", 418), ("AES", 418)):
        with scene.case(value):
            answer = expect_code(lane.ask("CONNECT", fields={**fields, "encryption": value}), code)
            expect(code != 303 or answer.get("encryption") == "[AES]", f"encryption is {answer.get('encryption')}")
    with scene.case("before TLS"):
        bare = plain(scene)
        bare.send_raw(packets.write("CONNECT", None, {**PLAIN, "encryption": "[ROT13, RC4]"}))
        expect(expect_closed(bare, 303)[-1].get("encryption") == "[AES]", "the answer does not say what is accepted")


def openssl_client(scene, *options):
    host, port = scene.station.address()
    scene.plan.before_connection()
    try:
        client = subprocess.Popen(
            ["openssl", "s_client", "-connect", f"[{host}]:{port}", "-tls1_3", "-alpn", "dim/2023", *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except FileNotFoundError:
        raise Skipped("needs the openssl program") from None
    scene.open.callback(end, client)
    return client


def end(client):
    client.kill()
    client.wait()
    for pipe in (client.stdin, client.stdout):
        try:
            pipe.close()
        except BrokenPipeError:  # what was not sent any more
            pass


def read_until(client, what):
    """What the client says up to a line that has `what`; the whole when there is none."""
    said = b""
    while line := client.stdout.readline():
        said += line
        if what in line:
            break
    return said


@claim("S16", "connect.md 1", "early data is not taken, whatever the session of before was given")
def s16(scene):
    ping = packets.write("NOTIFY", None, {"id": "4711", "type": "ping"})
    with tempfile.TemporaryDirectory() as folder:
        kept, early = f"{folder}/session", f"{folder}/early"
        with open(early, "wb") as file:
            file.write(ping)
        client = openssl_client(scene, "-sess_out", kept)
        client.stdin.write(ping)
        client.stdin.flush()
        expect(b"418" in read_until(client, b"code: 418"), "the openssl program did not get 418")
        client.stdin.close()
        client.wait(20)
        if not os.path.exists(kept):
            return  # no ticket: a later connection has nothing to send early data with
        client = openssl_client(scene, "-sess_in", kept, "-early_data", early)
        client.stdin.write(ping.replace(b"4711", b"4712"))
        client.stdin.flush()
        said = read_until(client, b"reply: 4712")
        expect(b"Early data was accepted" not in said and b"reply: 4711" not in said, "early data was accepted")


@claim("S17", "connect.md 1", "a client of another protocol (ALPN h2) is refused by TLS")
def s17(scene):
    try:
        scene.connect(alpn=(b"h2", b"http/1.1"))
    except TlsRefused as error:
        expect("no application protocol" in str(error), f"the alert is {error}")
    else:
        expect(False, "the handshake succeeded")


@claim("S20", "connect.md 1", "more than 32 KeyUpdates a minute end the connection")
def s20(scene):
    client, updates = openssl_client(scene), 0
    try:
        while updates < 50:  # "K" alone is one KeyUpdate; s_client says so before it reads on
            client.stdin.write(b"K\n")
            client.stdin.flush()
            if b"KEYUPDATE" not in read_until(client, b"KEYUPDATE"):
                break
            updates += 1
    except BrokenPipeError:
        pass
    expect(updates >= 32, f"the connection ended after {updates} KeyUpdates already")
    patience = threading.Timer(PATIENCE, client.kill)
    patience.start()
    client.stdout.read()
    patience.cancel()
    expect(client.wait() != -signal.SIGKILL, f"{updates} KeyUpdates were taken")


not_here("S18", "connect.md 2", "a client stops at another certificate or ID than it has pinned", "a promise of clients")
not_here("S19", "connect.md 1", "a client stops at a plain answer where it asked for TLS", "a promise of clients")
not_here("S21", "README.md 1", "a packet that comes back to its station is dropped",
         "a session takes messages of its user only; stations forward to each other through the gateway for dimchat clients")

