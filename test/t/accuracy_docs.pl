# The examples of docs/SQL.md and docs/TAGGING.md: each block of SQL is run, all of a page in one
# session of psql, and must print exactly the block of text that follows it.
use strict;
use warnings;
use File::Copy ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('docs');
$node->init;
# the decoder of the examples, where models are looked up by default
mkdir $node->data_dir . '/slm_models' or die "slm_models: $!";
File::Copy::copy("$ENV{SLM_MODELS}/ticket_json.gguf", $node->data_dir . '/slm_models/') or die "ticket_json.gguf: $!";
$node->start;

# Between two examples: what was queued is done, which takes a moment; and a line that no answer has.
my $mark = '--- next example ---';
my $between = <<"END";
\\set QUIET on
DO \$\$ BEGIN
	FOR i IN 1 .. 1000 LOOP
		EXIT WHEN NOT EXISTS (SELECT FROM slm_taggers WHERE state = 'busy');
		PERFORM pg_sleep(0.02);
	END LOOP;
END \$\$;
\\set QUIET off
\\echo '$mark'
END
my $shown = '';

for my $name ('SQL', 'TAGGING')
{
	my $database = lc $name;
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database, 'CREATE EXTENSION slm');
	my $markdown = PostgreSQL::Test::Utils::slurp_file("$ENV{SLM_SOURCE}/docs/$name.md");

	my @examples;
	while ($markdown =~ /^```sql\n(.*?)^```\n^```text\n(.*?)^```\n/msg)
	{
		push @examples, { sql => $1, shown => $2, line => 1 + (substr($markdown, 0, $-[0]) =~ tr/\n//) };
	}
	my @blocks = $markdown =~ /^```sql$/mg;
	is(scalar @examples, scalar @blocks, "$name.md: each example shows what it prints");

	my $script = join $between, map { $_->{sql} } @examples;
	my $out = '';
	IPC::Run::run([ 'psql', '-X', '-P', 'pager=off', '-d', $node->connstr($database), '-f', '-' ],
		'<', \$script, '>', \$out, '2>&1');
	my @printed = split /^\Q$mark\E\n/m, $out, -1;
	is(scalar @printed, scalar @examples, "$name.md: all examples ran");

	for my $i (0 .. $#examples)
	{
		my $printed = $printed[$i] // '';
		$printed =~ s/^psql:<stdin>:\d+: //mg;
		$printed =~ s/[ \t]+$//mg;
		$printed =~ s/\n+\z/\n/;
		is($printed, $examples[$i]{shown}, "docs/$name.md, example in line $examples[$i]{line}");
		$examples[$i]{printed} = $printed;
	}
	$shown .= join "\n", map { $_->{sql} } @examples;

	# What the page would be with the answers of this run, for who changed it on purpose.
	my $i = 0;
	$markdown =~ s/^(```sql\n.*?^```\n)^```text\n.*?^```\n/"$1```text\n" . $examples[$i++]{printed} . "```\n"/msge;
	open my $now, '>:raw', "$ENV{TESTDIR}/$name.md" or die "$name.md: $!";
	print $now $markdown;
	close $now;
}
diag('make docs-examples puts the answers of a run into the pages') unless Test::More->builder->is_passing;

# Every function that users call is shown.
my $functions = $node->safe_psql('sql', q{
	SELECT DISTINCT proname FROM pg_proc AS p JOIN pg_depend AS d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass
	JOIN pg_extension AS e ON e.oid = d.refobjid AND e.extname = 'slm'
	WHERE d.deptype = 'e' AND NOT 'internal'::regtype = ANY (proargtypes) AND prorettype <> 'cstring'::regtype
	AND prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)
	AND proname !~ '^slm_(model_(in|send|list)|stat_list|activity_list|validator)$' ORDER BY 1});
for my $function (split /\n/, $functions)
{
	like($shown, qr/\b\Q$function\E\(/, "$function has an example");
}

$node->stop;
done_testing();
