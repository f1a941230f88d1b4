// The routes.

#pragma once

#include <string>

#include "store.hpp"

namespace hits {

/// Answers an event in payload format 2.0, both as JSON; throws bad_event. `instance` is what
/// `/cluster1` and `/cluster2` answer with.
std::string respond(std::string const& event, hit_store& store, std::string const& instance);

} // namespace hits
