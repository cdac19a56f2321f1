// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of tcpx_port.c with sockets of the initial namespace. Most get their
 * addresses and devices by hand; none sends a segment. What may share a port is
 * what may share it in native TCP.
 */
#include <kunit/test.h>
#include <linux/in.h>
#include <linux/net.h>
#include <net/sock_reuseport.h>

#include "../tcpx.h"

#define NSOCKS 24
#define PORT	5001	/* not in ip_local_port_range */

/**
 * struct fixture - what a test uses and gives back
 * @sock: sockets
 * @n: how many
 * @tw: a TIME-WAIT entry
 * @ports: ports in use when the test began
 * @low: of ip_local_port_range
 * @high: of ip_local_port_range
 * @first: of the ports that narrow() allows
 */
struct fixture {
	struct socket *sock[NSOCKS];
	int n;
	struct tcpx_tw tw;
	s64 ports;
	int low;
	int high;
	int first;
};

static s64 ports_in_use(void)
{
	return tcpx_gauge_read(tcpx_net(&init_net), TCPX_GAUGE_PORTS);
}

static int port_init(struct kunit *test)
{
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	if (!f)
		return -ENOMEM;
	f->tw.tn = tcpx_net(&init_net);
	f->ports = ports_in_use();
	inet_get_local_port_range(&init_net, &f->low, &f->high);
	f->first = f->low + 100;
	test->priv = f;
	return 0;
}

static void tw_end(struct fixture *f)
{
	tcpx_hash_remove_tw(&f->tw);
	if (f->tw.port)
		tcpx_port_release_tw(&f->tw);
}

/* Whatever a test did, no port stays in use. */
static void port_exit(struct kunit *test)
{
	struct fixture *f = test->priv;

	if (!f)
		return;
	while (f->n)
		sock_release(f->sock[--f->n]);
	tw_end(f);
	KUNIT_EXPECT_EQ(test, ports_in_use(), f->ports);
}

static struct sock *sock_new(struct kunit *test)
{
	struct fixture *f = test->priv;

	KUNIT_ASSERT_LT(test, f->n, NSOCKS);
	KUNIT_ASSERT_EQ(test, sock_create_kern(&init_net, AF_INET, SOCK_STREAM,
					       tcpx_protocol, &f->sock[f->n]),
			0);
	return f->sock[f->n++]->sk;
}

enum who { ANY, A, B, ANY6 };

static void set_addr(struct in6_addr *addr, enum who who)
{
	static const u32 addrs[] = { 0, INADDR_LOOPBACK, INADDR_LOOPBACK + 1 };

	if (who == ANY6)
		*addr = in6addr_any;
	else
		ipv6_addr_set_v4mapped(htonl(addrs[who]), addr);
}

/* A socket as bind() hands it to tcpx_port_bind() */
static struct sock *sock_at(struct kunit *test, enum who who, bool reuse, int dev)
{
	struct sock *sk = sock_new(test);

	set_addr(&tcpx_sk(sk)->tuple.laddr, who);
	sk->sk_reuse = reuse ? SK_CAN_REUSE : SK_NO_REUSE;
	sk->sk_bound_dev_if = dev;
	return sk;
}

static struct sock *group_sock(struct kunit *test, enum who who, int dev)
{
	struct sock *sk = sock_at(test, who, false, dev);

	sk->sk_reuseport = true;
	return sk;
}

static struct sock_reuseport *group_of(const struct sock *sk)
{
	/* Nobody else uses these sockets. */
	return rcu_dereference_protected(sk->sk_reuseport_cb, true);
}

static int do_bind(struct sock *sk, unsigned short snum)
{
	int err;

	lock_sock(sk);
	err = tcpx_port_bind(sk, snum);
	release_sock(sk);
	return err;
}

static int do_listen(struct sock *sk)
{
	return kernel_listen(sk->sk_socket, 1);
}

/* From 127.0.0.1 to port 80 of 198.18.0.0 + @dest */
static int do_connect(struct sock *sk, u32 dest)
{
	struct tcpx_tuple *t = &tcpx_sk(sk)->tuple;
	int err;

	lock_sock(sk);
	set_addr(&t->laddr, A);
	ipv6_addr_set_v4mapped(htonl(0xc6120000 + dest), &t->raddr);
	t->rport = htons(80);
	err = tcpx_port_connect(sk);
	release_sock(sk);
	return err;
}

/* bind() itself, to the wildcard */
static int call_bind(struct sock *sk, u16 num)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons(num),
	};

	return kernel_bind(sk->sk_socket, (struct tcpx_sockaddr *)&addr,
			   sizeof(addr));
}

static void do_release(struct sock *sk)
{
	lock_sock(sk);
	tcpx_hash_remove(sk);
	tcpx_port_release(sk);
	release_sock(sk);
}

/* The port that a connection gets, given back at once; 0 if it gets none. */
static int try_connect(struct sock *sk, u32 dest)
{
	int num = 0;

	if (!do_connect(sk, dest))
		num = inet_sk(sk)->inet_num;
	do_release(sk);
	return num;
}

/* The connection of @sk ends in TIME-WAIT. */
static void do_time_wait(struct kunit *test, struct sock *sk)
{
	struct fixture *f = test->priv;

	lock_sock(sk);
	f->tw.tuple = tcpx_sk(sk)->tuple;
	f->tw.hash = tcpx_sk(sk)->hash;
	f->tw.ifindex = sk->sk_bound_dev_if;
	f->tw.reuse = sk->sk_reuse;
	f->tw.reuseport = sk->sk_reuseport;
	tcpx_port_to_tw(sk, &f->tw);
	tcpx_hash_insert_tw(sk, &f->tw);
	tcpx_port_release(sk);
	release_sock(sk);
}

/* For @sk the range of ephemeral ports are the @n from fixture.first on. */
static struct sock *narrow(struct kunit *test, struct sock *sk, int n)
{
	struct fixture *f = test->priv;
	u32 range = (u32)(f->first + n - 1) << 16 | f->first;
	struct socket *sock = sk->sk_socket;

