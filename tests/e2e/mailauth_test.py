"""Is a mail signed by whom it claims, and does its author's domain stand by it? Mails that dkimpy and OpenDKIM signed come in by the
MX of a real smtpgw, which asks a real name server; keys are missing, wrong, late."""
import base64
import contextlib
import ctypes
import re
import sqlite3
import subprocess
import tempfile
import unittest

import dkim
import nacl.signing

from harness import authres
from harness.dns import Misbehaving, Names
from harness.mail import Smtp, message, stuffed
from harness.phones import Phones
from harness.pop import initial_response
from harness.system import Hato, eventually

HERE = "127.0.0.1"


class Keys:
    """Of every domain here: an RSA key, selector `rsa`, and an Ed25519 key, selector `ed`."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="hato-dkim-")
        self.path = self.folder.name + "/rsa.private"
        subprocess.run(["openssl", "genrsa", "-traditional", "-out", self.path, "2048"], check=True, capture_output=True)
        with open(self.path, "rb") as f:
            self.rsa = f.read()
        der = subprocess.run(["openssl", "rsa", "-in", self.path, "-pubout", "-outform", "DER"], check=True,
                             capture_output=True).stdout
        seed = nacl.signing.SigningKey.generate()
        self.ed = base64.b64encode(bytes(seed))
        self.rsa_public = base64.b64encode(der).decode()
        self.ed_public = base64.b64encode(bytes(seed.verify_key)).decode()

    def records(self, domain):
        half = len(self.rsa_public) // 2
        return ['rsa._domainkey.%s. 60 TXT "v=DKIM1; k=rsa; p=%s" "%s"' % (domain, self.rsa_public[:half], self.rsa_public[half:]),
                'ed._domainkey.%s. 60 TXT "v=DKIM1; k=ed25519; p=%s"' % (domain, self.ed_public)]

    def sign(self, mail, domain="pass.example", selector="rsa", kind="rsa", canon="relaxed/simple", **more):
        field = dkim.sign(mail, selector.encode(), domain.encode(), self.ed if kind == "ed" else self.rsa,
                          canonicalize=tuple(canon.encode().split(b"/")),
                          signature_algorithm=b"ed25519-sha256" if kind == "ed" else b"rsa-sha256", **more)
        return field + mail

    def sign_by_opendkim(self, mail, domain="pass.example"):
        """Debian's libopendkim does, relaxed/relaxed; it wants a Date."""
        lib, stat = ctypes.CDLL("libopendkim.so.11"), ctypes.c_int()
        for function in (lib.dkim_init, lib.dkim_sign):
            function.restype = ctypes.c_void_p
        handle = ctypes.c_void_p(lib.dkim_init(None, None))
        job = ctypes.c_void_p(lib.dkim_sign(handle, b"job", None, self.rsa, b"rsa", domain.encode(), 1, 1, 1, ctypes.c_ssize_t(-1),
                                            ctypes.byref(stat)))
        mail = b"Date: Fri, 11 Jul 2003 21:00:37 -0700\r\n" + mail
        field, size, last = ctypes.c_char_p(), ctypes.c_size_t(), ctypes.c_bool()
        for done in (lib.dkim_chunk(job, mail, ctypes.c_size_t(len(mail))), lib.dkim_chunk(job, b"", ctypes.c_size_t(0)),
                     lib.dkim_eom(job, ctypes.byref(last)),
                     lib.dkim_getsighdr_d(job, ctypes.c_size_t(16), ctypes.byref(field), ctypes.byref(size))):
            assert done == 0, done
        signed = b"DKIM-Signature: " + re.sub(rb"\r?\n", b"\r\n", field.value) + b"\r\n" + mail
        lib.dkim_free(job)
        lib.dkim_close(handle)
        return signed

    def sign_by_sha1(self, mail, domain="pass.example"):
        """What OpenDKIM's test tool signs by."""
        return subprocess.run(["opendkim-testmsg", "-C", "-d", domain, "-s", "rsa", "-k", self.path], check=True, capture_output=True,
                              input=b"Date: Fri, 11 Jul 2003 21:00:37 -0700\r\n" + mail).stdout

    def close(self):
        self.folder.cleanup()


