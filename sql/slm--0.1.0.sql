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
-- ============================================================================

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
	OUT dimensions integer, OUT context integer, OUT licence text, OUT bytes bigint,
	OUT state text, OUT attached integer
) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL RESTRICTED COST 1000 ROWS 10;
COMMENT ON FUNCTION slm_model_list() IS 'the rows of the view slm_models';

CREATE VIEW slm_models AS
	SELECT name, file, sha256, fingerprint, architecture, quantization, parameters, dimensions,
		context, licence, bytes, state, attached
	FROM slm_model_list()
	ORDER BY name;
COMMENT ON VIEW slm_models IS
	'models of this database; what cannot be known without reading the file is NULL';
GRANT SELECT ON slm_models TO PUBLIC;

CREATE FUNCTION slm_stat_list(
	OUT roleid oid, OUT databaseid oid, OUT function text, OUT model name,
	OUT calls bigint, OUT rows bigint, OUT nulls bigint, OUT errors bigint, OUT cancels bigint,
	OUT tokens_in bigint, OUT inference_us bigint, OUT memo_hits bigint
) RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL RESTRICTED COST 100 ROWS 20;
COMMENT ON FUNCTION slm_stat_list() IS 'the rows of the view slm_stat_calls';

CREATE VIEW slm_stat_calls AS
	SELECT pg_catalog.pg_get_userbyid(s.roleid) AS role, d.datname AS database,
		CASE WHEN s.function IS NULL THEN 'other' ELSE s.function END AS function, s.model,
		s.calls, s.rows, s.nulls, s.errors, s.cancels, s.tokens_in,
		s.inference_us / 1000.0::double precision AS inference_ms, s.memo_hits
	FROM slm_stat_list() s
	LEFT JOIN pg_catalog.pg_database d ON d.oid = s.databaseid;
COMMENT ON VIEW slm_stat_calls IS
	'calls since the server started: the own ones, or all for members of pg_read_all_stats';
GRANT SELECT ON slm_stat_calls TO PUBLIC;

CREATE FUNCTION slm_stat_reset() RETURNS void
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION slm_stat_reset() IS 'sets all counters of slm_stat_calls to zero';
REVOKE ALL ON FUNCTION slm_stat_reset() FROM PUBLIC;
