"""What goes wrong around the service, and four things each time: the client and the log are told what is wrong, nothing is
given away, nothing that was paid for is lost, and all goes on by itself when the fault is over."""

import os
import re
import shutil
import sqlite3
import subprocess
import threading
import time

import pytest
from conftest import CONFIG, UNLIMITED
from kit import invoices
from kit.faults import Clock, Locker, SmallDisk, UpstreamProcess, wait_for_log
from kit.service import BINARY, wait_for
from kit.upstream import response
from test_pages import NAVIGATION, cookie_of
from test_payment import buy as buy_charge
from test_quotas import left, usage, used

SERVICES = """
[[service]]
name = "uses"
path = "/uses/"
upstream = "{upstream}"
price_msat = 100
uses = 5
[[service]]
name = "bytes"
path = "/bytes/"
upstream = "{upstream}"
price_msat = 100
bytes = "10MiB"
[[service]]
name = "charge"
path = "/charge/"
upstream = "{upstream}"
price_msat = 1000
schemes = ["payment"]
[[service]]
name = "slow"
path = "/slow/"
upstream = "{upstream}"
price_msat = 1000
limits = {{ per_token = "3/h" }}
"""


class Customers:
    """Those who bought before the fault, and what they must and must not get in it and after it."""

    def __init__(self, house):
        self.house = house
        self.hour, self.unheard, self.uses, self.spent = house.paid(), house.paid(settled=False), house.paid("uses"), house.paid("uses")
        house.service.expect_metric('l402_tokens_paid_total{resource="weather"}', 1)
        assert self.get("/weather/x", self.hour) == 200
        assert self.get("/uses/x", self.uses) == 200
        assert [self.get("/uses/x", self.spent) for _ in range(6)] == [200] * 5 + [402]
        self.served = 1  # of self.uses

    def get(self, path, token):
        return self.house.service.get(path, token.headers()).status

    def use(self):
        """One use of the token of uses, where it can be had; the answer."""
        answer = self.house.service.get("/uses/x", self.uses.headers())
        if answer.status == 200:
            self.served += 1
            assert left(answer, "uses") == 5 - self.served
        return answer

    def nothing_free(self):
        before = len(self.house.upstream.requests)
        forged = self.house.gateway.mint("weather").headers()
        forged["Authorization"] = forged["Authorization"][:-64] + "00" * 32
        for path, headers in (("/weather/x", {}), ("/uses/x", {}), ("/weather/x", forged), ("/uses/x", self.spent.headers())):
            assert self.house.service.get(path, headers).status in (402, 429, 503), (path, headers)
        assert len(self.house.upstream.requests) == before

    def nothing_lost(self):
        """All that was bought and not used up works, and what is on disk adds up."""
        assert self.get("/weather/x", self.hour) == 200
        assert self.get("/weather/x", self.unheard) == 200
        assert self.use().status == 200
        on_disk = usage(self.house)
        assert on_disk[self.uses.payment_hash] == (self.served, 0, 0)
        assert on_disk[self.spent.payment_hash] == (5, 0, 0)
        assert settled_on_disk(self.house) == sorted(one["payment_hash"] for one in self.house.gateway.settlements)

    def buys(self, path="/weather/x"):
        """A purchase from the 402 to the answer."""
        answer = self.house.service.get(path)
        assert answer.status == 402, answer.body
        found = re.search(r'macaroon="([^"]+)", invoice="' + invoices.PATTERN + '"', answer.get("www-authenticate"))
        token = self.house.gateway.issued[found[2]]
        self.house.gateway.settle(token)
        assert self.house.service.get(path, {"Authorization": f"L402 {found[1]}:{token.preimage.hex()}"}).status == 200
        return token


def settled_on_disk(house, folder=None):
    database = sqlite3.connect(f"file:{folder or house.folder}/millrace.db?mode=ro", uri=True)
    try:
        return sorted(bytes(row[0]).hex() for row in database.execute("SELECT payment_hash FROM settlements"))
    finally:
        database.close()


