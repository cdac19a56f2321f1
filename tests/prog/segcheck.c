// SPDX-License-Identifier: GPL-2.0
/*
 * segcheck PROTOCOL FILE...: read captures of cap or lab.py segment by segment
 * and say what is wrong with them
 *
 * A capture is taken at the device of one end. What that end sent is judged by
 * what it had sent and received until then: handshake numbers, acknowledgements,
 * windows, sequence space, options, FIN and RST (R31, R41, RFC 9293, RFC 7323,
 * RFC 2018, RFC 6691). On loopback both ends are judged. With whole packets in
 * the capture, what is sent again is compared octet by octet.
 *
 * Sequence numbers are unwrapped to 64 bits when they are read, so that nothing
 * below compares on a circle.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIN 0x01
#define SYN 0x02
#define RST 0x04
#define ACK 0x10
#define URG 0x20
#define ECN 0xc0

#define MAX_ERRORS 10
#define MAX_PIECES 4096
#define RECENT 16
#define SNAP 65536

enum { O_MSS = 1, O_WS = 2, O_SACKOK = 4, O_SACK = 8, O_TS = 16, O_BAD = 32 };

struct opts {
	unsigned int has;
	uint32_t tsval, tsecr;
	uint16_t mss;
	uint8_t ws, nsack;
	uint32_t sack[4][2];
};

struct seg {
	double ts;
	uint32_t seq, ack, len, have;	/* have: octets of text in the capture */
	uint16_t wnd, urg;
	uint8_t flags, optlen, reserved;
	struct opts o;
	const uint8_t *text;
};

struct piece {
	int64_t lo, hi;
};

struct end {
	uint32_t laddr, raddr;
	uint16_t lport, rport;
	struct end *next;

	unsigned long out, in, rtx;
	int errors;
	struct { uint32_t seq, ack, end; uint8_t flags; } recent[RECENT];
	unsigned int nrecent;

	/* what it sends */
	bool sent_syn, synack, dead, has_fin, has_ack, has_edge, has_tsval;
	uint32_t isn, tsval;
	struct opts opts;
	int64_t snd_max, una, fin, last_ack, edge;
	uint8_t *buf;
	int64_t buf_seq;
	size_t buf_len, buf_size;
	bool has_buf;

	/* what arrived */
	bool got_syn, got_fin, has_peer_edge, has_peer_tsval;
	uint32_t peer_isn, peer_tsval;
	struct opts peer_opts;
	int64_t rcv_nxt, peer_edge;
	struct piece pieces[MAX_PIECES];
	int npieces;
};

static int protocol;
static bool native;
static unsigned long segments, corrupt;
static int errors, nends;
static struct end *ends[1024];

/* The number congruent to @seq that is nearest to @ref. */
static int64_t near(uint32_t seq, int64_t ref)
{
	return ref + (int32_t)(seq - (uint32_t)ref);
}

