// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of tcpx_cookie.c: initial sequence numbers, cookies, timestamp offsets; and
 * of tcpx_pick_isn() and tcpx_pick_cookie(), which give it hash and clock.
 */
#include <kunit/test.h>

#include "../tcpx.h"

struct clock_case {
	const char *name;
	u64 hash;
	u64 now;
	u32 want;
};

static void clock_desc(const struct clock_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

/* RFC 6528 3: hash plus a clock of 64 ns */
static const struct clock_case isn_cases[] = {
	{ "start of time", 0, 0, 0 },
	{ "hash only", 0x12345678, 0, 0x12345678 },
	{ "upper half of the hash is not used", 0xabcdef0112345678ULL, 0,
	  0x12345678 },
	{ "before the first tick", 0, 63, 0 },
	{ "first tick", 0, 64, 1 },
	{ "1 us", 0, 1000, 15 },
	{ "1 s", 0, 1000000000ULL, 15625000 },
	{ "last tick before the wrap", 0, 274877906943ULL, 0xffffffff },
	{ "wrap after 274.88 s", 0, 274877906944ULL, 0 },
	{ "sum wraps", 0xffffffff, 64, 0 },
	{ "one year", 7, 31536000000000000ULL, 0x4cb68c07 },
};

KUNIT_ARRAY_PARAM(isn, isn_cases, clock_desc);

static void tcpx_isn__value(struct kunit *test)
{
	const struct clock_case *c = test->param_value;

	KUNIT_EXPECT_EQ(test, tcpx_isn(c->hash, c->now), c->want);
}

/* SEC-10: the numbers of one 4-tuple go forward, over the wrap too. */
static void tcpx_isn__one_tuple_goes_forward(struct kunit *test)
{
	u64 hash = 0xdeadbeefcafef00dULL;
	u64 now = 123456789;
	u32 last = tcpx_isn(hash, now);
	u32 isn;
	int i;

	for (i = 0; i < 1000; i++) {
		now += 1000000000;
		isn = tcpx_isn(hash, now);
		KUNIT_ASSERT_EQ_MSG(test, isn - last, 15625000U, "second %d", i);
		last = isn;
	}
}

/* The clock says nothing about the hash: tuples keep their distance. */
static void tcpx_isn__tuples_differ_by_hash(struct kunit *test)
{
	u64 now = 98765432100ULL;

	KUNIT_EXPECT_EQ(test, tcpx_isn(0x80000000, now) - tcpx_isn(5, now),
			0x7ffffffbU);
}

/* What stands where in a cookie; the hashes are the caller's, so any number. */
struct vector {
	const char *name;
	u64 hash;
	u64 epoch_hash;
	u32 irs;
	u32 epoch;
	u8 index;
	u32 want;
};

static void vector_desc(const struct vector *v, char *desc)
{
	strscpy(desc, v->name, KUNIT_PARAM_DESC_SIZE);
}

static const struct vector vectors[] = {
	{ "nothing", 0, 0, 0, 0, 0, 0 },
	{ "hash", 0x89abcdef, 0, 0, 0, 0, 0x89abcdef },
	{ "upper halves are not used", 0xffffffff00000001ULL,
	  0xffffffff00000002ULL, 0, 0, 0, 3 },
	{ "IRS", 0, 0, 0x12345678, 0, 0, 0x12345678 },
	{ "epoch", 0, 0, 0, 1, 0, 0x01000000 },
	{ "epoch wraps", 0, 0, 0, 0x123, 0, 0x23000000 },
	{ "index", 0, 0, 0, 0, 7, 7 },
	{ "index wraps in its 24 bits", 0, 0x00ffffff, 0, 0, 1, 0 },
	{ "the epoch's hash stays in its 24 bits", 0, 0xff000001, 0, 0, 0, 1 },
	{ "the sum wraps", 0xfffffff0, 0x10, 0xf, 2, 7, 0x02000016 },
};

KUNIT_ARRAY_PARAM(vector, vectors, vector_desc);

static void tcpx_cookie_iss__value(struct kunit *test)
{
	const struct vector *v = test->param_value;

	KUNIT_EXPECT_EQ(test, tcpx_cookie_iss(v->hash, v->epoch_hash, v->irs,
					      v->epoch, v->index), v->want);
}

/* A stand-in for the keyed hash: all bits of the result depend on both. */
static u64 mix(u64 a, u64 b)
{
	u64 x = (a ^ 0x9e3779b97f4a7c15ULL) * 0xbf58476d1ce4e5b9ULL + b;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

static int decode(u64 tuple, u32 irs, u32 iss, u32 now, u32 *age)
{
	u64 hash = mix(tuple, U64_MAX);
	u32 epoch = tcpx_cookie_epoch(hash, irs, iss, now);

	*age = now - epoch;
	return tcpx_cookie_check(hash, mix(tuple, epoch), irs, iss);
}

static u32 encode(u64 tuple, u32 irs, u32 epoch, u8 index)
{
	return tcpx_cookie_iss(mix(tuple, U64_MAX), mix(tuple, epoch), irs,
			       epoch, index);
}

/* All classes of MSS, before and after the epoch wraps, ISN and IRS too */
static void tcpx_cookie_check__round_trip(struct kunit *test)
{
	static const u32 epochs[] = { 0, 1, 255, 256, 0x7fffffff, U32_MAX };
	static const u32 numbers[] = { 0, 1, 0x7fffffff, 0x80000000, U32_MAX };
	u32 e, n, later, age, iss;
	u8 index;

	for (e = 0; e < ARRAY_SIZE(epochs); e++)
		for (n = 0; n < ARRAY_SIZE(numbers); n++)
			for (index = 0; index < TCPX_COOKIE_NMSS; index++)
				for (later = 0; later < 256; later += 51) {
					iss = encode(n, numbers[n], epochs[e], index);
					KUNIT_ASSERT_EQ(test, decode(n, numbers[n], iss,
								     epochs[e] + later, &age),
							index);
					KUNIT_ASSERT_EQ(test, age, later);
				}
}

/* SEC-15: another tuple, another IRS, one more or less: none is accepted. */
static void tcpx_cookie_check__others(struct kunit *test)
{
	u32 iss = encode(1, 1000, 5, 3), age;

	KUNIT_EXPECT_LT(test, decode(2, 1000, iss, 5, &age), 0);
	KUNIT_EXPECT_LT(test, decode(1, 1100, iss, 5, &age), 0);
	KUNIT_EXPECT_LT(test, decode(1, 1000, iss + 5, 5, &age), 0);
	KUNIT_EXPECT_LT(test, decode(1, 1000, iss - 4, 5, &age), 0);
	/* within the eight of the tuple it is another MSS, as documented */
	KUNIT_EXPECT_EQ(test, decode(1, 1000, iss + 4, 5, &age), 7);
	KUNIT_EXPECT_EQ(test, decode(1, 1000, iss - 3, 5, &age), 0);
}

/* SEC-15: a blind ACK is right with 16 of 2^32; of 2^22 none or one is expected */
static void tcpx_cookie_check__guesses(struct kunit *test)
{
	u32 i, age, hits = 0;

	for (i = 0; i < 1 << 22; i++)
		if (decode(42, 77, (u32)mix(i, 99), 1000, &age) >= 0 &&
		    age < TCPX_COOKIE_EPOCHS)
			hits++;
	KUNIT_EXPECT_LE(test, hits, 1U);
}

/* Per 4-tuple exactly eight numbers of each epoch are cookies. */
static void tcpx_cookie_check__how_many(struct kunit *test)
{
	u64 hash = mix(7, U64_MAX);
	u32 base = (u32)hash + 123 + (9U << TCPX_COOKIE_EPOCH_SHIFT);
	u32 i, age, hits = 0;

	for (i = 0; i < 1 << TCPX_COOKIE_EPOCH_SHIFT; i++)
		hits += decode(7, 123, base + i, 9, &age) >= 0;
	KUNIT_EXPECT_EQ(test, hits, (u32)TCPX_COOKIE_NMSS);
}

/* MUST-8: with the time the number of a 4-tuple grows, by less than half a circle. */
static void tcpx_cookie_iss__grows(struct kunit *test)
{
	u32 epoch, before = encode(3, 500, 0, 0), iss;

	for (epoch = 1; epoch < 600; epoch++) {
		iss = encode(3, 500, epoch, epoch & 7);
		KUNIT_ASSERT_TRUE(test, tcpx_after(iss, before));
		before = iss;
	}
}

struct mss_case {
	u16 mss;
	u16 v4;
	u16 v6;
};

/* never more than the peer allows, and Ethernet's, PPPoE's and tunnels' exactly */
static const struct mss_case mss_cases[] = {
	{ 48, 48, 48 }, { 535, 48, 48 }, { 536, 536, 536 }, { 1219, 536, 536 },
	{ 1220, 1220, 1220 }, { 1360, 1360, 1340 }, { 1400, 1400, 1380 },
	{ 1420, 1400, 1420 }, { 1440, 1440, 1440 }, { 1452, 1440, 1440 },
	{ 1460, 1460, 1440 }, { 8940, 1460, 8940 }, { 8960, 8960, 8940 },
	{ 65535, 8960, 8940 },
};

static void tcpx_cookie_index__mss(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(mss_cases); i++) {
		const struct mss_case *c = &mss_cases[i];

		KUNIT_EXPECT_EQ_MSG(test, tcpx_cookie_mss(tcpx_cookie_index(c->mss, false),
							  false), c->v4, "%u", c->mss);
		KUNIT_EXPECT_EQ_MSG(test, tcpx_cookie_mss(tcpx_cookie_index(c->mss, true),
							  true), c->v6, "%u", c->mss);
	}
}

/* I26: every scale, SACK and ECN, at every phase of the clock and over its wrap */
static void tcpx_cookie_options__round_trip(struct kunit *test)
{
	const u8 ts = TCPX_TCB_TS;
	u32 now, tsval, i;
	u8 scale, wscale;
	bool ecn;

	for (i = 0; i < 64 * 16 * 4; i++) {
		u8 opts = ts | (i & 1 ? TCPX_TCB_SACK : 0);

		scale = i >> 2 & 15;
		now = (i >> 6) - 32;
		if (scale <= TCPX_WSCALE_MAX)
			opts |= TCPX_TCB_WS;
		tsval = tcpx_cookie_tsval(now, opts, scale, i & 2);
		KUNIT_ASSERT_LT(test, now - tsval, 128U);
		KUNIT_ASSERT_EQ(test, tcpx_cookie_options(tsval, now, &wscale, &ecn), opts);
		KUNIT_ASSERT_EQ(test, wscale, opts & TCPX_TCB_WS ? scale : 0);
		KUNIT_ASSERT_EQ(test, ecn, !!(i & 2));
	}
}

/* SEC-15: a TSecr from the future or older than 64 s was not sent for a cookie. */
static void tcpx_cookie_options__age(struct kunit *test)
{
	u32 now = 20, life = TCPX_COOKIE_LIFE_MS;
	u8 wscale;
	bool ecn;

	KUNIT_EXPECT_EQ(test, life, 64000U);
	KUNIT_EXPECT_GE(test, tcpx_cookie_options(now, now, &wscale, &ecn), 0);
	KUNIT_EXPECT_GE(test, tcpx_cookie_options(now - life, now, &wscale, &ecn), 0);
	KUNIT_EXPECT_LT(test, tcpx_cookie_options(now - life - 1, now, &wscale, &ecn), 0);
	KUNIT_EXPECT_LT(test, tcpx_cookie_options(now + 1, now, &wscale, &ecn), 0);
	KUNIT_EXPECT_LT(test, tcpx_cookie_options(now + 0x80000000, now, &wscale, &ecn), 0);
}

/* ---- tcpx_pick_isn(), SEC-10 ---- */

#define NTUPLES	102400U
#define NBINS	256U

/**
 * struct isn_fixture - two namespaces that differ in their key
 * @a: one
 * @b: the other
 * @tuple: a connection
 * @bins: for a histogram
 */
struct isn_fixture {
	struct tcpx_net a;
	struct tcpx_net b;
	struct tcpx_tuple tuple;
	u32 bins[NBINS];
};

static struct isn_fixture *isn_fixture(struct kunit *test)
{
	struct isn_fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, f);
	f->a.hash_key = (siphash_key_t){ { 0x0706050403020100, 0x0f0e0d0c0b0a0908 } };
	f->b.hash_key = (siphash_key_t){ { 0x0706050403020100, 0x0f0e0d0c0b0a0909 } };
	f->a.cookie_key = (siphash_key_t){ { 0x1706050403020100, 0x1f0e0d0c0b0a0908 } };
	f->b.cookie_key = f->a.cookie_key;
	ipv6_addr_set_v4mapped(htonl(0x0a350001), &f->tuple.laddr);
	ipv6_addr_set_v4mapped(htonl(0x0a350009), &f->tuple.raddr);
	f->tuple.lport = htons(10000);
	f->tuple.rport = htons(40000);
	return f;
}

