// SPDX-License-Identifier: GPL-2.0
/*
 * Numbers that a stranger must not guess: initial sequence numbers, cookies and
 * timestamp offsets.
 *
 * Floor 1. The keyed hash of addresses, ports and protocol (SipHash with a
 * secret per network namespace) and the time are arguments.
 */
#include "tcpx_proto.h"

/**
 * tcpx_isn() - an initial sequence number
 * @hash: keyed hash of the 4-tuple
 * @now_ns: a clock that never goes back, in nanoseconds
 *
 * RFC 6528 3: ISN = M + F(localip, localport, remoteip, remoteport, secretkey).
 * M counts 64 ns: it wraps after 274 s and outruns a sender below 125 Mbit/s, so
 * a later incarnation of a connection starts above the earlier one (RFC 9293
 * 3.4.1).
 *
 * Context: Any.
 * Return: the initial sequence number
 */
u32 tcpx_isn(u64 hash, u64 now_ns)
{
	return (u32)hash + (u32)(now_ns >> 6);
}

/*
 * SYN cookies (RFC 4987 3.6): the sequence number of a SYN-ACK that holds what a
 * half-open entry would have to remember.
 *
 *   ISS = h + IRS + (epoch << 24) + ((h(epoch) + index) mod 2^24)
 *
 * h is the keyed hash of the 4-tuple, h(epoch) one of 4-tuple and epoch, index
 * the MSS as an index of eight. An epoch lasts 32 s; the present one and the one
 * before are believed. Of 2^32 numbers 2 x 8 are good for a 4-tuple at any time:
 * a blind ACK hits one with 2^-28; where cookies_require_ts is set with about
 * 2^-44, since it must also name a TSval of the last 64 s. From one epoch to the
 * next the number grows, as the clock of RFC 9293 3.4.1 wants it.
 *
 * Window scale, SACK and ECN are in the low six bits of the SYN-ACK's TSval,
 * which the peer repeats; without timestamps they are not agreed.
 */
#define INDEX_MASK	((1U << TCPX_COOKIE_EPOCH_SHIFT) - 1)
#define TS_BITS		6
#define TS_MASK		((1U << TS_BITS) - 1)
#define TS_WSCALE	0x0f
#define TS_NO_WSCALE	0x0f	/* more than TCPX_WSCALE_MAX: none */
#define TS_SACK		0x10
#define TS_ECN		0x20

/*
 * The sizes that are met: tunnels, PPPoE, Ethernet, jumbo frames. The first is
 * what min_snd_mss allows at least, so that none is rounded up.
 */
static const u16 cookie_mss[2][TCPX_COOKIE_NMSS] = {
	{ 48, 536, 1220, 1360, 1400, 1440, 1460, 8960 },
	{ 48, 536, 1220, 1340, 1380, 1420, 1440, 8940 },
};

/**
 * tcpx_cookie_index() - the MSS as a cookie holds it
 * @mss: MSS option of the peer, or the default of its family
 * @v6: over IPv6
 *
 * Context: Any.
 * Return: index of the largest MSS that is not above @mss, 0..7
 */
u8 tcpx_cookie_index(u16 mss, bool v6)
{
	u8 i = TCPX_COOKIE_NMSS - 1;

	while (i && cookie_mss[v6][i] > mss)
		i--;
	return i;
}

/**
 * tcpx_cookie_mss() - the MSS that an index stands for
 * @index: 0..7
 * @v6: over IPv6
 *
 * Context: Any.
 * Return: octets
 */
u16 tcpx_cookie_mss(u8 index, bool v6)
{
	return cookie_mss[v6][index];
}

/**
 * tcpx_cookie_iss() - a sequence number that is a cookie
 * @hash: keyed hash of the 4-tuple
 * @epoch_hash: keyed hash of the 4-tuple and @epoch
 * @irs: sequence number of the SYN
 * @epoch: the present one
 * @index: of the MSS, 0..7
 *
 * Context: Any.
 * Return: ISS
 */
