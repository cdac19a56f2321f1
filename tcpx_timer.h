/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Arming and disarming the timers of a socket. All callers hold the socket.
 *
 * One physical timer serves retransmission and persist: a connection has
 * either something in flight or a window that forbids it. sk->sk_timer serves
 * keepalive while the socket is open, and FIN-WAIT-2 once it is an orphan.
 */
#ifndef _TCPX_TIMER_H
#define _TCPX_TIMER_H

#include "tcpx.h"

static inline unsigned long tcpx_rto_jiffies(const struct sock *sk)
{
	const struct tcpx_sock *tp = tcpx_sk(sk);
	u32 max_us = tcpx_param(tp->tn, rto_max_ms) * USEC_PER_MSEC;

	return max(usecs_to_jiffies(tcpx_rto_current(&tp->rto, max_us)), 1UL);
}

/*
 * The kernel's timers are late by up to an eighth of a long wait. So a long one
 * is armed an eighth early; who is woken before the time goes on waiting, and
 * the last step is exact.
 */
static inline unsigned long tcpx_timer_step(unsigned long when)
{
	long left = when - jiffies;

	return left > 62 ? when - left / 8 : when;
}

/* TCP_USER_TIMEOUT counts from the first transmission that is not answered. */
static inline unsigned long tcpx_user_limit(const struct sock *sk,
					    unsigned long when)
{
	const struct tcpx_sock *tp = tcpx_sk(sk);
	unsigned long limit;

	if (!tp->user_timeout_ms)
		return when;
	limit = tp->rtx_first_at + msecs_to_jiffies(tp->user_timeout_ms);
	return time_before(limit, when) ? limit : when;
}

static inline void tcpx_timer_arm(struct sock *sk, enum tcpx_timer_kind kind,
				  unsigned long delay)
{
	struct tcpx_sock *tp = tcpx_sk(sk);

	if (!tp->retries && !tp->wnd_probes)
		tp->rtx_first_at = jiffies;
	tp->rtx_kind = kind;
	tp->rtx_when = tcpx_user_limit(sk, jiffies + delay);
	sk_reset_timer(sk, &tp->rtx_timer, tcpx_timer_step(tp->rtx_when));
}

/* The timer may still be on its way: the handler looks at rtx_kind. */
static inline void tcpx_timer_disarm(struct sock *sk)
{
	tcpx_sk(sk)->rtx_kind = TCPX_TIMER_NONE;
	sk_stop_timer(sk, &tcpx_sk(sk)->rtx_timer);
}

static inline void tcpx_timer_arm_rtx(struct sock *sk)
{
	tcpx_timer_arm(sk, TCPX_TIMER_RTX, tcpx_rto_jiffies(sk));
}

static inline void tcpx_timer_arm_delack(struct sock *sk, unsigned long delay)
{
	sk_reset_timer(sk, &tcpx_sk(sk)->delack_timer, jiffies + delay);
}

static inline void tcpx_timer_disarm_delack(struct sock *sk)
{
	sk_stop_timer(sk, &tcpx_sk(sk)->delack_timer);
}

static inline void tcpx_timer_arm_keep(struct sock *sk, unsigned long delay)
{
	tcpx_sk(sk)->keep_when = jiffies + delay;
	sk_reset_timer(sk, &sk->sk_timer,
		       tcpx_timer_step(tcpx_sk(sk)->keep_when));
}

static inline void tcpx_timer_disarm_all(struct sock *sk)
{
	tcpx_timer_disarm(sk);
	tcpx_timer_disarm_delack(sk);
	sk_stop_timer(sk, &sk->sk_timer);
}

static inline unsigned long tcpx_keep_time(const struct sock *sk)
{
	u32 s = tcpx_sk(sk)->keep_time_s;

	return HZ * (s ?: tcpx_param(tcpx_sk(sk)->tn, keepalive_time_s));
}

static inline unsigned long tcpx_keep_intvl(const struct sock *sk)
{
	u32 s = tcpx_sk(sk)->keep_intvl_s;

	return HZ * (s ?: tcpx_param(tcpx_sk(sk)->tn, keepalive_intvl_s));
}

#endif /* _TCPX_TIMER_H */
