"""The whole loop with other people's clients: curl leases and asks, swaks sends, tshark and wbxml2xml read the trigger, and
curl, fetchmail and poplib take the mail, from the phone's address only and only while it is the phone's."""
import json
import pathlib
import poplib
import re
import subprocess
import time
import unittest

from harness.capture import Capture
from harness.clients import curl, curl_json, fetchmail, s_client, swaks, wbxml_to_xml
from harness.mail import content_of, message
from harness.phones import Phones
from harness.pop import MECHANISMS, From, FromTls, Pop, initial_response
from harness.system import BUILD, Hato, eventually
from harness.trigger import Listener

HERE, ELSEWHERE = "127.1.0.1", "127.1.0.2"


class Shows(unittest.TestCase):
    """The four things that the project shows, in order, by curl, swaks, tshark and mail clients alone."""

    @classmethod
    def setUpClass(cls):
        cls.hato = Hato({"pushsrv.coalesce": 0})
        cls.network = "http://127.0.0.1:%d" % cls.hato.port("authsrv.network_port")
        cls.handset = "http://127.0.0.1:%d" % cls.hato.port("authsrv.handset_port")
        cls.pop = "pop3://127.0.0.1:%d" % cls.hato.port("popgw.pop3_port")
        cls.numbers = iter(range(1, 1000))

    @classmethod
    def tearDownClass(cls):
        cls.hato.close()

    def lease(self, msisdn, ip, event="start"):
        status, answer = curl_json("POST", self.network + "/v1/lease-events", bearer=self.hato.feeder_key(),
                                   body={"event": event, "ip": ip, "msisdn": msisdn})
        self.assertEqual((200, "applied"), (status, answer["results"][0]["result"]))

    def phone(self, ip):
        """A subscriber with a token for ip: (msisdn, address, token), all of it by curl."""
        n = next(self.numbers)
        msisdn, imsi, address = "8180%08d" % n, "44020%010d" % n, "taro%d@hato.example" % n
        status, _ = curl_json("PUT", self.network + "/v1/subscribers/" + msisdn, bearer=self.hato.feeder_key(),
                              body={"imsi": imsi, "addresses": [address]})
        self.assertEqual(201, status)
        self.lease(msisdn, ip)
        status, answer = curl_json("POST", self.handset + "/v1/token", {"imsi": imsi}, source=ip)
        self.assertEqual(201, status)
        self.assertEqual(msisdn, answer["login"])
        self.assertRegex(answer["token"], r"\A[A-Za-z0-9_-]{40}\Z")
        return msisdn, address, answer["token"]

    def send(self, address, subject):
        """By SMTP through the MX where smtpgw is there, else by LMTP: what the mailbox must hold of it."""
        content = message(subject, "Hello.\r\n.a line with a dot\r\n\r\n=E3=81\r\n", to=address)
        if (BUILD / "smtpgw").exists():
            door = ("--server", "127.0.0.1:%d" % self.hato.port("smtpgw.mx_port"))
        else:
            door = ("--protocol", "LMTP", "--server", "127.0.0.1:%d" % self.hato.port("pushsrv.lmtp_port"))
        status, transcript = swaks(*door, "--from", "someone@elsewhere.example", "--to", address, "--ehlo", "client.example",
                                   content=content)
        self.assertEqual(0, status, transcript)
        return content

    def open_by_curl(self, source, msisdn, token):
        return curl("-u", "%s:%s" % (msisdn, token), self.pop + "/1", source=source)

    def test_trigger_decodes_down_to_mailbox_and_timestamp(self):
        _, address, _ = self.phone("127.1.1.1")
        port = self.hato.port("pushsrv.trigger_port")
        with Capture(port) as capture, Listener("127.1.1.1", port) as air:
            before = int(time.time())
            self.send(address, "captured")
            trigger = air.next()
            capture.wait_for(9200)
            capture.stop()
            self.assertEqual("", capture.read("_ws.malformed || _ws.expert"))
            self.assertEqual("127.1.1.1\t9200\n", capture.read("wsp", "-T", "fields", "-e", "ip.dst", "-e", "udp.srcport"))
            self.assertEqual("0x06\n", capture.read("wsp", "-T", "fields", "-e", "wsp.pdu_type"))
            text = capture.read("wbxml", "-V")
        self.assertRegex(text, r"X-Wap-Application-Id: x-wap-application:emn.ua")
        self.assertRegex(text, r"-//WAPFORUM//DTD EMN 1.0//EN")
        self.assertRegex(text, r"mailbox='?mailat:|mailat:")
        self.assertIn(address, text)
        self.assertRegex(text, r"timestamp=")
        self.assertIn(trigger.timestamp_text, text)
        self.assertTrue(before <= trigger.timestamp <= int(time.time()) + 1)
        xml = wbxml_to_xml(trigger.emn)
        self.assertRegex(xml, r'<emn\s+mailbox="mailat:%s"\s+timestamp="%s"\s*/>' %
                         (re.escape(address), re.escape(trigger.timestamp_text)))

    def test_curl_takes_the_mail_from_the_phones_address_only(self):
        msisdn, address, token = self.phone(HERE)
        content = self.send(address, "for curl")
        status, mail = self.open_by_curl(HERE, msisdn, token)
        self.assertEqual((0, content), (status, content_of(mail)))
        status, mail = self.open_by_curl(ELSEWHERE, msisdn, token)
        self.assertEqual((67, b""), (status, mail), "another address")
        self.lease(msisdn, ELSEWHERE)
        for source in (HERE, ELSEWHERE):
            status, mail = self.open_by_curl(source, msisdn, token)
            self.assertEqual((67, b""), (status, mail), "after the lease moved, from " + source)

    def test_curl_does_oauthbearer_and_xoauth2(self):
        msisdn, address, token = self.phone("127.1.0.5")
        content = self.send(address, "for a bearer")
        for mechanism in ("OAUTHBEARER", "XOAUTH2"):
            bearer = ("--login-options", "AUTH=" + mechanism, "--oauth2-bearer", token, "-u", address + ":", self.pop + "/1")
            status, mail = curl(*bearer, source="127.1.0.5")
            self.assertEqual((0, content), (status, content_of(mail)), mechanism)
            self.assertEqual((67, b""), curl(*bearer, source="127.1.0.6"), mechanism)

    def test_fetchmail_takes_the_mail_from_the_phones_address_only(self):
        msisdn, address, token = self.phone("127.1.0.7")
        port = self.hato.port("popgw.pop3_port")
        for tls, where in (("none", port), ("stls", port), ("implicit", self.hato.port("popgw.pop3s_port"))):
            self.send(address, "for fetchmail, " + tls)
            status, mail, transcript = fetchmail(where, "127.1.0.7", msisdn, token, tls)
            self.assertEqual(0, status, transcript)
            self.assertEqual(1, mail.count(b"Subject: for fetchmail, " + tls.encode()), "and the one before was deleted")
            self.assertIn(b"\n.a line with a dot\n", mail)
            self.assertEqual(tls == "stls", "STLS" in re.findall(r"POP3> (\S+)", transcript), transcript)
        self.send(address, "not for a stranger")
        status, mail, transcript = fetchmail(port, "127.1.0.8", msisdn, token)
        self.assertEqual((3, b""), (status, mail), transcript)
        self.lease(msisdn, "127.1.0.8")
        for source in ("127.1.0.7", "127.1.0.8"):
            status, mail, transcript = fetchmail(port, source, msisdn, token)
            self.assertEqual((3, b""), (status, mail), transcript)

    def test_poplib_takes_the_mail_from_the_phones_address_only(self):
        msisdn, address, token = self.phone("127.1.0.9")
        content = self.send(address, "for poplib")
        doors = ((From, self.hato.port("popgw.pop3_port")), (FromTls, self.hato.port("popgw.pop3s_port")))
        for kind, port in doors:
            pop = kind(port, "127.1.0.9")
            pop.user(msisdn)
            pop.pass_(token)
            self.assertEqual(1, pop.stat()[0])
            self.assertEqual(content, content_of(b"\r\n".join(pop.retr(1)[1]) + b"\r\n"))
            pop.quit()
        self.lease(msisdn, "127.1.0.10")
        for kind, port in doors:
            for source in ("127.1.0.9", "127.1.0.10"):
                pop = kind(port, source)
                pop.user(msisdn)
                with self.assertRaises(poplib.error_proto) as refused:
                    pop.pass_(token)
                self.assertIn("[AUTH]", str(refused.exception))
                pop.close()


