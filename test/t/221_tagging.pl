# Taggers and what befalls servers: a crash while clients write, a worker that is ended, cancelled or cannot start,
# a database that is dropped, dump and restore, a cancelled backfill, promotion.
use strict;
use warnings FATAL => 'all';
use FindBin;
use lib $FindBin::Bin;
use PostgreSQL::Test::Utils;
use SlmTest;
use Test::More;
use Time::HiRes qw(time usleep);

my $node = slm_cluster('tagging', init => { allows_streaming => 1 }, conf => "slm.tagger_idle_timeout = 2s\nmax_prepared_transactions = 2\nrestart_after_crash = on\n");
my $preloaded = $node->safe_psql('postgres', 'SHOW shared_preload_libraries') =~ /slm/;
my $labels = q('{delivery,account,refund}');
my $canary = 'sesquipedalian';

$node->safe_psql('postgres', qq{
	SELECT slm_create_model('tiny', 'tiny-bert.gguf');
	CREATE TABLE ticket (id int PRIMARY KEY, body text, label text, changed int DEFAULT 0);
	CREATE TABLE audit (id int, label text); CREATE INDEX ON audit (id);
	-- Slow at first, so that the queue is never empty while clients write.
	CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN INSERT INTO public.audit VALUES (NEW.id, NEW.label); PERFORM pg_sleep(0.0005); RETURN NULL; END \$\$;
	CREATE TRIGGER audit AFTER UPDATE OF label ON ticket FOR EACH ROW EXECUTE FUNCTION audit();
	SELECT slm_create_tagger('ticket', 'body', 'label', 'classify', 'tiny', $labels)});

# One client's work: rows one by one, some of them changed, some deleted soon after, each in its transaction.
sub work
{
	my ($client, $from, $to) = @_;
	return qq{DO \$\$ BEGIN FOR i IN $from .. $to LOOP
		INSERT INTO ticket (id, body) VALUES ($client * 100000000 + i, '$canary order ' || i || ' of $client');
		IF i % 40 = 0 THEN
			INSERT INTO ticket (id, body) SELECT $client * 100000000 + 50000000 + i * 1000 + j, '$canary orders ' || j || ' of $client' FROM generate_series(1, 100) AS j;
		END IF;
		COMMIT;
		PERFORM pg_sleep(0.001);
		IF i % 5 = 0 THEN
			UPDATE ticket SET body = 'please refund order ' || i, changed = changed + 1 WHERE id = $client * 100000000 + i - 3;
			COMMIT;
		ELSIF i % 17 = 0 THEN
			DELETE FROM ticket WHERE id = $client * 100000000 + i - 1;
			COMMIT;
		END IF;
	END LOOP; END \$\$};
}
sub drained { return $node->safe_psql('postgres', 'SELECT queued = 0 AND given_up = 0 FROM slm_taggers') eq 't' }
# Every row has the tag of its text; none was written more often than it was given a text.
sub all_is_well
{
	my ($what) = @_;
	is($node->safe_psql('postgres', "SELECT count(*) FROM ticket WHERE label IS DISTINCT FROM slm_classify(body, $labels, 'tiny')"), '0', "$what: every row has the tag of its last text");
	is($node->safe_psql('postgres', 'SELECT count(*) FROM ticket AS t WHERE changed = 0 AND (SELECT count(*) FROM audit AS a WHERE a.id = t.id) <> 1'), '0', "$what: every row that was written once was tagged once");
	is($node->safe_psql('postgres', 'SELECT count(*) FROM ticket AS t WHERE (SELECT count(*) FROM audit AS a WHERE a.id = t.id) NOT BETWEEN 1 AND 1 + changed'), '0', "$what: no row was tagged more often than it was given a text");
}

