// SPDX-License-Identifier: GPL-2.0
/*
 * The state machine: every cell of the table state x event, the order in which
 * a segment's events are taken, the transitions, and what holds for any
 * segment at all.
 *
 * The expectations are written from RFC 9293 and the requirement table, not
 * from tcpx_fsm.c: where the two differ, one of them is wrong.
 */
#include <kunit/test.h>

#include "tcpx_fsm_laws.h"

/* ---- connections and segments ---- */

static const struct base bases[] = {
	{ 1000, 5000, 70000, 90000 },
	{ 0xffffffff, 0xffffffff, 0, 0xffffffff },
	{ 0x7fffffff, 0x7ffffff0, 0x80000000, 0x7fffffff },
	{ 0U - 220, 0U - 110, 0xffffffff, 0U - 10 },
};

/* SEG.ACK: GOOD is new wherever something can be acknowledged */
enum ack_pos {
	ACK_GOOD,
	ACK_UNA,
	ACK_NXT,
	ACK_UNSENT,
	ACK_OLD,
	ACK_OLDEST,
	ACK_ANCIENT,
};

static u32 ack_at(const struct tcpx_tcb *t, u8 pos)
{
	switch (pos) {
	case ACK_GOOD:
		return t->snd_una + min(t->snd_nxt - t->snd_una, 10U);
	case ACK_NXT:
		return t->snd_nxt;
	case ACK_UNSENT:
		return t->snd_nxt + 1;
	case ACK_OLD:
		return t->snd_una - 1;
	case ACK_OLDEST:
		return t->snd_una - t->max_wnd;
	case ACK_ANCIENT:
		return t->snd_una - t->max_wnd - 1;
	default:
		return t->snd_una;
	}
}

enum ts_pos {
	TS_NONE,
	TS_SAME,
	TS_NEWER,
	TS_OLDER,
	TS_ECHO_LATE,
	TS_ECHO_EARLY,
};

/**
 * struct shape - a segment relative to a connection
 * @seq: SEG.SEQ - RCV.NXT; before the peer's SYN: SEG.SEQ - IRS
 * @len: octets of text
 * @flags: enum tcpx_flags
 * @ack: enum ack_pos
 * @ts: enum ts_pos
 */
struct shape {
	s16 seq;
	u16 len;
	u8 flags;
	u8 ack;
	u8 ts;
};

static void opts_make(struct tcpx_opts *o, const struct tcpx_tcb *t, u8 pos)
{
	*o = (struct tcpx_opts){};
	if (pos == TS_NONE)
		return;
	o->bits = TCPX_OPT_TS;
	o->tsval = t->ts_recent;
	o->tsecr = t->ts_first;
	if (pos == TS_NEWER)
		o->tsval++;
	else if (pos == TS_OLDER)
		o->tsval--;
	else if (pos == TS_ECHO_LATE)
		o->tsecr = t->ts_last + 1;
	else if (pos == TS_ECHO_EARLY)
		o->tsecr = t->ts_first - 1;
}

static void seg_make(struct tcpx_seg *seg, const struct tcpx_tcb *t,
		     const struct base *b, const struct shape *s)
{
	*seg = (struct tcpx_seg){
		.seq = b->rcv + frames[t->state].nxt + s->seq,
		.len = s->len,
		.wnd = 1000,
		.flags = s->flags,
		.hlen = s->ts ? TCPX_HLEN_MIN + 12 : TCPX_HLEN_MIN,
	};
	if (s->flags & TCPX_ACK)
		seg->ack = ack_at(t, s->ack);
	if (s->flags & TCPX_URG)
		seg->urg = 1;
	seg->end = seg->seq + seg->len + !!(s->flags & TCPX_SYN) +
		   !!(s->flags & TCPX_FIN);
	opts_make(&seg->opt, t, s->ts);
}

/* ---- what is wanted of a cell ---- */

/* SKIP: not tried. NA: the cell cannot happen. CELL: possible, and it decides. */
enum want_kind {
	WANT_SKIP,
	WANT_NA,
	WANT_CELL,
};

/**
 * struct want - what is wanted of a verdict
 * @acts: actions that must be ordered, and no others
 * @kind: enum want_kind
 * @next: the state afterwards, 0 for the same
 * @reason: enum tcpx_reason
 * @err: errno, 0 for none
 */
struct want {
	u32 acts;
	u8 kind;
	u8 next;
	u8 reason;
	u8 err;
};

#define SKIP		{ .kind = WANT_SKIP }
#define NA		{ .kind = WANT_NA }
#define STAY(a)		{ .kind = WANT_CELL, .acts = (a) }
#define GO(to, a)	{ .kind = WANT_CELL, .next = TCPX_##to, .acts = (a) }
#define REFUSED(e)							\
	{ .kind = WANT_CELL, .err = (e), .reason = TCPX_R_STATE }
