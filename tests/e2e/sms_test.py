"""The other bearer: a phone that no datagram reaches is told by SMS, through smsc-sim and its radio side, and back."""
import json
import os
import signal
import sqlite3
import unittest

from harness.mail import Smtp, message
from harness.phones import Phones
from harness.radio import Air
from harness.system import Hato, eventually, suspend
from harness.trigger import Trigger

PORTS = bytes.fromhex("0605040b8423f0")
SENT, REPEATED = 'hato_pushsrv_sms_sent_total{kind="first"}', 'hato_pushsrv_sms_sent_total{kind="repeat"}'
DELIVERED = 'hato_pushsrv_sms_receipts_total{state="delivered"}'
UNKNOWN = "hato_pushsrv_sms_receipts_unknown_total"


class SmsTest(unittest.TestCase):
    sets = {}

    @classmethod
    def setUpClass(cls):
        cls.hato = Hato({"pushsrv.coalesce": 0, **cls.sets})
        cls.phones = Phones(cls.hato)
        cls.air = Air(cls.hato.port("smsc-sim.radio_port"))

    @classmethod
    def tearDownClass(cls):
        cls.air.close()
        cls.hato.close()

    def on_air(self, **how):
        phone = self.phones.next(attach=False, **how)
        self.assertEqual(0, self.air.attach(phone.msisdn, phone.imsi))
        return phone

    def told(self, phone):
        """The trigger in the next SMS to the phone."""
        tpdu = self.air.deliver(phone.msisdn)
        self.assertEqual(PORTS, tpdu.udh)
        self.assertEqual(0xf5, tpdu.dcs)
        trigger = Trigger(tpdu.body)
        self.assertEqual("mailat:" + phone.address, trigger.mailbox)
        return trigger

    def pending(self, phone):
        return json.loads(self.hato.command("mailbox", "show", phone.msisdn, "--json").stdout)["trigger_pending"]

    def ask(self, query):
        path = self.hato.dir / "state" / "db" / "mail.db"
        db = sqlite3.connect("file:%s?mode=ro" % path, uri=True, timeout=10)
        try:
            return db.execute(query).fetchone()[0]
        finally:
            db.close()


class Bearers(SmsTest):
    sets = {"pushsrv.retry": "1", "pushsrv.sms_retry": "2,3600", "pushsrv.sms_unconfirmed": 2, "pushsrv.sms_coalesce": 0}

    def test_a_phone_without_ip_gets_mail(self):
        """SMTP in, SMS out, attach, fetch; and back to datagrams as soon as there is a lease."""
        phone = self.on_air()
        with Smtp(self.hato.port("smtpgw.mx_port")) as sender:
            self.assertEqual(250, sender.deliver(phone.address, message("by the air"))[0])
        trigger = self.told(phone)
        self.assertIsNone(trigger.mac, "a phone without a lease has no key")
        with phone.listen() as air:
            phone.attach()
            by_ip = air.next()
            self.assertTrue(by_ip.is_signed_for(phone.answer["trigger"]))
            self.assertEqual(trigger.timestamp, by_ip.timestamp)
            self.assertNotEqual(trigger.tid, by_ip.tid)
            self.assertIn(b"by the air", phone.fetch()[0])
        self.assertFalse(self.pending(phone))

    def test_an_unconfirmed_lease_has_its_time(self):
        waits, confirms = self.on_air(), self.on_air()
        for phone in (waits, confirms):
            phone.lease()
            phone.receive()
        with confirms.listen() as air:
            confirms.ask_token()
            air.next()
        self.assertIsNone(self.told(waits).mac)
        self.assertEqual(0, self.ask("SELECT count(*) FROM send_log WHERE msisdn = '%s'" % confirms.msisdn))

    def test_a_confirmed_phone_that_does_not_answer(self):
        """After its datagrams an SMS with the same timestamp, signed for the lease that it holds."""
        phone = self.on_air()
        with phone.listen() as air:
            phone.attach()
            phone.receive()
            first, second = air.next(), air.next()
            by_sms = self.told(phone)
            self.assertEqual([], air.waiting())
        self.assertTrue(by_sms.is_signed_for(phone.answer["trigger"]))
        self.assertEqual({first.timestamp}, {second.timestamp, by_sms.timestamp})
        self.assertEqual(3, len({first.tid, second.tid, by_sms.tid}))

    def test_repeated_until_it_is_read(self):
        phone = self.on_air()
        phone.receive()
        first, second = self.told(phone), self.told(phone)
        self.assertEqual(first.timestamp, second.timestamp)
        self.assertNotEqual(first.tid, second.tid)
        # News while none is under way: told at once, with a newer timestamp.
        eventually("both are delivered", lambda: self.ask(
            "SELECT sms_state FROM outbox WHERE subscriber ="
            " (SELECT subscriber FROM send_log WHERE msisdn = '%s')" % phone.msisdn) == 2)
        phone.receive()
        self.assertGreater(self.told(phone).timestamp, first.timestamp)
        phone.attach()
        self.assertEqual(2, len(phone.fetch()))
        self.assertFalse(self.pending(phone))

    def test_nobody_is_told_who_is_frozen_or_gone(self):
        frozen, gone, witness = self.on_air(), self.on_air(), self.on_air()
        freeze = self.hato.network("POST", "/v1/freezes", {"msisdn": frozen.msisdn, "mail": "accept", "reason": "test"})[2]
        frozen.receive()
        self.hato.network("DELETE", "/v1/subscribers/" + gone.msisdn)
        witness.receive()
        self.told(witness)
        self.assertEqual([], [n for _, n, _ in self.air.kept if n in (frozen.msisdn, gone.msisdn)])
        self.hato.network("DELETE", "/v1/freezes/%d" % freeze["id"])
        self.told(frozen)


