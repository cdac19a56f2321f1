// SPDX-License-Identifier: GPL-2.0
/*
 * tcpxctl: show and set what tcpx does in this network namespace, over generic
 * netlink. Names come from the kernel, so this program needs no list of them.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>

#include "../tcpx_uapi.h"

#define SEQ 64			/* what is in a nest comes behind the other attributes */
#define MAX_COLUMNS 32
#define MAX_LIST 16

enum { EXIT_REFUSED = 1, EXIT_USAGE = 2, EXIT_NOT_LOADED = 3 };

static struct mnl_socket *nl;
static uint16_t family;
static bool all_columns;

/* ---- messages ---- */

struct reply {
	const struct nlattr *attrs[2 * SEQ];
};

/* How a request ended. */
struct end {
	int err;
	const char *text;	/* the kernel's sentence, or "" */
	uint32_t offset;	/* of the bad attribute in the request, or 0 */
};

static struct nlmsghdr *request(void *buf, uint16_t type, uint16_t flags, uint8_t cmd)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *genl;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = cmd;
	genl->version = TCPX_GENL_VERSION;
	return nlh;
}

static int store_seq(const struct nlattr *attr, void *data)
{
	if (mnl_attr_get_type(attr) < SEQ)
		((struct reply *)data)->attrs[SEQ + mnl_attr_get_type(attr)] = attr;
	return MNL_CB_OK;
}

static int store_attr(const struct nlattr *attr, void *data)
{
	if (mnl_attr_get_type(attr) < SEQ)
		((struct reply *)data)->attrs[mnl_attr_get_type(attr)] = attr;
	if (attr->nla_type & NLA_F_NESTED)
		mnl_attr_parse_nested(attr, store_seq, data);
	return MNL_CB_OK;
}

/* NLMSG_ERROR and NLMSG_DONE both begin with an errno, attributes follow. */
static struct end parse_end(const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);
	struct end end = { -e->error, "", 0 };
	struct reply extack = {};
	unsigned int skip = sizeof(int);

	if (nlh->nlmsg_type == NLMSG_ERROR) {
		skip = sizeof(*e);
		if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
			skip += mnl_nlmsg_get_payload_len(&e->msg);
	}
	if (nlh->nlmsg_flags & NLM_F_ACK_TLVS)
		mnl_attr_parse(nlh, skip, store_attr, &extack);
	if (extack.attrs[NLMSGERR_ATTR_MSG])
		end.text = mnl_attr_get_str(extack.attrs[NLMSGERR_ATTR_MSG]);
	if (extack.attrs[NLMSGERR_ATTR_OFFS])
		end.offset = mnl_attr_get_u32(extack.attrs[NLMSGERR_ATTR_OFFS]);
	return end;
}

/* Send @nlh, hand each answer to @row. What is returned lives until the next call. */
static struct end talk(const struct nlmsghdr *nlh,
		       void (*row)(const struct reply *reply, void *arg), void *arg)
{
	static char buf[1 << 16];
	const struct nlmsghdr *in;
	bool changed = false;
	int len;

	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		err(EXIT_REFUSED, "send");
	for (;;) {
		len = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		if (len < 0)
			err(EXIT_REFUSED, "receive");
		for (in = (void *)buf; mnl_nlmsg_ok(in, len); in = mnl_nlmsg_next(in, &len)) {
			struct reply reply = {};

			changed |= !!(in->nlmsg_flags & NLM_F_DUMP_INTR);
			if (in->nlmsg_type == NLMSG_ERROR || in->nlmsg_type == NLMSG_DONE) {
				if (changed)
					fputs("tcpxctl: it changed while it was read\n", stderr);
				return parse_end(in);
			}
			mnl_attr_parse(in, sizeof(struct genlmsghdr), store_attr, &reply);
			row(&reply, arg);
		}
	}
}

static void must(struct end end)
{
	if (end.err)
		errx(EXIT_REFUSED, "%s%s%s", end.text, *end.text ? ": " : "", strerror(end.err));
}

static void store_family(const struct reply *reply, void *arg)
{
	(void)arg;
	family = mnl_attr_get_u16(reply->attrs[CTRL_ATTR_FAMILY_ID]);
}

