# Workers that write for sessions: the same answers as the sessions' own, in any company, whatever befalls a worker or
# a session; nothing hangs and nothing stays behind.  SLM_SOAK=1000: so many random events instead of a few.
use strict;
use warnings FATAL => 'all';
use FindBin;
use lib $FindBin::Bin;
use PostgreSQL::Test::Utils;
use SlmTest;
use Test::More;
use Time::HiRes qw(time usleep);

my $soak = $ENV{SLM_SOAK} // 40;
my $node = slm_cluster('workers', conf => "max_connections = 60\nslm.worker_idle_timeout = 2s\nclient_connection_check_interval = 200ms\nslm.execution = worker");
put_model($node, $_) for ('ticket_json.gguf', 'decoder-qwen2.gguf');
my $preloaded = $node->safe_psql('postgres', 'SHOW shared_preload_libraries') =~ /slm/;
$node->safe_psql('postgres', q{
	SELECT slm_create_model('writer', 'ticket_json.gguf', '{"prompt_format": "chatml"}');
	SELECT slm_create_model('other', 'decoder-qwen2.gguf', '{"prompt_format": "chatml"}');
	SELECT slm_create_model('halves', 'ticket_json.gguf', '{"prompt_format": "chatml", "cache_type": "q8_0", "context_length": 400}');
	CREATE ROLE plain LOGIN; CREATE ROLE second LOGIN;
	GRANT USAGE ON FOREIGN SERVER writer TO plain, second;
	GRANT USAGE ON FOREIGN SERVER other TO plain});

sub sql { return $node->safe_psql('postgres', $_[0]) }
# Slots and memory of requests that are in use.
sub in_use { return sql('SELECT requests, text_bytes FROM slm_worker_use()') }
sub workers { return sql(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'slm worker'}) }
sub worker_pid { return sql(q{SELECT min(pid) FROM pg_stat_activity WHERE backend_type = 'slm worker'}) }

# Many answers, one after the other, as one text: some seconds of work.
sub long { return "SELECT md5(string_agg(slm_generate('write', 'other', 300, temperature => 1.5, seed => i), '|' ORDER BY i)) FROM generate_series($_[0], $_[0] + $_[1]) AS i" }
# What a session asks, one text in several ways.
sub calls
{
	my ($session, $n) = @_;
	return "SELECT string_agg(concat_ws('/', slm_generate('order ' || i || ' of $session has not come', 'writer', 20),"
	  . " slm_extract('Anna Berg wants order ' || i || ' of $session back', '[\"name\",\"order\"]', 'writer'),"
	  . " slm_generate('say ' || i, 'other', 30, temperature => 1, seed => $session),"
	  . " slm_generate('say $session', 'other', 40, '{\"enum\": [\"yes and no\", \"no and yes\"]}', temperature => 1, seed => i)), '|' ORDER BY i)"
	  . " FROM generate_series(1, $n) AS i";
}

# One session, all forms.
my @forms = (
	calls(1, 3),
	q{SELECT slm_summarize(repeat('The train was late. The order has not come, and nobody answers. ', 8), 12, 'writer')},
	q{SELECT string_agg(extracted::text, '|' ORDER BY ord) FROM slm_extract_batch((SELECT array_agg('order ' || i || ' of Tom') FROM generate_series(1, 30) AS i), '["name","order"]', 'writer')},
	q{SELECT slm_generate('the ring', slm_pin('other'), 20)},
	q{SELECT string_agg(slm_generate('order ' || i || ' of Tom and of Anna has not come', 'halves', 60, temperature => 1, seed => i), '|' ORDER BY i) FROM generate_series(1, 8) AS i});
