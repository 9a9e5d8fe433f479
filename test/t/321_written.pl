# What models write under the schemas of test/golden/schemas.jsonl, without a server: every
# value is valid by a validator that shares nothing with the engine.  make bench-constrained
# is the long form of this, against Python's jsonschema.
use strict;
use warnings FATAL => 'all';
use utf8;
use FindBin;
use lib $FindBin::Bin;
use Encode qw(decode_utf8 encode_utf8);
use JSON::PP ();
use SlmSchema;
use Test::More;

my $golden = "$FindBin::Bin/../golden";
my $models = $ENV{SLM_MODELS} // $golden;
my $tool = ($ENV{SLM_TOOLS} // 'build/test/tools') . '/write_values';
my $n_value = $ENV{SLM_WRITTEN_VALUES} // 2;
my $parser = JSON::PP->new->allow_nonref;

my (@schemas, @texts);
open my $file, '<:encoding(UTF-8)', "$golden/schemas.jsonl" or die "$golden/schemas.jsonl: $!";
while (my $line = <$file>)
{
	chomp $line;
	my ($schema, $text) = split /\t/, $line;
	push @schemas, $parser->decode($schema);
	push @texts, $text;
}
close $file;
cmp_ok(scalar(@schemas), '>=', 200, scalar(@schemas) . ' schemas');

my ($all, $forced) = (0, 0);
for (['ticket_json', 'chatml', 0], ['ticket_json', 'chatml', 1], ['decoder-qwen2', 'plain', 0.7], ['decoder-spm', 'plain', 0], ['decoder-spm', 'plain', 1.5])
{
	my ($model, $form, $temperature) = @$_;
	my @lines = split /\n/, qx("$tool" "$models/$model.gguf" $form $temperature 11 $n_value 400 <"$golden/schemas.jsonl");
	is($?, 0, "$model writes at temperature $temperature");
	my ($valid, $unfinished) = (0, 0);
	my %wrong;
	for (@lines)
	{
		my ($i, $n_token, $n_forced, $json) = /^(\d+)\t(\d+)\t(\d+)\t(.*)$/ or die "not a value: $_";
		if ($json =~ /^!answer is not complete/)
		{
			$unfinished++;
			next;
		}
		my $value = eval { $parser->decode(decode_utf8($json, Encode::FB_CROAK)) };
		my @faults = $json =~ /^!/ ? $json : $@ ? $@ : faults($schemas[$i], $value, $texts[$i], '');
		$wrong{$i} //= "$json\n@faults" if @faults;
		$valid++ unless @faults;
		$all += $n_token;
		$forced += $n_forced;
	}
	diag('schema ' . ($_ + 1) . ": $wrong{$_}") for (sort { $a <=> $b } keys %wrong)[ 0 .. (keys %wrong > 5 ? 4 : keys(%wrong) - 1) ];
	is(scalar(@lines), @schemas * $n_value, "$model at $temperature: a line for each value");
	is($valid, @lines - $unfinished, "$model at $temperature: $valid values, all valid");
	cmp_ok($unfinished, '<', @lines / 20, "$model at $temperature: $unfinished without an end in 400 tokens");
}
cmp_ok($forced, '>', $all / 4, "of $all tokens $forced were forced");

done_testing();
