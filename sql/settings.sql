-- Settings: who may set them, and that none changes an answer
\getenv folder PG_ABS_SRCDIR
\set error_of :folder '/sql/error_of.psql'
\i :error_of
SELECT slm_create_model('tiny', 'tiny-bert.gguf') AS created \gset
SELECT slm_create_model('tiny_q8', 'tiny-bert-q8_0.gguf') AS created \gset
SELECT name, context, vartype, unit, regexp_replace(boot_val, '^/usr/lib/[^/]*', '/usr/lib/*') AS boot_val FROM pg_settings WHERE name LIKE 'slm.%' AND name NOT LIKE 'slm.dev%' ORDER BY name;
SELECT error_of($$SET slm.no_such_setting = 1$$);

-- Instructions: what this CPU has gives the same bits, what it lacks is refused
-- by name.  Which it has depends on the machine, so answers are compared here
-- and refusals are folded into one line.
SELECT error_of($$SET slm.force_isa = 'sse9'$$);
CREATE FUNCTION bits(isa text) RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
    answer text;
BEGIN
    PERFORM set_config('slm.force_isa', isa, false);
    SELECT md5(string_agg(slm_embed(input, model)::text, ',' ORDER BY model, input)) INTO answer
    FROM (VALUES ('tiny'), ('tiny_q8')) AS m (model),
         (SELECT 'order ' || repeat('refund ', n) || n AS input FROM unnest(ARRAY[0, 1, 2, 6, 13, 14, 30, 60, 61, 62, 130]) AS n) AS t;
    RETURN answer;
EXCEPTION WHEN invalid_parameter_value THEN
    IF SQLERRM <> format('invalid value for parameter "slm.force_isa": "%s"', isa) THEN
        RAISE;
    END IF;
    RETURN NULL;
END
$$;
SELECT bits('scalar') IS NOT NULL AS scalar_runs;
SELECT count(DISTINCT bits) AS answers
FROM (SELECT bits(isa) FROM unnest(ARRAY['scalar', 'auto', 'avx2', 'avx512']) AS isa OFFSET 0) AS all_of_them;
DROP FUNCTION bits;
RESET slm.force_isa;

-- Plain users choose models, not caps.
CREATE ROLE slm_user;
SET ROLE slm_user;
SET slm.embed_model = 'tiny';
SELECT error_of($$SET slm.max_input_tokens = 10$$);
SELECT error_of($$SET slm.max_scratch_memory = '1GB'$$);
SELECT error_of($$SET slm.force_isa = 'scalar'$$);
SELECT error_of($$SET slm.cache_dir = '/tmp'$$);
SELECT left(error_of($$SHOW slm.model_path$$), 5) AS sqlstate LIMIT 1; -- the words differ between versions of PostgreSQL
RESET ROLE;
GRANT SET ON PARAMETER slm.max_input_tokens TO slm_user;
SET ROLE slm_user;
SET slm.max_input_tokens = 10;
RESET ROLE;
REVOKE SET ON PARAMETER slm.max_input_tokens FROM slm_user;
DROP ROLE slm_user;

SELECT slm_drop_model('tiny_q8') AS dropped \gset
SELECT slm_drop_model('tiny') AS dropped \gset
DROP FUNCTION error_of;
