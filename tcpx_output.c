// SPDX-License-Identifier: GPL-2.0
/*
 * Segments of sockets go out; those of half-open entries and of nobody are in
 * tcpx_reply.c. It decides when the window, the congestion window and
 * Nagle let data go; what a segment is answered with was decided before.
 */
#include <linux/log2.h>
#include <net/checksum.h>
#include <net/dst.h>
#include <net/ip6_checksum.h>

#include "tcpx.h"
#include "tcpx_timer.h"

const struct tcpx_af *tcpx_afs[TCPX_NAFS];

/* The checksum of a complete segment; IPv4 addresses give IPv4's pseudo header. */
static void fill_checksum(struct sk_buff *skb, const struct tcpx_tuple *t)
{
	__sum16 *check = (__sum16 *)(skb->data + 16);
	__wsum sum = skb_is_nonlinear(skb) ? skb_checksum(skb, 0, skb->len, 0) :
					     csum_partial(skb->data, skb->len, 0);

	if (ipv6_addr_v4mapped(&t->raddr))
		*check = csum_tcpudp_magic(t->laddr.s6_addr32[3],
					   t->raddr.s6_addr32[3], skb->len,
					   tcpx_protocol, sum);
	else
		*check = csum_ipv6_magic(&t->laddr, &t->raddr, skb->len,
					 tcpx_protocol, sum);
	skb->ip_summed = CHECKSUM_NONE;
}

/**
 * tcpx_build_segment - put the TCP header in front of the text
 * @skb: the text, with room for the header; skb->cb is cleared for IP
 * @t: from @t->laddr to @t->raddr
 * @seg: what it is
 */
void tcpx_build_segment(struct sk_buff *skb, const struct tcpx_tuple *t,
			const struct tcpx_seg *seg)
{
	unsigned int hlen = TCPX_HLEN_MIN + tcpx_opt_len(&seg->opt);

	skb_push(skb, hlen);
	skb_reset_transport_header(skb);
	tcpx_hdr_build(seg, t->lport, t->rport, skb->data);
	memset(skb->cb, 0, sizeof(skb->cb));
	fill_checksum(skb, t);
}

/**
 * tcpx_pick_wscale - the window scale to offer
 * @tn: the namespace
 * @sk: the socket, its SO_RCVBUF and TCP_WINDOW_CLAMP count if they were set
 *
 * Return: the smallest shift with which the largest receive buffer fits, 0..14
 */
u8 tcpx_pick_wscale(const struct tcpx_net *tn, const struct sock *sk)
{
	u32 space = tcpx_param(tn, rmem_max);

	if (sk->sk_userlocks & SOCK_RCVBUF_LOCK)
		space = READ_ONCE(sk->sk_rcvbuf);
	space = min_not_zero(space, READ_ONCE(tcpx_sk(sk)->window_clamp));
	return clamp_t(int, ilog2(max(space, 1U)) - 15, 0, TCPX_WSCALE_MAX);
}

/**
 * tcpx_advertised_mss - the MSS option for a route, RFC 9293 3.7.1
 * @tn: the namespace
 * @af: the family
 * @mtu: MTU of the route
 *
 * Return: MTU less the fixed IP and TCP headers (MUST-67), at least min_adv_mss
 */
u16 tcpx_advertised_mss(struct tcpx_net *tn, const struct tcpx_af *af,
			unsigned int mtu)
{
	int mss = (int)mtu - (int)af->hlen - TCPX_HLEN_MIN;

	return clamp(mss, tcpx_param(tn, min_adv_mss), 65535);
}

/**
 * tcpx_sync_mss - compute the effective send MSS
 * @sk: the socket
 * @pmtu: path MTU
 *
 * RFC 9293 3.7.1: the smaller of the peer's MSS and what the path takes, less
 * the options of TCP and of IP that every segment carries (MUST-16).
 *
 * Context: socket locked.
 */
void tcpx_sync_mss(struct sock *sk, u32 pmtu)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	int mss = (int)pmtu - (int)tp->af->hlen - TCPX_HLEN_MIN;

	tp->pmtu = pmtu;
	mss = min_t(int, mss, tp->peer_mss);
	if (tp->user_mss)
		mss = min_t(int, mss, tp->user_mss);
	mss -= tp->af->optlen(sk);
	mss = max(mss, tcpx_param(tp->tn, min_snd_mss));
	if (tp->tcb.flags & TCPX_TCB_TS)
		mss -= 12;
	tp->mss = mss;
}

