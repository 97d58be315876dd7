"""Triggers on the wire: when they come, to whom, what is in them, and that none is lost when pushsrv dies."""
import json
import os
import signal
import smtplib
import socket
import time
import unittest

from harness.clients import wbxml_to_xml
from harness.mail import message
from harness.phones import Phones
from harness.system import Hato, PATIENCE, eventually, suspend
from harness.trigger import EMN_UA, SPMODE


class TriggerTest(unittest.TestCase):
    sets = {}

    @classmethod
    def setUpClass(cls):
        cls.hato = Hato(cls.sets)
        cls.phones = Phones(cls.hato)

    @classmethod
    def tearDownClass(cls):
        cls.hato.close()

    def is_silent(self, listener, witness=None):
        """Nothing came to it, though a later mail's trigger has come to a witness: pushsrv has looked at both by then."""
        witness = witness or self.phones.next()
        with witness.listen() as other:
            witness.receive()
            other.next()
        self.assertEqual([], listener.waiting())

    def mailbox(self, phone):
        return json.loads(self.hato.command("mailbox", "show", phone.msisdn, "--json").stdout)


class DualStack(TriggerTest):
    sets = {"authsrv.handset_listen": "::", "popgw.listen": "::"}

    def test_a_phone_of_ipv6_is_triggered_where_it_claimed(self):
        """A /64 has many addresses: the datagram goes to the one that asked for the token."""
        phone = self.hato.subscriber(1)
        self.assertEqual("applied", self.hato.lease("start", ipv6_prefix="::/64", msisdn=phone.msisdn)["result"])
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as air:
            air.bind(("::1", self.hato.port("pushsrv.trigger_port")))
            air.settimeout(PATIENCE)
            self.assertEqual(201, self.hato.http(self.hato.port("authsrv.handset_port"), "POST", "/v1/token",
                                                 {"imsi": phone.imsi}, host="::1")[0])
            with smtplib.SMTP("127.0.0.1", self.hato.port("smtpgw.mx_port"), timeout=PATIENCE) as mx:
                mx.sendmail("a@outside.example", [phone.address], b"Subject: six\r\n\r\n")
            self.assertIn(phone.address.encode(), air.recvfrom(2048)[0])


class Content(TriggerTest):
    sets = {"pushsrv.coalesce": 0, "pushsrv.retry": "600"}

    def test_what_is_in_it(self):
        phone = self.phones.next(addresses=["Taro.Yamada@hato.example", "other@hato.example"])
        with phone.listen() as air:
            before = int(time.time())
            phone.receive(to="other@hato.example")
            trigger = air.next()
        self.assertEqual("mailat:Taro.Yamada@hato.example", trigger.mailbox, "byte for byte as provisioned")
        self.assertEqual(EMN_UA, trigger.application)
        self.assertEqual(9200, trigger.source[1])
        self.assertTrue(before <= trigger.timestamp <= time.time() + 1)
        self.assertLessEqual(len(trigger.datagram), 133)
        self.assertIn('timestamp="%s"' % trigger.timestamp_text, wbxml_to_xml(trigger.emn))

    def test_the_mac_is_the_bindings_own(self):
        phone = self.phones.next()
        keys = []
        for _ in range(3):
            with phone.listen() as air:
                phone.receive()
                trigger = air.next()
                answer = phone.answer["trigger"]
                self.assertTrue(trigger.is_signed_for(answer))
                for altered in ({"generation": answer["generation"] + 1}, {"realm": "other"}, {"key": "A" * len(answer["key"])}):
                    self.assertFalse(trigger.is_signed_for({**answer, **altered}), altered)
                self.assertFalse(any(trigger.is_signed_for(old) for old in keys))
            keys.append(answer)
            self.assertEqual(answer, phone.bearer("POST", "/v1/token/refresh")[2]["trigger"], "one key a generation")
            phone.attach(phone.ip)
        self.assertEqual(3, len({k["key"] for k in keys}))

    def test_timestamps_of_a_mailbox_only_grow_and_tids_differ(self):
        phone = self.phones.next()
        seen = []
        with phone.listen() as air:
            for _ in range(5):
                phone.receive()
                seen.append(air.next())
        stamps = [t.timestamp for t in seen]
        self.assertEqual(sorted(set(stamps)), stamps)
        self.assertEqual(5, len({t.tid for t in seen}))

    def test_the_longest_address_makes_one_sms(self):
        longest = "a" * 64 + "@hato.example"
        self.assertEqual(77, len(longest))
        phone = self.phones.next(addresses=[longest])
        with phone.listen() as air:
            phone.receive()
            trigger = air.next()
        self.assertEqual("mailat:" + longest, trigger.mailbox)
        self.assertLessEqual(len(trigger.datagram), 133)
        self.assertTrue(trigger.is_signed_for(phone.answer["trigger"]))

    def test_carrier_addresses_and_wbxml_suffixes(self):
        for address in ("a..b.@hato.example", "-x-@hato.example", "u@mail.com", "u@x.net", "u.com@hato.org", "u@b.education"):
            phone = self.phones.next(addresses=[address])
            with phone.listen() as air:
                phone.receive()
                trigger = air.next()
            self.assertEqual("mailat:" + address, trigger.mailbox)
            self.assertIn('mailbox="mailat:%s"' % address, wbxml_to_xml(trigger.emn))


