/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What holds for any segment on any connection, and samples made by dice to try
 * it on: the state-table oracle of tcpx_fsm_kunit.c and of tests/law.
 *
 * The laws are written from RFC 9293 and the requirement table, not from
 * tcpx_fsm.c. This is a part of those two programs, not an interface.
 */
#ifndef _TCPX_FSM_LAWS_H
#define _TCPX_FSM_LAWS_H

#include "../tcpx_proto.h"

#define ACT(name)	TCPX_ACT_##name

#define RCV_WND		4000
#define MAX_WND		8000
#define TO(state)	(1U << TCPX_##state)

/* ---- connections ---- */

/**
 * struct base - where on their circles the numbers of a connection lie
 * @snd: ISS
 * @rcv: IRS
 * @ts: TS.Recent
 * @echo: first TSval that we sent
 */
struct base {
	u32 snd;
	u32 rcv;
	u32 ts;
	u32 echo;
};

/**
 * struct frame - what a connection has done when it is in some state
 * @una: SND.UNA - ISS
 * @flight: SND.NXT - SND.UNA
 * @nxt: RCV.NXT - IRS, 0 before the peer's SYN
 * @fin: our FIN was sent
 */
struct frame {
	u8 una;
	u8 flight;
	u8 nxt;
	bool fin;
};

static const struct frame frames[TCPX_NSTATES] = {
	[TCPX_SYN_SENT] = { 0, 1, 0, false },
	[TCPX_NEW_SYN_RECV] = { 0, 1, 1, false },
	[TCPX_SYN_RECV] = { 0, 1, 1, false },
	[TCPX_ESTABLISHED] = { 201, 50, 101, false },
	[TCPX_FIN_WAIT1] = { 201, 51, 101, true },
	[TCPX_FIN_WAIT2] = { 252, 0, 101, true },
	[TCPX_CLOSE_WAIT] = { 201, 50, 102, false },
	[TCPX_CLOSING] = { 201, 51, 102, true },
	[TCPX_LAST_ACK] = { 201, 51, 102, true },
	[TCPX_TIME_WAIT] = { 252, 0, 102, true },
};

static void tcb_make(struct tcpx_tcb *t, u8 state, const struct base *b)
{
	const struct frame *f = &frames[state];

	*t = (struct tcpx_tcb){ .state = state };
	if (state == TCPX_CLOSED || state == TCPX_LISTEN)
		return;
	t->iss = b->snd;
	t->snd_una = b->snd + f->una;
	t->snd_nxt = t->snd_una + f->flight;
	t->snd_up = t->snd_una;
	t->snd_wl2 = t->snd_una;
	t->snd_wnd = MAX_WND;
	t->max_wnd = MAX_WND;
	t->rcv_wnd = RCV_WND;
	t->ts_first = b->echo;
	t->ts_last = b->echo + 20;
	t->flags = f->fin ? TCPX_TCB_FIN : 0;
	if (!f->nxt)
		return;
	t->irs = b->rcv;
	t->rcv_nxt = b->rcv + f->nxt;
	t->rcv_up = t->rcv_nxt;
	t->snd_wl1 = t->rcv_nxt;
	t->last_ack_sent = t->rcv_nxt;
	t->ts_recent = b->ts;
}

/* ---- verdicts ---- */

