# What happens to a model when its file changes: models that carry their sha256
# go on as they are, models that do not see the new file from the next statement on.
use strict;
use warnings FATAL => 'all';
use Digest::SHA qw(sha256_hex);
use FindBin;
use lib $FindBin::Bin;
use PostgreSQL::Test::Utils;
use SlmTest;
use Test::More;

my $node = slm_cluster('replace');
my $models = $node->data_dir . '/slm_models';
my $embed = q{SELECT md5(slm_embed('the order arrived late', '%s')::text)};

sub answer
{
	my ($model) = @_;
	return $node->safe_psql('postgres', sprintf($embed, $model));
}

put_model($node, 'tiny-bert.gguf', 'live.gguf');
$node->safe_psql('postgres', q{
	SELECT slm_create_model('fixed', 'live.gguf');
	CREATE SERVER live FOREIGN DATA WRAPPER slm OPTIONS (file 'live.gguf');
});
my $old = answer('fixed');
is(answer('live'), $old, 'both run the same content');

# ---- A session that has it open ----------------------------------------------

my $session = $node->background_psql('postgres');
my $ask = sub { $session->query_safe(sprintf($embed, $_[0])) };
is($ask->($_), $old, "an open session runs \"$_\"") for qw(fixed live);

variant_model("$models/new.gguf", 1);
rename "$models/new.gguf", "$models/live.gguf" or die;
my $new = answer('live');
isnt($new, $old, 'renamed over: the next statement sees the new file');
is($ask->('live'), $new, 'in the open session as well');
is($ask->('fixed'), $old, 'a model with sha256 stays what it was');
is(answer('fixed'), $old, 'in a fresh session too');

# Overwritten in place, same size; at once, so that a coarse clock would hide it.
for my $i (2 .. 6)
{
	variant_model("$models/live.gguf", $i);
	my $answer = answer('live');
	isnt($answer, $new, "overwritten in place ($i): seen");
	is($ask->('live'), $answer, 'by the open session as well');
	$new = $answer;
}

