// SPDX-License-Identifier: GPL-2.0
/*
 * The passive open: the ACK of its SYN-ACK turns a half-open entry, or a cookie,
 * into a connection in the accept queue. How an entry begins is in tcpx_syn.c.
 */
#include <linux/module.h>
#include <net/dst.h>
#include <net/tcp_states.h>

#include "tcpx.h"
#include "tcpx_timer.h"
#include "tcpx_trace.h"

/* @p gets the time, which others who look at the entry need too. */
static void entry_tcb(struct tcpx_pkt *p, const struct tcpx_entry *e,
		      struct tcpx_tcb *t)
{
	*t = (struct tcpx_tcb){
		.state = TCPX_NEW_SYN_RECV,
		.flags = e->opts,
		.iss = e->iss,
		.snd_una = e->iss,
		.snd_nxt = e->iss + 1,
		.snd_up = e->iss,
		.snd_wnd = e->snd_wnd,
		.max_wnd = e->snd_wnd,
		.snd_wl1 = e->irs,
		.snd_wl2 = e->iss,
		.irs = e->irs,
		.rcv_nxt = e->irs + 1,
		.rcv_up = e->irs + 1,
		.rcv_wnd = e->rcv_wnd,
		.last_ack_sent = e->irs + 1,
		.ts_recent = e->ts_recent,
		.snd_wscale = e->wscale & 15,
		.rcv_wscale = e->wscale >> 4,
	};
	p->now_ms = tcpx_now_ms();
	p->ts_offset = tcpx_pick_ts_offset(p->tn, p->hash);
	t->ts_first = tcpx_entry_tsval(e, e->sent_ms + p->ts_offset);
	t->ts_last = p->now_ms + p->ts_offset;
}

/* A segment that was taken ends here, one that was refused with its reason. */
static void finish(struct tcpx_pkt *p, u8 reason)
{
	if (reason)
		tcpx_drop(p->tn, p->skb, reason);
	else
		consume_skb(p->skb);
}

static void refuse(struct tcpx_pkt *p, u32 acts)
{
	struct tcpx_spare spare = { .skb = p->skb };

	tcpx_reply_rst(p->tn, p->af, &p->path, &p->seg, acts, &spare);
	p->skb = spare.skb;
}

/* One more than the backlog fits, as in native TCP. */
static int accept_limit(const struct tcpx_lsn *lsn)
{
	return (int)min_t(u32, READ_ONCE(lsn->backlog_arg), INT_MAX - 1) + 1;
}

/*
 * Entry to connection
 */

static void child_reset(struct sock *child)
{
	struct tcpx_sock *tp = tcpx_sk(child);
	struct inet_sock *inet = inet_sk(child);

	/* Everything that sk_clone_lock() copied and that was the listener's. */
	RCU_INIT_POINTER(inet->inet_opt, NULL);
	inet->mc_list = NULL;
	memset(&inet->cork, 0, sizeof(inet->cork));
	RCU_INIT_POINTER(tp->lsn, NULL);
	INIT_HLIST_NODE(&tp->lsn_node);
	INIT_HLIST_NODE(&tp->port_node);
	INIT_LIST_HEAD(&tp->accept_node);
	tp->port = NULL;
	tp->parent = NULL;
	tp->hashed = false;
	/* accept() takes the module for it. */
	tp->pins_module = false;
	module_put(THIS_MODULE);
	tp->deferred = 0;
	tp->segs_in = 0;
	tp->segs_out = 0;
	tp->last_reason = TCPX_R_NONE;
	tp->ooo = RB_ROOT;
	child->tcp_rtx_queue = RB_ROOT;
	sock_reset_flag(child, SOCK_DONE);
	atomic64_set(&child->sk_cookie, 0);
	tcpx_timer_init(child);
	tp->tcb.state = TCPX_SYN_RECV;
	tcpx_sock_count(child);
}

/*
 * The first sample (RFC 6298 2.2): of the SYN-ACK and its ACK, unless it was sent
 * twice (3). Not of the TSecr, in which the options took the place of time.
 */
static void child_rtt(struct tcpx_sock *tp, const struct tcpx_entry *e,
		      u32 now_ms)
{
	const u8 late = TCPX_ENTRY_RESTORED | TCPX_ENTRY_ACKED |
			TCPX_ENTRY_DEFERRED;

	if (!e->rtx && !(e->flags & late))
		tcpx_rto_sample(&tp->rto,
				(now_ms - e->sent_ms) * USEC_PER_MSEC,
				tcpx_param(tp->tn, rto_min_ms) * USEC_PER_MSEC,
				tcpx_param(tp->tn, rto_max_ms) * USEC_PER_MSEC);
}

