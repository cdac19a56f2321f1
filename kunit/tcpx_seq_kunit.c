// SPDX-License-Identifier: GPL-2.0
/*
 * Sequence numbers: the order on the circle of 2^32 and the acceptability test
 * of RFC 9293 3.4.
 */
#include <kunit/test.h>

#include "../tcpx_proto.h"

#define HALF	0x80000000U	/* the first number that is not after 0 */
#define WND	1000

/* Where on the circle each rule is tried: plain, and across 2^31 and 2^32 */
static const u32 places[] = {
	0, 1, 12345, 0x7fffffff, HALF, HALF - 500, HALF - WND,
	0xffffffff, 0U - 500, 0U - WND,
};

static void tcpx_before__is_irreflexive(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(places); i++)
		KUNIT_EXPECT_FALSE_MSG(test, tcpx_before(places[i], places[i]),
				       "at %u", places[i]);
}

static void tcpx_before__reaches_half_the_circle(struct kunit *test)
{
	static const u32 ahead[] = { 1, 2, WND, HALF - 2, HALF - 1 };
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(places); i++)
		for (k = 0; k < ARRAY_SIZE(ahead); k++)
			KUNIT_EXPECT_TRUE_MSG(test,
					      tcpx_before(places[i],
							  places[i] + ahead[k]),
					      "%u and %u ahead",
					      places[i], ahead[k]);
}

static void tcpx_before__ends_at_half_the_circle(struct kunit *test)
{
	static const u32 ahead[] = { HALF + 1, HALF + 2, 0U - WND, 0xffffffff };
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(places); i++)
		for (k = 0; k < ARRAY_SIZE(ahead); k++)
			KUNIT_EXPECT_FALSE_MSG(test,
					       tcpx_before(places[i],
							   places[i] + ahead[k]),
					       "%u and %u ahead",
					       places[i], ahead[k]);
}

static void tcpx_after__mirrors_before(struct kunit *test)
{
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(places); i++)
		for (k = 0; k < ARRAY_SIZE(places); k++)
			KUNIT_EXPECT_EQ_MSG(test,
					    tcpx_after(places[i], places[k]),
					    tcpx_before(places[k], places[i]),
					    "%u and %u", places[i], places[k]);
}

static void tcpx_between__includes_both_ends(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		u32 low = places[i], high = low + WND;

		KUNIT_EXPECT_TRUE_MSG(test, tcpx_between(low, low, high),
				      "low end, low %u", low);
		KUNIT_EXPECT_TRUE_MSG(test, tcpx_between(high, low, high),
				      "high end, low %u", low);
		KUNIT_EXPECT_TRUE_MSG(test, tcpx_between(low + 1, low, high),
				      "inside, low %u", low);
	}
}

static void tcpx_between__excludes_neighbours(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		u32 low = places[i], high = low + WND;

		KUNIT_EXPECT_FALSE_MSG(test, tcpx_between(low - 1, low, high),
				       "below, low %u", low);
		KUNIT_EXPECT_FALSE_MSG(test, tcpx_between(high + 1, low, high),
				       "above, low %u", low);
		KUNIT_EXPECT_FALSE_MSG(test, tcpx_between(low + HALF, low, high),
				       "opposite, low %u", low);
	}
}

static void tcpx_between__single_point(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		u32 at = places[i];

		KUNIT_EXPECT_TRUE_MSG(test, tcpx_between(at, at, at),
				      "at %u", at);
		KUNIT_EXPECT_FALSE_MSG(test, tcpx_between(at + 1, at, at),
				       "above %u", at);
		KUNIT_EXPECT_FALSE_MSG(test, tcpx_between(at - 1, at, at),
				       "below %u", at);
	}
}

/* An interval longer than half the circle is an interval all the same. */
static void tcpx_between__longer_than_half(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		u32 low = places[i], high = low + HALF + WND;

		KUNIT_EXPECT_TRUE_MSG(test, tcpx_between(low + HALF, low, high),
				      "inside, low %u", low);
		KUNIT_EXPECT_FALSE_MSG(test, tcpx_between(high + 1, low, high),
				       "above, low %u", low);
	}
}

/**
 * struct seq_row - a segment against a window
 * @what: the edge that it tries
 * @seq: SEG.SEQ - RCV.NXT
 * @len: SEG.LEN
 * @wnd: RCV.WND
 * @ok: acceptable?
 */
struct seq_row {
	const char *what;
	s32 seq;
	u32 len;
	u32 wnd;
	bool ok;
};

