/*
 * lease.c - see lease.h.
 */
#include "raftd/replica/mvcc/lease.h"

#include "common/clock.h"
#include "common/xmem.h"

#include <stdlib.h>

static inline struct mvcc_lease *
lease_of(const struct hash_link *link)
{
	return CONTAINER_OF(link, struct mvcc_lease, link);
}

static inline struct mvcc_lease *
lease_of_heap(const struct heap_link *link)
{
	return CONTAINER_OF(link, struct mvcc_lease, by_deadline);
}

static struct slice
id_key(const uint64_t *id)
{
	return slice_of(id, sizeof(*id));
}

static bool
match(const struct hash_link *link, struct slice key)
{
	return slice_equal(id_key(&lease_of(link)->id), key);
}

static bool
before(const struct heap_link *link_a, const struct heap_link *link_b)
{
	const struct mvcc_lease *a = lease_of_heap(link_a), *b = lease_of_heap(link_b);

	return a->deadline_ns != b->deadline_ns ? a->deadline_ns < b->deadline_ns : a->id < b->id;
}

void
leases_init(struct leases *leases, struct pool *pool, uint64_t seed)
{
	*leases = (struct leases){ .pool = pool };
	hash_init(&leases->by_id, seed, match);
	heap_init(&leases->by_deadline, before);
}

void
leases_free(struct leases *leases)
{
	struct hash_link *link;

	/* It touches its members once more. */
	heap_free(&leases->by_deadline);
	while ((link = hash_pop(&leases->by_id)) != NULL)
		free(lease_of(link));
	hash_free(&leases->by_id);
}

struct mvcc_lease *
lease_find(const struct leases *leases, uint64_t id)
{
	struct hash_link *link = hash_find(&leases->by_id, id_key(&id));

	return link == NULL ? NULL : lease_of(link);
}

struct mvcc_lease *
lease_new(struct leases *leases, uint64_t id, uint64_t ttl_s, uint64_t expiry_ns, bool settled)
{
	struct mvcc_lease *lease = xzalloc(sizeof(*lease));

	ASSERT(id != 0);
	lease->id = id;
	lease->ttl_s = ttl_s;
	lease->expiry_ns = expiry_ns;
	lease->deadline_ns = expiry_ns;
	lease->settled = settled;
	hash_insert(&leases->by_id, &lease->link, id_key(&lease->id));
	heap_insert(&leases->by_deadline, &lease->by_deadline);
	return lease;
}

void
lease_free(struct leases *leases, struct mvcc_lease *lease)
{
	ASSERT(lease->keys == NULL);
	hash_remove(&leases->by_id, &lease->link);
	heap_remove(&leases->by_deadline, &lease->by_deadline);
	free(lease);
}

/* ---- keys ------------------------------ */

static void
take_off(struct leases *leases, struct mvcc_key *key)
{
	struct mvcc_attachment *attachment = key->attachment;

	if (attachment->previous != NULL)
		attachment->previous->next = attachment->next;
	else
		attachment->lease->keys = attachment->next;
	if (attachment->next != NULL)
		attachment->next->previous = attachment->previous;
	attachment->lease->key_count--;
	leases->key_count--;
	key->attachment = NULL;
	pool_give(attachment, sizeof(*attachment));
}

void
lease_hang(struct leases *leases, struct mvcc_lease *lease, struct mvcc_key *key)
{
	struct mvcc_attachment *attachment;

	if (lease_of_key(key) == lease)
		return;
	if (key->attachment != NULL)
		take_off(leases, key);
	if (lease == NULL)
		return;
	attachment = pool_take(leases->pool, sizeof(*attachment));
	*attachment = (struct mvcc_attachment){ .lease = lease, .key = key,
		.next = lease->keys };
	if (lease->keys != NULL)
		lease->keys->previous = attachment;
	lease->keys = attachment;
	lease->key_count++;
	leases->key_count++;
	key->attachment = attachment;
}

static int
compare_names(const void *a, const void *b)
{
	const struct mvcc_key *const *left = a, *const *right = b;

	return slice_compare(mvcc_key_name(*left), mvcc_key_name(*right));
}

struct mvcc_key **
lease_keys(const struct mvcc_lease *lease)
{
	struct mvcc_key **keys;
	size_t count = 0;

	if (lease->key_count == 0)
		return NULL;
	keys = xmalloc(lease->key_count * sizeof(struct mvcc_key *));
	for (const struct mvcc_attachment *at = lease->keys; at != NULL; at = at->next)
		keys[count++] = at->key;
	ASSERT(count == lease->key_count);
	return keys;
}

struct mvcc_key **
lease_keys_sorted(const struct mvcc_lease *lease)
{
	struct mvcc_key **keys = lease_keys(lease);

	if (keys != NULL)
		qsort(keys, lease->key_count, sizeof(struct mvcc_key *), compare_names);
	return keys;
}

void
lease_keys_sift(struct mvcc_key **keys, size_t count, size_t place)
{
	struct mvcc_key *sifted = place < count ? keys[place] : NULL;

	for (size_t child; (child = 2 * place + 1) < count; place = child) {
		if (child + 1 < count && compare_names(&keys[child + 1], &keys[child]) < 0)
			child++;
		if (compare_names(&sifted, &keys[child]) <= 0)
			break;
		keys[place] = keys[child];
	}
	if (sifted != NULL)
		keys[place] = sifted;
}

