"""The Payment scheme as its drafts have it, written independently of the product: challenges and credentials of charges
and sessions."""

import base64
import datetime
import hashlib
import hmac
import json
import re

from . import invoices

PROBLEMS = "https://paymentauth.org/problems/"


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_b64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def canonical(value):
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()


def timestamp(unix):
    return datetime.datetime.fromtimestamp(unix, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Challenge:
    """The parameters of one `WWW-Authenticate: Payment` line."""

    def __init__(self, **parameters):
        self.parameters = parameters

    @classmethod
    def of_line(cls, line):
        assert line.startswith("Payment ")
        return cls(**{name: re.sub(r"\\(.)", r"\1", value) for name, value in re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', line)})

    @classmethod
    def of_answer(cls, answer):
        lines = [line for line in answer.all("www-authenticate") if line.startswith("Payment ")]
        assert len(lines) == 1, answer.fields
        return cls.of_line(lines[0])

    @classmethod
    def made(cls, epoch, epoch_key, token, service, price_msat, expires, realm="test.example", **changed):
        """As millraced makes it, without asking; `changed` parameters are covered by the id."""
        request = {
            "amount": str(-(-price_msat // 1000)),
            "currency": "sat",
            "externalId": f"millrace:{epoch}:{service}:{price_msat}",
            "methodDetails": {"invoice": invoices.of_hash(token.payment_hash.hex()), "network": "regtest", "paymentHash": token.payment_hash.hex()},
        }
        out = cls(realm=realm, method="lightning", intent="charge", request=b64url(canonical(request)), expires=timestamp(expires))
        out.parameters.update(changed)
        out.parameters["id"] = out.id_under(epoch_key)
        return out

    def __getitem__(self, name):
        return self.parameters[name]

    @property
    def request(self):
        return json.loads(from_b64url(self["request"]))

    @property
    def payment_hash(self):
        return self.request["methodDetails"]["paymentHash"]

    def id_under(self, epoch_key):
        secret = hmac.new(epoch_key, b"millrace/payment/challenge", hashlib.sha256).digest()
        parts = [self.parameters.get(name, "") for name in ("realm", "method", "intent", "request", "expires", "digest", "opaque")]
        return b64url(hmac.new(secret, "|".join(parts).encode(), hashlib.sha256).digest())

    def changed(self, **parameters):
        return Challenge(**{**self.parameters, **parameters})

    def credential(self, preimage):
        # As the clients in the wild write it: not canonical, and without what they do not know.
        echo = {name: self.parameters[name] for name in ("id", "realm", "method", "intent", "request", "expires") if name in self.parameters}
        return {"challenge": echo, "payload": {"preimage": preimage.hex()}}

    def headers(self, preimage):
        return {"Authorization": "Payment " + b64url(json.dumps(self.credential(preimage)).encode())}


class Deposit:
    """A challenge for a session, and the payment of its invoice."""

    def __init__(self, house, answer):
        lines = [line for line in answer.all("www-authenticate") if 'intent="session"' in line]
        assert len(lines) == 1, answer.fields
        self.challenge = Challenge.of_line(lines[0])
        self.hash = self.challenge.request["paymentHash"]
        self.token = house.gateway.issued[self.hash]
        self.preimage = self.token.preimage

    def headers(self, action, preimage=None, challenge=None, **payload):
        name = "topUpPreimage" if action == "topUp" else "preimage"
        payload = {"action": action, name: (preimage or self.preimage).hex(), **payload}
        echo = {name: value for name, value in (challenge or self.challenge).parameters.items()}
        return {"Authorization": "Payment " + b64url(json.dumps({"challenge": echo, "payload": payload}).encode())}

    def open(self, invoice, **more):
        return self.headers("open", returnInvoice=invoice, **more)

    def bearer(self, **more):
        return self.headers("bearer", **{"sessionId": self.hash, **more})

    def close(self, **more):
        return self.headers("close", **{"sessionId": self.hash, **more})

    def top_up(self, session, **more):
        """This deposit, to the session that another one opened."""
        return self.headers("topUp", sessionId=session.hash, **more)


def receipt_of(answer):
    values = answer.all("payment-receipt")
    assert len(values) == 1, answer.fields
    assert "=" not in values[0]
    return json.loads(from_b64url(values[0]))
