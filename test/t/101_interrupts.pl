# What comes up while one long call computes: barriers and requests are served,
# whatever ends a statement ends it soon and with its own message, and the
# backend is as good as new afterwards.
use strict;
use warnings FATAL => 'all';
use FindBin;
use lib $FindBin::Bin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SlmTest;
use Test::More;
use Time::HiRes qw(time);

my $node = slm_cluster('interrupts',
	conf => "slm.max_scratch_memory = '1GB'\nclient_connection_check_interval = '100ms'\n",
	init => { allows_streaming => 1 });
$node->safe_psql('postgres', "SELECT slm_create_model('tiny', 'tiny-bert.gguf')");
my $right = $node->safe_psql('postgres', "SELECT md5(slm_embed('the order is late', 'tiny')::text)");

# One call of the engine that would take a minute or so.
sub long_call
{
	my ($server) = @_;
	my $session = psql_start($server, "SELECT /* long */ slm_embed(repeat('order number five ', 3000000), 'tiny') IS NULL");
	my $pid = '';
	wait_for(sub { $pid = $server->safe_psql('postgres',
			"SELECT pid FROM pg_stat_activity WHERE query LIKE '%/* long */%' AND pid <> pg_backend_pid()
			 AND state = 'active' AND clock_timestamp() > query_start + interval '0.5 s'") }, 'the long call');
	return ($session, $pid);
}

sub still_active
{
	my ($pid) = @_;
	return $node->safe_psql('postgres', "SELECT state FROM pg_stat_activity WHERE pid = $pid") eq 'active';
}

# DROP DATABASE waits until every backend has passed a barrier.
{
	$node->safe_psql('postgres', 'CREATE DATABASE other');
	my ($session, $pid) = long_call($node);
	my $start = time;
	$node->safe_psql('postgres', 'DROP DATABASE other');
	cmp_ok(time - $start, '<', 10, 'a barrier is passed during a call');
	ok(still_active($pid), 'and the call goes on');

	my $log = -s $node->logfile;
	$node->safe_psql('postgres', "SELECT pg_log_backend_memory_contexts($pid)");
	ok(wait_for(sub { slurp_file($node->logfile, $log) =~ /slm scratch/ }, 'contexts in the log'),
		'memory contexts are logged during a call');
	ok(still_active($pid), 'and the call goes on');

	$start = time;
	$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
	my ($rc, $out, $err) = psql_finish($session);
	cmp_ok(time - $start, '<', 5, 'a cancel ends the call');
	like($err, qr/57014: canceling statement due to user request/, 'with its own message');
}

# Termination.
{
	my ($session, $pid) = long_call($node);
	$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid, 10000)");
	my ($rc, $out, $err) = psql_finish($session);
	like($err, qr/57P01: terminating connection due to administrator command/, 'termination ends the call');
}

# A client that is gone.
{
	my ($session, $pid) = long_call($node);
	$session->{run}->kill_kill(grace => 0);
	ok(wait_for(sub { $node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE pid = $pid") eq '0' },
			'backend to end'),
		'a lost client ends the call');
}

# Errors caught by the caller: the session goes on, with right answers.
is( $node->safe_psql('postgres', q{
	SET statement_timeout = '300ms';
	DO $$
	BEGIN
		PERFORM slm_embed(repeat('order number five ', 3000000), 'tiny');
	EXCEPTION WHEN query_canceled THEN
		RAISE NOTICE 'caught';
	END $$;
	SET statement_timeout = 0;
	SELECT md5(slm_embed('the order is late', 'tiny')::text)}),
	$right, 'the next call of the same session is right');

# Development builds measure the CPU time between polls (law 3: at most 2 ms of work).
SKIP:
{
	skip 'not a development build', 1
	  if $node->safe_psql('postgres', "LOAD 'slm'; SELECT count(*) FROM pg_settings WHERE name = 'slm.dev_poll_gap_us'") eq '0';
	my $gap = $node->safe_psql('postgres', q{
		LOAD 'slm';
		SET slm.dev_poll_gap_us = 0;
		DO $$
		BEGIN
			PERFORM slm_embed(repeat('order number five ', 20000), 'tiny');
			PERFORM slm_count_tokens(repeat('order number five ', 500000), 'tiny');
			PERFORM count(*) FROM slm_chunk(repeat('order number five ', 100000), 20, 5, 'tiny');
			PERFORM slm_classify('late', (SELECT array_agg('label ' || n) FROM generate_series(1, 5000) AS n), 'tiny');
			PERFORM count(*) FROM slm_embed_batch((SELECT array_agg('please refund my order ' || n) FROM generate_series(1, 5000) AS n), 'tiny');
		END $$;
		SHOW slm.dev_poll_gap_us});
	note "largest gap between polls: $gap us";
	cmp_ok($gap, '<=', 5000, 'polls are close together');
}

# A conflict with recovery ends the call of a standby.
{
	$node->backup('base');
	my $standby = PostgreSQL::Test::Cluster->new('standby');
	$standby->init_from_backup($node, 'base', has_streaming => 1);
	$standby->append_conf('postgresql.conf', "max_standby_streaming_delay = '200ms'");
	$standby->start;
	$node->safe_psql('postgres', 'CREATE TABLE gone AS SELECT 1 AS a');
	$node->wait_for_catchup($standby, 'replay', $node->lsn('write'));
	is($standby->safe_psql('postgres', "SELECT md5(slm_embed('the order is late', 'tiny')::text)"),
		$right, 'a standby gives the same answer');
	my $session = psql_start($standby,
		"SELECT /* long */ slm_embed(repeat('order number five ', 3000000), 'tiny') IS NULL FROM gone");
	wait_for(sub { $standby->safe_psql('postgres',
			"SELECT count(*) FROM pg_locks WHERE relation = 'gone'::regclass AND granted") ne '0' }, 'the lock');
	$node->safe_psql('postgres', 'DROP TABLE gone');
	my ($rc, $out, $err) = psql_finish($session);
	like($err, qr/40001: canceling statement due to conflict with recovery/, 'a conflict with recovery ends the call');
	$standby->stop;
}

$node->stop;
done_testing();
