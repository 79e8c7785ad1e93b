/*
 * part_table.h - the parts of the applied state: PART(name) is the struct replica_part name_part,
 * as store_part of store_part.c.
 *
 * Each stands behind those that it asks when it is made or loaded. The order is that of the
 * checksum, too. No guard: included many times; undefines its macro.
 */
PART(store)		/* the tree of keys, its history, who watches */
PART(requests)		/* which requests were applied, and their answers */
PART(members)		/* who is in the cluster, and who was */
PART(config)		/* what all nodes of the cluster agree on */
PART(auth)		/* users and roles */
PART(v3_auth)		/* users and roles of the v3 API */
PART(v3_alarms)		/* alarms of the v3 API, by which its writes are refused */
PART(mvcc)		/* the v3 key space */
#undef PART
