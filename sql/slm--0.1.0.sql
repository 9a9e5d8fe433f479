/* sql/slm--0.1.0.sql: the SQL face of slm 0.1.0 */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION slm" to load this file. \quit

-- ============================================================================
-- Models: foreign servers of a wrapper that has a validator and no handler
-- ============================================================================

CREATE FUNCTION slm_validator(options text[], catalog oid) RETURNS void
AS 'MODULE_PATHNAME' LANGUAGE C STRICT PARALLEL SAFE;
COMMENT ON FUNCTION slm_validator(text[], oid) IS 'checks the options of a model';

CREATE FOREIGN DATA WRAPPER slm NO HANDLER VALIDATOR slm_validator;
COMMENT ON FOREIGN DATA WRAPPER slm IS 'small language models; each model is a server';

-- The embedded model.  Its file is installed with the extension; nothing looks at
-- it before the first call.  The GRANT is part of the extension, so pg_dump carries
-- a later REVOKE.
CREATE SERVER slm_base FOREIGN DATA WRAPPER slm OPTIONS (
	file 'slm_base-1.gguf',
	sha256 'fd3fa01b4ce8da935a473cb3e3e88c1de0650fd0bb30583ad2c4eb88287e2776'
);
COMMENT ON SERVER slm_base IS 'the embedded model: embeds, classifies, extracts and summarizes English text';
GRANT USAGE ON FOREIGN SERVER slm_base TO PUBLIC;

-- ============================================================================
-- Pins: a model together with what it must be
-- ============================================================================

CREATE TYPE slm_model;

CREATE FUNCTION slm_model_in(cstring) RETURNS slm_model
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION slm_model_out(slm_model) RETURNS cstring
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION slm_model_recv(internal) RETURNS slm_model
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION slm_model_send(slm_model) RETURNS bytea
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE TYPE slm_model (
	INPUT = slm_model_in,
	OUTPUT = slm_model_out,
	RECEIVE = slm_model_recv,
	SEND = slm_model_send,
	INTERNALLENGTH = VARIABLE,
	ALIGNMENT = int4,
	STORAGE = extended
);
COMMENT ON TYPE slm_model IS 'a pinned model: name@fingerprint';

CREATE FUNCTION slm_pin(model text) RETURNS slm_model
AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION slm_pin(text) IS 'the model as it is now, for calls that must not change';

-- ============================================================================
-- Functions
--
-- Each verb has two forms with the same parameters.  The one whose model is a
-- text is STABLE, because the name, or the default setting, may come to mean
-- another model.  The one whose model is an slm_model names a fingerprint, so
-- its answer is a function of its arguments: IMMUTABLE, for generated columns
-- and indexes.  An unknown literal resolves to the text form.
--
-- Functions check NULLs themselves: they have options, so none is STRICT.
-- ============================================================================

CREATE FUNCTION slm_support(internal) RETURNS internal
LANGUAGE C STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';

-- Vectors

CREATE FUNCTION slm_embed(
	input text,
	model text DEFAULT NULL,
	purpose text DEFAULT 'document',
	dimensions int DEFAULT NULL,
	on_error text DEFAULT 'error')
RETURNS real[]
LANGUAGE C STABLE PARALLEL SAFE COST 100000 SUPPORT slm_support
AS 'MODULE_PATHNAME', 'slm_embed';

CREATE FUNCTION slm_embed(
	input text,
	model slm_model,
	purpose text DEFAULT 'document',
	dimensions int DEFAULT NULL,
	on_error text DEFAULT 'error')
RETURNS real[]
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100000 SUPPORT slm_support
AS 'MODULE_PATHNAME', 'slm_embed_pinned';

COMMENT ON FUNCTION slm_embed(text, text, text, int, text) IS
	'embedding of a text';

COMMENT ON FUNCTION slm_embed(text, slm_model, text, int, text) IS
	'embedding of a text';

-- Vectors of many texts in one pass

CREATE FUNCTION slm_embed_batch(
	inputs text[],
	model text DEFAULT NULL,
	purpose text DEFAULT 'document',
	dimensions int DEFAULT NULL,
	on_error text DEFAULT 'error')
RETURNS TABLE (ord int, embedding real[])
LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 100 SUPPORT slm_support
AS 'MODULE_PATHNAME', 'slm_embed_batch';

CREATE FUNCTION slm_embed_batch(
	inputs text[],
	model slm_model,
	purpose text DEFAULT 'document',
	dimensions int DEFAULT NULL,
	on_error text DEFAULT 'error')
RETURNS TABLE (ord int, embedding real[])
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100000 ROWS 100 SUPPORT slm_support
AS 'MODULE_PATHNAME', 'slm_embed_batch_pinned';

COMMENT ON FUNCTION slm_embed_batch(text[], text, text, int, text) IS
	'embeddings of an array of texts, in one pass';

COMMENT ON FUNCTION slm_embed_batch(text[], slm_model, text, int, text) IS
	'embeddings of an array of texts, in one pass';

-- How alike two texts are

CREATE FUNCTION slm_similarity(
	a text,
	b text,
	model text DEFAULT NULL)
RETURNS real
LANGUAGE C STABLE PARALLEL SAFE COST 100000 SUPPORT slm_support
AS 'MODULE_PATHNAME', 'slm_similarity';

