-- Models of two stacks, one that reads and one that writes, and encoders of their kind
\set SHOW_CONTEXT never
\getenv folder PG_ABS_SRCDIR
\set error_of :folder '/sql/error_of.psql'
\i :error_of
SELECT slm_create_model('flan', 't5-flan.gguf', '{"cache_type": "f32"}') AS created \gset
SELECT slm_create_model('um', 't5-um.gguf', '{"cache_type": "f32"}') AS created \gset
SELECT slm_create_model('flan_embed', 't5-flan.gguf', '{"pooling": "mean"}') AS created \gset
SELECT slm_create_model('sentences', 'parity-t5.gguf') AS created \gset
SELECT name, architecture, quantization, dimensions, context FROM slm_models WHERE name IN ('flan', 'um', 'flan_embed', 'sentences') ORDER BY name;

-- What transformers writes after the same texts (test/golden/t5.txt).
SELECT slm_generate('tea', 'flan', 20) = repeat('order ', 19) || 'order' AS flan,
       slm_generate('the order arrived late', 'um', 20) = 'fmo downhiho downm latem lateh my down my down my down' AS um;
SELECT ord, generated = slm_generate(t[ord], 'flan', 20) AS same
FROM (SELECT ARRAY['tea', 'the order arrived late', 'Please refund my card', 'tea', 'red dog']) AS a (t), slm_generate_batch(t, 'flan', 20) ORDER BY ord;

-- Labels are scored as answers, whatever is asked beside them.
CREATE TABLE letters (id int, body text);
INSERT INTO letters VALUES (1, 'the order arrived late'), (2, 'please refund my card'), (3, NULL), (4, 'the server is down again'), (5, 'the order arrived late');
SELECT count(*), bool_and(b.label IS NOT DISTINCT FROM slm_classify(t[b.ord], '{refund,login,order}', 'flan')) AS same
FROM (SELECT array_agg(body ORDER BY id) FROM letters) AS a (t), slm_classify_batch(t, '{refund,login,order}', 'flan') AS b;
SELECT count(*), bool_and(confidence BETWEEN 0 AND 1) AS shares FROM slm_classify_scores('tea', '{refund,login,order}', 'flan');
SELECT slm_summarize('The order arrived late. Please refund my card. The login failed again.', 10, 'flan') <> '' AS summary;

-- Their vocabularies need not spell JSON.
SELECT error_of($$SELECT slm_generate('tea', 'flan', schema => '{"enum": ["dog", "tea"]}')$$);
SELECT error_of($$SELECT slm_extract('the red dog', '["who"]', 'flan')$$);

-- Embeddings are those of the stack that reads.
SELECT array_length(slm_embed('tea', 'flan_embed'), 1) AS flan, array_length(slm_embed('tea', 'sentences'), 1) AS sentences,
       slm_similarity('tea', 'tea', 'sentences') AS same, slm_similarity('tea', 'red dog', 'sentences') < 0.99 AS other;
SELECT error_of($$SELECT slm_embed('tea', 'flan')$$);
DROP TABLE letters;
SELECT count(slm_drop_model(m)) AS dropped FROM unnest(ARRAY['flan', 'um', 'flan_embed', 'sentences']) AS m;
DROP FUNCTION error_of;