static bool later(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

static const char *addr_text(uint32_t addr, char *buf)
{
	return inet_ntop(AF_INET, &addr, buf, 16);
}

static void name(const struct end *e, char *buf, size_t size)
{
	char l[16], r[16];

	snprintf(buf, size, "%s:%u > %s:%u", addr_text(e->laddr, l), e->lport,
		 addr_text(e->raddr, r), e->rport);
}

static void __attribute__((format(printf, 3, 4)))
wrong(struct end *e, const struct seg *s, const char *fmt, ...)
{
	char flags[9] = "", who[64];
	va_list ap;
	int i, n = 0;

	errors++;
	if (++e->errors > MAX_ERRORS)
		return;
	for (i = 0; i < 8; i++)
		if (s->flags >> i & 1)
			flags[n++] = "FSRPAUEC"[i];
	flags[n] = 0;
	name(e, who, sizeof(who));
	printf("  %s: ", who);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf(": %.6f [%s] seq %u ack %u win %u len %u", s->ts, flags, s->seq, s->ack, s->wnd,
	       s->len);
	if (s->o.has & O_TS)
		printf(" ts %u %u", s->o.tsval, s->o.tsecr);
	for (i = 0; i < s->o.nsack; i++)
		printf(" sack %u-%u", s->o.sack[i][0], s->o.sack[i][1]);
	printf(" (isn %u, peer's %u)\n", e->isn, e->peer_isn);
}

/* ---- what arrives ---- */

static void reset(struct end *e)
{
	uint8_t *buf = e->buf;
	size_t size = e->buf_size, keep = offsetof(struct end, sent_syn);

	memset((char *)e + keep, 0, sizeof(*e) - keep);
	e->buf = buf;
	e->buf_size = size;
}

static void add_range(struct end *e, int64_t lo, int64_t hi)
{
	bool again = true;
	int i;

	if (hi <= e->rcv_nxt)
		return;
	if (lo > e->rcv_nxt) {
		if (e->npieces < MAX_PIECES)
			e->pieces[e->npieces++] = (struct piece){ lo, hi };
		return;
	}
	e->rcv_nxt = hi;
	while (again) {
		again = false;
		for (i = 0; i < e->npieces; i++) {
			if (e->pieces[i].lo > e->rcv_nxt)
				continue;
			if (e->pieces[i].hi > e->rcv_nxt)
				e->rcv_nxt = e->pieces[i].hi;
			e->pieces[i--] = e->pieces[--e->npieces];
			again = true;
		}
	}
}

static int64_t top(const struct end *e)
{
	int64_t hi = e->rcv_nxt;
	int i;

	for (i = 0; i < e->npieces; i++)
		if (e->pieces[i].hi > hi)
			hi = e->pieces[i].hi;
	return hi;
}

static bool agreed(const struct end *e, unsigned int opt)
{
	return e->sent_syn && e->got_syn && e->opts.has & e->peer_opts.has & opt;
}

static void receive_syn(struct end *e, const struct seg *s)
{
	if (e->got_syn && e->peer_isn == s->seq)
		return;
	if (e->sent_syn && e->got_syn)
		reset(e);
	e->got_syn = true;
	e->peer_isn = s->seq;
	e->peer_opts = s->o;
	e->rcv_nxt = (int64_t)s->seq + 1;
	e->npieces = 0;
	e->got_fin = false;
}

static void receive_ack(struct end *e, const struct seg *s)
{
	int64_t ack = near(s->ack, e->snd_max), edge;
	int shift = 0;
	size_t gone;

	if (ack > e->snd_max)
		return;
	if (ack > e->una)
		e->una = ack;
	if (agreed(e, O_WS) && !(s->flags & SYN))
		shift = e->peer_opts.ws < 14 ? e->peer_opts.ws : 14;
	edge = ack + ((int64_t)s->wnd << shift);
	if (!e->has_peer_edge || edge > e->peer_edge)
		e->peer_edge = edge;
	e->has_peer_edge = true;
	if (e->has_buf && e->una - e->buf_seq > 1 << 16) {
		gone = e->una - e->buf_seq;
		gone = gone < e->buf_len ? gone : e->buf_len;
		memmove(e->buf, e->buf + gone, e->buf_len - gone);
		e->buf_len -= gone;
		e->buf_seq += gone;
	}
}

static void receive(struct end *e, const struct seg *s)
{
	uint32_t end = s->seq + s->len + !!(s->flags & SYN) + !!(s->flags & FIN);
	int64_t seq;
	int i = e->nrecent++ % RECENT;

	e->in++;
	e->recent[i].seq = s->seq;
	e->recent[i].ack = s->ack;
	e->recent[i].end = end;
	e->recent[i].flags = s->flags;
	if (s->flags & RST) {
		e->dead = true;
		return;
	}
	if (s->flags & SYN)
		receive_syn(e, s);
	if (!e->got_syn)
		return;
	seq = near(s->seq, e->rcv_nxt);
	if (s->len || s->flags & FIN)
		add_range(e, seq, seq + s->len + !!(s->flags & FIN));
	if (s->flags & FIN)
		e->got_fin = true;
	if (s->flags & ACK && e->sent_syn)
		receive_ack(e, s);
	if (s->o.has & O_TS && (!e->has_peer_tsval || !later(e->peer_tsval, s->o.tsval))) {
		e->peer_tsval = s->o.tsval;
		e->has_peer_tsval = true;
	}
}

/* ---- what is sent ---- */

static void check_ack(struct end *e, const struct seg *s)
{
	int64_t ack, edge, slack = 0;
	int shift = 0;

	if (!e->got_syn) {
		wrong(e, s, "ACK, and nothing was received");
		return;
	}
	ack = near(s->ack, e->rcv_nxt);
	if (ack > e->rcv_nxt)
		wrong(e, s, "acknowledges what did not arrive; expected %u", (uint32_t)e->rcv_nxt);
	if (e->has_ack && ack < e->last_ack)
		wrong(e, s, "acknowledgement goes back from %u", (uint32_t)e->last_ack);
	if (!e->has_ack || ack > e->last_ack)
		e->last_ack = ack;
	e->has_ack = true;
	if (agreed(e, O_WS) && !(s->flags & SYN))
		shift = e->opts.ws < 14 ? e->opts.ws : 14;
	edge = ack + ((int64_t)s->wnd << shift);
	/* rounded down (RFC 7323 2.4); native does so in TIME-WAIT only */
	if (!native || e->has_fin)
		slack = (1 << shift) - 1;
	if (e->has_edge && edge + slack < e->edge)
		wrong(e, s, "right window edge shrinks by %" PRId64 " (SHLD-14)", e->edge - edge);
	if (!e->has_edge || edge > e->edge)
		e->edge = edge;
	e->has_edge = true;
}

/* R1 or R0 for a segment that came lately, or SND.NXT: RFC 9293 3.10.7, 3.5.2 */
static bool rst_form(const struct end *e, const struct seg *s)
{
	unsigned int i;

	for (i = 0; i < RECENT && i < e->nrecent; i++) {
		if (e->recent[i].flags & ACK) {
			if (s->seq == e->recent[i].ack && !(s->flags & ACK))
				return true;
		} else if (!s->seq && s->flags & ACK && s->ack == e->recent[i].end) {
			return true;
		}
	}
	return e->sent_syn && s->seq == (uint32_t)e->snd_max && s->flags & ACK &&
	       (!e->got_syn || near(s->ack, e->rcv_nxt) <= e->rcv_nxt);
}

static void send_rst(struct end *e, const struct seg *s)
{
	if (s->flags & (SYN | FIN) || s->len)
		wrong(e, s, "RST with SYN, FIN or text");
	if (!rst_form(e, s))
		wrong(e, s, "RST of no allowed form; SND.NXT is %u", (uint32_t)e->snd_max);
	e->dead = true;
}

static void new_incarnation(struct end *e, const struct seg *s)
{
	uint32_t isn = e->peer_isn;
	struct opts o = e->peer_opts;
	int64_t nxt = e->rcv_nxt;
	bool got = e->got_syn;

	if (!e->dead && !e->has_fin && !e->got_fin)
		wrong(e, s, "SYN retransmitted with another sequence number");
	reset(e);
	if (!(s->flags & ACK))
		return;
	/* the SYN that it answers stays known */
	e->got_syn = got;
	e->peer_isn = isn;
	e->peer_opts = o;
	e->rcv_nxt = nxt;
}

static void send_syn(struct end *e, const struct seg *s)
{
	if (s->len)
		wrong(e, s, "SYN with text (R01)");
	if (s->flags & FIN)
		wrong(e, s, "SYN with FIN");
	if (e->sent_syn && e->isn != s->seq)
		new_incarnation(e, s);
	if (e->sent_syn) {
		e->rtx++;
	} else {
		e->sent_syn = true;
		e->isn = s->seq;
		e->opts = s->o;
		e->una = s->seq;
		e->snd_max = e->una + 1;
	}
	if (s->o.has & O_WS && s->o.ws > 14)
		wrong(e, s, "window scale above 14 (RFC 7323 2.3)");
	if (!(s->o.has & O_MSS))
		wrong(e, s, "SYN without MSS option (SHLD-5)");
	if (s->flags & ACK) {
		e->synack = true;
		if (e->got_syn && s->o.has & (O_WS | O_TS | O_SACKOK) & ~e->peer_opts.has)
			wrong(e, s, "SYN,ACK has an option that the SYN had not");
		check_ack(e, s);
		if (e->got_syn && s->ack != e->peer_isn + 1)
			wrong(e, s, "SYN,ACK does not acknowledge the SYN (R03)");
	} else if (s->ack) {
		wrong(e, s, "acknowledgement number without ACK is not 0 (R01)");
	}
}

/* What is sent again must be the same. */
static void check_same(struct end *e, const struct seg *s, int64_t seq)
{
	int64_t have;
	size_t off, n;

	if (s->have < s->len)
		return;
	if (!e->has_buf) {
		e->has_buf = true;
		e->buf_seq = seq;
		e->buf_len = 0;
	}
	have = e->buf_seq + e->buf_len;
	if (seq < e->buf_seq || seq > have)
		return;
	off = seq - e->buf_seq;
	n = e->buf_len - off < s->len ? e->buf_len - off : s->len;
	if (memcmp(e->buf + off, s->text, n))
		wrong(e, s, "retransmission with other octets");
	if (n == s->len)
		return;
	if (e->buf_len + s->len > e->buf_size) {
		e->buf_size = 2 * (e->buf_len + s->len);
		e->buf = realloc(e->buf, e->buf_size);
		if (!e->buf)
			abort();
	}
	memcpy(e->buf + e->buf_len, s->text + n, s->len - n);
	e->buf_len += s->len - n;
}

static void check_text(struct end *e, const struct seg *s, int64_t seq)
{
	unsigned int mss = e->peer_opts.has & O_MSS ? e->peer_opts.mss : 536;
	int64_t end = seq + s->len;

	if (!e->got_syn || (e->synack && e->una <= (int64_t)e->isn)) {
		wrong(e, s, "text before ESTABLISHED");
		return;
	}
	if (s->len + s->optlen > mss)
		wrong(e, s, "segment larger than the peer's MSS of %u allows (RFC 6691)", mss);
	/* a probe may have one octet behind the window */
	if (e->has_peer_edge && end > e->peer_edge + 1)
		wrong(e, s, "%" PRId64 " octets behind the peer's window", end - e->peer_edge);
	check_same(e, s, seq);
}

static void check_sack(struct end *e, const struct seg *s)
{
	int64_t lo, hi;
	int i;

	if (!agreed(e, O_SACKOK))
		wrong(e, s, "SACK though not permitted (RFC 2018 2)");
	for (i = 0; i < s->o.nsack; i++) {
		lo = near(s->o.sack[i][0], e->rcv_nxt);
		hi = lo + (int32_t)(s->o.sack[i][1] - s->o.sack[i][0]);
		if (hi <= lo || hi > top(e))
			wrong(e, s, "SACK block %u-%u never arrived", s->o.sack[i][0],
			      s->o.sack[i][1]);
	}
}

static void check_options(struct end *e, const struct seg *s)
{
	if (s->o.has & (O_MSS | O_WS | O_SACKOK))
		wrong(e, s, "option that belongs to a SYN");
	if (!agreed(e, O_TS)) {
		if (s->o.has & O_TS)
			wrong(e, s, "timestamp though not agreed (RFC 7323 3.2)");
	} else if (!(s->o.has & O_TS)) {
		wrong(e, s, "no timestamp though agreed (RFC 7323 3.2)");
	} else {
		if (e->has_tsval && later(e->tsval, s->o.tsval))
			wrong(e, s, "TSval goes back from %u", e->tsval);
		e->tsval = s->o.tsval;
		e->has_tsval = true;
		if (e->has_peer_tsval && later(s->o.tsecr, e->peer_tsval))
			wrong(e, s, "TSecr was never received; latest is %u", e->peer_tsval);
	}
	if (s->o.has & O_SACK)
		check_sack(e, s);
}

static void send_other(struct end *e, const struct seg *s)
{
	int64_t seq = near(s->seq, e->snd_max), end = seq + s->len;

	if (!(s->flags & ACK))
		wrong(e, s, "segment without ACK behind the SYN (R41)");
	if (seq > e->snd_max)
		wrong(e, s, "gap: sent up to %u", (uint32_t)e->snd_max);
	if (s->len)
		check_text(e, s, seq);
	if (s->flags & FIN) {
		if (e->has_fin && e->fin != end)
			wrong(e, s, "FIN at two places");
		if (!e->has_fin)
			e->fin = end;
		e->has_fin = true;
		end++;
	}
	if (e->has_fin && end > e->fin + 1)
		wrong(e, s, "text behind the FIN");
	if (end > e->snd_max)
		e->snd_max = end;
	else if (s->len || s->flags & FIN)
		e->rtx++;
	if (s->flags & ACK)
		check_ack(e, s);
	check_options(e, s);
}

static void send_seg(struct end *e, const struct seg *s, int csum)
{
	e->out++;
	if (csum == 2)
		wrong(e, s, "wrong checksum for protocol %d", protocol);
	if (s->reserved)
		wrong(e, s, "reserved bits are set (RFC 9293 3.1)");
	if (s->o.has & O_BAD)
		wrong(e, s, "malformed options");
	if (!(s->flags & URG) && s->urg)
		wrong(e, s, "urgent pointer without URG");
	if (s->flags & ECN && !native)
		wrong(e, s, "ECN flags, and nobody agreed on ECN");
	if (s->flags & RST)
		send_rst(e, s);
	else if (s->flags & SYN)
		send_syn(e, s);
	else if (!e->sent_syn)
		wrong(e, s, "segment before any SYN");
	else
		send_other(e, s);
}

/* ---- reading ---- */

static uint16_t be16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)be16(p) << 16 | be16(p + 2);
}

