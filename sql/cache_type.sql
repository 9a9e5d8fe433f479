-- What a decoder's keys and values are kept as: an option of the model
\set SHOW_CONTEXT never
\getenv folder PG_ABS_SRCDIR
\set error_of :folder '/sql/error_of.psql'
\i :error_of
SELECT slm_create_model('halves', 'ticket_json.gguf', '{"prompt_format": "chatml"}') AS created \gset
SELECT slm_create_model('named', 'ticket_json.gguf', '{"prompt_format": "chatml", "cache_type": "f16"}') AS created \gset
SELECT slm_create_model('floats', 'ticket_json.gguf', '{"prompt_format": "chatml", "cache_type": "f32"}') AS created \gset
SELECT slm_create_model('codes', 'ticket_json.gguf', '{"prompt_format": "chatml", "cache_type": "q8_0"}') AS created \gset

-- It changes results, so it is part of the fingerprint; the default, named or not, is one.
SELECT count(DISTINCT fingerprint) AS fingerprints, count(*) AS models,
       count(*) FILTER (WHERE fingerprint = (SELECT fingerprint FROM slm_models WHERE name = 'halves')) AS halves
FROM slm_models WHERE name IN ('floats', 'named', 'halves', 'codes');
SELECT bool_or(message = '22023: model "codes" is not the one that was pinned') AS refused
FROM slm_models, LATERAL error_of(format('SELECT slm_generate(%L, %L::slm_model)', 'x', 'codes@' || fingerprint)) AS message WHERE name = 'halves';

-- Answers hold to their schema whatever keeps them; labels add up.
SELECT m, jsonb_typeof(slm_generate('The parcel of Anna Berg, order 4711, is late.', m, schema => '{"type": "object", "properties": {"late": {"type": "boolean"}}, "required": ["late"]}')::jsonb -> 'late') AS late,
       (SELECT round(sum(confidence)::numeric, 3) <= 1 FROM slm_classify_scores('my parcel is late', '{billing,shipping}', m)) AS scores
FROM unnest('{floats,named,halves,codes}'::text[]) AS m;
-- The same answer with kept beginnings and without.
SELECT m, count(DISTINCT answer) AS answers
FROM unnest('{halves,codes}'::text[]) AS m, generate_series(1, 3), LATERAL (SELECT slm_generate('The parcel of Anna Berg is late.', m, 40) OFFSET 0) AS o (answer) GROUP BY m ORDER BY m;

-- Less memory.
SET slm.max_scratch_memory = '5MB';
SELECT error_of($$ SELECT slm_generate('the parcel is late', 'floats', 900) $$);
SELECT slm_generate('the parcel is late', m, 900) IS NOT NULL AS written FROM unnest('{halves,codes}'::text[]) AS m;
RESET slm.max_scratch_memory;

-- Wrong words, and models that keep nothing.
SELECT error_of($$ SELECT slm_create_model('bad', 'ticket_json.gguf', '{"cache_type": "q4_0"}') $$);
SELECT error_of($$ SELECT slm_create_model('bad', 'ticket_json.gguf', '{"cache_type": ""}') $$);
SELECT error_of($$ SELECT slm_create_model('bad', 'ticket_json.gguf', '{"cache_type": "F16"}') $$);
SELECT error_of($$ SELECT slm_create_model('bad', 'tiny-bert.gguf', '{"cache_type": "q8_0"}') $$);
SELECT error_of($$ ALTER SERVER codes OPTIONS (SET cache_type 'bf16') $$);
ALTER SERVER codes OPTIONS (DROP cache_type);
SELECT count(DISTINCT fingerprint) AS fingerprints FROM slm_models WHERE name IN ('halves', 'codes');
SELECT count(slm_drop_model(m)) AS dropped FROM unnest(ARRAY['floats', 'named', 'halves', 'codes']) AS m;
DROP FUNCTION error_of;
