// SPDX-License-Identifier: GPL-2.0
/*
 * The state machine of tcpx: what to do when something happens to a connection.
 *
 * tcpx_table below is the only place where a state changes. Its rows are the
 * events, its columns the states. A cell is data: the state it leads to, the
 * actions it orders, the reason it gives, the clause it follows. Where one bit
 * of the segment or of the situation decides, the cell names a handler, and its
 * data says between what the handler may choose.
 *
 * The file owns that table, the classification of segments into events and
 * nothing else: it keeps no state between calls and calls nobody.
 */
#include "tcpx_proto.h"

#define TCPX_STAY 0	/* as a next state: the connection stays where it is */

/**
 * struct tcpx_order - what a cell orders
 * @acts: mask of enum tcpx_act
 * @state: the state afterwards, or TCPX_STAY
 * @reason: enum tcpx_reason
 * @err: positive errno for the user, or 0
 */
struct tcpx_order {
	u32 acts;
	u8 state;
	u8 reason;
	u8 err;
};

struct tcpx_input;

/**
 * struct tcpx_cell - a cell of the table
 * @decide: chooses, if the data alone does not decide
 * @name: name of @decide
 * @rfc: the clause that the cell follows, or why it cannot happen
 * @order: what is done; with @decide all the actions that it may order, and the
 *	reason and errno that it gives when it refuses
 * @next: mask of the states that the cell may lead to, bit TCPX_STAY included
 * @possible: false if the event cannot happen in that state
 */
struct tcpx_cell {
	struct tcpx_order (*decide)(const struct tcpx_input *in);
	const char *name;
	const char *rfc;
	struct tcpx_order order;
	u16 next;
	bool possible;
};

/**
 * struct tcpx_input - what a cell decides from, and for whom
 * @tcb: the connection's variables
 * @seg: the segment, or &no_seg
 * @cell: the cell that is being applied
 * @v: the verdict so far
 * @ctx: mask of enum tcpx_ctx
 * @err: the errno of an ICMP error
 */
struct tcpx_input {
	const struct tcpx_tcb *tcb;
	const struct tcpx_seg *seg;
	const struct tcpx_cell *cell;
	struct tcpx_verdict *v;
	u32 ctx;
	u8 err;
};

/* The segment of events that are not segments. */
static const struct tcpx_seg no_seg;

#define DO(id)	((u32)TCPX_ACT_##id)
#define TO(id)	(1U << TCPX_##id)

/* What ends a connection for its user, its peer or its listener */
#define ACTS_OF_THE_END	(DO(ERR) | DO(RST) | DO(ENTRY_FREE))

static inline struct tcpx_order order(u32 acts, u8 state, u8 reason)
{
	return (struct tcpx_order){ .acts = acts, .state = state, .reason = reason };
}

/* The cell's refusal: of what it may do @acts, give its reason, stay. */
static inline struct tcpx_order refuse(const struct tcpx_input *in, u32 acts)
{
	return order(acts, TCPX_STAY, in->cell->order.reason);
}

/* SEG.ACK in (SND.UNA, SND.NXT], RFC 9293 3.4 */
static inline bool ack_new(const struct tcpx_tcb *tcb, u32 ack)
{
	return ack - tcb->snd_una - 1 < tcb->snd_nxt - tcb->snd_una;
}

static inline bool ack_covers_fin(const struct tcpx_tcb *tcb, u32 ack)
{
	return (tcb->flags & TCPX_TCB_FIN) && ack == tcb->snd_nxt;
}

/* RCV.NXT =< seq < RCV.NXT+RCV.WND */
static inline bool in_window(const struct tcpx_tcb *tcb, u32 seq)
{
	return seq - tcb->rcv_nxt < tcb->rcv_wnd;
}

/* RFC 7323 3.2: TSecr repeats a TSval that the other side has received. */
static inline bool tsecr_unsent(const struct tcpx_tcb *tcb, const struct tcpx_seg *seg)
{
	return (tcb->flags & TCPX_TCB_TS) && (seg->opt.bits & TCPX_OPT_TS) &&
	       !tcpx_between(seg->opt.tsecr, tcb->ts_first, tcb->ts_last);
}

/* RFC 7323 5.3 R1 and 5.5: older than TS.Recent, unless that is outdated itself */
static inline bool tsval_old(const struct tcpx_input *in)
{
	return (in->tcb->flags & TCPX_TCB_TS) && (in->seg->opt.bits & TCPX_OPT_TS) &&
	       !(in->ctx & TCPX_CTX_TS_STALE) &&
	       tcpx_before(in->seg->opt.tsval, in->tcb->ts_recent);
}

/* Nothing is done to a connection by what cannot happen to it. */
static struct tcpx_order never(const struct tcpx_input *in)
{
	struct tcpx_order o = order(DO(DROP), TCPX_STAY, TCPX_R_STATE);

	if (in->seg == &no_seg)
		o.acts = 0;
	o.err = EINVAL;
	return o;
}

/* RFC 9293 3.10.3: end of stream after a connection, an error without one. */
static struct tcpx_order closed_receive(const struct tcpx_input *in)
{
	if (in->ctx & TCPX_CTX_DONE)
		return order(DO(EOF), TCPX_STAY, TCPX_R_NONE);
	return (struct tcpx_order){ .reason = TCPX_R_STATE, .err = ENOTCONN };
}

/* RFC 2525 2.17: closing with unread data tells the peer by RST. */
static struct tcpx_order close_unread(const struct tcpx_input *in)
{
	const struct tcpx_order *o = &in->cell->order;

	if (in->ctx & TCPX_CTX_UNREAD)
		return order(DO(RST), TCPX_CLOSED, TCPX_R_UNREAD);
	return order(o->acts & ~DO(RST), o->state, TCPX_R_NONE);
}

/* RFC 9293 3.10.7.2: a SYN opens. Together with FIN it opens nothing. */
static struct tcpx_order listen_syn(const struct tcpx_input *in)
{
	if (in->seg->flags & TCPX_FIN)
		return order(DO(DROP), TCPX_STAY, TCPX_R_SYN_FIN);
	if (in->ctx & TCPX_CTX_ACCEPT_FULL)
		return refuse(in, DO(DROP));
	return order(DO(ENTRY_NEW), TCPX_STAY, TCPX_R_NONE);
}

/* RFC 9293 3.10.7.2: nothing was sent that could be acknowledged, but for cookies. */
static struct tcpx_order listen_ack(const struct tcpx_input *in)
{
	if (!(in->ctx & TCPX_CTX_COOKIE))
		return refuse(in, DO(RST_SEQ) | DO(DROP));
	return order(DO(ENTRY_COOKIE), TCPX_STAY, TCPX_R_NONE);
}

/* RFC 9293 3.10.7.3: the SYN-ACK must acknowledge our SYN; if not, reset it. */
static struct tcpx_order syn_sent_syn_ack(const struct tcpx_input *in)
{
	if (!ack_new(in->tcb, in->seg->ack))
		return refuse(in, DO(RST_SEQ) | DO(DROP));
	return order(DO(TAKE_ACK) | DO(ACK), TCPX_ESTABLISHED, TCPX_R_NONE);
}

/* The SYN is taken by now: what comes with it is left, the state it led to stays. */
static struct tcpx_order syn_sent_rest(const struct tcpx_input *in)
{
	return refuse(in, DO(DROP));
}

/* RFC 9293 3.10.7.4: the SYN again gets the SYN-ACK again, another SYN a challenge. */
static struct tcpx_order half_open_syn(const struct tcpx_input *in)
{
	if (in->seg->seq == in->tcb->irs)
		return order(DO(SYN_ACK), TCPX_STAY, TCPX_R_NONE);
	return refuse(in, DO(CHALLENGE) | DO(DROP));
}

/* RFC 9293 3.10.7.4: a new SYN in the window returns a passive open to LISTEN. */
static struct tcpx_order entry_syn(const struct tcpx_input *in)
{
	if (in->seg->seq == in->tcb->irs || in->ctx & TCPX_CTX_SYN_STRICT ||
	    !in_window(in->tcb, in->seg->seq))
		return half_open_syn(in);
	return order(DO(ENTRY_FREE) | DO(DROP), TCPX_CLOSED, TCPX_R_SYN_HALF_OPEN);
}

/* RFC 9293 3.10.7.4: the ACK completes the handshake if accept() has room. */
static struct tcpx_order entry_ack(const struct tcpx_input *in)
{
	if (in->ctx & TCPX_CTX_DEFER && in->seg->end == in->tcb->irs + 1)
		return order(DO(ENTRY_ACKED) | DO(DROP), TCPX_STAY, TCPX_R_DEFERRED);
	if (!(in->ctx & TCPX_CTX_ACCEPT_FULL))
		return order(DO(CHILD) | DO(TAKE_ACK), TCPX_ESTABLISHED, TCPX_R_NONE);
	if (in->ctx & TCPX_CTX_ABORT_FULL)
		return order(DO(RST_SEQ) | DO(ENTRY_FREE) | DO(DROP), TCPX_CLOSED,
			     TCPX_R_ACCEPT_FULL);
	return order(DO(ENTRY_ACKED) | DO(DROP), TCPX_STAY, TCPX_R_ACCEPT_FULL);
}

/* RFC 9293 3.5.2 group 2: RST for a bad ACK; what fits both ways is the ACK. */
static struct tcpx_order entry_syn_ack(const struct tcpx_input *in)
{
	if (!ack_new(in->tcb, in->seg->ack))
		return order(DO(RST_SEQ) | DO(DROP), TCPX_STAY, TCPX_R_ACK_HALF_OPEN);
	if (in->seg->seq == in->tcb->irs)
		return entry_ack(in);
	return refuse(in, DO(CHALLENGE) | DO(DROP));
}