static void parse_sack(const uint8_t *p, int n, struct opts *o)
{
	int i;

	o->has |= O_SACK;
	for (i = 0; i < n / 8 && i < 4; i++) {
		o->sack[i][0] = be32(p + 8 * i);
		o->sack[i][1] = be32(p + 8 * i + 4);
		o->nsack++;
	}
}

static void parse_opts(const uint8_t *p, int n, struct opts *o)
{
	int i = 0, len;

	while (i < n && p[i]) {
		if (p[i] == 1) {
			i++;
			continue;
		}
		len = i + 1 < n ? p[i + 1] : 0;
		if (len < 2 || i + len > n) {
			o->has |= O_BAD;
			return;
		}
		if (p[i] == 2 && len == 4) {
			o->has |= O_MSS;
			o->mss = be16(p + i + 2);
		} else if (p[i] == 3 && len == 3) {
			o->has |= O_WS;
			o->ws = p[i + 2];
		} else if (p[i] == 4 && len == 2) {
			o->has |= O_SACKOK;
		} else if (p[i] == 5 && len % 8 == 2) {
			parse_sack(p + i + 2, len - 2, o);
		} else if (p[i] == 8 && len == 10) {
			o->has |= O_TS;
			o->tsval = be32(p + i + 2);
			o->tsecr = be32(p + i + 6);
		}
		i += len;
	}
}