/**
 * tcpx_flight - octets sent and neither acknowledged nor given up for lost
 * @sk: the socket
 *
 * Context: socket locked.
 * Return: octets
 */
u32 tcpx_flight(const struct sock *sk)
{
	const struct tcpx_sock *tp = tcpx_sk(sk);

	if (tp->cong.state == TCPX_CONG_LOSS &&
	    tcpx_before(tp->rtx_nxt, tp->cong.recover))
		return tp->rtx_nxt - tp->tcb.snd_una;
	return tp->tcb.snd_nxt - tp->tcb.snd_una;
}

/* Half of the buffer is for data, half for the skbs around it. */
static u32 space_to_window(int space)
{
	return max(space, 0) / 2;
}

/**
 * tcpx_new_window - the receive window that could be advertised now
 * @sk: the socket
 *
 * RFC 9293 3.8.6.2.2: the window is not opened by less than a segment or half
 * of the buffer (MUST-39), and its right edge never moves left (SHLD-14).
 *
 * Context: socket locked.
 * Return: octets from RCV.NXT
 */
u32 tcpx_new_window(const struct sock *sk)
{
	const struct tcpx_sock *tp = tcpx_sk(sk);
	int rcvbuf = READ_ONCE(sk->sk_rcvbuf);
	u32 limit = tcpx_max_window(tp);
	u32 full = min(space_to_window(rcvbuf), limit);
	u32 free = min(space_to_window(rcvbuf - atomic_read(&sk->sk_rmem_alloc)),
		       limit);
	u32 cur = tp->tcb.rcv_wnd;

	free = round_down(free, 1U << tp->tcb.rcv_wscale);
	if (free <= cur)
		return cur;
	if (free - cur < min_t(u32, full / 2, tp->rcv_mss))
		return cur;
	return free;
}

/*
 * A peer's segment may end anywhere: the window is rounded up, so that its edge
 * does not move left, as long as the buffer has the octets that this adds. Else
 * the promise stays as it is and less than a unit of it is not told, or each
 * small segment would move the edge further (RFC 7323 2.4).
 */
static u16 select_window(struct sock *sk, bool syn)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	u32 last = tp->tcb.rcv_nxt - tp->rcv_wup + tp->tcb.rcv_wnd;
	u32 unread = tp->tcb.rcv_nxt - tp->copied_seq;
	u32 full = min(space_to_window(READ_ONCE(sk->sk_rcvbuf)),
		       tp->window_clamp);
	u8 shift = syn ? 0 : tp->tcb.rcv_wscale;
	u32 wnd = min(tcpx_new_window(sk), 65535U << shift);
	u32 up = round_up(wnd, 1U << shift);

	if (up != wnd && unread + up <= full)
		wnd = up;
	if (!(wnd >> shift) && last >> shift)
		TCPX_INC(tp->tn, ZERO_WINDOWS);
	tp->tcb.rcv_wnd = wnd;
	tp->rcv_wup = tp->tcb.rcv_nxt;
	return wnd >> shift;
}

/*
 * RFC 2018 4: the first block is the one that holds the segment received last,
 * the others follow in the order of the queue.
 */
