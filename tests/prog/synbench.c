// SPDX-License-Identifier: GPL-2.0
/*
 * synbench [OPTION...] MODE: forged handshake segments at a server, and their cost
 *
 * Frames leave through AF_PACKET past the queueing discipline. With one CPU,
 * send() returns when the softirq behind it has taken the frame through veth and
 * the server's stack, and the answer through veth back to here. So with time
 * that counts instructions, the time of a chunk of sends is the cost of all that
 * they caused. The device's counter, read after the end stamp, is the proof.
 *
 * Each frame has a tuple of its own, computed from its index and back from an
 * answer. The first ones warm up and have each answer captured and judged.
 *
 * One line of JSON comes out; times are nanoseconds.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/if_ether.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CHUNK 250
#define MAX_GAPS 16
#define NSEC 1000000000ULL

/* odd, so that i * SPREAD mod 2^24 visits each address of 11/8 once */
#define SPREAD 2654435761U
#define UNSPREAD 244002641U

enum { SYN = TH_SYN, RST = TH_RST, ACK = TH_ACK };

/* What a unit is made of, and the flags of the answer to its first frame. */
static const struct mode {
	const char *name;
	int nframes;
	uint8_t flags[2];
	uint8_t answer;
} modes[] = {
	{ "stored", 1, { SYN }, SYN | ACK },
	{ "dropped", 1, { SYN }, 0 },
	{ "refused", 1, { SYN }, RST },
	{ "bogus", 1, { ACK }, RST },
	{ "completed", 1, { ACK }, 0 },
	{ "removed", 2, { SYN, RST }, SYN | ACK },
	{ "flood", 1, { SYN }, 0 },
	{ "watch", 1, { SYN }, SYN | ACK },
	{ "guess", 1, { ACK }, 0 },
	{}
};

struct frame {
	struct ethhdr eth;
	struct iphdr ip;
	struct tcphdr tcp;
	uint8_t opts[20];
} __attribute__((packed));

struct answer {
	uint32_t index, seq, tsval;
	uint8_t flags;
	uint64_t at;
};

/* what is known of a handshake that went on, by index */
static struct known {
	uint32_t seq, tsval, count;
	uint64_t at;
} *known;

static const char *device = "eth0";
static uint32_t count = 10000, warm = 500, first, nports = 1, rate = 20000, seconds = 1;
static uint16_t port = 1;
static uint8_t protocol = 253;
static bool astray, one_prefix, bare;
static volatile sig_atomic_t stop;

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
	return t.tv_sec * NSEC + t.tv_nsec;
}

/* ---- frames ---- */

static uint32_t isn(uint32_t i)
{
	return i * 40503U + 12345;
}

static void tuple(uint32_t i, struct frame *f)
{
	uint32_t addr = 11U << 24 | (i * SPREAD & 0xffffff);

	f->tcp.source = htons(1024 + i % 60000);
	f->tcp.dest = htons(port + i % nports);
	if (one_prefix) {
		addr = 12U << 24 | (1 + i % 250);
		f->tcp.source = htons(1024 + i / 250 % 60000);
	}
	f->ip.saddr = htonl(addr);
	f->ip.daddr = inet_addr("10.53.0.2");
}

