-- Taggers: columns that a model fills, from a queue and at once
\getenv folder PG_ABS_SRCDIR
\set error_of :folder '/sql/error_of.psql'
\i :error_of
SELECT slm_create_model('tiny', 'tiny-bert.gguf') AS created \gset
SELECT slm_create_model('tiny_slm', 'tiny-slm.gguf') AS created \gset
SELECT slm_create_model('strict', 'tiny-bert.gguf', '{"overflow": "error"}') AS created \gset
-- Queues are emptied here by hand; the worker comes later.
SET slm.tagger_worker = off;
SET slm.classify_model = 'tiny';

CREATE TABLE ticket (id int PRIMARY KEY, body text, label text, note text);
SELECT slm_create_tagger('ticket', 'body', 'label', 'classify', labels => '{delivery,account,refund}');
-- What was written, counted
CREATE TABLE audit (id int, old text, new text);
CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.audit VALUES (NEW.id, OLD.label, NEW.label); RETURN NULL; END $$;
CREATE TRIGGER audit AFTER UPDATE OF label ON ticket FOR EACH ROW EXECUTE FUNCTION audit();
CREATE FUNCTION wrong() RETURNS SETOF ticket LANGUAGE sql AS
$$ SELECT * FROM ticket WHERE label IS DISTINCT FROM slm_classify(body, '{delivery,account,refund}', 'tiny') ORDER BY id $$;

-- Rows are noted by every kind of statement, and tagged as a call would.
INSERT INTO ticket VALUES (1, 'the order arrived late'), (2, 'reset my password'), (3, NULL), (4, '  '), (5, 'please refund it');
COPY ticket (id, body) FROM STDIN;
6	my parcel is late
7	login failed again
\.
INSERT INTO ticket (id, body) VALUES (7, 'account and password'), (8, 'a refund please') ON CONFLICT (id) DO UPDATE SET body = excluded.body;
MERGE INTO ticket AS t USING (VALUES (8, 'where is the parcel'), (9, 'I want my refund')) AS v (id, body) ON t.id = v.id
WHEN MATCHED THEN UPDATE SET body = v.body WHEN NOT MATCHED THEN INSERT (id, body) VALUES (v.id, v.body);
WITH new AS (INSERT INTO ticket (id, body) VALUES (10, 'refund the order') RETURNING id) SELECT id FROM new;
SELECT key, count(*) FROM slm_tagger_queue GROUP BY key ORDER BY key[1]::int;
SELECT count(*) AS untagged FROM ticket WHERE label IS NULL;
CALL slm_drain_taggers();
SELECT * FROM wrong();
SELECT count(label) AS tagged, count(*) FROM ticket;
SELECT count(*) AS queued FROM slm_tagger_queue;
SELECT count(*) AS written, count(DISTINCT id) AS rows FROM audit;
TRUNCATE audit;

-- What does not change the source notes nothing, nor does the tagger's own writing.
UPDATE ticket SET note = 'seen';
UPDATE ticket SET body = body;
UPDATE ticket SET label = 'mine' WHERE id = 1;
INSERT INTO ticket (id, body) VALUES (1, 'x') ON CONFLICT DO NOTHING;
INSERT INTO ticket SELECT * FROM ticket WHERE false;
SELECT count(*) AS queued FROM slm_tagger_queue;
CALL slm_drain_taggers();
SELECT label FROM ticket WHERE id = 1;
TRUNCATE audit;

-- Another source, another key, rows that trade places: each row ends with the tag of its own text.
UPDATE ticket SET body = body || ' again' WHERE id IN (1, 2);
UPDATE ticket SET body = NULL WHERE id = 5;
UPDATE ticket SET id = 11 WHERE id = 6;
UPDATE ticket SET body = CASE id WHEN 7 THEN (SELECT body FROM ticket WHERE id = 8) ELSE (SELECT body FROM ticket WHERE id = 7) END WHERE id IN (7, 8);
INSERT INTO ticket VALUES (12, 'gone before it is tagged'), (13, 'gone, too');
DELETE FROM ticket WHERE id = 12;
UPDATE ticket SET id = 14, body = 'moved' WHERE id = 13;
BEGIN; INSERT INTO ticket VALUES (15, 'never there'); ROLLBACK;
BEGIN; SAVEPOINT s; INSERT INTO ticket VALUES (16, 'nor this'); ROLLBACK TO s; INSERT INTO ticket VALUES (17, 'but this'); COMMIT;
SELECT key[1]::int AS id FROM slm_tagger_queue ORDER BY 1;
CALL slm_drain_taggers();
SELECT * FROM wrong();
SELECT count(*) AS queued FROM slm_tagger_queue;
-- A row that was noted three times is written once.
TRUNCATE audit;
INSERT INTO ticket VALUES (18, 'one'); UPDATE ticket SET body = 'two' WHERE id = 18; UPDATE ticket SET body = 'the order' WHERE id = 18;
SELECT count(*) AS queued FROM slm_tagger_queue;
CALL slm_drain_taggers('ticket_label');
SELECT count(*) AS written FROM audit;
SELECT * FROM wrong();

