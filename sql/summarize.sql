-- slm_summarize, slm_summarize_batch, slm_summarize_agg
\set SHOW_CONTEXT never
\getenv folder PG_ABS_SRCDIR
\set error_of :folder '/sql/error_of.psql'
\i :error_of
SELECT slm_create_model('slm', 'tiny-slm.gguf') AS created \gset
SELECT slm_create_model('tiny', 'tiny-bert.gguf') AS created \gset
SELECT slm_create_model('ranker', 'tiny-ranker.gguf') AS created \gset
SET slm.summarize_model = 'slm';
\set mail '''Dear team,\n\nthe order 17 arrived late. Please refund the money, I paid by card! A red dog has tea. It is\nover. Login failed for the second time.\n\nBest regards,\nAnna'''
\set prose '''The order 17 arrived late. Please refund the money, I paid by card! A red dog has tea. It is over. Login failed for the second time.'''

-- Call forms: one answer.
SELECT count(DISTINCT answer) AS answers, count(*) AS forms FROM (VALUES
    (slm_summarize(:mail, 12)),
    (slm_summarize(:mail, 12, 'slm')),
    (slm_summarize(:mail, 12, NULL, NULL, NULL)),
    (slm_summarize(max_words => 12, input => :mail)),
    (slm_summarize(:mail, 12, on_error => 'null')),
    (slm_summarize(:mail, 12, slm_pin('slm'))),
    (slm_summarize(:mail, model => slm_pin('slm'), max_words => 12)),
    ((SELECT summary FROM slm_summarize_batch(ARRAY[:mail], 12))),
    ((SELECT summary FROM slm_summarize_batch(ARRAY['a', NULL, :mail], 12, slm_pin('slm')) WHERE ord = 3)),
    ((SELECT slm_summarize_agg(:mail, 12))),
    ((SELECT slm_summarize_agg(:mail, 12, 'slm')))
) AS v (answer);
SELECT slm_summarize(:mail, 12), slm_summarize(:mail, 12, 'tiny') AS by_place_and_centrality;

-- A text that is short enough stays as it is, white space around it apart; 60 words are, by default.
SELECT slm_summarize(E' \n The order\n\nis  late. ') AS whole, slm_summarize('a b c', 3) AS three,
       slm_summarize(repeat('tea ', 60)) = rtrim(repeat('tea ', 60)) AS sixty, slm_summarize(repeat('tea. Red ', 30) || 'dog') <> repeat('tea. Red ', 30) || 'dog' AS more;
-- A sentence that is too long alone is cut at a word, better behind a clause.
SELECT slm_summarize('one two three four five six seven', 6) AS word, slm_summarize('one two three four five, six seven', 6) AS clause;

-- Whatever the limit: no more words, and every piece stands in the text.
SELECT bool_and(cardinality(regexp_split_to_array(s, '\s+')) <= n) AS fits,
       bool_and((SELECT bool_and(strpos(:prose, rtrim(piece, '…')) > 0) FROM regexp_split_to_table(s, '(?<=[.!]) ') AS piece)) AS verbatim
FROM generate_series(1, 30) AS n, slm_summarize(:prose, n) AS s;

-- NULL and blank.
SELECT slm_summarize(NULL) IS NULL AS a, slm_summarize(E' \n') IS NULL AS b, slm_summarize(NULL, 5, slm_pin('slm')) IS NULL AS c,
       slm_summarize('a b', NULL) AS default_words;
SELECT * FROM slm_summarize_batch(ARRAY['one two', NULL, '', 'three'], 1);
SELECT count(*) FROM slm_summarize_batch(NULL);

-- Wrong calls.
SELECT error_of($$SELECT slm_summarize('a', 0)$$);
SELECT error_of($$SELECT slm_summarize(NULL, -1, on_error => 'null')$$);
SELECT slm_summarize('a', 10000) AS limit;
SELECT error_of($$SELECT slm_summarize('a', 10001)$$);
SELECT error_of($$SELECT count(*) FROM slm_summarize_batch('{a}', 0)$$);
SELECT error_of($$SELECT slm_summarize_agg('a', 0)$$);
SELECT error_of($$SELECT slm_summarize('a', instructions => 'be brief')$$);
SELECT error_of($$SELECT slm_summarize('a', on_error => 'skip')$$);
SELECT error_of($$SELECT slm_summarize('a', 5, 'nobody')$$);
SELECT error_of($$SELECT slm_summarize('a', 5, 'ranker')$$);
SELECT error_of($$SELECT slm_summarize('a', 5, NULL::slm_model)$$);
SELECT error_of($$SELECT count(*) FROM slm_summarize_batch('{{a},{b}}')$$);

-- Rows that cannot be processed.
SET slm.max_input_tokens = 10;
SELECT error_of(format('SELECT slm_summarize(%L, 12)', :mail));
SELECT slm_summarize(:mail, 12, on_error => 'null') IS NULL AS no_answer;
SELECT ord, summary FROM slm_summarize_batch(ARRAY['one two', :mail], 2, on_error => 'null');
SELECT error_of(format('SELECT slm_summarize_agg(%L, 12)', :mail));
-- Rows that are short enough each.
SELECT cardinality(regexp_split_to_array(slm_summarize_agg('Order ' || n || ' is late.', 12 ORDER BY n), '\s+')) <= 12 AS fits FROM generate_series(1, 50) AS n;
RESET slm.max_input_tokens;