static const struct {
	const char *id;
	const char *name;
	const char *text;
} events[] = {
#define X(id, ...)							\
	[TCPX_EV_##id] = { #id, __VA_ARGS__ },
	TCPX_EVENT_LIST(X)
#undef X
};

#define LOG_SIZE	80

/* The events of @v, in their order, like "ACK URG TEXT FIN" */
static void events_log(const struct tcpx_verdict *v, char *log)
{
	unsigned int i, len = 0, event;

	log[0] = '\0';
	for (i = 0; i < v->ncells && i < TCPX_VERDICT_CELLS; i++) {
		event = v->cells[i] / TCPX_NSTATES;
		len += scnprintf(log + len, LOG_SIZE - len, "%s%s",
				 i ? " " : "",
				 event < TCPX_NEVENTS ? events[event].id : "?");
	}
}

/* Do the cells of @v, the first of @state, declare what @v orders? */
static bool verdict_declared(u8 state, const struct tcpx_verdict *v)
{
	u32 acts = 0, next = 0;
	struct tcpx_cell_info info;
	unsigned int i;

	if (!v->ncells || v->ncells > TCPX_VERDICT_CELLS)
		return false;
	for (i = 0; i < v->ncells; i++) {
		tcpx_fsm_cell(v->cells[i] % TCPX_NSTATES,
			      v->cells[i] / TCPX_NSTATES, &info);
		if (!info.possible)
			return false;
		acts |= info.acts;
		next |= info.next;
	}
	return !(v->acts & ~acts) && v->cells[0] % TCPX_NSTATES == state &&
	       next & 1U << v->state;
}

static void verdict_spoil(struct tcpx_verdict *v)
{
	memset(v, 0xa5, sizeof(*v));
}

/* ---- samples ---- */

/**
 * struct sample - a segment and a connection made by the dice
 * @dice: state of the generator
 * @nr: how many samples were made
 * @ctx: enum tcpx_ctx
 * @tcb: the connection
 * @seg: the segment
 * @v: the verdict
 */
struct sample {
	u64 dice;
	u32 nr;
	u32 ctx;
	struct tcpx_tcb tcb;
	struct tcpx_seg seg;
	struct tcpx_verdict v;
};

/* Knuth's MMIX generator; the upper half is the better one */
static u32 roll(struct sample *s)
{
	s->dice = s->dice * 6364136223846793005ULL + 1442695040888963407ULL;
	return s->dice >> 32;
}

static u32 roll_below(struct sample *s, u32 n)
{
	return roll(s) % n;
}

static u32 roll_wnd(struct sample *s)
{
	static const u32 wnds[] = {
		0, 1, 2, 100, RCV_WND, RCV_WND, 0xffff, 1 << 20, 1 << 30,
	};

	return wnds[roll_below(s, ARRAY_SIZE(wnds))];
}

static bool state_in(u8 state, u32 mask)
{
	return mask & 1U << state;
}

#define FIN_STATES	(TO(FIN_WAIT1) | TO(CLOSING) | TO(LAST_ACK))
#define HALF_OPEN	(TO(NEW_SYN_RECV) | TO(SYN_RECV))
#define NO_PEER		(TO(CLOSED) | TO(LISTEN) | TO(SYN_SENT))
#define FIN_WAITS	(TO(FIN_WAIT1) | TO(FIN_WAIT2))
#define FIN_TAKEN	(TO(CLOSE_WAIT) | TO(CLOSING) | TO(LAST_ACK))

static void sample_tcb(struct sample *s)
{
	struct base b = { roll(s), roll(s), roll(s), roll(s) };
	struct tcpx_tcb *t = &s->tcb;
	u8 state = 1 + roll_below(s, TCPX_NSTATES - 1);

	tcb_make(t, state, &b);
	t->rcv_wnd = roll_wnd(s);
	t->snd_wnd = roll_wnd(s);
	t->max_wnd = max(t->snd_wnd, roll_wnd(s));
	if (state_in(state, TO(ESTABLISHED) | TO(CLOSE_WAIT)))
		t->snd_una = t->snd_nxt - roll_below(s, 100);
	else if (state_in(state, FIN_STATES))
		t->snd_una = t->snd_nxt - 1 - roll_below(s, 100);
	if (state_in(state, FIN_STATES) && !roll_below(s, 4))
		t->flags &= ~TCPX_TCB_FIN;
	if (roll_below(s, 2))
		t->flags |= TCPX_TCB_TS;
}

static u32 sample_seq(struct sample *s)
{
	const struct tcpx_tcb *t = &s->tcb;
	u32 len = s->seg.len;
	const u32 seqs[] = {
		0, 0, 0, 1, 5, -1, -2, -len, 1 - len, -len / 2,
		t->rcv_wnd - 1, t->rcv_wnd, t->rcv_wnd + 1, t->rcv_wnd - len,
		roll(s), -roll_below(s, 100000),
	};

	return t->rcv_nxt + seqs[roll_below(s, ARRAY_SIZE(seqs))];
}

static u32 sample_ack(struct sample *s)
{
	const struct tcpx_tcb *t = &s->tcb;
	const u32 acks[] = {
		t->snd_una, t->snd_nxt, t->snd_nxt, t->snd_nxt, t->snd_una + 1,
		t->snd_nxt - 1, t->snd_nxt + 1, t->snd_una - 1,
		t->snd_una - t->max_wnd, t->snd_una - t->max_wnd - 1, roll(s),
	};

	return acks[roll_below(s, ARRAY_SIZE(acks))];
}

static void sample_opts(struct sample *s)
{
	const u32 vals[] = { 0, 0, 1, -1, 1000, roll(s) };
	const u32 echoes[] = { 0, 10, 20, 21, -1, roll(s) };
	struct tcpx_opts *o = &s->seg.opt;

	*o = (struct tcpx_opts){};
	if (roll_below(s, 2))
		return;
	o->bits = TCPX_OPT_TS;
	o->tsval = s->tcb.ts_recent + vals[roll_below(s, ARRAY_SIZE(vals))];
	o->tsecr = s->tcb.ts_first + echoes[roll_below(s, ARRAY_SIZE(echoes))];
}

/* Half of the samples have flags that take a segment far. */
static void sample_flags(struct sample *s)
{
	if (roll_below(s, 4))
		s->seg.flags |= TCPX_ACK;
	if (roll_below(s, 4))
		s->seg.flags &= ~TCPX_RST;
	if (roll_below(s, 4))
		s->seg.flags &= ~TCPX_SYN;
}

static void sample_seg(struct sample *s)
{
	const u32 lens[] = { 0, 0, 1, 10, 1460, RCV_WND, RCV_WND + 1, 65495 };
	struct tcpx_seg *seg = &s->seg;

	*seg = (struct tcpx_seg){ .hlen = TCPX_HLEN_MIN, .wnd = roll(s) };
	seg->flags = roll(s);
	if (s->nr % 2)
		sample_flags(s);
	seg->len = lens[roll_below(s, ARRAY_SIZE(lens))];
	seg->seq = sample_seq(s);
	seg->ack = sample_ack(s);
	seg->urg = roll(s);
	seg->end = seg->seq + seg->len + !!(seg->flags & TCPX_SYN) +
		   !!(seg->flags & TCPX_FIN);
	sample_opts(s);
}

static void sample_next(struct sample *s)
{
	s->nr++;
	sample_tcb(s);
	sample_seg(s);
	s->ctx = roll_below(s, 2) ? roll_below(s, TCPX_CTX_RST_LOOSE << 1) : 0;
	verdict_spoil(&s->v);
	tcpx_fsm_segment(&s->tcb, s->ctx, &s->seg, &s->v);
}

#define SAMPLE_TEXT	256

/* What a sample was and what came of it, for a reader */
static const char *sample_text(const struct sample *s, char *buf, size_t size)
{
	char log[LOG_SIZE];

	events_log(&s->v, log);
	scnprintf(buf, size,
		  "%s (%u), flags %#x, SEQ %+d, ACK %+d, len %u, window %u, ctx %#x: %s: %#x -> %s, reason %s",
		  tcpx_state_name(s->tcb.state), s->tcb.state, s->seg.flags,
		  s->seg.seq - s->tcb.rcv_nxt, s->seg.ack - s->tcb.snd_una, s->seg.len,
		  s->tcb.rcv_wnd, s->ctx, log, s->v.acts, tcpx_state_name(s->v.state),
		  tcpx_reason_name(s->v.reason));
	return buf;
}

/* ---- laws ---- */

static bool verdict_same(const struct tcpx_verdict *a,
			 const struct tcpx_verdict *b)
{
	return a->acts == b->acts && a->state == b->state &&
	       a->reason == b->reason && a->err == b->err &&
	       a->ncells == b->ncells && a->ncells <= TCPX_VERDICT_CELLS &&
	       !memcmp(a->cells, b->cells, a->ncells * sizeof(a->cells[0]));
}

/* Is one bit of @acts set at most? */
static bool one_at_most(u32 acts)
{
	return !(acts & (acts - 1));
}

#define RESETS		(ACT(RST) | ACT(RST_ACK) | ACT(RST_SEQ))
#define REPLIES		(RESETS | ACT(SYN) | ACT(SYN_ACK) | ACT(FIN) |	\
			 ACT(RTX) | ACT(PROBE) | ACT(ACK) |		\
			 ACT(ACK_LATER) | ACT(CHALLENGE) | ACT(ENTRY_NEW))