static bool ip_header_ok(const uint8_t *p, int hlen)
{
	uint32_t sum = 0;
	int i;

	for (i = 0; i < hlen; i += 2)
		sum += be16(p + i);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff;
}

static struct end *find(uint32_t laddr, uint16_t lport, uint32_t raddr, uint16_t rport)
{
	unsigned int h = (ntohl(laddr) ^ lport * 31 ^ rport * 17 ^ ntohl(raddr) * 7) % 1024;
	struct end *e;

	for (e = ends[h]; e; e = e->next)
		if (e->laddr == laddr && e->raddr == raddr && e->lport == lport &&
		    e->rport == rport)
			return e;
	e = calloc(1, sizeof(*e));
	if (!e)
		abort();
	e->laddr = laddr;
	e->raddr = raddr;
	e->lport = lport;
	e->rport = rport;
	e->next = ends[h];
	ends[h] = e;
	nends++;
	return e;
}

static void packet(double ts, bool out, int csum, const uint8_t *p, uint32_t have)
{
	static bool loop;
	uint32_t src, dst, hlen = (p[0] & 15) * 4, total, doff;
	const uint8_t *t = p + hlen;
	struct seg s = { .ts = ts };
	uint16_t sport, dport;

	if (have < hlen + 20 || p[0] >> 4 != 4 || p[9] != protocol || p[6] & 0x3f || p[7])
		return;
	if (!out && (csum == 2 || !ip_header_ok(p, hlen))) {
		corrupt++;	/* the network did that, the receiver drops it */
		return;
	}
	memcpy(&src, p + 12, 4);
	memcpy(&dst, p + 16, 4);
	loop = loop || src == dst || p[12] == 127;
	total = be16(p + 2);
	doff = (t[12] >> 4) * 4;
	if ((loop && !out) || doff < 20 || hlen + doff > total || hlen + doff > have)
		return;
	segments++;
	sport = be16(t);
	dport = be16(t + 2);
	s.seq = be32(t + 4);
	s.ack = be32(t + 8);
	s.reserved = t[12] & 15;
	s.flags = t[13];
	s.wnd = be16(t + 14);
	s.urg = be16(t + 18);
	s.optlen = doff - 20;
	s.len = total - hlen - doff;
	s.have = have - hlen - doff;
	s.text = t + doff;
	parse_opts(t + 20, s.optlen, &s.o);
	if (!out) {
		receive(find(dst, dport, src, sport), &s);
		return;
	}
	send_seg(find(src, sport, dst, dport), &s, csum);
	if (loop)
		receive(find(dst, dport, src, sport), &s);
}

