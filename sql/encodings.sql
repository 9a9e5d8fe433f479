-- Databases of other encodings: texts go to the model as UTF-8 and come back
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE DATABASE slm_latin1 TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C';
CREATE DATABASE slm_ascii TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C';
CREATE DATABASE slm_euc TEMPLATE template0 ENCODING 'EUC_JP' LC_COLLATE 'C' LC_CTYPE 'C';
SELECT current_database() AS home \gset
SET client_encoding = 'UTF8';
SELECT slm_create_model('tiny', 'tiny-bert.gguf') AS created \gset
SELECT md5(slm_embed('Café crème', 'tiny')::text) AS utf8, md5(slm_embed('日本語', 'tiny')::text) AS kanji,
       slm_count_tokens('Café crème', 'tiny') AS tokens \gset

\c slm_latin1
SET client_encoding = 'UTF8';
CREATE EXTENSION slm;
SELECT slm_create_model('tiny', 'tiny-bert.gguf') AS created \gset
SELECT md5(slm_embed('Café crème', 'tiny')::text) = :'utf8' AS same, octet_length('Café crème') AS bytes,
       slm_count_tokens('Café crème', 'tiny') = :tokens AS same_tokens;
SELECT md5(embedding::text) = :'utf8' AS same FROM slm_embed_batch(ARRAY['Café crème'], 'tiny');
SELECT ord, start, chunk, substr('Café crème à la carte', start, length(chunk)) = chunk AS found
FROM slm_chunk('Café crème à la carte', 6, model => 'tiny');
SELECT label FROM slm_classify_scores('a', '{é,è}', 'tiny', descriptions => '{"é": "à la carte"}') ORDER BY label;
-- A summary that is cut ends with what the encoding has.
SELECT slm_summarize('Café crème à la carte', 3, 'tiny');
SELECT slm_redact('Café: a@b.de', mask => '«{kind}»') AS redacted;
SELECT slm_create_model('slm', 'tiny-slm.gguf') AS created \gset
SELECT field, value, start, substr('été: écrire à a@b.de', start, length) = value AS found
FROM slm_extract_spans('été: écrire à a@b.de', '{"properties": {"é": {"format": "email"}}, "required": ["é"]}', 'slm');
SELECT slm_extract('état: FERMé', '{"properties": {"é": {"enum": ["à faire", "fermé"]}}, "required": ["é"]}', 'slm');
-- A no-break space is blank in each encoding.
SELECT slm_embed(E'\u00a0', 'tiny') IS NULL AS blank;

\c slm_euc
SET client_encoding = 'UTF8';
CREATE EXTENSION slm;
SELECT slm_create_model('tiny', 'tiny-bert.gguf') AS created \gset
SELECT md5(slm_embed('日本語', 'tiny')::text) = :'kanji' AS same, octet_length('日本語') AS bytes;
SELECT ord, start, chunk FROM slm_chunk('日本語 and 日本', 2, model => 'tiny');
-- Bytes that are valid here and mean nothing in Unicode: a row that cannot be processed.
SELECT slm_create_model('slm', 'tiny-slm.gguf') AS created \gset
CREATE TABLE bytes (body text);
INSERT INTO bytes VALUES (convert_from('\xfcfe', 'EUC_JP'));
SELECT slm_embed(body, 'tiny') FROM bytes;
SELECT slm_embed(body, 'tiny', on_error => 'null') IS NULL AS no_answer FROM bytes;
SELECT ord, embedding IS NULL AS no_answer FROM bytes, slm_embed_batch(ARRAY['a', body], 'tiny', on_error => 'null');
SELECT count(*) FROM bytes, slm_embed_batch(ARRAY['a', body], 'tiny');
SELECT slm_classify('a', ARRAY['b', body], 'tiny', on_error => 'null') FROM bytes;
SELECT slm_extract('a', jsonb_build_array(body), 'slm') FROM bytes;
SELECT slm_extract(body, '["a"]', 'slm', on_error => 'null') IS NULL AS no_answer FROM bytes;

-- Bytes of no known encoding: UTF-8 is taken as such, the rest refused.
\c slm_ascii
CREATE EXTENSION slm;
SELECT slm_create_model('tiny', 'tiny-bert.gguf') AS created \gset
SELECT md5(slm_embed('Café crème', 'tiny')::text) = :'utf8' AS same;
SELECT slm_embed(E'caf\xe9', 'tiny');
SELECT slm_embed(E'caf\xe9', 'tiny', on_error => 'null') IS NULL AS no_answer;
SELECT ord, embedding IS NULL AS no_answer FROM slm_embed_batch(ARRAY['a', E'caf\xe9', 'b'], 'tiny', on_error => 'null');
SELECT slm_count_tokens(E'caf\xe9', 'tiny');
SELECT slm_create_model('slm', 'tiny-slm.gguf') AS created \gset
SELECT value, start, substr('été: a@b.de', start, length) = value AS found
FROM slm_extract_spans('été: a@b.de', '{"properties": {"é": {"format": "email"}}, "required": ["é"]}', 'slm');
SELECT slm_extract(E'caf\xe9', '["a"]', 'slm');
SELECT slm_extract('a', jsonb_build_array(E'caf\xe9'), 'slm');
SELECT slm_redact(E'caf\xe9 a@b.de');
SELECT slm_redact(E'caf\xe9 a@b.de', on_error => 'null') IS NULL AS no_answer;
SELECT ord, start, substr('Café crème à la carte', start, length(chunk)) = chunk AS found
FROM slm_chunk('Café crème à la carte', 6, model => 'tiny');

\c :home
DROP DATABASE slm_latin1;
DROP DATABASE slm_ascii;
DROP DATABASE slm_euc;
SELECT slm_drop_model('tiny') AS dropped \gset
