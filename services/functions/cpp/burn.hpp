// CPU time, spent on purpose.

#pragma once

#include <chrono>

namespace hits {

/// Milliseconds and their fractions.
using fractional_ms = std::chrono::duration<double, std::milli>;

/// Spends this much of this thread's CPU time and returns how much it was.
fractional_ms spend_cpu_time(fractional_ms budget);

} // namespace hits
