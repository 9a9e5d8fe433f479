-- What the planner knows: cost grows with the input, cheap conditions go first
SELECT slm_create_model('tiny', 'tiny-bert.gguf') AS created \gset
SET slm.classify_model = 'tiny';
SET slm.embed_model = 'tiny';
CREATE TABLE texts (id int, short text, long text);
INSERT INTO texts SELECT n, 'order ' || n, repeat(md5(n::text), 20) FROM generate_series(1, 100) AS n;
ALTER TABLE texts ALTER long SET STORAGE EXTERNAL;
ANALYZE texts;
CREATE FUNCTION cost(query text) RETURNS float8 LANGUAGE plpgsql AS
$$
DECLARE
    plan json;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
    RETURN plan -> 0 -> 'Plan' ->> 'Total Cost';
END
$$;
CREATE FUNCTION plan_rows(query text) RETURNS float8 LANGUAGE plpgsql AS
$$
DECLARE
    plan json;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
    RETURN plan -> 0 -> 'Plan' ->> 'Plan Rows';
END
$$;
SELECT cost('SELECT slm_embed(short) FROM texts') > 100 * cost('SELECT upper(short) FROM texts') AS dear,
       cost('SELECT slm_embed(long) FROM texts') > 5 * cost('SELECT slm_embed(short) FROM texts') AS by_length,
       cost('SELECT slm_similarity(short, ''a'') FROM texts') < 1.5 * cost('SELECT slm_embed(short) FROM texts') AS constant_once,
       cost('SELECT slm_count_tokens(short) FROM texts') < 0.1 * cost('SELECT slm_embed(short) FROM texts') AS tokens_cheap;
-- Once it is mapped, the model's own size counts: tiny is far smaller than what is assumed before.
SELECT cost('SELECT slm_embed(short, ''never_used'') FROM texts') AS unknown \gset
SELECT slm_embed('a') IS NOT NULL AS mapped;
SELECT cost('SELECT slm_embed(short, ''tiny'') FROM texts') < :unknown AS known,
       cost('SELECT slm_embed(short) FROM texts') < :unknown AS by_setting,
       cost('SELECT slm_embed(short, slm_pin(''tiny'')) FROM texts') > 0 AS pinned;
EXPLAIN (COSTS OFF) SELECT * FROM texts WHERE slm_classify(short, '{a,b}') = 'a' AND id % 7 = 1;
EXPLAIN (COSTS OFF) SELECT slm_embed(short) FROM texts ORDER BY id LIMIT 5;
SELECT plan_rows('SELECT * FROM slm_classify_scores(''x'', ''{a,b,c}'')') AS labels,
       plan_rows('SELECT * FROM slm_embed_batch(''{a,b,c,d}'')') AS elements,
       plan_rows(format('SELECT * FROM slm_chunk(%L, 10)', repeat('order ', 100))) > 1 AS chunks;
-- Planning reads no file: a model that does not exist is not missed.
SELECT cost('SELECT slm_embed(short, ''no_such_model'') FROM texts') > 0 AS planned;
DROP TABLE texts;
DROP FUNCTION cost, plan_rows;
SELECT slm_drop_model('tiny') AS dropped \gset
