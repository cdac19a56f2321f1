// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of tcpx_opt.c: the TCP header and its options. Expected bytes are written
 * out, from RFC 9293, RFC 7323, RFC 2018 and from what Linux's own TCP sends.
 */
#include <kunit/test.h>

#include "../tcpx_proto.h"

#define SACK_OPTS	(TCPX_OPT_TS | TCPX_OPT_SACK)
#define SYN_OPTS \
	(TCPX_OPT_MSS | TCPX_OPT_WS | TCPX_OPT_TS | TCPX_OPT_SACK_PERM)

/* A header of 20 bytes without options: 0x1234 > 0x5678, ACK */
static const u8 plain_hdr[20] = {
	0x12, 0x34, 0x56, 0x78,		/* ports */
	0x01, 0x02, 0x03, 0x04,		/* SEG.SEQ */
	0x05, 0x06, 0x07, 0x08,		/* SEG.ACK */
	0x50, 0x10, 0xab, 0xcd,		/* data offset, flags, window */
	0xfa, 0xce, 0x00, 0x07,		/* checksum, urgent pointer */
};

/* plain_hdr with @flags and 40 bytes of options: @opts, then zeros (EOL) */
static int parse_opts(const u8 *opts, u32 len, u8 flags, struct tcpx_seg *seg)
{
	u8 hdr[60] = { 0 };

	memcpy(hdr, plain_hdr, sizeof(plain_hdr));
	memcpy(hdr + 20, opts, len);
	hdr[12] = 0xf0;
	hdr[13] = flags;
	return tcpx_seg_parse(hdr, sizeof(hdr), sizeof(hdr), seg);
}

/* tcpx_seg_parse(): lengths */

struct len_case {
	const char *name;
	u32 hdr_len;
	u32 seg_len;
	u8 doff;	/* in words */
	int rc;
	u8 hlen;	/* if not refused */
};

static const struct len_case len_cases[] = {
	{ "empty", 0, 0, 5, -EMSGSIZE, 0 },
	{ "19 bytes", 19, 19, 5, -EMSGSIZE, 0 },
	{ "20 bytes", 20, 20, 5, 0, 20 },
	{ "data offset 0", 60, 60, 0, -EMSGSIZE, 0 },
	{ "data offset 1", 60, 60, 1, -EMSGSIZE, 0 },
	{ "data offset 4", 60, 60, 4, -EMSGSIZE, 0 },
	{ "data offset 15", 60, 60, 15, 0, 60 },
	{ "header longer than segment", 20, 20, 6, -EMSGSIZE, 0 },
	{ "header longer by a byte", 23, 23, 6, -EMSGSIZE, 0 },
	{ "header fills segment", 24, 24, 6, 0, 24 },
	{ "60 byte header in 59", 59, 59, 15, -EMSGSIZE, 0 },
	{ "nothing readable", 0, 20, 5, -EAGAIN, 20 },
	{ "19 readable", 19, 1500, 5, -EAGAIN, 20 },
	{ "options not readable", 20, 1500, 15, -EAGAIN, 60 },
	{ "last byte not readable", 59, 60, 15, -EAGAIN, 60 },
	{ "header just readable", 60, 1500, 15, 0, 60 },
	{ "more readable than the segment", 60, 24, 6, 0, 24 },
	{ "truncated before unreadable", 20, 59, 15, -EMSGSIZE, 0 },
};