#define TAKINGS		(ACT(TAKE_ACK) | ACT(DUP_ACK) | ACT(URG) |	\
			 ACT(TEXT) | ACT(TEXT_OOO) | ACT(TAKE_FIN))

static bool rst_is_not_answered(const struct sample *s)
{
	return !(s->seg.flags & TCPX_RST) ||
	       !(s->v.acts & REPLIES & ~ACT(CHALLENGE));
}

static bool one_answer(const struct sample *s)
{
	return one_at_most(s->v.acts & (RESETS | ACT(ACK) | ACT(CHALLENGE))) &&
	       one_at_most(s->v.acts & (RESETS | ACT(SYN_ACK) | ACT(ENTRY_NEW)));
}

static bool a_drop_has_a_reason(const struct sample *s)
{
	return s->v.reason < TCPX_NREASONS &&
	       (s->v.reason || !(s->v.acts & ACT(DROP)));
}

static bool cells_declare_it(const struct sample *s)
{
	return verdict_declared(s->tcb.state, &s->v);
}

static bool the_state_is_allowed(const struct sample *s)
{
	return s->v.state == s->tcb.state ||
	       tcpx_fsm_allows(s->tcb.state, s->v.state);
}

/* SEG.SEQ =< RCV.NXT < SEG.SEQ + text */
static bool text_is_in_order(const struct sample *s)
{
	u32 old = s->tcb.rcv_nxt - s->seg.seq;

	return !(s->v.acts & ACT(TEXT)) ||
	       (s->tcb.rcv_wnd && old < s->seg.len &&
		!(s->seg.flags & TCPX_SYN) && !(s->v.acts & ACT(TEXT_OOO)));
}

