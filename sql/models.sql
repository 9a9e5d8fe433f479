-- Models as foreign servers: options, errors, pins, the list
\set VERBOSITY terse
\set SHOW_CONTEXT never

-- What the validator refuses
CREATE SERVER m FOREIGN DATA WRAPPER slm;
CREATE SERVER m FOREIGN DATA WRAPPER slm OPTIONS (file '');
CREATE SERVER m FOREIGN DATA WRAPPER slm OPTIONS (file '../x.gguf');
CREATE SERVER m FOREIGN DATA WRAPPER slm OPTIONS (file 'a/x.gguf');
CREATE SERVER m FOREIGN DATA WRAPPER slm OPTIONS (file '.x.gguf');
CREATE SERVER m FOREIGN DATA WRAPPER slm OPTIONS (file '/a/../x.gguf');
CREATE SERVER m FOREIGN DATA WRAPPER slm OPTIONS (file '/a/..');
CREATE SERVER m FOREIGN DATA WRAPPER slm OPTIONS (file 'x.gguf', colour 'red');
CREATE SERVER m FOREIGN DATA WRAPPER slm OPTIONS (file 'x.gguf', draft '');
CREATE SERVER m FOREIGN DATA WRAPPER slm OPTIONS (file 'x.gguf', sha256 'ABCD');
CREATE SERVER m FOREIGN DATA WRAPPER slm OPTIONS (file 'x.gguf', pooling 'max');
CREATE SERVER m FOREIGN DATA WRAPPER slm OPTIONS (file 'x.gguf', normalize 'perhaps');
CREATE SERVER m FOREIGN DATA WRAPPER slm OPTIONS (file 'x.gguf', overflow 'ignore');
CREATE SERVER m FOREIGN DATA WRAPPER slm OPTIONS (file 'x.gguf', context_length '0');
CREATE SERVER m FOREIGN DATA WRAPPER slm OPTIONS (file 'x.gguf', context_length '1048577');
CREATE SERVER m FOREIGN DATA WRAPPER slm OPTIONS (file 'x.gguf', context_length '12x');
CREATE SERVER m FOREIGN DATA WRAPPER slm OPTIONS (file 'x.gguf', context_length '99999999999');
ALTER FOREIGN DATA WRAPPER slm OPTIONS (file 'x.gguf');
\set VERBOSITY sqlstate
CREATE SERVER m FOREIGN DATA WRAPPER slm;
CREATE SERVER m FOREIGN DATA WRAPPER slm OPTIONS (file 'a/x.gguf');
CREATE SERVER m FOREIGN DATA WRAPPER slm OPTIONS (file 'x.gguf', colour 'red');
CREATE SERVER m FOREIGN DATA WRAPPER slm OPTIONS (file 'x.gguf', pooling 'max');
\set VERBOSITY default
CREATE SERVER m FOREIGN DATA WRAPPER slm OPTIONS (file 'x.gguf', colour 'red');
CREATE SERVER m FOREIGN DATA WRAPPER slm OPTIONS (file 'x.gguf', pooling 'max');

-- What it takes; the file need not be there, or be one
CREATE SERVER m FOREIGN DATA WRAPPER slm
    OPTIONS (file '/nowhere/x.gguf', sha256 '0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef', pooling 'cls',
             normalize 'off', query_prefix 'query: ', document_prefix '', context_length '1048576', overflow 'truncate');
CREATE USER MAPPING FOR CURRENT_USER SERVER m;
CREATE USER MAPPING FOR PUBLIC SERVER m OPTIONS (user 'me');
CREATE FOREIGN TABLE t (a int) SERVER m;
CREATE FOREIGN TABLE t (a int OPTIONS (b 'c')) SERVER m;
IMPORT FOREIGN SCHEMA public FROM SERVER m INTO public;
ALTER SERVER m OPTIONS (DROP file);
ALTER SERVER m OPTIONS (SET overflow 'error');
SELECT name, file, left(sha256, 8) AS sha256, architecture, state FROM slm_models WHERE name <> 'slm_base';
SELECT slm_drop_model('m');

-- Other servers are not models
CREATE FOREIGN DATA WRAPPER other;
CREATE SERVER elsewhere FOREIGN DATA WRAPPER other;
SELECT slm_pin('elsewhere');
SELECT slm_drop_model('elsewhere');
SELECT slm_drop_model('nothing');
DROP FOREIGN DATA WRAPPER other CASCADE;

-- Registering
SELECT slm_create_model('tiny', 'tiny-bert.gguf') AS pin \gset
SELECT :'pin' = slm_pin('tiny')::text AS pin_is_returned;
SELECT slm_create_model('tiny', 'tiny-bert.gguf');
SELECT slm_create_model(NULL, 'tiny-bert.gguf');
SELECT slm_create_model('x', NULL);
SELECT slm_create_model('x', 'tiny-bert.gguf', '[1]');
SELECT slm_create_model('x', 'tiny-bert.gguf', '"pooling"');
SELECT slm_create_model('x', 'tiny-bert.gguf', '{"pooling": ["cls"]}');
SELECT slm_create_model('x', 'tiny-bert.gguf', '{"colour": "red"}');
SELECT slm_create_model('x', 'tiny-bert.gguf', '{"file": "other.gguf"}');
SELECT slm_create_model('x', 'tiny-bert.gguf', '{"context_length": 65}');
SELECT slm_create_model('Odd "name"@''s', 'tiny-bert.gguf',
    '{"context_length": 32, "normalize": false, "query_prefix": "it''s \\ q: ", "pooling": null}') IS NOT NULL AS created;
