"""Reads the domain files: fields and templates as data.

    lower 0.3                                   chance that a whole text is in lower case; upper: in upper case;
                                                joined: that another template follows one; weight: how often the domain is drawn
    key : type | name; name | description; ...  a field: its value grammar, what people call it, how they describe or ask for it
    - text of a template                        goes on until the next line that starts with "-"
    # a comment

A domain is complete: whatever a template says that a field of its domain asks for is a slot of that field, so that a field
without a span in a row is absent from it. general.txt holds the fields that every domain has, such as person or date;
their spans follow from the types of the values.
"""
from pathlib import Path

from . import template
from .values import TYPES

HERE = Path(__file__).resolve().parent
LOWER, UPPER, JOINED = 0.10, 0.05, 0.12
OPTIONS = ("lower", "upper", "joined", "weight")


class Field:
    def __init__(self, key, kind, names, descriptions):
        self.key = key
        self.type = kind
        self.names = names
        self.descriptions = descriptions


class Domain:
    def __init__(self, name):
        self.name = name
        self.lower = LOWER
        self.upper = UPPER
        self.joined = JOINED
        self.weight = 1.0
        self.fields = {}
        self.templates = []


def split(text):
    return [item.strip() for item in text.split(";") if item.strip()]


def describe(name, kind):
    """A second description of a field that has one: a question with its name."""
    is_a = TYPES[kind].is_a if kind else ()
    return f"{'Who is' if 'person' in is_a else 'How much is' if 'money' in is_a else 'What is'} the {name}?"


def read_field(line, typed=True):
    head, names, descriptions = line.split("|")
    key, _, kind = (part.strip() for part in head.partition(":"))
    field = Field(key, kind, split(names), split(descriptions))
    if typed and kind not in TYPES:
        raise template.Bad(f"field {key}: no type {kind}")
    if not field.names or not field.descriptions:
        raise template.Bad(f"field {key} needs names and descriptions")
    if len(field.descriptions) == 1:
        field.descriptions.append(describe(field.names[0], kind))
    return field


def read_domain(path):
    domain = Domain(path.stem)
    texts = []
    for line in path.read_text("utf-8").splitlines():
        if line.startswith("-"):
            texts.append([line[1:].lstrip(" ")] if line.strip() != "-" else [])
        elif texts:
            texts[-1].append(line)
        elif "|" in line and not line.startswith("#"):
            field = read_field(line)
            if field.key in domain.fields:
                raise template.Bad(f"field {field.key} stands twice")
            domain.fields[field.key] = field
        elif line.strip() and not line.startswith("#"):
            option, number = line.split()
            if option not in OPTIONS:
                raise template.Bad(f"no option {option}")
            setattr(domain, option, float(number))
    taken = {}
    for field in domain.fields.values():
        for name in field.names:
            if taken.setdefault(name.lower(), field.key) != field.key:
                raise template.Bad(f'name "{name}" belongs to {taken[name.lower()]} and {field.key}')
    used = set()
    for lines in texts:
        tree = template.parse("\n".join(lines).strip("\n"))
        for kind, key in template.slots(tree):
            if key not in (TYPES if kind == "anonymous" else domain.fields):
                raise template.Bad(f"no {key} for template: {lines}")
            used.add(key)
        domain.templates.append(tree)
    unused = domain.fields.keys() - used
    if unused:
        raise template.Bad(f"no template uses {', '.join(sorted(unused))}")
    return domain


def read_general():
    """The fields of every domain, by key."""
    lines = (HERE / "general.txt").read_text("utf-8").splitlines()
    fields = [read_field(line, typed=False) for line in lines if "|" in line and not line.startswith("#")]
    return {field.key: field for field in fields}


def read_all():
    domains = []
    for path in sorted((HERE / "domains").glob("*.txt")):
        try:
            domains.append(read_domain(path))
        except (template.Bad, ValueError) as error:
            raise SystemExit(f"{path.name}: {error}") from error
    return domains