static void connect_kernel(void)
{
	char buf[256];
	struct nlmsghdr *nlh = request(buf, GENL_ID_CTRL, NLM_F_ACK, CTRL_CMD_GETFAMILY);
	struct end end;
	int on = 1;

	nl = mnl_socket_open(NETLINK_GENERIC);
	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0)
		err(EXIT_REFUSED, "netlink socket");
	mnl_socket_setsockopt(nl, NETLINK_EXT_ACK, &on, sizeof(on));
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, TCPX_GENL_NAME);
	end = talk(nlh, store_family, NULL);
	if (end.err == ENOENT)
		errx(EXIT_NOT_LOADED, "the module tcpx is not loaded");
	must(end);
}

/* ---- views ---- */

enum kind { STR, WORD, U32, U64, S64, S32S, LOCAL, REMOTE, TIMER, OPTS, FLAGS, OVERFLOW };

struct column {
	const char *title;
	uint16_t attr;
	enum kind kind;
};

#define C(title, attr, kind) { title, TCPX_A_##attr, kind }
#define S(title, id) { title, SEQ + TCPX_A_SEQ_##id, U32 }

struct view {
	const char *name, *help;
	uint8_t cmd;
	struct column columns[MAX_COLUMNS];
	unsigned int normal;	/* columns that are shown without -a, 0: all */
	unsigned int kinds;	/* GET_STATS: mask of 1 << kind that is shown */
};

static const struct view views[] = {
	{ "stat", "counters, objects alive, connections by state", TCPX_CMD_GET_STATS, {
		C("name", STAT_NAME, STR), C("value", STAT_VALUE, S64),
		C("meaning", STAT_HELP, STR) }, 0,
		~(1U << TCPX_STAT_REASON | 1U << TCPX_STAT_SYNQ) },
	{ "synq", "the half-open queue: highest mark, lifetime, histograms", TCPX_CMD_GET_STATS, {
		C("name", STAT_NAME, STR), C("value", STAT_VALUE, S64),
		C("meaning", STAT_HELP, STR) }, 0, 1U << TCPX_STAT_SYNQ },
	{ "reasons", "why segments and calls were refused, how often", TCPX_CMD_GET_STATS, {
		C("name", STAT_NAME, STR), C("value", STAT_VALUE, S64),
		C("meaning", STAT_HELP, STR), C("clause", STAT_RFC, STR)
		}, 0, 1U << TCPX_STAT_REASON },
	{ "conns", "sockets and TIME-WAIT entries", TCPX_CMD_GET_CONNS, {
		C("state", CONN_STATE_NAME, STR), C("local", CONN_LADDR, LOCAL),
		C("remote", CONN_RADDR, REMOTE), C("rxq", CONN_RXQ, U32), C("txq", CONN_TXQ, U32),
		C("timer", CONN_TIMER, TIMER), C("left_ms", CONN_TIMER_MS, U32),
		C("retries", CONN_RETRIES, U32), C("uid", CONN_UID, U32),
		C("inode", CONN_INODE, U64), C("cookie", CONN_COOKIE, U64),
		C("reason", CONN_REASON_NAME, STR), C("opts", CONN_OPTS, OPTS),
		C("mss", CONN_MSS, U32), C("cwnd", CONN_CWND, U32),
		C("ssthresh", CONN_SSTHRESH, U32), C("srtt_us", CONN_SRTT_US, U32),
		C("rto_us", CONN_RTO_US, U32), C("retrans", CONN_RETRANS, U32),
		S("snd_una", SND_UNA), S("snd_nxt", SND_NXT), S("snd_wnd", SND_WND),
		S("rcv_nxt", RCV_NXT), S("rcv_wnd", RCV_WND) }, 12, 0 },
	{ "listeners", "listening sockets and their queues", TCPX_CMD_GET_LISTENERS, {
		C("local", CONN_LADDR, LOCAL), C("remote", CONN_RADDR, REMOTE),
		C("halfopen", CONN_QLEN, U32), C("halfopen_max", CONN_QLEN_MAX, U32),
		C("accept", CONN_ACCEPT_QLEN, U32), C("accept_max", CONN_ACCEPT_MAX, U32),
		C("drops", CONN_DROPS, U32), C("overflow", CONN_OVERFLOW, OVERFLOW),
		C("cookie", CONN_COOKIE, U64), C("highest", CONN_QLEN_HIGHEST, U32),
		C("queue", CONN_REFUSED_QUEUE, U32), C("netns", CONN_REFUSED_NETNS, U32),
		C("prefix", CONN_REFUSED_PREFIX, U32), C("nomem", CONN_REFUSED_NOMEM, U32),
		C("acceptq", CONN_REFUSED_ACCEPT, U32), C("uid", CONN_UID, U32),
		C("inode", CONN_INODE, U64) }, 14, 0 },
	{ "halfopen", "half-open connections of listeners", TCPX_CMD_GET_HALF_OPEN, {
		C("local", ENTRY_LADDR, LOCAL), C("remote", ENTRY_RADDR, REMOTE),
		C("age_ms", ENTRY_AGE_MS, U32), C("stage", ENTRY_STAGE, U32),
		C("rtx", ENTRY_RTX, U32), C("left_ms", ENTRY_LEFT_MS, U32),
		C("mss", ENTRY_MSS, U32), C("opts", ENTRY_OPTS, OPTS),
		C("flags", ENTRY_FLAGS, FLAGS), C("listener", ENTRY_LISTENER, U64),
		S("iss", ISS), S("irs", IRS) }, 10, 0 },
	{ "fsm", "the state table and how often each cell was applied", TCPX_CMD_GET_CELLS, {
		C("event", CELL_EVENT_NAME, WORD), C("state", CELL_STATE_NAME, STR),
		C("hits", CELL_HITS, U64), C("next", CELL_NEXT_NAMES, STR),
		C("acts", CELL_ACT_NAMES, STR), C("reason", CELL_REASON_NAME, STR),
		C("handler", CELL_HANDLER, STR), C("clause", CELL_RFC, STR) }, 0, 0 },
	{ "params", "parameters, see set", TCPX_CMD_GET_PARAMS, {
		C("name", PARAM_NAME, STR), C("value", PARAM_VALUE, S32S),
		C("default", PARAM_DEFAULT, S32S), C("min", PARAM_MIN, S32S),
		C("max", PARAM_MAX, S32S), C("meaning", PARAM_HELP, STR) }, 0, 0 },
	{ 0 }
};

