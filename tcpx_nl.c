// SPDX-License-Identifier: GPL-2.0
/*
 * Generic netlink family "tcpx", see tcpx.yaml and tcpx_uapi.h. A request is
 * answered from the namespace of the socket it came by.
 *
 * Reading is for everybody. Sequence numbers, with which a connection could be
 * forged or reset, are only in answers to CAP_NET_ADMIN, and only it may write.
 *
 * No lock is held while a message is built: a dump takes one object after the
 * other as a snapshot. One that no longer fits is taken anew for the next message.
 */
#include <linux/sched.h>
#include <net/genetlink.h>

#include "tcpx_info.h"

static struct genl_family tcpx_nl_family;

/**
 * struct nl_dump - where a dump is, kept in netlink_callback.ctx
 * @cursor: place in a table
 * @index: place in a list
 * @states: mask of the states that were asked for
 * @admin: who asked and who reads this part of the answer are CAP_NET_ADMIN
 */
struct nl_dump {
	struct tcpx_cursor cursor;
	u32 index;
	u32 states;
	bool admin;
};

static struct nl_dump *nl_dump(struct netlink_callback *cb)
{
	BUILD_BUG_ON(sizeof(struct nl_dump) > sizeof(cb->ctx));
	return (struct nl_dump *)cb->ctx;
}

static struct tcpx_net *nl_net(const struct netlink_callback *cb)
{
	return tcpx_net(sock_net(cb->skb->sk));
}

static void *nl_put_header(struct sk_buff *skb, struct netlink_callback *cb,
			   u8 cmd)
{
	return genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			   &tcpx_nl_family, NLM_F_MULTI, cmd);
}

/* Item and message @hdr did not fit: send what is there, and ask again. */
static int nl_full(struct sk_buff *skb, void *hdr)
{
	if (hdr)
		genlmsg_cancel(skb, hdr);
	return skb->len ?: -EMSGSIZE;
}

/*
 * Dump a list of constant length: @put adds item @index to the message. What it
 * returns is 0, -ENODATA if there is no such item, or -EMSGSIZE.
 */
static int nl_dump_list(struct sk_buff *skb, struct netlink_callback *cb,
			u8 cmd, u32 n,
			int (*put)(struct sk_buff *skb, struct tcpx_net *tn,
				   u32 index))
{
	struct nl_dump *dump = nl_dump(cb);
	void *hdr;
	int err;

	for (; dump->index < n; dump->index++) {
		hdr = nl_put_header(skb, cb, cmd);
		if (!hdr)
			return nl_full(skb, NULL);
		err = put(skb, nl_net(cb), dump->index);
		if (err == -EMSGSIZE)
			return nl_full(skb, hdr);
		if (err)
			genlmsg_cancel(skb, hdr);
		else
			genlmsg_end(skb, hdr);
	}
	return 0;
}

/**
 * struct nl_table - how to dump a table that changes meanwhile
 * @cmd: command of the answer
 * @next: snapshot the next object and return true, or return false at the end
 * @put: add it to the message and return 0, or -EMSGSIZE
 */
struct nl_table {
	u8 cmd;
	bool (*next)(struct netlink_callback *cb, void *object);
	int (*put)(struct sk_buff *skb, struct netlink_callback *cb,
		   const void *object);
};

struct nl_entry {
	struct tcpx_entry entry;
	u64 listener;
};

static int nl_dump_table(struct sk_buff *skb, struct netlink_callback *cb,
			 const struct nl_table *table)
{
	union {
		struct tcpx_conn conn;
		struct nl_entry entry;
	} object;
	struct nl_dump *dump = nl_dump(cb);
	struct tcpx_cursor before;
	void *hdr;

	dump->admin = netlink_net_capable(cb->skb, CAP_NET_ADMIN);
	cb->seq = tcpx_mib_generation(nl_net(cb)) ?: 1;
	for (;;) {
		before = dump->cursor;
		if (!table->next(cb, &object))
			return 0;
		hdr = nl_put_header(skb, cb, table->cmd);
		if (!hdr || table->put(skb, cb, &object))
			break;
		genl_dump_check_consistent(cb, hdr);
		genlmsg_end(skb, hdr);
		cond_resched();
	}
	dump->cursor = before;
	return nl_full(skb, hdr);
}

