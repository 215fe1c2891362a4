"""The plugin's side of the gateway protocol on a unix socket, with a node that settles on demand."""

import json
import os
import socket
import threading
import time

from . import invoices
from . import bolt11
from .macaroons import Token


class Gateway:
    node_secret = b"\x05" * 32
    node_id = bolt11.node_id(node_secret).hex()

    def __init__(self, path):
        self.path = str(path)
        self.lock = threading.RLock()
        self.epochs = {0: os.urandom(32)}
        self.current = 0
        self.issued = {}  # payment hash (hex) -> Token
        self.settlements = []
        self.requests = []  # every message received
        self.subscriptions = []  # next_pay_index of each
        self.refuse_with = None  # (code, message) for every issue
        self.silent = False  # issue gets no answer
        self.expiry = 600  # seconds until an invoice expires
        self.deposits = {}  # payment hash (hex) -> msat, of deposits that were issued
        self.refunds = {}  # (deposits, msat, invoice) -> how often it was asked for
        self.refund_answer = None  # what a refund is answered: result or error; None: complete; "silence": nothing
        self.network = "regtest"
        self.alias = "seller"
        self.clock = time.time  # the node's
        self.receivable = None  # msat: challenges for more come with a warning
        self.listener = None
        self.clients = []
        self.threads = []

    def start(self):
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(8)
        thread = threading.Thread(target=self._accept, args=(self.listener,), daemon=True)
        thread.start()
        self.threads.append(thread)
        return self

    def stop(self):
        """As a plugin that is gone: the socket vanishes, connections break."""
        if self.listener is None:
            return
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.listener = None
        if os.path.exists(self.path):
            os.unlink(self.path)
        with self.lock:
            clients, self.clients = self.clients, []
        for client in clients:
            try:
                client["socket"].shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in self.threads:
            thread.join(5)
        self.threads = []

    def mint(self, service, epoch=None):
        """A token as issue() would make it, without asking."""
        epoch = self.current if epoch is None else epoch
        token = Token(epoch, self.epochs[epoch], service)
        self.issued[token.payment_hash.hex()] = token
        return token

    def settle(self, token, at=None, amount_msat=1000):
        with self.lock:
            self.settlements.append(
                {
                    "payment_hash": token.payment_hash.hex(),
                    "label": "millrace-" + token.payment_hash.hex(),
                    "amount_msat": amount_msat,
                    "amount_received_msat": amount_msat,
                    "settled_at": int(self.clock() if at is None else at),
                    "service": token.service,
                    "description": "L402: " + token.service,
                    "pay_index": len(self.settlements) + 1,
                }
            )
            for client in self.clients:
                self._push_settlements(client)

    def rotate(self):
        with self.lock:
            self.current += 1
            self.epochs[self.current] = os.urandom(32)
            self._push_keys()

    def retire(self, epoch):
        with self.lock:
            del self.epochs[epoch]
            self._push_keys()

    def connected(self):
        return any(client["ready"] for client in self.clients)

    def _keys(self):
        epochs = [{"epoch": epoch, "key": key.hex(), "created_at": 1} for epoch, key in sorted(self.epochs.items())]
        return {"current": self.current, "epochs": epochs}

    def _push_keys(self):
        for client in self.clients:
            self._send(client, {"jsonrpc": "2.0", "method": "keys", "params": self._keys()})

    def _push_settlements(self, client):
        if client["next"] is None:
            return
        for settlement in self.settlements:
            if settlement["pay_index"] >= client["next"]:
                self._send(client, {"jsonrpc": "2.0", "method": "settlement", "params": {"settlement": settlement}})
                client["next"] = settlement["pay_index"] + 1

    def _send(self, client, message):
        try:
            client["socket"].sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            pass

    def _accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            client = {"socket": connection, "next": None, "ready": False}
            with self.lock:
                self.clients.append(client)
            thread = threading.Thread(target=self._serve, args=(client,), daemon=True)
            thread.start()
            self.threads.append(thread)

    def _serve(self, client):
        with client["socket"] as connection, connection.makefile("rb") as lines:
            try:
                for line in lines:
                    self._answer(client, json.loads(line))
            except OSError:
                pass
        with self.lock:
            if client in self.clients:
                self.clients.remove(client)

    def _answer(self, client, message):
        with self.lock:
            self.requests.append(message)
            method, params, number = message["method"], message["params"], message["id"]
            if method == "issue" and self.silent:
                return
            if method == "issue" and "batch" in params:
                result = {"batch": [self._issue(one) for one in params["batch"]]}
                answer = {"result": result}
            elif method == "issue":
                answer = self._issue(params)
            elif method == "refund":
                answer = self._refund(params)
                if answer is None:
                    return
            elif method == "hello":
                answer = {
                    "result": {
                        "protocol": 1,
                        "version": "fake",
                        "node_id": self.node_id,
                        "alias": self.alias,
                        "network": self.network,
                        "blockheight": 100,
                    }
                }
            elif method == "keys":
                answer = {"result": self._keys()}
            elif method == "subscribe":
                self.subscriptions.append(params["next_pay_index"])
                answer = {"result": {"next_pay_index": params["next_pay_index"]}}
            else:
                answer = {"error": {"code": -32601, "message": "unknown method"}}
            self._send(client, {"jsonrpc": "2.0", "id": number, **answer})
            if method == "subscribe":
                client["next"] = params["next_pay_index"]
                client["ready"] = True
                self._send_figures(client)
                self._push_settlements(client)

    def push_figures(self, **more):
        """The node's figures, with those given in place of the usual ones."""
        with self.lock:
            for client in self.clients:
                self._send_figures(client, **more)

    def _send_figures(self, client, **more):
        figures = {"blockheight": 100, "peers": 2, "active_channels": 3, "spendable_msat": 5, "receivable_msat": 7, **more}
        self._send(client, {"jsonrpc": "2.0", "method": "node", "params": {"node": figures}})

    def _issue(self, params):
        if self.refuse_with:
            return {"error": {"code": self.refuse_with[0], "message": self.refuse_with[1]}}
        token = self.mint(params["service"])
        if params.get("deposit"):
            self.deposits[token.payment_hash.hex()] = params["amount_msat"]
            return {
                "result": {
                    "payment_hash": token.payment_hash.hex(),
                    "bolt11": invoices.of_hash(token.payment_hash.hex()),
                    "amount_msat": params["amount_msat"],
                    "expires_at": int(time.time()) + self.expiry,
                    "deposit": True,
                }
            }
        too_much = self.receivable is not None and params["amount_msat"] > self.receivable
        return {
            "result": {
                "payment_hash": token.payment_hash.hex(),
                "bolt11": invoices.of_hash(token.payment_hash.hex()),
                "amount_msat": params["amount_msat"],
                "expires_at": int(self.clock()) + self.expiry,
                "token": token.macaroon.base64(),
                "www_authenticate": [],
                **({"warning_capacity": "Insufficient incoming channel capacity to pay invoice"} if too_much else {}),
            }
        }

    def _refund(self, params):
        assert set(params) == {"deposits", "amount_msat", "invoice"}
        assert 1 <= len(set(params["deposits"])) == len(params["deposits"]) <= 100
        key = (tuple(params["deposits"]), params["amount_msat"], params["invoice"])
        self.refunds[key] = self.refunds.get(key, 0) + 1
        answer = self.refund_answer
        if answer == "silence":
            return None
        if answer is not None:
            return answer
        if sum(self.deposits[deposit] for deposit in params["deposits"]) < params["amount_msat"]:
            return {"error": {"code": 4026, "message": "too-much: more than the deposits received"}}
        return {"result": {"state": "complete", "amount_msat": params["amount_msat"], "fee_msat": 3}}
