"""scores.py - how each measure is computed: MODEL_PLAN's protocol, shared by evaluation and calibration"""

import json
import random
import re

import numpy as np

import sources


def sample(rows, most):
    """All of them, or so many, always the same ones."""
    return random.Random(7).sample(rows, most) if most and len(rows) > most else rows


def spearman(a, b):
    from scipy.stats import spearmanr

    return spearmanr(a, b).statistic


def cranfield(embed, folder):
    """nDCG@10 over all queries; code -1 and 1 .. 4 of the qrels count as relevant (1 is best)."""
    docs = sources.read_tsv(folder / "cranfield" / "docs.tsv")
    queries = sources.read_tsv(folder / "cranfield" / "queries.tsv")
    judged = {}
    for row in sources.read_tsv(folder / "cranfield" / "qrels.tsv"):
        judged.setdefault(row["query_id"], {})[row["doc_id"]] = int(row["code"])
    ids = [d["doc_id"] for d in docs]
    cosine = embed([q["text"] for q in queries]) @ embed([d["text"] for d in docs]).T
    out = []
    for query, row in zip(queries, cosine):
        relevant = {d for d, code in judged.get(query["query_id"], {}).items() if code > 0 or code == -1}
        if not relevant:
            continue
        best = np.argsort(-row, kind="stable")[:10]
        gain = sum(1 / np.log2(2 + i) for i, d in enumerate(best) if ids[d] in relevant)
        ideal = sum(1 / np.log2(2 + i) for i in range(min(10, len(relevant))))
        out.append(gain / ideal)
    return 100 * np.mean(out)


def auroc(inside, outside):
    """How well a number tells the texts that a label fits from those that none does; ties count half."""
    from scipy.stats import rankdata

    rank = rankdata(np.concatenate([inside, outside]))
    n, m = len(inside), len(outside)
    return (rank[:n].sum() - n * (n + 1) / 2) / (n * m)


def calibration_error(confidence, right, bins=10):
    """Expected calibration error over bins of equal width."""
    at = np.minimum((confidence * bins).astype(int), bins - 1)
    return sum(abs(confidence[at == b].mean() - right[at == b].mean()) * (at == b).mean() for b in range(bins) if (at == b).any())


# ---- Spans ------------------------------------------------------------------------------


def span_counts(found, gold, keys):
    """(hits, found, gold) of exact spans; both are lists over texts of (start, end, key)."""
    hits = n_found = n_gold = 0
    for own, right in zip(found, gold):
        own, right = set(own), {tuple(s) for s in right if s[2] in keys}
        hits += len(own & right)
        n_found += len(own)
        n_gold += len(right)
    return np.array([hits, n_found, n_gold])


def f1(counts):
    hits, found, gold = counts
    return 200 * hits / max(found + gold, 1)


def wnut17(run, folder, most):
    rows = sample(sources.read_jsonl(folder / "wnut17" / "test.jsonl"), most)
    keys = sorted({s[2] for r in rows for s in r["spans"]})
    found = run.extract([r["text"] for r in rows], [(k, "") for k in keys])
    return f1(span_counts(found, [r["spans"] for r in rows], keys))


def sgd(run, folder, most):
    """Slots of services that no training row has, by name and description."""
    schema = json.loads((folder / "sgd_slots" / "schema.json").read_text())
    rows = sample(sources.read_jsonl(folder / "sgd_slots" / "test_unseen_services.jsonl"), most)
    counts = 0
    for service in sorted({r["service"] for r in rows}):
        keys = schema[service]["noncat"]
        members = [r for r in rows if r["service"] == service]
        found = run.extract([r["text"] for r in members], [(k, schema[service]["slots"][k]) for k in keys])
        counts = counts + span_counts(found, [r["spans"] for r in members], keys)
    return f1(counts)


SROIE = [
    ("total", "the total amount to pay"),
    ("date", "the date of the receipt"),
    ("company", "the name of the shop or company"),
]


def sroie(run, folder, most):
    """Exact match of one value a field, in rows whose value stands in the text."""
    rows = sample(sources.read_jsonl(folder / "sroie" / "test.jsonl"), most)
    values = run.extract_one([r["text"] for r in rows], SROIE)
    for key, _ in SROIE:
        there = [(row, value) for row, value in zip(rows, values) if key in row["verbatim"]]
        yield key, 100 * np.mean([same_value(value.get(key) or "", row["fields"][key]) for row, value in there])


def same_value(a, b):
    """Currency and spacing apart."""

    def plain(value):
        return re.sub(r"\s+", " ", re.sub(r"^(RM|\$)\s*", "", value.strip().upper())).strip()

    return plain(a) == plain(b)


# ---- Summaries ------------------------------------------------------------------------------


def rouge1(text, reference):
    """F1 of lower-case [a-z0-9]+ words, as counts; in percent."""
    a, b = re.findall(r"[a-z0-9]+", text.lower()), re.findall(r"[a-z0-9]+", reference.lower())
    both = sum(min(a.count(w), b.count(w)) for w in set(a))
    return 200 * both / (len(a) + len(b)) if both else 0.0


def email_sentences(text):
    """Lines, then sentence ends: enough for a data set whose texts have about a sentence a line."""
    out = []
    for line in text.split("\n"):
        out += [s for s in re.split(r"(?<=[.!?])\s+(?=[A-Z0-9])", line.strip()) if s]
    return out


def summary_sets(folder):
    """name -> [(sentences, references)]."""
    return {
        "scitldr": [(r["sentences"], r["summaries"]) for r in sources.read_jsonl(folder / "scitldr" / "test.jsonl")],
        "aeslc": [(email_sentences(r["text"]), [*r["refs"], r["subject"]])
                  for r in sources.read_jsonl(folder / "aeslc" / "test.jsonl")],
    }


def rouge(choices, documents):
    """Mean over documents of the best reference's ROUGE-1."""
    return np.mean([max(rouge1(choice, r) for r in references) for choice, (_, references) in zip(choices, documents)])