def services(house, upstream=None):
    return SERVICES.format(upstream=upstream or house.upstream.url)


def unavailable(answer, what=""):
    assert (answer.status, answer.get("retry-after")) == (503, "5"), (answer.status, answer.body)
    assert what in answer.json()["detail"]
    return True


# -- the upstream ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def upstream_process():
    process = UpstreamProcess()
    yield process
    process.kill()


@pytest.mark.parametrize("path", ["slow", "pieces"])
def test_an_upstream_that_dies_amid_a_body(house, upstream_process, path):
    service = house.start(services=services(house, upstream_process.url))
    uses, some = house.paid("uses"), house.paid("bytes")
    clients = []
    for token, base in ((uses, "/uses/"), (some, "/bytes/")):
        client = service.client()
        client.request("GET", base + path, token.headers())
        head = client.head()
        assert head.status == 200
        clients.append((client, head))
        client.stream.read(5000)
    upstream_process.kill()
    for client, head in clients:
        rest = client.stream.read()  # up to the end of the connection, which comes at once
        assert len(rest) < 20_000
        assert not rest.endswith(b"0\r\n\r\n") and int(head.get("content-length") or 1_000_000) > 25_000
        client.close()
    wait_for_log(service, "the upstream broke off amid a response")
    # One use had begun and is used; of the bytes, those that came.
    wait_for(lambda: used(house, some)[1] == 20_000, "the account of bytes")
    assert used(house, uses) == (1, 0, 0)
    answer = service.get("/uses/x", uses.headers())
    assert (answer.status, left(answer, "uses")) == (502, None)
    assert service.get("/uses/x").status == 402
    upstream_process.start()
    wait_for(lambda: service.get("/weather/health").status, "an answer")
    answer = wait_for(lambda: [a for a in [service.get("/uses/x", uses.headers())] if a.status == 200], "the upstream to be back")[0]
    assert left(answer, "uses") == 3
    assert left(service.get("/bytes/x", some.headers()), "bytes") == 10 * 1024 * 1024 - 20_000 - 6


# -- the plugin -----------------------------------------------------------------------------------------------------------


def test_a_plugin_that_dies_while_an_invoice_is_asked_for(house):
    service = house.start(services=services(house))
    customers = Customers(house)
    house.gateway.silent = True
    with service.client() as waiting:
        waiting.request("GET", "/weather/x")
        wait_for(lambda: house.gateway.requests[-1]["method"] == "issue", "the plugin to be asked")
        house.gateway.stop()
        assert unavailable(waiting.read(), "cannot be reached")
    wait_for_log(service, "gateway lost")
    assert service.monitor("/readyz")[0] == 503
    customers.nothing_free()
    assert customers.get("/weather/x", customers.hour) == 200
    assert customers.use().status == 200
    unseen = house.gateway.mint("weather")
    house.gateway.settle(unseen)  # the node goes on
    house.gateway.silent = False
    house.gateway.start()
    wait_for(service.ready, "the plugin to be found again")
    service.expect_metric('l402_tokens_paid_total{resource="weather"}', 2)
    customers.nothing_lost()
    assert customers.get("/weather/x", unseen) == 200
    customers.buys()


# -- the disk -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(house):
    disk = SmallDisk(house.folder / "disk")
    yield disk
    for service in house.services:
        if service.process:
            service.kill()
    disk.close()


def on_disk(house, **more):
    return house.config(**more).replace('"millrace.db"', '"disk/millrace.db"')


class OnDisk(Customers):
    def nothing_lost(self):
        folder, self.house.folder = self.house.folder, self.house.folder / "disk"
        try:
            super().nothing_lost()
        finally:
            self.house.folder = folder