#define BAD(r, a)							\
	{ .kind = WANT_CELL, .acts = ACT(DROP) | (a), .reason = TCPX_R_##r }
#define ENDS(r, a, e)							\
	{ .kind = WANT_CELL, .next = TCPX_CLOSED, .acts = (a),		\
	  .reason = TCPX_R_##r, .err = (e) }
#define SOFT(e)								\
	{ .kind = WANT_CELL, .acts = ACT(SOFT_ERR), .err = (e) }

/* The columns of a row, in the order of the requirement table */
#define COLUMNS(closed, listen, syn_sent, new_syn_recv,			\
		syn_recv, established, fin_wait1, fin_wait2,		\
		close_wait, closing, last_ack, time_wait)		\
	.col = {							\
		[TCPX_CLOSED] = closed,					\
		[TCPX_LISTEN] = listen,					\
		[TCPX_SYN_SENT] = syn_sent,				\
		[TCPX_NEW_SYN_RECV] = new_syn_recv,			\
		[TCPX_SYN_RECV] = syn_recv,				\
		[TCPX_ESTABLISHED] = established,			\
		[TCPX_FIN_WAIT1] = fin_wait1,				\
		[TCPX_FIN_WAIT2] = fin_wait2,				\
		[TCPX_CLOSE_WAIT] = close_wait,				\
		[TCPX_CLOSING] = closing,				\
		[TCPX_LAST_ACK] = last_ack,				\
		[TCPX_TIME_WAIT] = time_wait,				\
	}

#define ONLY(state, wanted)	.col = { [TCPX_##state] = wanted }

enum setup {
	SETUP_NO_WND = 1,	/* RCV.WND == 0 */
	SETUP_FIN_QUEUED = 2,	/* our FIN waits behind queued text */
	SETUP_TS = 4,		/* timestamps agreed */
	SETUP_NO_TS = 8,	/* timestamps not agreed, whatever the segment has */
};

/**
 * struct row - an event, and what is wanted of it in each state
 * @what: name of the row
 * @col: what is wanted
 * @seg: the segment, if the event is a segment's
 * @ctx: enum tcpx_ctx
 * @event: enum tcpx_event
 * @err: errno that comes with the event
 * @setup: enum setup
 * @after_ack: the segment's ACK is taken first
 */
struct row {
	const char *what;
	struct want col[TCPX_NSTATES];
	struct shape seg;
	u16 ctx;
	u8 event;
	u8 err;
	u8 setup;
	bool after_ack;
};

/* What the taking of ACK_GOOD orders */
static const u32 ack_acts[TCPX_NSTATES] = {
	[TCPX_NEW_SYN_RECV] = ACT(CHILD) | ACT(TAKE_ACK),
	[TCPX_SYN_RECV] = ACT(TAKE_ACK),
	[TCPX_ESTABLISHED] = ACT(TAKE_ACK),
	[TCPX_FIN_WAIT1] = ACT(TAKE_ACK),
	[TCPX_FIN_WAIT2] = ACT(DUP_ACK),
	[TCPX_CLOSE_WAIT] = ACT(TAKE_ACK),
	[TCPX_CLOSING] = ACT(TAKE_ACK),
	[TCPX_LAST_ACK] = ACT(TAKE_ACK),
};

/* ---- rows: user calls, timers, ICMP ---- */

#define RST_ERR		(ACT(RST) | ACT(ERR))
#define TOOK_FIN	(ACT(TAKE_FIN) | ACT(ACK))

static const struct row event_rows[] = {
	/*
	 * CLOSED, LISTEN, SYN-SENT, SYN-RECEIVED (half-open entry),
	 * SYN-RECEIVED (socket), ESTABLISHED, FIN-WAIT-1, FIN-WAIT-2,
	 * CLOSE-WAIT, CLOSING, LAST-ACK, TIME-WAIT
	 */
	{
		.what = "listen", .event = TCPX_EV_OPEN_PASSIVE,
		COLUMNS(GO(LISTEN, 0), STAY(0), REFUSED(EINVAL), NA,
			REFUSED(EINVAL), REFUSED(EINVAL), REFUSED(EINVAL), REFUSED(EINVAL),
			REFUSED(EINVAL), REFUSED(EINVAL), REFUSED(EINVAL), NA),
	}, {
		.what = "connect", .event = TCPX_EV_OPEN_ACTIVE,
		COLUMNS(GO(SYN_SENT, ACT(SYN)), REFUSED(EISCONN), REFUSED(EALREADY), NA,
			REFUSED(EALREADY), REFUSED(EISCONN), REFUSED(EISCONN), REFUSED(EISCONN),
			REFUSED(EISCONN), REFUSED(EISCONN), REFUSED(EISCONN), NA),
	}, {
		.what = "send", .event = TCPX_EV_SEND,
		COLUMNS(REFUSED(EPIPE), REFUSED(EPIPE), STAY(ACT(WAIT)), NA,
			STAY(ACT(WAIT)), STAY(ACT(QUEUE)), REFUSED(EPIPE), REFUSED(EPIPE),
			STAY(ACT(QUEUE)), REFUSED(EPIPE), REFUSED(EPIPE), REFUSED(EPIPE)),
	}, {
		.what = "send, connected before", .event = TCPX_EV_SEND,
		.ctx = TCPX_CTX_DONE,
		ONLY(CLOSED, REFUSED(EPIPE)),
	}, {
		.what = "receive", .event = TCPX_EV_RECEIVE,
		COLUMNS(REFUSED(ENOTCONN), REFUSED(ENOTCONN), STAY(ACT(WAIT)), NA,
			STAY(ACT(WAIT)), STAY(ACT(QUEUE)), STAY(ACT(QUEUE)), STAY(ACT(QUEUE)),
			STAY(ACT(EOF)), STAY(ACT(EOF)), STAY(ACT(EOF)), STAY(ACT(EOF))),
	}, {
		.what = "receive, connected before", .event = TCPX_EV_RECEIVE,
		.ctx = TCPX_CTX_DONE,
		ONLY(CLOSED, STAY(ACT(EOF))),
	}, {
		.what = "close", .event = TCPX_EV_CLOSE,
		COLUMNS(STAY(0), GO(CLOSED, 0), GO(CLOSED, 0), NA,
			GO(FIN_WAIT1, ACT(FIN)), GO(FIN_WAIT1, ACT(FIN)), STAY(0), STAY(0),
			GO(LAST_ACK, ACT(FIN)), STAY(0), STAY(0), STAY(0)),
	}, {
		.what = "close of an orphan", .event = TCPX_EV_CLOSE,
		.ctx = TCPX_CTX_ORPHAN,
		COLUMNS(STAY(0), GO(CLOSED, 0), GO(CLOSED, 0), NA,
			GO(FIN_WAIT1, ACT(FIN)), GO(FIN_WAIT1, ACT(FIN)), STAY(0), STAY(0),
			GO(LAST_ACK, ACT(FIN)), STAY(0), STAY(0), STAY(0)),
	}, {
		.what = "close, unread data", .event = TCPX_EV_CLOSE,
		.ctx = TCPX_CTX_UNREAD | TCPX_CTX_ORPHAN,
		COLUMNS(STAY(0), SKIP, SKIP, NA,
			SKIP, ENDS(UNREAD, ACT(RST), 0), ENDS(UNREAD, ACT(RST), 0),
			ENDS(UNREAD, ACT(RST), 0),
			ENDS(UNREAD, ACT(RST), 0), STAY(0), STAY(0), STAY(0)),
	}, {
		.what = "abort", .event = TCPX_EV_ABORT, .err = ECONNABORTED,
		COLUMNS(STAY(0), ENDS(ABORTED, 0, 0), ENDS(ABORTED, ACT(ERR), ECONNABORTED),
			ENDS(ABORTED, ACT(ENTRY_FREE), 0),
			ENDS(ABORTED, RST_ERR, ECONNABORTED), ENDS(ABORTED, RST_ERR, ECONNABORTED),
			ENDS(ABORTED, RST_ERR, ECONNABORTED),
			ENDS(ABORTED, RST_ERR, ECONNABORTED),
			ENDS(ABORTED, RST_ERR, ECONNABORTED), ENDS(ABORTED, 0, 0),
			ENDS(ABORTED, 0, 0), ENDS(ABORTED, 0, 0)),
	}, {
		.what = "status", .event = TCPX_EV_STATUS,
		COLUMNS(STAY(0), STAY(0), STAY(0), STAY(0),
			STAY(0), STAY(0), STAY(0), STAY(0),
			STAY(0), STAY(0), STAY(0), STAY(0)),
	}, {
		.what = "rtx timer", .event = TCPX_EV_T_RTX,
		COLUMNS(NA, NA, STAY(ACT(SYN)), STAY(ACT(SYN_ACK)),
			STAY(ACT(SYN_ACK)), STAY(ACT(RTX)), STAY(ACT(RTX)), NA,
			STAY(ACT(RTX)), STAY(ACT(RTX)), STAY(ACT(RTX)), NA),
	}, {
		.what = "rtx timer, limit", .event = TCPX_EV_T_RTX,
		.ctx = TCPX_CTX_LIMIT,
		COLUMNS(NA, NA, ENDS(TIMEOUT, ACT(ERR), ETIMEDOUT), SKIP,
			ENDS(TIMEOUT, ACT(ERR), ETIMEDOUT), ENDS(TIMEOUT, ACT(ERR), ETIMEDOUT),
			ENDS(TIMEOUT, ACT(ERR), ETIMEDOUT), NA,
			ENDS(TIMEOUT, ACT(ERR), ETIMEDOUT), ENDS(TIMEOUT, 0, 0),
			ENDS(TIMEOUT, 0, 0), NA),
	}, {
		.what = "half-open timer", .event = TCPX_EV_T_LIFE,
		COLUMNS(NA, NA, NA, ENDS(TIMEOUT, ACT(ENTRY_FREE), 0),
			NA, NA, NA, NA,
			NA, NA, NA, NA),
	}, {
		.what = "user timer", .event = TCPX_EV_T_USER,
		COLUMNS(NA, NA, ENDS(TIMEOUT, ACT(ERR), ETIMEDOUT), NA,
			ENDS(TIMEOUT, ACT(ERR), ETIMEDOUT), ENDS(TIMEOUT, ACT(ERR), ETIMEDOUT),
			ENDS(TIMEOUT, ACT(ERR), ETIMEDOUT), ENDS(TIMEOUT, ACT(ERR), ETIMEDOUT),
			ENDS(TIMEOUT, ACT(ERR), ETIMEDOUT), ENDS(TIMEOUT, 0, 0),
			ENDS(TIMEOUT, 0, 0), NA),
	}, {
		.what = "2MSL timer", .event = TCPX_EV_T_2MSL,
		.ctx = TCPX_CTX_ORPHAN,
		COLUMNS(NA, NA, NA, NA,
			NA, NA, NA, ENDS(TIMEOUT, 0, 0),
			NA, NA, NA, GO(CLOSED, 0)),
	}, {
		.what = "keepalive timer", .event = TCPX_EV_T_KEEP,
		COLUMNS(NA, NA, NA, NA,
			NA, STAY(ACT(PROBE)), STAY(ACT(PROBE)), STAY(ACT(PROBE)),
			STAY(ACT(PROBE)), NA, NA, NA),
	}, {
		.what = "keepalive timer, limit", .event = TCPX_EV_T_KEEP,
		.ctx = TCPX_CTX_LIMIT,
		COLUMNS(NA, NA, NA, NA,
			NA, ENDS(KEEPALIVE, RST_ERR, ETIMEDOUT),
			ENDS(KEEPALIVE, RST_ERR, ETIMEDOUT), ENDS(KEEPALIVE, RST_ERR, ETIMEDOUT),
			ENDS(KEEPALIVE, RST_ERR, ETIMEDOUT), NA, NA, NA),
	}, {
		.what = "persist timer", .event = TCPX_EV_T_PERSIST,
		COLUMNS(NA, NA, NA, NA,
			NA, STAY(ACT(PROBE)), STAY(ACT(PROBE)), NA,
			STAY(ACT(PROBE)), STAY(ACT(PROBE)), STAY(ACT(PROBE)), NA),
	}, {
		.what = "persist timer, limit", .event = TCPX_EV_T_PERSIST,
		.ctx = TCPX_CTX_LIMIT,
		COLUMNS(NA, NA, NA, NA,
			NA, ENDS(TIMEOUT, ACT(ERR), ETIMEDOUT),
			ENDS(TIMEOUT, ACT(ERR), ETIMEDOUT), NA,
			ENDS(TIMEOUT, ACT(ERR), ETIMEDOUT), ENDS(TIMEOUT, 0, 0),
			ENDS(TIMEOUT, 0, 0), NA),
	}, {
		.what = "persist timer, limit of an orphan", .event = TCPX_EV_T_PERSIST,
		.ctx = TCPX_CTX_LIMIT | TCPX_CTX_ORPHAN,
		COLUMNS(NA, NA, NA, NA,
			NA, SKIP, ENDS(TIMEOUT, 0, 0), NA,
			SKIP, ENDS(TIMEOUT, 0, 0), ENDS(TIMEOUT, 0, 0), NA),
	}, {
		.what = "delack timer", .event = TCPX_EV_T_DELACK,
		COLUMNS(NA, NA, NA, NA,
			NA, STAY(ACT(ACK)), STAY(ACT(ACK)), STAY(ACT(ACK)),
			NA, NA, NA, NA),
	}, {
		.what = "ICMP hard", .event = TCPX_EV_ICMP_HARD, .err = ECONNREFUSED,
		COLUMNS(NA, NA, ENDS(ICMP, ACT(ERR), ECONNREFUSED), STAY(0),
			ENDS(ICMP, ACT(ERR), ECONNREFUSED), SOFT(ECONNREFUSED),
			SOFT(ECONNREFUSED), SOFT(ECONNREFUSED),
			SOFT(ECONNREFUSED), SOFT(ECONNREFUSED), SOFT(ECONNREFUSED), STAY(0)),
	}, {
		.what = "ICMP hard, limit", .event = TCPX_EV_ICMP_HARD, .err = ENOPROTOOPT,
		.ctx = TCPX_CTX_LIMIT,
		COLUMNS(NA, NA, ENDS(ICMP, ACT(ERR), ENOPROTOOPT),
			ENDS(ICMP, ACT(ENTRY_FREE), 0),
			ENDS(ICMP, ACT(ERR), ENOPROTOOPT), SOFT(ENOPROTOOPT), SOFT(ENOPROTOOPT),
			SOFT(ENOPROTOOPT),
			SOFT(ENOPROTOOPT), SOFT(ENOPROTOOPT), SOFT(ENOPROTOOPT), STAY(0)),
	}, {
		.what = "ICMP soft", .event = TCPX_EV_ICMP_SOFT, .err = EHOSTUNREACH,
		COLUMNS(NA, NA, ENDS(ICMP, ACT(ERR), EHOSTUNREACH), STAY(0),
			ENDS(ICMP, ACT(ERR), EHOSTUNREACH), SOFT(EHOSTUNREACH),
			SOFT(EHOSTUNREACH), SOFT(EHOSTUNREACH),
			SOFT(EHOSTUNREACH), SOFT(EHOSTUNREACH), SOFT(EHOSTUNREACH), STAY(0)),
	}, {
		.what = "ICMP soft, limit", .event = TCPX_EV_ICMP_SOFT, .err = ENETUNREACH,
		.ctx = TCPX_CTX_LIMIT,
		COLUMNS(NA, NA, ENDS(ICMP, ACT(ERR), ENETUNREACH), STAY(0),
			ENDS(ICMP, ACT(ERR), ENETUNREACH), SOFT(ENETUNREACH),
			SOFT(ENETUNREACH), SOFT(ENETUNREACH),
			SOFT(ENETUNREACH), SOFT(ENETUNREACH), SOFT(ENETUNREACH), STAY(0)),
	}, {
		.what = "ICMP packet too big", .event = TCPX_EV_ICMP_PTB, .err = EMSGSIZE,
		COLUMNS(NA, NA, STAY(ACT(MSS)), STAY(0),
			STAY(ACT(MSS)), STAY(ACT(MSS) | ACT(RTX)),
			STAY(ACT(MSS) | ACT(RTX)), STAY(ACT(MSS) | ACT(RTX)),
			STAY(ACT(MSS) | ACT(RTX)), STAY(ACT(MSS) | ACT(RTX)),
			STAY(ACT(MSS) | ACT(RTX)), STAY(0)),
	}, {
		.what = "FIN, the hole before it filled", .event = TCPX_EV_FIN,
		COLUMNS(NA, NA, SKIP, SKIP,
			SKIP, GO(CLOSE_WAIT, TOOK_FIN), GO(CLOSING, TOOK_FIN), NA,
			SKIP, SKIP, SKIP, SKIP),
	}, {
		.what = "FIN, ours acknowledged, the hole before it filled",
		.event = TCPX_EV_FIN_ACK,
		COLUMNS(SKIP, SKIP, NA, NA,
			NA, NA, SKIP, GO(TIME_WAIT, TOOK_FIN),
			NA, SKIP, SKIP, SKIP),
	}, {
		.what = "cleanup", .event = TCPX_EV_CLEANUP, .err = ECONNABORTED,
		COLUMNS(STAY(0), GO(CLOSED, 0), ENDS(ABORTED, 0, 0),
			ENDS(LISTENER_GONE, ACT(ENTRY_FREE), 0),
			ENDS(ABORTED, ACT(RST), 0), ENDS(LISTENER_GONE, ACT(RST), 0),
			ENDS(ABORTED, ACT(RST), 0), ENDS(ABORTED, ACT(RST), 0),
			ENDS(LISTENER_GONE, ACT(RST), 0), ENDS(ABORTED, 0, 0),
			ENDS(ABORTED, 0, 0), GO(CLOSED, 0)),
	},
};

/* ---- rows: segments ---- */

#define CHALLENGED(r)	BAD(r, ACT(CHALLENGE))
#define RESET_R1(r)	BAD(r, ACT(RST_SEQ))
#define RESET_R0(r)	BAD(r, ACT(RST_ACK))
#define DROPPED(r)	BAD(r, 0)
#define REACKED(r)	BAD(r, ACT(ACK))
/*
 * What a synchronized connection answers to an unacceptable segment that occupies
 * sequence numbers: always an ACK (RFC 9293 3.8.6, 3.10.7.4). Only segments that
 * occupy none may be an answer themselves and are limited.
 */
#define REANSWER	ACT(ACK)
#define REANSWERED	BAD(SEQ_WINDOW, REANSWER)
#define REFUSED_RST	ENDS(REFUSED, ACT(ERR), ECONNREFUSED)
#define RESET_RST	ENDS(RESET, ACT(ERR), ECONNRESET)
#define GONE_RST	ENDS(RESET, ACT(ENTRY_FREE), 0)
#define QUIET_RST	ENDS(RESET, 0, 0)
#define CHILD_ACK	(ACT(CHILD) | ACT(TAKE_ACK))
#define TOOK_TEXT	(ACT(TEXT) | ACT(ACK_LATER))
#define TOOK_OOO	(ACT(TEXT_OOO) | ACT(ACK))
#define TEXT_IN_SYN(to, a)						\
	{ .kind = WANT_CELL, .next = TCPX_##to,				\
	  .acts = (a) | ACT(DROP), .reason = TCPX_R_TEXT_IN_SYN }
#define LATE_TEXT(a)	ENDS(TEXT_AFTER_CLOSE, ACT(RST_SEQ) | ACT(DROP) | (a), 0)
#define FULL_RST							\
	ENDS(ACCEPT_FULL, ACT(RST_SEQ) | ACT(ENTRY_FREE) | ACT(DROP), 0)
#define OTHER_SYN	ENDS(SYN_HALF_OPEN, ACT(ENTRY_FREE) | ACT(DROP), 0)
#define URG_LATE(a)							\
	{ .kind = WANT_CELL, .acts = (a), .reason = TCPX_R_URG_AFTER_FIN }

static const struct row segment_rows[] = {
	/*
	 * CLOSED, LISTEN, SYN-SENT, SYN-RECEIVED (half-open entry),
	 * SYN-RECEIVED (socket), ESTABLISHED, FIN-WAIT-1, FIN-WAIT-2,
	 * CLOSE-WAIT, CLOSING, LAST-ACK, TIME-WAIT
	 */
	{
		.what = "SYN at RCV.NXT", .event = TCPX_EV_SYN,
		.seg = { .flags = TCPX_SYN },
		COLUMNS(RESET_R0(CLOSED_PORT), STAY(ACT(ENTRY_NEW)), GO(SYN_RECV, ACT(SYN_ACK)),
			OTHER_SYN,
			CHALLENGED(SYN_HALF_OPEN), CHALLENGED(SYN_IN_SYNC), CHALLENGED(SYN_IN_SYNC),
			CHALLENGED(SYN_IN_SYNC),
			CHALLENGED(SYN_IN_SYNC), CHALLENGED(SYN_IN_SYNC),
			CHALLENGED(SYN_IN_SYNC), REACKED(SYN_TIME_WAIT)),
	}, {
		.what = "SYN at the end of the window", .event = TCPX_EV_SYN,
		.seg = { .flags = TCPX_SYN, .seq = RCV_WND - 1 },
		COLUMNS(SKIP, SKIP, SKIP, OTHER_SYN,
			CHALLENGED(SYN_HALF_OPEN), CHALLENGED(SYN_IN_SYNC), CHALLENGED(SYN_IN_SYNC),
			CHALLENGED(SYN_IN_SYNC),
			CHALLENGED(SYN_IN_SYNC), CHALLENGED(SYN_IN_SYNC),
			CHALLENGED(SYN_IN_SYNC), REACKED(SYN_TIME_WAIT)),
	}, {
		.what = "SYN again (SEG.SEQ == IRS)", .event = TCPX_EV_SYN,
		.seg = { .flags = TCPX_SYN, .seq = -1 },
		COLUMNS(SKIP, SKIP, SKIP, STAY(ACT(SYN_ACK)),
			STAY(ACT(SYN_ACK)), CHALLENGED(SYN_IN_SYNC),
			CHALLENGED(SYN_IN_SYNC), CHALLENGED(SYN_IN_SYNC),
			CHALLENGED(SYN_IN_SYNC), CHALLENGED(SYN_IN_SYNC),
			CHALLENGED(SYN_IN_SYNC), REACKED(SYN_TIME_WAIT)),
	}, {
		.what = "SYN above the window", .event = TCPX_EV_SYN,
		.seg = { .flags = TCPX_SYN, .seq = RCV_WND },
		COLUMNS(SKIP, SKIP, SKIP, CHALLENGED(SYN_HALF_OPEN),
			CHALLENGED(SYN_HALF_OPEN), CHALLENGED(SYN_IN_SYNC), CHALLENGED(SYN_IN_SYNC),
			CHALLENGED(SYN_IN_SYNC),
			CHALLENGED(SYN_IN_SYNC), CHALLENGED(SYN_IN_SYNC),
			CHALLENGED(SYN_IN_SYNC), REACKED(SYN_TIME_WAIT)),
	}, {
		.what = "SYN below the window", .event = TCPX_EV_SYN,
		.seg = { .flags = TCPX_SYN, .seq = -2 },
		COLUMNS(SKIP, SKIP, SKIP, CHALLENGED(SYN_HALF_OPEN),
			CHALLENGED(SYN_HALF_OPEN), CHALLENGED(SYN_IN_SYNC), CHALLENGED(SYN_IN_SYNC),
			CHALLENGED(SYN_IN_SYNC),
			CHALLENGED(SYN_IN_SYNC), CHALLENGED(SYN_IN_SYNC),
			CHALLENGED(SYN_IN_SYNC), REACKED(SYN_TIME_WAIT)),
	}, {
		.what = "SYN, accept queue full", .event = TCPX_EV_SYN,
		.seg = { .flags = TCPX_SYN }, .ctx = TCPX_CTX_ACCEPT_FULL,
		ONLY(LISTEN, DROPPED(ACCEPT_FULL)),
	}, {
		.what = "SYN+FIN", .event = TCPX_EV_SYN,
		.seg = { .flags = TCPX_SYN | TCPX_FIN },
		COLUMNS(RESET_R0(CLOSED_PORT), DROPPED(SYN_FIN), SKIP, SKIP,
			SKIP, SKIP, SKIP, SKIP,
			SKIP, SKIP, SKIP, SKIP),
	}, {
		.what = "SYN with text", .event = TCPX_EV_SYN,
		.seg = { .flags = TCPX_SYN, .len = 100 },
		COLUMNS(RESET_R0(CLOSED_PORT), STAY(ACT(ENTRY_NEW)), SKIP, SKIP,
			SKIP, SKIP, SKIP, SKIP,
			SKIP, SKIP, SKIP, SKIP),
	}, {
		.what = "SYN after RCV.NXT, a listener", .event = TCPX_EV_SYN,
		.seg = { .flags = TCPX_SYN, .seq = 1 }, .ctx = TCPX_CTX_LISTENER,
		ONLY(TIME_WAIT, GO(CLOSED, ACT(REOPEN))),
	}, {
		.what = "SYN at RCV.NXT, a listener", .event = TCPX_EV_SYN,
		.seg = { .flags = TCPX_SYN }, .ctx = TCPX_CTX_LISTENER,
		ONLY(TIME_WAIT, REACKED(SYN_TIME_WAIT)),
	}, {
		.what = "SYN+FIN after RCV.NXT, a listener", .event = TCPX_EV_SYN,
		.seg = { .flags = TCPX_SYN | TCPX_FIN, .seq = 1 }, .ctx = TCPX_CTX_LISTENER,
		ONLY(TIME_WAIT, REACKED(SYN_TIME_WAIT)),
	}, {
		.what = "SYN after RCV.NXT, the same TSval, a listener", .event = TCPX_EV_SYN,
		.seg = { .flags = TCPX_SYN, .seq = 1, .ts = TS_SAME }, .ctx = TCPX_CTX_LISTENER,
		ONLY(TIME_WAIT, GO(CLOSED, ACT(REOPEN))),
	}, {
		.what = "SYN at RCV.NXT, the same TSval, a listener", .event = TCPX_EV_SYN,
		.seg = { .flags = TCPX_SYN, .ts = TS_SAME }, .ctx = TCPX_CTX_LISTENER,
		ONLY(TIME_WAIT, REACKED(SYN_TIME_WAIT)),
	}, {
		.what = "SYN after RCV.NXT, no listener", .event = TCPX_EV_SYN,
		.seg = { .flags = TCPX_SYN, .seq = 1 },
		ONLY(TIME_WAIT, REACKED(SYN_TIME_WAIT)),
	}, {
		.what = "SYN below RCV.NXT, newer TSval, a listener", .event = TCPX_EV_SYN,
		.seg = { .flags = TCPX_SYN, .seq = -1000, .ts = TS_NEWER },
		.ctx = TCPX_CTX_LISTENER,
		ONLY(TIME_WAIT, GO(CLOSED, ACT(REOPEN))),
	}, {
		.what = "SYN after RCV.NXT, older TSval, a listener", .event = TCPX_EV_SYN,
		.seg = { .flags = TCPX_SYN, .seq = 1000, .ts = TS_OLDER },
		.ctx = TCPX_CTX_LISTENER,
		ONLY(TIME_WAIT, REACKED(SYN_TIME_WAIT)),
	}, {
		.what = "SYN after RCV.NXT, older TSval, not agreed, a listener",
		.event = TCPX_EV_SYN, .ctx = TCPX_CTX_LISTENER, .setup = SETUP_NO_TS,
		.seg = { .flags = TCPX_SYN, .seq = 1000, .ts = TS_OLDER },
		ONLY(TIME_WAIT, GO(CLOSED, ACT(REOPEN))),
	}, {
		.what = "SYN below RCV.NXT, newer TSval, not agreed, a listener",
		.event = TCPX_EV_SYN, .ctx = TCPX_CTX_LISTENER, .setup = SETUP_NO_TS,
		.seg = { .flags = TCPX_SYN, .seq = -1000, .ts = TS_NEWER },
		ONLY(TIME_WAIT, REACKED(SYN_TIME_WAIT)),
	}, {
		.what = "SYN after RCV.NXT, TSval missing, a listener",
		.event = TCPX_EV_SYN, .ctx = TCPX_CTX_LISTENER, .setup = SETUP_TS,
		.seg = { .flags = TCPX_SYN, .seq = 1000 },
		ONLY(TIME_WAIT, GO(CLOSED, ACT(REOPEN))),
	}, {
		.what = "SYN+RST after RCV.NXT, a listener", .event = TCPX_EV_RST_WND,
		.ctx = TCPX_CTX_LISTENER,
		.seg = { .flags = TCPX_SYN | TCPX_RST, .seq = 1 },
		ONLY(TIME_WAIT, DROPPED(RST_WINDOW)),
	}, {
		.what = "SYN+ACK at RCV.NXT", .event = TCPX_EV_SYN_ACK,
		.seg = { .flags = TCPX_SYN | TCPX_ACK },
		COLUMNS(RESET_R1(CLOSED_PORT), RESET_R1(LISTEN_ACK),
			GO(ESTABLISHED, ACT(TAKE_ACK) | ACT(ACK)), SKIP,
			CHALLENGED(SYN_HALF_OPEN), CHALLENGED(SYN_IN_SYNC), CHALLENGED(SYN_IN_SYNC),
			CHALLENGED(SYN_IN_SYNC),
			CHALLENGED(SYN_IN_SYNC), CHALLENGED(SYN_IN_SYNC),
			CHALLENGED(SYN_IN_SYNC), REACKED(SYN_TIME_WAIT)),
	}, {
		.what = "SYN+ACK again (SEG.SEQ == IRS)", .event = TCPX_EV_SYN_ACK,
		.seg = { .flags = TCPX_SYN | TCPX_ACK, .seq = -1 },
		COLUMNS(SKIP, SKIP, SKIP, GO(ESTABLISHED, CHILD_ACK),
			GO(ESTABLISHED, ACT(TAKE_ACK)), CHALLENGED(SYN_IN_SYNC),
			CHALLENGED(SYN_IN_SYNC), CHALLENGED(SYN_IN_SYNC),
			CHALLENGED(SYN_IN_SYNC), CHALLENGED(SYN_IN_SYNC),
			CHALLENGED(SYN_IN_SYNC), REACKED(SYN_TIME_WAIT)),
	}, {
		.what = "SYN+ACK, acknowledges the unsent", .event = TCPX_EV_SYN_ACK,
		.seg = { .flags = TCPX_SYN | TCPX_ACK, .seq = -1, .ack = ACK_UNSENT },
		COLUMNS(RESET_R1(CLOSED_PORT), RESET_R1(LISTEN_ACK), RESET_R1(ACK_UNSENT),
			RESET_R1(ACK_HALF_OPEN),
			CHALLENGED(SYN_HALF_OPEN), CHALLENGED(SYN_IN_SYNC), CHALLENGED(SYN_IN_SYNC),
			CHALLENGED(SYN_IN_SYNC),
			CHALLENGED(SYN_IN_SYNC), CHALLENGED(SYN_IN_SYNC),
			CHALLENGED(SYN_IN_SYNC), REACKED(SYN_TIME_WAIT)),
	}, {
		.what = "SYN+ACK, acknowledges nothing", .event = TCPX_EV_SYN_ACK,
		.seg = { .flags = TCPX_SYN | TCPX_ACK, .seq = -1, .ack = ACK_UNA },
		COLUMNS(SKIP, SKIP, RESET_R1(ACK_UNSENT), RESET_R1(ACK_HALF_OPEN),
			CHALLENGED(SYN_HALF_OPEN), SKIP, SKIP, SKIP,
			SKIP, SKIP, SKIP, SKIP),
	}, {
		.what = "SYN+ACK above the window", .event = TCPX_EV_SYN_ACK,
		.seg = { .flags = TCPX_SYN | TCPX_ACK, .seq = RCV_WND },
		COLUMNS(SKIP, SKIP, GO(ESTABLISHED, ACT(TAKE_ACK) | ACT(ACK)),
			CHALLENGED(SYN_HALF_OPEN),
			CHALLENGED(SYN_HALF_OPEN), CHALLENGED(SYN_IN_SYNC), CHALLENGED(SYN_IN_SYNC),
			CHALLENGED(SYN_IN_SYNC),
			CHALLENGED(SYN_IN_SYNC), CHALLENGED(SYN_IN_SYNC),
			CHALLENGED(SYN_IN_SYNC), REACKED(SYN_TIME_WAIT)),
	}, {
		.what = "SYN+ACK again, accept queue full", .event = TCPX_EV_SYN_ACK,
		.seg = { .flags = TCPX_SYN | TCPX_ACK, .seq = -1 },
		.ctx = TCPX_CTX_ACCEPT_FULL,
		ONLY(NEW_SYN_RECV, BAD(ACCEPT_FULL, ACT(ENTRY_ACKED))),
	}, {
		.what = "SYN+ACK again, full and abort", .event = TCPX_EV_SYN_ACK,
		.seg = { .flags = TCPX_SYN | TCPX_ACK, .seq = -1 },
		.ctx = TCPX_CTX_ACCEPT_FULL | TCPX_CTX_ABORT_FULL,
		ONLY(NEW_SYN_RECV, FULL_RST),
	}, {
		.what = "ACK of something new", .event = TCPX_EV_ACK,
		.seg = { .flags = TCPX_ACK },
		COLUMNS(RESET_R1(CLOSED_PORT), RESET_R1(LISTEN_ACK), DROPPED(ACK_NO_SYN),
			GO(ESTABLISHED, CHILD_ACK),
			GO(ESTABLISHED, ACT(TAKE_ACK)), STAY(ACT(TAKE_ACK)), STAY(ACT(TAKE_ACK)),
			NA,
			STAY(ACT(TAKE_ACK)), STAY(ACT(TAKE_ACK)), STAY(ACT(TAKE_ACK)),
			DROPPED(TIME_WAIT_OLD)),
	}, {
		.what = "ACK of all that was sent", .event = TCPX_EV_ACK,
		.seg = { .flags = TCPX_ACK, .ack = ACK_NXT },
		COLUMNS(SKIP, SKIP, SKIP, SKIP,
			SKIP, STAY(ACT(TAKE_ACK)), GO(FIN_WAIT2, ACT(TAKE_ACK)), SKIP,
			STAY(ACT(TAKE_ACK)), GO(TIME_WAIT, ACT(TAKE_ACK)),
			GO(CLOSED, ACT(TAKE_ACK)), SKIP),
	}, {
		.what = "ACK of all that was sent, FIN not yet", .event = TCPX_EV_ACK,
		.seg = { .flags = TCPX_ACK, .ack = ACK_NXT }, .setup = SETUP_FIN_QUEUED,
		COLUMNS(SKIP, SKIP, SKIP, SKIP,
			SKIP, SKIP, STAY(ACT(TAKE_ACK)), SKIP,
			SKIP, STAY(ACT(TAKE_ACK)), STAY(ACT(TAKE_ACK)), SKIP),
	}, {
		.what = "ACK of a SYN+ACK, accept queue full", .event = TCPX_EV_ACK,
		.seg = { .flags = TCPX_ACK }, .ctx = TCPX_CTX_ACCEPT_FULL,
		ONLY(NEW_SYN_RECV, BAD(ACCEPT_FULL, ACT(ENTRY_ACKED))),
	}, {
		.what = "ACK of a SYN+ACK, full and abort", .event = TCPX_EV_ACK,
		.seg = { .flags = TCPX_ACK },
		.ctx = TCPX_CTX_ACCEPT_FULL | TCPX_CTX_ABORT_FULL,
		ONLY(NEW_SYN_RECV, FULL_RST),
	}, {
		.what = "ACK of a SYN+ACK, abort but not full", .event = TCPX_EV_ACK,
		.seg = { .flags = TCPX_ACK }, .ctx = TCPX_CTX_ABORT_FULL,
		ONLY(NEW_SYN_RECV, GO(ESTABLISHED, CHILD_ACK)),
	}, {
		.what = "ACK of a SYN+ACK, deferred", .event = TCPX_EV_ACK,
		.seg = { .flags = TCPX_ACK }, .ctx = TCPX_CTX_DEFER,
		ONLY(NEW_SYN_RECV, BAD(DEFERRED, ACT(ENTRY_ACKED))),
	}, {
		.what = "ACK of a SYN+ACK, deferred and full", .event = TCPX_EV_ACK,
		.seg = { .flags = TCPX_ACK },
		.ctx = TCPX_CTX_DEFER | TCPX_CTX_ACCEPT_FULL | TCPX_CTX_ABORT_FULL,
		ONLY(NEW_SYN_RECV, BAD(DEFERRED, ACT(ENTRY_ACKED))),
	}, {
		.what = "SYN+ACK again, deferred", .event = TCPX_EV_SYN_ACK,
		.seg = { .flags = TCPX_SYN | TCPX_ACK, .seq = -1 }, .ctx = TCPX_CTX_DEFER,
		ONLY(NEW_SYN_RECV, BAD(DEFERRED, ACT(ENTRY_ACKED))),
	}, {
		.what = "ACK with text, deferred", .event = TCPX_EV_TEXT, .after_ack = true,
		.seg = { .flags = TCPX_ACK, .len = 1 }, .ctx = TCPX_CTX_DEFER,
		ONLY(NEW_SYN_RECV, GO(ESTABLISHED, TOOK_TEXT)),
	}, {
		.what = "ACK of a cookie", .event = TCPX_EV_ACK,
		.seg = { .flags = TCPX_ACK }, .ctx = TCPX_CTX_COOKIE,
		ONLY(LISTEN, STAY(ACT(ENTRY_COOKIE))),
	}, {
		.what = "ACK of a cookie with text", .event = TCPX_EV_TEXT,
		.seg = { .flags = TCPX_ACK | TCPX_PSH, .len = 10 }, .ctx = TCPX_CTX_COOKIE,
		ONLY(LISTEN, STAY(ACT(ENTRY_COOKIE))),
	}, {
		.what = "ACK of a cookie with FIN", .event = TCPX_EV_FIN_ACK,
		.seg = { .flags = TCPX_FIN | TCPX_ACK }, .ctx = TCPX_CTX_COOKIE,
		ONLY(LISTEN, STAY(ACT(ENTRY_COOKIE))),
	}, {
		.what = "SYN+ACK with a cookie", .event = TCPX_EV_SYN_ACK,
		.seg = { .flags = TCPX_SYN | TCPX_ACK }, .ctx = TCPX_CTX_COOKIE,
		ONLY(LISTEN, RESET_R1(LISTEN_ACK)),
	}, {
		.what = "another SYN in the window, strict", .event = TCPX_EV_SYN,
		.seg = { .flags = TCPX_SYN, .seq = 1 }, .ctx = TCPX_CTX_SYN_STRICT,
		ONLY(NEW_SYN_RECV, CHALLENGED(SYN_HALF_OPEN)),
	}, {
		.what = "the same SYN again, strict", .event = TCPX_EV_SYN,
		.seg = { .flags = TCPX_SYN, .seq = -1 }, .ctx = TCPX_CTX_SYN_STRICT,
		ONLY(NEW_SYN_RECV, STAY(ACT(SYN_ACK))),
	}, {
		.what = "ACK of SND.UNA", .event = TCPX_EV_ACK_DUP,
		.seg = { .flags = TCPX_ACK, .ack = ACK_UNA },
		COLUMNS(NA, NA, RESET_R1(ACK_UNSENT), RESET_R1(ACK_HALF_OPEN),
			RESET_R1(ACK_HALF_OPEN), STAY(ACT(DUP_ACK)), STAY(ACT(DUP_ACK)),
			STAY(ACT(DUP_ACK)),
			STAY(ACT(DUP_ACK)), STAY(ACT(DUP_ACK)),
			STAY(ACT(DUP_ACK)), SKIP),
	}, {
		.what = "ACK below SND.UNA", .event = TCPX_EV_ACK_DUP,
		.seg = { .flags = TCPX_ACK, .ack = ACK_OLD },
		COLUMNS(NA, NA, SKIP, SKIP,
			SKIP, STAY(ACT(DUP_ACK)), STAY(ACT(DUP_ACK)), STAY(ACT(DUP_ACK)),
			STAY(ACT(DUP_ACK)), STAY(ACT(DUP_ACK)),
			STAY(ACT(DUP_ACK)), REACKED(TIME_WAIT_OLD)),
	}, {
		.what = "ACK of SND.UNA - MAX.SND.WND", .event = TCPX_EV_ACK_DUP,
		.seg = { .flags = TCPX_ACK, .ack = ACK_OLDEST },
		COLUMNS(NA, NA, SKIP, SKIP,
			SKIP, STAY(ACT(DUP_ACK)), STAY(ACT(DUP_ACK)), STAY(ACT(DUP_ACK)),
			STAY(ACT(DUP_ACK)), STAY(ACT(DUP_ACK)),
			STAY(ACT(DUP_ACK)), REACKED(TIME_WAIT_OLD)),
	}, {
		.what = "ACK of the unsent", .event = TCPX_EV_ACK_BAD,
		.seg = { .flags = TCPX_ACK, .ack = ACK_UNSENT },
		COLUMNS(NA, NA, RESET_R1(ACK_UNSENT), RESET_R1(ACK_HALF_OPEN),
			RESET_R1(ACK_HALF_OPEN), CHALLENGED(ACK_RANGE), CHALLENGED(ACK_RANGE),
			CHALLENGED(ACK_RANGE),
			CHALLENGED(ACK_RANGE), CHALLENGED(ACK_RANGE), CHALLENGED(ACK_RANGE),
			REACKED(ACK_RANGE)),
	}, {
		.what = "ACK below SND.UNA - MAX.SND.WND", .event = TCPX_EV_ACK_BAD,
		.seg = { .flags = TCPX_ACK, .ack = ACK_ANCIENT },
		COLUMNS(NA, NA, RESET_R1(ACK_UNSENT), RESET_R1(ACK_HALF_OPEN),
			RESET_R1(ACK_HALF_OPEN), CHALLENGED(ACK_RANGE), CHALLENGED(ACK_RANGE),
			CHALLENGED(ACK_RANGE),
			CHALLENGED(ACK_RANGE), CHALLENGED(ACK_RANGE), CHALLENGED(ACK_RANGE),
			REACKED(ACK_RANGE)),
	}, {
		.what = "RST+ACK at RCV.NXT", .event = TCPX_EV_RST,
		.seg = { .flags = TCPX_RST | TCPX_ACK },
		COLUMNS(NA, NA, REFUSED_RST, GONE_RST,
			REFUSED_RST, RESET_RST, RESET_RST, RESET_RST,
			RESET_RST, QUIET_RST,
			QUIET_RST, ENDS(RESET, 0, 0)),
	}, {
		.what = "RST at RCV.NXT", .event = TCPX_EV_RST,
		.seg = { .flags = TCPX_RST },
		COLUMNS(NA, NA, SKIP, GONE_RST,
			REFUSED_RST, RESET_RST, RESET_RST, RESET_RST,
			RESET_RST, QUIET_RST,
			QUIET_RST, ENDS(RESET, 0, 0)),
	}, {
		.what = "RST at RCV.NXT - 1, FIN taken", .event = TCPX_EV_RST,
		.seg = { .flags = TCPX_RST, .seq = -1 },
		COLUMNS(NA, NA, SKIP, SKIP,
			SKIP, SKIP, SKIP, SKIP,
			RESET_RST, QUIET_RST,
			QUIET_RST, SKIP),
	}, {
		.what = "RST at RCV.NXT, RFC 1337", .event = TCPX_EV_RST,
		.seg = { .flags = TCPX_RST }, .ctx = TCPX_CTX_RFC1337,
		COLUMNS(NA, NA, SKIP, SKIP,
			SKIP, RESET_RST, SKIP, SKIP,
			SKIP, SKIP, SKIP, DROPPED(RST_TIME_WAIT)),
	}, {
		.what = "RST at the end of the window, not strict", .event = TCPX_EV_RST,
		.seg = { .flags = TCPX_RST, .seq = RCV_WND - 1 }, .ctx = TCPX_CTX_RST_LOOSE,
		COLUMNS(NA, NA, SKIP, GONE_RST,
			REFUSED_RST, RESET_RST, RESET_RST, RESET_RST,
			RESET_RST, QUIET_RST,
			QUIET_RST, ENDS(RESET, 0, 0)),
	}, {
		.what = "RST behind the window, not strict", .event = TCPX_EV_RST_OUT,
		.seg = { .flags = TCPX_RST, .seq = RCV_WND }, .ctx = TCPX_CTX_RST_LOOSE,
		COLUMNS(DROPPED(CLOSED_PORT), DROPPED(LISTEN_RST), SKIP, DROPPED(RST_OUTSIDE),
			DROPPED(RST_OUTSIDE), DROPPED(RST_OUTSIDE), DROPPED(RST_OUTSIDE),
			DROPPED(RST_OUTSIDE), DROPPED(RST_OUTSIDE), DROPPED(RST_OUTSIDE),
			DROPPED(RST_OUTSIDE), DROPPED(RST_OUTSIDE)),
	}, {
		.what = "RST one above RCV.NXT", .event = TCPX_EV_RST_WND,
		.seg = { .flags = TCPX_RST, .seq = 1 },
		COLUMNS(NA, NA, DROPPED(RST_NO_ACK), CHALLENGED(RST_WINDOW),
			CHALLENGED(RST_WINDOW), CHALLENGED(RST_WINDOW), CHALLENGED(RST_WINDOW),
			CHALLENGED(RST_WINDOW),
			CHALLENGED(RST_WINDOW), CHALLENGED(RST_WINDOW), CHALLENGED(RST_WINDOW),
			DROPPED(RST_WINDOW)),
	}, {
		.what = "RST at the end of the window", .event = TCPX_EV_RST_WND,
		.seg = { .flags = TCPX_RST, .seq = RCV_WND - 1 },
		COLUMNS(NA, NA, DROPPED(RST_NO_ACK), CHALLENGED(RST_WINDOW),
			CHALLENGED(RST_WINDOW), CHALLENGED(RST_WINDOW), CHALLENGED(RST_WINDOW),
			CHALLENGED(RST_WINDOW),
			CHALLENGED(RST_WINDOW), CHALLENGED(RST_WINDOW), CHALLENGED(RST_WINDOW),
			DROPPED(RST_WINDOW)),
	}, {
		.what = "RST above the window", .event = TCPX_EV_RST_OUT,
		.seg = { .flags = TCPX_RST | TCPX_ACK, .seq = RCV_WND, .ack = ACK_UNSENT },
		COLUMNS(DROPPED(CLOSED_PORT), DROPPED(LISTEN_RST), DROPPED(RST_NO_ACK),
			DROPPED(RST_OUTSIDE),
			DROPPED(RST_OUTSIDE), DROPPED(RST_OUTSIDE), DROPPED(RST_OUTSIDE),
			DROPPED(RST_OUTSIDE),
			DROPPED(RST_OUTSIDE), DROPPED(RST_OUTSIDE), DROPPED(RST_OUTSIDE),
			DROPPED(RST_OUTSIDE)),
	}, {
		.what = "RST at RCV.NXT - 1, FIN not taken", .event = TCPX_EV_RST_OUT,
		.seg = { .flags = TCPX_RST, .seq = -1 },
		COLUMNS(DROPPED(CLOSED_PORT), DROPPED(LISTEN_RST), SKIP, DROPPED(RST_OUTSIDE),
			DROPPED(RST_OUTSIDE), DROPPED(RST_OUTSIDE), DROPPED(RST_OUTSIDE),
			DROPPED(RST_OUTSIDE),
			SKIP, SKIP, SKIP, SKIP),
	}, {
		.what = "RST below the window", .event = TCPX_EV_RST_OUT,
		.seg = { .flags = TCPX_RST, .seq = -2 },
		COLUMNS(DROPPED(CLOSED_PORT), DROPPED(LISTEN_RST), SKIP, DROPPED(RST_OUTSIDE),
			DROPPED(RST_OUTSIDE), DROPPED(RST_OUTSIDE), DROPPED(RST_OUTSIDE),
			DROPPED(RST_OUTSIDE),
			DROPPED(RST_OUTSIDE), DROPPED(RST_OUTSIDE), DROPPED(RST_OUTSIDE),
			DROPPED(RST_OUTSIDE)),
	}, {
		.what = "text", .event = TCPX_EV_TEXT, .after_ack = true,
		.seg = { .flags = TCPX_ACK | TCPX_PSH, .len = 10 },
		COLUMNS(RESET_R1(CLOSED_PORT), RESET_R1(LISTEN_ACK), SKIP,
			GO(ESTABLISHED, TOOK_TEXT),
			GO(ESTABLISHED, TOOK_TEXT), STAY(TOOK_TEXT), STAY(TOOK_TEXT),
			STAY(TOOK_TEXT),
			REACKED(TEXT_AFTER_FIN), REACKED(TEXT_AFTER_FIN),
			REACKED(TEXT_AFTER_FIN), REACKED(TEXT_AFTER_FIN)),
	}, {
		.what = "text, the first half old", .event = TCPX_EV_TEXT, .after_ack = true,
		.seg = { .flags = TCPX_ACK, .seq = -5, .len = 10 },
		COLUMNS(SKIP, SKIP, SKIP, SKIP,
			SKIP, STAY(TOOK_TEXT), STAY(TOOK_TEXT), STAY(TOOK_TEXT),
			SKIP, SKIP, SKIP, SKIP),
	}, {
		.what = "text in a SYN+ACK", .event = TCPX_EV_TEXT,
		.seg = { .flags = TCPX_SYN | TCPX_ACK, .len = 10 },
		ONLY(SYN_SENT, TEXT_IN_SYN(ESTABLISHED, ACT(TAKE_ACK) | ACT(ACK))),
	}, {
		.what = "text in a crossing SYN", .event = TCPX_EV_TEXT,
		.seg = { .flags = TCPX_SYN, .len = 10 },
		ONLY(SYN_SENT, TEXT_IN_SYN(SYN_RECV, ACT(SYN_ACK))),
	}, {
		.what = "text for an orphan", .event = TCPX_EV_TEXT, .ctx = TCPX_CTX_ORPHAN,
		.seg = { .flags = TCPX_ACK, .len = 10 },
		COLUMNS(SKIP, SKIP, SKIP, SKIP,
			SKIP, SKIP, LATE_TEXT(ACT(TAKE_ACK)), LATE_TEXT(ACT(DUP_ACK)),
			SKIP, SKIP, SKIP, SKIP),
	}, {
		.what = "text out of order", .event = TCPX_EV_TEXT_OOO, .after_ack = true,
		.seg = { .flags = TCPX_ACK, .seq = 5, .len = 10 },
		COLUMNS(NA, NA, NA, GO(ESTABLISHED, TOOK_OOO),
			GO(ESTABLISHED, TOOK_OOO), STAY(TOOK_OOO),
			STAY(TOOK_OOO), STAY(TOOK_OOO),
			REACKED(TEXT_AFTER_FIN), REACKED(TEXT_AFTER_FIN),
			REACKED(TEXT_AFTER_FIN), REACKED(TEXT_AFTER_FIN)),
	}, {
		.what = "text out of order for an orphan", .event = TCPX_EV_TEXT_OOO,
		.seg = { .flags = TCPX_ACK, .seq = 5, .len = 10 }, .ctx = TCPX_CTX_ORPHAN,
		COLUMNS(NA, NA, NA, SKIP,
			SKIP, SKIP, LATE_TEXT(ACT(TAKE_ACK)), LATE_TEXT(ACT(DUP_ACK)),
			SKIP, SKIP, SKIP, SKIP),
	}, {
		.what = "text across the right edge", .event = TCPX_EV_TEXT_OOO,
		.seg = { .flags = TCPX_ACK, .seq = RCV_WND - 1, .len = 10 }, .after_ack = true,
		COLUMNS(NA, NA, NA, SKIP,
			SKIP, STAY(TOOK_OOO), STAY(TOOK_OOO), STAY(TOOK_OOO),
			SKIP, SKIP, SKIP, SKIP),
	}, {
		.what = "below the window", .event = TCPX_EV_SEQ_BAD,
		.seg = { .flags = TCPX_ACK, .seq = -1 },
		COLUMNS(NA, NA, NA, CHALLENGED(SEQ_WINDOW),
			CHALLENGED(SEQ_WINDOW), CHALLENGED(SEQ_WINDOW), CHALLENGED(SEQ_WINDOW),
			CHALLENGED(SEQ_WINDOW),
			CHALLENGED(SEQ_WINDOW), CHALLENGED(SEQ_WINDOW), CHALLENGED(SEQ_WINDOW),
			REACKED(TIME_WAIT_OLD)),
	}, {
		.what = "above the window", .event = TCPX_EV_SEQ_BAD,
		.seg = { .flags = TCPX_ACK, .seq = RCV_WND + 1 },
		COLUMNS(NA, NA, NA, CHALLENGED(SEQ_WINDOW),
			CHALLENGED(SEQ_WINDOW), CHALLENGED(SEQ_WINDOW), CHALLENGED(SEQ_WINDOW),
			CHALLENGED(SEQ_WINDOW),
			CHALLENGED(SEQ_WINDOW), CHALLENGED(SEQ_WINDOW), CHALLENGED(SEQ_WINDOW),
			REACKED(TIME_WAIT_OLD)),
	}, {
		.what = "FIN again", .event = TCPX_EV_SEQ_BAD,
		.seg = { .flags = TCPX_FIN | TCPX_ACK, .seq = -1 },
		COLUMNS(NA, NA, NA, SKIP,
			SKIP, SKIP, SKIP, SKIP,
			REANSWERED, REANSWERED, REANSWERED,
			BAD(FIN_AGAIN, ACT(ACK) | ACT(RESTART_2MSL))),
	}, {
		.what = "FIN of long ago", .event = TCPX_EV_SEQ_BAD,
		.seg = { .flags = TCPX_FIN | TCPX_ACK, .seq = -5 },
		COLUMNS(NA, NA, NA, SKIP,
			SKIP, SKIP, SKIP, SKIP,
			REANSWERED, REANSWERED, REANSWERED, REACKED(TIME_WAIT_OLD)),
	}, {
		.what = "old text again", .event = TCPX_EV_SEQ_BAD,
		.seg = { .flags = TCPX_ACK | TCPX_PSH, .seq = -10, .len = 10 },
		COLUMNS(NA, NA, NA, CHALLENGED(SEQ_WINDOW),
			CHALLENGED(SEQ_WINDOW), REANSWERED, REANSWERED, REANSWERED,
			REANSWERED, REANSWERED, REANSWERED, REACKED(TIME_WAIT_OLD)),
	}, {
		.what = "FIN", .event = TCPX_EV_FIN, .after_ack = true,
		.seg = { .flags = TCPX_FIN | TCPX_ACK },
		COLUMNS(NA, NA, SKIP, GO(CLOSE_WAIT, TOOK_FIN),
			GO(CLOSE_WAIT, TOOK_FIN), GO(CLOSE_WAIT, TOOK_FIN),
			GO(CLOSING, TOOK_FIN), NA,
			REACKED(FIN_AGAIN), REACKED(FIN_AGAIN), REACKED(FIN_AGAIN), SKIP),
	}, {
		.what = "FIN, an old ACK", .event = TCPX_EV_FIN,
		.seg = { .flags = TCPX_FIN | TCPX_ACK, .ack = ACK_OLD },
		COLUMNS(NA, NA, SKIP, SKIP,
			SKIP, GO(CLOSE_WAIT, ACT(DUP_ACK) | TOOK_FIN),
			GO(CLOSING, ACT(DUP_ACK) | TOOK_FIN), NA,
			SKIP, SKIP, SKIP, BAD(FIN_AGAIN, ACT(ACK) | ACT(RESTART_2MSL))),
	}, {
		.what = "FIN in a SYN+ACK", .event = TCPX_EV_FIN,
		.seg = { .flags = TCPX_SYN | TCPX_ACK | TCPX_FIN },
		COLUMNS(NA, NA, TEXT_IN_SYN(ESTABLISHED, ACT(TAKE_ACK) | ACT(ACK)), SKIP,
			SKIP, SKIP, SKIP, SKIP,
			SKIP, SKIP, SKIP, SKIP),
	}, {
		.what = "FIN and ACK of our FIN", .event = TCPX_EV_FIN_ACK,
		.seg = { .flags = TCPX_FIN | TCPX_ACK, .ack = ACK_NXT },
		COLUMNS(RESET_R1(CLOSED_PORT), RESET_R1(LISTEN_ACK), NA, NA,
			NA, NA, GO(TIME_WAIT, ACT(TAKE_ACK) | TOOK_FIN),
			GO(TIME_WAIT, TOOK_FIN),
			NA, GO(TIME_WAIT, ACT(TAKE_ACK)), GO(CLOSED, ACT(TAKE_ACK)),
			REACKED(FIN_AGAIN)),
	}, {
		.what = "no flags", .event = TCPX_EV_NONE,
		COLUMNS(RESET_R0(CLOSED_PORT), DROPPED(NO_FLAGS), DROPPED(NO_FLAGS),
			DROPPED(NO_FLAGS),
			DROPPED(NO_FLAGS), DROPPED(NO_FLAGS), DROPPED(NO_FLAGS),
			DROPPED(NO_FLAGS),
			DROPPED(NO_FLAGS), DROPPED(NO_FLAGS), DROPPED(NO_FLAGS),
			DROPPED(NO_FLAGS)),
	}, {
		.what = "FIN without ACK", .event = TCPX_EV_NONE,
		.seg = { .flags = TCPX_FIN },
		COLUMNS(RESET_R0(CLOSED_PORT), DROPPED(NO_FLAGS), DROPPED(NO_FLAGS),
			DROPPED(NO_FLAGS),
			DROPPED(NO_FLAGS), DROPPED(NO_FLAGS), DROPPED(NO_FLAGS),
			DROPPED(NO_FLAGS),
			DROPPED(NO_FLAGS), DROPPED(NO_FLAGS), DROPPED(NO_FLAGS),
			DROPPED(NO_FLAGS)),
	}, {
		.what = "FIN, PSH and URG with text", .event = TCPX_EV_NONE,
		.seg = { .flags = TCPX_FIN | TCPX_PSH | TCPX_URG, .len = 10 },
		COLUMNS(RESET_R0(CLOSED_PORT), DROPPED(NO_FLAGS), DROPPED(NO_FLAGS),
			DROPPED(NO_FLAGS),
			DROPPED(NO_FLAGS), DROPPED(NO_FLAGS), DROPPED(NO_FLAGS),
			DROPPED(NO_FLAGS),
			DROPPED(NO_FLAGS), DROPPED(NO_FLAGS), DROPPED(NO_FLAGS),
			DROPPED(NO_FLAGS)),
	}, {
		.what = "urgent pointer", .event = TCPX_EV_URG, .after_ack = true,
		.seg = { .flags = TCPX_ACK | TCPX_URG },
		COLUMNS(NA, NA, NA, GO(ESTABLISHED, ACT(URG)), GO(ESTABLISHED, ACT(URG)),
			STAY(ACT(URG)), STAY(ACT(URG)), STAY(ACT(URG)),
			URG_LATE(0), URG_LATE(0), URG_LATE(0), URG_LATE(0)),
	}, {
		.what = "urgent pointer with text", .event = TCPX_EV_URG, .after_ack = true,
		.seg = { .flags = TCPX_ACK | TCPX_URG, .len = 10 },
		COLUMNS(NA, NA, NA, SKIP,
			SKIP, STAY(ACT(URG) | TOOK_TEXT), STAY(ACT(URG) | TOOK_TEXT),
			STAY(ACT(URG) | TOOK_TEXT),
			REACKED(URG_AFTER_FIN), REACKED(URG_AFTER_FIN),
			REACKED(URG_AFTER_FIN), REACKED(URG_AFTER_FIN)),
	}, {
		.what = "older TSval", .event = TCPX_EV_PAWS,
		.seg = { .flags = TCPX_ACK, .ts = TS_OLDER },
		COLUMNS(NA, NA, SKIP, CHALLENGED(PAWS),
			CHALLENGED(PAWS), CHALLENGED(PAWS), CHALLENGED(PAWS), CHALLENGED(PAWS),
			CHALLENGED(PAWS), CHALLENGED(PAWS), CHALLENGED(PAWS), REACKED(PAWS)),
	}, {
		.what = "TSecr not yet sent", .event = TCPX_EV_PAWS,
		.seg = { .flags = TCPX_ACK, .ts = TS_ECHO_LATE },
		COLUMNS(NA, NA, SKIP, CHALLENGED(TSECR),
			CHALLENGED(TSECR), SKIP, SKIP, SKIP,
			SKIP, SKIP, SKIP, SKIP),
	}, {
		.what = "TSecr before ours", .event = TCPX_EV_PAWS,
		.seg = { .flags = TCPX_ACK, .ts = TS_ECHO_EARLY },
		COLUMNS(NA, NA, SKIP, CHALLENGED(TSECR),
			CHALLENGED(TSECR), SKIP, SKIP, SKIP,
			SKIP, SKIP, SKIP, SKIP),
	}, {
		.what = "TSecr of a SYN+ACK not yet sent", .event = TCPX_EV_PAWS,
		.seg = { .flags = TCPX_SYN | TCPX_ACK, .seq = -1, .ts = TS_ECHO_LATE },
		COLUMNS(NA, NA, DROPPED(TSECR), CHALLENGED(TSECR),
			CHALLENGED(TSECR), SKIP, SKIP, SKIP,
			SKIP, SKIP, SKIP, SKIP),
	}, {
		.what = "TSecr of a SYN+ACK before ours", .event = TCPX_EV_PAWS,
		.seg = { .flags = TCPX_SYN | TCPX_ACK, .seq = -1, .ts = TS_ECHO_EARLY },
		COLUMNS(NA, NA, DROPPED(TSECR), CHALLENGED(TSECR),
			CHALLENGED(TSECR), SKIP, SKIP, SKIP,
			SKIP, SKIP, SKIP, SKIP),
	},
};

/* ---- trying a cell ---- */

/* Which cells this suite has executed and judged */
static bool seen[TCPX_NCELLS];

/**
 * struct witness - what verdicts have shown of a cell that had a part in them
 * @acts: actions ordered
 * @next: states afterwards, a mask of 1 << enum tcpx_state
 * @reasons: a mask of 1 << enum tcpx_reason
 * @refuses: the cell alone gave a reason
 */
struct witness {
	u32 acts;
	u32 next;
	u64 reasons;
	bool refuses;
};

static struct witness witnesses[TCPX_NCELLS];

static_assert(TCPX_NREASONS <= 64, "a mask of reasons has 64 bits");

static void cells_witness(const struct tcpx_verdict *v)
{
	struct witness *w;
	unsigned int i;

	for (i = 0; i < v->ncells && i < TCPX_VERDICT_CELLS; i++) {
		w = &witnesses[v->cells[i] % TCPX_NCELLS];
		w->acts |= v->acts;
		w->next |= 1U << v->state;
		w->reasons |= 1ULL << v->reason;
		w->refuses |= v->ncells == 1 && v->reason;
	}
}

static void cells_note(const struct tcpx_verdict *v)
{
	unsigned int i;

	cells_witness(v);
	for (i = 0; i < v->ncells && i < TCPX_VERDICT_CELLS; i++)
		if (v->cells[i] < TCPX_NCELLS)
			seen[v->cells[i]] = true;
}

static bool cells_have(const struct tcpx_verdict *v, u16 id)
{
	unsigned int i;

	for (i = 0; i < v->ncells && i < TCPX_VERDICT_CELLS; i++)
		if (v->cells[i] == id)
			return true;
	return false;
}

/**
 * struct probe - one event tried on one connection
 * @test: the running case
 * @want: what is wanted
 * @base: index into bases
 * @state: the state before
 * @event: enum tcpx_event
 * @v: the verdict
 * @where: all this for a reader
 */
struct probe {
	struct kunit *test;
	const struct want *want;
	unsigned int base;
	u8 state;
	u8 event;
	struct tcpx_verdict v;
	char where[64];
};

static void probe_possible(const struct probe *p)
{
	struct tcpx_cell_info info;

	tcpx_fsm_cell(p->state, p->event, &info);
	KUNIT_EXPECT_EQ_MSG(p->test, info.possible, p->want->kind == WANT_CELL,
			    "%s", p->where);
}

/* What cannot happen changes nothing, and the caller learns that he is wrong. */
static void probe_nothing(const struct probe *p)
{
	KUNIT_EXPECT_EQ_MSG(p->test, p->v.state, p->state, "%s", p->where);
	KUNIT_EXPECT_EQ_MSG(p->test, p->v.acts, 0U, "%s", p->where);
	KUNIT_EXPECT_EQ_MSG(p->test, p->v.reason, TCPX_R_STATE, "%s", p->where);
	KUNIT_EXPECT_EQ_MSG(p->test, p->v.err, EINVAL, "%s", p->where);
	KUNIT_EXPECT_EQ_MSG(p->test, p->v.ncells, 1, "%s", p->where);
	KUNIT_EXPECT_EQ_MSG(p->test, p->v.cells[0], tcpx_cell_id(p->state, p->event),
			    "%s", p->where);
}

static void probe_acts(const struct probe *p, u32 more)
{
	u32 must = p->want->acts | more;

	KUNIT_EXPECT_EQ_MSG(p->test, p->v.acts, must, "%s", p->where);
	if (p->v.acts & ACT(DROP))
		KUNIT_EXPECT_NE_MSG(p->test, p->v.reason, TCPX_R_NONE,
				    "%s", p->where);
	KUNIT_EXPECT_STREQ_MSG(p->test, tcpx_reason_name(p->v.reason),
			       tcpx_reason_name(p->want->reason), "%s", p->where);
}

static void probe_err(const struct probe *p)
{
	KUNIT_EXPECT_EQ_MSG(p->test, p->v.err, p->want->err, "%s", p->where);
}

/* @more: actions wanted besides those of the row */
static void probe_judge(const struct probe *p, u32 more)
{
	u8 next = p->want->next ?: p->state;

	probe_possible(p);
	cells_note(&p->v);
	if (p->want->kind == WANT_NA) {
		probe_nothing(p);
		return;
	}
	KUNIT_EXPECT_TRUE_MSG(p->test,
			      cells_have(&p->v, tcpx_cell_id(p->state, p->event)),
			      "%s", p->where);
	KUNIT_EXPECT_STREQ_MSG(p->test, tcpx_state_name(p->v.state),
			       tcpx_state_name(next), "%s", p->where);
	KUNIT_EXPECT_EQ_MSG(p->test, p->v.state, next, "%s", p->where);
	KUNIT_EXPECT_TRUE_MSG(p->test, verdict_declared(p->state, &p->v),
			      "%s", p->where);
	probe_acts(p, more);
	probe_err(p);
}

static void tcb_setup(struct tcpx_tcb *t, u8 setup)
{
	if (setup & SETUP_NO_WND)
		t->rcv_wnd = 0;
	if (setup & SETUP_FIN_QUEUED)
		t->flags &= ~TCPX_TCB_FIN;
	if (setup & SETUP_TS)
		t->flags |= TCPX_TCB_TS;
	if (setup & SETUP_NO_TS)
		t->flags &= ~TCPX_TCB_TS;
}

/* What becomes of @s on a connection in @state */
static void segment_try(u8 state, const struct base *b, u8 setup, u32 ctx,
			const struct shape *s, struct tcpx_verdict *v)
{
	struct tcpx_tcb tcb;
	struct tcpx_seg seg;

	tcb_make(&tcb, state, b);
	tcb_setup(&tcb, setup | (s->ts ? SETUP_TS : 0));
	seg_make(&seg, &tcb, b, s);
	verdict_spoil(v);
	tcpx_fsm_segment(&tcb, ctx, &seg, v);
}

static void event_probe(struct probe *p, const struct row *row)
{
	struct tcpx_tcb tcb;

	tcb_make(&tcb, p->state, &bases[p->base]);
	verdict_spoil(&p->v);
	tcpx_fsm_event(&tcb, row->ctx, row->event, row->err, &p->v);
	probe_judge(p, 0);
	if (p->want->kind != WANT_CELL)
		return;
	KUNIT_EXPECT_EQ_MSG(p->test, p->v.ncells, 1, "%s", p->where);
}

/* Where no segment can be the event, who asks for it all the same learns that. */
static void segment_probe(struct probe *p, const struct row *row)
{
	if (p->want->kind == WANT_NA) {
		event_probe(p, row);
		return;
	}
	segment_try(p->state, &bases[p->base], row->setup, row->ctx, &row->seg,
		    &p->v);
	probe_judge(p, row->after_ack ? ack_acts[p->state] : 0);
}

static void row_run(struct kunit *test,
		    void (*run)(struct probe *p, const struct row *row))
{
	const struct row *row = test->param_value;
	struct probe p = { .test = test, .event = row->event };

	for (p.state = 1; p.state < TCPX_NSTATES; p.state++) {
		p.want = &row->col[p.state];
		if (p.want->kind == WANT_SKIP)
			continue;
		for (p.base = 0; p.base < ARRAY_SIZE(bases); p.base++) {
			scnprintf(p.where, sizeof(p.where), "%s in %s (%u), base %u",
				  tcpx_event_name(p.event),
				  tcpx_state_name(p.state), p.state, p.base);
			run(&p, row);
		}
	}
}

static void row_name(const struct row *row, char *desc)
{
	strscpy(desc, row->what, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(event_row, event_rows, row_name);
KUNIT_ARRAY_PARAM(segment_row, segment_rows, row_name);

static void tcpx_fsm_event__row(struct kunit *test)
{
	row_run(test, event_probe);
}

static void tcpx_fsm_segment__row(struct kunit *test)
{
	row_run(test, segment_probe);
}

/* Each column of the requirement table has a row for each event. */
static bool row_covers(const struct row *row, u8 state, u8 event)
{
	return row->event == event && row->col[state].kind != WANT_SKIP;
}

static bool rows_cover(u8 state, u8 event)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(event_rows); i++)
		if (row_covers(&event_rows[i], state, event))
			return true;
	for (i = 0; i < ARRAY_SIZE(segment_rows); i++)
		if (row_covers(&segment_rows[i], state, event))
			return true;
	return false;
}

static void tcpx_fsm_cell__has_a_row(struct kunit *test)
{
	u8 state, event;

	for (state = 1; state < TCPX_NSTATES; state++)
		for (event = 0; event < TCPX_NEVENTS; event++)
			KUNIT_EXPECT_TRUE_MSG(test, rows_cover(state, event),
					      "%s in %s", tcpx_event_name(event),
					      tcpx_state_name(state));
}

/* ---- the order in which a segment's events are taken ---- */

/**
 * struct story - a segment that is several things at once
 * @what: its name
 * @events: the events that are taken, in order
 * @want: what is wanted
 * @seg: the segment
 * @ctx: enum tcpx_ctx
 * @state: the state before
 * @setup: enum setup
 */
struct story {
	const char *what;
	const char *events;
	struct want want;
	struct shape seg;
	u16 ctx;
	u8 state;
	u8 setup;
};

#define SYN_RST		(TCPX_SYN | TCPX_RST)
#define SYN_FIN		(TCPX_SYN | TCPX_FIN)
#define SYN_ACK_FLAGS	(TCPX_SYN | TCPX_ACK)
#define FIN_ACK_FLAGS	(TCPX_FIN | TCPX_ACK)
#define URG_ACK_FLAGS	(TCPX_URG | TCPX_ACK)
#define ALL_FLAGS	0xff

static const struct story stories[] = {
	/* RST comes first */
	{
		"RST beats SYN", "RST", RESET_RST,
		{ .flags = SYN_RST }, .state = TCPX_ESTABLISHED,
	}, {
		"RST in the window beats SYN", "RST_WND", CHALLENGED(RST_WINDOW),
		{ .flags = SYN_RST, .seq = 7 }, .state = TCPX_ESTABLISHED,
	}, {
		"RST beats FIN, URG and text", "RST", RESET_RST,
		{ .flags = ALL_FLAGS, .len = 10 }, .state = TCPX_ESTABLISHED,
	}, {
		"RST beats a bad ACK", "RST", RESET_RST,
		{ .flags = TCPX_RST | TCPX_ACK, .ack = ACK_UNSENT }, .state = TCPX_ESTABLISHED,
	}, {
		"RST beats PAWS", "RST", RESET_RST,
		{ .flags = TCPX_RST, .ts = TS_OLDER }, .state = TCPX_ESTABLISHED,
	}, {
		"half-open: RST with a bad ACK", "RST", CHALLENGED(ACK_HALF_OPEN),
		{ .flags = TCPX_RST | TCPX_ACK, .ack = ACK_UNSENT }, .state = TCPX_NEW_SYN_RECV,
	}, {
		"RST at a window of 0", "RST", RESET_RST,
		{ .flags = TCPX_RST }, .state = TCPX_ESTABLISHED, .setup = SETUP_NO_WND,
	}, {
		"RST above a window of 0", "RST_OUT", DROPPED(RST_OUTSIDE),
		{ .flags = TCPX_RST, .seq = 1 }, .state = TCPX_ESTABLISHED,
		.setup = SETUP_NO_WND,
	}, {
		"SYN+RST to a listener", "RST_OUT", DROPPED(LISTEN_RST),
		{ .flags = SYN_RST }, .state = TCPX_LISTEN,
	}, {
		"SYN+RST+ACK to nobody", "RST_OUT", DROPPED(CLOSED_PORT),
		{ .flags = SYN_RST | TCPX_ACK }, .state = TCPX_CLOSED,
	},
	/* then SYN, whatever its sequence number */
	{
		"SYN with text and FIN is only challenged", "SYN", CHALLENGED(SYN_IN_SYNC),
		{ .flags = SYN_FIN, .len = 10 }, .state = TCPX_ESTABLISHED,
	}, {
		"SYN with a good ACK acknowledges nothing", "SYN_ACK", CHALLENGED(SYN_IN_SYNC),
		{ .flags = SYN_ACK_FLAGS, .len = 10 }, .state = TCPX_ESTABLISHED,
	}, {
		"SYN beats PAWS", "SYN", CHALLENGED(SYN_IN_SYNC),
		{ .flags = TCPX_SYN, .ts = TS_OLDER }, .state = TCPX_ESTABLISHED,
	}, {
		"SYN beats SEQ", "SYN", CHALLENGED(SYN_IN_SYNC),
		{ .flags = TCPX_SYN, .seq = -30000 }, .state = TCPX_LAST_ACK,
	}, {
		"SYN+ACK beats a bad ACK", "SYN_ACK", CHALLENGED(SYN_IN_SYNC),
		{ .flags = SYN_ACK_FLAGS, .ack = ACK_UNSENT }, .state = TCPX_CLOSING,
	},
	/* but a half-open connection looks at the timestamps first */
	{
		"half-open: PAWS beats a SYN in the window", "PAWS", CHALLENGED(PAWS),
		{ .flags = TCPX_SYN, .seq = 7, .ts = TS_OLDER }, .state = TCPX_NEW_SYN_RECV,
	}, {
		"half-open: PAWS beats the SYN again", "PAWS", CHALLENGED(PAWS),
		{ .flags = TCPX_SYN, .seq = -1, .ts = TS_OLDER }, .state = TCPX_NEW_SYN_RECV,
	}, {
		"simultaneous open: PAWS beats the SYN again", "PAWS", CHALLENGED(PAWS),
		{ .flags = TCPX_SYN, .seq = -1, .ts = TS_OLDER }, .state = TCPX_SYN_RECV,
	}, {
		"half-open: PAWS beats SYN+ACK", "PAWS", CHALLENGED(PAWS),
		{ .flags = SYN_ACK_FLAGS, .seq = -1, .ts = TS_OLDER }, .state = TCPX_NEW_SYN_RECV,
	}, {
		"simultaneous open: PAWS beats SYN+ACK", "PAWS", CHALLENGED(PAWS),
		{ .flags = SYN_ACK_FLAGS, .seq = -1, .ts = TS_OLDER }, .state = TCPX_SYN_RECV,
	}, {
		"half-open: a bad ACK of SYN+ACK beats PAWS", "SYN_ACK", RESET_R1(ACK_HALF_OPEN),
		{ .flags = SYN_ACK_FLAGS, .seq = -1, .ack = ACK_UNSENT, .ts = TS_OLDER },
		.state = TCPX_NEW_SYN_RECV,
	}, {
		"half-open: the SYN again, newer TSval", "SYN", STAY(ACT(SYN_ACK)),
		{ .flags = TCPX_SYN, .seq = -1, .ts = TS_NEWER }, .state = TCPX_NEW_SYN_RECV,
	}, {
		"half-open: TSecr of a SYN is not looked at", "SYN", STAY(ACT(SYN_ACK)),
		{ .flags = TCPX_SYN, .seq = -1, .ts = TS_ECHO_LATE }, .state = TCPX_NEW_SYN_RECV,
	}, {
		"half-open: a stale TS.Recent refuses no SYN", "SYN", STAY(ACT(SYN_ACK)),
		{ .flags = TCPX_SYN, .seq = -1, .ts = TS_OLDER }, .state = TCPX_NEW_SYN_RECV,
		.ctx = TCPX_CTX_TS_STALE,
	},
	/* then the ACK bit */
	{
		"text without ACK is not taken", "NONE", DROPPED(NO_FLAGS),
		{ .flags = TCPX_PSH, .len = 10 }, .state = TCPX_ESTABLISHED,
	}, {
		"no ACK beats SEQ", "NONE", DROPPED(NO_FLAGS),
		{ .seq = -1 }, .state = TCPX_ESTABLISHED,
	}, {
		"no ACK beats PAWS", "NONE", DROPPED(NO_FLAGS),
		{ .ts = TS_OLDER }, .state = TCPX_ESTABLISHED,
	},
	/* a bad ACK of a half-open connection comes before PAWS and SEQ */
	{
		"half-open: bad ACK beats SEQ", "ACK_BAD", RESET_R1(ACK_HALF_OPEN),
		{ .flags = TCPX_ACK, .seq = RCV_WND, .ack = ACK_UNSENT },
		.state = TCPX_NEW_SYN_RECV,
	}, {
		"half-open: ACK of nothing beats SEQ", "ACK_DUP", RESET_R1(ACK_HALF_OPEN),
		{ .flags = TCPX_ACK, .seq = -5, .ack = ACK_UNA },
		.state = TCPX_NEW_SYN_RECV,
	}, {
		"half-open: bad ACK beats PAWS", "ACK_BAD", RESET_R1(ACK_HALF_OPEN),
		{ .flags = TCPX_ACK, .ack = ACK_OLD, .ts = TS_OLDER },
		.state = TCPX_NEW_SYN_RECV,
	}, {
		"simultaneous open: bad ACK beats SEQ", "ACK_BAD", RESET_R1(ACK_HALF_OPEN),
		{ .flags = TCPX_ACK, .seq = -5, .ack = ACK_UNSENT },
		.state = TCPX_SYN_RECV,
	}, {
		"half-open: good ACK out of the window", "SEQ_BAD", CHALLENGED(SEQ_WINDOW),
		{ .flags = TCPX_ACK, .seq = RCV_WND + 1 }, .state = TCPX_NEW_SYN_RECV,
	},
	/* then PAWS */
	{
		"PAWS beats SEQ", "PAWS", CHALLENGED(PAWS),
		{ .flags = TCPX_ACK, .seq = -1, .ts = TS_OLDER }, .state = TCPX_ESTABLISHED,
	}, {
		"half-open: PAWS beats SEQ", "PAWS", CHALLENGED(PAWS),
		{ .flags = TCPX_ACK, .seq = -1, .ts = TS_OLDER }, .state = TCPX_NEW_SYN_RECV,
	}, {
		"PAWS beats a bad ACK", "PAWS", CHALLENGED(PAWS),
		{ .flags = TCPX_ACK, .ack = ACK_UNSENT, .ts = TS_OLDER },
		.state = TCPX_ESTABLISHED,
	}, {
		"PAWS beats text and FIN", "PAWS", CHALLENGED(PAWS),
		{ .flags = FIN_ACK_FLAGS, .len = 10, .ts = TS_OLDER },
		.state = TCPX_ESTABLISHED,
	}, {
		"the same TSval is not old", "ACK", STAY(ACT(TAKE_ACK)),
		{ .flags = TCPX_ACK, .ts = TS_SAME }, .state = TCPX_ESTABLISHED,
	}, {
		"a stale TS.Recent refuses nothing", "ACK", STAY(ACT(TAKE_ACK)),
		{ .flags = TCPX_ACK, .ts = TS_OLDER }, .state = TCPX_ESTABLISHED,
		.ctx = TCPX_CTX_TS_STALE,
	}, {
		"a missing TSval is tolerated", "ACK", STAY(ACT(TAKE_ACK)),
		{ .flags = TCPX_ACK }, .state = TCPX_ESTABLISHED, .setup = SETUP_TS,
	}, {
		"TSval is not looked at unless agreed", "ACK", STAY(ACT(TAKE_ACK)),
		{ .flags = TCPX_ACK, .ts = TS_OLDER }, .state = TCPX_ESTABLISHED,
		.setup = SETUP_NO_TS,
	}, {
		"half-open: TSecr is not looked at unless agreed", "ACK",
		GO(ESTABLISHED, CHILD_ACK),
		{ .flags = TCPX_ACK, .ts = TS_ECHO_LATE }, .state = TCPX_NEW_SYN_RECV,
		.setup = SETUP_NO_TS,
	}, {
		"synchronized: TSecr is not looked at", "ACK", STAY(ACT(TAKE_ACK)),
		{ .flags = TCPX_ACK, .ts = TS_ECHO_LATE }, .state = TCPX_ESTABLISHED,
	}, {
		"half-open: good TSecr", "ACK", GO(ESTABLISHED, CHILD_ACK),
		{ .flags = TCPX_ACK, .ts = TS_NEWER }, .state = TCPX_NEW_SYN_RECV,
	},
	/* then SEQ */
	{
		"SEQ beats a bad ACK", "SEQ_BAD", CHALLENGED(SEQ_WINDOW),
		{ .flags = TCPX_ACK, .seq = -1, .ack = ACK_UNSENT },
		.state = TCPX_ESTABLISHED,
	}, {
		"SEQ beats URG", "SEQ_BAD", CHALLENGED(SEQ_WINDOW),
		{ .flags = URG_ACK_FLAGS, .seq = RCV_WND + 1 }, .state = TCPX_ESTABLISHED,
	}, {
		"an ACK behind a full window is taken", "ACK", STAY(ACT(TAKE_ACK)),
		{ .flags = TCPX_ACK, .seq = RCV_WND }, .state = TCPX_ESTABLISHED,
	}, {
		"text behind a full window is not", "SEQ_BAD", REANSWERED,
		{ .flags = TCPX_ACK, .seq = RCV_WND, .len = 1 }, .state = TCPX_ESTABLISHED,
	}, {
		"FIN behind a full window is not", "SEQ_BAD", REANSWERED,
		{ .flags = FIN_ACK_FLAGS, .seq = RCV_WND }, .state = TCPX_ESTABLISHED,
	}, {
		"old text of an orphan is no late text", "SEQ_BAD", REANSWERED,
		{ .flags = TCPX_ACK, .seq = -10, .len = 10 }, .state = TCPX_FIN_WAIT1,
		.ctx = TCPX_CTX_ORPHAN,
	}, {
		"window 0 takes ACK and URG, not text", "SEQ_BAD ACK URG",
		BAD(SEQ_WINDOW, REANSWER | ACT(TAKE_ACK) | ACT(URG)),
		{ .flags = URG_ACK_FLAGS, .len = 10 }, .state = TCPX_ESTABLISHED,
		.setup = SETUP_NO_WND,
	}, {
		"window 0 takes the ACK of our FIN", "SEQ_BAD ACK",
		{ .kind = WANT_CELL, .next = TCPX_FIN_WAIT2, .reason = TCPX_R_SEQ_WINDOW,
		  .acts = REANSWER | ACT(TAKE_ACK) | ACT(DROP) },
		{ .flags = TCPX_ACK, .len = 10, .ack = ACK_NXT }, .state = TCPX_FIN_WAIT1,
		.setup = SETUP_NO_WND,
	}, {
		"window 0 takes nothing above RCV.NXT", "SEQ_BAD", REANSWERED,
		{ .flags = URG_ACK_FLAGS, .seq = 1, .len = 10 }, .state = TCPX_ESTABLISHED,
		.setup = SETUP_NO_WND,
	}, {
		"window 0 takes no old text", "SEQ_BAD", REANSWERED,
		{ .flags = TCPX_ACK, .seq = -5, .len = 10 }, .state = TCPX_ESTABLISHED,
		.setup = SETUP_NO_WND,
	}, {
		"window 0 takes a FIN alone", "ACK FIN", GO(CLOSE_WAIT, ACT(TAKE_ACK) | TOOK_FIN),
		{ .flags = FIN_ACK_FLAGS }, .state = TCPX_ESTABLISHED, .setup = SETUP_NO_WND,
	}, {
		"window 0 takes no FIN with text", "SEQ_BAD ACK",
		BAD(SEQ_WINDOW, REANSWER | ACT(TAKE_ACK)),
		{ .flags = FIN_ACK_FLAGS, .len = 1 }, .state = TCPX_ESTABLISHED,
		.setup = SETUP_NO_WND,
	}, {
		"window 0 takes no FIN above RCV.NXT", "SEQ_BAD", REANSWERED,
		{ .flags = FIN_ACK_FLAGS, .seq = 1 }, .state = TCPX_ESTABLISHED,
		.setup = SETUP_NO_WND,
	}, {
		"window 0 accepts a bare ACK", "ACK", STAY(ACT(TAKE_ACK)),
		{ .flags = TCPX_ACK }, .state = TCPX_ESTABLISHED, .setup = SETUP_NO_WND,
	},
	/* then the ACK */
	{
		"a bad ACK beats text", "ACK_BAD", CHALLENGED(ACK_RANGE),
		{ .flags = TCPX_ACK, .len = 10, .ack = ACK_UNSENT }, .state = TCPX_ESTABLISHED,
	}, {
		"a bad ACK beats FIN", "ACK_BAD", CHALLENGED(ACK_RANGE),
		{ .flags = FIN_ACK_FLAGS, .ack = ACK_ANCIENT }, .state = TCPX_FIN_WAIT2,
	}, {
		"half-open, full: text is not taken", "ACK", BAD(ACCEPT_FULL, ACT(ENTRY_ACKED)),
		{ .flags = FIN_ACK_FLAGS, .len = 10 }, .state = TCPX_NEW_SYN_RECV,
		.ctx = TCPX_CTX_ACCEPT_FULL,
	},
	/* then URG, text and FIN */
	{
		"all at once", "ACK URG TEXT FIN",
		GO(CLOSE_WAIT, ACT(TAKE_ACK) | ACT(URG) | TOOK_TEXT | TOOK_FIN),
		{ .flags = FIN_ACK_FLAGS | TCPX_URG | TCPX_PSH, .len = 10 },
		.state = TCPX_ESTABLISHED,
	}, {
		"text without URG", "ACK TEXT", STAY(ACT(TAKE_ACK) | TOOK_TEXT),
		{ .flags = TCPX_ACK, .len = 10 }, .state = TCPX_ESTABLISHED,
	}, {
		"text and nothing new acknowledged", "ACK_DUP TEXT",
		STAY(ACT(DUP_ACK) | TOOK_TEXT),
		{ .flags = TCPX_ACK, .len = 10, .ack = ACK_UNA }, .state = TCPX_ESTABLISHED,
	}, {
		"half-open: ACK, text and FIN", "ACK TEXT FIN",
		GO(CLOSE_WAIT, CHILD_ACK | TOOK_TEXT | TOOK_FIN),
		{ .flags = FIN_ACK_FLAGS, .len = 10 }, .state = TCPX_NEW_SYN_RECV,
	}, {
		"simultaneous open: ACK, text and FIN", "ACK TEXT FIN",
		GO(CLOSE_WAIT, ACT(TAKE_ACK) | TOOK_TEXT | TOOK_FIN),
		{ .flags = FIN_ACK_FLAGS, .len = 10 }, .state = TCPX_SYN_RECV,
	}, {
		"old text and a new FIN", "ACK FIN", GO(CLOSE_WAIT, ACT(TAKE_ACK) | TOOK_FIN),
		{ .flags = FIN_ACK_FLAGS, .seq = -10, .len = 10 }, .state = TCPX_ESTABLISHED,
	}, {
		"half-old text and FIN", "ACK TEXT FIN",
		GO(CLOSE_WAIT, ACT(TAKE_ACK) | TOOK_TEXT | TOOK_FIN),
		{ .flags = FIN_ACK_FLAGS, .seq = -5, .len = 10 }, .state = TCPX_ESTABLISHED,
	}, {
		"text and FIN behind a hole", "ACK TEXT_OOO", STAY(ACT(TAKE_ACK) | TOOK_OOO),
		{ .flags = FIN_ACK_FLAGS, .seq = 5, .len = 10 }, .state = TCPX_ESTABLISHED,
	}, {
		"FIN behind a hole", "ACK TEXT_OOO", STAY(ACT(TAKE_ACK) | TOOK_OOO),
		{ .flags = FIN_ACK_FLAGS, .seq = 5 }, .state = TCPX_ESTABLISHED,
	}, {
		"FIN in the last place of the window", "ACK TEXT FIN",
		GO(CLOSE_WAIT, ACT(TAKE_ACK) | TOOK_TEXT | TOOK_FIN),
		{ .flags = FIN_ACK_FLAGS, .len = RCV_WND - 1 }, .state = TCPX_ESTABLISHED,
	}, {
		"FIN at the right edge", "ACK TEXT FIN",
		GO(CLOSE_WAIT, ACT(TAKE_ACK) | TOOK_TEXT | TOOK_FIN),
		{ .flags = FIN_ACK_FLAGS, .len = RCV_WND }, .state = TCPX_ESTABLISHED,
	}, {
		"FIN behind the right edge", "ACK TEXT", STAY(ACT(TAKE_ACK) | TOOK_TEXT),
		{ .flags = FIN_ACK_FLAGS, .len = RCV_WND + 1 }, .state = TCPX_ESTABLISHED,
	}, {
		"text behind the peer's FIN and URG", "ACK URG TEXT",
		BAD(URG_AFTER_FIN, ACT(TAKE_ACK) | ACT(ACK)),
		{ .flags = URG_ACK_FLAGS, .len = 10 }, .state = TCPX_CLOSE_WAIT,
	},
	/* closing down */
	{
		"FIN-WAIT-1: FIN, ours acknowledged", "FIN_ACK",
		GO(TIME_WAIT, ACT(TAKE_ACK) | TOOK_FIN),
		{ .flags = FIN_ACK_FLAGS, .ack = ACK_NXT }, .state = TCPX_FIN_WAIT1,
	}, {
		"FIN-WAIT-1: FIN, ours partly acknowledged", "ACK FIN",
		GO(CLOSING, ACT(TAKE_ACK) | TOOK_FIN),
		{ .flags = FIN_ACK_FLAGS }, .state = TCPX_FIN_WAIT1,
	}, {
		"FIN-WAIT-1: FIN, nothing acknowledged", "ACK_DUP FIN",
		GO(CLOSING, ACT(DUP_ACK) | TOOK_FIN),
		{ .flags = FIN_ACK_FLAGS, .ack = ACK_UNA }, .state = TCPX_FIN_WAIT1,
	}, {
		"FIN-WAIT-1: FIN, ours still queued", "ACK FIN",
		GO(CLOSING, ACT(TAKE_ACK) | TOOK_FIN),
		{ .flags = FIN_ACK_FLAGS, .ack = ACK_NXT }, .state = TCPX_FIN_WAIT1,
		.setup = SETUP_FIN_QUEUED,
	}, {
		"FIN-WAIT-1: ACK of our FIN", "ACK", GO(FIN_WAIT2, ACT(TAKE_ACK)),
		{ .flags = TCPX_ACK, .ack = ACK_NXT }, .state = TCPX_FIN_WAIT1,
	}, {
		"FIN-WAIT-1: text, FIN and ACK of our FIN", "TEXT FIN_ACK",
		GO(TIME_WAIT, ACT(TAKE_ACK) | TOOK_TEXT | TOOK_FIN),
		{ .flags = FIN_ACK_FLAGS, .len = 10, .ack = ACK_NXT }, .state = TCPX_FIN_WAIT1,
	}, {
		"FIN-WAIT-1: all at once", "URG TEXT FIN_ACK",
		GO(TIME_WAIT, ACT(TAKE_ACK) | ACT(URG) | TOOK_TEXT | TOOK_FIN),
		{ .flags = FIN_ACK_FLAGS | TCPX_URG, .len = 10, .ack = ACK_NXT },
		.state = TCPX_FIN_WAIT1,
	}, {
		"window 0: a bad ACK is answered once", "SEQ_BAD ACK_BAD",
		BAD(SEQ_WINDOW, REANSWER),
		{ .flags = TCPX_ACK, .len = 10, .ack = ACK_UNSENT }, .state = TCPX_ESTABLISHED,
		.setup = SETUP_NO_WND,
	}, {
		"FIN-WAIT-1: ACK of our FIN, FIN behind a hole", "ACK TEXT_OOO",
		GO(FIN_WAIT2, ACT(TAKE_ACK) | TOOK_OOO),
		{ .flags = FIN_ACK_FLAGS, .seq = 5, .ack = ACK_NXT }, .state = TCPX_FIN_WAIT1,
	}, {
		"FIN-WAIT-1: ACK of our FIN and text", "ACK TEXT",
		GO(FIN_WAIT2, ACT(TAKE_ACK) | TOOK_TEXT),
		{ .flags = TCPX_ACK, .len = 10, .ack = ACK_NXT }, .state = TCPX_FIN_WAIT1,
	}, {
		"FIN-WAIT-1: FIN of the peer of an orphan", "ACK FIN",
		GO(CLOSING, ACT(TAKE_ACK) | TOOK_FIN),
		{ .flags = FIN_ACK_FLAGS }, .state = TCPX_FIN_WAIT1, .ctx = TCPX_CTX_ORPHAN,
	}, {
		"FIN-WAIT-1: text and FIN for an orphan", "ACK TEXT", LATE_TEXT(ACT(TAKE_ACK)),
		{ .flags = FIN_ACK_FLAGS, .len = 10 }, .state = TCPX_FIN_WAIT1,
		.ctx = TCPX_CTX_ORPHAN,
	}, {
		"FIN-WAIT-2: text and FIN", "TEXT FIN_ACK",
		GO(TIME_WAIT, TOOK_TEXT | TOOK_FIN),
		{ .flags = FIN_ACK_FLAGS, .len = 10 }, .state = TCPX_FIN_WAIT2,
	}, {
		"FIN-WAIT-2: FIN with an old ACK", "ACK_DUP FIN_ACK",
		GO(TIME_WAIT, ACT(DUP_ACK) | TOOK_FIN),
		{ .flags = FIN_ACK_FLAGS, .ack = ACK_OLD }, .state = TCPX_FIN_WAIT2,
	}, {
		"CLOSING: ACK of our FIN", "ACK", GO(TIME_WAIT, ACT(TAKE_ACK)),
		{ .flags = TCPX_ACK, .ack = ACK_NXT }, .state = TCPX_CLOSING,
	}, {
		"LAST-ACK: ACK of our FIN", "ACK", GO(CLOSED, ACT(TAKE_ACK)),
		{ .flags = TCPX_ACK, .ack = ACK_NXT }, .state = TCPX_LAST_ACK,
	}, {
		"TIME-WAIT: bare ACK", "ACK", DROPPED(TIME_WAIT_OLD),
		{ .flags = TCPX_ACK }, .state = TCPX_TIME_WAIT,
	}, {
		"TIME-WAIT: text", "ACK TEXT", REACKED(TEXT_AFTER_FIN),
		{ .flags = TCPX_ACK, .len = 10 }, .state = TCPX_TIME_WAIT,
	}, {
		"TIME-WAIT: PAWS beats FIN", "PAWS", REACKED(PAWS),
		{ .flags = FIN_ACK_FLAGS, .ts = TS_OLDER }, .state = TCPX_TIME_WAIT,
	},
	/* nobody there, a listener, and SYN-SENT */
	{
		"SYN+ACK and FIN to nobody", "SYN_ACK", RESET_R1(CLOSED_PORT),
		{ .flags = SYN_ACK_FLAGS | TCPX_FIN }, .state = TCPX_CLOSED,
	}, {
		"SYN beats no ACK at a listener", "SYN", STAY(ACT(ENTRY_NEW)),
		{ .flags = TCPX_SYN | TCPX_PSH | TCPX_ECE | TCPX_CWR }, .state = TCPX_LISTEN,
	}, {
		"FIN beats text at a listener", "FIN_ACK", RESET_R1(LISTEN_ACK),
		{ .flags = FIN_ACK_FLAGS, .len = 10 }, .state = TCPX_LISTEN,
	}, {
		"SYN-SENT: RST beats SYN+ACK", "RST", REFUSED_RST,
		{ .flags = SYN_RST | TCPX_ACK }, .state = TCPX_SYN_SENT,
	}, {
		"SYN-SENT: RST with a bad ACK is not answered", "RST_OUT", DROPPED(RST_NO_ACK),
		{ .flags = TCPX_RST | TCPX_ACK, .ack = ACK_UNA }, .state = TCPX_SYN_SENT,
	}, {
		"SYN-SENT: a bad ACK beats PAWS", "SYN_ACK", RESET_R1(ACK_UNSENT),
		{ .flags = SYN_ACK_FLAGS, .ack = ACK_UNSENT, .ts = TS_ECHO_LATE },
		.state = TCPX_SYN_SENT,
	}, {
		"SYN-SENT: bad ACK beats text", "SYN_ACK", RESET_R1(ACK_UNSENT),
		{ .flags = SYN_ACK_FLAGS, .len = 10, .ack = ACK_UNSENT },
		.state = TCPX_SYN_SENT,
	}, {
		"SYN-SENT: TSecr of a crossing SYN is not looked at", "SYN",
		GO(SYN_RECV, ACT(SYN_ACK)),
		{ .flags = TCPX_SYN, .ts = TS_ECHO_LATE }, .state = TCPX_SYN_SENT,
	}, {
		"SYN-SENT: SYN+ACK with a good TSecr", "SYN_ACK",
		GO(ESTABLISHED, ACT(TAKE_ACK) | ACT(ACK)),
		{ .flags = SYN_ACK_FLAGS, .ts = TS_SAME }, .state = TCPX_SYN_SENT,
	}, {
		"SYN-SENT: text and FIN in a SYN+ACK", "SYN_ACK TEXT",
		TEXT_IN_SYN(ESTABLISHED, ACT(TAKE_ACK) | ACT(ACK)),
		{ .flags = SYN_ACK_FLAGS | TCPX_FIN, .len = 10 }, .state = TCPX_SYN_SENT,
	}, {
		"SYN-SENT: ACK beats FIN and text", "ACK", DROPPED(ACK_NO_SYN),
		{ .flags = FIN_ACK_FLAGS, .len = 10 }, .state = TCPX_SYN_SENT,
	},
};

static void story_name(const struct story *s, char *desc)
{
	strscpy(desc, s->what, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(story, stories, story_name);

static void story_judge(struct kunit *test, const struct story *s,
			unsigned int base, const struct tcpx_verdict *v)
{
	char log[LOG_SIZE];
	u8 next = s->want.next ?: s->state;

	events_log(v, log);
	KUNIT_EXPECT_STREQ_MSG(test, log, s->events, "base %u", base);
	KUNIT_EXPECT_EQ_MSG(test, v->state, next, "%s -> %s, base %u", log,
			    tcpx_state_name(v->state), base);
	KUNIT_EXPECT_EQ_MSG(test, v->acts, s->want.acts, "%s, base %u", log, base);
	KUNIT_EXPECT_STREQ_MSG(test, tcpx_reason_name(v->reason),
			       tcpx_reason_name(s->want.reason), "%s, base %u", log,
			       base);
	KUNIT_EXPECT_EQ_MSG(test, v->err, s->want.err, "base %u", base);
}

static void tcpx_fsm_segment__order(struct kunit *test)
{
	const struct story *s = test->param_value;
	struct tcpx_verdict v;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bases); i++) {
		segment_try(s->state, &bases[i], s->setup, s->ctx, &s->seg, &v);
		cells_note(&v);
		story_judge(test, s, i, &v);
	}
}

/* ---- transitions ---- */

/*
 * RFC 9293 figure 5, its notes, and "RST, abort, timeout: any -> CLOSED".
 * SYN-RECEIVED is two states here. What we leave out: LISTEN -> SYN-SENT (send()
 * on a listener is refused); NEW_SYN_RECV -> LISTEN and -> FIN-WAIT-1 (an entry
 * ends in CLOSED and nobody can close() it). What we have besides: a FIN with
 * the ACK of our SYN leads from SYN-RECEIVED to CLOSE-WAIT at once, as
 * RFC 9293 3.10.7.4, eighth, says and the figure does not.
 */
static const u16 figure[TCPX_NSTATES] = {
	[TCPX_CLOSED] = TO(LISTEN) | TO(SYN_SENT),
	[TCPX_LISTEN] = TO(CLOSED),
	[TCPX_SYN_SENT] = TO(CLOSED) | TO(SYN_RECV) | TO(ESTABLISHED),
	[TCPX_NEW_SYN_RECV] = TO(CLOSED) | TO(ESTABLISHED) | TO(CLOSE_WAIT),
	[TCPX_SYN_RECV] = TO(CLOSED) | TO(ESTABLISHED) | TO(FIN_WAIT1) | TO(CLOSE_WAIT),
	[TCPX_ESTABLISHED] = TO(CLOSED) | TO(FIN_WAIT1) | TO(CLOSE_WAIT),
	[TCPX_FIN_WAIT1] = TO(CLOSED) | TO(FIN_WAIT2) | TO(CLOSING) | TO(TIME_WAIT),
	[TCPX_FIN_WAIT2] = TO(CLOSED) | TO(TIME_WAIT),
	[TCPX_CLOSE_WAIT] = TO(CLOSED) | TO(LAST_ACK),
	[TCPX_CLOSING] = TO(CLOSED) | TO(TIME_WAIT),
	[TCPX_LAST_ACK] = TO(CLOSED),
	[TCPX_TIME_WAIT] = TO(CLOSED),
};

/* LISTEN -> SYN-RECEIVED: the listener stays, an entry is born beside it. */
static const u16 figure_either[TCPX_NSTATES] = {
	[TCPX_LISTEN] = TO(NEW_SYN_RECV),
};

static void tcpx_fsm_allows__figure(struct kunit *test)
{
	u8 from, to;

	for (from = 1; from < TCPX_NSTATES; from++)
		for (to = 1; to < TCPX_NSTATES; to++)
			if (figure[from] & 1U << to)
				KUNIT_EXPECT_TRUE_MSG(test,
						      tcpx_fsm_allows(from, to),
						      "%s -> %s",
						      tcpx_state_name(from),
						      tcpx_state_name(to));
}

static void tcpx_fsm_allows__nothing_else(struct kunit *test)
{
	u8 from, to;

	for (from = 1; from < TCPX_NSTATES; from++)
		for (to = 1; to < TCPX_NSTATES; to++)
			if (from != to && !((figure[from] | figure_either[from]) & 1U << to))
				KUNIT_EXPECT_FALSE_MSG(test,
						       tcpx_fsm_allows(from, to),
						       "%s -> %s",
						       tcpx_state_name(from),
						       tcpx_state_name(to));
}

static void tcpx_fsm_allows__unknown_states(struct kunit *test)
{
	static const u8 unknown[] = { 0, TCPX_NSTATES, 31, 32, 64, 255 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(unknown); i++) {
		KUNIT_EXPECT_FALSE_MSG(test,
				       tcpx_fsm_allows(TCPX_ESTABLISHED, unknown[i]),
				       "to %u", unknown[i]);
		KUNIT_EXPECT_FALSE_MSG(test,
				       tcpx_fsm_allows(unknown[i], TCPX_CLOSED),
				       "from %u", unknown[i]);
	}
}

/* A transition is allowed where, and only where, some cell declares it. */
static void tcpx_fsm_allows__as_cells_declare(struct kunit *test)
{
	struct tcpx_cell_info info;
	u8 state, event, to;
	u32 next;

	for (state = 1; state < TCPX_NSTATES; state++) {
		next = 0;
		for (event = 0; event < TCPX_NEVENTS; event++) {
			tcpx_fsm_cell(state, event, &info);
			if (info.possible)
				next |= info.next;
		}
		for (to = 1; to < TCPX_NSTATES; to++)
			if (to != state)
				KUNIT_EXPECT_EQ_MSG(test, !!(next & 1U << to),
						    tcpx_fsm_allows(state, to),
						    "%s -> %s",
						    tcpx_state_name(state),
						    tcpx_state_name(to));
	}
}

/* ---- the table as a reader sees it ---- */

static void tcpx_fsm_cell__is_well_formed(struct kunit *test)
{
	const u32 states = (1U << TCPX_NSTATES) - 2;
	struct tcpx_cell_info info;
	u16 id;

	for (id = 1; id < TCPX_NCELLS; id++) {
		if (!(id % TCPX_NSTATES))
			continue;
		tcpx_fsm_cell(id % TCPX_NSTATES, id / TCPX_NSTATES, &info);
		KUNIT_EXPECT_TRUE_MSG(test, info.handler && info.rfc, "cell %u", id);
		if (!info.possible)
			continue;
		KUNIT_EXPECT_TRUE_MSG(test, info.rfc && info.rfc[0], "cell %u", id);
		KUNIT_EXPECT_NE_MSG(test, info.next & states, 0U, "cell %u", id);
		KUNIT_EXPECT_EQ_MSG(test, info.next & ~states, 0U, "cell %u", id);
		KUNIT_EXPECT_EQ_MSG(test, info.acts >> TCPX_NACTS, 0U, "cell %u", id);
		KUNIT_EXPECT_TRUE_MSG(test, info.reason < TCPX_NREASONS, "cell %u", id);
	}
}

static void tcpx_fsm_cell__outside_the_table(struct kunit *test)
{
	static const u8 cells[][2] = {
		{ 0, TCPX_EV_ACK }, { TCPX_NSTATES, TCPX_EV_ACK }, { 255, 255 },
		{ TCPX_ESTABLISHED, TCPX_NEVENTS }, { TCPX_ESTABLISHED, 255 },
	};
	struct tcpx_cell_info info;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cells); i++) {
		memset(&info, 0xa5, sizeof(info));
		tcpx_fsm_cell(cells[i][0], cells[i][1], &info);
		KUNIT_EXPECT_FALSE_MSG(test, info.possible, "%u, %u",
				       cells[i][0], cells[i][1]);
	}
}