/* A FIN behind a hole is out of order, too. */
static bool ooo_text_is_in_the_window(const struct sample *s)
{
	u32 hole = s->seg.seq - s->tcb.rcv_nxt;

	return !(s->v.acts & ACT(TEXT_OOO)) ||
	       (s->seg.end != s->seg.seq && hole && hole < s->tcb.rcv_wnd);
}

/* The FIN is at RCV.NXT once the text is taken, and the text fits. */
static bool fin_is_in_order(const struct sample *s)
{
	u32 rest = s->seg.seq + s->seg.len - s->tcb.rcv_nxt;

	return !(s->v.acts & ACT(TAKE_FIN)) ||
	       (s->seg.flags & TCPX_FIN && rest <= s->seg.len &&
		rest <= s->tcb.rcv_wnd && !rest == !(s->v.acts & ACT(TEXT)));
}

static bool taken_acks_are_in_range(const struct sample *s)
{
	const struct tcpx_tcb *t = &s->tcb;
	u32 news = s->seg.ack - t->snd_una;
	bool take = s->v.acts & ACT(TAKE_ACK);

	if (s->v.acts & (ACT(TAKE_ACK) | ACT(DUP_ACK)) &&
	    !(s->seg.flags & TCPX_ACK))
		return false;
	if (take && (!news || news > t->snd_nxt - t->snd_una))
		return t->state == TCPX_FIN_WAIT2 && !news;
	return !(s->v.acts & ACT(DUP_ACK)) || (!take && -news <= t->max_wnd);
}

/* RFC 9293 3.5.2: <SEQ=SEG.ACK> needs an ACK, <SEQ=0> needs that there is none */
static bool resets_fit_the_ack_bit(const struct sample *s)
{
	bool ack = s->seg.flags & TCPX_ACK;

	return !(s->v.acts & ACT(RST)) && (ack || !(s->v.acts & ACT(RST_SEQ))) &&
	       (!ack || !(s->v.acts & ACT(RST_ACK)));
}

static bool only_rst_is_an_error(const struct sample *s)
{
	if (!(s->v.acts & ACT(ERR)))
		return true;
	return s->seg.flags & TCPX_RST && s->v.err && s->v.state == TCPX_CLOSED;
}

static bool entries_end_once(const struct sample *s)
{
	u32 ends = s->v.acts & (ACT(CHILD) | ACT(ENTRY_FREE));

	if (s->tcb.state != TCPX_NEW_SYN_RECV)
		return !ends && !(s->v.acts & ACT(ENTRY_ACKED));
	return one_at_most(ends) &&
	       !ends == (s->v.state == TCPX_NEW_SYN_RECV) &&
	       !(ends & ACT(ENTRY_FREE)) == (s->v.state != TCPX_CLOSED) &&
	       !(ends && s->v.acts & ACT(ENTRY_ACKED));
}

