# An image that breaks while it is in use: an error, the server stays up, the
# next statement has it built anew.  And crashes: nothing is lost but time.
use strict;
use warnings FATAL => 'all';
use FindBin;
use lib $FindBin::Bin;
use PostgreSQL::Test::Utils;
use SlmTest;
use Test::More;

my $node = slm_cluster('broken', conf => "restart_after_crash = on\n");
my $cache = $node->data_dir . '/pgsql_tmp_slm';
my $postmaster = sub { (split /\n/, read_bytes($node->data_dir . '/postmaster.pid'))[0] };
my $started = $node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()');
# A text of its own for each look, because a session remembers its last answers.
my $embed_text = "SELECT md5(slm_embed('The order %d arrived late, please refund the money!', 'tiny')::text)";
my $embed = sprintf($embed_text, 0);

$node->safe_psql('postgres', "SELECT slm_create_model('tiny', 'tiny-bert.gguf')");
my $right = $node->safe_psql('postgres', $embed);
my $right_two = $node->safe_psql('postgres', sprintf($embed_text, 1));
my ($image) = glob("$cache/*.image");
my $size = -s $image;

# Cuts the image at some byte, under a session that has used it, as root or owner could.
sub cut
{
	my ($bytes) = @_;
	($image) = glob("$cache/*.image");
	chmod 0600, $image or die "chmod: $!";
	truncate $image, $bytes or die "truncate: $!";
	return;
}

# The restart count of the cluster shows in the pid of any auxiliary process.
sub checkpointer
{
	return $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'");
}
my $alive = checkpointer();

# Everywhere: the header's page, directory, vocabulary, first and last weights.
my $wrong = 0;
my $errors = 0;
my %seen;
for my $fraction (0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 0.99)
{
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	is($session->query($embed), $right, "before the cut at $fraction");
	cut(int($size * $fraction));
	my $answer = $session->query("\\set VERBOSITY verbose\n" . sprintf($embed_text, 1));
	my $error = $session->{stderr} // '';
	$session->{stderr} = '' if exists $session->{stderr};
	if ($answer =~ /^[0-9a-f]{32}$/)
	{
		# What was cut off lies past the last whole page, or was not needed.
		$wrong++ if $answer ne $right_two;
	}
	else
	{
		$errors++;
		$error =~ /ERROR:\s+(\w{5})/ and $seen{$1}++;
	}
	is($session->query($embed), $right, 'the next statement is right');
	$session->quit;
	is($node->safe_psql('postgres', $embed), $right, 'and so is another session');
}
is($wrong, 0, 'no wrong answer was given');
cmp_ok($errors, '>=', 8, 'most cuts were noticed');
is(join(' ', sort keys %seen), '58030', 'as an input/output error') or diag(explain(\%seen));
is(checkpointer(), $alive, 'no process of the server was lost');

# A fresh session meets a cut image: it is removed and built again, without an error.
for my $bytes (0, 1, 100, 5000, $size - 4096)
{
	my $log = -s $node->logfile;
	cut($bytes);
	my $answer = sql_error($node, $embed);
	# A cut in the weights shows when they are read, not before.
	$answer = 'no error' if $answer =~ /^58030/ && $bytes > 4096;
	is($answer, 'no error', "an image of $bytes bytes");
	is($node->safe_psql('postgres', $embed), $right, 'is replaced');
}

# Garbage of the right size in the header and the directory.
for my $at (0, 8, 64, 300, 1000)
{
	($image) = glob("$cache/*.image");
	chmod 0600, $image or die;
	open my $file, '+<:raw', $image or die;
	seek $file, $at, 0;
	print $file "\xff" x 64;
	close $file;
	is($node->safe_psql('postgres', $embed), $right, "garbage at $at: replaced");
}

# Populate meets the hole as well.
{
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	$session->query("SELECT slm_load('tiny')");
	cut(8192);
	my $answer = $session->query("SELECT slm_load('tiny')");
	unlike($answer, qr/^\d+$/, 'slm_load has an error');
	is($session->query("SELECT slm_load('tiny')"), $size, 'and builds it the next time');
	$session->quit;
}
is(checkpointer(), $alive, 'no process of the server was lost');
is($node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()'), $started, 'nor was it restarted');

# Deleted images: mapped ones go on, fresh sessions build anew.
{
	my $session = $node->background_psql('postgres');
	is($session->query_safe($embed), $right, 'a session has the image');
	unlink glob("$cache/*");
	is($session->query_safe(sprintf($embed_text, 1)), $right_two, 'an unlinked image is still there for it');
	is($node->safe_psql('postgres', $embed), $right, 'others build another');
	$session->quit;
}

# kill -9 of a backend in a call: recovery, then right answers from the same image.
{
	($image) = glob("$cache/*.image");
	my $inode = (stat $image)[1];
	for my $round (1 .. 3)
	{
		my $session = psql_start($node, "SELECT count(slm_embed('text number ' || n, 'tiny')) FROM generate_series(1, 1000000) n /* victim */");
		my $pid = '';
		wait_for(sub { $pid = $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE query LIKE '%* victim *%' AND pid <> pg_backend_pid()") }, 'victim');
		kill 'KILL', $pid;
		psql_finish($session);
		wait_for(sub { $node->psql('postgres', 'SELECT 1') == 0 }, 'recovery');
		is($node->safe_psql('postgres', $embed), $right, "right after crash $round");
	}
	is((stat $image)[1], $inode, 'from the image that was there');
	is($node->safe_psql('postgres', "SELECT attached FROM slm_models WHERE name = 'tiny'"), '0', 'nobody is counted as attached any more');
}

$node->stop;
done_testing();
