// SPDX-License-Identifier: GPL-2.0
/*
 * Local ports: who uses which, who may share it, and which one a connect()
 * without a bind() gets.
 */
#include <linux/hash.h>
#include <net/ip.h>

#include "tcpx.h"

#define TCPX_PORT_BUCKETS	1024

/**
 * struct tcpx_port - a local port in use
 * @node: in its bucket
 * @net: the namespace
 * @num: port number
 * @bound: some owner asked for it by bind(): connect() may not choose it
 * @socks: sockets that use it
 * @tws: TIME-WAIT entries that use it
 *
 * All under the bucket lock. Lives as long as somebody uses it.
 */
struct tcpx_port {
	struct hlist_node node;
	struct net *net;
	u16 num;
	bool bound;
	struct hlist_head socks;
	struct hlist_head tws;
};

struct tcpx_port_bucket {
	spinlock_t lock;
	struct hlist_head ports;
};

static struct tcpx_port_bucket *tcpx_ports;

/* Counters of all namespaces: where one counts is up to its key. */
u16 *tcpx_port_perturb;

static struct tcpx_port_bucket *port_bucket(const struct net *net, u16 num)
{
	u32 key = num + net_hash_mix(net);

	return &tcpx_ports[key & (TCPX_PORT_BUCKETS - 1)];
}

/**
 * tcpx_port_init - allocate the table of ports and of counters
 *
 * Context: process.
 * Return: 0 or -ENOMEM
 */
int tcpx_port_init(void)
{
	int i;

	tcpx_ports = kvmalloc_array(TCPX_PORT_BUCKETS, sizeof(*tcpx_ports),
				    GFP_KERNEL);
	tcpx_port_perturb = kvcalloc(1 << TCPX_PERTURB_BITS,
				     sizeof(*tcpx_port_perturb), GFP_KERNEL);
	if (!tcpx_ports || !tcpx_port_perturb) {
		tcpx_port_exit();
		return -ENOMEM;
	}
	for (i = 0; i < TCPX_PORT_BUCKETS; i++) {
		spin_lock_init(&tcpx_ports[i].lock);
		INIT_HLIST_HEAD(&tcpx_ports[i].ports);
	}
	return 0;
}

/**
 * tcpx_port_exit - free what tcpx_port_init() allocated
 *
 * Context: process, when no port is in use.
 */
void tcpx_port_exit(void)
{
	kvfree(tcpx_port_perturb);
	kvfree(tcpx_ports);
}

static struct tcpx_port *port_find(struct tcpx_port_bucket *b,
				   const struct net *net, u16 num)
{
	struct tcpx_port *port;

	lockdep_assert_held(&b->lock);
	hlist_for_each_entry(port, &b->ports, node)
		if (port->num == num && net_eq(port->net, net))
			return port;
	return NULL;
}

static struct tcpx_port *port_get(struct tcpx_port_bucket *b, struct net *net,
				  u16 num)
{
	struct tcpx_port *port = port_find(b, net, num);

	if (port)
		return port;
	port = kzalloc(sizeof(*port), GFP_ATOMIC | __GFP_NOWARN);
	if (!port)
		return NULL;
	port->net = net;
	port->num = num;
	hlist_add_head(&port->node, &b->ports);
	TCPX_GAUGE_INC(tcpx_net(net), PORTS);
	return port;
}

static void port_put(struct tcpx_port *port)
{
	if (!hlist_empty(&port->socks) || !hlist_empty(&port->tws))
		return;
	hlist_del(&port->node);
	TCPX_GAUGE_DEC(tcpx_net(port->net), PORTS);
	kfree(port);
}

static void port_own(struct tcpx_port *port, struct sock *sk)
{
	struct tcpx_sock *tp = tcpx_sk(sk);

	tp->port = port;
	hlist_add_head(&tp->port_node, &port->socks);
	inet_sk(sk)->inet_num = port->num;
	tp->tuple.lport = htons(port->num);
}

static bool addr_overlap(const struct in6_addr *a, const struct in6_addr *b)
{
	return tcpx_addr_any(a) || tcpx_addr_any(b) || ipv6_addr_equal(a, b);
}

static bool dev_overlap(int a, int b)
{
	return !a || !b || a == b;
}

/*
 * SO_ATTACH_REUSEPORT_CBPF before listen() makes a group: whoever has one joins
 * no other.
 */
static bool may_join(const struct sock *sk)
{
	return sk->sk_reuseport && !rcu_access_pointer(sk->sk_reuseport_cb);
}

