"""A server whose every answer is a test's, a node that pays what that server asks for, and millrace-get between them."""

import contextlib
import hashlib
import json
import os
import re
import socket
import sqlite3
import subprocess
import threading
from pathlib import Path

from kit.bolt11 import invoice
from kit.macaroons import Macaroon
from kit.payments import b64url, canonical, from_b64url

OK, USAGE, OFFER_REFUSED, PAYMENT_FAILED, CREDENTIAL_REFUSED, UPSTREAM_ERROR, UNREACHABLE, PENDING, STORE_FAILED, OUTPUT_FAILED = 0, 2, 3, 4, 5, 6, 7, 8, 9, 10

REASONS = {100: "Continue", 102: "Processing", 103: "Early Hints", 200: "OK", 302: "Found", 402: "Payment Required"}


def head(status, fields=()):
    lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}", *(f"{name}: {value}" for name, value in fields)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def answer(status=200, body=b"sunny\n", fields=()):
    return head(status, [*fields, ("Content-Length", len(body))]) + body


class Request:
    def __init__(self, text, body):
        line, *fields = text.decode("latin-1").split("\r\n")
        self.method, self.target, _ = line.split(" ")
        self.fields = [tuple(field.split(": ", 1)) for field in fields if field]
        self.body = body

    def all(self, name):
        return [value for field, value in self.fields if field.lower() == name.lower()]

    def proofs(self):
        """(field, scheme, preimage, what it was for) of each credential; what it was for: a macaroon, or the echo of a challenge."""
        for field, value in self.fields:
            if value.startswith(("L402 ", "LSAT ")):
                macaroon, preimage = value.split(" ")[1].split(":")
                yield field, "L402", preimage, macaroon
            elif value.startswith("Payment "):
                document = json.loads(from_b64url(value.split(" ")[1]))
                yield field, "Payment", document["payload"]["preimage"], document["challenge"]


class Offer:
    """An invoice, and the challenges that it is in."""

    def __init__(self, amount, amount_sat, service, field, more):
        self.preimage = os.urandom(32)
        self.hash = hashlib.sha256(self.preimage).digest()
        self.bolt11 = invoice(amount=amount, preimage=self.preimage, expiry=600)
        identifier = b"\0\0" + self.hash + os.urandom(32)
        self.macaroon = Macaroon(os.urandom(32), identifier).add(f"services={service}:0").base64()
        request = {"amount": str(amount_sat), "currency": "sat", "methodDetails": {"invoice": self.bolt11, "network": "regtest"}}
        self.charge = f'Payment id="{b64url(os.urandom(32))}", realm="shop", method="lightning", intent="charge", request="{b64url(canonical(request))}"'
        self.charge += more
        if field is not None:
            self.charge += f', header="{field}"'
        self.l402 = f'L402 macaroon="{self.macaroon}", invoice="{self.bolt11}"'


class Stand:
    def __init__(self, folder):
        self.folder = folder
        self.requests = []
        self.reply = lambda request: answer()
        self.preimages = {}  # payment hash in hex -> preimage
        self.paid = []  # payment hashes, in order
        self.hashes = {}  # invoice -> payment hash
        self.runs = 0
        self.log = self.out = None
        self.network = "regtest"
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.node = socket.socket(socket.AF_UNIX)
        self.node.bind(str(folder / "rpc"))
        self.node.listen(8)
        for served, serve in ((self.listener, self._serve_http), (self.node, self._serve_node)):
            threading.Thread(target=self._accept, args=(served, serve), daemon=True).start()

    def close(self):
        self.listener.close()
        self.node.close()

    def _accept(self, listener, serve):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._one, args=(connection, serve), daemon=True).start()

    @staticmethod
    def _one(connection, serve):
        with connection, contextlib.suppress(OSError):
            connection.settimeout(20)
            serve(connection)

    def _serve_http(self, connection):
        data = b""
        while b"\r\n\r\n" not in data:
            piece = connection.recv(65536)
            if not piece:
                return
            data += piece
        text, _, body = data.partition(b"\r\n\r\n")
        length = re.search(rb"(?im)^content-length: (\d+)", text)
        while length and len(body) < int(length[1]):
            body += connection.recv(65536)
        request = Request(text, body)
        self.requests.append(request)
        connection.sendall(self.reply(request))
        connection.shutdown(socket.SHUT_WR)

    def _serve_node(self, connection):
        data = b""
        while True:
            piece = connection.recv(65536)
            if not piece:
                return
            data += piece
            try:
                call = json.loads(data)
            except ValueError:
                continue
            data = b""
            result = getattr(self, "node_" + call["method"])(call["params"])
            connection.sendall(json.dumps({"jsonrpc": "2.0", "id": call["id"], "result": result}).encode() + b"\n\n")

    def node_getinfo(self, _):
        return {"network": self.network}

    def node_xpay(self, params):
        payment_hash = self.hashes[params["invstring"]]
        self.paid.append(payment_hash)
        return {"payment_preimage": self.preimages[payment_hash], "amount_msat": 1000, "amount_sent_msat": 1001, "failed_parts": 0, "successful_parts": 1}

    def node_listsendpays(self, params):
        paid = params["payment_hash"] in self.paid
        return {"payments": [{"status": "complete", "payment_preimage": self.preimages[params["payment_hash"]], "amount_sent_msat": 1001}] if paid else []}

    # -- the server's side

    def offer(self, amount="10n", amount_sat=1, service="weather", field=None, more=""):
        offered = Offer(amount, amount_sat, service, field, more)
        self.preimages[offered.hash.hex()] = offered.preimage.hex()
        self.hashes[offered.bolt11] = offered.hash.hex()
        return offered

    def sell(self, lines, takes=lambda field, scheme, proof: True, refusal=402, body=b"sunny\n", before=b""):
        """Answers with `body` to a proof that takes(field, scheme, what it was for) allows, and with the challenges lines(offer) of a new
        invoice to all else. `before` goes in front of each answer."""

        def reply(request):
            proofs = list(request.proofs())
            for field, scheme, preimage, proof in proofs:
                payment_hash = hashlib.sha256(bytes.fromhex(preimage)).hexdigest()
                if payment_hash in self.paid and takes(field, scheme, proof):
                    return before + answer(200, body)
            fields = [("WWW-Authenticate", line) for line in lines()]
            return before + answer(refusal if proofs else 402, b"{}", fields)

        self.reply = reply

    # -- the client's side

    def url(self, path="/x"):
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}{path}"

    def command(self, *arguments):
        return [os.environ["MILLRACE_CLIENT"], "-v", "--dir", str(self.folder / "store"), "--rpc", str(self.folder / "rpc"), *map(str, arguments)]

    def start(self, *arguments, out=None):
        self.runs += 1
        self.log, self.out = self.folder / f"get-{self.runs}.log", self.folder / f"get-{self.runs}.out"
        with open(out or self.out, "wb") as stdout, open(self.log, "wb") as stderr:
            return subprocess.Popen(self.command(*arguments), stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr)

    def get(self, *arguments, path="/x", out=None):
        process = self.start(*arguments, self.url(path), out=out)
        try:
            return process.wait(60)
        finally:
            process.kill()

    def said(self):
        return self.log.read_text()

    def body(self):
        return self.out.read_bytes()

    def stored(self, query):
        with contextlib.closing(sqlite3.connect(Path(self.folder) / "store" / "tokens.db")) as database:
            return database.execute(query).fetchall()
