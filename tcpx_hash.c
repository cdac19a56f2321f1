// SPDX-License-Identifier: GPL-2.0
/*
 * The tables of connections, TIME-WAIT entries and listeners.
 *
 * One table for all network namespaces, the namespace is part of every match and
 * of every key. A bucket has a chain of sockets and one of TIME-WAIT entries,
 * both changed under one lock, so that a connection can move from one to the
 * other without being missed. Readers hold rcu_read_lock() only; the nulls value
 * of a chain tells a reader that was carried off to another one.
 */
#include <linux/mm.h>
#include <linux/rculist_nulls.h>
#include <net/l3mdev.h>
#include <net/sock_reuseport.h>

#include "tcpx.h"

#define TCPX_HASH_LOCKS		256
#define TCPX_LISTEN_BUCKETS	256

struct tcpx_bucket {
	struct hlist_nulls_head conns;
	struct hlist_nulls_head tws;
};

static struct tcpx_bucket *tcpx_buckets;
static u32 tcpx_bucket_mask;
static spinlock_t tcpx_hash_locks[TCPX_HASH_LOCKS];

static struct hlist_head tcpx_listen_buckets[TCPX_LISTEN_BUCKETS];
static DEFINE_SPINLOCK(tcpx_listen_lock);

static spinlock_t *bucket_lock(u64 hash)
{
	return &tcpx_hash_locks[hash & (TCPX_HASH_LOCKS - 1)];
}

static struct tcpx_bucket *bucket_of(u64 hash)
{
	return &tcpx_buckets[hash & tcpx_bucket_mask];
}

/**
 * tcpx_hash_init - allocate the connection table
 *
 * A bucket per 128 KiB of memory, 1024 to 65536 of them.
 *
 * Context: process.
 * Return: 0 or -ENOMEM
 */
int tcpx_hash_init(void)
{
	unsigned long n = clamp(totalram_pages() >> 5, 1024UL, 65536UL);
	u32 i;

	n = rounddown_pow_of_two(n);
	tcpx_buckets = kvmalloc_array(n, sizeof(*tcpx_buckets), GFP_KERNEL);
	if (!tcpx_buckets)
		return -ENOMEM;

	for (i = 0; i < n; i++) {
		INIT_HLIST_NULLS_HEAD(&tcpx_buckets[i].conns, i);
		INIT_HLIST_NULLS_HEAD(&tcpx_buckets[i].tws, i);
	}
	for (i = 0; i < TCPX_HASH_LOCKS; i++)
		spin_lock_init(&tcpx_hash_locks[i]);
	tcpx_bucket_mask = n - 1;
	return 0;
}

/**
 * tcpx_hash_exit - free the connection table
 *
 * Context: process, when no namespace uses it any more.
 */
void tcpx_hash_exit(void)
{
	kvfree(tcpx_buckets);
}

/**
 * tcpx_tuple_hash - hash of a connection for the tables
 * @tn: the namespace whose key is used
 * @tuple: the connection
 *
 * SipHash with a secret key: a peer chooses most of the tuple. Of IPv4 only what
 * is not the same for all is hashed, in a third of the time. The low bits choose
 * buckets, the high bits the half-open shard.
 *
 * Return: 64 bits
 */
u64 tcpx_tuple_hash(const struct tcpx_net *tn, const struct tcpx_tuple *tuple)
{
	BUILD_BUG_ON(sizeof(*tuple) != 36);
	/* both ends are of one family */
	if (!ipv6_addr_v4mapped(&tuple->raddr))
		return siphash(tuple, sizeof(*tuple), &tn->hash_key);
	return siphash_3u32((__force u32)tuple->laddr.s6_addr32[3],
			    (__force u32)tuple->raddr.s6_addr32[3],
			    (__force u32)tuple->lport << 16 |
			    (__force u32)tuple->rport, &tn->hash_key);
}