static void child_fill(struct sock *child, const struct tcpx_entry *e,
		       const struct tcpx_pkt *p, const struct tcpx_tcb *t)
{
	struct tcpx_sock *tp = tcpx_sk(child);

	tp->tcb = *t;
	tp->tcb.state = TCPX_SYN_RECV;
	tp->tuple = p->path.tuple;
	trace_tcpx_state(sock_net(child), &tp->tuple, TCPX_LISTEN,
			 TCPX_SYN_RECV);
	inet_sk_set_state(child, TCP_SYN_RECV);
	tp->af = p->af;
	child->sk_mark = e->mark;
	child->sk_bound_dev_if = e->ifindex;

	tp->write_seq = e->iss + 1;
	tp->rtx_nxt = e->iss + 1;
	tp->snd_sml = e->iss + 1;
	tp->copied_seq = e->irs + 1;
	tp->rcv_wup = e->irs + 1;
	tp->syn_rtx = e->rtx;
	tp->ts_offset = p->ts_offset;
	tp->ts_recent_at = jiffies;
	tp->peer_mss = e->mss;
	tp->rcv_at = jiffies;
	tcpx_rto_init(&tp->rto, tcpx_param(tp->tn, rto_init_ms) * USEC_PER_MSEC);
	child_rtt(tp, e, p->now_ms);
	tp->af->init_child(child, &tp->tuple);
	/* Without a route it is looked up again with the first segment. */
	tp->pmtu = TCPX_MSS_DEFAULT + 40;
	if (!tp->af->route(child))
		tp->pmtu = dst_mtu(__sk_dst_get(child));
	tcpx_sync_mss(child, tp->pmtu);
}

/* sk_clone_lock() has locked it, which sparse does not see. */
static void child_unlock(struct sock *child)
{
	__acquire(&child->sk_lock.slock);
	bh_unlock_sock(child);
}

/* Give up a child that nobody has seen: it takes nothing with it. */
static void child_drop(struct sock *child)
{
	sock_set_flag(child, SOCK_DEAD);
	atomic_inc(&tcpx_sk(child)->tn->orphans);
	TCPX_GAUGE_INC(tcpx_sk(child)->tn, ORPHANS);
	tcpx_done(child);
	child_unlock(child);
	sock_put(child);
}

/*
 * Make the child of @e and put it in the place of @e, all under the shard lock:
 * another CPU finds either the entry or the child. Returned locked, with a
 * reference; NULL if there was no memory, @e stays then.
 */
static struct sock *child_create(struct tcpx_synq_shard *shard,
				 struct tcpx_entry *e, const struct tcpx_pkt *p,
				 const struct tcpx_tcb *t)
{
	struct tcpx_lsn *lsn = e->lsn;
	struct sock *child;

	child = sk_clone_lock(lsn->sk, GFP_ATOMIC);
	if (!child)
		return NULL;
	child_reset(child);
	child_fill(child, e, p, t);
	tcpx_port_inherit(child, lsn->sk);
	if (tcpx_hash_insert(child, p->hash)) {
		child_drop(child);
		return NULL;
	}

	spin_lock(&lsn->accept_lock);
	tcpx_sk(child)->parent = lsn;
	list_add_tail(&tcpx_sk(child)->accept_node, &lsn->accept_queue);
	spin_unlock(&lsn->accept_lock);

	TCPX_INC(p->tn, PASSIVE_OPENS);
	if (e->flags & TCPX_ENTRY_RESTORED) {
		shard->changes++;
		TCPX_INC(p->tn, COOKIES_OK);
		return child;
	}
	TCPX_INC(p->tn, SYNQ_COMPLETED);
	tcpx_synq_unlink(shard, e);
	tcpx_synq_free(e);
	return child;
}