static void fill_sack(const struct sock *sk, struct tcpx_opts *opt, u32 room)
{
	const struct tcpx_sock *tp = tcpx_sk(sk);
	struct tcpx_sack *cur = NULL;
	struct sk_buff *skb;
	u8 i, last = 0, max;

	/* Beside text only what fits: the segment must not outgrow the path. */
	if (room < 12)
		return;
	max = min_t(u32, (room - 4) / 8, opt->bits & TCPX_OPT_TS ? 3 : 4);
	for (skb = skb_rb_first(&tp->ooo); skb; skb = skb_rb_next(skb)) {
		struct tcpx_cb *cb = tcpx_cb(skb);

		if (cur && !tcpx_after(cb->seq, cur->end)) {
			if (tcpx_after(cb->end, cur->end))
				cur->end = cb->end;
		} else if (opt->nsack < max) {
			cur = &opt->sack[opt->nsack++];
			*cur = (struct tcpx_sack){ cb->seq, cb->end };
		} else {
			/* No room: the newest replaces the last. */
			cur = &opt->sack[max - 1];
			if (tcpx_after(cb->seq, tp->ooo_last))
				break;
			*cur = (struct tcpx_sack){ cb->seq, cb->end };
		}
	}
	for (i = 0; i < opt->nsack; i++)
		if (tcpx_between(tp->ooo_last, opt->sack[i].start,
				 opt->sack[i].end - 1))
			last = i;
	if (opt->nsack) {
		swap(opt->sack[0], opt->sack[last]);
		opt->bits |= TCPX_OPT_SACK;
	}
}

static void fill_syn_options(struct sock *sk, u8 flags, struct tcpx_opts *opt)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	/* In SYN-ACK only what the peer offered, RFC 7323 2.2, RFC 2018 2. */
	u8 offer = tp->tcb.flags;

	opt->bits |= TCPX_OPT_MSS;
	opt->mss = tcpx_advertised_mss(tp->tn, tp->af, tp->pmtu);
	if (tp->user_mss)
		opt->mss = min(opt->mss, tp->user_mss);
	if (offer & TCPX_TCB_WS) {
		opt->bits |= TCPX_OPT_WS;
		opt->wscale = tp->tcb.rcv_wscale;
	}
	if (offer & TCPX_TCB_SACK)
		opt->bits |= TCPX_OPT_SACK_PERM;
}

static void fill_segment(struct sock *sk, struct tcpx_seg *seg)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	bool syn = seg->flags & TCPX_SYN;

	if (syn)
		fill_syn_options(sk, seg->flags, &seg->opt);
	/* RFC 7323 3.2: on every segment but a RST once agreed. */
	if (tp->tcb.flags & TCPX_TCB_TS && !(seg->flags & TCPX_RST)) {
		seg->opt.bits |= TCPX_OPT_TS;
		seg->opt.tsval = tcpx_now_ms() + tp->ts_offset;
		seg->opt.tsecr = seg->flags & TCPX_ACK ? tp->tcb.ts_recent : 0;
		if (syn) {
			/* A crossing SYN-ACK echoes our SYN, not our SYN-ACK. */
			if (!(seg->flags & TCPX_ACK) && !tp->syn_rtx)
				tp->tcb.ts_first = seg->opt.tsval;
			tp->tcb.ts_last = seg->opt.tsval;
		}
	}
	if (seg->flags & TCPX_ACK) {
		seg->ack = tp->tcb.rcv_nxt;
		if (tp->tcb.flags & TCPX_TCB_SACK && !syn &&
		    !RB_EMPTY_ROOT(&tp->ooo))
			fill_sack(sk, &seg->opt, tp->mss - min_t(u32, tp->mss,
								 seg->len));
	}
	seg->wnd = select_window(sk, syn);
	if (tcpx_after(tp->tcb.snd_up, tp->tcb.snd_una) && !syn &&
	    tcpx_after(tp->tcb.snd_up, seg->seq) &&
	    tp->tcb.snd_up - seg->seq <= 65535) {
		seg->flags |= TCPX_URG;
		seg->urg = tp->tcb.snd_up - seg->seq;
	}
}

static void ack_sent(struct sock *sk)
{
	struct tcpx_sock *tp = tcpx_sk(sk);

	tp->tcb.last_ack_sent = tp->tcb.rcv_nxt;
	tp->ack_now = false;
	if (tp->quick_acks)
		tp->quick_acks--;
	if (tp->ack_pending) {
		tp->ack_pending = false;
		tcpx_timer_disarm_delack(sk);
	}
}

/* Send @skb, which holds the text only, as a segment of the socket. */
static int emit(struct sock *sk, struct sk_buff *skb, u32 seq, u8 flags)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	struct tcpx_seg seg = { .seq = seq, .flags = flags, .len = skb->len };

	fill_segment(sk, &seg);
	tcpx_build_segment(skb, &tp->tuple, &seg);
	skb_orphan(skb);
	skb_set_owner_w(skb, sk);
	if (flags & TCPX_ACK)
		ack_sent(sk);
	tp->segs_out++;
	TCPX_INC(tp->tn, OUT_SEGS);
	if (flags & TCPX_RST)
		TCPX_INC(tp->tn, OUT_RSTS);
	return tp->af->xmit(sk, skb);
}

