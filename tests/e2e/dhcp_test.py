"""Leases of real DHCP servers (Kea, dnsmasq) and clients make and end bindings; the device table."""
import json
import os
import signal
import unittest

from harness.dhcp import Lab, example, hex_of, ip
from harness.system import Hato, eventually

POOL = ("10.77.0.50", "10.77.0.50")  # one address: whoever comes next gets it
X = POOL[0]
ALICE, BOB, CAROL = "01:02:00:00:00:00:0a", "01:02:00:00:00:00:0b", "01:02:00:00:00:00:0c"
ALICE_DUID, BOB_DUID = "00:03:00:01:02:00:00:00:0a:01", "00:03:00:01:02:00:00:00:0b:01"
HW = {ALICE: "020000000a01", BOB: "020000000b01", CAROL: "020000000c01"}


class Dhcp(unittest.TestCase):
    """One server and one Hato for a class; the address is free between the tests."""

    @classmethod
    def setUpClass(cls):
        if os.getuid() != 0:
            raise unittest.SkipTest("network namespaces need root")
        cls.lab = Lab()
        cls.addClassCleanup(cls.lab.close)
        cls.hato = Hato()
        cls.addClassCleanup(cls.hato.close)
        cls.people = {}
        for number, client in enumerate((ALICE, BOB, CAROL), 1):
            cls.people[client] = cls.hato.subscriber(number)
        cls.device(cls, "client-id", ALICE, ALICE)
        cls.device(cls, "client-id", BOB, BOB)
        cls.device(cls, "circuit-id", "63:03", CAROL)
        cls.device(cls, "remote-id", "72:00:01", BOB)

    def device(self, kind, value, who):
        status, _, answer = self.hato.network("PUT", "/v1/devices/%s/%s" % (kind, value), {"msisdn": self.people[who].msisdn})
        assert status in (200, 201), (status, answer)

    def binding(self, address=X):
        status, _, answer = self.hato.network("GET", "/v1/bindings/" + address)
        return answer if status == 200 else None

    def holder(self):
        found = self.binding()
        return found["msisdn"] if found and found["state"] != "quarantined" else None

    def until_held_by(self, who):
        eventually("%s is bound to %s\n%s" % (X, who, self.lab.log("hook.err")),
                   lambda: self.holder() == self.people[who].msisdn, 20)

    def until_free(self):
        eventually("nobody holds %s\n%s" % (X, self.lab.log("hook.err")), lambda: self.binding() is None, 20)

    def until_told(self):
        eventually("every event was brought", lambda: self.lab.waiting() == 0)

    def crafted(self):
        client = self.lab.crafted()
        self.addCleanup(client.close)
        return client

    # ---- what both servers must do ----

    def lease_and_release(self):
        client = self.lab.udhcpc(ALICE)
        self.assertEqual(X, client.address)
        self.until_held_by(ALICE)
        generation = self.binding()["generation"]
        expires = self.binding()["expires"]

        def renewed():  # dnsmasq says nothing of a renewal within the second
            self.lab.renew(client)
            return self.binding()["expires"] > expires
        eventually("the binding lasts as long as the lease", renewed)
        self.until_told()
        self.assertEqual((self.people[ALICE].msisdn, generation), (self.holder(), self.binding()["generation"]))
        self.lab.release(client)
        self.until_free()
        # the next one on the same address
        client = self.lab.udhcpc(BOB)
        self.assertEqual(X, client.address)
        self.until_held_by(BOB)
        self.lab.release(client)
        self.until_free()

    def lost_release(self):
        client = self.lab.udhcpc(ALICE)
        self.until_held_by(ALICE)
        self.lab.deaf(True)
        self.lab.release(client)
        self.lab.deaf(False)
        client = self.lab.udhcpc(BOB)
        self.assertEqual(X, client.address)
        self.until_held_by(BOB)
        self.lab.release(client)
        self.until_free()

    def authsrv_away(self):
        self.hato.stop()
        client = self.lab.udhcpc(ALICE)
        self.lab.release(client)
        client = self.lab.udhcpc(BOB)
        eventually("three events wait", lambda: self.lab.waiting() >= 3)
        self.hato.start()
        self.until_held_by(BOB)
        self.until_told()
        self.assertEqual(self.people[BOB].msisdn, self.holder())
        self.lab.release(client)
        self.until_free()

    def by_option_82(self):
        send = self.crafted()
        self.assertEqual(X, send("lease", "-", HW[CAROL], "6303", "-"))
        self.until_held_by(CAROL)
        generation = self.binding()["generation"]
        # past the relay: no option 82; the session is known
        self.assertEqual(X, self.renewed(send, HW[CAROL]))
        self.until_told()
        self.assertEqual((self.people[CAROL].msisdn, generation), (self.holder(), self.binding()["generation"]))
        send("release", "-", HW[CAROL], X)
        self.until_free()

    def renewed(self, send, hw, client="-"):
        """Renewing takes the address to be on the client's interface."""
        ip("-n", self.lab.client, "addr", "add", X + "/24", "dev", "eth0")
        try:
            return send("renew", client, hw, X)
        finally:
            ip("-n", self.lab.client, "addr", "del", X + "/24", "dev", "eth0")

    def contradiction(self):
        """Alice's client-id on Carol's line: whose it is nobody can say; the address opens nothing."""
        send = self.crafted()
        self.assertEqual(X, send("lease", hex_of(ALICE), HW[ALICE], "6303", "-"))
        eventually("quarantined", lambda: (self.binding() or {}).get("state") == "quarantined")
        send("release", hex_of(ALICE), HW[ALICE], X)
        self.until_told()
        self.assertEqual(X, send("lease", hex_of(BOB), HW[BOB], "-", "-"))
        self.until_held_by(BOB)
        send("release", hex_of(BOB), HW[BOB], X)
        self.until_free()

    def many_in_a_second(self, rows=None):
        """Leases and releases as fast as the server gives them: the hooks run beside each other, and the last one counts.
        rows: of history, if the server tells every event."""
        send = self.crafted()
        before = len(self.history())
        for who in (ALICE, BOB, BOB, ALICE, ALICE, BOB):
            self.assertEqual(X, send("lease", hex_of(who), HW[who], "-", "-"))
            send("release", hex_of(who), HW[who], X)
        self.assertEqual(X, send("lease", "-", HW[CAROL], "6303", "-"))
        if rows:
            eventually("every event was told", lambda: len(self.history()) == before + rows)
        self.until_held_by(CAROL)
        send("release", "-", HW[CAROL], X)
        self.until_free()

    def history(self):
        return self.hato.network("GET", "/v1/bindings/%s/history?limit=1000" % X)[2]