static bool tuple_equal(const struct tcpx_tuple *a, const struct tcpx_tuple *b)
{
	return a->lport == b->lport && a->rport == b->rport &&
	       ipv6_addr_equal(&a->raddr, &b->raddr) &&
	       ipv6_addr_equal(&a->laddr, &b->laddr);
}

static bool conn_match(const struct sock *sk, const struct net *net,
		       const struct tcpx_tuple *tuple, u64 hash)
{
	return tcpx_sk(sk)->hash == hash && net_eq(sock_net(sk), net) &&
	       tuple_equal(&tcpx_sk(sk)->tuple, tuple);
}

static bool tw_match(const struct tcpx_tw *tw, const struct net *net,
		     const struct tcpx_tuple *tuple, u64 hash)
{
	return tw->hash == hash && net_eq(tw->tn->net, net) &&
	       tuple_equal(&tw->tuple, tuple);
}

/* May one segment be for what is bound to @a and for what is bound to @b? */
static bool dev_overlap(struct net *net, int a, int b)
{
	int vrf_a = l3mdev_master_ifindex_by_index(net, a);
	int vrf_b = l3mdev_master_ifindex_by_index(net, b);

	return inet_sk_bound_dev_eq(net, a, b, vrf_b) ||
	       inet_sk_bound_dev_eq(net, b, a, vrf_a);
}

/**
 * tcpx_hash_lookup - find a connection
 * @net: the namespace
 * @tuple: the connection
 * @hash: its tcpx_tuple_hash()
 * @dif: device the segment came in by
 * @sdif: its L3 slave, else 0
 *
 * Context: rcu_read_lock().
 * Return: the socket with a reference, or NULL
 */
struct sock *tcpx_hash_lookup(struct net *net, const struct tcpx_tuple *tuple,
			      u64 hash, int dif, int sdif)
{
	struct tcpx_bucket *b = bucket_of(hash);
	struct hlist_nulls_node *node;
	struct sock *sk;

begin:
	sk_nulls_for_each_rcu(sk, node, &b->conns) {
		if (!conn_match(sk, net, tuple, hash) ||
		    !inet_sk_bound_dev_eq((struct net *)net,
					  READ_ONCE(sk->sk_bound_dev_if),
					  dif, sdif))
			continue;
		if (refcount_inc_not_zero(&sk->sk_refcnt))
			return sk;
	}
	if (get_nulls_value(node) != (hash & tcpx_bucket_mask))
		goto begin;
	return NULL;
}

/**
 * tcpx_hash_lookup_tw - find a connection in TIME-WAIT
 * @net: the namespace
 * @tuple: the connection
 * @hash: its tcpx_tuple_hash()
 * @dif: device the segment came in by
 * @sdif: its L3 slave, else 0
 *
 * Context: rcu_read_lock(), which keeps the result alive.
 * Return: the entry, or NULL
 */
struct tcpx_tw *tcpx_hash_lookup_tw(struct net *net,
				    const struct tcpx_tuple *tuple, u64 hash,
				    int dif, int sdif)
{
	struct hlist_nulls_node *node;
	struct tcpx_tw *tw;

	hlist_nulls_for_each_entry_rcu(tw, node, &bucket_of(hash)->tws, node)
		if (tw_match(tw, net, tuple, hash) &&
		    inet_sk_bound_dev_eq(net, tw->ifindex, dif, sdif))
			return tw;
	return NULL;
}

/**
 * tcpx_hash_insert - make a connection known
 * @sk: socket with its tuple set
 * @hash: its tcpx_tuple_hash()
 *
 * Context: any, @sk locked or not yet shared.
 * Return: 0, or -EADDRNOTAVAIL if the tuple is in use, be it in TIME-WAIT
 */
