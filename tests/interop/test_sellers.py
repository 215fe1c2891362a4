"""millrace-get buys from the servers of others."""

import subprocess

import pytest
from market import note_preimages


@pytest.fixture
def seller(packages):
    """seller("mppx-seller.mjs", ...): its URL."""
    running = []

    def start(name, *arguments):
        process = subprocess.Popen(["node", packages / name, *map(str, arguments)], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        running.append(process)
        return f"http://127.0.0.1:{int(process.stdout.readline())}/today"

    yield start
    for process in running:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize("field", ["", "own"])
def test_case_c3_millrace_get_buys_from_mppx_also_where_that_wants_a_field_of_its_own(path, seller, field):
    whole = path()
    client = whole.client()
    url = seller("mppx-seller.mjs", whole.network.seller.rpc.path, *([field] if field else []))
    headers = ("-H", "Authorization: Bearer mine") if field else ()
    for bought in (1, 2):
        assert client.get(url, *headers) == 0, client.said()
        assert client.body.read_text() == ("sunny, bearer\n" if field else "sunny\n")
        assert len(whole.network.payer.rpc("listsendpays")["payments"]) == bought
        assert client.rows("token") == client.rows("pending") == []
    assert ("Payment-Authorization" in client.said()) == bool(field)
    note_preimages(whole)
