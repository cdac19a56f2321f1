// SPDX-License-Identifier: GPL-2.0
/*
 * twin DEVICE GAP LAG JITTER <FRAMES: send frames from two CPUs at the same time
 *
 * Two threads, each on a CPU of its own, send a list of frames each through
 * AF_PACKET past the queueing discipline; on veth the stack behind takes a frame
 * on the CPU that sent it. LAG 0: the threads meet before each pair of frames,
 * and then each of them wastes a random number of turns, up to JITTER. Else
 * frame i leaves GAP nanoseconds after the one before, from the second thread
 * LAG nanoseconds later than from the first, give or take JITTER turns.
 *
 * FRAMES: for each frame an octet, 0 or 1 for the thread, two octets of length
 * in the machine's order, and the frame. How many were sent comes out.
 */
#define _GNU_SOURCE
#include <net/if.h>
#include <linux/if_packet.h>
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NSEC 1000000000ULL
#define REST 128	/* frames, then a pause: the softirq may have been put off */

struct frame {
	uint16_t len;
	uint8_t data[126];
};

static struct twin {
	struct frame *frames;
	uint32_t n, room, sent;
	int fd;
} twins[2];

static uint64_t start, gap, lag;
static uint32_t jitter;
static long ncpus;
static atomic_uint arrived;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * NSEC + t.tv_nsec;
}

/* On one CPU the other one must be let on. */
static void turn(void)
{
	if (ncpus == 1)
		sched_yield();
}

static void wait_for_turn(int side, uint32_t i, uint32_t *seed)
{
	volatile uint32_t waste;

	if (lag) {
		uint64_t when = start + i * gap + (side ? lag : 0);

		while (now() < when)
			turn();
	} else if (i < twins[!side].n) {
		atomic_fetch_add(&arrived, 1);
		while (atomic_load(&arrived) < 2 * (i + 1))
			turn();
	}
	*seed = *seed * 1664525 + 1013904223;
	for (waste = jitter ? (*seed >> 8) % jitter : 0; waste; waste--)
		;
}

static void *run(void *arg)
{
	struct twin *t = arg;
	uint32_t i, seed = 253 + (t - twins);
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(t - twins ? ncpus - 1 : 0, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("sched_setaffinity");
	for (i = 0; i < t->n; i++) {
		if (i % REST == REST - 1 && !lag)
			usleep(1000);
		wait_for_turn(t - twins, i, &seed);
		while (send(t->fd, t->frames[i].data, t->frames[i].len, 0) < 0) {
			if (errno != ENOBUFS)
				die("send");
			usleep(1000);
		}
		t->sent++;
	}
	return NULL;
}

static int packet_socket(const char *device)
{
	struct sockaddr_ll ll = {
		.sll_family = AF_PACKET,
		.sll_ifindex = if_nametoindex(device),
	};
	int fd = socket(AF_PACKET, SOCK_RAW, 0), on = 1;

	if (fd < 0 || bind(fd, (struct sockaddr *)&ll, sizeof(ll)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)))
		die(device);
	return fd;
}

static void take(int side, uint16_t len)
{
	struct twin *t = &twins[side];
	struct frame *f;

	if (t->n == t->room) {
		t->room = t->room ? 2 * t->room : 1024;
		t->frames = realloc(t->frames, t->room * sizeof(*f));
		if (!t->frames)
			die("realloc");
	}
	f = &t->frames[t->n++];
	f->len = len;
	if (len > sizeof(f->data) || fread(f->data, len, 1, stdin) != 1)
		die("a frame");
}

int main(int argc, char **argv)
{
	pthread_t threads[2];
	uint16_t len;
	int side, i;

	if (argc != 5)
		return 2;
	gap = strtoull(argv[2], NULL, 0);
	lag = strtoull(argv[3], NULL, 0);
	jitter = strtoul(argv[4], NULL, 0);
	ncpus = sysconf(_SC_NPROCESSORS_ONLN);
	while ((side = getchar()) != EOF) {
		if (side > 1 || fread(&len, sizeof(len), 1, stdin) != 1)
			die("frames");
		take(side, len);
	}
	for (i = 0; i < 2; i++)
		twins[i].fd = packet_socket(argv[1]);
	start = now() + NSEC / 100;
	for (i = 0; i < 2; i++)
		if (pthread_create(&threads[i], NULL, run, &twins[i]))
			die("pthread_create");
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	printf("%u\n", twins[0].sent + twins[1].sent);
	return 0;
}
