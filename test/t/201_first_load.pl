# The first load of a model: one builds, the others wait; both can be cancelled,
# and a killed builder leaves nothing behind for long.
use strict;
use warnings FATAL => 'all';
use FindBin;
use lib $FindBin::Bin;
use PostgreSQL::Test::Utils;
use SlmTest;
use Test::More;
use Time::HiRes qw(time);

my $node = slm_cluster('first_load', conf => "restart_after_crash = on\n");
my $models = $node->data_dir . '/slm_models';
my $bytes = big_model("$models/big.gguf", 8, 1024);
$node->safe_psql('postgres', "CREATE SERVER big FOREIGN DATA WRAPPER slm OPTIONS (file 'big.gguf')");

my $log = -s $node->logfile;

# Eight sessions at once: one image, built once.
{
	my @sessions = map { psql_start($node, "SELECT slm_load('big');") } 1 .. 8;
	my %answers;
	for my $session (@sessions)
	{
		my ($rc, $out, $err) = psql_finish($session);
		$answers{"$rc $out $err"}++;
	}
	is(join('|', map { "$_ x $answers{$_}" } keys %answers) =~ s/\d{6,}/N/r, '0 N  x 8', 'eight racing sessions all load it');
	is(builds_logged($node, $log), 1, 'one of them built the image');
	is(scalar(cache_files($node, qr/\.image$/)), 1, 'there is one image');
	is(scalar(cache_files($node, qr/tmp$/)), 0, 'and no temporary file');
}

# A builder that is held up by SIGSTOP, so that who waits and who builds is certain.
sub drop_images
{
	wait_for(sub {
		# A session that has just ended may still be letting go of its mapping.
		$node->safe_psql('postgres', 'SELECT count(*) FROM slm_cache_gc()');
		return !cache_files($node, qr/\.image$/);
	}, 'images to be dropped');
	return;
}

sub pid_of
{
	my ($tag) = @_;
	return $node->safe_psql('postgres',
		"SELECT pid FROM pg_stat_activity WHERE query LIKE '%/* $tag */%' AND pid <> pg_backend_pid() AND state = 'active'");
}

# A fast machine may be done before it can be stopped: then once more.
sub start_builder
{
	for (1 .. 20)
	{
		my $session = psql_start($node, "SELECT /* builder */ slm_load('big');");
		my $pid;

		wait_for(sub { scalar(cache_files($node, qr/^[0-9a-f]{32}\.(tmp|image)$/)) }, 'a file');
		$pid = pid_of('builder');
		return ($session, $pid)
			if $pid ne '' && kill('STOP', $pid) == 1 && cache_files($node, qr/^[0-9a-f]{32}\.tmp$/);
		kill('CONT', $pid) if $pid ne '';
		psql_finish($session);
		drop_images();
	}
	die 'no builder could be stopped';
}

drop_images();
{
	$log = -s $node->logfile;
	my ($builder, $builder_pid) = start_builder();
	my $waiter = psql_start($node, "SELECT /* waiter */ slm_load('big');");
	my $patient = psql_start($node, "SELECT /* patient */ slm_load('big');");
	wait_for(sub { pid_of('waiter') && pid_of('patient') }, 'waiters');
	select(undef, undef, undef, 0.1);
	is($node->safe_psql('postgres', "SELECT state FROM slm_models WHERE name = 'big'"), 'building', 'slm_models says so');

	my $start = time;
	$node->safe_psql('postgres', 'SELECT pg_cancel_backend(' . pid_of('waiter') . ')');
	my ($rc, $out, $err) = psql_finish($waiter);
	my $took = time - $start;
	like($err, qr/57014.*canceling statement due to user request/, 'a waiter can be cancelled');
	cmp_ok($took, '<', 2, 'at once');

	is(sql_error($node, "SET statement_timeout = '50ms'; SELECT slm_load('big')"),
		'57014 canceling statement due to statement timeout', 'or time out');

	kill 'CONT', $builder_pid;
	($rc, $out, $err) = psql_finish($builder);
	is("$rc $err", '0 ', 'the builder finishes');
	($rc, $out, $err) = psql_finish($patient);
	is("$rc $err", '0 ', 'and so does who kept waiting');
	is(builds_logged($node, $log), 1, 'with the one image');
}

drop_images();
{
	$log = -s $node->logfile;
	my ($builder, $builder_pid) = start_builder();
	my $heir = psql_start($node, "SELECT slm_load('big');");
	select(undef, undef, undef, 0.1);
	$node->safe_psql('postgres', "SELECT pg_cancel_backend($builder_pid)");
	kill 'CONT', $builder_pid;
	my ($rc, $out, $err) = psql_finish($builder);
	like($err, qr/57014/, 'a builder can be cancelled');
	($rc, $out, $err) = psql_finish($heir);
	is("$rc $err", '0 ', 'who waited builds instead');
	is(builds_logged($node, $log), 1, 'once');
	is(scalar(cache_files($node, qr/tmp$/)), 0, 'no temporary file is left');
}

drop_images();
{
	my ($builder, $builder_pid) = start_builder();
	$node->safe_psql('postgres', "SELECT pg_terminate_backend($builder_pid)");
	kill 'CONT', $builder_pid;
	my ($rc, $out, $err) = psql_finish($builder);
	like($err, qr/57P01/, 'a builder can be terminated');
	is(scalar(cache_files($node, qr/tmp$/)), 0, 'no temporary file is left');
}

# kill -9: the cluster restarts, the orphan is taken over or swept.
{
	my ($builder, $builder_pid) = start_builder();
	kill 'KILL', $builder_pid;
	psql_finish($builder);
	wait_for(sub { $node->psql('postgres', 'SELECT 1') == 0 }, 'crash recovery');
	is(scalar(cache_files($node, qr/^[0-9a-f]{32}\.tmp$/)), 1, 'a killed builder leaves its temporary file');
	$node->safe_psql('postgres', "SELECT slm_create_model('tiny', 'tiny-bert.gguf')");
	is(scalar(cache_files($node, qr/tmp$/)), 0, 'the next build of any model sweeps it');
	is($node->safe_psql('postgres', "SELECT slm_load('big') > $bytes / 2"), 't', 'and the model loads');
}

# Random cancels leave a state from which the next load works.
{
	my $errors = 0;
	drop_images();
	for my $i (1 .. 20)
	{
		my $ms = 1 + int(rand(120));
		my $error = sql_error($node, "SET statement_timeout = '${ms}ms'; SELECT slm_load('big')");
		$errors++ if $error !~ /^57014/ && $error ne 'no error';
		drop_images() if $error eq 'no error';
	}
	is($errors, 0, 'random timeouts give timeouts only');
	is($node->safe_psql('postgres', "SELECT slm_load('big') > 0"), 't', 'the next load is right');
	is(scalar(cache_files($node, qr/tmp$/)), 0, 'no temporary file is left');
}

$node->stop;
done_testing();
