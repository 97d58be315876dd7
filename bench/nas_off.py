"""How long a NAS's Off takes that ends N sessions, and how long it keeps other commits waiting.

    bench/nas_off.py [N ...]      (default 10000 100000)

While it runs, single lease events of another NAS are sent one after the other, and the slowest is told.
"""
import json
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests"))
from bindings import provision_all, sessions_of  # noqa: E402
from harness.bindings import stamp  # noqa: E402
from harness.system import Hato  # noqa: E402
from resync import Events  # noqa: E402


def measure(n):
    hato = Hato({"authsrv.max_resync": max(n, 1)})
    try:
        numbers = range(1, n + 1)
        provision_all(hato, numbers)
        sessions = sessions_of(numbers)
        body = json.dumps({"time": stamp(), "sessions": sessions}).encode()
        status, _, answer = hato.network("POST", "/v1/nas/pgw/resync", raw=body)
        assert status == 200, answer
        off(hato, n)
    finally:
        hato.close()


def off(hato, n):
    events = Events(hato)
    events.start()
    began = time.monotonic()
    status, _, answer = hato.network("POST", "/v1/lease-events", {"event": "nas-off", "nas_id": "pgw"})
    took = time.monotonic() - began
    events.over = True
    events.join()
    assert status == 200 and answer["results"][0]["result"] == "applied", answer
    print(json.dumps({"bench": "nas-off", "sessions": n, "seconds": round(took, 3),
                      "slowest_other_event_ms": round(events.slowest * 1000, 1), "other_events": events.count}), flush=True)


if __name__ == "__main__":
    for count in sys.argv[1:] or ["10000", "100000"]:
        measure(int(count))
