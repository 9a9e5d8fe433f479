-- Calls of a query for many rows at once: where the plan node stands and where it may not,
-- and that nothing but the number of calls tells it from the plain plan
\getenv folder PG_ABS_SRCDIR
\set error_of :folder '/sql/error_of.psql'
\i :error_of
\set SHOW_CONTEXT never
SELECT slm_create_model('tiny', 'tiny-bert.gguf') AS created \gset
SELECT slm_create_model('slm', 'tiny-slm.gguf') AS created \gset
SET slm.embed_model = 'tiny';
SET slm.classify_model = 'tiny';
SET slm.extract_model = 'slm';
SET slm.summarize_model = 'slm';
SET slm.batch_rows = 8;
SET jit = off;
CREATE TABLE t (id int PRIMARY KEY, body text, kind text, labels text[]);
INSERT INTO t SELECT n, CASE WHEN n % 10 = 0 THEN NULL ELSE (ARRAY['the order is late', 'please refund my order', 'a red door'])[1 + n % 3] || ' ' || n END,
    'kind ' || n % 4, CASE WHEN n % 3 = 0 THEN '{late,early}'::text[] ELSE '{red,blue}' END
FROM generate_series(1, 100) AS n;
CREATE TABLE small (id int PRIMARY KEY, body text);
INSERT INTO small SELECT n, 'the order ' || n FROM generate_series(1, 4) AS n;
ANALYZE t, small;

-- Rows of a query with the node and without: the same in the same order?  With it fewer calls, and how many rows.
CREATE FUNCTION run(query text, OUT rows int, OUT hash text, OUT calls bigint, OUT called_rows bigint) LANGUAGE plpgsql AS
$$
DECLARE
    before record;
    r record;
BEGIN
    SELECT coalesce(sum(s.calls), 0) AS calls, coalesce(sum(s.rows), 0) AS rows INTO before FROM slm_stat_calls AS s WHERE role = current_user;
    rows := 0;
    hash := '';
    FOR r IN EXECUTE query LOOP
        hash := md5(hash || r::text);
        rows := rows + 1;
    END LOOP;
    SELECT sum(s.calls) - before.calls, sum(s.rows) - before.rows INTO calls, called_rows FROM slm_stat_calls AS s WHERE role = current_user;
END
$$;
CREATE FUNCTION compare(query text, OUT same bool, OUT rows int, OUT calls_off bigint, OUT calls_on bigint, OUT called_rows bigint) LANGUAGE plpgsql AS
$$
DECLARE
    off record;
    on_ record;
BEGIN
    SET LOCAL slm.enable_batching = off;
    off := run(query);
    SET LOCAL slm.enable_batching = on;
    on_ := run(query);
    same := off.hash = on_.hash AND off.rows = on_.rows;
    rows := on_.rows;
    calls_off := off.calls;
    calls_on := on_.calls;
    called_rows := on_.called_rows;
END
$$;
-- EXPLAIN ANALYZE as all versions of PostgreSQL have it.
CREATE FUNCTION analyze_(query text) RETURNS SETOF text LANGUAGE plpgsql AS
$$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF) ' || query LOOP
        RETURN NEXT regexp_replace(line, 'rows=(\d+)\.00', 'rows=\1');
    END LOOP;
END
$$;