static const struct seq_row seq_rows[] = {
	/* SEG.LEN = 0, RCV.WND = 0: SEG.SEQ = RCV.NXT */
	{ "empty, window 0, at RCV.NXT", 0, 0, 0, true },
	{ "empty, window 0, one below", -1, 0, 0, false },
	{ "empty, window 0, one above", 1, 0, 0, false },
	{ "empty, window 0, opposite", S32_MIN, 0, 0, false },

	/* SEG.LEN = 0, RCV.WND > 0: RCV.NXT =< SEG.SEQ < RCV.NXT+RCV.WND */
	{ "empty, at RCV.NXT", 0, 0, WND, true },
	{ "empty, one below", -1, 0, WND, false },
	{ "empty, one above RCV.NXT", 1, 0, WND, true },
	{ "empty, last of window", WND - 1, 0, WND, true },
	{ "empty, right edge", WND, 0, WND, true },
	{ "empty, behind right edge", WND + 1, 0, WND, false },
	{ "empty, window 1, at RCV.NXT", 0, 0, 1, true },
	{ "empty, window 1, right edge", 1, 0, 1, true },
	{ "empty, window 1, behind right edge", 2, 0, 1, false },
	{ "empty, far below", -1000000, 0, WND, false },
	{ "empty, opposite", S32_MIN, 0, WND, false },

	/* SEG.LEN > 0, RCV.WND = 0: not acceptable */
	{ "text, window 0, at RCV.NXT", 0, 1, 0, false },
	{ "text, window 0, ends at RCV.NXT", -1, 1, 0, false },
	{ "text, window 0, covers RCV.NXT", -1, 2, 0, false },
	{ "text, window 0, one above", 1, 1, 0, false },

	/* SEG.LEN > 0, RCV.WND > 0: the first or the last octet is inside */
	{ "text, first octet at RCV.NXT", 0, 1, WND, true },
	{ "text, fills window", 0, WND, WND, true },
	{ "text, one more than window", 0, WND + 1, WND, true },
	{ "text, last octet at RCV.NXT", -9, 10, WND, true },
	{ "text, last octet one below", -10, 10, WND, false },
	{ "text, one old octet", -1, 1, WND, false },
	{ "text, old and new", -1, 2, WND, true },
	{ "text, first octet last of window", WND - 1, 1, WND, true },
	{ "text, first octet inside, rest not", WND - 1, 50, WND, true },
	{ "text, first octet at right edge", WND, 1, WND, false },
	{ "text, last octet last of window", -5, WND + 5, WND, true },
	{ "text, both ends outside", -5, WND + 6, WND, false },
	{ "text, window 1, at RCV.NXT", 0, 1, 1, true },
	{ "text, window 1, right edge", 1, 1, 1, false },
	{ "text, far below", -1000000, 1460, WND, false },
	{ "text, far above", 1000000, 1460, WND, false },
	{ "text, opposite", S32_MIN, 1460, WND, false },
	{ "text, largest scaled window", 0x3fffffff, 1, 1U << 30, true },
	{ "text, behind largest window", 1 << 30, 1, 1U << 30, false },
};

static void seq_row_name(const struct seq_row *row, char *desc)
{
	strscpy(desc, row->what, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(seq_row, seq_rows, seq_row_name);

static void tcpx_seq_acceptable__row(struct kunit *test)
{
	const struct seq_row *row = test->param_value;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		struct tcpx_tcb tcb = {
			.state = TCPX_ESTABLISHED,
			.rcv_nxt = places[i],
			.rcv_wnd = row->wnd,
		};

		KUNIT_EXPECT_EQ_MSG(test, row->ok,
				    tcpx_seq_acceptable(&tcb,
							places[i] + row->seq,
							row->len),
				    "RCV.NXT %u", places[i]);
	}
}

/* RFC 9293 3.4 and A.2 with integers that do not wrap, @seq relative to RCV.NXT. */
static bool seq_inside(s64 seq, u32 wnd)
{
	return seq >= 0 && seq < wnd;
}

static bool seq_acceptable_plain(s32 seq, u32 len, u32 wnd)
{
	if (len && !wnd)
		return false;
	if (len)
		return seq_inside(seq, wnd) ||
		       seq_inside((s64)seq + len - 1, wnd);
	return seq >= 0 && (u32)seq <= wnd;
}

/* Every position around both edges of small windows, all around the circle */
static void tcpx_seq_acceptable__small_windows(struct kunit *test)
{
	struct tcpx_tcb tcb = { .state = TCPX_ESTABLISHED };
	u32 i, len, wnd;
	s32 seq;

	for (i = 0; i < ARRAY_SIZE(places) * 8 * 8; i++) {
		len = i % 8;
		wnd = i / 8 % 8;
		tcb.rcv_nxt = places[i / 64];
		tcb.rcv_wnd = wnd;
		for (seq = -10; seq <= 10; seq++)
			KUNIT_EXPECT_EQ_MSG(test,
					    seq_acceptable_plain(seq, len, wnd),
					    tcpx_seq_acceptable(&tcb,
								tcb.rcv_nxt + seq,
								len),
					    "RCV.NXT %u %+d, len %u, window %u",
					    tcb.rcv_nxt, seq, len, wnd);
	}
}

static struct kunit_case tcpx_seq_cases[] = {
	KUNIT_CASE(tcpx_before__is_irreflexive),
	KUNIT_CASE(tcpx_before__reaches_half_the_circle),
	KUNIT_CASE(tcpx_before__ends_at_half_the_circle),
	KUNIT_CASE(tcpx_after__mirrors_before),
	KUNIT_CASE(tcpx_between__includes_both_ends),
	KUNIT_CASE(tcpx_between__excludes_neighbours),
	KUNIT_CASE(tcpx_between__single_point),
	KUNIT_CASE(tcpx_between__longer_than_half),
	KUNIT_CASE_PARAM(tcpx_seq_acceptable__row, seq_row_gen_params),
	KUNIT_CASE(tcpx_seq_acceptable__small_windows),
	{}
};

static struct kunit_suite tcpx_seq_suite = {
	.name = "tcpx_seq",
	.test_cases = tcpx_seq_cases,
};

kunit_test_suites(&tcpx_seq_suite);