static uint16_t checksum(const void *data, size_t n, uint32_t sum)
{
	const uint8_t *p = data;
	size_t i;

	for (i = 0; i + 1 < n; i += 2)
		sum += p[i] << 8 | p[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons(~sum);
}

static uint32_t pseudo(const struct frame *f, size_t len)
{
	uint32_t s = ntohl(f->ip.saddr), d = ntohl(f->ip.daddr);

	return (s >> 16) + (s & 0xffff) + (d >> 16) + (d & 0xffff) + protocol + len;
}

static void be32_to(uint8_t *p, uint32_t v)
{
	v = htonl(v);
	memcpy(p, &v, 4);
}

/* as Linux sends them: MSS, SACK, timestamps, scale in a SYN, timestamps in an ACK */
static size_t options(uint8_t *p, uint8_t flags, uint32_t tsval, uint32_t tsecr)
{
	static const uint8_t syn[] = { 2, 4, 0x05, 0xb4, 4, 2, 8, 10, 0, 0, 0, 0,
				       0, 0, 0, 0, 1, 3, 3, 7 };
	static const uint8_t ack[] = { 1, 1, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0 };

	if (flags & RST || bare)
		return 0;
	if (flags & SYN) {
		memcpy(p, syn, sizeof(syn));
		be32_to(p + 8, tsval);
		return sizeof(syn);
	}
	memcpy(p, ack, sizeof(ack));
	be32_to(p + 4, tsval);
	be32_to(p + 8, tsecr);
	return sizeof(ack);
}

static size_t build(struct frame *f, uint32_t i, uint8_t flags)
{
	static const uint8_t client[] = { 2, 0, 0, 0, 0x53, 1 };
	static const uint8_t server[] = { 2, 0, 0, 0, 0x53, 2 };
	static const uint8_t nobody[] = { 2, 0, 0, 0, 0x53, 0xff };
	const struct known *k = known ? &known[i - first] : NULL;
	size_t len;

	memset(f, 0, sizeof(*f));
	memcpy(f->eth.h_source, client, 6);
	memcpy(f->eth.h_dest, astray ? nobody : server, 6);
	f->eth.h_proto = htons(ETH_P_IP);
	tuple(i, f);
	f->tcp.seq = htonl(isn(i) + !(flags & SYN));
	f->tcp.ack_seq = flags & ACK ? htonl(k ? k->seq + 1 : isn(~i)) : 0;
	f->tcp.th_flags = flags;
	f->tcp.window = htons(64240);
	len = sizeof(f->tcp) + options(f->opts, flags, 1000 + i, k ? k->tsval : 1);
	f->tcp.doff = len / 4;
	f->tcp.check = checksum(&f->tcp, len, pseudo(f, len));
	f->ip.version = 4;
	f->ip.ihl = 5;
	f->ip.ttl = 64;
	f->ip.frag_off = htons(IP_DF);
	f->ip.protocol = protocol;
	f->ip.tot_len = htons(sizeof(f->ip) + len);
	f->ip.check = checksum(&f->ip, sizeof(f->ip), 0);
	return sizeof(f->eth) + sizeof(f->ip) + len;
}

/* ---- the device ---- */

static int packet_socket(uint16_t ethertype)
{
	struct sockaddr_ll ll = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ethertype),
		.sll_ifindex = if_nametoindex(device),
	};
	int fd = socket(AF_PACKET, SOCK_RAW, 0), on = 1, size = 256 << 20;

	if (fd < 0 || bind(fd, (struct sockaddr *)&ll, sizeof(ll)))
		die("%s: %m", device);
	if (setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		die("socket options: %m");
	return fd;
}

static void transmit(int fd, const struct frame *f, size_t len)
{
	if (send(fd, f, len, 0) != (ssize_t)len)
		die("send: %m");
}

/* frames that the device has received */
static uint64_t received(void)
{
	FILE *file = fopen("/proc/net/dev", "r");
	char line[512], *colon;
	uint64_t packets = 0;

	while (file && fgets(line, sizeof(line), file)) {
		colon = strchr(line, ':');
		if (!colon)
			continue;
		*colon = 0;
		if (!strcmp(line + strspn(line, " "), device))
			sscanf(colon + 1, "%*u %" SCNu64, &packets);
	}
	if (file)
		fclose(file);
	return packets;
}

static uint32_t tsval_of(const struct frame *f)
{
	const uint8_t *p = f->opts, *end = (const uint8_t *)&f->tcp + f->tcp.doff * 4;
	uint32_t v;

	while (p + 10 <= end && p[0] != 8) {
		if (p[0] != 1 && p[1] < 2)
			return 0;
		p += p[0] == 1 ? 1 : p[1];
	}
	if (p + 10 > end)
		return 0;
	memcpy(&v, p + 2, 4);
	return ntohl(v);
}

static uint64_t arrival(struct msghdr *msg)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);
	struct timespec t = {};

	if (c && c->cmsg_type == SCM_TIMESTAMPNS)
		memcpy(&t, CMSG_DATA(c), sizeof(t));
	return t.tv_sec * NSEC + t.tv_nsec;
}

/* The next answer that was captured; false if there is none. */
static bool next_answer(int fd, struct answer *a)
{
	struct sockaddr_ll ll;
	uint8_t control[64];
	struct frame f;
	struct iovec iov = { &f, sizeof(f) };
	struct msghdr msg = {};

	for (;;) {
		msg.msg_name = &ll;
		msg.msg_namelen = sizeof(ll);
		msg.msg_iov = &iov;
		msg.msg_iovlen = 1;
		msg.msg_control = control;
		msg.msg_controllen = sizeof(control);
		memset(&f, 0, sizeof(f));
		if (recvmsg(fd, &msg, MSG_DONTWAIT) < 0)
			return false;
		if (ll.sll_pkttype != PACKET_OUTGOING && f.ip.protocol == protocol &&
		    ntohl(f.ip.daddr) >> 24 == 11)
			break;
	}
	a->index = ntohl(f.ip.daddr) * UNSPREAD & 0xffffff;
	a->seq = ntohl(f.tcp.seq);
	a->tsval = tsval_of(&f);
	a->flags = f.tcp.th_flags;
	a->at = arrival(&msg);
	return true;
}

