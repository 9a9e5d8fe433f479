# The plan node that computes calls for many rows at once, over whole sessions and servers: the
# first query of a session, what hidden rows cost, LIMIT, cancels, and what workers tell EXPLAIN.
use strict;
use warnings FATAL => 'all';
use FindBin;
use lib $FindBin::Bin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SlmTest;
use Test::More;
use Time::HiRes qw(time);

my $settings = "slm.embed_model = 'tiny'\nslm.classify_model = 'tiny'\n";
my $tickets = q{CREATE TABLE ticket (id int PRIMARY KEY, owner text, body text);
	INSERT INTO ticket SELECT n, CASE WHEN n % 10 = 0 THEN 'joe' ELSE 'ann' END, 'the order number ' || n || ' is late' FROM generate_series(1, 400) AS n;
	ANALYZE ticket;};
my $counted = q{SELECT coalesce(sum(calls), 0), coalesce(sum(rows), 0), coalesce(sum(tokens_in), 0) FROM slm_stat_calls WHERE role = };

# However the module gets into a session, its first query has the node.
my %right;
for my $how ('nothing', 'shared_preload_libraries', 'session_preload_libraries')
{
	my $node = slm_cluster("first_$how",
		conf => $settings . "shared_preload_libraries = ''\n" . ($how eq 'nothing' ? '' : "$how = 'slm'\n"));
	$node->safe_psql('postgres', "SELECT slm_create_model('tiny', 'tiny-bert.gguf'); $tickets");
	my $select = q{SELECT md5(string_agg(slm_embed(body)::text, ',' ORDER BY id)) FROM ticket};
	for (['a query', "EXPLAIN (COSTS OFF) $select"],
		['a filter', "EXPLAIN (COSTS OFF) SELECT id FROM ticket WHERE slm_embed(body) IS NOT NULL"],
		['an INSERT', "EXPLAIN (COSTS OFF) INSERT INTO ticket SELECT id + 1000, slm_classify(body, '{x,y}') FROM ticket"],
		['a prepared statement', "PREPARE p AS $select; EXPLAIN (COSTS OFF) EXECUTE p"])
	{
		like($node->safe_psql('postgres', $_->[1]), qr/Custom Scan \(SlmBatch\)/, "$how: $_->[0]");
	}
	unlike($node->safe_psql('postgres', "SET slm.enable_batching = off; EXPLAIN (COSTS OFF) $select"), qr/SlmBatch/, "$how: not when it is off");
	$right{ $node->safe_psql('postgres', $select) } = 1;
	$right{ $node->safe_psql('postgres', "SET slm.enable_batching = off; $select") } = 1;
	# A generic plan of a session's first statement, made before the module was there, run again and again.
	my $again = $node->safe_psql('postgres', "SET plan_cache_mode = force_generic_plan; PREPARE p AS $select; EXECUTE p; EXECUTE p; DROP TABLE IF EXISTS none; EXECUTE p");
	$right{$_} = 1 for split /\n/, $again;
	# So is a loop's, whose plan has been said to go backward by then: it runs row by row.
	is($node->safe_psql('postgres', q{DO $$ DECLARE r record; n int := 0; BEGIN
		FOR r IN SELECT id, slm_classify(body, '{x,y}') AS c FROM ticket LOOP n := n + (r.c IS NOT NULL)::int; END LOOP;
		RAISE EXCEPTION 'n = %', n; EXCEPTION WHEN raise_exception THEN CREATE TABLE loops AS SELECT n; END $$; SELECT n FROM loops}), '400', "$how: a loop");
	is($node->safe_psql('postgres', q{BEGIN; DECLARE c CURSOR FOR SELECT id, slm_classify(body, '{x,y}') IS NOT NULL FROM ticket ORDER BY id; FETCH 2 FROM c; MOVE 300 FROM c; FETCH 1 FROM c}),
		"1|t\n2|t\n303|t", "$how: a cursor");
	$node->stop;
}
is(scalar(keys %right), 1, 'one answer');