class Case(unittest.TestCase):
    sets = {}

    @classmethod
    def zone(cls):
        return ['pass.example. 60 TXT "v=spf1 ip4:127.0.0.1 -all"', 'fail.example. 60 TXT "v=spf1 -all"'] \
            + [r for d in ("pass.example", "fail.example", "late.example", "none.example") for r in cls.keys.records(d)]

    @classmethod
    def setUpClass(cls):
        cls.keys = Keys()
        cls.names = Names(cls.zone())
        cls.bad = Misbehaving(cls.names)
        cls.hato = Hato({"smtpgw.dns_servers": cls.bad.server, "smtpgw.checks_private": "true", **cls.sets})
        cls.phones = Phones(cls.hato)

    @classmethod
    def tearDownClass(cls):
        cls.hato.close()
        cls.bad.close()
        cls.names.close()
        cls.keys.close()

    def setUp(self):
        self.phone = self.phones.next()

    def deliver(self, content, sender="a@pass.example", helo="pass.example", phones=None):
        """(code, text) of the answer to the content."""
        with Smtp(self.hato.port("smtpgw.mx_port"), HERE, helo) as smtp:
            for code, text in smtp.envelope(sender, [p.address for p in phones or [self.phone]]):
                self.assertEqual(250, code, text)
            smtp.ok("DATA", 354)
            smtp.send(stuffed(content))
            return smtp.reply()

    def stored(self, phone=None):
        with (phone or self.phone).login() as pop:
            count, _ = pop.stat()
            mails = [pop.retr(n + 1) for n in range(count)]
            for n in range(count):
                pop.say("DELE %d" % (n + 1))
            pop.say("QUIT")
        return mails

    def arrives(self, content, **more):
        """It is taken, unchanged but for our trace fields."""
        code, text = self.deliver(content, **more)
        self.assertEqual(250, code, text)
        mail, = self.stored()
        self.assertTrue(mail.endswith(b"\r\n" + content), mail)
        return mail

    def dkim_of(self, content, **more):
        return authres.of(self.arrives(content, **more), "dkim")


def mail_of(domain="pass.example", text="Hello,\r\n\r\n  this is  for you. \r\n.dot\r\n\r\n\r\n"):
    return message("signed", text, "Someone <someone@%s>" % domain)


