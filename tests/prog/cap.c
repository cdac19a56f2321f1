// SPDX-License-Identifier: GPL-2.0
/*
 * cap DEVICE PROTOCOL SNAPLEN FILE: write what passes a device to a pcap file
 *
 * For volume, where a capture in Python would lose packets. Linux-cooked
 * format with nanoseconds; the first octet of the address field tells whether
 * the TCP checksum of the whole packet was right (1), wrong (2) or unknown (0),
 * because the packet itself is cut at SNAPLEN. Prints "ready" when it listens
 * and ends at the end of its standard input.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64
#define PACKET 65536

static uint8_t packets[BATCH][PACKET];
static char control[BATCH][128];
static struct sockaddr_ll from[BATCH];

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int open_socket(const char *dev)
{
	struct sockaddr_ll sll = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = if_nametoindex(dev),
	};
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int big = 128 << 20, on = 1;

	if (fd < 0)
		die("socket");
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof(big)) ||
	    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)))
		die("setsockopt");
	if (bind(fd, (struct sockaddr *)&sll, sizeof(sll)))
		die("bind");
	return fd;
}

static uint32_t sum(const uint8_t *p, size_t len)
{
	uint64_t s = 0;
	size_t i;

	for (i = 0; i + 1 < len; i += 2)
		s += (uint32_t)p[i] << 8 | p[i + 1];
	if (len & 1)
		s += (uint32_t)p[len - 1] << 8;
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return s;
}

/* 1 right, 2 wrong, 0 not ours */
static uint8_t judge(const uint8_t *p, size_t len, int protocol)
{
	size_t hlen = (p[0] & 15) * 4, total = p[2] << 8 | p[3];
	uint32_t s;

	if (len < 40 || p[0] >> 4 != 4 || p[9] != protocol || total > len ||
	    total < hlen + 20)
		return 0;
	s = sum(p + 12, 8) + protocol + (total - hlen) + sum(p + hlen, total - hlen);
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return s == 0xffff ? 1 : 2;
}

static void write_head(FILE *f)
{
	uint32_t head[6] = { 0xa1b23c4d, 2 | 4 << 16, 0, 0, 65535, 113 };

	fwrite(head, sizeof(head), 1, f);
}

static void write_packet(FILE *f, const struct timespec *ts, const struct sockaddr_ll *sll,
			 const uint8_t *p, size_t len, size_t snaplen, int protocol)
{
	size_t cut = len < snaplen ? len : snaplen;
	uint32_t rec[4] = { ts->tv_sec, ts->tv_nsec, cut + 16, len + 16 };
	uint8_t cooked[16] = { 0, sll->sll_pkttype, 0, 1, 0, 0, judge(p, len, protocol) };

	cooked[14] = 0x08;
	fwrite(rec, sizeof(rec), 1, f);
	fwrite(cooked, sizeof(cooked), 1, f);
	fwrite(p, cut, 1, f);
}

static int drain(int fd, FILE *f, size_t snaplen, int protocol)
{
	struct mmsghdr msgs[BATCH];
	struct iovec iov[BATCH];
	int i, n;

	for (i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){ packets[i], PACKET };
		msgs[i].msg_hdr = (struct msghdr){
			.msg_name = &from[i], .msg_namelen = sizeof(from[i]),
			.msg_iov = &iov[i], .msg_iovlen = 1,
			.msg_control = control[i], .msg_controllen = sizeof(control[i]),
		};
	}
	n = recvmmsg(fd, msgs, BATCH, MSG_DONTWAIT, NULL);
	for (i = 0; i < n; i++) {
		struct cmsghdr *c = CMSG_FIRSTHDR(&msgs[i].msg_hdr);
		struct timespec ts;

		clock_gettime(CLOCK_REALTIME, &ts);
		if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS)
			memcpy(&ts, CMSG_DATA(c), sizeof(ts));
		if (from[i].sll_protocol != htons(ETH_P_IP) ||
		    from[i].sll_pkttype == PACKET_OTHERHOST)
			continue;
		write_packet(f, &ts, &from[i], packets[i], msgs[i].msg_len, snaplen, protocol);
	}
	return n > 0 ? n : 0;
}

int main(int argc, char **argv)
{
	struct pollfd fds[2];
	struct tpacket_stats st = { 0 };
	socklen_t len = sizeof(st);
	unsigned long total = 0;
	int protocol, fd, n, last = 0;
	size_t snaplen;
	FILE *f;

	if (argc != 5) {
		fprintf(stderr, "usage: cap DEVICE PROTOCOL SNAPLEN FILE\n");
		return 2;
	}
	protocol = atoi(argv[2]);
	snaplen = atoi(argv[3]);
	f = fopen(argv[4], "wb");
	if (!f)
		die(argv[4]);
	write_head(f);
	fd = open_socket(argv[1]);
	puts("ready");
	fflush(stdout);

	fds[0] = (struct pollfd){ .fd = fd, .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = 0, .events = POLLIN };
	while (!last) {
		if (poll(fds, 2, -1) < 0)
			die("poll");
		last = fds[1].revents != 0;
		while ((n = drain(fd, f, snaplen, protocol)))
			total += n;
	}
	getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &st, &len);
	if (fclose(f))
		die(argv[4]);
	printf("{\"packets\": %lu, \"drops\": %u}\n", total, st.tp_drops);
	return 0;
}