/* ---- what it costs ---- */

static uint64_t expected(const struct mode *m, uint64_t units)
{
	return m->answer && !astray ? units : 0;
}

/* One unit, and judge the answer. */
static void try_one(const struct mode *m, int fd, int cap, uint32_t i)
{
	struct answer a = {};
	struct frame f;
	bool got;
	int k;

	for (k = 0; k < m->nframes; k++)
		transmit(fd, &f, build(&f, i, m->flags[k]));
	got = next_answer(cap, &a);
	if (got != !!expected(m, 1))
		die("%s %u: %s", m->name, i, got ? "unexpected answer" : "no answer");
	if (got && (a.index != i || (a.flags & (SYN | RST | ACK) & ~(m->answer == RST ? ACK : 0)) !=
		    m->answer))
		die("%s %u: answer to %u has flags %#x", m->name, i, a.index, a.flags);
}

/* SYNs whose SYN-ACKs are remembered, so that they can be acknowledged. */
static void open_all(int fd, int cap)
{
	struct known *table = calloc(count + warm, sizeof(*table));
	struct answer a;
	struct frame f;
	uint32_t i;

	for (i = 0; table && i < count + warm; i++) {
		transmit(fd, &f, build(&f, first + i, SYN));
		if (!next_answer(cap, &a) || a.index != first + i || a.flags != (SYN | ACK))
			die("SYN %u: no SYN-ACK", first + i);
		table[i].seq = a.seq;
		table[i].tsval = a.tsval;
	}
	known = table;
}