/* ---- GET_STATS ---- */

struct nl_stat {
	u8 kind;
	u32 id;
	const char *name;
	const char *help;
	const char *rfc;
	s64 value;
	struct tcpx_synq_stat synq;
};

static void stat_fill(struct nl_stat *stat, const struct tcpx_net *tn)
{
	u32 id = stat->id;

	switch (stat->kind) {
	case TCPX_STAT_COUNTER:
		stat->name = tcpx_mib_name(id);
		stat->help = tcpx_mib_help(id);
		stat->value = tcpx_mib_read(tn, id);
		break;
	case TCPX_STAT_GAUGE:
		stat->name = tcpx_gauge_name(id);
		stat->help = tcpx_gauge_help(id);
		stat->value = tcpx_gauge_read(tn, id);
		break;
	case TCPX_STAT_STATE:
		stat->name = tcpx_state_id(id);
		stat->help = tcpx_state_name(id);
		stat->value = tcpx_state_read(tn, id);
		break;
	case TCPX_STAT_SYNQ:
		tcpx_synq_stat(tn, id, &stat->synq);
		stat->name = stat->synq.name;
		stat->help = stat->synq.help;
		stat->value = stat->synq.value;
		break;
	default:
		stat->name = tcpx_reason_name(id);
		stat->help = tcpx_reason_text(id);
		stat->rfc = tcpx_reason_rfc(id);
		stat->value = tcpx_reason_read(tn, id);
		break;
	}
}

/* The kinds, one after the other. States and reasons begin with 1. */
static const struct {
	u8 kind;
	u32 first;
	u32 n;
} nl_stat_groups[] = {
	{ TCPX_STAT_COUNTER, 0, TCPX_NMIB },
	{ TCPX_STAT_GAUGE, 0, TCPX_NGAUGES },
	{ TCPX_STAT_STATE, 1, TCPX_NSTATES - 1 },
	{ TCPX_STAT_REASON, 1, TCPX_NREASONS - 1 },
	{ TCPX_STAT_SYNQ, 0, TCPX_NSYNQ_STATS },
};

#define NL_NSTATS (TCPX_NMIB + TCPX_NGAUGES + TCPX_NSTATES + TCPX_NREASONS - 2 + \
		   TCPX_NSYNQ_STATS)

static int stat_put(struct sk_buff *skb, struct tcpx_net *tn, u32 index)
{
	struct nl_stat stat = {};
	unsigned int i;

	for (i = 0; index >= nl_stat_groups[i].n; i++)
		index -= nl_stat_groups[i].n;
	stat.kind = nl_stat_groups[i].kind;
	stat.id = nl_stat_groups[i].first + index;
	stat_fill(&stat, tn);
	if (nla_put_u8(skb, TCPX_A_STAT_KIND, stat.kind) ||
	    nla_put_u32(skb, TCPX_A_STAT_ID, stat.id) ||
	    nla_put_string(skb, TCPX_A_STAT_NAME, stat.name) ||
	    nla_put_s64(skb, TCPX_A_STAT_VALUE, stat.value, TCPX_A_STAT_PAD) ||
	    nla_put_string(skb, TCPX_A_STAT_HELP, stat.help))
		return -EMSGSIZE;
	if (stat.rfc && *stat.rfc)
		return nla_put_string(skb, TCPX_A_STAT_RFC, stat.rfc);
	return 0;
}

static int stats_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	return nl_dump_list(skb, cb, TCPX_CMD_GET_STATS, NL_NSTATS, stat_put);
}

/* ---- GET_CELLS ---- */

