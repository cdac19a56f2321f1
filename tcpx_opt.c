// SPDX-License-Identifier: GPL-2.0
/*
 * The wire: a TCP header and its options, parsed once and built in one place.
 *
 * Floor 1. Bytes in, struct tcpx_seg out, and back. Whoever holds a parsed
 * segment reads no header byte any more. The checksum, the ports and the
 * addresses are the caller's.
 */
#include "tcpx_proto.h"

/* Option kinds, and lengths where they are fixed. */
enum {
	OPT_EOL = 0,		/* RFC 9293 3.1 */
	OPT_NOP = 1,		/* RFC 9293 3.1 */
	OPT_MSS = 2,		/* RFC 9293 3.7.1 */
	OPT_WS = 3,		/* RFC 7323 2.2 */
	OPT_SACK_PERM = 4,	/* RFC 2018 2 */
	OPT_SACK = 5,		/* RFC 2018 3 */
	OPT_TS = 8,		/* RFC 7323 3.2 */

	LEN_MSS = 4,
	LEN_WS = 3,
	LEN_SACK_PERM = 2,
	LEN_SACK_BASE = 2,
	LEN_SACK_BLOCK = 8,
	LEN_TS = 10,

	/* as written, with the NOPs that keep everything on 4 bytes */
	PADDED_WS = 4,
	PADDED_SACK_PERM = 4,
	PADDED_SACK_BASE = 4,
	PADDED_TS = 12,

	/* kinds and lengths where options are laid out as usual */
	USUAL_TS = OPT_NOP << 24 | OPT_NOP << 16 | OPT_TS << 8 | LEN_TS,
	USUAL_MSS = OPT_MSS << 8 | LEN_MSS,
	USUAL_SACK_TS = OPT_SACK_PERM << 24 | LEN_SACK_PERM << 16 | OPT_TS << 8 | LEN_TS,
	USUAL_WS = OPT_NOP << 16 | OPT_WS << 8 | LEN_WS,
	USUAL_SYN_LEN = 20,
};

static u16 get16(const u8 *p)
{
	return (u16)(p[0] << 8 | p[1]);
}

static u32 get32(const u8 *p)
{
	return (u32)get16(p) << 16 | get16(p + 2);
}

static u8 *put16(u8 *p, u16 val)
{
	p[0] = (u8)(val >> 8);
	p[1] = (u8)val;
	return p + 2;
}

static u8 *put32(u8 *p, u32 val)
{
	return put16(put16(p, (u16)(val >> 16)), (u16)val);
}

static u8 *put_pair(u8 *p, u8 kind, u8 len)
{
	p[0] = kind;
	p[1] = len;
	return p + 2;
}

static void take_mss(struct tcpx_opts *opt, const u8 *p)
{
	if (p[1] != LEN_MSS || !get16(p + 2))
		return;
	opt->mss = get16(p + 2);
	opt->bits |= TCPX_OPT_MSS;
}

static void take_ws(struct tcpx_opts *opt, const u8 *p)
{
	if (p[1] != LEN_WS)
		return;
	opt->wscale = min_t(u8, p[2], TCPX_WSCALE_MAX);
	opt->bits |= TCPX_OPT_WS;
}

static void take_ts(struct tcpx_opts *opt, const u8 *p)
{
	if (p[1] != LEN_TS)
		return;
	opt->tsval = get32(p + 2);
	opt->tsecr = get32(p + 6);
	opt->bits |= TCPX_OPT_TS;
}

static void take_sack(struct tcpx_opts *opt, const u8 *p)
{
	unsigned int n = (p[1] - LEN_SACK_BASE) / LEN_SACK_BLOCK;
	unsigned int i;

	if (!n || n > TCPX_SACK_MAX || p[1] != LEN_SACK_BASE + n * LEN_SACK_BLOCK)
		return;
	for (i = 0, p += LEN_SACK_BASE; i < n; i++, p += LEN_SACK_BLOCK) {
		opt->sack[i].start = get32(p);
		opt->sack[i].end = get32(p + 4);
	}
	opt->nsack = (u8)n;
	opt->bits |= TCPX_OPT_SACK;
}

/*
 * @p: a whole option, kind and length included. A known kind with a wrong
 * length, or where it does not belong, is skipped like an unknown one.
 */
static void take_opt(struct tcpx_opts *opt, bool syn, const u8 *p)
{
	switch (p[0]) {
	case OPT_MSS:
		if (syn)
			take_mss(opt, p);
		break;
	case OPT_WS:
		if (syn)
			take_ws(opt, p);
		break;
	case OPT_SACK_PERM:
		if (syn && p[1] == LEN_SACK_PERM)
			opt->bits |= TCPX_OPT_SACK_PERM;
		break;
	case OPT_SACK:
		if (!syn)
			take_sack(opt, p);
		break;
	case OPT_TS:
		take_ts(opt, p);
		break;
	}
}