/* ---- cells of a table, printed when all widths are known ---- */

static char **cells;
static size_t ncells, room;

__attribute__((format(printf, 1, 2)))
static void cell(const char *format, ...)
{
	va_list args;

	if (ncells == room) {
		room = room ? 2 * room : 1024;
		cells = realloc(cells, room * sizeof(*cells));
	}
	va_start(args, format);
	if (!cells || vasprintf(&cells[ncells++], format, args) < 0)
		errx(EXIT_REFUSED, "out of memory");
	va_end(args);
}

static void print_cells(size_t columns)
{
	int width[MAX_COLUMNS] = {};
	size_t i;

	for (i = 0; i < ncells; i++)	/* one long list shall not spread all lines */
		if ((int)strlen(cells[i]) > width[i % columns] && strlen(cells[i]) <= 64)
			width[i % columns] = strlen(cells[i]);
	for (i = 0; i < ncells; i++)
		if (i % columns < columns - 1)
			printf("%-*s ", width[i % columns], cells[i]);
		else
			printf("%s\n", cells[i]);
}

/* In both sets LADDR, RADDR, LPORT and RPORT are numbered in this order. */
static void addr_cell(const struct reply *reply, uint16_t attr, uint16_t other)
{
	const struct in6_addr *addr = mnl_attr_get_payload(reply->attrs[attr]);
	const struct in6_addr *peer = mnl_attr_get_payload(reply->attrs[other]);
	uint16_t port = ntohs(mnl_attr_get_u16(reply->attrs[attr + 2]));
	char text[INET6_ADDRSTRLEN];

	if (IN6_IS_ADDR_V4MAPPED(addr) || IN6_IS_ADDR_V4MAPPED(peer))
		cell("%s:%u", inet_ntop(AF_INET, &addr->s6_addr[12], text, sizeof(text)), port);
	else
		cell("[%s]:%u", inet_ntop(AF_INET6, addr, text, sizeof(text)), port);
}

static void bits_cell(uint8_t mask, const char *const names[8])
{
	char text[64] = "";
	int i;

	for (i = 0; i < 8; i++)
		if (mask & 1 << i)
			sprintf(text + strlen(text), "%s%s", *text ? "," : "", names[i] ?: "?");
	cell("%s", *text ? text : "-");
}

static void list_cell(const struct nlattr *attr)
{
	const int32_t *value = mnl_attr_get_payload(attr);
	unsigned int i, n = mnl_attr_get_payload_len(attr) / sizeof(*value);
	char text[MAX_LIST * 12] = "";

	for (i = 0; i < n && i < MAX_LIST; i++)
		sprintf(text + strlen(text), "%s%d", i ? "," : "", value[i]);
	cell("%s", text);
}

