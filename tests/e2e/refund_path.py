"""Refunds of deposits: what the gateway's clients may make the node pay, and what they may not. Run on simulated nodes by
tests/e2e and on real ones by tests/node."""

import json
import time

import pytest
from harness.gateway import Gateway
from harness.network import FEE_BASE_MSAT, PLUGINS, WEATHER, hex64, now, program
from harness.rpc import Background, RpcError, wait_for
from harness.secrets import InvoiceKeys

DAILY = {"seller": {"millrace-refund-daily-msat": 1_000_000, "millrace-refund-max-fee-msat": 100}}
HOLD_AT_PAYER = {"plugins": {"payer": [str(PLUGINS / "hold-before")]}}
OFF, NOT_A_DEPOSIT, NOT_SETTLED, TOO_MUCH = "off", "not-a-deposit", "not-settled", "too-much"
MAINNET = (
    "lnbc1pvjluezsp5zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygspp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdpl2pkx2"
    "ctnv5sxxmmwwd5kgetjypeh2ursdae8g6twvus8g6rfwvs8qun0dfjkxaq9qrsgq357wnc5r2ueh7ck6q93dj32dlqnls087fxdwk8qakdyafkq3yap9us6v52vjjsrvywa6"
    "rt52cm9r9zqt8r2t7mlcwspyetp5h2tztugp9lfyql"
)
ALREADY, LIMIT, BAD_INVOICE = "already-refunded", "daily-limit", "bad-invoice"


@pytest.fixture
def shop(make_network):
    """A network whose seller refunds, with what the tests do to it."""

    def make(**more):
        return Shop(make_network(**{"options": DAILY, **more}))

    return make


class Shop:
    def __init__(self, network):
        self.network, self.payer, self.seller = network, network.payer, network.seller
        self.invoices = 0
        network.let_payer_be_paid()
        network.wait_payable()

    def ask(self, method, params):
        with Gateway(self.seller.gateway) as gateway:
            gateway.hello()
            return gateway.call(method, params)

    def deposit(self, amount_msat=20_000, pay=True):
        """The hash of a deposit, paid."""
        answer = self.ask("issue", {"amount_msat": amount_msat, **WEATHER, "deposit": True})["result"]
        assert answer["deposit"] is True
        assert "token" not in answer and "www_authenticate" not in answer
        if pay:
            self.payer.pay(answer["bolt11"])
        return answer["payment_hash"]

    def invoice(self, amount_msat="any", node=None, **more):
        """An invoice of the payer, who gets the refund."""
        self.invoices += 1
        return (node or self.payer).rpc("invoice", {"amount_msat": amount_msat, "label": f"refund {self.invoices}", "description": "refund", **more})

    def refund(self, deposits, amount_msat, invoice):
        """The answer: a result, or the word that says why it is refused."""
        deposits = deposits if isinstance(deposits, list) else [deposits]
        answer = self.ask("refund", {"deposits": deposits, "amount_msat": amount_msat, "invoice": invoice["bolt11"]})
        if "result" in answer:
            return answer["result"]
        assert answer["error"]["code"] == 4026, answer
        word, detail = answer["error"]["message"].split(": ", 1)
        assert detail
        return word

    def refund_until(self, state, *asked, timeout=60):
        """Asks again as the service does."""
        last = []

        def there():
            last[:] = [self.refund(*asked)]
            return last[0] if isinstance(last[0], dict) and last[0]["state"] == state else None

        return wait_for(there, lambda: f"a refund to be {state}: {last}", timeout=timeout)

    def listed(self):
        return self.seller.rpc("millrace-refunds")["refunds"]

    def status(self):
        return self.seller.rpc("millrace-status")["refunds"]

    def paid(self, invoice):
        """What the payer received by an invoice."""
        rows = self.payer.rpc("listinvoices", {"payment_hash": invoice["payment_hash"]})["invoices"]
        return rows[0].get("amount_received_msat", 0) if rows[0]["status"] == "paid" else 0

    def sent(self, invoice):
        """The parts that the seller sent for an invoice and that arrived."""
        return [part for part in self.seller.payments(invoice["payment_hash"]) if part["status"] == "complete"]


# -- paying ---------------------------------------------------------------------------------------------------------------