	KUNIT_ASSERT_EQ(test,
			sock->ops->setsockopt(sock, SOL_IP, IP_LOCAL_PORT_RANGE,
					      KERNEL_SOCKPTR(&range),
					      sizeof(range)), 0);
	return sk;
}

static struct sock *narrow_sock(struct kunit *test, int n)
{
	return narrow(test, sock_at(test, A, false, 0), n);
}

static void reserve_port(int num, bool on)
{
	unsigned long *map = init_net.ipv4.sysctl_local_reserved_ports;

	if (on)
		set_bit(num, map);
	else
		clear_bit(num, map);
}

/*
 * bind() to a port
 */

/* What the first of two sockets does with the port */
enum how { HELD, LISTENS, TIME_WAITS };

struct share_case {
	const char *name;
	enum how how;
	enum who who[2];
	bool reuse[2];
	int dev[2];
	int err;
	bool group[2];
	uid_t uid[2];
};

static const struct share_case share_cases[] = {
	{ "same address", HELD, { A, A }, .err = -EADDRINUSE },
	{ "two addresses", HELD, { A, B }, .err = 0 },
	{ "wildcard, then address", HELD, { ANY, A }, .err = -EADDRINUSE },
	{ "address, then wildcard", HELD, { A, ANY }, .err = -EADDRINUSE },
	{ "wildcard twice", HELD, { ANY, ANY }, .err = -EADDRINUSE },
	{ "wildcard of IPv6, then address", HELD, { ANY6, A },
	  .err = -EADDRINUSE },
	{ "address, then wildcard of IPv6", HELD, { A, ANY6 },
	  .err = -EADDRINUSE },

	{ "same address, both reuse", HELD, { A, A }, { true, true }, .err = 0 },
	{ "same address, first reuses", HELD, { A, A }, { true, false },
	  .err = -EADDRINUSE },
	{ "same address, second reuses", HELD, { A, A }, { false, true },
	  .err = -EADDRINUSE },
	{ "wildcard, then address, both reuse", HELD, { ANY, A },
	  { true, true }, .err = 0 },
	{ "wildcard, then address, first reuses", HELD, { ANY, A },
	  { true, false }, .err = -EADDRINUSE },
	{ "wildcard, then address, second reuses", HELD, { ANY, A },
	  { false, true }, .err = -EADDRINUSE },
	{ "wildcard twice, both reuse", HELD, { ANY, ANY }, { true, true },
	  .err = 0 },

	{ "same address, both reuse, LISTEN", LISTENS, { A, A },
	  { true, true }, .err = -EADDRINUSE },
	{ "wildcard in LISTEN, both reuse", LISTENS, { ANY, A },
	  { true, true }, .err = -EADDRINUSE },
	{ "address in LISTEN, then wildcard", LISTENS, { A, ANY },
	  { true, true }, .err = -EADDRINUSE },
	{ "two addresses, LISTEN", LISTENS, { A, B }, .err = 0 },

	{ "two devices", HELD, { A, A }, .dev = { 1, 2 }, .err = 0 },
	{ "same device", HELD, { A, A }, .dev = { 1, 1 }, .err = -EADDRINUSE },
	{ "any device, then one", HELD, { A, A }, .dev = { 0, 1 },
	  .err = -EADDRINUSE },
	{ "one device, then any", HELD, { A, A }, .dev = { 1, 0 },
	  .err = -EADDRINUSE },
	{ "wildcard, two devices, LISTEN", LISTENS, { ANY, ANY },
	  .dev = { 1, 2 }, .err = 0 },
	{ "same device, both reuse, LISTEN", LISTENS, { A, A },
	  { true, true }, { 1, 1 }, -EADDRINUSE },

	{ "TIME-WAIT", TIME_WAITS, { A, A }, .err = -EADDRINUSE },
	{ "TIME-WAIT, both reuse", TIME_WAITS, { A, A }, { true, true },
	  .err = 0 },
	{ "TIME-WAIT of a socket that reused", TIME_WAITS, { A, A },
	  { true, false }, .err = -EADDRINUSE },
	{ "TIME-WAIT, only the second reuses", TIME_WAITS, { A, A },
	  { false, true }, .err = -EADDRINUSE },
	{ "TIME-WAIT, wildcard", TIME_WAITS, { A, ANY }, .err = -EADDRINUSE },
	{ "TIME-WAIT, wildcard, both reuse", TIME_WAITS, { A, ANY },
	  { true, true }, .err = 0 },
	{ "TIME-WAIT of another address", TIME_WAITS, { A, B }, .err = 0 },
	{ "TIME-WAIT of another device", TIME_WAITS, { A, A }, .dev = { 1, 2 },
	  .err = 0 },
	{ "TIME-WAIT of any device", TIME_WAITS, { A, A }, .dev = { 0, 1 },
	  .err = -EADDRINUSE },

	/* SO_REUSEPORT */
	{ "group", HELD, { A, A }, .group = { true, true }, .err = 0 },
	{ "group, only the first", HELD, { A, A }, .group = { true, false },
	  .err = -EADDRINUSE },
	{ "group, only the second", HELD, { A, A }, .group = { false, true },
	  .err = -EADDRINUSE },
	{ "first in a group, second reuses", HELD, { A, A }, { false, true },
	  .group = { true, false }, .err = -EADDRINUSE },
	{ "group, one user", HELD, { A, A }, .group = { true, true },
	  .uid = { 1000, 1000 }, .err = 0 },
	{ "group, two users", HELD, { A, A }, .group = { true, true },
	  .uid = { 1000, 1001 }, .err = -EADDRINUSE },
	{ "group, user then root", HELD, { A, A }, .group = { true, true },
	  .uid = { 1000, 0 }, .err = -EADDRINUSE },
	{ "group, two users, both reuse", HELD, { A, A }, { true, true },
	  .group = { true, true }, .uid = { 1000, 1001 }, .err = 0 },
	{ "group, wildcard, then address", HELD, { ANY, A },
	  .group = { true, true }, .err = 0 },
	{ "group, any device, then one", HELD, { A, A }, .dev = { 0, 1 },
	  .group = { true, true }, .err = 0 },

	{ "group, LISTEN", LISTENS, { A, A }, .group = { true, true },
	  .err = 0 },
	{ "group, LISTEN, only the first", LISTENS, { A, A },
	  .group = { true, false }, .err = -EADDRINUSE },
	{ "group, LISTEN, only the second", LISTENS, { A, A },
	  .group = { false, true }, .err = -EADDRINUSE },
	{ "group, LISTEN, two users", LISTENS, { A, A },
	  .group = { true, true }, .uid = { 1000, 1001 }, .err = -EADDRINUSE },
	{ "group, LISTEN, two users, both reuse", LISTENS, { A, A },
	  { true, true }, .group = { true, true }, .uid = { 1000, 1001 },
	  .err = -EADDRINUSE },
	{ "group, LISTEN, only the first, both reuse", LISTENS, { A, A },
	  { true, true }, .group = { true, false }, .err = -EADDRINUSE },
	{ "group, wildcard in LISTEN, then address", LISTENS, { ANY, A },
	  .group = { true, true }, .err = 0 },

	{ "group, TIME-WAIT", TIME_WAITS, { A, A }, .group = { true, true },
	  .err = 0 },
	{ "group, TIME-WAIT, two users", TIME_WAITS, { A, A },
	  .group = { true, true }, .uid = { 1000, 1001 }, .err = 0 },
	{ "group, TIME-WAIT, only the first", TIME_WAITS, { A, A },
	  .group = { true, false }, .err = -EADDRINUSE },
	{ "group, TIME-WAIT, only the second", TIME_WAITS, { A, A },
	  .group = { false, true }, .err = -EADDRINUSE },
};

