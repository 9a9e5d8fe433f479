-- Taggers: who may do what, what is refused, what follows when tables change, and what a table's triggers cannot do
\getenv folder PG_ABS_SRCDIR
\set error_of :folder '/sql/error_of.psql'
\i :error_of
SELECT slm_create_model('tiny', 'tiny-bert.gguf') AS created \gset
SET slm.tagger_worker = off;
SET slm.classify_model = 'tiny';

-- What is refused
CREATE TABLE ticket (id int PRIMARY KEY, body text, label text, made text GENERATED ALWAYS AS (upper(body)) STORED, n int, vector real[], other text);
CREATE TABLE no_key (id int, body text, label text);
CREATE TABLE late_key (id int PRIMARY KEY DEFERRABLE, body text, label text);
CREATE TABLE odd_key (id regclass PRIMARY KEY, body text, label text);
CREATE TEMP TABLE temporary (id int PRIMARY KEY, body text, label text);
CREATE VIEW seen AS SELECT * FROM ticket;
SELECT error_of($$SELECT slm_create_tagger(NULL, 'body', 'label', 'classify', labels => '{a,b}')$$);
SELECT error_of($$SELECT slm_create_tagger('ticket', NULL, 'label', 'classify', labels => '{a,b}')$$);
SELECT error_of($$SELECT slm_create_tagger('ticket', 'body', 'label', NULL, labels => '{a,b}')$$);
SELECT error_of($$SELECT slm_create_tagger('nothing', 'body', 'label', 'classify', labels => '{a,b}')$$);
SELECT error_of($$SELECT slm_create_tagger('ticket', 'text', 'label', 'classify', labels => '{a,b}')$$);
SELECT error_of($$SELECT slm_create_tagger('ticket', 'body', 'tag', 'classify', labels => '{a,b}')$$);
SELECT error_of($$SELECT slm_create_tagger('ticket', 'body', 'ctid', 'classify', labels => '{a,b}')$$);
SELECT error_of($$SELECT slm_create_tagger('ticket', 'body', 'body', 'classify', labels => '{a,b}')$$);
SELECT error_of($$SELECT slm_create_tagger('ticket', 'body', 'made', 'classify', labels => '{a,b}')$$);
SELECT error_of($$SELECT slm_create_tagger('ticket', 'made', 'label', 'classify', labels => '{a,b}', mode => 'immediate')$$);
SELECT error_of($$SELECT slm_create_tagger('ticket', 'n', 'label', 'classify', labels => '{a,b}')$$);
SELECT error_of($$SELECT slm_create_tagger('ticket', 'body', 'vector', 'classify', labels => '{a,b}')$$);
SELECT error_of($$SELECT slm_create_tagger('ticket', 'body', 'n', 'embed')$$);
SELECT error_of($$SELECT slm_create_tagger('no_key', 'body', 'label', 'classify', labels => '{a,b}')$$);
SELECT error_of($$SELECT slm_create_tagger('late_key', 'body', 'label', 'classify', labels => '{a,b}')$$);
SELECT error_of($$SELECT slm_create_tagger('odd_key', 'body', 'label', 'classify', labels => '{a,b}')$$);
SELECT error_of($$SELECT slm_create_tagger('temporary', 'body', 'label', 'classify', labels => '{a,b}')$$);
SELECT error_of($$SELECT slm_create_tagger('seen', 'body', 'label', 'classify', labels => '{a,b}')$$);
SELECT error_of($$SELECT slm_create_tagger('pg_description', 'description', 'description', 'classify', labels => '{a,b}')$$);
SELECT error_of($$SELECT slm_create_tagger('ticket', 'body', 'label', 'guess')$$);
SELECT error_of($$SELECT slm_create_tagger('ticket', 'body', 'label', 'classify')$$);
SELECT error_of($$SELECT slm_create_tagger('ticket', 'body', 'label', 'classify', labels => '{a}')$$);
SELECT error_of($$SELECT slm_create_tagger('ticket', 'body', 'label', 'classify', labels => '{a,b}', max_words => 3)$$);
SELECT error_of($$SELECT slm_create_tagger('ticket', 'body', 'label', 'summarize', labels => '{a,b}')$$);
SELECT error_of($$SELECT slm_create_tagger('ticket', 'body', 'label', 'extract')$$);
SELECT error_of($$SELECT slm_create_tagger('ticket', 'body', 'label', 'classify', 'nothing', '{a,b}')$$);
SELECT error_of($$SELECT slm_create_tagger('ticket', 'body', 'label', 'classify', labels => '{a,b}', mode => 'later')$$);
SELECT error_of($$SELECT slm_create_tagger('ticket', 'body', 'label', 'classify', labels => '{a,b}', on_error => 'later')$$);
SELECT error_of($$SELECT slm_create_tagger('ticket', 'body', 'label', 'classify', labels => '{a,b}', max_attempts => 0)$$);
SELECT error_of($$SELECT slm_create_tagger('ticket', 'body', 'label', 'classify', labels => '{a,b}', max_attempts => 101)$$);
SELECT slm_create_tagger('ticket', 'body', 'label', 'classify', labels => '{a,b}', max_attempts => 100, name => repeat('n', 63)) = repeat('n', 63) AS longest;
SELECT slm_drop_tagger(repeat('n', 63));
SELECT error_of($$SELECT slm_create_tagger('ticket', 'body', 'label', 'classify', labels => '{a,b}', name => repeat('n', 64))$$);
SELECT error_of($$SELECT slm_create_tagger('ticket', 'body', 'label', 'classify', labels => '{a,b}', name => '')$$);
SELECT slm_create_tagger('ticket', 'body', 'label', 'classify', labels => '{a,b}');
SELECT error_of($$SELECT slm_create_tagger('ticket', 'body', 'other', 'classify', labels => '{a,b}', name => 'ticket_label')$$);
SELECT error_of($$SELECT slm_create_tagger('ticket', 'body', 'label', 'classify', labels => '{a,b}', name => 'another')$$);
SELECT slm_create_tagger('ticket', 'label', 'other', 'classify', labels => '{a,b}');
SELECT error_of($$SELECT slm_create_tagger('ticket', 'other', 'body', 'summarize')$$);
SELECT error_of($$SELECT slm_drop_tagger('nothing')$$);
SELECT error_of($$SELECT slm_pause_tagger('nothing')$$);
SELECT error_of($$SELECT slm_retry_tagger('nothing')$$);
CALL slm_drain_taggers('nothing');
CALL slm_tag_backfill('nothing');
CALL slm_tag_backfill(NULL);
BEGIN; CALL slm_drain_taggers(); ROLLBACK;
BEGIN; CALL slm_tag_backfill('ticket_label'); ROLLBACK;
SET default_transaction_isolation = 'repeatable read';
CALL slm_drain_taggers();
RESET default_transaction_isolation;
SELECT error_of($$SELECT slm_taggers_follow()$$);
SELECT slm_drop_tagger('ticket_other');
DROP TABLE no_key, late_key, odd_key, temporary;
DROP VIEW seen;