def test_the_unspent_part_of_a_deposit_is_paid_back(shop):
    shop = shop()
    deposit, invoice = shop.deposit(20_000), shop.invoice()
    answer = shop.refund_until("complete", deposit, 6_000, invoice)
    assert answer == {"state": "complete", "amount_msat": 6_000, "fee_msat": FEE_BASE_MSAT}
    assert shop.paid(invoice) == 6_000

    row = shop.seller.invoice(deposit)
    assert row["label"] == "millrace-deposit-" + deposit
    (settlement,) = shop.seller.settlements()
    assert settlement["deposit"] is True
    assert settlement["payment_hash"] == deposit

    (listed,) = shop.listed()
    assert listed["deposits"] == [deposit] and listed["payments"] == [invoice["payment_hash"]]
    assert listed["state"] == "complete" and listed["amount_msat"] == listed["asked_msat"] == 6_000
    assert listed["fee_msat"] == FEE_BASE_MSAT <= listed["max_fee_msat"] == 100
    assert abs(listed["changed_at"] - now()) < 60
    assert shop.status() == {"daily_limit_msat": 1_000_000, "used_msat": 6_000 + FEE_BASE_MSAT, "pending": 0, "complete": 1, "failed": 0}
    log = [line for line in shop.seller.log().splitlines() if "plugin-millrace" in line]
    assert any("refund 1 of 6000msat" in line for line in log)
    assert not any(invoice["bolt11"] in line for line in log)


def test_asking_twice_pays_once(shop):
    shop = shop()
    deposit, invoice = shop.deposit(), shop.invoice()
    first = shop.refund_until("complete", deposit, 6_000, invoice)
    assert shop.refund(deposit, 6_000, invoice) == first
    # Another amount, another invoice, and another set with the same deposit in it.
    assert shop.refund(deposit, 5_000, invoice) == ALREADY
    assert shop.refund(deposit, 6_000, shop.invoice()) == ALREADY
    assert shop.refund([deposit, shop.deposit()], 6_000, shop.invoice()) == ALREADY
    assert len(shop.sent(invoice)) == 1
    assert len(shop.listed()) == 1


def test_asking_many_times_at_once_pays_once(shop):
    shop = shop()
    deposit, invoices = shop.deposit(), [shop.invoice() for _ in range(4)]
    asked = [Background(shop.refund, deposit, 6_000, invoices[i % 4]) for i in range(16)]
    answers = [one.result(60) for one in asked]
    assert all(answer == ALREADY or answer["state"] in ("complete", "pending") for answer in answers)
    wait_for(lambda: shop.status()["pending"] == 0, "the refund's end")
    assert sorted(shop.paid(invoice) for invoice in invoices) == [0, 0, 0, 6_000]
    assert shop.status()["used_msat"] == 6_000 + FEE_BASE_MSAT


def test_several_deposits_are_refunded_together(shop):
    shop = shop()
    deposits, invoice = [shop.deposit(4_000) for _ in range(3)], shop.invoice(12_000)
    assert shop.refund_until("complete", deposits, 12_000, invoice)["amount_msat"] == 12_000
    assert shop.paid(invoice) == 12_000
    # The order in which they are named does not matter.
    assert shop.refund(deposits[::-1], 12_000, invoice)["state"] == "complete"
    for deposit in deposits:
        assert shop.refund(deposit, 1_000, shop.invoice()) == ALREADY


def test_an_invoice_may_ask_for_whole_satoshi(shop):
    shop = shop()
    deposit, invoice = shop.deposit(), shop.invoice(6_000)
    assert shop.refund(deposit, 5_999, invoice) == BAD_INVOICE
    assert shop.refund(deposit, 7_001, invoice) == BAD_INVOICE
    assert shop.refund_until("complete", deposit, 6_789, invoice)["amount_msat"] == 6_000
    assert shop.paid(invoice) == 6_000


# -- refusals -------------------------------------------------------------------------------------------------------------


def test_no_refund_unless_the_operator_allows_it(shop):
    shop = shop(options={})
    assert shop.refund(shop.deposit(), 1_000, shop.invoice()) == OFF
    assert shop.listed() == []
    assert shop.seller.rpc("listsendpays")["payments"] == []