static void share_desc(const struct share_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(share, share_cases, share_desc);

static struct sock *share_sock(struct kunit *test, const struct share_case *c,
			       int nr)
{
	struct sock *sk = sock_at(test, c->who[nr], c->reuse[nr], c->dev[nr]);

	sk->sk_reuseport = c->group[nr];
	sk->sk_uid = KUIDT_INIT(c->uid[nr]);
	return sk;
}

static void tcpx_port_bind__second(struct kunit *test)
{
	const struct share_case *c = test->param_value;
	struct sock *first = share_sock(test, c, 0);
	struct sock *second = share_sock(test, c, 1);

	KUNIT_ASSERT_EQ(test, do_bind(first, PORT), 0);
	if (c->how == LISTENS)
		KUNIT_ASSERT_EQ(test, do_listen(first), 0);
	if (c->how == TIME_WAITS)
		do_time_wait(test, first);
	KUNIT_EXPECT_EQ(test, do_bind(second, PORT), c->err);
	KUNIT_EXPECT_EQ(test, !tcpx_sk(second)->port, !!c->err);
}

static void tcpx_port_bind__sets_port(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct sock *sk = sock_at(test, A, false, 0);

	KUNIT_ASSERT_EQ(test, do_bind(sk, PORT), 0);
	KUNIT_EXPECT_EQ(test, inet_sk(sk)->inet_num, (u16)PORT);
	KUNIT_EXPECT_EQ(test, tcpx_sk(sk)->tuple.lport, htons(PORT));
	KUNIT_EXPECT_EQ(test, ports_in_use(), f->ports + 1);
}

static void tcpx_port_bind__again(struct kunit *test)
{
	struct sock *sk = sock_at(test, A, true, 0);

	KUNIT_ASSERT_EQ(test, do_bind(sk, PORT), 0);
	KUNIT_EXPECT_EQ(test, do_bind(sk, PORT), -EINVAL);
	KUNIT_EXPECT_EQ(test, do_bind(sk, PORT + 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, do_bind(sk, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, inet_sk(sk)->inet_num, (u16)PORT);
}

/* After a refusal another port will do. */
static void tcpx_port_bind__after_refusal(struct kunit *test)
{
	struct sock *first = sock_at(test, A, false, 0);
	struct sock *second = sock_at(test, A, false, 0);

	KUNIT_ASSERT_EQ(test, do_bind(first, PORT), 0);
	KUNIT_ASSERT_EQ(test, do_bind(second, PORT), -EADDRINUSE);
	KUNIT_EXPECT_EQ(test, do_bind(second, PORT + 1), 0);
	KUNIT_EXPECT_EQ(test, inet_sk(second)->inet_num, (u16)(PORT + 1));
}

static void tcpx_port_bind__system_call(struct kunit *test)
{
	struct sock *second = sock_new(test), *first = sock_new(test);
	struct fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, call_bind(first, PORT), 0);
	KUNIT_EXPECT_EQ(test, inet_sk(first)->inet_sport, htons(PORT));
	KUNIT_EXPECT_EQ(test, call_bind(second, PORT), -EADDRINUSE);
	KUNIT_EXPECT_NULL(test, tcpx_sk(second)->port);
	KUNIT_EXPECT_EQ(test, do_bind(sock_at(test, A, true, 0), PORT),
			-EADDRINUSE);
	sock_release(f->sock[--f->n]);
	sock_release(f->sock[--f->n]);
	KUNIT_EXPECT_EQ(test, call_bind(second, PORT), 0);
	KUNIT_EXPECT_EQ(test, inet_sk(second)->inet_sport, htons(PORT));
}

static void tcpx_port_bind__system_call_any(struct kunit *test)
{
	struct sock *sk = sock_new(test);
	struct fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, call_bind(sk, 0), 0);
	KUNIT_EXPECT_GE(test, (int)ntohs(inet_sk(sk)->inet_sport), f->low);
	KUNIT_EXPECT_LE(test, (int)ntohs(inet_sk(sk)->inet_sport), f->high);
	KUNIT_EXPECT_EQ(test, do_listen(sk), 0);
}

/* What connect() took by itself is in use, too. */
static void tcpx_port_bind__port_of_connection(struct kunit *test)
{
	struct sock *client = narrow_sock(test, 1);
	struct fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, do_connect(client, 1), 0);
	KUNIT_EXPECT_EQ(test, do_bind(sock_at(test, A, false, 0), f->first),
			-EADDRINUSE);
	KUNIT_EXPECT_EQ(test, do_bind(sock_at(test, ANY, true, 0), f->first),
			-EADDRINUSE);
	KUNIT_EXPECT_EQ(test, do_bind(sock_at(test, B, false, 0), f->first), 0);
}