/* RFC 9293 figure 7: crossing SYNs end with crossing SYN-ACKs. */
static struct tcpx_order syn_recv_syn_ack(const struct tcpx_input *in)
{
	if (in->seg->seq != in->tcb->irs || !ack_new(in->tcb, in->seg->ack))
		return refuse(in, DO(CHALLENGE) | DO(DROP));
	return order(DO(TAKE_ACK), TCPX_ESTABLISHED, TCPX_R_NONE);
}

/* RFC 9293 3.10.7.4, RFC 5961 3.2: a RST that acknowledges must do so rightly. */
static struct tcpx_order entry_rst(const struct tcpx_input *in)
{
	if (in->seg->flags & TCPX_ACK && !ack_new(in->tcb, in->seg->ack))
		return order(DO(CHALLENGE) | DO(DROP), TCPX_STAY,
			     TCPX_R_ACK_HALF_OPEN);
	return order(DO(ENTRY_FREE), TCPX_CLOSED, TCPX_R_RESET);
}

/* RFC 7323 5.3 and 3.2: both are refused alike, for two reasons. */
static struct tcpx_order half_open_paws(const struct tcpx_input *in)
{
	return order(DO(CHALLENGE) | DO(DROP), TCPX_STAY,
		     tsval_old(in) ? TCPX_R_PAWS : TCPX_R_TSECR);
}

/* RFC 9293 3.10.7.4: the state ends when our FIN is acknowledged. */
static struct tcpx_order fin_acked(const struct tcpx_input *in)
{
	if (ack_covers_fin(in->tcb, in->seg->ack))
		return in->cell->order;
	return order(DO(TAKE_ACK), TCPX_STAY, TCPX_R_NONE);
}

/*
 * RFC 9293 3.10.7.4: an unacceptable segment gets an ACK. One that occupies no
 * sequence number may be such an ACK itself: limit those, or two ends that
 * disagree never stop. The limit hits empty probes (SEG.SEQ == RCV.NXT - 1), too:
 * who sends them backs off until they are further apart. Retransmissions and
 * probes with text (3.8.6.1) are always answered: an attacker who uses up the
 * limit must not silence us.
 */
static struct tcpx_order synced_seq_bad(const struct tcpx_input *in)
{
	bool empty = in->seg->end == in->seg->seq;

	return refuse(in, (empty ? DO(CHALLENGE) : DO(ACK)) | DO(DROP));
}

/* RFC 1122 4.2.2.13: text that nobody can read any more gets a RST. */
static struct tcpx_order orphan_text(const struct tcpx_input *in)
{
	u32 late = DO(RST_SEQ) | DO(DROP);

	if (in->ctx & TCPX_CTX_ORPHAN && in->seg->len)
		return order(late, TCPX_CLOSED, TCPX_R_TEXT_AFTER_CLOSE);
	return order(in->cell->order.acts & ~late, TCPX_STAY, TCPX_R_NONE);
}

/* RFC 6191 2: newer by timestamp, or by sequence number where that cannot tell */
static bool syn_is_newer(const struct tcpx_tcb *tcb, const struct tcpx_seg *seg)
{
	bool ts = (tcb->flags & TCPX_TCB_TS) && (seg->opt.bits & TCPX_OPT_TS);

	if (ts && seg->opt.tsval != tcb->ts_recent)
		return tcpx_after(seg->opt.tsval, tcb->ts_recent);
	return tcpx_after(seg->seq, tcb->rcv_nxt);
}

/* RFC 9293 3.10.7.4, MAY-2: a newer SYN may reopen. With FIN it opens nothing. */
static struct tcpx_order time_wait_syn(const struct tcpx_input *in)
{
	if ((in->ctx & TCPX_CTX_LISTENER) && !(in->seg->flags & TCPX_FIN) &&
	    syn_is_newer(in->tcb, in->seg))
		return order(DO(REOPEN), TCPX_CLOSED, TCPX_R_NONE);
	return refuse(in, DO(ACK) | DO(DROP));
}

/* All is acknowledged: an ACK tells nothing, what comes with it has its own cell. */
static struct tcpx_order time_wait_ack(const struct tcpx_input *in)
{
	if (in->seg->end != in->seg->seq || (in->seg->flags & TCPX_URG))
		return order(0, TCPX_STAY, TCPX_R_NONE);
	return in->cell->order;
}

/* RFC 1337 3, fix F1: on request a RST does not end TIME-WAIT. */
static struct tcpx_order time_wait_rst(const struct tcpx_input *in)
{
	if (in->ctx & TCPX_CTX_RFC1337)
		return order(DO(DROP), TCPX_STAY, TCPX_R_RST_TIME_WAIT);
	return order(0, TCPX_CLOSED, TCPX_R_RESET);
}

/* RFC 9293 3.10.7.4: the peer's FIN again means that it did not get our ACK. */
static struct tcpx_order time_wait_seq_bad(const struct tcpx_input *in)
{
	if ((in->seg->flags & TCPX_FIN) && in->seg->end == in->tcb->rcv_nxt)
		return order(DO(ACK) | DO(RESTART_2MSL) | DO(DROP), TCPX_STAY,
			     TCPX_R_FIN_AGAIN);
	return refuse(in, DO(ACK) | DO(DROP));
}

/* RFC 9293 3.8.3: go on until the limit, then tell and end. */
static struct tcpx_order until_limit(const struct tcpx_input *in)
{
	struct tcpx_order o = in->cell->order;

	if (!(in->ctx & TCPX_CTX_LIMIT))
		return order(o.acts & ~ACTS_OF_THE_END, TCPX_STAY, TCPX_R_NONE);
	o.acts &= ACTS_OF_THE_END;
	o.state = TCPX_CLOSED;
	return o;
}

/* RFC 9293 3.8.6.1: as any timer, but where nobody is left nobody is told. */
static struct tcpx_order persist_until_limit(const struct tcpx_input *in)
{
	struct tcpx_order o = until_limit(in);

	if (in->ctx & TCPX_CTX_ORPHAN) {
		o.acts &= ~DO(ERR);
		o.err = 0;
	}
	return o;
}

/* RFC 9293 3.9.2.2: the errno is the caller's, who has read the ICMP message. */
static struct tcpx_order icmp_error(const struct tcpx_input *in)
{
	struct tcpx_order o = in->cell->order;

	o.err = in->err;
	return o;
}

/* The kinds of cells. STAY: do @acts and stay. */
#define STAY(a, r, clause) {							\
	.order = { .acts = (a), .reason = TCPX_R_##r },				\
	.next = TO(STAY), .rfc = (clause), .possible = true }

/* Do @acts and go to a state. */
#define GO(s, a, r, clause) {							\
	.order = { .acts = (a), .state = TCPX_##s, .reason = TCPX_R_##r },	\
	.next = TO(s), .rfc = (clause), .possible = true }

/* Do @acts, report the errno and go to CLOSED. */
#define DIE(a, r, e, clause) {							\
	.order = { .acts = DO(ERR) | (a), .state = TCPX_CLOSED,			\
		   .reason = TCPX_R_##r, .err = (e) },				\
	.next = TO(CLOSED), .rfc = (clause), .possible = true }

/* Refuse a call with an errno. */
#define FAIL(e, clause) {							\
	.order = { .reason = TCPX_R_STATE, .err = (e) },			\
	.next = TO(STAY), .rfc = (clause), .possible = true }

/* Let a handler choose among the states of @mask and the actions of @a. */
#define ASK(fn, s, mask, a, r, clause) {					\
	.decide = fn, .name = #fn,						\
	.order = { .acts = (a), .state = TCPX_##s, .reason = TCPX_R_##r },	\
	.next = (mask), .rfc = (clause), .possible = true }

/* Do @acts until a limit is reached, then report the errno and go to CLOSED. */
#define UNTIL(fn, a, r, e, clause) {						\
	.decide = fn, .name = #fn,						\
	.order = { .acts = (a), .reason = TCPX_R_##r, .err = (e) },		\
	.next = TO(STAY) | TO(CLOSED), .rfc = (clause), .possible = true }

/* This cannot happen, and why. */
#define NEVER(why)	{ .decide = never, .rfc = (why) }

/* The columns of cells that are the same: */

/* no connection yet */
#define NO_TCB(...)								\
	[TCPX_CLOSED] = __VA_ARGS__, [TCPX_LISTEN] = __VA_ARGS__

/* half open */
#define HALF_OPEN(...)								\
	[TCPX_NEW_SYN_RECV] = __VA_ARGS__, [TCPX_SYN_RECV] = __VA_ARGS__

/* our FIN is out, the peer's is not in */
#define FIN_WAITS(...)								\
	[TCPX_FIN_WAIT1] = __VA_ARGS__, [TCPX_FIN_WAIT2] = __VA_ARGS__

/* both FINs are out */
#define ENDING(...)								\
	[TCPX_CLOSING] = __VA_ARGS__, [TCPX_LAST_ACK] = __VA_ARGS__

/* the peer's FIN is in, TIME-WAIT left out */
#define FIN_TAKEN(...)								\
	[TCPX_CLOSE_WAIT] = __VA_ARGS__, ENDING(__VA_ARGS__)

/* all synchronized states but TIME-WAIT */
#define SYNCED(...)								\
	[TCPX_ESTABLISHED] = __VA_ARGS__, FIN_WAITS(__VA_ARGS__), FIN_TAKEN(__VA_ARGS__)

