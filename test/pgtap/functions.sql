-- Every function's signature, volatility, parallel safety, support function and rights
BEGIN;
SELECT no_plan();

CREATE TEMP TABLE form (name text, pinned bool, arguments text, result text);
INSERT INTO form VALUES
('slm_embed', false, 'input text, model text DEFAULT NULL::text, purpose text DEFAULT ''document''::text, dimensions integer DEFAULT NULL::integer, on_error text DEFAULT ''error''::text', 'real[]'),
('slm_embed', true, 'input text, model slm_model, purpose text DEFAULT ''document''::text, dimensions integer DEFAULT NULL::integer, on_error text DEFAULT ''error''::text', 'real[]'),
('slm_embed_batch', false, 'inputs text[], model text DEFAULT NULL::text, purpose text DEFAULT ''document''::text, dimensions integer DEFAULT NULL::integer, on_error text DEFAULT ''error''::text', 'TABLE(ord integer, embedding real[])'),
('slm_embed_batch', true, 'inputs text[], model slm_model, purpose text DEFAULT ''document''::text, dimensions integer DEFAULT NULL::integer, on_error text DEFAULT ''error''::text', 'TABLE(ord integer, embedding real[])'),
('slm_similarity', false, 'a text, b text, model text DEFAULT NULL::text', 'real'),
('slm_similarity', true, 'a text, b text, model slm_model', 'real'),
('slm_rank', false, 'document text, query text, model text DEFAULT NULL::text', 'real'),
('slm_rank', true, 'document text, query text, model slm_model', 'real'),
('slm_rank_batch', false, 'documents text[], query text, model text DEFAULT NULL::text', 'TABLE(ord integer, score real)'),
('slm_rank_batch', true, 'documents text[], query text, model slm_model', 'TABLE(ord integer, score real)'),
('slm_classify', false, 'input text, labels text[] DEFAULT NULL::text[], model text DEFAULT NULL::text, descriptions jsonb DEFAULT NULL::jsonb, instructions text DEFAULT NULL::text, min_confidence real DEFAULT NULL::real, on_error text DEFAULT ''error''::text', 'text'),
('slm_classify', true, 'input text, labels text[], model slm_model, descriptions jsonb DEFAULT NULL::jsonb, instructions text DEFAULT NULL::text, min_confidence real DEFAULT NULL::real, on_error text DEFAULT ''error''::text', 'text'),
('slm_classify_scores', false, 'input text, labels text[] DEFAULT NULL::text[], model text DEFAULT NULL::text, descriptions jsonb DEFAULT NULL::jsonb, instructions text DEFAULT NULL::text, on_error text DEFAULT ''error''::text', 'TABLE(label text, confidence real)'),
('slm_classify_scores', true, 'input text, labels text[], model slm_model, descriptions jsonb DEFAULT NULL::jsonb, instructions text DEFAULT NULL::text, on_error text DEFAULT ''error''::text', 'TABLE(label text, confidence real)'),
('slm_classify_multi', false, 'input text, labels text[] DEFAULT NULL::text[], model text DEFAULT NULL::text, descriptions jsonb DEFAULT NULL::jsonb, instructions text DEFAULT NULL::text, threshold real DEFAULT 0.5, on_error text DEFAULT ''error''::text', 'text[]'),
('slm_classify_multi', true, 'input text, labels text[], model slm_model, descriptions jsonb DEFAULT NULL::jsonb, instructions text DEFAULT NULL::text, threshold real DEFAULT 0.5, on_error text DEFAULT ''error''::text', 'text[]'),
('slm_filter', false, 'input text, condition text, model text DEFAULT NULL::text, on_error text DEFAULT ''error''::text', 'boolean'),
('slm_filter', true, 'input text, condition text, model slm_model, on_error text DEFAULT ''error''::text', 'boolean'),
('slm_classify_batch', false, 'inputs text[], labels text[] DEFAULT NULL::text[], model text DEFAULT NULL::text, descriptions jsonb DEFAULT NULL::jsonb, instructions text DEFAULT NULL::text, min_confidence real DEFAULT NULL::real, on_error text DEFAULT ''error''::text', 'TABLE(ord integer, label text, confidence real)'),
('slm_classify_batch', true, 'inputs text[], labels text[], model slm_model, descriptions jsonb DEFAULT NULL::jsonb, instructions text DEFAULT NULL::text, min_confidence real DEFAULT NULL::real, on_error text DEFAULT ''error''::text', 'TABLE(ord integer, label text, confidence real)'),
('slm_generate', false, 'prompt text, model text DEFAULT NULL::text, max_tokens integer DEFAULT 256, schema jsonb DEFAULT NULL::jsonb, system text DEFAULT NULL::text, temperature real DEFAULT 0, seed bigint DEFAULT 0, on_error text DEFAULT ''error''::text', 'text'),
('slm_generate', true, 'prompt text, model slm_model, max_tokens integer DEFAULT 256, schema jsonb DEFAULT NULL::jsonb, system text DEFAULT NULL::text, temperature real DEFAULT 0, seed bigint DEFAULT 0, on_error text DEFAULT ''error''::text', 'text'),
('slm_generate_batch', false, 'prompts text[], model text DEFAULT NULL::text, max_tokens integer DEFAULT 256, schema jsonb DEFAULT NULL::jsonb, system text DEFAULT NULL::text, temperature real DEFAULT 0, seed bigint DEFAULT 0, on_error text DEFAULT ''error''::text', 'TABLE(ord integer, generated text)'),
('slm_generate_batch', true, 'prompts text[], model slm_model, max_tokens integer DEFAULT 256, schema jsonb DEFAULT NULL::jsonb, system text DEFAULT NULL::text, temperature real DEFAULT 0, seed bigint DEFAULT 0, on_error text DEFAULT ''error''::text', 'TABLE(ord integer, generated text)'),
('slm_summarize', false, 'input text, max_words integer DEFAULT 60, model text DEFAULT NULL::text, instructions text DEFAULT NULL::text, on_error text DEFAULT ''error''::text', 'text'),
('slm_summarize', true, 'input text, max_words integer, model slm_model, instructions text DEFAULT NULL::text, on_error text DEFAULT ''error''::text', 'text'),
('slm_summarize_batch', false, 'inputs text[], max_words integer DEFAULT 60, model text DEFAULT NULL::text, instructions text DEFAULT NULL::text, on_error text DEFAULT ''error''::text', 'TABLE(ord integer, summary text)'),
('slm_summarize_batch', true, 'inputs text[], max_words integer, model slm_model, instructions text DEFAULT NULL::text, on_error text DEFAULT ''error''::text', 'TABLE(ord integer, summary text)'),
('slm_extract', false, 'input text, schema jsonb, model text DEFAULT NULL::text, instructions text DEFAULT NULL::text, on_error text DEFAULT ''error''::text', 'jsonb'),
('slm_extract', true, 'input text, schema jsonb, model slm_model, instructions text DEFAULT NULL::text, on_error text DEFAULT ''error''::text', 'jsonb'),
('slm_extract_spans', false, 'input text, schema jsonb, model text DEFAULT NULL::text, instructions text DEFAULT NULL::text, on_error text DEFAULT ''error''::text', 'TABLE(field text, value text, start integer, length integer, confidence real)'),
('slm_extract_spans', true, 'input text, schema jsonb, model slm_model, instructions text DEFAULT NULL::text, on_error text DEFAULT ''error''::text', 'TABLE(field text, value text, start integer, length integer, confidence real)'),
('slm_extract_batch', false, 'inputs text[], schema jsonb, model text DEFAULT NULL::text, instructions text DEFAULT NULL::text, on_error text DEFAULT ''error''::text', 'TABLE(ord integer, extracted jsonb)'),
('slm_extract_batch', true, 'inputs text[], schema jsonb, model slm_model, instructions text DEFAULT NULL::text, on_error text DEFAULT ''error''::text', 'TABLE(ord integer, extracted jsonb)'),
('slm_redact', false, 'input text, kinds text[] DEFAULT NULL::text[], mask text DEFAULT ''[{kind}]''::text, model text DEFAULT NULL::text, on_error text DEFAULT ''error''::text', 'text'),
('slm_redact', true, 'input text, kinds text[], mask text, model slm_model, on_error text DEFAULT ''error''::text', 'text'),
('slm_count_tokens', false, 'input text, model text DEFAULT NULL::text', 'integer'),
('slm_count_tokens', true, 'input text, model slm_model', 'integer'),
('slm_chunk', false, 'input text, max_tokens integer DEFAULT NULL::integer, overlap integer DEFAULT 0, model text DEFAULT NULL::text', 'TABLE(ord integer, chunk text, start integer)'),
('slm_chunk', true, 'input text, max_tokens integer, overlap integer, model slm_model', 'TABLE(ord integer, chunk text, start integer)');