/* ip_local_reserved_ports: not by chance, but whoever asks for one gets it. */
static void tcpx_port_bind__reserved(struct kunit *test)
{
	struct sock *sk = sock_at(test, A, false, 0);
	int err;

	reserve_port(PORT, true);
	err = do_bind(sk, PORT);
	reserve_port(PORT, false);
	KUNIT_EXPECT_EQ(test, err, 0);
}

/*
 * bind() to port 0
 */

static void tcpx_port_bind__any_in_range(struct kunit *test)
{
	struct sock *sk = sock_at(test, ANY, false, 0);
	struct fixture *f = test->priv;
	int i;

	for (i = 0; i < 200; i++) {
		KUNIT_ASSERT_EQ_MSG(test, do_bind(sk, 0), 0, "try %d", i);
		KUNIT_EXPECT_GE_MSG(test, (int)inet_sk(sk)->inet_num, f->low,
				    "try %d", i);
		KUNIT_EXPECT_LE_MSG(test, (int)inet_sk(sk)->inet_num, f->high,
				    "try %d", i);
		do_release(sk);
	}
}

/* Nobody gets what another one has, whatever both allow. */
static void tcpx_port_bind__any_is_unused(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct sock *sk;
	u32 seen = 0;
	int i;

	for (i = 0; i < 8; i++) {
		sk = narrow(test, sock_at(test, A, true, 0), 8);
		sk->sk_reuseport = true;
		KUNIT_ASSERT_EQ_MSG(test, do_bind(sk, 0), 0, "socket %d", i);
		seen |= 1U << (inet_sk(sk)->inet_num - f->first);
	}
	KUNIT_EXPECT_EQ(test, seen, 0xffU);
}

static void tcpx_port_bind__any_exhausted(struct kunit *test)
{
	struct sock *first = narrow_sock(test, 2), *sk;

	KUNIT_ASSERT_EQ(test, do_bind(first, 0), 0);
	KUNIT_ASSERT_EQ(test, do_bind(narrow_sock(test, 2), 0), 0);
	sk = narrow_sock(test, 2);
	KUNIT_EXPECT_EQ(test, do_bind(sk, 0), -EADDRINUSE);
	KUNIT_EXPECT_NULL(test, tcpx_sk(sk)->port);
	do_release(first);
	KUNIT_EXPECT_EQ(test, do_bind(sk, 0), 0);
}

static void tcpx_port_bind__any_not_reserved(struct kunit *test)
{
	struct sock *sk = narrow_sock(test, 2);
	struct fixture *f = test->priv;
	int i, bad = 0;

	reserve_port(f->first, true);
	for (i = 0; i < 50; i++) {
		bad += do_bind(sk, 0) || inet_sk(sk)->inet_num != f->first + 1;
		do_release(sk);
	}
	reserve_port(f->first, false);
	KUNIT_EXPECT_EQ(test, bad, 0);
}

/*
 * listen()
 */

/* Both are bound before one of them listens. */
static const struct share_case listen_cases[] = {
	{ "same address", HELD, { A, A }, { true, true }, .err = -EADDRINUSE },
	{ "wildcard, then address", HELD, { ANY, A }, { true, true },
	  .err = -EADDRINUSE },
	{ "address, then wildcard", HELD, { A, ANY }, { true, true },
	  .err = -EADDRINUSE },
	{ "wildcard twice", HELD, { ANY, ANY }, { true, true },
	  .err = -EADDRINUSE },
	{ "two addresses", HELD, { A, B }, .err = 0 },
	{ "two devices", HELD, { A, A }, .dev = { 1, 2 }, .err = 0 },
	{ "any device, then one", HELD, { A, A }, { true, true }, { 0, 1 },
	  -EADDRINUSE },

	{ "group", HELD, { A, A }, .group = { true, true }, .err = 0 },
	{ "group, wildcard, then address", HELD, { ANY, A },
	  .group = { true, true }, .err = 0 },
	{ "group, any device, then one", HELD, { A, A }, .dev = { 0, 1 },
	  .group = { true, true }, .err = 0 },
	{ "both reuse, group, only the first", HELD, { A, A }, { true, true },
	  .group = { true, false }, .err = -EADDRINUSE },
	{ "both reuse, group, only the second", HELD, { A, A }, { true, true },
	  .group = { false, true }, .err = -EADDRINUSE },
	{ "both reuse, group, two users", HELD, { A, A }, { true, true },
	  .group = { true, true }, .uid = { 1000, 1001 }, .err = -EADDRINUSE },
};

KUNIT_ARRAY_PARAM(listen, listen_cases, share_desc);

static void tcpx_port_listen__second(struct kunit *test)
{
	const struct share_case *c = test->param_value;
	struct sock *first = share_sock(test, c, 0);
	struct sock *second = share_sock(test, c, 1);

	KUNIT_ASSERT_EQ(test, do_bind(first, PORT), 0);
	KUNIT_ASSERT_EQ(test, do_bind(second, PORT), 0);
	KUNIT_ASSERT_EQ(test, do_listen(first), 0);
	KUNIT_EXPECT_EQ(test, do_listen(second), c->err);
	KUNIT_EXPECT_EQ(test, (int)second->sk_state,
			c->err ? TCP_CLOSE : TCP_LISTEN);
}

static void tcpx_port_listen__after_close(struct kunit *test)
{
	struct sock *second = sock_at(test, A, true, 0);
	struct sock *first = sock_at(test, A, true, 0);
	struct fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, do_bind(first, PORT), 0);
	KUNIT_ASSERT_EQ(test, do_bind(second, PORT), 0);
	KUNIT_ASSERT_EQ(test, do_listen(first), 0);
	KUNIT_ASSERT_EQ(test, do_listen(second), -EADDRINUSE);
	sock_release(f->sock[--f->n]);
	KUNIT_EXPECT_EQ(test, do_listen(second), 0);
}

