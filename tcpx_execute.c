// SPDX-License-Identifier: GPL-2.0
/*
 * Verdicts are carried out: what the law ordered is done to a socket. Opening,
 * acknowledgments, and the states that follow; text is in tcpx_text.c.
 */
#include <linux/filter.h>
#include <net/dst.h>

#include "tcpx.h"
#include "tcpx_timer.h"

#include "tcpx_trace.h"

static void change_state(struct sock *sk, u8 state, bool trace)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	u8 old = tp->tcb.state;

	if (old == state)
		return;
	DEBUG_NET_WARN_ON_ONCE(!tcpx_fsm_allows(old, state));
	if (trace)
		trace_tcpx_state(sock_net(sk), &tp->tuple, old, state);
	this_cpu_dec(tp->tn->mib->state[old]);
	this_cpu_inc(tp->tn->mib->state[state]);
	tp->tcb.state = state;
	inet_sk_set_state(sk, state);
}

/**
 * tcpx_state_set - the one place where the state of a socket changes
 * @sk: the socket
 * @state: the new state
 *
 * Context: socket locked, or not shared yet.
 */
void tcpx_state_set(struct sock *sk, u8 state)
{
	change_state(sk, state, true);
}

/**
 * tcpx_ctx - the facts about a socket that the law may ask for
 * @sk: the socket
 *
 * Context: socket locked.
 * Return: mask of enum tcpx_ctx
 */
u32 tcpx_ctx(const struct sock *sk)
{
	const struct tcpx_sock *tp = tcpx_sk(sk);
	u32 ctx = tcpx_ctx_rst(tp->tn);

	if (sock_flag(sk, SOCK_DEAD))
		ctx |= TCPX_CTX_ORPHAN;
	if (sk->sk_shutdown & RCV_SHUTDOWN)
		ctx |= TCPX_CTX_DONE;
	if (time_after(jiffies, tp->ts_recent_at + TCPX_PAWS_IDLE))
		ctx |= TCPX_CTX_TS_STALE;
	return ctx;
}

/**
 * tcpx_free_dead - free what cannot be sent and what did not come in order
 * @sk: a socket whose connection is over
 *
 * What came in order can still be read.
 *
 * Context: socket locked or its last user.
 */
void tcpx_free_dead(struct sock *sk)
{
	struct sk_buff *skb;

	tcpx_rtx_purge(sk);
	while ((skb = __skb_dequeue(&sk->sk_write_queue)))
		tcpx_free_skb(sk, skb);
	tcpx_text_forget(sk);
	tcpx_sk(sk)->fin_wanted = false;
	sk_mem_reclaim(sk);
}

/* @trace: the connection ends; false: it lives on in TIME-WAIT. */
static void done(struct sock *sk, bool trace)
{
	struct tcpx_tcb *t = &tcpx_sk(sk)->tcb;

	/* What our SYN offered nobody has agreed to. */
	if (t->state == TCPX_SYN_SENT)
		t->flags = 0;
	tcpx_timer_disarm_all(sk);
	tcpx_hash_remove(sk);
	if (!(sk->sk_userlocks & SOCK_BINDPORT_LOCK))
		tcpx_port_release(sk);
	change_state(sk, TCPX_CLOSED, trace);
	WRITE_ONCE(sk->sk_shutdown, SHUTDOWN_MASK);
	tcpx_free_dead(sk);
	if (!sock_flag(sk, SOCK_DEAD))
		sk->sk_state_change(sk);
	else
		tcpx_destroy_sock(sk);
}

/**
 * tcpx_done - the connection of a socket is over
 * @sk: the socket
 *
 * Stops the timers, leaves the tables, frees what cannot be sent and wakes who
 * waits. What came in order can still be read; an orphan is destroyed.
 *
 * Context: socket locked, softirqs off.
 */
void tcpx_done(struct sock *sk)
{
	done(sk, true);
}

static void fail(struct sock *sk, u8 err)
{
	if (sock_flag(sk, SOCK_DEAD))
		return;
	/* An ICMP error may tell why nobody answered (RFC 9293 3.9.2.2). */
	if (err == ETIMEDOUT && sk->sk_err_soft)
		err = sk->sk_err_soft;
	WRITE_ONCE(sk->sk_err, err);
	sk_error_report(sk);
}