def test_a_full_disk(house, small_disk):
    service = house.start(config=on_disk(house, services=services(house)))
    customers = OnDisk(house)
    small_disk.fill()
    # What must be on disk is refused, and says why; what needs no record goes on.
    assert unavailable(customers.use(), "recorded")
    assert unavailable(service.get("/weather/x", customers.unheard.headers()), "recorded")
    assert unavailable(service.get("/weather/x"), "recorded")
    assert customers.get("/weather/x", customers.hour) == 200
    assert "cannot write to the store: database or disk is full" in service.log_file.read_text()
    assert service.monitor("/readyz") == (503, "the store cannot be written: nothing is sold, and what must be recorded is 503\n")
    customers.nothing_free()
    # The node is paid all the while, and a killed service starts again, or says what hinders it.
    unseen = house.paid()
    wait_for_log(service, "could not store settlement")
    service.kill()
    service.start(wait_ready=False)
    customers.nothing_free()
    assert customers.get("/weather/x", customers.hour) in (200, 503)
    lines = service.log_file.read_text().count("\n")
    time.sleep(3)
    assert service.log_file.read_text().count("\n") - lines < 30, "a full disk is not to be filled with a log"
    small_disk.free()
    wait_for(service.ready, "the service to be well", 20)
    wait_for_log(service, "the store can be written again")
    wait_for(lambda: unseen.payment_hash.hex() in settled_on_disk(house, small_disk.folder), "the settlement", 20)
    customers.nothing_lost()
    assert customers.get("/weather/x", unseen) == 200
    customers.buys()