-- What there is, joined with what there should be.
CREATE TEMP VIEW found AS
SELECT p.proname::text AS name, 'slm_model'::regtype = ANY (p.proargtypes) AS pinned, p.*
FROM pg_proc AS p JOIN pg_depend AS d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
JOIN pg_extension AS e ON e.oid = d.refobjid AND e.extname = 'slm';

SELECT is(pg_get_function_arguments(f.oid), form.arguments, format('arguments of %s, %s', form.name, CASE WHEN pinned THEN 'pinned' ELSE 'text' END))
FROM form LEFT JOIN found AS f USING (name, pinned) ORDER BY name, pinned;
SELECT is(pg_get_function_result(f.oid), form.result, format('result of %s, %s', form.name, CASE WHEN pinned THEN 'pinned' ELSE 'text' END))
FROM form LEFT JOIN found AS f USING (name, pinned) ORDER BY name, pinned;
SELECT is(f.provolatile::text, CASE WHEN pinned THEN 'i' ELSE 's' END, format('volatility of %s, %s', name, CASE WHEN pinned THEN 'pinned' ELSE 'text' END))
FROM form JOIN found AS f USING (name, pinned) ORDER BY name, pinned;
SELECT ok(f.proparallel = 's' AND NOT f.proisstrict AND f.prosupport = 'slm_support'::regproc AND f.procost > 1000 AND NOT f.prosecdef
          AND obj_description(f.oid, 'pg_proc') <> '',
          format('%s: parallel safe, called on NULL, supported, dear, commented', f.oid::regprocedure))