static void child_run(struct sock *child, struct sock *lsk, struct tcpx_pkt *p,
		      struct tcpx_verdict *v)
{
	tcpx_sk(child)->segs_in++;
	v->acts &= ~TCPX_ACT_CHILD;
	if (p->skb) {
		__skb_pull(p->skb, p->seg.hlen);
		/* For the charge; the first text of a connection has room. */
		if (v->acts & (TCPX_ACT_TEXT | TCPX_ACT_TEXT_OOO))
			sk_rmem_schedule(child, p->skb, p->skb->truesize);
	}
	tcpx_execute(child, p->skb, &p->seg, v);
	child_unlock(child);
	lsk->sk_data_ready(lsk);
	sock_put(child);
}

/* What a verdict on an entry leaves to be sent once the shard is unlocked. */
struct entry_reply {
	struct tcpx_entry e;
	bool synack;
	bool challenge;
};

static void entry_free_counted(struct tcpx_synq_shard *shard,
			       struct tcpx_entry *e, u8 reason)
{
	struct tcpx_net *tn = shard->tn;

	switch (reason) {
	case TCPX_R_SYN_HALF_OPEN:
		TCPX_INC(tn, SYNQ_NEW_SYN);
		break;
	case TCPX_R_ACCEPT_FULL:
		TCPX_INC(tn, SYNQ_REFUSED);
		break;
	case TCPX_R_ICMP:
		TCPX_INC(tn, SYNQ_ICMP);
		break;
	default:
		TCPX_INC(tn, SYNQ_RESET);
	}
	tcpx_synq_unlink(shard, e);
	tcpx_synq_free(e);
}

/*
 * The SYN came again, so its SYN-ACK was lost: the wait starts anew. But not for
 * ever: a peer that only repeats its SYN is not waited for beyond a lifetime.
 */
static void entry_again(struct tcpx_synq_shard *shard, struct tcpx_entry *e)
{
	u32 life = msecs_to_jiffies(tcpx_synq_lifetime_ms(shard->tn));

	e->rtx += e->rtx < U8_MAX;
	if ((u32)jiffies - e->born < life)
		tcpx_synq_restart(shard, e, e->stage, tcpx_next_jiffy());
}

static void entry_acked(struct tcpx_synq_shard *shard, struct tcpx_entry *e,
			struct tcpx_pkt *p, u8 reason)
{
	if (reason == TCPX_R_DEFERRED) {
		e->flags |= TCPX_ENTRY_DEFERRED;
		return;
	}
	TCPX_INC(p->tn, ACCEPT_FULL);
	if (e->flags & TCPX_ENTRY_RESTORED)
		return;
	tcpx_synq_set_acked(shard, e);
	e->snd_wnd = p->seg.wnd;
	TCPX_INC(p->tn, SYNQ_ACKED);
}

static void entry_apply(struct tcpx_synq_shard *shard, struct tcpx_entry *e,
			struct tcpx_pkt *p, const struct tcpx_verdict *v,
			struct entry_reply *r)
{
	unsigned long last = e->challenge_at;

	if (v->acts & TCPX_ACT_ENTRY_FREE) {
		if (!(e->flags & TCPX_ENTRY_RESTORED))
			entry_free_counted(shard, e, v->reason);
		return;
	}
	if (v->acts & TCPX_ACT_ENTRY_ACKED)
		entry_acked(shard, e, p, v->reason);
	if (v->acts & (TCPX_ACT_CHALLENGE | TCPX_ACT_ACK)) {
		/* jiffies as they were when the low half was stored */
		if (last)
			last = jiffies - (u32)((u32)jiffies - e->challenge_at);
		r->challenge = tcpx_challenge_allowed(p->tn, &last);
		e->challenge_at = (u32)last;
	}
	if (v->acts & TCPX_ACT_SYN_ACK) {
		if (e->opts & TCPX_TCB_TS && p->seg.opt.bits & TCPX_OPT_TS &&
		    tcpx_after(p->seg.opt.tsval, e->ts_recent))
			e->ts_recent = p->seg.opt.tsval;
		entry_again(shard, e);
		TCPX_INC(p->tn, SYNQ_DUP_SYN);
		r->synack = true;
	}
	r->e = *e;
}

static void entry_challenge(struct tcpx_pkt *p, const struct tcpx_entry *e)
{
	struct tcpx_seg seg = {
		.seq = e->iss + 1,
		.ack = e->irs + 1,
		.flags = TCPX_ACK,
		.wnd = DIV_ROUND_UP(e->rcv_wnd, 1 << (e->wscale >> 4)),
	};
	struct tcpx_spare spare = {};

	if (e->opts & TCPX_TCB_TS) {
		seg.opt.bits = TCPX_OPT_TS;
		seg.opt.tsval = p->now_ms + p->ts_offset;
		seg.opt.tsecr = e->ts_recent;
	}
	tcpx_reply(p->tn, p->af, &p->path, &seg, &spare);
}

