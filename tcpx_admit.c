// SPDX-License-Identifier: GPL-2.0
/*
 * Who may enter the half-open queue, and who must leave it for another: limits,
 * shares of source prefixes, what a full queue does, how often SYN-ACKs are sent
 * again when it fills. Decides and counts; it never sends.
 */
#include <linux/random.h>
#include <net/sock_reuseport.h>

#include "tcpx.h"

#define TCPX_PROBES		8	/* entries of a FIFO looked at for a victim */
#define TCPX_PROBE_BUCKETS	64	/* buckets, or else entries, looked at for one by chance */
#define TCPX_PROBE_SHARDS	16	/* other shards looked at */
#define TCPX_RETRIES_PRESSED	2	/* retransmissions when half full */

/* The prefix of an address: /24 of IPv4, /64 of IPv6 */
static u64 prefix_of(const struct in6_addr *a)
{
	if (ipv6_addr_v4mapped(a))
		return ntohl(a->s6_addr32[3]) >> 8;
	return (u64)(__force u32)a->s6_addr32[0] << 32 |
	       (__force u32)a->s6_addr32[1];
}

static bool prefix_equal(const struct in6_addr *a, const struct in6_addr *b)
{
	return ipv6_addr_v4mapped(a) == ipv6_addr_v4mapped(b) &&
	       prefix_of(a) == prefix_of(b);
}

/*
 * Multiply-shift hashing (Dietzfelbinger 1997), universal with a secret odd
 * multiplier: a peer never sees where a prefix falls, so he cannot aim at the
 * cells of another one, and this runs twice for each entry.
 */
static atomic_t *sketch_cell(const struct tcpx_net *tn, int row,
			     const struct tcpx_lsn *lsn, u64 prefix)
{
	if (lsn)
		prefix ^= lsn->salt;
	return &tn->synq->sketch[!!lsn][row][prefix * (tn->prefix_key[row] | 1) >>
					     (64 - TCPX_SKETCH_BITS)];
}

static void sketch_add(const struct tcpx_net *tn, const struct tcpx_lsn *lsn,
		       const struct in6_addr *raddr, int n)
{
	u64 prefix = prefix_of(raddr);
	int row;

	for (row = 0; row < TCPX_SKETCH_ROWS; row++) {
		atomic_add(n, sketch_cell(tn, row, NULL, prefix));
		atomic_add(n, sketch_cell(tn, row, lsn, prefix));
	}
}

/*
 * How many entries a prefix has, with a listener or, @lsn NULL, in all: the less
 * crowded of its two cells, without what chance puts into each cell. Out of line:
 * each SYN comes by, but only in a crowd it is asked for.
 */
static noinline u32 sketch_read(const struct tcpx_net *tn, const struct tcpx_lsn *lsn,
				const struct in6_addr *raddr)
{
	u32 noise = atomic_read(&tn->synq->count) >> TCPX_SKETCH_BITS;
	u64 prefix = prefix_of(raddr);
	u32 n = U32_MAX;
	int row;

	for (row = 0; row < TCPX_SKETCH_ROWS; row++)
		n = min_t(u32, n, atomic_read(sketch_cell(tn, row, lsn, prefix)));
	return n - min(n, noise);
}

static bool crowded(const atomic_t *count, u32 limit)
{
	return (u32)atomic_read(count) >= limit - limit / 4;
}

/*
 * Above three quarters of a limit a prefix may hold an eighth of it: who floods
 * from one network locks out that network only (RFC 4987 3.1).
 */
static bool prefix_over(const struct tcpx_net *tn, const struct tcpx_lsn *lsn,
			const struct in6_addr *raddr)
{
	u32 backlog = READ_ONCE(lsn->backlog), all = tcpx_param(tn, synq_max);

	if (!tcpx_param(tn, synq_prefix))
		return false;
	return (crowded(&lsn->qlen, backlog) &&
		sketch_read(tn, lsn, raddr) >= max(backlog / 8, 1U)) ||
	       (crowded(&tn->synq->count, all) &&
		sketch_read(tn, NULL, raddr) >= max(all / 8, 1U));
}

