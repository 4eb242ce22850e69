/* The floor of a process start: linked statically, it does nothing at all. */
int main(void) { return 0; }