static void half_open_reply(struct tcpx_pkt *p, const struct tcpx_verdict *v,
			    const struct entry_reply *r)
{
	if (r->challenge)
		entry_challenge(p, &r->e);
	if (v->acts & (TCPX_ACT_RST_SEQ | TCPX_ACT_RST_ACK))
		refuse(p, v->acts);
	if (r->synack)
		tcpx_answer_syn(p, &r->e, NULL);
	finish(p, v->reason);
}

/* Text behind the window of the SYN-ACK is cut off (RFC 9293 3.10.7.4). */
static bool entry_fit(const struct tcpx_entry *e, struct tcpx_pkt *p)
{
	u32 edge = e->irs + 1 + e->rcv_wnd;
	struct tcpx_seg *seg = &p->seg;

	if (!seg->len || seg->flags & (TCPX_SYN | TCPX_RST) ||
	    !tcpx_before(seg->seq, edge) ||
	    !tcpx_after(seg->seq + seg->len, edge))
		return true;
	return tcpx_cut(p->skb, seg->hlen, seg, edge - seg->seq);
}

static u32 entry_ctx(const struct tcpx_net *tn, const struct tcpx_entry *e)
{
	u32 ctx = tcpx_ctx_rst(tn);

	if (tcpx_param(tn, abort_on_overflow))
		ctx |= TCPX_CTX_ABORT_FULL;
	if (tcpx_param(tn, syn_strict))
		ctx |= TCPX_CTX_SYN_STRICT;
	if (e->stage < tcpx_defer_accept(e->lsn) &&
	    !(e->flags & (TCPX_ENTRY_RESTORED | TCPX_ENTRY_ACKED)))
		ctx |= TCPX_CTX_DEFER;
	return ctx;
}

/*
 * What a cookie says of a connection, from its ACK: 0 and an entry as it would
 * have been stored, -EBADMSG, or -ESTALE. What only the SYN told and no bit was left for is as
 * if the SYN had not said it.
 */
static int entry_restore(struct tcpx_entry *e, const struct sock *lsk,
			 struct tcpx_lsn *lsn, const struct tcpx_pkt *p)
{
	u32 irs = p->seg.seq - 1, iss = p->seg.ack - 1;
	const struct tcpx_opts *opt = &p->seg.opt;
	int index = tcpx_check_cookie(p->tn, p->hash, irs, iss), opts = 0;
	u32 sent_ms = 0;
	u8 wscale = 0;
	bool ecn;

	if (index >= 0 && opt->bits & TCPX_OPT_TS && tcpx_param(p->tn, timestamps)) {
		u32 offset = tcpx_pick_ts_offset(p->tn, p->hash);

		opts = tcpx_cookie_options(opt->tsecr, tcpx_now_ms() + offset,
					   &wscale, &ecn);
		index = opts < 0 ? opts : index;
		sent_ms = opt->tsecr - offset;
	} else if (index >= 0 && tcpx_param(p->tn, cookies_require_ts)) {
		index = -EBADMSG;
	}
	if (index < 0)
		return index;
	memset(e, 0, sizeof(*e));
	tcpx_entry_name(e, lsk, lsn, p);
	e->flags |= TCPX_ENTRY_RESTORED;
	e->sent_ms = sent_ms;
	e->irs = irs;
	e->iss = iss;
	e->opts = opts;
	e->ts_recent = opt->tsval;
	e->mss = tcpx_cookie_mss(index, tcpx_entry_v6(e));
	if (opts & TCPX_TCB_WS)
		e->wscale = wscale | tcpx_pick_wscale(p->tn, lsk) << 4;
	e->snd_wnd = p->seg.wnd;
	e->rcv_wnd = tcpx_first_window(lsk);
	return 0;
}

