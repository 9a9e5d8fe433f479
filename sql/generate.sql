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
SELECT error_of($$ SELECT slm_extract_spans('x', '["who"]', 'writer') $$);
SELECT error_of($$ SELECT slm_embed('x', 'writer') $$);
SELECT error_of($$ SELECT slm_create_model('bad', 'decoder-llama.gguf', '{"prompt_format": "jinja"}') $$);
RESET slm.generate_model;
SELECT error_of($$ SELECT slm_generate('x') $$);
SELECT count(slm_drop_model(m)) AS dropped FROM unnest(ARRAY['writer', 'other', 'pieces', 'tiny']) AS m;
DROP FUNCTION error_of;
