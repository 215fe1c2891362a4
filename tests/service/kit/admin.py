"""Asks the admin API of a millraced."""

import json
import re

from .http import Client

READ = "read-" + "r" * 40
WRITE = "write-" + "w" * 40


def section(folder, address="127.0.0.1:0", read=READ, write=WRITE, more=""):
    """An [admin] section; its token files lie in `folder`."""
    text = f'[admin]\naddress = "{address}"\n{more}'
    for kind, token in (("read", read), ("write", write)):
        if token:
            (folder / f"{kind}.token").write_text(token + "\n")
            text += f'{kind}_token_file = "{kind}.token"\n'
    return text


class Admin:
    def __init__(self, service, token=READ, path=None):
        self.path, self.token = path, token
        self.url = path or re.findall(r"admin API on (\S+)", service.log_file.read_text())[-1]
        self.port = None if path else int(self.url.rsplit(":", 1)[1])

    def ask(self, method, target, body=None, token=None, headers=None):
        headers = dict(headers or {})
        token = self.token if token is None else token
        if token:
            headers["Authorization"] = "Bearer " + token
        body = json.dumps(body).encode() if isinstance(body, dict) else body
        with Client(self.port, path=self.path) as client:
            client.request(method, target, headers, body)
            return client.read(to_head=method == "HEAD")

    def get(self, target, **more):
        return self.ask("GET", target, **more)

    def document(self, target, **more):
        answer = self.get(target, **more)
        assert answer.status == 200, (answer.status, answer.body)
        assert answer.get("content-type") == "application/json" and answer.get("cache-control") == "no-store"
        return answer.json()

    def post(self, target, body=None, token=WRITE, **more):
        return self.ask("POST", target, body, token=token, **more)
