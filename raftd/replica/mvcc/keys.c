/*
 * keys.c - see keys.h.
 *
 * A leaf has a bit for each of its keys that lives; an inner node the sums. The first keys in
 * inner nodes are exact: a key that goes is nowhere but in its leaf.
 *
 * A search is slow for the memory that it touches. So an inner node has of each first key the 8
 * bytes behind what all of them begin with: mostly these tell in which child a key is, and the keys
 * themselves need not be looked at.
 *
 * Keys that come in order fill their leaves: one that is full is split at its end if that is
 * where the new key goes.
 */
#include "raftd/replica/mvcc/keys_priv.h"

/* With fewer a node looks for a neighbour to join. */
#define FEW (FAN / 4)
/* They join if there is some room left then: the next key shall not part them again. */
#define JOINED_MAX (FAN * 3 / 4)

/* ---- words -------------------------------------------------------------------------- */

/* The 8 bytes from there on, as a number that is in their order; zeros behind the end. */
static uint64_t
word_of(struct slice name, size_t from)
{
	uint64_t word = 0;

	for (size_t i = from; i < MIN_OF(from + 8, name.size); i++)
		word |= (uint64_t)name.data[i] << (56 - 8 * (i - from));
	return word;
}

static size_t
common_of(struct slice a, struct slice b)
{
	size_t size = MIN_OF(a.size, b.size), common = 0;

	while (common < size && a.data[common] == b.data[common])
		common++;
	return common;
}

/* Of keys in order the first and the last have in common what all have. */
static size_t
common_of_all(const struct mvcc_inner *inner)
{
	return common_of(mvcc_key_name(inner->first[0]),
	    mvcc_key_name(inner->first[inner->node.count - 1]));
}

static void
renew_words(struct mvcc_inner *inner)
{
	if (inner->node.count == 0)
		return;
	inner->common = common_of_all(inner);
	for (unsigned i = 0; i < inner->node.count; i++)
		inner->words[i] = word_of(mvcc_key_name(inner->first[i]), inner->common);
}

/* The first key of a child is another one. */
static void
set_first(struct mvcc_inner *inner, unsigned place, struct mvcc_key *key)
{
	inner->first[place] = key;
	if ((place == 0 || place == inner->node.count - 1) &&
	    common_of_all(inner) < inner->common)
		renew_words(inner);
	else
		inner->words[place] = word_of(mvcc_key_name(key), inner->common);
}

/* ---- nodes ------------------------------ */

static struct mvcc_node *
node_new(struct mvcc_keys *tree, bool is_leaf)
{
	size_t size = is_leaf ? sizeof(struct mvcc_leaf) : sizeof(struct mvcc_inner);
	struct mvcc_node *node;

	tree->bytes += size;
	if (is_leaf) {
		node = &((struct mvcc_leaf *)pool_take(tree->pool, size))->node;
	} else {
		struct mvcc_inner *inner = pool_take(tree->pool, size);

		inner->common = 0;
		node = &inner->node;
	}
	*node = (struct mvcc_node){ 0, 0 };
	return node;
}

static void
node_free(struct mvcc_keys *tree, struct mvcc_node *node, bool is_leaf)
{
	size_t size = is_leaf ? sizeof(struct mvcc_leaf) : sizeof(struct mvcc_inner);

	tree->bytes -= size;
	pool_give(is_leaf ? (void *)leaf_of(node) : (void *)inner_of(node), size);
}

void
mvcc_keys_init(struct mvcc_keys *tree, struct pool *pool)
{
	*tree = (struct mvcc_keys){ .pool = pool };
}

static uint64_t
living_of(const struct mvcc_node *node, bool is_leaf)
{
	uint64_t sum = 0;

	if (is_leaf)
		return bits_count(node->living);
	for (unsigned i = 0; i < node->count; i++)
		sum += inner_of(node)->living[i];
	return sum;
}

static struct mvcc_key *
first_of(const struct mvcc_node *node, bool is_leaf)
{
	return is_leaf ? leaf_of(node)->keys[0] : inner_of(node)->first[0];
}

static void
leaf_insert(struct mvcc_leaf *leaf, unsigned place, struct mvcc_key *key, bool living)
{
	uint32_t below = bits_below(place), bits = leaf->node.living;

	memmove(leaf->keys + place + 1, leaf->keys + place,
	    (leaf->node.count - place) * sizeof(struct mvcc_key *));
	leaf->keys[place] = key;
	leaf->node.living = (bits & below) | (bits & ~below) << 1 | (uint32_t)living << place;
	leaf->node.count++;
}

