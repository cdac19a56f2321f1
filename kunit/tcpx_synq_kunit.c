// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of tcpx_synq.c, and of tcpx_synq_due() as far as it sends nothing, with a
 * namespace and listeners of their own and a clock that the test sets. The shard
 * and the bucket of an entry follow from the hash that the caller gives, so the
 * tests choose it: the number of the entry puts all of them into the first shard,
 * a multiple of SPREAD into all shards.
 */
#include <kunit/test.h>
#include <linux/delay.h>

#include "../tcpx.h"

#define SPREAD		0x9e3779b97f4a7c15ULL
#define START		1000000U	/* of the clock */
#define LISTENERS	3

/**
 * struct fixture - a namespace with a half-open queue
 * @tn: the namespace
 * @lsn: its listeners, with room for all a test adds
 * @spread: entries go to all shards
 */
struct fixture {
	struct tcpx_net tn;
	struct tcpx_lsn lsn[LISTENERS];
	bool spread;
};

static atomic_t fired;

static void shard_fired(struct timer_list *t)
{
	atomic_inc(&fired);
}

static int synq_init(struct kunit *test)
{
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	int i;

	if (!f)
		return -ENOMEM;
	test->priv = f;
	mutex_init(&f->tn.synq_mutex);
	tcpx_params_init(&f->tn.params);
	/* all entries come from one prefix here, see tcpx_admit_kunit.c for shares */
	f->tn.params.synq_prefix = 0;
	for (i = 0; i < LISTENERS; i++) {
		f->lsn[i].backlog = 1000;
		f->lsn[i].overflow = -1;
	}
	if (tcpx_mib_init(&f->tn))
		return -ENOMEM;
	return tcpx_synq_create(&f->tn, shard_fired);
}

static void queue_destroy(struct fixture *f)
{
	int i;

	for (i = 0; f->tn.synq && i < LISTENERS; i++)
		tcpx_synq_sweep(&f->tn, &f->lsn[i]);
	tcpx_synq_destroy(&f->tn);
	f->tn.synq = NULL;
}

static void synq_exit(struct kunit *test)
{
	struct fixture *f = test->priv;

	if (!f)
		return;
	queue_destroy(f);
	tcpx_mib_exit(&f->tn);
}

/* The queue as its first listen() makes it when synq_max is @max. */
static void queue_for(struct kunit *test, int max)
{
	struct fixture *f = test->priv;

	queue_destroy(f);
	f->tn.params.synq_max = max;
	KUNIT_ASSERT_EQ(test, tcpx_synq_create(&f->tn, shard_fired), 0);
}

/* 192.0.2.1:80 and 198.18.0.1, a port per entry */
static void fill_tuple(struct tcpx_tuple *t, u32 nr)
{
	*t = (struct tcpx_tuple){
		.lport = htons(80),
		.rport = htons((u16)(1024 + nr)),
	};
	ipv6_addr_set_v4mapped(htonl(0xc0000201), &t->laddr);
	ipv6_addr_set_v4mapped(htonl(0xc6120001), &t->raddr);
}

static u64 hash_of(const struct fixture *f, u32 nr)
{
	return f->spread ? nr * SPREAD : nr;
}

static struct tcpx_synq_shard *shard_of(const struct fixture *f, u32 nr)
{
	return tcpx_synq_shard(f->tn.synq, hash_of(f, nr));
}

static int add_tuple(struct fixture *f, const struct tcpx_tuple *tuple, u32 nr,
		     struct tcpx_lsn *lsn, u32 now)
{
	struct tcpx_synq_shard *shard = shard_of(f, nr);
	struct tcpx_entry *e = tcpx_synq_alloc(&(struct tcpx_entry){});
	int err;

	if (!e)
		return -ENOMEM;
	e->hash = (u32)hash_of(f, nr);
	e->lsn = lsn;
	e->laddr = tuple->laddr;
	e->raddr = tuple->raddr;
	e->lport = tuple->lport;
	e->rport = tuple->rport;
	e->irs = nr;
	spin_lock_bh(&shard->lock);
	err = tcpx_synq_insert(shard, e, now);
	spin_unlock_bh(&shard->lock);
	if (err)
		tcpx_synq_free(e);
	return err;
}

static int add_at(struct fixture *f, int lsn, u32 nr, u32 now)
{
	struct tcpx_tuple tuple;

	fill_tuple(&tuple, nr);
	return add_tuple(f, &tuple, nr, &f->lsn[lsn], now);
}

static int add(struct fixture *f, u32 nr, u32 now)
{
	return add_at(f, 0, nr, now);
}

static int add_to(struct fixture *f, int lsn, u32 nr)
{
	return add_at(f, lsn, nr, START);
}

static struct tcpx_entry *find_tuple(struct fixture *f, u32 nr,
				     const struct tcpx_tuple *tuple)
{
	struct tcpx_synq_shard *shard = shard_of(f, nr);
	struct tcpx_entry *e;

	spin_lock_bh(&shard->lock);
	e = tcpx_synq_find(shard, tuple, hash_of(f, nr));
	spin_unlock_bh(&shard->lock);
	return e;
}

static struct tcpx_entry *find(struct fixture *f, u32 nr)
{
	struct tcpx_tuple tuple;

	fill_tuple(&tuple, nr);
	return find_tuple(f, nr, &tuple);
}

static void restart(struct fixture *f, u32 nr, u8 stage, u32 now)
{
	struct tcpx_synq_shard *shard = shard_of(f, nr);
	struct tcpx_entry *e = find(f, nr);

	spin_lock_bh(&shard->lock);
	tcpx_synq_restart(shard, e, stage, now);
	spin_unlock_bh(&shard->lock);
}

static void drop(struct fixture *f, u32 nr)
{
	struct tcpx_synq_shard *shard = shard_of(f, nr);
	struct tcpx_entry *e = find(f, nr);

	spin_lock_bh(&shard->lock);
	tcpx_synq_unlink(shard, e);
	spin_unlock_bh(&shard->lock);
	tcpx_synq_free(e);
}

static struct tcpx_entry *expired_in(struct tcpx_synq_shard *shard, u32 now)
{
	struct tcpx_entry *e;

	spin_lock_bh(&shard->lock);
	e = tcpx_synq_expired(shard, now);
	spin_unlock_bh(&shard->lock);
	return e;
}

static struct tcpx_entry *expired(struct fixture *f, u32 now)
{
	return expired_in(&f->tn.synq->shards[0], now);
}

static u64 ctr(const struct fixture *f, enum tcpx_mib_id id)
{
	return tcpx_mib_read(&f->tn, id);
}

static s64 half_open(const struct fixture *f)
{
	return tcpx_gauge_read(&f->tn, TCPX_GAUGE_HALF_OPEN);
}

static int count(const struct fixture *f)
{
	return atomic_read(&f->tn.synq->count);
}

static int qlen(const struct fixture *f, int lsn)
{
	return atomic_read(&f->lsn[lsn].qlen);
}

/*
 * The entry
 */

static void tcpx_entry__two_cache_lines(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, sizeof(struct tcpx_entry), (size_t)128);
	KUNIT_EXPECT_EQ(test, offsetof(struct tcpx_entry, raddr), (size_t)64);
}

/* What a walk along a chain or a FIFO looks at is in the first line. */
static void tcpx_entry__first_line(struct kunit *test)
{
	KUNIT_EXPECT_LT(test, offsetof(struct tcpx_entry, node), (size_t)64);
	KUNIT_EXPECT_LT(test, offsetof(struct tcpx_entry, fifo), (size_t)64);
	KUNIT_EXPECT_LT(test, offsetof(struct tcpx_entry, hash), (size_t)64);
	KUNIT_EXPECT_LT(test, offsetof(struct tcpx_entry, expires), (size_t)64);
	KUNIT_EXPECT_LT(test, offsetof(struct tcpx_entry, lsn), (size_t)64);
	KUNIT_EXPECT_LT(test, offsetof(struct tcpx_entry, rport), (size_t)64);
	KUNIT_EXPECT_LT(test, offsetof(struct tcpx_entry, lport), (size_t)64);
	KUNIT_EXPECT_LT(test, offsetof(struct tcpx_entry, stage), (size_t)64);
}

/* Freed with all bits set and allocated again: nothing of that is left. */
static void tcpx_synq_alloc__copies(struct kunit *test)
{
	struct tcpx_entry from, *e;

	memset(&from, 0xa5, sizeof(from));
	e = tcpx_synq_alloc(&from);
	KUNIT_ASSERT_NOT_NULL(test, e);
	KUNIT_EXPECT_EQ(test, memcmp(e, &from, sizeof(from)), 0);
	tcpx_synq_free(e);
}

/*
 * The table
 */

struct size_case {
	const char *name;
	int max;
};

static const struct size_case size_cases[] = {
	{ "1 entry", 1 },
	{ "64 entries", 64 },
	{ "127 entries", 127 },
	{ "1000 entries", 1000 },
	{ "65536 entries, default", 65536 },
	{ "4194304 entries, most", 4194304 },
};

