/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause */
/*
 * Generic netlink family "tcpx": what tcpx.yaml describes. Kernel and programs
 * include this file. Numbers are never used anew; what is new is appended.
 *
 * A socket sees and changes the network namespace that it was opened in.
 */
#ifndef _TCPX_UAPI_H
#define _TCPX_UAPI_H

#define TCPX_GENL_NAME		"tcpx"
#define TCPX_GENL_VERSION	1

/**
 * enum tcpx_cmd - requests; each GET is a dump
 * @TCPX_CMD_GET_STATS: counters, gauges, states and reasons, enum tcpx_stat_attr
 * @TCPX_CMD_GET_CELLS: the state table with its hits, enum tcpx_cell_attr
 * @TCPX_CMD_GET_CONNS: sockets and TIME-WAIT entries, enum tcpx_conn_attr
 * @TCPX_CMD_GET_LISTENERS: the same, of listeners only
 * @TCPX_CMD_GET_HALF_OPEN: half-open entries, enum tcpx_entry_attr
 * @TCPX_CMD_GET_PARAMS: parameters, enum tcpx_param_attr
 * @TCPX_CMD_SET_PARAMS: set parameters, all or none. CAP_NET_ADMIN. The type of
 *	an attribute is the id that GET_PARAMS tells for the name, its payload
 *	an s32; for TCPX_PARAM_ID_WAITS one to sixteen s32.
 * @TCPX_CMD_SET_LISTENER: set TCPX_A_CONN_OVERFLOW of the listener with
 *	TCPX_A_CONN_COOKIE. CAP_NET_ADMIN.
 */
enum tcpx_cmd {
	TCPX_CMD_GET_STATS = 1,
	TCPX_CMD_GET_CELLS,
	TCPX_CMD_GET_CONNS,
	TCPX_CMD_GET_LISTENERS,
	TCPX_CMD_GET_HALF_OPEN,
	TCPX_CMD_GET_PARAMS,
	TCPX_CMD_SET_PARAMS,
	TCPX_CMD_SET_LISTENER,
};

enum tcpx_stat_kind {
	TCPX_STAT_COUNTER = 1,	/* only grows */
	TCPX_STAT_GAUGE,	/* objects alive now */
	TCPX_STAT_STATE,	/* connections in that state now */
	TCPX_STAT_REASON,	/* how often something was refused or ended for it */
	TCPX_STAT_SYNQ,		/* about the half-open queue: highest, histograms */
};

/* GET_STATS: one value per message */
enum tcpx_stat_attr {
	TCPX_A_STAT_PAD = 1,
	TCPX_A_STAT_KIND,	/* u8, enum tcpx_stat_kind */
	TCPX_A_STAT_ID,		/* u32, number within the kind */
	TCPX_A_STAT_NAME,	/* string, one word */
	TCPX_A_STAT_VALUE,	/* s64 */
	TCPX_A_STAT_HELP,	/* string, a sentence or a part of one */
	TCPX_A_STAT_RFC,	/* string, the clause; reasons only */
};

/* GET_CELLS: one cell per message, cells that can not happen are left out */
enum tcpx_cell_attr {
	TCPX_A_CELL_PAD = 1,
	TCPX_A_CELL_EVENT,	/* u8 */
	TCPX_A_CELL_EVENT_NAME,	/* string */
	TCPX_A_CELL_STATE,	/* u8 */
	TCPX_A_CELL_STATE_NAME,	/* string */
	TCPX_A_CELL_HITS,	/* u64, how often it was applied */
	TCPX_A_CELL_NEXT,	/* u32, mask of 1 << state */
	TCPX_A_CELL_NEXT_NAMES,	/* string, comma between names */
	TCPX_A_CELL_ACTS,	/* u32, mask of actions */
	TCPX_A_CELL_ACT_NAMES,	/* string, comma between names */
	TCPX_A_CELL_REASON,	/* u8 */
	TCPX_A_CELL_REASON_NAME,	/* string */
	TCPX_A_CELL_HANDLER,	/* string, left out where the data decides */
	TCPX_A_CELL_RFC,	/* string, the clause */
};

/* X(id, number, name): the timer of a connection: the first of them that runs */
#define TCPX_CONN_TIMER_LIST(X)						\
	X(NONE, 0, "none")						\
	X(RTX, 1, "rtx")						\
	X(PERSIST, 2, "persist")					\
	X(DELACK, 3, "delack")						\
	X(KEEPALIVE, 4, "keepalive")					\
	X(FIN_WAIT, 5, "fin-wait")					\
	X(TIME_WAIT, 6, "time-wait")

enum tcpx_conn_timer {
#define X(id, nr, name) TCPX_CONN_TIMER_##id = (nr),
	TCPX_CONN_TIMER_LIST(X)
#undef X
};