static bool special_acts_keep_to_their_states(const struct sample *s)
{
	u8 state = s->tcb.state;

	if (s->v.acts & ACT(ENTRY_NEW) && state != TCPX_LISTEN)
		return false;
	if (s->v.acts & ACT(ENTRY_COOKIE) &&
	    (state != TCPX_LISTEN || !(s->ctx & TCPX_CTX_COOKIE)))
		return false;
	if (s->v.acts & ACT(REOPEN) &&
	    (state != TCPX_TIME_WAIT || !(s->ctx & TCPX_CTX_LISTENER)))
		return false;
	if (s->v.acts & ACT(RESTART_2MSL) && s->v.state != TCPX_TIME_WAIT)
		return false;
	return !state_in(state, TO(CLOSED) | TO(LISTEN)) ||
	       !(s->v.acts & ~(ACT(DROP) | ACT(ENTRY_NEW) | ACT(ENTRY_COOKIE) | RESETS));
}

/* Does a RST in @s hit the connection exactly? RFC 5961 3.2 */
static bool rst_is_exact(const struct sample *s)
{
	u32 off = s->seg.seq - s->tcb.rcv_nxt;

	if (!(s->seg.flags & TCPX_RST))
		return false;
	if (s->ctx & TCPX_CTX_RST_LOOSE && off < s->tcb.rcv_wnd)
		return true;
	return !off || (off == U32_MAX && state_in(s->tcb.state, FIN_TAKEN));
}

/* What ends a synchronized connection: exact RST, late text, the last ACK */
static bool nothing_else_ends_it(const struct sample *s)
{
	u8 state = s->tcb.state;

	if (s->v.state != TCPX_CLOSED || state_in(state, NO_PEER | HALF_OPEN))
		return true;
	if (s->seg.flags & TCPX_RST)
		return rst_is_exact(s);
	if (state == TCPX_LAST_ACK)
		return s->seg.ack == s->tcb.snd_nxt && s->tcb.flags & TCPX_TCB_FIN;
	if (state == TCPX_TIME_WAIT)
		return s->v.acts & ACT(REOPEN);
	return s->v.acts & ACT(RST_SEQ) && s->ctx & TCPX_CTX_ORPHAN &&
	       s->seg.len && state_in(state, TO(FIN_WAIT1) | TO(FIN_WAIT2));
}

/*
 * SEC-03: an unacceptable segment changes nothing, RFC 9293 3.4; at a window of
 * 0 its ACK and urgent pointer are taken, or a FIN alone.
 */
static bool blind_segments_take_nothing(const struct sample *s)
{
	const struct tcpx_tcb *t = &s->tcb;
	const struct tcpx_seg *seg = &s->seg;
	u32 text = ACT(TEXT) | ACT(TEXT_OOO) | (seg->len ? ACT(TAKE_FIN) : 0);

	if (state_in(t->state, NO_PEER) || seg->flags & (TCPX_SYN | TCPX_RST))
		return true;
	if (tcpx_seq_acceptable(t, seg->seq, seg->end - seg->seq))
		return true;
	if (!t->rcv_wnd && seg->seq == t->rcv_nxt)
		return !(s->v.acts & text);
	return !(s->v.acts & TAKINGS) && s->v.state == t->state;
}

/* SEC-03: an ACK of the unsent or the long past delivers nothing, RFC 5961 5.2 */
static bool blind_acks_take_nothing(const struct sample *s)
{
	const struct tcpx_tcb *t = &s->tcb;
	u32 low = t->snd_una - t->max_wnd;

	if (s->seg.flags & TCPX_ACK &&
	    tcpx_between(s->seg.ack, low, t->snd_nxt))
		return true;
	return !(s->v.acts & TAKINGS);
}

static bool synchronized_syn_takes_nothing(const struct sample *s)
{
	if (!(s->seg.flags & TCPX_SYN) ||
	    state_in(s->tcb.state, NO_PEER | HALF_OPEN | TO(TIME_WAIT)) ||
	    s->seg.flags & TCPX_RST)
		return true;
	return s->v.acts == (ACT(DROP) | ACT(CHALLENGE)) &&
	       s->v.state == s->tcb.state;
}

static bool inputs_stay(const struct sample *s)
{
	struct tcpx_tcb tcb = s->tcb;
	struct tcpx_seg seg = s->seg;
	struct tcpx_verdict v;

	tcpx_fsm_segment(&tcb, s->ctx, &seg, &v);
	return !memcmp(&tcb, &s->tcb, sizeof(tcb)) &&
	       !memcmp(&seg, &s->seg, sizeof(seg));
}

static bool old_verdicts_do_not_matter(const struct sample *s)
{
	struct tcpx_verdict v;

	memset(&v, 0, sizeof(v));
	tcpx_fsm_segment(&s->tcb, s->ctx, &s->seg, &v);
	return verdict_same(&v, &s->v);
}

