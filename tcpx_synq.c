// SPDX-License-Identifier: GPL-2.0
/*
 * The half-open queue: see tcpx_synq.h for its shape. This room remembers and
 * hands back what is due; it never sends.
 */
#include <linux/log2.h>

#include "tcpx.h"
#include "tcpx_timer.h"

static struct kmem_cache *tcpx_entry_cache;

/**
 * tcpx_synq_cache_init - make the cache of entries
 *
 * Context: process.
 * Return: 0 or -ENOMEM
 */
int tcpx_synq_cache_init(void)
{
	static_assert(sizeof(struct tcpx_entry) == 128);
	static_assert(offsetof(struct tcpx_entry, raddr) == 64);

	tcpx_entry_cache = kmem_cache_create("tcpx_entry",
					     sizeof(struct tcpx_entry), 0,
					     SLAB_HWCACHE_ALIGN, NULL);
	return tcpx_entry_cache ? 0 : -ENOMEM;
}

/**
 * tcpx_synq_cache_exit - destroy the cache of entries
 *
 * Context: process, when no entry is left.
 */
void tcpx_synq_cache_exit(void)
{
	kmem_cache_destroy(tcpx_entry_cache);
}

static void shard_init(struct tcpx_synq_shard *shard, struct tcpx_net *tn,
		       struct hlist_head *buckets,
		       void (*due)(struct timer_list *))
{
	int i;

	spin_lock_init(&shard->lock);
	shard->tn = tn;
	shard->buckets = buckets;
	for (i = 0; i < TCPX_WAITS; i++)
		INIT_LIST_HEAD(&shard->fifo[i]);
	timer_setup(&shard->timer, due, 0);
}

/**
 * tcpx_synq_create - make the half-open queue of a namespace
 * @tn: the namespace; nothing happens if it has one
 * @due: timer function of a shard
 *
 * Buckets for a quarter of synq_max: four entries in a bucket when it is full.
 *
 * Context: process.
 * Return: 0 or -ENOMEM
 */
int tcpx_synq_create(struct tcpx_net *tn, void (*due)(struct timer_list *))
{
	u32 nshards = clamp(roundup_pow_of_two(4 * num_possible_cpus()),
			    16UL, 256UL);
	u32 per_shard = DIV_ROUND_UP(tcpx_param(tn, synq_max), 4 * nshards);
	struct tcpx_synq *q;
	int err = 0;
	u32 i;

	mutex_lock(&tn->synq_mutex);
	if (tn->synq)
		goto out;

	err = -ENOMEM;
	per_shard = roundup_pow_of_two(per_shard);
	q = kvzalloc(struct_size(q, shards, nshards), GFP_KERNEL);
	if (!q)
		goto out;
	q->buckets = kvcalloc((size_t)nshards * per_shard, sizeof(*q->buckets),
			      GFP_KERNEL);
	if (!q->buckets) {
		kvfree(q);
		goto out;
	}
	q->nshards = nshards;
	q->shard_shift = 64 - ilog2(nshards);
	spin_lock_init(&q->rate_lock);
	q->tokens = tcpx_param(tn, synack_rate) * HZ;
	q->refilled = jiffies;
	q->bucket_mask = per_shard - 1;
	for (i = 0; i < nshards; i++)
		shard_init(&q->shards[i], tn, q->buckets + (size_t)i * per_shard,
			   due);
	/* Pairs with the address dependency of lockless readers. */
	smp_store_release(&tn->synq, q);
	err = 0;
out:
	mutex_unlock(&tn->synq_mutex);
	return err;
}

/**
 * tcpx_synq_destroy - free the half-open queue of a namespace
 * @tn: the namespace, which receives no segments any more and has no listener,
 *	hence no entry
 *
 * Context: process.
 */
void tcpx_synq_destroy(struct tcpx_net *tn)
{
	struct tcpx_synq *q = tn->synq;
	u32 i;

	if (!q)
		return;
	for (i = 0; i < q->nshards; i++) {
		timer_shutdown_sync(&q->shards[i].timer);
		WARN_ON_ONCE(q->shards[i].count);
	}
	kvfree(q->buckets);
	kvfree(q);
}

static struct hlist_head *entry_bucket(const struct tcpx_synq_shard *shard,
				       u32 hash)
{
	return &shard->buckets[hash & shard->tn->synq->bucket_mask];
}