# The server is killed while 8 clients write and the worker tags.
my @clients = map { psql_start($node, work($_, 1, 400)) } 1 .. 8;
ok(wait_for(sub { $node->safe_psql('postgres', 'SELECT (SELECT count(*) FROM audit) > 500 AND (SELECT count(*) FROM slm_tagger_queue) > 100') eq 't' }, 'tags'), 'rows are tagged while others come');
$node->kill9;
psql_finish($_) for @clients;
# Processes that the dead postmaster left keep its shared memory for a moment.
ok(wait_for(sub { $node->start(fail_ok => 1) || ($node->stop('immediate', fail_ok => 1) && 0) }, 'start'), 'the server starts again');
my ($rows, $queued) = split /\|/, $node->safe_psql('postgres', 'SELECT count(*), (SELECT count(*) FROM slm_tagger_queue) FROM ticket');
ok($rows > 500 && $rows < 8 * 1400 - 200, "$rows rows were committed, not all that were to come");
cmp_ok($queued, '>', 0, "$queued keys are queued") if !$preloaded;
$node->safe_psql('postgres', 'SELECT slm_run_taggers()') if !$preloaded;
ok(wait_for(\&drained, 'queue'), $preloaded ? 'preloaded, the worker comes back by itself' : 'slm_run_taggers() brings the worker back');
all_is_well('after a crash');

# A worker that is killed takes the sessions with it, as any process of the server; and one that is ended or cancelled nothing.
@clients = map { psql_start($node, work($_, 1001, 1100)) } 1 .. 8;
ok(wait_for(sub { ($node->safe_psql('postgres', 'SELECT slm_tagger_worker()') || 0) > 0 }, 'worker'), 'the first statement brings the worker');
my $worker = $node->safe_psql('postgres', 'SELECT slm_tagger_worker()');
kill 'KILL', $worker if $worker > 1;
psql_finish($_) for @clients;
ok(wait_for(sub { ($node->psql('postgres', 'SELECT 1'))[0] == 0 }, 'recovery'), 'the server recovers');
@clients = map { psql_start($node, work($_, 2001, 2300)) } 1 .. 8;
my ($ended, $cancelled) = (0, 0);
for (1 .. 500)
{
	my $function = $_ % 2 ? 'pg_terminate_backend' : 'pg_cancel_backend';
	my $done = $node->safe_psql('postgres', "SELECT $function(pid) FROM pg_stat_activity WHERE backend_type = 'slm tagger' AND state = 'active'");
	$_ % 2 ? $ended++ : $cancelled++ if $done eq 't';
	last if $ended >= 5 && $cancelled >= 5;
	# After a cancel the tagger rests, as after any error.
	$node->safe_psql('postgres', q{SELECT slm_resume_tagger('ticket_label')});
	usleep(10_000);
}
for (@clients) { my ($rc, undef, $err) = psql_finish($_); is($rc, 0, 'no client noticed') or diag($err) }
ok($ended >= 5 && $cancelled >= 5, "$ended workers were ended, $cancelled batches cancelled");
$node->safe_psql('postgres', q{CREATE OR REPLACE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.audit VALUES (NEW.id, NEW.label); RETURN NULL; END $$});
$node->safe_psql('postgres', q{SELECT slm_resume_tagger('ticket_label')});
ok(wait_for(\&drained, 'queue'), 'the queue empties');
all_is_well('after workers were ended');


# Idle, the worker ends.
ok(wait_for(sub { $node->safe_psql('postgres', 'SELECT slm_tagger_worker() IS NULL') eq 't' }, 'idle timeout'), 'a worker without work ends');

# Prepared transactions: what COMMIT PREPARED brings, the next look finds.
$node->safe_psql('postgres', "BEGIN; INSERT INTO ticket VALUES (1, 'prepared'); PREPARE TRANSACTION 'p'");
$node->safe_psql('postgres', "COMMIT PREPARED 'p'; SELECT slm_run_taggers()");
ok(wait_for(\&drained, 'queue'), 'rows of a prepared transaction');