static void str_cell(const char *s, char blank)
{
	char *p;

	cell("%s", *s ? s : "-");
	for (p = cells[ncells - 1]; *p; p++)
		if (*p == ' ')
			*p = blank;
}

static void put_cell(const struct reply *reply, const struct column *c)
{
#define X(id, nr, name) [nr] = name,
	static const char *const timers[256] = { TCPX_CONN_TIMER_LIST(X) };
	static const char *const opts[8] = { TCPX_OPTS_LIST(X) };
	static const char *const flags[8] = { TCPX_ENTRY_FLAG_LIST(X) };
	static const char *const overflows[256] = { TCPX_OVERFLOW_LIST(X) };
#undef X
	const struct nlattr *attr = reply->attrs[c->attr];

	if (!attr)
		cell("-");
	else if (c->kind == STR || c->kind == WORD)
		str_cell(mnl_attr_get_str(attr), c->kind == STR ? ' ' : '_');
	else if (c->kind == U32)
		cell("%u", mnl_attr_get_u32(attr));
	else if (c->kind == U64)
		cell("%llu", (unsigned long long)mnl_attr_get_u64(attr));
	else if (c->kind == S64)
		cell("%lld", (long long)mnl_attr_get_u64(attr));
	else if (c->kind == S32S)
		list_cell(attr);
	else if (c->kind == LOCAL || c->kind == REMOTE)
		addr_cell(reply, c->attr, c->attr + (c->kind == LOCAL ? 1 : -1));
	else if (c->kind == TIMER)
		cell("%s", timers[mnl_attr_get_u8(attr)] ?: "?");
	else if (c->kind == OVERFLOW)
		cell("%s", overflows[mnl_attr_get_u8(attr)] ?: "?");
	else
		bits_cell(mnl_attr_get_u8(attr), c->kind == OPTS ? opts : flags);
}

static unsigned int width(const struct view *view)
{
	unsigned int n = 0;

	while (view->columns[n].title)
		n++;
	return view->normal && !all_columns ? view->normal : n;
}

static void put_row(const struct reply *reply, void *arg)
{
	const struct view *view = arg;
	unsigned int i;

	if (view->kinds && !(view->kinds & 1U << mnl_attr_get_u8(reply->attrs[TCPX_A_STAT_KIND])))
		return;
	for (i = 0; i < width(view); i++)
		put_cell(reply, &view->columns[i]);
}

static void show(const struct view *view)
{
	unsigned int i;
	char buf[256];

	for (i = 0; i < width(view); i++)
		cell("%s", view->columns[i].title);
	must(talk(request(buf, family, NLM_F_DUMP, view->cmd), put_row, (void *)view));
	print_cells(width(view));
}

/* ---- set ---- */

struct setting {
	const char *name, *value;
	uint32_t id;
	int32_t min, max;
};

static void resolve(const struct reply *reply, void *arg)
{
	const char *name = mnl_attr_get_str(reply->attrs[TCPX_A_PARAM_NAME]);
	struct setting *s;

	for (s = arg; s->name; s++) {
		if (strncmp(name, s->name, strlen(name)) || s->name[strlen(name)] != '=')
			continue;
		if (!reply->attrs[TCPX_A_PARAM_ID])
			errx(EXIT_USAGE, "%s: can only be read", name);
		s->id = mnl_attr_get_u32(reply->attrs[TCPX_A_PARAM_ID]);
		s->min = mnl_attr_get_u32(reply->attrs[TCPX_A_PARAM_MIN]);
		s->max = mnl_attr_get_u32(reply->attrs[TCPX_A_PARAM_MAX]);
	}
}

static void put_setting(struct nlmsghdr *nlh, const struct setting *s)
{
	int32_t values[MAX_LIST];
	const char *p = s->value;
	unsigned int n = 0;
	char *end;
	long v;

	if (!s->id)
		errx(EXIT_USAGE, "%s: no such parameter, see tcpxctl params", s->name);
	do {
		v = strtol(p, &end, 0);
		if (end == p || (*end && *end != ',') || v != (int32_t)v || n == MAX_LIST)
			errx(EXIT_USAGE, "%s: not a number or %d of them", s->name, MAX_LIST);
		values[n++] = v;
		p = end + 1;
	} while (*end);
	mnl_attr_put(nlh, s->id, n * sizeof(*values), values);
}

