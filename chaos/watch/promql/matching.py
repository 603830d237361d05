"""Which series of the left side goes with which of the right one, and what the pair is called."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from promql_parser import BinModifier, LabelModifierType, VectorMatchCardinality

from chaos.errors import QueryError
from chaos.watch.promql.vectors import NAME, Labels, Vector, dropped, kept, labels_of, there_at_all


@dataclass(frozen=True, slots=True)
class Matching:
    """How an operator's sides are matched: on some labels or all but some, and whom the result is named after."""

    on: bool = False
    labels: tuple[str, ...] = ()
    many_left: bool = False
    many_right: bool = False
    include: tuple[str, ...] = ()

    @classmethod
    def of(cls, modifier: BinModifier | None) -> "Matching":
        """Read the parser's modifier."""
        if modifier is None:
            return cls()
        given = modifier.matching
        return cls(
            on=given is not None and given.type == LabelModifierType.Include,
            labels=tuple(given.labels) if given is not None else (),
            many_left=modifier.card == VectorMatchCardinality.ManyToOne,
            many_right=modifier.card == VectorMatchCardinality.OneToMany,
            include=tuple(modifier.group_labels or ()),
        )

    def signature(self, labels: Labels) -> Labels:
        """Return what must be equal on both sides."""
        return kept(labels, self.labels) if self.on else dropped(labels, (*self.labels, NAME))

    def named(self, many: Labels, one: Labels, *, keep_name: bool) -> Labels:
        """Return the result's labels: those of the `many` side, or of both sides' common ones where there is none."""
        labels = many if keep_name and not self.on else dropped(many, (NAME,))
        if self.many_left or self.many_right:
            own = dict(one)
            return labels_of({**dict(labels), **{name: own.get(name, "") for name in self.include}})
        return kept(labels, self.labels) if self.on else dropped(labels, self.labels)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Rows of the left and of the right side that go together, and their result's labels."""

    left: Sequence[int]
    right: Sequence[int]
    labels: Sequence[Labels]


def matched(left: Vector, right: Vector, matching: Matching, *, keep_name: bool) -> Pairs:
    """Match two vectors; raises QueryError where two series of a side that must be one are there at the same step."""
    many, one = (right, left) if matching.many_right else (left, right)
    by_signature: dict[Labels, list[int]] = {}
    for row, labels in enumerate(one.labels):
        by_signature.setdefault(matching.signature(labels), []).append(row)
    for signature, rows in by_signature.items():
        if len(rows) > 1 and (one.present[rows].sum(axis=0) > 1).any():
            raise QueryError(f"several series match {_shown(signature)} on one side: say on(...) or group_left")
    many_rows, one_rows, names = [], [], []
    for row, labels in enumerate(many.labels):
        for partner in by_signature.get(matching.signature(labels), ()):
            many_rows.append(row)
            one_rows.append(partner)
            names.append(matching.named(labels, one.labels[partner], keep_name=keep_name))
    return Pairs(one_rows, many_rows, names) if matching.many_right else Pairs(many_rows, one_rows, names)


def merged(vector: Vector) -> Vector:
    """Make one series of those with equal labels; raises QueryError where two of them are there at the same step."""
    if len(set(vector.labels)) == len(vector.labels):
        return vector
    rows: dict[Labels, list[int]] = {}
    for row, labels in enumerate(vector.labels):
        rows.setdefault(labels, []).append(row)
    found = []
    for labels, same in rows.items():
        present = vector.present[same]
        if (present.sum(axis=0) > 1).any():
            raise QueryError(f"several results are called {_shown(labels)}: aggregate, or say group_left")
        first = np.argmax(present, axis=0)
        values = vector.values[np.asarray(same)[first], np.arange(present.shape[1])]
        found.append(Vector((labels,), values[None, :], there_at_all(present, 0)[None, :]))
    return Vector.stacked(found, vector.values.shape[1])


def _shown(labels: Labels) -> str:
    return "{" + ", ".join(f'{name}="{value}"' for name, value in labels) + "}"
