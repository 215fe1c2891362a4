#!/usr/bin/env python3
"""A plugin that writes down every message it gets and answers hooks as a file tells it to.

Beside the node's network directory: `recorder.log` holds one message a line; `recorder.answers` (JSON) maps a hook or a
command to what is answered: {"result": …}, {"error": …}, {"die": true}, {"raw": "text"}, {"silent": true}, {"log": "level"}.
A list is answered from in turn, its last entry for ever.
"""

import json
import os
import sys

HOME = os.getcwd()
NAME = os.path.splitext(os.path.basename(sys.argv[0]))[0]


def path(suffix):
    return os.path.join(HOME, f"{NAME}.{suffix}")


def configuration():
    try:
        with open(path("manifest"), encoding="utf-8") as text:
            return json.load(text)
    except FileNotFoundError:
        return {}


def manifest():
    wanted = {
        "options": [],
        "rpcmethods": [{"name": f"{NAME}-echo", "usage": "[anything]"}],
        "subscriptions": ["*"],
        "hooks": ["htlc_accepted"],
        "notifications": [],
        "dynamic": True,
        "cancheck": True,
        "nonnumericids": True,
    }
    wanted.update(configuration())
    return wanted


def answers():
    try:
        with open(path("answers"), encoding="utf-8") as text:
            return json.load(text)
    except FileNotFoundError:
        return {}


COUNTS = {}


def scripted(method):
    answer = answers().get(method)
    if isinstance(answer, list):
        turn = COUNTS.get(method, 0)
        COUNTS[method] = turn + 1
        answer = answer[min(turn, len(answer) - 1)]
    return answer


def write(message):
    sys.stdout.write(json.dumps(message) + "\n\n")
    sys.stdout.flush()


def respond(message):
    method = message["method"]
    answer = scripted(method)
    if answer is None:
        if method == "getmanifest":
            answer = {"result": manifest()}
        elif method == "init":
            answer = {"result": {}}
        elif method in ("htlc_accepted", "invoice_payment"):
            answer = {"result": {"result": "continue"}}
        elif method == "check":
            answer = {"result": {"command_to_check": f"{NAME}-echo"}}
        else:
            answer = {"result": {"echo": message["params"]}}
    if "log" in answer:
        write({"jsonrpc": "2.0", "method": "log", "params": {"level": answer["log"], "message": "as asked"}})
    for sent in answer.get("notify", []):
        write({"jsonrpc": "2.0", **sent, "params": {**sent["params"], "id": message["id"]}})
    if answer.get("die"):
        os._exit(1)
    if "raw" in answer:
        sys.stdout.write(answer["raw"])
        sys.stdout.flush()
    for member in ("result", "error"):
        if member in answer:
            write({"jsonrpc": "2.0", "id": message["id"], member: answer[member]})


def main():
    decoder = json.JSONDecoder()
    buffer = ""
    while True:
        data = os.read(0, 65536)
        if not data:
            return
        buffer += data.decode()
        while True:
            buffer = buffer.lstrip()
            try:
                message, end = decoder.raw_decode(buffer)
            except ValueError:
                break
            text, buffer = buffer[:end], buffer[end:]
            with open(path("log"), "a", encoding="utf-8") as out:
                out.write(text + "\n")
            if "id" in message:
                respond(message)
            elif message["method"] == "shutdown":
                return


if __name__ == "__main__":
    main()