for my $i (0 .. $#forms)
{
	my $here = sql("SET slm.execution = backend; $forms[$i]");
	is(sql($forms[$i]), $here, "form $i: a worker writes what a session writes");
}
is(workers(), 1, 'there is one worker');
like(sql(q{SELECT query FROM pg_stat_activity WHERE backend_type = 'slm worker'}), qr/^slm worker: /, 'pg_stat_activity shows it');
is(in_use(), '0|0', 'nothing stays behind');

# Errors are those of the session, NULLs too; statistics count.
for my $call (q{slm_generate(repeat('the order ', 3000), 'writer')}, q{slm_generate('say', 'other', 2, '{"enum": ["the only answer"]}')})
{
	is(sql_error($node, "SELECT $call"), sql_error($node, "SET slm.execution = backend; SELECT $call"), 'an error is the same');
	isnt(sql_error($node, "SELECT $call"), 'no error', 'and it is one');
}
is(sql(q{SELECT slm_generate(repeat('the order ', 3000), 'writer', on_error => 'null') IS NULL}), 't', 'a row that fails is NULL');
sql('SELECT slm_stat_reset()');
sql(q{SELECT slm_generate('a word', 'other', 5)});
my $counted = sql('SELECT calls, rows, tokens_in + tokens_kept, tokens_out FROM slm_stat_calls');
sql('SELECT slm_stat_reset()');
sql(q{SET slm.execution = backend; SELECT slm_generate('a word', 'other', 5)});
is($counted, sql('SELECT calls, rows, tokens_in + tokens_kept, tokens_out FROM slm_stat_calls'), 'a call is counted as if it had been written here');

# Sixteen sessions beside each other: they begin together, when the lock is given up.
my @expected = map { sql('SET slm.execution = backend; ' . calls($_, 12)) } 1 .. 16;
my $gate = psql_start($node, 'SELECT pg_advisory_lock(7), pg_sleep(60)');
wait_for(sub { sql(q{SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted}) == 1 }, 'the gate');
my @sessions = map { psql_start($node, 'DO $$ BEGIN PERFORM pg_advisory_lock_shared(7); END $$; ' . calls($_, 12)) } 1 .. 16;
wait_for(sub { sql(q{SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted}) == 16 }, 'sessions');
my ($rc, $out, $err);
my ($company, $shown) = (0, '');
# one session looks, so that looking is fast
my $look = psql_start($node, q{DO $$ DECLARE most int := 0; seen text := ''; BEGIN
	PERFORM pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted;
	FOR i IN 1 .. 1000 LOOP
		most := greatest(most, (SELECT requests FROM slm_worker_use()));
		SELECT coalesce(max(what), seen) INTO seen FROM slm_activity WHERE what LIKE 'model%';
		EXIT WHEN most >= 8 AND seen <> '';
		PERFORM pg_sleep(0.005);
	END LOOP;
	RAISE WARNING 'most % seen %', most, seen; END $$});
($rc, $out, $err) = psql_finish($look);
($company, $shown) = $err =~ /most (\d+) seen (.*)/;
cmp_ok($company, '>=', 8, 'requests of many sessions are under way together');
like($shown, qr/^model "(writer|other)": (waits for a worker|a worker writes)/, 'slm_activity shows them');
psql_finish($gate);
my @got = map { my ($rc, $out) = psql_finish($_); $out } @sessions;
is_deeply(\@got, \@expected, 'each gets its own answer, bit for bit');
is(in_use(), '0|0', 'nothing stays behind');

# Who sees what.
my $busy = psql_start($node, long(1, 2000));
my $seen = q{SELECT count(*) FROM slm_activity WHERE what LIKE 'model "other"%'};
ok(wait_for(sub { sql($seen) > 0 }, 'a request'), 'a request is seen by a superuser');
is(sql("SET ROLE plain; $seen"), 0, 'and not by another role');
is(sql('SET ROLE plain; SELECT count(*) FROM slm_activity'), 0, 'nor is the worker');
sql(q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE '%slm_generate%' AND pid <> pg_backend_pid() AND backend_type = 'client backend'});
($rc, $out, $err) = psql_finish($busy);
like($err, qr/57014/, 'a cancel ends a call that waits for a worker');
ok(wait_for(sub { in_use() eq '0|0' }, 'slots'), 'its request is dropped');

