"""encoding.py - texts to token ids, words and their looks, as the C engine makes them

A word is what BERT's pre-tokenizer calls one: a run of letters and digits, or one punctuation character.  Its look is
what the tokens do not say: the shape of its letters, and whether it begins or ends a line; src/model/README.md numbers both.
"""

import unicodedata
from dataclasses import dataclass

import numpy as np
import torch
from tokenizers import Tokenizer

from network import base_folder

WINDOW = 384  # tokens of one window, special ones included
MAX_SPAN_WORDS = 32

# A look is a shape and where on its line the word stands.
BEGINS_LINE, ENDS_LINE = 16, 32


@dataclass
class Encoded:
    """One text.  Offsets are code points of the text; word numbers count from 0, -1 for special tokens."""

    ids: np.ndarray  # [T] int32
    word: np.ndarray  # [T] int32
    look: np.ndarray  # [T] uint8
    word_start: np.ndarray  # [W] first code point
    word_end: np.ndarray  # [W] one past the last
    first: np.ndarray  # [W] first token of the word
    last: np.ndarray  # [W] last token of it


def _tokenizer():
    tokenizer = Tokenizer.from_file(str(base_folder() / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


TOKENIZER = _tokenizer()


def _letters(word):
    return [c for c in word if unicodedata.category(c)[0] == "L"]


def word_shape(word):
    """The shape of a word of the text, 1 .. 15; 0 is for special tokens."""
    if len(word) == 1:
        category = unicodedata.category(word)
        if category == "Sc":
            return 10
        if word in "@#/\\:_-":
            return 11
        if word in ".,":
            return 12
        if word in "!?;'\"()[]{}…" or category in ("Ps", "Pe", "Pi", "Pf"):
            return 13
        if category[0] not in "LNM":
            return 14
    letters = _letters(word)
    digits = sum(c.isdigit() for c in word)
    if digits and not letters:
        return 6 if digits <= 2 else 7 if digits <= 4 else 8
    if digits:
        return 9
    upper = [c.isupper() for c in letters]
    lower = [c.islower() for c in letters]
    if not letters or not (any(upper) or any(lower)):
        return 15
    if all(lower):
        return 1
    if all(upper):
        return 4 if len(letters) == 1 else 3
    if upper[0] and all(lower[1:]):
        return 2
    return 5


def has_line_end(between):
    return "\n" in between or "\r" in between


def encode_all(texts):
    """Encoded of each text, whole."""
    out = []
    for text, encoding in zip(texts, TOKENIZER.encode_batch(texts)):
        word = np.array([-1 if w is None else w for w in encoding.word_ids], np.int32)
        offsets = np.array(encoding.offsets, np.int64).reshape(-1, 2)
        # word ids may skip numbers where a word vanished (control characters); number them anew
        seen = np.unique(word[word >= 0])
        word = np.where(word >= 0, np.searchsorted(seen, word), -1).astype(np.int32)
        n = len(seen)
        tokens = np.nonzero(word >= 0)[0]
        first, last = np.zeros(n, np.int32), np.zeros(n, np.int32)
        first[word[tokens[::-1]]] = tokens[::-1]
        last[word[tokens]] = tokens
        start, end = offsets[first, 0], offsets[last, 1]
        looks = np.zeros(n + 1, np.uint8)  # the last one serves word -1
        for i in range(n):
            looks[i] = word_shape(text[start[i] : end[i]])
            if i == 0 or has_line_end(text[end[i - 1] : start[i]]):
                looks[i] += BEGINS_LINE
            if i == n - 1 or has_line_end(text[end[i] : start[i + 1]]):
                looks[i] += ENDS_LINE
        out.append(Encoded(np.array(encoding.ids, np.int32), word, looks[word], start, end, first, last))
    return out


def token_ids(texts):
    """Token ids alone, special ones included."""
    return [np.array(e.ids, np.int32) for e in TOKENIZER.encode_batch(texts)]


def cut(ids, most=WINDOW):
    """The first window of a longer sequence, its last token kept."""
    return ids if len(ids) <= most else np.concatenate([ids[: most - 1], ids[-1:]])


def pad(rows, value=0):
    """Sequences of different lengths -> tensor [B][T], mask [B][T]."""
    longest = max(len(r) for r in rows)
    out = np.full((len(rows), longest), value, np.int64)
    mask = np.zeros((len(rows), longest), bool)
    for i, row in enumerate(rows):
        out[i, : len(row)] = row
        mask[i, : len(row)] = True
    return torch.from_numpy(out), torch.from_numpy(mask)
