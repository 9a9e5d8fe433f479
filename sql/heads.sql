-- Models with a classification head: own labels, a cross-encoder, and one that labels tokens
\getenv folder PG_ABS_SRCDIR
\set error_of :folder '/sql/error_of.psql'
\i :error_of
SELECT slm_create_model('classifier', 'tiny-classifier.gguf') AS created \gset
SELECT slm_create_model('ranker', 'tiny-ranker.gguf') AS created \gset
SET slm.classify_model = 'classifier';

-- Probabilities as transformers computes them (test/golden/tiny-heads.txt).
WITH golden (input, negative, neutral, positive) AS (VALUES
    ('the order arrived late', 0.257294479, 0.461029599, 0.281675923),
    ('please refund my order, thanks!', 0.137940307, 0.758155311, 0.103904382),
    ('login failed again and again', 0.122988257, 0.831702898, 0.0453088446),
    ('a red door', 0.166140298, 0.817068634, 0.0167910681),
    ('great, the parcel is here', 0.171624138, 0.801792598, 0.0265832643)
)
SELECT count(*), max(abs(confidence - CASE label WHEN 'negative' THEN negative WHEN 'neutral' THEN neutral ELSE positive END)) < 1e-5 AS equal
FROM golden, slm_classify_scores(input);
WITH golden (query, document, score) AS (VALUES
    ('where is my order', 'the order arrived late', 0.850213039),
    ('where is my order', 'please refund my order, thanks!', 0.82236355),
    ('where is my order', 'login failed again and again', 0.696554636),
    ('where is my order', 'a red door', 0.745669244),
    ('where is my order', 'great, the parcel is here', 0.771379223),
    ('refund', 'the order arrived late', 0.81124657),
    ('refund', 'please refund my order, thanks!', 0.789770399),
    ('refund', 'login failed again and again', 0.43046155),
    ('refund', 'a red door', 0.666435043),
    ('refund', 'great, the parcel is here', 0.814483258)
)
SELECT count(*), max(abs(slm_rank(document, query, 'ranker') - score)) < 1e-5 AS equal FROM golden;

-- Labels may be left out; those given must be the model's own, in any order.
SELECT slm_classify('a red door') AS own, slm_classify('a red door', NULL, slm_pin('classifier')) AS pinned,
       slm_classify('a red door', '{positive,negative}') AS some, slm_classify('a red door', '{positive,neutral,negative}') AS all;
SELECT label, round(confidence::numeric, 3) AS confidence FROM slm_classify_scores('a red door', '{positive,negative}');
SELECT round(sum(confidence)::numeric, 5) AS sum FROM slm_classify_scores('a red door', '{positive,negative}');
SELECT slm_classify_multi('a red door') AS multi, slm_classify_multi('a red door', '{positive,negative}', threshold => 0) AS all;
SELECT ord, label FROM slm_classify_batch(ARRAY['a red door', NULL, 'the order arrived late'], NULL, 'classifier');
SELECT error_of($$SELECT slm_classify('a red door', '{positive,bad}')$$);
SELECT error_of($$SELECT slm_classify('a red door', '{positive}')$$);
SELECT error_of($$SELECT slm_classify('a red door', descriptions => '{"positive": "good"}')$$);
SELECT error_of($$SELECT slm_classify('a red door', instructions => 'be brief')$$);
-- It has embeddings too.
SELECT cardinality(slm_embed('a red door', 'classifier')) AS dimensions;

-- A cross-encoder scores pairs and does nothing else.
SELECT ord, score = slm_rank(document, 'refund', 'ranker') AS same
FROM unnest(ARRAY['the order', NULL, ' ', 'a red door']) WITH ORDINALITY AS t (document, ord)
JOIN slm_rank_batch(ARRAY['the order', NULL, ' ', 'a red door'], 'refund', 'ranker') USING (ord) ORDER BY ord;
SELECT slm_rank(repeat('order ', 100), 'refund', 'ranker') BETWEEN 0 AND 1 AS longer_than_a_window;
SELECT error_of($$SELECT slm_rank('a', repeat('refund ', 100), 'ranker')$$);
SELECT error_of($$SELECT slm_embed('a red door', 'ranker')$$);
SELECT error_of($$SELECT slm_similarity('a red door', 'a', 'ranker')$$);
SELECT error_of($$SELECT slm_classify('a red door', '{a,b}', 'ranker')$$);
SELECT error_of($$SELECT slm_classify('a red door', NULL, 'ranker')$$);
SELECT slm_count_tokens('a red door', 'ranker') AS tokens;

-- A model that labels tokens has its types as fields, and does nothing else.
SELECT slm_create_model('tokens', 'tiny-tokens.gguf') AS created \gset
SET slm.extract_model = 'tokens';
SELECT slm_load('tokens') > 0 AS loaded, (SELECT heads FROM slm_models WHERE name = 'tokens') AS heads;
CREATE TABLE said (id int, body text);
INSERT INTO said VALUES
    (1, 'the order arrived late'), (2, 'please refund my order, thanks!'), (3, 'login failed again and again'),
    (4, 'a red door'), (5, 'great, the parcel is here'), (6, ' '), (7, NULL), (8, 'mail a@b.org on 4 March 2025');
SELECT id, slm_extract(body, '["person", "org"]') AS one, slm_extract(body, '{"PER": "string[]", "when": "due date", "ORG": "string[]"}') AS many FROM said ORDER BY id;
SELECT id, field, value, substr(body, start, length) = value AS verbatim, confidence BETWEEN 0.5 AND 1 AS confident
FROM said, slm_extract_spans(body, '{"person": "string[]", "Due-Date": "string[]"}') ORDER BY id, start, field;
SELECT slm_extract(body, '{"properties": {"due_date": {"format": "date"}, "who": {"title": "Person", "format": "email"}}, "required": ["due_date", "who"]}', on_error => 'null')
FROM said WHERE id IN (1, 8) ORDER BY id;
SELECT id, slm_redact(body, '{email,person,due date}') FROM said ORDER BY id;
SELECT count(*) FILTER (WHERE extracted IS DISTINCT FROM slm_extract(body, '["PER"]')) AS different
FROM said JOIN slm_extract_batch(ARRAY(SELECT body FROM said ORDER BY id), '["PER"]') ON ord = id;
SELECT error_of($$SELECT slm_extract('a red door', '["person", "price"]')$$);
SELECT error_of($$SELECT slm_redact('a red door', '{email,price}')$$);
SELECT error_of($$SELECT slm_classify('a red door', NULL, 'tokens')$$);
SELECT error_of($$SELECT slm_classify('a red door', '{a,b}', 'tokens')$$);
SELECT error_of($$SELECT slm_embed('a red door', 'tokens')$$);
SELECT error_of($$SELECT slm_rank('a red door', 'door', 'tokens')$$);
SELECT error_of($$SELECT slm_extract('a red door', '["person"]', 'classifier')$$);
DROP TABLE said;
SELECT slm_drop_model('tokens') AS dropped \gset

SELECT slm_drop_model('classifier') AS dropped \gset
SELECT slm_drop_model('ranker') AS dropped \gset
DROP FUNCTION error_of;