static int cell_put_names(struct sk_buff *skb,
			  const struct tcpx_cell_info *info)
{
	char names[TCPX_NAMES_MAX];

	if (nla_put_string(skb, TCPX_A_CELL_NEXT_NAMES,
			   tcpx_states_str(info->next, names, sizeof(names))) ||
	    nla_put_string(skb, TCPX_A_CELL_ACT_NAMES,
			   tcpx_acts_str(info->acts, names, sizeof(names))) ||
	    nla_put_string(skb, TCPX_A_CELL_REASON_NAME,
			   tcpx_reason_name(info->reason)))
		return -EMSGSIZE;
	if (*info->handler &&
	    nla_put_string(skb, TCPX_A_CELL_HANDLER, info->handler))
		return -EMSGSIZE;
	return nla_put_string(skb, TCPX_A_CELL_RFC, info->rfc);
}

static int cell_put(struct sk_buff *skb, struct tcpx_net *tn, u32 index)
{
	u8 event = index / TCPX_NSTATES, state = index % TCPX_NSTATES;
	struct tcpx_cell_info info;

	if (!state)
		return -ENODATA;
	tcpx_fsm_cell(state, event, &info);
	if (!info.possible)
		return -ENODATA;
	if (nla_put_u8(skb, TCPX_A_CELL_EVENT, event) ||
	    nla_put_string(skb, TCPX_A_CELL_EVENT_NAME,
			   tcpx_event_name(event)) ||
	    nla_put_u8(skb, TCPX_A_CELL_STATE, state) ||
	    nla_put_string(skb, TCPX_A_CELL_STATE_NAME, tcpx_state_id(state)) ||
	    nla_put_u64_64bit(skb, TCPX_A_CELL_HITS,
			      tcpx_cell_read(tn, tcpx_cell_id(state, event)),
			      TCPX_A_CELL_PAD) ||
	    nla_put_u32(skb, TCPX_A_CELL_NEXT, info.next) ||
	    nla_put_u32(skb, TCPX_A_CELL_ACTS, info.acts) ||
	    nla_put_u8(skb, TCPX_A_CELL_REASON, info.reason))
		return -EMSGSIZE;
	return cell_put_names(skb, &info);
}

static int cells_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	return nl_dump_list(skb, cb, TCPX_CMD_GET_CELLS, TCPX_NCELLS, cell_put);
}

/* ---- GET_CONNS, GET_LISTENERS ---- */

struct nl_u32 {
	u16 type;
	u16 offset;
};

static int nl_put_u32s(struct sk_buff *skb, const void *object,
		       const struct nl_u32 *list, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (nla_put_u32(skb, list[i].type,
				*(const u32 *)(object + list[i].offset)))
			return -EMSGSIZE;
	return 0;
}

#define SEQ(id, field) { TCPX_A_SEQ_##id, offsetof(struct tcpx_tcb, field) }
static const struct nl_u32 nl_seqs[] = {
	/* half-open entries have these two */
	SEQ(ISS, iss), SEQ(IRS, irs),
	SEQ(SND_UNA, snd_una), SEQ(SND_NXT, snd_nxt), SEQ(SND_WND, snd_wnd),
	SEQ(SND_WL1, snd_wl1), SEQ(SND_WL2, snd_wl2), SEQ(SND_UP, snd_up),
	SEQ(RCV_NXT, rcv_nxt), SEQ(RCV_WND, rcv_wnd), SEQ(RCV_UP, rcv_up),
};

#undef SEQ

#define CONN(id, field) { TCPX_A_CONN_##id, offsetof(struct tcpx_conn, field) }
static const struct nl_u32 nl_conn_all[] = {
	CONN(IFINDEX, ifindex), CONN(RXQ, rxq), CONN(TXQ, txq),
	CONN(TIMER_MS, timer_ms), CONN(RETRIES, retries),
};

static const struct nl_u32 nl_conn_stream[] = {
	CONN(MSS, mss), CONN(PMTU, pmtu), CONN(CWND, cwnd),
	CONN(SSTHRESH, ssthresh), CONN(SRTT_US, srtt_us),
	CONN(RTTVAR_US, rttvar_us), CONN(MIN_RTT_US, min_rtt_us),
	CONN(RTO_US, rto_us), CONN(BACKOFF, backoff), CONN(SEGS_IN, segs_in),
	CONN(SEGS_OUT, segs_out), CONN(RETRANS, retrans),
};

