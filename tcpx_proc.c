// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/net/tcpx: what a namespace counts and holds, as text for people and for
 * awk. Everybody may read it, so no sequence number is here.
 */
#include <linux/in.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/seq_file_net.h>
#include <linux/user_namespace.h>

#include "tcpx_info.h"

static void stat_counters(struct seq_file *seq, const struct tcpx_net *tn)
{
	unsigned int i;

	seq_puts(seq, "# counters\n");
	for (i = 0; i < TCPX_NMIB; i++)
		seq_printf(seq, "%s %llu # %s\n", tcpx_mib_name(i),
			   tcpx_mib_read(tn, i), tcpx_mib_help(i));
	seq_puts(seq, "# objects alive now\n");
	for (i = 0; i < TCPX_NGAUGES; i++)
		seq_printf(seq, "%s %lld # %s\n", tcpx_gauge_name(i),
			   tcpx_gauge_read(tn, i), tcpx_gauge_help(i));
}

static void stat_states(struct seq_file *seq, const struct tcpx_net *tn)
{
	u8 state;

	seq_puts(seq, "# sockets, half-open and TIME-WAIT entries by state\n");
	for (state = 1; state < TCPX_NSTATES; state++)
		seq_printf(seq, "State%s %lld # %s\n", tcpx_state_id(state),
			   tcpx_state_read(tn, state), tcpx_state_name(state));
}

static void stat_reasons(struct seq_file *seq, const struct tcpx_net *tn)
{
	const char *rfc;
	u8 reason;

	seq_puts(seq, "# why something was refused, challenged or ended\n");
	for (reason = TCPX_R_NONE + 1; reason < TCPX_NREASONS; reason++) {
		seq_printf(seq, "Reason%s %llu # %s", tcpx_reason_name(reason),
			   tcpx_reason_read(tn, reason),
			   tcpx_reason_text(reason));
		rfc = tcpx_reason_rfc(reason);
		if (*rfc)
			seq_printf(seq, " (%s)", rfc);
		seq_putc(seq, '\n');
	}
}

static void stat_synq(struct seq_file *seq, const struct tcpx_net *tn)
{
	struct tcpx_synq_stat stat;
	unsigned int i;

	seq_puts(seq, "# the half-open queue\n");
	for (i = 0; i < TCPX_NSYNQ_STATS; i++) {
		tcpx_synq_stat(tn, i, &stat);
		seq_printf(seq, "%s %llu # %s\n", stat.name, stat.value,
			   stat.help);
	}
}

static int stat_show(struct seq_file *seq, void *v)
{
	const struct tcpx_net *tn = tcpx_net(seq_file_single_net(seq));

	stat_counters(seq, tn);
	stat_states(seq, tn);
	stat_reasons(seq, tn);
	stat_synq(seq, tn);
	return 0;
}

/**
 * struct table_iter - where a reader is in a table
 * @p: must be first
 * @cursor: place in the table
 * @pos: position of the object that was read last, in lines of the file
 * @more: false behind the end
 * @conn: that object, in conns
 * @entry: that object, in halfopen
 * @listener: SO_COOKIE of its listener
 *
 * seq_file asks for position 0, or again for the one it got last, when the line
 * did not fit into its buffer. The object is kept for that.
 */
struct table_iter {
	struct seq_net_private p;
	struct tcpx_cursor cursor;
	loff_t pos;
	bool more;
	union {
		struct tcpx_conn conn;
		struct {
			struct tcpx_entry entry;
			u64 listener;
		};
	};
};

static void *table_start(struct seq_file *seq, loff_t *pos)
{
	struct table_iter *it = seq->private;

	if (*pos == 0) {
		memset(&it->cursor, 0, sizeof(it->cursor));
		it->pos = 0;
		it->more = true;
		return SEQ_START_TOKEN;
	}
	return it->more && *pos == it->pos ? it : NULL;
}

static void table_stop(struct seq_file *seq, void *v)
{
}

