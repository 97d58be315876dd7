"""A client at a submission port, which can log in."""
from harness.mail import Smtp
from harness.pop import b64, initial_response


class Submission(Smtp):
    def auth(self, mechanism, login, token, inline=True):
        """The final reply; an error's extra round is answered."""
        if mechanism == "LOGIN":
            reply = self.say("AUTH LOGIN" + (" " + b64(login.encode()) if inline else ""))
            if not inline and reply[0] == 334:
                reply = self.say(b64(login.encode()))
            return self.say(b64(token.encode())) if reply[0] == 334 else reply
        said = initial_response(mechanism, login, token)
        reply = self.say("AUTH %s%s" % (mechanism, " " + said if inline else ""))
        if not inline and reply[0] == 334:
            reply = self.say(said)
        return self.say("AQ==") if reply[0] == 334 else reply