int tcpx_hash_insert(struct sock *sk, u64 hash)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	struct net *net = sock_net(sk);
	struct tcpx_bucket *b = bucket_of(hash);
	spinlock_t *lock = bucket_lock(hash);
	struct hlist_nulls_node *node;
	int dev = sk->sk_bound_dev_if;
	int err = -EADDRNOTAVAIL;
	struct sock *other;
	struct tcpx_tw *tw;

	spin_lock_bh(lock);
	sk_nulls_for_each(other, node, &b->conns)
		if (conn_match(other, net, &tp->tuple, hash) &&
		    dev_overlap(net, other->sk_bound_dev_if, dev))
			goto out;
	hlist_nulls_for_each_entry(tw, node, &b->tws, node)
		if (tw_match(tw, net, &tp->tuple, hash) &&
		    dev_overlap(net, tw->ifindex, dev))
			goto out;

	tp->hash = hash;
	tp->hashed = true;
	__sk_nulls_add_node_rcu(sk, &b->conns);
	sock_prot_inuse_add(net, sk->sk_prot, 1);
	err = 0;
out:
	spin_unlock_bh(lock);
	return err;
}

static void conn_unlink(struct sock *sk)
{
	if (!tcpx_sk(sk)->hashed)
		return;

	tcpx_sk(sk)->hashed = false;
	__sk_nulls_del_node_init_rcu(sk);
	sock_prot_inuse_add(sock_net(sk), sk->sk_prot, -1);
}

/**
 * tcpx_hash_remove - forget a connection
 * @sk: the socket; nothing happens if it is not in the table
 *
 * Context: any, @sk locked.
 */
void tcpx_hash_remove(struct sock *sk)
{
	spinlock_t *lock = bucket_lock(tcpx_sk(sk)->hash);

	spin_lock_bh(lock);
	conn_unlink(sk);
	spin_unlock_bh(lock);
}

/**
 * tcpx_hash_insert_tw - put a TIME-WAIT entry in the place of its socket
 * @sk: the socket, leaves the table
 * @tw: the entry, with the socket's tuple and hash
 *
 * Context: any, @sk locked.
 */
void tcpx_hash_insert_tw(struct sock *sk, struct tcpx_tw *tw)
{
	spinlock_t *lock = bucket_lock(tw->hash);

	spin_lock_bh(lock);
	hlist_nulls_add_head_rcu(&tw->node, &bucket_of(tw->hash)->tws);
	conn_unlink(sk);
	spin_unlock_bh(lock);
}

/**
 * tcpx_hash_remove_tw - take a TIME-WAIT entry from the table
 * @tw: the entry
 *
 * Context: any.
 * Return: true for the one caller that took it out
 */
bool tcpx_hash_remove_tw(struct tcpx_tw *tw)
{
	spinlock_t *lock = bucket_lock(tw->hash);
	bool mine;

	spin_lock_bh(lock);
	mine = !hlist_nulls_unhashed(&tw->node);
	if (mine)
		hlist_nulls_del_init_rcu(&tw->node);
	spin_unlock_bh(lock);
	return mine;
}

static u32 listen_bucket(const struct net *net, __be16 lport)
{
	return (ntohs(lport) + net_hash_mix(net)) & (TCPX_LISTEN_BUCKETS - 1);
}

/* An exact address counts more than a device, a device more than nothing. */
static int listener_score(const struct sock *sk, struct net *net,
			  const struct tcpx_tuple *tuple, int dif, int sdif)
{
	const struct tcpx_tuple *own = &tcpx_sk(sk)->tuple;
	int bound = READ_ONCE(sk->sk_bound_dev_if);
	int score = 1;

	if (own->lport != tuple->lport || !net_eq(sock_net(sk), net) ||
	    !inet_sk_bound_dev_eq(net, bound, dif, sdif))
		return 0;
	if (bound)
		score += 1;
	if (ipv6_addr_equal(&own->laddr, &tuple->laddr))
		return score + 2;
	return tcpx_addr_any(&own->laddr) ? score : 0;
}

/**
 * tcpx_hash_listener - find who listens for a segment
 * @net: the namespace
 * @tuple: where the segment went
 * @dif: device it came in by
 * @sdif: its L3 slave, else 0
 *
 * Context: rcu_read_lock(), which keeps the result alive.
 * Return: the best matching listener, or any of its SO_REUSEPORT group; or NULL
 */
