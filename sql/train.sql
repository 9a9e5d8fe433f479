-- Training: classifiers made of a query's rows
\getenv folder PG_ABS_SRCDIR
\set error_of :folder '/sql/error_of.psql'
\i :error_of
SELECT slm_create_model('tiny', 'tiny-bert.gguf') AS created \gset
SET slm.classify_model = 'tiny';
CREATE TABLE ticket (body text, kind text);
INSERT INTO ticket VALUES
    ('the order arrived late', 'delivery'), ('my parcel is late', 'delivery'), ('where is the parcel', 'delivery'),
    ('the parcel arrived', 'delivery'), ('login failed again', 'account'), ('password reset please', 'account'),
    ('reset my login', 'account'), ('account and password', 'account'), ('please refund my order', 'refund'),
    ('refund the order, thanks', 'refund'), ('a refund please', 'refund'), ('I want my refund', 'refund'),
    (NULL, 'refund'), ('no label', NULL), (' ', 'refund'), ('blank label', '  ');

-- The result is a model, at once usable everywhere a model with labels of its own is.
SELECT split_part(trained::text, '@', 1) AS trained, labels, rows, skipped, accuracy, zero_shot
FROM slm_train_classifier('kinds', 'SELECT body, kind FROM ticket');
SELECT slm_classify('the parcel is late', model => 'kinds') AS text, slm_classify('reset the password', NULL, slm_pin('kinds')) AS pinned;
SELECT label, round(confidence::numeric, 2) AS confidence FROM slm_classify_scores('please refund it', model => 'kinds');
SELECT round(sum(confidence)::numeric, 5) AS sum FROM slm_classify_scores('please refund it', model => 'kinds');
SELECT slm_classify_multi('please refund it', model => 'kinds') AS multi, slm_classify_multi('please refund it', '{refund,account}', 'kinds', threshold => 0) AS all;
SELECT ord, label FROM slm_classify_batch(ARRAY['my parcel', NULL, 'login'], model => 'kinds');
SELECT slm_classify('please refund it', '{account,delivery}', 'kinds') AS some;
SELECT label, round(confidence::numeric, 5) = 1 - round(lag(confidence) OVER ()::numeric, 5) AS sum_to_one
FROM slm_classify_scores('please refund it', '{account,delivery}', 'kinds');
SELECT count(*) FILTER (WHERE slm_classify(body, model => 'kinds') = kind) AS right, count(*) FROM ticket WHERE body > ' ' AND kind > '  ';
SELECT name, file, sha256, architecture, dimensions, state, base FROM slm_models WHERE name <> 'slm_base' ORDER BY name;
SELECT slm_embed('a', 'kinds') = slm_embed('a', 'tiny') AS embeds_as_its_base;
SELECT split_part(slm_pin('kinds')::text, '@', 2) = fingerprint AS pinned FROM slm_models WHERE name = 'kinds';
SELECT error_of($$SELECT slm_classify('a', '{account,other}', 'kinds')$$);
SELECT error_of($$SELECT slm_classify('a', model => 'kinds', descriptions => '{"account": "login"}')$$);

-- The same rows in another order make the same model; other rows another one.
CREATE TABLE pin AS SELECT slm_pin('kinds')::text AS pin;
SELECT trained::text = pin AS same
FROM slm_train_classifier('kinds', 'SELECT body, kind FROM ticket ORDER BY md5(body)', replace => true), pin;
SELECT trained::text = pin AS same
FROM slm_train_classifier('kinds', 'SELECT body, kind FROM ticket WHERE body <> ''I want my refund''', replace => true), pin;
SELECT error_of(format($$SELECT slm_classify('a', NULL, slm_model %L)$$, pin)) ~ 'is not the one that was pinned|fingerprint|slm_pin' AS pin_tells FROM pin;
SELECT trained::text = pin AS same
FROM slm_train_classifier('kinds', 'SELECT body, kind FROM ticket', descriptions => '{"refund": "money back"}', replace => true), pin;
-- Any type that has a text form, and any base.
CREATE TYPE mood AS ENUM ('good', 'bad');
SELECT labels, rows FROM slm_train_classifier('moods', $$SELECT body::varchar(20), CASE WHEN kind = 'delivery' THEN 'good' ELSE 'bad' END::mood FROM ticket WHERE body IS NOT NULL$$, 'tiny');
SELECT string_agg(label, ' ' ORDER BY label) FROM slm_classify_scores('a', model => 'moods');

