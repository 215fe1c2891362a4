"""What a token grants is the least of what was minted, what was paid and what its holders appended: rows M1 to M4."""

import hashlib
import sqlite3
import subprocess
import time

from kit.payments import Challenge
from kit.pricer import Pricer
from kit.service import BINARY, wait_for
from test_quotas import left, usage
from test_terms import buy
from test_tiers import caveats, outcome, with_caveats

DEAR = 5_000_000
MUCH = 99_999_999_999

REALM = """
[[service]]
name = "a"
path = "/a/"
realm = "shop"
upstream = "{upstream}"
price_msat = 1000
[[service]]
name = "b"
path = "/b/"
realm = "shop"
upstream = "{upstream}"
price_msat = 3000
[[service.route]]
name = "dear"
path = "/b/dear/"
price_msat = 5000000
"""


def appended(token, *conditions):
    """The headers of a token of the gateway's, with caveats that its holder added."""
    return with_caveats(token.headers(), *conditions)


def refused(answer, reason):
    assert answer.status == 402, answer.body
    return answer.json()["reason"] == reason


def test_case_m1_no_caveat_makes_a_token_good_for_more_than_was_paid(house):
    house.start(services=REALM.format(upstream=house.upstream.url))
    service = house.service
    bought = buy(house, service.get("/a/x"))
    old = house.paid("shop")  # of before tokens said what was paid for them
    for headers in (bought, with_caveats(bought, f"shop_max_price_msat={MUCH}"), old.headers(), appended(old, f"shop_max_price_msat={MUCH}")):
        for _ in range(2):  # the second time out of the cache
            assert service.get("/a/x", headers).status == 200
            assert refused(service.get("/b/dear/x", headers), "underpaid")
            assert refused(service.get("/b/x", headers), "underpaid")
    # Its holder can pass on less.
    assert refused(service.get("/a/x", with_caveats(bought, "shop_max_price_msat=999")), "underpaid")
    dear = buy(house, service.get("/b/dear/x"))
    for path in ("/a/x", "/b/x", "/b/dear/x"):
        assert service.get(path, dear).status == 200
    assert refused(service.get("/b/dear/x", with_caveats(dear, "shop_max_price_msat=4999999")), "underpaid")


def test_case_m1_a_dearer_route_that_comes_with_a_reload_is_not_opened_by_a_caveat(house):
    one = '[[service]]\nname = "docs"\npath = "/docs/"\nupstream = "{url}"\nprice_msat = {price}\n'
    route = '[[service.route]]\nname = "dear"\npath = "/docs/dear/"\nprice_msat = 5000000\n'
    house.start(services=one.format(url=house.upstream.url, price=1000))
    service = house.service
    tokens = [buy(house, service.get("/docs/x")), house.paid("docs").headers()]
    assert caveats(tokens[0])[-2:] == [b"docs_max_price_msat=1000", b"services=docs:0"]
    tokens += [with_caveats(token, f"docs_max_price_msat={MUCH}") for token in tokens]
    service.reload(house.config(services=one.format(url=house.upstream.url, price=1000) + route))
    for headers in tokens:
        assert service.get("/docs/x", headers).status == 200
        assert refused(service.get("/docs/dear/x", headers), "underpaid")
    # What had one price is good for that, though it rises; no caveat makes more of it.
    service.reload(house.config(services=one.format(url=house.upstream.url, price=2000) + route))
    for headers in tokens:
        assert service.get("/docs/x", headers).status == 200
        assert refused(service.get("/docs/dear/x", headers), "underpaid")
    # What was sold where prices differ is good for what was paid.
    sold = buy(house, service.get("/docs/x"))
    service.reload(house.config(services=one.format(url=house.upstream.url, price=2001) + route))
    assert refused(service.get("/docs/x", sold), "underpaid")
    assert service.get("/docs/x", tokens[0]).status == 200


