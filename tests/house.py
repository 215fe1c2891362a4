"""Whether the rooms of service/ include one another as the table in doc/architecture.md says, and what the documents refer to is there."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROW = re.compile(r"^\| `(\w+)` \| [^|]+ \|([\w ]*)\|([\w ]*)\|$", re.MULTILINE)
INCLUDE = re.compile(r'^#include "service/(\w+)/', re.MULTILINE)
# What no pure room may have: I/O, a log, a clock of its own. An address of Asio's is a value.
IMPURE = re.compile(
    r"^#include <(?:boost/asio/(?!ip/(?:address|network)(?:_v[46])?\.hpp)|boost/asio\.hpp|SQLiteCpp|sqlite3|spdlog|sys/|unistd|poll|fstream).*"
    r"|^#include \"service/log/.*|^(?!\s*//).*(?:_clock|Clock)::now\(\).*",
    re.MULTILINE,
)


def table():
    """({room: rooms it includes}, pure rooms), as they are written down."""
    rows = ROW.findall((ROOT / "doc/architecture.md").read_text())
    return {room: set(includes.split()) for room, includes, _ in rows}, {room for room, _, pure in rows if pure.strip() == "yes"}


def sources():
    return [(path.parts[len(ROOT.parts) + 1], path) for path in sorted((ROOT / "service").glob("*/*.[ch]pp"))]


def circles(arrows):
    """Rooms that reach themselves."""

    def reached(room, seen):
        for other in arrows.get(room, ()):
            if other not in seen:
                seen.add(other)
                reached(other, seen)
        return seen

    return sorted(room for room in arrows if room in reached(room, set()))


def links():
    """(number of checks, what is wrong) of the documents' references to files."""
    documents = [*ROOT.glob("*.md"), *ROOT.glob("doc/**/*.md")]
    found = [(path, target) for path in documents
             for target in re.findall(r'(?:\]\(|src=")(?!https?:|#)([^)"#]+)', path.read_text())]
    missing = [f"{path.relative_to(ROOT)} refers to {target}, which is not there" for path, target in found if not (path.parent / target).exists()]
    return len(found), missing


def faults():
    """(number of checks, what is wrong)"""
    written, pure = table()
    drawn = {room: set() for room, _ in sources()}
    wrong = []
    for room, path in sources():
        text = path.read_text()
        drawn[room] |= set(INCLUDE.findall(text)) - {room}
        if room in pure:
            wrong += [f"{path.relative_to(ROOT)}: {line.strip()!r} in a pure room" for line in IMPURE.findall(text)]
    for room in sorted(drawn.keys() | written.keys()):
        if room not in written or room not in drawn:
            wrong.append(f"service/{room} is {'not in the table' if room in drawn else 'in the table alone'}")
            continue
        wrong += [f"service/{room} includes {other}, and the table does not say so" for other in sorted(drawn[room] - written[room])]
        wrong += [f"the table says that service/{room} includes {other}, and it does not" for other in sorted(written[room] - drawn[room])]
    wrong += [f"service/{room} includes itself, in a circle" for room in circles(drawn)]
    return len(drawn) + len(pure), wrong