static void
leaf_remove(struct mvcc_leaf *leaf, unsigned place)
{
	uint32_t below = bits_below(place), bits = leaf->node.living;

	leaf->node.count--;
	memmove(leaf->keys + place, leaf->keys + place + 1,
	    (leaf->node.count - place) * sizeof(struct mvcc_key *));
	leaf->node.living = (bits & below) | (bits >> 1 & ~below);
}

/* Make a hole of one, or close it (by -1 from the place behind it). */
static void
inner_shift(struct mvcc_inner *inner, unsigned from, int by)
{
	unsigned to = by > 0 ? from + 1 : from - 1;
	size_t count = inner->node.count - from;

	memmove(inner->words + to, inner->words + from, count * sizeof(inner->words[0]));
	memmove(inner->first + to, inner->first + from, count * sizeof(inner->first[0]));
	memmove(inner->living + to, inner->living + from, count * sizeof(inner->living[0]));
	memmove(inner->children + to, inner->children + from, count * sizeof(inner->children[0]));
}

static void
inner_insert(struct mvcc_inner *inner, unsigned place, struct mvcc_node *child, bool is_leaf)
{
	inner_shift(inner, place, 1);
	inner->living[place] = living_of(child, is_leaf);
	inner->children[place] = child;
	inner->node.count++;
	set_first(inner, place, first_of(child, is_leaf));
}

static void
inner_remove(struct mvcc_inner *inner, unsigned place)
{
	inner_shift(inner, place + 1, -1);
	inner->node.count--;
}

/* What is at place and behind it goes to the end of right, which has room. */
static void
leaf_move(struct mvcc_leaf *leaf, unsigned place, struct mvcc_leaf *right)
{
	unsigned count = leaf->node.count - place;

	memcpy(right->keys + right->node.count, leaf->keys + place,
	    count * sizeof(struct mvcc_key *));
	if (count > 0)
		right->node.living |= leaf->node.living >> place << right->node.count;
	right->node.count += count;
	leaf->node.count = place;
	leaf->node.living &= bits_below(place);
}

static void
inner_move(struct mvcc_inner *inner, unsigned place, struct mvcc_inner *right)
{
	unsigned count = inner->node.count - place, at = right->node.count;

	memcpy(right->first + at, inner->first + place, count * sizeof(inner->first[0]));
	memcpy(right->living + at, inner->living + place, count * sizeof(inner->living[0]));
	memcpy(right->children + at, inner->children + place,
	    count * sizeof(inner->children[0]));
	right->node.count += count;
	inner->node.count = place;
	renew_words(inner);
	renew_words(right);
}

static void
node_move(struct mvcc_node *node, unsigned place, struct mvcc_node *right, bool is_leaf)
{
	if (is_leaf)
		leaf_move(leaf_of(node), place, leaf_of(right));
	else
		inner_move(inner_of(node), place, inner_of(right));
}

/* ---- search ------------------------------ */

/* How many of them are before name, or at it if through. */
static unsigned
place_of(struct mvcc_key *const *keys, unsigned count, struct slice name, bool through)
{
	unsigned below = 0, above = count;

	while (below < above) {
		unsigned middle = (below + above) / 2;
		int order = slice_compare(mvcc_key_name(keys[middle]), name);

		if (order < 0 || (through && order == 0))
			below = middle + 1;
		else
			above = middle;
	}
	return below;
}

/* How many words are below that one, or at it if through. */
static unsigned
place_of_word(const struct mvcc_inner *inner, uint64_t word, bool through)
{
	unsigned below = 0, above = inner->node.count;

	while (below < above) {
		unsigned middle = (below + above) / 2;

		if (inner->words[middle] < word || (through && inner->words[middle] == word))
			below = middle + 1;
		else
			above = middle;
	}
	return below;
}

/* How many first keys are not behind name. */
static unsigned
count_to(const struct mvcc_inner *inner, struct slice name)
{
	struct slice first = mvcc_key_name(inner->first[0]);
	size_t size = MIN_OF(name.size, inner->common);
	int order = size == 0 ? 0 : memcmp(name.data, first.data, size);
	unsigned from, to;

	if (order != 0 || size < inner->common)
		return order > 0 ? inner->node.count : 0;
	from = place_of_word(inner, word_of(name, size), false);
	to = place_of_word(inner, word_of(name, size), true);
	return from + place_of(inner->first + from, to - from, name, true);
}

