// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of tcpx_admit.c: shares of prefixes, what a full queue does under each
 * policy, retransmissions under pressure. The hash that a test gives an entry
 * chooses its shard.
 */
#include <kunit/test.h>

#include "../tcpx.h"

#define START	1000000U	/* of the clock */
#define BACKLOG	64

/**
 * struct fixture - a namespace with a half-open queue
 * @tn: the namespace
 * @lsn: its listeners
 */
struct fixture {
	struct tcpx_net tn;
	struct tcpx_lsn lsn[2];
};

static void no_timer(struct timer_list *t)
{
}

static int admit_init(struct kunit *test)
{
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	int i;

	if (!f)
		return -ENOMEM;
	test->priv = f;
	mutex_init(&f->tn.synq_mutex);
	tcpx_params_init(&f->tn.params);
	f->tn.prefix_key[0] = 0x9e3779b97f4a7c15ULL;
	f->tn.prefix_key[1] = 0xd1b54a32d192ed03ULL;
	/* no timer of this test shall ever be due */
	for (i = 0; i < TCPX_WAITS; i++)
		f->tn.params.synack_waits_ms[i] = TCPX_WAIT_MAX_MS;
	for (i = 0; i < 2; i++) {
		f->lsn[i].backlog = BACKLOG;
		f->lsn[i].overflow = -1;
	}
	if (tcpx_mib_init(&f->tn))
		return -ENOMEM;
	return tcpx_synq_create(&f->tn, no_timer);
}

static void admit_exit(struct kunit *test)
{
	struct fixture *f = test->priv;
	int i;

	if (!f)
		return;
	for (i = 0; f->tn.synq && i < 2; i++)
		tcpx_synq_sweep(&f->tn, &f->lsn[i]);
	tcpx_synq_destroy(&f->tn);
	tcpx_mib_exit(&f->tn);
}

/* 10.net.0.nr, or 2001:db8:net::nr: /24 and /64 differ with @net */
static struct in6_addr addr(bool v6, u32 net, u32 nr)
{
	struct in6_addr a = {};

	if (v6) {
		a.s6_addr32[0] = htonl(0x20010db8);
		a.s6_addr32[1] = htonl(net);
		a.s6_addr32[3] = htonl(nr);
	} else {
		ipv6_addr_set_v4mapped(htonl(0x0a000000 | net << 8 | (nr & 255)), &a);
	}
	return a;
}

static struct tcpx_synq_shard *shard_at(struct fixture *f, u32 shard)
{
	return &f->tn.synq->shards[shard];
}

static u64 hash_for(struct fixture *f, u32 shard, u32 nr)
{
	return (u64)shard << (64 - ilog2(f->tn.synq->nshards)) | nr;
}

static int add(struct fixture *f, int lsn, u32 shard, u32 net, u32 nr)
{
	struct tcpx_synq_shard *s = shard_at(f, shard);
	struct tcpx_entry *e = tcpx_synq_alloc(&(struct tcpx_entry){});
	int err;

	if (!e)
		return -ENOMEM;
	e->hash = (u32)hash_for(f, shard, nr);
	e->lsn = &f->lsn[lsn];
	e->raddr = addr(false, net, nr);
	e->irs = nr;
	e->born = START + nr;
	e->flags = TCPX_ENTRY_COOKIE;
	spin_lock_bh(&s->lock);
	err = tcpx_synq_insert(s, e, START + nr);
	spin_unlock_bh(&s->lock);
	if (err)
		tcpx_synq_free(e);
	return err;
}

/* The entry with number @nr in @shard */
static struct tcpx_entry *get(struct fixture *f, u32 shard, u32 nr)
{
	struct tcpx_entry *e;
	int stage;

	for (stage = 0; stage < TCPX_WAITS; stage++)
		list_for_each_entry(e, &shard_at(f, shard)->fifo[stage], fifo)
			if (e->irs == nr)
				return e;
	return NULL;
}

static void to_stage(struct fixture *f, u32 shard, u32 nr, u8 stage)
{
	struct tcpx_synq_shard *s = shard_at(f, shard);

	spin_lock_bh(&s->lock);
	tcpx_synq_restart(s, get(f, shard, nr), stage, START);
	spin_unlock_bh(&s->lock);
}

