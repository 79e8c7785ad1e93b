/*
 * parts.c - the rows of part_table.h, and nothing else: a test that has another table is
 * linked without this file.
 */
#include "raftd/replica/part.h"

const struct replica_part *const part_rows[] = {
#define PART(name) &name##_part,
#include "raftd/replica/part_table.h"
};
const size_t part_row_count = ARRAY_COUNT(part_rows);
