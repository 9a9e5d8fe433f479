-- slm_filter, and a model with a label head
\getenv folder PG_ABS_SRCDIR
\set error_of :folder '/sql/error_of.psql'
\i :error_of
SELECT slm_create_model('tiny', 'tiny-bert.gguf') AS created \gset
SELECT slm_create_model('slm', 'tiny-slm.gguf') AS created \gset
SELECT slm_create_model('classifier', 'tiny-classifier.gguf') AS created \gset
SELECT slm_create_model('ranker', 'tiny-ranker.gguf') AS created \gset
SET slm.classify_model = 'slm';

-- What the models have.
SELECT name, quantization, heads FROM slm_models WHERE name <> 'slm_base' ORDER BY name;

-- Call forms: one answer.
SELECT array_agg(DISTINCT answer) AS answers, count(*) AS forms FROM (VALUES
    (slm_filter('I need a refund!', 'refund')),
    (slm_filter('I need a refund!', 'refund', 'slm')),
    (slm_filter('I need a refund!', 'refund', NULL, NULL)),
    (slm_filter(input => 'I need a refund!', condition => 'refund', on_error => 'null')),
    (slm_filter('I need a refund!', 'refund', slm_pin('slm'))),
    (slm_filter(model => slm_pin('slm'), condition => 'refund', input => 'I need a refund!'))
) AS v (answer);

-- A condition is a label on its own, with a label head and without.
WITH text (input) AS (VALUES ('I need a refund!'), ('the order is late'), ('tea'), ('my password is lost'))
SELECT model, bool_and(slm_filter(input, c, model) = (c = ANY (slm_classify_multi(input, conditions, model)))) AS same
FROM text, (VALUES ('{refund,delivery,password,a red door}'::text[])) AS v (conditions), unnest(conditions) AS c, unnest('{slm,tiny}'::text[]) AS model
GROUP BY model ORDER BY model;
SELECT slm_filter('I need a refund!', 'refund') AS holds, slm_filter('The parcel of Mr McTea arrived LATE on 3 May 2024.', 'refund') AS does_not;

-- Probabilities as PyTorch computes them (test/golden/tiny-slm.txt); what is missing to 1 is none of the labels.
WITH golden (input, refund, delivery, password) AS (VALUES
    ('I need a refund!', 0.137112514, 0.0248099793, 0.164112063),
    ('The parcel of Mr McTea arrived LATE on 3 May 2024.', 0.00786000617, 0.0274217393, 0.0083335836),
    ('pay $45.00 to 12 b2b@mail-box, please', 0.0216274909, 0.0394363032, 0.0436683358)
), scores AS (
    SELECT input, label, confidence, CASE label WHEN 'refund' THEN refund WHEN 'delivery' THEN delivery ELSE password END AS right
    FROM golden, slm_classify_scores(input, '{refund,delivery,password}', descriptions => '{"delivery": "the parcel is late"}')
)
SELECT count(*), max(abs(confidence - "right")) < 1e-5 AS equal, max(sum) < 1 AS below_1
FROM scores JOIN (SELECT input, sum(confidence) FROM scores GROUP BY input) AS s USING (input);
SELECT slm_classify('I need a refund!', '{refund,delivery,password}') AS label,
       slm_classify('I need a refund!', '{refund,delivery,password}', min_confidence => 0.5) AS none;

-- NULL and blank.
SELECT slm_filter(NULL, 'refund') IS NULL AS a, slm_filter(E' \n', 'refund') IS NULL AS b;
SELECT error_of($$SELECT slm_filter('a', NULL)$$);
SELECT error_of($$SELECT slm_filter(NULL, NULL)$$);
SELECT error_of($$SELECT slm_filter('a', NULL, on_error => 'null')$$);
SELECT error_of($$SELECT slm_filter('a', '')$$);
SELECT error_of($$SELECT slm_filter('a', E'\t')$$);

-- Wrong calls.
SELECT error_of($$SELECT slm_filter('a', 'b', 'nobody')$$);
SELECT error_of($$SELECT slm_filter('a', 'b', on_error => 'skip')$$);
SELECT error_of($$SELECT slm_filter('a red door', 'positive', 'classifier')$$);
SELECT error_of($$SELECT slm_filter('a red door', 'positive', 'ranker')$$);
-- A condition that is remembered does not make a set of one label.
SELECT slm_filter('a', 'x') IS NOT NULL AS answered;
SELECT error_of($$SELECT slm_classify_multi('a', '{x}')$$);

-- Rows that cannot be processed; a condition is no input.
SET slm.max_input_tokens = 2;
SELECT error_of($$SELECT slm_filter('the order is late', 'x')$$);
SELECT slm_filter('the order is late', 'x', on_error => 'null') IS NULL AS is_null;
SELECT slm_filter('late', 'the order is late') IS NOT NULL AS answered;
RESET slm.max_input_tokens;

-- In WHERE; the same condition costs one inference a row.
CREATE TABLE filter_texts AS SELECT 'text ' || n AS body FROM generate_series(1, 20) AS n;
SELECT count(*) = (SELECT count(*) FROM filter_texts WHERE slm_filter(body, 'refund', slm_pin('slm'))) AS same
FROM filter_texts WHERE slm_filter(body, 'refund');
SELECT slm_stat_reset();
SET slm.enable_batching = off; -- a call for each row: those of one row are the same
SELECT bool_and(a = b) AS same FROM (SELECT slm_filter(body, 'order') AS a, slm_filter(body, 'order') AS b FROM filter_texts OFFSET 0) AS t;
SELECT function, model, calls, rows, errors, memo_hits FROM slm_stat_calls WHERE function = 'slm_filter';
RESET slm.enable_batching;
EXPLAIN (COSTS OFF) SELECT * FROM filter_texts WHERE slm_filter(body, 'refund') AND body < 'text 2';
DROP TABLE filter_texts;

SELECT slm_drop_model(name) FROM unnest('{tiny,slm,classifier,ranker}'::text[]) AS name;
DROP FUNCTION error_of;