-- The aggregate: rows in their order, NULL and blank ones left out, NULL without any.
SELECT slm_summarize_agg(body ORDER BY id DESC) AS descending, slm_summarize_agg(body ORDER BY id) AS ascending
FROM (VALUES (1, 'One.'), (2, NULL), (3, 'Two.'), (4, ' ')) AS v (id, body);
SELECT slm_summarize_agg(body) IS NULL AS nothing FROM (VALUES (NULL), (' ')) AS v (body);
SELECT slm_summarize_agg('a') IS NULL AS nothing WHERE false;
CREATE TABLE tickets AS
SELECT n AS id, n % 3 AS queue, 'Order ' || n || (ARRAY[' is late.', ' arrived, but the red dog has my card!', E' login failed,\nagain and again'])[1 + n % 3] AS body
FROM generate_series(1, 60) AS n;
SELECT queue, slm_summarize_agg(body, 15 ORDER BY id) = slm_summarize(string_agg(body, E'\n\n' ORDER BY id), 15) AS same FROM tickets GROUP BY queue ORDER BY queue;
SELECT count(DISTINCT s) > 1 AS grows, count(s) AS rows FROM (SELECT slm_summarize_agg(body, 8) OVER (ORDER BY id) AS s FROM tickets WHERE id <= 5) AS w;
SELECT error_of('SELECT slm_summarize_agg(body, id) FROM tickets');
SELECT error_of($$SELECT slm_summarize_agg(body, 5, CASE WHEN id > 3 THEN 'slm' ELSE 'tiny' END) FROM tickets$$);
SELECT error_of($$SELECT slm_summarize_agg(body, 5, CASE WHEN id > 3 THEN 'slm' END) FROM tickets$$);
SELECT error_of($$SELECT slm_summarize_agg(body, 5, 'nobody') FROM tickets$$);
-- Many and large rows are summarized part by part: the state stays small.
CREATE FUNCTION state_bytes() RETURNS bigint LANGUAGE sql VOLATILE AS
$$ SELECT coalesce(sum(total_bytes), 0) FROM pg_backend_memory_contexts WHERE name = 'slm summarize_agg' $$;
SELECT count(s) AS rows, max(state_bytes) < 4 * 1024 * 1024 AS bounded, max(state_bytes) > 1024 * 1024 AS collected
FROM (SELECT slm_summarize_agg(body, 10) OVER (ORDER BY n ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS s, state_bytes()
      FROM (SELECT n, CASE WHEN n = 5 THEN repeat('tea ', 500000) ELSE repeat('order ' || n || ' ', 40000) || '.' END AS body FROM generate_series(1, 8) AS n) AS rows) AS w;
SELECT cardinality(regexp_split_to_array(slm_summarize_agg(repeat('red dog ' || n || ' ', 40000) || '.', 10 ORDER BY n), '\s+')) <= 10 AS fits FROM generate_series(1, 8) AS n;

-- Generated columns take the pinned form.
DO $$ BEGIN
    EXECUTE format($sql$CREATE TABLE brief (body text, summary text GENERATED ALWAYS AS (slm_summarize(body, 10, slm_model %L)) STORED)$sql$, slm_pin('slm'));
END $$;
INSERT INTO brief SELECT body FROM tickets;
SELECT bool_and(summary = slm_summarize(body, 10)) AS same FROM brief;

-- The same call in WHERE and SELECT costs one inference; short texts none.
SELECT slm_stat_reset();
SELECT count(slm_summarize(:mail || id, 7)) FROM tickets WHERE id < 3 AND slm_summarize(:mail || id, 7) <> '';
SELECT slm_summarize('a b');
SELECT function, calls, rows, memo_hits, errors FROM slm_stat_calls WHERE model = 'slm' ORDER BY function;
SELECT sum(length(s)) > 0 AS answers FROM (SELECT slm_summarize_agg(body, 5) AS s FROM tickets WHERE id < 5 GROUP BY id % 2) AS g;
SELECT function, calls, rows, tokens_in > 0 AS through_the_model FROM slm_stat_calls WHERE model = 'slm' AND function LIKE '%agg';

-- A timeout inside of one call.
CREATE TABLE long AS SELECT string_agg('Order ' || n || ' is late. A red dog has ' || n || ' cards.', ' ') AS body FROM generate_series(1, 100000) AS n;
SET statement_timeout = '100ms';
SELECT slm_summarize(body) FROM long;
SELECT slm_summarize_agg(body) FROM long, generate_series(1, 10);
RESET statement_timeout;
SELECT slm_summarize(:mail, 12) = slm_summarize(:mail, 12, slm_pin('slm')) AS same;

DROP TABLE tickets, brief, long;
DROP FUNCTION state_bytes, error_of;
SELECT slm_drop_model('slm') AS dropped, slm_drop_model('tiny') AS dropped, slm_drop_model('ranker') AS dropped \gset