-- The SELECT list, WHERE beside a cheap condition, ORDER BY, GROUP BY, DISTINCT, HAVING.
EXPLAIN (COSTS OFF, VERBOSE) SELECT id, slm_embed(body) FROM t WHERE slm_filter(body, 'late', 'slm') AND id % 2 = 1;
SELECT * FROM compare($$SELECT id, slm_embed(body) FROM t$$);
SELECT * FROM compare($$SELECT id, slm_embed(body) FROM t WHERE slm_filter(body, 'late', 'slm') AND id % 2 = 1$$);
SELECT * FROM compare($$SELECT id FROM t WHERE slm_classify(body, '{late,red}') = 'late' AND slm_similarity(body, kind) > 0$$);
SELECT * FROM compare($$SELECT id FROM t ORDER BY slm_similarity(body, 'late order'), id LIMIT 3$$);
SELECT * FROM compare($$SELECT slm_classify(body, '{late,red}'), count(*) FROM t GROUP BY 1 ORDER BY 1$$);
SELECT * FROM compare($$SELECT DISTINCT slm_classify(body, '{late,red}') FROM t ORDER BY 1$$);
SELECT * FROM compare($$SELECT kind, slm_embed(max(body)) FROM t GROUP BY kind HAVING slm_similarity(min(body), 'x') > -2 ORDER BY kind$$);
-- All functions, two texts a row, pins, one call inside of another, and one that stands twice.
SELECT * FROM compare($$SELECT id, slm_similarity(body, kind), slm_rank(body, 'late'), slm_extract(body, '["what"]'), slm_summarize(body, 2), slm_embed(body, purpose => 'query') FROM t$$);
SELECT * FROM compare($$SELECT id, slm_classify_multi(body, '{late,red}'), slm_classify_multi(body, labels, threshold => 0.3), slm_redact(body, '{thing,phone}') FROM t$$);
SELECT * FROM compare($$SELECT id, slm_embed(body, slm_pin('tiny')), slm_classify(body, '{late,red}', slm_pin('tiny')) FROM t$$);
SELECT * FROM compare($$SELECT id, slm_similarity(slm_summarize(body, 2), slm_classify(body, '{late,red}')) FROM t$$);
SELECT * FROM compare($$SELECT slm_classify(body, '{late,red}'), upper(slm_classify(body, '{late,red}')) FROM t WHERE slm_classify(body, '{late,red}') <> ''$$);
EXPLAIN (COSTS OFF, VERBOSE) SELECT slm_similarity(slm_summarize(body, 2), slm_summarize(body, 2) || kind) FROM t;
-- Models that write.
SELECT slm_create_model('writer', 'decoder-llama.gguf') AS created \gset
SELECT * FROM compare($$SELECT id, slm_classify(body, '{late,red}', 'writer'), slm_extract(body, '["what"]', 'writer', on_error => 'null'), slm_summarize(body, 3, 'writer') FROM small$$);
SELECT slm_drop_model('writer');
-- Labels that differ by row make a call for each set of them; the least likely are NULL.
SELECT * FROM compare($$SELECT id, slm_classify(body, labels) FROM t$$);
SELECT * FROM compare($$SELECT id, slm_classify(body, labels, min_confidence => 0.5 + id / 1000.0) FROM t$$);

-- LIMIT: batches begin with one row and double; a bound that is known ends them.
SELECT * FROM compare($$SELECT id FROM t WHERE slm_embed(body) IS NOT NULL LIMIT 5$$);
SELECT * FROM compare($$SELECT id FROM t WHERE slm_embed(body) IS NOT NULL AND body LIKE '%9%' LIMIT 5 OFFSET 2$$);
SELECT * FROM compare($$SELECT id, slm_embed(body) FROM t ORDER BY id LIMIT 5$$);
SELECT * FROM compare($$SELECT id, slm_embed(body) FROM t ORDER BY id LIMIT 7 OFFSET 4$$);
SELECT * FROM compare($$SELECT id, slm_embed(body) FROM t LIMIT (SELECT 5)$$);
SELECT * FROM compare($$SELECT id, slm_embed(body) FROM t LIMIT NULL OFFSET (SELECT 95)$$);
SELECT * FROM compare($$SELECT small.id, l FROM small, LATERAL (SELECT id, slm_embed(body) FROM t ORDER BY id LIMIT small.id) AS l$$);
SELECT * FROM compare($$SELECT * FROM (SELECT id, slm_embed(body) FROM t UNION ALL SELECT id, slm_embed(body) FROM small) AS u LIMIT 5$$);
SELECT error_of($$SELECT id, slm_embed(body) FROM t LIMIT -1$$);
-- It reaches the sort below, which keeps no more rows than that.
SELECT * FROM analyze_($$SELECT id, slm_embed(body) FROM t ORDER BY kind, id LIMIT (SELECT 5)$$) WHERE analyze_ ~ 'Sort Method|SlmBatch';
SELECT * FROM analyze_($$SELECT id FROM t WHERE slm_embed(body) IS NOT NULL LIMIT 5$$);

