"""A lightning-rpc between a client and a node, which can hold calls before the node sees them, or their answers."""

import json
import os
import socket
import threading


class RpcRelay:
    """relay = RpcRelay(path, node.rpc.path); relay.hold("xpay", "before"); ... relay.held.wait(); relay.release()"""

    def __init__(self, path, target):
        self.path, self.target = str(path), str(target)
        self.calls = []  # methods, in the order in which the node got them
        self.held = threading.Event()
        self._gate = threading.Event()
        self._gate.set()
        self._hold = None
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def hold(self, method, where):
        """`where`: "before" the node gets the call, or "after" it answered."""
        self.held.clear()
        self._gate.clear()
        self._hold = (method, where)

    def release(self):
        self._hold = None
        self._gate.set()

    def stop(self):
        self.release()
        self.listener.close()
        os.unlink(self.path)

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, client):
        decoder, data = json.JSONDecoder(), ""
        try:
            while True:
                piece = client.recv(65536)
                if not piece:
                    return
                data += piece.decode()
                while data.strip():
                    try:
                        request, end = decoder.raw_decode(data.lstrip())
                    except json.JSONDecodeError:
                        break
                    data = data.lstrip()[end:]
                    self._call(client, request)
        except OSError:
            pass
        finally:
            client.close()

    def _pass(self, method, where):
        if self._hold == (method, where):
            self.held.set()
            self._gate.wait(120)

    def _call(self, client, request):
        method = request["method"]
        self._pass(method, "before")
        with socket.socket(socket.AF_UNIX) as node:
            node.connect(self.target)
            # A client that was killed while its call was held never made it.
            if client_gone(client):
                return
            self.calls.append(method)
            node.sendall(json.dumps(request).encode())
            reply, decoder = "", json.JSONDecoder()
            while True:
                piece = node.recv(65536)
                if not piece:
                    return
                reply += piece.decode()
                try:
                    decoder.raw_decode(reply.lstrip())
                    break
                except json.JSONDecodeError:
                    continue
        self._pass(method, "after")
        client.sendall(reply.encode())


def client_gone(client):
    try:
        return client.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
