// SPDX-License-Identifier: GPL-2.0
/*
 * Snapshots: see tcpx_info.h. The only place that reads a socket for those who
 * look at it from outside.
 */
#include <linux/rcupdate.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>

#include "tcpx_info.h"

#define X(id, nr, ...)							\
	[nr] = #id,
static const char * const state_ids[] = { TCPX_STATE_LIST(X) };
#undef X
#define X(id, ...)							\
	[TCPX_ACT_NR_##id] = #id,
static const char * const act_ids[] = { TCPX_ACT_LIST(X) };
#undef X

/**
 * tcpx_state_id - the word for a state in files for programs
 * @state: enum tcpx_state
 *
 * tcpx_state_name() is what RFC 9293 says, but two states share a name there.
 *
 * Return: one word, "-" if there is no such state
 */
const char *tcpx_state_id(u8 state)
{
	if (state >= ARRAY_SIZE(state_ids) || !state_ids[state])
		return "-";
	return state_ids[state];
}

static const char *mask_str(u32 mask, const char * const *names,
			    unsigned int n, char *buf, size_t size)
{
	const char *comma = "";
	size_t len = 0;
	unsigned int i;

	buf[0] = '\0';
	for (i = 0; i < n; i++) {
		if (!(mask & (1U << i)) || !names[i])
			continue;
		len += scnprintf(buf + len, size - len, "%s%s", comma,
				 names[i]);
		comma = ",";
	}
	return buf;
}

/**
 * tcpx_states_str - a set of states as words
 * @mask: of 1 << enum tcpx_state
 * @buf: room for the words
 * @size: of @buf, TCPX_NAMES_MAX holds them all
 *
 * Return: @buf, commas between the words
 */
const char *tcpx_states_str(u32 mask, char *buf, size_t size)
{
	return mask_str(mask, state_ids, ARRAY_SIZE(state_ids), buf, size);
}

/**
 * tcpx_acts_str - a set of actions as words
 * @mask: of enum tcpx_act
 * @buf: room for the words
 * @size: of @buf, TCPX_NAMES_MAX holds them all
 *
 * Return: @buf, commas between the words
 */
const char *tcpx_acts_str(u32 mask, char *buf, size_t size)
{
	return mask_str(mask, act_ids, ARRAY_SIZE(act_ids), buf, size);
}

/**
 * tcpx_sock_cookie - what SO_COOKIE gives
 * @sk: the socket
 *
 * Context: any.
 * Return: a number that no other socket has
 */
u64 tcpx_sock_cookie(struct sock *sk)
{
	u32 cookie[2];

	sock_diag_save_cookie(sk, cookie);
	return (u64)cookie[1] << 32 | cookie[0];
}

/* Octets from @from to @to, 0 if @to is not behind: SYN and FIN move first. */
static u32 seq_span(u32 from, u32 to)
{
	return tcpx_after(to, from) ? to - from : 0;
}

static void conn_set_timer(struct tcpx_conn *conn, u8 kind, unsigned long when)
{
	long left = when - jiffies;

	conn->timer = kind;
	conn->timer_ms = left > 0 ? jiffies_to_msecs(left) : 0;
}

static void conn_read_timer(struct tcpx_conn *conn, const struct sock *sk)
{
	const struct tcpx_sock *tp = tcpx_sk(sk);

	if (timer_pending(&tp->rtx_timer)) {
		if (READ_ONCE(tp->rtx_kind) == TCPX_TIMER_PERSIST) {
			conn_set_timer(conn, TCPX_CONN_TIMER_PERSIST,
				       READ_ONCE(tp->rtx_when));
			conn->retries = READ_ONCE(tp->wnd_probes);
		} else {
			conn_set_timer(conn, TCPX_CONN_TIMER_RTX,
				       READ_ONCE(tp->rtx_when));
			conn->retries = READ_ONCE(tp->retries);
		}
	} else if (timer_pending(&tp->delack_timer)) {
		conn_set_timer(conn, TCPX_CONN_TIMER_DELACK,
			       READ_ONCE(tp->delack_timer.expires));
	} else if (timer_pending(&sk->sk_timer)) {
		conn_set_timer(conn, sock_flag(sk, SOCK_DEAD) ?
			       TCPX_CONN_TIMER_FIN_WAIT :
			       TCPX_CONN_TIMER_KEEPALIVE,
			       READ_ONCE(tp->keep_when));
		conn->retries = READ_ONCE(tp->probes);
	}
}

static void conn_read_tcb(struct tcpx_conn *conn, const struct tcpx_tcb *tcb)
{
	/* data_race: a snapshot, see tcpx_info.h */
	data_race(conn->tcb = *tcb);
	/* what our SYN offers is not agreed yet */
	if (conn->state != TCPX_SYN_SENT)
		conn->opts = conn->tcb.flags &
			     (TCPX_TCB_TS | TCPX_TCB_WS | TCPX_TCB_SACK);
}

static void conn_read_listener(struct tcpx_conn *conn, const struct sock *sk)
{
	const struct tcpx_lsn *lsn = rcu_dereference(tcpx_sk(sk)->lsn);
	int i;

	if (!lsn)
		return;
	conn->qlen = atomic_read(&lsn->qlen);
	conn->qlen_max = READ_ONCE(lsn->backlog);
	conn->accept_qlen = atomic_read(&lsn->acceptq);
	conn->accept_max = READ_ONCE(lsn->backlog_arg) + 1;
	conn->drops = atomic_read(&lsn->drops);
	conn->highest = atomic_read(&lsn->highest);
	conn->overflow = READ_ONCE(lsn->overflow);
	for (i = 0; i < TCPX_NREFUSED; i++)
		conn->refused[i] = atomic_read(&lsn->refused[i]);
	conn->rxq = conn->accept_qlen;
	conn->txq = READ_ONCE(lsn->backlog_arg);
}

static void conn_read_path(struct tcpx_conn *conn, const struct tcpx_sock *tp)
{
	/* data_race: a snapshot, see tcpx_info.h */
	struct tcpx_rto rto = data_race(tp->rto);

	conn->mss = READ_ONCE(tp->mss);
	conn->pmtu = READ_ONCE(tp->pmtu);
	conn->cwnd = READ_ONCE(tp->cong.cwnd);
	conn->ssthresh = READ_ONCE(tp->cong.ssthresh);
	conn->cong_state = READ_ONCE(tp->cong.state);
	conn->srtt_us = rto.srtt >> 3;
	conn->rttvar_us = rto.rttvar >> 2;
	conn->min_rtt_us = rto.min_rtt;
	conn->backoff = rto.backoff;
	conn->rto_us = tcpx_rto_current(&rto, USEC_PER_MSEC *
					tcpx_param(tp->tn, rto_max_ms));
}

static void conn_read_stream(struct tcpx_conn *conn, const struct sock *sk)
{
	const struct tcpx_sock *tp = tcpx_sk(sk);

	conn_read_tcb(conn, &tp->tcb);
	conn_read_timer(conn, sk);
	conn_read_path(conn, tp);
	conn->segs_in = READ_ONCE(tp->segs_in);
	conn->segs_out = READ_ONCE(tp->segs_out);
	conn->retrans = READ_ONCE(tp->total_retrans);
	conn->bytes_acked = READ_ONCE(tp->bytes_acked);
	conn->bytes_received = READ_ONCE(tp->bytes_received);
	/* in SYN-SENT nothing was received yet and RCV.NXT means nothing */
	if (conn->state != TCPX_SYN_SENT)
		conn->rxq = seq_span(READ_ONCE(tp->copied_seq),
				     conn->tcb.rcv_nxt);
	/* the FIN has a number and is no octet */
	if (conn->rxq && sock_flag(sk, SOCK_DONE))
		conn->rxq--;
	conn->txq = seq_span(conn->tcb.snd_una, READ_ONCE(tp->write_seq));
}

/* What depends on the state. Context: rcu_read_lock(). */
static void conn_read_state(struct tcpx_conn *conn, const struct sock *sk)
{
	if (conn->state == TCPX_LISTEN)
		conn_read_listener(conn, sk);
	else
		conn_read_stream(conn, sk);
}

/* Context: rcu_read_lock(). */
static void conn_read_sock(struct tcpx_conn *conn, struct sock *sk)
{
	const struct tcpx_sock *tp = tcpx_sk(sk);

	memset(conn, 0, sizeof(*conn));
	conn->tuple = tp->tuple;
	conn->family = sk->sk_family;
	conn->state = inet_sk_state_load(sk);
	conn->ifindex = READ_ONCE(sk->sk_bound_dev_if);
	conn->reason = READ_ONCE(tp->last_reason);
	conn->uid = READ_ONCE(sk->sk_uid);
	conn->inode = sock_i_ino(sk);
	conn->cookie = tcpx_sock_cookie(sk);
	conn_read_state(conn, sk);
}

/* Context: rcu_read_lock(). */
static void conn_read_tw(struct tcpx_conn *conn, const struct tcpx_tw *tw)
{
	memset(conn, 0, sizeof(*conn));
	conn->tuple = tw->tuple;
	conn->family = tw->af->family;
	conn->state = TCPX_TIME_WAIT;
	conn->ifindex = tw->ifindex;
	conn->uid = tw->uid;
	conn_set_timer(conn, TCPX_CONN_TIMER_TIME_WAIT, READ_ONCE(tw->when));
	conn_read_tcb(conn, &tw->tcb);
}

/**
 * tcpx_conn_next - snapshot the next socket or TIME-WAIT entry of a namespace
 * @net: the namespace
 * @c: where the dump is, all zero to begin
 * @conn: the snapshot
 *
 * Context: process. Takes the RCU read lock only for one object.
 * Return: false at the end
 */
bool tcpx_conn_next(struct net *net, struct tcpx_cursor *c,
		    struct tcpx_conn *conn)
{
	struct tcpx_tw *tw;
	struct sock *sk;
	bool found;

	rcu_read_lock();
	found = tcpx_hash_next(net, c, &sk, &tw);
	if (found && sk)
		conn_read_sock(conn, sk);
	else if (found)
		conn_read_tw(conn, tw);
	rcu_read_unlock();
	return found;
}

/**
 * tcpx_entry_age_ms - how long ago the SYN of a half-open entry arrived
 * @e: the entry or a copy of it
 *
 * Return: milliseconds
 */
u32 tcpx_entry_age_ms(const struct tcpx_entry *e)
{
	return jiffies_to_msecs((u32)jiffies - e->born);
}

/**
 * tcpx_entry_left_ms - how long the current wait of a half-open entry lasts
 * @e: the entry or a copy of it
 *
 * Return: milliseconds, 0 if its timer is due
 */
u32 tcpx_entry_left_ms(const struct tcpx_entry *e)
{
	s32 left = e->expires - (u32)jiffies;

	return left > 0 ? jiffies_to_msecs(left) : 0;
}

/* tcp_info has the congestion window and what is in flight in segments. */
static u32 in_segments(u32 octets, u32 mss)
{
	return mss ? DIV_ROUND_UP(octets, mss) : 0;
}

static u32 ms_since(unsigned long when)
{
	return when ? jiffies_to_msecs(jiffies - when) : 0;
}

static void info_options(struct tcp_info *info, const struct tcpx_conn *conn)
{
	if (conn->opts & TCPX_TCB_TS)
		info->tcpi_options |= TCPI_OPT_TIMESTAMPS;
	if (conn->opts & TCPX_TCB_SACK)
		info->tcpi_options |= TCPI_OPT_SACK;
	if (!(conn->opts & TCPX_TCB_WS))
		return;
	info->tcpi_options |= TCPI_OPT_WSCALE;
	info->tcpi_snd_wscale = conn->tcb.snd_wscale;
	info->tcpi_rcv_wscale = conn->tcb.rcv_wscale;
}

static u8 info_ca_state(u8 state)
{
	switch (state) {
	case TCPX_CONG_RECOVERY:
		return TCP_CA_Recovery;
	case TCPX_CONG_LOSS:
		return TCP_CA_Loss;
	default:
		return TCP_CA_Open;
	}
}

static void info_congestion(struct tcp_info *info, const struct tcpx_conn *conn,
			    const struct tcpx_sock *tp)
{
	info->tcpi_ca_state = info_ca_state(conn->cong_state);
	info->tcpi_rto = conn->rto_us;
	info->tcpi_backoff = conn->backoff;
	info->tcpi_rtt = conn->srtt_us;
	info->tcpi_rttvar = conn->rttvar_us;
	info->tcpi_min_rtt = conn->min_rtt_us ?: ~0U;
	info->tcpi_snd_mss = conn->mss;
	info->tcpi_snd_cwnd = in_segments(conn->cwnd, conn->mss);
	info->tcpi_snd_ssthresh = conn->ssthresh >= INT_MAX ? INT_MAX :
				  in_segments(conn->ssthresh, conn->mss);
	info->tcpi_unacked = in_segments(seq_span(conn->tcb.snd_una,
						  conn->tcb.snd_nxt),
					 conn->mss);
	if (conn->cong_state == TCPX_CONG_LOSS)
		info->tcpi_lost = in_segments(seq_span(READ_ONCE(tp->rtx_nxt),
						       conn->tcb.snd_nxt),
					      conn->mss);
	info->tcpi_reordering = 3;	/* RFC 5681 3.2: three duplicate ACKs */
}

static u32 advertised_mss(const struct tcpx_sock *tp)
{
	u32 pmtu = READ_ONCE(tp->pmtu);

	if (!pmtu)
		return 0;
	return min_not_zero(tcpx_advertised_mss(tp->tn, tp->af, pmtu),
			    READ_ONCE(tp->user_mss));
}

static void info_receive(struct tcp_info *info, const struct tcpx_tcb *tcb,
			 const struct tcpx_sock *tp)
{
	info->tcpi_ato = USEC_PER_MSEC * tcpx_param(tp->tn, delack_min_ms);
	info->tcpi_rcv_mss = READ_ONCE(tp->rcv_mss);
	info->tcpi_rcv_ssthresh = tcpx_max_window(tp);
	info->tcpi_rcv_space = tcb->rcv_wnd;
	info->tcpi_advmss = advertised_mss(tp);
	/* every segment but the first acknowledges something */
	info->tcpi_last_ack_recv = ms_since(READ_ONCE(tp->rcv_at));
	info->tcpi_last_data_recv = ms_since(READ_ONCE(tp->data_at));
}

/**
 * tcpx_get_info - fill what getsockopt(TCP_INFO) returns
 * @sk: the socket
 * @info: all of it is written
 *
 * What is not measured is 0: delivery rate, times limited, segments with data.
 *
 * Context: process; the socket may be locked or not, the values are as exact.
 */
void tcpx_get_info(struct sock *sk, struct tcp_info *info)
{
	const struct tcpx_sock *tp = tcpx_sk(sk);
	unsigned long rate = READ_ONCE(sk->sk_pacing_rate);
	struct tcpx_conn conn = { .state = inet_sk_state_load(sk) };

	rcu_read_lock();
	conn_read_state(&conn, sk);
	rcu_read_unlock();
	memset(info, 0, sizeof(*info));
	info->tcpi_state = conn.state;
	info->tcpi_pacing_rate = rate == ~0UL ? ~0ULL : rate;
	rate = READ_ONCE(sk->sk_max_pacing_rate);
	info->tcpi_max_pacing_rate = rate == ~0UL ? ~0ULL : rate;
	if (conn.state == TCPX_LISTEN) {
		info->tcpi_unacked = conn.rxq;
		info->tcpi_sacked = conn.txq;
		return;
	}
	info_options(info, &conn);
	info_congestion(info, &conn, tp);
	info_receive(info, &conn.tcb, tp);
	info->tcpi_retransmits = READ_ONCE(tp->retries);
	info->tcpi_probes = READ_ONCE(tp->probes) + READ_ONCE(tp->wnd_probes);
	info->tcpi_pmtu = conn.pmtu;
	info->tcpi_snd_wnd = conn.tcb.snd_wnd;
	info->tcpi_last_data_sent = ms_since(READ_ONCE(tp->sent_at));
	info->tcpi_notsent_bytes = seq_span(conn.tcb.snd_nxt,
					    READ_ONCE(tp->write_seq));
	info->tcpi_total_retrans = conn.retrans;
	info->tcpi_bytes_acked = conn.bytes_acked;
	info->tcpi_bytes_received = conn.bytes_received;
	info->tcpi_segs_in = conn.segs_in;
	info->tcpi_segs_out = conn.segs_out;
}

/* The histogram of the time that entries were in the queue */
static void stat_time(const struct tcpx_net *tn, unsigned int nr,
		      struct tcpx_synq_stat *stat)
{
	stat->value = tcpx_time_read(tn, nr);
	stat->help = "half-open entries that left the queue so early";
	snprintf(stat->name, sizeof(stat->name), "SynqTimeBelow%ums", 1U << nr);
	if (nr < TCPX_NTIMES - 1)
		return;
	stat->help = "half-open entries that were longer in the queue";
	strscpy(stat->name, "SynqTimeLonger", sizeof(stat->name));
}

/* The histogram of how many others a lookup passed that found nothing */
static void stat_chain(const struct tcpx_net *tn, unsigned int nr,
		       struct tcpx_synq_stat *stat)
{
	stat->value = tcpx_chain_read(tn, nr);
	stat->help = "lookups that passed so many half-open entries and found none";
	snprintf(stat->name, sizeof(stat->name), "SynqChain%u%s", nr,
		 nr < TCPX_NCHAINS - 1 ? "" : "OrMore");
}

/**
 * tcpx_synq_stat - a number about the half-open queue
 * @tn: the namespace
 * @nr: which, below TCPX_NSYNQ_STATS
 * @stat: filled
 *
 * Context: process.
 */
void tcpx_synq_stat(const struct tcpx_net *tn, unsigned int nr,
		    struct tcpx_synq_stat *stat)
{
	const struct tcpx_synq *q = READ_ONCE(tn->synq);

	switch (nr) {
	case 0:
		strscpy(stat->name, "SynqHighest", sizeof(stat->name));
		stat->help = "most half-open entries there ever were at a time";
		stat->value = q ? atomic_read(&q->highest) : 0;
		return;
	case 1:
		strscpy(stat->name, "SynqLifetimeMs", sizeof(stat->name));
		stat->help = "how long a half-open entry lives";
		stat->value = tcpx_synq_lifetime_ms(tn);
		return;
	}
	nr -= 2;
	if (nr < TCPX_NTIMES)
		stat_time(tn, nr, stat);
	else
		stat_chain(tn, nr - TCPX_NTIMES, stat);
}