static const struct nl_u32 nl_conn_listen[] = {
	CONN(QLEN, qlen), CONN(QLEN_MAX, qlen_max),
	CONN(ACCEPT_QLEN, accept_qlen), CONN(ACCEPT_MAX, accept_max),
	CONN(DROPS, drops), CONN(QLEN_HIGHEST, highest),
	CONN(REFUSED_QUEUE, refused[TCPX_REFUSED_QUEUE]),
	CONN(REFUSED_NETNS, refused[TCPX_REFUSED_NETNS]),
	CONN(REFUSED_PREFIX, refused[TCPX_REFUSED_PREFIX]),
	CONN(REFUSED_NOMEM, refused[TCPX_REFUSED_NOMEM]),
	CONN(REFUSED_ACCEPT, refused[TCPX_REFUSED_ACCEPT]),
};

#undef CONN

/* Add the first @n of nl_seqs, for those who may see them. */
static int nl_put_seqs(struct sk_buff *skb, struct netlink_callback *cb,
		       u16 type, const struct tcpx_tcb *tcb, unsigned int n)
{
	struct nlattr *nest;

	if (!nl_dump(cb)->admin)
		return 0;
	nest = nla_nest_start(skb, type);
	if (!nest || nl_put_u32s(skb, tcb, nl_seqs, n))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int conn_put_stream(struct sk_buff *skb, struct netlink_callback *cb,
			   const struct tcpx_conn *conn)
{
	if (nla_put_u8(skb, TCPX_A_CONN_OPTS, conn->opts) ||
	    nl_put_seqs(skb, cb, TCPX_A_CONN_SEQ, &conn->tcb,
			ARRAY_SIZE(nl_seqs)))
		return -EMSGSIZE;
	if (conn->state == TCPX_TIME_WAIT)
		return 0;
	if (nla_put_u8(skb, TCPX_A_CONN_CONG_STATE, conn->cong_state) ||
	    nla_put_u64_64bit(skb, TCPX_A_CONN_BYTES_ACKED, conn->bytes_acked,
			      TCPX_A_CONN_PAD) ||
	    nla_put_u64_64bit(skb, TCPX_A_CONN_BYTES_RECEIVED,
			      conn->bytes_received, TCPX_A_CONN_PAD))
		return -EMSGSIZE;
	return nl_put_u32s(skb, conn, nl_conn_stream,
			   ARRAY_SIZE(nl_conn_stream));
}

static int conn_put_name(struct sk_buff *skb, const struct tcpx_conn *conn)
{
	const struct tcpx_tuple *t = &conn->tuple;

	if (nla_put_u8(skb, TCPX_A_CONN_STATE, conn->state) ||
	    nla_put_string(skb, TCPX_A_CONN_STATE_NAME,
			   tcpx_state_name(conn->state)) ||
	    nla_put_u16(skb, TCPX_A_CONN_FAMILY, conn->family) ||
	    nla_put_in6_addr(skb, TCPX_A_CONN_LADDR, &t->laddr) ||
	    nla_put_in6_addr(skb, TCPX_A_CONN_RADDR, &t->raddr) ||
	    nla_put_be16(skb, TCPX_A_CONN_LPORT, t->lport) ||
	    nla_put_be16(skb, TCPX_A_CONN_RPORT, t->rport))
		return -EMSGSIZE;
	return 0;
}

static int conn_put(struct sk_buff *skb, struct netlink_callback *cb,
		    const void *object)
{
	struct user_namespace *user_ns = sk_user_ns(NETLINK_CB(cb->skb).sk);
	const struct tcpx_conn *conn = object;

	if (conn_put_name(skb, conn) ||
	    nl_put_u32s(skb, conn, nl_conn_all, ARRAY_SIZE(nl_conn_all)) ||
	    nla_put_u8(skb, TCPX_A_CONN_TIMER, conn->timer) ||
	    nla_put_u32(skb, TCPX_A_CONN_UID,
			from_kuid_munged(user_ns, conn->uid)) ||
	    nla_put_u64_64bit(skb, TCPX_A_CONN_INODE, conn->inode,
			      TCPX_A_CONN_PAD) ||
	    nla_put_u64_64bit(skb, TCPX_A_CONN_COOKIE, conn->cookie,
			      TCPX_A_CONN_PAD) ||
	    nla_put_u8(skb, TCPX_A_CONN_REASON, conn->reason) ||
	    nla_put_string(skb, TCPX_A_CONN_REASON_NAME,
			   tcpx_reason_name(conn->reason)))
		return -EMSGSIZE;
	if (conn->state != TCPX_LISTEN)
		return conn_put_stream(skb, cb, conn);
	if (nla_put_u8(skb, TCPX_A_CONN_OVERFLOW, conn->overflow))
		return -EMSGSIZE;
	return nl_put_u32s(skb, conn, nl_conn_listen,
			   ARRAY_SIZE(nl_conn_listen));
}

static bool conn_next(struct netlink_callback *cb, void *object)
{
	struct net *net = sock_net(cb->skb->sk);
	struct nl_dump *dump = nl_dump(cb);
	struct tcpx_conn *conn = object;

	while (tcpx_conn_next(net, &dump->cursor, conn)) {
		if (dump->states & (1U << conn->state))
			return true;
		cond_resched();
	}
	return false;
}

static int conns_start(struct netlink_callback *cb)
{
	/* already checked against the policy */
	const struct nlattr *states = nlmsg_find_attr(cb->nlh, GENL_HDRLEN,
						      TCPX_A_CONN_STATES);

	nl_dump(cb)->states = states ? nla_get_u32(states) : U32_MAX;
	return 0;
}

static int conns_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	static const struct nl_table table = {
		TCPX_CMD_GET_CONNS, conn_next, conn_put
	};

	return nl_dump_table(skb, cb, &table);
}

