"""What a server may answer before and beside what was asked for."""

import pytest
from stand import OK, UPSTREAM_ERROR, answer, head

INTERIM = {
    "100": head(100),
    "102": head(102),
    "103": head(103, [("Link", "</style.css>; rel=preload")]),
    "several": head(100) + head(103, [("Link", "</a>; rel=preload")]) + head(102),
    "many": head(102) * 90,
}


@pytest.mark.parametrize("interim", INTERIM)
def test_case_c1_interim_answers_are_skipped_before_a_402_and_before_a_200(stand, interim):
    stand.sell(lambda: [stand.offer().l402], before=INTERIM[interim])
    for _ in range(2):
        assert stand.get() == OK, stand.said()
        assert stand.body() == b"sunny\n"
    assert len(stand.paid) == 1


def test_case_c1_interim_answers_are_skipped_where_a_charge_is_bought(stand):
    stand.sell(lambda: [stand.offer().charge], before=INTERIM["several"])
    assert stand.get() == OK, stand.said()
    assert (stand.body(), len(stand.paid)) == (b"sunny\n", 1)
    assert stand.stored("select * from token union select * from token") == []


def test_case_c1_interim_answers_without_end_and_a_switch_of_protocols_are_errors(stand):
    for reply in (head(102) * 1000 + answer(), head(101, [("Upgrade", "x"), ("Connection", "upgrade")]) + answer()):
        stand.reply = lambda request, reply=reply: reply
        assert stand.get() == UPSTREAM_ERROR, stand.said()
        assert stand.body() == b""


def test_case_c1_an_interim_answer_and_no_final_one_is_an_error(stand):
    stand.reply = lambda request: head(103)
    assert stand.get() == UPSTREAM_ERROR, stand.said()


def test_case_c1_a_head_has_no_body_whatever_its_length_says(stand):
    stand.reply = lambda request: head(103) + head(200, [("Content-Length", "1000")])
    assert stand.get("-X", "HEAD") == OK, stand.said()
    assert stand.body() == b""


def test_case_c1_a_redirection_is_told_and_not_followed(stand):
    stand.sell(lambda: [stand.offer().l402])
    stand.reply = lambda request: answer(302, b"", [("Location", "/elsewhere")])
    assert stand.get() == UPSTREAM_ERROR
    assert "/elsewhere" in stand.said() and len(stand.requests) == 1


def test_case_c2_the_url_goes_out_byte_for_byte(stand):
    for given, sent in (
        ("/projects/a%2Fb?q=AT%26T", "/projects/a%2Fb?q=AT%26T"),
        ("/a/../b/./c//%7Ed", "/a/../b/./c//%7Ed"),
        ("/café?q=a|b&c[]=d e#f", "/caf%C3%A9?q=a%7Cb&c%5B%5D=d%20e"),
    ):
        assert stand.get(path=given) == OK, stand.said()
        assert stand.requests[-1].target == sent


def test_case_c2_the_paid_request_is_the_request_that_was_asked_for(stand):
    stand.sell(lambda: [stand.offer().charge])
    assert stand.get(path="/projects/a%2Fb?q=AT%26T") == OK, stand.said()
    assert [request.target for request in stand.requests] == ["/projects/a%2Fb?q=AT%26T"] * 2
