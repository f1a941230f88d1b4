// The function behind the Lambda runtime API.

#pragma once

#include "settings.hpp"
#include "store.hpp"

namespace hits {

/// Runs the function until Lambda ends it, over the store that `choose` chooses. Returns only when it
/// cannot run, as the process's exit status; the reason is on standard error then.
int run(open_store (*choose)(settings const&));

} // namespace hits
