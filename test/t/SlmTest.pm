
=head1 NAME

SlmTest - what the TAP tests of slm share: clusters with models, and model files

=cut

package SlmTest;
use strict;
use warnings FATAL => 'all';
use Exporter 'import';
use File::Copy qw(copy);
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

our @EXPORT = qw(slm_cluster model_file put_model variant_model big_model sql_error wait_for cache_files
  builds_logged psql_start psql_finish read_bytes write_bytes);

# Path of a model file that the runner provides.
sub model_file
{
	my ($name) = @_;
	my $folder = $ENV{SLM_MODELS} // "$ENV{PWD}/test/golden";
	return "$folder/$name";
}

# A started cluster with the extension and the two tiny models' files in place.
sub slm_cluster
{
	my ($name, %option) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init(%{ $option{init} // {} });
	$node->append_conf('postgresql.conf', 'jit = off');
	$node->append_conf('postgresql.conf', $option{conf}) if defined $option{conf};
	mkdir $node->data_dir . '/slm_models' or die "mkdir: $!";
	put_model($node, $_) for ('tiny-bert.gguf', 'tiny-bert-q8_0.gguf');
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION slm');
	return $node;
}

# Copies a model file into the folder of a cluster, replacing by rename.
sub put_model
{
	my ($node, $from, $to) = @_;
	$to //= $from;
	my $target = $node->data_dir . "/slm_models/$to";
	copy($from =~ m{/} ? $from : model_file($from), "$target.new") or die "copy $from: $!";
	chmod 0600, "$target.new" or die "chmod: $!";
	rename "$target.new", $target or die "rename: $!";
	return $target;
}

sub read_bytes
{
	my ($path) = @_;
	open my $file, '<:raw', $path or die "$path: $!";
	local $/;
	my $bytes = <$file>;
	close $file;
	return $bytes;
}

sub write_bytes
{
	my ($path, $bytes) = @_;
	open my $file, '>:raw', $path or die "$path: $!";
	print $file $bytes or die "$path: $!";
	close $file or die "$path: $!";
	return;
}

# Writes a copy of tiny-bert.gguf with other weights (the last float is changed), same size.
sub variant_model
{
	my ($path, $number) = @_;
	my $bytes = read_bytes(model_file('tiny-bert.gguf'));
	substr($bytes, -4) = pack('f<', 0.5 + $number);
	write_bytes($path, $bytes);
	chmod 0600, $path or die "chmod: $!";
	return;
}

# Writes a large BERT of zeros, a sparse file: the metadata of tiny-bert.gguf with other
# dimensions.  One layer of width 1024 is about 50 MB.
sub big_model
{
	my ($path, $n_layer, $width) = @_;
	my $bytes = read_bytes(model_file('tiny-bert.gguf'));
	my $feed = 4 * $width;
	my ($n_tensor, $n_key) = unpack('x8 Q< Q<', $bytes);
	my %bytes_of = (0 => 1, 1 => 1, 2 => 2, 3 => 2, 4 => 4, 5 => 4, 6 => 4, 7 => 1, 10 => 8, 11 => 8, 12 => 8);
	my %change = (
		'bert.block_count' => $n_layer,
		'bert.embedding_length' => $width,
		'bert.feed_forward_length' => $feed,
		'bert.attention.head_count' => $width / 32);
	my ($at, $n_vocab, $keys) = (24, 0, '');

	for (1 .. $n_key)
	{
		my $start = $at;
		my ($key, $type) = unpack("x$at Q</a L<", $bytes);
		$at += 8 + length($key) + 4;
		if ($type == 8)
		{
			$at += 8 + unpack("x$at Q<", $bytes);
		}
		elsif ($type == 9)
		{
			my ($item, $n) = unpack("x$at L< Q<", $bytes);
			$at += 12;
			if ($item == 8)
			{
				$at += 8 + unpack("x$at Q<", $bytes) for 1 .. $n;
			}
			else
			{
				$at += $n * $bytes_of{$item};
			}
			$n_vocab = $n if $key eq 'tokenizer.ggml.tokens';
		}
		else
		{
			$at += $bytes_of{$type};
		}
		my $entry = substr($bytes, $start, $at - $start);
		substr($entry, -4) = pack('L<', $change{$key}) if exists $change{$key};
		$keys .= $entry;
	}

	my @tensors = (
		[ 'token_embd.weight', $width, $n_vocab ],
		[ 'token_types.weight', $width, 2 ],
		[ 'position_embd.weight', $width, 64 ],
		[ 'token_embd_norm.bias', $width ],
		[ 'token_embd_norm.weight', $width ]);
	for my $i (0 .. $n_layer - 1)
	{
		push @tensors, [ "blk.$i.$_.bias", $width ], [ "blk.$i.$_.weight", $width, $width ]
		  for qw(attn_q attn_k attn_v attn_output);
		push @tensors, [ "blk.$i.$_.bias", $width ], [ "blk.$i.$_.weight", $width ]
		  for qw(attn_output_norm layer_output_norm);
		push @tensors, [ "blk.$i.ffn_up.bias", $feed ], [ "blk.$i.ffn_up.weight", $width, $feed ],
		  [ "blk.$i.ffn_down.bias", $width ], [ "blk.$i.ffn_down.weight", $feed, $width ];
	}
	my ($table, $offset) = ('', 0);
	for my $tensor (@tensors)
	{
		my ($name, @dims) = @$tensor;
		my $size = 4;
		$size *= $_ for @dims;
		$table .= pack('Q</a L<', $name, scalar @dims) . pack('Q<*', @dims) . pack('L< Q<', 0, $offset);
		$offset += ($size + 31) & ~31;
	}
	my $header = substr($bytes, 0, 8) . pack('Q< Q<', scalar @tensors, $n_key) . $keys . $table;
	$header .= "\0" x (-length($header) & 31);
	write_bytes("$path.new", $header);
	truncate "$path.new", length($header) + $offset or die "truncate: $!";
	chmod 0600, "$path.new" or die "chmod: $!";
	rename "$path.new", $path or die "rename: $!";
	return length($header) + $offset;
}

# Runs SQL that must fail; returns "SQLSTATE message".
sub sql_error
{
	my ($node, $sql, %option) = @_;
	my ($rc, $out, $err) = $node->psql($option{db} // 'postgres', "\\set VERBOSITY verbose\n$sql",
		on_error_stop => 1, extra_params => $option{user} ? [ '-U', $option{user} ] : []);
	return 'no error' if $rc == 0;
	return $err =~ /(?:ERROR|FATAL):\s+(\w{5}): (.*)/ ? "$1 $2" : $err;
}

# Waits up to 30 s until the code gives true.
sub wait_for
{
	my ($code, $what) = @_;
	my $end = time + 30;
	while (time < $end)
	{
		return 1 if $code->();
		usleep(10_000);
	}
	diag("timed out: $what");
	return 0;
}

# Names in the cache folder that match.
sub cache_files
{
	my ($node, $pattern) = @_;
	my @names = map { s{.*/}{}r } glob($node->data_dir . '/pgsql_tmp_slm/*');
	return grep { /$pattern/ } @names;
}

# How many images have been built since a position of the log.
sub builds_logged
{
	my ($node, $offset) = @_;
	my $log = PostgreSQL::Test::Utils::slurp_file($node->logfile, $offset);
	return scalar(() = $log =~ /slm: built the weight image/g);
}

# Starts psql in the background; psql_finish gives (exit status, output, errors).
sub psql_start
{
	my ($node, $sql) = @_;
	my %session = (out => '', err => '');
	# IPC::Run feeds a standard input only while somebody waits for it; -c runs at once.
	$session{run} = IPC::Run::start(
		[ 'psql', '-XAtq', '-v', 'VERBOSITY=verbose', '-d', $node->connstr('postgres'), '-c', $sql ],
		'<', \undef, '>', \$session{out}, '2>', \$session{err});
	return \%session;
}

sub psql_finish
{
	my ($session) = @_;
	$session->{run}->finish;
	chomp $session->{out};
	return ($session->{run}->result(0), $session->{out}, $session->{err});
}

1;
