-- The SQL of `make demo`; runs in an empty database, started from the repository's root.
\pset footer off
\pset linestyle ascii
SET client_min_messages = warning;

\echo
\echo '--- A model is a file that gets a name'
\echo
CREATE EXTENSION slm;
-- The file is checked and turned into an image that every backend maps.
SELECT clock_timestamp() AS started \gset
SELECT slm_create_model('minilm', 'minilm-q8_0.gguf') \g /dev/null
SELECT round(1000 * extract(epoch FROM clock_timestamp() - :'started')) AS ready \gset
SET slm.embed_model = 'minilm';
SET slm.classify_model = 'minilm';
SELECT name, architecture, quantization, round(parameters / 1e6, 1) || ' M' AS parameters, dimensions, context,
       pg_size_pretty(bytes) AS "memory, once for all backends", :'ready' || ' ms' AS "made ready in"
FROM slm_models WHERE name = 'minilm';

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

\echo '--- The five tickets nearest to a question'
\echo
\set question 'my package has not come yet, where is it?'
\echo :question
SELECT round(slm_rank(body, :'question')::numeric, 3) AS similarity, left(body, 80) AS text
FROM tickets ORDER BY slm_rank(body, :'question') DESC LIMIT 5;

\echo '--- Rows per second, one backend, one core (400 different texts)'
\echo
SELECT clock_timestamp() AS started \gset
SELECT count(slm_embed(body || ' ' || n)) AS embedded FROM tickets, generate_series(1, 5) AS n \gset
SELECT clock_timestamp() AS middle \gset
SELECT count(slm_classify(body || ' ' || n, :'labels')) AS classified FROM tickets, generate_series(6, 10) AS n \gset
SELECT round((:embedded / extract(epoch FROM :'middle'::timestamptz - :'started'::timestamptz))::numeric) AS "slm_embed, rows/s",
       round((:classified / extract(epoch FROM clock_timestamp() - :'middle'::timestamptz))::numeric) AS "slm_classify, rows/s";

\echo '--- A trigger that tags a ticket as it arrives'
\echo
SELECT format($$
CREATE FUNCTION tag_ticket() RETURNS trigger LANGUAGE plpgsql AS
$body$ BEGIN NEW.predicted := slm_classify(NEW.body, %L, 'minilm'); RETURN NEW; END $body$
$$, :'labels') \gexec
CREATE TRIGGER tag BEFORE INSERT OR UPDATE OF body ON tickets FOR EACH ROW EXECUTE FUNCTION tag_ticket();
INSERT INTO tickets (kind, body) VALUES ('ticket', 'I cannot sign in, the password is not accepted any more')
RETURNING id, body AS "INSERT INTO tickets (body)", predicted;

\echo '--- The planner knows that a call is expensive: the cheap condition runs first'
\echo
EXPLAIN SELECT * FROM tickets WHERE slm_classify(body, '{refund,other}') = 'refund' AND kind = 'order';
