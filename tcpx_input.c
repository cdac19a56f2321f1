// SPDX-License-Identifier: GPL-2.0
/*
 * Segments come in: parse, look up, ask the law. Its verdict on a socket is
 * carried out in tcpx_execute.c, on a half-open entry in tcpx_passive.c.
 *
 * Lookup order: connections and TIME-WAIT, half-open entries, connections once
 * more (an entry may just have become one), listeners. The listener of a SYN
 * comes first: it may have no use for it at all.
 */
#include <linux/filter.h>
#include <net/dst.h>
#include <net/sock_reuseport.h>
#include <net/xfrm.h>

#include "tcpx.h"

#define CREATE_TRACE_POINTS
#include "tcpx_trace.h"

/**
 * tcpx_drop - the one way in which a segment is thrown away
 * @tn: the namespace
 * @skb: the segment, NULL if a reply has used its memory
 * @reason: why, counted already
 *
 * Context: any.
 */
void tcpx_drop(struct tcpx_net *tn, struct sk_buff *skb, u8 reason)
{
	trace_tcpx_drop(tn->net, reason);
	kfree_skb(skb);
}

static void refuse(struct tcpx_net *tn, struct sk_buff *skb, u8 reason)
{
	TCPX_REASON(tn, reason);
	tcpx_drop(tn, skb, reason);
}

static void rcv_locked(struct sock *sk, struct sk_buff *skb,
		       struct tcpx_seg *seg)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	struct tcpx_verdict v;

	tp->segs_in++;
	if (!tcpx_fit(sk, skb, seg)) {
		refuse(tp->tn, skb, TCPX_R_NOMEM);
		return;
	}
	tcpx_fsm_segment(&tp->tcb, tcpx_ctx(sk), seg, &v);
	tcpx_mib_verdict(tp->tn, &v);
	/* Garbage is no sign of life: keepalive goes on. */
	if (!(v.acts & TCPX_ACT_DROP))
		tp->rcv_at = jiffies;
	tcpx_execute(sk, skb, seg, &v);
}

/**
 * tcpx_backlog_rcv - a segment that came while the socket was in use
 * @sk: the socket
 * @skb: the segment, consumed
 *
 * Context: release_sock(), softirqs on.
 * Return: 0
 */
int tcpx_backlog_rcv(struct sock *sk, struct sk_buff *skb)
{
	u8 *hdr = skb_transport_header(skb);
	u32 hlen = skb->data - hdr;
	struct tcpx_seg seg;

	local_bh_disable();
	rcu_read_lock();
	/* It was parsed before: it cannot fail now. */
	if (tcpx_seg_parse(hdr, hlen, hlen + skb->len, &seg))
		kfree_skb(skb);
	else
		rcv_locked(sk, skb, &seg);
	rcu_read_unlock();
	local_bh_enable();
	return 0;
}

/* IP_MINTTL: who is farther away than a neighbour is not heard (RFC 5082). */
static bool too_far(const struct sock *sk, const struct tcpx_pkt *p)
{
	return p->af->family == AF_INET &&
	       ip_hdr(p->skb)->ttl < READ_ONCE(inet_sk(sk)->min_ttl);
}

/**
 * tcpx_filtered - is a segment refused by TTL, IPsec policy or a socket filter?
 * @sk: socket or listener it is for
 * @p: the segment. A filter may cut its text: it is then what is left of it.
 *
 * Context: softirq, RCU read lock.
 * Return: true if it must be dropped
 */
bool tcpx_filtered(struct sock *sk, struct tcpx_pkt *p)
{
	unsigned int len = p->skb->len;

	if (too_far(sk, p))
		return true;
	if (!xfrm_policy_check(sk, XFRM_POLICY_IN, p->skb, p->af->family))
		return true;
	nf_reset_ct(p->skb);
	if (sk_filter_trim_cap(sk, p->skb, p->seg.hlen))
		return true;
	if (p->skb->len == len)
		return false;
	if (tcpx_seg_parse(p->skb->data, p->seg.hlen, p->skb->len, &p->seg))
		return true;
	tcpx_cb(p->skb)->end = p->seg.end;
	return false;
}

/**
 * tcpx_rcv_sock - a segment for a connection
 * @sk: the socket, with a reference that is given back
 * @p: the segment, consumed
 *
 * Context: softirq, RCU read lock.
 */