static bool evict(struct fixture *f, u32 shard, int err, enum tcpx_overflow policy,
		  u32 net)
{
	struct tcpx_synq_shard *s = shard_at(f, shard);
	struct in6_addr raddr = addr(false, net, 250);
	bool done;

	spin_lock_bh(&s->lock);
	done = tcpx_admit_evict(s, &f->lsn[0], &raddr, err, policy);
	spin_unlock_bh(&s->lock);
	return done;
}

/*
 * Shares of prefixes
 */

struct share_case {
	const char *name;
	bool v6;
};

static void share_desc(const struct share_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

static const struct share_case shares[] = { { "/24", false }, { "/64", true } };

KUNIT_ARRAY_PARAM(share, shares, share_desc);

static int enter(struct fixture *f, bool v6, u32 net, u32 nr)
{
	struct in6_addr a = addr(v6, net, nr);

	return tcpx_admit_enter(&f->tn, &f->lsn[0], &a);
}

/* One prefix gets three quarters; the rest is for others, up to an eighth each. */
static void tcpx_admit_enter__share(struct kunit *test)
{
	const struct share_case *c = test->param_value;
	struct fixture *f = test->priv;
	struct in6_addr a;
	u32 i;

	for (i = 0; i < BACKLOG * 3 / 4; i++)
		KUNIT_ASSERT_EQ(test, enter(f, c->v6, 1, i), 0);
	a = addr(c->v6, 1, 200);
	KUNIT_EXPECT_EQ(test, tcpx_admit(&f->tn, &f->lsn[0], &a), -EDQUOT);
	KUNIT_EXPECT_EQ(test, enter(f, c->v6, 1, 200), -EDQUOT);
	for (i = 0; i < BACKLOG / 8; i++)
		KUNIT_EXPECT_EQ(test, enter(f, c->v6, 2, i), 0);
	KUNIT_EXPECT_EQ(test, enter(f, c->v6, 2, 200), -EDQUOT);
	KUNIT_EXPECT_EQ(test, enter(f, c->v6, 3, 0), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->lsn[0].qlen),
			BACKLOG * 3 / 4 + BACKLOG / 8 + 1);
	a = addr(c->v6, 1, 0);
	for (i = 0; i < BACKLOG * 3 / 4; i++)
		tcpx_admit_leave(&f->tn, &f->lsn[0], &a);
	KUNIT_EXPECT_EQ(test, enter(f, c->v6, 1, 0), 0);
}

static void tcpx_admit_enter__share_of_the_namespace(struct kunit *test)
{
	struct fixture *f = test->priv;
	u32 i;

	f->lsn[0].backlog = 1000;
	f->tn.params.synq_max = 100;
	for (i = 0; i < 75; i++)
		KUNIT_ASSERT_EQ(test, enter(f, false, 1, i), 0);
	KUNIT_EXPECT_EQ(test, enter(f, false, 1, 75), -EDQUOT);
	for (i = 0; i < 12; i++)
		KUNIT_EXPECT_EQ(test, enter(f, false, 2, i), 0);
	KUNIT_EXPECT_EQ(test, enter(f, false, 2, 12), -EDQUOT);
}

static void tcpx_admit_enter__share_off(struct kunit *test)
{
	struct fixture *f = test->priv;
	u32 i;

	f->tn.params.synq_prefix = 0;
	for (i = 0; i < BACKLOG; i++)
		KUNIT_ASSERT_EQ(test, enter(f, false, 1, i), 0);
	KUNIT_EXPECT_EQ(test, enter(f, false, 2, 0), -ENOBUFS);
}

/* What others put into its cells changes the share of a prefix by little. */
static void tcpx_admit_enter__sketch_bounds(struct kunit *test)
{
	struct fixture *f = test->priv;
	u32 net, i, let = 0;

	f->lsn[0].backlog = 40000;
	for (net = 0; net < 30000; net++)
		KUNIT_ASSERT_EQ(test, enter(f, false, net, 1), 0);
	/* above 3/4 another one gets an eighth, 5000; about 15 fall into each cell */
	for (i = 0; i < 5001; i++)
		let += !enter(f, false, 40000, i);
	KUNIT_EXPECT_LE(test, let, 5050U);
	KUNIT_EXPECT_GE(test, let, 4950U);
}

