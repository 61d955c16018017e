# ADDRESS PORT WORD: sends nothing but zeros, for 2.5 s or 256 MiB, to who answers with the word.
# Nothing is written anywhere; after 9 s at the latest it is gone.
use strict;
use Errno ();
use Fcntl;
use POSIX ();
use Socket qw(:all);
my ($address, $port, $word) = @ARGV;
alarm 9;
$SIG{PIPE} = 'IGNORE';
sub now { (POSIX::times())[0] / POSIX::sysconf(POSIX::_SC_CLK_TCK()) }
my $family = $address =~ /:/ ? AF_INET6 : AF_INET;
my $there = inet_pton($family, $address);
$there = $family == AF_INET6 ? pack_sockaddr_in6($port, $there) : pack_sockaddr_in($port, $there);
my ($peer, $until, $why) = (undef, now() + 3, 'Connection timed out');
# the other end may not listen yet; a firewall may never answer
while (1) {
    socket($peer, $family, SOCK_STREAM, 0) or die "socket: $!\n";
    fcntl($peer, F_SETFL, O_NONBLOCK);
    last if connect($peer, $there);
    if ($!{EINPROGRESS}) {
        my ($set, $left) = ('', $until - now());
        vec($set, fileno $peer, 1) = 1;
        if ($left > 0 && select(undef, $set, undef, $left) > 0) {
            $! = unpack 'i', getsockopt($peer, SOL_SOCKET, SO_ERROR);
            last if $! == 0;
        }
    }
    $why = "$!" unless $!{EINPROGRESS};
    if (now() >= $until) { print "blocked $why\n"; exit 0 }
    select undef, undef, undef, 0.1;
}
fcntl($peer, F_SETFL, 0);
my $said = '';
while (length $said < length $word) {
    my ($set, $left) = ('', $until - now());
    vec($set, fileno $peer, 1) = 1;
    $left > 0 && select($set, undef, undef, $left) > 0 or last;
    sysread($peer, $said, length($word) - length $said, length $said) or last;
}
if ($said ne $word) { print "other\n"; exit 0 }
syswrite $peer, $word;
my ($block, $left, $end) = ("\0" x (1 << 18), 1024, now() + 2.5);
while ($left-- > 0 && now() < $end) { syswrite $peer, $block or last }
print "sent\n";