void tcpx_rcv_sock(struct sock *sk, struct tcpx_pkt *p)
{
	struct sk_buff *skb = p->skb;
	u64 limit;

	if (tcpx_filtered(sk, p)) {
		refuse(p->tn, skb, TCPX_R_POLICY);
		goto put;
	}
	__skb_pull(skb, p->seg.hlen);
	bh_lock_sock_nested(sk);
	/* Twice: what release_sock() has moved to the receive queue still counts. */
	limit = 2ULL * READ_ONCE(sk->sk_rcvbuf) + READ_ONCE(sk->sk_sndbuf) + SZ_64K;
	if (!sock_owned_by_user(sk))
		rcv_locked(sk, skb, &p->seg);
	else if (sk_add_backlog(sk, skb, min_t(u64, limit, UINT_MAX)))
		refuse(p->tn, skb, TCPX_R_BACKLOG);
	bh_unlock_sock(sk);
put:
	sock_put(sk);
}

/* The way back of what the entry says: as the socket that it was would. */
static void tw_path(const struct tcpx_tw *tw, struct tcpx_path *path)
{
	if (tw->ifindex)
		path->ifindex = tw->ifindex;
	if (!path->mark)
		path->mark = tw->mark;
	path->tos = tw->tos;
}

/* TIME-WAIT: true if the segment may open a new connection. */
static bool rcv_tw(struct tcpx_tw *tw, struct tcpx_pkt *p)
{
	u32 ctx = tcpx_ctx_rst(p->tn);
	struct tcpx_seg out = { .flags = TCPX_ACK };
	struct tcpx_path path = p->path;
	struct tcpx_spare spare = {};
	struct tcpx_verdict v;

	tw_path(tw, &path);
	if (tcpx_param(p->tn, rfc1337))
		ctx |= TCPX_CTX_RFC1337;
	if (time_after(jiffies, tw->ts_recent_at + TCPX_PAWS_IDLE))
		ctx |= TCPX_CTX_TS_STALE;
	if (p->seg.flags & TCPX_SYN &&
	    tcpx_hash_listener(p->tn->net, &p->path.tuple, p->dif, p->sdif))
		ctx |= TCPX_CTX_LISTENER;

	spin_lock(&tw->lock);
	tcpx_fsm_segment(&tw->tcb, ctx, &p->seg, &v);
	tcpx_mib_verdict(p->tn, &v);
	if (v.acts & TCPX_ACT_RESTART_2MSL)
		tcpx_tw_restart(tw);
	if (v.acts & (TCPX_ACT_ACK | TCPX_ACT_CHALLENGE) &&
	    !(p->seg.flags & TCPX_FIN) &&
	    !tcpx_challenge_allowed(p->tn, &tw->challenge_at))
		v.acts &= ~(TCPX_ACT_ACK | TCPX_ACT_CHALLENGE);
	out.seq = tw->tcb.snd_nxt;
	out.ack = tw->tcb.rcv_nxt;
	out.wnd = min(DIV_ROUND_UP(tw->tcb.rcv_wnd, 1U << tw->tcb.rcv_wscale),
		      65535U);
	if (tw->tcb.flags & TCPX_TCB_TS) {
		out.opt.bits = TCPX_OPT_TS;
		out.opt.tsval = tcpx_now_ms() + tw->ts_offset;
		out.opt.tsecr = tw->tcb.ts_recent;
	}
	spin_unlock(&tw->lock);

	if (v.acts & TCPX_ACT_REOPEN) {
		/* RFC 6191, RFC 1122 4.2.2.13: start above what was sent. */
		p->min_iss = tw->tcb.snd_nxt + 65535 + 2;
		p->reopen = true;
		TCPX_INC(p->tn, TIMEWAIT_REOPENS);
		tcpx_tw_kill(tw);
		return true;
	}
	if (v.acts & (TCPX_ACT_ACK | TCPX_ACT_CHALLENGE))
		tcpx_reply(p->tn, p->af, &path, &out, &spare);
	if (v.acts & (TCPX_ACT_RST_SEQ | TCPX_ACT_RST_ACK))
		tcpx_reply_rst(p->tn, p->af, &path, &p->seg, v.acts, &spare);
	if (v.state == TCPX_CLOSED) {
		TCPX_INC(p->tn, TIMEWAIT_RESETS);
		tcpx_tw_kill(tw);
	}
	tcpx_drop(p->tn, p->skb, v.reason);
	return false;
}

static void rcv_closed(struct tcpx_pkt *p)
{
	static const struct tcpx_tcb closed = { .state = TCPX_CLOSED };
	struct tcpx_spare spare = { .skb = p->skb };
	struct tcpx_verdict v;

	tcpx_fsm_segment(&closed, 0, &p->seg, &v);
	tcpx_mib_verdict(p->tn, &v);
	if (v.acts & (TCPX_ACT_RST_SEQ | TCPX_ACT_RST_ACK))
		tcpx_reply_rst(p->tn, p->af, &p->path, &p->seg, v.acts, &spare);
	tcpx_drop(p->tn, spare.skb, v.reason);
}

