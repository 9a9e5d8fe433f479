-- slm_rank, slm_rank_batch
\getenv folder PG_ABS_SRCDIR
\set error_of :folder '/sql/error_of.psql'
\i :error_of
SELECT slm_create_model('tiny', 'tiny-bert.gguf', '{"query_prefix": "this "}') AS created \gset
SET slm.embed_model = 'tiny';

SELECT round(slm_rank('the parcel is late', 'where is my order')::numeric, 5) AS rank;
SELECT count(DISTINCT answer) AS answers, count(*) AS forms FROM (VALUES
    (slm_rank('the parcel is late', 'where is my order')),
    (slm_rank('the parcel is late', 'where is my order', 'tiny')),
    (slm_rank(query => 'where is my order', document => 'the parcel is late')),
    (slm_rank('the parcel is late', 'where is my order', slm_pin('tiny'))),
    ((SELECT score FROM slm_rank_batch(ARRAY['the parcel is late'], 'where is my order'))),
    ((SELECT score FROM slm_rank_batch(ARRAY['the parcel is late'], 'where is my order', slm_pin('tiny'))))
) AS v (answer);

-- It is the cosine of the two embeddings by purpose.
SELECT abs(slm_rank('the parcel is late', 'where is my order')
           - (SELECT sum(d * q) FROM unnest(slm_embed('the parcel is late'), slm_embed('where is my order', purpose => 'query')) AS u (d, q))) < 1e-6 AS cosine;

SELECT slm_rank(NULL, 'a') IS NULL AS a, slm_rank('a', NULL) IS NULL AS b, slm_rank(' ', 'a') IS NULL AS c, slm_rank('a', '') IS NULL AS d;
SELECT ord, score = slm_rank(document, 'order') AS same
FROM unnest(ARRAY['the order', NULL, ' ', 'a red door']) WITH ORDINALITY AS t (document, ord)
JOIN slm_rank_batch(ARRAY['the order', NULL, ' ', 'a red door'], 'order') USING (ord) ORDER BY ord;
SELECT * FROM slm_rank_batch(ARRAY['a', 'b'], NULL);
SELECT * FROM slm_rank_batch(ARRAY['a', 'b'], ' ');
SELECT count(*) FROM slm_rank_batch(NULL, 'a');
SELECT error_of($$SELECT slm_rank('a', 'b', 'nobody')$$);
-- A prefix counts as part of its text.
SET slm.max_input_tokens = 3;
SELECT slm_rank('the order late', 'a') IS NULL AS three_tokens;
SELECT error_of($$SELECT slm_rank('the order is late', 'a')$$);
SELECT error_of($$SELECT slm_rank('a', 'the order is late')$$);
SELECT error_of($$SELECT * FROM slm_rank_batch(ARRAY['a', 'the order is late'], 'a')$$);
RESET slm.max_input_tokens;

SELECT slm_drop_model('tiny') AS dropped \gset
DROP FUNCTION error_of;