FROM form JOIN found AS f USING (name, pinned) ORDER BY name, pinned;
SELECT is_empty('SELECT oid::regprocedure FROM found WHERE proleakproof', 'no function is leakproof');
SELECT is_empty($$SELECT oid::regprocedure FROM found WHERE name !~ '^slm_'$$, 'all names start with slm_');
SELECT is_empty($$SELECT oid::regprocedure FROM found AS f WHERE prosecdef AND NOT EXISTS (SELECT FROM unnest(proconfig) AS c WHERE c LIKE 'search_path=%')$$,
                'no SECURITY DEFINER function without its own search_path');

-- The aggregate, in three forms.
SELECT results_eq($$SELECT pg_get_function_arguments(f.oid), f.proparallel::text, a.aggcombinefn = 0 AND obj_description(f.oid, 'pg_proc') <> ''
                    FROM found AS f JOIN pg_aggregate AS a ON a.aggfnoid = f.oid WHERE name = 'slm_summarize_agg' ORDER BY pronargs$$,
                  $$VALUES ('input text', 's', true), ('input text, max_words integer', 's', true), ('input text, max_words integer, model text', 's', true)$$,
                  'slm_summarize_agg: arguments, parallel safe, not split, commented');

-- Training
SELECT is(pg_get_function_arguments(oid), 'name text, query text, model text DEFAULT NULL::text, descriptions jsonb DEFAULT NULL::jsonb, replace boolean DEFAULT false, on_error text DEFAULT ''error''::text, OUT trained slm_model, OUT labels integer, OUT rows integer, OUT skipped integer, OUT accuracy real, OUT zero_shot real', 'arguments of slm_train_classifier')
FROM found WHERE name = 'slm_train_classifier';
SELECT ok(provolatile = 'v' AND proparallel = 'u' AND NOT proisstrict AND NOT prosecdef AND obj_description(oid, 'pg_proc') <> '', 'slm_train_classifier: volatile, not parallel, called on NULL, commented')
FROM found WHERE name = 'slm_train_classifier';
SELECT is(string_agg(grantee::regrole || ' ' || privilege_type, ', '), 'pg_database_owner SELECT', 'slm_heads: pg_dump reads it, nobody else') FROM pg_class, aclexplode(relacl) WHERE oid = 'slm_heads'::regclass AND grantee <> relowner;
SELECT ok('slm_heads'::regclass = ANY (extconfig), 'slm_heads is dumped') FROM pg_extension WHERE extname = 'slm';
SELECT is(string_agg(evtname || ' ' || evtevent || ' ' || array_to_string(evttags, ', '), '; ' ORDER BY evtname),
          'slm_heads_drop sql_drop DROP SERVER, DROP FOREIGN DATA WRAPPER, DROP OWNED; slm_heads_rename ddl_command_end ALTER SERVER', 'event triggers')