def test_case_m1_a_pricers_price_is_held_against_what_was_paid_as_one_of_the_rules_is(house):
    pricer = Pricer()
    try:
        pricer.price = lambda question: 7_000_000 if "dear" in question["path"] else 900
        plain = '[[service]]\nname = "docs"\npath = "/docs/"\nupstream = "{url}"\nprice_msat = 1000\n'.format(url=house.upstream.url)
        house.start(services=plain)
        tokens = [house.paid("docs").headers(), buy(house, house.service.get("/docs/x"))]
        house.service.reload(house.config(services=plain + f'pricer = {{ url = "{pricer.url}" }}\n'))
        tokens.append(buy(house, house.service.get("/docs/x")))
        for headers in tokens + [with_caveats(one, f"docs_max_price_msat={MUCH}") for one in tokens]:
            for _ in range(2):
                assert refused(house.service.get("/docs/dear", headers), "underpaid")
                assert house.service.get("/docs/x", headers).status == 200
        # While there is no price, what stands on it cannot be decided.
        pricer.answer = lambda *_: b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"
        assert house.service.get("/docs/unheard-of", tokens[0]).status == 503
    finally:
        pricer.close()


def test_case_m2_no_caveat_makes_a_balance_of_what_was_not_paid(house):
    pool = '[[service]]\nname = "pool"\npath = "/pool/"\nupstream = "{url}"\nprice_msat = 100\n'.format(url=house.upstream.url)
    house.start(services=pool)
    service = house.service
    bought = buy(house, service.get("/pool/x"))
    kept = [house.paid("pool") for _ in range(3)]
    unheard = house.paid("pool", settled=False)
    service.reload(house.config(services=pool + "credit_msat = 9000000\n"))
    for headers, balance in (
        (bought, 100),
        (appended(kept[0]), 1000),  # what was paid
        (appended(kept[1], "pool_credit_msat=5000000"), 1000),
        (appended(kept[2], "pool_credit_msat=300"), 300),
        (appended(unheard, "pool_credit_msat=5000000"), 100),  # not known: one request
    ):
        assert left(service.get("/pool/x", headers), "msat") == balance - 100
    assert refused(service.get("/pool/x", with_caveats(bought, "pool_credit_msat=5000000")), "balance_too_low")
    # More is known of it since.
    house.gateway.settle(unheard, amount_msat=700)
    wait_for(lambda: service.get("/pool/x", appended(unheard, "pool_credit_msat=5000000")).status == 200, "the settlement is heard of")
    assert left(service.get("/pool/x", unheard.headers()), "msat") == 700 - 300
    # A balance that was sold is what it was sold as.
    sold = buy(house, service.get("/pool/x"))
    assert caveats(sold)[0] == b"pool_credit_msat=9000000"
    assert left(service.get("/pool/x", with_caveats(sold, f"pool_credit_msat={MUCH}")), "msat") == 9_000_000 - 100
    assert refused(service.get("/pool/x", with_caveats(sold, "pool_credit_msat=150")), "balance_too_low")


TIERS = """
[[service]]
name = "docs"
path = "/docs/"
upstream = "{upstream}"
price_msat = 1000
[[service.tier]]
name = "one"
tier = 1
uses = 1
timeout = "1h"
capabilities = ["read"]
[[service.tier]]
name = "two"
tier = 2
price_msat = 2000
uses = 2
capabilities = ["admin"]
[[service.tier]]
name = "three"
tier = 3
price_msat = 3000
uses = 30
capabilities = ["read", "write"]
[[service.route]]
name = "read"
path = "/docs/read/"
capability = "read"
[[service.route]]
name = "admin"
path = "/docs/admin/"
capability = "admin"
[[service.route]]
name = "high"
path = "/docs/high/"
min_tier = 2
"""