/* Linux-cooked pcap with nanoseconds, as cap and lab.py write it */
static int read_file(const char *path)
{
	static uint8_t buf[SNAP];
	uint32_t head[6], rec[4];
	FILE *f = fopen(path, "rb");

	if (!f || fread(head, sizeof(head), 1, f) != 1 || head[0] != 0xa1b23c4d ||
	    head[5] != 113) {
		fprintf(stderr, "%s: not one of our captures\n", path);
		return 2;
	}
	while (fread(rec, sizeof(rec), 1, f) == 1) {
		if (rec[2] < 16 || rec[2] > SNAP || fread(buf, rec[2], 1, f) != 1)
			break;
		if (rec[2] >= 16 + 40)
			packet(rec[0] + rec[1] / 1e9, be16(buf) == 4, buf[6], buf + 16,
			       rec[2] - 16);
	}
	fclose(f);
	return 0;
}

static void summary(const char *path)
{
	const struct end *e;
	int i, shown = 0;
	char who[64];

	printf("%s: %lu segments, %lu corrupt, %d ends, %d errors\n", path, segments, corrupt,
	       nends, errors);
	for (i = 0; i < 1024; i++)
		for (e = ends[i]; e && shown < 3; e = e->next, shown++) {
			name(e, who, sizeof(who));
			printf("  %s: %lu out, %lu in, %lu retransmitted, FIN %s\n", who, e->out,
			       e->in, e->rtx, !e->has_fin ? "not sent" :
			       e->una > e->fin ? "acknowledged" : "sent");
		}
}

static void forget(void)
{
	struct end *e, *next;
	int i;

	for (i = 0; i < 1024; i++) {
		for (e = ends[i]; e; e = next) {
			next = e->next;
			free(e->buf);
			free(e);
		}
		ends[i] = NULL;
	}
	segments = corrupt = 0;
	errors = nends = 0;
}

int main(int argc, char **argv)
{
	int i, bad = 0;

	if (argc < 3) {
		fprintf(stderr, "usage: segcheck PROTOCOL FILE...\n");
		return 2;
	}
	protocol = atoi(argv[1]);
	native = protocol == 6;
	for (i = 2; i < argc; i++) {
		bad |= read_file(argv[i]);
		summary(argv[i]);
		bad |= !!errors;
		forget();
	}
	return bad;
}
