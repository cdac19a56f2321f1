/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The half-open queue: one entry per SYN that was answered and whose SYN-ACK is
 * not acknowledged yet.
 *
 * A table per network namespace, made by its first listen(), split into shards
 * by the hash of the 4-tuple. A shard has one lock for everything in it: buckets,
 * one FIFO per back-off stage, one softirq timer. All entries of a stage wait
 * equally long, so that each FIFO is sorted by expiry and the timer needs only
 * look at the heads.
 */
#ifndef _TCPX_SYNQ_H
#define _TCPX_SYNQ_H

#include <linux/in6.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/types.h>

struct tcpx_net;
struct tcpx_lsn;
struct sock;
struct tcpx_tuple;
struct tcpx_cursor;

enum tcpx_entry_flags {
	TCPX_ENTRY_ACKED = 0x01,	/* acknowledged, accept queue was full */
	TCPX_ENTRY_V6 = 0x02,		/* arrived over IPv6 */
	TCPX_ENTRY_ICMP = 0x04,		/* had an ICMP error before */
	TCPX_ENTRY_COOKIE = 0x08,	/* ISS and TSvals are a cookie */
	TCPX_ENTRY_DEFERRED = 0x10,	/* acknowledged, waits for text */
	TCPX_ENTRY_RESTORED = 0x20,	/* made from a cookie, in no queue */
};

/* net.tcpx.synq_overflow: what a full queue does with one SYN more */
enum tcpx_overflow {
	TCPX_OVERFLOW_COOKIE,	/* answer with a cookie, store nothing */
	TCPX_OVERFLOW_EVICT,	/* drop the oldest entry of the highest stage */
	TCPX_OVERFLOW_RECYCLE,	/* drop the oldest entry (RFC 4987 3.4) */
	TCPX_OVERFLOW_RANDOM,	/* drop an entry by chance */
	TCPX_OVERFLOW_DROP_NEW,	/* drop the SYN */
	TCPX_NOVERFLOWS,
};

/* Who refused a SYN: counted per listener */
enum tcpx_refused {
	TCPX_REFUSED_QUEUE,	/* its half-open queue was full */
	TCPX_REFUSED_NETNS,	/* that of the namespace */
	TCPX_REFUSED_PREFIX,	/* nearly, and much of it from one prefix */
	TCPX_REFUSED_NOMEM,	/* there was no memory */
	TCPX_REFUSED_ACCEPT,	/* the accept queue was full */
	TCPX_NREFUSED,
};

/* The rows and columns of the count-min sketch of source prefixes */
#define TCPX_SKETCH_ROWS	2
#define TCPX_SKETCH_BITS	11
#define TCPX_SKETCH_SIZE	BIT(TCPX_SKETCH_BITS)

/**
 * struct tcpx_entry - a half-open connection
 * @node: in its bucket
 * @fifo: in the FIFO of its stage
 * @hash: low half of tcpx_tuple_hash()
 * @expires: jiffies when the current wait ends
 * @lsn: the listener; valid under the shard lock without a reference, because a
 *	close sweeps all shards before the lsn is freed
 * @rport: remote port
 * @lport: local port
 * @ifindex: device the listener is bound to, or the SYN came in by from a
 *	link-local address
 * @stage: how many waits are over: 0 after the first SYN-ACK
 * @rtx: SYN-ACKs sent again, by the timer or for a duplicate SYN
 * @flags: enum tcpx_entry_flags
 * @opts: what was agreed, enum tcpx_tcb_flags
 * @mark: SO_MARK of the SYN-ACK
 * @raddr: remote address
 * @laddr: local address
 * @irs: sequence number of the SYN
 * @iss: sequence number of the SYN-ACK
 * @ts_recent: TSval of the newest SYN
 * @sent_ms: tcpx_now_ms() when the first SYN-ACK was sent
 * @mss: MSS option of the peer
 * @wscale: the peer's window scale in the low nibble, ours in the high one
 * @tos: type of service of the listener
 * @challenge_at: jiffies of the last challenge ACK
 * @born: jiffies when the SYN arrived
 * @rcv_wnd: window advertised in the SYN-ACK
 * @snd_wnd: window of the SYN, then of the ACK that found no room, unscaled
 *
 * All under the shard lock. Two cache lines: what a lookup or a timer touches is
 * in the first.
 */
struct tcpx_entry {
	struct hlist_node node;
	struct list_head fifo;
	u32 hash;
	u32 expires;
	struct tcpx_lsn *lsn;
	__be16 rport;
	__be16 lport;
	u32 ifindex;
	u8 stage;
	u8 rtx;
	u8 flags;
	u8 opts;
	u32 mark;

	struct in6_addr raddr;
	struct in6_addr laddr;
	u32 irs;
	u32 iss;
	u32 ts_recent;
	u32 sent_ms;
	u16 mss;
	u8 wscale;
	u8 tos;
	u32 challenge_at;
	u32 born;
	u16 rcv_wnd;
	u16 snd_wnd;
};