# slm_activity shows taggers and backfills, too: to the owner of the table.
sql(q{SELECT slm_create_model('tiny', 'tiny-bert.gguf');
	GRANT USAGE ON FOREIGN SERVER tiny TO plain; GRANT CREATE ON SCHEMA public TO plain; SET ROLE plain;
	CREATE TABLE ticket (id int PRIMARY KEY, body text, label text);
	INSERT INTO ticket SELECT i, 'the order ' || i FROM generate_series(1, 20000) AS i;
	SELECT slm_create_tagger('ticket', 'body', 'label', 'classify', 'tiny', '{delivery,account}')});
my $tagger = sql('SELECT name FROM slm_taggers');
sub progress { return sql("SET ROLE $_[0]; SELECT what || ' ' || (rows > 0) || ' ' || (tokens IS NULL) FROM slm_activity WHERE what LIKE '%tagger%'") }
$ENV{PGOPTIONS} = '-c role=plain'; # CALL commits, so it stands alone
my $backfill = psql_start($node, "CALL slm_tag_backfill('$tagger')");
delete $ENV{PGOPTIONS};
ok(wait_for(sub { progress('plain') eq qq(backfill of tagger "$tagger" true true) }, 'backfill'), 'a backfill shows how far it is') or diag progress('plain');
is(progress('second'), '', 'not to others');
sql(q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE '%CALL slm_tag_backfill%' AND pid <> pg_backend_pid()});
psql_finish($backfill);
is(progress('plain'), '', 'and no more when it was cancelled');
sql(q{SET ROLE plain; INSERT INTO ticket SELECT i, 'the order ' || i FROM generate_series(20001, 30000) AS i});
ok(wait_for(sub { progress('plain') eq qq(tagger "$tagger" true true) }, 'tagger'), 'so does a tagger');
sql("SET ROLE plain; SELECT slm_drop_tagger('$tagger')");
ok(wait_for(sub { progress('none') eq '' }, 'tagger'), 'until it has nothing to do');

# Rights are the session's, at each call; what a role knows stays its own.
is(sql_error($node, "SELECT slm_generate('say', 'other', 5)", user => 'second'), '42501 permission denied for foreign server other', 'a role without rights');
sql("SET ROLE plain; SELECT slm_generate('say', 'other', 5)");
sql('REVOKE USAGE ON FOREIGN SERVER other FROM plain');
is(sql_error($node, "SELECT slm_generate('say', 'other', 5)", user => 'plain'), '42501 permission denied for foreign server other', 'a right that was taken away');
sql('GRANT USAGE ON FOREIGN SERVER other TO plain');
my $prompt = "slm_generate(repeat('the same words of a customer, ', 6) || 'end', 'writer', 4)";
sub kept { return sql("SELECT coalesce(sum(tokens_kept), 0) FROM slm_stat_calls WHERE role = '$_[0]'") }
sql("SELECT slm_stat_reset()");
sql("SET ROLE plain; SELECT $prompt");
sql("SET ROLE plain; SELECT $prompt");
cmp_ok(kept('plain'), '>', 16, 'what a prompt begins with is read once for a role');
sql("SET ROLE second; SELECT $prompt");
is(kept('second'), 0, 'and again for another one');

# A model that goes away, or is another one, while requests for it wait.
sql(q{SELECT slm_create_model('third', 'decoder-qwen2.gguf', '{"prompt_format": "chatml"}')});
my $dropped = psql_start($node, "SELECT slm_generate('say', 'third', 200, temperature => 1.5, seed => 5)");
sql(q{SELECT slm_drop_model('third')});
($rc, $out, $err) = psql_finish($dropped);
ok($rc == 0 || $err =~ /42704/, 'a model that is dropped under a call: an answer, or there is no model') or diag $err;
is($out, sql(q{SET slm.execution = backend; SELECT slm_generate('say', 'other', 200, temperature => 1.5, seed => 5)}), 'the answer is right') if $rc == 0;

