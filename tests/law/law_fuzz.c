// SPDX-License-Identifier: GPL-2.0
/*
 * Floor 1 under random input, compiled with address and undefined-behaviour
 * sanitizers. TAP on standard output.
 *
 *	law_fuzz [ROUNDS [SEED]]
 *
 * The same seed gives the same run. The laws of the state machine get 100
 * segments a round. A segment lies in a heap block of exactly the length that
 * the parser was told, so reading one byte more is reported.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tcpx_proto.h"
#ifdef LAW_HAS_FSM
#include "../../kunit/tcpx_fsm_laws.h"
#endif

#define ROUNDS		220000UL
#define SEED		0x9e3779b97f4a7c15ULL
#define SYN_OPTS	(TCPX_OPT_MSS | TCPX_OPT_WS | TCPX_OPT_SACK_PERM)

#define CHECK(cond)	check(cond, __LINE__, #cond)

/* The first failure of a test ends it. */
static bool failed;

static void check(bool cond, int line, const char *text)
{
	if (cond || failed)
		return;
	failed = true;
	printf("# law_fuzz.c:%d: %s\n", line, text);
}

static u64 rnd_state;

static u64 rnd64(void)
{
	rnd_state ^= rnd_state >> 12;
	rnd_state ^= rnd_state << 25;
	rnd_state ^= rnd_state >> 27;
	return rnd_state * 0x2545f4914f6cdd1dULL;
}

static u32 rnd(u32 below)
{
	return (u32)((rnd64() >> 32) * below >> 32);
}

/* Values at the edges more often than chance would give. */
static u32 rnd_edge(void)
{
	static const u32 edges[] = {
		0, 1, 2, 3, 535, 536, 1460, 65535, 65536, 0x3fffffff,
		0x40000000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff,
	};

	if (rnd(2))
		return (u32)(rnd64() >> (32 + rnd(32)));
	return edges[rnd(ARRAY_SIZE(edges))];
}

static u8 *exact_copy(const u8 *src, u32 len)
{
	u8 *p = malloc(len ? len : 1);

	if (!p)
		abort();
	memcpy(p, src, len);
	return p;
}

static int parse_exact(const u8 *hdr, u32 hdr_len, u32 seg_len,
		       struct tcpx_seg *seg)
{
	u8 *p = exact_copy(hdr, hdr_len);
	int rc = tcpx_seg_parse(p, hdr_len, seg_len, seg);

	free(p);
	return rc;
}

/* What parse must answer before it looks at an option; 1: look at them */
static int expected_rc(const u8 *hdr, u32 hdr_len, u32 seg_len)
{
	u32 hlen;

	if (seg_len < 20)
		return -EMSGSIZE;
	if (hdr_len < 20)
		return -EAGAIN;
	hlen = (u32)(hdr[12] & 0xf0) >> 2;
	if (hlen < 20 || hlen > seg_len)
		return -EMSGSIZE;
	return hlen > hdr_len ? -EAGAIN : 1;
}

static void opts_sane(const struct tcpx_seg *seg)
{
	const struct tcpx_opts *opt = &seg->opt;
	bool syn = seg->flags & TCPX_SYN;

	CHECK(!(opt->bits & (syn ? TCPX_OPT_SACK : SYN_OPTS)));
	CHECK(!(opt->bits & ~(SYN_OPTS | TCPX_OPT_TS | TCPX_OPT_SACK)));
	CHECK(opt->wscale <= 14);
	CHECK(!(opt->bits & TCPX_OPT_MSS) == !opt->mss);
	CHECK(opt->nsack <= 4);
	CHECK(!(opt->bits & TCPX_OPT_SACK) == !opt->nsack);
}

/*
 * A parsed segment, built and parsed again, is the same segment. Also the
 * header that is built fills exactly the bytes that tcpx_opt_len() promised.
 */
static void survives_rebuild(const struct tcpx_seg *seg)
{
	u32 hlen = 20 + tcpx_opt_len(&seg->opt);
	struct tcpx_seg want = *seg;
	struct tcpx_seg got;
	u8 *hdr;
	int rc;

	CHECK(hlen % 4 == 0 && hlen >= 20 && hlen <= 60);
	hdr = malloc(hlen);
	if (!hdr)
		abort();
	memset(hdr, 0xa5, hlen);
	tcpx_hdr_build(seg, 0x1234, 0x5678, hdr);
	rc = tcpx_seg_parse(hdr, hlen, hlen + seg->len, &got);
	free(hdr);

	want.hlen = (u8)hlen;
	memset(want.opt.sack + want.opt.nsack, 0,
	       sizeof(want.opt.sack[0]) * (TCPX_SACK_MAX - want.opt.nsack));
	CHECK(rc == 0);
	CHECK(!memcmp(&want, &got, sizeof(got)));
}

