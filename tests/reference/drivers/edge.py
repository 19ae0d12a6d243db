"""The bridge of a station of the reference: edge.py FOLDER PORT NEIGHBOUR_PORT

FOLDER is that of the station, whose ID and database it shares; PORT is the station's, NEIGHBOUR_PORT that of the station
which it dials. The parts are those of dimples.edge.start; that program loops over what the configuration lists.
Says one line of JSON when it begins: {"id": ...}. Everything else goes to standard error.
"""
import json
import os
import sys

OUT = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)

from generation import YEAR, adopt, load_config, start_log

from dimples.edge.shared import GlobalVariable
from dimples.edge.start import OctopusClient
from dimples.utils import Runner

if YEAR == 2026:
    from dimples.common import ServiceProvider as Provider
else:
    from dimples.common import ProviderInfo as Provider


async def bridge(folder, port, neighbour_port):
    shared = GlobalVariable()
    with open(os.path.join(folder, "station.json"), encoding="utf-8") as file:
        account = json.load(file)
    sections = {"station": {"id": account["id"], "host": "127.0.0.1", "port": port},
                "ans": {"station": account["id"]}, "redis": {"enable": "false"}}
    await shared.prepare(config=await load_config(folder, sections, "edge.ini"))
    identifier = await adopt(shared.adb, account)
    await shared.login(current_user=identifier)
    await shared.sdb.add_station(identifier=None, host="127.0.0.1", port=neighbour_port, provider=Provider.GSP)
    octopus = OctopusClient(database=shared.sdb, local_host="127.0.0.1", local_port=port)
    OUT.write(json.dumps({"id": account["id"]}) + "\n")
    OUT.flush()
    await octopus.run()


if __name__ == "__main__":
    start_log("edge")
    Runner.sync_run(main=bridge(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
