#!/usr/bin/env python3
"""Makes minilm.txt: what sentence-transformers computes with all-MiniLM-L6-v2.

    test/golden/make_minilm.py FOLDER     (needs sentence-transformers; FOLDER holds the model)

For every text of docs/demo/tickets.tsv one line "label TEXT\\tLABEL" with the
label that is nearest by cosine, then for every fifth text a line
"embedding TEXT\\tNUMBERS".
"""

import os
import sys

from sentence_transformers import SentenceTransformer

HERE = os.path.dirname(os.path.abspath(__file__))
TICKETS = os.path.join(HERE, "..", "..", "docs", "demo", "tickets.tsv")


def main():
    model = SentenceTransformer(sys.argv[1], device="cpu")
    with open(TICKETS, encoding="utf-8") as file:
        rows = [line.rstrip("\n").split("\t") for line in file]
    labels = sorted({row[0] for row in rows})
    texts = [row[2] for row in rows]
    of_texts = model.encode(texts, normalize_embeddings=True)
    of_labels = model.encode(labels, normalize_embeddings=True)
    with open(os.path.join(HERE, "minilm.txt"), "w", encoding="utf-8") as out:
        for text, best in zip(texts, (of_texts @ of_labels.T).argmax(1)):
            print(f"label {text}\t{labels[best]}", file=out)
        for text, vector in list(zip(texts, of_texts))[::5]:
            print(f"embedding {text}\t{' '.join(f'{x:.7g}' for x in vector.tolist())}", file=out)


if __name__ == "__main__":
    main()