/*
 * The two layouts that nearly all segments have, as tcpx_opt_build() writes them:
 * all that a SYN can ask for, and timestamps alone.
 */
static bool parse_usual(struct tcpx_opts *opt, bool syn, const u8 *p, u32 len)
{
	if (!syn && len == PADDED_TS && get32(p) == USUAL_TS) {
		take_ts(opt, p + 2);
		return true;
	}
	if (!syn || len != USUAL_SYN_LEN || get16(p) != USUAL_MSS ||
	    get32(p + 4) != USUAL_SACK_TS || get32(p + 16) >> 8 != USUAL_WS)
		return false;
	take_mss(opt, p);
	opt->bits |= TCPX_OPT_SACK_PERM;
	take_ts(opt, p + 6);
	take_ws(opt, p + 17);
	return true;
}

static int parse_opts(struct tcpx_opts *opt, bool syn, const u8 *p,
		      const u8 *end)
{
	if (parse_usual(opt, syn, p, end - p))
		return 0;
	while (p < end && p[0] != OPT_EOL) {
		if (p[0] == OPT_NOP) {
			p++;
			continue;
		}
		if (end - p < 2 || p[1] < 2 || p[1] > end - p)
			return -EBADMSG;
		take_opt(opt, syn, p);
		p += p[1];
	}
	return 0;
}

/**
 * tcpx_seg_parse() - turn the bytes of a segment into a struct tcpx_seg
 * @hdr: the first byte of the TCP header
 * @hdr_len: how many bytes can be read at @hdr
 * @seg_len: length of the whole segment, header and text, in bytes
 * @seg: the result
 *
 * Options: RFC 9293 3.1 (MUST-4 to MUST-7, MUST-64, MUST-68), 3.7.1; RFC 7323
 * 2.2, 3.2; RFC 2018. End of list ends, no-operation is skipped, every other
 * kind is skipped by its length. MSS, window scale and SACK-permitted count only
 * in a segment with SYN, SACK only in one without. A window scale above 14 is
 * 14 (RFC 7323 2.3), an MSS of 0 is none. An option that comes twice: the last
 * one counts, as in Linux. Padding behind end of list is not looked at.
 *
 * The checksum is not verified and the reserved bits are ignored.
 *
 * Context: Any.
 * Return:
 * * 0		- @seg is complete
 * * -EMSGSIZE	- the segment is shorter than its header says, or the header
 *		  shorter than 20 bytes (TCPX_R_TRUNCATED)
 * * -EAGAIN	- the first @seg->hlen bytes must be readable: make them so and
 *		  call again
 * * -EBADMSG	- an option has length 0 or 1 or runs over the end of the header
 *		  (TCPX_R_BAD_OPT); everything but @seg->opt is valid
 */
int tcpx_seg_parse(const u8 *hdr, u32 hdr_len, u32 seg_len,
		   struct tcpx_seg *seg)
{
	memset(seg, 0, sizeof(*seg));
	if (seg_len < TCPX_HLEN_MIN)
		return -EMSGSIZE;
	seg->hlen = TCPX_HLEN_MIN;
	if (hdr_len < TCPX_HLEN_MIN)
		return -EAGAIN;
	seg->hlen = (u8)((hdr[12] >> 4) * 4);
	if (seg->hlen < TCPX_HLEN_MIN || seg->hlen > seg_len)
		return -EMSGSIZE;
	if (seg->hlen > hdr_len)
		return -EAGAIN;

	seg->seq = get32(hdr + 4);
	seg->ack = get32(hdr + 8);
	seg->flags = hdr[13];
	seg->wnd = get16(hdr + 14);
	seg->urg = get16(hdr + 18);
	seg->len = seg_len - seg->hlen;
	seg->end = seg->seq + seg->len + !!(seg->flags & TCPX_SYN) +
		   !!(seg->flags & TCPX_FIN);
	return parse_opts(&seg->opt, seg->flags & TCPX_SYN,
			  hdr + TCPX_HLEN_MIN, hdr + seg->hlen);
}

