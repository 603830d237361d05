"""Contradictions in a profile, found before they are found under load, each with its arithmetic.

A setting can be right alone and wrong beside another: a timeout inside that is longer than the one outside, a queue
that nobody can be served from in time, pools that together ask for more than the server has. A rule says nothing about
what is left to a library's default: `naive` has no findings, for it promises nothing.
"""

from resilience.call_tree import SHOP, CallTree
from resilience.errors import SettingsError
from resilience.lint_rules import RULES, Finding, Links


def check(links: Links, tree: CallTree = SHOP) -> list[Finding]:
    """Return every contradiction in the settings of a profile's links, by rule and link."""
    return [finding for rule in RULES for link in links for finding in rule(link, links, tree)]


def refuse_contradictions(profile: str, links: Links, tree: CallTree = SHOP) -> None:
    """Raise SettingsError with every finding of `check`, one a line; return where there is none."""
    if findings := check(links, tree):
        raise SettingsError("\n".join([f"profile {profile!r} contradicts itself:", *map(str, findings)]))