# The worker is not in the way of who wants the database, idle or at work.
$node->append_conf('postgresql.conf', 'slm.tagger_idle_timeout = 1h');
$node->reload;
for my $state ('idle', 'at work')
{
	$node->safe_psql('postgres', 'CREATE DATABASE other');
	$node->safe_psql('other', qq{CREATE EXTENSION slm; SELECT slm_create_model('tiny', 'tiny-bert.gguf'); CREATE TABLE t (id int PRIMARY KEY, body text, label text);
		SELECT slm_create_tagger('t', 'body', 'label', 'classify', 'tiny', $labels); INSERT INTO t SELECT i, 'order ' || i FROM generate_series(1, 20) AS i});
	my $there = sub { ($node->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE datname = 'other' AND backend_type = 'slm tagger'}) == 1) };
	ok(wait_for(sub { $there->() && $node->safe_psql('other', 'SELECT count(label) FROM t') == 20 }, 'worker'), 'a worker in another database');
	my %statement = ('CREATE DATABASE more TEMPLATE other' => 'DROP DATABASE more', 'ALTER DATABASE other RENAME TO more' => 'ALTER DATABASE more RENAME TO other');
	for my $sql (sort(keys %statement), 'DROP DATABASE other')
	{
		$node->safe_psql('other', $state eq 'idle' ? 'SELECT slm_run_taggers()' : q{UPDATE t SET body = 'many orders' || clock_timestamp(); INSERT INTO t SELECT (SELECT max(id) FROM t) + i, repeat('order ', 10) || i FROM generate_series(1, 20000) AS i});
		my $start = time;
		my ($rc, undef, $err) = $node->psql('postgres', $sql);
		is($rc, 0, sprintf '%s, the worker %s: %.1f s', $sql, $state, time - $start) or diag $err;
		$node->safe_psql('postgres', $statement{$sql}) if $statement{$sql};
	}
}

# Where no worker can be started there is one notice, and the keys wait.
$node->append_conf('postgresql.conf', 'max_worker_processes = 0');
$node->restart;
my (undef, undef, $notice) = $node->psql('postgres', q{INSERT INTO ticket VALUES (2, 'no worker'); INSERT INTO ticket VALUES (3, 'none still')});
is(scalar(() = $notice =~ /NOTICE: +no background worker could be started for taggers/g), 1, 'one notice');
is($node->safe_psql('postgres', 'SELECT slm_run_taggers() IS NULL, queued FROM slm_taggers'), 't|2', 'the keys are queued');
$node->safe_psql('postgres', 'CALL slm_drain_taggers()');
ok(drained(), 'and a session empties the queue');
all_is_well('without a worker');
is(($node->psql('postgres', q{SET slm.tagger_worker = off; INSERT INTO ticket VALUES (4, 'not wanted')}))[2], '', 'no notice where no worker is wanted');
$node->append_conf('postgresql.conf', 'max_worker_processes = 8');

# A backfill that is cancelled goes on where it ended.
$node->safe_psql('postgres', q{ALTER TABLE ticket DISABLE TRIGGER audit; DELETE FROM ticket WHERE id > 5; UPDATE ticket SET label = NULL; INSERT INTO ticket SELECT i, repeat('order ', 40) || i FROM generate_series(1001, 9000) AS i; DELETE FROM slm_tagger_queue});
my ($calls, $seen, $stopped) = (0, 0, 0);
while ($calls++ < 50)
{
	# at first so little time that no machine is done, later more than a slow one needs for its next step
	my ($rc, undef, $err) = $node->psql('postgres', sprintf(q{SET statement_timeout = '%dms'; CALL slm_tag_backfill('ticket_label')}, 60 * $calls));
	my ($now, $finished) = split /\|/, $node->safe_psql('postgres', 'SELECT backfill_rows, backfill_finished FROM slm_taggers');
	ok($now >= $seen && ($rc == 0 ? $finished eq 't' : $err =~ /canceling statement due to statement timeout/), "call $calls went on: $seen, $now") or diag($err);
	$seen = $now;
	# the time may also be over between the last commit and the call's end
	last if $finished eq 't';
	$stopped++;
}
cmp_ok($stopped, '>=', 1, "cancelled $stopped times");
is($node->safe_psql('postgres', "SELECT backfill_finished, backfill_rows = (SELECT count(*) FROM ticket) FROM slm_taggers"), 't|t', 'finished; no row was seen twice');
is($node->safe_psql('postgres', "SELECT count(*) FROM ticket WHERE label IS DISTINCT FROM slm_classify(body, $labels, 'tiny')"), '0', 'every row is tagged');

# Dump and restore carry taggers, what they have to do, and what they have given up.
$node->safe_psql('postgres', qq{SET slm.tagger_worker = off; DELETE FROM ticket WHERE id > 5; UPDATE ticket SET body = 'queued'; CREATE TABLE paused (a text, b date, body text, summary text, PRIMARY KEY (b, a));
	SELECT slm_create_tagger('paused', 'body', 'summary', 'summarize', slm_pin('tiny'), max_words => 3, mode => 'immediate', name => 'at once');
	ALTER TABLE paused ADD vector real[]; SELECT slm_create_tagger('paused', 'body', 'vector', 'embed', 'tiny', name => 'Vec "tor"'); SELECT slm_pause_tagger('Vec "tor"'); INSERT INTO paused VALUES ('x', '2024-02-03', 'One sentence. Another one.');
	INSERT INTO slm_tagger_queue VALUES ('ticket_label', 'infinity', '{77}', 5, now(), '54000', 'too long')});