FROM pg_event_trigger WHERE evtfoid = 'slm_heads_follow'::regproc;

-- Taggers
SELECT is(pg_get_function_arguments(oid), 'relation regclass, source name, target name, task text, model ' || CASE WHEN pinned THEN 'slm_model' ELSE 'text DEFAULT NULL::text' END || ', labels text[] DEFAULT NULL::text[], descriptions jsonb DEFAULT NULL::jsonb, schema jsonb DEFAULT NULL::jsonb, instructions text DEFAULT NULL::text, min_confidence real DEFAULT NULL::real, max_words integer DEFAULT NULL::integer, purpose text DEFAULT NULL::text, dimensions integer DEFAULT NULL::integer, on_error text DEFAULT ''error''::text, mode text DEFAULT ''queued''::text, max_attempts integer DEFAULT 5, name text DEFAULT NULL::text', format('arguments of slm_create_tagger, %s', CASE WHEN pinned THEN 'pinned' ELSE 'text' END))
FROM found WHERE name = 'slm_create_tagger' ORDER BY pinned;
SELECT is(pg_get_function_arguments(oid) || ' -> ' || coalesce(pg_get_function_result(oid), 'procedure'), wanted, 'signature of ' || name)
FROM found JOIN (VALUES ('slm_drop_tagger', 'name text -> void'), ('slm_pause_tagger', 'name text -> void'), ('slm_resume_tagger', 'name text -> void'),
    ('slm_retry_tagger', 'name text -> bigint'), ('slm_run_taggers', ' -> integer'), ('slm_tagger_worker', ' -> integer'),
    ('slm_drain_taggers', 'IN name text DEFAULT NULL::text, IN max_rows bigint DEFAULT NULL::bigint -> procedure'),
    ('slm_tag_backfill', 'IN name text, IN all_rows boolean DEFAULT false, IN restart boolean DEFAULT false -> procedure')) AS w (name, wanted) USING (name) ORDER BY name;
SELECT ok(provolatile = 'v' AND NOT prosecdef AND proparallel <> 's' AND obj_description(oid, 'pg_proc') <> '', format('%s: volatile, not in parallel workers, commented', oid::regprocedure))
FROM found WHERE name ~ 'tagger|tag_backfill' ORDER BY oid::regprocedure::text;
SELECT is((SELECT string_agg(grantee::regrole || ' ' || privilege_type, ', ') FROM aclexplode(relacl) WHERE grantee <> relowner), 'pg_database_owner SELECT', format('%s: pg_dump reads it, nobody else', relname)) FROM pg_class WHERE relname ~ '^slm_tagger' AND relkind = 'r' ORDER BY relname;
SELECT ok(c.oid = ANY (extconfig), format('%s is dumped', relname)) FROM pg_extension, pg_class AS c WHERE extname = 'slm' AND relname ~ '^slm_tagger' AND relkind = 'r' ORDER BY relname;
SELECT is(string_agg(evtname || ' ' || evtevent || ' ' || array_to_string(evttags, ', '), '; ' ORDER BY evtname),
          'slm_taggers_drop sql_drop ALTER TABLE, DROP TABLE, DROP SCHEMA, DROP OWNED, DROP TYPE, DROP DOMAIN, DROP EXTENSION; slm_taggers_rename ddl_command_end ALTER TABLE', 'event triggers of taggers')
FROM pg_event_trigger WHERE evtfoid = 'slm_taggers_follow'::regproc;

-- A new role may call every function; rights lie on the models.
CREATE ROLE slm_plain;
SELECT ok(has_function_privilege('slm_plain', f.oid, 'EXECUTE'), format('anybody may call %s', f.oid::regprocedure))
FROM form JOIN found AS f USING (name, pinned) ORDER BY name, pinned;

SELECT * FROM finish();
ROLLBACK;
