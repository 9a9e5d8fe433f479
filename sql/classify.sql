-- slm_classify, slm_classify_scores, slm_classify_multi, slm_classify_batch
\getenv folder PG_ABS_SRCDIR
\set error_of :folder '/sql/error_of.psql'
\i :error_of
SELECT slm_create_model('tiny', 'tiny-bert.gguf') AS created \gset
SET slm.classify_model = 'tiny';

-- Call forms: one answer.
SELECT array_agg(DISTINCT answer) AS answers, count(*) AS forms FROM (VALUES
    (slm_classify('please refund my order', '{billing,shipping,login}')),
    (slm_classify('please refund my order', ARRAY['billing', 'shipping', 'login'])),
    (slm_classify('please refund my order', '{billing,shipping,login}', 'tiny')),
    (slm_classify('please refund my order', '{billing,shipping,login}', NULL, NULL, NULL, NULL, NULL)),
    (slm_classify(input => 'please refund my order', labels => '{billing,shipping,login}', model => 'tiny')),
    (slm_classify('please refund my order', labels => '{billing,shipping,login}', min_confidence => 0)),
    (slm_classify('please refund my order', '{billing,shipping,login}', slm_pin('tiny'))),
    (slm_classify(model => slm_pin('tiny'), labels => '{billing,shipping,login}', input => 'please refund my order'))
) AS v (answer);

-- The probabilities, greatest first, sum to 1 and agree with slm_classify.
SELECT label, round(confidence::numeric, 4) AS confidence
FROM slm_classify_scores('please refund my order', '{billing,shipping,login}');
SELECT round(sum(confidence)::numeric, 5) AS sum, (array_agg(label))[1] = slm_classify('late parcel', '{bug,invoice,delivery}') AS same
FROM slm_classify_scores('late parcel', '{bug,invoice,delivery}');
SELECT round(sum(confidence)::numeric, 5) AS sum, count(*)
FROM slm_classify_scores('late parcel', (SELECT array_agg('label ' || n) FROM generate_series(1, 300) AS n), slm_pin('tiny'));

-- Descriptions change what a label means; its name stays.
SELECT label, round(confidence::numeric, 4) AS confidence
FROM slm_classify_scores('please refund my order', '{billing,shipping,login}',
                         descriptions => '{"shipping": "the parcel is late", "billing": "refund, invoice, payment"}');
SELECT slm_classify('a', '{x,y}', descriptions => '{}') = slm_classify('a', '{x,y}') AS none,
       slm_classify('a', '{x,y}', descriptions => '{"x": ""}') = slm_classify('a', '{x,y}') AS empty;
SELECT error_of($$SELECT slm_classify('a', '{x,y}', descriptions => '{"z": "no label"}')$$);
SELECT error_of($$SELECT slm_classify('a', '{x,y}', descriptions => '{"x": 1}')$$);
SELECT error_of($$SELECT slm_classify('a', '{x,y}', descriptions => '{"x": null}')$$);
SELECT error_of($$SELECT slm_classify('a', '{x,y}', descriptions => '["x"]')$$);
SELECT error_of($$SELECT slm_classify('a', '{x,y}', descriptions => '"x"')$$);
SELECT error_of($$SELECT slm_classify('a', '{x,y}', descriptions => 'null')$$);

-- NULL and blank inputs.
SELECT slm_classify(NULL, '{x,y}') IS NULL AS a, slm_classify(E'\n', '{x,y}') IS NULL AS b,
       slm_classify_multi(NULL, '{x,y}') IS NULL AS c,
       (SELECT count(*) FROM slm_classify_scores(' ', '{x,y}')) AS d;

