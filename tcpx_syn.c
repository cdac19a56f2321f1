// SPDX-License-Identifier: GPL-2.0
/*
 * A SYN becomes a half-open entry, or is answered by a cookie, or is refused.
 * What becomes of the entry is in tcpx_passive.c.
 */
#include <net/dst.h>

#include "tcpx.h"

static u8 agree(const struct tcpx_net *tn, const struct tcpx_opts *opt)
{
	u8 opts = 0;

	if (opt->bits & TCPX_OPT_WS && tcpx_param(tn, window_scaling))
		opts |= TCPX_TCB_WS;
	if (opt->bits & TCPX_OPT_TS && tcpx_param(tn, timestamps))
		opts |= TCPX_TCB_TS;
	if (opt->bits & TCPX_OPT_SACK_PERM && tcpx_param(tn, sack))
		opts |= TCPX_TCB_SACK;
	return opts;
}

/**
 * tcpx_first_window - the window of the SYN-ACK
 * @lsk: the listener
 *
 * Return: octets, not scaled (RFC 7323 2.2)
 */
u16 tcpx_first_window(const struct sock *lsk)
{
	u32 half = READ_ONCE(lsk->sk_rcvbuf) / 2;

	return clamp(min_not_zero(half, READ_ONCE(tcpx_sk(lsk)->window_clamp)),
		     1U, 65535U);
}

/*
 * The ISS. If cookies are on it is one, also of an entry that is stored: should
 * it have to make room, nothing is lost (RFC 4987 3.6). Not where the number is
 * fixed, or must lie above those of a connection in TIME-WAIT.
 */
static void entry_number(struct tcpx_entry *e, const struct tcpx_pkt *p, u64 now_ns)
{
	struct tcpx_net *tn = p->tn;

	if (tcpx_param(tn, syncookies) && !tcpx_param(tn, lab_isn)) {
		e->iss = tcpx_pick_cookie(tn, p->hash, e->irs,
					  tcpx_cookie_index(e->mss, tcpx_entry_v6(e)));
		e->flags |= TCPX_ENTRY_COOKIE;
	} else {
		e->iss = tcpx_pick_isn(tn, p->hash, now_ns);
	}
	if (p->reopen && !tcpx_after(e->iss, p->min_iss)) {
		e->iss = p->min_iss;
		e->flags &= ~TCPX_ENTRY_COOKIE;
	}
}

/**
 * tcpx_entry_name - what an entry has of its listener and of where it is
 * @e: the entry, all zero
 * @lsk: the listener
 * @lsn: its listening side
 * @p: the segment
 */
void tcpx_entry_name(struct tcpx_entry *e, const struct sock *lsk,
		     struct tcpx_lsn *lsn, const struct tcpx_pkt *p)
{
	const struct tcpx_tuple *tuple = &p->path.tuple;

	e->hash = (u32)p->hash;
	e->lsn = lsn;
	e->laddr = tuple->laddr;
	e->raddr = tuple->raddr;
	e->lport = tuple->lport;
	e->rport = tuple->rport;
	e->ifindex = READ_ONCE(lsk->sk_bound_dev_if);
	/* A link-local peer is only known together with its device. */
	if (p->af->family == AF_INET6) {
		e->flags |= TCPX_ENTRY_V6;
		if (ipv6_addr_type(&tuple->raddr) & IPV6_ADDR_LINKLOCAL)
			e->ifindex = p->dif;
	}
	e->mark = READ_ONCE(lsk->sk_mark);
	e->tos = inet_sk(lsk)->tos;
	e->born = (u32)jiffies;
}

static void entry_fill(struct tcpx_entry *e, const struct sock *lsk,
		       struct tcpx_lsn *lsn, const struct tcpx_pkt *p)
{
	const struct tcpx_opts *opt = &p->seg.opt;
	u64 now_ns = ktime_get_ns();

	tcpx_entry_name(e, lsk, lsn, p);
	e->opts = agree(p->tn, opt);
	e->irs = p->seg.seq;
	if (e->opts & TCPX_TCB_TS)
		e->ts_recent = opt->tsval;
	e->mss = opt->bits & TCPX_OPT_MSS ? opt->mss : TCPX_MSS_DEFAULT;
	if (e->opts & TCPX_TCB_WS)
		e->wscale = opt->wscale | tcpx_pick_wscale(p->tn, lsk) << 4;
	e->snd_wnd = p->seg.wnd;
	e->rcv_wnd = tcpx_first_window(lsk);
	e->sent_ms = tcpx_ns_to_ms(now_ns);
	entry_number(e, p, now_ns);
}