static void *conns_next(struct seq_file *seq, void *v, loff_t *pos)
{
	struct table_iter *it = seq->private;

	it->pos = ++*pos;
	it->more = tcpx_conn_next(seq_file_net(seq), &it->cursor, &it->conn);
	return it->more ? it : NULL;
}

static void *halfopen_next(struct seq_file *seq, void *v, loff_t *pos)
{
	struct table_iter *it = seq->private;

	it->pos = ++*pos;
	it->more = tcpx_synq_next(tcpx_net(seq_file_net(seq)), &it->cursor,
				  &it->entry, &it->listener);
	return it->more ? it : NULL;
}

static void show_addr(struct seq_file *seq, bool v4,
		      const struct in6_addr *addr, __be16 port)
{
	if (v4)
		seq_printf(seq, "%pI4:%u ", &addr->s6_addr32[3], ntohs(port));
	else
		seq_printf(seq, "[%pI6c]:%u ", addr, ntohs(port));
}

static void show_tuple(struct seq_file *seq, const struct tcpx_tuple *tuple)
{
	bool v4 = ipv6_addr_v4mapped(&tuple->laddr) ||
		  ipv6_addr_v4mapped(&tuple->raddr);

	show_addr(seq, v4, &tuple->laddr, tuple->lport);
	show_addr(seq, v4, &tuple->raddr, tuple->rport);
}

#define X(id, nr, name)							\
	[nr] = name,
static const char * const timer_names[] = { TCPX_CONN_TIMER_LIST(X) };
static const char * const opt_names[] = { TCPX_OPTS_LIST(X) };
static const char * const flag_names[] = { TCPX_ENTRY_FLAG_LIST(X) };
#undef X

static void show_conn(struct seq_file *seq, const struct tcpx_conn *conn)
{
	seq_printf(seq, "%s ", tcpx_state_name(conn->state));
	show_tuple(seq, &conn->tuple);
	seq_printf(seq, "%u %u %s %u %u %u %llu %llu %s\n", conn->rxq,
		   conn->txq, timer_names[conn->timer], conn->timer_ms,
		   conn->retries,
		   from_kuid_munged(seq_user_ns(seq), conn->uid), conn->inode,
		   conn->cookie, tcpx_reason_name(conn->reason));
}

static int conns_show(struct seq_file *seq, void *v)
{
	const struct table_iter *it = v;

	if (v == SEQ_START_TOKEN)
		seq_puts(seq, "state local remote rxq txq timer left_ms retries uid inode cookie reason\n");
	else
		show_conn(seq, &it->conn);
	return 0;
}

/* The words of the bits of @mask, or "-"; bits without a word are not told. */
static void show_bits(struct seq_file *seq, u8 mask, const char * const *names,
		      unsigned int n)
{
	const char *comma = "";
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (!(mask & 1U << i))
			continue;
		seq_printf(seq, "%s%s", comma, names[i]);
		comma = ",";
	}
	if (!*comma)
		seq_putc(seq, '-');
}

static void show_entry(struct seq_file *seq, const struct tcpx_entry *e,
		       u64 listener)
{
	const struct tcpx_tuple tuple = {
		.laddr = e->laddr, .lport = e->lport,
		.raddr = e->raddr, .rport = e->rport,
	};

	show_tuple(seq, &tuple);
	seq_printf(seq, "%u %u %u %u %u ", tcpx_entry_age_ms(e), e->stage,
		   e->rtx, tcpx_entry_left_ms(e), e->mss);
	show_bits(seq, e->opts, opt_names, ARRAY_SIZE(opt_names));
	seq_putc(seq, ' ');
	show_bits(seq, e->flags, flag_names, ARRAY_SIZE(flag_names));
	seq_printf(seq, " %llu\n", listener);
}

static int halfopen_show(struct seq_file *seq, void *v)
{
	const struct table_iter *it = v;

	if (v == SEQ_START_TOKEN)
		seq_puts(seq, "local remote age_ms stage rtx left_ms mss opts flags listener\n");
	else
		show_entry(seq, &it->entry, it->listener);
	return 0;
}