static void path_of(const struct sock *sk, struct tcpx_path *path)
{
	*path = (struct tcpx_path){
		.tuple = tcpx_sk(sk)->tuple,
		.ifindex = sk->sk_bound_dev_if,
		.mark = sk->sk_mark,
		.tos = inet_sk(sk)->tos,
	};
}

/**
 * tcpx_challenge_allowed - may a challenge ACK be sent now?
 * @tn: the namespace
 * @last: jiffies of the last one, 0 for none; set if the answer is yes
 *
 * RFC 5961 7, but per connection: nobody learns of the challenges of another.
 *
 * Return: yes or no
 */
bool tcpx_challenge_allowed(struct tcpx_net *tn, unsigned long *last)
{
	unsigned long gap = msecs_to_jiffies(tcpx_param(tn, challenge_ms));

	if (*last && time_before(jiffies, *last + gap)) {
		TCPX_INC(tn, CHALLENGE_LIMITED);
		return false;
	}
	*last = jiffies ?: 1;
	TCPX_INC(tn, CHALLENGE_ACKS);
	return true;
}

/*
 * Opening
 */

static void take_options(struct sock *sk, const struct tcpx_seg *seg)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	const struct tcpx_opts *opt = &seg->opt;
	u8 agreed = 0;

	/* An option holds only if both SYNs carry it. */
	if (opt->bits & TCPX_OPT_WS && tp->tcb.flags & TCPX_TCB_WS) {
		agreed |= TCPX_TCB_WS;
		tp->tcb.snd_wscale = opt->wscale;
	} else {
		tp->tcb.rcv_wscale = 0;
	}
	if (opt->bits & TCPX_OPT_TS && tp->tcb.flags & TCPX_TCB_TS) {
		agreed |= TCPX_TCB_TS;
		tp->tcb.ts_recent = opt->tsval;
		tp->ts_recent_at = jiffies;
	}
	if (opt->bits & TCPX_OPT_SACK_PERM && tp->tcb.flags & TCPX_TCB_SACK)
		agreed |= TCPX_TCB_SACK;
	tp->tcb.flags = agreed | (tp->tcb.flags & TCPX_TCB_FIN);
	tp->peer_mss = opt->bits & TCPX_OPT_MSS ? opt->mss : TCPX_MSS_DEFAULT;
	tcpx_sync_mss(sk, tp->pmtu);
	tp->rcv_mss = min_t(u32, tp->mss, tp->rcv_mss);
}

/* SYN or SYN-ACK in SYN-SENT: RFC 9293 3.10.7.3, fourth */
static void take_syn(struct sock *sk, const struct tcpx_seg *seg)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	struct tcpx_tcb *t = &tp->tcb;

	take_options(sk, seg);
	t->irs = seg->seq;
	t->rcv_nxt = seg->seq + 1;
	t->rcv_up = t->rcv_nxt;
	t->last_ack_sent = t->rcv_nxt;
	tp->rcv_wup = t->rcv_nxt;
	tp->copied_seq = t->rcv_nxt;
	t->snd_wnd = seg->wnd;
	t->max_wnd = seg->wnd;
	t->snd_wl1 = seg->seq;
	t->snd_wl2 = seg->flags & TCPX_ACK ? seg->ack : t->snd_una;
}

static void init_transfer(struct sock *sk)
{
	struct tcpx_sock *tp = tcpx_sk(sk);

	tcpx_cong_init(&tp->cong, tp->mss, tcpx_param(tp->tn, initial_cwnd),
		       tp->tcb.iss, tp->syn_rtx);
	/* RFC 6298 5.7: a lost SYN and no sample to tell a longer path. */
	if (tp->syn_rtx && !tp->rto.srtt)
		tcpx_rto_init(&tp->rto, 3 * USEC_PER_SEC);
	tp->rto.backoff = 0;
	tp->quick_acks = tp->pingpong ? 0 : 16;
	tp->retries = 0;
	tp->data_at = jiffies;
	if (sock_flag(sk, SOCK_KEEPOPEN))
		tcpx_timer_arm_keep(sk, tcpx_keep_time(sk));
}

