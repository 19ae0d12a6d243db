"""docs/protocol/connect.md sections 2 to 5: log-in, lanes, resuming."""
import hashlib
import hmac
import json
import struct

from .connection import Connection
from .identity import lp, makes, random_32, sign, verifies
from .packets import b64, unb64


class LoginFailed(Exception):
    """The station did not let us in, or did not prove itself; `packet` is its answer, where it gave one."""

    def __init__(self, what, packet=None):
        super().__init__(what if packet is None else f"{what}: {packet}")
        self.packet = packet


def signing_input(role, station_id, author, binding, challenge, nonce, offered, chosen, port=8800):
    return (b"dim/2023 auth 1\0" + lp(role) + lp(station_id.encode()) + lp(author.encode()) + struct.pack(">H", port) +
            lp(binding) + lp(challenge) + lp(nonce) + lp(offered.encode()) + lp(chosen.encode()))


def port_proof(token, binding, port=8801):
    return hmac.new(token, b"dim/2023 port" + struct.pack(">H", port) + binding, hashlib.sha256).digest()


class Challenge:
    """Step 1 and the answer to it, on `lane`. `packet` is that answer; `number` its request's id."""

    def __init__(self, lane, account_id, station_id, offered="[sha256]", target=None):
        self.lane, self.author, self.station_id, self.offered = lane, account_id, station_id, offered
        self.nonce = random_32()
        fields = {"author": account_id, "target": target or station_id, "nonce": b64(self.nonce)}
        if offered:
            fields["checksums"] = offered
        self.packet = lane.ask("CONNECT", fields=fields)
        if self.packet.code != 418:
            raise LoginFailed("no challenge", self.packet)
        self.take(self.packet)

    def take(self, packet):
        self.packet, self.challenge, self.chosen = packet, unb64(packet["challenge"]), packet["chosen"]

    def input(self, role, **changed):
        values = {"station_id": self.station_id, "author": self.author.partition("/")[0], "binding": self.lane.binding,
                  "challenge": self.challenge, "nonce": self.nonce, "offered": self.offered, "chosen": self.chosen}
        values.update(changed)
        return signing_input(role, **values)

    def check_station(self):
        """The five conditions of step 2. Raises LoginFailed."""
        shown = json.loads(self.packet.content)
        meta, visa = shown["meta"], shown["visa"]
        key = meta["key"]["data"]
        if self.packet["author"] != self.station_id or not makes(meta, self.station_id):
            raise LoginFailed("the station is another one than the invitation names", self.packet)
        if not verifies(key, visa["data"].encode(), unb64(visa["signature"])):
            raise LoginFailed("the station's visa does not verify", self.packet)
        if self.lane.pin not in json.loads(visa["data"])["tls"]:
            raise LoginFailed("the certificate is not in the station's visa", self.packet)
        if self.chosen not in [item.strip(" ") for item in (self.offered or "sha256").strip("[]").split(",")]:
            raise LoginFailed(f"{self.chosen} was not offered", self.packet)
        if not verifies(key, self.input(b"station"), unb64(self.packet["signature"])):
            raise LoginFailed("the station's signature is not over this connection", self.packet)
        self.station_key = key

    def answer(self, key, shown=None, signature=None, **fields):
        """Step 3; the station's answer to it."""
        values = {"author": self.author, "target": self.station_id, "challenge": b64(self.challenge),
                  "signature": b64(sign(key, self.input(b"client")) if signature is None else signature)}
        values.update(fields)
        return self.lane.ask("CONNECT", shown, values)


class Session:
    """A log-in at a station. `station` has address(port), id and watch."""

    def __init__(self, station, account, offered="[sha256]", after=0, text=True, terminal=""):
        self.station, self.account = station, account
        self.text = None
        self.control = station.connect(8800)
        try:
            author = account.id + ("/" + terminal if terminal else "")
            challenge = Challenge(self.control, author, station.id, offered)
            challenge.check_station()
            self.station_key = challenge.station_key
            self.welcome = challenge.answer(account.key, account.shown())
            if self.welcome.code != 200:
                raise LoginFailed("the station let nobody in", self.welcome)
            self.take(self.welcome)
            if text:
                self.open_text(after)
        except BaseException:
            self.close()
            raise

    def take(self, welcome):
        self.guid, self.token, self.secret = welcome["session"], unb64(welcome["token"]), welcome["resume"]

    def open_text(self, after=0):
        """Opens 8801; `after` None: without pushes."""
        self.text, answer = self.prove_lane(after)
        if answer.code != 200:
            raise LoginFailed("8801 stays closed", answer)
        return self.text

    def prove_lane(self, after=None, proof=None, guid=None):
        """A new connection to 8801 and the answer to the proof on it."""
        lane = self.station.connect(8801)
        if lane.pin != self.control.pin:
            lane.close()
            raise LoginFailed("8801 has another certificate than 8800")
        return lane, lane.ask("CONNECT", fields=self.lane_fields(lane, after, proof, guid))

    def lane_fields(self, lane, after=None, proof=None, guid=None):
        made = port_proof(self.token, lane.binding) if proof is None else proof
        fields = {"session": guid or self.guid, "proof": b64(made)}
        if after is not None:
            fields["after"] = str(after)
        return fields

    def resume_fields(self, secret=None, author=None, guid=None):
        return {"author": author or self.account.id, "target": guid or self.guid, "resume": secret or self.secret}

    def close(self):
        for lane in (self.control, self.text):
            if lane is not None:
                lane.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Station:
    """Where a station is and who it is."""

    def __init__(self, station_id, host, port, watch=None):
        self.id, self.host, self.port, self.watch = station_id, host, port, watch

    def address(self, port=8800):
        """Where the lane `port`, as the draft numbers it, is to be found."""
        return (self.host, self.port + port - 8800)

    def connect(self, port=8800, **options):
        return Connection(self.address(port), port, watch=self.watch, **options)
