#include "burn.hpp"

#include <cstdint>
#include <ctime>

namespace hits {
namespace {

/// Rounds between two looks at the clock: tens of microseconds, so that looking, a system call, is a
/// small part.
constexpr int rounds_per_look = 10'000;

fractional_ms thread_cpu_time()
{
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec};
}

} // namespace

fractional_ms spend_cpu_time(fractional_ms budget)
{
    auto const began = thread_cpu_time();
    std::uint64_t state = 0x9e37'79b9'7f4a'7c15;
    for (;;) {
        auto const spent = thread_cpu_time() - began;
        if (spent >= budget) {
            return spent;
        }
        for (int round = 0; round < rounds_per_look; ++round) {
            // Marsaglia's xorshift64: arithmetic that touches no memory.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
        }
        // The compiler may not skip what something seems to read.
        asm volatile("" : : "r"(state));
    }
}

} // namespace hits