/* synq_oracle: does the cookie of a stored entry say what the entry says? */
static void ask_oracle(const struct tcpx_entry *e, const struct tcpx_pkt *p)
{
	u32 life = msecs_to_jiffies(TCPX_COOKIE_LIFE_MS / 2);
	struct tcpx_entry told;

	/* From other segments a cookie cannot be read. */
	if (!(e->flags & TCPX_ENTRY_COOKIE) || !p->skb ||
	    p->seg.seq != e->irs + 1 || (u32)jiffies - e->born > life)
		return;
	if (entry_restore(&told, e->lsn->sk, e->lsn, p) ||
	    tcpx_cookie_index(e->mss, tcpx_entry_v6(e)) !=
		    tcpx_cookie_index(told.mss, tcpx_entry_v6(e)) ||
	    (p->seg.opt.bits & TCPX_OPT_TS && e->opts & TCPX_TCB_TS &&
	     told.opts != e->opts) ||
	    (told.opts & TCPX_TCB_WS && (told.wscale & 15) != (e->wscale & 15)))
		TCPX_INC(p->tn, COOKIE_MISMATCH);
}

/*
 * Decide on a segment for @e and do it. The child, if one was made; @e is gone
 * then. The place in the accept queue is taken before the child is built; where
 * there is none the law is asked again.
 */
static struct sock *entry_decide(struct tcpx_synq_shard *shard,
				 struct tcpx_entry *e, struct tcpx_pkt *p,
				 struct tcpx_verdict *v, struct entry_reply *r)
{
	struct tcpx_lsn *lsn = e->lsn;
	struct sock *child = NULL;
	struct tcpx_tcb tcb;
	bool place = false;
	u32 ctx = entry_ctx(p->tn, e);

	entry_tcb(p, e, &tcb);
	tcpx_fsm_segment(&tcb, ctx, &p->seg, v);
	if (v->acts & TCPX_ACT_CHILD) {
		place = tcpx_inc_below(&lsn->acceptq, accept_limit(lsn));
		if (!place)
			tcpx_fsm_segment(&tcb, ctx | TCPX_CTX_ACCEPT_FULL,
					 &p->seg, v);
	}
	tcpx_mib_verdict(p->tn, v);
	if (v->acts & TCPX_ACT_CHILD) {
		if (tcpx_param(p->tn, synq_oracle))
			ask_oracle(e, p);
		child = child_create(shard, e, p, &tcb);
		/* Without memory: as if the queue were full. */
		if (!child)
			TCPX_REASON(p->tn, TCPX_R_NOMEM);
	} else {
		entry_apply(shard, e, p, v, r);
	}
	if (place && !child)
		atomic_dec(&lsn->acceptq);
	return child;
}

/* Was an accept() faster than the entry that waits for it? */
static bool place_again(const struct tcpx_verdict *v, struct tcpx_lsn *lsn)
{
	if (v->reason != TCPX_R_ACCEPT_FULL || v->acts & TCPX_ACT_ENTRY_FREE)
		return false;
	/* It must see lsn->acked, or we the place: pairs with tcpx_promote(). */
	smp_mb();
	return atomic_read(&lsn->acceptq) < accept_limit(lsn);
}

/* A segment for @e; unlocks the shard. */
static void rcv_entry(struct tcpx_synq_shard *shard, struct tcpx_entry *e,
		      struct tcpx_pkt *p)
	__releases(&shard->lock)
{
	struct tcpx_lsn *lsn = e->lsn;
	struct entry_reply reply = {};
	struct sock *lsk = lsn->sk, *child;
	struct tcpx_verdict v;

	tcpx_entry_way(e, &p->path);
	if (!entry_fit(e, p)) {
		spin_unlock(&shard->lock);
		TCPX_REASON(p->tn, TCPX_R_NOMEM);
		finish(p, TCPX_R_NOMEM);
		return;
	}
	child = entry_decide(shard, e, p, &v, &reply);
	if (!child && place_again(&v, lsn))
		child = entry_decide(shard, e, p, &v, &reply);
	spin_unlock(&shard->lock);

	if (child)
		child_run(child, lsk, p, &v);
	else
		half_open_reply(p, &v, &reply);
}

/*
 * An ACK whose cookie is good. As for an entry that is stored, but it is in no
 * queue; the shard is locked all the same: of two such ACKs one makes the child,
 * and a close() that sweeps the shard later finds it in the accept queue.
 */