static void size_desc(const struct size_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(size, size_cases, size_desc);

/* Four entries in a bucket when it is full, on the average. */
static void tcpx_synq_create__load(struct kunit *test)
{
	const struct size_case *c = test->param_value;
	struct fixture *f = test->priv;

	queue_for(test, c->max);
	KUNIT_EXPECT_GE(test, 4ULL * f->tn.synq->nshards *
			      (f->tn.synq->bucket_mask + 1), (u64)c->max);
}

/* clamp(roundup_pow2(4 * cpus), 16, 256) */
static void tcpx_synq_create__shards(struct kunit *test)
{
	struct fixture *f = test->priv;
	u32 n = f->tn.synq->nshards;

	KUNIT_EXPECT_EQ(test, n & (n - 1), 0U);
	KUNIT_EXPECT_GE(test, n, 16U);
	KUNIT_EXPECT_LE(test, n, 256U);
	KUNIT_EXPECT_GE(test, n, min(4 * num_possible_cpus(), 256U));
}

static void tcpx_synq_create__second_listen(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct tcpx_synq *q = f->tn.synq;

	KUNIT_EXPECT_EQ(test, tcpx_synq_create(&f->tn, shard_fired), 0);
	KUNIT_EXPECT_PTR_EQ(test, f->tn.synq, q);
}

/* A namespace in which nobody ever listened */
static void tcpx_synq_destroy__no_queue(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct tcpx_cursor c = {};
	struct tcpx_entry copy;
	u64 listener;

	queue_destroy(f);
	KUNIT_EXPECT_FALSE(test, tcpx_synq_next(&f->tn, &c, &copy, &listener));
	tcpx_synq_waits_changed(&f->tn, START);
	tcpx_synq_destroy(&f->tn);
}

static void tcpx_synq_shard__top_bits(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct tcpx_synq *q = f->tn.synq;
	u64 step = div_u64(U64_MAX, q->nshards) + 1;
	u32 i;

	for (i = 0; i < q->nshards; i++) {
		KUNIT_EXPECT_PTR_EQ_MSG(test, tcpx_synq_shard(q, i * step),
					&q->shards[i], "shard %u, first", i);
		KUNIT_EXPECT_PTR_EQ_MSG(test,
					tcpx_synq_shard(q, i * step + step - 1),
					&q->shards[i], "shard %u, last", i);
	}
}

/*
 * Finding
 */

static void tcpx_synq_find__same_tuple(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct tcpx_entry *e;

	KUNIT_ASSERT_EQ(test, add(f, 7, START), 0);
	e = find(f, 7);
	KUNIT_ASSERT_NOT_NULL(test, e);
	KUNIT_EXPECT_EQ(test, e->irs, 7U);
	KUNIT_EXPECT_PTR_EQ(test, find(f, 7), e);
}

struct other_case {
	const char *name;
	u16 lport;
	u16 rport;
	u32 laddr;
	u32 raddr;
	u32 lprefix;
	u32 rprefix;
};

/* What is changed in the tuple of the entry */
static const struct other_case other_cases[] = {
	{ "remote port", .rport = 1 },
	{ "remote port, high byte", .rport = 0x8000 },
	{ "local port", .lport = 1 },
	{ "remote address", .raddr = 1 },
	{ "remote address, high byte", .raddr = 0x80000000 },
	{ "local address", .laddr = 1 },
	{ "local address, IPv6 with the same end", .lprefix = 0x20010db8 },
	{ "remote address, IPv6 with the same end", .rprefix = 0x20010db8 },
};

static void other_desc(const struct other_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(other, other_cases, other_desc);

/* All have the same hash, so that only the comparison tells them apart. */
static void tcpx_synq_find__other(struct kunit *test)
{
	const struct other_case *c = test->param_value;
	struct fixture *f = test->priv;
	struct tcpx_tuple tuple;

	KUNIT_ASSERT_EQ(test, add(f, 7, START), 0);
	fill_tuple(&tuple, 7);
	tuple.lport ^= htons(c->lport);
	tuple.rport ^= htons(c->rport);
	tuple.laddr.s6_addr32[3] ^= htonl(c->laddr);
	tuple.raddr.s6_addr32[3] ^= htonl(c->raddr);
	tuple.laddr.s6_addr32[0] ^= htonl(c->lprefix);
	tuple.raddr.s6_addr32[0] ^= htonl(c->rprefix);
	KUNIT_EXPECT_NULL(test, find_tuple(f, 7, &tuple));
	/* Both may wait at the same time. */
	KUNIT_ASSERT_EQ(test, add_tuple(f, &tuple, 7, &f->lsn[0], START), 0);
	KUNIT_EXPECT_PTR_NE(test, find_tuple(f, 7, &tuple), find(f, 7));
}

static void tcpx_synq_find__ends_swapped(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct tcpx_tuple tuple;

	KUNIT_ASSERT_EQ(test, add(f, 7, START), 0);
	fill_tuple(&tuple, 7);
	swap(tuple.laddr, tuple.raddr);
	swap(tuple.lport, tuple.rport);
	KUNIT_EXPECT_NULL(test, find_tuple(f, 7, &tuple));
}

/* One bucket per shard: a chain of 40. */
static void tcpx_synq_find__chain(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct tcpx_entry *e;
	u32 nr;

	queue_for(test, 48);
	for (nr = 0; nr < 40; nr++)
		KUNIT_ASSERT_EQ_MSG(test, add(f, nr, START), 0, "nr %u", nr);
	for (nr = 0; nr < 40; nr++) {
		e = find(f, nr);
		KUNIT_ASSERT_NOT_NULL_MSG(test, e, "nr %u", nr);
		KUNIT_EXPECT_EQ_MSG(test, e->irs, nr, "nr %u", nr);
	}
	KUNIT_EXPECT_NULL(test, find(f, 40));
}

/*
 * Limits
 */

struct limit_case {
	const char *name;
	int limit;
};

static const struct limit_case limit_cases[] = {
	{ "1", 1 },
	{ "2", 2 },
	{ "128", 128 },
};

static void limit_desc(const struct limit_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(limit, limit_cases, limit_desc);

static void tcpx_synq_insert__backlog(struct kunit *test)
{
	const struct limit_case *c = test->param_value;
	struct fixture *f = test->priv;
	u32 nr;

	f->lsn[0].backlog = c->limit;
	for (nr = 0; nr < c->limit; nr++)
		KUNIT_ASSERT_EQ_MSG(test, add(f, nr, START), 0, "nr %u", nr);
	for (; nr < c->limit + 5; nr++)
		KUNIT_EXPECT_EQ_MSG(test, add(f, nr, START), -ENOBUFS, "nr %u",
				    nr);
	KUNIT_EXPECT_EQ(test, qlen(f, 0), c->limit);
	KUNIT_EXPECT_EQ(test, count(f), c->limit);
}

static void tcpx_synq_insert__backlog_room_again(struct kunit *test)
{
	const struct limit_case *c = test->param_value;
	struct fixture *f = test->priv;
	u32 nr;

	f->lsn[0].backlog = c->limit;
	for (nr = 0; nr < c->limit; nr++)
		KUNIT_ASSERT_EQ_MSG(test, add(f, nr, START), 0, "nr %u", nr);
	drop(f, 0);
	KUNIT_EXPECT_EQ(test, add(f, 1000, START), 0);
	KUNIT_EXPECT_EQ(test, add(f, 1001, START), -ENOBUFS);
	KUNIT_EXPECT_EQ(test, qlen(f, 0), c->limit);
}

/* listen() again with less: nobody is thrown out, nobody is let in. */
static void tcpx_synq_insert__backlog_lowered(struct kunit *test)
{
	struct fixture *f = test->priv;
	u32 nr;

	f->lsn[0].backlog = 4;
	for (nr = 0; nr < 4; nr++)
		KUNIT_ASSERT_EQ_MSG(test, add(f, nr, START), 0, "nr %u", nr);
	f->lsn[0].backlog = 2;
	for (nr = 0; nr < 2; nr++) {
		KUNIT_EXPECT_EQ_MSG(test, add(f, 100, START), -ENOBUFS, "nr %u",
				    nr);
		drop(f, nr);
	}
	KUNIT_EXPECT_EQ(test, add(f, 100, START), -ENOBUFS);
	drop(f, 2);
	KUNIT_EXPECT_EQ(test, add(f, 100, START), 0);
}

static void tcpx_synq_insert__backlog_of_one_listener(struct kunit *test)
{
	struct fixture *f = test->priv;

	f->lsn[0].backlog = 1;
	KUNIT_ASSERT_EQ(test, add_to(f, 0, 1), 0);
	KUNIT_ASSERT_EQ(test, add_to(f, 0, 2), -ENOBUFS);
	KUNIT_EXPECT_EQ(test, add_to(f, 1, 2), 0);
	KUNIT_EXPECT_EQ(test, qlen(f, 0), 1);
	KUNIT_EXPECT_EQ(test, qlen(f, 1), 1);
}

/* All listeners and all shards count together. */
static void tcpx_synq_insert__synq_max(struct kunit *test)
{
	const struct limit_case *c = test->param_value;
	struct fixture *f = test->priv;
	u32 nr;

	f->spread = true;
	f->tn.params.synq_max = c->limit;
	for (nr = 0; nr < c->limit; nr++)
		KUNIT_ASSERT_EQ_MSG(test, add_to(f, nr % 3, nr), 0, "nr %u",
				    nr);
	for (; nr < c->limit + 6; nr++)
		KUNIT_EXPECT_EQ_MSG(test, add_to(f, nr % 3, nr), -ENOSPC,
				    "nr %u", nr);
	KUNIT_EXPECT_EQ(test, count(f), c->limit);
	KUNIT_EXPECT_EQ(test, qlen(f, 0) + qlen(f, 1) + qlen(f, 2), c->limit);
}

static void tcpx_synq_insert__synq_max_room_again(struct kunit *test)
{
	struct fixture *f = test->priv;

	f->tn.params.synq_max = 2;
	KUNIT_ASSERT_EQ(test, add_to(f, 0, 1), 0);
	KUNIT_ASSERT_EQ(test, add_to(f, 1, 2), 0);
	KUNIT_ASSERT_EQ(test, add_to(f, 2, 3), -ENOSPC);
	drop(f, 1);
	KUNIT_EXPECT_EQ(test, add_to(f, 2, 3), 0);
	KUNIT_EXPECT_EQ(test, add_to(f, 2, 4), -ENOSPC);
	f->tn.params.synq_max = 1;
	drop(f, 2);
	KUNIT_EXPECT_EQ(test, add_to(f, 2, 4), -ENOSPC);
}

static void tcpx_synq_insert__dead(struct kunit *test)
{
	struct fixture *f = test->priv;

	f->lsn[0].dead = true;
	KUNIT_EXPECT_EQ(test, add_to(f, 0, 1), -ESHUTDOWN);
	KUNIT_EXPECT_EQ(test, qlen(f, 0), 0);
	KUNIT_EXPECT_NULL(test, find(f, 1));
	KUNIT_EXPECT_EQ(test, add_to(f, 1, 1), 0);
}

static void tcpx_synq_insert__refused_leaves_nothing(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct tcpx_synq_shard *shard = shard_of(f, 1);

	f->lsn[0].dead = true;
	f->lsn[1].backlog = 0;
	f->tn.params.synq_max = 0;
	KUNIT_EXPECT_EQ(test, add_to(f, 0, 1), -ESHUTDOWN);
	KUNIT_EXPECT_EQ(test, add_to(f, 1, 1), -ENOBUFS);
	KUNIT_EXPECT_EQ(test, add_to(f, 2, 1), -ENOSPC);
	KUNIT_EXPECT_NULL(test, find(f, 1));
	KUNIT_EXPECT_NULL(test, expired(f, START + 3600 * HZ));
	KUNIT_EXPECT_EQ(test, shard->count, 0U);
	KUNIT_EXPECT_EQ(test, count(f), 0);
	KUNIT_EXPECT_EQ(test, qlen(f, 1) + qlen(f, 2), 0);
	KUNIT_EXPECT_FALSE(test, timer_pending(&shard->timer));
	KUNIT_EXPECT_EQ(test, ctr(f, TCPX_MIB_SYNQ_ADDED), 0ULL);
	KUNIT_EXPECT_EQ(test, half_open(f), 0LL);
}

static void tcpx_synq_unlink__middle(struct kunit *test)
{
	struct fixture *f = test->priv;

	queue_for(test, 48);
	KUNIT_ASSERT_EQ(test, add(f, 1, START), 0);
	KUNIT_ASSERT_EQ(test, add(f, 2, START), 0);
	KUNIT_ASSERT_EQ(test, add(f, 3, START), 0);
	drop(f, 2);
	KUNIT_EXPECT_NOT_NULL(test, find(f, 1));
	KUNIT_EXPECT_NULL(test, find(f, 2));
	KUNIT_EXPECT_NOT_NULL(test, find(f, 3));
	KUNIT_EXPECT_EQ(test, shard_of(f, 2)->count, 2U);
	KUNIT_EXPECT_EQ(test, count(f), 2);
	KUNIT_EXPECT_EQ(test, qlen(f, 0), 2);
}

/*
 * Waits
 */

/* 1 s doubled up to rto_max_ms */
static const u32 default_waits[TCPX_WAITS] = {
	1, 2, 4, 8, 16, 32, 64, 120, 120, 120, 120, 120, 120, 120, 120, 120,
};

static void tcpx_synq_insert__first_wait(struct kunit *test)
{
	struct fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, add(f, 1, START), 0);
	KUNIT_EXPECT_EQ(test, find(f, 1)->stage, (u8)0);
	KUNIT_EXPECT_EQ(test, find(f, 1)->expires, START + HZ);
}

static void tcpx_synq_restart__wait_of_stage(struct kunit *test)
{
	struct fixture *f = test->priv;
	u8 k;

	KUNIT_ASSERT_EQ(test, add(f, 1, START), 0);
	for (k = 0; k < TCPX_WAITS; k++) {
		restart(f, 1, k, START + k);
		KUNIT_EXPECT_EQ_MSG(test, find(f, 1)->stage, k, "stage %u", k);
		KUNIT_EXPECT_EQ_MSG(test, find(f, 1)->expires,
				    START + k + default_waits[k] * HZ,
				    "stage %u", k);
	}
}

static void tcpx_synq_restart__last_stage(struct kunit *test)
{
	static const u8 stages[] = { 15, 16, 17, 128, 255 };
	struct fixture *f = test->priv;
	unsigned int i;

	f->tn.params.synack_waits_ms[15] = 7000;
	KUNIT_ASSERT_EQ(test, add(f, 1, START), 0);
	for (i = 0; i < ARRAY_SIZE(stages); i++) {
		restart(f, 1, stages[i], START + i);
		KUNIT_EXPECT_EQ_MSG(test, find(f, 1)->stage, (u8)15,
				    "stage %u", stages[i]);
		KUNIT_EXPECT_EQ_MSG(test, find(f, 1)->expires,
				    START + i + 7 * HZ, "stage %u", stages[i]);
		KUNIT_EXPECT_PTR_EQ_MSG(test, expired(f, START + i + 7 * HZ),
					find(f, 1), "stage %u", stages[i]);
	}
}

/* It stays one entry, and found. */
static void tcpx_synq_restart__counts_stay(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct tcpx_entry *e;

	KUNIT_ASSERT_EQ(test, add(f, 1, START), 0);
	e = find(f, 1);
	restart(f, 1, 1, START + HZ);
	KUNIT_EXPECT_PTR_EQ(test, find(f, 1), e);
	KUNIT_EXPECT_EQ(test, count(f), 1);
	KUNIT_EXPECT_EQ(test, qlen(f, 0), 1);
	KUNIT_EXPECT_EQ(test, shard_of(f, 1)->count, 1U);
	KUNIT_EXPECT_EQ(test, ctr(f, TCPX_MIB_SYNQ_ADDED), 1ULL);
	KUNIT_EXPECT_EQ(test, half_open(f), 1LL);
}

/* A duplicate SYN begins the same wait anew: behind those who came between. */
static void tcpx_synq_restart__same_stage(struct kunit *test)
{
	struct fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, add(f, 1, START), 0);
	KUNIT_ASSERT_EQ(test, add(f, 2, START + 1), 0);
	restart(f, 1, 0, START + 2);
	KUNIT_EXPECT_NULL(test, expired(f, START + HZ));
	KUNIT_EXPECT_PTR_EQ(test, expired(f, START + 1 + HZ), find(f, 2));
	drop(f, 2);
	KUNIT_EXPECT_NULL(test, expired(f, START + 1 + HZ));
	KUNIT_EXPECT_PTR_EQ(test, expired(f, START + 2 + HZ), find(f, 1));
}

static void tcpx_synq_expired__nothing(struct kunit *test)
{
	struct fixture *f = test->priv;

	KUNIT_EXPECT_NULL(test, expired(f, 0));
	KUNIT_EXPECT_NULL(test, expired(f, START));
	KUNIT_EXPECT_NULL(test, expired(f, U32_MAX));
}

static void tcpx_synq_expired__exact(struct kunit *test)
{
	struct fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, add(f, 1, START), 0);
	KUNIT_EXPECT_NULL(test, expired(f, START));
	KUNIT_EXPECT_NULL(test, expired(f, START + HZ - 1));
	KUNIT_EXPECT_PTR_EQ(test, expired(f, START + HZ), find(f, 1));
	KUNIT_EXPECT_PTR_EQ(test, expired(f, START + HZ + 1), find(f, 1));
	/* One that the timer comes for very late */
	KUNIT_EXPECT_PTR_EQ(test, expired(f, START + 86400 * HZ), find(f, 1));
}