# DROP DATABASE waits for nobody.
$node->safe_psql('postgres', 'CREATE DATABASE gone');
$node->safe_psql('gone', "CREATE EXTENSION slm; SELECT slm_create_model('other', 'decoder-qwen2.gguf', '{\"prompt_format\": \"chatml\"}'); SELECT slm_generate('say', 'other', 20)");
$busy = psql_start($node, long(1, 2000));
wait_for(sub { sql($seen) > 0 }, 'a request');
my $began = time;
$node->safe_psql('postgres', 'DROP DATABASE gone');
cmp_ok(time - $began, '<', 5, 'DROP DATABASE beside a worker that writes');
sql(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%slm_generate%' AND pid <> pg_backend_pid() AND backend_type = 'client backend'});
psql_finish($busy);

# A worker that is ended under a request: the session gets its answer all the same, from another one.
my $question = long(3, 60);
my $answer = sql("SET slm.execution = backend; $question");
my $asking = psql_start($node, $question);
wait_for(sub { sql($seen) > 0 }, 'a request');
my $first = worker_pid();
sql("SELECT pg_terminate_backend($first)");
($rc, $out, $err) = psql_finish($asking);
is($out, $answer, 'a worker is ended: the answer comes all the same') or diag $err;
ok(wait_for(sub { in_use() eq '0|0' }, 'slots'), 'nothing stays behind');
$began = time;
sql($question);
isnt(worker_pid(), $first, 'the next request starts another worker');

# No worker can be had: the session writes itself, and says so once.
sql("ALTER SYSTEM SET max_worker_processes = 0");
$node->restart;
my ($stdout, $stderr) = ('', '');
$node->psql('postgres', "$question; $question", stdout => \$stdout, stderr => \$stderr);
is($stdout, "$answer\n$answer", 'without a worker the session writes itself');
is(() = $stderr =~ /NOTICE:  no background worker can be had/g, 1, 'and says so once') or diag $stderr;
sql('ALTER SYSTEM RESET max_worker_processes');
sql('ALTER SYSTEM SET slm.workers = 0') if $preloaded;
$node->restart;
if ($preloaded)
{
	is($node->psql('postgres', $question, stdout => \$stdout, stderr => \$stderr), 0, 'slm.workers = 0: no worker');
	is($stdout . $stderr, $answer, 'the session writes itself, without a word');
	is(workers(), 0, 'there is none');
	sql('ALTER SYSTEM RESET slm.workers');
	$node->restart;
	ok(wait_for(sub { workers() == 1 }, 'a worker'), 'preloaded, a worker starts with the server');
}

sub threads_of
{
	my ($pid) = @_;
	return 0 if $pid eq '' || !-e "/proc/$pid/status";
	my @tasks = glob("/proc/$pid/task/*");
	return scalar(@tasks);
}

# Threads: the same bits.  They come and go with the setting.
for my $threads (3, 1)
{
	$node->append_conf('postgresql.conf', "slm.worker_threads = $threads");
	$node->reload;
	# another worker, or this one as it takes the next request on after the reload
	ok(wait_for(sub { sql('SELECT slm_generate(md5(random()::text), \'other\', 1)'); threads_of(worker_pid()) == $threads }, 'threads'), "a worker of $threads threads");
	is(sql($question), $answer, 'writes the same');
	is(sql($forms[0]), sql("SET slm.execution = backend; $forms[0]"), 'in all forms');
}

# Random cancels, timeouts, disconnects and ends of workers under load.
my @load = ('', map { sql("SET slm.execution = backend; SELECT md5(slm_generate('order $_', 'other', 60 + $_, temperature => 1, seed => $_))") } 1 .. 8);
# every call is computed: nothing is remembered from one to the next
sub client
{
	my ($k) = @_;
	my $body = "DO \$\$ BEGIN FOR i IN 1 .. 100000 LOOP IF md5(slm_generate('order $k', 'other', 60 + $k, temperature => 1, seed => $k, system => CASE WHEN i < 0 THEN 'x' END)) <> '$load[$k]' THEN RAISE EXCEPTION 'wrong answer'; END IF;"
	  . " PERFORM slm_generate('remember ' || i, 'other', 3); FOR j IN 1 .. 17 LOOP PERFORM slm_generate('forget ' || j, 'writer', 1); END LOOP; END LOOP; END \$\$";
	return psql_start($node, $body);
}
sub random_events
{
	my ($how) = @_;
	srand(20261128);
	my @clients = map { client($_) } 1 .. 8;
	my ($wrong, $slowest, $events) = (0, 0, 0);
	while ($events < $soak)
	{
		usleep(20_000 + int(rand(60_000)));
		my $kind = int(rand(4));
		my $k = int(rand(8));
		$events++;
		if ($kind == 3)
		{
			# a worker; one session ends it and looks for one to ask, so that looking is fast
			my ($status, $text, $error) = psql_finish(psql_start($node, q{DO $$ DECLARE old int; fresh int; since timestamptz; BEGIN
				SELECT pid INTO old FROM pg_stat_activity WHERE backend_type = 'slm worker' ORDER BY random() LIMIT 1;
				IF old IS NULL THEN RETURN; END IF;
				PERFORM pg_terminate_backend(old, 5000);
				since := clock_timestamp();
				LOOP
					PERFORM pg_stat_clear_snapshot();
					SELECT min(pid) INTO fresh FROM pg_stat_activity WHERE backend_type = 'slm worker' AND pid <> old;
					EXIT WHEN fresh IS NOT NULL OR clock_timestamp() > since + interval '30 s';
					PERFORM pg_sleep(0.005);
				END LOOP;
				RAISE WARNING 'back in %', extract(epoch FROM clock_timestamp() - since); END $$}));
			$slowest = $1 if $error =~ /back in ([0-9.]+)/ && $1 > $slowest;
			next;
		}
		if ($kind < 2)
		{
			# a client that has just been started may not have come so far yet
			my $end = $kind == 0 ? 'pg_cancel_backend' : 'pg_terminate_backend';
			wait_for(sub { sql(qq{SELECT count($end(pid)) FROM pg_stat_activity WHERE query LIKE 'DO %''order @{[ $k + 1 ]}''%' AND pid <> pg_backend_pid()}) > 0 }, 'a client');
		}
		else
		{
			$clients[$k]{run}->kill_kill(grace => 1); # the client goes without a word
		}
		my ($status, $text, $error) = $kind == 2 ? (0, '', $clients[$k]{err}) : psql_finish($clients[$k]);
		$wrong++ if $error =~ /wrong answer|XX000/;
		diag $error if $error ne '' && $error !~ /57014|57P01|terminating connection|server closed|connection to server was lost/;
		$clients[$k] = client($k + 1);
	}
	is($wrong, 0, "$how: $soak random cancels, disconnects and ends of workers: no wrong answer");
	cmp_ok($slowest, '<', 1, sprintf('there is a worker within 1 s (%.2f s)', $slowest));
	sql(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'DO $$ BEGIN FOR i%' AND pid <> pg_backend_pid()});
	$_->{run}->kill_kill(grace => 1) for @clients;
	ok(wait_for(sub { sql(q{SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'DO $$ BEGIN FOR i%' AND pid <> pg_backend_pid()}) == 0 }, 'sessions'), 'no session hangs');
	ok(wait_for(sub { in_use() eq '0|0' }, 'slots'), 'no slot and no memory stays behind') or diag in_use();
	is(sql($question), $answer, 'the next answer is right');
	unlike(PostgreSQL::Test::Utils::slurp_file($node->logfile), qr/PANIC|TRAP|signal 11|signal 6|requests? comes from no session/, 'the log is quiet');
	return;
}
random_events('one worker');
$node->append_conf('postgresql.conf', "slm.workers = 2\nslm.worker_threads = 2");
$node->restart;
ok(wait_for(sub { workers() == 2 }, 'workers'), 'preloaded, two workers start with the server') if $preloaded;
random_events('two workers of two threads');
$node->append_conf('postgresql.conf', "slm.workers = 1\nslm.worker_threads = 1");
$node->restart;

# Without requests a worker goes; one that started with the server stays.
if ($preloaded)
{
	sql('SELECT pg_terminate_backend(' . worker_pid() . ', 5000)') if worker_pid() ne '';
	sql($question);
}
ok(wait_for(sub { workers() == 0 }, 'idle'), 'a worker without requests ends');
is(in_use(), '0|0', 'nothing stays behind');

$node->stop;
done_testing();
