#!/usr/bin/env python3
"""Makes src/tokenizer/unicode_tables.inc from Hugging Face's tokenizers.

The package carries several Unicode versions at once (its normalization, its
general categories, its lower-casing and its regular expressions are of
different ages), so no single Unicode database gives its answers.  This
script asks the package itself, once for every scalar value, and writes down
what it says.  Grapheme clusters, which it splits but does not show, come from
the regex package; the class that matters most, what joins a letter before it,
is asked of tokenizers all the same and stands over regex's newer Unicode.

    python3 test/tools/make_unicode_tables.py > src/tokenizer/unicode_tables.inc
"""

import struct
import sys
import unicodedata

import regex
import tokenizers
from tokenizers import Regex, normalizers, pre_tokenizers

SCALARS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]

DROP, SPACE, CJK, PUNCT, MARK, LOWER, NFD, HANGUL, LETTER, NUMBER, WHITE = (
    1 << i for i in range(11)
)
NFKD, ACCENT = 1 << 24, 1 << 25
HANGUL_FIRST, HANGUL_COUNT = 0xAC00, 11172
JAMO_SECOND = [*range(0x1161, 0x1176), *range(0x11A8, 0x11C3)]  # vowels and tails, which join what is before

# Grapheme_Cluster_Break above the flags, with Extended_Pictographic as one more
# value (no character has both), and Indic_Conjunct_Break above that.
BREAK_SHIFT, CONJUNCT_SHIFT = 11, 15

# And above that, what other patterns of words ask of a character.
UPPER, SMALL, COMBINING, SIGN, NUMERIC, DEEPSEEK, COMPOSES = (1 << i for i in range(17, 24))
PROPERTIES = {UPPER: r"[\p{Lu}\p{Lt}]", SMALL: r"\p{Ll}", COMBINING: r"\p{M}", SIGN: r"\p{P}"}

# The letters that DeepSeek LLM's tokenizer.json spells out, by first and last.
DEEPSEEK_LETTERS = """
41-5A 61-7A B5 C0-D6 D8-F6 F8-1BA 1BC-1BF 1C4-293 295-2AF 370-373 376-377 37B-37D 37F 386 388-38A 38C 38E-3A1
3A3-3F5 3F7-481 48A-52F 531-556 10A0-10C5 13A0-13F5 13F8-13FD 1C90-1CBA 1CBD-1CBF 1D00-1D2B 1D6B-1D77 1D79-1D9A
1E00-1F15 1F18-1F1D 1F20-1F45 1F48-1F4D 1F50-1F57 1F59 1F5B 1F5D 1F5F-1F7D 1F80-1FB4 1FB6-1FBC 1FBE 1FC2-1FC4
1FC6-1FCC 1FD0-1FD3 1FD6-1FDB 1FE0-1FEC 1FF2-1FF4 1FF6-1FFC 2102 2107 210A-2113 2115 2119-211D 2124 2126 2128
212A-212D 212F-2134 2139 213C-213F 2145-2149 214E 2183-2184 2C00-2C7B 2C7E-2CE4 2CEB-2CEE 2CF2-2CF3 A640-A66D
A680-A69B A722-A76F A771-A787 A78B-A78E AB70-ABBF FB00-FB06 FB13-FB17 FF21-FF3A FF41-FF5A 10400-1044F 104B0-104D3
104D8-104FB 10C80-10CB2 10CC0-10CF2 118A0-118DF 1E900-1E943
"""
DEEPSEEK_RANGES = [tuple(int(end, 16) for end in (part.split("-") * 2)[:2]) for part in DEEPSEEK_LETTERS.split()]
BREAKS = (
    ["CR", "LF", "Control", "Extend", "ZWJ", "Regional_Indicator", "Prepend", "SpacingMark"]
    + ["L", "V", "T", "LV", "LVT"]
)
CONJUNCTS = ["Consonant", "Linker", "Extend"]


def bert(clean=False, cjk=False, strip=False, lower=False):
    return normalizers.BertNormalizer(
        clean_text=clean, handle_chinese_chars=cjk, strip_accents=strip, lowercase=lower
    ).normalize_str