static u32 isn_of(const struct tcpx_net *tn, const struct tcpx_tuple *tuple)
{
	return tcpx_pick_isn(tn, tcpx_tuple_hash(tn, tuple), ktime_get_ns());
}

/* Is what @b gives @tb the clock of what @a gives @ta? */
static bool isn_same(const struct tcpx_net *a, const struct tcpx_tuple *ta,
		     const struct tcpx_net *b, const struct tcpx_tuple *tb)
{
	u32 before = isn_of(a, ta);
	u32 isn = isn_of(b, tb);

	return tcpx_between(isn, before, isn_of(a, ta));
}

static void tcpx_pick_isn__one_tuple_goes_forward(struct kunit *test)
{
	struct isn_fixture *f = isn_fixture(test);
	u32 first = isn_of(&f->a, &f->tuple);
	u64 start = ktime_get_ns();
	u32 isn, last = first;
	int i;

	for (i = 0; i < 10000; i++) {
		isn = isn_of(&f->a, &f->tuple);
		KUNIT_ASSERT_FALSE_MSG(test, tcpx_before(isn, last), "%d", i);
		last = isn;
	}
	while (ktime_get_ns() - start < NSEC_PER_MSEC)
		cpu_relax();
	isn = isn_of(&f->a, &f->tuple);
	KUNIT_EXPECT_GE(test, isn - first, (u32)(NSEC_PER_MSEC >> 6));
}