static void parse_and_check(const u8 *hdr, u32 hdr_len, u32 seg_len)
{
	int want = expected_rc(hdr, hdr_len, seg_len);
	struct tcpx_seg seg;
	int rc;

	rc = parse_exact(hdr, hdr_len, seg_len, &seg);
	if (want != 1)
		CHECK(rc == want);
	if (rc == -EAGAIN)
		CHECK(seg.hlen > hdr_len && seg.hlen <= 60);
	if (rc == -EMSGSIZE || rc == -EAGAIN)
		return;

	CHECK(want == 1);
	CHECK(rc == 0 || rc == -EBADMSG);
	CHECK(seg.hlen == (hdr[12] & 0xf0) >> 2);
	CHECK(seg.len == seg_len - seg.hlen);
	CHECK(seg.end - seg.seq == seg.len + !!(seg.flags & TCPX_SYN) +
	      !!(seg.flags & TCPX_FIN));
	opts_sane(&seg);
	if (!rc)
		survives_rebuild(&seg);
}

static void random_bytes(u8 *p, u32 len)
{
	while (len--)
		*p++ = (u8)(rnd64() >> 56);
}

/* A segment whose options agree with its flags, as one that we send */
static void random_seg(struct tcpx_seg *seg)
{
	struct tcpx_opts *opt = &seg->opt;
	unsigned int i;

	memset(seg, 0, sizeof(*seg));
	seg->seq = rnd_edge();
	seg->ack = rnd_edge();
	seg->len = rnd(3) ? rnd(1500) : 0;
	seg->wnd = (u16)rnd(65536);
	seg->urg = (u16)rnd(65536);
	seg->flags = (u8)rnd(256);
	seg->end = seg->seq + seg->len + !!(seg->flags & TCPX_SYN) +
		   !!(seg->flags & TCPX_FIN);
	opt->bits = (u8)rnd(32) &
		    (seg->flags & TCPX_SYN ? (u8)~TCPX_OPT_SACK : (u8)~SYN_OPTS);
	if (opt->bits & TCPX_OPT_MSS)
		opt->mss = (u16)(1 + rnd(65535));
	if (opt->bits & TCPX_OPT_WS)
		opt->wscale = (u8)rnd(15);
	if (opt->bits & TCPX_OPT_TS) {
		opt->tsval = rnd_edge();
		opt->tsecr = rnd_edge();
	}
	if (opt->bits & TCPX_OPT_SACK)
		opt->nsack = (u8)(1 + rnd(opt->bits & TCPX_OPT_TS ? 3 : 4));
	for (i = 0; i < opt->nsack; i++) {
		opt->sack[i].start = rnd_edge();
		opt->sack[i].end = rnd_edge();
	}
}

/* 40 bytes of options: right, almost right and unknown ones */
static void random_opts(u8 *p)
{
	static const u8 kinds[] = { 0, 1, 1, 1, 2, 3, 4, 5, 5, 8, 8, 30, 254 };
	static const u8 lens[] = { 0, 1, 2, 2, 3, 3, 4, 4, 10, 10, 10, 18, 26, 34 };
	u8 *end = p + 40;

	while (p < end) {
		u8 kind = kinds[rnd(ARRAY_SIZE(kinds))];
		u8 len = rnd(8) ? lens[rnd(ARRAY_SIZE(lens))] : (u8)rnd(256);

		*p++ = kind;
		if (kind < 2 || p == end)
			continue;
		*p++ = len;
		len = len > 2 ? len - 2 : 0;
		len = min_t(u8, len, (u8)(end - p));
		random_bytes(p, len);
		p += len;
	}
}

static void seg_parse__random_bytes(void)
{
	u32 hdr_len = rnd(64);
	u8 hdr[64];

	random_bytes(hdr, sizeof(hdr));
	parse_and_check(hdr, hdr_len, rnd(2) ? rnd(64) : hdr_len + rnd(1500));
}

static void seg_parse__random_options(void)
{
	u8 hdr[60];

	random_bytes(hdr, 20);
	random_opts(hdr + 20);
	hdr[12] = (u8)((5 + rnd(11)) << 4);
	parse_and_check(hdr, 60, 60 + rnd(1500));
}

static void seg_parse__mutated(void)
{
	unsigned int n = 1 + rnd(4);
	struct tcpx_seg seg;
	u8 hdr[60] = { 0 };
	u32 hlen;

	random_seg(&seg);
	hlen = 20 + tcpx_opt_len(&seg.opt);
	tcpx_hdr_build(&seg, 1, 2, hdr);
	while (n--) {
		u32 at = rnd(2) ? rnd(hlen) : 12 + rnd(hlen - 12);

		if (rnd(2))
			hdr[at] ^= (u8)(1 << rnd(8));
		else
			hdr[at] = (u8)rnd(rnd(2) ? 256 : 12);
	}
	parse_and_check(hdr, hlen, hlen + seg.len);
}