static bool may_share(const struct sock *sk, const struct sock *other)
{
	if (sk->sk_reuse && other->sk_reuse &&
	    READ_ONCE(other->sk_state) != TCP_LISTEN)
		return true;
	return may_join(sk) && other->sk_reuseport &&
	       uid_eq(READ_ONCE(sk->sk_uid), READ_ONCE(other->sk_uid));
}

static bool may_share_tw(const struct sock *sk, const struct tcpx_tw *tw)
{
	return (sk->sk_reuse && tw->reuse) || (may_join(sk) && tw->reuseport);
}

/*
 * Two sockets share an address and port only if both set SO_REUSEADDR and the
 * other one does not listen, or both set SO_REUSEPORT and have one owner.
 * TIME-WAIT counts like the socket it was, but is nobody's. As native TCP.
 */
static bool port_conflict(const struct tcpx_port *port, const struct sock *sk,
			  bool share)
{
	const struct tcpx_sock *tp = tcpx_sk(sk), *other;
	const struct tcpx_tw *tw;

	hlist_for_each_entry(other, &port->socks, port_node) {
		const struct sock *osk = (const struct sock *)other;

		if (osk == sk ||
		    !dev_overlap(sk->sk_bound_dev_if, osk->sk_bound_dev_if) ||
		    !addr_overlap(&tp->tuple.laddr, &other->tuple.laddr))
			continue;
		if (!share || !may_share(sk, osk))
			return true;
	}
	hlist_for_each_entry(tw, &port->tws, port_node) {
		if (dev_overlap(sk->sk_bound_dev_if, tw->ifindex) &&
		    addr_overlap(&tp->tuple.laddr, &tw->tuple.laddr) &&
		    !(share && may_share_tw(sk, tw)))
			return true;
	}
	return false;
}

static int port_try_bind(struct sock *sk, u16 num, bool share)
{
	struct net *net = sock_net(sk);
	struct tcpx_port_bucket *b = port_bucket(net, num);
	struct tcpx_port *port;
	int err = -EADDRINUSE;

	spin_lock_bh(&b->lock);
	port = port_find(b, net, num);
	if (port && port_conflict(port, sk, share))
		goto out;
	if (!port)
		port = port_get(b, net, num);
	err = -ENOMEM;
	if (port) {
		port->bound = true;
		port_own(port, sk);
		err = 0;
	}
out:
	spin_unlock_bh(&b->lock);
	return err;
}

/**
 * tcpx_port_bind - bind(): take a port
 * @sk: socket with the local address set in its tuple
 * @snum: port, 0 for any free one of ip_local_port_range
 *
 * Context: process, @sk locked.
 * Return: 0, -EADDRINUSE or -ENOMEM
 */
int tcpx_port_bind(struct sock *sk, unsigned short snum)
{
	struct net *net = sock_net(sk);
	int low, high, n, i, num, err;

	if (tcpx_sk(sk)->port)
		return -EINVAL;
	if (snum)
		return port_try_bind(sk, snum, true);

	inet_sk_get_local_port_range(sk, &low, &high);
	n = high - low + 1;
	num = low + get_random_u32_below(n);
	for (i = 0; i < n; i++, num++) {
		if (num > high)
			num = low;
		if (inet_is_local_reserved_port(net, num))
			continue;
		/* An arbitrary port is one that nobody shares. */
		err = port_try_bind(sk, num, false);
		if (err != -EADDRINUSE)
			return err;
		cond_resched();
	}
	return -EADDRINUSE;
}

/**
 * tcpx_port_listen - may a bound socket listen?
 * @sk: socket in LISTEN already, so that later checks see it
 *
 * Asks as bind() did: since then one may have begun to listen, or options changed.
 *
 * Context: process, @sk locked.
 * Return: 0 or -EADDRINUSE
 */
int tcpx_port_listen(struct sock *sk)
{
	struct tcpx_port_bucket *b = port_bucket(sock_net(sk), inet_sk(sk)->inet_num);
	bool conflict;

	spin_lock_bh(&b->lock);
	conflict = port_conflict(tcpx_sk(sk)->port, sk, true);
	spin_unlock_bh(&b->lock);
	return conflict ? -EADDRINUSE : 0;
}

static int port_try_connect(struct sock *sk, u16 num)
{
	struct net *net = sock_net(sk);
	struct tcpx_port_bucket *b = port_bucket(net, num);
	struct tcpx_sock *tp = tcpx_sk(sk);
	struct tcpx_port *port;
	int err = -EADDRNOTAVAIL;

	spin_lock_bh(&b->lock);
	port = port_find(b, net, num);
	if (port && port->bound)
		goto out;
	if (!port)
		port = port_get(b, net, num);
	err = -ENOMEM;
	if (!port)
		goto out;
	tp->tuple.lport = htons(num);
	err = tcpx_hash_insert(sk, tcpx_tuple_hash(tp->tn, &tp->tuple));
	if (err)
		port_put(port);
	else
		port_own(port, sk);
out:
	spin_unlock_bh(&b->lock);
	return err;
}

