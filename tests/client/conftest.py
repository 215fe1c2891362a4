"""millrace-get in front of a server and a node that do what a test says."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent / "service"))
pytest.register_assert_rewrite("stand")

from stand import Stand  # noqa: E402


@pytest.fixture
def stand(request):
    # Short, since paths of unix sockets end at 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="mrc", dir="/tmp"))
    made = Stand(folder)
    yield made
    made.close()
    kept = os.environ.get("MILLRACE_TEST_LOGS")
    if kept:
        for log in folder.glob("*.log"):
            name = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in request.node.name)
            target = Path(kept) / name / log.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(log, target)
    shutil.rmtree(folder, ignore_errors=True)