static void tcpx_synq_expired__stays_queued(struct kunit *test)
{
	struct fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, add(f, 1, START), 0);
	KUNIT_EXPECT_NOT_NULL(test, expired(f, START + HZ));
	KUNIT_EXPECT_EQ(test, count(f), 1);
	KUNIT_EXPECT_PTR_EQ(test, expired(f, START + HZ), find(f, 1));
}

/* Whoever came first is due first, also when the timer comes late. */
static void tcpx_synq_expired__order(struct kunit *test)
{
	struct fixture *f = test->priv;
	u32 nr;

	for (nr = 0; nr < 50; nr++)
		KUNIT_ASSERT_EQ_MSG(test, add(f, nr, START + 3 * nr), 0,
				    "nr %u", nr);
	for (nr = 0; nr < 25; nr++) {
		KUNIT_EXPECT_NULL(test, expired(f, START + 3 * nr + HZ - 1));
		KUNIT_EXPECT_PTR_EQ_MSG(test, expired(f, START + 3 * nr + HZ),
					find(f, nr), "nr %u", nr);
		drop(f, nr);
	}
	for (; nr < 50; nr++) {
		KUNIT_EXPECT_PTR_EQ_MSG(test, expired(f, START + 99 * HZ),
					find(f, nr), "nr %u", nr);
		drop(f, nr);
	}
	KUNIT_EXPECT_NULL(test, expired(f, START + 99 * HZ));
}

/* One entry per stage, all entered at once: each is due after its own wait. */
static void tcpx_synq_expired__stages(struct kunit *test)
{
	struct fixture *f = test->priv;
	u32 end;
	u8 k;

	for (k = 0; k < TCPX_WAITS; k++) {
		f->tn.params.synack_waits_ms[k] = (TCPX_WAITS - k) * 1000;
		KUNIT_ASSERT_EQ_MSG(test, add(f, k, START), 0, "stage %u", k);
		restart(f, k, k, START);
	}
	/* The last stage has the shortest wait. */
	while (k--) {
		end = START + (TCPX_WAITS - k) * HZ;
		KUNIT_EXPECT_NULL_MSG(test, expired(f, end - 1), "stage %u", k);
		KUNIT_EXPECT_PTR_EQ_MSG(test, expired(f, end), find(f, k),
					"stage %u", k);
		drop(f, k);
	}
}

