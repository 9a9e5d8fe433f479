-- slm_redact: kinds that need no model, and kinds that a model finds
\getenv folder PG_ABS_SRCDIR
\set error_of :folder '/sql/error_of.psql'
\i :error_of

-- No model is wanted.
SELECT slm_redact('Write to Anna.Lee@example.com or call +1 (555) 123-4567 before 3 March 2025.');
SELECT slm_redact('Card 4111 1111 1111 1111, account DE89 3704 0044 0532 0130 00, SSN 123-45-6789, order INV-2024-0012.');
SELECT slm_redact('10.0.0.1 and fe80::1 fetched https://example.com/u/7?to=bob@example.org; session 123e4567-e89b-12d3-a456-426614174000.');
SELECT slm_redact('Nothing to hide: 42 parcels, 12 % late, $5.') AS same;

-- Call forms.
SELECT DISTINCT redacted FROM (VALUES
    (slm_redact('mail a@b.de')),
    (slm_redact('mail a@b.de', NULL)),
    (slm_redact('mail a@b.de', '{email}')),
    (slm_redact('mail a@b.de', '{email,email}', NULL)),
    (slm_redact('mail a@b.de', NULL, '[{kind}]')),
    (slm_redact('mail a@b.de', NULL, NULL, NULL, NULL)),
    (slm_redact('mail a@b.de', on_error => 'null')),
    (slm_redact('mail a@b.de', NULL, NULL, slm_model 'nobody@00000000000000000000000000000000'))
) AS v (redacted);

-- Every kind that needs no model.
WITH said (input, kind) AS (VALUES
    ('a@b.de', 'email'), ('http://b.de/x', 'url'), ('::1', 'ip'), ('123E4567-E89B-12D3-A456-426614174000', 'uuid'),
    ('5500000000000004', 'card'), ('GB82WEST12345698765432', 'iban'), ('123-45-6789', 'ssn'), ('030/901820-12', 'phone'),
    ('3 March 2025 at 3 pm', 'date_time'), ('March 2025', 'date'), ('14:05', 'time'), ('1.234,50 €', 'money'), ('12 %', 'percent'),
    ('1,234.50', 'number'), ('twenty-five', 'number_words'), ('INV-2024-0012', 'identifier')
)
SELECT count(*), bool_and(slm_redact('(' || input || ')', ARRAY[kind]) = '([' || kind || '])') AS found FROM said;

-- Masks.
SELECT slm_redact('from a@b.de to c@d.de', mask => '***'), slm_redact('from a@b.de', mask => ''),
       slm_redact('from a@b.de', mask => '{{{kind}}} {kind}'), slm_redact('de: a@b.de', mask => '«{kind}»');
-- What overlaps goes as one, named after the longest.
SELECT slm_redact('due 2025-03-04 10:00 sharp', '{date,time,number,date_time}'), slm_redact('due 2025-03-04 10:00 sharp', '{date,time}'),
       slm_redact('https://x.y/?to=a@b.de', '{email}');

SELECT slm_redact(NULL) IS NULL AS a, slm_redact(E' \n') IS NULL AS b, slm_redact(NULL, '{email}', NULL, NULL) IS NULL AS c;
SELECT error_of($$SELECT slm_redact('a', '{}')$$);
SELECT error_of($$SELECT slm_redact('a', '{email,NULL}')$$);
SELECT error_of($$SELECT slm_redact(NULL, '{{email},{url}}')$$);
SELECT error_of($$SELECT slm_redact('a', mask => '[{name}]')$$);
SELECT error_of($$SELECT slm_redact(NULL, mask => 'a}')$$);
SELECT error_of($$SELECT slm_redact('a', on_error => 'skip')$$);
SET slm.max_scratch_memory = '1MB';
SELECT error_of($$SELECT slm_redact(repeat('a@b.de ', 100000))$$);
RESET slm.max_scratch_memory;

-- Offsets are right in long texts, wherever what is found begins.
SELECT bool_and(slm_redact(repeat('é ', n) || 'a@b.de' || repeat(' é', n)) = repeat('é ', n) || '[email]' || repeat(' é', n)) AS same
FROM generate_series(0, 5000, 617) AS n;
-- Other kinds are fields for a model. This one has random weights: what is hidden is not sense, but what slm_extract_spans finds.
SELECT slm_create_model('tiny', 'tiny-bert.gguf') AS created \gset
SELECT slm_create_model('slm', 'tiny-slm.gguf') AS created \gset
SET slm.extract_model = '';
SELECT error_of($$SELECT slm_redact('a', '{email,person}')$$);
SELECT error_of($$SELECT slm_redact('a', '{email,person}', model => 'nobody')$$);
SELECT error_of($$SELECT slm_redact('a', '{email,person}', model => 'tiny')$$);
SELECT error_of($$SELECT slm_redact('a', ARRAY['email', ' '], model => 'slm')$$);
SELECT error_of($$SELECT slm_redact('a', '{person}', NULL, NULL::slm_model)$$);
SET slm.extract_model = 'slm';
WITH said (input) AS (VALUES ('Anna Lee of Berlin wrote from anna@example.com'), ('the parcel was late'), ('Mr McTea paid 5 €')),
shown (input, redacted, spans) AS (
    SELECT input, slm_redact(input, '{person,place name}', '#'), (SELECT array_agg(start) FROM slm_extract_spans(input, '{"person": "string[]", "place name": "string[]"}')) FROM said
)
SELECT count(*), bool_and((redacted <> input) = (spans IS NOT NULL)) AS same FROM shown;
SELECT DISTINCT slm_redact(input, '{person,email}') = redacted AS same, redacted LIKE '%a@b.de%' AS shown
FROM (VALUES ('Anna Lee <a@b.de>, Berlin')) AS v (input), LATERAL (VALUES
    (slm_redact(input, '{email,person,person}', model => 'slm')),
    (slm_redact(input, '{email,person}', NULL, slm_pin('slm')))
) AS f (redacted);
SELECT function, model, calls > 0 AS called, memo_hits > 0 AS remembered FROM slm_stat_calls WHERE function = 'slm_redact' AND model IN ('slm', 'tiny') ORDER BY model DESC;
SELECT slm_drop_model('tiny') AS dropped, slm_drop_model('slm') AS dropped \gset
RESET slm.extract_model;
-- A generated column and an index on it.
CREATE TABLE messages (body text, shown text GENERATED ALWAYS AS (slm_redact(body, NULL, NULL, slm_model 'any@00000000000000000000000000000000')) STORED);
CREATE INDEX ON messages (shown);
INSERT INTO messages VALUES ('call 555-123-4567'), (NULL), ('hello');
SELECT * FROM messages ORDER BY shown;
DROP TABLE messages;
DROP FUNCTION error_of;