def test_what_is_no_settled_deposit_is_not_refunded(shop):
    shop = shop()
    sale = shop.seller.challenge(20_000)
    shop.payer.pay(sale["bolt11"])
    assert shop.refund(sale["payment_hash"], 1_000, shop.invoice()) == NOT_A_DEPOSIT
    own = shop.seller.rpc("invoice", {"amount_msat": 20_000, "label": "own", "description": "own"})
    shop.payer.pay(own["bolt11"])
    assert shop.refund(own["payment_hash"], 1_000, shop.invoice()) == NOT_A_DEPOSIT
    # Whoever has the node's commands can give any invoice our label, and yet makes no deposit of it.
    preimage = "11" * 32
    fake = shop.seller.rpc("invoice", {"amount_msat": 20_000, "label": "x", "description": "x", "preimage": preimage})["payment_hash"]
    shop.seller.rpc("delinvoice", {"label": "x", "status": "unpaid"})
    row = shop.seller.rpc("invoice", {"amount_msat": 20_000, "label": "millrace-deposit-" + fake, "description": "x", "preimage": preimage})
    shop.payer.pay(row["bolt11"])
    assert shop.refund(fake, 1_000, shop.invoice()) == NOT_A_DEPOSIT
    assert shop.refund("00" * 32, 1_000, shop.invoice()) == NOT_SETTLED
    assert shop.refund(shop.deposit(pay=False), 1_000, shop.invoice()) == NOT_SETTLED
    good = shop.deposit()
    assert shop.refund([good, sale["payment_hash"]], 1_000, shop.invoice()) == NOT_A_DEPOSIT
    # None of that has used the good one up.
    shop.refund_until("complete", good, 20_000, shop.invoice())


def test_a_deposit_buys_no_token(shop):
    shop = shop()
    deposit, sale = shop.deposit(), shop.seller.challenge(1_000)
    preimage = shop.seller.invoice(deposit)["payment_preimage"]
    verdict = shop.seller.verify(sale, preimage)
    assert not verdict["valid"] and verdict["reason"] == "bad_preimage"
    # Nor does its payment secret pass for a sale's.
    keys = InvoiceKeys(shop.seller.rpc)
    secret = bytes.fromhex(shop.payer.rpc("decode", {"string": shop.seller.invoice(deposit)["bolt11"]})["payment_secret"])
    assert keys.preimage(secret).hex() != preimage


def test_no_more_than_the_deposits_received_is_refunded(shop):
    shop = shop()
    deposit = shop.deposit(20_000)
    assert shop.refund(deposit, 20_001, shop.invoice()) == TOO_MUCH
    assert shop.refund_until("complete", deposit, 20_000, shop.invoice())["amount_msat"] == 20_000


def test_the_limit_counts_fees_and_what_is_pending(shop):
    shop = shop(options={"seller": {"millrace-refund-daily-msat": 15_000, "millrace-refund-max-fee-msat": 100}})
    first, second = shop.deposit(), shop.deposit()
    # With the fee that it may cost this one is over.
    assert shop.refund(first, 14_950, shop.invoice()) == LIMIT
    shop.refund_until("complete", first, 10_000, shop.invoice())
    assert shop.status()["used_msat"] == 10_000 + FEE_BASE_MSAT
    assert shop.refund(second, 5_000, shop.invoice()) == LIMIT
    shop.refund_until("complete", second, 4_899, shop.invoice())
    # The node's own records say so after a restart, too.
    before = shop.status()
    shop.seller.stop_plugin()
    shop.seller.start_plugin()
    wait_for(lambda: shop.status() == before, "the limit to be read again")
    assert shop.refund(shop.deposit(), 1_000, shop.invoice()) == LIMIT


def test_an_invoice_that_is_not_to_be_paid_is_refused(shop):
    shop = shop()
    deposit = shop.deposit()
    assert shop.refund(deposit, 1_000, shop.invoice(node=shop.seller)) == BAD_INVOICE
    # BOLT 11's own first example: of the bitcoin network, and with a good signature.
    other_network = {"bolt11": MAINNET}
    assert shop.refund(deposit, 1_000, other_network) == BAD_INVOICE
    good = shop.invoice()["bolt11"]
    for text in ("x", good[:-1], good[:-8] + ("q" if good[-8] != "q" else "p") + good[-7:], "lightning"):
        assert shop.refund(deposit, 1_000, {"bolt11": text}) == BAD_INVOICE
    stale = shop.invoice(expiry=1)
    time.sleep(2.1)
    assert shop.refund(deposit, 1_000, stale) == BAD_INVOICE
    # One that the node has paid before.
    bill = shop.invoice(1_000)
    shop.seller.pay(bill["bolt11"])
    assert shop.refund(deposit, 1_000, bill) == BAD_INVOICE
    # One that belongs to the refund of another deposit.
    shared = shop.invoice()
    shop.refund_until("complete", deposit, 1_000, shared)
    assert shop.refund(shop.deposit(), 1_000, shared) == BAD_INVOICE
    assert len(shop.listed()) == 1