class Dkim(Case):
    sets = {"smtpgw.checks_timeout": "500"}

    def test_signed_by_dkimpy(self):
        for kind in ("rsa", "ed"):
            for canon in ("simple/simple", "simple/relaxed", "relaxed/simple", "relaxed/relaxed"):
                with self.subTest(kind=kind, canon=canon):
                    mail = self.keys.sign(mail_of(), selector=kind, kind=kind, canon=canon)
                    self.assertEqual([("pass", {"header.d": "pass.example", "header.s": kind})], self.dkim_of(mail))

    def test_signed_by_opendkim(self):
        mail = self.keys.sign_by_opendkim(mail_of())
        self.assertEqual([("pass", {"header.d": "pass.example", "header.s": "rsa"})], self.dkim_of(mail))

    def test_sha1_proves_nothing(self):
        (result, properties), = self.dkim_of(self.keys.sign_by_sha1(mail_of()))
        self.assertEqual(("neutral", "rsa-sha1 proves nothing"), (result, properties["reason"]))

    def test_bodies(self):
        texts = ("", "\r\n", "\r\n\r\n \r\n", "x\r\n", "x" * 60000 + "\r\n", "\r\n" * 40000 + "end\r\n", "a \t b\t\r\n" * 20000)
        for text in texts:
            for canon in ("relaxed/simple", "relaxed/relaxed"):
                self.deliver(self.keys.sign(mail_of(text=text), canon=canon))
        self.assertEqual([["pass"]] * 2 * len(texts), [[r for r, _ in authres.of(mail, "dkim")] for mail in self.stored()])

    def test_several(self):
        mail = self.keys.sign(self.keys.sign(mail_of()), "none.example", "ed", "ed")
        self.assertEqual([("pass", "none.example"), ("pass", "pass.example")],
                         [(r, p["header.d"]) for r, p in self.dkim_of(mail)])

    def test_changed(self):
        mail = self.keys.sign(mail_of())
        for what, by in ((b"for you", b"for me"), (b"Subject: signed", b"Subject: Signed"), (b"From: Someone", b"From: Another")):
            self.assertEqual("fail", self.dkim_of(mail.replace(what, by))[0][0])

    def test_a_part_is_not_signed(self):
        mail = self.keys.sign(mail_of(), length=True)
        self.assertEqual("pass", self.dkim_of(mail)[0][0])
        result, properties = self.dkim_of(mail + b"Buy this!\r\n")[0]
        self.assertEqual(("policy", "a part of the body is not signed"), (result, properties["reason"]))

    def test_keys(self):
        for domain, selector, result, reason in (
                ("none.example", "gone", "permerror", "no key for signature"),
                ("nowhere.example", "rsa", "permerror", "no key for signature"),
                ("none.example", "ed", "permerror", "key is of another kind")):
            got, properties = self.dkim_of(self.keys.sign(mail_of(), domain, selector))[0]
            self.assertEqual((result, reason), (got, properties["reason"]))
        other = Keys()
        try:
            self.assertEqual("fail", self.dkim_of(other.sign(mail_of()))[0][0])
        finally:
            other.close()

    def test_key_that_is_late(self):
        """The mail waits for it, and for it only; of one that never comes nothing is known."""
        self.bad.order("rsa._domainkey.late.example", "held")
        mail = self.keys.sign(mail_of(), "late.example")
        with Smtp(self.hato.port("smtpgw.mx_port"), HERE, "pass.example") as smtp:
            smtp.envelope("a@pass.example", [self.phone.address])
            smtp.ok("DATA", 354)
            smtp.send(stuffed(mail))
            while not self.bad.count("rsa._domainkey.late.example"):
                pass
            self.bad.release()
            self.assertEqual(250, smtp.reply()[0])
        self.assertEqual(["pass"], [r for r, _ in authres.of(self.stored()[0], "dkim")])
        self.bad.order("rsa._domainkey.silent.example", "silent")
        self.bad.order("rsa._domainkey.broken.example", "servfail")
        for domain in ("silent.example", "broken.example"):
            self.assertEqual("temperror", self.dkim_of(self.keys.sign(mail_of(), domain))[0][0])

    def test_without(self):
        self.assertEqual([("none", {})], self.dkim_of(mail_of()))


# Of each domain what it asks for; `news.` below each has no record of its own. All have SPF that only fits 127.0.0.1.
POLICIES = {"reject.example": "v=DMARC1; p=reject", "quarantine.example": "v=DMARC1; p=quarantine", "look.example": "v=DMARC1; p=none",
            "strict.example": "v=DMARC1; p=reject; adkim=s; aspf=s", "lenient.example": "v=DMARC1; p=reject; sp=none",
            "few.example": "v=DMARC1; p=reject; pct=0", "odd.example": "v=DMARC1; p=often", "shop.co.jp": "v=DMARC1; p=reject"}
AUTHORS = [*POLICIES, "none.example"]


class Authors(Case):
    @classmethod
    def zone(cls):
        rows = super().zone()
        for domain in AUTHORS:
            rows += ['%s%s. 60 TXT "v=spf1 ip4:127.0.0.1 -all"' % (sub, domain) for sub in ("", "news.")]
            rows += cls.keys.records(domain) + cls.keys.records("news." + domain)
        return rows + ['_dmarc.%s. 60 TXT "%s"' % row for row in POLICIES.items()]


