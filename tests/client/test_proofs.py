"""What was paid for is not lost and not paid for twice, and the response goes where it should."""

import os
import subprocess
import threading

import pytest
from stand import CREDENTIAL_REFUSED, OK, OUTPUT_FAILED, STORE_FAILED, UPSTREAM_ERROR, answer, head

SOLD = {"L402": lambda stand: [stand.offer().l402], "Payment": lambda stand: [stand.offer().charge]}
each_scheme = pytest.mark.parametrize("scheme", SOLD)


@each_scheme
def test_case_c3_a_paid_credential_that_is_refused_is_kept_and_paid_for_again_only_with_again(stand, scheme):
    stand.sell(lambda: SOLD[scheme](stand), takes=lambda *_: False)
    for _ in range(3):
        assert stand.get() == CREDENTIAL_REFUSED, stand.said()
        assert "--again" in stand.said()
        assert len(stand.paid) == 1
    # Its proof is on the disk: macaroon or challenge, and preimage.
    ((macaroon, charge, preimage),) = stand.stored("select macaroon, charge, hex(preimage) from token")
    assert (macaroon if scheme == "L402" else charge) and preimage.lower() == stand.preimages[stand.paid[0]]
    assert stand.get("--again") == CREDENTIAL_REFUSED, stand.said()
    assert len(stand.paid) == 2
    assert len(stand.stored("select * from token")) == 2  # the first one too


@each_scheme
def test_case_c3_with_again_another_is_bought_and_used(stand, scheme):
    refused = []
    stand.sell(lambda: SOLD[scheme](stand), takes=lambda *_: False)
    assert stand.get() == CREDENTIAL_REFUSED
    refused += stand.paid
    stand.sell(lambda: SOLD[scheme](stand), takes=lambda field, scheme, proof: stand.paid[-1] not in refused)
    assert stand.get("--again") == OK, stand.said()
    assert stand.body() == b"sunny\n" and len(stand.paid) == 2
    assert stand.get() == OK and len(stand.paid) == (2 if scheme == "L402" else 3)


@each_scheme
def test_case_c3_a_refused_proof_is_presented_again_and_used_once_the_server_takes_it(stand, scheme):
    stand.sell(lambda: SOLD[scheme](stand), takes=lambda *_: False)
    assert stand.get() == CREDENTIAL_REFUSED
    stand.sell(lambda: SOLD[scheme](stand))
    assert stand.get() == OK, stand.said()
    assert stand.body() == b"sunny\n" and len(stand.paid) == 1


def test_case_c3_a_server_that_names_another_service_each_time_is_paid_once(stand):
    names = iter(f"service{number}" for number in range(100))
    stand.sell(lambda: [stand.offer(service=next(names)).l402], takes=lambda *_: False)
    for _ in range(4):
        assert stand.get() == CREDENTIAL_REFUSED, stand.said()
    assert len(stand.paid) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 408, 425, 429, 500, 502, 503])
def test_case_c3_a_charge_that_the_server_may_not_have_taken_is_presented_again(stand, status):
    stand.sell(lambda: [stand.offer().charge], takes=lambda *_: False, refusal=status)
    assert stand.get() == (CREDENTIAL_REFUSED if status == 401 else UPSTREAM_ERROR), stand.said()
    assert "kept" in stand.said()
    stand.sell(lambda: [stand.offer().charge])
    assert stand.get() == OK, stand.said()
    assert len(stand.paid) == 1


@each_scheme
def test_case_c3_a_response_that_broke_off_is_not_paid_for_again(stand, scheme):
    stand.sell(lambda: SOLD[scheme](stand))
    whole = stand.reply
    stand.reply = lambda request: whole(request) if not list(request.proofs()) else head(200, [("Content-Length", "100")]) + b"half"
    assert stand.get() == UPSTREAM_ERROR
    # The server counts it as used.
    stand.sell(lambda: SOLD[scheme](stand), takes=lambda *_: False)
    assert stand.get() == CREDENTIAL_REFUSED, stand.said()
    assert len(stand.paid) == 1


def test_case_c3_a_token_that_opened_something_and_is_over_is_bought_anew(stand):
    stand.sell(lambda: SOLD["L402"](stand))
    assert stand.get() == OK
    first = stand.paid[0]
    stand.sell(lambda: SOLD["L402"](stand), takes=lambda *_: stand.paid[-1] != first)
    assert stand.get() == OK, stand.said()
    assert len(stand.paid) == 2
    assert len(stand.stored("select * from token")) == 2


@each_scheme
def test_case_c3_a_client_killed_after_the_payment_has_its_proof_on_the_disk(stand, scheme):
    hold, used = threading.Event(), threading.Event()
    stand.sell(lambda: SOLD[scheme](stand))
    whole = stand.reply

    def reply(request):
        if list(request.proofs()) and not hold.is_set():
            used.set()
            hold.wait(20)
        return whole(request)

    stand.reply = reply
    process = stand.start(stand.url())
    assert used.wait(20)
    process.kill()
    process.wait()
    hold.set()
    # Also where the node has forgotten it.
    ((preimage,),) = stand.stored("select hex(preimage) from token")
    assert preimage.lower() == stand.preimages[stand.paid[0]]
    stand.node_listsendpays = lambda params: {"payments": []}
    assert stand.get() == OK, stand.said()
    assert len(stand.paid) == 1


