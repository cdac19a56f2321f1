// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of tcpx_cong.c: windows in octets, computed by hand from RFC 5681, 6582,
 * 3465 and 6928.
 *
 * In the traces SMSS is 1000, SND.UNA is 1001 and ten segments are in flight:
 * segment n is 1000 * n + 1 to 1000 * n + 1000.
 */
#include <kunit/test.h>

#include "../tcpx_proto.h"

#define SMSS	1000U
#define UNA	1001U
#define NXT	11001U
#define FLIGHT	10000U
#define NO_LIMIT 0x7fffffffU	/* ssthresh before the first loss */

static struct tcpx_cong cong(u32 cwnd, u32 ssthresh)
{
	return (struct tcpx_cong){
		.cwnd = cwnd,
		.ssthresh = ssthresh,
		.recover = UNA - 1,
		.state = TCPX_CONG_OPEN,
	};
}

/* @n duplicates; how many of them started a fast retransmit */
static int dupacks(struct tcpx_cong *c, u32 una, u32 nxt, int n)
{
	int started = 0;

	while (n--)
		started += tcpx_cong_dupack(c, SMSS, una, nxt, nxt - una);
	return started;
}

struct iw_case {
	const char *name;
	u32 smss;
	u32 iw;
	unsigned int syn_rtx;
	u32 cwnd;
};

static const struct iw_case iw_cases[] = {
	{ "Ethernet", 1460, 10, 0, 14600 },
	{ "Ethernet, timestamps", 1448, 10, 0, 14480 },
	{ "default MSS", 536, 10, 0, 5360 },
	{ "above 1460", 2000, 10, 0, 14600 },
	{ "jumbo frames: two segments", 8960, 10, 0, 17920 },
	{ "loopback: two segments", 65483, 10, 0, 130966 },
	{ "IW 1", 1460, 1, 0, 1460 },
	{ "IW 1, jumbo", 8960, 1, 0, 8960 },
	{ "IW 3", 1460, 3, 0, 4380 },
	{ "IW 0 is 1", 1460, 0, 0, 1460 },
	{ "one SYN retransmission", 1460, 10, 1, 14600 },
	{ "two SYN retransmissions", 1460, 10, 2, 1460 },
	{ "many SYN retransmissions", 1460, 10, 6, 1460 },
	{ "SMSS 0 is 1", 0, 10, 0, 10 },
	{ "SMSS above 65535", 0xffffffff, 1, 0, 65535 },
	{ "IW too large", 1460, 0xffffffff, 0, 1073741824 },
};