-- A base with a label head: its own comparison of texts with labels is what the fit begins with.
SELECT slm_create_model('heads', 'tiny-slm.gguf') AS created \gset
SELECT labels, rows, zero_shot = right_without AS zero_shot FROM slm_train_classifier('on_heads', 'SELECT body, kind FROM ticket', 'heads'),
    (SELECT (count(*) FILTER (WHERE slm_classify(body, '{account,delivery,refund}', 'heads') = kind) / count(*)::real)::real AS right_without
     FROM ticket WHERE body > ' ' AND kind > '  ') AS w;
SELECT round(sum(confidence)::numeric, 5) AS sum FROM slm_classify_scores('please refund it', model => 'on_heads');
SELECT error_of($$SELECT slm_filter('please refund it', 'refund', 'on_heads')$$);

-- Rows of unequal numbers, and labels of one row
SELECT labels, rows, accuracy BETWEEN 0 AND 1 AS accuracy FROM slm_train_classifier('odd',
    $$SELECT 'word ' || i, CASE WHEN i < 40 THEN 'many' WHEN i < 44 THEN 'few' ELSE 'one' || i END FROM generate_series(1, 46) AS i$$);

-- Refusals
SELECT error_of($$SELECT slm_train_classifier(NULL, 'SELECT body, kind FROM ticket')$$);
SELECT error_of($$SELECT slm_train_classifier('x', NULL)$$);
SELECT error_of($$SELECT slm_train_classifier('kinds', 'SELECT body, kind FROM ticket')$$);
SELECT error_of($$SELECT slm_train_classifier('tiny', 'SELECT body, kind FROM ticket', replace => true)$$);
SELECT error_of($$SELECT slm_train_classifier(repeat('x', 64), 'SELECT body, kind FROM ticket')$$);
SELECT error_of($$SELECT slm_train_classifier('x', 'SELECT body, kind FROM ticket', 'kinds')$$);
SELECT error_of($$SELECT slm_train_classifier('x', 'SELECT body, kind FROM ticket', 'nothing')$$);
SELECT error_of($$SELECT slm_train_classifier('x', 'SELECT body FROM ticket')$$);
SELECT error_of($$SELECT slm_train_classifier('x', 'SELECT body, kind FROM tickets')$$);
SELECT error_of($$SELECT slm_train_classifier('x', 'DELETE FROM ticket RETURNING body, kind')$$);
SELECT error_of($$SELECT slm_train_classifier('x', 'DELETE FROM ticket')$$);
SELECT error_of($$SELECT slm_train_classifier('x', 'WITH d AS (DELETE FROM ticket RETURNING body, kind) SELECT * FROM d')$$);
SELECT error_of($$SELECT slm_train_classifier('x', 'SELECT 1, 2; SELECT 3, 4')$$);
SELECT error_of($$SELECT slm_train_classifier('x', '')$$);
SELECT error_of($$SELECT slm_train_classifier('x', 'SELECT body, kind FROM ticket WHERE false')$$);
SELECT error_of($$SELECT slm_train_classifier('x', 'SELECT body, ''one'' FROM ticket')$$);
SELECT error_of($$SELECT slm_train_classifier('x', 'SELECT kind, body FROM ticket')$$);
SELECT error_of($$SELECT slm_train_classifier('x', 'SELECT body, repeat(kind, 1000) FROM ticket')$$);
SELECT error_of($$SELECT slm_train_classifier('x', 'SELECT body, kind FROM ticket', descriptions => '{"other": "else"}')$$);
SELECT error_of($$SELECT slm_train_classifier('x', 'SELECT body, kind FROM ticket', descriptions => '[]')$$);
SELECT error_of($$SELECT slm_train_classifier('x', 'SELECT body, kind FROM ticket', on_error => 'ignore')$$);
SELECT count(*) FROM ticket;
BEGIN READ ONLY;
SELECT error_of($$SELECT slm_train_classifier('x', 'SELECT body, kind FROM ticket')$$);
ROLLBACK;
-- A row that cannot be processed
SELECT slm_create_model('strict', 'tiny-bert.gguf', '{"overflow": "error"}') AS created \gset
SELECT error_of($$SELECT slm_train_classifier('x', 'SELECT repeat(body, 50), kind FROM ticket UNION ALL SELECT * FROM ticket', 'strict')$$);
SELECT rows, skipped FROM slm_train_classifier('x', 'SELECT repeat(body, 50), kind FROM ticket UNION ALL SELECT * FROM ticket', 'strict', on_error => 'null');
-- Limits
SET slm.max_scratch_memory = '1MB';
SELECT error_of($$SELECT slm_train_classifier('y', 'SELECT body || i, kind FROM ticket, generate_series(1, 2000) AS i')$$);
RESET slm.max_scratch_memory;