static int listeners_start(struct netlink_callback *cb)
{
	nl_dump(cb)->states = 1U << TCPX_LISTEN;
	return 0;
}

static int listeners_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	static const struct nl_table table = {
		TCPX_CMD_GET_LISTENERS, conn_next, conn_put
	};

	return nl_dump_table(skb, cb, &table);
}

/* ---- SET_LISTENER ---- */

static_assert((int)TCPX_A_OVERFLOW_DROP_NEW == (int)TCPX_OVERFLOW_DROP_NEW &&
	      (int)TCPX_A_OVERFLOW_EVICT == (int)TCPX_OVERFLOW_EVICT &&
	      (int)TCPX_A_OVERFLOW_RECYCLE == (int)TCPX_OVERFLOW_RECYCLE &&
	      (int)TCPX_A_OVERFLOW_RANDOM == (int)TCPX_OVERFLOW_RANDOM &&
	      (int)TCPX_A_OVERFLOW_INHERIT == (u8)-1);

static bool listener_set(struct net *net, u64 cookie, u8 overflow)
{
	struct tcpx_cursor cursor = {};
	struct tcpx_lsn *lsn;
	struct tcpx_tw *tw;
	bool found = false;
	struct sock *sk;

	rcu_read_lock();
	while (!found && tcpx_hash_next(net, &cursor, &sk, &tw) && !cursor.table) {
		lsn = rcu_dereference(tcpx_sk(sk)->lsn);
		found = lsn && lsn->cookie == cookie;
		if (found)
			WRITE_ONCE(lsn->overflow, (s8)overflow);
	}
	rcu_read_unlock();
	return found;
}

static int listener_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *overflow = info->attrs[TCPX_A_CONN_OVERFLOW];
	u8 value;

	if (GENL_REQ_ATTR_CHECK(info, TCPX_A_CONN_COOKIE) ||
	    GENL_REQ_ATTR_CHECK(info, TCPX_A_CONN_OVERFLOW)) {
		GENL_SET_ERR_MSG(info, "cookie of a listener and overflow policy wanted");
		return -EINVAL;
	}
	value = nla_get_u8(overflow);
	if (value >= TCPX_NOVERFLOWS && value != TCPX_A_OVERFLOW_INHERIT) {
		NL_SET_ERR_MSG_ATTR(info->extack, overflow, "no such policy");
		return -ERANGE;
	}
	if (listener_set(genl_info_net(info),
			 nla_get_u64(info->attrs[TCPX_A_CONN_COOKIE]), value))
		return 0;
	NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[TCPX_A_CONN_COOKIE],
			    "no listener has that cookie");
	return -ENOENT;
}