/* The clock wraps while they wait. */
static void tcpx_synq_expired__wrap(struct kunit *test)
{
	const u32 start = U32_MAX - HZ + 3;
	struct fixture *f = test->priv;
	u32 nr;

	for (nr = 0; nr < 5; nr++)
		KUNIT_ASSERT_EQ_MSG(test, add(f, nr, start + nr), 0, "nr %u",
				    nr);
	KUNIT_EXPECT_LT(test, find(f, 4)->expires, start);
	KUNIT_EXPECT_NULL(test, expired(f, start + 4));
	for (nr = 0; nr < 5; nr++) {
		KUNIT_EXPECT_NULL_MSG(test, expired(f, start + nr + HZ - 1),
				      "nr %u", nr);
		KUNIT_EXPECT_PTR_EQ_MSG(test, expired(f, start + nr + HZ),
					find(f, nr), "nr %u", nr);
		drop(f, nr);
	}
}

/*
 * Acknowledged entries: the accept queue was full
 */

static void acknowledge(struct fixture *f, u32 nr, u32 born)
{
	struct tcpx_synq_shard *shard = shard_of(f, nr);
	struct tcpx_entry *e = find(f, nr);

	spin_lock_bh(&shard->lock);
	tcpx_synq_set_acked(shard, e);
	spin_unlock_bh(&shard->lock);
	e->born = born;
}

static struct tcpx_entry *acked(struct fixture *f, int lsn)
{
	struct tcpx_synq_shard *shard = &f->tn.synq->shards[0];
	struct tcpx_entry *e;

	spin_lock_bh(&shard->lock);
	e = tcpx_synq_acked(shard, &f->lsn[lsn]);
	spin_unlock_bh(&shard->lock);
	return e;
}

static void tcpx_synq_acked__nothing(struct kunit *test)
{
	struct fixture *f = test->priv;

	KUNIT_EXPECT_NULL(test, acked(f, 0));
	KUNIT_ASSERT_EQ(test, add_to(f, 0, 1), 0);
	KUNIT_EXPECT_NULL(test, acked(f, 0));
	acknowledge(f, 1, START);
	KUNIT_EXPECT_PTR_EQ(test, acked(f, 0), find(f, 1));
	KUNIT_EXPECT_NULL(test, acked(f, 1));
}

/* The one whose SYN came first, in whatever stage it is */
static void tcpx_synq_acked__oldest(struct kunit *test)
{
	static const u32 born[] = { START + 3, START + 1, START + 4, START };
	static const u8 stages[] = { 0, 7, 3, 15 };
	struct fixture *f = test->priv;
	u32 nr;

	for (nr = 0; nr < 4; nr++) {
		KUNIT_ASSERT_EQ_MSG(test, add_to(f, 0, nr), 0, "nr %u", nr);
		restart(f, nr, stages[nr], START + 5);
		acknowledge(f, nr, born[nr]);
	}
	KUNIT_EXPECT_PTR_EQ(test, acked(f, 0), find(f, 3));
	drop(f, 3);
	KUNIT_EXPECT_PTR_EQ(test, acked(f, 0), find(f, 1));
	drop(f, 1);
	KUNIT_EXPECT_PTR_EQ(test, acked(f, 0), find(f, 0));
	drop(f, 0);
	KUNIT_EXPECT_PTR_EQ(test, acked(f, 0), find(f, 2));
}

static void tcpx_synq_acked__clock_wraps(struct kunit *test)
{
	struct fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, add_to(f, 0, 1), 0);
	KUNIT_ASSERT_EQ(test, add_to(f, 0, 2), 0);
	acknowledge(f, 1, 5);
	acknowledge(f, 2, U32_MAX - 5);
	KUNIT_EXPECT_PTR_EQ(test, acked(f, 0), find(f, 2));
}

/* Of a listener whose entries leave one by one or by its close none is left. */
static void tcpx_synq_unlink__acked_counted(struct kunit *test)
{
	struct fixture *f = test->priv;
	u32 nr;

	for (nr = 0; nr < 4; nr++)
		KUNIT_ASSERT_EQ_MSG(test, add_to(f, nr / 3, nr), 0, "nr %u",
				    nr);
	acknowledge(f, 0, START);
	acknowledge(f, 1, START);
	acknowledge(f, 3, START);
	drop(f, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->lsn[0].acked), 1);
	drop(f, 2);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->lsn[0].acked), 1);
	tcpx_synq_sweep(&f->tn, &f->lsn[0]);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->lsn[0].acked), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->lsn[1].acked), 1);
}

/*
 * Lifetime
 */

struct life_case {
	const char *name;
	int retries;
	u32 start;
	u32 seconds;
	u32 waits[TCPX_WAITS];
};

#define DEFAULT_WAITS							\
	{ 1, 2, 4, 8, 16, 32, 64, 120, 120, 120, 120, 120, 120, 120, 120, 120 }

/* 127 = 2^7 - 1, then 120 each */
static const struct life_case life_cases[] = {
	{ "no retry", 0, START, 1, DEFAULT_WAITS },
	{ "1 retry", 1, START, 3, DEFAULT_WAITS },
	{ "2 retries", 2, START, 7, DEFAULT_WAITS },
	{ "3 retries", 3, START, 15, DEFAULT_WAITS },
	{ "4 retries", 4, START, 31, DEFAULT_WAITS },
	{ "5 retries, default", 5, START, 63, DEFAULT_WAITS },
	{ "6 retries", 6, START, 127, DEFAULT_WAITS },
	{ "7 retries", 7, START, 247, DEFAULT_WAITS },
	{ "8 retries", 8, START, 367, DEFAULT_WAITS },
	{ "15 retries", 15, START, 1207, DEFAULT_WAITS },
	{ "1, 1, 3", 2, START, 5, { 1, 1, 3 } },
	{ "falling: 9, 5, 1", 2, START, 15, { 9, 5, 1 } },
	{ "an hour each", 15, START, 57600,
	  { [0 ... TCPX_WAITS - 1] = 3600 } },
	{ "the clock wraps", 5, U32_MAX - 20 * HZ, 63, DEFAULT_WAITS },
	{ "the clock wraps at an end", 5, U32_MAX - 3 * HZ + 1, 63,
	  DEFAULT_WAITS },
};

static void life_desc(const struct life_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(life, life_cases, life_desc);

static void life_params(struct fixture *f, const struct life_case *c)
{
	int k;

	f->tn.params.synack_retries = c->retries;
	for (k = 0; k <= c->retries; k++)
		f->tn.params.synack_waits_ms[k] = c->waits[k] * 1000;
}

static void tcpx_synq_lifetime_ms__sum(struct kunit *test)
{
	const struct life_case *c = test->param_value;
	struct fixture *f = test->priv;

	life_params(f, c);
	KUNIT_EXPECT_EQ(test, tcpx_synq_lifetime_ms(&f->tn), c->seconds * 1000);
}

/* The defaults are those of R37: 1, 2, 4, 8, 16 s, then 32 s: 63 s. */
static void tcpx_synq_lifetime_ms__defaults(struct kunit *test)
{
	struct fixture *f = test->priv;
	int k;

	KUNIT_EXPECT_EQ(test, tcpx_synq_lifetime_ms(&f->tn), 63000U);
	for (k = 0; k < TCPX_WAITS; k++)
		KUNIT_EXPECT_EQ_MSG(test, f->tn.params.synack_waits_ms[k],
				    (int)default_waits[k] * 1000, "wait %d", k);
}

/* Restarted at the end of each wait, as the timer does, it lives that long. */
static void tcpx_synq_restart__lifetime(struct kunit *test)
{
	const struct life_case *c = test->param_value;
	struct fixture *f = test->priv;
	u32 now = c->start;
	int k;

	life_params(f, c);
	KUNIT_ASSERT_EQ(test, add(f, 1, now), 0);
	for (k = 0; k <= c->retries; k++) {
		if (k)
			restart(f, 1, find(f, 1)->stage + 1, now);
		now += c->waits[k] * HZ;
		KUNIT_EXPECT_NULL_MSG(test, expired(f, now - 1), "wait %d", k);
		KUNIT_ASSERT_PTR_EQ_MSG(test, expired(f, now), find(f, 1),
					"wait %d", k);
	}
	KUNIT_EXPECT_EQ(test, now - c->start, c->seconds * HZ);
}

/*
 * The waits are changed
 */

static bool fifos_sorted(struct fixture *f)
{
	struct tcpx_entry *e;
	struct list_head *fifo;
	bool sorted = true;
	u32 i, stage, last;

	for (i = 0; i < f->tn.synq->nshards; i++) {
		for (stage = 0; stage < TCPX_WAITS; stage++) {
			fifo = &f->tn.synq->shards[i].fifo[stage];
			last = list_empty(fifo) ? 0 :
			       list_first_entry(fifo, struct tcpx_entry,
						fifo)->expires;
			list_for_each_entry(e, fifo, fifo) {
				if ((s32)(e->expires - last) < 0 ||
				    e->stage != stage)
					sorted = false;
				last = e->expires;
			}
		}
	}
	return sorted;
}

static void set_wait(struct fixture *f, int stage, int ms, u32 now)
{
	f->tn.params.synack_waits_ms[stage] = ms;
	tcpx_synq_waits_changed(&f->tn, now);
}

/* Entered at 0 and 6 s of 10 s; 7 s after the start 2 s become enough. */
static void tcpx_synq_waits_changed__shorter(struct kunit *test)
{
	struct fixture *f = test->priv;

	f->tn.params.synack_waits_ms[0] = 10000;
	KUNIT_ASSERT_EQ(test, add(f, 1, START), 0);
	KUNIT_ASSERT_EQ(test, add(f, 2, START + 6 * HZ), 0);
	set_wait(f, 0, 2000, START + 7 * HZ);
	KUNIT_EXPECT_EQ(test, find(f, 1)->expires, START + 9 * HZ);
	KUNIT_EXPECT_EQ(test, find(f, 2)->expires, START + 9 * HZ);
	KUNIT_ASSERT_EQ(test, add(f, 3, START + 7 * HZ), 0);
	KUNIT_EXPECT_EQ(test, find(f, 3)->expires, START + 9 * HZ);
	KUNIT_EXPECT_TRUE(test, fifos_sorted(f));
}

/* What ends earlier than the new wait would keeps its end. */
static void tcpx_synq_waits_changed__nearly_over(struct kunit *test)
{
	struct fixture *f = test->priv;

	f->tn.params.synack_waits_ms[0] = 10000;
	KUNIT_ASSERT_EQ(test, add(f, 1, START), 0);
	KUNIT_ASSERT_EQ(test, add(f, 2, START + 5 * HZ), 0);
	set_wait(f, 0, 2000, START + 9 * HZ);
	KUNIT_EXPECT_EQ(test, find(f, 1)->expires, START + 10 * HZ);
	KUNIT_EXPECT_EQ(test, find(f, 2)->expires, START + 11 * HZ);
	KUNIT_EXPECT_TRUE(test, fifos_sorted(f));
}

static void tcpx_synq_waits_changed__longer(struct kunit *test)
{
	struct fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, add(f, 1, START), 0);
	set_wait(f, 0, 3600000, START + 1);
	KUNIT_EXPECT_EQ(test, find(f, 1)->expires, START + HZ);
	KUNIT_ASSERT_EQ(test, add(f, 2, START + 1), 0);
	KUNIT_EXPECT_EQ(test, find(f, 2)->expires, START + 1 + 3600 * HZ);
	KUNIT_EXPECT_PTR_EQ(test, expired(f, START + HZ), find(f, 1));
}