-- Triggers made by hand: for other statements, without a tagger, on another table.
CREATE TABLE copy (LIKE ticket INCLUDING ALL);
CREATE TRIGGER t AFTER INSERT ON copy FOR EACH ROW EXECUTE FUNCTION slm_tagger_enqueue('ticket_label');
SELECT error_of($$INSERT INTO copy VALUES (1)$$);
CREATE OR REPLACE TRIGGER t AFTER INSERT ON copy FOR EACH STATEMENT EXECUTE FUNCTION slm_tagger_enqueue('ticket_label');
SELECT error_of($$INSERT INTO copy VALUES (1)$$);
CREATE OR REPLACE TRIGGER t AFTER DELETE ON copy REFERENCING OLD TABLE AS o FOR EACH STATEMENT EXECUTE FUNCTION slm_tagger_enqueue('ticket_label');
SELECT error_of($$DELETE FROM copy$$);
CREATE OR REPLACE TRIGGER t AFTER INSERT ON copy FOR EACH ROW EXECUTE FUNCTION slm_tagger_at_once('ticket_label');
SELECT error_of($$INSERT INTO copy VALUES (1)$$);
CREATE OR REPLACE TRIGGER t AFTER INSERT ON copy REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION slm_tagger_enqueue('ticket_label');
INSERT INTO copy VALUES (1, 'x');
CREATE OR REPLACE TRIGGER t BEFORE INSERT ON copy FOR EACH ROW EXECUTE FUNCTION slm_tagger_at_once();
INSERT INTO copy VALUES (2, 'x');
SELECT count(*) AS queued FROM slm_tagger_queue;
DROP TABLE copy;