/* Time of a chunk, 0 if not all of it was done at the end. */
static uint64_t chunk(const struct mode *m, int fd, uint32_t from, uint32_t units)
{
	static struct frame frames[2 * CHUNK];
	static size_t len[2 * CHUNK];
	uint32_t n = units * m->nframes, i;
	uint64_t before, start, end;

	for (i = 0; i < n; i++)
		len[i] = build(&frames[i], from + i / m->nframes, m->flags[i % m->nframes]);
	before = received();
	start = now();
	for (i = 0; i < n; i++)
		transmit(fd, &frames[i], len[i]);
	end = now();
	return received() - before == expected(m, units) ? end - start : 0;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void measure(const struct mode *m, int fd)
{
	double *cost = calloc(count / CHUNK + 1, sizeof(*cost)), sum = 0;
	uint32_t i, units, n = 0, late = 0;
	uint64_t t, before;
	int cap = packet_socket(ETH_P_IP);

	if (!strcmp(m->name, "completed"))
		open_all(fd, cap);
	for (i = 0; i < warm; i++)
		try_one(m, fd, cap, first + i);
	close(cap);	/* a capture costs */
	before = received();
	for (i = 0; cost && i < count; i += units) {
		units = count - i < CHUNK ? count - i : CHUNK;
		t = chunk(m, fd, first + warm + i, units);
		late += !t;
		if (!t)
			continue;
		cost[n++] = (double)t / units;
		sum += cost[n - 1];
	}
	qsort(cost, n, sizeof(*cost), by_value);
	printf("{\"sent\": %u, \"answers\": %" PRIu64 ", \"expected\": %" PRIu64
	       ", \"late\": %u, \"chunks\": %u, \"median\": %.1f, \"mean\": %.1f}\n",
	       count, received() - before, expected(m, count), late, n,
	       n ? cost[n / 2] : 0, n ? sum / n : 0);
}

/* ---- other uses ---- */

static void stopped(int sig)
{
	(void)sig;
	stop = 1;
}

static void flood(const struct mode *m, int fd)
{
	uint64_t before = received(), next = now();
	struct timespec t;
	struct frame f;
	uint32_t i;

	signal(SIGTERM, stopped);
	for (i = 0; i < count && !stop; i++, next += NSEC / rate) {
		t.tv_sec = next / NSEC;
		t.tv_nsec = next % NSEC;
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
		transmit(fd, &f, build(&f, first + i, m->flags[0]));
	}
	printf("{\"sent\": %u, \"received\": %" PRIu64 "}\n", i, received() - before);
}

/*
 * ACKs as fast as can be. That their numbers follow a pattern does not matter: a
 * cookie has the keyed hash of its tuple in it.
 */
static void guess(const struct mode *m, int fd)
{
	static struct frame frames[CHUNK];
	static struct iovec iov[CHUNK];
	static struct mmsghdr msgs[CHUNK];
	uint32_t i, k, n;

	for (k = 0; k < CHUNK; k++) {
		iov[k].iov_base = &frames[k];
		msgs[k].msg_hdr.msg_iov = &iov[k];
		msgs[k].msg_hdr.msg_iovlen = 1;
	}
	for (i = 0; i < count; i += n) {
		n = count - i < CHUNK ? count - i : CHUNK;
		for (k = 0; k < n; k++)
			iov[k].iov_len = build(&frames[k], first + i + k, m->flags[0]);
		if (sendmmsg(fd, msgs, n, 0) != (int)n)
			die("sendmmsg: %m");
	}
	printf("{\"sent\": %u}\n", count);
}

struct gap {
	uint32_t n;
	uint64_t min, max;
};

static uint32_t take_answers(int cap, struct known *table, struct gap *gaps)
{
	struct answer a;
	struct known *k;
	struct gap *g;
	uint32_t n = 0;
	uint64_t t;

	while (next_answer(cap, &a)) {
		if (a.flags != (SYN | ACK) || a.index < first || a.index - first >= count)
			continue;
		n++;
		k = &table[a.index - first];
		t = a.at - k->at;
		k->at = a.at;
		if (!k->count++ || k->count > MAX_GAPS)
			continue;
		g = &gaps[k->count - 2];
		g->min = !g->n++ || t < g->min ? t : g->min;
		g->max = t > g->max ? t : g->max;
	}
	return n;
}

/* How long after one SYN-ACK the next one comes. */
static void watch(const struct mode *m, int fd)
{
	struct known *table = calloc(count, sizeof(*table));
	int cap = packet_socket(ETH_P_IP);
	struct gap gaps[MAX_GAPS] = {};
	uint32_t i, n = 0;
	uint64_t end;
	struct frame f;

	if (!table)
		die("no memory");
	for (i = 0; i < count; i++) {
		transmit(fd, &f, build(&f, first + i, m->flags[0]));
		n += take_answers(cap, table, gaps);
	}
	for (end = now() + seconds * NSEC; now() < end; usleep(10000))
		n += take_answers(cap, table, gaps);
	printf("{\"sent\": %u, \"answers\": %u, \"gaps\": [", count, n);
	for (i = 0; i < MAX_GAPS && gaps[i].n; i++)
		printf("%s{\"n\": %u, \"min\": %" PRIu64 ", \"max\": %" PRIu64 "}", i ? ", " : "",
		       gaps[i].n, gaps[i].min, gaps[i].max);
	printf("]}\n");
}

static void usage(void)
{
	fprintf(stderr, "usage: synbench [OPTION...] MODE\n"
		"  MODE: stored, dropped, refused, bogus, completed, removed: measure;\n"
		"  flood; watch: when SYN-ACKs come again; guess: ACKs without timestamps\n"
		"  -d DEVICE  -p PROTOCOL  -P PORT  -k PORTS  -n COUNT  -w WARM-UP  -f FIRST-INDEX\n"
		"  -x  to a station that nobody is: what sending alone costs\n"
		"  -s  all from one /24\n"
		"  -r RATE  of flood, per second\n"
		"  -t SECONDS  of watch\n");
	exit(2);
}

int main(int argc, char **argv)
{
	const struct mode *m = modes;
	int c, fd;

	while ((c = getopt(argc, argv, "d:p:P:k:n:w:f:r:t:xs")) != -1) {
		switch (c) {
		case 'd': device = optarg; break;
		case 'p': protocol = atoi(optarg); break;
		case 'P': port = atoi(optarg); break;
		case 'k': nports = atoi(optarg); break;
		case 'n': count = atoi(optarg); break;
		case 'w': warm = atoi(optarg); break;
		case 'f': first = atoi(optarg); break;
		case 'r': rate = atoi(optarg); break;
		case 't': seconds = atoi(optarg); break;
		case 'x': astray = true; break;
		case 's': one_prefix = true; break;
		default: usage();
		}
	}
	while (m->name && (optind >= argc || strcmp(m->name, argv[optind])))
		m++;
	if (!m->name || first + count + warm > 1 << 24)
		usage();
	fd = packet_socket(0);
	if (!strcmp(m->name, "flood"))
		flood(m, fd);
	else if (!strcmp(m->name, "watch"))
		watch(m, fd);
	else if ((bare = !strcmp(m->name, "guess")))
		guess(m, fd);
	else
		measure(m, fd);
	return 0;
}
