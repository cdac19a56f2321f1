// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of tcpx_rto.c. Expected values were computed by hand from the formulas
 * of RFC 6298 with samples for which every division comes out even.
 */
#include <kunit/test.h>

#include "../tcpx_proto.h"

#define SEC	1000000U
#define MIN_US	200000U
#define MAX_US	(120 * SEC)

struct trace_step {
	u32 sample;
	u32 srtt;
	u32 rttvar;
	u32 rto;
};

/* @r->srtt is scaled by 8, @r->rttvar by 4. */
static void check_trace(struct kunit *test, const struct trace_step *step,
			int n)
{
	struct tcpx_rto r;
	int i;

	tcpx_rto_init(&r, SEC);
	for (i = 0; i < n; i++, step++) {
		tcpx_rto_sample(&r, step->sample, MIN_US, MAX_US);
		KUNIT_EXPECT_EQ_MSG(test, r.srtt, step->srtt * 8, "step %d", i);
		KUNIT_EXPECT_EQ_MSG(test, r.rttvar, step->rttvar * 4, "step %d",
				    i);
		KUNIT_EXPECT_EQ_MSG(test, r.rto, step->rto, "step %d", i);
	}
}

static void tcpx_rto_init__no_sample(struct kunit *test)
{
	struct tcpx_rto r;

	memset(&r, 0xa5, sizeof(r));
	tcpx_rto_init(&r, 3 * SEC);
	KUNIT_EXPECT_EQ(test, r.rto, 3000000U);
	KUNIT_EXPECT_EQ(test, r.srtt, 0U);
	KUNIT_EXPECT_EQ(test, r.rttvar, 0U);
	KUNIT_EXPECT_EQ(test, r.min_rtt, 0U);
	KUNIT_EXPECT_EQ(test, r.backoff, 0);
}

/*
 * RTTVAR' = 3/4 RTTVAR + 1/4 |SRTT - R|, SRTT' = 7/8 SRTT + 1/8 R
 *
 * 800000: first sample: SRTT = R, RTTVAR = R/2
 * 400000: 300000 + 400000/4, 700000 + 50000
 * 750000: 300000 + 0, 656250 + 93750
 * 1150000: 225000 + 400000/4, 656250 + 143750
 * 160000: 243750 + 640000/4, 700000 + 20000
 */
static void tcpx_rto_sample__trace(struct kunit *test)
{
	static const struct trace_step steps[] = {
		{ 800000, 800000, 400000, 2400000 },
		{ 400000, 750000, 400000, 2350000 },
		{ 750000, 750000, 300000, 1950000 },
		{ 1150000, 800000, 325000, 2100000 },
		{ 160000, 720000, 403750, 2335000 },
	};

	check_trace(test, steps, ARRAY_SIZE(steps));
}

/* 4 * RTTVAR falls below 200 ms: SRTT + 200 ms */
static void tcpx_rto_sample__variance_floor(struct kunit *test)
{
	static const struct trace_step steps[] = {
		{ 64000, 64000, 32000, 264000 },
		{ 64000, 64000, 24000, 264000 },
		{ 64000, 64000, 18000, 264000 },
	};

	check_trace(test, steps, ARRAY_SIZE(steps));
}

/* SEC-40: a forged TSecr makes the round trip look like nothing. */
static void tcpx_rto_sample__zeros_keep_the_floor(struct kunit *test)
{
	struct tcpx_rto r;
	int i;

	tcpx_rto_init(&r, SEC);
	for (i = 0; i < 1000; i++) {
		tcpx_rto_sample(&r, 0, MIN_US, MAX_US);
		KUNIT_ASSERT_EQ(test, r.rto, 200001U);
	}
	KUNIT_EXPECT_EQ(test, r.srtt, 8U);
	KUNIT_EXPECT_EQ(test, r.min_rtt, 1U);
}

