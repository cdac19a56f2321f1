// SPDX-License-Identifier: GPL-2.0
/*
 * Timers fire. Each handler runs in softirq; when a user owns the socket it
 * leaves a bit for tcpx_release_cb(). The handler measures whether a limit is
 * reached, the law says what follows.
 *
 * Per socket: retransmission or persist (never both), delayed ACK, and
 * sk->sk_timer: keepalive while open, FIN-WAIT-2 once an orphan. Per shard of
 * the half-open queue: one for all its entries. Per TIME-WAIT entry: 2MSL, see
 * tcpx_timewait.c.
 */
#include "tcpx.h"
#include "tcpx_timer.h"

#define TCPX_DUE_BATCH	8	/* copies on the stack between two lock holds */
#define TCPX_DUE_MAX	64	/* expiries in one run of a shard's timer */

static unsigned int retry_limit(const struct sock *sk)
{
	const struct tcpx_sock *tp = tcpx_sk(sk);

	switch (tp->tcb.state) {
	case TCPX_SYN_SENT:
		return tp->syn_retries ?: tcpx_param(tp->tn, syn_retries);
	case TCPX_SYN_RECV:
		return tcpx_param(tp->tn, synack_retries);
	}
	if (sock_flag(sk, SOCK_DEAD))
		return tcpx_param(tp->tn, orphan_retries);
	return tcpx_param(tp->tn, retries2);
}

/* TCP_USER_TIMEOUT since the first transmission that was not answered */
static bool user_timeout(const struct tcpx_sock *tp)
{
	return tp->user_timeout_ms &&
	       time_after_eq(jiffies, tp->rtx_first_at +
				      msecs_to_jiffies(tp->user_timeout_ms));
}

/* A timer runs up to a jiffy late: that need not add up over the waits. */
static unsigned long next_wait(const struct sock *sk)
{
	bool late = jiffies - tcpx_sk(sk)->rtx_when == 1;
	unsigned long wait = tcpx_rto_jiffies(sk);

	return late && wait > 1 ? wait - 1 : wait;
}

/* MUST-37: a peer that has shut its window and still answers is not given up. */
static bool window_shut(const struct sock *sk)
{
	const struct tcpx_sock *tp = tcpx_sk(sk);
	u32 ms = tcpx_param(tp->tn, rto_max_ms);

	return tp->tcb.max_wnd && !tp->tcb.snd_wnd && !sock_flag(sk, SOCK_DEAD) &&
	       time_before(jiffies, tp->rcv_at + msecs_to_jiffies(ms));
}

static void rtx_expired(struct sock *sk)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	bool first = !tp->retries;

	if (!tcpx_rtx_head(sk))
		return;
	if (user_timeout(tp)) {
		tcpx_event(sk, TCPX_EV_T_USER, TCPX_CTX_LIMIT, 0);
		return;
	}
	if (tp->retries >= retry_limit(sk) && !window_shut(sk)) {
		tcpx_event(sk, TCPX_EV_T_RTX, TCPX_CTX_LIMIT, 0);
		return;
	}
	TCPX_INC(tp->tn, RTX_TIMEOUTS);
	/* R1, RFC 9293 3.8.3 (MUST-20): perhaps there is a better route. */
	if (tp->retries == tcpx_param(tp->tn, retries1))
		dst_negative_advice(sk);
	tcpx_cong_timeout(&tp->cong, tp->mss, tp->tcb.snd_nxt,
			  tp->tcb.snd_nxt - tp->tcb.snd_una, first);
	tp->rtx_nxt = tp->tcb.snd_una;
	tp->retries += tp->retries < U8_MAX;
	tcpx_rto_backoff(&tp->rto);
	tcpx_timer_arm(sk, TCPX_TIMER_RTX, next_wait(sk));
	tcpx_event(sk, TCPX_EV_T_RTX, 0, 0);
}

