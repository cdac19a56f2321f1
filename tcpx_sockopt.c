// SPDX-License-Identifier: GPL-2.0
/*
 * Socket options of level SOL_TCP. What promises security we do not have
 * (MD5, AO, TLS) is refused, never silently accepted.
 */
#include <linux/tcp.h>
#include <net/ip.h>

#include "tcpx.h"
#include "tcpx_info.h"
#include "tcpx_timer.h"

/**
 * tcpx_set_keepalive - SO_KEEPALIVE
 * @sk: the socket
 * @val: on or off
 *
 * Context: process, socket locked.
 */
void tcpx_set_keepalive(struct sock *sk, int val)
{
	if ((1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN))
		return;
	if (val && !sock_flag(sk, SOCK_KEEPOPEN))
		tcpx_timer_arm_keep(sk, tcpx_keep_time(sk));
	else if (!val)
		sk_stop_timer(sk, &sk->sk_timer);
}

struct int_opt {
	int name;
	int min;
	int max;
};

/* Ranges as in native TCP. */
static const struct int_opt int_opts[] = {
	{ TCP_NODELAY, INT_MIN, INT_MAX },
	{ TCP_MAXSEG, 0, 32767 },
	{ TCP_CORK, INT_MIN, INT_MAX },
	{ TCP_KEEPIDLE, 1, 32767 },
	{ TCP_KEEPINTVL, 1, 32767 },
	{ TCP_KEEPCNT, 1, 127 },
	{ TCP_SYNCNT, 1, 127 },
	{ TCP_LINGER2, INT_MIN, INT_MAX },
	{ TCP_DEFER_ACCEPT, INT_MIN, INT_MAX },
	{ TCP_WINDOW_CLAMP, 0, INT_MAX },
	{ TCP_QUICKACK, INT_MIN, INT_MAX },
	{ TCP_USER_TIMEOUT, 0, INT_MAX },
};

static const struct int_opt *find_opt(int name)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(int_opts); i++)
		if (int_opts[i].name == name)
			return &int_opts[i];
	return NULL;
}

static void set_nodelay(struct sock *sk, int val)
{
	tcpx_sk(sk)->nonagle = val;
	if (val)
		tcpx_push(sk, true);
}

static void set_cork(struct sock *sk, int val)
{
	struct sk_buff *skb = skb_peek_tail(&sk->sk_write_queue);

	tcpx_sk(sk)->cork = val;
	if (val)
		return;
	/* Nothing more was announced: MUST-60, also for what MSG_MORE began. */
	tcpx_sk(sk)->more = false;
	if (skb)
		tcpx_cb(skb)->flags |= TCPX_PSH;
	tcpx_push(sk, false);
}

static int set_maxseg(struct sock *sk, int val)
{
	struct tcpx_sock *tp = tcpx_sk(sk);

	if (val && val < tcpx_param(tp->tn, min_adv_mss))
		return -EINVAL;
	tp->user_mss = val;
	if (tp->pmtu)
		tcpx_sync_mss(sk, tp->pmtu);
	return 0;
}

static void set_linger2(struct sock *sk, int val)
{
	struct tcpx_sock *tp = tcpx_sk(sk);

	if (val < 0)
		tp->linger2_ms = -1;
	else if (val > 120)
		tp->linger2_ms = 0;
	else
		tp->linger2_ms = val * MSEC_PER_SEC;
}

static int set_clamp(struct sock *sk, int val)
{
	struct tcpx_sock *tp = tcpx_sk(sk);

	if (!val && sk->sk_state != TCP_CLOSE)
		return -EINVAL;
	WRITE_ONCE(tp->window_clamp, val ? max_t(int, val, SOCK_MIN_RCVBUF / 2) : 0);
	return 0;
}

static void set_quickack(struct sock *sk, int val)
{
	struct tcpx_sock *tp = tcpx_sk(sk);

	tp->pingpong = !(val & 1);
	tp->quick_acks = val & 1 ? 16 : 0;
	if (val & 1 && tp->ack_pending)
		tcpx_send_ack(sk);
}

static void set_keepidle(struct sock *sk, int val)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	unsigned long idle = jiffies - tp->rcv_at;

	tp->keep_time_s = val;
	if (!sock_flag(sk, SOCK_KEEPOPEN) ||
	    (1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN))
		return;
	tcpx_timer_arm_keep(sk, max_t(long, tcpx_keep_time(sk) - idle, 0));
}

/* The first @n waits of a half-open entry together */
static u32 waits_ms(const struct tcpx_net *tn, u8 n)
{
	u32 sum = 0;
	u8 i;

	for (i = 0; i < n; i++)
		sum += READ_ONCE(tn->params.synack_waits_ms[i]);
	return sum;
}

/* TCP_DEFER_ACCEPT: as many waits as are needed for that time */
static u8 waits_of_seconds(const struct tcpx_net *tn, int seconds)
{
	u8 n = 0;

	while (n < TCPX_WAITS - 1 &&
	       (s64)waits_ms(tn, n) < (s64)seconds * MSEC_PER_SEC)
		n++;
	return n;
}

