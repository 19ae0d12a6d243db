"""A station of the reference: station.py FOLDER PORT [REDIS_PORT]

The parts are those of dimples.station.start; that program listens on all addresses, and this one on 127.0.0.1 only.
Says one line of JSON when it listens: {"id": ..., "port": ...}. Everything else goes to standard error.
"""
import json
import os
import sys

OUT = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)

from socketserver import ThreadingTCPServer

from generation import adopt, load_config, new_account, start_log

from dimples.station.handler import RequestHandler
from dimples.station.shared import GlobalVariable
from dimples.utils import Runner


class Server(ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64


async def serve(folder, port, redis_port):
    shared = GlobalVariable()  # loads the plugins
    path = os.path.join(folder, "station.json")
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            account = json.load(file)
    else:
        account = new_account("Station", "station", seed="test_station", more={"host": "127.0.0.1", "port": port})
        os.makedirs(folder, exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(account, file)
    sections = {
        "station": {"id": account["id"], "host": "127.0.0.1", "port": port},
        "ans": {"station": account["id"]},
        "redis": {"enable": "true" if redis_port else "false", "host": "127.0.0.1", "port": redis_port or 0},
    }
    await shared.prepare(config=await load_config(folder, sections))
    identifier = await adopt(shared.adb, account)
    await shared.login(current_user=identifier)
    server = Server(("127.0.0.1", port), RequestHandler)
    OUT.write(json.dumps({"id": account["id"], "port": server.server_address[1], "meta": account["meta"],
                          "visa": account["visa"]}) + "\n")
    OUT.flush()
    server.serve_forever()


if __name__ == "__main__":
    start_log("dims")
    Runner.sync_run(main=serve(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else None))