static bool other_fields_do_not_matter(const struct sample *s)
{
	struct tcpx_seg seg = s->seg;
	struct tcpx_verdict v;

	seg.flags ^= TCPX_PSH | TCPX_ECE | TCPX_CWR;
	seg.wnd = ~seg.wnd;
	seg.hlen = TCPX_HLEN_MAX;
	seg.opt.bits ^= TCPX_OPT_MSS | TCPX_OPT_WS | TCPX_OPT_SACK_PERM;
	seg.opt.mss = 1;
	seg.opt.wscale = 3;
	tcpx_fsm_segment(&s->tcb, s->ctx, &seg, &v);
	return verdict_same(&v, &s->v);
}

/* The circles have no origin: both sequence spaces and both clocks are turned. */
static void tcb_turn(struct tcpx_tcb *t, const struct base *by)
{
	t->iss += by->snd;
	t->snd_una += by->snd;
	t->snd_nxt += by->snd;
	t->snd_wl2 += by->snd;
	t->snd_up += by->snd;
	t->irs += by->rcv;
	t->rcv_nxt += by->rcv;
	t->rcv_up += by->rcv;
	t->snd_wl1 += by->rcv;
	t->last_ack_sent += by->rcv;
	t->ts_recent += by->ts;
	t->ts_first += by->echo;
	t->ts_last += by->echo;
}

static bool the_circle_has_no_origin(const struct sample *s)
{
	struct base by = {
		-s->tcb.snd_una + s->nr % 200 - 100,
		-s->tcb.rcv_nxt + s->nr % 300 - 150,
		-s->tcb.ts_recent + s->nr % 3 - 1, s->nr * 2654435761U,
	};
	struct tcpx_tcb tcb = s->tcb;
	struct tcpx_seg seg = s->seg;
	struct tcpx_verdict v;

	tcb_turn(&tcb, &by);
	seg.seq += by.rcv;
	seg.end += by.rcv;
	seg.ack += by.snd;
	seg.opt.tsval += by.ts;
	seg.opt.tsecr += by.echo;
	tcpx_fsm_segment(&tcb, s->ctx, &seg, &v);
	return verdict_same(&v, &s->v);
}

/* ---- the answer, as the requirement table says ---- */

#define ANSWERS		(RESETS | ACT(SYN_ACK) | ACT(ENTRY_NEW) | ACT(REOPEN) |	\
			 ACT(ACK) | ACT(ACK_LATER) | ACT(CHALLENGE))

static bool has(const struct sample *s, u8 flags)
{
	return (s->seg.flags & flags) == flags;
}

/* SEG.ACK acknowledges something new */
static bool ack_is_good(const struct sample *s)
{
	u32 news = s->seg.ack - s->tcb.snd_una;

	return news && news <= s->tcb.snd_nxt - s->tcb.snd_una;
}

static bool stamped(const struct sample *s)
{
	return s->tcb.flags & TCPX_TCB_TS && s->seg.opt.bits & TCPX_OPT_TS;
}

/* @s echoes a TSval that its SYN-SENT or SYN-RECEIVED peer never sent */
static bool echo_is_bad(const struct sample *s)
{
	const struct tcpx_tcb *t = &s->tcb;

	return stamped(s) && s->seg.opt.tsecr - t->ts_first > t->ts_last - t->ts_first;
}

static bool stamps_are_bad(const struct sample *s)
{
	if (state_in(s->tcb.state, HALF_OPEN) && has(s, TCPX_ACK) && echo_is_bad(s))
		return true;
	return stamped(s) && !(s->ctx & TCPX_CTX_TS_STALE) &&
	       (s32)(s->seg.opt.tsval - s->tcb.ts_recent) < 0;
}

static u32 answer_without_tcb(const struct sample *s)
{
	if (has(s, TCPX_RST))
		return 0;
	if (has(s, TCPX_ACK))
		return s->tcb.state == TCPX_LISTEN && s->ctx & TCPX_CTX_COOKIE &&
		       !has(s, TCPX_SYN) ? 0 : ACT(RST_SEQ);
	if (s->tcb.state == TCPX_CLOSED)
		return ACT(RST_ACK);
	if (!has(s, TCPX_SYN) || has(s, TCPX_FIN) || s->ctx & TCPX_CTX_ACCEPT_FULL)
		return 0;
	return ACT(ENTRY_NEW);
}

