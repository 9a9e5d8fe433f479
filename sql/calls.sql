-- Where calls stand: stored expressions, triggers, prepared statements, parallel
-- plans, row security; what a statement and a backend remember; cancels; memory
\set SHOW_CONTEXT never
SELECT slm_create_model('tiny', 'tiny-bert.gguf') AS created \gset
SET slm.embed_model = 'tiny';
SET slm.classify_model = 'tiny';
CREATE TABLE tickets (id int PRIMARY KEY, body text);
INSERT INTO tickets SELECT n, (ARRAY['the order is late', 'please refund my order', 'login failed', NULL, ' '])[1 + n % 5] || ' ' || n
FROM generate_series(1, 200) AS n;
INSERT INTO tickets VALUES (201, ''), (202, E'\t');
ANALYZE tickets;

-- Generated columns and expression indexes take the pinned form only.
CREATE TABLE tagged (body text, label text GENERATED ALWAYS AS (slm_classify(body, '{billing,shipping}', 'tiny')) STORED);
CREATE INDEX ON tickets (slm_classify(body, '{billing,shipping}'));
DO $$ BEGIN
    EXECUTE format($sql$CREATE TABLE tagged (body text, label text GENERATED ALWAYS AS (slm_classify(body, '{billing,shipping}', slm_model %L)) STORED)$sql$, slm_pin('tiny'));
END $$;
INSERT INTO tagged SELECT body FROM tickets;
SELECT bool_and(label IS NOT DISTINCT FROM slm_classify(body, '{billing,shipping}')) AS same, count(label) FROM tagged;
DO $$ BEGIN
    EXECUTE format($sql$CREATE INDEX tickets_label ON tickets (slm_classify(body, '{billing,shipping}', slm_model %L))$sql$, slm_pin('tiny'));
END $$;
SET enable_seqscan = off;
DO $$
DECLARE
    query text := format($sql$SELECT count(*) FROM tickets WHERE slm_classify(body, '{billing,shipping}', slm_model %L) = 'billing'$sql$, slm_pin('tiny'));
    plan json;
    by_index bigint;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
    EXECUTE query INTO by_index;
    RAISE NOTICE 'index used: %, rows right: %', plan::text LIKE '%tickets_label%',
        by_index = (SELECT count(*) FROM tagged WHERE label = 'billing');
END $$;
RESET enable_seqscan;
DROP INDEX tickets_label;

-- A trigger.
CREATE TABLE inbox (body text, label text);
CREATE FUNCTION tag() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN NEW.label := slm_classify(NEW.body, '{billing,shipping,login}', 'tiny'); RETURN NEW; END $$;
CREATE TRIGGER tag BEFORE INSERT ON inbox FOR EACH ROW EXECUTE FUNCTION tag();
INSERT INTO inbox SELECT body FROM tickets;
SELECT bool_and(label IS NOT DISTINCT FROM slm_classify(body, '{billing,shipping,login}')) AS same, count(label), count(*) FROM inbox;

-- A prepared statement, by custom and generic plans.
PREPARE classify(text) AS SELECT slm_classify($1, '{billing,shipping,login}') = slm_classify($1, '{billing,shipping,login}', slm_pin('tiny')) AS same;
EXECUTE classify('late parcel');
SET plan_cache_mode = force_generic_plan;
EXECUTE classify('late parcel');
EXECUTE classify('password reset');
EXECUTE classify(NULL);
RESET plan_cache_mode;

-- Parallel workers give the leader's answers.
SELECT md5(string_agg(slm_embed(body)::text, ',' ORDER BY id)) AS serial FROM tickets \gset
ALTER TABLE tickets SET (parallel_workers = 2);
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET parallel_leader_participation = off;
EXPLAIN (COSTS OFF) SELECT id, slm_embed(body) FROM tickets WHERE slm_classify(body, '{billing,shipping}') <> 'login';
SELECT md5(string_agg(e::text, ',' ORDER BY id)) = :'serial' AS same FROM (SELECT id, slm_embed(body) AS e FROM tickets OFFSET 0) AS t;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET parallel_leader_participation;
-- Every statement in a worker, as far as it may run there.
SELECT set_config(CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'debug_parallel_query' ELSE 'force_parallel_mode' END, 'on', false) AS parallel;
SELECT md5(string_agg(slm_embed(body)::text, ',' ORDER BY id)) = :'serial' AS same FROM tickets;
SELECT count(*) AS rows, bool_and(label = slm_classify(input, '{x,y}', slm_pin('tiny'))) AS same
FROM unnest(ARRAY['a', 'b', 'c']) WITH ORDINALITY AS t (input, ord) JOIN slm_classify_batch(ARRAY['a', 'b', 'c'], '{x,y}') USING (ord);
SELECT set_config(CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'debug_parallel_query' ELSE 'force_parallel_mode' END, 'off', false) AS parallel;

-- What is remembered: rows that went through the model, seen in slm_stat_calls, one call a row.
SET slm.enable_batching = off;
CREATE FUNCTION counted(query text, OUT calls bigint, OUT remembered bigint, OUT tokens bigint) LANGUAGE plpgsql AS
$$
DECLARE
    before record;
BEGIN
    SELECT coalesce(sum(s.calls), 0) AS calls, coalesce(sum(s.memo_hits), 0) AS memo_hits, coalesce(sum(s.tokens_in), 0) AS tokens_in
    INTO before FROM slm_stat_calls AS s WHERE role = current_user;
    EXECUTE query;
    SELECT sum(s.calls) - before.calls, sum(s.memo_hits) - before.memo_hits, sum(s.tokens_in) - before.tokens_in
    INTO calls, remembered, tokens FROM slm_stat_calls AS s WHERE role = current_user;
