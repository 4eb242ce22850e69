// Reads, evaluates and prints at a terminal.

#ifndef ISLET_SDK_SHELL_REPL_H_
#define ISLET_SDK_SHELL_REPL_H_

#include <string>

#include "sdk/shell/session.h"

namespace islet::shell {

// Until Ctrl-D (the end of input), or until something exits. Returns the exit status: 1 if the
// input ends inside a form.
int RunRepl(Session& session);

// Where the history of inputs is kept: islet/history in XDG's state directory (XDG Base Directory
// Specification 0.8), which is made if need be. Empty if there is none.
std::string HistoryFile();

}  // namespace islet::shell

#endif  // ISLET_SDK_SHELL_REPL_H_