def test_case_m3_a_token_has_the_terms_of_the_tier_that_was_minted(house):
    house.start(services=TIERS.format(upstream=house.upstream.url))
    service = house.service
    for condition in ("services=docs:0", "services=docs", "services=docs:nonsense", "services=docs:", "services=docs:-1", "services=docs:256"):
        one = buy(house, service.get("/docs/x", {"X-L402-Tier": "one"}))
        assert service.get("/docs/x", with_caveats(one, condition)).status == 402, condition
        assert left(service.get("/docs/x", one), "uses") == 0
        assert refused(service.get("/docs/x", one), "quota_exhausted")
        assert service.get("/docs/x", with_caveats(one, condition)).status == 402, condition
    # A lower number that is sold lowers what is opened, and nothing else.
    three = buy(house, service.get("/docs/x", {"X-L402-Tier": "three"}))
    lower = with_caveats(three, "services=docs:1")
    assert [outcome(house, path, three) for path in ("/docs/read/x", "/docs/admin/x", "/docs/high/x")] == [200, "missing_capability", 200]
    assert [outcome(house, path, lower) for path in ("/docs/read/x", "/docs/admin/x", "/docs/high/x")] == [200, "missing_capability", "tier_too_low"]
    assert left(service.get("/docs/x", lower), "uses") == 26
    assert house.upstream.last.get("x-l402-tier") == "one"
    # Not what that tier has beside it, nor what one on the way lacks.
    for conditions in (("services=docs:2",), ("services=docs:2", "services=docs:1")):
        between = with_caveats(three, *conditions)
        assert outcome(house, "/docs/admin/x", between) == outcome(house, "/docs/read/x", between) == "missing_capability"
    assert refused(service.get("/docs/x", with_caveats(three, "services=docs:1", "services=docs:2")), "widened")


def test_case_m3_a_tier_that_is_sold_no_more_has_the_services_own_terms(house):
    sold = TIERS.format(upstream=house.upstream.url)
    house.start(services=sold)
    service = house.service
    two = buy(house, service.get("/docs/x", {"X-L402-Tier": "two"}))
    bare = house.paid("docs")  # of before there were tiers: of 0, which is not sold
    without = sold.replace('name = "two"\ntier = 2', 'name = "two"\ntier = 4').replace("price_msat = 1000\n", "price_msat = 1000\nuses = 4\n", 1)
    service.reload(house.config(services=without))
    assert [left(service.get("/docs/x", two), "uses") for _ in range(2)] == [3, 2]
    assert outcome(house, "/docs/high/x", two) == 200 and outcome(house, "/docs/admin/x", two) == "missing_capability"
    assert left(service.get("/docs/x", bare.headers()), "uses") == 3
    assert service.get("/docs/x", appended(bare, "services=docs:0")).status == 200
    assert refused(service.get("/docs/x", with_caveats(two, "services=docs:0")), "tier_too_low")


def test_case_m3_check_config_warns_of_tiers_without_terms_of_the_services_own(house):
    file = house.folder / "checked.toml"
    (house.folder / "millrace.db").touch()

    def check(services):
        file.write_text(house.config(services=services))
        done = subprocess.run([BINARY, "--config", str(file), "--check-config"], capture_output=True, text=True, timeout=20)
        assert done.returncode == 0 and "good" in done.stdout, done.stderr
        return done.stderr

    tiers = TIERS.format(upstream=house.upstream.url)
    warned = check(tiers)
    assert "docs" in warned and "tier" in warned, warned
    assert "tier" not in check(tiers.replace("price_msat = 1000\n", 'price_msat = 1000\ntimeout = "1d"\n', 1))
    assert "tier" not in check("")


DAY = 86400


def ago(house, token, days):
    """The store remembers that the token was settled, or first used, so many days ago."""
    for table, column in (("settlements", "settled_at"), ("first_uses", "first_used_at")):
        database = sqlite3.connect(house.folder / "millrace.db")
        database.execute(f"UPDATE {table} SET {column} = ? WHERE payment_hash = ?", (int(time.time()) - days * DAY, token.payment_hash))
        database.commit()
        database.close()


def pruned(house):
    """Waits until old usages were looked at: one of a service's that ended long ago is gone."""
    wait_for(lambda: house.mark.payment_hash not in usage(house), "old usages go")