-- A limit, and the view
INSERT INTO ticket (id, body) SELECT i, 'order ' || i FROM generate_series(100, 399) AS i;
CALL slm_drain_taggers(max_rows => 7);
SELECT state, queued, given_up, error FROM slm_taggers WHERE name = 'ticket_label';
CALL slm_drain_taggers();
SELECT name, relation, source, target, task, model, mode, state, queued, given_up, tagged > 300 AS tagged, worker FROM slm_taggers;
SELECT * FROM wrong();
DELETE FROM ticket WHERE id >= 100;

-- Paused: rows are noted, nothing is tagged.
SELECT slm_pause_tagger('ticket_label');
INSERT INTO ticket VALUES (20, 'my parcel');
CALL slm_drain_taggers();
SELECT state, queued FROM slm_taggers;
CALL slm_drain_taggers('ticket_label');
SELECT slm_resume_tagger('ticket_label');
CALL slm_drain_taggers();
SELECT * FROM wrong();

-- A trigger of the table that changes the source while the tagger writes: no ring.
CREATE FUNCTION louder() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.body := NEW.body || '!'; RETURN NEW; END $$;
CREATE TRIGGER louder BEFORE UPDATE OF label ON ticket FOR EACH ROW EXECUTE FUNCTION louder();
INSERT INTO ticket VALUES (21, 'quiet');
CALL slm_drain_taggers();
SELECT body FROM ticket WHERE id = 21;
SELECT count(*) AS queued FROM slm_tagger_queue;
DROP TRIGGER louder ON ticket;
-- One that updates another row: that one is noted.
CREATE FUNCTION neighbour() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE public.ticket SET body = 'refund' WHERE id = 1; RETURN NULL; END $$;
CREATE TRIGGER neighbour AFTER UPDATE OF label ON ticket FOR EACH ROW WHEN (NEW.id = 22) EXECUTE FUNCTION neighbour();
INSERT INTO ticket VALUES (22, 'login');
CALL slm_drain_taggers(max_rows => 1);
SELECT key FROM slm_tagger_queue;
CALL slm_drain_taggers();
SELECT * FROM wrong() WHERE id <> 21;
DROP TRIGGER neighbour ON ticket;

-- Rows that cannot be tagged: tried again later, then given up, with the reason.
SELECT slm_drop_tagger('ticket_label');
SELECT slm_create_tagger('ticket', 'body', 'label', 'classify', 'strict', '{delivery,account,refund}', max_attempts => 2, name => 'strict one');
INSERT INTO ticket VALUES (30, repeat('the order arrived late and ', 200)), (31, 'my parcel'), (32, repeat('refund ', 500));
CALL slm_drain_taggers();
SELECT id, label IS NOT NULL AS tagged FROM ticket WHERE id >= 30 ORDER BY id;
SELECT tagger, key, attempts, sqlstate, error, next_try > now() AS later, failed_at IS NOT NULL AS failed FROM slm_tagger_errors ORDER BY key;
CALL slm_drain_taggers();
SELECT attempts FROM slm_tagger_errors;
UPDATE slm_tagger_queue SET due = now();
CALL slm_drain_taggers();
SELECT key, attempts, next_try FROM slm_tagger_errors ORDER BY key;
SELECT state, queued, given_up FROM slm_taggers;
UPDATE ticket SET body = 'shorter' WHERE id = 30;
CALL slm_drain_taggers();
SELECT id, label IS NOT NULL AS tagged FROM ticket WHERE id >= 30 ORDER BY id;
SELECT slm_retry_tagger('strict one');
CALL slm_drain_taggers();
SELECT key, attempts, next_try IS NOT NULL AS later FROM slm_tagger_errors ORDER BY key;
SELECT slm_drop_tagger('strict one');
SELECT count(*) AS queued FROM slm_tagger_queue;
-- Where a row without an answer is no error
SELECT slm_create_tagger('ticket', 'body', 'label', 'classify', 'strict', '{delivery,account,refund}', on_error => 'null');
UPDATE ticket SET label = 'old', body = body || ' ' WHERE id >= 30;
CALL slm_drain_taggers();
SELECT id, label IS NOT NULL AS tagged FROM ticket WHERE id >= 30 ORDER BY id;
SELECT count(*) AS queued FROM slm_tagger_queue;
SELECT slm_drop_tagger('ticket_label');

