/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Snapshots of what the tables hold, for /proc, netlink and TCP_INFO: taken
 * without a lock, so the values may be of different moments. What is shown to
 * whom is decided by the caller.
 */
#ifndef _TCPX_INFO_H
#define _TCPX_INFO_H

#include "tcpx.h"
#include "tcpx_uapi.h"

/**
 * struct tcpx_conn - a snapshot of a connection, listener or TIME-WAIT entry
 * @tuple: addresses; the remote one of a listener is 0
 * @tcb: sequence variables, not for everybody
 * @state: enum tcpx_state
 * @timer: enum tcpx_conn_timer
 * @reason: enum tcpx_reason of the last refusal
 * @opts: what was agreed, enum tcpx_tcb_flags
 * @cong_state: enum tcpx_cong_state
 * @family: AF_INET or AF_INET6
 * @ifindex: bound device
 * @rxq: octets to be read; listener: connections to be accepted
 * @txq: octets not acknowledged; listener: its backlog
 * @timer_ms: what is left of @timer
 * @retries: unanswered retransmissions or probes
 * @uid: owner
 * @inode: of the socket file, 0 without one
 * @cookie: as SO_COOKIE; TIME-WAIT entries have none
 * @mss: octets of text per segment
 * @pmtu: path MTU
 * @cwnd: congestion window, octets
 * @ssthresh: slow start threshold, octets
 * @srtt_us: smoothed round-trip time
 * @rttvar_us: its variation
 * @min_rtt_us: smallest round-trip time, 0 without a sample
 * @rto_us: retransmission timeout, backed off
 * @backoff: how often it was doubled
 * @segs_in: segments received
 * @segs_out: segments sent
 * @retrans: segments sent again
 * @bytes_acked: octets the peer acknowledged
 * @bytes_received: octets received in order
 * @qlen: listener: half-open entries
 * @qlen_max: listener: their limit
 * @accept_qlen: listener: connections to be accepted
 * @accept_max: listener: their limit
 * @drops: listener: SYNs refused
 * @highest: listener: most half-open entries there ever were
 * @overflow: listener: enum tcpx_overflow, or U8_MAX: as the namespace says
 * @refused: listener: SYNs that found no room, by enum tcpx_refused
 */
struct tcpx_conn {
	struct tcpx_tuple tuple;
	struct tcpx_tcb tcb;
	u8 state;
	u8 timer;
	u8 reason;
	u8 opts;
	u8 cong_state;
	u16 family;
	u32 ifindex;
	u32 rxq;
	u32 txq;
	u32 timer_ms;
	u32 retries;
	kuid_t uid;
	u64 inode;
	u64 cookie;

	u32 mss;
	u32 pmtu;
	u32 cwnd;
	u32 ssthresh;
	u32 srtt_us;
	u32 rttvar_us;
	u32 min_rtt_us;
	u32 rto_us;
	u32 backoff;
	u32 segs_in;
	u32 segs_out;
	u32 retrans;
	u64 bytes_acked;
	u64 bytes_received;

	u32 qlen;
	u32 qlen_max;
	u32 accept_qlen;
	u32 accept_max;
	u32 drops;
	u32 highest;
	u8 overflow;
	u32 refused[TCPX_NREFUSED];
};

#define TCPX_NAMES_MAX 512	/* all actions, a comma between them */

/**
 * struct tcpx_synq_stat - a number about the half-open queue of a namespace
 * @name: one word
 * @help: what it is
 * @value: the number
 */
struct tcpx_synq_stat {
	char name[32];
	const char *help;
	u64 value;
};

#define TCPX_NSYNQ_STATS (2 + TCPX_NTIMES + TCPX_NCHAINS)

/* tcpx_info.c */
void tcpx_synq_stat(const struct tcpx_net *tn, unsigned int nr,
		    struct tcpx_synq_stat *stat);
bool tcpx_conn_next(struct net *net, struct tcpx_cursor *c,
		    struct tcpx_conn *conn);
u32 tcpx_entry_age_ms(const struct tcpx_entry *e);
u32 tcpx_entry_left_ms(const struct tcpx_entry *e);
u64 tcpx_sock_cookie(struct sock *sk);
const char *tcpx_state_id(u8 state);
const char *tcpx_states_str(u32 mask, char *buf, size_t size);
const char *tcpx_acts_str(u32 mask, char *buf, size_t size);

#endif /* _TCPX_INFO_H */