def hangul(c):
    """Canonical decomposition of a syllable, The Unicode Standard 3.12."""
    s = c - HANGUL_FIRST
    parts = [0x1100 + s // 588, 0x1161 + s % 588 // 28]
    return "".join(map(chr, parts + ([0x11A7 + s % 28] if s % 28 else [])))


def combining_classes(nfd):
    """The combining class that the package's NFD uses, found by how it sorts.

    One reference per class; which pairs it swaps gives the class.  The
    references' own classes are stable in Unicode since long before the oldest
    version inside the package.
    """
    low, high = "\u0334", "\u0345"  # classes 1 and 240, the least and the greatest

    def starter(s):
        return s not in (low, high) and nfd(s + low) == s + low and nfd(high + s) == high + s

    reference = {}
    for c in SCALARS:
        s = chr(c)
        if unicodedata.combining(s) and nfd(s) == s and not starter(s):
            reference.setdefault(unicodedata.combining(s), s)
    classes = {}
    for c in SCALARS:
        s = chr(c)
        if nfd(s) != s or starter(s):
            continue
        larger = [v for v, r in reference.items() if r != s and nfd(r + s) == s + r]
        smaller = [v for v, r in reference.items() if r != s and nfd(s + r) == r + s]
        between = [v for v in reference if v not in larger and v not in smaller]
        assert len(between) == 1, (hex(c), between)
        classes[c] = between[0]
    return classes


def joins_a_letter():
    """The scalar values that tokenizers puts into one cluster with an "a" before.

    A precompiled map that knows only "a" replaces a whole short cluster by what
    it has for the "a", so a mark that joined disappears.
    """
    unit = [0] * 512
    unit[0] = 256 << 10
    unit[256 + 0x61] = 0x61 | 1 << 8 | ((256 + 0x61) ^ 1) << 10
    trie = struct.pack("<512I", *unit)
    replace = normalizers.Precompiled(struct.pack("<I", len(trie)) + trie + b"X\0").normalize_str
    return {c for c in SCALARS if c != 0x61 and replace("a" + chr(c)) == "X"}


def cluster_classes():
    """Grapheme and conjunct classes, shifted to their place beside the flags."""
    classes = dict.fromkeys(SCALARS, 0)
    joining = joins_a_letter()

    def add(pattern, value):
        matches = regex.compile(pattern).match
        for c in SCALARS:
            if matches(chr(c)):
                classes[c] |= value

    for i, name in enumerate(BREAKS):
        add(r"\p{GCB=%s}" % name, (i + 1) << BREAK_SHIFT)
    add(r"\p{Extended_Pictographic}", (len(BREAKS) + 1) << BREAK_SHIFT)
    for i, name in enumerate(CONJUNCTS):
        add(r"\p{InCB=%s}" % name, (i + 1) << CONJUNCT_SHIFT)
    marks = {BREAKS.index(name) + 1 for name in ("Extend", "ZWJ", "SpacingMark")}
    for c in SCALARS:
        is_mark = (classes[c] >> BREAK_SHIFT & 15) in marks
        assert is_mark or c not in joining, hex(c)
        if is_mark and c not in joining:
            classes[c] = 0
    return classes


def matches(pattern):
    """The scalar values that a pattern of one character matches, in the engine that the package has."""
    split = pre_tokenizers.Split(Regex(pattern), "removed").pre_tokenize_str
    return {c for c in SCALARS if not split(chr(c))}


def compositions(nfds):
    """Pairs of characters that NFC makes one of, as the package does it; Hangul goes by arithmetic."""
    nfc = normalizers.NFC().normalize_str
    pairs = {}
    for c, parts in nfds.items():
        if nfc(chr(c)) == chr(c):
            first = nfc(parts[:-1])
            assert len(first) == 1 and nfc(first + parts[-1]) == chr(c), hex(c)
            pairs[ord(first), ord(parts[-1])] = c
    for c in range(HANGUL_FIRST, HANGUL_FIRST + HANGUL_COUNT):
        parts = hangul(c)
        assert nfc(parts) == chr(c) and nfc(nfc(parts[:2]) + parts[2:]) == chr(c)
    return pairs


def composing(pairs):
    """Scalar values that NFC changes, or that may join the one before."""
    nfc = normalizers.NFC().normalize_str
    seconds = {second for _, second in pairs} | set(JAMO_SECOND)
    return {c for c in SCALARS if nfc(chr(c)) != chr(c)} | seconds


def probe():
    """Flags, combining class, lower case and decompositions of every scalar value, and what NFC composes."""
    clean, cjk, strip, lower = bert(clean=True), bert(cjk=True), bert(strip=True), bert(lower=True)
    nfd, nfkd = normalizers.NFD().normalize_str, normalizers.NFKD().normalize_str
    strip_all = normalizers.StripAccents().normalize_str
    split_bert = pre_tokenizers.BertPreTokenizer().pre_tokenize_str
    split_gpt2 = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True).pre_tokenize_str
    digits = pre_tokenizers.Digits(individual_digits=True).pre_tokenize_str
    ccc = combining_classes(nfd)
    clusters = cluster_classes()
    properties = {flag: matches(pattern) for flag, pattern in PROPERTIES.items()}
    letters = matches(r"\p{L}")
    deepseek = matches("[" + "".join(f"{chr(a)}-{chr(b)}" for a, b in DEEPSEEK_RANGES) + "]")
    flags, lowers, nfds, nfkds = {}, {}, {}, {}
    for c in SCALARS:
        s = chr(c)
        f = {"": DROP, " ": SPACE, s: 0}[clean(s)] if s != " " else SPACE
        f |= CJK if cjk(s) != s else 0
        pieces = len(split_bert("a" + s + "a"))
        f |= {1: 0, 2: WHITE, 3: PUNCT}[pieces]
        f |= MARK if strip(s) == "" else 0
        if lower(s) != s:
            f |= LOWER
            lowers[c] = lower(s)
        if nfd(s) != s:
            if HANGUL_FIRST <= c < HANGUL_FIRST + HANGUL_COUNT:
                f |= HANGUL
                assert nfd(s) == hangul(c)
            else:
                f |= NFD
                nfds[c] = nfd(s)
        f |= ACCENT if strip_all(s) == "" else 0
        if nfkd(s) != nfd(s):
            f |= NFKD
            nfkds[c] = nfkd(s)
        if len(split_gpt2("a" + s + "a")) == 1:
            f |= LETTER
        elif len(split_gpt2("1" + s + "1")) == 1:
            f |= NUMBER
        else:
            space = len(split_gpt2("!" + s + "!")) != 1
            assert space == bool(f & WHITE), hex(c)
        assert (c in letters) == bool(f & LETTER), hex(c)
        f |= sum(flag for flag, having in properties.items() if c in having)
        f |= NUMERIC if len(digits("a" + s + "a")) == 3 else 0
        f |= DEEPSEEK if c in deepseek else 0
        flags[c] = f | clusters[c]
    pairs = compositions(nfds)
    for c in composing(pairs):
        flags[c] |= COMPOSES
    for c in SCALARS:
        s = chr(c)
        decomposed = nfds.get(c, s) if not flags[c] & HANGUL else hangul(c)
        kept = "".join(x for x in decomposed if not flags[ord(x)] & MARK)
        assert strip(s) == kept, hex(c)
        # what tokenizer.h's memory bound rests on: no more characters than bytes
        assert len(kept) <= len(s.encode()) and len(lower(s)) <= len(s.encode())
        # where accents are stripped after NFKD, no character is left whose place depends on its class
        assert not ccc.get(c) or flags[c] & ACCENT
        # a character that ends a word ends a run of combining marks as well
        assert not (flags[c] & (PUNCT | CJK | SPACE) and ccc.get(c))
        # normalization makes no new class that the pre-tokenizer's order could see
        assert not any(flags[ord(x)] & (WHITE | DROP) for x in kept if x != s) or flags[c] & WHITE
    return flags, ccc, lowers, nfds, nfkds, pairs


