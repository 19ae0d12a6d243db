"""A client that shares no code with this tree: written after docs/protocol, with Python and the openssl program. It logs in
at a real station, writes to a person who uses `dim`, is read, and reads the answer."""
import base64
import hashlib
import hmac
import json
import os
import re
import secrets
import struct
import subprocess
import tempfile
import time
import uuid

import harness
from harness import of

ROOT = os.path.join(os.path.dirname(__file__), "../..")
with open(os.path.join(ROOT, "vectors/accounts.json"), encoding="utf-8") as accounts:
    ALICE = json.load(accounts)["alice"]


def b64(data):
    return base64.b64encode(data).decode()


def unb64(text):
    return base64.b64decode(text, validate=True)


def lp(data):
    return struct.pack(">I", len(data)) + data


def openssl(*arguments, stdin=b"", **files):
    """Runs openssl; `files` are written to temporary files whose names replace {name} in the arguments."""
    with tempfile.TemporaryDirectory() as folder:
        paths = {}
        for name, content in files.items():
            paths[name] = os.path.join(folder, name)
            with open(paths[name], "wb") as file:
                file.write(content)
        return subprocess.run(["openssl", *[argument.format(**paths) for argument in arguments]], input=stdin,
                              capture_output=True, check=True, timeout=30).stdout


def sign(private_pem, data):
    return openssl("dgst", "-sha256", "-sign", "{key}", key=private_pem.encode(), stdin=data)


def verifies(public_pem, data, signature):
    try:
        openssl("dgst", "-sha256", "-verify", "{key}", "-signature", "{sig}", key=public_pem.encode(), sig=signature,
                stdin=data)
        return True
    except subprocess.CalledProcessError:
        return False


# --- packets.md

