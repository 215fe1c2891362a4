"""A hook plugin that stands before or after millrace in the chain of htlc_accepted, and can hold HTLCs there.

Its controls are files in the node's directory, named after the plugin:
  NAME.hold     as long as it is there, HTLCs wait
  NAME.held     one line for each HTLC that waited or waits (its payment hash)
  NAME.seen     one line for each HTLC that came by: payment hash, and the payment secret in its payload
"""

import json
import os
import sys
import threading
import time

NAME = os.path.basename(sys.argv[0])
output = threading.Lock()


def send(message):
    with output:
        sys.stdout.write(json.dumps(message) + "\n\n")
        sys.stdout.flush()


def note(kind, text):
    with open(f"{NAME}.{kind}", "a") as out:
        out.write(text + "\n")


def decide(request):
    htlc, onion = request["params"]["htlc"], request["params"]["onion"]
    note("seen", f"{htlc['payment_hash']} {onion.get('payment_secret', '-')}")
    if os.path.exists(f"{NAME}.hold"):
        note("held", htlc["payment_hash"])
        while os.path.exists(f"{NAME}.hold"):
            time.sleep(0.02)
    send({"jsonrpc": "2.0", "id": request["id"], "result": {"result": "continue"}})


def main(**order):
    manifest = {
        "options": [],
        "rpcmethods": [],
        "subscriptions": [],
        "hooks": [{"name": "htlc_accepted", **order}],
        "dynamic": True,
    }
    decoder, data = json.JSONDecoder(), ""
    while True:
        piece = os.read(0, 65536)
        if not piece:
            os._exit(0)
        data += piece.decode()
        while True:
            data = data.lstrip()
            try:
                request, end = decoder.raw_decode(data)
            except json.JSONDecodeError:
                break
            data = data[end:]
            if request["method"] == "htlc_accepted":
                threading.Thread(target=decide, args=(request,), daemon=True).start()
            elif "id" in request:
                send({"jsonrpc": "2.0", "id": request["id"], "result": manifest if request["method"] == "getmanifest" else {}})
