#!/usr/bin/env python3
"""Labels are paid once: a trigger with 27 labels against the embeddings alone.

1,000 single-row inserts through a trigger that classifies into 27 labels, and
1,000 executions of a prepared slm_classify(), each against 1,000 executions of
a prepared slm_embed() of the same texts; in rounds of 10, the ways taking
turns, so that what else the machine does hits all alike.  A fresh backend
each; the first round, in which labels are embedded, counts.  The figure is the
ratio of the sums.  With labels embedded at each call it would be near 28.
"""

import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import common

LABELS = """cancel order|change order|change shipping address|check cancellation fee|check invoice|check payment methods|
check refund policy|complaint|contact customer service|contact human agent|create account|delete account|delivery
options|delivery period|edit account|get invoice|get refund|newsletter subscription|payment issue|place order|recover
password|registration problems|review|set up shipping address|switch account|track order|track refund""".replace(
    "|\n", "|").replace("\n", " ").split("|")
MOST = 1.1


def main():
    parser = common.arguments(__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--round", type=int, default=10)
    parser.add_argument("--types", default="f32,q8_0")
    args = common.parse(parser)
    report = common.Report(args)
    texts = common.made_up_texts(args.rows, 11, 1, 3)
    labels = common.literal(common.array_literal(LABELS))
    assert len(LABELS) == 27
    rows, ratios = [], []
    for kind in args.types.split(","):
        model = args.prefix + kind
        embedding, trigger, prepared = connections = [common.Connection(args.uri) for _ in range(3)]
        embedding.prepare("one", f"SELECT slm_embed($1::text, '{model}') IS NULL")
        trigger.query(f"""CREATE TEMP TABLE tickets (body text, label text);
            CREATE OR REPLACE FUNCTION pg_temp.tag() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN NEW.label := slm_classify(NEW.body, {labels}, '{model}'); RETURN NEW; END $$;
            CREATE TRIGGER tag BEFORE INSERT ON tickets FOR EACH ROW EXECUTE FUNCTION pg_temp.tag()""")
        trigger.prepare("one", "INSERT INTO tickets (body) VALUES ($1)")
        prepared.prepare("one", f"SELECT slm_classify($1::text, {labels}, '{model}')")
        # What every way pays once and is not about labels: plans, the image, pages.
        for connection in connections:
            connection.query(f"SELECT slm_embed('warm', '{model}') IS NULL")
        spent = [[], [], []]
        for start in range(0, len(texts), args.round):
            for connection, times in zip(connections, spent):
                began = time.perf_counter()
                for text in texts[start : start + args.round]:
                    connection.execute("one", text)
                times.append(time.perf_counter() - began)
        tagged = int(trigger.value("SELECT count(label) FROM tickets"))
        report.holds(f"{kind}: {args.rows} inserted rows have their label", tagged == args.rows)
        base = sum(spent[0])
        for name, times in zip(("embeddings alone", "inserts through a trigger", "prepared slm_classify"), spent):
            rows.append([f"{kind}, {name}", f"{sum(times):.3f}", f"{1000 * sum(times) / args.rows:.3f}",
                         f"{1000 * times[0] / args.round:.3f}", f"{sum(times) / base:.3f}"])
            if times is not spent[0]:
                ratios.append((f"{kind}, {name}", sum(times) / base))
        for connection in connections:
            connection.close()
    report.table([f"{args.rows} rows, {len(LABELS)} labels", "s", "ms a row", "first round", "ratio"], rows)
    for name, ratio in ratios:
        report.target(name + ", ratio to the embeddings alone", ratio, MOST, at_most=True, form="{:.3f}")
    report.finish()


if __name__ == "__main__":
    main()
