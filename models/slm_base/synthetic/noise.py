"""What happens to text between its author and a database: casing, typos, lost punctuation. Values keep their characters
(but not their case), so the marks stay true."""
import re

from .words import SHORTHAND

TYPO_ROWS, TYPO_WORDS = 0.12, 0.07
BARE_ROWS = 0.08
SHORTHAND_ROWS = 0.05
CAPITAL = 0.85
WORD = re.compile(r"[A-Za-z]{4,}")
ARTICLE = re.compile(r"(^|[\s(])([Aa])( +)$")
SHORT = re.compile(r"\b(" + "|".join(sorted(SHORTHAND, key=len, reverse=True)) + r")\b")
SENTENCE_START = re.compile(r"(^|[.!?]\s+|\n\s*)$")


def typo(draw, word):
    at = draw.between(1, len(word) - 2)
    kind = draw.random()
    if kind < 0.4:
        return word[:at] + word[at + 1] + word[at] + word[at + 2:]
    if kind < 0.75:
        return word[:at] + word[at + 1:]
    return word[:at] + word[at] + word[at:]


def spacing(pieces):
    """Closes the holes that parts left out leave in literal text: no space at the start of a line, before a stop, or twice."""
    before = None
    for piece in pieces:
        if not piece.text:
            continue
        if piece.verbatim is None:
            single = piece.text[0] == " " != piece.text[1:2]
            if single and (before is None or before.text[-1] in " \n\t"):
                piece.text = piece.text[1:]
            elif before is not None and before.verbatim is None and before.text.endswith(" ") and piece.text[0] in ".,\n":
                before.text = before.text[:-1]
        if piece.text:
            before = piece


def grammar(draw, pieces):
    """Makes values fit their sentence: "an" before a vowel, a capital at the start, one full stop at the end."""
    for before, piece in zip(pieces, pieces[1:]):
        if piece.verbatim is not None and before.verbatim is None and piece.text[:1].lower() in tuple("aeio"):
            before.text = ARTICLE.sub(r"\1\2n\3", before.text)
        if piece.verbatim is None and before.verbatim is not None and before.text[-1:] == "." == piece.text[:1]:
            piece.text = piece.text[1:]
    if not draw.chance(CAPITAL):
        return
    tail = ""
    for piece in pieces:
        if piece.verbatim is False and piece.text[:1].islower() and SENTENCE_START.search(tail):
            piece.text = piece.text[0].upper() + piece.text[1:]
        tail = (tail + piece.text)[-4:]


def recase(text, change):
    """Upper or lower case that keeps the number of characters."""
    changed = change(text)
    if len(changed) == len(text):
        return changed
    return "".join([change(char) if len(change(char)) == 1 else char for char in text])


def apply(draw, pieces, lower, upper):
    """Changes the pieces in place; lower and upper are the chances that the whole text is in that case."""
    spacing(pieces)
    grammar(draw, pieces)
    if draw.chance(SHORTHAND_ROWS):
        for piece in pieces:
            if piece.verbatim is None:
                piece.text = SHORT.sub(lambda m: SHORTHAND[m[0]], piece.text)
    if draw.chance(TYPO_ROWS):
        for piece in pieces:
            if piece.verbatim is None:
                piece.text = WORD.sub(lambda m: typo(draw, m[0]) if draw.chance(TYPO_WORDS) else m[0], piece.text)
    if draw.chance(BARE_ROWS):
        for piece in pieces:
            if piece.verbatim is None and WORD.search(piece.text):
                piece.text = re.sub(r"[,.!?](?=\s|$)", "", piece.text)
    kind = draw.random()
    change = str.lower if kind < lower else str.upper if kind < lower + upper else None
    if change:
        for piece in pieces:
            piece.text = recase(piece.text, change)