static void tcpx_synq_waits_changed__own_stage_only(struct kunit *test)
{
	struct fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, add(f, 1, START), 0);
	KUNIT_ASSERT_EQ(test, add(f, 2, START), 0);
	restart(f, 2, 5, START);
	set_wait(f, 0, 1, START);
	KUNIT_EXPECT_EQ(test, find(f, 1)->expires,
			START + (u32)msecs_to_jiffies(1));
	KUNIT_EXPECT_EQ(test, find(f, 2)->expires, START + 32 * HZ);
}

static void tcpx_synq_waits_changed__all_shards(struct kunit *test)
{
	struct fixture *f = test->priv;
	u32 nr;

	f->spread = true;
	for (nr = 0; nr < 100; nr++) {
		KUNIT_ASSERT_EQ_MSG(test, add(f, nr, START), 0, "nr %u", nr);
		restart(f, nr, 15, START);
	}
	set_wait(f, 15, 3000, START);
	for (nr = 0; nr < 100; nr++)
		KUNIT_EXPECT_EQ_MSG(test, find(f, nr)->expires, START + 3 * HZ,
				    "nr %u", nr);
}

/* Before the change the ends are behind the wrap of the clock, then before it. */
static void tcpx_synq_waits_changed__wrap(struct kunit *test)
{
	const u32 start = U32_MAX - 5 * HZ;
	struct fixture *f = test->priv;

	f->tn.params.synack_waits_ms[0] = 10000;
	KUNIT_ASSERT_EQ(test, add(f, 1, start), 0);
	KUNIT_ASSERT_EQ(test, add(f, 2, start + HZ), 0);
	set_wait(f, 0, 2000, start + HZ);
	KUNIT_EXPECT_EQ(test, find(f, 1)->expires, start + 3 * HZ);
	KUNIT_EXPECT_EQ(test, find(f, 2)->expires, start + 3 * HZ);
}

/*
 * The timer. It lives by the real clock, which may tick in between. A long wait
 * is armed in steps, so it may fire an eighth before the end, never after it.
 */

static void check_timer(struct kunit *test, struct tcpx_synq_shard *shard,
			u32 now, u32 wait)
{
	s32 early = now + wait - (u32)shard->timer.expires;

	KUNIT_EXPECT_TRUE(test, timer_pending(&shard->timer));
	KUNIT_EXPECT_GE(test, early, -1);
	KUNIT_EXPECT_LE(test, early, (s32)(wait / 8 + 1));
}

static void rearm_anew(struct tcpx_synq_shard *shard)
{
	timer_delete(&shard->timer);
	spin_lock_bh(&shard->lock);
	tcpx_synq_rearm(shard);
	spin_unlock_bh(&shard->lock);
}

static void tcpx_synq_insert__arms_timer(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct tcpx_synq_shard *shard = shard_of(f, 1);
	u32 now = (u32)jiffies;

	f->tn.params.synack_waits_ms[0] = 100000;
	KUNIT_EXPECT_FALSE(test, timer_pending(&shard->timer));
	KUNIT_ASSERT_EQ(test, add(f, 1, now), 0);
	check_timer(test, shard, now, 100 * HZ);
}

/* A wait that is not long is armed to its end: a timer fires the jiffy after. */
static void tcpx_synq_insert__arms_timer_exactly(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct tcpx_synq_shard *shard = shard_of(f, 1);
	u32 late;

	f->tn.params.synack_waits_ms[0] = jiffies_to_msecs(50);
	KUNIT_ASSERT_EQ(test, add(f, 1, (u32)jiffies), 0);
	late = (u32)shard->timer.expires + 1 - find(f, 1)->expires;
	KUNIT_EXPECT_LE(test, late, 1U);
}

static void tcpx_synq_insert__later_keeps_timer(struct kunit *test)
{
	struct fixture *f = test->priv;
	u32 now = (u32)jiffies;

	f->tn.params.synack_waits_ms[0] = 100000;
	KUNIT_ASSERT_EQ(test, add(f, 1, now), 0);
	KUNIT_ASSERT_EQ(test, add(f, 2, now + 50 * HZ), 0);
	check_timer(test, shard_of(f, 1), now, 100 * HZ);
}

/* The other one waits in a later stage. */
static void tcpx_synq_insert__earlier_moves_timer(struct kunit *test)
{
	struct fixture *f = test->priv;
	u32 now = (u32)jiffies;

	f->tn.params.synack_waits_ms[0] = 100000;
	f->tn.params.synack_waits_ms[1] = 300000;
	KUNIT_ASSERT_EQ(test, add(f, 1, now), 0);
	restart(f, 1, 1, now);
	rearm_anew(shard_of(f, 1));
	check_timer(test, shard_of(f, 1), now, 300 * HZ);
	KUNIT_ASSERT_EQ(test, add(f, 2, now), 0);
	check_timer(test, shard_of(f, 1), now, 100 * HZ);
}

static void tcpx_synq_restart__moves_timer(struct kunit *test)
{
	struct fixture *f = test->priv;
	u32 now = (u32)jiffies;

	f->tn.params.synack_waits_ms[0] = 300000;
	f->tn.params.synack_waits_ms[1] = 100000;
	KUNIT_ASSERT_EQ(test, add(f, 1, now), 0);
	KUNIT_ASSERT_EQ(test, add(f, 2, now), 0);
	restart(f, 2, 1, now);
	check_timer(test, shard_of(f, 1), now, 100 * HZ);
}

/* 4 stages, each in turn has the earliest head. */
static void tcpx_synq_rearm__earliest_head(struct kunit *test)
{
	struct fixture *f = test->priv;
	u32 now = (u32)jiffies, round, k;

	for (k = 0; k < 4; k++) {
		KUNIT_ASSERT_EQ_MSG(test, add(f, k, now), 0, "stage %u", k);
		restart(f, k, k, now);
	}
	for (round = 0; round < 4; round++) {
		for (k = 0; k < 4; k++) {
			f->tn.params.synack_waits_ms[k] =
				k == round ? 100000 : 200000 + 1000 * k;
			restart(f, k, k, now);
		}
		rearm_anew(shard_of(f, 0));
		check_timer(test, shard_of(f, 0), now, 100 * HZ);
	}
}

static void tcpx_synq_rearm__empty(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct tcpx_synq_shard *shard = shard_of(f, 1);

	rearm_anew(shard);
	KUNIT_EXPECT_FALSE(test, timer_pending(&shard->timer));
	KUNIT_ASSERT_EQ(test, add(f, 1, (u32)jiffies), 0);
	drop(f, 1);
	rearm_anew(shard);
	KUNIT_EXPECT_FALSE(test, timer_pending(&shard->timer));
}

static void tcpx_synq_waits_changed__moves_timer(struct kunit *test)
{
	struct fixture *f = test->priv;
	u32 now = (u32)jiffies;

	f->tn.params.synack_waits_ms[0] = 300000;
	KUNIT_ASSERT_EQ(test, add(f, 1, now), 0);
	set_wait(f, 0, 100000, now);
	check_timer(test, shard_of(f, 1), now, 100 * HZ);
}

static int fired_within(unsigned int ms)
{
	while (ms-- && !atomic_read(&fired))
		usleep_range(1000, 2000);
	return atomic_read(&fired);
}

static void tcpx_synq_insert__timer_fires(struct kunit *test)
{
	struct fixture *f = test->priv;

	atomic_set(&fired, 0);
	f->tn.params.synack_waits_ms[0] = 20;
	KUNIT_ASSERT_EQ(test, add(f, 1, (u32)jiffies), 0);
	KUNIT_EXPECT_EQ(test, fired_within(5000), 1);
	KUNIT_EXPECT_PTR_EQ(test, expired(f, (u32)jiffies), find(f, 1));
}