/* ---- GET_HALF_OPEN ---- */

#define X(id, ...)							\
	static_assert((int)TCPX_A_OPTS_##id == (int)TCPX_TCB_##id);
TCPX_OPTS_LIST(X)
#undef X
#define X(id, ...)							\
	static_assert((int)TCPX_A_FLAGS_##id == (int)TCPX_ENTRY_##id);
TCPX_ENTRY_FLAG_LIST(X)
#undef X

static bool entry_next(struct netlink_callback *cb, void *object)
{
	struct nl_entry *entry = object;

	return tcpx_synq_next(nl_net(cb), &nl_dump(cb)->cursor, &entry->entry,
			      &entry->listener);
}

static int entry_put(struct sk_buff *skb, struct netlink_callback *cb,
		     const void *object)
{
	const struct nl_entry *entry = object;
	const struct tcpx_entry *e = &entry->entry;
	const struct tcpx_tcb tcb = { .iss = e->iss, .irs = e->irs };

	if (nla_put_in6_addr(skb, TCPX_A_ENTRY_LADDR, &e->laddr) ||
	    nla_put_in6_addr(skb, TCPX_A_ENTRY_RADDR, &e->raddr) ||
	    nla_put_be16(skb, TCPX_A_ENTRY_LPORT, e->lport) ||
	    nla_put_be16(skb, TCPX_A_ENTRY_RPORT, e->rport) ||
	    nla_put_u32(skb, TCPX_A_ENTRY_IFINDEX, e->ifindex) ||
	    nla_put_u32(skb, TCPX_A_ENTRY_AGE_MS, tcpx_entry_age_ms(e)) ||
	    nla_put_u32(skb, TCPX_A_ENTRY_STAGE, e->stage) ||
	    nla_put_u32(skb, TCPX_A_ENTRY_RTX, e->rtx) ||
	    nla_put_u32(skb, TCPX_A_ENTRY_LEFT_MS, tcpx_entry_left_ms(e)) ||
	    nla_put_u32(skb, TCPX_A_ENTRY_MSS, e->mss) ||
	    nla_put_u8(skb, TCPX_A_ENTRY_OPTS, e->opts) ||
	    nla_put_u8(skb, TCPX_A_ENTRY_FLAGS, e->flags) ||
	    nla_put_u64_64bit(skb, TCPX_A_ENTRY_LISTENER, entry->listener,
			      TCPX_A_ENTRY_PAD))
		return -EMSGSIZE;
	return nl_put_seqs(skb, cb, TCPX_A_ENTRY_SEQ, &tcb, 2);
}

static int half_open_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	static const struct nl_table table = {
		TCPX_CMD_GET_HALF_OPEN, entry_next, entry_put
	};

	return nl_dump_table(skb, cb, &table);
}

/* ---- GET_PARAMS, SET_PARAMS ---- */

static int waits_put(struct sk_buff *skb, struct tcpx_net *tn)
{
	int waits[TCPX_WAITS];
	unsigned int i;

	for (i = 0; i < TCPX_WAITS; i++)
		waits[i] = READ_ONCE(tn->params.synack_waits_ms[i]);
	if (nla_put_u32(skb, TCPX_A_PARAM_ID, TCPX_PARAM_ID_WAITS) ||
	    nla_put_string(skb, TCPX_A_PARAM_NAME, "synack_waits_ms") ||
	    nla_put(skb, TCPX_A_PARAM_VALUE, sizeof(waits), waits) ||
	    nla_put_s32(skb, TCPX_A_PARAM_MIN, TCPX_WAIT_MIN_MS) ||
	    nla_put_s32(skb, TCPX_A_PARAM_MAX, TCPX_WAIT_MAX_MS))
		return -EMSGSIZE;
	return nla_put_string(skb, TCPX_A_PARAM_HELP,
			      "waits after the first SYN-ACK and each retransmission");
}

static int constant_put(struct sk_buff *skb, const char *name, u32 value,
			const char *help)
{
	if (nla_put_string(skb, TCPX_A_PARAM_NAME, name) ||
	    nla_put_s32(skb, TCPX_A_PARAM_VALUE, value))
		return -EMSGSIZE;
	return nla_put_string(skb, TCPX_A_PARAM_HELP, help);
}

static int param_put(struct sk_buff *skb, struct tcpx_net *tn, u32 index)
{
	const struct tcpx_param_info *info;

	switch (index) {
	case TCPX_NPARAMS:
		return waits_put(skb, tn);
	case TCPX_NPARAMS + 1:
		return constant_put(skb, "synq_lifetime_ms",
				    tcpx_synq_lifetime_ms(tn),
				    "how long a half-open entry lives");
	case TCPX_NPARAMS + 2:
		return constant_put(skb, "protocol", tcpx_protocol,
				    "IP protocol number");
	}
	info = &tcpx_param_info[index];
	if (nla_put_u32(skb, TCPX_A_PARAM_ID, TCPX_PARAM_ID_FIRST + index) ||
	    nla_put_string(skb, TCPX_A_PARAM_NAME, info->name) ||
	    nla_put_s32(skb, TCPX_A_PARAM_VALUE,
			READ_ONCE(*tcpx_param_ptr(&tn->params, index))) ||
	    nla_put_s32(skb, TCPX_A_PARAM_MIN, info->min) ||
	    nla_put_s32(skb, TCPX_A_PARAM_MAX, info->max) ||
	    nla_put_s32(skb, TCPX_A_PARAM_DEFAULT, info->def))
		return -EMSGSIZE;
	return nla_put_string(skb, TCPX_A_PARAM_HELP, info->help);
}

static int params_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	return nl_dump_list(skb, cb, TCPX_CMD_GET_PARAMS, TCPX_NPARAMS + 3,
			    param_put);
}