static void seg_parse__truncated(void)
{
	struct tcpx_seg seg;
	u8 hdr[60] = { 0 };
	u32 hlen, cut;

	random_seg(&seg);
	hlen = 20 + tcpx_opt_len(&seg.opt);
	tcpx_hdr_build(&seg, 1, 2, hdr);
	cut = rnd(hlen);
	CHECK(parse_exact(hdr, cut, hlen + seg.len, &seg) == -EAGAIN);
	CHECK(parse_exact(hdr, cut, cut, &seg) == -EMSGSIZE);
	parse_and_check(hdr, cut, hlen);
}

static void hdr_build__parses_to_the_same(void)
{
	struct tcpx_seg seg;

	random_seg(&seg);
	survives_rebuild(&seg);
}

/* Options that no caller should ask for do not leave the 40 bytes either. */
static void opt_build__nonsense(void)
{
	struct tcpx_opts opt;
	unsigned int len;
	u8 *p;

	random_bytes((u8 *)&opt, sizeof(opt));
	len = tcpx_opt_len(&opt);
	CHECK(len <= 40 && len % 4 == 0);
	p = malloc(len ? len : 1);
	if (!p)
		abort();
	tcpx_opt_build(&opt, p);
	free(p);
}

static void rto__random_life(void)
{
	u32 max_us = 1 + rnd_edge() / 2;
	u32 min_us = rnd(2) ? 200000 : rnd_edge();
	unsigned int n = rnd(40);
	struct tcpx_rto r;
	u32 last;

	tcpx_rto_init(&r, 1 + rnd_edge() / 2);
	while (n--) {
		last = tcpx_rto_current(&r, max_us);
		CHECK(last <= max_us);
		if (rnd(2)) {
			tcpx_rto_backoff(&r);
			CHECK(tcpx_rto_current(&r, max_us) >= last);
			continue;
		}
		tcpx_rto_sample(&r, rnd_edge(), min_us, max_us);
		CHECK(r.rto <= max_us && r.backoff == 0 && r.min_rtt);
		CHECK(r.rto == max_us || r.rto >= min_us);
		CHECK(r.rto == max_us || r.rto >= r.min_rtt);
	}
}

static void rto_total__sum(void)
{
	u32 init_us = rnd_edge();
	u32 max_us = rnd_edge();
	unsigned int retries = rnd(70);
	u64 sum = 0;
	unsigned int k;

	for (k = 0; k <= retries; k++)
		sum += k < 32 && (u64)init_us << k < max_us ?
		       (u64)init_us << k : init_us ? max_us : 0;
	CHECK(tcpx_rto_total(init_us, max_us, retries) == sum);
}

static void cong_sane(const struct tcpx_cong *c)
{
	CHECK(c->cwnd >= 1 && c->cwnd <= 1U << 30);
	CHECK(c->ssthresh >= 2 && c->ssthresh <= 0x7fffffff);
	CHECK(c->acked < c->cwnd);
	CHECK(c->state <= TCPX_CONG_LOSS);
	if (c->state == TCPX_CONG_RECOVERY)
		CHECK(c->cwnd <= 3 * c->ssthresh);
}

static void cong__random_life(void)
{
	u32 smss = rnd(2) ? 1460 : rnd_edge();
	unsigned int n = rnd(60);
	struct tcpx_cong c, old;

	tcpx_cong_init(&c, smss, rnd_edge(), rnd_edge(), rnd(4));
	while (n--) {
		cong_sane(&c);
		old = c;
		switch (rnd(8)) {
		case 0:
			tcpx_cong_timeout(&c, smss, rnd_edge(), rnd_edge(), rnd(2));
			CHECK(c.cwnd <= max(smss, 1U));
			break;
		case 1:
			tcpx_cong_idle(&c, smss, rnd_edge());
			CHECK(c.cwnd <= old.cwnd);
			break;
		case 2:
		case 3:
			if (tcpx_cong_ack(&c, smss, rnd_edge(), rnd_edge(),
					  rnd_edge(), rnd(2)))
				CHECK(c.state == TCPX_CONG_RECOVERY);
			break;
		default:
			if (tcpx_cong_dupack(&c, smss, rnd_edge(), rnd_edge(),
					     rnd_edge()))
				CHECK(old.state == TCPX_CONG_OPEN &&
				      c.state == TCPX_CONG_RECOVERY);
		}
	}
	cong_sane(&c);
}