/* Whoever is overdue already is not kept waiting for a wrap of the clock. */
static void tcpx_synq_rearm__overdue(struct kunit *test)
{
	struct fixture *f = test->priv;

	f->tn.params.synack_waits_ms[0] = 100000;
	KUNIT_ASSERT_EQ(test, add(f, 1, (u32)jiffies - 500 * HZ), 0);
	KUNIT_EXPECT_GE(test, fired_within(5000), 1);
	atomic_set(&fired, 0);
	rearm_anew(shard_of(f, 1));
	KUNIT_EXPECT_EQ(test, fired_within(5000), 1);
}

/*
 * The timer: who is due is sent a SYN-ACK, or goes. There is nobody to send to, so
 * synack_rate lets nothing out.
 */

#define DUE_MAX		64	/* of a run, see tcpx_timer.c */

/* Run it as when the timer has fired: will it again with the next jiffy? */
static bool due(struct tcpx_synq_shard *shard)
{
	bool again;

	local_bh_disable();
	timer_delete(&shard->timer);
	tcpx_synq_due(&shard->timer);
	again = timer_pending(&shard->timer) &&
		time_before_eq(shard->timer.expires, jiffies + 1);
	local_bh_enable();
	return again;
}

static void send_nothing(struct fixture *f)
{
	f->tn.params.synack_rate = 1;
	f->tn.synq->tokens = 0;
	f->tn.synq->refilled = jiffies;
}

/* Entry n has been due for n jiffies: the last one longest. */
static void add_overdue(struct kunit *test, u32 n)
{
	struct fixture *f = test->priv;
	u32 now = (u32)jiffies, nr;

	f->tn.params.synack_waits_ms[0] = 1000;
	f->tn.params.synack_retries = 0;
	for (nr = n; nr--;)
		KUNIT_ASSERT_EQ_MSG(test, add(f, nr, now - 10 * HZ - nr), 0,
				    "nr %u", nr);
}

/* A bounded number of expiries a run, the oldest first, the next jiffy the rest */
static void tcpx_synq_due__bounded(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct tcpx_synq_shard *shard = shard_of(f, 0);
	u32 n = 2 * DUE_MAX + 10, nr, left;

	add_overdue(test, n);
	for (left = n; left > DUE_MAX; ) {
		KUNIT_EXPECT_TRUE(test, due(shard));
		left -= DUE_MAX;
		KUNIT_ASSERT_EQ(test, count(f), (int)left);
		for (nr = 0; nr < n; nr++)
			KUNIT_ASSERT_EQ_MSG(test, !!find(f, nr), nr < left,
					    "nr %u of %u", nr, left);
	}
	KUNIT_EXPECT_EQ(test, ctr(f, TCPX_MIB_SYNQ_DEFERRED), 2ULL);
	KUNIT_EXPECT_FALSE(test, due(shard));
	KUNIT_EXPECT_EQ(test, count(f), 0);
	KUNIT_EXPECT_EQ(test, ctr(f, TCPX_MIB_SYNQ_DEFERRED), 2ULL);
	KUNIT_EXPECT_EQ(test, ctr(f, TCPX_MIB_SYNQ_EXPIRED), (u64)n);
	KUNIT_EXPECT_EQ(test, half_open(f), 0LL);
}

/* Each shard's timer sees to its own entries, and to no more than are due. */
static void tcpx_synq_due__own_shard(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct tcpx_synq *q = f->tn.synq;
	u32 i, before;

	f->spread = true;
	add_overdue(test, 600);
	f->tn.params.synack_waits_ms[0] = 100000;
	KUNIT_ASSERT_EQ(test, add(f, 600, (u32)jiffies), 0);
	for (i = 0; i < q->nshards; i++) {
		before = count(f) - q->shards[i].count;
		while (expired_in(&q->shards[i], (u32)jiffies))
			due(&q->shards[i]);
		KUNIT_EXPECT_EQ_MSG(test, count(f),
				    (int)(before + (&q->shards[i] == shard_of(f, 600))),
				    "shard %u", i);
	}
	KUNIT_EXPECT_NOT_NULL(test, find(f, 600));
	KUNIT_EXPECT_EQ(test, count(f), 1);
	KUNIT_EXPECT_EQ(test, ctr(f, TCPX_MIB_SYNQ_EXPIRED), 600ULL);
}

/* The next wait counts from the end of the last one, not from the timer's delay. */
static void tcpx_synq_due__next_stage(struct kunit *test)
{
	struct fixture *f = test->priv;
	u32 now = (u32)jiffies;

	send_nothing(f);
	f->tn.params.synack_waits_ms[1] = 100000;
	KUNIT_ASSERT_EQ(test, add(f, 1, now - HZ), 0);
	due(shard_of(f, 1));
	KUNIT_ASSERT_NOT_NULL(test, find(f, 1));
	KUNIT_EXPECT_EQ(test, find(f, 1)->stage, (u8)1);
	KUNIT_EXPECT_EQ(test, find(f, 1)->rtx, (u8)0);
	KUNIT_EXPECT_LE(test, find(f, 1)->expires - now - 100 * HZ, (u32)HZ);
	KUNIT_EXPECT_EQ(test, ctr(f, TCPX_MIB_SYNQ_LIMITED), 1ULL);
	KUNIT_EXPECT_EQ(test, ctr(f, TCPX_MIB_SYNQ_RETRANS), 0ULL);
	check_timer(test, shard_of(f, 1), (u32)jiffies, 100 * HZ);
}

/* N13: eight of ten, asked three times, due together: all go, and it is said why. */
static void tcpx_synq_due__pressed(struct kunit *test)
{
	struct fixture *f = test->priv;
	u32 nr;

	send_nothing(f);
	f->lsn[0].backlog = 10;
	for (nr = 0; nr < 8; nr++) {
		KUNIT_ASSERT_EQ(test, add(f, nr, (u32)jiffies), 0);
		restart(f, nr, 2, (u32)jiffies - 10 * HZ);
	}
	due(shard_of(f, 0));
	KUNIT_EXPECT_EQ(test, count(f), 0);
	KUNIT_EXPECT_EQ(test, ctr(f, TCPX_MIB_SYNQ_PRESSED), 8ULL);
	KUNIT_EXPECT_EQ(test, ctr(f, TCPX_MIB_SYNQ_EXPIRED), 0ULL);
	KUNIT_EXPECT_EQ(test, tcpx_reason_read(&f->tn, TCPX_R_SYNQ_PRESSED), 8ULL);
	KUNIT_EXPECT_EQ(test, ctr(f, TCPX_MIB_SYNQ_LIMITED), 0ULL);
}

/* All waits are over: that, and not pressure, ended it. */
static void tcpx_synq_due__expired(struct kunit *test)
{
	struct fixture *f = test->priv;
	u32 nr;

	send_nothing(f);
	f->lsn[0].backlog = 10;
	for (nr = 0; nr < 8; nr++) {
		KUNIT_ASSERT_EQ(test, add(f, nr, (u32)jiffies), 0);
		restart(f, nr, 5, (u32)jiffies - 100 * HZ);
	}
	due(shard_of(f, 0));
	KUNIT_EXPECT_EQ(test, count(f), 0);
	KUNIT_EXPECT_EQ(test, ctr(f, TCPX_MIB_SYNQ_EXPIRED), 8ULL);
	KUNIT_EXPECT_EQ(test, ctr(f, TCPX_MIB_SYNQ_PRESSED), 0ULL);
}

/*
 * The listener is closed
 */

static void add_many(struct kunit *test, u32 n)
{
	struct fixture *f = test->priv;
	u32 nr;

	f->spread = true;
	for (nr = 0; nr < n; nr++) {
		KUNIT_ASSERT_EQ_MSG(test, add_to(f, nr % 3, nr), 0, "nr %u",
				    nr);
		restart(f, nr, nr % TCPX_WAITS, START);
	}
}

/* 200 entries each, in all shards and all stages */
static void tcpx_synq_sweep__one_listener(struct kunit *test)
{
	struct fixture *f = test->priv;
	u32 nr;

	add_many(test, 600);
	f->lsn[1].dead = true;
	tcpx_synq_sweep(&f->tn, &f->lsn[1]);
	KUNIT_EXPECT_EQ(test, qlen(f, 0), 200);
	KUNIT_EXPECT_EQ(test, qlen(f, 1), 0);
	KUNIT_EXPECT_EQ(test, qlen(f, 2), 200);
	KUNIT_EXPECT_EQ(test, count(f), 400);
	for (nr = 0; nr < 600; nr++)
		KUNIT_EXPECT_EQ_MSG(test, !find(f, nr), nr % 3 == 1, "nr %u",
				    nr);
	KUNIT_EXPECT_TRUE(test, fifos_sorted(f));
}

static void tcpx_synq_sweep__counted(struct kunit *test)
{
	struct fixture *f = test->priv;

	add_many(test, 30);
	tcpx_synq_sweep(&f->tn, &f->lsn[0]);
	KUNIT_EXPECT_EQ(test, ctr(f, TCPX_MIB_SYNQ_CLOSED), 10ULL);
	KUNIT_EXPECT_EQ(test, half_open(f), 20LL);
	tcpx_synq_sweep(&f->tn, &f->lsn[0]);
	KUNIT_EXPECT_EQ(test, ctr(f, TCPX_MIB_SYNQ_CLOSED), 10ULL);
}