CREATE FUNCTION slm_similarity(
	a text,
	b text,
	model slm_model)
RETURNS real
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100000 SUPPORT slm_support
AS 'MODULE_PATHNAME', 'slm_similarity_pinned';

COMMENT ON FUNCTION slm_similarity(text, text, text) IS
	'cosine of the embeddings of two texts';

COMMENT ON FUNCTION slm_similarity(text, text, slm_model) IS
	'cosine of the embeddings of two texts';

-- How well a document answers a query

CREATE FUNCTION slm_rank(
	document text,
	query text,
	model text DEFAULT NULL)
RETURNS real
LANGUAGE C STABLE PARALLEL SAFE COST 100000 SUPPORT slm_support
AS 'MODULE_PATHNAME', 'slm_rank';

CREATE FUNCTION slm_rank(
	document text,
	query text,
	model slm_model)
RETURNS real
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100000 SUPPORT slm_support
AS 'MODULE_PATHNAME', 'slm_rank_pinned';

COMMENT ON FUNCTION slm_rank(text, text, text) IS
	'score of a document for a query';

COMMENT ON FUNCTION slm_rank(text, text, slm_model) IS
	'score of a document for a query';

-- The same for many documents in one pass

CREATE FUNCTION slm_rank_batch(
	documents text[],
	query text,
	model text DEFAULT NULL)
RETURNS TABLE (ord int, score real)
LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 100 SUPPORT slm_support
AS 'MODULE_PATHNAME', 'slm_rank_batch';

CREATE FUNCTION slm_rank_batch(
	documents text[],
	query text,
	model slm_model)
RETURNS TABLE (ord int, score real)
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100000 ROWS 100 SUPPORT slm_support
AS 'MODULE_PATHNAME', 'slm_rank_batch_pinned';

COMMENT ON FUNCTION slm_rank_batch(text[], text, text) IS
	'scores of an array of documents for a query, in one pass';

COMMENT ON FUNCTION slm_rank_batch(text[], text, slm_model) IS
	'scores of an array of documents for a query, in one pass';

-- One of several labels

CREATE FUNCTION slm_classify(
	input text,
	labels text[] DEFAULT NULL,
	model text DEFAULT NULL,
	descriptions jsonb DEFAULT NULL,
	instructions text DEFAULT NULL,
	min_confidence real DEFAULT NULL,
	on_error text DEFAULT 'error')
RETURNS text
LANGUAGE C STABLE PARALLEL SAFE COST 100000 SUPPORT slm_support
AS 'MODULE_PATHNAME', 'slm_classify';

CREATE FUNCTION slm_classify(
	input text,
	labels text[],
	model slm_model,
	descriptions jsonb DEFAULT NULL,
	instructions text DEFAULT NULL,
	min_confidence real DEFAULT NULL,
	on_error text DEFAULT 'error')
RETURNS text
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100000 SUPPORT slm_support
AS 'MODULE_PATHNAME', 'slm_classify_pinned';

COMMENT ON FUNCTION slm_classify(text, text[], text, jsonb, text, real, text) IS
	'the label that fits a text best';

COMMENT ON FUNCTION slm_classify(text, text[], slm_model, jsonb, text, real, text) IS
	'the label that fits a text best';

-- Every label with its confidence, best first

CREATE FUNCTION slm_classify_scores(
	input text,
	labels text[] DEFAULT NULL,
	model text DEFAULT NULL,
	descriptions jsonb DEFAULT NULL,
	instructions text DEFAULT NULL,
	on_error text DEFAULT 'error')
RETURNS TABLE (label text, confidence real)
LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 10 SUPPORT slm_support
AS 'MODULE_PATHNAME', 'slm_classify_scores';

CREATE FUNCTION slm_classify_scores(
	input text,
	labels text[],
	model slm_model,
	descriptions jsonb DEFAULT NULL,
	instructions text DEFAULT NULL,
	on_error text DEFAULT 'error')
RETURNS TABLE (label text, confidence real)
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100000 ROWS 10 SUPPORT slm_support
AS 'MODULE_PATHNAME', 'slm_classify_scores_pinned';

COMMENT ON FUNCTION slm_classify_scores(text, text[], text, jsonb, text, text) IS
	'all labels with their confidence for a text';

COMMENT ON FUNCTION slm_classify_scores(text, text[], slm_model, jsonb, text, text) IS
	'all labels with their confidence for a text';

-- All labels that fit

CREATE FUNCTION slm_classify_multi(
	input text,
	labels text[] DEFAULT NULL,
	model text DEFAULT NULL,
	descriptions jsonb DEFAULT NULL,
	instructions text DEFAULT NULL,
	threshold real DEFAULT 0.5,
	on_error text DEFAULT 'error')
RETURNS text[]
LANGUAGE C STABLE PARALLEL SAFE COST 100000 SUPPORT slm_support
AS 'MODULE_PATHNAME', 'slm_classify_multi';

CREATE FUNCTION slm_classify_multi(
	input text,
	labels text[],
	model slm_model,
	descriptions jsonb DEFAULT NULL,
	instructions text DEFAULT NULL,
	threshold real DEFAULT 0.5,
	on_error text DEFAULT 'error')
RETURNS text[]
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100000 SUPPORT slm_support
AS 'MODULE_PATHNAME', 'slm_classify_multi_pinned';