class Trouble(SmsTest):
    """What is on record before it leaves is repeated; what came is not lost."""
    sets = {"pushsrv.retry": "600", "pushsrv.sms_retry": "3600", "pushsrv.sms_unconfirmed": 2}

    def test_a_receipt_after_a_restart_finds_its_trigger(self):
        phone = self.on_air()
        before = self.hato.metric(DELIVERED)
        phone.receive()
        reference, _ = self.air.rp_data(phone.msisdn)  # delivered, not acknowledged yet
        eventually("the SMSC's id is kept", lambda: self.ask("SELECT count(*) FROM sms") == 1)
        pid = self.hato.kill("pushsrv")
        self.hato.wait_restarted("pushsrv", pid)
        self.air.ack(phone.msisdn, reference)
        eventually("the receipt is matched", lambda: self.ask("SELECT max(sms_state) FROM outbox") == 2)
        self.assertEqual(1, self.hato.metric(DELIVERED) - (before if before and before < 1 else 0))
        self.assertEqual(0, self.hato.metric(UNKNOWN))

    def test_an_smsc_that_is_away(self):
        """Rows wait for the link, and nothing is logged that cannot leave."""
        pid = self.hato.pid("smsc-sim")
        suspend(pid)
        try:
            os.kill(pid, signal.SIGKILL)
            phone = self.phones.next(attach=False)
            phone.receive()
        finally:
            self.hato.wait_restarted("smsc-sim", pid)
        self.air.close()
        type(self).air = Air(self.hato.port("smsc-sim.radio_port"))
        self.air.attach(phone.msisdn, phone.imsi)
        self.told(phone)
        self.assertEqual(1, self.ask("SELECT count(*) FROM send_log WHERE msisdn = '%s'" % phone.msisdn))


class Killed(SmsTest):
    """pushsrv dies between the commit that logs an SMS, its way to the SMSC, the answer, and the record of that."""
    sets = {"pushsrv.retry": "600", "pushsrv.sms_retry": "1", "pushsrv.sms_coalesce": 0}

    def test_none_lost_none_unlogged(self):
        for i in range(6):
            phone = self.on_air()
            pid = self.hato.pid("pushsrv")
            silent = self.hato.pid("smsc-sim") if i % 3 == 2 else None
            if silent:
                suspend(silent)  # what is submitted has no answer when pushsrv dies
            phone.receive()
            if silent or i % 3 == 1:
                eventually("it is logged", lambda: self.logged(phone) > 0)
            os.kill(pid, signal.SIGKILL)
            if silent:
                os.kill(silent, signal.SIGCONT)
            self.hato.wait_restarted("pushsrv", pid)
            self.told(phone)
            phone.attach()
            self.assertEqual(1, len(phone.fetch()))
            self.assertFalse(self.pending(phone))
            came = 1 + sum(1 for _, number, rp in self.air.kept if number == phone.msisdn and rp[0] == 1)
            self.assertLessEqual(came, self.logged(phone))

    def logged(self, phone):
        return self.ask("SELECT count(*) FROM send_log WHERE msisdn = '%s'" % phone.msisdn)


if __name__ == "__main__":
    unittest.main()
