-- slm_generate, and slm_extract with a model that writes
\set SHOW_CONTEXT never
\getenv folder PG_ABS_SRCDIR
\set error_of :folder '/sql/error_of.psql'
\i :error_of
SELECT slm_create_model('writer', 'decoder-qwen2.gguf', '{"prompt_format": "chatml"}') AS created \gset
SELECT slm_create_model('other', 'decoder-llama.gguf') AS created \gset
SELECT slm_create_model('tiny', 'tiny-bert.gguf') AS created \gset
SET slm.generate_model = 'writer';
SELECT name, architecture, quantization, dimensions, context FROM slm_models WHERE name IN ('writer', 'other') ORDER BY name;

-- Call forms: one answer.
SELECT count(DISTINCT answer) AS answers, count(*) AS forms FROM (VALUES
    (slm_generate('the ring', max_tokens => 20)),
    (slm_generate('the ring', 'writer', 20)),
    (slm_generate('the ring', 'writer', 20, NULL, NULL, NULL, NULL, NULL)),
    (slm_generate(max_tokens => 20, prompt => 'the ring')),
    (slm_generate('the ring', slm_pin('writer'), 20)),
    (slm_generate('the ring', max_tokens => 20, seed => 17))
) AS v (answer);
SELECT slm_generate('the ring', max_tokens => 20) <> slm_generate('the ring', 'other', 20) AS another_model,
       slm_generate('the ring', max_tokens => 20) <> slm_generate('the ring', max_tokens => 20, system => 'on the train') AS with_system,
       count(DISTINCT slm_generate('the ring', max_tokens => 20, temperature => 1, seed => s)) > 5 AS by_seed,
       count(DISTINCT slm_generate('the ring', max_tokens => 20, temperature => 1, seed => 3)) AS same_seed
FROM generate_series(1, 8) AS s;

-- A SentencePiece vocabulary: an answer starts without the space that stands before every text.
SELECT slm_create_model('pieces', 'decoder-spm.gguf') AS created \gset
SELECT left(slm_generate('tree', 'pieces', 20), 4) AS text, slm_generate('say', 'pieces', schema => '{"enum": ["the only answer"]}') AS bound,
       slm_count_tokens(' the ring', 'pieces') AS tokens;

-- NULL and blank.
SELECT slm_generate(NULL) IS NULL AS nothing, slm_generate(E' \n') IS NULL AS blank;

-- With a schema what is written is JSON, and valid.
SELECT bool_and(jsonb_typeof(answer -> 'n') = 'number' AND answer ->> 'size' IN ('small', 'large')
                AND (answer ->> 'day')::date IS NOT NULL AND jsonb_array_length(answer -> 'yes') = 2) AS valid, count(*)
