-- The SQL of `make demo`; runs in an empty database, started from the repository's root.
\pset footer off
\pset linestyle ascii
SET client_min_messages = warning;

\echo
\echo '--- CREATE EXTENSION brings a model, and everything below runs on it'
\echo
CREATE EXTENSION slm;
-- The first call turns the file into an image that every backend maps.
SELECT clock_timestamp() AS started \gset
SELECT slm_load('slm_base') \g /dev/null
SELECT round(1000 * extract(epoch FROM clock_timestamp() - :'started')) AS ready \gset
SELECT name, architecture, round(parameters / 1e6, 1) || ' M' AS parameters, dimensions, heads, licence,
       pg_size_pretty(bytes) AS "memory, once for all backends", :'ready' || ' ms' AS "made ready in"
FROM slm_models;

\echo '--- slm_classify() on 80 tickets, orders and log lines: two of each label, and all that went wrong'
\echo
CREATE TABLE tickets (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, kind text, body text, label text, predicted text);
CREATE TEMP TABLE given (label text, kind text, body text);
\copy given FROM 'docs/demo/tickets.tsv'
INSERT INTO tickets (kind, body, label) SELECT kind, body, label FROM given;
ANALYZE tickets;
SELECT array_agg(DISTINCT label) AS labels FROM tickets \gset
UPDATE tickets SET predicted = slm_classify(body, :'labels');

SELECT left(body, 70) AS text, label AS "right label", predicted,
       CASE WHEN label = predicted THEN '' ELSE 'wrong' END AS " "
FROM (SELECT *, row_number() OVER (PARTITION BY label ORDER BY md5(body)) AS n FROM tickets) AS shown
WHERE n <= 2 OR label <> predicted
ORDER BY label, n;
SELECT coalesce(label, 'all') AS label, count(*) AS rows, count(*) FILTER (WHERE label = predicted) AS right,
       round(100.0 * count(*) FILTER (WHERE label = predicted) / count(*), 1) AS "accuracy, %"
FROM tickets GROUP BY ROLLUP (label) ORDER BY tickets.label NULLS LAST;

\echo '--- slm_extract() on 16 mails and orders: five fields each, and all that went wrong'
\echo
CREATE TABLE orders (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text, answer jsonb, extracted jsonb);
\copy orders (body, answer) FROM 'docs/demo/fields.tsv'
\set schema '{"order_number": "identifier", "product": "the product that was bought", "amount": "money", "day": "date", "customer": "name of the customer"}'
\echo :schema
UPDATE orders SET extracted = slm_extract(body, :'schema');
SELECT left(body, 40) || '...' AS text, extracted ->> 'order_number' AS order_number, extracted ->> 'product' AS product,
       extracted ->> 'amount' AS amount, extracted ->> 'day' AS day, extracted ->> 'customer' AS customer