/* A segment without text. */
static int emit_bare(struct sock *sk, u32 seq, u8 flags)
{
	struct sk_buff *skb;

	skb = alloc_skb(TCPX_HEADROOM, GFP_ATOMIC | __GFP_NOWARN);
	if (!skb)
		return -ENOMEM;
	skb_reserve(skb, TCPX_HEADROOM);
	return emit(sk, skb, seq, flags);
}

/* A copy of a queued segment. */
static int emit_queued(struct sock *sk, struct sk_buff *skb)
{
	struct tcpx_cb *cb = tcpx_cb(skb);
	struct sk_buff *copy;

	if (skb_cloned(skb))
		copy = pskb_copy(skb, GFP_ATOMIC | __GFP_NOWARN);
	else
		copy = skb_clone(skb, GFP_ATOMIC | __GFP_NOWARN);
	if (!copy)
		return -ENOMEM;
	/* The device shared its place with a node of the tree. */
	copy->dev = NULL;
	cb->sent_us = tcpx_now_us();
	/* The urgent bit in the queue only parts two writes. */
	return emit(sk, copy, cb->seq, cb->flags & ~TCPX_URG);
}

/**
 * tcpx_skb_alloc - allocate a segment of the send queue
 * @sk: the socket
 * @gfp: how
 *
 * Context: socket locked.
 * Return: an empty skb that is not charged yet, or NULL
 */
struct sk_buff *tcpx_skb_alloc(struct sock *sk, gfp_t gfp)
{
	struct sk_buff *skb = alloc_skb_fclone(TCPX_HEADROOM, gfp);

	if (!skb)
		return NULL;
	if (!sk_wmem_schedule(sk, skb->truesize)) {
		__kfree_skb(skb);
		return NULL;
	}
	skb_reserve(skb, TCPX_HEADROOM);
	/* Keeps the copy from user space from summing: emit() does. */
	skb->ip_summed = CHECKSUM_PARTIAL;
	return skb;
}

/**
 * tcpx_queue_skb - append a segment to what is to be sent
 * @sk: the socket
 * @skb: from tcpx_skb_alloc(), charged to the socket here
 *
 * Context: socket locked.
 */
void tcpx_queue_skb(struct sock *sk, struct sk_buff *skb)
{
	struct tcpx_cb *cb = tcpx_cb(skb);

	memset(cb, 0, sizeof(*cb));
	cb->seq = tcpx_sk(sk)->write_seq;
	cb->end = cb->seq;
	cb->flags = TCPX_ACK;
	__skb_queue_tail(&sk->sk_write_queue, skb);
	sk_wmem_queued_add(sk, skb->truesize);
	sk_mem_charge(sk, skb->truesize);
}

/**
 * tcpx_free_skb - free a segment of the send side
 * @sk: the socket it is charged to
 * @skb: in no queue any more
 *
 * Context: socket locked.
 */
void tcpx_free_skb(struct sock *sk, struct sk_buff *skb)
{
	sk_wmem_queued_add(sk, -skb->truesize);
	sk_mem_uncharge(sk, skb->truesize);
	__kfree_skb(skb);
}

static void rtx_insert(struct sock *sk, struct sk_buff *skb)
{
	struct rb_node **p = &sk->tcp_rtx_queue.rb_node, *parent = NULL;

	while (*p) {
		parent = *p;
		if (tcpx_before(tcpx_cb(skb)->seq,
				tcpx_cb(rb_to_skb(parent))->seq))
			p = &parent->rb_left;
		else
			p = &parent->rb_right;
	}
	rb_link_node(&skb->rbnode, parent, p);
	rb_insert_color(&skb->rbnode, &sk->tcp_rtx_queue);
}

/* The first sent segment that ends behind @seq. */
static struct sk_buff *rtx_at(const struct sock *sk, u32 seq)
{
	struct rb_node *n = sk->tcp_rtx_queue.rb_node;
	struct sk_buff *found = NULL;

