"""Writes a C++ source holding the schema migrations: embed_migrations.py OUTPUT SQL..."""

import pathlib
import re
import sys


def main() -> None:
    output, sources = pathlib.Path(sys.argv[1]), sorted(map(pathlib.Path, sys.argv[2:]), key=lambda path: path.name)
    entries = []
    for number, source in enumerate(sources, start=1):
        if not re.match(rf"{number:04d}_[a-z0-9_]+\.sql$", source.name):
            sys.exit(f"{source.name}: migrations are numbered without a gap; this should begin with {number:04d}_")
        entries.append(f'    {{{number}, "{source.stem}", R"sql({source.read_text()})sql"}},\n')
    output.write_text(
        '#include "service/store/migrations.hpp"\n\n'
        "namespace millrace::store {\n\n"
        "static const Migration all[] = {\n" + "".join(entries) + "};\n\n"
        "std::span<const Migration> migrations() { return all; }\n\n"
        "}  // namespace millrace::store\n"
    )


if __name__ == "__main__":
    main()