/* Bytes of all options but SACK: at most 20. */
static unsigned int len_without_sack(const struct tcpx_opts *opt)
{
	unsigned int len = 0;

	if (opt->bits & TCPX_OPT_MSS)
		len += LEN_MSS;
	if (opt->bits & TCPX_OPT_TS)
		len += PADDED_TS;	/* SACK-permitted takes its padding */
	else if (opt->bits & TCPX_OPT_SACK_PERM)
		len += PADDED_SACK_PERM;
	if (opt->bits & TCPX_OPT_WS)
		len += PADDED_WS;
	return len;
}

/* How many SACK blocks are sent: those that fit, 4 or, beside timestamps, 3. */
static unsigned int sack_blocks(const struct tcpx_opts *opt)
{
	unsigned int room = TCPX_OPT_SPACE - PADDED_SACK_BASE;

	if (!(opt->bits & TCPX_OPT_SACK))
		return 0;
	room = (room - len_without_sack(opt)) / LEN_SACK_BLOCK;
	return min_t(unsigned int, opt->nsack, room);
}

/**
 * tcpx_opt_len() - how many bytes tcpx_opt_build() writes
 * @opt: the options
 *
 * Context: Any.
 * Return: 0..40, a multiple of 4
 */
unsigned int tcpx_opt_len(const struct tcpx_opts *opt)
{
	unsigned int n = sack_blocks(opt);

	return len_without_sack(opt) +
	       (n ? PADDED_SACK_BASE + n * LEN_SACK_BLOCK : 0);
}

static u8 *put_sack(u8 *p, const struct tcpx_opts *opt)
{
	unsigned int n = sack_blocks(opt);
	unsigned int i;

	if (!n)
		return p;
	p = put_pair(p, OPT_NOP, OPT_NOP);
	p = put_pair(p, OPT_SACK, (u8)(LEN_SACK_BASE + n * LEN_SACK_BLOCK));
	for (i = 0; i < n; i++) {
		p = put32(p, opt->sack[i].start);
		p = put32(p, opt->sack[i].end);
	}
	return p;
}

/**
 * tcpx_opt_build() - write options in the order and padding of Linux
 * @opt: the options: those in @opt->bits
 * @p: where to, room for tcpx_opt_len() bytes
 *
 * Each option starts so that its 32-bit values are aligned (RFC 7323 appendix
 * A): MSS; timestamps behind SACK-permitted or two NOPs; SACK-permitted behind
 * two NOPs if alone; window scale behind a NOP; SACK behind two NOPs. SACK
 * blocks that do not fit are left out (RFC 2018 3).
 *
 * Context: Any.
 * Return: behind the last one
 */
u8 *tcpx_opt_build(const struct tcpx_opts *opt, u8 *p)
{
	bool perm = opt->bits & TCPX_OPT_SACK_PERM;
	bool ts = opt->bits & TCPX_OPT_TS;

	if (opt->bits & TCPX_OPT_MSS) {
		p = put_pair(p, OPT_MSS, LEN_MSS);
		p = put16(p, opt->mss);
	}
	if (ts != perm)
		p = put_pair(p, OPT_NOP, OPT_NOP);
	if (perm)
		p = put_pair(p, OPT_SACK_PERM, LEN_SACK_PERM);
	if (ts) {
		p = put_pair(p, OPT_TS, LEN_TS);
		p = put32(p, opt->tsval);
		p = put32(p, opt->tsecr);
	}
	if (opt->bits & TCPX_OPT_WS) {
		p = put_pair(p, OPT_NOP, OPT_WS);
		p = put_pair(p, LEN_WS, min_t(u8, opt->wscale, TCPX_WSCALE_MAX));
	}
	return put_sack(p, opt);
}

/**
 * tcpx_hdr_build() - write a TCP header with its options
 * @seg: the segment; @seg->hlen, @seg->len and @seg->end are not looked at
 * @sport: source port
 * @dport: destination port
 * @hdr: where to, room for 20 + tcpx_opt_len() bytes
 *
 * RFC 9293 3.1. The checksum field is 0, to be filled by the caller. The data
 * offset follows from the options.
 *
 * Context: Any.
 */
void tcpx_hdr_build(const struct tcpx_seg *seg, __be16 sport, __be16 dport,
		    u8 *hdr)
{
	u8 *end = tcpx_opt_build(&seg->opt, hdr + TCPX_HLEN_MIN);

	memcpy(hdr, &sport, sizeof(sport));
	memcpy(hdr + 2, &dport, sizeof(dport));
	put32(hdr + 4, seg->seq);
	put32(hdr + 8, seg->ack);
	hdr[12] = (u8)((end - hdr) * 4); /* words, in the upper half */
	hdr[13] = seg->flags;
	put16(hdr + 14, seg->wnd);
	put16(hdr + 16, 0);
	put16(hdr + 18, seg->urg);
}