-- Joins: out of what decides about rows, not out of what decides about matches.
EXPLAIN (COSTS OFF) SELECT t.id, small.id FROM t, small WHERE slm_similarity(t.body, small.body) > 0.5 AND t.id < small.id + 10;
SELECT * FROM compare($$SELECT t.id, small.id FROM t, small WHERE slm_similarity(t.body, small.body) > 0.5 AND t.id < small.id + 10$$);
SELECT * FROM compare($$SELECT t.id, slm_similarity(t.body, small.body) FROM t JOIN small USING (id)$$);
SELECT * FROM compare($$SELECT t.id, slm_embed(small.body) FROM t LEFT JOIN small USING (id) WHERE slm_filter(coalesce(small.body, t.body), 'late', 'slm') IS NOT NULL$$);
SELECT * FROM compare($$SELECT t.id, small.id FROM t LEFT JOIN small ON t.id = small.id AND slm_similarity(t.body, small.body) > 0.5$$);
SELECT * FROM compare($$SELECT id FROM t WHERE EXISTS (SELECT FROM small WHERE small.id = t.id % 6 AND slm_similarity(t.body, small.body) > 0.5)$$);
SELECT * FROM compare($$SELECT id FROM t WHERE id NOT IN (SELECT id FROM small WHERE slm_embed(body) IS NOT NULL)$$);
-- Each outer row finds one inner row at most: by a condition that stands behind the call, because it is dearer.
CREATE FUNCTION dear(int) RETURNS int LANGUAGE plpgsql IMMUTABLE COST 1000000 AS 'BEGIN RETURN $1 % 50; END';
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_indexscan = off;
SET enable_bitmapscan = off;
SELECT * FROM compare($$SELECT a.id, b.id FROM t AS a JOIN t AS b ON b.id = dear(a.id) AND slm_similarity(a.body, b.body) > 0.99 WHERE a.id < 60 AND a.id > 45$$);
RESET enable_hashjoin;
RESET enable_mergejoin;
RESET enable_indexscan;
RESET enable_bitmapscan;
SET enable_hashjoin = off;
SET enable_nestloop = off;
EXPLAIN (COSTS OFF) SELECT a.id FROM t AS a JOIN (SELECT id % 50 AS id, slm_classify(body, '{late,red}') AS c FROM t OFFSET 0) AS b ON a.id % 50 = b.id AND c = 'late';
SELECT * FROM compare($$SELECT a.id, c FROM t AS a JOIN (SELECT id % 50 AS id, slm_classify(body, '{late,red}') AS c FROM t OFFSET 0) AS b ON a.id % 50 = b.id$$);
SELECT * FROM compare($$SELECT a.id, slm_similarity(a.body, b.body) FROM t AS a JOIN t AS b ON a.id = b.id$$);
-- The inner side of this goes back to rows that it has given, which the node cannot: its calls stay.
CREATE INDEX t_kind ON t (kind);
SET enable_sort = off;
SET enable_seqscan = off;
SET enable_material = off;
EXPLAIN (COSTS OFF) SELECT a.id, b.id FROM t AS a JOIN t AS b ON a.kind = b.kind WHERE slm_filter(a.body, 'late', 'slm') AND slm_embed(b.body) IS NOT NULL;
SELECT * FROM compare($$SELECT a.id, b.id FROM t AS a JOIN t AS b ON a.kind = b.kind WHERE slm_filter(a.body, 'late', 'slm') AND slm_embed(b.body) IS NOT NULL$$);
RESET enable_sort;
RESET enable_seqscan;
RESET enable_material;
DROP INDEX t_kind;
RESET enable_hashjoin;
RESET enable_nestloop;

