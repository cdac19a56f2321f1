// SPDX-License-Identifier: GPL-2.0
/*
 * Congestion control: NewReno in octets.
 *
 * Floor 1. RFC 5681 (slow start, congestion avoidance, restart), RFC 6582 (fast
 * retransmit and fast recovery without SACK), RFC 3465 (growth by the octets
 * that an ACK covers, so that split ACKs gain nothing), RFC 6928 (initial
 * window).
 *
 * Everywhere: SMSS is in octets, 0 counts as 1 and more than 65535 as 65535; no
 * window exceeds 1 GiB, the largest that RFC 7323 can advertise.
 */
#include "tcpx_proto.h"

#define WINDOW_MAX	0x40000000U	/* 1 GiB */
#define SSTHRESH_NONE	0x7fffffffU
#define DUP_THRESH	3	/* RFC 5681 3.2 */
#define IW_SMSS		1460U	/* RFC 6928 2: 10 of these are 14600 */

static u32 sane_smss(u32 smss)
{
	return clamp_t(u32, smss, 1, 65535);
}

static void cwnd_add(struct tcpx_cong *c, u32 octets)
{
	c->cwnd = min(c->cwnd + octets, WINDOW_MAX);
}

/* RFC 6928 2 with @iw in place of 10. @smss is sane. */
static u32 initial_window(u32 smss, u32 iw)
{
	u64 segs = max(iw, 1U);
	u64 limit = max_t(u64, 2 * smss, segs * IW_SMSS);

	return (u32)min_t(u64, min(segs * smss, limit), WINDOW_MAX);
}

/* RFC 5681 equation 4 */
static void halve(struct tcpx_cong *c, u32 smss, u32 flight)
{
	c->ssthresh = clamp_t(u32, flight / 2, 2 * smss, WINDOW_MAX);
}

/**
 * tcpx_cong_init() - the window of a connection that was just established
 * @c: congestion control
 * @smss: sender maximum segment size
 * @iw: initial window in segments, 10 by RFC 6928; 0 counts as 1
 * @iss: initial send sequence number
 * @syn_rtx: how often the SYN or SYN-ACK was retransmitted
 *
 * RFC 6928 2: min(@iw * SMSS, max(2 * SMSS, @iw * 1460)), but one segment if
 * the SYN or SYN-ACK was retransmitted more than once. RFC 6582 3.2 step 1.
 *
 * Context: Any.
 */
void tcpx_cong_init(struct tcpx_cong *c, u32 smss, u32 iw, u32 iss,
		    unsigned int syn_rtx)
{
	memset(c, 0, sizeof(*c));
	c->cwnd = initial_window(sane_smss(smss), syn_rtx > 1 ? 1 : iw);
	c->ssthresh = SSTHRESH_NONE;
	c->recover = iss;
	c->state = TCPX_CONG_OPEN;
}

/* RFC 3465 2.2: at most @limit octets per ACK */
static void slow_start(struct tcpx_cong *c, u32 acked, u32 limit)
{
	cwnd_add(c, min(acked, limit));
}

/* RFC 3465 2.1: one SMSS when a whole window was acknowledged */
static void avoid_congestion(struct tcpx_cong *c, u32 smss, u32 acked)
{
	c->acked += min(acked, c->cwnd);
	if (c->acked < c->cwnd)
		return;
	c->acked -= c->cwnd;
	cwnd_add(c, smss);
}

/*
 * RFC 6582 3.2 step 3. Full: what is left in flight bounds the window, so no
 * burst follows. Partial: what left the network leaves the window, the segment
 * to be resent is put back.
 */
static bool recovery_ack(struct tcpx_cong *c, u32 smss, u32 acked, u32 una,
			 u32 flight)
{
	u32 left = flight > acked ? flight - acked : 0;

	if (tcpx_before(una, c->recover)) {
		c->cwnd = c->cwnd > acked ? c->cwnd - acked : 0;
		if (acked >= smss)
			cwnd_add(c, smss);
		c->cwnd = max(c->cwnd, smss);
		return true;
	}
	left = min(left, WINDOW_MAX);
	c->cwnd = min(c->ssthresh, max(left, smss) + smss);
	c->state = TCPX_CONG_OPEN;
	return false;
}