#define LISTEN_FOR_ACK								\
	[TCPX_LISTEN] = ASK(listen_ack, STAY, TO(STAY),				\
			    DO(ENTRY_COOKIE) | DO(RST_SEQ) | DO(DROP), LISTEN_ACK,	\
			    "RFC 9293 3.10.7.2, RFC 4987 3.6")

#define NOT_A_SOCKET	NEVER("no socket in this state takes that call")
#define NO_TIMER	NEVER("no such timer runs in this state")
#define SEE_RST_OUT	NEVER("without a TCB a RST is RST outside")
#define SEE_ACK		NEVER("without a TCB an ACK is ACK, text or FIN+ACK")
#define NO_WINDOW	NEVER("no window yet")
#define ALL_ACKED	NEVER("all that was sent is acknowledged")
#define FIN_UNSENT	NEVER("our FIN is not sent in this state")

/*
 * The table of RFC 9293 3.10 with what RFC 1122, 1337, 2525, 5927, 5961, 6191
 * and 7323 add. What the SYN-RECEIVED columns say about URG, text and FIN is said
 * about the connection that the ACK of the same segment has completed. A cell
 * that refuses a segment orders DROP and gives a reason.
 */
static const struct tcpx_cell tcpx_table[TCPX_NEVENTS][TCPX_NSTATES] = {
	[TCPX_EV_OPEN_PASSIVE] = {
		[TCPX_CLOSED] = GO(LISTEN, 0, NONE, "RFC 9293 3.10.1"),
		[TCPX_LISTEN] = STAY(0, NONE, "RFC 9293 3.10.1, new backlog"),
		[TCPX_SYN_SENT] = FAIL(EINVAL, "RFC 9293 3.10.1"),
		[TCPX_NEW_SYN_RECV] = NOT_A_SOCKET,
		[TCPX_SYN_RECV] = FAIL(EINVAL, "RFC 9293 3.10.1"),
		SYNCED(FAIL(EINVAL, "RFC 9293 3.10.1")),
		[TCPX_TIME_WAIT] = NOT_A_SOCKET,
	},
	[TCPX_EV_OPEN_ACTIVE] = {
		[TCPX_CLOSED] = GO(SYN_SENT, DO(SYN), NONE, "RFC 9293 3.10.1"),
		[TCPX_LISTEN] = FAIL(EISCONN, "RFC 9293 3.10.1, deviation: refused"),
		[TCPX_SYN_SENT] = FAIL(EALREADY, "RFC 9293 3.10.1"),
		[TCPX_NEW_SYN_RECV] = NOT_A_SOCKET,
		[TCPX_SYN_RECV] = FAIL(EALREADY, "RFC 9293 3.10.1"),
		SYNCED(FAIL(EISCONN, "RFC 9293 3.10.1")),
		[TCPX_TIME_WAIT] = NOT_A_SOCKET,
	},
	[TCPX_EV_SEND] = {
		[TCPX_CLOSED] = FAIL(EPIPE, "RFC 9293 3.10.2"),
		[TCPX_LISTEN] = FAIL(EPIPE, "RFC 9293 3.10.2, deviation: refused"),
		[TCPX_SYN_SENT] = STAY(DO(WAIT), NONE, "RFC 9293 3.10.2"),
		[TCPX_NEW_SYN_RECV] = NOT_A_SOCKET,
		[TCPX_SYN_RECV] = STAY(DO(WAIT), NONE, "RFC 9293 3.10.2"),
		[TCPX_ESTABLISHED] = STAY(DO(QUEUE), NONE, "RFC 9293 3.10.2"),
		FIN_WAITS(FAIL(EPIPE, "RFC 9293 3.10.2")),
		[TCPX_CLOSE_WAIT] = STAY(DO(QUEUE), NONE, "RFC 9293 3.10.2"),
		ENDING(FAIL(EPIPE, "RFC 9293 3.10.2")),
		[TCPX_TIME_WAIT] = FAIL(EPIPE, "RFC 9293 3.10.2"),
	},
	[TCPX_EV_RECEIVE] = {
		[TCPX_CLOSED] = ASK(closed_receive, STAY, TO(STAY), DO(EOF), STATE,
				    "RFC 9293 3.10.3"),
		[TCPX_LISTEN] = FAIL(ENOTCONN, "RFC 9293 3.10.3, deviation: refused"),
		[TCPX_SYN_SENT] = STAY(DO(WAIT), NONE, "RFC 9293 3.10.3"),
		[TCPX_NEW_SYN_RECV] = NOT_A_SOCKET,
		[TCPX_SYN_RECV] = STAY(DO(WAIT), NONE, "RFC 9293 3.10.3"),
		[TCPX_ESTABLISHED] = STAY(DO(QUEUE), NONE, "RFC 9293 3.10.3"),
		FIN_WAITS(STAY(DO(QUEUE), NONE, "RFC 9293 3.10.3")),
		FIN_TAKEN(STAY(DO(EOF), NONE, "RFC 9293 3.10.3")),
		[TCPX_TIME_WAIT] = STAY(DO(EOF), NONE, "RFC 9293 3.10.3"),
	},
	[TCPX_EV_CLOSE] = {
		[TCPX_CLOSED] = STAY(0, NONE, "RFC 9293 3.10.4"),
		[TCPX_LISTEN] = GO(CLOSED, 0, NONE, "RFC 9293 3.10.4"),
		[TCPX_SYN_SENT] = GO(CLOSED, 0, NONE, "RFC 9293 3.10.4"),
		[TCPX_NEW_SYN_RECV] = NOT_A_SOCKET,
		[TCPX_SYN_RECV] = GO(FIN_WAIT1, DO(FIN), NONE, "RFC 9293 3.10.4"),
		[TCPX_ESTABLISHED] = ASK(close_unread, FIN_WAIT1, TO(FIN_WAIT1) | TO(CLOSED),
					 DO(FIN) | DO(RST), UNREAD,
					 "RFC 9293 3.10.4, RFC 2525 2.17"),
		FIN_WAITS(ASK(close_unread, STAY, TO(STAY) | TO(CLOSED), DO(RST), UNREAD,
			      "RFC 9293 3.10.4, RFC 2525 2.17")),
		[TCPX_CLOSE_WAIT] = ASK(close_unread, LAST_ACK, TO(LAST_ACK) | TO(CLOSED),
					DO(FIN) | DO(RST), UNREAD,
					"RFC 9293 3.10.4, RFC 2525 2.17"),
		ENDING(STAY(0, NONE, "RFC 9293 3.10.4")),
		[TCPX_TIME_WAIT] = STAY(0, NONE, "RFC 9293 3.10.4"),
	},
	[TCPX_EV_ABORT] = {
		[TCPX_CLOSED] = STAY(0, NONE, "RFC 9293 3.10.5"),
		[TCPX_LISTEN] = GO(CLOSED, 0, ABORTED, "RFC 9293 3.10.5"),
		[TCPX_SYN_SENT] = DIE(0, ABORTED, ECONNABORTED, "RFC 9293 3.10.5"),
		[TCPX_NEW_SYN_RECV] = GO(CLOSED, DO(ENTRY_FREE), ABORTED,
					 "RFC 9293 3.10.5, deviation: no RST"),
		[TCPX_SYN_RECV] = DIE(DO(RST), ABORTED, ECONNABORTED, "RFC 9293 3.10.5"),
		[TCPX_ESTABLISHED] = DIE(DO(RST), ABORTED, ECONNABORTED, "RFC 9293 3.10.5"),
		FIN_WAITS(DIE(DO(RST), ABORTED, ECONNABORTED, "RFC 9293 3.10.5")),
		[TCPX_CLOSE_WAIT] = DIE(DO(RST), ABORTED, ECONNABORTED, "RFC 9293 3.10.5"),
		ENDING(GO(CLOSED, 0, ABORTED, "RFC 9293 3.10.5")),
		[TCPX_TIME_WAIT] = GO(CLOSED, 0, ABORTED, "RFC 9293 3.10.5"),
	},
	[TCPX_EV_STATUS] = {
		NO_TCB(STAY(0, NONE, "RFC 9293 3.10.6")),
		[TCPX_SYN_SENT] = STAY(0, NONE, "RFC 9293 3.10.6"),
		HALF_OPEN(STAY(0, NONE, "RFC 9293 3.10.6")),
		SYNCED(STAY(0, NONE, "RFC 9293 3.10.6")),
		[TCPX_TIME_WAIT] = STAY(0, NONE, "RFC 9293 3.10.6"),
	},

	[TCPX_EV_SYN] = {
		[TCPX_CLOSED] = STAY(DO(RST_ACK) | DO(DROP), CLOSED_PORT, "RFC 9293 3.10.7.1"),
		[TCPX_LISTEN] = ASK(listen_syn, STAY, TO(STAY), DO(ENTRY_NEW) | DO(DROP),
				    ACCEPT_FULL, "RFC 9293 3.10.7.2"),
		[TCPX_SYN_SENT] = GO(SYN_RECV, DO(SYN_ACK), NONE, "RFC 9293 3.10.7.3, MUST-10"),
		[TCPX_NEW_SYN_RECV] = ASK(entry_syn, STAY, TO(STAY) | TO(CLOSED),
					  DO(SYN_ACK) | DO(CHALLENGE) | DO(ENTRY_FREE) | DO(DROP),
					  SYN_HALF_OPEN, "RFC 9293 3.10.7.4, RFC 5961 4.2"),
		[TCPX_SYN_RECV] = ASK(half_open_syn, STAY, TO(STAY),
				      DO(SYN_ACK) | DO(CHALLENGE) | DO(DROP),
				      SYN_HALF_OPEN, "RFC 9293 3.10.7.4, RFC 5961 4.2"),
		SYNCED(STAY(DO(CHALLENGE) | DO(DROP), SYN_IN_SYNC, "RFC 5961 4.2")),
		[TCPX_TIME_WAIT] = ASK(time_wait_syn, STAY, TO(STAY) | TO(CLOSED),
				       DO(REOPEN) | DO(ACK) | DO(DROP), SYN_TIME_WAIT,
				       "RFC 9293 3.10.7.4, RFC 6191 2"),
	},
	[TCPX_EV_SYN_ACK] = {
		[TCPX_CLOSED] = STAY(DO(RST_SEQ) | DO(DROP), CLOSED_PORT, "RFC 9293 3.10.7.1"),
		[TCPX_LISTEN] = STAY(DO(RST_SEQ) | DO(DROP), LISTEN_ACK, "RFC 9293 3.10.7.2"),
		[TCPX_SYN_SENT] = ASK(syn_sent_syn_ack, ESTABLISHED, TO(STAY) | TO(ESTABLISHED),
				      DO(TAKE_ACK) | DO(ACK) | DO(RST_SEQ) | DO(DROP),
				      ACK_UNSENT, "RFC 9293 3.10.7.3"),
		[TCPX_NEW_SYN_RECV] = ASK(entry_syn_ack, STAY,
					  TO(STAY) | TO(ESTABLISHED) | TO(CLOSED),
					  DO(CHILD) | DO(TAKE_ACK) | DO(ENTRY_ACKED) |
					  DO(ENTRY_FREE) | DO(CHALLENGE) | DO(RST_SEQ) | DO(DROP),
					  SYN_HALF_OPEN, "RFC 9293 3.5.2, RFC 5961 4.2"),
		[TCPX_SYN_RECV] = ASK(syn_recv_syn_ack, STAY, TO(STAY) | TO(ESTABLISHED),
				      DO(TAKE_ACK) | DO(CHALLENGE) | DO(DROP),
				      SYN_HALF_OPEN, "RFC 9293 3.5 figure 7, RFC 5961 4.2"),
		SYNCED(STAY(DO(CHALLENGE) | DO(DROP), SYN_IN_SYNC, "RFC 5961 4.2")),
		[TCPX_TIME_WAIT] = STAY(DO(ACK) | DO(DROP), SYN_TIME_WAIT, "RFC 5961 4.2"),
	},
	[TCPX_EV_ACK] = {
		[TCPX_CLOSED] = STAY(DO(RST_SEQ) | DO(DROP), CLOSED_PORT, "RFC 9293 3.10.7.1"),
		LISTEN_FOR_ACK,
		[TCPX_SYN_SENT] = STAY(DO(DROP), ACK_NO_SYN, "RFC 9293 3.10.7.3"),
		[TCPX_NEW_SYN_RECV] = ASK(entry_ack, ESTABLISHED,
					  TO(STAY) | TO(ESTABLISHED) | TO(CLOSED),
					  DO(CHILD) | DO(TAKE_ACK) | DO(ENTRY_ACKED) |
					  DO(ENTRY_FREE) | DO(RST_SEQ) | DO(DROP),
					  ACCEPT_FULL, "RFC 9293 3.10.7.4"),
		[TCPX_SYN_RECV] = GO(ESTABLISHED, DO(TAKE_ACK), NONE, "RFC 9293 3.10.7.4"),
		[TCPX_ESTABLISHED] = STAY(DO(TAKE_ACK), NONE, "RFC 9293 3.10.7.4"),
		[TCPX_FIN_WAIT1] = ASK(fin_acked, FIN_WAIT2, TO(STAY) | TO(FIN_WAIT2),
				       DO(TAKE_ACK), NONE, "RFC 9293 3.10.7.4"),
		[TCPX_FIN_WAIT2] = ALL_ACKED,
		[TCPX_CLOSE_WAIT] = STAY(DO(TAKE_ACK), NONE, "RFC 9293 3.10.7.4"),
		[TCPX_CLOSING] = ASK(fin_acked, TIME_WAIT, TO(STAY) | TO(TIME_WAIT),
				     DO(TAKE_ACK), NONE, "RFC 9293 3.10.7.4"),
		[TCPX_LAST_ACK] = ASK(fin_acked, CLOSED, TO(STAY) | TO(CLOSED),
				      DO(TAKE_ACK), NONE, "RFC 9293 3.10.7.4"),
		[TCPX_TIME_WAIT] = ASK(time_wait_ack, STAY, TO(STAY), DO(DROP), TIME_WAIT_OLD,
				       "RFC 9293 3.10.7.4"),
	},
	[TCPX_EV_ACK_DUP] = {
		NO_TCB(SEE_ACK),
		[TCPX_SYN_SENT] = STAY(DO(RST_SEQ) | DO(DROP), ACK_UNSENT, "RFC 9293 3.10.7.3"),
		HALF_OPEN(STAY(DO(RST_SEQ) | DO(DROP), ACK_HALF_OPEN, "RFC 9293 3.5.2, group 2")),
		SYNCED(STAY(DO(DUP_ACK), NONE, "RFC 9293 3.10.7.4, RFC 5681 3.2")),
		[TCPX_TIME_WAIT] = ASK(time_wait_ack, STAY, TO(STAY), DO(ACK) | DO(DROP),
				       TIME_WAIT_OLD, "RFC 9293 3.10.7.4"),
	},
	[TCPX_EV_ACK_BAD] = {
		NO_TCB(SEE_ACK),
		[TCPX_SYN_SENT] = STAY(DO(RST_SEQ) | DO(DROP), ACK_UNSENT, "RFC 9293 3.10.7.3"),
		HALF_OPEN(STAY(DO(RST_SEQ) | DO(DROP), ACK_HALF_OPEN, "RFC 9293 3.5.2, group 2")),
		SYNCED(STAY(DO(CHALLENGE) | DO(DROP), ACK_RANGE, "RFC 5961 5.2")),
		[TCPX_TIME_WAIT] = STAY(DO(ACK) | DO(DROP), ACK_RANGE, "RFC 5961 5.2"),
	},
	[TCPX_EV_RST] = {
		NO_TCB(SEE_RST_OUT),
		[TCPX_SYN_SENT] = DIE(0, REFUSED, ECONNREFUSED, "RFC 9293 3.10.7.3"),
		[TCPX_NEW_SYN_RECV] = ASK(entry_rst, CLOSED, TO(STAY) | TO(CLOSED),
					  DO(ENTRY_FREE) | DO(CHALLENGE) | DO(DROP),
					  RESET, "RFC 9293 3.10.7.4, RFC 5961 3.2"),
		[TCPX_SYN_RECV] = DIE(0, REFUSED, ECONNREFUSED, "RFC 9293 3.10.7.4"),
		[TCPX_ESTABLISHED] = DIE(0, RESET, ECONNRESET, "RFC 5961 3.2"),
		FIN_WAITS(DIE(0, RESET, ECONNRESET, "RFC 5961 3.2")),
		[TCPX_CLOSE_WAIT] = DIE(0, RESET, ECONNRESET, "RFC 5961 3.2"),
		ENDING(GO(CLOSED, 0, RESET, "RFC 9293 3.10.7.4")),
		[TCPX_TIME_WAIT] = ASK(time_wait_rst, CLOSED, TO(STAY) | TO(CLOSED), DO(DROP),
				       RST_TIME_WAIT, "RFC 9293 3.10.7.4, RFC 1337 3"),
	},
	[TCPX_EV_RST_WND] = {
		NO_TCB(SEE_RST_OUT),
		[TCPX_SYN_SENT] = STAY(DO(DROP), RST_NO_ACK, "RFC 9293 3.10.7.3"),
		HALF_OPEN(STAY(DO(CHALLENGE) | DO(DROP), RST_WINDOW, "RFC 5961 3.2")),
		SYNCED(STAY(DO(CHALLENGE) | DO(DROP), RST_WINDOW, "RFC 5961 3.2")),
		[TCPX_TIME_WAIT] = STAY(DO(DROP), RST_WINDOW, "RFC 1337 3"),
	},
	[TCPX_EV_RST_OUT] = {
		[TCPX_CLOSED] = STAY(DO(DROP), CLOSED_PORT, "RFC 9293 3.10.7.1"),
		[TCPX_LISTEN] = STAY(DO(DROP), LISTEN_RST, "RFC 9293 3.10.7.2"),
		[TCPX_SYN_SENT] = STAY(DO(DROP), RST_NO_ACK, "RFC 9293 3.10.7.3"),
		HALF_OPEN(STAY(DO(DROP), RST_OUTSIDE, "RFC 5961 3.2")),
		SYNCED(STAY(DO(DROP), RST_OUTSIDE, "RFC 5961 3.2")),
		[TCPX_TIME_WAIT] = STAY(DO(DROP), RST_OUTSIDE, "RFC 5961 3.2"),
	},
	[TCPX_EV_TEXT] = {
		[TCPX_CLOSED] = STAY(DO(RST_SEQ) | DO(DROP), CLOSED_PORT, "RFC 9293 3.10.7.1"),
		LISTEN_FOR_ACK,
		[TCPX_SYN_SENT] = ASK(syn_sent_rest, STAY, TO(ESTABLISHED) | TO(SYN_RECV), DO(DROP),
				      TEXT_IN_SYN, "RFC 9293 3.10.7.3, deviation: not taken"),
		HALF_OPEN(GO(ESTABLISHED, DO(TEXT) | DO(ACK_LATER), NONE, "RFC 9293 3.10.7.4")),
		[TCPX_ESTABLISHED] = STAY(DO(TEXT) | DO(ACK_LATER), NONE, "RFC 9293 3.10.7.4"),
		FIN_WAITS(ASK(orphan_text, STAY, TO(STAY) | TO(CLOSED),
			      DO(TEXT) | DO(ACK_LATER) | DO(RST_SEQ) | DO(DROP), TEXT_AFTER_CLOSE,
			      "RFC 9293 3.10.7.4, RFC 1122 4.2.2.13")),
		FIN_TAKEN(STAY(DO(ACK) | DO(DROP), TEXT_AFTER_FIN, "RFC 9293 3.10.7.4")),
		[TCPX_TIME_WAIT] = STAY(DO(ACK) | DO(DROP), TEXT_AFTER_FIN, "RFC 9293 3.10.7.4"),
	},
	[TCPX_EV_TEXT_OOO] = {
		NO_TCB(NO_WINDOW),
		[TCPX_SYN_SENT] = NO_WINDOW,
		HALF_OPEN(GO(ESTABLISHED, DO(TEXT_OOO) | DO(ACK), NONE, "RFC 5681 4.2")),
		[TCPX_ESTABLISHED] = STAY(DO(TEXT_OOO) | DO(ACK), NONE, "RFC 5681 4.2"),
		FIN_WAITS(ASK(orphan_text, STAY, TO(STAY) | TO(CLOSED),
			      DO(TEXT_OOO) | DO(ACK) | DO(RST_SEQ) | DO(DROP), TEXT_AFTER_CLOSE,
			      "RFC 5681 4.2, RFC 1122 4.2.2.13")),
		FIN_TAKEN(STAY(DO(ACK) | DO(DROP), TEXT_AFTER_FIN, "RFC 9293 3.10.7.4")),
		[TCPX_TIME_WAIT] = STAY(DO(ACK) | DO(DROP), TEXT_AFTER_FIN, "RFC 9293 3.10.7.4"),
	},
	[TCPX_EV_SEQ_BAD] = {
		NO_TCB(NO_WINDOW),
		[TCPX_SYN_SENT] = NO_WINDOW,
		HALF_OPEN(STAY(DO(CHALLENGE) | DO(DROP), SEQ_WINDOW, "RFC 9293 3.4, 3.10.7.4")),
		SYNCED(ASK(synced_seq_bad, STAY, TO(STAY), DO(ACK) | DO(CHALLENGE) | DO(DROP),
			   SEQ_WINDOW, "RFC 9293 3.4, 3.10.7.4")),
		[TCPX_TIME_WAIT] = ASK(time_wait_seq_bad, STAY, TO(STAY),
				       DO(ACK) | DO(RESTART_2MSL) | DO(DROP), TIME_WAIT_OLD,
				       "RFC 9293 3.10.7.4"),
	},
	[TCPX_EV_FIN] = {
		[TCPX_CLOSED] = NEVER("without a TCB a FIN is none or FIN+ACK"),
		[TCPX_LISTEN] = NEVER("without a TCB a FIN is none or FIN+ACK"),
		[TCPX_SYN_SENT] = ASK(syn_sent_rest, STAY, TO(ESTABLISHED) | TO(SYN_RECV), DO(DROP),
				      TEXT_IN_SYN, "RFC 9293 3.10.7.3, deviation: not taken"),
		HALF_OPEN(GO(CLOSE_WAIT, DO(TAKE_FIN) | DO(ACK), NONE, "RFC 9293 3.10.7.4")),
		[TCPX_ESTABLISHED] = GO(CLOSE_WAIT, DO(TAKE_FIN) | DO(ACK), NONE,
					"RFC 9293 3.10.7.4"),
		[TCPX_FIN_WAIT1] = GO(CLOSING, DO(TAKE_FIN) | DO(ACK), NONE, "RFC 9293 3.10.7.4"),
		[TCPX_FIN_WAIT2] = NEVER("our FIN is acknowledged: FIN+ACK"),
		FIN_TAKEN(STAY(DO(ACK) | DO(DROP), FIN_AGAIN, "RFC 9293 3.10.7.4")),
		[TCPX_TIME_WAIT] = STAY(DO(ACK) | DO(RESTART_2MSL) | DO(DROP), FIN_AGAIN,
					"RFC 9293 3.10.7.4"),
	},
	[TCPX_EV_FIN_ACK] = {
		[TCPX_CLOSED] = STAY(DO(RST_SEQ) | DO(DROP), CLOSED_PORT, "RFC 9293 3.10.7.1"),
		LISTEN_FOR_ACK,
		[TCPX_SYN_SENT] = FIN_UNSENT,
		HALF_OPEN(FIN_UNSENT),
		[TCPX_ESTABLISHED] = FIN_UNSENT,
		[TCPX_FIN_WAIT1] = GO(TIME_WAIT, DO(TAKE_ACK) | DO(TAKE_FIN) | DO(ACK), NONE,
				      "RFC 9293 3.10.7.4"),
		[TCPX_FIN_WAIT2] = GO(TIME_WAIT, DO(TAKE_FIN) | DO(ACK), NONE,
				      "RFC 9293 3.10.7.4"),
		[TCPX_CLOSE_WAIT] = FIN_UNSENT,
		[TCPX_CLOSING] = GO(TIME_WAIT, DO(TAKE_ACK), NONE, "RFC 9293 3.10.7.4"),
		[TCPX_LAST_ACK] = GO(CLOSED, DO(TAKE_ACK), NONE, "RFC 9293 3.10.7.4"),
		[TCPX_TIME_WAIT] = STAY(DO(ACK) | DO(DROP), FIN_AGAIN, "RFC 9293 3.10.7.4"),
	},
	[TCPX_EV_NONE] = {
		[TCPX_CLOSED] = STAY(DO(RST_ACK) | DO(DROP), CLOSED_PORT, "RFC 9293 3.10.7.1"),
		[TCPX_LISTEN] = STAY(DO(DROP), NO_FLAGS, "RFC 9293 3.10.7.2"),
		[TCPX_SYN_SENT] = STAY(DO(DROP), NO_FLAGS, "RFC 9293 3.10.7.3"),
		HALF_OPEN(STAY(DO(DROP), NO_FLAGS, "RFC 9293 3.10.7.4")),
		SYNCED(STAY(DO(DROP), NO_FLAGS, "RFC 9293 3.10.7.4")),
		[TCPX_TIME_WAIT] = STAY(DO(DROP), NO_FLAGS, "RFC 9293 3.10.7.4"),
	},
	[TCPX_EV_URG] = {
		NO_TCB(NEVER("without a TCB a segment is one event")),
		[TCPX_SYN_SENT] = NEVER("SYN-SENT takes no urgent pointer"),
		HALF_OPEN(GO(ESTABLISHED, DO(URG), NONE, "RFC 9293 3.10.7.4")),
		[TCPX_ESTABLISHED] = STAY(DO(URG), NONE, "RFC 9293 3.10.7.4"),
		FIN_WAITS(STAY(DO(URG), NONE, "RFC 9293 3.10.7.4")),
		FIN_TAKEN(STAY(0, URG_AFTER_FIN, "RFC 9293 3.10.7.4")),
		[TCPX_TIME_WAIT] = STAY(0, URG_AFTER_FIN, "RFC 9293 3.10.7.4"),
	},
	[TCPX_EV_PAWS] = {
		NO_TCB(NEVER("no timestamps are agreed yet")),
		[TCPX_SYN_SENT] = STAY(DO(DROP), TSECR, "RFC 7323 3.2"),
		HALF_OPEN(ASK(half_open_paws, STAY, TO(STAY), DO(CHALLENGE) | DO(DROP), PAWS,
			      "RFC 7323 3.2, 5.3")),
		SYNCED(STAY(DO(CHALLENGE) | DO(DROP), PAWS, "RFC 7323 5.3")),
		[TCPX_TIME_WAIT] = STAY(DO(ACK) | DO(DROP), PAWS, "RFC 7323 5.3"),
	},

	[TCPX_EV_T_RTX] = {
		NO_TCB(NO_TIMER),
		[TCPX_SYN_SENT] = UNTIL(until_limit, DO(SYN) | DO(ERR), TIMEOUT, ETIMEDOUT,
					"RFC 9293 3.8.3, MUST-23"),
		[TCPX_NEW_SYN_RECV] = STAY(DO(SYN_ACK), NONE, "RFC 9293 3.8.1"),
		[TCPX_SYN_RECV] = UNTIL(until_limit, DO(SYN_ACK) | DO(ERR), TIMEOUT, ETIMEDOUT,
					"RFC 9293 3.8.3, MUST-23"),
		[TCPX_ESTABLISHED] = UNTIL(until_limit, DO(RTX) | DO(ERR), TIMEOUT, ETIMEDOUT,
					   "RFC 6298 5.4, RFC 9293 3.8.3"),
		[TCPX_FIN_WAIT1] = UNTIL(until_limit, DO(RTX) | DO(ERR), TIMEOUT, ETIMEDOUT,
					 "RFC 6298 5.4, RFC 9293 3.8.3"),
		[TCPX_FIN_WAIT2] = ALL_ACKED,
		[TCPX_CLOSE_WAIT] = UNTIL(until_limit, DO(RTX) | DO(ERR), TIMEOUT, ETIMEDOUT,
					  "RFC 6298 5.4, RFC 9293 3.8.3"),
		ENDING(UNTIL(until_limit, DO(RTX), TIMEOUT, 0, "RFC 6298 5.4, RFC 9293 3.8.3")),
		[TCPX_TIME_WAIT] = ALL_ACKED,
	},
	[TCPX_EV_T_LIFE] = {
		NO_TCB(NO_TIMER),
		[TCPX_SYN_SENT] = NO_TIMER,
		[TCPX_NEW_SYN_RECV] = GO(CLOSED, DO(ENTRY_FREE), TIMEOUT, "RFC 9293 3.8.3"),
		[TCPX_SYN_RECV] = NO_TIMER,
		SYNCED(NO_TIMER),
		[TCPX_TIME_WAIT] = NO_TIMER,
	},
	[TCPX_EV_T_USER] = {
		NO_TCB(NO_TIMER),
		[TCPX_SYN_SENT] = DIE(0, TIMEOUT, ETIMEDOUT, "RFC 9293 3.10.8"),
		[TCPX_NEW_SYN_RECV] = NO_TIMER,
		[TCPX_SYN_RECV] = DIE(0, TIMEOUT, ETIMEDOUT, "RFC 9293 3.10.8"),
		[TCPX_ESTABLISHED] = DIE(0, TIMEOUT, ETIMEDOUT, "RFC 9293 3.10.8"),
		FIN_WAITS(DIE(0, TIMEOUT, ETIMEDOUT, "RFC 9293 3.10.8")),
		[TCPX_CLOSE_WAIT] = DIE(0, TIMEOUT, ETIMEDOUT, "RFC 9293 3.10.8"),
		ENDING(GO(CLOSED, 0, TIMEOUT, "RFC 9293 3.10.8")),
		[TCPX_TIME_WAIT] = NO_TIMER,
	},
	[TCPX_EV_T_2MSL] = {
		NO_TCB(NO_TIMER),
		[TCPX_SYN_SENT] = NO_TIMER,
		HALF_OPEN(NO_TIMER),
		[TCPX_ESTABLISHED] = NO_TIMER,
		[TCPX_FIN_WAIT1] = NO_TIMER,
		[TCPX_FIN_WAIT2] = GO(CLOSED, 0, TIMEOUT, "RFC 1122 4.2.2.13, orphans only"),
		FIN_TAKEN(NO_TIMER),
		[TCPX_TIME_WAIT] = GO(CLOSED, 0, NONE, "RFC 9293 3.10.8, MUST-13"),
	},
	[TCPX_EV_T_KEEP] = {
		NO_TCB(NO_TIMER),
		[TCPX_SYN_SENT] = NO_TIMER,
		HALF_OPEN(NO_TIMER),
		[TCPX_ESTABLISHED] = UNTIL(until_limit, DO(PROBE) | DO(RST) | DO(ERR),
					   KEEPALIVE, ETIMEDOUT, "RFC 9293 3.8.4"),
		FIN_WAITS(UNTIL(until_limit, DO(PROBE) | DO(RST) | DO(ERR),
				KEEPALIVE, ETIMEDOUT, "RFC 9293 3.8.4")),
		[TCPX_CLOSE_WAIT] = UNTIL(until_limit, DO(PROBE) | DO(RST) | DO(ERR),
					  KEEPALIVE, ETIMEDOUT, "RFC 9293 3.8.4"),
		ENDING(NO_TIMER),
		[TCPX_TIME_WAIT] = NO_TIMER,
	},
	[TCPX_EV_T_PERSIST] = {
		NO_TCB(NO_TIMER),
		[TCPX_SYN_SENT] = NO_TIMER,
		HALF_OPEN(NO_TIMER),
		[TCPX_ESTABLISHED] = UNTIL(persist_until_limit, DO(PROBE) | DO(ERR), TIMEOUT,
					   ETIMEDOUT, "RFC 9293 3.8.6.1, MUST-36"),
		[TCPX_FIN_WAIT1] = UNTIL(persist_until_limit, DO(PROBE) | DO(ERR), TIMEOUT,
					 ETIMEDOUT, "RFC 9293 3.8.6.1, MUST-36"),
		[TCPX_FIN_WAIT2] = ALL_ACKED,
		[TCPX_CLOSE_WAIT] = UNTIL(persist_until_limit, DO(PROBE) | DO(ERR), TIMEOUT,
					  ETIMEDOUT, "RFC 9293 3.8.6.1, MUST-36"),
		ENDING(UNTIL(persist_until_limit, DO(PROBE), TIMEOUT, 0,
			     "RFC 9293 3.8.6.1, MUST-36")),
		[TCPX_TIME_WAIT] = ALL_ACKED,
	},
	[TCPX_EV_T_DELACK] = {
		NO_TCB(NO_TIMER),
		[TCPX_SYN_SENT] = NO_TIMER,
		HALF_OPEN(NO_TIMER),
		[TCPX_ESTABLISHED] = STAY(DO(ACK), NONE, "RFC 9293 3.8.6.3, MUST-40"),
		FIN_WAITS(STAY(DO(ACK), NONE, "RFC 9293 3.8.6.3, MUST-40")),
		FIN_TAKEN(NEVER("the peer's FIN was acknowledged at once")),
		[TCPX_TIME_WAIT] = NEVER("the peer's FIN was acknowledged at once"),
	},

	[TCPX_EV_ICMP_HARD] = {
		NO_TCB(NEVER("no segment was sent that could cause it")),
		[TCPX_SYN_SENT] = ASK(icmp_error, CLOSED, TO(CLOSED), DO(ERR), ICMP,
				      "RFC 9293 3.9.2.2, SHLD-26"),
		[TCPX_NEW_SYN_RECV] = UNTIL(until_limit, DO(ENTRY_FREE), ICMP, 0,
					    "RFC 9293 3.9.2.2, SHLD-26"),
		[TCPX_SYN_RECV] = ASK(icmp_error, CLOSED, TO(CLOSED), DO(ERR), ICMP,
				      "RFC 9293 3.9.2.2, SHLD-26"),
		SYNCED(ASK(icmp_error, STAY, TO(STAY), DO(SOFT_ERR), NONE, "RFC 5927 5.2")),
		[TCPX_TIME_WAIT] = STAY(0, NONE, "RFC 5927 5.2"),
	},
	[TCPX_EV_ICMP_SOFT] = {
		NO_TCB(NEVER("no segment was sent that could cause it")),
		[TCPX_SYN_SENT] = ASK(icmp_error, CLOSED, TO(CLOSED), DO(ERR), ICMP,
				      "RFC 5461 4.1, deviation from RFC 9293 MUST-56"),
		[TCPX_NEW_SYN_RECV] = STAY(0, NONE, "RFC 9293 3.9.2.2, MUST-56"),
		[TCPX_SYN_RECV] = ASK(icmp_error, CLOSED, TO(CLOSED), DO(ERR), ICMP,
				      "RFC 5461 4.1, deviation from RFC 9293 MUST-56"),
		SYNCED(ASK(icmp_error, STAY, TO(STAY), DO(SOFT_ERR), NONE,
			   "RFC 9293 3.9.2.2, MUST-56")),
		[TCPX_TIME_WAIT] = STAY(0, NONE, "RFC 9293 3.9.2.2, MUST-56"),
	},
	[TCPX_EV_ICMP_PTB] = {
		NO_TCB(NEVER("no segment was sent that could cause it")),
		[TCPX_SYN_SENT] = STAY(DO(MSS), NONE, "RFC 1191 6.4"),
		[TCPX_NEW_SYN_RECV] = STAY(0, NONE, "RFC 1191 6.4"),
		[TCPX_SYN_RECV] = STAY(DO(MSS), NONE, "RFC 1191 6.4"),
		SYNCED(STAY(DO(MSS) | DO(RTX), NONE, "RFC 1191 6.4")),
		[TCPX_TIME_WAIT] = STAY(0, NONE, "RFC 1191 6.4"),
	},
	[TCPX_EV_CLEANUP] = {
		[TCPX_CLOSED] = STAY(0, NONE, "RFC 9293 3.10.5"),
		[TCPX_LISTEN] = GO(CLOSED, 0, NONE, "RFC 9293 3.10.5"),
		[TCPX_SYN_SENT] = GO(CLOSED, 0, ABORTED, "RFC 9293 3.10.5"),
		[TCPX_NEW_SYN_RECV] = GO(CLOSED, DO(ENTRY_FREE), LISTENER_GONE,
					 "RFC 9293 3.10.5, deviation: no RST"),
		[TCPX_SYN_RECV] = GO(CLOSED, DO(RST), ABORTED, "RFC 9293 3.10.5"),
		[TCPX_ESTABLISHED] = GO(CLOSED, DO(RST), LISTENER_GONE, "RFC 9293 3.10.5"),
		FIN_WAITS(GO(CLOSED, DO(RST), ABORTED, "RFC 9293 3.10.5")),
		[TCPX_CLOSE_WAIT] = GO(CLOSED, DO(RST), LISTENER_GONE, "RFC 9293 3.10.5"),
		ENDING(GO(CLOSED, 0, ABORTED, "RFC 9293 3.10.5")),
		[TCPX_TIME_WAIT] = GO(CLOSED, 0, NONE, "RFC 9293 3.10.5"),
	},
};