/**
 * struct tcpx_synq_shard - a part of the half-open queue
 * @lock: guards everything in the shard and the entries in it
 * @buckets: hash chains
 * @fifo: entries by stage, oldest first
 * @timer: armed for the earliest head, runs tcpx_synq_due() in softirq
 * @count: entries
 * @acked: of these TCPX_ENTRY_ACKED ones
 * @changes: how often an entry or a child came: what was not found before can
 *	be there only if this differs
 * @tn: the namespace
 */
struct tcpx_synq_shard {
	spinlock_t lock;
	struct hlist_head *buckets;
	struct list_head fifo[TCPX_WAITS];
	struct timer_list timer;
	u32 count;
	u32 acked;
	u32 changes;
	struct tcpx_net *tn;
} ____cacheline_aligned_in_smp;

/**
 * struct tcpx_synq - the half-open queue of a network namespace
 * @nshards: power of two
 * @shard_shift: what is left of a hash when shifted by it is a shard
 * @bucket_mask: buckets of a shard - 1
 * @count: entries in all shards, limit is synq_max
 * @highest: most entries there ever were
 * @rate_lock: guards @tokens and @refilled
 * @tokens: SYN-ACKs that may be sent again now, times HZ, see synack_rate
 * @refilled: jiffies when @tokens grew last
 * @sketch: entries by source prefix, and by listener and source prefix: each is
 *	counted in one cell of two rows
 * @buckets: memory of all buckets
 * @shards: the shards
 */
struct tcpx_synq {
	u32 nshards;
	u32 shard_shift;
	u32 bucket_mask;
	atomic_t count;
	atomic_t highest;
	spinlock_t rate_lock;
	u32 tokens;
	unsigned long refilled;
	atomic_t sketch[2][TCPX_SKETCH_ROWS][TCPX_SKETCH_SIZE];
	struct hlist_head *buckets;
	struct tcpx_synq_shard shards[];
};

/**
 * tcpx_synq_shard - the shard of a connection
 * @q: half-open queue
 * @hash: tcpx_tuple_hash() of the connection
 *
 * Return: the shard
 */
static inline struct tcpx_synq_shard *tcpx_synq_shard(struct tcpx_synq *q, u64 hash)
{
	return &q->shards[hash >> q->shard_shift];
}

/* tcpx_synq.c */
int tcpx_synq_cache_init(void);
void tcpx_synq_cache_exit(void);
struct tcpx_entry *tcpx_synq_acked(struct tcpx_synq_shard *shard,
				   const struct tcpx_lsn *lsn);
int tcpx_synq_create(struct tcpx_net *tn, void (*due)(struct timer_list *));
void tcpx_synq_destroy(struct tcpx_net *tn);
struct tcpx_entry *tcpx_synq_find(struct tcpx_synq_shard *shard,
				  const struct tcpx_tuple *tuple, u64 hash);
struct tcpx_entry *tcpx_synq_alloc(const struct tcpx_entry *from);
void tcpx_synq_free(struct tcpx_entry *e);
int tcpx_synq_insert(struct tcpx_synq_shard *shard, struct tcpx_entry *e,
		     u32 now);
void tcpx_synq_set_acked(struct tcpx_synq_shard *shard, struct tcpx_entry *e);
void tcpx_synq_unlink(struct tcpx_synq_shard *shard, struct tcpx_entry *e);
void tcpx_synq_restart(struct tcpx_synq_shard *shard, struct tcpx_entry *e,
		       u8 stage, u32 now);
struct tcpx_entry *tcpx_synq_expired(struct tcpx_synq_shard *shard, u32 now);
void tcpx_synq_rearm(struct tcpx_synq_shard *shard);
void tcpx_synq_sweep(struct tcpx_net *tn, struct tcpx_lsn *lsn);
void tcpx_synq_waits_changed(struct tcpx_net *tn, u32 now);
u32 tcpx_synq_lifetime_ms(const struct tcpx_net *tn);
bool tcpx_synq_next(struct tcpx_net *tn, struct tcpx_cursor *c,
		    struct tcpx_entry *copy, u64 *listener);

/* tcpx_admit.c */
int tcpx_admit(const struct tcpx_net *tn, const struct tcpx_lsn *lsn,
	       const struct in6_addr *raddr);
int tcpx_admit_enter(struct tcpx_net *tn, struct tcpx_lsn *lsn,
		     const struct in6_addr *raddr);
void tcpx_admit_leave(struct tcpx_net *tn, struct tcpx_lsn *lsn,
		      const struct in6_addr *raddr);
bool tcpx_admit_evict(struct tcpx_synq_shard *shard, struct tcpx_lsn *lsn,
		      const struct in6_addr *raddr, int err,
		      enum tcpx_overflow policy);
unsigned int tcpx_admit_retries(const struct tcpx_net *tn,
				struct tcpx_lsn *lsn);
bool tcpx_admit_resend(struct tcpx_net *tn);
void tcpx_admit_overflowed(struct tcpx_lsn *lsn);
bool tcpx_admit_cookies(const struct tcpx_net *tn, const struct tcpx_lsn *lsn);

#endif /* _TCPX_SYNQ_H */