/* An option that was cleared after bind() no longer helps. */
static void tcpx_port_listen__option_cleared(struct kunit *test)
{
	struct sock *first = group_sock(test, A, 0);
	struct sock *second = group_sock(test, A, 0);

	KUNIT_ASSERT_EQ(test, do_bind(first, PORT), 0);
	KUNIT_ASSERT_EQ(test, do_bind(second, PORT), 0);
	KUNIT_ASSERT_EQ(test, do_listen(first), 0);
	second->sk_reuseport = false;
	KUNIT_EXPECT_EQ(test, do_listen(second), -EADDRINUSE);
	second->sk_reuseport = true;
	KUNIT_EXPECT_EQ(test, do_listen(second), 0);
}

static void tcpx_port_listen__one_group(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct sock *sk[3];
	int i;

	for (i = 0; i < 3; i++) {
		sk[i] = group_sock(test, A, 0);
		KUNIT_ASSERT_EQ_MSG(test, do_bind(sk[i], PORT), 0, "socket %d", i);
		KUNIT_EXPECT_NULL_MSG(test, group_of(sk[i]), "socket %d", i);
		KUNIT_ASSERT_EQ_MSG(test, do_listen(sk[i]), 0, "socket %d", i);
		KUNIT_EXPECT_PTR_EQ_MSG(test, group_of(sk[i]), group_of(sk[0]),
					"socket %d", i);
	}
	KUNIT_ASSERT_NOT_NULL(test, group_of(sk[0]));
	KUNIT_EXPECT_EQ(test, (int)group_of(sk[0])->num_socks, 3);
	sock_release(f->sock[--f->n]);
	KUNIT_EXPECT_EQ(test, (int)group_of(sk[0])->num_socks, 2);
}

/* Another address or device is another group, and so is a wildcard. */
static void tcpx_port_listen__groups_differ(struct kunit *test)
{
	struct sock *sk[4] = {
		group_sock(test, A, 0), group_sock(test, B, 0),
		group_sock(test, ANY, 0), group_sock(test, A, 1),
	};
	int i;

	for (i = 0; i < 4; i++) {
		KUNIT_ASSERT_EQ_MSG(test, do_bind(sk[i], PORT), 0, "socket %d", i);
		KUNIT_ASSERT_EQ_MSG(test, do_listen(sk[i]), 0, "socket %d", i);
	}
	for (i = 0; i < 4; i++) {
		KUNIT_ASSERT_NOT_NULL_MSG(test, group_of(sk[i]), "socket %d", i);
		KUNIT_EXPECT_EQ_MSG(test, (int)group_of(sk[i])->num_socks, 1,
				    "socket %d", i);
	}
}

/* shutdown() leaves the group, listen() joins it again. */
static void tcpx_port_listen__group_again(struct kunit *test)
{
	struct sock *first = group_sock(test, ANY, 0);
	struct sock *second = group_sock(test, ANY, 0);

	KUNIT_ASSERT_EQ(test, call_bind(first, PORT), 0);
	KUNIT_ASSERT_EQ(test, call_bind(second, PORT), 0);
	KUNIT_ASSERT_EQ(test, do_listen(first), 0);
	KUNIT_ASSERT_EQ(test, do_listen(second), 0);
	KUNIT_ASSERT_EQ(test, kernel_sock_shutdown(first->sk_socket, SHUT_RDWR),
			0);
	KUNIT_EXPECT_NULL(test, group_of(first));
	KUNIT_EXPECT_EQ(test, (int)group_of(second)->num_socks, 1);
	KUNIT_EXPECT_EQ(test, do_listen(first), 0);
	KUNIT_EXPECT_PTR_EQ(test, group_of(first), group_of(second));
}

/* Who has a group already, by a program, must be the first on its port. */
static void tcpx_port_bind__group_of_its_own(struct kunit *test)
{
	struct sock *other = group_sock(test, A, 0);
	struct sock *sk = group_sock(test, A, 0);

	KUNIT_ASSERT_EQ(test, reuseport_alloc(sk, false), 0);
	KUNIT_ASSERT_EQ(test, do_bind(other, PORT), 0);
	KUNIT_EXPECT_EQ(test, do_bind(sk, PORT), -EADDRINUSE);
	do_release(other);
	KUNIT_ASSERT_EQ(test, do_bind(sk, PORT), 0);
	KUNIT_ASSERT_EQ(test, do_listen(sk), 0);
	KUNIT_ASSERT_EQ(test, do_bind(other, PORT), 0);
	KUNIT_ASSERT_EQ(test, do_listen(other), 0);
	KUNIT_EXPECT_PTR_EQ(test, group_of(other), group_of(sk));
}

/* A server that is started again while its last connection is in TIME-WAIT */
static void tcpx_port_listen__time_wait(struct kunit *test)
{
	struct sock *old = sock_at(test, A, true, 0);
	struct sock *sk = sock_at(test, ANY, true, 0);

	KUNIT_ASSERT_EQ(test, do_bind(old, PORT), 0);
	do_time_wait(test, old);
	KUNIT_ASSERT_EQ(test, do_bind(sk, PORT), 0);
	KUNIT_EXPECT_EQ(test, do_listen(sk), 0);
}

/* listen() without bind() */
static void tcpx_port_listen__unbound(struct kunit *test)
{
	struct sock *first = sock_new(test), *second = sock_new(test);
	struct fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, do_listen(first), 0);
	KUNIT_ASSERT_EQ(test, do_listen(second), 0);
	KUNIT_EXPECT_GE(test, (int)inet_sk(first)->inet_num, f->low);
	KUNIT_EXPECT_LE(test, (int)inet_sk(first)->inet_num, f->high);
	KUNIT_EXPECT_NE(test, inet_sk(first)->inet_num,
			inet_sk(second)->inet_num);
}