static void len_desc(const struct len_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(len, len_cases, len_desc);

static void tcpx_seg_parse__length(struct kunit *test)
{
	const struct len_case *c = test->param_value;
	struct tcpx_seg seg;
	u8 hdr[60] = { 0 };

	hdr[12] = (u8)(c->doff << 4);
	KUNIT_ASSERT_EQ(test, tcpx_seg_parse(hdr, c->hdr_len, c->seg_len, &seg),
			c->rc);
	if (c->rc != -EMSGSIZE)
		KUNIT_EXPECT_EQ(test, seg.hlen, c->hlen);
	if (!c->rc)
		KUNIT_EXPECT_EQ(test, seg.len, c->seg_len - c->hlen);
}

/* tcpx_seg_parse(): the fixed part */

static void tcpx_seg_parse__fields(struct kunit *test)
{
	struct tcpx_seg seg;

	KUNIT_ASSERT_EQ(test, tcpx_seg_parse(plain_hdr, 20, 120, &seg), 0);
	KUNIT_EXPECT_EQ(test, seg.seq, 0x01020304U);
	KUNIT_EXPECT_EQ(test, seg.ack, 0x05060708U);
	KUNIT_EXPECT_EQ(test, seg.wnd, 0xabcd);
	KUNIT_EXPECT_EQ(test, seg.urg, 7);
	KUNIT_EXPECT_EQ(test, seg.flags, TCPX_ACK);
	KUNIT_EXPECT_EQ(test, seg.hlen, 20);
	KUNIT_EXPECT_EQ(test, seg.len, 100U);
	KUNIT_EXPECT_EQ(test, seg.end, 0x01020304U + 100);
	KUNIT_EXPECT_EQ(test, seg.opt.bits, 0);
}

/* RFC 9293 3.1: reserved bits "must be ignored in received segments". */
static void tcpx_seg_parse__reserved_bits(struct kunit *test)
{
	struct tcpx_seg seg;
	u8 hdr[20];

	memcpy(hdr, plain_hdr, sizeof(hdr));
	hdr[12] = 0x5f;
	KUNIT_ASSERT_EQ(test, tcpx_seg_parse(hdr, 20, 20, &seg), 0);
	KUNIT_EXPECT_EQ(test, seg.hlen, 20);
	KUNIT_EXPECT_EQ(test, seg.flags, TCPX_ACK);
}

struct end_case {
	const char *name;
	u32 seq;
	u32 text;
	u8 flags;
	u32 end;
};

static const struct end_case end_cases[] = {
	{ "ACK", 1000, 0, TCPX_ACK, 1000 },
	{ "text", 1000, 100, TCPX_ACK, 1100 },
	{ "SYN", 1000, 0, TCPX_SYN, 1001 },
	{ "FIN", 1000, 0, TCPX_FIN | TCPX_ACK, 1001 },
	{ "text and FIN", 1000, 100, TCPX_FIN | TCPX_ACK, 1101 },
	{ "SYN and FIN", 1000, 0, TCPX_SYN | TCPX_FIN, 1002 },
	{ "RST and URG count nothing", 1000, 0, TCPX_RST | TCPX_URG, 1000 },
	{ "SYN before the wrap", 0xffffffff, 0, TCPX_SYN, 0 },
	{ "text over the wrap", 0xfffffff0, 0x20, TCPX_ACK, 0x10 },
	{ "all flags", 7, 0, 0xff, 9 },
};

static void end_desc(const struct end_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(end, end_cases, end_desc);

static void tcpx_seg_parse__end(struct kunit *test)
{
	const struct end_case *c = test->param_value;
	struct tcpx_seg seg;
	u8 hdr[20] = { 0 };

	hdr[4] = (u8)(c->seq >> 24);
	hdr[5] = (u8)(c->seq >> 16);
	hdr[6] = (u8)(c->seq >> 8);
	hdr[7] = (u8)c->seq;
	hdr[12] = 0x50;
	hdr[13] = c->flags;
	KUNIT_ASSERT_EQ(test, tcpx_seg_parse(hdr, 20, 20 + c->text, &seg), 0);
	KUNIT_EXPECT_EQ(test, seg.flags, c->flags);
	KUNIT_EXPECT_EQ(test, seg.end, c->end);
}

/*
 * tcpx_seg_parse(): impossible options, MUST-7. @opts are the last bytes of the
 * header, behind NOPs.
 */

struct bad_opt_case {
	const char *name;
	u8 n;
	u8 opts[12];
};

static const struct bad_opt_case bad_opt_cases[] = {
	{ "MSS, length 0", 4, { 2, 0, 5, 0xb4 } },
	{ "MSS, length 1", 4, { 2, 1, 5, 0xb4 } },
	{ "MSS, over the end by one", 3, { 2, 4, 5 } },
	{ "MSS, length 255", 4, { 2, 255, 5, 0xb4 } },
	{ "MSS, no length byte", 1, { 2 } },
	{ "window scale, over the end", 2, { 3, 3 } },
	{ "window scale, no length byte", 1, { 3 } },
	{ "SACK-permitted, length 0", 2, { 4, 0 } },
	{ "SACK-permitted, length 1", 2, { 4, 1 } },
	{ "SACK-permitted, no length byte", 1, { 4 } },
	{ "SACK, over the end by one", 9, { 5, 10, 0, 0, 0, 1, 0, 0, 0 } },
	{ "SACK, length 34 over the end", 10, { 5, 34, 0, 0, 0, 1, 0, 0, 0, 2 } },
	{ "timestamps, over the end", 9, { 8, 10, 0, 0, 0, 1, 0, 0, 0 } },
	{ "timestamps, no length byte", 1, { 8 } },
	{ "unknown, length 0", 4, { 254, 0, 0, 0 } },
	{ "unknown, length 1", 4, { 254, 1, 0, 0 } },
	{ "unknown, over the end", 4, { 254, 5, 0, 0 } },
	{ "unknown, no length byte", 1, { 254 } },
	{ "behind a good option", 8, { 2, 4, 5, 0xb4, 3, 0, 7, 1 } },
	{ "behind an unknown option", 6, { 254, 4, 0, 0, 2, 4 } },
};

static void bad_opt_desc(const struct bad_opt_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(bad_opt, bad_opt_cases, bad_opt_desc);

static void tcpx_seg_parse__bad_option(struct kunit *test)
{
	const struct bad_opt_case *c = test->param_value;
	struct tcpx_seg seg;
	u8 opts[40];

	memset(opts, 1, sizeof(opts));
	memcpy(opts + sizeof(opts) - c->n, c->opts, c->n);
	KUNIT_EXPECT_EQ(test, parse_opts(opts, 40, TCPX_SYN, &seg), -EBADMSG);
	KUNIT_EXPECT_EQ(test, parse_opts(opts, 40, TCPX_ACK, &seg), -EBADMSG);
	KUNIT_EXPECT_EQ(test, seg.seq, 0x01020304U);
	KUNIT_EXPECT_EQ(test, seg.hlen, 60);
}

/* tcpx_seg_parse(): options that are taken or ignored. Behind @opts is EOL. */

struct opt_case {
	const char *name;
	u8 flags;
	u8 n;
	u8 opts[40];
	u8 bits;
	u16 mss;
	u8 wscale;
};

static const struct opt_case opt_cases[] = {
	{ "none", TCPX_SYN, 0, { 0 }, 0, 0, 0 },
	{ "MSS", TCPX_SYN, 4, { 2, 4, 5, 0xb4 }, TCPX_OPT_MSS, 1460, 0 },
	{ "MSS of SYN-ACK", TCPX_SYN | TCPX_ACK, 4, { 2, 4, 5, 0xb4 },
	  TCPX_OPT_MSS, 1460, 0 },
	{ "MSS without SYN", TCPX_ACK, 4, { 2, 4, 5, 0xb4 }, 0, 0, 0 },
	{ "MSS 0 is none", TCPX_SYN, 4, { 2, 4, 0, 0 }, 0, 0, 0 },
	{ "MSS 1", TCPX_SYN, 4, { 2, 4, 0, 1 }, TCPX_OPT_MSS, 1, 0 },
	{ "MSS 256", TCPX_SYN, 4, { 2, 4, 1, 0 }, TCPX_OPT_MSS, 256, 0 },
	{ "MSS 65535", TCPX_SYN, 4, { 2, 4, 0xff, 0xff }, TCPX_OPT_MSS, 65535, 0 },
	{ "MSS, length 2", TCPX_SYN, 2, { 2, 2 }, 0, 0, 0 },
	{ "MSS, length 3", TCPX_SYN, 3, { 2, 3, 5 }, 0, 0, 0 },
	{ "MSS, length 5", TCPX_SYN, 5, { 2, 5, 5, 0xb4, 0 }, 0, 0, 0 },
	{ "MSS twice, the last", TCPX_SYN, 8, { 2, 4, 5, 0xb4, 2, 4, 2, 0x18 },
	  TCPX_OPT_MSS, 536, 0 },
	{ "MSS, then MSS 0", TCPX_SYN, 8, { 2, 4, 5, 0xb4, 2, 4, 0, 0 },
	  TCPX_OPT_MSS, 1460, 0 },
	{ "scale 0", TCPX_SYN, 3, { 3, 3, 0 }, TCPX_OPT_WS, 0, 0 },
	{ "scale 14", TCPX_SYN, 3, { 3, 3, 14 }, TCPX_OPT_WS, 0, 14 },
	{ "scale 15 is 14", TCPX_SYN, 3, { 3, 3, 15 }, TCPX_OPT_WS, 0, 14 },
	{ "scale 255 is 14", TCPX_SYN, 3, { 3, 3, 255 }, TCPX_OPT_WS, 0, 14 },
	{ "scale without SYN", TCPX_ACK, 3, { 3, 3, 7 }, 0, 0, 0 },
	{ "scale, length 2", TCPX_SYN, 2, { 3, 2 }, 0, 0, 0 },
	{ "scale, length 4", TCPX_SYN, 4, { 3, 4, 7, 7 }, 0, 0, 0 },
	{ "scale twice, the last", TCPX_SYN, 6, { 3, 3, 7, 3, 3, 2 },
	  TCPX_OPT_WS, 0, 2 },
	{ "SACK-permitted", TCPX_SYN, 2, { 4, 2 }, TCPX_OPT_SACK_PERM, 0, 0 },
	{ "SACK-permitted twice", TCPX_SYN, 4, { 4, 2, 4, 2 },
	  TCPX_OPT_SACK_PERM, 0, 0 },
	{ "SACK-permitted without SYN", TCPX_ACK, 2, { 4, 2 }, 0, 0, 0 },
	{ "SACK-permitted, length 3", TCPX_SYN, 3, { 4, 3, 0 }, 0, 0, 0 },
	{ "timestamps", TCPX_ACK, 10,
	  { 8, 10, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88 },
	  TCPX_OPT_TS, 0, 0 },
	{ "timestamps on SYN", TCPX_SYN, 10,
	  { 8, 10, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88 },
	  TCPX_OPT_TS, 0, 0 },
	{ "timestamps on RST", TCPX_RST, 10,
	  { 8, 10, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88 },
	  TCPX_OPT_TS, 0, 0 },
	{ "timestamps, length 9", TCPX_ACK, 9, { 8, 9, 1, 2, 3, 4, 5, 6, 7 },
	  0, 0, 0 },
	{ "timestamps, length 11", TCPX_ACK, 11, { 8, 11, 1, 2, 3, 4, 5, 6 },
	  0, 0, 0 },
	{ "SACK on SYN", TCPX_SYN, 10, { 5, 10, 0, 0, 0, 1, 0, 0, 0, 2 }, 0, 0, 0 },
	{ "SACK without block", TCPX_ACK, 2, { 5, 2 }, 0, 0, 0 },
	{ "SACK, 1 1/8 blocks", TCPX_ACK, 11, { 5, 11, 0, 0, 0, 1, 0, 0, 0, 2, 9 },
	  0, 0, 0 },
	{ "SACK, half a block", TCPX_ACK, 6, { 5, 6, 0, 0, 0, 1 }, 0, 0, 0 },
	{ "SACK, 4 1/2 blocks", TCPX_ACK, 38, { 5, 38, 1 }, 0, 0, 0 },
	{ "behind NOPs", TCPX_SYN, 7, { 1, 1, 1, 2, 4, 5, 0xb4 },
	  TCPX_OPT_MSS, 1460, 0 },
	{ "behind EOL", TCPX_SYN, 5, { 0, 2, 4, 5, 0xb4 }, 0, 0, 0 },
	{ "EOL hides a bad option", TCPX_SYN, 5, { 0, 2, 0, 5, 0xb4 }, 0, 0, 0 },
	{ "behind an unknown kind", TCPX_SYN, 9,
	  { 254, 5, 2, 4, 9, 2, 4, 5, 0xb4 }, TCPX_OPT_MSS, 1460, 0 },
	{ "behind an empty unknown kind", TCPX_SYN, 6, { 253, 2, 2, 4, 5, 0xb4 },
	  TCPX_OPT_MSS, 1460, 0 },
	{ "behind a known kind, wrong length", TCPX_SYN, 9,
	  { 2, 5, 1, 1, 1, 2, 4, 5, 0xb4 }, TCPX_OPT_MSS, 1460, 0 },
	{ "all of a SYN, unaligned", TCPX_SYN, 19,
	  { 3, 3, 7, 2, 4, 5, 0xb4,
	    8, 10, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 4, 2 },
	  SYN_OPTS, 1460, 7 },
};

static void opt_desc(const struct opt_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(opt, opt_cases, opt_desc);

static void tcpx_seg_parse__option(struct kunit *test)
{
	const struct opt_case *c = test->param_value;
	bool ts = c->bits & TCPX_OPT_TS;
	struct tcpx_seg seg;

	KUNIT_ASSERT_EQ(test, parse_opts(c->opts, c->n, c->flags, &seg), 0);
	KUNIT_EXPECT_EQ(test, seg.opt.bits, c->bits);
	KUNIT_EXPECT_EQ(test, seg.opt.mss, c->mss);
	KUNIT_EXPECT_EQ(test, seg.opt.wscale, c->wscale);
	KUNIT_EXPECT_EQ(test, seg.opt.tsval, ts ? 0x11223344U : 0);
	KUNIT_EXPECT_EQ(test, seg.opt.tsecr, ts ? 0x55667788U : 0);
	KUNIT_EXPECT_EQ(test, seg.opt.nsack, 0);
}

static void tcpx_seg_parse__40_nops(struct kunit *test)
{
	struct tcpx_seg seg;
	u8 opts[40];

	memset(opts, 1, sizeof(opts));
	KUNIT_EXPECT_EQ(test, parse_opts(opts, 40, TCPX_SYN, &seg), 0);
	KUNIT_EXPECT_EQ(test, seg.opt.bits, 0);
}

/* The last option ends with the header, no EOL behind it. */
static void tcpx_seg_parse__option_at_the_end(struct kunit *test)
{
	static const u8 hdr[28] = {
		[12] = 0x70, [13] = TCPX_SYN, [20] = 1, 1, 2, 4, 5, 0xb4, 4, 2
	};
	struct tcpx_seg seg;

	KUNIT_ASSERT_EQ(test, tcpx_seg_parse(hdr, 28, 28, &seg), 0);
	KUNIT_EXPECT_EQ(test, seg.opt.mss, 1460);
	KUNIT_EXPECT_EQ(test, seg.opt.bits, TCPX_OPT_MSS | TCPX_OPT_SACK_PERM);
}

static void tcpx_seg_parse__timestamps_twice(struct kunit *test)
{
	static const u8 opts[] = {
		8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 8, 10, 0, 0, 0, 3, 0, 0, 0, 4
	};
	struct tcpx_seg seg;

	KUNIT_ASSERT_EQ(test, parse_opts(opts, sizeof(opts), TCPX_ACK, &seg), 0);
	KUNIT_EXPECT_EQ(test, seg.opt.tsval, 3U);
	KUNIT_EXPECT_EQ(test, seg.opt.tsecr, 4U);
}

/* A header of @len bytes of options, behind @nops NOPs that make it an unusual one */
static int parse_behind(const u8 *opts, u32 len, u32 nops, u8 flags,
			struct tcpx_seg *seg)
{
	u8 hdr[60] = { [12] = (20 + nops + len) << 2, [13] = flags };

	memset(hdr + 20, 1, nops);
	memcpy(hdr + 20 + nops, opts, len);
	return tcpx_seg_parse(hdr, 20 + nops + len, 20 + nops + len, seg);
}

/*
 * What is laid out as usual is parsed in one go. With any byte of it changed to
 * any other it must mean the same as behind four NOPs, where it is read option by
 * option.
 */
static void usual_layout(struct kunit *test, const u8 *usual, u32 len, u8 flags)
{
	struct tcpx_seg fast, slow;
	u8 opts[40];
	int val, err;
	u32 i;

	for (i = 0; i < len; i++) {
		memcpy(opts, usual, len);
		for (val = 0; val < 256; val++) {
			opts[i] = val;
			err = parse_behind(opts, len, 4, flags, &slow);
			KUNIT_ASSERT_EQ(test, parse_behind(opts, len, 0, flags, &fast), err);
			if (err)
				continue;
			KUNIT_ASSERT_EQ(test, memcmp(&fast.opt, &slow.opt, sizeof(fast.opt)), 0);
		}
	}
}

static void tcpx_seg_parse__usual_layout(struct kunit *test)
{
	static const u8 syn[] = {
		2, 4, 5, 0xb4, 4, 2, 8, 10, 0x11, 0x22, 0x33, 0x44,
		0x55, 0x66, 0x77, 0x88, 1, 3, 3, 7,
	};
	static const u8 ts[] = {
		1, 1, 8, 10, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88,
	};

	usual_layout(test, syn, sizeof(syn), TCPX_SYN);
	usual_layout(test, syn, sizeof(syn), TCPX_ACK);
	usual_layout(test, ts, sizeof(ts), TCPX_ACK);
	usual_layout(test, ts, sizeof(ts), TCPX_SYN);
}

static void tcpx_seg_parse__sack_4_blocks(struct kunit *test)
{
	static const u8 opts[] = {
		1, 1, 5, 34, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4,
		0, 0, 0, 5, 0, 0, 0, 6, 0xff, 0, 0, 7, 0xff, 0, 0, 8,
	};
	struct tcpx_seg seg;

	KUNIT_ASSERT_EQ(test, parse_opts(opts, sizeof(opts), TCPX_ACK, &seg), 0);
	KUNIT_EXPECT_EQ(test, seg.opt.bits, TCPX_OPT_SACK);
	KUNIT_EXPECT_EQ(test, seg.opt.nsack, 4);
	KUNIT_EXPECT_EQ(test, seg.opt.sack[0].start, 1U);
	KUNIT_EXPECT_EQ(test, seg.opt.sack[0].end, 2U);
	KUNIT_EXPECT_EQ(test, seg.opt.sack[2].end, 6U);
	KUNIT_EXPECT_EQ(test, seg.opt.sack[3].start, 0xff000007U);
	KUNIT_EXPECT_EQ(test, seg.opt.sack[3].end, 0xff000008U);
}

static void tcpx_seg_parse__sack_twice(struct kunit *test)
{
	static const u8 opts[] = {
		5, 18, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4,
		5, 10, 0, 0, 0, 8, 0, 0, 0, 9,
	};
	struct tcpx_seg seg;

	KUNIT_ASSERT_EQ(test, parse_opts(opts, sizeof(opts), TCPX_ACK, &seg), 0);
	KUNIT_EXPECT_EQ(test, seg.opt.nsack, 1);
	KUNIT_EXPECT_EQ(test, seg.opt.sack[0].start, 8U);
	KUNIT_EXPECT_EQ(test, seg.opt.sack[0].end, 9U);
}

/*
 * tcpx_opt_len(), tcpx_opt_build(): the bytes on the wire. The option values are
 * those of build_opts below.
 */

static const struct tcpx_opts build_opts = {
	.tsval = 0x11223344,
	.tsecr = 0x55667788,
	.mss = 1460,
	.wscale = 7,
	.sack = { { 1, 2 }, { 3, 4 }, { 5, 6 }, { 7, 8 } },
};

struct build_case {
	const char *name;
	u8 bits;
	u8 nsack;
	u8 len;
	u8 bytes[40];
};

static const struct build_case build_cases[] = {
	{ "none", 0, 0, 0, { 0 } },
	{ "SYN of Linux", SYN_OPTS, 0, 20,
	  { 2, 4, 5, 0xb4, 4, 2,
	    8, 10, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 1, 3, 3, 7 } },
	{ "SYN without SACK", TCPX_OPT_MSS | TCPX_OPT_TS | TCPX_OPT_WS, 0, 20,
	  { 2, 4, 5, 0xb4, 1, 1,
	    8, 10, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 1, 3, 3, 7 } },
	{ "SYN without timestamps",
	  TCPX_OPT_MSS | TCPX_OPT_SACK_PERM | TCPX_OPT_WS, 0, 12,
	  { 2, 4, 5, 0xb4, 1, 1, 4, 2, 1, 3, 3, 7 } },
	{ "SYN without scale",
	  TCPX_OPT_MSS | TCPX_OPT_SACK_PERM | TCPX_OPT_TS, 0, 16,
	  { 2, 4, 5, 0xb4, 4, 2,
	    8, 10, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88 } },
	{ "MSS", TCPX_OPT_MSS, 0, 4, { 2, 4, 5, 0xb4 } },
	{ "scale", TCPX_OPT_WS, 0, 4, { 1, 3, 3, 7 } },
	{ "SACK-permitted", TCPX_OPT_SACK_PERM, 0, 4, { 1, 1, 4, 2 } },
	{ "timestamps", TCPX_OPT_TS, 0, 12,
	  { 1, 1, 8, 10, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88 } },
	{ "SACK, no block", TCPX_OPT_SACK, 0, 0, { 0 } },
	{ "blocks without SACK", TCPX_OPT_TS, 2, 12,
	  { 1, 1, 8, 10, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88 } },
	{ "SACK 1", TCPX_OPT_SACK, 1, 12,
	  { 1, 1, 5, 10, 0, 0, 0, 1, 0, 0, 0, 2 } },
	{ "SACK 4", TCPX_OPT_SACK, 4, 36,
	  { 1, 1, 5, 34, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4,
	    0, 0, 0, 5, 0, 0, 0, 6, 0, 0, 0, 7, 0, 0, 0, 8 } },
	{ "SACK 200 is 4", TCPX_OPT_SACK, 200, 36,
	  { 1, 1, 5, 34, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4,
	    0, 0, 0, 5, 0, 0, 0, 6, 0, 0, 0, 7, 0, 0, 0, 8 } },
	{ "timestamps, SACK 2", SACK_OPTS, 2, 32,
	  { 1, 1, 8, 10, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88,
	    1, 1, 5, 18, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4 } },
	{ "timestamps, SACK 3", SACK_OPTS, 3, 40,
	  { 1, 1, 8, 10, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88,
	    1, 1, 5, 26, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4,
	    0, 0, 0, 5, 0, 0, 0, 6 } },
	{ "timestamps, SACK 4 is 3", SACK_OPTS, 4, 40,
	  { 1, 1, 8, 10, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88,
	    1, 1, 5, 26, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4,
	    0, 0, 0, 5, 0, 0, 0, 6 } },
	{ "everything, SACK 4 is 2", SYN_OPTS | TCPX_OPT_SACK, 4, 40,
	  { 2, 4, 5, 0xb4, 4, 2,
	    8, 10, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88,
	    1, 3, 3, 7, 1, 1, 5, 18, 0, 0, 0, 1, 0, 0, 0, 2,
	    0, 0, 0, 3, 0, 0, 0, 4 } },
};

static void build_desc(const struct build_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(build, build_cases, build_desc);

static void tcpx_opt_len__layout(struct kunit *test)
{
	const struct build_case *c = test->param_value;
	struct tcpx_opts opt = build_opts;

	opt.bits = c->bits;
	opt.nsack = c->nsack;
	KUNIT_EXPECT_EQ(test, tcpx_opt_len(&opt), (unsigned int)c->len);
}

static void tcpx_opt_build__layout(struct kunit *test)
{
	const struct build_case *c = test->param_value;
	struct tcpx_opts opt = build_opts;
	u8 got[48];
	int i;

	opt.bits = c->bits;
	opt.nsack = c->nsack;
	memset(got, 0xa5, sizeof(got));
	tcpx_opt_build(&opt, got);
	for (i = 0; i < c->len; i++)
		KUNIT_EXPECT_EQ_MSG(test, got[i], c->bytes[i], "byte %d", i);
	for (; i < (int)sizeof(got); i++)
		KUNIT_EXPECT_EQ_MSG(test, got[i], 0xa5, "byte %d", i);
}

static void tcpx_opt_build__scale_255_is_14(struct kunit *test)
{
	struct tcpx_opts opt = { .bits = TCPX_OPT_WS, .wscale = 255 };
	u8 got[4];

	tcpx_opt_build(&opt, got);
	KUNIT_EXPECT_EQ(test, got[3], 14);
}

/* tcpx_hdr_build() */

/* A SYN as Linux sends it: MSS 1460, SACK, timestamps, scale 7 */
static void tcpx_hdr_build__syn(struct kunit *test)
{
	static const u8 want[40] = {
		0x9c, 0x40, 0x00, 0x50, 0x01, 0x02, 0x03, 0x04,
		0x00, 0x00, 0x00, 0x00, 0xa0, 0x02, 0xfa, 0xf0,
		0x00, 0x00, 0x00, 0x00, 0x02, 0x04, 0x05, 0xb4,
		0x04, 0x02, 0x08, 0x0a, 0x11, 0x22, 0x33, 0x44,
		0x00, 0x00, 0x00, 0x00, 0x01, 0x03, 0x03, 0x07,
	};
	struct tcpx_seg seg = {
		.seq = 0x01020304, .wnd = 64240, .flags = TCPX_SYN,
		.opt = {
			.bits = SYN_OPTS, .mss = 1460, .wscale = 7,
			.tsval = 0x11223344,
		},
	};
	u8 got[40];
	int i;

	tcpx_hdr_build(&seg, htons(40000), htons(80), got);
	for (i = 0; i < 40; i++)
		KUNIT_EXPECT_EQ_MSG(test, got[i], want[i], "byte %d", i);
}

/* The checksum field (bytes 16, 17) is zero, the rest as plain_hdr. */
static void tcpx_hdr_build__plain(struct kunit *test)
{
	struct tcpx_seg seg = {
		.seq = 0x01020304, .ack = 0x05060708, .wnd = 0xabcd,
		.urg = 7, .flags = TCPX_ACK,
	};
	u8 got[21];
	int i;

	memset(got, 0xa5, sizeof(got));
	tcpx_hdr_build(&seg, htons(0x1234), htons(0x5678), got);
	for (i = 0; i < 20; i++)
		KUNIT_EXPECT_EQ_MSG(test, got[i],
				    i == 16 || i == 17 ? 0 : plain_hdr[i],
				    "byte %d", i);
	KUNIT_EXPECT_EQ(test, got[20], 0xa5);
}

static void tcpx_hdr_build__longest(struct kunit *test)
{
	struct tcpx_seg seg = { .flags = TCPX_ACK, .opt = build_opts };
	u8 got[60];

	seg.opt.bits = SACK_OPTS;
	seg.opt.nsack = 4;
	tcpx_hdr_build(&seg, 0, 0, got);
	KUNIT_EXPECT_EQ(test, got[12], 0xf0);
	KUNIT_EXPECT_EQ(test, got[59], 6);
}

static struct kunit_case tcpx_opt_cases[] = {
	KUNIT_CASE_PARAM(tcpx_seg_parse__length, len_gen_params),
	KUNIT_CASE(tcpx_seg_parse__fields),
	KUNIT_CASE(tcpx_seg_parse__reserved_bits),
	KUNIT_CASE_PARAM(tcpx_seg_parse__end, end_gen_params),
	KUNIT_CASE_PARAM(tcpx_seg_parse__bad_option, bad_opt_gen_params),
	KUNIT_CASE_PARAM(tcpx_seg_parse__option, opt_gen_params),
	KUNIT_CASE(tcpx_seg_parse__40_nops),
	KUNIT_CASE(tcpx_seg_parse__option_at_the_end),
	KUNIT_CASE(tcpx_seg_parse__timestamps_twice),
	KUNIT_CASE(tcpx_seg_parse__usual_layout),
	KUNIT_CASE(tcpx_seg_parse__sack_4_blocks),
	KUNIT_CASE(tcpx_seg_parse__sack_twice),
	KUNIT_CASE_PARAM(tcpx_opt_len__layout, build_gen_params),
	KUNIT_CASE_PARAM(tcpx_opt_build__layout, build_gen_params),
	KUNIT_CASE(tcpx_opt_build__scale_255_is_14),
	KUNIT_CASE(tcpx_hdr_build__syn),
	KUNIT_CASE(tcpx_hdr_build__plain),
	KUNIT_CASE(tcpx_hdr_build__longest),
	{}
};

static struct kunit_suite tcpx_opt_suite = {
	.name = "tcpx_opt",
	.test_cases = tcpx_opt_cases,
};

kunit_test_suites(&tcpx_opt_suite);