COMMENT ON FUNCTION slm_classify_multi(text, text[], text, jsonb, text, real, text) IS
	'the labels that fit a text, each on its own';

COMMENT ON FUNCTION slm_classify_multi(text, text[], slm_model, jsonb, text, real, text) IS
	'the labels that fit a text, each on its own';

-- Does a condition hold

CREATE FUNCTION slm_filter(
	input text,
	condition text,
	model text DEFAULT NULL,
	on_error text DEFAULT 'error')
RETURNS boolean
LANGUAGE C STABLE PARALLEL SAFE COST 100000 SUPPORT slm_support
AS 'MODULE_PATHNAME', 'slm_filter';

CREATE FUNCTION slm_filter(
	input text,
	condition text,
	model slm_model,
	on_error text DEFAULT 'error')
RETURNS boolean
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100000 SUPPORT slm_support
AS 'MODULE_PATHNAME', 'slm_filter_pinned';

COMMENT ON FUNCTION slm_filter(text, text, text, text) IS
	'does a condition hold for a text';

COMMENT ON FUNCTION slm_filter(text, text, slm_model, text) IS
	'does a condition hold for a text';

-- One of several labels for many texts in one pass

CREATE FUNCTION slm_classify_batch(
	inputs text[],
	labels text[] DEFAULT NULL,
	model text DEFAULT NULL,
	descriptions jsonb DEFAULT NULL,
	instructions text DEFAULT NULL,
	min_confidence real DEFAULT NULL,
	on_error text DEFAULT 'error')
RETURNS TABLE (ord int, label text, confidence real)
LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 100 SUPPORT slm_support
AS 'MODULE_PATHNAME', 'slm_classify_batch';

CREATE FUNCTION slm_classify_batch(
	inputs text[],
	labels text[],
	model slm_model,
	descriptions jsonb DEFAULT NULL,
	instructions text DEFAULT NULL,
	min_confidence real DEFAULT NULL,
	on_error text DEFAULT 'error')
RETURNS TABLE (ord int, label text, confidence real)
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100000 ROWS 100 SUPPORT slm_support
AS 'MODULE_PATHNAME', 'slm_classify_batch_pinned';

COMMENT ON FUNCTION slm_classify_batch(text[], text[], text, jsonb, text, real, text) IS
	'labels of an array of texts, in one pass';

COMMENT ON FUNCTION slm_classify_batch(text[], text[], slm_model, jsonb, text, real, text) IS
	'labels of an array of texts, in one pass';

-- Text that a decoder writes

CREATE FUNCTION slm_generate(
	prompt text,
	model text DEFAULT NULL,
	max_tokens int DEFAULT 256,
	schema jsonb DEFAULT NULL,
	system text DEFAULT NULL,
	temperature real DEFAULT 0,
	seed bigint DEFAULT 0,
	on_error text DEFAULT 'error')
RETURNS text
LANGUAGE C STABLE PARALLEL SAFE COST 1000000 SUPPORT slm_support
AS 'MODULE_PATHNAME', 'slm_generate';

CREATE FUNCTION slm_generate(
	prompt text,
	model slm_model,
	max_tokens int DEFAULT 256,
	schema jsonb DEFAULT NULL,
	system text DEFAULT NULL,
	temperature real DEFAULT 0,
	seed bigint DEFAULT 0,
	on_error text DEFAULT 'error')
RETURNS text
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000000 SUPPORT slm_support
AS 'MODULE_PATHNAME', 'slm_generate_pinned';

COMMENT ON FUNCTION slm_generate(text, text, int, jsonb, text, real, bigint, text) IS
	'what a decoder writes after a prompt';

COMMENT ON FUNCTION slm_generate(text, slm_model, int, jsonb, text, real, bigint, text) IS
	'what a decoder writes after a prompt';

-- The same for many prompts, written beside each other

CREATE FUNCTION slm_generate_batch(
	prompts text[],
	model text DEFAULT NULL,
	max_tokens int DEFAULT 256,
	schema jsonb DEFAULT NULL,
	system text DEFAULT NULL,
	temperature real DEFAULT 0,
	seed bigint DEFAULT 0,
	on_error text DEFAULT 'error')
RETURNS TABLE (ord int, generated text)
LANGUAGE C STABLE PARALLEL SAFE COST 1000000 ROWS 100 SUPPORT slm_support
AS 'MODULE_PATHNAME', 'slm_generate_batch';

CREATE FUNCTION slm_generate_batch(
	prompts text[],
	model slm_model,
	max_tokens int DEFAULT 256,
	schema jsonb DEFAULT NULL,
	system text DEFAULT NULL,
	temperature real DEFAULT 0,
	seed bigint DEFAULT 0,
	on_error text DEFAULT 'error')
RETURNS TABLE (ord int, generated text)
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000000 ROWS 100 SUPPORT slm_support
AS 'MODULE_PATHNAME', 'slm_generate_batch_pinned';

COMMENT ON FUNCTION slm_generate_batch(text[], text, int, jsonb, text, real, bigint, text) IS
	'what a decoder writes after each prompt of an array';

COMMENT ON FUNCTION slm_generate_batch(text[], slm_model, int, jsonb, text, real, bigint, text) IS
	'what a decoder writes after each prompt of an array';

-- The sentences that say most of a text