/* After a high sample, too, no run of tiny ones gets below the floor. */
static void tcpx_rto_sample__decay_keeps_the_floor(struct kunit *test)
{
	struct tcpx_rto r;
	int i;

	tcpx_rto_init(&r, SEC);
	tcpx_rto_sample(&r, 50 * SEC, MIN_US, MAX_US);
	for (i = 0; i < 1000; i++) {
		tcpx_rto_sample(&r, 1, MIN_US, MAX_US);
		KUNIT_ASSERT_GT(test, r.rto, 200000U);
	}
	KUNIT_EXPECT_LT(test, r.rto, 200010U);
}

static void tcpx_rto_sample__capped(struct kunit *test)
{
	struct tcpx_rto r;

	tcpx_rto_init(&r, SEC);
	tcpx_rto_sample(&r, 50 * SEC, MIN_US, MAX_US);
	KUNIT_EXPECT_EQ(test, r.srtt, 400 * SEC);
	KUNIT_EXPECT_EQ(test, r.rto, 120000000U);
}

struct extreme_case {
	const char *name;
	u32 first;
	u32 then;
	u32 min_us;
	u32 max_us;
	u32 rto;
};

/* 0xffffffff counts as 0x1fffffff = 536870911 us, 4 * RTTVAR is twice that. */
static const struct extreme_case extreme_cases[] = {
	{ "largest twice, 120 s", 0xffffffff, 0xffffffff, MIN_US, MAX_US,
	  120000000 },
	{ "largest twice, no cap", 0xffffffff, 0xffffffff, MIN_US, 0xffffffff,
	  1342177278 },
	{ "smallest, then largest", 0, 0xffffffff, MIN_US, 0xffffffff,
	  603979776 },
	{ "largest floor", 1000, 1000, 0xffffffff, 0xffffffff, 0xffffffff },
	{ "no floor", 8000, 8000, 0, MAX_US, 20000 },
};