/*
 * connect()
 */

static void tcpx_port_connect__in_range(struct kunit *test)
{
	struct sock *sk = sock_new(test);
	struct fixture *f = test->priv;
	u32 dest;
	int num;

	for (dest = 0; dest < 200; dest++) {
		num = try_connect(sk, dest);
		KUNIT_EXPECT_GE_MSG(test, num, f->low, "dest %u", dest);
		KUNIT_EXPECT_LE_MSG(test, num, f->high, "dest %u", dest);
	}
}

static void tcpx_port_connect__sets_port(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct sock *sk = narrow_sock(test, 1);

	KUNIT_ASSERT_EQ(test, do_connect(sk, 1), 0);
	KUNIT_EXPECT_EQ(test, (int)inet_sk(sk)->inet_num, f->first);
	KUNIT_EXPECT_EQ(test, tcpx_sk(sk)->tuple.lport, htons(f->first));
	KUNIT_EXPECT_TRUE(test, tcpx_sk(sk)->hashed);
	KUNIT_EXPECT_EQ(test, ports_in_use(), f->ports + 1);
}

/*
 * RFC 6056: what one destination sees tells nothing of the next one's. Of 256
 * starts 32 fall into each eighth of the range and 0.3 near the one before.
 */
static void tcpx_port_connect__destinations_differ(struct kunit *test)
{
	struct sock *sk = sock_new(test);
	struct fixture *f = test->priv;
	int n = f->high - f->low + 1;
	int eighth[8] = {}, near = 0, last = 0, num, i;

	for (i = 0; i < 256; i++) {
		num = try_connect(sk, i) - f->low;
		KUNIT_ASSERT_GE_MSG(test, num, 0, "dest %d", i);
		KUNIT_ASSERT_LT_MSG(test, num, n, "dest %d", i);
		near += i && abs(num - last) <= 16;
		eighth[num * 8 / n]++;
		last = num;
	}
	KUNIT_EXPECT_LT(test, near, 8);
	for (i = 0; i < 8; i++)
		KUNIT_EXPECT_GE_MSG(test, eighth[i], 4, "eighth %d", i);
}

/* RFC 6056 3.3.4: the next one is a little further on, so none comes back soon. */
static void tcpx_port_connect__destination_advances(struct kunit *test)
{
	struct sock *sk = sock_new(test);
	struct fixture *f = test->priv;
	int n = f->high - f->low + 1, last, num, i;

	last = try_connect(sk, 1);
	for (i = 0; i < 100; i++) {
		num = try_connect(sk, 1);
		KUNIT_EXPECT_GE_MSG(test, (num - last + n) % n, 1, "try %d", i);
		KUNIT_EXPECT_LE_MSG(test, (num - last + n) % n, 16, "try %d", i);
		last = num;
	}
}

/* Each of the 4 ports is found, whoever comes first. */
static void tcpx_port_connect__exhausted(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct sock *sk;
	u32 seen = 0;
	int i;

	for (i = 0; i < 4; i++) {
		sk = narrow_sock(test, 4);
		KUNIT_ASSERT_EQ_MSG(test, do_connect(sk, 1), 0, "socket %d", i);
		seen |= 1U << (inet_sk(sk)->inet_num - f->first);
	}
	KUNIT_EXPECT_EQ(test, seen, 0xfU);
	sk = narrow_sock(test, 4);
	KUNIT_EXPECT_EQ(test, do_connect(sk, 1), -EADDRNOTAVAIL);
	KUNIT_EXPECT_NULL(test, tcpx_sk(sk)->port);
	KUNIT_EXPECT_FALSE(test, tcpx_sk(sk)->hashed);
	KUNIT_EXPECT_EQ(test, tcpx_sk(sk)->tuple.lport, htons(0));
	KUNIT_EXPECT_EQ(test, ports_in_use(), f->ports + 4);
}

/* One port serves many destinations: only the 4-tuple must differ. */
static void tcpx_port_connect__shares_port(struct kunit *test)
{
	struct fixture *f = test->priv;
	u32 dest;

	for (dest = 0; dest < 5; dest++)
		KUNIT_EXPECT_EQ_MSG(test, do_connect(narrow_sock(test, 1), dest),
				    0, "dest %u", dest);
	KUNIT_EXPECT_EQ(test, do_connect(narrow_sock(test, 1), 3),
			-EADDRNOTAVAIL);
	KUNIT_EXPECT_EQ(test, ports_in_use(), f->ports + 1);
}

static void tcpx_port_connect__port_free_again(struct kunit *test)
{
	struct sock *first = narrow_sock(test, 1);
	struct sock *second = narrow_sock(test, 1);

	KUNIT_ASSERT_EQ(test, do_connect(first, 1), 0);
	KUNIT_ASSERT_EQ(test, do_connect(second, 1), -EADDRNOTAVAIL);
	do_release(first);
	KUNIT_EXPECT_EQ(test, do_connect(second, 1), 0);
}

/*
 * What somebody asked for by bind() is not taken by chance. The choice advances,
 * so of ten every second one would be that port.
 */
static void tcpx_port_connect__not_bound_port(struct kunit *test)
{
	struct sock *owner = sock_at(test, B, true, 0);
	struct fixture *f = test->priv;
	struct sock *sk = narrow_sock(test, 2);
	int i;

	KUNIT_ASSERT_EQ(test, do_bind(owner, f->first), 0);
	for (i = 0; i < 10; i++)
		KUNIT_EXPECT_EQ_MSG(test, try_connect(sk, 1), f->first + 1,
				    "try %d", i);
}

static void tcpx_port_connect__not_reserved_port(struct kunit *test)
{
	struct sock *sk = narrow_sock(test, 2);
	struct fixture *f = test->priv;
	int i, bad = 0;

	reserve_port(f->first + 1, true);
	for (i = 0; i < 10; i++)
		bad += try_connect(sk, 1) != f->first;
	reserve_port(f->first + 1, false);
	KUNIT_EXPECT_EQ(test, bad, 0);
}