	while (n) {
		struct sk_buff *skb = rb_to_skb(n);

		if (tcpx_after(tcpx_cb(skb)->end, seq)) {
			found = skb;
			n = n->rb_left;
		} else {
			n = n->rb_right;
		}
	}
	return found;
}

/**
 * tcpx_rtx_purge - free all that was sent and not acknowledged
 * @sk: the socket
 *
 * Context: socket locked or its last user.
 */
void tcpx_rtx_purge(struct sock *sk)
{
	struct sk_buff *skb;

	while ((skb = tcpx_rtx_head(sk))) {
		rb_erase(&skb->rbnode, &sk->tcp_rtx_queue);
		tcpx_free_skb(sk, skb);
	}
}

/* Cut @skb, in the send queue or sent, behind @len octets of its text. */
static int fragment(struct sock *sk, struct sk_buff *skb, u32 len, bool sent)
{
	struct tcpx_cb *cb = tcpx_cb(skb), *tail_cb;
	struct sk_buff *tail;
	/* Before skb_unclone(), which may change it. */
	int old = skb->truesize;

	if (skb_unclone(skb, GFP_ATOMIC | __GFP_NOWARN))
		return -ENOMEM;
	tail = tcpx_skb_alloc(sk, GFP_ATOMIC | __GFP_NOWARN);
	if (!tail)
		return -ENOMEM;

	skb_split(skb, tail, len);
	tail_cb = tcpx_cb(tail);
	*tail_cb = *cb;
	tail_cb->seq = cb->seq + len;
	cb->end = tail_cb->seq;
	cb->flags &= ~(TCPX_FIN | TCPX_PSH);

	/* The frags of the tail were charged with the whole already. */
	tail->truesize += tail->data_len;
	skb->truesize -= tail->data_len;
	sk_wmem_queued_add(sk, skb->truesize + tail->truesize - old);
	sk_mem_charge(sk, skb->truesize + tail->truesize - old);

	if (sent)
		rtx_insert(sk, tail);
	else
		__skb_queue_after(&sk->sk_write_queue, skb, tail);
	return 0;
}

/* False if there was no memory: the retransmission timer tries again. */
static bool retransmit_skb(struct sock *sk, struct sk_buff *skb)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	struct tcpx_cb *cb = tcpx_cb(skb);

	if (skb->len > tp->mss && fragment(sk, skb, tp->mss, true))
		return false;
	if (cb->flags & TCPX_SYN)
		tp->syn_rtx += tp->syn_rtx < U8_MAX;
	if (emit_queued(sk, skb) == -ENOMEM)
		return false;
	cb->rtx += cb->rtx < U8_MAX;
	tp->total_retrans++;
	TCPX_INC(tp->tn, RETRANS_SEGS);
	return true;
}

/**
 * tcpx_retransmit - send the oldest unacknowledged segment again
 * @sk: the socket
 *
 * Context: socket locked.
 */
void tcpx_retransmit(struct sock *sk)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	struct sk_buff *skb = tcpx_rtx_head(sk);

	if (!skb || !retransmit_skb(sk, skb))
		return;
	if (tcpx_before(tp->rtx_nxt, tcpx_cb(skb)->end))
		tp->rtx_nxt = tcpx_cb(skb)->end;
}

/* After a timeout all in flight counts as lost: slow start through it again. */
static void resend_lost(struct sock *sk)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	struct sk_buff *skb;

	if (tcpx_before(tp->rtx_nxt, tp->tcb.snd_una))
		tp->rtx_nxt = tp->tcb.snd_una;
	while (tcpx_before(tp->rtx_nxt, tp->cong.recover)) {
		skb = rtx_at(sk, tp->rtx_nxt);
		if (!skb || tcpx_flight(sk) + min_t(u32, skb->len, tp->mss) >
			    tp->cong.cwnd)
			return;
		if (!retransmit_skb(sk, skb))
			return;
		tp->rtx_nxt = tcpx_cb(skb)->end;
	}
}

