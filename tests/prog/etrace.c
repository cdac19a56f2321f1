// SPDX-License-Identifier: GPL-2.0
/*
 * etrace FD                        serve: echo on every connection of listener FD
 * etrace PROTOCOL ADDR PORT ROUNDS talk:  ROUNDS ping-pongs of 1..3 octets
 *
 * Both ends wait with edge-triggered epoll only and read until EAGAIN. A lost
 * wake-up shows as an epoll_wait() that times out.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAIT_MS 30000

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int watch(int fd, unsigned int events)
{
	struct epoll_event ev = { .events = events | EPOLLET };
	int ep = epoll_create1(0);

	if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev))
		die("epoll");
	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK))
		die("fcntl");
	return ep;
}

/* One edge, then everything that is there. Returns octets, 0 at the end. */
static int drain(int ep, int fd, char *buf, int size, int wait)
{
	struct epoll_event ev;
	int n, got = 0;

	while (!got) {
		n = epoll_wait(ep, &ev, 1, wait);
		if (!n) {
			printf("no event for %d ms: a wake-up was lost\n", wait);
			exit(1);
		}
		while ((n = recv(fd, buf + got, size - got, 0)) > 0)
			got += n;
		if (!n)
			return 0;
		if (errno != EAGAIN)
			die("recv");
	}
	return got;
}

static void put(int fd, const char *buf, int len)
{
	if (send(fd, buf, len, MSG_NOSIGNAL) != len)
		die("send");
}

static int serve(int lst)
{
	char buf[64];
	int fd, ep, n;

	fcntl(lst, F_SETFL, fcntl(lst, F_GETFL) & ~O_NONBLOCK);
	fd = accept(lst, NULL, NULL);
	if (fd < 0)
		die("accept");
	ep = watch(fd, EPOLLIN | EPOLLRDHUP);
	while ((n = drain(ep, fd, buf, sizeof(buf), -1)))
		put(fd, buf, n);
	return 0;
}

static int talk(int protocol, const char *addr, int port, long rounds)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(port) };
	char buf[64] = "abc";
	int fd, ep, want, got;
	long i;

	inet_aton(addr, &sin.sin_addr);
	fd = socket(AF_INET, SOCK_STREAM, protocol);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sin, sizeof(sin)))
		die("connect");
	ep = watch(fd, EPOLLIN | EPOLLRDHUP);
	for (i = 0; i < rounds; i++) {
		want = 1 + i % 3;
		/* two sends: an edge may come while the other end still reads */
		put(fd, buf, 1);
		if (want > 1)
			put(fd, buf + 1, want - 1);
		for (got = 0; got < want; got += want - got > 0 ? 0 : 1) {
			int n = drain(ep, fd, buf, sizeof(buf), WAIT_MS);

			if (!n)
				return puts("end of stream"), 1;
			got += n;
			if (got >= want)
				break;
		}
	}
	puts("ok");
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2)
		return serve(atoi(argv[1]));
	if (argc == 5)
		return talk(atoi(argv[1]), argv[2], atoi(argv[3]), atol(argv[4]));
	fprintf(stderr, "usage: see the comment at the top of etrace.c\n");
	return 2;
}