-- Roles: a tagger is its table's owner's; who writes rows needs no rights but on the table.
CREATE ROLE slm_owner;
CREATE ROLE slm_member IN ROLE slm_owner;
CREATE ROLE slm_writer;
CREATE ROLE slm_watcher IN ROLE pg_read_all_stats;
GRANT CREATE ON SCHEMA public TO slm_owner;
DROP TABLE ticket;
SET ROLE slm_owner;
CREATE TABLE ticket (id int PRIMARY KEY, body text, label text, kind text);
GRANT ALL ON ticket TO slm_writer;
SELECT error_of($$SELECT slm_create_tagger('ticket', 'body', 'label', 'classify', labels => '{a,b}')$$);
RESET ROLE;
GRANT USAGE ON FOREIGN SERVER tiny TO slm_owner;
SET ROLE slm_writer;
SELECT error_of($$SELECT slm_create_tagger('ticket', 'body', 'label', 'classify', labels => '{a,b}')$$);
SET ROLE slm_member;
SELECT slm_create_tagger('ticket', 'body', 'label', 'classify', labels => '{a,b}');
SELECT slm_create_tagger('ticket', 'body', 'kind', 'classify', labels => '{c,d}', mode => 'immediate');
SET ROLE slm_writer;
INSERT INTO ticket (id, body) VALUES (1, 'my order'), (2, 'my parcel');
UPDATE ticket SET body = 'my refund' WHERE id = 2;
SELECT error_of($$SELECT slm_classify('x', '{a,b}')$$);
SELECT error_of($$SELECT * FROM slm_tagger_queue$$);
SELECT error_of($$SELECT * FROM slm_tagger$$);
SELECT error_of($$SELECT slm_drop_tagger('ticket_label')$$);
SELECT error_of($$SELECT slm_pause_tagger('ticket_label')$$);
SELECT error_of($$SELECT slm_resume_tagger('ticket_label')$$);
SELECT error_of($$SELECT slm_retry_tagger('ticket_label')$$);
CALL slm_drain_taggers('ticket_label');
CALL slm_tag_backfill('ticket_label');
CALL slm_drain_taggers();
SELECT count(*) FROM slm_taggers;
SET ROLE slm_watcher;
SELECT name, queued FROM slm_taggers ORDER BY name;
SELECT count(*) FROM slm_tagger_errors;
SET ROLE slm_member;
CALL slm_drain_taggers();
SELECT name, state, queued, tagged FROM slm_taggers ORDER BY name;
RESET ROLE;
SELECT id, label = slm_classify(body, '{a,b}') AS label, kind = slm_classify(body, '{c,d}') AS kind FROM ticket ORDER BY id;
SELECT role, rows FROM slm_stat_calls WHERE role = 'slm_owner' AND model = 'tiny' AND function = 'slm_classify';
-- The owner loses the model, or his rights on his table.
REVOKE USAGE ON FOREIGN SERVER tiny FROM slm_owner;
SET ROLE slm_writer;
SELECT error_of($$INSERT INTO ticket (id, body) VALUES (3, 'a parcel')$$);
RESET ROLE;
ALTER TABLE ticket DISABLE TRIGGER slm_tag_ticket_kind;
SELECT name, state FROM slm_taggers ORDER BY name;
INSERT INTO ticket (id, body) VALUES (3, 'a parcel');
CALL slm_drain_taggers();
GRANT USAGE ON FOREIGN SERVER tiny TO slm_owner;
CALL slm_drain_taggers();
SELECT count(*) AS queued FROM slm_tagger_queue;
REVOKE UPDATE ON ticket FROM slm_owner;
UPDATE ticket SET body = 'some parcel' WHERE id = 3;
CALL slm_drain_taggers();
REVOKE SELECT ON ticket FROM slm_owner;
CALL slm_drain_taggers();
SELECT key, attempts FROM slm_tagger_queue;
GRANT ALL ON ticket TO slm_owner;
CALL slm_drain_taggers();
SELECT label = slm_classify(body, '{a,b}') AS label FROM ticket WHERE id = 3;
ALTER TABLE ticket ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
UPDATE ticket SET body = 'the parcel' WHERE id = 3;
CALL slm_drain_taggers();
ALTER TABLE ticket NO FORCE ROW LEVEL SECURITY;
CALL slm_drain_taggers();
SELECT label = slm_classify(body, '{a,b}') AS label FROM ticket WHERE id = 3;
-- Another owner is the one it runs as from then on.
ALTER TABLE ticket OWNER TO slm_writer;
UPDATE ticket SET body = 'that parcel' WHERE id = 3;
CALL slm_drain_taggers();
ALTER TABLE ticket OWNER TO slm_owner;
CALL slm_drain_taggers();
SELECT label = slm_classify(body, '{a,b}') AS label FROM ticket WHERE id = 3;
SELECT slm_drop_tagger('ticket_kind');