static void tcpx_admit_leave__highest_stays(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct in6_addr a = addr(false, 1, 0);
	u32 i;

	for (i = 0; i < 7; i++)
		enter(f, false, 1, 0);
	for (i = 0; i < 5; i++)
		tcpx_admit_leave(&f->tn, &f->lsn[0], &a);
	enter(f, false, 1, 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->lsn[0].qlen), 3);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->lsn[0].highest), 7);
	KUNIT_EXPECT_EQ(test, atomic_read(&f->tn.synq->highest), 7);
}

/*
 * Policies
 */

static void tcpx_admit_policy__listener_first(struct kunit *test)
{
	struct fixture *f = test->priv;

	KUNIT_EXPECT_EQ(test, tcpx_admit_policy(&f->tn, &f->lsn[0]), TCPX_OVERFLOW_COOKIE);
	f->tn.params.synq_overflow = TCPX_OVERFLOW_EVICT;
	KUNIT_EXPECT_EQ(test, tcpx_admit_policy(&f->tn, &f->lsn[0]), TCPX_OVERFLOW_EVICT);
	f->lsn[0].overflow = TCPX_OVERFLOW_RANDOM;
	KUNIT_EXPECT_EQ(test, tcpx_admit_policy(&f->tn, &f->lsn[0]), TCPX_OVERFLOW_RANDOM);
	KUNIT_EXPECT_EQ(test, tcpx_admit_policy(&f->tn, &f->lsn[1]), TCPX_OVERFLOW_EVICT);
	f->lsn[0].overflow = TCPX_OVERFLOW_COOKIE;
	f->tn.params.syncookies = 0;
	KUNIT_EXPECT_EQ(test, tcpx_admit_policy(&f->tn, &f->lsn[0]), TCPX_OVERFLOW_DROP_NEW);
}

/* evict: the head of the highest stage */
static void tcpx_admit_evict__stage(struct kunit *test)
{
	struct fixture *f = test->priv;
	u32 i;

	for (i = 0; i < 6; i++)
		KUNIT_ASSERT_EQ(test, add(f, 0, 0, i, i), 0);
	to_stage(f, 0, 4, 2);
	to_stage(f, 0, 1, 2);
	to_stage(f, 0, 0, 1);
	KUNIT_EXPECT_TRUE(test, evict(f, 0, -ENOBUFS, TCPX_OVERFLOW_EVICT, 9));
	KUNIT_EXPECT_NULL(test, get(f, 0, 4));
	KUNIT_EXPECT_TRUE(test, evict(f, 0, -ENOBUFS, TCPX_OVERFLOW_EVICT, 9));
	KUNIT_EXPECT_NULL(test, get(f, 0, 1));
	KUNIT_EXPECT_TRUE(test, evict(f, 0, -ENOBUFS, TCPX_OVERFLOW_EVICT, 9));
	KUNIT_EXPECT_NULL(test, get(f, 0, 0));
	/* who was asked once only stays */
	KUNIT_EXPECT_FALSE(test, evict(f, 0, -ENOBUFS, TCPX_OVERFLOW_EVICT, 9));
	KUNIT_EXPECT_EQ(test, atomic_read(&f->lsn[0].qlen), 3);
	KUNIT_EXPECT_EQ(test, tcpx_mib_read(&f->tn, TCPX_MIB_SYNQ_EVICTED), 3ULL);
}