my $node = slm_cluster('batching', conf => $settings);
$node->safe_psql('postgres', "SELECT slm_create_model('tiny', 'tiny-bert.gguf'); $tickets");
$node->safe_psql('postgres', q{CREATE ROLE joe LOGIN; CREATE ROLE ann LOGIN;
	GRANT USAGE ON FOREIGN SERVER tiny TO joe, ann;
	GRANT SELECT ON ticket TO joe, ann;
	INSERT INTO ticket SELECT 1000 + n, 'ann', repeat('a hidden text ', 100) FROM generate_series(1, 5) AS n;
	ALTER TABLE ticket ENABLE ROW LEVEL SECURITY;
	CREATE POLICY own ON ticket USING (owner = current_user);
	CREATE TABLE own AS SELECT * FROM ticket WHERE owner = 'joe';
	GRANT SELECT ON own TO joe;
	CREATE VIEW fenced WITH (security_barrier) AS SELECT * FROM own WHERE id % 20 = 0;
	CREATE VIEW open AS SELECT * FROM own WHERE id % 20 = 0;
	GRANT SELECT ON fenced, open TO joe});

# What a statement of joe's costs: calls, rows and tokens.
sub cost
{
	my ($sql, $batching) = @_;
	$node->safe_psql('postgres', 'SELECT slm_stat_reset()');
	$node->safe_psql('postgres', "SET slm.enable_batching = $batching; SELECT slm_embed('warm') IS NULL; $sql", extra_params => [ '-U', 'joe' ]);
	return split /\|/, $node->safe_psql('postgres', $counted . "'joe'");
}

# Row security: hidden rows are not tokenized.  The same statement over a table without them costs the same.
for my $sql (q{SELECT slm_embed(body) FROM TABLE},
	q{SELECT id FROM TABLE WHERE slm_classify(body, '{x,y}') <> ''},
	q{SELECT id FROM TABLE WHERE slm_similarity(body, owner) > -2 AND slm_filter(body, 'late') IS NOT NULL ORDER BY slm_similarity(body, 'late')},
	q{SELECT owner, sum(slm_similarity(body, 'late')) FROM TABLE GROUP BY owner},
	q{SELECT a.id FROM TABLE AS a JOIN TABLE AS b ON slm_similarity(a.body, b.body) > -2 AND a.id = b.id + 10})
{
	my ($calls, $rows, $tokens) = cost($sql =~ s/TABLE/ticket/gr, 'on');
	my ($own_calls, $own_rows, $own_tokens) = cost($sql =~ s/TABLE/own/gr, 'on');
	my ($one_calls, $one_rows, $one_tokens) = cost($sql =~ s/TABLE/own/gr, 'off');
	is("$rows|$tokens", "$own_rows|$own_tokens", "hidden rows cost nothing: $sql");
	is($rows, $one_rows, 'as many rows as one by one');
	cmp_ok($calls, '<', $one_calls / 2, 'in fewer calls');
}
# A policy that itself asks a model, and an expression of the query that would tell what it sees.
$node->safe_psql('postgres', q{DROP POLICY own ON ticket;
	CREATE POLICY own ON ticket USING (slm_similarity(body, 'late') > -2 AND owner = current_user);
	CREATE FUNCTION leak(text) RETURNS text LANGUAGE plpgsql COST 0.0001 STABLE AS $$ BEGIN RAISE WARNING 'leaked %', $1; RETURN $1; END $$});
