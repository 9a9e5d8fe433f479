-- slm_extract and its kin, with a model of random weights: what keeps to the schema, not what is right
\getenv folder PG_ABS_SRCDIR
\set error_of :folder '/sql/error_of.psql'
\i :error_of
SELECT slm_create_model('tiny', 'tiny-bert.gguf') AS created \gset
SELECT slm_create_model('slm', 'tiny-slm.gguf') AS created \gset
SET slm.extract_model = 'slm';
CREATE TABLE mail (id int, body text);
INSERT INTO mail VALUES
    (1, 'Order INV-2024-0012 of 4 March 2025: 3 boxes at $12.50, mail anna@example.org or call +49 30 1234567.'),
    (2, 'Paid 1,200.00 EUR on 2025-01-31. Status: In Progress. Yes, it is urgent. See HTTPS://Example.org/a?b=1'),
    (3, 'the parcel was late'),
    (4, ' '),
    (5, NULL);

-- Shorthand: fields may be null, lists may be empty.
SELECT id, slm_extract(body, '["name", "price"]') FROM mail ORDER BY id;
SELECT id, slm_extract(body, '{"total": "number[]", "day": "date[]", "mail": "email[]", "link": "url[]", "phone": "phone[]", "code": "identifier[]", "money": "money[]"}')
FROM mail WHERE id < 4 ORDER BY id;

-- JSON Schema: what must be there is the best candidate, or the row's error.
SELECT id, slm_extract(body, '{"properties": {"day": {"type": "string", "format": "date"}, "amount": {"type": "number", "minimum": 5},
    "count": {"type": ["integer", "null"], "maximum": 4}}, "required": ["day", "amount", "count"], "propertyOrdering": ["day", "count"]}', on_error => 'null')
FROM mail WHERE id < 4 ORDER BY id;
SELECT error_of($$SELECT slm_extract('the parcel was late', '{"properties": {"day": {"format": "date"}}, "required": ["day"]}')$$);
SELECT slm_extract('the parcel was late', '{"properties": {"day": {"format": "date"}, "when": {"type": ["string", "null"], "format": "date"}}}');

-- Enums and booleans: words of the text, or what the label head says.
SELECT id, slm_extract(body, '{"properties": {"state": {"enum": ["new", "in_progress", "done"]}}, "required": ["state"]}', on_error => 'null') ->> 'state'
       IN ('new', 'in_progress', 'done') AS one_of_three FROM mail WHERE id < 4 ORDER BY id;
SELECT field, value, start, length FROM mail, slm_extract_spans(body, '{"properties": {"s": {"type": "array", "items": {"enum": ["in_progress", "urgent"]}}}, "required": ["s"]}') WHERE id = 2;
SELECT jsonb_typeof(slm_extract('the parcel was late', '{"late": "boolean"}') -> 'late') AS type;

-- Objects, and lists of them.
SELECT field, value, start FROM slm_extract_spans('Red box $12.50 of 2025-01-31, blue box $3.00 of 2025-02-01, tea $1.50', '{"properties": {"order": {"type": "array", "items": {"type": "object",
    "properties": {"total": {"type": "number", "description": "order total"}, "day": {"format": "date"}}, "required": ["total"]}}}}');
SELECT slm_extract('anna@example.org wrote on 2025-01-31', '{"properties": {"who": {"type": "object", "properties": {"mail": {"format": "email"}}, "required": ["mail"]},
    "day": {"format": "date"}}, "required": ["who", "day"]}');

-- Every value says where it comes from; what has no source is a judgement.
SELECT id, field, value, substr(body, start, length) AS source, confidence BETWEEN 0 AND 1 AS probability
FROM mail, slm_extract_spans(body, '{"properties": {"day": {"format": "date"}, "amount": {"type": "number"}, "mail": {"format": "email"}}, "required": ["day", "amount"]}', on_error => 'null')
ORDER BY id, start;
SELECT count(*) FILTER (WHERE value <> substr(accented, start, length)) AS not_verbatim, count(*) > 0 AS some
FROM mail, LATERAL (SELECT 'été, ' || body) AS t (accented), slm_extract_spans(accented, '{"what": "What was it?", "names": "string[]"}');

-- The forms agree.
SELECT count(*) FILTER (WHERE extracted IS DISTINCT FROM slm_extract(body, '["name", "price"]')) AS different
FROM mail JOIN slm_extract_batch(ARRAY(SELECT body FROM mail ORDER BY id), '["name", "price"]') ON ord = id;
SELECT slm_extract(body, '["name"]', slm_pin('slm')) = slm_extract(body, '["name"]') AS same FROM mail WHERE id = 1;
SELECT ord, extracted IS NULL AS null FROM slm_extract_batch(ARRAY['1 May 2025', 'no day', NULL, ''], '{"properties": {"d": {"format": "date"}}, "required": ["d"]}', on_error => 'null');
SELECT slm_extract(NULL, '["a"]') IS NULL AS null_input, (SELECT count(*) FROM slm_extract_spans(' ', '["a"]')) AS no_rows;
CREATE TABLE generated (body text, fields jsonb);
DO $$ BEGIN
    EXECUTE format('ALTER TABLE generated ADD COLUMN always jsonb GENERATED ALWAYS AS (slm_extract(body, ''["name"]'', slm_model %L)) STORED', slm_pin('slm'));
END $$;
INSERT INTO generated (body) VALUES ('the red box');
SELECT always = slm_extract(body, '["name"]') AS same FROM generated;
-- A long text is read in windows; the same call again is remembered.
SELECT slm_extract(repeat('the order is late, ', 200) || 'a@example.org', '{"properties": {"mail": {"format": "email"}}, "required": ["mail"]}');

-- Wrong calls.
SELECT error_of($$SELECT slm_extract('text', NULL)$$);
SELECT error_of($$SELECT slm_extract('text', '["a"]', 'tiny')$$);
SELECT error_of($$SELECT slm_extract('text', '["a"]', instructions => 'be brief')$$);
SELECT error_of($$SELECT slm_extract('text', '["a"]', on_error => 'skip')$$);
SELECT error_of($$SELECT slm_extract('text', '[]')$$);
SELECT error_of($$SELECT slm_extract('text', '"a"')$$);
SELECT error_of($$SELECT slm_extract('text', '1')$$);
SELECT error_of($$SELECT slm_extract('text', '{"properties": {"a": {"pattern": "^a"}}}')$$);
SELECT error_of($$SELECT slm_extract('text', '{"properties": {"a": {"format": "hostname"}}}')$$);
SELECT error_of($$SELECT slm_extract('text', (SELECT jsonb_agg('f' || i) FROM generate_series(1, 257) AS i))$$);
SELECT error_of($$SELECT slm_extract_spans('text', NULL)$$);
SELECT error_of($$SELECT slm_extract_batch('{text}', NULL)$$);

SELECT function, calls > 0 AS called, errors > 0 AS errors FROM slm_stat_calls WHERE function LIKE 'slm_extract%' AND model = 'slm' AND database = current_database() ORDER BY 1;
DROP TABLE mail, generated;
SELECT slm_drop_model('tiny') AS dropped \gset
SELECT slm_drop_model('slm') AS dropped \gset
DROP FUNCTION error_of;
