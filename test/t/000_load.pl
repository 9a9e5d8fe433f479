# The library in all the ways it can come into a server, and its shared state.
use strict;
use warnings FATAL => 'all';
use FindBin;
use lib $FindBin::Bin;
use PostgreSQL::Test::Utils;
use SlmTest;
use Test::More;

my $embed = q{SELECT md5(slm_embed('the order arrived late', 'tiny')::text)};
my $right;

for my $how ('', 'slm')
{
	my $what = $how eq '' ? 'not preloaded' : 'preloaded';
	my $node = slm_cluster($how eq '' ? 'plain' : 'preloaded', conf => "shared_preload_libraries = '$how'\n");
	$node->safe_psql('postgres', "SELECT slm_create_model('tiny', 'tiny-bert.gguf')");
	my $answer = $node->safe_psql('postgres', $embed);
	$right //= $answer;
	is($answer, $right, "$what: the same answer");
	is($node->safe_psql('postgres', 'SELECT slm_version()'),
		$node->safe_psql('postgres', "SELECT extversion FROM pg_extension WHERE extname = 'slm'"), "$what: library and extension are of one version");
	is($node->safe_psql('postgres', "SELECT calls, rows, errors FROM slm_stat_calls WHERE function = 'slm_embed' AND model = 'tiny'"),
		'1|1|0', "$what: calls are counted across sessions");
	is($node->safe_psql('postgres', "SELECT size < 65536 FROM pg_shmem_allocations WHERE name = 'slm'"), 't', "$what: in little shared memory");

	# Another database of the same server has its own models and the same images.
	$node->safe_psql('postgres', 'CREATE DATABASE other');
	$node->safe_psql('other', 'CREATE EXTENSION slm');
	is($node->safe_psql('other', 'SELECT name FROM slm_models'), 'slm_base', "$what: models belong to a database");
	my $log = -s $node->logfile;
	is($node->safe_psql('other', "SELECT slm_create_model('tiny', 'tiny-bert.gguf') IS NOT NULL"), 't', "$what: a second database registers the file");
	is($node->safe_psql('other', $embed), $right, "$what: with the same answer");
	is(builds_logged($node, $log), 0, "$what: from the image that is there");

	# Statistics: whose rows one sees, and the reset.
	$node->safe_psql('postgres', q{
		CREATE ROLE joe LOGIN; CREATE ROLE ann LOGIN; CREATE ROLE boss LOGIN IN ROLE pg_read_all_stats;
		GRANT USAGE ON FOREIGN SERVER tiny TO joe, ann;
	});
	$node->safe_psql('postgres', "SELECT slm_embed('a', 'tiny')", extra_params => [ '-U', 'joe' ]);
	$node->psql('postgres', "SELECT slm_embed('a', 'tiny', on_error => 'never')", extra_params => [ '-U', 'ann' ]);
	my $roles = "SELECT string_agg(DISTINCT role::text, ' ') FROM slm_stat_calls";
	is($node->safe_psql('postgres', $roles, extra_params => [ '-U', 'joe' ]), 'joe', "$what: a role sees its own rows");
	my $super = $node->safe_psql('postgres', 'SELECT current_user');
	my %seen = map { $_ => 1 } split / /, $node->safe_psql('postgres', $roles, extra_params => [ '-U', 'boss' ]);
	ok($seen{joe} && $seen{$super}, "$what: pg_read_all_stats sees all");
	is($node->safe_psql('postgres', "SELECT string_agg(DISTINCT database::text, ' ' ORDER BY database::text) FROM slm_stat_calls"), 'other postgres', "$what: of all databases");
	$node->safe_psql('postgres', 'SELECT slm_stat_reset()');
	is($node->safe_psql('postgres', 'SELECT count(*) FROM slm_stat_calls'), '0', "$what: slm_stat_reset empties the table");

	# More roles than the table has rows: the rest is counted in one row.
	$node->safe_psql('postgres', q{
		DO $$ BEGIN
			FOR i IN 1..150 LOOP
				EXECUTE format('CREATE ROLE r%s', i);
				EXECUTE format('GRANT USAGE ON FOREIGN SERVER tiny TO r%s', i);
				EXECUTE format('SET LOCAL ROLE r%s', i);
				PERFORM slm_embed('a', 'tiny');
				RESET ROLE;
			END LOOP;
		END $$});
	is($node->safe_psql('postgres', "SELECT count(*), sum(calls), sum(calls) FILTER (WHERE function = 'other') FROM slm_stat_calls"),
		'129|150|22', "$what: a full table counts on in its last row");

	$node->restart;
	is($node->safe_psql('postgres', $embed), $right, "$what: after a restart");
	is($node->safe_psql('postgres', 'SELECT sum(calls) FROM slm_stat_calls'), '1', "$what: which starts the counts anew");

	# Session preload, and LOAD.
	is($node->safe_psql('postgres', "LOAD 'slm'; $embed"), $right, "$what: after LOAD");
	$node->safe_psql('postgres', "ALTER DATABASE postgres SET session_preload_libraries = 'slm'");
	is($node->safe_psql('postgres', $embed), $right, "$what: with session_preload_libraries");

	# In and out.
	$node->safe_psql('other', 'DROP EXTENSION slm CASCADE; CREATE EXTENSION slm;') for 1 .. 10;
	is($node->safe_psql('other', "SELECT name FROM slm_models"), 'slm_base', "$what: extension dropped and created ten times");
	$node->stop;

	# Single-user mode.
	my $data = $node->data_dir;
	my ($out, $err) = ('', '');
	my $in = "SELECT length(slm_embed('a', 'tiny')::text) > 10 AS fine;\n";
	IPC::Run::run([ 'postgres', '--single', '-D', $data, 'postgres' ], '<', \$in, '>', \$out, '2>', \$err);
	like($out, qr/fine = "t"/, "$what: in single-user mode") or diag($err);
}

done_testing();