/* Who knows the numbers of one namespace knows none of another. */
static void tcpx_pick_isn__key_matters(struct kunit *test)
{
	struct isn_fixture *f = isn_fixture(test);
	const struct tcpx_net *real = tcpx_net(&init_net);

	KUNIT_EXPECT_TRUE(test, isn_same(&f->a, &f->tuple, &f->a, &f->tuple));
	KUNIT_EXPECT_FALSE(test, isn_same(&f->a, &f->tuple, &f->b, &f->tuple));
	KUNIT_EXPECT_FALSE(test, isn_same(&f->a, &f->tuple, real, &f->tuple));
	f->a.hash_key = (siphash_key_t){};
	KUNIT_EXPECT_FALSE(test, isn_same(&f->a, &f->tuple, real, &f->tuple));
}

static void tcpx_pick_isn__each_field_matters(struct kunit *test)
{
	struct isn_fixture *f = isn_fixture(test);
	struct tcpx_tuple other[4] = { f->tuple, f->tuple, f->tuple, f->tuple };
	unsigned int i;

	other[0].laddr.s6_addr[15] ^= 1;
	other[1].raddr.s6_addr[15] ^= 1;
	other[2].lport ^= htons(1);
	other[3].rport ^= htons(1);
	for (i = 0; i < ARRAY_SIZE(other); i++)
		KUNIT_EXPECT_FALSE_MSG(test,
				       isn_same(&f->a, &f->tuple, &f->a, &other[i]),
				       "field %u", i);
}