-- Triggers of the table run as its owner, whoever drains, and cannot become more.
SET ROLE slm_owner;
CREATE TABLE notes (id serial, who name, note text);
CREATE FUNCTION evil() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.notes (who, note) VALUES (current_user, TG_NAME || ' ' || current_setting('search_path'));
    IF TG_ARGV[0] <> '' THEN
        BEGIN
            EXECUTE TG_ARGV[0];
            INSERT INTO public.notes (who, note) VALUES (current_user, 'did it');
        EXCEPTION WHEN OTHERS THEN
            INSERT INTO public.notes (who, note) VALUES (current_user, SQLSTATE || ' ' || SQLERRM);
        END;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER a_role AFTER UPDATE ON ticket FOR EACH ROW EXECUTE FUNCTION evil('RESET ROLE');
CREATE TRIGGER b_session AFTER UPDATE ON ticket FOR EACH ROW EXECUTE FUNCTION evil('SET SESSION AUTHORIZATION postgres');
CREATE TRIGGER c_temp AFTER UPDATE ON ticket FOR EACH ROW EXECUTE FUNCTION evil('CREATE TEMP TABLE pg_class (a int)');
CREATE TRIGGER d_path AFTER UPDATE ON ticket FOR EACH ROW EXECUTE FUNCTION evil('SET search_path = nowhere; SET datestyle = ''German''; SET slm.classify_model = ''none''');
CREATE TRIGGER e_queue AFTER UPDATE ON ticket FOR EACH ROW EXECUTE FUNCTION evil('DELETE FROM public.slm_tagger_queue');
CREATE CONSTRAINT TRIGGER f_late AFTER UPDATE ON ticket DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION evil('');
CREATE CONSTRAINT TRIGGER g_later AFTER UPDATE ON ticket DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION evil('SET CONSTRAINTS ALL DEFERRED; UPDATE public.ticket SET body = body WHERE id = 1');
RESET ROLE;
INSERT INTO ticket (id, body) VALUES (4, 'a login');
CALL slm_drain_taggers();
SELECT label = slm_classify(body, '{a,b}') AS label FROM ticket WHERE id = 4;
SELECT who, note FROM notes ORDER BY id;
SHOW search_path;
SHOW datestyle;
SHOW slm.classify_model;
SELECT key, sqlstate, error FROM slm_tagger_errors;
-- Nor can what the planner evaluates.
SET ROLE slm_owner;
DROP FUNCTION evil CASCADE;
CREATE FUNCTION evil(int) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'evaluated as %', current_user; RETURN ''; END $$;
CREATE DOMAIN tag AS text CHECK (VALUE <> evil(1));
ALTER TABLE ticket ADD tag tag;
RESET ROLE;
SELECT slm_create_tagger('ticket', 'body', 'tag', 'classify', labels => '{a,b}');
INSERT INTO ticket (id, body) VALUES (10, 'a login');
\c -
SET slm.tagger_worker = off;
SET slm.classify_model = 'tiny';
CALL slm_drain_taggers();
SELECT slm_drop_tagger('ticket_tag');
ALTER TABLE ticket DROP COLUMN tag;
DROP DOMAIN tag;
-- One that raises costs its row only.
SET ROLE slm_owner;
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not row %', NEW.id USING DETAIL = 'a detail ' || NEW.body; END $$;
CREATE TRIGGER refuse BEFORE UPDATE OF label ON ticket FOR EACH ROW WHEN (NEW.id = 6) EXECUTE FUNCTION refuse();
CREATE FUNCTION pass_by() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER pass_by BEFORE UPDATE OF label ON ticket FOR EACH ROW WHEN (NEW.id = 7) EXECUTE FUNCTION pass_by();
INSERT INTO ticket (id, body) VALUES (5, 'an order'), (6, 'two orders'), (7, 'three orders');
CALL slm_drain_taggers();
SELECT id, label IS NOT NULL AS tagged FROM ticket WHERE id >= 5 ORDER BY id;
SELECT key, sqlstate, error FROM slm_tagger_errors;
RESET ROLE;

