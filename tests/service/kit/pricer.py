"""A pricer: an HTTP server that says what things cost, counts how often it is asked, and fails as a test wants it to."""

import json
import threading

from .upstream import Upstream, response


class Pricer:
    def __init__(self, **where):
        self.server = Upstream(**where)
        self.url = f"{self.server.url}:/price" if "path" in where else f"{self.server.url}/price"
        self.price = lambda question: 2000
        self.answer = None  # handler(request, connection, stream), in place of a price
        self.questions = []
        self.at_once = self.most_at_once = 0
        self.lock = threading.Lock()
        self.server.routes["/price"] = self._answer

    def _answer(self, request, connection, stream):
        with self.lock:
            self.questions.append(json.loads(request.body))
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if self.answer:
                return self.answer(request, connection, stream)
            return said({"price_msat": self.price(self.questions[-1]), "reason": "as told"})
        finally:
            with self.lock:
                self.at_once -= 1

    @property
    def requests(self):
        return self.server.requests

    def close(self):
        self.server.close()


def said(document, status="200 OK"):
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return response(body, status, ["Content-Type: application/json"])
