"""How long a NAS's whole list takes, and how long it keeps other commits waiting.

    bench/resync.py [N ...]      (default 10000 100000)

For each N: N sessions that are all new; the same again (nothing differs); with one in a hundred moved. While it runs, single
lease events of another NAS are sent one after the other, and the slowest is told.
"""
import http.client
import json
import pathlib
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests"))
from bindings import provision_all, sessions_of  # noqa: E402
from harness.bindings import stamp  # noqa: E402
from harness.system import Hato  # noqa: E402


class Events(threading.Thread):
    """Another NAS's events, one after the other."""

    def __init__(self, hato):
        super().__init__()
        self.hato, self.over, self.slowest, self.count = hato, False, 0, 0

    def run(self):
        c = http.client.HTTPConnection("127.0.0.1", self.hato.port("authsrv.network_port"))
        head = {"Authorization": "Bearer " + self.hato.feeder_key(), "Content-Type": "application/json"}
        while not self.over:
            event = {"event": "start", "ip": "192.0.2.1", "msisdn": "8190%08d" % 0, "nas_id": "other",
                     "session_id": "o%d" % self.count}
            began = time.monotonic()
            c.request("POST", "/v1/lease-events", json.dumps(event), head)
            assert c.getresponse().read()
            self.slowest = max(self.slowest, time.monotonic() - began)
            self.count += 1


def resync(hato, name, sessions):
    body = json.dumps({"time": stamp(), "sessions": sessions}).encode()
    events = Events(hato)
    events.start()
    began = time.monotonic()
    status, _, answer = hato.network("POST", "/v1/nas/pgw/resync", raw=body)
    took = time.monotonic() - began
    events.over = True
    events.join()
    assert status == 200, answer
    print(json.dumps({"bench": "resync", "sessions": len(sessions), "case": name, "body_mib": round(len(body) / 2**20, 1),
                      "seconds": round(took, 3), "locked_ms": answer["locked_ms"], "kept": answer["kept"],
                      **answer["counts"], "slowest_other_event_ms": round(events.slowest * 1000, 1),
                      "other_events": events.count}), flush=True)


def measure(n):
    hato = Hato({"authsrv.max_resync": max(n, 1)})
    try:
        numbers = range(1, n + 1)
        provision_all(hato, numbers)
        sessions = sessions_of(numbers)
        resync(hato, "all new", sessions)
        resync(hato, "nothing differs", sessions)
        for i in range(0, n, 100):
            sessions[i]["ip"] = "11.%d.%d.%d" % (i >> 16, i >> 8 & 255, i & 255)
        resync(hato, "1% moved", sessions)
        resync(hato, "all over", [])
    finally:
        hato.close()


if __name__ == "__main__":
    for count in sys.argv[1:] or ["10000", "100000"]:
        measure(int(count))
