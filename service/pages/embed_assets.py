"""Writes a C++ source holding the pages' style and script: embed_assets.py OUTPUT FILE..."""

import pathlib
import sys


def main() -> None:
    output, sources = pathlib.Path(sys.argv[1]), [pathlib.Path(name) for name in sys.argv[2:]]
    entries = []
    for source in sources:
        text = source.read_text()
        # They stand between <style> or <script> tags as they are.
        if "</" in text or ')asset"' in text:
            sys.exit(f"{source.name}: must not contain an end tag")
        entries.append(f'const std::string_view {source.name.replace(".", "_")} = R"asset({text})asset";\n')
    output.write_text(
        '#include "service/pages/assets.hpp"\n\n'
        "namespace millrace::pages {\n\n" + "".join(entries) + "\n}  // namespace millrace::pages\n"
    )


if __name__ == "__main__":
    main()
