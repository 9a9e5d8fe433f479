"""tasks.py - the tasks on top of the network, as the C engine does them: what evaluation and calibration share"""

import math

import numpy as np
import torch
import torch.nn.functional as F

from encoding import MAX_SPAN_WORDS, WINDOW, encode_all, pad, token_ids
from network import SENTENCE_FEATURES
from sources import spaced

BATCH_TOKENS = 4096
STRIDE = 256


class Runner:
    """A network that answers.  bf16 is fast and near enough for looking in between; the tables are made in fp32."""

    def __init__(self, network, bf16=False):
        self.network = network.eval()
        self.bf16 = bf16

    def _context(self):
        return torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.bf16)

    def _batches(self, rows):
        """Indices of sequences of like length, at most BATCH_TOKENS tokens together."""
        order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
        part = []
        for i in order:
            if part and (len(part) + 1) * len(rows[i]) > BATCH_TOKENS:
                yield part
                part = []
            part.append(i)
        if part:
            yield part

    @torch.no_grad()
    def vectors(self, texts):
        """[N][D]: mean over tokens, a longer text's windows weighted by their tokens (overflow = chunk)."""
        room = 510
        rows, owner, share = [], [], []
        for i, ids in enumerate(token_ids(list(texts))):
            inner = ids[1:-1]
            for at in range(0, max(len(inner), 1), room):
                piece = inner[at : at + room]
                rows.append(np.concatenate([ids[:1], piece, ids[-1:]]))
                owner.append(i)
                share.append(len(piece) / len(inner) if len(inner) else 1.0)
        out = torch.zeros(len(texts), self.network.token_embd.embedding_dim)
        for part in self._batches(rows):
            with self._context():
                pooled = self.network.embed(*pad([rows[i] for i in part])).float()
            for i, row in zip(part, pooled):
                out[owner[i]] += share[i] * row
        return F.normalize(out, dim=-1)

    def embed(self, texts):
        return self.vectors(texts).numpy()

    @torch.no_grad()
    def choose(self, texts, labels):
        """Index of the best label of each text, and its confidence; what is missing to 1 is none of these."""
        network = self.network
        cosine = network.label_cosine(self.vectors(texts), self.vectors(labels))
        confidence = torch.softmax(network.label_logits(cosine), 1)[:, :-1]
        return cosine.argmax(1).numpy(), confidence.max(1).values.numpy()

    def extract(self, texts, fields):
        """For each text [(start, end, name)] of the fields (name, description)."""
        threshold = self.network.ext_threshold.item()
        spans = self.spans(texts, [field_text(*f) for f in fields])
        return [[(s[1], s[2], name) for (name, _), one in zip(fields, row) for s in greedy(one, threshold)] for row in spans]

    def extract_one(self, texts, fields):
        """For each text {name: value}: the best span of at least the threshold."""
        threshold = self.network.ext_threshold.item()
        spans = self.spans(texts, [field_text(*f) for f in fields])
        return [{name: text[one[0][1] : one[0][2]] for (name, _), one in zip(fields, row) if one and one[0][0] >= threshold}
                for text, row in zip(texts, spans)]

    @torch.no_grad()
    def sentence_scores(self, documents):
        for features in self.sentence_features(documents):
            yield features[:, :-SENTENCE_FEATURES], self.network.sentence_scores(features)

    def best_sentence(self, documents):
        return [d[int(score.argmax())] for d, (_, score) in zip(documents, self.sentence_scores(documents))]

    def summarize(self, documents, max_words):
        return [summary(d, vectors, score, max_words) for d, (vectors, score) in zip(documents, self.sentence_scores(documents))]

    @torch.no_grad()
    def spans(self, texts, fields):
        """
        For each text a list over fields of (score, start, end, first word, last word), best first, all candidates
        above 0.05; offsets are code points.
        """
        field = self.network.field_side(self.vectors(fields)).float()
        encoded = encode_all(list(texts))
        rows, looks, where = [], [], []
        for i, e in enumerate(encoded):
            inner = len(e.ids) - 2
            room = WINDOW - 2
            at = 0
            while True:
                piece = slice(1 + at, 1 + min(at + room, inner))
                rows.append(np.concatenate([e.ids[:1], e.ids[piece], e.ids[-1:]]))
                looks.append(np.concatenate([[0], e.look[piece], [0]]))
                where.append((i, at))
                if at + room >= inner:
                    break
                at += STRIDE
        found = [[{} for _ in fields] for _ in texts]
        for part in self._batches(rows):
            ids, mask = pad([rows[j] for j in part])
            look, _ = pad([looks[j] for j in part])
            with self._context():
                hidden = self.network.hidden(ids, mask)
                token = self.network.token_side(hidden, ids, mask, look).float()
            probability = torch.sigmoid(self.network.span_logits(token, field)).numpy()
            for b, j in enumerate(part):
                i, at = where[j]
                e = encoded[i]
                inside = (e.first >= 1 + at) & (e.last < 1 + at + len(rows[j]) - 2)
                words = np.nonzero(inside)[0]
                if len(words) == 0:
                    continue
                first, last = e.first[words] - at, e.last[words] - at
                for f in range(len(fields)):
                    start, end, middle = probability[0, b, f, first], probability[1, b, f, last], probability[2, b, f, first]
                    if start.max() < 0.05:
                        continue
                    for span, score in candidates(start, end, middle):
                        key = (words[span[0]], words[span[1]])
                        if score > found[i][f].get(key, 0):
                            found[i][f][key] = score
        out = []
        for i, e in enumerate(encoded):
            out.append([sorted(((s, int(e.word_start[a]), int(e.word_end[b]), int(a), int(b)) for (a, b), s in spans.items()),
                               key=lambda c: (-c[0], c[1], c[2])) for spans in found[i]])
        return out

    @torch.no_grad()
    def sentence_features(self, documents):
        """For each document, a list of sentences, [n][D + 8]: v and f of src/model/README.md."""
        out = []
        for sentences in documents:
            vectors = self.sentence_vectors(sentences)
            out.append(torch.cat([vectors, features(sentences, vectors)], 1))
        return out

    def sentence_vectors(self, sentences):
        """Sentences packed whole into windows; [n][D], unit length."""
        pieces = [ids[1:-1][: WINDOW - 2] for ids in token_ids(list(sentences))]
        bos, eos = token_ids([""])[0]
        windows, current = [], []
        for i, piece in enumerate(pieces):
            if current and sum(len(pieces[j]) for j in current) + len(piece) > WINDOW - 2:
                windows.append(current)
                current = []
            current.append(i)
        if current:
            windows.append(current)
        out = torch.zeros(len(sentences), self.network.token_embd.embedding_dim)
        for members in windows:
            row = np.concatenate([[bos], *(pieces[j] for j in members), [eos]])
            with self._context():
                hidden = self.network.hidden(*pad([row]))[0].float()
            at = 1
            for j in members:
                if len(pieces[j]):
                    out[j] = hidden[at : at + len(pieces[j])].mean(0)
                at += len(pieces[j])
        return F.normalize(out, dim=-1)