/*
 * Acknowledgments
 */

static void update_window(struct sock *sk, const struct tcpx_seg *seg)
{
	struct tcpx_tcb *t = &tcpx_sk(sk)->tcb;
	u32 wnd = seg->wnd;

	/* The window of a SYN is never scaled, RFC 7323 2.2. */
	if (!(seg->flags & TCPX_SYN))
		wnd <<= t->snd_wscale;
	/*
	 * RFC 9293 3.10.7.4; and with every ACK that moves SND.UNA: the window
	 * begins there, an older one would reach beyond the promised edge.
	 */
	if (tcpx_after(seg->ack, t->snd_una) ||
	    tcpx_before(t->snd_wl1, seg->seq) ||
	    (t->snd_wl1 == seg->seq && !tcpx_after(t->snd_wl2, seg->ack))) {
		t->snd_wnd = wnd;
		t->snd_wl1 = seg->seq;
		t->snd_wl2 = seg->ack;
		t->max_wnd = max(t->max_wnd, wnd);
	}
}

/*
 * Karn, RFC 6298 3: an ACK of a segment that was sent twice gives no sample: it
 * may answer the second, and what it acknowledges beside it waited for that.
 */
static void sample_rtt(struct sock *sk, const struct tcpx_seg *seg,
		       const struct tcpx_cb *newest)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	u32 rtt;

	if (newest && !newest->rtx) {
		rtt = (u32)tcpx_now_us() - newest->sent_us;
	} else if (tp->tcb.flags & TCPX_TCB_TS && seg->opt.bits & TCPX_OPT_TS &&
		   seg->opt.tsecr) {
		rtt = tcpx_now_ms() + tp->ts_offset - seg->opt.tsecr;
		if ((s32)rtt < 0 || rtt > U32_MAX / USEC_PER_MSEC)
			return;
		rtt *= USEC_PER_MSEC;
	} else {
		/* And the back-off stays until there is one (RFC 6298 5). */
		return;
	}
	tcpx_rto_sample(&tp->rto, rtt,
			tcpx_param(tp->tn, rto_min_ms) * USEC_PER_MSEC,
			tcpx_param(tp->tn, rto_max_ms) * USEC_PER_MSEC);
}

/* Free what @seg acknowledges entirely. */
static void clean_rtx(struct sock *sk, const struct tcpx_seg *seg)
{
	struct tcpx_cb newest = {};
	struct sk_buff *skb;
	bool any = false;
	u8 rtx = 0;

	while ((skb = tcpx_rtx_head(sk))) {
		if (tcpx_after(tcpx_cb(skb)->end, seg->ack))
			break;
		newest = *tcpx_cb(skb);
		rtx |= newest.rtx;
		any = true;
		rb_erase(&skb->rbnode, &sk->tcp_rtx_queue);
		tcpx_free_skb(sk, skb);
	}
	newest.rtx = rtx;
	/* Who was half open has its first sample already. */
	if (any || tcpx_sk(sk)->tcb.state != TCPX_SYN_RECV)
		sample_rtt(sk, seg, any ? &newest : NULL);
	if (any)
		sk->sk_write_space(sk);
}

static void rearm_rtx(struct sock *sk)
{
	struct tcpx_sock *tp = tcpx_sk(sk);

	if (tp->tcb.snd_una == tp->tcb.snd_nxt)
		tcpx_timer_disarm(sk);
	else
		tcpx_timer_arm_rtx(sk);
}

/*
 * The peer is there, whatever its window. One that has opened ends the probing:
 * what is sent next waits no longer than the path needs.
 */
static void heard(struct sock *sk)
{
	struct tcpx_sock *tp = tcpx_sk(sk);

	tp->probes = 0;
	tp->wnd_probes = 0;
	WRITE_ONCE(sk->sk_err_soft, 0);
	if (tp->rtx_kind == TCPX_TIMER_PERSIST && tp->tcb.snd_wnd) {
		tp->rto.backoff = 0;
		tcpx_timer_disarm(sk);
	}
}

