# Every file of the malformed corpus, through SQL: the error that is expected, or
# the model runs; the server stays up.
use strict;
use warnings FATAL => 'all';
use FindBin;
use lib $FindBin::Bin;
use PostgreSQL::Test::Utils;
use SlmTest;
use Test::More;
use Time::HiRes qw(time);

my $writer = ($ENV{SLM_TOOLS} // '') . '/malformed';
plan skip_all => 'the writer of the corpus was not built' unless -x $writer;

my $node = slm_cluster('hostile', conf => "slm.min_free_disk = 0\n");
my $models = $node->data_dir . '/slm_models';
my %sqlstate = (corrupt => 'XX001', unsupported => '0A000', limit => '54000');

system($writer, $models) == 0 or die "cannot write the corpus";
my @cases = map { [ split /\t/ ] } split /\n/, read_bytes("$models/index");
cmp_ok(scalar(@cases), '>', 150, 'there is a corpus');
my $alive = $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'");

# One session meets them all: what one file leaves behind, the next would find.
my $session = $node->background_psql('postgres', on_error_stop => 0);
my $n = 0;
for my $case (@cases)
{
	my ($file, $verdict, $message) = (@$case, '');
	$n++;
	chmod 0600, "$models/$file" or die "$file: $!";
	my $start = time;
	my $answer = $session->query(
		"DO \$\$ BEGIN PERFORM slm_create_model('m$n', '$file'); PERFORM slm_load('m$n'); RAISE NOTICE 'it runs';"
		  . " EXCEPTION WHEN OTHERS THEN RAISE NOTICE '% %', SQLSTATE, SQLERRM; END \$\$");
	my $told = $session->{stderr} // '';
	$session->{stderr} = '';
	my ($notice) = $told =~ /NOTICE:  (.*)/;
	$notice //= "nothing ($told)";
	my $want = $verdict eq 'accept' ? 'it runs' : "$sqlstate{$verdict} ";
	ok(index($notice, $want) == 0 && ($verdict eq 'accept' || index($notice, $message) > 0), "$file: $want$message")
	  or diag($notice);
	my $took = time - $start;
	ok(0, "$file took $took s") if $took > 10;
}
is($session->query('SELECT 1'), '1', 'the session lives');
$session->quit;
is($node->safe_psql('postgres', "SELECT count(*) > 150 FROM (SELECT * FROM slm_models) x") ne '', 1, 'slm_models answers');
is($node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'"), $alive, 'no process of the server was lost');
is(scalar(cache_files($node, qr/tmp$/)), 0, 'no temporary file is left');
unlink glob("$models/*");

$node->stop;
done_testing();
