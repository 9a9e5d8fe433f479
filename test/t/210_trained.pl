# Trained models: rights, dump and restore, sessions that meet a new head, cancel, a standby.
use strict;
use warnings FATAL => 'all';
use FindBin;
use lib $FindBin::Bin;
use PostgreSQL::Test::Utils;
use SlmTest;
use Test::More;
use Time::HiRes qw(time);

my $node = slm_cluster('trained', init => { allows_streaming => 1 });
my $classify = q{SELECT slm_classify('my parcel is late 3', model => 'kinds')};
$node->safe_psql('postgres', q{
	SELECT slm_create_model('tiny', 'tiny-bert.gguf');
	CREATE ROLE owner LOGIN; CREATE ROLE user_ LOGIN; CREATE ROLE other LOGIN;
	GRANT USAGE ON FOREIGN DATA WRAPPER slm TO owner, other;
	GRANT USAGE ON FOREIGN SERVER tiny TO owner;
	CREATE TABLE ticket (body text, kind text);
	INSERT INTO ticket SELECT w || ' ' || i, k FROM generate_series(1, 8) AS i,
		(VALUES ('my parcel is late', 'delivery'), ('reset my password', 'account'), ('please refund the order', 'refund')) AS v (w, k);
	GRANT SELECT ON ticket TO owner});