def again(house, services):
    house.service.stop()
    house.service.config_file.write_text(house.config(services=services))
    house.mark = house.gateway.mint("mark")
    database = sqlite3.connect(house.folder / "millrace.db")
    database.execute("INSERT INTO token_usage VALUES (?, 'mark', 1, 0, 0)", (house.mark.payment_hash,))
    database.execute("INSERT INTO first_uses (payment_hash, service, first_used_at) VALUES (?, 'mark', 1)", (house.mark.payment_hash,))
    database.commit()
    database.close()
    house.service.start()
    pruned(house)


MARK = '[[service]]\nname = "mark"\npath = "/mark/"\nupstream = "{url}"\nprice_msat = 1\ntimeout = "1h"\n'
YEAR = """[[service]]
name = "year"
path = "/year/"
upstream = "{url}"
price_msat = 1000
timeout = "{own}"
"""
GOLD = '[[service.tier]]\nname = "gold"\ntier = 3\ntimeout = "365d"\nuses = 3\n'
COUNTED = "uses = 3\n"


def test_case_m4_no_pruning_gives_a_use_back_to_a_token_of_a_tier_that_lasts(house):
    services = (MARK + YEAR + GOLD).format(url=house.upstream.url, own="1h")
    house.start(services=services)
    headers = buy(house, house.service.get("/year/x"))
    token = house.gateway.issued[hashlib.sha256(bytes.fromhex(headers["Authorization"].split(":")[1])).hexdigest()]
    assert [left(house.service.get("/year/x", headers), "uses") for _ in range(3)] == [2, 1, 0]
    ago(house, token, 40)
    for _ in range(2):
        again(house, services)
        assert refused(house.service.get("/year/x", headers), "quota_exhausted")
        assert usage(house)[token.payment_hash] == (3, 0, 0)


def test_case_m4_a_reload_that_shortens_the_time_forgets_nothing_and_one_that_lengthens_it_revives_nothing(house):
    config = lambda own: (MARK + YEAR + COUNTED).format(url=house.upstream.url, own=own)
    house.start(services=config("365d"))
    kept, ended = house.paid("year"), house.paid("year")
    for token in (kept, ended):
        assert [left(house.service.get("/year/x", token.headers()), "uses") for _ in range(3)] == [2, 1, 0]
    ago(house, kept, 40)
    ago(house, ended, 2 * 365 + 31)
    again(house, config("1h"))
    assert kept.payment_hash in usage(house) and ended.payment_hash not in usage(house)
    for token in (kept, ended):
        assert refused(house.service.get("/year/x", token.headers()), "expired")
    again(house, config("365d"))
    assert refused(house.service.get("/year/x", kept.headers()), "quota_exhausted")
    # What was forgotten has ended for good.
    again(house, config("3650d"))
    assert refused(house.service.get("/year/x", kept.headers()), "quota_exhausted")
    assert refused(house.service.get("/year/x", ended.headers()), "expired")


def test_case_m4_a_payment_that_was_used_as_a_charge_never_becomes_a_token(house):
    services = (MARK + YEAR).format(url=house.upstream.url, own="365d") + 'schemes = ["l402", "payment"]\n'
    house.start(services=services)
    answer = house.service.get("/year/x")
    challenge = Challenge.of_answer(answer)
    token = house.gateway.issued[challenge.payment_hash]
    as_token = buy(house, answer)
    assert house.service.get("/year/x", challenge.headers(token.preimage)).status == 200
    assert refused(house.service.get("/year/x", as_token), "spent")
    house.service.stop()
    database = sqlite3.connect(house.folder / "millrace.db")
    database.execute("UPDATE consumed_charges SET replay_until = 1, expires_at = 1")
    database.commit()
    database.close()
    house.service.start()
    later = Challenge.of_answer(house.service.get("/year/y"))  # the use of another one removed what was old
    house.gateway.settle(house.gateway.issued[later.payment_hash])
    assert house.service.get("/year/y", later.headers(house.gateway.issued[later.payment_hash].preimage)).status == 200
    house.service.kill()
    house.service.start()
    assert refused(house.service.get("/year/x", as_token), "spent")
