// A shared object that carries a snapshot and nothing else. CARRIED is the snapshot's symbol.

#define JOIN3(a, b, c) a##b##c
#define BOUND(name, which) JOIN3(islet_snapshot_, name, which)

extern const unsigned char BOUND(CARRIED, _begin)[];
extern const unsigned char BOUND(CARRIED, _end)[];

__attribute__((visibility("default"))) const unsigned char* carried_begin(void) { return BOUND(CARRIED, _begin); }
__attribute__((visibility("default"))) const unsigned char* carried_end(void) { return BOUND(CARRIED, _end); }