/* Minshall: a small segment waits while another small one is in flight. */
static bool nagle_holds(const struct sock *sk, const struct sk_buff *skb)
{
	const struct tcpx_sock *tp = tcpx_sk(sk);

	if (skb->len >= tp->mss || tcpx_cb((struct sk_buff *)skb)->flags & TCPX_FIN ||
	    !skb_queue_is_last(&sk->sk_write_queue, skb))
		return false;
	/* Urgent data is not held back. */
	if (tcpx_after(tp->tcb.snd_up, tp->tcb.snd_una))
		return false;
	if (tp->cork || tp->more)
		return true;
	return !tp->nonagle && tcpx_after(tp->snd_sml, tp->tcb.snd_una) &&
	       !tcpx_after(tp->snd_sml, tp->tcb.snd_nxt);
}

/*
 * How much of @skb may go now: RFC 9293 3.8.6.2.1 (MUST-38): a full segment,
 * all there is, or half of the largest window the peer ever offered.
 */
static u32 sendable(const struct sock *sk, const struct sk_buff *skb, bool force)
{
	const struct tcpx_sock *tp = tcpx_sk(sk);
	u32 seq = tcpx_cb((struct sk_buff *)skb)->seq;
	u32 flight = tcpx_flight(sk);
	u32 len = min_t(u32, skb->len, tp->mss);
	u32 end = tp->tcb.snd_una + tp->tcb.snd_wnd;
	u32 room = tcpx_after(end, seq) ? end - seq : 0;

	if (flight && flight + len > tp->cong.cwnd)
		return 0;
	if (room < len) {
		if (!room || !(force || room >= tp->tcb.max_wnd / 2))
			return 0;
		return room;
	}
	/* A FIN alone needs no window: RFC 9293 lets it be probed with. */
	return len;
}

static void sent_new(struct sock *sk, struct sk_buff *skb)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	struct tcpx_cb *cb = tcpx_cb(skb);

	__skb_unlink(skb, &sk->sk_write_queue);
	rtx_insert(sk, skb);
	if (tp->tcb.snd_nxt == tp->tcb.snd_una || tp->rtx_kind != TCPX_TIMER_RTX)
		tcpx_timer_arm_rtx(sk);
	tp->tcb.snd_nxt = cb->end;
	if (skb->len < tp->mss)
		tp->snd_sml = cb->end;
	if (cb->flags & TCPX_FIN)
		tp->tcb.flags |= TCPX_TCB_FIN;
	tp->sent_at = jiffies;
}

static bool queue_fin(struct sock *sk)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	struct sk_buff *skb = skb_peek_tail(&sk->sk_write_queue);

	if (!skb) {
		skb = alloc_skb_fclone(TCPX_HEADROOM, GFP_ATOMIC | __GFP_NOWARN);
		if (!skb)
			return false;
		/* It must go even if the memory limit is reached. */
		skb_reserve(skb, TCPX_HEADROOM);
		skb->ip_summed = CHECKSUM_PARTIAL;
		tcpx_queue_skb(sk, skb);
	}
	tcpx_cb(skb)->flags |= TCPX_FIN;
	tcpx_cb(skb)->end++;
	tp->write_seq++;
	tp->fin_wanted = false;
	return true;
}

static bool may_send(const struct sock *sk)
{
	return (1 << sk->sk_state) &
	       (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT | TCPF_FIN_WAIT1 |
		TCPF_CLOSING | TCPF_LAST_ACK);
}

static void restart_after_idle(struct sock *sk)
{
	struct tcpx_sock *tp = tcpx_sk(sk);

	if (tp->tcb.snd_nxt == tp->tcb.snd_una && tp->sent_at &&
	    tcpx_param(tp->tn, slow_start_after_idle) &&
	    time_after(jiffies, tp->sent_at + tcpx_rto_jiffies(sk)))
		tcpx_cong_idle(&tp->cong, tp->mss,
			       tcpx_param(tp->tn, initial_cwnd));
}

/**
 * tcpx_push - send what may be sent
 * @sk: the socket
 * @force: do not wait for a full segment, neither for Nagle nor for a window
 *
 * What stays behind with nothing in flight is the persist timer's.
 *
 * Context: socket locked.
 */
