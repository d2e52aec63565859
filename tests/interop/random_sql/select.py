"""Statements as trees, so that a part can be left out: SELECT, joins and set operations."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Item:
    """One column of an answer."""

    name: str
    value: Any

    def outside(self, table):
        """The column as a statement around this one sees it."""
        value = self.value
        text = f"{table}.{self.name}"
        return type(value)(text, value.kind, value.precision, value.scale, value.size)


@dataclass
class Select:
    items: list
    source: Any
    """The name of a table, or a statement or join in its place."""
    alias: str = ""
    conditions: list = field(default_factory=list)
    groups: int | None = None
    """How many of the first items the rows are grouped by; None without aggregates."""
    grouping: str = "{}"
    """What is around the groups, such as ROLLUP."""
    having: list = field(default_factory=list)
    qualify: list = field(default_factory=list)
    is_distinct: bool = False
    order: list = field(default_factory=list)
    """For each item how it is sorted, such as DESC; empty where rows have no order."""
    limit: str = ""

    def text(self):
        distinct = "DISTINCT " if self.is_distinct else ""
        parts = [f"SELECT {distinct}" + ", ".join(f"{item.value.text} AS {item.name}" for item in self.items)]
        parts.append(f"FROM {self.source_text()}")
        if self.conditions:
            parts.append("WHERE " + " AND ".join(self.conditions))
        if self.groups:
            groups = ", ".join(item.value.text for item in self.items[: self.groups])
            parts.append("GROUP BY " + self.grouping.format(groups))
        if self.having:
            parts.append("HAVING " + " AND ".join(self.having))
        if self.qualify:
            parts.append("QUALIFY " + " AND ".join(self.qualify))
        if self.order:
            parts.append("ORDER BY " + ", ".join(f"{place} {way}" for place, way in enumerate(self.order, 1)))
        return " ".join(parts + [self.limit] * bool(self.limit))

    def source_text(self):
        if isinstance(self.source, str):
            return f"{self.source} {self.alias}".strip()
        return self.source.text() if isinstance(self.source, Join) else f"({self.source.text()}) AS {self.alias}"

    @property
    def is_ordered(self):
        return bool(self.order)

    def columns(self, table):
        return [item.outside(table) for item in self.items]

    def smaller(self):
        """Yields copies with one part less."""
        for place in range(len(self.items)):
            if len(self.items) > 1:
                yield self.without_item(place)
        for name in ("conditions", "having", "qualify"):
            yield from self.with_fewer(name)
        if self.limit:
            yield self.changed(limit="")
        if self.is_distinct:
            yield self.changed(is_distinct=False)
        if not isinstance(self.source, str):
            for source in self.source.smaller():
                yield self.changed(source=source)

    def with_fewer(self, name):
        parts = getattr(self, name)
        for place in range(len(parts)):
            yield self.changed(**{name: parts[:place] + parts[place + 1 :]})

    def without_item(self, place):
        groups = self.groups
        if groups and place < groups:
            groups -= 1
        order = self.order[:place] + self.order[place + 1 :]
        return self.changed(items=self.items[:place] + self.items[place + 1 :], groups=groups, order=order)

    def changed(self, **parts):
        return type(self)(**(self.__dict__ | parts))


@dataclass
class Join:
    left: Any
    right: Any
    kind: str
    on: list

    def text(self):
        return f"({self.left.text()}) AS l {self.kind} ({self.right.text()}) AS r{self.on_text()}"

    def on_text(self):
        return " ON " + " AND ".join(self.on) if self.on else ""

    def smaller(self):
        for left in self.left.smaller():
            yield Join(left, self.right, self.kind, self.on)
        for right in self.right.smaller():
            yield Join(self.left, right, self.kind, self.on)
        for place in range(len(self.on)):
            if len(self.on) > 1:
                yield Join(self.left, self.right, self.kind, self.on[:place] + self.on[place + 1 :])


@dataclass
class With:
    """Statements with a name, and the one that uses them."""

    named: list
    body: Any

    def text(self):
        named = ", ".join(f"{name} AS ({statement.text()})" for name, statement in self.named)
        return f"WITH {named} {self.body.text()}"

    @property
    def is_ordered(self):
        return self.body.is_ordered

    def smaller(self):
        for body in self.body.smaller():
            yield With(self.named, body)
        for place, (name, statement) in enumerate(self.named):
            for less in statement.smaller():
                yield With(self.named[:place] + [(name, less)] + self.named[place + 1 :], self.body)


@dataclass
class SetOperation:
    left: Any
    right: Any
    kind: str
    is_ordered = False

    def text(self):
        return f"{self.left.text()} {self.kind} {self.right.text()}"

    def smaller(self):
        for place in range(len(self.left.items)):
            if len(self.left.items) > 1:
                yield SetOperation(self.left.without_item(place), self.right.without_item(place), self.kind)
        for left in self.left.with_fewer("conditions"):
            yield SetOperation(left, self.right, self.kind)
        for right in self.right.with_fewer("conditions"):
            yield SetOperation(self.left, right, self.kind)