static_assert(TCPX_NEVENTS == 34, "a new event needs a row in tcpx_table");
static_assert(TCPX_NSTATES == 13, "a new state needs a column in tcpx_table");
static_assert(TCPX_NSTATES <= 16, "a mask of states has 16 bits in tcpx_cell");
static_assert(TCPX_NACTS <= 32, "a mask of actions has 32 bits");
static_assert(TCPX_NREASONS <= 256, "a reason has 8 bits");
static_assert(sizeof(struct tcpx_order) == 8, "handlers return it in a register");
static_assert(ECONNABORTED < 256 && EISCONN < 256 && ENOTCONN < 256 &&
	      ETIMEDOUT < 256 && ECONNREFUSED < 256 && EALREADY < 256,
	      "an errno has 8 bits in a verdict");

static bool cell_exists(u8 state, u8 event)
{
	return state > TCPX_STAY && state < TCPX_NSTATES && event < TCPX_NEVENTS;
}

static void verdict_init(struct tcpx_verdict *v, u8 state)
{
	v->acts = 0;
	v->state = state;
	v->reason = TCPX_R_NONE;
	v->err = 0;
	v->ncells = 0;
}

/* Apply one cell to the verdict. False: what is left of the segment is nothing. */
static bool cell_apply(struct tcpx_input *in, u8 state, u8 event)
{
	const struct tcpx_cell *cell = &tcpx_table[event][state];
	struct tcpx_verdict *v = in->v;
	struct tcpx_order o;

	in->cell = cell;
	o = cell->decide ? cell->decide(in) : cell->order;
	v->cells[v->ncells++] = tcpx_cell_id(state, event);
	v->acts |= o.acts;
	if (o.state)
		v->state = o.state;
	if (!v->reason)
		v->reason = o.reason;
	if (o.err)
		v->err = o.err;
	return !(o.acts & TCPX_ACT_DROP) && v->state != TCPX_CLOSED;
}