class Whom(TriggerTest):
    sets = {"pushsrv.coalesce": 0, "pushsrv.retry": "600"}

    def test_no_datagram_before_the_handset_has_confirmed(self):
        phone = self.phones.next(attach=False)
        phone.lease()
        with phone.listen() as air:
            phone.receive()
            self.is_silent(air)
            phone.ask_token()
            self.assertTrue(air.next().is_signed_for(phone.answer["trigger"]), "at once when it has")

    def test_none_while_contested_and_one_when_that_ends(self):
        phone = self.phones.next()
        self.assertEqual(403, phone.claim(imsi="440109999999999")[0])
        with phone.listen() as air:
            phone.receive()
            self.is_silent(air)
            self.assertEqual(200, phone.bearer("POST", "/v1/token/refresh")[0])
            air.next()

    def test_none_while_quarantined_and_one_after_the_release(self):
        phone, other = self.phones.next(), self.phones.next(attach=False)
        result = self.hato.lease("start", ip=phone.ip, msisdn=other.msisdn, session_id=phone.session)
        self.assertEqual("quarantined", result["result"])
        with phone.listen() as air:
            phone.receive()
            other.receive()
            self.is_silent(air)
            self.hato.command("quarantine", "release", phone.ip)
            phone.ask_token()
            self.assertEqual("mailat:" + phone.address, air.next().mailbox)

    def test_none_to_a_free_address(self):
        phone = self.phones.next()
        phone.stop()
        with phone.listen() as air:
            phone.receive()
            self.is_silent(air)

    def test_it_follows_the_phone_and_never_goes_to_the_next_holder(self):
        phone, heir = self.phones.next(), self.phones.next(attach=False)
        old = phone.ip
        with phone.listen() as air_old:
            phone.receive()
            air_old.next()
            heir.attach(old)
            phone.attach(self.phones.address())
            with phone.listen() as air_new:
                phone.receive()
                self.assertEqual("mailat:" + phone.address, air_new.next().mailbox)
                heir.receive()
                self.assertEqual("mailat:" + heir.address, air_old.next().mailbox)
                self.is_silent(air_old)

    def test_waiting_mail_triggers_at_once_when_a_new_lease_is_confirmed(self):
        phone = self.phones.next()
        phone.stop()
        phone.receive()
        fresh = self.phones.address()
        with phone.listen(fresh) as air:
            phone.attach(fresh)
            began = time.monotonic()
            self.assertTrue(air.next().is_signed_for(phone.answer["trigger"]))
            self.assertLess(time.monotonic() - began, 5, "by the change feed, not by a repeat")

    def test_a_mailbox_that_was_read_triggers_no_more(self):
        phone = self.phones.next()
        with phone.listen() as air:
            phone.receive()
            air.next()
            self.assertEqual(1, len(phone.fetch(delete=False)))
            eventually("what was listed is recorded", lambda: not self.mailbox(phone)["trigger_pending"])
            phone.attach(phone.ip)
            self.is_silent(air)


class When(TriggerTest):
    sets = {"pushsrv.coalesce": 500, "pushsrv.retry": "1,1"}

    def test_repeats_on_the_schedule_and_then_no_more(self):
        phone = self.phones.next()
        with phone.listen() as air:
            phone.receive()
            times, seen = [], []
            for _ in range(3):
                seen.append(air.next(10))
                times.append(time.monotonic())
            for gap in (times[1] - times[0], times[2] - times[1]):
                self.assertTrue(0.9 < gap < 4, gap)
            self.assertEqual(1, len({t.timestamp for t in seen}), "a repeat keeps its timestamp")
            self.assertEqual(3, len({t.tid for t in seen}), "and has a TID of its own")
            eventually("all three are on record", lambda: self.mailbox(phone)["trigger_attempts"] == 3)
            quiet_since = time.monotonic()
            eventually("two schedules long", lambda: time.monotonic() - quiet_since > 2)
            self.assertEqual([], air.waiting())

    def test_a_fetch_ends_the_repeats(self):
        phone = self.phones.next()
        with phone.listen() as air:
            phone.receive()
            air.next()
            phone.fetch()
            quiet_since = time.monotonic()
            eventually("longer than a repeat", lambda: time.monotonic() - quiet_since > 1.5)
            self.assertEqual([], air.waiting())

    def test_mails_close_together_share_one_trigger(self):
        phone = self.phones.next()
        with phone.listen() as air:
            phone.receive()
            first = air.next()
            for _ in range(6):
                phone.receive()
            second = air.next()
            self.assertGreater(second.timestamp, first.timestamp)
            self.assertEqual(7, len(phone.fetch()))
            quiet_since = time.monotonic()
            eventually("longer than the window", lambda: time.monotonic() - quiet_since > 0.8)
            self.assertEqual([], air.waiting(), "seven mails, two triggers")