/**
 * tcpx_cong_ack() - an ACK advanced SND.UNA
 * @c: congestion control
 * @smss: sender maximum segment size
 * @acked: by how many octets
 * @una: SND.UNA now
 * @flight: octets in flight before this ACK
 * @limited: the congestion window kept us from sending; else it does not grow,
 *	for nothing has shown that the path could take more
 *
 * Fast recovery and the time after a timeout end when @una reaches the SND.NXT
 * that was current at the loss. After a timeout all that was in flight counts as
 * lost: the caller resends from SND.UNA as the window allows, in slow start with
 * one SMSS per ACK (RFC 3465 2.3); otherwise slow start takes up to two.
 *
 * Context: Any.
 * Return: true if the segment at SND.UNA must be resent (partial ACK in fast
 * recovery, RFC 6582 3.2 step 3)
 */
bool tcpx_cong_ack(struct tcpx_cong *c, u32 smss, u32 acked, u32 una,
		   u32 flight, bool limited)
{
	bool loss = c->state == TCPX_CONG_LOSS;

	smss = sane_smss(smss);
	c->dupacks = 0;
	if (c->state == TCPX_CONG_RECOVERY)
		return recovery_ack(c, smss, acked, una, flight);

	if (loss && !tcpx_before(una, c->recover))
		c->state = TCPX_CONG_OPEN;
	/* keep it near: 2 GiB later it would look like the future */
	if (tcpx_after(una, c->recover))
		c->recover = una - 1;

	if (!limited)
		return false;
	if (c->cwnd < c->ssthresh)
		slow_start(c, acked, loss ? smss : 2 * smss);
	else
		avoid_congestion(c, smss, acked);
	return false;
}

/**
 * tcpx_cong_dupack() - a duplicate ACK came (RFC 5681 2)
 * @c: congestion control
 * @smss: sender maximum segment size
 * @una: SND.UNA
 * @nxt: SND.NXT
 * @flight: octets in flight
 *
 * RFC 6582 3.2 step 2, RFC 5681 3.2 steps 2 to 4. The third in a row starts
 * fast recovery, but not before an ACK covers more than what was in flight at the
 * last loss: the duplicates may answer our own retransmissions. Each further one
 * means that a segment left the network, and widens the window by one. No more
 * can have left than were in flight at the beginning, which was 2 * ssthresh, or
 * less than 4 segments: the window stays within 3 * ssthresh, whoever sends
 * duplicates.
 *
 * Context: Any.
 * Return: true if the segment at SND.UNA must be resent (fast retransmit)
 */
bool tcpx_cong_dupack(struct tcpx_cong *c, u32 smss, u32 una, u32 nxt,
		      u32 flight)
{
	smss = sane_smss(smss);
	if (c->dupacks < 65535)
		c->dupacks++;
	if (c->state == TCPX_CONG_RECOVERY) {
		cwnd_add(c, smss);
		c->cwnd = min(c->cwnd, 3 * c->ssthresh);
		return false;
	}
	if (c->state != TCPX_CONG_OPEN || c->dupacks != DUP_THRESH ||
	    !tcpx_after(una, c->recover))
		return false;

	halve(c, smss, flight);
	c->cwnd = c->ssthresh;
	cwnd_add(c, DUP_THRESH * smss);
	c->acked = 0;
	c->recover = nxt;
	c->state = TCPX_CONG_RECOVERY;
	return true;
}

/**
 * tcpx_cong_timeout() - the retransmission timer fired
 * @c: congestion control
 * @smss: sender maximum segment size
 * @nxt: SND.NXT, the highest that was ever sent
 * @flight: octets in flight
 * @first: the segment was not resent by the timer before
 *
 * RFC 5681 3.1: the window is one segment; the threshold is halved once for a
 * segment, however often it is resent. RFC 6582 3.2 step 4.
 *
 * Context: Any.
 */
void tcpx_cong_timeout(struct tcpx_cong *c, u32 smss, u32 nxt, u32 flight,
		       bool first)
{
	smss = sane_smss(smss);
	if (first)
		halve(c, smss, flight);
	c->cwnd = smss;
	c->acked = 0;
	c->dupacks = 0;
	c->recover = nxt;
	c->state = TCPX_CONG_LOSS;
}

/**
 * tcpx_cong_idle() - nothing was sent for longer than the RTO
 * @c: congestion control
 * @smss: sender maximum segment size
 * @iw: initial window in segments; 0 counts as 1
 *
 * RFC 5681 4.1: the ACK clock has stopped, begin again with at most the initial
 * window. ssthresh keeps what is known of the path.
 *
 * Context: Any.
 */
void tcpx_cong_idle(struct tcpx_cong *c, u32 smss, u32 iw)
{
	c->cwnd = min(c->cwnd, initial_window(sane_smss(smss), iw));
	c->acked = 0;
}