END
$$;
-- A constant query is embedded once, not per row.
SELECT calls, remembered FROM counted($$SELECT slm_similarity(body, 'where is my order?') FROM tickets WHERE id <= 10$$);
-- The same call in WHERE and SELECT costs one inference.
SELECT calls, remembered FROM counted($$SELECT slm_classify(body, '{x,y}') FROM tickets WHERE id = 6 AND slm_classify(body, '{x,y}') IN ('x', 'y')$$);
-- So do a label and its confidence.
SELECT calls, remembered FROM counted($$SELECT slm_classify(body, '{x,z}'), (SELECT max(confidence) FROM slm_classify_scores(body, '{x,z}')) FROM tickets WHERE id = 7$$);
-- Equal elements of an array are computed once, wherever they stand, and leave their answers behind.
SELECT one.tokens = three.tokens AS same, three.remembered
FROM counted($$SELECT count(*) FROM slm_embed_batch(ARRAY['a fresh text'])$$) AS one,
     LATERAL (SELECT * FROM counted($$SELECT count(*) FROM slm_embed_batch(ARRAY['fresh text a', 'a fresh text', NULL, 'fresh text a'])$$) WHERE one.calls > 0) AS three;
-- Labels are embedded once per backend: the second row costs its own tokens only.
SELECT first.tokens > second.tokens AS cheaper, second.tokens AS own
FROM counted($$SELECT slm_classify('late parcel one', '{alpha,beta,gamma}')$$) AS first,
     LATERAL (SELECT tokens FROM counted($$SELECT slm_classify('late parcel two', '{alpha,beta,gamma}')$$) WHERE first.calls > 0) AS second;
-- A LIMIT stops the calls; a cheap condition runs before them.
SELECT calls FROM counted($$SELECT slm_embed(body) FROM tickets WHERE id <= 100 AND id % 5 < 3 ORDER BY id LIMIT 4$$);
SELECT calls FROM counted($$SELECT id FROM tickets WHERE slm_classify(body, '{p,q}') IN ('p', 'q') AND id = 5$$);

-- Row security: what a role may not see is not even tokenized.
CREATE ROLE slm_reader;
GRANT SELECT ON tickets TO slm_reader;
GRANT USAGE ON FOREIGN SERVER tiny TO slm_reader;
ALTER TABLE tickets ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON tickets TO slm_reader USING (id <= 7);
SET ROLE slm_reader;
SELECT calls FROM counted($$SELECT count(*) FROM tickets WHERE slm_classify(body, '{billing,shipping}') IS NOT NULL$$);
-- Answers are remembered per role.
SELECT remembered FROM counted($$SELECT slm_embed('only for me')$$);
RESET ROLE;
SELECT remembered FROM counted($$SELECT slm_embed('only for me')$$);
-- Rights are asked for at each call, also by a statement that was prepared before.
SET ROLE slm_reader;
PREPARE mine AS SELECT slm_embed('late') IS NULL AS is_null;
EXECUTE mine;
RESET ROLE;
REVOKE USAGE ON FOREIGN SERVER tiny FROM slm_reader;
SET ROLE slm_reader;
EXECUTE mine;
RESET ROLE;
RESET slm.enable_batching;
DROP TABLE tickets, inbox, tagged;
DROP FUNCTION tag;
DROP ROLE slm_reader;

-- A timeout inside one long call: the error is the timeout's, the next call is right, cancels are counted.
CREATE TABLE long (body text, bodies text[]);
ALTER TABLE long ALTER body SET STORAGE EXTERNAL;
INSERT INTO long SELECT repeat('order number five ', 1000000), array_agg(repeat('order ', 200) || n) FROM generate_series(1, 20000) AS n;
SELECT slm_similarity('late parcel', 'lost parcel') AS before \gset
SELECT sum(cancels) AS cancels FROM slm_stat_calls \gset
SET statement_timeout = '300ms';
SELECT slm_embed(body) FROM long;
SELECT slm_classify(body, '{x,y}', on_error => 'null') FROM long;
SELECT count(*) FROM long, slm_embed_batch(bodies);
SELECT count(*) FROM long, slm_classify_batch(bodies, '{x,y}', on_error => 'null');
SELECT count(*) FROM long, slm_rank_batch(bodies, 'query');
SELECT sum(slm_count_tokens(body)) FROM long, generate_series(1, 20);
RESET statement_timeout;
SELECT slm_similarity('late parcel', 'lost parcel') = :before::real AS same;
SELECT sum(cancels) - :cancels AS counted FROM slm_stat_calls;
DROP TABLE long;

-- Scratch memory: capped, and trimmed at the end of the transaction.
SET slm.max_scratch_memory = '1MB';
SELECT count(*) FROM slm_chunk(repeat('order ', 1000000), 10);
RESET slm.max_scratch_memory;
SELECT count(*) FROM slm_chunk(repeat('order ', 1000000), 10);
SELECT sum(total_bytes) <= 4 * 1024 * 1024 + 64 * 1024 AS trimmed FROM pg_backend_memory_contexts WHERE name = 'slm scratch';
SELECT sum(total_bytes) <= 8 * 1024 * 1024 AS small FROM pg_backend_memory_contexts WHERE name LIKE 'slm%';

DROP FUNCTION counted;
SELECT slm_drop_model('tiny') AS dropped \gset