class SpMode(TriggerTest):
    sets = {"pushsrv.trigger_mac": "off", "pushsrv.application_id": "spmode", "pushsrv.trigger_source_port": 0}

    def test_the_datagram_is_sp_modes_to_the_byte(self):
        phone = self.phones.next(addresses=["user@docomo.ne.jp"])
        with phone.listen() as air:
            phone.receive()
            trigger = air.next()
        stamp = bytes.fromhex(time.strftime("%Y%m%d%H%M%S", time.gmtime(trigger.timestamp))).rstrip(b"\0")
        expected = (bytes([trigger.tid]) + bytes.fromhex("06 08 03 02 03 0a af 02 90 5c 03 0d 6a 00 85 07 03")
                    + b"user@docomo.ne.jp\0" + b"\x05\xc3" + bytes([len(stamp)]) + stamp + b"\x01")
        self.assertEqual(expected.hex(), trigger.datagram.hex())
        self.assertEqual(SPMODE, trigger.application)
        self.assertNotEqual(9200, trigger.source[1])


class Lost(TriggerTest):
    """A trigger is owed from the commit on: who dies in between comes back and sends it."""
    sets = {"pushsrv.coalesce": 0, "pushsrv.retry": "600"}

    def test_killed_between_the_commit_and_the_trigger(self):
        """The mail is committed while the phone has no lease; pushsrv sleeps (SIGSTOP) while the lease is confirmed, and dies."""
        phone = self.phones.next(attach=False)
        phone.receive()
        pid = self.hato.pid("pushsrv")
        suspend(pid)
        with phone.listen() as air:
            phone.attach()
            os.kill(pid, signal.SIGKILL)
            self.assertTrue(air.next(20).is_signed_for(phone.answer["trigger"]))
        self.hato.wait_restarted("pushsrv", pid)

    def test_leases_confirmed_around_a_death(self):
        """Before it, while it sleeps, after it, while the next one starts: each is triggered, and what the change feed told a
        start left nothing to be found by its walk through the whole outbox."""
        phones = [self.phones.next(attach=False) for _ in range(6)]
        for phone in phones:
            phone.receive()
        airs = [phone.listen() for phone in phones]
        self.hato.kill("pushsrv")  # so that there is one that began with a walk, and kept how far it had followed the feed
        asleep, killed, dead, starting, *running = phones
        before = self.resumed()
        eventually("a walk through the outbox", lambda: self.resumed() > before)
        running[0].attach()
        airs[4].next()
        pid = self.hato.pid("pushsrv")
        suspend(pid)
        asleep.attach()
        os.kill(pid, signal.SIGKILL)
        dead.attach()
        self.hato.wait_restarted("pushsrv", pid)
        killed.attach()
        pid = self.hato.kill("pushsrv")
        starting.attach()
        self.hato.wait_restarted("pushsrv", pid)
        running[1].attach()
        for i in (0, 1, 2, 3, 5):
            self.assertTrue(airs[i].next(20).is_signed_for(phones[i].answer["trigger"]))
        before = self.resumed()
        pid = self.hato.kill("pushsrv")
        self.hato.wait_restarted("pushsrv", pid)
        eventually("the last walk", lambda: self.resumed() > before)
        told = [(e["event"], e["woken"]) for e in map(json.loads, filter(self.is_pass, self.hato.log().splitlines()))]
        caught_up = [i for i, (event, _) in enumerate(told) if event == "outbox-caught-up"]
        self.assertGreaterEqual(len(caught_up), 3, told)
        self.assertGreaterEqual(sum(told[i][1] for i in caught_up), 2, told)
        for i in caught_up:
            self.assertTrue(all(event != "outbox-resumed" or woken == 0 for event, woken in told[i + 1:i + 2]), told)

    @staticmethod
    def is_pass(line):
        return '"event":"outbox-caught-up"' in line or '"event":"outbox-resumed"' in line

    def resumed(self):
        return len(self.hato.events("outbox-resumed"))

    def test_mail_accepted_before_a_crash_is_there_after_it(self):
        phone = self.phones.next(attach=False)
        sent = []
        for n in range(5):
            sent.append(phone.receive(message("mail %d" % n)))
            if n % 2:
                pid = self.hato.kill("pushsrv")
                self.hato.wait_restarted("pushsrv", pid)
        with phone.listen() as air:
            phone.attach()
            air.next()
        self.assertEqual(sent, phone.fetch())


if __name__ == "__main__":
    unittest.main()