/* The states, 1 to TCPX_NSTATES - 1, are the columns of a row. */
#define FSM_LINES (TCPX_NEVENTS * (TCPX_NSTATES - 1))

static void *fsm_start(struct seq_file *seq, loff_t *pos)
{
	if (*pos == 0)
		return SEQ_START_TOKEN;
	return *pos <= FSM_LINES ? pos : NULL;
}

static void *fsm_next(struct seq_file *seq, void *v, loff_t *pos)
{
	++*pos;
	return fsm_start(seq, pos);
}

/* One column: no spaces, and never empty. */
static void show_word(struct seq_file *seq, const char *s, char end)
{
	if (!*s)
		seq_putc(seq, '-');
	for (; *s; s++)
		seq_putc(seq, *s == ' ' ? '_' : *s);
	seq_putc(seq, end);
}

static int fsm_show(struct seq_file *seq, void *v)
{
	const struct tcpx_net *tn = tcpx_net(seq_file_net(seq));
	struct tcpx_cell_info info;
	char names[TCPX_NAMES_MAX];
	unsigned int line;
	u8 event, state;

	if (v == SEQ_START_TOKEN) {
		seq_puts(seq, "event state hits next acts reason handler rfc\n");
		return 0;
	}
	line = *(loff_t *)v - 1;
	event = line / (TCPX_NSTATES - 1);
	state = line % (TCPX_NSTATES - 1) + 1;
	tcpx_fsm_cell(state, event, &info);
	show_word(seq, tcpx_event_name(event), ' ');
	show_word(seq, tcpx_state_id(state), ' ');
	if (info.possible)
		seq_printf(seq, "%llu ",
			   tcpx_cell_read(tn, tcpx_cell_id(state, event)));
	else
		seq_puts(seq, "- ");
	show_word(seq, tcpx_states_str(info.next, names, sizeof(names)), ' ');
	show_word(seq, tcpx_acts_str(info.acts, names, sizeof(names)), ' ');
	show_word(seq, tcpx_reason_name(info.reason), ' ');
	show_word(seq, info.handler, ' ');
	show_word(seq, info.rfc, '\n');
	return 0;
}

static const struct seq_operations conns_ops = {
	.start = table_start,
	.next = conns_next,
	.stop = table_stop,
	.show = conns_show,
};

static const struct seq_operations halfopen_ops = {
	.start = table_start,
	.next = halfopen_next,
	.stop = table_stop,
	.show = halfopen_show,
};

static const struct seq_operations fsm_ops = {
	.start = fsm_start,
	.next = fsm_next,
	.stop = table_stop,
	.show = fsm_show,
};

/**
 * tcpx_proc_net_init - make /proc/net/tcpx of a namespace
 * @tn: the namespace
 *
 * Context: process.
 * Return: 0 or -ENOMEM
 */
int tcpx_proc_net_init(struct tcpx_net *tn)
{
	struct proc_dir_entry *dir;

	if (!IS_ENABLED(CONFIG_PROC_FS))
		return 0;
	/* files look up their namespace in the folder that they are in */
	dir = proc_net_mkdir(tn->net, "tcpx", tn->net->proc_net);
	if (!dir)
		return -ENOMEM;
	if (proc_create_net_single("stat", 0444, dir, stat_show, NULL) &&
	    proc_create_net("conns", 0444, dir, &conns_ops,
			    sizeof(struct table_iter)) &&
	    proc_create_net("halfopen", 0444, dir, &halfopen_ops,
			    sizeof(struct table_iter)) &&
	    proc_create_net("fsm", 0444, dir, &fsm_ops,
			    sizeof(struct seq_net_private)))
		return 0;
	tcpx_proc_net_exit(tn);
	return -ENOMEM;
}

/**
 * tcpx_proc_net_exit - remove /proc/net/tcpx of a namespace
 * @tn: the namespace
 *
 * Context: process. No reader is in there afterwards.
 */
void tcpx_proc_net_exit(struct tcpx_net *tn)
{
	remove_proc_subtree("tcpx", tn->net->proc_net);
}