static void tcpx_port_connect__keeps_bound_port(struct kunit *test)
{
	struct sock *sk = sock_at(test, A, false, 0);

	KUNIT_ASSERT_EQ(test, do_bind(sk, PORT), 0);
	KUNIT_ASSERT_EQ(test, do_connect(sk, 1), 0);
	KUNIT_EXPECT_EQ(test, inet_sk(sk)->inet_num, (u16)PORT);
	KUNIT_EXPECT_EQ(test, tcpx_sk(sk)->tuple.lport, htons(PORT));
}

/* Two may share the port, not the connection. The port stays bound. */
static void tcpx_port_connect__same_tuple(struct kunit *test)
{
	struct sock *first = sock_at(test, A, true, 0);
	struct sock *second = sock_at(test, A, true, 0);

	KUNIT_ASSERT_EQ(test, do_bind(first, PORT), 0);
	KUNIT_ASSERT_EQ(test, do_bind(second, PORT), 0);
	KUNIT_ASSERT_EQ(test, do_connect(first, 1), 0);
	KUNIT_EXPECT_EQ(test, do_connect(second, 1), -EADDRNOTAVAIL);
	KUNIT_EXPECT_EQ(test, inet_sk(second)->inet_num, (u16)PORT);
	KUNIT_EXPECT_EQ(test, do_connect(second, 2), 0);
}

/* The same 4-tuple behind two devices, as in two VRFs, is two connections. */
static void tcpx_port_connect__devices(struct kunit *test)
{
	static const struct {
		int dev[2];
		int err;
	} cases[] = {
		{ { 0, 0 }, -EADDRNOTAVAIL }, { { 5, 5 }, -EADDRNOTAVAIL },
		{ { 0, 5 }, -EADDRNOTAVAIL }, { { 5, 0 }, -EADDRNOTAVAIL },
		{ { 5, 6 }, 0 },
	};
	struct fixture *f = test->priv;
	int i;

	for (i = 0; i < 2 * ARRAY_SIZE(cases); i++) {
		int nr = i / 2, dev = cases[nr].dev[0];
		struct sock *first = sock_at(test, A, true, dev);
		struct sock *second = sock_at(test, A, true, cases[nr].dev[1]);

		KUNIT_ASSERT_EQ(test, do_bind(first, PORT), 0);
		KUNIT_ASSERT_EQ(test, do_bind(second, PORT), 0);
		KUNIT_ASSERT_EQ(test, do_connect(first, 1), 0);
		if (i & 1)
			do_time_wait(test, first);
		KUNIT_EXPECT_EQ_MSG(test, do_connect(second, 1), cases[nr].err,
				    "case %d, TIME-WAIT %d", nr, i & 1);
		if (i & 1)
			tw_end(f);
		else
			do_release(first);
		do_release(second);
	}
}

/* TIME-WAIT keeps the 4-tuple, not the port from other destinations. */
static void tcpx_port_connect__time_wait(struct kunit *test)
{
	struct sock *sk = narrow_sock(test, 1);
	struct fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, do_connect(sk, 1), 0);
	do_time_wait(test, sk);
	KUNIT_EXPECT_EQ(test, do_connect(sk, 1), -EADDRNOTAVAIL);
	KUNIT_EXPECT_EQ(test, try_connect(sk, 2), f->first);
	KUNIT_EXPECT_EQ(test, ports_in_use(), f->ports + 1);
	tw_end(f);
	KUNIT_EXPECT_EQ(test, do_connect(sk, 1), 0);
}

/* A destination whose keyed offset is one of the highest 2^16 of 32 bits */
static u32 high_offset(struct tcpx_net *tn, struct tcpx_tuple *t, u64 *hash)
{
	u32 dest = 0;

	*t = (struct tcpx_tuple){ .rport = htons(80) };
	set_addr(&t->laddr, A);
	do {
		ipv6_addr_set_v4mapped(htonl(0xc6120000 + ++dest), &t->raddr);
		*hash = siphash(t, sizeof(*t), &tn->port_key);
	} while (~(u32)*hash > U16_MAX && dest < 10000000);
	return dest;
}

/* Only the third of three ports is free, and the offset wraps on the way. */
static void tcpx_port_connect__offset_wraps(struct kunit *test)
{
	struct tcpx_net *tn = tcpx_net(&init_net);
	struct sock *sk = narrow_sock(test, 3);
	struct fixture *f = test->priv;
	struct tcpx_tuple t;
	u64 hash;
	u32 dest = high_offset(tn, &t, &hash);

	KUNIT_ASSERT_EQ(test, do_bind(sock_at(test, A, false, 0), f->first), 0);
	KUNIT_ASSERT_EQ(test, do_bind(sock_at(test, A, false, 0), f->first + 1),
			0);
	tcpx_port_perturb[hash >> 48] = (u16)~(u32)hash;
	KUNIT_EXPECT_EQ(test, try_connect(sk, dest), f->first + 2);
}

/*
 * Giving back
 */

static void tcpx_port_release__frees(struct kunit *test)
{
	struct sock *second = sock_at(test, A, false, 0);
	struct sock *first = sock_at(test, A, false, 0);
	struct fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, do_bind(first, PORT), 0);
	KUNIT_ASSERT_EQ(test, do_bind(second, PORT), -EADDRINUSE);
	do_release(first);
	KUNIT_EXPECT_NULL(test, tcpx_sk(first)->port);
	KUNIT_EXPECT_EQ(test, inet_sk(first)->inet_num, (u16)0);
	KUNIT_EXPECT_EQ(test, ports_in_use(), f->ports);
	KUNIT_EXPECT_EQ(test, do_bind(second, PORT), 0);
}

static void tcpx_port_release__nothing(struct kunit *test)
{
	struct sock *sk = sock_at(test, A, false, 0);
	struct fixture *f = test->priv;

	do_release(sk);
	KUNIT_EXPECT_EQ(test, ports_in_use(), f->ports);
	KUNIT_ASSERT_EQ(test, do_bind(sk, PORT), 0);
	do_release(sk);
	do_release(sk);
	KUNIT_EXPECT_EQ(test, ports_in_use(), f->ports);
}

