/*
 * method_table.h - the methods of HTTP that we know: METHOD(name, bit), in the order in
 * which an answer lists those that are allowed.
 *
 * No guard: included more than once; undefines its macro at the end.
 */
METHOD(HEAD, 1)
METHOD(GET, 0)
METHOD(PUT, 2)
METHOD(POST, 3)
METHOD(DELETE, 4)
METHOD(OPTIONS, 5)
#undef METHOD