/* @waits: filled from @attr. Return: how many, or negative. */
static int waits_parse(const struct nlattr *attr, int *waits,
		       struct netlink_ext_ack *extack)
{
	int i, n = nla_len(attr) / sizeof(*waits);

	if (nla_len(attr) % sizeof(*waits)) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "not a list of s32");
		return -EINVAL;
	}
	nla_memcpy(waits, attr, sizeof(*waits) * TCPX_WAITS);
	for (i = 0; i < n; i++) {
		if (waits[i] >= TCPX_WAIT_MIN_MS && waits[i] <= TCPX_WAIT_MAX_MS)
			continue;
		NL_SET_ERR_MSG_ATTR(extack, attr, "integer out of range");
		return -ERANGE;
	}
	return n;
}

/*
 * The policy has checked all values but the waits before. The seed of the tables
 * is the one that can be refused for another reason, so it comes first.
 */
static int params_set(struct sk_buff *skb, struct genl_info *info)
{
	struct tcpx_net *tn = tcpx_net(genl_info_net(info));
	struct nlattr **attrs = info->attrs;
	struct nlattr *seed = attrs[TCPX_PARAM_ID_FIRST + TCPX_PARAM_lab_hash_seed];
	bool any = attrs[TCPX_PARAM_ID_WAITS];
	int waits[TCPX_WAITS], n = 0;
	unsigned int i;

	if (attrs[TCPX_PARAM_ID_WAITS]) {
		n = waits_parse(attrs[TCPX_PARAM_ID_WAITS], waits,
				info->extack);
		if (n < 0)
			return n;
	}
	if (seed && tcpx_param_set(tn, TCPX_PARAM_lab_hash_seed, nla_get_s32(seed))) {
		NL_SET_ERR_MSG_ATTR(info->extack, seed,
				    "the namespace has sockets or TIME-WAIT entries");
		return -EBUSY;
	}
	for (i = 0; i < TCPX_NPARAMS; i++) {
		if (!attrs[TCPX_PARAM_ID_FIRST + i])
			continue;
		any = true;
		tcpx_param_set(tn, i, nla_get_s32(attrs[TCPX_PARAM_ID_FIRST + i]));
	}
	if (n)
		tcpx_params_set_waits(tn, waits, n);
	if (any)
		return 0;
	GENL_SET_ERR_MSG(info, "no parameter given");
	return -EINVAL;
}