class LoginForms(unittest.TestCase):
    """Every way to show a token, on the plain port, after STLS and on POP3S: each opens here, none opens elsewhere."""

    @classmethod
    def setUpClass(cls):
        cls.hato = Hato()
        cls.phones = Phones(cls.hato)
        cls.phone = cls.phones.next(addresses=["Taro.Yamada@hato.example", "second@hato.example"])
        cls.content = cls.phone.receive()
        cls.elsewhere = cls.phones.address()
        cls.stranger = cls.phones.next()

    @classmethod
    def tearDownClass(cls):
        cls.hato.close()

    def connect(self, door, source):
        if door == "POP3S":
            return Pop(self.hato.port("popgw.pop3s_port"), source, tls=True)
        pop = Pop(self.hato.port("popgw.pop3_port"), source)
        if door == "STLS":
            self.assertIn("STLS", pop.capabilities())
            self.assertTrue(pop.say("STLS").startswith("+OK"))
            pop.file.close()
            pop.start_tls()
            pop.file = pop.socket.makefile("rb")
            self.assertNotIn("STLS", pop.capabilities())
        return pop

    def forms(self, token):
        """(what it is, what to do on a connection: the last answer)"""
        phone = self.phone
        for name in (phone.msisdn, "+" + phone.msisdn, "Taro.Yamada@hato.example", "taro.yamada@HATO.example",
                     "second@hato.example"):
            yield "USER %s" % name, lambda pop, name=name: pop.user_pass(name, token)
            for mechanism in MECHANISMS:
                yield "%s %s" % (mechanism, name), lambda pop, m=mechanism, name=name: pop.auth(m, name, token)
        for mechanism in ("PLAIN", "OAUTHBEARER", "XOAUTH2"):
            yield mechanism + " later", lambda pop, m=mechanism: pop.auth(m, phone.msisdn, token, inline=False)
        yield "token as USER", lambda pop: pop.user_pass(token, "anything at all")
        yield "token as USER, no PASS text", lambda pop: pop.user_pass(token, "")
        bare = self.bearer_without_name(token)
        yield "OAUTHBEARER without a=", lambda pop: pop.say("AUTH OAUTHBEARER " + bare)

    @staticmethod
    def bearer_without_name(token):
        import base64
        return base64.b64encode(b"n,,\x01auth=Bearer " + token.encode() + b"\x01\x01").decode()

    def test_every_form_opens_from_the_phones_address(self):
        for door in ("plain", "STLS", "POP3S"):
            for what, login in self.forms(self.phone.token):
                with self.subTest(door=door, form=what), self.connect(door, self.phone.ip) as pop:
                    self.assertRegex(login(pop), r"\A\+OK")
                    self.assertEqual(1, pop.stat()[0])
                    self.assertEqual(self.content, content_of(pop.retr(1)))
                    self.assertRegex(pop.say("QUIT"), r"\A\+OK")

    def test_no_form_opens_from_another_address(self):
        for door in ("plain", "STLS", "POP3S"):
            for source in (self.elsewhere, self.stranger.ip):
                for what, login in self.forms(self.phone.token):
                    with self.subTest(door=door, form=what, source=source), self.connect(door, source) as pop:
                        answer = login(pop)
                        if answer.startswith("+ "):
                            answer = pop.say("AQ==")
                        self.assertRegex(answer, r"\A-ERR \[AUTH\]")
                        self.assertRegex(pop.say("STAT"), r"\A-ERR")

    def test_the_name_must_be_the_tokens(self):
        for name in (self.stranger.msisdn, self.stranger.address, "nobody@hato.example", "0"):
            with self.subTest(name=name), self.phone.connect() as pop:
                self.assertRegex(pop.user_pass(name, self.phone.token), r"\A-ERR \[AUTH\]")
                self.assertRegex(pop.auth("PLAIN", name, self.phone.token), r"\A-ERR \[AUTH\]")

    def test_altered_tokens_open_nothing(self):
        token = self.phone.token
        altered = [token[:i] + ("A" if token[i] != "A" else "B") + token[i + 1:] for i in range(0, 40, 3)]
        for text in altered + [token[:-1], token + "A", "", "A" * 40, token.swapcase()]:
            with self.subTest(token=text), self.phone.connect() as pop:
                self.assertRegex(pop.user_pass(self.phone.msisdn, text), r"\A-ERR")
        self.assertRegex(self.phone.try_login(), r"\A\+OK", "and the good one still opens")

    def test_what_is_piped_behind_stls_is_not_obeyed(self):
        with Pop(self.hato.port("popgw.pop3_port"), self.phone.ip) as pop:
            pop.send(b"STLS\r\nUSER %s\r\nPASS %s\r\n" % (self.phone.msisdn.encode(), self.phone.token.encode()))
            self.assertRegex(pop.line(), r"\A\+OK")
            pop.file.close()
            pop.start_tls()
            pop.file = pop.socket.makefile("rb")
            self.assertRegex(pop.say("STAT"), r"\A-ERR", "nobody is logged in")

    def test_openssl_s_client_speaks_with_both_doors(self):
        dialogue = ("USER %s\r\nPASS %s\r\nQUIT\r\n" % (self.phone.msisdn, self.phone.token)).encode()
        bind = ("-bind", self.phone.ip + ":0", "-ign_eof")
        pop3s = s_client("-connect", "127.0.0.1:%d" % self.hato.port("popgw.pop3s_port"), *bind, stdin=dialogue)
        self.assertIn("+OK welcome", pop3s)
        stls = s_client("-connect", "127.0.0.1:%d" % self.hato.port("popgw.pop3_port"), "-starttls", "pop3", *bind,
                        stdin=dialogue)
        self.assertIn("+OK welcome", stls)


if __name__ == "__main__":
    unittest.main()