static void rcv_cookie(struct tcpx_entry *e, struct tcpx_pkt *p)
{
	struct tcpx_synq_shard *shard = tcpx_synq_shard(p->tn->synq, p->hash);
	struct tcpx_entry *stored;
	struct sock *sk;

	spin_lock(&shard->lock);
	sk = tcpx_hash_lookup(p->tn->net, &p->path.tuple, p->hash, p->dif,
			      p->sdif);
	stored = tcpx_synq_find(shard, &p->path.tuple, p->hash);
	if (!sk && !READ_ONCE(e->lsn->dead)) {
		rcv_entry(shard, stored ?: e, p);
		return;
	}
	spin_unlock(&shard->lock);
	if (sk) {
		tcpx_rcv_sock(sk, p);
		return;
	}
	TCPX_REASON(p->tn, TCPX_R_LISTENER_GONE);
	finish(p, TCPX_R_LISTENER_GONE);
}

static bool cookie_taken(struct tcpx_entry *e, const struct sock *lsk,
			 struct tcpx_lsn *lsn, const struct tcpx_pkt *p)
{
	switch (entry_restore(e, lsk, lsn, p)) {
	case 0:
		return true;
	case -ESTALE:
		TCPX_INC(p->tn, COOKIES_STALE);
		return false;
	default:
		TCPX_INC(p->tn, COOKIES_BAD);
		return false;
	}
}

/**
 * tcpx_rcv_listener - a segment for a listener, and no entry to it
 * @sk: the listener
 * @p: the segment, consumed
 *
 * Context: softirq, RCU read lock; @sk is not locked.
 */
void tcpx_rcv_listener(struct sock *sk, struct tcpx_pkt *p)
{
	static const struct tcpx_tcb listen = { .state = TCPX_LISTEN };
	struct tcpx_lsn *lsn = rcu_dereference(tcpx_sk(sk)->lsn);
	const u8 not_ack = TCPX_SYN | TCPX_RST;
	struct tcpx_verdict v;
	struct tcpx_entry e;
	u32 ctx = 0;

	if (!lsn) {
		TCPX_REASON(p->tn, TCPX_R_LISTENER_GONE);
		finish(p, TCPX_R_LISTENER_GONE);
		return;
	}
	if ((p->seg.flags & (not_ack | TCPX_ACK)) == TCPX_ACK &&
	    tcpx_admit_cookies(p->tn, lsn) && cookie_taken(&e, sk, lsn, p))
		ctx |= TCPX_CTX_COOKIE;
	if (atomic_read(&lsn->acceptq) >= accept_limit(lsn))
		ctx |= TCPX_CTX_ACCEPT_FULL;
	tcpx_fsm_segment(&listen, ctx, &p->seg, &v);
	tcpx_mib_verdict(p->tn, &v);
	if (v.acts & TCPX_ACT_ENTRY_COOKIE) {
		rcv_cookie(&e, p);
		return;
	}
	if (v.reason == TCPX_R_ACCEPT_FULL) {
		atomic_inc(&lsn->drops);
		atomic_inc(&lsn->refused[TCPX_REFUSED_ACCEPT]);
		TCPX_INC(p->tn, LISTEN_DROPS);
	}
	if (v.acts & TCPX_ACT_ENTRY_NEW)
		v.reason = tcpx_take_syn(sk, lsn, p);
	if (v.acts & (TCPX_ACT_RST_SEQ | TCPX_ACT_RST_ACK))
		refuse(p, v.acts);
	finish(p, v.reason);
}

/**
 * tcpx_rcv_half_open - a segment that may be for a half-open entry
 * @p: the segment, consumed if so
 *
 * Context: softirq, RCU read lock.
 * Return: true if it was taken, by an entry or by what became of it just now
 */
bool tcpx_rcv_half_open(struct tcpx_pkt *p)
{
	struct tcpx_synq *q = READ_ONCE(p->tn->synq);
	struct tcpx_synq_shard *shard;
	struct tcpx_entry *e;
	struct sock *sk;

	if (!q)
		return false;
	shard = tcpx_synq_shard(q, p->hash);
	spin_lock(&shard->lock);
	e = tcpx_synq_find(shard, &p->path.tuple, p->hash);
	if (e) {
		/* The filters of the listener are its children's too. */
		if (!tcpx_filtered(e->lsn->sk, p)) {
			rcv_entry(shard, e, p);
			return true;
		}
		spin_unlock(&shard->lock);
		TCPX_REASON(p->tn, TCPX_R_POLICY);
		finish(p, TCPX_R_POLICY);
		return true;
	}
	p->changes = shard->changes;
	/* Completion happens under this lock: no entry means a child, or none. */
	sk = tcpx_hash_lookup(p->tn->net, &p->path.tuple, p->hash, p->dif,
			      p->sdif);
	spin_unlock(&shard->lock);
	if (sk)
		tcpx_rcv_sock(sk, p);
	return sk;
}

