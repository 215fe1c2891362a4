"""Which of the offers of a 402 is bought, and how its proof is presented."""

import re

import pytest
from stand import CREDENTIAL_REFUSED, OFFER_REFUSED, OK, UPSTREAM_ERROR, USAGE, answer

MAX = ("--max-cost-msat", "5000")


def spaced(line):
    return re.sub(r'(?<= )(\w+)="', r'\1 = "', line)


def test_case_c4_spaces_around_the_equals_sign_are_read(stand):
    forms = (lambda offered: spaced(offered.l402), lambda offered: spaced(offered.charge), lambda offered: spaced(offered.l402).replace(" = ", "\t="))
    for number, form in enumerate(forms):
        stand.sell(lambda form=form, number=number: [form(stand.offer(service=f"s{number}"))])
        assert stand.get(path=f"/{number}/x") == OK, stand.said()
        assert len(stand.paid) == number + 1
        # A macaroon is half a credential: -v shows the beginning of it.
        assert all(macaroon not in stand.said() for (macaroon,) in stand.stored("select macaroon from token"))


BAD = {
    "too dear": lambda stand: stand.offer(amount="1u", amount_sat=100).l402,
    "a broken macaroon": lambda stand: stand.offer().l402.replace('macaroon="A', 'macaroon="*'),
    "a broken invoice": lambda stand: stand.offer().l402.replace("lnbcrt1", "lnbcrt2"),
    "of another network": lambda stand: stand.offer().l402.replace("lnbcrt10n", "lntb10n"),
    "no invoice": lambda stand: f'L402 macaroon="{stand.offer().macaroon}"',
    "another scheme": lambda stand: 'Basic realm="a, b"',
    "a session": lambda stand: stand.offer().charge.replace('intent="charge"', 'intent="session"'),
    "a charge of another method": lambda stand: stand.offer().charge.replace('method="lightning"', 'method="tempo"'),
    "a charge that contradicts its invoice": lambda stand: stand.offer(amount_sat=2).charge,
    "a charge without an id": lambda stand: stand.offer().charge.replace("id=", "no="),
    "a charge in a field of the message": lambda stand: stand.offer(field="Host").charge,
}


@pytest.mark.parametrize("joined", [False, True])
@pytest.mark.parametrize("bad", BAD)
def test_case_c4_where_the_first_offer_is_too_dear_or_broken_the_next_is_taken(stand, bad, joined):
    stand.sell(lambda: [", ".join([BAD[bad](stand), stand.offer().l402])] if joined else [BAD[bad](stand), stand.offer().l402])
    assert stand.get(*MAX) == OK, stand.said()
    assert (stand.body(), len(stand.paid)) == (b"sunny\n", 1)


def test_case_c4_where_no_offer_can_be_taken_nothing_is_paid_and_the_first_reason_is_said(stand):
    stand.sell(lambda: [BAD["too dear"](stand), BAD["a broken macaroon"](stand)])
    assert stand.get(*MAX) == OFFER_REFUSED
    assert "--max-cost-msat" in stand.said() and stand.paid == []


def test_case_c4_the_price_is_held_against_the_limit_in_millisatoshi(stand):
    for most, exit_code in (("1499", OFFER_REFUSED), ("1500", OK)):
        stand.sell(lambda: [stand.offer(amount="15n", amount_sat=2).charge])
        assert stand.get("--max-cost-msat", most) == exit_code, stand.said()


def test_case_c4_a_price_that_rose_in_between_is_held_against_the_limit_again(stand):
    # The token is refused later on, and the new one costs more than allowed.
    stand.sell(lambda: [stand.offer().l402])
    assert stand.get("--max-cost-msat", "1000") == OK
    stand.sell(lambda: [stand.offer(amount="20n").l402], takes=lambda *_: False)
    assert stand.get("--max-cost-msat", "1000") == OFFER_REFUSED
    assert len(stand.paid) == 1