sub train { my ($name, $rows, $more) = @_; return "SELECT trained FROM slm_train_classifier('$name', 'SELECT body, kind FROM ticket$rows'" . ($more // '') . ')' }

# Rights: of the wrapper and the base to make one, of the server alone to use it, of nobody on the numbers.
is(sql_error($node, train('x', '', ", 'tiny'"), user => 'user_'), '42501 permission denied for foreign-data wrapper slm', 'training registers a model');
is(sql_error($node, train('x', '', ", 'tiny'"), user => 'other'), '42501 permission denied for foreign server tiny', 'and uses its base');
$node->safe_psql('postgres', 'GRANT USAGE ON FOREIGN SERVER tiny TO other');
is(sql_error($node, train('x', '', ", 'tiny'"), user => 'other'), '42501 permission denied for table ticket', 'and reads as the caller');
$node->safe_psql('postgres', 'REVOKE USAGE ON FOREIGN SERVER tiny FROM other');
my $pin = $node->safe_psql('postgres', train('kinds', '', ", 'tiny'"), extra_params => [ '-U', 'owner' ]);
like($pin, qr/^kinds\@[0-9a-f]{32}$/, 'a role with rights trains');
is($node->safe_psql('postgres', $classify, extra_params => [ '-U', 'owner' ]), 'delivery', 'and uses it');
is(sql_error($node, $classify, user => 'user_'), '42501 permission denied for foreign server kinds', 'a new model is its owner\'s alone');
$node->safe_psql('postgres', 'GRANT USAGE ON FOREIGN SERVER kinds TO user_', extra_params => [ '-U', 'owner' ]);
is($node->safe_psql('postgres', $classify, extra_params => [ '-U', 'user_' ]), 'delivery', 'USAGE on it is enough, without rights on its base or its numbers');
is(sql_error($node, 'SELECT * FROM slm_heads', user => $_), '42501 permission denied for table slm_heads', "$_ cannot read the numbers") for ('owner', 'user_');
is(sql_error($node, train('kinds', '', ", 'tiny', replace => true"), user => 'other'), '42501 must be owner of foreign server kinds', 'only its owner trains it anew');
my $head = $node->safe_psql('postgres', q{SELECT substr(o, 6) FROM pg_foreign_server, unnest(srvoptions) AS o WHERE srvname = 'kinds' AND o LIKE 'head=%'});
$node->safe_psql('postgres', "CREATE SERVER forged FOREIGN DATA WRAPPER slm OPTIONS (base 'tiny', head '$head')", extra_params => [ '-U', 'other' ]);
$node->safe_psql('postgres', 'GRANT USAGE ON FOREIGN SERVER tiny TO other');
is(sql_error($node, q{SELECT slm_classify('a', model => 'forged')}, user => 'other'), '55000 model "forged" has no numbers', 'the hash of a head, which all can see, gives nobody the head');
$node->safe_psql('postgres', 'ALTER SERVER forged RENAME TO forged2; REVOKE USAGE ON FOREIGN SERVER tiny FROM owner');
is(sql_error($node, $classify, user => 'user_'), '42501 permission denied for base model "tiny" of model "kinds"', 'the owner\'s right to the base counts');
is($node->safe_psql('postgres', q{SELECT state FROM slm_models WHERE name = 'kinds'}), 'forbidden', 'slm_models says so');
$node->safe_psql('postgres', 'GRANT USAGE ON FOREIGN SERVER tiny TO owner; DROP SERVER forged2');

# A session that has the model open meets the new head with its next statement.
my $session = $node->background_psql('postgres', on_error_stop => 0);
is($session->query('SELECT slm_pin(\'kinds\')'), $pin, 'an open session');
my $new = $node->safe_psql('postgres', train('kinds', " WHERE kind <> ''refund''", ", 'tiny', replace => true"));
isnt($new, $pin, 'trained on other rows');
is($session->query('SELECT slm_pin(\'kinds\')'), $new, 'is what the session has now');
is($session->query(q{SELECT string_agg(label, ' ') FROM (SELECT label FROM slm_classify_scores('a', model => 'kinds') ORDER BY 1) AS s}), 'account delivery', 'with its labels');
$session->query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM ticket');
$node->safe_psql('postgres', train('kinds', '', ", 'tiny', replace => true"));
is($session->query('SELECT slm_pin(\'kinds\')'), $pin, 'the same rows give the same model, also to an old snapshot');
$session->query('COMMIT');
$session->quit;
is($node->safe_psql('postgres', q{BEGIN; SELECT slm_drop_model('kinds'); } . train('kinds', " WHERE kind <> ''account''", ", 'tiny'") . "; $classify; ROLLBACK; SELECT slm_pin('kinds')") =~ s/.*\n//sr, $pin, 'a rolled back training leaves the old one');

# Parallel workers run it.
is($node->safe_psql('postgres', q{SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET parallel_leader_participation = off;
	SELECT count(*) FROM ticket WHERE slm_classify(body, model => 'kinds') = kind}), '24', 'in parallel workers');

# Dump and restore, with the rights; the numbers are the same.
my $data = $node->data_dir;
$node->safe_psql('postgres', q{CREATE ROLE dba LOGIN; CREATE DATABASE of_dba OWNER dba});
$node->safe_psql('of_dba', 'CREATE EXTENSION slm');
$node->command_ok([ 'pg_dump', '-U', 'dba', '-f', "$data/dump_of_dba", $node->connstr('of_dba') ], 'the owner of a database dumps it');
$node->command_fails_like([ 'pg_dump', '-U', 'other', '-f', "$data/dump_of_dba", $node->connstr('of_dba') ], qr/permission denied for table slm_heads/, 'others do not read the numbers');
$node->safe_psql('postgres', 'DROP DATABASE of_dba; DROP ROLE dba');
$node->safe_psql('postgres', "COMMENT ON SERVER kinds IS 'sorts tickets'");
$node->command_ok([ 'pg_dump', '-Fc', '-f', "$data/dump", $node->connstr('postgres') ], 'pg_dump');
$node->safe_psql('postgres', 'CREATE DATABASE restored TEMPLATE template0');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('restored'), "$data/dump" ], 'pg_restore');
is($node->safe_psql('restored', "SELECT slm_pin('kinds')"), $pin, 'the same model');
is($node->safe_psql('restored', $classify, extra_params => [ '-U', 'user_' ]), 'delivery', 'with its grants');
is($node->safe_psql('restored', "SELECT srvowner::regrole, obj_description(oid, 'pg_foreign_server') FROM pg_foreign_server WHERE srvname = 'kinds'"), 'owner|sorts tickets', 'owner and comment');
$node->safe_psql('restored', 'ALTER SERVER kinds RENAME TO sorts');
is($node->safe_psql('restored', "SELECT model FROM slm_heads"), 'sorts', 'the event trigger is there again');
is(sql_error($node, "DROP SERVER tiny; $classify"), '42704 base model "tiny" of model "kinds" does not exist', 'a dropped base is said so');
$node->safe_psql('postgres', "SELECT slm_create_model('tiny', 'tiny-bert-q8_0.gguf'); GRANT USAGE ON FOREIGN SERVER tiny TO owner");
is(sql_error($node, $classify), '55000 base model "tiny" of model "kinds" is not the one it was trained on', 'so is another of its name');
$node->safe_psql('postgres', "SELECT slm_drop_model('tiny'); SELECT slm_create_model('tiny', 'tiny-bert.gguf'); GRANT USAGE ON FOREIGN SERVER tiny TO owner");
is($node->safe_psql('postgres', $classify), 'delivery', 'and the same again runs');

# Numbers that are not those the model was made with are not used.
$node->safe_psql('postgres', "UPDATE slm_heads SET head = set_byte(head, 100, get_byte(head, 100) # 1)");
is(sql_error($node, $classify), '55000 model "kinds" has no numbers', 'changed numbers');
$node->safe_psql('postgres', train('kinds', '', ", 'tiny', replace => true"));
is($node->safe_psql('postgres', "SELECT slm_pin('kinds')"), $pin, 'training heals that');

# Cancel, in reading and in fitting.
# A fast machine reads as many rows as there may be in half a second.
for (['generate_series(1, 1000000)', '100ms'], ['generate_series(1, 9000)', '700ms'])
{
	my ($rows, $timeout) = @$_;
	my $start = time;
	like(sql_error($node, "SET statement_timeout = '$timeout'; SELECT slm_train_classifier('long', 'SELECT ''word '' || i, ''label '' || i % 3000 FROM $rows AS i', 'tiny')"),
		qr/^57014 canceling statement due to statement timeout/, "a timeout ends it ($rows)");
	cmp_ok(time - $start, '<', 5, 'soon');
}
is($node->safe_psql('postgres', "SELECT count(*) FROM slm_heads"), '1', 'nothing is left');
is($node->safe_psql('postgres', $classify), 'delivery', 'and the session after it works');
like(sql_error($node, "SELECT slm_train_classifier('long', 'SELECT ''word'', ''label '' || i % 2 FROM generate_series(1, 100001) AS i', 'tiny')"),
	qr/^54000 the query has more rows than the limit of 100000/, 'one row more than the limit');
like($node->safe_psql('postgres', "SELECT rows FROM slm_train_classifier('long', 'SELECT ''word'', ''label '' || i % 2 FROM generate_series(1, 100000) AS i', 'tiny')"),
	qr/^100000$/, 'the limit');

# A standby runs it and does not train.
$node->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'copy', has_streaming => 1);
$standby->start;
is($standby->safe_psql('postgres', "SELECT slm_pin('kinds')"), $pin, 'a standby has the model');
like(sql_error($standby, train('x', '', ", 'tiny'")), qr/^25006 /, 'and does not train');
$node->safe_psql('postgres', train('kinds', " WHERE kind <> ''refund''", ", 'tiny', replace => true"));
$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', "SELECT slm_pin('kinds')"), $new, 'it follows');

$node->safe_psql('postgres', 'DROP EXTENSION slm CASCADE; CREATE EXTENSION slm');
is($node->safe_psql('postgres', 'SELECT count(*) FROM slm_heads'), '0', 'the extension takes all with it');
done_testing();