/*
 * Of a SO_REUSEPORT group, who its program or else the 4-tuple picks. A program
 * reads the segment: nothing is picked before that is @checked, then.
 */
static struct sock *find_listener(struct tcpx_pkt *p, bool checked)
{
	struct sock *sk = tcpx_hash_listener(p->tn->net, &p->path.tuple, p->dif,
					     p->sdif);
	struct sock_reuseport *group;

	group = sk ? rcu_dereference(sk->sk_reuseport_cb) : NULL;
	if (!group)
		return sk;
	if (!checked && rcu_access_pointer(group->prog))
		return NULL;
	/* The upper bits choose. Not those that sequence numbers tell. */
	return reuseport_select_sock(sk, (u32)p->hash << 8, p->skb,
				     p->seg.hlen) ?: sk;
}

static void deliver(struct tcpx_pkt *p)
{
	struct net *net = p->tn->net;
	struct tcpx_tw *tw;
	struct sock *sk;

	sk = tcpx_hash_lookup(net, &p->path.tuple, p->hash, p->dif, p->sdif);
	if (sk) {
		tcpx_rcv_sock(sk, p);
		return;
	}
	tw = tcpx_hash_lookup_tw(net, &p->path.tuple, p->hash, p->dif, p->sdif);
	if (tw && !xfrm_policy_check(NULL, XFRM_POLICY_IN, p->skb,
				     p->af->family)) {
		refuse(p->tn, p->skb, TCPX_R_POLICY);
		return;
	}
	if (tw && !rcv_tw(tw, p))
		return;
	if (tcpx_rcv_half_open(p))
		return;
	sk = p->lsk ?: find_listener(p, true);
	if (sk && !tcpx_filtered(sk, p)) {
		tcpx_rcv_listener(sk, p);
		return;
	}
	if (sk || !xfrm_policy_check(NULL, XFRM_POLICY_IN, p->skb,
				     p->af->family))
		refuse(p->tn, p->skb, TCPX_R_POLICY);
	else
		rcv_closed(p);
}

/* The header is there; from here on the connection is known. */
static u8 header(struct tcpx_pkt *p)
{
	struct sk_buff *skb = p->skb;
	__be16 *ports;

	if (!pskb_may_pull(skb, TCPX_HLEN_MIN))
		return TCPX_R_TRUNCATED;
	p->seg.hlen = (skb->data[12] >> 4) * 4;
	if (p->seg.hlen < TCPX_HLEN_MIN || !pskb_may_pull(skb, p->seg.hlen))
		return TCPX_R_TRUNCATED;
	ports = (__be16 *)skb->data;
	p->path.tuple.rport = ports[0];
	p->path.tuple.lport = ports[1];
	p->hash = tcpx_tuple_hash(p->tn, &p->path.tuple);
	return TCPX_R_NONE;
}

static bool only_syn(const struct sk_buff *skb)
{
	const u8 mask = TCPX_SYN | TCPX_ACK | TCPX_RST | TCPX_FIN;

	return (skb->data[13] & mask) == TCPX_SYN;
}

static u8 parse(struct tcpx_pkt *p)
{
	struct sk_buff *skb = p->skb;
	int err;

	if (!p->af->csum_ok(skb))
		return TCPX_R_BAD_CSUM;
	err = tcpx_seg_parse(skb->data, p->seg.hlen, skb->len, &p->seg);
	if (err)
		return err == -EBADMSG ? TCPX_R_BAD_OPT : TCPX_R_TRUNCATED;

	tcpx_cb(skb)->seq = p->seg.seq;
	tcpx_cb(skb)->end = p->seg.end;
	tcpx_cb(skb)->flags = p->seg.flags;
	return TCPX_R_NONE;
}

/**
 * tcpx_rcv - a segment has arrived
 * @p: skb, family, namespace, devices and path set, the ports not yet.
 *	p->skb->data is the TCP header; consumed.
 *
 * Context: softirq, RCU read lock.
 */
void tcpx_rcv(struct tcpx_pkt *p)
{
	u8 reason;

	TCPX_INC(p->tn, IN_SEGS);
	reason = header(p);
	if (!reason && only_syn(p->skb)) {
		p->lsk = find_listener(p, false);
		reason = p->lsk ? tcpx_syn_hopeless(p) : TCPX_R_NONE;
		if (reason) {
			tcpx_drop(p->tn, p->skb, reason);
			return;
		}
	}
	if (!reason)
		reason = parse(p);
	if (reason)
		refuse(p->tn, p->skb, reason);
	else
		deliver(p);
}