static u64 chi_square(const u32 *bins)
{
	u64 sum = 0;
	s64 off;
	u32 i;

	for (i = 0; i < NBINS; i++) {
		off = (s64)bins[i] - NTUPLES / NBINS;
		sum += off * off;
	}
	return sum / (NTUPLES / NBINS);
}

/*
 * From one connection to the next the numbers jump anywhere: chi^2 of 255 degrees
 * of freedom is outside 190..333 once in a thousand keys, and the key is fixed.
 */
static void tcpx_pick_isn__jumps_are_uniform(struct kunit *test)
{
	struct isn_fixture *f = isn_fixture(test);
	u32 i, isn, last = isn_of(&f->a, &f->tuple);

	for (i = 1; i <= NTUPLES; i++) {
		f->tuple.rport = htons(i);
		f->tuple.raddr.s6_addr[14] = i >> 16;
		isn = isn_of(&f->a, &f->tuple);
		f->bins[(isn - last) >> 24]++;
		last = isn;
	}
	KUNIT_EXPECT_GE(test, chi_square(f->bins), 190ULL);
	KUNIT_EXPECT_LE(test, chi_square(f->bins), 333ULL);
}

static void tcpx_pick_isn__laboratory(struct kunit *test)
{
	struct isn_fixture *f = isn_fixture(test);

	f->a.params.lab_isn = 1234567;
	KUNIT_EXPECT_EQ(test, isn_of(&f->a, &f->tuple), 1234567U);
}