CREATE FUNCTION slm_summarize(
	input text,
	max_words int DEFAULT 60,
	model text DEFAULT NULL,
	instructions text DEFAULT NULL,
	on_error text DEFAULT 'error')
RETURNS text
LANGUAGE C STABLE PARALLEL SAFE COST 100000 SUPPORT slm_support
AS 'MODULE_PATHNAME', 'slm_summarize';

CREATE FUNCTION slm_summarize(
	input text,
	max_words int,
	model slm_model,
	instructions text DEFAULT NULL,
	on_error text DEFAULT 'error')
RETURNS text
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100000 SUPPORT slm_support
AS 'MODULE_PATHNAME', 'slm_summarize_pinned';

COMMENT ON FUNCTION slm_summarize(text, int, text, text, text) IS
	'summary of a text in its own sentences';

COMMENT ON FUNCTION slm_summarize(text, int, slm_model, text, text) IS
	'summary of a text in its own sentences';

-- The same for many texts in one pass

CREATE FUNCTION slm_summarize_batch(
	inputs text[],
	max_words int DEFAULT 60,
	model text DEFAULT NULL,
	instructions text DEFAULT NULL,
	on_error text DEFAULT 'error')
RETURNS TABLE (ord int, summary text)
LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 100 SUPPORT slm_support
AS 'MODULE_PATHNAME', 'slm_summarize_batch';

CREATE FUNCTION slm_summarize_batch(
	inputs text[],
	max_words int,
	model slm_model,
	instructions text DEFAULT NULL,
	on_error text DEFAULT 'error')
RETURNS TABLE (ord int, summary text)
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100000 ROWS 100 SUPPORT slm_support
AS 'MODULE_PATHNAME', 'slm_summarize_batch_pinned';

COMMENT ON FUNCTION slm_summarize_batch(text[], int, text, text, text) IS
	'summaries of an array of texts, in one pass';

COMMENT ON FUNCTION slm_summarize_batch(text[], int, slm_model, text, text) IS
	'summaries of an array of texts, in one pass';

-- One summary of many rows, in their order

CREATE FUNCTION slm_summarize_trans(internal, text) RETURNS internal
LANGUAGE C STABLE PARALLEL SAFE COST 100000 AS 'MODULE_PATHNAME', 'slm_summarize_trans';
CREATE FUNCTION slm_summarize_trans(internal, text, int) RETURNS internal
LANGUAGE C STABLE PARALLEL SAFE COST 100000 AS 'MODULE_PATHNAME', 'slm_summarize_trans';
CREATE FUNCTION slm_summarize_trans(internal, text, int, text) RETURNS internal
LANGUAGE C STABLE PARALLEL SAFE COST 100000 AS 'MODULE_PATHNAME', 'slm_summarize_trans';
CREATE FUNCTION slm_summarize_final(internal) RETURNS text
LANGUAGE C STABLE PARALLEL SAFE COST 100000 AS 'MODULE_PATHNAME';

CREATE AGGREGATE slm_summarize_agg(input text) (
	SFUNC = slm_summarize_trans, STYPE = internal, SSPACE = 1048576,
	FINALFUNC = slm_summarize_final, PARALLEL = SAFE);
CREATE AGGREGATE slm_summarize_agg(input text, max_words int) (
	SFUNC = slm_summarize_trans, STYPE = internal, SSPACE = 1048576,
	FINALFUNC = slm_summarize_final, PARALLEL = SAFE);
CREATE AGGREGATE slm_summarize_agg(input text, max_words int, model text) (
	SFUNC = slm_summarize_trans, STYPE = internal, SSPACE = 1048576,
	FINALFUNC = slm_summarize_final, PARALLEL = SAFE);

COMMENT ON AGGREGATE slm_summarize_agg(text) IS 'summary of many texts in their own sentences';
COMMENT ON AGGREGATE slm_summarize_agg(text, int) IS
	'summary of many texts in their own sentences';
COMMENT ON AGGREGATE slm_summarize_agg(text, int, text) IS
	'summary of many texts in their own sentences';

-- Fields out of a text

CREATE FUNCTION slm_extract(
	input text,
	schema jsonb,
	model text DEFAULT NULL,
	instructions text DEFAULT NULL,
	on_error text DEFAULT 'error')
RETURNS jsonb
LANGUAGE C STABLE PARALLEL SAFE COST 100000 SUPPORT slm_support
AS 'MODULE_PATHNAME', 'slm_extract';

CREATE FUNCTION slm_extract(
	input text,
	schema jsonb,
	model slm_model,
	instructions text DEFAULT NULL,
	on_error text DEFAULT 'error')
RETURNS jsonb
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100000 SUPPORT slm_support
AS 'MODULE_PATHNAME', 'slm_extract_pinned';

COMMENT ON FUNCTION slm_extract(text, jsonb, text, text, text) IS
	'the fields of a schema, out of a text';

COMMENT ON FUNCTION slm_extract(text, jsonb, slm_model, text, text) IS
	'the fields of a schema, out of a text';

-- Where in the text they stand

CREATE FUNCTION slm_extract_spans(
	input text,
	schema jsonb,
	model text DEFAULT NULL,
	instructions text DEFAULT NULL,
	on_error text DEFAULT 'error')
RETURNS TABLE (field text, value text, start int, length int, confidence real)
LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 10 SUPPORT slm_support
AS 'MODULE_PATHNAME', 'slm_extract_spans';

