"""sources.py - every training set as one of three kinds of rows

Labelled texts, texts with marked fields, and documents with scored sentences; from the project's own corpus beside
this folder and from the folder of public sets that is given (DATA.md says which, and under which licence).  Sets that
only measure are never opened here.
"""

import json
import random
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

CORPUS = Path(__file__).resolve().parent.parent / "corpus"
SYNTHESIZE = Path(__file__).resolve().parent.parent / "synthesize"

# Own label sets kept aside: they choose the checkpoint and fit the calibration, and are never trained on.
HELD_LABEL_SETS = {
    "clinic_desk_request", "complaint_reason", "dish_cuisine", "insurance_claim_kind",
    "job_family", "politeness", "school_subject", "tone",
}
HELD_FIELD_SETS = {"event_invite", "hotel", "it_change", "payments_chat"}


@dataclass
class Labelled:
    name: str
    texts: list
    label: list  # index into names
    names: list  # [label] -> wordings
    descriptions: list  # [label] -> texts, may be empty
    own: bool
    held: bool = False
    by_label: dict = field(default_factory=dict)

    def __post_init__(self):
        for i, label in enumerate(self.label):
            self.by_label.setdefault(label, []).append(i)


@dataclass
class Marked:
    """Texts with the spans of the fields that are known there: every occurrence of a known field is marked."""

    name: str
    texts: list
    spans: list  # [text] -> [(start, end, key)], code points
    known: list  # [text] -> set of keys, or None: all of wordings
    wordings: dict  # key -> (names, descriptions)
    weight: float
    held: bool = False


def spaced(name):
    return re.sub(r"[_\s]+", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)).strip()