/* The oldest entry whose ACK came too early, as if that ACK came now. */
static void promote_in(struct tcpx_synq_shard *shard, struct tcpx_lsn *lsn)
{
	struct tcpx_pkt p = { .tn = shard->tn };
	struct tcpx_entry *e;

	spin_lock(&shard->lock);
	e = tcpx_synq_acked(shard, lsn);
	if (!e) {
		spin_unlock(&shard->lock);
		return;
	}
	p.af = tcpx_af_of(e);
	tcpx_entry_path(e, &p.path);
	p.hash = tcpx_tuple_hash(p.tn, &p.path.tuple);
	p.seg = (struct tcpx_seg){
		.flags = TCPX_ACK, .hlen = TCPX_HLEN_MIN,
		.seq = e->irs + 1, .end = e->irs + 1, .ack = e->iss + 1,
		.wnd = e->snd_wnd,
	};
	rcv_entry(shard, e, &p);
}

static struct tcpx_synq_shard *oldest_acked(struct tcpx_synq *q,
					    const struct tcpx_lsn *lsn)
{
	struct tcpx_synq_shard *shard, *best = NULL;
	struct tcpx_entry *e;
	u32 i, born = 0;

	for (i = 0; i < q->nshards; i++) {
		shard = &q->shards[i];
		if (!READ_ONCE(shard->acked))
			continue;
		spin_lock(&shard->lock);
		e = tcpx_synq_acked(shard, lsn);
		if (e && (!best || (s32)(e->born - born) < 0)) {
			best = shard;
			born = e->born;
		}
		spin_unlock(&shard->lock);
	}
	return best;
}

/**
 * tcpx_promote - a place in an accept queue became free
 * @tn: the namespace
 * @lsn: the listener
 *
 * A client whose ACK found the queue full believes it is connected: complete one
 * such entry now, without waiting for the SYN-ACK to be sent again.
 *
 * Context: process, listener locked.
 */
void tcpx_promote(struct tcpx_net *tn, struct tcpx_lsn *lsn)
{
	struct tcpx_synq_shard *shard;

	/* The place was given back: pairs with place_again(). */
	smp_mb();
	if (!atomic_read(&lsn->acked))
		return;
	local_bh_disable();
	rcu_read_lock();
	shard = oldest_acked(tn->synq, lsn);
	if (shard)
		promote_in(shard, lsn);
	rcu_read_unlock();
	local_bh_enable();
}

/**
 * tcpx_icmp_half_open - an ICMP error that may be for a half-open entry
 * @icmp: what it says
 * @hash: tcpx_tuple_hash() of its connection
 *
 * An entry that has been answered a few times and gets a second error is given
 * up; one error alone may be forged or passing.
 *
 * Context: softirq, RCU read lock.
 * Return: true if there is an entry with that sequence number
 */
bool tcpx_icmp_half_open(const struct tcpx_icmp *icmp, u64 hash)
{
	struct tcpx_synq *q = READ_ONCE(icmp->tn->synq);
	struct tcpx_synq_shard *shard;
	struct tcpx_tcb tcb = { .state = TCPX_NEW_SYN_RECV };
	struct tcpx_verdict v;
	struct tcpx_entry *e;
	u32 ctx = 0;
	bool found;

	if (!q)
		return false;
	shard = tcpx_synq_shard(q, hash);
	spin_lock(&shard->lock);
	e = tcpx_synq_find(shard, &icmp->tuple, hash);
	found = e && e->iss == icmp->seq;
	if (found) {
		if (e->rtx >= 3 && e->flags & TCPX_ENTRY_ICMP)
			ctx |= TCPX_CTX_LIMIT;
		if (icmp->event == TCPX_EV_ICMP_HARD)
			e->flags |= TCPX_ENTRY_ICMP;
		tcpx_fsm_event(&tcb, ctx, icmp->event, icmp->err, &v);
		tcpx_mib_verdict(icmp->tn, &v);
		if (v.acts & TCPX_ACT_ENTRY_FREE)
			entry_free_counted(shard, e, TCPX_R_ICMP);
	}
	spin_unlock(&shard->lock);
	return found;
}