/* No SYN slips in behind the sweep. */
static void tcpx_synq_sweep__final(struct kunit *test)
{
	struct fixture *f = test->priv;

	add_many(test, 3);
	f->lsn[0].dead = true;
	tcpx_synq_sweep(&f->tn, &f->lsn[0]);
	KUNIT_EXPECT_EQ(test, add_to(f, 0, 0), -ESHUTDOWN);
	KUNIT_EXPECT_EQ(test, add_to(f, 1, 0), 0);
}

/*
 * The dump
 */

/* How often each entry is shown, and how many are shown in all */
static u32 dump(struct fixture *f, u8 *seen, u32 n)
{
	struct tcpx_cursor c = {};
	struct tcpx_entry copy;
	u64 listener;
	u32 total = 0;

	memset(seen, 0, n);
	while (total < 2 * n && tcpx_synq_next(&f->tn, &c, &copy, &listener)) {
		total++;
		if (copy.irs < n)
			seen[copy.irs]++;
	}
	return total;
}

struct dump_case {
	const char *name;
	int max;
	bool spread;
	u32 n;
};

static const struct dump_case dump_cases[] = {
	{ "nothing", 65536, true, 0 },
	{ "one", 65536, true, 1 },
	{ "all shards, many buckets", 65536, true, 700 },
	{ "all shards, one bucket each", 1, true, 700 },
	{ "one shard, many buckets", 65536, false, 700 },
	{ "one chain", 1, false, 100 },
};

static void dump_desc(const struct dump_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(dump, dump_cases, dump_desc);

static void tcpx_synq_next__each_once(struct kunit *test)
{
	const struct dump_case *c = test->param_value;
	u8 *seen = kunit_kzalloc(test, 700, GFP_KERNEL);
	struct fixture *f = test->priv;
	u32 nr;

	KUNIT_ASSERT_NOT_NULL(test, seen);
	queue_for(test, c->max);
	f->tn.params.synq_max = 700;
	f->spread = c->spread;
	for (nr = 0; nr < c->n; nr++)
		KUNIT_ASSERT_EQ_MSG(test, add(f, nr, START), 0, "nr %u", nr);
	KUNIT_EXPECT_EQ(test, dump(f, seen, c->n), c->n);
	for (nr = 0; nr < c->n; nr++)
		KUNIT_EXPECT_EQ_MSG(test, seen[nr], (u8)1, "nr %u", nr);
}

static void tcpx_synq_next__copies(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct tcpx_cursor c = {};
	struct tcpx_entry copy;
	u64 listener;

	f->spread = true;
	KUNIT_ASSERT_EQ(test, add(f, 3, START), 0);
	find(f, 3)->iss = 4711;
	restart(f, 3, 2, START + 1);
	KUNIT_ASSERT_TRUE(test, tcpx_synq_next(&f->tn, &c, &copy, &listener));
	KUNIT_EXPECT_EQ(test, copy.rport, htons(1027));
	KUNIT_EXPECT_EQ(test, copy.iss, 4711U);
	KUNIT_EXPECT_EQ(test, copy.stage, (u8)2);
	KUNIT_EXPECT_EQ(test, copy.expires, START + 1 + 4 * HZ);
	KUNIT_EXPECT_FALSE(test, tcpx_synq_next(&f->tn, &c, &copy, &listener));
	KUNIT_EXPECT_FALSE(test, tcpx_synq_next(&f->tn, &c, &copy, &listener));
}

/*
 * Counters
 */

static void tcpx_synq_insert__counted(struct kunit *test)
{
	struct fixture *f = test->priv;

	f->lsn[0].backlog = 2;
	KUNIT_ASSERT_EQ(test, add(f, 1, START), 0);
	KUNIT_ASSERT_EQ(test, add(f, 2, START), 0);
	KUNIT_ASSERT_EQ(test, add(f, 3, START), -ENOBUFS);
	KUNIT_EXPECT_EQ(test, ctr(f, TCPX_MIB_SYNQ_ADDED), 2ULL);
	KUNIT_EXPECT_EQ(test, half_open(f), 2LL);
	KUNIT_EXPECT_EQ(test, tcpx_state_read(&f->tn, TCPX_NEW_SYN_RECV), 2LL);
}

/* The cause is for the caller to count: here only what is left goes down. */
static void tcpx_synq_unlink__counted(struct kunit *test)
{
	struct fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, add(f, 1, START), 0);
	KUNIT_ASSERT_EQ(test, add(f, 2, START), 0);
	drop(f, 1);
	KUNIT_EXPECT_EQ(test, ctr(f, TCPX_MIB_SYNQ_ADDED), 2ULL);
	KUNIT_EXPECT_EQ(test, ctr(f, TCPX_MIB_SYNQ_CLOSED), 0ULL);
	KUNIT_EXPECT_EQ(test, half_open(f), 1LL);
	KUNIT_EXPECT_EQ(test, tcpx_state_read(&f->tn, TCPX_NEW_SYN_RECV), 1LL);
}

/*
 * Against a model: an array that knows who waits, how long and for whom
 */

#define SLOTS	96
#define SIM_MAX	48

struct slot {
	bool live;
	u8 lsn;
	u8 stage;
	u32 expires;
};

struct sim {
	struct kunit *test;
	struct fixture *f;
	u32 seed;
	u32 now;
	int op;
	u32 added;
	u32 removed;
	u32 closed;
	struct slot slot[SLOTS];
};

static const u32 sim_backlogs[LISTENERS] = { 1, 16, 64 };

static u32 roll(struct sim *s, u32 n)
{
	s->seed = s->seed * 1664525 + 1013904223;
	return (s->seed >> 16) % n;
}

static u32 sim_end(const struct sim *s, u8 stage)
{
	return s->now +
	       (u32)msecs_to_jiffies(s->f->tn.params.synack_waits_ms[stage]);
}

static int sim_count(const struct sim *s, int lsn)
{
	int i, n = 0;

	for (i = 0; i < SLOTS; i++)
		n += s->slot[i].live && (lsn < 0 || s->slot[i].lsn == lsn);
	return n;
}

static int sim_admits(const struct sim *s, int lsn)
{
	if (sim_count(s, lsn) >= sim_backlogs[lsn])
		return -ENOBUFS;
	return sim_count(s, -1) < SIM_MAX ? 0 : -ENOSPC;
}

static void sim_insert(struct sim *s)
{
	u32 nr = roll(s, SLOTS), lsn = roll(s, LISTENERS);
	int want = sim_admits(s, lsn);

	if (s->slot[nr].live)
		return;
	KUNIT_EXPECT_EQ_MSG(s->test, add_at(s->f, lsn, nr, s->now), want,
			    "op %d", s->op);
	if (!find(s->f, nr))
		return;
	s->slot[nr] = (struct slot){ true, lsn, 0, sim_end(s, 0) };
	s->added++;
}

static void sim_unlink(struct sim *s)
{
	u32 nr = roll(s, SLOTS);

	if (!s->slot[nr].live)
		return;
	drop(s->f, nr);
	s->slot[nr].live = false;
	s->removed++;
}

static void sim_stage(struct sim *s, u32 nr, u8 stage)
{
	restart(s->f, nr, stage, s->now);
	s->slot[nr].stage = min_t(u8, stage, TCPX_WAITS - 1);
	s->slot[nr].expires = sim_end(s, s->slot[nr].stage);
}

static void sim_restart(struct sim *s)
{
	u32 nr = roll(s, SLOTS);

	if (s->slot[nr].live)
		sim_stage(s, nr, roll(s, TCPX_WAITS + 2));
}

static void sim_tick(struct sim *s)
{
	s->now += roll(s, 3 * HZ);
}

static void sim_waits(struct sim *s)
{
	u8 stage = roll(s, TCPX_WAITS);
	u32 i, end;

	set_wait(s->f, stage, 10 + roll(s, 20000), s->now);
	end = sim_end(s, stage);
	for (i = 0; i < SLOTS; i++)
		if (s->slot[i].stage == stage &&
		    (s32)(s->slot[i].expires - end) > 0)
			s->slot[i].expires = end;
}

static void sim_sweep(struct sim *s)
{
	u32 lsn = roll(s, LISTENERS), i;

	s->closed += sim_count(s, lsn);
	tcpx_synq_sweep(&s->f->tn, &s->f->lsn[lsn]);
	for (i = 0; i < SLOTS; i++)
		if (s->slot[i].lsn == lsn)
			s->slot[i].live = false;
}

/* How long the slot is overdue, as seen from its shard; negative: it waits. */
static s32 sim_overdue(const struct sim *s, u32 nr,
		       const struct tcpx_synq_shard *shard)
{
	if (!s->slot[nr].live || shard_of(s->f, nr) != shard)
		return -1;
	return s->now - s->slot[nr].expires;
}

/* Nobody of its stage may be longer overdue. */
static bool sim_oldest(const struct sim *s, u32 nr,
		       const struct tcpx_synq_shard *shard)
{
	u32 i;

	for (i = 0; i < SLOTS; i++)
		if (s->slot[i].stage == s->slot[nr].stage &&
		    sim_overdue(s, i, shard) > sim_overdue(s, nr, shard))
			return false;
	return true;
}

static bool sim_any_due(const struct sim *s, const struct tcpx_synq_shard *shard)
{
	u32 i;

	for (i = 0; i < SLOTS; i++)
		if (sim_overdue(s, i, shard) >= 0)
			return true;
	return false;
}