for my $sql (q{SELECT leak(body), slm_embed(body) FROM ticket WHERE leak(body) <> ''}, q{SELECT max(leak(body)) FROM ticket WHERE slm_filter(leak(body), 'x')})
{
	my ($rc, $out, $err) = $node->psql('postgres', $sql, extra_params => [ '-U', 'joe' ]);
	is($rc, 0, $sql);
	like($err, qr/leaked the order number 10 is late/, 'sees what it may');
	my @seen = $err =~ /leaked (.*)/g;
	is(scalar(grep { !/number \d*0 is late/ } @seen), 0, 'and nothing else');
}
{
	my ($calls, $rows) = cost(q{SELECT slm_embed(body) FROM fenced}, 'on');
	my ($open_calls, $open_rows) = cost(q{SELECT slm_embed(body) FROM open}, 'on');
	is($rows, $open_rows, 'a barrier hides before calls');
	my (undef, undef, $err) = $node->psql('postgres', q{SELECT id FROM fenced WHERE slm_embed(leak(body)) IS NOT NULL}, extra_params => [ '-U', 'joe' ]);
	my @seen = $err =~ /leaked (.*)/g;
	is(scalar(grep { !/number \d*[02468]0 is late/ } @seen), 0, 'and before its arguments');
}

# LIMIT.
{
	my ($calls, $rows) = cost(q{SELECT id FROM own WHERE slm_embed(body) IS NOT NULL LIMIT 5}, 'on');
	cmp_ok($rows - 1, '<=', 8, 'LIMIT 5 over a filter that every row passes'); # one row is the warm-up's
	$node->safe_psql('postgres', q{CREATE TABLE tenth AS SELECT n AS id, 'word ' || CASE WHEN n % 10 = 0 THEN 'late' ELSE 'soon' END || ' ' || n AS body FROM generate_series(1, 1000) AS n; GRANT SELECT ON tenth TO joe});
	my $tenth = q{SELECT id FROM tenth WHERE (slm_embed(body))[1] + 10 * (id % 10) < 5 LIMIT 5};
	my (undef, $one_rows) = cost($tenth, 'off');
	my (undef, $on_rows) = cost($tenth, 'on');
	is($one_rows - 1, 50, 'LIMIT 5 over one that every tenth row passes');
	cmp_ok($on_rows - 1, '<=', 50 + 32, 'takes at most a batch more');
	cmp_ok($on_rows, '>', 50, 'and not fewer');
}

# A cancel inside a batch: soon, and nothing is left of it.
{
	$node->safe_psql('postgres', q{CREATE TABLE long AS SELECT n AS id, 'row ' || n || repeat(' the order is late', 2000) AS body FROM generate_series(1, 2000) AS n});
	my $start = time;
	my ($rc, $out, $err) = $node->psql('postgres', q{SET statement_timeout = '300ms';
		SELECT count(slm_embed(body)) FROM long;
		SET statement_timeout = 0;
		SELECT count(*) FROM pg_backend_memory_contexts WHERE name = 'slm batch';
		SELECT md5(string_agg(slm_embed(body)::text, ',' ORDER BY id)) FROM own;
		SET slm.enable_batching = off;
		SELECT md5(string_agg(slm_embed(body)::text, ',' ORDER BY id)) FROM own}, on_error_stop => 0);
	like($err, qr/canceling statement due to statement timeout/, 'a timeout');
	cmp_ok(time - $start, '<', 5, 'soon');
	my ($contexts, @md5) = split /\n/, $out;
	is($contexts, '0', 'no memory is left');
	is($md5[0], $md5[1], 'and the next query is right');
}

# Workers that are stopped early have told what they did.
{
	my $plan = $node->safe_psql('postgres', q{ALTER TABLE own SET (parallel_workers = 2);
		SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET parallel_leader_participation = off;
		SELECT slm_stat_reset();
		EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT id, slm_embed(body) FROM own LIMIT 30;
		SELECT 'counted ' || sum(calls) || ' ' || sum(rows) || ' ' || sum(tokens_in) FROM slm_stat_calls});
	like($plan, qr/Gather.*Workers Launched: [12].*Parallel Custom Scan \(SlmBatch\)/s, 'in workers');
	my ($batches, $rows, $tokens) = $plan =~ /Batches: (\d+)  Rows: (\d+)  Repeats: \d+  Tokens: (\d+)/;
	is("counted $batches $rows $tokens", ($plan =~ /(counted .*)/)[0], 'EXPLAIN has what slm_stat_calls has');
	cmp_ok($rows, '>=', 30, 'and that is enough for the LIMIT');
}
$node->stop;
done_testing();