/* ---- tcpx_pick_cookie(), SEC-10, SEC-15: the numbers of stored entries, too ---- */

static u32 cookie_of(const struct tcpx_net *tn, const struct tcpx_tuple *tuple)
{
	return tcpx_pick_cookie(tn, tcpx_tuple_hash(tn, tuple), 1000, 6);
}

static int cookie_index(const struct tcpx_net *tn, const struct tcpx_tuple *tuple,
			u32 iss)
{
	return tcpx_check_cookie(tn, tcpx_tuple_hash(tn, tuple), 1000, iss);
}

/*
 * From one connection to the next the numbers jump anywhere. The keys are fixed, the
 * epoch is not: chi^2 of 255 degrees is outside 150..380 once in a million epochs.
 */
static void tcpx_pick_cookie__jumps_are_uniform(struct kunit *test)
{
	struct isn_fixture *f = isn_fixture(test);
	u32 *low = kunit_kcalloc(test, NBINS, sizeof(*low), GFP_KERNEL);
	u32 i, iss, last = cookie_of(&f->a, &f->tuple);

	KUNIT_ASSERT_NOT_NULL(test, low);
	for (i = 1; i <= NTUPLES; i++) {
		f->tuple.rport = htons(i);
		f->tuple.raddr.s6_addr[14] = i >> 16;
		iss = cookie_of(&f->a, &f->tuple);
		f->bins[(iss - last) >> 24]++;
		low[(iss - last) & 0xff]++;
		last = iss;
	}
	KUNIT_EXPECT_GE(test, chi_square(f->bins), 150ULL);
	KUNIT_EXPECT_LE(test, chi_square(f->bins), 380ULL);
	KUNIT_EXPECT_GE(test, chi_square(low), 150ULL);
	KUNIT_EXPECT_LE(test, chi_square(low), 380ULL);
}