/*
 * RFC 6056 3.3.4, double-hash port selection: the offset depends on the
 * destination, the counter on a class of destinations, so that samples towards
 * one peer do not predict the ports towards another.
 */
static u32 port_offset(struct tcpx_net *tn, const struct tcpx_tuple *tuple,
		       u16 **counter)
{
	struct tcpx_tuple t = *tuple;
	u64 h;

	t.lport = 0;
	h = siphash(&t, sizeof(t), &tn->port_key);
	*counter = &tcpx_port_perturb[h >> (64 - TCPX_PERTURB_BITS)];
	return (u32)h;
}

/**
 * tcpx_port_connect - connect(): take a port if none is bound, and make the
 *	connection known
 * @sk: socket with the addresses and the remote port set in its tuple
 *
 * Context: process, @sk locked.
 * Return: 0, -EADDRNOTAVAIL if the 4-tuple is or all ports are in use, -ENOMEM
 */
int tcpx_port_connect(struct sock *sk)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	struct net *net = sock_net(sk);
	u32 offset, i, n;
	int low, high, err;
	u16 *counter;

	if (tp->port)
		return tcpx_hash_insert(sk, tcpx_tuple_hash(tp->tn, &tp->tuple));

	inet_sk_get_local_port_range(sk, &low, &high);
	n = high - low + 1;
	offset = port_offset(tp->tn, &tp->tuple, &counter) + READ_ONCE(*counter);
	/* Before it is added to: 2^32 is no multiple of the range. */
	offset %= n;
	for (i = 0; i < n; i++) {
		u16 num = low + (offset + i) % n;

		if (inet_is_local_reserved_port(net, num))
			continue;
		err = port_try_connect(sk, num);
		if (err == -EADDRNOTAVAIL) {
			cond_resched();
			continue;
		}
		/* A lost update only repeats a candidate. */
		if (!err)
			WRITE_ONCE(*counter, READ_ONCE(*counter) + i + 1);
		return err;
	}
	tp->tuple.lport = 0;
	return -EADDRNOTAVAIL;
}

/**
 * tcpx_port_inherit - a child uses the port of its listener
 * @child: new socket
 * @listener: its parent, not closed before the shard lock is released
 *
 * Context: softirq, shard lock.
 */
void tcpx_port_inherit(struct sock *child, const struct sock *listener)
{
	struct tcpx_port *port = tcpx_sk(listener)->port;
	struct tcpx_port_bucket *b = port_bucket(port->net, port->num);

	spin_lock_bh(&b->lock);
	port_own(port, child);
	spin_unlock_bh(&b->lock);
}

/**
 * tcpx_port_release - give a port back
 * @sk: socket; nothing happens if it has none
 *
 * Context: any, @sk locked.
 */
void tcpx_port_release(struct sock *sk)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	struct tcpx_port *port = tp->port;
	struct tcpx_port_bucket *b;

	if (!port)
		return;
	b = port_bucket(sock_net(sk), port->num);
	spin_lock_bh(&b->lock);
	hlist_del_init(&tp->port_node);
	tp->port = NULL;
	inet_sk(sk)->inet_num = 0;
	port_put(port);
	spin_unlock_bh(&b->lock);
}

/**
 * tcpx_port_to_tw - a TIME-WAIT entry keeps the port of its socket in use
 * @sk: the socket, keeps its own use for now
 * @tw: the entry
 *
 * Context: any, @sk locked.
 */
void tcpx_port_to_tw(struct sock *sk, struct tcpx_tw *tw)
{
	struct tcpx_port *port = tcpx_sk(sk)->port;
	struct tcpx_port_bucket *b = port_bucket(sock_net(sk), port->num);

	spin_lock_bh(&b->lock);
	tw->port = port;
	hlist_add_head(&tw->port_node, &port->tws);
	spin_unlock_bh(&b->lock);
}

/**
 * tcpx_port_release_tw - give the port of a TIME-WAIT entry back
 * @tw: the entry
 *
 * Context: any.
 */
void tcpx_port_release_tw(struct tcpx_tw *tw)
{
	struct tcpx_port *port = tw->port;
	struct tcpx_port_bucket *b = port_bucket(tw->tn->net, port->num);

	spin_lock_bh(&b->lock);
	hlist_del_init(&tw->port_node);
	tw->port = NULL;
	port_put(port);
	spin_unlock_bh(&b->lock);
}