void tcpx_push(struct sock *sk, bool force)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	struct sk_buff *skb;
	u32 len;

	if (!may_send(sk))
		return;
	if (tp->cong.state == TCPX_CONG_LOSS) {
		resend_lost(sk);
		/* What was lost goes first: RFC 5681 3.1, the loss window. */
		if (tcpx_before(tp->rtx_nxt, tp->cong.recover))
			return;
	}
	if (tp->fin_wanted)
		queue_fin(sk);
	restart_after_idle(sk);

	while ((skb = skb_peek(&sk->sk_write_queue))) {
		len = sendable(sk, skb, force);
		if ((!len && skb->len) || (!force && nagle_holds(sk, skb)))
			break;
		if (len < skb->len && fragment(sk, skb, len, false))
			break;
		if (emit_queued(sk, skb) == -ENOMEM)
			break;
		sent_new(sk, skb);
	}
	if ((skb || tp->fin_wanted) && tp->tcb.snd_nxt == tp->tcb.snd_una &&
	    tp->rtx_kind == TCPX_TIMER_NONE)
		tcpx_timer_arm(sk, TCPX_TIMER_PERSIST, tcpx_rto_jiffies(sk));
}

/**
 * tcpx_send_fin - end the stream behind what is queued
 * @sk: the socket, in a state that has not sent a FIN
 *
 * Context: socket locked.
 */
void tcpx_send_fin(struct sock *sk)
{
	tcpx_sk(sk)->fin_wanted = true;
	tcpx_push(sk, true);
}

/**
 * tcpx_send_syn - send the first SYN
 * @sk: the socket, in SYN-SENT
 *
 * Context: process, socket locked. Without memory nothing is queued; a segment
 * that is lost on its way out is no error.
 */
void tcpx_send_syn(struct sock *sk)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	struct sk_buff *skb = tcpx_skb_alloc(sk, sk->sk_allocation);

	if (!skb)
		return;
	tcpx_queue_skb(sk, skb);
	tcpx_cb(skb)->flags = TCPX_SYN;
	tcpx_cb(skb)->end++;
	tp->write_seq++;
	emit_queued(sk, skb);
	sent_new(sk, skb);
	tp->snd_sml = tp->tcb.snd_una;
}

/**
 * tcpx_resend_syn - send our SYN again, as SYN-ACK in a simultaneous open
 * @sk: the socket, in SYN-SENT or SYN-RECEIVED
 * @ack: there is a SYN to acknowledge
 *
 * Context: socket locked.
 */
void tcpx_resend_syn(struct sock *sk, bool ack)
{
	struct sk_buff *skb = tcpx_rtx_head(sk);

	if (!skb)
		return;
	if (ack && !(tcpx_cb(skb)->flags & TCPX_ACK)) {
		tcpx_cb(skb)->flags |= TCPX_ACK;
		emit_queued(sk, skb);
		return;
	}
	tcpx_retransmit(sk);
}

/**
 * tcpx_send_ack - send an ACK now
 * @sk: the socket
 *
 * Context: socket locked. Without memory the delayed ACK timer tries again.
 */
void tcpx_send_ack(struct sock *sk)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	unsigned int delay;

	if (sk->sk_state == TCP_CLOSE || sk->sk_state == TCP_SYN_SENT)
		return;
	if (emit_bare(sk, tp->tcb.snd_nxt, TCPX_ACK) == -ENOMEM) {
		tp->ack_pending = true;
		tp->ack_now = true;
		delay = tcpx_param(tp->tn, delack_max_ms);
		tcpx_timer_arm_delack(sk, msecs_to_jiffies(delay));
	}
}

/**
 * tcpx_send_probe - make the peer tell its window, or that it is alive
 * @sk: the socket
 *
 * An old sequence number without text (RFC 9293 3.8.4): the peer must answer it
 * and can take nothing from it.
 *
 * Context: socket locked.
 */
void tcpx_send_probe(struct sock *sk)
{
	emit_bare(sk, tcpx_sk(sk)->tcb.snd_una - 1, TCPX_ACK);
}

/**
 * tcpx_send_rst - abort the connection at the peer
 * @sk: the socket
 *
 * Context: socket locked.
 */
void tcpx_send_rst(struct sock *sk)
{
	emit_bare(sk, tcpx_sk(sk)->tcb.snd_nxt, TCPX_RST | TCPX_ACK);
}