static int set_int(struct sock *sk, int name, int val)
{
	struct tcpx_sock *tp = tcpx_sk(sk);

	switch (name) {
	case TCP_NODELAY:
		set_nodelay(sk, val);
		return 0;
	case TCP_MAXSEG:
		return set_maxseg(sk, val);
	case TCP_CORK:
		set_cork(sk, val);
		return 0;
	case TCP_KEEPIDLE:
		set_keepidle(sk, val);
		return 0;
	case TCP_KEEPINTVL:
		tp->keep_intvl_s = val;
		return 0;
	case TCP_KEEPCNT:
		tp->keep_probes = val;
		return 0;
	case TCP_SYNCNT:
		tp->syn_retries = val;
		return 0;
	case TCP_LINGER2:
		set_linger2(sk, val);
		return 0;
	case TCP_DEFER_ACCEPT:
		WRITE_ONCE(tp->defer_accept, waits_of_seconds(tp->tn, val));
		return 0;
	case TCP_WINDOW_CLAMP:
		return set_clamp(sk, val);
	case TCP_QUICKACK:
		set_quickack(sk, val);
		return 0;
	default:
		tp->user_timeout_ms = val;
		return 0;
	}
}

/* They take room from the segments: RFC 9293 3.7.1 (MUST-16). */
static void ip_options_changed(struct sock *sk)
{
	struct tcpx_sock *tp = tcpx_sk(sk);

	lock_sock(sk);
	if (tp->pmtu)
		tcpx_sync_mss(sk, tp->pmtu);
	release_sock(sk);
}

/**
 * tcpx_setsockopt - setsockopt()
 * @sk: the socket
 * @level: SOL_TCP, or IP's
 * @optname: option
 * @optval: value
 * @optlen: its length
 *
 * Context: process.
 * Return: 0, -ENOPROTOOPT for an option we do not have, -EINVAL, -EFAULT
 */
int tcpx_setsockopt(struct sock *sk, int level, int optname, sockptr_t optval,
		    unsigned int optlen)
{
	const struct int_opt *opt;
	int val, err;

	if (level != SOL_TCP) {
		err = ip_setsockopt(sk, level, optname, optval, optlen);
		if (!err && level == SOL_IP && optname == IP_OPTIONS)
			ip_options_changed(sk);
		return err;
	}
	opt = find_opt(optname);
	if (!opt)
		return -ENOPROTOOPT;
	if (optlen < sizeof(int))
		return -EINVAL;
	if (copy_from_sockptr(&val, optval, sizeof(val)))
		return -EFAULT;
	if (val < opt->min || val > opt->max)
		return -EINVAL;

	lock_sock(sk);
	err = set_int(sk, optname, val);
	release_sock(sk);
	return err;
}

static int get_int(struct sock *sk, int name)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	struct tcpx_net *tn = tp->tn;

	switch (name) {
	case TCP_NODELAY:
		return tp->nonagle;
	case TCP_MAXSEG:
		if (tp->user_mss && (1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN))
			return tp->user_mss;
		return tp->mss ?: TCPX_MSS_DEFAULT;
	case TCP_CORK:
		return tp->cork;
	case TCP_KEEPIDLE:
		return tp->keep_time_s ?: tcpx_param(tn, keepalive_time_s);
	case TCP_KEEPINTVL:
		return tp->keep_intvl_s ?: tcpx_param(tn, keepalive_intvl_s);
	case TCP_KEEPCNT:
		return tp->keep_probes ?: tcpx_param(tn, keepalive_probes);
	case TCP_SYNCNT:
		return tp->syn_retries ?: tcpx_param(tn, syn_retries);
	case TCP_LINGER2:
		if (tp->linger2_ms < 0)
			return -1;
		return (tp->linger2_ms ?: tcpx_param(tn, fin_timeout_ms)) /
		       MSEC_PER_SEC;
	case TCP_DEFER_ACCEPT:
		return waits_ms(tp->tn, tp->defer_accept) / MSEC_PER_SEC;
	case TCP_WINDOW_CLAMP:
		if ((1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN))
			return tp->window_clamp;
		return tcpx_max_window(tp);
	case TCP_QUICKACK:
		return !tp->pingpong;
	default:
		return tp->user_timeout_ms;
	}
}

static int get_info(struct sock *sk, char __user *optval, int __user *optlen,
		    int len)
{
	struct tcp_info info;

	lock_sock(sk);
	tcpx_get_info(sk, &info);
	release_sock(sk);
	len = min_t(int, len, sizeof(info));
	if (put_user(len, optlen) || copy_to_user(optval, &info, len))
		return -EFAULT;
	return 0;
}

/**
 * tcpx_getsockopt - getsockopt()
 * @sk: the socket
 * @level: SOL_TCP, or IP's
 * @optname: option
 * @optval: where to
 * @optlen: room there, set to what was written
 *
 * Context: process.
 * Return: 0, -ENOPROTOOPT for an option we do not have, -EINVAL, -EFAULT
 */
int tcpx_getsockopt(struct sock *sk, int level, int optname,
		    char __user *optval, int __user *optlen)
{
	int val, len;

	if (level != SOL_TCP)
		return ip_getsockopt(sk, level, optname, optval, optlen);
	if (get_user(len, optlen))
		return -EFAULT;
	if (len < 0)
		return -EINVAL;
	if (optname == TCP_INFO)
		return get_info(sk, optval, optlen, len);
	if (!find_opt(optname))
		return -ENOPROTOOPT;

	lock_sock(sk);
	val = get_int(sk, optname);
	release_sock(sk);
	len = min_t(int, len, sizeof(int));
	if (put_user(len, optlen) || copy_to_user(optval, &val, len))
		return -EFAULT;
	return 0;
}
