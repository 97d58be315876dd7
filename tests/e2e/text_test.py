"""What a subscriber chose is what he gets: plain texts, silence, quiet hours, rates; seen on smsc-sim's radio side."""
import datetime
import unittest

from harness.mail import Smtp, message
from harness.phones import Phones
from harness.radio import Air
from harness.system import Hato
from harness.trigger import Trigger


def septets(octets, count):
    bits = int.from_bytes(octets, "little")
    return bytes(bits >> 7 * i & 127 for i in range(count)).decode("ascii").replace("\0", "@")


def quiet_now():
    """From an hour ago to an hour from now."""
    now = datetime.datetime.now(datetime.timezone.utc)
    hour = datetime.timedelta(hours=1)
    return {"from": (now - hour).strftime("%H:%M"), "to": (now + hour).strftime("%H:%M"), "zone": "+00:00"}


class Chosen(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.hato = Hato({"pushsrv.coalesce": 0, "pushsrv.sms_coalesce": 0, "pushsrv.sms_retry": "3600", "pushsrv.retry": "3600",
                         "pushsrv.text": "New from {sender}", "pushsrv.text_unnamed": "新着メール {count}"})
        cls.phones = Phones(cls.hato)
        cls.air = Air(cls.hato.port("smsc-sim.radio_port"))

    @classmethod
    def tearDownClass(cls):
        cls.air.close()
        cls.hato.close()

    def on_air(self, choice=None):
        phone = self.phones.next(attach=False)
        self.assertEqual(0, self.air.attach(phone.msisdn, phone.imsi))
        if choice:
            self.choose(phone, choice)
        return phone

    def choose(self, phone, choice):
        self.assertEqual(200, self.hato.network("PUT", "/v1/subscribers/%s/notification" % phone.msisdn, choice)[0])

    def mail(self, phone, sender="taro@spmail.example"):
        with Smtp(self.hato.port("smtpgw.mx_port")) as smtp:
            self.assertEqual(250, smtp.deliver(phone.address, message("x", sender="who@forged.example"), sender=sender)[0])

    def text(self, phone):
        """(TP-PID, text) of the next SMS to the phone."""
        tpdu = self.air.deliver(phone.msisdn)
        self.assertEqual(b"", tpdu.udh)
        self.assertIn(tpdu.dcs, (0, 8))
        return tpdu.pid, septets(tpdu.body, tpdu.udl) if tpdu.dcs == 0 else tpdu.body.decode("utf-16-be")

    def push(self, phone):
        trigger = Trigger(self.air.deliver(phone.msisdn).body)
        self.assertEqual("mailat:" + phone.address, trigger.mailbox)
        return trigger

    def nothing_for(self, phone):
        """Whatever was to be sent before the witness's has been."""
        witness = self.on_air()
        self.mail(witness)
        self.push(witness)
        self.assertEqual([], [number for _, number, _ in self.air.kept if number == phone.msisdn])

    def test_a_text_names_the_envelope_sender(self):
        phone = self.on_air({"mode": "text"})
        self.mail(phone)
        self.assertEqual((0, "New from taro@spmail.example"), self.text(phone))
        self.mail(phone, sender='"call 0901 now!"@a.example')
        self.assertEqual((0, "New from ?call?0901?now!?@a.example"), self.text(phone))

    def test_a_text_without_a_name_takes_the_place_of_the_one_before(self):
        phone = self.on_air({"mode": "text", "replace": True, "sender": False})
        self.mail(phone)
        self.assertEqual((0x41, "新着メール 1"), self.text(phone))
        self.mail(phone)
        self.assertEqual((0x41, "新着メール 2"), self.text(phone))
        named = self.on_air({"mode": "text"})
        self.mail(named, sender="")
        self.assertEqual((0, "新着メール 1"), self.text(named))

    def test_a_phone_of_texts_gets_no_datagram(self):
        phone = self.on_air({"mode": "text"})
        with phone.listen() as air:
            phone.attach()
            self.mail(phone)
            self.assertEqual((0, "New from taro@spmail.example"), self.text(phone))
            self.assertEqual([], air.waiting())
        self.assertEqual(1, len(phone.fetch()))

    def test_off_is_silent_until_it_is_over(self):
        phone = self.on_air({"mode": "off"})
        self.mail(phone)
        self.nothing_for(phone)
        self.assertEqual(204, self.hato.network("DELETE", "/v1/subscribers/%s/notification" % phone.msisdn)[0])
        self.push(phone)

    def test_quiet_hours_hold_both_bearers(self):
        on_air, attached = self.on_air({"mode": "push", "quiet": quiet_now()}), self.on_air({"mode": "push", "quiet": quiet_now()})
        with attached.listen() as air:
            attached.attach()
            self.mail(on_air)
            self.mail(attached)
            self.nothing_for(on_air)
            self.assertEqual([], air.waiting())
            self.choose(on_air, {"mode": "push"})
            self.choose(attached, {"mode": "push", "quiet": {**quiet_now(), "udp": "go"}})
            self.push(on_air)
            air.next()

    def test_a_rate_holds_back_what_is_too_much(self):
        phone = self.on_air({"mode": "text", "sms_per_hour": 2})
        for _ in range(2):
            self.mail(phone)
            self.text(phone)
        self.mail(phone)
        self.mail(phone)
        self.nothing_for(phone)
        self.choose(phone, {"mode": "text", "sender": False, "sms_per_hour": 0})
        self.assertEqual((0, "新着メール 4"), self.text(phone), "one for both")


if __name__ == "__main__":
    unittest.main()