/* X(id, bit, name): TCPX_A_CONN_OPTS, TCPX_A_ENTRY_OPTS: what both agreed on */
#define TCPX_OPTS_LIST(X)						\
	X(TS, 0, "ts")		/* timestamps */			\
	X(WS, 1, "ws")		/* window scaling */			\
	X(SACK, 2, "sack")

enum tcpx_a_opts {
#define X(id, bit, name) TCPX_A_OPTS_##id = 1 << (bit),
	TCPX_OPTS_LIST(X)
#undef X
};

/*
 * GET_CONNS, GET_LISTENERS: one socket or TIME-WAIT entry per message. Only
 * TCPX_A_CONN_STATES may be in a request. Listeners have the group from QLEN on,
 * connections the one from OPTS to SEQ, TIME-WAIT entries OPTS and SEQ of it.
 */
enum tcpx_conn_attr {
	TCPX_A_CONN_PAD = 1,
	TCPX_A_CONN_STATES,	/* u32, request: mask of 1 << state to be sent */
	TCPX_A_CONN_STATE,	/* u8 */
	TCPX_A_CONN_STATE_NAME,	/* string */
	TCPX_A_CONN_FAMILY,	/* u16, AF_INET or AF_INET6 */
	TCPX_A_CONN_LADDR,	/* 16 bytes, IPv4 addresses mapped */
	TCPX_A_CONN_RADDR,
	TCPX_A_CONN_LPORT,	/* be16 */
	TCPX_A_CONN_RPORT,
	TCPX_A_CONN_IFINDEX,	/* u32, bound device */
	TCPX_A_CONN_RXQ,	/* u32, octets not read; listener: to be accepted */
	TCPX_A_CONN_TXQ,	/* u32, octets not acknowledged; listener: backlog */
	TCPX_A_CONN_TIMER,	/* u8, enum tcpx_conn_timer */
	TCPX_A_CONN_TIMER_MS,	/* u32, left */
	TCPX_A_CONN_RETRIES,	/* u32, unanswered retransmissions or probes */
	TCPX_A_CONN_UID,	/* u32, owner */
	TCPX_A_CONN_INODE,	/* u64, 0 without a file */
	TCPX_A_CONN_COOKIE,	/* u64, SO_COOKIE; 0 in TIME-WAIT */
	TCPX_A_CONN_REASON,	/* u8, of the last refusal */
	TCPX_A_CONN_REASON_NAME,	/* string */

	TCPX_A_CONN_OPTS,	/* u8, enum tcpx_a_opts */
	TCPX_A_CONN_MSS,	/* u32, octets of text per segment */
	TCPX_A_CONN_PMTU,	/* u32 */
	TCPX_A_CONN_CWND,	/* u32, octets */
	TCPX_A_CONN_SSTHRESH,	/* u32, octets */
	TCPX_A_CONN_CONG_STATE,	/* u8: 0 open, 1 fast recovery, 2 loss */
	TCPX_A_CONN_SRTT_US,	/* u32, microseconds */
	TCPX_A_CONN_RTTVAR_US,	/* u32 */
	TCPX_A_CONN_MIN_RTT_US,	/* u32, 0: no sample */
	TCPX_A_CONN_RTO_US,	/* u32, with back-off */
	TCPX_A_CONN_BACKOFF,	/* u32, how often the RTO was doubled */
	TCPX_A_CONN_SEGS_IN,	/* u32 */
	TCPX_A_CONN_SEGS_OUT,	/* u32 */
	TCPX_A_CONN_RETRANS,	/* u32, segments */
	TCPX_A_CONN_BYTES_ACKED,	/* u64 */
	TCPX_A_CONN_BYTES_RECEIVED,	/* u64 */
	TCPX_A_CONN_SEQ,	/* nest of enum tcpx_seq_attr, CAP_NET_ADMIN only */

	TCPX_A_CONN_QLEN,	/* u32, half-open entries */
	TCPX_A_CONN_QLEN_MAX,	/* u32, their limit */
	TCPX_A_CONN_ACCEPT_QLEN,	/* u32, connections to be accepted */
	TCPX_A_CONN_ACCEPT_MAX,	/* u32, their limit */
	TCPX_A_CONN_DROPS,	/* u32, SYNs refused */
	TCPX_A_CONN_QLEN_HIGHEST,	/* u32, most half-open entries ever */
	TCPX_A_CONN_OVERFLOW,	/* u8, what a full queue does: enum tcpx_a_overflow */
	TCPX_A_CONN_REFUSED_QUEUE,	/* u32, SYNs that found its queue full */
	TCPX_A_CONN_REFUSED_NETNS,	/* u32, that of the namespace */
	TCPX_A_CONN_REFUSED_PREFIX,	/* u32, nearly, their prefix over its share */
	TCPX_A_CONN_REFUSED_NOMEM,	/* u32, no memory */
	TCPX_A_CONN_REFUSED_ACCEPT,	/* u32, the accept queue full */
};