/* RFC 9293 3.8.6.1: probe with back-off, for ever while the peer answers. */
static void persist_expired(struct sock *sk)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	struct sk_buff *skb = skb_peek(&sk->sk_write_queue);
	u32 ctx = 0;

	if (!skb && !tp->fin_wanted)
		return;
	/* The window may be open by now, or Nagle held a small segment. */
	tcpx_push(sk, true);
	if (tp->tcb.snd_nxt != tp->tcb.snd_una ||
	    (!skb_peek(&sk->sk_write_queue) && !tp->fin_wanted))
		return;
	if (tp->wnd_probes >= retry_limit(sk) || user_timeout(tp))
		ctx = TCPX_CTX_LIMIT;
	/* Nobody waits for an orphan's text: answers do not prolong its life. */
	if (sock_flag(sk, SOCK_DEAD) && tp->rto.backoff >= retry_limit(sk))
		ctx = TCPX_CTX_LIMIT;
	tp->wnd_probes += tp->wnd_probes < U8_MAX;
	tcpx_rto_backoff(&tp->rto);
	tcpx_timer_arm(sk, TCPX_TIMER_PERSIST, next_wait(sk));
	if (!ctx)
		TCPX_INC(tp->tn, PERSIST_PROBES);
	tcpx_event(sk, TCPX_EV_T_PERSIST, ctx, 0);
}

static void run_rtx(struct sock *sk)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	u8 kind = tp->rtx_kind;

	if (tp->tcb.state == TCPX_CLOSED || kind == TCPX_TIMER_NONE)
		return;
	/* Armed anew while it waited for the lock. */
	if (timer_pending(&tp->rtx_timer))
		return;
	if (time_before(jiffies, tp->rtx_when)) {
		sk_reset_timer(sk, &tp->rtx_timer,
			       tcpx_timer_step(tp->rtx_when));
		return;
	}
	tp->rtx_kind = TCPX_TIMER_NONE;
	if (kind == TCPX_TIMER_RTX)
		rtx_expired(sk);
	else
		persist_expired(sk);
}

static void run_delack(struct sock *sk)
{
	struct tcpx_sock *tp = tcpx_sk(sk);

	if (tp->tcb.state == TCPX_CLOSED || !tp->ack_pending ||
	    timer_pending(&tp->delack_timer))
		return;
	/* One that found no memory was decided on before, in whatever state. */
	if (tp->ack_now) {
		tcpx_send_ack(sk);
		return;
	}
	tp->ack_pending = false;
	TCPX_INC(tp->tn, DELAYED_ACKS);
	tcpx_event(sk, TCPX_EV_T_DELACK, 0, 0);
}

/* TCP_USER_TIMEOUT, if set, ends an idle connection instead of the count. */
static bool keep_limit(const struct sock *sk)
{
	const struct tcpx_sock *tp = tcpx_sk(sk);
	u32 limit = tp->keep_probes ?: tcpx_param(tp->tn, keepalive_probes);

	if (!tp->user_timeout_ms)
		return tp->probes >= limit;
	return tp->probes && time_after_eq(jiffies, tp->rcv_at +
			msecs_to_jiffies(tp->user_timeout_ms));
}

static void keep_open(struct sock *sk)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	unsigned long time = tcpx_keep_time(sk);
	u32 idle = jiffies - max(tp->rcv_at, tp->sent_at);
	u32 ctx = 0;

	if (!sock_flag(sk, SOCK_KEEPOPEN) ||
	    (1 << sk->sk_state) & (TCPF_SYN_SENT | TCPF_LISTEN | TCPF_CLOSE))
		return;
	/* RFC 9293 3.8.4: only on an idle connection. */
	if (tp->tcb.snd_una != tp->tcb.snd_nxt ||
	    !skb_queue_empty(&sk->sk_write_queue)) {
		tcpx_timer_arm_keep(sk, time);
		return;
	}
	if (jiffies - tp->rcv_at < time) {
		tp->probes = 0;
		tcpx_timer_arm_keep(sk, time - min_t(unsigned long, idle,
						     time - 1));
		return;
	}
	if (keep_limit(sk))
		ctx = TCPX_CTX_LIMIT;
	tp->probes += tp->probes < U8_MAX;
	tcpx_timer_arm_keep(sk, tcpx_keep_intvl(sk));
	if (!ctx)
		TCPX_INC(tp->tn, KEEPALIVE_PROBES);
	tcpx_event(sk, TCPX_EV_T_KEEP, ctx, 0);
}