static void take_ack(struct sock *sk, const struct tcpx_seg *seg)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	struct tcpx_tcb *t = &tp->tcb;
	u32 flight = tcpx_flight(sk);
	u32 acked = seg->ack - t->snd_una;
	bool limited = flight + tp->mss > tp->cong.cwnd;
	bool opening = t->state == TCPX_SYN_SENT || t->state == TCPX_SYN_RECV;
	bool resend = false;

	update_window(sk, seg);
	t->snd_una = seg->ack;
	if (tcpx_before(t->snd_up, t->snd_una))
		t->snd_up = t->snd_una;
	clean_rtx(sk, seg);
	tp->retries = 0;
	heard(sk);
	/* The SYN is no data: it opens no window. */
	if (!opening) {
		tp->bytes_acked += acked;
		resend = tcpx_cong_ack(&tp->cong, tp->mss, acked, seg->ack,
				       flight, limited);
	}
	rearm_rtx(sk);
	if (resend) {
		TCPX_INC(tp->tn, PARTIAL_ACKS);
		tcpx_retransmit(sk);
	}
}

/* RFC 5681 2: what counts as a duplicate ACK */
static void dup_ack(struct sock *sk, const struct tcpx_seg *seg)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	struct tcpx_tcb *t = &tp->tcb;
	u32 wnd = t->snd_wnd;
	bool dup;

	/* An older ACK that was overtaken counts from an older SND.UNA. */
	if (seg->ack == t->snd_una)
		update_window(sk, seg);
	heard(sk);
	dup = seg->ack == t->snd_una && !seg->len && seg->end == seg->seq &&
	      wnd == t->snd_wnd && t->snd_una != t->snd_nxt;
	if (!dup)
		return;
	TCPX_INC(tp->tn, DUP_ACKS);
	if (tcpx_cong_dupack(&tp->cong, tp->mss, t->snd_una, t->snd_nxt,
			     t->snd_nxt - t->snd_una)) {
		TCPX_INC(tp->tn, FAST_RETRANS);
		tcpx_retransmit(sk);
	}
}

/* RFC 7323 4.3 (2): TS.Recent follows the segment that the last ACK asked for. */
static void update_ts_recent(struct sock *sk, const struct tcpx_seg *seg)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	struct tcpx_tcb *t = &tp->tcb;

	if (!(t->flags & TCPX_TCB_TS) || !(seg->opt.bits & TCPX_OPT_TS) ||
	    tcpx_after(seg->seq, t->last_ack_sent))
		return;
	if (tcpx_before(seg->opt.tsval, t->ts_recent) &&
	    time_before(jiffies, tp->ts_recent_at + TCPX_PAWS_IDLE))
		return;
	t->ts_recent = seg->opt.tsval;
	tp->ts_recent_at = jiffies;
}

/*
 * Carrying out a verdict
 */

static void enter_fin_wait2(struct sock *sk)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	int ms = tp->linger2_ms ?: tcpx_param(tp->tn, fin_timeout_ms);

	WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | SEND_SHUTDOWN);
	if (!sock_flag(sk, SOCK_DEAD))
		sk->sk_state_change(sk);
	else
		tcpx_timer_arm_keep(sk, msecs_to_jiffies(max(ms, 0)));
}

static void enter_established(struct sock *sk)
{
	init_transfer(sk);
	if (sock_flag(sk, SOCK_DEAD))
		return;
	sk->sk_state_change(sk);
	sk_wake_async(sk, SOCK_WAKE_IO, POLL_OUT);
}

/* How a connection ended that did not end by both FINs, RFC 4022. */
static void count_end(struct tcpx_net *tn, u8 old)
{
	switch (old) {
	case TCPX_SYN_SENT:
	case TCPX_SYN_RECV:
		TCPX_INC(tn, ATTEMPT_FAILS);
		break;
	case TCPX_ESTABLISHED:
	case TCPX_CLOSE_WAIT:
		TCPX_INC(tn, ESTAB_RESETS);
	}
}