-- The library of linear algebra
SELECT error_of($$SET slm.openblas_library = 'libopenblas.so.0'$$);
SET slm.openblas_library = '/nowhere/libopenblas.so.0';
SELECT error_of($$SELECT slm_train_classifier('y', 'SELECT body, kind FROM ticket')$$);
SELECT slm_classify('the parcel is late', model => 'kinds') AS running_needs_none;
RESET slm.openblas_library;

-- Options of a trained model are fixed; they can be written by hand, but without numbers it does not run.
SELECT error_of($$ALTER SERVER kinds OPTIONS (ADD pooling 'cls')$$);
SELECT error_of($$ALTER SERVER kinds OPTIONS (DROP head)$$);
SELECT error_of($$ALTER SERVER kinds OPTIONS (SET head 'abc')$$);
SELECT error_of($$ALTER SERVER tiny OPTIONS (ADD base 'kinds')$$);
SELECT error_of($$CREATE SERVER y FOREIGN DATA WRAPPER slm OPTIONS (file 'tiny-bert.gguf', head '0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef')$$);
SELECT error_of($$SELECT slm_create_model('y', 'tiny-bert.gguf', '{"base": "tiny"}')$$);
DO $$
DECLARE
    head text;
BEGIN
    SELECT substr(o, 6) INTO head FROM pg_foreign_server, unnest(srvoptions) AS o WHERE srvname = 'kinds' AND o LIKE 'head=%';
    EXECUTE format('CREATE SERVER forged FOREIGN DATA WRAPPER slm OPTIONS (base %L, head %L)', 'tiny', head);
END $$;
SELECT error_of($$SELECT slm_classify('a', model => 'forged')$$);

-- Its base changes, goes, comes back.
ALTER SERVER tiny OPTIONS (ADD pooling 'cls');
SELECT error_of($$SELECT slm_classify('the parcel is late', model => 'kinds')$$) ~ '^55000: base model "tiny" of model "kinds" is not the one it was trained on$|^detail: Its fingerprint is \w+, was \w+\.$|^hint: Train it anew' AS tells;
ALTER SERVER tiny OPTIONS (DROP pooling);
SELECT slm_classify('the parcel is late', model => 'kinds') AS runs;
ALTER SERVER tiny RENAME TO small;
SELECT error_of($$SELECT slm_classify('the parcel is late', model => 'kinds')$$);
SELECT name, state FROM slm_models WHERE base IS NOT NULL ORDER BY name;
ALTER SERVER kinds OPTIONS (SET base 'small');
SELECT slm_classify('the parcel is late', model => 'kinds') AS runs;
ALTER SERVER kinds OPTIONS (SET base 'moods');
SELECT error_of($$SELECT slm_classify('the parcel is late', model => 'kinds')$$);
ALTER SERVER kinds OPTIONS (SET base 'small');

-- Numbers follow their model: renamed, rolled back, dropped in every way.
SELECT model, length(head) FROM slm_heads ORDER BY model;
INSERT INTO slm_heads VALUES ('sorts', 'left behind'); -- is not in the way
ALTER SERVER kinds RENAME TO sorts;
SELECT slm_classify('the parcel is late', model => 'sorts') AS renamed;
BEGIN;
SELECT slm_drop_model('sorts');
SELECT count(*) FROM slm_heads;
ROLLBACK;
SELECT slm_classify('the parcel is late', model => 'sorts') AS rolled_back;
SELECT slm_drop_model('moods');
DROP SERVER odd, on_heads, x CASCADE;
SELECT model FROM slm_heads ORDER BY model;
CREATE ROLE slm_owner;
ALTER SERVER small OWNER TO slm_owner;
GRANT USAGE ON FOREIGN DATA WRAPPER slm TO slm_owner;
ALTER SERVER sorts OWNER TO slm_owner;
DROP OWNED BY slm_owner;
DROP ROLE slm_owner;
SELECT count(*) FROM slm_heads;
SELECT error_of($$SELECT slm_heads_follow()$$);

SELECT slm_drop_model(name::text) FROM slm_models WHERE name <> 'slm_base';
DROP TABLE ticket, pin;
DROP TYPE mood;
DROP FUNCTION error_of;