static void tcpx_port_release__shared(struct kunit *test)
{
	struct sock *first = sock_at(test, A, true, 0);
	struct sock *second = sock_at(test, A, true, 0);
	struct sock *third = sock_at(test, A, false, 0);
	struct fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, do_bind(first, PORT), 0);
	KUNIT_ASSERT_EQ(test, do_bind(second, PORT), 0);
	KUNIT_EXPECT_EQ(test, ports_in_use(), f->ports + 1);
	do_release(first);
	KUNIT_EXPECT_EQ(test, do_bind(third, PORT), -EADDRINUSE);
	do_release(second);
	KUNIT_EXPECT_EQ(test, ports_in_use(), f->ports);
	KUNIT_EXPECT_EQ(test, do_bind(third, PORT), 0);
}

/* close() does it. */
static void tcpx_port_release__close(struct kunit *test)
{
	struct fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, do_bind(sock_at(test, A, false, 0), PORT), 0);
	KUNIT_ASSERT_EQ(test, ports_in_use(), f->ports + 1);
	sock_release(f->sock[--f->n]);
	KUNIT_EXPECT_EQ(test, ports_in_use(), f->ports);
}

/* A server that is closed leaves the port to its connections. */
static void tcpx_port_inherit__outlives_listener(struct kunit *test)
{
	struct sock *listener = sock_at(test, ANY, false, 0);
	struct sock *child = sock_at(test, A, false, 0);
	struct fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, do_bind(listener, PORT), 0);
	tcpx_port_inherit(child, listener);
	KUNIT_EXPECT_EQ(test, inet_sk(child)->inet_num, (u16)PORT);
	KUNIT_EXPECT_EQ(test, tcpx_sk(child)->tuple.lport, htons(PORT));
	do_release(listener);
	KUNIT_EXPECT_EQ(test, ports_in_use(), f->ports + 1);
	KUNIT_EXPECT_EQ(test, do_bind(listener, PORT), -EADDRINUSE);
	do_release(child);
	KUNIT_EXPECT_EQ(test, ports_in_use(), f->ports);
	KUNIT_EXPECT_EQ(test, do_bind(listener, PORT), 0);
}

static void tcpx_port_release_tw__frees(struct kunit *test)
{
	struct sock *first = sock_at(test, A, false, 0);
	struct sock *second = sock_at(test, A, false, 0);
	struct fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, do_bind(first, PORT), 0);
	do_time_wait(test, first);
	KUNIT_EXPECT_EQ(test, ports_in_use(), f->ports + 1);
	KUNIT_ASSERT_EQ(test, do_bind(second, PORT), -EADDRINUSE);
	tw_end(f);
	KUNIT_EXPECT_EQ(test, ports_in_use(), f->ports);
	KUNIT_EXPECT_EQ(test, do_bind(second, PORT), 0);
}

static struct kunit_case tcpx_port_cases[] = {
	KUNIT_CASE_PARAM(tcpx_port_bind__second, share_gen_params),
	KUNIT_CASE(tcpx_port_bind__sets_port),
	KUNIT_CASE(tcpx_port_bind__again),
	KUNIT_CASE(tcpx_port_bind__after_refusal),
	KUNIT_CASE(tcpx_port_bind__system_call),
	KUNIT_CASE(tcpx_port_bind__system_call_any),
	KUNIT_CASE(tcpx_port_bind__port_of_connection),
	KUNIT_CASE(tcpx_port_bind__reserved),
	KUNIT_CASE(tcpx_port_bind__group_of_its_own),
	KUNIT_CASE(tcpx_port_bind__any_in_range),
	KUNIT_CASE(tcpx_port_bind__any_is_unused),
	KUNIT_CASE(tcpx_port_bind__any_exhausted),
	KUNIT_CASE(tcpx_port_bind__any_not_reserved),
	KUNIT_CASE_PARAM(tcpx_port_listen__second, listen_gen_params),
	KUNIT_CASE(tcpx_port_listen__after_close),
	KUNIT_CASE(tcpx_port_listen__option_cleared),
	KUNIT_CASE(tcpx_port_listen__one_group),
	KUNIT_CASE(tcpx_port_listen__groups_differ),
	KUNIT_CASE(tcpx_port_listen__group_again),
	KUNIT_CASE(tcpx_port_listen__time_wait),
	KUNIT_CASE(tcpx_port_listen__unbound),
	KUNIT_CASE(tcpx_port_connect__in_range),
	KUNIT_CASE(tcpx_port_connect__sets_port),
	KUNIT_CASE(tcpx_port_connect__destinations_differ),
	KUNIT_CASE(tcpx_port_connect__destination_advances),
	KUNIT_CASE(tcpx_port_connect__exhausted),
	KUNIT_CASE(tcpx_port_connect__shares_port),
	KUNIT_CASE(tcpx_port_connect__port_free_again),
	KUNIT_CASE(tcpx_port_connect__not_bound_port),
	KUNIT_CASE(tcpx_port_connect__not_reserved_port),
	KUNIT_CASE(tcpx_port_connect__keeps_bound_port),
	KUNIT_CASE(tcpx_port_connect__same_tuple),
	KUNIT_CASE(tcpx_port_connect__devices),
	KUNIT_CASE(tcpx_port_connect__time_wait),
	KUNIT_CASE(tcpx_port_connect__offset_wraps),
	KUNIT_CASE(tcpx_port_release__frees),
	KUNIT_CASE(tcpx_port_release__nothing),
	KUNIT_CASE(tcpx_port_release__shared),
	KUNIT_CASE(tcpx_port_release__close),
	KUNIT_CASE(tcpx_port_inherit__outlives_listener),
	KUNIT_CASE(tcpx_port_release_tw__frees),
	{}
};

static struct kunit_suite tcpx_port_suite = {
	.name = "tcpx_port",
	.init = port_init,
	.exit = port_exit,
	.test_cases = tcpx_port_cases,
};

kunit_test_suites(&tcpx_port_suite);