truncate "$models/live.gguf", 5000 or die;
is(sql_error($node, sprintf($embed, 'live')) =~ s/ .*//r, 'XX001', 'truncated: a model without sha256 has an error');
is($ask->('fixed'), $old, 'one with sha256 its answer');
is(answer('fixed'), $old, 'also in a fresh session');
unlink "$models/live.gguf" or die;
is(sql_error($node, sprintf($embed, 'live')), '58P01 could not open model file "live.gguf"', 'deleted: an error');
is(answer('fixed'), $old, 'and an answer');
$node->restart;
is(answer('fixed'), $old, 'also after a restart');

# ---- The registered content is asked for --------------------------------------

$session->quit;
put_model($node, 'tiny-bert.gguf', 'live.gguf');
is(answer('live'), $old, 'the old file is back');
variant_model("$models/live.gguf", 7);
$node->safe_psql('postgres', 'SELECT count(*) FROM slm_cache_gc()');
wait_for(sub { $node->safe_psql('postgres', 'SELECT count(*) FROM slm_cache_gc()'); !cache_files($node, qr/\.image$/) }, 'images to go');
my $error = sql_error($node, sprintf($embed, 'fixed'));
like($error, qr/^XX001/, 'without image and with another file, a model with sha256 is an error');
my ($rc, $out, $err) = $node->psql('postgres', sprintf($embed, 'fixed'));
my $registered = $node->safe_psql('postgres', "SELECT sha256 FROM slm_models WHERE name = 'fixed'");
my $found = sha256_hex(read_bytes("$models/live.gguf"));
like($err, qr/$registered/, 'that names the registered content');
like($err, qr/$found/, 'and the one found');

# A pin refuses the new content.
put_model($node, 'tiny-bert.gguf', 'live.gguf');
my $pin = $node->safe_psql('postgres', "SELECT slm_pin('live')");
is($node->safe_psql('postgres', "SELECT md5(slm_embed('the order arrived late', slm_model '$pin')::text)"), $old, 'a pinned call');
variant_model("$models/live.gguf", 8);
is(sql_error($node, "SELECT slm_embed('x', slm_model '$pin')"), '22023 model "live" is not the one that was pinned', 'refuses a replaced file');
put_model($node, 'tiny-bert.gguf', 'live.gguf');
$node->safe_psql('postgres', "ALTER SERVER live OPTIONS (ADD normalize 'false')");
is(sql_error($node, "SELECT slm_embed('x', slm_model '$pin')"), '22023 model "live" is not the one that was pinned', 'and changed options');
$node->safe_psql('postgres', "ALTER SERVER live OPTIONS (SET normalize 'true')");
is(sql_error($node, "SELECT slm_embed('x', slm_model '$pin')"), 'no error', 'an option at its default is as good as none');

# ---- Never mixed: readers while the file is replaced over and over --------------

{
	my %good = map { $_ => 1 } map { variant_model("$models/live.gguf", $_); answer('live') } 1 .. 4;
	my @readers = map {
		psql_start($node, q{
			DO $$
			DECLARE a text; b text;
			BEGIN
				CREATE TEMP TABLE seen (answer text PRIMARY KEY);
				FOR i IN 1..150 LOOP
					PERFORM pg_sleep(0.002);
					SELECT md5(slm_embed('the order arrived late', 'live')::text) INTO a;
					INSERT INTO seen VALUES (a) ON CONFLICT DO NOTHING;
				END LOOP;
			END $$;
			SELECT answer FROM seen})
	} 1 .. 3;
	for my $round (1 .. 40)
	{
		variant_model("$models/swap.gguf", 1 + $round % 4);
		rename "$models/swap.gguf", "$models/live.gguf" or die;
		my $answer = answer('live');
		ok($good{$answer}, "round $round: an answer of one of the files") if !$good{$answer};
	}
	my $bad = 0;
	for my $reader (@readers)
	{
		my ($status, $seen, $errors) = psql_finish($reader);
		$bad++ if $status != 0 || grep { !$good{$_} } split /\n/, $seen;
		diag($errors) if $status != 0;
		is(scalar(split /\n/, $seen), 1, 'one statement saw one content, however long it ran');
	}
	is($bad, 0, 'and nothing else');
}

# Leader and workers of one parallel query agree on a content: here the leader has
# looked, the file is replaced, and then the workers start.
{
	$node->safe_psql('postgres', q{
		CREATE TABLE rows AS SELECT n, repeat('x', 1000) AS filler FROM generate_series(1, 2000) n;
		ALTER TABLE rows SET (parallel_workers = 3);
		ANALYZE rows;
		CREATE FUNCTION slow_pin() RETURNS text LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
		DECLARE
			pin text := slm_pin('live');
		BEGIN
			PERFORM pg_sleep(1);
			RETURN pin;
		END $$;
	});
	my $query = q{SELECT count(*), count(*) FILTER (WHERE pin = leaders)
		FROM (SELECT slm_pin(CASE WHEN n > 0 THEN 'live' END)::text AS pin, (SELECT slow_pin()) AS leaders FROM rows) x};
	my $settings = 'SET parallel_setup_cost = 0; SET min_parallel_table_scan_size = 0; SET parallel_tuple_cost = 0; SET parallel_leader_participation = off;';
	like($node->safe_psql('postgres', "$settings EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) $query"),
		qr/InitPlan 1.*Workers Launched: [123]/s, 'a parallel query whose leader looks first');
	my $session = psql_start($node, "$settings $query");
	wait_for(sub { $node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") }, 'the leader');
	variant_model("$models/swap.gguf", 9);
	rename "$models/swap.gguf", "$models/live.gguf" or die;
	my ($rc, $out, $err) = psql_finish($session);
	is($out, '2000|2000', 'its workers run the content that it saw') or diag($err);
	is($node->safe_psql('postgres', "$settings SELECT DISTINCT slm_pin(CASE WHEN n > 0 THEN 'live' END)::text FROM rows"),
		$node->safe_psql('postgres', "SELECT slm_pin('live')"), 'the next query runs the new one');
}

$node->stop;
done_testing();