FROM orders WHERE id <= 6 ORDER BY id;
SELECT substr(body, strpos(body, coalesce(answer ->> key, value #>> '{}')) - 15, 55) AS "... text ...", key AS field,
       answer ->> key AS "right answer", value #>> '{}' AS extracted
FROM orders, jsonb_each(extracted) WHERE answer -> key <> value ORDER BY id, key;
SELECT coalesce(key, 'all') AS field, count(*) AS rows, count(*) FILTER (WHERE answer -> key = value) AS right,
       round(100.0 * count(*) FILTER (WHERE answer -> key = value) / count(*), 1) AS "right, %"
FROM orders, jsonb_each(extracted) GROUP BY ROLLUP (key) ORDER BY key NULLS LAST;
\echo '--- slm_extract_spans() says where a value stands, and how sure it is'
\echo
SELECT field, value, start, length, substr(body, start, length) AS source, round(confidence::numeric, 2) AS confidence
FROM orders, slm_extract_spans(body, :'schema') WHERE id = 1;

\echo '--- slm_summarize() in at most 40 words, beside what a reader wrote'
\echo
CREATE TABLE mails (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text, written text);
\copy mails (body, written) FROM 'docs/demo/mails.tsv'
\pset format unaligned
\pset fieldsep ': '
\pset expanded on
SELECT cardinality(string_to_array(body, ' ')) || ' words: ' || left(body, 90) || '...' AS mail,
       slm_summarize(body, 40) AS slm_summarize, written AS "by a reader"
FROM mails ORDER BY id;
\pset expanded off
\pset format aligned
\echo

\echo '--- slm_rank(): the five tickets nearest to a question'
\echo
\set question 'my package has not come yet, where is it?'
\echo :question
SELECT round(slm_rank(body, :'question')::numeric, 3) AS similarity, left(body, 80) AS text
FROM tickets ORDER BY slm_rank(body, :'question') DESC LIMIT 5;

\echo '--- slm_filter(): for how many tickets of each label does a condition hold?'
\echo
SELECT label, count(*) AS rows, count(*) FILTER (WHERE slm_filter(body, 'wants money back')) AS "wants money back",
       count(*) FILTER (WHERE slm_filter(body, 'a parcel or its delivery')) AS "a parcel or its delivery"
FROM tickets GROUP BY label ORDER BY label;

\echo '--- slm_redact(), for what may leave the house'
\echo
SELECT slm_redact('Call Anna Keller back: +49 30 1234567 or anna.keller@example.org, card 4111 1111 1111 1111.', '{person,phone,email,card}');

\echo '--- slm_train_classifier(): queues whose names say nothing, learned from half of the tickets, tried on the other half'
\echo
CREATE TABLE queued AS SELECT id, body, 'queue ' || dense_rank() OVER (ORDER BY label) AS queue,
                              row_number() OVER (PARTITION BY label ORDER BY md5(body)) % 2 = 0 AS solved FROM tickets;
SELECT labels, rows, round(100 * accuracy) AS "accuracy, leaving one out, %"
FROM slm_train_classifier('queues', 'SELECT body, queue FROM queued WHERE solved');
SELECT count(*) AS "other tickets", count(*) FILTER (WHERE slm_classify(body, model => 'queues') = queue) AS right
FROM queued WHERE NOT solved;

\echo '--- A decoder writes JSON: the 3 MB model of the tests, on tickets it was not trained on'
\echo
SELECT slm_create_model('ticket_json', 'ticket_json.gguf', '{"prompt_format": "chatml"}') AS model \gset
CREATE TEMP TABLE unseen (line jsonb);
\copy unseen FROM 'test/golden/ticket_json.jsonl' WITH (FORMAT csv, DELIMITER E'\x01', QUOTE E'\x02')
CREATE TEMP TABLE written AS
SELECT line ->> 'text' AS text, line -> 'values' AS right,
       slm_extract(line ->> 'text', line -> 'schema', 'ticket_json') AS written
FROM unseen;
SELECT text, written, CASE WHEN written <> "right" THEN format('right: %s', "right") END AS wrong
FROM written WHERE length(text) < 100 AND text !~ E'\n' ORDER BY length(text) LIMIT 6;
SELECT count(*) AS fields, count(*) FILTER (WHERE written -> key = value) AS right
FROM written, jsonb_each("right");

\echo '--- Rows per second, one backend, one core (400 different texts, 160 for fields, 60 mails)'
\echo
SELECT clock_timestamp() AS t0 \gset
SELECT count(slm_embed(body || ' ' || n)) AS embedded FROM tickets, generate_series(1, 5) AS n \gset
SELECT clock_timestamp() AS t1 \gset
SELECT count(slm_classify(body || ' ' || n, :'labels')) AS classified FROM tickets, generate_series(6, 10) AS n \gset
SELECT clock_timestamp() AS t2 \gset
SELECT count(slm_extract(body || ' ' || n, :'schema')) AS filled FROM orders, generate_series(1, 10) AS n \gset
SELECT clock_timestamp() AS t3 \gset
SELECT count(slm_summarize(body || ' ' || n)) AS shortened FROM mails, generate_series(1, 20) AS n \gset
SELECT clock_timestamp() AS t4 \gset
SELECT round((:embedded / extract(epoch FROM :'t1'::timestamptz - :'t0'))::numeric) AS slm_embed,
       round((:classified / extract(epoch FROM :'t2'::timestamptz - :'t1'))::numeric) AS slm_classify,
       round((:filled / extract(epoch FROM :'t3'::timestamptz - :'t2'))::numeric) AS slm_extract,
       round((:shortened / extract(epoch FROM :'t4'::timestamptz - :'t3'))::numeric) AS slm_summarize;

\echo '--- A trigger that tags a ticket as it arrives'
\echo
SELECT format($$
CREATE FUNCTION tag_ticket() RETURNS trigger LANGUAGE plpgsql AS
$body$ BEGIN NEW.predicted := slm_classify(NEW.body, %L, 'slm_base'); RETURN NEW; END $body$
$$, :'labels') \gexec
CREATE TRIGGER tag BEFORE INSERT OR UPDATE OF body ON tickets FOR EACH ROW EXECUTE FUNCTION tag_ticket();
INSERT INTO tickets (kind, body) VALUES ('ticket', 'I cannot sign in, the password is not accepted any more')
RETURNING id, body AS "INSERT INTO tickets (body)", predicted;

\echo '--- The planner knows that a call is expensive: the cheap condition runs first'
\echo
EXPLAIN SELECT * FROM tickets WHERE slm_classify(body, '{refund,other}') = 'refund' AND kind = 'order';
