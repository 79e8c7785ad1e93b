/*
 * names.c - the ordered names of one directory, as a treap.
 *
 * Owns nothing. Loops, no recursion.
 */
#include "raftd/replica/store/names.h"

#include "common/hash.h"
#include "common/limits.h"

#define PRIORITY_MASK UINT64_C(0x1fffff)
#define SIZE_MASK UINT64_C(0xffff)

_Static_assert(KEY_BYTES_MAX + 64 <= SIZE_MASK, "a name's size fits its 16 bits");

void
name_init(struct name_link *link, uint64_t seed, size_t at, struct slice name)
{
	ASSERT(at <= UINT8_MAX);
	ASSERT(name.size <= SIZE_MASK);
	link->left = NULL;
	link->right = NULL;
	link->priority = hash_bytes(seed, name) & PRIORITY_MASK;
	link->mark = 0;
	link->size = name.size & SIZE_MASK;
	link->at = at & UINT8_MAX;
}

struct name_link *
names_find(struct name_link *root, struct slice name)
{
	while (root != NULL) {
		int order = slice_compare(name, name_of(root));

		if (order == 0)
			break;
		root = order < 0 ? root->left : root->right;
	}
	return root;
}

struct name_link *
names_after(struct name_link *root, struct slice name)
{
	struct name_link *after = NULL;

	while (root != NULL) {
		if (slice_compare(name, name_of(root)) < 0) {
			after = root;
			root = root->left;
		} else {
			root = root->right;
		}
	}
	return after;
}

void
names_insert(struct name_link **root, struct name_link *link)
{
	struct slice name = name_of(link);
	struct name_link **less = &link->left, **more = &link->right;
	struct name_link *rest;

	while (*root != NULL && (*root)->priority >= link->priority)
		root = slice_compare(name, name_of(*root)) < 0 ?
		    &(*root)->left : &(*root)->right;
	rest = *root;
	*root = link;
	/* What was here goes below the link: smaller names left, others right. */
	while (rest != NULL) {
		if (slice_compare(name_of(rest), name) < 0) {
			*less = rest;
			less = &rest->right;
			rest = rest->right;
		} else {
			*more = rest;
			more = &rest->left;
			rest = rest->left;
		}
	}
	*less = NULL;
	*more = NULL;
}

void
names_remove(struct name_link **root, struct name_link *link)
{
	struct slice name = name_of(link);
	struct name_link *left = link->left, *right = link->right;

	while (*root != link) {
		ASSERT(*root != NULL);
		root = slice_compare(name, name_of(*root)) < 0 ?
		    &(*root)->left : &(*root)->right;
	}
	/* Join the two halves by priority in the place that becomes free. */
	while (left != NULL && right != NULL) {
		if (left->priority >= right->priority) {
			*root = left;
			root = &left->right;
			left = left->right;
		} else {
			*root = right;
			root = &right->left;
			right = right->left;
		}
	}
	*root = left != NULL ? left : right;
	link->left = NULL;
	link->right = NULL;
}