static u32 answer_syn_sent(const struct sample *s)
{
	if (has(s, TCPX_RST))
		return 0;
	if (!has(s, TCPX_ACK))
		return has(s, TCPX_SYN) ? ACT(SYN_ACK) : 0;
	if (!ack_is_good(s))
		return ACT(RST_SEQ);
	return has(s, TCPX_SYN) && !echo_is_bad(s) ? ACT(ACK) : 0;
}

static u32 answer_rst(const struct sample *s)
{
	const struct tcpx_tcb *t = &s->tcb;

	if (rst_is_exact(s))
		return t->state == TCPX_NEW_SYN_RECV && has(s, TCPX_ACK) && !ack_is_good(s) ?
		       ACT(CHALLENGE) : 0;
	if (t->state == TCPX_TIME_WAIT)
		return 0;
	return s->seg.seq - t->rcv_nxt < t->rcv_wnd ? ACT(CHALLENGE) : 0;
}

/* An entry is acknowledged */
static u32 answer_entry_ack(const struct sample *s)
{
	u32 refused = TCPX_CTX_ACCEPT_FULL | TCPX_CTX_ABORT_FULL;

	if (s->ctx & TCPX_CTX_DEFER && s->seg.end == s->tcb.irs + 1)
		return 0;
	return (s->ctx & refused) == refused ? ACT(RST_SEQ) : 0;
}

static u32 answer_syn_half_open(const struct sample *s)
{
	const struct tcpx_tcb *t = &s->tcb;
	bool entry = t->state == TCPX_NEW_SYN_RECV;

	if (has(s, TCPX_ACK) && !ack_is_good(s))
		return entry ? ACT(RST_SEQ) : ACT(CHALLENGE);
	if (stamps_are_bad(s))
		return ACT(CHALLENGE);
	if (s->seg.seq == t->irs && !has(s, TCPX_ACK))
		return ACT(SYN_ACK);
	if (s->seg.seq == t->irs)
		return entry ? answer_entry_ack(s) : 0;
	if (entry && !has(s, TCPX_ACK) && !(s->ctx & TCPX_CTX_SYN_STRICT) &&
	    s->seg.seq - t->rcv_nxt < t->rcv_wnd)
		return 0;
	return ACT(CHALLENGE);
}

static u32 answer_syn_time_wait(const struct sample *s)
{
	s32 newer = s->seg.seq - s->tcb.rcv_nxt;

	if (stamped(s) && s->seg.opt.tsval != s->tcb.ts_recent)
		newer = s->seg.opt.tsval - s->tcb.ts_recent;
	return s->ctx & TCPX_CTX_LISTENER && !has(s, TCPX_ACK) && !has(s, TCPX_FIN) &&
	       newer > 0 ? ACT(REOPEN) : ACT(ACK);
}

static u32 answer_syn(const struct sample *s)
{
	if (state_in(s->tcb.state, HALF_OPEN))
		return answer_syn_half_open(s);
	return s->tcb.state == TCPX_TIME_WAIT ? answer_syn_time_wait(s) : ACT(CHALLENGE);
}

/* The segment is outside the window */
static u32 answer_outside(const struct sample *s)
{
	const struct tcpx_tcb *t = &s->tcb;

	if (!t->rcv_wnd && s->seg.seq == t->rcv_nxt && t->state == TCPX_NEW_SYN_RECV)
		return answer_entry_ack(s) ?: ACT(CHALLENGE);
	if (state_in(t->state, HALF_OPEN))
		return ACT(CHALLENGE);
	if (t->state != TCPX_TIME_WAIT && s->seg.end == s->seg.seq)
		return ACT(CHALLENGE);
	return ACT(ACK);
}

/* Text or FIN of an acceptable segment whose ACK is in its range */
static u32 answer_text(const struct sample *s)
{
	const struct tcpx_tcb *t = &s->tcb;
	s32 gap = s->seg.seq - t->rcv_nxt;
	bool fin_acked = t->flags & TCPX_TCB_FIN && s->seg.ack == t->snd_nxt;
	bool text = s->seg.len && (gap > 0 || s->seg.len > (u32)-gap);
	bool fin = has(s, TCPX_FIN) && gap <= 0 && gap + s->seg.len <= t->rcv_wnd;
	bool late = has(s, TCPX_FIN) && gap > 0;

	if (text && s->ctx & TCPX_CTX_ORPHAN && state_in(t->state, FIN_WAITS))
		return ACT(RST_SEQ);
	if (t->state == TCPX_LAST_ACK && fin_acked && !fin)
		return 0;
	if (text && state_in(t->state, FIN_TAKEN | TO(TIME_WAIT)))
		return ACT(ACK);
	if (fin && fin_acked && state_in(t->state, TO(CLOSING) | TO(LAST_ACK)))
		return 0;
	return (text && gap <= 0 ? ACT(ACK_LATER) : 0) |
	       ((text && gap > 0) || fin || late ? ACT(ACK) : 0);
}