/* ---- the family ---- */

#define NL_STATES GENMASK(TCPX_NSTATES - 1, 1)

static const struct nla_policy conns_policy[] = {
	[TCPX_A_CONN_STATES] = NLA_POLICY_MASK(NLA_U32, NL_STATES),
};

static const struct nla_policy listener_policy[] = {
	[TCPX_A_CONN_COOKIE] = { .type = NLA_U64 },
	[TCPX_A_CONN_OVERFLOW] = { .type = NLA_U8 },
};

/* not const: in 6.1 a policy points at ranges that are not */
#define X(name, def, min, max, ...)					\
	[TCPX_PARAM_##name] = { min, max },
static struct netlink_range_validation_signed param_ranges[] = {
	TCPX_PARAM_LIST(X)
};

#undef X

#define X(name, ...)							\
	[TCPX_PARAM_ID_FIRST + TCPX_PARAM_##name] =			\
		NLA_POLICY_FULL_RANGE_SIGNED(NLA_S32,			\
					     &param_ranges[TCPX_PARAM_##name]),
static const struct nla_policy params_policy[] = {
	[TCPX_PARAM_ID_WAITS] = NLA_POLICY_RANGE(NLA_BINARY, sizeof(int),
						 sizeof(int) * TCPX_WAITS),
	TCPX_PARAM_LIST(X)
};

#undef X

/* A request of an operation without a policy must not have attributes. */
static const struct genl_ops nl_ops[] = {
	{
		.cmd = TCPX_CMD_GET_STATS,
		.dumpit = stats_dump,
	}, {
		.cmd = TCPX_CMD_GET_CELLS,
		.dumpit = cells_dump,
	}, {
		.cmd = TCPX_CMD_GET_CONNS,
		.start = conns_start,
		.dumpit = conns_dump,
		.policy = conns_policy,
		.maxattr = ARRAY_SIZE(conns_policy) - 1,
	}, {
		.cmd = TCPX_CMD_GET_LISTENERS,
		.start = listeners_start,
		.dumpit = listeners_dump,
	}, {
		.cmd = TCPX_CMD_GET_HALF_OPEN,
		.dumpit = half_open_dump,
	}, {
		.cmd = TCPX_CMD_GET_PARAMS,
		.dumpit = params_dump,
	}, {
		.cmd = TCPX_CMD_SET_PARAMS,
		.flags = GENL_UNS_ADMIN_PERM,
		.doit = params_set,
		.policy = params_policy,
		.maxattr = ARRAY_SIZE(params_policy) - 1,
	}, {
		.cmd = TCPX_CMD_SET_LISTENER,
		.flags = GENL_UNS_ADMIN_PERM,
		.doit = listener_doit,
		.policy = listener_policy,
		.maxattr = ARRAY_SIZE(listener_policy) - 1,
	},
};

/* resv_start_op is 0: all operations are checked as new ones are. */
static struct genl_family tcpx_nl_family __ro_after_init = {
	.name = TCPX_GENL_NAME,
	.version = TCPX_GENL_VERSION,
	.netnsok = true,
	.parallel_ops = true,
	.module = THIS_MODULE,
	.ops = nl_ops,
	.n_ops = ARRAY_SIZE(nl_ops),
};

/**
 * tcpx_nl_init - register the family
 *
 * Context: process, when the namespaces are ready.
 * Return: 0 or negative errno
 */
int tcpx_nl_init(void)
{
	return genl_register_family(&tcpx_nl_family);
}

/**
 * tcpx_nl_exit - unregister the family
 *
 * Context: process, before the namespaces go.
 */
void tcpx_nl_exit(void)
{
	genl_unregister_family(&tcpx_nl_family);
}