def read_jsonl(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def read_tsv(path):
    with open(path, encoding="utf-8") as file:
        head = file.readline().rstrip("\n").split("\t")
        return [dict(zip(head, line.rstrip("\n").split("\t"))) for line in file]


# ---- Labelled texts ---------------------------------------------------------------


def own_labels():
    for path in sorted((CORPUS / "labels").glob("*.jsonl")):
        head, *rows = read_jsonl(path)
        keys = list(head["labels"])
        yield Labelled(
            path.stem,
            [r["text"] for r in rows],
            [keys.index(r["label"]) for r in rows],
            [head["labels"][k]["names"] for k in keys],
            [[head["labels"][k]["description"]] for k in keys],
            own=True,
            held=path.stem in HELD_LABEL_SETS,
        )


def plain_labelled(name, rows):
    keys = sorted({r["label"] for r in rows})
    at = {k: i for i, k in enumerate(keys)}
    return Labelled(name, [r["text"] for r in rows], [at[r["label"]] for r in rows], [[spaced(k)] for k in keys],
                    [[] for _ in keys], own=False)


def unseen_clinc(folder):
    """Every fifth intent by sorted name is left out of training."""
    names = sorted({r["label"] for r in read_tsv(folder / "clinc150" / "train.tsv")})
    return set(names[::5])


def public_labels(folder):
    unseen = unseen_clinc(folder)
    yield plain_labelled("clinc150", [r for r in read_tsv(folder / "clinc150" / "train.tsv") if r["label"] not in unseen])
    yield plain_labelled("hwu64", read_jsonl(folder / "hwu64" / "train.jsonl"))
    yield plain_labelled("snips", read_jsonl(folder / "snips" / "train.jsonl"))
    yield plain_labelled("dbpedia14", read_tsv(folder / "dbpedia14" / "train.tsv"))
    emotions = [{"text": r["text"], "label": r["labels"]} for r in read_tsv(folder / "goemotions" / "train.tsv")
                if "," not in r["labels"] and "|" not in r["labels"]]
    yield plain_labelled("goemotions", emotions)


def calibration_labels(folder):
    """
    What confidences are fitted on: own sets kept aside, which are hard, and rows of public sets that training has not
    met, of labels that it has, which are easy and many.
    """
    yield from (s for s in own_labels() if s.held)
    unseen = unseen_clinc(folder)
    yield plain_labelled("clinc150", [r for r in read_tsv(folder / "clinc150" / "dev.tsv") if r["label"] not in unseen])
    yield plain_labelled("hwu64", read_jsonl(folder / "hwu64" / "test.jsonl"))
    yield plain_labelled("dbpedia14", read_tsv(folder / "dbpedia14" / "test.tsv"))
    yield plain_labelled("snips", read_jsonl(folder / "snips" / "test.jsonl"))


def conditions():
    """(condition, texts where it holds, texts where it does not)."""
    for path in sorted((CORPUS / "conditions").glob("*.jsonl")):
        for row in read_jsonl(path)[1:]:
            yield row["condition"], row["yes"], row["no"]


# ---- Texts with marked fields -------------------------------------------------------

MARK = re.compile(r"⟦([^|⟧]+)\|([^⟧]*)⟧")


def read_marks(marked):
    """Text with ⟦key|value⟧ -> text, spans."""
    text, spans, at = "", [], 0
    for match in MARK.finditer(marked):
        text += marked[at : match.start()]
        for key in match[1].split("+"):
            spans.append((len(text), len(text) + len(match[2]), key.strip()))
        text += match[2]
        at = match.end()
    return text + marked[at:], spans


def own_fields():
    folder = CORPUS / "extraction"
    for path in sorted(folder.glob("*.jsonl")):
        head, *rows = read_jsonl(path)
        pairs = [read_marks(r["text"]) for r in rows]
        yield Marked(
            "own " + path.stem,
            [p[0] for p in pairs],
            [p[1] for p in pairs],
            [None] * len(pairs),
            {k: (f["names"], [f["description"], *f.get("questions", [])]) for k, f in head["fields"].items()},
            weight=0.08,
            held=path.stem in HELD_FIELD_SETS,
        )


def synthetic_fields(rows, seed):
    """Rows of ../synthesize by domain; a row knows the fields that it names."""
    out = subprocess.run([sys.executable, SYNTHESIZE, "--seed", str(seed), "--rows", str(rows)], check=True,
                         capture_output=True, text=True).stdout
    domains = {}
    for line in out.splitlines():
        row = json.loads(line)
        domains.setdefault(row["domain"], []).append(row)
    for name, members in domains.items():
        # a row leaves out a name that would fit another value of its text, too: only names that all rows have are safe
        wordings = {}
        for key, known in ((k, f) for r in members for k, f in r["fields"].items()):
            names, descriptions = wordings.setdefault(key, (known["names"], known["descriptions"]))
            safe = [n for n in names if n in known["names"]]
            wordings[key] = (safe or names, descriptions)
        yield Marked(
            "synthetic " + name,
            [r["text"] for r in members],
            [[tuple(s) for s in r["spans"]] for r in members],
            [set(r["fields"]) for r in members],
            wordings,
            weight=6.0 * len(members) / rows,
        )


def plain_marked(name, rows, weight, group=lambda row: ""):
    """Groups of rows whose types are told from each other; types outside a group are not known there."""
    groups = {}
    for row in rows:
        groups.setdefault(group(row), []).append(row)
    for key, members in sorted(groups.items()):
        types = sorted({s[2] for r in members for s in r["spans"]})
        if types and len(members) >= 10:
            yield Marked(f"{name} {key}".strip(), [r["text"] for r in members], [[tuple(s) for s in r["spans"]] for r in members],
                         [None] * len(members), {t: ([spaced(t)], []) for t in types}, weight * len(members) / len(rows))


def public_fields(folder):
    yield from plain_marked("fewnerd", read_jsonl(folder / "fewnerd" / "train.jsonl"), 1.5)
    yield from plain_marked("ner_mix", read_jsonl(folder / "ner_mix" / "bio_it_food_wiki.train.jsonl"), 1.5, lambda r: r["src"])
    yield from plain_marked("btc", read_jsonl(folder / "ner_mix" / "btc.train.jsonl"), 0.8)
    yield from plain_marked("snips", read_jsonl(folder / "snips" / "train.jsonl"), 0.7, lambda r: r["label"])
    yield from plain_marked("hwu64", read_jsonl(folder / "hwu64" / "train.jsonl"), 0.7, lambda r: r["domain"])
    yield from plain_marked("bitext", read_jsonl(folder / "bitext_support" / "entities_train.jsonl"), 0.1)
    schema = json.loads((folder / "sgd_slots" / "schema.json").read_text())
    rows = read_jsonl(folder / "sgd_slots" / "train.jsonl")
    for service in sorted({r["service"] for r in rows}):
        members = [r for r in rows if r["service"] == service]
        slots = schema[service]["slots"]
        wordings = {k: ([spaced(k)], [slots[k]]) for k in schema[service]["noncat"]}
        yield Marked("sgd " + service, [r["text"] for r in members],
                     [[tuple(s) for s in r["spans"] if s[2] in wordings] for r in members], [None] * len(members), wordings,
                     2.0 * len(members) / len(rows))
    yield questions(folder)


def questions(folder):
    """Paragraphs with questions as descriptions of the field "answer"; each question is its own field."""
    texts, spans, known, wordings = [], [], [], {}
    rng = random.Random(0)
    rows = read_jsonl(folder / "xquad_en" / "dev.jsonl")
    for i, row in enumerate(rows):
        keys = set()
        marked = []
        for j, qa in enumerate(row["qas"]):
            key = f"{i} {j}"
            wordings[key] = ([qa["q"]], [])
            keys.add(key)
            marked.append((qa["start"], qa["start"] + len(qa["answer"]), key))
        wrong = rng.randrange(len(rows))
        if wrong != i:
            keys |= {f"{wrong} {j}" for j in range(len(rows[wrong]["qas"]))}
        texts.append(row["text"])
        spans.append(marked)
        known.append(keys)
    return Marked("xquad", texts, spans, known, wordings, 0.4)


# ---- Pairs and documents ---------------------------------------------------------------


def similar_pairs(folder, split):
    return [(r["s1"], r["s2"], float(r["score"])) for r in read_tsv(folder / "stsb" / f"{split}.tsv")]


def documents(folder):
    """(set, sentences, how good each is: >= 0); some abstracts lack scores and are left out."""
    for row in read_jsonl(folder / "scitldr" / "train.jsonl"):
        if len(row["sentences"]) == len(row["rouge"]):
            yield "scitldr", row["sentences"], row["rouge"]
    for path in sorted((CORPUS / "summaries").glob("*.jsonl")):
        for row in read_jsonl(path)[1:]:
            yield path.stem, row["sentences"], [s / 3 for s in row["score"]]