/* CLOSED and LISTEN: RFC 9293 3.10.7.1, 3.10.7.2 */
static u8 event_without_tcb(const struct tcpx_seg *seg)
{
	if (seg->flags & TCPX_RST)
		return TCPX_EV_RST_OUT;
	if (seg->flags & TCPX_SYN)
		return seg->flags & TCPX_ACK ? TCPX_EV_SYN_ACK : TCPX_EV_SYN;
	if (!(seg->flags & TCPX_ACK))
		return TCPX_EV_NONE;
	if (seg->flags & TCPX_FIN)
		return TCPX_EV_FIN_ACK;
	return seg->len ? TCPX_EV_TEXT : TCPX_EV_ACK;
}

/* RFC 9293 3.10.7.3 */
static u8 event_syn_sent(const struct tcpx_tcb *tcb, const struct tcpx_seg *seg)
{
	bool good = ack_new(tcb, seg->ack);

	if (seg->flags & TCPX_RST) {
		if (!(seg->flags & TCPX_ACK))
			return TCPX_EV_RST_WND;
		return good ? TCPX_EV_RST : TCPX_EV_RST_OUT;
	}
	if (!(seg->flags & TCPX_ACK))
		return seg->flags & TCPX_SYN ? TCPX_EV_SYN : TCPX_EV_NONE;
	if (seg->flags & TCPX_SYN)
		return good && tsecr_unsent(tcb, seg) ? TCPX_EV_PAWS : TCPX_EV_SYN_ACK;
	if (seg->ack == tcb->iss)
		return TCPX_EV_ACK_DUP;
	return good ? TCPX_EV_ACK : TCPX_EV_ACK_BAD;
}