/* Does the connection have an owner by now, with @sk set if that is a socket? */
static bool known(struct tcpx_synq_shard *shard, const struct tcpx_pkt *p,
		  struct sock **sk)
{
	*sk = tcpx_hash_lookup(p->tn->net, &p->path.tuple, p->hash, p->dif,
			       p->sdif);
	return *sk || tcpx_synq_find(shard, &p->path.tuple, p->hash);
}

/* Insert @e, in the place of another one if the policy says so. */
static int insert(struct tcpx_synq_shard *shard, struct tcpx_entry *e,
		  enum tcpx_overflow policy)
{
	int err = tcpx_synq_insert(shard, e, tcpx_next_jiffy());

	if (err && err != -ESHUTDOWN &&
	    tcpx_admit_evict(shard, e->lsn, &e->raddr, err, policy))
		err = tcpx_synq_insert(shard, e, tcpx_next_jiffy());
	return err;
}

/*
 * Store a copy of @e: 0, -EEXIST if somebody else was faster, -ENOMEM, or as
 * tcpx_synq_insert(). Without memory it is as if the queue were full.
 */
static int entry_store(const struct tcpx_entry *e, const struct tcpx_pkt *p,
		       enum tcpx_overflow policy)
{
	struct tcpx_synq_shard *shard = tcpx_synq_shard(p->tn->synq, p->hash);
	struct tcpx_entry *stored = tcpx_synq_alloc(e);
	struct sock *sk = NULL;
	int err;

	spin_lock(&shard->lock);
	if (shard->changes != p->changes && known(shard, p, &sk)) {
		err = -EEXIST;
	} else {
		if (!stored && tcpx_admit_evict(shard, e->lsn, NULL, -ENOBUFS,
						policy))
			stored = tcpx_synq_alloc(e);
		err = -ENOMEM;
		if (stored)
			err = insert(shard, stored, policy);
	}
	spin_unlock(&shard->lock);
	if (sk)
		sock_put(sk);
	if (err && stored)
		tcpx_synq_free(stored);
	return err;
}

static bool overflow(int err)
{
	return err == -ENOBUFS || err == -ENOSPC || err == -EDQUOT ||
	       err == -ENOMEM;
}

static u8 room_reason(struct tcpx_lsn *lsn, int err)
{
	switch (err) {
	case -ENOBUFS:
		atomic_inc(&lsn->refused[TCPX_REFUSED_QUEUE]);
		return TCPX_R_SYNQ_FULL;
	case -ENOSPC:
		atomic_inc(&lsn->refused[TCPX_REFUSED_NETNS]);
		return TCPX_R_SYNQ_NETNS;
	case -EDQUOT:
		atomic_inc(&lsn->refused[TCPX_REFUSED_PREFIX]);
		return TCPX_R_SYNQ_PREFIX;
	case -ENOMEM:
		atomic_inc(&lsn->refused[TCPX_REFUSED_NOMEM]);
		return TCPX_R_NOMEM;
	case -ESHUTDOWN:
		return TCPX_R_LISTENER_GONE;
	default:
		return TCPX_R_NONE;
	}
}

/* Count why a SYN found no room, whether or not it gets a cookie. */
static u8 no_room(struct tcpx_net *tn, struct tcpx_lsn *lsn, int err)
{
	u8 reason;

	if (!err)
		return TCPX_R_NONE;
	reason = room_reason(lsn, err);
	if (reason)
		TCPX_REASON(tn, reason);
	return reason;
}

static u8 drop_syn(struct tcpx_net *tn, struct tcpx_lsn *lsn, u8 reason)
{
	atomic_inc(&lsn->drops);
	TCPX_INC(tn, LISTEN_DROPS);
	return reason;
}

/* Has the connection an owner that a SYN may matter to? */
static bool owned(struct tcpx_pkt *p)
{
	struct tcpx_synq_shard *shard = tcpx_synq_shard(p->tn->synq, p->hash);
	struct sock *sk;
	bool yes;

	if (tcpx_hash_lookup_tw(p->tn->net, &p->path.tuple, p->hash, p->dif, p->sdif))
		return true;
	spin_lock(&shard->lock);
	yes = known(shard, p, &sk);
	spin_unlock(&shard->lock);
	if (sk)
		sock_put(sk);
	return yes;
}

