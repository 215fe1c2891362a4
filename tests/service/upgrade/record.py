"""Records what a millraced of before sold, and its store: python3 record.py, with MILLRACE_SERVICE, MILLRACE_PLUGIN and
MILLRACE_SIMULATOR naming programs of that build. test_upgrade.py shows that its successors honour all of it.

sold.json and store.sql were recorded with the programs of 0bfc43c, the last ones whose tokens did not say in front of `services=`
what was paid for them. The keys in them are of this record alone.
"""

import json
import re
import socket
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent.parent / "e2e")]

from conftest import House  # noqa: E402
from kit.admin import WRITE, Admin, section  # noqa: E402
from kit.pricer import Pricer  # noqa: E402

SERVICES = (HERE / "services.toml").read_text()


def caveat_token(answer):
    return re.search(r'macaroon="([^"]+)", invoice="(lnbcrt1[0-9a-z]+)"', answer.all("www-authenticate")[0]).groups()


class Recorder:
    def __init__(self, house):
        self.house, self.sold, self.cookies = house, [], []

    def challenge(self, path, headers=None):
        answer = self.house.service.get(path, headers)
        assert answer.status == 402, answer.body
        macaroon, invoice = caveat_token(answer)
        token = next(one for one in self.house.gateway.issued.values() if one.payment_hash.hex() in invoice)
        return answer, macaroon, token

    def buy(self, name, path, headers=None, settle=True, uses=0):
        answer, macaroon, token = self.challenge(path, headers)
        price = answer.json()["price_msat"]
        if settle:
            self.house.gateway.settle(token, amount_msat=price)
        authorization = f"L402 {macaroon}:{token.preimage.hex()}"
        for _ in range(uses):
            assert self.house.service.get(path, {"Authorization": authorization}).status == 200
        self.keep(name, path, authorization, token.payment_hash.hex(), price, settle, token.service)

    def keep(self, name, path, authorization, payment_hash, price, settled, service):
        self.sold.append({"name": name, "path": path, "authorization": authorization, "payment_hash": payment_hash,
                          "amount_msat": price, "settled": settled, "service": service})

    def page(self, name, path, settle):
        answer = self.house.service.get(path, {"Accept": "text/html", "Sec-Fetch-Dest": "document"})
        assert answer.status == 402
        cookie = answer.all("set-cookie")[0].split(";")[0]
        macaroon, invoice = caveat_token(answer)
        token = next(one for one in self.house.gateway.issued.values() if one.payment_hash.hex() in invoice)
        if settle:
            self.house.gateway.settle(token, amount_msat=1000)
        self.cookies.append({"name": name, "path": path, "cookie": cookie, "payment_hash": token.payment_hash.hex(),
                             "amount_msat": 1000, "settled": settle, "service": token.service, "macaroon": macaroon})


def issued_by_the_plugin(folder):
    """What millrace-issue makes, paid on a simulated network, and the key that it was minted under."""
    from harness.sim import SimNetwork

    network = SimNetwork(folder)
    try:
        made = network.seller.challenge(1000, service="plain")
        paid = network.payer.pay(made["bolt11"])
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(network.seller.gateway))
            lines = connection.makefile("rwb")
            for number, (method, params) in enumerate((("hello", {"protocol": 1, "client": "recorder"}), ("keys", {})), 1):
                lines.write(json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode() + b"\n")
                lines.flush()
                answer = json.loads(lines.readline())
        key, = answer["result"]["epochs"]
        return made, paid["payment_preimage"], key
    finally:
        network.stop()


def main():
    folder = Path(tempfile.mkdtemp(prefix="mr", dir="/tmp"))
    (folder / "network").mkdir()
    made, preimage, key = issued_by_the_plugin(folder / "network")
    house, pricer = House(folder), Pricer()
    pricer.price = lambda question: 2000
    house.start(section(folder), SERVICES.format(upstream=house.upstream.url, pricer=pricer.url))
    record = Recorder(house)
    record.buy("plain", "/plain/x")
    record.buy("plain-unheard", "/plain/x", settle=False)
    record.buy("price", "/varied/x")
    record.buy("dear", "/varied/dear/x")
    record.buy("route", "/varied/own/x")
    record.buy("credit", "/pool/x", uses=2)
    record.buy("tier", "/docs/x", {"X-L402-Tier": "two"}, uses=2)
    record.buy("lowest-tier", "/docs/x")
    record.buy("uses", "/uses/x", uses=2)
    record.buy("quote", "/priced/x")
    record.buy("realm", "/north/x")
    record.buy("open", "/varied/x", settle=False)
    record.page("page", "/plain/page", True)
    record.page("open-page", "/plain/page", False)
    admin = Admin(house.service, token=WRITE)
    for name, path, wish in (
        ("grant", "/varied/x", {"service": "varied"}),
        ("grant-of-a-price", "/varied/x", {"service": "varied", "max_price_msat": 1000}),
        ("grant-of-uses", "/uses/x", {"service": "uses", "uses": 5}),
        ("grant-of-a-balance", "/pool/x", {"service": "pool"}),
        ("grant-of-a-tier", "/docs/x", {"service": "docs", "tier": "two"}),
        ("grant-of-a-time", "/plain/x", {"service": "plain", "expires_in": 50 * 366 * 86400}),
    ):
        given = admin.post("/v1/tokens", {"reason": "a gift", **wish}).json()
        record.keep(name, path, given["authorization"], given["payment_hash"], 0, True, wish["service"])
    record.keep("millrace-issue", "/plain/x", f"L402 {made['token']}:{preimage}", made["payment_hash"], 1000, False, "plain")
    time.sleep(1)
    house.service.stop()
    database = sqlite3.connect(folder / "millrace.db")
    version, application = (database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("user_version", "application_id"))
    # A transaction of one's own, and triggers that forbid what restores them.
    dump = [line for line in database.iterdump() if line not in ("BEGIN TRANSACTION;", "COMMIT;")]
    database.close()
    (HERE / "store.sql").write_text("\n".join([*dump, f"PRAGMA application_id = {application};", f"PRAGMA user_version = {version};"]) + "\n")
    keys = {str(epoch): value.hex() for epoch, value in house.gateway.epochs.items()} | {str(key["epoch"]): key["key"]}
    (HERE / "sold.json").write_text(json.dumps({"keys": keys, "sold": record.sold, "cookies": record.cookies}, indent=1) + "\n")
    house.close()
    pricer.close()


if __name__ == "__main__":
    main()