/**
 * tcpx_admit - would a SYN find room?
 * @tn: the namespace, with a half-open queue
 * @lsn: the listener
 * @raddr: where the SYN came from
 *
 * A guess: others enter and leave meanwhile.
 *
 * Context: any.
 * Return: 0, -ENOBUFS if the queue of the listener is full, -ENOSPC if that of
 *	the namespace is, -EDQUOT if its prefix has its share
 */
int tcpx_admit(const struct tcpx_net *tn, const struct tcpx_lsn *lsn,
	       const struct in6_addr *raddr)
{
	if ((u32)atomic_read(&lsn->qlen) >= READ_ONCE(lsn->backlog))
		return -ENOBUFS;
	if (atomic_read(&tn->synq->count) >= tcpx_param(tn, synq_max))
		return -ENOSPC;
	return prefix_over(tn, lsn, raddr) ? -EDQUOT : 0;
}

/**
 * tcpx_admit_enter - take a place in the queue
 * @tn: the namespace, with a half-open queue
 * @lsn: the listener
 * @raddr: where the SYN came from
 *
 * Exact: the counters are raised before they are believed.
 *
 * Context: any.
 * Return: as tcpx_admit()
 */
int tcpx_admit_enter(struct tcpx_net *tn, struct tcpx_lsn *lsn,
		     const struct in6_addr *raddr)
{
	int here, all;

	if (prefix_over(tn, lsn, raddr))
		return -EDQUOT;
	here = tcpx_inc_below(&lsn->qlen, READ_ONCE(lsn->backlog));
	if (!here)
		return -ENOBUFS;
	all = tcpx_inc_below(&tn->synq->count, tcpx_param(tn, synq_max));
	if (!all) {
		atomic_dec(&lsn->qlen);
		return -ENOSPC;
	}
	sketch_add(tn, lsn, raddr, 1);
	tcpx_note_highest(&lsn->highest, here);
	tcpx_note_highest(&tn->synq->highest, all);
	return 0;
}

/**
 * tcpx_admit_leave - give the place back
 * @tn: the namespace
 * @lsn: the listener
 * @raddr: where the SYN came from
 *
 * Context: any.
 */
void tcpx_admit_leave(struct tcpx_net *tn, struct tcpx_lsn *lsn,
		      const struct in6_addr *raddr)
{
	sketch_add(tn, lsn, raddr, -1);
	atomic_dec(&tn->synq->count);
	atomic_dec(&lsn->qlen);
}

/* The ACK of a cookie may come to another listener of a SO_REUSEPORT group. */
static struct sock_reuseport *group_of(const struct tcpx_lsn *lsn)
{
	return lsn->sk ? rcu_dereference(lsn->sk->sk_reuseport_cb) : NULL;
}

/**
 * tcpx_admit_overflowed - from now on for a while cookies may come back
 * @lsn: a listener that answered a SYN with a cookie, or lost an entry whose
 *	SYN-ACK is one
 *
 * Context: softirq, RCU read lock.
 */
void tcpx_admit_overflowed(struct tcpx_lsn *lsn)
{
	struct sock_reuseport *group = group_of(lsn);
	u32 now = (u32)jiffies ?: 1;

	WRITE_ONCE(lsn->overflowed_at, now);
	if (group)
		WRITE_ONCE(group->synq_overflow_ts, now);
}

static bool recent(u32 at)
{
	return at && (u32)jiffies - at <= msecs_to_jiffies(TCPX_COOKIE_LIFE_MS);
}

/**
 * tcpx_admit_cookies - can an ACK be for a cookie?
 * @tn: the namespace
 * @lsn: the listener
 *
 * Only as long as a cookie lives after an overflow of that listener, or of one of
 * its group: a bogus ACK costs nothing otherwise, and guesses have no chance.
 *
 * Context: softirq, RCU read lock.
 * Return: yes or no
 */
