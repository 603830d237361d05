"""mutmut, and four ways to break code that it does not have: `if not`, no result, a step left out, an error kept quiet.

Its own change values, operators and arguments. What holds a policy together is as often a plain condition, or a line
that gives a slot back, and nothing would notice if no test did.
"""

from collections.abc import Iterator

import libcst as cst
from mutmut.__main__ import cli
from mutmut.mutation.mutators import mutation_operators

CONSTANTS = ("None", "True", "False")


def negated(node: cst.If | cst.While) -> Iterator[cst.CSTNode]:
    """`if x:` becomes `if not (x):`."""
    inner = node.test.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    # `if(x):` needs no space after `if`, `ifnot` would be a name.
    space = {"whitespace_before_test": cst.SimpleWhitespace(" ")} if isinstance(node, cst.If) else {}
    yield node.with_changes(test=cst.UnaryOperation(cst.Not(), inner), **space)


def without_result(node: cst.Return) -> Iterator[cst.CSTNode]:
    """`return x` becomes `return None`; True and False are turned round by mutmut itself."""
    if node.value is not None and not (isinstance(node.value, cst.Name) and node.value.value in CONSTANTS):
        yield node.with_changes(value=cst.Name("None"))


def left_out(node: cst.Expr) -> Iterator[cst.CSTNode]:
    """A call for its effect, awaited or not, becomes `pass`; a docstring stays."""
    if isinstance(node.value, cst.Call | cst.Await):
        yield cst.Pass()


def kept_quiet(_node: cst.Raise) -> Iterator[cst.CSTNode]:
    """`raise x` becomes `pass`."""
    yield cst.Pass()


if __name__ == "__main__":
    more = [(cst.If, negated), (cst.While, negated), (cst.Return, without_result), (cst.Expr, left_out)]
    mutation_operators.extend([*more, (cst.Raise, kept_quiet)])  # type: ignore[attr-defined]
    cli()