static void extreme_desc(const struct extreme_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(extreme, extreme_cases, extreme_desc);

static void tcpx_rto_sample__extreme(struct kunit *test)
{
	const struct extreme_case *c = test->param_value;
	struct tcpx_rto r;

	tcpx_rto_init(&r, SEC);
	tcpx_rto_sample(&r, c->first, c->min_us, c->max_us);
	tcpx_rto_sample(&r, c->then, c->min_us, c->max_us);
	KUNIT_EXPECT_EQ(test, r.rto, c->rto);
}

static void tcpx_rto_sample__min_rtt(struct kunit *test)
{
	static const u32 samples[] = { 500, 300, 400, 250, 251 };
	static const u32 want[] = { 500, 300, 300, 250, 250 };
	struct tcpx_rto r;
	unsigned int i;

	tcpx_rto_init(&r, SEC);
	for (i = 0; i < ARRAY_SIZE(samples); i++) {
		tcpx_rto_sample(&r, samples[i], MIN_US, MAX_US);
		KUNIT_EXPECT_EQ_MSG(test, r.min_rtt, want[i], "step %u", i);
	}
}

static void tcpx_rto_sample__ends_backoff(struct kunit *test)
{
	struct tcpx_rto r;

	tcpx_rto_init(&r, SEC);
	tcpx_rto_backoff(&r);
	tcpx_rto_backoff(&r);
	tcpx_rto_sample(&r, 100000, MIN_US, MAX_US);
	KUNIT_EXPECT_EQ(test, r.backoff, 0);
	KUNIT_EXPECT_EQ(test, tcpx_rto_current(&r, MAX_US), 300000U);
}

/* RFC 6298 5.5: doubles, up to the maximum. The estimate is not touched. */
static void tcpx_rto_backoff__doubles(struct kunit *test)
{
	static const u32 want[] = { 1, 2, 4, 8, 16, 32, 64, 120, 120, 120 };
	struct tcpx_rto r;
	unsigned int i;

	tcpx_rto_init(&r, SEC);
	for (i = 0; i < ARRAY_SIZE(want); i++) {
		KUNIT_EXPECT_EQ_MSG(test, tcpx_rto_current(&r, MAX_US),
				    want[i] * SEC, "step %u", i);
		tcpx_rto_backoff(&r);
	}
	KUNIT_EXPECT_EQ(test, r.rto, 1000000U);
	KUNIT_EXPECT_EQ(test, r.backoff, 10);
}

static void tcpx_rto_backoff__saturates(struct kunit *test)
{
	struct tcpx_rto r;
	int i;

	tcpx_rto_init(&r, SEC);
	for (i = 0; i < 10000; i++)
		tcpx_rto_backoff(&r);
	KUNIT_EXPECT_EQ(test, r.backoff, 255);
	KUNIT_EXPECT_EQ(test, tcpx_rto_current(&r, MAX_US), 120000000U);
}

static void tcpx_rto_current__no_overflow(struct kunit *test)
{
	struct tcpx_rto r = { .rto = 0xffffffff };
	int i;

	for (i = 0; i < 256; i++) {
		r.backoff = (u8)i;
		KUNIT_ASSERT_EQ_MSG(test, tcpx_rto_current(&r, 0xffffffff),
				    0xffffffffU, "backoff %d", i);
	}
}

struct total_case {
	const char *name;
	u32 init_us;
	u32 max_us;
	unsigned int retries;
	u64 total;
};

static const struct total_case total_cases[] = {
	{ "no retry", SEC, MAX_US, 0, 1000000 },
	{ "1 retry", SEC, MAX_US, 1, 3000000 },
	{ "2 retries", SEC, MAX_US, 2, 7000000 },
	{ "3 retries", SEC, MAX_US, 3, 15000000 },
	{ "4 retries", SEC, MAX_US, 4, 31000000 },
	{ "5 retries, a SYN-ACK", SEC, MAX_US, 5, 63000000 },
	{ "6 retries, a SYN", SEC, MAX_US, 6, 127000000 },
	{ "7 retries", SEC, MAX_US, 7, 247000000 },
	{ "8 retries", SEC, MAX_US, 8, 367000000 },
	{ "15 retries", SEC, MAX_US, 15, 1207000000 },
	{ "tcp_retries2 of Linux, 924.6 s", 200000, MAX_US, 15, 924600000 },
	{ "first wait is capped", 3 * SEC, SEC, 2, 3000000 },
	{ "first wait is the cap", SEC, SEC, 4, 5000000 },
	{ "no wait", 0, MAX_US, 0xffffffff, 0 },
	{ "largest", 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff00000000ULL },
};

static void total_desc(const struct total_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(total, total_cases, total_desc);

static void tcpx_rto_total__sum(struct kunit *test)
{
	const struct total_case *c = test->param_value;

	KUNIT_EXPECT_EQ(test, tcpx_rto_total(c->init_us, c->max_us, c->retries),
			c->total);
}

static struct kunit_case tcpx_rto_cases[] = {
	KUNIT_CASE(tcpx_rto_init__no_sample),
	KUNIT_CASE(tcpx_rto_sample__trace),
	KUNIT_CASE(tcpx_rto_sample__variance_floor),
	KUNIT_CASE(tcpx_rto_sample__zeros_keep_the_floor),
	KUNIT_CASE(tcpx_rto_sample__decay_keeps_the_floor),
	KUNIT_CASE(tcpx_rto_sample__capped),
	KUNIT_CASE_PARAM(tcpx_rto_sample__extreme, extreme_gen_params),
	KUNIT_CASE(tcpx_rto_sample__min_rtt),
	KUNIT_CASE(tcpx_rto_sample__ends_backoff),
	KUNIT_CASE(tcpx_rto_backoff__doubles),
	KUNIT_CASE(tcpx_rto_backoff__saturates),
	KUNIT_CASE(tcpx_rto_current__no_overflow),
	KUNIT_CASE_PARAM(tcpx_rto_total__sum, total_gen_params),
	{}
};

static struct kunit_suite tcpx_rto_suite = {
	.name = "tcpx_rto",
	.test_cases = tcpx_rto_cases,
};

kunit_test_suites(&tcpx_rto_suite);
