// Where Isolate objects live: in memory that is never freed and never anything else, so that whatever still refers to
// one that has ended can see that it has.
//
// An Isolate is what hosts hold, of one tenancy; Impl is the machine behind it, which a pool gives to one Isolate after
// the other. Those that have ended wait in a queue of their thread before they serve again.

#ifndef ISLET_SDK_ISOLATE_MEMORY_H_
#define ISLET_SDK_ISOLATE_MEMORY_H_

#include <memory>

#include "islet/isolate.h"

namespace islet {

class IsolateMemory {
 public:
  // An Isolate that nobody has entered. Throws std::bad_alloc.
  static Isolate* Attach(std::unique_ptr<Isolate::Impl> impl);
  // Ends the isolate if nobody has entered it, and returns what was behind it; else null.
  static std::unique_ptr<Isolate::Impl> Detach(Isolate* isolate);
  // Ends it now or, if it is in use, when it no longer is. False: it was entered.
  static bool Dispose(Isolate* isolate);
  // Ends one that the calling thread has entered and that runs nothing.
  static std::unique_ptr<Isolate::Impl> End(Isolate* isolate);
  // Ends those that were disposed of while another thread had entered them, and no longer has.
  static void EndLeftovers();
  static Isolate* MakeEnded();

 private:
  struct Queue;
  struct Shared;
  struct OfThread;
  static Shared& All();
  static Isolate* Take();
  static void Put(Isolate* isolate);
};

}  // namespace islet

#endif  // ISLET_SDK_ISOLATE_MEMORY_H_