static void set(int argc, char **argv)
{
	struct setting *settings = calloc(argc + 1, sizeof(*settings)), *s;
	char *buf = malloc(256 + argc * (MNL_ATTR_HDRLEN + sizeof(int32_t) * MAX_LIST));
	const struct nlattr *bad;
	struct nlmsghdr *nlh;
	struct end end;
	int i;

	if (!settings || !buf)
		errx(EXIT_REFUSED, "out of memory");
	for (i = 0; i < argc; i++) {
		settings[i].name = argv[i];
		settings[i].value = strchr(argv[i], '=');
		if (!settings[i].value++)
			errx(EXIT_USAGE, "%s: NAME=VALUE expected", argv[i]);
	}
	must(talk(request(buf, family, NLM_F_DUMP, TCPX_CMD_GET_PARAMS), resolve, settings));
	nlh = request(buf, family, NLM_F_ACK, TCPX_CMD_SET_PARAMS);
	for (s = settings; s->name; s++)
		put_setting(nlh, s);
	end = talk(nlh, put_row, NULL);
	bad = (void *)(buf + end.offset);
	for (s = settings; end.err && end.offset && s->name; s++)
		if (mnl_attr_get_type(bad) == s->id)
			errx(EXIT_REFUSED, "%s: %s (%d to %d)", s->name,
			     *end.text ? end.text : strerror(end.err), s->min, s->max);
	must(end);
}

/* ---- listener ---- */

/* tcpxctl listener COOKIE POLICY */
static void set_listener(const char *cookie, const char *policy)
{
#define X(id, nr, name) { name, nr },
	static const struct { const char *name; uint8_t nr; } policies[] = {
		TCPX_OVERFLOW_LIST(X)
	};
#undef X
	struct nlmsghdr *nlh;
	size_t i, n = sizeof(policies) / sizeof(*policies);
	char buf[256], *end;
	uint64_t value = strtoull(cookie, &end, 0);

	for (i = 0; i < n && strcmp(policy, policies[i].name); i++)
		;
	if (end == cookie || *end || i == n)
		errx(EXIT_USAGE, "listener COOKIE cookie|evict|recycle|random|drop_new|inherit");
	nlh = request(buf, family, NLM_F_ACK, TCPX_CMD_SET_LISTENER);
	mnl_attr_put_u64(nlh, TCPX_A_CONN_COOKIE, value);
	mnl_attr_put_u8(nlh, TCPX_A_CONN_OVERFLOW, policies[i].nr);
	must(talk(nlh, put_row, NULL));
}

/* ---- defences ---- */

/*
 * What stands against floods and forgery: a parameter, the value that switches
 * it off (a weak one for those that are never off), and what counts its work.
 */
static const struct defence {
	const char *name, *param;
	int32_t off;
	const char *counters[4];
} defences[] = {
	{ "SYN cookies", "syncookies", 0,
	  { "CookiesSent", "CookiesOk", "CookiesBad", "CookiesStale" } },
	{ "make room in a full queue", "synq_overflow", 4, { "SynqEvicted" } },
	{ "limit per namespace", "synq_max", INT32_MIN, { "HalfOpenNetnsFull" } },
	{ "shares of prefixes", "synq_prefix", 0, { "HalfOpenPrefix" } },
	{ "fewer retries when half full", NULL, 0, { "SynqPressed" } },
	{ "rate of SYN-ACKs sent again", "synack_rate", 0, { "SynqLimited" } },
	{ "old duplicate SYNs are challenged", "syn_strict", 0, { "SynHalfOpen", "SynqNewSyn" } },
	{ "a RST must be exact (RFC 5961)", "rst_strict", 0, { "RstWindow" } },
	{ "challenge ACKs (RFC 5961)", NULL, 0, { "ChallengeAcks", "SynInSync" } },
	{ "their limit per connection", "challenge_ms", 0, { "ChallengeLimited" } },
	{ "PAWS and TSecr (RFC 7323)", "timestamps", 0, { "Paws", "Tsecr" } },
	{ "TIME-WAIT against RST (RFC 1337)", "rfc1337", 0, { "RstTimeWait" } },
	{ "ICMP in sequence only (RFC 5927)", NULL, 0, { "IcmpIgnored" } },
	{ "smallest path MTU", "min_pmtu", INT32_MIN, { NULL } },
	{ "smallest MSS", "min_snd_mss", INT32_MIN, { NULL } },
	{ "secret initial numbers (RFC 6528)", "lab_isn", INT32_MAX, { NULL } },
	{ "secret cookie key", "lab_cookie_key", INT32_MAX, { NULL } },
	{ "secret table key", "lab_hash_seed", INT32_MAX, { NULL } },
};