static void segment_syn_sent(struct tcpx_input *in)
{
	const struct tcpx_seg *seg = in->seg;

	if (!cell_apply(in, TCPX_SYN_SENT, event_syn_sent(in->tcb, seg)))
		return;
	if (seg->len && !cell_apply(in, TCPX_SYN_SENT, TCPX_EV_TEXT))
		return;
	if (seg->flags & TCPX_FIN)
		cell_apply(in, TCPX_SYN_SENT, TCPX_EV_FIN);
}

/*
 * RFC 5961 3.2. A peer that sends FIN and dies may send its RST at the FIN. Without
 * that RFC each RST in the window counts (RFC 9293 3.10.7.4).
 */
static u8 event_rst(const struct tcpx_input *in)
{
	u32 fin_taken = TO(CLOSE_WAIT) | TO(CLOSING) | TO(LAST_ACK);
	const struct tcpx_tcb *tcb = in->tcb;
	u32 seq = in->seg->seq;

	if (seq == tcb->rcv_nxt)
		return TCPX_EV_RST;
	if (seq == tcb->rcv_nxt - 1 && (fin_taken & (1U << tcb->state)))
		return TCPX_EV_RST;
	if (!in_window(tcb, seq))
		return TCPX_EV_RST_OUT;
	return in->ctx & TCPX_CTX_RST_LOOSE ? TCPX_EV_RST : TCPX_EV_RST_WND;
}