static void run_keep(struct sock *sk)
{
	u8 state = tcpx_sk(sk)->tcb.state;

	if (state == TCPX_CLOSED || timer_pending(&sk->sk_timer))
		return;
	if (time_before(jiffies, tcpx_sk(sk)->keep_when)) {
		sk_reset_timer(sk, &sk->sk_timer,
			       tcpx_timer_step(tcpx_sk(sk)->keep_when));
		return;
	}
	if (sock_flag(sk, SOCK_DEAD) && state == TCPX_FIN_WAIT2)
		tcpx_event(sk, TCPX_EV_T_2MSL, 0, 0);
	else
		keep_open(sk);
}

static void expired(struct sock *sk, enum tcpx_deferred what)
{
	switch (what) {
	case TCPX_DEFER_RTX:
		run_rtx(sk);
		break;
	case TCPX_DEFER_DELACK:
		run_delack(sk);
		break;
	case TCPX_DEFER_KEEP:
		run_keep(sk);
		break;
	case TCPX_DEFER_MTU:
		tcpx_mtu_reduced(sk);
		break;
	case TCPX_DEFER_ICMP:
		tcpx_icmp_due(sk);
		break;
	default:
		break;
	}
}

/* The timer's reference goes to the deferred bit, or is given back. */
static void fired(struct sock *sk, enum tcpx_deferred what)
{
	rcu_read_lock();
	bh_lock_sock(sk);
	if (!sock_owned_by_user(sk))
		expired(sk, what);
	else if (!test_and_set_bit(what, &tcpx_sk(sk)->deferred))
		sock_hold(sk);
	bh_unlock_sock(sk);
	rcu_read_unlock();
	sock_put(sk);
}

static void rtx_fired(struct timer_list *t)
{
	fired((struct sock *)container_of(t, struct tcpx_sock, rtx_timer),
	      TCPX_DEFER_RTX);
}

static void delack_fired(struct timer_list *t)
{
	fired((struct sock *)container_of(t, struct tcpx_sock, delack_timer),
	      TCPX_DEFER_DELACK);
}

static void keep_fired(struct timer_list *t)
{
	fired(container_of(t, struct sock, sk_timer), TCPX_DEFER_KEEP);
}

/**
 * tcpx_timer_init - prepare the timers of a socket
 * @sk: new socket
 *
 * Context: any.
 */
void tcpx_timer_init(struct sock *sk)
{
	struct tcpx_sock *tp = tcpx_sk(sk);

	timer_setup(&tp->rtx_timer, rtx_fired, 0);
	timer_setup(&tp->delack_timer, delack_fired, 0);
	timer_setup(&sk->sk_timer, keep_fired, 0);
	tp->rtx_kind = TCPX_TIMER_NONE;
}

/**
 * tcpx_release_cb - what was left to do while a user owned the socket
 * @sk: the socket
 *
 * Context: release_sock(), with the spinlock held and softirqs off.
 */
void tcpx_release_cb(struct sock *sk)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	int what;

	if (!READ_ONCE(tp->deferred))
		return;
	rcu_read_lock();
	for (what = TCPX_DEFER_RTX; what < TCPX_NDEFER; what++) {
		if (!test_and_clear_bit(what, &tp->deferred))
			continue;
		expired(sk, what);
		__sock_put(sk);
	}
	rcu_read_unlock();
}

/*
 * Half-open entries
 */

/*
 * Is the life of an entry over? Who has acknowledged already and only waits for
 * text may be asked once more at the end of that wait, and live that long if the
 * queue is not pressed.
 */
static bool over(const struct tcpx_net *tn, const struct tcpx_entry *e)
{
	unsigned int retries = tcpx_admit_retries(tn, e->lsn);

	if (e->flags & TCPX_ENTRY_DEFERRED &&
	    e->stage < tcpx_defer_accept(e->lsn) &&
	    retries == tcpx_param(tn, synack_retries))
		return false;
	return e->stage >= retries;
}

static void life_over(struct tcpx_synq_shard *shard, struct tcpx_entry *e)
{
	struct tcpx_net *tn = shard->tn;

	if (e->stage >= tcpx_param(tn, synack_retries)) {
		TCPX_INC(tn, SYNQ_EXPIRED);
	} else {
		/* Its ACK may still come: then the cookie tells who it was. */
		if (e->flags & TCPX_ENTRY_COOKIE)
			tcpx_admit_overflowed(e->lsn);
		TCPX_INC(tn, SYNQ_PRESSED);
		TCPX_REASON(tn, TCPX_R_SYNQ_PRESSED);
	}
	tcpx_synq_unlink(shard, e);
	tcpx_synq_free(e);
}

