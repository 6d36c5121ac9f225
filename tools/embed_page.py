#!/usr/bin/env python3
"""Puts a page, its style and its scripts together and writes them as C++ constants.

    tools/embed_page.py OUTPUT INDEX.html STYLE.css SCRIPT.js...

INDEX.html holds one line <!-- style --> and one <!-- scripts -->, which are replaced. The policy
(Content-Security-Policy) allows exactly these texts, by their SHA-256, and requests to the page's
own address; nothing else can be loaded or run.
"""

import base64
import hashlib
import pathlib
import sys

LITERAL_MAX = 12000  # characters of one string literal; compilers promise 65536


def digest(text):
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def literal(text):
    """A raw string literal, in pieces that the compiler joins."""
    pieces = [text[i:i + LITERAL_MAX] for i in range(0, len(text), LITERAL_MAX)]
    return "\n    ".join(f'R"page({piece})page"' for piece in pieces)


def replace_once(page, mark, text):
    if page.count(mark) != 1:
        sys.exit(f"embed_page.py: {mark} must stand in the page once")
    return page.replace(mark, text)


def main():
    output, index, style, *scripts = map(pathlib.Path, sys.argv[1:])
    css = style.read_text("utf-8")
    js = '"use strict";\n' + "\n".join(script.read_text("utf-8") for script in scripts)
    for text, end in ((css, "</style"), (js, "</script")):
        if end in text:
            sys.exit(f"embed_page.py: {end} must not stand in what is embedded")
    page = replace_once(index.read_text("utf-8"), "<!-- style -->", f"<style>{css}</style>")
    page = replace_once(page, "<!-- scripts -->", f"<script>{js}</script>")
    policy = ("default-src 'none'; connect-src 'self'; img-src data:; "
              f"style-src {digest(css)}; script-src {digest(js)}; "
              "base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
    output.write_text(f"""// Made by tools/embed_page.py; do not edit.
#include "app/admin/dashboard.h"

namespace ringfold {{

const std::string_view kDashboardPage =
    {literal(page)};

const char* const kDashboardPolicy = "{policy}";

}}  // namespace ringfold
""", "utf-8")


if __name__ == "__main__":
    main()
