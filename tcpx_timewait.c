// SPDX-License-Identifier: GPL-2.0
/*
 * TIME-WAIT: what is left of a connection for 2MSL, so that its last ACK can be
 * repeated and old duplicates find no successor (RFC 9293 3.4.2).
 */
#include "tcpx.h"
#include "tcpx_timer.h"

#include "tcpx_trace.h"

static struct kmem_cache *tcpx_tw_cache;

/**
 * tcpx_tw_init - make the cache of TIME-WAIT entries
 *
 * Context: process.
 * Return: 0 or -ENOMEM
 */
int tcpx_tw_init(void)
{
	tcpx_tw_cache = kmem_cache_create("tcpx_tw", sizeof(struct tcpx_tw), 0,
					  SLAB_HWCACHE_ALIGN, NULL);
	return tcpx_tw_cache ? 0 : -ENOMEM;
}

/**
 * tcpx_tw_exit - destroy the cache of TIME-WAIT entries
 *
 * Context: process, after the last namespace is gone.
 */
void tcpx_tw_exit(void)
{
	rcu_barrier();
	kmem_cache_destroy(tcpx_tw_cache);
}

static void tw_free_rcu(struct rcu_head *rcu)
{
	kmem_cache_free(tcpx_tw_cache, container_of(rcu, struct tcpx_tw, rcu));
}

/**
 * tcpx_tw_put - give a reference back
 * @tw: the entry
 *
 * Context: any.
 */
void tcpx_tw_put(struct tcpx_tw *tw)
{
	if (refcount_dec_and_test(&tw->refcnt))
		call_rcu(&tw->rcu, tw_free_rcu);
}

static void tw_unlink(struct tcpx_tw *tw)
{
	if (!tcpx_hash_remove_tw(tw))
		return;
	trace_tcpx_state(tw->tn->net, &tw->tuple, TCPX_TIME_WAIT, TCPX_CLOSED);
	tcpx_port_release_tw(tw);
	atomic_dec(&tw->tn->tw_count);
	TCPX_GAUGE_DEC(tw->tn, TIME_WAIT);
	this_cpu_dec(tw->tn->mib->state[TCPX_TIME_WAIT]);
	tcpx_tw_put(tw);
}

static void tw_expired(struct timer_list *t)
{
	struct tcpx_tw *tw = container_of(t, struct tcpx_tw, timer);
	struct tcpx_verdict v;
	bool early;

	spin_lock(&tw->lock);
	early = !tw->dead && time_before(jiffies, tw->when);
	if (early)
		mod_timer(&tw->timer, tcpx_timer_step(tw->when));
	spin_unlock(&tw->lock);
	if (early)
		return;

	tcpx_fsm_event(&tw->tcb, 0, TCPX_EV_T_2MSL, 0, &v);
	tcpx_mib_verdict(tw->tn, &v);
	tw_unlink(tw);
	tcpx_tw_put(tw);
}

/**
 * tcpx_tw_kill - end a TIME-WAIT
 * @tw: the entry; the caller is an RCU reader or holds a reference
 *
 * Context: softirq or process. A timer that runs already is not waited for.
 */
void tcpx_tw_kill(struct tcpx_tw *tw)
{
	tw_unlink(tw);
	spin_lock_bh(&tw->lock);
	tw->dead = true;
	spin_unlock_bh(&tw->lock);
	if (timer_delete(&tw->timer))
		tcpx_tw_put(tw);
}

/**
 * tcpx_tw_restart - wait 2MSL from now
 * @tw: the entry
 *
 * Context: softirq, tw->lock.
 */
void tcpx_tw_restart(struct tcpx_tw *tw)
{
	/* The timer that is armed fires before that and goes on waiting. */
	tw->when = jiffies + msecs_to_jiffies(tcpx_param(tw->tn, timewait_ms));
	mod_timer_pending(&tw->timer, tcpx_timer_step(tw->when));
}

static struct tcpx_tw *tw_alloc(const struct sock *sk)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	struct tcpx_tw *tw;

	if (!tcpx_inc_below(&tp->tn->tw_count,
			    tcpx_param(tp->tn, max_tw_buckets)))
		return NULL;
	tw = kmem_cache_zalloc(tcpx_tw_cache, GFP_ATOMIC | __GFP_NOWARN);
	if (!tw) {
		atomic_dec(&tp->tn->tw_count);
		return NULL;
	}

	tw->tuple = tp->tuple;
	tw->hash = tp->hash;
	tw->tn = tp->tn;
	tw->tcb = tp->tcb;
	tw->tcb.state = TCPX_TIME_WAIT;
	tw->ts_offset = tp->ts_offset;
	tw->ts_recent_at = tp->ts_recent_at;
	tw->challenge_at = tp->challenge_at;
	tw->af = tp->af;
	tw->ifindex = sk->sk_bound_dev_if;
	tw->mark = sk->sk_mark;
	tw->tos = inet_sk(sk)->tos;
	tw->uid = sk->sk_uid;
	tw->reuse = sk->sk_reuse;
	tw->reuseport = sk->sk_reuseport;
	spin_lock_init(&tw->lock);
	timer_setup(&tw->timer, tw_expired, TIMER_PINNED);
	refcount_set(&tw->refcnt, 2);
	return tw;
}

/**
 * tcpx_tw_enter - put a TIME-WAIT entry in the place of a socket
 * @sk: the socket, whose connection has ended
 *
 * Context: any, @sk locked.
 * Return: false if max_tw_buckets is reached or there is no memory: the
 *	connection is then simply forgotten
 */
bool tcpx_tw_enter(struct sock *sk)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	struct tcpx_tw *tw = tw_alloc(sk);

	if (!tw) {
		TCPX_INC(tp->tn, TIMEWAIT_FULL);
		return false;
	}
	trace_tcpx_state(tp->tn->net, &tp->tuple, tp->tcb.state, TCPX_TIME_WAIT);
	TCPX_GAUGE_INC(tp->tn, TIME_WAIT);
	this_cpu_inc(tp->tn->mib->state[TCPX_TIME_WAIT]);
	tcpx_port_to_tw(sk, tw);
	/*
	 * Armed before it can be found, because who finds it may stop it; and
	 * as the timer is pinned it cannot fire before it is in the table.
	 */
	local_bh_disable();
	tw->when = jiffies + msecs_to_jiffies(tcpx_param(tp->tn, timewait_ms));
	mod_timer(&tw->timer, tcpx_timer_step(tw->when));
	tcpx_hash_insert_tw(sk, tw);
	local_bh_enable();
	return true;
}

/**
 * tcpx_tw_purge - end all TIME-WAITs of a namespace
 * @tn: the namespace, which receives no segments any more
 *
 * Context: process. The caller waits for an RCU grace period before it frees
 * @tn, because a timer may still be on its way out.
 */
void tcpx_tw_purge(struct tcpx_net *tn)
{
	if (atomic_read(&tn->tw_count))
		tcpx_hash_purge_tw(tn);
}