/* Is a SYN-ACK sent again? While text is waited for only the last one is. */
static bool resend(const struct tcpx_net *tn, const struct tcpx_entry *e)
{
	return !(e->flags & TCPX_ENTRY_DEFERRED) ||
	       e->stage + 1 >= tcpx_defer_accept(e->lsn);
}

/*
 * When the next wait of an entry begins. Alone: when it was due, so that its waits
 * do not add up their delays. In a crowd with the next jiffy: who is sent at the
 * end of this one may be at the beginning of that one, and must not be too early.
 */
static u32 waits_from(const struct tcpx_synq_shard *shard,
		      const struct tcpx_entry *e, u32 now)
{
	if (shard->count > 1)
		return tcpx_next_jiffy();
	return now - e->expires == 1 ? e->expires : now;
}

/* The next expired entry: freed if its life is over, else copied for sending. */
static bool due_one(struct tcpx_synq_shard *shard, struct tcpx_entry *copy,
		    bool *send)
{
	u32 now = (u32)jiffies;
	struct tcpx_entry *e = tcpx_synq_expired(shard, now);
	struct tcpx_net *tn = shard->tn;
	struct tcpx_tcb tcb = { .state = TCPX_NEW_SYN_RECV };
	struct tcpx_verdict v;

	if (!e)
		return false;
	tcpx_fsm_event(&tcb, 0, over(tn, e) ? TCPX_EV_T_LIFE : TCPX_EV_T_RTX, 0,
		       &v);
	tcpx_mib_verdict(tn, &v);
	*send = false;
	if (v.acts & TCPX_ACT_ENTRY_FREE) {
		life_over(shard, e);
		return true;
	}
	*send = v.acts & TCPX_ACT_SYN_ACK && resend(tn, e);
	if (*send && !tcpx_admit_resend(tn)) {
		TCPX_INC(tn, SYNQ_LIMITED);
		*send = false;
	}
	e->rtx += *send && e->rtx < U8_MAX;
	tcpx_synq_restart(shard, e, e->stage + 1, waits_from(shard, e, now));
	*copy = *e;
	return true;
}

/**
 * tcpx_synq_due - waits of half-open entries are over
 * @t: timer of a shard
 *
 * A bounded number per run; what is left comes with the next jiffy. SYN-ACKs are
 * sent after the unlock.
 *
 * Context: softirq.
 */
void tcpx_synq_due(struct timer_list *t)
{
	struct tcpx_synq_shard *shard =
		container_of(t, struct tcpx_synq_shard, timer);
	struct tcpx_entry copy[TCPX_DUE_BATCH];
	struct tcpx_net *tn = shard->tn;
	unsigned int n, i, done = 0;
	bool more = true, send;

	rcu_read_lock();
	while (more && done < TCPX_DUE_MAX) {
		spin_lock(&shard->lock);
		for (n = 0; n < TCPX_DUE_BATCH && done < TCPX_DUE_MAX; done++) {
			more = due_one(shard, &copy[n], &send);
			if (!more)
				break;
			n += send;
		}
		spin_unlock(&shard->lock);
		for (i = 0; i < n; i++) {
			struct tcpx_spare spare = {};
			struct tcpx_path path;

			TCPX_INC(tn, SYNQ_RETRANS);
			tcpx_entry_path(&copy[i], &path);
			tcpx_send_synack(tn, &copy[i],
					 tcpx_tuple_hash(tn, &path.tuple),
					 tcpx_af_of(&copy[i]), &path, &spare);
		}
	}
	spin_lock(&shard->lock);
	if (tcpx_synq_expired(shard, (u32)jiffies)) {
		TCPX_INC(tn, SYNQ_DEFERRED);
		mod_timer(&shard->timer, jiffies + 1);
	} else {
		tcpx_synq_rearm(shard);
	}
	spin_unlock(&shard->lock);
	rcu_read_unlock();
}