struct sock *tcpx_hash_listener(struct net *net, const struct tcpx_tuple *tuple,
				int dif, int sdif)
{
	u32 nr = listen_bucket(net, tuple->lport);
	struct tcpx_sock *tp, *best = NULL;
	int score, top = 0;

	hlist_for_each_entry_rcu(tp, &tcpx_listen_buckets[nr], lsn_node) {
		score = listener_score((struct sock *)tp, net, tuple, dif, sdif);
		if (score > top) {
			top = score;
			best = tp;
		}
	}
	return (struct sock *)best;
}

static bool same_group(const struct sock *a, const struct sock *b)
{
	const struct tcpx_tuple *ta = &tcpx_sk(a)->tuple;
	const struct tcpx_tuple *tb = &tcpx_sk(b)->tuple;

	return a->sk_reuseport && b->sk_reuseport &&
	       net_eq(sock_net(a), sock_net(b)) && ta->lport == tb->lport &&
	       a->sk_bound_dev_if == b->sk_bound_dev_if &&
	       uid_eq(READ_ONCE(a->sk_uid), READ_ONCE(b->sk_uid)) &&
	       ipv6_addr_equal(&ta->laddr, &tb->laddr);
}

/* Join the group of a listener in @head, or make one for others to join. */
static int group_join(struct sock *sk, struct hlist_head *head)
{
	bool any = tcpx_addr_any(&tcpx_sk(sk)->tuple.laddr);
	struct tcpx_sock *tp;

	lockdep_assert_held(&tcpx_listen_lock);
	hlist_for_each_entry(tp, head, lsn_node)
		if (same_group((struct sock *)tp, sk))
			return reuseport_add_sock(sk, (struct sock *)tp, any);
	return reuseport_alloc(sk, any);
}

/**
 * tcpx_hash_listen - make a listener known
 * @sk: bound socket in LISTEN with its lsn set
 *
 * Context: process, @sk locked.
 * Return: 0, or a negative errno if it could not join its SO_REUSEPORT group,
 *	-ENOMEM as a rule
 */
int tcpx_hash_listen(struct sock *sk)
{
	u32 nr = listen_bucket(sock_net(sk), tcpx_sk(sk)->tuple.lport);
	struct hlist_head *head = &tcpx_listen_buckets[nr];
	int err = 0;

	spin_lock_bh(&tcpx_listen_lock);
	if (sk->sk_reuseport)
		err = group_join(sk, head);
	if (!err) {
		hlist_add_head_rcu(&tcpx_sk(sk)->lsn_node, head);
		sock_prot_inuse_add(sock_net(sk), sk->sk_prot, 1);
	}
	spin_unlock_bh(&tcpx_listen_lock);
	return err;
}

/**
 * tcpx_hash_unlisten - forget a listener
 * @sk: the listener; nothing happens if it is not in the table
 *
 * Context: process, @sk locked.
 */
void tcpx_hash_unlisten(struct sock *sk)
{
	spin_lock_bh(&tcpx_listen_lock);
	if (!hlist_unhashed(&tcpx_sk(sk)->lsn_node)) {
		hlist_del_init_rcu(&tcpx_sk(sk)->lsn_node);
		if (rcu_access_pointer(sk->sk_reuseport_cb))
			reuseport_detach_sock(sk);
		sock_prot_inuse_add(sock_net(sk), sk->sk_prot, -1);
	}
	spin_unlock_bh(&tcpx_listen_lock);
}

static bool next_listener(struct net *net, struct tcpx_cursor *c,
			  struct sock **sk)
{
	struct tcpx_sock *tp;
	u32 pos;

	for (; c->bucket < TCPX_LISTEN_BUCKETS; c->bucket++, c->pos = 0) {
		pos = 0;
		hlist_for_each_entry_rcu(tp, &tcpx_listen_buckets[c->bucket],
					 lsn_node) {
			if (!net_eq(sock_net((struct sock *)tp), net) ||
			    pos++ < c->pos)
				continue;
			c->pos++;
			*sk = (struct sock *)tp;
			return true;
		}
	}
	return false;
}