-- Names change, and the tagger goes along.
DROP TRIGGER refuse ON ticket;
DROP TRIGGER pass_by ON ticket;
SELECT slm_drop_tagger('ticket_label');
SELECT slm_create_tagger('ticket', 'body', 'label', 'classify', labels => '{a,b}');
CREATE SCHEMA elsewhere AUTHORIZATION slm_owner;
ALTER TABLE ticket RENAME TO "odd ""table";
ALTER TABLE "odd ""table" SET SCHEMA elsewhere;
ALTER TABLE elsewhere."odd ""table" RENAME body TO "the ""text";
ALTER TABLE elsewhere."odd ""table" RENAME COLUMN label TO "Label";
ALTER TABLE elsewhere."odd ""table" RENAME COLUMN id TO "key one";
SELECT relation, source, target FROM slm_taggers;
INSERT INTO elsewhere."odd ""table" VALUES (8, 'a parcel');
CALL slm_drain_taggers();
SELECT "Label" = slm_classify("the ""text", '{a,b}') AS label FROM elsewhere."odd ""table" WHERE "key one" = 8;
-- A renaming that was rolled back
BEGIN; ALTER TABLE elsewhere."odd ""table" RENAME "the ""text" TO body; ROLLBACK;
SELECT source FROM slm_taggers;
-- Types change.
ALTER TABLE elsewhere."odd ""table" ALTER "key one" TYPE bigint, ALTER "the ""text" TYPE varchar, ALTER "Label" TYPE varchar(10);
INSERT INTO elsewhere."odd ""table" VALUES (9000000000, 'a parcel');
CALL slm_drain_taggers();
SELECT "Label" = slm_classify("the ""text", '{a,b}') AS label FROM elsewhere."odd ""table" WHERE "key one" = 9000000000;
ALTER TABLE elsewhere."odd ""table" ALTER "Label" TYPE int USING NULL;
UPDATE elsewhere."odd ""table" SET "the ""text" = 'two parcels' WHERE "key one" = 8;
CALL slm_drain_taggers();
ALTER TABLE elsewhere."odd ""table" ALTER "Label" TYPE text;
-- Without its triggers it does nothing.
DROP TRIGGER slm_tag_ticket_label_insert ON elsewhere."odd ""table";
DROP TRIGGER slm_tag_ticket_label_update ON elsewhere."odd ""table";
SELECT state, queued FROM slm_taggers;
CALL slm_drain_taggers();
CALL slm_drain_taggers('ticket_label');
SELECT slm_drop_tagger('ticket_label');