FROM generate_series(1, 20) AS s,
     CAST(slm_generate('say', temperature => 1.5, seed => s, schema => '{"type": "object",
         "properties": {"n": {"type": "integer", "minimum": 1, "maximum": 99}, "size": {"enum": ["small", "large"]},
                        "day": {"type": "string", "format": "date"}, "yes": {"type": "array", "items": {"type": "boolean"}, "minItems": 2, "maxItems": 2}},
         "required": ["n", "size", "day", "yes"]}') AS jsonb) AS answer;
SELECT slm_generate('say', schema => '{"enum": ["the only answer"]}');

-- Extraction: every string stands in the text; fields that may be null are null or there.
SELECT count(*), bool_and(strpos(t, answer ->> 'who') > 0 OR answer ->> 'who' IS NULL) AS bound,
       bool_and(answer ? 'who' AND answer ? 'where') AS complete
FROM (VALUES ('the train is at the inn'), ('an engine'), ('Anna has a red ring, and it is in the other room.')) AS v (t),
     slm_extract(t, '["who", "where"]', 'writer') AS answer;
SELECT bool_and(b.extracted = slm_extract(t, '["who"]', 'writer')) AS same
FROM (SELECT ARRAY['the train is at the inn', 'an engine', 'in']) AS a (texts),
     slm_extract_batch(texts, '["who"]', 'writer') AS b, LATERAL (SELECT texts[b.ord]) AS one (t);
SELECT slm_extract('the train', '["who"]', 'writer', instructions => 'Say who it is.') IS NOT NULL AS instructed;

-- Labels, scored as answers that the model might give: one pass for all of them, one answer in all forms.
CREATE TABLE rides (id int, body text);
INSERT INTO rides VALUES (1, 'the train is late'), (2, 'a ring on the hand'), (3, NULL), (4, ' '), (5, 'the engine, and the other one'), (6, 'the train is late');
SELECT count(DISTINCT label) AS labels, count(*) AS forms FROM (VALUES
    (slm_classify('the train is late', '{ring,train,inn}', 'writer')),
    (slm_classify('the train is late', '{ring,train,inn}', slm_pin('writer'))),
    (slm_classify('the train is late', '{inn,train,ring}', 'writer', instructions => NULL)),
    ((SELECT label FROM slm_classify_scores('the train is late', '{ring,train,inn}', 'writer') LIMIT 1))
) AS v (label);
SELECT count(*), sum(confidence) < 1 AS none_has_a_share, bool_and(confidence > 0) AS positive
FROM slm_classify_scores('the train is late', '{ring,train,inn}', 'writer');
SELECT count(*), abs(sum(confidence) - 1) < 0.00001 AS all_of_it
FROM slm_classify_scores('the train is late', '{ring,train,none of these}', 'writer');
SELECT slm_classify('the train is late', '{ring,train}', 'writer', min_confidence => 1) IS NULL AS unsure,
       slm_classify('the train is late', '{ring,train}', 'writer', on_error => 'null') IN ('ring', 'train') AS sure;
SELECT bool_and(b.label IS NOT DISTINCT FROM slm_classify(body, '{ring,train,inn}', 'writer')
                AND b.confidence IS NOT DISTINCT FROM (SELECT max(confidence) FROM slm_classify_scores(body, '{ring,train,inn}', 'writer'))) AS same,
       count(*), count(label) AS labelled
FROM slm_classify_batch((SELECT array_agg(body ORDER BY id) FROM rides), '{ring,train,inn}', 'writer') AS b JOIN rides ON id = ord;
SELECT (SELECT max(confidence) FROM slm_classify_scores('the train', '{ring,train}', 'writer'))
       <> (SELECT max(confidence) FROM slm_classify_scores('the train', '{ring,train}', 'writer', instructions => 'Be strict.')) AS instructed,
       (SELECT max(confidence) FROM slm_classify_scores('the train', '{ring,train}', 'writer'))
       <> (SELECT max(confidence) FROM slm_classify_scores('the train', '{ring,train}', 'writer', '{"ring": "worn on hands"}')) AS described;
SELECT slm_classify_multi('the train', '{ring,train,inn}', 'writer', threshold => 0) AS all_labels,
       slm_classify_multi('the train', '{ring,train,inn}', 'writer', threshold => 1) AS none;
SELECT slm_filter(body, 'there is a train', 'writer') IS NULL AS nothing, count(*) FROM rides GROUP BY 1 ORDER BY 1;
-- Beyond the context: chunks, or as the model's options say.
SELECT slm_create_model('strict', 'decoder-qwen2.gguf', '{"prompt_format": "chatml", "overflow": "error"}') AS created \gset
SELECT slm_classify(repeat('the train ', 400), '{ring,train}', 'writer') IN ('ring', 'train') AS in_chunks,
       slm_classify(repeat('the train ', 400), '{ring,train}', 'strict', on_error => 'null') IS NULL AS refused;
SELECT error_of(format('SELECT slm_classify(%L, %L, %L)', repeat('the train ', 400), '{ring,train}', 'strict'));
SELECT error_of($$ SELECT slm_classify('x', '{ring}', 'writer') $$);
SELECT error_of($$ SELECT slm_classify('x', '{ring,ring}', 'writer') $$);
SELECT error_of($$ SELECT slm_classify('x', NULL, 'writer') $$);
SELECT error_of($$ SELECT slm_classify('x', (SELECT array_agg('label ' || n) FROM generate_series(1, 200) AS n), 'writer') $$);
SELECT error_of($$ SELECT slm_filter('x', ' ', 'writer') $$);
SELECT error_of($$ SELECT slm_classify('x', '{a,b}', 'tiny', instructions => 'Be strict.') $$);

-- Summaries: written, within max_words whatever the model says; short texts are their own.
SELECT slm_summarize('the train', 3, 'writer'), slm_summarize(' ', 3, 'writer') IS NULL AS blank, slm_summarize(NULL, 3, 'writer') IS NULL AS nothing;
SELECT bool_and(cardinality(regexp_split_to_array(btrim(s, E' \t\n\r\f\v'), '\s+')) <= n) AS bounded, bool_and(s IS NOT NULL) AS written,
       bool_and(s = slm_summarize(body, n, slm_pin('writer'))) AS same, count(*)
FROM rides, generate_series(1, 3) AS n, LATERAL (SELECT slm_summarize(body, n, 'writer') OFFSET 0) AS o (s) WHERE body > ' ';
SELECT slm_summarize(body, 2, 'other') <> slm_summarize(body, 2, 'other', instructions => 'In French.') AS instructed FROM rides WHERE id = 5;
SELECT bool_and(b.summary IS NOT DISTINCT FROM slm_summarize(body, 3, 'writer')) AS same, count(*)
FROM slm_summarize_batch((SELECT array_agg(body ORDER BY id) FROM rides), 3, 'writer') AS b JOIN rides ON id = ord;
SELECT slm_summarize_agg(body, 3, 'writer' ORDER BY id) = slm_summarize(string_agg(body, E'\n\n' ORDER BY id), 3, 'writer') AS same FROM rides WHERE body > ' ';
-- Longer than the context: summaries of summaries, or as the model's options say.
SELECT cardinality(regexp_split_to_array(slm_summarize(string_agg('The train ' || n || ' is late.', ' '), 10, 'writer'), '\s+')) <= 10 AS bounded,
       slm_summarize(string_agg('The train ' || n || ' is late.', ' '), 10, 'strict', on_error => 'null') IS NULL AS refused
FROM generate_series(1, 100) AS n;
SELECT error_of(format('SELECT slm_summarize(%L, 10, %L)', repeat('the train ', 400), 'strict'));
SELECT error_of($$ SELECT slm_summarize('x', 0, 'writer') $$);
SELECT error_of($$ SELECT slm_summarize('a b c', 2, 'tiny', instructions => 'In French.') $$);
SET statement_timeout = '100ms';
SELECT slm_summarize_agg(repeat('the train is late ', 10000), 10, 'writer') FROM generate_series(1, 10);
RESET statement_timeout;

-- What prompts begin with is read once: not a bit changes, tokens do; another role starts anew.
CREATE VIEW work AS
SELECT md5(string_agg(concat_ws('|', label, float4send(confidence), fits, extracted, generated), '|' ORDER BY id, label)) AS answers
FROM (SELECT id, label, confidence, slm_filter(body, 'there is a train', 'writer') AS fits,
             slm_extract(body, '{"who": "who it is about", "where": "where that is"}', 'writer') AS extracted,
             slm_generate(body, 'writer', system => 'Go on with this, in the way in which it began.', max_tokens => 4) AS generated
      FROM (SELECT id * 10 + n AS id, body || n AS body FROM rides, generate_series(1, 3) AS n WHERE body > ' ') AS r,
           slm_classify_scores(body, '{a ring,a train,an inn}', 'writer', '{"a ring": "worn on a hand"}') OFFSET 0) AS a;
SET slm.max_prefix_memory = 0;
SELECT answers FROM work \gset
SELECT slm_stat_reset();
SELECT answers = :'answers' AS same FROM work;
SELECT sum(tokens_in) AS tokens_in, sum(tokens_kept) AS tokens_kept FROM slm_stat_calls \gset
SELECT :tokens_in > 6000 AS read, :tokens_kept AS kept;
RESET slm.max_prefix_memory;
SELECT slm_stat_reset();
SELECT answers = :'answers' AS same FROM work;
SELECT 2 * sum(tokens_in) < :tokens_in AS fewer, sum(tokens_in) + sum(tokens_kept) = :tokens_in AS all_of_them FROM slm_stat_calls;
SELECT function, tokens_kept > 0 AS kept FROM slm_stat_calls WHERE model = 'writer' ORDER BY function;
SELECT slm_stat_reset();
CREATE ROLE slm_reader;
GRANT USAGE ON FOREIGN SERVER writer TO slm_reader;
SET ROLE slm_reader;
SELECT slm_generate('on the train', 'writer', system => 'Go on with this, in the way in which it began.', max_tokens => 4) IS NOT NULL AS written;
RESET ROLE;
SELECT slm_generate('on the train', 'writer', system => 'Go on with this, in the way in which it began.', max_tokens => 4) IS NOT NULL AS written;
SELECT role = 'slm_reader' AS reader, tokens_out, tokens_kept > 0 AS kept FROM slm_stat_calls ORDER BY reader;
REVOKE USAGE ON FOREIGN SERVER writer FROM slm_reader;
DROP ROLE slm_reader;
DROP VIEW work;

-- Rows beside each other: the array form, the plan node and a row a call give the same answers, whatever the batch.
CREATE TABLE asks (id int, body text);
INSERT INTO asks SELECT n, CASE n % 9 WHEN 0 THEN NULL WHEN 1 THEN ' ' WHEN 2 THEN 'in' WHEN 3 THEN 'the same' ELSE repeat('the train is late, and the ring ', n % 5) || n END
FROM generate_series(1, 40) AS n;
INSERT INTO asks VALUES (41, repeat('q', 600)); -- too long
CREATE VIEW alone AS
SELECT id, slm_generate(body, max_tokens => 30, on_error => 'null') AS written,
       slm_generate(body, max_tokens => 30, temperature => 1, seed => 5, on_error => 'null') AS drawn,
       slm_generate(body, schema => '{"type": "array", "items": {"enum": ["a", "bb", "the ring"]}, "minItems": 1, "maxItems": 4}', on_error => 'null') AS bound,
       slm_extract(body, '["who", "where"]', 'writer', on_error => 'null') AS extracted,
       slm_summarize(body, 3, 'writer', on_error => 'null') AS summary
FROM asks;
SET slm.enable_batching = off;
CREATE TABLE wanted AS SELECT * FROM alone;
SELECT count(*), count(written) AS written, count(DISTINCT drawn) > 20 AS drawn, count(bound) AS bound, count(extracted) AS extracted, count(summary) AS summaries FROM wanted;
RESET slm.enable_batching;
LOAD 'slm'; -- the plan node is there even where slm is not preloaded
EXPLAIN (COSTS off) SELECT slm_generate(body, max_tokens => 30) FROM asks;
CREATE FUNCTION differ() RETURNS TABLE (batch_rows int, differ bigint, rows bigint) LANGUAGE plpgsql AS $$
BEGIN
    FOREACH batch_rows IN ARRAY ARRAY[1, 2, 7, 32, 256] LOOP
        PERFORM set_config('slm.batch_rows', batch_rows::text, false);
        SELECT count(*) FILTER (WHERE a IS DISTINCT FROM w), count(*) INTO differ, rows FROM (SELECT * FROM alone OFFSET 0) AS a JOIN wanted AS w USING (id);
        RETURN NEXT;
    END LOOP;
END $$;
SELECT * FROM differ();
RESET slm.batch_rows;
WITH given AS (SELECT array_agg(body ORDER BY id) AS bodies FROM asks)
SELECT count(*) FILTER (WHERE a.generated IS NOT DISTINCT FROM w.written) AS written, count(*) FILTER (WHERE d.generated IS NOT DISTINCT FROM w.drawn) AS drawn,
       count(*) FILTER (WHERE b.generated IS NOT DISTINCT FROM w.bound) AS bound, count(*) FILTER (WHERE e.extracted IS NOT DISTINCT FROM w.extracted) AS extracted,
       count(*) FILTER (WHERE s.summary IS NOT DISTINCT FROM w.summary) AS summaries
FROM given, slm_generate_batch(bodies, max_tokens => 30, on_error => 'null') AS a
JOIN slm_generate_batch(bodies, max_tokens => 30, temperature => 1, seed => 5, on_error => 'null') AS d USING (ord)
JOIN slm_generate_batch(bodies, slm_pin('writer'), schema => '{"type": "array", "items": {"enum": ["a", "bb", "the ring"]}, "minItems": 1, "maxItems": 4}', on_error => 'null') AS b USING (ord)
JOIN slm_extract_batch(bodies, '["who", "where"]', 'writer', on_error => 'null') AS e USING (ord)
JOIN slm_summarize_batch(bodies, 3, 'writer', on_error => 'null') AS s USING (ord) JOIN wanted AS w ON w.id = ord;
-- A row that fails is an error, by itself and among others; of those behind it nothing is asked.
SELECT error_of($$ SELECT count(slm_generate(body, max_tokens => 3)) FROM asks $$);
SELECT error_of($$ SELECT * FROM slm_generate_batch(ARRAY['in', repeat('q', 600)], max_tokens => 3) $$);
SELECT count(*) FROM (SELECT slm_generate(body, max_tokens => 3) FROM asks ORDER BY id LIMIT 40) AS r;
SELECT error_of($$ SELECT * FROM slm_generate_batch(ARRAY[['in']]) $$);
SELECT * FROM slm_generate_batch(NULL);
SELECT * FROM slm_generate_batch('{NULL, " "}');
-- Little memory: fewer at a time, the same answers.
SET slm.max_scratch_memory = '4MB';
SELECT * FROM differ();
RESET slm.batch_rows;
RESET slm.max_scratch_memory;
DROP FUNCTION differ;
DROP VIEW alone;
DROP TABLE asks, wanted;
-- Where values stand that a decoder writes.
SELECT id, field, value, substr(body, start, length) AS source, confidence > 0 AND confidence <= 1 AS sure
FROM (SELECT id, 'Ünder ' || body AS body FROM rides) AS r, slm_extract_spans(body, '{"properties": {"what": {"type": "string"}, "which": {"enum": ["ring", "Under Way"]}, "parts": {"type": "array", "items": {"type": "string"}, "maxItems": 2}}, "required": ["what", "which", "parts"]}', 'writer')
WHERE id IN (2, 5) ORDER BY id, field, start;
SELECT bool_and(object = slm_extract(body, '["what", "which"]', 'writer')) AS same_as_extract
FROM rides, LATERAL (SELECT jsonb_build_object('what', max(value) FILTER (WHERE field = 'what'), 'which', max(value) FILTER (WHERE field = 'which')) AS object
    FROM slm_extract_spans(body, '["what", "which"]', 'writer')) AS s WHERE body > ' ';
SELECT count(*) AS of_blank FROM rides, slm_extract_spans(body, '["what"]', 'writer') WHERE body IS NULL OR body <= ' ';
SELECT count(*) AS too_long FROM slm_extract_spans(repeat('q', 600), '["what"]', 'writer', on_error => 'null');

-- A smaller model guesses what a larger one writes: its answers are its own, bit by bit, whether the guesses are right or wrong.
SELECT slm_create_model('guessed_right', 'decoder-qwen2.gguf', '{"prompt_format": "chatml", "draft": "writer"}') AS created \gset
SELECT slm_create_model('guessed_wrong', 'decoder-qwen2.gguf', '{"prompt_format": "chatml", "draft": "other"}') AS created \gset
SELECT count(DISTINCT split_part(slm_pin(m)::text, '@', 2)) AS fingerprints FROM unnest('{writer,guessed_right,guessed_wrong}'::text[]) AS m;
CREATE TABLE asks AS SELECT n, repeat('the train is late, and the ring ', n % 4) || n AS body FROM generate_series(1, 12) AS n;
SET slm.enable_batching = off;
SET slm.max_prefix_memory = 0;
CREATE FUNCTION answers(model text) RETURNS text[] LANGUAGE sql AS $$
    SELECT array_agg(concat_ws('|', slm_generate(body, model, 40), slm_generate(body, model, 40, temperature => 1),
                               slm_extract(body, '["who", "where"]', model), slm_summarize(body, 3, model)) ORDER BY n) FROM asks $$;
SELECT slm_stat_reset();
SELECT answers('writer') AS wanted \gset
SELECT answers('guessed_right') = :'wanted' AS guessed_right;
SELECT answers('guessed_wrong') = :'wanted' AS guessed_wrong;
SELECT sum(memo_hits) AS remembered, max(tokens_in) FILTER (WHERE model = 'guessed_wrong') > max(tokens_in) FILTER (WHERE model = 'guessed_right') AS reads_wrong_guesses,
       count(DISTINCT tokens_out) AS written FROM slm_stat_calls WHERE function = 'slm_generate';
RESET slm.enable_batching;
RESET slm.max_prefix_memory;
ALTER SERVER guessed_wrong OPTIONS (SET draft 'pieces');
SELECT error_of($$ SELECT slm_generate('x', 'guessed_wrong') $$);
ALTER SERVER guessed_wrong OPTIONS (SET draft 'tiny');
SELECT error_of($$ SELECT slm_generate('x', 'guessed_wrong') $$);
ALTER SERVER guessed_wrong OPTIONS (SET draft 'nobody');
SELECT error_of($$ SELECT slm_generate('x', 'guessed_wrong') $$);
SELECT slm_count_tokens('the ring', 'guessed_wrong') AS tokens; -- which nobody guesses
ALTER SERVER guessed_wrong OPTIONS (SET draft 'other');
SELECT slm_generate('the ring', 'guessed_wrong', 20) = slm_generate('the ring', 'writer', 20) AS same;
-- The owner needs the right to the draft, whoever calls does not.
CREATE ROLE slm_guest;
GRANT USAGE ON FOREIGN SERVER guessed_wrong TO slm_guest;
SET ROLE slm_guest;
SELECT error_of($$ SELECT slm_generate('the ring', 'other') $$);
SELECT slm_generate('the ring', 'guessed_wrong', 20) IS NOT NULL AS written;
RESET ROLE;
GRANT USAGE ON FOREIGN DATA WRAPPER slm TO slm_guest;
ALTER SERVER guessed_wrong OWNER TO slm_guest;
SELECT error_of($$ SELECT slm_generate('the ring', 'guessed_wrong') $$);
SELECT error_of($$ SELECT slm_create_model('bad', 'decoder-qwen2.gguf', '{"draft": ""}') $$);
SELECT count(slm_drop_model(m)) AS dropped FROM unnest(ARRAY['guessed_right', 'guessed_wrong']) AS m;
REVOKE USAGE ON FOREIGN DATA WRAPPER slm FROM slm_guest;
DROP ROLE slm_guest;
DROP FUNCTION answers;
DROP TABLE asks;

-- A chat template that is known by its hash says how the model wants to be talked to; the option has the last word.
SELECT slm_create_model('known', 'decoder-chat.gguf') AS created \gset
SELECT slm_create_model('told', 'decoder-chat.gguf', '{"prompt_format": "plain"}') AS created \gset
SELECT srvname, option_value FROM pg_foreign_server, pg_options_to_table(srvoptions) WHERE srvname IN ('known', 'told') AND option_name = 'prompt_format' ORDER BY 1;
SELECT slm_generate('the ring', 'known', 20) = slm_generate('the ring', 'writer', 20) AS as_chatml,
       slm_generate('the ring', 'told', 20) <> slm_generate('the ring', 'writer', 20) AS as_told,
       split_part(slm_pin('known')::text, '@', 2) <> split_part(slm_pin('told')::text, '@', 2) AS other_fingerprints;
-- One that is not known is named, and nothing is guessed.
SELECT lo_from_bytea(0, decode(replace(encode(pg_read_binary_file('slm_models/decoder-chat.gguf'), 'hex'), encode('assistant', 'hex'), encode('Assistant', 'hex')), 'hex')) AS changed \gset
SELECT lo_export(:changed, 'slm_models/decoder-chat-changed.gguf') AS exported, lo_unlink(:changed) AS unlinked \gset
SELECT slm_create_model('unknown', 'decoder-chat-changed.gguf') AS created \gset
SELECT count(*) AS formats FROM pg_foreign_server, pg_options_to_table(srvoptions) WHERE srvname = 'unknown' AND option_name = 'prompt_format';
SELECT slm_generate('the ring', 'unknown', 20) = slm_generate('the ring', 'told', 20) AS plain;
SELECT slm_create_model('silent', 'decoder-chat-changed.gguf', '{"prompt_format": "chatml"}') AS created \gset
SELECT count(slm_drop_model(m)) AS dropped FROM unnest('{known,told,unknown,silent}'::text[]) AS m;
COPY (SELECT) TO PROGRAM 'rm slm_models/decoder-chat-changed.gguf';

-- Wrong calls.
SELECT error_of($$ SELECT slm_generate('x', max_tokens => 0) $$);
SELECT error_of($$ SELECT slm_generate('x', max_tokens => 100001) $$);
SELECT error_of($$ SELECT slm_generate('x', temperature => -1) $$);
SELECT error_of($$ SELECT slm_generate('x', temperature => 'NaN') $$);
SELECT error_of($$ SELECT slm_generate('x', on_error => 'ignore') $$);
SELECT error_of($$ SELECT slm_generate('x', 'tiny') $$);
SELECT error_of($$ SELECT slm_generate('x', schema => '{"type": "object", "if": {}}') $$);
SELECT error_of($$ SELECT slm_generate('x', schema => '{"enum": []}') $$);
SELECT error_of($$ SELECT slm_generate('x', max_tokens => 3, schema => '{"enum": ["a long answer"]}') $$);
SELECT error_of(format('SELECT slm_generate(%L)', repeat('q', 600)));
SELECT slm_generate(repeat('q', 600), on_error => 'null') IS NULL AS too_long;
SELECT error_of($$ SELECT slm_embed('x', 'writer') $$);
SELECT error_of($$ SELECT slm_create_model('bad', 'decoder-llama.gguf', '{"prompt_format": "jinja"}') $$);
RESET slm.generate_model;
SELECT error_of($$ SELECT slm_generate('x') $$);
SELECT count(slm_drop_model(m)) AS dropped FROM unnest(ARRAY['writer', 'other', 'tiny', 'strict', 'pieces']) AS m;
DROP TABLE rides;
DROP FUNCTION error_of;