static void iw_desc(const struct iw_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(iw, iw_cases, iw_desc);

static void tcpx_cong_init__initial_window(struct kunit *test)
{
	const struct iw_case *p = test->param_value;
	struct tcpx_cong c;

	tcpx_cong_init(&c, p->smss, p->iw, 7, p->syn_rtx);
	KUNIT_EXPECT_EQ(test, c.cwnd, p->cwnd);
}

static void tcpx_cong_init__fields(struct kunit *test)
{
	struct tcpx_cong c;

	memset(&c, 0xa5, sizeof(c));
	tcpx_cong_init(&c, 1460, 10, 12345, 0);
	KUNIT_EXPECT_EQ(test, c.ssthresh, 0x7fffffffU);
	KUNIT_EXPECT_EQ(test, c.recover, 12345U);
	KUNIT_EXPECT_EQ(test, c.acked, 0U);
	KUNIT_EXPECT_EQ(test, c.dupacks, 0);
	KUNIT_EXPECT_EQ(test, c.state, TCPX_CONG_OPEN);
}

/* tcpx_cong_ack(): growth */

struct growth_case {
	const char *name;
	u8 state;
	u32 cwnd;
	u32 ssthresh;
	u32 acked;
	bool limited;
	u32 want;
};

static const struct growth_case growth_cases[] = {
	{ "slow start, part of a segment", TCPX_CONG_OPEN, 10000, NO_LIMIT,
	  500, true, 10500 },
	{ "slow start, one segment", TCPX_CONG_OPEN, 10000, NO_LIMIT,
	  1000, true, 11000 },
	{ "slow start, delayed ACK", TCPX_CONG_OPEN, 10000, NO_LIMIT,
	  2000, true, 12000 },
	{ "slow start, stretch ACK: L = 2", TCPX_CONG_OPEN, 10000, NO_LIMIT,
	  10000, true, 12000 },
	{ "slow start, not limited", TCPX_CONG_OPEN, 10000, NO_LIMIT,
	  1000, false, 10000 },
	{ "slow start, one below ssthresh", TCPX_CONG_OPEN, 10000, 10001,
	  1000, true, 11000 },
	{ "avoidance at ssthresh", TCPX_CONG_OPEN, 10000, 10000,
	  1000, true, 10000 },
	{ "avoidance, a whole window", TCPX_CONG_OPEN, 10000, 5000,
	  10000, true, 11000 },
	{ "avoidance, more than a window", TCPX_CONG_OPEN, 10000, 5000,
	  40000, true, 11000 },
	{ "avoidance, not limited", TCPX_CONG_OPEN, 10000, 5000,
	  10000, false, 10000 },
	{ "after a timeout, stretch ACK: L = 1", TCPX_CONG_LOSS, 1000, 5000,
	  4000, true, 2000 },
	{ "after a timeout, at ssthresh", TCPX_CONG_LOSS, 5000, 5000,
	  4000, true, 5000 },
	{ "1 GiB is the end", TCPX_CONG_OPEN, 1073741824, NO_LIMIT,
	  1000, true, 1073741824 },
	{ "nearly 1 GiB", TCPX_CONG_OPEN, 1073741823, NO_LIMIT,
	  1000, true, 1073741824 },
};

static void growth_desc(const struct growth_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(growth, growth_cases, growth_desc);

static void tcpx_cong_ack__growth(struct kunit *test)
{
	const struct growth_case *p = test->param_value;
	struct tcpx_cong c = cong(p->cwnd, p->ssthresh);

	c.state = p->state;
	c.recover = 0x10000000;
	KUNIT_EXPECT_FALSE(test, tcpx_cong_ack(&c, SMSS, p->acked,
					       UNA + p->acked, p->cwnd,
					       p->limited));
	KUNIT_EXPECT_EQ(test, c.cwnd, p->want);
	KUNIT_EXPECT_EQ(test, c.ssthresh, p->ssthresh);
}

/* Ten ACKs of a tenth of the window: one segment more, with the tenth */
static void tcpx_cong_ack__one_segment_per_window(struct kunit *test)
{
	struct tcpx_cong c = cong(10000, 5000);
	u32 una = UNA;
	int i;

	for (i = 0; i < 9; i++) {
		una += 1000;
		tcpx_cong_ack(&c, SMSS, 1000, una, 10000, true);
		KUNIT_ASSERT_EQ_MSG(test, c.cwnd, 10000U, "ACK %d", i);
	}
	tcpx_cong_ack(&c, SMSS, 1000, una + 1000, 10000, true);
	KUNIT_EXPECT_EQ(test, c.cwnd, 11000U);
	KUNIT_EXPECT_EQ(test, c.acked, 0U);
}

/* SEC-29, ACK division: 1000 ACKs of one octet are worth one of 1000 octets. */
static void tcpx_cong_ack__division_gains_nothing(struct kunit *test)
{
	struct tcpx_cong slow = cong(10000, NO_LIMIT);
	struct tcpx_cong avoid = cong(10000, 5000);
	u32 una = UNA;
	int i;

	for (i = 0; i < 1000; i++) {
		una++;
		tcpx_cong_ack(&slow, SMSS, 1, una, FLIGHT, true);
		tcpx_cong_ack(&avoid, SMSS, 1, una, FLIGHT, true);
	}
	KUNIT_EXPECT_EQ(test, slow.cwnd, 11000U);
	KUNIT_EXPECT_EQ(test, avoid.cwnd, 10000U);
}

static void tcpx_cong_ack__ends_the_row_of_dupacks(struct kunit *test)
{
	struct tcpx_cong c = cong(10000, NO_LIMIT);

	KUNIT_EXPECT_EQ(test, dupacks(&c, UNA, NXT, 2), 0);
	tcpx_cong_ack(&c, SMSS, 1000, 2001, FLIGHT, true);
	KUNIT_EXPECT_EQ(test, dupacks(&c, 2001, NXT, 2), 0);
	KUNIT_EXPECT_EQ(test, c.state, TCPX_CONG_OPEN);
	KUNIT_EXPECT_EQ(test, c.dupacks, 2);
}

/* tcpx_cong_ack(): fast recovery */

/*
 * Segment 1 lost. Nine duplicates: 3 start, ssthresh 5000, cwnd 8000; 6 more,
 * cwnd 14000, which lets segments 11 to 14 out. The retransmission fills the
 * hole: 4 segments are left in flight, cwnd = min(5000, 4000 + 1000).
 */
static void tcpx_cong_ack__one_loss(struct kunit *test)
{
	struct tcpx_cong c = cong(10000, NO_LIMIT);

	KUNIT_EXPECT_EQ(test, dupacks(&c, UNA, NXT, 9), 1);
	KUNIT_EXPECT_EQ(test, c.cwnd, 14000U);
	KUNIT_EXPECT_FALSE(test, tcpx_cong_ack(&c, SMSS, 10000, NXT, 14000,
					       true));
	KUNIT_EXPECT_EQ(test, c.state, TCPX_CONG_OPEN);
	KUNIT_EXPECT_EQ(test, c.cwnd, 5000U);
	KUNIT_EXPECT_EQ(test, c.ssthresh, 5000U);
}

/*
 * Segments 1 and 5 lost. Eight duplicates: cwnd 13000, segments 11 to 13 leave.
 * The ACK of segments 1 to 4 is partial: cwnd 13000 - 4000 + 1000, resend
 * segment 5. Its ACK covers 5 to 10; 3 segments stay in flight: cwnd =
 * min(5000, 3000 + 1000).
 */
static void tcpx_cong_ack__two_losses(struct kunit *test)
{
	struct tcpx_cong c = cong(10000, NO_LIMIT);

	KUNIT_EXPECT_EQ(test, dupacks(&c, UNA, NXT, 8), 1);
	KUNIT_EXPECT_EQ(test, c.cwnd, 13000U);
	KUNIT_EXPECT_TRUE(test, tcpx_cong_ack(&c, SMSS, 4000, 5001, 13000,
					      true));
	KUNIT_EXPECT_EQ(test, c.state, TCPX_CONG_RECOVERY);
	KUNIT_EXPECT_EQ(test, c.cwnd, 10000U);
	KUNIT_EXPECT_FALSE(test, tcpx_cong_ack(&c, SMSS, 6000, NXT, 9000,
					       true));
	KUNIT_EXPECT_EQ(test, c.state, TCPX_CONG_OPEN);
	KUNIT_EXPECT_EQ(test, c.cwnd, 4000U);
	KUNIT_EXPECT_EQ(test, c.ssthresh, 5000U);
}

/* Less than a segment acknowledged: nothing is put back (RFC 6582 3.2). */
static void tcpx_cong_ack__small_partial(struct kunit *test)
{
	struct tcpx_cong c = cong(10000, NO_LIMIT);

	dupacks(&c, UNA, NXT, 3);
	KUNIT_EXPECT_TRUE(test, tcpx_cong_ack(&c, SMSS, 999, 2000, FLIGHT,
					      true));
	KUNIT_EXPECT_EQ(test, c.cwnd, 8000U - 999);
}

static void tcpx_cong_ack__partial_of_one_segment(struct kunit *test)
{
	struct tcpx_cong c = cong(10000, NO_LIMIT);

	dupacks(&c, UNA, NXT, 3);
	KUNIT_EXPECT_TRUE(test, tcpx_cong_ack(&c, SMSS, 1000, 2001, FLIGHT,
					      true));
	KUNIT_EXPECT_EQ(test, c.cwnd, 8000U);
}

static void tcpx_cong_ack__partials_leave_one_segment(struct kunit *test)
{
	struct tcpx_cong c = cong(10000, NO_LIMIT);
	u32 una = UNA;
	int i;

	dupacks(&c, UNA, NXT, 3);
	for (i = 0; i < 10; i++) {
		una += 999;
		tcpx_cong_ack(&c, SMSS, 999, una, FLIGHT, true);
	}
	KUNIT_EXPECT_EQ(test, c.state, TCPX_CONG_RECOVERY);
	KUNIT_EXPECT_EQ(test, c.cwnd, 1000U);
}

/* One octet short of what was sent at the loss is still partial. */
static void tcpx_cong_ack__last_octet_missing(struct kunit *test)
{
	struct tcpx_cong c = cong(10000, NO_LIMIT);

	dupacks(&c, UNA, NXT, 3);
	KUNIT_EXPECT_TRUE(test, tcpx_cong_ack(&c, SMSS, 9999, NXT - 1, FLIGHT,
					      true));
	KUNIT_EXPECT_EQ(test, c.cwnd, 1000U);
	KUNIT_EXPECT_FALSE(test, tcpx_cong_ack(&c, SMSS, 1, NXT, 1, true));
	KUNIT_EXPECT_EQ(test, c.state, TCPX_CONG_OPEN);
}

/* All acknowledged, nothing in flight: two segments, no burst of five */
static void tcpx_cong_ack__full_with_empty_flight(struct kunit *test)
{
	struct tcpx_cong c = cong(10000, NO_LIMIT);

	dupacks(&c, UNA, NXT, 9);
	KUNIT_EXPECT_FALSE(test, tcpx_cong_ack(&c, SMSS, 10000, NXT, 10000,
					       true));
	KUNIT_EXPECT_EQ(test, c.cwnd, 2000U);
}

static void tcpx_cong_ack__full_with_absurd_flight(struct kunit *test)
{
	struct tcpx_cong c = cong(10000, NO_LIMIT);

	dupacks(&c, UNA, NXT, 3);
	tcpx_cong_ack(&c, SMSS, 0, NXT, 0xffffffff, true);
	KUNIT_EXPECT_EQ(test, c.cwnd, 5000U);
}

static void tcpx_cong_ack__recovery_over_the_wrap(struct kunit *test)
{
	struct tcpx_cong c = cong(10000, NO_LIMIT);
	u32 una = 0xfffff000;
	u32 nxt = una + 10000;

	c.recover = una - 1;
	KUNIT_EXPECT_EQ(test, dupacks(&c, una, nxt, 3), 1);
	KUNIT_EXPECT_TRUE(test, tcpx_cong_ack(&c, SMSS, 9000, una + 9000,
					      10000, true));
	KUNIT_EXPECT_FALSE(test, tcpx_cong_ack(&c, SMSS, 1000, nxt, 1000,
					       true));
	KUNIT_EXPECT_EQ(test, c.state, TCPX_CONG_OPEN);
}

/* 5 GB without a loss: the mark of the last one must not become the future. */
static void tcpx_cong_ack__mark_does_not_age(struct kunit *test)
{
	struct tcpx_cong c = cong(10000, 10000);
	u32 una = UNA;
	int i;

	for (i = 0; i < 50; i++) {
		una += 100000000;
		tcpx_cong_ack(&c, SMSS, 100000000, una, 100000000, false);
		KUNIT_ASSERT_EQ_MSG(test, dupacks(&c, una, una + 9000, 2), 0,
				    "step %d", i);
		KUNIT_ASSERT_TRUE_MSG(test, tcpx_after(una, c.recover),
				      "step %d", i);
	}
	KUNIT_EXPECT_EQ(test, dupacks(&c, una, una + 9000, 1), 1);
}

/* tcpx_cong_dupack() */

static void tcpx_cong_dupack__third_starts(struct kunit *test)
{
	struct tcpx_cong c = cong(10000, NO_LIMIT);

	c.acked = 4711;
	KUNIT_EXPECT_FALSE(test, tcpx_cong_dupack(&c, SMSS, UNA, NXT, FLIGHT));
	KUNIT_EXPECT_FALSE(test, tcpx_cong_dupack(&c, SMSS, UNA, NXT, FLIGHT));
	KUNIT_EXPECT_EQ(test, c.cwnd, 10000U);
	KUNIT_EXPECT_TRUE(test, tcpx_cong_dupack(&c, SMSS, UNA, NXT, FLIGHT));
	KUNIT_EXPECT_EQ(test, c.state, TCPX_CONG_RECOVERY);
	KUNIT_EXPECT_EQ(test, c.ssthresh, 5000U);
	KUNIT_EXPECT_EQ(test, c.cwnd, 8000U);
	KUNIT_EXPECT_EQ(test, c.recover, NXT);
	KUNIT_EXPECT_EQ(test, c.acked, 0U);
}

/* Half the flight, not half the window: RFC 5681 equation 4 */
static void tcpx_cong_dupack__half_of_the_flight(struct kunit *test)
{
	struct tcpx_cong c = cong(100000, NO_LIMIT);

	KUNIT_EXPECT_EQ(test, dupacks(&c, UNA, UNA + 6000, 3), 1);
	KUNIT_EXPECT_EQ(test, c.ssthresh, 3000U);
	KUNIT_EXPECT_EQ(test, c.cwnd, 6000U);
}

static void tcpx_cong_dupack__two_segments_at_least(struct kunit *test)
{
	struct tcpx_cong c = cong(10000, NO_LIMIT);

	KUNIT_EXPECT_EQ(test, dupacks(&c, UNA, UNA + 400, 3), 1);
	KUNIT_EXPECT_EQ(test, c.ssthresh, 2000U);
	KUNIT_EXPECT_EQ(test, c.cwnd, 5000U);
}

static void tcpx_cong_dupack__each_further_one_inflates(struct kunit *test)
{
	struct tcpx_cong c = cong(10000, NO_LIMIT);

	dupacks(&c, UNA, NXT, 3);
	KUNIT_EXPECT_FALSE(test, tcpx_cong_dupack(&c, SMSS, UNA, NXT, FLIGHT));
	KUNIT_EXPECT_EQ(test, c.cwnd, 9000U);
	KUNIT_EXPECT_FALSE(test, tcpx_cong_dupack(&c, SMSS, UNA, NXT, FLIGHT));
	KUNIT_EXPECT_EQ(test, c.cwnd, 10000U);
	KUNIT_EXPECT_EQ(test, c.ssthresh, 5000U);
}

/* SEC-29: 100000 spoofed duplicates; ssthresh 5000 + flight 10000 */
static void tcpx_cong_dupack__flood_is_bounded(struct kunit *test)
{
	struct tcpx_cong c = cong(10000, NO_LIMIT);

	KUNIT_EXPECT_EQ(test, dupacks(&c, UNA, NXT, 100000), 1);
	KUNIT_EXPECT_EQ(test, c.cwnd, 15000U);
	KUNIT_EXPECT_EQ(test, c.ssthresh, 5000U);
	KUNIT_EXPECT_EQ(test, c.dupacks, 65535);
}

/* The bound holds when the flight grows with the window. */
static void tcpx_cong_dupack__flood_does_not_feed_itself(struct kunit *test)
{
	struct tcpx_cong c = cong(10000, NO_LIMIT);
	int i;

	for (i = 0; i < 1000; i++)
		tcpx_cong_dupack(&c, SMSS, UNA, UNA + c.cwnd, c.cwnd);
	KUNIT_EXPECT_EQ(test, c.cwnd, 15000U);
}

/* RFC 6582 3.2 step 2: up to the mark of the last loss no new recovery */
static void tcpx_cong_dupack__not_before_the_mark(struct kunit *test)
{
	struct tcpx_cong c = cong(10000, 5000);

	c.recover = NXT;
	KUNIT_EXPECT_EQ(test, dupacks(&c, UNA, NXT, 10), 0);
	KUNIT_EXPECT_EQ(test, c.cwnd, 10000U);
	KUNIT_EXPECT_EQ(test, c.ssthresh, 5000U);
}

static void tcpx_cong_dupack__not_at_the_mark(struct kunit *test)
{
	struct tcpx_cong c = cong(10000, 5000);

	c.recover = UNA;
	KUNIT_EXPECT_EQ(test, dupacks(&c, UNA, NXT, 10), 0);
	KUNIT_EXPECT_EQ(test, c.state, TCPX_CONG_OPEN);
}

/* The first data segment of a connection may be lost, too. */
static void tcpx_cong_dupack__first_segment_lost(struct kunit *test)
{
	struct tcpx_cong c;

	tcpx_cong_init(&c, SMSS, 10, UNA - 1, 0);
	KUNIT_EXPECT_EQ(test, dupacks(&c, UNA, NXT, 3), 1);
}

static void tcpx_cong_dupack__not_after_a_timeout(struct kunit *test)
{
	struct tcpx_cong c = cong(10000, NO_LIMIT);

	tcpx_cong_timeout(&c, SMSS, NXT, FLIGHT, true);
	KUNIT_EXPECT_EQ(test, dupacks(&c, UNA, NXT, 10), 0);
	KUNIT_EXPECT_EQ(test, c.state, TCPX_CONG_LOSS);
	KUNIT_EXPECT_EQ(test, c.cwnd, 1000U);
}

/* tcpx_cong_timeout() */

static void tcpx_cong_timeout__one_segment(struct kunit *test)
{
	struct tcpx_cong c = cong(10000, NO_LIMIT);

	c.acked = 4711;
	tcpx_cong_timeout(&c, SMSS, NXT, FLIGHT, true);
	KUNIT_EXPECT_EQ(test, c.state, TCPX_CONG_LOSS);
	KUNIT_EXPECT_EQ(test, c.cwnd, 1000U);
	KUNIT_EXPECT_EQ(test, c.ssthresh, 5000U);
	KUNIT_EXPECT_EQ(test, c.recover, NXT);
	KUNIT_EXPECT_EQ(test, c.acked, 0U);
}

static void tcpx_cong_timeout__again_keeps_ssthresh(struct kunit *test)
{
	struct tcpx_cong c = cong(10000, NO_LIMIT);

	tcpx_cong_timeout(&c, SMSS, NXT, FLIGHT, true);
	tcpx_cong_timeout(&c, SMSS, NXT, SMSS, false);
	KUNIT_EXPECT_EQ(test, c.ssthresh, 5000U);
	KUNIT_EXPECT_EQ(test, c.cwnd, 1000U);
}

static void tcpx_cong_timeout__two_segments_at_least(struct kunit *test)
{
	struct tcpx_cong c = cong(10000, NO_LIMIT);

	tcpx_cong_timeout(&c, SMSS, UNA + 100, 100, true);
	KUNIT_EXPECT_EQ(test, c.ssthresh, 2000U);
}

static void tcpx_cong_timeout__ends_fast_recovery(struct kunit *test)
{
	struct tcpx_cong c = cong(10000, NO_LIMIT);

	dupacks(&c, UNA, NXT, 5);
	tcpx_cong_timeout(&c, SMSS, NXT + 3000, 13000, true);
	KUNIT_EXPECT_EQ(test, c.state, TCPX_CONG_LOSS);
	KUNIT_EXPECT_EQ(test, c.ssthresh, 6500U);
	KUNIT_EXPECT_EQ(test, c.recover, NXT + 3000);
	KUNIT_EXPECT_EQ(test, c.dupacks, 0);
}

/*
 * ssthresh 5000. One segment per ACK up to it; the ACK of all that was in flight
 * ends the loss and brings one segment, too (RFC 3465 2.3); later ACKs bring
 * two.
 */
static void tcpx_cong_timeout__slow_start_follows(struct kunit *test)
{
	struct tcpx_cong c = cong(10000, NO_LIMIT);

	tcpx_cong_timeout(&c, SMSS, NXT, FLIGHT, true);
	tcpx_cong_ack(&c, SMSS, 1000, 2001, 1000, true);
	KUNIT_EXPECT_EQ(test, c.cwnd, 2000U);
	KUNIT_EXPECT_EQ(test, c.state, TCPX_CONG_LOSS);
	tcpx_cong_ack(&c, SMSS, 9000, NXT, 2000, true);
	KUNIT_EXPECT_EQ(test, c.cwnd, 3000U);
	KUNIT_EXPECT_EQ(test, c.state, TCPX_CONG_OPEN);
	tcpx_cong_ack(&c, SMSS, 2000, NXT + 2000, 3000, true);
	KUNIT_EXPECT_EQ(test, c.cwnd, 5000U);
	tcpx_cong_ack(&c, SMSS, 2000, NXT + 4000, 5000, true);
	KUNIT_EXPECT_EQ(test, c.cwnd, 5000U);
}

/* tcpx_cong_idle() */

static void tcpx_cong_idle__back_to_the_initial_window(struct kunit *test)
{
	struct tcpx_cong c = cong(500000, 300000);

	c.acked = 4711;
	tcpx_cong_idle(&c, 1460, 10);
	KUNIT_EXPECT_EQ(test, c.cwnd, 14600U);
	KUNIT_EXPECT_EQ(test, c.ssthresh, 300000U);
	KUNIT_EXPECT_EQ(test, c.acked, 0U);
}

static void tcpx_cong_idle__does_not_raise(struct kunit *test)
{
	struct tcpx_cong c = cong(2920, 5000);

	tcpx_cong_idle(&c, 1460, 10);
	KUNIT_EXPECT_EQ(test, c.cwnd, 2920U);
}

/* SMSS 0 counts as 1, everywhere. */
static void tcpx_cong__smss_0(struct kunit *test)
{
	struct tcpx_cong c = cong(4, 2);
	int i;

	for (i = 0; i < 4; i++)
		tcpx_cong_ack(&c, 0, 1, UNA + i, 4, true);
	KUNIT_EXPECT_EQ(test, c.cwnd, 5U);
	for (i = 0; i < 3; i++)
		tcpx_cong_dupack(&c, 0, UNA + 3, UNA + 8, 5);
	KUNIT_EXPECT_EQ(test, c.cwnd, 5U);
	tcpx_cong_timeout(&c, 0, UNA + 8, 5, true);
	KUNIT_EXPECT_EQ(test, c.cwnd, 1U);
	tcpx_cong_idle(&c, 0, 10);
	KUNIT_EXPECT_EQ(test, c.cwnd, 1U);
}

static struct kunit_case tcpx_cong_cases[] = {
	KUNIT_CASE_PARAM(tcpx_cong_init__initial_window, iw_gen_params),
	KUNIT_CASE(tcpx_cong_init__fields),
	KUNIT_CASE_PARAM(tcpx_cong_ack__growth, growth_gen_params),
	KUNIT_CASE(tcpx_cong_ack__one_segment_per_window),
	KUNIT_CASE(tcpx_cong_ack__division_gains_nothing),
	KUNIT_CASE(tcpx_cong_ack__ends_the_row_of_dupacks),
	KUNIT_CASE(tcpx_cong_ack__one_loss),
	KUNIT_CASE(tcpx_cong_ack__two_losses),
	KUNIT_CASE(tcpx_cong_ack__small_partial),
	KUNIT_CASE(tcpx_cong_ack__partial_of_one_segment),
	KUNIT_CASE(tcpx_cong_ack__partials_leave_one_segment),
	KUNIT_CASE(tcpx_cong_ack__last_octet_missing),
	KUNIT_CASE(tcpx_cong_ack__full_with_empty_flight),
	KUNIT_CASE(tcpx_cong_ack__full_with_absurd_flight),
	KUNIT_CASE(tcpx_cong_ack__recovery_over_the_wrap),
	KUNIT_CASE(tcpx_cong_ack__mark_does_not_age),
	KUNIT_CASE(tcpx_cong_dupack__third_starts),
	KUNIT_CASE(tcpx_cong_dupack__half_of_the_flight),
	KUNIT_CASE(tcpx_cong_dupack__two_segments_at_least),
	KUNIT_CASE(tcpx_cong_dupack__each_further_one_inflates),
	KUNIT_CASE(tcpx_cong_dupack__flood_is_bounded),
	KUNIT_CASE(tcpx_cong_dupack__flood_does_not_feed_itself),
	KUNIT_CASE(tcpx_cong_dupack__not_before_the_mark),
	KUNIT_CASE(tcpx_cong_dupack__not_at_the_mark),
	KUNIT_CASE(tcpx_cong_dupack__first_segment_lost),
	KUNIT_CASE(tcpx_cong_dupack__not_after_a_timeout),
	KUNIT_CASE(tcpx_cong_timeout__one_segment),
	KUNIT_CASE(tcpx_cong_timeout__again_keeps_ssthresh),
	KUNIT_CASE(tcpx_cong_timeout__two_segments_at_least),
	KUNIT_CASE(tcpx_cong_timeout__ends_fast_recovery),
	KUNIT_CASE(tcpx_cong_timeout__slow_start_follows),
	KUNIT_CASE(tcpx_cong_idle__back_to_the_initial_window),
	KUNIT_CASE(tcpx_cong_idle__does_not_raise),
	KUNIT_CASE(tcpx_cong__smss_0),
	{}
};

static struct kunit_suite tcpx_cong_suite = {
	.name = "tcpx_cong",
	.test_cases = tcpx_cong_cases,
};

kunit_test_suites(&tcpx_cong_suite);