-- Bad label sets are errors, with each on_error.
SELECT error_of($$SELECT slm_classify('a', NULL)$$);
SELECT error_of($$SELECT slm_classify('a')$$);
SELECT error_of($$SELECT slm_classify('a', NULL, on_error => 'null')$$);
SELECT error_of($$SELECT slm_classify('a', '{x,NULL}')$$);
SELECT error_of($$SELECT slm_classify(NULL, '{x,NULL}')$$);
SELECT error_of($$SELECT slm_classify('a', '{}')$$);
SELECT error_of($$SELECT slm_classify('a', '{x}', on_error => 'null')$$);
SELECT error_of($$SELECT slm_classify('a', '{x,y,x}')$$);
SELECT error_of($$SELECT slm_classify('a', '{x,""}')$$);
SELECT error_of($$SELECT slm_classify('a', '{x," "}')$$);
SELECT error_of($$SELECT slm_classify('a', '{{x,y},{z,w}}')$$);
SELECT error_of($$SELECT slm_classify('a', (SELECT array_agg('label ' || n) FROM generate_series(1, 10001) AS n))$$);
SELECT error_of($$SELECT slm_classify_multi('a', '{x}')$$);
SELECT error_of($$SELECT * FROM slm_classify_scores('a', '{x,x}')$$);
SELECT error_of($$SELECT * FROM slm_classify_batch('{a}', '{x,x}')$$);
SELECT error_of($$SELECT slm_classify('a', '{x,y}', on_error => 'skip')$$);
SELECT error_of($$SELECT slm_classify('a', '{x,y}', 'nobody')$$);
SELECT error_of($$SELECT slm_classify('a', '{x,y}', instructions => 'be brief')$$);

-- min_confidence: below it the answer is NULL.
SELECT slm_classify('a', '{x,y}', min_confidence => 0) IS NULL AS none, slm_classify('a', '{x,y}', min_confidence => 1) IS NULL AS all;
SELECT slm_classify('a', '{x,y}', min_confidence => max(confidence)) IS NULL AS equal FROM slm_classify_scores('a', '{x,y}');
SELECT error_of($$SELECT slm_classify('a', '{x,y}', min_confidence => 1.5)$$);
SELECT error_of($$SELECT slm_classify('a', '{x,y}', min_confidence => -0.1)$$);
SELECT error_of($$SELECT slm_classify('a', '{x,y}', min_confidence => 'NaN')$$);

-- slm_classify_multi: each label on its own.
SELECT slm_classify_multi('please refund my order', '{billing,shipping,login}', threshold => 0) AS all_of_them,
       slm_classify_multi('please refund my order', '{billing,shipping,login}', threshold => 1) AS none;
SELECT slm_classify_multi('please refund my order', '{billing,shipping,login}') = slm_classify_multi('please refund my order', '{billing,shipping,login}', slm_pin('tiny'), threshold => 0.5) AS same;
SELECT error_of($$SELECT slm_classify_multi('a', '{x,y}', threshold => 2)$$);

-- The array form.
SELECT ord, label = slm_classify(input, '{billing,shipping,login}') AS same, confidence > 0.3 AS likely
FROM unnest(ARRAY['late parcel', NULL, '', 'password']) WITH ORDINALITY AS t (input, ord)
JOIN slm_classify_batch(ARRAY['late parcel', NULL, '', 'password'], '{billing,shipping,login}') USING (ord) ORDER BY ord;
SELECT ord, label, confidence < 1 AS unsure FROM slm_classify_batch('{a,b}', '{x,y}', slm_pin('tiny'), min_confidence => 1);
SELECT count(*) FROM slm_classify_batch(NULL, '{x,y}');

-- Rows that cannot be processed.
SET slm.max_input_tokens = 2;
SELECT error_of($$SELECT slm_classify('the order is late', '{x,y}')$$);
SELECT slm_classify('the order is late', '{x,y}', on_error => 'null') IS NULL AS is_null;
SELECT slm_classify_multi('the order is late', '{x,y}', on_error => 'null') IS NULL AS is_null;
SELECT count(*) FROM slm_classify_scores('the order is late', '{x,y}', on_error => 'null');
SELECT ord, label IS NULL AS is_null FROM slm_classify_batch(ARRAY['late', 'the order is late', 'bad'], '{x,y}', on_error => 'null');
SELECT error_of($$SELECT * FROM slm_classify_batch(ARRAY['late', 'the order is late'], '{x,y}')$$);
RESET slm.max_input_tokens;

-- Labels come back as they were given, whatever the tokenizer does to them.
SELECT label FROM slm_classify_scores('a', ARRAY['  Ünïted  ', 'b"c', E'd\ne', 'ABC']) ORDER BY label COLLATE "C";

SELECT slm_drop_model('tiny') AS dropped \gset
DROP FUNCTION error_of;