static const struct {
	u8 nr;
	const char *name;
} states[TCPX_NSTATES] = {
#define X(id, ...)							\
	[TCPX_##id] = { __VA_ARGS__ },
	TCPX_STATE_LIST(X)
#undef X
};

static const struct {
	const char *name;
	const char *text;
	const char *rfc;
} reasons[] = {
#define X(id, ...)							\
	[TCPX_R_##id] = { __VA_ARGS__ },
	TCPX_REASON_LIST(X)
#undef X
};

static void tcpx_state_name__as_listed(struct kunit *test)
{
	u8 state;

	for (state = 1; state < TCPX_NSTATES; state++)
		KUNIT_EXPECT_STREQ_MSG(test, tcpx_state_name(state),
				       states[state].name, "state %u", state);
	KUNIT_EXPECT_TRUE(test, !!tcpx_state_name(0));
	KUNIT_EXPECT_TRUE(test, !!tcpx_state_name(255));
}

static void tcpx_event_name__as_listed(struct kunit *test)
{
	u8 event;

	for (event = 0; event < TCPX_NEVENTS; event++)
		KUNIT_EXPECT_STREQ_MSG(test, tcpx_event_name(event),
				       events[event].name, "event %u", event);
	KUNIT_EXPECT_TRUE(test, !!tcpx_event_name(255));
}

static void tcpx_reason_name__as_listed(struct kunit *test)
{
	u8 r;

	for (r = 0; r < TCPX_NREASONS; r++) {
		KUNIT_EXPECT_STREQ_MSG(test, tcpx_reason_name(r),
				       reasons[r].name, "reason %u", r);
		KUNIT_EXPECT_STREQ_MSG(test, tcpx_reason_text(r),
				       reasons[r].text, "reason %u", r);
		KUNIT_EXPECT_STREQ_MSG(test, tcpx_reason_rfc(r),
				       reasons[r].rfc, "reason %u", r);
	}
	KUNIT_EXPECT_TRUE(test, !!tcpx_reason_name(255));
	KUNIT_EXPECT_TRUE(test, !!tcpx_reason_text(255));
	KUNIT_EXPECT_TRUE(test, !!tcpx_reason_rfc(255));
}

/* ---- any event, in any circumstances ---- */

static void event_judge(struct kunit *test, u8 event, u32 ctx,
			const struct tcpx_tcb *tcb, const struct tcpx_verdict *v)
{
	struct tcpx_cell_info info;
	bool moved = v->state != tcb->state;

	tcpx_fsm_cell(tcb->state, event, &info);
	KUNIT_ASSERT_TRUE_MSG(test,
			      (!moved || (info.next & 1U << v->state &&
					  tcpx_fsm_allows(tcb->state, v->state))) &&
			      !(v->acts & ~info.acts & ~ACT(DROP)) &&
			      (info.possible || !moved) &&
			      (v->reason || !(v->acts & ACT(DROP))) &&
			      (v->err || !(v->acts & (ACT(ERR) | ACT(SOFT_ERR)))),
			      "%s in %s, ctx %#x: %#x -> %s, reason %u, err %u",
			      tcpx_event_name(event), tcpx_state_name(tcb->state),
			      ctx, v->acts, tcpx_state_name(v->state), v->reason,
			      v->err);
}

static void tcpx_fsm_event__any_ctx(struct kunit *test)
{
	const u32 ctxs = TCPX_CTX_LISTENER << 1;
	struct tcpx_verdict v;
	struct tcpx_tcb tcb;
	u8 state, event;
	u32 ctx;

	for (state = 1; state < TCPX_NSTATES; state++) {
		tcb_make(&tcb, state, &bases[0]);
		for (event = 0; event < TCPX_NEVENTS; event++) {
			if (event >= TCPX_EV_SYN && event <= TCPX_EV_PAWS)
				continue;
			for (ctx = 0; ctx < ctxs; ctx++) {
				verdict_spoil(&v);
				tcpx_fsm_event(&tcb, ctx, event, ECONNABORTED, &v);
				event_judge(test, event, ctx, &tcb, &v);
				cells_witness(&v);
			}
		}
	}
}

static void tcpx_fsm_event__outside_the_table(struct kunit *test)
{
	static const u8 cells[][2] = {
		{ 0, TCPX_EV_CLOSE }, { TCPX_NSTATES, TCPX_EV_CLOSE },
		{ 255, TCPX_EV_CLOSE }, { TCPX_ESTABLISHED, TCPX_NEVENTS },
		{ TCPX_ESTABLISHED, 255 },
	};
	struct tcpx_verdict v;
	struct tcpx_tcb tcb;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cells); i++) {
		tcb = (struct tcpx_tcb){ .state = cells[i][0] };
		verdict_spoil(&v);
		tcpx_fsm_event(&tcb, 0, cells[i][1], 0, &v);
		KUNIT_EXPECT_EQ_MSG(test, v.acts & ~ACT(DROP), 0U, "%u, %u",
				    cells[i][0], cells[i][1]);
		KUNIT_EXPECT_EQ_MSG(test, v.state, tcb.state, "%u, %u",
				    cells[i][0], cells[i][1]);
	}
}