/* The child in which name is, if it is anywhere. */
static unsigned
child_of(const struct mvcc_inner *inner, struct slice name)
{
	unsigned count = count_to(inner, name);

	return count == 0 ? 0 : count - 1;
}

/* Those of a leaf that a search looks at first, all at once. */
static void
ask_for(const struct mvcc_leaf *leaf)
{
	unsigned step = leaf->node.count / 8;

	for (unsigned i = 1; step > 0 && i < 8; i++)
		prefetch(leaf->keys[i * step], CACHE_LINE_BYTES);
}

struct mvcc_leaf *
mvcc_keys_descend(const struct mvcc_keys *tree, struct slice name, struct node_path *path)
{
	struct mvcc_node *node = tree->root;

	for (unsigned level = 0; level < tree->depth; level++) {
		path->nodes[level] = node;
		path->places[level] = child_of(inner_of(node), name);
		node = inner_of(node)->children[path->places[level]];
	}
	path->nodes[tree->depth] = node;
	ask_for(leaf_of(node));
	path->places[tree->depth] = place_of(leaf_of(node)->keys, node->count, name, false);
	return leaf_of(node);
}

struct mvcc_key *
mvcc_keys_find(const struct mvcc_keys *tree, struct slice name)
{
	struct node_path path;
	struct mvcc_leaf *leaf;
	unsigned place;

	if (tree->root == NULL)
		return NULL;
	leaf = mvcc_keys_descend(tree, name, &path);
	place = path.places[tree->depth];
	return place < leaf->node.count && slice_equal(mvcc_key_name(leaf->keys[place]), name) ?
	    leaf->keys[place] : NULL;
}

size_t
mvcc_keys_living_before(const struct mvcc_keys *tree, struct slice name)
{
	struct node_path path;
	struct mvcc_leaf *leaf;
	uint64_t sum = 0;

	if (tree->root == NULL)
		return 0;
	leaf = mvcc_keys_descend(tree, name, &path);
	for (unsigned level = 0; level < tree->depth; level++)
		for (unsigned i = 0; i < path.places[level]; i++)
			sum += inner_of(path.nodes[level])->living[i];
	return (size_t)sum + bits_count(leaf->node.living & bits_below(path.places[tree->depth]));
}

/* ---- insertion ------------------------------ */

/* A node and what stands behind it are to be in a new root. */
static void
grow(struct mvcc_keys *tree, struct mvcc_node *right, bool is_leaf)
{
	struct mvcc_node *root = node_new(tree, false);

	inner_insert(inner_of(root), 0, tree->root, is_leaf);
	inner_insert(inner_of(root), 1, right, is_leaf);
	renew_words(inner_of(root));
	tree->root = root;
	tree->depth++;
	ASSERT(tree->depth < MVCC_KEYS_DEPTH_MAX);
}

/* Where a full node is split that gets one more at place. */
static unsigned
split_at(unsigned place)
{
	return place == FAN ? FAN : FAN / 2;
}

/* The node at that level of the path was split: right stands behind it. */
static void
insert_behind(struct mvcc_keys *tree, struct node_path *path, unsigned level,
    struct mvcc_node *right)
{
	bool is_leaf = level == tree->depth;

	while (level-- > 0) {
		struct mvcc_inner *inner = inner_of(path->nodes[level]);
		unsigned place = path->places[level] + 1, at = split_at(place);
		struct mvcc_node *behind;

		inner->living[place - 1] -= living_of(right, is_leaf);
		if (inner->node.count < FAN) {
			inner_insert(inner, place, right, is_leaf);
			return;
		}
		behind = node_new(tree, false);
		inner_move(inner, at, inner_of(behind));
		if (place < at)
			inner_insert(inner, place, right, is_leaf);
		else
			inner_insert(inner_of(behind), place - at, right, is_leaf);
		right = behind;
		is_leaf = false;
	}
	grow(tree, right, is_leaf);
}

