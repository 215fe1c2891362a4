"""A wallet for the clients under test: xpay of a Core Lightning node over its unix socket, by itself or behind lnd's REST API."""

import asyncio
import atexit
import hashlib
import http.server
import json
import socket
import subprocess
import sys
import urllib.request


class Wallet:
    """`pay_invoice` as one client or the other calls it, with whatever it gives besides the invoice."""

    supports_preimage = True

    def __init__(self, rpc):
        self.rpc, self.payments = rpc, 0

    def pay(self, bolt11):
        with socket.socket(socket.AF_UNIX) as node:
            node.connect(self.rpc)
            node.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "xpay", "params": {"invstring": bolt11}}).encode())
            text = b""
            while True:
                piece = node.recv(65536)
                if not piece:
                    raise OSError("the node ended the connection")
                text += piece
                try:
                    reply = json.loads(text)
                    break
                except ValueError:
                    continue
        if "error" in reply:
            raise RuntimeError(reply["error"]["message"])
        self.payments += 1
        return reply["result"]["payment_preimage"]

    def pay_invoice(self, bolt11, *_, **__):
        return self.pay(bolt11)


class AsyncWallet(Wallet):
    async def pay_invoice(self, bolt11, *_, **__):
        return await asyncio.to_thread(self.pay, bolt11)


class Handler(http.server.BaseHTTPRequestHandler):
    """lnd's REST API as far as clients pay by it."""

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        preimage = bytes.fromhex(self.server.wallet.pay(asked["payment_request"]))
        paid = {"status": "SUCCEEDED", "payment_preimage": preimage.hex(), "payment_hash": hashlib.sha256(preimage).hexdigest(),
                "value_sat": "1", "value_msat": "1000", "fee_sat": "0", "fee_msat": "0", "failure_reason": "FAILURE_REASON_NONE"}
        self.answer({"result": paid})

    def do_GET(self):
        self.answer(self.server.wallet.payments)

    def answer(self, document):
        body = json.dumps(document).encode() + b"\n"
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Lnd:
    """A process of its own that speaks it: some clients let no other thread run while they wait."""

    def __init__(self, rpc):
        self.process = subprocess.Popen([sys.executable, __file__, rpc], stdout=subprocess.PIPE, text=True)
        self.url = f"http://127.0.0.1:{int(self.process.stdout.readline())}"
        atexit.register(self.process.kill)

    @property
    def payments(self):
        with urllib.request.urlopen(self.url) as answer:
            return json.load(answer)


def arguments():
    """URL and the socket of the node that pays."""
    return sys.argv[1], sys.argv[2]


def report(answers, wallet, **more):
    """`answers`: (status, body) of each request."""
    print(json.dumps({"answers": [[status, body] for status, body in answers], "payments": wallet.payments, **more}))


if __name__ == "__main__":
    served = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.wallet = Wallet(sys.argv[1])
    print(served.server_address[1], flush=True)
    served.serve_forever()