bool tcpx_admit_cookies(const struct tcpx_net *tn, const struct tcpx_lsn *lsn)
{
	const struct sock_reuseport *group = group_of(lsn);
	int mode = tcpx_param(tn, syncookies);

	if (mode != 1)
		return mode;
	return recent(READ_ONCE(lsn->overflowed_at)) ||
	       (group && recent(READ_ONCE(group->synq_overflow_ts)));
}

/**
 * struct search - for an entry that makes room
 * @lsn: it must be of this listener, NULL: of any
 * @raddr: it must be of the prefix of this address, NULL: of any
 */
struct search {
	const struct tcpx_lsn *lsn;
	const struct in6_addr *raddr;
};

/* Whose ACK has come is connected in the eyes of its peer: not that one. */
static bool victim_ok(const struct tcpx_entry *e, const struct search *s)
{
	return !(e->flags & TCPX_ENTRY_ACKED) && (!s->lsn || e->lsn == s->lsn) &&
	       (!s->raddr || prefix_equal(&e->raddr, s->raddr));
}

static struct tcpx_entry *first_in(struct list_head *fifo, const struct search *s)
{
	int probes = TCPX_PROBES;
	struct tcpx_entry *e;

	list_for_each_entry(e, fifo, fifo) {
		if (!probes--)
			break;
		if (victim_ok(e, s))
			return e;
	}
	return NULL;
}

/* Who did not answer most often; who has not been asked twice stays. */
static struct tcpx_entry *victim_stage(struct tcpx_synq_shard *shard,
				       const struct search *s)
{
	struct tcpx_entry *e;
	int i;

	for (i = TCPX_WAITS - 1; i > 0; i--) {
		e = first_in(&shard->fifo[i], s);
		if (e)
			return e;
	}
	return NULL;
}

static struct tcpx_entry *victim_oldest(struct tcpx_synq_shard *shard,
					const struct search *s)
{
	struct tcpx_entry *e, *oldest = NULL;
	int i;

	for (i = 0; i < TCPX_WAITS; i++) {
		e = first_in(&shard->fifo[i], s);
		if (e && (!oldest || (s32)(e->born - oldest->born) < 0))
			oldest = e;
	}
	return oldest;
}

/* The last one among the first @n + 1 entries, or else the next one behind them. */
static struct tcpx_entry *nth_queued(struct tcpx_synq_shard *shard,
				     const struct search *s, u32 n)
{
	struct tcpx_entry *e, *found = NULL;
	u32 more = TCPX_PROBE_BUCKETS;
	int i;

	for (i = 0; i < TCPX_WAITS; i++) {
		list_for_each_entry(e, &shard->fifo[i], fifo) {
			if (victim_ok(e, s))
				found = e;
			if (n)
				n--;
			else if (found || !more--)
				return found;
		}
	}
	return found;
}

/* Some buckets from one by chance on; where they are empty there are few entries. */
static struct tcpx_entry *victim_random(struct tcpx_synq_shard *shard,
					const struct search *s)
{
	u32 mask = shard->tn->synq->bucket_mask, i, probes;
	struct tcpx_entry *e;

	i = get_random_u32();
	for (probes = 0; probes < TCPX_PROBE_BUCKETS; probes++)
		hlist_for_each_entry(e, &shard->buckets[i++ & mask], node)
			if (victim_ok(e, s))
				return e;
	if (!shard->count)
		return NULL;
	return nth_queued(shard, s, get_random_u32_below(min_t(u32, shard->count,
							       TCPX_PROBE_BUCKETS)));
}

static bool evict_from(struct tcpx_synq_shard *shard, const struct search *s,
		       enum tcpx_overflow policy)
{
	struct tcpx_net *tn = shard->tn;
	struct tcpx_entry *e;

	lockdep_assert_held(&shard->lock);
	switch (policy) {
	case TCPX_OVERFLOW_EVICT:
		e = victim_stage(shard, s);
		break;
	case TCPX_OVERFLOW_RECYCLE:
		e = victim_oldest(shard, s);
		break;
	case TCPX_OVERFLOW_RANDOM:
		e = victim_random(shard, s);
		break;
	default:
		return false;
	}
	if (!e)
		return false;
	/* Its ACK may still come: then the cookie tells who it was. */
	if (e->flags & TCPX_ENTRY_COOKIE)
		tcpx_admit_overflowed(e->lsn);
	TCPX_INC(tn, SYNQ_EVICTED);
	TCPX_REASON(tn, TCPX_R_EVICTED);
	tcpx_synq_unlink(shard, e);
	tcpx_synq_free(e);
	return true;
}