static bool next_conn(struct net *net, struct tcpx_cursor *c, struct sock **out)
{
	struct hlist_nulls_node *node;
	struct sock *sk;
	u32 pos;

	for (; c->bucket <= tcpx_bucket_mask; c->bucket++, c->pos = 0) {
		pos = 0;
		sk_nulls_for_each_rcu(sk, node, &tcpx_buckets[c->bucket].conns) {
			if (!net_eq(sock_net(sk), net) || pos++ < c->pos)
				continue;
			c->pos++;
			*out = sk;
			return true;
		}
	}
	return false;
}

static bool next_tw(struct net *net, struct tcpx_cursor *c, struct tcpx_tw **out)
{
	struct hlist_nulls_node *node;
	struct tcpx_tw *tw;
	u32 pos;

	for (; c->bucket <= tcpx_bucket_mask; c->bucket++, c->pos = 0) {
		pos = 0;
		hlist_nulls_for_each_entry_rcu(tw, node,
					       &tcpx_buckets[c->bucket].tws,
					       node) {
			if (!net_eq(tw->tn->net, net) || pos++ < c->pos)
				continue;
			c->pos++;
			*out = tw;
			return true;
		}
	}
	return false;
}

/**
 * tcpx_hash_next - step through listeners, connections and TIME-WAIT entries
 * @net: the namespace
 * @c: where the dump is, all zero to begin
 * @sk: set to a listener or connection, or NULL
 * @tw: set to a TIME-WAIT entry, or NULL
 *
 * A dump that runs while the tables change may miss an object or see it twice.
 *
 * Context: rcu_read_lock(), which keeps the result alive.
 * Return: false at the end
 */
bool tcpx_hash_next(struct net *net, struct tcpx_cursor *c, struct sock **sk,
		    struct tcpx_tw **tw)
{
	*sk = NULL;
	*tw = NULL;
	for (; c->table < 3; c->table++, c->bucket = 0, c->pos = 0) {
		if ((c->table == 0 && next_listener(net, c, sk)) ||
		    (c->table == 1 && next_conn(net, c, sk)) ||
		    (c->table == 2 && next_tw(net, c, tw)))
			return true;
	}
	return false;
}

/**
 * tcpx_hash_any - some connection of any namespace
 *
 * Context: process.
 * Return: a socket with a reference, or NULL if there is none
 */
struct sock *tcpx_hash_any(void)
{
	struct hlist_nulls_node *node;
	struct sock *sk;
	u32 i;

	rcu_read_lock();
	for (i = 0; i <= tcpx_bucket_mask; i++) {
		sk_nulls_for_each_rcu(sk, node, &tcpx_buckets[i].conns) {
			if (!refcount_inc_not_zero(&sk->sk_refcnt))
				continue;
			rcu_read_unlock();
			return sk;
		}
	}
	rcu_read_unlock();
	return NULL;
}

/**
 * tcpx_hash_purge_tw - end all TIME-WAITs of a namespace
 * @tn: the namespace, which receives no segments any more
 *
 * Context: process.
 */
void tcpx_hash_purge_tw(struct tcpx_net *tn)
{
	struct hlist_nulls_node *node;
	struct tcpx_tw *tw;
	u32 i;

	for (i = 0; i <= tcpx_bucket_mask; i++) {
again:
		rcu_read_lock();
		hlist_nulls_for_each_entry_rcu(tw, node, &tcpx_buckets[i].tws,
					       node) {
			if (tw->tn != tn ||
			    !refcount_inc_not_zero(&tw->refcnt))
				continue;
			rcu_read_unlock();
			tcpx_tw_kill(tw);
			tcpx_tw_put(tw);
			goto again;
		}
		rcu_read_unlock();
		cond_resched();
	}
}