-- What is wrong with the tagger is no row's fault.
SELECT slm_create_tagger('ticket', 'body', 'label', 'classify', labels => '{delivery,account,refund}');
UPDATE ticket SET body = 'parcel' WHERE id = 1;
ALTER SERVER tiny RENAME TO away;
CALL slm_drain_taggers();
SELECT key, attempts FROM slm_tagger_queue;
ALTER SERVER away RENAME TO tiny;
CALL slm_drain_taggers();
SELECT count(*) AS queued FROM slm_tagger_queue;
-- A pin that no longer holds
SELECT slm_drop_tagger('ticket_label');
SELECT slm_create_tagger('ticket', 'body', 'label', 'classify', slm_pin('tiny'), '{delivery,account,refund}');
SELECT model = slm_pin('tiny')::text AS pinned FROM slm_taggers;
UPDATE ticket SET body = 'order' WHERE id = 1;
ALTER SERVER tiny OPTIONS (ADD pooling 'cls');
\set VERBOSITY sqlstate
CALL slm_drain_taggers();
\set VERBOSITY default
ALTER SERVER tiny OPTIONS (DROP pooling);
CALL slm_drain_taggers();
SELECT * FROM wrong() WHERE id IN (1, 2);
SELECT slm_drop_tagger('ticket_label');

-- Every task, and columns of other types. What does not fit is the row's error.
CREATE TYPE kind AS ENUM ('delivery', 'account');
CREATE DOMAIN short AS varchar(7) CHECK (VALUE <> 'account');
CREATE TABLE tasks (id int PRIMARY KEY, body varchar(500), kind kind, short short, fields jsonb, fields_text text, summary text, vector real[], numbers float8[], of_summary real[]);
SELECT slm_create_tagger('tasks', 'body', 'kind', 'classify', labels => '{delivery,account,refund}', descriptions => '{"account": "login and password"}', max_attempts => 1);
SELECT slm_create_tagger('tasks', 'body', 'short', 'classify', labels => '{delivery,account,refund}', max_attempts => 1);
SELECT slm_create_tagger('tasks', 'body', 'fields', 'extract', 'tiny_slm', schema => '{"price": "number"}');
SELECT slm_create_tagger('tasks', 'body', 'fields_text', 'extract', slm_pin('tiny_slm'), schema => '{"price": "number"}');
SELECT slm_create_tagger('tasks', 'body', 'summary', 'summarize', 'tiny', max_words => 5);
SELECT slm_create_tagger('tasks', 'body', 'vector', 'embed', 'tiny', purpose => 'query');
SELECT slm_create_tagger('tasks', 'body', 'numbers', 'embed', 'tiny');
SELECT slm_create_tagger('tasks', 'summary', 'of_summary', 'embed', 'tiny');
INSERT INTO tasks (id, body) VALUES (1, 'The order costs $12.50. It was late. Please refund it.'), (2, 'Reset my password. The login failed again and again.'), (3, NULL), (4, 'my parcel is late');
CALL slm_drain_taggers();
CALL slm_drain_taggers();
SELECT id, fields = slm_extract(body, '{"price": "number"}', 'tiny_slm') AS fields, fields_text = fields::text AS fields_text,
    summary = slm_summarize(body, 5, 'tiny') AS summary, vector = slm_embed(body, 'tiny', 'query') AS vector,
    numbers::real[] = slm_embed(body, 'tiny') AS numbers, of_summary = slm_embed(summary, 'tiny') AS of_summary FROM tasks ORDER BY id;
WITH label AS (SELECT id, body, slm_classify(body, '{delivery,account,refund}', 'tiny', '{"account": "login and password"}') AS kind, slm_classify(body, '{delivery,account,refund}', 'tiny') AS short FROM tasks)
SELECT bool_and(t.kind::text IS NOT DISTINCT FROM CASE WHEN l.kind <> 'refund' THEN l.kind END) AS kinds,
    bool_and(t.short IS NOT DISTINCT FROM CASE WHEN l.short = 'refund' THEN l.short END) AS shorts FROM tasks AS t JOIN label AS l USING (id);