/* False when the socket has nothing more to do or send. */
static bool enter_state(struct sock *sk, u8 state)
{
	u8 old = tcpx_sk(sk)->tcb.state;

	if (old == state)
		return true;
	if (state == TCPX_CLOSED) {
		count_end(tcpx_sk(sk)->tn, old);
		tcpx_done(sk);
		return false;
	}
	tcpx_state_set(sk, state);
	if (old == TCPX_SYN_SENT || old == TCPX_SYN_RECV) {
		if (state != TCPX_SYN_RECV && state != TCPX_FIN_WAIT1)
			enter_established(sk);
	}
	if (state == TCPX_FIN_WAIT2)
		enter_fin_wait2(sk);
	return true;
}

static void send_verdict(struct sock *sk, u32 acts)
{
	struct tcpx_sock *tp = tcpx_sk(sk);

	if (acts & TCPX_ACT_SYN && !tcpx_rtx_head(sk))
		tcpx_send_syn(sk);
	else if (acts & (TCPX_ACT_SYN | TCPX_ACT_SYN_ACK))
		tcpx_resend_syn(sk, acts & TCPX_ACT_SYN_ACK);
	if (acts & TCPX_ACT_FIN)
		tcpx_send_fin(sk);
	if (acts & TCPX_ACT_RTX)
		tcpx_retransmit(sk);
	if (acts & TCPX_ACT_PROBE)
		tcpx_send_probe(sk);
	if (acts & TCPX_ACT_ACK ||
	    (acts & TCPX_ACT_CHALLENGE &&
	     tcpx_challenge_allowed(tp->tn, &tp->challenge_at)))
		tp->ack_now = true;
}

/* RFC 9293 3.8.6.3: at least every second full segment, and within 500 ms. */
static void later_ack(struct sock *sk)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	unsigned int delay;

	tp->ack_pending = true;
	if (tp->tcb.rcv_nxt - tp->rcv_wup > tp->rcv_mss || tp->quick_acks ||
	    !RB_EMPTY_ROOT(&tp->ooo)) {
		tp->ack_now = true;
		return;
	}
	delay = min(tcpx_param(tp->tn, delack_min_ms),
		    tcpx_param(tp->tn, delack_max_ms));
	if (!timer_pending(&tp->delack_timer))
		tcpx_timer_arm_delack(sk, msecs_to_jiffies(delay));
}

/* One state after another: what a FIN from the reassembly queue changes. */
static void late_fin(struct sock *sk)
{
	u8 state = tcpx_sk(sk)->tcb.state;
	struct tcpx_verdict v;

	tcpx_fsm_event(&tcpx_sk(sk)->tcb, tcpx_ctx(sk),
		       state == TCPX_FIN_WAIT2 ? TCPX_EV_FIN_ACK : TCPX_EV_FIN,
		       0, &v);
	tcpx_mib_verdict(tcpx_sk(sk)->tn, &v);
	tcpx_execute(sk, NULL, NULL, &v);
}

static void time_wait(struct sock *sk, u32 acts)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	bool over;

	/* What is owed goes out first: the entry has no queue. */
	if (acts & TCPX_ACT_ACK || tp->ack_pending)
		tcpx_send_ack(sk);
	over = !tcpx_fsm_allows(tp->tcb.state, TCPX_TIME_WAIT) ||
	       !tcpx_tw_enter(sk);
	done(sk, over);
}

