#!/usr/bin/perl
# A second SMSC for tests, of another hand than ours: the PDUs are Net::SMPP's (libnet-smpp-perl).
#
# smsc.pl PORT PASSWORD: takes one bind after the other (any of the three), any number of connections at a time. What a
# message's destination ends with decides what happens:
#   1 receipt after the answer    2 receipt before the answer    3 refused, ESME_RINVDSTADR    4 throttled
#   5 the message comes back as a deliver_sm                     6 as a data_sm with a message_payload
#   7 enquire_link from here      8 unbind from here             9 an alert_notification, and a command nobody knows
# One line on stdout for each PDU that came: its name, command_status, and what it says.
use strict;
use warnings;
use IO::Select;
use Net::SMPP;

my ($port, $password) = @ARGV;
$SIG{PIPE} = 'IGNORE';
my $listener = Net::SMPP->new_listen('127.0.0.1', port => $port, smpp_version => 0x34, Reuse => 1, async => 1)
    or die "port $port: $!";
my $select = IO::Select->new($listener);
my $ids = 0;
$| = 1;
print "listening\n";

my %name = (0x00000001 => 'bind_receiver', 0x00000002 => 'bind_transmitter', 0x00000009 => 'bind_transceiver',
    0x00000004 => 'submit_sm', 0x00000006 => 'unbind', 0x00000015 => 'enquire_link', 0x80000005 => 'deliver_sm_resp',
    0x80000103 => 'data_sm_resp', 0x80000015 => 'enquire_link_resp', 0x80000006 => 'unbind_resp',
    0x80000000 => 'generic_nack');

sub receipt {
    my ($peer, $pdu, $id) = @_;
    $peer->deliver_sm(async => 1, esm_class => 4, source_addr => $pdu->{destination_addr},
        destination_addr => $pdu->{source_addr}, source_addr_ton => 1, source_addr_npi => 1,
        short_message => "id:$id sub:001 dlvrd:001 submit date:2601051830 done date:2601051831 stat:DELIVRD err:000 text:hello",
        receipted_message_id => "$id\0", message_state => "\x02");
}

sub submitted {
    my ($peer, $pdu) = @_;
    my $what = substr $pdu->{destination_addr}, -1;
    my $id = sprintf 'perl-%d', ++$ids;
    my %back = (source_addr => $pdu->{destination_addr}, destination_addr => $pdu->{source_addr});
    receipt($peer, $pdu, $id) if $what eq '2';
    my $status = $what eq '3' ? 0x0b : $what eq '4' ? 0x58 : 0;
    $peer->submit_sm_resp(message_id => $id, seq => $pdu->{seq}, status => $status);
    receipt($peer, $pdu, $id) if $what eq '1';
    $peer->deliver_sm(async => 1, %back, short_message => $pdu->{short_message}, esm_class => $pdu->{esm_class},
        data_coding => $pdu->{data_coding}) if $what eq '5';
    $peer->data_sm(async => 1, %back, message_payload => $pdu->{short_message}, esm_class => $pdu->{esm_class},
        data_coding => $pdu->{data_coding}) if $what eq '6';
    $peer->enquire_link(async => 1) if $what eq '7';
    $peer->unbind(async => 1) if $what eq '8';
    if ($what eq '9') {
        $peer->alert_notification(async => 1, source_addr => '819012345678', esme_addr => 'hato');
        syswrite $peer, pack('NNNN', 16, 0x00007777, 0, 99);
    }
}

while (my @ready = $select->can_read) {
    for my $peer (@ready) {
        if ($peer == $listener) {
            my $new = $listener->accept or next;
            $new->set_version(0x34);
            $select->add($new);
            next;
        }
        my $pdu = eval { $peer->read_pdu };
        if (!defined $pdu) {
            $select->remove($peer);
            close $peer;
            print "closed\n";
            next;
        }
        my $name = $name{$pdu->{cmd}} // sprintf '%08x', $pdu->{cmd};
        printf "%s %d %s\n", $name, $pdu->{status}, unpack('H*', $pdu->{short_message} // '');
        if ($name =~ /^bind_/) {
            my $status = $pdu->{password} eq $password ? 0 : 0x0e;
            my $answer = "${name}_resp";
            $peer->$answer(system_id => 'perl', seq => $pdu->{seq}, status => $status);
        } elsif ($name eq 'submit_sm') {
            submitted($peer, $pdu);
        } elsif ($name eq 'enquire_link') {
            $peer->enquire_link_resp(seq => $pdu->{seq});
        } elsif ($name eq 'unbind') {
            $peer->unbind_resp(seq => $pdu->{seq});
        } elsif ($name eq 'unbind_resp') {
            $select->remove($peer);
            close $peer;
            print "closed\n";
        }
    }
}