/**
 * tcpx_syn_hopeless - refuse a SYN that can do nothing before work is done for it
 * @p: a SYN for the listener p->lsk, of which nothing else is known: its checksum
 *	was not verified
 *
 * The half-open queue is full, what is new is dropped, and the SYN belongs to
 * nothing we know: whatever else may be wrong with it, it would be dropped, and
 * counts as refused by the queue. In a flood these are nearly all segments.
 *
 * Context: softirq, RCU read lock, no lock.
 * Return: enum tcpx_reason if it was refused, counted already
 */
u8 tcpx_syn_hopeless(struct tcpx_pkt *p)
{
	struct tcpx_lsn *lsn = rcu_dereference(tcpx_sk(p->lsk)->lsn);
	struct tcpx_net *tn = p->tn;
	int err;

	if (!lsn || tcpx_param(tn, syncookies) == 2 ||
	    tcpx_admit_policy(tn, lsn) != TCPX_OVERFLOW_DROP_NEW)
		return TCPX_R_NONE;
	err = tcpx_admit(tn, lsn, &p->path.tuple.raddr);
	if (!err || owned(p))
		return TCPX_R_NONE;
	return drop_syn(tn, lsn, no_room(tn, lsn, err));
}

/**
 * tcpx_answer_syn - send the SYN-ACK of an entry in answer to its SYN
 * @p: the SYN; its path is the entry's, its skb is used up if that is possible
 * @e: a copy of the entry
 * @dst: route of the path, consumed; NULL: it is looked up
 *
 * Context: softirq, RCU read lock, no lock.
 */
void tcpx_answer_syn(struct tcpx_pkt *p, const struct tcpx_entry *e,
		     struct dst_entry *dst)
{
	struct tcpx_spare spare = { .dst = dst, .skb = p->skb };

	tcpx_send_synack(p->tn, e, p->hash, p->af, &p->path, &spare);
	p->skb = spare.skb;
}

/**
 * tcpx_take_syn - a SYN for a listener
 * @lsk: the listener
 * @lsn: its listening side
 * @p: the SYN; its skb is used up if that is possible
 *
 * It is answered from an entry, by a cookie, or not at all; most of those that a
 * full queue drops were refused by tcpx_syn_hopeless() before. One that lost a race
 * against its duplicate is answered when it comes again.
 *
 * Context: softirq, RCU read lock, no lock.
 * Return: enum tcpx_reason if it was refused, counted already
 */
u8 tcpx_take_syn(struct sock *lsk, struct tcpx_lsn *lsn, struct tcpx_pkt *p)
{
	enum tcpx_overflow policy = tcpx_admit_policy(p->tn, lsn);
	bool always = tcpx_param(p->tn, syncookies) == 2, cookie;
	struct tcpx_entry e = {};
	struct dst_entry *dst;
	int err = 0;
	u8 reason;

	if (!always && policy == TCPX_OVERFLOW_COOKIE)
		err = tcpx_admit(p->tn, lsn, &p->path.tuple.raddr);
	entry_fill(&e, lsk, lsn, p);
	tcpx_entry_way(&e, &p->path);
	dst = p->af->dst(p->tn, &p->path);
	if (IS_ERR(dst)) {
		TCPX_REASON(p->tn, TCPX_R_NO_ROUTE);
		return drop_syn(p->tn, lsn, TCPX_R_NO_ROUTE);
	}

	cookie = always || err;
	if (!cookie || !(e.flags & TCPX_ENTRY_COOKIE)) {
		err = entry_store(&e, p, policy);
		cookie = policy == TCPX_OVERFLOW_COOKIE && overflow(err) &&
			 e.flags & TCPX_ENTRY_COOKIE;
	}
	reason = no_room(p->tn, lsn, err);
	if (cookie && READ_ONCE(lsn->dead)) {
		dst_release(dst);
		return drop_syn(p->tn, lsn, no_room(p->tn, lsn, -ESHUTDOWN));
	}
	if (cookie) {
		tcpx_admit_overflowed(lsn);
		TCPX_INC(p->tn, COOKIES_SENT);
	}
	if (cookie || !err) {
		tcpx_answer_syn(p, &e, dst);
		return TCPX_R_NONE;
	}
	dst_release(dst);
	return reason ? drop_syn(p->tn, lsn, reason) : TCPX_R_NONE;
}