#define NDEFENCES (sizeof(defences) / sizeof(*defences))

static struct {
	int32_t value;
	char fired[256];
} found[NDEFENCES];

static void find_param(const struct reply *reply, void *arg)
{
	const char *name = mnl_attr_get_str(reply->attrs[TCPX_A_PARAM_NAME]);
	size_t i;

	(void)arg;
	for (i = 0; i < NDEFENCES; i++)
		if (defences[i].param && !strcmp(defences[i].param, name))
			found[i].value = mnl_attr_get_u32(reply->attrs[TCPX_A_PARAM_VALUE]);
}

static void find_counter(const struct reply *reply, void *arg)
{
	const char *name = mnl_attr_get_str(reply->attrs[TCPX_A_STAT_NAME]);
	size_t i, k;

	(void)arg;
	for (i = 0; i < NDEFENCES; i++)
		for (k = 0; k < 4 && defences[i].counters[k]; k++)
			if (!strcmp(defences[i].counters[k], name))
				sprintf(found[i].fired + strlen(found[i].fired), "%s%s %llu",
					*found[i].fired ? ", " : "", name, (unsigned long long)
					mnl_attr_get_u64(reply->attrs[TCPX_A_STAT_VALUE]));
}

static const char *defence_state(size_t i)
{
	if (!defences[i].param || defences[i].off == INT32_MIN)
		return "on";
	/* of a laboratory: any number but 0 is no secret */
	if (defences[i].off == INT32_MAX)
		return found[i].value ? "OFF" : "on";
	return found[i].value == defences[i].off ? "OFF" : "on";
}

static void show_defences(void)
{
	char buf[256];
	size_t i;

	must(talk(request(buf, family, NLM_F_DUMP, TCPX_CMD_GET_PARAMS), find_param, NULL));
	must(talk(request(buf, family, NLM_F_DUMP, TCPX_CMD_GET_STATS), find_counter, NULL));
	cell("defence");
	cell("state");
	cell("parameter");
	cell("fired");
	for (i = 0; i < NDEFENCES; i++) {
		cell("%s", defences[i].name);
		cell("%s", defence_state(i));
		if (defences[i].param)
			cell("%s=%d", defences[i].param, found[i].value);
		else
			cell("-");
		cell("%s", *found[i].fired ? found[i].fired : "-");
	}
	print_cells(4);
}

static int usage(FILE *f)
{
	const struct view *view;

	fputs("usage: tcpxctl [-a] VIEW\n"
	      "       tcpxctl defences\n"
	      "       tcpxctl set NAME=VALUE...\n"
	      "       tcpxctl listener COOKIE POLICY\n\n", f);
	for (view = views; view->name; view++)
		fprintf(f, "  %-10s %s\n", view->name, view->help);
	fputs("\n  -a  more columns, sequence numbers if you are CAP_NET_ADMIN\n\n"
	      "exit status: 1 refused, 2 wrong usage, 3 tcpx is not loaded\n", f);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	const struct view *view;
	int option;

	while ((option = getopt(argc, argv, "ah")) != -1) {
		if (option == 'h')
			return usage(stdout), 0;
		if (option != 'a')
			return usage(stderr);
		all_columns = true;
	}
	argc -= optind;
	argv += optind;
	if (argc > 1 && !strcmp(argv[0], "set")) {
		connect_kernel();
		set(argc - 1, argv + 1);
		return 0;
	}
	if (argc == 3 && !strcmp(argv[0], "listener")) {
		connect_kernel();
		set_listener(argv[1], argv[2]);
		return 0;
	}
	if (argc == 1 && !strcmp(argv[0], "defences")) {
		connect_kernel();
		show_defences();
		return fflush(stdout) ? EXIT_REFUSED : 0;
	}
	for (view = views; argc == 1 && view->name; view++) {
		if (strcmp(argv[0], view->name))
			continue;
		connect_kernel();
		show(view);
		return fflush(stdout) ? EXIT_REFUSED : 0;
	}
	return usage(stderr);
}