CREATE FUNCTION slm_extract_spans(
	input text,
	schema jsonb,
	model slm_model,
	instructions text DEFAULT NULL,
	on_error text DEFAULT 'error')
RETURNS TABLE (field text, value text, start int, length int, confidence real)
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100000 ROWS 10 SUPPORT slm_support
AS 'MODULE_PATHNAME', 'slm_extract_spans_pinned';

COMMENT ON FUNCTION slm_extract_spans(text, jsonb, text, text, text) IS
	'the fields of a schema and where in a text each value stands';

COMMENT ON FUNCTION slm_extract_spans(text, jsonb, slm_model, text, text) IS
	'the fields of a schema and where in a text each value stands';

-- Fields out of many texts in one pass

CREATE FUNCTION slm_extract_batch(
	inputs text[],
	schema jsonb,
	model text DEFAULT NULL,
	instructions text DEFAULT NULL,
	on_error text DEFAULT 'error')
RETURNS TABLE (ord int, extracted jsonb)
LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 100 SUPPORT slm_support
AS 'MODULE_PATHNAME', 'slm_extract_batch';

CREATE FUNCTION slm_extract_batch(
	inputs text[],
	schema jsonb,
	model slm_model,
	instructions text DEFAULT NULL,
	on_error text DEFAULT 'error')
RETURNS TABLE (ord int, extracted jsonb)
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100000 ROWS 100 SUPPORT slm_support
AS 'MODULE_PATHNAME', 'slm_extract_batch_pinned';

COMMENT ON FUNCTION slm_extract_batch(text[], jsonb, text, text, text) IS
	'the fields of a schema, out of an array of texts, in one pass';

COMMENT ON FUNCTION slm_extract_batch(text[], jsonb, slm_model, text, text) IS
	'the fields of a schema, out of an array of texts, in one pass';

-- A text without what identifies people and accounts

CREATE FUNCTION slm_redact(
	input text,
	kinds text[] DEFAULT NULL,
	mask text DEFAULT '[{kind}]',
	model text DEFAULT NULL,
	on_error text DEFAULT 'error')
RETURNS text
LANGUAGE C STABLE PARALLEL SAFE COST 100000 SUPPORT slm_support
AS 'MODULE_PATHNAME', 'slm_redact';

CREATE FUNCTION slm_redact(
	input text,
	kinds text[],
	mask text,
	model slm_model,
	on_error text DEFAULT 'error')
RETURNS text
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100000 SUPPORT slm_support
AS 'MODULE_PATHNAME', 'slm_redact_pinned';

COMMENT ON FUNCTION slm_redact(text, text[], text, text, text) IS
	'a text with masks in place of what identifies people and accounts';

COMMENT ON FUNCTION slm_redact(text, text[], text, slm_model, text) IS
	'a text with masks in place of what identifies people and accounts';

-- Tokens of a text

CREATE FUNCTION slm_count_tokens(
	input text,
	model text DEFAULT NULL)
RETURNS int
LANGUAGE C STABLE PARALLEL SAFE COST 100000 SUPPORT slm_support
AS 'MODULE_PATHNAME', 'slm_count_tokens';

CREATE FUNCTION slm_count_tokens(
	input text,
	model slm_model)
RETURNS int
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100000 SUPPORT slm_support
AS 'MODULE_PATHNAME', 'slm_count_tokens_pinned';

COMMENT ON FUNCTION slm_count_tokens(text, text) IS
	'number of tokens of a text';

COMMENT ON FUNCTION slm_count_tokens(text, slm_model) IS
	'number of tokens of a text';

-- A long text in pieces

CREATE FUNCTION slm_chunk(
	input text,
	max_tokens int DEFAULT NULL,
	overlap int DEFAULT 0,
	model text DEFAULT NULL)
RETURNS TABLE (ord int, chunk text, start int)
LANGUAGE C STABLE PARALLEL SAFE COST 100000 ROWS 10 SUPPORT slm_support
AS 'MODULE_PATHNAME', 'slm_chunk';

CREATE FUNCTION slm_chunk(
	input text,
	max_tokens int,
	overlap int,
	model slm_model)
RETURNS TABLE (ord int, chunk text, start int)
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100000 ROWS 10 SUPPORT slm_support
AS 'MODULE_PATHNAME', 'slm_chunk_pinned';

COMMENT ON FUNCTION slm_chunk(text, int, int, text) IS
	'pieces of a text of at most so many tokens';

COMMENT ON FUNCTION slm_chunk(text, int, int, slm_model) IS
	'pieces of a text of at most so many tokens';

-- ============================================================================
-- Training: a model that is another one with a head of its own
-- ============================================================================

-- The numbers of trained models.  Who may use a model reads them through it; the
-- table itself is for pg_dump, run by the database's owner.
CREATE TABLE slm_heads (
	model name PRIMARY KEY,
	head bytea NOT NULL
);
ALTER TABLE slm_heads ALTER COLUMN head SET STORAGE EXTERNAL;
COMMENT ON TABLE slm_heads IS 'numbers of the models that slm_train_classifier() made';
REVOKE ALL ON slm_heads FROM PUBLIC;
GRANT SELECT ON slm_heads TO pg_database_owner;
SELECT pg_catalog.pg_extension_config_dump('slm_heads', '');

