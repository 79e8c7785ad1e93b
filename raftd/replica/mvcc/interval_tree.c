/*
 * interval_tree.c - see interval_tree.h.
 */
#include "raftd/replica/mvcc/interval_tree.h"

static int
compare_ends(const struct interval *a, const struct interval *b)
{
	if (a->open || b->open)
		return (int)a->open - (int)b->open;
	return slice_compare(a->to, b->to);
}

static int
compare(const struct interval *a, const struct interval *b)
{
	int order = slice_compare(a->from, b->from);

	return order != 0 ? order : compare_ends(a, b);
}

static bool
reaches(const struct interval *interval, struct slice key)
{
	return interval->open || slice_compare(key, interval->to) < 0;
}

/* ---- balance ------------------------------ */

static unsigned
height(const struct interval *node)
{
	return node == NULL ? 0 : node->height;
}

static void
renew(struct interval *node)
{
	const struct interval *far = node;

	if (node->left != NULL && compare_ends(node->left->far, far) > 0)
		far = node->left->far;
	if (node->right != NULL && compare_ends(node->right->far, far) > 0)
		far = node->right->far;
	node->far = far;
	node->height = 1 + MAX_OF(height(node->left), height(node->right));
}

static void
turn_left(struct interval **link)
{
	struct interval *node = *link, *right = node->right;

	node->right = right->left;
	right->left = node;
	*link = right;
	renew(node);
	renew(right);
}

static void
turn_right(struct interval **link)
{
	struct interval *node = *link, *left = node->left;

	node->left = left->right;
	left->right = node;
	*link = left;
	renew(node);
	renew(left);
}

static void
balance(struct interval **link)
{
	struct interval *node = *link;

	renew(node);
	if (height(node->left) > height(node->right) + 1) {
		if (height(node->left->left) < height(node->left->right))
			turn_left(&node->left);
		turn_right(link);
	} else if (height(node->right) > height(node->left) + 1) {
		if (height(node->right->right) < height(node->right->left))
			turn_right(&node->right);
		turn_left(link);
	}
}

static void
balance_all(struct interval **links[], size_t count)
{
	while (count-- > 0)
		if (*links[count] != NULL)
			balance(links[count]);
}

/* ---- members ------------------------------ */

struct interval *
interval_find(const struct interval_tree *tree, struct slice from, struct slice to, bool open)
{
	const struct interval wanted = { .from = from, .to = to, .open = open };
	struct interval *node = tree->root;

	while (node != NULL) {
		int order = compare(&wanted, node);

		if (order == 0)
			return node;
		node = order < 0 ? node->left : node->right;
	}
	return NULL;
}

void
interval_insert(struct interval_tree *tree, struct interval *interval)
{
	struct interval **links[INTERVAL_DEPTH_MAX], **link = &tree->root;
	size_t depth = 0;

	while (*link != NULL) {
		ASSERT(depth < INTERVAL_DEPTH_MAX);
		links[depth++] = link;
		link = compare(interval, *link) < 0 ? &(*link)->left : &(*link)->right;
	}
	interval->left = NULL;
	interval->right = NULL;
	renew(interval);
	*link = interval;
	balance_all(links, depth);
}

void
interval_remove(struct interval_tree *tree, struct interval *interval)
{
	struct interval **links[INTERVAL_DEPTH_MAX], **link = &tree->root, *next;
	size_t depth = 0, at;

	while (*link != interval) {
		ASSERT(*link != NULL);
		links[depth++] = link;
		link = compare(interval, *link) < 0 ? &(*link)->left : &(*link)->right;
	}
	at = depth;
	links[depth++] = link;
	if (interval->left == NULL || interval->right == NULL) {
		*link = interval->left != NULL ? interval->left : interval->right;
	} else {
		struct interval **below = &interval->right;

		while ((*below)->left != NULL) {
			ASSERT(depth < INTERVAL_DEPTH_MAX);
			links[depth++] = below;
			below = &(*below)->left;
		}
		next = *below;
		*below = next->right;
		next->left = interval->left;
		next->right = interval->right;
		*link = next;
		if (depth > at + 1)
			links[at + 1] = &next->right;
	}
	balance_all(links, depth);
}

void
interval_stab(const struct interval_tree *tree, struct slice key,
    void (*visit)(void *argument, struct interval *interval), void *argument)
{
	struct interval *waiting[INTERVAL_DEPTH_MAX + 1];
	size_t count = 0;

	if (tree->root != NULL)
		waiting[count++] = tree->root;
	while (count > 0) {
		struct interval *node = waiting[--count];

		if (!reaches(node->far, key))
			continue;
		if (node->left != NULL)
			waiting[count++] = node->left;
		if (slice_compare(node->from, key) > 0)
			continue;
		if (node->right != NULL)
			waiting[count++] = node->right;
		if (reaches(node, key))
			visit(argument, node);
	}
}

struct interval *
interval_any(const struct interval_tree *tree)
{
	return tree->root;
}

/* ---- as a whole ------------------------------ */

static void
check(const struct interval *node)
{
	struct interval copy = *node;

	renew(&copy);
	ASSERT(copy.height == node->height);
	ASSERT(compare_ends(copy.far == &copy ? node : copy.far, node->far) == 0);
	ASSERT(height(node->left) <= height(node->right) + 1);
	ASSERT(height(node->right) <= height(node->left) + 1);
	ASSERT(node->left == NULL || compare(node->left, node) < 0);
	ASSERT(node->right == NULL || compare(node->right, node) > 0);
}

size_t
interval_invariants(const struct interval_tree *tree)
{
	const struct interval *waiting[INTERVAL_DEPTH_MAX + 1];
	size_t count = 0, all = 0;

	if (tree->root != NULL)
		waiting[count++] = tree->root;
	while (count > 0) {
		const struct interval *node = waiting[--count];

		check(node);
		all++;
		if (node->left != NULL)
			waiting[count++] = node->left;
		if (node->right != NULL)
			waiting[count++] = node->right;
	}
	return all;
}
