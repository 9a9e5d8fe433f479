"""The template language and its renderer.

    {key}           the value of a field; the same value wherever the template names it again
    {key:new}       another value of the field           {key:list}   two to four values, joined as people join them
    {key:first}     first name of a person's field       {key:last}   the family name
    {#key}          one of the field's names, as the label of a form
    {@type}         a value of a type that no field of the domain asks for
    [a|b|c]         one of them; [a] alone: a or nothing
    [&a&b&c]        all of them in random order; parts that end a line keep it, others are joined by spaces
    [2-5*a]         a that many times, with new values each time
    ~               the gap between two columns, the same in the whole text
    \\n              end of line; \\ before a character of this list takes it literally
"""
import re

from .values import TYPES
from .words import FILLERS

GAPS = ["  ", "   ", "\t", "      ", " ", " : ", " .... ", "  ", " | "]
JOINS = [(", ", " and "), (", ", " and "), (", ", ", "), (", ", ", and "), (" / ", " / "), (", ", " & "), ("; ", "; "), (" + ", " + ")]
TRIES = 5
TOKEN = re.compile(r"\\(.)|\{([@#]?)(\w+)(?::(\w+))?\}|\[(?:(&)|(\d+)-(\d+)\*)?|([\]|&~])", re.S)


class Bad(Exception):
    """A template that does not parse."""


def parse(text):
    """Template text to a tree: a list of ("text", s), ("slot", key, mode), ("label", key), ("anonymous", type), ("gap",),
    ("choice", [tree]), ("shuffle", [tree]) and ("repeat", low, high, tree)."""
    stack = [("choice", [[]], None)]

    def add(node):
        branch = stack[-1][1][-1]
        if node[0] == "text" and branch and branch[-1][0] == "text":
            branch[-1] = ("text", branch[-1][1] + node[1])
        else:
            branch.append(node)

    at = 0
    for match in TOKEN.finditer(text):
        if match.start() > at:
            add(("text", text[at:match.start()]))
        at = match.end()
        escaped, sigil, key, mode, shuffle, low, high, mark = match.groups()
        if escaped:
            add(("text", "\n" if escaped == "n" else escaped))
        elif key:
            add({"": ("slot", key, mode), "#": ("label", key), "@": ("anonymous", key)}[sigil])
        elif mark is None:
            kind = "shuffle" if shuffle else "repeat" if low else "choice"
            stack.append((kind, [[]], (int(low), int(high)) if low else None))
        elif mark == "]":
            if len(stack) == 1:
                raise Bad(f"] without [ in: {text}")
            kind, branches, bounds = stack.pop()
            if kind == "choice" and len(branches) == 1:
                branches.append([])
            add(("repeat", *bounds, branches[0]) if kind == "repeat" else (kind, branches))
        elif mark == "~":
            add(("gap",))
        elif mark == {"choice": "|", "shuffle": "&"}.get(stack[-1][0]) and len(stack) > 1:
            stack[-1][1].append([])
        else:
            add(("text", mark))
    if at < len(text):
        add(("text", text[at:]))
    if len(stack) > 1:
        raise Bad(f"[ without ] in: {text}")
    return stack[0][1][0]


def slots(tree):
    """Every (sigil kind, key) a tree uses."""
    for node in tree:
        if node[0] in ("slot", "label", "anonymous"):
            yield node[0], node[1]
        elif node[0] in ("choice", "shuffle"):
            for branch in node[1]:
                yield from slots(branch)
        elif node[0] == "repeat":
            yield from slots(node[3])


class Piece:
    """Literal text, or a value with the marks inside it: (start, end, key), and general marks (start, end, general key)."""
    __slots__ = ("text", "marks", "general", "verbatim")

    def __init__(self, text, marks=(), general=(), verbatim=None):
        self.text = text
        self.marks = marks
        self.general = general
        self.verbatim = verbatim  # None: a literal


class Render:
    """One row in the making."""

    def __init__(self, draw, fields):
        self.draw = draw
        self.fields = fields
        self.pieces = []
        self.values = {}
        self.seen = set()
        self.blocked = set()
        self.gap = draw.pick(GAPS)
        self.label_case = draw.pick([str.capitalize, str.title, str.upper, str.lower, str.capitalize, lambda name: name.replace(" ", "_")])

    def literal(self, text):
        self.pieces.append(Piece(text))

    def filler(self):
        """Sentences that say nothing any field asks for."""
        for i in range(self.draw.pick([1, 1, 2, 3])):
            self.literal((" " if i else "") + self.draw.pick(FILLERS))

    def run(self, tree):
        for node in tree:
            kind = node[0]
            if kind == "text":
                self.literal(node[1])
            elif kind == "slot":
                self.slot(node[1], node[2])
            elif kind == "choice":
                self.run(self.draw.pick(node[1]))
            elif kind == "anonymous":
                self.put(TYPES[node[1]], self.new(node[1]), None)
            elif kind == "label":
                self.literal(self.label_case(self.draw.pick(self.fields[node[1]].names)))
            elif kind == "gap":
                self.literal(self.gap)
            elif kind == "shuffle":
                self.shuffle(node[1])
            else:
                for _ in range(self.draw.between(node[1], node[2])):
                    for _, key in slots(node[3]):
                        self.values.pop(key, None)
                    self.run(node[3])

    def shuffle(self, branches):
        order = sorted(branches, key=lambda _: self.draw.random())
        for i, branch in enumerate(order):
            before = len(self.pieces)
            self.run(branch)
            if i + 1 < len(order) and len(self.pieces) > before and not self.pieces[-1].text.endswith(("\n", " ")):
                self.literal(" ")

    def slot(self, key, mode):
        field = self.fields[key]
        if mode in ("first", "last"):
            if key not in self.values:
                self.values[key] = self.new(field.type)
            names = self.draw.people.get(self.values[key], (self.values[key],) * 2)
            self.put(TYPES[field.type], names[mode == "last"], key)
        elif mode == "list":
            between, final = self.draw.pick(JOINS)
            n = self.draw.between(2, 4)
            for i in range(n):
                if i:
                    self.literal(final if i == n - 1 else between)
                self.put(TYPES[field.type], self.new(field.type), key)
        else:
            if key not in self.values or mode == "new":
                self.values[key] = self.new(field.type)
            self.put(TYPES[field.type], self.values[key], key)

    def new(self, kind):
        """A value of a type that does not stand in this row yet, if that can be had."""
        make = TYPES[kind].make
        value = make(self.draw)
        if "money" not in TYPES[kind].is_a:
            for _ in range(TRIES):
                if value not in self.seen:
                    break
                value = make(self.draw)
            self.seen.add(value)
        return value

    def put(self, kind, value, key):
        self.blocked.update(kind.blocks)
        general = []
        if isinstance(value, tuple):
            text = ""
            for part in value:
                if isinstance(part, tuple):
                    inner = TYPES[part[0]]
                    general += [(len(text), len(text) + len(part[1]), name) for name in inner.is_a]
                    self.blocked.update(inner.blocks)
                    part = part[1]
                text += part
        else:
            text = value
        if text.startswith("the ") and "location" in kind.is_a:
            self.literal("the ")
            text = text[4:]
        general += [(0, len(text), name) for name in kind.is_a]
        self.pieces.append(Piece(text, [(0, len(text), key)] if key else (), general, kind.verbatim))