-- Subqueries: rescans of a lateral one and of a correlated one, with and without LIMIT in it.
SELECT * FROM compare($$SELECT small.id, l.id, l.s FROM small, LATERAL (SELECT id, slm_similarity(body, small.body) AS s FROM t WHERE t.id % 20 = small.id) AS l$$);
SELECT * FROM compare($$SELECT small.id, l.id, l.s FROM small, LATERAL (SELECT id, slm_similarity(body, small.body) AS s FROM t WHERE t.id > small.id ORDER BY id LIMIT 3) AS l$$);
SELECT * FROM compare($$SELECT id, (SELECT max(slm_similarity(t.body, small.body)) FROM small WHERE small.id < t.id) FROM t$$);
SELECT * FROM compare($$SELECT id, slm_embed((SELECT string_agg(small.body, ' ') FROM small WHERE small.id < t.id % 4)) FROM t$$);
SELECT * FROM compare($$WITH c AS MATERIALIZED (SELECT id, slm_classify(body, '{late,red}') AS c FROM t) SELECT a.id, b.c FROM c AS a JOIN c AS b ON a.id = b.id + 1$$);
SELECT * FROM compare($$WITH RECURSIVE r AS (SELECT 1 AS n, 'the order' AS body UNION ALL SELECT n + 1, slm_summarize(body, 2) || ' ' || n FROM r WHERE n < 5) SELECT n, slm_embed(body) FROM r$$);
SELECT * FROM compare($$SELECT slm_embed(body) FROM t WHERE id < 20 UNION ALL SELECT slm_embed(body) FROM small$$);
SELECT * FROM compare($$SELECT id, slm_embed(v) FROM small, (VALUES ('one'), (NULL), (''), ('two')) AS w (v)$$);
SELECT * FROM compare($$SELECT slm_embed(u) FROM unnest(ARRAY['one', 'two', 'one']) AS u$$);
SELECT * FROM compare($$SELECT slm_embed(t::text), slm_embed(small::text) FROM t JOIN small USING (id)$$);
SELECT * FROM compare($$SELECT slm_embed(tableoid::regclass || body || ctid) FROM t$$);
SELECT * FROM compare($$SELECT id, slm_embed(body), row_number() OVER (ORDER BY kind, id) FROM t$$);

-- Arguments of aggregates, FILTER, DISTINCT and ORDER BY in them; nested ones; grouping sets.
EXPLAIN (COSTS OFF, VERBOSE) SELECT kind, sum(slm_similarity(body, 'late')) FROM t GROUP BY kind;
SELECT * FROM compare($$SELECT kind, sum(slm_similarity(body, 'late')), max(slm_classify(body, '{late,red}')) FROM t GROUP BY kind ORDER BY kind$$);
SELECT * FROM compare($$SELECT count(*) FILTER (WHERE slm_filter(body, 'late', 'slm')), count(slm_embed(body)) FROM t$$);
SELECT * FROM compare($$SELECT sum(slm_similarity(body, 'late')) FILTER (WHERE id < 8) FROM t$$); -- seven calls, not a hundred
SELECT same, rows, called_rows FROM compare($$SELECT array_agg(DISTINCT slm_classify(body, '{late,red}')), string_agg(slm_summarize(body, 1), ',' ORDER BY slm_similarity(body, 'late'), id) FROM t$$);
SELECT * FROM compare($$SELECT kind, id % 2, sum(slm_similarity(body, 'late')) FROM t GROUP BY GROUPING SETS ((kind), (id % 2), ()) ORDER BY 1, 2$$);
SELECT * FROM compare($$SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY slm_similarity(body, 'late')) FROM t$$);

-- What is not evaluated for each row stays where it is, and what gains nothing: no model, or no text that differs by row.
EXPLAIN (COSTS OFF) SELECT CASE WHEN id < 5 THEN slm_embed(body) END, COALESCE(kind, slm_summarize(body)), id < 5 AND slm_filter(body, 'late', 'slm'),
    id > 5 OR slm_filter(body, 'late', 'slm'), slm_embed('a constant'), slm_embed(slm_pin('tiny')::text), slm_redact(body), slm_redact(body, '{email}') FROM t;