def test_a_malformed_request_is_refused_by_the_name_of_what_is_wrong(shop):
    shop = shop()
    good = {"deposits": ["00" * 32], "amount_msat": 1, "invoice": "x"}
    for wrong, name in (
        ({"deposits": []}, "deposits"),
        ({"deposits": ["00" * 32, "00" * 32]}, "deposits"),
        ({"deposits": ["1"]}, "deposits"),
        ({"amount_msat": 0}, "amount_msat"),
        ({"invoice": ""}, "invoice"),
        ({"maxfee": 1}, "maxfee"),
    ):
        error = shop.ask("refund", {**good, **wrong})["error"]
        assert error["code"] == -32602 and name in error["message"], (wrong, error)
    for params in ({"limit": 0}, {"start": -1}, {"colour": 1}):
        with pytest.raises(RpcError) as refused:
            shop.seller.rpc("millrace-refunds", params)
        assert refused.value.code == -32602
    assert shop.seller.rpc("check", {"command_to_check": "millrace-refunds", "limit": 5})["command_to_check"] == "millrace-refunds"


# -- what goes wrong ------------------------------------------------------------------------------------------------------


def test_a_recipient_who_is_offline_gets_it_later(shop):
    shop = shop()
    deposit, invoice = shop.deposit(), shop.invoice()
    shop.payer.crash()
    wait_for(lambda: not all(c["peer_connected"] for c in shop.network.router.rpc("listpeerchannels")["channels"]), "the payer to be gone")
    answer = shop.refund_until("failed", deposit, 6_000, invoice, timeout=120)
    assert answer["reason"] and "fee_msat" not in answer
    assert shop.status()["used_msat"] == 0
    shop.payer.start()
    shop.network.reconnect()
    shop.seller.forget_failures()
    # Asking again tries again.
    assert shop.refund_until("complete", deposit, 6_000, invoice, timeout=120)["amount_msat"] == 6_000
    assert shop.paid(invoice) == 6_000
    (listed,) = shop.listed()
    assert listed["payments"] == [invoice["payment_hash"]]


def test_a_failed_refund_may_go_to_another_invoice(shop):
    shop = shop(options={"seller": {"millrace-refund-daily-msat": 1_000_000, "millrace-refund-max-fee-msat": 0, "millrace-refund-max-fee-ppm": 0}})
    deposit, invoice = shop.deposit(), shop.invoice()
    # No fee is allowed, and the router asks for one.
    assert shop.refund_until("failed", deposit, 6_000, invoice, timeout=120)["reason"]
    direct = shop.invoice(node=shop.network.router)
    assert shop.refund_until("complete", deposit, 5_000, direct)["fee_msat"] == 0
    (listed,) = shop.listed()
    assert listed["payments"] == [invoice["payment_hash"], direct["payment_hash"]]
    assert shop.paid(invoice) == 0


@pytest.mark.parametrize("killed", ["plugin", "lightningd"])
def test_a_payment_under_way_survives_a_kill(shop, killed):
    shop = shop(**HOLD_AT_PAYER)
    deposit, invoice = shop.deposit(), shop.invoice()
    shop.payer.hold("hold-before")
    asked = Background(shop.refund, deposit, 6_000, invoice)
    shop.payer.wait_held("hold-before")
    assert asked.result(60)["state"] == "pending"  # it is not held up for long
    if killed == "plugin":
        shop.seller.kill_plugin()
        shop.seller.start_plugin()
    else:
        shop.seller.crash()
        shop.seller.start()
        shop.seller.wait_for_plugin()
        shop.network.reconnect()
    assert shop.refund(deposit, 6_000, invoice)["state"] == "pending"
    assert shop.refund(deposit, 6_000, shop.invoice()) == ALREADY
    assert shop.status()["used_msat"] == 6_000 + 100
    shop.payer.release("hold-before")
    answer = shop.refund_until("complete", deposit, 6_000, invoice, timeout=120)
    assert answer["fee_msat"] == FEE_BASE_MSAT
    assert shop.paid(invoice) == 6_000
    assert len(shop.sent(invoice)) == 1
    assert len(shop.seller.payments(invoice["payment_hash"])) == 1


