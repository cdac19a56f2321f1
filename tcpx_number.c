// SPDX-License-Identifier: GPL-2.0
/*
 * The numbers of a connection that a stranger must not guess: the formulas of
 * tcpx_cookie.c with the keys of the namespace and the clock.
 */
#include "tcpx.h"

/* Counts the epochs of cookies, see tcpx_cookie.c. */
static u32 tcpx_epoch(void)
{
	return (u32)(ktime_get_seconds() / TCPX_COOKIE_EPOCH_S);
}

/*
 * A number for a connection out of its hash: bits that choose neither bucket nor
 * shard, so that who sees the number does not learn where the connection is kept.
 */
static u32 hash_number(u64 hash)
{
	return (u32)(hash >> 24);
}

/**
 * tcpx_pick_isn - choose an initial sequence number, RFC 6528
 * @tn: the namespace
 * @hash: tcpx_tuple_hash() of the connection
 * @now_ns: ktime_get_ns()
 *
 * Return: the number; net.tcpx.lab_isn if that is set
 */
u32 tcpx_pick_isn(const struct tcpx_net *tn, u64 hash, u64 now_ns)
{
	u32 fixed = tcpx_param(tn, lab_isn);

	if (unlikely(fixed))
		return fixed;
	return tcpx_isn(hash_number(hash), now_ns);
}

static u64 cookie_hash(const struct tcpx_net *tn, u64 hash, u32 epoch)
{
	return siphash_1u64(hash + epoch, &tn->cookie_key);
}

/**
 * tcpx_pick_cookie - choose an initial sequence number that is a cookie
 * @tn: the namespace
 * @hash: tcpx_tuple_hash() of the connection
 * @irs: sequence number of the SYN
 * @index: its MSS, from tcpx_cookie_index()
 *
 * Return: the number
 */
u32 tcpx_pick_cookie(const struct tcpx_net *tn, u64 hash, u32 irs, u8 index)
{
	u32 epoch = tcpx_epoch();

	return tcpx_cookie_iss(hash_number(hash), cookie_hash(tn, hash, epoch),
			       irs, epoch, index);
}

/**
 * tcpx_check_cookie - is the number of an ACK a cookie?
 * @tn: the namespace
 * @hash: tcpx_tuple_hash() of the connection
 * @irs: SEG.SEQ - 1
 * @iss: SEG.ACK - 1
 *
 * Return: index of the MSS, -EBADMSG if it is none, -ESTALE if it is too old
 */
int tcpx_check_cookie(const struct tcpx_net *tn, u64 hash, u32 irs, u32 iss)
{
	u32 fixed = hash_number(hash), now = tcpx_epoch();
	u32 epoch = tcpx_cookie_epoch(fixed, irs, iss, now);
	int index = tcpx_cookie_check(fixed, cookie_hash(tn, hash, epoch), irs, iss);

	if (index >= 0 && now - epoch >= TCPX_COOKIE_EPOCHS)
		return -ESTALE;
	return index;
}

/**
 * tcpx_pick_ts_offset - choose the offset of a connection's timestamps
 * @tn: the namespace
 * @hash: tcpx_tuple_hash() of the connection
 *
 * Per connection (RFC 7323 7.1): TSvals of one 4-tuple stay monotonic, as RFC 6191
 * needs it, and tell neither the uptime nor, to who has a connection from the same
 * address, those of another one. A secret odd multiplier, because bits of the hash
 * itself are in sequence numbers, which a peer sees beside the TSval.
 *
 * Return: what is added to the millisecond clock
 */
u32 tcpx_pick_ts_offset(const struct tcpx_net *tn, u64 hash)
{
	return (u32)(hash * (tn->ts_key | 1) >> 32);
}
