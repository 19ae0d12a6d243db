"""R1, R2: of an upload nothing is lost that was acknowledged, wherever kill -9 strikes. The pieces are sent by
conformance/peer, which notes each answer."""
import hashlib
import json
import os
import random
import sys
import time
import uuid

import harness

ROOT = os.path.join(os.path.dirname(__file__), "../..")
sys.path.insert(0, os.path.join(ROOT, "conformance"))
from peer.connection import Broken, Closed, Late, TlsRefused  # noqa: E402
from peer.identity import Account  # noqa: E402
from peer.login import LoginFailed, Session, Station, port_proof  # noqa: E402
from peer.packets import b64  # noqa: E402

BLOCK = 65536
KILLS = 12
CUT = (Broken, Closed, Late, TlsRefused, LoginFailed, ConnectionError, OSError)

with open(os.path.join(ROOT, "vectors/accounts.json"), encoding="utf-8") as accounts:
    ALICE = Account.from_vector(json.load(accounts)["alice"])


class Crash(harness.EndToEnd):
    def enter(self):
        """8802 of a new session."""
        session = Session(Station(self.id, "::1", self.at.base), ALICE, text=False)
        lane = session.station.connect(8802)
        proof = port_proof(session.token, lane.binding, 8802)
        self.assertEqual(lane.ask("CONNECT", fields=session.lane_fields(lane, proof=proof)).code, 200)
        return session, lane

    def missing(self, answer):
        """Numbers of the blocks that the station names."""
        out = set()
        for one in answer.get("missing", "[]").strip("[]").split(", "):
            if one:
                first, last = map(int, one.split("-"))
                out.update(range(first // BLOCK, last // BLOCK + 1))
        return out

    def test_R2_what_was_acknowledged_is_there_after_kill_9(self):
        self.at = self.station()
        self.id = json.loads(self.at.dimd("id", "--json"))["id"]
        seed = random.randrange(1 << 32)
        chance = random.Random(seed)
        data = os.urandom(160 * BLOCK + 100)
        blocks = [data[at:at + BLOCK] for at in range(0, len(data), BLOCK)]
        opening = {"type": "media", "guid": uuid.uuid4().hex, "size": str(len(data))}
        acked, kills, lost = set(), 0, 0
        session, lane = self.enter()
        self.assertEqual(lane.ask("CREATE", fields=opening).code, 202)
        while len(acked) < len(blocks):
            left = [number for number in range(len(blocks)) if number not in acked]
            chance.shuffle(left)
            # A kill comes right behind a piece or a moment later, with answers to this and earlier ones still due.
            struck = chance.randrange(1, 12) if kills < KILLS else 0
            wait = chance.choice((0, 0, chance.uniform(0, 0.01)))
            asked = {}
            try:
                for sent, number in enumerate(left[:12], start=1):
                    first = number * BLOCK
                    fields = {"type": "media", "target": opening["guid"],
                              "range": f"{first}-{first + len(blocks[number]) - 1}"}
                    asked[lane.send("CREATE", blocks[number], fields)] = number
                    if sent == struck:
                        time.sleep(wait)
                        self.at.kill()
                for _ in list(asked):
                    answer = lane.receive(10)
                    self.assertEqual(answer.code, 202, f"seed {seed}: {answer}")
                    acked.add(asked[answer["reply"]])
            except CUT:
                lost += 1
            if not struck:
                continue
            if len(left) < struck:
                self.at.kill()
            kills += 1
            session.close()
            lane.close()
            self.at.start()
            session, lane = self.enter()
            state = lane.ask("CREATE", fields=opening)
            self.assertEqual(state.code, 205, f"seed {seed}: {state}")
            self.assertEqual(acked & self.missing(state), set(), f"seed {seed}: acknowledged, and lost by kill {kills}")
            # What was stored without an answer need not be sent again.
            acked = set(range(len(blocks))) - self.missing(state)
            if len(acked) == len(blocks) and kills < KILLS:
                break
        print(f"{kills} kills, {lost} of them while answers were due", flush=True)
        self.assertGreater(lost, 0, "no kill met anything under way")
        digest = "sha256-" + b64(hashlib.sha256(data).digest())
        self.assertEqual(lane.ask("CREATE", fields={**opening, "digest": digest}).code, 201)
        got = b""
        while len(got) < len(data):
            answer = lane.ask("GET", fields={"type": "media", "target": opening["guid"],
                                             "range": f"{len(got)}-{len(data) - 1}"})
            self.assertIn(answer.code, (200, 206))
            got += answer.content
        self.assertEqual(hashlib.sha256(got).digest(), hashlib.sha256(data).digest())
        session.close()
        lane.close()
        # One file for one object: nothing of twelve crashes is left.
        time.sleep(0.2)
        folder = os.path.join(self.at.data, "media")
        self.assertEqual([os.path.getsize(os.path.join(folder, name)) for name in os.listdir(folder)], [len(data)])


if __name__ == "__main__":
    harness.main()