static int
compare_ids(const void *a, const void *b)
{
	const struct mvcc_lease *const *left = a, *const *right = b;

	return ((*left)->id > (*right)->id) - ((*left)->id < (*right)->id);
}

struct mvcc_lease **
leases_sorted(const struct leases *leases)
{
	struct mvcc_lease **sorted;
	size_t count = leases->by_deadline.count;

	if (count == 0)
		return NULL;
	sorted = xmalloc(count * sizeof(struct mvcc_lease *));
	for (size_t i = 0; i < count; i++)
		sorted[i] = lease_of_heap(leases->by_deadline.links[i]);
	qsort(sorted, count, sizeof(struct mvcc_lease *), compare_ids);
	return sorted;
}

const struct mvcc_lease *
leases_any(const struct leases *leases, size_t i)
{
	ASSERT(i < leases->by_deadline.count);
	return lease_of_heap(leases->by_deadline.links[i]);
}

/* ---- time ------------------------------ */

static void
set_deadline(struct leases *leases, struct mvcc_lease *lease, uint64_t deadline_ns)
{
	lease->deadline_ns = MAX_OF(deadline_ns, lease->expiry_ns);
	heap_update(&leases->by_deadline, &lease->by_deadline);
}

void
lease_settle(struct leases *leases, struct mvcc_lease *lease, uint64_t expiry_ns)
{
	lease->settled = expiry_ns != 0;
	lease->settling = false;
	lease->expiry_ns = MAX_OF(lease->expiry_ns, expiry_ns);
	set_deadline(leases, lease, lease->deadline_ns);
}

void
leases_lead(struct leases *leases, uint64_t now_ns)
{
	struct mvcc_lease **sorted = leases_sorted(leases);
	size_t count = leases->by_deadline.count;

	for (size_t i = 0; i < count; i++) {
		struct mvcc_lease *lease = sorted[i];

		lease->settling = false;
		set_deadline(leases, lease, lease->settled ? lease->expiry_ns :
		    now_ns + lease->ttl_s * NS_PER_SECOND);
	}
	free(sorted);
}

enum lease_renewal
lease_renew(struct leases *leases, uint64_t id, uint64_t now_ns, struct mvcc_lease **found)
{
	struct mvcc_lease *lease = lease_find(leases, id);

	*found = lease;
	if (lease == NULL || lease->deadline_ns <= now_ns)
		return LEASE_IS_GONE;
	if (lease->settled || lease->settling)
		return LEASE_IS_SETTLED;
	set_deadline(leases, lease, MAX_OF(lease->deadline_ns,
	    now_ns + lease->ttl_s * NS_PER_SECOND));
	return LEASE_RENEWED;
}

size_t
leases_due(struct leases *leases, uint64_t now_ns, uint64_t *ids, size_t ids_max)
{
	struct mvcc_lease **due = xmalloc((ids_max + 1) * sizeof(struct mvcc_lease *));
	struct heap_link *first;
	size_t count = 0;

	while (count < ids_max && (first = heap_first(&leases->by_deadline)) != NULL &&
	    lease_of_heap(first)->deadline_ns <= now_ns) {
		due[count] = lease_of_heap(first);
		ids[count] = due[count]->id;
		heap_remove(&leases->by_deadline, first);
		count++;
	}
	/* They stay until an entry takes them away: it may never come. */
	for (size_t i = 0; i < count; i++)
		heap_insert(&leases->by_deadline, &due[i]->by_deadline);
	free(due);
	return count;
}

uint64_t
leases_next_deadline(const struct leases *leases)
{
	const struct heap_link *first = heap_first(&leases->by_deadline);

	return first == NULL ? UINT64_MAX : lease_of_heap(first)->deadline_ns;
}

static bool
is_worth_settling(const struct mvcc_lease *lease, uint64_t now_ns, uint64_t long_s)
{
	/* When it was granted or renewed last. */
	uint64_t since_ns = lease->deadline_ns - lease->ttl_s * NS_PER_SECOND;

	return lease->ttl_s > long_s && !lease->settled && !lease->settling &&
	    lease->deadline_ns > now_ns && since_ns + long_s * NS_PER_SECOND <= now_ns;
}

/* The heap's array is as good as any to go round in. */
size_t
leases_to_settle(struct leases *leases, uint64_t now_ns, uint64_t long_s, size_t looks_max,
    struct mvcc_lease **chosen, size_t chosen_max)
{
	size_t all = leases->by_deadline.count, count = 0;

	for (size_t looks = MIN_OF(looks_max, all); looks > 0 && count < chosen_max; looks--) {
		struct mvcc_lease *lease;

		if (leases->next_settled >= all)
			leases->next_settled = 0;
		lease = lease_of_heap(leases->by_deadline.links[leases->next_settled++]);
		if (!is_worth_settling(lease, now_ns, long_s))
			continue;
		lease->settling = true;
		chosen[count++] = lease;
	}
	return count;
}
