#!/usr/bin/env python3
"""Checks that an HTML page is well-formed and needs no other file.

usage: check_page.py PAGE.html
"""
import html.parser
import os
import sys

VOID = {"meta", "br", "hr", "img", "input", "link"}
NAMESPACE = "http://www.w3.org/2000/svg"


class Checker(html.parser.HTMLParser):
    """Fails at elements that are not closed in order; collects ids and references."""

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.references, self.counts = [], [], [], {}

    def handle_starttag(self, tag, attributes):
        self.handle_startendtag(tag, attributes)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.counts[tag] = self.counts.get(tag, 0) + 1
        for name, value in attributes:
            if name == "id":
                self.ids.append(value)
            if name in ("href", "src") and not value.startswith("data:image/png;base64,"):
                assert value.startswith("#"), f"line {self.getpos()[0]}: expected no other file, found {value}"
                self.references.append(value[1:])
            assert "nan" not in value.split() and "inf" not in value.split(), (self.getpos(), value)

    def handle_endtag(self, tag):
        found = self.open.pop() if self.open else None
        assert found == tag, f"line {self.getpos()[0]}: expected the end of {found}, found that of {tag}"


with open(sys.argv[1], encoding="utf-8") as file:
    text = file.read()
checker = Checker()
checker.feed(text)
checker.close()
assert not checker.open, checker.open
assert len(set(checker.ids)) == len(checker.ids), "expected ids to differ"
assert set(checker.references) <= set(checker.ids), "expected references to images of the page"
assert checker.counts["h1"] == 1 and checker.counts["svg"] >= 12 and checker.counts["table"] >= 6, checker.counts
assert "://" not in text.replace(NAMESPACE, ""), "expected no addresses"
assert os.path.getsize(sys.argv[1]) < 2_000_000