class Dmarc(Authors):
    def dmarc_of(self, content, sender="a@pass.example", helo="pass.example"):
        (result, properties), = authres.of(self.arrives(content, sender=sender, helo=helo), "dmarc")
        return result, properties.get("header.from"), properties.get("policy.dmarc")

    def test_forged_sender_matrix(self):
        """The header From's column: neither HELO nor envelope nor a stranger's signature stands for it."""
        expected = {"reject.example": ("fail", "reject"), "quarantine.example": ("fail", "quarantine"), "look.example": ("fail", "none"),
                    "strict.example": ("fail", "reject"), "lenient.example": ("fail", "reject"), "few.example": ("fail", "quarantine"),
                    "odd.example": ("permerror", None), "shop.co.jp": ("fail", "reject"), "none.example": ("none", None)}
        for author in AUTHORS:
            with self.subTest(author):
                result, policy = expected[author]
                forged = self.keys.sign(mail_of(author))
                self.assertEqual((result, author, policy), self.dmarc_of(forged, sender="a@pass.example", helo=author))
                signed = self.keys.sign(mail_of(author), author)
                self.deliver(mail_of(author), sender="a@" + author, helo="fail.example")
                self.deliver(signed)
                self.deliver(signed.replace(b"for you", b"for me"))
                held = "pass" if result == "fail" else result
                self.assertEqual([held, held, result], [authres.of(mail, "dmarc")[0][0] for mail in self.stored()])

    def test_subdomains(self):
        for author, signer, result, policy in (
                ("news.reject.example", "reject.example", "pass", "reject"), ("reject.example", "news.reject.example", "pass", "reject"),
                ("news.reject.example", "pass.example", "fail", "reject"), ("news.strict.example", "strict.example", "fail", "reject"),
                ("news.lenient.example", "pass.example", "fail", "none"), ("news.shop.co.jp", "shop.co.jp", "pass", "reject"),
                ("shop.co.jp", "other.co.jp", "fail", "reject")):
            with self.subTest(author=author, signer=signer):
                self.assertEqual((result, author, policy), self.dmarc_of(self.keys.sign(mail_of(author), signer)))

    def test_null_path(self):
        self.assertEqual("pass", self.dmarc_of(mail_of("reject.example"), sender="", helo="reject.example")[0])

    def test_several_authors(self):
        for authors, result in (("a@reject.example, b@reject.example", "pass"), ("a@reject.example, b@quarantine.example", "fail"),
                                ("a@quarantine.example, b@news.reject.example", "fail"), ("a@reject.example, b@none.example", "none"),
                                ("a@reject.example, Bank <service@bank", "permerror"), ("undisclosed:;", "permerror")):
            with self.subTest(authors):
                mail = self.keys.sign(message("two", sender=authors), "reject.example")
                self.assertEqual(result, self.dmarc_of(mail)[0])
        mail = b"From: b@reject.example\r\n" + self.keys.sign(message("two", sender="a@pass.example"))
        self.assertEqual(("fail", "reject.example", "reject"), self.dmarc_of(mail))

    def test_dns_that_fails(self):
        self.bad.order("_dmarc.down.example", "servfail")
        self.assertEqual("temperror", self.dmarc_of(mail_of("down.example"))[0])


class Refused(Authors):
    sets = {"smtpgw.dmarc_reject": "refuse", "smtpgw.checks_timeout": "500"}

    def test_only_what_its_domain_wants_refused(self):
        for author in AUTHORS:
            with self.subTest(author):
                code, text = self.deliver(mail_of(author))
                refused = author in ("reject.example", "strict.example", "lenient.example", "shop.co.jp")
                self.assertEqual(550 if refused else 250, code, text)
                self.assertEqual(refused, text.startswith("5.7.26 DMARC: " + author), text)
                self.assertEqual(250, self.deliver(self.keys.sign(mail_of(author), author))[0])

    def test_what_is_not_known_is_taken(self):
        self.bad.order("rsa._domainkey.news.reject.example", "silent")
        self.bad.order("_dmarc.slow.example", "silent")
        for mail in (self.keys.sign(mail_of("reject.example"), "news.reject.example"), mail_of("slow.example")):
            (result, _), = authres.of(self.arrives(mail), "dmarc")
            self.assertEqual("temperror", result)