/* On the way down: a key comes below, maybe before all others. */
static void
note_insertion(struct node_path *path, unsigned depth, struct mvcc_key *key, bool living)
{
	bool first = path->places[depth] == 0;

	for (unsigned level = depth; level-- > 0;) {
		struct mvcc_inner *inner = inner_of(path->nodes[level]);

		inner->living[path->places[level]] += living;
		if (first)
			set_first(inner, path->places[level], key);
		first = first && path->places[level] == 0;
	}
}

void
mvcc_keys_insert(struct mvcc_keys *tree, struct mvcc_key *key, bool living)
{
	struct mvcc_node *right;
	struct node_path path;
	struct mvcc_leaf *leaf;
	unsigned place, at;

	if (tree->root == NULL)
		tree->root = node_new(tree, true);
	leaf = mvcc_keys_descend(tree, mvcc_key_name(key), &path);
	place = path.places[tree->depth];
	at = split_at(place);
	tree->count++;
	tree->living += living;
	note_insertion(&path, tree->depth, key, living);
	if (leaf->node.count < FAN) {
		leaf_insert(leaf, place, key, living);
		return;
	}
	right = node_new(tree, true);
	leaf_move(leaf, at, leaf_of(right));
	if (place < at)
		leaf_insert(leaf, place, key, living);
	else
		leaf_insert(leaf_of(right), place - at, key, living);
	insert_behind(tree, &path, tree->depth, right);
}

void
mvcc_keys_set_living(struct mvcc_keys *tree, const struct mvcc_key *key, bool living)
{
	struct node_path path;
	struct mvcc_leaf *leaf = mvcc_keys_descend(tree, mvcc_key_name(key), &path);
	uint32_t bit = 1u << path.places[tree->depth];

	ASSERT(leaf->keys[path.places[tree->depth]] == key);
	ASSERT(((leaf->node.living & bit) != 0) != living);
	leaf->node.living ^= bit;
	for (unsigned level = 0; level < tree->depth; level++)
		inner_of(path.nodes[level])->living[path.places[level]] += living ? 1 :
		    UINT64_MAX;
	tree->living = living ? tree->living + 1 : tree->living - 1;
}

/* ---- removal ------------------------------ */

/* The node at that level begins with another key now. */
static void
note_first(struct node_path *path, unsigned level, struct mvcc_key *first)
{
	while (level-- > 0) {
		set_first(inner_of(path->nodes[level]), path->places[level], first);
		if (path->places[level] != 0)
			return;
	}
}

/* The child at place and the one behind it become one, if that has room left. */
static bool
join(struct mvcc_keys *tree, struct mvcc_inner *inner, unsigned place, bool is_leaf)
{
	struct mvcc_node *left, *right;

	if (place + 1 >= inner->node.count)
		return false;
	left = inner->children[place];
	right = inner->children[place + 1];
	if (left->count + right->count > JOINED_MAX)
		return false;
	node_move(right, 0, left, is_leaf);
	inner->living[place] += inner->living[place + 1];
	inner_remove(inner, place + 1);
	node_free(tree, right, is_leaf);
	return true;
}

/* Something went from the leaf of the path. */
static void
rebalance(struct mvcc_keys *tree, struct node_path *path)
{
	for (unsigned level = tree->depth; level > 0; level--) {
		struct mvcc_node *node = path->nodes[level];
		struct mvcc_inner *inner = inner_of(path->nodes[level - 1]);
		unsigned place = path->places[level - 1];
		bool is_leaf = level == tree->depth;

		if (node->count == 0) {
			inner_remove(inner, place);
			node_free(tree, node, is_leaf);
			if (place == 0 && inner->node.count > 0)
				note_first(path, level - 1, inner->first[0]);
		} else if (node->count >= FEW || (!join(tree, inner, place, is_leaf) &&
		    (place == 0 || !join(tree, inner, place - 1, is_leaf)))) {
			return;
		}
	}
}

void
mvcc_keys_remove(struct mvcc_keys *tree, const struct mvcc_key *key)
{
	struct node_path path;
	struct mvcc_leaf *leaf = mvcc_keys_descend(tree, mvcc_key_name(key), &path);
	unsigned place = path.places[tree->depth];
	struct mvcc_node *root;

	ASSERT(leaf->keys[place] == key);
	ASSERT((leaf->node.living & 1u << place) == 0);
	leaf_remove(leaf, place);
	tree->count--;
	if (place == 0 && leaf->node.count > 0)
		note_first(&path, tree->depth, leaf->keys[0]);
	rebalance(tree, &path);
	while (tree->depth > 0 && tree->root->count == 1) {
		root = inner_of(tree->root)->children[0];
		node_free(tree, tree->root, false);
		tree->root = root;
		tree->depth--;
	}
	if (tree->root->count == 0) {
		node_free(tree, tree->root, tree->depth == 0);
		tree->root = NULL;
		tree->depth = 0;
	}
}