#ifdef LAW_HAS_FSM
static void random_tcb(struct tcpx_tcb *tcb)
{
	random_bytes((u8 *)tcb, sizeof(*tcb));
	tcb->state = (u8)(1 + rnd(TCPX_NSTATES - 1));
	tcb->flags &= 0x0f;
	tcb->snd_wscale %= 15;
	tcb->rcv_wscale %= 15;
	tcb->snd_nxt = tcb->snd_una + rnd(rnd(2) ? 4 : 100000);
	tcb->rcv_wnd = rnd(rnd(2) ? 2 : 100000);
}

static void fsm_segment__any_segment(void)
{
	struct tcpx_verdict v;
	struct tcpx_tcb tcb;
	struct tcpx_seg seg;
	unsigned int i;

	random_tcb(&tcb);
	random_seg(&seg);
	if (rnd(4)) {
		seg.end += tcb.rcv_nxt - 2 - seg.seq;
		seg.seq = tcb.rcv_nxt - 2;
		i = rnd(5);
		seg.seq += i;
		seg.end += i;
		seg.ack = tcb.snd_una - 1 + rnd(4);
	}
	tcpx_fsm_segment(&tcb, rnd(TCPX_CTX_LISTENER << 1), &seg, &v);
	CHECK(v.state >= 1 && v.state < TCPX_NSTATES);
	CHECK(v.state == tcb.state || tcpx_fsm_allows(tcb.state, v.state));
	CHECK(v.reason < TCPX_NREASONS);
	CHECK(!(v.acts & ~((1ULL << TCPX_NACTS) - 1)));
	CHECK(v.ncells >= 1 && v.ncells <= TCPX_VERDICT_CELLS);
	for (i = 0; i < v.ncells; i++)
		CHECK(v.cells[i] < TCPX_NCELLS);
}

/* SEC-20: which of all flags have met which state */
static bool met[TCPX_NSTATES][256];

/* A connection as it can be and a segment near its edges: all laws hold. */
static void fsm_segment__laws(void)
{
	static struct sample s;
	char text[SAMPLE_TEXT];
	size_t i;

	s.dice = rnd64();
	sample_next(&s);
	met[s.tcb.state][s.seg.flags] = true;
	for (i = 0; i < ARRAY_SIZE(laws); i++) {
		if (laws[i].holds(&s))
			continue;
		failed = true;
		printf("# %s: %s\n", laws[i].what, sample_text(&s, text, sizeof(text)));
		return;
	}
}

/* The last test: what the one before has met. Needs some rounds. */
static void fsm_segment__all_flags(void)
{
	unsigned int state, flags;

	for (state = 1; state < TCPX_NSTATES; state++)
		for (flags = 0; flags < 256; flags++)
			CHECK(met[state][flags]);
}
#endif

/* @times: what it does that often makes a round */
static const struct {
	const char *name;
	void (*round)(void);
	unsigned int times;
} tests[] = {
	{ "tcpx_seg_parse__random_bytes", seg_parse__random_bytes, 1 },
	{ "tcpx_seg_parse__random_options", seg_parse__random_options, 1 },
	{ "tcpx_seg_parse__mutated", seg_parse__mutated, 1 },
	{ "tcpx_seg_parse__truncated", seg_parse__truncated, 1 },
	{ "tcpx_opt_build__nonsense", opt_build__nonsense, 1 },
	{ "tcpx_hdr_build__parses_to_the_same", hdr_build__parses_to_the_same, 1 },
	{ "tcpx_rto__random_life", rto__random_life, 1 },
	{ "tcpx_rto_total__sum", rto_total__sum, 1 },
	{ "tcpx_cong__random_life", cong__random_life, 1 },
#ifdef LAW_HAS_FSM
	{ "tcpx_fsm_segment__any_segment", fsm_segment__any_segment, 1 },
	{ "tcpx_fsm_segment__laws", fsm_segment__laws, 100 },
	{ "tcpx_fsm_segment__all_flags", fsm_segment__all_flags, 1 },
#endif
};

int main(int argc, char **argv)
{
	unsigned long rounds = argc > 1 ? strtoul(argv[1], NULL, 0) : ROUNDS;
	u64 seed = argc > 2 ? strtoull(argv[2], NULL, 0) : SEED;
	int status = EXIT_SUCCESS;
	unsigned long n, end;
	size_t i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("TAP version 13\n1..%zu\n", ARRAY_SIZE(tests));
	printf("# %lu rounds each, seed %#llx\n", rounds, seed);
	for (i = 0; i < ARRAY_SIZE(tests); i++) {
		rnd_state = seed ? seed : 1;
		failed = false;
		end = rounds * tests[i].times;
		for (n = 0; n < end && !failed; n++)
			tests[i].round();
		if (failed) {
			printf("# in round %lu\nnot ", n);
			status = EXIT_FAILURE;
		}
		printf("ok %zu - %s\n", i + 1, tests[i].name);
	}
	return status;
}