SELECT DISTINCT tagger, sqlstate, error FROM slm_tagger_errors ORDER BY tagger, error;
DROP TABLE tasks;
SELECT count(*) AS taggers FROM slm_taggers;
SELECT count(*) AS queued FROM slm_tagger_queue;
DROP TYPE kind;
DROP DOMAIN short;

-- Keys of any type and number of columns, written and read under other settings
CREATE TYPE size AS ENUM ('small', 'large');
CREATE TABLE keys (a text, b timestamptz, c float8, d date, e interval, f size, g uuid, h numeric(9,2), i bytea, body text, label text, PRIMARY KEY (b, a, c, d, e, f, g, h, i));
SELECT slm_create_tagger('keys', 'body', 'label', 'classify', labels => '{delivery,account,refund}');
SET datestyle = 'SQL, DMY'; SET intervalstyle = 'sql_standard'; SET extra_float_digits = 0; SET timezone = 'Asia/Tokyo'; SET bytea_output = 'escape';
INSERT INTO keys SELECT 'it''s "{' || i || ',}\', '2024-02-01 03:04:05.678901+00'::timestamptz + i * interval '1 day', 0.1::float8 + 0.2::float8 + i, '2024-02-03'::date + i,
    '1 mon -2 days 03:04:05.6', (ARRAY['small', 'large']::size[])[1 + i % 2], '00000000-0000-0000-0000-0000000000ff', i + 0.25, '\x00ff5c27', 'order ' || i FROM generate_series(1, 40) AS i;
RESET datestyle; RESET intervalstyle; RESET extra_float_digits; RESET timezone; RESET bytea_output;
SELECT key FROM slm_tagger_queue ORDER BY key LIMIT 1;
CALL slm_drain_taggers();
SELECT count(*) AS wrong FROM keys WHERE label IS DISTINCT FROM slm_classify(body, '{delivery,account,refund}', 'tiny');
SELECT count(*) AS queued FROM slm_tagger_queue;
UPDATE keys SET label = NULL;
CALL slm_tag_backfill('keys_label');
SELECT count(*) AS wrong FROM keys WHERE label IS DISTINCT FROM slm_classify(body, '{delivery,account,refund}', 'tiny');
-- The key changes its columns: what was queued by the old one does not fit.
INSERT INTO keys SELECT 'new', b, c, d, e, f, g, h, i, body FROM keys LIMIT 1;
ALTER TABLE keys DROP CONSTRAINT keys_pkey;
INSERT INTO keys VALUES ('no key', now(), 1, '2024-01-01', '1 day', 'small', '00000000-0000-0000-0000-000000000000', 1, '', 'noted nowhere');
ALTER TABLE keys ADD PRIMARY KEY (a, b);
CALL slm_drain_taggers();
SELECT sqlstate, error FROM slm_tagger_errors;
CALL slm_tag_backfill('keys_label');
SELECT count(*) AS wrong FROM keys WHERE label IS DISTINCT FROM slm_classify(body, '{delivery,account,refund}', 'tiny');
DROP TABLE keys;
DROP TYPE size;