class KeaTest(Dhcp):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        page = json.loads(example("3. Kea", "kea-hook", cls.lab.hook("kea-hook", cls.hato)).removeprefix("json"))
        page["Dhcp4"].update({"decline-probation-period": 1, "min-valid-lifetime": 2, "max-valid-lifetime": 7200})
        page["Dhcp4"]["subnet4"][0]["pools"] = [{"pool": "%s - %s" % POOL}]
        cls.lab.kea(page)

    def test_lease_and_release(self):
        self.lease_and_release()

    def test_lost_release(self):
        self.lost_release()

    def test_authsrv_away(self):
        self.authsrv_away()

    def test_option_82(self):
        self.by_option_82()

    def test_contradiction(self):
        self.contradiction()

    def test_many_in_a_second(self):
        # a lease; a release as lease4_release, and as a deleted lease of leases4_committed
        self.many_in_a_second(6 * 3 + 1)

    def test_decline(self):
        """Somebody else uses the address already: it is nobody's, and again to be had when Kea has recovered it."""
        send = self.crafted()
        self.assertEqual(X, send("lease", hex_of(ALICE), HW[ALICE], "-", "-"))
        self.until_held_by(ALICE)
        send("decline", hex_of(ALICE), HW[ALICE], X)
        self.until_free()
        client = self.lab.udhcpc(BOB)
        self.assertEqual(X, client.address)
        self.until_held_by(BOB)
        self.lab.release(client)
        self.until_free()

    def test_expiry(self):
        """Nobody says goodbye: Kea notices, and so do we (and without Kea's word the lease's own end counts)."""
        client = self.lab.udhcpc(ALICE, seconds=2)
        self.lab.end(client, signal.SIGKILL)
        eventually("Kea says that it ended", lambda: self.history()[-1]["event"] == "stop", 20)
        self.until_free()