u32 tcpx_cookie_iss(u64 hash, u64 epoch_hash, u32 irs, u32 epoch, u8 index)
{
	return (u32)hash + irs + (epoch << TCPX_COOKIE_EPOCH_SHIFT) +
	       (((u32)epoch_hash + index) & INDEX_MASK);
}

/**
 * tcpx_cookie_epoch() - the epoch in which a cookie claims to be made
 * @hash: keyed hash of the 4-tuple
 * @irs: SEG.SEQ - 1 of the ACK
 * @iss: SEG.ACK - 1
 * @now: the present epoch
 *
 * Context: Any.
 * Return: the latest epoch up to @now that fits, at most 255 before it
 */
u32 tcpx_cookie_epoch(u64 hash, u32 irs, u32 iss, u32 now)
{
	u32 claimed = (iss - (u32)hash - irs) >> TCPX_COOKIE_EPOCH_SHIFT;

	return now - (u8)(now - claimed);
}

/**
 * tcpx_cookie_check() - is a sequence number a cookie of ours?
 * @hash: keyed hash of the 4-tuple
 * @epoch_hash: keyed hash of the 4-tuple and tcpx_cookie_epoch()
 * @irs: SEG.SEQ - 1 of the ACK
 * @iss: SEG.ACK - 1
 *
 * Context: Any.
 * Return: index of the MSS, or -EBADMSG
 */
int tcpx_cookie_check(u64 hash, u64 epoch_hash, u32 irs, u32 iss)
{
	u32 index = (iss - (u32)hash - irs - (u32)epoch_hash) & INDEX_MASK;

	return index < TCPX_COOKIE_NMSS ? (int)index : -EBADMSG;
}

/**
 * tcpx_cookie_tsval() - a TSval that holds the options of a SYN
 * @now: what TSval would be without
 * @opts: what is agreed, enum tcpx_tcb_flags
 * @wscale: the peer's shift, with TCPX_TCB_WS
 * @ecn: ECN is agreed
 *
 * Context: Any.
 * Return: TSval, up to 126 ms before @now and never after it
 */
u32 tcpx_cookie_tsval(u32 now, u8 opts, u8 wscale, bool ecn)
{
	u32 tsval = now & ~TS_MASK;

	tsval |= opts & TCPX_TCB_WS ? wscale & TS_WSCALE : TS_NO_WSCALE;
	if (opts & TCPX_TCB_SACK)
		tsval |= TS_SACK;
	if (ecn)
		tsval |= TS_ECN;
	return tcpx_after(tsval, now) ? tsval - (1U << TS_BITS) : tsval;
}

/**
 * tcpx_cookie_options() - the options that a TSecr stands for
 * @tsecr: TSecr of the ACK
 * @now: what TSval would be now, without options in it
 * @wscale: set to the peer's shift, 0 without
 * @ecn: set if ECN is agreed
 *
 * Context: Any.
 * Return: enum tcpx_tcb_flags, -ESTALE if it was sent more than TCPX_COOKIE_LIFE_MS
 *	ago, -EBADMSG if it was not sent yet
 */
int tcpx_cookie_options(u32 tsecr, u32 now, u8 *wscale, bool *ecn)
{
	u8 shift = tsecr & TS_WSCALE;
	int opts = TCPX_TCB_TS;

	if (tcpx_after(tsecr, now))
		return -EBADMSG;
	if (now - tsecr > TCPX_COOKIE_LIFE_MS)
		return -ESTALE;
	*wscale = 0;
	*ecn = tsecr & TS_ECN;
	if (shift != TS_NO_WSCALE) {
		*wscale = shift;
		opts |= TCPX_TCB_WS;
	}
	if (tsecr & TS_SACK)
		opts |= TCPX_TCB_SACK;
	return opts;
}