static u32 answer_acceptable(const struct sample *s)
{
	const struct tcpx_tcb *t = &s->tcb;
	bool in_range = s->seg.ack - (t->snd_una - t->max_wnd) <=
			t->snd_nxt - (t->snd_una - t->max_wnd);

	if (!in_range)
		return t->state == TCPX_TIME_WAIT ? ACT(ACK) : ACT(CHALLENGE);
	if (t->state == TCPX_NEW_SYN_RECV && s->ctx & TCPX_CTX_ACCEPT_FULL)
		return answer_entry_ack(s);
	if (t->state == TCPX_TIME_WAIT && s->seg.end == s->seg.seq && !has(s, TCPX_URG))
		return s->seg.ack == t->snd_nxt ? 0 : ACT(ACK);
	return answer_text(s);
}

/* What the requirement table wants, step by step, for a connection with a TCB */
static u32 answer_wanted(const struct sample *s)
{
	const struct tcpx_tcb *t = &s->tcb;
	const struct tcpx_seg *seg = &s->seg;
	bool fin_at_edge = has(s, TCPX_FIN) && !seg->len && seg->seq == t->rcv_nxt;

	if (has(s, TCPX_RST))
		return answer_rst(s);
	if (has(s, TCPX_SYN))
		return answer_syn(s);
	if (!has(s, TCPX_ACK))
		return 0;
	if (state_in(t->state, HALF_OPEN) && !ack_is_good(s))
		return ACT(RST_SEQ);
	if (stamps_are_bad(s))
		return t->state == TCPX_TIME_WAIT ? ACT(ACK) : ACT(CHALLENGE);
	if (!tcpx_seq_acceptable(t, seg->seq, seg->end - seg->seq) && !fin_at_edge)
		return answer_outside(s);
	return answer_acceptable(s);
}

static bool answer_is_right(const struct sample *s)
{
	u32 answer = s->v.acts & ANSWERS;

	if (state_in(s->tcb.state, TO(CLOSED) | TO(LISTEN)))
		return answer == answer_without_tcb(s);
	if (s->tcb.state == TCPX_SYN_SENT)
		return answer == answer_syn_sent(s);
	return answer == answer_wanted(s);
}

struct law {
	const char *what;
	bool (*holds)(const struct sample *s);
};

static const struct law laws[] = {
	{ "a RST is not answered", rst_is_not_answered },
	{ "a segment has one answer at most", one_answer },
	{ "the answer is that of the requirement table", answer_is_right },
	{ "a drop has a reason", a_drop_has_a_reason },
	{ "the cells declare what is ordered", cells_declare_it },
	{ "the transition is allowed", the_state_is_allowed },
	{ "text is taken in order", text_is_in_order },
	{ "text out of order is in the window", ooo_text_is_in_the_window },
	{ "a FIN is taken in order", fin_is_in_order },
	{ "a taken ACK is in its range", taken_acks_are_in_range },
	{ "a reset fits the ACK bit", resets_fit_the_ack_bit },
	{ "only a RST is an error", only_rst_is_an_error },
	{ "a half-open entry ends once", entries_end_once },
	{ "special actions keep to their states", special_acts_keep_to_their_states },
	{ "nothing else ends a connection", nothing_else_ends_it },
	{ "a blind segment takes nothing", blind_segments_take_nothing },
	{ "a blind ACK takes nothing", blind_acks_take_nothing },
	{ "a SYN takes nothing from a connection", synchronized_syn_takes_nothing },
	{ "connection and segment are only read", inputs_stay },
	{ "an old verdict does not matter", old_verdicts_do_not_matter },
	{ "PSH, ECE, CWR, window and options do not matter", other_fields_do_not_matter },
	{ "the circle has no origin", the_circle_has_no_origin },
};

#endif /* _TCPX_FSM_LAWS_H */