SELECT * FROM compare($$SELECT id, CASE WHEN id < 5 THEN slm_embed(body) END FROM t$$);
SELECT * FROM compare($$SELECT id FROM t WHERE id < 5 OR slm_filter(body, 'late', 'slm')$$);
SELECT * FROM compare($$SELECT id, COALESCE(kind, slm_summarize(body)) FROM t$$);
SELECT * FROM compare($$SELECT id, NULLIF(slm_classify(body, '{late,red}'), 'late'), NOT slm_filter(body, 'late', 'slm'), (slm_embed(body))[1], ARRAY[slm_summarize(body, 1)], slm_classify(body, '{late,red}') = ANY ('{late}') FROM t$$);
SELECT * FROM compare($$SELECT id, slm_classify(body, '{late,red}') IN (SELECT kind FROM t WHERE id < 0) FROM t$$);
-- A call that is made for all rows is also there for those that may need it.
SELECT * FROM compare($$SELECT CASE WHEN id < 50 THEN slm_classify(body, '{late,red}') ELSE kind END, slm_classify(body, '{late,red}') FROM t$$);
SELECT * FROM compare($$SELECT slm_classify(body, '{late,red}') FROM t WHERE (id < 4 AND slm_classify(body, '{late,red}') <> '') AND slm_similarity(body, 'x') > -2$$);

-- Writing.
CREATE TABLE made AS SELECT id, slm_classify(body, '{late,red}') AS c FROM t;
SELECT bool_and(c IS NOT DISTINCT FROM slm_classify(body, '{late,red}')) AS same, count(c) FROM made JOIN t USING (id);
EXPLAIN (COSTS OFF) UPDATE made SET c = slm_classify(body, '{red,blue}') FROM t WHERE made.id = t.id;
UPDATE made SET c = slm_classify(body, '{red,blue}') FROM t WHERE made.id = t.id;
SELECT bool_and(c IS NOT DISTINCT FROM slm_classify(body, '{red,blue}')) AS same, count(c) FROM made JOIN t USING (id);
DELETE FROM made USING t WHERE made.id = t.id AND slm_classify(body, '{red,blue}') = 'red';
SELECT bool_and(c IS DISTINCT FROM 'red') AS same FROM made;
CREATE TABLE copy (n int GENERATED ALWAYS AS IDENTITY, id int UNIQUE, at timestamptz DEFAULT clock_timestamp(), e real[]);
EXPLAIN (COSTS OFF) INSERT INTO copy (id, e) SELECT id, slm_embed(body) FROM t ORDER BY id;
INSERT INTO copy (id, e) SELECT id, slm_embed(body) FROM t ORDER BY id;
INSERT INTO copy (id, e) SELECT id, slm_embed(body) FROM t WHERE id < 50 ON CONFLICT (id) DO UPDATE SET e = EXCLUDED.e;
SELECT bool_and(n = id) AS in_order, bool_and(e IS NOT DISTINCT FROM slm_embed(body)) AS same FROM copy JOIN t USING (id);
WITH u AS (UPDATE copy SET e = slm_embed(kind) FROM t WHERE t.id = copy.id RETURNING copy.id, slm_embed(kind) = e AS right) SELECT count(*), bool_and("right") FROM u;
DROP TABLE made, copy;

-- Cursors read a batch ahead; WHERE CURRENT OF knows the row that was given.  SCROLL has no node.
BEGIN;
DECLARE c CURSOR FOR SELECT id, slm_classify(body, '{late,red}') AS c FROM t ORDER BY id FOR UPDATE;
FETCH 2 FROM c;
UPDATE t SET kind = 'current' WHERE CURRENT OF c;
DECLARE d CURSOR FOR SELECT id, slm_classify(body, '{late,red}') AS c FROM t WHERE slm_embed(body) IS NOT NULL;
FETCH 4 FROM d;
UPDATE t SET kind = 'scanned' WHERE CURRENT OF d;
MOVE 3 FROM d;
DELETE FROM t WHERE CURRENT OF d;
FETCH 1 FROM d;
DECLARE e SCROLL CURSOR FOR SELECT id, slm_classify(body, '{late,red}') AS c FROM t WHERE id < 4;
FETCH 3 FROM e;
FETCH BACKWARD 1 FROM e;
SELECT id, kind FROM t WHERE kind IN ('current', 'scanned') ORDER BY id;
SELECT count(*) FROM t;
ROLLBACK;