/* recycle: the oldest, whatever its stage */
static void tcpx_admit_evict__oldest(struct kunit *test)
{
	struct fixture *f = test->priv;
	u32 i;

	for (i = 0; i < 6; i++)
		KUNIT_ASSERT_EQ(test, add(f, 0, 0, i, i), 0);
	to_stage(f, 0, 0, 3);
	to_stage(f, 0, 2, 1);
	for (i = 0; i < 6; i++) {
		KUNIT_EXPECT_TRUE(test, evict(f, 0, -ENOBUFS, TCPX_OVERFLOW_RECYCLE, 9));
		KUNIT_EXPECT_NULL_MSG(test, get(f, 0, i), "%u", i);
		KUNIT_EXPECT_EQ(test, atomic_read(&f->lsn[0].qlen), 5 - i);
	}
	KUNIT_EXPECT_FALSE(test, evict(f, 0, -ENOBUFS, TCPX_OVERFLOW_RECYCLE, 9));
}

/* random: each of eight is hit */
static void tcpx_admit_evict__random(struct kunit *test)
{
	struct fixture *f = test->priv;
	u32 hits[8] = {}, round, i;

	for (i = 0; i < 8; i++)
		KUNIT_ASSERT_EQ(test, add(f, 0, 0, i, i), 0);
	for (round = 0; round < 4000; round++) {
		KUNIT_ASSERT_TRUE(test, evict(f, 0, -ENOBUFS, TCPX_OVERFLOW_RANDOM, 9));
		for (i = 0; i < 8 && get(f, 0, i); i++)
			;
		KUNIT_ASSERT_LT(test, i, 8U);
		hits[i]++;
		KUNIT_ASSERT_EQ(test, add(f, 0, 0, i, i), 0);
	}
	for (i = 0; i < 8; i++)
		KUNIT_EXPECT_GT_MSG(test, hits[i], 0U, "%u", i);
}

/* Whoever else is in the shard, and wherever: of its own one is found. */
static void tcpx_admit_evict__random_among_others(struct kunit *test)
{
	struct fixture *f = test->priv;
	int i, n;

	for (i = 0; i < 200; i++) {
		for (n = 0; n < 5; n++)
			KUNIT_ASSERT_EQ(test, add(f, n == i % 5 ? 0 : 1, 0, n, 5 * i + n), 0);
		KUNIT_ASSERT_TRUE(test, evict(f, 0, -ENOBUFS, TCPX_OVERFLOW_RANDOM, 9));
		tcpx_synq_sweep(&f->tn, &f->lsn[1]);
		KUNIT_ASSERT_EQ(test, atomic_read(&f->lsn[0].qlen), 0);
	}
}

static void tcpx_admit_evict__not_by_these(struct kunit *test)
{
	struct fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, add(f, 0, 0, 1, 1), 0);
	to_stage(f, 0, 1, 5);
	KUNIT_EXPECT_FALSE(test, evict(f, 0, -ENOBUFS, TCPX_OVERFLOW_COOKIE, 9));
	KUNIT_EXPECT_FALSE(test, evict(f, 0, -ENOBUFS, TCPX_OVERFLOW_DROP_NEW, 9));
	KUNIT_EXPECT_NOT_NULL(test, get(f, 0, 1));
}

/* A full listener takes from its own, a full namespace from anybody. */
static void tcpx_admit_evict__whose(struct kunit *test)
{
	struct fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, add(f, 1, 0, 1, 1), 0);
	KUNIT_EXPECT_FALSE(test, evict(f, 0, -ENOBUFS, TCPX_OVERFLOW_RECYCLE, 9));
	KUNIT_EXPECT_TRUE(test, evict(f, 0, -ENOSPC, TCPX_OVERFLOW_RECYCLE, 9));
	KUNIT_EXPECT_EQ(test, atomic_read(&f->lsn[1].qlen), 0);
}

/* A prefix beyond its share takes from its own. */
static void tcpx_admit_evict__prefix(struct kunit *test)
{
	struct fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, add(f, 0, 0, 1, 1), 0);
	KUNIT_ASSERT_EQ(test, add(f, 0, 0, 2, 2), 0);
	KUNIT_EXPECT_TRUE(test, evict(f, 0, -EDQUOT, TCPX_OVERFLOW_RECYCLE, 2));
	KUNIT_EXPECT_NULL(test, get(f, 0, 2));
	KUNIT_EXPECT_FALSE(test, evict(f, 0, -EDQUOT, TCPX_OVERFLOW_RECYCLE, 2));
	KUNIT_EXPECT_NOT_NULL(test, get(f, 0, 1));
}