/**
 * tcpx_admit_evict - make room for a SYN
 * @shard: its shard, locked; the victim may be in another one
 * @lsn: its listener
 * @raddr: where it came from
 * @err: what there is no room in, as tcpx_admit() returns it
 * @policy: who has to go
 *
 * Only tries for the lock of another shard: two CPUs may look crosswise.
 *
 * Context: softirq.
 * Return: true if an entry was freed
 */
bool tcpx_admit_evict(struct tcpx_synq_shard *shard, struct tcpx_lsn *lsn,
		      const struct in6_addr *raddr, int err,
		      enum tcpx_overflow policy)
{
	struct tcpx_synq *q = shard->tn->synq;
	struct search s = {
		.lsn = err == -ENOSPC ? NULL : lsn,
		.raddr = err == -EDQUOT ? raddr : NULL,
	};
	u32 i, n = min_t(u32, q->nshards - 1, TCPX_PROBE_SHARDS);
	struct tcpx_synq_shard *other;
	bool done;

	if (policy == TCPX_OVERFLOW_COOKIE || policy == TCPX_OVERFLOW_DROP_NEW)
		return false;
	if (evict_from(shard, &s, policy))
		return true;
	for (i = 1; i <= n; i++) {
		other = &q->shards[(shard - q->shards + i) & (q->nshards - 1)];
		if (!READ_ONCE(other->count) || !spin_trylock(&other->lock))
			continue;
		done = evict_from(other, &s, policy);
		spin_unlock(&other->lock);
		if (done)
			return true;
	}
	return false;
}

/**
 * tcpx_admit_retries - how often a SYN-ACK is sent again
 * @tn: the namespace
 * @lsn: the listener
 *
 * synack_retries, but at most two once the queue of the listener or of the
 * namespace is more than half full: half of the room is for the young. It stays
 * so for a second, or of those that came together the ones that are looked at
 * last would be asked twice as often.
 *
 * Context: softirq.
 * Return: retransmissions
 */
unsigned int tcpx_admit_retries(const struct tcpx_net *tn, struct tcpx_lsn *lsn)
{
	unsigned int retries = tcpx_param(tn, synack_retries);
	unsigned long at = READ_ONCE(lsn->pressed_at);

	if ((u32)atomic_read(&lsn->qlen) > READ_ONCE(lsn->backlog) / 2 ||
	    atomic_read(&tn->synq->count) > tcpx_param(tn, synq_max) / 2) {
		at = jiffies ?: 1;
		WRITE_ONCE(lsn->pressed_at, at);
	}
	if (at && time_in_range(jiffies, at, at + HZ))
		return min(retries, TCPX_RETRIES_PRESSED + 0U);
	return retries;
}

/**
 * tcpx_admit_resend - may a SYN-ACK be sent again now?
 * @tn: the namespace
 *
 * A bucket of one second: however many entries there are, not more than
 * synack_rate SYN-ACKs a second go where no answer comes from (RFC 4987 2.3).
 *
 * Context: softirq.
 * Return: yes or no
 */
bool tcpx_admit_resend(struct tcpx_net *tn)
{
	u32 rate = tcpx_param(tn, synack_rate);
	struct tcpx_synq *q = tn->synq;
	unsigned long passed;
	bool ok;

	if (!rate)
		return true;
	spin_lock(&q->rate_lock);
	passed = min(jiffies - q->refilled, (unsigned long)HZ);
	q->refilled = jiffies;
	q->tokens = min(q->tokens + rate * (u32)passed, rate * HZ);
	ok = q->tokens >= HZ;
	if (ok)
		q->tokens -= HZ;
	spin_unlock(&q->rate_lock);
	return ok;
}
