"""table.py - the measures of MODEL_CARD.md, of anything that embeds, chooses labels, extracts and summarizes

A run is the network in PyTorch (evaluate) or a model behind SQL (test/bench/slm_base.py).  The protocol is fixed:
label texts stand in labels.json or are the data set's own names; thresholds and calibration are the model's; no
evaluation row chooses anything.

    run.embed(texts) -> [N][D] array of unit length
    run.choose(texts, labels) -> index of the best label of each text, its confidence
    run.extract(texts, [(name, description)]) -> for each text [(start, end, name)], several of a field
    run.extract_one(texts, [(name, description)]) -> for each text {name: value}
    run.summarize(texts, max_words) -> texts
"""

import json
from pathlib import Path

import numpy as np

import scores
import sources

LABELS = json.loads((Path(__file__).parent / "labels.json").read_text())
ZERO_SHOT = ("agnews", "sst2", "it_tickets", "trec", "bitext_support")
SUMMARY_WORDS = 30


def label_texts(name, keys):
    own = LABELS.get(name, {})
    return [own.get(k, sources.spaced(k)) for k in keys]


def zero_shot(run, rows, name):
    """Which rows are right, and the confidence of each."""
    keys = sorted({r["label"] for r in rows})
    best, confidence = run.choose([r["text"] for r in rows], label_texts(name, keys))
    return np.array([keys[b] == r["label"] for b, r in zip(best, rows)]), confidence


def held(run):
    """Accuracy on each own label set that was kept aside."""
    for labelled in sources.own_labels():
        if labelled.held:
            best, _ = run.choose(labelled.texts, [n[0] for n in labelled.names])
            yield labelled.name, 100 * (np.array(best) == labelled.label).mean()


def measure(run, folder, most, wanted, say):
    """Says (set, measure, value) one by one."""

    def want(*names):
        return not wanted or any(n in wanted for n in names)

    if want("held"):
        every = list(held(run))
        for name, value in every:
            say("own " + name, "accuracy", value)
        say("own sets kept aside", "mean accuracy", np.mean([v for _, v in every]))
    if want("stsb"):
        pairs = sources.similar_pairs(folder, "test")
        a, b = run.embed([p[0] for p in pairs]), run.embed([p[1] for p in pairs])
        say("stsb", "Spearman", 100 * scores.spearman((a * b).sum(1), [p[2] for p in pairs]))
    if want("cranfield"):
        say("cranfield", "nDCG@10", scores.cranfield(run.embed, folder))
    right, confidence = [], []
    for name in ZERO_SHOT:
        if want(name, "zeroshot"):
            hit, sure = zero_shot(run, scores.sample(sources.read_tsv(folder / name / "test.tsv"), most), name)
            say(name, "accuracy", 100 * hit.mean())
            say(name, "of the surer half", 100 * hit[np.argsort(-sure, kind="stable")[: len(hit) // 2]].mean())
            say(name, "calibration error", 100 * scores.calibration_error(sure, hit))
            right.append(hit)
            confidence.append(sure)
    if want("clinc150", "zeroshot"):
        rows = sources.read_tsv(folder / "clinc150" / "test.tsv")
        hit, sure = zero_shot(run, rows, "clinc150")
        unseen = sources.unseen_clinc(folder)
        new = np.array([r["label"] in unseen for r in rows])
        say("clinc150, 30 unseen of 150", "accuracy", 100 * hit[new].mean())
        say("clinc150, 30 unseen of 150", "calibration error", 100 * scores.calibration_error(sure[new], hit[new]))
        say("clinc150, 120 seen", "accuracy", 100 * hit[~new].mean())
        right.append(hit[new])
        confidence.append(sure[new])
        outside = [r["text"] for r in sources.read_tsv(folder / "clinc150" / "oos.tsv")]
        keys = sorted({r["label"] for r in rows})
        _, lost = run.choose(outside, label_texts("clinc150", keys))
        say("clinc150", "AUROC, none of these", 100 * scores.auroc(sure, lost))
    if len(right) > 1:
        say("unseen label sets together", "calibration error",
            100 * scores.calibration_error(np.concatenate(confidence), np.concatenate(right)))
    if want("wnut17"):
        say("wnut17", "exact F1", scores.wnut17(run, folder, most))
    if want("sgd"):
        say("sgd, unseen services", "exact F1", scores.sgd(run, folder, most))
    if want("sroie"):
        for key, value in scores.sroie(run, folder, most):
            say("sroie " + key, "exact", value)
    if want("summaries"):
        for name, documents in scores.summary_sets(folder).items():
            documents = scores.sample(documents, most)
            say(name, "ROUGE-1, first sentence", scores.rouge([d[0][0] for d in documents], documents))
            say(name, f"ROUGE-1, {SUMMARY_WORDS} words",
                scores.rouge(run.summarize([d[0] for d in documents], SUMMARY_WORDS), documents))
            if hasattr(run, "best_sentence"):
                say(name, "ROUGE-1, one sentence", scores.rouge(run.best_sentence([d[0] for d in documents]), documents))