/**
 * tcpx_synq_find - find the half-open entry of a connection
 * @shard: its shard, locked
 * @tuple: the connection
 * @hash: its tcpx_tuple_hash()
 *
 * Return: the entry, or NULL
 */
struct tcpx_entry *tcpx_synq_find(struct tcpx_synq_shard *shard,
				  const struct tcpx_tuple *tuple, u64 hash)
{
	struct tcpx_entry *e;
	unsigned int n = 0;

	lockdep_assert_held(&shard->lock);
	hlist_for_each_entry(e, entry_bucket(shard, hash), node) {
		if (e->hash == (u32)hash && e->rport == tuple->rport &&
		    e->lport == tuple->lport &&
		    ipv6_addr_equal(&e->raddr, &tuple->raddr) &&
		    ipv6_addr_equal(&e->laddr, &tuple->laddr))
			return e;
		n++;
	}
	this_cpu_inc(shard->tn->mib->synq_chain[min(n, TCPX_NCHAINS - 1U)]);
	return NULL;
}

/**
 * tcpx_synq_alloc - allocate an entry
 * @from: what it is a copy of
 *
 * Context: softirq.
 * Return: an entry that is in no queue, or NULL
 */
struct tcpx_entry *tcpx_synq_alloc(const struct tcpx_entry *from)
{
	struct tcpx_entry *e;

	e = kmem_cache_alloc(tcpx_entry_cache, GFP_ATOMIC | __GFP_NOWARN);
	if (e)
		*e = *from;
	return e;
}

/**
 * tcpx_synq_free - free an entry that is in no queue
 * @e: the entry
 *
 * Context: any.
 */
void tcpx_synq_free(struct tcpx_entry *e)
{
	kmem_cache_free(tcpx_entry_cache, e);
}

static u32 wait_jiffies(const struct tcpx_net *tn, u8 stage)
{
	return msecs_to_jiffies(READ_ONCE(tn->params.synack_waits_ms[stage]));
}

static void timer_no_later(struct tcpx_synq_shard *shard, u32 expires)
{
	/* the timer wheel adds a jiffy, and tcpx_next_jiffy() did already */
	s32 left = expires - (u32)jiffies - 1;
	unsigned long when = tcpx_timer_step(jiffies + max(left, 0));

	if (!timer_pending(&shard->timer) ||
	    time_before(when, shard->timer.expires))
		mod_timer(&shard->timer, when);
}

/*
 * Behind the last of its stage, who entered earlier and waits as long: so the
 * timer matters only to an entry that found its FIFO empty.
 */
static void fifo_append(struct tcpx_synq_shard *shard, struct tcpx_entry *e,
			u32 now)
{
	struct list_head *fifo = &shard->fifo[e->stage];

	e->expires = now + wait_jiffies(shard->tn, e->stage);
	if (list_empty(fifo))
		timer_no_later(shard, e->expires);
	list_add_tail(&e->fifo, fifo);
}

/**
 * tcpx_synq_insert - store a half-open entry
 * @shard: its shard, locked
 * @e: entry with its addresses, hash and lsn set
 * @now: jiffies
 *
 * Return: 0, -ESHUTDOWN if the listener is being closed, else as tcpx_admit()
 */
int tcpx_synq_insert(struct tcpx_synq_shard *shard, struct tcpx_entry *e,
		     u32 now)
{
	struct tcpx_net *tn = shard->tn;
	int err;

	lockdep_assert_held(&shard->lock);
	if (READ_ONCE(e->lsn->dead))
		return -ESHUTDOWN;
	err = tcpx_admit_enter(tn, e->lsn, &e->raddr);
	if (err)
		return err;
	hlist_add_head(&e->node, entry_bucket(shard, e->hash));
	fifo_append(shard, e, now);
	shard->count++;
	shard->changes++;
	TCPX_INC(tn, SYNQ_ADDED);
	TCPX_GAUGE_INC(tn, HALF_OPEN);
	this_cpu_inc(tn->mib->state[TCPX_NEW_SYN_RECV]);
	return 0;
}

/* 0: below a millisecond, n: below 2^n of them */
static unsigned int time_class(const struct tcpx_entry *e)
{
	unsigned int ms = jiffies_to_msecs((u32)jiffies - e->born);

	return min(fls(ms), TCPX_NTIMES - 1);
}