/* ---- as a whole ------------------------------ */

/* All nodes below the root, each after those below it; what is done to a leaf is told. */
static void
for_each_node(const struct mvcc_keys *tree, void (*visit)(void *argument, struct mvcc_node *node,
    bool is_leaf), void *argument)
{
	struct node_path path;
	unsigned level = 0;

	if (tree->root == NULL)
		return;
	path.nodes[0] = tree->root;
	path.places[0] = 0;
	for (;;) {
		bool is_leaf = level == tree->depth;

		if (!is_leaf && path.places[level] < path.nodes[level]->count) {
			path.nodes[level + 1] =
			    inner_of(path.nodes[level])->children[path.places[level]++];
			path.places[++level] = 0;
			continue;
		}
		visit(argument, path.nodes[level], is_leaf);
		if (level-- == 0)
			return;
	}
}

struct freeing {
	struct mvcc_keys *tree;
	bool keys;
};

static void
free_node(void *argument, struct mvcc_node *node, bool is_leaf)
{
	const struct freeing *freeing = argument;

	for (unsigned i = 0; is_leaf && freeing->keys && i < node->count; i++)
		mvcc_key_free(leaf_of(node)->keys[i]);
	node_free(freeing->tree, node, is_leaf);
}

void
mvcc_keys_free(struct mvcc_keys *tree, bool free_keys)
{
	struct freeing freeing = { tree, free_keys };

	for_each_node(tree, free_node, &freeing);
	mvcc_keys_init(tree, tree->pool);
}

static void
check_node(void *argument, struct mvcc_node *node, bool is_leaf)
{
	size_t *sums = argument;

	ASSERT(node->count > 0);
	ASSERT(node->count <= FAN);
	if (is_leaf) {
		sums[0] += node->count;
		sums[1] += bits_count(node->living);
		ASSERT((node->living & ~bits_below(node->count)) == 0);
		for (unsigned i = 0; i < node->count; i++)
			ASSERT(((node->living >> i & 1) != 0) ==
			    (mvcc_key_living(leaf_of(node)->keys[i]) != NULL));
		return;
	}
	ASSERT(inner_of(node)->common <= common_of_all(inner_of(node)));
	for (unsigned i = 0; i < node->count; i++) {
		struct slice name = mvcc_key_name(inner_of(node)->first[i]);

		ASSERT(inner_of(node)->words[i] == word_of(name, inner_of(node)->common));
		ASSERT(i == 0 ||
		    slice_compare(mvcc_key_name(inner_of(node)->first[i - 1]), name) < 0);
	}
}

/* Sums and first keys of the children of the lowest inner nodes, and of all above. */
static void
check_children(const struct mvcc_keys *tree)
{
	struct mvcc_walk walk;
	size_t place = 0, living = 0;
	struct mvcc_key *before = NULL;

	for (struct mvcc_key *key = mvcc_walk_from(&walk, tree, false, SLICE_EMPTY, false);
	    key != NULL; key = mvcc_walk_next(&walk)) {
		bool first = true;

		ASSERT(before == NULL ||
		    slice_compare(mvcc_key_name(before), mvcc_key_name(key)) < 0);
		before = key;
		place++;
		living += mvcc_key_living(key) != NULL;
		for (unsigned level = tree->depth; level-- > 0;) {
			const struct mvcc_inner *inner = inner_of(walk.nodes[level]);
			unsigned at = walk.places[level];

			first = first && walk.places[level + 1] == 0;
			if (first)
				ASSERT(inner->first[at] == key);
			ASSERT(inner->living[at] == living_of(inner->children[at],
			    level + 1 == tree->depth));
		}
	}
	ASSERT(place == tree->count);
	ASSERT(living == tree->living);
}

void
mvcc_keys_invariants(const struct mvcc_keys *tree)
{
	size_t sums[2] = { 0, 0 };

	for_each_node(tree, check_node, sums);
	ASSERT(sums[0] == tree->count);
	ASSERT(sums[1] == tree->living);
	check_children(tree);
}