my $data = $node->data_dir;
my $state = 'SELECT string_agg(to_jsonb(t)::text, E\'\n\' ORDER BY name) FROM (SELECT name, relation, source, target, task, model, mode, state, queued, given_up, tagged, backfill_rows FROM slm_taggers) AS t';
my $before = $node->safe_psql('postgres', $state);
$node->command_ok([ 'pg_dump', '-Fc', '-f', "$data/dump", $node->connstr('postgres') ], 'pg_dump');
$node->safe_psql('postgres', 'CREATE DATABASE restored TEMPLATE template0');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('restored'), "$data/dump" ], 'pg_restore');
is($node->safe_psql('restored', $state), $before, 'taggers are what they were');
is($node->safe_psql('restored', 'SELECT tagger, key, error FROM slm_tagger_errors'), 'ticket_label|{77}|too long', 'with what was given up');
$node->safe_psql('restored', q{SET slm.tagger_worker = off; INSERT INTO ticket VALUES (6, 'after the restore'); INSERT INTO paused VALUES ('y', '2024-02-04', 'A third sentence.'); SELECT slm_resume_tagger('Vec "tor"')});
$node->safe_psql('restored', 'CALL slm_drain_taggers()');
is($node->safe_psql('restored', "SELECT count(*) FROM ticket WHERE label IS DISTINCT FROM slm_classify(body, $labels, 'tiny')"), '0', 'rows from before and after are tagged');
is($node->safe_psql('restored', q{SELECT bool_and(vector = slm_embed(body, 'tiny')), bool_and(summary = slm_summarize(body, 3, 'tiny')) FROM paused}), 't|t', 'by every tagger');
$node->safe_psql('restored', 'ALTER TABLE ticket RENAME body TO words; DROP TABLE paused');
is($node->safe_psql('restored', 'SELECT name, source FROM slm_taggers'), 'ticket_label|words', 'the event triggers are there again');

# The extension goes, and the worker with it.
is(sql_error($node, 'DROP EXTENSION slm', db => 'restored'), '2BP01 cannot drop extension slm because other objects depend on it', 'taggers hold the extension');
$node->restart;
$node->safe_psql('restored', 'SELECT slm_run_taggers(); DROP EXTENSION slm CASCADE');
ok(wait_for(sub { $node->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE datname = 'restored'}) eq '0' }, 'worker'), 'dropped, its worker ends');
$node->safe_psql('restored', q{INSERT INTO ticket VALUES (7, 'after the extension'); ALTER TABLE ticket DROP COLUMN changed});

# A standby has the taggers; promoted, it tags.
$node->restart;
$node->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
$standby->start;
$node->safe_psql('postgres', q{SELECT slm_pause_tagger('ticket_label'); UPDATE ticket SET body = body || ' again'});
$node->wait_for_catchup($standby);
my $shown = q{SELECT state, queued FROM slm_taggers WHERE name = 'ticket_label'};
is($standby->safe_psql('postgres', $shown), $node->safe_psql('postgres', $shown), 'a standby shows them');
like(sql_error($standby, 'SELECT slm_run_taggers()'), qr/^25006/, 'runs none');
$standby->promote;
$standby->safe_psql('postgres', q{SELECT slm_resume_tagger('ticket_label')});
ok(wait_for(sub { $standby->safe_psql('postgres', q{SELECT queued FROM slm_taggers WHERE name = 'ticket_label'}) eq '0' }, 'queue'), 'promoted, it does');
$standby->stop;

# No text of a row is in the log.
unlike(PostgreSQL::Test::Utils::slurp_file($node->logfile), qr/\b$canary order \d/, 'no text of a row is in the log');
unlike(PostgreSQL::Test::Utils::slurp_file($node->logfile), qr/PANIC|TRAP|was terminated by signal 11/, 'nor a panic');

$node->stop;
done_testing();
