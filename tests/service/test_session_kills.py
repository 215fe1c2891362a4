"""Sessions of the Payment scheme under kill -9: deposits, what was spent, and what was paid back add up to the msat."""

import os
import random
import sqlite3
import threading
import time

from kit import bolt11
from kit.payments import Deposit
from kit.service import wait_for
from kit.upstream import response

PRICE = 60
DEPOSIT = 3000
INVOICE = bolt11.invoice()
ASKING = {"Accept-Payment": "lightning/session"}
SOLD = """
[[service]]
name = "load"
path = "/load/"
upstream = "{upstream}"
price_msat = 100
schemes = ["payment"]
cost_header = "X-Cost-Msat"
session = {{ deposit_msat = 3000, offer = "alone", idle_timeout = "1h" }}
"""
LIMITS = '[challenges]\nreuse = false\nper_prefix = "100000/s"\nin_all = "100000/s"\n'


class Known:
    """What the clients of one session were told for certain."""

    def __init__(self, deposit):
        self.deposit = deposit
        self.answers = 0  # requests that were answered in full
        self.sent = 0  # requests that may have been
        self.deposits = 0  # msat that were confirmed
        self.paid = 0  # msat that may have been credited
        self.closed = None  # the answer


class Load(threading.Thread):
    """Uses, tops up and closes sessions at random until it is stopped."""

    def __init__(self, house, sessions, lock, seed):
        super().__init__(daemon=True)
        self.house, self.sessions, self.lock = house, sessions, lock
        self.random = random.Random(seed)
        self.running = True
        self.error = None
        self.start()

    def run(self):
        while self.running:
            try:
                self.step()
            except (OSError, ValueError, AttributeError):
                time.sleep(0.005)  # the service was killed
            except Exception as error:  # noqa: BLE001 - handed to the test
                self.error = error
                return

    def get(self, headers, target="/load/x"):
        with self.house.service.client(timeout=15) as client:
            answer = client.get(target, headers)
            if answer is None:
                raise OSError
            return answer

    def step(self):
        luck = self.random.random()
        known = self.random.choice(self.sessions)
        if luck < 0.04:
            deposit = Deposit(self.house, self.get(ASKING))
            known = Known(deposit)
            with self.lock:
                self.sessions.append(known)
                known.paid += DEPOSIT
            self.use(known, deposit.open(INVOICE))
        elif luck < 0.12:
            more = Deposit(self.house, self.get(ASKING))
            with self.lock:
                known.paid += DEPOSIT
            answer = self.get(more.top_up(known.deposit))
            if answer.status == 200:
                with self.lock:
                    known.deposits += DEPOSIT
        elif luck < 0.14:
            answer = self.get(known.deposit.close())
            if answer.status == 200:
                assert known.closed in (None, answer.json()["refundSats"])
                known.closed = answer.json()["refundSats"]
        else:
            self.use(known, known.deposit.bearer())

    def use(self, known, headers):
        with self.lock:
            known.sent += 1
        answer = self.get(headers)
        if answer.status == 200:
            with self.lock:
                known.answers += 1


def accounts(house):
    """session id (hex) -> its row, its deposits, and what is on disk as spent."""
    database = sqlite3.connect(f"file:{house.folder}/millrace.db?mode=ro", uri=True)
    database.row_factory = sqlite3.Row
    try:
        found = {}
        for one in database.execute("SELECT * FROM sessions"):
            deposits = database.execute("SELECT amount_msat FROM session_deposits WHERE session_id = ?", (one["id"],)).fetchall()
            used = database.execute("SELECT spent_msat FROM token_usage WHERE payment_hash = ?", (one["id"],)).fetchone()
            found[one["id"].hex()] = (one, sum(amount for (amount,) in deposits), used[0] if used else 0)
        return found
    finally:
        database.close()


def check(house, sessions, said):
    on_disk = accounts(house)
    paid_back = {}
    for (deposits, msat, _), count in house.gateway.refunds.items():
        session = next(deposit for deposit in deposits if deposit in on_disk)
        paid_back.setdefault(session, set()).add(msat)
    for known in sessions:
        if known.deposit.hash not in on_disk:
            assert (known.answers, known.closed, known.deposits) == (0, None, 0), said
            continue
        session, deposits, used = on_disk[known.deposit.hash]
        said_of = f"{said}: {dict(session)}, used {used}, answered {known.answers} of {known.sent}"
        assert session["deposit_msat"] == deposits, said_of
        assert known.deposits + DEPOSIT <= deposits <= known.paid, said_of
        assert known.answers * PRICE <= used <= min(known.sent * PRICE, deposits), said_of
        if session["closed_at"] is None:
            assert known.closed is None and known.deposit.hash not in paid_back, said_of
            continue
        assert session["spent_msat"] == used, said_of
        assert session["spent_msat"] + session["refund_msat"] == deposits, said_of
        assert paid_back.get(known.deposit.hash, set()) <= {session["refund_msat"]}, said_of
        if known.closed is not None:
            assert known.closed == session["refund_msat"] // 1000, said_of


def test_the_books_of_sessions_add_up_however_often_the_service_is_killed(house):
    """MILLRACE_KILLS says how often; the ledger must add up after each of them."""
    kills = int(os.environ.get("MILLRACE_KILLS", "15"))
    seed = random.randrange(1 << 30)
    luck = random.Random(seed)

    def answer(*_):
        time.sleep(luck.random() * 0.004)
        return response(b"d" * 100, headers=[f"X-Cost-Msat: {PRICE}"])

    house.upstream.routes["/load/x"] = answer
    house.start(services=SOLD.format(upstream=house.upstream.url), extra=LIMITS)
    sessions, lock = [], threading.Lock()
    for kill in range(kills):
        fresh = []
        for _ in range(3):
            known = Known(Deposit(house, house.service.get("/load/x", ASKING)))
            known.paid, known.sent, known.answers = DEPOSIT, 1, 1
            assert house.service.get("/load/x", known.deposit.open(INVOICE)).status == 200
            fresh.append(known)
        # Of the older ones a few, so that those that were open at a kill are used after it.
        playing = fresh + luck.sample(sessions, min(6, len(sessions)))
        loads = [Load(house, playing, lock, seed + kill * 8 + number) for number in range(6)]
        time.sleep(0.1 + luck.random() * 0.4)
        house.service.kill()
        for load in loads:
            load.running = False
        for load in loads:
            load.join(30)
            assert load.error is None, load.error
        sessions += [known for known in playing if known not in sessions]
        check(house, sessions, f"seed {seed}, kill {kill}")
        house.service.start()

    def settled():
        return all(one["refund_state"] != "pending" for one, _, _ in accounts(house).values())

    wait_for(settled, "what was closed is paid back", 60)
    for known in sessions:
        house.service.get("/load/x", known.deposit.close())
    wait_for(settled, "all of it", 60)
    check(house, sessions, f"seed {seed}, at the end")
    on_disk = accounts(house)
    spent = sum(one["spent_msat"] for one, _, _ in on_disk.values())
    kept = sum(one["refund_msat"] for one, _, _ in on_disk.values() if one["refund_state"] == "skipped")
    paid_back = sum(msat for _, msat, _ in house.gateway.refunds)
    assert spent + kept + paid_back == sum(one["deposit_msat"] for one, _, _ in on_disk.values())
    assert kept < 1000 * len(on_disk) and spent > 0 and paid_back > 0
    assert sum(known.answers for known in sessions) > kills