static bool state_half_open(u8 state)
{
	return state == TCPX_SYN_RECV || state == TCPX_NEW_SYN_RECV;
}

/* A FIN alone, next, at a closed window: not acceptable by RFC 9293 3.4, taken. */
static bool fin_at_edge(const struct tcpx_tcb *tcb, const struct tcpx_seg *seg)
{
	return !tcb->rcv_wnd && (seg->flags & TCPX_FIN) && !seg->len &&
	       seg->seq == tcb->rcv_nxt;
}

/* RFC 7323 5.3, and 3.2 for what answers our SYN-ACK: TSecr comes with an ACK */
static bool stamps_refused(const struct tcpx_input *in)
{
	return tsval_old(in) ||
	       (state_half_open(in->tcb->state) && (in->seg->flags & TCPX_ACK) &&
		tsecr_unsent(in->tcb, in->seg));
}

/*
 * Step 2. A SYN of an old incarnation must not end or prolong a half-open
 * connection. All others answer a SYN alike, whatever its timestamp.
 */
static u8 event_syn(const struct tcpx_input *in)
{
	bool ack = in->seg->flags & TCPX_ACK;

	if (state_half_open(in->tcb->state) &&
	    (!ack || ack_new(in->tcb, in->seg->ack)) && stamps_refused(in))
		return TCPX_EV_PAWS;
	return ack ? TCPX_EV_SYN_ACK : TCPX_EV_SYN;
}

/* Steps 1 to 6: what ends a segment before it is looked into, or TCPX_NEVENTS */
static u8 event_gate(const struct tcpx_input *in)
{
	const struct tcpx_tcb *tcb = in->tcb;
	const struct tcpx_seg *seg = in->seg;

	if (seg->flags & TCPX_RST)
		return event_rst(in);
	if (seg->flags & TCPX_SYN)
		return event_syn(in);
	if (!(seg->flags & TCPX_ACK))
		return TCPX_EV_NONE;
	if (state_half_open(tcb->state) && !ack_new(tcb, seg->ack))
		return seg->ack == tcb->snd_una ? TCPX_EV_ACK_DUP : TCPX_EV_ACK_BAD;
	if (stamps_refused(in))
		return TCPX_EV_PAWS;
	if (!tcpx_seq_acceptable(tcb, seg->seq, seg->end - seg->seq) &&
	    !fin_at_edge(tcb, seg))
		return TCPX_EV_SEQ_BAD;
	return TCPX_NEVENTS;
}

/* Step 7: RFC 5961 5.2 */
static u8 event_ack(const struct tcpx_tcb *tcb, u32 ack)
{
	if (ack_new(tcb, ack) || (tcb->state == TCPX_TIME_WAIT && ack == tcb->snd_nxt))
		return TCPX_EV_ACK;
	if (tcpx_between(ack, tcb->snd_una - tcb->max_wnd, tcb->snd_una))
		return TCPX_EV_ACK_DUP;
	return TCPX_EV_ACK_BAD;
}

/* Step 9: where the new text begins, or TCPX_NEVENTS if there is none */
static u8 event_text(const struct tcpx_tcb *tcb, const struct tcpx_seg *seg)
{
	if (tcpx_after(seg->seq, tcb->rcv_nxt))
		return seg->len || seg->flags & TCPX_FIN ? TCPX_EV_TEXT_OOO : TCPX_NEVENTS;
	return tcpx_after(seg->seq + seg->len, tcb->rcv_nxt) ? TCPX_EV_TEXT : TCPX_NEVENTS;
}

/*
 * The FIN is next once the text is taken. It needs no buffer, so it may stand at
 * the right edge of the window; behind that it is cut off.
 */
static bool fin_in_order(const struct tcpx_tcb *tcb, const struct tcpx_seg *seg)
{
	return (seg->flags & TCPX_FIN) && !tcpx_after(seg->seq, tcb->rcv_nxt) &&
	       seg->end - 1 - tcb->rcv_nxt <= tcb->rcv_wnd;
}

/*
 * Steps 7 to 10 of a segment that may be looked into; only 7 and 8 unless
 * @whole. The ACK completes a half-open connection, but what comes with it is
 * looked up in the column in which the segment arrived.
 */
static void segment_content(struct tcpx_input *in, bool whole)
{
	const struct tcpx_tcb *tcb = in->tcb;
	const struct tcpx_seg *seg = in->seg;
	const u8 *state = state_half_open(tcb->state) ? &tcb->state : &in->v->state;
	bool fin = whole && fin_in_order(tcb, seg);
	bool both = fin && ack_covers_fin(tcb, seg->ack);
	u8 text;

	if (!both && !cell_apply(in, tcb->state, event_ack(tcb, seg->ack)))
		return;
	if ((seg->flags & TCPX_URG) && !cell_apply(in, *state, TCPX_EV_URG))
		return;
	if (!whole)
		return;
	text = event_text(tcb, seg);
	if (text != TCPX_NEVENTS && !cell_apply(in, *state, text))
		return;
	if (fin)
		cell_apply(in, *state, both || *state == TCPX_FIN_WAIT2 ?
				       TCPX_EV_FIN_ACK : TCPX_EV_FIN);
}