class Lookalikes(Authors):
    WARNING = rb"\r\nX-Hato-Warning: (.*)\r\n"

    @classmethod
    def zone(cls):
        return super().zone() + [r for d in ("amazon.com", "arnazon.com", "amazon.co.jp") for r in cls.keys.records(d)
                                 + ['_dmarc.%s. 60 TXT "v=DMARC1; p=none"' % d]]

    def warning(self, author, phones=None):
        """What the mailbox of each phone has of it, after a mail that nobody stands by."""
        self.assertEqual(250, self.deliver(mail_of(author), phones=phones)[0])
        # A bounce of what the phone sent may stand behind it.
        last = [[m for m in self.stored(p) if b"report-type=delivery-status" not in m][-1] for p in phones or [self.phone]]
        found = [re.search(self.WARNING, b"\r\n" + m) for m in last]
        return [f and f.group(1).decode() for f in found]

    def heard_of(self, author):
        """A mail that its domain stands by."""
        mail = self.arrives(self.keys.sign(mail_of(author), author))
        self.assertEqual("pass", authres.of(mail, "dmarc")[0][0])
        return mail

    def is_known(self, *domains):
        """The phone's correspondents, once they are on disk."""
        with contextlib.closing(sqlite3.connect(self.hato.dir / "state" / "db" / "queue.db")) as db, \
                contextlib.closing(sqlite3.connect(self.hato.dir / "state" / "db" / "bindings.db")) as bindings:
            who, = bindings.execute("SELECT id FROM subscriber WHERE msisdn = ?", (self.phone.msisdn,)).fetchone()
            eventually("%s are kept" % (domains,), lambda: sorted(domains) == sorted(
                d for (d,) in db.execute("SELECT domain FROM correspondent WHERE subscriber = ?", (who,))))

    def test_of_whom_he_took_mail_from(self):
        self.assertEqual([None], self.warning("arnazon.com"))
        self.heard_of("amazon.com")
        self.is_known("amazon.com")
        self.assertEqual(["lookalike from=arnazon.com of=amazon.com"], self.warning("arnazon.com"))
        self.assertEqual(["lookalike from=mail.amaz0n.com of=amazon.com"], self.warning("mail.amaz0n.com"))
        self.assertEqual(["lookalike from=xn--mazon-3ve.com of=amazon.com"], self.warning("xn--mazon-3ve.com"))
        for other in ("amazon.com", "news.amazon.com", "amazon.co.jp", "none.example"):
            self.assertEqual([None], self.warning(other))
        # It may be signed as it likes.
        self.assertIn(b"X-Hato-Warning: lookalike", self.heard_of("arnazon.com"))
        self.is_known("amazon.com")

    def test_both_are_real(self):
        self.heard_of("amazon.com")
        self.is_known("amazon.com")
        self.assertNotIn(b"X-Hato-Warning", self.heard_of("amazon.co.jp"))
        self.is_known("amazon.com", "amazon.co.jp")

    def test_of_whom_he_wrote_to(self):
        with Smtp(self.hato.port("smtpgw.submission_port"), self.phone.ip) as smtp:
            smtp.ok("AUTH PLAIN " + initial_response("PLAIN", self.phone.msisdn, self.phone.token), 235)
            smtp.envelope(self.phone.address, ["a@www.paypal.com", "b@www.paypal.com", "c@docomo.ne.jp"])
            self.assertEqual(250, smtp.data(message("hi", sender=self.phone.address))[0][0])
        self.is_known("paypal.com", "docomo.ne.jp")
        self.assertEqual(["lookalike from=paypai.com of=paypal.com"], self.warning("paypai.com"))
        self.assertEqual(["lookalike from=clocomo.ne.jp of=docomo.ne.jp"], self.warning("clocomo.ne.jp"))

    def test_nobody_else_learns_of_whom(self):
        self.heard_of("amazon.com")
        self.is_known("amazon.com")
        other = self.phones.next()
        self.assertEqual(["lookalike from=arnazon.com"] * 2, self.warning("arnazon.com", [other, self.phone]))
        self.assertEqual([None], self.warning("arnazon.com", [other]))


if __name__ == "__main__":
    unittest.main()
