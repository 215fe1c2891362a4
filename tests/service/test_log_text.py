"""What a log shows of text that others chose."""

import unicodedata
from kit.faults import wait_for_log

# A terminal's own language as UTF-8 writes it, marks of direction, separators of lines, and bytes that are no UTF-8.
CHOSEN = ["%C2%9B2J", "%E2%80%AEgnp", "%E2%81%A6x", "%E2%80%8Fx", "%E2%80%A8x", "%FFx", "%C3"]


def is_clean(text):
    return not [c for c in text if c != "\n" and (unicodedata.category(c) in ("Cc", "Zl", "Zp") or ord(c) in range(0x202A, 0x202F) or ord(c) in range(0x2066, 0x206A) or c in "\u200e\u200f")]


def logged(service):
    return service.log_file.read_bytes().decode()  # it is UTF-8


def test_case_h30_of_a_path_nothing_is_logged_that_a_terminal_acts_upon(shared):
    for chosen in CHOSEN:
        shared.service.get(f"/weather/h30{chosen}")
    wait_for_log(shared.service, "/weather/h30\\xc3 ")
    assert is_clean(logged(shared.service))
    for shown in ("\\u009b2J", "\\u202egnp", "\\u2066x", "\\u200fx", "\\u2028x", "\\xffx"):
        assert f"/weather/h30{shown} " in logged(shared.service)


def test_case_h30_nor_of_a_path_on_trial_or_a_node_s_name(house):
    house.gateway.alias = "seller\u202e\u009b\nforged line"
    services = f'[[service]]\nname="trial"\npath="/trial/"\nupstream="{house.upstream.url}"\nprice_msat=1\ndry_run=true'
    service = house.start(services=services)
    service.get("/trial/%E2%80%AEgnp%C2%85")
    wait_for_log(service, "dry run: GET /trial/\\u202egnp\\u0085 would not have passed")
    wait_for_log(service, "(seller\\u202e\\u009b\\u000aforged line)")
    assert is_clean(logged(service))