/* In the eyes of its peer it is connected: it stays. */
static void tcpx_admit_evict__acked_stays(struct kunit *test)
{
	struct tcpx_synq_shard *s;
	struct fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, add(f, 0, 0, 1, 1), 0);
	s = shard_at(f, 0);
	spin_lock_bh(&s->lock);
	tcpx_synq_set_acked(s, get(f, 0, 1));
	spin_unlock_bh(&s->lock);
	KUNIT_EXPECT_FALSE(test, evict(f, 0, -ENOBUFS, TCPX_OVERFLOW_RECYCLE, 9));
	KUNIT_EXPECT_FALSE(test, evict(f, 0, -ENOBUFS, TCPX_OVERFLOW_RANDOM, 9));
}

static void tcpx_admit_evict__other_shard(struct kunit *test)
{
	struct fixture *f = test->priv;
	u32 last = f->tn.synq->nshards - 1;

	KUNIT_ASSERT_EQ(test, add(f, 0, 0, 1, 1), 0);
	KUNIT_EXPECT_TRUE(test, evict(f, last, -ENOBUFS, TCPX_OVERFLOW_RECYCLE, 9));
	KUNIT_EXPECT_EQ(test, atomic_read(&f->lsn[0].qlen), 0);
}

/* Only an entry whose number is a cookie opens the door for cookies. */
static void tcpx_admit_evict__cookie(struct kunit *test)
{
	struct fixture *f = test->priv;

	KUNIT_ASSERT_EQ(test, add(f, 0, 0, 1, 1), 0);
	get(f, 0, 1)->flags = 0;
	KUNIT_EXPECT_TRUE(test, evict(f, 0, -ENOBUFS, TCPX_OVERFLOW_RECYCLE, 9));
	KUNIT_EXPECT_FALSE(test, tcpx_admit_cookies(&f->tn, &f->lsn[0]));
	KUNIT_ASSERT_EQ(test, add(f, 0, 0, 1, 2), 0);
	KUNIT_EXPECT_TRUE(test, evict(f, 0, -ENOBUFS, TCPX_OVERFLOW_RECYCLE, 9));
	KUNIT_EXPECT_TRUE(test, tcpx_admit_cookies(&f->tn, &f->lsn[0]));
	KUNIT_EXPECT_FALSE(test, tcpx_admit_cookies(&f->tn, &f->lsn[1]));
}

/* SEC-14: 64 s after the last overflow a cookie is not even tried. */
static void tcpx_admit_cookies__for_64_s(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct tcpx_lsn *lsn = &f->lsn[0];

	KUNIT_EXPECT_FALSE(test, tcpx_admit_cookies(&f->tn, lsn));
	tcpx_admit_overflowed(lsn);
	KUNIT_EXPECT_TRUE(test, tcpx_admit_cookies(&f->tn, lsn));
	lsn->overflowed_at = jiffies - 63 * HZ;
	KUNIT_EXPECT_TRUE(test, tcpx_admit_cookies(&f->tn, lsn));
	lsn->overflowed_at = jiffies - 65 * HZ;
	KUNIT_EXPECT_FALSE(test, tcpx_admit_cookies(&f->tn, lsn));
	f->tn.params.syncookies = 2;
	KUNIT_EXPECT_TRUE(test, tcpx_admit_cookies(&f->tn, lsn));
	f->tn.params.syncookies = 0;
	tcpx_admit_overflowed(lsn);
	KUNIT_EXPECT_FALSE(test, tcpx_admit_cookies(&f->tn, lsn));
}

/*
 * Pressure
 */