/* The part of a verdict that reads the segment. True: a late FIN is due. */
static bool take_segment(struct sock *sk, struct sk_buff *skb,
			 const struct tcpx_seg *seg, u32 acts)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	bool fin = false;

	if (!(acts & TCPX_ACT_DROP))
		update_ts_recent(sk, seg);
	if (acts & TCPX_ACT_TAKE_ACK)
		take_ack(sk, seg);
	if (acts & TCPX_ACT_DUP_ACK)
		dup_ack(sk, seg);
	if (acts & TCPX_ACT_URG)
		tcpx_text_urgent(sk, skb, seg);
	if (acts & (TCPX_ACT_TEXT | TCPX_ACT_TEXT_OOO)) {
		tp->data_at = jiffies;
		skb_dst_drop(skb);
	}
	if (acts & TCPX_ACT_TEXT)
		fin = tcpx_text_next(sk, skb);
	else if (acts & TCPX_ACT_TEXT_OOO)
		tcpx_text_later(sk, skb);
	else if (acts & TCPX_ACT_DROP)
		tcpx_drop(tp->tn, skb, tp->last_reason);
	else
		consume_skb(skb);
	if (acts & TCPX_ACT_TAKE_FIN)
		tcpx_text_end(sk);
	if (acts & TCPX_ACT_TEXT && !sock_flag(sk, SOCK_DEAD))
		sk->sk_data_ready(sk);
	return fin;
}

static void note(struct sock *sk, const struct tcpx_verdict *v)
{
	struct tcpx_sock *tp = tcpx_sk(sk);

	if (v->reason)
		WRITE_ONCE(tp->last_reason, v->reason);
}

/**
 * tcpx_execute - carry out a verdict on a socket
 * @sk: the socket
 * @skb: the segment with skb->data at its text, consumed; or NULL
 * @seg: the segment parsed, or NULL for another event
 * @v: the verdict, already accounted
 *
 * Context: socket locked, softirqs off, RCU read lock. @sk may be destroyed if
 * the caller holds no reference.
 */
void tcpx_execute(struct sock *sk, struct sk_buff *skb,
		  const struct tcpx_seg *seg, struct tcpx_verdict *v)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	u8 state = v->state;
	u32 acts = v->acts;
	bool fin = false;

	note(sk, v);
	/* A segment of the backlog may find no peer after connect(AF_UNSPEC). */
	if (acts & (TCPX_ACT_RST_SEQ | TCPX_ACT_RST_ACK) && seg &&
	    tp->tuple.rport) {
		struct tcpx_spare spare = {};
		struct tcpx_path path;

		path_of(sk, &path);
		tcpx_reply_rst(tp->tn, tp->af, &path, seg, acts, &spare);
	}
	if (acts & TCPX_ACT_RST)
		tcpx_send_rst(sk);
	if (acts & TCPX_ACT_SOFT_ERR)
		WRITE_ONCE(sk->sk_err_soft, v->err);
	if (acts & TCPX_ACT_ERR)
		fail(sk, v->err);

	if (acts & TCPX_ACT_MSS)
		tcpx_sync_mss(sk, tp->icmp_mtu);

	if (seg && tp->tcb.state == TCPX_SYN_SENT && state != TCPX_SYN_SENT &&
	    state != TCPX_CLOSED)
		take_syn(sk, seg);
	if (seg)
		fin = take_segment(sk, skb, seg, acts);
	else if (acts & TCPX_ACT_TAKE_FIN)
		tcpx_text_end(sk);

	if (state == TCPX_TIME_WAIT && tp->tcb.state != TCPX_TIME_WAIT) {
		time_wait(sk, acts);
		return;
	}
	if (!enter_state(sk, state))
		return;
	send_verdict(sk, acts);
	if (acts & TCPX_ACT_ACK_LATER)
		later_ack(sk);
	if (fin) {
		late_fin(sk);
		return;
	}
	tcpx_push(sk, false);
	if (tp->ack_now)
		tcpx_send_ack(sk);
}

/**
 * tcpx_event - something other than a segment happens to a connection
 * @sk: the socket
 * @event: what
 * @ctx: facts beside those of tcpx_ctx()
 * @err: errno for ICMP events
 *
 * Context: socket locked, softirqs off, RCU read lock; see tcpx_execute().
 * Return: 0, or the negative errno the law gives the caller
 */
int tcpx_event(struct sock *sk, enum tcpx_event event, u32 ctx, u8 err)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	struct tcpx_verdict v;

	tcpx_fsm_event(&tp->tcb, tcpx_ctx(sk) | ctx, event, err, &v);
	tcpx_mib_verdict(tp->tn, &v);
	tcpx_execute(sk, NULL, NULL, &v);
	return -v.err;
}
