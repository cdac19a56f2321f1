// SPDX-License-Identifier: GPL-2.0
/*
 * Segments without a socket: RSTs, challenge ACKs, SYN-ACKs of half-open entries and
 * of cookies. They leave by the control socket of their namespace.
 */
#include <linux/if_vlan.h>
#include <net/dst.h>

#include "tcpx.h"

#define REPLY_TAIL	64U

/*
 * An skb for a segment without a socket. Where nobody else holds the segment that
 * is answered its memory serves again, as in forwarding: a flood makes us
 * allocate nothing to refuse it or to answer it by a cookie.
 */
static struct sk_buff *reply_skb(struct tcpx_spare *spare, unsigned int need)
{
	struct sk_buff *skb = spare->skb;

	if (!skb || skb_shared(skb) || skb_cloned(skb) || skb_is_gso(skb) ||
	    skb_is_nonlinear(skb) || skb_shinfo(skb)->tx_flags ||
	    skb_end_offset(skb) < need) {
		skb = alloc_skb(TCPX_HEADROOM, GFP_ATOMIC | __GFP_NOWARN);
		if (skb)
			skb_reserve(skb, TCPX_HEADROOM);
		return skb;
	}
	spare->skb = NULL;
	skb_orphan(skb);
	skb_scrub_packet(skb, true);
	skb_clear_hash(skb);
	__vlan_hwaccel_clear_tag(skb);
	skb_init_secmark(skb);
	skb_unset_mac_header(skb);
	skb->dev = NULL;
	skb->priority = 0;
	skb->len = 0;
	skb->data = skb->head;
	skb_reset_tail_pointer(skb);
	/* What is more than needed goes behind: drivers pad, IPsec appends. */
	skb_reserve(skb, max(need, skb_end_offset(skb) - REPLY_TAIL));
	return skb;
}

/**
 * tcpx_reply - send a segment that belongs to no socket
 * @tn: the namespace
 * @af: the family
 * @path: where it goes
 * @seg: what it is
 * @spare: used up as far as it helps, the route in any case
 *
 * Context: softirq, RCU read lock. Lost if there is no memory or no route.
 */
void tcpx_reply(struct tcpx_net *tn, const struct tcpx_af *af,
		const struct tcpx_path *path, struct tcpx_seg *seg,
		struct tcpx_spare *spare)
{
	struct dst_entry *dst = spare->dst ?: af->dst(tn, path);
	struct sk_buff *skb;

	spare->dst = NULL;
	if (IS_ERR(dst)) {
		TCPX_REASON(tn, TCPX_R_NO_ROUTE);
		return;
	}
	skb = reply_skb(spare, LL_RESERVED_SPACE(dst->dev) + dst->header_len +
			       af->hlen + TCPX_HLEN_MAX);
	if (!skb) {
		dst_release(dst);
		return;
	}
	tcpx_build_segment(skb, &path->tuple, seg);
	TCPX_INC(tn, OUT_SEGS);
	if (seg->flags & TCPX_RST)
		TCPX_INC(tn, OUT_RSTS);
	af->send(tn, path, skb, dst);
}

/**
 * tcpx_reply_rst - refuse a segment
 * @tn: the namespace
 * @af: the family
 * @path: back to where it came from
 * @in: the segment
 * @acts: TCPX_ACT_RST_ACK or TCPX_ACT_RST_SEQ
 * @spare: as for tcpx_reply()
 *
 * RFC 9293 3.10.7.1. The verdict never orders one in reply to a RST.
 *
 * Context: softirq, RCU read lock.
 */
void tcpx_reply_rst(struct tcpx_net *tn, const struct tcpx_af *af,
		    const struct tcpx_path *path, const struct tcpx_seg *in,
		    u32 acts, struct tcpx_spare *spare)
{
	struct tcpx_seg out = { .flags = TCPX_RST };

	if (acts & TCPX_ACT_RST_SEQ) {
		out.seq = in->ack;
	} else {
		out.ack = in->end;
		out.flags |= TCPX_ACK;
	}
	tcpx_reply(tn, af, path, &out, spare);
}

/**
 * tcpx_entry_way - how the SYN-ACK of an entry is sent
 * @e: the entry
 * @path: filled but for the connection
 *
 * Context: RCU read lock, for the listener.
 */
void tcpx_entry_way(const struct tcpx_entry *e, struct tcpx_path *path)
{
	path->ifindex = e->ifindex;
	path->mark = e->mark;
	path->tos = e->tos;
	path->ttl = max(inet_sk(e->lsn->sk)->uc_ttl, 0);
}

/**
 * tcpx_entry_path - how the SYN-ACK of an entry is sent, and where to
 * @e: the entry
 * @path: filled
 *
 * Context: RCU read lock, for the listener.
 */
void tcpx_entry_path(const struct tcpx_entry *e, struct tcpx_path *path)
{
	path->tuple = (struct tcpx_tuple){
		.laddr = e->laddr, .raddr = e->raddr,
		.lport = e->lport, .rport = e->rport,
	};
	tcpx_entry_way(e, path);
}

/**
 * tcpx_entry_tsval - the TSval of the SYN-ACK of an entry
 * @e: the entry
 * @clock: the timestamp clock of its peer
 *
 * Return: @clock, or a moment before it with the options in it
 */
u32 tcpx_entry_tsval(const struct tcpx_entry *e, u32 clock)
{
	if (!(e->flags & TCPX_ENTRY_COOKIE))
		return clock;
	return tcpx_cookie_tsval(clock, e->opts, e->wscale & 15, false);
}

/**
 * tcpx_send_synack - send the SYN-ACK of a half-open entry
 * @tn: the namespace
 * @e: a copy of the entry, made in the same RCU read section
 * @hash: tcpx_tuple_hash() of its connection
 * @af: the family
 * @path: the entry's, by tcpx_entry_path() or tcpx_entry_way()
 * @spare: as for tcpx_reply()
 *
 * Context: softirq, RCU read lock, no lock.
 */
void tcpx_send_synack(struct tcpx_net *tn, const struct tcpx_entry *e, u64 hash,
		      const struct tcpx_af *af, const struct tcpx_path *path,
		      struct tcpx_spare *spare)
{
	u16 user_mss = READ_ONCE(tcpx_sk(e->lsn->sk)->user_mss);
	u32 now_ms = e->rtx ? tcpx_now_ms() : e->sent_ms;
	struct tcpx_seg seg = {
		.seq = e->iss,
		.ack = e->irs + 1,
		.flags = TCPX_SYN | TCPX_ACK,
		.wnd = e->rcv_wnd,
	};

	if (!spare->dst)
		spare->dst = af->dst(tn, path);
	seg.opt.bits = TCPX_OPT_MSS;
	seg.opt.mss = tcpx_advertised_mss(tn, af, IS_ERR(spare->dst) ? 0 :
						  dst_mtu(spare->dst));
	seg.opt.mss = min_not_zero(user_mss, seg.opt.mss);
	if (e->opts & TCPX_TCB_WS) {
		seg.opt.bits |= TCPX_OPT_WS;
		seg.opt.wscale = e->wscale >> 4;
	}
	if (e->opts & TCPX_TCB_SACK)
		seg.opt.bits |= TCPX_OPT_SACK_PERM;
	if (e->opts & TCPX_TCB_TS) {
		seg.opt.bits |= TCPX_OPT_TS;
		seg.opt.tsval = tcpx_entry_tsval(e, now_ms +
				tcpx_pick_ts_offset(tn, hash));
		seg.opt.tsecr = e->ts_recent;
	}
	tcpx_reply(tn, af, path, &seg, spare);
}