-- Columns and tables go, in every way, and the tagger with them.
CREATE FUNCTION left_over() RETURNS bigint LANGUAGE sql AS $$
    SELECT count(*) FROM (SELECT name FROM slm_tagger UNION ALL SELECT tagger FROM slm_tagger_queue UNION ALL SELECT tagger FROM slm_tagger_progress UNION ALL SELECT tagger FROM slm_tagger_backfill
        UNION ALL SELECT tgname FROM pg_trigger WHERE tgname ^@ 'slm_tag') AS l $$;
CREATE FUNCTION make(name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TABLE %s (id int PRIMARY KEY, body text, label text)', name);
    PERFORM slm_create_tagger(name::regclass, 'body', 'label', 'classify', labels => '{a,b}', name => 't');
    EXECUTE format('INSERT INTO %s VALUES (1, ''order'')', name);
END $$;
SELECT make('t1');
BEGIN; ALTER TABLE t1 DROP COLUMN body; SELECT left_over(); ROLLBACK;
SELECT left_over();
ALTER TABLE t1 DROP COLUMN body;
SELECT left_over();
INSERT INTO t1 VALUES (2);
SELECT make('t2');
ALTER TABLE t2 DROP COLUMN label;
SELECT left_over();
SELECT make('t3');
DROP TABLE t3;
SELECT left_over();
CREATE SCHEMA s;
SELECT make('s.t4');
SET client_min_messages = warning;
DROP SCHEMA s CASCADE;
SELECT left_over();
SELECT make('t5');
ALTER TABLE t5 OWNER TO slm_writer;
DROP OWNED BY slm_writer CASCADE;
SELECT left_over();
CREATE DOMAIN d AS text;
CREATE TABLE t6 (id int PRIMARY KEY, body text, label d);
SELECT slm_create_tagger('t6', 'body', 'label', 'classify', labels => '{a,b}');
DROP DOMAIN d CASCADE;
SELECT left_over();
-- Where the event triggers do not run, nothing is done to what is not there.
SELECT make('t7');
ALTER EVENT TRIGGER slm_taggers_drop DISABLE;
DROP TABLE t7;
CALL slm_drain_taggers();
ALTER EVENT TRIGGER slm_taggers_drop ENABLE;
SELECT count(*) FROM slm_taggers;
SELECT slm_drop_tagger('t');
SELECT left_over();
SELECT make('t8');
ALTER EVENT TRIGGER slm_taggers_rename DISABLE;
ALTER TABLE t8 RENAME body TO words;
SET client_min_messages = notice;
INSERT INTO t8 VALUES (2, 'parcel');
CALL slm_drain_taggers();
ALTER EVENT TRIGGER slm_taggers_rename ENABLE;
ALTER TABLE t8 RENAME words TO body;
CALL slm_drain_taggers();
SELECT id, label = slm_classify(body, '{a,b}') AS label FROM t8 ORDER BY id;

DROP SCHEMA elsewhere CASCADE;
DROP TABLE t1, t2, t6, t8, notes;
DROP FUNCTION left_over, make, refuse, pass_by, error_of;
DROP OWNED BY slm_owner;
DROP ROLE slm_owner, slm_member, slm_writer, slm_watcher;
SELECT slm_drop_model('tiny');