class KeaPrefixTest(Dhcp):
    """DHCPv6: a delegated prefix is the key."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.device(cls, "client-id", ALICE_DUID, ALICE)
        cls.device(cls, "hw-address", BOB_DUID[-17:], BOB)
        page = json.loads(example("3. Kea", "kea-hook", cls.lab.hook("kea-hook", cls.hato)).removeprefix("json"))
        cls.lab.kea({"Dhcp6": {
            "interfaces-config": page["Dhcp4"]["interfaces-config"], "hooks-libraries": page["Dhcp4"]["hooks-libraries"],
            "server-id": {"type": "LL", "persist": False},
            "subnet6": [{"subnet": "2001:db8:1::/64", "interface": "dhcp0",
                         "pd-pools": [{"prefix": "2001:db8:77::", "prefix-len": 56, "delegated-len": 56}]}]}})

    def until(self, who):
        def ask():
            found = self.binding("2001:db8:77:12::9")
            return (found or {}).get("msisdn") == who
        eventually("the prefix is bound to %s\n%s" % (who, self.lab.log("dhclient.log")), ask, 20)

    def test_prefix(self):
        for duid, who in ((ALICE_DUID, ALICE), (BOB_DUID, BOB)):
            client = self.lab.dhclient(duid)
            self.until(self.people[who].msisdn)
            self.lab.end(client)
            self.lab.dhclient(duid, "-r").wait(20)
            self.until(None)


class DnsmasqTest(Dhcp):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        page = example("4. dnsmasq", "dnsmasq-hook", cls.lab.hook("dnsmasq-hook", cls.hato)).splitlines()
        cls.server = cls.lab.dnsmasq(["dhcp-range=%s,%s,1h" % POOL if line.startswith("dhcp-range") else line for line in page])

    def test_lease_and_release(self):
        self.lease_and_release()

    def test_lost_release(self):
        self.lost_release()

    def test_authsrv_away(self):
        self.authsrv_away()

    def test_option_82(self):
        self.by_option_82()

    def test_contradiction(self):
        self.contradiction()

    def test_many_in_a_second(self):
        self.many_in_a_second()

    def test_replay(self):
        """A SIGHUP brings every lease again, as `old` without option 82: what Hato has missed is mended, what it has stays."""
        send = self.crafted()
        self.assertEqual(X, send("lease", "-", HW[CAROL], "6303", "-"))
        self.until_held_by(CAROL)
        before = len(self.history())
        generation = self.binding()["generation"]
        self.server.send_signal(signal.SIGHUP)
        eventually("the lease came again", lambda: len(self.history()) > before)
        self.assertEqual((self.people[CAROL].msisdn, generation), (self.holder(), self.binding()["generation"]))
        send("release", "-", HW[CAROL], X)
        self.until_free()
        client = self.lab.udhcpc(BOB)
        self.until_held_by(BOB)
        self.lab.deaf(True)
        self.lab.release(client)
        client = self.lab.udhcpc(ALICE)
        eventually("dnsmasq has given it", lambda: "add" in self.lab.log("deaf-calls"))
        self.lab.deaf(False)
        self.assertEqual(self.people[BOB].msisdn, self.holder())
        self.server.send_signal(signal.SIGHUP)
        self.until_held_by(ALICE)
        self.lab.release(client)
        self.until_free()