-- FOR UPDATE, with what others hold left out; below a node that locks, nothing is read ahead.
EXPLAIN (COSTS OFF) SELECT id, slm_embed(body) FROM t LIMIT 5 FOR UPDATE SKIP LOCKED;
SELECT * FROM compare($$SELECT id, slm_embed(body) FROM t WHERE slm_filter(body, 'late', 'slm') IS NOT NULL LIMIT 5 FOR UPDATE SKIP LOCKED$$);
EXPLAIN (COSTS OFF) SELECT slm_embed(body) FROM (SELECT body FROM t FOR UPDATE SKIP LOCKED) AS s LIMIT 5;

-- Volatile functions: those that can change what a call sees, or that reading ahead would call too often.
CREATE FUNCTION seen(text) RETURNS text LANGUAGE plpgsql VOLATILE AS $$ BEGIN RAISE NOTICE 'seen %', $1; RETURN $1; END $$;
EXPLAIN (COSTS OFF) SELECT slm_embed(body), seen(body) FROM t;
EXPLAIN (COSTS OFF) SELECT slm_embed(seen(body)) FROM t;
EXPLAIN (COSTS OFF) SELECT slm_embed(body) FROM t WHERE seen(body) <> '';
EXPLAIN (COSTS OFF) SELECT slm_embed(body), random(), set_config('slm.embed_model', 'slm', true) FROM t;
EXPLAIN (COSTS OFF) SELECT slm_embed(body), random() FROM t;
EXPLAIN (COSTS OFF) SELECT slm_embed(body) FROM (SELECT body, seen(kind) FROM t OFFSET 0) AS s;
EXPLAIN (COSTS OFF) SELECT slm_embed(body) FROM (SELECT body, seen(kind) FROM t OFFSET 0) AS s ORDER BY 1; -- reads all of it anyway
EXPLAIN (COSTS OFF) UPDATE small SET body = slm_summarize(body, 1) WHERE id IN (SELECT id FROM small FOR UPDATE SKIP LOCKED LIMIT 2); -- so does this

-- Rows at fault: raised in their turn, not before; NULL where that is asked for.
CREATE TABLE faults (id int, body text);
INSERT INTO faults VALUES (1, 'late'), (2, 'order'), (3, 'the order is late'), (4, 'door'), (5, NULL), (6, 'the order is late'), (7, 'a'), (8, 'b');
SET slm.max_input_tokens = 2;
SELECT error_of($$SELECT id, slm_embed(body) FROM faults$$);
SELECT id FROM faults WHERE slm_embed(body) IS NOT NULL LIMIT 2; -- the second batch has the third row
BEGIN;
DECLARE c CURSOR FOR SELECT id, slm_classify(body, '{x,y}') IS NOT NULL AS answered FROM faults WHERE slm_embed(body) IS NOT NULL;
FETCH 2 FROM c;
FETCH 1 FROM c;
ROLLBACK;
SELECT * FROM compare($$SELECT id, slm_embed(body, on_error => 'null') FROM faults$$);
SELECT * FROM compare($$SELECT id, slm_classify(slm_summarize(body, 3, on_error => 'null'), '{x,y}', on_error => 'null') FROM faults$$);
SELECT sum(nulls) AS nulls FROM slm_stat_calls WHERE function = 'slm_embed' AND model = 'tiny' \gset before_
SELECT count(slm_embed(body, on_error => 'null')) FROM faults;
SELECT sum(nulls) - :before_nulls AS nulls FROM slm_stat_calls WHERE function = 'slm_embed' AND model = 'tiny';
DROP TABLE faults;
RESET slm.max_input_tokens;
SELECT error_of($$SELECT slm_classify(body, '{x}') FROM t$$);
SELECT error_of($$SELECT slm_classify(body, '{x}') FROM t WHERE id = 10$$); -- NULL has no model, nor labels that are looked at
SELECT error_of($$SELECT slm_embed(body, 'nobody') FROM t$$);
SELECT error_of($$SELECT slm_embed(body, purpose => kind) FROM t$$);
SELECT error_of($$SELECT slm_extract(body, '{"properties": {"d": {"format": "date"}}, "required": ["d"]}') FROM t$$);