def field_text(name, description):
    name = spaced(name)
    return f"{name}: {description}" if description else name


def candidates(start, end, inside, least=0.05):
    """((i, j), score) of all spans of words i .. j whose score is at least that much."""
    total = np.concatenate([[0], np.cumsum(inside)])
    for i in np.nonzero(start >= least)[0]:
        stop = min(len(end), i + MAX_SPAN_WORDS)
        j = i + np.nonzero(end[i:stop] >= least)[0]
        if len(j) == 0:
            continue
        mean = (total[j + 1] - total[i]) / (j + 1 - i)
        score = np.minimum(np.minimum(start[i], end[j]), mean)
        for one, s in zip(j, score):
            if s >= least:
                yield (int(i), int(one)), float(s)


def greedy(spans, threshold):
    """Spans of one field by score, without overlap."""
    taken = []
    for span in spans:
        if span[0] < threshold:
            break
        if all(span[4] < t[3] or span[3] > t[4] for t in taken):
            taken.append(span)
    return taken


def features(sentences, vectors):
    """[n][8], src/model/README.md."""
    n = len(sentences)
    mean = F.normalize(vectors.mean(0), dim=-1)
    alike = vectors @ vectors.T
    rows = []
    for i, sentence in enumerate(sentences):
        words = sentence.split()
        digits = sum(any(c.isdigit() for c in w) for w in words)
        rows.append([
            float(vectors[i] @ mean),
            float(alike[i].sum() - alike[i, i]) / (n - 1) if n > 1 else 0.0,
            i / (n - 1) if n > 1 else 0.0,
            1.0 if i == 0 else 0.0,
            1 / (1 + i),
            math.log2(1 + len(words)) / 6,
            digits / len(words) if words else 0.0,
            math.log2(1 + n) / 6,
        ])
    return torch.tensor(rows)


def summary(sentences, vectors, score, max_words, weight=0.5):
    """
    Sentences as src/task/summarize.h takes them: by score against redundancy, while they fit, no worse than the text's
    mean; in the order of the text.
    """
    words = [len(s.split()) for s in sentences]
    if sum(words) <= max_words:
        return " ".join(sentences)
    low, high = score.min(), score.max()
    score = (score - low) / (high - low) if high > low else torch.zeros_like(score)
    alike = vectors @ vectors.T
    n = len(sentences)
    mean = (alike.sum() - alike.trace()) / max(n * (n - 1), 1)
    redundancy = torch.zeros(n)
    taken, left = [], max_words
    best = int(score.argmax())
    if words[best] > max_words:
        return " ".join(sentences[best].split()[:max_words])
    while True:
        value = weight * score - (1 - weight) * redundancy
        open_ = [i for i in range(n) if i not in taken and words[i] <= left and score[i] >= score.mean()
                 and (value[i] > 0 or not taken)]
        if not open_:
            return " ".join(sentences[i] for i in sorted(taken))
        one = max(open_, key=lambda i: float(value[i]))
        taken.append(one)
        left -= words[one]
        redundancy = torch.maximum(redundancy, ((alike[one] - mean) / (1 - mean)).clamp(min=0))