/* RFC 9293 3.10.7.4 */
static void segment_with_tcb(struct tcpx_input *in)
{
	const struct tcpx_tcb *tcb = in->tcb;
	u8 event = event_gate(in);

	if (event == TCPX_NEVENTS) {
		segment_content(in, true);
		return;
	}
	cell_apply(in, tcb->state, event);
	if (event != TCPX_EV_SEQ_BAD || tcb->rcv_wnd || in->seg->seq != tcb->rcv_nxt)
		return;
	/* MUST-66: ACKs and urgent pointers are taken at a zero window, too */
	segment_content(in, false);
	/* One answer is enough: the RST or the ACK, else the challenge */
	if (in->v->acts & (TCPX_ACT_RST_SEQ | TCPX_ACT_ACK))
		in->v->acts &= ~TCPX_ACT_CHALLENGE;
}

/**
 * tcpx_fsm_segment() - what to do with a segment
 * @tcb: the variables of the connection, of the half-open entry or of the
 *	TIME-WAIT entry that it belongs to; in CLOSED and LISTEN only the state
 *	is read
 * @ctx: what else holds, mask of enum tcpx_ctx
 * @seg: the segment, parsed and with a right checksum
 * @v: where the verdict goes; written completely but for unused cells
 *
 * Takes the segment apart into one to four events, in the order that DOC: events
 * in tcpx_proto.h gives, and applies a cell of the table for each. An event that
 * discards the segment, or leads to CLOSED, is the last one. Actions add up,
 * the first reason stays.
 *
 * Nothing is changed but @v: the caller carries the verdict out.
 *
 * RFC 9293 3.10.7, RFC 5961 3.2, 4.2 and 5.2, RFC 7323 5.3.
 *
 * Context: Any. The caller keeps @tcb from changing.
 */
void tcpx_fsm_segment(const struct tcpx_tcb *tcb, u32 ctx,
		      const struct tcpx_seg *seg, struct tcpx_verdict *v)
{
	struct tcpx_input in = { .tcb = tcb, .seg = seg, .v = v, .ctx = ctx };

	verdict_init(v, tcb->state);
	switch (tcb->state) {
	case TCPX_CLOSED:
	case TCPX_LISTEN:
		cell_apply(&in, tcb->state, event_without_tcb(seg));
		return;
	case TCPX_SYN_SENT:
		segment_syn_sent(&in);
		return;
	default:
		segment_with_tcb(&in);
	}
}

/**
 * tcpx_fsm_event() - what to do about a call, a timer or an ICMP error
 * @tcb: the variables of the connection; only the state is read
 * @ctx: what else holds, mask of enum tcpx_ctx
 * @event: what happened
 * @err: the errno that ICMP_HARD or ICMP_SOFT stands for, else ignored
 * @v: where the verdict goes; written completely but for unused cells
 *
 * A call is refused where the verdict has an err and no action ERR or SOFT_ERR:
 * the err is what it returns. An event that is not possible in that state orders
 * nothing and gives EINVAL.
 *
 * A FIN that waited behind a hole happens when the hole is filled: then the
 * caller asks with TCPX_EV_FIN, or in FIN_WAIT2 with TCPX_EV_FIN_ACK. Events of
 * segments that need the segment belong to tcpx_fsm_segment().
 *
 * RFC 9293 3.10.1 to 3.10.6, 3.10.8, 3.9.2.2, RFC 5927.
 *
 * Context: Any. The caller keeps @tcb from changing.
 */
void tcpx_fsm_event(const struct tcpx_tcb *tcb, u32 ctx, enum tcpx_event event,
		    u8 err, struct tcpx_verdict *v)
{
	struct tcpx_input in = {
		.tcb = tcb, .seg = &no_seg, .v = v, .ctx = ctx, .err = err,
	};

	verdict_init(v, tcb->state);
	if (!cell_exists(tcb->state, event)) {
		v->reason = TCPX_R_STATE;
		v->err = EINVAL;
		return;
	}
	cell_apply(&in, tcb->state, event);
}

/**
 * tcpx_fsm_allows() - may a connection change its state like that?
 * @from: the state before, enum tcpx_state
 * @to: the state after
 *
 * For whoever sets a state, to assert what it does. Reads a column of the table,
 * so it is for changes of state, not for every packet. RFC 9293 figure 5, with
 * the segments that take two steps at once.
 *
 * Context: Any.
 * Return: true if @to is @from or some cell of state @from leads to @to.
 */
bool tcpx_fsm_allows(u8 from, u8 to)
{
	u8 event;

	if (!cell_exists(from, 0) || !cell_exists(to, 0))
		return false;
	if (from == to)
		return true;
	for (event = 0; event < TCPX_NEVENTS; event++)
		if (tcpx_table[event][from].next & (1U << to))
			return true;
	return false;
}

/**
 * tcpx_seq_acceptable() - does a segment touch the receive window?
 * @tcb: RCV.NXT and RCV.WND are read
 * @seq: SEG.SEQ
 * @len: SEG.LEN, SYN and FIN counted
 *
 * The four cases of RFC 9293 3.4, but an empty segment may stand at the right
 * edge: what a sender that has filled the window acknowledges has that number,
 * and while a segment of its is lost no other ACK gets through (A.2).
 *
 *	SEG.LEN	RCV.WND	acceptable if
 *	0	0	SEG.SEQ = RCV.NXT
 *	0	>0	RCV.NXT =< SEG.SEQ =< RCV.NXT+RCV.WND
 *	>0	0	not acceptable
 *	>0	>0	RCV.NXT =< SEG.SEQ < RCV.NXT+RCV.WND or
 *			RCV.NXT =< SEG.SEQ+SEG.LEN-1 < RCV.NXT+RCV.WND
 *
 * Context: Any.
 * Return: true if it is acceptable.
 */
bool tcpx_seq_acceptable(const struct tcpx_tcb *tcb, u32 seq, u32 len)
{
	if (!len)
		return seq - tcb->rcv_nxt <= tcb->rcv_wnd;
	return in_window(tcb, seq) || in_window(tcb, seq + len - 1);
}

/**
 * tcpx_fsm_cell() - a cell of the table for a reader
 * @state: column, enum tcpx_state
 * @event: row, enum tcpx_event
 * @info: where it goes; a cell outside the table is not possible
 *
 * For dumps, diagrams and tests. RFC 9293 3.10.
 *
 * Context: Any. The strings in @info are constant.
 */
void tcpx_fsm_cell(u8 state, u8 event, struct tcpx_cell_info *info)
{
	const struct tcpx_cell *cell;

	memset(info, 0, sizeof(*info));
	info->handler = "";
	info->rfc = "";
	if (!cell_exists(state, event))
		return;
	cell = &tcpx_table[event][state];
	if (cell->name)
		info->handler = cell->name;
	if (cell->rfc)
		info->rfc = cell->rfc;
	info->next = cell->next & ~TO(STAY);
	if (cell->next & TO(STAY))
		info->next |= 1U << state;
	info->acts = cell->order.acts;
	info->reason = cell->order.reason;
	info->possible = cell->possible;
}

static const char * const state_names[TCPX_NSTATES] = {
#define X(id, nr, name)								\
	[TCPX_##id ... (nr)] = (name),
	TCPX_STATE_LIST(X)
#undef X
};

static const char * const event_names[TCPX_NEVENTS] = {
#define X(id, name, ...)							\
	[TCPX_EV_##id] = (name),
	TCPX_EVENT_LIST(X)
#undef X
};

static const struct {
	const char *name;
	const char *text;
	const char *rfc;
} reasons[TCPX_NREASONS] = {
#define X(id, ...)								\
	[TCPX_R_##id] = { __VA_ARGS__ },
	TCPX_REASON_LIST(X)
#undef X
};

/**
 * tcpx_state_name() - the name of a state as RFC 9293 3.3.2 spells it
 * @state: enum tcpx_state
 *
 * Context: Any.
 * Return: a constant string, "?" if there is no such state.
 */
const char *tcpx_state_name(u8 state)
{
	return cell_exists(state, 0) ? state_names[state] : "?";
}

/**
 * tcpx_event_name() - the short name of an event, RFC 9293 3.10
 * @event: enum tcpx_event
 *
 * Context: Any.
 * Return: a constant string, "?" if there is no such event.
 */
const char *tcpx_event_name(u8 event)
{
	return event < TCPX_NEVENTS ? event_names[event] : "?";
}

/**
 * tcpx_reason_name() - the name of a reason, as its counter is called
 * @reason: enum tcpx_reason
 *
 * Context: Any.
 * Return: a constant string, "?" if there is no such reason.
 */
const char *tcpx_reason_name(u8 reason)
{
	return reason < TCPX_NREASONS ? reasons[reason].name : "?";
}

/**
 * tcpx_reason_text() - a reason as a sentence for people
 * @reason: enum tcpx_reason
 *
 * Context: Any.
 * Return: a constant string, "?" if there is no such reason.
 */
const char *tcpx_reason_text(u8 reason)
{
	return reason < TCPX_NREASONS ? reasons[reason].text : "?";
}

/**
 * tcpx_reason_rfc() - the clause that a reason follows, such as RFC 9293 3.4
 * @reason: enum tcpx_reason
 *
 * Context: Any.
 * Return: a constant string, empty if no RFC asks for it, "?" if there is no
 * such reason.
 */
const char *tcpx_reason_rfc(u8 reason)
{
	return reason < TCPX_NREASONS ? reasons[reason].rfc : "?";
}