/**
 * tcpx_refuse - drop a packet that does not become a segment
 * @p: skb and namespace set; the skb is consumed
 * @reason: why
 *
 * Context: softirq.
 */
void tcpx_refuse(struct tcpx_pkt *p, u8 reason)
{
	TCPX_INC(p->tn, IN_SEGS);
	refuse(p->tn, p->skb, reason);
}

/*
 * ICMP
 */

/* The answer to a SYN may come while connect() still owns the socket. */
static void defer(struct sock *sk, enum tcpx_deferred what)
{
	if (!test_and_set_bit(what, &tcpx_sk(sk)->deferred))
		sock_hold(sk);
}

static void icmp_sock(struct sock *sk, const struct tcpx_icmp *icmp)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	struct tcpx_tcb *t = &tp->tcb;

	/* RFC 5927 4: only for what is in flight. */
	if (t->state == TCPX_CLOSED ||
	    !tcpx_between(icmp->seq, t->snd_una, t->snd_nxt)) {
		TCPX_INC(tp->tn, ICMP_IGNORED);
		return;
	}
	if (icmp->event != TCPX_EV_ICMP_PTB) {
		tp->icmp_event = icmp->event;
		tp->icmp_err = icmp->err;
		if (sock_owned_by_user(sk))
			defer(sk, TCPX_DEFER_ICMP);
		else
			tcpx_icmp_due(sk);
		return;
	}
	/* RFC 5927 7.2: not below the floor, not for what was not sent. */
	if (icmp->mtu < tcpx_param(tp->tn, min_pmtu) || icmp->mtu >= tp->pmtu) {
		TCPX_INC(tp->tn, ICMP_IGNORED);
		return;
	}
	tp->icmp_mtu = icmp->mtu;
	if (sock_owned_by_user(sk))
		defer(sk, TCPX_DEFER_MTU);
	else
		tcpx_mtu_reduced(sk);
}

/**
 * tcpx_icmp_due - act on an ICMP error other than a path MTU
 * @sk: the socket, icmp_event and icmp_err set
 *
 * Context: socket locked, softirqs off, RCU read lock.
 */
void tcpx_icmp_due(struct sock *sk)
{
	struct tcpx_sock *tp = tcpx_sk(sk);

	if (tp->tcb.state != TCPX_CLOSED)
		tcpx_event(sk, tp->icmp_event, 0, tp->icmp_err);
}

/**
 * tcpx_mtu_reduced - follow a path MTU that an ICMP error reported
 * @sk: the socket, icmp_mtu set
 *
 * Context: socket locked, softirqs off, RCU read lock.
 */
void tcpx_mtu_reduced(struct sock *sk)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	struct dst_entry *dst = __sk_dst_check(sk, 0);

	if (dst)
		dst->ops->update_pmtu(dst, sk, NULL, tp->icmp_mtu, true);
	if (tp->icmp_mtu >= tp->pmtu)
		return;
	tcpx_event(sk, TCPX_EV_ICMP_PTB, 0, EMSGSIZE);
}

/**
 * tcpx_rcv_icmp - an ICMP error for a segment of ours
 * @icmp: what it says
 *
 * Context: softirq, RCU read lock.
 */
void tcpx_rcv_icmp(const struct tcpx_icmp *icmp)
{
	struct tcpx_net *tn = icmp->tn;
	u64 hash = tcpx_tuple_hash(tn, &icmp->tuple);
	struct tcpx_verdict v;
	struct tcpx_tw *tw;
	struct sock *sk;

	TCPX_INC(tn, ICMP_IN);
	sk = tcpx_hash_lookup(tn->net, &icmp->tuple, hash, icmp->dif, 0);
	if (sk) {
		bh_lock_sock(sk);
		icmp_sock(sk, icmp);
		bh_unlock_sock(sk);
		sock_put(sk);
		return;
	}
	tw = tcpx_hash_lookup_tw(tn->net, &icmp->tuple, hash, icmp->dif, 0);
	if (tw) {
		tcpx_fsm_event(&tw->tcb, 0, icmp->event, icmp->err, &v);
		tcpx_mib_verdict(tn, &v);
		return;
	}
	if (!tcpx_icmp_half_open(icmp, hash))
		TCPX_INC(tn, ICMP_IGNORED);
}
