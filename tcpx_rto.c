// SPDX-License-Identifier: GPL-2.0
/*
 * The retransmission timeout, RFC 6298.
 *
 * Floor 1. Which segment is timed (Karn, RFC 7323 RTTM) is the caller's
 * decision: a sample that comes here is a good one.
 */
#include "tcpx_proto.h"

/* The largest sample that fits into srtt, which is scaled by 8: 536 s. */
#define RTT_MAX		(~0U >> 3)

/* A shift that takes any RTO above 1 us out of 32 bits. */
#define SHIFT_MAX	32

/**
 * tcpx_rto_init() - start without a sample
 * @r: the estimate
 * @init_us: first retransmission timeout in microseconds, > 0: 1 s by RFC 6298
 *	2.1; 3 s once the SYN was retransmitted and no sample came (5.7)
 *
 * Context: Any.
 */
void tcpx_rto_init(struct tcpx_rto *r, u32 init_us)
{
	memset(r, 0, sizeof(*r));
	r->rto = init_us;
}

/**
 * tcpx_rto_sample() - take a round-trip time and end the back-off
 * @r: the estimate
 * @rtt_us: the sample in microseconds; 0 counts as 1, more than 536 s as 536 s
 * @min_us: floor of the variance term in microseconds
 * @max_us: largest RTO in microseconds, > 0
 *
 * RFC 6298 2.2, 2.3, with alpha = 1/8, beta = 1/4:
 *
 *	RTTVAR = 3/4 * RTTVAR + 1/4 * |SRTT - R|
 *	SRTT = 7/8 * SRTT + 1/8 * R
 *	RTO = SRTT + max(@min_us, 4 * RTTVAR)
 *
 * The clock granularity G of the RFC is @min_us here, and its floor of 1 s for
 * the whole RTO is not applied (2.4 is a SHOULD): the timeout is always @min_us
 * more than the smoothed time, so that a peer may delay an ACK as long as that,
 * and forged tiny samples cannot make us retransmit in a storm.
 *
 * Context: Any.
 */
void tcpx_rto_sample(struct tcpx_rto *r, u32 rtt_us, u32 min_us, u32 max_us)
{
	u32 rtt = clamp_t(u32, rtt_us, 1, RTT_MAX);
	u32 srtt = r->srtt >> 3;
	u64 rto;

	if (!r->srtt) {
		r->srtt = rtt << 3;
		r->rttvar = rtt << 1;
	} else {
		r->rttvar -= r->rttvar >> 2;
		r->rttvar += srtt > rtt ? srtt - rtt : rtt - srtt;
		r->srtt -= srtt;
		r->srtt += rtt;
	}
	if (!r->min_rtt || rtt < r->min_rtt)
		r->min_rtt = rtt;

	rto = (u64)(r->srtt >> 3) + max(min_us, r->rttvar);
	r->rto = (u32)min_t(u64, rto, max_us);
	r->backoff = 0;
}

/**
 * tcpx_rto_backoff() - double the timeout, RFC 6298 5.5
 * @r: the estimate; it stays, only the count of doublings grows, up to 255
 *
 * Context: Any.
 */
void tcpx_rto_backoff(struct tcpx_rto *r)
{
	if (r->backoff < 255)
		r->backoff++;
}

/**
 * tcpx_rto_current() - what the timer is set to
 * @r: the estimate
 * @max_us: largest RTO in microseconds (RFC 6298 2.5: at least 60 s)
 *
 * Context: Any.
 * Return: the timeout with back-off in microseconds, at most @max_us
 */
u32 tcpx_rto_current(const struct tcpx_rto *r, u32 max_us)
{
	u64 rto = (u64)r->rto << min_t(unsigned int, r->backoff, SHIFT_MAX);

	return (u32)min_t(u64, rto, max_us);
}

/**
 * tcpx_rto_total() - how long a segment is waited for in all
 * @init_us: first wait in microseconds
 * @max_us: longest single wait in microseconds
 * @retries: how many retransmissions follow the first transmission
 *
 * The lifetime of a SYN and of a half-open entry. With 1 s and 120 s: 63 s for
 * 5 retries, 127 s for 6.
 *
 * Context: Any.
 * Return: the sum of min(@init_us * 2^k, @max_us) over k = 0..@retries, in
 * microseconds
 */
u64 tcpx_rto_total(u32 init_us, u32 max_us, unsigned int retries)
{
	u64 wait = min(init_us, max_us);
	u64 total = wait;

	for (; retries && wait && wait < max_us; retries--) {
		wait = min_t(u64, wait * 2, max_us);
		total += wait;
	}
	return total + wait * retries;
}