class Lane:
    """One TLS connection, by `openssl s_client`."""

    def __init__(self, port):
        self.process = subprocess.Popen(
            ["openssl", "s_client", "-connect", f"[::1]:{port}", "-tls1_3", "-alpn", "dim/2023", "-keymatexport",
             "EXPORTER-Channel-Binding", "-keymatexportlen", "32"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        greeting = b""
        while not (found := re.search(rb"Keying material: ([0-9A-F]{64})\s", greeting)):
            line = self.process.stdout.readline()
            if not line:
                raise AssertionError(greeting.decode(errors="replace"))
            greeting += line
        self.binding = bytes.fromhex(found.group(1).decode())
        certificate = re.search(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", greeting, re.S).group(0)
        public = openssl("x509", "-pubkey", "-noout", stdin=certificate)
        spki = openssl("pkey", "-pubin", "-outform", "DER", stdin=public)
        self.pin = "sha256-" + base64.urlsafe_b64encode(hashlib.sha256(spki).digest()).decode().rstrip("=")
        self.number = 0

    def send(self, operation, content=None, **fields):
        self.number += 1
        lines = ["version: dim/2023", f"operation: {operation}", f"id: {self.number}"]
        lines += [f"{key}: {value}" for key, value in fields.items()]
        data = "\n".join(lines).encode() + b"\n"
        if content is not None:
            data += (f"length: {len(content)}\nchecksum: sha256-{b64(hashlib.sha256(content).digest())}\n"
                     'content: |\n"""\n').encode() + content + b'\n"""\n'
        self.process.stdin.write(data + b"\n")
        self.process.stdin.flush()

    def receive(self):
        """(header, content) of the next packet; what s_client says in between is skipped."""
        while True:
            line = self.process.stdout.readline()
            if line == b"version: dim/2023\n":
                break
            if not line:
                raise AssertionError("the connection ended")
        header = {}
        while (line := self.process.stdout.readline()) != b"\n":
            key, _, value = line.rstrip(b"\n").decode().partition(": ")
            if key == "content":
                assert self.process.stdout.readline() == b'"""\n'
                content = self.process.stdout.read(int(header["length"]))
                assert self.process.stdout.read(6) == b'\n"""\n\n'
                assert header["checksum"] == "sha256-" + b64(hashlib.sha256(content).digest())
                return header, content
            header[key] = value
        return header, None

    def ask(self, operation, content=None, **fields):
        self.send(operation, content, **fields)
        header, body = self.receive()
        assert header.get("reply") == str(self.number), header
        return header, body

    def close(self):
        self.process.kill()
        self.process.communicate()


# --- connect.md

class Client:
    def __init__(self, account, station_id, base):
        self.account = account
        self.control = Lane(base)
        self.text = None
        try:
            self.log_in(station_id, base)
        except BaseException:
            self.close()
            raise

    def log_in(self, station_id, base):
        account = self.account
        nonce = secrets.token_bytes(32)
        offered = "[sha256]"
        challenge, content = self.control.ask("CONNECT", author=account["id"], target=station_id, nonce=b64(nonce),
                                              checksums=offered)
        assert challenge["code"] == "418", challenge
        station = json.loads(content)
        station_key = station["meta"]["key"]["data"]
        assert challenge["author"] == station_id
        assert verifies(station_key, station["visa"]["data"].encode(), unb64(station["visa"]["signature"]))
        assert self.control.pin in json.loads(station["visa"]["data"])["tls"]

        def proof(role):
            return (b"dim/2023 auth 1\0" + lp(role) + lp(station_id.encode()) + lp(account["id"].encode()) +
                    struct.pack(">H", 8800) + lp(self.control.binding) + lp(unb64(challenge["challenge"])) + lp(nonce) +
                    lp(offered.encode()) + lp(challenge["chosen"].encode()))

        assert verifies(station_key, proof(b"station"), unb64(challenge["signature"]))
        self.key = account["identity_private_key"]["data"]
        shown = json.dumps({"meta": account["meta"], "visa": account["visa"]}).encode()
        welcome, _ = self.control.ask("CONNECT", shown, author=account["id"], target=station_id,
                                      challenge=challenge["challenge"], signature=b64(sign(self.key, proof(b"client"))))
        assert welcome["code"] == "200", welcome
        self.session, self.token = welcome["session"], unb64(welcome["token"])
        self.text = Lane(base + 1)
        assert self.text.pin == self.control.pin
        port_proof = hmac.new(self.token, b"dim/2023 port" + struct.pack(">H", 8801) + self.text.binding, hashlib.sha256)
        opened, _ = self.text.ask("CONNECT", session=self.session, proof=b64(port_proof.digest()), after=0)
        assert opened["code"] == "200", opened

    def close(self):
        for lane in (self.control, self.text):
            if lane:
                lane.close()

    # --- messages.md

    def seal(self, receiver, visa_key, text, seq, prev):
        now = round(time.time(), 3)
        content = {"type": 1, "sn": secrets.randbelow(2**31 - 1) + 1, "time": now, "text": text,
                   "bind": {"v": 1, "from": self.account["id"], "to": receiver, "time": now}, "seq": seq, "prev": prev}
        plain = b" " * 16 + json.dumps(content).encode()
        size = 320
        while size < len(plain):
            size *= 2
        key, iv = secrets.token_bytes(32), secrets.token_bytes(16)
        data = openssl("enc", "-aes-256-cbc", "-K", key.hex(), "-iv", iv.hex(), stdin=plain.ljust(size))
        wrapped = openssl("pkeyutl", "-encrypt", "-pubin", "-inkey", "{key}", key=visa_key.encode(),
                          stdin=('{"algorithm": "AES", "data": "' + b64(key) + '"}').encode())
        return {"sender": self.account["id"], "receiver": receiver, "time": now, "type": "1", "IV": b64(iv),
                "data": b64(data), "keys": {receiver: b64(wrapped)}, "signature": b64(sign(self.key, data))}

    def open(self, message, sender, sender_key):
        data = unb64(message["data"])
        assert message["sender"] == sender and verifies(sender_key, data, unb64(message["signature"]))
        key = json.loads(openssl("pkeyutl", "-decrypt", "-inkey", "{key}",
                                 key=self.account["message_private_key"]["data"].encode(),
                                 stdin=unb64(message["keys"][self.account["id"]])))
        plain = openssl("enc", "-d", "-aes-256-cbc", "-K", unb64(key["data"]).hex(), "-iv", unb64(message["IV"]).hex(),
                        stdin=data)
        content = json.loads(plain)
        bind = content["bind"]
        assert (bind["v"], bind["from"], bind["to"]) == (1, sender, self.account["id"])
        return content


def message_hash(message):
    return hashlib.sha256(lp(message["sender"].encode()) + lp(unb64(message["data"])) + lp(message["receiver"].encode()))


class Stranger(harness.EndToEnd):
    def test_a_client_written_after_the_documents_talks_with_ours(self):
        station = self.station()
        bobby = self.person("bobby", station.link())
        station_id = json.loads(station.dimd("id", "--json"))["id"]
        client = Client(ALICE, station_id, station.base)
        self.addCleanup(client.close)

        # operations.md: names and documents
        name, _ = client.control.ask("GET", type="name", target="bobby")
        self.assertEqual((name["code"], name["owner"]), ("200", bobby.id()))
        answer, content = client.control.ask("GET", type="document", target=name["owner"])
        self.assertEqual(answer["code"], "200")
        known = json.loads(content)
        visa = known["documents"][0]
        bobby_key = known["meta"]["key"]["data"]
        self.assertTrue(verifies(bobby_key, visa["data"].encode(), unb64(visa["signature"])))
        visa_key = json.loads(visa["data"])["key"]["data"]

        message = client.seal(bobby.id(), visa_key, "From a stranger: grüße 你好", 1, "")
        guid = uuid.uuid4().hex
        taken, _ = client.text.ask("CREATE", json.dumps(message).encode(), type="message", target=bobby.id(), guid=guid)
        self.assertEqual((taken["code"], taken["guid"]), ("202", guid))
        got = of(bobby.run("listen", "--once", "--timeout", "10"), "message")[0]
        self.assertEqual((got["text"], got["peer"], got["label"]),
                         ("From a stranger: grüße 你好", ALICE["id"], "secure, old protocol"))

        # Both receipts, then the answer, in order; what is stored is acknowledged.
        bobby.run("send", ALICE["id"], "Welcome.")
        opened = []
        while len(opened) < 3:
            push, content = client.text.receive()
            if "cursor" not in push:
                continue
            self.assertEqual((push["operation"], push["author"]), ("CREATE", bobby.id()))
            opened.append(client.open(json.loads(content), bobby.id(), bobby_key))
        self.assertEqual([receipt.get("state") for receipt in opened], ["delivered", "read", None])
        for receipt in opened[:2]:
            self.assertEqual((receipt["guid"], receipt["hash"]), (guid, b64(message_hash(message).digest())))
        self.assertEqual(opened[2]["text"], "Welcome.")
        self.assertEqual([content["seq"] for content in opened], [1, 2, 3])
        client.text.send("NOTIFY", type="cursor", cursor=3)
        self.assertEqual(client.text.receive()[0]["code"], "200")

    def test_a_stranger_with_the_wrong_key_stays_outside(self):
        station = self.station()
        station_id = json.loads(station.dimd("id", "--json"))["id"]
        other = openssl("ecparam", "-name", "secp256k1", "-genkey", "-noout").decode()
        with self.assertRaisesRegex(AssertionError, "'code': '402'"):
            Client(dict(ALICE, identity_private_key={"data": other}), station_id, station.base)


if __name__ == "__main__":
    harness.main()