/* X(id, number, name): TCPX_A_CONN_OVERFLOW, and sysctl synq_overflow but the last */
#define TCPX_OVERFLOW_LIST(X)						\
	X(COOKIE, 0, "cookie")						\
	X(EVICT, 1, "evict")						\
	X(RECYCLE, 2, "recycle")					\
	X(RANDOM, 3, "random")						\
	X(DROP_NEW, 4, "drop_new")					\
	X(INHERIT, 255, "inherit")	/* as the namespace says */

enum tcpx_a_overflow {
#define X(id, nr, name) TCPX_A_OVERFLOW_##id = (nr),
	TCPX_OVERFLOW_LIST(X)
#undef X
};

/* Sequence variables of RFC 9293 3.3.1, u32 each; half-open: ISS and IRS */
enum tcpx_seq_attr {
	TCPX_A_SEQ_ISS = 1,
	TCPX_A_SEQ_IRS,
	TCPX_A_SEQ_SND_UNA,
	TCPX_A_SEQ_SND_NXT,
	TCPX_A_SEQ_SND_WND,
	TCPX_A_SEQ_SND_WL1,
	TCPX_A_SEQ_SND_WL2,
	TCPX_A_SEQ_SND_UP,
	TCPX_A_SEQ_RCV_NXT,
	TCPX_A_SEQ_RCV_WND,
	TCPX_A_SEQ_RCV_UP,
};

/* X(id, bit, name): TCPX_A_ENTRY_FLAGS */
#define TCPX_ENTRY_FLAG_LIST(X)						\
	X(ACKED, 0, "acked")	/* acknowledged, accept queue was full */ \
	X(V6, 1, "v6")		/* arrived over IPv6 */			\
	X(ICMP, 2, "icmp")	/* had an ICMP error before */		\
	X(COOKIE, 3, "cookie")	/* its number is a cookie: losing it loses nothing */ \
	X(DEFERRED, 4, "deferred")	/* acknowledged, waits for text */

enum tcpx_a_flags {
#define X(id, bit, name) TCPX_A_FLAGS_##id = 1 << (bit),
	TCPX_ENTRY_FLAG_LIST(X)
#undef X
};

/* GET_HALF_OPEN: one entry per message */
enum tcpx_entry_attr {
	TCPX_A_ENTRY_LADDR = 1,	/* 16 bytes, IPv4 addresses mapped */
	TCPX_A_ENTRY_RADDR,
	TCPX_A_ENTRY_LPORT,	/* be16 */
	TCPX_A_ENTRY_RPORT,
	TCPX_A_ENTRY_IFINDEX,	/* u32 */
	TCPX_A_ENTRY_AGE_MS,	/* u32, since the SYN */
	TCPX_A_ENTRY_STAGE,	/* u32, waits that are over */
	TCPX_A_ENTRY_RTX,	/* u32, SYN-ACKs sent again */
	TCPX_A_ENTRY_LEFT_MS,	/* u32, of the current wait */
	TCPX_A_ENTRY_MSS,	/* u32, MSS option of the peer */
	TCPX_A_ENTRY_OPTS,	/* u8, enum tcpx_a_opts */
	TCPX_A_ENTRY_FLAGS,	/* u8, enum tcpx_a_flags */
	TCPX_A_ENTRY_SEQ,	/* nest of enum tcpx_seq_attr, CAP_NET_ADMIN only */
	TCPX_A_ENTRY_PAD,
	TCPX_A_ENTRY_LISTENER,	/* u64, SO_COOKIE of the listener */
};

/* Ids of parameters: 1 is synack_waits_ms, 2 the first of TCPX_PARAM_LIST */
#define TCPX_PARAM_ID_WAITS	1
#define TCPX_PARAM_ID_FIRST	2

/* GET_PARAMS: one parameter per message; without an id it can only be read */
enum tcpx_param_attr {
	TCPX_A_PARAM_ID = 1,	/* u32, attribute type in SET_PARAMS */
	TCPX_A_PARAM_NAME,	/* string, as in sysctl net.tcpx */
	TCPX_A_PARAM_VALUE,	/* s32, or several s32 */
	TCPX_A_PARAM_MIN,	/* s32 */
	TCPX_A_PARAM_MAX,	/* s32 */
	TCPX_A_PARAM_DEFAULT,	/* s32; not for synack_waits_ms */
	TCPX_A_PARAM_HELP,	/* string */
};

#endif /* _TCPX_UAPI_H */