-- At once
SELECT slm_create_tagger('ticket', 'body', 'label', 'classify', labels => '{delivery,account,refund}', mode => 'immediate');
INSERT INTO ticket (id, body) VALUES (40, 'the order arrived late'), (41, NULL), (42, ' '), (43, 'reset my password') RETURNING id, label = slm_classify(body, '{delivery,account,refund}') AS tagged;
UPDATE ticket SET body = 'refund' WHERE id = 40 RETURNING label = slm_classify('refund', '{delivery,account,refund}') AS tagged;
UPDATE ticket SET label = 'mine' WHERE id = 40 RETURNING label;
UPDATE ticket SET note = 'x', body = body WHERE id = 40 RETURNING label;
UPDATE ticket SET body = NULL WHERE id = 40 RETURNING label;
SELECT error_of($$SELECT slm_pause_tagger('ticket_label')$$);
SELECT count(*) AS queued FROM slm_tagger_queue;
UPDATE ticket SET label = NULL;
CALL slm_tag_backfill('ticket_label');
SELECT * FROM wrong();
SELECT slm_drop_tagger('ticket_label');
CREATE TYPE kind AS ENUM ('delivery', 'account', 'refund');
ALTER TABLE ticket ADD kind kind, ADD fields jsonb, ADD vector real[];
SELECT slm_create_tagger('ticket', 'body', 'kind', 'classify', 'strict', '{delivery,account,refund}', mode => 'immediate');
SELECT slm_create_tagger('ticket', 'body', 'fields', 'extract', 'tiny_slm', schema => '{"price": "number"}', mode => 'immediate');
SELECT slm_create_tagger('ticket', 'body', 'vector', 'embed', slm_pin('tiny'), mode => 'immediate');
INSERT INTO ticket (id, body) VALUES (44, 'It costs $5.25 or so')
RETURNING kind::text = slm_classify(body, '{delivery,account,refund}') AS kind, fields = slm_extract(body, '{"price": "number"}', 'tiny_slm') AS fields, vector = slm_embed(body, 'tiny') AS vector;
SELECT error_of($$INSERT INTO ticket (id, body) VALUES (45, repeat('the order arrived late and ', 200))$$);
DROP FUNCTION wrong;
DROP TABLE ticket;
DROP TYPE kind;

-- Rows that were there before
CREATE TABLE old (id bigint PRIMARY KEY, body text, label text);
INSERT INTO old SELECT i, CASE WHEN i % 10 > 0 THEN 'order ' || i END, CASE WHEN i % 7 = 0 THEN 'mine' END FROM generate_series(1, 700) AS i;
SELECT slm_create_tagger('old', 'body', 'label', 'classify', labels => '{delivery,account,refund}', max_attempts => 1);
CALL slm_tag_backfill('old_label');
SELECT count(*) FILTER (WHERE label = 'mine') AS mine, count(*) FILTER (WHERE label IS DISTINCT FROM slm_classify(body, '{delivery,account,refund}', 'tiny') AND label <> 'mine') AS wrong FROM old;
SELECT backfill_rows, backfill_finished, tagged FROM slm_taggers;
-- All of them, and one that fails
UPDATE old SET label = NULL WHERE id = 123;
ALTER TABLE old ADD CONSTRAINT no_123 CHECK (id <> 123 OR label IS NULL) NOT VALID;
CALL slm_tag_backfill('old_label', all_rows => true);
SELECT count(*) FILTER (WHERE label IS DISTINCT FROM slm_classify(body, '{delivery,account,refund}', 'tiny')) AS wrong FROM old WHERE id <> 123;
SELECT key, attempts, sqlstate, error, next_try FROM slm_tagger_errors;
ALTER TABLE old DROP CONSTRAINT no_123;
-- One that was interrupted goes on.
UPDATE old SET label = NULL;
UPDATE slm_tagger_backfill SET key = '{600}', seen = 600, finished_at = NULL;
CALL slm_tag_backfill('old_label', true);
SELECT count(label) AS tagged, backfill_rows FROM old, slm_taggers GROUP BY backfill_rows;
UPDATE old SET label = NULL;
UPDATE slm_tagger_backfill SET key = '{600}', seen = 600, finished_at = NULL;
CALL slm_tag_backfill('old_label', true, restart => true);
SELECT count(label) AS tagged, backfill_rows FROM old, slm_taggers GROUP BY backfill_rows;
DROP TABLE old;

-- Partitions: statements on the partitioned table are seen, those on a partition are not, unless rows are tagged at once.
CREATE TABLE parted (id int, part int, body text, label text, label2 text, PRIMARY KEY (part, id)) PARTITION BY LIST (part);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1);
CREATE TABLE parted_2 (part int NOT NULL, label2 text, id int NOT NULL, label text, body text);
ALTER TABLE parted ATTACH PARTITION parted_2 FOR VALUES IN (2);
SELECT slm_create_tagger('parted', 'body', 'label', 'classify', labels => '{delivery,account,refund}');
SELECT slm_create_tagger('parted', 'body', 'label2', 'classify', labels => '{delivery,account,refund}', mode => 'immediate');
INSERT INTO parted (id, part, body) VALUES (1, 1, 'order'), (2, 2, 'login'), (3, 2, 'refund');
INSERT INTO parted_2 (id, part, body) VALUES (4, 2, 'parcel');
UPDATE parted SET part = 3 - part WHERE id IN (1, 2);
CALL slm_drain_taggers();
SELECT id, part, label IS NOT NULL AS tagged, label2 = slm_classify(body, '{delivery,account,refund}', 'tiny') AS at_once FROM parted ORDER BY id;
CALL slm_tag_backfill('parted_label');
SELECT count(*) AS wrong FROM parted WHERE label IS DISTINCT FROM slm_classify(body, '{delivery,account,refund}', 'tiny');
DROP TABLE parted;