def test_case_c3_the_credential_goes_where_header_says_and_echoes_it(stand):
    stand.sell(lambda: [stand.offer(field="Payment-Authorization", more=', later="a, b", and="more"').charge],
               takes=lambda field, scheme, echo: field == "Payment-Authorization" and echo["header"] == field)
    assert stand.get("-H", "Authorization: Bearer mine") == OK, stand.said()
    assert stand.requests[-1].all("Authorization") == ["Bearer mine"]
    assert len(stand.paid) == 1
    assert stand.stored("select count(*) from token")[0][0] == 0


@pytest.mark.parametrize("field", ["Host", "Content-Length", "Transfer-Encoding", "connection", "Proxy-Authorization", "Cookie", "X-Forwarded-For", "a b", "x\\\"y"])
def test_case_c3_a_field_of_the_message_is_never_written_and_nothing_is_paid(stand, field):
    stand.sell(lambda: [stand.offer(field=field).charge])
    assert stand.get() == OFFER_REFUSED, stand.said()
    assert stand.paid == [] and len(stand.requests) == 1


def test_case_c3_a_field_that_the_user_sets_is_not_written_over_and_nothing_is_paid(stand):
    for lines in (lambda: [stand.offer().l402], lambda: [stand.offer().charge], lambda: [stand.offer(field="X-Pay").charge]):
        stand.sell(lines)
        assert stand.get("-H", "authorization: Bearer mine", "-H", "x-pay: mine") == OFFER_REFUSED, stand.said()
        assert stand.paid == []
    # One that was bought without the field is not sent beside it either.
    stand.sell(lambda: [stand.offer().l402])
    assert stand.get() == OK
    assert stand.get("-H", "Authorization: Bearer mine") == USAGE
    assert len(stand.paid) == 1


ACCEPT = {"L402": lambda field, scheme, proof: scheme == "L402", "Payment": lambda field, scheme, proof: scheme == "Payment"}


@pytest.mark.parametrize("refusal", [400, 401, 402, 403])
@pytest.mark.parametrize("scheme", ACCEPT)
def test_case_c6_where_the_server_takes_the_other_scheme_it_gets_that_by_the_same_payment(stand, scheme, refusal):
    def lines():
        offered = stand.offer()
        return [offered.l402, offered.charge]

    stand.sell(lines, takes=ACCEPT[scheme], refusal=refusal)
    assert stand.get() == OK, stand.said()
    assert (stand.body(), len(stand.paid)) == (b"sunny\n", 1)


@pytest.mark.parametrize("scheme", ACCEPT)
def test_case_c6_where_each_scheme_has_an_invoice_of_its_own_one_is_paid(stand, scheme):
    stand.sell(lambda: [stand.offer().l402, stand.offer().charge], takes=ACCEPT[scheme])
    for _ in range(3):
        assert stand.get() == (OK if scheme == "L402" else CREDENTIAL_REFUSED), stand.said()
    assert len(stand.paid) == 1


def test_case_c6_a_server_that_takes_neither_is_paid_once(stand):
    def lines():
        offered = stand.offer()
        return [offered.l402, offered.charge]

    stand.sell(lines, takes=lambda *_: False)
    for run in range(3):
        assert stand.get() == CREDENTIAL_REFUSED, stand.said()
        assert len(stand.paid) == 1
    stand.sell(lines)
    assert stand.get() == OK, stand.said()
    assert len(stand.paid) == 1


def test_case_c6_a_failure_of_the_server_is_not_answered_by_the_other_scheme(stand):
    def lines():
        offered = stand.offer()
        return [offered.l402, offered.charge]

    stand.sell(lines, takes=lambda *_: False, refusal=503)
    assert stand.get() == UPSTREAM_ERROR
    assert [scheme for request in stand.requests for _, scheme, _, _ in request.proofs()] == ["L402"]
    stand.sell(lines)
    assert stand.get() == OK and len(stand.paid) == 1


def test_a_free_answer_is_delivered(stand):
    stand.reply = lambda request: answer(200, b"free")
    assert stand.get() == OK and stand.body() == b"free"