static void tcpx_admit_retries__half_full(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct tcpx_lsn *lsn = &f->lsn[0];

	atomic_set(&lsn->qlen, BACKLOG / 2);
	KUNIT_EXPECT_EQ(test, tcpx_admit_retries(&f->tn, lsn), 5U);
	atomic_set(&lsn->qlen, BACKLOG / 2 + 1);
	KUNIT_EXPECT_EQ(test, tcpx_admit_retries(&f->tn, lsn), 2U);
	f->tn.params.synack_retries = 1;
	KUNIT_EXPECT_EQ(test, tcpx_admit_retries(&f->tn, lsn), 1U);
	f->tn.params.synack_retries = 5;
	atomic_set(&lsn->qlen, 0);
	KUNIT_EXPECT_EQ(test, tcpx_admit_retries(&f->tn, lsn), 2U);
	lsn->pressed_at = jiffies - HZ - 1;
	KUNIT_EXPECT_EQ(test, tcpx_admit_retries(&f->tn, lsn), 5U);
	f->tn.params.synq_max = 10;
	atomic_set(&f->tn.synq->count, 6);
	KUNIT_EXPECT_EQ(test, tcpx_admit_retries(&f->tn, lsn), 2U);
	atomic_set(&f->tn.synq->count, 0);
}

/* SEC-16: a second's worth at once, then as many as time allows, at any rate. */
static const u32 rates[] = { 1, 7, 10, 100, 130, 499, 600, 10000, 100000 };

static void tcpx_admit_resend__rate(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct tcpx_synq *q = f->tn.synq;
	u32 i, k, sent, most;

	for (k = 0; k < ARRAY_SIZE(rates); k++) {
		f->tn.params.synack_rate = rates[k];
		q->tokens = 0;
		q->refilled = jiffies;
		for (sent = 0, i = 0; i < 10 * HZ; i++) {
			q->refilled--;	/* a jiffy passes */
			while (tcpx_admit_resend(&f->tn))
				sent++;
		}
		/* ten seconds, and what passes while this runs */
		most = 10 * rates[k] + rates[k] + 1;
		KUNIT_EXPECT_GE_MSG(test, sent, 10 * rates[k] - 1, "%u/s", rates[k]);
		KUNIT_EXPECT_LE_MSG(test, sent, most, "%u/s", rates[k]);
		/* a long silence saves up one second, not more */
		q->refilled = jiffies - 100 * HZ;
		for (sent = 0; tcpx_admit_resend(&f->tn); sent++)
			;
		KUNIT_EXPECT_GE_MSG(test, sent, rates[k], "%u/s", rates[k]);
		KUNIT_EXPECT_LE_MSG(test, sent, 2 * rates[k] + 1, "%u/s", rates[k]);
	}
	f->tn.params.synack_rate = 0;
	KUNIT_EXPECT_TRUE(test, tcpx_admit_resend(&f->tn));
}

static struct kunit_case tcpx_admit_cases[] = {
	KUNIT_CASE_PARAM(tcpx_admit_enter__share, share_gen_params),
	KUNIT_CASE(tcpx_admit_enter__share_of_the_namespace),
	KUNIT_CASE(tcpx_admit_enter__share_off),
	KUNIT_CASE(tcpx_admit_enter__sketch_bounds),
	KUNIT_CASE(tcpx_admit_leave__highest_stays),
	KUNIT_CASE(tcpx_admit_policy__listener_first),
	KUNIT_CASE(tcpx_admit_evict__stage),
	KUNIT_CASE(tcpx_admit_evict__oldest),
	KUNIT_CASE(tcpx_admit_evict__random),
	KUNIT_CASE(tcpx_admit_evict__random_among_others),
	KUNIT_CASE(tcpx_admit_evict__not_by_these),
	KUNIT_CASE(tcpx_admit_evict__whose),
	KUNIT_CASE(tcpx_admit_evict__prefix),
	KUNIT_CASE(tcpx_admit_evict__acked_stays),
	KUNIT_CASE(tcpx_admit_evict__other_shard),
	KUNIT_CASE(tcpx_admit_evict__cookie),
	KUNIT_CASE(tcpx_admit_cookies__for_64_s),
	KUNIT_CASE(tcpx_admit_retries__half_full),
	KUNIT_CASE(tcpx_admit_resend__rate),
	{}
};

static struct kunit_suite tcpx_admit_suite = {
	.name = "tcpx_admit",
	.init = admit_init,
	.exit = admit_exit,
	.test_cases = tcpx_admit_cases,
};

kunit_test_suites(&tcpx_admit_suite);