/* As the timer does: on to the next stage, or out. */
static void sim_expire(struct sim *s)
{
	struct tcpx_synq_shard *shard = shard_of(s->f, roll(s, SLOTS));
	struct tcpx_entry *e = expired_in(shard, s->now);
	u32 nr;

	KUNIT_EXPECT_EQ_MSG(s->test, !!e, sim_any_due(s, shard), "op %d", s->op);
	if (!e)
		return;
	nr = e->irs;
	KUNIT_ASSERT_LT_MSG(s->test, nr, (u32)SLOTS, "op %d", s->op);
	KUNIT_EXPECT_GE_MSG(s->test, sim_overdue(s, nr, shard), 0, "op %d",
			    s->op);
	KUNIT_EXPECT_TRUE_MSG(s->test, sim_oldest(s, nr, shard), "op %d", s->op);
	if (s->slot[nr].stage < 5) {
		sim_stage(s, nr, s->slot[nr].stage + 1);
		return;
	}
	drop(s->f, nr);
	s->slot[nr].live = false;
	s->removed++;
}

static void sim_check(struct sim *s)
{
	u32 nr = roll(s, SLOTS);
	struct tcpx_entry *e = find(s->f, nr);
	int i;

	KUNIT_ASSERT_EQ_MSG(s->test, !!e, s->slot[nr].live, "op %d", s->op);
	if (e) {
		KUNIT_EXPECT_EQ_MSG(s->test, e->expires, s->slot[nr].expires,
				    "op %d", s->op);
		KUNIT_EXPECT_EQ_MSG(s->test, e->stage, s->slot[nr].stage,
				    "op %d", s->op);
	}
	KUNIT_EXPECT_EQ_MSG(s->test, count(s->f), sim_count(s, -1), "op %d",
			    s->op);
	for (i = 0; i < LISTENERS; i++)
		KUNIT_EXPECT_EQ_MSG(s->test, qlen(s->f, i), sim_count(s, i),
				    "op %d", s->op);
	KUNIT_EXPECT_TRUE_MSG(s->test, fifos_sorted(s->f), "op %d", s->op);
}

static void (*const sim_ops[16])(struct sim *s) = {
	sim_insert, sim_insert, sim_insert, sim_insert, sim_insert, sim_insert,
	sim_insert, sim_unlink, sim_unlink, sim_restart, sim_restart, sim_tick,
	sim_expire, sim_expire, sim_expire, sim_waits,
};

static void sim_start(struct kunit *test, struct sim *s, bool spread)
{
	struct fixture *f = test->priv;
	int i;

	queue_for(test, SIM_MAX);
	f->spread = spread;
	for (i = 0; i < LISTENERS; i++)
		f->lsn[i].backlog = sim_backlogs[i];
	s->test = test;
	s->f = f;
	s->seed = 253;
	s->now = U32_MAX - 150 * HZ;
}

/* Each entry that came in has left by one door, or is there. */
static void sim_finish(struct sim *s)
{
	struct fixture *f = s->test->priv;

	KUNIT_EXPECT_GT(s->test, s->added, 200U);
	KUNIT_EXPECT_LT(s->test, s->now, START);
	KUNIT_EXPECT_EQ(s->test, ctr(f, TCPX_MIB_SYNQ_ADDED), (u64)s->added);
	KUNIT_EXPECT_EQ(s->test, ctr(f, TCPX_MIB_SYNQ_CLOSED), (u64)s->closed);
	KUNIT_EXPECT_EQ(s->test, half_open(f),
			(s64)s->added - s->removed - s->closed);
	queue_destroy(f);
	KUNIT_EXPECT_EQ(s->test, half_open(f), 0LL);
	KUNIT_EXPECT_EQ(s->test, qlen(f, 0) + qlen(f, 1) + qlen(f, 2), 0);
	KUNIT_EXPECT_EQ(s->test, ctr(f, TCPX_MIB_SYNQ_CLOSED),
			(u64)s->added - s->removed);
}

struct sim_case {
	const char *name;
	bool spread;
};

static const struct sim_case sim_cases[] = {
	{ "one shard", false },
	{ "all shards", true },
};

static void sim_desc(const struct sim_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(sim, sim_cases, sim_desc);

/* The clock wraps on the way. */
static void tcpx_synq__random_operations(struct kunit *test)
{
	const struct sim_case *c = test->param_value;
	struct sim *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, s);
	sim_start(test, s, c->spread);
	for (; s->op < 2000; s->op++) {
		if (s->op % 250 == 249)
			sim_sweep(s);
		else
			sim_ops[roll(s, ARRAY_SIZE(sim_ops))](s);
		sim_check(s);
	}
	sim_finish(s);
}

static struct kunit_case tcpx_synq_cases[] = {
	KUNIT_CASE(tcpx_entry__two_cache_lines),
	KUNIT_CASE(tcpx_entry__first_line),
	KUNIT_CASE(tcpx_synq_alloc__copies),
	KUNIT_CASE_PARAM(tcpx_synq_create__load, size_gen_params),
	KUNIT_CASE(tcpx_synq_create__shards),
	KUNIT_CASE(tcpx_synq_create__second_listen),
	KUNIT_CASE(tcpx_synq_destroy__no_queue),
	KUNIT_CASE(tcpx_synq_shard__top_bits),
	KUNIT_CASE(tcpx_synq_find__same_tuple),
	KUNIT_CASE_PARAM(tcpx_synq_find__other, other_gen_params),
	KUNIT_CASE(tcpx_synq_find__ends_swapped),
	KUNIT_CASE(tcpx_synq_find__chain),
	KUNIT_CASE_PARAM(tcpx_synq_insert__backlog, limit_gen_params),
	KUNIT_CASE_PARAM(tcpx_synq_insert__backlog_room_again,
			 limit_gen_params),
	KUNIT_CASE(tcpx_synq_insert__backlog_lowered),
	KUNIT_CASE(tcpx_synq_insert__backlog_of_one_listener),
	KUNIT_CASE_PARAM(tcpx_synq_insert__synq_max, limit_gen_params),
	KUNIT_CASE(tcpx_synq_insert__synq_max_room_again),
	KUNIT_CASE(tcpx_synq_insert__dead),
	KUNIT_CASE(tcpx_synq_insert__refused_leaves_nothing),
	KUNIT_CASE(tcpx_synq_unlink__middle),
	KUNIT_CASE(tcpx_synq_insert__first_wait),
	KUNIT_CASE(tcpx_synq_restart__wait_of_stage),
	KUNIT_CASE(tcpx_synq_restart__last_stage),
	KUNIT_CASE(tcpx_synq_restart__counts_stay),
	KUNIT_CASE(tcpx_synq_restart__same_stage),
	KUNIT_CASE(tcpx_synq_expired__nothing),
	KUNIT_CASE(tcpx_synq_expired__exact),
	KUNIT_CASE(tcpx_synq_expired__stays_queued),
	KUNIT_CASE(tcpx_synq_expired__order),
	KUNIT_CASE(tcpx_synq_expired__stages),
	KUNIT_CASE(tcpx_synq_expired__wrap),
	KUNIT_CASE(tcpx_synq_acked__nothing),
	KUNIT_CASE(tcpx_synq_acked__oldest),
	KUNIT_CASE(tcpx_synq_acked__clock_wraps),
	KUNIT_CASE(tcpx_synq_unlink__acked_counted),
	KUNIT_CASE_PARAM(tcpx_synq_lifetime_ms__sum, life_gen_params),
	KUNIT_CASE(tcpx_synq_lifetime_ms__defaults),
	KUNIT_CASE_PARAM(tcpx_synq_restart__lifetime, life_gen_params),
	KUNIT_CASE(tcpx_synq_waits_changed__shorter),
	KUNIT_CASE(tcpx_synq_waits_changed__nearly_over),
	KUNIT_CASE(tcpx_synq_waits_changed__longer),
	KUNIT_CASE(tcpx_synq_waits_changed__own_stage_only),
	KUNIT_CASE(tcpx_synq_waits_changed__all_shards),
	KUNIT_CASE(tcpx_synq_waits_changed__wrap),
	KUNIT_CASE(tcpx_synq_insert__arms_timer),
	KUNIT_CASE(tcpx_synq_insert__arms_timer_exactly),
	KUNIT_CASE(tcpx_synq_insert__later_keeps_timer),
	KUNIT_CASE(tcpx_synq_insert__earlier_moves_timer),
	KUNIT_CASE(tcpx_synq_restart__moves_timer),
	KUNIT_CASE(tcpx_synq_rearm__earliest_head),
	KUNIT_CASE(tcpx_synq_rearm__empty),
	KUNIT_CASE(tcpx_synq_waits_changed__moves_timer),
	KUNIT_CASE(tcpx_synq_insert__timer_fires),
	KUNIT_CASE(tcpx_synq_rearm__overdue),
	KUNIT_CASE(tcpx_synq_due__bounded),
	KUNIT_CASE(tcpx_synq_due__own_shard),
	KUNIT_CASE(tcpx_synq_due__next_stage),
	KUNIT_CASE(tcpx_synq_due__pressed),
	KUNIT_CASE(tcpx_synq_due__expired),
	KUNIT_CASE(tcpx_synq_sweep__one_listener),
	KUNIT_CASE(tcpx_synq_sweep__counted),
	KUNIT_CASE(tcpx_synq_sweep__final),
	KUNIT_CASE_PARAM(tcpx_synq_next__each_once, dump_gen_params),
	KUNIT_CASE(tcpx_synq_next__copies),
	KUNIT_CASE(tcpx_synq_insert__counted),
	KUNIT_CASE(tcpx_synq_unlink__counted),
	KUNIT_CASE_PARAM(tcpx_synq__random_operations, sim_gen_params),
	{}
};

static struct kunit_suite tcpx_synq_suite = {
	.name = "tcpx_synq",
	.init = synq_init,
	.exit = synq_exit,
	.test_cases = tcpx_synq_cases,
};

kunit_test_suites(&tcpx_synq_suite);