def test_two_processes_that_buy_at_once_pay_once(stand):
    """The second one has looked into the store before the first one's token came, and pays after."""
    stand.sell(lambda: SOLD["L402"](stand))
    held, go = threading.Event(), threading.Event()
    first_call = iter([True])

    def getinfo(_):
        if next(first_call, False):
            held.set()
            go.wait(20)
        return {"network": "regtest"}

    stand.node_getinfo = getinfo
    slow = stand.start(stand.url())
    assert held.wait(20)
    assert stand.get() == OK, stand.said()
    go.set()
    assert slow.wait(20) == OK
    assert len(stand.paid) == 1


# -- output ---------------------------------------------------------------------------------------------------------------


@each_scheme
def test_case_c5_an_output_that_cannot_be_written_is_found_out_before_anything_is_asked(stand, scheme):
    stand.sell(lambda: SOLD[scheme](stand))
    (stand.folder / "directory").mkdir()
    for output in (stand.folder / "none" / "out", stand.folder / "directory", "/dev/null/out"):
        assert stand.get("-o", output) == OUTPUT_FAILED, stand.said()
        assert str(output) in stand.said()
    assert (stand.requests, stand.paid) == ([], [])


def test_case_c5_standard_output_that_is_closed_is_found_out_before_anything_is_asked(stand):
    stand.sell(lambda: SOLD["L402"](stand))
    for redirection in (">&-", "1</dev/null"):
        done = subprocess.run(["sh", "-c", f'"$@" {redirection}', "sh", *stand.command(stand.url())], capture_output=True, text=True, timeout=60)
        assert done.returncode == OUTPUT_FAILED and "standard output" in done.stderr
    assert (stand.requests, stand.paid) == ([], [])
    # Where it is not needed, nothing else gets its number.
    done = subprocess.run(["sh", "-c", '"$@" <&- >&- 2>&-', "sh", *stand.command("-o", stand.folder / "out", stand.url())], timeout=60)
    assert done.returncode == OK and (stand.folder / "out").read_bytes() == b"sunny\n"
    assert len(stand.stored("select * from token")) == 1


def test_case_c5_a_file_is_left_as_it_was_where_nothing_comes(stand):
    there, new = stand.folder / "there", stand.folder / "new"
    there.write_text("before")
    stand.sell(lambda: [stand.offer(amount="1m").l402])
    for output in (there, new):
        assert stand.get("-o", output) == 3, stand.said()
    assert there.read_text() == "before" and not new.exists()
    stand.sell(lambda: SOLD["L402"](stand))
    assert stand.get("-o", there) == OK and there.read_bytes() == b"sunny\n"
    assert stand.get("-o", "-") == OK and stand.body() == b"sunny\n"


@each_scheme
def test_case_c5_a_disk_that_fills_up_amid_the_response_loses_nothing_that_was_paid(stand, scheme):
    stand.sell(lambda: SOLD[scheme](stand), body=b"x" * 300_000)
    for options in (("-o", "/dev/full"), ()):
        assert stand.get(*options, out=None if options else "/dev/full") == OUTPUT_FAILED, stand.said()
        assert "No space left" in stand.said()
        assert len(stand.paid) == 1
    assert stand.get() == OK and len(stand.body()) == 300_000
    assert len(stand.paid) == 1


def test_a_reader_that_goes_away_loses_nothing_that_was_paid(stand):
    stand.sell(lambda: SOLD["Payment"](stand), body=b"x" * 3_000_000)
    reading, writing = os.pipe()
    process = subprocess.Popen(stand.command(stand.url()), stdin=subprocess.DEVNULL, stdout=writing, stderr=subprocess.DEVNULL)
    os.close(writing)
    os.read(reading, 10)
    os.close(reading)
    assert process.wait(60) != OK
    assert stand.get() == OK and len(stand.body()) == 3_000_000
    assert len(stand.paid) == 1


@each_scheme
def test_a_store_that_cannot_be_written_is_found_out_before_paying(stand, scheme):
    stand.sell(lambda: SOLD[scheme](stand))
    (stand.folder / "store").write_text("no directory")
    assert stand.get() == STORE_FAILED
    (stand.folder / "store").unlink()
    assert stand.requests == []
    stand.reply = lambda request: answer(200, b"free")
    assert stand.get() == OK
    stand.stored("create trigger full before insert on pending begin select raise(abort, 'database or disk is full'); end")
    stand.sell(lambda: SOLD[scheme](stand))
    assert stand.get() == STORE_FAILED, stand.said()
    assert stand.paid == []


@each_scheme
def test_a_proof_that_cannot_be_stored_is_found_again_at_the_node(stand, scheme):
    stand.reply = lambda request: answer(200, b"free")
    assert stand.get() == OK
    stand.stored("create trigger full before insert on token begin select raise(abort, 'database or disk is full'); end")
    stand.sell(lambda: SOLD[scheme](stand))
    for _ in range(2):
        assert stand.get() == STORE_FAILED, stand.said()
        assert "the next run finds the payment" in stand.said()
        assert len(stand.paid) == 1
    stand.stored("drop trigger full")
    assert stand.get() == OK, stand.said()
    assert len(stand.paid) == 1