/* Two namespaces with the same cookie key, or the same key of tables */
static void tcpx_pick_cookie__key_matters(struct kunit *test)
{
	struct isn_fixture *f = isn_fixture(test);
	u32 iss = cookie_of(&f->a, &f->tuple);

	KUNIT_EXPECT_EQ(test, cookie_index(&f->a, &f->tuple, iss), 6);
	KUNIT_EXPECT_LT(test, cookie_index(&f->b, &f->tuple, iss), 0);
	f->b.hash_key = f->a.hash_key;
	KUNIT_EXPECT_EQ(test, cookie_index(&f->b, &f->tuple, iss), 6);
	f->b.cookie_key.key[1] ^= 1;
	KUNIT_EXPECT_LT(test, cookie_index(&f->b, &f->tuple, iss), 0);
	KUNIT_EXPECT_LT(test, cookie_index(tcpx_net(&init_net), &f->tuple, iss), 0);
}

static void tcpx_pick_cookie__each_field_matters(struct kunit *test)
{
	struct isn_fixture *f = isn_fixture(test);
	struct tcpx_tuple other[4] = { f->tuple, f->tuple, f->tuple, f->tuple };
	u32 iss = cookie_of(&f->a, &f->tuple);
	unsigned int i;

	other[0].laddr.s6_addr[15] ^= 1;
	other[1].raddr.s6_addr[15] ^= 1;
	other[2].lport ^= htons(1);
	other[3].rport ^= htons(1);
	for (i = 0; i < ARRAY_SIZE(other); i++)
		KUNIT_EXPECT_LT_MSG(test, cookie_index(&f->a, &other[i], iss), 0,
				    "field %u", i);
}

/* MUST-8: the same for an epoch, and never back */
static void tcpx_pick_cookie__one_tuple_goes_forward(struct kunit *test)
{
	struct isn_fixture *f = isn_fixture(test);
	u32 iss, last = cookie_of(&f->a, &f->tuple), changes = 0;
	int i;

	for (i = 0; i < 10000; i++) {
		iss = cookie_of(&f->a, &f->tuple);
		KUNIT_ASSERT_FALSE_MSG(test, tcpx_before(iss, last), "%d", i);
		changes += iss != last;
		last = iss;
	}
	KUNIT_EXPECT_LE(test, changes, 1U);
}

static struct kunit_case tcpx_cookie_cases[] = {
	KUNIT_CASE_PARAM(tcpx_cookie_iss__value, vector_gen_params),
	KUNIT_CASE(tcpx_cookie_check__round_trip),
	KUNIT_CASE(tcpx_cookie_check__others),
	KUNIT_CASE(tcpx_cookie_check__guesses),
	KUNIT_CASE(tcpx_cookie_check__how_many),
	KUNIT_CASE(tcpx_cookie_iss__grows),
	KUNIT_CASE(tcpx_cookie_index__mss),
	KUNIT_CASE(tcpx_cookie_options__round_trip),
	KUNIT_CASE(tcpx_cookie_options__age),
	KUNIT_CASE_PARAM(tcpx_isn__value, isn_gen_params),
	KUNIT_CASE(tcpx_isn__one_tuple_goes_forward),
	KUNIT_CASE(tcpx_isn__tuples_differ_by_hash),
	KUNIT_CASE(tcpx_pick_isn__one_tuple_goes_forward),
	KUNIT_CASE(tcpx_pick_isn__key_matters),
	KUNIT_CASE(tcpx_pick_isn__each_field_matters),
	KUNIT_CASE(tcpx_pick_isn__jumps_are_uniform),
	KUNIT_CASE(tcpx_pick_isn__laboratory),
	KUNIT_CASE(tcpx_pick_cookie__jumps_are_uniform),
	KUNIT_CASE(tcpx_pick_cookie__key_matters),
	KUNIT_CASE(tcpx_pick_cookie__each_field_matters),
	KUNIT_CASE(tcpx_pick_cookie__one_tuple_goes_forward),
	{}
};

static struct kunit_suite tcpx_cookie_suite = {
	.name = "tcpx_cookie",
	.test_cases = tcpx_cookie_cases,
};

kunit_test_suites(&tcpx_cookie_suite);
