
=head1 NAME

SlmSchema - a validator of JSON Schema that shares nothing with the extension

=cut

package SlmSchema;
use strict;
use warnings FATAL => 'all';
use Exporter 'import';
use B ();
use Encode ();
use JSON::PP ();

our @EXPORT = qw(faults knows_format);

my $day = qr/(\d{4})-(\d\d)-(\d\d)/;
my $clock = qr/([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?(Z|[+-]\d\d:\d\d)/;
my %format = (
	'date' => sub { $_[0] =~ /^$day$/ && valid_day($1, $2, $3) },
	'time' => sub { $_[0] =~ /^$clock$/ },
	'date-time' => sub { $_[0] =~ /^${day}T$clock$/ && valid_day($1, $2, $3) },
	'duration' => sub { $_[0] =~ /^P(?!\z)(\d+W\z|(\d+Y(?!\d+D))?(\d+M)?(\d+D)?(T(?!\z)(\d+H(?!\d+S))?(\d+M)?(\d+S)?)?\z)/ },
	'email' => sub { $_[0] =~ /^[^\s@"<>]+@[^\s@"<>]+\.[^\s@"<>]+$/ },
	'hostname' => sub { length $_[0] <= 253 && !grep { !/^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\z/ } split /\./, $_[0], -1 },
	'uri' => sub { $_[0] =~ m{^[a-z][a-z0-9+.-]*:[\x21-\x7e]+$} && $_[0] !~ /%(?![0-9A-Fa-f]{2})/ },
	'uuid' => sub { $_[0] =~ /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i },
	'ipv4' => sub { my @p = split /\./, $_[0], -1; @p == 4 && !grep { !/^(0|[1-9]\d{0,2})$/ || $_ > 255 } @p },
	'ipv6' => \&valid_ipv6);

my %range = ((map { ("int$_" => [ -2**($_ - 1), 2**($_ - 1) - 1 ], "uint$_" => [ 0, 2**$_ - 1 ]) } 8, 16, 32, 64), int => [ -9**9**9, 9**9**9 ], uint => [ 0, 9**9**9 ]);

# Is it checked, or are strings of the format as free as any?
sub knows_format
{
	my ($name) = @_;
	return defined $name && exists $format{$name};
}

sub valid_day
{
	my ($y, $m, $d) = @_;
	return 0 if $m < 1 || $m > 12 || $d < 1;
	my $leap = $y % 4 == 0 && ($y % 100 != 0 || $y % 400 == 0);
	return $d <= (31, $leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[ $m - 1 ];
}

sub valid_ipv6
{
	my ($text) = @_;
	my @halves = split /::/, $text, -1;
	return 0 if @halves > 2 || $text =~ /:::/ || $text !~ /^[0-9A-Fa-f:.]+\z/ || $text !~ /:.*:/;
	my @groups = map { split /:/, $_, -1 } @halves;
	return 0 if grep { !/^[0-9A-Fa-f]{1,4}\z/ && !/^\d+\.\d+\.\d+\.\d+\z/ } @groups;
	my $n = 0;
	$n += /\./ ? 2 : 1 for @groups;
	return @halves == 2 ? $n < 8 : $n == 8;
}

sub type_of
{
	my ($value) = @_;
	return 'null' if !defined $value;
	return 'boolean' if JSON::PP::is_bool($value);
	return 'object' if ref $value eq 'HASH';
	return 'array' if ref $value eq 'ARRAY';
	my $flags = B::svref_2object(\$value)->FLAGS;
	return 'string' if $flags & B::SVf_POK;
	return $value == int($value) ? 'integer' : 'number';
}

my $printer = JSON::PP->new->canonical->allow_nonref;

# Numbers compare by value, all else as it is written.
sub same
{
	my ($a, $b) = @_;
	my @type = map { my $t = type_of($_); $t eq 'integer' ? 'number' : $t } $a, $b;
	return 0 if $type[0] ne $type[1];
	return $a == $b if $type[0] eq 'number';
	return $printer->encode(ref $a ? $a : [$a]) eq $printer->encode(ref $b ? $b : [$b]);
}

# What is wrong with a value.  $text, where there is one, is what strings without format,
# pattern or enum must stand in; $whole is the schema that $ref looks into.
sub faults
{
	my ($schema, $value, $text, $at, $whole) = @_;
	$whole //= $schema;
	my $type = type_of($value);
	if (my $ref = $schema->{'$ref'})
	{
		my $target = $whole;
		$ref = Encode::decode_utf8(Encode::encode_utf8($ref) =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ger);
		for my $step (split m{/}, $ref =~ s{^#/?}{}r)
		{
$step = $step =~ s{~1}{/}gr =~ s{~0}{~}gr;
			$target = ref $target eq 'ARRAY' ? $target->[$step] : $target->{$step};
		}
		return faults($target, $value, $text, $at, $whole);
	}
	for my $word (qw(anyOf oneOf allOf))
	{
		next unless $schema->{$word};
		my @of_each = map { [ faults($_, $value, $text, $at, $whole) ] } @{ $schema->{$word} };
		my $right = grep { !@$_ } @of_each;
		my $enough = $word eq 'anyOf' ? $right > 0 : $word eq 'oneOf' ? $right == 1 : $right == @of_each;
		return $enough ? () : ("$at: $right of $word", map { @$_ } @of_each);
	}
	if (exists $schema->{const} || $schema->{enum})
	{
		return "$at: not in enum" unless grep { same($_, $value) } exists $schema->{const} ? $schema->{const} : @{ $schema->{enum} };
	}
	my @types = ref $schema->{type} ? @{ $schema->{type} } : $schema->{type} // ();
	return "$at: $type, not @types" unless !@types || grep { $_ eq $type || ($_ eq 'number' && $type eq 'integer') } @types;
	return () if exists $schema->{const} || $schema->{enum} || $type eq 'null' || $type eq 'boolean';

	my @faults;
	if ($type eq 'object')
	{
		push @faults, map { "$at: lacks $_" } grep { !exists $value->{$_} } @{ $schema->{required} // [] };
		my $is_map = !%{ $schema->{properties} // {} };
		push @faults, "$at: too few names" if keys %$value < ($schema->{minProperties} // 0);
		push @faults, "$at: too many names" if keys %$value > ($schema->{maxProperties} // 1e9);
		for my $name (sort keys %$value)
		{
			# beside declared properties no others are written, whatever may be
			my $of_name = $schema->{properties}{$name} // ($is_map ? $schema->{additionalProperties} : undef);
			$of_name = {} if JSON::PP::is_bool($of_name) && $of_name;
			push @faults, faults($schema->{propertyNames}, $name, undef, "$at.$name", $whole) if $schema->{propertyNames};
			push @faults, $of_name ? faults($of_name, $value->{$name}, $text, "$at.$name", $whole) : "$at: has $name";
		}
	}
	elsif ($type eq 'array')
	{
		push @faults, "$at: too few" if @$value < ($schema->{minItems} // 0);
		push @faults, "$at: too many" if @$value > ($schema->{maxItems} // 1e9);
		push @faults, "$at: alike" if $schema->{uniqueItems} && @$value > 1 && grep { same($value->[0], $_) } @$value[ 1 .. $#$value ];
		my ($first, $rest) = ref $schema->{items} eq 'ARRAY' ? @$schema{qw(items additionalItems)} : @$schema{qw(prefixItems items)};
		for my $i (0 .. $#$value)
		{
			my $of_item = $i < @{ $first // [] } ? $first->[$i] : $rest;
			push @faults, ref $of_item eq 'HASH' ? faults($of_item, $value->[$i], $text, "${at}[$i]", $whole) : "$at: no item $i";
		}
	}
	elsif ($type eq 'string')
	{
		push @faults, "$at: too short" if length $value < ($schema->{minLength} // 0);
		push @faults, "$at: too long" if length $value > ($schema->{maxLength} // 1e9);
		my $check = $format{ $schema->{format} // '' };
		my $pattern = $schema->{pattern};
		push @faults, "$at: no $schema->{format}" if $check && !$check->($value);
		if (defined $pattern)
		{
			# ECMA's $ is the end, Perl's also what stands before a line feed there
			$pattern =~ s/(?<!\\)\$/\\z/g;
			$pattern =~ s/\\u([0-9A-Fa-f]{4})/\\x{$1}/g;
			push @faults, "$at: not $schema->{pattern}" unless $value =~ /$pattern/a;
		}
		push @faults, "$at: not in the text" if defined $text && !$check && !defined $pattern && index($text, $value) < 0;
	}
	else
	{
		my $range = $range{ $schema->{format} // '' };
		push @faults, "$at: no $schema->{format}" if $range && ($value < $range->[0] || $value > $range->[1] || $type ne 'integer');
		# as far as a float tells
		my $times = $value / ($schema->{multipleOf} // 1);
		push @faults, "$at: no multiple" if defined $schema->{multipleOf} && abs($times - sprintf('%.0f', $times)) > 1e-9 + 1e-15 * abs $times;
		push @faults, "$at: too small" if defined $schema->{minimum} && $value < $schema->{minimum};
		push @faults, "$at: too large" if defined $schema->{maximum} && $value > $schema->{maximum};
		push @faults, "$at: not above" if defined $schema->{exclusiveMinimum} && $value <= $schema->{exclusiveMinimum};
		push @faults, "$at: not below" if defined $schema->{exclusiveMaximum} && $value >= $schema->{exclusiveMaximum};
	}
	return @faults;
}

1;