/* ---- any segment, on any connection ---- */

#ifndef SAMPLES
#define SAMPLES		200000
#endif

static void law_name(const struct law *law, char *desc)
{
	strscpy(desc, law->what, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(law, laws, law_name);

static void tcpx_fsm_segment__always(struct kunit *test)
{
	const struct law *law = test->param_value;
	struct sample s = { .dice = 253 };
	char text[SAMPLE_TEXT];

	while (s.nr < SAMPLES) {
		sample_next(&s);
		cells_witness(&s.v);
		KUNIT_ASSERT_TRUE_MSG(test, law->holds(&s), "sample %u: %s", s.nr,
				      sample_text(&s, text, sizeof(text)));
	}
}

/* ---- have we been everywhere? ---- */

/* Last in the suite: they look at what the cases above have left behind. */
static void tcpx_fsm_cell__all_executed(struct kunit *test)
{
	u16 id, count = 0;

	for (id = 0; id < TCPX_NCELLS; id++)
		count += seen[id];
	if (!count)
		kunit_skip(test, "no cell was tried before");
	for (id = 0; id < TCPX_NCELLS; id++)
		if (id % TCPX_NSTATES)
			KUNIT_EXPECT_TRUE_MSG(test, seen[id], "%s in %s (%u)",
					      tcpx_event_name(id / TCPX_NSTATES),
					      tcpx_state_name(id % TCPX_NSTATES),
					      id % TCPX_NSTATES);
	KUNIT_EXPECT_EQ(test, count, (TCPX_NSTATES - 1) * TCPX_NEVENTS);
}

/* A cell promises nothing that no verdict has ever kept. */
static void tcpx_fsm_cell__declares_no_more(struct kunit *test)
{
	struct tcpx_cell_info info;
	const struct witness *w;
	u16 id;

	for (id = 0; id < TCPX_NCELLS; id++) {
		w = &witnesses[id];
		tcpx_fsm_cell(id % TCPX_NSTATES, id / TCPX_NSTATES, &info);
		if (!seen[id] || !info.possible)
			continue;
		KUNIT_EXPECT_EQ_MSG(test, info.acts & ~w->acts, 0U, "cell %u: %s in %s",
				    id, tcpx_event_name(id / TCPX_NSTATES),
				    tcpx_state_name(id % TCPX_NSTATES));
		KUNIT_EXPECT_EQ_MSG(test, info.next & ~w->next, 0U, "cell %u: %s in %s",
				    id, tcpx_event_name(id / TCPX_NSTATES),
				    tcpx_state_name(id % TCPX_NSTATES));
		KUNIT_EXPECT_TRUE_MSG(test,
				      info.reason ? w->reasons & 1ULL << info.reason :
						    !w->refuses,
				      "cell %u: %s in %s never gives %s", id,
				      tcpx_event_name(id / TCPX_NSTATES),
				      tcpx_state_name(id % TCPX_NSTATES),
				      tcpx_reason_name(info.reason));
	}
}

static struct kunit_case tcpx_fsm_cases[] = {
	KUNIT_CASE_PARAM(tcpx_fsm_event__row, event_row_gen_params),
	KUNIT_CASE(tcpx_fsm_event__any_ctx),
	KUNIT_CASE(tcpx_fsm_event__outside_the_table),
	KUNIT_CASE_PARAM(tcpx_fsm_segment__row, segment_row_gen_params),
	KUNIT_CASE_PARAM(tcpx_fsm_segment__order, story_gen_params),
	KUNIT_CASE_PARAM(tcpx_fsm_segment__always, law_gen_params),
	KUNIT_CASE(tcpx_fsm_allows__figure),
	KUNIT_CASE(tcpx_fsm_allows__nothing_else),
	KUNIT_CASE(tcpx_fsm_allows__unknown_states),
	KUNIT_CASE(tcpx_fsm_allows__as_cells_declare),
	KUNIT_CASE(tcpx_fsm_cell__has_a_row),
	KUNIT_CASE(tcpx_fsm_cell__is_well_formed),
	KUNIT_CASE(tcpx_fsm_cell__outside_the_table),
	KUNIT_CASE(tcpx_state_name__as_listed),
	KUNIT_CASE(tcpx_event_name__as_listed),
	KUNIT_CASE(tcpx_reason_name__as_listed),
	KUNIT_CASE(tcpx_fsm_cell__all_executed),
	KUNIT_CASE(tcpx_fsm_cell__declares_no_more),
	{}
};

static struct kunit_suite tcpx_fsm_suite = {
	.name = "tcpx_fsm",
	.test_cases = tcpx_fsm_cases,
};

kunit_test_suites(&tcpx_fsm_suite);
