-- slm_embed, slm_embed_batch, slm_similarity: call forms, NULL rules, errors
\getenv folder PG_ABS_SRCDIR
\set error_of :folder '/sql/error_of.psql'
\i :error_of
SELECT slm_create_model('tiny', 'tiny-bert.gguf') AS created \gset
SELECT slm_pin('tiny') AS pin \gset

-- The answer: 32 numbers of unit length, always the same ones.
SELECT round(e::numeric, 5) AS e FROM unnest(slm_embed('The order arrived late.', 'tiny')) WITH ORDINALITY AS u (e, i) WHERE i <= 6;
SELECT cardinality(e), round(sqrt(sum(x::float8 ^ 2))::numeric, 6) AS length
FROM (SELECT slm_embed('The order arrived late.', 'tiny') AS e) AS a, unnest(e) AS x GROUP BY e;

-- Call forms: all of them give one answer.
SET slm.embed_model = 'tiny';
SELECT count(DISTINCT e) AS answers, count(*) AS forms FROM (VALUES
    (slm_embed('please refund my order')),
    (slm_embed('please refund my order', 'tiny')),
    (slm_embed('please refund my order', NULL)),
    (slm_embed('please refund my order', 'tiny', 'document')),
    (slm_embed('please refund my order', 'tiny', NULL, NULL, NULL)),
    (slm_embed('please refund my order', model => 'tiny')),
    (slm_embed(input => 'please refund my order')),
    (slm_embed(model => 'tiny', input => 'please refund my order', on_error => 'error')),
    (slm_embed('please refund my order', purpose => 'query')),
    (slm_embed('please refund my order'::varchar, 'tiny'::name::text)),
    (slm_embed('please refund my order', (:'pin')::slm_model)),
    (slm_embed('please refund my order', slm_pin('tiny'), on_error => 'null')),
    (slm_embed(model => slm_pin('tiny'), input => 'please refund my order'))
) AS v (e);

-- An unknown literal resolves to the text form, which is STABLE; a pin to the IMMUTABLE one.
SELECT p.provolatile FROM pg_proc AS p
WHERE p.oid = (SELECT 'slm_embed(text, text, text, int, text)'::regprocedure)
UNION ALL SELECT p.provolatile FROM pg_proc AS p
WHERE p.oid = (SELECT 'slm_embed(text, slm_model, text, int, text)'::regprocedure);

-- No default model.
SET slm.embed_model = '';
SELECT error_of($$SELECT slm_embed('text')$$);
SET slm.embed_model = 'tiny';

-- NULL and blank inputs give NULL, whatever stands beside them.
SELECT slm_embed(NULL) IS NULL AS a, slm_embed('') IS NULL AS b, slm_embed(E' \t\n\u00a0\u3000') IS NULL AS c,
       slm_embed(NULL, slm_pin('tiny')) IS NULL AS d, slm_embed('.') IS NULL AS e;

-- Wrong calls are errors with each on_error.
SELECT error_of($$SELECT slm_embed('text', 'nobody')$$);
SELECT error_of($$SELECT slm_embed('text', 'nobody', on_error => 'null')$$);
SELECT error_of($$SELECT slm_embed('text', 'tiny', 'search')$$);
SELECT error_of($$SELECT slm_embed('text', 'tiny', on_error => 'ignore')$$);
SELECT error_of($$SELECT slm_embed(NULL, 'tiny', on_error => 'ignore')$$);
SELECT error_of($$SELECT slm_embed('text', 'tiny', dimensions => 16)$$);
SELECT error_of($$SELECT slm_embed('text', 'tiny', dimensions => 32, on_error => 'null')$$);
SELECT error_of($$SELECT slm_embed('text', NULL::slm_model)$$);
SELECT error_of($$SELECT slm_embed('text', 'tiny@0123456789abcdef0123456789abcdef'::slm_model)$$);
SELECT error_of($$SELECT slm_embed('text', 'tiny@0123'::slm_model)$$);

-- A C function that is declared with other arguments says so.
CREATE FUNCTION wrong(text) RETURNS real[] LANGUAGE c AS '$libdir/slm', 'slm_embed';
SELECT error_of($$SELECT wrong('text')$$);
DROP FUNCTION wrong(text);

-- on_error: a row that cannot be processed.
SET slm.max_input_tokens = 5;
SELECT slm_embed('the order is late', 'tiny') IS NULL AS four_tokens;
SELECT slm_embed('the order is late .', 'tiny') IS NULL AS five_tokens;
SELECT error_of($$SELECT slm_embed('the order is late . .', 'tiny')$$);
SELECT slm_embed('the order is late . .', 'tiny', on_error => 'null') IS NULL AS six_tokens;
SELECT ord, embedding IS NULL AS is_null
FROM slm_embed_batch(ARRAY['the order', 'the order is late . .', NULL, 'late'], 'tiny', on_error => 'null');
SELECT error_of($$SELECT count(*) FROM slm_embed_batch(ARRAY['the order', 'the order is late . .', NULL, 'late'], 'tiny')$$);
RESET slm.max_input_tokens;

-- Longer than a window of 64 positions: overflow decides.
SELECT slm_create_model('tiny_strict', 'tiny-bert.gguf', '{"overflow": "error"}') AS created \gset
SELECT slm_create_model('tiny_cut', 'tiny-bert.gguf', '{"overflow": "truncate"}') AS created \gset
SELECT slm_embed(repeat('order ', 62), 'tiny_strict') = slm_embed(repeat('order ', 62), 'tiny') AS fits;
SELECT error_of($$SELECT slm_embed(repeat('order ', 63), 'tiny_strict')$$);
SELECT slm_embed(repeat('order ', 63), 'tiny_strict', on_error => 'null') IS NULL AS no_answer;
SELECT slm_embed(repeat('order ', 63), 'tiny_cut') = slm_embed(repeat('order ', 62), 'tiny_cut') AS cut;
SELECT round(slm_similarity(repeat('order ', 63), repeat('order ', 62), 'tiny')::numeric, 1) AS nearly_one;