/**
 * tcpx_synq_unlink - take an entry from the queue
 * @shard: its shard, locked
 * @e: the entry, to be freed by the caller
 */
void tcpx_synq_unlink(struct tcpx_synq_shard *shard, struct tcpx_entry *e)
{
	struct tcpx_net *tn = shard->tn;

	lockdep_assert_held(&shard->lock);
	hlist_del(&e->node);
	list_del(&e->fifo);
	shard->count--;
	shard->changes++;
	tcpx_admit_leave(tn, e->lsn, &e->raddr);
	if (e->flags & TCPX_ENTRY_ACKED) {
		shard->acked--;
		atomic_dec(&e->lsn->acked);
	}
	TCPX_GAUGE_DEC(tn, HALF_OPEN);
	this_cpu_dec(tn->mib->state[TCPX_NEW_SYN_RECV]);
	this_cpu_inc(tn->mib->synq_time[time_class(e)]);
}

/**
 * tcpx_synq_restart - begin a wait
 * @shard: shard of the entry, locked
 * @e: the entry
 * @stage: which wait, 0..15
 * @now: when it begins, in jiffies
 */
void tcpx_synq_restart(struct tcpx_synq_shard *shard, struct tcpx_entry *e,
		       u8 stage, u32 now)
{
	lockdep_assert_held(&shard->lock);
	list_del(&e->fifo);
	e->stage = min_t(u8, stage, TCPX_WAITS - 1);
	fifo_append(shard, e, now);
}

/**
 * tcpx_synq_expired - the next entry whose wait is over
 * @shard: shard, locked
 * @now: jiffies
 *
 * Return: an entry, still in the queue, or NULL
 */
struct tcpx_entry *tcpx_synq_expired(struct tcpx_synq_shard *shard, u32 now)
{
	struct tcpx_entry *e;
	int i;

	lockdep_assert_held(&shard->lock);
	for (i = 0; i < TCPX_WAITS; i++) {
		e = list_first_entry_or_null(&shard->fifo[i], struct tcpx_entry,
					     fifo);
		if (e && (s32)(now - e->expires) >= 0)
			return e;
	}
	return NULL;
}

/**
 * tcpx_synq_set_acked - remember that the ACK came and found no place
 * @shard: shard of the entry, locked
 * @e: the entry
 */
void tcpx_synq_set_acked(struct tcpx_synq_shard *shard, struct tcpx_entry *e)
{
	lockdep_assert_held(&shard->lock);
	if (e->flags & TCPX_ENTRY_ACKED)
		return;
	e->flags |= TCPX_ENTRY_ACKED;
	shard->acked++;
	atomic_inc(&e->lsn->acked);
}

/**
 * tcpx_synq_acked - the oldest acknowledged entry of a listener
 * @shard: shard, locked
 * @lsn: the listener
 *
 * Return: an entry, still in the queue, or NULL
 */
struct tcpx_entry *tcpx_synq_acked(struct tcpx_synq_shard *shard,
				   const struct tcpx_lsn *lsn)
{
	struct tcpx_entry *e, *oldest = NULL;
	u32 left = shard->acked;
	int i;

	lockdep_assert_held(&shard->lock);
	for (i = 0; left && i < TCPX_WAITS; i++) {
		list_for_each_entry(e, &shard->fifo[i], fifo) {
			if (!(e->flags & TCPX_ENTRY_ACKED))
				continue;
			if (e->lsn == lsn &&
			    (!oldest || (s32)(e->born - oldest->born) < 0))
				oldest = e;
			if (!--left)
				break;
		}
	}
	return oldest;
}

/**
 * tcpx_synq_rearm - arm the timer of a shard for its earliest entry
 * @shard: shard, locked
 */
void tcpx_synq_rearm(struct tcpx_synq_shard *shard)
{
	struct tcpx_entry *e;
	int i;

	lockdep_assert_held(&shard->lock);
	for (i = 0; i < TCPX_WAITS; i++) {
		e = list_first_entry_or_null(&shard->fifo[i], struct tcpx_entry,
					     fifo);
		if (e)
			timer_no_later(shard, e->expires);
	}
}