def test_a_disk_that_is_full_at_the_first_start(house, small_disk):
    small_disk.fill()
    file = house.folder / "first.toml"
    file.write_text(on_disk(house))
    for freed in (0, 1, 4096, 8192, 20_000):  # the lock, an empty file, a first page of it
        with open(small_disk.folder / "filler", "r+b") as filler:
            filler.truncate((small_disk.folder / "filler").stat().st_size // 4096 * 4096 - freed)
        done = subprocess.run([BINARY, "--config", str(file)], capture_output=True, text=True, timeout=20)
        assert done.returncode == 1 and "cannot open the store" in done.stderr, done.stderr
        assert re.search("No space left|disk is full|disk I/O error|unable to open", done.stderr), done.stderr
    small_disk.free()
    house.start(config=on_disk(house, services=services(house)))
    OnDisk(house).nothing_lost()


# -- the clock ------------------------------------------------------------------------------------------------------------

DAY = 24 * 3600


@pytest.fixture
def clock(house):
    clock = Clock(house.folder)
    house.gateway.clock = clock.time
    return clock


@pytest.mark.parametrize("jump", [DAY, -DAY], ids=["ahead", "back"])
def test_a_clock_that_jumps_a_day(house, clock, jump):
    service = house.start("[challenges]\n", services=services(house), env=clock.env())
    customers = Customers(house)
    over, limited = house.gateway.mint("weather"), house.paid("slow")
    house.gateway.settle(over, at=time.time() - 2 * 3600)
    charge, kept = buy_charge(house), buy_charge(house)
    service.expect_metric('l402_tokens_paid_total{resource="weather"}', 2)
    assert customers.get("/weather/x", over) == 402
    assert [customers.get("/slow/x", limited) for _ in range(4)] == [200, 200, 200, 429]
    shopper = service.client()
    handed_out = shopper.get("/weather/x").get("www-authenticate")
    assert shopper.get("/weather/x").get("www-authenticate") == handed_out
    assert service.get("/charge/x", charge.headers()).status == 200

    clock.set(jump)
    wait_for_log(service, f"the system's clock jumped by {jump} s")
    service.expect_metric("l402_clock_ahead_seconds", jump)
    customers.nothing_free()
    # Time that was bought neither ends nor comes back; what may be used once, or so often in an hour, is no new one.
    assert customers.get("/weather/x", customers.hour) == 200
    assert customers.get("/weather/x", over) == 402
    assert customers.get("/weather/x", customers.unheard) == 200
    assert customers.use().status == 200
    assert customers.get("/slow/x", limited) == 429
    assert service.get("/charge/y", charge.headers()).status == 402
    # What is bought now is good, by an invoice of now.
    bought = customers.buys()
    assert service.get("/charge/x", buy_charge(house).headers()).status == 200
    assert shopper.get("/weather/x").get("www-authenticate") != handed_out
    shopper.close()

    clock.set(0)
    wait_for_log(service, "the system's clock is back")
    customers.nothing_free()
    customers.nothing_lost()
    assert customers.get("/weather/x", bought) == 200
    assert customers.get("/weather/x", over) == 402
    assert service.get("/charge/y", charge.headers()).status == 402
    assert service.get("/charge/x", kept.headers()).status == 200
    customers.buys()
    # Nothing stands on disk with a time that never was; so a restart changes nothing.
    service.kill()
    database = sqlite3.connect(house.folder / "millrace.db")
    times = database.execute(
        "SELECT settled_at FROM settlements WHERE payment_hash != ? UNION SELECT first_used_at FROM first_uses", (over.payment_hash,)
    ).fetchall()
    database.close()
    assert all(abs(at - time.time()) < 120 for (at,) in times), times
    service.start(env=clock.env())
    customers.nothing_lost()
    assert customers.get("/weather/x", over) == 402


# -- SQLite ---------------------------------------------------------------------------------------------------------------


def test_a_store_that_another_process_locks(house):
    service = house.start(services=services(house))
    customers = Customers(house)
    page = service.get("/weather/x", NAVIGATION)
    again = {**NAVIGATION, "Cookie": cookie_of(page)}
    assert service.get("/weather/x", again).status == page.status == 402
    locker = Locker(house.folder / "millrace.db")
    try:
        began = time.monotonic()
        answers = []
        asking = [
            threading.Thread(target=lambda path=path, token=token: answers.append(service.get(path, token.headers())))
            for path, token in (("/uses/x", customers.uses), ("/weather/x", customers.unheard))
        ]
        for thread in asking:
            thread.start()
        # Nobody else waits for those who wait.
        assert customers.get("/weather/x", customers.hour) == 200
        unseen = house.paid()
        for thread in asking:
            thread.join(30)
        assert 3 < time.monotonic() - began < 15
        assert all(unavailable(answer, "recorded") for answer in answers) and len(answers) == 2
        assert "cannot write to the store: database is locked" in service.log_file.read_text()
        assert service.monitor("/readyz")[0] == 503
        customers.nothing_free()
        assert unavailable(service.get("/weather/x"), "recorded")
        # H26: nor is the invoice of a page shown again, which could be paid and not be handed over.
        shown = service.get("/weather/x", again)
        assert (shown.status, shown.all("www-authenticate")) == (503, [])
    finally:
        locker.release()
    wait_for(service.ready, "the service to be well")
    wait_for_log(service, "the store can be written again")
    wait_for(lambda: unseen.payment_hash.hex() in settled_on_disk(house), "the settlement")
    customers.nothing_lost()
    customers.buys()


def test_case_m17_what_a_locked_store_cannot_take_back_it_takes_back_later(house):
    """A charge whose request failed while nothing could be written; and what must be counted does not reach the upstream meanwhile."""
    service = house.start(services=services(house))
    uses = house.paid("uses")
    charge = buy_charge(house)
    locked = []

    def fail(*_):
        locked.append(Locker(house.folder / "millrace.db"))
        return response(b"", "500 Oops")

    house.upstream.routes["/charge/act"] = fail
    try:
        assert service.request("POST", "/charge/act", charge.headers(), b"x").status == 500
        wait_for_log(service, "could not be recorded yet")
        asked = len(house.upstream.requests)
        assert unavailable(service.request("POST", "/uses/x", uses.headers(), b"x"), "recorded")
        assert len(house.upstream.requests) == asked
    finally:
        locked[0].release()
    wait_for(service.ready, "the service to be well")
    del house.upstream.routes["/charge/act"]
    assert service.request("POST", "/charge/act", charge.headers(), b"x").status == 200
    assert service.request("POST", "/charge/act", charge.headers(), b"x").status == 402
    assert used(house, uses) == (0, 0, 0)


def test_a_lock_that_is_short_costs_nothing_but_time(house):
    service = house.start(services=services(house))
    customers = Customers(house)
    locker = Locker(house.folder / "millrace.db")
    release = threading.Timer(1, locker.release)
    release.start()
    assert customers.use().status == 200
    release.join()
    assert "cannot write" not in service.log_file.read_text()
    customers.nothing_lost()


def stopped(house):
    """A store with something in it, and nobody who has it open; the service that made it."""
    service = house.start(services=services(house))
    house.customers = Customers(house)
    service.stop()
    return service


def refused_to_start(house, service, *said):
    files = {path: path.read_bytes() for path in house.folder.glob("millrace.db*") if path.suffix != ".db-shm"}  # that is made anew
    done = subprocess.run([BINARY, "--config", str(service.config_file)], capture_output=True, text=True, timeout=30)
    assert done.returncode == 1, done.stderr
    for one in (*said, "damaged", "put a backup in its place", "sqlite3 "):
        assert one in done.stderr, done.stderr
    assert {path: path.read_bytes() for path in files} == files, "a damaged store is not to be touched"


def overwrite(file, at, size=64):
    data = bytearray(file.read_bytes())
    data[at : at + size] = b"\xa5" * size
    file.write_bytes(data)


@pytest.mark.parametrize("what", ["header", "schema", "page", "cut", "row"])
def test_a_store_that_is_damaged_before_the_start(house, what):
    service = stopped(house)
    store = house.folder / "millrace.db"
    good = store.read_bytes()
    if what == "header":
        overwrite(store, 0)
    elif what == "schema":
        overwrite(store, 100, 400)
    elif what == "page":
        overwrite(store, page_of(store, "token_usage"), 200)
    elif what == "cut":
        store.write_bytes(good[: len(good) // 2])
    else:
        with sqlite3.connect(store) as database:
            database.execute("PRAGMA ignore_check_constraints = ON")
            database.execute("UPDATE settlements SET payment_hash = x'00' WHERE rowid = (SELECT min(rowid) FROM settlements)")
        database.close()
    refused_to_start(house, service)
    store.write_bytes(good)  # the backup
    service.start()
    house.customers.nothing_free()
    house.customers.nothing_lost()


def page_of(store, table):
    database = sqlite3.connect(store)
    size = database.execute("PRAGMA page_size").fetchone()[0]
    page = database.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()[0]
    database.close()
    return (page - 1) * size


def killed(house):
    """As after a crash: the log beside the store holds what was committed last."""
    service = house.start(services=services(house))
    house.customers = Customers(house)
    service.kill()
    assert (house.folder / "millrace.db-wal").stat().st_size > 4096
    return service


@pytest.mark.parametrize("what", ["garbage", "missing"])
def test_the_index_of_the_log_is_made_anew(house, what):
    service = killed(house)
    index = house.folder / "millrace.db-shm"
    if what == "garbage":
        index.write_bytes(b"\xa5" * index.stat().st_size)
    else:
        index.unlink()
    service.start()
    house.customers.nothing_free()
    house.customers.nothing_lost()


def test_a_log_that_is_not_one_is_not_taken_for_an_empty_one(house):
    service = killed(house)
    log = house.folder / "millrace.db-wal"
    good = log.read_bytes()
    overwrite(log, 0)
    refused_to_start(house, service, "write-ahead log")
    log.write_bytes(good)
    service.start()
    house.customers.nothing_free()
    house.customers.nothing_lost()


@pytest.mark.parametrize("size", [0, 20, 32])
def test_a_log_that_was_never_written_is_an_empty_one(house, size):
    service = stopped(house)
    (house.folder / "millrace.db-wal").write_bytes(bytes(size))
    service.start()
    house.customers.nothing_free()
    house.customers.nothing_lost()


def test_a_store_that_is_damaged_while_it_is_open(house):
    service = house.start(services=services(house))
    customers = Customers(house)
    store = house.folder / "millrace.db"
    # Everything into the file; a backup; garbage; and a change by another program, so that the pages are read again.
    with sqlite3.connect(store, isolation_level=None) as database:
        wait_for(lambda: database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0, "a checkpoint")
        backup = store.read_bytes()
        page = page_of(store, "token_usage")
        with open(store, "r+b") as file:
            file.seek(page)
            file.write(b"\xa5" * 4096)
        database.execute(f"PRAGMA user_version = {database.execute('PRAGMA user_version').fetchone()[0]}")
    database.close()
    assert unavailable(customers.use(), "recorded")
    log = service.log_file.read_text()
    assert "database disk image is malformed" in log and "put a backup in its place" in log
    customers.nothing_free()
    assert customers.get("/weather/x", customers.hour) == 200
    service.stop()
    refused_to_start(house, service)
    for left_over in house.folder.glob("millrace.db*"):
        left_over.unlink()
    store.write_bytes(backup)
    service.start()
    customers.nothing_lost()


def spoil(kind, folder):
    """Something happens to the files under a running service; what puts it right again, or None."""
    store, aside = folder / "millrace.db", folder.parent / (folder.name + ".aside")
    if kind == "folder":
        os.rename(folder, aside)
        return lambda: os.rename(aside, folder)
    if kind in ("moved", "replaced"):
        kept = folder / "kept.db"
        os.rename(store, kept)
        if kind == "replaced":
            shutil.copy(kept, store)
        return lambda: os.replace(kept, store)
    if kind == "overwritten":
        other = folder / "other.db"
        with sqlite3.connect(other) as database:
            database.execute("CREATE TABLE t (a)")
        database.close()
        store.write_bytes(other.read_bytes())
        return None
    os.unlink(folder / f"millrace.db{kind}")
    return None


@pytest.mark.parametrize("kind", ["moved", "replaced", "folder", "overwritten", "-wal", "-shm", ".lock"])
def test_case_m16_a_store_whose_file_is_gone_is_noticed_and_nothing_is_sold(house, kind):
    place = house.folder / "store"
    place.mkdir()
    text = CONFIG.format(gateway=house.gateway.path, upstream=house.upstream.url, extra=UNLIMITED, services=services(house))
    service = house.start(config=text.replace('"millrace.db"', '"store/millrace.db"'))
    uses, hour = house.paid("uses"), house.paid()
    wait_for(lambda: service.get("/uses/x", uses.headers()).status == 200, "the token is good")
    assert service.get("/weather/x", hour.headers()).status == 200
    put_right = spoil(kind, place)
    began = time.monotonic()
    wait_for(lambda: service.monitor("/readyz")[0] == 503, "the service is not ready", 5)
    assert time.monotonic() - began < 3
    assert unavailable(service.get("/uses/x", uses.headers()), "recorded")
    assert service.get("/weather/other").status == 503  # no invoice is made out
    assert service.get("/weather/x", hour.headers()).status == 200  # what needs no record works on
    wait_for_log(service, "while it was in use")
    if put_right:
        put_right()
        wait_for(service.ready, "the service to be well")
        assert service.get("/uses/x", uses.headers()).get("x-l402-remaining-uses") == "3"


def test_case_m16_a_use_is_not_recorded_in_a_file_that_nobody_will_read(house):
    service = house.start(services=services(house))
    uses = house.paid("uses")
    wait_for(lambda: service.get("/uses/x", uses.headers()).status == 200, "the token is good")
    store = house.folder / "millrace.db"
    os.rename(store, house.folder / "aside.db")
    # At once: the next use looks, whether or not anybody has noticed meanwhile.
    assert unavailable(service.get("/uses/x", uses.headers()), "recorded")
    service.stop()