-- The worker does it by itself.
CREATE FUNCTION wait_until(query text) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE
    done bool;
BEGIN
    FOR i IN 1 .. 1000 LOOP
        EXECUTE query INTO done;
        IF done THEN RETURN true; END IF;
        PERFORM pg_sleep(0.02), pg_stat_clear_snapshot();
    END LOOP;
    RETURN false;
END $$;
RESET slm.tagger_worker;
CREATE TABLE work (id int PRIMARY KEY, body text, label text);
SELECT slm_create_tagger('work', 'body', 'label', 'classify', labels => '{delivery,account,refund}');
INSERT INTO work SELECT i, 'order ' || i FROM generate_series(1, 500) AS i;
SELECT wait_until('SELECT queued = 0 FROM slm_taggers') AS emptied;
SELECT count(*) AS wrong FROM work WHERE label IS DISTINCT FROM slm_classify(body, '{delivery,account,refund}', 'tiny');
SELECT wait_until('SELECT state = ''idle'' FROM pg_stat_activity WHERE pid = slm_tagger_worker()') AS idle;
SELECT backend_type, datname = current_database() AS here, query FROM pg_stat_activity WHERE pid = slm_tagger_worker();
SELECT slm_run_taggers() = slm_tagger_worker() AS same;
SELECT slm_pause_tagger('work_label');
SELECT wait_until('SELECT state = ''idle'' FROM pg_stat_activity WHERE pid = slm_tagger_worker()') AS idle;
UPDATE work SET label = NULL, body = body || ' again' WHERE id <= 10;
SELECT pg_sleep(0.2);
SELECT count(*) AS untagged FROM work WHERE label IS NULL;
SELECT slm_resume_tagger('work_label');
SELECT wait_until('SELECT queued = 0 FROM slm_taggers') AS emptied;
SELECT count(*) AS wrong FROM work WHERE label IS DISTINCT FROM slm_classify(body, '{delivery,account,refund}', 'tiny');
-- Ended, it is there again with the next row.
SELECT pg_terminate_backend(slm_tagger_worker()) AS ended, wait_until('SELECT slm_tagger_worker() IS NULL') AS gone;
UPDATE work SET body = 'another' WHERE id = 1;
SELECT wait_until('SELECT queued = 0 FROM slm_taggers') AS emptied;
-- What is wrong with a tagger stands beside it.
ALTER SERVER tiny RENAME TO away;
UPDATE work SET body = 'yet another' WHERE id = 1;
SELECT wait_until('SELECT state = ''failing'' FROM slm_taggers') AS failing;
SELECT queued, sqlstate, error, retry_at > now() AS later FROM slm_taggers;
ALTER SERVER away RENAME TO tiny;
SELECT slm_resume_tagger('work_label');
SELECT wait_until('SELECT queued = 0 FROM slm_taggers') AS emptied;
SELECT state, error FROM slm_taggers;
SELECT count(*) AS wrong FROM work WHERE label IS DISTINCT FROM slm_classify(body, '{delivery,account,refund}', 'tiny');
SELECT slm_pause_tagger('work_label');
UPDATE work SET body = 'not any more' WHERE id = 1;
DROP TRIGGER slm_tag_work_label_insert ON work;
DROP TRIGGER slm_tag_work_label_update ON work;
SELECT slm_resume_tagger('work_label');
SELECT wait_until('SELECT error IS NOT NULL FROM slm_taggers') AS failing;
SELECT state, queued, sqlstate, error FROM slm_taggers;
SELECT pg_terminate_backend(slm_tagger_worker()) AS ended, wait_until('SELECT slm_tagger_worker() IS NULL') AS gone;
DROP TABLE work;
SELECT count(*) AS left FROM (SELECT FROM slm_tagger UNION ALL SELECT FROM slm_tagger_queue UNION ALL SELECT FROM slm_tagger_progress UNION ALL SELECT FROM slm_tagger_backfill) AS l;

SELECT slm_drop_model(name::text) FROM slm_models WHERE name <> 'slm_base' ORDER BY name;
DROP TABLE audit;
DROP FUNCTION wait_until, audit, louder, neighbour, error_of;