def emit_numbers(name, ctype, numbers, out, storage="static const"):
    out.append(f"{storage} {ctype} {name}[{len(numbers)}] = {{")
    line = "\t"
    for n in numbers:
        word = f"{n},"
        if len(line) + len(word) > 96:
            out.append(line)
            line = "\t"
        line += word
    out.append(line)
    out.append("};")


def main():
    flags, ccc, lowers, nfds, nfkds, composed = probe()
    kinds = {(0, 0): 0}
    for c in SCALARS:
        kinds.setdefault((flags[c], ccc.get(c, 0)), len(kinds))
    assert len(kinds) <= 65536, len(kinds)
    of = [kinds[(flags[c], ccc.get(c, 0))] if c in flags else 0 for c in range(0x110000)]
    best = None
    for bits in (5, 6, 7, 8):
        pages = {}
        index = [
            pages.setdefault(tuple(of[at : at + (1 << bits)]), len(pages))
                for at in range(0, 0x110000, 1 << bits)
        ]
        size = sum(map(len, pages)) + len(index) * (1 if len(pages) <= 256 else 2)
        if best is None or size < best[0]:
            best = (size, bits, pages, index)
    _, bits, pages, index = best
    out = [
        "/*",
        " * unicode_tables.inc - character properties as Hugging Face's tokenizers see them",
        " *",
        " * Generated by test/tools/make_unicode_tables.py; do not edit.",
        f" * Asked of: tokenizers {tokenizers.__version__}, every scalar value.",
        f" * Clusters: regex {regex.__version__}. Unicode {unicodedata.unidata_version} of Python only"
        " names candidates for",
        " * combining classes.",
        " */",
        f"#define UNICODE_PAGE_BITS {bits}",
        "",
        "/* flags << 8 | canonical combining class, by kind */",
    ]
    emit_numbers("unicode_kinds", "uint64_t", [f << 8 | k for f, k in kinds], out)
    out += ["", "/* page of a code point */"]
    emit_numbers("unicode_index", "uint8_t" if len(set(index)) <= 256 else "uint16_t", index, out)
    out += ["", "/* kind of a code point within its page */"]
    emit_numbers("unicode_pages", "uint8_t" if len(kinds) <= 256 else "uint16_t", [k for page in pages for k in page], out)
    out += ["", "/* the role of an ASCII byte in WordPiece: 0 word, 1 space, 2 punctuation, 3 dropped */"]
    role = [1 if f & SPACE else 3 if f & DROP else 2 if f & PUNCT else 0 for f in map(flags.get, range(128))]
    emit_numbers("slm_unicode_ascii_role", "uint8_t", role, out, "const")
    out += ["", "/* code points with a lower case, and up to two code points of it */"]
    emit_numbers("unicode_lower_from", "uint32_t", sorted(lowers), out)
    assert max(map(len, lowers.values())) <= 2
    pairs = [ord(x) for c in sorted(lowers) for x in (lowers[c] + "\0")[:2]]
    emit_numbers("unicode_lower_to", "uint32_t", pairs, out)
    out += ["", "/* code points with a canonical decomposition, and up to four code points of it */"]
    emit_numbers("unicode_nfd_from", "uint32_t", sorted(nfds), out)
    assert max(map(len, nfds.values())) <= 4
    quads = [ord(x) for c in sorted(nfds) for x in (nfds[c] + "\0\0\0")[:4]]
    emit_numbers("unicode_nfd_to", "uint32_t", quads, out)
    out += ["", "/* code points whose compatibility decomposition differs, and where in the text below it ends */"]
    emit_numbers("unicode_nfkd_from", "uint32_t", sorted(nfkds), out)
    assert max(map(len, nfkds.values())) <= 18
    text, ends = [], []
    for c in sorted(nfkds):
        text += map(ord, nfkds[c])
        ends.append(len(text))
    emit_numbers("unicode_nfkd_end", "uint16_t", ends, out)
    emit_numbers("unicode_nfkd_text", "uint32_t", text, out)
    out += ["", "/* two code points, the first in the high half, and the one that they compose */"]
    emit_numbers("unicode_nfc_from", "uint64_t", [f"0x{a:x}{b:08x}" for a, b in sorted(composed)], out)
    emit_numbers("unicode_nfc_to", "uint32_t", [composed[pair] for pair in sorted(composed)], out)
    sys.stdout.write("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
