#!/bin/sh
# ln-church-agent 1.18.17 (PyPI) cannot read a 402 whose WWW-Authenticate has an LSAT line beside the L402 line, as Aperture and others
# send it for older clients: "Malformed payment challenge." The same answer without the LSAT line is read. RFC 9110 §11.6.1 has a
# client choose among the challenges; the L402 specification has servers send both names.
#
# Seen on 2026-11-28 with Python 3.11:
#   with LSAT: PaymentChallengeError: Malformed payment challenge.
#   without:   L402
# Fails where that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check --only-binary :all: ln-church-agent==1.18.17
"$folder/venv/bin/python" - <<'EOF'
import httpx
from ln_church_agent.challenges import parse_challenge_from_response

# A macaroon of Aperture's mint and an example invoice of BOLT 11.
MACAROON = ("AgEEbHNhdAJCAADg53pQdBKxIPbt5h9iKVsaey/xnT3Mj3JT5RZjRwyIjkBBQkNERUZHSElKS0xNTk9QUVJTVFVWV1hZWltcXV5fAAITc2VydmljZXM9"
            "c2VydmljZTE6MAACInNlcnZpY2UxX2NhcGFiaWxpdGllcz1hZGQsc3VidHJhY3QAAh9zZXJ2aWNlMV92YWxpZF91bnRpbD0xNzM1Njg5NjAwAAAGIOFdqCoT"
            "gx5GiN6rvBA1gQ/vvsi4rjjxddHjDOguEKNL")
INVOICE = ("lnbc2500u1pvjluezsp5zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygspp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypq"
           "dq5xysxxatsyp3k7enxv4jsxqzpu9qrsgquk0rl77nj30yxdy8j9vdx85fkpmdla2087ne0xh8nhedh8w27kyke0lp53ut353s06fv3qfegext0eh0ymjpf39tuv"
           "en09sam30g4vgpfna3rh")
PARAMETERS = f'macaroon="{MACAROON}", invoice="{INVOICE}"'


def read(*schemes):
    fields = [("WWW-Authenticate", f"{scheme} {PARAMETERS}") for scheme in schemes]
    try:
        return parse_challenge_from_response(httpx.Response(402, headers=fields, text="payment required")).scheme
    except Exception as error:
        return f"{type(error).__name__}: {error}"


with_lsat, without = read("LSAT", "L402"), read("L402")
print("with LSAT:", with_lsat)
print("without:  ", without)
assert with_lsat == "PaymentChallengeError: Malformed payment challenge.", "it has changed"
assert without == "L402", "it has changed"
EOF