def promised(shop, deposit, invoice, started_at, index=1):
    """Leaves what the plugin leaves when it is killed after it has stored a refund, before xpay."""
    record = {
        "version": 1, "deposits": [deposit], "asked_msat": 6_000, "amount_msat": 6_000, "max_fee_msat": 100,
        "payments": [invoice["payment_hash"]], "state": "pending", "started_at": started_at, "changed_at": started_at,
    }
    shop.seller.rpc("datastore", {"key": ["millrace", "refunds", f"{index:010}"], "string": json.dumps(record), "mode": "must-create"})


def test_a_refund_that_was_stored_and_not_sent_is_sent_when_it_is_asked_for_again(shop):
    shop = shop()
    deposit, invoice = shop.deposit(), shop.invoice()
    shop.seller.kill_plugin()
    promised(shop, deposit, invoice, now() - 300)
    shop.seller.start_plugin()
    # xpay's time is over and nothing was sent: by itself nothing is sent, either.
    wait_for(lambda: shop.status()["failed"] == 1, "the interrupted refund to be given up")
    assert shop.seller.payments(invoice["payment_hash"]) == []
    assert shop.refund_until("complete", deposit, 6_000, invoice)["fee_msat"] == FEE_BASE_MSAT
    assert shop.paid(invoice) == 6_000


def test_a_refund_that_xpay_may_still_send_is_not_given_up_before_lightningd_was_restarted(shop):
    shop = shop()
    deposit, invoice = shop.deposit(), shop.invoice()
    shop.seller.kill_plugin()
    promised(shop, deposit, invoice, now())
    shop.seller.start_plugin()
    wait_for(lambda: shop.status()["pending"] == 1, "the interrupted refund to be read")
    time.sleep(2)
    assert shop.refund(deposit, 6_000, invoice)["state"] == "pending"
    assert shop.refund(deposit, 6_000, shop.invoice()) == ALREADY
    # With lightningd its xpay has ended.
    shop.seller.crash()
    shop.seller.start()
    shop.seller.wait_for_plugin()
    shop.network.reconnect()
    wait_for(lambda: shop.status()["failed"] == 1, "the interrupted refund to be given up")
    other = shop.invoice()
    assert shop.refund_until("complete", deposit, 6_000, other)["amount_msat"] == 6_000
    assert shop.paid(invoice) == 0 and shop.paid(other) == 6_000


def test_a_refund_that_arrived_after_it_was_given_up_is_not_paid_again(shop):
    shop = shop()
    deposit, invoice = shop.deposit(), shop.invoice()
    shop.seller.kill_plugin()
    promised(shop, deposit, invoice, now() - 300)
    shop.seller.start_plugin()
    wait_for(lambda: shop.status()["failed"] == 1, "the interrupted refund to be given up")
    shop.seller.pay(invoice["bolt11"], amount_msat=6_000)  # by hand
    other = shop.invoice()
    assert shop.refund(deposit, 6_000, other) == ALREADY
    wait_for(lambda: shop.status()["complete"] == 1, "the refund to be found paid")
    assert shop.refund(deposit, 6_000, invoice)["fee_msat"] == FEE_BASE_MSAT
    assert shop.paid(other) == 0


def test_a_record_that_cannot_be_read_stops_refunds_and_nothing_else(shop):
    shop = shop()
    deposit = shop.deposit()
    shop.seller.stop_plugin()
    shop.seller.rpc("datastore", {"key": ["millrace", "refunds", "0000000001"], "string": "{}", "mode": "must-create"})
    shop.seller.start_plugin()
    answer = Background(shop.ask, "refund", {"deposits": [deposit], "amount_msat": 1_000, "invoice": shop.invoice()["bolt11"]})
    sold = shop.seller.challenge(1_000)
    assert hex64(shop.payer.pay(sold["bolt11"])["payment_preimage"])
    assert answer.result(60)["error"]["code"] == 4024
    assert "refund 0000000001" in shop.seller.log()


def test_refunds_are_listed_by_index(shop):
    shop = shop()
    for number in range(1, 4):
        shop.refund_until("complete", shop.deposit(), 1_000 * number, shop.invoice())
    pages = [shop.seller.rpc("millrace-refunds", {"start": start, "limit": 2})["refunds"] for start in (0, 3, 4)]
    assert [[(row["index"], row["amount_msat"]) for row in page] for page in pages] == [[(1, 1_000), (2, 2_000)], [(3, 3_000)], []]