/**
 * tcpx_synq_sweep - free all entries of a listener
 * @tn: the namespace
 * @lsn: the listener, marked dead before
 *
 * When this returns no entry refers to @lsn and none ever will: who takes a
 * shard lock later, to insert an entry or to make a child of a cookie, sees it
 * dead. So all shards are locked, also those without an entry.
 *
 * Context: process.
 */
void tcpx_synq_sweep(struct tcpx_net *tn, struct tcpx_lsn *lsn)
{
	struct tcpx_synq *q = tn->synq;
	struct tcpx_entry *e, *tmp;
	int stage;
	u32 i;

	for (i = 0; i < q->nshards; i++) {
		struct tcpx_synq_shard *shard = &q->shards[i];

		spin_lock_bh(&shard->lock);
		for (stage = 0; stage < TCPX_WAITS; stage++) {
			list_for_each_entry_safe(e, tmp, &shard->fifo[stage],
						 fifo) {
				if (e->lsn != lsn)
					continue;
				tcpx_synq_unlink(shard, e);
				tcpx_synq_free(e);
				TCPX_INC(tn, SYNQ_CLOSED);
			}
		}
		spin_unlock_bh(&shard->lock);
		cond_resched();
	}
}

/**
 * tcpx_synq_waits_changed - the waits of a namespace were changed
 * @tn: the namespace
 * @now: jiffies
 *
 * No entry waits longer than a new one of its stage would. Cutting all to the
 * same end keeps a sorted FIFO sorted.
 *
 * Context: process.
 */
void tcpx_synq_waits_changed(struct tcpx_net *tn, u32 now)
{
	struct tcpx_synq *q = READ_ONCE(tn->synq);
	struct tcpx_entry *e;
	int stage;
	u32 i, end;

	for (i = 0; q && i < q->nshards; i++) {
		struct tcpx_synq_shard *shard = &q->shards[i];

		spin_lock_bh(&shard->lock);
		for (stage = 0; stage < TCPX_WAITS; stage++) {
			end = now + wait_jiffies(tn, stage);
			list_for_each_entry(e, &shard->fifo[stage], fifo)
				if ((s32)(e->expires - end) > 0)
					e->expires = end;
		}
		tcpx_synq_rearm(shard);
		spin_unlock_bh(&shard->lock);
		cond_resched();
	}
}

/**
 * tcpx_synq_lifetime_ms - how long a half-open entry may live
 * @tn: the namespace
 *
 * The sum of all waits, the one after the last retransmission included.
 *
 * Return: milliseconds
 */
u32 tcpx_synq_lifetime_ms(const struct tcpx_net *tn)
{
	int i, n = tcpx_param(tn, synack_retries);
	u32 sum = 0;

	for (i = 0; i <= n && i < TCPX_WAITS; i++)
		sum += READ_ONCE(tn->params.synack_waits_ms[i]);
	return sum;
}

static struct tcpx_entry *nth_entry(struct hlist_head *head, u32 pos)
{
	struct tcpx_entry *e;

	hlist_for_each_entry(e, head, node)
		if (!pos--)
			return e;
	return NULL;
}

/**
 * tcpx_synq_next - step through the half-open entries of a namespace
 * @tn: the namespace
 * @c: where the dump is, all zero to begin
 * @copy: filled with the entry; its pointers mean nothing
 * @listener: set to the SO_COOKIE of its listener
 *
 * Context: process or softirq.
 * Return: false at the end
 */
bool tcpx_synq_next(struct tcpx_net *tn, struct tcpx_cursor *c,
		    struct tcpx_entry *copy, u64 *listener)
{
	struct tcpx_synq *q = READ_ONCE(tn->synq);
	struct tcpx_entry *e;

	if (!q)
		return false;
	for (; c->table < q->nshards; c->table++, c->bucket = 0, c->pos = 0) {
		struct tcpx_synq_shard *shard = &q->shards[c->table];

		if (!READ_ONCE(shard->count))
			continue;
		spin_lock_bh(&shard->lock);
		for (; c->bucket <= q->bucket_mask; c->bucket++, c->pos = 0) {
			e = nth_entry(&shard->buckets[c->bucket], c->pos);
			if (!e)
				continue;
			c->pos++;
			*copy = *e;
			*listener = e->lsn->cookie;
			spin_unlock_bh(&shard->lock);
			return true;
		}
		spin_unlock_bh(&shard->lock);
	}
	return false;
}