-- Prefixes by purpose.
SELECT slm_create_model('tiny_prefix', 'tiny-bert.gguf', '{"query_prefix": "query: ", "document_prefix": "text: "}') AS created \gset
SELECT slm_embed('order', 'tiny_prefix', 'query') = slm_embed('query: order', 'tiny') AS query,
       slm_embed('order', 'tiny_prefix', 'document') = slm_embed('text: order', 'tiny') AS document,
       slm_embed('order', 'tiny_prefix') = slm_embed('text: order', 'tiny') AS by_default;

-- The array form: the same bits row by row, NULLs in place, any subscripts.
SELECT ord, embedding IS NULL AS is_null, embedding IS NOT DISTINCT FROM slm_embed(input, 'tiny') AS same
FROM unnest('[5:9]={"the order","  ",NULL,"a red door","the order"}'::text[]) WITH ORDINALITY AS t (input, ord)
JOIN slm_embed_batch('[5:9]={"the order","  ",NULL,"a red door","the order"}'::text[], 'tiny') USING (ord) ORDER BY ord;
SELECT count(*) FROM slm_embed_batch('{}', 'tiny');
SELECT count(*) FROM slm_embed_batch(NULL, 'tiny');
SELECT error_of($$SELECT count(*) FROM slm_embed_batch('{{a,b},{c,d}}', 'tiny')$$);
SELECT count(*), count(DISTINCT embedding) FROM slm_embed_batch(array_fill('order'::text, ARRAY[1000]), 'tiny');
SELECT bool_and(embedding = slm_embed('order number ' || ord, 'tiny')) AS same, count(*)
FROM slm_embed_batch((SELECT array_agg('order number ' || n ORDER BY n) FROM generate_series(1, 600) AS n), slm_pin('tiny'));
SELECT (slm_embed_batch(ARRAY['a'], 'tiny')).ord;

-- slm_similarity
SELECT slm_similarity('the order', 'the order', 'tiny') AS one,
       slm_similarity('the order', 'a red door', 'tiny') = slm_similarity('a red door', 'the order', 'tiny') AS symmetric,
       slm_similarity(a => 'the order', b => 'a red door') = slm_similarity('the order', 'a red door', slm_pin('tiny')) AS forms;
SELECT slm_similarity(NULL, 'a', 'tiny') IS NULL AS a, slm_similarity('a', NULL, 'tiny') IS NULL AS b,
       slm_similarity('a', ' ', 'tiny') IS NULL AS c;
SELECT error_of($$SELECT slm_similarity('a', 'b', 'nobody')$$);

-- A decoder that embeds (Qwen3-Embedding's form): its last token, which ends every text, behind an instruction where it asks.
-- The numbers are those of transformers (test/golden/make_parity.py).
SELECT slm_create_model('qwen', 'parity-qwen3.gguf', jsonb_build_object('query_prefix',
    E'Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:')) AS created \gset
\set golden `sed -n '/^model qwen3$/,/^model /p' "$PG_ABS_SRCDIR/test/golden/parity.txt"`
CREATE TEMP TABLE golden AS
WITH line AS (SELECT * FROM regexp_split_to_table(:'golden', '\n') WITH ORDINALITY AS t (line, n))
SELECT CASE split_part(a.line, ' ', 1) WHEN 'text' THEN 'document' ELSE 'query' END AS purpose, substr(a.line, strpos(a.line, ' ') + 1) AS input,
       string_to_array(substr(b.line, 5), ' ')::float8[] AS embedding
FROM line AS a JOIN line AS b ON b.n = a.n + 2 AND b.line LIKE 'out %' WHERE a.line ~ '^(text|query) ';
SELECT purpose, count(*), max(error) < 1e-10 AS equal
FROM golden, LATERAL (SELECT sum(power(ours - theirs / size, 2)) AS error
                      FROM unnest(slm_embed(input, 'qwen', purpose), embedding) AS u (ours, theirs),
                           (SELECT sqrt(sum(x * x)) AS size FROM unnest(embedding) AS x) AS s) AS e
GROUP BY purpose ORDER BY purpose;
SELECT bool_and(b.embedding = slm_embed(input, 'qwen', 'query')) AS same, count(*)
FROM slm_embed_batch((SELECT array_agg(input ORDER BY input) FROM golden), 'qwen', 'query') AS b
JOIN (SELECT input, row_number() OVER (ORDER BY input) AS ord FROM golden) AS g USING (ord);
SELECT slm_embed('tea', 'qwen') = slm_embed('tea', 'qwen', 'query') AS instructed, slm_similarity('tea', 'tea', 'qwen') AS one,
       cardinality(slm_embed(repeat('the order arrived late ', 200), 'qwen')) AS in_chunks, slm_count_tokens('tea', 'qwen') AS tokens;
SELECT slm_drop_model('qwen') AS dropped \gset
DROP TABLE golden;

SELECT slm_drop_model('tiny_strict') AS dropped \gset
SELECT slm_drop_model('tiny_cut') AS dropped \gset
SELECT slm_drop_model('tiny_prefix') AS dropped \gset
SELECT slm_drop_model('tiny') AS dropped \gset
DROP FUNCTION error_of;