CREATE FUNCTION slm_heads_follow() RETURNS event_trigger
AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION slm_heads_follow() IS 'keeps slm_heads in step with the servers';
CREATE EVENT TRIGGER slm_heads_drop ON sql_drop
	WHEN TAG IN ('DROP SERVER', 'DROP FOREIGN DATA WRAPPER', 'DROP OWNED')
	EXECUTE FUNCTION slm_heads_follow();
CREATE EVENT TRIGGER slm_heads_rename ON ddl_command_end
	WHEN TAG IN ('ALTER SERVER')
	EXECUTE FUNCTION slm_heads_follow();

CREATE FUNCTION slm_train_classifier(
	name text,
	query text,
	model text DEFAULT NULL,
	descriptions jsonb DEFAULT NULL,
	replace boolean DEFAULT false,
	on_error text DEFAULT 'error',
	OUT trained slm_model, OUT labels int, OUT rows int, OUT skipped int,
	OUT accuracy real, OUT zero_shot real)
RETURNS record
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000000
AS 'MODULE_PATHNAME', 'slm_train_classifier';
COMMENT ON FUNCTION slm_train_classifier(text, text, text, jsonb, boolean, text) IS
	'makes a classifier of rows (text, label), as a new model';

-- ============================================================================
-- Taggers: columns that a model fills, at once or from a queue
--
-- The tables are written below SQL and its rights, by the functions, triggers and
-- workers of slm; nobody but the database's owner has rights on them, for pg_dump.
-- A tagger belongs to its table's owner.
-- ============================================================================

CREATE TABLE slm_tagger (
	name text COLLATE "C" PRIMARY KEY,
	relation regclass NOT NULL,
	source name NOT NULL,
	target name NOT NULL,
	task text NOT NULL,
	mode text NOT NULL,
	model text NOT NULL,
	pinned boolean NOT NULL,
	labels text[],
	descriptions jsonb,
	schema jsonb,
	instructions text,
	min_confidence real,
	max_words int,
	purpose text,
	dimensions int,
	on_error text NOT NULL,
	max_attempts int NOT NULL,
	paused boolean NOT NULL
);
COMMENT ON TABLE slm_tagger IS 'what slm_create_tagger() was given; see the view slm_taggers';

