-- slm_count_tokens, slm_chunk
\getenv folder PG_ABS_SRCDIR
\set error_of :folder '/sql/error_of.psql'
\i :error_of
SELECT slm_create_model('tiny', 'tiny-bert.gguf') AS created \gset
SET slm.embed_model = 'tiny';

SELECT slm_count_tokens('The order arrived late.') AS five, slm_count_tokens('') AS zero, slm_count_tokens('  ') AS blank,
       slm_count_tokens(NULL) AS null, slm_count_tokens('order', 'tiny') AS one, slm_count_tokens('order', slm_pin('tiny')) AS pinned;
SELECT error_of($$SELECT slm_count_tokens('a', 'nobody')$$);
-- No text gives a control token.
SELECT slm_count_tokens('[CLS] [SEP] [PAD] [MASK]') > 4 AS data;

-- Chunks are substrings of the input, found at start.
\set long 'The order arrived late. I was charged two times for my order, please refund the money! Café crème à la carte: 日本語 and so on.'
SELECT ord, start, chunk FROM slm_chunk(:'long', 10);
SELECT count(*) AS chunks, bool_and(substr(:'long', start, length(chunk)) = chunk) AS found, max(slm_count_tokens(chunk)) AS most
FROM slm_chunk(:'long', max_tokens => 7, overlap => 3);
SELECT array_agg(c ORDER BY ord) = (SELECT array_agg(c ORDER BY ord) FROM slm_chunk(:'long', 7, 3, slm_pin('tiny')) AS c) AS same
FROM slm_chunk(:'long', 7, 3, 'tiny') AS c;
-- Without a number a chunk is what a window of the model holds.
SELECT ord, slm_count_tokens(chunk) FROM slm_chunk(repeat('order ', 100));
SELECT count(*) FROM slm_chunk('');
SELECT count(*) FROM slm_chunk(E' \n');
SELECT count(*) FROM slm_chunk(NULL);
SELECT count(*) FROM slm_chunk('a b c', NULL, NULL, NULL);

SELECT error_of($$SELECT * FROM slm_chunk('a', 0)$$);
SELECT error_of($$SELECT * FROM slm_chunk('a', -1)$$);
SELECT error_of($$SELECT * FROM slm_chunk('a', 5, -1)$$);
SELECT error_of($$SELECT * FROM slm_chunk('a', 5, 5)$$);
SELECT error_of($$SELECT * FROM slm_chunk('a', 5, 2000000000)$$);
SELECT error_of($$SELECT * FROM slm_chunk('a', 5, 1, 'nobody')$$);

SELECT slm_drop_model('tiny') AS dropped \gset
DROP FUNCTION error_of;