SELECT name, file, architecture, quantization, parameters, dimensions, context, licence, state FROM slm_models WHERE name <> 'slm_base';
SELECT srvname, (SELECT array_agg(o) FROM unnest(srvoptions) o WHERE o NOT LIKE 'sha256=%') AS options FROM pg_foreign_server WHERE srvname <> 'slm_base' ORDER BY 1;

-- Fingerprints: of content and of options that change results, at other values than the default
SELECT slm_create_model('same', 'tiny-bert.gguf', '{"normalize": true, "overflow": "chunk", "query_prefix": ""}') AS same \gset
SELECT slm_create_model('cls', 'tiny-bert.gguf', '{"pooling": "cls"}') AS cls \gset
SELECT slm_create_model('raw', 'tiny-bert.gguf', '{"normalize": false}') AS raw \gset
SELECT slm_create_model('query', 'tiny-bert.gguf', '{"query_prefix": "a"}') AS query \gset
SELECT slm_create_model('document', 'tiny-bert.gguf', '{"document_prefix": "a"}') AS document \gset
SELECT slm_create_model('short', 'tiny-bert.gguf', '{"context_length": 16}') AS short \gset
SELECT slm_create_model('cut', 'tiny-bert.gguf', '{"overflow": "truncate"}') AS cut \gset
SELECT slm_create_model('q8', 'tiny-bert-q8_0.gguf') AS q8 \gset
SELECT split_part(:'pin', '@', 2) = split_part(:'same', '@', 2) AS defaults_do_not_count;
SELECT count(DISTINCT split_part(p, '@', 2)) AS of_eight
FROM unnest(ARRAY[:'pin', :'cls', :'raw', :'query', :'document', :'short', :'cut', :'q8']) AS p;
SELECT count(*) FROM slm_models WHERE fingerprint = split_part(:'pin', '@', 2);

-- The type slm_model
SELECT 'tiny'::slm_model;
SELECT '@0123456789abcdef0123456789abcdef'::slm_model;
SELECT 'tiny@0123456789abcdef0123456789abcde'::slm_model;
SELECT 'tiny@0123456789ABCDEF0123456789abcdef'::slm_model;
SELECT 'a@b@0123456789abcdef0123456789abcdef'::slm_model;
SELECT pg_typeof(slm_pin('tiny')), slm_pin('tiny')::text = :'pin' AS as_text, :'pin'::slm_model::text = :'pin' AS as_type;
SELECT slm_pin(NULL) IS NULL AS strict;
CREATE TABLE pins (pin slm_model);
INSERT INTO pins VALUES (:'pin'), (NULL);
SELECT count(*) FROM pins WHERE pin::text = :'pin';
COPY pins TO PROGRAM 'cat >slm_pins.bin' (FORMAT binary);
COPY pins FROM PROGRAM 'cat slm_pins.bin; rm slm_pins.bin' (FORMAT binary);
SELECT count(DISTINCT pin::text), count(*) FROM pins;
DROP TABLE pins;

-- A pin and what no longer is
SELECT cardinality(slm_embed('a', :'pin'::slm_model));
ALTER SERVER tiny OPTIONS (ADD pooling 'last');
\set VERBOSITY sqlstate
SELECT slm_embed('a', :'pin'::slm_model);
\set VERBOSITY default
ALTER SERVER tiny OPTIONS (DROP pooling);
SELECT cardinality(slm_embed('a', :'pin'::slm_model));

-- Transactions: a rolled back registration is gone, its image harmless
BEGIN;
SELECT slm_create_model('gone', 'tiny-bert.gguf') IS NOT NULL AS created;
SELECT slm_pin('gone') IS NOT NULL AS usable;
ROLLBACK;
SELECT slm_pin('gone');
BEGIN READ ONLY;
SELECT slm_create_model('ro', 'tiny-bert.gguf');
ROLLBACK;

-- Event triggers see the DDL
CREATE FUNCTION note_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE '%', tg_tag; END $$;
CREATE EVENT TRIGGER note ON ddl_command_end EXECUTE FUNCTION note_ddl();
SELECT slm_create_model('seen', 'tiny-bert.gguf') IS NOT NULL AS created;
SELECT slm_drop_model('seen');
DROP EVENT TRIGGER note;
DROP FUNCTION note_ddl();

SELECT slm_load('tiny') = bytes AS loaded FROM slm_models WHERE name = 'tiny';
SELECT slm_version();
SELECT count(slm_drop_model(name::text)) FROM slm_models WHERE name NOT IN ('tiny', 'slm_base');
SELECT slm_drop_model('tiny', cascade => true);
SELECT count(*) FROM pg_foreign_server;

-- The embedded model: everybody's, and as the extension brought it
SELECT srvname, split_part(srvoptions[1], '=', 1) AS option, obj_description(oid, 'pg_foreign_server') <> '' AS has_comment,
       has_server_privilege('public', srvname, 'USAGE') AS everybody FROM pg_foreign_server;
ALTER SERVER slm_base OPTIONS (ADD pooling 'cls');
ALTER SERVER slm_base OPTIONS (SET file 'tiny-bert.gguf', DROP sha256);
ALTER SERVER slm_base OWNER TO CURRENT_USER;
SELECT slm_drop_model('slm_base');
SELECT slm_drop_model('slm_base', cascade => true);
ALTER EXTENSION slm DROP SERVER slm_base;
ALTER SERVER slm_base OPTIONS (ADD overflow 'error');
ALTER SERVER slm_base OPTIONS (DROP overflow);
ALTER EXTENSION slm ADD SERVER slm_base;
ALTER SERVER slm_base OPTIONS (ADD overflow 'error');