-- Keys of rows to be tagged.  An entry that was given up is due at infinity.
CREATE TABLE slm_tagger_queue (
	tagger text COLLATE "C" NOT NULL,
	due timestamptz NOT NULL,
	key text[] NOT NULL,
	attempts int NOT NULL,
	failed_at timestamptz,
	sqlstate text,
	error text
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
CREATE INDEX slm_tagger_queue_due ON slm_tagger_queue (tagger, due);
COMMENT ON TABLE slm_tagger_queue IS 'keys of rows that taggers have to do';

CREATE TABLE slm_tagger_progress (
	tagger text COLLATE "C" PRIMARY KEY,
	tagged bigint NOT NULL,
	failures int NOT NULL,
	retry_at timestamptz,
	sqlstate text,
	error text
);
COMMENT ON TABLE slm_tagger_progress IS 'how far the queues of taggers are, and what keeps them';

CREATE TABLE slm_tagger_backfill (
	tagger text COLLATE "C" PRIMARY KEY,
	all_rows boolean NOT NULL,
	key text[],
	seen bigint NOT NULL,
	started_at timestamptz NOT NULL,
	finished_at timestamptz
);
COMMENT ON TABLE slm_tagger_backfill IS 'how far slm_tag_backfill() is';

REVOKE ALL ON slm_tagger, slm_tagger_queue, slm_tagger_progress, slm_tagger_backfill FROM PUBLIC;
GRANT SELECT ON slm_tagger, slm_tagger_queue, slm_tagger_progress, slm_tagger_backfill
	TO pg_database_owner;
SELECT pg_catalog.pg_extension_config_dump('slm_tagger', '');
SELECT pg_catalog.pg_extension_config_dump('slm_tagger_queue', '');
SELECT pg_catalog.pg_extension_config_dump('slm_tagger_progress', '');
SELECT pg_catalog.pg_extension_config_dump('slm_tagger_backfill', '');

CREATE FUNCTION slm_tagger_enqueue() RETURNS trigger
AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION slm_tagger_enqueue() IS 'trigger of queued taggers: notes the keys of rows';
CREATE FUNCTION slm_tagger_at_once() RETURNS trigger
AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION slm_tagger_at_once() IS 'trigger of immediate taggers: fills the column';

CREATE FUNCTION slm_taggers_follow() RETURNS event_trigger
AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION slm_taggers_follow() IS 'keeps taggers in step with tables and columns';
CREATE EVENT TRIGGER slm_taggers_drop ON sql_drop
	WHEN TAG IN ('ALTER TABLE', 'DROP TABLE', 'DROP SCHEMA', 'DROP OWNED', 'DROP TYPE',
		'DROP DOMAIN', 'DROP EXTENSION')
	EXECUTE FUNCTION slm_taggers_follow();
CREATE EVENT TRIGGER slm_taggers_rename ON ddl_command_end
	WHEN TAG IN ('ALTER TABLE')
	EXECUTE FUNCTION slm_taggers_follow();

CREATE FUNCTION slm_create_tagger(
	relation regclass,
	source name,
	target name,
	task text,
	model text DEFAULT NULL,
	labels text[] DEFAULT NULL,
	descriptions jsonb DEFAULT NULL,
	schema jsonb DEFAULT NULL,
	instructions text DEFAULT NULL,
	min_confidence real DEFAULT NULL,
	max_words int DEFAULT NULL,
	purpose text DEFAULT NULL,
	dimensions int DEFAULT NULL,
	on_error text DEFAULT 'error',
	mode text DEFAULT 'queued',
	max_attempts int DEFAULT 5,
	name text DEFAULT NULL)
RETURNS text
AS 'MODULE_PATHNAME', 'slm_create_tagger' LANGUAGE C VOLATILE PARALLEL UNSAFE;

CREATE FUNCTION slm_create_tagger(
	relation regclass,
	source name,
	target name,
	task text,
	model slm_model,
	labels text[] DEFAULT NULL,
	descriptions jsonb DEFAULT NULL,
	schema jsonb DEFAULT NULL,
	instructions text DEFAULT NULL,
	min_confidence real DEFAULT NULL,
	max_words int DEFAULT NULL,
	purpose text DEFAULT NULL,
	dimensions int DEFAULT NULL,
	on_error text DEFAULT 'error',
	mode text DEFAULT 'queued',
	max_attempts int DEFAULT 5,
	name text DEFAULT NULL)
RETURNS text
AS 'MODULE_PATHNAME', 'slm_create_tagger_pinned' LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION slm_create_tagger(regclass, name, name, text, text, text[], jsonb, jsonb,
	text, real, int, text, int, text, text, int, text) IS
	'has a column of a table filled by a model; the name of the tagger';
COMMENT ON FUNCTION slm_create_tagger(regclass, name, name, text, slm_model, text[], jsonb, jsonb,
	text, real, int, text, int, text, text, int, text) IS
	'has a column of a table filled by a model; the name of the tagger';

CREATE FUNCTION slm_drop_tagger(name text) RETURNS void
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION slm_drop_tagger(text) IS 'ends a tagger; the tags stay';

CREATE FUNCTION slm_pause_tagger(name text) RETURNS void
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION slm_pause_tagger(text) IS 'has the queue of a tagger wait; rows are still noted';

CREATE FUNCTION slm_resume_tagger(name text) RETURNS void
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION slm_resume_tagger(text) IS
	'goes on with the queue of a tagger that was paused, or that waits after an error';

CREATE FUNCTION slm_retry_tagger(name text) RETURNS bigint
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION slm_retry_tagger(text) IS
	'has rows that were given up tried again; how many they are';

CREATE FUNCTION slm_run_taggers() RETURNS int
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION slm_run_taggers() IS
	'starts the worker that empties the queues of this database; its pid, NULL when none can be started';

CREATE PROCEDURE slm_drain_taggers(name text DEFAULT NULL, max_rows bigint DEFAULT NULL)
AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON PROCEDURE slm_drain_taggers(text, bigint) IS
	'empties the queue of a tagger, or of all of yours, in this session';

CREATE PROCEDURE slm_tag_backfill(
	name text, all_rows boolean DEFAULT false, restart boolean DEFAULT false)
AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON PROCEDURE slm_tag_backfill(text, boolean, boolean) IS
	'tags the rows that are there already, goes on where a cancelled call ended';

CREATE FUNCTION slm_tagger_worker() RETURNS int
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION slm_tagger_worker() IS
	'pid of the worker that empties the queues of this database, NULL when there is none';

-- Who may see a tagger: the owner of its table, and who may see all statistics.
CREATE VIEW slm_taggers AS
	SELECT t.name, t.relation, t.source, t.target, t.task, t.model, t.mode,
		CASE WHEN g.enabled IS NULL THEN 'detached'
			WHEN NOT g.enabled THEN 'disabled'
			WHEN t.paused THEN 'paused'
			WHEN p.retry_at IS NOT NULL THEN 'failing'
			WHEN q.queued > 0 THEN 'busy'
			ELSE 'idle' END AS state,
		q.queued, q.given_up, coalesce(p.tagged, 0) AS tagged,
		p.retry_at, p.sqlstate, p.error,
		b.seen AS backfill_rows, b.finished_at IS NOT NULL AS backfill_finished,
		slm_tagger_worker() AS worker
	FROM slm_tagger t
	JOIN pg_catalog.pg_class c ON c.oid = t.relation
	LEFT JOIN slm_tagger_progress p ON p.tagger = t.name
	LEFT JOIN slm_tagger_backfill b ON b.tagger = t.name
	CROSS JOIN LATERAL (
		SELECT count(*) FILTER (WHERE e.due < 'infinity') AS queued,
			count(*) FILTER (WHERE e.due = 'infinity') AS given_up
		FROM slm_tagger_queue e WHERE e.tagger = t.name) q
	CROSS JOIN LATERAL (
		SELECT bool_or(r.tgenabled <> 'D') AS enabled
		FROM pg_catalog.pg_trigger r
		WHERE r.tgrelid = t.relation
		AND r.tgfoid IN ('slm_tagger_enqueue'::regproc, 'slm_tagger_at_once'::regproc)
		AND r.tgargs = pg_catalog.convert_to(t.name, pg_catalog.getdatabaseencoding()) || '\x00') g
	WHERE pg_catalog.pg_has_role(c.relowner, 'USAGE')
		OR pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE');
COMMENT ON VIEW slm_taggers IS 'taggers and how far they are';
GRANT SELECT ON slm_taggers TO PUBLIC;

CREATE VIEW slm_tagger_errors AS
	SELECT e.tagger, e.key, e.attempts, e.failed_at, e.sqlstate, e.error,
		CASE WHEN e.due < 'infinity' THEN e.due END AS next_try
	FROM slm_tagger_queue e
	JOIN slm_tagger t ON t.name = e.tagger
	JOIN pg_catalog.pg_class c ON c.oid = t.relation
	WHERE e.attempts > 0 AND pg_catalog.pg_has_role(c.relowner, 'USAGE');
COMMENT ON VIEW slm_tagger_errors IS
	'rows of your tables that could not be tagged; without a next try they were given up';
GRANT SELECT ON slm_tagger_errors TO PUBLIC;

-- ============================================================================
-- Views and administration
-- ============================================================================

CREATE FUNCTION slm_create_model(name text, file text, options jsonb DEFAULT NULL)
RETURNS slm_model
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION slm_create_model(text, text, jsonb) IS
	'registers a model file as a foreign server, with its sha256';

CREATE FUNCTION slm_drop_model(name text, cascade boolean DEFAULT false)
RETURNS void
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION slm_drop_model(text, boolean) IS 'drops a model';

CREATE FUNCTION slm_load(model text) RETURNS bigint
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION slm_load(text) IS
	'builds the image of a model if need be and reads it into memory; its size in bytes';

CREATE FUNCTION slm_cache_gc(OUT file text, OUT bytes bigint) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000 ROWS 10;
COMMENT ON FUNCTION slm_cache_gc() IS
	'removes images that no session has mapped, and leftovers, from slm.cache_dir';
REVOKE ALL ON FUNCTION slm_cache_gc() FROM PUBLIC;

CREATE FUNCTION slm_version() RETURNS text
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION slm_version() IS 'version of the loaded library';

CREATE FUNCTION slm_model_list(
	OUT name name, OUT file text, OUT sha256 text, OUT fingerprint text,
	OUT architecture text, OUT quantization text, OUT parameters bigint,
	OUT dimensions integer, OUT context integer, OUT heads text[], OUT licence text,
	OUT bytes bigint, OUT state text, OUT attached integer,
	OUT base name
) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL RESTRICTED COST 1000 ROWS 10;
COMMENT ON FUNCTION slm_model_list() IS 'the rows of the view slm_models';

CREATE VIEW slm_models AS
	SELECT name, file, sha256, fingerprint, architecture, quantization, parameters, dimensions,
		context, heads, licence, bytes, state, attached, base
	FROM slm_model_list()
	ORDER BY name;
COMMENT ON VIEW slm_models IS
	'models of this database; what cannot be known without reading the file is NULL';
GRANT SELECT ON slm_models TO PUBLIC;

CREATE FUNCTION slm_stat_list(
	OUT roleid oid, OUT databaseid oid, OUT function text, OUT model name,
	OUT calls bigint, OUT rows bigint, OUT nulls bigint, OUT errors bigint, OUT cancels bigint,
	OUT tokens_in bigint, OUT tokens_out bigint, OUT inference_us bigint, OUT memo_hits bigint,
	OUT tokens_kept bigint
) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL RESTRICTED COST 100 ROWS 20;
COMMENT ON FUNCTION slm_stat_list() IS 'the rows of the view slm_stat_calls';

CREATE VIEW slm_stat_calls AS
	SELECT pg_catalog.pg_get_userbyid(s.roleid) AS role, d.datname AS database,
		CASE WHEN s.function IS NULL THEN 'other' ELSE s.function END AS function, s.model,
		s.calls, s.rows, s.nulls, s.errors, s.cancels, s.tokens_in,
		s.tokens_out, s.inference_us / 1000.0::double precision AS inference_ms, s.memo_hits, s.tokens_kept
	FROM slm_stat_list() s
	LEFT JOIN pg_catalog.pg_database d ON d.oid = s.databaseid;
COMMENT ON VIEW slm_stat_calls IS
	'calls since the server started: the own ones, or all for members of pg_read_all_stats';
GRANT SELECT ON slm_stat_calls TO PUBLIC;

CREATE FUNCTION slm_activity_list(
	OUT pid integer, OUT what text, OUT rows bigint, OUT tokens bigint, OUT since timestamptz
) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL RESTRICTED COST 100 ROWS 20;
COMMENT ON FUNCTION slm_activity_list() IS 'the rows of the view slm_activity';

CREATE VIEW slm_activity AS
	SELECT pid, what, rows, tokens, since FROM slm_activity_list();
COMMENT ON VIEW slm_activity IS
	'what is going on now: the own part of it, or all for members of pg_read_all_stats';
GRANT SELECT ON slm_activity TO PUBLIC;

CREATE FUNCTION slm_worker_use(OUT workers integer, OUT requests integer, OUT text_bytes bigint)
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL RESTRICTED COST 100;
COMMENT ON FUNCTION slm_worker_use() IS
	'workers that write for sessions, their requests, and the memory these take';

CREATE FUNCTION slm_stat_reset() RETURNS void
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION slm_stat_reset() IS 'sets all counters of slm_stat_calls to zero';
REVOKE ALL ON FUNCTION slm_stat_reset() FROM PUBLIC;