-- Row security and barriers: no expression of a query sees what a policy hides.
CREATE ROLE slm_reader;
CREATE FUNCTION leak(text) RETURNS bool LANGUAGE plpgsql COST 0.0001 STABLE AS $$ BEGIN RAISE NOTICE 'leaked %', $1; RETURN true; END $$;
CREATE FUNCTION broken(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 4 / ($1 - 2)';
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON t TO slm_reader;
GRANT USAGE ON FOREIGN SERVER tiny, slm TO slm_reader;
CREATE POLICY few ON t TO slm_reader USING (slm_classify(body, '{late,red}') = 'late' AND id < 12);
SELECT id FROM t WHERE slm_classify(body, '{late,red}') = 'late' AND id < 12 ORDER BY id;
SET ROLE slm_reader;
EXPLAIN (COSTS OFF) SELECT id FROM t WHERE leak(body) AND slm_similarity(body, 'x') > -2;
SELECT id, leak(body) FROM t WHERE leak(body) AND slm_similarity(body, 'x') > -2;
SELECT id, broken(id) FROM t WHERE slm_embed(body) IS NOT NULL; -- row 2 is hidden
SELECT called_rows FROM run($$SELECT id FROM t WHERE slm_embed(kind) IS NOT NULL$$); -- 11 by the policy, then the visible ones
RESET ROLE;
CREATE VIEW fenced WITH (security_barrier) AS SELECT * FROM t WHERE slm_classify(body, '{late,red}') = 'late' AND id < 12;
SELECT id FROM fenced WHERE leak(body) ORDER BY id;
DROP VIEW fenced;
DROP POLICY few ON t;
ALTER TABLE t DISABLE ROW LEVEL SECURITY;
-- Nobody runs a function without the right to.
REVOKE EXECUTE ON FUNCTION slm_embed(text, text, text, int, text) FROM PUBLIC;
SET ROLE slm_reader;
SELECT error_of($$SELECT slm_embed(body) FROM t$$);
RESET ROLE;
GRANT EXECUTE ON FUNCTION slm_embed(text, text, text, int, text) TO PUBLIC;
REVOKE ALL ON t FROM slm_reader;
REVOKE ALL ON FOREIGN SERVER tiny, slm FROM slm_reader;
DROP ROLE slm_reader;

-- A function of the same C code that runs with a setting of its own, or under another name.
CREATE FUNCTION own(text, text, text, int, text) RETURNS real[] LANGUAGE c STABLE SET work_mem = '1MB' AS '$libdir/slm', 'slm_embed';
CREATE FUNCTION alias(text, text, text, int, text) RETURNS real[] LANGUAGE c STABLE AS '$libdir/slm', 'slm_embed';
EXPLAIN (COSTS OFF) SELECT own(body, NULL, NULL, NULL, NULL) FROM t;
EXPLAIN (COSTS OFF) SELECT alias(body, NULL, NULL, NULL, NULL) FROM t;
SELECT * FROM compare($$SELECT own(body, NULL, NULL, NULL, NULL), alias(body, NULL, NULL, NULL, NULL) FROM t$$);
DROP FUNCTION own, alias;

-- Prepared statements, generic plans, and a setting that changes between two executions.
PREPARE p(text, int) AS SELECT count(slm_similarity(body, $1)), sum(slm_similarity(body, $1)) FROM t WHERE id <= $2;
SET plan_cache_mode = force_generic_plan;
EXECUTE p('late', 60) \gset on_
SET slm.enable_batching = off;
EXECUTE p('late', 60) \gset off_
RESET slm.enable_batching;
SELECT :on_count = :off_count AND :on_sum = :off_sum AS same;
-- A function that gets a setting of its own is not called by the node any more, also in a plan that is kept.
PREPARE q AS SELECT count(slm_embed(body)) FROM t;
EXECUTE q;
EXPLAIN (COSTS OFF) EXECUTE q;
ALTER FUNCTION slm_embed(text, text, text, int, text) SET work_mem = '1MB';
EXECUTE q;
EXPLAIN (COSTS OFF) EXECUTE q;
ALTER FUNCTION slm_embed(text, text, text, int, text) RESET work_mem;
RESET plan_cache_mode;

-- Parallel workers: the node stands in them.
ALTER TABLE t SET (parallel_workers = 2);
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET parallel_leader_participation = off;
EXPLAIN (COSTS OFF) SELECT id, slm_embed(body) FROM t WHERE slm_classify(body, '{late,red}') <> '';
SELECT * FROM compare($$SELECT id, slm_embed(body) FROM t WHERE slm_classify(body, '{late,red}') <> '' ORDER BY id$$);
EXPLAIN (COSTS OFF) SELECT kind, count(slm_embed(body)) FROM t GROUP BY kind ORDER BY kind;
SELECT same, rows FROM compare($$SELECT kind, count(slm_embed(body)) FROM t GROUP BY kind ORDER BY kind$$);
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET parallel_leader_participation;
ALTER TABLE t RESET (parallel_workers);
-- EXPLAIN has what they did: here one does it all.
SELECT set_config(CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'debug_parallel_query' ELSE 'force_parallel_mode' END, 'on', false) AS parallel;
SELECT * FROM analyze_($$SELECT id, slm_embed(body) FROM t WHERE slm_classify(body, '{late,red}') <> ''$$);
SELECT * FROM analyze_($$SELECT id FROM t WHERE slm_classify(body, '{late,red}') <> '' LIMIT 5$$);
SELECT md5(string_agg(slm_embed(body)::text, ',' ORDER BY id)) AS batched FROM t \gset
SELECT set_config(CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'debug_parallel_query' ELSE 'force_parallel_mode' END, 'off', false) AS parallel;
SELECT md5(string_agg(slm_embed(body)::text, ',' ORDER BY id)) = :'batched' AS same FROM t;

-- Partitions, inheritance; rows that are larger than a batch may be, and compressed or out of line.
CREATE TABLE parts (id int, body text) PARTITION BY RANGE (id);
CREATE TABLE part1 PARTITION OF parts FOR VALUES FROM (0) TO (50);
CREATE TABLE part2 PARTITION OF parts FOR VALUES FROM (50) TO (200);
INSERT INTO parts SELECT id, body FROM t;
SELECT * FROM compare($$SELECT id, slm_embed(body) FROM parts WHERE slm_classify(body, '{late,red}') = 'late' ORDER BY id$$);
UPDATE parts SET body = slm_classify(body, '{late,red}') || id, id = id + 10;
SELECT bool_and(parts.body = slm_classify(t.body, '{late,red}') || t.id) AS same, count(parts.body) FROM parts JOIN t ON parts.id = t.id + 10;
DROP TABLE parts;
CREATE TABLE wide (id int, body text, other text);
ALTER TABLE wide ALTER other SET STORAGE EXTERNAL;
INSERT INTO wide SELECT n, repeat('order number ' || n || ' ', 20000), repeat('x', 300000) FROM generate_series(1, 12) AS n;
SET slm.enable_batching = on;
-- Texts of 0.3 MB end a batch after four; a column of that size that no call looks at does not.
SELECT calls, called_rows FROM run($$SELECT id, slm_classify(body, '{late,red}'), other FROM wide$$);
SELECT calls, called_rows FROM run($$SELECT id, slm_classify(left(body, 20), '{late,red}') FROM wide$$);
SELECT calls, called_rows FROM run($$SELECT id, slm_classify('order ' || id, '{late,red}'), other FROM wide$$);
RESET slm.enable_batching;
DROP TABLE wide;

-- EXPLAIN for machines.
DO $$
DECLARE
    plan jsonb;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT JSON, ANALYZE, TIMING OFF) SELECT id, slm_embed(body), slm_classify(body, labels) FROM t' INTO plan;
    RAISE NOTICE '%', (SELECT jsonb_object_agg(key, value) FROM jsonb_each(plan -> 0 -> 'Plan') WHERE key ~ 'Custom|Calls|Batch');
END
$$;
-- Settings.
SET slm.batch_rows = 0;
SET slm.batch_rows = 257;
SET slm.batch_rows = 256;
SELECT * FROM compare($$SELECT id, slm_embed(body) FROM t$$);
SET slm.batch_rows = 1;
SELECT * FROM compare($$SELECT id, slm_embed(body) FROM t$$);

SELECT slm_stat_reset();
DROP TABLE t, small;
DROP FUNCTION run, compare, analyze_, seen, leak, broken, dear, error_of;
SELECT slm_drop_model(name) FROM unnest('{tiny,slm}'::text[]) AS name;
