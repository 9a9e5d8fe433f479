"""scores.py - how each measure is computed: MODEL_PLAN's protocol, shared by evaluation and calibration"""

import json
import re

import numpy as np

import sources
from tasks import greedy


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
    cosine = (embed([q["text"] for q in queries]) @ embed([d["text"] for d in docs]).T).numpy()
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


def probabilities(network, cosine):
    """Confidence of every label; what is missing to 1 is none of these."""
    z = network.label_scale.item() * cosine
    none = network.label_none.item()
    most = np.maximum(z.max(1, keepdims=True), none)
    e = np.exp(z - most)
    return e / (e.sum(1, keepdims=True) + np.exp(none - most))


def auroc(network, inside, outside):
    """How well the greatest confidence tells texts that a label fits from those that none does."""
    a, b = probabilities(network, inside).max(1), probabilities(network, outside).max(1)
    every = np.concatenate([a, b])
    order = every.argsort(kind="stable")
    rank = np.empty(len(every))
    rank[order] = np.arange(len(every))
    for value in np.unique(every[order][1:][np.diff(every[order]) == 0]):
        at = every == value
        rank[at] = rank[at].mean()
    return (rank[: len(a)].sum() - len(a) * (len(a) - 1) / 2) / (len(a) * len(b))


def calibration_error(confidence, right, bins=10):
    """Expected calibration error over bins of equal width."""
    at = np.minimum((confidence * bins).astype(int), bins - 1)
    return sum(abs(confidence[at == b].mean() - right[at == b].mean()) * (at == b).mean() for b in range(bins) if (at == b).any())


# ---- Spans ------------------------------------------------------------------------------


def span_counts(found, gold, keys, threshold):
    """(hits, found, gold) of exact spans over the texts."""
    hits = n_found = n_gold = 0
    for spans, right in zip(found, gold):
        right = {(s[0], s[1], s[2]) for s in right if s[2] in keys}
        own = {(s[1], s[2], key) for key, one in zip(keys, spans) for s in greedy(one, threshold)}
        hits += len(own & right)
        n_found += len(own)
        n_gold += len(right)
    return np.array([hits, n_found, n_gold])


def f1(counts):
    hits, found, gold = counts
    return 200 * hits / max(found + gold, 1)


THRESHOLDS = np.arange(0.2, 0.8, 0.05)


def report(network, groups):
    """groups of (found, gold, keys): F1 at the model's threshold, and the best threshold's to see what it costs."""
    at = network.ext_threshold.item()
    yield "F1", f1(sum(span_counts(*g, at) for g in groups))
    yield "F1 at its best threshold", max(f1(sum(span_counts(*g, t) for g in groups)) for t in THRESHOLDS)


def wnut17(run, folder, most):
    rows = sources.read_jsonl(folder / "wnut17" / "test.jsonl")
    rows = rows[:most] if most else rows
    keys = sorted({s[2] for r in rows for s in r["spans"]})
    return report(run.network, [(run.spans([r["text"] for r in rows], keys), [r["spans"] for r in rows], keys)])


def sgd_groups(folder, most):
    schema = json.loads((folder / "sgd_slots" / "schema.json").read_text())
    rows = sources.read_jsonl(folder / "sgd_slots" / "test_unseen_services.jsonl")
    rows = rows[:: max(1, len(rows) // most)] if most else rows
    for service in sorted({r["service"] for r in rows}):
        keys = schema[service]["noncat"]
        fields = [f"{sources.spaced(k)}: {schema[service]['slots'][k]}" for k in keys]
        yield [r for r in rows if r["service"] == service], keys, fields


def sgd(run, folder, most):
    return report(run.network, [(run.spans([r["text"] for r in rows], fields), [r["spans"] for r in rows], keys)
                                for rows, keys, fields in sgd_groups(folder, most)])


def field_text(marked, key):
    names, descriptions = marked.wordings[key]
    return names[0].replace("_", " ") + (f": {descriptions[0]}" if descriptions else "")


def own_fields(run, _folder, _most):
    groups = []
    for marked in sources.own_fields():
        if marked.held:
            keys = list(marked.wordings)
            groups.append((run.spans(marked.texts, [field_text(marked, k) for k in keys]), marked.spans, keys))
    return report(run.network, groups) if groups else []


SROIE = {
    "total": "total: the total amount to pay",
    "date": "date: the date of the receipt",
    "company": "company: the name of the shop or company",
}


def sroie(run, folder):
    """Exact match of the best span, rows whose value stands in the text; numbers and dates as the text writes them."""
    rows = sources.read_jsonl(folder / "sroie" / "test.jsonl")
    found = run.spans([r["text"] for r in rows], list(SROIE.values()))
    for f, key in enumerate(SROIE):
        hits = n = 0
        for row, spans in zip(rows, found):
            if key not in row["verbatim"]:
                continue
            n += 1
            best = spans[f][0] if spans[f] else None
            value = row["text"][best[1] : best[2]] if best else ""
            hits += same_value(value, row["fields"][key])
        yield f"{key}, exact", 100 * hits / n


def same_value(a, b):
    def plain(value):
        return re.sub(r"\s+", " ", value.strip().upper()).lstrip("RM$ ").strip()

    return plain(a) == plain(b)


# ---- Summaries ------------------------------------------------------------------------------


def rouge1(text, reference):
    """F1 of lower-case [a-z0-9]+ words, as counts; in percent."""
    a, b = re.findall(r"[a-z0-9]+", text.lower()), re.findall(r"[a-z0-9]+", reference.lower())
    both = sum(min(a.count(w), b.count(w)) for w in set(a))
    return 200 * both / (len(a) + len(b)) if both else 0.0


def email_sentences(text):
    """Lines, then sentence ends: enough for a data set whose texts have a sentence a line."""
    out = []
    for line in text.split("\n"):
        out += [s for s in re.split(r"(?<=[.!?])\s+(?=[A-Z0-9])", line.strip()) if s]
    return out


def summaries(run, folder):
    """One sentence a document, the best of the references."""
    sets = {
        "scitldr": [(r["sentences"], r["summaries"]) for r in sources.read_jsonl(folder / "scitldr" / "test.jsonl")],
        "aeslc": [(email_sentences(r["text"]), [*r["refs"], r["subject"]]) for r in sources.read_jsonl(folder / "aeslc" / "test.jsonl")],
    }
    for name, documents in sets.items():
        values, lead = [], []
        for (sentences, references), features in zip(documents, run.sentence_features([d[0] for d in documents])):
            best = int(run.network.sentence_scores(features).argmax())
            values.append(max(rouge1(sentences[best], r) for r in references))
            lead.append(max(rouge1(sentences[0], r) for r in references))
        yield f"{name}, lead", np.mean(lead)
        yield name, np.mean(values)
